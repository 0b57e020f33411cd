//! The account: what the built-in provider sends, and a provider of one's own that asks for it.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::resolve::{Mode, Offer};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{KeyringState, World};

use super::config::Config;
use super::environment::Environment;

/// The service of Codex's entry in the OS keyring.
pub const SERVICE: &str = "Codex Auth";

/// What the account gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// An API key.
    Key(Secret),
    /// The access token of a ChatGPT login.
    Chatgpt(Secret),
    /// Nothing; why.
    Nothing(String),
    /// Something that cannot be read here; why.
    Hidden(String),
    /// Something that no recording covers; what.
    NotKnown(String),
}

/// The account's candidates and what they come to.
pub struct Account {
    /// In Codex's order.
    pub offers: Vec<Offer>,
    /// What is used.
    pub login: Login,
}

/// Where `codex login` keeps the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// `auth.json`.
    File,
    /// The OS keyring alone.
    Keyring,
    /// The OS keyring, else `auth.json`.
    Auto,
    /// Not on record.
    Other,
}

/// The store that the configuration names.
pub fn store(config: &Config) -> Store {
    match config.text(&["cli_auth_credentials_store"]) {
        None | Some("file") => Store::File,
        Some("keyring") => Store::Keyring,
        Some("auto") => Store::Auto,
        Some(_) => Store::Other,
    }
}

/// The user name of the keyring entry: made from the folder with every link resolved.
pub fn keyring_user(world: &dyn World, config: &Config) -> String {
    let file = world.read(&config.home.join("config.toml"));
    let real = file.meta().and_then(|meta| meta.real.parent().map(ToOwned::to_owned));
    let folder = real.unwrap_or_else(|| config.home.clone());
    format!("cli|{}", Secret::new(folder.to_string_lossy()).sha256_hex(16))
}

impl Account {
    /// Asks every place of the account in Codex's order.
    pub fn read(world: &dyn World, config: &Config, environment: &Environment, mode: Mode) -> Self {
        let mut steps = vec![api_key(world, mode), access_token(world)];
        let (in_keyring, from_keyring) = keyring(world, config);
        let file = Doc::json(world, config.home.join("auth.json"));
        let from_file = stored(&file);
        steps.push(in_keyring);
        steps.push(in_file(&file, &from_file, config, from_keyring.as_ref()));
        let login = steps
            .iter_mut()
            .find_map(|step| step.login.take())
            .unwrap_or_else(|| Login::Nothing("not logged in".to_owned()));
        let mut offers: Vec<Offer> = steps.into_iter().flat_map(|step| step.offers).collect();
        offers.extend(ignored(world, environment));
        Self { offers, login }
    }

    /// Why Codex deletes the account and does not start: `forced_login_method` does not match what is used, also where
    /// that comes from a variable.
    pub fn refusal(&self, config: &Config) -> Option<String> {
        match (config.text(&["forced_login_method"])?, &self.login) {
            ("chatgpt", Login::Key(_)) => Some(
                "ChatGPT login is required, but an API key is currently being used. Logging out.".to_owned(),
            ),
            ("api", Login::Chatgpt(_)) => Some(
                "API key login is required, but ChatGPT is currently being used. Logging out.".to_owned(),
            ),
            _ => None,
        }
    }
}

/// One place: its candidates, and what the account comes to if it decides.
#[derive(Default)]
struct Step {
    offers: Vec<Offer>,
    login: Option<Login>,
}

fn api_key(world: &dyn World, mode: Mode) -> Step {
    let name = "CODEX_API_KEY";
    let Some(text) = world.var(name) else { return Step::default() };
    let (place, value) = (common::env_place(name), Value::of(Some(text)));
    let key = common::trimmed(&Secret::new(text));
    if key.is_empty() {
        return one(Offer::ignored(Source::Env, place, value, "an empty value counts as none"), None);
    }
    match mode {
        Mode::Headless => {
            let offer = Offer::usable(Source::Env, place, value, "codex exec takes CODEX_API_KEY first");
            one(offer, Some(Login::Key(key)))
        }
        Mode::Interactive => {
            one(Offer::ignored(Source::Env, place, value, "only codex exec reads CODEX_API_KEY"), None)
        }
    }
}

fn access_token(world: &dyn World) -> Step {
    let name = "CODEX_ACCESS_TOKEN";
    let Some(text) = world.var_nonempty(name) else { return Step::default() };
    let (place, value) = (common::env_place(name), Value::of(Some(text)));
    if text.trim().matches('.').count() == 2 || text.trim().starts_with("at-") {
        let why = "CODEX_ACCESS_TOKEN comes before the account store";
        let login =
            Login::NotKnown("what Codex makes of a valid CODEX_ACCESS_TOKEN is not on record".to_owned());
        return one(Offer::usable(Source::Env, place, value, why), Some(login));
    }
    let why = "CODEX_ACCESS_TOKEN is not a token that Codex can use, and still hides the account store";
    one(Offer::stops(Source::Env, place, value, why), Some(Login::Nothing(why.to_owned())))
}

fn one(offer: Offer, login: Option<Login>) -> Step {
    Step { offers: vec![offer], login }
}

/// The keyring's entry, and what it gives where an entry is there.
fn keyring(world: &dyn World, config: &Config) -> (Step, Option<Login>) {
    let store = store(config);
    if store == Store::Other {
        let login = Login::NotKnown("this cli_auth_credentials_store is not on record".to_owned());
        return (Step { offers: Vec::new(), login: Some(login.clone()) }, Some(login));
    }
    if store == Store::File {
        return (Step::default(), None);
    }
    let user = keyring_user(world, config);
    let place = Place::Keyring { service: SERVICE.to_owned(), user: user.clone() };
    let step = match world.keyring(SERVICE, &user) {
        KeyringState::Present(text) => {
            let doc = Doc::in_keyring(SERVICE, &user, &text);
            let login = stored(&doc);
            let offers = offers(&doc, &login, Source::Keyring, "the keyring holds the account");
            Step { offers, login: Some(login) }
        }
        KeyringState::Locked | KeyringState::TimedOut => {
            let why = "the keyring is locked";
            let login = Login::Hidden("the account may be in the keyring, which is locked".to_owned());
            one(Offer::usable(Source::Keyring, place, Value::Sealed, why), Some(login))
        }
        KeyringState::Missing | KeyringState::Absent(_) if store == Store::Keyring => {
            let login = Login::Nothing("the keyring has no account, and auth.json is not read".to_owned());
            Step { offers: Vec::new(), login: Some(login) }
        }
        KeyringState::Missing | KeyringState::Absent(_) => Step::default(),
    };
    let login = step.login.clone();
    (step, login)
}

fn in_file(file: &Doc, login: &Login, config: &Config, keyring: Option<&Login>) -> Step {
    if !file.present {
        return Step::default();
    }
    if store(config) == Store::Keyring {
        let why = "cli_auth_credentials_store is keyring, so that auth.json is not read";
        let ignore = |(place, value): (Place, Value)| Offer::ignored(Source::AuthFile, place, value, why);
        return Step { offers: credentials(file).into_iter().map(ignore).collect(), login: None };
    }
    let offers = offers(file, login, Source::AuthFile, "auth.json holds the account");
    Step { offers, login: keyring.is_none().then(|| login.clone()) }
}

/// Key and access token of an account document, where they stand.
fn credentials(doc: &Doc) -> Vec<(Place, Value)> {
    let paths: [&[&str]; 2] = [&["OPENAI_API_KEY"], &["tokens", "access_token"]];
    let found = paths.iter().filter_map(|path| Some((doc.place(path), Value::of(Some(doc.text(path)?)))));
    found.collect()
}

fn offers(doc: &Doc, login: &Login, source: Source, why: &str) -> Vec<Offer> {
    let chosen = match login {
        Login::Key(key) | Login::Chatgpt(key) => Some(key),
        _ => None,
    };
    let offer = |(place, value): (Place, Value)| {
        let is_token = matches!(&place,
            Place::Field { pointer, .. } | Place::KeyringField { pointer, .. } if pointer.0.len() > 1);
        let source = if is_token && source == Source::AuthFile { Source::Oauth } else { source };
        if value.secret() == chosen {
            Offer::usable(source, place, value, why)
        } else {
            Offer::ignored(source, place, value, "auth_mode chooses the other credential of this account")
        }
    };
    credentials(doc).into_iter().map(offer).collect()
}

/// What an account document gives: `auth_mode` decides; without it a key that is not null comes before tokens.
pub fn stored(doc: &Doc) -> Login {
    if !doc.present {
        return Login::Nothing("not logged in".to_owned());
    }
    if doc.trouble.is_some() || !doc.root.is_object() {
        return Login::Nothing("auth.json is not JSON, which counts as signed out".to_owned());
    }
    let key = doc.text(&["OPENAI_API_KEY"]).map(Secret::new);
    let token = doc.text(&["tokens", "access_token"]).map(Secret::new);
    match (doc.at(&["auth_mode"]).filter(|mode| !mode.is_null()).map(Json::as_str), key, token) {
        (Some(Some("apikey")) | None, Some(key), _) => Login::Key(key),
        (Some(Some("apikey")), None, _) => {
            Login::Nothing("auth_mode is apikey and no key is stored".to_owned())
        }
        (Some(Some("chatgpt")) | None, _, Some(token)) => Login::Chatgpt(token),
        (Some(Some("chatgpt")) | None, _, None) => Login::Nothing("the stored login has no token".to_owned()),
        (Some(_), _, _) => Login::NotKnown("this auth_mode is not on record".to_owned()),
    }
}

/// What people expect to count, and does not.
fn ignored(world: &dyn World, environment: &Environment) -> Vec<Offer> {
    let mut offers = Vec::new();
    for name in ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"] {
        if let Some(found) = environment.in_file(name) {
            let place = environment.place(name, Some(found.line));
            let why = "names that begin with CODEX_ are ignored in ~/.codex/.env";
            offers.push(Offer::ignored(Source::Dotenv, place, Value::of(Some(found.value.as_str())), why));
        }
    }
    for found in environment.variable(world, "OPENAI_API_KEY") {
        let why = "Codex does not read OPENAI_API_KEY; log in, or set CODEX_API_KEY for codex exec";
        offers.push(Offer::ignored(found.source, found.place.clone(), found.value(), why));
    }
    offers
}
