//! Keys of a provider that a connection does not have and another one on this machine does.

use std::collections::HashSet;

use super::{KeyView, Scan};
use crate::hygiene::{self, Cleaned, Nature, clean_secret};
use crate::provider::Catalogue;
use crate::remedy::Spare;
use crate::resolve::Slot;
use crate::secret::Secret;

/// As many are offered and tested: a person with ten thousand keys has no use for a longer list.
const MOST: usize = 12;

/// The clean keys of the slot's own provider that are somewhere else: by the connection that they are kept for, or by
/// their form. At most twelve.
#[must_use]
pub fn of(scan: &Scan, slot: &Slot, catalogue: &Catalogue) -> Vec<Spare> {
    let Some(provider) = slot.provider.as_deref() else { return Vec::new() };
    let own: HashSet<&Secret> = slot.candidates.iter().filter_map(|one| one.value.secret()).collect();
    let place = |view: &KeyView, key: &Secret| {
        let named = catalogue.recognise(key).best().map(|best| best.provider.id.as_str());
        view.places.iter().find_map(|(at, index)| {
            let holder = scan.slot(*at)?;
            let fits = named.map_or(holder.provider.as_deref() == Some(provider), |id| id == provider);
            fits.then(|| holder.candidates.get(*index)).flatten().map(|candidate| &candidate.place)
        })
    };
    // A text that nothing has to be taken off is what it looks like: it is only cleaned where it is of this provider.
    let elsewhere = |view: &KeyView| !view.key.any_char(is_odd) && place(view, &view.key).is_none();
    let mut all: Vec<Spare> = Vec::new();
    for view in scan.keys.iter().filter(|view| !own.contains(&view.key) && !elsewhere(view)) {
        let Cleaned::Accepted(found) = clean_secret(&view.key, catalogue, Some(provider)) else { continue };
        let Some(place) = place(view, &found.key) else { continue };
        let nature = || hygiene::nature(&found.key, Some(provider), catalogue);
        if found.doubts.is_empty()
            && !all.iter().any(|other| other.key == found.key)
            && nature() == Nature::Key
        {
            all.push(Spare { key: found.key, place: place.clone() });
        }
        if all.len() == MOST {
            break;
        }
    }
    all
}

/// Whether a character may have to be taken off a key.
fn is_odd(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !"_-".contains(c)
}
