//! What is added to the agents' own answers: faults of each key's text and file, and the places outside of the agents' files
//! where a variable that they read is set.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::elsewhere;
use crate::agents::{Agent, Context, Findings, common};
use crate::ambient::{Ambient, Surroundings};
use crate::finding::{Lint, Severity};
use crate::hygiene::Nature;
use crate::lint::{self, Use};
use crate::provider::{Catalogue, Fit, authority};
use crate::resolve::{Candidate, Outcome, Sent, Slot, State};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::World;

/// What has been looked up once for all slots of a scan.
pub(super) struct Around<'a> {
    world: &'a dyn World,
    catalogue: &'a Catalogue,
    surroundings: Surroundings,
    variables: HashMap<String, Vec<Ambient>>,
    files: HashMap<PathBuf, Vec<Lint>>,
    /// Providers' variables that are not set here and are set elsewhere.
    elsewhere: BTreeMap<String, Secret>,
    natures: Natures,
}

/// What texts are, for the provider that each was looked at for.
#[derive(Default)]
pub(super) struct Natures(HashMap<Secret, Vec<(Option<String>, Nature)>>);

impl Natures {
    fn note(&mut self, key: &Secret, provider: Option<&str>, nature: Nature) {
        if self.get(key, provider).is_none() {
            self.0.entry(key.clone()).or_default().push((provider.map(str::to_owned), nature));
        }
    }

    pub(super) fn get(&self, key: &Secret, provider: Option<&str>) -> Option<Nature> {
        let known = self.0.get(key)?.iter().find(|(own, _)| own.as_deref() == provider)?;
        Some(known.1)
    }
}

impl<'a> Around<'a> {
    pub(super) fn new(world: &'a dyn World, catalogue: &'a Catalogue) -> Self {
        let surroundings = Surroundings::look(world);
        let mut around = Self {
            world,
            catalogue,
            surroundings,
            variables: HashMap::new(),
            files: HashMap::new(),
            elsewhere: BTreeMap::new(),
            natures: Natures::default(),
        };
        for provider in catalogue.all() {
            for (name, example) in elsewhere::examples(world, provider) {
                let found = around.of_variable(&name);
                // What a start-up file gets from a command is not known, and some key all the same.
                let value = found.first().map(|one| one.value.secret().cloned().unwrap_or(example));
                around.elsewhere.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
            }
        }
        around
    }

    /// The places outside that set a variable.
    fn of_variable(&mut self, name: &str) -> &[Ambient] {
        let (world, surroundings) = (self.world, &self.surroundings);
        self.variables.entry(name.to_owned()).or_insert_with(|| surroundings.find(world, name))
    }

    /// What the texts are that were looked at.
    pub(super) const fn natures(&self) -> &Natures {
        &self.natures
    }

    /// What was read once for all agents.
    pub(super) const fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Adds to every slot of one agent.
    pub(super) fn complete(&mut self, agent: &Agent, findings: &mut Findings) {
        let mut told: HashSet<&'static str> = findings.lints.iter().map(|lint| lint.id).collect();
        // Agents that look at modes themselves say it under their own name.
        if findings.slots.iter().flat_map(all_lints).any(|lint| lint.id == "readable-by-others")
            || told.contains("readable-by-others")
        {
            told.insert("readable-by-others");
        }
        for slot in &mut findings.slots {
            self.complete_slot(slot, &told);
        }
        self.tell_elsewhere(agent, findings);
    }

    /// Names the places of variables that this agent would read and that are not set here.
    fn tell_elsewhere(&mut self, agent: &Agent, findings: &mut Findings) {
        let named = |name: &String| {
            let mut rows = findings.slots.iter().flat_map(|slot| &slot.candidates);
            rows.any(|row| matches!(&row.place, Place::Env { name: own } | Place::Line { name: own, .. } if own == name))
        };
        let silent = findings.slots.iter().any(|slot| slot.in_use && slot.sent().is_none());
        let news = || self.elsewhere.keys().any(|name| !named(name));
        if !silent && !news() {
            return;
        }
        let context = Context { world: self.world, catalogue: self.catalogue };
        let supposed = elsewhere::suppose(&context, agent, &findings.slots, &self.elsewhere);
        for one in supposed {
            let Some(slot) = findings.slots.get_mut(one.slot) else { continue };
            let silent = slot.in_use && matches!(slot.outcome, Outcome::Nothing { .. }) && one.sends;
            for name in &one.names {
                let places = self.of_variable(name).to_vec();
                if silent {
                    slot.lints.extend(only_elsewhere(name, &places, self.world));
                }
                for ambient in &places {
                    if !slot.candidates.iter().any(|own| own.place == ambient.place) {
                        slot.candidates.push(outsider(ambient, name, None));
                    }
                }
            }
        }
    }

    fn complete_slot(&mut self, slot: &mut Slot, told: &HashSet<&'static str>) {
        let provider = slot.provider.as_deref().and_then(|id| self.catalogue.get(id));
        let any_form = takes_any_form(slot, self.catalogue);
        for lint in slot.lints.iter_mut().filter(|lint| lint.id == "foreign-base-url") {
            lint.weigh(foreign_severity(&slot.outcome, self.catalogue));
        }
        let (outcome, active) = (&slot.outcome, slot.active);
        for (at, candidate) in slot.candidates.iter_mut().enumerate() {
            let Some(key) = candidate.value.secret() else { continue };
            let sent = sent_of(outcome, active == Some(at), candidate);
            let used = Use { provider, any_form, sent, for_api_key: is_for_api_key(&candidate.place) };
            let (mut found, nature) = lint::judged(key, &used, self.catalogue);
            if provider.is_some() == slot.provider.is_some() {
                self.natures.note(key, slot.provider.as_deref(), nature);
            }
            if let Some(file) = candidate.place.file().filter(|_| !key.is_empty()) {
                let of_file = self.of_file(file);
                found.extend(of_file.iter().filter(|lint| !told.contains(lint.id)).cloned());
            }
            for lint in found {
                if !candidate.lints.iter().any(|own| own.id == lint.id) {
                    candidate.lints.push(lint);
                }
            }
        }
        let outside = self.outside(slot);
        slot.candidates.extend(outside);
    }

    fn of_file(&mut self, file: &std::path::Path) -> &[Lint] {
        let world = self.world;
        self.files.entry(file.to_owned()).or_insert_with(|| lint::place_lints(world, file))
    }

    /// The places outside that set a variable of this slot, as candidates that this start does not use.
    fn outside(&mut self, slot: &Slot) -> Vec<Candidate> {
        let mut added: Vec<Candidate> = Vec::new();
        for candidate in &slot.candidates {
            let (Place::Env { name } | Place::Line { name, .. }) = &candidate.place else { continue };
            let here = self.world.var(name);
            for ambient in self.of_variable(name) {
                let known = slot.candidates.iter().chain(&added).any(|own| own.place == ambient.place);
                if !known {
                    added.push(outsider(ambient, name, here));
                }
            }
        }
        added
    }
}

/// Whether the server that a slot asks takes keys of any form: one of the person's own, on this machine or elsewhere.
#[must_use]
pub fn takes_any_form(slot: &Slot, catalogue: &Catalogue) -> bool {
    let Some(provider) = slot.provider.as_deref().and_then(|id| catalogue.get(id)) else { return true };
    let host = match &slot.outcome {
        Outcome::Sends { base_url, .. } if !base_url.is_empty() => authority(base_url).unwrap_or(base_url),
        _ => return provider.local,
    };
    provider.local || !provider.owns(host)
}

/// What is sent of a candidate: the request's own credential, or one that is sent beside it.
fn sent_of<'a>(outcome: &'a Outcome, is_active: bool, candidate: &Candidate) -> Option<&'a Sent> {
    let Outcome::Sends { sent, also, .. } = outcome else { return None };
    let beside = matches!(candidate.state, State::Active { .. });
    match is_active {
        true => Some(sent),
        false if beside => also.iter().find(|other| candidate.gives(&other.key)),
        false => None,
    }
}

/// Whether a place is one for an API key by its name.
fn is_for_api_key(place: &Place) -> bool {
    let name = match place {
        Place::Env { name } | Place::Line { name, .. } => name.as_str(),
        Place::Field { pointer, .. } => pointer.0.last().map_or("", String::as_str),
        _ => "",
    };
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    name.to_ascii_lowercase().ends_with("apikey")
}

/// A shorter beginning, such as `sk-`, is what gateways give out, too.
const TELLING_PREFIX: usize = 6;

/// A key that goes to a server of the person's own is as it should be; a key whose form names a company is worth a second
/// look anywhere but at that company.
fn foreign_severity(outcome: &Outcome, catalogue: &Catalogue) -> Severity {
    let Outcome::Sends { sent, base_url, .. } = outcome else { return Severity::Note };
    let host = authority(base_url).unwrap_or(base_url);
    let known = catalogue.recognise(&sent.key);
    let named = known.best().filter(|best| best.fit == Fit::Exact || best.prefix.len() >= TELLING_PREFIX);
    match named {
        Some(found) if !found.provider.owns(host) => Severity::Warn,
        _ => Severity::Note,
    }
}

fn all_lints(slot: &Slot) -> impl Iterator<Item = &Lint> {
    slot.lints.iter().chain(slot.candidates.iter().flat_map(|candidate| &candidate.lints))
}

/// A key that is set for others: for the next shell, for a service.
fn only_elsewhere(name: &str, places: &[Ambient], world: &dyn World) -> Option<Lint> {
    let first = places.iter().find(|one| one.value.secret().is_none_or(|value| !value.is_empty()))?;
    let place = common::printable(&first.place.show(world.home()));
    let way = match first.source {
        Source::Shell => "Open a new terminal, or put the key where the agent itself reads it",
        _ => "Put the key where the agent itself reads it, or export it here",
    };
    let message = format!("{place} sets {name}, and this process does not have it ({}). {way}.", first.note);
    Some(Lint::warn("key-only-elsewhere", message))
}

fn outsider(ambient: &Ambient, name: &str, in_env: Option<&str>) -> Candidate {
    let mut lints = ambient.lints.clone();
    if matches!((in_env, &ambient.value), (Some(here), Value::Present(there)) if !there.is(here)) {
        let words =
            format!("{name} has another value in this environment than the place that sets it for new ones");
        lints.push(Lint::warn("environment-differs", words));
    }
    let reason = ambient.note.clone();
    let mut candidate = Candidate {
        source: ambient.source,
        place: ambient.place.clone(),
        name: Some(name.to_owned()),
        value: ambient.value.clone(),
        state: if ambient.value == Value::Unset { State::Unset } else { State::Ignored { reason } },
        lints,
    };
    common::say_too_long_of(&mut candidate);
    candidate
}
