//! What a person can do — scan, explain, test, plan, apply, undo — shared by the wizard and the scripts.
//!
//! [`scan`] asks every agent what it would send in a given world and puts the answers together: one [`Tag`] for each
//! distinct key, lints on every candidate, the places outside of the agents' own files. It is pure over the world.

pub mod asked;
mod copies;
pub mod diagnosis;
mod elsewhere;
pub mod held;
pub mod holding;
pub mod key_places;
mod misplaced;
pub mod names;
mod near;
pub mod past;
pub mod plausible;
mod services;
pub mod spares;
mod surround;
pub use surround::takes_any_form;
pub mod test;
pub mod verdicts;
mod watch;
pub mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::agents::{self, Agent, Context, Findings};
use crate::host::owner;
use crate::hygiene;
use crate::plan::SlotId;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Slot};
use crate::secret::{Fingerprint, Mask, Secret, Tag};
use crate::source::Source;
use crate::world::World;

/// One agent and what its scan found.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The agent.
    pub agent: &'static Agent,
    /// What was found.
    pub findings: Findings,
}

/// Where a slot is in a [`Scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotRef {
    /// Index into [`Scan::agents`].
    pub agent: usize,
    /// Index into that agent's slots.
    pub slot: usize,
}

/// One distinct key and everywhere it is.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// Its letter.
    pub tag: Tag,
    /// The key.
    pub key: Secret,
    /// Its printable form.
    pub mask: Mask,
    /// Every slot and candidate that holds it.
    pub places: Vec<(SlotRef, usize)>,
}

/// The answer of all agents for one world.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The agents that are present, in the order of [`agents::ALL`].
    pub agents: Vec<Scanned>,
    /// Every distinct key, in order of first appearance; its position is its tag.
    pub keys: Vec<KeyView>,
    /// The other texts that are kept where a key belongs: placeholders, masked copies, words. They have no letter, and
    /// are never shown whole.
    pub texts: Vec<Secret>,
    /// The processes and services that answer for a slot, too.
    held: held::Held,
    /// The position of each key: a scan with ten thousand keys asks for a letter at every row.
    positions: HashMap<Secret, usize>,
    /// The same for the keys that have blanks around them, without the blanks; the first of several.
    trimmed: HashMap<Secret, usize>,
}

/// The built-in providers, and the person's own files in `<config>/keymend/providers/*.toml`.
#[must_use]
pub fn catalogue(world: &dyn World) -> Catalogue {
    let Some(folder) = crate::settings::folder(world).map(|folder| folder.join("providers")) else {
        return Catalogue::embedded();
    };
    let names = world
        .list(&folder)
        .into_iter()
        .filter(|name| std::path::Path::new(name).extension().is_some_and(|end| end == "toml"));
    let mut troubles = Vec::new();
    let mut files = Vec::new();
    for name in names {
        let state = world.read(&folder.join(&name));
        if let Some(uid) = state.meta().map(|meta| meta.uid).filter(|uid| !owner::is_trusted(*uid)) {
            troubles.push(format!("{name}: belongs to {} and is not used", owner::name_of(uid)));
            continue;
        }
        match (state.text(), state.trouble()) {
            (Some(text), _) => files.push((name, text.to_owned())),
            (None, Some(trouble)) => troubles.push(format!("{name}: {trouble}")),
            (None, None) => {}
        }
    }
    let mut catalogue =
        if files.is_empty() { Catalogue::embedded() } else { Catalogue::with_overrides(files) };
    catalogue.troubles.extend(troubles);
    catalogue
}

/// Asks every agent in `agents` what it would send in `world`, also where there is no trace of it.
#[must_use]
pub fn scan(world: &dyn World, catalogue: &Catalogue, agents: &[&'static Agent]) -> Scan {
    let found = agents.iter().filter_map(|agent| ask(world, catalogue, agent)).collect();
    finished(world, catalogue, found)
}

/// One agent's answer, and what it could not read.
fn ask(world: &dyn World, catalogue: &Catalogue, agent: &'static Agent) -> Option<Scanned> {
    let watched = watch::Watched::new(world);
    let mut findings = agent.scan(&Context { world: &watched, catalogue })?;
    let gone = watched.tell(&mut findings);
    copies::tell(world, catalogue, &mut findings, &gone);
    Some(Scanned { agent, findings })
}

/// Adds what is around the agents' own answers, and the letters.
fn finished(world: &dyn World, catalogue: &Catalogue, mut agents: Vec<Scanned>) -> Scan {
    let mut around = surround::Around::new(world, catalogue);
    let spots = near::Spots::look(world);
    for scanned in &mut agents {
        around.complete(scanned.agent, &mut scanned.findings);
        spots.tell(&Context { world, catalogue }, scanned.agent, &mut scanned.findings);
    }
    let all = agents.iter_mut().map(|scanned| (scanned.agent, &mut scanned.findings));
    let held = held::tell(world, catalogue, around.surroundings(), all);
    Scan { held, ..Scan::judged(agents, catalogue, around.natures()) }
}

/// Asks all agents that keymend knows and keeps those that are here.
#[must_use]
pub fn scan_all(world: &dyn World, catalogue: &Catalogue) -> Scan {
    let found = agents::ALL.iter().filter_map(|agent| ask(world, catalogue, agent));
    finished(world, catalogue, found.filter(|scanned| !scanned.findings.found.is_empty()).collect())
}

/// The agents that are here, and those named `also`: whom a plan concerns.
#[must_use]
pub fn present(
    world: &dyn World,
    catalogue: &Catalogue,
    also: Option<&'static Agent>,
) -> Vec<&'static Agent> {
    let context = Context { world, catalogue };
    let here = |agent: &Agent| agent.scan(&context).is_some_and(|found| !found.found.is_empty());
    let named = |agent: &Agent| also.is_some_and(|also| also.id == agent.id);
    agents::ALL.iter().copied().filter(|agent| named(agent) || here(agent)).collect()
}

impl Scan {
    /// What these agents found, with one entry for each distinct key.
    #[must_use]
    pub fn of(agents: Vec<Scanned>, catalogue: &Catalogue) -> Self {
        Self::judged(agents, catalogue, &surround::Natures::default())
    }

    /// The same, with what is known of the texts already.
    fn judged(agents: Vec<Scanned>, catalogue: &Catalogue, known: &surround::Natures) -> Self {
        let mut scan = Self { agents, ..Self::default() };
        scan.index(catalogue, known);
        crate::printer::know(scan.secrets());
        scan
    }

    /// All slots, in the order of the screens.
    pub fn slots(&self) -> impl Iterator<Item = (SlotRef, &'static Agent, &Slot)> {
        self.agents.iter().enumerate().flat_map(|(agent, scanned)| {
            let slots = scanned.findings.slots.iter().enumerate();
            slots.map(move |(slot, found)| (SlotRef { agent, slot }, scanned.agent, found))
        })
    }

    /// Where the slot of these names is.
    #[must_use]
    pub fn find(&self, names: &SlotId) -> Option<SlotRef> {
        self.slots().find(|(_, _, slot)| names.is(slot)).map(|(at, ..)| at)
    }

    /// One slot.
    #[must_use]
    pub fn slot(&self, at: SlotRef) -> Option<&Slot> {
        self.agents.get(at.agent)?.findings.slots.get(at.slot)
    }

    /// The processes and services that answer for a slot, too.
    #[must_use]
    pub fn held_by(&self, slot: &Slot) -> &[held::Holder] {
        self.held.get(&SlotId::of(slot)).map_or(&[], Vec::as_slice)
    }

    /// The slots that `wanted` names.
    #[must_use]
    pub fn select(&self, wanted: &Selector) -> Vec<SlotRef> {
        self.slots().filter(|(_, _, slot)| wanted.matches(slot)).map(|(at, _, _)| at).collect()
    }

    /// The letter of a key.
    #[must_use]
    pub fn tag(&self, key: &Secret) -> Option<Tag> {
        // What is sent is often a key of a file without the blanks around it: the same letter.
        let at = self.positions.get(key).or_else(|| self.trimmed.get(key))?;
        self.keys.get(*at).map(|view| view.tag)
    }

    /// The salted fingerprint of each distinct key.
    #[must_use]
    pub fn fingerprints(&self, salt: &str) -> BTreeMap<Tag, Fingerprint> {
        self.keys.iter().map(|view| (view.tag, view.key.fingerprint(salt))).collect()
    }

    /// Everything that no text may show: the keys, and the other texts in their fields.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.keys.iter().map(|view| &view.key).chain(&self.texts)
    }

    /// Notes what is at a candidate. A text that is a key in one slot is one everywhere.
    fn note(&mut self, at: SlotRef, index: usize, key: &Secret, catalogue: &Catalogue) {
        let next = self.keys.len();
        let view = *self.positions.entry(key.clone()).or_insert(next);
        if view == next {
            let bare = key.map(|own| own.trim().to_owned());
            if bare != *key {
                self.trimmed.entry(bare).or_insert(next);
            }
            let (tag, mask) = (Tag(next), catalogue.mask(key));
            self.keys.push(KeyView { tag, key: key.clone(), mask, places: Vec::new() });
        }
        self.keys[view].places.push((at, index));
    }

    /// One entry for each distinct key. The work grows with the places, not with their square.
    fn index(&mut self, catalogue: &Catalogue, known: &surround::Natures) {
        let mut found: Vec<(SlotRef, usize, Secret)> = Vec::new();
        let mut judged: HashMap<Secret, bool> = HashMap::new();
        for (at, _, slot) in self.slots() {
            for (index, key) in slot.candidates.iter().enumerate().filter_map(key_of) {
                let is_key = judged.entry(key.clone()).or_default();
                *is_key = *is_key || is_key_of(slot, &slot.candidates[index], catalogue, known);
                found.push((at, index, key.clone()));
            }
        }
        let mut texts = HashSet::new();
        for (at, index, key) in found {
            if judged.get(&key) == Some(&true) {
                self.note(at, index, &key, catalogue);
            } else if texts.insert(key.clone()) {
                self.texts.push(key);
            }
        }
    }
}

/// Whether a key is at this candidate. A word of the agent itself is none.
fn is_key_of(slot: &Slot, candidate: &Candidate, catalogue: &Catalogue, known: &surround::Natures) -> bool {
    let provider = slot.provider.as_deref();
    let is_key = |key| {
        let nature = known.get(key, provider);
        nature.unwrap_or_else(|| hygiene::nature(key, provider, catalogue)).is_key()
    };
    candidate.source != Source::BuiltIn && candidate.value.secret().is_some_and(is_key)
}

fn key_of((at, candidate): (usize, &Candidate)) -> Option<(usize, &Secret)> {
    candidate.value.secret().filter(|key| !key.is_empty()).map(|key| (at, key))
}

/// A choice of slots as the command line writes it: `AGENT`, `AGENT/PROVIDER`, optionally a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The agent's id; none for all.
    pub agent: Option<String>,
    /// The catalogue's id or the agent's own name; none for all.
    pub provider: Option<String>,
    /// The profile; none for all.
    pub profile: Option<String>,
}

impl Selector {
    /// Reads `AGENT` or `AGENT/PROVIDER`. A provider's name may itself hold a slash or colon.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (agent, provider) = match text.split_once('/') {
            Some((agent, provider)) => (agent, Some(provider.to_owned())),
            None => (text, None),
        };
        Self { agent: Some(agent.to_owned()).filter(|agent| !agent.is_empty()), provider, profile: None }
    }

    /// Whether a slot is meant.
    #[must_use]
    pub fn matches(&self, slot: &Slot) -> bool {
        // A name can be typed as it is shown, too: without what no terminal shows, a key in it masked.
        let is = |asked: &String, name: &str| {
            asked.eq_ignore_ascii_case(name) || *asked == crate::printer::printable(name)
        };
        let provider = |asked: &String| {
            is(asked, &slot.agent_provider) || slot.provider.as_deref().is_some_and(|name| is(asked, name))
        };
        self.agent.as_ref().is_none_or(|agent| agent == slot.agent)
            && self.provider.as_ref().is_none_or(provider)
            && self.profile.as_ref().is_none_or(|asked| is(asked, &slot.profile))
    }
}
