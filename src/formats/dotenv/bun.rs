//! Bun (`src/env_loader.zig`; how text after a closing quote is dropped is Bun 1.4's): values are expanded after the
//! whole file was read, from the last `$` to the first.

use std::collections::BTreeMap;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{self, Room};
use crate::formats::text::{Decode, LineEnds, Text};

const BLANKS: [char; 6] = ['\t', '\u{b}', '\u{c}', ' ', '\n', '\r'];

/// What Bun reads.
pub(super) fn parse(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Lossy, LineEnds::Keep, true) else { return Parsed::default() };
    let mut reader = Reader { all: &text.text, at: 0 };
    let mut parsed = Parsed::default();
    while reader.at < text.text.len() {
        let Some((name, at)) = reader.name(true) else {
            reader.skip_line();
            continue;
        };
        let (value, start, end, quoted) = reader.value();
        let (name, line, span) = (name.to_owned(), text.line(at), text.span(start..end));
        parsed.assignments.push(Assignment { name, value, line, span, quoted });
    }
    expand_all(&mut parsed, env);
    parsed
}

struct Reader<'a> {
    all: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.all[self.at..]
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find(['\n', '\r']).map_or(rest.len(), |at| at + 1);
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(BLANKS).len();
    }

    /// A name and its separator, and where the name is.
    fn name(&mut self, may_export: bool) -> Option<(&'a str, usize)> {
        if may_export {
            self.skip_blanks();
        }
        let start = self.at;
        let rest = self.rest();
        let len =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).filter(|len| *len > 0);
        let found = len.and_then(|len| self.separator(start, len, may_export));
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn separator(&mut self, start: usize, len: usize, may_export: bool) -> Option<(&'a str, usize)> {
        let name = &self.all[start..start + len];
        self.at = start + len;
        self.skip_blanks();
        if may_export
            && name == "export"
            && self.at > start + len
            && let Some(found) = self.name(false)
        {
            return Some(found);
        }
        let rest = self.rest();
        let colon = rest.strip_prefix(':').is_some_and(|after| after.starts_with(BLANKS));
        self.at += if rest.starts_with('=') { 1 } else { 2 };
        (rest.starts_with('=') || colon).then_some((name, start))
    }

    /// The value before expansion, its place, and whether it is quoted.
    fn value(&mut self) -> (String, usize, usize, bool) {
        let start = self.at;
        self.skip_blanks();
        let open = self.at;
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))
            && let Some(len) = closing(self.rest(), quote)
        {
            let inner = &self.rest()[1..len - 1];
            self.at += len;
            self.rest_of_line();
            return (unescape(inner, quote), open, open + len, true);
        }
        self.at = start;
        let rest = self.rest();
        let end = rest.find(['#', '\r', '\n']).unwrap_or(rest.len());
        self.at += end;
        let value = rest[..end].trim_matches(BLANKS);
        let from = start + end - rest[..end].trim_start_matches(BLANKS).len();
        (value.to_owned(), from, from + value.len(), false)
    }

    fn rest_of_line(&mut self) {
        let rest = self.rest();
        self.at += rest.find(['\r', '\n']).unwrap_or(rest.len());
    }
}

/// How many bytes a quoted value takes; none without a closing quote.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn unescape(inner: &str, quote: char) -> String {
    let text = inner.replace("\r\n", "\n").replace('\r', "\n");
    if quote != '"' {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let next = if c == '\\' { chars.next() } else { None };
        match next {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            next => {
                out.push(c);
                out.extend(next);
            }
        }
    }
    out
}

/// Expands the last assignment of each name, in the order in which the names came up; each sees the ones before it
/// expanded and the ones after it as written.
fn expand_all(parsed: &mut Parsed, env: &BTreeMap<String, String>) {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut order: Vec<String> = vec![];
    for (at, found) in parsed.assignments.iter().enumerate() {
        last.insert(found.name.clone(), at);
        if map.insert(found.name.clone(), found.value.clone()).is_none() {
            order.push(found.name.clone());
        }
    }
    map.extend(env.iter().map(|(name, value)| (name.clone(), value.clone())));
    let room = Room::default();
    for name in order {
        let Some(found) = last.get(&name).and_then(|at| parsed.assignments.get_mut(*at)) else { continue };
        found.value = expand(&room, &found.value, &map);
        if !env.contains_key(&name) {
            map.insert(name, found.value.clone());
        }
    }
}

/// A part of an expanded value.
enum Piece<'a> {
    Own(&'a str),
    Means(&'a str),
}

fn expand(room: &Room, value: &str, map: &BTreeMap<String, String>) -> String {
    let mut out = room.filling();
    let mut pieces = Vec::new();
    let mut last = value.len();
    for at in dollars(value).into_iter().rev() {
        if at >= last {
            continue;
        }
        if value.len() > bound::MAX_VALUE {
            out.give_up();
            break;
        }
        if value[..at].ends_with('\\') {
            pieces.push(Piece::Own(&value[at..last]));
            last = at - 1;
        } else {
            let (piece, end) = reference(value, at, map);
            // A default that is not closed repeats everything that follows it.
            let piece = match piece {
                Piece::Own(default) if end > last => Piece::Means(default),
                piece => piece,
            };
            pieces.push(Piece::Own(value.get(end..last).unwrap_or("")));
            pieces.push(piece);
            last = at;
            if !out.looked_at(end - at) {
                break;
            }
        }
    }
    pieces.push(Piece::Own(&value[..last]));
    for piece in pieces.iter().rev() {
        match piece {
            Piece::Own(text) => out.own(text),
            Piece::Means(text) => out.refer(text),
        }
    }
    out.done()
}

/// Where references may begin. Bun starts one before the end: a `$` at the very end stays.
fn dollars(value: &str) -> Vec<usize> {
    let dollars = value.match_indices('$').map(|(at, _)| at).filter(|at| at + 1 < value.len());
    dollars.filter(|at| value[at + 1..].starts_with(|c: char| is_name(c) || c == '{')).collect()
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What the reference at `at` means and where it ends.
fn reference<'a>(value: &'a str, at: usize, map: &'a BTreeMap<String, String>) -> (Piece<'a>, usize) {
    let start = if value[at + 1..].starts_with('{') { at + 2 } else { at + 1 };
    let mut end = value[start..].find(|c| !is_name(c)).map_or(value.len(), |len| start + len);
    let found = map.get(&value[start..end]).map(String::as_str);
    let mut default = "";
    if let Some(tail) = value[end..].strip_prefix(":-") {
        let len = tail.find(['}', '\\']).unwrap_or(tail.len());
        default = &tail[..len];
        end += 2 + len;
    }
    end += usize::from(value[end..].starts_with('}'));
    (found.map_or(Piece::Own(default), Piece::Means), end)
}
