//! Makes plans: [`build`] for one slot, [`rotate`] for one key in many places. Each predicts by the agent's own rules what will be sent afterwards.

use super::Change;
use super::Plan;
use super::PlanError;
use super::Predicted;
use super::Prediction;
use super::SlotId;
use super::draft::{self, Draft};
use super::kind;
use crate::agents::{Agent, Context};
use crate::destination::{Destination, Neighbour, Set};
use crate::edit::{Masker, New};
use crate::hygiene;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::Place;
use crate::world::{Overlay, World};

/// How much of a key's end an agent may keep to remember an answer (Claude Code).
pub(super) const TAIL: usize = 20;

/// A destination and what a write there would lead to.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The destination.
    pub destination: Destination,
    /// What the slot would send afterwards, or why keymend cannot write there.
    pub outcome: Result<Prediction, PlanError>,
}

/// The places where `new` could go for `slot`, in the agent's order, each with what it would lead to. The index is
/// that of the default: the first one that makes the new key active and is the person's own; of those, one that keeps a
/// reference before one that replaces it. A file that a project shares is the default only where there is no other.
#[must_use]
pub fn destinations(
    world: &dyn World,
    catalogue: &Catalogue,
    agent: &Agent,
    slot: &Slot,
    new: &Secret,
) -> (Vec<Offered>, Option<usize>) {
    let mut named: Vec<Destination> = Vec::new();
    for destination in (agent.destinations)(&Context { world, catalogue }, slot) {
        let known = named.iter().any(|other| other.place.same_spot(&destination.place));
        let fits = kind::check(world, catalogue, &destination.place, new, slot.provider.as_deref());
        if !known && fits.is_ok() {
            named.push(destination);
        }
    }
    let reference = |destination: &Destination| {
        let text = draft::key_at(world, &destination.place)?;
        hygiene::reference(&text)
    };
    let references: Vec<Option<String>> = named.iter().map(reference).collect();
    let shared: Vec<bool> = named.iter().map(|one| kind::is_shared(world, &one.place)).collect();
    let all_shared = shared.iter().all(|shared| *shared);
    let mut all = Vec::new();
    for ((mut destination, reference), shared) in named.into_iter().zip(&references).zip(&shared) {
        let outcome = match build(world, catalogue, agent, slot, &destination, new) {
            Ok(plan) => {
                Ok(plan.predictions.into_iter().next().map_or_else(unlisted, |first| first.prediction))
            }
            Err(error) => Err(error),
        };
        if let Some(reference) = reference {
            destination.effect += &format!("; the reference {reference} is replaced by the key itself");
        }
        if *shared && !all_shared {
            destination.effect += "; this file belongs to the project, whose programs read it too";
        }
        all.push(Offered { destination, outcome });
    }
    let becomes = |at: &usize| all[*at].outcome.as_ref().is_ok_and(Prediction::is_new);
    let own = |at: &usize| becomes(at) && (all_shared || !shared[*at]);
    let default = (0..all.len()).find(|at| own(at) && references[*at].is_none());
    (all.clone(), default.or_else(|| (0..all.len()).find(own)))
}

/// The plan that writes `new` to `destination` for `slot`.
pub fn build(
    world: &dyn World,
    catalogue: &Catalogue,
    agent: &Agent,
    slot: &Slot,
    destination: &Destination,
    new: &Secret,
) -> Result<Plan, PlanError> {
    let context = Context { world, catalogue };
    let mut draft = Draft::new(context);
    let old = slot
        .candidates
        .iter()
        .find(|c| c.place.same_spot(&destination.place))
        .and_then(|c| c.value.secret())
        .filter(|old| !old.is_empty());
    if old != Some(new) {
        kind::check(world, catalogue, &destination.place, new, slot.provider.as_deref())?;
    }
    add_destination(&mut draft, agent, destination, new, old, false)?;
    let known = keys_of(std::slice::from_ref(slot)).chain([new.clone()]);
    let masker = Masker::new(catalogue, known.chain(parts_in(&destination.neighbours, new)));
    let places = draft.places();
    let changes = draft.finish(&masker)?;
    if changes.is_empty() {
        return Err(PlanError::NoChange);
    }
    Ok(Plan {
        title: format!("set {}", SlotId::of(slot)),
        slot: Some(SlotId::of(slot)),
        old: old.map(|old| catalogue.mask(old)),
        replaced: old.cloned(),
        new: catalogue.mask(new),
        places,
        predictions: predict(context, &[agent], &changes, &[SlotId::of(slot)], new),
        notes: vec![destination.effect.clone()],
        losses: Vec::new(),
        guarded: false,
        changes,
    })
}

/// One plan that puts `new` at every place in `ticked` where `old` is, with the neighbours that the agents need.
pub fn rotate(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
    old: &Secret,
    new: &Secret,
    ticked: &[Place],
) -> Result<Plan, PlanError> {
    let places: Vec<PlacedKey> =
        ticked.iter().map(|place| PlacedKey { place: place.clone(), key: Some(old.clone()) }).collect();
    let many = Many { agents, new, places: &places, strict: true };
    let plan = many.plan(Context { world, catalogue })?;
    Ok(Plan {
        title: format!("rotate {} in {}", catalogue.mask(old), count(plan.places.len())),
        old: Some(catalogue.mask(old)),
        replaced: Some(old.clone()),
        ..plan
    })
}

/// Whether a new key can be put at `place` in place of `old`: tried in memory, with a key of a usual form.
pub fn changeable(
    world: &dyn World,
    catalogue: &Catalogue,
    place: &Place,
    old: &Secret,
) -> Result<(), PlanError> {
    let mut draft = Draft::new(Context { world, catalogue });
    draft.put_key("", place, &Secret::new("sk-FAKE-a-key-of-a-usual-form"), Some(old), true)?;
    draft.finish(&Masker::new(catalogue, [])).map(drop)
}

fn count(places: usize) -> String {
    if places == 1 { "1 place".to_owned() } else { format!("{places} places") }
}

/// A place, and the key that is there now, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedKey {
    /// Where.
    pub place: Place,
    /// The key.
    pub key: Option<Secret>,
}

/// One plan that brings `new` back to places where it was, whatever is there now.
pub fn bring_back(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
    places: &[PlacedKey],
    new: &Secret,
) -> Result<Plan, PlanError> {
    let many = Many { agents, new, places, strict: false };
    let plan = many.plan(Context { world, catalogue })?;
    let old = places.iter().find_map(|placed| placed.key.clone());
    Ok(Plan {
        title: format!("bring {} back to {}", plan.new, count(plan.places.len())),
        old: old.as_ref().map(|old| catalogue.mask(old)),
        replaced: old,
        ..plan
    })
}

/// `place` by the file behind every link, so that one line reached by two paths is one.
fn physical(world: &dyn World, place: &Place) -> Place {
    let mut real = place.clone();
    if let Place::Line { file, .. } | Place::Field { file, .. } | Place::File { file } = &mut real
        && let Some(meta) = world.read(file).meta()
        && !meta.real.as_os_str().is_empty()
    {
        file.clone_from(&meta.real);
    }
    real
}

/// One key for many places.
struct Many<'a> {
    agents: &'a [&'static Agent],
    new: &'a Secret,
    places: &'a [PlacedKey],
    /// A place where the old key is not a part of the text is refused.
    strict: bool,
}

impl Many<'_> {
    fn plan(&self, context: Context<'_>) -> Result<Plan, PlanError> {
        let (new, catalogue) = (self.new, context.catalogue);
        let scanned = scan(context, self.agents);
        let mut draft = Draft::new(context);
        let mut done: Vec<Place> = Vec::new();
        for placed in self.places {
            let real = physical(context.world, &placed.place);
            if done.iter().any(|other| other.same_spot(&real)) {
                continue;
            }
            done.push(real);
            self.add(&mut draft, context, &scanned, placed)?;
        }
        let slots: Vec<Slot> = scanned.iter().flat_map(|(_, slots)| slots.iter().cloned()).collect();
        let old = || self.places.iter().filter_map(|placed| placed.key.clone());
        let known: Vec<Secret> = keys_of(&slots).chain(old()).chain([new.clone()]).collect();
        let tails: Vec<Secret> = known.iter().map(|key| key.tail(TAIL)).collect();
        let masker = Masker::new(catalogue, known.into_iter().chain(tails));
        let places = draft.places();
        let changes = draft.finish(&masker)?;
        if changes.is_empty() {
            return Err(PlanError::NoChange);
        }
        let concerned: Vec<SlotId> = slots
            .iter()
            .filter(|slot| slot.sent().is_some_and(|sent| old().any(|old| old == sent.key)))
            .map(SlotId::of)
            .collect();
        Ok(Plan {
            title: String::new(),
            slot: None,
            old: None,
            replaced: None,
            new: catalogue.mask(new),
            places,
            predictions: predict(context, self.agents, &changes, &concerned, new),
            notes: Vec::new(),
            losses: Vec::new(),
            guarded: false,
            changes,
        })
    }

    /// One place: where it is the active one, with the neighbours of the destination that its agent names for it.
    fn add(
        &self,
        draft: &mut Draft<'_>,
        context: Context<'_>,
        scanned: &[(&'static Agent, Vec<Slot>)],
        placed: &PlacedKey,
    ) -> Result<(), PlanError> {
        let (place, old) = (&placed.place, placed.key.as_ref());
        kind::check(context.world, context.catalogue, place, self.new, None)?;
        let holders = scanned.iter().flat_map(|(agent, slots)| slots.iter().map(move |slot| (*agent, slot)));
        let mut owner = None;
        for (agent, slot) in holders {
            let Some(at) = slot.candidates.iter().position(|one| one.place.same_spot(place)) else {
                continue;
            };
            if let Some(why) = super::refusal(slot, &slot.candidates[at]) {
                return Err(PlanError::NotWritable {
                    place: place.show(context.world.home()),
                    why,
                    hint: "leave this place out".to_owned(),
                });
            }
            owner.get_or_insert(agent.id);
            // A rotation changes keys and no choices: what makes a place the active one comes along only where it is
            // that already.
            if slot.active != Some(at) {
                continue;
            }
            let named = (agent.destinations)(&context, slot);
            if let Some(destination) = named.into_iter().find(|to| to.place.same_spot(place)) {
                return add_destination(draft, agent, &destination, self.new, old, self.strict);
            }
        }
        draft.put_key(owner.unwrap_or_default(), place, self.new, old, self.strict)
    }
}

/// The key and the neighbours of a destination; `old` is the key that is there, as it is sent.
fn add_destination(
    draft: &mut Draft<'_>,
    agent: &Agent,
    destination: &Destination,
    new: &Secret,
    old: Option<&Secret>,
    strict: bool,
) -> Result<(), PlanError> {
    draft.put_key(agent.id, &destination.place, new, old, strict)?;
    for neighbour in &destination.neighbours {
        match value_of(&neighbour.set, new) {
            Some(value) => draft.put(agent.id, &neighbour.place, value, Some(&neighbour.why))?,
            None => draft.put_key(agent.id, &neighbour.place, new, old, false)?,
        }
    }
    Ok(())
}

/// What a neighbour becomes; none if it is the new key itself.
pub(super) fn value_of(set: &Set, new: &Secret) -> Option<New> {
    match set {
        Set::Json(value) => Some(New::Json(value.clone())),
        Set::Key => None,
        Set::Remove => Some(New::Nothing),
        Set::ListWithTail { list, chars } => {
            let tail = new.tail(*chars);
            Some(New::list(list.iter().filter(|item| **item != tail).chain([&tail]).cloned()))
        }
        Set::ListWithout { list, item } => {
            Some(New::list(list.iter().filter(|other| *other != item).cloned()))
        }
    }
}

/// The changes that neighbours alone make, or none if one of them would put a key that has no place of its own.
pub(super) fn changes_of(
    context: Context<'_>,
    agent: &Agent,
    slot: &Slot,
    neighbours: &[Neighbour],
    key: &Secret,
) -> Result<Vec<Change>, PlanError> {
    let mut draft = Draft::new(context);
    for neighbour in neighbours {
        let value = value_of(&neighbour.set, key).ok_or(PlanError::NoChange)?;
        draft.put(agent.id, &neighbour.place, value, Some(&neighbour.why))?;
    }
    let known: Vec<Secret> = keys_of(std::slice::from_ref(slot)).collect();
    let tails: Vec<Secret> = known.iter().map(|key| key.tail(TAIL)).collect();
    let parts = parts_in(neighbours, key);
    let changes =
        draft.finish(&Masker::new(context.catalogue, known.into_iter().chain(tails).chain(parts)))?;
    if changes.is_empty() { Err(PlanError::NoChange) } else { Ok(changes) }
}

/// The ends of keys that neighbours write or find: parts of keys, which no diff may show.
pub(super) fn parts_in(neighbours: &[Neighbour], new: &Secret) -> Vec<Secret> {
    neighbours.iter().flat_map(|neighbour| neighbour.set.parts(new)).collect()
}

fn scan(context: Context<'_>, agents: &[&'static Agent]) -> Vec<(&'static Agent, Vec<Slot>)> {
    let slots = |agent: &&'static Agent| Some((*agent, agent.scan(&context)?.slots));
    agents.iter().filter_map(slots).collect()
}

/// What the slots in `wanted` will send, then every other slot of these agents whose answer changes.
pub(super) fn predict(
    context: Context<'_>,
    agents: &[&Agent],
    changes: &[Change],
    wanted: &[SlotId],
    new: &Secret,
) -> Vec<Predicted> {
    let mut overlay = Overlay::new(context.world);
    draft::lay(&mut overlay, changes);
    let after = Context { world: &overlay, catalogue: context.catalogue };
    let slots = |context: Context<'_>| -> Vec<Slot> {
        agents.iter().filter_map(|agent| agent.scan(&context)).flat_map(|found| found.slots).collect()
    };
    let (before, after) = (slots(context), slots(after));
    let mut predicted: Vec<Predicted> = wanted
        .iter()
        .map(|id| Predicted {
            slot: id.clone(),
            prediction: id.find(&after).map_or_else(unlisted, |slot| {
                prediction(context, slot, id.find(&before).and_then(Slot::sent), new)
            }),
            sends_now: id.find(&before).and_then(Slot::sent).is_some(),
        })
        .collect();
    for slot in &after {
        let id = SlotId::of(slot);
        let was = id.find(&before).and_then(Slot::sent);
        if !wanted.contains(&id) && slot.sent() != was {
            let sends_now = was.is_some();
            predicted.push(Predicted {
                slot: id,
                prediction: prediction(context, slot, was, new),
                sends_now,
            });
        }
    }
    predicted
}

fn unlisted() -> Prediction {
    Prediction::NotKnown { why: "the agent does not list this slot after the change".to_owned() }
}

fn prediction(context: Context<'_>, slot: &Slot, was: Option<&Sent>, new: &Secret) -> Prediction {
    match &slot.outcome {
        Outcome::Sends { sent, .. } if sent.key == *new => Prediction::SendsNew,
        Outcome::Sends { sent, .. } => {
            // Where what is sent is not the active candidate (a second credential that is sent as well), its own place.
            let holds = |one: &&Candidate| one.value.secret() == Some(&sent.key);
            let active = slot.active_candidate().filter(holds).or_else(|| slot.candidates.iter().find(holds));
            let place = active.map_or_else(
                || "its own header or setting".to_owned(),
                |active| active.place.show(context.world.home()),
            );
            let key = context.catalogue.mask(&sent.key);
            let why = active.map_or_else(String::new, |active| active.state.reason().to_owned());
            if was.is_some_and(|was| was.key != sent.key) {
                Prediction::SendsOther { place, key, why }
            } else {
                Prediction::StillSends { place, key, why }
            }
        }
        Outcome::Nothing { reason } => Prediction::SendsNothing { why: reason.clone() },
        Outcome::Hidden { reason } | Outcome::NotKnown { reason } => {
            Prediction::NotKnown { why: reason.clone() }
        }
    }
}

/// All keys among the candidates, for masking.
pub(super) fn keys_of(slots: &[Slot]) -> impl Iterator<Item = Secret> + '_ {
    slots.iter().flat_map(|slot| {
        slot.candidates
            .iter()
            .filter_map(|c| c.value.secret().cloned())
            .chain(slot.sent().map(|sent| sent.key.clone()))
    })
}
