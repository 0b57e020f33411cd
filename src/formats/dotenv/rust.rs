//! The Rust crate `dotenvy` 0.15.7 (`src/iter.rs`, `src/parse.rs`): the first bad line ends the file, the first of
//! duplicates wins, the environment wins in `$NAME`.

use std::collections::BTreeMap;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{Filling, Room};
use crate::formats::text::{Decode, LineEnds, Text};

/// What `dotenvy` reads.
pub(super) fn parse(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let mut parsed = Parsed { first_wins: true, ..Parsed::default() };
    // The reader goes line by line: what precedes a byte that is not UTF-8 is still read.
    let valid = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    let broken = valid < bytes.len();
    let readable =
        if broken { bytes[..valid].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1) } else { valid };
    let Some(text) = Text::new(&bytes[..readable], Decode::Strict, LineEnds::Keep, false) else {
        return parsed;
    };
    let mut reader = Reader { env, file: BTreeMap::new(), room: Room::default() };
    let mut at = 0;
    while let Some((line, next)) = logical_line(&text.text, at) {
        let found = line.and_then(|line| reader.assignment(&text, at, line));
        let Ok(assignment) = found else {
            parsed.problems.push((text.line(at), "dotenvy stops here with an error".to_owned()));
            return parsed;
        };
        parsed.assignments.extend(assignment);
        at = next;
    }
    if broken {
        parsed.problems.push((text.line(at), "not UTF-8: dotenvy stops here with an error".to_owned()));
    }
    parsed
}

/// A line that `dotenvy` does not accept.
struct Bad;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Complete,
    Escape,
    Strong,
    StrongEscape,
    Weak,
    WeakEscape,
    Blank,
}

/// One line with its continuations in quotes, and where the next begins; none at the end of the text.
fn logical_line(text: &str, start: usize) -> Option<(Result<&str, Bad>, usize)> {
    let mut state = State::Complete;
    let mut at = start;
    loop {
        let rest = &text[at..];
        if rest.is_empty() {
            return (at > start || state != State::Complete).then_some((Err(Bad), at));
        }
        let end = at + rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        if text[start..end].trim_start().starts_with('#') {
            return Some((Ok(""), end));
        }
        for (offset, c) in text[at..end].char_indices() {
            if state == State::Blank && c == '#' {
                return Some((Ok(&text[start..at + offset]), end));
            }
            state = step(state, c);
        }
        if state == State::Complete {
            let line = &text[start..end];
            let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
            return Some((Ok(line), end));
        }
        at = end;
    }
}

#[allow(clippy::match_same_arms)]
fn step(state: State, c: char) -> State {
    match (state, c) {
        (State::Complete, c) if c.is_whitespace() && c != '\n' && c != '\r' => State::Blank,
        (State::Complete | State::Blank, '\\') => State::Escape,
        (State::Complete | State::Blank, '"') => State::Weak,
        (State::Complete | State::Blank, '\'') => State::Strong,
        (State::Complete | State::Blank | State::Escape, _) => State::Complete,
        (State::Weak, '\\') => State::WeakEscape,
        (State::Weak, '"') | (State::Strong, '\'') => State::Complete,
        (State::Weak | State::WeakEscape, _) => State::Weak,
        (State::Strong, '\\') => State::StrongEscape,
        (State::Strong | State::StrongEscape, _) => State::Strong,
    }
}

struct Reader<'a> {
    env: &'a BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    room: Room,
}

impl Reader<'_> {
    /// The assignment on `line`, which starts at `start` in the text.
    fn assignment(&mut self, text: &Text, start: usize, line: &str) -> Result<Option<Assignment>, Bad> {
        let rest = line.trim_end();
        let rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(None);
        }
        let (mut name, mut rest) = name(rest)?;
        rest = rest.trim_start();
        if name == "export" && !rest.starts_with('=') {
            (name, rest) = self::name(rest)?;
            rest = rest.trim_start();
        }
        let raw = rest.strip_prefix('=').ok_or(Bad)?.trim_start();
        let from = start + line.trim_end().len() - raw.len();
        let empty = raw.is_empty() || raw.starts_with('#');
        let (value, len) = if empty { (String::new(), 0) } else { self.value(raw)? };
        self.file.insert(name.to_owned(), value.clone());
        let blanks = line.len() - line.trim_start().len();
        Ok(Some(Assignment {
            name: name.to_owned(),
            value,
            line: text.line(start + blanks),
            span: text.span(from..from + len),
            quoted: raw.starts_with(['"', '\'']) && len > 0,
        }))
    }

    /// The value, and how many bytes spell it.
    #[allow(clippy::match_same_arms)]
    fn value(&self, raw: &str) -> Result<(String, usize), Bad> {
        let mut out = self.room.filling();
        let mut quote = None;
        let mut chars = raw.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                ('\'', Some('\'')) | ('"', Some('"')) => quote = None,
                (c, Some('\'')) => out.own_char(c),
                ('\\', _) => {
                    if let Some((_, c)) = chars.next() {
                        out.own_char(escaped(c)?);
                    }
                }
                ('$', _) => self.references(&mut chars, &mut out)?,
                (c, Some(_)) => out.own_char(c),
                ('\'' | '"', None) => quote = Some(c),
                (' ' | '\t', None) => {
                    let tail = raw[at..].trim_start_matches([' ', '\t']);
                    return if tail.is_empty() || tail.starts_with('#') {
                        Ok((out.done(), at))
                    } else {
                        Err(Bad)
                    };
                }
                (c, None) => out.own_char(c),
            }
        }
        if quote.is_some() { Err(Bad) } else { Ok((out.done(), raw.len())) }
    }

    /// What follows a `$`. The character that ends a bare name is taken as it is, even a quote.
    fn references(&self, chars: &mut Chars, out: &mut Filling<'_>) -> Result<(), Bad> {
        loop {
            let (name, braces) = reference(chars)?;
            out.refer(self.get(&name));
            if braces {
                return Ok(());
            }
            match chars.next() {
                Some((_, '$')) => {}
                Some((_, c)) => {
                    out.own_char(c);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    fn get(&self, name: &str) -> &str {
        self.env.get(name).or_else(|| self.file.get(name)).map_or("", String::as_str)
    }
}

fn name(text: &str) -> Result<(&str, &str), Bad> {
    let len = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len());
    let first = text.chars().next().filter(|c| c.is_ascii_alphabetic() || *c == '_');
    first.map(|_| text.split_at(len)).ok_or(Bad)
}

fn escaped(c: char) -> Result<char, Bad> {
    match c {
        '\\' | '\'' | '"' | '$' | ' ' => Ok(c),
        'n' => Ok('\n'),
        _ => Err(Bad),
    }
}

type Chars<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

/// The name after `$`, in braces or letters and digits alone, and whether it was in braces.
fn reference(chars: &mut Chars) -> Result<(String, bool), Bad> {
    let mut name = String::new();
    if chars.next_if(|(_, c)| *c == '{').is_some() {
        loop {
            match chars.next() {
                Some((_, '}')) => return Ok((name, true)),
                Some((_, c)) => name.push(c),
                None => return Err(Bad),
            }
        }
    }
    while let Some((_, c)) = chars.next_if(|(_, c)| c.is_alphanumeric()) {
        name.push(c);
    }
    Ok((name, false))
}
