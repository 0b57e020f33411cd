//! Applies a plan and proves it: write, read everything again, and put all of it back where an agent does not do what the
//! plan predicted.

use std::fmt;

use thiserror::Error;

use crate::agents::{self, Context, Restart};
use crate::edit::Masker;
use crate::host::journal::Journal;
use crate::host::writer::{Action, Applied, ApplyError, KeyringWriter, Writer};
use crate::host::{RealWorld, World};
use crate::plan::{Plan, Prediction, SlotId};
use crate::provider::Catalogue;
use crate::secret::{Mask, Secret};

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

/// A plan that was written and looked at again.
#[derive(Clone, Debug)]
pub struct Written {
    /// The action's id in the history, and what to know about the write.
    pub applied: Applied,
    /// What the slots concerned send now.
    pub now: Vec<Now>,
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

/// Writes `plan` and looks at the slots again. `new` is the key that the plan brings.
pub fn apply(bench: Bench<'_>, plan: &Plan, new: &Secret) -> Result<Written, WriteFailure> {
    let before = (bench.world)();
    let writer = Writer::new(Journal::of(&before), bench.keyring, before.now_ms());
    let applied = writer.apply(&Action::of(plan), &plan.changes)?;
    let after = (bench.world)();
    let now: Vec<Now> =
        plan.predictions.iter().map(|predicted| look(bench, &after, &predicted.slot, new)).collect();
    let broken = plan
        .predictions
        .iter()
        .zip(&now)
        .find(|(predicted, now)| predicted.prediction == Prediction::SendsNew && !now.is_new);
    let Some((predicted, seen)) = broken else { return Ok(Written { applied, now }) };
    let slot = predicted.slot.clone();
    let instead = seen.sends.as_ref().map_or_else(|| "no key".to_owned(), ToString::to_string);
    match writer.undo(&applied.id, &Masker::new(bench.catalogue, [new.clone()])) {
        Ok(_) => Err(WriteFailure::PutBack { slot, instead: format!("it sends {instead}") }),
        Err(cause) => Err(WriteFailure::Stranded { slot, cause: Box::new(cause) }),
    }
}

fn look(bench: Bench<'_>, world: &dyn World, id: &SlotId, new: &Secret) -> Now {
    let context = Context { world, catalogue: bench.catalogue };
    let agent = agents::find(id.agent);
    let findings = agent.and_then(|agent| (agent.scan)(&context));
    let slot = findings.as_ref().and_then(|findings| id.find(&findings.slots));
    let sent = slot.and_then(|slot| slot.sent());
    Now {
        slot: id.clone(),
        sends: sent.map(|sent| bench.catalogue.mask(&sent.key)),
        is_new: sent.is_some_and(|sent| sent.key == *new),
        restart: agent.zip(slot).and_then(|(agent, slot)| (agent.restart)(&context, slot)),
    }
}

/// What an undo would do: the action, and its changes for the review.
pub fn undo_plan(
    bench: Bench<'_>,
    id: Option<&str>,
) -> Result<(crate::host::journal::Manifest, Vec<crate::plan::Change>), ApplyError> {
    let world = (bench.world)();
    let writer = Writer::new(Journal::of(&world), bench.keyring, world.now_ms());
    let action = match id {
        Some(id) => writer.journal.read(id)?,
        None => writer.last().ok_or(ApplyError::NothingToUndo)?,
    };
    let changes = writer.undo_changes(&action.id, &masker(bench, &world))?;
    Ok((action, changes))
}

/// Undoes an action, byte for byte.
pub fn undo(bench: Bench<'_>, id: &str) -> Result<Applied, ApplyError> {
    let world = (bench.world)();
    let writer = Writer::new(Journal::of(&world), bench.keyring, world.now_ms());
    writer.undo(id, &masker(bench, &world))
}

/// Ends what a kill interrupted; one line for each action that was put back or needs a look.
#[must_use]
pub fn recover(bench: Bench<'_>) -> Vec<String> {
    let world = (bench.world)();
    let writer = Writer::new(Journal::of(&world), bench.keyring, world.now_ms());
    let lines = writer.recover();
    writer.journal.expire(world.now_ms());
    lines
}

/// A masker that knows every key of the machine as it is now.
fn masker<'a>(bench: Bench<'a>, world: &dyn World) -> Masker<'a> {
    let scan = super::scan_all(world, bench.catalogue);
    Masker::new(bench.catalogue, scan.keys.into_iter().map(|view| view.key))
}
