use super::*;

const ANTHROPIC: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3w";

fn hidden(text: &str) -> String {
    Known::default().hide(text).into_owned()
}

#[test]
fn a_key_is_masked_wherever_it_is() {
    let mask = "sk-ant-api03-…tY3w (53)";
    for (before, after) in [
        ("", ""),
        ("env: ", ""),
        ("~/.config/", "/x.toml"),
        ("https://h.example/v1/", "?a=b"),
        ("`env_key = \"", "\"`"),
        ("/providers/", "/options"),
        ("hermes/", ""),
        ("Bearer ", ", "),
        ("OLD", " "),
        ("${", "}"),
        ("", "\u{1b}"),
    ] {
        assert_eq!(hidden(&format!("{before}{ANTHROPIC}{after}")), format!("{before}{mask}{after}"));
    }
    let split: String = ANTHROPIC.chars().flat_map(|c| [c, '\u{200b}']).collect();
    assert!(!printable(&split).contains("Z�p�L"), "{}", printable(&split));
}

#[test]
fn forms_without_a_providers_name_are_known_too() {
    for text in [
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyLWZha2UifQ.c2ln",
        "AKIAFAKEFAKE0FAKE123",
        "AIzaSyFAKE0123456789abcdefghijklmnopqrs",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    ] {
        let out = hidden(&format!("x {text} y"));
        assert!(out.starts_with("x ") && out.ends_with(" y") && out.contains('…'), "{out}");
    }
    assert_eq!(hidden("postgres://app:s3cr3tpw99@db/x"), "postgres://app:(10)@db/x");
    assert_eq!(hidden("https://0123456789abcdef0123@h/"), "https://…0123 (20)@h/");
}

#[test]
fn what_is_masked_stays_as_it_is() {
    for text in [ANTHROPIC, "postgres://app:s3cr3tpw99@db/x", "gsk_0123456789abcdefghij"] {
        let once = printable(text);
        assert_ne!(once, text);
        assert_eq!(printable(&once), once);
    }
}

#[test]
fn ordinary_names_are_left_alone() {
    for text in [
        "~/.openclaw/agents/main/agent/auth-profiles.json#/profiles/anthropic:default/key",
        "claude-sonnet-4-5-20250929",
        "task-force-2024-delta-alphabet-0123456789",
        "openrouter/anthropic/claude-sonnet-4.5",
        "ANTHROPIC_API_KEY",
        "20260101-000000-001",
        "https://generativelanguage.googleapis.com/v1beta/openai/?a@b",
        "http://me@127.0.0.1:8080/v1",
        "5f2a9c0d1e3b",
        "0123456789abcdef0123456789abcdef01234567",
        "123e4567-e89b-12d3-a456-426614174000",
        "begins with sk-ant-api03- and is 108 long",
        "sk-your-key-here",
        "sk-ant-api03-…k3Pw (108)",
        "flask_configuration_for_the_2024_server",
        "rsk-assessment-2023abcd-of-things",
        "-----BEGIN CERTIFICATE-----",
    ] {
        assert_eq!(hidden(text), text);
    }
}

#[test]
fn a_known_key_needs_no_form() {
    for key in [
        "0123456789abcdef0123456789abcdef",
        "123e4567-e89b-12d3-a456-426614174000",
        "QUJDREVGR0hJSktMTU5PUA==",
        "abcdefghijklmnop",
        "hunter2hunter2",
        "correct horse battery staple",
        "k3Pw!x9#",
        "пароль-пароль-пароль",
    ] {
        let secret = Secret::new(key);
        let known = Known::of([&secret]);
        let out = known.hide(&format!("name {key}, twice \"{key}\"")).into_owned();
        if key == "k3Pw!x9#" {
            // Too short to be told from a word.
            continue;
        }
        assert!(!out.contains(key), "{out}");
    }
    let document =
        Secret::new("{\"type\":\"service_account\",\"private_key_id\":\"0a1b2c3d4e5f60718293a4b5\"}");
    assert!(Known::of([&document]).is_in("id 0a1b2c3d4e5f60718293a4b5"));
}

#[test]
fn an_ordinary_word_in_a_keys_place_masks_nothing() {
    for word in [
        "ollama",
        "lm-studio",
        "not-needed",
        "EMPTY",
        "dario",
        "gpt-5.5",
        "${OPENAI_API_KEY}",
        "OPENROUTER_API_KEY",
        "anthropic:default",
        "http://127.0.0.1:8080/v1",
        "/run/secrets/openai",
        "~/.config/key",
        "openai/gpt-5.5-mini",
    ] {
        let secret = Secret::new(word);
        assert!(!Known::of([&secret]).is_in(&format!("provider {word} is here")), "{word}");
    }
    let short = Secret::new("hunter2hunter2");
    assert!(!Known::of([&short]).is_in("xhunter2hunter2y"));
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    assert_eq!(visible("a\u{1b}[2J\u{202e}b\n\u{9b}c"), "a�[2J�b��c");
    for c in
        ['\u{7}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{fff9}', '\u{fffb}', '\u{200d}', '\u{e0041}']
    {
        assert_eq!(visible(&format!("a{c}b")), "a�b", "{c:?}");
    }
    assert_eq!(printable_lines("a\nb\tc\r\n"), "a\nb\tc�\n");
    assert_eq!(visible("Việt ơ\u{301}"), "Việt ơ\u{301}");
    let heap = visible(&format!("e{}x", "\u{301}".repeat(500)));
    assert!(heap.chars().count() < 10 && heap.ends_with('x'), "{heap}");
}

#[test]
fn documents_are_shown_with_masked_texts_and_names() {
    let json = serde_json::json!({ "a": [ANTHROPIC, 1, null], ANTHROPIC: { "b": "x\u{9b}\u{202e}" } });
    let out = printable_json(&json).unwrap();
    assert_eq!(out, r#"{"a":["sk-ant-api03-…tY3w (53)",1,null],"sk-ant-api03-…tY3w (53)":{"b":"x��"}}"#);
}

#[test]
fn a_document_without_a_key_stays_as_it_is() {
    let json = serde_json::json!({ "n": 1.5, "key": "sk-ant-api03-…k3Pw (108)", "place": "~/é \\ \"x\"\n", "x": [null, true] });
    assert_eq!(printable_json(&json).unwrap(), json.to_string());
    let odd = serde_json::json!({ "a\u{1b}": "b\u{7f}" });
    assert_eq!(printable_json(&odd).unwrap(), "{\"a�\":\"b�\"}");
    let address = serde_json::json!({ "a": "x", "b": "postgres://app:s3cr3tpw99@db/x" });
    assert_eq!(printable_json(&address).unwrap(), r#"{"a":"x","b":"postgres://app:(10)@db/x"}"#);
}

#[test]
fn the_beginnings_are_those_of_the_catalogue() {
    let catalogue = crate::provider::Catalogue::embedded();
    let forms = catalogue.all().iter().flat_map(|provider| &provider.keys);
    let missing: Vec<_> =
        forms.flat_map(|form| &form.prefixes).filter(|beginning| !shape::is_built_in(beginning)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for form in catalogue.all().iter().flat_map(|provider| &provider.keys) {
        let telling = form.prefixes.iter().any(|beginning| form.example.starts_with(beginning.as_str()));
        if telling && !form.example.contains("FAKE") {
            assert!(Known::default().is_in(&form.example), "{}", form.example);
        }
    }
}
