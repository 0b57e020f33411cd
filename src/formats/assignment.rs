//! `NAME=value`: what a loader or a shell makes of a file of assignments.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// One assignment that the loader understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The value as the loader sees it: unquoted, unescaped, expanded.
    pub value: String,
    /// The one-based line on which the assignment starts.
    pub line: usize,
    /// The bytes of the file that spell the value: with its quotes, without blanks and comment around it. Empty and
    /// placed where a value would go for `NAME=`.
    pub span: Range<usize>,
    /// The value is in quotes.
    pub quoted: bool,
}

impl fmt::Debug for Assignment {
    /// Never shows the value, which may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment")
            .field("name", &self.name)
            .field("value_len", &self.value.chars().count())
            .field("line", &self.line)
            .field("span", &self.span)
            .field("quoted", &self.quoted)
            .finish()
    }
}

/// What a loader makes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// All assignments in the file's order, duplicates included; [`Parsed::get`] applies the loader's rule for them.
    pub assignments: Vec<Assignment>,
    /// The loader's complaint, if it stops or skips, with the one-based line. Never holds a value.
    pub problems: Vec<(usize, String)>,
    /// The loader keeps the first of duplicates, not the last.
    pub first_wins: bool,
    pub(super) index: Index,
}

/// Where in a file of any length each variable is first and last assigned, made when one is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(OnceCell<HashMap<String, (usize, usize)>>);

impl PartialEq for Index {
    /// It says nothing that the assignments do not say.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Index {}

impl Parsed {
    /// The assignment that decides a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Assignment> {
        /// Shorter files are searched faster than they are indexed.
        const SHORT: usize = 64;
        if self.assignments.len() <= SHORT {
            let mut all = self.assignments.iter().filter(|assignment| assignment.name == name);
            return if self.first_wins { all.next() } else { all.next_back() };
        }
        let index = self.index.0.get_or_init(|| {
            let mut index: HashMap<String, (usize, usize)> = HashMap::new();
            for (at, found) in self.assignments.iter().enumerate() {
                index.entry(found.name.clone()).or_insert((at, at)).1 = at;
            }
            index
        });
        let (first, last) = index.get(name)?;
        self.assignments.get(if self.first_wins { *first } else { *last })
    }

    /// A file of which the loader takes nothing.
    pub(super) fn refused(line: usize, why: impl Into<String>) -> Self {
        Self { problems: vec![(line, why.into())], ..Self::default() }
    }
}
