//! The words of the verdicts: what is, and the way out.

use super::{Asked, Kind};
use crate::probe::gateway::{Gateway, GatewayKind};

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
        Kind::ProviderDown => "The provider has a fault of its own right now.",
        Kind::Network => "No answer arrived.",
        Kind::Ambiguous => "The answer proves nothing about the key.",
    }
}

/// What is said when something in front of the provider answered.
#[must_use]
pub(super) fn gateway(gateway: Gateway, status: u16) -> String {
    let name = gateway.name;
    match gateway.kind {
        GatewayKind::Proxy if status == 407 => {
            format!("{name} wants a name and password before it lets anything through.")
        }
        GatewayKind::Relay | GatewayKind::Proxy => {
            format!("{name} answered, not the provider (status {status}).")
        }
        GatewayKind::Edge => {
            format!("{name} stopped the request before the provider saw the key (status {status}).")
        }
        GatewayKind::Captive => format!("{name} answered, not the provider. Log in to the network first."),
    }
}

/// The next steps that go with a verdict.
#[must_use]
pub(super) fn hints(asked: &Asked<'_>, kind: Kind) -> Vec<String> {
    let provider = asked.provider;
    let console = &provider.console_url;
    let mut hints = Vec::new();
    match kind {
        Kind::Invalid | Kind::Revoked | Kind::Expired => {
            if let Some(better) = asked.catalogue.recognise(asked.key).foreign_to(&provider.id) {
                hints.push(format!("This looks like a key of {}. Test it there.", better.provider.name));
            }
            if other_doors(asked) {
                hints.push("A key of another region or plan gets the same answer. Try the other addresses of this company.".into());
            }
            hints.push(format!("Make a new key at {console} and replace this one."));
        }
        Kind::NoCredit => {
            hints.push(format!("Add credit or renew the plan at {console}; the key itself can stay."));
        }
        Kind::RateLimited => hints.push("Wait and try again; the key itself can stay.".into()),
        Kind::Forbidden => {
            hints.push(format!("Check the key's permissions, models and region at {console}."));
        }
        Kind::WrongEndpoint => hints.push(
            "Check the address and the header that the agent uses; try the other addresses of this company."
                .into(),
        ),
        Kind::Gateway => hints.push("Ask whoever runs what stands in front, or test without it.".into()),
        Kind::ProviderDown => {
            hints.push("Nothing is wrong with the key as far as this tells. Try again later.".into());
        }
        Kind::Ambiguous => hints.push("Keep the key until another test says more.".into()),
        Kind::Valid | Kind::Network => {}
    }
    hints
}

/// Whether the same company has another address where the key may belong.
fn other_doors(asked: &Asked<'_>) -> bool {
    let main = asked.provider.hosts.first();
    let differs = |host: &crate::provider::Host| {
        main.is_some_and(|main| (&main.region, &main.plan) != (&host.region, &host.plan))
    };
    asked.provider.hosts.iter().any(differs) || asked.catalogue.siblings(asked.provider).next().is_some()
}
