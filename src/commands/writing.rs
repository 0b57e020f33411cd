//! `set`, `rotate`, `use`, `undo`, `redo`, `history`: everything that writes, each with its masked diff and a yes first.

use std::fmt::Write as _;
use std::path::Path;

use super::looking::{scan_for, selector, slots_of};
use super::{Desk, Exit, Failure, ask, print, print_json};
use crate::agents::{self, Certainty, Restart};
use crate::cli;
use crate::edit::{DiffLine, LineKind};
use crate::finding::OWNER_RUNS;
use crate::host::console::{self, Answered};
use crate::host::writer::SystemKeyring;
use crate::host::{RealWorld, clipboard};
use crate::plan::{self, Change, Offered, Plan, PlanError, Prediction, Target};
use crate::report::plain;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::holding::{self, Restarted};
use crate::session::names::NoSuch;
use crate::session::write::{self, Bench, Next, Now, PlaceNow, Written};
use crate::settings::Settings;
use crate::source::{Place, Source, tilde};
use crate::world::World as _;

mod interrupted;
mod json;
mod past;
mod removing;
mod rotating;
mod setting;

pub(super) use interrupted::{end, mention};
pub(super) use json::PlanJson;
pub(super) use past::{history, redo, undo};
pub(super) use removing::remove;
pub(super) use rotating::rotate;
pub(super) use setting::{set, tested};

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(plain(&error.to_string()), error.hint())
    }
}

/// The one slot that a command is for: of those named the one in use, else the only one.
fn one_slot(desk: &Desk, world: &RealWorld, asked: &str, profile: Option<&String>) -> Result<Slot, Failure> {
    let selector = selector(desk, asked, profile)?;
    let scan = scan_for(desk, world, &selector)?;
    let chosen = slots_of(desk, &scan, &selector, asked)?;
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
    // A login is no key of the provider's: what is asked with keys says nothing about it.
    let login = slot.candidates.get(at).is_some_and(|one| one.source == Source::Oauth);
    if !login {
        let from = cli::KeyFrom { stdin: false, clipboard: false, vault: None };
        let test = cli::NewKey { from, no_test: args.no_test, base_url: None };
        setting::tested(desk, &slot, &key, &test, &args.write)?;
    }
    carry_out(desk, &world, &plan, &Bringing { new: &key, from_clipboard: None }, &args.write)
}

pub(super) fn candidate(slot: &Slot, asked: &str) -> Result<usize, Failure> {
    let by_number =
        asked.parse::<usize>().ok().filter(|n| (1..=slot.candidates.len()).contains(n)).map(|n| n - 1);
    let by_name = || {
        slot.candidates.iter().position(|candidate| {
            candidate.name.as_deref().is_some_and(|name| name == asked || plain(name) == asked)
        })
    };
    let by_name_in_any_case = || {
        let is = |name: &str| name.eq_ignore_ascii_case(asked);
        slot.candidates.iter().position(|candidate| candidate.name.as_deref().is_some_and(is))
    };
    by_number.or_else(by_name).or_else(by_name_in_any_case).ok_or_else(|| {
        let names = slot.candidates.iter().filter_map(|candidate| candidate.name.clone());
        Failure::from(NoSuch::of("candidate", asked, names.collect()))
            .or("`keymend explain` lists them by number and name")
    })
}

/// The key that a plan brings.
#[derive(Clone, Copy)]
pub(super) struct Bringing<'a> {
    /// The key.
    pub(super) new: &'a Secret,
    /// The clipboard's text, where it came from there.
    pub(super) from_clipboard: Option<&'a Secret>,
}

/// Shows a plan, asks, writes, and says what the slots send now and where the old key is left.
fn carry_out(
    desk: &Desk,
    world: &RealWorld,
    plan: &Plan,
    key: &Bringing<'_>,
    args: &cli::Writing,
) -> Result<Exit, Failure> {
    let (exit, json) = done(desk, world, plan, key, args)?;
    if let Some(json) = json {
        print_json(&json)?;
    }
    Ok(exit)
}

/// The same; with `--json` the answer is given back and not printed.
pub(super) fn done(
    desk: &Desk,
    world: &RealWorld,
    plan: &Plan,
    key: &Bringing<'_>,
    args: &cli::Writing,
) -> Result<(Exit, Option<PlanJson>), Failure> {
    if !args.json {
        print(&plan_text(plan, world))?;
    }
    guarded(plan, args)?;
    if args.dry_run || (!args.yes && !agreed(args.json)?) {
        if !args.json {
            print("Nothing was written.\n")?;
        }
        return Ok((not_written(args.dry_run), args.json.then(|| json::plan(plan, world.home()))));
    }
    if let Some(broken) = plan.predictions.iter().find(|one| one.breaks() && !args.insist) {
        return Err(Failure::new(
            format!(
                "{} {}",
                plain(&broken.slot.to_string()),
                prediction(&broken.prediction, plan.new.as_str())
            ),
            "it sends one now; --insist writes it all the same. Nothing was written",
        ));
    }
    let fresh = || desk.world();
    let bench = Bench { world: &fresh, catalogue: &desk.catalogue, keyring: &SystemKeyring };
    let mut written = write::apply(bench, plan, key.new)
        .map_err(|error| Failure::new(plain(&error.to_string()), error.hint()))?;
    if let Some(text) = key.from_clipboard
        && Settings::of(world).clear_clipboard
        && clipboard::clear_if(text).unwrap_or(false)
    {
        written.applied.notes.push("the clipboard still held this key and was emptied".to_owned());
    }
    if !args.json {
        print(&written_text(&written, plan, world.home()))?;
    }
    let restarted = restart(bench, &written, args)?;
    let json = args.json.then(|| json::written(plan, &written, &restarted, world.home()));
    if !args.json {
        print(&restarted_text(&restarted))?;
        print(&next_text(desk, &written, &restarted, world.home()))?;
    }
    let stands = written.places.iter().all(|place| place.new_there);
    let runs = restarted.iter().all(Restarted::is_fine);
    let fine = reached(plan, &written) && stands && runs;
    Ok((if fine { Exit::Fine } else { Exit::Problems }, json))
}

/// Whether the slots send what was wanted. A plan that brings no key wants what it predicts.
fn reached(plan: &Plan, written: &Written) -> bool {
    let brings = !plan.places.is_empty() || plan.predictions.iter().any(|one| one.prediction.is_new());
    match plan.slot {
        _ if !brings => true,
        Some(_) => written.now.first().is_none_or(|now| now.is_new),
        None => written.now.iter().all(|now| now.is_new),
    }
}

/// A plan that takes the only copy of another credential away is written on a word of its own.
fn guarded(plan: &Plan, args: &cli::Writing) -> Result<(), Failure> {
    if !plan.guarded || args.insist || args.dry_run {
        return Ok(());
    }
    let losses: Vec<String> = plan.losses.iter().filter(|loss| loss.only).map(plan::Loss::words).collect();
    Err(Failure::new(
        format!("this {}", plain(&losses.join(", and "))),
        "--insist writes it all the same, and a backup is kept. Nothing was written",
    ))
}

/// Restarts what still holds the old key, on `--restart` or a yes.
fn restart(bench: Bench<'_>, written: &Written, args: &cli::Writing) -> Result<Vec<Restarted>, Failure> {
    let mut due = written.due();
    due.retain(|due| due.restart.certainty.needs_restart() && due.restart.command.is_some());
    if due.is_empty() || (!args.restart && (args.yes || args.json)) {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = due.iter().map(|due| due.restart.what.as_str()).collect();
    // The write is done: that nobody can be asked about a restart is no failure, and what is due was said.
    let wanted = || console::ask(&plain(&format!("Restart {} now?", names.join(", "))));
    if !args.restart && wanted()? != Answered::Yes {
        return Ok(Vec::new());
    }
    Ok(holding::restart_all(bench, &due))
}

/// What to do with the replaced key.
fn next_text(desk: &Desk, written: &Written, restarted: &[Restarted], home: Option<&Path>) -> String {
    let (Some(next), Some(old)) = (written.next(restarted, home), &written.old) else { return String::new() };
    let mask = desk.catalogue.mask(&old.key);
    let console = old.provider.as_deref().and_then(|id| desk.catalogue.get(id));
    let console = console.map(|provider| provider.console_url.as_str()).filter(|url| !url.is_empty());
    match next {
        Next::Revoke => {
            let at = console.map_or(String::new(), |url| format!(" at {url}"));
            format!("→ when everything works, revoke the old key {mask}{at}\n")
        }
        Next::NotYet(why) => format!("! do not revoke {mask} yet: {}\n", plain(&why)),
    }
}

fn restarted_text(restarted: &[Restarted]) -> String {
    let mark = |one: &Restarted| if one.is_fine() { '✓' } else { '!' };
    restarted.iter().map(|one| format!("{} {}\n", mark(one), plain(&one.words()))).collect()
}

/// How a run ends that wrote nothing: a look is fine, a no is not what was asked for.
const fn not_written(dry_run: bool) -> Exit {
    if dry_run { Exit::Fine } else { Exit::Declined }
}

fn agreed(json: bool) -> Result<bool, Failure> {
    if json {
        return Err(Failure::new(
            "--json cannot ask for confirmation",
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
            prediction(&predicted.prediction, plan.new.as_str())
        );
    }
    for note in &plan.notes {
        let _ = writeln!(out, "note: {}", plain(note));
    }
    for loss in &plan.losses {
        let _ = writeln!(out, "! {}", plain(&loss.words()));
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
        target => target.show(world.home()),
    }
}

/// `will send sk-ant-…k3Pw (108)`; `new` is the key that the plan brings forward.
pub(super) fn prediction(prediction: &Prediction, new: &str) -> String {
    match prediction {
        Prediction::SendsNew => format!("will send {new}"),
        Prediction::StillSends { place, key, why } => {
            format!("will still send {key} from {}: {}", plain(place), plain(why))
        }
        Prediction::SendsOther { place, key, why } => {
            format!("will then send {key} from {}: {}", plain(place), plain(why))
        }
        Prediction::SendsNothing { why } => format!("will send no key: {}", plain(why)),
        Prediction::NotKnown { why } => format!("is not known to change: {}", plain(why)),
    }
}

fn written_text(written: &Written, plan: &Plan, home: Option<&Path>) -> String {
    let mut out = String::new();
    for now in &written.now {
        let _ = writeln!(out, "{}", now_line(now));
        if let Some(restart) = &now.restart {
            let _ = writeln!(out, "  {}", restart_line(restart));
        }
    }
    for place in &written.places {
        let _ = writeln!(out, "{}", place_line(place, plan, home));
    }
    if !written.left.is_empty() || !written.copies.is_empty() {
        out.push_str("the old key is left at\n");
    }
    for left in &written.left {
        let why = left.why.as_deref().unwrap_or("was left as it is");
        let _ = writeln!(out, "  ! {}: {}", plain(&left.place.show(home)), plain(why));
    }
    for copy in &written.copies {
        let _ = writeln!(out, "  i {}: a copy that no agent reads", plain(&tilde(copy, home)));
    }
    for note in &written.applied.notes {
        let _ = writeln!(out, "note: {}", plain(note));
    }
    let _ = writeln!(out, "written as {}; `keymend undo` takes it back, byte for byte", written.applied.id);
    out
}

/// `✓ ~/.hermes/.env:3: new key there, old one gone`.
fn place_line(place: &PlaceNow, plan: &Plan, home: Option<&Path>) -> String {
    let mark = if place.new_there { '✓' } else { '!' };
    let new = if place.new_there { "the key is there" } else { "the key cannot be seen there" };
    let old = match (&plan.replaced, place.old_gone) {
        (Some(_), true) => ", the old one is gone",
        (Some(_), false) => ", the old one is not gone",
        (None, _) => "",
    };
    format!("{mark} {}: {new}{old}", plain(&place.place.show(home)))
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

/// Whether a place begins with what was asked for: as it is listed, or as a shell writes it out.
fn is_named(place: &Place, asked: &str, world: &RealWorld) -> bool {
    let (short, long) = (place.show(world.home()), place.show(None));
    [&plain(&short), &plain(&long), &short, &long].iter().any(|shown| shown.starts_with(asked))
}

/// The destination that `--to` names: its number, or its place.
fn destination<'a>(
    (agent, slot): (&agents::Agent, &Slot),
    desk: &Desk,
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
        Some(asked) => asked
            .parse::<usize>()
            .ok()
            .and_then(|n| offered.get(n.checked_sub(1)?))
            .or_else(|| offered.iter().find(|one| is_named(&one.destination.place, asked, world))),
    };
    let owner = slot.lints.iter().find(|lint| lint.id == OWNER_RUNS);
    found.ok_or_else(|| match (asked, offered.is_empty()) {
        (_, true) if owner.is_some() => {
            Failure::new(owner.map_or_else(String::new, |lint| plain(&lint.message)), "nothing was written")
        }
        (_, true) => Failure::new(
            "keymend knows no place where a new key for this slot could be written",
            no_place(agent, slot, desk, world),
        ),
        (Some(asked), _) => Failure::new(format!("no destination is called {}", plain(asked)), list()),
        (None, _) if shared_decides(offered, world) => Failure::new(
            "a file of this project takes precedence over every place of the agent's own",
            format!(
                "its programs read it too, so it is written on your word alone; choose with --to:\n  {}",
                list()
            ),
        ),
        (None, _) => Failure::new(
            "no destination would make the new key active",
            format!("choose one with --to:\n  {}", list()),
        ),
    })
}

/// Whether a key in a file of the project would be the one that is sent.
fn shared_decides(offered: &[Offered], world: &RealWorld) -> bool {
    offered.iter().any(|one| {
        one.outcome.as_ref().is_ok_and(Prediction::is_new) && plan::is_shared(world, &one.destination.place)
    })
}

fn offered_line(n: usize, offered: &Offered, world: &RealWorld) -> String {
    let place = plain(&offered.destination.place.show(world.home()));
    let outcome = match &offered.outcome {
        Ok(outcome) => prediction(outcome, "the new key"),
        Err(error) => plain(&error.to_string()),
    };
    format!("{n} {place}: {}; the slot {outcome}", plain(&offered.destination.effect))
}

/// Why there is no place: a file that cannot be read, or what decides from outside of all files.
fn no_place(agent: &agents::Agent, slot: &Slot, desk: &Desk, world: &RealWorld) -> String {
    let context = agents::Context { world, catalogue: &desk.catalogue };
    let mut lines: Vec<String> = agent
        .scan(&context)
        .map(|found| found.troubles)
        .unwrap_or_default()
        .iter()
        .map(|(path, trouble)| format!("{} {trouble}: {}", tilde(path, world.home()), trouble.hint()))
        .collect();
    lines.extend(
        slot.active_candidate()
            .map(|active| format!("{} decides: {}", active.place.show(world.home()), active.state.reason())),
    );
    lines.push("`keymend explain` shows the whole chain".to_owned());
    plain(&lines.join("; "))
}
