//! Whether a key belongs to the provider that it is about to be sent to.

use super::shapes::{KeyShapes, Telling, all};
use crate::secret::Secret;

/// How a key fits a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Its form is one of the provider's.
    Right,
    /// Nothing is known that speaks for or against it.
    Unknown,
    /// Its form names other providers.
    WrongProvider {
        /// The providers that use the form.
        belongs_to: Vec<String>,
        /// What that leads to.
        message: String,
    },
    /// It is the provider's, and not an API key.
    WrongKind {
        /// The kind that it is.
        kind: String,
        /// What that leads to.
        message: String,
    },
}

impl Fit {
    /// Whether the person must insist before the key is used here.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        matches!(self, Self::WrongProvider { .. } | Self::WrongKind { .. })
    }
}

/// Compares a key's form with the provider of a slot.
#[must_use]
pub fn fits(provider: &str, key: &Secret, shapes: &dyn KeyShapes) -> Fit {
    let found = key.expose(|text| {
        let mut found = all(shapes, text);
        found.retain(|shape| shape.telling > Telling::Nothing);
        found
    });
    if let Some(own) =
        found.iter().filter(|shape| shape.provider == provider).max_by_key(|shape| shape.telling)
    {
        return kind_message(provider, own.kind)
            .map_or(Fit::Right, |message| Fit::WrongKind { kind: own.kind.to_owned(), message });
    }
    let named = found.iter().filter(|shape| shape.telling == Telling::Names);
    let mut belongs_to: Vec<String> = named.map(|shape| shape.provider.to_owned()).collect();
    belongs_to.dedup();
    if belongs_to.is_empty() {
        return Fit::Unknown;
    }
    let message = format!(
        "This key belongs to {}. {provider} does not know it and would answer 401 (invalid key).",
        belongs_to.join(" or ")
    );
    Fit::WrongProvider { belongs_to, message }
}

/// What a kind other than an API key leads to at its own provider.
fn kind_message(provider: &str, kind: &str) -> Option<String> {
    if kind.contains("admin") {
        return Some(format!(
            "This is an administration key of {provider}. It manages the account; a request to a model would be \
             answered with 401 or 403."
        ));
    }
    if kind.contains("oauth") && provider != "github-copilot" && provider != "github-models" {
        return Some(format!(
            "This is the token of a login at {provider}, not an API key. Sent as an API key it would be answered with \
             401; it expires, and it has its own place in agents that know it."
        ));
    }
    if kind.contains("access_key_id") || kind.contains("secret_id") {
        return Some(format!(
            "This is the id of a key pair of {provider}. Alone it would be answered with 401."
        ));
    }
    None
}
