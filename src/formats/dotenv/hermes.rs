//! Hermes Agent's own reader of `.env` (`hermes_cli/config.py`: `load_env`, `_parse_env_value`), which its API-key
//! providers ask before they look at the environment. It keeps comments, expands nothing, and takes quotes off only
//! where the whole value is in them.
//!
//! Before either reader runs, Hermes repairs the file on disk (`hermes_cli/env_loader.py`): UTF-16 with a byte order
//! mark becomes UTF-8, NUL bytes go. [`parse`] reads what is there after that repair.

use std::borrow::Cow;
use std::ops::Range;

use super::Binding;
use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::text::{Decode, LineEnds, Text, is_py_space};

/// What Hermes' own reader reads.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    if let Some(text) = utf16(bytes) {
        // The file will be rewritten as UTF-8 at the next start: spans of today's bytes would be of no use.
        let mut parsed = parse(text.as_bytes());
        parsed.assignments.iter_mut().for_each(|assignment| assignment.span = 0..0);
        parsed.problems.push((1, "UTF-16: Hermes rewrites the file as UTF-8 when it starts".to_owned()));
        return parsed;
    }
    let Some(text) = Text::new(bytes, Decode::Lossy, LineEnds::ToLf, true) else {
        return Parsed::default();
    };
    let mut parsed = Parsed::default();
    let mut at = 0;
    for line in text.text.split('\n') {
        parsed.assignments.extend(assignment(&text, line, at));
        at += line.len() + 1;
    }
    parsed
}

/// Passes each assignment of a repaired text to `on`.
pub(super) fn each(text: &str, mut on: impl FnMut(Binding<'_>)) {
    for (at, line) in text.split('\n').enumerate() {
        if let Some(found) = spelled(line) {
            on(Binding { name: &found.name, value: Some(&found.value), line: at + 1 });
        }
    }
}

/// What one line assigns.
struct Spelled<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    /// Where the assignment begins and where its value is, in the line.
    at: usize,
    span: Range<usize>,
    quoted: bool,
}

/// The assignment on one line, which starts at `start` in the text.
fn assignment(text: &Text, line: &str, start: usize) -> Option<Assignment> {
    let found = spelled(line)?;
    Some(Assignment {
        name: found.name.into_owned(),
        value: found.value.into_owned(),
        line: text.line(start + found.at),
        span: text.span(start + found.span.start..start + found.span.end),
        quoted: found.quoted,
    })
}

fn spelled(line: &str) -> Option<Spelled<'_>> {
    let body = line.trim_start_matches(is_blank_or_nul);
    let at = line.len() - body.len();
    let body = body.trim_end_matches(is_blank_or_nul);
    if body.starts_with('#') {
        return None;
    }
    let plain = body.strip_prefix("export ").unwrap_or(body);
    let (name, raw) = plain.split_once('=')?;
    let value = raw.trim_start_matches(is_blank_or_nul);
    let from = at + body.len() - value.len();
    let (name, (unquoted, quoted)) = if body.contains('\0') {
        let clean = value.replace('\0', "");
        let (unquoted, quoted) = unquote(&clean);
        let name = name.replace('\0', "").trim_matches(is_py_space).to_owned();
        (Cow::Owned(name), (Cow::Owned(unquoted.into_owned()), quoted))
    } else {
        (Cow::Borrowed(name.trim_matches(is_py_space)), unquote(value))
    };
    Some(Spelled { name, value: unquoted, at, span: from..from + value.len(), quoted })
}

fn is_blank_or_nul(c: char) -> bool {
    c == '\0' || is_py_space(c)
}

/// `_parse_env_value`: double quotes with `\"` and `\\`, single quotes as they are, anything else untouched.
fn unquote(value: &str) -> (Cow<'_, str>, bool) {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(inner) = inner('\'') {
        return (Cow::Borrowed(inner), true);
    }
    let Some(inner) = inner('"') else { return (Cow::Borrowed(value), false) };
    if !inner.contains('\\') {
        return (Cow::Borrowed(inner), true);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next_if(|next| matches!(next, '"' | '\\')) } else { None };
        out.push(escaped.unwrap_or(c));
    }
    (Cow::Owned(out), true)
}

/// The text of a UTF-16 file with a byte order mark.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (little, rest) = match bytes {
        [0xff, 0xfe, rest @ ..] => (true, rest),
        [0xfe, 0xff, rest @ ..] => (false, rest),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    });
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        parse(line.as_bytes()).get("K").map(|assignment| assignment.value.clone())
    }

    #[test]
    fn values_are_as_the_real_reader_sees_them() {
        for (line, expected) in [
            ("K=\"v\"\n", "v"),
            ("K='v'\n", "v"),
            ("export K=v\n", "v"),
            ("export  K=v\n", "v"),
            ("K = v\n", "v"),
            ("K=v  \r\n", "v"),
            ("\u{feff}K=v", "v"),
            ("K=v # note\n", "v # note"),
            ("K=\"v\" # note\n", "\"v\" # note"),
            ("K=v#x\n", "v#x"),
            ("K=${OTHER}\n", "${OTHER}"),
            ("K=\"v\n", "\"v"),
            ("K=\"v\\n\"\n", "v\\n"),
            ("K=\"a\\\"b\"\n", "a\"b"),
            ("K=1\nK=\n", ""),
            ("K=a\0b\n", "ab"),
        ] {
            assert_eq!(value(line).as_deref(), Some(expected), "{line:?}");
        }
        for line in ["k=v\n", "K: v\n", "# K=v\n"] {
            assert_eq!(value(line), None, "{line:?}");
        }
    }

    #[test]
    fn utf16_is_read() {
        let bytes: Vec<u8> =
            [0xfeff_u16].into_iter().chain("K=v\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(parse(&bytes).get("K").unwrap().value, "v");
    }

    #[test]
    fn the_span_is_the_value_with_its_quotes() {
        let file = b"A=1\r\nexport K = \"v\"  \r\n";
        let parsed = parse(file);
        assert_eq!(&file[parsed.get("K").unwrap().span.clone()], b"\"v\"");
        assert_eq!(parsed.get("K").unwrap().line, 2);
    }
}
