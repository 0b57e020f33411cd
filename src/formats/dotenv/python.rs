//! python-dotenv 1.2.4 (`dotenv/parser.py`, `dotenv/variables.py`), and docker-compose 1.29, which is built on it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Binding, Expansion, Variables};
use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{Filling, Room};
use crate::formats::text::{Decode, LineEnds, Text, is_py_space};

/// What python-dotenv reads. From 1.2.3 on it drops a byte order mark (`Reader.__init__`); the versions before took it for a
/// part of the first name.
pub(super) fn parse(
    bytes: &[u8],
    env: &BTreeMap<String, String>,
    expansion: Expansion,
    drops_mark: bool,
) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Strict, LineEnds::ToLf, drops_mark) else {
        return Parsed::refused(1, "not UTF-8: python-dotenv stops with an error");
    };
    let mut assignments: Vec<Assignment> = Vec::new();
    // A bare name later in the file unsets an earlier one.
    let mut unset: BTreeMap<&str, usize> = BTreeMap::new();
    let outside = |name: &str| env.get(name).map(|value| Cow::Borrowed(value.as_str()));
    let mut problems = resolved(&text.text, &outside, expansion, |name, found| match found {
        Some((value, raw)) => assignments.push(assignment(&text, name, value.into_owned(), raw)),
        None => drop(unset.insert(name, assignments.len())),
    });
    if !unset.is_empty() {
        let mut at = 0;
        assignments.retain(|found| {
            at += 1;
            unset.get(found.name.as_str()).is_none_or(|before| at > *before)
        });
    }
    for problem in &mut problems {
        problem.0 = text.line(problem.0);
    }
    Parsed { assignments, problems, ..Parsed::default() }
}

/// Passes each binding of a text to `on`, in the file's order; of what was read nothing is kept. A byte order mark is a part
/// of the first name.
pub(super) fn each(text: &str, outside: &Variables<'_>, mut on: impl FnMut(Binding<'_>)) {
    let Some(text) = Text::new(text.as_bytes(), Decode::Strict, LineEnds::ToLf, false) else { return };
    resolved(&text.text, outside, Expansion::FileFirst, |name, found| {
        let line = found.as_ref().map_or(0, |(_, raw)| text.line(raw.name_at));
        on(Binding { name, value: found.as_ref().map(|(value, _)| &**value), line });
    });
}

/// Reads a text with its references resolved, and returns what was dropped: offset and complaint.
fn resolved<'a>(
    text: &'a str,
    outside: &Variables<'_>,
    expansion: Expansion,
    mut on: impl FnMut(&'a str, Option<(Cow<'_, str>, &Raw<'a>)>),
) -> Vec<(usize, String)> {
    let referred = Referred::of(text);
    let mut scope = Scope { outside, expansion, file: HashMap::new(), room: Room::default() };
    let mut reader = Reader { text, at: 0, problems: Vec::new() };
    while let Some(binding) = reader.next() {
        let Some(raw) = &binding.value else {
            on(binding.name, None);
            if referred.has(binding.name) {
                scope.file.insert(binding.name, String::new());
            }
            continue;
        };
        let value = if raw.text.contains("${") {
            Cow::Owned(scope.resolve(&raw.text))
        } else {
            Cow::Borrowed(&*raw.text)
        };
        if referred.has(binding.name) {
            scope.file.insert(binding.name, value.clone().into_owned());
        }
        on(binding.name, Some((value, raw)));
    }
    reader.problems
}

/// The names that a text's references may mean.
enum Referred {
    These(HashSet<String>),
    /// The text is made to cost time: any name may be meant.
    All,
}

impl Referred {
    /// Of a million assignments only those that are referred to have to be remembered.
    fn of(text: &str) -> Self {
        let mut names = HashSet::new();
        if !text.contains("${") {
            return Self::These(names);
        }
        let budget = Room::default();
        let mut reader = Reader { text, at: 0, problems: Vec::new() };
        while let Some(binding) = reader.next() {
            let Some(raw) = binding.value else { continue };
            for (at, _) in raw.text.match_indices("${") {
                let inner = &raw.text[at + 2..];
                let end = inner.find('}').unwrap_or(inner.len());
                if !budget.spend(end + 1) {
                    return Self::All;
                }
                names.extend(inner[..end].split(':').next().map(str::to_owned));
            }
        }
        Self::These(names)
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All => true,
        }
    }
}

/// What docker-compose 1.29 makes of an `env_file`: no expansion, `$` doubled, and a bare name is fatal.
pub(super) fn compose_v1(bytes: &[u8]) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Strict, LineEnds::ToLf, true) else {
        return Parsed::refused(1, "not UTF-8: docker-compose stops with an error");
    };
    let mut reader = Reader { text: &text.text, at: 0, problems: Vec::new() };
    let bindings: Vec<Found<'_>> = std::iter::from_fn(|| reader.next()).collect();
    let mut problems = reader.problems;
    for problem in &mut problems {
        problem.0 = text.line(problem.0);
    }
    if let Some(bare) = bindings.iter().find(|binding| binding.value.is_none()) {
        return Parsed::refused(text.line(bare.at), "a name without a value: docker-compose 1.29 crashes");
    }
    let assignments = bindings.into_iter().filter_map(|binding| {
        let raw = binding.value?;
        Some(assignment(&text, binding.name, raw.text.replace('$', "$$"), &raw))
    });
    Parsed { assignments: assignments.collect(), problems, ..Parsed::default() }
}

fn assignment(text: &Text, name: &str, value: String, raw: &Raw<'_>) -> Assignment {
    Assignment {
        name: name.to_owned(),
        value,
        line: text.line(raw.name_at),
        span: text.span(raw.start..raw.end),
        quoted: raw.quoted,
    }
}

/// A value before expansion.
struct Raw<'a> {
    text: Cow<'a, str>,
    name_at: usize,
    start: usize,
    end: usize,
    quoted: bool,
}

struct Found<'a> {
    name: &'a str,
    at: usize,
    value: Option<Raw<'a>>,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The offsets of what was dropped, with the loader's complaint.
    problems: Vec<(usize, String)>,
}

/// The grammar does not match here; the loader drops the rest of the line.
struct Mismatch;

impl<'a> Reader<'a> {
    /// The next binding, if there is one more.
    fn next(&mut self) -> Option<Found<'a>> {
        while self.at < self.text.len() {
            self.skip(is_py_space);
            let start = self.at;
            match self.binding() {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(Mismatch) => {
                    self.problems.push((start, "python-dotenv cannot parse this and skips it".to_owned()));
                    self.skip(|c| c != '\n');
                    self.eat("\n");
                }
            }
        }
        None
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    /// Passes over the characters that satisfy `test` and returns them.
    fn skip(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !test(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip_blanks(&mut self) -> bool {
        !self.skip(|c| is_py_space(c) && c != '\n').is_empty()
    }

    fn binding(&mut self) -> Result<Option<Found<'a>>, Mismatch> {
        if self.rest().is_empty() {
            return Ok(None);
        }
        self.export();
        let at = self.at;
        let name = self.name()?;
        self.skip_blanks();
        let value = if self.eat("=") { Some(self.value(at)?) } else { None };
        self.end_of_line()?;
        Ok(name.map(|name| Found { name, at, value }))
    }

    fn export(&mut self) {
        let before = self.at;
        if self.eat("export") && !self.skip_blanks() {
            self.at = before;
        }
    }

    fn name(&mut self) -> Result<Option<&'a str>, Mismatch> {
        let name = match self.rest().chars().next() {
            Some('#') => return Ok(None),
            Some('\'') => {
                let (name, _) = self.rest()[1..].split_once('\'').ok_or(Mismatch)?;
                self.at += name.len() + 2;
                name
            }
            _ => self.skip(|c| !is_py_space(c) && c != '=' && c != '#'),
        };
        if name.is_empty() { Err(Mismatch) } else { Ok(Some(name)) }
    }

    fn value(&mut self, name_at: usize) -> Result<Raw<'a>, Mismatch> {
        let spaced = self.skip_blanks();
        let start = self.at;
        let raw = |text: Cow<'a, str>, end, quoted| Raw { text, name_at, start, end, quoted };
        match self.rest().chars().next() {
            None | Some('\n') => Ok(raw(Cow::Borrowed(""), start, false)),
            Some('#') if spaced => Ok(raw(Cow::Borrowed(""), start, false)),
            Some(quote @ ('\'' | '"')) => {
                let inner = self.quoted(quote)?;
                Ok(raw(unescape(inner, quote), self.at, true))
            }
            Some(_) => {
                let line = self.skip(|c| c != '\n');
                let value = strip_comment(line).trim_end_matches(is_py_space);
                Ok(raw(Cow::Borrowed(value), start + value.len(), false))
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<&'a str, Mismatch> {
        let inner = &self.rest()[1..];
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => {
                    self.at += at + 2;
                    return Ok(&inner[..at]);
                }
                _ => {}
            }
        }
        Err(Mismatch)
    }

    fn end_of_line(&mut self) -> Result<(), Mismatch> {
        self.skip_blanks();
        if self.rest().starts_with('#') {
            self.skip(|c| c != '\n');
        }
        if self.rest().is_empty() || self.eat("\n") { Ok(()) } else { Err(Mismatch) }
    }
}

/// An unquoted value up to whitespace that is followed by `#`.
fn strip_comment(line: &str) -> &str {
    let comment = line.char_indices().find(|(at, c)| *c == '#' && line[..*at].ends_with(is_py_space));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn unescape(inner: &str, quote: char) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = if c == '\\' { chars.peek().and_then(|next| escaped(*next, quote)) } else { None };
        if escape.is_some() {
            chars.next();
        }
        out.push(escape.unwrap_or(c));
    }
    Cow::Owned(out)
}

fn escaped(c: char, quote: char) -> Option<char> {
    match (c, quote) {
        ('\\' | '\'', _) => Some(c),
        (_, '\'') => None,
        ('"', _) => Some('"'),
        ('a', _) => Some('\u{7}'),
        ('b', _) => Some('\u{8}'),
        ('f', _) => Some('\u{c}'),
        ('n', _) => Some('\n'),
        ('r', _) => Some('\r'),
        ('t', _) => Some('\t'),
        ('v', _) => Some('\u{b}'),
        _ => None,
    }
}

/// What `${NAME}` can mean.
struct Scope<'t, 'o, 'e> {
    outside: &'o Variables<'e>,
    expansion: Expansion,
    file: HashMap<&'t str, String>,
    room: Room,
}

impl Scope<'_, '_, '_> {
    /// Replaces `${NAME}` and `${NAME:-default}`; everything else stays.
    fn resolve(&self, value: &str) -> String {
        let mut out = self.room.filling();
        let last_brace = value.rfind('}').unwrap_or(0);
        let mut at = 0;
        while let Some(found) = value[at..].find("${").map(|found| at + found).filter(|at| *at < last_brace) {
            out.own(&value[at..found]);
            at = match value[found..].find('}').filter(|end| out.looked_at(*end)) {
                Some(end) if self.variable(&mut out, &value[found + 2..found + end]) => found + end + 1,
                _ => {
                    out.own("${");
                    found + 2
                }
            };
        }
        out.own(&value[at..]);
        out.done()
    }

    /// Adds what the reference with this text between its braces means; false where it is none.
    fn variable(&self, out: &mut Filling<'_>, inner: &str) -> bool {
        let (name, default) = match inner.split_once(':') {
            None => (inner, Some("")),
            Some((name, tail)) => (name, tail.strip_prefix('-')),
        };
        match (default, self.get(name)) {
            (None, _) => return false,
            (_, Some(value)) => out.refer(&value),
            (Some(default), None) => out.own(default),
        }
        true
    }

    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let file = || self.file.get(name).map(|value| Cow::Borrowed(value.as_str()));
        match self.expansion {
            Expansion::FileFirst => file().or_else(|| (self.outside)(name)),
            Expansion::EnvFirst => (self.outside)(name).or_else(file),
        }
    }
}
