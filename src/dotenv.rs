//! Files of `NAME=value` lines, read as each agent's real loader reads them.
//!
//! Sixteen loaders are in use, and they disagree on quotes, comments, expansion, byte order marks and duplicates
//! (`tests/corpora/dotenv_truth.json` is what each of them really read). Each [`Dialect`] has its own grammar in
//! `dotenv/`; this file holds what they share: [`Assignment`], [`Parsed`] and the choice of the grammar.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

use crate::shell::{self, Shell};
use crate::source::Dialect;

#[cfg(test)]
mod bounds;
mod bun;
pub(crate) mod compose;
mod direnv;
mod docker;
mod hermes;
mod node;
mod pam;
mod python;
mod rust;
mod systemd;
pub(crate) mod text;
#[cfg(test)]
mod truth;

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
    /// The value stands in quotes.
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
    index: Index,
}

/// Where in a file of any length each variable is first and last assigned, made when one is asked for.
#[derive(Clone, Debug, Default)]
struct Index(OnceCell<HashMap<String, (usize, usize)>>);

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
    fn refused(line: usize, why: impl Into<String>) -> Self {
        Self { problems: vec![(line, why.into())], ..Self::default() }
    }
}

/// Which of a file's variable and an environment variable of the same name a `${NAME}` in the file means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expansion {
    /// The file's earlier assignment: python-dotenv with `override=True` and `dotenv_values`.
    #[default]
    FileFirst,
    /// The environment: python-dotenv's `load_dotenv` without `override`.
    EnvFirst,
}

/// Reads `text` as the real parser `dialect` does, with `env` for the expansion of `$VAR`.
#[must_use]
pub fn parse(dialect: Dialect, text: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    parse_with(dialect, text, env, Expansion::FileFirst)
}

/// As [`parse`], for the loader that lets the caller choose what `${NAME}` means (python-dotenv).
#[must_use]
pub fn parse_with(
    dialect: Dialect,
    text: &[u8],
    env: &BTreeMap<String, String>,
    expansion: Expansion,
) -> Parsed {
    match dialect {
        Dialect::PythonDotenv => python::parse(text, env, expansion),
        Dialect::NodeDotenv => node::dotenv(text),
        Dialect::NodeEnvFile => node::env_file(text),
        Dialect::Hermes => hermes::parse(text),
        Dialect::Bun => bun::parse(text, env),
        Dialect::Dotenvy => rust::parse(text, env),
        Dialect::DockerCli => docker::parse(text, env),
        Dialect::ComposeGo => compose::parse(text, env),
        Dialect::ComposeV1 => python::compose_v1(text),
        Dialect::Direnv => direnv::parse(text, env),
        Dialect::SystemdEnvFile => systemd::environment_file(text),
        Dialect::EnvironmentD => systemd::environment_d(text, env),
        Dialect::PamEnv => pam::parse(text),
        Dialect::Bash => shell::dotenv(Shell::Bash, text, env),
        Dialect::Sh => shell::dotenv(Shell::Sh, text, env),
        Dialect::Zsh => shell::dotenv(Shell::Zsh, text, env),
        Dialect::Fish => shell::dotenv(Shell::Fish, text, env),
    }
}
