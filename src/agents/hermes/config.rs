//! `config.yaml` as Hermes loads it (hermes-agent 0.19.0 `hermes_cli/config.py` `_load_config_impl`): the user's file,
//! root-level keys folded into `model:`, `${VAR}` from `os.environ`, the administrator's file on top.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::environ::{Shared, Tree};
use crate::formats::bound::Room;
use crate::formats::dotenv::Variables;
use crate::formats::pyyaml::{self, Yaml};
use crate::source::{Format, Place, Pointer};
use crate::world::{Trouble, World};

/// The effective configuration of one profile.
pub struct Config {
    /// The effective tree.
    pub tree: Yaml,
    /// The user's file before expansion.
    pub user: Yaml,
    /// The user's file.
    pub file: PathBuf,
    managed: Option<(PathBuf, Rc<Tree>)>,
    /// Files that could not be read.
    pub troubles: Vec<(PathBuf, Trouble)>,
}

/// A text in the configuration and where it is.
#[derive(Clone)]
pub struct Field {
    /// The expanded text.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// Reads the user's file alone: what the vaults' settings come from, before any variable is known.
#[must_use]
pub fn raw(world: &dyn World, file: &Path, troubles: &mut Vec<(PathBuf, Trouble)>) -> Yaml {
    let state = world.read(file);
    if let Some(trouble) = state.trouble() {
        troubles.push((file.to_owned(), trouble));
    }
    match state.text().map(pyyaml::load) {
        Some(Ok(tree)) if tree.is_map() => tree,
        Some(Err(error)) => {
            troubles.push((file.to_owned(), Trouble::Syntax(error.to_string())));
            Yaml::Null
        }
        _ => Yaml::Null,
    }
}

/// Builds the effective configuration.
#[must_use]
pub fn load(
    world: &dyn World,
    home: &Path,
    managed: Option<&Path>,
    env: &Variables<'_>,
    shared: &Shared,
) -> Config {
    let mut troubles = Vec::new();
    let file = home.join("config.yaml");
    let user = raw(world, &file, &mut troubles);
    let room = Room::default();
    let mut tree = expand(&room, &fold_root(&user), env);
    let managed = managed.map(|dir| dir.join("config.yaml")).and_then(|file| {
        let read = shared.tree(&file, || {
            let mut troubles = Vec::new();
            (raw(world, &file, &mut troubles), troubles)
        });
        troubles.extend(read.1.iter().cloned());
        read.0.is_map().then_some((file, read))
    });
    if let Some((_, above)) = &managed {
        tree = merge(&tree, &expand(&room, &above.0, env));
    }
    Config { tree, user, file, managed, troubles }
}

impl Config {
    /// A node of the effective tree.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Yaml> {
        self.tree.at(path)
    }

    /// A text below `model:`, trimmed, or none if it is empty or not a text.
    #[must_use]
    pub fn model(&self, key: &str) -> Option<String> {
        let text = self.at(&["model", key])?.text()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The configured provider in lower case; empty without one.
    #[must_use]
    pub fn provider(&self) -> String {
        self.model("provider").unwrap_or_default().to_lowercase()
    }

    /// `model.base_url` without the slash at its end; empty without one.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.model("base_url").unwrap_or_default().trim_end_matches('/').to_owned()
    }

    /// The model's name, also where `model:` is a bare text.
    #[must_use]
    pub fn model_name(&self) -> String {
        let bare = || self.at(&["model"]).and_then(Yaml::text).map(|text| text.trim().to_owned());
        self.model("default").or_else(|| self.model("model")).or_else(bare).unwrap_or_default()
    }

    /// `model.api_key`, or its alias `model.api`.
    #[must_use]
    pub fn model_key(&self) -> Option<Field> {
        ["api_key", "api"].iter().find_map(|key| {
            let text = self.model(key)?;
            Some(self.field(text, &["model", key]))
        })
    }

    /// The place of a value by its path, in the administrator's file if that sets it.
    #[must_use]
    pub fn place(&self, path: &[&str]) -> Place {
        let managed =
            self.managed.as_ref().filter(|(_, tree)| has(&tree.0, path)).map(|(file, _)| file.clone());
        let file = managed.unwrap_or_else(|| self.file.clone());
        Place::Field { file, format: Format::Yaml, pointer: Pointer::new(path.iter().copied()) }
    }

    /// `text`, which is at `path`, with its place.
    #[must_use]
    pub fn field(&self, text: String, path: &[&str]) -> Field {
        Field { text, place: self.place(path) }
    }

    /// The variable that a value of the user's file consists of: `${NAME}` and nothing else.
    #[must_use]
    pub fn variable_at(&self, steps: &[String]) -> Option<String> {
        let path: Vec<&str> = steps.iter().map(String::as_str).collect();
        let written = find(&self.user, &path)?.text()?.trim();
        let name = written.strip_prefix("${")?.strip_suffix('}')?;
        (!name.is_empty() && !name.contains(['$', '{', '}'])).then(|| name.to_owned())
    }

    /// The strategy of a pool.
    #[must_use]
    pub fn strategy(&self, provider: &str) -> String {
        let text =
            self.at(&["credential_pool_strategies", provider]).and_then(Yaml::as_str).unwrap_or_default();
        text.trim().to_lowercase()
    }

    /// Whether `providers.<name>.enabled` is off.
    #[must_use]
    pub fn is_disabled(&self, name: &str) -> bool {
        match self.at(&["providers", name, "enabled"]) {
            Some(Yaml::Str(text)) => {
                matches!(text.trim().to_lowercase().as_str(), "false" | "0" | "no" | "off")
            }
            Some(flag) => !flag.truthy(),
            None => false,
        }
    }
}

/// A value by names and list positions.
#[must_use]
pub fn find<'a>(tree: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(tree, |node, step| match node {
        Yaml::List(items) => items.get(step.parse::<usize>().ok()?),
        _ => node.get(step),
    })
}

fn has(tree: &Yaml, path: &[&str]) -> bool {
    find(tree, path).is_some()
}

/// `_normalize_root_model_keys`: `provider`, `base_url` and `api_base` at the root fill gaps in `model:`. A key does not.
fn fold_root(user: &Yaml) -> Yaml {
    let Yaml::Map(entries) = user else { return user.clone() };
    let truthy = |node: Option<&Yaml>| node.filter(|node| node.truthy()).cloned();
    let mut model = match user.get("model") {
        Some(Yaml::Map(model)) => model.clone(),
        Some(other) if other.truthy() => vec![("default".to_owned(), other.clone())],
        _ => Vec::new(),
    };
    let own = Yaml::Map(model.clone());
    let mut fill = |key: &str, value: Option<Yaml>| {
        if let (Some(value), false) = (value, model.iter().any(|(name, old)| name == key && old.truthy())) {
            model.retain(|(name, _)| name != key);
            model.push((key.to_owned(), value));
        }
    };
    fill("provider", truthy(user.get("provider")));
    fill("base_url", truthy(user.get("base_url")));
    fill("base_url", truthy(user.get("api_base")));
    fill("base_url", truthy(own.get("api_base")));
    fill("default", truthy(own.get("model")).or_else(|| truthy(own.get("name"))));
    let gone = ["provider", "base_url", "api_base", "model"];
    let mut rest: Vec<_> = entries.iter().filter(|(key, _)| !gone.contains(&key.as_str())).cloned().collect();
    if !model.is_empty() {
        rest.push(("model".to_owned(), Yaml::Map(model)));
    }
    Yaml::Map(rest)
}

fn expand(room: &Room, tree: &Yaml, env: &Variables<'_>) -> Yaml {
    match tree {
        Yaml::Str(text) if text.contains("${") => Yaml::Str(filled(room, text, env)),
        Yaml::List(items) => Yaml::List(items.iter().map(|item| expand(room, item, env)).collect()),
        Yaml::Map(entries) => {
            Yaml::Map(entries.iter().map(|(key, value)| (key.clone(), expand(room, value, env))).collect())
        }
        other => other.clone(),
    }
}

/// Every `\$\{([^}]+)\}` that names a variable; the others stay.
fn filled(room: &Room, text: &str, env: &Variables<'_>) -> String {
    let mut out = room.filling();
    let last_brace = text.rfind('}').unwrap_or(0);
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|found| at + found).filter(|at| *at < last_brace) {
        out.own(&text[at..found]);
        let inner = &text[found + 2..];
        let Some(end) = inner.find('}').filter(|end| *end > 0) else {
            out.own("${");
            at = found + 2;
            continue;
        };
        match env(&inner[..end]) {
            Some(value) => out.refer(&value),
            None => out.own(&text[found..found + end + 3]),
        }
        at = found + end + 3;
    }
    out.own(&text[at..]);
    out.done()
}

fn merge(below: &Yaml, above: &Yaml) -> Yaml {
    let (Yaml::Map(old), Yaml::Map(new)) = (below, above) else { return above.clone() };
    let mut entries = old.clone();
    for (key, value) in new {
        match entries.iter_mut().find(|(name, _)| name == key) {
            Some((_, slot)) if slot.is_map() && *value == Yaml::Null => {}
            Some((_, slot)) if slot.is_map() && value.is_map() => *slot = merge(slot, value),
            Some((_, slot)) => *slot = value.clone(),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Yaml::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn config(user: &str, managed: &str) -> Config {
        let world =
            MemoryWorld::new("/h").with_file("c/config.yaml", user).with_file("m/config.yaml", managed);
        let env = |name: &str| (name == "K").then_some("v".into());
        load(&world, Path::new("/h/c"), Some(Path::new("/h/m")), &env, &Shared::default())
    }

    #[test]
    fn root_keys_fill_gaps_in_model_and_a_root_key_does_not() {
        let folded = config("model: m1\nprovider: custom\napi_base: http://x/v1/\napi_key: k\n", "");
        assert_eq!(folded.provider(), "custom");
        assert_eq!(folded.base_url(), "http://x/v1");
        assert_eq!(folded.model_name(), "m1");
        assert!(folded.model_key().is_none());
    }

    #[test]
    fn references_are_expanded_or_stay_as_text() {
        let done = config("model: {api_key: 'a${K}b${NO}'}\n", "");
        assert_eq!(done.model_key().map(|field| field.text).as_deref(), Some("avb${NO}"));
    }

    #[test]
    fn the_administrators_values_win_at_the_leaf() {
        let done = config("model: {provider: a, default: m}\n", "model: {provider: b}\n");
        assert_eq!((done.provider(), done.model_name()), ("b".into(), "m".into()));
        assert_eq!(done.place(&["model", "provider"]).file(), Some(Path::new("/h/m/config.yaml")));
    }

    #[test]
    fn a_number_is_no_key_and_a_broken_file_is_named() {
        assert!(config("model: {api_key: 12345678}\n", "").model_key().is_none());
        assert_eq!(config("model: [\n", "").troubles.len(), 1);
    }
}
