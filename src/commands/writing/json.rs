//! The JSON of everything that writes.

use std::path::Path;

use serde::Serialize;

use super::{
    Applied, Change, DiffLine, Manifest, Plan, Prediction, SCHEMA, Target, Written, plain, prediction,
};
use crate::edit::LineKind;
use crate::secret::Mask;
use crate::source::tilde;

#[derive(Serialize)]
pub(super) struct PlanJson {
    schema: u32,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    title: String,
    old: Option<Mask>,
    new: Mask,
    changes: Vec<ChangeJson>,
    slots: Vec<SlotJson>,
    notes: Vec<String>,
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
                message: prediction(&predicted.prediction),
                sends: None,
                sends_new: None,
                restart: None,
            })
            .collect(),
        notes: plan.notes.iter().map(|note| plain(note)).collect(),
    }
}

pub(super) fn written(done: &Plan, written: &Written, home: Option<&Path>) -> PlanJson {
    let mut json = plan(done, home);
    json.written = true;
    json.id = Some(written.applied.id.clone());
    json.notes.extend(written.applied.notes.iter().map(|note| plain(note)));
    for (slot, now) in json.slots.iter_mut().zip(&written.now) {
        slot.sends.clone_from(&now.sends);
        slot.sends_new = Some(now.is_new);
        slot.restart = now.restart.as_ref().map(super::restart_line);
    }
    json
}

const fn id(prediction: &Prediction) -> &'static str {
    match prediction {
        Prediction::SendsNew => "sends_new",
        Prediction::StillSends { .. } => "still_sends",
        Prediction::SendsNothing { .. } => "sends_nothing",
        Prediction::NotKnown { .. } => "not_known",
    }
}

fn change(change: &Change, home: Option<&Path>) -> ChangeJson {
    let place = match &change.target {
        Target::File { path, .. } => tilde(path, home),
        Target::Cell(cell) => format!("{}#{}/{}", tilde(&cell.db, home), cell.table, cell.key),
        Target::Keyring { service, user } => format!("keyring {service} / {user}"),
    };
    ChangeJson {
        place: plain(&place),
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
    actions: Vec<ActionJson<'a>>,
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
}

pub(super) fn history(all: &[Manifest]) -> HistoryJson<'_> {
    let actions = all.iter().map(|action| ActionJson {
        id: &action.id,
        at_ms: action.at_ms,
        state: &action.state,
        title: plain(&action.title),
        old: action.old.as_deref(),
        new: action.new.as_deref(),
        undoes: action.undoes.as_deref(),
        places: action.items.iter().map(|item| plain(&item.place.show())).collect(),
    });
    HistoryJson { schema: SCHEMA, actions: actions.collect() }
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
