//! Where an agent would take a new key from, and what has to change along with it: what an agent answers, and a plan is
//! built on.

use crate::secret::Secret;
use crate::source::Place;

/// A change of one value beside the key that the agent needs for the key to become active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// Put this JSON value there (for structured files and cells). In a file of lines: this text.
    Json(serde_json::Value),
    /// Put the new key there too: another copy of the one that is replaced.
    Key,
    /// Take the field, line or entry away.
    Remove,
    /// Put this list there, with the last `chars` characters of the new key behind it: for agents that remember by
    /// a key's end whether the person approved it (Claude Code).
    ListWithTail {
        /// What is there now.
        list: Vec<Secret>,
        /// How many characters of the new key's end.
        chars: usize,
    },
    /// Put this list there without one of its items.
    ListWithout {
        /// What is there now.
        list: Vec<Secret>,
        /// What goes.
        item: Secret,
    },
}

impl Set {
    /// The parts of keys that it writes or finds, which no diff may show.
    pub(crate) fn parts(&self, new: &Secret) -> Vec<Secret> {
        match self {
            Self::ListWithTail { list, chars } => list.iter().cloned().chain([new.tail(*chars)]).collect(),
            Self::ListWithout { list, .. } => list.clone(),
            Self::Json(_) | Self::Key | Self::Remove => Vec::new(),
        }
    }
}

/// A neighbour: something that has to change along with the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where.
    pub place: Place,
    /// What it becomes.
    pub set: Set,
    /// Why, in words for the review screen.
    pub why: String,
}

/// A place where a new key for a slot could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Where the key goes. A [`Place::Line`] without a line number, or a field that is not there yet, is inserted.
    pub place: Place,
    /// What a write there does, in words: "replaces the active profile".
    pub effect: String,
    /// What changes along.
    pub neighbours: Vec<Neighbour>,
}

/// A choice of the agent that makes a candidate the active one without touching any key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// What is chosen, in words: `puts anthropic:default first in the stored order`.
    pub effect: String,
    /// What changes.
    pub neighbours: Vec<Neighbour>,
}
