use super::*;
use crate::provider::Catalogue;
use crate::world::MemoryWorld;

fn slot(world: &MemoryWorld, provider: &str) -> Slot {
    let catalogue = Catalogue::embedded();
    let slots = AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap().slots;
    slots.into_iter().find(|slot| slot.agent_provider == provider).unwrap()
}

fn store(settings: &str) -> MemoryWorld {
    let text = format!(
        "{{\"version\":1,\"lastUsedProvider\":\"openrouter\",\"providers\":{{\"openrouter\":{{\"settings\":{settings},\
         \"updatedAt\":\"2026-01-01T00:00:00.000Z\"}}}}}}"
    );
    MemoryWorld::new("/h").with_file(".cline/data/settings/providers.json", text)
}

#[test]
fn an_own_authorization_header_replaces_the_key() {
    let headers = "{\"provider\":\"openrouter\",\"apiKey\":\"a\",\"headers\":{\"Authorization\":\"Bearer sk-or-v1-FAKE\"}}";
    let slot = slot(&store(headers), "openrouter");
    assert!(slot.in_use && slot.sent().unwrap().key.is("sk-or-v1-FAKE"));
    assert_eq!(slot.sent().unwrap().header, Header::Bearer);
}

#[test]
fn a_comma_too_much_discards_the_file_and_the_key_is_still_seen() {
    let world = MemoryWorld::new("/h").with_var("OPENROUTER_API_KEY", "sk-or-v1-FAKEENV").with_file(
        ".cline/data/settings/providers.json",
        "{\"version\":1,\"providers\":{\"openrouter\":{\"settings\":{\"provider\":\"openrouter\",\"apiKey\":\"x\"}}}}",
    );
    let slot = slot(&world, "openrouter");
    assert!(slot.sent().unwrap().key.is("sk-or-v1-FAKEENV"));
    assert_eq!(slot.candidates[0].state.id(), "ignored");
}

#[test]
fn a_living_hub_keeps_its_own_variable() {
    let mut world = MemoryWorld::new("/h").with_var("OPENROUTER_API_KEY", "sk-or-v1-FAKENEW");
    let env = [("OPENROUTER_API_KEY".to_owned(), "sk-or-v1-FAKEOLD".to_owned())].into();
    let args = ["cline", "--cline-hub-daemon"].map(str::to_owned).to_vec();
    world.processes.push(Process { pid: 7, args, started_ms: 0, env: Some(env), unit: None, cwd: None });
    assert!(slot(&world, "openrouter").sent().unwrap().key.is("sk-or-v1-FAKEOLD"));
    world.processes[0].env = None;
    assert!(matches!(slot(&world, "openrouter").outcome, Outcome::NotKnown { .. }));
    world.processes[0].env = Some(std::collections::BTreeMap::new());
    assert!(matches!(slot(&world, "openrouter").outcome, Outcome::Nothing { .. }));
}

#[test]
fn a_new_key_takes_the_token_away_that_would_beat_it() {
    let settings = "{\"provider\":\"openrouter\",\"auth\":{\"accessToken\":\"sk-or-v1-FAKETOKEN\"}}";
    let world = store(settings);
    let slot = slot(&world, "openrouter");
    let catalogue = Catalogue::embedded();
    let all = (AGENT.destinations)(&Context { world: &world, catalogue: &catalogue }, &slot);
    let places: Vec<String> = all[0].neighbours.iter().map(|n| n.place.show(None)).collect();
    assert_eq!(
        places,
        ["/h/.cline/data/settings/providers.json#/providers/openrouter/settings/auth/accessToken"]
    );
}
