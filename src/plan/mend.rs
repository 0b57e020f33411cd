//! Plans that mend what is there: the clean form of a stored key, a credential taken away, a block lifted, a file closed
//! to others. None of them brings a key that the person would have to fetch.

use std::path::Path;

use serde_json::Value as Json;

use super::build::{self, predict};
use super::draft;
use super::{Change, Content, Hash, Plan, PlanError, SlotId, Target};
use crate::agents::{Agent, Context};
use crate::destination::{Destination, Neighbour, Set};
use crate::edit::New;
use crate::resolve::{Candidate, Slot};
use crate::secret::Secret;
use crate::source::{Place, Pointer, Source, tilde};
use crate::world::{FileState, World};

/// A slot, and one of its candidates.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The machine and the providers.
    pub context: Context<'a>,
    /// Whose slot it is.
    pub agent: &'a Agent,
    /// The slot.
    pub slot: &'a Slot,
    /// The candidate's index.
    pub n: usize,
}

impl<'a> At<'a> {
    fn candidate(&self) -> Result<&'a Candidate, PlanError> {
        let missing = || PlanError::NoWay("there is no such candidate".to_owned());
        self.slot.candidates.get(self.n).ok_or_else(missing)
    }

    fn shown(&self, place: &Place) -> String {
        place.show(self.context.world.home())
    }

    /// The places beside the key that a new key at this candidate would change, as the agent names them.
    fn own_destination(&self, candidate: &Candidate) -> Option<Destination> {
        let named = (self.agent.destinations)(&self.context, self.slot);
        named.into_iter().find(|to| to.place.same_spot(&candidate.place))
    }

    /// A plan that makes these changes and brings no key.
    fn changing(&self, neighbours: &[Neighbour], title: String, note: String) -> Result<Plan, PlanError> {
        let context = self.context;
        let key = self.candidate()?.value.secret().cloned().unwrap_or_else(|| Secret::new(""));
        let changes = build::changes_of(context, self.agent, self.slot, neighbours, &key)?;
        let id = SlotId::of(self.slot);
        Ok(Plan {
            title,
            predictions: predict(context, &[self.agent], &changes, std::slice::from_ref(&id), &key),
            slot: Some(id),
            old: None,
            replaced: None,
            new: context.catalogue.mask(&key),
            places: Vec::new(),
            notes: vec![note],
            losses: Vec::new(),
            guarded: false,
            changes,
        })
    }
}

/// The plan that puts `new`, the right form of what a candidate holds, in its place.
pub fn replace(at: At<'_>, new: &Secret) -> Result<Plan, PlanError> {
    let candidate = at.candidate()?;
    if let Some(why) = super::refusal(at.slot, candidate) {
        return Err(not_here(at.shown(&candidate.place), why, "change it where the message says"));
    }
    let bare = || Destination {
        place: candidate.place.clone(),
        effect: "writes the key as it should be into its own place".to_owned(),
        neighbours: Vec::new(),
    };
    let destination = at.own_destination(candidate).unwrap_or_else(bare);
    let (world, catalogue) = (at.context.world, at.context.catalogue);
    let plan = build::build(world, catalogue, at.agent, at.slot, &destination, new)?;
    Ok(Plan { title: format!("mend {}", at.shown(&candidate.place)), replaced: None, ..plan })
}

/// The plan that takes a candidate away: the line, the field, the entry, or, where a store keeps records around its keys,
/// the whole record and its name in the orders.
pub fn remove(at: At<'_>) -> Result<Plan, PlanError> {
    let candidate = at.candidate()?;
    let shown = at.shown(&candidate.place);
    if candidate.source == Source::Oauth {
        let hint = "sign out in the program itself; it revokes the login too";
        return Err(not_here(shown, "it is a login, which its program keeps".to_owned(), hint));
    }
    if candidate.value == crate::source::Value::Unset {
        return Err(PlanError::NoWay("there is nothing at this candidate".to_owned()));
    }
    if let Some(why) = super::refusal(at.slot, candidate) {
        return Err(not_here(shown, why, "remove it where the message says"));
    }
    let neighbours = removals(&at, candidate);
    let plan = at.changing(&neighbours, format!("remove {shown}"), format!("takes {shown} away"))?;
    let key = candidate.value.secret().cloned().unwrap_or_else(|| Secret::new(""));
    let losses = super::losses(at.context, at.agent, &plan.changes, &Secret::new(""));
    let asked = |loss: &super::Loss| loss.key == at.context.catalogue.mask(&key);
    // That the credential itself goes is what was asked for; that no other place has it is worth a word.
    let only = losses.iter().any(|loss| asked(loss) && loss.only);
    let mut notes = plan.notes.clone();
    if only {
        notes.push(
            "no other place that keymend knows has this credential; the backup keeps it for an undo"
                .to_owned(),
        );
    }
    let losses: Vec<super::Loss> = losses.into_iter().filter(|loss| !asked(loss)).collect();
    Ok(Plan { guarded: losses.iter().any(|loss| loss.only), losses, notes, ..plan })
}

/// What goes along with a candidate.
fn removals(at: &At<'_>, candidate: &Candidate) -> Vec<Neighbour> {
    let record = record_of(&candidate.place);
    let why = match &record {
        Some((_, name)) if !name.is_empty() => format!("removes the whole record {name}"),
        _ => "removes it".to_owned(),
    };
    let place = record.as_ref().map_or_else(|| candidate.place.clone(), |(place, _)| place.clone());
    let mut all = vec![Neighbour { place, set: Set::Remove, why }];
    if let Some((place, name)) = record.filter(|(_, name)| !name.is_empty()) {
        all.extend(names_elsewhere(at, &place, &name));
    }
    all
}

/// The record around the field of a candidate, and its name where records have one: `profiles/NAME` of OpenClaw, an item
/// of a pool of Hermes.
fn record_of(place: &Place) -> Option<(Place, String)> {
    let steps = &pointer(place)?.0;
    let profiles = steps.iter().position(|step| step == "profiles");
    if let Some(at) = profiles.filter(|at| steps.len() == at + 3) {
        return Some((with_pointer(place, &steps[..at + 2])?, steps[at + 1].clone()));
    }
    let pool = steps.iter().position(|step| step == "credential_pool")?;
    let item = (steps.len() == pool + 4 && steps[pool + 2].parse::<usize>().is_ok()).then_some(pool + 3)?;
    Some((with_pointer(place, &steps[..item])?, String::new()))
}

/// Where else a store names a record: in its orders and in its notes about failures.
fn names_elsewhere(at: &At<'_>, record: &Place, name: &str) -> Vec<Neighbour> {
    let world = at.context.world;
    let mut all = Vec::new();
    for home in [record.clone()].into_iter().chain(state_of(record)) {
        for (list, key, value) in
            ["order", "usageStats", "lastGood"].iter().flat_map(|list| members(world, &home, list))
        {
            let rest: Option<Vec<Json>> = value
                .as_array()
                .map(|ids| ids.iter().filter(|id| id.as_str() != Some(name)).cloned().collect());
            let shorter =
                value.as_array().zip(rest.as_ref()).is_some_and(|(ids, rest)| rest.len() < ids.len());
            let set = match rest {
                Some(rest) if shorter && !rest.is_empty() => Set::Json(rest.into()),
                _ if shorter || key == name || value.as_str() == Some(name) => Set::Remove,
                _ => continue,
            };
            let Some(place) = with_pointer(&home, &[list.to_owned(), key]) else { continue };
            all.push(Neighbour { place, set, why: format!("{list} no longer names {name}") });
        }
    }
    all
}

/// The members of a list of a store, with its name before each.
fn members<'a>(world: &dyn World, home: &Place, list: &'a str) -> Vec<(&'a str, String, Json)> {
    let found = with_pointer(home, &[list.to_owned()]).and_then(|place| draft::value_at(world, &place));
    let Some(New::Json(Json::Object(map))) = found else { return Vec::new() };
    map.into_iter().map(|(key, value)| (list, key, value)).collect()
}

/// OpenClaw keeps orders and failures in a file, row or table beside the one with the profiles.
fn state_of(place: &Place) -> Option<Place> {
    let mut other = place.clone();
    match &mut other {
        Place::Cell { cell, .. } if cell.table == "auth_profile_store" => {
            (cell.table, cell.key_column, cell.value_column) =
                ("auth_profile_state", "state_key", "state_json");
        }
        Place::Cell { cell, .. } if cell.key == "authProfiles.store" => {
            "authProfiles.state".clone_into(&mut cell.key);
        }
        Place::Field { file, .. } if file.file_name().is_some_and(|name| name == "auth-profiles.json") => {
            file.set_file_name("auth-state.json");
        }
        _ => return None,
    }
    Some(other)
}

/// The plan that ends an agent's waiting time for a candidate, so that it is tried again.
pub fn unblock(at: At<'_>) -> Result<Plan, PlanError> {
    let candidate = at.candidate()?;
    let of_switch = (at.agent.switch)(&at.context, at.slot, at.n).into_iter().map(|switch| switch.neighbours);
    let of_place = at.own_destination(candidate).map(|destination| destination.neighbours);
    let mut marks: Vec<Neighbour> = Vec::new();
    let of_record = vec![pool_marks(at.context.world, &candidate.place)];
    let all = of_place.into_iter().chain(of_switch).chain(of_record).flatten();
    for mark in all.filter(|one| is_block(&one.place)) {
        if marks.iter().all(|other| other.place != mark.place) {
            marks.push(Neighbour { why: "lets it be tried again".to_owned(), ..mark });
        }
    }
    if marks.is_empty() {
        return Err(PlanError::NoWay("nothing keeps this credential from being tried".to_owned()));
    }
    let shown = candidate.name.clone().unwrap_or_else(|| at.shown(&candidate.place));
    let title = format!("end the waiting time of {shown}");
    at.changing(&marks, title, format!("{shown} keeps its key and is tried again"))
}

/// The plans that correct a setting with which the agent does not start: what the agent itself has for the row of the
/// setting.
pub fn correct(at: At<'_>) -> Vec<Plan> {
    let switches = (at.agent.switch)(&at.context, at.slot, at.n);
    let plans = switches.into_iter().filter_map(|switch| {
        let place = at.shown(&switch.neighbours.first()?.place);
        at.changing(&switch.neighbours, format!("{}: {place}", switch.effect), switch.effect).ok()
    });
    plans.collect()
}

/// What an entry of a pool of Hermes keeps about its last failure.
fn pool_marks(world: &dyn World, place: &Place) -> Vec<Neighbour> {
    let Some((record, _)) = record_of(place).filter(|(_, name)| name.is_empty()) else { return Vec::new() };
    let Some(New::Json(Json::Object(entry))) = draft::value_at(world, &record) else { return Vec::new() };
    let steps = pointer(&record).map(|pointer| pointer.0.clone()).unwrap_or_default();
    let failed = entry.iter().filter(|(name, value)| name.starts_with("last_") && !value.is_null());
    let mark = |(name, _): (&String, &Json)| {
        let steps: Vec<String> = steps.iter().cloned().chain([name.clone()]).collect();
        let place = with_pointer(&record, &steps)?;
        Some(Neighbour { place, set: Set::Json(Json::Null), why: String::new() })
    };
    failed.filter_map(mark).collect()
}

/// Whether a place is an agent's note that a credential failed: OpenClaw's `usageStats`, the `last_…` fields of a pool of
/// Hermes.
fn is_block(place: &Place) -> bool {
    let Some(Pointer(steps)) = pointer(place) else { return false };
    let pooled = steps.iter().any(|step| step == "credential_pool");
    steps.iter().any(|step| step == "usageStats")
        || (pooled && steps.last().is_some_and(|step| step.starts_with("last_")))
}

/// The plan that takes the rights of others from a file.
pub fn tighten(context: Context<'_>, file: &Path) -> Result<Plan, PlanError> {
    let world = context.world;
    let shown = tilde(file, world.home());
    let state = world.read(file);
    let FileState::Regular(content) = &*state else {
        return Err(PlanError::NoWay(format!("{shown} is not there")));
    };
    let mode = content.meta.mode & 0o700;
    let own = world.home().is_some_and(|home| content.meta.real.starts_with(home));
    if mode == content.meta.mode & 0o777 || !own {
        return Err(PlanError::NoChange);
    }
    let change = Change {
        target: Target::File {
            path: file.to_owned(),
            real: content.meta.real.clone(),
            mode: Some(mode),
            lock: None,
        },
        before: Some(Hash::of(&content.bytes)),
        after: Some(Content(content.bytes.clone())),
        touched: None,
        diff: Vec::new(),
        notes: vec![format!("mode {:04o} → {mode:04o}, others could read it", content.meta.mode & 0o777)],
    };
    Ok(Plan {
        title: format!("close {shown} to others"),
        slot: None,
        old: None,
        replaced: None,
        new: context.catalogue.mask(&Secret::new("")),
        places: Vec::new(),
        changes: vec![change],
        predictions: Vec::new(),
        notes: vec!["the content stays as it is".to_owned()],
        losses: Vec::new(),
        guarded: false,
    })
}

fn not_here(place: String, why: String, hint: &str) -> PlanError {
    PlanError::NotWritable { place, why, hint: hint.to_owned() }
}

const fn pointer(place: &Place) -> Option<&Pointer> {
    match place {
        Place::Field { pointer, .. }
        | Place::Cell { pointer, .. }
        | Place::KeyringField { pointer, .. }
        | Place::SealedField { pointer, .. } => Some(pointer),
        _ => None,
    }
}

fn with_pointer(place: &Place, steps: &[String]) -> Option<Place> {
    let mut other = place.clone();
    match &mut other {
        Place::Field { pointer, .. } | Place::Cell { pointer, .. } | Place::KeyringField { pointer, .. } => {
            *pointer = Pointer(steps.to_vec());
            Some(other)
        }
        _ => None,
    }
}
