//! A world made of plain data, for scenarios and tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    FileContent, FileMeta, FileState, KeyringState, Machine, Os, Process, Table, TableState, Trouble, World,
};
use crate::secret::Secret;

/// A world made of plain data. Paths are absolute; what is not there is missing.
#[derive(Debug, Default)]
pub struct MemoryWorld {
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The process environment.
    pub env: BTreeMap<String, String>,
    /// The operating system.
    pub os: Os,
    /// The names of host and user.
    pub machine: Option<Machine>,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Path to content.
    pub files: BTreeMap<PathBuf, Arc<FileState>>,
    /// Database, table and rows.
    pub tables: BTreeMap<(PathBuf, String), BTreeMap<String, String>>,
    /// Service and user to secret.
    pub keyring: BTreeMap<(String, String), Secret>,
    /// What a missing keyring entry says; `Missing` unless a test wants a locked or absent keyring.
    pub keyring_otherwise: Option<KeyringState>,
    /// Name to executable.
    pub executables: BTreeMap<String, PathBuf>,
    /// Running processes.
    pub processes: Vec<Process>,
}

impl MemoryWorld {
    /// An empty world with this home, the working directory being `home/work`.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        Self { cwd: home.join("work"), home: Some(home), ..Self::default() }
    }

    /// Puts the world on another operating system.
    #[must_use]
    pub fn on(mut self, os: Os) -> Self {
        self.os = os;
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_var(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts a file of mode 0600 at `path`, which may be relative to the home folder.
    #[must_use]
    pub fn with_file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        self.with_file_mode(path, content, 0o600)
    }

    /// Puts a file at `path`, which may be relative to the home folder.
    #[must_use]
    pub fn with_file_mode(mut self, path: impl AsRef<Path>, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.home.clone().unwrap_or_default().join(path);
        let meta = FileMeta {
            mode,
            mtime_ms: self.now_ms,
            ctime_ms: self.now_ms,
            real: path.clone(),
            links: 1,
            ..FileMeta::default()
        };
        let bytes = Zeroizing::new(content.as_ref().to_vec());
        self.files.insert(path, Arc::new(FileState::Regular(FileContent { bytes, meta })));
        self
    }

    /// Puts something unreadable at `path`.
    #[must_use]
    pub fn with_trouble(mut self, path: impl AsRef<Path>, trouble: Trouble) -> Self {
        let path = self.home.clone().unwrap_or_default().join(path);
        self.files.insert(path, Arc::new(FileState::Unreadable(trouble)));
        self
    }

    /// Puts one row into a table.
    #[must_use]
    pub fn with_row(mut self, db: impl AsRef<Path>, table: &str, key: &str, value: &str) -> Self {
        let db = self.home.clone().unwrap_or_default().join(db);
        self.tables.entry((db, table.to_owned())).or_default().insert(key.to_owned(), value.to_owned());
        self
    }
}

impl World for MemoryWorld {
    fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    fn cwd(&self) -> &Path {
        &self.cwd
    }

    fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    fn os(&self) -> Os {
        self.os
    }

    fn machine(&self) -> Option<Machine> {
        self.machine.clone()
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn read(&self, path: &Path) -> Arc<FileState> {
        if let Some(state) = self.files.get(path) {
            return Arc::clone(state);
        }
        if self.files.keys().any(|file| file != path && file.starts_with(path)) {
            return Arc::new(FileState::Unreadable(Trouble::Folder));
        }
        Arc::new(FileState::Missing)
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        let paths = self.files.keys().chain(self.tables.keys().map(|(db, _)| db));
        let mut names: Vec<String> = paths
            .filter_map(|path| path.strip_prefix(dir).ok()?.components().next())
            .map(|name| name.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.keys().chain(self.tables.keys().map(|(db, _)| db)).any(|p| p.starts_with(path))
    }

    fn is_folder(&self, path: &Path) -> bool {
        let mut paths = self.files.keys().chain(self.tables.keys().map(|(db, _)| db));
        paths.any(|file| file != path && file.starts_with(path))
    }

    fn table(&self, table: &Table) -> TableState {
        match self.tables.get(&(table.db.clone(), table.name.to_owned())) {
            Some(rows) => TableState::Rows(rows.clone()),
            None if self.tables.keys().any(|(db, _)| *db == table.db) => TableState::NoTable,
            None => TableState::Missing,
        }
    }

    fn keyring(&self, service: &str, user: &str) -> KeyringState {
        match self.keyring.get(&(service.to_owned(), user.to_owned())) {
            Some(secret) => KeyringState::Present(secret.clone()),
            None => self.keyring_otherwise.clone().unwrap_or(KeyringState::Missing),
        }
    }

    fn executable(&self, name: &str) -> Option<PathBuf> {
        self.executables.get(name).cloned()
    }

    fn processes(&self, needle: &str) -> Vec<Process> {
        let home = self.home.as_deref();
        self.processes
            .iter()
            .filter(|process| process.args.iter().any(|arg| arg.contains(needle)))
            .filter(|process| process.home().is_none_or(|own| Some(own) == home))
            .cloned()
            .collect()
    }
}
