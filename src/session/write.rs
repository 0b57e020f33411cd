//! Applies a plan and proves it: write, read everything again, and put all of it back where an agent does not do what the
//! plan predicted. And the way back.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::holding::{self, Due};
use super::standing;
use crate::agents::{self, Context, Restart};
use crate::edit::Masker;
use crate::host::journal::{Journal, Manifest, State};
use crate::host::writer::{Action, Applied, ApplyError, Back, KeyringWriter, Writer};
use crate::host::{RealWorld, World};
use crate::plan::{self, Plan, Prediction, SlotId};
use crate::provider::Catalogue;
use crate::resolve::Slot;
use crate::secret::{Mask, Secret};
use crate::settings::Settings;
use crate::source::Place;

/// What a write works with.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// Makes a fresh view of the machine.
    pub world: &'a dyn Fn() -> RealWorld,
    /// The providers.
    pub catalogue: &'a Catalogue,
    /// The keyring.
    pub keyring: &'a dyn KeyringWriter,
}

impl fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bench")
    }
}

impl<'a> Bench<'a> {
    pub(super) fn writer(&self, world: &dyn World) -> Writer<'a> {
        let keep = Settings::of(world).keep;
        Writer { keep, ..Writer::new(Journal::of(world), self.keyring, world.now_ms()) }
    }

    /// A masker that knows every key of the machine as it is now.
    fn masker(&self, world: &dyn World) -> Masker<'a> {
        let scan = super::scan_all(world, self.catalogue);
        Masker::new(self.catalogue, scan.keys.into_iter().map(|view| view.key))
    }
}

/// What a slot sends after a write.
#[derive(Clone, Debug)]
pub struct Now {
    /// The slot.
    pub slot: SlotId,
    /// The key that leaves, masked; none where none does.
    pub sends: Option<Mask>,
    /// It is the new key.
    pub is_new: bool,
    /// What has to be restarted for it.
    pub restart: Option<Restart>,
}

/// One place of a plan, read again after the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceNow {
    /// Where.
    pub place: Place,
    /// The new key stands there.
    pub new_there: bool,
    /// The old key does not.
    pub old_gone: bool,
}

/// Where the old key still stands after a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where.
    pub place: Place,
    /// Why it was not changed, or none where it could have been.
    pub why: Option<String>,
}

/// A plan that was written and looked at again.
#[derive(Clone, Debug)]
pub struct Written {
    /// The action's id in the history, and what to know about the write.
    pub applied: Applied,
    /// What the slots concerned send now.
    pub now: Vec<Now>,
    /// The places of the plan, as they read now.
    pub places: Vec<PlaceNow>,
    /// Where else an agent could find the old key.
    pub left: Vec<Left>,
    /// Files that hold the old key and that no agent reads.
    pub copies: Vec<PathBuf>,
}

impl Written {
    /// What has to be restarted, each once, and for which slot.
    #[must_use]
    pub fn due(&self) -> Vec<Due> {
        let mut all: Vec<Due> = Vec::new();
        for now in &self.now {
            let Some(restart) = now.restart.clone() else { continue };
            let same = |other: &Due| {
                other.restart.processes == restart.processes && other.restart.command == restart.command
            };
            match all.iter_mut().find(|other| same(other)) {
                // Two slots of one process: the worse one counts.
                Some(other) if other.restart.certainty <= restart.certainty => {}
                Some(other) => *other = Due { slot: now.slot.clone(), restart },
                None => all.push(Due { slot: now.slot.clone(), restart }),
            }
        }
        all
    }
}

/// Why a write did not stand.
#[derive(Debug, Error)]
pub enum WriteFailure {
    /// It was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// It was applied, an agent did not do what was predicted, and everything was put back.
    #[error("{slot} still does not send the new key, so everything was put back")]
    PutBack {
        /// The slot.
        slot: SlotId,
        /// What it does instead, in words.
        instead: String,
    },
    /// As above, and putting back failed.
    #[error("{slot} does not send the new key, and putting back failed: {cause}")]
    Stranded {
        /// The slot.
        slot: SlotId,
        /// Why.
        cause: Box<ApplyError>,
    },
}

impl WriteFailure {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Apply(error) => error.hint().to_owned(),
            Self::PutBack { instead, .. } => {
                format!("now: {instead}; scan again, something changed meanwhile")
            }
            Self::Stranded { cause, .. } => cause.hint().to_owned(),
        }
    }
}

/// Writes `plan` and looks at the slots and places again. `new` is the key that the plan brings.
pub fn apply(bench: Bench<'_>, plan: &Plan, new: &Secret) -> Result<Written, WriteFailure> {
    let before = (bench.world)();
    let writer = bench.writer(&before);
    let mut applied = writer.apply(&Action::of(plan, new), &plan.changes)?;
    for note in plan.places.iter().filter_map(standing::afterwards) {
        if !applied.notes.contains(&note) {
            applied.notes.push(note);
        }
    }
    let after = (bench.world)();
    let now: Vec<Now> =
        plan.predictions.iter().map(|predicted| look(bench, &after, &predicted.slot, new)).collect();
    let broken = plan
        .predictions
        .iter()
        .zip(&now)
        .find(|(predicted, now)| predicted.prediction == Prediction::SendsNew && !now.is_new);
    let Some((predicted, seen)) = broken else {
        let old = plan.replaced.as_ref().filter(|old| *old != new);
        let (left, copies) = old.map(|old| left_over(bench, &after, old)).unwrap_or_default();
        return Ok(Written { applied, now, places: places_now(&after, plan, new, old), left, copies });
    };
    let slot = predicted.slot.clone();
    let instead = seen.sends.as_ref().map_or_else(|| "no key".to_owned(), ToString::to_string);
    match writer.undo(&applied.id, Back::Exact, &Masker::new(bench.catalogue, [new.clone()])) {
        Ok(_) => Err(WriteFailure::PutBack { slot, instead: format!("it sends {instead}") }),
        Err(cause) => Err(WriteFailure::Stranded { slot, cause: Box::new(cause) }),
    }
}

fn look(bench: Bench<'_>, world: &dyn World, id: &SlotId, new: &Secret) -> Now {
    let context = Context { world, catalogue: bench.catalogue };
    let agent = agents::find(id.agent);
    let findings = agent.and_then(|agent| agent.scan(&context));
    let slot = findings.as_ref().and_then(|findings| id.find(&findings.slots));
    let sent = slot.and_then(Slot::sent);
    Now {
        slot: id.clone(),
        sends: sent.map(|sent| bench.catalogue.mask(&sent.key)),
        is_new: sent.is_some_and(|sent| sent.key == *new),
        restart: agent.zip(slot).and_then(|(agent, slot)| holding::restart(&context, agent, slot)),
    }
}

/// Reads the plan's places again, without any agent's rules.
fn places_now(world: &dyn World, plan: &Plan, new: &Secret, old: Option<&Secret>) -> Vec<PlaceNow> {
    let read = |place: &Place| {
        let stands = plan::key_at(world, place);
        PlaceNow {
            place: place.clone(),
            new_there: stands.as_ref().is_some_and(|text| text.holds(new)),
            old_gone: !stands.zip(old).is_some_and(|(text, old)| text.holds(old)),
        }
    };
    plan.places.iter().map(read).collect()
}

/// Where an agent could still find the old key, and the files with it that no agent reads.
fn left_over(bench: Bench<'_>, world: &dyn World, old: &Secret) -> (Vec<Left>, Vec<PathBuf>) {
    let scan = super::scan_all(world, bench.catalogue);
    let spots = scan.view(old).map(|view| scan.spots(view)).unwrap_or_default();
    let left = |spot: &standing::Spot<'_>| Left {
        place: spot.candidate.place.clone(),
        why: spot.tried(world, bench.catalogue).err(),
    };
    let mut all: Vec<Left> = spots.iter().map(left).collect();
    all.extend(standing::elsewhere(world, &scan, old).into_iter().map(|(file, lines)| {
        let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let why = format!("in line {lines}, where no agent takes it for its own");
        Left { place: Place::File { file }, why: Some(why) }
    }));
    let unread = scan.agents.iter().flat_map(|scanned| &scanned.findings.troubles);
    for (file, trouble) in unread {
        let place = Place::File { file: file.clone() };
        if all.iter().all(|left| left.place != place) {
            all.push(Left { place, why: Some(format!("{trouble}: whether it stands there cannot be told")) });
        }
    }
    (all, standing::copies(world, &scan, old))
}

/// What an undo would do: the action, and its changes for the review. An interrupted action is ended by its undo; it
/// comes before all others.
pub fn undo_plan(
    bench: Bench<'_>,
    id: Option<&str>,
    how: Back,
) -> Result<(Manifest, Vec<plan::Change>), ApplyError> {
    let world = (bench.world)();
    let writer = bench.writer(&world);
    let action = if let Some(id) = id {
        writer.journal.read(id)?
    } else {
        let interrupted = writer.interrupted().into_iter().next();
        interrupted.or_else(|| writer.last()).ok_or(ApplyError::NothingToUndo)?
    };
    let masker = bench.masker(&world);
    let changes = match action.state {
        State::Planned => writer.left_by(&action, &masker)?,
        _ => writer.undo_changes(&action.id, how, &masker)?,
    };
    Ok((action, changes))
}

/// Undoes an action: byte for byte, or as `how` says where somebody edited since. Ends an interrupted one.
pub fn undo(bench: Bench<'_>, id: &str, how: Back) -> Result<Applied, ApplyError> {
    let world = (bench.world)();
    let writer = bench.writer(&world);
    let mut applied = match writer.journal.read(id)?.state {
        State::Planned => writer.end(id)?,
        _ => writer.undo(id, how, &bench.masker(&world))?,
    };
    if let Some(home) = world.home().map(|home| format!("{}/", home.display())) {
        applied.notes.iter_mut().for_each(|note| *note = note.replace(&home, "~/"));
    }
    Ok(applied)
}

/// Closes what a kill interrupted and needs no change; one line for each.
#[must_use]
pub fn settle(bench: Bench<'_>) -> Vec<String> {
    let world = (bench.world)();
    let writer = bench.writer(&world);
    let lines = writer.settle();
    writer.journal.expire(world.now_ms(), writer.keep);
    lines
}

/// What a kill interrupted and is not ended, newest first.
#[must_use]
pub fn interrupted(bench: Bench<'_>) -> Vec<Manifest> {
    bench.writer(&(bench.world)()).interrupted()
}
