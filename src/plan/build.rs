//! Makes plans: [`build`] for one slot, [`rotate`] for one key in many places, [`use_candidate`] to make another
//! candidate the active one. Each predicts by the agent's own rules what will be sent afterwards.

use super::draft::{self, Draft};
use super::{Change, Destination, Plan, PlanError, Predicted, Prediction, Set, SlotId};
use crate::agents::{Agent, Context};
use crate::edit::{Masker, New};
use crate::host::{Overlay, World};
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot};
use crate::secret::Secret;
use crate::source::Place;

/// How much of a key's end an agent may keep to remember an answer (Claude Code).
const TAIL: usize = 20;

/// A destination and what a write there would lead to.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The destination.
    pub destination: Destination,
    /// What the slot would send afterwards, or why keymend cannot write there.
    pub outcome: Result<Prediction, PlanError>,
}

/// The places where `new` could go for `slot`, in the agent's order, each with what it would lead to. The index is
/// that of the first one that makes the new key active: the default.
#[must_use]
pub fn destinations(
    world: &dyn World,
    catalogue: &Catalogue,
    agent: &Agent,
    slot: &Slot,
    new: &Secret,
) -> (Vec<Offered>, Option<usize>) {
    let all: Vec<Offered> = (agent.destinations)(&Context { world, catalogue }, slot)
        .into_iter()
        .map(|destination| {
            let outcome = match build(world, catalogue, agent, slot, &destination, new) {
                Ok(plan) => {
                    Ok(plan.predictions.into_iter().next().map_or_else(unlisted, |first| first.prediction))
                }
                Err(error) => Err(error),
            };
            Offered { destination, outcome }
        })
        .collect();
    let default = all.iter().position(|offered| offered.outcome.as_ref().is_ok_and(Prediction::is_new));
    (all, default)
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
    add_destination(&mut draft, agent, destination, new, old, false)?;
    let known = keys_of(std::slice::from_ref(slot)).chain([new.clone()]);
    let masker = Masker::new(catalogue, known.chain(tails_of(destination, new)));
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
        changes,
    })
}

/// One plan that puts `new` at every place in `ticked` where `old` stands, with the neighbours that the agents need.
pub fn rotate(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
    old: &Secret,
    new: &Secret,
    ticked: &[Place],
) -> Result<Plan, PlanError> {
    let places: Vec<Stands> =
        ticked.iter().map(|place| Stands { place: place.clone(), key: Some(old.clone()) }).collect();
    let many = Many { agents, new, places: &places, strict: true };
    let plan = many.plan(Context { world, catalogue })?;
    Ok(Plan {
        title: format!("rotate {} in {}", catalogue.mask(old), count(plan.places.len())),
        old: Some(catalogue.mask(old)),
        replaced: Some(old.clone()),
        ..plan
    })
}

/// Whether a new key can be put at `place` in the stead of `old`: tried in memory, with a key of a usual form.
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

/// A place, and the key that stands there now, if one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// Where.
    pub place: Place,
    /// The key.
    pub key: Option<Secret>,
}

/// One plan that brings `new` back to places where it stood, whatever stands there now.
pub fn bring_back(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
    places: &[Stands],
    new: &Secret,
) -> Result<Plan, PlanError> {
    let many = Many { agents, new, places, strict: false };
    let plan = many.plan(Context { world, catalogue })?;
    let old = places.iter().find_map(|stands| stands.key.clone());
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
    places: &'a [Stands],
    /// A place where the old key is not a part of the text is refused.
    strict: bool,
}

impl Many<'_> {
    fn plan(&self, context: Context<'_>) -> Result<Plan, PlanError> {
        let (new, catalogue) = (self.new, context.catalogue);
        let scanned = scan(context, self.agents);
        let mut draft = Draft::new(context);
        let mut done: Vec<Place> = Vec::new();
        for stands in self.places {
            let real = physical(context.world, &stands.place);
            if done.iter().any(|other| other.same_spot(&real)) {
                continue;
            }
            done.push(real);
            self.add(&mut draft, context, &scanned, stands)?;
        }
        let slots: Vec<Slot> = scanned.iter().flat_map(|(_, slots)| slots.iter().cloned()).collect();
        let old = || self.places.iter().filter_map(|stands| stands.key.clone());
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
            changes,
        })
    }

    /// One place: where it is the active one, with the neighbours of the destination that its agent names for it.
    fn add(
        &self,
        draft: &mut Draft<'_>,
        context: Context<'_>,
        scanned: &[(&'static Agent, Vec<Slot>)],
        stands: &Stands,
    ) -> Result<(), PlanError> {
        let (place, old) = (&stands.place, stands.key.as_ref());
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

/// The plan that makes candidate `n` of `slot` the active one: by the agent's own choice where it has one (an order,
/// a binding), else by writing the candidate's key where the winner stands.
pub fn use_candidate(
    world: &dyn World,
    catalogue: &Catalogue,
    agent: &Agent,
    slot: &Slot,
    n: usize,
) -> Result<Plan, PlanError> {
    let context = Context { world, catalogue };
    let missing = || PlanError::NoWay("there is no key at this candidate".to_owned());
    let candidate = slot.candidates.get(n).ok_or_else(missing)?;
    let key = candidate.value.secret().filter(|key| !key.is_empty()).ok_or_else(missing)?;
    if slot.active == Some(n) {
        let instead = match &slot.outcome {
            Outcome::Nothing { reason } => format!(", and nothing leaves all the same: {reason}"),
            _ => String::new(),
        };
        return Err(PlanError::NoWay(format!(
            "candidate {} is the one that is used already{instead}",
            n + 1
        )));
    }
    let all = (agent.destinations)(&context, slot);
    // Nothing is rotated: where the other key stands is nobody's worry.
    let used = |destination: &Destination| {
        let plan = build(world, catalogue, agent, slot, destination, key).ok().filter(makes_new)?;
        Some(Plan {
            title: format!("use candidate {} of {}", n + 1, SlotId::of(slot)),
            replaced: None,
            ..plan
        })
    };
    let mut own = all.iter().filter(|destination| destination.place.same_spot(&candidate.place));
    if let Some(plan) = own.find_map(used) {
        return Ok(plan);
    }
    if let Some(mut plan) = all.iter().find_map(used) {
        plan.notes.push("the key is copied to the place that wins; the other place keeps it too".to_owned());
        return Ok(plan);
    }
    Err(PlanError::NoWay(match slot.active_candidate() {
        Some(active) => format!(
            "{} wins over every place that keymend can write: {}",
            active.place.show(world.home()),
            active.state.reason()
        ),
        None => "no place that keymend can write makes this key active".to_owned(),
    }))
}

fn makes_new(plan: &Plan) -> bool {
    plan.prediction().is_some_and(Prediction::is_new)
}

/// The key and the neighbours of a destination; `old` is the key that stands there, as it is sent.
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
        let value = match &neighbour.set {
            Set::Json(value) => New::Json(value.clone()),
            Set::Key => {
                draft.put_key(agent.id, &neighbour.place, new, old, false)?;
                continue;
            }
            Set::Remove => New::Nothing,
            Set::ListWithTail { list, chars } => with_tail(list, &new.tail(*chars)),
        };
        draft.put(agent.id, &neighbour.place, value, Some(&neighbour.why))?;
    }
    Ok(())
}

/// `list` with `tail` at its end, once.
fn with_tail(list: &[Secret], tail: &Secret) -> New {
    New::list(list.iter().filter(|item| *item != tail).chain([tail]).cloned())
}

/// The ends of keys that a destination writes or finds: parts of keys, which no diff may show.
fn tails_of(destination: &Destination, new: &Secret) -> Vec<Secret> {
    let lists = destination.neighbours.iter().filter_map(|neighbour| match &neighbour.set {
        Set::ListWithTail { list, chars } => Some((list, *chars)),
        _ => None,
    });
    lists.flat_map(|(list, chars)| list.iter().cloned().chain([new.tail(chars)])).collect()
}

fn scan(context: Context<'_>, agents: &[&'static Agent]) -> Vec<(&'static Agent, Vec<Slot>)> {
    let slots = |agent: &&'static Agent| Some((*agent, agent.scan(&context)?.slots));
    agents.iter().filter_map(slots).collect()
}

/// What the slots in `wanted` will send, then every other slot of these agents whose answer changes.
fn predict(
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
            prediction: id.find(&after).map_or_else(unlisted, |slot| prediction(context, slot, new)),
            sends_now: id.find(&before).and_then(Slot::sent).is_some(),
        })
        .collect();
    for slot in &after {
        let id = SlotId::of(slot);
        let was = id.find(&before).and_then(Slot::sent);
        if !wanted.contains(&id) && slot.sent() != was {
            let sends_now = was.is_some();
            predicted.push(Predicted { slot: id, prediction: prediction(context, slot, new), sends_now });
        }
    }
    predicted
}

fn unlisted() -> Prediction {
    Prediction::NotKnown { why: "the agent does not list this slot after the change".to_owned() }
}

fn prediction(context: Context<'_>, slot: &Slot, new: &Secret) -> Prediction {
    match &slot.outcome {
        Outcome::Sends { sent, .. } if sent.key == *new => Prediction::SendsNew,
        Outcome::Sends { sent, .. } => {
            // Where what leaves is not the active candidate (a second credential that travels along), its own place.
            let holds = |one: &&Candidate| one.value.secret() == Some(&sent.key);
            let active = slot.active_candidate().filter(holds).or_else(|| slot.candidates.iter().find(holds));
            Prediction::StillSends {
                place: active.map_or_else(
                    || "a header or setting of its own".to_owned(),
                    |active| active.place.show(context.world.home()),
                ),
                key: context.catalogue.mask(&sent.key),
                why: active.map_or_else(String::new, |active| active.state.reason().to_owned()),
            }
        }
        Outcome::Nothing { reason } => Prediction::SendsNothing { why: reason.clone() },
        Outcome::Hidden { reason } | Outcome::NotKnown { reason } => {
            Prediction::NotKnown { why: reason.clone() }
        }
    }
}

/// All keys among the candidates, for masking.
fn keys_of(slots: &[Slot]) -> impl Iterator<Item = Secret> + '_ {
    slots.iter().flat_map(|slot| {
        slot.candidates
            .iter()
            .filter_map(|c| c.value.secret().cloned())
            .chain(slot.sent().map(|sent| sent.key.clone()))
    })
}
