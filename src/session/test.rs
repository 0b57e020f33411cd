//! From a slot to the test of its key: which ways are tried, and where each provider's host leads.

use std::collections::BTreeMap;

use crate::probe::course::{Consent, Job};
use crate::provider::{Catalogue, Provider, Scheme, authority};
use crate::resolve::{Header, Outcome, Slot};
use crate::secret::Secret;

/// Where a provider's host leads instead of itself: empty on a real machine, loopback in the demo.
pub type Routes = BTreeMap<String, String>;

/// The test of `key` for a slot: straight to the provider, and, where the slot's agent goes elsewhere, that address and
/// the agent's own header as rows of their own. None for a slot whose provider is not in the catalogue.
#[must_use]
pub fn job(
    catalogue: &Catalogue,
    slot: &Slot,
    key: &Secret,
    routes: &Routes,
    consent: Consent,
) -> Option<Job> {
    let provider = catalogue.get(slot.provider.as_deref()?)?;
    let job = direct(provider, key, routes).allowing(consent);
    let Outcome::Sends { sent, base_url, .. } = &slot.outcome else { return Some(job) };
    let host = authority(base_url).unwrap_or_default();
    if host.is_empty() || provider.owns(host) {
        return Some(job);
    }
    Some(job.with_configured(base_url, other_header(provider, catalogue, key, &sent.header)))
}

/// The test of a key that belongs to no slot.
#[must_use]
pub fn direct(provider: &Provider, key: &Secret, routes: &Routes) -> Job {
    let own = authority(provider.base_url()).unwrap_or_default();
    match routes.get(own) {
        Some(base) => Job::at(&provider.id, key.clone(), base),
        None => Job::direct(&provider.id, key.clone()),
    }
}

/// The agent's header, where it is not the one that the provider wants for this kind of key.
fn other_header(
    provider: &Provider,
    catalogue: &Catalogue,
    key: &Secret,
    sent: &Header,
) -> Option<(String, Scheme)> {
    let kind = catalogue.recognise(key).kind_at(&provider.id).map(ToOwned::to_owned);
    let wanted = provider.auth_for(kind.as_deref(), &provider.probe.path);
    let (name, scheme) = match sent {
        Header::Bearer => ("authorization".to_owned(), Scheme::Bearer),
        Header::Raw(name) => (name.clone(), Scheme::Raw),
        Header::Query(_) => return None,
    };
    (!wanted.header.eq_ignore_ascii_case(&name)).then_some((name, scheme))
}
