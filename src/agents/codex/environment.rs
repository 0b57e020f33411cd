//! The environment as Codex sees it: `~/.codex/.env` laid over the process environment.

use std::path::{Path, PathBuf};

use crate::agents::common::Found;
use crate::formats::assignment::Assignment;
use crate::formats::dotenv;
use crate::source::{Dialect, Place, Source};
use crate::world::World;

/// Both layers.
pub struct Environment {
    /// `~/.codex/.env`.
    pub file: PathBuf,
    assignments: Vec<Assignment>,
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
        Self { file, assignments: parsed.assignments, broken }
    }

    /// Every place that sets `name`, strongest first. Codex sets the file's variables one after the other, so that the
    /// last of duplicates counts, and leaves out names that begin with `CODEX_` (`codex-rs/arg0/src/lib.rs`).
    pub fn variable(&self, world: &dyn World, name: &str) -> Vec<Found> {
        let file = self.in_file(name).filter(|_| !is_reserved(name)).map(|assignment| Found {
            source: Source::Dotenv,
            place: self.place(name, Some(assignment.line)),
            text: assignment.value.clone(),
            ignored: None,
        });
        file.into_iter().chain(Found::in_process(world, name)).collect()
    }

    /// What Codex sees as `name`.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.variable(world, name).into_iter().next().map(|found| found.text)
    }

    /// The assignment in the file, also of a reserved name.
    pub fn in_file(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rev().find(|assignment| assignment.name == name)
    }

    /// The place of `name` in the file.
    pub fn place(&self, name: &str, line: Option<usize>) -> Place {
        Place::Line { file: self.file.clone(), line, name: name.to_owned(), dialect: Dialect::Dotenvy }
    }

    /// Whether the file names the variable somewhere after a line that could not be read.
    pub fn is_unclear(&self, name: &str) -> bool {
        let named = self.broken.as_ref().is_some_and(|text| text.contains(name));
        named && self.in_file(name).is_none()
    }
}

/// Names that the file may not set.
pub fn is_reserved(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("CODEX_")
}
