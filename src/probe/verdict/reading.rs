//! What a text says about a key, read without the request that it answers: from a log, a screen, a bug report. The same
//! rules as for a live answer, in the same order; nothing here is ever "valid".

use super::{Digest, Finding, Kind, applies, by_rule, generic, is_bare, words};
use crate::probe::gateway::Gateway;
use crate::provider::{Catalogue, Provider, Rule};

/// What a reading rests on, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The status alone.
    Status,
    /// Words or a code that mean the same at most providers.
    Words,
    /// A rule of the provider's own.
    Provider,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The verdict.
    pub kind: Kind,
    /// Why, in words.
    pub reason: String,
    /// The next step of the rule.
    pub hint: Option<String>,
    /// Whether the hint is the whole way out.
    pub hint_alone: bool,
    /// The code that decided.
    pub code: Option<String>,
    /// What it rests on.
    pub basis: Basis,
    /// Whether the same question may get another answer in a moment.
    pub ask_again: bool,
}

/// Reads what is left of an answer. `provider` is the one that said it, where that is known.
#[must_use]
pub fn read(
    catalogue: &Catalogue,
    provider: Option<&Provider>,
    status: Option<u16>,
    digest: &Digest,
) -> Option<Reading> {
    let own = provider.and_then(|provider| own_rule(catalogue, provider, status, digest));
    let (found, basis) = match own {
        Some(rule) if is_bare(rule) => (by_rule(rule, digest), Basis::Status),
        Some(rule) => (by_rule(rule, digest), Basis::Provider),
        None => match generic::by_body(digest, status) {
            Some(found) => (found, Basis::Words),
            None => (by_status(status?, digest)?, Basis::Status),
        },
    };
    let login = provider.and_then(|provider| provider.login.as_ref());
    let login = login.filter(|_| found.kind.rejects() && words::speaks_of_login(digest));
    let Finding { kind, reason, hint, hint_alone, code, ask_again, .. } = found;
    let reason = match (login, kind) {
        (Some(_), Kind::Expired) if basis != Basis::Provider => {
            "The token of this login has expired.".to_owned()
        }
        _ => reason,
    };
    let hint_alone = hint_alone || login.is_some();
    Some(Reading { kind, reason, hint: login.cloned().or(hint), hint_alone, code, basis, ask_again })
}

fn own_rule<'a>(
    catalogue: &'a Catalogue,
    provider: &'a Provider,
    status: Option<u16>,
    digest: &Digest,
) -> Option<&'a Rule> {
    // Which kind of key was sent is not known, and an error is no success.
    let heard = |rule: &&Rule| rule.kinds.is_empty() && rule.verdict != Kind::Valid.id() && !rule.empty;
    catalogue.rules(provider).filter(heard).find(|rule| applies(rule, status, digest))
}

/// Only a status that says that something failed.
fn by_status(status: u16, digest: &Digest) -> Option<Finding> {
    (400..600).contains(&status).then(|| generic::by_status(status, digest))
}

/// What is said about something in front of the provider, and what it means by it.
#[must_use]
pub fn in_front(gateway: Gateway, status: Option<u16>, meaning: Option<Kind>) -> String {
    words::gateway(gateway, status, meaning)
}
