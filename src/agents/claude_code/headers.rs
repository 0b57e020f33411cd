//! `ANTHROPIC_CUSTOM_HEADERS`: one header a line, laid over each request.

use crate::agents::common::{self, fits_header, is_byte_text};
use crate::agents::engine::{Clash, OwnHeader};
use crate::secret::Secret;

use super::credentials::Credentials;

/// The headers that are credentials; of one name the last line holds.
pub fn all(credentials: &Credentials, clash: impl Fn(&str) -> Clash) -> Vec<OwnHeader> {
    let Some(found) = credentials.headers.first() else { return Vec::new() };
    let lines: Vec<_> = lines(credentials).collect();
    let last =
        |at: usize, name: &str| lines[at + 1..].iter().all(|(later, _)| !later.eq_ignore_ascii_case(name));
    let kept = lines.iter().enumerate().filter(|(at, (name, _))| last(*at, name));
    kept.filter_map(|(_, (name, value))| {
        let header = OwnHeader::shown(name, value, found.source, found.place.clone())?;
        Some(header.clashing(clash(name)).behind())
    })
    .collect()
}

/// Whether there is a header of this name.
pub fn names(credentials: &Credentials, wanted: &str) -> bool {
    lines(credentials).any(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

/// Why Claude Code makes no request with these headers, if it makes none (2.1.329).
pub fn refused(credentials: &Credentials) -> Option<String> {
    let name_fits =
        |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let value_fits = |value: &str| {
        let value = Secret::new(value);
        fits_header(&value) && is_byte_text(&value)
    };
    let wrong = lines(credentials).position(|(name, value)| !name_fits(name) || !value_fits(value))?;
    let number = wrong + 1;
    Some(format!(
        "Claude Code refuses header {number} of ANTHROPIC_CUSTOM_HEADERS: a character in it cannot be sent"
    ))
}

/// Names and values.
fn lines(credentials: &Credentials) -> impl Iterator<Item = (&str, &str)> {
    let text = credentials.headers.first().map_or("", |found| found.text.as_str());
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

/// Whether `fetch` takes the text for an address that it can ask.
pub fn is_address(text: &str) -> bool {
    let text = text.trim();
    let rest = text
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    rest.is_some_and(|(_, rest)| !common::host_of(rest).is_empty())
}
