//! The rows of the home screen's list: every slot under its agent.

use std::collections::HashMap;

use crate::agents::Record;
use crate::resolve::Slot;
use crate::session::SlotRef;
use crate::source::Value;

use crate::tui::known::Known;
use crate::tui::words;

/// One row of the list.
pub enum Entry {
    /// An agent's name.
    Heading(String),
    /// A slot.
    Slot(SlotRef),
    /// Why an agent has no slot.
    Note(String),
}

/// The slots that fit `filter`, in the order of the screen.
#[must_use]
pub fn visible(known: &Known, filter: &str) -> Vec<SlotRef> {
    entries(known, filter)
        .into_iter()
        .filter_map(|entry| if let Entry::Slot(at) = entry { Some(at) } else { None })
        .collect()
}

/// Every row of the list.
#[must_use]
pub fn entries(known: &Known, filter: &str) -> Vec<Entry> {
    let mut out = Vec::new();
    for (index, scanned) in known.scan().agents.iter().enumerate().take(known.agents_found()) {
        let slots = (0..scanned.findings.slots.len()).map(|slot| SlotRef { agent: index, slot });
        let mut slots: Vec<(String, SlotRef, &Slot)> = slots
            .filter(|at| known.is_real(*at))
            .filter_map(|at| known.slot(at).map(|slot| (words::identity(scanned.agent, slot), at, slot)))
            .filter(|(heading, _, slot)| fits(heading, slot, filter))
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

fn fits(heading: &str, slot: &Slot, filter: &str) -> bool {
    let haystack = format!(
        "{heading} {} {} {}",
        slot.agent,
        slot.agent_provider,
        slot.provider.as_deref().unwrap_or("")
    );
    let haystack = haystack.to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| haystack.contains(word))
}
