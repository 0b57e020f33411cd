//! Edits gathered by what they write to: one file, cell or keyring entry is read once, edited in memory once, and
//! becomes one [`Change`].

use std::path::Path;

use super::{Change, Content, Hash, PlanError, Target, locks};
use crate::agents::Context;
use crate::edit::{self, Edit, EditError, Masker, New, Spot, Syntax, Touched};
use crate::formats::sealed::{self, SealedError, Store};
use crate::provider::Catalogue;
use crate::secret::Secret;
use crate::source::{Cell, Format, Place, SealedEntry, tilde};
use crate::world::{FileState, KeyringState, Machine, Overlay, Table, TableState, Trouble, World};

/// All edits of one target.
struct Piece {
    target: Target,
    syntax: Syntax,
    shown: String,
    /// The content that is edited: of an encrypted store, the text in it.
    before: Option<Content>,
    /// Set where `before` is a text in an encrypted store.
    seal: Option<Seal>,
    /// Each with the syntax that its reader reads by.
    edits: Vec<(Syntax, Edit)>,
    touched: Touched,
    notes: Vec<String>,
}

/// An encrypted store around the content that is edited.
struct Seal {
    entry: SealedEntry,
    /// The store as it is.
    store: Content,
}

/// A plan's changes in the making.
pub(super) struct Draft<'a> {
    context: Context<'a>,
    pieces: Vec<Piece>,
    keyed: Vec<Place>,
}

impl<'a> Draft<'a> {
    pub(super) const fn new(context: Context<'a>) -> Self {
        Self { context, pieces: Vec::new(), keyed: Vec::new() }
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
        let keyed = matches!(new, New::Key(_) | New::Part(_));
        let piece = self.piece(agent, place, syntax)?;
        piece.touch(&spot, &new);
        piece.edits.push((syntax, Edit { spot, new }));
        piece.notes.extend(why.map(ToOwned::to_owned));
        if keyed {
            self.keyed.push(place.clone());
        }
        Ok(())
    }

    /// Replaces `old` with `key` at `place`. Where the old key is a part of the text there (`openrouter=KEY`,
    /// `Bearer KEY`), only that part changes; where it is no part of it at all, a `strict` caller gets a refusal.
    pub(super) fn put_key(
        &mut self,
        agent: &str,
        place: &Place,
        key: &Secret,
        old: Option<&Secret>,
        strict: bool,
    ) -> Result<(), PlanError> {
        let whole = New::Key(key.clone());
        let (Some(old), Some((syntax, spot))) = (old.filter(|old| !old.is_empty()), spot_of(place)) else {
            return self.put(agent, place, whole, None);
        };
        let piece = self.piece(agent, place, syntax)?;
        let there = piece.before.as_ref().and_then(|content| {
            edit::value_at(syntax, &content.0, &spot).ok().and_then(|value| value.secret())
        });
        match there {
            Some(text) if text.surrounds(old) => {
                let part = New::part(&text, old, key);
                self.put(agent, place, part, Some("only the key changes in this text"))
            }
            None if strict => Err(PlanError::NotWritable {
                place: self.shown(place),
                why: "the key is not there any more".to_owned(),
                hint: "scan again and look at what is there now".to_owned(),
            }),
            Some(text) if strict && !text.holds(old) => Err(PlanError::NotWritable {
                place: self.shown(place),
                why: "the key is not written there the way it is sent".to_owned(),
                hint: "leave this place out, or change it by hand".to_owned(),
            }),
            _ => self.put(agent, place, whole, None),
        }
    }

    /// The piece that `place` belongs to, read on first use.
    fn piece(&mut self, agent: &str, place: &Place, syntax: Syntax) -> Result<&mut Piece, PlanError> {
        let target = self.target_of(agent, place).ok_or_else(|| self.not_writable(place))?;
        let entry = match place {
            Place::SealedField { entry, .. } => Some(entry),
            _ => None,
        };
        if let Some(at) = self.pieces.iter().position(|piece| same_target(&piece.target, &target)) {
            let piece = &self.pieces[at];
            let fits = match (piece.syntax, syntax) {
                // Two readers of one file of lines, each with its own dialect.
                (Syntax::Lines(_), Syntax::Lines(_)) => true,
                (one, other) => one == other,
            };
            if !fits || piece.seal.as_ref().map(|seal| &seal.entry) != entry {
                return Err(self.not_writable(place));
            }
            return Ok(&mut self.pieces[at]);
        }
        let shown = self.shown(place);
        let unreadable = |trouble| PlanError::Unreadable { place: shown.clone(), trouble };
        let mut before = self.read(&target).map_err(unreadable)?;
        let mut seal = None;
        if let (Place::SealedField { entry, .. }, Some(store)) = (place, &before) {
            let text = self.open(store, entry).map_err(|error| unreadable(Trouble::Io(error.to_string())))?;
            seal = Some(Seal { entry: entry.clone(), store: store.clone() });
            before = text;
        }
        let notes = self.file_notes(&target);
        let touched = Touched::new(syntax);
        self.pieces.push(Piece { target, syntax, shown, before, seal, edits: Vec::new(), touched, notes });
        let last = self.pieces.len() - 1;
        Ok(&mut self.pieces[last])
    }

    /// The text of `entry` in an encrypted store.
    fn open(&self, store: &Content, entry: &SealedEntry) -> Result<Option<Content>, SealedError> {
        let text = std::str::from_utf8(&store.0).map_err(|_| SealedError::Form)?;
        let text = sealed::text_of(text, self.context.world.machine().as_ref(), entry)?;
        Ok(text.map(|text| Content::new(text.as_bytes().to_vec())))
    }

    fn target_of(&self, agent: &str, place: &Place) -> Option<Target> {
        match place {
            Place::Line { file, .. }
            | Place::Field { file, .. }
            | Place::SealedField { file, .. }
            | Place::File { file } => {
                let state = self.context.world.read(file);
                let real = state.meta().map_or_else(|| file.clone(), |meta| meta.real.clone());
                // What is outside of the home folder may be there for every user to read.
                let own = self.context.world.home().is_some_and(|home| real.starts_with(home));
                let mode = state.meta().filter(|_| own).and_then(|meta| tightened(meta.mode));
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

    /// Where a key was put, in order.
    pub(super) fn places(&self) -> Vec<Place> {
        self.keyed.clone()
    }

    /// Applies and verifies all edits. Targets that come out unchanged are left out.
    pub(super) fn finish(self, masker: &Masker<'_>) -> Result<Vec<Change>, PlanError> {
        // Asked for an encrypted store alone: a look into a plan is as quiet as a scan.
        let sealed = self.pieces.iter().any(|piece| piece.seal.is_some());
        let machine = if sealed { self.context.world.machine() } else { None };
        let finish = |piece: Piece| piece.finish(masker, machine.as_ref()).transpose();
        self.pieces.into_iter().filter_map(finish).collect()
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
    fn touch(&mut self, spot: &Spot, new: &New) {
        let list = match new {
            New::Key(_) => &mut self.touched.keys,
            New::Part(_) => &mut self.touched.parts,
            New::Json(_) | New::Nothing => &mut self.touched.others,
        };
        if !list.contains(spot) {
            list.push(spot.clone());
        }
    }

    fn finish(self, masker: &Masker<'_>, machine: Option<&Machine>) -> Result<Option<Change>, PlanError> {
        let place = self.shown;
        let before = self.before.as_ref().map(|content| content.0.as_slice());
        let removal = self.edits.iter().all(|(_, edit)| edit.new == New::Nothing);
        if removal && before.is_none() {
            return Ok(None);
        }
        let masker = &masker.writing(self.edits.iter().map(|(_, edit)| &edit.new));
        let after = match (self.syntax, removal) {
            (Syntax::Whole, true) => None,
            _ => Some(
                apply_all(before, self.edits)
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
        let (target, touched) = (self.target, Some(self.touched));
        let Some(seal) = self.seal else {
            return Ok(Some(Change { target, before: before.map(Hash::of), after, touched, diff, notes }));
        };
        let after = seal
            .close(after.as_ref(), machine)
            .map_err(|error| PlanError::Unreadable { place, trouble: Trouble::Io(error.to_string()) })?;
        let before = Some(Hash::of(&seal.store.0));
        Ok(Some(Change { target, before, after: Some(after), touched: None, diff, notes }))
    }
}

/// Applies the edits, those of one syntax together.
fn apply_all(before: Option<&[u8]>, edits: Vec<(Syntax, Edit)>) -> Result<Content, EditError> {
    let mut groups: Vec<(Syntax, Vec<Edit>)> = Vec::new();
    for (syntax, edit) in edits {
        match groups.iter_mut().find(|(other, _)| *other == syntax) {
            Some((_, group)) => group.push(edit),
            None => groups.push((syntax, vec![edit])),
        }
    }
    let mut content: Option<Content> = None;
    for (syntax, group) in groups {
        let now = content.as_ref().map(|content| content.0.as_slice()).or(before);
        content = Some(Content(edit::apply(syntax, now, &group)?));
    }
    content.ok_or_else(|| EditError::Unverified("there was nothing to change".to_owned()))
}

/// One target, whatever path leads to its file.
fn same_target(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::File { real, .. }, Target::File { real: same, .. }) => real == same,
        _ => one == other,
    }
}

impl Seal {
    /// The store with `text` in it, read back as the agent would.
    fn close(&self, text: Option<&Content>, machine: Option<&Machine>) -> Result<Content, SealedError> {
        let utf8 = |content: &Content| String::from_utf8(content.0.to_vec()).map_err(|_| SealedError::Form);
        let text = text.map(utf8).transpose()?.map(zeroize::Zeroizing::new);
        let mut store = Store::open(&utf8(&self.store)?, machine)?;
        store.put(&self.entry, text.as_ref().map(|text| text.as_str()))?;
        let closed = store.close()?;
        let kept = sealed::text_of(&closed, machine, &self.entry)?;
        if kept == text { Ok(Content::new(closed.as_bytes().to_vec())) } else { Err(SealedError::Form) }
    }
}

/// The text that is at `place`, read from its file, cell or entry without any agent's rules, or none if there is
/// none or it cannot be read.
#[must_use]
pub fn key_at(world: &dyn World, place: &Place) -> Option<Secret> {
    value_at(world, place)?.secret()
}

/// The value at `place`, without any agent's rules.
pub(super) fn value_at(world: &dyn World, place: &Place) -> Option<New> {
    let catalogue = Catalogue::default();
    let draft = Draft::new(Context { world, catalogue: &catalogue });
    let (syntax, spot) = spot_of(place)?;
    let mut content = draft.read(&draft.target_of("", place)?).ok()??;
    if let Place::SealedField { entry, .. } = place {
        content = draft.open(&content, entry).ok()??;
    }
    edit::value_at(syntax, &content.0, &spot).ok()
}

/// How `place` is edited.
fn spot_of(place: &Place) -> Option<(Syntax, Spot)> {
    match place {
        Place::Line { name, dialect, line, .. } => {
            Some((Syntax::Lines(*dialect), Spot::Variable { name: name.clone(), line: *line }))
        }
        Place::Field { format, pointer, .. } => Some((Syntax::Tree(*format), Spot::Field(pointer.clone()))),
        Place::Cell { pointer, .. } if pointer.0.is_empty() => Some((Syntax::Whole, Spot::Whole)),
        Place::Cell { pointer, .. }
        | Place::KeyringField { pointer, .. }
        | Place::SealedField { pointer, .. } => {
            Some((Syntax::Tree(Format::Json), Spot::Field(pointer.clone())))
        }
        Place::File { .. } | Place::Keyring { .. } => Some((Syntax::Whole, Spot::Whole)),
        Place::Env { .. } | Place::Command { .. } | Place::BuiltIn { .. } | Place::Sealed { .. } => None,
    }
}

/// The permission bits without those of others, where others may read, or none if nothing needs to change. A file
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
pub fn lay(overlay: &mut Overlay<'_>, changes: &[Change]) {
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
