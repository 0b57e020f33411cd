//! A world with planned changes laid over it: what the agents would do if the changes were written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{FileContent, FileMeta, FileState, KeyringState, Machine, Os, Process, Table, TableState, World};
use crate::secret::Secret;
use crate::source::Cell;

/// A world with planned changes laid over it.
pub struct Overlay<'a> {
    base: &'a dyn World,
    files: BTreeMap<PathBuf, Arc<FileState>>,
    cells: Vec<(Cell, String)>,
    keyring: BTreeMap<(String, String), Option<Secret>>,
    env: Option<Cow<'a, BTreeMap<String, String>>>,
    cwd: Option<&'a Path>,
}

impl<'a> Overlay<'a> {
    /// A view of `base` without changes yet.
    #[must_use]
    pub fn new(base: &'a dyn World) -> Self {
        Self {
            base,
            files: BTreeMap::new(),
            cells: Vec::new(),
            keyring: BTreeMap::new(),
            env: None,
            cwd: None,
        }
    }

    /// Shows this environment in place of the base's: what an agent would do that was started with it.
    #[must_use]
    pub fn with_env(mut self, env: &'a BTreeMap<String, String>) -> Self {
        self.env = Some(Cow::Borrowed(env));
        self
    }

    /// The same with values from files, which are secrets until here.
    #[must_use]
    pub fn with_variables(mut self, env: &BTreeMap<String, Secret>) -> Self {
        let texts = env.iter().map(|(name, value)| (name.clone(), value.expose(ToOwned::to_owned)));
        self.env = Some(Cow::Owned(texts.collect()));
        self
    }

    /// Shows these variables beside those of the base.
    #[must_use]
    pub fn adding(self, more: &BTreeMap<String, Secret>) -> Self {
        let own = self.env().iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str())));
        let mut all: BTreeMap<String, Secret> = own.collect();
        all.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.with_variables(&all)
    }

    /// Shows this working directory in place of the base's.
    #[must_use]
    pub const fn with_cwd(mut self, cwd: &'a Path) -> Self {
        self.cwd = Some(cwd);
        self
    }

    /// Shows `bytes` at `path`; mode and owner stay what they are, or are 0600 for a new file.
    pub fn put_file(&mut self, path: &Path, bytes: Vec<u8>) {
        let meta = self.base.read(path).meta().cloned().unwrap_or_else(|| FileMeta {
            mode: 0o600,
            mtime_ms: self.base.now_ms(),
            ctime_ms: self.base.now_ms(),
            real: path.to_owned(),
            links: 1,
            ..FileMeta::default()
        });
        let real = meta.real.clone();
        let content = FileContent { bytes: Zeroizing::new(bytes), meta };
        let state = Arc::new(FileState::Regular(content));
        self.files.insert(real, Arc::clone(&state));
        self.files.insert(path.to_owned(), state);
    }

    /// Takes the file at `path` away.
    pub fn remove_file(&mut self, path: &Path) {
        self.files.insert(path.to_owned(), Arc::new(FileState::Missing));
    }

    /// Shows `text` in one cell of a database.
    pub fn put_cell(&mut self, cell: Cell, text: String) {
        self.cells.push((cell, text));
    }

    /// Shows `secret` in one keyring entry.
    pub fn put_keyring(&mut self, service: &str, user: &str, secret: Secret) {
        self.keyring.insert((service.to_owned(), user.to_owned()), Some(secret));
    }

    /// Takes one keyring entry away.
    pub fn remove_keyring(&mut self, service: &str, user: &str) {
        self.keyring.insert((service.to_owned(), user.to_owned()), None);
    }
}

impl World for Overlay<'_> {
    fn home(&self) -> Option<&Path> {
        self.base.home()
    }

    fn cwd(&self) -> &Path {
        self.cwd.unwrap_or_else(|| self.base.cwd())
    }

    fn env(&self) -> &BTreeMap<String, String> {
        self.env.as_deref().unwrap_or_else(|| self.base.env())
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
        if let Some(state) = self.files.get(path) {
            return Arc::clone(state);
        }
        let state = self.base.read(path);
        match state.meta().and_then(|meta| self.files.get(&meta.real)) {
            Some(planned) => Arc::clone(planned),
            None => state,
        }
    }

    fn cut_to(&self, dir: &Path) -> Option<usize> {
        self.base.cut_to(dir)
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        let mut names = self.base.list(dir);
        for (path, state) in self.files.iter().filter(|(path, _)| path.parent() == Some(dir)) {
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            match **state {
                FileState::Missing => names.retain(|listed| *listed != name),
                _ => names.push(name),
            }
        }
        names.sort();
        names.dedup();
        names
    }

    fn exists(&self, path: &Path) -> bool {
        match self.files.get(path).map(AsRef::as_ref) {
            Some(FileState::Missing) => false,
            Some(_) => true,
            None => {
                let there = |state: &Arc<FileState>| !matches!(**state, FileState::Missing);
                self.files.iter().any(|(file, state)| file.starts_with(path) && there(state))
                    || self.base.exists(path)
            }
        }
    }

    fn is_folder(&self, path: &Path) -> bool {
        if self.files.contains_key(path) {
            return false;
        }
        let there = |state: &Arc<FileState>| !matches!(**state, FileState::Missing);
        self.files.iter().any(|(file, state)| file.starts_with(path) && there(state))
            || self.base.is_folder(path)
    }

    fn table(&self, table: &Table) -> TableState {
        let state = self.base.table(table);
        let mut planned =
            self.cells.iter().filter(|(cell, _)| cell.db == table.db && cell.table == table.name).peekable();
        if planned.peek().is_none() {
            return state;
        }
        let mut rows = match state {
            TableState::Rows(rows) => rows,
            _ => BTreeMap::new(),
        };
        rows.extend(planned.map(|(cell, text)| (cell.key.clone(), text.clone())));
        TableState::Rows(rows)
    }

    fn keyring(&self, service: &str, user: &str) -> KeyringState {
        match self.keyring.get(&(service.to_owned(), user.to_owned())) {
            Some(Some(secret)) => KeyringState::Present(secret.clone()),
            Some(None) => KeyringState::Missing,
            None => self.base.keyring(service, user),
        }
    }

    fn executable(&self, name: &str) -> Option<PathBuf> {
        self.base.executable(name)
    }

    fn processes(&self, needle: &str) -> Vec<Process> {
        self.base.processes(needle)
    }
}
