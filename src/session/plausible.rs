//! The slots that agents would have if there were a key: what the guided set-up offers where nothing is set yet.
//!
//! Each agent is asked by its own rules in a world whose environment holds a made-up key of every provider. What it
//! answers there and not in the real world is a slot that a key could fill; the made-up values are taken out again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agents::{Agent, Context};
use crate::plan::SlotId;
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot};
use crate::world::{FileState, KeyringState, Machine, Os, Process, Table, TableState, World};

/// The slots of `agents` that a key would fill, each of a provider in the catalogue, and not among the real ones.
#[must_use]
pub fn plausible(
    world: &dyn World,
    catalogue: &Catalogue,
    agents: &[&'static Agent],
) -> Vec<(&'static Agent, Slot)> {
    let supposed = Supposed::new(world, catalogue);
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
        let has_place = |slot: &Slot| !(agent.destinations)(&Context { world, catalogue }, slot).is_empty();
        out.extend(fresh.map(bare).filter(has_place).map(|slot| (*agent, slot)));
    }
    out
}

/// The slot without the values that were supposed.
fn bare(slot: Slot) -> Slot {
    let outcome = Outcome::Nothing { reason: "nothing is set".to_owned() };
    Slot { candidates: Vec::new(), active: None, outcome, lints: Vec::new(), in_use: false, ..slot }
}

/// A world with a made-up key of every provider in its environment.
struct Supposed<'a> {
    base: &'a dyn World,
    env: BTreeMap<String, String>,
}

impl<'a> Supposed<'a> {
    fn new(base: &'a dyn World, catalogue: &Catalogue) -> Self {
        let mut env = base.env().clone();
        for provider in catalogue.all().iter().filter(|provider| !provider.local) {
            let Some(shape) = provider.keys.first() else { continue };
            for name in &provider.env {
                env.entry(name.clone()).or_insert_with(|| shape.example.clone());
            }
        }
        Self { base, env }
    }
}

impl World for Supposed<'_> {
    fn home(&self) -> Option<&Path> {
        self.base.home()
    }
    fn cwd(&self) -> &Path {
        self.base.cwd()
    }
    fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }
    fn os(&self) -> Os {
        self.base.os()
    }
    fn machine(&self) -> Option<Machine> {
        self.base.machine()
    }
    fn now_ms(&self) -> i64 {
        self.base.now_ms()
    }
    fn read(&self, path: &Path) -> Arc<FileState> {
        self.base.read(path)
    }
    fn list(&self, dir: &Path) -> Vec<String> {
        self.base.list(dir)
    }
    fn exists(&self, path: &Path) -> bool {
        self.base.exists(path)
    }
    fn is_folder(&self, path: &Path) -> bool {
        self.base.is_folder(path)
    }
    fn table(&self, table: &Table) -> TableState {
        self.base.table(table)
    }
    fn keyring(&self, service: &str, user: &str) -> KeyringState {
        self.base.keyring(service, user)
    }
    fn executable(&self, name: &str) -> Option<PathBuf> {
        self.base.executable(name)
    }
    fn processes(&self, needle: &str) -> Vec<Process> {
        self.base.processes(needle)
    }
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

    fn real(world: &dyn World, catalogue: &Catalogue, agent: &str, provider: &str) -> bool {
        let agent = agents::find(agent).unwrap();
        let slots = agent.scan(&Context { world, catalogue }).map_or_else(Vec::new, |found| found.slots);
        slots.iter().any(|slot| slot.provider.as_deref() == Some(provider))
    }
}
