//! Homes rebuilt from public reports: the right key, header and host, nothing that would harm, and the words that help.
//! `tests/field_words.txt` has what must be said, `tests/field_misses.txt` what is not said yet, and why.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use keymend::finding::Severity;
use keymend::provider::Catalogue;
use keymend::report::{Style, text};
use keymend::resolve::{Mode, Slot, origin};
use keymend::session::{self, Scan, Selector};
use serde_json::Value as Json;
use support::{HOME, Scenario};

/// The day on which the homes were built, in the middle of their times.
const DAY_MS: i64 = 1_795_816_000_000;

struct Case {
    id: String,
    json: Json,
    scan: Scan,
    said: String,
}

fn cases() -> Vec<Case> {
    let catalogue = Catalogue::embedded();
    let list: Vec<Json> = serde_json::from_str(include_str!("corpora/field_cases.json")).unwrap();
    list.into_iter().map(|json| looked_at(json, &catalogue)).collect()
}

fn looked_at(mut json: Json, catalogue: &Catalogue) -> Case {
    let field = |json: &Json, name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let (id, tool, provider) = (field(&json, "id"), field(&json, "agent"), field(&json, "provider"));
    let cwd = Path::new(HOME).join(json["cwd"].as_str().unwrap_or(""));
    let trust = format!("{{\"{}\":\"TRUST_FOLDER\"}}", cwd.display());
    for content in json["files"].as_object_mut().unwrap().values_mut() {
        *content = Json::from(content.as_str().unwrap().replace("@TRUST@", &trust));
    }
    let scenario = Scenario { id: id.clone(), tool, provider, json: json.clone() };
    let mut world = scenario.world();
    world.cwd = cwd;
    world.now_ms = DAY_MS;
    let scan = session::scan_all(&world, catalogue);
    let style = Style { home: Some(Path::new(HOME)), catalogue, salt: "s" };
    let all = scan.select(&Selector::default());
    let mut said = text::status(&scan, &all, style);
    for at in all {
        said += &text::explain(&scan, at, style);
    }
    Case { id, json, scan, said }
}

/// The slot that a report is about.
fn slot(case: &Case) -> Option<&Slot> {
    let agent = case.json["agent"].as_str()?;
    let provider = case.json["provider"].as_str()?;
    let mode = case.json["expect"]["mode"].as_str();
    let slots = || {
        case.scan.slots().map(|(_, _, slot)| slot).filter(|slot| {
            slot.agent == agent && mode.is_none_or(|mode| slot.mode.is_none_or(|own| own.id() == mode))
        })
    };
    let named = |slot: &&Slot| slot.agent_provider == provider || slot.provider.as_deref() == Some(provider);
    let headless = |slot: &&Slot| slot.mode != Some(Mode::Interactive);
    let in_use = || slots().filter(|slot| slot.in_use);
    in_use().filter(headless).find(named).or_else(|| in_use().find(named)).or_else(|| slots().find(named))
}

/// `id: text` of each line.
fn listed(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// What is wrong with the answer for a report, by its own expectation.
fn wrong_answer(case: &Case) -> Option<String> {
    let expect = &case.json["expect"];
    let wanted = |name: &str| expect[name].as_str();
    if ["key", "header", "host", "outcome"].iter().all(|name| wanted(name).is_none()) {
        return None;
    }
    let Some(slot) = slot(case) else { return Some("no such slot".to_owned()) };
    let sent = slot.sent();
    let base = match &slot.outcome {
        keymend::resolve::Outcome::Sends { base_url, .. } => origin(base_url),
        _ => String::new(),
    };
    let key = wanted("key").is_some_and(|key| !sent.is_some_and(|sent| sent.key.is(key)));
    let header = wanted("header").is_some_and(|name| sent.is_none_or(|sent| sent.header.name() != name));
    let host = wanted("host").is_some_and(|host| base != host);
    let nothing = wanted("outcome") == Some("nothing") && sent.is_some();
    let wrong = [(key, "key"), (header, "header"), (host, "host"), (nothing, "sends something")];
    let wrong: Vec<&str> = wrong.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect();
    (!wrong.is_empty()).then(|| format!("{} ({:?})", wrong.join(", "), slot.outcome))
}

#[test]
fn the_answer_for_each_report_is_right() {
    let known = listed(include_str!("field_misses.txt"));
    let mut missed = BTreeSet::new();
    for case in cases() {
        if let Some(wrong) = wrong_answer(&case) {
            println!("{}: {wrong}", case.id);
            missed.insert(format!("{}/answer", case.id));
        }
    }
    let known: BTreeSet<String> = known.into_keys().filter(|id| id.ends_with("/answer")).collect();
    assert_eq!(missed, known);
}

#[test]
fn nothing_harmful_is_said() {
    let mut wrong = Vec::new();
    for case in cases() {
        if case.said.contains("move the folder away") {
            wrong.push(format!("{}: a folder of the agent is to be moved away", case.id));
        }
        for (_, _, slot) in case.scan.slots() {
            for row in &slot.candidates {
                let of_login = row.source.id() == "oauth" || row.place.show(None).contains("/token");
                let fault =
                    row.lints.iter().any(|lint| lint.id == "wrong-kind" && lint.severity > Severity::Note);
                if of_login && fault {
                    wrong.push(format!("{}: a login in its place is called a fault", case.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_words_that_help_are_said() {
    let wanted = listed(include_str!("field_words.txt"));
    let known = listed(include_str!("field_misses.txt"));
    let (mut silent, mut unlisted) = (Vec::new(), Vec::new());
    for case in cases() {
        match (wanted.get(&case.id), known.contains_key(&case.id)) {
            (Some(words), false) => {
                for words in words.split(" | ").filter(|words| !case.said.contains(*words)) {
                    silent.push(format!("{}: {words:?} is not said:\n{}", case.id, case.said));
                }
            }
            (None, true) => {}
            _ => unlisted.push(case.id.clone()),
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(unlisted.is_empty(), "each report is in one of the two lists: {unlisted:?}");
}

/// A key for a server of the person's own is taken by `set` whatever its length and form.
#[test]
fn a_short_key_for_an_own_server_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let list: Vec<Json> = serde_json::from_str(include_str!("corpora/field_cases.json")).unwrap();
    let case = list.iter().find(|case| case["id"] == "o1").unwrap();
    for (path, text) in case["files"].as_object().unwrap() {
        support::write_file(&folder.path().join(path), text.as_str().unwrap().as_bytes(), None);
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args(["--offline", "set", "openclaw/my-provider", "--stdin", "--dry-run"]);
    command.env_clear().env("HOME", folder.path()).env("PATH", "/usr/bin:/bin").current_dir(folder.path());
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"sk-12\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
