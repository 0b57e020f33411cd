//! `set`, `use`, `undo`, `history`: everything that writes, each with its masked diff and a yes first.

use std::fmt::Write as _;

use super::looking::{scan_for, slots_of};
use super::{Desk, Exit, Failure, ask, print, print_json};
use crate::agents::{self, Certainty, Restart};
use crate::cli;
use crate::edit::{DiffLine, LineKind};
use crate::host::journal::{Journal, Manifest, State};
use crate::host::writer::{Applied, SystemKeyring};
use crate::host::{RealWorld, World as _};
use crate::plan::{self, Change, Offered, Plan, PlanError, Prediction, Target};
use crate::report::{SCHEMA, plain};
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::Selector;
use crate::session::write::{self, Bench, Now, Written};
use crate::source::tilde;

mod json;
mod setting;

pub(super) use setting::set;

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(plain(&error.to_string()), error.hint())
    }
}

/// The one slot that a command is for: of those named the one in use, else the only one.
fn one_slot(desk: &Desk, world: &RealWorld, asked: &str, profile: Option<&String>) -> Result<Slot, Failure> {
    let selector = Selector { profile: profile.cloned(), ..Selector::parse(asked) };
    let scan = scan_for(desk, world, &selector)?;
    let chosen = slots_of(&scan, &selector, asked)?;
    let slots: Vec<&Slot> = chosen.iter().filter_map(|at| scan.slot(*at)).collect();
    let in_use: Vec<&&Slot> = slots.iter().filter(|slot| slot.in_use).collect();
    match (slots.as_slice(), in_use.as_slice()) {
        ([only], _) => Ok((*only).clone()),
        (_, [one, ..]) if in_use.iter().all(|slot| slot.profile == one.profile) => Ok((**one).clone()),
        ([first, rest @ ..], _)
            if rest
                .iter()
                .all(|slot| slot.profile == first.profile && slot.agent_provider == first.agent_provider) =>
        {
            Ok((*first).clone())
        }
        _ => {
            let names: Vec<String> = slots
                .iter()
                .map(|slot| format!("{}/{} --profile {}", slot.agent, slot.agent_provider, slot.profile))
                .collect();
            Err(Failure::new(
                format!("{} names several slots", plain(asked)),
                format!("choose one: {}", plain(&names.join(" · "))),
            ))
        }
    }
}

/// `keymend use`.
pub(super) fn use_candidate(desk: &Desk, args: &cli::Use) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())?;
    let agent =
        agents::find(slot.agent).ok_or_else(|| Failure::new("no such agent", "see `keymend agents`"))?;
    let at = candidate(&slot, &args.candidate)?;
    let key = slot.candidates.get(at).and_then(|candidate| candidate.value.secret()).cloned();
    let key =
        key.ok_or_else(|| Failure::new("there is no key at this candidate", "`keymend explain` lists them"))?;
    let plan = plan::use_candidate(&world, &desk.catalogue, agent, &slot, at)?;
    carry_out(desk, &world, &plan, &key, Consent { dry_run: args.dry_run, yes: args.yes, json: args.json })
}

fn candidate(slot: &Slot, asked: &str) -> Result<usize, Failure> {
    let by_number =
        asked.parse::<usize>().ok().filter(|n| (1..=slot.candidates.len()).contains(n)).map(|n| n - 1);
    let by_name = || slot.candidates.iter().position(|candidate| candidate.name.as_deref() == Some(asked));
    by_number.or_else(by_name).ok_or_else(|| {
        Failure::new(
            format!("no candidate is called {}", plain(asked)),
            "`keymend explain` lists them by number and name",
        )
    })
}

/// What the person agreed to beforehand.
#[derive(Clone, Copy)]
pub(super) struct Consent {
    pub(super) dry_run: bool,
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// Shows a plan, asks, writes, and says what the slots send now.
fn carry_out(
    desk: &Desk,
    world: &RealWorld,
    plan: &Plan,
    new: &Secret,
    consent: Consent,
) -> Result<Exit, Failure> {
    if !consent.json {
        print(&plan_text(plan, world))?;
    }
    if consent.dry_run || (!consent.yes && !agreed(consent.json)?) {
        if consent.json {
            print_json(&json::plan(plan, world.home()))?;
        } else {
            print("Nothing was written.\n")?;
        }
        return Ok(Exit::Fine);
    }
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let written = write::apply(bench, plan, new)
        .map_err(|error| Failure::new(plain(&error.to_string()), error.hint()))?;
    let reached = written.now.first().is_none_or(|now| now.is_new);
    if consent.json {
        print_json(&json::written(plan, &written, world.home()))?;
    } else {
        print(&written_text(&written))?;
    }
    Ok(if reached { Exit::Fine } else { Exit::Problems })
}

fn agreed(json: bool) -> Result<bool, Failure> {
    if json {
        return Err(Failure::new(
            "with --json there is nobody to ask",
            "add --yes to write, or --dry-run to look",
        ));
    }
    ask("Write this?")
}

fn plan_text(plan: &Plan, world: &RealWorld) -> String {
    let mut out = format!("{}\n", plain(&plan.title));
    for change in &plan.changes {
        let _ = writeln!(out, "\n{}", plain(&target(change, world)));
        out += &diff_text(&change.diff);
        for note in &change.notes {
            let _ = writeln!(out, "  note: {}", plain(note));
        }
    }
    out.push('\n');
    for predicted in &plan.predictions {
        let _ = writeln!(
            out,
            "then {} {}",
            plain(&predicted.slot.to_string()),
            prediction(&predicted.prediction)
        );
    }
    for note in &plan.notes {
        let _ = writeln!(out, "note: {}", plain(note));
    }
    out
}

fn diff_text(diff: &[DiffLine]) -> String {
    let mark = |kind: &LineKind| match kind {
        LineKind::Removed => '-',
        LineKind::Added => '+',
        _ => ' ',
    };
    diff.iter().map(|line| format!("  {} {}\n", mark(&line.kind), plain(&line.text))).collect()
}

fn target(change: &Change, world: &RealWorld) -> String {
    match &change.target {
        Target::File { path, real, .. } if path != real => {
            format!("{} → {}", tilde(path, world.home()), tilde(real, world.home()))
        }
        Target::File { path, .. } => tilde(path, world.home()),
        Target::Cell(cell) => format!("{} {}/{}", tilde(&cell.db, world.home()), cell.table, cell.key),
        Target::Keyring { service, user } => format!("keyring {service} / {user}"),
    }
}

/// `will send the new key`.
pub(super) fn prediction(prediction: &Prediction) -> String {
    match prediction {
        Prediction::SendsNew => "will send the new key".to_owned(),
        Prediction::StillSends { place, key, why } => {
            format!("will still send {key} from {}: {}", plain(place), plain(why))
        }
        Prediction::SendsNothing { why } => format!("will send no key: {}", plain(why)),
        Prediction::NotKnown { why } => format!("is not known to change: {}", plain(why)),
    }
}

fn written_text(written: &Written) -> String {
    let mut out = String::new();
    for now in &written.now {
        let _ = writeln!(out, "{}", now_line(now));
        if let Some(restart) = &now.restart {
            let _ = writeln!(out, "  {}", restart_line(restart));
        }
    }
    for note in &written.applied.notes {
        let _ = writeln!(out, "note: {}", plain(note));
    }
    let _ = writeln!(out, "written as {}; `keymend undo` takes it back, byte for byte", written.applied.id);
    out
}

fn now_line(now: &Now) -> String {
    let mark = if now.is_new { '✓' } else { '!' };
    match &now.sends {
        Some(mask) => format!("{mark} {} now sends {mask}", plain(&now.slot.to_string())),
        None => format!("{mark} {} now sends no key", plain(&now.slot.to_string())),
    }
}

fn restart_line(restart: &Restart) -> String {
    let certainty = match restart.certainty {
        Certainty::StillHolds => "still holds the old key",
        Certainty::MayHold => "may hold the old key",
        Certainty::Reloads => "reloads by itself",
        Certainty::Fresh => "started after the change",
        Certainty::CannotTell => "cannot be told",
    };
    let command =
        restart.command.as_ref().map_or(String::new(), |words| format!("; restart: {}", words.join(" ")));
    plain(&format!("{}: {certainty}{command}", restart.what))
}

/// `keymend history`.
pub(super) fn history(desk: &Desk, args: &cli::History) -> Result<Exit, Failure> {
    let world = desk.world();
    let journal = Journal::of(&world);
    if args.purge {
        if !args.yes && !ask("Remove every entry and backup? Nothing can be undone afterwards.")? {
            return Ok(Exit::Fine);
        }
        print(&format!("{} removed\n", journal.purge()))?;
        return Ok(Exit::Fine);
    }
    let (all, troubles) = journal.history();
    if args.json {
        print_json(&json::history(&all))?;
        return Ok(Exit::Fine);
    }
    let mut out = String::new();
    for action in &all {
        let _ = writeln!(out, "{}", history_line(action));
    }
    for trouble in troubles {
        let _ = writeln!(out, "! {}", plain(&trouble));
    }
    if out.is_empty() {
        out.push_str("keymend has written nothing yet.\n");
    } else {
        let _ = writeln!(
            out,
            "Backups hold old keys; they are in {} for 30 days or 20 actions. `keymend history --purge` removes them.",
            plain(&tilde(journal.root(), world.home()))
        );
    }
    print(&out)?;
    Ok(Exit::Fine)
}

fn history_line(action: &Manifest) -> String {
    let when =
        jiff::Timestamp::from_millisecond(action.at_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    let state = match action.state {
        State::Planned => "interrupted",
        State::Written => "written",
        State::RolledBack => "put back",
        State::Undone => "undone",
    };
    let change = match (&action.old, &action.new) {
        (Some(old), Some(new)) => format!("{old} → {new}"),
        (None, Some(new)) => format!("→ {new}"),
        (Some(old), None) => format!("{old} →"),
        (None, None) => String::new(),
    };
    plain(&format!("{}  {when}  {state:<11} {}  {change}", action.id, action.title))
}

/// Ends what a kill interrupted, and says so beside the command's own output.
pub(super) fn recover(desk: &Desk) {
    use std::io::Write as _;
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    for line in write::recover(bench) {
        let _ = writeln!(std::io::stderr(), "! {}", plain(&line));
    }
}

/// `keymend undo`.
pub(super) fn undo(desk: &Desk, args: &cli::Undo) -> Result<Exit, Failure> {
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let failed = |error: crate::host::writer::ApplyError| {
        let mut message = plain(&error.to_string());
        if let crate::host::writer::ApplyError::Conflict(conflicts) = &error {
            for conflict in conflicts {
                let _ =
                    write!(message, "\n{}\n{}", plain(&conflict.place), diff_text(&conflict.diff).trim_end());
            }
        }
        Failure::new(message, error.hint())
    };
    let (action, changes) = write::undo_plan(bench, args.id.as_deref()).map_err(failed)?;
    if !args.json {
        let world = desk.world();
        let mut out = format!("undo {}\n", history_line(&action));
        for change in &changes {
            let _ = writeln!(out, "\n{}", plain(&target(change, &world)));
            out += &diff_text(&change.diff);
        }
        print(&out)?;
    }
    if !args.yes && !agreed(args.json)? {
        return Ok(Exit::Fine);
    }
    let applied = write::undo(bench, &action.id).map_err(failed)?;
    if args.json {
        print_json(&json::undone(&action, &applied))?;
    } else {
        print(&format!("✓ undone, byte for byte; written as {}\n", applied.id))?;
    }
    Ok(Exit::Fine)
}

/// The destination that `--to` names: its number, or its place.
fn destination<'a>(
    offered: &'a [Offered],
    default: Option<usize>,
    asked: Option<&str>,
    world: &RealWorld,
) -> Result<&'a Offered, Failure> {
    let list = || {
        let lines = (1..).zip(offered).map(|(n, one)| offered_line(n, one, world));
        lines.collect::<Vec<_>>().join("\n  ")
    };
    let found = match asked {
        None => default.and_then(|at| offered.get(at)),
        Some(asked) => {
            asked.parse::<usize>().ok().and_then(|n| offered.get(n.checked_sub(1)?)).or_else(|| {
                offered.iter().find(|one| one.destination.place.show(world.home()).starts_with(asked))
            })
        }
    };
    found.ok_or_else(|| match (asked, offered.is_empty()) {
        (_, true) => Failure::new(
            "keymend knows no place where a new key for this slot could be written",
            "`keymend explain` says what decides here",
        ),
        (Some(asked), _) => Failure::new(format!("no destination is called {}", plain(asked)), list()),
        (None, _) => Failure::new(
            "no destination would make the new key active",
            format!("choose one with --to:\n  {}", list()),
        ),
    })
}

fn offered_line(n: usize, offered: &Offered, world: &RealWorld) -> String {
    let place = plain(&offered.destination.place.show(world.home()));
    let outcome = match &offered.outcome {
        Ok(outcome) => prediction(outcome),
        Err(error) => plain(&error.to_string()),
    };
    format!("{n} {place}: {}; the slot {outcome}", plain(&offered.destination.effect))
}
