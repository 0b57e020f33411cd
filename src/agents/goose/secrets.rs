//! Goose's secrets: the environment, then the keyring or the secrets file, never both.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::resolve::{Gives, Offer};
use crate::secret::Secret;
use crate::source::{Place, Pointer, Source, Value};
use crate::world::{KeyringState, World};

use super::catalogue::Takes;
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

    /// The secret `name` as a text: the environment's, else the store's.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        match world.var(&name.to_uppercase()) {
            Some(text) => parse_env(text).as_str().map(str::to_owned),
            None => self.stored(name).map(str::to_owned),
        }
    }

    /// What the store holds under `name`, and a secrets file that is not read.
    pub fn offers(&self, name: &str, takes: Takes) -> Vec<Offer> {
        let file = |why| in_store(&self.file, name, Source::AuthFile, takes, why);
        let stored = match &self.store {
            Store::Off => {
                return file("the keyring is switched off, so that secrets.yaml is read")
                    .into_iter()
                    .collect();
            }
            Store::Absent => {
                return file("no keyring answers here, so that secrets.yaml is read").into_iter().collect();
            }
            Store::Keyring(doc) => in_store(doc, name, Source::Keyring, takes, "the keyring's entry"),
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

/// The variable, through Goose's parser where it is not fetched with its companions (`get_secrets` in
/// `crates/goose/src/config/base.rs`).
pub fn in_env(world: &dyn World, name: &str, takes: Takes) -> Option<Offer> {
    let name = name.to_uppercase();
    let text = world.var(&name)?;
    let read = match takes {
        Takes::WithHeaders(_) => Json::String(text.to_owned()),
        Takes::AwsBearer => match parse_env(text) {
            Json::String(text) => Json::String(text.trim().to_owned()),
            other => other,
        },
        _ => parse_env(text),
    };
    let why = "the environment comes first, also where it is empty";
    Some(given((Source::Env, common::env_place(&name)), &name, &read, text, takes, why))
}

fn in_store(doc: &Doc, name: &str, source: Source, takes: Takes, why: &str) -> Option<Offer> {
    let value = doc.at(&[name])?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let offer = given((source, doc.place(&[name])), name, value, &text, takes, why);
    let unknown = "what Goose does with a stored bearer of Amazon Bedrock is unknown";
    Some(if takes == Takes::AwsBearer { offer.gives(Gives::Unknown(unknown.to_owned())) } else { offer })
}

/// A place that holds `text` under `name`, which Goose reads as `value`.
fn given(
    (source, place): (Source, Place),
    name: &str,
    value: &Json,
    text: &str,
    takes: Takes,
    why: &str,
) -> Offer {
    let name = common::printable(name);
    let Json::String(read) = value else {
        let is = "a number or a list, not a text in quotes";
        let value = Value::of(Some(text));
        return match takes {
            Takes::WithHeaders(_) => Offer::stops(source, place, value, format!("it is {is}"))
                .gives(Gives::NoKey(format!("{name} is {is}, and the request carries no key"))),
            Takes::KeyOrLogin(_) | Takes::FullKeyOrLogin(_) => {
                Offer::ignored(source, place, value, format!("it is {is}"))
            }
            _ => Offer::stops(source, place, value, format!("it is {is}, and Goose stops"))
                .gives(Gives::Stops(super::NO_KEY.to_owned())),
        };
    };
    let value = Value::Present(Secret::new(read.as_str()));
    match takes {
        Takes::Nothing(reason) => Offer::ignored(source, place, value, reason),
        Takes::WithHeaders(_) | Takes::KeyOrEmpty if read.is_empty() => {
            Offer::stops(source, place, value, "it is empty, and nothing else is asked")
                .gives(Gives::NoKey(format!("{name} is empty, and the request carries no key")))
        }
        Takes::FullKeyOrLogin(_) | Takes::AwsBearer if read.is_empty() => {
            Offer::ignored(source, place, value, "it is empty")
        }
        Takes::Exchanged(how) => {
            Offer::usable(source, place, value, why).gives(Gives::Hidden(how.to_owned()))
        }
        _ => Offer::usable(source, place, value, why),
    }
}
