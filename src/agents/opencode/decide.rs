//! What opencode sends to each provider.

use serde_json::Value as Json;

use crate::agents::common;
use crate::finding::Lint;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::World;

use super::auth::{Account, Accounts, Kind};
use super::catalog::{self, Known};
use super::config::Config;

/// Where OpenAI's OAuth login goes.
const CHATGPT_BASE: &str = "https://chatgpt.com/backend-api/codex";

/// What a provider comes to before headers.
enum Auth {
    Key(Secret),
    /// The access token of a ChatGPT login.
    Chatgpt(Secret),
    /// No key: a library that insists on one stops, another one sends a bare request.
    None(String),
    Refused(String),
    NotKnown(String),
}

/// Everything about one provider.
struct Asked<'a> {
    world: &'a dyn World,
    config: &'a Config,
    accounts: &'a Accounts,
    id: &'a str,
    known: Option<&'static Known>,
}

/// The slots: providers with a table, an account or a variable, the usual ones, and opencode's own.
pub fn slots(world: &dyn World, config: &Config, accounts: &Accounts) -> Vec<Slot> {
    let mut ids = config.providers();
    ids.extend(accounts.providers());
    let set = |known: &&Known| known.env.iter().any(|name| world.var_nonempty(name).is_some());
    ids.extend(catalog::ALL.iter().filter(set).map(|known| known.id.to_owned()));
    ids.extend(catalog::ALL.iter().filter(|known| known.usual).map(|known| known.id.to_owned()));
    ids.push("opencode".to_owned());
    let mut seen: Vec<String> = Vec::new();
    ids.retain(|id| {
        !seen.contains(id) && {
            seen.push(id.clone());
            true
        }
    });
    let in_use = in_use(world, config, accounts);
    let mut slots: Vec<Slot> = ids
        .iter()
        .map(|id| {
            let asked = Asked { world, config, accounts, id, known: catalog::find(id) };
            asked.slot(in_use.as_deref() == Some(id.as_str()))
        })
        .collect();
    slots.sort_by_key(|slot| !slot.in_use);
    slots
}

/// The provider that a start without `--model` uses, where that is certain: the configured or last used model, the only
/// provider with a key, or opencode's own where there is none.
fn in_use(world: &dyn World, config: &Config, accounts: &Accounts) -> Option<String> {
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
    let has_key = |known: &&Known| known.env.iter().any(|name| world.var_nonempty(name).is_some());
    let mut with_key: Vec<String> =
        catalog::ALL.iter().filter(has_key).map(|known| known.id.to_owned()).collect();
    if with_key.is_empty() {
        with_key = accounts.providers();
    }
    match with_key.as_slice() {
        [] => Some("opencode".to_owned()),
        [one] => Some(one.clone()),
        _ => None,
    }
}

impl Asked<'_> {
    fn option(&self, name: &str) -> Option<&Json> {
        self.config.at(&["provider", self.id, "options", name])
    }

    fn library(&self) -> Option<&str> {
        self.config.text(&["provider", self.id, "npm"])
    }

    fn header(&self) -> Header {
        match (self.library(), self.known) {
            (None, None) => Header::Bearer,
            (library, _) => catalog::header(self.id, library),
        }
    }

    fn slot(&self, in_use: bool) -> Slot {
        let (auth, offers) = self.authorise();
        let mut chain = Chain::new();
        for offer in offers {
            chain.push(offer);
        }
        let settled = chain.settle();
        let lints = self.lints(&auth);
        let outcome = self.outcome(auth);
        Slot {
            agent: super::ID,
            profile: "default".to_owned(),
            mode: None,
            provider: self.known.map(|known| known.provider.to_owned()),
            agent_provider: self.id.to_owned(),
            in_use,
            candidates: settled.candidates,
            active: settled.active,
            outcome,
            lints,
        }
    }

    /// Configuration, account, environment.
    fn authorise(&self) -> (Auth, Vec<Offer>) {
        let (mut auth, mut offers) = (None, Vec::new());
        for set in self.config.all(self.world, &["provider", self.id, "options", "apiKey"]) {
            let why = "options.apiKey in a configuration comes first, also when it is empty";
            let value = Value::of(Some(set.text.as_str()));
            let offer = Offer::usable(set.source, set.place, value, why)
                .shadowed_because("a configuration that is read later sets it too");
            offers.push(if set.plain { offer } else { offer.named("options.apiKey") });
            auth.get_or_insert_with(|| Auth::Key(Secret::new(set.text)));
        }
        let configured = auth.is_some();
        let account = self.account(configured, &mut offers);
        let auth = auth.map(|auth| beside_login(auth, account.as_ref())).or(account);
        let from_env = self.environment(&mut offers, auth.is_some());
        let auth = auth.or(from_env).unwrap_or_else(|| self.without_key(&mut offers));
        (self.refused(configured).unwrap_or(auth), offers)
    }

    /// What stops or blurs every provider.
    fn refused(&self, configured: bool) -> Option<Auth> {
        if let Some(why) = self.config.refusal() {
            return Some(Auth::Refused(why));
        }
        let listed = |name: &str| {
            let list = self.config.at(&[name])?.as_array()?;
            Some(list.iter().any(|one| one.as_str() == Some(self.id)))
        };
        if listed("disabled_providers") == Some(true) || listed("enabled_providers") == Some(false) {
            return Some(Auth::Refused("the configuration switches this provider off".to_owned()));
        }
        if !configured && self.accounts.has_remote() {
            return Some(Auth::NotKnown(
                "a remote configuration that keymend does not fetch may set the key".to_owned(),
            ));
        }
        (!configured && self.accounts.is_unclear()).then(|| {
            Auth::NotKnown(
                "OPENCODE_AUTH_CONTENT is not JSON; what opencode does then is not on record".to_owned(),
            )
        })
    }

    fn account(&self, configured: bool, offers: &mut Vec<Offer>) -> Option<Auth> {
        let account = self.accounts.get(self.id);
        if let Some(hidden) = self.accounts.in_file(self.id).filter(|_| self.accounts.is_replaced()) {
            let value = Value::of(Some(hidden.text.as_str()));
            let why = "OPENCODE_AUTH_CONTENT replaces auth.json as a whole";
            offers.push(Offer::ignored(source(&hidden), hidden.place, value, why));
        }
        let account = account?;
        let value = Value::of(Some(account.text.as_str()));
        let (source, place) = (source(&account), account.place);
        match (account.kind, self.id) {
            (Kind::Api, _) => {
                offers.push(Offer::usable(
                    source,
                    place,
                    value,
                    "the account file comes before the environment",
                ));
                Some(Auth::Key(Secret::new(account.text)))
            }
            (Kind::Oauth, "openai") => {
                let why = "the ChatGPT login comes before the environment";
                offers.push(Offer::usable(source, place, value, why));
                Some(Auth::Chatgpt(Secret::new(account.text)))
            }
            (Kind::Oauth, "anthropic") => {
                let why = "this build of opencode does not use an Anthropic login";
                offers.push(Offer::ignored(source, place, value, why));
                None
            }
            (Kind::Oauth, _) => {
                offers.push(Offer::usable(source, place, value, "a stored login"));
                (!configured)
                    .then(|| Auth::NotKnown("what opencode makes of this login is not on record".to_owned()))
            }
        }
    }

    /// The provider's variables: handed over only where it declares exactly one; else its library looks for its own.
    fn environment(&self, offers: &mut Vec<Offer>, decided: bool) -> Option<Auth> {
        let declared = self.config.at(&["provider", self.id, "env"]).and_then(Json::as_array);
        let declared: Option<Vec<&str>> = declared.map(|all| all.iter().filter_map(Json::as_str).collect());
        let names = declared.unwrap_or_else(|| self.known.map_or_else(Vec::new, |known| known.env.to_vec()));
        let library = self.known.map(|known| known.library).filter(|_| names.len() != 1);
        let mut auth = None;
        for name in &names {
            let place = common::env_place(name);
            let value = common::env_value(self.world, name);
            let usable = names.len() == 1 || library == Some(*name);
            offers.push(if value.secret().is_some_and(Secret::is_empty) {
                Offer::ignored(Source::Env, place, value, "an empty variable counts as none")
            } else if usable {
                let why = "the environment is asked last";
                Offer::usable(Source::Env, place, value, why)
            } else {
                let why = "with several variables opencode leaves the search to the library, which does not know this one";
                Offer::ignored(Source::Env, place, value, why)
            });
            let text = self.world.var_nonempty(name).filter(|_| usable);
            auth = auth.or_else(|| text.map(|text| Auth::Key(Secret::new(text))));
        }
        auth.filter(|_| !decided)
    }

    fn without_key(&self, offers: &mut Vec<Offer>) -> Auth {
        if self.id == "opencode" {
            let place = Place::BuiltIn { what: "opencode's free models".to_owned() };
            let why = "without a key opencode's free models take the word public";
            offers.push(Offer::usable(Source::BuiltIn, place, Value::of(Some("public")), why));
            return Auth::Key(Secret::new("public"));
        }
        Auth::None("no key is set".to_owned())
    }

    fn outcome(&self, auth: Auth) -> Outcome {
        let header = self.header();
        let (key, base_url) = match auth {
            Auth::Key(key) => (Some(key), self.base_url()),
            Auth::Chatgpt(key) => (Some(key), Some(CHATGPT_BASE.to_owned())),
            Auth::None(reason) if self.known.is_some() => return Outcome::Nothing { reason },
            Auth::None(_) => (None, self.base_url()),
            Auth::Refused(reason) => return Outcome::Nothing { reason },
            Auth::NotKnown(reason) => return Outcome::NotKnown { reason },
        };
        let Some(base_url) = base_url else {
            return Outcome::NotKnown { reason: "the provider's address is not on record".to_owned() };
        };
        let mut sent = Vec::new();
        // The library for compatible servers leaves an empty key out; the others send it.
        if let Some(key) = key.filter(|key| self.known.is_some() || !key.is_empty()) {
            let Some(key) = common::fetch_text(&key, &header) else {
                let reason =
                    "it holds characters that no header can carry; what opencode does then is not on record";
                return Outcome::NotKnown { reason: reason.to_owned() };
            };
            sent.push(Sent { header, key });
        }
        for one in self.extra() {
            match sent.iter_mut().find(|other| other.header.name() == one.header.name()) {
                Some(other) => *other = one,
                None => sent.push(one),
            }
        }
        let mut sent = sent.into_iter();
        match sent.next() {
            Some(first) => Outcome::Sends { sent: first, base_url, also: sent.collect() },
            None => Outcome::Nothing { reason: "the request carries no credential".to_owned() },
        }
    }

    /// Credentials among the provider's own headers.
    fn extra(&self) -> Vec<Sent> {
        let table = self.option("headers").and_then(Json::as_object);
        let pairs = table.into_iter().flatten();
        common::extra_headers(pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))))
    }

    /// The configuration's address, else the catalogue's, which a variable of the library may move.
    fn base_url(&self) -> Option<String> {
        let own = self.option("baseURL").and_then(Json::as_str).filter(|base| !base.is_empty());
        let own = own.or_else(|| self.config.text(&["provider", self.id, "api"]));
        let moved =
            self.known.and_then(|known| known.base_env).and_then(|name| self.world.var_nonempty(name));
        own.or(moved).or_else(|| self.known.map(|known| known.base_url)).map(str::to_owned)
    }

    fn lints(&self, auth: &Auth) -> Vec<Lint> {
        let mut lints = Vec::new();
        let empty = matches!(auth, Auth::Key(key) if key.is_empty());
        if empty && self.option("apiKey").is_some() {
            lints.push(Lint::fault(
                "empty-hides",
                "options.apiKey is empty (a variable in {env:…} is not set), and still hides every other key",
            ));
        }
        let (Some(base), Some(known)) = (self.base_url(), self.known) else { return lints };
        if common::host_of(&base) != common::host_of(known.base_url) {
            let set = self.config.all(self.world, &["provider", self.id, "options", "baseURL"]);
            let from = set.first().map(|set| set.place.show(self.world.home()));
            lints.push(common::foreign_base("opencode", &base, from.as_deref().unwrap_or("a variable")));
        }
        if matches!(auth, Auth::Chatgpt(_)) {
            lints.push(Lint::note("who-pays", "the ChatGPT plan pays, also where OPENAI_API_KEY is set"));
        }
        lints
    }
}

/// A key in the configuration beside what an account gives.
fn beside_login(auth: Auth, account: Option<&Auth>) -> Auth {
    match account {
        Some(Auth::Chatgpt(_)) => {
            Auth::NotKnown("an apiKey beside a ChatGPT login is not on record".to_owned())
        }
        _ => auth,
    }
}

fn source(account: &Account) -> Source {
    match account.kind {
        Kind::Api => Source::AuthFile,
        Kind::Oauth => Source::Oauth,
    }
}
