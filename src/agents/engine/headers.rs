//! The headers that a person configured, laid over a request as its last stage.

use crate::agents::common::{is_credential_header, sent_in};
use crate::finding::Lint;
use crate::resolve::{Candidate, Sent, State};
use crate::source::{Place, Source, Value};

use super::answer::{Credential, From};

/// The reason of a key whose header a configured one replaces.
pub(super) const REPLACED: &str = "a header of your own replaces it";

/// The reason of a configured header that gives way to the key's own.
const LEFT_OUT: &str = "left out: the credential that is sent has a header of this name";

/// A configured header that is a credential.
#[derive(Clone, Debug)]
pub struct OwnHeader {
    /// The header and its text.
    pub(crate) sent: Sent,
    /// What happens where the request has a header of this name already.
    clash: Clash,
    /// It is shown as its own row: the kind of place, the place, the header as it is written there.
    pub(crate) row: Option<(Source, Place, String)>,
    /// An `Authorization` that is its own row is named before the other credentials.
    leads: bool,
}

/// What happens where a request has a header of the same name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// The configured one takes its place.
    Replaces,
    /// The configured one is left out where an offer's key has the name.
    Yields,
    /// Both are sent.
    Both,
}

impl OwnHeader {
    /// A header that is no row of its own.
    #[must_use]
    pub const fn of(sent: Sent, clash: Clash) -> Self {
        Self { sent, clash, row: None, leads: false }
    }

    /// A header that takes the place of the key's own and is shown as a row, if it is a credential.
    #[must_use]
    pub fn shown(name: &str, value: &str, source: Source, place: Place) -> Option<Self> {
        let row = Some((source, place, name.to_owned()));
        is_credential_header(name, value).then(|| Self {
            sent: sent_in(name, value),
            clash: Clash::Replaces,
            row,
            leads: true,
        })
    }

    /// The same header, with another rule for what it meets.
    #[must_use]
    pub fn clashing(self, clash: Clash) -> Self {
        Self { clash, ..self }
    }

    /// The same header, named behind the agent's own credentials.
    #[must_use]
    pub fn behind(self) -> Self {
        Self { leads: false, ..self }
    }

    /// Whether it is the header `name`.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.sent.header.name() == name
    }

    /// Whether its value is blank.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        !self.sent.key.any_char(|c| !c.is_whitespace())
    }

    /// Whether it is sent in the place of a key in the header `name`.
    pub(super) fn takes_the_place_of(&self, name: &str) -> bool {
        self.clash == Clash::Replaces && self.sent.header.name() == name
    }
}

/// Every credential of `headers`, none as its own row.
#[must_use]
pub fn all<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>, clash: Clash) -> Vec<OwnHeader> {
    let credentials = headers.into_iter().filter(|(name, value)| is_credential_header(name, value));
    credentials.map(|(name, value)| OwnHeader::of(sent_in(name, value), clash)).collect()
}

/// Lays the configured headers over the credentials of a request. An `Authorization` that is its own row is named
/// first: it is what a server looks at.
pub(super) fn lay(credentials: &mut Vec<Credential>, own: &[OwnHeader]) {
    let keys = credentials.len();
    for (at, header) in own.iter().enumerate() {
        let name = header.sent.header.name();
        let one = Credential { sent: header.sent.clone(), from: From::Own(at) };
        let same = credentials.iter().position(|other| other.sent.header.name() == name);
        match (header.clash, same) {
            (Clash::Replaces, Some(same)) => credentials[same] = one,
            (Clash::Yields, Some(same)) if same < keys => {}
            _ if header.leads && name == "authorization" => credentials.insert(0, one),
            _ => credentials.push(one),
        }
    }
}

/// The rows of the configured headers, strongest first, and what they do.
pub(super) fn rows(own: &[OwnHeader], request: &[From]) -> (Vec<Candidate>, Vec<Lint>) {
    let (mut rows, mut lints) = (Vec::new(), Vec::new());
    let beside = || "it is sent beside the key, in its own header".to_owned();
    let with_key = request.iter().any(|from| matches!(from, From::Offer(_)));
    let first = match request.first() {
        Some(From::Own(at)) => row_of(own, *at),
        _ => None,
    };
    for (at, header) in own.iter().enumerate() {
        let Some((source, place, name)) = header.row.clone() else { continue };
        let position = request.iter().position(|from| *from == From::Own(at));
        let left_out = position.is_none() && header.clash == Clash::Yields;
        if !left_out {
            let message = format!("{} adds a credential to each request", place.show(None));
            lints.push(Lint::warn("own-credential-header", message));
        }
        let state = match (position, first) {
            _ if left_out => State::Ignored { reason: LEFT_OUT.to_owned() },
            (Some(0), _) if !with_key => {
                State::Active { reason: "a header of your own replaces the key".to_owned() }
            }
            (Some(_), _) => State::Active { reason: beside() },
            (None, Some(by)) => State::Shadowed { by, reason: REPLACED.to_owned() },
            (None, None) => State::Ignored { reason: REPLACED.to_owned() },
        };
        let value = Value::Present(header.sent.key.clone());
        rows.insert(0, Candidate { source, place, name: Some(name), value, state, lints: Vec::new() });
    }
    (rows, lints)
}

/// The position of a configured header among the rows.
pub(super) fn row_of(own: &[OwnHeader], at: usize) -> Option<usize> {
    own[at].row.as_ref()?;
    Some(own[at + 1..].iter().filter(|later| later.row.is_some()).count())
}
