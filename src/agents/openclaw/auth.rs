//! The chain of one slot: every candidate in the order of the version in force, and what is sent.
//!
//! 2026.9.6: `dist/prepare-auth-*`, `provider-model-route-auth-*`, `order-*`; 2026.3.13: `resolveApiKeyForProvider`.

use serde_json::Value as Json;

use super::credential::{self, Configured, Found, Material};
use super::env::sent_text;
use super::era::Rules;
use super::order::{self, Asked, Ranked, Ranking, Standing};
use super::providers::{self, Api, Known};
use super::steps::{Steps, push_configured, push_found, push_profile, push_stop, waits};
use super::store::{Kind, Profile, Store};
use super::{Model, Site, clean, lints, wire};
use crate::finding::Lint;
use crate::resolve::{Candidate, Offer, Outcome};
use crate::source::{Place, Pointer, Source, Value};

/// What one slot does.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// All candidates with their states.
    pub candidates: Vec<Candidate>,
    /// The active one.
    pub active: Option<usize>,
    /// What is sent.
    pub outcome: Outcome,
    /// Findings about the slot.
    pub lints: Vec<Lint>,
}

/// One question.
pub(super) struct Question<'a> {
    /// Where it is asked.
    pub site: &'a Site<'a>,
    /// The stores of the agent.
    pub store: &'a Store,
    /// Main's store, where another agent may keep copies of it.
    pub main: Option<&'a Store>,
    /// The agent's id.
    pub agent: &'a str,
    /// The provider and model.
    pub model: Model<'a>,
    /// Fallback models are configured.
    pub has_fallbacks: bool,
    /// The provider is that of the primary model.
    pub is_primary: bool,
    /// A stored profile of any agent whose reference leads nowhere.
    pub unresolved: Option<&'a Unresolved>,
}

/// A stored profile whose reference leads nowhere: 2026.9.6 resolves those of all profiles that could be used before it
/// asks any provider, and ends at the first that fails (`secrets/runtime-prepare.ts`).
#[derive(Clone, Debug)]
pub(super) struct Unresolved {
    /// Its id.
    pub id: String,
    /// Where the reference is.
    pub place: Place,
    /// Why it leads nowhere.
    pub why: String,
}

impl Unresolved {
    /// The first one in a store.
    pub(super) fn find(site: &Site<'_>, store: &Store) -> Option<Self> {
        let profiles = store.profiles.iter().filter(|_| site.rules == Rules::New);
        let mut usable = profiles.filter(|profile| {
            let auth = providers::auth_id(site.rules, &profile.provider);
            profile.kind != Kind::Oauth && order::ineligible(site, profile, &auth).is_none()
        });
        usable.find_map(|profile| {
            let why = credential::of_profile(site, profile).err()?;
            let reference = if profile.reference().is_some() { "Ref" } else { "" };
            let member = format!("{}{reference}", profile.secret_member());
            Some(Self { id: profile.id.clone(), place: profile.place(&member), why })
        })
    }
}

/// Answers one question.
pub(super) fn answer(asked: &Question<'_>) -> Answer {
    let mut steps = Steps::default();
    asked.push_refusals(&mut steps);
    match asked.site.rules {
        Rules::New => asked.push_new(&mut steps),
        Rules::Old => {
            asked.push_plain(&mut steps, &credential::configured(asked.site, asked.store, asked.provider()));
        }
    }
    asked.push_models_json(&mut steps);
    asked.push_other_programs(&mut steps);
    asked.push_local(&mut steps);
    asked.settle(steps)
}

impl Question<'_> {
    /// Its provider, as OpenClaw names it.
    pub(super) fn provider(&self) -> &str {
        self.model.provider
    }

    /// Its row in OpenClaw's catalogue.
    pub(super) fn known(&self) -> Option<&'static Known> {
        providers::find(self.provider())
    }

    /// What keeps OpenClaw from starting at all.
    fn push_refusals(&self, steps: &mut Steps) {
        let site = self.site;
        if let Some((why, pointer)) = site.config.fault_under(site.rules) {
            let place = refused_place(site, &pointer);
            let value = refused_value(site, &pointer).unwrap_or_else(|| Value::Unreadable(why.clone()));
            steps.push(Offer::stops(Source::Config, place, value, why), None);
        }
        if let Some((why, file)) = &self.store.blocked {
            let place = Place::File { file: file.clone() };
            steps.push(Offer::stops(Source::AuthFile, place, Value::Sealed, why.clone()), None);
        }
        if let Some((provider, why)) = self.broken_reference() {
            let why = format!(
                "the configured SecretRef cannot be resolved ({why}); the command stops before any request"
            );
            let place = site.provider_place(&provider, "apiKey");
            let value = Value::Reference("a SecretRef".to_owned());
            steps.push(Offer::stops(Source::Config, place, value, why), None);
        }
        if let Some(Unresolved { id, place, why }) = self.unresolved {
            let id = clean(id);
            let why = format!(
                "the reference of {id} cannot be resolved ({why}); OpenClaw stops before any request"
            );
            let value = Value::Reference("a SecretRef".to_owned());
            let offer = Offer::stops(Source::AuthProfile, place.clone(), value, why.as_str()).named(id);
            steps.push(offer.lint(Lint::fault("reference-unset", why)), None);
        }
    }

    /// A reference in the configuration that leads nowhere: that of this provider; in 2026.9.6 that of any one.
    fn broken_reference(&self) -> Option<(String, String)> {
        let site = self.site;
        let all = site.config.object(&["models", "providers"]).filter(|_| site.rules == Rules::New);
        let others = all.into_iter().flatten().map(|(id, _)| id.as_str());
        std::iter::once(self.provider()).chain(others).find_map(|id| {
            match credential::configured(site, self.store, id) {
                Configured::Broken(why) => Some((id.to_owned(), why)),
                _ => None,
            }
        })
    }

    /// 2026.9.6: binding; `auth: "api-key"`; a reference switches the profiles off; profiles, environment, literal.
    fn push_new(&self, steps: &mut Steps) {
        let configured = credential::configured(self.site, self.store, self.provider());
        let explicit = self.site.provider_value(self.provider(), "auth") == Some(&Json::from("api-key"));
        let configured_wins =
            "models.providers says auth: \"api-key\", so the configured key beats everything";
        let reference = match &configured {
            Configured::Reference(found) | Configured::Marker(_, Some(found)) => Some(found),
            _ => None,
        };
        if let Some((found, why)) = self.inline_wait(&configured) {
            return self.push_waiting_inline(steps, &found, &why, explicit || reference.is_some());
        }
        match (&configured, reference) {
            (Configured::Binding(id), _) => self.push_bound(steps, id),
            (Configured::Literal(found), _) | (_, Some(found)) if explicit => {
                push_configured(steps, found, configured_wins);
                self.push_env(steps, None);
                self.push_profiles(steps, Some(configured_wins));
            }
            (_, Some(found)) => {
                self.push_env(steps, None);
                push_configured(
                    steps,
                    found,
                    "no standard variable of the provider is set, so the reference is followed",
                );
                self.push_profiles(
                    steps,
                    Some("the configured apiKey is a reference, which switches stored profiles off"),
                );
            }
            _ => self.push_plain(steps, &configured),
        }
    }

    /// The key of the configuration and why it waits, if it does: 2026.9.6 keeps its failures under a name of their own, and
    /// stops at them whatever the reason (`assertInlineProviderApiKeyUsable`).
    pub(super) fn inline_wait(&self, configured: &Configured) -> Option<(Found, String)> {
        let (Configured::Literal(found) | Configured::Reference(found) | Configured::Marker(_, Some(found))) =
            configured
        else {
            return None;
        };
        if order::knows_no_waits(self.site, self.provider()) {
            return None;
        }
        let health = self.store.health.get(&format!("inline-api-key:{}", self.provider()))?;
        let standing = order::wait_of(self.site, health, None)?;
        Some((found.clone(), format!("the key in the configuration is {}", waits(self.site, &standing))))
    }

    /// Before profiles where `first`, else after them: neither the variables nor the key itself are used.
    fn push_waiting_inline(&self, steps: &mut Steps, found: &Found, why: &str, first: bool) {
        if !first {
            self.push_profiles(steps, None);
        }
        let stop = Offer::stops(found.source, found.place.clone(), found.value.clone(), why);
        steps.push(stop, None);
        self.push_env(steps, None);
        if first {
            self.push_profiles(steps, Some(why));
        }
    }

    /// Profiles, environment, configured key.
    fn push_plain(&self, steps: &mut Steps, configured: &Configured) {
        self.push_profiles(steps, None);
        steps.lead("a stored profile wins over everything that follows it");
        self.push_env(steps, None);
        steps.lead("a variable of the provider wins over the configured key");
        self.push_config(steps, configured);
    }

    /// A provider entry bound to one profile: that one or nothing.
    fn push_bound(&self, steps: &mut Steps, id: &str) {
        let (site, provider) = (self.site, self.provider());
        let Some(profile) = self.store.profile(id) else { return };
        let shown = clean(id);
        let bound = format!("models.providers.{}.apiKey names the profile {shown}", clean(provider));
        let refusal = match order::ineligible(site, profile, &providers::auth_id(site.rules, provider)) {
            Some(why) => Some(format!("Per-entry apiKey profile \"{shown}\" has no usable credentials for {provider}: {why}")),
            None => order::waiting_for(site, self.store, profile, self.model.name).map(|standing| {
                format!(
                    "Auth profile \"{shown}\" is temporarily unavailable for {provider}/{}: {}; {bound}, so nothing else is tried",
                    clean(self.model.name.unwrap_or("the model")),
                    waits(site, &standing)
                )
            }),
        };
        match (refusal, credential::of_profile(site, profile)) {
            (Some(why), found) => push_stop(steps, profile, found, why),
            (None, Ok(found)) => push_profile(steps, profile, found, Ok(bound.clone())),
            (None, Err(why)) => {
                let why = format!(
                    "Per-entry apiKey profile \"{shown}\" has no usable credentials for {provider}: {why}"
                );
                push_stop(steps, profile, Err(String::new()), why);
            }
        }
        let reason = format!("{bound}, so nothing else is tried");
        self.push_profiles_but(steps, Some(&reason), Some(id));
        self.push_env(steps, Some(&reason));
    }

    fn push_profiles(&self, steps: &mut Steps, off: Option<&str>) {
        self.push_profiles_but(steps, off, None);
    }

    /// The profiles of the provider, in their order; `off`: none is used, and why.
    fn push_profiles_but(&self, steps: &mut Steps, off: Option<&str>, but: Option<&str>) {
        let asked = Asked { provider: self.provider(), model: self.model.name };
        let ranking = order::rank(self.site, self.store, asked);
        let shown = |ranked: &&Ranked<'_>| Some(ranked.profile.id.as_str()) != but;
        match off {
            Some(why) => ranking.tried.iter().filter(shown).for_each(|ranked| {
                let found = credential::of_profile(self.site, ranked.profile);
                push_found(steps, ranked.profile, found, Err(why.to_owned()));
            }),
            None => self.push_ranked(steps, &ranking),
        }
        for ranked in ranking.left_out.iter().filter(shown) {
            let Standing::Ineligible(why) = &ranked.standing else { continue };
            push_found(
                steps,
                ranked.profile,
                credential::of_profile(self.site, ranked.profile),
                Err(why.clone()),
            );
        }
    }

    fn push_ranked(&self, steps: &mut Steps, ranking: &Ranking<'_>) {
        let probe = if ranking.has_ready() { None } else { self.probe(ranking) };
        let mut failed = None;
        for (at, ranked) in ranking.tried.iter().enumerate() {
            let found = credential::of_profile(self.site, ranked.profile);
            let fate = match (&ranked.standing, &found, &probe) {
                (_, Ok(_), _) if self.is_off_route(ranked.profile) => {
                    failed.get_or_insert_with(|| (ranked.profile.id.clone(), NO_ROUTE.to_owned()));
                    Err("baseUrl is the address of API keys, and takes no login".to_owned())
                }
                (_, Err(why), _) => {
                    failed.get_or_insert_with(|| (ranked.profile.id.clone(), why.clone()));
                    Err(format!("No credentials found for profile \"{}\": {why}", clean(&ranked.profile.id)))
                }
                (Standing::Waiting { .. }, Ok(_), Some(probe)) if at == 0 => Ok(probe.clone()),
                (standing @ Standing::Waiting { .. }, Ok(_), _) => Err(waits(self.site, standing)),
                (_, Ok(found), _) => match self.fails_before_the_wire(found) {
                    Some(why) => {
                        failed.get_or_insert_with(|| (ranked.profile.id.clone(), why.to_owned()));
                        Err(format!("{why}; the next profile is tried"))
                    }
                    None => Ok(Self::rule(ranking, at)),
                },
            };
            push_found(steps, ranked.profile, found, fate);
        }
        self.push_dead_end(steps, ranking, failed, probe.is_some());
    }

    /// The address of API keys in the configuration takes no login and no token of `openai`: such a profile is passed over
    /// (`selectOpenAIModelRouteAuth`; 2026.9.6).
    fn is_off_route(&self, profile: &Profile) -> bool {
        let base = self.site.provider_value(self.provider(), "baseUrl").and_then(Json::as_str);
        let of_keys = base.is_some_and(|base| crate::agents::common::host_of(base) == "api.openai.com");
        let asks = self.site.rules == Rules::New && self.provider() == "openai";
        asks && of_keys && profile.kind != Kind::ApiKey
    }

    /// A login of `openai` goes to the ChatGPT backend, which wants the account id out of the token; a profile without it
    /// fails, and the next one is tried in the same turn (2026.9.6).
    fn fails_before_the_wire(&self, found: &Found) -> Option<&'static str> {
        let Material::Login(token) = &found.material else { return None };
        let asks = self.site.rules == Rules::New && self.provider() == "openai";
        (asks && !wire::names_account(token)).then_some(wire::NO_ACCOUNT)
    }

    /// Why the profile at `at` leads.
    fn rule(ranking: &Ranking<'_>, at: usize) -> String {
        if ranking.tried.len() > 1 && !ranking.explicit && at == 0 {
            return format!(
                "{}; of several the type decides, then the one not used for longest",
                ranking.rule
            );
        }
        ranking.rule.clone()
    }

    /// Where profiles are in the list and none can go, nothing weaker is tried.
    fn push_dead_end(
        &self,
        steps: &mut Steps,
        ranking: &Ranking<'_>,
        failed: Option<(String, String)>,
        probes: bool,
    ) {
        let (site, provider) = (self.site, self.provider());
        let Some(first) = ranking.tried.first() else {
            if ranking.explicit && site.rules == Rules::New {
                let why = format!("Explicit auth order for {provider} has no usable profiles.");
                steps.push(self.order_offer(why), None);
            }
            return;
        };
        let any_text = ranking.tried.iter().any(|ranked| {
            let found = credential::of_profile(site, ranked.profile).ok();
            let sends = found.is_some_and(|found| self.fails_before_the_wire(&found).is_none());
            ranked.standing == Standing::Ready && sends && !self.is_off_route(ranked.profile)
        });
        let no_route = ranking.tried.iter().all(|ranked| self.is_off_route(ranked.profile));
        let configured = credential::configured(site, self.store, provider);
        let declared = matches!(
            configured,
            Configured::Literal(_) | Configured::Reference(_) | Configured::Marker(_, Some(_))
        );
        if any_text || probes && !no_route || no_route && declared {
            return;
        }
        let why = match failed {
            Some((_, why)) if why == NO_ROUTE => why,
            Some((id, why)) if why == wire::NO_ACCOUNT => {
                format!("{why} (the profile {}); the environment is not a fallback", clean(&id))
            }
            Some((id, why)) => {
                format!(
                    "No credentials found for profile \"{}\": {why}; the environment is not a fallback",
                    clean(&id)
                )
            }
            None => format!(
                "every stored profile of {provider} waits ({}); the environment is not a fallback",
                waits(site, &first.standing)
            ),
        };
        let place = first.profile.place(first.profile.secret_member());
        let offer = Offer::stops(
            Source::AuthProfile,
            place,
            Value::Reference("no profile is usable".to_owned()),
            why,
        );
        steps.push(offer.named(first.profile.id.clone()), None);
    }

    /// Why the first profile is tried although all of them wait, if it is.
    fn probe(&self, ranking: &Ranking<'_>) -> Option<String> {
        match self.site.rules {
            Rules::Old => self.probes_billing(ranking).then(|| PROBE.to_owned()),
            Rules::New => self.probes_passing(ranking),
        }
    }

    /// 2026.3.13 tries a profile that is disabled for billing when no other model is left to fall back to.
    fn probes_billing(&self, ranking: &Ranking<'_>) -> bool {
        let billing = |ranked: &Ranked<'_>| matches!(&ranked.standing, Standing::Waiting { reason, disabled: true, .. } if reason == "billing");
        !self.has_fallbacks && ranking.tried.iter().all(billing)
    }

    /// 2026.9.6 tries the first profile when the reason of all of them, and its own, may have passed; with models to fall
    /// back to, only after a rate limit or near the end of the wait (`model-fallback-cooldown.ts`, `auth-controller.ts`).
    fn probes_passing(&self, ranking: &Ranking<'_>) -> Option<String> {
        const NEAR_MS: i64 = 120_000;
        let (site, store) = (self.site, self.store);
        let all: Vec<&Profile> = ranking.tried.iter().map(|ranked| ranked.profile).collect();
        let reason = order::unavailable(site, store, &all);
        let own = order::unavailable(site, store, all.get(..1)?);
        if !order::may_have_passed(reason) || !order::may_have_passed(own) {
            return None;
        }
        let of_plan = |profile: &&Profile| order::waits_for_a_plan(site, store, profile, self.model.name);
        let soonest = ranking.tried.iter().filter_map(|ranked| match ranked.standing {
            Standing::Waiting { until, .. } => Some(until),
            _ => None,
        });
        let near = soonest.min().is_none_or(|until| site.world.now_ms() >= until - NEAR_MS);
        let limited = reason == "rate_limit" && !all.iter().any(of_plan);
        let tried = !self.has_fallbacks || !self.is_primary || limited || near;
        let words =
            "every profile waits, and OpenClaw tries the first one all the same: the reason may have passed";
        tried.then(|| format!("{words} ({own})"))
    }

    /// An order without any profile.
    fn order_offer(&self, why: String) -> Offer {
        let auth = providers::auth_id(self.site.rules, self.provider());
        let stored = self.store.order(self.site.rules, &auth);
        let (source, place, ids) = stored.map_or_else(
            || {
                let ids = order::configured_order(self.site, &auth).unwrap_or_default();
                (Source::Config, self.site.config.place(&["auth", "order", &auth]), ids)
            },
            |(ids, home)| {
                (Source::AuthProfile, home.place(Pointer::new(["order", auth.as_str()])), ids.clone())
            },
        );
        let shown = if ids.is_empty() { "an empty order".to_owned() } else { clean(&ids.join(", ")) };
        Offer::stops(source, place, Value::Reference(shown), why)
    }

    fn settle(&self, steps: Steps) -> Answer {
        let Steps { chain, materials, .. } = steps;
        let settled = chain.settle();
        let material = settled.active.and_then(|at| materials.get(at)?.clone());
        let outcome = match (&self.store.unknown, material) {
            (Some(why), _) if settled.stopped.is_none() => Outcome::NotKnown { reason: why.clone() },
            (_, Some(material)) => self.sends(material),
            (_, None) => self.nothing(settled.stopped.as_deref()),
        };
        let source = settled.active.map(|at| settled.candidates[at].source);
        let refused = settled.stopped.is_some();
        let outcome = if refused { outcome } else { self.doubt_shell(source, outcome) };
        let mut answer =
            Answer { candidates: settled.candidates, active: settled.active, outcome, lints: Vec::new() };
        lints::of_slot(self, &mut answer);
        answer
    }

    /// A login shell may export what cannot be told from its start-up files.
    fn doubt_shell(&self, source: Option<Source>, outcome: Outcome) -> Outcome {
        let weaker = matches!(source, None | Some(Source::Shell | Source::Config | Source::BuiltIn));
        let vars = self.known().and_then(|known| known.vars(self.site.rules)).unwrap_or_default();
        let unknown = vars.iter().find(|name| self.site.env.shell_unknown.iter().any(|other| other == *name));
        match unknown {
            Some(name) if weaker => Outcome::NotKnown {
                reason: format!(
                    "OpenClaw asks the login shell for {name}, and its start-up files do not say it as a plain text"
                ),
            },
            _ => outcome,
        }
    }

    fn sends(&self, material: Material) -> Outcome {
        if self.site.provider_value(self.provider(), "auth") == Some(&Json::from("aws-sdk")) {
            return Outcome::NotKnown { reason: "how a request is signed for AWS is unknown".to_owned() };
        }
        if let Some(reason) = &self.model.doubt {
            return Outcome::NotKnown { reason: reason.clone() };
        }
        match material {
            Material::Text(key) => wire::request(self.site, &self.model, &key, false),
            Material::Login(key) => wire::request(self.site, &self.model, &key, true),
            Material::Outside(program) => {
                Outcome::Hidden { reason: format!("a program prints the key: {program}") }
            }
            Material::Unknown(reason) => Outcome::NotKnown { reason },
        }
    }

    fn nothing(&self, stopped: Option<&str>) -> Outcome {
        if let Some(why) = stopped {
            return Outcome::Nothing { reason: why.to_owned() };
        }
        let api = wire::api(self.site, &self.model);
        if api == Api::Open {
            return Outcome::Nothing { reason: "this server takes no key".to_owned() };
        }
        if matches!(
            self.provider(),
            "amazon-bedrock" | "amazon-bedrock-mantle" | "google-vertex" | "github-copilot"
        ) {
            let reason = "credentials of the cloud's own tools may be used, which is unknown".to_owned();
            return Outcome::NotKnown { reason };
        }
        if wire::has_overrides(self.site, &self.model) {
            let reason =
                "only a header of the configuration has a key; what then happens is unknown".to_owned();
            return Outcome::NotKnown { reason };
        }
        Outcome::Nothing { reason: format!("No API key found for provider \"{}\".", clean(self.provider())) }
    }
}

const NO_ROUTE: &str = "No route-compatible authentication source is configured for openai: baseUrl is the address of API keys, and the stored profiles are logins";
const PROBE: &str = "disabled for billing, but 2026.3 still tries the first one when nothing else is left";

/// Where a refused configuration is at fault.
fn refused_place(site: &Site<'_>, pointer: &Pointer) -> Place {
    let steps: Vec<&str> = pointer.0.iter().map(String::as_str).collect();
    site.config.place(&steps)
}

/// The key that is at the fault, if there is one.
fn refused_value(site: &Site<'_>, pointer: &Pointer) -> Option<Value> {
    let steps: Vec<&str> = pointer.0.iter().map(String::as_str).collect();
    let name = steps.last().filter(|name| providers::any_variable(name));
    let text = site.config.get(&steps)?.as_str().filter(|_| name.is_some())?;
    sent_text(text).map(Value::Present)
}
