//! What Goose sends to each provider.

use crate::agents::common;
use crate::finding::Lint;
use crate::resolve::{Chain, Header, Outcome, Sent, Slot};
use crate::world::World;

use super::provider::{self, Provider};
use super::secrets::{Found, Secrets, Store};
use super::settings::Settings;

/// Goose's words where it finds no usable key.
const NO_KEY: &str = "Please check your system keychain and run 'goose configure' again";

/// The slots: the provider in use, and every other one that has a key somewhere.
pub fn slots(world: &dyn World, settings: &Settings, secrets: &Secrets) -> Vec<Slot> {
    let in_use = settings.provider(world);
    let mut providers = provider::custom(world, settings);
    providers.extend(provider::built_in(world, settings));
    let mut slots: Vec<Slot> = providers
        .iter()
        .map(|provider| slot(world, settings, secrets, provider, in_use.as_deref() == Some(&provider.id)))
        .filter(|slot| slot.in_use || !slot.candidates.is_empty())
        .collect();
    if let Some(name) = in_use.filter(|name| providers.iter().all(|provider| provider.id != *name)) {
        slots.push(unrecorded(&name));
    }
    slots.sort_by_key(|slot| !slot.in_use);
    slots
}

fn unrecorded(name: &str) -> Slot {
    Slot {
        agent: super::ID,
        profile: "default".to_owned(),
        mode: None,
        provider: None,
        agent_provider: name.to_owned(),
        in_use: true,
        candidates: Vec::new(),
        active: None,
        outcome: Outcome::NotKnown {
            reason: "what Goose does for this provider is not on record".to_owned(),
        },
        lints: Vec::new(),
    }
}

fn slot(
    world: &dyn World,
    settings: &Settings,
    secrets: &Secrets,
    provider: &Provider,
    in_use: bool,
) -> Slot {
    let (found, offers) = match provider.key.as_str() {
        "" => (Found::Missing, Vec::new()),
        name => secrets.get(world, settings, name),
    };
    let mut chain = Chain::new();
    for offer in offers {
        chain.push(offer);
    }
    let settled = chain.settle();
    let lints = lints(world, secrets, provider, &found);
    Slot {
        agent: super::ID,
        profile: "default".to_owned(),
        mode: None,
        provider: provider.catalogue.map(str::to_owned),
        agent_provider: provider.id.clone(),
        in_use,
        candidates: settled.candidates,
        active: settled.active,
        outcome: outcome(world, secrets, provider, found),
        lints,
    }
}

fn outcome(world: &dyn World, secrets: &Secrets, provider: &Provider, found: Found) -> Outcome {
    if let Some(why) = provider.unclear {
        return Outcome::NotKnown { reason: why.to_owned() };
    }
    let key = match found {
        Found::Text(_) if provider.id == "openai" && is_unclear_for_openai(world) => {
            let reason =
                "an empty or quoted OPENAI_API_KEY is read in another way; which one is not on record";
            return Outcome::NotKnown { reason: reason.to_owned() };
        }
        Found::Text(key) => Some(key),
        Found::Hidden(reason) => return Outcome::NotKnown { reason },
        Found::Missing if provider.key.is_empty() || !provider.required => None,
        Found::NotText | Found::Missing => return Outcome::Nothing { reason: NO_KEY.to_owned() },
    };
    let mut sent = Vec::new();
    if let Some(key) = key {
        let Some(key) = common::http_text(&key, &provider.header) else {
            let reason = "a line break in the key: Goose cannot build the request, and nothing leaves";
            return Outcome::Nothing { reason: reason.to_owned() };
        };
        sent.push(Sent { header: provider.header.clone(), key });
    }
    let own = provider.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut extra = common::extra_headers(own);
    if provider.id == "openai" {
        extra.extend(openai_headers(world, secrets));
    }
    sent.extend(
        extra.into_iter().filter(|one| one.header != Header::Bearer || provider.header != Header::Bearer),
    );
    let mut sent = sent.into_iter();
    match sent.next() {
        Some(first) => {
            Outcome::Sends { sent: first, base_url: provider.base_url.clone(), also: sent.collect() }
        }
        None => Outcome::Nothing { reason: "the request carries no credential".to_owned() },
    }
}

/// OpenAI's key is fetched with its companions, which skips the parser for variables; recorded is only Anthropic's.
fn is_unclear_for_openai(world: &dyn World) -> bool {
    world.var("OPENAI_API_KEY").is_some_and(|text| text.is_empty() || text.trim().starts_with('"'))
}

/// `OPENAI_CUSTOM_HEADERS` comes from where the key comes from: the environment if the key does, else the store.
fn openai_headers(world: &dyn World, secrets: &Secrets) -> Vec<Sent> {
    let name = "OPENAI_CUSTOM_HEADERS";
    let text = match world.var("OPENAI_API_KEY") {
        Some(_) => world.var(name),
        None => secrets.stored(name),
    };
    let pairs = text.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
    common::extra_headers(pairs.map(|(name, value)| (name.trim(), value.trim())))
}

fn lints(world: &dyn World, secrets: &Secrets, provider: &Provider, found: &Found) -> Vec<Lint> {
    let mut lints = Vec::new();
    if let Some(name) = &provider.moved_by {
        lints.push(common::foreign_base("Goose", &provider.base_url, name));
    }
    let stored = secrets.stored(&provider.key).is_some();
    if matches!(found, Found::Text(key) if key.is_empty()) && stored {
        let name = common::printable(&provider.key);
        lints.push(Lint::fault("empty-hides", format!("an empty {name} hides the stored key, and is sent")));
    }
    if matches!(found, Found::NotText) {
        lints.push(Lint::fault(
            "not-text",
            "Goose reads this value as a number; put it in quotes, or store it",
        ));
    }
    if matches!(secrets.store, Store::Absent) && secrets.file.at(&[&provider.key]).is_some() {
        let message = "no keyring answers here; where one does, the same secrets.yaml is not read";
        lints.push(Lint::note("depends-on-keyring", message));
    }
    if provider.id == "google" && world.var_nonempty("GEMINI_API_KEY").is_some() {
        lints.push(Lint::note("variable-unused", "GEMINI_API_KEY is set; Goose reads GOOGLE_API_KEY"));
    }
    lints
}
