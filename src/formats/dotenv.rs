//! Files of `NAME=value` lines, read as each agent's real loader reads them.
//!
//! Sixteen loaders are in use, and they disagree on quotes, comments, expansion, byte order marks and duplicates
//! (`tests/corpora/dotenv_truth.json` is what each of them really read). Each [`Dialect`] has its own grammar in
//! `dotenv/`; this file chooses the grammar.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::formats::assignment::Parsed;
use crate::formats::bound;
use crate::formats::shell::{self, Shell};
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
#[cfg(test)]
mod truth;

/// Which of a file's variable and an environment variable of the same name a `${NAME}` in the file means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expansion {
    /// The file's earlier assignment: python-dotenv with `override=True` and `dotenv_values`.
    #[default]
    FileFirst,
    /// The environment: python-dotenv's `load_dotenv` without `override`.
    EnvFirst,
}

/// What a name means outside of a file.
pub type Variables<'e> = dyn Fn(&str) -> Option<Cow<'e, str>> + 'e;

/// An assignment, or a name alone, while its file is being read.
#[derive(Clone, Copy)]
pub struct Binding<'t> {
    /// The variable.
    pub name: &'t str,
    /// The value as the loader sees it; none for a name alone, which unsets an earlier one.
    pub value: Option<&'t str>,
    /// The one-based line.
    pub line: usize,
}

/// Passes what python-dotenv reads in `text` to `on`, in the file's order. Of a file of a million lines nothing is kept.
pub fn each_python(text: &str, outside: &Variables<'_>, on: impl FnMut(Binding<'_>)) {
    python::each(text, outside, on);
}

/// The same for Hermes' own reader, of a text that has been repaired.
pub fn each_hermes(text: &str, on: impl FnMut(Binding<'_>)) {
    hermes::each(text, on);
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
    let mut parsed = match dialect {
        Dialect::PythonDotenv => python::parse(text, env, expansion, true),
        Dialect::PythonDotenvMarked => python::parse(text, env, expansion, false),
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
    };
    for found in parsed.assignments.iter_mut().filter(|found| found.value.len() > bound::MAX_SPELLED) {
        bound::MARK.clone_into(&mut found.value);
    }
    parsed
}
