//! The slots of one OpenClaw: each agent with each provider that is configured or plausible, asked under every rule
//! set that may apply.

use super::auth::{self, Answer, Question};
use super::era::{Generation, Rules};
use super::providers::{self, Recognised};
use super::roster::{self, Models};
use super::store::{self, Store};
use super::{Model, Site, text};
use crate::lint::Lint;
use crate::resolve::{Outcome, Slot, State};

/// All slots; `sites` are the same OpenClaw under the rule sets to ask, the preferred one first.
pub(super) fn all(sites: &[Site<'_>], generation: &Generation) -> Vec<Slot> {
    let Some(site) = sites.first() else { return Vec::new() };
    let mut slots = Vec::new();
    for agent in roster::agents(site) {
        let stores: Vec<Store> = sites.iter().map(|site| store::load(site, &agent)).collect();
        let models = roster::models(site.config, &agent);
        for provider in providers_of(site, &stores[0], &agent, &models) {
            slots.push(slot(sites, &stores, generation, (&agent, &provider), &models));
        }
    }
    slots
}

/// One slot, asked again for a change.
pub(super) fn model_of<'a>(provider: &'a str, models: &'a Models, rules: Rules) -> Model<'a> {
    let all = models.primary.iter().chain(&models.fallbacks);
    let reference = all.into_iter().find(|model| providers::normalise(rules, &model.provider) == provider);
    let doubt = reference.and_then(|model| model.pinned.as_ref()).map(|_| {
        "the model is configured with a profile behind @, and what that does is not on record".to_owned()
    });
    Model { provider, name: reference.map(|model| model.name.as_str()), doubt }
}

fn slot(
    sites: &[Site<'_>],
    stores: &[Store],
    generation: &Generation,
    (agent, provider): (&str, &str),
    models: &Models,
) -> Slot {
    let answers = sites.iter().zip(stores).map(|(site, store)| {
        let model = model_of(provider, models, site.rules);
        auth::answer(&Question { site, store, agent, model, has_fallbacks: !models.fallbacks.is_empty() })
    });
    let answer = agreed(answers.collect(), sites, generation);
    let site = &sites[0];
    let primary = models.primary.as_ref().map(|model| providers::normalise(site.rules, &model.provider));
    let base = match &answer.outcome {
        Outcome::Sends { base_url, .. } => Some(base_url.as_str()),
        _ => site.provider_value(provider, "baseUrl").and_then(serde_json::Value::as_str),
    };
    Slot {
        agent: "openclaw",
        profile: site.install.profile_of(agent),
        mode: None,
        provider: catalogue_id(provider, base).map(ToOwned::to_owned),
        agent_provider: super::clean(provider),
        in_use: primary.as_deref() == Some(provider),
        candidates: answer.candidates,
        active: answer.active,
        outcome: answer.outcome,
        lints: answer.lints,
    }
}

/// One answer out of those of the rule sets that may apply.
fn agreed(answers: Vec<Answer>, sites: &[Site<'_>], generation: &Generation) -> Answer {
    let mut answers = answers.into_iter();
    let Some(mut first) = answers.next() else {
        let outcome = Outcome::NotKnown { reason: "no rules apply".to_owned() };
        return Answer { candidates: Vec::new(), active: None, outcome, lints: Vec::new() };
    };
    let Some(other) = answers.find(|answer| !same(&answer.outcome, &first.outcome)) else { return first };
    if generation.prefer_first {
        first.lints.push(Lint::note(
            "version-unknown",
            format!("which version runs here cannot be told; {} would do something else", sites[1].called()),
        ));
        return first;
    }
    let says = |outcome: &Outcome| match outcome {
        Outcome::Sends { .. } => "sends a key",
        Outcome::Nothing { .. } => "sends nothing",
        _ => "is not on record",
    };
    first.outcome = Outcome::NotKnown {
        reason: format!(
            "this version was not recorded, and its neighbours differ: {} {}, {} {}{}",
            sites[0].called(),
            says(&first.outcome),
            sites[1].called(),
            says(&other.outcome),
            if says(&first.outcome) == says(&other.outcome) { ", but another one" } else { "" },
        ),
    };
    if let Some(active) = first.active.take() {
        first.candidates[active].state =
            State::Ignored { reason: "whether this one is sent is not on record".to_owned() };
    }
    first
}

/// Two refusals are the same answer whatever their words.
fn same(a: &Outcome, b: &Outcome) -> bool {
    a == b || matches!((a, b), (Outcome::Nothing { .. }, Outcome::Nothing { .. }))
}

/// The providers of an agent: those of its models first, then what is configured, stored and set.
fn providers_of(site: &Site<'_>, store: &Store, agent: &str, models: &Models) -> Vec<String> {
    let of_models = models.primary.iter().chain(&models.fallbacks).map(|model| model.provider.clone());
    let keys = |steps: &[&str]| -> Vec<String> {
        site.config.object(steps).into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let profiles = site.config.object(&["auth", "profiles"]).into_iter().flatten();
    let named = profiles.filter_map(|(_, entry)| text(entry, "provider").map(ToOwned::to_owned));
    let mut all: Vec<String> = of_models
        .chain(keys(&["models", "providers"]))
        .chain(store.profiles.iter().map(|profile| profile.provider.clone()))
        .chain(named)
        .chain(keys(&["auth", "order"]))
        .chain(store.orders.keys().cloned())
        .chain(from_environment(site))
        .chain(from_models_json(site, agent))
        .map(|id| providers::normalise(site.rules, &id))
        .filter(|id| !id.is_empty())
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|id| seen.insert(id.clone()));
    all
}

/// The providers whose variables are set and recognised, one for each variable.
fn from_environment(site: &Site<'_>) -> Vec<String> {
    let names: std::collections::BTreeSet<&str> = site.env.names().collect();
    names
        .into_iter()
        .filter_map(|name| {
            let has = |known: &&providers::Known| {
                known.vars(site.rules).is_some_and(|vars| vars.contains(&name))
                    && site.plugins.recognise(site.rules, known) == Recognised::Yes
            };
            providers::ALL.iter().find(has).map(|known| known.id.to_owned())
        })
        .collect()
}

fn from_models_json(site: &Site<'_>, agent: &str) -> Vec<String> {
    let doc = store::strict_json(site, &site.agent_dir(agent).join("models.json"));
    let entries = doc.as_ref().and_then(|doc| doc.get("providers")).and_then(serde_json::Value::as_object);
    entries.into_iter().flat_map(|map| map.keys().cloned()).collect()
}

/// keymend's name for a provider of OpenClaw, by its address where one name stands for several regions.
fn catalogue_id(provider: &str, base: Option<&str>) -> Option<&'static str> {
    let id = providers::find(provider)?.catalogue;
    let at = |part: &str| base.is_some_and(|base| base.contains(part));
    match id {
        "" => None,
        "moonshot" if at("moonshot.cn") => Some("moonshot-cn"),
        "minimax" if at("minimaxi.com") => Some("minimax-cn"),
        "zai" if at("bigmodel.cn") => Some("bigmodel"),
        _ => Some(id),
    }
}
