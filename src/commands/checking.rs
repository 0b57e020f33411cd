//! `check`: what is wrong, worst first, each with its way out.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::looking::{TRIED, chosen_by, slots_or_none, whole_scan};
use super::testing::{report_text, run};
use super::{Desk, Exit, Failure, print, print_json, salt};
use crate::agents::Context;
use crate::cli;
use crate::finding::Severity;
use crate::host::consents::Consents;
use crate::plan::SlotId;
use crate::probe::course::{Consent, Report};
use crate::remedy::{Act, Remedy};
use crate::report::{self, SCHEMA, Style, plain, text};
use crate::resolve::Slot;
use crate::session::diagnosis::{self, Found, Words};
use crate::session::verdicts::{self, Same, Trial, Verdicts, idle_literal};
use crate::session::{Scan, SlotRef};
use crate::world::World as _;

/// Tests that were made in this run: no key is tested twice.
pub(super) struct Tester<'a> {
    desk: &'a Desk,
    consent: Consent,
    done: HashMap<Same, Report>,
}

impl<'a> Tester<'a> {
    pub(super) fn new(desk: &'a Desk, consent: Consent) -> Self {
        Self { desk, consent, done: HashMap::new() }
    }

    /// Tests what is sent, and, where that is refused, what could be sent in its place.
    pub(super) fn test(&mut self, scan: &Scan, chosen: &[SlotRef]) -> Verdicts {
        let mut said = Verdicts::default();
        let catalogue = &self.desk.catalogue;
        self.run(&verdicts::of_sent(scan, chosen, catalogue, self.consent), &mut said);
        let others = verdicts::of_others(scan, chosen, catalogue, self.consent, &said);
        self.run(&others, &mut said);
        said
    }

    fn run(&mut self, trials: &[Trial], said: &mut Verdicts) {
        let agreed = Consents::of(&self.desk.world()).hosts();
        let new: Vec<&Trial> = trials.iter().filter(|trial| !self.done.contains_key(&trial.same)).collect();
        let jobs = new.iter().map(|trial| trial.job.clone().agreeing(&agreed)).collect();
        let names: Vec<Same> = new.iter().map(|trial| trial.same.clone()).collect();
        if !names.is_empty() {
            self.done.extend(names.into_iter().zip(run(self.desk, jobs)));
        }
        for trial in trials {
            let Some(report) = self.done.get(&trial.same) else { continue };
            trial.slots.iter().for_each(|at| said.note(*at, &trial.job.key, report.clone()));
        }
    }
}

/// `keymend check`.
pub(super) fn check(desk: &Desk, args: &cli::Check) -> Result<Exit, Failure> {
    let world = desk.world();
    let selector = chosen_by(desk, args.slot.as_deref())?;
    let scan = whole_scan(desk, &world, &selector)?;
    let chosen = slots_or_none(desk, &scan, &selector, args.slot.as_deref())?;
    let consent = Consent { spend: args.spend, siblings: args.siblings, ..Consent::default() };
    let verdicts =
        if desk.offline { Verdicts::default() } else { Tester::new(desk, consent).test(&scan, &chosen) };
    let words = Words {
        scan: &scan,
        catalogue: &desk.catalogue,
        home: world.home(),
        only: selector.agent.as_deref(),
    };
    let found = diagnosis::findings(words, &chosen, &verdicts);
    let problems = found.iter().filter(|one| one.problem).count();
    let context = Context { world: &world, catalogue: &desk.catalogue };
    let tried: HashSet<(&str, &str)> =
        found.iter().take(TRIED).map(|one| (one.id, one.message.as_str())).collect();
    let ways = |one: &Found| {
        let known = tried.contains(&(one.id, one.message.as_str()));
        if known { diagnosis::remedies(context, &scan, one, &verdicts) } else { Vec::new() }
    };
    let salt = salt(None);
    let style = desk.style(&world, &salt);
    if args.json {
        let json = Json { scan: &scan, chosen: &chosen, verdicts: &verdicts, found: &found, style };
        print_json(&json.all(problems, &ways))?;
    } else {
        let seen = Seen { desk, scan: &scan, chosen: &chosen, verdicts: &verdicts, words };
        let mut out = seen.findings(&found, args.verbose, &ways);
        if args.verbose {
            out += &seen.details(style);
        }
        out += &seen.closing(&found, args.verbose);
        print(&out)?;
    }
    Ok(if problems == 0 { Exit::Fine } else { Exit::Problems })
}

/// What `check` looked at.
struct Seen<'a> {
    desk: &'a Desk,
    scan: &'a Scan,
    chosen: &'a [SlotRef],
    verdicts: &'a Verdicts,
    words: Words<'a>,
}

impl Seen<'_> {
    fn findings(&self, found: &[Found], verbose: bool, ways: &dyn Fn(&Found) -> Vec<Remedy>) -> String {
        let least = if verbose { Severity::Note } else { Severity::Warn };
        let shown = found.iter().filter(|one| one.problem || one.severity >= least);
        let mut out = String::new();
        for one in shown {
            let best = ways(one).into_iter().next();
            out += &finding_text(self.words, one, best.as_ref());
        }
        out
    }

    fn slots(&self) -> impl Iterator<Item = (SlotRef, &Slot)> {
        self.chosen.iter().filter_map(|at| Some((*at, self.scan.slot(*at)?)))
    }

    /// What each connection sends and what its test said.
    fn details(&self, style: Style<'_>) -> String {
        let mut out = String::new();
        for (at, slot) in self.slots() {
            out += "\n";
            out += &text::slots(self.scan, &[at], style);
            match self.verdicts.sent(at, slot) {
                Some(report) => out += &indented(&report_text(report)),
                None if slot.sent().is_some() => out += &format!("    not tested: {}\n", self.untested(slot)),
                None => {}
            }
        }
        out
    }

    /// The last lines: how many, and what is fine.
    fn closing(&self, found: &[Found], verbose: bool) -> String {
        let named = |wanted: &dyn Fn(SlotRef, &Slot) -> bool| {
            let mut seen = HashSet::new();
            let slots = self.slots().filter(|(at, slot)| wanted(*at, slot));
            let names = slots.map(|(_, slot)| plain(&SlotId { mode: None, ..SlotId::of(slot) }.to_string()));
            names.filter(|name| seen.insert(name.clone())).collect::<Vec<String>>()
        };
        let troubled = troubled(found);
        let troubled = |at: SlotRef| troubled.contains(&at);
        let idle = |slot: &Slot| !slot.in_use && (slot.sent().is_none() || idle_literal(slot));
        let fine = named(&|at, slot| !troubled(at) && !idle(slot));
        let unused = named(&|at, slot| !troubled(at) && idle(slot));
        let problems = found.iter().filter(|one| one.problem).count();
        let all = named(&|_, slot| !idle(slot)).len();
        let mut out = String::new();
        if problems == 0 {
            let untested = if self.desk.offline { " (not tested: --offline)" } else { "" };
            let _ = writeln!(out, "✓ {}, nothing wrong{untested}", count(all, "connection"));
        } else {
            let _ = writeln!(out, "{} in {}", count(problems, "problem"), count(all, "connection"));
            if !fine.is_empty() {
                let _ = writeln!(out, "fine: {}", fine.join(", "));
            }
        }
        let waiting = named(&|at, slot| {
            slot.sent().is_some()
                && !self.desk.offline
                && !idle(slot)
                && self.verdicts.sent(at, slot).is_none()
        });
        if !waiting.is_empty() {
            let _ = writeln!(out, "not tested, its address is not known: {}", waiting.join(", "));
        }
        for (at, slot) in self.slots() {
            out += &self.waits(at, slot, &out);
        }
        if verbose && !unused.is_empty() {
            let _ = writeln!(out, "not set up: {}", unused.join(", "));
        } else if !unused.is_empty() && problems > 0 {
            let _ = writeln!(out, "not set up: {} (-v lists them)", count(unused.len(), "connection"));
        }
        out
    }

    /// The hosts that the agent uses and that were not asked, for want of a yes; each once.
    fn waits(&self, at: SlotRef, slot: &Slot, said: &str) -> String {
        let Some(report) = self.verdicts.sent(at, slot) else { return String::new() };
        let waiting = report.rows.iter().filter(|row| row.verdict.waits_for_yes());
        let line = |host: &str| {
            let name = format!("{}/{}", slot.agent, slot.agent_provider);
            plain(&format!("not tested at {host} before you agree: keymend test {name} --yes-to {host}"))
                + "\n"
        };
        let lines = waiting.map(|row| line(&row.host)).filter(|line| !said.contains(line.as_str()));
        lines.collect()
    }

    /// Why a slot that sends a key has no test.
    fn untested(&self, slot: &Slot) -> &'static str {
        if self.desk.offline {
            "--offline"
        } else if idle_literal(slot) {
            "this is a word of the agent itself, and the slot is not in use"
        } else {
            "keymend does not know to which address this slot sends its key"
        }
    }
}

/// The connections with a problem.
fn troubled(found: &[Found]) -> HashSet<SlotRef> {
    found.iter().filter(|one| one.problem).flat_map(|one| one.slots.iter().copied()).collect()
}

/// `1 problem`, `3 problems`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A finding in at most three lines.
pub(super) fn finding_text(words: Words<'_>, found: &Found, best: Option<&Remedy>) -> String {
    let mark = match (found.problem, found.severity) {
        (true, _) | (_, Severity::Fault) => '✗',
        (_, Severity::Warn) => '!',
        (_, Severity::Note) => 'i',
    };
    let mut seen = HashSet::new();
    let names = found.slots.iter().map(|at| words.connection(*at));
    let names: Vec<String> = names.filter(|name| seen.insert(name.clone())).collect();
    let who = match names.as_slice() {
        [] => String::new(),
        [one] if found.message.starts_with(one.as_str()) => String::new(),
        [one] => format!("{one}: "),
        [one, rest @ ..] => format!("{one} and {} more: ", rest.len()),
    };
    let mut out = format!("{mark} {}\n", plain(&format!("{who}{} [{}]", found.message, found.id)));
    for line in found.evidence.iter().take(1) {
        let _ = writeln!(out, "    {}", plain(line));
    }
    if let Some(best) = best {
        let _ = writeln!(out, "    {}", remedy_line(words.scan, found, best));
    }
    out
}

/// `→ keymend fix hermes/anthropic: use source 2, …`.
pub(super) fn remedy_line(scan: &Scan, found: &Found, remedy: &Remedy) -> String {
    let title = &remedy.title;
    plain(&match (&remedy.act, remedy.how()) {
        (Act::Write { .. }, _) => format!("→ {title}   ({})", fix_command(scan, found)),
        (_, Some(how)) => format!("→ {title}: {how}"),
        (_, None) => format!("→ {title}"),
    })
}

/// The command that does the best remedy of a finding.
pub(super) fn fix_command(scan: &Scan, found: &Found) -> String {
    let slot = found.slots.first().and_then(|at| scan.slot(*at));
    let named = |slot: &Slot| format!("keymend fix {}", SlotId::of(slot).argument());
    slot.map_or_else(|| "keymend fix".to_owned(), named)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

struct Json<'a> {
    scan: &'a Scan,
    chosen: &'a [SlotRef],
    verdicts: &'a Verdicts,
    found: &'a [Found],
    style: Style<'a>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    schema: u32,
    problems: usize,
    findings: Vec<report::FindingJson>,
    slots: Vec<CheckedJson<'a>>,
}

#[derive(Serialize)]
struct CheckedJson<'a> {
    #[serde(flatten)]
    slot: report::SlotJson,
    problem: bool,
    /// Null where no test ran.
    test: Option<&'a Report>,
}

impl<'a> Json<'a> {
    fn all(&self, problems: usize, ways: &dyn Fn(&Found) -> Vec<Remedy>) -> CheckJson<'a> {
        let findings = self
            .found
            .iter()
            .map(|one| report::finding_json(self.scan, one, &ways(one), &fix_command(self.scan, one)));
        let troubled = troubled(self.found);
        let slots = self.chosen.iter().filter_map(|at| Some((*at, self.scan.slot(*at)?)));
        let slots = slots.map(|(at, slot)| CheckedJson {
            slot: report::slot_json(slot, self.scan, self.style),
            problem: troubled.contains(&at),
            test: self.verdicts.sent(at, slot),
        });
        CheckJson { schema: SCHEMA, problems, findings: findings.collect(), slots: slots.collect() }
    }
}
