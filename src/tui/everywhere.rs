//! Every place of one key, and what a new key would do there.

use std::collections::BTreeSet;

use crate::secret::Secret;
use crate::session::key_places::{self, Spot};
use crate::session::{KeyView, SlotRef};
use crate::source::Place;

use super::core::Core;

/// What a new key would do at each place, in its agent's words, or why it cannot be written there.
pub type Effects = [(Place, Result<String, String>)];

/// The entry of a key in the last scan.
#[must_use]
pub fn view<'a>(core: &'a Core, key: &Secret) -> Option<&'a KeyView> {
    core.known.scan().keys.iter().find(|view| view.key == *key)
}

/// What a new key of this company would do at a place: in its agent's words as soon as they are there.
pub fn change(
    core: &Core,
    effects: &Effects,
    company: Option<&str>,
    spot: &Spot<'_>,
) -> Result<String, String> {
    if let Some(other) = spot.stranger(&core.known.catalogue, company) {
        return Err(key_places::stranger_words(other));
    }
    let place = &spot.candidate.place;
    let named = effects.iter().find(|(other, _)| other.same_spot(place));
    named.map_or_else(|| spot.change().map(ToOwned::to_owned), |(_, effect)| effect.clone())
}

/// The places of this key that a new one can be written to.
#[must_use]
pub fn places(core: &Core, effects: &Effects, view: &KeyView) -> Vec<Place> {
    let company = core.known.scan().company(&core.known.catalogue, view);
    let spots = core.known.scan().spots(view).into_iter();
    let can = spots.filter(|spot| change(core, effects, company, spot).is_ok());
    can.map(|spot| spot.candidate.place.clone()).collect()
}

/// The connections that read one of these places of a key.
#[must_use]
pub fn readers(core: &Core, view: &KeyView, places: &[Place]) -> Vec<SlotRef> {
    let spots = core.known.scan().spots(view);
    let chosen = spots.iter().filter(|spot| places.contains(&spot.candidate.place));
    let slots: BTreeSet<SlotRef> = chosen.flat_map(|spot| spot.slots.iter().map(|(at, ..)| *at)).collect();
    slots.into_iter().collect()
}
