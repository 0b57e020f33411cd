//! The agents of one OpenClaw and the model of each.

use serde_json::Value as Json;

use super::config::Config;
use super::era::agent_dirs;
use super::{Site, text};

/// A model reference as it is configured: `anthropic/claude-sonnet-5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelRef {
    /// The provider as written.
    pub provider: String,
    /// The model.
    pub name: String,
    /// A profile pinned behind `@`, which is unknown for a configured model.
    pub pinned: Option<String>,
}

impl ModelRef {
    fn parse(text: &str) -> Option<Self> {
        let (provider, name) = text.trim().split_once('/')?;
        let pin = name.rsplit_once('@').filter(|(model, pin)| !model.is_empty() && pin.contains(':'));
        let (name, pinned) = pin.map_or((name, None), |(model, pin)| (model, Some(pin.to_owned())));
        (!provider.is_empty()).then(|| Self { provider: provider.to_owned(), name: name.to_owned(), pinned })
    }
}

/// What an agent is configured to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Models {
    /// The primary model.
    pub primary: Option<ModelRef>,
    /// What is tried after it.
    pub fallbacks: Vec<ModelRef>,
}

/// An agent's entry: `agents.entries.<id>` (2026.9.6) or the one in `agents.list` (2026.3.13).
pub(super) fn entry<'a>(config: &'a Config, agent: &str) -> Option<&'a Json> {
    let listed = || {
        let list = config.get(&["agents", "list"])?.as_array()?;
        list.iter().find(|entry| text(entry, "id").is_some_and(|id| id.eq_ignore_ascii_case(agent)))
    };
    config.get(&["agents", "entries", agent]).or_else(listed)
}

/// The agents that are configured, or `main`; then those that left stores.
pub(super) fn agents(site: &Site<'_>) -> Vec<String> {
    let entries = site.config.object(&["agents", "entries"]).into_iter().flat_map(|map| map.keys().cloned());
    let list = site.config.get(&["agents", "list"]).and_then(Json::as_array).into_iter().flatten();
    let listed = list.filter_map(|entry| text(entry, "id")).map(|id| id.trim().to_ascii_lowercase());
    let mut ids: Vec<String> = entries.chain(listed).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        ids.push("main".to_owned());
    }
    ids.extend(with_stores(site));
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

/// The agents whose folders hold a credential store.
pub(super) fn with_stores(site: &Site<'_>) -> Vec<String> {
    let holds = |dir: &std::path::Path| {
        ["auth-profiles.json", "openclaw-agent.sqlite", "auth.json"]
            .iter()
            .any(|name| site.world.exists(&dir.join(name)))
    };
    let dirs = agent_dirs(site.world, site.install).into_iter().filter(|dir| holds(dir));
    dirs.filter_map(|dir| Some(dir.parent()?.file_name()?.to_string_lossy().into_owned())).collect()
}

/// The models of an agent: its own, else the defaults.
pub(super) fn models(config: &Config, agent: &str) -> Models {
    let own = entry(config, agent).and_then(|entry| entry.get("model"));
    let defaults = config.get(&["agents", "defaults", "model"]);
    let primary = own.and_then(primary_of).or_else(|| defaults.and_then(primary_of));
    let fallbacks =
        own.and_then(fallbacks_of).or_else(|| defaults.and_then(fallbacks_of)).unwrap_or_default();
    Models {
        primary: primary.and_then(|text| resolve(config, text)),
        fallbacks: fallbacks.iter().filter_map(|text| resolve(config, text)).collect(),
    }
}

fn primary_of(model: &Json) -> Option<&str> {
    model.as_str().or_else(|| text(model, "primary")).filter(|text| !text.trim().is_empty())
}

fn fallbacks_of(model: &Json) -> Option<Vec<&str>> {
    Some(model.get("fallbacks")?.as_array()?.iter().filter_map(Json::as_str).collect())
}

/// A reference, or an alias of `agents.defaults.models`.
fn resolve(config: &Config, text: &str) -> Option<ModelRef> {
    let alias = config.object(&["agents", "defaults", "models"]).into_iter().flatten().find(|(_, entry)| {
        super::text(entry, "alias").is_some_and(|alias| alias.eq_ignore_ascii_case(text.trim()))
    });
    ModelRef::parse(alias.map_or(text, |(reference, _)| reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_provider_model_and_pin() {
        let parsed = ModelRef::parse("openrouter/anthropic/claude@anthropic:work").unwrap();
        assert_eq!((parsed.provider.as_str(), parsed.name.as_str()), ("openrouter", "anthropic/claude"));
        assert_eq!(parsed.pinned.as_deref(), Some("anthropic:work"));
        assert_eq!(ModelRef::parse("vertex/claude@20250101").unwrap().pinned, None);
        assert_eq!(ModelRef::parse("opus"), None);
    }
}
