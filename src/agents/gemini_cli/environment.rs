//! The environment as Gemini CLI sees it: the process's, filled up from the first `.env` found.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common;
use crate::dotenv::{self, Parsed};
use crate::host::World;
use crate::source::{Dialect, Place, Source, Value};

use super::settings::{Settings, Trust};

/// A variable at one of its places.
pub struct Found {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What is set.
    pub text: String,
    /// Why it does not count; none for the one that does.
    pub ignored: Option<&'static str>,
}

impl Found {
    /// The value for an offer.
    pub fn value(&self) -> Value {
        Value::of(Some(self.text.as_str()))
    }
}

/// The files and which of them is read.
pub struct Environment {
    /// The file that is read.
    pub file: Option<PathBuf>,
    files: Vec<(PathBuf, Parsed)>,
    excluded: Vec<String>,
}

impl Environment {
    /// Looks for the files.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let trusted = settings.trust == Trust::Trusted;
        let ignore = settings
            .get(&["advanced", "ignoreLocalEnv"])
            .is_some_and(|(_, value)| *value == Json::Bool(true));
        let all = candidates(world, &settings.home);
        let counts = |path: &&PathBuf| {
            let local = !is_at_home(path, &settings.home);
            (trusted || !is_own(path)) && !(ignore && local)
        };
        let file = all.iter().find(counts).cloned();
        let parse = |path: PathBuf| {
            let state = world.read(&path);
            let parsed = state.bytes().map(|bytes| dotenv::parse(Dialect::NodeDotenv, bytes, world.env()));
            (path, parsed.unwrap_or_default())
        };
        let excluded = settings.get(&["advanced", "excludedEnvVars"]).and_then(|(_, list)| list.as_array());
        let excluded = excluded.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
        Self { file, files: all.into_iter().map(parse).collect(), excluded }
    }

    /// Every place that sets `name`, the one that counts first.
    pub fn variable(&self, world: &dyn World, name: &str) -> Vec<Found> {
        let process = world.var(name).map(|text| Found {
            source: Source::Env,
            place: common::env_place(name),
            text: text.to_owned(),
            ignored: None,
        });
        let set = process.is_some();
        let files = self.files.iter().filter_map(|(path, parsed)| {
            let found = parsed.get(name)?;
            let ignored = match () {
                () if self.file.as_ref() != Some(path) => {
                    Some("only one .env file is read, and this is not the first")
                }
                () if self.is_excluded(path, name) => Some("advanced.excludedEnvVars leaves it out"),
                () if set => Some("a variable that is set is not replaced, not even an empty one"),
                () => None,
            };
            Some(Found {
                source: Source::Dotenv,
                place: place(path, name, Some(found.line)),
                text: found.value.clone(),
                ignored,
            })
        });
        process.into_iter().chain(files).collect()
    }

    /// What Gemini CLI sees as `name`, possibly empty.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.variable(world, name).into_iter().find(|found| found.ignored.is_none()).map(|found| found.text)
    }

    /// What it sees as `name`, if that is not empty.
    pub fn nonempty(&self, world: &dyn World, name: &str) -> Option<String> {
        self.text(world, name).filter(|text| !text.is_empty())
    }

    /// A file outside of any `.gemini` folder may be told to leave variables out.
    fn is_excluded(&self, path: &Path, name: &str) -> bool {
        !path.to_string_lossy().contains(".gemini") && self.excluded.iter().any(|excluded| excluded == name)
    }
}

/// The place of a variable in one of the files.
pub fn place(path: &Path, name: &str, line: Option<usize>) -> Place {
    Place::Line { file: path.to_owned(), line, name: name.to_owned(), dialect: Dialect::NodeDotenv }
}

/// All files that exist, in the order of the search: upward from the working directory, then at home.
fn candidates(world: &dyn World, home: &Path) -> Vec<PathBuf> {
    let both = |folder: &Path| [folder.join(".gemini/.env"), folder.join(".env")];
    let mut paths: Vec<PathBuf> = world.cwd().ancestors().flat_map(both).collect();
    paths.extend(both(home));
    let mut seen: Vec<PathBuf> = Vec::new();
    paths.retain(|path| {
        world.exists(path) && !seen.contains(path) && {
            seen.push(path.clone());
            true
        }
    });
    paths
}

fn is_own(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(".gemini"))
}

fn is_at_home(path: &Path, home: &Path) -> bool {
    path == home.join(".env") || path == home.join(".gemini/.env")
}
