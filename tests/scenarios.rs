//! What follows from the recordings beside the prediction itself (`tests/recordings.rs`): places for a new key, and the
//! built program on a real disk.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use keymend::agents::{self, Context};
use keymend::provider::Catalogue;
use keymend::resolve::{Outcome, Slot};
use support::asked::choose;
use support::scenarios;

/// Where Hermes sends a key today, the places offered for a new one include a place that makes it the one that is
/// sent, whatever is above; the best is first. Logins alone have no place for a key.
#[test]
fn the_best_place_for_a_new_key_is_one_that_hermes_sends() {
    // What no edit of a file can do: UTF-16 and a `model:` that is a bare name cannot take a value without other changes,
    // and a variable of the SDK in the shell (`added`) is sent as well.
    let beyond = ["dotenv-utf16", "root-provider-keys"];
    let logins = ["openai-codex", "nous", "xai-oauth", "qwen-oauth", "minimax-oauth"];
    let mut without = Vec::new();
    for scenario in scenarios().iter().filter(|scenario| scenario.tool == "hermes") {
        let (world, catalogue) = (scenario.world(), Catalogue::embedded());
        let agent = agents::find("hermes").unwrap();
        let findings = agent.scan(&Context { world: &world, catalogue: &catalogue }).unwrap();
        let Some(slot) = choose(scenario, &findings.slots) else { continue };
        if logins.contains(&slot.agent_provider.as_str()) || slot.provider.is_none() && slot.sent().is_none()
        {
            continue;
        }
        let new = keymend::secret::Secret::new("sk-ant-api03-FAKE-A-NEW-KEY-0000000000000000");
        let (offered, best) = keymend::plan::destinations(&world, &catalogue, agent, slot, &new);
        // One that keeps a reference is better than a first one that replaces it. No key helps where Hermes does not start.
        let reference =
            offered.first().is_some_and(|first| first.destination.effect.contains("the reference"));
        let refused = slot.lints.iter().any(|lint| lint.id == "refused");
        let added = slot.agent_provider == "anthropic" && world.env.contains_key("ANTHROPIC_AUTH_TOKEN");
        let first = best == Some(0) || reference && best.is_some();
        if !first && !refused && !added && !beyond.contains(&scenario.id.as_str()) {
            println!("{}: best {best:?} of {offered:#?}", scenario.id);
            without.push(scenario.id.clone());
        }
    }
    assert!(without.is_empty(), "{without:?}");
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
        let Some(findings) = agent.scan(&Context { world: &world, catalogue: &catalogue }) else {
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
