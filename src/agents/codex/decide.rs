//! What one provider gets in one mode.

use serde_json::Value as Json;

use crate::agents::Context;
use crate::agents::common::{self, Prints};
use crate::resolve::{Chain, Header, Mode, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::World;

use super::account::{Account, Login};
use super::config::{Config, OPENAI};
use super::environment::Environment;
use super::lints;

/// The address with a key, and with a ChatGPT login.
const KEY_BASE: &str = "https://api.openai.com/v1";
const CHATGPT_BASE: &str = "https://chatgpt.com/backend-api/codex";

/// What authorises a request.
enum Auth {
    /// This text as bearer.
    Bearer(Secret),
    /// This text as bearer, to the address of ChatGPT logins.
    Chatgpt(Secret),
    /// Nothing, and why.
    None(String),
    /// No request leaves.
    Refused(String),
    Hidden(String),
    NotKnown(String),
}

/// The slot of `provider` in one mode.
pub fn slot(
    context: &Context<'_>,
    config: &Config,
    environment: &Environment,
    provider: &str,
    mode: Mode,
) -> Slot {
    let world = context.world;
    let account = Account::read(world, config, environment, mode);
    let refusal = config.refusal().or_else(|| account.refusal(config));
    let lints = lints::of_slot(world, config, environment, provider, &account);
    let (auth, offers) = authorise(world, config, environment, provider, account);
    let mut chain = Chain::new();
    for offer in offers {
        chain.push(offer);
    }
    let settled = chain.settle();
    let outcome = match refusal {
        Some(reason) => Outcome::Nothing { reason },
        None => outcome(world, config, environment, provider, auth),
    };
    Slot {
        agent: super::ID,
        profile: config.profile.clone(),
        mode: Some(mode),
        provider: catalogue_id(config, provider),
        agent_provider: provider.to_owned(),
        in_use: provider == config.provider(),
        candidates: settled.candidates,
        active: settled.active,
        outcome,
        lints,
    }
}

/// The catalogue's id of a provider: of the built-in ones, and of a table that points to OpenAI itself.
fn catalogue_id(config: &Config, provider: &str) -> Option<String> {
    let base = config.text(&["model_providers", provider, "base_url"]);
    let own = base.is_some_and(|base| common::host_of(base) == "api.openai.com");
    match provider {
        OPENAI => Some(OPENAI.to_owned()),
        "ollama" | "lmstudio" => Some(provider.to_owned()),
        "amazon-bedrock" => Some("bedrock".to_owned()),
        _ => own.then(|| OPENAI.to_owned()),
    }
}

fn authorise(
    world: &dyn World,
    config: &Config,
    environment: &Environment,
    provider: &str,
    account: Account,
) -> (Auth, Vec<Offer>) {
    match provider {
        OPENAI => (of_account(&account.login), account.offers),
        "ollama" | "lmstudio" => (Auth::None("a local server needs no credential".to_owned()), Vec::new()),
        "amazon-bedrock" => {
            (Auth::Hidden("the AWS credential chain signs the requests".to_owned()), Vec::new())
        }
        _ => custom(world, config, environment, provider, account),
    }
}

fn of_account(login: &Login) -> Auth {
    match login {
        Login::Key(key) => Auth::Bearer(key.clone()),
        Login::Chatgpt(token) => Auth::Chatgpt(token.clone()),
        Login::Nothing(why) => Auth::None(why.clone()),
        Login::Hidden(why) => Auth::Hidden(why.clone()),
        Login::NotKnown(why) => Auth::NotKnown(why.clone()),
    }
}

/// A provider of one's own: the variable it names, its inline token, then the account if it asks for that.
fn custom(
    world: &dyn World,
    config: &Config,
    environment: &Environment,
    provider: &str,
    account: Account,
) -> (Auth, Vec<Offer>) {
    let table = ["model_providers", provider];
    if config.at(&[table[0], table[1], "aws"]).is_some() {
        return (Auth::Hidden("the AWS credential chain signs the requests".to_owned()), Vec::new());
    }
    if let Some(command) = config.at(&[table[0], table[1], "auth"]) {
        return from_command(world, config, provider, command);
    }
    let (mut auth, mut offers) = (None, Vec::new());
    if let Some(name) = config.text(&[table[0], table[1], "env_key"]) {
        auth = Some(from_variable(world, environment, name, &mut offers));
    }
    let inline = [table[0], table[1], "experimental_bearer_token"];
    if let (Some(token), Some(place)) = (config.text(&inline), config.place(&inline)) {
        let why = "experimental_bearer_token in the configuration";
        let value = Value::of(Some(token));
        offers.push(Offer::usable(Source::Config, place, value, why));
        auth.get_or_insert_with(|| Auth::Bearer(Secret::new(token)));
    }
    let asks = config.at(&[table[0], table[1], "requires_openai_auth"]) == Some(&Json::Bool(true));
    if asks {
        offers.extend(account.offers);
    }
    let auth = auth.unwrap_or_else(|| {
        if asks {
            of_account(&account.login)
        } else {
            Auth::None("the provider names no env_key, and the account's key is not sent to it without requires_openai_auth = true".to_owned())
        }
    });
    (auth, offers)
}

fn from_variable(world: &dyn World, environment: &Environment, name: &str, offers: &mut Vec<Offer>) -> Auth {
    let found = environment.variable(world, name);
    let set = found.first().filter(|first| !first.text.trim().is_empty());
    for one in &found {
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        offers.push(match set {
            Some(_) => Offer::usable(source, place, value, format!("the provider's env_key is {name}"))
                .shadowed_because("~/.codex/.env beats the shell"),
            None => {
                Offer::stops(source, place, value, "an empty value stops Codex: it does not look further")
            }
        });
    }
    let name = common::printable(name);
    if environment.is_unclear(&name) {
        return Auth::NotKnown(format!(
            "~/.codex/.env has a line that cannot be read, and names {name} after it"
        ));
    }
    if found.is_empty() {
        let why = format!("Missing environment variable: `{name}`");
        offers.push(Offer::stops(Source::Env, common::env_place(&name), Value::Unset, why));
    }
    match set {
        Some(found) => Auth::Bearer(Secret::new(&found.text)),
        None => Auth::Refused(format!("Missing environment variable: `{name}`")),
    }
}

fn from_command(world: &dyn World, config: &Config, provider: &str, table: &Json) -> (Auth, Vec<Offer>) {
    let words = std::iter::once(&table["command"]).chain(table["args"].as_array().into_iter().flatten());
    let argv: Vec<String> = words.filter_map(Json::as_str).map(str::to_owned).collect();
    let from = config.place(&["model_providers", provider, "auth"]);
    let from = from.map_or_else(String::new, |place| place.show(world.home()));
    let shown = common::shown_command(&argv.join(" "));
    let place = Place::Command { from, command: shown.clone() };
    let why = "the provider's auth command gives the token";
    let (auth, value) = match common::prints_argv(world, &argv) {
        Prints::Text(text) if !common::trimmed(&text).is_empty() => {
            let token = common::trimmed(&text);
            (Auth::Bearer(token.clone()), Value::Present(token))
        }
        Prints::Text(_) | Prints::Fails => {
            let why = "the provider's auth command gives nothing".to_owned();
            (Auth::Refused(why), Value::Reference(shown))
        }
        Prints::Unknown => {
            let why =
                "the provider's auth command prints it; keymend does not run commands on a scan".to_owned();
            (Auth::Hidden(why), Value::Reference(shown))
        }
    };
    (auth, vec![Offer::usable(Source::Helper, place, value, why)])
}

fn outcome(
    world: &dyn World,
    config: &Config,
    environment: &Environment,
    provider: &str,
    auth: Auth,
) -> Outcome {
    let chatgpt = matches!(auth, Auth::Chatgpt(_));
    let (mut sent, mut why) = (Vec::new(), String::new());
    match auth {
        // An invalid header value is left out without a word (recordings cx-37, cx-47).
        Auth::Bearer(key) | Auth::Chatgpt(key) => match common::http_text(&key, &Header::Bearer) {
            Some(key) => sent.push(Sent { header: Header::Bearer, key }),
            None => why.push_str(
                "a line break in the key makes Codex leave out the Authorization header without a word",
            ),
        },
        Auth::None(reason) => why = reason,
        Auth::Refused(reason) => return Outcome::Nothing { reason },
        Auth::Hidden(reason) => return Outcome::Hidden { reason },
        Auth::NotKnown(reason) => return Outcome::NotKnown { reason },
    }
    let extra = headers(world, config, environment, provider);
    let bearer = !sent.is_empty();
    sent.extend(extra.into_iter().filter(|one| !bearer || one.header.name() != "authorization"));
    // Without a bearer the header that says most about who asks stands for the request.
    sent.sort_by_key(|one| one.header.name() != "authorization");
    let mut sent = sent.into_iter();
    let Some(first) = sent.next() else { return Outcome::Nothing { reason: why } };
    Outcome::Sends { sent: first, base_url: base_url(config, provider, chatgpt), also: sent.collect() }
}

/// Where requests of a provider go.
pub fn base_url(config: &Config, provider: &str, chatgpt: bool) -> String {
    let own = match provider {
        OPENAI => config.text(&["openai_base_url"]),
        _ => config.text(&["model_providers", provider, "base_url"]),
    };
    let default = if chatgpt { CHATGPT_BASE } else { KEY_BASE };
    own.filter(|base| !base.is_empty()).unwrap_or(default).to_owned()
}

/// Credentials in the provider's own headers and query. A header from a variable counts unless its name says otherwise.
fn headers(world: &dyn World, config: &Config, environment: &Environment, provider: &str) -> Vec<Sent> {
    let table = |field| config.at(&["model_providers", provider, field]).and_then(Json::as_object);
    let pairs = |field| {
        let entries = table(field).into_iter().flatten();
        entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
    };
    let fits = |text: &str| common::fits_header(&Secret::new(text));
    let mut all: Vec<Sent> = pairs("http_headers")
        .filter(|(name, value)| common::is_credential_header(name, value) && fits(value))
        .map(|(name, value)| common::sent_in(&name, &value))
        .collect();
    for (name, variable) in pairs("env_http_headers") {
        let Some(value) = environment.text(world, &variable).filter(|value| !value.trim().is_empty()) else {
            continue;
        };
        let plain = ["openai-organization", "openai-project"].contains(&name.to_ascii_lowercase().as_str());
        if !plain && fits(&value) {
            all.retain(|one| one.header.name() != name.to_ascii_lowercase());
            all.push(common::sent_in(&name, &value));
        }
    }
    let keys = pairs("query_params")
        .filter(|(name, _)| ["key", "api_key", "apikey", "token"].contains(&name.as_str()));
    all.extend(keys.map(|(name, value)| Sent { header: Header::Query(name), key: Secret::new(value) }));
    all
}
