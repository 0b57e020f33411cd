//! The world as the rest of keymend sees it: [`World`], read-only and never blocking. The real one is
//! [`host::RealWorld`](crate::host::RealWorld); [`MemoryWorld`] is made of plain data, and an [`Overlay`] shows planned
//! changes.
//!
//! Agents read through [`World`] and nothing else, so that a scenario of files and environment decides an answer
//! completely, and so that a planned change can be tried on an [`Overlay`] before any byte is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

mod memory;
mod overlay;

pub use memory::MemoryWorld;
pub use overlay::Overlay;

/// A read-only view of one machine, or of a test's picture of one. Every call returns within its deadline, follows
/// symbolic links, and changes nothing: no write, no side file, no prompt, no process, no network.
pub trait World {
    /// The person's home folder, or none if `HOME` is unset and the system knows none.
    fn home(&self) -> Option<&Path>;
    /// The working directory that an agent started now would have.
    fn cwd(&self) -> &Path;
    /// The process environment. Values that are not UTF-8 are absent and listed in [`World::env_troubles`].
    fn env(&self) -> &BTreeMap<String, String>;
    /// Variables that could not be read as text.
    fn env_troubles(&self) -> &[String] {
        &[]
    }
    /// The operating system that the agents run on: it decides where some of them keep their files.
    fn os(&self) -> Os;
    /// The names of this host and user, where the system tells them.
    fn machine(&self) -> Option<Machine> {
        None
    }
    /// Now, in milliseconds since 1970.
    fn now_ms(&self) -> i64;
    /// The content and metadata of a file. Answers are cached for the life of the view.
    fn read(&self, path: &Path) -> Arc<FileState>;
    /// The names in a folder, sorted; empty where there is no such folder or it cannot be listed.
    fn list(&self, dir: &Path) -> Vec<String>;
    /// How many names [`World::list`] gives of a folder that has more, or none if it gives all.
    fn cut_to(&self, _dir: &Path) -> Option<usize> {
        None
    }
    /// Whether a path exists, without reading it.
    fn exists(&self, path: &Path) -> bool;
    /// Whether a path is a folder. A folder that is wanted is no trouble: ask here, not with [`World::read`].
    fn is_folder(&self, path: &Path) -> bool;
    /// The live rows of one table of a SQLite database, read without leaving a side file.
    fn table(&self, table: &Table) -> TableState;
    /// One entry of the OS keyring, read only where that needs no prompt.
    fn keyring(&self, service: &str, user: &str) -> KeyringState;
    /// The file that `name` starts from `PATH`, links resolved.
    fn executable(&self, name: &str) -> Option<PathBuf>;
    /// Processes whose command line contains `needle` and which belong to this home: the same user, the same file
    /// system, the same home folder. What runs for another home or in a container reads other files, and decides nothing
    /// here.
    fn processes(&self, needle: &str) -> Vec<Process>;

    /// A variable of the environment.
    fn var(&self, name: &str) -> Option<&str> {
        self.env().get(name).map(String::as_str)
    }
    /// A variable of the environment that is set and not empty.
    fn var_nonempty(&self, name: &str) -> Option<&str> {
        self.var(name).filter(|value| !value.is_empty())
    }
    /// The text of a file, if it is there and is UTF-8.
    fn text(&self, path: &Path) -> Option<Arc<FileState>> {
        let state = self.read(path);
        state.text().is_some().then_some(state)
    }
}

/// An operating system, as far as an agent's rules tell it apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Os {
    /// Linux, and every other Unix that keeps to XDG's folders.
    #[default]
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl Os {
    /// The one that this program was built for.
    pub const HERE: Self = if cfg!(target_os = "macos") {
        Self::Macos
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

/// The names by which an agent may bind what it keeps to one machine and user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The host's name, as the kernel gives it.
    pub host: String,
    /// The name of the user that this process runs as, as the system's user list gives it.
    pub user: String,
}

/// What is at a path.
#[derive(Debug)]
pub enum FileState {
    /// Nothing.
    Missing,
    /// A regular file, read whole.
    Regular(FileContent),
    /// Something that could not be read.
    Unreadable(Trouble),
}

impl FileState {
    /// The content as text (UTF-8, a byte order mark kept), if it is a regular file of text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Regular(content) => std::str::from_utf8(&content.bytes).ok(),
            _ => None,
        }
    }

    /// The raw bytes of a regular file.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Regular(content) => Some(&content.bytes),
            _ => None,
        }
    }

    /// Why the content cannot be used as text, or none if it can or where there is no file.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Unreadable(trouble) => Some(trouble.clone()),
            Self::Regular(_) if self.text().is_none() => Some(Trouble::NotText),
            _ => None,
        }
    }

    /// Mode, owner and times of a regular file.
    #[must_use]
    pub fn meta(&self) -> Option<&FileMeta> {
        match self {
            Self::Regular(content) => Some(&content.meta),
            _ => None,
        }
    }
}

/// A regular file's bytes and metadata.
#[derive(Debug)]
pub struct FileContent {
    /// The bytes, wiped on drop.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What the file system says about the file.
    pub meta: FileMeta,
}

/// What the file system says about a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMeta {
    /// Permission bits (`0o600`).
    pub mode: u32,
    /// The owner's user id.
    pub uid: u32,
    /// Last change of the content, Unix milliseconds.
    pub mtime_ms: i64,
    /// Last change of content or metadata, Unix milliseconds.
    pub ctime_ms: i64,
    /// The path with every link resolved.
    pub real: PathBuf,
    /// How many names the file has.
    pub links: u64,
}

/// Why a file, folder or database could not be read. Each is one line on screen at the place it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// There is a folder where a file is expected.
    #[error("is a folder, not a file")]
    Folder,
    /// A FIFO, socket or device.
    #[error("is a {0}, not a regular file")]
    Special(&'static str),
    /// Permission denied.
    #[error("permission denied")]
    Denied,
    /// Larger than keymend reads.
    #[error("is too large to read ({bytes} bytes, limit {limit})")]
    TooLarge {
        /// The file's size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A folder with more names than keymend looks at.
    #[error("has more than {0} entries, and the others are not looked at")]
    TooMany(usize),
    /// A loop of symbolic links.
    #[error("is a loop of symbolic links")]
    LinkLoop,
    /// The file system did not answer in time.
    #[error("did not answer within {0} ms")]
    TimedOut(u64),
    /// The bytes are not UTF-8 text.
    #[error("is not text (not UTF-8)")]
    NotText,
    /// The content does not parse; place and cause without any value.
    #[error("cannot be parsed: {0}")]
    Syntax(String),
    /// It is read, and a key is in a field of it that wants something else.
    #[error("{0}")]
    KeyInName(String),
    /// Anything else the system said.
    #[error("{0}")]
    Io(String),
}

impl Trouble {
    /// The way out, in plain words.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Folder => "move the folder away, or point the agent to the right file",
            Self::Special(_) => "it is managed by another program; keymend does not open it",
            Self::Denied => "check its owner and mode, or run keymend as the user who owns it",
            Self::TooLarge { .. } => "this is not a credential file; check the path",
            Self::TooMany(_) => "take away what is no longer used; nothing is known of the others",
            Self::LinkLoop => "repair the symbolic links",
            Self::TimedOut(_) => "the mount may be gone; unmount it or wait, then scan again",
            Self::NotText => "save the file again as UTF-8 text",
            Self::Syntax(_) => {
                "mend the syntax at the place named; keymend does not touch a file it cannot parse"
            }
            Self::KeyInName(_) => {
                "put there what the field wants, and the key where the agent reads keys; it was shown to whatever reads this field"
            }
            Self::Io(_) => "see the system's message",
        }
    }
}

/// One table of a SQLite database, by the columns that keymend reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// The database file.
    pub db: PathBuf,
    /// The table's name.
    pub name: &'static str,
    /// The column that names a row.
    pub key_column: &'static str,
    /// The column that holds the text.
    pub value_column: &'static str,
    /// A column that must be NULL for the row to be live (`deleted_at_ms`).
    pub live_when_null: Option<&'static str>,
}

/// What a table held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableState {
    /// No database file.
    Missing,
    /// The database exists and lacks the table.
    NoTable,
    /// Row name to text.
    Rows(BTreeMap<String, String>),
    /// The database could not be read.
    Unreadable(Trouble),
}

impl TableState {
    /// The text of one row.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        match self {
            Self::Rows(rows) => rows.get(key).map(String::as_str),
            _ => None,
        }
    }
}

/// What the OS keyring says about one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringState {
    /// The entry's text.
    Present(crate::secret::Secret),
    /// No such entry.
    Missing,
    /// The entry may be there; the keyring is locked and reading it would ask the person.
    Locked,
    /// No keyring answers here (no session bus, no service); the reason.
    Absent(String),
    /// The keyring did not answer in time.
    TimedOut,
}

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line.
    pub args: Vec<String>,
    /// When it started, Unix milliseconds.
    pub started_ms: i64,
    /// Its environment at start; none if it cannot be read.
    pub env: Option<BTreeMap<String, String>>,
    /// The systemd unit it belongs to, if one can be told.
    pub unit: Option<String>,
    /// Its working directory; none if it cannot be read.
    pub cwd: Option<PathBuf>,
}

impl Process {
    /// A path of its command line or environment, from where the process itself is. None for a relative path where that is
    /// unknown.
    #[must_use]
    pub fn path(&self, text: &str) -> Option<PathBuf> {
        let path = Path::new(text);
        if path.is_absolute() { Some(path.to_owned()) } else { Some(self.cwd.as_ref()?.join(path)) }
    }

    /// The home folder that its environment names.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.env.as_ref()?.get("HOME").filter(|home| !home.is_empty()).map(Path::new)
    }
}
