//! From a choice to the changes about to be written.

use crate::source::Place;

/// A change of one value beside the key that the agent needs for the key to become active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// Put this JSON value there (for structured files and cells).
    Json(serde_json::Value),
    /// Take the field, line or entry away.
    Remove,
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
