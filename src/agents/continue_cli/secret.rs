//! `${{ secrets.NAME }}` in Continue's configuration: where a secret is looked up, and what becomes of the text around it.
//!
//! Continue writes the value into the YAML text and reads that again, so that a value that YAML takes for something else
//! (a number, a comment, a list) is not the value any more (`unrollAssistantFromContent` of 1.5.47).

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::agents::common::{Doc, env_place};
use crate::agents::engine::{EnvFiles, EnvValue};
use crate::formats::dotenv;
use crate::source::{Dialect, Place, Source};
use crate::world::World;

/// Any template.
static TEMPLATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$\{\{\s*([^}\s]+)\s*\}\}").ok());

/// What a field of the configuration becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// This text.
    Text(String),
    /// Something else than a text, so that Continue refuses the configuration.
    NotText,
}

/// The places of secrets.
pub struct Secrets<'a> {
    world: &'a dyn World,
    home: PathBuf,
}

impl<'a> Secrets<'a> {
    pub fn new(world: &'a dyn World, home: &Path) -> Self {
        Self { world, home: home.to_owned() }
    }

    /// The names of the secrets in a text.
    pub fn names(text: &str) -> Vec<String> {
        let all = TEMPLATE.iter().flat_map(|mark| mark.captures_iter(text));
        all.filter_map(|found| Some(found[1].strip_prefix("secrets.")?.to_owned())).collect()
    }

    /// What the process has under `name`: its environment, and what `./.env` adds to it.
    pub fn of_process(&self, name: &str) -> Option<EnvValue> {
        let found = match self.world.var(name) {
            Some(text) => Some(EnvValue::new(Source::Env, env_place(name), text, "")),
            None => self.in_file(&self.world.cwd().join(".env"), name),
        };
        found.filter(|found| !found.text.is_empty())
    }

    /// The places of a secret, strongest first; an empty one is none. The process has read `./.env` at its start, without
    /// replacing what it had, not even an empty value.
    pub fn places(&self, name: &str) -> Vec<EnvValue> {
        let own = self.world.var(name);
        let cwd = self.world.cwd();
        let mut all: Vec<EnvValue> = Vec::new();
        if let Some(text) = own {
            all.push(EnvValue::new(Source::Env, env_place(name), text, ""));
        }
        let near = cwd.join(".env");
        let further = [self.home.join(".env"), cwd.join(".continue/.env")];
        let files: Vec<PathBuf> = match own {
            None => std::iter::once(near).chain(further).collect(),
            Some(_) => further.into_iter().chain([near]).collect(),
        };
        all.extend(files.iter().filter_map(|file| self.in_file(file, name)));
        all.retain(|found| !found.text.is_empty());
        all
    }

    fn in_file(&self, file: &Path, name: &str) -> Option<EnvValue> {
        let state = self.world.read(file);
        let parsed = dotenv::parse(Dialect::NodeDotenv, state.bytes()?, self.world.env());
        let found = parsed.get(name)?;
        let place = EnvFiles::place(file, name, Some(found.line));
        Some(EnvValue::new(Source::Dotenv, place, found.value.as_str(), ""))
    }

    /// The place for a new value of a secret, in the file of the home folder.
    pub fn destination(&self, name: &str) -> Place {
        let file = self.home.join(".env");
        let line = self.in_file(&file, name).and_then(|found| match found.place {
            Place::Line { line, .. } => line,
            _ => None,
        });
        EnvFiles::place(&file, name, line)
    }

    /// A value of the configuration with its secrets filled in; `with` gives the text of a secret.
    pub fn filled(value: &Json, with: impl Fn(&str) -> Option<String>) -> Filled {
        let Json::String(text) = value else { return Filled::NotText };
        let Some(mark) = TEMPLATE.as_ref() else { return Filled::Text(text.clone()) };
        let mut changed = false;
        let all = mark.replace_all(text, |found: &Captures<'_>| {
            let Some(name) = found[1].strip_prefix("secrets.") else { return found[0].to_owned() };
            match with(name) {
                Some(value) => {
                    changed = true;
                    value
                }
                // The name is completed by the place of the file, which has none.
                None => format!("${{{{ secrets.//{name} }}}}"),
            }
        });
        // What YAML writes without quotes it reads without them again.
        let plain = Doc::yaml_value(text).is_some_and(|read| read == *value);
        if !changed || !plain {
            return Filled::Text(all.into_owned());
        }
        match Doc::yaml_value(&all) {
            Some(Json::String(text)) => Filled::Text(text),
            _ => Filled::NotText,
        }
    }

    /// The same with the secrets as they are.
    pub fn fill(&self, value: &Json) -> Filled {
        Self::filled(value, |name| Some(self.places(name).first()?.text.clone()))
    }
}
