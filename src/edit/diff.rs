//! The masked difference of two contents: it shows names, structure and the change, and no other value.
//!
//! What is a value is decided by the readers of the format, not by lines or names ([`shown`]). A value is masked unless it
//! plainly is no secret ([`words`]); what no reader accounts for, comments included, is hidden.

use std::collections::HashSet;

use similar::{Algorithm, ChangeTag, capture_diff_slices, group_diff_ops};
use zeroize::Zeroizing;

use super::{New, Syntax};
use crate::printer::shape::is_random;
use crate::printer::{printable, visible};
use crate::provider::Catalogue;
use crate::secret::Secret;
use crate::source::Format;

mod shown;
pub(super) use shown::Spans;
#[cfg(test)]
mod tests;
mod words;

use words::Words;

/// Lines of unchanged context around a change.
const CONTEXT: usize = 2;
/// Longer lines are cut for the screen, after masking.
const WIDTH: usize = 300;

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It stays.
    Same,
    /// It goes.
    Removed,
    /// It comes.
    Added,
    /// Lines that stay and are not shown.
    Gap,
}

/// One line of a difference, masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What happens to it.
    pub kind: LineKind,
    /// The line without its end, every value in it masked that may be a secret.
    pub text: String,
}

/// Shows lines without the secrets in them.
pub struct Masker<'a> {
    catalogue: &'a Catalogue,
    known: Vec<Secret>,
    written: HashSet<String>,
}

impl<'a> Masker<'a> {
    /// A masker that knows these keys, longest first: they are told apart by their masks wherever they are.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, known: impl IntoIterator<Item = Secret>) -> Self {
        let mut known: Vec<Secret> = known.into_iter().filter(|key| key.len() >= 4).collect();
        known.sort_by_key(|key| std::cmp::Reverse(key.len()));
        known.dedup();
        Self { catalogue, known, written: HashSet::new() }
    }

    /// This masker, knowing these keys as well.
    #[must_use]
    pub fn knowing(&self, more: impl IntoIterator<Item = Secret>) -> Self {
        let written = self.written.clone();
        Self { written, ..Self::new(self.catalogue, self.known.iter().cloned().chain(more)) }
    }

    /// This masker, for a change that puts these values somewhere: those that are no key are keymend's own words.
    #[must_use]
    pub fn writing<'b>(&self, new: impl IntoIterator<Item = &'b New>) -> Self {
        let mut masker = self.knowing([]);
        for new in new {
            if let New::Json(value) = new {
                words::texts_of(value, &mut masker.written);
            }
        }
        masker
            .written
            .retain(|word| !self.known.iter().any(|key| key.contains(word) || key.is_in(word.as_bytes())));
        masker
    }

    /// The difference between two contents of this syntax; JSON on one long line is laid out for reading.
    #[must_use]
    pub fn diff_as(&self, syntax: Syntax, before: &str, after: &str) -> Vec<DiffLine> {
        let long = |text: &str| text.lines().any(|line| line.len() > 120);
        if matches!(syntax, Syntax::Tree(Format::Json)) && (long(before) || long(after)) {
            return self.diff(syntax, &pretty(before), &pretty(after));
        }
        self.diff(syntax, before, after)
    }

    fn diff(&self, syntax: Syntax, before: &str, after: &str) -> Vec<DiffLine> {
        let (old, new) = (shown::Shown::of(syntax, before), shown::Shown::of(syntax, after));
        let names = old.names().chain(new.names());
        let words = Words::new(self.catalogue, &self.written, names);
        let (old, new) = (self.lines(&old, &words), self.lines(&new, &words));
        let (was, is) = (lines_of(before), lines_of(after));
        let changes = capture_diff_slices(Algorithm::Myers, &was, &is);
        let mut lines = Vec::new();
        for (at, group) in group_diff_ops(changes, CONTEXT).iter().enumerate() {
            if at > 0 {
                lines.push(DiffLine { kind: LineKind::Gap, text: "…".to_owned() });
            }
            for change in group.iter().flat_map(|op| op.iter_changes(&was, &is)) {
                let (kind, from, at) = match change.tag() {
                    ChangeTag::Equal => (LineKind::Same, &new, change.new_index()),
                    ChangeTag::Delete => (LineKind::Removed, &old, change.old_index()),
                    ChangeTag::Insert => (LineKind::Added, &new, change.new_index()),
                };
                let text = at.and_then(|at| from.get(at)).cloned().unwrap_or_default();
                lines.push(DiffLine { kind, text });
            }
        }
        lines
    }

    /// Every line of a content as it is shown.
    fn lines(&self, content: &shown::Shown<'_>, words: &Words<'_>) -> Vec<String> {
        content
            .lines()
            .map(|parts| cut(&visible(&parts.map(|part| self.part(&part, words)).collect::<String>())))
            .collect()
    }

    fn part(&self, part: &shown::Part<'_>, words: &Words<'_>) -> String {
        match *part {
            shown::Part::Structure(text) => text.replace('\t', " "),
            shown::Part::Name(text) => self.name(text),
            shown::Part::Value { text, whole: true } if words.are_plain(text) && !self.is_key(text) => {
                text.to_owned()
            }
            shown::Part::Value { text, whole: true } => self.value(text, words),
            shown::Part::Value { text, whole: false } => self.masked(text, None),
            shown::Part::Hidden(text) => self.hidden(text),
        }
    }

    /// Whether a literal is a known key, or has one in it: a key can look like a name.
    fn is_key(&self, literal: &str) -> bool {
        let (_, inner, _) = words::unquoted(literal);
        self.known.iter().any(|key| key.is(inner) || key.len() >= 8 && key.is_in(inner.as_bytes()))
    }

    /// A name, unless it is a key by mistake: what looks random is no name that anybody chose.
    fn name(&self, text: &str) -> String {
        let (open, inner, close) = words::unquoted(text);
        if is_random(inner) { format!("{open}{}{close}", self.masked(inner, None)) } else { printable(text) }
    }

    /// A value: its quotes, and its mask.
    fn value(&self, text: &str, words: &Words<'_>) -> String {
        let (open, inner, close) = words::unquoted(text);
        format!("{open}{}{close}", self.masked(inner, Some(words)))
    }

    /// What no reader accounts for. Of a comment its mark is shown.
    fn hidden(&self, text: &str) -> String {
        let mark = ["#", "//", "/*", ";"].into_iter().find(|mark| text.starts_with(mark));
        let rest = mark.map_or(text, |mark| &text[mark.len()..]);
        match mark {
            Some(mark) if self.known.iter().all(|key| !key.is_in(rest.as_bytes())) => {
                if rest.trim().is_empty() { mark.to_owned() } else { format!("{mark} …") }
            }
            _ => format!("{}{}", mark.unwrap_or_default(), self.masked(rest, None)),
        }
    }

    /// The text's mask; of a text around known keys theirs, and only lengths of what is around them.
    fn masked(&self, text: &str, words: Option<&Words<'_>>) -> String {
        let key = self.known.iter().find_map(|key| key.expose(|key| Some((text.find(key)?, key.len()))));
        let Some((at, len)) = key else { return self.length_or_mask(text, words) };
        let around = |text: &str| self.masked_around(text, words);
        let mask = self.catalogue.mask(&Secret::new(&text[at..at + len]));
        format!("{}{mask}{}", around(&text[..at]), around(&text[at + len..]))
    }

    fn masked_around(&self, text: &str, words: Option<&Words<'_>>) -> String {
        let core = text.trim();
        let is_plain =
            core.chars().all(|c| "=:,;\"'/".contains(c)) || words.is_some_and(|words| words.are_plain(core));
        if is_plain { text.to_owned() } else { self.masked(text, words) }
    }

    fn length_or_mask(&self, text: &str, words: Option<&Words<'_>>) -> String {
        let core = text.trim();
        if core.is_empty() || words.is_some_and(|words| words.are_plain(core)) {
            return text.to_owned();
        }
        let start = text.find(core).unwrap_or(0);
        let mask = self.catalogue.mask(&Secret::new(core));
        format!("{}{mask}{}", &text[..start], &text[start + core.len()..])
    }
}

impl std::fmt::Debug for Masker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masker({} known)", self.known.len())
    }
}

/// `json` with one member a line; as it is where it does not parse.
fn pretty(json: &str) -> Zeroizing<String> {
    let laid_out = serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value));
    Zeroizing::new(laid_out.unwrap_or_else(|_| json.to_owned()))
}

/// The lines with their ends: `\n`, `\r\n`, or a `\r` alone.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = match rest.find(['\r', '\n']) {
            Some(at) if rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, tail) = rest.split_at(end);
        lines.push(line);
        rest = tail;
    }
    lines
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    format!("{}…", line.chars().take(WIDTH).collect::<String>())
}
