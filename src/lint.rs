//! Faults that are visible without the network, in words a person understands.
//!
//! A [`Lint`] is a finding; its id names its kind in the registry ([`crate::finding`]), stable in `--json`. Lints of a key's text are found here from
//! the text alone; lints of an agent's rules (an empty variable that hides a key, a login that outranks it) are
//! raised by the agent that knows the rule.

use std::fmt;

use crate::finding::Weight;

mod file;
mod key;

pub use file::{file_lints, place_lints, tracked_by_git};
pub use key::{Use, key_lints};

/// How much a lint matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely to surprise.
    Warn,
    /// The key cannot work like this.
    Fault,
}

impl Severity {
    /// The same in the registry's words.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::Note => Weight::Note,
            Self::Warn => Weight::Risk,
            Self::Fault => Weight::Broken,
        }
    }

    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }
}

/// A fault, its kind and its words. The message never holds any part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The kind, kebab-case and stable: `trailing-whitespace`, `wrong-provider`, `empty-hides`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what it leads to, in one sentence.
    pub message: String,
}

/// The id of the lint of a slot whose program runs and would write over any change of its file; the message says the
/// way to change the key.
pub const OWNER_RUNS: &str = "owner-runs";

impl Lint {
    /// Every finding is in the registry with this severity; builds with debug assertions hold it.
    fn new(id: &'static str, severity: Severity, message: String) -> Self {
        debug_assert!(
            crate::finding::find(id)
                .is_some_and(|kind| kind.id == id && kind.severity.contains(&severity.weight())),
            "assets/findings.toml has no {id} that is {severity:?}"
        );
        Self { id, severity, message }
    }

    /// The same finding with another severity: what stands around it decides.
    pub fn weigh(&mut self, severity: Severity) {
        *self = Self::new(self.id, severity, std::mem::take(&mut self.message));
    }

    /// A lint worth knowing.
    pub fn note(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Note, message.into())
    }

    /// A lint that is likely to surprise.
    pub fn warn(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Warn, message.into())
    }

    /// A lint that means that the key cannot work like this.
    pub fn fault(id: &'static str, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Fault, message.into())
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}
