//! The wizard line by line: numbered choices, one answer a line, no cursor movement. For screen readers, for terminals
//! that show text alone, and for whoever asks for it. Each choice is a command of the command line, and says so.

use std::fmt::Write as _;

use clap::Parser as _;

use super::{Desk, Exit, Failure, print};
use crate::cli::Cli;
use crate::host::{console, output};
use crate::plan::SlotId;
use crate::report::Style;
use crate::report::text::{explain, sends_line};
use crate::resolve::Slot;
use crate::session::{self, Scan, SlotRef};
use crate::source::Value;

const WAYS: &str = "Type a number for one connection, or: t test every key, f mend what is wrong, h history, z undo, \
                    q quit. An empty line lists again.\n";
const OF_ONE: &str = "p new key, t test it, f ways out, u NUMBER use that source, r replace the key everywhere, \
                      x remove a credential. An empty line goes back.\n";

/// The session, until the person quits or the input ends.
pub(super) fn plain(desk: &Desk) -> Result<Exit, Failure> {
    print("keymend, line by line. Every answer ends with Enter. No key that you enter is shown.\n")?;
    let mut listed = list(desk)?;
    loop {
        let Some(answer) = console::line("> ")? else { return Ok(Exit::Fine) };
        let words: Vec<&str> = answer.split_whitespace().collect();
        match words[..] {
            [] => listed = list(desk)?,
            ["q" | "quit" | "exit"] => return Ok(Exit::Fine),
            ["?" | "help"] => print(WAYS)?,
            ["t"] => run(desk, &["check"])?,
            ["f"] => run(desk, &["fix"])?,
            ["h"] => run(desk, &["history"])?,
            ["z"] => run(desk, &["undo"])?,
            [number] => match chosen(&listed, number) {
                Some(id) => {
                    one(desk, id)?;
                    listed = list(desk)?;
                }
                None => not_understood(WAYS)?,
            },
            _ => not_understood(WAYS)?,
        }
    }
}

fn chosen<'a>(listed: &'a [SlotId], number: &str) -> Option<&'a SlotId> {
    listed.get(number.parse::<usize>().ok()?.checked_sub(1)?)
}

/// What was typed is not said again: it may be a key.
fn not_understood(ways: &str) -> Result<(), Failure> {
    print(&format!("This was not understood. {ways}"))
}

/// Every connection that somebody set up, with its number: those in use first.
fn list(desk: &Desk) -> Result<Vec<SlotId>, Failure> {
    let world = desk.world();
    let scan = session::scan_all(&world, &desk.catalogue);
    let mut slots: Vec<(SlotRef, &Slot)> =
        scan.slots().map(|(at, _, slot)| (at, slot)).filter(|(_, slot)| is_set(slot)).collect();
    slots.sort_by_key(|(_, slot)| !slot.in_use);
    let style = desk.style(&world, "");
    let mut out = String::new();
    let what = if slots.len() == 1 { "connection" } else { "connections" };
    let _ = writeln!(out, "\n{} {what}:", slots.len());
    for (n, (at, slot)) in (1..).zip(&slots) {
        let _ = writeln!(out, "{n}. {}", line(&scan, *at, slot, style));
    }
    out.push_str(WAYS);
    print(&out)?;
    Ok(slots.into_iter().map(|(_, slot)| SlotId::of(slot)).collect())
}

fn is_set(slot: &Slot) -> bool {
    slot.in_use || slot.candidates.iter().any(|candidate| candidate.value != Value::Unset)
}

/// `OpenClaw (main) to anthropic, in use: sends x-api-key A sk-ant-…VAAA (108) → https://api.anthropic.com`.
fn line(scan: &Scan, at: SlotRef, slot: &Slot, style: Style<'_>) -> String {
    let agent = scan.agents.get(at.agent).map_or("", |scanned| scanned.agent.name);
    let profile = match slot.profile.as_str() {
        "" | "default" => String::new(),
        name => format!(" ({name})"),
    };
    let in_use = if slot.in_use { ", in use" } else { "" };
    let sends = sends_line(&slot.outcome, scan, style);
    format!("{agent}{profile} to {}{in_use}: {sends}", slot.agent_provider)
}

/// One connection: its chain, and what can be done with it.
fn one(desk: &Desk, id: &SlotId) -> Result<(), Failure> {
    show(desk, id)?;
    let what = id.arguments();
    loop {
        let Some(answer) = console::line(">> ")? else { return Ok(()) };
        let words: Vec<&str> = answer.split_whitespace().collect();
        let (command, source) = match words[..] {
            [] | ["b" | "back"] => return Ok(()),
            ["p"] => ("set", None),
            ["t"] => ("test", None),
            ["f"] => ("fix", None),
            ["r"] => ("rotate", None),
            ["x"] => ("remove", None),
            ["u", number] if number.parse::<usize>().is_ok() => ("use", Some(number)),
            _ => {
                not_understood(OF_ONE)?;
                continue;
            }
        };
        let slot = what.iter().map(String::as_str);
        run(desk, &std::iter::once(command).chain(slot).chain(source).collect::<Vec<_>>())?;
    }
}

fn show(desk: &Desk, id: &SlotId) -> Result<(), Failure> {
    let world = desk.world();
    let scan = session::scan_all(&world, &desk.catalogue);
    let Some(at) = scan.find(id) else { return print("This connection is gone.\n") };
    print(&format!("\n{}{OF_ONE}", explain(&scan, at, desk.style(&world, ""))))
}

/// Runs a command of the command line; what fails is said, and the session goes on.
fn run(desk: &Desk, words: &[&str]) -> Result<(), Failure> {
    print(&format!("keymend {}\n", words.join(" ")))?;
    let parsed = Cli::try_parse_from(std::iter::once("keymend").chain(words.iter().copied()));
    let cli = match parsed {
        Ok(cli) => Cli { home: desk.home.clone(), offline: desk.offline, ..cli },
        Err(error) => return print(&format!("{error}\n")),
    };
    if let Err(failure) = super::run(cli) {
        output::err(&format!("{failure}\n  {}\n", failure.hint))?;
    }
    Ok(())
}
