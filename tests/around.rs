//! What a scan finds around the agents' own answers: processes and services that send something else, variables that are set
//! elsewhere, keys in places that nobody reads.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use keymend::agents::Certainty;
use keymend::finding::{Lint, Severity};
use keymend::provider::Catalogue;
use keymend::report::{Style, text};
use keymend::resolve::Slot;
use keymend::session::held::{Holder, Kind, Sends};
use keymend::session::{self, Scan, Selector};
use keymend::world::{MemoryWorld, Process};

const HOME: &str = "/home/ann";
const NOW: i64 = 1_795_816_000_000;

/// A key of Anthropic's form.
fn key(letter: char) -> String {
    format!("sk-ant-api03-FAKE{}AA", letter.to_string().repeat(89))
}

fn world() -> MemoryWorld {
    let mut world = MemoryWorld::new(HOME).with_var("HOME", HOME).with_var("PATH", "/usr/bin");
    world.now_ms = NOW;
    world
}

/// OpenClaw with a model of Anthropic and no key.
fn openclaw() -> MemoryWorld {
    world().with_file(
        ".openclaw/openclaw.json",
        r#"{"meta": {"lastTouchedVersion": "2026.9.6"}, "agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}}"#,
    )
}

/// Hermes with Anthropic chosen and no key.
fn hermes() -> MemoryWorld {
    world().with_file(".hermes/config.yaml", "model:\n  provider: anthropic\n  default: claude-sonnet-4-5\n")
}

fn process(args: &[&str], env: &[(&str, &str)], unit: Option<&str>) -> Process {
    let fixed = [("HOME", HOME), ("PATH", "/usr/bin")];
    let env: BTreeMap<String, String> =
        fixed.iter().chain(env).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Process {
        pid: 412,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        started_ms: NOW - 3 * 86_400_000,
        env: Some(env),
        unit: unit.map(ToOwned::to_owned),
        cwd: Some(PathBuf::from(HOME)),
    }
}

fn scan(world: &MemoryWorld) -> Scan {
    session::scan_all(world, &Catalogue::embedded())
}

fn slot<'a>(scan: &'a Scan, agent: &str) -> &'a Slot {
    let mut slots = scan.slots().map(|(_, _, slot)| slot).filter(|slot| slot.agent == agent && slot.in_use);
    slots.next().unwrap_or_else(|| panic!("{agent} has no slot in use"))
}

fn holder(scan: &Scan, agent: &str, kind: Kind) -> Holder {
    let all = scan.held_by(slot(scan, agent));
    all.iter().find(|holder| holder.kind == kind).unwrap_or_else(|| panic!("no {kind:?} in {all:?}")).clone()
}

/// What is found at the slot in use above what its own rules say.
fn found(scan: &Scan, agent: &str) -> Vec<(&'static str, Severity)> {
    let ids = [
        "process-holds-another-key",
        "service-lacks-variable",
        "service-has-another-key",
        "service-keeps-key",
        "key-only-elsewhere",
        "key-not-read",
        "name-nearly-right",
    ];
    let own = slot(scan, agent).lints.iter().filter(|lint| ids.contains(&lint.id));
    own.map(|lint| (lint.id, lint.severity)).collect()
}

fn lint<'a>(scan: &'a Scan, agent: &str, id: &str) -> &'a Lint {
    let slot = slot(scan, agent);
    slot.lints.iter().find(|lint| lint.id == id).unwrap_or_else(|| panic!("no {id} in {:?}", slot.lints))
}

fn status(scan: &Scan) -> String {
    let catalogue = Catalogue::embedded();
    let style = Style { home: Some(Path::new(HOME)), catalogue: &catalogue, salt: "s" };
    text::status(scan, &scan.select(&Selector::default()), style)
}

#[test]
fn a_gateway_that_was_started_with_the_old_key_is_told_before_a_write() {
    let mut world = openclaw().with_var("ANTHROPIC_API_KEY", &key('n'));
    world.processes.push(process(&["openclaw-gateway"], &[("ANTHROPIC_API_KEY", &key('o'))], None));
    let scan = scan(&world);
    let holder = holder(&scan, "openclaw", Kind::Process);
    assert!(matches!(&holder.sends, Sends::Other(other) if other.is(&key('o'))), "{holder:?}");
    assert_eq!((holder.pid, holder.certainty), (Some(412), Certainty::StillHolds));
    assert_eq!(found(&scan, "openclaw"), [("process-holds-another-key", Severity::Warn)]);
    let said = status(&scan);
    assert!(said.contains("in OpenClaw gateway (pid 412, running for 3 days): sends B "), "{said}");
    let row = slot(&scan, "openclaw").candidates.last().unwrap();
    assert!(row.value.secret().unwrap().is(&key('o')), "the gateway's key is a row: it can be tested");
}

#[test]
fn a_gateway_that_reads_its_file_again_sends_the_same() {
    // Hermes' own .env takes precedence over what the process was started with.
    let mut world = hermes().with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')));
    let args = ["/usr/bin/python3", "-m", "hermes_cli.main", "gateway", "run"];
    world.processes.push(process(&args, &[("ANTHROPIC_API_KEY", &key('o'))], None));
    let scan = scan(&world);
    assert_eq!(holder(&scan, "hermes", Kind::Process).sends, Sends::Same);
    assert!(found(&scan, "hermes").is_empty());
}

#[test]
fn a_session_in_another_terminal_is_a_note_and_one_of_another_home_is_nothing() {
    let mut world = world().with_file(".claude.json", "{}").with_var("ANTHROPIC_API_KEY", &key('n'));
    world.processes.push(process(&["claude"], &[("ANTHROPIC_API_KEY", &key('o'))], None));
    assert_eq!(found(&scan(&world), "claude-code"), [("process-holds-another-key", Severity::Note)]);
    world.processes[0].env.as_mut().unwrap().insert("HOME".to_owned(), "/home/bob".to_owned());
    let scan = scan(&world);
    assert!(scan.held_by(slot(&scan, "claude-code")).is_empty());
}

const UNIT: &str = ".config/systemd/user/openclaw-gateway.service";
const EXEC: &str = "[Service]\nRestart=always\nExecStart=/usr/bin/node /usr/lib/node_modules/openclaw/dist/index.js gateway\n";

#[test]
fn a_unit_without_the_variable_of_the_shell_is_told() {
    let mut world = openclaw().with_var("ANTHROPIC_API_KEY", &key('n')).with_file(UNIT, EXEC);
    let seen = scan(&world);
    assert_eq!(found(&seen, "openclaw"), [("service-lacks-variable", Severity::Warn)]);
    let words = &lint(&seen, "openclaw", "service-lacks-variable").message;
    assert!(
        words.contains("ANTHROPIC_API_KEY is set in this shell and not in the unit openclaw-gateway.service"),
        "{words}"
    );
    assert!(words.contains("unless its manager was told"), "{words}");
    // The process that runs for it settles the doubt.
    world.processes.push(process(&["openclaw-gateway"], &[], Some("openclaw-gateway.service")));
    let seen = scan(&world);
    assert_eq!(found(&seen, "openclaw"), [("service-lacks-variable", Severity::Fault)]);
    // Its manager did give it the key.
    let told = [("ANTHROPIC_API_KEY", key('n'))];
    let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.processes[0] = process(&["openclaw-gateway"], &told, Some("openclaw-gateway.service"));
    assert!(found(&scan(&world), "openclaw").is_empty());
}

#[test]
fn a_unit_with_a_key_of_its_own_is_to_blame_and_not_its_process() {
    let unit = format!("{EXEC}Environment=ANTHROPIC_API_KEY={}\n", key('o'));
    let mut world = openclaw()
        .with_file(".openclaw/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')))
        .with_file(UNIT, unit);
    let old = [("ANTHROPIC_API_KEY", key('o'))];
    let old: Vec<(&str, &str)> = old.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.processes.push(process(&["openclaw-gateway"], &old, Some("openclaw-gateway.service")));
    let scan = scan(&world);
    assert_eq!(found(&scan, "openclaw"), [("service-has-another-key", Severity::Warn)]);
    let words = &lint(&scan, "openclaw", "service-has-another-key").message;
    assert!(words.contains("~/.config/systemd/user/openclaw-gateway.service:4"), "{words}");
    assert!(words.contains("systemctl --user restart openclaw-gateway.service"), "{words}");
    assert!(words.contains("pid 412"), "{words}");
}

#[test]
fn a_unit_of_the_agent_that_reads_the_agents_own_file_is_healthy() {
    let unit = "[Service]\nRestart=always\nExecStart=/home/ann/.hermes/venv/bin/python -m hermes_cli.main gateway run\n\
                Environment=HERMES_HOME=/home/ann/.hermes\n";
    let world = hermes()
        .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')))
        .with_file(".config/systemd/user/hermes-gateway.service", unit);
    let scan = scan(&world);
    assert_eq!(holder(&scan, "hermes", Kind::Unit).sends, Sends::Same);
    assert!(found(&scan, "hermes").is_empty());
}

#[test]
fn a_unit_that_points_to_another_home_of_the_agent_is_told() {
    let unit = "[Service]\nExecStart=/usr/bin/hermes gateway run\nEnvironment=HERMES_HOME=/srv/hermes\n";
    let world = hermes()
        .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')))
        .with_file(".config/systemd/user/hermes-gateway.service", unit);
    let scan = scan(&world);
    assert_eq!(found(&scan, "hermes"), [("service-has-another-key", Severity::Warn)]);
    let all = scan.agents.iter().flat_map(|scanned| &scanned.findings.lints);
    assert!(
        all.into_iter().any(|lint| lint.id == "service-does-not-restart" && lint.severity == Severity::Note)
    );
}

#[test]
fn a_service_of_another_user_or_program_is_nobodys_business() {
    let other = "[Service]\nUser=bob\nExecStart=/usr/bin/openclaw gateway\n";
    let relayer = "[Service]\nExecStart=/usr/bin/hermes start\n";
    let world = openclaw()
        .with_var("ANTHROPIC_API_KEY", &key('n'))
        .with_file("/etc/systemd/system/openclaw-gateway.service", other)
        .with_file(".config/systemd/user/relayer.service", relayer)
        .with_file(".hermes/config.yaml", "model:\n  provider: anthropic\n");
    let scan = scan(&world);
    assert!(found(&scan, "openclaw").is_empty());
    assert!(scan.held_by(slot(&scan, "hermes")).is_empty());
}

#[test]
fn a_job_of_launchd_with_its_own_variable_is_told() {
    let list = format!(
        "<plist><dict><key>Label</key><string>ai.openclaw.gateway</string><key>ProgramArguments</key><array>\
         <string>/usr/local/bin/node</string><string>/usr/local/lib/node_modules/openclaw/dist/index.js</string>\
         <string>gateway</string></array><key>EnvironmentVariables</key><dict><key>ANTHROPIC_API_KEY</key>\
         <string>{}</string></dict></dict></plist>",
        key('o')
    );
    let world = openclaw()
        .with_file(".openclaw/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')))
        .with_file("Library/LaunchAgents/ai.openclaw.gateway.plist", list);
    let scan = scan(&world);
    assert_eq!(holder(&scan, "openclaw", Kind::Job).sends.id(), "another");
    assert_eq!(found(&scan, "openclaw"), [("service-has-another-key", Severity::Warn)]);
    // launchd restarts a job with the list that it has loaded.
    let message = &lint(&scan, "openclaw", "service-has-another-key").message;
    let load = "launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/ai.openclaw.gateway.plist";
    assert!(message.contains("bootout") && message.contains(load), "{message}");
}

#[test]
fn a_changed_unit_is_loaded_and_a_changed_file_is_read() {
    let message = |unit: &str| {
        let world = openclaw()
            .with_var("ANTHROPIC_API_KEY", &key('n'))
            .with_file("gateway.env", format!("ANTHROPIC_API_KEY={}\n", key('o')))
            .with_file(".config/systemd/user/openclaw-gateway.service", unit);
        lint(&scan(&world), "openclaw", "service-has-another-key").message.clone()
    };
    let own = message(&format!(
        "[Service]\nExecStart=/usr/bin/openclaw gateway\nEnvironment=ANTHROPIC_API_KEY={}\n",
        key('o')
    ));
    let reload = "systemctl --user daemon-reload && systemctl --user restart openclaw-gateway.service";
    assert!(own.contains(reload), "{own}");
    let file = message("[Service]\nExecStart=/usr/bin/openclaw gateway\nEnvironmentFile=%h/gateway.env\n");
    assert!(file.contains("systemctl --user restart") && !file.contains("daemon-reload"), "{file}");
}

/// It has its own key after a restart, too.
#[test]
fn a_restart_is_no_way_out_of_a_units_own_key() {
    let world = openclaw().with_var("ANTHROPIC_API_KEY", &key('n')).with_file(
        ".config/systemd/user/openclaw-gateway.service",
        format!(
            "[Service]\nExecStart=/usr/bin/openclaw gateway\nEnvironment=ANTHROPIC_API_KEY={}\n",
            key('o')
        ),
    );
    let catalogue = Catalogue::embedded();
    let scan = session::scan_all(&world, &catalogue);
    let none = keymend::session::verdicts::Verdicts::default();
    let words = keymend::session::diagnosis::Words {
        scan: &scan,
        catalogue: &catalogue,
        home: Some(Path::new(HOME)),
        only: None,
    };
    let chosen: Vec<_> = scan.slots().map(|(at, _, _)| at).collect();
    let all = keymend::session::diagnosis::findings(words, &chosen, &none);
    let own = all.iter().find(|found| found.id == "service-has-another-key").unwrap();
    let context = keymend::agents::Context { world: &world, catalogue: &catalogue };
    let ways = keymend::session::diagnosis::remedies(context, &scan, own, &none);
    assert!(!ways.iter().any(|remedy| remedy.way == keymend::finding::Way::Restart), "{ways:?}");
}

#[test]
fn what_a_compose_service_is_given_is_told() {
    let compose = |environment: &str| {
        let file = format!("services:\n  gw:\n    image: nousresearch/hermes-agent:latest\n{environment}");
        let world = hermes().with_var("ANTHROPIC_API_KEY", &key('n')).with_file("work/compose.yaml", file);
        found(&scan(&world), "hermes")
    };
    let lacks = [("service-lacks-variable", Severity::Fault)];
    assert_eq!(compose(""), lacks, "nothing is passed on");
    assert_eq!(
        compose("    environment:\n      - ANTHROPIC_API_KEY=${MY_KEY}\n"),
        lacks,
        "the host has no MY_KEY"
    );
    assert!(compose("    environment: [ANTHROPIC_API_KEY]\n").is_empty(), "the shell's is passed on");
    let other = format!("    environment:\n      ANTHROPIC_API_KEY: {}\n", key('o'));
    assert_eq!(compose(&other), [("service-has-another-key", Severity::Warn)]);
    assert!(compose("    volumes: ['~/.hermes:/opt/data']\n").is_empty(), "a volume may hold one");
}

#[test]
fn a_key_in_the_dockerfile_is_a_row() {
    let world = hermes()
        .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={}\n", key('n')))
        .with_file("work/Dockerfile", format!("FROM x\nENV ANTHROPIC_API_KEY={}\n", key('o')));
    let scan = scan(&world);
    let rows = &slot(&scan, "hermes").candidates;
    let row = rows.iter().find(|row| row.place.show(None).ends_with("Dockerfile:2")).unwrap();
    assert_eq!(row.lints[0].id, "key-in-image");
}

fn reasons(scan: &Scan, agent: &str, file: &str) -> Vec<String> {
    let rows = slot(scan, agent).candidates.iter().filter(|row| row.place.show(None).contains(file));
    rows.map(|row| row.state.reason().to_owned()).collect()
}

#[test]
fn a_key_that_is_in_a_start_up_file_alone_is_named_for_every_agent() {
    let rc = format!(
        "export ANTHROPIC_API_KEY={0}\nexport OPENAI_API_KEY=sk-proj-FAKE{0}\nexport GEMINI_API_KEY=AIzaSyFAKE0123456789012345678901234567890\n",
        key('n')
    );
    let homes = [
        ("hermes", ".hermes/config.yaml", "model:\n  provider: anthropic\n"),
        (
            "openclaw",
            ".openclaw/openclaw.json",
            r#"{"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}}"#,
        ),
        ("claude-code", ".claude.json", "{}"),
        (
            "gemini-cli",
            ".gemini/settings.json",
            r#"{"security": {"auth": {"selectedType": "gemini-api-key"}}}"#,
        ),
        ("goose", ".config/goose/config.yaml", "GOOSE_PROVIDER: anthropic\nGOOSE_MODEL: claude-sonnet-4-5\n"),
        ("qwen-code", ".qwen/settings.json", r#"{"security": {"auth": {"selectedType": "openai"}}}"#),
        (
            "codex",
            ".codex/config.toml",
            "model_provider = \"own\"\n[model_providers.own]\nname = \"own\"\nbase_url = \"https://api.openai.com/v1\"\nenv_key = \"OPENAI_API_KEY\"\n",
        ),
        ("opencode", ".config/opencode/opencode.json", r#"{"model": "anthropic/claude-sonnet-4-5"}"#),
        ("aider", ".aider.conf.yml", "model: sonnet\n"),
    ];
    for (agent, path, content) in homes {
        let world = world()
            .with_var("SHELL", "/bin/bash")
            .with_file(path, content)
            .with_file(".bashrc", &rc)
            .with_file(".gemini/trustedFolders.json", r#"{"/home/ann/work": "TRUST_FOLDER"}"#);
        // Where its requests go without this is not recorded.
        let world = if agent == "qwen-code" {
            world.with_var("OPENAI_BASE_URL", "https://api.openai.com/v1")
        } else {
            world
        };
        let scan = scan(&world);
        let told = reasons(&scan, agent, ".bashrc");
        assert!(
            told.iter().any(|reason| reason == "a new bash exports this; this process has no such variable"),
            "{agent}: {told:?}"
        );
        let outcome = &slot(&scan, agent).outcome;
        assert_eq!(found(&scan, agent), [("key-only-elsewhere", Severity::Warn)], "{agent}: {outcome:?}");
        let words = &lint(&scan, agent, "key-only-elsewhere").message;
        assert!(words.starts_with("~/.bashrc:"), "{words}");
    }
}

#[test]
fn a_variable_that_an_agent_does_not_read_is_no_row_of_it() {
    let rc = format!("export ANTHROPIC_API_KEY={0}\n", key('n'));
    let world = world()
        .with_var("SHELL", "/bin/bash")
        .with_file(".codex/config.toml", "model = \"gpt-5\"\n")
        .with_file(".codex/auth.json", r#"{"OPENAI_API_KEY": null}"#)
        .with_file(".bashrc", rc);
    let scan = scan(&world);
    assert!(reasons(&scan, "codex", ".bashrc").is_empty());
    assert!(found(&scan, "codex").is_empty());
}

#[test]
fn a_key_that_the_agent_does_not_read_is_a_near_miss() {
    let cases: [(&str, &str, &str, &str); 6] = [
        ("", "", "$CLAUDE_CODE_OAUTH_TOKEN", "key-not-read"),
        (".openclaw/workspace/.env", "ANTHROPIC_API_KEY", "", "key-not-read"),
        (".hermes/.env", "ANTHROPIC_API_KEY", "", "key-not-read"),
        ("", "", "$ANTHROPIC_APIKEY", "name-nearly-right"),
        ("", "", "$ANTHROPIC_KEY", "name-nearly-right"),
        ("", "", "$MY_KEY", "key-not-read"),
    ];
    for (file, name, variable, id) in cases {
        let mut world = openclaw();
        if !file.is_empty() {
            world = world.with_file(file, format!("# mine\n{name}={}\n", key('n')));
        }
        if let Some(variable) = variable.strip_prefix('$') {
            let value =
                if variable.contains("OAUTH") { key('n').replace("api03", "oat01") } else { key('n') };
            world = world.with_var(variable, &value);
        }
        let scan = scan(&world);
        assert_eq!(found(&scan, "openclaw"), [(id, Severity::Warn)], "{file}{variable}");
        let words = &lint(&scan, "openclaw", id).message;
        assert!(words.contains("It reads ANTHROPIC_API_KEY"), "{words}");
        assert!(words.contains("~/.openclaw"), "{words}");
    }
}

#[test]
fn what_a_launcher_may_pass_on_is_a_note_where_a_key_is_sent() {
    let login = r#"{"claudeAiOauth": {"accessToken": "@", "refreshToken": "sk-ant-ort01-FAKE", "expiresAt": 1895816000000, "scopes": ["user:inference"]}}"#;
    let login = login.replace('@', &key('l').replace("api03", "oat01"));
    let editor = format!(
        "{{// mine\n\"terminal.integrated.env.linux\": {{\"ANTHROPIC_API_KEY\": \"{}\"}},\n\
         \"claudeCode.environmentVariables\": [{{\"name\": \"ANTHROPIC_AUTH_TOKEN\", \"value\": \"{}\"}}],}}",
        key('e'),
        key('f')
    );
    let world = world()
        .with_file(".claude/.credentials.json", login)
        .with_file("work/.env", format!("ANTHROPIC_API_KEY={}\n", key('p')))
        .with_file("work/.envrc", format!("export ANTHROPIC_API_KEY={}\n", key('d')))
        .with_file("work/.vscode/settings.json", editor)
        // Another program's file is nobody's business where a key is sent.
        .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={}\n", key('h')));
    let scan = scan(&world);
    assert_eq!(found(&scan, "claude-code"), [("key-not-read", Severity::Note); 4]);
    let said: Vec<&str> = slot(&scan, "claude-code").lints.iter().map(|lint| lint.message.as_str()).collect();
    let said = said.join("\n");
    for words in [
        "~/work/.env has a key",
        "direnv gives it",
        "~/work/.vscode/settings.json has a key",
        "ANTHROPIC_AUTH_TOKEN",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn another_companys_key_and_a_word_are_no_near_miss() {
    let world = openclaw()
        .with_var("OPENROUTER_KEY", &format!("sk-or-v1-{}", "fa4e".repeat(16)))
        .with_var("ANTHROPIC_KEY", "changeme")
        .with_var("SOME_TOKEN", "abc123");
    assert!(found(&scan(&world), "openclaw").is_empty());
}
