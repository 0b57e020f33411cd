//! What the agents' rules make of a value that a reader gave up as too long (see [`bound`]): nothing that is said.

use crate::agents::Findings;
use crate::finding::Lint;
use crate::formats::bound::{self, TOO_LONG};
use crate::resolve::{Candidate, Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::Value;

fn given_up(key: &Secret) -> bool {
    key.bytes() > bound::MAX_VALUE || key.contains(bound::MARK)
}

/// Says "too long to be sent" of every value that a reader gave up, and that nothing is known of a slot whose answer
/// depends on one. What an agent makes of such a value itself is no answer.
pub(in crate::agents) fn say_too_long(findings: &mut Findings) {
    findings.slots.iter_mut().for_each(in_slot);
}

fn in_slot(slot: &mut Slot) {
    let first = slot.candidates.iter().position(|one| one.value.secret().is_some_and(given_up));
    // A stronger source has decided before the agent looks at it.
    let matters = first.is_some_and(|first| slot.active.is_none_or(|active| first <= active));
    let at = first.filter(|_| matters && !matches!(slot.outcome, Outcome::NotKnown { .. }));
    let sent = match &slot.outcome {
        Outcome::Sends { sent, base_url, also } => {
            bound::is_too_long(base_url) || std::iter::once(sent).chain(also).any(|one| given_up(&one.key))
        }
        _ => false,
    };
    for candidate in &mut slot.candidates {
        say_too_long_of(candidate);
    }
    if at.is_some() || sent {
        let name = at.and_then(|at| slot.candidates[at].name.clone());
        let what = name.map_or_else(|| "its value".to_owned(), |name| super::printable(&name));
        let what = if at.is_none() { "a part of the request".to_owned() } else { what };
        slot.outcome = Outcome::NotKnown { reason: format!("{what} is {TOO_LONG}") };
        if let Some(active) = slot.active.take()
            && let State::Active { reason } = &slot.candidates[active].state
        {
            slot.candidates[active].state = State::Ignored { reason: reason.clone() };
        }
    }
}

/// Says "too long to be sent" of one value, if a reader gave it up.
pub fn say_too_long_of(candidate: &mut Candidate) {
    if !candidate.value.secret().is_some_and(given_up) {
        return;
    }
    candidate.value = Value::Unreadable(TOO_LONG.to_owned());
    candidate.lints = vec![Lint::fault(
        "too-long",
        "Too long to be sent: with its references filled in, this value is over 64 KiB, or the file's values together are \
         over 1 MiB. Write the value out, or take the reference out of it.",
    )];
    if !matches!(candidate.state, State::Shadowed { .. }) {
        candidate.state = State::Ignored { reason: "nobody can tell what the agent makes of it".to_owned() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{self, Context};
    use crate::provider::Catalogue;
    use crate::world::MemoryWorld;

    /// `V19` is 27 GB to a reader that follows it.
    fn bomb() -> String {
        let lines = (1..20).map(|i| format!("V{i}={}\n", format!("${{V{}}}", i - 1).repeat(3)));
        std::iter::once("V0=xxxxxxxx\n".to_owned()).chain(lines).collect()
    }

    /// Every place that some agent reads as a `.env`, or fills references in.
    fn world() -> MemoryWorld {
        let keys = "ANTHROPIC_API_KEY=${V19}\nOPENAI_API_KEY=$V19\nGEMINI_API_KEY=sk-FAKE\nOPENROUTER_API_KEY=a${V18}b\n";
        let text = bomb() + keys;
        let mut world = MemoryWorld::new("/home/ann").with_var("OPENROUTER_API_KEY", "sk-or-FAKE");
        for file in [
            "work/.env",
            ".env",
            ".hermes/.env",
            ".openclaw/.env",
            ".codex/.env",
            ".gemini/.env",
            ".qwen/.env",
            ".config/opencode/.env",
            ".aider.env",
            ".continue/.env",
        ] {
            world = world.with_file(file, text.clone());
        }
        world
            .with_file(
                ".hermes/config.yaml",
                "model: {provider: custom, base_url: '${V19}', api_key: '${V19}${V19}'}\n",
            )
            .with_file(".profile", text.replace("\nV", "\nexport V"))
    }

    #[test]
    fn no_agent_takes_what_a_reader_gave_up_for_a_key_or_for_an_address() {
        let (world, catalogue) = (world(), Catalogue::embedded());
        let mut told = Vec::new();
        for agent in agents::ALL {
            let Some(found) = agent.scan(&Context { world: &world, catalogue: &catalogue }) else { continue };
            for slot in &found.slots {
                let longest =
                    slot.candidates.iter().filter_map(|one| one.value.secret()).map(Secret::bytes).max();
                assert!(longest.is_none_or(|bytes| bytes <= bound::MAX_VALUE), "{}", agent.id);
                let shown = format!("{:?}", slot.outcome);
                assert!(!bound::is_too_long(&shown), "{}: {shown}", agent.id);
                if let Outcome::Sends { sent, base_url, .. } = &slot.outcome {
                    assert!(!given_up(&sent.key) && !bound::is_too_long(base_url), "{}", agent.id);
                }
                if matches!(&slot.outcome, Outcome::NotKnown { reason } if reason.contains("too long to be sent"))
                {
                    assert_eq!(slot.active, None);
                    told.push(agent.id);
                }
            }
        }
        told.dedup();
        for id in ["hermes", "aider", "cline", "codex"] {
            assert!(told.contains(&id), "{id} is not among {told:?}");
        }
    }

    #[test]
    fn the_rest_of_the_file_is_read() {
        let catalogue = Catalogue::embedded();
        let world =
            MemoryWorld::new("/home/ann").with_file("work/.env", bomb() + "ANTHROPIC_API_KEY=sk-ant-FAKE\n");
        let found = agents::aider::AGENT.scan(&Context { world: &world, catalogue: &catalogue }).unwrap();
        let slot = found.slots.iter().find(|slot| slot.provider.as_deref() == Some("anthropic")).unwrap();
        assert!(slot.sent().unwrap().key.is("sk-ant-FAKE"));
    }
}
