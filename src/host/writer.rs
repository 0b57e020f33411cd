//! Applies a plan, all of it or nothing: locks, compares, backs up, prepares everything, then commits; a failure on
//! the way puts back what was done. [`Writer::undo`] goes back, [`Writer::end`] ends what a kill interrupted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::cells::{self, CellChange, CellError, Pending};
use super::files::{self, Prepared, WriteError};
use super::journal::{Item, ItemPlace, Journal, JournalError, Keep, Manifest, State};
use super::keyring::{self, KeyringError};
use super::lock::{self, Held, LockError};
use crate::edit::{self, DiffLine};
use crate::plan::{AgentLock, Change, Content, Hash, Plan, Target};
use crate::secret::Secret;

mod back;
mod ending;
#[cfg(test)]
mod tests;

pub use back::{Back, Since, Trace, is_key_of};

/// The OS keyring as the writer needs it.
pub trait KeyringWriter {
    /// The text of an entry; may ask the person to unlock the keyring.
    fn read(&self, service: &str, user: &str) -> Result<Option<Secret>, KeyringError>;
    /// The text of an entry where that needs no prompt.
    fn peek(&self, service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        self.read(service, user)
    }
    /// Puts a text into an entry.
    fn write(&self, service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError>;
    /// Takes an entry away.
    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError>;
}

/// The keyring of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

impl KeyringWriter for SystemKeyring {
    fn read(&self, service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        keyring::read(service, user)
    }

    fn peek(&self, service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        keyring::peek_here(service, user)
    }

    fn write(&self, service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
        keyring::write(service, user, secret)
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        keyring::delete(service, user)
    }
}

/// A keyring in memory, for tests and the demo.
#[derive(Debug, Default)]
pub struct MemoryKeyring(pub RefCell<BTreeMap<(String, String), Secret>>);

impl KeyringWriter for MemoryKeyring {
    fn read(&self, service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        Ok(self.0.borrow().get(&(service.to_owned(), user.to_owned())).cloned())
    }

    fn write(&self, service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
        self.0.borrow_mut().insert((service.to_owned(), user.to_owned()), secret.clone());
        Ok(())
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        self.0.borrow_mut().remove(&(service.to_owned(), user.to_owned()));
        Ok(())
    }
}

/// Why a plan was not applied. Everything is as it was, unless [`ApplyError::Stuck`] says otherwise.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The lock is held by another process.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file.
    #[error(transparent)]
    File(#[from] WriteError),
    /// A database.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The keyring.
    #[error("keyring entry {entry}: {cause}")]
    Keyring {
        /// The entry.
        entry: String,
        /// Why.
        cause: KeyringError,
    },
    /// The journal; nothing was touched.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The write failed, and putting back failed too.
    #[error("{cause}; putting back failed at {places}; the old contents are in {folder}", places = places.join(", "))]
    Stuck {
        /// What failed first.
        cause: Box<Self>,
        /// Where the old content is not back.
        places: Vec<String>,
        /// The journal's folder with the backups.
        folder: PathBuf,
    },
    /// Somebody edited since the action that shall be undone.
    #[error("{} changed since keymend wrote there", places(conflicts))]
    Conflict {
        /// The action.
        id: String,
        /// Where.
        conflicts: Vec<Conflict>,
    },
    /// There is nothing to undo.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// An earlier write was interrupted and is not ended.
    #[error("an earlier write was interrupted and is not ended: “{title}” ({id})")]
    Interrupted {
        /// The action.
        id: String,
        /// What it was.
        title: String,
    },
    /// Everything that keymend wrote is still.
    #[error("no other program took back what keymend wrote")]
    NothingLost,
}

/// A place that somebody edited since, and what an undo would change there, masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub place: ItemPlace,
    /// From what is there to what was there before keymend wrote.
    pub diff: Vec<DiffLine>,
}

fn places(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(|conflict| conflict.place.show(None)).collect::<Vec<_>>().join(", ")
}

impl ApplyError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Lock(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Cell(error) => error.hint(),
            Self::Keyring { cause, .. } => cause.hint(),
            Self::Journal(error) => error.hint(),
            Self::Stuck { .. } => "the README.txt in that folder says how to go back by hand",
            Self::Conflict { .. } => {
                "nothing was written; undo with --values puts back only what keymend changed and keeps the rest, with \
                 --whole everything as it was then, over what is there now"
            }
            Self::Interrupted { .. } => {
                "nothing was written; `keymend undo` shows what it left and puts it back (in the wizard: H, then u)"
            }
            Self::NothingToUndo | Self::NothingLost => "`keymend history` lists the actions",
        }
    }
}

/// What an action is called in the history.
#[derive(Clone, Debug, Default)]
pub struct Action {
    /// In a few words.
    pub title: String,
    /// The old key, masked.
    pub old: Option<String>,
    /// The new key, masked.
    pub new: Option<String>,
    /// The new key itself; the history keeps no more than a salted fingerprint of it.
    pub key: Option<Secret>,
    /// The action that this one undoes.
    pub undoes: Option<String>,
}

impl Action {
    /// The action that applies `plan`, which brings `key`.
    #[must_use]
    pub fn of(plan: &Plan, key: &Secret) -> Self {
        Self {
            title: plan.title.clone(),
            old: plan.old.as_ref().map(ToString::to_string),
            new: Some(plan.new.to_string()),
            key: Some(key.clone()),
            undoes: None,
        }
    }
}

/// A plan that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The action's id in the history.
    pub id: String,
    /// What the person should know: written in place, durability not confirmed.
    pub notes: Vec<String>,
}

/// How far a write has come.
struct Progress {
    /// Whether each change may have taken effect. What was not begun is not put back: if it is different from before,
    /// then by somebody else.
    done: Vec<bool>,
    notes: Vec<String>,
}

/// Writes.
pub struct Writer<'a> {
    /// Where the history is kept.
    pub journal: Journal,
    /// The keyring.
    pub keyring: &'a dyn KeyringWriter,
    /// Now, Unix milliseconds.
    pub now_ms: i64,
    /// How long to wait for a lock.
    pub wait: Duration,
    /// How long the history is kept.
    pub keep: Keep,
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl<'a> Writer<'a> {
    /// A writer with the usual waiting time.
    #[must_use]
    pub fn new(journal: Journal, keyring: &'a dyn KeyringWriter, now_ms: i64) -> Self {
        Self { journal, keyring, now_ms, wait: lock::AGENT_WAIT, keep: Keep::default() }
    }

    /// Applies `changes`, all of them or none.
    pub fn apply(&self, action: &Action, changes: &[Change]) -> Result<Applied, ApplyError> {
        let _ours = self.lock()?;
        self.nothing_is_interrupted()?;
        let targets: Vec<Target> = changes.iter().map(|change| change.target.clone()).collect();
        // An agent's lock is beside its file, in a folder that may have to be made first.
        let items: Vec<Item> = changes.iter().map(item_of).collect();
        make_folders(&targets)?;
        let agents = self.agent_locks(&targets);
        let applied = agents.and_then(|_agents| self.apply_locked(action, changes, items.clone()));
        if applied.is_err() {
            items.iter().for_each(Item::unmake_folders);
        }
        applied
    }

    fn apply_locked(
        &self,
        action: &Action,
        changes: &[Change],
        items: Vec<Item>,
    ) -> Result<Applied, ApplyError> {
        for folder in folders(changes.iter().map(|change| &change.target)) {
            files::sweep(&folder);
        }
        let old =
            changes.iter().map(|change| self.current_as_planned(change)).collect::<Result<Vec<_>, _>>()?;
        let manifest = Manifest {
            schema: 1,
            id: String::new(),
            state: State::Planned,
            title: action.title.clone(),
            undoes: action.undoes.clone(),
            old: action.old.clone(),
            new: action.new.clone(),
            new_print: None,
            at_ms: self.now_ms,
            items,
        };
        let mut manifest = self.journal.begin(manifest, &old, action.key.as_ref())?;
        let mut progress = Progress { done: vec![false; changes.len()], notes: Vec::new() };
        match self.write_all(&mut manifest, changes, &mut progress) {
            Ok(()) => {
                let mut notes = progress.notes;
                if self.journal.mark(&mut manifest, State::Written).is_err() {
                    notes.push(
                        "written; the journal could not be closed and will be on the next start".to_owned(),
                    );
                }
                self.journal.expire(self.now_ms, self.keep);
                Ok(Applied { id: manifest.id, notes })
            }
            Err(cause) => Err(self.roll_back(&mut manifest, &old, &progress, cause)),
        }
    }

    /// keymend's own lock, so that two of them never write at once.
    fn lock(&self) -> Result<Held, ApplyError> {
        self.journal.make()?;
        Ok(lock::take(&self.own_lock(), self.wait)?)
    }

    fn agent_locks(&self, targets: &[Target]) -> Result<Vec<Held>, ApplyError> {
        let mut locks: Vec<&AgentLock> = targets
            .iter()
            .filter_map(|target| match target {
                Target::File { lock, .. } => lock.as_ref(),
                _ => None,
            })
            .collect();
        locks.sort_by_key(|lock| format!("{lock:?}"));
        locks.dedup();
        locks.into_iter().map(|agent| Ok(lock::take(agent, self.wait)?)).collect()
    }

    /// What is at a target now.
    fn current(&self, target: &Target) -> Result<Option<Content>, ApplyError> {
        match target {
            Target::File { real, .. } => Ok(files::read(&files::resolve(real)?)?),
            Target::Cell(cell) => Ok(cells::read(cell)?),
            Target::Keyring { service, user } => {
                let text = self.keyring.read(service, user).map_err(keyring_error(service, user))?;
                Ok(text.map(|secret| Content(edit::bytes_of(&secret))))
            }
        }
    }

    fn current_as_planned(&self, change: &Change) -> Result<Option<Content>, ApplyError> {
        let now = self.current(&change.target)?;
        if now.as_ref().map(|now| Hash::of(&now.0)) == change.before {
            return Ok(now);
        }
        Err(match &change.target {
            Target::File { path, .. } => WriteError::Changed(path.clone()).into(),
            Target::Cell(cell) => CellError::Changed { db: cell.db.clone(), row: cell.key.clone() }.into(),
            Target::Keyring { service, user } => ApplyError::Keyring {
                entry: format!("{service} / {user}"),
                cause: KeyringError::Refused("it changed since keymend read it".to_owned()),
            },
        })
    }

    /// Prepares everything, then commits: what can still fail comes first.
    fn write_all(
        &self,
        manifest: &mut Manifest,
        changes: &[Change],
        progress: &mut Progress,
    ) -> Result<(), ApplyError> {
        let prepared = prepare_files(changes)?;
        let pending = self.begin_cells(changes)?;
        for (at, change) in changes.iter().enumerate() {
            if let Target::Keyring { service, user } = &change.target {
                progress.done[at] = true;
                self.put_keyring(service, user, change.after.as_ref())?;
            }
        }
        for (at, file) in prepared {
            let journal = &self.journal;
            let mut announce = || {
                manifest.items[at].in_place = true;
                journal.save(manifest).map_err(|error| match error {
                    JournalError::File(error) => error,
                    other => WriteError::Io {
                        path: journal.root().to_owned(),
                        what: "the journal",
                        source: std::io::Error::other(other.to_string()),
                    },
                })
            };
            let written = file.commit(&mut announce)?;
            progress.done[at] = true;
            progress.notes.extend(notes_of(&changes[at].target, written));
        }
        for (at, change) in changes.iter().enumerate() {
            progress.done[at] |= matches!(change.target, Target::Cell(_));
        }
        pending.into_iter().try_for_each(|cells| Ok(cells.commit()?))
    }

    fn begin_cells(&self, changes: &[Change]) -> Result<Vec<Pending>, ApplyError> {
        let mut by_db: BTreeMap<&Path, Vec<CellChange<'_>>> = BTreeMap::new();
        for change in changes {
            if let Target::Cell(cell) = &change.target {
                let entry = by_db.entry(&cell.db).or_default();
                entry.push(CellChange { cell, before: change.before, after: change.after.as_ref() });
            }
        }
        by_db.into_iter().map(|(db, cells)| Ok(Pending::begin(db, &cells, self.now_ms)?)).collect()
    }

    fn put_keyring(&self, service: &str, user: &str, after: Option<&Content>) -> Result<(), ApplyError> {
        let done = match after {
            Some(after) => {
                let secret = Secret::new(String::from_utf8_lossy(&after.0).into_owned());
                self.keyring.write(service, user, &secret)
            }
            None => self.keyring.delete(service, user),
        };
        done.map_err(keyring_error(service, user))
    }

    /// Puts back what an unfinished action has done.
    fn roll_back(
        &self,
        manifest: &mut Manifest,
        old: &[Option<Content>],
        progress: &Progress,
        cause: ApplyError,
    ) -> ApplyError {
        // Where the content was not reached, the mode may have been.
        manifest.items.iter().zip(&progress.done).filter(|(_, done)| !**done).for_each(|(item, _)| {
            item.mode_back();
        });
        let items = manifest.items.iter().zip(old).zip(&progress.done);
        let items = items.filter(|((item, _), done)| **done || item.in_place).map(|(pair, _)| pair);
        let stuck: Vec<String> = items
            .filter(|(item, old)| self.put_back(item, old.as_ref()).is_err())
            .map(|(item, _)| item.place.show(None))
            .collect();
        manifest.items.iter().for_each(Item::unmake_folders);
        if stuck.is_empty() {
            // Nothing is different from before, so nothing needs to be remembered; a failure here only means a
            // harmless entry in the history.
            if self.journal.forget(&manifest.id).is_err() {
                let _ = self.journal.mark(manifest, State::RolledBack);
            }
            return cause;
        }
        ApplyError::Stuck { cause: Box::new(cause), places: stuck, folder: self.journal.folder(&manifest.id) }
    }

    /// Puts the old content of one item back where the new one (or a half-written one) is.
    fn put_back(&self, item: &Item, old: Option<&Content>) -> Result<(), ApplyError> {
        let target = item.place.target();
        let now = self.current(&target)?;
        if now.as_ref() == old {
            item.mode_back();
            return Ok(());
        }
        let hash = now.as_ref().map(|now| Hash::of(&now.0));
        let ours = hash.map(|hash| hash.to_string()) == item.after;
        if !ours && !item.in_place {
            return Err(WriteError::Changed(PathBuf::from(item.place.show(None))).into());
        }
        match &target {
            Target::File { real, .. } => {
                let real = files::resolve(real)?;
                let was = item.tightened.map(|(was, _)| was);
                files::prepare(&real, hash, old, was)?.commit(&mut || Ok(()))?;
                item.unmake_folders();
            }
            Target::Cell(cell) => {
                let change = CellChange { cell, before: hash, after: old };
                Pending::begin(&cell.db, &[change], self.now_ms)?.commit()?;
            }
            Target::Keyring { service, user } => self.put_keyring(service, user, old)?,
        }
        Ok(())
    }
}

fn prepare_files(changes: &[Change]) -> Result<Vec<(usize, Prepared)>, ApplyError> {
    let mut prepared = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        if let Target::File { real, mode, .. } = &change.target {
            let real = files::resolve(real)?;
            prepared.push((at, files::prepare(&real, change.before, change.after.as_ref(), *mode)?));
        }
    }
    Ok(prepared)
}

/// The place of a target as it is on the disk: the journal is read again by what is behind every link then.
fn place_of(target: &Target) -> ItemPlace {
    let mut place = ItemPlace::of(target);
    if let ItemPlace::File { real, .. } = &mut place
        && let Ok(now) = files::resolve(real)
    {
        *real = now;
    }
    place
}

fn item_of(change: &Change) -> Item {
    let after = change.after.as_ref().map(|after| Hash::of(&after.0).to_string());
    let salt = after.clone().unwrap_or_default();
    let print = |touched: &edit::Touched| {
        let value = |spot| back::value(touched.syntax, change.after.as_ref(), &spot);
        touched.spots().map(|spot| value(spot).map_or_else(String::new, |value| value.print(&salt))).collect()
    };
    Item {
        prints: change.touched.as_ref().map(print).unwrap_or_default(),
        place: place_of(&change.target),
        before: change.before.map(|hash| hash.to_string()),
        after,
        backup: None,
        in_place: false,
        tightened: match &change.target {
            Target::File { real, mode: Some(mode), .. } => {
                files::mode_of(real).map(|was| (was & 0o777, *mode & 0o777))
            }
            _ => None,
        },
        made: match &change.target {
            Target::File { real, .. } => missing_folders(real),
            _ => Vec::new(),
        },
        touched: change.touched.clone(),
    }
}

/// Creates the folders of the agents' locks.
fn make_folders(targets: &[Target]) -> Result<(), ApplyError> {
    for target in targets {
        if let Target::File { real, lock: Some(_), .. } = target {
            files::make_folder(real)?;
        }
    }
    Ok(())
}

/// The folders above `file` that are not there yet, outermost first.
fn missing_folders(file: &Path) -> Vec<PathBuf> {
    let above = file.ancestors().skip(1);
    let mut missing: Vec<PathBuf> =
        above.take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
    missing.reverse();
    missing
}

fn keyring_error(service: &str, user: &str) -> impl FnOnce(KeyringError) -> ApplyError {
    let entry = format!("{service} / {user}");
    move |cause| ApplyError::Keyring { entry, cause }
}

fn notes_of(target: &Target, written: files::Written) -> Vec<String> {
    let Target::File { path, .. } = target else { return Vec::new() };
    let mut notes = Vec::new();
    if written.in_place {
        notes.push(format!(
            "{} was written in place: it has several names or cannot be replaced",
            path.display()
        ));
    }
    if let Some(leftover) = written.leftover {
        notes.push(format!(
            "{} holds the old content and could not be removed; remove it",
            leftover.display()
        ));
    }
    if written.unconfirmed {
        notes.push(format!("{} is written; that it survives a power cut is not confirmed", path.display()));
    }
    notes
}

/// The folders of the files among `targets`, each once.
fn folders<'t>(targets: impl Iterator<Item = &'t Target>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = targets
        .filter_map(|target| match target {
            Target::File { real, .. } => Some(real.parent()?.to_owned()),
            _ => None,
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}
