//! Error texts as people meet them: who said it, what it means, which connection it fits. The sentences are those of the
//! real programs' runs, of the providers' documentation and of public threads; the keys are fakes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use keymend::provider::Catalogue;
use keymend::session::{self, Scan};
use keymend::why::{Explained, explain};
use keymend::world::MemoryWorld;

const HERMES: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vk3Pw";
const OLD: &str = "sk-ant-api03-B2xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vo1Dd";
/// A key whose form says nothing, as Azure's and Mistral's are.
const FORMLESS: &str = "8f3a9c2e7b1d4f60a5c8e9d2b7f14c3a";
const ROUTER: &str = "sk-or-v1-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Hermes at Anthropic with an old key in the shell, OpenClaw at OpenRouter, Claude Code at a relay of this machine.
fn home() -> MemoryWorld {
    MemoryWorld::new("/home/ada")
        .with_var("ANTHROPIC_API_KEY", OLD)
        .with_file(".hermes/.env", format!("ANTHROPIC_API_KEY={HERMES}\n"))
        .with_file(".hermes/config.yaml", "model:\n  provider: anthropic\n  default: claude-sonnet-4-5\n")
        .with_file(
            ".openclaw/openclaw.json",
            r#"{"agents":{"defaults":{"model":{"primary":"openrouter/anthropic/claude-sonnet-4.5"}}}}"#,
        )
        .with_file(".openclaw/.env", format!("OPENROUTER_API_KEY={ROUTER}\n"))
        .with_file(
            ".claude/settings.json",
            r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"relay-token-0123456789","ANTHROPIC_BASE_URL":"http://127.0.0.1:4000"}}"#,
        )
}

fn scan() -> (Catalogue, Scan) {
    let catalogue = Catalogue::embedded();
    let scan = session::scan_all(&home(), &catalogue);
    (catalogue, scan)
}

/// The connections that a text fits, as the command line writes them.
fn fits(found: &Explained, scan: &Scan) -> Vec<String> {
    let slots = found.fits.iter().filter_map(|fit| scan.slot(fit.at));
    slots.map(|slot| format!("{}/{}", slot.agent, slot.agent_provider)).collect()
}

/// One row of `tests/why/sentences.txt`.
struct Row {
    verdict: String,
    said_by: String,
    provider: String,
    agent: String,
    text: String,
}

/// `verdict · said by · provider · agent`, and the text below.
fn rows() -> Vec<Row> {
    let file = include_str!("why/sentences.txt");
    let blocks = file.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    let blocks = blocks.map(|block| block.lines().filter(|line| !line.starts_with("# ")).collect::<Vec<_>>());
    blocks
        .filter(|lines| !lines.is_empty())
        .map(|lines| {
            let mut head = lines[0].split('·').map(|word| word.trim().to_owned());
            let mut next = || head.next().unwrap_or_else(|| panic!("{lines:?}"));
            Row {
                verdict: next(),
                said_by: next(),
                provider: next(),
                agent: next(),
                text: lines[1..].join("\n").replace("\n~\n", "\n\n"),
            }
        })
        .collect()
}

#[test]
fn every_sentence_is_understood() {
    let (catalogue, scan) = scan();
    let rows = rows();
    assert!(rows.len() >= 90, "{}", rows.len());
    let mut wrong = String::new();
    for row in &rows {
        let found = explain(&row.text, &catalogue, &scan);
        let said = &found.main;
        let told = [
            (said.meaning.id(), row.verdict.as_str()),
            (said.speaker.id(), row.said_by.as_str()),
            (said.provider.as_deref().unwrap_or("-"), row.provider.as_str()),
            (said.agent.unwrap_or("-"), row.agent.as_str()),
        ];
        if told.iter().any(|(found, expected)| found != expected && *expected != "*") {
            let found = told.map(|(found, _)| found).join(" · ");
            wrong += &format!(
                "{}\n    {found}\n    not {}\n",
                row.text,
                told.map(|(_, expected)| expected).join(" · ")
            );
        }
        assert!(!found.next.is_empty(), "{}: nothing to do", row.text);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A command that is named has to be one that there is.
#[test]
fn every_command_that_is_named_parses() {
    use clap::Parser as _;
    let (catalogue, scan) = scan();
    for row in rows() {
        for step in explain(&row.text, &catalogue, &scan).next {
            if let Some(command) = step.command {
                let words = command.split(' ');
                keymend::cli::Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
            }
        }
    }
}

#[test]
fn the_connection_is_found_by_what_the_text_names() {
    let (catalogue, scan) = scan();
    for (text, expected) in [
        // By the end of the key, whatever else is said.
        ("401 Your api key: ****k3Pw is invalid", "hermes/anthropic"),
        ("AuthenticationError [HTTP 401]: invalid x-api-key (sk-ant-api03-…k3Pw)", "hermes/anthropic"),
        // By the agent.
        ("Hermes: HTTP 401: invalid x-api-key", "hermes/anthropic"),
        ("[openclaw] HTTP 401: User not found.", "openclaw/openrouter"),
        // By the provider.
        ("{\"error\":{\"message\":\"No auth credentials found\",\"code\":401}}", "openclaw/openrouter"),
        // By the host.
        (
            "POST http://127.0.0.1:4000/v1/messages 401 {\"detail\":\"Invalid API key\"}",
            "claude-code/anthropic",
        ),
    ] {
        let found = explain(text, &catalogue, &scan);
        assert_eq!(
            fits(&found, &scan).first().map(String::as_str),
            Some(expected),
            "{text}: {:?}",
            fits(&found, &scan)
        );
    }
}

#[test]
fn a_key_that_is_not_sent_now_and_one_that_is_not_here_are_told() {
    let (catalogue, scan) = scan();
    let old = explain("Hermes 401 invalid x-api-key sk-ant-api03-…o1Dd", &catalogue, &scan);
    assert!(old.fits.iter().any(|fit| fit.other.is_some()), "{:?}", old.fits);
    assert!(old.may_also.iter().any(|text| text.contains("not sent now")), "{:?}", old.may_also);
    let strange = explain("Hermes 401: Your api key: ****Zz99 is invalid", &catalogue, &scan);
    assert_eq!(strange.strangers, ["Zz99"]);
    assert!(
        strange.may_also.iter().any(|text| text.contains("no key here ends in …Zz99")),
        "{:?}",
        strange.may_also
    );
}

#[test]
fn several_causes_are_told_together() {
    let (catalogue, scan) = scan();
    let also = |text: &str| explain(text, &catalogue, &scan).may_also.join(" ");
    assert!(also("OpenRouter 401 User not found.").contains("passing fault of OpenRouter"));
    assert!(also("moonshot 401 Invalid Authentication").contains("another region or plan"));
    assert!(also("The API Key appears to be invalid or may have expired").contains("the text names both"));
    assert!(also("Claude Code: API Error: 401 invalid x-api-key").contains("127.0.0.1:4000"));
}

#[test]
fn a_log_is_read_to_its_last_clear_error() {
    let (catalogue, scan) = scan();
    let mut log = String::new();
    for n in 0..3_000 {
        log += &format!(
            "2026-11-20T10:{:02}:{:02}Z INFO  [gateway] heartbeat ok, 12 models, plan=max, key rotated=false\n",
            n / 60 % 60,
            n % 60
        );
    }
    log += "2026-11-20T11:00:00Z ERROR [agent] Error code: 401 - {'type': 'error', 'error': {'type': 'authentication_error', 'message': 'invalid x-api-key'}, 'request_id': 'req_011CQkAbCdEfGhJkLmNpQrSt'}\n";
    log += &"2026-11-20T11:00:01Z INFO  [gateway] retrying\n".repeat(50);
    log += "2026-11-20T12:00:00Z ERROR [agent] Error code: 400 - {'type': 'error', 'error': {'type': 'invalid_request_error', 'message': 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.'}}\n";
    log += "2026-11-20T12:00:01Z WARN  [gateway] shutting down\n";
    let found = explain(&log, &catalogue, &scan);
    assert_eq!((found.main.meaning.id(), found.main.line), ("no_credit", 3_052));
    let others: Vec<_> = found.others.iter().map(|said| (said.meaning.id(), said.line)).collect();
    assert_eq!(others, [("invalid", 3_001)]);
    assert_eq!(found.requests.first().map(|one| one.id.as_str()), Some("req_011CQkAbCdEfGhJkLmNpQrSt"));
    assert!(
        found.next.iter().any(|step| step.text.contains("https://platform.claude.com/settings/billing")),
        "{:?}",
        found.next
    );
}

#[test]
fn what_says_nothing_is_not_explained() {
    let (catalogue, scan) = scan();
    for text in [
        "hello",
        "the option x is invalid",
        "Segmentation fault (core dumped)",
        "error[E0308]: mismatched types",
        "npm ERR! code ELIFECYCLE",
        "TypeError: undefined is not a function",
        "200 OK",
        "{\"object\":\"list\",\"data\":[]}",
        "FATAL: password authentication failed for user \"postgres\"",
        "fatal: Authentication failed for 'https://github.com/acme/app.git/'",
        "2026-11-20 INFO server listening on port 401",
        "",
        "   \n \n",
        "{",
        "\u{0}\u{1}\u{2}",
    ] {
        let found = explain(text, &catalogue, &scan);
        assert_eq!(found.main.meaning.id(), "unknown", "{text}: {:?}", found.main);
        assert!(
            found
                .next
                .iter()
                .any(|step| step.command.as_deref().is_some_and(|run| run.starts_with("keymend check")))
        );
    }
}

#[test]
fn a_key_or_an_id_in_the_place_of_an_error_is_called_what_it_is() {
    let (catalogue, scan) = scan();
    let said = |text: &str| explain(text, &catalogue, &scan).main;
    assert_eq!(said("req_011CQkAbCdEfGhJkLmNpQrSt").meaning.id(), "request_id");
    assert_eq!(said("req_011CQkAbCdEfGhJkLmNpQrSt").provider.as_deref(), Some("anthropic"));
    assert_eq!(said("  req_0123456789abcdef0123456789abcdef\n").provider.as_deref(), Some("openai"));
    assert_eq!(said("8f1c2d3e4a5b6c7d-FRA").meaning.id(), "request_id");
    assert_eq!(said(OLD).meaning.id(), "key");
    assert_eq!(said(ROUTER).provider.as_deref(), Some("openrouter"));
}

#[test]
fn any_text_is_read_in_bounded_time() {
    let (catalogue, scan) = scan();
    let open = "{\"error\":".repeat(50_000);
    let many = (0..5_000).map(|n| format!("401 Unauthorized invalid api key {n:x}q\n")).collect::<String>();
    let line = "x".repeat(2_000_000);
    for text in [open, many, line] {
        let _ = explain(&text, &catalogue, &scan);
    }
}

/// The built program in a home of its own.
fn run(arguments: &[&str], input: &str) -> (i32, String) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".hermes")).unwrap();
    std::fs::write(home.path().join(".hermes/.env"), format!("ANTHROPIC_API_KEY={HERMES}\n")).unwrap();
    std::fs::write(home.path().join(".hermes/config.yaml"), "model:\n  provider: anthropic\n").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_keymend"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (out.status.code().unwrap(), said)
}

#[test]
fn no_key_in_the_text_is_ever_printed() {
    let texts = [
        format!("401 Consumer 'api_key:{OLD}' has been suspended."),
        format!(
            "{{\"error\":{{\"message\":\"Incorrect API key provided: {OLD}\",\"code\":\"invalid_api_key\"}}}}"
        ),
        format!("ERROR http://user:{OLD}@127.0.0.1:4000/v1 401\nAuthorization: Bearer {HERMES}\n"),
        format!("{}{OLD} 401 invalid x-api-key", "padding ".repeat(36)),
        OLD.to_owned(),
        format!("Authorization: Bearer {FORMLESS} was refused: 401 Unauthorized"),
        format!(
            "{{\"error\":\"Incorrect API key provided: {FORMLESS}\",\"request_id\":\"req_011CQkAbCdEfGhJkLmNpQrSt\"}}"
        ),
    ];
    for text in &texts {
        for arguments in [&["why", "--stdin"][..], &["why", "--stdin", "--json"], &["why", text]] {
            let (_, said) = run(arguments, text);
            for (key, from) in [(OLD, 13), (HERMES, 13), (FORMLESS, 0)] {
                for at in (from..key.len() - 12).step_by(4) {
                    assert!(!said.contains(&key[at..at + 12]), "{arguments:?}\n{said}");
                }
            }
        }
    }
}

#[test]
fn the_words_are_the_whole_answer() {
    let text = "Error code: 401 - {'type': 'error', 'error': {'type': 'authentication_error', 'message': 'invalid x-api-key'}, 'request_id': 'req_011CQkAbCdEfGhJkLmNpQrSt'}";
    let (code, said) = run(&["why", text], "");
    assert_eq!(code, 0, "{said}");
    for words in [
        "✗ invalid: The provider does not know this key.",
        "said by        Anthropic (status 401)",
        "request id     req_011CQkAbCdEfGhJkLmNpQrSt (a request id, no key: quote it to support)",
        "Hermes Agent · default · anthropic (in use): sends x-api-key",
        "→ keymend test hermes/anthropic",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let (code, said) = run(&["why", "--stdin", "--json"], text);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &json["schema"], &json["verdict"]), (0, &1.into(), &"invalid".into()));
    assert_eq!(json["connections"][0]["agent"], "hermes");
    assert_eq!(json["request_ids"][0]["provider"], "anthropic");
    let (code, said) = run(&["why", "hello", "world"], "");
    assert!(
        code == 1
            && said.contains("? unknown: keymend does not know this text")
            && said.contains("keymend check"),
        "{said}"
    );
    assert_eq!(run(&["why"], "").0, 2);
    assert_eq!(run(&["why", "--stdin"], "  ").0, 2);
}

/// Every heading of docs/errors.md is a text, and the line below it says what `why` says.
#[test]
fn the_page_of_errors_is_true() {
    let (catalogue, scan) = (Catalogue::embedded(), Scan::default());
    let page = include_str!("../docs/errors.md");
    let mut wrong = String::new();
    let mut count = 0;
    for block in page.split("\n### ").skip(1) {
        let mut lines = block.lines().filter(|line| !line.is_empty());
        let text = lines.next().unwrap().trim_matches('`');
        let (verdict, who) = lines.next().unwrap().split_once(" · ").unwrap();
        let found = explain(text, &catalogue, &scan).main;
        let told = found.speaker.words();
        let right = match who {
            "whoever answers" => true,
            "a library" => found.speaker.id() == "library",
            "the network" => found.speaker.id() == "network",
            name => told.contains(name),
        };
        if !right || format!("`{}`", found.meaning.id()) != verdict {
            wrong += &format!("{text}\n    `{}` · {told}\n    not {verdict} · {who}\n", found.meaning.id());
        }
        count += 1;
    }
    assert!(wrong.is_empty() && count >= 30, "{count}\n{wrong}");
    let readme = include_str!("../README.md");
    assert!(readme.contains("docs/errors.md"), "the README has no way to the page");
}
