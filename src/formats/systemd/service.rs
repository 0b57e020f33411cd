//! One service: what it runs, the environment that its own files give it, and whether systemd starts it again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::unit::{Directive, directives, words};
use super::{Scope, Setting, files_of, matching, specifiers};
use crate::finding::Lint;
use crate::formats::assignment::Parsed;
use crate::formats::dotenv;
use crate::secret::Secret;
use crate::source::Dialect;
use crate::world::World;

/// A service of one of the two managers.
#[derive(Debug)]
pub struct Service {
    /// The unit's name: `openclaw-gateway.service`.
    pub name: String,
    /// Which manager runs it.
    pub scope: Scope,
    /// The unit's file; of a unit that is made of drop-ins alone, the first of them.
    pub file: Option<PathBuf>,
    /// The words of its `ExecStart=`.
    pub command: Vec<String>,
    /// The folder it runs in, where that is set.
    pub cwd: Option<PathBuf>,
    /// The user it runs as, where that is set.
    pub user: Option<String>,
    /// Whether systemd starts it again after a failure.
    pub restarts: bool,
    /// `Environment=`, in order.
    direct: Vec<Assigned>,
    /// `EnvironmentFile=`, in order.
    files: Vec<EnvFile>,
    /// `UnsetEnvironment=`.
    unset: Vec<String>,
}

/// A variable that a service gets from its own files, and where it is set.
#[derive(Clone, Debug)]
pub struct Given {
    /// The value.
    pub value: Secret,
    /// The file.
    pub file: PathBuf,
    /// The one-based line.
    pub line: usize,
}

/// One assignment.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) name: String,
    pub(super) value: Secret,
    file: PathBuf,
    line: usize,
}

/// A file of assignments, the last of each name.
#[derive(Debug)]
pub(super) struct EnvFile {
    dialect: Dialect,
    pub(super) lines: Vec<Assigned>,
    /// Names on lines that begin with `export`: systemd ignores those lines and writes them to the journal.
    logged: Vec<String>,
}

impl EnvFile {
    pub(super) fn new(file: &Path, dialect: Dialect, parsed: &Parsed, logged: Vec<String>) -> Self {
        let mut last: BTreeMap<&str, Assigned> = BTreeMap::new();
        for found in &parsed.assignments {
            let value = Secret::new(found.value.clone());
            let line = Assigned { name: found.name.clone(), value, file: file.to_owned(), line: found.line };
            last.insert(&found.name, line);
        }
        Self { dialect, lines: last.into_values().collect(), logged }
    }

    /// An `EnvironmentFile=`.
    fn read(world: &dyn World, file: &Path) -> Option<Self> {
        let state = world.read(file);
        let bytes = state.bytes()?;
        let parsed = dotenv::parse(Dialect::SystemdEnvFile, bytes, &BTreeMap::new());
        let logged = exported(bytes);
        Some(Self::new(file, Dialect::SystemdEnvFile, &parsed, logged))
    }

    /// What it sets a variable to.
    pub(super) fn setting(&self, name: &str, unit: Option<&str>, scope: Scope) -> Option<Setting> {
        let found = self.lines.iter().find(|line| line.name == name)?;
        let mut lints = vec![];
        if self.logged.iter().any(|logged| logged == name) {
            lints.push(Lint::fault(
                "key-in-journal",
                "A line of this file begins with export. systemd ignores it and writes it, key included, to the journal: create \
                 a new key.",
            ));
        }
        Some(Setting { lints, dialect: Some(self.dialect), ..found.setting(unit, scope) })
    }
}

impl Assigned {
    fn setting(&self, unit: Option<&str>, scope: Scope) -> Setting {
        Setting {
            unit: unit.map(ToOwned::to_owned),
            scope,
            file: self.file.clone(),
            line: self.line,
            dialect: None,
            value: self.value.clone(),
            wins: false,
            lints: vec![],
        }
    }

    fn given(&self) -> Given {
        Given { value: self.value.clone(), file: self.file.clone(), line: self.line }
    }
}

/// The names of `export NAME=…` in an `EnvironmentFile=`.
fn exported(bytes: &[u8]) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.trim_start().strip_prefix("export")?.strip_prefix([' ', '\t'])?;
        Some(rest.split_once('=')?.0.trim().to_owned())
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.lines().filter_map(name).collect()
}

impl Service {
    /// Reads the unit and its drop-ins.
    pub(super) fn read(world: &dyn World, dirs: &[PathBuf], scope: Scope, name: String) -> Self {
        let files = files_of(world, dirs, &name);
        let mut service = Self {
            name,
            scope,
            file: files.first().cloned(),
            command: vec![],
            cwd: None,
            user: None,
            restarts: false,
            direct: vec![],
            files: vec![],
            unset: vec![],
        };
        let mut env_files: Vec<PathBuf> = vec![];
        for file in files {
            let state = world.read(&file);
            for directive in directives(state.text().unwrap_or_default()) {
                service.take(world, &file, &directive, &mut env_files);
            }
        }
        let matching = env_files.iter().flat_map(|path| matching(world, path));
        service.files = matching.filter_map(|file| EnvFile::read(world, &file)).collect();
        service
    }

    fn take(&mut self, world: &dyn World, file: &Path, directive: &Directive, env_files: &mut Vec<PathBuf>) {
        let (scope, unit) = (self.scope, self.name.clone());
        let expand = |text: &str| specifiers(world, scope, &unit, text);
        match (directive.key.as_str(), directive.value.as_str()) {
            ("Environment", "") => self.direct.clear(),
            ("EnvironmentFile", "") => env_files.clear(),
            ("UnsetEnvironment", "") => self.unset.clear(),
            ("ExecStart", "") => self.command.clear(),
            ("Environment", value) => {
                let assignments = words(value).unwrap_or_default();
                let pairs = assignments.iter().filter_map(|word| word.split_once('='));
                self.direct.extend(pairs.map(|(name, value)| Assigned {
                    name: name.to_owned(),
                    value: Secret::new(expand(value)),
                    file: file.to_owned(),
                    line: directive.line,
                }));
            }
            ("EnvironmentFile", value) => {
                let path = value.strip_prefix('-').unwrap_or(value).trim();
                env_files.push(PathBuf::from(expand(path)));
            }
            ("UnsetEnvironment", value) => self.unset.extend(words(value).unwrap_or_default()),
            // The signs before the program change how it is run, not what.
            ("ExecStart", value) => {
                let value = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
                self.command.extend(words(value).unwrap_or_default().iter().map(|word| expand(word)));
            }
            ("WorkingDirectory", value) => {
                let path = value.trim_start_matches('-');
                let home = || world.home().filter(|_| scope == Scope::User).map(Path::to_path_buf);
                self.cwd = if path == "~" { home() } else { Some(PathBuf::from(expand(path))) };
            }
            ("User", value) => self.user = Some(value.to_owned()),
            ("Restart", value) => self.restarts = !matches!(value, "" | "no"),
            _ => {}
        }
    }

    /// All places that set a variable, the one that decides marked.
    pub(super) fn settings(&self, name: &str) -> Vec<Setting> {
        let unit = Some(self.name.as_str());
        let direct = self.direct.iter().filter(|line| line.name == name);
        let direct = direct.map(|line| Setting {
            lints: vec![visible_to_all(self.scope)],
            ..line.setting(unit, self.scope)
        });
        let of_files = self.files.iter().filter_map(|file| file.setting(name, unit, self.scope));
        let mut all: Vec<Setting> = direct.chain(of_files).collect();
        if let Some(last) = all.last_mut() {
            last.wins = !self.unset.iter().any(|unset| unset == name);
        }
        all
    }

    /// The variables that its own files give it.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, Given> {
        let of_files = self.files.iter().flat_map(|file| &file.lines);
        let mut all: BTreeMap<String, Given> =
            self.direct.iter().chain(of_files).map(|line| (line.name.clone(), line.given())).collect();
        all.retain(|name, _| !self.unset.contains(name));
        all
    }
}

fn visible_to_all(scope: Scope) -> Lint {
    let who = match scope {
        Scope::User => "systemctl --user show prints it",
        Scope::System => "systemctl show prints it to every user of this machine",
    };
    Lint::warn(
        "key-in-unit",
        format!("A value in Environment= is no secret: {who}. An EnvironmentFile= with mode 600 is."),
    )
}
