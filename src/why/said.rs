//! The plain types: what a text says, what it fits, what to do.

use crate::probe::Kind;
use crate::secret::Secret;
use crate::session::SlotRef;

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The same as this verdict of a test.
    Answer(Kind),
    /// The agent found no key, and sent nothing.
    NoKey,
    /// The agent has a key and waits with it.
    Blocked,
    /// The agent's own settings or files.
    Setup,
    /// It is a request id.
    RequestId,
    /// It is a key.
    Key,
    /// It is not understood.
    Unknown,
}

impl Meaning {
    /// The stable identifier in `--json`: a verdict's, or one of these.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Answer(kind) => kind.id(),
            Self::NoKey => "no_key",
            Self::Blocked => "blocked",
            Self::Setup => "setup",
            Self::RequestId => "request_id",
            Self::Key => "key",
            Self::Unknown => "unknown",
        }
    }
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A provider, by its name.
    Provider(String),
    /// Something in front of the provider.
    Gateway(String),
    /// The agent itself, before any request.
    Agent(&'static str),
    /// A library that many agents use, before any request.
    Library,
    /// The network: there was no answer.
    Network,
    /// It cannot be told.
    Unknown,
}

impl Speaker {
    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Provider(_) => "provider",
            Self::Gateway(_) => "gateway",
            Self::Agent(_) => "agent",
            Self::Library => "library",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Provider(name) => name.clone(),
            Self::Gateway(name) => format!("{name}, in front of the provider"),
            Self::Agent(name) => format!("{name} itself"),
            Self::Library => "the library that the agent uses, before any request".to_owned(),
            Self::Network => "the network; no provider answered".to_owned(),
            Self::Unknown => "unknown: the text names nobody".to_owned(),
        }
    }
}

/// One thing that a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number of its line.
    pub line: usize,
    /// The line. It may hold a key: only the printer shows it.
    pub text: String,
    /// What it means.
    pub meaning: Meaning,
    /// Who said it.
    pub speaker: Speaker,
    /// The status that it names.
    pub status: Option<u16>,
    /// The code that decided.
    pub code: Option<String>,
    /// What it means, in words.
    pub reason: String,
    /// The provider that it is about.
    pub provider: Option<String>,
    /// The agent that it names.
    pub agent: Option<&'static str>,
    /// The way out that goes with it.
    pub hint: Option<String>,
    /// Whether that is the whole way out.
    pub hint_alone: bool,
    /// Whether the same question may get another answer in a moment.
    pub ask_again: bool,
    /// How clearly it is said.
    pub(super) weight: u32,
}

/// What a text says, and what follows.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What decides.
    pub main: Said,
    /// What else is said in it, by line.
    pub others: Vec<Said>,
    /// Request ids, to be quoted to the provider's support.
    pub requests: Vec<RequestId>,
    /// When to come back, in the text's own words.
    pub wait: Option<String>,
    /// Other causes that are possible.
    pub may_also: Vec<String>,
    /// The connections that it fits, the best first.
    pub fits: Vec<Fit>,
    /// Ends of keys in the text that no key here has.
    pub strangers: Vec<String>,
    /// Words of the line that may be keys without a telling form: whoever shows the line hides them.
    pub doubtful: Vec<Secret>,
    /// Whether there is a whole key in the text.
    pub has_key: bool,
    /// What to do, in order.
    pub next: Vec<Step>,
    /// The page of the documentation about it.
    pub page: Option<&'static str>,
}

impl Said {
    /// A statement of which nothing else is known.
    pub(super) fn new(line: usize, text: &str, meaning: Meaning, reason: impl Into<String>) -> Self {
        Self {
            line,
            text: text.to_owned(),
            meaning,
            speaker: Speaker::Unknown,
            status: None,
            code: None,
            reason: reason.into(),
            provider: None,
            agent: None,
            hint: None,
            hint_alone: false,
            ask_again: false,
            weight: 0,
        }
    }
}

/// A request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// The id.
    pub id: String,
    /// Who gives such ids.
    pub provider: Option<String>,
    /// What it is, in words.
    pub what: String,
}

/// A connection that a text fits.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Where it is.
    pub at: SlotRef,
    /// What speaks for it, in words.
    pub because: Vec<String>,
    /// The candidate whose key the text shows the end of, where it is not the one that is sent.
    pub other: Option<usize>,
    /// How much speaks for it.
    pub(super) score: u32,
}

impl Fit {
    /// Adds what speaks for it.
    pub(super) fn add(&mut self, score: u32, because: String) {
        self.score += score;
        if !self.because.contains(&because) {
            self.because.push(because);
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What, in words.
    pub text: String,
    /// The command of keymend that does it.
    pub command: Option<String>,
}

impl Step {
    /// Something to do or to know.
    pub(super) fn say(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }

    /// A command.
    pub(super) fn run(command: String, text: &str) -> Self {
        Self { text: text.to_owned(), command: Some(command) }
    }
}
