//! Where a new key goes: the active profile first, with the marks of its old failures cleared; never a new
//! `auth-profiles.json` on a version that does not read one.

use serde_json::Value as Json;

use super::credential::{self, Configured};
use super::era::{Era, Rules};
use super::order;
use super::providers::{self, Recognised};
use super::roster::{self, Models};
use super::slots::model_of;
use super::store::{self, Home, Kind, Profile, Store};
use super::{Site, clean, look};
use crate::agents::Context;
use crate::plan::{Destination, Neighbour, Set};
use crate::resolve::{Candidate, Slot};
use crate::source::{Cell, Dialect, Place, Pointer, Source};

/// The members of a health record that keep a profile from being used.
const HEALTH: &[&str] = &[
    "cooldownUntil",
    "cooldownReason",
    "cooldownModel",
    "cooldownClassification",
    "disabledUntil",
    "disabledReason",
    "blockedUntil",
    "blockedReason",
    "blockedSource",
    "blockedModel",
    "blockedScope",
    "failureCounts",
    "errorCount",
];

/// The places for a new key of `slot`, best first.
pub(super) fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let (name, agent) =
        slot.profile.split_once('/').map_or((None, slot.profile.as_str()), |(n, a)| (Some(n), a));
    let all = look(world);
    let Some(found) = all.iter().find(|found| found.install.name.as_deref() == name) else {
        return Vec::new();
    };
    let Some(case) = found.generation.cases.first() else { return Vec::new() };
    let site = Site::new(world, &found.install, &found.config, *case);
    let store = store::load(&site, agent);
    let models = roster::models(&found.config, agent);
    let writer =
        Writer { site: &site, store: &store, agent, provider: &slot.agent_provider, models: &models };
    writer.all(slot)
}

struct Writer<'a> {
    site: &'a Site<'a>,
    store: &'a Store,
    agent: &'a str,
    provider: &'a str,
    models: &'a Models,
}

impl Writer<'_> {
    fn all(&self, slot: &Slot) -> Vec<Destination> {
        let mut found: Vec<Destination> = Vec::new();
        let active = slot.active.into_iter();
        let order = active.chain((0..slot.candidates.len()).filter(|at| Some(*at) != slot.active));
        for at in order {
            let candidate = &slot.candidates[at];
            found.extend(self.at_candidate(candidate, slot.active == Some(at)));
        }
        let made = [self.new_profile(), self.provider_entry(), self.new_line()];
        for destination in made.into_iter().flatten() {
            if !found.iter().any(|other| same_place(&other.place, &destination.place)) {
                found.push(destination);
            }
        }
        found
    }

    /// The place of a candidate, where keymend can write and a key belongs there.
    fn at_candidate(&self, candidate: &Candidate, active: bool) -> Option<Destination> {
        match (candidate.source, &candidate.place) {
            (Source::AuthProfile, Place::Env { .. }) => self.at_reference(candidate),
            (_, Place::Env { .. } | Place::BuiltIn { .. } | Place::Command { .. } | Place::Sealed { .. }) => {
                None
            }
            (Source::Oauth | Source::AuthFile, _) => None,
            (Source::AuthProfile, place) => self.at_profile(candidate, place, active),
            (Source::Config, place) if self.is_generated(place) => None,
            (Source::Config, place) => Some(self.at_config(place, active)),
            (_, place) => Some(plain(place, effect_of_source(candidate.source, active))),
        }
    }

    /// The agent's `models.json` is generated; a key there has no effect.
    fn is_generated(&self, place: &Place) -> bool {
        place.file().is_some_and(|file| file == self.site.agent_dir(self.agent).join("models.json"))
    }

    fn at_profile(&self, candidate: &Candidate, place: &Place, active: bool) -> Option<Destination> {
        let profile = self.store.profile(candidate.name.as_deref()?)?;
        let own = profile.place(profile.secret_member()) == *place;
        if profile.kind == Kind::Oauth {
            return None;
        }
        let shown = clean(&profile.id);
        let mut neighbours = self.clear_health(&profile.id);
        if own {
            neighbours.extend(self.copies(profile));
        }
        if !active {
            neighbours.extend(self.lead(profile));
        }
        let effect = match (active, own) {
            (true, true) => format!("replaces the key of {shown}, the profile that is sent"),
            (true, false) => format!("replaces the value that {shown} refers to"),
            (false, _) => format!("replaces the key of {shown} and puts this profile first"),
        };
        Some(Destination { place: place.clone(), effect, neighbours })
    }

    /// A profile whose key is written `${NAME}`: the key itself can stand there.
    fn at_reference(&self, candidate: &Candidate) -> Option<Destination> {
        let profile = self.store.profile(candidate.name.as_deref()?)?;
        let member = profile.secret_member();
        let refers = profile.member(member)?.as_str()?.trim_start().starts_with("${");
        if !refers || profile.kind == Kind::Oauth || profile.reference().is_some() {
            return None;
        }
        Some(Destination {
            place: profile.place(member),
            effect: format!("replaces the reference in {} by the key itself", clean(&profile.id)),
            neighbours: self.clear_health(&profile.id),
        })
    }

    /// Takes away the marks of earlier failures; with them the new key would not be tried.
    fn clear_health(&self, id: &str) -> Vec<Neighbour> {
        let Some(health) = self.store.health.get(id) else { return Vec::new() };
        let marks = HEALTH.iter().filter(|member| health.record.contains_key(**member));
        marks
            .map(|member| Neighbour {
                place: health.home.place(Pointer::new(["usageStats", id, member])),
                set: Set::Remove,
                why: format!("clears {member} of {}, which belongs to the old key", clean(id)),
            })
            .collect()
    }

    /// The same profile with the same key in the stores of other agents.
    fn copies(&self, profile: &Profile) -> Vec<Neighbour> {
        let key = profile.member(profile.secret_member());
        let stores =
            roster::with_stores(self.site).into_iter().map(|agent| (store::load(self.site, &agent), agent));
        let mut found: Vec<Neighbour> = Vec::new();
        for (store, agent) in stores {
            let Some(copy) = store.profile(&profile.id).filter(|copy| copy.home != profile.home) else {
                continue;
            };
            let place = copy.place(copy.secret_member());
            let known = found.iter().any(|other| other.place == place);
            if !known && key.is_some() && copy.member(copy.secret_member()) == key {
                let why =
                    format!("agent {} keeps its own copy of this profile with the same key", clean(&agent));
                found.push(Neighbour { place, set: Set::Key, why });
            }
        }
        found
    }

    /// Makes a profile the one that is sent: by the binding where the provider entry decides, else by the order.
    fn lead(&self, profile: &Profile) -> Vec<Neighbour> {
        let configured = credential::configured(self.site, self.store, self.provider);
        let entry_decides = matches!(
            configured,
            Configured::Binding(_)
                | Configured::Reference(_)
                | Configured::Broken(_)
                | Configured::Marker(_, Some(_))
        );
        if self.site.rules == Rules::New && entry_decides {
            return vec![Neighbour {
                place: self.site.provider_place(self.provider, "apiKey"),
                set: Set::Json(Json::from(profile.id.as_str())),
                why: format!("binds the provider entry to {}", clean(&profile.id)),
            }];
        }
        self.put_first(profile).into_iter().collect()
    }

    fn put_first(&self, profile: &Profile) -> Option<Neighbour> {
        let auth = providers::auth_id(self.site.rules, self.provider);
        let stored = self.store.order(self.site.rules, &auth).cloned();
        let home = stored.as_ref().map(|(_, home)| home.clone()).or_else(|| self.store.state_home.clone())?;
        let model = model_of(self.provider, self.models, self.site.rules);
        let asked = order::Asked { provider: self.provider, model: model.name };
        let ranking = order::rank(self.site, self.store, asked);
        let before: Vec<String> = match stored {
            Some((ids, _)) => ids,
            None => ranking.tried.iter().map(|ranked| ranked.profile.id.clone()).collect(),
        };
        let rest = before.into_iter().filter(|id| *id != profile.id);
        let ids: Vec<Json> = std::iter::once(profile.id.clone()).chain(rest).map(Json::from).collect();
        Some(Neighbour {
            place: home.place(Pointer::new(["order", auth.as_str()])),
            set: Set::Json(Json::Array(ids)),
            why: format!("puts {} first in the stored order", clean(&profile.id)),
        })
    }

    /// A key in the configuration. `auth: "api-key"` lets it win in 2026.9.6.
    fn at_config(&self, place: &Place, active: bool) -> Destination {
        let inline = format!("inline-api-key:{}", self.provider);
        let mut neighbours = self.clear_health(&inline);
        let is_entry = *place == self.site.provider_place(self.provider, "apiKey");
        if !active && is_entry && self.site.rules == Rules::New {
            neighbours.push(Neighbour {
                place: self.site.provider_place(self.provider, "auth"),
                set: Set::Json(Json::from("api-key")),
                why: "auth: \"api-key\" lets the configured key beat profiles and environment".to_owned(),
            });
        }
        let effect = match (active, is_entry) {
            (true, _) => "replaces the configured key that is sent",
            (false, true) => "replaces the configured key",
            (false, false) => "replaces the value in the configuration",
        };
        Destination { place: place.clone(), effect: effect.to_owned(), neighbours }
    }

    /// A profile that is not there yet: in the shared store, the agent's database or the JSON of the older versions.
    fn new_profile(&self) -> Option<Destination> {
        let auth = providers::auth_id(self.site.rules, self.provider);
        let id = format!("{auth}:default");
        if self.store.profile(&id).is_some() || self.store.blocked.is_some() {
            return None;
        }
        let home = self.profile_home()?;
        let at = |member: &str| home.place(Pointer::new(["profiles", id.as_str(), member]));
        let set = |member: &str, value: &str| Neighbour {
            place: at(member),
            set: Set::Json(Json::from(value)),
            why: format!("a profile needs its {member}"),
        };
        Some(Destination {
            place: at("key"),
            effect: format!("saves the new profile {}, which beats the environment", clean(&id)),
            neighbours: vec![set("type", "api_key"), set("provider", &auth)],
        })
    }

    /// Where a new profile goes. An `auth-profiles.json` is only made where this version reads one.
    fn profile_home(&self) -> Option<Home> {
        if let Some(profile) = self.store.profiles.first() {
            return Some(profile.home.clone());
        }
        match (self.site.era, self.store.state_home.as_ref()?) {
            (Era::A | Era::B, _) => {
                Some(Home::File(self.site.agent_dir(self.agent).join("auth-profiles.json")))
            }
            (Era::C | Era::D, Home::Cell(cell)) => Some(Home::Cell(beside(cell))),
            (Era::C | Era::D, Home::File(_)) => None,
        }
    }

    /// The provider's entry in the configuration, where there is one without a key.
    fn provider_entry(&self) -> Option<Destination> {
        self.site.provider_key(self.provider)?;
        if self.site.provider_value(self.provider, "apiKey").is_some() {
            return None;
        }
        Some(self.at_config(&self.site.provider_place(self.provider, "apiKey"), false))
    }

    /// A line in the `.env` of the state folder.
    fn new_line(&self) -> Option<Destination> {
        let known = providers::find(self.provider)?;
        if self.site.plugins.recognise(self.site.rules, known) != Recognised::Yes {
            return None;
        }
        let vars = known.vars(self.site.rules)?;
        let plain = |name: &&&str| {
            known.vars(Rules::Old).is_none_or(|old| old.contains(name)) && !name.contains("OAUTH")
        };
        let name = vars.iter().find(plain).or_else(|| vars.first())?;
        let file = self.site.install.state.join(".env");
        let place = Place::Line { file, line: None, name: (*name).to_owned(), dialect: Dialect::NodeDotenv };
        Some(plain_destination(
            place,
            "read where neither a profile nor a variable of the process is there".to_owned(),
        ))
    }
}

/// The cell with the profiles that belong to a state cell.
fn beside(state: &Cell) -> Cell {
    match state.table {
        "auth_profile_state" => Cell {
            table: "auth_profile_store",
            key_column: "store_key",
            value_column: "store_json",
            ..state.clone()
        },
        _ => Cell { key: "authProfiles.store".to_owned(), ..state.clone() },
    }
}

fn plain(place: &Place, effect: String) -> Destination {
    plain_destination(place.clone(), effect)
}

const fn plain_destination(place: Place, effect: String) -> Destination {
    Destination { place, effect, neighbours: Vec::new() }
}

fn effect_of_source(source: Source, active: bool) -> String {
    let what = match source {
        Source::SecretStore => "the secret in OpenClaw's own store",
        Source::SecretFile => "the secret in its file",
        Source::Systemd => "the value in the service definition",
        Source::Shell => "the assignment in the shell's start-up file",
        _ => "the variable in this file",
    };
    if active {
        format!("replaces {what}, which is sent")
    } else {
        format!("replaces {what}; something else wins over it")
    }
}

/// The same spot, whatever line it stands on.
fn same_place(a: &Place, b: &Place) -> bool {
    match (a, b) {
        (Place::Line { file, name, .. }, Place::Line { file: other, name: wanted, .. }) => {
            file == other && name == wanted
        }
        _ => a == b,
    }
}
