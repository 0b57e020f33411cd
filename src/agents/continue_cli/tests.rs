//! The recorded lookups of a secret.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::Outcome;
use crate::world::MemoryWorld;

fn config(key: &str) -> String {
    format!(
        "name: Local\nmodels:\n  - name: m1\n    provider: openai\n    model: gpt-4o\n    apiBase: http://b/v1\n{key}    roles: [chat]\n"
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
    let world = world.with_file(".continue/.env", "MY_KEY=HOME\n");
    assert_eq!(answer(&world), "HOME http://b/v1");
    let world = world.with_file("work/.continue/.env", "MY_KEY=DOTTED\n");
    assert_eq!(answer(&world), "DOTTED http://b/v1");
    let world = world.with_file("work/.env", "MY_KEY=NEAR\n");
    assert_eq!(answer(&world), "NEAR http://b/v1");
    assert_eq!(answer(&world.with_var("MY_KEY", "ENV")), "ENV http://b/v1");
}

#[test]
fn a_literal_is_sent_and_what_is_not_on_record_is_said() {
    let world = |key: &str| {
        MemoryWorld::new("/h")
            .with_var("OPENAI_API_KEY", "ENV")
            .with_file(".continue/config.yaml", config(key))
    };
    assert_eq!(answer(&world("    apiKey: LITERAL\n")), "LITERAL http://b/v1");
    assert_eq!(answer(&world("")), "not known");
    let signed_in = world("    apiKey: LITERAL\n").with_file(".continue/auth.json", "{}");
    assert_eq!(answer(&signed_in), "not known");
}
