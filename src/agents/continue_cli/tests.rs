//! The recorded lookups of a secret.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::{Mode, Outcome};
use crate::world::MemoryWorld;

fn config(key: &str) -> String {
    format!(
        "name: Local\nversion: 1.0.0\nmodels:\n  - name: m1\n    provider: openai\n    model: gpt-4o\n    apiBase: http://b/v1\n{key}    roles: [chat]\n"
    )
}

fn answer(world: &MemoryWorld) -> String {
    let catalogue = Catalogue::embedded();
    let slots = super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots;
    match &slots[0].outcome {
        Outcome::Sends { sent, base_url, .. } => format!("{} {base_url}", sent.key.expose(ToOwned::to_owned)),
        Outcome::NotKnown { .. } => "not known".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_secret_is_looked_up_in_its_recorded_order() {
    let secret = config("    apiKey: ${{ secrets.MY_KEY }}\n");
    let world = MemoryWorld::new("/h").with_file(".continue/config.yaml", secret);
    assert_eq!(answer(&world), "${{ secrets.//MY_KEY }} http://b/v1");
    let world = world.with_file("work/.continue/.env", "MY_KEY=DOTTED\n");
    assert_eq!(answer(&world), "DOTTED http://b/v1");
    let world = world.with_file(".continue/.env", "MY_KEY=HOME\n");
    assert_eq!(answer(&world), "HOME http://b/v1");
    let world = world.with_file("work/.env", "MY_KEY=NEAR\n");
    assert_eq!(answer(&world), "NEAR http://b/v1");
    assert_eq!(answer(&world.with_var("MY_KEY", "ENV")), "ENV http://b/v1");
}

#[test]
fn a_literal_is_sent_and_nothing_is_sent_as_nothing() {
    let world = |key: &str| {
        MemoryWorld::new("/h")
            .with_var("OPENAI_API_KEY", "ENV")
            .with_file(".continue/config.yaml", config(key))
    };
    assert_eq!(answer(&world("    apiKey: LITERAL\n")), "LITERAL http://b/v1");
    assert_eq!(answer(&world("")), " http://b/v1");
    let signed_in = world("    apiKey: LITERAL\n").with_file(".continue/auth.json", "{}");
    assert_eq!(answer(&signed_in), "LITERAL http://b/v1", "there is no login in this version");
}

#[test]
fn yaml_reads_the_value_of_a_secret_once_more() {
    let world = |value: &str| {
        MemoryWorld::new("/h")
            .with_var("MY_KEY", value)
            .with_file(".continue/config.yaml", config("    apiKey: ${{ secrets.MY_KEY }}\n"))
    };
    assert_eq!(answer(&world("KEY # c")), "KEY http://b/v1");
    assert!(answer(&world("12345")).contains("put it in quotes"));
    assert!(answer(&world("a: b")).contains("put it in quotes"));
}

#[test]
fn a_script_starts_with_continues_own_model_where_the_configuration_has_none_other() {
    let claude = config("    apiKey: MINE\n")
        .replace("provider: openai", "provider: anthropic")
        .replace("gpt-4o", "claude-sonnet-4-6");
    let world = MemoryWorld::new("/h")
        .with_var("ANTHROPIC_API_KEY", "ENV")
        .with_file(".continue/config.yaml", claude);
    assert_eq!(answer(&world), "ENV https://api.anthropic.com/v1/");
    let catalogue = Catalogue::embedded();
    let slots = super::AGENT.scan(&Context { world: &world, catalogue: &catalogue }).expect("findings").slots;
    let modes: Vec<Option<Mode>> = slots.iter().map(|slot| slot.mode).collect();
    assert_eq!(modes, [Some(Mode::Headless), Some(Mode::Interactive)]);
}
