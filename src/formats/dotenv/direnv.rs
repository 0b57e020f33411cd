//! direnv 2.32's `dotenv` (`pkg/dotenv/parse.go`): line by line, one bad line refuses the file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::bound::{Filling, Room};
use crate::formats::text::{Decode, LineEnds, Text};

/// What direnv reads.
pub(super) fn parse(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Raw, LineEnds::Keep, false) else { return Parsed::default() };
    let Some(pattern) = LINE.as_ref() else { return Parsed::default() };
    let mut file: BTreeMap<String, String> = BTreeMap::new();
    let room = Room::default();
    let mut assignments = vec![];
    let mut at = 0;
    for line in text.text.split(['\n', '\r']) {
        let start = at;
        at += line.len() + 1;
        let Some(found) = pattern.captures(line) else {
            return Parsed::refused(text.line(start), "direnv refuses the file because of this line");
        };
        let (Some(name), Some(separator)) = (found.get(1), found.get(2)) else { continue };
        let raw = found.get(3);
        let from = start + raw.map_or(separator.end(), |raw| raw.start());
        let raw = raw.map_or("", |raw| raw.as_str());
        let value = value(&room, raw, &file, env);
        file.insert(name.as_str().to_owned(), value.clone());
        // direnv exports to a shell, which takes no other names.
        if name.as_str().contains('.') || name.as_str().starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        assignments.push(Assignment {
            name: name.as_str().to_owned(),
            // The variable becomes part of a process environment, where a NUL ends it.
            value: value.split('\0').next().unwrap_or("").to_owned(),
            line: text.line(start + name.start()),
            span: text.span(from..from + raw.len()),
            quoted: raw.len() > 1 && raw.starts_with(['"', '\'']) && raw.ends_with(&raw[..1]),
        });
    }
    Parsed { assignments, ..Parsed::default() }
}

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let line = concat!(
        r"\AS*(?:|#[^\n]*|(?:exportS+)?([A-Za-z0-9_.]+)(S*=S*|:S+?)",
        r#"('(?:'|[^'])*'|"(?:"|[^"])*"|[^\t\n\x0c\r #]+)?S*(?:#[^\n]*)?)\z"#
    );
    Regex::new(&line.replace('S', r"[\t\n\x0c\r ]")).ok()
});

fn value(room: &Room, raw: &str, file: &BTreeMap<String, String>, env: &BTreeMap<String, String>) -> String {
    if raw.len() <= 1 {
        return raw.to_owned();
    }
    let inner = |quote| raw.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    if let Some(inner) = inner('\'') {
        return inner.to_owned();
    }
    let text = inner('"').map_or_else(
        || raw.to_owned(),
        |inner| {
            let inner = inner.replace("\\n", "\n").replace("\\r", "\r");
            unescape(&inner)
        },
    );
    let mut out = room.filling();
    expand(&mut out, &text, &|out, reference| {
        let (name, default) = reference.split_once(":-").map_or((reference, None), |(n, d)| (n, Some(d)));
        match (file.get(name), env.get(name).map_or("", String::as_str), default) {
            (Some(value), ..) => out.refer(value),
            (None, "", Some(default)) => out.own(default),
            (None, value, _) => out.refer(value),
        }
    });
    out.done()
}

/// Drops the backslash before anything but `$`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if *next != '$' && *next != '\n' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Go's `os.Expand`.
fn expand(out: &mut Filling<'_>, text: &str, refer: &dyn Fn(&mut Filling<'_>, &str)) {
    let last_brace = text.rfind('}');
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|found| at + found).filter(|at| at + 1 < text.len()) {
        out.own(&text[at..dollar]);
        let after = &text[dollar + 1..];
        let closed = last_brace.is_some_and(|brace| brace > dollar);
        let (name, len) = shell_name(after, closed);
        match name {
            Some(name) => refer(out, name),
            None if len == 0 => out.own("$"),
            None => {}
        }
        at = dollar + 1 + len;
    }
    out.own(&text[at..]);
}

/// The name after `$`, and how many bytes it and its braces take; `closed` where a brace closes anywhere after it.
fn shell_name(text: &str, closed: bool) -> (Option<&str>, usize) {
    let special = |c: char| c.is_ascii_digit() || "*#$@!?-".contains(c);
    if let Some(inner) = text.strip_prefix('{') {
        return match closed.then(|| inner.find('}')).flatten() {
            Some(0) => (None, 2),
            Some(len) => (Some(&inner[..len]), len + 2),
            None => (None, 1),
        };
    }
    if text.starts_with(special) {
        return (Some(&text[..1]), 1);
    }
    let len = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    (Some(&text[..len]).filter(|name| !name.is_empty()), len)
}
