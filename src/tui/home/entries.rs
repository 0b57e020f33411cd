//! The rows of the home screen's list: the connections by what they need, or agent by agent.

use std::collections::HashMap;

use crate::agents::Record;
use crate::resolve::Slot;
use crate::session::SlotRef;
use crate::source::Value;

use crate::tui::known::{Known, Status};
use crate::tui::theme::Role;
use crate::tui::words;

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What is in use first, what fails before what works.
    #[default]
    Need,
    /// Agent by agent, with what nobody set up.
    Agent,
}

/// One row of the list.
pub enum Entry {
    /// An agent's name, or a group's.
    Heading(String),
    /// A slot.
    Slot(SlotRef),
    /// Why an agent has no slot.
    Note(String),
}

/// The slots that fit `filter`, in the order of the screen.
#[must_use]
pub fn visible(known: &Known, filter: &str, order: Order) -> Vec<SlotRef> {
    entries(known, filter, order)
        .into_iter()
        .filter_map(|entry| if let Entry::Slot(at) = entry { Some(at) } else { None })
        .collect()
}

/// Every row of the list.
#[must_use]
pub fn entries(known: &Known, filter: &str, order: Order) -> Vec<Entry> {
    match order {
        Order::Need => by_need(known, filter),
        Order::Agent => by_agent(known, filter),
    }
}

/// In use, then what fails beside it, then the rest; what nobody set up is a number at the end.
fn by_need(known: &Known, filter: &str) -> Vec<Entry> {
    let mut groups = ["In use", "Also failing", "Not in use"].map(|heading| (heading, Vec::new()));
    let mut unset = 0;
    for (at, agent, slot) in known.real_slots() {
        if !fits(&words::identity(agent, slot), slot, known, filter) {
            continue;
        }
        let status = known.status(slot);
        if is_left_out(&status, filter) {
            unset += 1;
            continue;
        }
        let need = need(&status, slot);
        let group = match (slot.in_use, need) {
            _ if status.is_unset() => 2,
            (true, _) => 0,
            (false, Some(_)) => 1,
            (false, None) => 2,
        };
        groups[group].1.push((at, need));
    }
    let mut out = Vec::new();
    for (heading, mut slots) in groups.into_iter().filter(|(_, slots)| !slots.is_empty()) {
        slots.sort_by_key(|(_, need): &(SlotRef, Option<u8>)| need.unwrap_or(u8::MAX));
        out.push(Entry::Heading(heading.to_owned()));
        out.extend(slots.into_iter().map(|(at, _)| Entry::Slot(at)));
    }
    if unset > 0 {
        out.push(Entry::Note(format!("{unset} not set up: 2 shows all")));
    }
    out
}

/// Whether a connection is only a part of the number at the end: nobody set it up, and nothing is looked for.
fn is_left_out(status: &Status, filter: &str) -> bool {
    filter.is_empty() && status.is_unset()
}

/// Whether a connection has a row. The same as looking for it in [`visible`], without making every row.
#[must_use]
pub fn has_row(known: &Known, at: SlotRef, filter: &str, order: Order) -> bool {
    let Some((agent, slot)) = known.agent(at).zip(known.slot(at)) else { return false };
    known.is_real(at)
        && fits(&words::identity(agent, slot), slot, known, filter)
        && (order == Order::Agent || !is_left_out(&known.status(slot), filter))
}

/// How badly a connection needs attention, 0 the most; nothing for one that has no fault as far as is known.
#[must_use]
pub fn need(status: &Status, slot: &Slot) -> Option<u8> {
    let grave = u8::from(status.role != Role::Bad);
    status.problem.then_some(if slot.in_use { grave } else { grave + 2 })
}

fn by_agent(known: &Known, filter: &str) -> Vec<Entry> {
    let mut out = Vec::new();
    for (index, scanned) in known.scan().agents.iter().enumerate().take(known.agents_found()) {
        let slots = (0..scanned.findings.slots.len()).map(|slot| SlotRef { agent: index, slot });
        let mut slots: Vec<(String, SlotRef, &Slot)> = slots
            .filter(|at| known.is_real(*at))
            .filter_map(|at| known.slot(at).map(|slot| (words::identity(scanned.agent, slot), at, slot)))
            .filter(|(heading, _, slot)| fits(heading, slot, known, filter))
            .collect();
        let mut first: HashMap<String, usize> = HashMap::new();
        for (at, (heading, ..)) in slots.iter().enumerate() {
            first.entry(heading.clone()).or_insert(at);
        }
        slots.sort_by_cached_key(|(heading, _, slot)| (first.get(heading), !slot.in_use, is_bare(slot)));
        let mut last = None;
        for (heading, at, _) in slots {
            if last.as_ref() != Some(&heading) {
                out.push(Entry::Heading(heading.clone()));
                last = Some(heading);
            }
            out.push(Entry::Slot(at));
        }
        if !known.is_real(SlotRef { agent: index, slot: 0 }) && filter.is_empty() {
            out.push(Entry::Heading(scanned.agent.name.to_owned()));
            out.push(Entry::Note(without_slots(scanned.agent.record).to_owned()));
        }
    }
    out
}

const fn without_slots(record: Record) -> &'static str {
    match record {
        Record::Rules => "nothing set",
        Record::FoundOnly => "rules unknown",
    }
}

/// Whether nothing at all is set in a slot.
fn is_bare(slot: &Slot) -> bool {
    slot.candidates.iter().all(|candidate| candidate.value == Value::Unset)
}

/// Whether every word of the filter is in what the row is about: names, places, the masked key, the state.
fn fits(heading: &str, slot: &Slot, known: &Known, filter: &str) -> bool {
    if filter.trim().is_empty() {
        return true;
    }
    let mut haystack = format!(
        "{heading} {} {} {} {}",
        slot.agent,
        slot.agent_provider,
        slot.provider.as_deref().unwrap_or(""),
        known.status(slot).word,
    );
    for candidate in &slot.candidates {
        haystack.push(' ');
        haystack.push_str(&candidate.place.show(known.home()));
    }
    if let Some(sent) = slot.sent() {
        haystack.push(' ');
        haystack.push_str(known.mask(&sent.key).as_str());
    }
    let haystack = haystack.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| haystack.contains(word))
}
