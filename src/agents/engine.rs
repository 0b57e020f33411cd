//! What all agents have in common: an agent says what it reads, which questions there are and what each offer gives; the
//! engine decides, and adds what holds for every agent.
//!
//! An agent is a type that holds what one scan reads, and [`Rules`] over it. `llm` and `goose` are the ones to read first;
//! `docs/adding-an-agent.md` walks through `llm`.

use std::path::PathBuf;

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, python};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Candidate, Header, Mode, Offer, Outcome, Slot};
use crate::secret::Secret;
use crate::world::{Trouble, World};

mod answer;
pub mod env;
pub mod headers;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Library, Request, Unsendable, Without, answer};
pub use env::{EnvFiles, EnvValue, Layers};
pub use headers::{Clash, OwnHeader};

/// How an agent's presence and version are noticed, without running anything.
pub struct Presence<'a> {
    /// The name of its executable; empty where that is no trace.
    pub program: &'a str,
    /// What it is installed as.
    pub package: Package,
    /// Its own files and folders.
    pub paths: Vec<PathBuf>,
    /// Variables that only this agent has.
    pub variables: &'a [&'a str],
}

/// What a program is installed as.
pub enum Package {
    /// A package of npm, by any of these names; or a version in the path of the program.
    Node(&'static [&'static str]),
    /// A distribution of Python, as its `dist-info` folder is called.
    Python(&'static str),
    /// Something else; its version is read from its own files.
    Own(Option<String>),
}

/// One question, and what an agent has for it.
pub struct Question {
    /// The agent's own identity.
    pub profile: String,
    /// How the agent is run, where it may answer differently.
    pub mode: Option<Mode>,
    /// The catalogue's id.
    pub provider: Option<String>,
    /// The agent's own name for the provider.
    pub agent_provider: String,
    /// The agent would use it now.
    pub in_use: bool,
    /// The candidates, strongest first.
    pub offers: Vec<Offer>,
    /// What is around the key.
    pub request: Request,
    /// Why no request is made, or what is unknown of it, whatever the offers give.
    pub refusal: Option<Outcome>,
    /// Findings about the slot as a whole.
    pub lints: Vec<Lint>,
}

impl Question {
    /// A question about `agent_provider`, of the only identity and in every mode.
    pub fn new(agent_provider: impl Into<String>, offers: Vec<Offer>, request: Request) -> Self {
        Self {
            profile: "default".to_owned(),
            mode: None,
            provider: None,
            agent_provider: agent_provider.into(),
            in_use: false,
            offers,
            request,
            refusal: None,
            lints: Vec::new(),
        }
    }

    fn is_of(&self, slot: &Slot) -> bool {
        let mode = slot.mode.is_none() || slot.mode == self.mode;
        mode && self.profile == slot.profile && self.agent_provider == slot.agent_provider
    }
}

/// The rules of one agent, over what one scan has read.
pub trait Rules {
    /// One question: what is sent to this provider?
    type Query<'q>
    where
        Self: 'q;
    /// A slot is named by the provider that its address belongs to, where the agent's own name says another one or none.
    const NAMED_BY_ADDRESS: bool = true;
    /// The program's name in words about its versions, where that is not the agent's.
    const PROGRAM: Option<&'static str> = None;

    /// How its presence is noticed.
    fn presence(&self) -> Presence<'_>;
    /// Further traces of it, in words.
    fn traces(&self) -> Vec<String> {
        Vec::new()
    }
    /// The questions; the answers about providers in use are shown first.
    fn queries(&self) -> Vec<Self::Query<'_>>;
    /// What there is for a question.
    fn ask(&self, query: &Self::Query<'_>) -> Question;
    /// Whether the answer is worth a line.
    fn is_shown(&self, _: &Slot) -> bool {
        true
    }
    /// Findings about the agent as a whole.
    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        Vec::new()
    }
    /// The files that cannot be read.
    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        Vec::new()
    }
    /// The places where a new key can be written, best first.
    fn destinations(&self, query: &Self::Query<'_>, slot: &Slot) -> Vec<Destination>;
}

/// What `agent` sends by its `rules`.
pub fn scan<R: Rules>(agent: &Agent, context: &Context<'_>, rules: &R) -> Findings {
    let world = context.world;
    let mut slots: Vec<(Slot, Option<usize>)> = Vec::new();
    for query in rules.queries() {
        let (slot, found) = slot(agent, rules.ask(&query));
        let before =
            slots.last_mut().filter(|(before, at)| *at == found && differ_in_mode_alone(before, &slot));
        match before {
            Some((before, _)) => before.mode = None,
            None if rules.is_shown(&slot) => slots.push((slot, found)),
            None => {}
        }
    }
    let mut slots: Vec<Slot> = slots.into_iter().map(|(slot, _)| slot).collect();
    slots.sort_by_key(|slot| !slot.in_use);
    if R::NAMED_BY_ADDRESS {
        common::name_providers(context.catalogue, &mut slots);
    }
    common::finish(world, &mut slots);
    let presence = rules.presence();
    let version = presence.version(world);
    Findings {
        found: presence.found(world).into_iter().chain(rules.traces()).collect(),
        rules: common::rules(R::PROGRAM.unwrap_or(agent.name), agent.versions, version.as_deref()),
        version,
        lints: rules.agent_lints(&slots),
        slots,
        troubles: rules.troubles(),
    }
}

fn slot(agent: &Agent, question: Question) -> (Slot, Option<usize>) {
    let Question { profile, mode, provider, agent_provider, in_use, offers, request, refusal, mut lints } =
        question;
    let Answer { candidates, active, outcome, lints: of_headers, found } = answer(offers, request, refusal);
    lints.extend(of_headers);
    let agent = agent.id;
    (
        Slot { agent, profile, mode, provider, agent_provider, in_use, candidates, active, outcome, lints },
        found,
    )
}

/// Whether two slots are one: the answer does not depend on how the agent is run.
fn differ_in_mode_alone(a: &Slot, b: &Slot) -> bool {
    let same = a.profile == b.profile && a.agent_provider == b.agent_provider;
    same && a.mode.is_some() && b.mode.is_some() && common::same_outcome(&a.outcome, &b.outcome)
}

/// The places for a new key of `slot`, from the question that it answers.
pub fn destinations<R: Rules>(rules: &R, slot: &Slot) -> Vec<Destination> {
    let query = rules.queries().into_iter().find(|query| rules.ask(query).is_of(slot));
    query.map_or_else(Vec::new, |query| rules.destinations(&query, slot))
}

/// What JavaScript's `fetch` puts into a header; what `agent` does with a text that no header can carry is unknown.
pub fn fetch(key: &Secret, header: &Header, agent: &str) -> Result<Secret, Unsendable> {
    let unknown =
        || format!("it holds characters that no header can carry; what {agent} does then is unknown");
    common::fetch_text(key, header).ok_or_else(|| Unsendable::Unknown(unknown()))
}

/// The place of the present key, for a new one.
#[must_use]
pub fn replacing(active: &Candidate) -> Destination {
    let effect = "replaces the key that is sent now".to_owned();
    Destination { place: active.place.clone(), effect, neighbours: Vec::new() }
}

impl Presence<'_> {
    fn found(&self, world: &dyn World) -> Vec<String> {
        Traces { program: self.program, paths: &self.paths, variables: self.variables }.found(world)
    }

    fn version(&self, world: &dyn World) -> Option<String> {
        match &self.package {
            Package::Node(names) => common::version(world, self.program, names),
            Package::Python(dist) => python::version(world, self.program, dist),
            Package::Own(version) => version.clone(),
        }
    }
}
