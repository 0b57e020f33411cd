//! Applies a plan and proves it: write, read everything again, and put all of it back where an agent does not do what the
//! plan predicted. And the way back.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::holding::{self, Due, Restarted};
use super::key_places::{self, Sought};
use crate::agents::{self, Context, Restart};
use crate::edit::Masker;
use crate::host::RealWorld;
use crate::host::journal::{Journal, Manifest, State};
use crate::host::writer::{Action, Applied, ApplyError, Back, KeyringWriter, Writer};
use crate::hygiene;
use crate::plan::{self, Plan, Prediction, SlotId};
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot};
use crate::secret::{Mask, Secret};
use crate::settings::Settings;
use crate::source::Place;
use crate::world::World;

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
        Masker::new(self.catalogue, scan.secrets().cloned().collect::<Vec<_>>())
    }
}

/// What a slot sends after a write.
#[derive(Clone, Debug)]
pub struct Now {
    /// The slot.
    pub slot: SlotId,
    /// The key that is sent, masked, or none if no key is.
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
    /// The new key is there.
    pub new_there: bool,
    /// The old key does not.
    pub old_gone: bool,
}

/// A slot as a person calls it: `Hermes Agent → anthropic`.
#[must_use]
pub fn connection(slot: &SlotId) -> String {
    let agent = agents::find(slot.agent).map_or(slot.agent, |agent| agent.name);
    match slot.profile.as_str() {
        "default" | "" | "main" => format!("{agent} → {}", slot.agent_provider),
        profile => format!("{agent} ({profile}) → {}", slot.agent_provider),
    }
}

/// The command that replaces the key of a slot everywhere.
fn command(slot: &SlotId) -> String {
    format!("`keymend rotate {}`", slot.argument())
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

/// Where the old key still is after a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where.
    pub place: Place,
    /// It is known to be there; else the place could not be read.
    pub holds: bool,
    /// Why it was not changed, or none if it could have been.
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
    /// The key that was replaced, and who has it still; none if no key was, as after a switch.
    pub old: Option<OldKey>,
}

/// A key that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldKey {
    /// The key.
    pub key: Secret,
    /// The provider whose page revokes it.
    pub provider: Option<String>,
    /// The slots that still send it.
    pub senders: Vec<SlotId>,
    /// The programs that were started with it.
    pub processes: Vec<String>,
}

/// What to do with a replaced key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing here has it any more: it can be revoked.
    Revoke,
    /// Something still sends or holds it; what, and the way out, in words behind "Do not revoke it yet:".
    NotYet(String),
}

impl Written {
    /// What to do with the replaced key, after these restarts; none if no key was replaced.
    #[must_use]
    pub fn next(&self, restarted: &[Restarted], home: Option<&Path>) -> Option<Next> {
        let old = self.old.as_ref()?;
        if !old.senders.is_empty() {
            let names: Vec<String> = old.senders.iter().map(connection).collect();
            let verb = if names.len() == 1 { "sends" } else { "send" };
            let replaces = old.senders.iter().map(command).collect::<Vec<_>>().join(", ");
            return Some(Next::NotYet(format!(
                "{} still {verb} it. {replaces} replaces it there too.",
                listed(&names)
            )));
        }
        let held: Vec<String> =
            self.left.iter().filter(|left| left.holds).map(|left| left.place.show(home)).collect();
        if !held.is_empty() {
            return Some(Next::NotYet(format!("it is still in {}.", listed(&held))));
        }
        let all_fine = !restarted.is_empty() && restarted.iter().all(Restarted::is_fine);
        let due = self.due().into_iter().map(|due| due.restart);
        let due = due.filter(|one| one.certainty.needs_restart() && !all_fine).map(|one| one.what);
        let running: Vec<String> =
            due.chain(old.processes.iter().filter(|_| restarted.is_empty()).cloned()).collect();
        if running.is_empty() {
            Some(Next::Revoke)
        } else {
            Some(Next::NotYet(format!("{} may still hold it: restart first.", listed(&running))))
        }
    }

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
                // Two slots of one process: the worse one is taken.
                Some(other) if other.restart.certainty <= restart.certainty => {}
                Some(other) => *other = Due { slot: now.slot.clone(), restart },
                None => all.push(Due { slot: now.slot.clone(), restart }),
            }
        }
        all
    }
}

/// Why a write was put back.
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
    for note in plan.places.iter().filter_map(key_places::afterwards) {
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
        let of_slot = plan.slot.as_ref().and_then(|slot| slot.provider.as_deref());
        let is_key = |old: &&Secret| {
            *old != new && hygiene::nature(old, of_slot, bench.catalogue) == hygiene::Nature::Key
        };
        let old = plan.replaced.as_ref().filter(is_key);
        let places = places_now(&after, plan, new, old);
        let written = Written { applied, now, places, left: Vec::new(), copies: Vec::new(), old: None };
        return Ok(match old {
            Some(old) => left_over(bench, &after, old, new, written, plan),
            None => written,
        });
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
        let there = plan::key_at(world, place);
        PlaceNow {
            place: place.clone(),
            new_there: there.as_ref().is_some_and(|text| text.holds(new)),
            old_gone: !there
                .zip(old)
                .is_some_and(|(text, old)| old.is_part_of(&text, std::slice::from_ref(new))),
        }
    };
    plan.places.iter().map(read).collect()
}

/// Where an agent could still find the old key, the files with it that no agent reads, and who has it still.
fn left_over(
    bench: Bench<'_>,
    world: &dyn World,
    old: &Secret,
    new: &Secret,
    written: Written,
    plan: &Plan,
) -> Written {
    let scan = super::scan_all(world, bench.catalogue);
    let sought = Sought::new(bench.catalogue, &scan, old, new);
    let spots = scan.keys.iter().filter(|view| sought.is(&view.key)).flat_map(|view| scan.spots(view));
    let left = |spot: key_places::Spot<'_>| Left {
        why: spot.tried(world, bench.catalogue).err(),
        place: spot.candidate.place.clone(),
        holds: true,
    };
    let mut all: Vec<Left> = spots.map(left).collect();
    all.extend(key_places::inside(&scan, &sought).into_iter().map(|place| Left {
        place: place.clone(),
        holds: true,
        why: Some("the old key is a part of a longer text there".to_owned()),
    }));
    let named: Vec<&Place> = all.iter().map(|left| &left.place).collect();
    let other = key_places::elsewhere(world, &scan, &named, &sought).into_iter().map(|(file, lines)| {
        let lines = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let why = format!("in line {lines}, where no agent takes it for its own");
        Left { place: Place::File { file }, holds: true, why: Some(why) }
    });
    let other: Vec<Left> = other.collect();
    all.extend(other);
    let unread = scan.agents.iter().flat_map(|scanned| &scanned.findings.troubles);
    for (file, trouble) in unread {
        let place = Place::File { file: file.clone() };
        if all.iter().all(|left| left.place != place) {
            let why = Some(format!("{trouble}: whether it is there cannot be told"));
            all.push(Left { place, holds: false, why });
        }
    }
    let copies = key_places::copies(world, &scan, &sought);
    let sends = |slot: &Slot| match &slot.outcome {
        Outcome::Sends { sent, also, .. } => std::iter::once(sent).chain(also).any(|one| sought.is(&one.key)),
        _ => false,
    };
    let mut senders: Vec<SlotId> = Vec::new();
    for (_, _, slot) in scan.slots().filter(|(_, _, slot)| sends(slot)) {
        // The modes of one agent are one connection.
        let id = SlotId { mode: None, ..SlotId::of(slot) };
        if !senders.contains(&id) {
            senders.push(id);
        }
    }
    let of_slot = plan.slot.as_ref().and_then(|slot| slot.provider.clone());
    let concerned = || plan.predictions.iter().find_map(|one| one.slot.provider.clone());
    let processes = key_places::processes(world, &sought);
    let old = OldKey { key: old.clone(), provider: of_slot.or_else(concerned), senders, processes };
    Written { left: all, copies, old: Some(old), ..written }
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
