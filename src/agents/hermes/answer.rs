//! What a resolution ends in.

use super::step::Step;
use super::wire::ApiMode;

/// The end of a resolution.
#[derive(Clone)]
pub enum Verdict {
    /// A key is sent.
    Sends {
        /// The step whose text it is.
        step: usize,
        /// How the request is made.
        mode: ApiMode,
        /// The base address.
        base: String,
    },
    /// Nothing is sent.
    Nothing {
        /// Why, in words.
        why: String,
        /// Hermes takes this for a sign-in problem, upon which a chat goes to its fallbacks.
        auth: bool,
    },
    /// Something else gives the value when a request is made.
    Hidden(String),
    /// Unknown.
    NotKnown(String),
}

/// A resolution.
#[derive(Clone)]
pub struct Answer {
    /// The provider that answers: an id of Hermes, or `custom`.
    pub provider: String,
    /// All candidates in order.
    pub steps: Vec<Step>,
    /// The end.
    pub verdict: Verdict,
}

impl Answer {
    /// An answer.
    #[must_use]
    pub fn new(provider: &str, steps: Vec<Step>, verdict: Verdict) -> Self {
        Self { provider: provider.to_owned(), steps, verdict }
    }

    /// Nothing is sent because no credential is there.
    #[must_use]
    pub fn unauthenticated(provider: &str, steps: Vec<Step>, why: impl Into<String>) -> Self {
        Self::new(provider, steps, Verdict::Nothing { why: why.into(), auth: true })
    }

    /// Nothing is sent for another reason.
    #[must_use]
    pub fn refused(provider: &str, steps: Vec<Step>, why: impl Into<String>) -> Self {
        Self::new(provider, steps, Verdict::Nothing { why: why.into(), auth: false })
    }

    /// The first usable step is sent; without one the answer is `otherwise`.
    #[must_use]
    pub fn first(
        provider: &str,
        steps: Vec<Step>,
        then: impl FnOnce(&Step) -> (ApiMode, String),
        otherwise: &str,
    ) -> Self {
        match steps.iter().position(|step| step.usable) {
            Some(step) => {
                let (mode, base) = then(&steps[step]);
                Self::new(provider, steps, Verdict::Sends { step, mode, base })
            }
            None => Self::unauthenticated(provider, steps, otherwise),
        }
    }
}
