//! `openclaw.json`: JSON5, `$include`, and where each value really is.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::era::Rules;
use super::home::Install;
use crate::source::{Format, Place, Pointer, is_nested_deep, tilde};
use crate::world::{FileState, Trouble, World};

/// How deep includes may nest (OpenClaw, `src/config/includes.ts`).
const MAX_DEPTH: usize = 10;

/// The configuration as OpenClaw reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    file: PathBuf,
    docs: BTreeMap<PathBuf, Json>,
    merged: Json,
    /// Why OpenClaw refuses the configuration: the sentence and the pointer of what is wrong.
    pub fault: Option<(String, Pointer)>,
    /// A file that could not be read.
    pub trouble: Option<(PathBuf, Trouble)>,
    /// True where there is no configuration file.
    pub missing: bool,
}

impl Config {
    /// Reads the configuration of `install` with everything that it includes.
    pub(super) fn load(world: &dyn World, install: &Install) -> Self {
        let mut config = Self { file: install.config.clone(), merged: Json::Null, ..Self::default() };
        if matches!(&*world.read(&install.config), FileState::Missing) {
            config.missing = true;
            return config;
        }
        let mut reader = Reader { world, roots: roots(world, install), config: &mut config };
        match reader.file(&install.config, &mut Vec::new()) {
            Ok(merged) => config.merged = merged,
            Err(message) => config.fault = Some((message, Pointer::default())),
        }
        config
    }

    /// The value at these steps, includes resolved.
    pub(super) fn get(&self, steps: &[&str]) -> Option<&Json> {
        steps.iter().try_fold(&self.merged, |value, step| child(value, step))
    }

    /// The object at these steps.
    pub(super) fn object(&self, steps: &[&str]) -> Option<&Map<String, Json>> {
        self.get(steps)?.as_object()
    }

    /// The configuration file itself.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Where the value at these steps is: the file that holds it and its pointer there.
    pub(super) fn place(&self, steps: &[&str]) -> Place {
        let (file, pointer) = self
            .origin(&self.file, &Pointer::default(), steps)
            .unwrap_or_else(|| (self.file.clone(), Pointer::new(steps.iter().copied())));
        Place::Field { file, format: Format::Json5, pointer }
    }

    /// Follows `steps` from `at` in `file`, into included files where the value is not beside the include.
    fn origin(&self, file: &Path, at: &Pointer, steps: &[&str]) -> Option<(PathBuf, Pointer)> {
        let here = at.0.iter().try_fold(self.docs.get(file)?, |value, step| child(value, step))?;
        let Some((first, rest)) = steps.split_first() else {
            return Some((file.to_owned(), at.clone()));
        };
        if child(here, first).is_some() {
            return self.origin(file, &at.join(*first), rest);
        }
        let targets = include_targets(here).ok()?;
        targets.iter().rev().find_map(|target| {
            let path = normal(&file.parent()?.join(target));
            self.origin(&path, &Pointer::default(), steps)
        })
    }

    /// Marks what the version of `rules` refuses at start (2026.9.6 `openclaw config validate`; 2026.3.13
    /// `src/config/zod-schema.core.ts`). Only what is known is judged.
    pub(super) fn fault_under(&self, rules: Rules) -> Option<(String, Pointer)> {
        if self.fault.is_some() {
            return self.fault.clone();
        }
        self.flat_env_fault(rules).or_else(|| self.provider_fault(rules))
    }

    /// A variable directly under `env` is read by 2026.3.13 and refused by 2026.9.6.
    fn flat_env_fault(&self, rules: Rules) -> Option<(String, Pointer)> {
        let env = self.object(&["env"]).filter(|_| rules == Rules::New)?;
        let name = env.keys().find(|name| !matches!(name.as_str(), "vars" | "shellEnv"))?;
        let message = format!(
            "Config invalid: env.{} is a retired layout; 2026.9.6 reads env.vars only and every agent command exits",
            super::clean(name)
        );
        Some((message, Pointer::new(["env", name.as_str()])))
    }

    /// A member that a provider entry of 2026.3.13 does not know. The list of 2026.9.6 is longer and unknown.
    fn provider_fault(&self, rules: Rules) -> Option<(String, Pointer)> {
        const KNOWN: [&str; 8] = [
            "baseUrl",
            "apiKey",
            "auth",
            "api",
            "injectNumCtxForOpenAICompat",
            "headers",
            "authHeader",
            "models",
        ];
        let providers = self.object(&["models", "providers"]).filter(|_| rules == Rules::Old)?;
        providers.iter().find_map(|(id, entry)| {
            let unknown = entry.as_object()?.keys().find(|key| !KNOWN.contains(&key.as_str()))?;
            let (shown, key) = (super::clean(id), super::clean(unknown));
            let message = format!("Config invalid: models.providers.{shown}: unrecognised key {key}");
            Some((message, Pointer::new(["models", "providers", id, unknown])))
        })
    }
}

/// One step into an object or array.
fn child<'a>(value: &'a Json, step: &str) -> Option<&'a Json> {
    match value {
        Json::Object(map) => map.get(step),
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The folders that includes may come from.
fn roots(world: &dyn World, install: &Install) -> Vec<PathBuf> {
    let own = install.config.parent().map(Path::to_owned);
    let extra = world.var_nonempty("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
    own.into_iter()
        .chain(extra.split(':').filter(|dir| !dir.is_empty()).map(|dir| install.expand(dir)))
        .collect()
}

struct Reader<'a> {
    world: &'a dyn World,
    roots: Vec<PathBuf>,
    config: &'a mut Config,
}

impl Reader<'_> {
    fn shown(&self, file: &Path) -> String {
        tilde(file, self.world.home())
    }

    /// The content of one file with its includes put in.
    fn file(&mut self, file: &Path, open: &mut Vec<PathBuf>) -> Result<Json, String> {
        if open.len() > MAX_DEPTH {
            return Err(format!("Config invalid: includes nest deeper than {MAX_DEPTH}"));
        }
        if open.iter().any(|other| other == file) {
            return Err(format!("Config invalid: {} includes itself", self.shown(file)));
        }
        let doc = self.parse(file)?;
        self.config.docs.insert(file.to_owned(), doc.clone());
        open.push(file.to_owned());
        let merged = self.resolve(doc, file, open);
        open.pop();
        merged
    }

    fn parse(&mut self, file: &Path) -> Result<Json, String> {
        let state = self.world.read(file);
        if matches!(&*state, FileState::Missing) {
            return Err(format!("Config invalid: the included file {} is not there", self.shown(file)));
        }
        if let Some(trouble) = state.trouble() {
            self.config.trouble = Some((file.to_owned(), trouble.clone()));
            return Err(format!("Config invalid: {} {trouble}", self.shown(file)));
        }
        let text = state.text().unwrap_or_default();
        let parsed = if is_nested_deep(text) { None } else { json5::from_str(text).ok() };
        parsed.ok_or_else(|| {
            let message = "this is not JSON5, or nested too deep".to_owned();
            self.config.trouble = Some((file.to_owned(), Trouble::Syntax(message)));
            format!("Config invalid: {} cannot be parsed as JSON5", self.shown(file))
        })
    }

    fn resolve(&mut self, value: Json, file: &Path, open: &mut Vec<PathBuf>) -> Result<Json, String> {
        match value {
            Json::Object(map) => self.resolve_object(map, file, open),
            Json::Array(items) => {
                let items: Result<_, _> =
                    items.into_iter().map(|item| self.resolve(item, file, open)).collect();
                Ok(Json::Array(items?))
            }
            other => Ok(other),
        }
    }

    fn resolve_object(
        &mut self,
        map: Map<String, Json>,
        file: &Path,
        open: &mut Vec<PathBuf>,
    ) -> Result<Json, String> {
        let targets = include_targets(&Json::Object(map.clone()))?;
        let mut merged = Json::Object(Map::new());
        for target in &targets {
            let path = normal(&file.parent().unwrap_or(file).join(target));
            if !self.roots.iter().any(|root| path.starts_with(root)) {
                return Err(format!(
                    "Config invalid: {} lies outside of the config folder",
                    self.shown(&path)
                ));
            }
            merge(&mut merged, self.file(&path, open)?);
        }
        for (name, value) in map {
            if name != "$include" {
                let value = self.resolve(value, file, open)?;
                merge(&mut merged, Json::Object(Map::from_iter([(name, value)])));
            }
        }
        Ok(merged)
    }
}

/// The files that an object includes.
fn include_targets(value: &Json) -> Result<Vec<String>, String> {
    let bad = || "Config invalid: $include takes a path or a list of paths".to_owned();
    match value.as_object().and_then(|map| map.get("$include")) {
        None => Ok(Vec::new()),
        Some(Json::String(path)) => Ok(vec![path.clone()]),
        Some(Json::Array(items)) => {
            items.iter().map(|item| item.as_str().map(ToOwned::to_owned).ok_or_else(bad)).collect()
        }
        Some(_) => Err(bad()),
    }
}

/// Objects merge, lists join, anything else is replaced.
fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Json::Null), value);
            }
        }
        (Json::Array(into), Json::Array(from)) => into.extend(from),
        (into, from) => *into = from,
    }
}

/// A path without `.` and `..`, by its text alone.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, part| {
        match part {
            Component::ParentDir => {
                done.pop();
            }
            Component::CurDir => {}
            part => done.push(part),
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::super::home::installs;
    use super::*;
    use crate::world::MemoryWorld;

    fn load(world: &MemoryWorld) -> Config {
        Config::load(world, &installs(world)[0])
    }

    #[test]
    fn an_included_value_knows_the_file_it_stands_in() {
        let world = MemoryWorld::new("/h")
            .with_file(
                ".openclaw/openclaw.json",
                "{ models: { $include: './m.json5', mode: 'merge' }, } // x",
            )
            .with_file(".openclaw/m.json5", "{ providers: { x: { apiKey: 'k' } } }");
        let config = load(&world);
        let steps = ["models", "providers", "x", "apiKey"];
        assert_eq!(config.get(&steps), Some(&Json::from("k")));
        let Place::Field { file, pointer, .. } = config.place(&steps) else { panic!() };
        assert_eq!(
            (file.as_path(), pointer.to_string().as_str()),
            (Path::new("/h/.openclaw/m.json5"), "/providers/x/apiKey")
        );
    }

    #[test]
    fn an_include_outside_of_the_folder_or_of_itself_makes_the_config_invalid() {
        let outside = MemoryWorld::new("/h")
            .with_file(".openclaw/openclaw.json", "{$include: '../m.json5'}")
            .with_file("m.json5", "{}");
        assert!(load(&outside).fault.unwrap().0.contains("outside"));
        let own =
            MemoryWorld::new("/h").with_file(".openclaw/openclaw.json", "{$include: './openclaw.json'}");
        assert!(load(&own).fault.unwrap().0.contains("includes itself"));
        let broken = MemoryWorld::new("/h").with_file(".openclaw/openclaw.json", "{a: }");
        assert!(load(&broken).fault.unwrap().0.contains("JSON5"));
    }

    #[test]
    fn what_a_version_refuses_is_told_by_the_pointer() {
        let world = MemoryWorld::new("/h").with_file(
            ".openclaw/openclaw.json",
            "{env: {X_KEY: 'v'}, models: {providers: {p: {request: {}}}}}",
        );
        let config = load(&world);
        assert_eq!(config.fault_under(Rules::New).unwrap().1.to_string(), "/env/X_KEY");
        assert_eq!(config.fault_under(Rules::Old).unwrap().1.to_string(), "/models/providers/p/request");
    }
}
