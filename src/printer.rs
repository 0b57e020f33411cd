//! Everything that keymend says passes here: a terminal's cells, standard output and error, JSON, what is put on the
//! clipboard, an error of the command line, a title in the history.
//!
//! Two things happen to a text. What is a key is replaced by its mask, wherever it was found: in the name of a variable or
//! a profile, a file name, an address, an argument, a line that a parser quotes. And what would move a cursor, change a
//! colour or hide itself is made visible.
//!
//! A text is a key where it has a key's form ([`shape`]), or where this run knows it: [`know`] is told every key that a scan
//! finds and every key that is pasted, so that keys without a telling beginning are known again too.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{LazyLock, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Serialize;
use unicode_width::UnicodeWidthChar as _;

use crate::secret::{Secret, is_unseen};

pub mod shape;

/// Marks that sit on one letter, at most: Vietnamese needs two, Tibetan more; a heap of them covers the lines around.
const MARKS: usize = 4;

/// The keys of this run.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Keys that are masked wherever they appear.
#[derive(Debug, Default)]
pub struct Known {
    keys: Vec<Secret>,
    /// Beginnings of keys that the person's own provider files name.
    beginnings: Vec<String>,
    search: Option<AhoCorasick>,
}

impl Known {
    /// These keys, without those that are ordinary words.
    #[must_use]
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut known = Self::default();
        known.add(keys);
        known
    }

    fn add<'a>(&mut self, keys: impl IntoIterator<Item = &'a Secret>) {
        // A key with a telling form is found by that, and a big home has a thousand of those.
        let is_formless = |key: &&Secret| !shape::is_found_by_form(key);
        let new: Vec<Secret> =
            keys.into_iter().filter(is_formless).flat_map(shape::parts_worth_hiding).collect();
        let before = self.keys.len();
        self.keys.extend(new);
        self.keys.sort_by_cached_key(shape::text_of);
        self.keys.dedup();
        if self.keys.len() > before {
            let mut builder = AhoCorasick::builder();
            let texts: Vec<_> = self.keys.iter().map(shape::text_of).collect();
            self.search = builder.match_kind(MatchKind::LeftmostLongest).build(texts).ok();
        }
    }

    /// The text with the mask of every key in the place of the key.
    #[must_use]
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.len() < shape::SHORTEST {
            return Cow::Borrowed(text);
        }
        if !has(text, is_folded) {
            let found = self.found(text);
            return if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(masked(text, &found)) };
        }
        // A key is a key with characters in it that nobody sees, too.
        let (bare, places) = fold(text);
        let whole = |at: Range<usize>| places[at.start]..places[at.end - 1] + 1;
        let found: Vec<_> = self.found(&bare).into_iter().map(whole).collect();
        if found.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(masked(text, &found)) }
    }

    /// Whether there is a key in the text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        matches!(self.hide(text), Cow::Owned(_))
    }

    /// Where the lines begin that have a key in them, or in them and the lines behind them.
    #[must_use]
    pub fn lines_with_keys(&self, text: &str) -> Vec<usize> {
        let (bare, places) = if has(text, is_folded) { fold(text) } else { (String::new(), Vec::new()) };
        let found = if places.is_empty() {
            self.found(text)
        } else {
            let whole = |at: Range<usize>| places[at.start]..places[at.end - 1] + 1;
            self.found(&bare).into_iter().map(whole).collect()
        };
        let mut lines = Vec::new();
        // Where the line behind the last one begins.
        let mut next = 0;
        for at in found {
            if at.start >= next {
                next += text[next..at.start].rfind('\n').map_or(0, |end| end + 1);
            }
            while next < at.end {
                lines.push(next);
                next += text[next..].find('\n').map_or(text.len() - next, |end| end + 1);
            }
        }
        lines
    }

    /// Where keys are, in order, without overlaps.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = shape::find(text, &self.beginnings);
        if let Some(search) = &self.search {
            let hits = search.find_iter(text).map(|hit| hit.range());
            found.extend(hits.filter(|at| at.len() >= shape::ALONE || shape::is_alone(text, at)));
        }
        if found.len() < 2 {
            return found;
        }
        found.sort_by_key(|at| (at.start, at.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for at in found {
            match merged.last_mut() {
                Some(last) if at.start < last.end => last.end = last.end.max(at.end),
                _ => merged.push(at),
            }
        }
        merged
    }
}

/// Remembers keys for the rest of this run. A scan tells its own.
pub fn know<'a>(keys: impl IntoIterator<Item = &'a Secret>) {
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(keys);
}

/// Remembers beginnings of keys that are not built in.
pub fn know_beginnings<'a>(beginnings: impl IntoIterator<Item = &'a str>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for beginning in beginnings {
        // A shorter one is the beginning of ordinary words.
        if beginning.len() >= 3 && !shape::is_built_in(beginning) {
            known.beginnings.push(beginning.to_owned());
        }
    }
}

/// The text as it may be shown: without a key, and on one line.
#[must_use]
pub fn printable(text: &str) -> String {
    shown(hide(text), |_| false).into_owned()
}

/// The text as it may be shown, its lines and tabs kept.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    shown(hide(text), |c| matches!(c, '\n' | '\t'))
}

/// A document as it may be shown, on one line: every text and every name in it.
pub fn printable_json(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    // Nearly always there is nothing to do, and that is seen at the whole of it. Control characters are escaped in JSON.
    if !text.contains("\\u00") && matches!(printable_lines(&text), Cow::Borrowed(_)) {
        return Ok(text);
    }
    Ok(printable_value(serde_json::to_value(value)?).to_string())
}

fn printable_value(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(printable_lines(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(printable_value).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (printable_lines(&name).into_owned(), printable_value(value)))
                .collect(),
        ),
        other => other,
    }
}

/// Where there are keys in the text, in bytes.
#[must_use]
pub fn keys_in(text: &str) -> Vec<Range<usize>> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).found(text)
}

/// Whether there is a key in the text.
#[must_use]
pub fn has_key(text: &str) -> bool {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).is_in(text)
}

fn hide(text: &str) -> Cow<'_, str> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).hide(text)
}

/// The text without anything that a terminal obeys or does not show: each such character is `�`, and of a heap of marks on
/// one letter a few stay.
#[must_use]
pub fn visible(text: &str) -> String {
    shown(Cow::Borrowed(text), |_| false).into_owned()
}

fn shown(text: Cow<'_, str>, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !has(&text, |c| !keep(c) && (is_unseen(c) || !c.is_ascii() && c.width() == Some(0))) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        if is_unseen(c) && !keep(c) {
            marks = 0;
            out.push('�');
        } else if !c.is_ascii() && c.width() == Some(0) {
            marks += 1;
            match marks {
                ..=MARKS => out.push(c),
                _ if marks == MARKS + 1 => out.push('�'),
                _ => {}
            }
        } else {
            marks = 0;
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether there is such a character. Printed ASCII, which is nearly all of every text, is none and is not decoded.
fn has(text: &str, is: impl Fn(char) -> bool) -> bool {
    let odd = |(_, byte): &(usize, u8)| !matches!(byte, 0x20..=0x7e | 0x80..=0xbf);
    text.bytes().enumerate().filter(odd).any(|(at, _)| text[at..].chars().next().is_some_and(&is))
}

/// Characters that may be in the middle of a key without anybody seeing it.
fn is_folded(c: char) -> bool {
    !matches!(c, '\n' | '\r' | '\t') && is_unseen(c)
}

/// The text without such characters, and for each of its bytes and its end the place in the text.
fn fold(text: &str) -> (String, Vec<usize>) {
    let mut bare = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len() + 1);
    for (at, c) in text.char_indices().filter(|(_, c)| !is_folded(*c)) {
        bare.push(c);
        places.extend(at..at + c.len_utf8());
    }
    places.push(text.len());
    (bare, places)
}

fn masked(text: &str, found: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for at in found {
        out.push_str(&text[from..at.start]);
        out.push_str(shape::mask(&text[at.clone()]).as_str());
        from = at.end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests;
