//! `test`, `check`, and the test before a write.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::consenting::{address, agree};
use super::looking::{chosen_by, scan_for, selector, slots_of, slots_or_none};
use super::{Desk, Exit, Failure, keys, print, print_json, salt};
use crate::agents;
use crate::cli;
use crate::finding::Severity;
use crate::host::consents::Consents;
use crate::host::console::{self, Answered};
use crate::host::http::{Options, run_all};
use crate::hygiene::{Cleaned, clean_secret};
use crate::probe::course::{Consent, Job, Report};
use crate::probe::custom;
use crate::probe::verdict::Kind;
use crate::provider::{Catalogue, Provider};
use crate::report::{self, SCHEMA, plain, text};
use crate::resolve::{Outcome, Slot};
use crate::secret::Secret;
use crate::session::names::{self, NoSuch};
use crate::session::test::{Routes, direct, job};
use crate::session::{Scan, SlotRef};
use crate::world::World as _;

/// `keymend test`.
pub(super) fn test(desk: &Desk, args: &cli::Test) -> Result<Exit, Failure> {
    if desk.offline {
        return Err(Failure::new(
            "a test needs the network",
            "leave out --offline, or see `keymend check --offline`",
        ));
    }
    let base = address(&desk.catalogue, args.base_url.as_ref())?;
    let consent = Consent { spend: args.spend, elsewhere: base.is_some(), siblings: args.siblings };
    // A provider alone is tested with a key that is given: one that is not is asked for.
    let is_agent = agents::named(&args.target).is_some();
    let is_provider = !is_agent && desk.catalogue.by_alias(&args.target).is_some();
    let of_slot = args.target.contains('/') || (!args.stdin && !args.clipboard && !is_provider);
    let job =
        if of_slot { slot_job(desk, args, base, consent)? } else { key_job(desk, args, base, consent)? };
    let agreed = agree(desk, &args.yes_to)?;
    let report = run_asking(desk, &job, agreed, !args.json)?.ok_or_else(no_runtime)?;
    let fine = report.overall.kind == Kind::Valid;
    if args.json {
        print_json(&report)?;
    } else {
        print(&report_text(&report))?;
    }
    Ok(if fine { Exit::Fine } else { Exit::Problems })
}

fn no_runtime() -> Failure {
    Failure::new("the test could not run", "try again")
}

fn run(desk: &Desk, jobs: Vec<Job>) -> Vec<Report> {
    let world = desk.world();
    let options = Options::from_env(|name| world.var(name).map(ToOwned::to_owned));
    run_all(Arc::new(Catalogue::clone(&desk.catalogue)), options, jobs)
}

/// Runs a test. Where a host waits for a yes and somebody is at the terminal, they are asked; the yes is remembered, as that
/// of `--yes-to` is.
fn run_asking(
    desk: &Desk,
    job: &Job,
    mut agreed: Vec<String>,
    may_ask: bool,
) -> Result<Option<Report>, Failure> {
    loop {
        let report = run(desk, vec![job.clone().agreeing(&agreed)]).pop();
        let waits = |report: &Report| {
            report.rows.iter().find_map(|row| row.verdict.noted("needs_yes").map(ToOwned::to_owned))
        };
        let host = report.as_ref().and_then(waits).filter(|host| !agreed.contains(host));
        let (Some(host), Some(asking)) = (host, report.as_ref().filter(|_| may_ask && console::can_ask()))
        else {
            return Ok(report);
        };
        say(&verdict_line(asking))?;
        let question = format!("Send this key to {}, now and in later tests?", plain(&host));
        if console::ask(&question)? != Answered::Yes {
            return Ok(report);
        }
        agreed = agree(desk, std::slice::from_ref(&host))?;
        agreed.push(host);
    }
}

/// The key that a slot sends now, or one that was given for it.
fn slot_job(desk: &Desk, args: &cli::Test, base: Option<&str>, consent: Consent) -> Result<Job, Failure> {
    let world = desk.world();
    let selector = selector(desk, &args.target, None)?;
    let scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_of(desk, &scan, &selector, &args.target)?;
    let slots: Vec<&Slot> = chosen.iter().filter_map(|at| scan.slot(*at)).collect();
    let slot = slots.iter().find(|slot| slot.in_use).or_else(|| slots.first()).ok_or_else(no_runtime)?;
    let given = if args.stdin || args.clipboard {
        Some(given_key(desk, args, slot.provider.as_deref())?)
    } else {
        None
    };
    let key = given.or_else(|| slot.sent().map(|sent| sent.key.clone()));
    let key = key.ok_or_else(|| Failure::new("this slot sends no key", "`keymend explain` says why"))?;
    if let Some(base) = base {
        let provider = slot.provider.as_deref().unwrap_or(custom::OPENAI);
        return Ok(Job::at(provider, key, base).allowing(consent));
    }
    job(&desk.catalogue, slot, &key, &Routes::new(), consent).ok_or_else(|| {
        Failure::new(
            "keymend does not know to which address this slot sends its key",
            "name the address with --base-url",
        )
    })
}

fn key_job(desk: &Desk, args: &cli::Test, base: Option<&str>, consent: Consent) -> Result<Job, Failure> {
    let provider = provider(desk, &args.target)?;
    let key = given_key(desk, args, Some(&provider.id))?;
    Ok(match base {
        Some(base) => Job::at(&provider.id, key, base).allowing(consent),
        None => direct(provider, &key, &Routes::new()).allowing(consent),
    })
}

/// A provider's name that nothing is called, with the nearest one.
pub(super) fn unknown_provider(desk: &Desk, name: &str) -> NoSuch {
    let ids = desk.catalogue.all().iter().map(|provider| provider.id.as_str());
    let nearest = names::nearest(name, ids).map(ToOwned::to_owned);
    NoSuch { what: "provider", name: name.to_owned(), nearest, known: Vec::new() }
}

pub(super) fn provider<'a>(desk: &'a Desk, name: &str) -> Result<&'a Provider, Failure> {
    desk.catalogue.get(name).or_else(|| desk.catalogue.by_alias(name)).ok_or_else(|| {
        Failure::from(unknown_provider(desk, name)).or("`keymend providers` lists those that keymend knows")
    })
}

/// The key as it was given: cleaned where it is one, else as it stands without the blanks around it, because what is
/// odd may be just what the person wants to see tested. What cannot be sent is refused.
fn given_key(desk: &Desk, args: &cli::Test, provider: Option<&str>) -> Result<Secret, Failure> {
    let paste = keys::paste(desk, (args.stdin, args.clipboard, None), provider)?;
    match clean_secret(&paste, &desk.catalogue, provider) {
        Cleaned::Accepted(found) => Ok(found.key),
        Cleaned::Refused(no) => {
            let bare = paste.map(|text| text.trim().to_owned());
            if bare.is_empty() || bare.any_char(|c| !c.is_ascii_graphic()) {
                return Err(Failure::new(
                    format!("this is not a key: {}", plain(&no.message)),
                    "copy the key again, whole and alone",
                ));
            }
            Ok(bare)
        }
    }
}

fn report_text(report: &Report) -> String {
    let mut out = verdict_line(report);
    if report.rows.len() > 1 {
        for row in &report.rows {
            let status = row.verdict.status.map_or(String::new(), |status| format!(" {status}"));
            let _ = writeln!(
                out,
                "  {:<28} {:<36} {}{status}",
                row.what.words(),
                plain(&row.host),
                row.verdict.kind
            );
        }
    }
    for (name, value) in report.overall.worth.iter().chain(&report.overall.evidence) {
        let _ = writeln!(out, "  {:<14} {}", plain(name), plain(value));
    }
    for hint in &report.overall.hints {
        let _ = writeln!(out, "  → {}", plain(hint));
    }
    out
}

/// `✓ valid · 200 · 180 ms: the key authenticates`.
fn verdict_line(report: &Report) -> String {
    let verdict = &report.overall;
    let mark = match verdict.kind {
        Kind::Valid => '✓',
        kind if kind.rejects() => '✗',
        _ => '!',
    };
    let status = verdict.status.map_or(String::new(), |status| format!(" · {status}"));
    let latency = verdict.latency_ms.map_or(String::new(), |ms| format!(" · {ms} ms"));
    format!("{mark} {}{status}{latency}: {}\n", verdict.kind, plain(&verdict.reason))
}

#[derive(Serialize)]
struct CheckJson<'a> {
    schema: u32,
    problems: usize,
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

/// `keymend check`.
pub(super) fn check(desk: &Desk, args: &cli::Check) -> Result<Exit, Failure> {
    let world = desk.world();
    let selector = chosen_by(desk, args.slot.as_deref())?;
    let scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_or_none(desk, &scan, &selector, args.slot.as_deref())?;
    let consent = Consent { spend: args.spend, siblings: args.siblings, ..Consent::default() };
    let tested = if desk.offline { Vec::new() } else { test_all(desk, &scan, &chosen, consent) };
    let report_of = |slot: &Slot| {
        let key = test_name(slot)?;
        tested.iter().find(|(name, _)| *name == key).map(|(_, report)| report)
    };
    let salt = salt(None);
    let style = desk.style(&world, &salt);
    let rows: Vec<(&SlotRef, &Slot, Option<&Report>)> = chosen
        .iter()
        .filter_map(|at| scan.slot(*at).map(|slot| (at, slot)))
        .map(|(at, slot)| (at, slot, report_of(slot)))
        .collect();
    let troubles: usize = scan.agents.iter().map(|scanned| scanned.findings.troubles.len()).sum();
    let problems = troubles + rows.iter().filter(|(_, slot, report)| is_problem(slot, *report)).count();
    if args.json {
        let slots = rows.iter().map(|(_, slot, test)| CheckedJson {
            slot: report::slot_json(slot, &scan, style),
            problem: is_problem(slot, *test),
            test: *test,
        });
        print_json(&CheckJson { schema: SCHEMA, problems, slots: slots.collect() })?;
    } else {
        let mut out = String::new();
        for (at, slot, test) in &rows {
            out += &text::slots(&scan, std::slice::from_ref(*at), style);
            match test {
                Some(report) => out += &indented(&report_text(report)),
                None if slot.sent().is_some() => out += untested(desk, slot),
                None => {}
            }
        }
        text::without_slots(&mut out, &scan, style);
        let _ = writeln!(out, "{} checked, {problems} with problems", rows.len());
        print(&out)?;
    }
    Ok(if problems == 0 { Exit::Fine } else { Exit::Problems })
}

/// Why a slot that sends a key has no test.
fn untested(desk: &Desk, slot: &Slot) -> &'static str {
    if desk.offline {
        "    not tested: --offline\n"
    } else if idle_literal(slot) {
        "    not tested: this is a word of the agent itself, and the slot is not in use\n"
    } else {
        "    not tested: keymend does not know to which address this slot sends its key\n"
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// What makes two tests the same: provider, key, address and header.
pub(super) fn test_name(slot: &Slot) -> Option<(String, String, String)> {
    let Outcome::Sends { sent, base_url, .. } = &slot.outcome else { return None };
    let provider = slot.provider.clone().unwrap_or_default();
    let way = format!("{base_url} {}", sent.header);
    Some((provider, sent.key.fingerprint("").to_string(), way))
}

pub(super) type Tested = ((String, String, String), Report);

/// Every distinct key of the chosen slots once, side by side.
pub(super) fn test_all(desk: &Desk, scan: &Scan, chosen: &[SlotRef], consent: Consent) -> Vec<Tested> {
    let mut names = Vec::new();
    let mut jobs = Vec::new();
    let agreed = Consents::of(&desk.world()).hosts();
    for slot in chosen.iter().filter_map(|at| scan.slot(*at)) {
        let (Some(name), Some(sent)) = (test_name(slot), slot.sent()) else { continue };
        if names.contains(&name) || idle_literal(slot) {
            continue;
        }
        if let Some(job) = job(&desk.catalogue, slot, &sent.key, &Routes::new(), consent) {
            names.push(name);
            jobs.push(job.agreeing(&agreed));
        }
    }
    names.into_iter().zip(run(desk, jobs)).collect()
}

/// A word of the agent itself (`None`, `no-key-required`) in a slot that is not in use: nobody set it up.
fn idle_literal(slot: &Slot) -> bool {
    !slot.in_use
        && slot.active_candidate().is_some_and(|candidate| candidate.source == crate::source::Source::BuiltIn)
}

/// A slot in use that sends nothing, a fault, or a key that its provider does not take.
fn is_problem(slot: &Slot, report: Option<&Report>) -> bool {
    if idle_literal(slot) {
        return false;
    }
    let lints = slot.lints.iter().chain(slot.concerning().flat_map(|candidate| &candidate.lints));
    let fault = lints.into_iter().any(|lint| lint.severity == Severity::Fault);
    let silent = slot.in_use && matches!(slot.outcome, Outcome::Nothing { .. });
    // A host that waits for a yes is said; nothing is known to be wrong with the key.
    let bad = |report: &Report| report.overall.kind != Kind::Valid && !report.overall.waits_for_yes();
    fault || silent || report.is_some_and(bad)
}

/// Tests a new key before it is written: a definite rejection stops unless the person insists; what could not be asked is
/// said and lets the write go on.
pub(super) fn before_write(
    desk: &Desk,
    slot: &Slot,
    key: &Secret,
    args: &cli::NewKey,
    write: &cli::Writing,
) -> Result<(), Failure> {
    let base = address(&desk.catalogue, args.base_url.as_ref())?;
    let consent = Consent { elsewhere: base.is_some(), ..Consent::default() };
    let job = match base {
        Some(base) => {
            let provider = slot.provider.as_deref().unwrap_or(custom::OPENAI);
            Some(Job::at(provider, key.clone(), base).allowing(consent))
        }
        None => job(&desk.catalogue, slot, key, &Routes::new(), consent),
    };
    let agreed = Consents::of(&desk.world()).hosts();
    let report = match job {
        Some(job) => run_asking(desk, &job, agreed, !write.yes && !write.json)?,
        None => None,
    };
    let Some(report) = report else {
        return say("! not tested: keymend does not know to which address this slot sends its key\n");
    };
    say(&verdict_line(&report))?;
    if report.overall.kind.rejects() && !write.insist {
        let hint = report.overall.hints.first().map_or("", String::as_str);
        return Err(Failure::new(
            format!("the new key was rejected: {}", plain(&report.overall.reason)),
            format!("{hint} Nothing was written; --insist writes it all the same.").trim().to_owned(),
        ));
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(crate::host::output::err(line)?)
}
