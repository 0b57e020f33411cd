//! From a choice to the changes about to be written: a [`Plan`] of [`Change`]s, each with its masked diff, and the
//! [`Prediction`] of what the agent will send once they are written.
//!
//! A plan is plain data. [`build`], [`rotate`] and [`use_candidate`] make one without touching anything: they edit in
//! memory, verify, lay the result over the world and ask the agent's own rules again.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::edit::{EditError, Touched};
use crate::finding::OWNER_RUNS;
use crate::resolve::{Candidate, Mode, Slot};
use crate::secret::{Mask, Secret};
use crate::source::{Cell, Place, Source, tilde};
use crate::world::Trouble;

mod build;
mod draft;
mod kind;
mod locks;
mod mend;
mod switch;
#[cfg(test)]
mod tests;

pub use crate::edit::{DiffLine, LineKind};
pub use build::{Offered, PlacedKey, bring_back, build, changeable, destinations, rotate};
pub use draft::{key_at, lay};
pub use kind::{Takes, is_login, is_shared, takes};
pub(crate) use locks::may_lock;
pub use mend::{At, correct, remove, replace, tighten, unblock};
pub use switch::{Loss, losses, telling_losses, use_candidate};

/// What is about to be written, all of it or nothing.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is done, in a few words: `set hermes/anthropic`.
    pub title: String,
    /// The slot that the plan is for; none for a rotation over many.
    pub slot: Option<SlotId>,
    /// The old key that goes, masked, or none if there was none.
    pub old: Option<Mask>,
    /// The old key itself, to look afterwards where it still is.
    pub replaced: Option<Secret>,
    /// The key that comes, masked.
    pub new: Mask,
    /// Where the new key is put.
    pub places: Vec<Place>,
    /// One change a file, database cell or keyring entry.
    pub changes: Vec<Change>,
    /// What each slot concerned will send afterwards; the plan's own slot first.
    pub predictions: Vec<Predicted>,
    /// What else the person should know before saying yes.
    pub notes: Vec<String>,
    /// What it takes away beside the key that it is asked to replace.
    pub losses: Vec<Loss>,
    /// It takes away the only copy of a credential that nobody asked to replace: it is written only after a separate yes.
    pub guarded: bool,
}

impl Plan {
    /// Whether the plan's own slot (or the first concerned) will send the key that it brings.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.prediction().is_some_and(Prediction::is_new)
    }

    /// What the plan's own slot (or the first concerned) will send afterwards.
    #[must_use]
    pub fn prediction(&self) -> Option<&Prediction> {
        self.predictions.first().map(|predicted| &predicted.prediction)
    }
}

/// A slot by its names, for a lookup in a later scan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlotId {
    /// The agent's id.
    pub agent: &'static str,
    /// The agent's own identity.
    pub profile: String,
    /// Where the answer differs by mode.
    pub mode: Option<Mode>,
    /// The catalogue's id.
    pub provider: Option<String>,
    /// The agent's own name for the provider.
    pub agent_provider: String,
}

impl SlotId {
    /// The names of `slot`.
    #[must_use]
    pub fn of(slot: &Slot) -> Self {
        Self {
            agent: slot.agent,
            profile: slot.profile.clone(),
            mode: slot.mode,
            provider: slot.provider.clone(),
            agent_provider: slot.agent_provider.clone(),
        }
    }

    /// Whether these are the names of `slot`.
    #[must_use]
    pub fn is(&self, slot: &Slot) -> bool {
        slot.agent == self.agent
            && slot.profile == self.profile
            && slot.mode == self.mode
            && slot.provider == self.provider
            && slot.agent_provider == self.agent_provider
    }

    /// How the slot is named on the command line: `openclaw/anthropic --profile main`.
    #[must_use]
    pub fn argument(&self) -> String {
        self.arguments().join(" ")
    }

    /// The same, word by word.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut words = vec![format!("{}/{}", self.agent, self.agent_provider)];
        if !matches!(self.profile.as_str(), "default" | "") {
            words.extend(["--profile".to_owned(), self.profile.clone()]);
        }
        words
    }

    /// The slot of these names among `slots`. A change can make the answers of both modes equal, or different: then the
    /// slot for both answers for each of them, and the other way round.
    #[must_use]
    pub fn find<'a>(&self, slots: &'a [Slot]) -> Option<&'a Slot> {
        let mut named = slots.iter().filter(|slot| {
            slot.agent == self.agent
                && slot.profile == self.profile
                && slot.agent_provider == self.agent_provider
        });
        let exact = named.clone().find(|slot| slot.mode == self.mode);
        exact.or_else(|| named.find(|slot| slot.mode.is_none() || self.mode.is_none()))
    }
}

impl fmt::Display for SlotId {
    /// `openclaw/anthropic`, with the profile where it is not the default one: `openclaw/anthropic (main)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.agent, self.agent_provider)?;
        let mode = self.mode.map(Mode::id);
        match (self.profile.as_str(), mode) {
            ("default" | "", None) => Ok(()),
            ("default" | "", Some(mode)) => write!(f, " ({mode})"),
            (profile, None) => write!(f, " ({profile})"),
            (profile, Some(mode)) => write!(f, " ({profile}, {mode})"),
        }
    }
}

/// What one slot will do after the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// The slot.
    pub slot: SlotId,
    /// What it will send.
    pub prediction: Prediction,
    /// It sends a key now.
    pub sends_now: bool,
}

impl Predicted {
    /// Whether the change would leave this slot without any key.
    #[must_use]
    pub const fn breaks(&self) -> bool {
        self.sends_now && matches!(self.prediction, Prediction::SendsNothing { .. })
    }
}

/// What a slot will send once a plan is written, by the agent's own rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// The new key.
    SendsNew,
    /// Another key still wins.
    StillSends {
        /// Where the winner is, as a person finds it.
        place: String,
        /// The winner, masked.
        key: Mask,
        /// Why it wins, in words.
        why: String,
    },
    /// Another key than before comes forward.
    SendsOther {
        /// Where it is, as a person finds it.
        place: String,
        /// The key, masked.
        key: Mask,
        /// Why it is sent, in words.
        why: String,
    },
    /// No key at all; why.
    SendsNothing {
        /// Why, in words.
        why: String,
    },
    /// The agent's behaviour here is unknown, or the value is hidden; what is missing.
    NotKnown {
        /// What is missing, in words.
        why: String,
    },
}

impl Prediction {
    /// True where the new key will be sent.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        matches!(self, Self::SendsNew)
    }
}

/// The change of one file, database cell or keyring entry.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is changed.
    pub target: Target,
    /// The content it was planned from, or none if there was nothing. The writer refuses where it no longer holds.
    pub before: Option<Hash>,
    /// The content that comes; none takes the file or entry away.
    pub after: Option<Content>,
    /// Which values change, for an undo that has to keep what others wrote since.
    /// None if they cannot be told apart later (an encrypted store).
    pub touched: Option<Touched>,
    /// The difference for the review screen, every key in it masked.
    pub diff: Vec<DiffLine>,
    /// What else happens there: "mode 0644 → 0600", "written through the link to …", why a neighbour changes.
    pub notes: Vec<String>,
}

/// What a change writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File {
        /// The path as the agent names it.
        path: PathBuf,
        /// The file behind every link.
        real: PathBuf,
        /// Permission bits after the write; none keeps what is there (0600 for a new file).
        mode: Option<u32>,
        /// The lock that its agent takes.
        lock: Option<AgentLock>,
    },
    /// A cell of a database.
    Cell(Cell),
    /// An entry of the OS keyring.
    Keyring {
        /// The entry's service.
        service: String,
        /// The entry's user name.
        user: String,
    },
}

impl Target {
    /// The target in one line, with `home` shortened to `~`.
    #[must_use]
    pub fn show(&self, home: Option<&Path>) -> String {
        match self {
            Self::File { path, .. } => tilde(path, home),
            Self::Cell(cell) => format!("{}#{}/{}", tilde(&cell.db, home), cell.table, cell.key),
            Self::Keyring { service, user } => format!("keyring {service} / {user}"),
        }
    }
}

/// How an agent locks a file against its own other processes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentLock {
    /// `flock` on this file, held while writing.
    Flock(PathBuf),
    /// This file is created exclusively with `{"pid":…,"createdAt":…}` and taken away afterwards.
    Exclusive(PathBuf),
}

/// SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        (hex.len() == 64).then_some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that hold keys: wiped on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(pub Zeroizing<Vec<u8>>);

impl Content {
    /// Takes ownership.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// Why no new key is put at this candidate of `slot`, although its file can be written, or none if it can be.
#[must_use]
pub fn refusal(slot: &Slot, candidate: &Candidate) -> Option<String> {
    let owned =
        !matches!(candidate.source, Source::Shell | Source::Systemd | Source::Launchd | Source::Compose);
    let runs = slot.lints.iter().find(|lint| lint.id == OWNER_RUNS).filter(|_| owned);
    let login = candidate.source == Source::Oauth;
    runs.map(|lint| lint.message.clone()).or_else(|| {
        login.then(|| "a login: its program renews it, and signs in again on your word".to_owned())
    })
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The file could not be read.
    #[error("{place}: {trouble}")]
    Unreadable {
        /// Where.
        place: String,
        /// Why.
        trouble: Trouble,
    },
    /// The editor refuses.
    #[error("{place}: {cause}")]
    Edit {
        /// Where.
        place: String,
        /// Why.
        cause: EditError,
    },
    /// keymend cannot write this kind of place.
    #[error("{place} cannot be written by keymend: {why}")]
    NotWritable {
        /// Where.
        place: String,
        /// Why.
        why: String,
        /// The way out.
        hint: String,
    },
    /// Nothing would change.
    #[error("this key is already there; nothing would change")]
    NoChange,
    /// Nothing that keymend can write would make it active.
    #[error("{0}")]
    NoWay(String),
}

impl PlanError {
    /// The way out, in plain words.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { trouble, .. } => trouble.hint().to_owned(),
            Self::Edit { cause, .. } => cause.hint(),
            Self::NotWritable { hint, .. } => hint.clone(),
            Self::NoChange => "choose another place, or test the key that is there".to_owned(),
            Self::NoWay(_) => "explain shows what decides; change that place by hand".to_owned(),
        }
    }
}
