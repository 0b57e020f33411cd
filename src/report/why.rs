//! What `keymend why` prints.

use std::fmt::Write as _;

use serde::Serialize;

use super::{SCHEMA, Style, plain, text as slots};
use crate::pages;
use crate::printer;
use crate::session::Scan;
use crate::why::{Explained, Fit, Meaning, RequestId, Said, Step};

/// How much of a line is shown.
const MAX_QUOTE: usize = 300;
/// How many connections are shown.
const MAX_FITS: usize = 3;
/// The column of the values.
const COLUMN: usize = 14;

/// `keymend why --json`.
#[derive(Debug, Serialize)]
pub struct WhyJson {
    schema: u32,
    /// A verdict's id, or `no_key`, `blocked`, `setup`, `request_id`, `key`, `unknown`.
    verdict: &'static str,
    said_by: ByJson,
    provider: Option<String>,
    agent: Option<&'static str>,
    status: Option<u16>,
    code: Option<String>,
    reason: String,
    line: usize,
    text: String,
    request_ids: Vec<RequestJson>,
    wait: Option<String>,
    may_also: Vec<String>,
    connections: Vec<ConnectionJson>,
    key_in_text: bool,
    also_in_text: Vec<OtherJson>,
    next: Vec<StepJson>,
    /// Where the documentation says more.
    page: Option<String>,
}

#[derive(Debug, Serialize)]
struct ByJson {
    kind: &'static str,
    name: String,
}

#[derive(Debug, Serialize)]
struct RequestJson {
    id: String,
    what: String,
    provider: Option<String>,
}

#[derive(Debug, Serialize)]
struct ConnectionJson {
    agent: &'static str,
    profile: String,
    provider: Option<String>,
    agent_provider: String,
    in_use: bool,
    because: Vec<String>,
    /// The number of the candidate whose key is in the text, where another one is sent.
    candidate: Option<usize>,
}

#[derive(Debug, Serialize)]
struct OtherJson {
    line: usize,
    verdict: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
struct StepJson {
    text: String,
    command: Option<String>,
}

/// The JSON of an explanation.
#[must_use]
pub fn json(explained: &Explained, scan: &Scan) -> WhyJson {
    let said = &explained.main;
    let request = |one: &RequestId| RequestJson {
        id: plain(&one.id),
        what: one.what.clone(),
        provider: one.provider.clone(),
    };
    let other =
        |one: &Said| OtherJson { line: one.line, verdict: one.meaning.id(), reason: plain(&one.reason) };
    let step = |one: &Step| StepJson { text: plain(&one.text), command: one.command.as_deref().map(plain) };
    WhyJson {
        schema: SCHEMA,
        verdict: said.meaning.id(),
        said_by: ByJson { kind: said.speaker.id(), name: plain(&said.speaker.words()) },
        provider: said.provider.clone(),
        agent: said.agent,
        status: said.status,
        code: said.code.as_deref().map(plain),
        reason: plain(&said.reason),
        line: said.line,
        text: quote(&said.text),
        request_ids: explained.requests.iter().map(request).collect(),
        wait: explained.wait.as_deref().map(plain),
        may_also: explained.may_also.iter().map(|text| plain(text)).collect(),
        connections: explained.fits.iter().filter_map(|fit| connection(fit, scan)).collect(),
        key_in_text: explained.has_key,
        also_in_text: explained.others.iter().map(other).collect(),
        next: explained.next.iter().map(step).collect(),
        page: explained.page.map(pages::find),
    }
}

fn connection(fit: &Fit, scan: &Scan) -> Option<ConnectionJson> {
    let slot = scan.slot(fit.at)?;
    Some(ConnectionJson {
        agent: slot.agent,
        profile: plain(&slot.profile),
        provider: slot.provider.clone(),
        agent_provider: plain(&slot.agent_provider),
        in_use: slot.in_use,
        because: fit.because.iter().map(|text| plain(text)).collect(),
        candidate: fit.other.map(|at| at + 1),
    })
}

/// The explanation for a person.
#[must_use]
pub fn text(explained: &Explained, scan: &Scan, style: Style<'_>) -> String {
    let said = &explained.main;
    let mut out = format!("{} {}: {}\n", mark(said.meaning), said.meaning.id(), plain(&said.reason));
    let status = said.status.map_or(String::new(), |status| format!(" (status {status})"));
    if !matches!(said.meaning, Meaning::RequestId | Meaning::Key) {
        row(&mut out, "said by", &format!("{}{status}", plain(&said.speaker.words())));
        row(&mut out, &format!("line {}", said.line), &quote(&said.text));
        for request in &explained.requests {
            row(
                &mut out,
                "request id",
                &format!("{} ({}, no key: quote it to support)", plain(&request.id), request.what),
            );
        }
    }
    if explained.has_key && said.meaning != Meaning::Key {
        row(
            &mut out,
            "key",
            "there is a whole key in the text: where the text was published, treat it as exposed",
        );
    }
    connections(&mut out, explained, scan, style);
    for (at, other) in explained.may_also.iter().enumerate() {
        row(&mut out, if at == 0 { "may also be" } else { "" }, &plain(other));
    }
    for step in &explained.next {
        match &step.command {
            Some(command) => {
                let _ = writeln!(out, "  → {}   {}", plain(command), plain(&step.text));
            }
            None => {
                let _ = writeln!(out, "  → {}", plain(&step.text));
            }
        }
    }
    if let Some(page) = explained.page {
        row(&mut out, "more", &pages::find(page));
    }
    for (at, other) in explained.others.iter().enumerate() {
        let words = format!("line {}: {}: {}", other.line, other.meaning.id(), plain(&other.reason));
        row(&mut out, if at == 0 { "also said" } else { "" }, &words);
    }
    out
}

fn connections(out: &mut String, explained: &Explained, scan: &Scan, style: Style<'_>) {
    for (at, fit) in explained.fits.iter().enumerate().take(MAX_FITS) {
        let (Some(slot), Some(scanned)) = (scan.slot(fit.at), scan.agents.get(fit.at.agent)) else {
            continue;
        };
        let name = scanned.agent.name;
        let line = format!("{name} · {}", slots::slot_line(slot, scan, style));
        row(out, if at == 0 { "fits" } else { "" }, &line);
        row(out, "", &format!("({})", plain(&fit.because.join("; "))));
    }
    let more = explained.fits.len().saturating_sub(MAX_FITS);
    if more > 0 {
        row(out, "", &format!("and {more} more; `keymend status` lists them"));
    }
    if explained.fits.is_empty() && !matches!(explained.main.meaning, Meaning::RequestId | Meaning::Key) {
        row(out, "fits", "no connection of this machine");
    }
}

fn row(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "  {label:<COLUMN$} {text}");
}

const fn mark(meaning: Meaning) -> char {
    match meaning {
        Meaning::Answer(kind) if kind.rejects() => '✗',
        Meaning::RequestId | Meaning::Key => 'i',
        Meaning::Unknown => '?',
        _ => '!',
    }
}

/// A line of the text: keys masked before it is cut, so that none is cut in two.
fn quote(text: &str) -> String {
    let line = printer::printable(text);
    let short: String = line.chars().take(MAX_QUOTE).collect();
    if short.len() < line.len() { format!("{}…", short.trim_end()) } else { short }
}
