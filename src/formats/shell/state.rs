//! What a reading of start-up files has found so far: variables, where they were set, and how sure that is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use crate::formats::bound::{Filling, TOO_LONG};

/// A value as far as it can be told without running anything.
#[derive(Clone, PartialEq, Eq)]
pub enum Known {
    /// This text.
    Text(String),
    /// It depends on something that is not read here; the reason in words.
    NotLiteral(&'static str),
}

impl Known {
    /// The text that was built, unless it is too long.
    pub(super) fn filled(filling: Filling<'_>) -> Self {
        if filling.is_over() { Self::NotLiteral(TOO_LONG) } else { Self::Text(filling.done()) }
    }

    /// The text, if it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::NotLiteral(_) => None,
        }
    }
}

impl std::fmt::Debug for Known {
    /// Never shows the text, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({})", text.chars().count()),
            Self::NotLiteral(why) => write!(f, "NotLiteral({why})"),
        }
    }
}

/// Where an assignment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file; none for text that is not a file's (`eval`).
    pub file: Option<PathBuf>,
    /// The one-based line.
    pub line: usize,
    /// The bytes of the value, quotes included.
    pub span: Range<usize>,
    /// The value is quoted.
    pub quoted: bool,
    /// The value is there as a literal, so that it can be replaced there.
    pub literal: bool,
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: Known,
    /// Where it is set; none for an inherited variable.
    pub spot: Option<Spot>,
}

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// The last assignment that certainly happens; none for a variable that is unset.
    pub setting: Option<Setting>,
    /// Children see it.
    pub exported: bool,
    /// Assignments after that one which happen only under a condition that is not known here.
    pub perhaps: Vec<Setting>,
    /// Whether it is exported, or unset, depends on such a condition.
    pub unsure: bool,
}

impl Variable {
    /// What a child process sees: none for nothing.
    #[must_use]
    pub fn seen_by_child(&self) -> Seen {
        if self.unsure || !self.perhaps.is_empty() {
            return Seen::Conditional;
        }
        match &self.setting {
            Some(setting) if self.exported => match &setting.value {
                Known::Text(text) => Seen::Text(text.clone()),
                Known::NotLiteral(why) => Seen::NotLiteral(why),
            },
            _ => Seen::Nothing,
        }
    }
}

/// What a child process of the shell sees of a variable.
#[derive(Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is not set, or not exported.
    Nothing,
    /// This value.
    Text(String),
    /// A value that is made at run time.
    NotLiteral(&'static str),
    /// It depends on a condition.
    Conditional,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Text(text) => write!(f, "Text({})", text.chars().count()),
            Self::NotLiteral(why) => write!(f, "NotLiteral({why})"),
            Self::Conditional => f.write_str("Conditional"),
        }
    }
}

/// All variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(pub(super) BTreeMap<String, Variable>);

impl Variables {
    pub(super) fn inherited(env: &BTreeMap<String, String>) -> Self {
        let variable = |value: &String| Variable {
            setting: Some(Setting { value: Known::Text(value.clone()), spot: None }),
            exported: true,
            ..Variable::default()
        };
        Self(env.iter().map(|(name, value)| (name.clone(), variable(value))).collect())
    }

    /// Sets a variable that only the shell itself sees.
    pub(super) fn shell_own(&mut self, name: &str, value: &str) {
        let setting = Some(Setting { value: Known::Text(value.to_owned()), spot: None });
        self.0.insert(name.to_owned(), Variable { setting, ..Variable::default() });
    }

    pub(super) fn set(&mut self, name: &str, setting: Setting, sure: bool) {
        let variable = self.0.entry(name.to_owned()).or_default();
        if sure {
            variable.setting = Some(setting);
            variable.perhaps.clear();
        } else {
            variable.perhaps.push(setting);
        }
    }

    pub(super) fn export(&mut self, name: &str, on: bool, sure: bool) {
        let variable = self.0.entry(name.to_owned()).or_default();
        if sure {
            variable.exported = on;
            // A value that may have come before decides still; whether it is exported does not any more.
            variable.unsure = false;
        } else if variable.exported != on && variable.perhaps.is_empty() {
            variable.unsure = true;
        } else if on {
            variable.exported = true;
        }
    }

    pub(super) fn unset(&mut self, name: &str, sure: bool) {
        if sure {
            self.0.remove(name);
        } else if let Some(variable) = self.0.get_mut(name) {
            variable.unsure = true;
        }
    }
}
