//! The slots of one OpenClaw: each agent with each provider that is configured or plausible, asked under every rule
//! set that may apply.

use serde_json::Value as Json;

use super::auth::{self, Answer, Question, Unresolved};
use super::era::{Era, Generation, Rules};
use super::providers::{self, Recognised};
use super::roster::{self, Models};
use super::store::{self, Store};
use super::{Model, Site, text, wire};
use crate::finding::Lint;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot, State, origin};
use crate::source::{Source, Value};

/// All slots; `sites` are the same OpenClaw under the rule sets to ask, the preferred one first.
pub(super) fn all(sites: &[Site<'_>], generation: &Generation, catalogue: &Catalogue) -> Vec<Slot> {
    let Some(site) = sites.first() else { return Vec::new() };
    let mut slots = Vec::new();
    let main: Vec<Store> = sites.iter().map(|site| store::load(site, "main")).collect();
    let unresolved: Vec<Option<Unresolved>> = sites.iter().map(unresolved).collect();
    for agent in roster::agents(site) {
        let view = View {
            sites,
            catalogue,
            stores: sites.iter().map(|site| store::load(site, &agent)).collect(),
            main: &main,
            unresolved: &unresolved,
            models: roster::models(site.config, &agent),
            generated: store::strict_json(site, &site.agent_dir(&agent).join("models.json")),
            agent,
        };
        slots.extend(view.providers().iter().map(|provider| view.slot(provider, generation)));
    }
    slots
}

/// The first profile of any agent whose reference leads nowhere.
fn unresolved(site: &Site<'_>) -> Option<Unresolved> {
    let agents = std::iter::once("main".to_owned()).chain(roster::agents(site));
    agents.into_iter().find_map(|agent| Unresolved::find(site, &store::load(site, &agent)))
}

/// The model that a question about `provider` is about.
pub(super) fn model_of<'a>(provider: &'a str, models: &'a Models, rules: Rules) -> Model<'a> {
    let all = models.primary.iter().chain(&models.fallbacks);
    let reference = all.into_iter().find(|model| providers::normalise(rules, &model.provider) == provider);
    let doubt = reference
        .and_then(|model| model.pinned.as_ref())
        .map(|_| "the model is configured with a profile behind @, and what that does is unknown".to_owned());
    Model { provider, name: reference.map(|model| model.name.as_str()), generated: None, doubt }
}

/// What one agent has.
struct View<'a> {
    sites: &'a [Site<'a>],
    catalogue: &'a Catalogue,
    stores: Vec<Store>,
    main: &'a [Store],
    unresolved: &'a [Option<Unresolved>],
    agent: String,
    models: Models,
    /// The generated `models.json`.
    generated: Option<Json>,
}

impl View<'_> {
    fn slot(&self, provider: &str, generation: &Generation) -> Slot {
        let answers = (0..self.sites.len()).map(|at| self.ask(at, provider)).collect();
        let answer = agreed(answers, self.sites, generation);
        let site = &self.sites[0];
        let primary = self.primary(site);
        let base = match &answer.outcome {
            Outcome::Sends { base_url, .. } => Some(base_url.as_str()),
            _ => site.provider_value(provider, "baseUrl").and_then(Json::as_str),
        };
        let mut slot = Slot {
            agent: "openclaw",
            profile: site.install.profile_of(&self.agent),
            mode: None,
            provider: catalogue_id(self.catalogue, provider, base),
            agent_provider: super::clean(provider),
            in_use: primary.as_deref() == Some(provider),
            candidates: answer.candidates,
            active: answer.active,
            outcome: answer.outcome,
            lints: answer.lints,
        };
        self.put_header_first(&mut slot, provider);
        slot
    }

    /// The provider of the primary model.
    fn primary(&self, site: &Site<'_>) -> Option<String> {
        self.models.primary.as_ref().map(|model| providers::normalise(site.rules, &model.provider))
    }

    /// A header of the configuration that takes the key's place is what is sent.
    fn put_header_first(&self, slot: &mut Slot, provider: &str) {
        let (Some(sent), Some(active)) = (slot.sent(), slot.active_candidate()) else { return };
        let sites = self.sites.iter().filter(|_| !active.gives(&sent.key));
        let model = |site: &Site<'_>| model_of(provider, &self.models, site.rules);
        let mut places = sites.filter_map(|site| wire::in_place_of_key(site, &model(site), sent));
        let Some(place) = places.next() else { return };
        let first = Candidate {
            source: Source::Config,
            place,
            name: Some(sent.header.name()),
            value: Value::Present(sent.key.clone()),
            state: State::Active { reason: "this header of the configuration takes the key's place".into() },
            lints: Vec::new(),
        };
        slot.put_first(first);
    }

    fn ask(&self, at: usize, provider: &str) -> Answer {
        let site = &self.sites[at];
        let generated = self.generated.as_ref().and_then(|doc| doc.get("providers")?.get(provider));
        let copies = self.agent != "main" && matches!(site.era, Era::A | Era::B);
        auth::answer(&Question {
            site,
            store: &self.stores[at],
            main: copies.then(|| &self.main[at]),
            agent: &self.agent,
            model: Model { generated, ..model_of(provider, &self.models, site.rules) },
            has_fallbacks: !self.models.fallbacks.is_empty(),
            is_primary: self.primary(site).as_deref() == Some(provider),
            unresolved: self.unresolved[at].as_ref(),
        })
    }

    /// The providers of the agent: those of its models first, then what is configured, stored and set.
    fn providers(&self) -> Vec<String> {
        let (site, store, models) = (&self.sites[0], &self.stores[0], &self.models);
        let of_models = models.primary.iter().chain(&models.fallbacks).map(|model| model.provider.clone());
        let keys = |steps: &[&str]| -> Vec<String> {
            site.config.object(steps).into_iter().flat_map(|map| map.keys().cloned()).collect()
        };
        let profiles = site.config.object(&["auth", "profiles"]).into_iter().flatten();
        let named = profiles.filter_map(|(_, entry)| text(entry, "provider").map(ToOwned::to_owned));
        let generated =
            self.generated.as_ref().and_then(|doc| doc.get("providers")).and_then(Json::as_object);
        let mut all: Vec<String> = of_models
            .chain(keys(&["models", "providers"]))
            .chain(store.profiles.iter().map(|profile| profile.provider.clone()))
            .chain(named)
            .chain(keys(&["auth", "order"]))
            .chain(store.orders.keys().cloned())
            .chain(from_environment(site))
            .chain(
                generated.into_iter().flatten().filter(|(_, entry)| has_key(entry)).map(|(id, _)| id.clone()),
            )
            .map(|id| providers::normalise(site.rules, &id))
            .filter(|id| !id.is_empty())
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|id| seen.insert(id.clone()));
        all
    }
}

/// Whether a generated entry holds a real key; the others only list models.
fn has_key(entry: &Json) -> bool {
    text(entry, "apiKey").is_some_and(|key| !providers::is_non_secret(key) && !providers::any_variable(key))
}

/// One answer out of those of the rule sets that may apply.
fn agreed(answers: Vec<Answer>, sites: &[Site<'_>], generation: &Generation) -> Answer {
    let mut answers = answers.into_iter();
    let Some(mut first) = answers.next() else {
        let outcome = Outcome::NotKnown { reason: "no rules apply".to_owned() };
        return Answer { candidates: Vec::new(), active: None, outcome, lints: Vec::new() };
    };
    let Some(other) = answers.find(|answer| !same(&answer.outcome, &first.outcome)) else { return first };
    if generation.prefer_first {
        first.lints.push(Lint::note(
            "version-unknown",
            format!("which version runs here cannot be told; {} would do something else", sites[1].called()),
        ));
        return first;
    }
    let says = |outcome: &Outcome| match outcome {
        Outcome::Sends { .. } => "sends a key",
        Outcome::Nothing { .. } => "sends nothing",
        _ => "is unknown",
    };
    first.outcome = Outcome::NotKnown {
        reason: format!(
            "this version was not recorded, and its neighbours differ: {} {}, {} {}{}",
            sites[0].called(),
            says(&first.outcome),
            sites[1].called(),
            says(&other.outcome),
            if says(&first.outcome) == says(&other.outcome) { ", but another one" } else { "" },
        ),
    };
    if let Some(active) = first.active.take() {
        first.candidates[active].state =
            State::Ignored { reason: "whether this one is sent is unknown".to_owned() };
    }
    first
}

/// Two refusals are the same answer whatever their words.
fn same(a: &Outcome, b: &Outcome) -> bool {
    a == b || matches!((a, b), (Outcome::Nothing { .. }, Outcome::Nothing { .. }))
}

/// The providers whose variables are set and recognised, one for each variable.
fn from_environment(site: &Site<'_>) -> Vec<String> {
    let set = |name: &&&str| site.env.get(name).is_some_and(|hit| hit.sent().is_some());
    let mut names: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for known in providers::ALL {
        let vars = known.vars(site.rules).unwrap_or_default();
        let new: Vec<&str> = vars.iter().filter(set).filter(|name| !names.contains(*name)).copied().collect();
        if !new.is_empty() && site.plugins.recognise(site.rules, known) == Recognised::Yes {
            found.push(known.id.to_owned());
            names.extend(new);
        }
    }
    found
}

/// keymend's name for a provider: whose host the requests go to, else the one that OpenClaw's name means.
fn catalogue_id(catalogue: &Catalogue, provider: &str, base: Option<&str>) -> Option<String> {
    let by_host = base.map(origin).and_then(|origin| {
        let host = origin.split_once("://")?.1.to_owned();
        catalogue.by_host(&host).map(|provider| provider.id.clone())
    });
    let named =
        || providers::find(provider).map(|known| known.catalogue.to_owned()).filter(|id| !id.is_empty());
    by_host.or_else(named)
}
