//! Qwen Code's settings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::formats::dotenv;
use crate::source::Dialect;
use crate::world::{Trouble, World};

/// A variable in a setting.
static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$(?:(\w+)|\{([^}]+)\})").ok());

/// The settings files, strongest first.
pub struct Settings {
    /// `~/.qwen`, which `QWEN_HOME` moves.
    pub folder: PathBuf,
    /// The folder is trusted; it is unless trust is switched on and nobody gave it.
    pub trusted: bool,
    layers: Vec<Doc>,
    /// What `${NAME}` in a setting becomes.
    variables: BTreeMap<String, String>,
}

impl Settings {
    /// Reads them: an administrator's, the project's, the person's.
    pub fn read(world: &dyn World) -> Self {
        let folder = folder(world);
        let system = PathBuf::from("/etc/qwen-code");
        let user = Doc::jsonc_marked(world, folder.join("settings.json"));
        let on = user.at(&["security", "folderTrust", "enabled"]) == Some(&Json::Bool(true));
        let trusted = !on || is_trusted(world, &folder);
        let mut layers = vec![Doc::jsonc_marked(world, system.join("settings.json"))];
        if trusted && world.cwd() != common::home(world) {
            layers.push(Doc::jsonc_marked(world, world.cwd().join(".qwen/settings.json")));
        }
        layers.push(user);
        layers.push(Doc::jsonc_marked(world, system.join("system-defaults.json")));
        layers.retain(|layer| layer.present);
        let variables = variables(world, &folder);
        Self { folder, trusted, layers, variables }
    }

    /// The files that do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.layers.iter().filter_map(Doc::problem).collect()
    }

    /// The person's own file does not parse, and Qwen Code ends.
    pub fn is_broken(&self) -> bool {
        let own = self.own_file();
        self.layers.iter().any(|doc| doc.path == own && matches!(doc.trouble, Some(Trouble::Syntax(_))))
    }

    /// The person's own file.
    pub fn own_file(&self) -> PathBuf {
        self.folder.join("settings.json")
    }

    /// The strongest layer that sets `steps`, and the value as it is there.
    pub fn get(&self, steps: &[&str]) -> Option<(&Doc, &Json)> {
        self.layers.iter().find_map(|doc| doc.at(steps).map(|value| (doc, value)))
    }

    /// The text under `steps`, if it is not empty, with its variables filled in.
    pub fn text(&self, steps: &[&str]) -> Option<String> {
        let text = self.get(steps)?.1.as_str()?;
        Some(self.filled(text).into_owned()).filter(|text| !text.is_empty())
    }

    /// `text` with `$NAME` and `${NAME}` filled in; what is not set stays as it is.
    pub fn filled<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(mark) = MARK.as_ref().filter(|_| text.contains('$')) else { return Cow::Borrowed(text) };
        mark.replace_all(text, |found: &regex::Captures<'_>| {
            let name = found.get(1).or_else(|| found.get(2)).map_or("", |name| name.as_str());
            self.variables.get(name).cloned().unwrap_or_else(|| found[0].to_owned())
        })
    }

    /// The lists of models by provider, in the order of the merged settings: of each provider the strongest layer's.
    pub fn model_lists(&self) -> Vec<(&str, &Json)> {
        let mut names: Vec<&str> = Vec::new();
        for layer in self.layers.iter().rev() {
            let entries = layer.entries(&["modelProviders"]).map(|(name, _)| name.as_str());
            for name in entries {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names.into_iter().filter_map(|name| Some((name, self.get(&["modelProviders", name])?.1))).collect()
    }

    /// The variables of the `env` blocks, each with the layer that decides.
    pub fn env_block(&self) -> Vec<(&Doc, &str, Json)> {
        let mut all: Vec<(&Doc, &str, Json)> = Vec::new();
        for layer in &self.layers {
            for (name, value) in layer.entries(&["env"]) {
                if all.iter().all(|(_, other, _)| other != name) {
                    let value = match value {
                        Json::String(text) => Json::String(self.filled(text).into_owned()),
                        other => other.clone(),
                    };
                    all.push((layer, name, value));
                }
            }
        }
        all
    }

    /// Whether a plain `.env` file of a project may not set `name`.
    pub fn excludes(&self, name: &str, default: &[&str]) -> bool {
        match self.get(&["advanced", "excludedEnvVars"]) {
            Some((_, list)) => list.as_array().into_iter().flatten().any(|one| one.as_str() == Some(name)),
            None => default.contains(&name),
        }
    }
}

/// `QWEN_HOME` of the process, or of a `.env` file at home; else `~/.qwen`.
fn folder(world: &dyn World) -> PathBuf {
    let own = common::home(world).join(".qwen");
    if world.var("QWEN_HOME").is_some() {
        return common::folder(world, "QWEN_HOME", ".qwen");
    }
    let named = home_files(world, &own).into_iter().find_map(|parsed| parsed.get("QWEN_HOME").cloned());
    named.filter(|path| !path.is_empty()).map_or(own, |path| world.cwd().join(path))
}

/// What `${NAME}` becomes: the process, and what it has not set from the `.env` files at home.
fn variables(world: &dyn World, folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for parsed in home_files(world, folder).into_iter().rev() {
        all.extend(parsed);
    }
    all.extend(world.env().iter().map(|(name, text)| (name.clone(), text.clone())));
    all
}

fn home_files(world: &dyn World, folder: &Path) -> Vec<BTreeMap<String, String>> {
    let beside = folder.parent().filter(|_| world.var_nonempty("QWEN_HOME").is_none());
    let paths = std::iter::once(folder.join(".env")).chain(beside.map(|beside| beside.join(".env")));
    let read = |path: PathBuf| {
        let state = world.read(&path);
        let parsed = dotenv::parse(Dialect::NodeDotenv, state.bytes()?, world.env());
        let names: Vec<String> = parsed.assignments.iter().map(|one| one.name.clone()).collect();
        Some(
            names
                .into_iter()
                .filter_map(|name| Some((name.clone(), parsed.get(&name)?.value.as_str().to_owned())))
                .collect(),
        )
    };
    paths.filter_map(read).collect()
}

fn is_trusted(world: &dyn World, folder: &Path) -> bool {
    let file = Doc::jsonc(world, folder.join("trustedFolders.json"), false);
    let covers = |(path, level): &(&String, &Json)| {
        let path = Path::new(path.as_str());
        let parent = level.as_str() == Some("TRUST_PARENT");
        world.cwd().starts_with(if parent { path.parent().unwrap_or(path) } else { path })
    };
    let rule = file.entries(&[]).filter(covers).max_by_key(|(path, _)| path.len());
    rule.and_then(|(_, level)| level.as_str()).is_some_and(|level| level != "DO_NOT_TRUST")
}
