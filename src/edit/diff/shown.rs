//! Which bytes of a content are names, which are values, and which are structure: by the outline that the edits themselves
//! work with. What is none of these is hidden, so that a reader's mistake hides too much and never shows a value.

use std::ops::Range;

use crate::edit::{Syntax, lines, tree};
use crate::source::is_nested_deep;

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// White space and the marks of the format.
    Structure,
    /// Nothing that a reader accounts for.
    Hidden,
    /// A name or a keyword.
    Name,
    /// The n-th value.
    Value(usize),
}

/// A piece of a line.
pub(super) enum Part<'a> {
    /// White space and the marks of the format.
    Structure(&'a str),
    /// A name or a keyword.
    Name(&'a str),
    /// A value, its quotes included, or the part of it that is on this line.
    Value {
        /// The literal.
        text: &'a str,
        /// Whether all of it is on this line.
        whole: bool,
    },
    /// What no reader accounts for.
    Hidden(&'a str),
}

/// A content and the class of each of its bytes.
pub(super) struct Shown<'a> {
    text: &'a str,
    classes: Vec<Class>,
    values: Vec<Range<usize>>,
    names: Vec<Range<usize>>,
}

/// The names and values that a reader finds, by their bytes.
#[derive(Default)]
pub(in crate::edit) struct Spans {
    pub(in crate::edit) names: Vec<Range<usize>>,
    pub(in crate::edit) values: Vec<Range<usize>>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(syntax: Syntax, text: &'a str) -> Self {
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let body = &text[mark..];
        let spans = match syntax {
            Syntax::Tree(_) if is_nested_deep(body) => None,
            Syntax::Tree(format) => tree::spans(format, body),
            Syntax::Lines(dialect) => lines::spans(dialect, body),
            Syntax::Whole => None,
        };
        let is_read = spans.is_some();
        let spans = spans.unwrap_or_default();
        let moved = |all: Vec<Range<usize>>| -> Vec<Range<usize>> {
            let all = all.into_iter().map(|span| span.start + mark..span.end + mark);
            all.filter(|span| !span.is_empty() && text.get(span.clone()).is_some()).collect()
        };
        let (names, values) = (moved(spans.names), moved(spans.values));
        let mut classes: Vec<Class> = text
            .char_indices()
            .flat_map(|(at, c)| {
                let is_shown = at < mark || c.is_whitespace() || is_read && "{}[](),:=-?.\"'".contains(c);
                std::iter::repeat_n(if is_shown { Class::Structure } else { Class::Hidden }, c.len_utf8())
            })
            .collect();
        for name in &names {
            classes[name.clone()].fill(Class::Name);
        }
        for (n, value) in values.iter().enumerate() {
            classes[value.clone()].fill(Class::Value(n));
        }
        Self { text, classes, values, names }
    }

    /// The names, without quotes.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let shown = |name: &Range<usize>| self.classes[name.start] == Class::Name;
        self.names
            .iter()
            .filter(move |name| shown(name))
            .map(|name| super::words::unquoted(&self.text[name.clone()]).1)
    }

    /// The pieces of each line, without its end.
    pub(super) fn lines(&self) -> impl Iterator<Item = std::vec::IntoIter<Part<'a>>> {
        let mut at = 0;
        super::lines_of(self.text).into_iter().map(move |line| {
            let start = at;
            at += line.len();
            let body = line.trim_end_matches(['\r', '\n']);
            let first =
                start + if start == 0 && body.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
            self.parts(first..start + body.len()).into_iter()
        })
    }

    fn parts(&self, line: Range<usize>) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        let mut at = line.start;
        while at < line.end {
            let class = self.classes[at];
            let is_inside = |other: &Class| match class {
                // Marks of the format among hidden words say nothing and would show where the words end.
                Class::Hidden => matches!(other, Class::Hidden | Class::Structure),
                class => *other == class,
            };
            let len = self.classes[at..line.end].iter().take_while(|other| is_inside(other)).count();
            let text = &self.text[at..at + len];
            parts.push(match class {
                Class::Structure => Part::Structure(text),
                Class::Name => Part::Name(text),
                Class::Value(n) => Part::Value { text, whole: self.values[n].len() == len },
                Class::Hidden => Part::Hidden(text),
            });
            at += len;
        }
        parts
    }
}
