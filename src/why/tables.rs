//! What `why` knows beside the verdicts' tables: `assets/verdicts/{agents,network,said}.toml`.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::said::Meaning;
use crate::probe::Kind;

/// The words by which a text names an agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentWords {
    /// The agent's id.
    pub id: String,
    /// In lower case.
    pub words: Vec<String>,
}

/// What an agent itself says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// Who says it; none for a library that many agents use.
    #[serde(default)]
    pub agent: Option<String>,
    /// Parts of the message in lower case, any of which fits.
    pub text: Vec<String>,
    /// Whether the message is this and nothing else.
    #[serde(default)]
    pub whole: bool,
    /// A verdict, `no_key`, `blocked` or `setup`.
    pub verdict: String,
    /// The provider that it speaks of.
    #[serde(default)]
    pub provider: Option<String>,
    /// What it means.
    pub means: String,
    /// The agent's own way out.
    #[serde(default)]
    pub next: Option<String>,
}

impl Sentence {
    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        Some(match self.verdict.as_str() {
            "no_key" => Meaning::NoKey,
            "blocked" => Meaning::Blocked,
            "setup" => Meaning::Setup,
            verdict => Meaning::Answer(Kind::from_id(verdict)?),
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agents {
    agents: Vec<AgentWords>,
    sentences: Vec<Sentence>,
}

/// What a program prints when no answer came.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Parts of the message in lower case, any of which fits.
    pub text: Vec<String>,
    /// What it means.
    pub means: String,
    /// The way out.
    pub next: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    faults: Vec<Fault>,
}

/// What one provider says and hardly another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The provider's id.
    pub provider: String,
    /// How much it tells.
    #[serde(default = "five")]
    pub weight: u32,
    /// Parts of the message in lower case.
    pub text: Vec<String>,
}

const fn five() -> u32 {
    5
}

/// The form of a request id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(rename = "form")]
    pattern: String,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    what: Option<String>,
}

/// The beginning of a model's name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// In lower case.
    pub begins: String,
    /// The provider's id.
    pub provider: String,
}

/// Which texts a page of `docs/errors/` is about: all groups that are given fit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Its name: `errors/docker`.
    #[serde(rename = "page")]
    pub name: String,
    /// The providers' ids; empty for any.
    #[serde(default)]
    pub providers: Vec<String>,
    /// What the text means, by its id; empty for anything.
    #[serde(default)]
    pub verdicts: Vec<String>,
    /// Parts of the message in lower case, any of which fits; empty for any text.
    #[serde(default)]
    pub text: Vec<String>,
}

impl Page {
    /// Whether it is about this.
    fn fits(&self, text: &str, meaning: Meaning, provider: Option<&str>) -> bool {
        let of = |list: &[String], one: &str| list.is_empty() || list.iter().any(|own| own == one);
        of(&self.providers, provider.unwrap_or_default())
            && of(&self.verdicts, meaning.id())
            && (self.text.is_empty() || self.text.iter().any(|part| text.contains(part.as_str())))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    context: Vec<String>,
    elsewhere: Vec<String>,
    signs: Vec<String>,
    sentences: Vec<Said>,
    requests: Vec<Form>,
    models: Vec<Model>,
    pages: Vec<Page>,
}

// A file that does not parse is caught by a test; the program then knows nothing of it.
static AGENTS: LazyLock<Agents> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/verdicts/agents.toml")).unwrap_or_default());
static NETWORK: LazyLock<Network> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/verdicts/network.toml")).unwrap_or_default());
static WHO: LazyLock<Who> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/verdicts/said.toml")).unwrap_or_default());
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(|| {
    let compiled = |form: &Form| {
        let what = form.what.clone().unwrap_or_else(|| "a request id".to_owned());
        Some(Request { form: Regex::new(&form.pattern).ok()?, provider: form.provider.clone(), what })
    };
    WHO.requests.iter().filter_map(compiled).collect()
});

/// The form of a request id, ready to look for.
#[derive(Debug)]
pub struct Request {
    /// The id is the first group, or the whole.
    pub form: Regex,
    /// Who gives such ids.
    pub provider: Option<String>,
    /// What it is, in words.
    pub what: String,
}

/// The words of the agents.
pub fn agents() -> &'static [AgentWords] {
    &AGENTS.agents
}

/// The sentences of the agents.
pub fn sentences() -> &'static [Sentence] {
    &AGENTS.sentences
}

/// The faults of the network.
pub fn faults() -> &'static [Fault] {
    &NETWORK.faults
}

/// The sentences of the providers.
pub fn said() -> &'static [Said] {
    &WHO.sentences
}

/// The forms of request ids.
pub fn requests() -> &'static [Request] {
    &REQUESTS
}

/// The beginnings of models' names.
pub fn models() -> &'static [Model] {
    &WHO.models
}

/// The page about a text, which is flat and in lower case: its own one, or the list of all.
#[must_use]
pub fn page(text: &str, meaning: Meaning, provider: Option<&str>) -> Option<&'static str> {
    match meaning {
        Meaning::RequestId | Meaning::Key | Meaning::Unknown => None,
        _ => {
            let own = WHO.pages.iter().find(|page| page.fits(text, meaning, provider));
            Some(own.map_or("errors", |page| page.name.as_str()))
        }
    }
}

/// Whether a line has a word that an error about a key has.
pub fn has_context(line: &str) -> bool {
    WHO.context.iter().any(|word| line.contains(word.as_str()))
}

/// Whether a line is about something else than a provider: a database, a mail server, a repository.
pub fn is_elsewhere(line: &str) -> bool {
    WHO.elsewhere.iter().any(|word| line.contains(word.as_str()))
}

/// Whether a line has a word that errors have.
pub fn has_sign(line: &str) -> bool {
    WHO.signs.iter().any(|word| line.contains(word.as_str()))
}

/// Whether `word` is in the line as a word of its own.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let glued = |own: bool, other: Option<char>| own && other.is_some_and(is_part);
        !glued(word.starts_with(is_part), before) && !glued(word.ends_with(is_part), after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;

    #[test]
    fn the_files_parse_and_name_what_there_is() {
        let agents: Agents = toml::from_str(include_str!("../../assets/verdicts/agents.toml")).unwrap();
        let network: Network = toml::from_str(include_str!("../../assets/verdicts/network.toml")).unwrap();
        let who: Who = toml::from_str(include_str!("../../assets/verdicts/said.toml")).unwrap();
        let catalogue = Catalogue::embedded();
        let known = |id: &String| assert!(catalogue.get(id).is_some(), "no provider {id}");
        for sentence in &agents.sentences {
            assert!(sentence.meaning().is_some(), "{:?}", sentence.text);
            let agent = sentence.agent.as_deref();
            assert!(agent.is_none_or(|id| crate::agents::find(id).is_some()), "{agent:?}");
            sentence.provider.iter().for_each(known);
            assert!(
                sentence.means.ends_with('.')
                    && sentence.next.as_ref().is_none_or(|next| next.ends_with('.'))
            );
        }
        for agent in &agents.agents {
            assert!(crate::agents::find(&agent.id).is_some(), "{}", agent.id);
        }
        who.sentences.iter().for_each(|said| known(&said.provider));
        who.models.iter().for_each(|model| known(&model.provider));
        who.pages.iter().flat_map(|page| &page.providers).for_each(known);
        who.requests.iter().filter_map(|form| form.provider.as_ref()).for_each(known);
        assert_eq!(requests().len(), who.requests.len(), "a form does not compile");
        let texts = agents.sentences.iter().flat_map(|own| &own.text);
        let texts = texts.chain(agents.agents.iter().flat_map(|own| &own.words));
        let texts = texts.chain(network.faults.iter().flat_map(|own| &own.text));
        let texts = texts.chain(who.sentences.iter().flat_map(|own| &own.text));
        let texts = texts.chain(who.pages.iter().flat_map(|own| &own.text));
        for text in texts.chain(&who.context).chain(&who.elsewhere).chain(&who.signs) {
            assert_eq!(*text, crate::probe::digest::flat(text), "not as a line is looked at");
        }
    }
}
