//! Which connections of this machine a text fits, and what speaks for each.

use super::said::{Fit, Meaning};
use super::who::Named;
use crate::provider::authority;
use crate::resolve::{Candidate, Outcome, Slot};
use crate::secret::Secret;
use crate::session::{Scan, SlotRef};

/// The connections, the best first. Without a word in the text that names one, those in use.
#[must_use]
pub fn fits(
    scan: &Scan,
    named: &Named,
    provider: Option<&str>,
    agent: Option<&str>,
    meaning: Meaning,
) -> Vec<Fit> {
    let agents: Vec<&str> = agent.into_iter().chain(named.agents.iter().copied()).collect();
    let asked = Asked { named, provider, agents, meaning };
    let mut found: Vec<Fit> = scan.slots().filter_map(|(at, _, slot)| asked.look(at, slot)).collect();
    if found.is_empty() && provider.is_none() && asked.agents.is_empty() {
        let in_use = scan.slots().filter(|(_, _, slot)| slot.in_use);
        found = in_use
            .map(|(at, _, _)| Fit {
                at,
                because: vec!["it is in use; the text names none".to_owned()],
                other: None,
                score: 0,
            })
            .collect();
    }
    found.sort_by_key(|fit| std::cmp::Reverse(fit.score));
    let best = found.first().map_or(0, |fit| fit.score);
    found.retain(|fit| fit.score + 5 > best);
    found
}

/// The ends and keys of the text that no connection here has.
#[must_use]
pub fn strangers(scan: &Scan, named: &Named) -> Vec<String> {
    let candidates = || scan.slots().flat_map(|(_, _, slot)| &slot.candidates);
    let is_here = |end: &&String| {
        let ends = |candidate: &Candidate| candidate.value.secret().is_some_and(|key| ends_so(key, end));
        !candidates().any(ends)
            && !scan.slots().any(|(_, _, slot)| slot.sent().is_some_and(|sent| ends_so(&sent.key, end)))
    };
    named.ends.iter().filter(is_here).cloned().collect()
}

fn ends_so(key: &Secret, end: &str) -> bool {
    key.len() > end.len() && key.map(|text| text.trim().to_owned()).ends_with(end)
}

struct Asked<'a> {
    named: &'a Named,
    provider: Option<&'a str>,
    agents: Vec<&'a str>,
    meaning: Meaning,
}

impl Asked<'_> {
    fn look(&self, at: SlotRef, slot: &Slot) -> Option<Fit> {
        let mut fit = Fit { at, because: Vec::new(), other: None, score: 0 };
        let sent = slot.sent().map(|sent| &sent.key);
        self.by_key(slot, sent, &mut fit);
        let host = host_of(slot);
        if let Some(host) =
            host.filter(|host| self.named.hosts.iter().any(|named| named.eq_ignore_ascii_case(host)))
        {
            fit.add(6, format!("it sends to {host}"));
        }
        if self.agents.contains(&slot.agent) {
            fit.add(4, "the text names the agent".to_owned());
        } else if !self.agents.is_empty() && fit.score < 6 {
            return None;
        }
        let own = self.provider.is_some() && self.provider == slot.provider.as_deref()
            || self.named.provider_words.iter().any(|word| word.eq_ignore_ascii_case(&slot.agent_provider));
        if own {
            fit.add(4, "the text is about this provider".to_owned());
        } else if self.provider.is_some() && fit.score < 6 {
            return None;
        }
        if fit.score == 0 {
            return None;
        }
        fit.score += 3 * u32::from(slot.in_use);
        let silent = matches!(slot.outcome, Outcome::Nothing { .. });
        fit.score += 2 * u32::from(silent == (self.meaning == Meaning::NoKey));
        Some(fit)
    }

    /// By the end of the key that the text shows.
    fn by_key(&self, slot: &Slot, sent: Option<&Secret>, fit: &mut Fit) {
        for end in &self.named.ends {
            if sent.is_some_and(|key| ends_so(key, end)) {
                fit.add(8, format!("…{end} is the end of the key that it sends"));
            } else if let Some(at) =
                slot.candidates.iter().position(|row| row.value.secret().is_some_and(|key| ends_so(key, end)))
            {
                fit.other = Some(at);
                fit.add(7, format!("…{end} is the end of source {}, which it does not send", at + 1));
            }
        }
        for key in &self.named.keys {
            if sent.is_some_and(|sent| sent == key) {
                fit.add(8, "it sends the key in the text".to_owned());
            } else if let Some(at) = slot.candidates.iter().position(|row| row.value.secret() == Some(key)) {
                fit.other = Some(at);
                fit.add(7, format!("the key in the text is source {}, which it does not send", at + 1));
            }
        }
    }
}

/// The host that a connection sends to.
#[must_use]
pub fn host_of(slot: &Slot) -> Option<&str> {
    match &slot.outcome {
        Outcome::Sends { base_url, .. } => authority(base_url).filter(|host| !host.is_empty()),
        _ => None,
    }
}
