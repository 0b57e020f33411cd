//! Custom endpoints in `config.yaml`: the list `custom_providers` and the dictionary `providers` (hermes-agent 0.19.0
//! `hermes_cli/config.py` `get_compatible_custom_providers`, `hermes_cli/runtime_provider.py`
//! `_get_named_custom_provider`, `agent/credential_pool.py` `_iter_custom_providers`).

use super::config::{Config, Field};
use super::wire::ApiMode;
use crate::formats::pyyaml::Yaml;

/// One custom endpoint.
#[derive(Clone)]
pub struct Custom {
    /// Its name.
    pub name: String,
    /// Its key in `providers:`; none in the list.
    pub key: Option<String>,
    /// Its base address, as written.
    pub base_url: String,
    /// Its `api_key`.
    pub api_key: Option<Field>,
    /// The variable that may hold the key.
    pub key_env: Option<String>,
    /// Its transport.
    pub api_mode: Option<ApiMode>,
    /// Its headers.
    pub headers: Vec<(String, Field)>,
    /// Its own place, for a new key.
    pub path: Vec<String>,
}

impl Custom {
    /// The agent's own name for it.
    #[must_use]
    pub fn slug(&self) -> String {
        format!("custom:{}", normal(&self.name))
    }

    /// The names that ask for it.
    fn answers(&self, wanted: &str) -> bool {
        let names = [Some(self.name.as_str()), self.key.as_deref()];
        names
            .into_iter()
            .flatten()
            .map(normal)
            .any(|name| wanted == name || wanted == format!("custom:{name}"))
    }
}

/// `_normalize_custom_provider_name`.
#[must_use]
pub fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}

/// All custom endpoints: the list first, then the dictionary.
#[must_use]
pub fn all(config: &Config) -> Vec<Custom> {
    let mut all: Vec<Custom> = Vec::new();
    for entry in listed(config).into_iter().flatten().chain(dictionary(config)) {
        let same = |old: &Custom| {
            normal(&old.name) == normal(&entry.name) && bare(&old.base_url) == bare(&entry.base_url)
        };
        if !all.iter().any(same) {
            all.push(entry);
        }
    }
    all
}

/// The list, or none if `custom_providers` is something else, which switches the dictionary's pools off too.
fn listed(config: &Config) -> Option<Vec<Custom>> {
    match config.at(&["custom_providers"]) {
        None | Some(Yaml::Null) => Some(Vec::new()),
        Some(Yaml::List(items)) => {
            let entry = |(at, entry): (usize, &Yaml)| {
                normalised(config, entry, None, &["custom_providers", &at.to_string()])
            };
            Some(items.iter().enumerate().filter_map(entry).collect())
        }
        Some(_) => None,
    }
}

fn dictionary(config: &Config) -> Vec<Custom> {
    let entries = config.at(&["providers"]).into_iter().flat_map(Yaml::entries);
    entries.filter_map(|(key, entry)| normalised(config, entry, Some(key), &["providers", key])).collect()
}

/// The endpoints whose pool Hermes looks for: with a list in the file the dictionary is not asked.
#[must_use]
pub fn pooled(config: &Config) -> Vec<Custom> {
    match config.at(&["custom_providers"]) {
        Some(Yaml::List(_)) => listed(config).unwrap_or_default(),
        None | Some(Yaml::Null) => dictionary(config),
        Some(_) => Vec::new(),
    }
}

/// The endpoint that `wanted` names, unless a provider of Hermes has exactly this name.
#[must_use]
pub fn named(config: &Config, wanted: &str) -> Option<Custom> {
    let wanted = normal(wanted);
    let shadows = |name: &str| super::registry::canonical(name) == Some(name);
    if wanted.is_empty() || wanted == "auto" {
        return None;
    }
    if wanted != "custom" && !wanted.starts_with("custom:") && shadows(&wanted) {
        return None;
    }
    let matching = |entry: &&Custom| entry.answers(&wanted);
    let enabled = |entry: &&Custom| entry.key.as_ref().is_none_or(|key| !config.is_disabled(key));
    let dictionary = dictionary(config);
    let found = dictionary.iter().filter(enabled).find(matching).cloned();
    found.or_else(|| listed(config).and_then(|_| all(config).iter().find(matching).cloned()))
}

/// The key of the pool that belongs to an endpoint: by name first, then by address.
#[must_use]
pub fn pool_key(config: &Config, base_url: &str, name: Option<&str>) -> Option<Custom> {
    let pooled = pooled(config);
    let by_name = name.and_then(|name| pooled.iter().find(|entry| normal(&entry.name) == normal(name)));
    let target = base_url.trim().trim_end_matches('/');
    let by_url = || pooled.iter().find(|entry| entry.base_url.trim().trim_end_matches('/') == target);
    by_name.or_else(by_url).cloned()
}

/// An address for comparison.
fn bare(url: &str) -> String {
    url.trim().trim_end_matches('/').to_lowercase()
}

/// The headers that belong to an address.
#[must_use]
pub fn headers_for(config: &Config, base_url: &str) -> Vec<(String, Field)> {
    all(config)
        .into_iter()
        .find(|entry| bare(&entry.base_url) == bare(base_url))
        .map_or_else(Vec::new, |e| e.headers)
}

fn normalised(config: &Config, entry: &Yaml, key: Option<&str>, path: &[&str]) -> Option<Custom> {
    if !entry.is_map() {
        return None;
    }
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| entry.get(name).map(|node| (*name, node)))?;
        found
            .1
            .text()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| (found.0.to_owned(), text.to_owned()))
    };
    let url = ["base_url", "url", "api", "baseUrl"].iter().find_map(|name| {
        entry.get(name)?.text().map(str::trim).filter(|url| is_address(url)).map(str::to_owned)
    })?;
    let name = text(&["name"]).map(|(_, name)| name).or_else(|| key.map(|key| key.trim().to_owned()))?;
    let at = |field: &str, text: String| config.field(text, &[path, &[field]].concat());
    // Other than `model.api_key`, the endpoint's own key may be a bare number.
    let api_key = ["api_key", "apiKey"].iter().find_map(|field| {
        let value = entry.get(field).filter(|value| value.truthy())?.as_str()?.trim().to_owned();
        (!value.is_empty()).then(|| at(field, value))
    });
    // In the dictionary Hermes looks for `key_env` alone.
    let names: &[&str] =
        if key.is_some() { &["key_env"] } else { &["key_env", "api_key_env", "keyEnv", "apiKeyEnv"] };
    let key_env = text(names).map(|(_, name)| name);
    let api_mode = ["api_mode", "transport", "apiMode"]
        .iter()
        .find_map(|name| entry.get(name)?.text())
        .and_then(ApiMode::parse);
    let headers =
        entry.get("extra_headers").into_iter().flat_map(Yaml::entries).filter_map(|(header, value)| {
            let text = value.as_str().filter(|_| *value != Yaml::Null)?;
            Some((header.clone(), config.field(text, &[path, &["extra_headers", header]].concat())))
        });
    let headers = headers.collect();
    let path = path.iter().map(|step| (*step).to_owned()).collect();
    Some(Custom {
        name,
        key: key.map(str::to_owned),
        base_url: url,
        api_key,
        key_env,
        api_mode,
        headers,
        path,
    })
}

/// An address with a scheme and a host, or one with a reference in it.
fn is_address(url: &str) -> bool {
    let reference = url.split_once('{').is_some_and(|(_, rest)| rest.contains('}'));
    reference || url.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
}
