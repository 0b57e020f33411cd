//! Where a new key goes: the active profile first, with the marks of its old failures cleared; never a new
//! `auth-profiles.json` on a version that does not read one.

use serde_json::Value as Json;

use super::credential::{self, Configured};
use super::era::{Era, Rules};
use super::order;
use super::providers::{self, Recognised};
use super::roster::{self, Models};
use super::secret_ref::SecretRef;
use super::slots::model_of;
use super::store::{self, Home, Kind, Profile, Store};
use super::{Site, clean, look};
use crate::agents::Context;
use crate::destination::{Destination, Neighbour, Set, Switch};
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
    with_writer(context, slot, |writer| writer.all(slot))
}

/// The choices that make candidate `n` the one that is sent: a profile is put first or bound, a variable gets a profile
/// that refers to it.
pub(super) fn switch(context: &Context<'_>, slot: &Slot, n: usize) -> Vec<Switch> {
    let Some(candidate) = slot.candidates.get(n) else { return Vec::new() };
    with_writer(context, slot, |writer| writer.choose(candidate))
}

fn with_writer<T>(context: &Context<'_>, slot: &Slot, make: impl FnOnce(&Writer<'_>) -> Vec<T>) -> Vec<T> {
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
    make(&Writer { site: &site, store: &store, agent, provider: &slot.agent_provider, models: &models })
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
            let active = slot.active == Some(at);
            // The place that a reference names comes first: the reference stays, and so does whoever else reads it.
            found.extend(self.at_named_variable(candidate, active || slot.active.is_none()));
            found.extend(self.at_candidate(candidate, active));
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

    /// The line that a reference to a variable names, in the `.env` of the state folder: for a profile's `keyRef` and for
    /// the reference of a provider's entry.
    fn at_named_variable(&self, candidate: &Candidate, leads: bool) -> Option<Destination> {
        let profile = candidate.name.as_deref().and_then(|name| self.store.profile(name));
        let (reference, whose) = match (candidate.source, profile) {
            (Source::AuthProfile, Some(profile)) => {
                let inline = profile.member(profile.secret_member());
                let value = profile.reference().or(inline)?;
                (SecretRef::of(value, self.site.rules)?, clean(&profile.id))
            }
            (Source::Config, _) => {
                let value = self.site.provider_value(self.provider, "apiKey")?;
                (SecretRef::of(value, self.site.rules)?, "the provider's entry".to_owned())
            }
            _ => return None,
        };
        let name = reference.variable()?;
        // A line elsewhere that sets it now is a candidate's place of its own.
        let known = self.site.env.get(name).map(|hit| hit.var.place.clone());
        let place = match known {
            Some(place @ Place::Line { .. }) => place,
            _ => self.env_line(name),
        };
        let mut neighbours = profile.map(|profile| self.clear_health(&profile.id)).unwrap_or_default();
        if let Some(profile) = profile.filter(|_| !leads) {
            neighbours.extend(self.lead(&profile.id));
        }
        let effect = format!("sets {}, to which {whose} refers", clean(name));
        Some(Destination { place, effect, neighbours })
    }

    fn env_line(&self, name: &str) -> Place {
        let file = self.site.install.state.join(".env");
        Place::Line { file, line: None, name: name.to_owned(), dialect: Dialect::NodeDotenv }
    }

    /// The choices that make a candidate the one that is sent.
    fn choose(&self, candidate: &Candidate) -> Vec<Switch> {
        let profile = candidate.name.as_deref().and_then(|name| self.store.profile(name));
        let stored = matches!(candidate.source, Source::AuthProfile | Source::Oauth);
        if let Some(profile) = profile.filter(|_| stored) {
            let mut neighbours = self.clear_health(&profile.id);
            neighbours.extend(self.lead(&profile.id));
            return vec![Switch {
                effect: format!("chooses the profile {}", clean(&profile.id)),
                neighbours,
            }];
        }
        let (Place::Env { name } | Place::Line { name, .. }) = &candidate.place else { return Vec::new() };
        self.referring(name).into_iter().collect()
    }

    /// A new profile that refers to a variable, put first: the key stays where it is set.
    fn referring(&self, name: &str) -> Option<Switch> {
        let auth = providers::auth_id(self.site.rules, self.provider);
        let id = self.free_id(&auth, "env")?;
        let home = self.profile_home()?;
        let at = |member: &str| home.place(Pointer::new(["profiles", id.as_str(), member]));
        let shown = clean(&id);
        let why = format!("{shown} refers to {}; the key itself stays where it is set", clean(name));
        let set = |member: &str, value: Json| Neighbour {
            place: at(member),
            set: Set::Json(value),
            why: why.clone(),
        };
        let reference = serde_json::json!({"source": "env", "provider": "default", "id": name});
        let mut neighbours =
            vec![set("type", "api_key".into()), set("provider", auth.into()), set("keyRef", reference)];
        neighbours.extend(self.lead(&id));
        Some(Switch {
            effect: format!("saves the profile {shown}, which refers to {}, and chooses it", clean(name)),
            neighbours,
        })
    }

    /// An id that no profile has yet.
    fn free_id(&self, auth: &str, name: &str) -> Option<String> {
        let ids =
            (1..10).map(|n| if n == 1 { format!("{auth}:{name}") } else { format!("{auth}:{name}-{n}") });
        if self.store.blocked.is_some() {
            return None;
        }
        ids.into_iter().find(|id| self.store.profile(id).is_none())
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
            neighbours.extend(self.lead(&profile.id));
        }
        let reference = profile.reference().filter(|_| own);
        neighbours.extend(reference.map(|_| {
            let member = if profile.kind == Kind::Token { "tokenRef" } else { "keyRef" };
            let why = format!(
                "{shown} no longer refers to another place; with the reference the key would be dropped"
            );
            Neighbour { place: profile.place(member), set: Set::Remove, why }
        }));
        let referred = reference.and_then(|value| SecretRef::of(value, self.site.rules));
        let effect = match (active, own) {
            (_, true) if reference.is_some() => {
                let called = referred.map_or_else(|| "the reference".to_owned(), |named| named.shown());
                format!("replaces {called} in {shown} by the key itself")
            }
            (true, true) => format!("replaces the key of {shown}, the profile that is sent"),
            (true, false) => format!("replaces the value that {shown} refers to"),
            (false, _) => format!("replaces the key of {shown} and puts this profile first"),
        };
        Some(Destination { place: place.clone(), effect, neighbours })
    }

    /// A profile whose key is written `${NAME}`: the key itself can be there.
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
    fn lead(&self, id: &str) -> Vec<Neighbour> {
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
                set: Set::Json(Json::from(id)),
                why: format!("binds the provider entry to {}", clean(id)),
            }];
        }
        self.put_first(id).into_iter().collect()
    }

    fn put_first(&self, id: &str) -> Option<Neighbour> {
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
        let rest = before.into_iter().filter(|other| other != id);
        let ids: Vec<Json> = std::iter::once(id.to_owned()).chain(rest).map(Json::from).collect();
        Some(Neighbour {
            place: home.place(Pointer::new(["order", auth.as_str()])),
            set: Set::Json(Json::Array(ids)),
            why: format!("puts {} first in the stored order", clean(id)),
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
        let first = format!("{auth}:default");
        let is_first = self.store.profile(&first).is_none();
        let id = if is_first {
            self.store.blocked.is_none().then_some(first)?
        } else {
            self.free_id(&auth, "key")?
        };
        let home = self.profile_home()?;
        let at = |member: &str| home.place(Pointer::new(["profiles", id.as_str(), member]));
        let set = |member: &str, value: &str| Neighbour {
            place: at(member),
            set: Set::Json(Json::from(value)),
            why: format!("a profile needs its {member}"),
        };
        let mut neighbours = vec![set("type", "api_key"), set("provider", &auth)];
        let effect = if is_first {
            format!("saves the new profile {}, which beats the environment", clean(&id))
        } else {
            neighbours.extend(self.lead(&id));
            format!("saves the new profile {} and chooses it; the other profiles keep their keys", clean(&id))
        };
        Some(Destination { place: at("key"), effect, neighbours })
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
        Some(plain_destination(
            self.env_line(name),
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

/// The same spot, whatever line it is on.
fn same_place(a: &Place, b: &Place) -> bool {
    match (a, b) {
        (Place::Line { file, name, .. }, Place::Line { file: other, name: wanted, .. }) => {
            file == other && name == wanted
        }
        _ => a == b,
    }
}
