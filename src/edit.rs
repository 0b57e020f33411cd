//! Changes one value in a file and nothing else: locate the scalar's span, splice the new literal in the file's own
//! style, read the result strictly and compare the whole document. What does not verify is refused with its reason.
//!
//! [`apply`] is the one entry, for every format. A syntax error means "do not touch", never "start afresh".

use serde::{Deserialize, Serialize};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// A structured document.
    Tree(Format),
    /// `NAME=value` lines.
    Lines(Dialect),
    /// The content is the value.
    Whole,
}

/// What is edited inside of a content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Which values of a content a change touched, without the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// How the content is read.
    pub syntax: Syntax,
    /// Where the new key was put.
    pub keys: Vec<Spot>,
    /// Where it was put as a part of a longer text.
    #[serde(default)]
    pub parts: Vec<Spot>,
    /// What changed along.
    pub others: Vec<Spot>,
}

impl Touched {
    /// Nothing yet.
    #[must_use]
    pub const fn new(syntax: Syntax) -> Self {
        Self { syntax, keys: Vec::new(), parts: Vec::new(), others: Vec::new() }
    }

    /// Where the key is, alone or as a part of a text.
    pub fn key_spots(&self) -> impl Iterator<Item = Spot> + '_ {
        self.keys.iter().chain(&self.parts).map(Spot::unnumbered)
    }

    /// All of the spots, each once, those of the key first. Of a variable that was touched on several lines the assignment that decides is
    /// meant: line numbers of an old content say nothing about a newer one.
    pub fn spots(&self) -> impl Iterator<Item = Spot> {
        let mut all: Vec<Spot> = Vec::new();
        for spot in self.keys.iter().chain(&self.parts).chain(&self.others) {
            let spot = spot.unnumbered();
            if !all.contains(&spot) {
                all.push(spot);
            }
        }
        all.into_iter()
    }
}

impl Spot {
    /// The same spot without its line number.
    #[must_use]
    pub fn unnumbered(&self) -> Self {
        match self {
            Self::Variable { name, .. } => Self::Variable { name: name.clone(), line: None },
            other => other.clone(),
        }
    }
}

/// What is put at a spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum New {
    /// A key.
    Key(Secret),
    /// A text with a key in it.
    Part(Secret),
    /// A neighbour's value.
    Json(Json),
    /// Nothing: the field or line is taken away. Where there is none, nothing changes.
    Nothing,
}

impl New {
    /// A text that is somewhere, whatever its form.
    fn text(text: &str) -> Self {
        Self::Json(Json::String(text.to_owned()))
    }

    /// `text` with `new` in the place of the `old` in it.
    #[must_use]
    pub fn part(text: &Secret, old: &Secret, new: &Secret) -> Self {
        Self::Part(text.map(|text| old.expose(|old| new.expose(|new| text.replace(old, new)))))
    }

    /// A fingerprint of what this puts somewhere: to know it again without keeping it.
    #[must_use]
    pub fn print(&self, salt: &str) -> String {
        let text = match self {
            Self::Nothing => return "-".to_owned(),
            Self::Json(value) => Secret::new(value.to_string()),
            Self::Key(text) | Self::Part(text) => text.map(|text| Json::String(text.to_owned()).to_string()),
        };
        text.fingerprint(salt).to_string()
    }

    /// The text that this puts somewhere, if it is one.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        match self {
            Self::Key(key) | Self::Part(key) => Some(key.clone()),
            Self::Json(Json::String(text)) => Some(Secret::new(text.as_str())),
            _ => None,
        }
    }

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
    /// The same name is there twice, and which one is used depends on the reader.
    #[error("`{0}` is there twice")]
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

/// What is at `spot` in `content`, as an edit would put it there; [`New::Nothing`] where there is nothing.
pub fn value_at(syntax: Syntax, content: &[u8], spot: &Spot) -> Result<New, EditError> {
    let text = std::str::from_utf8(content).map_err(|_| EditError::NotText)?;
    match (syntax, spot) {
        (Syntax::Tree(format), Spot::Field(pointer)) => tree::value_at(format, text, pointer),
        (Syntax::Lines(dialect), Spot::Variable { name, line }) => {
            lines::value_at(dialect, text, name, *line)
        }
        (Syntax::Whole, Spot::Whole) => Ok(New::text(text.trim_end_matches(['\r', '\n']))),
        _ => Err(EditError::Spot("this is another kind of file".to_owned())),
    }
}

/// Where in `content` the value is that `wanted` knows: at `spot`, or, where that is in a list, at another item of it,
/// because items move when somebody writes the list again.
pub fn find(syntax: Syntax, content: &[u8], spot: &Spot, wanted: &dyn Fn(&New) -> bool) -> Option<Spot> {
    if wanted(&value_at(syntax, content, spot).ok()?) {
        return Some(spot.clone());
    }
    let Spot::Field(Pointer(steps)) = spot else { return None };
    let at = steps.iter().rposition(|step| step.parse::<usize>().is_ok())?;
    let list = Spot::Field(Pointer(steps[..at].to_vec()));
    let New::Json(Json::Array(items)) = value_at(syntax, content, &list).ok()? else { return None };
    let rest = Pointer(steps[at + 1..].to_vec()).to_string();
    let fits = |item: &Json| item.pointer(&rest).is_some_and(|value| wanted(&New::Json(value.clone())));
    let found = items.iter().position(fits)?;
    let mut moved = steps.clone();
    moved[at] = found.to_string();
    Some(Spot::Field(Pointer(moved)))
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
        Some(New::Key(key) | New::Part(key)) => Ok(Zeroizing::new(key.expose(|key| format!("{key}{end}")))),
        Some(New::Json(Json::String(text))) => Ok(Zeroizing::new(format!("{text}{end}"))),
        Some(New::Json(_)) => Err(EditError::Value("only a text can be the whole of a file")),
        Some(New::Nothing) | None => Ok(Zeroizing::new(String::new())),
    }
}
