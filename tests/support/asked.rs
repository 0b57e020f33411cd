//! What a recording's program sent, and what keymend says it sends, in one form.
#![allow(dead_code, missing_docs, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use keymend::agents::{self, Context};
use keymend::provider::Catalogue;
use keymend::resolve::{Mode, Outcome, Slot};

use super::{Scenario, header_name};

/// Read once for all recordings.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

/// What the program sent or what keymend says it sends, in comparable form.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Sends { key: String, header: String, base: String, also: BTreeMap<String, String> },
    Nothing,
    NotKnown(String),
}

/// `tests/known_misses.txt`: lines of `tool/id: reason`.
pub fn known_misses() -> BTreeMap<String, String> {
    include_str!("../known_misses.txt")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .map(|(id, reason)| (id.to_owned(), reason.to_owned()))
        .collect()
}

pub fn expected(scenario: &Scenario) -> Answer {
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

pub fn predict(scenario: &Scenario, show: bool) -> Answer {
    let Some(agent) = agents::find(&scenario.tool) else {
        return Answer::NotKnown("no such agent".into());
    };
    let world = scenario.world();
    let Some(findings) = agent.scan(&Context { world: &world, catalogue: &CATALOGUE }) else {
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
pub fn choose<'a>(scenario: &Scenario, slots: &'a [Slot]) -> Option<&'a Slot> {
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

pub fn answer(slot: &Slot) -> Answer {
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
