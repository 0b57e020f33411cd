//! provider × key → the request that tests the key, as data; and what its answer means ([`verdict`]).
//!
//! A key is sent in a header, never in an address or a body. Nothing here sends anything: `host::http` does.

use std::fmt;

use serde_json::Value;

use crate::provider::condition;
use crate::provider::{Catalogue, Honesty, ProbeSpec, Provider, Scheme, authority};
use crate::secret::Secret;

pub mod course;
pub mod custom;
pub mod digest;
pub mod gateway;
pub mod loose;
pub mod redact;
pub mod verdict;

pub use verdict::{Answer, Asked, Kind, Verdict};

/// A key longer than this is no key, and is not sent.
const MAX_KEY: usize = 16_384;

/// A header as it will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderText {
    /// An ordinary value.
    Plain(String),
    /// The key.
    Key(Scheme, Secret),
}

impl HeaderText {
    /// The bytes to send, shown to one closure.
    pub fn expose<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        match self {
            Self::Plain(text) => look(text),
            Self::Key(Scheme::Raw, key) => key.expose(look),
            Self::Key(Scheme::Bearer, key) => key.map(|text| format!("Bearer {text}")).expose(look),
            Self::Key(Scheme::Token, key) => key.map(|text| format!("Token {text}")).expose(look),
        }
    }
}

/// A request that tests a key.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The whole address. It never holds a key.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, HeaderText)>,
    /// The body.
    pub body: Option<String>,
    /// What the data say about it: what it proves, what it costs, what a success looks like.
    pub spec: ProbeSpec,
    /// The header that carries the key, as it is shown: `authorization: bearer`.
    pub header_shown: String,
    /// The host and port it goes to.
    pub host: String,
    /// Whether the host is none of the provider's own.
    pub foreign: bool,
    /// Whether it is the provider's own probe.
    pub own_probe: bool,
    /// Whether a success here is known to mean something: the provider's own host, asked in the provider's own header.
    pub vouched: bool,
}

/// Why a key cannot be tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to send.
    #[error("there is no key to test")]
    Empty,
    /// Such a text cannot be in a header.
    #[error("the key holds a line break or another character that cannot be sent in a header")]
    Unsendable,
    /// Too long for a key.
    #[error("the text is too long to be a key")]
    TooLong,
    /// The address has a part that only the person knows.
    #[error("the address {0} has a part that only you know; name it with --base-url")]
    NeedsAddress(String),
    /// Not an address that a key may be sent to.
    #[error("{0}")]
    BadAddress(String),
    /// The provider's keys cannot be tested with a header.
    #[error("a key of this kind cannot be tested by one request: {0}")]
    NotTestable(String),
}

/// Which probe a target gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhichProbe {
    /// The provider's own.
    #[default]
    Own,
    /// The list of models, which every relay has; the provider's own where the host is the provider's.
    Relay,
    /// The list of models, at the provider's own host as well: the address speaks another provider's protocol there.
    Models,
}

/// Where a request goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The base address, where it is not the provider's main one.
    pub base: Option<String>,
    /// Which probe is sent there.
    pub probe: WhichProbe,
    /// True where the address plays the provider, as the demo's own servers do: it is taken for the provider itself.
    pub trusted: bool,
    /// The header that the agent itself would use, where it is not the provider's.
    pub header: Option<(String, Scheme)>,
}

impl Target {
    /// Whether the provider's own probe goes there.
    #[must_use]
    pub fn sends_own(&self, provider: &Provider) -> bool {
        let host = self.base.as_deref().and_then(authority);
        match self.probe {
            WhichProbe::Own => true,
            WhichProbe::Relay => self.trusted || host.is_none_or(|host| provider.owns(host)),
            WhichProbe::Models => false,
        }
    }
}

/// The request that tests `key` at `provider`, by the probe `spec` of it.
///
/// # Errors
/// When the key cannot be sent, or the address is not one that a key may go to.
pub fn request(
    provider: &Provider,
    key: &Secret,
    kind: Option<&str>,
    spec: &ProbeSpec,
    target: &Target,
) -> Result<Request, Refusal> {
    sendable(key)?;
    if spec.key_in.as_deref() == Some("nowhere") {
        return Err(Refusal::NotTestable(spec.note.clone().unwrap_or_default()));
    }
    let key = &key.map(|text| text.trim_end().to_owned());
    let url = address(provider, spec, target)?;
    check_address(&url)?;
    let host = authority(&url).unwrap_or_default().to_owned();
    let path =
        url.split_once("://").map_or("", |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let mut auth = provider.auth_for(kind, &format!("/{path}"));
    if let Some((header, scheme)) = &target.header {
        auth.header = header.to_ascii_lowercase();
        auth.scheme = *scheme;
        // What goes along with another header is not sent with this one.
        auth.extra.clone_from(&provider.auth.extra);
    }
    let header_shown = match auth.scheme {
        Scheme::Raw => auth.header.clone(),
        Scheme::Bearer => format!("{}: bearer", auth.header),
        Scheme::Token => format!("{}: token", auth.header),
    };
    let mut headers = vec![(auth.header, HeaderText::Key(auth.scheme, key.clone()))];
    headers.extend(auth.extra.into_iter().map(|(name, value)| (name, HeaderText::Plain(value))));
    headers.push(("accept".into(), HeaderText::Plain("application/json".into())));
    let body = spec.body.as_ref().map(Value::to_string);
    if body.is_some() {
        headers.push(("content-type".into(), HeaderText::Plain("application/json".into())));
    }
    let foreign = !provider.owns(&host) && !target.trusted;
    Ok(Request {
        method: spec.method.clone(),
        url,
        headers,
        body,
        spec: spec.clone(),
        header_shown,
        host,
        foreign,
        own_probe: target.sends_own(provider),
        vouched: !foreign && target.header.is_none(),
    })
}

fn sendable(key: &Secret) -> Result<(), Refusal> {
    if key.is_empty() {
        Err(Refusal::Empty)
    } else if key.any_char(|c| c.is_control() || !c.is_ascii()) || key.starts_with(" ") {
        Err(Refusal::Unsendable)
    } else if key.len() > MAX_KEY {
        Err(Refusal::TooLong)
    } else {
        Ok(())
    }
}

/// The probe that fits this key: an alternative for its kind, or the provider's own.
#[must_use]
pub fn spec_for<'a>(provider: &'a Provider, kind: Option<&str>) -> &'a ProbeSpec {
    let fits = |spec: &&ProbeSpec| kind.is_some_and(|kind| spec.kinds.iter().any(|listed| listed == kind));
    provider.alternatives.iter().find(fits).unwrap_or(&provider.probe)
}

/// The probe for a host that is not the provider's: the list of models, which every relay has; it proves nothing until
/// a broken twin of the key is refused.
#[must_use]
pub fn foreign_spec() -> ProbeSpec {
    ProbeSpec {
        method: "GET".into(),
        path: "/models".into(),
        body: None,
        key_in: None,
        proves: "the address accepts the key".into(),
        costs: "none".into(),
        asks: false,
        honesty: Honesty::Unknown,
        success: condition::Condition::try_from("data[]|models[]|.[]".to_owned()).into_iter().collect(),
        confidence: crate::provider::Confidence::Guess,
        note: None,
        kinds: Vec::new(),
        when: None,
    }
}

fn address(provider: &Provider, spec: &ProbeSpec, target: &Target) -> Result<String, Refusal> {
    let own = match authority(&spec.path) {
        Some(_) => spec.path.clone(),
        None => join(provider.base_url(), &spec.path),
    };
    let Some(base) = target.base.as_deref().map(str::trim).filter(|base| !base.is_empty()) else {
        return if own.contains('<') { Err(Refusal::NeedsAddress(own)) } else { Ok(own) };
    };
    let base = if base.contains("://") { base.to_owned() } else { format!("https://{base}") };
    let base = base.trim_end_matches('/');
    let (Some(host), Some((scheme, _))) = (authority(base), base.split_once("://")) else {
        return Err(Refusal::BadAddress(format!("{base} is not an address")));
    };
    let origin = format!("{scheme}://{host}");
    let base_path = base.get(origin.len()..).unwrap_or("");
    let own_path = path_of(&own);
    if base_path.is_empty() && target.probe != WhichProbe::Models
        || authority(&spec.path).is_some() && target.sends_own(provider)
    {
        return Ok(format!("{origin}{own_path}"));
    }
    let relative = if authority(&spec.path).is_some() { own_path } else { &spec.path };
    // Anthropic's clients add the version themselves, so that a configured address lacks it.
    let auth = target.header.as_ref().map_or(provider.auth.header.as_str(), |(name, _)| name);
    let anthropic = provider.id == "anthropic" || auth.eq_ignore_ascii_case("x-api-key");
    let version = if anthropic && !base_path.ends_with("/v1") { "/v1" } else { "" };
    Ok(format!("{base}{version}{relative}"))
}

/// The part of an address behind the host.
#[must_use]
pub fn path_of(url: &str) -> &str {
    url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("")
}

fn join(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    if path.starts_with("/api/") && base.ends_with("/api") {
        format!("{base}{}", &path[4..])
    } else {
        format!("{base}{path}")
    }
}

/// Only https, except on this machine; no user name, no other characters than a host's.
fn check_address(url: &str) -> Result<(), Refusal> {
    let bad = |why: &str| Err(Refusal::BadAddress(why.to_owned()));
    let Some((scheme, rest)) = url.split_once("://") else { return bad("this is not an address") };
    let raw = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if raw.contains('@') {
        return bad("the address holds a user name or password; leave them out");
    }
    if !raw.is_ascii() {
        return bad(
            "the address is not in plain letters; it may be a look-alike of another. Write it as xn--…",
        );
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return bad("the address holds white space");
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(()),
        "http" if is_loopback(raw) => Ok(()),
        "http" => bad("a key is only sent over https, except to this machine"),
        _ => bad("only https addresses can be tested"),
    }
}

/// Whether a host, with or without a port, is this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = if let Some(rest) = host.strip_prefix('[') {
        rest.split(']').next().unwrap_or("")
    } else {
        host.split(':').next().unwrap_or("")
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A key of the same shape that nobody owns: for the question whether an address refuses anything at all.
#[must_use]
pub fn broken_twin(catalogue: &Catalogue, key: &Secret) -> Secret {
    let kept = catalogue
        .recognise(key)
        .matches
        .iter()
        .map(|found| found.prefix.chars().count())
        .max()
        .unwrap_or(0)
        .min(key.len() / 2);
    key.map(|text| {
        let hex = text.chars().skip(kept).all(|c| c.is_ascii_hexdigit() || !c.is_ascii_alphanumeric());
        let turn = |c: char| match c {
            '0'..='9' => char::from(b'0' + (c as u8 - b'0' + 3) % 10),
            'a'..='f' if hex => char::from(b'a' + (c as u8 - b'a' + 2) % 6),
            'A'..='F' if hex => char::from(b'A' + (c as u8 - b'A' + 2) % 6),
            'a'..='z' => char::from(b'a' + (c as u8 - b'a' + 11) % 26),
            'A'..='Z' => char::from(b'A' + (c as u8 - b'A' + 11) % 26),
            other => other,
        };
        text.chars().enumerate().map(|(at, c)| if at < kept { c } else { turn(c) }).collect()
    })
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.url, self.header_shown)
    }
}

#[cfg(test)]
mod tests;
