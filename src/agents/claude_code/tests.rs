//! The truth table of the recordings, with what modes and combinations add to it.

use crate::agents::Context;
use crate::provider::Catalogue;
use crate::resolve::{Mode, Outcome, Slot};
use crate::secret::Secret;
use crate::source::Source;
use crate::world::{MemoryWorld, Os};

const LOGIN: (&str, &str) = (
    ".claude/.credentials.json",
    r#"{"claudeAiOauth":{"accessToken":"LOGIN","refreshToken":"R","expiresAt":4102444800000,"scopes":["user:inference"]}}"#,
);
const PRIMARY: (&str, &str) = (".claude.json", r#"{"primaryApiKey":"PRIMARY"}"#);
const HELPER: (&str, &str) = (".claude/settings.json", r#"{"apiKeyHelper":"echo HELPER"}"#);
const PROFILE: [(&str, &str); 2] = [
    (".config/anthropic/configs/default.json", r#"{"authentication":{"type":"user_oauth"}}"#),
    (".config/anthropic/credentials/default.json", r#"{"access_token":"PROFILE","expires_at":4102444800}"#),
];
const KEY: (&str, &str) = ("ANTHROPIC_API_KEY", "KEY");
const TOKEN: (&str, &str) = ("ANTHROPIC_AUTH_TOKEN", "TOKEN");
const OAUTH: (&str, &str) = ("CLAUDE_CODE_OAUTH_TOKEN", "OAUTH");

type Pairs<'a> = &'a [(&'a str, &'a str)];

fn world(vars: &[(&str, &str)], files: &[(&str, &str)]) -> MemoryWorld {
    let world = MemoryWorld::new("/h");
    let world = vars.iter().fold(world, |world, (name, value)| world.with_var(name, value));
    files.iter().fold(world, |world, (path, text)| world.with_file(path, text))
}

fn slots(world: &MemoryWorld) -> Vec<Slot> {
    let catalogue = Catalogue::embedded();
    super::AGENT.scan(&Context { world, catalogue: &catalogue }).expect("findings").slots
}

/// `header=key` of everything that is sent, the main credential first.
fn sends(slot: &Slot) -> String {
    match &slot.outcome {
        Outcome::Sends { sent, also, .. } => {
            let all = std::iter::once(sent).chain(also);
            let text = all.map(|one| format!("{}={}", one.header.name(), one.key.expose(ToOwned::to_owned)));
            text.collect::<Vec<_>>().join(" ")
        }
        Outcome::Nothing { .. } => "nothing".to_owned(),
        Outcome::Hidden { .. } => "hidden".to_owned(),
        Outcome::NotKnown { .. } => "not known".to_owned(),
    }
}

fn answer(vars: &[(&str, &str)], files: &[(&str, &str)], mode: Mode) -> String {
    let slots = slots(&world(vars, files));
    let slot = slots.iter().find(|slot| slot.in_use && slot.mode.is_none_or(|m| m == mode)).expect("a slot");
    sends(slot)
}

#[test]
fn print_mode_follows_the_truth_table() {
    let cases: &[(Pairs<'_>, Pairs<'_>, &str)] = &[
        (&[KEY, TOKEN], &[], "authorization=TOKEN x-api-key=KEY"),
        (&[KEY], &[LOGIN], "x-api-key=KEY"),
        (&[KEY], &[HELPER], "x-api-key=KEY authorization=HELPER"),
        (&[TOKEN], &[HELPER], "authorization=TOKEN x-api-key=HELPER"),
        (&[], &[HELPER, LOGIN], "authorization=HELPER x-api-key=HELPER"),
        (&[OAUTH], &[HELPER], "authorization=HELPER x-api-key=HELPER"),
        (&[TOKEN], &[PRIMARY], "authorization=TOKEN x-api-key=PRIMARY"),
        (&[OAUTH, KEY], &[], "x-api-key=KEY"),
        (&[OAUTH, TOKEN], &[], "authorization=TOKEN"),
        (&[OAUTH], &[LOGIN], "authorization=OAUTH"),
        (&[], &[LOGIN, PRIMARY], "authorization=LOGIN"),
        (&[TOKEN], &[LOGIN], "authorization=TOKEN"),
        (&[KEY], &PROFILE, "x-api-key=KEY"),
        (&[("ANTHROPIC_PROFILE", "default")], &PROFILE, "authorization=PROFILE"),
        (&[("ANTHROPIC_PROFILE", "default")], &[PROFILE[0], PROFILE[1], PRIMARY], "x-api-key=PRIMARY"),
        (&[("ANTHROPIC_PROFILE", "default"), OAUTH], &PROFILE, "authorization=OAUTH"),
        (&[("ANTHROPIC_PROFILE", "default")], &[PROFILE[0], PROFILE[1], LOGIN], "authorization=PROFILE"),
        (&[], &[(HELPER.0, r#"{"apiKeyHelper":"exit 1"}"#), LOGIN], "authorization= x-api-key="),
        (&[], &[(HELPER.0, r#"{"apiKeyHelper":"op read op://a/b"}"#), LOGIN], "hidden"),
        (&[], &[], "nothing"),
        (&[("ANTHROPIC_API_KEY", " KEY\n")], &[], "x-api-key=KEY"),
    ];
    for (vars, files, expected) in cases {
        assert_eq!(answer(vars, files, Mode::Headless), *expected, "{vars:?} {files:?}");
    }
}

#[test]
fn a_session_in_a_terminal_takes_a_key_only_when_it_was_approved() {
    let key = ("ANTHROPIC_API_KEY", "sk-ant-api03-FAKE-0123456789abcdefghij");
    let answers = |list: &str| format!(r#"{{"primaryApiKey":"PRIMARY","customApiKeyResponses":{list}}}"#);
    let approved = answers(r#"{"approved":["0123456789abcdefghij"],"rejected":[]}"#);
    let rejected = answers(r#"{"approved":[],"rejected":["0123456789abcdefghij"]}"#);
    let sent = format!("x-api-key={}", key.1);
    let cases: &[(Pairs<'_>, Pairs<'_>, &str)] = &[
        (&[key], &[LOGIN], "authorization=LOGIN"),
        (&[key], &[LOGIN, (".claude.json", &approved)], &sent),
        (&[key], &[LOGIN, (".claude.json", &rejected)], "authorization=LOGIN"),
        (&[key], &[(".claude.json", &rejected)], "x-api-key=PRIMARY"),
        (&[TOKEN], &[LOGIN], "authorization=TOKEN"),
    ];
    for (vars, files, expected) in cases {
        assert_eq!(answer(vars, files, Mode::Interactive), *expected, "{vars:?} {files:?}");
    }
    let modes: Vec<_> = slots(&world(&[key], &[LOGIN])).iter().map(|slot| slot.mode).collect();
    assert_eq!(modes, [Some(Mode::Headless), Some(Mode::Interactive)]);
}

#[test]
fn settings_files_beat_the_shell_in_their_order() {
    let tier = |key: &str| format!(r#"{{"env":{{"ANTHROPIC_API_KEY":"{key}"}}}}"#);
    let files = [
        ("/etc/claude-code/managed-settings.json", tier("MANAGED")),
        ("work/.claude/settings.local.json", tier("LOCAL")),
        ("work/.claude/settings.json", tier("PROJECT")),
        (".claude/settings.json", tier("USER")),
    ];
    for from in 0..files.len() {
        let files: Vec<_> = files[from..].iter().map(|(path, text)| (*path, text.as_str())).collect();
        let expected = files[0].1.split('"').nth(5).expect("a key");
        assert_eq!(answer(&[KEY], &files, Mode::Headless), format!("x-api-key={expected}"));
    }
}

#[test]
fn a_file_that_stops_the_start_is_named_in_the_outcome() {
    let managed = "/etc/claude-code/managed-settings.json";
    for (file, text) in [(".claude.json", "{,}"), (managed, "{,}"), (managed, "[]")] {
        let slots = slots(&world(&[KEY], &[(file, text)]));
        let reason = slots[0].outcome.reason();
        let name = file.rsplit('/').next().expect("a name");
        assert!(sends(&slots[0]) == "nothing" && reason.contains(name), "{file}: {reason}");
    }
    for text in [
        r#"{"model":5,"env":{"ANTHROPIC_API_KEY":"MANAGED"}}"#,
        "\u{feff}{\"env\":{\"ANTHROPIC_API_KEY\":\"MANAGED\"}}",
    ] {
        assert_eq!(answer(&[KEY], &[(managed, text)], Mode::Headless), "x-api-key=MANAGED");
    }
}

#[test]
fn a_file_with_a_wrong_field_is_a_finding_and_takes_no_new_key() {
    let user = (".claude/settings.json", r#"{"model":5,"env":{"ANTHROPIC_API_KEY":"USER"}}"#);
    let world = world(&[KEY], &[user]);
    let catalogue = Catalogue::embedded();
    let context = Context { world: &world, catalogue: &catalogue };
    let findings = super::AGENT.scan(&context).expect("findings");
    assert_eq!(sends(&findings.slots[0]), "x-api-key=KEY");
    let said = &findings.lints[0];
    assert!(
        said.id == "settings-ignored" && said.message.contains("model must be a text"),
        "{}",
        said.message
    );
    let unused =
        findings.slots[0].candidates.iter().find(|row| row.value.secret().is_some_and(|key| key.is("USER")));
    assert!(unused.expect("a row").state.reason().contains("model must be a text"));
    assert!((super::AGENT.destinations)(&context, &findings.slots[0]).is_empty());
}

#[test]
fn a_place_that_another_file_overrides_is_not_offered_first() {
    let blank = r#"{"env":{"ANTHROPIC_API_KEY":" "}}"#;
    let files = [
        ("p/.git/HEAD", "x"),
        ("p/.claude/settings.local.json", blank),
        ("p/a/.claude/settings.json", blank),
    ];
    let mut world = world(&[KEY], &files);
    world.cwd = "/h/p/a".into();
    let catalogue = Catalogue::embedded();
    let context = Context { world: &world, catalogue: &catalogue };
    let slots = slots(&world);
    assert_eq!(sends(&slots[0]), "nothing");
    let all = (super::AGENT.destinations)(&context, &slots[0]);
    let shown = all[0].place.show(Some("/h".as_ref()));
    assert_eq!(shown, "~/p/.claude/settings.local.json#/env/ANTHROPIC_API_KEY");
}

#[test]
fn settings_of_an_organisations_server_are_not_guessed() {
    let remote = (".claude/remote-settings.json", r#"{"env":{"ANTHROPIC_API_KEY":"REMOTE"}}"#);
    assert_eq!(answer(&[KEY], &[remote], Mode::Headless), "not known");
    let other = (".claude/remote-settings.json", r#"{"permissions":{}}"#);
    assert_eq!(answer(&[KEY], &[other], Mode::Headless), "x-api-key=KEY");
}

#[test]
fn a_foreign_address_gets_the_login_and_says_so() {
    let world = world(&[("ANTHROPIC_BASE_URL", "https://gateway.example/v1")], &[LOGIN]);
    let slots = slots(&world);
    assert_eq!(sends(&slots[0]), "authorization=LOGIN");
    let lints: Vec<_> = slots[0].lints.iter().map(|lint| lint.id).collect();
    assert!(lints.contains(&"foreign-base-url") && lints.contains(&"base-url-path"), "{lints:?}");
}

#[test]
fn the_other_half_of_a_request_counts_as_active() {
    let slots = slots(&world(&[KEY, TOKEN], &[]));
    let states: Vec<_> = slots[0].candidates.iter().map(|one| one.state.id()).collect();
    assert_eq!(states, ["active", "active"]);
    assert!(slots[0].lints.iter().any(|lint| lint.id == "two-credentials"));
}

#[test]
fn a_new_key_goes_where_the_old_one_stands_and_is_approved() {
    let settings = (".claude/settings.json", r#"{"env":{"ANTHROPIC_API_KEY":"KEY"}}"#);
    let world = world(&[], &[settings]);
    let catalogue = Catalogue::embedded();
    let context = Context { world: &world, catalogue: &catalogue };
    let all = (super::AGENT.destinations)(&context, &slots(&world)[0]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].place.show(Some("/h".as_ref())), "~/.claude/settings.json#/env/ANTHROPIC_API_KEY");
    assert_eq!(
        all[0].neighbours[0].place.show(Some("/h".as_ref())),
        "~/.claude.json#/customApiKeyResponses/approved"
    );
}

#[test]
fn on_macos_key_and_login_are_in_the_keychain() {
    let entry = |world: &mut MemoryWorld, service: &str, text: &str| {
        world.keyring.insert((service.to_owned(), "ann".to_owned()), Secret::new(text));
    };
    let mut mac = MemoryWorld::new("/h").on(Os::Macos).with_var("USER", "ann");
    entry(&mut mac, "Claude Code", "CONSOLE");
    assert_eq!(sends(&slots(&mac)[0]), "x-api-key=CONSOLE");
    assert_eq!(
        slots(&mac)[0].candidates.iter().find(|row| row.value.secret().is_some()).map(|row| row.source),
        Some(Source::Keyring)
    );
    entry(&mut mac, "Claude Code-credentials", &LOGIN.1.replace("LOGIN", "CHAIN"));
    let mac = mac.with_file(LOGIN.0, LOGIN.1);
    assert_eq!(sends(&slots(&mac)[0]), "authorization=CHAIN", "the keychain takes precedence over the file");
    let linux = mac.on(Os::Linux);
    assert_eq!(sends(&slots(&linux)[0]), "authorization=LOGIN", "the keyring of Linux is not asked");
}

#[test]
fn an_administrators_settings_are_where_the_system_keeps_them() {
    let settings = r#"{"env":{"ANTHROPIC_API_KEY":"MANAGED"}}"#;
    let world = |file: &str| MemoryWorld::new("/h").with_var(KEY.0, KEY.1).with_file(file, settings);
    let mac = "/Library/Application Support/ClaudeCode/managed-settings.json";
    assert_eq!(sends(&slots(&world(mac).on(Os::Macos))[0]), "x-api-key=MANAGED");
    assert_eq!(sends(&slots(&world(mac))[0]), "x-api-key=KEY");
    let linux = "/etc/claude-code/managed-settings.json";
    assert_eq!(sends(&slots(&world(linux).on(Os::Macos))[0]), "x-api-key=KEY");
}
