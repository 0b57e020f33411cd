//! Qwen Code's settings.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::world::{Trouble, World};

/// The settings files, strongest first.
pub struct Settings {
    /// `~/.qwen`, which `QWEN_HOME` moves.
    pub folder: PathBuf,
    /// The folder is trusted; it is unless trust is switched on and nobody gave it.
    pub trusted: bool,
    layers: Vec<Doc>,
}

impl Settings {
    /// Reads them: an administrator's, the project's, the person's.
    pub fn read(world: &dyn World) -> Self {
        let folder = common::folder(world, "QWEN_HOME", ".qwen");
        let system = PathBuf::from("/etc/qwen-code");
        let user = Doc::jsonc(world, folder.join("settings.json"), false);
        let on = user.at(&["security", "folderTrust", "enabled"]) == Some(&Json::Bool(true));
        let trusted = !on || is_trusted(world, &folder);
        let mut layers = vec![Doc::jsonc(world, system.join("settings.json"), false)];
        if trusted && world.cwd() != common::home(world) {
            layers.push(Doc::jsonc(world, world.cwd().join(".qwen/settings.json"), false));
        }
        layers.push(user);
        layers.push(Doc::jsonc(world, system.join("system-defaults.json"), false));
        layers.retain(|layer| layer.present);
        Self { folder, trusted, layers }
    }

    /// The files that do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.layers.iter().filter_map(Doc::problem).collect()
    }

    /// The strongest layer that sets `steps`, and the value.
    pub fn get(&self, steps: &[&str]) -> Option<(&Doc, &Json)> {
        self.layers.iter().find_map(|doc| doc.at(steps).map(|value| (doc, value)))
    }

    /// The text under `steps`, if it is not empty.
    pub fn text(&self, steps: &[&str]) -> Option<&str> {
        self.get(steps)?.1.as_str().filter(|text| !text.is_empty())
    }

    /// Variables that a plain `.env` file may not set.
    pub fn excluded(&self) -> Vec<String> {
        let list = self.get(&["advanced", "excludedEnvVars"]).and_then(|(_, list)| list.as_array());
        list.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    }
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
