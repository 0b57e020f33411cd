//! The truth is what the real agent sends: every recording that home, environment and working directory decide, against
//! the prediction. `cargo test --test scenarios -- --nocapture` prints a table per agent and each miss;
//! `KEYMEND_SCENARIO=id` narrows it and prints the slots.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use keymend::agents::{self, Context};
use keymend::provider::Catalogue;
use keymend::resolve::{Mode, Outcome, Slot};
use support::{Scenario, header_name, scenarios};

/// What the program sent or what keymend says it sends, in comparable form.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Sends { key: String, header: String, base: String, also: BTreeMap<String, String> },
    Nothing,
    NotKnown(String),
}

#[test]
fn every_recorded_request_is_predicted() {
    let only = std::env::var("KEYMEND_SCENARIO").ok();
    let known: BTreeMap<String, String> = known_misses();
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut missed = BTreeSet::new();
    let mut wrong = Vec::new();
    for scenario in scenarios().iter().filter(|s| only.as_ref().is_none_or(|id| s.id == *id)) {
        let (expected, predicted) = (expected(scenario), predict(scenario, only.is_some()));
        let row = table.entry(scenario.tool.clone()).or_default();
        row.1 += 1;
        if expected == predicted {
            row.0 += 1;
            continue;
        }
        let id = format!("{}/{}", scenario.tool, scenario.id);
        println!(
            "MISS {id}: {}\n  expected  {expected:?}\n  predicted {predicted:?}",
            scenario.text("title").unwrap_or("")
        );
        if !known.contains_key(&id) || !matches!(predicted, Answer::NotKnown(_)) {
            wrong.push(id.clone());
        }
        missed.insert(id);
    }
    for (tool, (right, all)) in &table {
        println!("{tool:<14} {right:>4} of {all:<4} {:>5.1} %", 100.0 * *right as f64 / *all as f64);
    }
    let (right, all) = table.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    println!(
        "{:<14} {right:>4} of {all:<4} {:>5.1} %",
        "all",
        100.0 * f64::from(right as u32) / f64::from(all as u32)
    );
    if only.is_none() {
        let stale: Vec<_> = known.keys().filter(|id| !missed.contains(*id)).collect();
        assert!(stale.is_empty(), "listed as missed, but right: {stale:?}");
    }
    assert!(
        wrong.is_empty(),
        "{} predictions are wrong, or missed without being listed: {wrong:#?}",
        wrong.len()
    );
}

/// Where Hermes sends a key today, the places offered for a new one include a place that makes it the one that is
/// sent, whatever stands above; the best is first. Logins alone have no place for a key.
#[test]
fn the_best_place_for_a_new_key_is_one_that_hermes_sends() {
    // What no edit of a file can do: an SDK variable of the shell travels along; UTF-16 and a `model:` that is a bare
    // name cannot take a value without other changes.
    let beyond = ["anthropic-auth-token-var", "dotenv-utf16", "root-provider-keys"];
    let logins = ["openai-codex", "nous", "xai-oauth", "qwen-oauth", "minimax-oauth"];
    let mut without = Vec::new();
    for scenario in scenarios().iter().filter(|scenario| scenario.tool == "hermes") {
        let (world, catalogue) = (scenario.world(), Catalogue::embedded());
        let agent = agents::find("hermes").unwrap();
        let findings = (agent.scan)(&Context { world: &world, catalogue: &catalogue }).unwrap();
        let Some(slot) = choose(scenario, &findings.slots) else { continue };
        if logins.contains(&slot.agent_provider.as_str()) || slot.provider.is_none() && slot.sent().is_none()
        {
            continue;
        }
        let new = keymend::secret::Secret::new("sk-ant-api03-FAKE-A-NEW-KEY-0000000000000000");
        let (offered, best) = keymend::plan::destinations(&world, &catalogue, agent, slot, &new);
        if best != Some(0) && !beyond.contains(&scenario.id.as_str()) {
            println!("{}: best {best:?} of {offered:#?}", scenario.id);
            without.push(scenario.id.clone());
        }
    }
    assert!(without.is_empty(), "{without:?}");
}

/// `tests/known_misses.txt`: lines of `tool/id: reason`.
fn known_misses() -> BTreeMap<String, String> {
    include_str!("known_misses.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .map(|(id, reason)| (id.to_owned(), reason.to_owned()))
        .collect()
}

/// The built program on a real disk says the same as the rules in memory: same slot, same key by its fingerprint, same
/// header and host, and a scan leaves every file as it was.
#[test]
fn the_program_says_on_disk_what_the_rules_say_in_memory() {
    let mut differ = Vec::new();
    for scenario in scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let (mut command, place) = scenario.on_disk(folder.path());
        let before = listing(folder.path());
        let output = command.args(["status", &scenario.tool, "--json", "--salt", "s"]).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(listing(folder.path()), before, "{}: a scan changed the disk", scenario.id);
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let world = scenario.world();
        let catalogue = Catalogue::embedded();
        let Some(findings) = (agent.scan)(&Context { world: &world, catalogue: &catalogue }) else {
            continue;
        };
        let memory: Vec<_> = findings.slots.iter().map(|slot| in_memory(slot, &place)).collect();
        let disk: Vec<_> = json["slots"].as_array().into_iter().flatten().map(on_disk).collect();
        if memory != disk {
            println!("DIFFERS {}/{}\n  memory {memory:?}\n  disk   {disk:?}", scenario.tool, scenario.id);
            differ.push(scenario.id.clone());
        }
    }
    assert!(differ.is_empty(), "{differ:?}");
}

type Line = (String, String, bool, Option<String>, Option<String>, Option<String>);

fn in_memory(slot: &Slot, place: &dyn Fn(&str) -> String) -> Line {
    let sent = slot.sent();
    let base = match &slot.outcome {
        Outcome::Sends { base_url, .. } => Some(keymend::resolve::origin(base_url)),
        _ => None,
    };
    let moved = |sent: &keymend::resolve::Sent| sent.key.map(|text| place(text)).fingerprint("s").to_string();
    let id = (slot.profile.clone(), slot.agent_provider.clone(), slot.in_use);
    // A token that carries the clock is another one on disk; only its presence can be compared.
    let key = sent.map(|sent| if sent.key.starts_with("eyJ") { "token".into() } else { moved(sent) });
    (id.0, id.1, id.2, key, sent.map(|sent| sent.header.name()), base)
}

fn on_disk(slot: &serde_json::Value) -> Line {
    let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
    let sends = &slot["sends"];
    let token = sends["key"].as_str().is_some_and(|mask| mask.starts_with("eyJ"));
    (
        text(&slot["profile"]).unwrap_or_default(),
        text(&slot["agent_provider"]).unwrap_or_default(),
        slot["in_use"].as_bool().unwrap_or_default(),
        if token { Some("token".into()) } else { text(&sends["fingerprint"]) },
        text(&sends["header"]),
        text(&sends["base_url"]),
    )
}

/// Every path below `root` with its size and time of change.
fn listing(root: &std::path::Path) -> Vec<(std::path::PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let meta = entry.metadata().unwrap();
            found.push((entry.path(), meta.len(), meta.modified().unwrap()));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn expected(scenario: &Scenario) -> Answer {
    let expect = &scenario.json["expect"];
    match expect["key"].as_str() {
        None => Answer::Nothing,
        Some(key) => Answer::Sends {
            key: scenario.fill(key),
            header: header_name(expect["header"].as_str().unwrap_or_default()),
            base: scenario.fill(expect["base"].as_str().unwrap_or_default()),
            also: scenario.expected_also(),
        },
    }
}

fn predict(scenario: &Scenario, show: bool) -> Answer {
    let Some(agent) = agents::find(&scenario.tool) else {
        return Answer::NotKnown("no such agent".into());
    };
    let world = scenario.world();
    let catalogue = Catalogue::embedded();
    let Some(findings) = (agent.scan)(&Context { world: &world, catalogue: &catalogue }) else {
        return Answer::NotKnown("agent not found".into());
    };
    if show {
        println!("rules: {}\n{:#?}", findings.rules, findings.slots);
    }
    match choose(scenario, &findings.slots) {
        Some(slot) => answer(slot),
        None => Answer::NotKnown("no slot".into()),
    }
}

/// The slot that the recording asked: of its profile, the one in use; where the recording chose the provider by a
/// flag, the slot of that provider.
fn choose<'a>(scenario: &Scenario, slots: &'a [Slot]) -> Option<&'a Slot> {
    let of_profile = |slot: &&Slot| match (scenario.text("openclaw_agent"), scenario.text("profile")) {
        (Some(agent), Some(profile)) => slot.profile == format!("{profile}/{agent}"),
        (Some(name), None) | (None, Some(name)) => slot.profile == name,
        (None, None) => true,
    };
    // Hermes was recorded as `hermes -z`, and as a chat where the recording says so.
    let how = if scenario.text("command") == Some("chat") { Mode::Interactive } else { Mode::Headless };
    let of_mode = |slot: &&Slot| scenario.tool != "hermes" || slot.mode.is_none_or(|mode| mode == how);
    let slots: Vec<&Slot> = slots.iter().filter(of_profile).filter(of_mode).collect();
    let named = |slot: &&&Slot| {
        slot.agent_provider == scenario.provider || slot.provider.as_deref() == Some(&scenario.provider)
    };
    let in_use = || slots.iter().find(|slot| slot.in_use);
    if scenario.provider == "auto" || scenario.tool == "openclaw" {
        return in_use().copied();
    }
    let both = slots.iter().filter(|slot| slot.in_use).find(named);
    both.or_else(|| slots.iter().find(named)).or_else(in_use).copied()
}

fn answer(slot: &Slot) -> Answer {
    let open = |secret: &keymend::secret::Secret| secret.expose(ToOwned::to_owned);
    match &slot.outcome {
        Outcome::Sends { sent, base_url, also } => Answer::Sends {
            key: open(&sent.key),
            header: sent.header.name(),
            base: keymend::resolve::origin(base_url),
            also: also.iter().map(|sent| (sent.header.name(), open(&sent.key))).collect(),
        },
        Outcome::Nothing { .. } => Answer::Nothing,
        Outcome::Hidden { reason } | Outcome::NotKnown { reason } => Answer::NotKnown(reason.clone()),
    }
}
