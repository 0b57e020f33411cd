//! The reports as text.

use std::fmt::Write as _;

use super::{Style, plain};
use crate::agents::{Agent, Record};
use crate::finding::{Kind, Lint, Severity};
use crate::pages;
use crate::resolve::{Candidate, Outcome, Slot, State, shown};
use crate::session::held::{Holder, Sends};
use crate::session::{Scan, SlotRef};
use crate::source::Value;

/// `status`: one block a slot.
#[must_use]
pub fn status(scan: &Scan, chosen: &[SlotRef], style: Style<'_>) -> String {
    let mut out = slots(scan, chosen, style);
    without_slots(&mut out, scan, style);
    if out.is_empty() {
        out.push_str("No agent that keymend knows keeps a key here.\n");
    }
    out
}

/// The chosen slots, under the name of their agent.
#[must_use]
pub fn slots(scan: &Scan, chosen: &[SlotRef], style: Style<'_>) -> String {
    let mut out = String::new();
    let mut last = None;
    for at in chosen {
        let Some(slot) = scan.slot(*at) else { continue };
        if last != Some(at.agent) {
            agent_head(&mut out, scan, at.agent, style);
            last = Some(at.agent);
        }
        let _ = writeln!(out, "  {}", slot_line(slot, scan, style));
        for (n, candidate) in (1..).zip(&slot.candidates).filter(|(_, c)| c.state != State::Unset) {
            let _ = writeln!(out, "    {}", candidate_line(n, candidate, scan, style));
        }
        for holder in scan.held_by(slot).iter().filter(|holder| holder.sends.differs()) {
            let _ = writeln!(out, "    {}", holder_line(holder, scan, style));
        }
        lints(&mut out, "    ", slot.lints.iter().chain(slot.candidates.iter().flat_map(|c| &c.lints)));
    }
    out
}

/// An agent whose files cannot be read, or lost what was in them, has no slots, and just then its lines are what the
/// person needs.
pub fn without_slots(out: &mut String, scan: &Scan, style: Style<'_>) {
    for (at, scanned) in scan.agents.iter().enumerate() {
        let loud = scanned.findings.lints.iter().any(|lint| lint.severity > Severity::Note);
        let lines = !scanned.findings.troubles.is_empty() || loud;
        if scanned.findings.slots.is_empty() && lines {
            agent_head(out, scan, at, style);
        }
    }
}

fn agent_head(out: &mut String, scan: &Scan, at: usize, style: Style<'_>) {
    let Some(scanned) = scan.agents.get(at) else { return };
    let version =
        scanned.findings.version.as_deref().map_or(String::new(), |version| format!(" {}", plain(version)));
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}{version}", scanned.agent.name);
    for (path, trouble) in &scanned.findings.troubles {
        let place = plain(&crate::source::tilde(path, style.home));
        let _ = writeln!(out, "  ! {place} {}: {}", plain(&trouble.to_string()), trouble.hint());
    }
    lints(out, "  ", scanned.findings.lints.iter());
}

fn lints<'a>(out: &mut String, indent: &str, lints: impl Iterator<Item = &'a Lint>) {
    let mut told: Vec<&str> = Vec::new();
    for lint in lints {
        if told.contains(&lint.message.as_str()) {
            continue;
        }
        told.push(&lint.message);
        let mark = match lint.severity {
            Severity::Note => "note",
            Severity::Warn => "warning",
            Severity::Fault => "fault",
        };
        let _ = writeln!(out, "{indent}{mark}: {}", plain(&lint.message));
    }
}

/// `default · anthropic (in use): sends x-api-key A sk-ant-api03-…VAAA (108) → https://api.anthropic.com`.
#[must_use]
pub fn slot_line(slot: &Slot, scan: &Scan, style: Style<'_>) -> String {
    let mode = slot.mode.map_or(String::new(), |mode| format!(" · {}", mode.id()));
    let in_use = if slot.in_use { " (in use)" } else { "" };
    let name = format!("{} · {}{mode}{in_use}", plain(&slot.profile), plain(&slot.agent_provider));
    format!("{name}: {}", sends_line(&slot.outcome, scan, style))
}

/// What is sent, in one line.
#[must_use]
pub fn sends_line(outcome: &Outcome, scan: &Scan, style: Style<'_>) -> String {
    match outcome {
        Outcome::Sends { sent, base_url, also } => {
            let tag = scan.tag(&sent.key).map_or(String::new(), |tag| format!("{tag} "));
            let more: String = also
                .iter()
                .map(|sent| format!(" and {} {}", sent.header, style.catalogue.mask(&sent.key)))
                .collect();
            let mask = style.catalogue.mask(&sent.key);
            format!("sends {} {tag}{mask}{more} → {}", sent.header, plain(&shown(base_url)))
        }
        Outcome::Nothing { reason } => format!("sends no key: {}", plain(reason)),
        Outcome::Hidden { reason } => format!("sends a key that is not readable here: {}", plain(reason)),
        Outcome::NotKnown { reason } => format!("not known: {}", plain(reason)),
    }
}

/// `1 ● env ANTHROPIC_API_KEY  A sk-ant-…VAAA (108)  active: the only source`.
#[must_use]
pub fn candidate_line(n: usize, candidate: &Candidate, scan: &Scan, style: Style<'_>) -> String {
    let mark = match candidate.state {
        State::Active { .. } => '●',
        State::Shadowed { .. } => '○',
        State::Ignored { .. } => '×',
        State::Unset => '–',
    };
    let value = value_words(&candidate.value, scan, style);
    let name = candidate.name.as_deref().map_or(String::new(), |name| format!(" {}", plain(name)));
    let place = plain(&candidate.place.show(style.home));
    let why = match &candidate.state {
        State::Active { reason } => format!("active: {}", plain(reason)),
        State::Shadowed { by, reason } => format!("shadowed by {}: {}", by + 1, plain(reason)),
        State::Ignored { reason } => format!("ignored: {}", plain(reason)),
        State::Unset => "unset".to_owned(),
    };
    format!("{n} {mark} {}{name} {place}  {value}  {why}", candidate.source)
}

fn value_words(value: &Value, scan: &Scan, style: Style<'_>) -> String {
    match value {
        Value::Unset => "–".to_owned(),
        Value::Present(key) if key.is_empty() => "empty".to_owned(),
        Value::Present(key) => {
            let tag = scan.tag(key).map_or(String::new(), |tag| format!("{tag} "));
            format!("{tag}{}", style.catalogue.mask(key))
        }
        Value::Reference(text) => plain(text),
        Value::Sealed => "sealed".to_owned(),
        Value::Unreadable(reason) => plain(reason),
    }
}

/// `explain --finding`: what a kind of finding means.
#[must_use]
pub fn finding(kind: &Kind) -> String {
    let severity: Vec<_> = kind.severity.iter().map(|weight| weight.id()).collect();
    let page = pages::find(&kind.page());
    format!("{} ({})\n  {}\n  {}\n  more: {page}\n", kind.title, severity.join(" or "), kind.text, kind.id)
}

/// `explain`: every candidate of a slot in the agent's order, unset ones too.
#[must_use]
pub fn explain(scan: &Scan, at: SlotRef, style: Style<'_>) -> String {
    let mut out = String::new();
    let (Some(scanned), Some(slot)) = (scan.agents.get(at.agent), scan.slot(at)) else { return out };
    let _ = writeln!(out, "{} · {}", scanned.agent.name, slot_line(slot, scan, style));
    let _ = writeln!(out, "  rules: {}", plain(&scanned.findings.rules));
    for (n, candidate) in (1..).zip(&slot.candidates) {
        let _ = writeln!(out, "  {}", candidate_line(n, candidate, scan, style));
        lints(&mut out, "      ", candidate.lints.iter());
    }
    for holder in scan.held_by(slot) {
        let _ = writeln!(out, "  {}", holder_line(holder, scan, style));
    }
    lints(&mut out, "  ", slot.lints.iter());
    out
}

/// `OpenClaw gateway (pid 412, running for 3 days): sends B sk-ant-…VAAA (108)`.
#[must_use]
pub fn holder_line(holder: &Holder, scan: &Scan, style: Style<'_>) -> String {
    let sends = match &holder.sends {
        Sends::Same => "sends the same".to_owned(),
        Sends::Other(key) => {
            let tag = scan.tag(key).map_or(String::new(), |tag| format!("{tag} "));
            format!("sends {tag}{}", style.catalogue.mask(key))
        }
        Sends::Nothing(why) => format!("sends no key: {}", plain(why)),
        Sends::Unknown(why) => format!("unknown: {}", plain(why)),
    };
    format!("in {}: {sends}", plain(&holder.what))
}

/// `agents`: one line each.
#[must_use]
pub fn agents(all: &[&Agent], scan: &Scan) -> String {
    let mut out = String::new();
    for agent in all {
        let found = scan.agents.iter().find(|scanned| scanned.agent.id == agent.id);
        let here = match found.map(|scanned| &scanned.findings) {
            Some(findings) if !findings.found.is_empty() => {
                let version = findings.version.as_deref().map_or(String::new(), |v| format!(" {}", plain(v)));
                format!("found{version}: {}", plain(&findings.found.join(", ")))
            }
            _ => "not found here".to_owned(),
        };
        let record = match agent.record {
            Record::Rules => format!("rules of {}", agent.versions.join(", ")),
            Record::FoundOnly => "rules unknown".to_owned(),
        };
        let _ = writeln!(out, "{:<14} {:<16} {record}; {here}", agent.id, agent.name);
    }
    out
}

/// The table of `docs/agents.md`.
#[must_use]
pub fn agents_markdown(all: &[&Agent]) -> String {
    let mut out = String::from(
        "| Agent | id | Recorded versions | Where it looks, strongest first |\n|---|---|---|---|\n",
    );
    for agent in all {
        let looks: Vec<String> = agent
            .looks
            .iter()
            .map(|look| {
                if look.note.is_empty() {
                    format!("`{}`", look.place)
                } else {
                    format!("`{}` ({})", look.place, look.note)
                }
            })
            .collect();
        let versions = match agent.record {
            Record::Rules => agent.versions.join(", "),
            Record::FoundOnly => "found only, rules unknown".to_owned(),
        };
        let looks = looks.join(" → ").replace('|', "\\|");
        let _ = writeln!(out, "| {} | `{}` | {versions} | {looks} |", agent.name, agent.id);
    }
    out
}
