//! The account: what the built-in provider sends, and a provider of your own that asks for it.

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::agents::engine::Without;
use crate::resolve::{Gives, Mode, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{KeyringState, World};

use super::config::Config;
use super::environment::Environment;

/// The service of Codex's entry in the OS keyring.
pub const SERVICE: &str = "Codex Auth";

/// The address with a ChatGPT login.
const CHATGPT_BASE: &str = "https://chatgpt.com/backend-api/codex";

/// The account's candidates.
pub struct Account {
    /// In Codex's order; a ChatGPT login names its own address.
    pub offers: Vec<Offer>,
    /// What happens where none of them gives anything.
    pub without: Without,
    stored: Stored,
}

/// What the store holds, where nothing comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// Nothing.
    Nothing,
    /// Something that Codex cannot read.
    Broken,
    /// `auth_mode` is `apikey`, and there is no key.
    Keyless,
    /// Any other account: one of ChatGPT, whether or not its tokens are there.
    Login,
}

/// Who pays for the account's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    /// The API key.
    Key,
    /// The ChatGPT plan.
    Plan,
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
    /// The memory of the running program.
    Memory,
    /// Unknown.
    Other,
}

/// The store that the configuration names.
pub fn store(config: &Config) -> Store {
    match config.text(&["cli_auth_credentials_store"]) {
        None | Some("file") => Store::File,
        Some("keyring") => Store::Keyring,
        Some("auto") => Store::Auto,
        Some("ephemeral") => Store::Memory,
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
        let file = Doc::json(world, config.home.join("auth.json"));
        let (in_keyring, from_keyring, of_keyring) = in_keyring(world, config);
        let (in_file, from_file, of_file) = in_file(&file, config, from_keyring.as_ref());
        let mut offers: Vec<Offer> = api_key(world, mode).into_iter().chain(access_token(world)).collect();
        offers.extend(in_keyring.into_iter().chain(in_file));
        offers.extend(ignored(environment));
        let stored =
            if from_keyring.is_some() || of_keyring != Stored::Nothing { of_keyring } else { of_file };
        Self { offers, without: from_keyring.unwrap_or(from_file), stored }
    }

    /// Whether a key or the plan pays, where that can be told.
    pub fn payer(&self) -> Option<Payer> {
        let decides = self.offers.iter().find(|offer| offer.gives.wins() || offer.gives.ends())?;
        let of_plan = decides.base_url.is_some();
        matches!(decides.gives, Gives::Key(_)).then_some(if of_plan { Payer::Plan } else { Payer::Key })
    }

    /// Why Codex does not start with a `forced_login_method`: it reads the store then, whatever is used, and deletes an
    /// account that does not match.
    pub fn refusal(&self, config: &Config) -> Option<String> {
        let forced = config.text(&["forced_login_method"])?;
        let payer = match (self.payer(), self.stored) {
            (Some(payer), _) => payer,
            (None, Stored::Nothing) => return None,
            (None, Stored::Broken) => return Some("failed to deserialize CLI auth from file".to_owned()),
            (None, Stored::Keyless) => return Some("API key auth is missing a key.".to_owned()),
            (None, Stored::Login) => Payer::Plan,
        };
        match (forced, payer) {
            ("chatgpt", Payer::Key) => Some(
                "ChatGPT login is required, but an API key is currently being used. Logging out.".to_owned(),
            ),
            ("api", Payer::Plan) => Some(
                "API key login is required, but ChatGPT is currently being used. Logging out.".to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether Codex deletes the account at the next start.
    pub fn is_deleted(&self, config: &Config) -> bool {
        self.refusal(config).is_some_and(|why| why.ends_with("Logging out."))
    }
}

fn api_key(world: &dyn World, mode: Mode) -> Option<Offer> {
    let name = "CODEX_API_KEY";
    let text = world.var(name)?;
    let (place, value) = (common::env_place(name), Value::of(Some(text)));
    let key = common::trimmed(&Secret::new(text));
    if key.is_empty() {
        return Some(Offer::ignored(Source::Env, place, value, "an empty value is treated as none"));
    }
    Some(match mode {
        Mode::Headless => {
            let offer = Offer::usable(Source::Env, place, value, "codex exec takes CODEX_API_KEY first");
            offer.gives(Gives::Key(key))
        }
        Mode::Interactive => Offer::ignored(Source::Env, place, value, "only codex exec reads CODEX_API_KEY"),
    })
}

fn access_token(world: &dyn World) -> Option<Offer> {
    let name = "CODEX_ACCESS_TOKEN";
    let text = world.var_nonempty(name)?;
    let (place, value) = (common::env_place(name), Value::of(Some(text)));
    if text.trim().matches('.').count() == 2 || text.trim().starts_with("at-") {
        let unknown = "what Codex makes of a valid CODEX_ACCESS_TOKEN is unknown".to_owned();
        let offer =
            Offer::usable(Source::Env, place, value, "CODEX_ACCESS_TOKEN comes before the account store");
        return Some(offer.gives(Gives::Unknown(unknown)));
    }
    let why = "CODEX_ACCESS_TOKEN is not a token that Codex can use, and still hides the account store";
    Some(Offer::stops(Source::Env, place, value, why).gives(Gives::NoKey(why.to_owned())))
}

/// The keyring's rows; and what happens without a key in them, where auth.json is not asked after it.
fn in_keyring(world: &dyn World, config: &Config) -> (Vec<Offer>, Option<Without>, Stored) {
    let store = store(config);
    if store == Store::Other {
        let unknown = Outcome::unknown("this cli_auth_credentials_store is unknown");
        return (Vec::new(), Some(Without::Ends(unknown)), Stored::Nothing);
    }
    if store == Store::Memory {
        let why = "cli_auth_credentials_store is ephemeral, so that each start begins signed out";
        return (Vec::new(), Some(Without::Bare(why.to_owned())), Stored::Nothing);
    }
    if store == Store::File {
        return (Vec::new(), None, Stored::Nothing);
    }
    let user = keyring_user(world, config);
    let place = Place::Keyring { service: SERVICE.to_owned(), user: user.clone() };
    match world.keyring(SERVICE, &user) {
        KeyringState::Present(text) => {
            let doc = Doc::in_keyring(SERVICE, &user, &text);
            stored(&doc, Source::Keyring, "the keyring holds the account")
        }
        KeyringState::Locked | KeyringState::TimedOut => {
            let hidden = "the account may be in the keyring, which is locked".to_owned();
            let offer = Offer::usable(Source::Keyring, place, Value::Sealed, "the keyring is locked");
            (vec![offer.gives(Gives::Hidden(hidden))], None, Stored::Nothing)
        }
        KeyringState::Missing | KeyringState::Absent(_) if store == Store::Keyring => {
            let why = "the keyring has no account, and auth.json is not read";
            (Vec::new(), Some(Without::Bare(why.to_owned())), Stored::Nothing)
        }
        KeyringState::Missing | KeyringState::Absent(_) => (Vec::new(), None, Stored::Nothing),
    }
}

fn in_file(file: &Doc, config: &Config, keyring: Option<&Without>) -> (Vec<Offer>, Without, Stored) {
    let nothing = Without::Bare("not logged in".to_owned());
    if !file.present {
        return (Vec::new(), nothing, Stored::Nothing);
    }
    let unread = match keyring {
        _ if store(config) == Store::Keyring => {
            "cli_auth_credentials_store is keyring, so that auth.json is not read"
        }
        Some(Without::Bare(why) | Without::Ends(Outcome::NotKnown { reason: why })) => why,
        _ => {
            let (offers, without, stored) = stored(file, Source::AuthFile, "auth.json holds the account");
            return (offers, without.unwrap_or(nothing), stored);
        }
    };
    let ignore = |(place, value): (Place, Value)| Offer::ignored(Source::AuthFile, place, value, unread);
    (credentials(file).into_iter().map(ignore).collect(), nothing, Stored::Nothing)
}

/// Key and access token of an account document, where they are.
fn credentials(doc: &Doc) -> Vec<(Place, Value)> {
    let paths: [&[&str]; 2] = [&["OPENAI_API_KEY"], &["tokens", "access_token"]];
    let found = paths.iter().filter_map(|path| Some((doc.place(path), Value::of(Some(doc.text(path)?)))));
    found.collect()
}

/// Further kinds of login, and the field that holds each.
const OTHER_LOGINS: &[(&str, &str)] = &[
    ("agentIdentity", "agent_identity"),
    ("personalAccessToken", "personal_access_token"),
    ("bedrockApiKey", "bedrock_api_key"),
    ("bedrockAccessKeys", "bedrock_access_keys"),
    ("headers", "headers"),
];

/// The kinds of account that Codex knows.
const MODES: [&str; 3] = ["apikey", "chatgpt", "chatgptAuthTokens"];

/// Whether Codex can read an account document at all; one field of another form, and it is signed out, whatever else is
/// there (asked of 0.169.0 field by field).
fn is_readable(doc: &Doc) -> bool {
    let text_or_none = |value: Option<&Json>| value.is_none_or(|value| value.is_null() || value.is_string());
    let mode = doc.at(&["auth_mode"]).filter(|mode| !mode.is_null());
    let known = |mode: &str| MODES.contains(&mode) || OTHER_LOGINS.iter().any(|(other, _)| *other == mode);
    let tokens = doc.at(&["tokens"]).filter(|tokens| !tokens.is_null());
    let refreshed = doc.at(&["last_refresh"]).filter(|time| !time.is_null());
    doc.usable()
        && doc.root.is_object()
        && text_or_none(doc.at(&["OPENAI_API_KEY"]))
        && mode.is_none_or(|mode| mode.as_str().is_some_and(known))
        && tokens.is_none_or(are_tokens)
        && refreshed.is_none_or(|time| time.as_str().is_some_and(is_time))
}

/// All three texts, the first of them a JWT.
fn are_tokens(tokens: &Json) -> bool {
    let text = |name: &str| tokens.get(name).and_then(Json::as_str);
    let id = text("id_token").filter(|id| id.matches('.').count() == 2);
    let claims = id.and_then(|id| Secret::new(id).claims());
    claims.is_some_and(|claims| claims.is_object())
        && text("access_token").is_some()
        && text("refresh_token").is_some()
}

/// `2026-11-27T00:00:00.5Z`.
fn is_time(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let zone = form.strip_prefix("0000-00-00T00:00:00").map(|rest| rest.trim_start_matches(['.', '0']));
    zone.is_some_and(|zone| matches!(zone, "Z" | "z" | "+00:00" | "-00:00"))
}

/// What an account document gives: `auth_mode` decides; without it a key that is not null comes before tokens. Where it
/// gives nothing, what happens then.
fn stored(doc: &Doc, source: Source, why: &str) -> (Vec<Offer>, Option<Without>, Stored) {
    let bare = |why: &str| (None, Some(Without::Bare(why.to_owned())));
    let holds = |field: &str| doc.at(&[field]).is_some_and(|value| !value.is_null());
    let (key, login) = (holds("OPENAI_API_KEY"), holds("tokens"));
    let mode = doc.text(&["auth_mode"]).unwrap_or(if key { "apikey" } else { "chatgpt" });
    let readable = is_readable(doc);
    let state = match mode {
        _ if !doc.present => Stored::Nothing,
        _ if !readable => Stored::Broken,
        "apikey" if !key => Stored::Keyless,
        _ => Stored::Login,
    };
    let (chosen, without) = match mode {
        _ if !doc.present => bare("not logged in"),
        _ if doc.trouble.is_some() || !doc.root.is_object() => {
            bare("auth.json is not JSON, which Codex takes for signed out")
        }
        _ if !readable => {
            bare("a field of the account is not what Codex expects, which it takes for signed out")
        }
        "apikey" if key => (Some("OPENAI_API_KEY"), None),
        "apikey" => bare("auth_mode is apikey and no key is stored"),
        "chatgpt" | "chatgptAuthTokens" if login && holds("last_refresh") => (Some("tokens"), None),
        "chatgpt" | "chatgptAuthTokens" if login => {
            bare("the login says no last_refresh, and Codex does not use its token then")
        }
        "chatgpt" | "chatgptAuthTokens" => bare("the stored login has no token"),
        mode if OTHER_LOGINS.iter().any(|(other, field)| *other == mode && holds(field)) => {
            (None, Some(Without::Ends(Outcome::unknown("this kind of login is unknown"))))
        }
        _ => bare("the login that auth_mode names is not there, which Codex takes for signed out"),
    };
    let offer = |(place, value): (Place, Value)| {
        let first = match &place {
            Place::Field { pointer, .. } | Place::KeyringField { pointer, .. } => pointer.0.first(),
            _ => None,
        };
        let is_token = first.is_some_and(|step| step == "tokens");
        let source = if is_token && source == Source::AuthFile { Source::Oauth } else { source };
        if first.map(String::as_str) != chosen {
            return Offer::ignored(
                source,
                place,
                value,
                "auth_mode chooses the other credential of this account",
            );
        }
        let offer = Offer::usable(source, place, value, why);
        if is_token { offer.sent_to(CHATGPT_BASE) } else { offer }
    };
    (credentials(doc).into_iter().map(offer).collect(), without, state)
}

/// What people expect to count, and does not.
fn ignored(environment: &Environment) -> Vec<Offer> {
    let mut offers = Vec::new();
    for name in ["CODEX_API_KEY", "CODEX_ACCESS_TOKEN"] {
        if let Some(found) = environment.in_file(name) {
            let place = environment.place(name, Some(found.line));
            let why = "names that begin with CODEX_ are ignored in ~/.codex/.env";
            offers.push(Offer::ignored(Source::Dotenv, place, Value::of(Some(found.value.as_str())), why));
        }
    }
    for found in environment.variable("OPENAI_API_KEY") {
        let why = "Codex does not read OPENAI_API_KEY; log in, or set CODEX_API_KEY for codex exec";
        offers.push(Offer::ignored(found.source, found.place.clone(), found.value(), why));
    }
    offers
}
