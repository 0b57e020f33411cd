//! `.aider.model.settings.yml`: what a model's `extra_params` pass straight to LiteLLM, before everything else.
//!
//! From aider 0.86.2 `models.py` (`register_models`, `configure_model_settings`, `send_completion`).

use std::path::{Path, PathBuf};

use crate::formats::pyyaml::{self, Yaml};
use crate::source::{Format, Place, Pointer};
use crate::world::{Trouble, World};

/// The fields of aider's `ModelSettings`; any other one stops the loading.
const FIELDS: &[&str] = &[
    "name",
    "edit_format",
    "weak_model_name",
    "use_repo_map",
    "send_undo_reply",
    "lazy",
    "overeager",
    "reminder",
    "examples_as_sys_msg",
    "extra_params",
    "cache_control",
    "caches_by_default",
    "use_system_prompt",
    "use_temperature",
    "streaming",
    "editor_model_name",
    "editor_edit_format",
    "reasoning_tag",
    "remove_reasoning",
    "system_prompt_prefix",
    "accepts_settings",
];
/// The entry that applies to every model.
const EVERY: &str = "aider/extra_params";

/// The settings of one model.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The model, or [`EVERY`].
    pub name: String,
    params: Yaml,
    file: PathBuf,
    at: usize,
}

/// A header of a request.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its name, as it is spelled.
    pub name: String,
    /// Its text.
    pub value: String,
    /// Where it is.
    pub place: Place,
}

/// What reaches LiteLLM for one model.
#[derive(Clone, Debug, Default)]
pub struct Params {
    /// The key and its place.
    pub key: Option<(String, Place)>,
    /// The base URL and the file that says so.
    pub base: Option<(String, PathBuf)>,
    /// Headers and their places; of two with the same spelling the later one.
    pub headers: Vec<Header>,
    /// Something is set whose effect is unknown.
    pub unclear: Option<&'static str>,
}

/// The settings of all models; a later file replaces what an earlier one says about a model.
#[derive(Default)]
pub struct Settings {
    entries: Vec<Entry>,
    /// The file at which aider stopped reading, and why.
    pub trouble: Option<(PathBuf, Trouble)>,
}

impl Settings {
    /// Reads `files`, weakest first.
    pub fn read(world: &dyn World, files: &[PathBuf]) -> Self {
        let mut settings = Self::default();
        for file in files {
            if let Err(trouble) = settings.add(world, file) {
                settings.trouble = Some((file.clone(), trouble));
                break;
            }
        }
        settings
    }

    fn add(&mut self, world: &dyn World, file: &Path) -> Result<(), Trouble> {
        let state = world.read(file);
        if let Some(trouble) = state.trouble() {
            return Err(trouble);
        }
        let Some(text) = state.text().filter(|text| !text.trim().is_empty()) else { return Ok(()) };
        let root = pyyaml::load(text).map_err(|error| Trouble::Syntax(error.to_string()))?;
        let Yaml::List(items) = &root else {
            return Err(Trouble::Syntax("it is not a list of models".to_owned()));
        };
        for (at, item) in items.iter().enumerate() {
            let known = item.entries().all(|(field, _)| FIELDS.contains(&field.as_str()));
            let name = item.get("name").and_then(Yaml::as_str).filter(|_| known);
            let name = name.ok_or_else(|| Trouble::Syntax(format!("aider refuses entry {}", at + 1)))?;
            self.entries.retain(|entry| entry.name != name);
            let params = item.get("extra_params").cloned().unwrap_or(Yaml::Null);
            self.entries.push(Entry { name, params, file: file.to_owned(), at });
        }
        Ok(())
    }

    /// The models with parameters that touch the key or where it goes.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let touches = |entry: &&Entry| !entry.params().is_plain();
        self.entries
            .iter()
            .filter(|entry| entry.name != EVERY)
            .filter(touches)
            .map(|entry| entry.name.as_str())
    }

    /// What reaches LiteLLM for `model`: its own parameters, over them those of every model.
    pub fn params(&self, model: Option<&str>) -> Params {
        let find = |name: &str| self.entries.iter().find(|entry| entry.name == name).map(Entry::params);
        let own = model.and_then(find).unwrap_or_default();
        let every = find(EVERY).unwrap_or_default();
        let mut headers: Vec<Header> = Vec::new();
        // `models.py` joins each table of the two, and LiteLLM lays extra_headers over headers.
        for group in ["headers", "extra_headers"] {
            for name in [model, Some(EVERY)].into_iter().flatten() {
                let entry = self.entries.iter().find(|entry| entry.name == name);
                for header in entry.into_iter().flat_map(|entry| entry.headers(group)) {
                    headers.retain(|old| old.name != header.name);
                    headers.push(header);
                }
            }
        }
        Params {
            key: every.key.or(own.key),
            base: every.base.or(own.base),
            headers,
            unclear: every.unclear.or(own.unclear),
        }
    }
}

impl Entry {
    fn params(&self) -> Params {
        let text = |name: &str| self.params.get(name).filter(|value| value.truthy()).and_then(Yaml::as_str);
        let place = |name: &str| Place::Field {
            file: self.file.clone(),
            format: Format::Yaml,
            pointer: Pointer::new([self.at.to_string(), "extra_params".to_owned(), name.to_owned()]),
        };
        let base = text("base_url").or_else(|| text("api_base")).map(|base| (base, self.file.clone()));
        let key = text("api_key").map(|key| (key, place("api_key")));
        let headers = ["headers", "extra_headers"].into_iter().flat_map(|group| self.headers(group));
        Params { key, base, headers: headers.collect(), unclear: self.unclear() }
    }

    /// The headers of one of the two tables.
    fn headers<'a>(&'a self, group: &'a str) -> impl Iterator<Item = Header> + 'a {
        let entries = self.params.get(group).into_iter().flat_map(Yaml::entries);
        entries.filter_map(move |(name, value)| {
            let steps = [self.at.to_string(), "extra_params".to_owned(), group.to_owned(), name.clone()];
            let pointer = Pointer::new(steps);
            let place = Place::Field { file: self.file.clone(), format: Format::Yaml, pointer };
            Some(Header { name: name.clone(), value: value.as_str()?, place })
        })
    }

    fn unclear(&self) -> Option<&'static str> {
        let provider = self.params.get("custom_llm_provider").is_some();
        provider.then_some("the model's custom_llm_provider changes the way; that is unknown")
    }
}

impl Params {
    fn is_plain(&self) -> bool {
        let credential =
            |header: &Header| crate::agents::common::is_credential_header(&header.name, &header.value);
        let headers = self.headers.iter().any(credential);
        self.key.is_none() && self.base.is_none() && !headers && self.unclear.is_none()
    }
}
