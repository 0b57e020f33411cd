//! Codex's configuration: layers of TOML, and the provider that they choose.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, merge};
use crate::destination::Set;
use crate::source::{Place, tilde};
use crate::world::{Trouble, World};

use super::projects;
use super::settings::{self, Fault};

/// The provider without its own table.
pub const OPENAI: &str = "openai";
/// Providers that Codex brings along and that cannot be redefined.
const BUILT_IN: &[&str] = &[OPENAI, "ollama", "lmstudio"];
/// Providers of a cloud, whose tables may change a few things.
const CLOUDS: &[&str] = &["amazon-bedrock", "amazon-bedrock-runtime", "gcp"];

/// The configuration of one profile.
pub struct Config {
    /// `~/.codex`.
    pub home: PathBuf,
    /// `default`, or the name of a `<name>.config.toml`.
    pub profile: String,
    layers: Vec<Doc>,
    merged: Json,
    refusal: Option<Refusal>,
}

/// Why Codex does not start with a configuration.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// In its own words where they are known.
    pub why: String,
    /// The same without its place, for the row of the setting.
    pub says: String,
    /// The setting that is at fault.
    pub at: Option<Place>,
    /// What the setting becomes so that Codex starts, and that in words.
    pub right: Option<(Set, String)>,
}

/// The names of the profiles that `--profile` can choose.
pub fn profiles(world: &dyn World, home: &Path) -> Vec<String> {
    let names = world.list(home).into_iter();
    names
        .filter_map(|name| name.strip_suffix(".config.toml").filter(|n| !n.is_empty()).map(str::to_owned))
        .collect()
}

impl Config {
    /// Reads the layers, weakest first: system, person, profile, trusted projects, managed.
    pub fn read(world: &dyn World, home: &Path, profile: Option<String>) -> Self {
        let system = Path::new("/etc/codex");
        let mut paths = vec![system.join("config.toml"), home.join("config.toml")];
        paths.extend(profile.as_ref().map(|name| home.join(format!("{name}.config.toml"))));
        let mut layers: Vec<Doc> = paths.into_iter().map(|path| Doc::toml(world, path)).collect();
        layers.extend(projects::trusted(world, home, &merged(&layers)));
        layers.push(Doc::toml(world, system.join("managed_config.toml")));
        let merged = merged(&layers);
        let profile = profile.unwrap_or_else(|| "default".to_owned());
        let mut config = Self { home: home.to_owned(), profile, layers, merged, refusal: None };
        config.refusal = config.refused(world);
        config
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

    /// Why Codex does not start with this configuration.
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    fn refused(&self, world: &dyn World) -> Option<Refusal> {
        if let Some((path, trouble)) = self.troubles().into_iter().next() {
            return Some(Refusal::new(format!("{} {trouble}: Codex does not start", path.display())));
        }
        let tables = self.at(&["model_providers"]).and_then(Json::as_object);
        let mut tables = tables.into_iter().flatten();
        tables
            .find_map(|(name, table)| self.refused_table(name, table))
            .or_else(|| Some(self.at_fault(world, &settings::fault(&self.merged, &self.reader(world))?)))
            .or_else(|| self.outdated())
            .or_else(|| self.without_provider())
    }

    /// A profile of the old kind.
    fn outdated(&self) -> Option<Refusal> {
        let name = common::printable(self.text(&["profile"])?);
        let why = format!(
            "legacy `profile = \"{name}\"` config is no longer supported; use `--profile {name}` with `{name}.config.toml` instead"
        );
        Some(self.removing(why, &["profile"]))
    }

    fn without_provider(&self) -> Option<Refusal> {
        let provider = self.provider();
        let known = BUILT_IN.contains(&provider) || CLOUDS.contains(&provider);
        let defined = self.at(&["model_providers", provider]).is_some();
        let why = || format!("Model provider `{}` not found", common::printable(provider));
        (!known && !defined).then(|| Refusal::new(why()))
    }

    /// Whether the file that a setting names can be read: its path begins at the folder of the file with the setting.
    fn reader<'a>(&'a self, world: &'a dyn World) -> impl Fn(&[String], &str) -> bool {
        |steps, path| {
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            let layer = self.layers.iter().rev().find(|layer| layer.at(&steps).is_some());
            let file = common::expand(world, layer.map_or(&self.home, |layer| layer.folder()), path);
            world.read(&file).text().is_some()
        }
    }

    fn at_fault(&self, world: &dyn World, fault: &Fault) -> Refusal {
        let name = common::printable(&fault.steps.join("."));
        let place = self.fault_place(fault);
        let file = place.as_ref().and_then(Place::file);
        let file = file.map_or_else(String::new, |file| format!("{}: ", tilde(file, world.home())));
        let why = format!("{file}`{name}` {}; Codex does not start", fault.says);
        let right = match &fault.right {
            Some(right) => Some((Set::Json(right.clone()), format!("write {name} = {right}"))),
            None if fault.missing => None,
            None => Some((Set::Remove, format!("take {name} out"))),
        };
        Refusal { why, says: fault.says.clone(), at: place, right }
    }

    /// The place of the setting; of one in a list, that of the list.
    fn fault_place(&self, fault: &Fault) -> Option<Place> {
        let steps: Vec<&str> = fault.steps.iter().map(String::as_str).collect();
        if fault.missing {
            let table = steps.split_last().map(|(_, table)| table)?;
            let layer = self.layers.iter().rev().find(|layer| layer.at(table).is_some())?;
            return Some(layer.place(&steps));
        }
        (1..=steps.len()).rev().find_map(|end| self.place(&steps[..end]))
    }

    fn removing(&self, why: String, steps: &[&str]) -> Refusal {
        let name = common::printable(&steps.join("."));
        let right = Some((Set::Remove, format!("take {name} out")));
        Refusal { says: why.clone(), why, at: self.place(steps), right }
    }

    /// Why one provider's table stops the start of Codex, whether that provider is used or not.
    fn refused_table(&self, name: &str, table: &Json) -> Option<Refusal> {
        let shown = common::printable(name);
        if BUILT_IN.contains(&name) {
            let why =
                format!("`{shown}` is a built-in provider and cannot be redefined in [model_providers]");
            return Some(self.removing(why, &["model_providers", name]));
        }
        if table.get("wire_api").and_then(Json::as_str) == Some("chat") {
            let why = "`wire_api = \"chat\"` is no longer supported".to_owned();
            return Some(self.removing(why, &["model_providers", name, "wire_api"]));
        }
        table.get("auth")?;
        let set = |field: &&&str| table.get(**field).is_some_and(|value| *value != Json::Bool(false));
        let others: Vec<&str> = ["env_key", "experimental_bearer_token", "requires_openai_auth"]
            .iter()
            .filter(set)
            .copied()
            .collect();
        let why = || format!("provider auth cannot be combined with {}", others.join(", "));
        (!others.is_empty()).then(|| Refusal::new(why()))
    }
}

impl Refusal {
    fn new(why: String) -> Self {
        Self { says: why.clone(), why, at: None, right: None }
    }
}

fn merged(layers: &[Doc]) -> Json {
    let mut merged = Json::Object(serde_json::Map::new());
    for layer in layers.iter().filter(|layer| layer.usable()) {
        merge(&mut merged, &layer.root);
    }
    merged
}
