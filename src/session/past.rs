//! What was written, what other programs did there since, and what of it is lost.

use super::Scan;
use super::write::Bench;
use crate::host::journal::{Manifest, State, Unusable};
use crate::host::writer::{self, ApplyError, Since};
use crate::plan::{self, PlacedKey};
use crate::secret::Secret;
use crate::source::Place;
use crate::world::World;

/// One action of the history, and what became of its places.
#[derive(Clone, Debug)]
pub struct Past {
    /// The action.
    pub action: Manifest,
    /// What became of each of its items; all as written for an action that no longer holds.
    pub since: Vec<Since>,
    /// Where its key was lost and can be brought back.
    pub places: Vec<Place>,
}

impl Past {
    /// Whether the new key of this action was taken away somewhere, so that it can be brought back.
    #[must_use]
    pub fn lost(&self) -> bool {
        !self.places.is_empty()
    }
}

/// Everything in the history, newest first, and what of it cannot be used. Only the newest action at a place tells
/// what another program did there: what an older one wrote was replaced by keymend itself.
#[must_use]
pub fn history(bench: Bench<'_>) -> (Vec<Past>, Vec<Unusable>) {
    let world = (bench.world)();
    let writer = bench.writer(&world);
    let (all, bad) = writer.journal.history();
    let mut newer: Vec<String> = Vec::new();
    let past = all.into_iter().map(|action| {
        let there = action.state == State::Written && action.undoes.is_none();
        let looked = if there { writer.trace(&action) } else { Vec::new() };
        let shown: Vec<String> = action.items.iter().map(|item| item.place.show(None)).collect();
        let (mut since, mut places) = (Vec::new(), Vec::new());
        for (at, place) in shown.iter().enumerate() {
            match looked.get(at).filter(|_| !newer.contains(place)) {
                Some(trace) => {
                    since.push(trace.since);
                    places.extend(trace.lost.iter().cloned());
                }
                None => since.push(Since::AsWritten),
            }
        }
        newer.extend(shown);
        Past { action, since, places }
    });
    (past.collect(), bad)
}

/// What another program took back since keymend wrote it, for a plan that brings it back.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The action.
    pub action: Manifest,
    /// Where its new key is gone, and what is there now.
    pub places: Vec<PlacedKey>,
    /// The action's new key, where it is still somewhere else on this machine. keymend keeps none.
    pub key: Option<Secret>,
}

/// Looks for what another program took back of an action; of the newest one that lost something without an id.
pub fn lost(bench: Bench<'_>, id: Option<&str>) -> Result<Lost, ApplyError> {
    let (all, _) = history(bench);
    let named = |past: &&Past| id.map_or_else(|| past.lost(), |id| past.action.id == id);
    let past = all.iter().find(named).ok_or(ApplyError::NothingLost)?;
    if past.places.is_empty() {
        return Err(ApplyError::NothingLost);
    }
    let places = past.places.clone();
    let world = (bench.world)();
    let scan = super::scan_all(&world, bench.catalogue);
    let mut keys = scan.keys.iter().map(|view| &view.key);
    let key = keys.find(|key| writer::is_key_of(&past.action, key)).cloned();
    let places =
        places.into_iter().map(|place| PlacedKey { key: standing_key(&world, &scan, &place), place });
    Ok(Lost { action: past.action.clone(), places: places.collect(), key })
}

/// The key at a place: the longest known one in its text, else the text.
fn standing_key(world: &dyn World, scan: &Scan, place: &Place) -> Option<Secret> {
    let text = plan::key_at(world, place).filter(|text| !text.is_empty())?;
    let known = scan.keys.iter().map(|view| &view.key).filter(|key| text.holds(key));
    Some(known.max_by_key(|key| key.len()).cloned().unwrap_or(text))
}
