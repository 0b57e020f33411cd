//! What a running process of an agent holds after a change: judged from its start environment, by the agent's own rules,
//! and from its start time. A restart, and the look whether the process that runs then is a new one.

use std::time::{Duration, Instant};

use super::write::Bench;
use crate::agents::{self, Agent, Certainty, Context, Restart};
use crate::host::restart::{self, RestartError};
use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::source::Place;
use crate::world::{Overlay, Process};

/// What must be restarted after a change at `slot`, if anything runs.
///
/// The agent names its processes and whether it reads its files again by itself. What each of them was started with
/// decides more: the environment is copied at the start and never changes from outside, so the agent's own rules are
/// asked once more with it.
#[must_use]
pub fn restart(context: &Context<'_>, agent: &Agent, slot: &Slot) -> Option<Restart> {
    let named = (agent.restart)(context, slot)?;
    if named.processes.is_empty() {
        return None;
    }
    let certainty = named
        .processes
        .iter()
        .map(|process| certainty(context, agent, slot, process, named.certainty))
        .min()
        .unwrap_or(named.certainty);
    Some(Restart { certainty, ..named })
}

fn certainty(
    context: &Context<'_>,
    agent: &Agent,
    slot: &Slot,
    process: &Process,
    named: Certainty,
) -> Certainty {
    let (Some(env), Some(sent)) = (&process.env, slot.sent()) else { return named };
    let started_with = Overlay::new(context.world).with_env(env);
    let there = Context { world: &started_with, catalogue: context.catalogue };
    match sent_with(&there, agent, slot) {
        Some(other) if other != sent.key => Certainty::StillHolds,
        Some(_) if named == Certainty::MayHold && started_after_change(context, slot, process) => {
            Certainty::Fresh
        }
        _ => named,
    }
}

/// The key that the agent would send at `slot`, started with this environment.
fn sent_with(context: &Context<'_>, agent: &Agent, slot: &Slot) -> Option<Secret> {
    let found = agent.scan(context)?;
    Some(SlotId::of(slot).find(&found.slots)?.sent()?.key.clone())
}

/// Whether the process is younger than the file that holds the key. A database's time says nothing about one row, and
/// a time that a tool kept is overruled by that of the file's last change of any kind.
pub(super) fn started_after_change(context: &Context<'_>, slot: &Slot, process: &Process) -> bool {
    let file = slot.active_candidate().and_then(|active| match &active.place {
        Place::Cell { .. } => None,
        place => place.file(),
    });
    let state = file.map(|file| context.world.read(file));
    let changed = state.as_ref().and_then(|state| Some(state.meta()?.mtime_ms.max(state.meta()?.ctime_ms)));
    changed.is_some_and(|changed| process.started_ms > changed)
}

/// How long a restarted process may take to come up.
const COMES_UP: Duration = Duration::from_secs(10);
/// The pause between two looks for it.
const PAUSE: Duration = Duration::from_millis(200);

/// Something that has to be restarted, and a slot by which to find its processes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The slot.
    pub slot: SlotId,
    /// What to restart.
    pub restart: Restart,
}

/// What became of a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// Another process runs now, and this is how sure it is what it holds.
    Runs(Restart),
    /// The old one still runs.
    Same(String),
    /// Nothing runs, as far as can be seen.
    Gone(String),
    /// The command did not do it.
    Failed(RestartError),
}

impl Restarted {
    /// Whether a process runs that holds the new key.
    #[must_use]
    pub const fn is_fine(&self) -> bool {
        matches!(self, Self::Runs(restart) if !restart.certainty.needs_restart())
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Runs(restart) => match restart.certainty {
                Certainty::Fresh | Certainty::Reloads => {
                    format!("restarted: {} uses the new key", restart.what)
                }
                Certainty::StillHolds => format!(
                    "restarted, but {} was started with the old key in its environment: change it where that is set",
                    restart.what
                ),
                _ => format!("restarted: {} runs; whether it holds the new key cannot be told", restart.what),
            },
            Self::Same(what) => format!("the command ran, and {what} is still the same process"),
            Self::Gone(what) => format!("the command ran, and {what} has not come up again yet"),
            Self::Failed(error) => error.to_string(),
        }
    }
}

/// Runs the commands of `due`, one after the other, and looks whether new processes have come in the place of those that
/// were there. Call it on a yes. What has no command is left out.
#[must_use]
pub fn restart_all(bench: Bench<'_>, due: &[Due]) -> Vec<Restarted> {
    let with_command = due.iter().filter_map(|due| Some((due, due.restart.command.as_ref()?)));
    with_command
        .map(|(due, command)| match restart::run(command) {
            Ok(()) => come_up(bench, due),
            Err(error) => Restarted::Failed(error),
        })
        .collect()
}

/// Waits until none of the processes that were there is left and another one has come.
fn come_up(bench: Bench<'_>, due: &Due) -> Restarted {
    let until = Instant::now() + COMES_UP;
    loop {
        let now = look(bench, &due.slot);
        let old = |process: &Process| due.restart.processes.iter().any(|old| old.pid == process.pid);
        match now {
            Some(now) if !now.processes.iter().any(old) => return Restarted::Runs(started_anew(now)),
            Some(_) if Instant::now() >= until => return Restarted::Same(due.restart.what.clone()),
            None if Instant::now() >= until => return Restarted::Gone(due.restart.what.clone()),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// A process that came after the write read the files as they are now.
fn started_anew(restart: Restart) -> Restart {
    match restart.certainty {
        Certainty::MayHold => Restart { certainty: Certainty::Fresh, ..restart },
        _ => restart,
    }
}

fn look(bench: Bench<'_>, id: &SlotId) -> Option<Restart> {
    let world = (bench.world)();
    let context = Context { world: &world, catalogue: bench.catalogue };
    let agent = agents::find(id.agent)?;
    let found = agent.scan(&context)?;
    restart(&context, agent, id.find(&found.slots)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::agents;
    use crate::provider::Catalogue;
    use crate::world::MemoryWorld;

    const OLD: &str = "sk-ant-api03-FAKEold0123456789abcdefghij";
    const NEW: &str = "sk-ant-api03-FAKEnew0123456789abcdefghij";

    fn judged(process_env: &[(&str, &str)], started_ms: i64) -> Certainty {
        let mut world = MemoryWorld::new("/home/ann");
        world.now_ms = 1_000;
        let mut world = world.with_file(".config/io.datasette.llm/keys.json", "{}");
        let settings = format!("{{\"env\": {{}}, \"primaryApiKey\": \"{NEW}\"}}");
        world = world.with_file(".claude.json", settings);
        let env = process_env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let env: BTreeMap<String, String> = env.chain([("PATH".to_owned(), "/bin".to_owned())]).collect();
        let args = vec!["claude".to_owned()];
        world.processes.push(Process { pid: 7, args, started_ms, env: Some(env), unit: None, cwd: None });
        let catalogue = Catalogue::embedded();
        let context = Context { world: &world, catalogue: &catalogue };
        let agent = agents::find("claude-code").expect("agent");
        let found = agent.scan(&context).expect("scan");
        let slot = found
            .slots
            .iter()
            .find(|slot| slot.sent().is_some_and(|sent| sent.key.is(NEW)))
            .expect("a slot that sends the new key");
        restart(&context, agent, slot).expect("a process").certainty
    }

    #[test]
    fn a_process_that_was_started_with_the_old_key_still_holds_it() {
        assert_eq!(judged(&[("ANTHROPIC_API_KEY", OLD)], 2_000), Certainty::StillHolds);
    }

    #[test]
    fn a_process_of_another_home_does_not_count() {
        let mut world = MemoryWorld::new("/home/ann").with_file(".claude.json", "{}");
        let env = BTreeMap::from([("HOME".to_owned(), "/home/bob".to_owned())]);
        let args = vec!["claude".to_owned()];
        world.processes.push(Process { pid: 7, args, started_ms: 0, env: Some(env), unit: None, cwd: None });
        let catalogue = Catalogue::embedded();
        let context = Context { world: &world, catalogue: &catalogue };
        let agent = agents::find("claude-code").expect("agent");
        let found = agent.scan(&context).expect("scan");
        assert_eq!(restart(&context, agent, &found.slots[0]), None);
    }

    #[test]
    fn a_process_is_fresh_when_it_is_younger_than_the_file() {
        assert_eq!(judged(&[], 2_000), Certainty::Fresh);
        assert_eq!(judged(&[], 500), Certainty::MayHold);
    }
}
