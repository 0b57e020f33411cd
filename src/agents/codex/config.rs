//! Codex's configuration: layers of TOML, and the provider that they choose.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, merge};
use crate::source::Place;
use crate::world::{Trouble, World};

/// The provider without its own table.
pub const OPENAI: &str = "openai";
/// Providers that Codex brings along and that cannot be redefined.
const BUILT_IN: &[&str] = &[OPENAI, "ollama", "lmstudio"];

/// The configuration of one profile.
pub struct Config {
    /// `~/.codex`.
    pub home: PathBuf,
    /// `default`, or the name of a `<name>.config.toml`.
    pub profile: String,
    layers: Vec<Doc>,
    merged: Json,
}

/// The names of the profiles that `--profile` can choose.
pub fn profiles(world: &dyn World, home: &Path) -> Vec<String> {
    let names = world.list(home).into_iter();
    names
        .filter_map(|name| name.strip_suffix(".config.toml").filter(|n| !n.is_empty()).map(str::to_owned))
        .collect()
}

impl Config {
    /// Reads the layers, weakest first: system, person, profile, managed.
    pub fn read(world: &dyn World, home: &Path, profile: Option<String>) -> Self {
        let system = Path::new("/etc/codex");
        let mut paths = vec![system.join("config.toml"), home.join("config.toml")];
        paths.extend(profile.as_ref().map(|name| home.join(format!("{name}.config.toml"))));
        paths.push(system.join("managed_config.toml"));
        let layers: Vec<Doc> = paths.into_iter().map(|path| Doc::toml(world, path)).collect();
        let mut merged = Json::Object(serde_json::Map::new());
        for layer in layers.iter().filter(|layer| layer.usable()) {
            merge(&mut merged, &layer.root);
        }
        Self {
            home: home.to_owned(),
            profile: profile.unwrap_or_else(|| "default".to_owned()),
            layers,
            merged,
        }
    }

    /// The files that do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.layers.iter().filter_map(Doc::problem).collect()
    }

    /// The value under `steps`.
    pub fn at(&self, steps: &[&str]) -> Option<&Json> {
        steps.iter().try_fold(&self.merged, |value, step| value.get(step))
    }

    /// The text under `steps`.
    pub fn text(&self, steps: &[&str]) -> Option<&str> {
        self.at(steps)?.as_str()
    }

    /// The place of the value under `steps`: in the strongest layer that has it.
    pub fn place(&self, steps: &[&str]) -> Option<Place> {
        self.layers.iter().rev().find(|layer| layer.at(steps).is_some()).map(|layer| layer.place(steps))
    }

    /// The provider that a start uses.
    pub fn provider(&self) -> &str {
        self.text(&["model_provider"]).unwrap_or(OPENAI)
    }

    /// The provider in use, then the other ones with a table, then the built-in one.
    pub fn providers(&self) -> Vec<String> {
        let mut all = vec![self.provider().to_owned()];
        let tables = self.at(&["model_providers"]).and_then(Json::as_object);
        all.extend(tables.into_iter().flatten().map(|(name, _)| name.clone()));
        all.push(OPENAI.to_owned());
        let mut seen = Vec::new();
        all.retain(|name| {
            !seen.contains(name) && {
                seen.push(name.clone());
                true
            }
        });
        all
    }

    /// Why Codex does not start with this configuration, in its own words where they are known.
    pub fn refusal(&self) -> Option<String> {
        if let Some((path, trouble)) = self.troubles().into_iter().next() {
            return Some(format!("{} {trouble}: Codex does not start", path.display()));
        }
        if let Some(name) = self.text(&["profile"]) {
            let name = common::printable(name);
            return Some(format!(
                "legacy `profile = \"{name}\"` config is no longer supported; use `--profile {name}` with `{name}.config.toml` instead"
            ));
        }
        let tables = self.at(&["model_providers"]).and_then(Json::as_object);
        for (name, table) in tables.into_iter().flatten() {
            if let Some(words) = refused_table(name, table) {
                return Some(words);
            }
        }
        let provider = self.provider();
        let known = BUILT_IN.contains(&provider) || provider == "amazon-bedrock";
        let defined = self.at(&["model_providers", provider]).is_some();
        (!known && !defined).then(|| format!("Model provider `{}` not found", common::printable(provider)))
    }
}

/// Why one provider's table stops the start of Codex, whether that provider is used or not.
fn refused_table(name: &str, table: &Json) -> Option<String> {
    let name = common::printable(name);
    if BUILT_IN.contains(&name.as_str()) {
        return Some(format!("`{name}` is a built-in provider and cannot be redefined in [model_providers]"));
    }
    if table.get("wire_api").and_then(Json::as_str) == Some("chat") {
        return Some("`wire_api = \"chat\"` is no longer supported".to_owned());
    }
    table.get("auth")?;
    let set = |field: &&&str| table.get(**field).is_some_and(|value| *value != Json::Bool(false));
    let others: Vec<&str> = ["env_key", "experimental_bearer_token", "requires_openai_auth"]
        .iter()
        .filter(set)
        .copied()
        .collect();
    (!others.is_empty()).then(|| format!("provider auth cannot be combined with {}", others.join(", ")))
}
