//! What opencode sends to each provider.

use serde_json::Value as Json;

use crate::agents::common;
use crate::agents::engine::{self, Clash, OwnHeader, Question, Request, Unsendable, Without, headers};
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::World;

use super::Opencode;
use super::auth::{Account, Accounts, Kind};
use super::catalog::{self, Known, Library};
use super::config::Config;

/// Where OpenAI's OAuth login goes.
const CHATGPT_BASE: &str = "https://chatgpt.com/backend-api/codex";
/// The providers whose logins a part of opencode takes up, besides OpenAI's; every other login is left aside
/// (`packages/opencode/src/plugin/`).
const WITH_LOGIN: [&str; 7] =
    ["github-copilot", "gitlab", "poe", "azure", "digitalocean", "xai", "snowflake-cortex"];
const NO_CREDENTIAL: &str = "the request carries no credential";

/// One provider.
struct Asked<'a> {
    world: &'a dyn World,
    config: &'a Config,
    accounts: &'a Accounts,
    id: &'a str,
    known: Option<&'static Known>,
}

impl Opencode<'_> {
    /// Providers with a table, an account or a variable, the usual ones, and opencode's own.
    pub(super) fn providers(&self) -> Vec<String> {
        let mut ids = self.config.providers();
        ids.extend(self.accounts.providers());
        ids.extend(with_variable(self.world).into_iter().map(|known| known.id.to_owned()));
        ids.extend(catalog::USUAL.map(str::to_owned));
        ids.extend(self.in_use.clone());
        ids.push("opencode".to_owned());
        let mut seen: Vec<String> = Vec::new();
        ids.retain(|id| {
            !seen.contains(id) && {
                seen.push(id.clone());
                true
            }
        });
        ids
    }
}

/// The provider that a start without `--model` uses, where that is certain: the configured or last used model, the only
/// provider with a key, or opencode's own where there is none.
pub fn in_use(world: &dyn World, config: &Config, accounts: &Accounts) -> Option<String> {
    if let Some((provider, _)) = config.text(&["model"]).and_then(|model| model.split_once('/')) {
        return Some(provider.to_owned());
    }
    let state = common::folder(world, "XDG_STATE_HOME", ".local/state").join("opencode/model.json");
    let state = common::Doc::json(world, state);
    let recent = state.at(&["recent"]).and_then(|recent| recent.get(0)?.get("providerID")?.as_str());
    if let Some(recent) = recent {
        return Some(recent.to_owned());
    }
    let tables = config.providers();
    if !tables.is_empty() {
        return (tables.len() == 1).then(|| tables[0].clone());
    }
    let mut with_key: Vec<String> =
        with_variable(world).into_iter().map(|known| known.id.to_owned()).collect();
    if with_key.is_empty() {
        with_key = accounts.providers();
    }
    match with_key.as_slice() {
        [] => Some("opencode".to_owned()),
        [one] => Some(one.clone()),
        _ => None,
    }
}

/// The providers that a variable switches on; where several share one, the first of those with the fewest words in its
/// name: `minimax` before `minimax-coding-plan`.
fn with_variable(world: &dyn World) -> Vec<&'static Known> {
    let set = |known: &&Known| known.env.iter().any(|name| world.var_nonempty(name).is_some());
    let mut found: Vec<&Known> = catalog::all().iter().filter(set).collect();
    found.sort_by_key(|known| (known.provider.is_none(), known.id.len()));
    let mut taken: Vec<&str> = Vec::new();
    found.retain(|known| {
        let new = known.env.iter().any(|name| world.var_nonempty(name).is_some() && !taken.contains(name));
        taken.extend(&known.env);
        new
    });
    found
}

/// What there is for a provider.
pub fn ask(opencode: &Opencode<'_>, id: &str) -> Question {
    let Opencode { world, config, accounts, in_use } = opencode;
    let asked = Asked { world: *world, config, accounts, id, known: catalog::find(id) };
    let offers = asked.offers();
    let refusal = asked.refusal(&offers);
    Question {
        provider: asked.known.and_then(|known| known.provider).map(str::to_owned),
        in_use: in_use.as_deref() == Some(id),
        lints: asked.lints(offers.iter().find(|offer| offer.gives.wins()).filter(|_| refusal.is_none())),
        refusal,
        ..Question::new(id, offers, asked.request())
    }
}

impl Asked<'_> {
    fn option(&self, name: &str) -> Option<&Json> {
        self.config.at(&["provider", self.id, "options", name])
    }

    /// The library that speaks to the provider: the one that the configuration names, else the catalogue's.
    fn library(&self) -> Option<&'static Library> {
        let own = self.config.text(&["provider", self.id, "npm"]);
        catalog::library(own.or_else(|| Some(self.known?.library))?)
    }

    fn header(&self) -> Header {
        self.library().map_or(Header::Bearer, |library| library.header.clone())
    }

    /// Configuration, account, environment.
    fn offers(&self) -> Vec<Offer> {
        let account = self.account();
        let beside_login = account.iter().any(|offer| offer.base_url.is_some());
        let set = self.config.all(self.world, &["provider", self.id, "options", "apiKey"]).into_iter();
        let mut offers: Vec<Offer> = set
            .map(|set| {
                let why = "options.apiKey in a configuration comes first, also when it is empty";
                let offer = Offer::usable(set.source, set.place, Value::of(Some(set.text)), why)
                    .shadowed_because("a configuration that is read later sets it too");
                let offer = if set.plain { offer } else { offer.named("options.apiKey") };
                if beside_login {
                    let unknown = "an apiKey beside a ChatGPT login is unknown".to_owned();
                    return offer.gives(Gives::Unknown(unknown));
                }
                offer
            })
            .collect();
        offers.extend(account);
        offers.extend(self.environment());
        if self.id == "opencode" && !offers.iter().any(|offer| offer.gives.wins()) {
            let place = Place::BuiltIn { what: "opencode's free models".to_owned() };
            let why = "without a key opencode's free models take the word public";
            offers.push(Offer::usable(Source::BuiltIn, place, Value::of(Some("public")), why));
        }
        offers
    }

    /// What stops or blurs every provider, and an address that is unknown.
    fn refusal(&self, offers: &[Offer]) -> Option<Outcome> {
        if let Some(why) = self.config.refusal() {
            return Some(Outcome::nothing(why));
        }
        let listed = |name: &str| {
            let list = self.config.at(&[name])?.as_array()?;
            Some(list.iter().any(|one| one.as_str() == Some(self.id)))
        };
        let configured = !self.config.all(self.world, &["provider", self.id, "options", "apiKey"]).is_empty();
        let unknown_login = offers
            .iter()
            .find(|offer| offer.gives.wins())
            .is_some_and(|one| matches!(one.gives, Gives::Unknown(_)));
        let unknown = if listed("disabled_providers") == Some(true)
            || listed("enabled_providers") == Some(false)
        {
            return Some(Outcome::nothing("the configuration switches this provider off"));
        } else if !configured && self.accounts.has_remote() {
            "a remote configuration that keymend does not fetch may set the key"
        } else if !configured && self.accounts.is_unclear() {
            "OPENCODE_AUTH_CONTENT is not JSON; what opencode does then is unknown"
        } else if self.base_url().is_some_and(|base| base.trim().is_empty()) {
            return Some(Outcome::nothing(
                "options.baseURL is empty, and still takes the place of the provider's address: no request can be made",
            ));
        } else if self.base_url().is_none() && !unknown_login {
            "the provider's address is unknown"
        } else {
            return None;
        };
        Some(Outcome::unknown(unknown))
    }

    fn account(&self) -> Vec<Offer> {
        let mut offers = Vec::new();
        if let Some(hidden) = self.accounts.in_file(self.id).filter(|_| self.accounts.is_replaced()) {
            let value = Value::of(Some(hidden.text.as_str()));
            let why = "OPENCODE_AUTH_CONTENT replaces auth.json as a whole";
            offers.push(Offer::ignored(source(&hidden), hidden.place, value, why));
        }
        let Some(account) = self.accounts.get(self.id) else { return offers };
        let (source, place, value) = (source(&account), account.place, Value::of(Some(account.text)));
        offers.push(match (account.kind, self.id) {
            (Kind::Api, _) => {
                Offer::usable(source, place, value, "the account file comes before the environment")
            }
            (Kind::Oauth, "openai") => {
                let why = "the ChatGPT login comes before the environment";
                Offer::usable(source, place, value, why).sent_to(CHATGPT_BASE)
            }
            (Kind::Oauth, id) if WITH_LOGIN.contains(&id) => {
                let unknown = "what opencode makes of this login is unknown".to_owned();
                Offer::usable(source, place, value, "a stored login").gives(Gives::Unknown(unknown))
            }
            (Kind::Oauth, _) => {
                Offer::ignored(source, place, value, "this build of opencode uses no login of this provider")
            }
        });
        offers
    }

    /// The provider's variables: handed over only where it declares exactly one; else its library looks for its own.
    fn environment(&self) -> Vec<Offer> {
        let declared = self.config.at(&["provider", self.id, "env"]).and_then(Json::as_array);
        let declared: Option<Vec<&str>> = declared.map(|all| all.iter().filter_map(Json::as_str).collect());
        let names = declared.unwrap_or_else(|| self.known.map_or_else(Vec::new, |known| known.env.clone()));
        let library = self.known.and_then(Known::own_variable).filter(|_| names.len() != 1);
        let offer = |name: &&str| {
            let (place, value) = (common::env_place(name), common::env_value(self.world, name));
            if value.secret().is_some_and(Secret::is_empty) {
                return Offer::ignored(Source::Env, place, value, "an empty variable is treated as none");
            }
            if names.len() == 1 || library == Some(*name) {
                return Offer::usable(Source::Env, place, value, "the environment is asked last");
            }
            let why = "with several variables the library does the search, which does not know this one";
            Offer::ignored(Source::Env, place, value, why)
        };
        names.iter().map(offer).collect()
    }

    fn request(&self) -> Request {
        let (library, without): (engine::Library, _) = match self.known {
            Some(_) => (fetch, Without::Ends(Outcome::nothing("no key is set"))),
            // The library for compatible servers drops an empty key; the others send it.
            None => (fetch_if_set, Without::Bare(NO_CREDENTIAL.to_owned())),
        };
        let base_url = self.base_url().unwrap_or_default();
        Request { library, without, own: self.headers(), ..Request::new(self.header(), base_url, "") }
    }

    /// Credentials among the provider's own headers.
    fn headers(&self) -> Vec<OwnHeader> {
        let table = self.option("headers").and_then(Json::as_object);
        let pairs = table.into_iter().flatten();
        let pairs = pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        headers::all(pairs, Clash::Replaces)
    }

    /// The configuration's address, else the catalogue's with its `${VARIABLES}`, else the library's, which a variable of
    /// its own may move. An empty one in the configuration takes the place of the library's alone.
    fn base_url(&self) -> Option<String> {
        let option = self.option("baseURL").and_then(Json::as_str);
        let api = self.config.text(&["provider", self.id, "api"]);
        let api = api.or_else(|| self.known?.api).filter(|api| !api.is_empty());
        if let Some(base) = option.filter(|base| !base.is_empty()).or(api) {
            return Some(self.filled(base));
        }
        let library = || {
            let library = self.library()?;
            let moved = library.base_env.and_then(|name| self.world.var_nonempty(name));
            moved.or(library.base_url)
        };
        option.or_else(library).map(str::to_owned)
    }

    /// An address with the variables that it names; one that is not set stays as it is.
    fn filled(&self, base: &str) -> String {
        let mut parts = base.split("${");
        let mut all = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.split_once('}') {
                Some((name, rest)) => {
                    let whole = || format!("${{{name}}}");
                    all += &self.world.var(name).map_or_else(whole, str::to_owned);
                    all += rest;
                }
                None => all += &format!("${{{part}"),
            }
        }
        all
    }

    fn lints(&self, decides: Option<&Offer>) -> Vec<Lint> {
        let mut lints = Vec::new();
        let empty = decides.is_some_and(|offer| matches!(&offer.gives, Gives::Key(key) if key.is_empty()));
        if empty && self.option("apiKey").is_some() {
            lints.push(Lint::fault(
                "empty-hides",
                "options.apiKey is empty (a variable in {env:…} is not set), and still hides every other key",
            ));
        }
        let (Some(base), Some(known)) = (self.base_url(), self.known) else { return lints };
        let own = known.base_url().map(|base| self.filled(base)).unwrap_or_default();
        if common::host_of(&base) != common::host_of(&own) {
            let set = self.config.all(self.world, &["provider", self.id, "options", "baseURL"]);
            let from = set.first().map(|set| set.place.show(self.world.home()));
            lints.push(common::foreign_base("opencode", &base, from.as_deref().unwrap_or("a variable")));
        }
        if decides.is_some_and(|offer| offer.base_url.is_some()) {
            lints.push(Lint::note("who-pays", "the ChatGPT plan pays, also where OPENAI_API_KEY is set"));
        }
        lints
    }
}

fn fetch(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    engine::fetch(key, header, "opencode")
}

fn fetch_if_set(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    if key.is_empty() {
        return Err(Unsendable::LeftOut(NO_CREDENTIAL.to_owned()));
    }
    fetch(key, header)
}

fn source(account: &Account) -> Source {
    match account.kind {
        Kind::Api => Source::AuthFile,
        Kind::Oauth => Source::Oauth,
    }
}
