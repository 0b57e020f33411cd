//! Names as people write them: any case, other names of an agent, and "did you mean" for one that nothing is called.

use strsim::{damerau_levenshtein, jaro_winkler};

use super::{Scan, Selector};
use crate::agents;
use crate::provider::Catalogue;
use crate::resolve::Slot;

/// How alike two names must be at least to be offered.
const ALIKE: f64 = 0.86;

/// Nothing is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuch {
    /// What kind of name it is: `agent`, `profile`.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The nearest name that there is.
    pub nearest: Option<String>,
    /// All names that there are, where they are few.
    pub known: Vec<String>,
}

impl NoSuch {
    /// A name that is none of `known`.
    pub fn of(what: &'static str, name: &str, known: Vec<String>) -> Self {
        let nearest = nearest(name, known.iter().map(String::as_str)).map(ToOwned::to_owned);
        Self { what, name: name.to_owned(), nearest, known }
    }
}

/// The most alike of `names`, if one is alike enough.
pub fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let asked = asked.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let typos = damerau_levenshtein(&asked, &name);
        let near = typos <= 1 + asked.chars().count() / 5;
        let begins = asked.chars().count() >= 3 && name.starts_with(&asked);
        let alike = jaro_winkler(&asked, &name);
        (near || begins || alike >= ALIKE).then_some(alike)
    };
    let scored = names.filter_map(|name| Some((score(name)?, name)));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Reads `AGENT`, `AGENT/PROVIDER` or `PROVIDER`, in any case and by any name.
pub fn selector(text: &str, profile: Option<&str>, catalogue: &Catalogue) -> Result<Selector, NoSuch> {
    let asked = Selector { profile: profile.map(ToOwned::to_owned), ..Selector::parse(text) };
    let Some(name) = &asked.agent else { return Ok(asked) };
    if let Some(agent) = agents::named(name) {
        return Ok(Selector { agent: Some(agent.id.to_owned()), ..asked });
    }
    let provider = catalogue.by_alias(name).filter(|_| asked.provider.is_none());
    if let Some(provider) = provider {
        return Ok(Selector { agent: None, provider: Some(provider.id.clone()), ..asked });
    }
    let aliases = agents::ALL.iter().flat_map(|agent| agent.aliases.iter().copied().chain([agent.id]));
    let providers = catalogue.all().iter().map(|provider| provider.id.as_str());
    let known = aliases.chain(providers.filter(|_| asked.provider.is_none()));
    let nearest = nearest(name, known).map(|near| agents::named(near).map_or(near, |agent| agent.id));
    let nearest = nearest.map(|near| match &asked.provider {
        Some(provider) => format!("{near}/{provider}"),
        None => near.to_owned(),
    });
    Err(NoSuch { what: "agent", name: name.clone(), nearest, known: Vec::new() })
}

impl Selector {
    /// What of a choice that no slot fits is wrong: the profile, or the provider.
    #[must_use]
    pub fn no_such(&self, scan: &Scan, asked: &str) -> NoSuch {
        let fitting = |wanted: &Self| -> Vec<&Slot> {
            scan.slots().map(|(_, _, slot)| slot).filter(|slot| wanted.matches(slot)).collect()
        };
        if let Some(profile) = &self.profile {
            let others = fitting(&Self { profile: None, ..self.clone() });
            if !others.is_empty() {
                return NoSuch::of(
                    "profile",
                    profile,
                    distinct(others.iter().map(|slot| slot.profile.clone())),
                );
            }
        }
        let slots = fitting(&Self { provider: None, profile: None, agent: self.agent.clone() });
        let known = distinct(slots.iter().map(|slot| format!("{}/{}", slot.agent, slot.agent_provider)));
        NoSuch::of("slot", asked, known)
    }
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut out = Vec::new();
    for name in names {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Option<String>, Option<String>), Option<String>> {
        let found = selector(text, None, &Catalogue::embedded());
        found.map(|found| (found.agent, found.provider)).map_err(|error| error.nearest)
    }

    #[test]
    fn any_case_and_any_name_is_understood() {
        let hermes = || Some("hermes".to_owned());
        assert_eq!(read("Hermes"), Ok((hermes(), None)));
        assert_eq!(read("HERMES/Anthropic"), Ok((hermes(), Some("Anthropic".to_owned()))));
        assert_eq!(read("Hermes Agent"), Ok((hermes(), None)));
        for name in ["claude", "Claude Code", "claude_code", "ClaudeCode", "CC"] {
            assert_eq!(read(name), Ok((Some("claude-code".to_owned()), None)), "{name}");
        }
        assert_eq!(read("Anthropic"), Ok((None, Some("anthropic".to_owned()))));
        assert_eq!(read("google"), Ok((None, Some("gemini".to_owned()))));
    }

    #[test]
    fn an_unknown_name_has_its_nearest() {
        assert_eq!(read("hermse/anthropic"), Err(Some("hermes/anthropic".to_owned())));
        assert_eq!(read("opnclaw"), Err(Some("openclaw".to_owned())));
        assert_eq!(read("claud"), Err(Some("claude-code".to_owned())));
        assert_eq!(read("antropic"), Err(Some("anthropic".to_owned())));
        assert_eq!(read("xyzzy"), Err(None));
    }
}
