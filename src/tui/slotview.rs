//! A slot in rows of text: what it sends, its verdict, its lints. Shared by home, explain and compare.

use crate::finding::Lint;
use crate::resolve::{Candidate, Outcome, Sent, Slot};
use crate::secret::Secret;

use super::core::Core;
use super::known::{Judged, Test, word};
use super::parts::{self, Row, Rows};
use super::theme::Role;
use super::words;

/// `sends  A sk-ant-…VAAA (108)` and, in the same row where it fits, the header and the address.
#[must_use]
pub fn sends(core: &Core, slot: &Slot, columns: usize) -> Rows {
    let mut rows = Rows::default();
    let label = Row::of("sends  ", Role::Dim);
    match &slot.outcome {
        Outcome::Sends { sent, base_url, also } => {
            let key = parts::key(label, core, &sent.key);
            let to = format!("{} → {}", sent.header.name(), words::address(base_url));
            if key.width() + 3 + parts::width(&to) <= columns {
                rows.push(key.text("   ").text(to));
            } else {
                rows.push(key);
                rows.push(Row::of("       ", Role::Dim).text(parts::fit(&to, columns.saturating_sub(7))));
            }
            if words::foreign(&core.known.catalogue, slot).is_some() {
                let name = slot.provider.as_deref().unwrap_or_default();
                let name = words::provider_title(&core.known.catalogue, name);
                let text = format!("This is not an address of {name}.");
                rows.hang(&Row::of("     ! ", Role::Warn), &text, Role::Warn, columns);
            }
            for sent in also {
                rows.push(also_row(core, sent).cut(columns));
            }
        }
        Outcome::Nothing { reason } => {
            rows.hang(&label.add("nothing: ", Role::Bad), reason, Role::Text, columns);
        }
        Outcome::Hidden { reason } => {
            rows.hang(&label.add("hidden: ", Role::Warn), reason, Role::Text, columns);
        }
        Outcome::NotKnown { reason } => {
            rows.hang(&label.add("not known: ", Role::Warn), reason, Role::Text, columns);
        }
    }
    rows
}

fn also_row(core: &Core, sent: &Sent) -> Row {
    parts::key(Row::of("  also ", Role::Warn), core, &sent.key).text("   ").text(sent.header.name())
}

/// The verdict of a key at a slot's provider: what was answered, what it means, what to do.
#[must_use]
pub fn verdict(core: &Core, slot: &Slot, key: &Secret, columns: usize) -> Rows {
    match core.known.test(slot, key) {
        None => Rows(vec![Row::of("○ not tested in this run", Role::Dim)]),
        Some(Test::Running(_)) => Rows(vec![
            Row::of(parts::spinner(core), Role::Accent).text(format!(" asking {}", words::provider(slot))),
        ]),
        Some(Test::Done(judged)) => judged_rows(judged, columns),
    }
}

/// A test in a few words: `✗ 401 invalid x-api-key`.
#[must_use]
pub fn short_verdict(core: &Core, test: &Test) -> Row {
    match test {
        Test::Running(_) => Row::of(parts::spinner(core), Role::Accent).text(" testing"),
        Test::Done(judged) => {
            let (mark, role) = judged.mark();
            let time = judged.latency_ms.map(|ms| format!(" · {ms} ms")).unwrap_or_default();
            let line = if judged.line.is_empty() { String::new() } else { format!(" · {}", judged.line) };
            Row::of(mark, role).add(format!(" {}{line}{time}", judged.word()), role)
        }
    }
}

/// The row of a key, with what its test said.
#[must_use]
pub fn with_verdict(core: &Core, slot: &Slot, row: Row, key: &Secret) -> Row {
    match core.known.test(slot, key) {
        Some(test) => row.text("   ").append(short_verdict(core, test)),
        None => row,
    }
}

/// An answered test.
#[must_use]
pub fn judged_rows(judged: &Judged, columns: usize) -> Rows {
    let mut rows = Rows::default();
    let (mark, role) = judged.mark();
    let mut line = judged.word();
    line.extend((!judged.line.is_empty()).then(|| format!(" · {}", judged.line)));
    line.extend(judged.latency_ms.map(|ms| format!(" · {ms} ms")));
    line.extend(judged.answered_by.iter().map(|who| format!(" · answered by {who}")));
    rows.hang(&Row::of(mark, role).text(" "), &line, role, columns);
    rows.hang(&Row::of("  ", Role::Text), &judged.meaning, Role::Text, columns);
    let worth: Vec<String> = judged.worth.iter().map(|(name, value)| format!("{name} {value}")).collect();
    rows.hang(&Row::of("  ", Role::Text), &worth.join(" · "), Role::Text, columns);
    for tried in &judged.rows {
        let (mark, role) = tried.grade.mark();
        let status = tried.status.map_or(String::new(), |status| format!(" {status}"));
        let text = format!("{}: {}{status}", tried.way, word(tried.id));
        rows.hang(&Row::of("  ", Role::Text).add(mark, role).text(" "), &text, Role::Text, columns);
    }
    rows.hang(&Row::of("→ ", Role::Accent), &judged.next, Role::Text, columns);
    rows
}

/// Lints of a slot and of one of its candidates, the gravest first.
#[must_use]
pub fn lints(own: &[Lint], candidate: Option<&Candidate>, columns: usize) -> Rows {
    lints_but(own, candidate, None, columns)
}

/// The same without the one that was said already.
#[must_use]
pub fn lints_but(own: &[Lint], candidate: Option<&Candidate>, said: Option<&str>, columns: usize) -> Rows {
    let mut all: Vec<&Lint> = own.iter().chain(candidate.into_iter().flat_map(|c| &c.lints)).collect();
    all.retain(|lint| Some(lint.message.as_str()) != said);
    all.sort_by_key(|lint| std::cmp::Reverse(lint.severity));
    let mut rows = Rows::default();
    for lint in all {
        let (mark, role) = words::lint_mark(lint.severity);
        rows.hang(&Row::of(mark, role).text(" "), &lint.message, Role::Text, columns);
    }
    rows
}

/// The key of a candidate in a row: letter and mask, `same key` where an earlier candidate holds it, or what is
/// there instead.
#[must_use]
pub fn candidate_key(row: Row, core: &Core, slot: &Slot, index: usize) -> Row {
    let Some(candidate) = slot.candidates.get(index) else { return row };
    match candidate.value.secret().filter(|key| !key.is_empty()) {
        Some(key) => {
            let earlier = slot.candidates.iter().take(index).any(|other| other.value.secret() == Some(key));
            if earlier {
                let tag = core.known.tag(key).map_or_else(|| "–".to_owned(), |tag| tag.to_string());
                row.add(tag, Role::Tag).add(" same key", Role::Text)
            } else {
                parts::key(row, core, key)
            }
        }
        None => row.add("– ", Role::Dim).add(words::value(candidate), Role::Dim),
    }
}

/// The agent's name for a candidate and its place: `anthropic:default  ~/.openclaw/…/auth-profiles.json#/…`.
#[must_use]
pub fn place(core: &Core, candidate: &Candidate, columns: usize) -> String {
    let place = candidate.place.show(core.known.home());
    match candidate.name.as_deref().filter(|name| *name != place) {
        Some(name) if parts::width(name) + 8 < columns => {
            format!("{name}  {}", parts::fit_path(&place, columns - parts::width(name) - 2))
        }
        Some(name) => parts::fit(name, columns),
        None => parts::fit_path(&place, columns),
    }
}
