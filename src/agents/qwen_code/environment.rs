//! The variables that Qwen Code sees: the process, the nearest `.env` file of the project, those of the home folder, the
//! settings' `env` block. A variable that is set to nothing is as good as not set, and the next place fills it
//! (`loadEnvironment` and `findEnvFiles` of 0.24.4).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common;
use crate::agents::engine::{EnvFiles, EnvValue, Layers};
use crate::formats::dotenv;
use crate::source::{Dialect, Place, Source};
use crate::world::World;

use super::settings::Settings;

/// What a plain `.env` file of a project may not set without a list of the person's own.
const EXCLUDED: &[&str] = &["DEBUG", "DEBUG_MODE"];
/// What no file of a project may set.
const OF_THE_PERSON: &[&str] = &["QWEN_HOME", "QWEN_RUNTIME_DIR"];

/// A file that may be read.
struct File {
    path: PathBuf,
    /// It is one of the home folder's.
    home: bool,
    /// Why it is not read.
    unread: Option<&'static str>,
}

/// The variables.
pub struct Environment {
    layers: Layers,
    /// The file of the project that is read.
    pub project: Option<PathBuf>,
}

impl Environment {
    /// Reads the files.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let files = files(world, settings);
        let mut layers = Layers::of_process(world);
        for file in &files {
            put(world, settings, file, &mut layers);
        }
        for (doc, name, value) in settings.env_block() {
            let Json::String(text) = value else { continue };
            let value = EnvValue::new(Source::Config, doc.place(&["env", name]), text.as_str(), "");
            layers.put_weakest(name, value);
        }
        let project = files.iter().find(|file| !file.home && file.unread.is_none());
        Self { layers, project: project.map(|file| file.path.clone()) }
    }

    /// Every place that sets `name`, strongest first.
    pub fn variable(&self, name: &str) -> Vec<EnvValue> {
        let empty = "it is empty, and the next place is asked";
        let marked = |found: &EnvValue| {
            let ignored = found.ignored.or_else(|| found.text.is_empty().then_some(empty));
            EnvValue { ignored, ..found.clone() }
        };
        self.layers.all(name).map(marked).collect()
    }

    /// What Qwen Code sees as `name`; never empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.variable(name).into_iter().find(|found| found.ignored.is_none()).map(|found| found.text)
    }

    /// The place for a new value of `name` in `file`.
    pub fn destination(&self, file: &Path, name: &str) -> Place {
        let line = self.layers.all(name).find_map(|found| match &found.place {
            Place::Line { file: other, line, .. } if other == file => *line,
            _ => None,
        });
        EnvFiles::place(file, name, line)
    }
}

/// The files in the order of their strength: those of the project, of which the nearest is read, then the home folder's.
fn files(world: &dyn World, settings: &Settings) -> Vec<File> {
    let home = common::home(world);
    let at_home = [settings.folder.join(".env"), home.join(".qwen/.env"), home.join(".env")];
    let mut files: Vec<File> = Vec::new();
    let mut found = false;
    for folder in world.cwd().ancestors().take_while(|folder| *folder != home) {
        for path in [folder.join(".qwen/.env"), folder.join(".env")] {
            if at_home.contains(&path) || !world.exists(&path) {
                continue;
            }
            let unread = match (settings.trusted, found) {
                (false, _) => Some("the folder is not trusted, and its .env files are not read"),
                (true, true) => {
                    Some("only the nearest .env file of a project is read, and this is another one")
                }
                (true, false) => None,
            };
            found |= unread.is_none();
            files.push(File { path, home: false, unread });
        }
    }
    for path in at_home {
        if world.exists(&path) && files.iter().all(|file| file.path != path) {
            files.push(File { path, home: true, unread: None });
        }
    }
    files
}

fn put(world: &dyn World, settings: &Settings, file: &File, layers: &mut Layers) {
    let state = world.read(&file.path);
    let Some(bytes) = state.bytes() else { return };
    let parsed = dotenv::parse(Dialect::NodeDotenv, bytes, world.env());
    let mut names: Vec<&String> = parsed.assignments.iter().map(|one| &one.name).collect();
    names.sort();
    names.dedup();
    let of_qwen = file.home || file.path.parent().is_some_and(|folder| folder.ends_with(".qwen"));
    for found in names.into_iter().filter_map(|name| parsed.get(name)) {
        let excluded = !of_qwen && settings.excludes(&found.name, EXCLUDED);
        let ignored = match file.unread {
            Some(why) => Some(why),
            None if excluded => Some("the settings leave it out"),
            None if !file.home && OF_THE_PERSON.contains(&found.name.as_str()) => {
                Some("a project may not set it")
            }
            None => None,
        };
        let place = EnvFiles::place(&file.path, &found.name, Some(found.line));
        let value = EnvValue::new(Source::Dotenv, place, found.value.as_str(), "");
        layers.put_weakest(&found.name, EnvValue { ignored, ..value });
    }
}
