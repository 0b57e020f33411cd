//! Rules that no recording at hand covers, and what a change does, on whole worlds.

use serde_json::{Value as Json, json};

use super::AGENT;
use crate::agents::{Certainty, Context};
use crate::destination::{Destination, Set};
use crate::plan::{self, Prediction};
use crate::provider::Catalogue;
use crate::resolve::{Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::Place;
use crate::world::{MemoryWorld, Process, Table, TableState, World as _};

const NOW: i64 = 1_795_251_600_000;
const LATER: i64 = NOW + 3_600_000;
const STATE_DB: &str = ".openclaw/state/openclaw.sqlite";
const MAIN_DB: &str = ".openclaw/agents/main/agent/openclaw-agent.sqlite";
const JSON_STORE: &str = ".openclaw/agents/main/agent/auth-profiles.json";

fn world(version: &str, config: &Json) -> MemoryWorld {
    let mut world = MemoryWorld { now_ms: NOW, ..MemoryWorld::new("/h") };
    world.executables.insert("openclaw".into(), "/opt/openclaw/openclaw.mjs".into());
    world
        .with_file("/opt/openclaw/package.json", json!({"name": "openclaw", "version": version}).to_string())
        .with_file(".openclaw/openclaw.json", config.to_string())
}

fn using(model: &str) -> Json {
    json!({"agents": {"defaults": {"model": {"primary": model}}}})
}

fn with(mut config: Json, member: &str, value: Json) -> Json {
    config[member] = value;
    config
}

fn key(provider: &str, text: &str) -> Json {
    json!({"type": "api_key", "provider": provider, "key": text})
}

fn shared(world: MemoryWorld, profiles: &Json, state: &Json) -> MemoryWorld {
    world
        .with_row(STATE_DB, "config_machine_state", "auth.sharedStore", r#"{"location":"state-db"}"#)
        .with_row(
            STATE_DB,
            "config_machine_state",
            "authProfiles.store",
            &json!({"version": 1, "profiles": profiles}).to_string(),
        )
        .with_row(STATE_DB, "config_machine_state", "authProfiles.state", &state.to_string())
}

fn slot_of(world: &MemoryWorld, profile: &str) -> Slot {
    let catalogue = Catalogue::embedded();
    let findings = AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap();
    findings.slots.into_iter().find(|slot| slot.profile == profile && slot.in_use).unwrap()
}

/// Key, header, address; or why not.
fn answer(slot: &Slot) -> String {
    match &slot.outcome {
        Outcome::Sends { sent, base_url, also } => {
            let show = |key: &Secret| key.expose(ToOwned::to_owned);
            let also: String =
                also.iter().map(|s| format!(" + {} {}", s.header.name(), show(&s.key))).collect();
            format!("{} {} {base_url}{also}", sent.header.name(), show(&sent.key))
        }
        Outcome::Nothing { reason } => format!("nothing: {reason}"),
        Outcome::Hidden { reason } => format!("hidden: {reason}"),
        Outcome::NotKnown { reason } => format!("not known: {reason}"),
    }
}

fn ask(world: &MemoryWorld) -> String {
    answer(&slot_of(world, "main"))
}

const ANTHROPIC: &str = "anthropic/claude-sonnet-5";

#[test]
fn an_auth_header_sends_the_key_twice() {
    let entry = json!({"providers": {"anthropic": {"baseUrl": "https://api.anthropic.com", "models": [], "authHeader": true}}});
    let world =
        world("2026.9.6", &with(using(ANTHROPIC), "models", entry)).with_var("ANTHROPIC_API_KEY", "k1");
    assert_eq!(ask(&world), "x-api-key k1 https://api.anthropic.com + authorization k1");
}

#[test]
fn a_header_of_request_auth_replaces_the_one_of_the_wire_format() {
    let auth = json!({"mode": "header", "headerName": "X-Api-Key", "value": "${OTHER}", "prefix": "p-"});
    let entry = json!({"providers": {"anthropic": {"baseUrl": "https://gw.example/a", "models": [], "request": {"auth": auth}}}});
    let world = world("2026.9.6", &with(using(ANTHROPIC), "models", entry))
        .with_var("ANTHROPIC_API_KEY", "k1")
        .with_var("OTHER", "k2");
    assert_eq!(ask(&world), "x-api-key p-k2 https://gw.example/a");
    assert!(slot_of(&world, "main").lints.iter().any(|lint| lint.id == "foreign-base-url"));
}

#[test]
fn an_agents_database_of_2026_6_counts_and_its_json_does_not() {
    let store =
        json!({"version": 1, "profiles": {"anthropic:default": key("anthropic", "k-db")}}).to_string();
    let json_store =
        json!({"version": 1, "profiles": {"anthropic:default": key("anthropic", "k-json")}}).to_string();
    let base = world("2026.6.6", &using(ANTHROPIC))
        .with_file(JSON_STORE, json_store)
        .with_var("ANTHROPIC_API_KEY", "k-env");
    assert_eq!(ask(&base), "x-api-key k-env https://api.anthropic.com");
    let world = base.with_row(MAIN_DB, "auth_profile_store", "primary", &store);
    assert_eq!(ask(&world), "x-api-key k-db https://api.anthropic.com");
}

#[test]
fn a_version_between_the_recorded_ones_is_not_known_where_they_differ() {
    let world = world("2026.6.6", &with(using("openai/gpt-5.5"), "plugins", json!({})))
        .with_var("OPENAI_API_KEY", "k1")
        .with_var("CODEX_API_KEY", "k2");
    assert!(ask(&world).starts_with("not known: this version was not recorded"));
    let slot = slot_of(&world, "main");
    assert!(
        slot.active.is_none() && !slot.candidates.iter().any(|c| matches!(c.state, State::Active { .. }))
    );
}

#[test]
fn from_2026_4_22_on_order_and_health_stand_in_a_file_of_their_own() {
    let store = json!({"version": 1, "profiles": {"anthropic:a": key("anthropic", "ka"), "anthropic:b": key("anthropic", "kb")},
        "order": {"anthropic": ["anthropic:a"]}});
    let state = json!({"version": 1, "order": {"anthropic": ["anthropic:b"]}});
    let with_store = world("2026.5.5", &using(ANTHROPIC)).with_file(JSON_STORE, store.to_string());
    assert_eq!(ask(&with_store), "x-api-key ka https://api.anthropic.com");
    let with_state = with_store.with_file(".openclaw/agents/main/agent/auth-state.json", state.to_string());
    assert_eq!(ask(&with_state), "x-api-key kb https://api.anthropic.com");
}

#[test]
fn without_a_shared_store_mains_own_database_is_the_shared_one() {
    let config = json!({"agents": {"ownership": "explicit", "defaults": {"model": {"primary": ANTHROPIC}}, "entries": {"main": {}, "work": {}}}});
    let store =
        json!({"version": 1, "profiles": {"anthropic:default": key("anthropic", "k-main")}}).to_string();
    let ignored = json!({"version": 1, "profiles": {"anthropic:x": key("anthropic", "k-state")}}).to_string();
    let world = world("2026.9.6", &config)
        .with_row(STATE_DB, "config_machine_state", "authProfiles.store", &ignored)
        .with_row(MAIN_DB, "auth_profile_store", "primary", &store);
    assert_eq!(answer(&slot_of(&world, "work")), "x-api-key k-main https://api.anthropic.com");
}

#[test]
fn a_retired_file_stops_the_agent_even_beside_a_filled_shared_store() {
    let other = json!({"version": 1, "profiles": {"openai:default": key("openai", "x")}}).to_string();
    let base = shared(
        world("2026.9.6", &using(ANTHROPIC)),
        &json!({"anthropic:default": key("anthropic", "k")}),
        &json!({}),
    );
    let world = base.with_file(JSON_STORE, other);
    assert!(ask(&world).starts_with("nothing: AUTH_PROFILE_MIGRATION_REQUIRED"));
    let own = json!({"version": 1, "profiles": {"anthropic:own": key("anthropic", "k-own")}}).to_string();
    let migrated = world.with_row(MAIN_DB, "auth_profile_store", "primary", &own);
    assert_eq!(ask(&migrated), "x-api-key k-own https://api.anthropic.com");
}

#[test]
fn a_wait_for_another_model_does_not_hold_this_one() {
    let health = |reason: &str, model: &str| json!({"usageStats": {"anthropic:default": {"cooldownUntil": LATER, "cooldownReason": reason, "cooldownModel": model}}});
    let profiles = json!({"anthropic:default": key("anthropic", "k")});
    let base = || world("2026.9.6", &using(ANTHROPIC));
    assert_eq!(
        ask(&shared(base(), &profiles, &health("rate_limit", "claude-x"))),
        "x-api-key k https://api.anthropic.com"
    );
    assert!(ask(&shared(base(), &profiles, &health("format", "claude-sonnet-5"))).starts_with("nothing:"));
    assert!(ask(&shared(base(), &profiles, &health("auth", "claude-x"))).starts_with("nothing:"));
}

#[test]
fn where_every_profile_waits_the_first_is_tried_if_the_reason_may_have_passed() {
    let two = json!({"anthropic:a": key("anthropic", "a"), "anthropic:b": key("anthropic", "b")});
    let waits = |a: serde_json::Value, b: serde_json::Value, fallbacks: &[&str]| {
        let config = using(ANTHROPIC);
        let model = json!({"primary": ANTHROPIC, "fallbacks": fallbacks});
        let config = if fallbacks.is_empty() {
            config
        } else {
            with(config, "agents", json!({"defaults": {"model": model}}))
        };
        ask(&shared(
            world("2026.9.6", &config),
            &two,
            &json!({"usageStats": {"anthropic:a": a, "anthropic:b": b}}),
        ))
    };
    let until = |at: i64, reason: &str| json!({"cooldownUntil": at, "cooldownReason": reason});
    let sent = "x-api-key b https://api.anthropic.com";
    // The soonest first.
    assert_eq!(waits(until(LATER + 1, "timeout"), until(LATER, "overloaded"), &[]), sent);
    assert_eq!(waits(json!({"cooldownUntil": LATER + 1}), json!({"disabledUntil": LATER}), &[]), sent);
    assert_eq!(waits(until(LATER + 1, "odd"), json!({"blockedUntil": LATER}), &[]), sent);
    for reason in ["auth", "auth_permanent", "billing", "format", "model_not_found", "session_expired"] {
        let said = waits(until(LATER + 1, reason), until(LATER, "timeout"), &[]);
        assert!(said.starts_with("nothing:"), "{reason}: {said}");
    }
    // The first one alone is tried, and what was counted decides without a reason.
    let counted = json!({"cooldownUntil": LATER, "failureCounts": {"auth": 1}});
    assert!(waits(until(LATER + 1, "rate_limit"), counted, &[]).starts_with("nothing:"));
    // With another model to fall back to, a rate limit alone.
    let other = ["openai/gpt-5.5"];
    assert!(waits(until(LATER + 1, "timeout"), until(LATER, "timeout"), &other).starts_with("nothing:"));
    assert_eq!(waits(until(LATER + 1, "rate_limit"), until(LATER, "rate_limit"), &other), sent);
}

#[test]
fn one_reference_that_leads_nowhere_stops_every_provider() {
    let good = key("anthropic", "k");
    let gone = json!({"type": "api_key", "provider": "openai", "keyRef": {"source": "env", "provider": "default", "id": "GONE"}});
    let profiles = json!({"anthropic:default": good, "openai:x": gone});
    let world = |config: &serde_json::Value| shared(world("2026.9.6", config), &profiles, &json!({}));
    assert!(
        ask(&world(&using(ANTHROPIC))).starts_with("nothing: the reference of openai:x cannot be resolved")
    );
    assert_eq!(ask(&world(&using(ANTHROPIC)).with_var("GONE", "g")), "x-api-key k https://api.anthropic.com");
    // One of a profile that could not be used is not followed.
    let other = json!({"profiles": {"openai:x": {"provider": "openai", "mode": "token"}}});
    assert_eq!(ask(&world(&with(using(ANTHROPIC), "auth", other))), "x-api-key k https://api.anthropic.com");
}

#[test]
fn a_profile_that_fails_before_the_wire_is_followed_by_the_next() {
    let profiles = json!({
        "openai:token": {"type": "token", "provider": "openai", "token": "sk-proj-x"},
        "openai:key": key("openai", "k"),
    });
    let world = |profiles: &serde_json::Value| {
        shared(world("2026.9.6", &using("openai/gpt-5.5")), profiles, &json!({}))
    };
    assert_eq!(ask(&world(&profiles)), "authorization k https://api.openai.com/v1");
    // `{"https://api.openai.com/auth":{"chatgpt_account_id":"a"}}`
    let jwt = "e30.eyJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYSJ9fQ.s";
    let login = json!({"openai:token": {"type": "token", "provider": "openai", "token": jwt}});
    assert_eq!(ask(&world(&login)), format!("authorization {jwt} https://chatgpt.com/backend-api"));
}

#[test]
fn a_binding_to_a_login_profile_of_another_kind_is_refused() {
    let entry = json!({"providers": {"anthropic": {"baseUrl": "https://api.anthropic.com", "models": [], "apiKey": "openai:x"}}});
    let config = with(using(ANTHROPIC), "models", entry);
    let world = shared(world("2026.9.6", &config), &json!({"openai:x": key("openai", "k")}), &json!({}))
        .with_var("ANTHROPIC_API_KEY", "env");
    assert!(ask(&world).contains("has no usable credentials"));
}

#[test]
fn an_explicit_order_with_nothing_usable_is_the_end_in_9_6() {
    let profiles = json!({"anthropic:default": {"type": "token", "provider": "anthropic", "token": "t", "expires": NOW - 1}});
    let state = json!({"order": {"anthropic": ["anthropic:default"]}});
    let world =
        shared(world("2026.9.6", &using(ANTHROPIC)), &profiles, &state).with_var("ANTHROPIC_API_KEY", "env");
    assert_eq!(ask(&world), "nothing: Explicit auth order for anthropic has no usable profiles.");
}

#[test]
fn a_login_that_has_run_out_is_not_guessed() {
    let profiles = json!({"anthropic:o": {"type": "oauth", "provider": "anthropic", "access": "sk-ant-oat01-x", "refresh": "r", "expires": NOW - 1}});
    let world = shared(world("2026.9.6", &using(ANTHROPIC)), &profiles, &json!({}));
    assert!(ask(&world).starts_with("not known: the login has expired"));
}

#[test]
fn an_openai_key_stored_as_a_token_fails_before_any_request_in_9_6() {
    let profiles = json!({"openai:manual": {"type": "token", "provider": "openai", "token": "sk-proj-x"}});
    let new = shared(world("2026.9.6", &using("openai/gpt-5.5")), &profiles, &json!({}));
    assert!(ask(&new).starts_with("nothing: Failed to extract accountId"));
    let old = world("2026.3.13", &using("openai/gpt-5.2"))
        .with_file(JSON_STORE, json!({"profiles": profiles}).to_string());
    assert_eq!(ask(&old), "authorization sk-proj-x https://api.openai.com/v1");
}

#[test]
fn the_base_url_variable_of_openai_counts_in_9_6_only() {
    let of = |version: &str| {
        let world = world(version, &using("openai/gpt-5.5"));
        ask(&world.with_var("OPENAI_API_KEY", "k").with_var("OPENAI_BASE_URL", "https://gw.example/v1"))
    };
    assert_eq!(of("2026.9.6"), "authorization k https://gw.example/v1");
    assert_eq!(of("2026.3.13"), "authorization k https://api.openai.com/v1");
}

#[test]
fn a_file_reference_through_a_link_is_refused() {
    let entry = json!({"anthropic": {"baseUrl": "https://api.anthropic.com", "models": [],
        "apiKey": {"source": "file", "provider": "f", "id": "value"}}});
    let config = with(
        with(using(ANTHROPIC), "models", json!({"providers": entry})),
        "secrets",
        json!({"providers": {"f": {"source": "file", "path": "~/key.txt", "mode": "singleValue"}}}),
    );
    let mut world = world("2026.9.6", &config).with_file("real.txt", "k\n");
    assert!(ask(&world).contains("is not there"));
    let real = std::sync::Arc::clone(&world.files[std::path::Path::new("/h/real.txt")]);
    world.files.insert("/h/key.txt".into(), real);
    assert!(ask(&world).contains("symbolic link"));
    assert_eq!(ask(&world.with_file("key.txt", "k\n")), "x-api-key k https://api.anthropic.com");
}

#[test]
fn a_providers_region_decides_keymends_name_for_it() {
    let entry = json!({"providers": {"moonshot": {"baseUrl": "https://api.moonshot.cn/v1", "api": "openai-completions", "apiKey": "k", "models": []}}});
    let slot = slot_of(&world("2026.9.6", &with(using("moonshot/kimi-k2"), "models", entry)), "main");
    assert_eq!(slot.provider.as_deref(), Some("moonshot-cn"));
    assert_eq!(answer(&slot), "authorization k https://api.moonshot.cn/v1");
}

#[test]
fn an_unknown_version_is_said_and_the_newest_rules_hold() {
    let mut world = world("2026.9.6", &using(ANTHROPIC)).with_var("ANTHROPIC_API_KEY", "k");
    world.executables.clear();
    let catalogue = Catalogue::embedded();
    let findings = AGENT.scan(&Context { world: &world, catalogue: &catalogue }).unwrap();
    assert!(findings.version.is_none() && findings.rules.contains("cannot be told"));
    assert!(findings.lints.iter().any(|lint| lint.id == "version-unknown"));
    assert_eq!(ask(&world), "x-api-key k https://api.anthropic.com");
}

#[test]
fn no_openclaw_leaves_no_trace() {
    let world = MemoryWorld::new("/h").with_var("OPENAI_API_KEY", "k");
    let catalogue = Catalogue::embedded();
    let findings = AGENT.scan(&Context { world: &world, catalogue: &catalogue }).unwrap();
    assert!(findings.found.is_empty());
}

/// The first destination that makes `new` active, and what it changes.
fn written(world: &MemoryWorld, profile: &str) -> (Destination, MemoryPlan) {
    let catalogue = Catalogue::embedded();
    let slot = slot_of(world, profile);
    let new = Secret::new("sk-ant-api03-new-key-000000000000");
    let (offered, default) = plan::destinations(world, &catalogue, &AGENT, &slot, &new);
    let best = default.unwrap_or_else(|| panic!("{offered:#?}"));
    let destination = offered[best].destination.clone();
    let plan = plan::build(world, &catalogue, &AGENT, &slot, &destination, &new).unwrap();
    assert_eq!(best, 0, "the best destination is first: {offered:#?}");
    (destination, MemoryPlan { changes: plan.changes.len(), prediction: plan.prediction().cloned() })
}

struct MemoryPlan {
    changes: usize,
    prediction: Option<Prediction>,
}

#[test]
fn a_new_key_goes_to_the_active_profile_and_clears_its_marks() {
    let profiles = json!({"anthropic:default": key("anthropic", "old-key-0000"), "anthropic:b": key("anthropic", "b-key")});
    let state = json!({"order": {"anthropic": ["anthropic:default"]}, "usageStats": {"anthropic:default": {"errorCount": 2, "failureCounts": {"auth": 2}, "lastUsed": 5}}});
    let world = shared(world("2026.9.6", &using(ANTHROPIC)), &profiles, &state);
    let (destination, plan) = written(&world, "main");
    let place = destination.place.show(None);
    assert!(
        place.ends_with("config_machine_state/authProfiles.store/profiles/anthropic:default/key"),
        "{place}"
    );
    let cleared: Vec<_> = destination.neighbours.iter().map(|n| n.place.show(None)).collect();
    assert_eq!(cleared.len(), 2, "{cleared:?}");
    assert!(destination.neighbours.iter().all(|n| n.set == Set::Remove));
    assert_eq!((plan.changes, plan.prediction), (2, Some(Prediction::SendsNew)));
}

#[test]
fn a_waiting_profile_is_usable_again_with_its_new_key() {
    let profiles = json!({"anthropic:default": key("anthropic", "old-key-0000")});
    let state =
        json!({"usageStats": {"anthropic:default": {"disabledUntil": LATER, "disabledReason": "billing"}}});
    let world =
        shared(world("2026.9.6", &using(ANTHROPIC)), &profiles, &state).with_var("ANTHROPIC_API_KEY", "env");
    let (_, plan) = written(&world, "main");
    assert_eq!(plan.prediction, Some(Prediction::SendsNew));
}

#[test]
fn every_agents_copy_of_an_early_version_changes_along() {
    let config = json!({"agents": {"defaults": {"model": {"primary": ANTHROPIC}}, "list": [{"id": "main"}, {"id": "work"}]}});
    let store = json!({"version": 1, "profiles": {"anthropic:default": key("anthropic", "old-key-0000")}})
        .to_string();
    let world = world("2026.3.13", &config)
        .with_file(JSON_STORE, &store)
        .with_file(".openclaw/agents/work/agent/auth-profiles.json", &store);
    let (destination, plan) = written(&world, "main");
    assert_eq!(destination.neighbours.len(), 1);
    assert_eq!(destination.neighbours[0].set, Set::Key);
    assert_eq!((plan.changes, plan.prediction), (2, Some(Prediction::SendsNew)));
}

#[test]
fn a_json_store_is_never_made_for_a_version_that_keeps_databases() {
    for version in ["2026.6.6", "2026.9.6"] {
        let world = world(version, &using(ANTHROPIC)).with_var("ANTHROPIC_API_KEY", "env");
        let catalogue = Catalogue::embedded();
        let all =
            (AGENT.destinations)(&Context { world: &world, catalogue: &catalogue }, &slot_of(&world, "main"));
        let json = all.iter().any(|to| to.place.show(None).contains("auth-profiles.json"));
        assert!(!json, "{all:#?}");
    }
}

#[test]
fn another_profile_is_made_the_active_one_by_the_order() {
    let profiles =
        json!({"anthropic:a": key("anthropic", "key-a-0000"), "anthropic:b": key("anthropic", "key-b-0000")});
    let world = shared(world("2026.9.6", &using(ANTHROPIC)), &profiles, &json!({}));
    let slot = slot_of(&world, "main");
    let catalogue = Catalogue::embedded();
    let plan = plan::use_candidate(&world, &catalogue, &AGENT, &slot, 1).unwrap();
    assert_eq!(plan.prediction(), Some(&Prediction::SendsNew));
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_bound_entry_is_bound_anew() {
    let entry = json!({"providers": {"anthropic": {"baseUrl": "https://api.anthropic.com", "models": [], "apiKey": "anthropic:a"}}});
    let profiles =
        json!({"anthropic:a": key("anthropic", "key-a-0000"), "anthropic:b": key("anthropic", "key-b-0000")});
    let world = shared(world("2026.9.6", &with(using(ANTHROPIC), "models", entry)), &profiles, &json!({}));
    let slot = slot_of(&world, "main");
    assert_eq!(answer(&slot), "x-api-key key-a-0000 https://api.anthropic.com");
    let catalogue = Catalogue::embedded();
    let plan = plan::use_candidate(&world, &catalogue, &AGENT, &slot, 1).unwrap();
    assert_eq!(plan.prediction(), Some(&Prediction::SendsNew));
}

#[test]
fn a_key_of_the_shell_is_beaten_by_a_new_profile() {
    let base = shared(world("2026.9.6", &using(ANTHROPIC)), &json!({}), &json!({}));
    let world = base.with_var("ANTHROPIC_API_KEY", "env-key-0000");
    let (destination, plan) = written(&world, "main");
    assert!(matches!(destination.place, Place::Cell { .. }), "{destination:?}");
    assert_eq!(plan.prediction, Some(Prediction::SendsNew));
}

#[test]
fn the_gateway_needs_a_reload_or_a_restart_by_where_the_key_stands() {
    let gateway = |env: Option<&str>| Process {
        pid: 7,
        args: vec!["openclaw-gateway".into()],
        started_ms: NOW - 1000,
        env: env.map(|key| [("ANTHROPIC_API_KEY".to_owned(), key.to_owned())].into()),
        unit: Some("openclaw-gateway.service".into()),
        cwd: None,
    };
    let restart = |mut world: MemoryWorld, env: Option<&str>| {
        world.processes.push(gateway(env));
        let catalogue = Catalogue::embedded();
        let slot = slot_of(&world, "main");
        (AGENT.restart)(&Context { world: &world, catalogue: &catalogue }, &slot).unwrap()
    };
    let stored = shared(
        world("2026.9.6", &using(ANTHROPIC)),
        &json!({"anthropic:default": key("anthropic", "k")}),
        &json!({}),
    );
    let found = restart(stored, None);
    assert_eq!(found.certainty, Certainty::MayHold);
    assert_eq!(found.command.unwrap(), ["openclaw", "secrets", "reload"]);
    let by_env = || world("2026.9.6", &using(ANTHROPIC)).with_var("ANTHROPIC_API_KEY", "k-env");
    assert_eq!(restart(by_env(), Some("k-env")).certainty, Certainty::StillHolds);
    assert_eq!(restart(by_env(), None).certainty, Certainty::CannotTell);
    let entry = json!({"providers": {"anthropic": {"baseUrl": "https://api.anthropic.com", "models": [], "apiKey": "k"}}});
    let mut literal = world("2026.9.6", &with(using(ANTHROPIC), "models", entry));
    literal.now_ms = NOW + 5000;
    let literal = literal.with_file("touch", "");
    assert_eq!(restart(literal, None).certainty, Certainty::Reloads);
}

#[test]
fn a_key_in_the_service_definition_is_told() {
    let world = world("2026.9.6", &using(ANTHROPIC))
        .with_file(".openclaw/.env", "ANTHROPIC_API_KEY=new-key-0000\n")
        .with_file(
            ".config/systemd/user/openclaw-gateway.service",
            "[Service]\nEnvironment=\"ANTHROPIC_API_KEY=old-key-0000\"\n",
        );
    let lints = slot_of(&world, "main").lints;
    assert!(lints.iter().any(|lint| lint.id == "service-keeps-key"), "{lints:?}");
}

#[test]
fn the_rows_are_read_by_their_own_columns() {
    let world = shared(world("2026.9.6", &using(ANTHROPIC)), &json!({}), &json!({}));
    let table = Table {
        db: "/h/.openclaw/state/openclaw.sqlite".into(),
        name: "config_machine_state",
        key_column: "state_key",
        value_column: "value_json",
        live_when_null: None,
    };
    assert!(matches!(world.table(&table), TableState::Rows(_)));
}

#[test]
fn the_login_shell_fills_what_is_missing() {
    let config = |enabled: bool| with(using(ANTHROPIC), "env", json!({"shellEnv": {"enabled": enabled}}));
    let of = |version: &str, enabled: bool, profile: &str| {
        world(version, &config(enabled)).with_var("SHELL", "/bin/bash").with_file(".profile", profile)
    };
    let plain = "export ANTHROPIC_API_KEY=k-shell\n";
    assert_eq!(ask(&of("2026.9.6", true, plain)), "x-api-key k-shell https://api.anthropic.com");
    assert!(ask(&of("2026.9.6", false, plain)).starts_with("nothing:"));
    let made = "export ANTHROPIC_API_KEY=$(pass show anthropic)\n";
    assert!(ask(&of("2026.9.6", true, made)).starts_with("not known:"));
    // 2026.3.13 does not ask the shell at all where any known variable is set.
    let other = of("2026.3.13", true, plain).with_var("GROQ_API_KEY", "x");
    assert!(ask(&other).starts_with("nothing:"));
    let other = of("2026.9.6", true, plain).with_var("GROQ_API_KEY", "x");
    assert_eq!(ask(&other), "x-api-key k-shell https://api.anthropic.com");
    // Set and empty is treated as set for 2026.9.6.
    let empty = of("2026.9.6", true, plain).with_var("ANTHROPIC_API_KEY", "");
    assert!(ask(&empty).starts_with("nothing:"));
}
