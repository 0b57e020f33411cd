//! Running processes of an agent that may hold an old key.

use std::path::Path;

use crate::agents::{Certainty, Restart};
use crate::resolve::Slot;
use crate::source::Place;
use crate::world::{Process, World};

/// The running processes of `program` and how sure it is that they hold the slot's present key. A process belongs to it where
/// an argument's file name is `program`, or where its command line contains one of `marks`.
#[must_use]
pub fn running(
    world: &dyn World,
    name: &str,
    program: &str,
    marks: &[&str],
    slot: &Slot,
    command: Option<&[&str]>,
) -> Option<Restart> {
    let processes: Vec<Process> =
        world.processes(program).into_iter().filter(|process| is_of(process, program, marks)).collect();
    let first = processes.first()?;
    let more = match processes.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let certainty = processes.iter().map(|process| certainty(process, slot)).min()?;
    Some(Restart {
        what: format!("{name} (pid {}){more}", first.pid),
        certainty,
        command: command.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
        processes,
    })
}

fn is_of(process: &Process, program: &str, marks: &[&str]) -> bool {
    let names_it = |arg: &String| Path::new(arg).file_name().is_some_and(|file| file == program);
    process.args.iter().take(2).any(names_it)
        || process.args.iter().take(3).any(|arg| marks.iter().any(|mark| arg.contains(mark)))
}

/// What a process that started before a change holds: the environment is copied at start and never changes from
/// outside, so a variable that decides there still decides.
fn certainty(process: &Process, slot: &Slot) -> Certainty {
    let (Some(active), Some(env)) = (slot.active_candidate(), &process.env) else {
        return if process.env.is_none() { Certainty::CannotTell } else { Certainty::MayHold };
    };
    match (&active.place, active.value.secret()) {
        (Place::Env { name }, Some(key)) if env.get(name).is_some_and(|held| key.is(held)) => {
            Certainty::StillHolds
        }
        _ => Certainty::MayHold,
    }
}
