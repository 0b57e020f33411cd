//! `docker compose` v2: `env_file` and `.env` as compose-go 2.13 reads them (`dotenv/parser.go`), and the `${NAME}`
//! of compose files (`template/template.go`).

use std::collections::BTreeMap;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{self, Filling, Room};
use crate::formats::text::{Decode, LineEnds, Text};

/// What compose-go reads. A bad line refuses the file.
pub(super) fn parse(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Lossy, LineEnds::Keep, true) else { return Parsed::default() };
    let mut reader = Reader { all: &text.text, at: 0, env, file: BTreeMap::new(), room: Room::default() };
    let mut assignments = vec![];
    while reader.next_statement() {
        let start = reader.at;
        match reader.statement(&text) {
            Ok(found) => assignments.extend(found),
            Err(why) => {
                return Parsed::refused(text.line(start), format!("{why}: docker compose refuses the file"));
            }
        }
    }
    Parsed { assignments, ..Parsed::default() }
}

struct Reader<'a> {
    all: &'a str,
    at: usize,
    env: &'a BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    room: Room,
}

/// Blank, but no line end.
const fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.all[self.at..]
    }

    fn skip(&mut self, test: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(test).len();
    }

    /// Moves to the next statement, past blank lines and comments.
    fn next_statement(&mut self) -> bool {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.skip(|c| c != '\n');
        }
    }

    fn statement(&mut self, text: &Text) -> Result<Option<Assignment>, &'static str> {
        if self
            .rest()
            .strip_prefix("export")
            .is_some_and(|rest| rest.starts_with(['\t', '\n', '\u{c}', '\r', ' ']))
        {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let name_at = self.at;
        let (name, inherited) = self.name()?;
        let start = self.at;
        if inherited {
            let found = self.env.get(&name).cloned();
            let value = found.inspect(|value| drop(self.file.insert(name.clone(), value.clone())));
            let line = text.line(name_at);
            return Ok(value.map(|value| Assignment {
                name,
                value,
                line,
                span: text.span(start..start),
                quoted: false,
            }));
        }
        let (value, end, quoted) = self.value()?;
        self.file.insert(name.clone(), value.clone());
        Ok(Some(Assignment { name, value, line: text.line(name_at), span: text.span(start..end), quoted }))
    }

    /// The name, and whether it is alone on its line.
    fn name(&mut self) -> Result<(String, bool), &'static str> {
        let rest = self.rest();
        let valid = |c: char| c.is_alphanumeric() || "_.-[]".contains(c) || is_blank(c);
        let end = rest.find(|c| !valid(c));
        let name = end.map_or("", |end| rest[..end].trim_end_matches(char::is_whitespace));
        let Some(end) = end else {
            // A bare name at the very end of the file, without a line end, is no statement at all.
            let rest = self.rest().trim_end();
            self.at = self.all.len();
            return if rest.contains(' ') { Err("a blank in the name") } else { Ok((String::new(), true)) };
        };
        let stop = rest[end..].chars().next();
        if !matches!(stop, Some('=' | ':' | '\n')) {
            return Err("an unexpected character in the name");
        }
        if name.contains(' ') {
            return Err("a blank in the name");
        }
        self.at += end + 1;
        self.skip(is_blank);
        Ok((name.to_owned(), stop == Some('\n')))
    }

    /// The value, where it ends, and whether it is quoted.
    fn value(&mut self) -> Result<(String, usize, bool), &'static str> {
        let start = self.at;
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let (inner, len) = quoted(self.rest(), quote).ok_or("a quote that is not closed")?;
            self.at += len;
            let value = if quote == '"' { self.expand(&unescape(&inner))? } else { inner };
            return Ok((value, start + len, true));
        }
        let line = self.rest().split('\n').next().unwrap_or("");
        self.at += line.len() + usize::from(self.rest().len() > line.len());
        let raw = line.split(" #").next().unwrap_or("").trim_end();
        Ok((self.expand(raw)?, start + raw.len(), false))
    }

    fn expand(&self, value: &str) -> Result<String, &'static str> {
        let get = |name: &str| self.env.get(name).or_else(|| self.file.get(name)).map(String::as_str);
        interpolate(&self.room, value, &get)
    }
}

/// The text in quotes at the start, with escaped quotes resolved, and how many bytes it takes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                if next != quote {
                    out.push('\\');
                }
                out.push(next);
            }
            c if c == quote => return Some((out, at + 1)),
            c => out.push(c),
        }
    }
    None
}

/// The escapes of double quotes; `\$` becomes `$$`, which the expansion turns into a plain `$`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (text, taken) = match after.chars().next() {
            Some('$') => ("$$".to_owned(), 1),
            Some('0') => octal(after),
            Some(c) => escape(c).map_or(("\\".to_owned(), 0), |c| (c.to_string(), 1)),
            None => ("\\".to_owned(), 0),
        };
        out.push_str(&text);
        rest = &after[taken..];
    }
    out.push_str(rest);
    out
}

const fn escape(c: char) -> Option<char> {
    match c {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        '"' | '\\' => Some(c),
        _ => None,
    }
}

/// `\0` and up to three digits: Go wants exactly three of them, octal, and keeps everything else as it is.
fn octal(after: &str) -> (String, usize) {
    let digits = after[1..].bytes().take(3).take_while(u8::is_ascii_digit).count();
    let code = (digits == 3).then(|| u32::from_str_radix(&after[1..4], 8).ok()).flatten();
    match code.filter(|code| *code < 256).and_then(char::from_u32) {
        Some(c) => (c.to_string(), 4),
        None => (format!("\\{}", &after[..=digits]), digits + 1),
    }
}

/// Replaces `$NAME`, `${NAME}` and its defaults, `$$` by `$`. An error where compose refuses the text.
pub(crate) fn interpolate<'v>(
    room: &Room,
    text: &str,
    get: &dyn Fn(&str) -> Option<&'v str>,
) -> Result<String, &'static str> {
    let mut out = room.filling();
    fill(&mut out, text, get, 0)?;
    Ok(out.done())
}

fn fill<'v>(
    out: &mut Filling<'_>,
    text: &str,
    get: &dyn Fn(&str) -> Option<&'v str>,
    depth: usize,
) -> Result<(), &'static str> {
    if depth > bound::MAX_DEPTH {
        out.give_up();
        return Ok(());
    }
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.own(&rest[..at]);
        let after = &rest[at + 1..];
        rest = match after.chars().next() {
            Some('$') => {
                out.own("$");
                &after[1..]
            }
            Some('{') => {
                let close = closing_brace(after).ok_or("a `${` that names no variable")?;
                if !out.looked_at(close) {
                    return Ok(());
                }
                braced(out, &after[1..close], get, depth)?;
                &after[close + 1..]
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let len = name_len(after);
                out.refer(get(&after[..len]).unwrap_or_default());
                &after[len..]
            }
            _ => {
                out.own("$");
                after
            }
        };
    }
    out.own(rest);
    Ok(())
}

fn name_len(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The brace that closes the one at the start; nested `${…}` count.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' if at == 0 || text[..at].ends_with('$') => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn braced<'v>(
    out: &mut Filling<'_>,
    inner: &str,
    get: &dyn Fn(&str) -> Option<&'v str>,
    depth: usize,
) -> Result<(), &'static str> {
    let len = name_len(inner);
    let (name, tail) = inner.split_at(len);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a `${` that names no variable");
    }
    let value = get(name);
    let (empty_counts, operator) = tail.strip_prefix(':').map_or((false, tail), |tail| (true, tail));
    let set = value.filter(|value| !(empty_counts && value.is_empty()));
    match (operator.chars().next(), set) {
        (None, _) if !empty_counts => out.refer(value.unwrap_or_default()),
        (Some('-' | '?'), Some(set)) => out.refer(set),
        (Some('-'), None) | (Some('+'), Some(_)) => fill(out, &operator[1..], get, depth + 1)?,
        (Some('?'), None) => return Err("a variable that must be set and is not"),
        (Some('+'), None) => {}
        _ => return Err("a `${` that names no variable"),
    }
    Ok(())
}
