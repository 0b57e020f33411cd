//! Variables that an agent would read and that are set elsewhere alone: in a start-up file, a unit, a compose file. Whether it
//! would read them is asked of its own rules, with the variables laid over this environment.

use std::collections::BTreeMap;

use crate::agents::{Agent, Context};
use crate::plan::SlotId;
use crate::provider::{Catalogue, Provider};
use crate::resolve::{Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::Place;
use crate::world::{Overlay, World};

/// What an agent would do at one slot if the variables were set here.
pub(super) struct Supposed {
    /// The slot's index.
    pub(super) slot: usize,
    /// The variables that it would read there.
    pub(super) names: Vec<String>,
    /// Whether it would then send a key.
    pub(super) sends: bool,
}

/// Which of these variables, none of which is set here, the agent would read at which of its slots.
pub(super) fn suppose(
    context: &Context<'_>,
    agent: &Agent,
    slots: &[Slot],
    variables: &BTreeMap<String, Secret>,
) -> Vec<Supposed> {
    if variables.is_empty() {
        return Vec::new();
    }
    let world = Overlay::new(context.world).adding(variables);
    let found = agent.scan(&Context { world: &world, catalogue: context.catalogue });
    let there = found.map_or_else(Vec::new, |found| found.slots);
    let of_slot = |(at, slot): (usize, &Slot)| {
        let same: Vec<&Slot> = match SlotId::of(slot).find(&there) {
            // An agent that chooses its provider by what is set has no slot for one yet.
            _ if slot.provider.is_none() && slot.in_use => {
                there.iter().filter(|other| other.in_use && other.profile == slot.profile).collect()
            }
            found => found.into_iter().collect(),
        };
        let weaker = same.iter().flat_map(|slot| &slot.candidates);
        let weaker = weaker.filter(|row| matches!(row.state, State::Shadowed { .. }));
        let mut names: Vec<String> = Vec::new();
        for row in same.iter().flat_map(|slot| slot.concerning()).chain(weaker) {
            let Place::Env { name } = &row.place else { continue };
            if variables.contains_key(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        let sends = same.iter().any(|slot| matches!(slot.outcome, Outcome::Sends { .. }));
        (!names.is_empty()).then_some(Supposed { slot: at, names, sends })
    };
    slots.iter().enumerate().filter_map(of_slot).collect()
}

/// The variables of a provider that the agent would read at a slot, whether any is set or not.
pub(super) fn read_at(world: &dyn World, catalogue: &Catalogue, agent: &Agent, slot: &Slot) -> Vec<String> {
    let provider = slot.provider.as_deref().and_then(|id| catalogue.get(id));
    let variables = provider.map(|provider| examples(world, provider)).unwrap_or_default();
    let found = suppose(&Context { world, catalogue }, agent, std::slice::from_ref(slot), &variables);
    found.into_iter().flat_map(|one| one.names).collect()
}

/// The provider's variables that are not set here, each with a made-up key.
pub(super) fn examples(world: &dyn World, provider: &Provider) -> BTreeMap<String, Secret> {
    let Some(form) = provider.keys.first() else { return BTreeMap::new() };
    let unset = provider.env.iter().filter(|name| world.var(name).is_none());
    unset.map(|name| (name.clone(), Secret::new(form.example.as_str()))).collect()
}
