//! The lines of a `.env` file by the two parsers that Hermes uses on it.

use std::collections::{BTreeMap, HashMap};

use super::sanitise::sanitise;
use crate::formats::assignment::Assignment;
use crate::formats::dotenv;
use crate::source::Dialect;

/// One assignment as both parsers see it.
#[derive(Clone)]
pub struct Line {
    /// The variable.
    pub name: String,
    /// The one-based line in the file.
    pub number: usize,
    /// What Hermes' own parser reads.
    pub own: Option<String>,
    /// What python-dotenv reads.
    pub python: Option<String>,
}

/// A file's lines.
pub struct Lines {
    /// In the file's order.
    pub all: Vec<Line>,
    /// The lines that Hermes splits in two.
    pub split: Vec<usize>,
    /// The file cannot be decoded.
    pub undecodable: bool,
}

/// Reads `bytes`; with Hermes' own parser too where `own`.
#[must_use]
pub fn read(bytes: &[u8], own: bool, env: &BTreeMap<String, String>) -> Lines {
    let clean = sanitise(bytes);
    let mut lines: Vec<Line> = Vec::new();
    let python = dotenv::parse(Dialect::PythonDotenv, clean.python.as_bytes(), env);
    for found in python.assignments {
        let number = clean.line(found.line);
        lines.push(Line { name: found.name, number, own: None, python: Some(found.value) });
    }
    // The positions of the lines that only python-dotenv has read so far, the first of a number and name last.
    let mut alone: HashMap<(usize, String), Vec<usize>> = HashMap::new();
    for (at, line) in lines.iter().enumerate().rev() {
        alone.entry((line.number, line.name.clone())).or_default().push(at);
    }
    let text = if own { clean.own.as_bytes() } else { &[] };
    for found in dotenv::parse(Dialect::Hermes, text, env).assignments {
        let number = clean.line(found.line);
        let place = (number, found.name);
        let same = alone.get_mut(&place).and_then(Vec::pop);
        let found = Assignment { name: place.1, ..found };
        match same.and_then(|at| lines.get_mut(at)) {
            Some(line) => line.own = Some(found.value),
            None => lines.push(Line { name: found.name, number, own: Some(found.value), python: None }),
        }
    }
    lines.sort_by_key(|line| line.number);
    Lines { all: lines, split: clean.split, undecodable: clean.undecodable }
}
