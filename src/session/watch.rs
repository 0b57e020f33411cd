//! A world that notes what could not be read: whichever agent asks, a file that is a folder, a pipe, denied, too large or
//! binary becomes one line, also where the agent itself would pass over it in silence; and so does a key in a field that wants
//! a name.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::misplaced;
use crate::agents::Findings;
use crate::world::{FileState, KeyringState, Machine, Os, Process, Table, TableState, Trouble, World};

/// A world, and what could not be read in it.
pub(super) struct Watched<'a> {
    base: &'a dyn World,
    troubles: RefCell<Vec<(PathBuf, Trouble)>>,
    looked_at: RefCell<HashSet<PathBuf>>,
    gone: RefCell<Vec<PathBuf>>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(base: &'a dyn World) -> Self {
        Self { base, troubles: RefCell::default(), looked_at: RefCell::default(), gone: RefCell::default() }
    }

    /// Adds what was noted and is not yet among the agent's own troubles. Returns the files of text that were asked for and
    /// are not there, or are empty.
    pub(super) fn tell(self, findings: &mut Findings) -> Vec<PathBuf> {
        let mut known: HashSet<PathBuf> = findings.troubles.iter().map(|(path, _)| path.clone()).collect();
        for (path, trouble) in self.troubles.into_inner() {
            if known.insert(path.clone()) {
                findings.troubles.push((path, trouble));
            }
        }
        self.gone.into_inner()
    }

    fn note(&self, path: &Path, trouble: &Trouble) {
        self.troubles.borrow_mut().push((path.to_owned(), trouble.clone()));
    }
}

/// Files that are text whatever an agent makes of them.
fn is_text_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(".env")
        || [".json", ".jsonc", ".yaml", ".yml", ".toml", ".env"].iter().any(|end| name.ends_with(end))
}

impl World for Watched<'_> {
    fn home(&self) -> Option<&Path> {
        self.base.home()
    }

    fn cwd(&self) -> &Path {
        self.base.cwd()
    }

    fn env(&self) -> &BTreeMap<String, String> {
        self.base.env()
    }

    fn env_troubles(&self) -> &[String] {
        self.base.env_troubles()
    }

    fn os(&self) -> Os {
        self.base.os()
    }

    fn machine(&self) -> Option<Machine> {
        self.base.machine()
    }

    fn now_ms(&self) -> i64 {
        self.base.now_ms()
    }

    fn read(&self, path: &Path) -> Arc<FileState> {
        let state = self.base.read(path);
        match &*state {
            FileState::Unreadable(trouble) => self.note(path, trouble),
            FileState::Missing if is_text_file(path) => self.gone.borrow_mut().push(path.to_owned()),
            FileState::Regular(content) if is_text_file(path) && content.bytes.trim_ascii().is_empty() => {
                self.gone.borrow_mut().push(path.to_owned());
            }
            // Agents mend other encodings; NUL bytes are in none of them but UTF-16.
            FileState::Regular(content)
                if is_text_file(path)
                    && content.bytes.contains(&0)
                    && !content.bytes.starts_with(&[0xff, 0xfe])
                    && !content.bytes.starts_with(&[0xfe, 0xff]) =>
            {
                self.note(path, &Trouble::NotText);
            }
            FileState::Regular(_)
                if is_text_file(path) && self.looked_at.borrow_mut().insert(path.to_owned()) =>
            {
                let words = state.text().and_then(|text| misplaced::first(self.base, path, text));
                if let Some(words) = words {
                    self.note(path, &Trouble::KeyInName(words));
                }
            }
            _ => {}
        }
        state
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        let names = self.base.list(dir);
        if let Some(limit) = self.cut_to(dir) {
            self.note(dir, &Trouble::TooMany(limit));
        }
        names
    }

    fn cut_to(&self, dir: &Path) -> Option<usize> {
        self.base.cut_to(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        self.base.exists(path)
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.base.is_folder(path)
    }

    fn table(&self, table: &Table) -> TableState {
        let state = self.base.table(table);
        if let TableState::Unreadable(trouble) = &state {
            self.note(&table.db, trouble);
        }
        state
    }

    fn keyring(&self, service: &str, user: &str) -> KeyringState {
        self.base.keyring(service, user)
    }

    fn executable(&self, name: &str) -> Option<PathBuf> {
        self.base.executable(name)
    }

    fn processes(&self, needle: &str) -> Vec<Process> {
        self.base.processes(needle)
    }
}
