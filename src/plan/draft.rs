//! Edits gathered by what they write to: one file, cell or keyring entry is read once, edited in memory once, and
//! becomes one [`Change`].

use std::path::Path;

use super::{Change, Content, Hash, PlanError, Target, locks};
use crate::agents::Context;
use crate::edit::{self, Edit, Masker, New, Spot, Syntax};
use crate::host::{FileState, KeyringState, Overlay, Table, TableState, Trouble};
use crate::secret::Secret;
use crate::source::{Cell, Format, Place, tilde};

/// All edits of one target.
struct Piece {
    target: Target,
    syntax: Syntax,
    shown: String,
    before: Option<Content>,
    edits: Vec<Edit>,
    notes: Vec<String>,
}

/// A plan's changes in the making.
pub(super) struct Draft<'a> {
    context: Context<'a>,
    pieces: Vec<Piece>,
}

impl<'a> Draft<'a> {
    pub(super) const fn new(context: Context<'a>) -> Self {
        Self { context, pieces: Vec::new() }
    }

    /// Puts `new` at `place`, which belongs to `agent`; `why` is said beside the change.
    pub(super) fn put(
        &mut self,
        agent: &str,
        place: &Place,
        new: New,
        why: Option<&str>,
    ) -> Result<(), PlanError> {
        let (syntax, spot) = spot_of(place).ok_or_else(|| self.not_writable(place))?;
        let piece = self.piece(agent, place, syntax)?;
        piece.edits.push(Edit { spot, new });
        piece.notes.extend(why.map(ToOwned::to_owned));
        Ok(())
    }

    /// The piece that `place` belongs to, read on first use.
    fn piece(&mut self, agent: &str, place: &Place, syntax: Syntax) -> Result<&mut Piece, PlanError> {
        let target = self.target_of(agent, place).ok_or_else(|| self.not_writable(place))?;
        if let Some(at) =
            self.pieces.iter().position(|piece| piece.target == target && piece.syntax == syntax)
        {
            return Ok(&mut self.pieces[at]);
        }
        if self.pieces.iter().any(|piece| piece.target == target) {
            return Err(self.not_writable(place));
        }
        let shown = self.shown(place);
        let before =
            self.read(&target).map_err(|trouble| PlanError::Unreadable { place: shown.clone(), trouble })?;
        let notes = self.file_notes(&target);
        self.pieces.push(Piece { target, syntax, shown, before, edits: Vec::new(), notes });
        let last = self.pieces.len() - 1;
        Ok(&mut self.pieces[last])
    }

    fn target_of(&self, agent: &str, place: &Place) -> Option<Target> {
        match place {
            Place::Line { file, .. } | Place::Field { file, .. } | Place::File { file } => {
                let state = self.context.world.read(file);
                let real = state.meta().map_or_else(|| file.clone(), |meta| meta.real.clone());
                let mode = state.meta().and_then(|meta| tightened(meta.mode));
                Some(Target::File { path: file.clone(), lock: locks::lock_of(agent, &real), real, mode })
            }
            Place::Cell { cell, .. } => Some(Target::Cell(cell.clone())),
            Place::Keyring { service, user } | Place::KeyringField { service, user, .. } => {
                Some(Target::Keyring { service: service.clone(), user: user.clone() })
            }
            Place::Env { .. } | Place::Command { .. } | Place::BuiltIn { .. } | Place::Sealed { .. } => None,
        }
    }

    fn read(&self, target: &Target) -> Result<Option<Content>, Trouble> {
        match target {
            Target::File { path, .. } => match &*self.context.world.read(path) {
                FileState::Missing => Ok(None),
                FileState::Regular(content) => Ok(Some(Content(content.bytes.clone()))),
                FileState::Unreadable(trouble) => Err(trouble.clone()),
            },
            Target::Cell(cell) => match self.context.world.table(&table_of(cell)) {
                TableState::Rows(rows) => {
                    Ok(rows.get(&cell.key).map(|text| Content::new(text.clone().into_bytes())))
                }
                TableState::Missing => Err(Trouble::Io("the database is not there".to_owned())),
                TableState::NoTable => Err(Trouble::Io(format!("the database has no table {}", cell.table))),
                TableState::Unreadable(trouble) => Err(trouble),
            },
            Target::Keyring { service, user } => match self.context.world.keyring(service, user) {
                KeyringState::Present(secret) => Ok(Some(Content(edit::bytes_of(&secret)))),
                KeyringState::Missing => Ok(None),
                KeyringState::Locked => Err(Trouble::Io("the keyring is locked".to_owned())),
                KeyringState::Absent(why) => Err(Trouble::Io(why)),
                KeyringState::TimedOut => Err(Trouble::Io("the keyring does not answer".to_owned())),
            },
        }
    }

    /// What a write to this file does beside its content.
    fn file_notes(&self, target: &Target) -> Vec<String> {
        let Target::File { path, real, mode, .. } = target else { return Vec::new() };
        let state = self.context.world.read(path);
        let Some(meta) = state.meta() else { return vec!["a new file, mode 0600".to_owned()] };
        let mut notes = Vec::new();
        if real != path {
            notes.push(format!("written through the link to {}", tilde(real, self.context.world.home())));
        }
        if let Some(mode) = mode {
            notes.push(format!("mode {:04o} → {mode:04o}, others could read it", meta.mode));
        }
        if meta.links > 1 {
            notes.push(format!(
                "the file has {} names (hard links); it is written in place, so all show the change",
                meta.links
            ));
        }
        if meta.mode & 0o200 == 0 {
            notes.push(format!(
                "the file is marked read-only ({:04o}) and stays so",
                mode.unwrap_or(meta.mode)
            ));
        }
        notes
    }

    /// Applies and verifies all edits. Targets that come out unchanged are left out.
    pub(super) fn finish(self, masker: &Masker<'_>) -> Result<Vec<Change>, PlanError> {
        self.pieces.into_iter().filter_map(|piece| piece.finish(masker).transpose()).collect()
    }

    fn shown(&self, place: &Place) -> String {
        match place.file() {
            Some(file) => tilde(file, self.context.world.home()),
            None => place.show(self.context.world.home()),
        }
    }

    fn not_writable(&self, place: &Place) -> PlanError {
        let (why, hint) = match place {
            Place::Env { name } => (
                "it is the environment of a running shell".to_owned(),
                format!(
                    "find where {name} is set (a start-up file, a unit), change it there, and open a new terminal"
                ),
            ),
            Place::Command { .. } => (
                "a program prints this key when the agent asks".to_owned(),
                "change the key in that program's own store".to_owned(),
            ),
            Place::BuiltIn { .. } => {
                ("it is part of the agent itself".to_owned(), "choose another place".to_owned())
            }
            Place::Sealed { .. } => {
                ("only its owner can open it".to_owned(), "change it in that program".to_owned())
            }
            _ => (
                "two kinds of edits meet there".to_owned(),
                "make the changes one after the other".to_owned(),
            ),
        };
        PlanError::NotWritable { place: self.shown(place), why, hint }
    }
}

impl Piece {
    fn finish(self, masker: &Masker<'_>) -> Result<Option<Change>, PlanError> {
        let place = self.shown;
        let before = self.before.as_ref().map(|content| content.0.as_slice());
        let removal = self.edits.iter().all(|edit| edit.new == New::Nothing);
        if removal && before.is_none() {
            return Ok(None);
        }
        let after = match (self.syntax, removal) {
            (Syntax::Whole, true) => None,
            _ => Some(
                edit::apply(self.syntax, before, &self.edits)
                    .map(Content)
                    .map_err(|cause| PlanError::Edit { place: place.clone(), cause })?,
            ),
        };
        if after == self.before {
            return Ok(None);
        }
        let text = |content: &Option<Content>| {
            let bytes = content.as_ref().map(|content| content.0.as_slice()).unwrap_or_default();
            zeroize::Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
        };
        let diff = masker.diff_as(self.syntax, &text(&self.before), &text(&after));
        let mut notes = self.notes;
        notes.dedup();
        Ok(Some(Change { target: self.target, before: before.map(Hash::of), after, diff, notes }))
    }
}

/// How `place` is edited.
fn spot_of(place: &Place) -> Option<(Syntax, Spot)> {
    match place {
        Place::Line { name, dialect, line, .. } => {
            Some((Syntax::Lines(*dialect), Spot::Variable { name: name.clone(), line: *line }))
        }
        Place::Field { format, pointer, .. } => Some((Syntax::Tree(*format), Spot::Field(pointer.clone()))),
        Place::Cell { pointer, .. } if pointer.0.is_empty() => Some((Syntax::Whole, Spot::Whole)),
        Place::Cell { pointer, .. } | Place::KeyringField { pointer, .. } => {
            Some((Syntax::Tree(Format::Json), Spot::Field(pointer.clone())))
        }
        Place::File { .. } | Place::Keyring { .. } => Some((Syntax::Whole, Spot::Whole)),
        Place::Env { .. } | Place::Command { .. } | Place::BuiltIn { .. } | Place::Sealed { .. } => None,
    }
}

/// The permission bits without those of others, where others may read; none where nothing needs to change. A file
/// that only its group may read is somebody's choice and stays.
const fn tightened(mode: u32) -> Option<u32> {
    if mode & 0o007 == 0 { None } else { Some(mode & 0o700) }
}

fn table_of(cell: &Cell) -> Table {
    Table {
        db: cell.db.clone(),
        name: cell.table,
        key_column: cell.key_column,
        value_column: cell.value_column,
        live_when_null: None,
    }
}

/// Lays the changes over `overlay`.
pub(super) fn lay(overlay: &mut Overlay<'_>, changes: &[Change]) {
    for change in changes {
        let after = change.after.as_ref().map(|content| content.0.as_slice());
        let text = || String::from_utf8_lossy(after.unwrap_or_default()).into_owned();
        match (&change.target, after) {
            (Target::File { path, .. }, Some(bytes)) => overlay.put_file(Path::new(path), bytes.to_vec()),
            (Target::File { path, .. }, None) => overlay.remove_file(path),
            (Target::Cell(cell), _) => overlay.put_cell(cell.clone(), text()),
            (Target::Keyring { service, user }, Some(_)) => {
                overlay.put_keyring(service, user, Secret::new(text()));
            }
            (Target::Keyring { service, user }, None) => overlay.remove_keyring(service, user),
        }
    }
}
