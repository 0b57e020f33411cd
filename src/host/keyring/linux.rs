//! The Secret Service over D-Bus.
//!
//! Entries are made as the `keyring` crates of Rust and Python make them (`service` and `username`, in the default
//! collection), so that the agents written with those find them:
//! <https://docs.rs/zbus-secret-service-keyring-store>, "Attributes".

use std::collections::HashMap;

use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error};
use zbus::blocking::{Connection, connection::Builder, fdo::DBusProxy};

use super::{Bus, KeyringError, KeyringState, Secret};

const SERVICE_NAME: &str = "org.freedesktop.secrets";
/// Rust's and Python's keyring name the user `username`, libsecret's node binding `account`.
const USER_ATTRIBUTES: [&str; 2] = [CRATES_ATTRIBUTE, "account"];
/// What the `keyring` crates know an entry by, and what a new entry gets.
const CRATES_ATTRIBUTE: &str = "username";
/// The type that the `keyring` crate gives a new entry.
const CONTENT_TYPE: &str = "application/octet-stream";

pub(super) fn peek(bus: &Bus, service: &str, user: &str) -> KeyringState {
    match look(bus, service, user) {
        Ok(state) => state,
        Err(reason) => KeyringState::Absent(reason),
    }
}

fn look(bus: &Bus, service: &str, user: &str) -> Result<KeyringState, String> {
    let secrets = SecretService::connect_with_existing(EncryptionType::Dh, running(bus)?)
        .map_err(|_| "the keyring service did not open a session".to_owned())?;
    let mut locked = false;
    for attribute in USER_ATTRIBUTES {
        let found = secrets
            .search_items(HashMap::from([("service", service), (attribute, user)]))
            .map_err(|_| "the keyring service did not answer the search".to_owned())?;
        locked |= !found.locked.is_empty();
        if let Some(bytes) = found.unlocked.first().and_then(|item| item.get_secret().ok()) {
            return Ok(match String::from_utf8(bytes) {
                Ok(text) => KeyringState::Present(Secret::new(text)),
                Err(_) => KeyringState::Absent("the entry is not text".into()),
            });
        }
    }
    Ok(if locked { KeyringState::Locked } else { KeyringState::Missing })
}

fn connect(bus: &Bus) -> Result<Connection, String> {
    let address = bus.address.as_deref().ok_or("there is no session bus")?;
    Builder::address(address)
        .and_then(Builder::build)
        .map_err(|_| "the session bus does not answer".to_owned())
}

/// A connection to the bus, if a keyring service already runs on it. A look-up by name would start one.
fn running(bus: &Bus) -> Result<Connection, String> {
    let connection = connect(bus)?;
    let running = DBusProxy::new(&connection)
        .and_then(|proxy| Ok(proxy.name_has_owner(SERVICE_NAME.try_into()?)?))
        .unwrap_or(false);
    if running { Ok(connection) } else { Err("no keyring service is running".to_owned()) }
}

/// The service of the session that keymend runs in, which the bus starts where it can.
fn service() -> Result<SecretService<'static>, KeyringError> {
    let bus = Bus::of(&std::env::vars().collect());
    let connection = connect(&bus).map_err(KeyringError::Absent)?;
    SecretService::connect_with_existing(EncryptionType::Dh, connection)
        .map_err(|_| KeyringError::Absent("no keyring service answers on the session bus".into()))
}

/// Works on the entry that has this name, unlocked where it must be. None if there is no such entry.
fn with_item<T>(
    secrets: &SecretService<'_>,
    service: &str,
    user: &str,
    job: impl FnOnce(&Item<'_>) -> Result<T, KeyringError>,
) -> Result<Option<T>, KeyringError> {
    for attribute in USER_ATTRIBUTES {
        let query = HashMap::from([("service", service), (attribute, user)]);
        let found = secrets.search_items(query).map_err(|error| said(&error))?;
        if let Some(item) = found.unlocked.first() {
            return job(item).map(Some);
        }
        match found.locked.as_slice() {
            [] => {}
            [item] => {
                item.unlock().map_err(|error| said(&error))?;
                return job(item).map(Some);
            }
            _ => return Err(KeyringError::Refused("several entries have this name".into())),
        }
    }
    Ok(None)
}

/// The errors can carry what the service said, so only their kind is ever shown.
fn said(error: &Error) -> KeyringError {
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => KeyringError::Locked,
        Error::NoResult => KeyringError::Absent("the keyring has no default collection".into()),
        Error::Unavailable => KeyringError::Absent("no session bus or no service".into()),
        _ => KeyringError::Refused("the service did not answer as it should".into()),
    }
}

/// The text of an entry.
pub(super) fn read(service_name: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
    with_item(&service()?, service_name, user, |item| {
        let bytes = item.get_secret().map_err(|error| said(&error))?;
        let text = String::from_utf8(bytes);
        text.map(Secret::new).map_err(|_| KeyringError::Refused("the entry is not text".into()))
    })
}

/// Takes an entry away. A missing one is fine.
pub(super) fn delete(service_name: &str, user: &str) -> Result<(), KeyringError> {
    let gone = with_item(&service()?, service_name, user, |item| item.delete().map_err(|error| said(&error)));
    gone.map(|_| ())
}

/// Replaces the text of an entry, or makes a new one in the default collection, and reads it back.
pub(super) fn write(service_name: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
    let secrets = service()?;
    let replaced = with_item(&secrets, service_name, user, |item| {
        let kind = item.get_secret_content_type().unwrap_or_else(|_| "text/plain".into());
        secret.expose(|text| item.set_secret(text.as_bytes(), &kind)).map_err(|error| said(&error))?;
        kept(item, secret)
    })?;
    if replaced.is_some() {
        return Ok(());
    }
    let collection = secrets.get_default_collection().map_err(|error| said(&error))?;
    if collection.is_locked().map_err(|error| said(&error))? {
        collection.unlock().map_err(|error| said(&error))?;
    }
    let attributes = HashMap::from([("service", service_name), (CRATES_ATTRIBUTE, user)]);
    let label = format!("keyring:{user}@{service_name}");
    let item = secret
        .expose(|text| collection.create_item(&label, attributes, text.as_bytes(), true, CONTENT_TYPE))
        .map_err(|error| said(&error))?;
    kept(&item, secret)
}

fn kept(item: &Item<'_>, secret: &Secret) -> Result<(), KeyringError> {
    let kept = item.get_secret().map_err(|error| said(&error))?;
    let same = secret.expose(|text| text.as_bytes() == kept);
    if same { Ok(()) } else { Err(KeyringError::NotKept) }
}
