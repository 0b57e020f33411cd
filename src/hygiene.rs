//! A paste becomes a clean key, with everything that was removed named, or a refusal with its reason.
//!
//! The order of the steps matters and follows the corpus of real pastes (`tests/corpora/paste_truth.json`): bytes and
//! control characters first (`scrub`), then what is plainly something else (`other`), then what is around a
//! key (`unwrap`) and several lines (`lines`), and only then the judgement of what is left (`judge`). Look-alike
//! characters are refused, never converted; refused text is never repeated, only its length and the reason.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::secret::{Fingerprint, Mask, Secret};

mod catalogue;
mod fit;
mod judge;
mod lines;
mod nature;
mod other;
mod scrub;
mod shapes;
#[cfg(test)]
mod tests;
mod unwrap;

pub use fit::{Fit, fits};
pub use nature::{Nature, forms, is_whole, nature, nature_of, parts, reference};
pub use shapes::{AnyForm, KeyShapes, Shape, Telling};

/// The largest paste that is looked at.
pub const MAX_PASTE: usize = 64 * 1024;

/// What a paste turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// A key.
    Accepted(Accepted),
    /// Nothing that can be a key.
    Refused(Refused),
}

/// A key and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The key.
    pub key: Secret,
    /// What was taken away or changed, in order.
    pub removed: Vec<Removed>,
    /// Why the person should be asked before the key is used; empty for a plain case.
    pub doubts: Vec<Doubt>,
    /// The provider that the key's form names, or none if the form is unknown or shared.
    pub provider: Option<String>,
    /// The kind of key that the form names (`api_key`, `admin_key`, `oauth_access_token`).
    pub kind: Option<String>,
}

impl Accepted {
    /// Whether the person should be asked.
    #[must_use]
    pub fn confirm(&self) -> bool {
        !self.doubts.is_empty()
    }
}

/// One kind of change, and how often it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// What, in words: `zero-width space`.
    pub what: &'static str,
    /// How often.
    pub count: usize,
    /// The stable identifier of the step.
    #[serde(skip)]
    pub id: &'static str,
}

/// A reason to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The stable identifier.
    pub id: &'static str,
    /// The question's reason in one sentence.
    pub message: String,
}

/// Why a paste is not a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The stable identifier: `two-keys`, `masked`, `placeholder`.
    pub reason: &'static str,
    /// What was found and what to do, without any of the text.
    pub message: String,
    /// What was removed before the refusal.
    pub removed: Vec<Removed>,
}

/// Cleans a paste. `expected` is the provider whose key is asked for, which lets a form count that several providers
/// share.
#[must_use]
pub fn clean(paste: &[u8], shapes: &dyn KeyShapes, expected: Option<&str>) -> Cleaned {
    let text = Zeroizing::new(String::new());
    let mut work = Work { shapes, expected, removed: vec![], doubts: vec![], text, exact: false };
    match work.run(paste) {
        Ok(()) => Cleaned::Accepted(work.accepted()),
        Err(no) => Cleaned::Refused(Refused { reason: no.id, message: no.message, removed: work.removed }),
    }
}

/// Cleans a text that is already held as a secret.
#[must_use]
pub fn clean_secret(paste: &Secret, shapes: &dyn KeyShapes, expected: Option<&str>) -> Cleaned {
    paste.expose(|text| clean(text.as_bytes(), shapes, expected))
}

/// Cleans a text for a server that takes a key of any form (`any_form`), or for the provider that is expected. What is a
/// key by its form is taken as one by every server.
#[must_use]
pub fn clean_for(paste: &Secret, shapes: &dyn KeyShapes, expected: Option<&str>, any_form: bool) -> Cleaned {
    let by_form = clean_secret(paste, shapes, expected);
    if !any_form || matches!(&by_form, Cleaned::Accepted(found) if !found.confirm()) {
        return by_form;
    }
    match clean_secret(paste, &AnyForm, None) {
        Cleaned::Accepted(found) => Cleaned::Accepted(found),
        Cleaned::Refused(_) => by_form,
    }
}

/// The text in the making, and what happened to it.
struct Work<'a> {
    shapes: &'a dyn KeyShapes,
    expected: Option<&'a str>,
    text: Zeroizing<String>,
    removed: Vec<Removed>,
    doubts: Vec<Doubt>,
    /// The text is known to be exact.
    exact: bool,
}

/// The way out of the pipeline with a refusal.
#[derive(Debug)]
struct No {
    id: &'static str,
    message: String,
}

fn no<T>(id: &'static str, message: impl Into<String>) -> Result<T, No> {
    Err(No { id, message: message.into() })
}

impl Work<'_> {
    fn run(&mut self, paste: &[u8]) -> Result<(), No> {
        self.scrub(paste)?;
        self.find_key()?;
        self.judge()
    }

    /// Takes away what is around a key until nothing more comes off, and refuses what is something else.
    fn find_key(&mut self) -> Result<(), No> {
        for _ in 0..16 {
            if self.text.is_empty() {
                return no("empty", "there is no text in it");
            }
            if self.is_exact(&self.text) {
                self.exact = true;
                return Ok(());
            }
            self.is_something_else()?;
            if !self.unwrap_layer()? {
                let word = self.shapes.any_form() && !self.text.contains(char::is_whitespace);
                return if word { Ok(()) } else { self.lines() };
            }
        }
        no("nested", "there are too many layers of quotes or assignments around it; paste the key alone")
    }

    /// Refuses what is plainly no key. The words of guides (`lm-studio`, `your-key`) are keys where any word is one.
    fn is_something_else(&self) -> Result<(), No> {
        const WORDS: [&str; 3] = ["placeholder", "model-name", "variable-name"];
        match other::check(&self.text) {
            Err(no) if self.shapes.any_form() && WORDS.contains(&no.id) => Ok(()),
            said => said,
        }
    }

    /// Whether the text has, as a whole, a form of fixed length that names its provider, or one of the expected
    /// provider's.
    fn is_exact(&self, text: &str) -> bool {
        shapes::all(self.shapes, text).iter().any(|shape| {
            let names = shape.telling == Telling::Names
                || (shape.telling == Telling::Shared && self.expected == Some(shape.provider));
            names && shape.fixed_length
        })
    }

    fn note(&mut self, id: &'static str, what: &'static str, count: usize) {
        if count == 0 {
            return;
        }
        match self.removed.iter_mut().find(|removed| removed.id == id && removed.what == what) {
            Some(removed) => removed.count += count,
            None => self.removed.push(Removed { what, count, id }),
        }
    }

    fn doubt(&mut self, id: &'static str, message: impl Into<String>) {
        if self.doubts.iter().all(|doubt| doubt.id != id) {
            self.doubts.push(Doubt { id, message: message.into() });
        }
    }

    /// Replaces the text, wiping the old one.
    fn set(&mut self, text: impl Into<String>) {
        self.text = Zeroizing::new(text.into());
        self.exact = false;
    }

    fn accepted(self) -> Accepted {
        let shape = shapes::best(self.shapes, &self.text, self.expected);
        let provider =
            shape.filter(|shape| shape.telling == Telling::Names || self.expected == Some(shape.provider));
        Accepted {
            key: Secret::new(self.text.as_str()),
            removed: self.removed,
            doubts: self.doubts,
            provider: provider.map(|shape| shape.provider.to_owned()),
            kind: shape.map(|shape| shape.kind.to_owned()),
        }
    }
}

/// The answer of `keymend clean --json`.
#[derive(Clone, Debug, Serialize)]
pub struct CleanReport {
    schema: u8,
    accepted: bool,
    confirm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Mask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    provider: Option<String>,
    kind: Option<String>,
    removed: Vec<Removed>,
    /// The identifiers of all steps, doubts and the refusal, for scripts that want to tell them apart.
    reasons: Vec<&'static str>,
    /// The doubts in words.
    questions: Vec<String>,
    refused: Option<RefusedReport>,
}

#[derive(Clone, Debug, Serialize)]
struct RefusedReport {
    reason: &'static str,
    message: String,
}

impl CleanReport {
    /// The report of a result; `mask` is how keys are shown (`Catalogue::mask`), `salt` goes into the fingerprint.
    #[must_use]
    pub fn new(cleaned: &Cleaned, mask: impl Fn(&Secret) -> Mask, salt: &str) -> Self {
        match cleaned {
            Cleaned::Accepted(found) => Self {
                schema: 1,
                accepted: true,
                confirm: found.confirm(),
                key: Some(mask(&found.key)),
                fingerprint: Some(found.key.fingerprint(salt)),
                length: Some(found.key.len()),
                provider: found.provider.clone(),
                kind: found.kind.clone(),
                removed: found.removed.clone(),
                reasons: ids(&found.removed, found.doubts.iter().map(|doubt| doubt.id)),
                questions: found.doubts.iter().map(|doubt| doubt.message.clone()).collect(),
                refused: None,
            },
            Cleaned::Refused(no) => Self {
                schema: 1,
                accepted: false,
                confirm: false,
                key: None,
                fingerprint: None,
                length: None,
                provider: None,
                kind: None,
                removed: no.removed.clone(),
                reasons: ids(&no.removed, [no.reason]),
                questions: vec![],
                refused: Some(RefusedReport { reason: no.reason, message: no.message.clone() }),
            },
        }
    }
}

impl CleanReport {
    /// The report with what the key's form says about the provider that it should be for.
    #[must_use]
    pub fn with_fit(mut self, fit: &Fit) -> Self {
        let (id, message) = match fit {
            Fit::WrongProvider { message, .. } => ("wrong-provider", message),
            Fit::WrongKind { message, .. } => ("wrong-kind", message),
            Fit::Right | Fit::Unknown => return self,
        };
        self.confirm = true;
        self.reasons.push(id);
        self.questions.push(message.clone());
        self
    }
}

/// The identifiers of steps and judgements, each once, in order.
fn ids(removed: &[Removed], more: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    let mut out: Vec<&'static str> = vec![];
    for id in removed.iter().map(|removed| removed.id).chain(more) {
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out
}
