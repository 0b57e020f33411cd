//! The words of the verdicts: what is, and the way out.

use super::{Asked, Digest, Kind};
use crate::probe::gateway::{Gateway, GatewayKind};
use crate::provider::Confidence;

/// The reason that goes with a verdict when nothing better is known.
#[must_use]
pub(super) const fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Valid => "The provider accepts the key.",
        Kind::Invalid => "The provider does not know this key.",
        Kind::Revoked => "The key or its account was switched off.",
        Kind::Expired => "The key has expired.",
        Kind::NoCredit => "The key is real; its account has no credit or plan left.",
        Kind::RateLimited => "The key is real; too many requests were made, or a plan's window is used up.",
        Kind::Forbidden => "The key is real, but it may not do this.",
        Kind::WrongEndpoint => "The key does not belong to this address, header or plan.",
        Kind::Gateway => "Something in front of the provider answered.",
        Kind::ProviderDown => "The provider has an internal error right now.",
        Kind::Network => "No answer arrived.",
        Kind::Ambiguous => "The answer proves nothing about the key.",
    }
}

/// The reason where no rule has its own words: who does not know the key, and whether it is the token of a login.
#[must_use]
pub(super) fn reason_at(asked: &Asked<'_>, kind: Kind, digest: &Digest) -> String {
    let login = asked.provider.login.is_some() && is_login(asked, digest);
    match kind {
        Kind::Invalid if asked.foreign && !asked.provider.hosts.is_empty() => {
            format!("{} does not know this key. It is no address of {}.", asked.host, asked.provider.name)
        }
        Kind::Invalid if asked.foreign => format!("{} does not know this key.", asked.host),
        Kind::Invalid if login => "The provider does not know the token of this login.".to_owned(),
        Kind::Revoked if login => "The login that this token belongs to was ended.".to_owned(),
        Kind::Expired if login => "The token of this login has expired.".to_owned(),
        _ => reason(kind).to_owned(),
    }
}

/// What is said when something in front of the provider answered.
#[must_use]
pub(super) fn gateway(gateway: Gateway, status: Option<u16>, meaning: Option<Kind>) -> String {
    let name = gateway.name;
    let with = status.map_or(String::new(), |status| format!(" (status {status})"));
    match gateway.kind {
        GatewayKind::Proxy if status == Some(407) => {
            format!("{name} wants a name and password before it lets anything through.")
        }
        GatewayKind::Relay | GatewayKind::Proxy => {
            let says = meaning.and_then(relayed).map_or(String::new(), |says| format!(" {says}"));
            format!("{name} answered, not the provider{with}.{says}")
        }
        GatewayKind::Edge => {
            format!("{name} stopped the request before the provider saw the key{with}.")
        }
        GatewayKind::Captive => format!("{name} answered, not the provider. Log in to the network first."),
    }
}

/// What a relay says about its own key.
const fn relayed(meaning: Kind) -> Option<&'static str> {
    match meaning {
        Kind::Invalid => Some("It does not know this key."),
        Kind::Revoked => Some("It has switched this key off."),
        Kind::Expired => Some("The key that it gave out has expired."),
        Kind::NoCredit => Some("The budget of this key there is used up."),
        Kind::RateLimited => Some("Its limit for this key is reached."),
        Kind::Forbidden => Some("It does not let this key do that."),
        _ => None,
    }
}

/// The next steps that go with a verdict.
#[must_use]
pub(super) fn hints(asked: &Asked<'_>, kind: Kind, digest: &Digest, gateway: Option<Gateway>) -> Vec<String> {
    let provider = asked.provider;
    let console = &provider.console_url;
    match kind {
        Kind::Invalid | Kind::Revoked | Kind::Expired => rejected(asked, digest),
        Kind::NoCredit => {
            let page = provider.billing_url.as_ref().unwrap_or(console);
            vec![format!("Add credit or renew the plan at {page}; the key itself can stay.")]
        }
        Kind::RateLimited => vec!["Wait and try again; the key itself can stay.".into()],
        Kind::Forbidden => vec![format!("Check the key's permissions, models and region at {console}.")],
        Kind::WrongEndpoint => vec![
            "Check the address and the header that the agent uses; try the other addresses of this company."
                .into(),
        ],
        Kind::Gateway => vec![match gateway.filter(|gateway| gateway.kind == GatewayKind::Relay) {
            Some(gateway) => format!(
                "Use a key that {} gave out, or ask whoever runs it; a new key of {} does not help there.",
                gateway.name, provider.name
            ),
            None => "Ask whoever runs what is in front, or test without it.".into(),
        }],
        Kind::ProviderDown => {
            vec!["Nothing is wrong with the key as far as this tells. Try again later.".into()]
        }
        Kind::Ambiguous => vec!["Keep the key until another test says more.".into()],
        Kind::Valid | Kind::Network => Vec::new(),
    }
}

/// The ways out of a rejection: another provider's key, another address, a new login, a new key.
fn rejected(asked: &Asked<'_>, digest: &Digest) -> Vec<String> {
    let provider = asked.provider;
    let mut hints = Vec::new();
    if let Some(better) = asked.catalogue.recognise(asked.key).foreign_to(&provider.id) {
        hints.push(format!("This looks like a key of {}. Test it there.", better.provider.name));
    }
    if let Some(login) = provider.login.as_ref().filter(|_| is_login(asked, digest)) {
        hints.push(login.clone());
        return hints;
    }
    if asked.foreign && (!asked.own_probe || is_bare(digest)) {
        hints.push(format!("Use a key that {} itself gave out, or ask whoever runs it.", asked.host));
        return hints;
    }
    if let Some(flaps) = &provider.flaps {
        hints.push(format!("Test it once more in a few minutes: {flaps}."));
    }
    if other_doors(asked) {
        hints.push(
            "A key of another region or plan gets the same answer. Try the other addresses of this company."
                .into(),
        );
    }
    let relay = if asked.foreign {
        format!(" Where {} is a relay, use a key that it gave out instead.", asked.host)
    } else {
        String::new()
    };
    hints.extend(in_the_list(asked));
    hints.push(format!("Make a new key at {} and replace this one.{relay}", provider.console_url));
    hints
}

/// How the key is found again on the provider's page, by the end that its mask shows.
fn in_the_list(asked: &Asked<'_>) -> Option<String> {
    let provider = asked.provider;
    let mask = asked.catalogue.mask(asked.key);
    let (_, end) = mask.as_str().split_once('…').filter(|_| !asked.foreign && !provider.local)?;
    let end = end.split(' ').next().unwrap_or(end);
    Some(format!(
        "Look for …{end} in the list at {}: if it is not there, it was deleted or belongs to another account; \
         if it was never used, it is not the key that is sent; if it is active and was used today, write to the support \
         and quote the request id.",
        provider.console_url
    ))
}

/// An error that is no more than FastAPI's `{"detail": "…"}`: proxies that somebody wrote answer so
/// (Alishahryar1/free-claude-code#350).
fn is_bare(digest: &Digest) -> bool {
    digest
        .json
        .as_ref()
        .and_then(serde_json::Value::as_object)
        .is_some_and(|body| body.len() == 1 && body.get("detail").is_some_and(serde_json::Value::is_string))
}

/// Words by which an answer says that it speaks of a login.
const LOGIN: &[&str] =
    &["oauth token", "oauth access token", "refresh token", "log in again", "sign in again"];

/// Whether the credential is a token of a login, by its own shape or by what the answer says.
fn is_login(asked: &Asked<'_>, digest: &Digest) -> bool {
    let recognition = asked.catalogue.recognise(asked.key);
    recognition.of(&asked.provider.id).is_some_and(|found| found.shape.oauth) || speaks_of_login(digest)
}

/// Whether the answer itself says so.
pub(super) fn speaks_of_login(digest: &Digest) -> bool {
    LOGIN.iter().any(|words| digest.line.contains(words))
        || digest.codes.iter().any(|code| code.starts_with("refresh_token") || code == "token_invalidated")
}

/// Whether the same company has another address where the key may belong, as far as that is more than a guess.
fn other_doors(asked: &Asked<'_>) -> bool {
    let main = asked.provider.hosts.first();
    let differs = |host: &crate::provider::Host| {
        host.confidence != Confidence::Guess
            && main.is_some_and(|main| (&main.region, &main.plan) != (&host.region, &host.plan))
    };
    asked.provider.hosts.iter().any(differs) || asked.catalogue.siblings(asked.provider).next().is_some()
}
