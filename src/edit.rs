//! Changes one value in a file and nothing else: locate the scalar's span, splice the new literal in the file's own
//! style, read the result strictly and compare the whole document. What does not verify is refused with its reason.
//!
//! [`apply`] is the one entry, for every format. A syntax error means "do not touch", never "start afresh".

use serde_json::Value as Json;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::source::{Dialect, Format, Pointer};

mod diff;
mod lines;
#[cfg(test)]
mod properties;
mod tree;

pub use diff::{DiffLine, LineKind, Masker};

/// How a content is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// A structured document.
    Tree(Format),
    /// `NAME=value` lines.
    Lines(Dialect),
    /// The content is the value.
    Whole,
}

/// What is edited inside of a content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spot {
    /// A field of a structured document.
    Field(Pointer),
    /// A variable in a file of lines.
    Variable {
        /// Its name.
        name: String,
        /// The one-based line, where one of several assignments is meant; none for the one that decides.
        line: Option<usize>,
    },
    /// All of it.
    Whole,
}

/// What is put at a spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// A key.
    Key(Secret),
    /// A neighbour's value.
    Json(Json),
    /// Nothing: the field or line is taken away. Where there is none, nothing changes.
    Nothing,
}

impl New {
    /// A list of texts, for a neighbour that lists keys by their ends.
    #[must_use]
    pub fn list(texts: impl IntoIterator<Item = Secret>) -> Self {
        let texts = texts.into_iter().map(|text| text.expose(|text| Json::String(text.to_owned())));
        Self::Json(Json::Array(texts.collect()))
    }
}

/// One change of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub spot: Spot,
    /// What comes there.
    pub new: New,
}

/// Why a content is not changed. No variant holds any of the content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The bytes are not UTF-8.
    #[error("the file is not text (not UTF-8)")]
    NotText,
    /// The document does not parse.
    #[error("the file does not parse: {0}")]
    Syntax(String),
    /// The same name stands twice, and which one counts depends on the reader.
    #[error("`{0}` stands there twice")]
    Duplicate(String),
    /// The value is written in a way that keymend does not rewrite.
    #[error("the value is written as {0}")]
    Form(&'static str),
    /// The spot cannot be reached.
    #[error("{0}")]
    Spot(String),
    /// The new value cannot be written so that every reader of the format gets it back.
    #[error("this value cannot be written there: {0}")]
    Value(&'static str),
    /// The change was tried and the result did not read back as expected.
    #[error("the changed file would not read back as expected ({0})")]
    Unverified(String),
}

impl EditError {
    /// The way out, in plain words.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotText => "save the file as UTF-8 text, then try again",
            Self::Syntax(_) => "mend the syntax at that place; keymend does not touch a file it cannot parse",
            Self::Duplicate(_) => "take one of the two away by hand, then try again",
            Self::Form(_) => "change this value by hand, or write it as a plain quoted text first",
            Self::Spot(_) => "change the file by hand at this place",
            Self::Value(_) => "check the key; keys of known formats can be written everywhere",
            Self::Unverified(_) => "nothing was changed; edit the value by hand",
        }
        .to_owned()
    }
}

/// `before` with `edits` applied, verified. `None` is a file that does not exist yet.
pub fn apply(syntax: Syntax, before: Option<&[u8]>, edits: &[Edit]) -> Result<Zeroizing<Vec<u8>>, EditError> {
    let text = std::str::from_utf8(before.unwrap_or_default()).map_err(|_| EditError::NotText)?;
    let after = match syntax {
        Syntax::Tree(format) => tree::apply(format, before.map(|_| text), edits)?,
        Syntax::Lines(dialect) => lines::apply(dialect, text, edits)?,
        Syntax::Whole => whole(text, edits)?,
    };
    Ok(Zeroizing::new(after.as_bytes().to_vec()))
}

/// The bytes of a secret that is edited like a file: the text of a keyring entry.
#[must_use]
pub fn bytes_of(secret: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.expose(|text| text.as_bytes().to_vec()))
}

/// A file that is the value: its final newline stays as it is, and a new file gets one.
fn whole(text: &str, edits: &[Edit]) -> Result<Zeroizing<String>, EditError> {
    let end = &text[text.trim_end_matches(['\r', '\n']).len()..];
    let end = if text.is_empty() { "\n" } else { end };
    match edits.last().map(|edit| &edit.new) {
        Some(New::Key(key)) => Ok(Zeroizing::new(key.expose(|key| format!("{key}{end}")))),
        Some(New::Json(Json::String(text))) => Ok(Zeroizing::new(format!("{text}{end}"))),
        Some(New::Json(_)) => Err(EditError::Value("only a text can be the whole of a file")),
        Some(New::Nothing) | None => Ok(Zeroizing::new(String::new())),
    }
}
