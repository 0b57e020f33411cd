//! Where a credential can be: [`Source`] (the kind, as the person knows it), [`Place`] (the exact spot, as the
//! editor needs it) and [`Value`] (what was there).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The kind of place, in the words of the screens and of `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The environment that keymend itself runs in: what an agent started from this shell would inherit.
    Env,
    /// A `.env` file.
    Dotenv,
    /// A field in an agent's configuration file.
    Config,
    /// A named profile in an agent's credential store (OpenClaw).
    AuthProfile,
    /// An entry of a credential pool (Hermes).
    Pool,
    /// A key or login kept in an agent's own credential file (`auth.json`, `keys.json`, `secrets.yaml`).
    AuthFile,
    /// The file of an OAuth login.
    Oauth,
    /// A secret kept in an agent's own secret store and referred to by name.
    SecretStore,
    /// A file whose whole content is the secret.
    SecretFile,
    /// A shell start-up file.
    Shell,
    /// A systemd unit, drop-in, `EnvironmentFile` or `environment.d` file.
    Systemd,
    /// A launchd property list.
    Launchd,
    /// A compose file.
    Compose,
    /// The start environment of a running process.
    Process,
    /// An entry of the OS keyring.
    Keyring,
    /// A program that prints the key when the agent asks it. Never run on a scan.
    Helper,
    /// A literal in the agent itself, such as `no-key-required`.
    BuiltIn,
}

impl Source {
    /// The stable identifier in `--json` and on screen.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::Dotenv => "dotenv",
            Self::Config => "config",
            Self::AuthProfile => "auth-profile",
            Self::Pool => "pool",
            Self::AuthFile => "auth-file",
            Self::Oauth => "oauth",
            Self::SecretStore => "secret-store",
            Self::SecretFile => "secret-file",
            Self::Shell => "shell",
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Compose => "compose",
            Self::Process => "process",
            Self::Keyring => "keyring",
            Self::Helper => "helper",
            Self::BuiltIn => "built-in",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// The syntax of a structured file, as far as the editor has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Strict JSON.
    Json,
    /// JSON with comments, trailing commas, single quotes and bare names.
    Json5,
    /// YAML 1.2 as the agents' loaders read it.
    Yaml,
    /// TOML 1.0.
    Toml,
}

impl Format {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Json5, Self::Yaml, Self::Toml];
}

/// The syntax of a file of `NAME=value` lines. Each agent's loader reads as one of these real parsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// python-dotenv from 1.2.3 on.
    PythonDotenv,
    /// python-dotenv up to 1.2.2: a byte order mark is a part of the first name.
    PythonDotenvMarked,
    /// npm `dotenv` 16 and later.
    NodeDotenv,
    /// Node's own `--env-file`.
    NodeEnvFile,
    /// Bun.
    Bun,
    /// The Rust crate `dotenvy`.
    Dotenvy,
    /// `docker --env-file`.
    DockerCli,
    /// compose-go (`docker compose` v2).
    ComposeGo,
    /// docker-compose 1.29.
    ComposeV1,
    /// direnv's `dotenv`.
    Direnv,
    /// systemd `EnvironmentFile=`.
    SystemdEnvFile,
    /// systemd `environment.d`.
    EnvironmentD,
    /// `pam_env`'s `/etc/environment`.
    PamEnv,
    /// bash, `set -a; . file`.
    Bash,
    /// dash.
    Sh,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// Hermes Agent's own second parser.
    Hermes,
}

impl Dialect {
    /// Each of them.
    pub const ALL: [Self; 18] = [
        Self::PythonDotenv,
        Self::PythonDotenvMarked,
        Self::NodeDotenv,
        Self::NodeEnvFile,
        Self::Bun,
        Self::Dotenvy,
        Self::DockerCli,
        Self::ComposeGo,
        Self::ComposeV1,
        Self::Direnv,
        Self::SystemdEnvFile,
        Self::EnvironmentD,
        Self::PamEnv,
        Self::Bash,
        Self::Sh,
        Self::Zsh,
        Self::Fish,
        Self::Hermes,
    ];
}

/// The steps from a document's root to one value. Written as a JSON pointer (`/profiles/anthropic:default/key`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(pub Vec<String>);

impl Pointer {
    /// A pointer of these steps; array items are their index in decimal.
    pub fn new<S: Into<String>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }

    /// This pointer and one more step.
    #[must_use]
    pub fn join(&self, step: impl Into<String>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }
}

impl fmt::Display for Pointer {
    /// RFC 6901: `~` and `/` inside a step are `~0` and `~1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// One cell of an agent's SQLite store: the row of `table` whose `key_column` is `key`, its `value_column`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The database file.
    pub db: PathBuf,
    /// The table's name.
    pub table: &'static str,
    /// The column that names the row.
    pub key_column: &'static str,
    /// The row's name.
    pub key: String,
    /// The column that holds the text.
    pub value_column: &'static str,
    /// A column that takes the Unix time in milliseconds at each write.
    pub stamp_column: Option<&'static str>,
}

/// One text in the encrypted store of Gemini CLI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedEntry {
    /// The service that it is kept for: `gemini-cli-api-key`.
    pub service: String,
    /// The account: `default-api-key`.
    pub account: String,
}

/// The exact spot of a value, precise enough to show it and to edit it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A variable of the process environment.
    Env {
        /// The variable.
        name: String,
    },
    /// An assignment in a file of lines; `line` is one-based and none if the assignment does not exist yet.
    Line {
        /// The file.
        file: PathBuf,
        /// The one-based line.
        line: Option<usize>,
        /// The variable.
        name: String,
        /// How the file is read.
        dialect: Dialect,
    },
    /// A field of a structured file.
    Field {
        /// The file.
        file: PathBuf,
        /// How the file is read.
        format: Format,
        /// The field.
        pointer: Pointer,
    },
    /// A JSON field in a cell of a SQLite database; an empty pointer is the whole cell as plain text.
    Cell {
        /// The cell.
        cell: Cell,
        /// The field inside of it.
        pointer: Pointer,
    },
    /// A file whose whole content is the value.
    File {
        /// The file.
        file: PathBuf,
    },
    /// An entry of the OS keyring.
    Keyring {
        /// The entry's service.
        service: String,
        /// The entry's user name.
        user: String,
    },
    /// A JSON field in an entry of the OS keyring.
    KeyringField {
        /// The entry's service.
        service: String,
        /// The entry's user name.
        user: String,
        /// The field.
        pointer: Pointer,
    },
    /// A JSON field of a text in a store that its agent keeps encrypted, and that keymend opens as the agent does.
    SealedField {
        /// The store.
        file: PathBuf,
        /// The text in it.
        entry: SealedEntry,
        /// The field.
        pointer: Pointer,
    },
    /// A command that the agent runs to get the key.
    Command {
        /// Where the command is configured, in words a person can find it by.
        from: String,
        /// The command line.
        command: String,
    },
    /// A fixed literal of the agent.
    BuiltIn {
        /// What it is.
        what: String,
    },
    /// A place that keymend can name and not read (VS Code's sealed store).
    Sealed {
        /// What it is.
        what: String,
    },
}

impl Place {
    /// The file that holds the value, if one does.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Line { file, .. }
            | Self::Field { file, .. }
            | Self::File { file }
            | Self::SealedField { file, .. } => Some(file),
            Self::Cell { cell, .. } => Some(&cell.db),
            _ => None,
        }
    }

    /// Whether both are the same spot; a line without its number is the one that decides.
    #[must_use]
    pub fn same_spot(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Line { file, name, line, .. }, Self::Line { file: of, name: wanted, line: at, .. }) => {
                file == of && name == wanted && (line == at || line.is_none() || at.is_none())
            }
            _ => self == other,
        }
    }

    /// The place in one line, with `home` shortened to `~`.
    #[must_use]
    pub fn show(&self, home: Option<&Path>) -> String {
        match self {
            Self::Env { name } => name.clone(),
            Self::Line { file, line: Some(line), .. } => format!("{}:{line}", tilde(file, home)),
            Self::Line { file, line: None, .. } | Self::File { file } => tilde(file, home),
            Self::Field { file, pointer, .. } => format!("{}#{pointer}", tilde(file, home)),
            Self::Cell { cell, pointer } => {
                format!("{}#{}/{}{pointer}", tilde(&cell.db, home), cell.table, cell.key)
            }
            Self::Keyring { service, user } => format!("keyring {service} / {user}"),
            Self::KeyringField { service, user, pointer } => {
                format!("keyring {service} / {user}#{pointer}")
            }
            Self::SealedField { file, entry, pointer } => {
                format!("{}#/{}/{}{pointer}", tilde(file, home), entry.service, entry.account)
            }
            Self::Command { from, .. } => from.clone(),
            Self::BuiltIn { what } | Self::Sealed { what } => what.clone(),
        }
    }
}

/// Whether a text opens more brackets than any configuration does: the parsers of some formats call themselves for each
/// of them, and run out of stack.
#[must_use]
pub fn is_nested_deep(text: &str) -> bool {
    const DEEP: usize = 200;
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEP
    })
}

/// `path` with the home folder shortened to `~`.
#[must_use]
pub fn tilde(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// What is at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing is set.
    Unset,
    /// A text, possibly empty.
    Present(Secret),
    /// A reference to a value elsewhere that is not resolved here (`op://…`, an exec SecretRef, a helper command).
    /// The text is shown, so it must not be a key.
    Reference(String),
    /// Something is stored that only its owner can open.
    Sealed,
    /// The place exists and could not be read; the reason in words.
    Unreadable(String),
}

impl Value {
    /// The secret, if a text is present.
    #[must_use]
    pub const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Present(secret) => Some(secret),
            _ => None,
        }
    }

    /// `Present` for a text, `Unset` for none.
    #[must_use]
    pub fn of(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Unset, |text| Self::Present(Secret::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_the_way_a_person_finds_it() {
        let home = Path::new("/home/ann");
        let place = Place::Line {
            file: "/home/ann/.hermes/.env".into(),
            line: Some(3),
            name: "K".into(),
            dialect: Dialect::PythonDotenv,
        };
        assert_eq!(place.show(Some(home)), "~/.hermes/.env:3");
        let place = Place::Field {
            file: "/etc/x.json".into(),
            format: Format::Json,
            pointer: Pointer::new(["a/b", "c~d"]),
        };
        assert_eq!(place.show(Some(home)), "/etc/x.json#/a~1b/c~0d");
    }
}
