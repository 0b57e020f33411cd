//! The way back: [`Writer::undo`], what another program did to a place since keymend wrote there ([`Since`]), and the
//! kinds of undo that are left then.

use super::{Action, Applied, ApplyError, Conflict, Writer};
use crate::edit::{self, Edit, Masker, New, Syntax, Touched};
use crate::host::journal::{Item, ItemPlace, Manifest, State};
use crate::plan::{Change, Content, Hash, Target};
use crate::secret::Secret;
use crate::source::{Dialect, Format, Place};

/// How an undo treats a place that somebody wrote to since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Back {
    /// It refuses and shows the difference: everything comes back byte for byte, or nothing.
    #[default]
    Exact,
    /// Only the values that keymend changed come back; what else was written since stays.
    Values,
    /// The old content comes back whole, over what was written since.
    Whole,
}

/// What became of an item of an action, and the places there where its key was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What became of it.
    pub since: Since,
    /// Where the key can be brought back.
    pub lost: Vec<Place>,
}

/// What became of a place that keymend wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It is as it was written.
    AsWritten,
    /// Something else was written there, and what keymend put there is still there.
    Kept,
    /// The file, row or entry is gone.
    Gone,
    /// Another program put the old value back.
    OldIsBack,
    /// Another value is there, or none.
    Replaced,
    /// It cannot be read, or its values cannot be told apart.
    NotKnown,
}

impl Since {
    /// In words, behind the place, or none if nothing happened.
    #[must_use]
    pub const fn words(self) -> Option<&'static str> {
        match self {
            Self::AsWritten => None,
            Self::Kept => Some("was written again since, and what keymend put there is still there"),
            Self::Gone => Some("is gone since"),
            Self::OldIsBack => Some("was written again since: the old key is back"),
            Self::Replaced => Some("was written again since: another value is there now"),
            Self::NotKnown => Some("was written again since"),
        }
    }

    /// Whether the new key is gone from there, so that it can be brought back.
    #[must_use]
    pub const fn lost(self) -> bool {
        matches!(self, Self::OldIsBack | Self::Replaced)
    }
}

impl Writer<'_> {
    /// The action that `undo` without an id means: the newest one that was written and is not itself an undo.
    #[must_use]
    pub fn last(&self) -> Option<Manifest> {
        let (all, _) = self.journal.history();
        all.into_iter().find(|action| action.state == State::Written && action.undoes.is_none())
    }

    /// The changes that undo an action, for the review screen; a conflict where somebody edited since and `how` does
    /// not say what to do then.
    pub fn undo_changes(&self, id: &str, how: Back, masker: &Masker<'_>) -> Result<Vec<Change>, ApplyError> {
        let action = self.journal.read(id)?;
        if !matches!(action.state, State::Written | State::Stuck) {
            return Err(ApplyError::NothingToUndo);
        }
        let (mut changes, mut conflicts) = (Vec::new(), Vec::new());
        for item in &action.items {
            let target = item.place.target();
            let old = self.journal.backup(id, item)?;
            let now = self.current(&target)?;
            let before = now.as_ref().map(|now| Hash::of(&now.0));
            // Where somebody put the old content back already, nothing is in the way.
            let untouched = before.map(|hash| hash.to_string()) == item.after || now == old;
            let back = match (how, &item.touched) {
                (Back::Values, Some(touched)) if !untouched => {
                    old_values(item, touched, old.as_ref(), now.as_ref())
                }
                (Back::Exact, _) | (Back::Values, None) if !untouched => Err(()),
                _ => Ok(old.clone()),
            };
            let masker = masker.knowing(keys_in(item, &[old.as_ref(), now.as_ref()]));
            let shown = back.as_ref().unwrap_or(&old);
            let diff = masker.diff_as(syntax_of(item), &text(now.as_ref()), &text(shown.as_ref()));
            match back {
                Err(()) => conflicts.push(Conflict { place: item.place.clone(), diff }),
                Ok(after) if after == now => {}
                Ok(after) => {
                    let touched = item.touched.clone();
                    changes.push(Change { target, before, after, touched, diff, notes: Vec::new() });
                }
            }
        }
        match (conflicts.is_empty(), changes.is_empty()) {
            (false, _) => Err(ApplyError::Conflict { id: id.to_owned(), conflicts }),
            (true, true) => Err(ApplyError::NothingToUndo),
            (true, false) => Ok(changes),
        }
    }

    /// Undoes an action: byte for byte, or as `how` says where somebody edited since.
    pub fn undo(&self, id: &str, how: Back, masker: &Masker<'_>) -> Result<Applied, ApplyError> {
        let _ours = self.lock()?;
        self.nothing_is_interrupted()?;
        let mut action = self.journal.read(id)?;
        let targets: Vec<Target> = action.items.iter().map(|item| item.place.target()).collect();
        let agents = self.agent_locks(&targets)?;
        let changes = self.undo_changes(id, how, masker)?;
        let undo = Action {
            title: format!("undo {}", action.title),
            old: action.new.clone(),
            new: action.old.clone(),
            key: None,
            undoes: Some(id.to_owned()),
        };
        let items = changes.iter().map(super::item_of).collect();
        let mut applied = self.apply_locked(&undo, &changes, items)?;
        // An agent's lock can be in a folder that goes with its file.
        drop(agents);
        action.items.iter().for_each(Item::unmake_folders);
        applied.notes.extend(action.items.iter().filter_map(still_tightened));
        let _ = self.journal.mark(&mut action, State::Undone);
        Ok(applied)
    }

    /// What became of each place of a written action.
    #[must_use]
    pub fn trace(&self, action: &Manifest) -> Vec<Trace> {
        action.items.iter().map(|item| self.trace_of(action, item)).collect()
    }

    fn trace_of(&self, action: &Manifest, item: &Item) -> Trace {
        let only = |since| Trace { since, lost: Vec::new() };
        let target = item.place.target();
        let now = match &target {
            // Only a look: nobody is asked to unlock anything.
            Target::Keyring { service, user } => {
                let text = self.keyring.peek(service, user).map_err(|_| ());
                text.map(|text| text.map(|secret| Content(edit::bytes_of(&secret))))
            }
            target => self.current(target).map_err(|_| ()),
        };
        let Ok(now) = now else { return only(Since::NotKnown) };
        if now.as_ref().map(|now| Hash::of(&now.0).to_string()) == item.after {
            return only(Since::AsWritten);
        }
        let (Some(touched), Ok(old)) = (&item.touched, self.journal.backup(&action.id, item)) else {
            return only(Since::NotKnown);
        };
        let Some(now) = now else { return only(Since::Gone) };
        let of_the_key = touched.key_spots().count();
        let wanted = if of_the_key == 0 { usize::MAX } else { of_the_key };
        let spots: Vec<(edit::Spot, &String)> = touched.spots().zip(&item.prints).take(wanted).collect();
        let mut since = Since::Kept;
        let mut lost = Vec::new();
        for (spot, print) in spots {
            let Some(found) = stand(item, touched.syntax, old.as_ref(), &now, &spot, print) else {
                return only(Since::NotKnown);
            };
            let (worse, at) = match found {
                Stand::Ours(_) => continue,
                Stand::Old(at) => (Since::OldIsBack, Some(at)),
                Stand::Other => (Since::Replaced, (!in_a_list(&spot)).then_some(spot)),
            };
            if since != Since::OldIsBack {
                since = worse;
            }
            lost.extend(at.and_then(|at| place_of(&target, touched.syntax, &at)));
        }
        if of_the_key == 0 {
            // Only what came along with a key that is elsewhere.
            return only(if since == Since::Kept { Since::Kept } else { Since::NotKnown });
        }
        Trace { since, lost }
    }
}

/// What is at a spot now.
enum Stand {
    /// What keymend put there, wherever in its list.
    Ours(edit::Spot),
    /// What was there before.
    Old(edit::Spot),
    /// Something else, or nothing.
    Other,
}

/// Finds what is at `spot`, or none if the content cannot be read.
fn stand(
    item: &Item,
    syntax: Syntax,
    old: Option<&Content>,
    now: &Content,
    spot: &edit::Spot,
    print: &str,
) -> Option<Stand> {
    let was = value(syntax, old, spot)?;
    value(syntax, Some(now), spot)?;
    let salt = item.after.clone().unwrap_or_default();
    let ours = |value: &New| !print.is_empty() && value.print(&salt) == print;
    if let Some(at) = edit::find(syntax, &now.0, spot, &ours) {
        return Some(Stand::Ours(at));
    }
    let back = edit::find(syntax, &now.0, spot, &|value: &New| *value == was);
    Some(back.map_or(Stand::Other, Stand::Old))
}

/// Whether a spot is named by its number in a list, which says nothing after the list was written again.
fn in_a_list(spot: &edit::Spot) -> bool {
    matches!(spot, edit::Spot::Field(pointer) if pointer.0.iter().any(|step| step.parse::<usize>().is_ok()))
}

/// An undo never opens a file to others again.
fn still_tightened(item: &Item) -> Option<String> {
    let (from, to) = item.tightened?;
    Some(format!("{} keeps its mode {to:04o} (it was {from:04o} before)", item.place.show(None)))
}

fn place_of(target: &Target, syntax: Syntax, spot: &edit::Spot) -> Option<Place> {
    use edit::Spot;
    Some(match (target, syntax, spot) {
        (Target::File { path, .. }, Syntax::Tree(format), Spot::Field(pointer)) => {
            Place::Field { file: path.clone(), format, pointer: pointer.clone() }
        }
        (Target::File { path, .. }, Syntax::Lines(dialect), Spot::Variable { name, .. }) => {
            Place::Line { file: path.clone(), line: None, name: name.clone(), dialect }
        }
        (Target::File { path, .. }, Syntax::Whole, Spot::Whole) => Place::File { file: path.clone() },
        (Target::Cell(cell), _, Spot::Field(pointer)) => {
            Place::Cell { cell: cell.clone(), pointer: pointer.clone() }
        }
        (Target::Cell(cell), _, Spot::Whole) => {
            Place::Cell { cell: cell.clone(), pointer: crate::source::Pointer::default() }
        }
        (Target::Keyring { service, user }, _, Spot::Field(pointer)) => {
            Place::KeyringField { service: service.clone(), user: user.clone(), pointer: pointer.clone() }
        }
        (Target::Keyring { service, user }, _, Spot::Whole) => {
            Place::Keyring { service: service.clone(), user: user.clone() }
        }
        _ => return None,
    })
}

/// `now` with the values that keymend changed as they are in `old`, each at the place where it is now. An error where
/// something else is there, or what is there cannot be told.
fn old_values(
    item: &Item,
    touched: &Touched,
    old: Option<&Content>,
    now: Option<&Content>,
) -> Result<Option<Content>, ()> {
    let now = now.ok_or(())?;
    if touched.spots().count() != item.prints.len() {
        return Err(());
    }
    let mut edits = Vec::new();
    for (spot, print) in touched.spots().zip(&item.prints) {
        match stand(item, touched.syntax, old, now, &spot, print).ok_or(())? {
            Stand::Ours(at) => {
                edits.push(Edit { new: value(touched.syntax, old, &spot).ok_or(())?, spot: at });
            }
            Stand::Old(_) => {}
            Stand::Other => return Err(()),
        }
    }
    if edits.is_empty() {
        return Ok(Some(now.clone()));
    }
    if touched.syntax == Syntax::Whole && edits.iter().all(|edit| edit.new == New::Nothing) {
        return Ok(None);
    }
    edit::apply(touched.syntax, Some(&now.0), &edits).map(|bytes| Some(Content(bytes))).map_err(|_| ())
}

/// What is at a spot; nothing in a file that is not there. None if the content cannot be read.
pub(super) fn value(syntax: Syntax, content: Option<&Content>, spot: &edit::Spot) -> Option<New> {
    content.map_or(Some(New::Nothing), |content| edit::value_at(syntax, &content.0, spot).ok())
}

/// The texts at the spots where an action put its key: they may be keys that are nowhere else any more.
pub(super) fn keys_in(item: &Item, contents: &[Option<&Content>]) -> Vec<Secret> {
    let Some(touched) = &item.touched else { return Vec::new() };
    let values = contents
        .iter()
        .flat_map(|content| touched.key_spots().filter_map(|spot| value(touched.syntax, *content, &spot)));
    values.filter_map(|value| value.secret()).collect()
}

pub(super) fn text(content: Option<&Content>) -> zeroize::Zeroizing<String> {
    let bytes = content.map(|content| content.0.as_slice()).unwrap_or_default();
    zeroize::Zeroizing::new(String::from_utf8_lossy(bytes).into_owned())
}

/// How the contents of an item are shown: as they were edited, else by the name of the file. JSON cells and entries are laid
/// out for reading.
pub(super) fn syntax_of(item: &Item) -> Syntax {
    if let Some(touched) = &item.touched {
        return touched.syntax;
    }
    let ItemPlace::File { path, .. } = &item.place else { return Syntax::Tree(Format::Json) };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.rsplit('.').next().unwrap_or_default() {
        "json" => Syntax::Tree(Format::Json5),
        "yaml" | "yml" => Syntax::Tree(Format::Yaml),
        "toml" => Syntax::Tree(Format::Toml),
        _ if name.contains("env") => Syntax::Lines(Dialect::PythonDotenv),
        _ => Syntax::Whole,
    }
}

/// A key that is somewhere is the one that an action brought.
#[must_use]
pub fn is_key_of(action: &Manifest, key: &Secret) -> bool {
    action.new_print.as_ref().is_some_and(|print| key.fingerprint(&action.id).to_string() == *print)
}
