//! Where a new key for Codex can be written.

use serde_json::json;

use crate::agents::Context;
use crate::agents::common::Doc;
use crate::agents::engine;
use crate::destination::{Destination, Neighbour, Set, Switch};
use crate::resolve::Slot;
use crate::source::{Place, Source, Value};
use crate::world::{KeyringState, World};

use super::account::{self, Store};
use super::config::{Config, OPENAI, Refusal};
use super::environment::{Environment, is_reserved};
use super::{Codex, Query};

/// The places for a new key, best first: where the present one is, then the one that Codex's own login writes, or
/// `~/.codex/.env` for a provider that names a variable.
pub fn of(codex: &Codex<'_>, query: &Query<'_>, slot: &Slot) -> Vec<Destination> {
    let Query { config, provider, .. } = query;
    let stored = slot.active_candidate().filter(|active| is_key(active.source, &active.place));
    let replacing = stored
        .map(|active| Destination { neighbours: neighbours(&active.place), ..engine::replacing(active) });
    let mut all: Vec<Destination> = replacing.into_iter().collect();
    let asks =
        config.at(&["model_providers", provider, "requires_openai_auth"]).is_some_and(|flag| flag == true);
    let other = match config.text(&["model_providers", provider, "env_key"]) {
        Some(name) if !is_reserved(name) => Some(in_dotenv(&codex.environment, name)),
        _ if provider == OPENAI || asks => in_store(codex.world, config),
        None => in_provider(config, provider),
        Some(_) => None,
    };
    all.extend(other.filter(|other| all.iter().all(|one| one.place != other.place)));
    all
}

/// The account's own choice: `auth_mode` says whether the key or the ChatGPT login beside it is used. For a setting with
/// which Codex does not start: what it becomes.
pub fn switch(context: &Context<'_>, slot: &Slot, n: usize) -> Vec<Switch> {
    if slot.candidates.get(n).is_some_and(|one| matches!(one.value, Value::Unreadable(_))) {
        return correction(context.world, slot, n).into_iter().collect();
    }
    let Some(Place::Field { pointer, .. } | Place::KeyringField { pointer, .. }) =
        slot.candidates.get(n).map(|candidate| &candidate.place)
    else {
        return Vec::new();
    };
    let (mode, effect) = match pointer.0.first().map(String::as_str) {
        Some("tokens") => ("chatgpt", "auth_mode chooses the ChatGPT login"),
        Some("OPENAI_API_KEY") => ("apikey", "auth_mode chooses the key"),
        _ => return Vec::new(),
    };
    let place = with_pointer(&slot.candidates[n].place, crate::source::Pointer::new(["auth_mode"]));
    let neighbour = |place| Neighbour { place, set: Set::Json(json!(mode)), why: effect.to_owned() };
    place
        .map(|place| Switch { effect: effect.to_owned(), neighbours: vec![neighbour(place)] })
        .into_iter()
        .collect()
}

fn correction(world: &dyn World, slot: &Slot, n: usize) -> Option<Switch> {
    let codex = Codex::read(world);
    let config = codex.configs.iter().find(|config| config.profile == slot.profile)?;
    let Refusal { at, right, why, .. } = config.refusal()?.clone();
    let (place, (set, effect)) = (at?, right?);
    let neighbour = Neighbour { place, set, why };
    (slot.candidates[n].place == neighbour.place).then(|| Switch { effect, neighbours: vec![neighbour] })
}

/// Another field of the same document.
fn with_pointer(place: &Place, pointer: crate::source::Pointer) -> Option<Place> {
    match place {
        Place::Field { file, format, .. } => {
            Some(Place::Field { file: file.clone(), format: *format, pointer })
        }
        Place::KeyringField { service, user, .. } => {
            Some(Place::KeyringField { service: service.clone(), user: user.clone(), pointer })
        }
        _ => None,
    }
}

/// A place that holds a bare key which the editor can replace.
fn is_key(source: Source, place: &Place) -> bool {
    let token = matches!(place,
        Place::Field { pointer, .. } | Place::KeyringField { pointer, .. }
            if pointer.0.first().is_some_and(|step| step == "tokens"));
    let key = matches!(source, Source::Config | Source::Dotenv | Source::AuthFile | Source::Keyring);
    key && !token && !matches!(place, Place::Keyring { .. })
}

/// A provider's own table, where nothing there names a key yet. A command that gives the key, and AWS' own chain, stay the
/// ones to change.
fn in_provider(config: &Config, provider: &str) -> Option<Destination> {
    let table = ["model_providers", provider];
    let other_ways = ["auth", "aws"];
    if other_ways.iter().any(|way| config.at(&[table[0], table[1], way]).is_some()) {
        return None;
    }
    let Place::Field { file, format, pointer } = config.place(&table)? else { return None };
    Some(Destination {
        place: Place::Field { file, format, pointer: pointer.join("experimental_bearer_token") },
        effect: "gives this provider its own key in the configuration".to_owned(),
        neighbours: Vec::new(),
    })
}

fn in_dotenv(environment: &Environment, name: &str) -> Destination {
    let line = environment.in_file(name).map(|assignment| assignment.line);
    Destination {
        place: environment.place(name, line),
        effect: format!("sets {name} in ~/.codex/.env, which beats the one in the shell"),
        neighbours: Vec::new(),
    }
}

/// The account store, as `codex login --with-api-key` writes it.
fn in_store(world: &dyn World, config: &Config) -> Option<Destination> {
    if config.text(&["forced_login_method"]) == Some("chatgpt") {
        return None;
    }
    let user = account::keyring_user(world, config);
    let keyring = world.keyring(account::SERVICE, &user);
    let place = match (account::store(config), keyring) {
        (Store::Keyring | Store::Auto, KeyringState::Present(_))
        | (Store::Keyring, KeyringState::Missing) => Place::KeyringField {
            service: account::SERVICE.to_owned(),
            user,
            pointer: crate::source::Pointer::new(["OPENAI_API_KEY"]),
        },
        (Store::File | Store::Auto, _) => {
            let file = Doc::json(world, config.home.join("auth.json"));
            file.trouble.is_none().then(|| file.place(&["OPENAI_API_KEY"]))?
        }
        (Store::Keyring | Store::Memory | Store::Other, _) => return None,
    };
    Some(Destination {
        neighbours: neighbours(&place),
        place,
        effect: "signs Codex in with this key instead of a ChatGPT login".to_owned(),
    })
}

/// An account's key is used only with the matching `auth_mode`.
fn neighbours(place: &Place) -> Vec<Neighbour> {
    let is_key = matches!(place,
        Place::Field { pointer, .. } | Place::KeyringField { pointer, .. } if pointer.0 == ["OPENAI_API_KEY"]);
    let place = with_pointer(place, crate::source::Pointer::new(["auth_mode"])).filter(|_| is_key);
    let why = "auth_mode says that the key is used, not the login beside it".to_owned();
    place
        .into_iter()
        .map(|place| Neighbour { place, set: Set::Json(json!("apikey")), why: why.clone() })
        .collect()
}
