//! Rules of the recordings that combine fields.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot};
use crate::world::MemoryWorld;

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots
}

fn answer(world: &MemoryWorld) -> String {
    match &slots(world)[0].outcome {
        Outcome::Sends { sent, base_url, .. } => format!("{} {base_url}", sent.key.expose(ToOwned::to_owned)),
        Outcome::Nothing { .. } => "nothing".to_owned(),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

const SETTINGS: &str = r#"{
    // one model
    "modelProviders": {"openai": [{"id": "m1", "baseUrl": "http://m", "envKey": "MINE"}]},
    "security": {"auth": {"selectedType": "openai", "apiKey": "OLD"}},
    "model": {"name": "m1"},
    "env": {"MINE": "BLOCK"}
}"#;

#[test]
fn the_environment_beats_the_file_beats_the_settings() {
    let world = MemoryWorld::new("/h").with_file(".qwen/settings.json", SETTINGS);
    assert_eq!(answer(&world), "BLOCK http://m");
    let world = world.with_file(".env", "MINE=HOME\n");
    assert_eq!(answer(&world), "HOME http://m");
    let world = world.with_file("work/.env", "MINE=NEAR\n");
    assert_eq!(answer(&world), "NEAR http://m");
    let world = world.with_var("MINE", "ENV");
    assert_eq!(answer(&world), "ENV http://m");
    let world = world.with_var("MINE", "");
    assert_eq!(answer(&world), "NEAR http://m", "the next place fills an empty variable");
    let world = world.with_file("work/.env", "MINE=\n");
    assert_eq!(answer(&world), "HOME http://m", "the files at home are read too");
    let settings = SETTINGS.replace(r#""MINE": "BLOCK""#, "");
    let world = world.with_file(".env", "MINE=\n").with_file(".qwen/settings.json", settings);
    assert_eq!(answer(&world), "OLD http://m");
    let world = world.with_var("OPENAI_API_KEY", "OTHER");
    assert_eq!(answer(&world), "OTHER http://m");
    assert!(slots(&world)[0].lints.iter().any(|lint| lint.id == "other-key-sent"));
}

#[test]
fn without_a_selected_type_all_variables_must_be_there() {
    let world =
        MemoryWorld::new("/h").with_var("OPENAI_API_KEY", "K").with_var("OPENAI_BASE_URL", "http://b");
    assert_eq!(answer(&world), "nothing");
    assert_eq!(answer(&world.with_var("OPENAI_MODEL", "m")), "K http://b");
}
