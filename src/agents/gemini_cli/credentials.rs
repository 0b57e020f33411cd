//! Credentials that Gemini CLI keeps itself: the key in a keyring or an encrypted file, the Google login.

use crate::agents::common::Doc;
use crate::formats::sealed::{self, SealedError};
use crate::secret::Secret;
use crate::source::{Place, SealedEntry, Source, Value};
use crate::world::{FileState, KeyringState, World};

use super::settings::Settings;

/// A stored credential.
pub struct Stored {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What is there, as far as it can be read.
    pub value: Value,
    /// It has expired (Google login).
    pub expired: bool,
}

const KEY_SERVICE: &str = "gemini-cli-api-key";
const KEY_USER: &str = "default-api-key";
const LOGIN_SERVICE: &str = "gemini-cli-oauth";
const LOGIN_USER: &str = "main-account";

/// The stored key: in the keyring where one answers, else in the encrypted file, never both.
pub fn key(world: &dyn World, settings: &Settings) -> Option<Stored> {
    let forced = world.var("GEMINI_FORCE_FILE_STORAGE") == Some("true");
    let state =
        if forced { KeyringState::Absent(String::new()) } else { world.keyring(KEY_SERVICE, KEY_USER) };
    match state {
        KeyringState::Present(text) => from_keyring(KEY_SERVICE, KEY_USER, &text),
        KeyringState::Missing => None,
        KeyringState::Absent(_) => sealed_file(world, settings, KEY_SERVICE, KEY_USER),
        KeyringState::Locked | KeyringState::TimedOut => {
            let place = Place::Keyring { service: KEY_SERVICE.to_owned(), user: KEY_USER.to_owned() };
            Some(Stored { source: Source::Keyring, place, value: Value::Sealed, expired: false })
        }
    }
}

fn from_keyring(service: &str, user: &str, text: &Secret) -> Option<Stored> {
    stored(Source::Keyring, &Doc::in_keyring(service, user, text))
}

/// The key in what Gemini CLI writes, in the keyring and in the encrypted store alike.
fn stored(source: Source, doc: &Doc) -> Option<Stored> {
    let steps = ["token", "accessToken"];
    let key = Secret::new(doc.text(&steps).filter(|key| !key.is_empty())?);
    Some(Stored { source, place: doc.place(&steps), value: Value::Present(key), expired: false })
}

/// An entry of the encrypted store, opened as Gemini CLI does it; sealed where it cannot be.
fn sealed_file(world: &dyn World, settings: &Settings, service: &str, account: &str) -> Option<Stored> {
    let path = settings.folder.join("gemini-credentials.json");
    let entry = SealedEntry { service: service.to_owned(), account: account.to_owned() };
    let state = world.read(&path);
    if matches!(*state, FileState::Missing) {
        return None;
    }
    let opened = state
        .text()
        .ok_or(SealedError::Form)
        .and_then(|text| sealed::text_of(text, world.machine().as_ref(), &entry));
    match opened {
        Ok(text) => stored(Source::SecretStore, &Doc::in_sealed(path, entry, &text?)),
        Err(error) => Some(Stored {
            source: Source::SecretStore,
            place: Place::File { file: path },
            value: match error {
                SealedError::Machine => Value::Sealed,
                _ => Value::Unreadable(error.to_string()),
            },
            expired: false,
        }),
    }
}

/// The Google login.
pub fn login(world: &dyn World, settings: &Settings) -> Option<Stored> {
    if world.var("GEMINI_FORCE_ENCRYPTED_FILE_STORAGE") == Some("true") {
        return match world.keyring(LOGIN_SERVICE, LOGIN_USER) {
            KeyringState::Present(text) => from_keyring(LOGIN_SERVICE, LOGIN_USER, &text),
            KeyringState::Missing => None,
            _ => sealed_file(world, settings, LOGIN_SERVICE, LOGIN_USER),
        };
    }
    let doc = Doc::json(world, settings.folder.join("oauth_creds.json"));
    let token = Secret::new(doc.text(&["access_token"]).filter(|token| !token.is_empty())?);
    let expires = doc.at(&["expiry_date"]).and_then(serde_json::Value::as_i64);
    Some(Stored {
        source: Source::Oauth,
        place: doc.place(&["access_token"]),
        value: Value::Present(token),
        expired: expires.is_some_and(|at| at < world.now_ms()),
    })
}
