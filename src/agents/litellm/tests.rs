use super::*;
use crate::provider::Catalogue;
use crate::world::MemoryWorld;

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap().slots
}

fn proxied(config: &str, env: &[(&str, &str)]) -> Option<String> {
    let mut world = MemoryWorld::new("/h").with_file("work/config.yaml", config);
    for (name, value) in env {
        world = world.with_var(name, value);
    }
    let slots = slots(&world);
    let slot = slots.iter().find(|slot| slot.profile == "proxy/m").unwrap();
    slot.sent().map(|sent| sent.key.expose(ToOwned::to_owned))
}

const MODEL: &str = "model_list:\n  - model_name: m\n    litellm_params:\n      model: openrouter/acme/x\n";

#[test]
fn the_proxy_resolves_a_reference_before_its_own_block_of_variables() {
    let shell = [("OPENROUTER_API_KEY", "sk-or-v1-FAKESHELL")];
    let block = "environment_variables:\n  OPENROUTER_API_KEY: sk-or-v1-FAKEBLOCK\n";
    let named = format!("{MODEL}      api_key: os.environ/OPENROUTER_API_KEY\n{block}");
    assert_eq!(proxied(&named, &shell).as_deref(), Some("sk-or-v1-FAKESHELL"));
    assert_eq!(proxied(&format!("{MODEL}{block}"), &shell).as_deref(), Some("sk-or-v1-FAKEBLOCK"));
    let unset = format!("{MODEL}      api_key: os.environ/NOT_THERE\n");
    assert_eq!(proxied(&unset, &shell).as_deref(), Some("sk-or-v1-FAKESHELL"));
    assert_eq!(proxied(&unset, &[]), None);
    let literal = format!("{MODEL}      api_key: ${{OPENROUTER_API_KEY}}\n");
    assert_eq!(proxied(&literal, &shell).as_deref(), Some("${OPENROUTER_API_KEY}"));
}

#[test]
fn a_credential_and_the_settings_come_before_the_variables() {
    let shell = [("OPENROUTER_API_KEY", "sk-or-v1-FAKESHELL"), ("MYKEY", "sk-or-v1-FAKEMY")];
    let credential = format!(
        "{MODEL}      litellm_credential_name: main\ncredential_list:\n  - credential_name: main\n    credential_values:\n      api_key: os.environ/MYKEY\n"
    );
    assert_eq!(proxied(&credential, &shell).as_deref(), Some("sk-or-v1-FAKEMY"));
    let settings = format!("{MODEL}litellm_settings:\n  api_key: sk-or-v1-FAKEALL\n");
    assert_eq!(proxied(&settings, &shell).as_deref(), Some("sk-or-v1-FAKEALL"));
}

#[test]
fn the_env_file_is_searched_upward_from_the_installed_package() {
    let mut world = MemoryWorld::new("/h")
        .with_file("work/.env", "OPENROUTER_API_KEY=sk-or-v1-FAKE\n")
        .with_file("work/.venv/lib/python3.11/site-packages/litellm/__init__.py", "");
    let sent = |world: &MemoryWorld| {
        let slots = slots(world);
        let slot = slots.iter().find(|slot| slot.agent_provider == "openrouter").unwrap();
        slot.sent().is_some()
    };
    assert!(!sent(&world));
    world.executables.insert("litellm".into(), "/h/work/.venv/bin/litellm".into());
    assert!(sent(&world));
    assert!(!sent(&world.with_var("OPENROUTER_API_KEY", "")));
}

#[test]
fn a_header_of_ones_own_replaces_the_openai_key() {
    let world = MemoryWorld::new("/h")
        .with_var("OPENAI_API_KEY", "sk-FAKE")
        .with_var("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-FAKEHEADER");
    let slots = slots(&world);
    let slot = slots.iter().find(|slot| slot.agent_provider == "openai").unwrap();
    assert!(slot.sent().unwrap().key.is("sk-FAKEHEADER"));
}

#[test]
fn a_key_of_blanks_and_line_feeds() {
    let key = |name: &str, value: &str| {
        let world = MemoryWorld::new("/h").with_var(name, value);
        let slots = slots(&world);
        let slot = slots
            .iter()
            .find(|slot| slot.candidates.iter().any(|c| c.name.as_deref() == Some(name)))
            .unwrap();
        slot.sent().map(|sent| sent.key.expose(ToOwned::to_owned))
    };
    assert_eq!(key("OPENROUTER_API_KEY", "sk-or-v1-FAKE\n"), None);
    assert_eq!(key("ANTHROPIC_API_KEY", "sk-ant-FAKE\n").as_deref(), Some("sk-ant-FAKE"));
    assert_eq!(key("OPENROUTER_API_KEY", "True"), None);
}

/// The table against the package's own list, `litellm.provider_list` of 1.110.2.
#[test]
fn every_provider_of_the_package_has_a_row_or_takes_no_key_from_a_variable() {
    let mut rows: Vec<&str> = wire::wires(Generation::V1_106).map(|wire| wire.id).collect();
    rows.sort_unstable();
    let all = rows.len();
    rows.dedup();
    assert_eq!((rows.len(), all), (129, 129), "one row each");
    assert!(table::WITHOUT.iter().all(|id| !rows.contains(id)));
    assert_eq!(rows.len() + table::WITHOUT.len(), 190);
    let rows = || wire::wires(Generation::V1_106).chain(wire::wires(Generation::V1_81));
    assert!(rows().all(|wire| !wire.keys.is_empty()));
    let catalogue = Catalogue::embedded();
    let unknown = |wire: &&Wire| !wire.provider.is_empty() && catalogue.get(wire.provider).is_none();
    assert_eq!(rows().find(unknown).map(|wire| wire.id), None);
}

/// OpenAI's SDK makes the request to most providers, and takes its own variable where it is given no key.
#[test]
fn the_openai_key_goes_to_another_company_where_its_own_is_not_set() {
    let world = MemoryWorld::new("/h")
        .with_var("OPENAI_API_KEY", "sk-FAKE")
        .with_var("CEREBRAS_API_BASE", "https://relay.test/v1");
    let found = slots(&world);
    let slot = found.iter().find(|slot| slot.agent_provider == "cerebras").unwrap();
    assert!(slot.sent().unwrap().key.is("sk-FAKE"));
    assert!(slot.lints.iter().any(|lint| lint.id == "openai-key-elsewhere"));
    let found = slots(&world.with_var("CEREBRAS_API_KEY", "csk-FAKE"));
    let slot = found.iter().find(|slot| slot.agent_provider == "cerebras").unwrap();
    assert!(slot.sent().unwrap().key.is("csk-FAKE"));
    assert!(slot.lints.iter().all(|lint| lint.id != "openai-key-elsewhere"));
    assert!(found.iter().all(|slot| slot.agent_provider != "moonshot"), "shown where it is configured");
}
