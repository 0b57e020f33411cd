//! What one provider gets in one mode.

use serde_json::Value as Json;

use crate::agents::common::{self, Prints};
use crate::agents::engine::{Clash, EnvValue, OwnHeader, Question, Request, Unsendable, Without};
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Offer, Outcome, Sent};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

use super::account::Account;
use super::config::{Config, OPENAI, Refusal};
use super::{Codex, Query, lints};

/// The address with a key.
const KEY_BASE: &str = "https://api.openai.com/v1";

/// Where a key comes from, in Codex's order.
struct Search {
    offers: Vec<Offer>,
    without: Without,
    refusal: Option<Outcome>,
}

impl Search {
    fn bare(why: &str) -> Self {
        Self { offers: Vec::new(), without: Without::Bare(why.to_owned()), refusal: None }
    }

    fn signed() -> Self {
        let without = Without::Ends(Outcome::hidden("the AWS credential chain signs the requests"));
        Self { offers: Vec::new(), without, refusal: None }
    }
}

/// What there is for a provider in one mode.
pub fn ask(codex: &Codex<'_>, query: &Query<'_>) -> Question {
    let Query { config, provider, mode } = query;
    let account = Account::read(codex.world, config, &codex.environment, *mode);
    let refused = config.refusal();
    let refusal = refused.map(|refused| refused.why.clone()).or_else(|| account.refusal(config));
    let lints = lints::of_slot(codex.world, config, &codex.environment, provider, &account);
    let Search { mut offers, without, refusal: own } = search(codex, config, provider, account);
    if let Some(base) = base_url(config, provider) {
        // The address in the configuration comes before that of a login.
        for offer in &mut offers {
            offer.base_url = offer.base_url.take().map(|_| base.to_owned());
        }
    }
    let in_use = provider == config.provider();
    if let Some(row) = refused.and_then(at_fault).filter(|_| in_use || !offers.is_empty()) {
        offers.insert(0, row);
    }
    let request = Request {
        // An invalid header value is left out without a word (recordings cx-37, cx-47).
        library: |key, header| {
            let why = "a line break in the key makes Codex leave out the Authorization header without a word";
            common::http_text(key, header).ok_or_else(|| Unsendable::LeftOut(why.to_owned()))
        },
        own: headers(codex, config, provider),
        without,
        ..Request::new(Header::Bearer, base_url(config, provider).unwrap_or(KEY_BASE), "")
    };
    Question {
        profile: config.profile.clone(),
        mode: Some(*mode),
        provider: catalogue_id(config, provider),
        in_use,
        refusal: refusal.map(Outcome::nothing).or(own).or_else(|| no_address(config, provider)),
        lints,
        ..Question::new(provider.as_str(), offers, request)
    }
}

/// The setting with which Codex does not start.
fn at_fault(refused: &Refusal) -> Option<Offer> {
    let value = Value::Unreadable(refused.says.clone());
    let offer = Offer::ignored(Source::Config, refused.at.clone()?, value, refused.says.as_str());
    Some(offer.lint(Lint::fault("does-not-start", refused.why.as_str())))
}

/// No request can be made for an address without a scheme and a host; the empty one of a provider's table is no exception
/// ("builder error").
fn no_address(config: &Config, provider: &str) -> Option<Outcome> {
    let base = match provider {
        OPENAI => base_url(config, provider)?,
        _ => config.text(&["model_providers", provider, "base_url"])?,
    };
    let fits = ["http", "https"].iter().any(|scheme| {
        let rest = base.trim().split_once("://").filter(|(own, _)| own.eq_ignore_ascii_case(scheme));
        rest.is_some_and(|(_, rest)| !rest.trim_start_matches('/').is_empty())
    });
    let what = if base.trim().is_empty() { "is empty" } else { "is no address" };
    let name = common::printable(provider);
    (!fits)
        .then(|| Outcome::nothing(format!("the base_url of {name} {what}, so that no request can be made")))
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

fn search(codex: &Codex<'_>, config: &Config, provider: &str, account: Account) -> Search {
    let setting = |name| config.at(&["model_providers", provider, name]);
    match provider {
        OPENAI => Search { offers: account.offers, without: account.without, refusal: None },
        "ollama" | "lmstudio" => Search::bare("a local server needs no credential"),
        "amazon-bedrock" => Search::signed(),
        _ if setting("aws").is_some() => Search::signed(),
        _ => match setting("auth") {
            Some(command) => from_command(codex, config, provider, command),
            None => custom(codex, config, provider, account),
        },
    }
}

/// A provider of your own: the variable it names, its inline token, then the account if it asks for that.
fn custom(codex: &Codex<'_>, config: &Config, provider: &str, account: Account) -> Search {
    let mut search = Search::bare(
        "the provider names no env_key, and the account's key is not sent to it without requires_openai_auth = true",
    );
    if let Some(name) = config.text(&["model_providers", provider, "env_key"]) {
        (search.offers, search.refusal) = from_variable(codex, name);
    }
    let inline = ["model_providers", provider, "experimental_bearer_token"];
    if let (Some(token), Some(place)) = (config.text(&inline), config.place(&inline)) {
        let why = "experimental_bearer_token in the configuration";
        search.offers.push(Offer::usable(Source::Config, place, Value::of(Some(token)), why));
    }
    if config.at(&["model_providers", provider, "requires_openai_auth"]) == Some(&Json::Bool(true)) {
        search.offers.extend(account.offers);
        search.without = account.without;
    }
    search
}

/// The variable that a provider names, and why Codex stops at it.
fn from_variable(codex: &Codex<'_>, name: &str) -> (Vec<Offer>, Option<Outcome>) {
    let found = codex.environment.variable(name);
    let is_set = found.first().is_some_and(|first| !first.text.trim().is_empty());
    let offer = |one: &EnvValue| {
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        if is_set {
            let why = format!("the provider's env_key is {name}");
            Offer::usable(source, place, value, why).shadowed_because("~/.codex/.env beats the shell")
        } else {
            Offer::stops(source, place, value, "an empty value stops Codex: it does not look further")
        }
    };
    let mut offers: Vec<Offer> = found.iter().map(offer).collect();
    let name = common::printable(name);
    if codex.environment.is_unclear(&name) {
        let why = format!("~/.codex/.env has a line that cannot be read, and names {name} after it");
        return (offers, Some(Outcome::unknown(why)));
    }
    let why = format!("Missing environment variable: `{name}`");
    if found.is_empty() {
        offers.push(Offer::stops(Source::Env, common::env_place(&name), Value::Unset, why.as_str()));
    }
    (offers, (!is_set).then(|| Outcome::nothing(why)))
}

fn from_command(codex: &Codex<'_>, config: &Config, provider: &str, table: &Json) -> Search {
    let words = std::iter::once(&table["command"]).chain(table["args"].as_array().into_iter().flatten());
    let argv: Vec<String> = words.filter_map(Json::as_str).map(str::to_owned).collect();
    let from = config.place(&["model_providers", provider, "auth"]);
    let from = from.map_or_else(String::new, |place| place.show(codex.world.home()));
    let shown = common::shown_command(&argv.join(" "));
    let place = Place::Command { from, command: shown.clone() };
    let why = "the provider's auth command gives the token";
    let offer = match common::prints_argv(codex.world, &argv) {
        Prints::Text(text) if !common::trimmed(&text).is_empty() => {
            Offer::usable(Source::Helper, place, Value::Present(common::trimmed(&text)), why)
        }
        Prints::Text(_) | Prints::Fails => {
            let why = "the provider's auth command gives nothing";
            Offer::stops(Source::Helper, place, Value::Reference(shown), why)
        }
        Prints::Unknown => {
            let hidden = "the provider's auth command prints it; keymend does not run commands on a scan";
            let offer = Offer::usable(Source::Helper, place, Value::Reference(shown), why);
            offer.gives(Gives::Hidden(hidden.to_owned()))
        }
    };
    Search { offers: vec![offer], ..Search::bare("") }
}

/// Where the configuration sends a provider's requests.
pub fn base_url<'a>(config: &'a Config, provider: &str) -> Option<&'a str> {
    let own = match provider {
        OPENAI => config.text(&["openai_base_url"]),
        _ => config.text(&["model_providers", provider, "base_url"]),
    };
    own.filter(|base| !base.is_empty())
}

/// Credentials in the provider's own headers and query. A header from a variable is used unless its name says otherwise.
fn headers(codex: &Codex<'_>, config: &Config, provider: &str) -> Vec<OwnHeader> {
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
        let Some(value) = codex.environment.text(&variable).filter(|value| !value.trim().is_empty()) else {
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
    // Without a bearer the header that says most about who asks names it.
    all.sort_by_key(|one| one.header.name() != "authorization");
    all.into_iter().map(|one| OwnHeader::of(one, Clash::Yields)).collect()
}
