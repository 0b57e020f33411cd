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
use super::store::Store;
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
        if let Configured::Broken(why) = credential::configured(site, self.store, self.provider()) {
            let why = format!(
                "the configured SecretRef cannot be resolved ({why}); the command stops before any request"
            );
            let place = site.provider_place(self.provider(), "apiKey");
            let value = Value::Reference("a SecretRef".to_owned());
            steps.push(Offer::stops(Source::Config, place, value, why), None);
        }
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
        let probes = !ranking.has_ready() && self.probes_billing(ranking);
        let mut unresolved = None;
        for (at, ranked) in ranking.tried.iter().enumerate() {
            let found = credential::of_profile(self.site, ranked.profile);
            let fate = match (&ranked.standing, &found) {
                (_, Err(why)) => {
                    unresolved.get_or_insert_with(|| (ranked.profile.id.clone(), why.clone()));
                    Err(format!("No credentials found for profile \"{}\": {why}", clean(&ranked.profile.id)))
                }
                (standing @ Standing::Waiting { .. }, Ok(_)) if !(probes && at == 0) => {
                    Err(waits(self.site, standing))
                }
                (Standing::Waiting { .. }, Ok(_)) => Ok(PROBE.to_owned()),
                _ => Ok(Self::rule(ranking, at)),
            };
            // What 2026.9.6 does when one of several references leads nowhere is unknown.
            let doubt = unresolved.is_some() && self.site.rules == Rules::New && found.is_ok();
            let found =
                found.map(|found| if doubt { Found { material: not_on_record(), ..found } } else { found });
            push_found(steps, ranked.profile, found, fate);
        }
        self.push_dead_end(steps, ranking, unresolved, probes);
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
        unresolved: Option<(String, String)>,
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
            ranked.standing == Standing::Ready && credential::of_profile(site, ranked.profile).is_ok()
        });
        if any_text || probes {
            return;
        }
        let why = match unresolved {
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

    /// 2026.3.13 tries a profile that is disabled for billing when no other model is left to fall back to.
    fn probes_billing(&self, ranking: &Ranking<'_>) -> bool {
        let billing = |ranked: &Ranked<'_>| matches!(&ranked.standing, Standing::Waiting { reason, disabled: true, .. } if reason == "billing");
        self.site.rules == Rules::Old && !self.has_fallbacks && ranking.tried.iter().all(billing)
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

const PROBE: &str = "disabled for billing, but 2026.3 still tries the first one when nothing else is left";

fn not_on_record() -> Material {
    Material::Unknown(
        "what happens when one of several stored references leads nowhere is unknown".to_owned(),
    )
}

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
