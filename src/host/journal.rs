//! What was written, for undo: one folder an action in the state folder, made and synced before the first byte of a
//! target changes. Plain files that outlive the tool: `manifest.json` says what and where (paths, hashes, masked keys;
//! no key), the backups beside it hold the old contents (0600), and `README.txt` says how to go back by hand.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::files::{self, WriteError};
use super::owner;
use crate::edit::Touched;
use crate::plan::{AgentLock, Content, Hash, Target};
use crate::secret::Secret;
use crate::world::{Trouble, World};

mod text;

/// How long actions and their backups are kept: backups hold old keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// An action older than this many days is forgotten.
    pub days: u32,
    /// Of more actions than this, the oldest are forgotten.
    pub actions: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 30, actions: 20 }
    }
}

/// How far an action has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// About to be written, or killed in the middle.
    Planned,
    /// Written.
    Written,
    /// Put back: after a failure, or after a kill.
    RolledBack,
    /// Killed in the middle, and somebody wrote there before it could be put back.
    Stuck,
    /// Undone by a later action.
    Undone,
}

impl State {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Planned => "interrupted",
            Self::Written => "written",
            Self::RolledBack => "put back",
            Self::Stuck => "half done",
            Self::Undone => "undone",
        }
    }
}

/// One action: what the history shows. It was begun by this process, or read from the journal and checked (see
/// [`Journal::read`]); there is no other way to one, so that a text that somebody planted is never acted upon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The layout of this file.
    pub schema: u32,
    /// The folder's name, newest last in sorted order.
    pub id: String,
    /// How far it has come.
    pub state: State,
    /// What was done, in a few words.
    pub title: String,
    /// The action that this one undoes.
    pub undoes: Option<String>,
    /// The old key, masked.
    pub old: Option<String>,
    /// The new key, masked.
    pub new: Option<String>,
    /// The new key's fingerprint, salted with the id: to know it again when another program took it away since.
    pub new_print: Option<String>,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// What was changed.
    pub items: Vec<Item>,
}

/// One target of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where.
    pub place: ItemPlace,
    /// SHA-256 of the old content, or none if there was nothing.
    pub before: Option<String>,
    /// SHA-256 of the new content, or none if it was taken away.
    pub after: Option<String>,
    /// The file beside the manifest that holds the old content.
    pub backup: Option<String>,
    /// The file is (or was about to be) written in place, which a kill could leave half done.
    pub in_place: bool,
    /// The permission bits before and after, where others could read the file.
    pub tightened: Option<(u32, u32)>,
    /// The folders that had to be made for the file, outermost first.
    pub made: Vec<PathBuf>,
    /// Which values changed, or none if they cannot be told apart.
    pub touched: Option<Touched>,
    /// A fingerprint of what was put at each of [`Touched::spots`], salted with `after`.
    pub prints: Vec<String>,
}

impl Item {
    /// The permission bits of its file.
    pub(super) fn mode_now(&self) -> Option<u32> {
        match &self.place {
            ItemPlace::File { real, .. } => files::mode_of(real),
            _ => None,
        }
    }

    /// Gives a file the mode again that it had before an action which did not come about.
    pub(super) fn mode_back(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        if let (ItemPlace::File { real, .. }, Some((was, to))) = (&self.place, self.tightened)
            && files::mode_of(real) == Some(to)
        {
            let _ = fs::set_permissions(real, fs::Permissions::from_mode(was));
        }
    }

    /// Takes the folders away again that were made for a file which is gone, as far as they are empty.
    pub(super) fn unmake_folders(&self) {
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The place of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ItemPlace {
    /// A file.
    File {
        /// As its agent names it.
        path: PathBuf,
        /// Behind every link.
        real: PathBuf,
        /// The lock that its agent takes.
        lock: Option<AgentLock>,
    },
    /// A cell of a database.
    Cell {
        /// The database.
        db: PathBuf,
        /// The table.
        table: String,
        /// The column that names the row.
        key_column: String,
        /// The row.
        key: String,
        /// The column that holds the text.
        value_column: String,
        /// The column that takes the time.
        stamp_column: Option<String>,
    },
    /// An entry of the OS keyring.
    Keyring {
        /// The entry's service.
        service: String,
        /// The entry's user name.
        user: String,
    },
}

impl ItemPlace {
    /// The journal's form of a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        match target {
            Target::File { path, real, lock, .. } => {
                Self::File { path: path.clone(), real: real.clone(), lock: lock.clone() }
            }
            Target::Cell(cell) => Self::Cell {
                db: cell.db.clone(),
                table: cell.table.to_owned(),
                key_column: cell.key_column.to_owned(),
                key: cell.key.clone(),
                value_column: cell.value_column.to_owned(),
                stamp_column: cell.stamp_column.map(ToOwned::to_owned),
            },
            Target::Keyring { service, user } => {
                Self::Keyring { service: service.clone(), user: user.clone() }
            }
        }
    }

    /// The target again. Names of tables and columns are kept for the life of the process; there are few.
    #[must_use]
    pub fn target(&self) -> Target {
        let keep = |name: &String| -> &'static str { name.clone().leak() };
        match self {
            Self::File { path, real, lock } => {
                Target::File { path: path.clone(), real: real.clone(), mode: None, lock: lock.clone() }
            }
            Self::Cell { db, table, key_column, key, value_column, stamp_column } => {
                Target::Cell(crate::source::Cell {
                    db: db.clone(),
                    table: keep(table),
                    key_column: keep(key_column),
                    key: key.clone(),
                    value_column: keep(value_column),
                    stamp_column: stamp_column.as_ref().map(keep),
                })
            }
            Self::Keyring { service, user } => {
                Target::Keyring { service: service.clone(), user: user.clone() }
            }
        }
    }

    /// The place in one line, with `home` shortened to `~`.
    #[must_use]
    pub fn show(&self, home: Option<&Path>) -> String {
        self.target().show(home)
    }
}

/// The journal is not usable.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file of the journal.
    #[error("the journal: {0}")]
    File(#[from] WriteError),
    /// A folder of the journal.
    #[error("the journal's folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A folder or file of the journal belongs to somebody else.
    #[error("{path} belongs to {who}, so keymend does not use it", path = path.display())]
    Foreign {
        /// The folder or file.
        path: PathBuf,
        /// Its owner.
        who: String,
    },
    /// There is no such action.
    #[error("there is no action {0} in the history")]
    Unknown(String),
    /// The action's files are gone or damaged.
    #[error("the journal of {id} cannot be used: {why}")]
    Damaged {
        /// The action.
        id: String,
        /// What is wrong.
        why: String,
    },
}

impl JournalError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::File(_) | Self::Folder { .. } => {
                "nothing was written: without a backup keymend changes nothing. Free the disk or mend the folder's mode"
            }
            Self::Foreign { .. } => {
                "an earlier keymend ran there with sudo, or somebody else made it: give it back with `sudo chown -R USER \
                 FOLDER`, or take it away"
            }
            Self::Unknown(_) => "`keymend history` lists the actions",
            Self::Damaged { .. } => "look into the folder: its README.txt says how to go back by hand",
        }
    }
}

/// How many actions one run forgets because of their age or number.
const MAX_EXPIRED: usize = 200;

/// The journal's folder.
#[derive(Clone, Debug)]
pub struct Journal {
    root: PathBuf,
}

impl Journal {
    /// The journal of this person: `$XDG_STATE_HOME/keymend`, else `~/.local/state/keymend`.
    #[must_use]
    pub fn of(world: &dyn World) -> Self {
        let named = world.var_nonempty("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = world.home().unwrap_or(Path::new("/"));
        Self::at(named.unwrap_or_else(|| home.join(".local/state")).join("keymend"))
    }

    /// The journal in this folder.
    #[must_use]
    pub const fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one action.
    #[must_use]
    pub fn folder(&self, id: &str) -> PathBuf {
        self.actions().join(id)
    }

    fn actions(&self) -> PathBuf {
        self.root.join("actions")
    }

    /// Makes the folders, 0700; those that are there must be ours and are closed to others.
    pub fn make(&self) -> Result<(), JournalError> {
        self.is_usable()?;
        make_private(&self.actions(), true)?;
        for folder in [self.root.clone(), self.actions()] {
            files::close(&folder).map_err(|source| JournalError::Folder { path: folder, source })?;
        }
        Ok(())
    }

    /// The folders of the journal are ours; also true of one that is not there yet.
    fn is_usable(&self) -> Result<(), JournalError> {
        is_ours(&self.root)?;
        is_ours(&self.actions())
    }

    /// Begins an action: a folder, the backups, the manifest in state `Planned`; all of it synced. `contents` are the
    /// old contents of the manifest's items, `new` is the key that comes.
    pub fn begin(
        &self,
        mut manifest: Manifest,
        contents: &[Option<Content>],
        new: Option<&Secret>,
    ) -> Result<Manifest, JournalError> {
        self.make()?;
        manifest.id = self.new_folder(manifest.at_ms)?;
        // A name in it may be a key by mistake; the history is kept for months.
        manifest.title = crate::printer::printable(&manifest.title);
        manifest.new_print = new.map(|new| new.fingerprint(&manifest.id).to_string());
        let folder = self.folder(&manifest.id);
        let filled = self.fill(&folder, &mut manifest, contents);
        if filled.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        filled.map(|()| manifest)
    }

    fn fill(
        &self,
        folder: &Path,
        manifest: &mut Manifest,
        contents: &[Option<Content>],
    ) -> Result<(), JournalError> {
        for (at, (item, content)) in manifest.items.iter_mut().zip(contents).enumerate() {
            if let Some(content) = content {
                let name = text::backup_name(at);
                files::write_private(&folder.join(&name), &content.0)?;
                item.backup = Some(name);
            }
        }
        files::write_private(&folder.join("README.txt"), readme(manifest).as_bytes())?;
        self.save(manifest)?;
        files::sync_folder(folder).map_err(|source| JournalError::Folder { path: folder.to_owned(), source })
    }

    /// A new folder whose name sorts behind all others of the same second.
    fn new_folder(&self, at_ms: i64) -> Result<String, JournalError> {
        let time = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let stem = time.strftime("%Y%m%d-%H%M%S").to_string();
        for n in 1..1000 {
            let id = format!("{stem}-{n:03}");
            match make_private(&self.folder(&id), false) {
                Err(JournalError::Folder { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(id),
            }
        }
        Err(JournalError::Damaged { id: stem, why: "too many actions in one second".to_owned() })
    }

    /// Writes the manifest, synced.
    pub fn save(&self, manifest: &Manifest) -> Result<(), JournalError> {
        let text = serde_json::to_string_pretty(manifest)
            .map_err(|error| JournalError::Damaged { id: manifest.id.clone(), why: error.to_string() })?;
        Ok(files::write_private(&self.folder(&manifest.id).join("manifest.json"), text.as_bytes())?)
    }

    /// Notes how far an action has come.
    pub fn mark(&self, manifest: &mut Manifest, state: State) -> Result<(), JournalError> {
        manifest.state = state;
        self.save(manifest)
    }

    /// All actions, newest first, and those that cannot be used.
    #[must_use]
    pub fn history(&self) -> (Vec<Manifest>, Vec<Unusable>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for id in self.ids() {
            match self.read(&id) {
                Ok(manifest) => good.push(manifest),
                Err(JournalError::Damaged { why, .. }) => bad.push(Unusable { id, why }),
                Err(error) => bad.push(Unusable { id, why: error.to_string() }),
            }
        }
        good.reverse();
        (good, bad)
    }

    fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.actions()).into_iter().flatten().flatten();
        let mut ids: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        ids.retain(|id| is_id(id));
        ids.sort();
        ids
    }

    /// One action, checked: in folders and files that are ours and closed to others, and every word of it something that
    /// keymend could have written.
    pub fn read(&self, id: &str) -> Result<Manifest, JournalError> {
        let folder = self.folder(id);
        if !is_id(id) || fs::symlink_metadata(&folder).is_err() {
            return Err(JournalError::Unknown(id.to_owned()));
        }
        let damaged = |why: String| JournalError::Damaged { id: id.to_owned(), why };
        self.is_usable()?;
        is_ours(&folder)?;
        let private = files::is_private_folder(&folder);
        if !private {
            return Err(damaged("its folder is open to other users, or no folder".to_owned()));
        }
        let text = own_file(&folder.join("manifest.json"))?;
        let text = text.ok_or_else(|| damaged("it has no manifest.json".to_owned()))?;
        text::checked(&text.0, id, &self.root).map_err(damaged)
    }

    /// The old content of an item, compared with its hash.
    pub fn backup(&self, id: &str, item: &Item) -> Result<Option<Content>, JournalError> {
        let Some(name) = &item.backup else { return Ok(None) };
        let damaged = |why: &str| JournalError::Damaged { id: id.to_owned(), why: why.to_owned() };
        let content = own_file(&self.folder(id).join(name))?.ok_or_else(|| damaged("a backup is gone"))?;
        if Some(Hash::of(&content.0).to_string()) != item.before {
            return Err(damaged("a backup was changed"));
        }
        Ok(Some(content))
    }

    /// Forgets an action and its backups.
    pub fn forget(&self, id: &str) -> Result<(), JournalError> {
        if !is_id(id) {
            return Err(JournalError::Unknown(id.to_owned()));
        }
        self.is_usable()?;
        let path = self.folder(id);
        fs::remove_dir_all(&path).map_err(|source| JournalError::Folder { path, source })
    }

    /// Forgets what is older or more than `keep` says, the oldest first; unfinished actions stay. Returns how many went: no
    /// more than [`MAX_EXPIRED`], so that nobody waits for a history of years, and the next run goes on.
    pub fn expire(&self, now_ms: i64, keep: Keep) -> usize {
        let oldest = now_ms - i64::from(keep.days) * 24 * 60 * 60 * 1000;
        let mut ids = self.ids();
        let mut kept = Vec::new();
        // Newest first, until as many as may stay can be used.
        while kept.len() < keep.actions
            && let Some(id) = ids.pop()
        {
            kept.extend(self.read(&id).ok());
        }
        let aged = kept.into_iter().filter(|action| action.at_ms < oldest).rev();
        let more = ids.iter().filter_map(|id| self.read(id).ok());
        let finished = more.chain(aged).filter(|action| action.state != State::Planned);
        finished.take(MAX_EXPIRED).filter(|action| self.forget(&action.id).is_ok()).count()
    }

    /// Forgets every finished action, and those that cannot be used: no backup is left. Returns how many went.
    pub fn purge(&self) -> usize {
        let (all, bad) = self.history();
        let finished = all.iter().filter(|action| action.state != State::Planned);
        let ids = finished.map(|action| &action.id).chain(bad.iter().map(|unusable| &unusable.id));
        ids.filter(|id| self.forget(id).is_ok()).count()
    }

    /// Takes away what a kill left before the manifest was written: nothing had been touched then. Only the holder of
    /// keymend's own lock may call it.
    pub fn forget_unbegun(&self) {
        for id in self.ids() {
            if !self.folder(&id).join("manifest.json").exists() {
                let _ = self.forget(&id);
            }
        }
    }

    /// Why the journal's folder cannot be used, if it is there and cannot: the words and the way out.
    #[must_use]
    pub fn trouble(&self) -> Option<(String, &'static str)> {
        if let Err(error) = self.is_usable() {
            return Some((error.to_string(), error.hint()));
        }
        let trouble = match fs::read_dir(self.actions()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Trouble::Denied,
            Err(error) if error.kind() != io::ErrorKind::NotFound => Trouble::Io(error.to_string()),
            _ => return None,
        };
        Some((format!("{}: {trouble}", self.root.display()), trouble.hint()))
    }
}

/// An entry of the journal that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Its folder's name.
    pub id: String,
    /// Why.
    pub why: String,
}

/// What is there must be ours, and what it leads to, where it is a link.
fn is_ours(path: &Path) -> Result<(), JournalError> {
    match files::owners_of(path).find(|uid| !owner::is_me(*uid)) {
        Some(uid) => Err(JournalError::Foreign { path: path.to_owned(), who: owner::name_of(uid) }),
        None => Ok(()),
    }
}

/// The content of a file of the journal, which must be ours.
fn own_file(path: &Path) -> Result<Option<Content>, JournalError> {
    is_ours(path)?;
    Ok(files::read(path)?)
}

fn make_private(path: &Path, parents: bool) -> Result<(), JournalError> {
    let made = if parents {
        files::make_private_folder(path)
    } else {
        fs::DirBuilder::new().mode(0o700).create(path).and_then(|()| files::adopt(path))
    };
    made.map_err(|source| JournalError::Folder { path: path.to_owned(), source })
}

/// Whether a folder has the name of an action: `20261127-133024-001`. Other folders are somebody's own.
fn is_id(name: &str) -> bool {
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    lengths == [8, 6, 3] && name.chars().all(|c| c.is_ascii_digit() || c == '-')
}

/// What a person without keymend needs to know.
fn readme(manifest: &Manifest) -> String {
    let mut text = format!(
        "keymend changed the places below ({}).\nBack with keymend:  keymend undo {}\nBack by hand, in this folder:\n",
        manifest.title, manifest.id
    );
    for item in &manifest.items {
        text.push_str("  ");
        text.push_str(&by_hand(item));
        text.push('\n');
    }
    text.push_str("The .bak files hold old keys. `keymend history --purge` takes them away.\n");
    text
}

fn by_hand(item: &Item) -> String {
    match (&item.place, item.backup.as_deref()) {
        (ItemPlace::File { real, .. }, Some(backup)) => format!("cat {backup} > {}", quoted(real)),
        (ItemPlace::File { real, .. }, None) => format!("rm {}   (it was not there before)", quoted(real)),
        (place, Some(backup)) => format!("put the text of '{backup}' back into {}", place.show(None)),
        (place, None) => format!("take {} away (it was not there before)", place.show(None)),
    }
}

/// A path as a shell takes it, whatever is in it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_by_hand_can_be_pasted_into_a_shell() {
        let item = Item {
            place: ItemPlace::File {
                path: "/home/o'b/.env".into(),
                real: "/home/o'b/.env".into(),
                lock: None,
            },
            before: None,
            after: None,
            backup: Some("0.bak".to_owned()),
            in_place: false,
            tightened: None,
            made: Vec::new(),
            touched: None,
            prints: Vec::new(),
        };
        assert_eq!(by_hand(&item), r"cat 0.bak > '/home/o'\''b/.env'");
        assert!(by_hand(&Item { backup: None, ..item }).starts_with(r"rm '/home/o'\''b/.env'"));
    }
}
