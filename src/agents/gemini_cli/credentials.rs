//! Credentials that Gemini CLI keeps itself: the key in a keyring or an encrypted file, the Google login.

use crate::agents::common::Doc;
use crate::host::{KeyringState, World};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

use super::settings::Settings;

/// A stored credential.
pub struct Stored {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What stands there, as far as it can be read.
    pub value: Value,
    /// The text, where it can be read.
    pub text: Option<Secret>,
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
        KeyringState::Absent(_) => sealed_file(world, settings),
        KeyringState::Locked | KeyringState::TimedOut => {
            let place = Place::Keyring { service: KEY_SERVICE.to_owned(), user: KEY_USER.to_owned() };
            Some(Stored { source: Source::Keyring, place, value: Value::Sealed, text: None, expired: false })
        }
    }
}

fn from_keyring(service: &str, user: &str, text: &Secret) -> Option<Stored> {
    let doc = Doc::in_keyring(service, user, text);
    let steps = ["token", "accessToken"];
    let key = Secret::new(doc.text(&steps).filter(|key| !key.is_empty())?);
    Some(Stored {
        source: Source::Keyring,
        place: doc.place(&steps),
        value: Value::Present(key.clone()),
        text: Some(key),
        expired: false,
    })
}

fn sealed_file(world: &dyn World, settings: &Settings) -> Option<Stored> {
    let path = settings.folder.join("gemini-credentials.json");
    let place = Place::File { file: path.clone() };
    world.exists(&path).then_some(Stored {
        source: Source::SecretStore,
        place,
        value: Value::Sealed,
        text: None,
        expired: false,
    })
}

/// The Google login.
pub fn login(world: &dyn World, settings: &Settings) -> Option<Stored> {
    if world.var("GEMINI_FORCE_ENCRYPTED_FILE_STORAGE") == Some("true") {
        return match world.keyring(LOGIN_SERVICE, LOGIN_USER) {
            KeyringState::Present(text) => from_keyring(LOGIN_SERVICE, LOGIN_USER, &text),
            KeyringState::Missing => None,
            _ => sealed_file(world, settings),
        };
    }
    let doc = Doc::json(world, settings.folder.join("oauth_creds.json"));
    let token = Secret::new(doc.text(&["access_token"]).filter(|token| !token.is_empty())?);
    let expires = doc.at(&["expiry_date"]).and_then(serde_json::Value::as_i64);
    Some(Stored {
        source: Source::Oauth,
        place: doc.place(&["access_token"]),
        value: Value::Present(token.clone()),
        text: Some(token),
        expired: expires.is_some_and(|at| at < world.now_ms()),
    })
}
