//! systemd 252: `EnvironmentFile=` and `environment.d` (`src/basic/env-file.c`, `src/basic/env-util.c`).

use std::collections::BTreeMap;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{self, Filling, Room};
use crate::formats::text::{Decode, LineEnds, Text};

/// What a unit's `EnvironmentFile=` gives. A byte that is no text refuses the file, and the unit does not start.
pub(super) fn environment_file(bytes: &[u8]) -> Parsed {
    let Some(text) = text(bytes) else {
        return Parsed::refused(1, "NUL bytes or not UTF-8: systemd does not start the unit");
    };
    let mut parsed = Parsed::default();
    for found in Machine::run(&text.text) {
        let line = text.line(found.name_at);
        if is_name(&found.name) {
            parsed.assignments.push(found.assignment(&text));
        } else {
            let message =
                "not a variable name: systemd ignores the line and writes it, value included, to the journal";
            parsed.problems.push((line, message.to_owned()));
        }
    }
    parsed
}

/// What the user manager takes from an `environment.d` file. Empty values are ignored, `$NAME` is expanded whatever
/// the quotes.
pub(super) fn environment_d(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let Some(text) = text(bytes) else {
        return Parsed::refused(1, "NUL bytes or not UTF-8: systemd does not read the file");
    };
    let mut parsed = Parsed::default();
    let mut file: BTreeMap<String, String> = BTreeMap::new();
    let room = Room::default();
    for mut found in Machine::run(&text.text) {
        let problem = match (is_name(&found.name), found.value.is_empty()) {
            (_, true) => Some("an empty value: systemd ignores the line"),
            (false, _) => Some("not a variable name: systemd ignores the line"),
            _ => None,
        };
        if let Some(problem) = problem {
            parsed.problems.push((text.line(found.name_at), problem.to_owned()));
            continue;
        }
        let get = |name: &str| file.get(name).or_else(|| env.get(name)).map(String::as_str);
        let mut value = room.filling();
        expand(&mut value, &found.value, &get, 0);
        found.value = value.done();
        file.insert(found.name.clone(), found.value.clone());
        parsed.assignments.push(found.assignment(&text));
    }
    parsed
}

fn text(bytes: &[u8]) -> Option<Text> {
    if bytes.contains(&0) {
        return None;
    }
    Text::new(bytes, Decode::Strict, LineEnds::Keep, false)
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeName,
    Name,
    BeforeValue,
    Value,
    Escape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// One assignment as the machine saw it.
#[derive(Default)]
struct Found {
    name: String,
    value: String,
    name_at: usize,
    /// From the first to behind the last character that belongs to the value.
    span: Option<(usize, usize)>,
    /// The offset behind `=`.
    value_at: usize,
    quoted: bool,
    /// Where trailing blanks of an unquoted value begin.
    blanks_from: Option<usize>,
}

impl Found {
    fn assignment(self, text: &Text) -> Assignment {
        let (start, end) = self.span.unwrap_or((self.value_at, self.value_at));
        Assignment {
            name: self.name,
            value: self.value,
            line: text.line(self.name_at),
            span: text.span(start..end),
            quoted: self.quoted,
        }
    }
}

struct Machine {
    state: State,
    now: Found,
    done: Vec<Found>,
}

const fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

impl Machine {
    fn run(text: &str) -> Vec<Found> {
        let mut machine = Self { state: State::BeforeName, now: Found::default(), done: vec![] };
        for (at, c) in text.char_indices() {
            machine.step(at, c);
        }
        if !matches!(machine.state, State::BeforeName | State::Name | State::Comment | State::CommentEscape) {
            machine.finish();
        }
        machine.done
    }

    fn step(&mut self, at: usize, c: char) {
        self.state = match self.state {
            State::BeforeName => self.before_name(at, c),
            State::Name => self.name(at, c),
            State::BeforeValue => self.before_value(at, c),
            State::Value => self.value(at, c),
            State::Escape => {
                if !is_newline(c) {
                    self.push(at, c);
                }
                State::Value
            }
            State::Single if c == '\'' => self.close(at),
            State::Single => self.push_in(State::Single, at, c),
            State::Double if c == '"' => self.close(at),
            State::Double if c == '\\' => State::DoubleEscape,
            State::Double => self.push_in(State::Double, at, c),
            State::DoubleEscape => {
                if !matches!(c, '"' | '\\' | '`' | '$' | '\n') {
                    self.push(at, '\\');
                }
                if c != '\n' {
                    self.push(at, c);
                }
                State::Double
            }
            State::Comment if c == '\\' => State::CommentEscape,
            State::Comment if is_newline(c) => State::BeforeName,
            // systemd 252: a backslash at the end of a comment's line makes the next line comment too.
            State::Comment | State::CommentEscape => State::Comment,
        };
    }

    fn before_name(&mut self, at: usize, c: char) -> State {
        match c {
            '#' | ';' => State::Comment,
            c if is_blank(c) => State::BeforeName,
            c => {
                self.now = Found { name: c.to_string(), name_at: at, ..Found::default() };
                State::Name
            }
        }
    }

    fn name(&mut self, at: usize, c: char) -> State {
        match c {
            c if is_newline(c) => State::BeforeName,
            '=' => {
                self.now.value_at = at + 1;
                State::BeforeValue
            }
            c => {
                self.now.name.push(c);
                State::Name
            }
        }
    }

    fn before_value(&mut self, at: usize, c: char) -> State {
        match c {
            c if is_newline(c) => self.finish(),
            '\'' | '"' => {
                self.now.quoted = self.now.quoted || self.now.span.is_none();
                self.cover(at, at + 1);
                if c == '"' { State::Double } else { State::Single }
            }
            '\\' => self.escape(at),
            c if is_blank(c) => State::BeforeValue,
            c => {
                self.push(at, c);
                State::Value
            }
        }
    }

    fn value(&mut self, at: usize, c: char) -> State {
        match c {
            c if is_newline(c) => {
                self.trim();
                return self.finish();
            }
            '\\' => return self.escape(at),
            c if is_blank(c) => {
                self.now.blanks_from.get_or_insert(self.now.value.len());
                self.now.value.push(c);
            }
            c => self.push(at, c),
        }
        State::Value
    }

    fn escape(&mut self, at: usize) -> State {
        self.now.blanks_from = None;
        self.cover(at, at + 1);
        State::Escape
    }

    fn close(&mut self, at: usize) -> State {
        self.cover(at, at + 1);
        State::BeforeValue
    }

    fn push_in(&mut self, state: State, at: usize, c: char) -> State {
        self.push(at, c);
        state
    }

    fn push(&mut self, at: usize, c: char) {
        self.now.value.push(c);
        self.now.blanks_from = None;
        self.cover(at, at + c.len_utf8());
    }

    fn cover(&mut self, from: usize, to: usize) {
        let start = self.now.span.map_or(from, |(start, _)| start);
        self.now.span = Some((start, to));
    }

    fn trim(&mut self) {
        if let Some(from) = self.now.blanks_from.take() {
            self.now.value.truncate(from);
        }
    }

    fn finish(&mut self) -> State {
        if self.state == State::Value {
            self.trim();
        }
        let mut found = std::mem::take(&mut self.now);
        found.name.truncate(found.name.trim_end_matches(is_blank).len());
        self.done.push(found);
        State::BeforeName
    }
}

/// systemd's `replace_env` with bare names and defaults allowed.
fn expand<'v>(out: &mut Filling<'_>, text: &str, get: &dyn Fn(&str) -> Option<&'v str>, depth: usize) {
    if depth > bound::MAX_DEPTH {
        out.give_up();
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.find('$').filter(|_| !out.is_over()) {
        out.own(&rest[..at]);
        let after = &rest[at + 1..];
        let taken = reference(out, after, get, depth).unwrap_or_else(|| {
            out.own("$");
            0
        });
        rest = &after[taken..];
    }
    out.own(rest);
}

/// Adds the value of what follows a `$`, and says how many bytes of it were used; none for a `$` that stays.
fn reference<'v>(
    out: &mut Filling<'_>,
    after: &str,
    get: &dyn Fn(&str) -> Option<&'v str>,
    depth: usize,
) -> Option<usize> {
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if after.starts_with('$') {
        out.own("$");
        return Some(1);
    }
    if after.starts_with(is_name_char) {
        let len = after.find(|c| !is_name_char(c)).unwrap_or(after.len());
        out.refer(get(&after[..len]).unwrap_or_default());
        return Some(len);
    }
    let inner = after.strip_prefix('{')?;
    let stop = inner.find(['}', ':']);
    if !out.looked_at(stop.unwrap_or(inner.len())) {
        return None;
    }
    let stop = stop?;
    let value = get(&inner[..stop]);
    if inner[stop..].starts_with('}') {
        out.refer(value.unwrap_or_default());
        return Some(stop + 2);
    }
    let kind = inner[stop + 1..].chars().next().filter(|c| matches!(c, '-' | '+'))?;
    let body = &inner[stop + 2..];
    let len = closing_brace(body);
    if !out.looked_at(len.unwrap_or(body.len())) {
        return None;
    }
    let len = len?;
    match (value, kind) {
        (Some(value), '-') => out.refer(value),
        (None, '-') | (Some(_), _) => expand(out, &body[..len], get, depth + 1),
        (None, _) => {}
    }
    Some(1 + stop + 2 + len + 1)
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
