//! The one decision of a slot: from the offers, in the agent's order, to what is sent and to the state of every row.
//!
//! What is sent is decided first, and each credential of the request remembers the row that it is from. The rows' states
//! are made from that and from nothing else, so that "no key is sent" and "a row is active" cannot both be said.

use crate::agents::common::fits_header;
use crate::finding::Lint;
use crate::resolve::{Candidate, Gives, Header, Offer, Outcome, Sent, State};
use crate::secret::Secret;
use crate::source::Value;

use super::Question;
use super::headers::{self, OwnHeader};

/// The text that an HTTP library puts into a header for a key, or what happens where it cannot.
pub type Library = fn(&Secret, &Header) -> Result<Secret, Unsendable>;

/// What happens to a key that the HTTP library cannot put into a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsendable {
    /// The library refuses the key: no request is made, and the key is at fault.
    Faulty(String),
    /// No request is made, for this reason.
    Stops(String),
    /// The request is made without the key, for this reason.
    LeftOut(String),
    /// What happens is unknown; what no recording covers, in words.
    Unknown(String),
}

/// What happens where no offer gives a key.
#[derive(Clone, Debug)]
pub enum Without {
    /// This.
    Ends(Outcome),
    /// The request is made all the same, for this reason without a key; a configured header may still be a credential.
    Bare(String),
}

/// What is around the key in the request.
pub struct Request {
    /// The header of a key that names none of its own.
    pub header: Header,
    /// Where a key is sent that names no address of its own.
    pub base_url: String,
    /// What the HTTP library makes of a key.
    pub library: Library,
    /// The library looks at the request as it is sent: a key that a configured header replaces is not looked at, and the
    /// configured headers are.
    pub as_sent: bool,
    /// The row that is sent too, in another header of the same request; it may be the first one once more.
    pub also: Option<(usize, Header)>,
    /// The headers that a person configured, weakest first.
    pub own: Vec<OwnHeader>,
    /// What happens without a key.
    pub without: Without,
}

impl Request {
    /// A key in `header` to `base_url`, sent as it is; without one no request is made, for the reason `without`.
    pub fn new(header: Header, base_url: impl Into<String>, without: impl Into<String>) -> Self {
        Self {
            header,
            base_url: base_url.into(),
            library: any_text,
            as_sent: false,
            also: None,
            own: Vec::new(),
            without: Without::Ends(Outcome::nothing(without)),
        }
    }
}

/// Takes every text that a header can carry at all.
fn any_text(key: &Secret, _: &Header) -> Result<Secret, Unsendable> {
    let fits = fits_header(key).then(|| key.clone());
    fits.ok_or_else(|| {
        Unsendable::Stops("the key has a control character, which no header can carry".to_owned())
    })
}

/// The rows of a slot and what is sent.
pub struct Answer {
    /// Every offer with its state, and before them the configured headers that are credentials.
    pub candidates: Vec<Candidate>,
    /// The row of the credential that is sent.
    pub active: Option<usize>,
    /// What is sent.
    pub outcome: Outcome,
    /// What the configured headers do.
    pub lints: Vec<Lint>,
    /// The offer at which the search ended with a key, whether or not that key is then sent.
    pub found: Option<usize>,
}

/// A credential in the request, and the row that it is from.
pub(super) struct Credential {
    pub(super) sent: Sent,
    pub(super) from: From,
}

/// What a credential in the request is from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The offer at this position.
    Offer(usize),
    /// The configured header at this position.
    Own(usize),
}

/// Where the search through the offers ended.
#[derive(Clone, Copy)]
enum Search {
    Key(usize),
    Stop(usize),
    Nothing,
}

/// What is decided before the rows are made.
struct Decided {
    outcome: Outcome,
    /// The credentials of the request, the main one first.
    credentials: Vec<From>,
    /// The key that the HTTP library refuses.
    faulty: Option<(usize, Lint)>,
}

impl Decided {
    fn none(outcome: Outcome) -> Self {
        Self { outcome, credentials: Vec::new(), faulty: None }
    }
}

/// Decides a slot: with `refusal` that is the outcome, whatever the offers give.
pub fn answer(offers: Vec<Offer>, request: Request, refusal: Option<Outcome>) -> Answer {
    let search = search(&offers);
    let mut decided = decide(&offers, search, &request);
    if let Some(outcome) = refusal {
        // A key that no header can carry is at fault all the same.
        decided = Decided { faulty: decided.faulty, ..Decided::none(outcome) };
    }
    rows(offers, search, request, decided)
}

impl Question {
    /// Whether a known request is made with a credential.
    #[must_use]
    pub fn sends(&self) -> bool {
        let decided = || decide(&self.offers, search(&self.offers), &self.request);
        self.refusal.is_none() && matches!(decided().outcome, Outcome::Sends { .. })
    }

    /// The offer that is used where no configured header takes its place.
    #[must_use]
    pub fn used(&self) -> Option<&Offer> {
        let Search::Key(at) = search(&self.offers) else { return None };
        let offer = &self.offers[at];
        let name = offer.header.as_ref().unwrap_or(&self.request.header).name();
        let replaced = self.request.own.iter().any(|own| own.takes_the_place_of(&name));
        (!replaced || !self.sends()).then_some(offer)
    }
}

fn search(offers: &[Offer]) -> Search {
    let end = offers.iter().position(|offer| offer.gives.wins() || offer.gives.ends());
    match end {
        Some(at) if offers[at].gives.wins() => Search::Key(at),
        Some(at) => Search::Stop(at),
        None => Search::Nothing,
    }
}

/// What is sent.
fn decide(offers: &[Offer], search: Search, request: &Request) -> Decided {
    let (mut credentials, mut bare, mut base_url) = (Vec::new(), String::new(), &request.base_url);
    match search {
        Search::Key(at) => {
            let main = (at, offers[at].header.clone().unwrap_or_else(|| request.header.clone()));
            let rows = || {
                std::iter::once(at).chain(request.also.iter().map(|(row, _)| *row)).map(From::Offer).collect()
            };
            for (row, header) in std::iter::once(&main).chain(&request.also) {
                let unseen =
                    request.as_sent && request.own.iter().any(|own| own.takes_the_place_of(&header.name()));
                let library: Library = if unseen { |key, _| Ok(key.clone()) } else { request.library };
                match part(&offers[*row], header, library) {
                    Part::Credential(sent) => credentials.push(Credential { sent, from: From::Offer(*row) }),
                    Part::Nothing(why) => bare = why,
                    Part::Ends(outcome @ Outcome::Hidden { .. }) => {
                        return Decided { credentials: rows(), ..Decided::none(outcome) };
                    }
                    Part::Ends(outcome) => return Decided::none(outcome),
                    Part::Faulty(why) => {
                        let faulty = Some((*row, Lint::fault("invalid-header", why.clone())));
                        return Decided { faulty, ..Decided::none(Outcome::nothing(why)) };
                    }
                }
            }
            base_url = offers[at].base_url.as_ref().unwrap_or(base_url);
        }
        Search::Stop(at) => match &offers[at].gives {
            Gives::Stops(why) => return Decided::none(Outcome::nothing(why.as_str())),
            Gives::NoKey(why) => bare.clone_from(why),
            _ => {}
        },
        Search::Nothing => match &request.without {
            Without::Ends(outcome) => return Decided::none(outcome.clone()),
            Without::Bare(why) => bare.clone_from(why),
        },
    }
    headers::lay(&mut credentials, &request.own);
    if request.as_sent {
        let of_own = credentials.iter().filter(|one| matches!(one.from, From::Own(_)));
        let refused =
            of_own.map(|one| (request.library)(&one.sent.key, &one.sent.header)).find_map(Result::err);
        if let Some(Unsendable::Faulty(why) | Unsendable::Stops(why)) = refused {
            let why = format!("a header of the configuration cannot be sent: {why}");
            return Decided::none(Outcome::nothing(why));
        }
    }
    let from = credentials.iter().map(|one| one.from).collect();
    let mut sent = credentials.into_iter().map(|one| one.sent);
    let outcome = match sent.next() {
        Some(first) => Outcome::Sends { sent: first, base_url: base_url.clone(), also: sent.collect() },
        None => Outcome::nothing(bare),
    };
    Decided { outcome, credentials: from, faulty: None }
}

/// What one row puts into the request.
enum Part {
    Credential(Sent),
    /// Nothing, for this reason; the request is made all the same.
    Nothing(String),
    /// Nothing: this is the outcome.
    Ends(Outcome),
    /// Nothing, and no request is made: the key is at fault.
    Faulty(String),
}

fn part(offer: &Offer, header: &Header, library: Library) -> Part {
    let key = match &offer.gives {
        Gives::Key(key) => key,
        Gives::Hidden(why) => return Part::Ends(Outcome::hidden(why.as_str())),
        Gives::Unknown(why) => return Part::Ends(Outcome::unknown(why.as_str())),
        Gives::Fails(why) => return Part::Ends(Outcome::nothing(why.as_str())),
        Gives::Stops(why) | Gives::NoKey(why) => return Part::Nothing(why.clone()),
        Gives::Never | Gives::Unset => return Part::Nothing(offer.why.clone()),
    };
    match library(key, header) {
        Ok(key) => Part::Credential(Sent { header: header.clone(), key }),
        Err(Unsendable::LeftOut(why)) => Part::Nothing(why),
        Err(Unsendable::Stops(why)) => Part::Ends(Outcome::nothing(why)),
        Err(Unsendable::Unknown(why)) => Part::Ends(Outcome::unknown(why)),
        Err(Unsendable::Faulty(why)) => Part::Faulty(why),
    }
}

/// The rows, from what was decided: those of the request are active, and every other one says why it is not.
fn rows(offers: Vec<Offer>, search: Search, request: Request, decided: Decided) -> Answer {
    let Decided { outcome, credentials, faulty } = decided;
    let Request { also, own, .. } = request;
    // Configured headers go with a request alone.
    let own = if matches!(outcome, Outcome::Sends { .. }) { own } else { Vec::new() };
    let (mut candidates, lints) = headers::rows(&own, &credentials);
    let before = candidates.len();
    let position = |from: &From| match from {
        From::Offer(at) => Some(before + at),
        From::Own(at) => headers::row_of(&own, *at),
    };
    let active = credentials.first().and_then(position);
    let found = if let Search::Key(at) = search { Some(at) } else { None };
    let winner = found.map(|at| offers[at].why.clone()).unwrap_or_default();
    let stopped = if let Search::Stop(at) = search { Some(offers[at].why.clone()) } else { None };
    let aside = match &outcome {
        Outcome::Nothing { reason } | Outcome::NotKnown { reason } => reason.as_str(),
        _ => "another credential is sent in its place",
    };
    for (at, offer) in offers.into_iter().enumerate() {
        let sent = active.is_some() && credentials.contains(&From::Offer(at));
        let state = match (&offer.value, active) {
            (Value::Unset, _) => State::Unset,
            (Value::Unreadable(reason), _) => State::Ignored { reason: reason.clone() },
            _ if sent && found == Some(at) => State::Active { reason: offer.why },
            _ if sent => State::Active { reason: beside(also.as_ref()) },
            _ if !offer.gives.wins() => State::Ignored { reason: offer.why },
            (_, Some(by)) if found == Some(at) => {
                State::Shadowed { by, reason: headers::REPLACED.to_owned() }
            }
            (_, Some(by)) => State::Shadowed { by, reason: offer.shadow.unwrap_or_else(|| winner.clone()) },
            (_, None) if found.is_some() => State::Ignored { reason: aside.to_owned() },
            (_, None) => State::Ignored { reason: stopped.clone().unwrap_or(offer.why) },
        };
        let Offer { source, place, name, value, mut lints, .. } = offer;
        lints.extend(faulty.as_ref().filter(|(row, _)| *row == at).map(|(_, lint)| lint.clone()));
        candidates.push(Candidate { source, place, name, value, state, lints });
    }
    Answer { candidates, active, outcome, lints, found }
}

/// The reason of a row that is sent beside the main one.
fn beside(also: Option<&(usize, Header)>) -> String {
    also.map_or_else(String::new, |(_, header)| format!("is sent in the same request, as {header}"))
}
