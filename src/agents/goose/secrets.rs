//! Goose's secrets: the environment, then the keyring or the secrets file, never both.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::resolve::{Gives, Offer};
use crate::secret::Secret;
use crate::source::{Place, Pointer, Source, Value};
use crate::world::{KeyringState, World};

use super::settings::{Settings, parse_env};

/// The one keyring entry.
const SERVICE: &str = "goose";
/// Its user name.
const USER: &str = "secrets";

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

impl Secrets {
    /// Reads them.
    pub fn read(world: &dyn World, settings: &Settings) -> Self {
        let file = Doc::yaml(world, settings.folder.join("secrets.yaml"));
        // Its presence alone matters, whatever it says.
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

    /// The text that the store holds under `name`.
    pub fn stored(&self, name: &str) -> Option<&str> {
        match &self.store {
            Store::Keyring(doc) => doc.text(&[name]),
            Store::Off | Store::Absent => self.file.text(&[name]),
            Store::Locked => None,
        }
    }

    /// What the store holds under `name`, and a secrets file that is not read.
    pub fn offers(&self, name: &str) -> Vec<Offer> {
        let file = |why| in_store(&self.file, name, Source::AuthFile, why);
        let stored = match &self.store {
            Store::Off => {
                return file("the keyring is switched off, so that secrets.yaml is read")
                    .into_iter()
                    .collect();
            }
            Store::Absent => {
                return file("no keyring answers here, so that secrets.yaml is read").into_iter().collect();
            }
            Store::Keyring(doc) => in_store(doc, name, Source::Keyring, "the keyring's entry"),
            Store::Locked => {
                let place = Place::Keyring { service: SERVICE.to_owned(), user: USER.to_owned() };
                let reason = "the keyring is locked; what Goose does then is unknown".to_owned();
                let offer = Offer::usable(Source::Keyring, place, Value::Sealed, "the keyring is locked");
                Some(offer.gives(Gives::Unknown(reason)))
            }
        };
        let unread = self.file.text(&[name]).map(|text| {
            let why = "the keyring answers, so that secrets.yaml is not read";
            Offer::ignored(Source::AuthFile, self.file.place(&[name]), Value::of(Some(text)), why)
        });
        stored.into_iter().chain(unread).collect()
    }

    /// Where a new secret is stored on this machine.
    pub fn place(&self, name: &str) -> Option<Place> {
        let (service, user) = (SERVICE.to_owned(), USER.to_owned());
        match &self.store {
            _ if name.is_empty() => None,
            Store::Keyring(_) => Some(Place::KeyringField { service, user, pointer: Pointer::new([name]) }),
            Store::Off | Store::Absent => self.file.trouble.is_none().then(|| self.file.place(&[name])),
            Store::Locked => None,
        }
    }
}

/// The variable, through Goose's parser.
pub fn in_env(world: &dyn World, name: &str) -> Option<Offer> {
    let text = world.var(name)?;
    let place = common::env_place(name);
    let Json::String(parsed) = parse_env(text) else {
        let why = "Goose reads it as a number or a list, not as a key, and stops";
        return Some(not_text(Offer::stops(Source::Env, place, Value::of(Some(text)), why)));
    };
    let why = "the environment comes first, also where it is empty";
    Some(Offer::usable(Source::Env, place, Value::Present(Secret::new(parsed)), why))
}

fn in_store(doc: &Doc, name: &str, source: Source, why: &str) -> Option<Offer> {
    let place = doc.place(&[name]);
    Some(match doc.at(&[name])? {
        Json::String(text) => Offer::usable(source, place, Value::of(Some(text.as_str())), why),
        other => {
            let why = "it is a number or a list, not a text in quotes, and Goose stops";
            not_text(Offer::stops(source, place, Value::of(Some(other.to_string())), why))
        }
    })
}

fn not_text(offer: Offer) -> Offer {
    offer.gives(Gives::Stops(super::NO_KEY.to_owned()))
}
