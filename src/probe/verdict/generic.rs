//! What codes and sentences mean at most providers, when the provider's own rules say nothing:
//! `assets/verdicts/generic.toml`, and what a status alone says.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Digest, Finding, Form, Kind, applies, by_rule, words};
use crate::provider::Rule;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) rules: Vec<Rule>,
}

pub(super) const TEXT: &str = include_str!("../../../assets/verdicts/generic.toml");

/// A file that does not parse is caught by a test; the status alone decides then.
static FILE: LazyLock<File> = LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());

/// An answer whose words take more room than this is no error message.
const SHORT: usize = 300;

/// What the body says.
#[must_use]
pub(super) fn by_body(digest: &Digest, status: Option<u16>) -> Option<Finding> {
    let quiet = status.is_some_and(|status| (200..300).contains(&status)) && !digest.error;
    // A success of another shape is read only where it is as short as an error: lists of models hold any words.
    let readable = !quiet || digest.form == Form::Text || digest.line.len() < SHORT;
    let heard = |rule: &&Rule| !quiet || readable && !rule.text.is_empty();
    let rule = FILE.rules.iter().filter(heard).find(|rule| applies(rule, status, digest))?;
    Some(Finding { by_provider: false, ..by_rule(rule, digest) })
}

/// What the status alone says. Where nothing at all is in the body, something on the way may have answered before
/// anybody looked at the key, so that a limit or a refusal does not show that the key is real.
#[must_use]
pub(super) fn by_status(status: u16, digest: &Digest) -> Finding {
    let finding = |kind| Finding::new(kind, words::reason(kind));
    let empty = digest.form == Form::Empty;
    match status {
        401 => finding(Kind::Invalid),
        402 => finding(Kind::NoCredit),
        403 | 451 if empty => Finding::new(
            Kind::Ambiguous,
            "The request was refused without a word, so nothing tells whether the key is the cause.",
        ),
        403 | 451 => finding(Kind::Forbidden),
        404 | 405 | 410 if explained(digest) => Finding::new(
            Kind::Ambiguous,
            "The address is right, but what was asked for is not there; that says nothing about the key.",
        ),
        404 | 405 | 410 => Finding::new(
            Kind::WrongEndpoint,
            "There is nothing at this address: the address or the path is wrong, or the endpoint is gone.",
        ),
        407 => finding(Kind::Gateway),
        429 if empty => Finding::new(
            Kind::Ambiguous,
            "Too many requests, without a word by whom: a limit on the way answers so before it looks at the key.",
        ),
        429 => finding(Kind::RateLimited),
        500..=599 => finding(Kind::ProviderDown),
        300..=399 => Finding::new(
            Kind::WrongEndpoint,
            "The address sends the request elsewhere; keymend does not follow with a key.",
        ),
        _ if empty => Finding::new(Kind::Ambiguous, "The answer is empty, so it proves nothing."),
        _ => finding(Kind::Ambiguous),
    }
}

/// Words that a web server has for a path that it does not know.
const NO_PATH: &[&str] = &["not found", "no route", "path", "route", "page", "url", "method", "endpoint"];

/// Whether an error says, in another sentence, more than that the path is not known.
fn explained(digest: &Digest) -> bool {
    digest.json.is_some()
        && digest.error
        && digest.messages.iter().any(|text| {
            let text = super::super::digest::flat(text);
            text.split(' ').count() > 3 && !NO_PATH.iter().any(|words| text.contains(words))
        })
}
