//! The environment as Codex sees it: `~/.codex/.env` laid over the process environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::agents::engine::{EnvValue, Layers};
use crate::formats::assignment::Assignment;
use crate::formats::dotenv;
use crate::source::{Dialect, Place, Source};
use crate::world::World;

/// Both layers.
pub struct Environment {
    /// `~/.codex/.env`.
    pub file: PathBuf,
    assignments: Vec<Assignment>,
    /// The file over the process.
    layers: Layers,
    /// The file's text and whether a line of it cannot be read.
    broken: Option<String>,
}

impl Environment {
    /// Reads the file.
    pub fn read(world: &dyn World, home: &Path) -> Self {
        let file = home.join(".env");
        let state = world.read(&file);
        let parsed = state.bytes().map(|bytes| dotenv::parse(Dialect::Dotenvy, bytes, world.env()));
        let parsed = parsed.unwrap_or_default();
        let broken = (!parsed.problems.is_empty()).then(|| state.text().unwrap_or_default().to_owned());
        let mut layers = Layers::of_process(world);
        // Codex sets the file's variables one after the other, so that the last of duplicates is used, and skips names
        // that begin with `CODEX_` (`codex-rs/arg0/src/lib.rs`).
        let last: BTreeMap<&str, &Assignment> =
            parsed.assignments.iter().map(|assignment| (assignment.name.as_str(), assignment)).collect();
        for (name, assignment) in last.into_iter().filter(|(name, _)| !is_reserved(name)) {
            let place = place(&file, name, Some(assignment.line));
            layers.put(name, EnvValue::new(Source::Dotenv, place, assignment.value.as_str(), ""));
        }
        Self { file, assignments: parsed.assignments, layers, broken }
    }

    /// Every place that sets `name`, strongest first.
    pub fn variable(&self, name: &str) -> Vec<EnvValue> {
        self.layers.all(name).cloned().collect()
    }

    /// What Codex sees as `name`.
    pub fn text(&self, name: &str) -> Option<String> {
        self.layers.get(name).map(|found| found.text.clone())
    }

    /// The assignment in the file, also of a reserved name.
    pub fn in_file(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rev().find(|assignment| assignment.name == name)
    }

    /// The place of `name` in the file.
    pub fn place(&self, name: &str, line: Option<usize>) -> Place {
        place(&self.file, name, line)
    }

    /// Whether the file names the variable somewhere after a line that could not be read.
    pub fn is_unclear(&self, name: &str) -> bool {
        let named = self.broken.as_ref().is_some_and(|text| text.contains(name));
        named && self.in_file(name).is_none()
    }
}

fn place(file: &Path, name: &str, line: Option<usize>) -> Place {
    Place::Line { file: file.to_owned(), line, name: name.to_owned(), dialect: Dialect::Dotenvy }
}

/// Names that the file may not set.
pub fn is_reserved(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("CODEX_")
}
