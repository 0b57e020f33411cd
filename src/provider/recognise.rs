//! Which format a key has: what can be told from its text alone.

use super::model::{Confidence, Detection, KeyShape, Provider};

/// How well a shape fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The beginning is right; the length or a character is not.
    PrefixOnly,
    /// The whole shape fits.
    Exact,
}

/// One shape that a key has, or begins like.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// Whose shape.
    pub provider: &'a Provider,
    /// Which one.
    pub shape: &'a KeyShape,
    /// How well.
    pub fit: Fit,
    /// The literal beginning that fits, or nothing where the shape has none.
    pub prefix: &'a str,
}

impl Match<'_> {
    /// Whether the shape alone names the provider or its family.
    #[must_use]
    pub fn distinctive(&self) -> bool {
        self.shape.detection == Detection::Prefix && self.shape.confidence != Confidence::Guess
    }

    /// The lengths that keys of this shape have, where they are known: shortest, longest.
    #[must_use]
    pub fn expected_length(&self) -> Option<(usize, usize)> {
        match self.shape.length.as_slice() {
            [min, max] if self.shape.length_known => Some((*min, *max)),
            _ => None,
        }
    }

    /// The company that the provider belongs to, or its own id.
    #[must_use]
    pub fn family(&self) -> &str {
        self.provider.family.as_deref().unwrap_or(&self.provider.id)
    }
}

/// Everything that the text of a key tells, best match first: exact before prefix-only, distinctive before shared,
/// longer prefix before shorter.
#[derive(Clone, Debug, Default)]
pub struct Recognition<'a> {
    /// The matches.
    pub matches: Vec<Match<'a>>,
}

impl<'a> Recognition<'a> {
    /// The one match that names the provider by the shape alone: exact, or with a distinctive beginning.
    #[must_use]
    pub fn best(&self) -> Option<&Match<'a>> {
        self.matches.first().filter(|found| found.distinctive())
    }

    /// The match for this provider, where there is one.
    #[must_use]
    pub fn of(&self, provider: &str) -> Option<&Match<'a>> {
        self.matches.iter().find(|found| found.provider.id == provider)
    }

    /// The kind of the key at this provider: `api_key`.
    #[must_use]
    pub fn kind_at(&self, provider: &str) -> Option<&'a str> {
        self.of(provider).map(|found| found.shape.kind.as_str())
    }

    /// Whether the text clearly is a key of another company than this provider's: its shape names that company, and
    /// nothing about it fits this provider.
    #[must_use]
    pub fn foreign_to(&self, provider: &str) -> Option<&Match<'a>> {
        let best = self.best()?;
        (self.of(provider).is_none() && best.provider.id != provider).then_some(best)
    }
}
