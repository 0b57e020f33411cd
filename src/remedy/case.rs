//! A finding with its connection, and the form of a way out.

use crate::agents::{Agent, Context};
use crate::finding::Way;
use crate::plan::{self, Plan};
use crate::probe::verdict::Kind;
use crate::provider::Provider;
use crate::resolve::{Outcome, Slot};
use crate::secret::Secret;
use crate::source::Place;

/// What comes of a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forecast {
    /// A key that a test accepted is sent.
    Works,
    /// A key that no test refused is sent.
    Sends,
    /// The same is sent as before, and the finding is gone.
    Mends,
    /// The person acts, and the key stays.
    Person,
    /// A new key is needed.
    NewKey,
}

impl Forecast {
    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Works => "sends_a_working_key",
            Self::Sends => "sends_an_untested_key",
            Self::Mends => "finding_gone",
            Self::Person => "you_act",
            Self::NewKey => "new_key",
        }
    }
}

/// What a remedy does.
#[derive(Clone, Debug)]
pub enum Act {
    /// keymend writes this plan; the key that is sent afterwards comes along, for the test before.
    Write {
        /// The plan.
        plan: Box<Plan>,
        /// The key that will be sent, or none if none is brought forward.
        key: Option<Secret>,
    },
    /// keymend runs this command, on a yes: it starts something again.
    Run {
        /// The command.
        command: Vec<String>,
    },
    /// The person does what the title says; a command or a page, where there is one.
    Person {
        /// The command or page.
        how: Option<String>,
    },
}

/// A way out.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// Which.
    pub way: Way,
    /// What it does, as an order: `use candidate 2, ANTHROPIC_API_KEY of this shell`.
    pub title: String,
    /// What comes of it.
    pub forecast: Forecast,
    /// How.
    pub act: Act,
}

impl Remedy {
    /// Whether keymend does it itself.
    #[must_use]
    pub const fn writes(&self) -> bool {
        matches!(self.act, Act::Write { .. } | Act::Run { .. })
    }

    /// The command or the page where it writes no plan, or none if the title says it all.
    #[must_use]
    pub fn how(&self) -> Option<String> {
        match &self.act {
            Act::Write { .. } => None,
            Act::Run { command } => Some(command.join(" ")),
            Act::Person { how } => how.clone(),
        }
    }
}

/// What remedies are made from.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The machine and the providers.
    pub context: Context<'a>,
    /// Whose connection it is.
    pub agent: &'a Agent,
    /// The connection.
    pub slot: &'a Slot,
    /// The candidate that the finding is about.
    pub candidate: Option<usize>,
    /// The finding's id, and those of what follows from it.
    pub findings: &'a [&'static str],
    /// What a test said about a key at this connection.
    pub tested: &'a dyn Fn(&Secret) -> Option<Kind>,
    /// Keys of the provider that other connections have.
    pub spares: &'a [Spare],
    /// What runs with something else than an agent started from here sends: its name, and the command that restarts it.
    pub stale: &'a [(String, Vec<String>)],
    /// keymend can run this agent against loopback.
    pub can_prove: bool,
}

/// A key of a provider that a connection does not have and another one on this machine does.
#[derive(Clone, Debug)]
pub struct Spare {
    /// The key, clean.
    pub key: Secret,
    /// Where it is.
    pub place: Place,
}

impl<'a> Case<'a> {
    /// The provider.
    pub(super) fn provider(&self) -> Option<&'a Provider> {
        self.slot.provider.as_deref().and_then(|id| self.context.catalogue.get(id))
    }

    /// Whether a login, and no key, is what is sent or would be.
    pub(super) fn is_login(&self) -> bool {
        let active = self.slot.active_candidate().or_else(|| self.slot.candidates.get(self.candidate?));
        active.is_some_and(|one| plan::is_login(one, self.slot.provider.as_deref(), self.context.catalogue))
    }

    /// Whether nothing is sent.
    pub(super) fn sends_nothing(&self) -> bool {
        matches!(self.slot.outcome, Outcome::Nothing { .. })
    }
}
