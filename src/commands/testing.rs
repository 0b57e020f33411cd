//! `test`, and the test before a write.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::consenting::{address, agree};
use super::looking::{scan_for, selector, slots_of};
use super::{Desk, Exit, Failure, keys, print, print_json};
use crate::agents;
use crate::cli;
use crate::host::consents::Consents;
use crate::host::console::{self, Answered};
use crate::host::http::{Options, run_all};
use crate::hygiene::{Cleaned, clean_secret};
use crate::probe::course::{Consent, Job, Report};
use crate::probe::custom;
use crate::probe::verdict::Kind;
use crate::provider::{Catalogue, Provider};
use crate::report::{SCHEMA, plain};
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::diagnosis::Words;
use crate::session::names::{self, NoSuch};
use crate::session::test::{Routes, direct, job};
use crate::session::verdicts::{self, Trial};
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
    if args.all {
        return stored(desk, args, consent);
    }
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

pub(super) fn run(desk: &Desk, jobs: Vec<Job>) -> Vec<Report> {
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
    let chosen = args.candidate.as_deref().map(|asked| key_of(slot, asked)).transpose()?;
    let key = given.or(chosen).or_else(|| slot.sent().map(|sent| sent.key.clone()));
    if !args.json {
        say(&format!("{}\n", plain(&crate::plan::SlotId::of(slot).to_string())))?;
    }
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

/// The key of a candidate that the person named.
fn key_of(slot: &Slot, asked: &str) -> Result<Secret, Failure> {
    let at = super::writing::candidate(slot, asked)?;
    let key = slot.candidates.get(at).and_then(|one| one.value.secret()).filter(|key| !key.is_empty());
    key.cloned()
        .ok_or_else(|| Failure::new("there is no key at this candidate", "`keymend explain` lists them"))
}

#[derive(Serialize)]
struct StoredJson<'a> {
    schema: u32,
    keys: Vec<StoredKeyJson<'a>>,
}

#[derive(Serialize)]
struct StoredKeyJson<'a> {
    slots: Vec<String>,
    key: crate::secret::Mask,
    /// A connection sends it.
    sent: bool,
    test: &'a Report,
}

/// `test --all`: every stored key of the chosen connections once, sent or not.
fn stored(desk: &Desk, args: &cli::Test, consent: Consent) -> Result<Exit, Failure> {
    let world = desk.world();
    let selector = selector(desk, &args.target, None)?;
    let scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_of(desk, &scan, &selector, &args.target)?;
    let trials = verdicts::of_all(&scan, &chosen, &desk.catalogue, consent);
    let agreed = agree(desk, &args.yes_to)?;
    let jobs = trials.iter().map(|trial| trial.job.clone().agreeing(&agreed)).collect();
    let reports = run(desk, jobs);
    let words = Words { scan: &scan, catalogue: &desk.catalogue, home: world.home(), only: None };
    let is_sent = |trial: &Trial| {
        let mut slots = trial.slots.iter().filter_map(|at| scan.slot(*at));
        slots.any(|slot| slot.sent().is_some_and(|sent| sent.key == trial.job.key))
    };
    let names = |trial: &Trial| -> Vec<String> {
        let ids = trial.slots.iter().filter_map(|at| scan.slot(*at)).map(crate::plan::SlotId::of);
        ids.map(|id| plain(&id.to_string())).collect()
    };
    if args.json {
        let keys = trials.iter().zip(&reports).map(|(trial, test)| StoredKeyJson {
            slots: names(trial),
            key: desk.catalogue.mask(&trial.job.key),
            sent: is_sent(trial),
            test,
        });
        print_json(&StoredJson { schema: SCHEMA, keys: keys.collect() })?;
    } else {
        let mut out = String::new();
        for (trial, report) in trials.iter().zip(&reports) {
            let sent = if is_sent(trial) { "sent" } else { "not sent" };
            let who = names(trial).join(", ");
            let _ = writeln!(out, "{} · {sent} · {who}", plain(&words.key(&trial.job.key)));
            let _ = write!(out, "  {}", verdict_line(report));
        }
        if trials.is_empty() {
            out.push_str("No key is stored there.\n");
        }
        print(&out)?;
    }
    let fine = reports.iter().all(|report| report.overall.kind == Kind::Valid);
    Ok(if fine { Exit::Fine } else { Exit::Problems })
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

/// The key as it was given: cleaned where it is one, else as it is without the blanks around it, because what is
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

pub(super) fn report_text(report: &Report) -> String {
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
