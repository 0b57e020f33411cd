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
        .with_var("GOOSE_MODEL", "m")
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
    let world = MemoryWorld::new("/h").with_var("OPENAI_API_KEY", "K").with_file(
        ".config/goose/config.yaml",
        "GOOSE_PROVIDER: openai\nGOOSE_MODEL: m\nOPENAI_HOST: http://file\n",
    );
    assert_eq!(answer(&world), "authorization=K http://file/v1");
    let world = world.with_var("OPENAI_BASE_URL", "http://base/v1");
    assert_eq!(answer(&world), "authorization=K http://base/v1");
    let world = world.with_var("OPENAI_HOST", "http://env");
    assert_eq!(answer(&world), "authorization=K http://env/v1");
}

fn with(provider: &str) -> MemoryWorld {
    MemoryWorld::new("/h")
        .with_var("GOOSE_PROVIDER", provider)
        .with_var("GOOSE_MODEL", "m")
        .with_var("GOOSE_DISABLE_KEYRING", "1")
}

#[test]
fn who_else_has_the_credential_is_said_and_an_unknown_provider_is_refused() {
    assert_eq!(answer(&with("claude-code")), "hidden");
    assert_eq!(answer(&with("databricks").with_var("DATABRICKS_HOST", "https://acme.test")), "hidden");
    assert_eq!(answer(&with("nosuch")), "nothing");
}

const MINE: &str = r#"{"name": "mine", "engine": "openai", "display_name": "Mine", "api_key_env": "MINE_KEY",
    "base_url": "https://mine.test/v1", "models": [{"name": "m", "context_limit": 1}]}"#;

fn lint_of(world: &MemoryWorld) -> String {
    let catalogue = Catalogue::embedded();
    let slots = super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots;
    let slot = slots.into_iter().find(|slot| slot.in_use).expect("a slot");
    slot.lints.first().map(|lint| lint.message.clone()).unwrap_or_default()
}

#[test]
fn a_declaration_that_goose_cannot_read_takes_all_declared_providers_along() {
    let path = ".config/goose/custom_providers/a.json";
    let world = with("mine").with_var("MINE_KEY", "K").with_file(path, MINE);
    assert_eq!(answer(&world), "authorization=K https://mine.test/v1");
    let refused = MINE.replace(r#""engine": "openai""#, r#""engine": "openai_compatible""#);
    let world = world.with_file(path, refused.as_str());
    assert_eq!(answer(&world), "nothing");
    let message = lint_of(&world);
    for part in
        ["custom_providers/a.json", "engine is openai_compatible", "write openai, anthropic or ollama"]
    {
        assert!(message.contains(part), "{message}");
    }
    let groq = with("groq").with_var("GROQ_API_KEY", "G").with_file(path, refused.as_str());
    assert_eq!(answer(&groq), "nothing", "one of those inside the program");
    let openai = with("openai").with_var("OPENAI_API_KEY", "O").with_file(path, refused.as_str());
    assert_eq!(answer(&openai), "authorization=O https://api.openai.com/v1");
}
