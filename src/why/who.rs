//! Who and what a text names: agents, providers, hosts, ends of masked keys, request ids.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::said::RequestId;
use super::tables::{self, has_word};
use crate::agents;
use crate::printer::{self, shape};
use crate::probe::digest::flat;
use crate::provider::{Catalogue, Provider, authority};
use crate::secret::Secret;

/// How much a host tells, a name that follows the word "provider", a name, a variable, a model.
const HOST: u32 = 6;
const NAMED: u32 = 4;
const NAME: u32 = 3;
const VARIABLE: u32 = 3;
const BEGINNING: u32 = 2;
const MODEL: u32 = 1;

/// Everything that a text names.
#[derive(Debug, Default)]
pub struct Named {
    /// The agents, in the order of [`agents::ALL`].
    pub agents: Vec<&'static str>,
    /// The providers by how much speaks for each, the strongest first.
    pub providers: Vec<(String, u32)>,
    /// The agent's own name of a provider, as the text has it.
    pub provider_words: Vec<String>,
    /// The hosts in lower case, with a port where one is given.
    pub hosts: Vec<String>,
    /// The ends of masked keys: `k3Pw`.
    pub ends: Vec<String>,
    /// Whole keys.
    pub keys: Vec<Secret>,
    /// Request ids.
    pub requests: Vec<RequestId>,
}

impl Named {
    /// What `text` names.
    #[must_use]
    pub fn of(text: &str, catalogue: &Catalogue) -> Self {
        let line = flat(text);
        let keys = keys_of(text);
        let mut named = Self {
            agents: agents_of(&line),
            hosts: hosts_of(text),
            provider_words: words_after_provider(text),
            ends: ends_of(text),
            requests: requests_of(text, &keys),
            keys,
            ..Self::default()
        };
        named.providers = providers_of(&line, &named, catalogue);
        named
    }

    /// The provider that most speaks for, where it is ahead of the others or one of their family.
    #[must_use]
    pub fn provider<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a Provider> {
        let (first, weight) = self.providers.first()?;
        let first = catalogue.get(first)?;
        let family = |id: &String| catalogue.get(id).and_then(|other| other.family.as_ref());
        let tied = self.providers.iter().skip(1).filter(|(_, other)| other == weight);
        let clear =
            tied.map(|(id, _)| family(id)).all(|other| other.is_some() && other == first.family.as_ref());
        (clear && *weight > MODEL).then_some(first)
    }

    /// The provider that a model's name or less speaks for.
    #[must_use]
    pub fn likely<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a Provider> {
        self.providers.first().and_then(|(id, _)| catalogue.get(id))
    }
}

fn agents_of(line: &str) -> Vec<&'static str> {
    let named = |id: &str| {
        tables::agents()
            .iter()
            .any(|agent| agent.id == id && agent.words.iter().any(|word| has_word(line, word)))
    };
    agents::ALL.iter().map(|agent| agent.id).filter(|id| named(id)).collect()
}

fn providers_of(line: &str, named: &Named, catalogue: &Catalogue) -> Vec<(String, u32)> {
    let mut weights: BTreeMap<&str, u32> = BTreeMap::new();
    let mut add = |id, weight| *weights.entry(id).or_default() += weight;
    for said in tables::said().iter().filter(|said| said.text.iter().any(|text| line.contains(text.as_str())))
    {
        add(said.provider.as_str(), said.weight);
    }
    for provider in catalogue.all() {
        let id = provider.id.as_str();
        let pages = [Some(&provider.console_url), provider.billing_url.as_ref()];
        let pages: Vec<_> = pages.into_iter().flatten().filter_map(|page| authority(page)).collect();
        if named.hosts.iter().any(|host| provider.owns(host) || pages.contains(&host.as_str())) {
            add(id, HOST);
        }
        if names_of(provider).any(|name| has_word(line, &name)) {
            add(id, NAME);
        }
        if named
            .provider_words
            .iter()
            .any(|word| catalogue.by_alias(word).is_some_and(|own| own.id == provider.id))
        {
            add(id, NAMED);
        }
        if provider
            .env
            .iter()
            .any(|name| has_word(line, &name.to_lowercase()) && catalogue.by_env(name).len() == 1)
        {
            add(id, VARIABLE);
        }
        let begins = |beginning: &String| beginning.len() >= 4 && has_word(line, &beginning.to_lowercase());
        if provider.keys.iter().flat_map(|shape| &shape.prefixes).any(begins) {
            add(id, BEGINNING);
        }
    }
    for request in named.requests.iter().filter_map(|request| request.provider.as_deref()) {
        add(request, NAME);
    }
    for model in tables::models().iter().filter(|model| {
        line.match_indices(model.begins.as_str()).any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
    }) {
        add(model.provider.as_str(), MODEL);
    }
    let mut found: Vec<_> = weights.into_iter().map(|(id, weight)| (id.to_owned(), weight)).collect();
    found.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    found
}

/// The names that a person uses: not those that are also an agent's.
fn names_of(provider: &Provider) -> impl Iterator<Item = String> {
    let short = provider.name.split(['(', '/']).next().unwrap_or_default().trim().to_lowercase();
    let all = std::iter::once(provider.id.clone())
        .chain(std::iter::once(short))
        .chain(provider.aliases.iter().cloned());
    all.map(|name| name.to_lowercase()).filter(|name| name.len() >= 3 && agents::named(name).is_none())
}

/// Words such as `api.anthropic.com` and `127.0.0.1:4000`.
fn hosts_of(text: &str) -> Vec<String> {
    static HOSTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]{2,}(?::\d{2,5})?|\blocalhost(?::\d{2,5})?|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5})?").ok()
    });
    let found = HOSTS.iter().flat_map(|hosts| hosts.find_iter(text));
    let mut hosts: Vec<String> = found.map(|found| found.as_str().to_ascii_lowercase()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// `provider "openai"`, `provider: openai`, `--provider openai`, `provider=openai`.
fn words_after_provider(text: &str) -> Vec<String> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)\bproviders?(?:\s*[:=]\s*|\s+)\[?["'`\\]*([a-z0-9][a-z0-9._:-]{1,40})"#).ok()
    });
    let found = FORM.iter().flat_map(|form| form.captures_iter(text));
    found
        .filter_map(|found| Some(found.get(1)?.as_str().trim_end_matches(['.', ':']).to_ascii_lowercase()))
        .collect()
}

/// The ends that masks show: `sk-...k3Pw`, `****abcd`, `sk-ant-api03-…k3Pw (108)`.
fn ends_of(text: &str) -> Vec<String> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?:[A-Za-z0-9_-](?:\.{3,}|…)|[*•]{2,}|[xX]{6,})([A-Za-z0-9_-]{3,8})(?:[^A-Za-z0-9_-]|$)")
            .ok()
    });
    let found = FORM.iter().flat_map(|form| form.captures_iter(text));
    let mut ends: Vec<String> = found.filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect();
    // Behind dots there are words, too.
    ends.retain(|end| {
        end.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) || text.contains(&format!("*{end}"))
    });
    ends.dedup();
    ends
}

fn keys_of(text: &str) -> Vec<Secret> {
    printer::keys_in(text).into_iter().filter_map(|at| text.get(at)).map(Secret::new).collect()
}

/// Words of a line that may be keys, though nothing about their form tells whose: random, and no request id.
#[must_use]
pub fn doubtful(line: &str, requests: &[RequestId]) -> Vec<Secret> {
    let between = |c: char| c.is_whitespace() || "\"'`,;:(){}[]<>=|".contains(c);
    let words = line.split(between).map(|word| word.trim_matches('.'));
    let may_be = |word: &&str| {
        word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| c.is_ascii_alphabetic())
            && !word.contains('/')
            && shape::is_random(word)
            && !requests.iter().any(|request| request.id.contains(word))
    };
    words.filter(may_be).map(Secret::new).collect()
}

/// Each id once, by the form that tells most about it.
fn requests_of(text: &str, keys: &[Secret]) -> Vec<RequestId> {
    let mut out: Vec<RequestId> = Vec::new();
    for request in tables::requests() {
        for found in request.form.captures_iter(text) {
            let Some(id) = found.get(1).or_else(|| found.get(0)).map(|found| found.as_str()) else {
                continue;
            };
            let id = id.trim_end_matches(['.', ':', '-']).to_owned();
            let is_key = keys.iter().any(|key| key.contains(&id));
            if is_key
                || !id.contains(|c: char| c.is_ascii_digit())
                || out.iter().any(|other| other.id.contains(&id))
            {
                continue;
            }
            out.push(RequestId { id, provider: request.provider.clone(), what: request.what.clone() });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Named {
        Named::of(text, &Catalogue::embedded())
    }

    #[test]
    fn the_provider_is_told_by_hosts_sentences_variables_and_names() {
        let catalogue = Catalogue::embedded();
        for (text, expected) in [
            ("invalid x-api-key", Some("anthropic")),
            (
                "Incorrect API key provided: sk-FAKE*****FAKE. You can find your API key at https://platform.openai.com/account/api-keys.",
                Some("openai"),
            ),
            ("POST https://openrouter.ai/api/v1/chat/completions 401", Some("openrouter")),
            ("Set DEEPSEEK_API_KEY", Some("deepseek")),
            ("No API key found for provider \"groq\"", Some("groq")),
            ("Claude Code says 401", None),
            ("something failed", None),
        ] {
            assert_eq!(named(text).provider(&catalogue).map(|own| own.id.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn ends_of_masked_keys_are_read_and_words_are_not() {
        for (text, expected) in [
            ("Your api key: ****k3Pw is invalid", vec!["k3Pw"]),
            ("Received API Key = sk-...k3Pw, Key Hash", vec!["k3Pw"]),
            ("provided: sk-proj-********************k3Pw.", vec!["k3Pw"]),
            ("sk-ant-api03-…k3Pw (108)", vec!["k3Pw"]),
            ("loading...done", vec![]),
            ("wait... what", vec![]),
        ] {
            assert_eq!(named(text).ends, expected, "{text}");
        }
    }

    #[test]
    fn request_ids_are_known_by_their_form() {
        let of = |text: &str| {
            named(text).requests.into_iter().map(|one| (one.id, one.provider)).collect::<Vec<_>>()
        };
        let id = "req_011CQkAbCdEfGhJkLmNpQrSt";
        assert_eq!(of(&format!("\"request_id\":\"{id}\"")), [(id.to_owned(), Some("anthropic".to_owned()))]);
        assert_eq!(
            of("request id: 20260101120000123456789abc"),
            [("20260101120000123456789abc".to_owned(), None)]
        );
        assert!(of("request id is missing").is_empty());
    }
}
