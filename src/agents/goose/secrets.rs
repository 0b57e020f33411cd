//! Goose's secrets: the environment, then the keyring or the secrets file, never both.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::resolve::Offer;
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{KeyringState, World};

use super::settings::{Settings, parse_env};

/// The one keyring entry.
pub const SERVICE: &str = "goose";
/// Its user name.
pub const USER: &str = "secrets";

/// Where secrets are stored on this machine.
pub enum Store {
    /// The keyring answers; its entry, empty where there is none.
    Keyring(Doc),
    /// The keyring is switched off.
    Off,
    /// The keyring does not answer.
    Absent,
    /// The keyring is locked.
    Locked,
}

/// All places of secrets.
pub struct Secrets {
    /// Where they are stored.
    pub store: Store,
    /// `secrets.yaml`.
    pub file: Doc,
}

/// What a secret comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A text, possibly empty.
    Text(Secret),
    /// A number, boolean or list: Goose takes texts only, and stops.
    NotText,
    /// It is nowhere.
    Missing,
    /// It cannot be read here; why.
    Hidden(String),
}

impl Secrets {
    /// Reads them.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let file = Doc::yaml(world, settings.folder.join("secrets.yaml"));
        // Its presence counts, whatever it says.
        let off = settings.get(world, "GOOSE_DISABLE_KEYRING").is_some();
        let store = if off {
            Store::Off
        } else {
            match world.keyring(SERVICE, USER) {
                KeyringState::Present(text) => Store::Keyring(Doc::in_keyring(SERVICE, USER, &text)),
                KeyringState::Missing => Store::Keyring(Doc::none("")),
                KeyringState::Absent(_) => Store::Absent,
                KeyringState::Locked | KeyringState::TimedOut => Store::Locked,
            }
        };
        Self { store, file }
    }

    /// Whether the secrets file is read.
    pub fn reads_file(&self) -> bool {
        matches!(self.store, Store::Off | Store::Absent)
    }

    /// The text that the store holds under `name`.
    pub fn stored(&self, name: &str) -> Option<&str> {
        match &self.store {
            Store::Keyring(doc) => doc.text(&[name]),
            Store::Off | Store::Absent => self.file.text(&[name]),
            Store::Locked => None,
        }
    }

    /// The candidates for `name` in Goose's order, and what it comes to.
    pub fn get(&self, world: &dyn World, settings: &Settings, name: &str) -> (Found, Vec<Offer>) {
        let mut offers = Vec::new();
        let mut found = from_env(world, name, &mut offers);
        let stored = match &self.store {
            Store::Keyring(doc) => from_store(doc, name, Source::Keyring, "the keyring's entry", &mut offers),
            Store::Locked => {
                let place = Place::Keyring { service: SERVICE.to_owned(), user: USER.to_owned() };
                offers.push(Offer::usable(Source::Keyring, place, Value::Sealed, "the keyring is locked"));
                Some(Found::Hidden("the keyring is locked; what Goose does then is not on record".to_owned()))
            }
            Store::Off | Store::Absent => None,
        };
        found = found.or(stored);
        let in_file = self.in_file(name, &mut offers);
        found = found.or(in_file);
        offers.extend(settings.files_with(name).map(|doc| {
            let value = Value::of(doc.text(&[name]));
            Offer::ignored(
                Source::Config,
                doc.place(&[name]),
                value,
                "Goose does not read secrets from config.yaml",
            )
        }));
        (found.unwrap_or(Found::Missing), offers)
    }

    fn in_file(&self, name: &str, offers: &mut Vec<Offer>) -> Option<Found> {
        if self.reads_file() {
            let why = match &self.store {
                Store::Absent => "no keyring answers here, so that secrets.yaml is read",
                _ => "the keyring is switched off, so that secrets.yaml is read",
            };
            return from_store(&self.file, name, Source::AuthFile, why, offers);
        }
        let text = self.file.text(&[name])?;
        let why = "the keyring answers, so that secrets.yaml is not read";
        offers.push(Offer::ignored(Source::AuthFile, self.file.place(&[name]), Value::of(Some(text)), why));
        None
    }
}

fn from_env(world: &dyn World, name: &str, offers: &mut Vec<Offer>) -> Option<Found> {
    let text = world.var(name)?;
    let place = common::env_place(name);
    let Json::String(parsed) = parse_env(text) else {
        let why = "Goose reads it as a number or a list, not as a key, and stops";
        offers.push(Offer::stops(Source::Env, place, Value::of(Some(text)), why));
        return Some(Found::NotText);
    };
    let key = Secret::new(parsed);
    let why = "the environment comes first, also where it is empty";
    offers.push(Offer::usable(Source::Env, place, Value::Present(key.clone()), why));
    Some(Found::Text(key))
}

fn from_store(doc: &Doc, name: &str, source: Source, why: &str, offers: &mut Vec<Offer>) -> Option<Found> {
    let place = doc.place(&[name]);
    match doc.at(&[name])? {
        Json::String(text) => {
            offers.push(Offer::usable(source, place, Value::of(Some(text.as_str())), why));
            Some(Found::Text(Secret::new(text)))
        }
        other => {
            let why = "it is a number or a list, not a text in quotes, and Goose stops";
            offers.push(Offer::stops(source, place, Value::of(Some(other.to_string())), why));
            Some(Found::NotText)
        }
    }
}
