//! Files of `NAME=value` lines: dotenv dialects, shell start-up files, systemd units.
//!
//! A reader finds every assignment with the bytes that spell its value; a change replaces those bytes, in the quotes
//! that are there. An edit is accepted only if the same reader then sees the new value there and everything else unchanged.
//! Where the old form cannot carry the value for its reader, the line is written again in the portable form: no
//! blanks, no quotes, no `export` where the reader does not need it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::diff::Spans;
use super::{Edit, EditError, New, Spot};
use crate::formats::assignment::Assignment;
use crate::formats::dotenv;
use crate::source::Dialect;

mod shell;
#[cfg(test)]
mod tests;
mod unit;

/// One assignment that a reader found.
struct Found {
    name: String,
    /// The one-based line on which it starts.
    line: usize,
    /// The bytes that spell the value, quotes included.
    span: Range<usize>,
    /// The value, as the reader sees it.
    value: Zeroizing<String>,
    /// Why keymend does not touch this one, if it does not: it depends on something.
    doubt: Option<&'static str>,
}

/// What a reader makes of a file.
#[derive(Default)]
struct Seen {
    found: Vec<Found>,
    first_wins: bool,
    /// How many lines the reader complains about.
    problems: usize,
}

/// Who reads the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Dotenv(Dialect),
    Shell(Dialect),
    Unit,
}

impl Reader {
    fn of(dialect: Dialect, text: &str) -> Result<Self, EditError> {
        if text.lines().any(|line| line.starts_with("SETUVAR ")) {
            return Err(EditError::Form("a universal variable, and fish itself rewrites that file"));
        }
        match dialect {
            Dialect::Bash | Dialect::Sh | Dialect::Zsh | Dialect::Fish => Ok(Self::Shell(dialect)),
            Dialect::SystemdEnvFile if text.lines().any(|line| line.trim() == "[Service]") => Ok(Self::Unit),
            _ => Ok(Self::Dotenv(dialect)),
        }
    }

    fn see(self, text: &str) -> Seen {
        match self {
            Self::Dotenv(dialect) => dotenv_seen(dialect, text),
            Self::Shell(dialect) => shell::see(dialect, text),
            Self::Unit => unit::see(text),
        }
    }

    /// A whole line that assigns `token` to `name`.
    fn line(self, name: &str, token: &str) -> String {
        match self {
            Self::Dotenv(_) => format!("{name}={token}"),
            Self::Shell(Dialect::Fish) => format!("set -gx {name} {token}"),
            Self::Shell(_) => format!("export {name}={token}"),
            Self::Unit => unit::line(name, token),
        }
    }
}

fn dotenv_seen(dialect: Dialect, text: &str) -> Seen {
    let parsed = dotenv::parse(dialect, text.as_bytes(), &BTreeMap::new());
    let found = parsed.assignments.into_iter().map(|assignment| Found {
        name: assignment.name,
        line: assignment.line,
        span: assignment.span,
        value: Zeroizing::new(assignment.value),
        doubt: None,
    });
    Seen { found: found.collect(), first_wins: parsed.first_wins, problems: parsed.problems.len() }
}

impl Seen {
    /// The assignment that `line` names, or the one that decides.
    fn target(&self, name: &str, line: Option<usize>) -> Option<usize> {
        let mut all = self.found.iter().enumerate().filter(|(_, found)| found.name == name).map(|(at, _)| at);
        if let Some(line) = line
            && let Some(at) = self.found.iter().position(|found| found.name == name && found.line == line)
        {
            return Some(at);
        }
        if self.first_wins { all.next() } else { all.next_back() }
    }
}

/// `text` with `edits` applied, each verified; those of later lines first, so that line numbers stay true.
pub(super) fn apply(dialect: Dialect, text: &str, edits: &[Edit]) -> Result<Zeroizing<String>, EditError> {
    let reader = Reader::of(dialect, text)?;
    let mut ordered: Vec<(&str, Option<usize>, &New)> = edits
        .iter()
        .map(|edit| match &edit.spot {
            Spot::Variable { name, line } => Ok((name.as_str(), *line, &edit.new)),
            _ => Err(EditError::Spot("a file of lines is changed by its variables".to_owned())),
        })
        .collect::<Result<_, _>>()?;
    ordered.sort_by_key(|(_, line, _)| std::cmp::Reverse(line.unwrap_or(0)));
    let mut text = Zeroizing::new(text.to_owned());
    for (name, line, new) in ordered {
        text = match value_of(new)? {
            Some(value) => set(reader, &text, name, line, &value)?,
            None => remove(reader, &text, name, line)?,
        };
    }
    Ok(text)
}

/// The bytes of every name and every value that the file's reader finds. A value of several lines is one to each reader of
/// such files: lines in it that look like assignments are parts of it.
pub(super) fn spans(dialect: Dialect, text: &str) -> Option<Spans> {
    let reader = Reader::of(dialect, text).ok()?;
    let mut spans = Spans::default();
    keywords(reader, text, &mut spans);
    for found in reader.see(text).found {
        let line = text[..found.span.start].rfind('\n').map_or(0, |at| at + 1);
        if let Some(at) = text[line..found.span.start].rfind(&found.name) {
            spans.names.push(line + at..line + at + found.name.len());
        }
        spans.values.push(found.span);
    }
    if let Reader::Dotenv(own) = reader {
        let others = [Dialect::PythonDotenv, Dialect::NodeDotenv, Dialect::Dotenvy, Dialect::ComposeGo];
        for other in others.into_iter().filter(|other| *other != own) {
            let found = dotenv::parse(other, text.as_bytes(), &BTreeMap::new()).assignments;
            let long = |span: &Range<usize>| text.get(span.clone()).is_some_and(|value| value.contains('\n'));
            spans.values.extend(found.into_iter().map(|one| one.span).filter(long));
        }
    }
    Some(spans)
}

/// `export`, `set -gx`, and in a unit the sections and the names of its lines.
fn keywords(reader: Reader, text: &str, spans: &mut Spans) {
    let (mut at, mut continued) = (0, false);
    for line in text.split_inclusive('\n') {
        let from = at + line.len() - line.trim_start().len();
        let body = line.trim();
        let len = match reader {
            _ if continued => None,
            Reader::Unit if body.starts_with('[') && body.ends_with(']') => Some(body.len()),
            Reader::Unit => {
                body.find('=').filter(|len| body[..*len].bytes().all(|b| b.is_ascii_alphabetic()))
            }
            Reader::Dotenv(_) | Reader::Shell(_) => {
                ["export ", "set -gx ", "set -Ux ", "set -x ", "declare -x ", "typeset -x "]
                    .into_iter()
                    .find(|word| body.starts_with(word))
                    .map(str::len)
            }
        };
        spans.names.extend(len.map(|len| from..from + len));
        continued = body.ends_with('\\');
        at += line.len();
    }
}

/// What the assignment on `line`, or the one that decides, gives `name`.
pub(super) fn value_at(
    dialect: Dialect,
    text: &str,
    name: &str,
    line: Option<usize>,
) -> Result<New, EditError> {
    let seen = Reader::of(dialect, text)?.see(text);
    Ok(seen.target(name, line).map_or(New::Nothing, |at| New::text(&seen.found[at].value)))
}

fn value_of(new: &New) -> Result<Option<Zeroizing<String>>, EditError> {
    let text = match new {
        New::Nothing => return Ok(None),
        New::Key(key) => {
            if key.is_empty()
                || key.any_char(|c| !is_portable(c) && !matches!(c, '~' | '|' | ',' | '@' | '%'))
            {
                return Err(EditError::Value("readers of such files disagree about one of its characters"));
            }
            Zeroizing::new(key.expose(ToOwned::to_owned))
        }
        New::Part(text) => Zeroizing::new(text.expose(ToOwned::to_owned)),
        New::Json(Json::String(text)) => Zeroizing::new(text.clone()),
        New::Json(value @ (Json::Bool(_) | Json::Number(_))) => Zeroizing::new(value.to_string()),
        New::Json(_) => return Err(EditError::Value("a line holds a text")),
    };
    if text.contains(char::is_control) {
        return Err(EditError::Value("it holds control characters"));
    }
    Ok(Some(text))
}

/// A character that all loaders of such files read as itself without quotes.
const fn is_portable(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '+' | '=' | '-')
}

fn set(
    reader: Reader,
    text: &str,
    name: &str,
    line: Option<usize>,
    value: &str,
) -> Result<Zeroizing<String>, EditError> {
    let seen = reader.see(text);
    let Some(target) = seen.target(name, line) else { return append(reader, text, &seen, name, value) };
    let found = &seen.found[target];
    if let Some(doubt) = found.doubt {
        return Err(EditError::Form(doubt));
    }
    let old = text[found.span.clone()].chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let whole = lines_of(text, &found.span, found.line);
    let mut tries = Vec::new();
    for token in tokens(value, old) {
        tries.push((found.span.clone(), token));
    }
    let head = text[whole.clone()].trim_start();
    let head = head.strip_prefix("export").map_or(head, str::trim_start);
    if matches!(reader, Reader::Dotenv(_)) && head.starts_with(name) {
        for token in tokens(value, None) {
            for end in [newline(text), "\n"] {
                tries.push((whole.clone(), format!("{}{end}", reader.line(name, &token))));
            }
        }
    }
    tries
        .into_iter()
        .map(|(at, new)| Zeroizing::new(format!("{}{new}{}", &text[..at.start], &text[at.end..])))
        .find(|after| {
            same_but(text, &seen, after, &reader.see(after), target, value)
                && second_agrees(reader, text, after, name)
        })
        .ok_or_else(|| EditError::Unverified("the file's reader would not see the new value".to_owned()))
}

/// The ways to spell `value`: in the quotes `old` first, bare where that is safe, then in quotes.
fn tokens(value: &str, old: Option<char>) -> Vec<String> {
    let quoted = |quote: char| (!value.contains(quote)).then(|| format!("{quote}{value}{quote}"));
    let bare = (!value.is_empty() && value.chars().all(is_portable)).then(|| value.to_owned());
    let double = if value.contains(['$', '`', '\\']) { None } else { quoted('"') };
    let same = match old {
        Some('"') => double.clone(),
        Some(quote) => quoted(quote),
        None => None,
    };
    let mut all: Vec<String> = [same, bare, quoted('\''), double].into_iter().flatten().collect();
    all.dedup();
    all
}

/// A new line at the end, after the file's last line has got its end.
fn append(
    reader: Reader,
    text: &str,
    seen: &Seen,
    name: &str,
    value: &str,
) -> Result<Zeroizing<String>, EditError> {
    let end = newline(text);
    let (at, lead) = match reader {
        Reader::Unit => unit::insert_at(text),
        _ => (text.len(), if text.is_empty() || text.ends_with('\n') { "" } else { end }),
    };
    tokens(value, None)
        .into_iter()
        .map(|token| {
            let line = reader.line(name, &token);
            Zeroizing::new(format!("{}{lead}{line}{end}{}", &text[..at], &text[at..]))
        })
        .find(|after| {
            let now = reader.see(after);
            let Some(new) = now.target(name, None) else { return false };
            now.found.len() == seen.found.len() + 1
                && now.found[new].value.as_str() == value
                && now.found[new].doubt.is_none()
                && after.get(now.found[new].span.clone()).is_some_and(|spelled| spelled.contains(value))
                && now.problems <= seen.problems
                && others_equal((text, seen, None), (after, &now, Some(new)), name)
        })
        .ok_or_else(|| {
            EditError::Unverified("the file's reader would not see a new line at its end".to_owned())
        })
}

/// Takes the assignment on `line` away, or every assignment of `name`.
fn remove(
    reader: Reader,
    text: &str,
    name: &str,
    line: Option<usize>,
) -> Result<Zeroizing<String>, EditError> {
    let mut text = Zeroizing::new(text.to_owned());
    loop {
        let seen = reader.see(&text);
        let mut all = seen.found.iter().enumerate().filter(|(_, found)| found.name == name);
        let at = match line {
            Some(line) => all.find(|(_, found)| found.line == line),
            None => all.next_back(),
        };
        let Some((at, found)) = at else { return Ok(text) };
        if let Some(doubt) = found.doubt {
            return Err(EditError::Form(doubt));
        }
        let whole = lines_of(&text, &found.span, found.line);
        let after = Zeroizing::new(format!("{}{}", &text[..whole.start], &text[whole.end..]));
        let now = reader.see(&after);
        let gone = now.found.len() + 1 == seen.found.len();
        let others = others_equal((&text, &seen, Some(at)), (&after, &now, None), name);
        if !gone || now.problems > seen.problems || !others || !second_agrees(reader, &text, &after, name) {
            return Err(EditError::Unverified("other lines would change along".to_owned()));
        }
        if line.is_some() {
            return Ok(after);
        }
        text = after;
    }
}

/// Hermes reads its file by two parsers, and only the second one knows references and values of several lines: whether it
/// sees every other variable as before.
fn second_agrees(reader: Reader, before: &str, after: &str, name: &str) -> bool {
    if reader != Reader::Dotenv(Dialect::Hermes) {
        return true;
    }
    let read =
        |text: &str| dotenv::parse(Dialect::PythonDotenv, text.as_bytes(), &BTreeMap::new()).assignments;
    let (old, new) = (read(before), read(after));
    agree(&assigned(&old, before, name), &assigned(&new, after, name), name)
}

/// The assignments of every variable but `name`.
fn assigned<'a>(all: &'a [Assignment], text: &'a str, name: &str) -> Vec<Row<'a>> {
    let others = all.iter().filter(|one| one.name != name);
    others.map(|one| Row::of(&one.name, &one.value, &one.span, text)).collect()
}

/// One assignment, as two readings of a file are compared.
struct Row<'a> {
    name: &'a str,
    value: &'a str,
    spelled: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(name: &'a str, value: &'a str, span: &Range<usize>, text: &'a str) -> Self {
        Self { name, value, spelled: text.get(span.clone()) }
    }

    /// Whether it refers to one of these names.
    fn refers_to(&self, names: &HashSet<&str>) -> bool {
        let spelled = self.spelled.unwrap_or_default();
        let words = || spelled.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        spelled.contains('$') && words().any(|word| names.contains(word))
    }
}

/// Whether all assignments are what they were. Where `changed` has got another value, what refers to it, itself or through
/// others, has changed along, as its reader sees it now; its spelling has not.
fn agree(old: &[Row<'_>], new: &[Row<'_>], changed: &str) -> bool {
    let mut moved = HashSet::from([changed]);
    let mut pairs = old.iter().zip(new);
    old.len() == new.len()
        && pairs.all(|(old, new)| {
            let same = old.value == new.value;
            let fine = same || new.refers_to(&moved);
            if !same {
                moved.insert(new.name);
            }
            fine && old.name == new.name && old.spelled == new.spelled
        })
}

/// Whether `after` holds `value` at `target` and is otherwise what `before` was, to their reader.
fn same_but(before: &str, seen: &Seen, after: &str, now: &Seen, target: usize, value: &str) -> bool {
    now.found.len() == seen.found.len()
        && now.problems <= seen.problems
        && now.found.get(target).is_some_and(|found| {
            found.value.as_str() == value && found.name == seen.found[target].name && found.doubt.is_none()
        })
        && others_equal((before, seen, Some(target)), (after, now, Some(target)), &seen.found[target].name)
}

/// A text, what its reader sees in it, and which assignment is left aside.
type Reading<'a> = (&'a str, &'a Seen, Option<usize>);

/// Whether all assignments but those left aside are what they were; those of the changed `name` decide what moves along.
fn others_equal(before: Reading<'_>, after: Reading<'_>, name: &str) -> bool {
    agree(&rows(before), &rows(after), name)
}

fn rows((text, seen, skip): Reading<'_>) -> Vec<Row<'_>> {
    let others = seen.found.iter().enumerate().filter(|(at, _)| Some(*at) != skip);
    others.map(|(_, found)| Row::of(&found.name, &found.value, &found.span, text)).collect()
}

/// The lines from `line` (one-based) to the one on which `span` ends, with their ends.
fn lines_of(text: &str, span: &Range<usize>, line: usize) -> Range<usize> {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    start..end.max(start)
}

/// The line end that the file uses.
fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
