//! The lines of a `.env` file by the two parsers that Hermes uses on it.

use std::collections::BTreeMap;

use super::sanitise::sanitise;
use crate::dotenv;
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
    let text = if own { clean.own.as_bytes() } else { &[] };
    for found in dotenv::parse(Dialect::Hermes, text, env).assignments {
        let number = clean.line(found.line);
        let same = |line: &&mut Line| line.number == number && line.name == found.name && line.own.is_none();
        match lines.iter_mut().find(same) {
            Some(line) => line.own = Some(found.value),
            None => lines.push(Line { name: found.name, number, own: Some(found.value), python: None }),
        }
    }
    lines.sort_by_key(|line| line.number);
    Lines { all: lines, split: clean.split, undecodable: clean.undecodable }
}
