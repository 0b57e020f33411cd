//! Every recorded home, every slot, every destination that its agent names: what the plan would write keeps all other
//! values, shows no key, and where it promises that the new key will be sent, nothing else is said. Prints how often
//! which agent has a place that makes a new key active.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;

use keymend::agents::{self, Context};
use keymend::host::World as _;
use keymend::plan::{self, PlanError, Prediction};
use keymend::provider::Catalogue;
use keymend::resolve::Slot;
use keymend::secret::Secret;
use support::scenarios;

const NEW: &str = "sk-FAKE-brand-new-0123456789abcdefghijklmnopqrstuvwxyz";

#[test]
fn every_destination_of_every_recorded_home_is_planned_or_refused_with_a_reason() {
    let catalogue = Catalogue::embedded();
    let only = std::env::var("KEYMEND_SCENARIO").ok();
    let mut table: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    // Reason to how often, and the first recording.
    let mut reasons: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for scenario in scenarios().iter().filter(|s| only.as_ref().is_none_or(|id| s.id == *id)) {
        let world = scenario.world();
        for agent in agents::ALL {
            let Some(found) = agent.scan(&Context { world: &world, catalogue: &catalogue }) else {
                continue;
            };
            for slot in found.slots.iter().filter(|slot| slot.in_use) {
                let (offered, default) =
                    plan::destinations(&world, &catalogue, agent, slot, &Secret::new(NEW));
                let row = table.entry(agent.id.to_owned()).or_default();
                row[0] += 1;
                row[1] += usize::from(default.is_some());
                for offer in &offered {
                    match &offer.outcome {
                        Ok(Prediction::SendsNew) => row[2] += 1,
                        Ok(_) => row[3] += 1,
                        Err(error) => {
                            let reason = format!("{} {}", agent.id, reason(error));
                            if only.is_some() {
                                println!("{:?}: {error}", offer.destination.place);
                            }
                            let entry = reasons.entry(reason).or_insert_with(|| (0, scenario.id.clone()));
                            entry.0 += 1;
                        }
                    }
                    let built =
                        plan::build(&world, &catalogue, agent, slot, &offer.destination, &Secret::new(NEW));
                    if let Ok(plan) = built {
                        check_masks(&plan, slot, &scenario.id);
                    }
                }
                if default.is_none() && only.is_some() {
                    println!(
                        "{} {}: no default, {:?}",
                        agent.id,
                        slot.agent_provider,
                        offered.iter().map(|o| &o.outcome).collect::<Vec<_>>()
                    );
                }
            }
        }
        let _ = world.now_ms();
    }
    println!("agent            slots  with a default  places: become active, do not");
    for (agent, [slots, default, active, not]) in &table {
        println!("{agent:<16} {slots:>5} {default:>8} {active:>13} {not:>8}");
    }
    for (reason, (count, first)) in &reasons {
        println!("{count:>5}  {reason} ({first})");
    }
    assert!(!table.is_empty());
}

/// No key of the slot, nor the new one, is in anything that a plan shows.
fn check_masks(plan: &plan::Plan, slot: &Slot, id: &str) {
    let shown: Vec<&str> =
        plan.changes.iter().flat_map(|change| &change.diff).map(|line| line.text.as_str()).collect();
    let keys = slot.candidates.iter().filter_map(|candidate| candidate.value.secret());
    for key in keys.chain([&Secret::new(NEW)]).filter(|key| key.len() >= 8) {
        let leak = shown.iter().find(|line| key.expose(|key| line.contains(key)));
        assert!(leak.is_none(), "{id}: a key is shown in {leak:?}");
    }
    let printed = format!("{plan:?}");
    assert!(!printed.contains(NEW), "{id}: a plan prints a key");
}

fn reason(error: &PlanError) -> String {
    match error {
        PlanError::Edit { cause, .. } => cause.to_string(),
        PlanError::Unreadable { trouble, .. } => format!("unreadable: {trouble}"),
        PlanError::NotWritable { why, .. } => why.clone(),
        other => other.to_string(),
    }
}
