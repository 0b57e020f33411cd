//! A variable and the places that set it: the process environment, and `.env` files of which one is read.

use std::path::{Path, PathBuf};

use crate::formats::assignment::Parsed;
use crate::formats::dotenv;
use crate::source::{Dialect, Place, Source, Value};
use crate::world::World;

use super::env_place;

/// A variable at one of its places.
pub struct Found {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What is set.
    pub text: String,
    /// Why it does not count; none where it does.
    pub ignored: Option<&'static str>,
}

impl Found {
    /// The variable in the process environment.
    #[must_use]
    pub fn in_process(world: &dyn World, name: &str) -> Option<Self> {
        let text = world.var(name)?.to_owned();
        Some(Self { source: Source::Env, place: env_place(name), text, ignored: None })
    }

    /// The value for an offer.
    #[must_use]
    pub fn value(&self) -> Value {
        Value::of(Some(self.text.as_str()))
    }
}

/// `.env` files as npm `dotenv` reads them, of which the first that counts is the only one read. What the process has
/// set, even as an empty text, is not replaced.
pub struct EnvFiles {
    /// The file that is read.
    pub file: Option<PathBuf>,
    files: Vec<(PathBuf, Parsed)>,
    excluded: Vec<String>,
}

impl EnvFiles {
    /// The files among `paths` that exist, in the order of the search. `counts` says which may be read at all.
    #[must_use]
    pub fn read(world: &dyn World, paths: Vec<PathBuf>, counts: impl Fn(&Path) -> bool) -> Self {
        let mut files: Vec<(PathBuf, Parsed)> = Vec::new();
        for path in paths {
            if files.iter().all(|(seen, _)| *seen != path) && world.exists(&path) {
                let state = world.read(&path);
                let parsed =
                    state.bytes().map(|bytes| dotenv::parse(Dialect::NodeDotenv, bytes, world.env()));
                files.push((path, parsed.unwrap_or_default()));
            }
        }
        let file = files.iter().map(|(path, _)| path).find(|path| counts(path)).cloned();
        Self { file, files, excluded: Vec::new() }
    }

    /// Leaves these variables out of the file that is read.
    pub fn exclude(&mut self, names: Vec<String>) {
        self.excluded = names;
    }

    /// Every place that sets `name`, the process first, then the file that is read, then the others.
    #[must_use]
    pub fn variable(&self, world: &dyn World, name: &str) -> Vec<Found> {
        let process = Found::in_process(world, name);
        let set = process.is_some();
        let files = self.files.iter().filter_map(|(path, parsed)| {
            let found = parsed.get(name)?;
            let ignored = match () {
                () if self.file.as_ref() != Some(path) => {
                    Some("only one .env file is read, and this is not the first")
                }
                () if self.excluded.iter().any(|excluded| excluded == name) => {
                    Some("the settings leave it out")
                }
                () if set => Some("a variable that is set is not replaced, not even an empty one"),
                () => None,
            };
            Some(Found {
                source: Source::Dotenv,
                place: Self::place(path, name, Some(found.line)),
                text: found.value.clone(),
                ignored,
            })
        });
        process.into_iter().chain(files).collect()
    }

    /// What the agent sees as `name`, possibly empty.
    #[must_use]
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.variable(world, name).into_iter().find(|found| found.ignored.is_none()).map(|found| found.text)
    }

    /// What the agent sees as `name`, if that is not empty.
    #[must_use]
    pub fn nonempty(&self, world: &dyn World, name: &str) -> Option<String> {
        self.text(world, name).filter(|text| !text.is_empty())
    }

    /// The place of a variable in one of the files.
    #[must_use]
    pub fn place(path: &Path, name: &str, line: Option<usize>) -> Place {
        Place::Line { file: path.to_owned(), line, name: name.to_owned(), dialect: Dialect::NodeDotenv }
    }

    /// The place for a new value of `name` in `path`: its present line there, if it has one.
    #[must_use]
    pub fn destination(&self, world: &dyn World, path: &Path, name: &str) -> Place {
        let line = self.variable(world, name).into_iter().find_map(|found| match found.place {
            Place::Line { file, line, .. } if file == path => line,
            _ => None,
        });
        Self::place(path, name, line)
    }
}
