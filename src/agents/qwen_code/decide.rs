//! Protocol, model, key and address of a start of Qwen Code.

use serde_json::Value as Json;

use crate::agents::common;
use crate::agents::engine::{Clash, EnvValue, Question, Request, Unsendable, Without, headers};
use crate::destination::{Neighbour, Set};
use crate::finding::Lint;
use crate::resolve::{Header, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Format, Place, Pointer, Source, Value};

use super::Qwen;
use super::models::{self, Model};
use super::protocol::{self, Carries, LOGIN, PROTOCOLS, Protocol, RESPONSES, VERTEX};
use super::settings::Settings;

/// What a start of Qwen Code is told to use.
pub enum Start {
    /// A protocol with a key.
    With(&'static Protocol),
    /// The login.
    Login,
    /// Nothing.
    None,
    /// Something that it does not know.
    Unknown(String),
}

/// Where the address comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Model,
    Variable(&'static str),
    Settings,
    Default,
}

impl From {
    const fn words(self) -> &'static str {
        match self {
            Self::Model => "the model's baseUrl in the settings",
            Self::Variable(name) => name,
            Self::Settings => "security.auth.baseUrl in the settings",
            Self::Default => "its default",
        }
    }
}

/// A model that is selected, or that starts by itself.
struct Chosen<'a> {
    protocol: &'static Protocol,
    model: Option<Model<'a>>,
    base: String,
    from: From,
}

const AUTH: [&str; 2] = ["security", "auth"];

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

impl Qwen<'_> {
    /// The selected protocol, else the one whose variables are complete.
    pub(super) fn start(&self) -> Start {
        let selected = self.settings.get(&[AUTH[0], AUTH[1], "selectedType"]);
        let selected = selected.or_else(|| self.settings.get(&["selectedAuthType"]));
        match selected.map(|(_, value)| value) {
            Some(Json::String(name)) if !name.is_empty() => Self::named(&self.settings.filled(name)),
            None | Some(Json::String(_) | Json::Null | Json::Bool(false)) => self.of_variables(),
            Some(other) => Start::Unknown(other.to_string()),
        }
    }

    fn named(name: &str) -> Start {
        match protocol::protocol(name) {
            Some(protocol) => Start::With(protocol),
            None if name == LOGIN => Start::Login,
            None => Start::Unknown(name.to_owned()),
        }
    }

    fn of_variables(&self) -> Start {
        let set = |name: &str| self.env.text(name).is_some();
        if set("QWEN_OAUTH") {
            return Start::Login;
        }
        let complete = |protocol: &&Protocol| {
            let key = set(protocol.key) || (protocol.id == "vertex-ai" && set("GOOGLE_CLOUD_PROJECT"));
            let model = protocol.models.iter().any(|name| set(name));
            protocol.id != RESPONSES && key && model && protocol.base.is_none_or(set)
        };
        PROTOCOLS.iter().find(complete).map_or(Start::None, Start::With)
    }

    /// The name of the selected model.
    fn wanted(&self, protocol: &Protocol) -> Option<String> {
        let named = self.settings.text(&["model", "name"]).or_else(|| self.settings.text(&["model"]));
        // A snapshot of a running session is kept as `$runtime|protocol|model`.
        let named = named.map(|name| match name.strip_prefix("$runtime|") {
            Some(rest) => rest.split_once('|').map_or(rest, |(_, model)| model).to_owned(),
            None => name,
        });
        named.or_else(|| protocol.models.iter().find_map(|name| self.env.text(name)))
    }

    /// The model, its protocol and its address; an outcome where Qwen Code ends because of the list.
    fn choose(&self, selected: &'static Protocol) -> Result<Chosen<'_>, Outcome> {
        let models = models::all(&self.settings)?;
        let wanted = self.wanted(selected);
        let base = self.settings.text(&["model", "baseUrl"]);
        let protocol = models::protocol_of(&models, selected.id, wanted.as_deref(), base.as_deref());
        let protocol = protocol::protocol(protocol).unwrap_or(selected);
        let named = wanted.and_then(|name| models::find(&models, protocol.id, &name, base.as_deref()));
        let given = self.given_base(protocol);
        // With a key or an address from elsewhere a model that the list does not have is kept; else the first one starts.
        let kept = named.is_none() && (given.is_some() || self.has_key(protocol));
        let model = named.or_else(|| models::default(&models, protocol.id).filter(|_| !kept));
        let own = model.and_then(|model| model.text("baseUrl"));
        let own = own.map(|base| self.settings.filled(base).into_owned()).filter(|base| !is_blank(base));
        let (base, from) = match (own, given) {
            (Some(base), _) => (base, From::Model),
            (None, Some(given)) => given,
            (None, None) => self.usual_base(protocol, model.is_some()),
        };
        let base = match base.trim_end_matches('/').strip_suffix("/v1") {
            Some(start) if protocol.id == RESPONSES => format!("{start}/v1"),
            None if protocol.id == RESPONSES => format!("{}/v1", base.trim_end_matches('/')),
            _ => base,
        };
        Ok(Chosen { protocol, model, base, from })
    }

    fn has_key(&self, protocol: &Protocol) -> bool {
        self.env.text(protocol.key).is_some_and(|key| !is_blank(&key)) || self.deprecated_key().is_some()
    }

    /// `security.auth.apiKey` of the settings.
    fn deprecated_key(&self) -> Option<(Place, String)> {
        let (doc, value) = self.settings.get(&[AUTH[0], AUTH[1], "apiKey"])?;
        let text = match value {
            Json::String(text) => self.settings.filled(text).into_owned(),
            Json::Number(number) => number.to_string(),
            _ => return None,
        };
        (!is_blank(&text)).then(|| (doc.place(&[AUTH[0], AUTH[1], "apiKey"]), text))
    }

    /// The address of a variable, then of the settings.
    fn given_base(&self, protocol: &Protocol) -> Option<(String, From)> {
        let variable = protocol.base.and_then(|name| Some((self.env.text(name)?, From::Variable(name))));
        let settings = || Some((self.settings.text(&[AUTH[0], AUTH[1], "baseUrl"])?, From::Settings));
        variable.filter(|(base, _)| !is_blank(base)).or_else(settings).filter(|(base, _)| !is_blank(base))
    }

    fn usual_base(&self, protocol: &'static Protocol, listed: bool) -> (String, From) {
        if listed && !protocol.listed.is_empty() {
            return (protocol.listed.to_owned(), From::Default);
        }
        let flag = self.env.text("GOOGLE_GENAI_USE_VERTEXAI");
        let vertex = protocol.id == "gemini" && flag.is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        let (variable, default) = if vertex {
            (Some("GOOGLE_VERTEX_BASE_URL"), VERTEX)
        } else {
            (protocol.library_base, protocol.default)
        };
        let set = variable.and_then(|name| Some((self.env.text(name)?, From::Variable(name))));
        set.unwrap_or_else(|| (default.to_owned(), From::Default))
    }

    /// The variable that a new key goes to.
    pub(super) fn key_name(&self, start: &Start) -> String {
        let selected = match start {
            Start::With(protocol) => protocol,
            _ => &PROTOCOLS[0],
        };
        let chosen = self.choose(selected).ok();
        let key = chosen.as_ref().map_or(selected.key, |chosen| chosen.protocol.key);
        chosen.and_then(|chosen| chosen.model?.text("envKey")).unwrap_or(key).to_owned()
    }

    pub(super) fn with_protocol(&self, selected: &'static Protocol) -> Question {
        let (chosen, refusal) = match self.choose(selected) {
            Ok(chosen) => (chosen, None),
            Err(outcome) => {
                let (base, from) = self.usual_base(selected, false);
                (Chosen { protocol: selected, model: None, base, from }, Some(outcome))
            }
        };
        let protocol = chosen.protocol;
        let env_key = chosen.model.and_then(|model| model.text("envKey"));
        let offers = self.offers(protocol, env_key);
        let refusal = refusal.or_else(|| self.refusal(&chosen));
        let mut lints = self.lints(&chosen, env_key);
        if let Some(Outcome::Nothing { reason }) = &refusal {
            lints.push(Lint::fault("does-not-start", reason.clone()));
        }
        let anthropic = common::is_within(&common::host_of(&chosen.base), "anthropic.com");
        let header = match protocol.carries {
            Carries::Anthropic if anthropic => Header::raw("x-api-key"),
            Carries::Bearer | Carries::Anthropic => Header::Bearer,
            Carries::Google => Header::raw("x-goog-api-key"),
        };
        let owned = self.headers(&chosen);
        let own = owned.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request {
            library,
            own: headers::all(own, Clash::Replaces),
            without: Without::Ends(self.without_key(protocol, env_key)),
            ..Request::new(header, chosen.base.as_str(), "")
        };
        Question {
            provider: Some(protocol.provider.to_owned()),
            in_use: true,
            refusal,
            lints,
            ..Question::new(protocol.id, offers, request)
        }
    }

    fn without_key(&self, protocol: &Protocol, env_key: Option<&str>) -> Outcome {
        let project = self.env.text("GOOGLE_CLOUD_PROJECT").is_some_and(|name| !is_blank(&name));
        if protocol.id == "vertex-ai" && env_key.is_none() && project {
            return Outcome::hidden("Google Cloud's own credentials give a token");
        }
        let name = common::printable(env_key.unwrap_or(protocol.key));
        Outcome::nothing(format!("no key: {name} is not set"))
    }

    /// Why no request is made, whatever the key.
    fn refusal(&self, chosen: &Chosen<'_>) -> Option<Outcome> {
        let protocol = chosen.protocol;
        if self.settings.is_broken() {
            return Some(Outcome::nothing("settings.json does not parse, and Qwen Code ends"));
        }
        if let Some(enforced) = self.settings.text(&[AUTH[0], AUTH[1], "enforcedType"])
            && enforced != protocol.id
        {
            let enforced = common::printable(&enforced);
            return Some(Outcome::nothing(format!(
                "security.auth.enforcedType is {enforced}, and {} is selected",
                protocol.id
            )));
        }
        if let Some(why) = chosen.model.and_then(|model| model.refused()) {
            return Some(Outcome::nothing(why));
        }
        if protocol.carries == Carries::Anthropic && !self.is_external() {
            let own = chosen.model.map(|model| model.text("baseUrl").is_some());
            let base = || self.env.text("ANTHROPIC_BASE_URL").is_some();
            match own {
                Some(false) => {
                    return Some(Outcome::nothing(
                        "the selected model has no baseUrl; add it in modelProviders",
                    ));
                }
                None if !base() => return Some(Outcome::nothing("ANTHROPIC_BASE_URL is not set")),
                _ => {}
            }
        }
        (!common::is_address(&chosen.base)).then(|| {
            let base = common::printable(&chosen.base);
            Outcome::nothing(format!("{} gives \"{base}\", which is no address", chosen.from.words()))
        })
    }

    fn is_external(&self) -> bool {
        let set = self.settings.get(&[AUTH[0], AUTH[1], "useExternal"]);
        set.is_some_and(|(_, value)| *value == Json::Bool(true))
    }

    /// The headers of the model; without one of the list those of the settings.
    fn headers(&self, chosen: &Chosen<'_>) -> Vec<(String, String)> {
        let headers = match chosen.model {
            Some(model) => model.headers(),
            None => {
                self.settings.get(&["model", "generationConfig", "customHeaders"]).map(|(_, value)| value)
            }
        };
        let pairs = headers.and_then(Json::as_object).into_iter().flatten();
        let filled = |text: &str| self.settings.filled(text).into_owned();
        pairs.filter_map(|(name, value)| Some((name.clone(), filled(value.as_str()?)))).collect()
    }

    /// The variable that the model names, the protocol's own, the settings' deprecated key.
    fn offers(&self, protocol: &Protocol, env_key: Option<&str>) -> Vec<Offer> {
        let mut offers = Vec::new();
        if let Some(name) = env_key {
            let why = format!("the model's envKey is {}", common::printable(name));
            offers.extend(self.of_variable(name, &why, true));
        }
        if env_key != Some(protocol.key) {
            let why = format!("{} is the variable of this protocol", protocol.key);
            offers.extend(self.of_variable(protocol.key, &why, false));
        }
        if let Some((place, key)) = self.deprecated_key() {
            let why = "security.auth.apiKey in the settings, the last one asked";
            offers.push(Offer::usable(Source::Config, place, Value::Present(Secret::new(key)), why));
        }
        offers
    }

    /// The places of a variable. Blanks alone are a key only where a model names the variable.
    fn of_variable(&self, name: &str, why: &str, blank: bool) -> Vec<Offer> {
        let (mut ended, mut set) = (false, false);
        let offer = |found: EnvValue| {
            let (source, place, value) = (found.source, found.place.clone(), found.value());
            match found.ignored {
                Some(why) => Offer::ignored(source, place, value, why),
                None if ended => {
                    Offer::ignored(source, place, value, "a stronger place sets the variable to blanks")
                }
                None if is_blank(&found.text) && !blank => {
                    ended = true;
                    Offer::ignored(source, place, value, "it holds blanks alone")
                }
                None => {
                    let shadow = set.then(|| "a variable that is set is not replaced".to_owned());
                    set = true;
                    Offer { shadow, ..Offer::usable(source, place, value, why) }
                }
            }
        };
        self.env.variable(name).into_iter().map(offer).collect()
    }

    fn lints(&self, chosen: &Chosen<'_>, env_key: Option<&str>) -> Vec<Lint> {
        let mut lints = Vec::new();
        let protocol = chosen.protocol;
        let host = common::host_of(&chosen.base);
        let own = [protocol.listed, protocol.default].map(common::host_of);
        let of_company = |company: &str| common::is_within(&host, company);
        let is_own = own.contains(&host) || of_company("openai.com") || of_company("anthropic.com");
        let of_model = chosen.from == From::Model && env_key.is_some_and(|name| name != protocol.key);
        if chosen.from != From::Default && !is_own && !of_model {
            lints.push(common::foreign_base("Qwen Code", &chosen.base, chosen.from.words()));
        }
        let base = protocol.base.filter(|name| *name == "OPENAI_BASE_URL" && chosen.from == From::Default);
        if let Some(read) = base.filter(|_| self.env.text("OPENAI_API_BASE").is_some()) {
            let words = format!("OPENAI_API_BASE is set, and Qwen Code does not read it: the name is {read}");
            lints.push(Lint::warn("variable-unused", words));
        }
        let unset = env_key.filter(|name| *name != protocol.key && self.env.text(name).is_none());
        if let Some(name) = unset.filter(|_| self.env.text(protocol.key).is_some()) {
            let (name, other) = (common::printable(name), protocol.key);
            lints.push(Lint::fault(
                "other-key-sent",
                format!("{name} is not set, so that {other} is sent to this model's address instead"),
            ));
        }
        lints
    }

    /// No protocol with a key is chosen.
    pub(super) fn without_protocol(&self, start: &Start) -> Question {
        let (name, outcome, lint) = match start {
            Start::Login if self.is_external() => {
                (LOGIN.to_owned(), Outcome::hidden("another program signs in to Qwen"), None)
            }
            Start::Login => {
                let why = "Qwen's free login ended on 15 April 2026; choose another with /auth, or set \
                           security.auth.selectedType";
                (LOGIN.to_owned(), Outcome::nothing(why), Some(Lint::fault("does-not-start", why)))
            }
            Start::Unknown(name) => {
                let name = common::printable(name);
                let why = format!("security.auth.selectedType is {name}, which Qwen Code does not know");
                let lint = Lint::fault("does-not-start", why.clone());
                (name, Outcome::nothing(why), Some(lint))
            }
            Start::None | Start::With(_) => {
                let why = "no authentication type is selected; set security.auth.selectedType, or key, address and \
                           model of one protocol in the environment";
                ("none".to_owned(), Outcome::nothing(why), Some(Lint::note("no-provider", why)))
            }
        };
        let reason = outcome.reason().to_owned();
        let keys = PROTOCOLS.iter().filter(|protocol| protocol.id != RESPONSES).map(|protocol| protocol.key);
        let ignored = |found: EnvValue| {
            Offer::ignored(found.source, found.place.clone(), found.value(), reason.as_str())
        };
        let offers = keys.flat_map(|key| self.env.variable(key)).map(ignored).collect();
        let request = Request { without: Without::Ends(outcome), ..Request::new(Header::Bearer, "", "") };
        Question { in_use: true, lints: lint.into_iter().collect(), ..Question::new(name, offers, request) }
    }
}

/// The choice of the OpenAI protocol, for a new key where none is chosen.
pub fn to_choose(settings: &Settings) -> Neighbour {
    let pointer = Pointer::new([AUTH[0], AUTH[1], "selectedType"]);
    let place = Place::Field { file: settings.own_file(), format: Format::Json5, pointer };
    let why = "chooses the protocol that the key is for".to_owned();
    Neighbour { place, set: Set::Json(Json::String("openai".to_owned())), why }
}

/// What Node puts into a header; a text that none can carry ends in an error before anything is sent.
fn library(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    let reason = "the key has characters that no header can carry, and Qwen Code sends nothing";
    common::fetch_text(key, header).ok_or_else(|| Unsendable::Stops(reason.to_owned()))
}
