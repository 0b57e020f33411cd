//! Keys of a provider that a connection does not have and another one on this machine does.

use super::Scan;
use crate::hygiene::{self, Cleaned, Nature, clean_secret};
use crate::provider::Catalogue;
use crate::remedy::Spare;
use crate::resolve::Slot;
use crate::secret::Secret;

/// The clean keys of the slot's own provider that are somewhere else: by the connection that they are kept for, or by
/// their form.
#[must_use]
pub fn of(scan: &Scan, slot: &Slot, catalogue: &Catalogue) -> Vec<Spare> {
    let Some(provider) = slot.provider.as_deref() else { return Vec::new() };
    let own = |key: &Secret| slot.candidates.iter().any(|one| one.value.secret() == Some(key));
    let mut all: Vec<Spare> = Vec::new();
    for view in &scan.keys {
        let Cleaned::Accepted(found) = clean_secret(&view.key, catalogue, Some(provider)) else { continue };
        if own(&view.key) || all.iter().any(|other| other.key == found.key) {
            continue;
        }
        let named = catalogue.recognise(&found.key).best().map(|best| best.provider.id.clone());
        let here = view.places.iter().find_map(|(at, index)| {
            let holder = scan.slot(*at)?;
            let fits =
                named.as_deref().map_or(holder.provider.as_deref() == Some(provider), |id| id == provider);
            fits.then(|| holder.candidates.get(*index))?
        });
        let Some(candidate) = here else { continue };
        if found.doubts.is_empty() && hygiene::nature(&found.key, Some(provider), catalogue) == Nature::Key {
            all.push(Spare { key: found.key, place: candidate.place.clone() });
        }
    }
    all
}
