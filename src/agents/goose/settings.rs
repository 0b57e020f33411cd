//! Goose's settings that are no secrets: the environment, then layers of YAML.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::world::{Trouble, World};

/// The layers of `config.yaml`, strongest first.
pub struct Settings {
    /// The person's folder.
    pub folder: PathBuf,
    layers: Vec<Doc>,
}

impl Settings {
    /// Reads them.
    pub fn read(world: &dyn World) -> Self {
        let folder = match world.var_nonempty("GOOSE_PATH_ROOT") {
            Some(root) => world.cwd().join(root).join("config"),
            None => common::folder(world, "XDG_CONFIG_HOME", ".config").join("goose"),
        };
        let more = world.var_nonempty("GOOSE_ADDITIONAL_CONFIG_FILES").unwrap_or_default();
        let more: Vec<&str> = more.split(':').filter(|path| !path.is_empty()).collect();
        let mut paths = vec![folder.join("config.yaml")];
        paths.extend(more.iter().rev().map(|path| world.cwd().join(path)));
        paths.push("/etc/goose/config.yaml".into());
        let defaults = world.executable("goose").and_then(|path| Some(path.parent()?.join("defaults.yaml")));
        paths.extend(defaults);
        let layers = paths.into_iter().map(|path| Doc::yaml(world, path)).filter(|doc| doc.present).collect();
        Self { folder, layers }
    }

    /// The files that Goose skips because they do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.layers.iter().filter_map(Doc::problem).collect()
    }

    /// The value of `name` in the files.
    pub fn in_files(&self, name: &str) -> Option<&Json> {
        self.layers.iter().find_map(|layer| layer.at(&[name]))
    }

    /// Every file that sets `name`.
    pub fn files_with(&self, name: &str) -> impl Iterator<Item = &Doc> {
        self.layers.iter().filter(move |layer| layer.at(&[name]).is_some())
    }

    /// The value of `name`: the environment's, through Goose's parser, else the files'.
    pub fn get(&self, world: &dyn World, name: &str) -> Option<Json> {
        match world.var(name) {
            Some(text) => Some(parse_env(text)),
            None => self.in_files(name).cloned(),
        }
    }

    /// The value of `name` if it is a text.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.get(world, name)?.as_str().map(str::to_owned)
    }

    /// The provider in use.
    pub fn provider(&self, world: &dyn World) -> Option<String> {
        self.text(world, "GOOSE_PROVIDER").filter(|name| !name.is_empty())
    }
}

/// How Goose reads a variable (`crates/goose/src/config/base.rs`): as JSON, else as a boolean or number, else as text.
pub fn parse_env(text: &str) -> Json {
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let trimmed = text.trim();
    match trimmed.to_lowercase().as_str() {
        "true" => return Json::Bool(true),
        "false" => return Json::Bool(false),
        _ => {}
    }
    if let Ok(number) = trimmed.parse::<i64>() {
        return number.into();
    }
    match trimmed.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
        Some(number) => Json::Number(number),
        None => Json::String(text.to_owned()),
    }
}
