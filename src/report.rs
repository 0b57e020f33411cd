//! What the scripts print: text for people, JSON (`"schema": 1`) for programs. Keys are always masked, text from files is
//! stripped of control characters, and nothing here decides anything.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::finding::Lint;
use crate::plan::SlotId;
use crate::provider::Catalogue;
use crate::remedy::{Act, Remedy};
use crate::resolve::{Candidate, Outcome, Sent, Slot, origin, shown};
use crate::secret::{Fingerprint, Mask, Secret, Tag};
use crate::session::diagnosis::Found;
use crate::session::held::{Holder, Sends};
use crate::session::{Scan, Scanned, SlotRef};
use crate::source::Value;

pub mod bug;
pub mod text;
pub mod why;

/// The version of every JSON shape in this module.
pub const SCHEMA: u32 = 1;

/// What the reports need beside the scan.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    /// For masks.
    pub catalogue: &'a Catalogue,
    /// Shortened to `~` in places.
    pub home: Option<&'a Path>,
    /// Salt of the fingerprints.
    pub salt: &'a str,
}

/// `keymend status --json`.
#[derive(Debug, Serialize)]
pub struct StatusJson {
    schema: u32,
    slots: Vec<SlotJson>,
    agents: Vec<AgentJson>,
}

/// One slot of `keymend status --json`.
#[derive(Debug, Serialize)]
pub struct SlotJson {
    agent: &'static str,
    profile: String,
    mode: Option<&'static str>,
    provider: Option<String>,
    agent_provider: String,
    in_use: bool,
    /// The one-based number of the active candidate.
    active: Option<usize>,
    sends: SendsJson,
    candidates: Vec<CandidateJson>,
    lints: Vec<LintJson>,
    /// The processes and services of the agent that answer for this slot, too.
    held_by: Vec<HolderJson>,
    /// What is wrong with it, worst first.
    findings: Vec<FindingJson>,
}

#[derive(Debug, Serialize)]
struct HolderJson {
    kind: &'static str,
    what: String,
    pid: Option<u32>,
    /// When the process started, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// `same`, `another`, `nothing` or `unknown`.
    sends: &'static str,
    key: Option<Mask>,
    fingerprint: Option<Fingerprint>,
    tag: Option<Tag>,
    certainty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<String>,
}

/// What is sent for a slot. `base_url` is scheme and host; `url` is the whole base as the agent has it.
#[derive(Debug, Serialize)]
pub struct SendsJson {
    outcome: &'static str,
    key: Option<Mask>,
    fingerprint: Option<Fingerprint>,
    header: Option<String>,
    base_url: Option<String>,
    url: Option<String>,
    also: Vec<AlsoJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct AlsoJson {
    header: String,
    key: Mask,
    fingerprint: Fingerprint,
}

#[derive(Debug, Serialize)]
struct CandidateJson {
    n: usize,
    source: &'static str,
    place: String,
    name: Option<String>,
    key: Option<Mask>,
    fingerprint: Option<Fingerprint>,
    tag: Option<Tag>,
    state: &'static str,
    /// The number of the candidate that shadows this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadowed_by: Option<usize>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    lints: Vec<LintJson>,
}

#[derive(Debug, Serialize)]
struct LintJson {
    id: &'static str,
    /// Ids of earlier versions, for scripts that still look for one of them.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    was: &'static [String],
    severity: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct AgentJson {
    id: &'static str,
    name: &'static str,
    present: bool,
    found: Vec<String>,
    version: Option<String>,
    rules: String,
    troubles: Vec<TroubleJson>,
    lints: Vec<LintJson>,
}

#[derive(Debug, Serialize)]
struct TroubleJson {
    place: String,
    message: String,
    hint: &'static str,
}

/// A finding, with its ways out.
#[derive(Debug, Serialize)]
pub struct FindingJson {
    id: &'static str,
    title: &'static str,
    severity: &'static str,
    problem: bool,
    message: String,
    evidence: Vec<String>,
    /// The connections: `agent`, `profile`, `agent_provider`, as in the list of slots. Left out inside of a slot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slots: Vec<String>,
    /// The one-based number of the candidate, in the first connection.
    candidate: Option<usize>,
    remedies: Vec<RemedyJson>,
}

/// A way out.
#[derive(Debug, Serialize)]
struct RemedyJson {
    id: &'static str,
    title: String,
    /// What to run, or the page to open.
    command: Option<String>,
    /// What comes of it.
    predicts: &'static str,
    /// keymend does it; else the person.
    writes: bool,
}

/// The JSON of a finding; `fix` is the command that does its best remedy.
#[must_use]
pub fn finding_json(scan: &Scan, found: &Found, remedies: &[Remedy], fix: &str) -> FindingJson {
    let slots = found.slots.iter().filter_map(|at| scan.slot(*at)).map(SlotId::of);
    let slots = slots.map(|id| plain(&id.to_string())).collect();
    FindingJson { slots, ..bare_finding(found, remedies, fix) }
}

/// The same inside of a slot: ten thousand slots with one finding do not list each other.
fn finding_of_slot(one: &Mended) -> FindingJson {
    bare_finding(&one.found, &one.ways, &one.command)
}

fn bare_finding(found: &Found, remedies: &[Remedy], fix: &str) -> FindingJson {
    let command = |remedy: &Remedy| match remedy.act {
        Act::Write { .. } => Some(format!("{fix} --finding {}", found.id)),
        _ => remedy.how(),
    };
    FindingJson {
        id: found.id,
        title: crate::finding::find(found.id).map_or("", |kind| kind.title.as_str()),
        severity: found.severity.weight().id(),
        problem: found.problem,
        message: plain(&found.message),
        evidence: found.evidence.iter().map(|line| plain(line)).collect(),
        slots: Vec::new(),
        candidate: found.candidate.map(|at| at + 1),
        remedies: remedies
            .iter()
            .map(|remedy| RemedyJson {
                id: remedy.way.id(),
                title: plain(&remedy.title),
                command: command(remedy).map(|command| plain(&command)),
                predicts: remedy.forecast.id(),
                writes: remedy.writes(),
            })
            .collect(),
    }
}

pub use crate::printer::printable as plain;

/// The JSON of `status` for the chosen slots of a scan.
#[must_use]
pub fn status_json(scan: &Scan, chosen: &[SlotRef], found: &[Mended], style: Style<'_>) -> StatusJson {
    let slots = chosen.iter().filter_map(|at| Some((*at, scan.slot(*at)?)));
    let mut of_slot: HashMap<SlotRef, Vec<&Mended>> = HashMap::new();
    for one in found {
        one.found.slots.iter().for_each(|at| of_slot.entry(*at).or_default().push(one));
    }
    let slots = slots
        .map(|(at, slot)| {
            let own = of_slot.get(&at).into_iter().flatten();
            let findings = own.copied().map(finding_of_slot).collect();
            SlotJson { findings, ..slot_json(slot, scan, style) }
        })
        .collect();
    let agents = scan
        .agents
        .iter()
        .enumerate()
        .filter(|(at, scanned)| {
            scanned.findings.slots.is_empty() || chosen.iter().any(|slot| slot.agent == *at)
        })
        .map(|(_, scanned)| agent_json(scanned, style))
        .collect();
    StatusJson { schema: SCHEMA, slots, agents }
}

/// A finding with its ways out, and the command that does the best.
#[derive(Debug)]
pub struct Mended {
    /// The finding.
    pub found: Found,
    /// The ways out.
    pub ways: Vec<Remedy>,
    /// The command.
    pub command: String,
}

/// The JSON of one slot, without findings.
#[must_use]
pub fn slot_json(slot: &Slot, scan: &Scan, style: Style<'_>) -> SlotJson {
    SlotJson {
        agent: slot.agent,
        profile: plain(&slot.profile),
        mode: slot.mode.map(crate::resolve::Mode::id),
        provider: slot.provider.clone(),
        agent_provider: plain(&slot.agent_provider),
        in_use: slot.in_use,
        active: slot.active.map(|at| at + 1),
        sends: sends_json(&slot.outcome, style),
        candidates: (1..)
            .zip(&slot.candidates)
            .map(|(n, candidate)| candidate_json(n, candidate, scan, style))
            .collect(),
        lints: lints_json(&slot.lints),
        held_by: scan.held_by(slot).iter().map(|holder| holder_json(holder, slot, scan, style)).collect(),
        findings: Vec::new(),
    }
}

fn holder_json(holder: &Holder, slot: &Slot, scan: &Scan, style: Style<'_>) -> HolderJson {
    let key = match &holder.sends {
        Sends::Other(key) => Some(key),
        Sends::Same => slot.sent().map(|sent| &sent.key),
        Sends::Nothing(_) | Sends::Unknown(_) => None,
    };
    let reason = match &holder.sends {
        Sends::Nothing(why) | Sends::Unknown(why) => Some(plain(why)),
        Sends::Same | Sends::Other(_) => None,
    };
    HolderJson {
        kind: holder.kind.id(),
        what: plain(&holder.what),
        pid: holder.pid,
        since: holder.since_ms,
        unit: holder.unit.as_deref().map(plain),
        sends: holder.sends.id(),
        key: key.map(|key| style.catalogue.mask(key)),
        fingerprint: key.map(|key| key.fingerprint(style.salt)),
        tag: key.and_then(|key| scan.tag(key)),
        certainty: holder.certainty.id(),
        reason,
        restart: holder.restart.as_ref().map(|words| plain(&words.join(" "))),
    }
}

fn sends_json(outcome: &Outcome, style: Style<'_>) -> SendsJson {
    let without = |outcome, reason: &str| SendsJson {
        outcome,
        key: None,
        fingerprint: None,
        header: None,
        base_url: None,
        url: None,
        also: Vec::new(),
        reason: Some(plain(reason)),
    };
    match outcome {
        Outcome::Sends { sent, base_url, also } => SendsJson {
            outcome: "sends",
            key: Some(style.catalogue.mask(&sent.key)),
            fingerprint: Some(sent.key.fingerprint(style.salt)),
            header: Some(sent.header.name()),
            base_url: Some(plain(&origin(base_url))),
            url: Some(plain(&shown(base_url))),
            also: also.iter().map(|sent| also_json(sent, style)).collect(),
            reason: None,
        },
        Outcome::Nothing { reason } => without("nothing", reason),
        Outcome::Hidden { reason } => without("hidden", reason),
        Outcome::NotKnown { reason } => without("not_known", reason),
    }
}

fn also_json(sent: &Sent, style: Style<'_>) -> AlsoJson {
    AlsoJson {
        header: sent.header.name(),
        key: style.catalogue.mask(&sent.key),
        fingerprint: sent.key.fingerprint(style.salt),
    }
}

fn candidate_json(n: usize, candidate: &Candidate, scan: &Scan, style: Style<'_>) -> CandidateJson {
    let key: Option<&Secret> = candidate.value.secret();
    let shadowed_by = match candidate.state {
        crate::resolve::State::Shadowed { by, .. } => Some(by + 1),
        _ => None,
    };
    let reference = match &candidate.value {
        Value::Reference(text) => Some(plain(text)),
        _ => None,
    };
    CandidateJson {
        n,
        source: candidate.source.id(),
        place: plain(&candidate.place.show(style.home)),
        name: candidate.name.as_deref().map(plain),
        key: key.map(|key| style.catalogue.mask(key)),
        fingerprint: key.map(|key| key.fingerprint(style.salt)),
        tag: key.and_then(|key| scan.tag(key)),
        state: candidate.state.id(),
        shadowed_by,
        reason: plain(candidate.state.reason()),
        reference,
        lints: lints_json(&candidate.lints),
    }
}

fn lints_json(lints: &[Lint]) -> Vec<LintJson> {
    let json = |lint: &Lint| LintJson {
        id: lint.id,
        was: crate::finding::find(lint.id).map_or(&[], |kind| &kind.was),
        severity: lint.severity.id(),
        message: plain(&lint.message),
    };
    lints.iter().map(json).collect()
}

fn agent_json(scanned: &Scanned, style: Style<'_>) -> AgentJson {
    let findings = &scanned.findings;
    let troubles = findings.troubles.iter().map(|(path, trouble)| TroubleJson {
        place: plain(&crate::source::tilde(path, style.home)),
        message: plain(&trouble.to_string()),
        hint: trouble.hint(),
    });
    AgentJson {
        id: scanned.agent.id,
        name: scanned.agent.name,
        present: !findings.found.is_empty(),
        found: findings.found.iter().map(|found| plain(found)).collect(),
        version: findings.version.as_deref().map(plain),
        rules: plain(&findings.rules),
        troubles: troubles.collect(),
        lints: lints_json(&findings.lints),
    }
}
