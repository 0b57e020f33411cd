//! From a slot to the test of its key: which ways are tried, and where each provider's host leads.

use std::collections::BTreeMap;

use crate::probe::course::{self, Consent, Job, Layer, NeedsYes, What};
use crate::probe::{Target, WhichProbe, custom, path_of};
use crate::provider::{Catalogue, Provider, Scheme, authority};
use crate::resolve::{Header, Outcome, Slot};
use crate::secret::Secret;

/// Where a provider's host leads instead of itself: empty on a real machine, loopback in the demo.
pub type Routes = BTreeMap<String, String>;

/// The test of `key` for a slot, as its agent sends it. Where the agent goes to the provider itself: the provider's own
/// probe there, and once more in the agent's header where that is another. Where it goes elsewhere: straight to the
/// provider, and to that address. A server that the catalogue does not know is asked in the protocol of its header.
/// None for a slot without a provider that sends to no address.
#[must_use]
pub fn job(
    catalogue: &Catalogue,
    slot: &Slot,
    key: &Secret,
    routes: &Routes,
    consent: Consent,
) -> Option<Job> {
    let known = slot.provider.as_deref().and_then(|id| catalogue.get(id));
    let Outcome::Sends { sent, base_url, .. } = &slot.outcome else {
        return known.map(|provider| direct(provider, key, routes).allowing(consent));
    };
    let host = authority(base_url).unwrap_or_default();
    let provider = known.or_else(|| catalogue.by_host(host).filter(|_| !host.is_empty()));
    let Some(provider) = provider else {
        return (!host.is_empty()).then(|| at_server(base_url, &sent.header, key).allowing(consent));
    };
    let other = other_header(provider, catalogue, key, &sent.header, path_of(base_url));
    let job = direct(provider, key, routes);
    Some(if host.is_empty() || provider.owns(host) {
        at_home(job, provider, base_url, other).allowing(consent)
    } else {
        job.with_configured(base_url, other).allowing(consent)
    })
}

/// The test of a key that belongs to no slot.
#[must_use]
pub fn direct(provider: &Provider, key: &Secret, routes: &Routes) -> Job {
    let own = authority(provider.base_url()).unwrap_or_default();
    match routes.get(own) {
        Some(base) => Job::played(&provider.id, key.clone(), base),
        None => Job::direct(&provider.id, key.clone()),
    }
}

/// What the person has to agree to before the test of a slot asks every address that its agent uses.
#[must_use]
pub fn needs_yes(catalogue: &Catalogue, slot: &Slot, key: &Secret, agreed: &[String]) -> Option<NeedsYes> {
    let Outcome::Sends { base_url, .. } = &slot.outcome else { return None };
    let host = authority(base_url)?;
    let known = slot.provider.as_deref().and_then(|id| catalogue.get(id));
    let provider = known.or_else(|| catalogue.by_host(host)).or_else(|| custom::get(custom::OPENAI))?;
    course::needs_yes(catalogue, provider, key, host, false)
        .filter(|needed| !agreed.iter().any(|host| course::same_host(host, &needed.host)))
}

/// The provider's own address: the region or plan that the agent is configured with, and the agent's header.
fn at_home(mut job: Job, provider: &Provider, base_url: &str, other: Option<(String, Scheme)>) -> Job {
    let own = home_base(provider, base_url);
    let Some(layer) = job.layers.first_mut().filter(|layer| layer.what == What::Direct) else { return job };
    if !layer.target.trusted {
        layer.target.base = own.base;
    }
    let Some(header) = other else { return job };
    let target = Target { header: Some(header), ..layer.target.clone() };
    if own.dialect && !target.trusted {
        let base = Some(base_url.to_owned());
        return job.with_header(Target { base, probe: WhichProbe::Models, ..target });
    }
    job.with_header(target)
}

/// Which address of the provider its own probe is sent to.
struct Home {
    /// None for the main one.
    base: Option<String>,
    /// The agent speaks another protocol there than the probe.
    dialect: bool,
}

fn home_base(provider: &Provider, base_url: &str) -> Home {
    let host = authority(base_url).unwrap_or_default();
    let is = |base: &str| authority(base).is_some_and(|own| course::same_host(own, host));
    let listed = provider.hosts.iter().filter(|listed| is(&listed.base));
    let longest = listed
        .clone()
        .filter(|listed| base_url.trim_end_matches('/').starts_with(&listed.base))
        .max_by_key(|listed| listed.base.len());
    let dialect = longest.is_some_and(|listed| listed.dialect.is_some());
    if host.is_empty() || is(provider.base_url()) {
        return Home { base: None, dialect };
    }
    let plain = listed.clone().find(|listed| listed.dialect.is_none()).map(|listed| listed.base.clone());
    // A host with a part that only the person knows: the probe's path is put behind the agent's own host.
    let templated = provider.base_url().contains('<') && authority(&provider.probe.path).is_none();
    let whole = || base_url.split_once("://").map(|(scheme, _)| format!("{scheme}://{host}"));
    Home { base: plain.or_else(|| whole().filter(|_| templated)), dialect }
}

/// The test at a server that the catalogue does not know.
fn at_server(base_url: &str, header: &Header, key: &Secret) -> Job {
    let other = match header {
        Header::Raw(name) if name != "x-api-key" => Some((name.clone(), Scheme::Raw)),
        _ => None,
    };
    let target =
        Target { base: Some(base_url.to_owned()), probe: WhichProbe::Relay, trusted: false, header: other };
    let layers = vec![Layer { what: What::Configured, target }];
    Job { layers, ..Job::direct(custom::of_header(header), key.clone()) }
}

/// The agent's header, where it is not the one that the provider wants for this kind of key at this address.
fn other_header(
    provider: &Provider,
    catalogue: &Catalogue,
    key: &Secret,
    sent: &Header,
    path: &str,
) -> Option<(String, Scheme)> {
    let kind = catalogue.recognise(key).kind_at(&provider.id).map(ToOwned::to_owned);
    let (name, scheme) = match sent {
        Header::Bearer => ("authorization".to_owned(), Scheme::Bearer),
        Header::Raw(name) => (name.clone(), Scheme::Raw),
        Header::Query(_) => return None,
    };
    let takes = |path: &str| {
        let wanted = provider.auth_for(kind.as_deref(), path);
        wanted.header.eq_ignore_ascii_case(&name) && wanted.scheme == scheme
    };
    (!takes(path) && !takes(&provider.probe.path)).then_some((name, scheme))
}
