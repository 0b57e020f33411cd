//! An error text — from a log, a screen, a bug report — → who said it, what it means, which connection of this machine it
//! fits, and what to do. Pure over the text, the providers and a scan; the tables are those of the verdicts
//! (`assets/verdicts`, the providers' own rules) and nothing is sent.

use std::collections::HashSet;

use crate::hygiene::{self, Cleaned};
use crate::printer;
use crate::probe::digest::{Digest, flat};
use crate::probe::gateway::{self, GatewayKind};
use crate::probe::verdict::{self, Basis, Kind};
use crate::provider::{Catalogue, Provider};
use crate::secret::Secret;
use crate::session::Scan;

mod fit;
mod log;
mod said;
mod steps;
mod tables;
mod who;

pub use said::{Explained, Fit, Meaning, RequestId, Said, Speaker, Step};

use log::Statement;
use who::Named;

/// How many other statements of the same text are told.
const MAX_OTHERS: usize = 4;
/// Up to this many lines a text is one message, which may be wrapped.
const SHORT: usize = 12;
/// Up to this many lines a sentence may be wrapped.
const WRAPPED: usize = 60;
/// How many statements of a log are read, the last ones; those that differ in numbers alone are one.
const MAX_READ: usize = 300;
/// How much of a text is looked through for names, its end.
const MAX_NAMES: usize = 200_000;
/// A longer word is neither a key nor an id.
const LONGEST: usize = 16_384;

/// What `text` says, and what follows on this machine.
#[must_use]
pub fn explain(text: &str, catalogue: &Catalogue, scan: &Scan) -> Explained {
    let start = text.len().saturating_sub(MAX_NAMES);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let named = Named::of(&text[start..], catalogue);
    let mut found = match lone(text, &named, catalogue) {
        Some(said) => vec![said],
        None => Reader { catalogue, scan, named: &named }.read(text),
    };
    let main = found.pop().unwrap_or_else(|| not_understood(text, &named, catalogue));
    let agent = main.agent;
    let fits = match main.meaning {
        Meaning::RequestId => Vec::new(),
        meaning => fit::fits(scan, &named, main.provider.as_deref(), agent, meaning),
    };
    let mut explained = Explained {
        wait: matches!(
            main.meaning,
            Meaning::Answer(Kind::RateLimited | Kind::ProviderDown | Kind::NoCredit) | Meaning::Blocked
        )
        .then(|| log::wait(&main.text))
        .flatten(),
        may_also: Vec::new(),
        strangers: fit::strangers(scan, &named),
        has_key: !named.keys.is_empty(),
        doubtful: who::doubtful(&main.text, &named.requests),
        requests: named.requests,
        others: found,
        fits,
        next: Vec::new(),
        page: tables::page(&flat(&main.text), main.meaning, main.provider.as_deref()),
        main,
    };
    explained.may_also = steps::may_also(&explained, catalogue, scan);
    explained.next = steps::next(&explained, catalogue, scan);
    explained
}

/// A key or a request id in the place of an error.
fn lone(text: &str, named: &Named, catalogue: &Catalogue) -> Option<Said> {
    let word = text.trim().trim_matches(['"', '\'', '`']);
    if word.is_empty() || word.len() > LONGEST || word.contains(char::is_whitespace) || word.starts_with('{')
    {
        return None;
    }
    if let [request] = named.requests.as_slice()
        && request.id == word
    {
        let from = request.provider.as_deref().and_then(|id| catalogue.get(id));
        let of = from.map_or(String::new(), |own| format!(" of {}", own.name));
        let reason = format!("This is {}{of}. It is no key, and says nothing about one.", request.what);
        return Some(Said {
            provider: request.provider.clone(),
            ..Said::new(1, word, Meaning::RequestId, reason)
        });
    }
    let secret = Secret::new(word);
    let by_form = match hygiene::clean_secret(&secret, catalogue, None) {
        Cleaned::Accepted(found) => found.provider,
        Cleaned::Refused(_) => None,
    };
    if by_form.is_none() && !printer::has_key(word) {
        return None;
    }
    let name = by_form.as_deref().and_then(|id| catalogue.get(id)).map_or("a key", |own| own.name.as_str());
    let reason = if by_form.is_some() {
        format!("This is a key of {name}, not an error.")
    } else {
        "This is a key, not an error.".to_owned()
    };
    Some(Said { provider: by_form, ..Said::new(1, word, Meaning::Key, reason) })
}

fn not_understood(text: &str, named: &Named, catalogue: &Catalogue) -> Said {
    let reason = "keymend does not know this text. It says nothing certain about a key.";
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Said {
        provider: named.provider(catalogue).map(|own| own.id.clone()),
        agent: named.agents.first().copied(),
        ..Said::new(1, line, Meaning::Unknown, reason)
    }
}

struct Reader<'a> {
    catalogue: &'a Catalogue,
    scan: &'a Scan,
    named: &'a Named,
}

/// From this weight on something is said in so many words.
const CLEAR: u32 = 40;

impl Reader<'_> {
    /// What the text says, what decides last: of what is said clearly the last thing, else the clearest.
    fn read(&self, text: &str) -> Vec<Said> {
        let statements = log::statements(text);
        let long = statements.len() > 3;
        let mut found: Vec<Said> = Vec::new();
        for at in worth_reading(&statements, long) {
            let one = &statements[at];
            let mut said = self.say(one, long);
            // A terminal or a mail may have wrapped the sentence; a program's log does not.
            let wrapped = |lines: usize| statements.get(at..at + lines).and_then(log::joined);
            let may_be = statements.len() <= WRAPPED && !one.text.contains('{');
            let mut wider = [2, 3].into_iter().filter(|_| may_be).filter_map(wrapped).filter(is_sign);
            if said.as_ref().is_none_or(|said| said.weight < CLEAR) {
                said =
                    wider.filter_map(|one| self.say(&one, long)).chain(said).max_by_key(|said| said.weight);
            } else if said.as_ref().is_some_and(|said| said.weight == CLEAR) {
                let named = |one: &Statement| {
                    self.by_agent(one, &Named::of(&one.text, self.catalogue), &one.digest())
                };
                said = wider.find_map(|one| named(&one)).or(said);
            }
            found.extend(said);
        }
        if statements.len() > 1 && statements.len() <= SHORT && found.iter().all(|said| said.weight < CLEAR) {
            found.extend(log::joined(&statements).and_then(|whole| self.say(&whole, false)));
        }
        ordered(found)
    }

    /// What one statement says.
    fn say(&self, one: &Statement, long: bool) -> Option<Said> {
        let own = Named::of(&one.text, self.catalogue);
        let digest = one.digest();
        let agent = own.agents.first().or_else(|| self.named.agents.first()).copied();
        if let Some(said) = self.by_agent(one, &own, &digest) {
            return Some(said);
        }
        let answered = one.status.is_some() || digest.error;
        if !answered && let Some(said) = by_network(one, agent) {
            return Some(said);
        }
        let provider = self.provider(&own, one, &digest);
        let mut said = self.by_answer(one, provider, &digest, long)?;
        said.agent = agent;
        Some(said)
    }

    /// Whom a statement is about: itself says so, or the text around it, or what is in use here.
    fn provider(&self, own: &Named, one: &Statement, digest: &Digest) -> Option<&Provider> {
        let named = own.provider(self.catalogue).or_else(|| self.named.provider(self.catalogue));
        let near = |provider: &&Provider| self.has_slot(&provider.id);
        let here = named.and_then(|first| {
            let sibling = self.catalogue.siblings(first).find(near);
            if near(&first) { Some(first) } else { sibling.filter(|_| own.hosts.is_empty()).or(Some(first)) }
        });
        here.or_else(|| {
            let used = self.scan.slots().filter(|(_, _, slot)| slot.in_use);
            let used = used.filter(|(_, agent, _)| {
                self.named.agents.is_empty() || self.named.agents.contains(&agent.id)
            });
            let mut used: Vec<&str> = used.filter_map(|(_, _, slot)| slot.provider.as_deref()).collect();
            used.sort_unstable();
            used.dedup();
            let by_rule = |id: &&str| {
                let reading = verdict::read(self.catalogue, self.catalogue.get(id), one.status, digest);
                reading.is_some_and(|reading| reading.basis == Basis::Provider)
            };
            let mut fitting = used.iter().copied().filter(by_rule);
            let fitting = fitting.next().filter(|_| fitting.next().is_none());
            let likely = own.likely(self.catalogue).map(|likely| likely.id.as_str());
            let likely = used.iter().copied().find(|id| Some(*id) == likely);
            let only = used.first().copied().filter(|_| used.len() == 1);
            fitting.or(likely).or(only).and_then(|id| self.catalogue.get(id))
        })
    }

    fn has_slot(&self, provider: &str) -> bool {
        self.scan.slots().any(|(_, _, slot)| slot.provider.as_deref() == Some(provider))
    }

    /// A sentence of the agent's own.
    fn by_agent(&self, one: &Statement, own: &Named, digest: &Digest) -> Option<Said> {
        let agents = if own.agents.is_empty() { &self.named.agents } else { &own.agents };
        let whole = |text: &str| {
            let bare = |line: &str| line.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
            bare(&one.flat) == text || digest.messages.iter().any(|message| bare(&flat(message)) == text)
        };
        let sentence = tables::sentences().iter().find(|sentence| {
            let of_agent =
                sentence.agent.as_deref().is_none_or(|id| agents.is_empty() || agents.contains(&id));
            let fits = |text: &String| {
                if sentence.whole {
                    whole(text)
                } else {
                    one.flat.contains(text.as_str()) || digest.line.contains(text.as_str())
                }
            };
            of_agent && sentence.text.iter().any(fits)
        })?;
        let agent = sentence.agent.as_deref().and_then(crate::agents::find);
        let provider = self.named_provider(own).or_else(|| sentence.provider.clone());
        let name = |id: &str| self.catalogue.get(id).map_or(id.to_owned(), |own| own.name.clone());
        let meaning = sentence.meaning()?;
        let speaker = match (meaning, agent, &provider) {
            (Meaning::Answer(_), Some(agent), Some(id)) => {
                Speaker::Provider(format!("{}, in the words of {}", name(id), agent.name))
            }
            (_, Some(agent), _) => Speaker::Agent(agent.name),
            (..) => Speaker::Library,
        };
        Some(Said {
            speaker,
            status: one.status,
            provider,
            agent: agent.map(|agent| agent.id).or_else(|| agents.first().copied()),
            hint: sentence.next.clone(),
            hint_alone: sentence.next.is_some(),
            weight: 60,
            ..Said::new(one.line, &one.text, meaning, sentence.means.clone())
        })
    }

    fn named_provider(&self, own: &Named) -> Option<String> {
        let named = own.provider(self.catalogue).or_else(|| self.named.provider(self.catalogue));
        let likely = || own.likely(self.catalogue).or_else(|| self.named.likely(self.catalogue));
        named.or_else(likely).map(|own| own.id.clone())
    }

    /// An answer of a provider, or of something in front of it.
    fn by_answer(
        &self,
        one: &Statement,
        provider: Option<&Provider>,
        digest: &Digest,
        long: bool,
    ) -> Option<Said> {
        let gateway = gateway::recognise(one.status.unwrap_or_default(), &[], digest);
        let reading = verdict::read(self.catalogue, provider, one.status, digest);
        let own = reading.as_ref().is_some_and(|reading| reading.basis == Basis::Provider);
        if let Some(gateway) = gateway.filter(|found| !own || found.kind == GatewayKind::Relay) {
            let reason = verdict::in_front(gateway, one.status, reading.as_ref().map(|reading| reading.kind));
            return Some(Said {
                speaker: Speaker::Gateway(gateway.name.to_owned()),
                status: one.status,
                code: reading.and_then(|reading| reading.code),
                provider: provider.map(|own| own.id.clone()),
                weight: 55,
                ..Said::new(one.line, &one.text, Meaning::Answer(Kind::Gateway), reason)
            });
        }
        let reading = reading?;
        let answered = one.status.is_some() || digest.error;
        // Words alone mean this only where the text is about a key at all.
        if !answered && tables::is_elsewhere(&one.flat) {
            return None;
        }
        let vague = reading.basis == Basis::Words && !answered && (long || !tables::has_context(&one.flat));
        if vague && !(long && tables::has_context(&one.flat) && is_sign(one)) {
            return None;
        }
        let weight = match reading.basis {
            Basis::Provider => 50,
            Basis::Words if answered => 45,
            Basis::Words => CLEAR,
            Basis::Status => 20,
        };
        let speaker = match (provider, reading.kind) {
            (Some(own), _) => Speaker::Provider(own.name.clone()),
            (None, _) => Speaker::Unknown,
        };
        Some(Said {
            speaker,
            status: one.status,
            code: reading.code,
            provider: provider.map(|own| own.id.clone()),
            hint: reading.hint,
            hint_alone: reading.hint_alone,
            ask_again: reading.ask_again,
            weight,
            ..Said::new(one.line, &one.text, Meaning::Answer(reading.kind), reading.reason)
        })
    }
}

fn by_network(one: &Statement, agent: Option<&'static str>) -> Option<Said> {
    let fault = tables::faults()
        .iter()
        .find(|fault| fault.text.iter().any(|text| one.flat.contains(text.as_str())))?;
    Some(Said {
        speaker: Speaker::Network,
        agent,
        hint: Some(fault.next.clone()),
        weight: CLEAR,
        ..Said::new(one.line, &one.text, Meaning::Answer(Kind::Network), fault.means.clone())
    })
}

/// The statements that are read: in a log those with a sign of an error, the last of each kind.
fn worth_reading(statements: &[Statement], long: bool) -> Vec<usize> {
    let mut seen = HashSet::new();
    let bare = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let signs = statements.iter().enumerate().rev().filter(|(_, one)| !long || is_sign(one));
    let mut last: Vec<usize> = signs
        .filter(|(_, one)| !long || seen.insert((one.status, bare(&one.flat))))
        .map(|(at, _)| at)
        .take(MAX_READ)
        .collect();
    last.reverse();
    last
}

/// Whether a line of a log is worth reading.
fn is_sign(one: &Statement) -> bool {
    one.status.is_some() || tables::has_sign(&one.flat)
}

/// Each thing once, what decides last: the last of those that are said clearly, else the clearest.
fn ordered(found: Vec<Said>) -> Vec<Said> {
    let same =
        |a: &Said, b: &Said| a.meaning == b.meaning && a.reason == b.reason && a.provider == b.provider;
    let mut kept: Vec<Said> = Vec::new();
    for said in found {
        kept.retain(|other| !same(other, &said));
        kept.push(said);
    }
    let clear = kept.iter().any(|said| said.weight >= CLEAR);
    kept.retain(|said| !clear || said.weight >= CLEAR);
    if !clear {
        kept.sort_by_key(|said| said.weight);
    }
    let first = kept.len().saturating_sub(MAX_OTHERS + 1);
    kept.split_off(first)
}

#[cfg(test)]
mod tests;
