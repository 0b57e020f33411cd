//! From the candidates of one slot, in the agent's own order, to a resolution: which one is sent, and why the others
//! do not.
//!
//! An agent pushes [`Offer`]s into a [`Chain`], strongest first, each saying whether the agent would use it;
//! [`Chain::settle`] marks the first usable one active, everything usable behind it shadowed, and keeps the reasons.

use std::fmt;

use crate::finding::Lint;
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

/// What happened to a candidate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The agent sends this one; the rule that decided.
    Active {
        /// Why it wins, in words.
        reason: String,
    },
    /// A stronger candidate wins.
    Shadowed {
        /// The winner's index in the slot's candidates.
        by: usize,
        /// Why the other one wins, in words.
        reason: String,
    },
    /// The agent does not use this one at all.
    Ignored {
        /// Why not, in words.
        reason: String,
    },
    /// Nothing is here.
    Unset,
}

impl State {
    /// The stable identifier in `--json` and on screen.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Active { .. } => "active",
            Self::Shadowed { .. } => "shadowed",
            Self::Ignored { .. } => "ignored",
            Self::Unset => "unset",
        }
    }

    /// The reason in words; empty for `Unset`.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Active { reason } | Self::Shadowed { reason, .. } | Self::Ignored { reason } => reason,
            Self::Unset => "",
        }
    }
}

/// One source's value for one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The kind of source.
    pub source: Source,
    /// Where it is.
    pub place: Place,
    /// The agent's own name for it (a profile id, a pool entry's label, a variable).
    pub name: Option<String>,
    /// What is there.
    pub value: Value,
    /// What the agent does with it.
    pub state: State,
    /// Faults visible offline.
    pub lints: Vec<Lint>,
}

impl Candidate {
    /// Where it is, as a person calls it: `~/.hermes/.env:3`, `anthropic:old in ~/.openclaw/…`, `OPENAI_API_KEY of this
    /// shell`.
    #[must_use]
    pub fn spoken(&self, home: Option<&std::path::Path>) -> String {
        let named = self.name.as_deref().filter(|name| !name.is_empty());
        match (&self.place, named) {
            (Place::Env { name }, _) => format!("{name} of this shell"),
            (Place::Field { file, pointer, .. }, Some(name)) if pointer.0.iter().any(|step| step == name) => {
                format!("{name} in {}", crate::source::tilde(file, home))
            }
            (Place::Cell { cell, pointer }, Some(name)) if pointer.0.iter().any(|step| step == name) => {
                format!("{name} in {}", crate::source::tilde(&cell.db, home))
            }
            (place, _) => place.show(home),
        }
    }

    /// Whether `sent` can come from here: the text itself, or what is left of it after the agent has taken characters
    /// away (blanks, line ends, letters that a header cannot hold). A reference gives whatever it names.
    #[must_use]
    pub fn gives(&self, sent: &Secret) -> bool {
        match &self.value {
            Value::Present(own) => {
                let blank = || !own.any_char(|c| !c.is_whitespace());
                own == sent || own.thinned_to(sent) || sent.is_empty() && blank()
            }
            Value::Reference(_) | Value::Sealed => true,
            Value::Unset | Value::Unreadable(_) => false,
        }
    }
}

/// What an agent gets from an offer: what would be in the request if no stronger offer were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gives {
    /// This text; the HTTP library may still trim or refuse it.
    Key(Secret),
    /// A text that somebody else has; who, in words.
    Hidden(String),
    /// Something that no recording covers; what is unknown, in words.
    Unknown(String),
    /// It is the one that is used, and no request is made with it, for this reason.
    Fails(String),
    /// Nothing, and the search ends here: no request is made, for this reason.
    Stops(String),
    /// Nothing, and the search ends here: the request has no key, for this reason.
    NoKey(String),
    /// Nothing, ever: the agent does not use it, and looks further.
    Never,
    /// Nothing: it is not set, and the agent looks further.
    Unset,
}

impl Gives {
    /// Whether the search for a key ends here with one that is used.
    pub(crate) const fn wins(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Hidden(_) | Self::Unknown(_) | Self::Fails(_))
    }

    /// Whether the search ends here without a key.
    pub(crate) const fn ends(&self) -> bool {
        matches!(self, Self::Stops(_) | Self::NoKey(_))
    }
}

/// One candidate before the order has been settled: what is at a place, and what it gives.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(crate) source: Source,
    pub(crate) place: Place,
    pub(crate) name: Option<String>,
    pub(crate) value: Value,
    pub(crate) gives: Gives,
    /// Its own header and address, where they differ from the request's.
    pub(crate) header: Option<Header>,
    pub(crate) base_url: Option<String>,
    pub(crate) why: String,
    pub(crate) shadow: Option<String>,
    pub(crate) lints: Vec<Lint>,
}

impl Offer {
    /// A candidate that the agent would use; `why` is the rule that makes it win if it wins ("first in auth.order").
    /// A text is sent as it is; of a reference or a sealed value somebody else knows the text.
    pub fn usable(source: Source, place: Place, value: Value, why: impl Into<String>) -> Self {
        let why = why.into();
        let gives = match &value {
            Value::Present(key) => Gives::Key(key.clone()),
            Value::Reference(_) | Value::Sealed => Gives::Hidden(why.clone()),
            Value::Unreadable(_) => Gives::Never,
            Value::Unset => Gives::Unset,
        };
        let (header, base_url, lints) = (None, None, Vec::new());
        Self { source, place, name: None, value, gives, header, base_url, why, shadow: None, lints }
    }

    /// A candidate that the agent does not use, and why.
    pub fn ignored(source: Source, place: Place, value: Value, why: impl Into<String>) -> Self {
        Self { gives: Gives::Never, ..Self::usable(source, place, value, why) }
    }

    /// A candidate that ends the search without being sent, and why.
    pub fn stops(source: Source, place: Place, value: Value, why: impl Into<String>) -> Self {
        let offer = Self::usable(source, place, value, why);
        let gives = if offer.value == Value::Unset { Gives::Unset } else { Gives::Stops(offer.why.clone()) };
        Self { gives, ..offer }
    }

    /// Says what the agent gets from it, where that is something else than the text that is there.
    #[must_use]
    pub fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    /// Names the header that this one is sent in, where it differs from the request's.
    #[must_use]
    pub fn in_header(self, header: Header) -> Self {
        Self { header: Some(header), ..self }
    }

    /// Names the address that this one is sent to, where it differs from the request's.
    #[must_use]
    pub fn sent_to(self, base_url: impl Into<String>) -> Self {
        Self { base_url: Some(base_url.into()), ..self }
    }

    /// Names the candidate as the agent does.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The words for the case that a stronger candidate wins; without them the winner's own reason is shown.
    #[must_use]
    pub fn shadowed_because(mut self, reason: impl Into<String>) -> Self {
        self.shadow = Some(reason.into());
        self
    }

    /// Adds a lint.
    #[must_use]
    pub fn lint(mut self, lint: Lint) -> Self {
        self.lints.push(lint);
        self
    }
}

/// Offers of one slot, strongest first.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    offers: Vec<Offer>,
}

impl Extend<Offer> for Chain {
    fn extend<T: IntoIterator<Item = Offer>>(&mut self, offers: T) {
        self.offers.extend(offers);
    }
}

/// The outcome of a chain's order.
#[derive(Clone, Debug)]
pub struct Settled {
    /// All candidates in the agent's order, with their states.
    pub candidates: Vec<Candidate>,
    /// The index of the one that is sent.
    pub active: Option<usize>,
    /// Why the search ended early without a candidate, if it did.
    pub stopped: Option<String>,
}

impl Settled {
    /// The text of the active candidate, where one is known.
    #[must_use]
    pub fn key(&self) -> Option<&Secret> {
        self.candidates.get(self.active?)?.value.secret()
    }
}

impl Chain {
    /// An empty chain.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next weaker offer.
    pub fn push(&mut self, offer: Offer) {
        self.offers.push(offer);
    }

    /// Whether any offer so far would be sent.
    #[must_use]
    pub fn has_winner(&self) -> bool {
        self.offers.iter().any(|offer| offer.gives.wins())
    }

    /// How many offers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// True without offers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Settles the order: the first usable offer before any stop is active, usable ones behind it are shadowed.
    #[must_use]
    pub fn settle(self) -> Settled {
        let stop = self.offers.iter().position(|offer| offer.gives.ends());
        let active = self.offers.iter().position(|offer| offer.gives.wins());
        let active = active.filter(|at| stop.is_none_or(|stop| *at < stop));
        let stopped = match (stop, active) {
            (Some(stop), None) => self.offers.get(stop).map(|offer| offer.why.clone()),
            _ => None,
        };
        let winner = active.map(|at| (at, self.offers[at].why.clone()));
        let candidates = self
            .offers
            .into_iter()
            .enumerate()
            .map(|(at, offer)| settle_one(at, offer, winner.as_ref(), stopped.as_deref()))
            .collect();
        Settled { candidates, active, stopped }
    }
}

fn settle_one(at: usize, offer: Offer, winner: Option<&(usize, String)>, stopped: Option<&str>) -> Candidate {
    let usable = offer.gives.wins();
    let state = match (&offer.value, winner) {
        (Value::Unset, _) => State::Unset,
        (Value::Unreadable(reason), _) => State::Ignored { reason: reason.clone() },
        (_, Some((by, _))) if *by == at => State::Active { reason: offer.why },
        (_, Some((by, why))) if usable => {
            State::Shadowed { by: *by, reason: offer.shadow.unwrap_or_else(|| why.clone()) }
        }
        (_, None) if usable => {
            State::Ignored { reason: stopped.map_or_else(|| offer.why.clone(), ToOwned::to_owned) }
        }
        _ => State::Ignored { reason: offer.why },
    };
    let Offer { source, place, name, value, lints, .. } = offer;
    Candidate { source, place, name, value, state, lints }
}

/// The request header that carries a key. Names are lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// The bare key under this header name: `x-api-key`, `x-goog-api-key`, `api-key`.
    Raw(String),
    /// The key in the query under this parameter; what some agents do, keymend never.
    Query(String),
}

impl Header {
    /// The bare key under `name`.
    pub fn raw(name: &str) -> Self {
        Self::Raw(name.to_ascii_lowercase())
    }

    /// The header's name as in `--json`: `authorization`, `x-api-key`, `query:key`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Bearer => "authorization".to_owned(),
            Self::Raw(name) => name.clone(),
            Self::Query(name) => format!("query:{name}"),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bearer => f.pad("authorization: Bearer"),
            _ => f.pad(&self.name()),
        }
    }
}

/// A credential in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The header.
    pub header: Header,
    /// The text in it.
    pub key: Secret,
}

/// What is sent for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A request with a credential.
    Sends {
        /// The credential and its header. The text is what is sent: a reference resolved, trimmed as the agent trims.
        sent: Sent,
        /// Where the request goes: the full base URL as the agent has it (`https://openrouter.ai/api/v1`).
        base_url: String,
        /// Further credentials in the same request.
        also: Vec<Sent>,
    },
    /// A request without a credential, or no request at all; why.
    Nothing {
        /// Why, in words.
        reason: String,
    },
    /// The rules are known and the value is not: a helper prints it, a vault resolves it, an owner sealed it.
    Hidden {
        /// Who gives the value, in words.
        reason: String,
    },
    /// The agent's real behaviour is unknown here.
    NotKnown {
        /// What is missing, in words.
        reason: String,
    },
}

impl Outcome {
    /// No credential is sent, for this reason.
    pub fn nothing(reason: impl Into<String>) -> Self {
        Self::Nothing { reason: reason.into() }
    }

    /// What is sent is unknown, for this reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::NotKnown { reason: reason.into() }
    }

    /// Why it is no known request, in words; empty where a known one is made.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Sends { .. } => "",
            Self::Nothing { reason } | Self::Hidden { reason } | Self::NotKnown { reason } => reason,
        }
    }

    /// A credential is sent that somebody else has.
    pub fn hidden(reason: impl Into<String>) -> Self {
        Self::Hidden { reason: reason.into() }
    }
}

/// Scheme, host and port of a base URL: `https://openrouter.ai/api/v1` → `https://openrouter.ai`.
#[must_use]
pub fn origin(base_url: &str) -> String {
    match base_url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        None => base_url.to_owned(),
    }
}

/// A base URL as it is shown: a name and password before the host, and the values of a query, are left out.
#[must_use]
pub fn shown(base_url: &str) -> String {
    let Some((scheme, rest)) = base_url.split_once("://") else { return base_url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority.to_owned(), |(_, host)| format!("…@{host}"));
    let path = path.split_once(['?', '#']).map_or(path.to_owned(), |(path, _)| format!("{path}?…"));
    format!("{scheme}://{authority}{path}")
}

/// Where an agent answers differently by how it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Run by a script or with a prompt argument.
    Headless,
    /// Run in a terminal.
    Interactive,
}

impl Mode {
    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Headless => "headless",
            Self::Interactive => "interactive",
        }
    }
}

/// One question: what will this agent, in this profile, send to this provider?
#[derive(Clone, Debug)]
pub struct Slot {
    /// The agent's id.
    pub agent: &'static str,
    /// The agent's own identity (`default`, an OpenClaw agent id).
    pub profile: String,
    /// Where the answer differs by mode.
    pub mode: Option<Mode>,
    /// The catalogue's id; none for a server that the catalogue does not know.
    pub provider: Option<String>,
    /// The agent's own name for the provider (`openai-api`, `custom:lab`).
    pub agent_provider: String,
    /// The agent would use this slot now.
    pub in_use: bool,
    /// All candidates in the agent's order.
    pub candidates: Vec<Candidate>,
    /// The index of the active one.
    pub active: Option<usize>,
    /// What is sent.
    pub outcome: Outcome,
    /// Findings about the slot as a whole.
    pub lints: Vec<Lint>,
}

impl Slot {
    /// The active candidate.
    #[must_use]
    pub fn active_candidate(&self) -> Option<&Candidate> {
        self.candidates.get(self.active?)
    }

    /// Whether rows and outcome agree.
    pub(crate) fn agrees(&self) -> bool {
        let mut other = self.clone();
        other.agree();
        let states = |slot: &Self| slot.candidates.iter().map(|row| row.state.clone()).collect::<Vec<_>>();
        self.active == other.active && states(self) == states(&other)
    }

    /// Brings rows and outcome into agreement. A row is active exactly where its key is sent: where nothing is sent, or
    /// where what is sent is unknown, no row is, and those that would have been used say why.
    pub(crate) fn agree(&mut self) {
        match &self.outcome {
            Outcome::Nothing { reason } | Outcome::NotKnown { reason } => {
                let reason = reason.clone();
                self.set_aside(&reason);
            }
            Outcome::Sends { sent, also, .. } => {
                let holds = |row: Option<&Candidate>| row.is_some_and(|row| row.gives(&sent.key));
                if holds(self.active_candidate()) {
                    return;
                }
                let also =
                    self.active_candidate().is_some_and(|row| also.iter().any(|other| row.gives(&other.key)));
                // That two are empty does not make them the same one.
                let exact = |row: &Candidate| {
                    !sent.key.is_empty() && row.value.secret().is_some_and(|key| *key == sent.key)
                };
                let by = self.candidates.iter().position(exact);
                self.make_active(by, also);
            }
            Outcome::Hidden { .. } => {}
        }
    }

    /// No row is active: the request is not made, for this reason.
    fn set_aside(&mut self, reason: &str) {
        if self.active.take().is_none() {
            return;
        }
        for candidate in &mut self.candidates {
            if matches!(candidate.state, State::Active { .. } | State::Shadowed { .. }) {
                candidate.state = State::Ignored { reason: reason.to_owned() };
            }
        }
    }

    /// Another row than the one that the search found is what is sent; `also` where the found one is sent beside it.
    fn make_active(&mut self, by: Option<usize>, also: bool) {
        let before = std::mem::replace(&mut self.active, by);
        let Some(by) = by else {
            let reason = "another credential is sent in its place".to_owned();
            if let Some(row) = before.and_then(|at| self.candidates.get_mut(at)) {
                row.state = State::Ignored { reason };
            }
            return;
        };
        let why = self.candidates[by].state.reason().to_owned();
        for (at, row) in self.candidates.iter_mut().enumerate() {
            match &mut row.state {
                state if at == by => *state = State::Active { reason: why.clone() },
                State::Active { .. } if also => {}
                state @ State::Active { .. } => *state = State::Shadowed { by, reason: why.clone() },
                State::Shadowed { by: winner, .. } => *winner = by,
                _ => {}
            }
        }
    }

    /// Puts a credential in front that takes the place of what the search found.
    pub(crate) fn put_first(&mut self, first: Candidate) {
        let why = first.state.reason().to_owned();
        for row in &mut self.candidates {
            match &mut row.state {
                state @ State::Active { .. } => *state = State::Shadowed { by: 0, reason: why.clone() },
                State::Shadowed { by, .. } => *by = 0,
                _ => {}
            }
        }
        self.candidates.insert(0, first);
        self.active = Some(0);
    }

    /// The candidates whose faults are the slot's: those that are sent, or, where it is unknown what is sent, those that
    /// would have been used.
    pub fn concerning(&self) -> impl Iterator<Item = &Candidate> {
        let unknown = match &self.outcome {
            Outcome::NotKnown { reason } => Some(reason),
            _ => None,
        };
        self.candidates.iter().filter(move |row| match &row.state {
            State::Active { .. } => true,
            State::Ignored { reason } => unknown == Some(reason),
            _ => false,
        })
    }

    /// The credential that is sent.
    #[must_use]
    pub const fn sent(&self) -> Option<&Sent> {
        match &self.outcome {
            Outcome::Sends { sent, .. } => Some(sent),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, text: Option<&str>) -> (Source, Place, Value) {
        (Source::Env, Place::Env { name: name.into() }, Value::of(text))
    }

    #[test]
    fn an_address_is_shown_without_what_opens_doors() {
        assert_eq!(shown("https://openrouter.ai/api/v1"), "https://openrouter.ai/api/v1");
        assert_eq!(shown("http://me:pass@host:8080/v1"), "http://…@host:8080/v1");
        assert_eq!(shown("http://me:p@ss@host"), "http://…@host");
        assert_eq!(shown("https://host/v1?key=AIzaFAKE#x"), "https://host/v1?…");
        assert_eq!(shown("not an address"), "not an address");
        assert_eq!(origin("https://me:pass@host/v1"), "https://host");
    }

    #[test]
    fn the_first_usable_offer_wins_and_shadows_the_rest() {
        let mut chain = Chain::new();
        let (s, p, v) = env("A", None);
        chain.push(Offer::usable(s, p, v, "A comes first"));
        let (s, p, v) = env("B", Some("b"));
        chain.push(Offer::ignored(s, p, v, "expired"));
        let (s, p, v) = env("C", Some("c"));
        chain.push(Offer::usable(s, p, v, "C is next"));
        let (s, p, v) = env("D", Some("d"));
        chain.push(Offer::usable(s, p, v, "D is last"));
        let settled = chain.settle();
        assert_eq!(settled.active, Some(2));
        let states: Vec<&str> = settled.candidates.iter().map(|c| c.state.id()).collect();
        assert_eq!(states, ["unset", "ignored", "active", "shadowed"]);
        assert_eq!(settled.candidates[3].state, State::Shadowed { by: 2, reason: "C is next".into() });
    }

    #[test]
    fn a_stop_before_any_usable_offer_ends_the_search() {
        let mut chain = Chain::new();
        let (s, p, v) = env("A", Some(""));
        chain.push(Offer::stops(s, p, v, "set but empty"));
        let (s, p, v) = env("B", Some("b"));
        chain.push(Offer::usable(s, p, v, "B"));
        let settled = chain.settle();
        assert_eq!(settled.active, None);
        assert_eq!(settled.stopped.as_deref(), Some("set but empty"));
        assert_eq!(settled.candidates[1].state, State::Ignored { reason: "set but empty".into() });
    }
}
