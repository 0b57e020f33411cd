//! What Hermes does to a `.env` file before anything reads it (hermes-agent 0.19.0 `hermes_cli/env_loader.py`
//! `_sanitize_env_file_if_needed`, `hermes_cli/config.py` `_sanitize_env_lines`): decode, drop NULs, trim lines, and
//! split two assignments that are on one line. The result is written back to the file at every start, if a line of it is
//! another one then: a byte order mark and other line ends alone stay as they are.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::formats::bound;
use crate::formats::text::is_py_space;

/// The names at which a line may be split.
const KNOWN: &str = include_str!("known_names.txt");

/// A `.env` file as its two readers see it.
pub struct Sanitised<'a> {
    /// What python-dotenv reads, where that is not the repaired file: it keeps a byte order mark as a part of the first
    /// name, and reads as Latin-1 what is not UTF-8.
    raw: Option<String>,
    /// The file after the repair: what Hermes' own parser reads.
    pub own: Cow<'a, str>,
    /// From which line of `own` on how many lines more are there than in the real file.
    more: Vec<(usize, usize)>,
    /// The lines that were split.
    pub split: Vec<usize>,
    /// The file is not readable as text (UTF-32); Hermes does not touch it.
    pub undecodable: bool,
}

impl Sanitised<'_> {
    /// What python-dotenv reads.
    #[must_use]
    pub fn python(&self) -> &str {
        self.raw.as_deref().unwrap_or(&self.own)
    }

    /// The real line of a line of the text.
    #[must_use]
    pub fn line(&self, line: usize) -> usize {
        let at = self.more.partition_point(|(from, _)| *from <= line);
        self.more[..at].last().map_or(line, |(_, more)| line - more)
    }
}

/// Decodes and repairs the bytes of a `.env` file.
#[must_use]
pub fn sanitise(bytes: &[u8]) -> Sanitised<'_> {
    let utf32 = bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]);
    if utf32 {
        let own = Cow::Borrowed("");
        return Sanitised { raw: None, own, more: Vec::new(), split: Vec::new(), undecodable: true };
    }
    let text = decode(bytes);
    // A first line that cannot be decoded is not written back.
    let untouched = text.starts_with('\u{fffd}');
    let nul = text.contains('\0');
    let text = plain(text);
    let Repaired { text: own, more, split, changed } = repair(&text);
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let stays = untouched || !(utf16 || nul || changed);
    let raw = if stays { as_it_is(bytes) } else { None };
    Sanitised { raw, own: Cow::Owned(own), more, split, undecodable: false }
}

/// What python-dotenv reads of a file that is not repaired, where that is not what Hermes' own parser reads.
fn as_it_is(bytes: &[u8]) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.starts_with('\u{feff}').then(|| plain(Cow::Borrowed(text)).into_owned()),
        Err(_) => Some(latin1(bytes)),
    }
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |rest: &[u8], pair: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|unit| pair([unit[0], unit[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Without NULs, and with Python's universal newlines: `\r\n`, `\r` and `\n` all end a line.
fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text };
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text }
}

/// A file's text after the repair.
struct Repaired {
    text: String,
    /// From which of its lines on how many more there are.
    more: Vec<(usize, usize)>,
    /// The real lines that were split.
    split: Vec<usize>,
    /// A line is another one than before.
    changed: bool,
}

fn repair(text: &str) -> Repaired {
    let mut done = Repaired {
        text: String::with_capacity(text.len() + 1),
        more: Vec::new(),
        split: Vec::new(),
        changed: !text.is_empty() && !text.ends_with('\n'),
    };
    let mut added = 0;
    for (at, whole) in text.lines().enumerate() {
        let line = whole.trim_matches(is_py_space);
        if line.is_empty() || line.starts_with('#') {
            done.text.push_str(whole);
            done.text.push('\n');
            continue;
        }
        let Some(parts) = parts(line) else {
            done.changed |= line.len() != whole.len();
            done.text.push_str(&spelled(line));
            done.text.push('\n');
            continue;
        };
        done.changed = true;
        if parts.len() > 1 {
            done.split.push(at + 1);
        }
        for (nth, part) in parts.iter().enumerate() {
            done.text.push_str(part);
            done.text.push('\n');
            if nth > 0 {
                added += 1;
                done.more.push((at + 1 + added, added));
            }
        }
    }
    done
}

/// The line, with the mark of a value that is too long in place of one that no reader sees otherwise than it is spelled.
fn spelled(line: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+~|@%,".contains(&byte);
    match line.split_once('=').filter(|_| line.len() > bound::MAX_SPELLED) {
        Some((name, value)) if value.len() > bound::MAX_SPELLED && value.bytes().all(is_plain) => {
            Cow::Owned(format!("{name}={}", bound::MARK))
        }
        _ => Cow::Borrowed(line),
    }
}

/// The parts of a line that Hermes splits.
fn parts(line: &str) -> Option<Vec<&str>> {
    let one = line.matches('=').nth(1).is_none();
    let cuts = if one { Vec::new() } else { cuts(line) };
    if cuts.len() < 2 || cuts[0] != 0 {
        return None;
    }
    let ends = cuts.iter().skip(1).copied().chain([line.len()]);
    let parts: Vec<&str> = cuts.iter().zip(ends).map(|(start, end)| &line[*start..end]).collect();
    let simple = parts[..parts.len() - 1].iter().all(|part| !is_structured(part));
    simple.then(|| parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect())
}

/// Where known `NAME=` begin. Of two that end alike the longer one is meant.
fn cuts(line: &str) -> Vec<usize> {
    let known = |name: &str| KNOWN_NAMES.binary_search(&name).is_ok();
    let begin = |(equals, _)| {
        let word = line[..equals].bytes().rev().take(LONGEST).take_while(|byte| is_of_name(*byte)).count();
        (equals - word..equals).find(|start| known(&line[*start..equals]))
    };
    line.match_indices('=').filter_map(begin).collect()
}

/// The names, sorted, and the length of the longest.
static KNOWN_NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut names: Vec<&str> = KNOWN.lines().collect();
    names.sort_unstable();
    names
});
const LONGEST: usize = 64;

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// A value that looks like an address or holds blanks is one value whatever is in it.
fn is_structured(part: &str) -> bool {
    let value = part.split_once('=').map_or("", |(_, value)| value);
    ["://", "?", "&"].iter().any(|mark| value.contains(mark)) || value.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> String {
        sanitise(text.as_bytes()).own.into_owned()
    }

    #[test]
    fn two_known_assignments_on_one_line_are_split() {
        let done = sanitise(b"A=1\nDEEPSEEK_API_KEY=sk-1OPENAI_API_KEY=sk-2\nB=2\n");
        assert_eq!(done.own, "A=1\nDEEPSEEK_API_KEY=sk-1\nOPENAI_API_KEY=sk-2\nB=2\n");
        assert_eq!([1, 2, 3, 4].map(|line| done.line(line)), [1, 2, 2, 3]);
        assert_eq!(done.split, [2]);
    }

    #[test]
    fn what_only_looks_like_two_assignments_stays() {
        for line in [
            "DEEPSEEK_API_KEY=sk-1MY_OWN_KEY=zzz\n",
            "HTTP_REFERER=https://x.test/?DEEPSEEK_API_KEY=nope\n",
            "OPENAI_BASE_URL=https://x.test/?OPENAI_API_KEY=no\n",
            "GLM_API_KEY=abc\n",
            "# DEEPSEEK_API_KEY=1OPENAI_API_KEY=2\n",
            "DEEPSEEK_API_KEY=a bOPENAI_API_KEY=2\n",
        ] {
            assert_eq!(own(line), line);
        }
    }

    #[test]
    fn the_names_are_told_by_their_letters() {
        assert!(KNOWN.lines().all(|name| name.len() <= LONGEST && name.bytes().all(is_of_name)));
        assert_eq!(cuts("MY_OPENAI_API_KEY=1GLM_API_KEY="), [3, 19]);
    }

    #[test]
    fn encodings_are_repaired() {
        assert_eq!(own("\u{feff}A=1"), "A=1\n");
        assert_eq!(own(" A=1 \r\n  # c\nB=2\r"), "A=1\n  # c\nB=2\n");
        assert_eq!(own("A=\x001\n"), "A=1\n");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("A=1\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(sanitise(&wide).own, "A=1\n");
        assert!(sanitise(&[0xff, 0xfe, 0, 0, 65, 0, 0, 0]).undecodable);
    }

    /// The file is written again only where a line is another one then.
    #[test]
    fn a_mark_alone_stays_before_the_first_name() {
        let python = |text: &[u8]| sanitise(text).python().to_owned();
        for stays in ["\u{feff}A=1\n", "\u{feff}A=1\r\nB=2\r\n", "\u{feff}# c\n \nA=1\n"] {
            assert_eq!(python(stays.as_bytes()), stays.replace('\r', ""), "{stays:?}");
        }
        for repaired in ["\u{feff}A=1", "\u{feff} A=1\n", "\u{feff}A=1\nB=2 \n", "\u{feff}A=\0\n"] {
            assert!(python(repaired.as_bytes()).starts_with('A'), "{repaired:?}");
        }
        assert_eq!(python(b"A=\xe9\n"), "A=\u{e9}\n", "not UTF-8 and not repaired: Latin-1");
        assert_eq!(python(b"A=\xe9"), "A=\u{fffd}\n", "repaired with what replaces the byte");
        assert_eq!(python(b"\xe9A=1\n"), "\u{e9}A=1\n");
    }
}
