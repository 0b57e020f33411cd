//! The JSON of everything that writes.

use std::path::Path;

use serde::Serialize;

use super::rotating::Row;
use super::{Change, DiffLine, Plan, Prediction, Written, plain, prediction};
use crate::edit::LineKind;
use crate::host::journal::Manifest;
use crate::host::writer::Applied;
use crate::plan::SlotId;
use crate::report::SCHEMA;
use crate::secret::Mask;
use crate::session::holding::Restarted;
use crate::session::past::Past;
use crate::session::write::Next;
use crate::settings::Settings;
use crate::source::tilde;

#[derive(Serialize)]
pub(in crate::commands) struct PlanJson {
    schema: u32,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    title: String,
    old: Option<Mask>,
    new: Mask,
    changes: Vec<ChangeJson>,
    slots: Vec<SlotJson>,
    /// The places of the new key as they read after the write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<PlaceJson>,
    /// Where an agent could still find the old key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<LeftJson>,
    /// Files that hold the old key and that no agent reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<String>,
    /// What was restarted, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restarted: Vec<RestartedJson>,
    /// Credentials that go along, which nobody asked to replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    takes_away: Vec<LossJson>,
    /// What to do with the key that was replaced; none if no key was.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_key: Option<OldKeyJson>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct LossJson {
    key: Mask,
    place: String,
    /// No other place that keymend knows has it.
    only_copy: bool,
}

#[derive(Serialize)]
struct OldKeyJson {
    /// Nothing on this machine sends or holds it any more.
    revoke: bool,
    /// Why not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The slots that still send it.
    sent_by: Vec<String>,
}

#[derive(Serialize)]
struct PlaceJson {
    place: String,
    new_there: bool,
    old_gone: bool,
}

#[derive(Serialize)]
struct LeftJson {
    place: String,
    why: Option<String>,
}

#[derive(Serialize)]
struct RestartedJson {
    fine: bool,
    message: String,
}

#[derive(Serialize)]
struct ChangeJson {
    place: String,
    diff: Vec<String>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct SlotJson {
    slot: String,
    prediction: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sends: Option<Mask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sends_new: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<String>,
}

pub(super) fn plan(plan: &Plan, home: Option<&Path>) -> PlanJson {
    PlanJson {
        schema: SCHEMA,
        written: false,
        id: None,
        title: plain(&plan.title),
        old: plan.old.clone(),
        new: plan.new.clone(),
        changes: plan.changes.iter().map(|one| change(one, home)).collect(),
        slots: plan
            .predictions
            .iter()
            .map(|predicted| SlotJson {
                slot: plain(&predicted.slot.to_string()),
                prediction: id(&predicted.prediction),
                message: prediction(&predicted.prediction, plan.new.as_str()),
                sends: None,
                sends_new: None,
                restart: None,
            })
            .collect(),
        places: Vec::new(),
        left: Vec::new(),
        copies: Vec::new(),
        restarted: Vec::new(),
        takes_away: plan
            .losses
            .iter()
            .map(|loss| LossJson { key: loss.key.clone(), place: plain(&loss.place), only_copy: loss.only })
            .collect(),
        old_key: None,
        notes: plan.notes.iter().map(|note| plain(note)).collect(),
    }
}

pub(super) fn written(
    done: &Plan,
    written: &Written,
    restarted: &[Restarted],
    home: Option<&Path>,
) -> PlanJson {
    let mut json = plan(done, home);
    json.written = true;
    json.id = Some(written.applied.id.clone());
    json.notes.extend(written.applied.notes.iter().map(|note| plain(note)));
    for (slot, now) in json.slots.iter_mut().zip(&written.now) {
        slot.sends.clone_from(&now.sends);
        slot.sends_new = Some(now.is_new);
        slot.restart = now.restart.as_ref().map(super::restart_line);
    }
    let place = |place: &crate::source::Place| plain(&place.show(home));
    json.places = written
        .places
        .iter()
        .map(|one| PlaceJson { place: place(&one.place), new_there: one.new_there, old_gone: one.old_gone })
        .collect();
    json.left = written
        .left
        .iter()
        .map(|one| LeftJson { place: place(&one.place), why: one.why.as_deref().map(plain) })
        .collect();
    json.copies = written.copies.iter().map(|copy| plain(&tilde(copy, home))).collect();
    let next = written.next(restarted, home).zip(written.old.as_ref());
    let old_key = next.map(|(next, old)| OldKeyJson {
        revoke: next == Next::Revoke,
        reason: match next {
            Next::Revoke => None,
            Next::NotYet(why) => Some(plain(&why)),
        },
        sent_by: old.senders.iter().map(|slot| plain(&slot.to_string())).collect(),
    });
    let restarted =
        restarted.iter().map(|one| RestartedJson { fine: one.is_fine(), message: plain(&one.words()) });
    json.restarted = restarted.collect();
    json.old_key = old_key;
    json
}

const fn id(prediction: &Prediction) -> &'static str {
    match prediction {
        Prediction::SendsNew => "sends_new",
        Prediction::StillSends { .. } => "still_sends",
        Prediction::SendsOther { .. } => "sends_other",
        Prediction::SendsNothing { .. } => "sends_nothing",
        Prediction::NotKnown { .. } => "not_known",
    }
}

fn change(change: &Change, home: Option<&Path>) -> ChangeJson {
    ChangeJson {
        place: plain(&change.target.show(home)),
        diff: change.diff.iter().map(line).collect(),
        notes: change.notes.iter().map(|note| plain(note)).collect(),
    }
}

fn line(line: &DiffLine) -> String {
    let mark = match line.kind {
        LineKind::Removed => '-',
        LineKind::Added => '+',
        _ => ' ',
    };
    format!("{mark}{}", plain(&line.text))
}

#[derive(Serialize)]
pub(super) struct HistoryJson<'a> {
    schema: u32,
    keep_days: u32,
    keep_actions: usize,
    actions: Vec<ActionJson<'a>>,
    /// Entries that are never acted upon, each with why.
    unusable: Vec<String>,
}

#[derive(Serialize)]
struct ActionJson<'a> {
    id: &'a str,
    at_ms: i64,
    state: &'a crate::host::journal::State,
    title: String,
    old: Option<&'a str>,
    new: Option<&'a str>,
    undoes: Option<&'a str>,
    places: Vec<String>,
    /// What other programs wrote there since, beside its place.
    rewritten: Vec<String>,
    /// The new key is gone somewhere; `redo` brings it back.
    lost: bool,
}

pub(super) fn history<'a>(all: &'a [Past], settings: &Settings, unusable: &[String]) -> HistoryJson<'a> {
    let rewritten = |past: &Past| {
        let items = past.action.items.iter().zip(&past.since);
        let lines = items.filter_map(|(item, since)| Some((item.place.show(None), since.words()?)));
        lines.map(|(place, words)| plain(&format!("{place} {words}"))).collect()
    };
    let actions = all.iter().map(|past| (past, &past.action)).map(|(past, action)| ActionJson {
        rewritten: rewritten(past),
        lost: past.lost(),
        id: &action.id,
        at_ms: action.at_ms,
        state: &action.state,
        title: plain(&action.title),
        old: action.old.as_deref(),
        new: action.new.as_deref(),
        undoes: action.undoes.as_deref(),
        places: action.items.iter().map(|item| plain(&item.place.show(None))).collect(),
    });
    HistoryJson {
        schema: SCHEMA,
        keep_days: settings.keep.days,
        keep_actions: settings.keep.actions,
        actions: actions.collect(),
        unusable: unusable.iter().map(|line| plain(line)).collect(),
    }
}

#[derive(Serialize)]
pub(super) struct UndoneJson {
    schema: u32,
    undone: String,
    id: String,
    notes: Vec<String>,
}

pub(super) fn undone(action: &Manifest, applied: &Applied) -> UndoneJson {
    let notes = applied.notes.iter().map(|note| plain(note)).collect();
    UndoneJson { schema: SCHEMA, undone: action.id.clone(), id: applied.id.clone(), notes }
}

#[derive(Serialize)]
pub(super) struct UndoingJson<'a> {
    schema: u32,
    written: bool,
    undo: &'a str,
    changes: Vec<ChangeJson>,
}

pub(super) fn undoing<'a>(action: &'a Manifest, changes: &[Change], home: Option<&Path>) -> UndoingJson<'a> {
    let changes = changes.iter().map(|one| change(one, home)).collect();
    UndoingJson { schema: SCHEMA, written: false, undo: &action.id, changes }
}

#[derive(Serialize)]
pub(super) struct KeyPlacesJson<'a> {
    schema: u32,
    written: bool,
    old: &'a Mask,
    places: Vec<SpotJson>,
}

#[derive(Serialize)]
struct SpotJson {
    n: usize,
    place: String,
    /// It would be changed.
    ticked: bool,
    /// What a new key would do there, or why keymend does not write there.
    change: String,
    slots: Vec<String>,
}

/// Where a key is, before there is another one.
pub(super) fn key_places<'a>(rows: &[Row<'_>], old: &'a Mask, home: Option<&Path>) -> KeyPlacesJson<'a> {
    let places = (1..).zip(rows).map(|(n, row)| SpotJson {
        n,
        place: plain(&row.spot.candidate.place.show(home)),
        ticked: row.ticked,
        change: match &row.change {
            Ok(words) => (*words).to_owned(),
            Err(why) => plain(why),
        },
        slots: row.spot.slots.iter().map(|(_, slot, _)| plain(&SlotId::of(slot).to_string())).collect(),
    });
    KeyPlacesJson { schema: SCHEMA, written: false, old, places: places.collect() }
}
