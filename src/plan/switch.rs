//! Makes another candidate the active one: by a choice of the agent's own where it has one (an order, an account, an
//! approval), else by a copy, which says what it overwrites and needs a separate yes if that is nowhere else.

use super::Change;
use super::Plan;
use super::PlanError;
use super::Prediction;
use super::SlotId;
use super::build::{build, changes_of, predict};
use super::draft;
use super::kind::{self, Takes};
use crate::agents::{self, Agent, Context};
use crate::destination::{Destination, Switch};
use crate::hygiene;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot};
use crate::secret::{Mask, Secret};
use crate::source::{Place, Source};
use crate::world::{Overlay, World};

/// A credential that a plan takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The credential, masked.
    pub key: Mask,
    /// Where it is now, as a person finds it.
    pub place: String,
    /// No other place that keymend knows has it.
    pub only: bool,
}

impl Loss {
    /// In words, for a question.
    #[must_use]
    pub fn words(&self) -> String {
        let only = if self.only { ", and no other place has it" } else { "" };
        format!("takes {} away from {}{only}", self.key, self.place)
    }
}

/// The plan that makes candidate `n` of `slot` the active one.
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
            Outcome::Nothing { reason } => format!(", and nothing is sent all the same: {reason}"),
            _ => String::new(),
        };
        return Err(PlanError::NoWay(format!(
            "candidate {} is the one that is used already{instead}",
            n + 1
        )));
    }
    let asked = Asked { context, agent, slot, candidate, key };
    let title = format!("use candidate {} of {}", n + 1, SlotId::of(slot));
    let plan = asked.chosen(n).or_else(|| asked.copied());
    let plan = plan.ok_or_else(|| asked.no_way())?;
    // Nothing is rotated: where the other key is kept is nobody's worry.
    Ok(Plan { title, replaced: None, ..plan })
}

struct Asked<'a> {
    context: Context<'a>,
    agent: &'a Agent,
    slot: &'a Slot,
    candidate: &'a Candidate,
    key: &'a Secret,
}

impl Asked<'_> {
    /// The agent's own choice: the first that takes nothing away, else the first.
    fn chosen(&self, n: usize) -> Option<Plan> {
        let switches = (self.agent.switch)(&self.context, self.slot, n);
        let own = (self.agent.destinations)(&self.context, self.slot);
        let own = own.into_iter().filter(|to| to.place.same_spot(&self.candidate.place));
        let plans = switches
            .iter()
            .filter_map(|switch| self.switched(switch))
            .chain(own.filter_map(|destination| self.written(&destination)));
        self.gentlest(plans.collect())
    }

    /// The key copied to a place that wins. A login that its program renews is never copied.
    fn copied(&self) -> Option<Plan> {
        let (world, home) = (self.context.world, self.context.world.home());
        let login = kind::is_login(self.candidate, self.slot.provider.as_deref(), self.context.catalogue);
        if self.candidate.source == Source::Oauth {
            return None;
        }
        let all = (self.agent.destinations)(&self.context, self.slot);
        let fits = |to: &Destination| {
            let no_token = login && kind::takes(&to.place) == Takes::Key;
            !kind::is_shared(world, &to.place) && !no_token
        };
        let mask = self.context.catalogue.mask(self.key);
        let plans = all.into_iter().filter(fits).filter_map(|to| {
            let mut plan = self.written(&to)?;
            let at = to.place.show(home);
            plan.notes.push(match &plan.old {
                Some(old) => format!("copies {mask} over {old} in {at}; its own place keeps it too"),
                None => format!("copies {mask} to {at}, which is sent first; its own place keeps it too"),
            });
            Some(plan)
        });
        self.gentlest(plans.collect())
    }

    /// The plan that takes least away, with what it takes told.
    fn gentlest(&self, plans: Vec<Plan>) -> Option<Plan> {
        let told = plans.into_iter().map(|plan| {
            let losses = losses(self.context, self.agent, &plan.changes, self.key);
            Plan { losses, ..plan }
        });
        let harm = |plan: &Plan| (plan.losses.iter().any(|loss| loss.only), !plan.losses.is_empty());
        let mut plan = told.min_by_key(harm)?;
        plan.guarded = plan.losses.iter().any(|loss| loss.only);
        Some(plan)
    }

    fn written(&self, destination: &Destination) -> Option<Plan> {
        let (world, catalogue) = (self.context.world, self.context.catalogue);
        let plan = build(world, catalogue, self.agent, self.slot, destination, self.key).ok()?;
        plan.is_sent().then_some(plan)
    }

    /// The plan of one choice, where the agent then uses the candidate.
    fn switched(&self, switch: &Switch) -> Option<Plan> {
        let changes = changes_of(self.context, self.agent, self.slot, &switch.neighbours, self.key).ok()?;
        let after = self.after(&changes)?;
        let mut predictions = predict(self.context, &[self.agent], &changes, &[SlotId::of(&after)], self.key);
        let mut active = after.active.and_then(|at| after.candidates.get(at)).into_iter();
        let is_active = active.any(|one| one.place.same_spot(&self.candidate.place));
        let first = predictions.first_mut()?;
        let uses = match &first.prediction {
            Prediction::SendsNew => true,
            Prediction::NotKnown { .. } => is_active,
            _ => false,
        };
        uses.then(|| Plan {
            title: String::new(),
            slot: Some(SlotId::of(&after)),
            old: None,
            replaced: None,
            new: self.context.catalogue.mask(self.key),
            places: Vec::new(),
            predictions,
            notes: vec![switch.effect.clone()],
            losses: Vec::new(),
            guarded: false,
            changes,
        })
    }

    /// The slot as it is after the changes. A choice can rename it (another authentication type).
    fn after(&self, changes: &[Change]) -> Option<Slot> {
        let mut overlay = Overlay::new(self.context.world);
        draft::lay(&mut overlay, changes);
        let found = self.agent.scan(&Context { world: &overlay, catalogue: self.context.catalogue })?;
        let named = SlotId::of(self.slot).find(&found.slots);
        let renamed = || {
            found
                .slots
                .iter()
                .find(|slot| slot.in_use && slot.profile == self.slot.profile && slot.mode == self.slot.mode)
        };
        named.or_else(renamed).cloned()
    }

    fn no_way(&self) -> PlanError {
        let home = self.context.world.home();
        if self.candidate.source == Source::Oauth {
            let stronger = self.slot.active_candidate().map_or_else(String::new, |active| {
                format!("; {} takes precedence: {}", active.place.show(home), active.state.reason())
            });
            return PlanError::NoWay(format!(
                "a login is not copied to another place, and {} has no setting that chooses it{stronger}",
                self.agent.name
            ));
        }
        PlanError::NoWay(match self.slot.active_candidate() {
            Some(active) => format!(
                "{} takes precedence over every place that keymend can write unasked: {}",
                active.place.show(home),
                active.state.reason()
            ),
            None => "no place that keymend can write makes this key active".to_owned(),
        })
    }
}

/// `plan` with what it takes away beside the key that it replaces.
#[must_use]
pub fn telling_losses(
    world: &dyn World,
    catalogue: &Catalogue,
    agent: &Agent,
    plan: Plan,
    new: &Secret,
) -> Plan {
    let context = Context { world, catalogue };
    let replaced: Vec<String> = plan.places.iter().map(|place| place.show(world.home())).collect();
    let mut losses = losses(context, agent, &plan.changes, new);
    losses.retain(|loss| !replaced.contains(&loss.place));
    Plan { losses, ..plan }
}

/// The credentials that `changes` take away from the places where agents find them.
#[must_use]
pub fn losses(context: Context<'_>, agent: &Agent, changes: &[Change], new: &Secret) -> Vec<Loss> {
    let mut overlay = Overlay::new(context.world);
    draft::lay(&mut overlay, changes);
    let known = agents::ALL.iter().copied().filter(|other| other.id != agent.id).chain([agent]);
    let slots: Vec<Slot> =
        known.filter_map(|agent| agent.scan(&context)).flat_map(|found| found.slots).collect();
    let held = || {
        let all = slots.iter().flat_map(|slot| slot.candidates.iter().map(move |one| (slot, one)));
        all.filter_map(|(slot, one)| Some((slot, one, one.value.secret().filter(|key| !key.is_empty())?)))
    };
    let at = |world: &dyn World, place: &Place, key: &Secret| {
        draft::key_at(world, place).is_some_and(|text| text.holds(key))
    };
    let mut seen: Vec<&Place> = Vec::new();
    let mut out = Vec::new();
    for (slot, one, key) in held() {
        let counts = *key != *new
            && hygiene::nature(key, slot.provider.as_deref(), context.catalogue).is_key()
            && !seen.contains(&&one.place);
        if !counts || !at(context.world, &one.place, key) || at(&overlay, &one.place, key) {
            continue;
        }
        seen.push(&one.place);
        let kept = changes.iter().filter_map(|change| change.after.as_ref()).any(|after| key.is_in(&after.0));
        let elsewhere = held().any(|(_, other, same)| same == key && at(&overlay, &other.place, key));
        out.push(Loss {
            key: context.catalogue.mask(key),
            place: one.place.show(context.world.home()),
            only: !kept && !elsewhere,
        });
    }
    out
}
