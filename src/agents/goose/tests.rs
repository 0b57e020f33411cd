//! Rules of the recordings that need a keyring or a combination.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::Outcome;
use crate::secret::Secret;
use crate::world::{KeyringState, MemoryWorld};

fn answer(world: &MemoryWorld) -> String {
    let catalogue = Catalogue::embedded();
    let slots = super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots;
    match &slots.iter().find(|slot| slot.in_use).expect("a slot").outcome {
        Outcome::Sends { sent, base_url, .. } => {
            format!("{}={} {base_url}", sent.header.name(), sent.key.expose(ToOwned::to_owned))
        }
        Outcome::Nothing { .. } => "nothing".to_owned(),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

fn anthropic() -> MemoryWorld {
    MemoryWorld::new("/h")
        .with_var("GOOSE_PROVIDER", "anthropic")
        .with_file(".config/goose/secrets.yaml", "ANTHROPIC_API_KEY: FILE\n")
}

const BASE: &str = "https://api.anthropic.com";

#[test]
fn the_keyring_decides_whether_the_file_is_read() {
    let mut world = anthropic();
    assert_eq!(answer(&world), "nothing", "a keyring without the entry hides the file");
    world.keyring_otherwise = Some(KeyringState::Absent("none".into()));
    assert_eq!(answer(&world), format!("x-api-key=FILE {BASE}"));
    world.keyring_otherwise = Some(KeyringState::Locked);
    assert_eq!(answer(&world), "not known");
    let entry = Secret::new(r#"{"ANTHROPIC_API_KEY":"RING"}"#);
    world.keyring.insert(("goose".into(), "secrets".into()), entry);
    assert_eq!(answer(&world), format!("x-api-key=RING {BASE}"));
    world.env.insert("GOOSE_DISABLE_KEYRING".into(), "false".into());
    assert_eq!(answer(&world), format!("x-api-key=FILE {BASE}"));
    world.env.insert("ANTHROPIC_API_KEY".into(), String::new());
    assert_eq!(answer(&world), format!("x-api-key= {BASE}"));
    world.env.insert("ANTHROPIC_API_KEY".into(), "KEY\n2".into());
    assert_eq!(answer(&world), "nothing", "a line break stops the request");
    world.env.insert("ANTHROPIC_API_KEY".into(), "12345".into());
    assert_eq!(answer(&world), "nothing", "a number is no key");
}

#[test]
fn the_host_comes_from_the_environment_before_the_files() {
    let world = MemoryWorld::new("/h")
        .with_var("OPENAI_API_KEY", "K")
        .with_file(".config/goose/config.yaml", "GOOSE_PROVIDER: openai\nOPENAI_HOST: http://file\n");
    assert_eq!(answer(&world), "authorization=K http://file");
    let world = world.with_var("OPENAI_BASE_URL", "http://base/v1");
    assert_eq!(answer(&world), "authorization=K http://base/v1");
    let world = world.with_var("OPENAI_HOST", "http://env");
    assert_eq!(answer(&world), "authorization=K http://env");
}

#[test]
fn a_provider_without_recorded_rules_is_not_guessed() {
    assert_eq!(answer(&MemoryWorld::new("/h").with_var("GOOSE_PROVIDER", "databricks")), "not known");
}
