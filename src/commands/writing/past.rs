//! `history`, `undo`, `redo`: what was written, and the ways back and forth.

use std::fmt::Write as _;
use std::path::Path;

use super::{Bringing, agreed, carry_out, diff_text, json, not_written, target};
use crate::cli;
use crate::commands::{Desk, Exit, Failure, ask, keys, print, print_json};
use crate::host::console;
use crate::host::journal::{Journal, Manifest, State, Unusable};
use crate::host::writer::{self, ApplyError, Back, SystemKeyring};
use crate::plan;
use crate::report::plain;
use crate::secret::Secret;
use crate::session;
use crate::session::past::{Lost, Past};
use crate::session::write::{self, Bench};
use crate::settings::Settings;
use crate::source::tilde;
use crate::world::World as _;

/// `keymend history`.
pub(in crate::commands) fn history(desk: &Desk, args: &cli::History) -> Result<Exit, Failure> {
    let world = desk.world();
    let journal = Journal::of(&world);
    if args.purge {
        if !args.yes && !ask("Remove every entry and backup? Nothing can be undone afterwards.")? {
            print("Nothing was removed.\n")?;
            return Ok(Exit::Declined);
        }
        print(&format!("{} removed\n", journal.purge()))?;
        return Ok(Exit::Fine);
    }
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let (all, troubles) = session::past::history(bench);
    let settings = Settings::of(&world);
    if args.json {
        let unusable: Vec<String> =
            troubles.iter().map(|one| unusable_line(one, &journal, world.home())).collect();
        print_json(&json::history(&all, &settings, &unusable))?;
        return Ok(Exit::Fine);
    }
    let mut out = String::new();
    for past in &all {
        let _ = writeln!(out, "{}", history_line(&past.action));
        out += &since_text(past, world.home());
    }
    for one in &troubles {
        let _ = writeln!(out, "! {}", plain(&unusable_line(one, &journal, world.home())));
    }
    let unreadable = journal.trouble().map(|(why, hint)| format!("{why}: {hint}"));
    for trouble in unreadable.iter().chain(&settings.troubles) {
        let _ = writeln!(out, "! {}", plain(trouble));
    }
    if out.is_empty() {
        out.push_str("keymend has written nothing yet.\n");
    } else {
        let _ = writeln!(
            out,
            "Backups hold old keys; they are in {} for {} days or {} actions. `keymend history --purge` removes them.",
            plain(&tilde(journal.root(), world.home())),
            settings.keep.days,
            settings.keep.actions
        );
    }
    print(&out)?;
    Ok(Exit::Fine)
}

/// An entry that is never acted upon, and why.
fn unusable_line(one: &Unusable, journal: &Journal, home: Option<&Path>) -> String {
    format!(
        "{} is not used: {}. `keymend history --purge` removes it; where keymend wrote it, the README.txt in it says \
         how to go back by hand",
        tilde(&journal.folder(&one.id), home),
        one.why
    )
}

/// What other programs did at the places of an action since.
fn since_text(past: &Past, home: Option<&Path>) -> String {
    let mut out = String::new();
    for (item, since) in past.action.items.iter().zip(&past.since) {
        if let Some(words) = since.words() {
            let mark = if since.lost() { '!' } else { 'i' };
            let _ = writeln!(out, "    {mark} {} {words}", plain(&item.place.show(home)));
        }
    }
    if past.lost() {
        let _ = writeln!(out, "    → `keymend redo {}` brings the new key back", past.action.id);
    }
    out
}

fn history_line(action: &Manifest) -> String {
    let when =
        jiff::Timestamp::from_millisecond(action.at_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    let change = match (&action.old, &action.new) {
        (Some(old), Some(new)) => format!("{old} → {new}"),
        (None, Some(new)) => format!("→ {new}"),
        (Some(old), None) => format!("{old} →"),
        (None, None) => String::new(),
    };
    plain(&format!("{}  {when}  {:<11} {}  {change}", action.id, action.state.words(), action.title))
}

/// `keymend undo`.
pub(in crate::commands) fn undo(desk: &Desk, args: &cli::Undo) -> Result<Exit, Failure> {
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let how = match (args.values, args.whole) {
        (true, _) => Back::Values,
        (_, true) => Back::Whole,
        _ => Back::Exact,
    };
    let (action, changes) =
        write::undo_plan(bench, args.id.as_deref(), how).map_err(|error| refused(&error))?;
    if !args.json {
        let world = desk.world();
        let mut out = format!("undo {}\n", history_line(&action));
        for change in &changes {
            let _ = writeln!(out, "\n{}", plain(&target(change, &world)));
            out += &diff_text(&change.diff);
            out.extend(change.notes.iter().map(|note| format!("  note: {}\n", plain(note))));
        }
        print(&out)?;
    }
    if args.dry_run || (!args.yes && !agreed(args.json)?) {
        if args.json {
            print_json(&json::undoing(&action, &changes, desk.world().home()))?;
        } else {
            print("Nothing was written.\n")?;
        }
        return Ok(not_written(args.dry_run));
    }
    let applied = write::undo(bench, &action.id, how).map_err(|error| refused(&error))?;
    if args.json {
        print_json(&json::undone(&action, &applied))?;
    } else if action.state == State::Planned {
        print(&format!("✓ ended: {}\n", plain(&applied.notes.join("; "))))?;
    } else {
        let what = match how {
            Back::Values => "only what keymend had changed",
            Back::Exact | Back::Whole => "byte for byte",
        };
        let notes: String = applied.notes.iter().map(|note| format!("note: {}\n", plain(note))).collect();
        print(&format!("✓ undone, {what}; written as {}\n{notes}", applied.id))?;
    }
    Ok(Exit::Fine)
}

/// A refusal with the difference at each place that somebody edited since.
fn refused(error: &ApplyError) -> Failure {
    let mut message = plain(&error.to_string());
    if let ApplyError::Conflict { conflicts, .. } = error {
        for conflict in conflicts {
            let _ = write!(
                message,
                "\n{}\n{}",
                plain(&conflict.place.show(None)),
                diff_text(&conflict.diff).trim_end()
            );
        }
    }
    Failure::new(message, error.hint())
}

/// `keymend redo`.
pub(in crate::commands) fn redo(desk: &Desk, args: &cli::Redo) -> Result<Exit, Failure> {
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let lost = session::past::lost(bench, args.id.as_deref()).map_err(|error| refused(&error))?;
    let paste = if args.from.is_given() { Some(keys::given(desk, &args.from, None)?) } else { None };
    let new = match &paste {
        Some(paste) => given_again(desk, &lost, paste, !args.write.json)?,
        None => match &lost.key {
            Some(key) => key.clone(),
            None if console::is_attended() => {
                given_again(desk, &lost, &keys::given(desk, &args.from, None)?, !args.write.json)?
            }
            None => {
                return Err(Failure::new(
                    "the key of that action is nowhere on this machine any more, and keymend keeps no copy",
                    "give it again with --stdin, --clipboard or --vault NAME",
                ));
            }
        },
    };
    let world = desk.world();
    let here = session::present(&world, &desk.catalogue, None);
    let plan = plan::bring_back(&world, &desk.catalogue, &here, &lost.places, &new)?;
    let from_clipboard = paste.as_ref().filter(|_| args.from.clipboard);
    carry_out(desk, &world, &plan, &Bringing { new: &new, from_clipboard }, &args.write)
}

/// The key that was given, if it is the one of the action, which may have been for a server of the person's own.
fn given_again(desk: &Desk, lost: &Lost, paste: &Secret, talk: bool) -> Result<Secret, Failure> {
    let key = keys::cleaned(desk, paste, None, true, talk)?.key;
    if writer::is_key_of(&lost.action, &key) {
        return Ok(key);
    }
    Err(Failure::new("this is not the key of that action", "`keymend set AGENT/PROVIDER` writes another key"))
}
