//! The slots that agents would have if there were a key: what the guided set-up offers where nothing is set yet.
//!
//! Each agent is asked by its own rules in a world whose environment holds a made-up key of every provider. What it
//! answers there and not in the real world is a slot that a key could fill; the made-up values are taken out again.

use std::collections::BTreeMap;

use super::elsewhere;
use crate::agents::{Agent, Context};
use crate::plan::SlotId;
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot};
use crate::world::{Overlay, World};

/// The slots of `agents` that a key would fill, each of a provider in the catalogue, and not among the real ones.
#[must_use]
pub fn plausible(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
) -> Vec<(&'static Agent, Slot)> {
    let companies = catalogue.all().iter().filter(|provider| !provider.local);
    let made_up = companies.flat_map(|provider| elsewhere::examples(world, provider)).collect();
    let supposed = Overlay::new(world).adding(&made_up);
    let mut out = Vec::new();
    for agent in agents {
        let scan = |world: &dyn World| {
            let findings = agent.scan(&Context { world, catalogue });
            findings.map_or_else(Vec::new, |findings| findings.slots)
        };
        let real: Vec<SlotId> = scan(world).iter().map(SlotId::of).collect();
        let fresh = scan(&supposed).into_iter().filter(|slot| {
            let known = slot.provider.as_deref().is_some_and(|id| catalogue.get(id).is_some());
            known && !real.contains(&SlotId::of(slot))
        });
        // A key that can be put nowhere is not asked for.
        let mut places: BTreeMap<String, bool> = BTreeMap::new();
        let has_place = |slot: &Slot| {
            // Profiles are alike, and there may be ten thousand.
            *places
                .entry(slot.agent_provider.clone())
                .or_insert_with(|| !(agent.destinations)(&Context { world, catalogue }, slot).is_empty())
        };
        out.extend(fresh.map(bare).filter(has_place).map(|slot| (*agent, slot)));
    }
    out
}

/// The agents that are here and have no place for a key at all: a library that takes its key from the program around it,
/// and no file in which keymend could put one.
#[must_use]
pub fn without_place(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
    plausible: &[(&'static Agent, Slot)],
) -> Vec<&'static str> {
    /// Slots of one agent are alike; of ten thousand profiles the first say it.
    const FEW: usize = 32;
    let context = Context { world, catalogue };
    let has_none = |agent: &&'static Agent| {
        let slots = agent.scan(&context).map_or_else(Vec::new, |found| found.slots);
        let supposed = plausible.iter().any(|(other, _)| other.id == agent.id);
        let has_place = |slot: &Slot| !(agent.destinations)(&context, slot).is_empty();
        !slots.is_empty() && !supposed && !slots.iter().take(FEW).any(has_place)
    };
    agents.iter().filter(|agent| has_none(agent)).map(|agent| agent.id).collect()
}

/// The slot without the values that were supposed.
fn bare(slot: Slot) -> Slot {
    let outcome = Outcome::Nothing { reason: "nothing is set".to_owned() };
    Slot { candidates: Vec::new(), active: None, outcome, lints: Vec::new(), in_use: false, ..slot }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents;
    use crate::world::MemoryWorld;

    #[test]
    fn an_empty_home_has_a_slot_for_each_main_provider_and_no_made_up_key() {
        let world = MemoryWorld::new("/home/ann");
        let catalogue = Catalogue::embedded();
        let found = plausible(&world, &catalogue, agents::ALL);
        for (agent, provider) in [("hermes", "anthropic"), ("openclaw", "openai"), ("aider", "openrouter")] {
            let fits =
                |(own, slot): &&(&Agent, Slot)| own.id == agent && slot.provider.as_deref() == Some(provider);
            assert!(
                found.iter().any(|one| fits(&one)) || real(&world, &catalogue, agent, provider),
                "{agent}/{provider}"
            );
        }
        assert!(found.iter().all(|(_, slot)| slot.candidates.is_empty() && slot.sent().is_none()));
    }

    #[test]
    fn an_agent_without_a_place_for_a_key_is_told_apart() {
        let catalogue = Catalogue::embedded();
        let of = |world: &MemoryWorld| {
            let slots = plausible(world, &catalogue, agents::ALL);
            without_place(world, &catalogue, agents::ALL, &slots)
        };
        let library = MemoryWorld::new("/home/ann").with_file(".litellm/cache", "");
        // Without a configuration Continue reads no key either.
        assert_eq!(of(&library), ["continue", "litellm"]);
        let config =
            "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/gpt-5\n    api_key: sk-1\n";
        let proxy = library.with_file("work/config.yaml", config);
        assert_eq!(of(&proxy), ["continue"]);
    }

    fn real(world: &dyn World, catalogue: &Catalogue, agent: &str, provider: &str) -> bool {
        let agent = agents::find(agent).unwrap();
        let slots = agent.scan(&Context { world, catalogue }).map_or_else(Vec::new, |found| found.slots);
        slots.iter().any(|slot| slot.provider.as_deref() == Some(provider))
    }
}
