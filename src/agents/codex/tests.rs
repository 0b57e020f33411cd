//! Rules of the recordings that need a mode, a keyring or a combination.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::{Mode, Outcome, Slot};
use crate::world::{KeyringState, MemoryWorld};

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots
}

fn answer(world: &MemoryWorld, mode: Mode) -> String {
    let slots = slots(world);
    let slot = slots.iter().find(|slot| slot.in_use && slot.mode.is_none_or(|m| m == mode)).expect("a slot");
    match &slot.outcome {
        Outcome::Sends { sent, base_url, .. } => {
            format!("{}={} {base_url}", sent.header.name(), sent.key.expose(ToOwned::to_owned))
        }
        Outcome::Nothing { reason } => format!("nothing: {reason}"),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

const AUTH: &str = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"STORED"}"#;
const CHATGPT: &str = r#"{"auth_mode":"chatgpt","OPENAI_API_KEY":"UNUSED","last_refresh":"2026-11-27T00:00:00.25Z","tokens":{"id_token":"e30.e30.s","access_token":"ACCESS","refresh_token":"R"}}"#;
const OPENAI: &str = "https://api.openai.com/v1";

fn home() -> MemoryWorld {
    let mut world = MemoryWorld::new("/h");
    world.keyring_otherwise = Some(KeyringState::Absent("none".into()));
    world
}

#[test]
fn only_exec_takes_codex_api_key() {
    let world = home().with_var("CODEX_API_KEY", " EXEC\n").with_file(".codex/auth.json", AUTH);
    assert_eq!(answer(&world, Mode::Headless), format!("authorization=EXEC {OPENAI}"));
    assert_eq!(answer(&world, Mode::Interactive), format!("authorization=STORED {OPENAI}"));
}

#[test]
fn openai_api_key_alone_is_no_credential() {
    let world = home().with_var("OPENAI_API_KEY", "K");
    assert_eq!(answer(&world, Mode::Headless), "nothing: not logged in");
    assert!(slots(&world)[0].lints.iter().any(|lint| lint.id == "variable-unused"));
}

#[test]
fn the_mode_of_the_account_decides_and_a_base_url_redirects_it() {
    let world = home().with_file(".codex/auth.json", CHATGPT);
    assert_eq!(answer(&world, Mode::Headless), "authorization=ACCESS https://chatgpt.com/backend-api/codex");
    let world = world.with_file(".codex/config.toml", "openai_base_url = \"http://127.0.0.1:1/v1\"\n");
    assert_eq!(answer(&world, Mode::Headless), "authorization=ACCESS http://127.0.0.1:1/v1");
}

#[test]
fn an_account_of_another_form_is_signed_out_whatever_else_it_holds() {
    let says = |auth: &str| answer(&home().with_file(".codex/auth.json", auth), Mode::Headless);
    let sent = |auth: &str| says(auth).starts_with("authorization=");
    let with = |field: &str| AUTH.replace('{', &format!("{{{field},"));
    for field in [
        r#""tokens":{}"#,
        r#""tokens":{"id_token":"abc","access_token":"A","refresh_token":"R"}"#,
        r#""tokens":{"id_token":"e30.e30.s","access_token":"A"}"#,
        r#""last_refresh":"yesterday""#,
        r#""last_refresh":5"#,
    ] {
        assert!(!sent(&with(field)), "{field}");
    }
    for field in [r#""tokens":null"#, r#""last_refresh":null"#, r#""unknown":5"#] {
        assert!(sent(&with(field)), "{field}");
    }
    assert!(!sent(r#"{"auth_mode":"ApiKey","OPENAI_API_KEY":"K"}"#));
    assert!(!sent(r#"{"OPENAI_API_KEY":5}"#));
    assert!(!sent(&CHATGPT.replace("\"last_refresh\"", "\"other\"")));
    assert!(sent(&CHATGPT.replace("\"chatgpt\"", "\"chatgptAuthTokens\"")));
}

#[test]
fn a_forced_login_looks_at_the_store_whatever_is_used() {
    let says = |forced: &str, auth: &str| {
        let table = "model_provider = \"gw\"\n[model_providers.gw]\nname = \"gw\"\nenv_key = \"GW\"\n";
        let config = format!("forced_login_method = \"{forced}\"\n{table}");
        let world = home().with_var("GW", "K").with_file(".codex/config.toml", config);
        let world = if auth.is_empty() { world } else { world.with_file(".codex/auth.json", auth) };
        answer(&world, Mode::Headless)
    };
    for (forced, auth, words) in [
        ("api", "{}", "nothing: API key login is required"),
        ("api", r#"{"auth_mode":"apikey"}"#, "nothing: API key auth is missing a key"),
        ("api", "{", "nothing: failed to deserialize"),
        ("api", AUTH, "authorization=K"),
        ("api", "", "authorization=K"),
        ("chatgpt", "{}", "authorization=K"),
        ("chatgpt", AUTH, "nothing: ChatGPT login is required"),
    ] {
        let said = says(forced, auth);
        assert!(said.starts_with(words), "{forced} {auth}: {said}");
    }
}

#[test]
fn the_store_says_where_the_account_is() {
    let store = |mode: &str| {
        home()
            .with_file(".codex/auth.json", AUTH)
            .with_file(".codex/config.toml", format!("cli_auth_credentials_store = \"{mode}\"\n"))
    };
    let with_entry = |mut world: MemoryWorld| {
        let user = format!("cli|{}", crate::secret::Secret::new("/h/.codex").sha256_hex(16));
        let entry = crate::secret::Secret::new(r#"{"OPENAI_API_KEY":"RING"}"#);
        world.keyring.insert(("Codex Auth".into(), user), entry);
        answer(&world, Mode::Headless)
    };
    assert_eq!(with_entry(store("file")), format!("authorization=STORED {OPENAI}"));
    assert_eq!(with_entry(store("keyring")), format!("authorization=RING {OPENAI}"));
    assert_eq!(with_entry(store("auto")), format!("authorization=RING {OPENAI}"));
    assert_eq!(answer(&store("auto"), Mode::Headless), format!("authorization=STORED {OPENAI}"));
    assert!(answer(&store("keyring"), Mode::Headless).starts_with("nothing"));
    let mut locked = store("auto");
    locked.keyring_otherwise = Some(KeyringState::Locked);
    assert_eq!(answer(&locked, Mode::Headless), "hidden");
}

#[test]
fn codex_refuses_to_start_in_its_own_words() {
    for (config, words) in [
        ("profile = \"x\"\n", "legacy `profile"),
        ("[model_providers.openai]\nbase_url = \"http://127.0.0.1\"\n", "`openai` is a built-in"),
        ("[model_providers.a]\nwire_api = \"chat\"\n", "`wire_api"),
        ("model_provider = \"nope\"\n", "Model provider `nope` not found"),
        ("forced_login_method = \"chatgpt\"\n", "ChatGPT login is required"),
        (
            "model = 5\n",
            "~/.codex/config.toml: `model` must be a text that is not empty; Codex does not start",
        ),
        (
            "[model_providers.a]\nbase_url = 'http://a'\n",
            "~/.codex/config.toml: `model_providers.a.name` is missing",
        ),
        ("[mcp_servers.a]\nfoo = 1\n", "~/.codex/config.toml: `mcp_servers.a` needs `command` or `url`"),
        ("model_provider = [\n", "/h/.codex/config.toml cannot be parsed"),
    ] {
        let world = home().with_file(".codex/auth.json", AUTH).with_file(".codex/config.toml", config);
        let answer = answer(&world, Mode::Headless);
        assert!(answer.starts_with(&format!("nothing: {words}")), "{answer}");
    }
}

#[test]
fn what_a_trusted_project_says_holds_and_can_stop_codex() {
    let trust = "[projects.'/h/p']\ntrust_level = 'trusted'\n";
    let world = |own: &str, project: &str| {
        let mut world = home()
            .with_file(".codex/auth.json", AUTH)
            .with_file(".codex/config.toml", own)
            .with_file("p/.git/HEAD", "ref: refs/heads/main")
            .with_file("p/.codex/config.toml", project);
        world.cwd = "/h/p/sub".into();
        answer(&world, Mode::Headless)
    };
    let sent = format!("authorization=STORED {OPENAI}");
    assert!(world(trust, "model = [\n").contains("/h/p/.codex/config.toml cannot be parsed"));
    assert!(
        world(trust, "sandbox_mode = 'all'\n")
            .starts_with("nothing: ~/p/.codex/config.toml: `sandbox_mode` must")
    );
    assert!(world(trust, "cli_auth_credentials_store = 'ephemeral'\n").starts_with("nothing: "));
    // What a project cannot set is left out, whatever it is; an untrusted one is not looked at.
    assert_eq!(world(trust, "model_provider = 5\nopenai_base_url = 'http://127.0.0.1:1'\n"), sent);
    assert_eq!(world("", "model = [\n"), sent);
    assert_eq!(world("[projects.'/h/p']\ntrust_level = 'untrusted'\n", "model = 5\n"), sent);
}

#[test]
fn a_wrong_setting_is_corrected_where_that_brings_a_key() {
    let config = |extra: &str| {
        let table = "model_provider = 'gw'\n[model_providers.gw]\nbase_url = 'http://127.0.0.1:1/v1'\n";
        home().with_var("GW", "K").with_file(".codex/config.toml", format!("{table}env_key = 'GW'\n{extra}"))
    };
    let ways = |world: &MemoryWorld| {
        let slots = slots(world);
        let slot = slots.iter().find(|slot| slot.in_use).unwrap();
        let n = slot.candidates.iter().position(|one| one.lints.iter().any(|l| l.id == "does-not-start"));
        let catalogue = Catalogue::embedded();
        let context = Context { world, catalogue: &catalogue };
        let switches = n.map_or_else(Vec::new, |n| (super::AGENT.switch)(&context, slot, n));
        switches.into_iter().map(|one| one.effect).collect::<Vec<_>>()
    };
    assert_eq!(ways(&config("")), ["write model_providers.gw.name = \"gw\""]);
    assert_eq!(
        ways(&config("name = 'gw'\nrequires_openai_auth = 'true'\n")),
        ["write model_providers.gw.requires_openai_auth = true"]
    );
    assert_eq!(
        ways(&config("name = 'gw'\nquery_params = 5\n")),
        ["take model_providers.gw.query_params out"]
    );
    assert_eq!(ways(&config("name = 'gw'\n")), [""; 0]);
}

#[test]
fn a_provider_of_ones_own_gets_the_account_only_when_it_asks() {
    let config = |extra: &str| {
        let table = "model_provider = \"gw\"\n[model_providers.gw]\nname = \"gw\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
        home().with_file(".codex/auth.json", AUTH).with_file(".codex/config.toml", format!("{table}{extra}"))
    };
    assert!(answer(&config(""), Mode::Headless).starts_with("nothing"));
    let asks = answer(&config("requires_openai_auth = true\n"), Mode::Headless);
    assert_eq!(asks, "authorization=STORED http://127.0.0.1:1/v1");
    let headers = answer(&config("http_headers = { \"api-key\" = \"AZURE\" }\n"), Mode::Headless);
    assert_eq!(headers, "api-key=AZURE http://127.0.0.1:1/v1");
    let missing = answer(&config("env_key = \"GW\"\nexperimental_bearer_token = \"T\"\n"), Mode::Headless);
    assert_eq!(missing, "nothing: Missing environment variable: `GW`");
    let hidden = "[model_providers.gw.auth]\ncommand = \"vault\"\nargs = [\"read\"]\n";
    assert_eq!(answer(&config(hidden), Mode::Headless), "hidden");
}

#[test]
fn a_new_key_signs_in_with_its_mode() {
    let world = home().with_file(".codex/auth.json", CHATGPT);
    let catalogue = Catalogue::embedded();
    let context = Context { world: &world, catalogue: &catalogue };
    let all = (super::AGENT.destinations)(&context, &slots(&world)[0]);
    let shown: Vec<_> = all.iter().map(|one| one.place.show(Some("/h".as_ref()))).collect();
    assert_eq!(shown, ["~/.codex/auth.json#/OPENAI_API_KEY"]);
    assert_eq!(all[0].neighbours[0].set, crate::destination::Set::Json("apikey".into()));
}
