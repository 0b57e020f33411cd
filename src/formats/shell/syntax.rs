//! The tree of a POSIX-like shell's text, as far as assignments and what decides about them go.

use std::ops::Range;

/// Which grammar and which builtins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// dash, as `sh` on Debian.
    Sh,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Shell {
    /// The program's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Sh => "sh",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    /// Where it is in the text that was parsed.
    pub(super) span: Range<usize>,
}

impl Word {
    /// The text, if nothing in it is expanded.
    pub(super) fn literal(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The text of a word without any quotes.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Text { quoted: true, .. }))
    }
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text; quoted text is not a pattern and is not split.
    Text { text: String, quoted: bool },
    /// `$name` or `${name…}`; `operand` belongs to the operator.
    Variable { name: String, operator: String, operand: Option<Box<Word>>, quoted: bool },
    /// `$(…)` and backticks.
    Command { text: String, quoted: bool },
    /// `~` at the start of a path.
    Home,
    /// Something that is not followed here: arithmetic, process substitution, an array.
    Unknown,
}

/// An assignment in front of a command, or alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assign {
    pub(super) name: String,
    pub(super) append: bool,
    pub(super) value: Word,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Simple {
        assigns: Vec<Assign>,
        words: Vec<Word>,
    },
    Group(List),
    /// Its assignments stay inside.
    Subshell,
    If {
        arms: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    /// The body of a loop, which may run or not.
    Loop(List),
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    Function {
        name: String,
        body: Box<Command>,
    },
    /// `[[ … ]]`.
    Test(Vec<Word>),
    /// `(( … ))`.
    Arithmetic,
}

/// How a pipeline depends on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Always,
    And,
    Or,
}

/// One pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) join: Join,
    pub(super) negated: bool,
    /// More than one is a pipe.
    pub(super) commands: Vec<Command>,
    /// Followed by `&`.
    pub(super) background: bool,
}

/// Pipelines in order.
pub(super) type List = Vec<Item>;

/// The text is not of the grammar, or goes beyond what is followed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad;

/// Whether a text can be a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
