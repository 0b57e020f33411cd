//! opencode's configurations in their order, with `{env:NAME}` and `{file:path}` resolved as opencode does: in the text,
//! before it is parsed.

use std::path::{Path, PathBuf};

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::agents::common::{self, Doc, merge};
use crate::formats::bound::Room;
use crate::source::{Format, Place, Pointer, Source};
use crate::world::{Os, Trouble, World};

/// The folder of an administrator's configuration (opencode, packages/opencode/src/config/config.ts).
fn managed(world: &dyn World) -> PathBuf {
    match world.os() {
        Os::Linux => "/etc/opencode".into(),
        Os::Macos => "/Library/Application Support/opencode".into(),
        Os::Windows => {
            Path::new(world.var_nonempty("ProgramData").unwrap_or("C:\\ProgramData")).join("opencode")
        }
    }
}

/// One configuration.
struct Layer {
    /// The file, or none for `OPENCODE_CONFIG_CONTENT`.
    file: Option<PathBuf>,
    /// As it is.
    raw: Doc,
    /// With the references resolved.
    resolved: Doc,
    /// A reference that cannot be resolved.
    missing: Option<String>,
}

/// All of them, weakest first.
pub struct Config {
    /// The person's folder.
    pub global: PathBuf,
    layers: Vec<Layer>,
    merged: Json,
}

/// A value of the configuration with its origin.
pub struct Set {
    /// The kind of place.
    pub source: Source,
    /// Where the value is: behind a reference, where that points.
    pub place: Place,
    /// The value.
    pub text: String,
    /// It can be replaced where it is.
    pub plain: bool,
}

impl Config {
    /// Reads them.
    pub fn read(world: &dyn World) -> Self {
        let global = common::folder(world, "XDG_CONFIG_HOME", ".config").join("opencode");
        let content = world.var_nonempty("OPENCODE_CONFIG_CONTENT");
        let managed = ["opencode.json", "opencode.jsonc"].map(|name| managed(world).join(name));
        let files = paths(world, &global);
        // The pattern is compiled only where there is a text for it.
        let any = content.is_some() || files.iter().chain(&managed).any(|path| world.text(path).is_some());
        let reference = any.then(|| Regex::new(r"\{(env|file):([^}]+)\}").ok()).flatten();
        let mut layers = Vec::new();
        let mut add = |layer: Option<Layer>| layers.extend(layer);
        for path in files {
            add(Layer::of_file(world, reference.as_ref(), path));
        }
        if let Some(text) = content {
            add(Some(Layer::of_text(world, reference.as_ref(), None, world.cwd(), text)));
        }
        for path in managed {
            add(Layer::of_file(world, reference.as_ref(), path));
        }
        let mut merged = Json::Object(serde_json::Map::new());
        for layer in &layers {
            merge_layer(&mut merged, layer);
        }
        Self { global, layers, merged }
    }

    /// The files that do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.layers.iter().filter_map(|layer| layer.resolved.problem()).collect()
    }

    /// Why opencode does not start with these configurations.
    pub fn refusal(&self) -> Option<String> {
        let missing = self.layers.iter().find_map(|layer| layer.missing.clone());
        missing.or_else(|| {
            let broken = self.layers.iter().find(|layer| layer.resolved.trouble.is_some())?;
            Some(match &broken.file {
                Some(file) => format!("{} does not parse: opencode does not start", file.display()),
                None => "OPENCODE_CONFIG_CONTENT does not parse: opencode does not start".to_owned(),
            })
        })
    }

    /// The value under `steps` after all layers.
    pub fn at(&self, steps: &[&str]) -> Option<&Json> {
        steps.iter().try_fold(&self.merged, |value, step| value.get(step))
    }

    /// The text under `steps` after all layers.
    pub fn text(&self, steps: &[&str]) -> Option<&str> {
        self.at(steps)?.as_str()
    }

    /// The providers with a table, in the order of their first mention.
    pub fn providers(&self) -> Vec<String> {
        self.at(&["provider"])
            .and_then(Json::as_object)
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Every layer that sets `steps`, strongest first.
    pub fn all(&self, world: &dyn World, steps: &[&str]) -> Vec<Set> {
        self.layers.iter().rev().filter_map(|layer| layer.set(world, steps)).collect()
    }

    /// The person's configuration file that a new value would go to.
    pub fn own_file(&self) -> Option<&Doc> {
        let own = |name: &str| {
            let path = self.global.join(name);
            self.layers.iter().find(|layer| layer.file.as_ref() == Some(&path)).map(|layer| &layer.raw)
        };
        own("opencode.jsonc").or_else(|| own("opencode.json"))
    }
}

fn merge_layer(merged: &mut Json, layer: &Layer) {
    if layer.resolved.root.is_object() {
        merge(merged, &layer.resolved.root);
    }
}

/// The files before `OPENCODE_CONFIG_CONTENT`, weakest first.
fn paths(world: &dyn World, global: &Path) -> Vec<PathBuf> {
    let both = |folder: &Path| ["opencode.json", "opencode.jsonc"].map(|name| folder.join(name));
    let mut paths = vec![global.join("config.json")];
    paths.extend(both(global));
    paths.extend(world.var_nonempty("OPENCODE_CONFIG").map(|path| world.cwd().join(path)));
    let project = if common::truthy(world.var("OPENCODE_DISABLE_PROJECT_CONFIG")) {
        Vec::new()
    } else {
        project_folders(world)
    };
    paths.extend(project.iter().rev().flat_map(|folder| both(folder)));
    let mut dotted: Vec<PathBuf> = project.iter().map(|folder| folder.join(".opencode")).collect();
    dotted.push(common::home(world).join(".opencode"));
    dotted.extend(world.var_nonempty("OPENCODE_CONFIG_DIR").map(|path| world.cwd().join(path)));
    let mut seen = Vec::new();
    dotted.retain(|folder| {
        !seen.contains(folder) && {
            seen.push(folder.clone());
            true
        }
    });
    paths.extend(dotted.iter().flat_map(|folder| both(folder)));
    paths
}

/// The working directory and the folders above it up to the repository's root, nearest first.
fn project_folders(world: &dyn World) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for folder in world.cwd().ancestors() {
        folders.push(folder.to_owned());
        if world.exists(&folder.join(".git")) {
            break;
        }
    }
    folders
}

impl Layer {
    fn of_file(world: &dyn World, reference: Option<&Regex>, path: PathBuf) -> Option<Self> {
        let state = world.read(&path);
        if let Some(text) = state.text() {
            let folder = path.parent().unwrap_or(&path).to_owned();
            return Some(Self::of_text(world, reference, Some(path), &folder, text));
        }
        let raw = Doc::jsonc(world, &path, true);
        raw.present.then(|| Self {
            file: Some(path.clone()),
            resolved: Doc::jsonc(world, &path, true),
            raw,
            missing: None,
        })
    }

    fn of_text(
        world: &dyn World,
        reference: Option<&Regex>,
        file: Option<PathBuf>,
        folder: &Path,
        text: &str,
    ) -> Self {
        let mut missing = None;
        let room = Room::default();
        let resolved = match reference {
            Some(reference) => reference.replace_all(text, |found: &Captures<'_>| {
                let mut value = room.filling();
                match resolve(world, folder, &found[1], &found[2]) {
                    Ok(text) => value.refer(&text),
                    Err(why) => drop(missing.get_or_insert(why)),
                }
                value.done()
            }),
            None => text.into(),
        };
        let path = file.clone().unwrap_or_default();
        Self { raw: parse(&path, text), resolved: parse(&path, &resolved), file, missing }
    }

    fn set(&self, world: &dyn World, steps: &[&str]) -> Option<Set> {
        let text = self.resolved.text(steps)?.to_owned();
        let raw = self.raw.text(steps).unwrap_or_default();
        let plain = raw == text && self.file.is_some();
        let inner =
            raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|rest| !rest.contains('}'));
        let (source, place) = match inner.and_then(|inner| inner.split_once(':')) {
            Some(("env", name)) => (Source::Env, common::env_place(name)),
            Some(("file", path)) => {
                let folder = self.file.as_deref().and_then(Path::parent).unwrap_or(world.cwd());
                (Source::SecretFile, Place::File { file: common::expand(world, folder, path) })
            }
            _ => (Source::Config, self.place(steps)),
        };
        Some(Set { source, place, text, plain })
    }

    fn place(&self, steps: &[&str]) -> Place {
        match &self.file {
            Some(file) => Place::Field {
                file: file.clone(),
                format: Format::Json5,
                pointer: Pointer::new(steps.iter().copied()),
            },
            None => common::env_place("OPENCODE_CONFIG_CONTENT"),
        }
    }
}

/// opencode creates an empty file on its first start; that is an empty configuration.
fn parse(path: &Path, text: &str) -> Doc {
    let text = if text.trim().is_empty() { "{}" } else { text };
    Doc { format: Format::Json5, ..Doc::text_of(path, text, true) }
}

/// What a reference in the text becomes: a variable's bare value, empty where it is not set; a file's trimmed
/// content, escaped for JSON.
fn resolve(world: &dyn World, folder: &Path, kind: &str, target: &str) -> Result<String, String> {
    if kind == "env" {
        return Ok(world.var(target).unwrap_or_default().to_owned());
    }
    let path = common::expand(world, folder, target);
    let state = world.read(&path);
    let text = state.text().ok_or_else(|| {
        let target = common::printable(target);
        format!("bad file reference: {{file:{target}}} does not exist, and opencode does not start")
    })?;
    let quoted = Json::String(text.trim().to_owned()).to_string();
    Ok(quoted[1..quoted.len() - 1].to_owned())
}
