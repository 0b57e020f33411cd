//! Rules of the recordings that combine layers.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot};
use crate::world::{MemoryWorld, Os};

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots
}

fn answer(world: &MemoryWorld, provider: &str) -> String {
    let slots = slots(world);
    let slot = slots.iter().find(|slot| slot.agent_provider == provider).expect("a slot");
    match &slot.outcome {
        Outcome::Sends { sent, base_url, .. } => {
            format!("{}={} {base_url}", sent.header.name(), sent.key.expose(ToOwned::to_owned))
        }
        Outcome::Nothing { .. } => "nothing".to_owned(),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

fn config(key: &str) -> String {
    format!(r#"{{"provider":{{"anthropic":{{"options":{{"apiKey":"{key}"}}}}}}}}"#)
}

const ANTHROPIC: &str = "https://api.anthropic.com/v1";

#[test]
fn configurations_win_in_their_order_over_accounts_over_the_environment() {
    let layers = [
        ("/etc/opencode/opencode.json", "MANAGED"),
        ("dir/opencode.jsonc", "DIR"),
        (".opencode/opencode.json", "HOME"),
        ("a/work/.opencode/opencode.json", "DOTTED"),
        ("a/work/opencode.jsonc", "NEAR-C"),
        ("a/work/opencode.json", "NEAR"),
        ("a/opencode.json", "OUTER"),
        ("named.json", "NAMED"),
        (".config/opencode/opencode.jsonc", "GLOBAL-C"),
        (".config/opencode/opencode.json", "GLOBAL"),
        (".config/opencode/config.json", "OLD"),
    ];
    for from in 0..=layers.len() {
        let mut world = MemoryWorld::new("/h")
            .with_var("OPENCODE_CONFIG", "/h/named.json")
            .with_var("OPENCODE_CONFIG_DIR", "/h/dir")
            .with_var("ANTHROPIC_API_KEY", "ENV")
            .with_file(".local/share/opencode/auth.json", r#"{"anthropic":{"type":"api","key":"STORED"}}"#);
        world.cwd = "/h/a/work".into();
        let world =
            layers[from..].iter().fold(world, |world, (path, key)| world.with_file(path, config(key)));
        let expected = layers.get(from).map_or("STORED", |(_, key)| *key);
        assert_eq!(answer(&world, "anthropic"), format!("x-api-key={expected} {ANTHROPIC}"));
    }
}

#[test]
fn references_are_resolved_and_an_unset_variable_wins_as_an_empty_key() {
    let world = |key: &str| {
        MemoryWorld::new("/h")
            .with_var("ANTHROPIC_API_KEY", "ENV")
            .with_file(".config/opencode/key.txt", "FILE\n")
            .with_file(".config/opencode/opencode.json", config(key))
    };
    assert_eq!(answer(&world("{env:NONE}"), "anthropic"), format!("x-api-key= {ANTHROPIC}"));
    assert_eq!(answer(&world("{file:key.txt}"), "anthropic"), format!("x-api-key=FILE {ANTHROPIC}"));
    assert_eq!(answer(&world("{file:nowhere}"), "anthropic"), "nothing");
    let slots = slots(&world("{file:key.txt}"));
    let place = slots[0].candidates[0].place.show(Some("/h".as_ref()));
    assert_eq!(place, "~/.config/opencode/key.txt");
}

#[test]
fn logins_and_many_variables() {
    let world = MemoryWorld::new("/h").with_var("GEMINI_API_KEY", "G");
    assert_eq!(answer(&world, "google"), "nothing");
    let world = world.with_var("GOOGLE_GENERATIVE_AI_API_KEY", "H");
    assert_eq!(answer(&world, "google"), "x-goog-api-key=H https://generativelanguage.googleapis.com/v1beta");
    let entry = r#"{"type":"oauth","refresh":"R","access":"A","expires":4102444800000}"#;
    let accounts = format!(r#"{{"openai":{entry},"anthropic":{entry}}}"#);
    let world = world.with_var("OPENAI_API_KEY", "K").with_file(".local/share/opencode/auth.json", accounts);
    assert_eq!(answer(&world, "openai"), "authorization=A https://chatgpt.com/backend-api/codex");
    assert_eq!(answer(&world, "anthropic"), "nothing");
}

#[test]
fn a_project_that_sends_the_key_elsewhere_is_named() {
    let project = r#"{"provider":{"anthropic":{"options":{"baseURL":"https://other.example/v1"}}}}"#;
    let world =
        MemoryWorld::new("/h").with_var("ANTHROPIC_API_KEY", "K").with_file("work/opencode.json", project);
    assert_eq!(answer(&world, "anthropic"), "x-api-key=K https://other.example/v1");
    let slots = slots(&world);
    let lint = slots[0].lints.iter().find(|lint| lint.id == "foreign-base-url").expect("the lint");
    assert!(lint.message.contains("~/work/opencode.json"), "{lint}");
}

#[test]
fn without_any_key_the_free_models_take_public() {
    let world = MemoryWorld::new("/h");
    assert!(slots(&world)[0].in_use);
    assert_eq!(answer(&world, "opencode"), "authorization=public https://opencode.ai/zen/v1");
    assert_eq!(answer(&world, "anthropic"), "nothing");
}

#[test]
fn an_administrators_file_is_where_the_system_keeps_it() {
    let mac = "/Library/Application Support/opencode/opencode.json";
    let world = || MemoryWorld::new("/h").with_file(mac, config("MANAGED"));
    assert_eq!(answer(&world().on(Os::Macos), "anthropic"), format!("x-api-key=MANAGED {ANTHROPIC}"));
    assert_ne!(answer(&world(), "anthropic"), format!("x-api-key=MANAGED {ANTHROPIC}"));
}
