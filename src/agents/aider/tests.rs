use super::*;
use crate::agents::Context;
use crate::plan;
use crate::provider::Catalogue;
use crate::world::MemoryWorld;

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap().slots
}

fn sends(world: &MemoryWorld, provider: &str) -> Option<String> {
    let slots = slots(world);
    let slot = slots.iter().find(|slot| slot.agent_provider == provider)?;
    slot.sent().map(|sent| sent.key.expose(ToOwned::to_owned))
}

#[test]
fn in_a_subdirectory_the_git_roots_env_file_beats_the_working_directorys() {
    let world = MemoryWorld::new("/h")
        .with_file("repo/.git/HEAD", "ref: refs/heads/main\n")
        .with_file("repo/.env", "OPENROUTER_API_KEY=sk-or-v1-FAKEROOT\n")
        .with_file("repo/sub/.env", "OPENROUTER_API_KEY=sk-or-v1-FAKESUB\n");
    let world = MemoryWorld { cwd: "/h/repo/sub".into(), ..world };
    assert_eq!(sends(&world, "openrouter").as_deref(), Some("sk-or-v1-FAKEROOT"));
    let world = world.with_file(".aider.conf.yml", "env-file: .env\n");
    assert_eq!(sends(&world, "openrouter").as_deref(), Some("sk-or-v1-FAKESUB"));
}

#[test]
fn an_option_in_an_env_file_counts_too() {
    let world =
        MemoryWorld::new("/h").with_file(".env", "AIDER_OPENAI_API_KEY=sk-FAKE\nAIDER_MODEL=gpt-4o\n");
    assert_eq!(sends(&world, "openai").as_deref(), Some("sk-FAKE"));
    assert!(slots(&world)[0].in_use && slots(&world)[0].agent_provider == "openai");
}

#[test]
fn a_models_own_parameters_come_first() {
    let yaml = "- name: openrouter/x\n  extra_params:\n    api_key: sk-or-v1-FAKEOWN\n";
    let world = MemoryWorld::new("/h")
        .with_var("OPENROUTER_API_KEY", "sk-or-v1-FAKESHELL")
        .with_file(".aider.model.settings.yml", yaml);
    let slots = slots(&world);
    let keys: Vec<(&str, bool)> = slots
        .iter()
        .filter(|s| s.agent_provider == "openrouter")
        .map(|s| (s.profile.as_str(), s.in_use))
        .collect();
    assert_eq!(keys, [("model openrouter/x", true), ("default", true)]);
    assert!(slots[0].sent().unwrap().key.is("sk-or-v1-FAKEOWN"));
}

#[test]
fn a_key_inside_a_list_item_is_never_overwritten_by_the_key_alone() {
    let world =
        MemoryWorld::new("/h").with_file(".aider.conf.yml", "api-key:\n  - openrouter=sk-or-v1-FAKE\n");
    let slots = slots(&world);
    let slot = slots.iter().find(|slot| slot.agent_provider == "openrouter").unwrap();
    let catalogue = Catalogue::embedded();
    let new = Secret::new("sk-or-v1-NEWFAKE");
    let (offered, default) = plan::destinations(&world, &catalogue, &AGENT, slot, &new);
    assert_eq!(default, Some(0), "{offered:?}");
    let plan = plan::build(&world, &catalogue, &AGENT, slot, &offered[0].destination, &new).unwrap();
    assert!(plan.prediction().is_some_and(plan::Prediction::is_new), "{:?}", plan.predictions);
    let after = plan.changes[0].after.as_ref().unwrap();
    assert_eq!(&*after.0, b"api-key:\n  - openrouter=sk-or-v1-NEWFAKE\n");
}

#[test]
fn without_a_key_for_gemini_the_word_none_travels() {
    let slots = slots(&MemoryWorld::new("/h"));
    let slot = slots.iter().find(|slot| slot.agent_provider == "gemini").unwrap();
    assert!(slot.sent().unwrap().key.is("None"));
    assert_eq!(slot.active_candidate().unwrap().source, Source::BuiltIn);
}

#[test]
fn a_reference_in_model_settings_is_looked_up() {
    let yaml = "- name: openrouter/x\n  extra_params:\n    api_key: os.environ/MY\n";
    let world = MemoryWorld::new("/h")
        .with_var("OPENROUTER_API_KEY", "sk-or-v1-FAKESHELL")
        .with_var("MY", "sk-or-v1-FAKEMY")
        .with_file(".aider.model.settings.yml", yaml);
    assert_eq!(sends(&world, "openrouter").as_deref(), Some("sk-or-v1-FAKEMY"));
}

#[test]
fn an_authorization_of_ones_own_replaces_the_key_of_the_openai_sdk_alone() {
    let yaml = |model: &str| {
        format!(
            "- name: {model}\n  extra_params:\n    extra_headers:\n      Authorization: Bearer sk-FAKEHEADER\n"
        )
    };
    let file = ".aider.model.settings.yml";
    let openai =
        MemoryWorld::new("/h").with_var("OPENAI_API_KEY", "sk-FAKE").with_file(file, yaml("openai/gpt-4o"));
    assert_eq!(sends(&openai, "openai").as_deref(), Some("sk-FAKEHEADER"));
    let router = MemoryWorld::new("/h")
        .with_var("OPENROUTER_API_KEY", "sk-or-FAKE")
        .with_file(file, yaml("openrouter/x"));
    assert_eq!(sends(&router, "openrouter").as_deref(), Some("sk-or-FAKE"));
}

#[test]
fn everything_goes_to_a_litellm_proxy_when_told_so() {
    let world = MemoryWorld::new("/h")
        .with_var("OPENAI_API_KEY", "sk-FAKE")
        .with_var("USE_LITELLM_PROXY", "true")
        .with_var("LITELLM_PROXY_API_BASE", "http://127.0.0.1:1/p")
        .with_var("LITELLM_PROXY_API_KEY", "sk-FAKEPROXY");
    assert_eq!(sends(&world, "openai").as_deref(), Some("sk-FAKEPROXY"));
}
