//! What a kill interrupted: shown with its masked difference and ended after a yes before anything else is written, and
//! only mentioned by what reads.

use std::fmt::Write as _;

use super::{diff_text, target};
use crate::cli::Command;
use crate::commands::{Desk, Failure};
use crate::host::console::{self, Answered};
use crate::host::journal::Manifest;
use crate::host::output;
use crate::host::writer::{Back, SystemKeyring};
use crate::report::plain;
use crate::session::write::{self, Bench};

/// Prepares a command that writes. False where the person said no, so that nothing is to be written.
pub(in crate::commands) fn end(desk: &Desk, command: &Command) -> Result<bool, Failure> {
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    for line in write::settle(bench) {
        say(&line);
    }
    for action in write::interrupted(bench) {
        // An undo shows and asks by itself; without a name it means this one.
        if command.undoes().is_some_and(|id| id.is_none_or(|id| *id == action.id)) {
            continue;
        }
        if !end_one(desk, bench, &action, command)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn end_one(desk: &Desk, bench: Bench<'_>, action: &Manifest, command: &Command) -> Result<bool, Failure> {
    let id = &action.id;
    let failed =
        |error: crate::host::writer::ApplyError| Failure::new(plain(&error.to_string()), error.hint());
    let (_, changes) = write::undo_plan(bench, Some(id), Back::Exact).map_err(failed)?;
    let world = desk.world();
    let mut shown = format!(
        "! “{}” ({id}) was interrupted. From what it left to what was there before:\n",
        plain(&action.title)
    );
    for change in &changes {
        let _ = write!(shown, "\n{}\n{}", plain(&target(change, &world)), diff_text(&change.diff));
        for note in &change.notes {
            let _ = writeln!(shown, "  note: {}", plain(note));
        }
    }
    output::err(&shown)?;
    if !command.agrees() {
        let answered =
            if command.may_ask() { console::ask("Put this back, and go on?")? } else { Answered::Nobody };
        match answered {
            Answered::Yes => {}
            Answered::No => return Ok(false),
            Answered::Nobody => {
                return Err(Failure::new(
                    format!(
                        "an earlier write ({id}) was interrupted, and nobody can be asked whether it is put back"
                    ),
                    format!(
                        "add --yes to put it back first, or end it alone: keymend undo {id}. Nothing was written"
                    ),
                ));
            }
        }
    }
    let applied = write::undo(bench, id, Back::Exact).map_err(failed)?;
    applied.notes.iter().for_each(|note| say(&format!("“{}” is ended: {note}", action.title)));
    Ok(true)
}

/// One line for each interrupted write, beside the output of a command that reads.
pub(in crate::commands) fn mention(desk: &Desk) {
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    for action in write::interrupted(bench) {
        say(&format!(
            "“{}” was interrupted: `keymend undo {}` shows what it left and ends it",
            action.title, action.id
        ));
    }
}

fn say(line: &str) {
    let _ = output::err(&format!("! {}\n", plain(line)));
}
