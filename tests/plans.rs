//! Every recorded home, every slot, every destination that its agent names: what the plan would write keeps all other
//! values, shows no key, and where it promises that the new key will be sent, nothing else is said. Prints how often
//! which agent has a place that makes a new key active.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;

use keymend::agents::{self, Context};
use keymend::hygiene;
use keymend::plan::{self, Plan, PlanError, Prediction, Takes, Target};
use keymend::provider::Catalogue;
use keymend::resolve::Slot;
use keymend::secret::Secret;
use keymend::source::Place;
use keymend::world::{MemoryWorld, World as _};
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
    let all = || slot.candidates.iter().filter_map(|candidate| candidate.value.secret());
    // A text that is no more than the beginning of its provider's keys is in every masked form.
    let catalogue = Catalogue::embedded();
    let masks: Vec<String> = all().map(|key| catalogue.mask(key).to_string()).collect();
    let is_beginning = |key: &&Secret| masks.iter().any(|mask| key.expose(|key| mask.contains(key)));
    let keys = all().filter(|key| !is_beginning(key));
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

const LOGIN: &str = "sk-ant-oat01-Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jyq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jyq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jyq7";

/// Everything that a world keeps, as text.
fn stored(world: &MemoryWorld) -> Vec<String> {
    let files = world.files.values().filter_map(|state| state.bytes());
    let files = files.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let cells = world.tables.values().flat_map(|rows| rows.values().cloned());
    let keys = world.keyring.values().map(|secret| secret.expose(ToOwned::to_owned));
    files.chain(cells).chain(keys).collect()
}

/// The world after a plan.
fn after(scenario: &support::Scenario, plan: &Plan) -> MemoryWorld {
    let mut world = scenario.world();
    for change in &plan.changes {
        let text = change.after.as_ref().map(|after| String::from_utf8_lossy(&after.0).into_owned());
        match (&change.target, text) {
            (Target::File { path, .. }, Some(text)) => world = world.with_file(path, text),
            (Target::File { path, .. }, None) => drop(world.files.remove(path)),
            (Target::Cell(cell), text) => {
                let rows = world.tables.entry((cell.db.clone(), cell.table.to_owned())).or_default();
                rows.insert(cell.key.clone(), text.unwrap_or_default());
            }
            (Target::Keyring { service, user }, Some(text)) => {
                world.keyring.insert((service.clone(), user.clone()), Secret::new(text));
            }
            (Target::Keyring { service, user }, None) => {
                world.keyring.remove(&(service.clone(), user.clone()));
            }
        }
    }
    world
}

/// Every credential that any agent finds, with its place and whether it is a login's.
fn credentials(world: &MemoryWorld, catalogue: &Catalogue) -> Vec<(Secret, Place, bool)> {
    let mut all = Vec::new();
    for agent in agents::ALL {
        let found = (agent.scan)(&Context { world, catalogue });
        for slot in found.into_iter().flat_map(|found| found.slots) {
            for one in &slot.candidates {
                let Some(key) = one.value.secret() else { continue };
                if hygiene::nature(key, slot.provider.as_deref(), catalogue).is_key() {
                    let login = plan::is_login(one, slot.provider.as_deref(), catalogue);
                    all.push((key.clone(), one.place.clone(), login));
                }
            }
        }
    }
    all
}

/// What a plan must never do: take the only copy of a credential away without a guard, or put a login into a key's field.
fn wrongs(scenario: &support::Scenario, plan: &Plan, catalogue: &Catalogue) -> Vec<String> {
    let (before, later) = (scenario.world(), after(scenario, plan));
    let (held, holds) = (stored(&before), stored(&later));
    let has = |texts: &[String], key: &Secret| key.expose(|key| texts.iter().any(|text| text.contains(key)));
    let mut wrong = Vec::new();
    let known = credentials(&before, catalogue);
    for (key, place, _) in &known {
        if has(&held, key) && !has(&holds, key) && !plan.guarded {
            wrong.push(format!("the only copy at {place:?} is gone"));
        }
    }
    for (key, place, _) in credentials(&later, catalogue) {
        let login = known.iter().any(|(other, _, login)| *other == key && *login);
        let was = known.iter().any(|(other, at, _)| *other == key && at.same_spot(&place));
        if login && !was && plan::takes(&place) == Takes::Key {
            wrong.push(format!("a login came to {place:?}"));
        }
    }
    wrong
}

#[test]
fn using_another_candidate_takes_nothing_away_unasked_and_puts_no_login_into_a_keys_field() {
    let catalogue = Catalogue::embedded();
    let only = std::env::var("KEYMEND_SCENARIO").ok();
    let mut wrong = Vec::new();
    // Agent to: chosen, copied to its own place, over another key, guarded, refused.
    let mut table: BTreeMap<String, [usize; 5]> = BTreeMap::new();
    for scenario in scenarios().iter().filter(|one| only.as_ref().is_none_or(|id| one.id == *id)) {
        let world = scenario.world();
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let Some(found) = (agent.scan)(&Context { world: &world, catalogue: &catalogue }) else { continue };
        for slot in found.slots.iter().filter(|slot| slot.in_use) {
            for n in (0..slot.candidates.len()).filter(|n| slot.active != Some(*n)) {
                let row = table.entry(agent.id.to_owned()).or_default();
                let plan = match plan::use_candidate(&world, &catalogue, agent, slot, n) {
                    Ok(plan) => plan,
                    Err(error) => {
                        row[4] += 1;
                        if only.is_some() {
                            println!("{n} {:?}: {error}", slot.candidates[n].place);
                        }
                        continue;
                    }
                };
                let copied = plan.notes.iter().any(|note| note.starts_with("copies "));
                row[match (plan.guarded, copied, plan.losses.is_empty()) {
                    (true, ..) => 3,
                    (_, true, false) => 2,
                    (_, true, true) => 1,
                    _ => 0,
                }] += 1;
                if only.is_some() {
                    println!("{n} {:?}: {:?} {:?}", slot.candidates[n].place, plan.notes, plan.losses);
                }
                assert!(plan.replaced.is_none(), "{}: a switch replaces no key", scenario.id);
                check_masks(&plan, slot, &scenario.id);
                let found = wrongs(scenario, &plan, &catalogue);
                wrong.extend(found.into_iter().map(|what| format!("{} {n}: {what}", scenario.id)));
            }
        }
    }
    println!("agent            chosen  copied  over another  guarded  refused");
    for (agent, [chosen, copied, over, guarded, refused]) in &table {
        println!("{agent:<16} {chosen:>6} {copied:>7} {over:>13} {guarded:>8} {refused:>8}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let chosen: usize = table.values().map(|row| row[0]).sum();
    assert!(only.is_some() || chosen > 80, "{chosen} by choice");
}

#[test]
fn a_place_is_named_once_and_takes_what_it_is_made_for() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    for scenario in &scenarios() {
        let world = scenario.world();
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let Some(found) = (agent.scan)(&Context { world: &world, catalogue: &catalogue }) else { continue };
        for slot in found.slots.iter().filter(|slot| slot.in_use) {
            for (new, never) in [(NEW, Takes::Token), (LOGIN, Takes::Key)] {
                let (offered, default) =
                    plan::destinations(&world, &catalogue, agent, slot, &Secret::new(new));
                let places: Vec<&Place> = offered.iter().map(|one| &one.destination.place).collect();
                for (at, place) in places.iter().enumerate() {
                    if places[..at].iter().any(|other| other.same_spot(place)) {
                        wrong.push(format!("{}: {place:?} twice", scenario.id));
                    }
                    if plan::takes(place) == never {
                        wrong.push(format!("{}: {place:?} takes {never:?}", scenario.id));
                    }
                }
                let shared = |place: &&&Place| plan::is_shared(&world, place);
                let all_shared = places.iter().filter(shared).count() == places.len();
                if default.is_some_and(|at| plan::is_shared(&world, places[at]) && !all_shared) {
                    wrong.push(format!("{}: a file of the project is the default", scenario.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
