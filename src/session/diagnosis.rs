//! What is wrong, worst first: the findings of a scan and of the tests, each once, with the connections that it concerns.

use std::collections::HashMap;
use std::path::Path;

use super::held::Holder;
use super::verdicts::{Verdicts, idle_literal, is_bad};
use super::{Scan, SlotRef};
use crate::agents::Context;
use crate::finding::{self, Lint, Severity, Way};
use crate::hygiene::forms;
use crate::plan::SlotId;
use crate::probe::course::Report;
use crate::probe::verdict::Kind;
use crate::prove;
use crate::provider::Catalogue;
use crate::remedy::{self, Case, Remedy};
use crate::resolve::{Candidate, Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::tilde;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind in the registry.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and where, in a sentence.
    pub message: String,
    /// What it rests on, where that is more than the sentence.
    pub evidence: Vec<String>,
    /// The connections, those in use first; none for an agent's file.
    pub slots: Vec<SlotRef>,
    /// Other findings that follow from it; their ways out may help here, too.
    pub more: Vec<&'static str>,
    /// The candidate of the first connection that it is about.
    pub candidate: Option<usize>,
    /// A connection in use is concerned.
    pub in_use: bool,
    /// `check` ends with 1 because of it.
    pub problem: bool,
}

impl Found {
    /// A finding of an agent in use, about no candidate.
    fn new(id: &'static str, severity: Severity, message: String, slots: Vec<SlotRef>) -> Self {
        Self {
            id,
            severity,
            message,
            evidence: Vec::new(),
            more: Vec::new(),
            slots,
            candidate: None,
            in_use: true,
            problem: severity == Severity::Fault,
        }
    }

    fn of_lint(lint: &Lint, at: SlotRef, slot: &Slot, candidate: Option<usize>) -> Self {
        let found = Self::new(lint.id, lint.severity, lint.message.clone(), vec![at]);
        Self { candidate, in_use: slot.in_use, ..found }
    }
}

/// What the sentences need.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// The scan.
    pub scan: &'a Scan,
    /// For masks.
    pub catalogue: &'a Catalogue,
    /// Shortened to `~`.
    pub home: Option<&'a Path>,
    /// The agent that was asked about, where it was one; the others are there for their keys.
    pub only: Option<&'a str>,
}

impl Words<'_> {
    /// `A sk-ant-…k3Pw (108)`.
    #[must_use]
    pub fn key(&self, key: &Secret) -> String {
        let tag = self.scan.tag(key).map_or(String::new(), |tag| format!("{tag} "));
        format!("{tag}{}", self.catalogue.mask(key))
    }

    /// `Hermes Agent → anthropic`.
    #[must_use]
    pub fn connection(&self, at: SlotRef) -> String {
        self.scan.slot(at).map_or_else(String::new, |slot| super::write::connection(&SlotId::of(slot)))
    }

    /// Where a candidate is.
    #[must_use]
    pub fn place(&self, candidate: &Candidate) -> String {
        candidate.spoken(self.home)
    }
}

/// All findings about the chosen connections and their agents, worst first.
#[must_use]
pub fn findings(words: Words<'_>, chosen: &[SlotRef], verdicts: &Verdicts) -> Vec<Found> {
    let mut all = Gathered::default();
    of_agents(words, chosen, &mut all);
    for (at, slot) in chosen.iter().filter_map(|at| Some((*at, words.scan.slot(*at)?))) {
        let own = one_cause(one_silence(of_slot(words, at, slot, verdicts)), slot);
        for found in own {
            all.add(found);
        }
    }
    let mut all = all.all;
    all.sort_by_key(|found| (!found.problem, std::cmp::Reverse(found.severity), !found.in_use));
    all
}

/// The ways out of a finding, best first.
#[must_use]
pub fn remedies(context: Context<'_>, scan: &Scan, found: &Found, verdicts: &Verdicts) -> Vec<Remedy> {
    let Some(at) = found.slots.first().copied() else { return Vec::new() };
    let (Some(slot), Some(scanned)) = (scan.slot(at), scan.agents.get(at.agent)) else { return Vec::new() };
    let spares = super::spares::of(scan, slot, context.catalogue);
    // A unit, job or compose service that has another key of its own has it after a restart, too.
    let running = |holder: &&Holder| holder.pid.is_some() && holder.sends.differs();
    let holders = scan.held_by(slot).iter().filter(running);
    let stale: Vec<(String, Vec<String>)> =
        holders.filter_map(|holder| Some((holder.what.clone(), holder.restart.clone()?))).collect();
    remedy::remedies(Case {
        context,
        agent: scanned.agent,
        slot,
        candidate: found.candidate,
        findings: &[found.id].into_iter().chain(found.more.iter().copied()).collect::<Vec<_>>(),
        tested: &|key| verdicts.kind(at, key),
        spares: &spares,
        stale: &stale,
        can_prove: prove::recipe(slot.agent).is_some(),
    })
}

/// Findings in order, each once: the same one about another connection is one finding. Ten thousand connections with the
/// same fault are no reason to compare each with each.
#[derive(Default)]
struct Gathered {
    all: Vec<Found>,
    known: HashMap<(&'static str, String), usize>,
}

impl Gathered {
    fn add(&mut self, found: Found) {
        let at = *self.known.entry((found.id, found.message.clone())).or_insert(self.all.len());
        let Some(other) = self.all.get_mut(at) else {
            self.all.push(found);
            return;
        };
        other.severity = other.severity.max(found.severity);
        other.problem |= found.problem;
        if found.in_use && !other.in_use {
            (other.candidate, other.in_use) = (found.candidate, true);
            other.slots.splice(0..0, found.slots);
        } else {
            other.slots.extend(found.slots);
        }
    }
}

fn of_agents(words: Words<'_>, chosen: &[SlotRef], all: &mut Gathered) {
    for (index, scanned) in words.scan.agents.iter().enumerate() {
        let other = words.only.is_some_and(|only| only != scanned.agent.id);
        let concerned = scanned.findings.slots.is_empty() || chosen.iter().any(|at| at.agent == index);
        let concerned = concerned && !other;
        if !concerned {
            continue;
        }
        let slots: Vec<SlotRef> = chosen.iter().copied().filter(|at| at.agent == index).take(1).collect();
        for (path, trouble) in &scanned.findings.troubles {
            let message = format!("{} {trouble}: {}", tilde(path, words.home), trouble.hint());
            all.add(Found::new("unreadable", Severity::Fault, message, slots.clone()));
        }
        for lint in &scanned.findings.lints {
            let found = Found::new(lint.id, lint.severity, lint.message.clone(), slots.clone());
            all.add(Found { problem: false, ..found });
        }
    }
}

fn of_slot(words: Words<'_>, at: SlotRef, slot: &Slot, verdicts: &Verdicts) -> Vec<Found> {
    if idle_literal(slot) {
        return Vec::new();
    }
    let mut all: Vec<Found> = slot.lints.iter().map(|lint| Found::of_lint(lint, at, slot, None)).collect();
    let concerned: Vec<&Candidate> = slot.concerning().collect();
    for (n, candidate) in slot.candidates.iter().enumerate() {
        let concerns = concerned.iter().any(|one| std::ptr::eq(*one, candidate));
        for lint in &candidate.lints {
            let found = Found::of_lint(lint, at, slot, Some(n));
            // A fault of a key that is not sent breaks nothing.
            let severity = if concerns { lint.severity } else { lint.severity.min(Severity::Warn) };
            all.push(Found { severity, problem: concerns && found.problem, ..found });
        }
    }
    all.extend(of_outcome(words, at, slot));
    all.extend(verdicts.sent(at, slot).and_then(|report| of_verdict(words, at, slot, report, verdicts)));
    all
}

/// A connection in use that sends nothing, or of which nothing is known.
fn of_outcome(words: Words<'_>, at: SlotRef, slot: &Slot) -> Option<Found> {
    if !slot.in_use {
        return None;
    }
    let connection = words.connection(at);
    let (id, severity, message) = match &slot.outcome {
        Outcome::Nothing { reason } => {
            ("sends-nothing", Severity::Fault, format!("{connection} sends no key: {reason}"))
        }
        Outcome::NotKnown { reason } => {
            ("not-known", Severity::Note, format!("what {connection} sends is unknown: {reason}"))
        }
        _ => return None,
    };
    Some(Found::new(id, severity, message, vec![at]))
}

/// A connection in use that sends nothing: what keeps it from sending is the finding, and that nothing is sent follows.
fn one_silence(mut own: Vec<Found>) -> Vec<Found> {
    let Some(at) = own.iter().position(|found| found.id == "sends-nothing") else { return own };
    let mends = |found: &Found| finding::find(found.id).is_some_and(|kind| !kind.remedies.is_empty());
    let cause = |found: &Found| {
        found.id != "sends-nothing"
            && found.severity >= Severity::Warn
            && KEEPS.contains(&found.id)
            && mends(found)
    };
    let Some(first) = own.iter().position(cause) else { return own };
    let silent = own.remove(at);
    let first = if first > at { first - 1 } else { first };
    let cause = &mut own[first];
    cause.severity = Severity::Fault;
    cause.problem = true;
    if !silent.message.ends_with(&cause.message) {
        cause.evidence.push(silent.message);
    }
    // No other key helps a program that does not start.
    if cause.id != "does-not-start" {
        cause.more.push(silent.id);
    }
    own
}

/// What can keep an agent from sending a key that is there.
const KEEPS: [&str; 21] = [
    "bad-character",
    "broken-key",
    "config-not-loaded",
    "cooldown",
    "does-not-start",
    "empty-hides",
    "invisible-character",
    "key-only-elsewhere",
    "login-deleted",
    "login-emptied",
    "login-expired",
    "newline",
    "non-ascii",
    "placeholder-wins",
    "profile-waiting",
    "reference-unset",
    "refused",
    "store-broken",
    "suppressed-source",
    "unresolved-reference",
    "whitespace",
];

/// Faults of one text have one cause: what was pasted. The first one speaks for the others, and for the refusal that they
/// lead to.
fn one_cause(own: Vec<Found>, slot: &Slot) -> Vec<Found> {
    let of_text = |found: &Found| {
        let mends = |way: &Way| matches!(way, Way::Clean | Way::Split);
        found.problem
            && found.candidate.is_some()
            && found.candidate == slot.active
            && !REFUSALS.contains(&found.id)
            && finding::find(found.id).is_some_and(|kind| kind.remedies.iter().any(mends))
    };
    let Some(first) = own.iter().position(of_text) else { return own };
    let mut all: Vec<Found> = Vec::new();
    let mut also = Vec::new();
    for (at, found) in own.into_iter().enumerate() {
        let follows = at != first && (of_text(&found) || REFUSALS.contains(&found.id));
        if follows {
            also.push(found);
        } else {
            all.push(found);
        }
    }
    if let Some(cause) = all.iter_mut().find(|found| of_text(found)) {
        // What a test said tells more than one more fault of the text.
        also.sort_by_key(|found| !REFUSALS.contains(&found.id));
        cause.more.extend(also.iter().map(|found| found.id));
        cause.evidence.extend(also.into_iter().map(|found| found.message));
    }
    all
}

/// The findings of a test that a fault of the text explains.
const REFUSALS: [&str; 3] = ["key-rejected", "wrong-endpoint", "not-proven"];

/// The finding of a verdict.
fn of_verdict(
    words: Words<'_>,
    at: SlotRef,
    slot: &Slot,
    report: &Report,
    verdicts: &Verdicts,
) -> Option<Found> {
    let verdict = &report.overall;
    let sent = slot.sent()?;
    let (id, severity) = match verdict.kind {
        Kind::Valid => return None,
        _ if verdict.waits_for_yes() => ("waits-for-yes", Severity::Note),
        Kind::Invalid => ("key-rejected", Severity::Fault),
        Kind::Revoked => ("key-revoked", Severity::Fault),
        Kind::Expired => ("key-expired", Severity::Fault),
        Kind::NoCredit => ("no-credit", Severity::Fault),
        Kind::RateLimited => ("rate-limited", Severity::Warn),
        Kind::Forbidden => ("key-forbidden", Severity::Fault),
        Kind::WrongEndpoint => ("wrong-endpoint", Severity::Fault),
        Kind::Gateway => ("gateway-answered", Severity::Fault),
        Kind::ProviderDown => ("provider-down", Severity::Warn),
        Kind::Network => ("not-reached", Severity::Warn),
        Kind::Ambiguous => ("not-proven", Severity::Note),
    };
    let key = words.key(&sent.key);
    let from = slot.active_candidate().map_or(String::new(), |one| format!(" from {}", words.place(one)));
    let status = verdict.status.map_or(String::new(), |status| format!(" ({status})"));
    let message = format!("{key}{from}: {}{status}", verdict.reason.trim_end_matches('.'));
    let found = Found {
        candidate: slot.active,
        in_use: slot.in_use,
        problem: !verdict.waits_for_yes(),
        ..Found::new(id, severity, message, vec![at])
    };
    let good = is_bad(verdict.kind).then(|| good_beside(words, at, slot, verdicts)).flatten();
    Some(match good {
        Some(line) => Found { id: "good-key-beside", evidence: vec![line], ..found },
        None => found,
    })
}

/// The candidate that works and is not sent, and why.
fn good_beside(words: Words<'_>, at: SlotRef, slot: &Slot, verdicts: &Verdicts) -> Option<String> {
    let provider = slot.provider.as_deref();
    let works = |key: &Secret| verdicts.kind(at, key) == Some(Kind::Valid);
    let good = slot.candidates.iter().enumerate().find_map(|(n, one)| {
        let key = forms(one.value.secret()?, provider, words.catalogue).into_iter().find(works)?;
        (slot.active != Some(n)).then_some((one, key))
    });
    let (one, key) = good?;
    let why = match &one.state {
        State::Shadowed { by, reason } => {
            let winner = slot
                .candidates
                .get(*by)
                .map_or(String::new(), |row| format!("{} comes first: ", words.place(row)));
            format!("{winner}{reason}")
        }
        state => state.reason().to_owned(),
    };
    Some(format!("{} in {} works and is not sent: {why}", words.key(&key), words.place(one)))
}
