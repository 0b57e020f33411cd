//! What a kill interrupted. An action that was written whole is closed, and one that had changed nothing yet; everything
//! else is shown first ([`Writer::left_by`]) and put back after a yes ([`Writer::end`]). Until then nothing is written.

use std::time::Duration;

use super::back::{keys_in, syntax_of, text};
use super::{Applied, ApplyError, Writer, folders};
use crate::edit::Masker;
use crate::host::files;
use crate::host::journal::{Item, ItemPlace, Manifest, State};
use crate::host::lock;
use crate::plan::{AgentLock, Change, Content, Hash, Target};

/// How far one place of an interrupted action has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It is as before.
    Before,
    /// Its content is as before, its mode is not.
    Mode,
    /// It holds the new content.
    After,
    /// It was being written in place.
    Torn,
    /// Somebody else wrote there since, or it cannot be read.
    Other,
}

impl Reached {
    /// Whether ending the action changes something there.
    const fn is_put_back(self) -> bool {
        matches!(self, Self::Mode | Self::After | Self::Torn)
    }
}

impl Writer<'_> {
    /// Closes what was interrupted and needs no change: what was written whole, what had not begun. Returns a sentence
    /// for each. It does nothing while another keymend writes.
    pub fn settle(&self) -> Vec<String> {
        let (all, bad) = self.journal.history();
        if bad.is_empty() && all.iter().all(|action| action.state != State::Planned) {
            return Vec::new();
        }
        let Ok(_held) = lock::take(&self.own_lock(), Duration::ZERO) else { return Vec::new() };
        self.settle_locked()
    }

    fn settle_locked(&self) -> Vec<String> {
        self.journal.forget_unbegun();
        self.planned().into_iter().filter_map(|action| self.close(action)).collect()
    }

    /// The actions that a kill interrupted, newest first; none while another keymend writes.
    #[must_use]
    pub fn interrupted(&self) -> Vec<Manifest> {
        let planned = self.planned();
        let writes = || lock::is_held(&self.journal.root().join("lock"));
        if planned.is_empty() || writes() { Vec::new() } else { planned }
    }

    fn planned(&self) -> Vec<Manifest> {
        let (mut all, _) = self.journal.history();
        all.retain(|action| action.state == State::Planned);
        all
    }

    /// Nothing is written over what an interrupted action left. Called by the holder of keymend's own lock.
    pub(super) fn nothing_is_interrupted(&self) -> Result<(), ApplyError> {
        self.settle_locked();
        match self.planned().into_iter().next() {
            Some(action) => Err(ApplyError::Interrupted { id: action.id, title: action.title }),
            None => Ok(()),
        }
    }

    pub(super) fn own_lock(&self) -> AgentLock {
        AgentLock::Flock(self.journal.root().join("lock"))
    }

    fn close(&self, mut action: Manifest) -> Option<String> {
        let reached: Vec<Reached> = action.items.iter().map(|item| self.reached(item)).collect();
        let title = action.title.clone();
        if reached.iter().all(|reached| *reached == Reached::After) {
            self.sweep(&action);
            let _ = self.journal.mark(&mut action, State::Written);
            return Some(format!("“{title}” was written whole although keymend was interrupted"));
        }
        if reached.iter().any(|reached| reached.is_put_back()) {
            return None;
        }
        self.sweep(&action);
        action.items.iter().for_each(Item::unmake_folders);
        let untouched = reached.iter().all(|reached| *reached == Reached::Before);
        let _ = self.journal.mark(&mut action, if untouched { State::RolledBack } else { State::Stuck });
        Some(if untouched {
            format!(
                "“{title}” was interrupted before it had changed anything; everything is as it was before"
            )
        } else {
            self.needs_a_look(&action, &self.held(&action))
        })
    }

    fn reached(&self, item: &Item) -> Reached {
        let Ok(now) = self.current(&item.place.target()) else { return Reached::Other };
        let now = now.map(|now| Hash::of(&now.0).to_string());
        if now == item.after && now != item.before {
            Reached::After
        } else if now == item.before {
            let tightened = item.mode_now().is_some() && item.mode_now() == item.tightened.map(|(_, to)| to);
            if tightened { Reached::Mode } else { Reached::Before }
        } else if item.in_place {
            Reached::Torn
        } else {
            Reached::Other
        }
    }

    /// The changes that end an interrupted action, for the review: from what is there now to what was there before.
    pub fn left_by(&self, action: &Manifest, masker: &Masker<'_>) -> Result<Vec<Change>, ApplyError> {
        let mut changes = Vec::new();
        for item in &action.items {
            let reached = self.reached(item);
            let mut notes = Vec::new();
            match reached {
                Reached::Before => continue,
                Reached::Other => notes.push("was written again since, so it stays as it is".to_owned()),
                Reached::Mode | Reached::After | Reached::Torn => {
                    notes.extend(item.tightened.map(|(was, to)| format!("mode {to:04o} → {was:04o} again")));
                }
            }
            let target = item.place.target();
            let old = self.journal.backup(&action.id, item)?;
            let now = if reached == Reached::Other { old.clone() } else { self.current(&target)? };
            let masker = masker.knowing(keys_in(item, &[old.as_ref(), now.as_ref()]));
            let diff = masker.diff_as(syntax_of(item), &text(now.as_ref()), &text(old.as_ref()));
            let before = now.as_ref().map(|now| Hash::of(&now.0));
            changes.push(Change { target, before, after: old, touched: item.touched.clone(), diff, notes });
        }
        Ok(changes)
    }

    /// Ends an interrupted action: every place of it holds its old content again, unless somebody wrote there since.
    pub fn end(&self, id: &str) -> Result<Applied, ApplyError> {
        let _ours = self.lock()?;
        let mut action = self.journal.read(id)?;
        if action.state != State::Planned {
            return Err(ApplyError::NothingToUndo);
        }
        let targets: Vec<Target> = action.items.iter().map(|item| item.place.target()).collect();
        let agents = self.agent_locks(&targets)?;
        self.sweep(&action);
        let back = |item: &Item| -> Result<(), ApplyError> {
            let old: Option<Content> = self.journal.backup(&action.id, item)?;
            self.put_back(item, old.as_ref())
        };
        let failed: Vec<ItemPlace> =
            action.items.iter().filter(|item| back(item).is_err()).map(|item| item.place.clone()).collect();
        drop(agents);
        action.items.iter().for_each(Item::unmake_folders);
        let state = if failed.is_empty() { State::RolledBack } else { State::Stuck };
        self.journal.mark(&mut action, state)?;
        let said = if failed.is_empty() {
            "everything is as it was before".to_owned()
        } else {
            self.needs_a_look(&action, &failed)
        };
        Ok(Applied { id: action.id, notes: vec![said] })
    }

    fn held(&self, action: &Manifest) -> Vec<ItemPlace> {
        let other = action.items.iter().filter(|item| self.reached(item) == Reached::Other);
        other.map(|item| item.place.clone()).collect()
    }

    fn needs_a_look(&self, action: &Manifest, places: &[ItemPlace]) -> String {
        let places: Vec<String> = places.iter().map(|place| place.show(None)).collect();
        format!(
            "“{}” was interrupted; look at {}: the old contents are in {}, and `keymend undo {} --whole` puts them back",
            action.title,
            places.join(", "),
            self.journal.folder(&action.id).display(),
            action.id
        )
    }

    /// Takes away the temporary files of an interrupted action: they hold a key.
    fn sweep(&self, action: &Manifest) {
        let targets: Vec<Target> = action.items.iter().map(|item| item.place.target()).collect();
        for folder in folders(targets.iter()) {
            files::sweep(&folder);
        }
        files::sweep(&self.journal.folder(&action.id));
    }
}
