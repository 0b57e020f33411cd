//! What LiteLLM sends to each provider: its variables in order, its base URLs, its header. Aider sends through it.
//!
//! From `litellm/main.py` and `litellm_core_utils/get_llm_provider_logic.py` of 1.81.10 (the one aider 0.86.2 pins),
//! 1.106.2 and 1.110.2, and from recordings of them; [`super::table`] has the providers.

use super::table::WIRES;
use crate::agents::common::{foreign_base, host_of, printable, trimmed};
use crate::agents::engine::{Clash, EnvValue, Layers, OwnHeader, Question, Request, Without};
use crate::agents::python;
use crate::finding::Lint;
use crate::resolve::{Header, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

/// Which recorded LiteLLM applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 1.81.10, inside aider 0.86.2.
    V1_81,
    /// 1.106.2 to 1.110.2.
    V1_106,
}

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Authorization: Bearer`.
    Bearer,
    /// Anthropic's own headers.
    Anthropic,
    /// Google's own ways.
    Gemini,
    /// Azure's own header.
    Azure,
    /// In another way: signed, exchanged for a token, in a scheme of its own, or with an account's name in the address.
    Other,
}

/// Who makes the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// LiteLLM's own client.
    Own,
    /// OpenAI's SDK, which takes `OPENAI_API_KEY` where it is given no key.
    Sdk,
}

/// One provider.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// LiteLLM's name, in front of the model: `together_ai`.
    pub id: &'static str,
    /// The catalogue's id; empty where it has none.
    pub provider: &'static str,
    /// The variables for the key, strongest first.
    pub keys: &'static [&'static str],
    /// The variables for the base URL, strongest first.
    pub bases: &'static [&'static str],
    /// The base URL without any of them; empty where one of them has to be set.
    pub base: &'static str,
    /// How it takes its key.
    pub kind: Kind,
    /// Who makes the request.
    pub client: Client,
    /// What is sent where no key is set.
    pub placeholder: Option<&'static str>,
    /// A slot is shown even where nothing is configured.
    pub common: bool,
    /// The only generation for which this holds.
    pub only: Option<Generation>,
}

/// Where everything goes with `USE_LITELLM_PROXY`.
const PROXY: Wire =
    Wire::row("litellm_proxy", "", Client::Own, &["LITELLM_PROXY_API_KEY"], &["LITELLM_PROXY_API_BASE"], "");

/// The providers of a generation, those that most people use first.
pub fn wires(generation: Generation) -> impl Iterator<Item = &'static Wire> {
    WIRES.iter().filter(move |wire| wire.only.is_none_or(|only| only == generation))
}

/// The provider that LiteLLM calls `id`.
pub fn wire(id: &str, generation: Generation) -> Option<&'static Wire> {
    wires(generation).find(|wire| wire.id == id)
}

/// The provider that LiteLLM takes for a model: its prefix, or its name where that is plain.
pub fn of_model(model: &str) -> Option<&str> {
    if let Some((prefix, _)) = model.split_once('/') {
        return Some(prefix);
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if starts(&["claude-"]) {
        Some("anthropic")
    } else if starts(&["gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-"]) {
        Some("openai")
    } else {
        None
    }
}

/// What OpenAI's SDK reads where it is given no key.
const OPENAI: &str = "OPENAI_API_KEY";

/// A value that LiteLLM's `get_secret` turns into a boolean and then drops.
fn reads_as_boolean(value: &str) -> Option<&'static str> {
    let value = value.trim();
    (value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"))
        .then_some("LiteLLM reads it as true or false, not as a key")
}

/// The question of one slot, apart from the variables.
pub struct Ask {
    /// The agent's name.
    pub name: &'static str,
    /// Its rules.
    pub generation: Generation,
    /// The agent's own identity.
    pub profile: String,
    /// It would be used now.
    pub in_use: bool,
    /// What comes before the variables, strongest first.
    pub before: Vec<Offer>,
    /// What does not count at all, shown last.
    pub after: Vec<Offer>,
    /// A base URL that comes before the variables, and where it is.
    pub base: Option<(String, String)>,
    /// The key before the variables is there and is sent as it is.
    pub before_key: Option<Secret>,
}

impl Wire {
    /// A provider with a bearer token.
    pub const fn row(
        id: &'static str,
        provider: &'static str,
        client: Client,
        keys: &'static [&'static str],
        bases: &'static [&'static str],
        base: &'static str,
    ) -> Self {
        let kind = Kind::Bearer;
        Self { id, provider, keys, bases, base, kind, client, placeholder: None, common: false, only: None }
    }

    /// The same, shown even where nothing is configured.
    #[must_use]
    pub const fn common(self) -> Self {
        Self { common: true, ..self }
    }

    /// The same for one generation alone.
    #[must_use]
    pub const fn only(self, generation: Generation) -> Self {
        Self { only: Some(generation), ..self }
    }

    /// The same with another way to take the key.
    #[must_use]
    pub const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same with a word that is sent where no key is set.
    #[must_use]
    pub const fn or_sends(self, placeholder: &'static str) -> Self {
        Self { placeholder: Some(placeholder), ..self }
    }

    /// The variable of OpenAI that its SDK takes for another company's key.
    fn is_foreign(&self, name: &str) -> bool {
        name == OPENAI && self.provider != "openai"
    }

    fn unusable(&self, generation: Generation) -> fn(&str) -> Option<&'static str> {
        match (self.kind, generation) {
            // 1.106 `AnthropicModelInfo.get_api_key`: a key of blanks is treated as unset; `os.environ.get` reads it first,
            // so that "true" is a key.
            (Kind::Anthropic, Generation::V1_106) => {
                |value| value.trim().is_empty().then_some("nothing but blanks")
            }
            (Kind::Anthropic, Generation::V1_81) => |_| None,
            _ => reads_as_boolean,
        }
    }

    /// The variables that this generation reads.
    fn keys_of(&self, generation: Generation) -> &'static [&'static str] {
        match (self.kind, generation) {
            // 1.81 has no ANTHROPIC_AUTH_TOKEN.
            (Kind::Anthropic, Generation::V1_81) => &self.keys[..1],
            _ => self.keys,
        }
    }

    /// The variable whose value is sent.
    fn deciding<'a>(&self, layers: &'a Layers, generation: Generation) -> Option<&'a EnvValue> {
        let unusable = self.unusable(generation);
        let decides = |layer: &&EnvValue| !layer.text.is_empty() && unusable(&layer.text).is_none();
        self.keys_of(generation).iter().find_map(|name| layers.get(name).filter(decides))
    }

    /// Whether any variable of this provider's own is set at all.
    pub fn mentioned(&self, layers: &Layers) -> bool {
        let own = self.keys.iter().chain(self.bases).filter(|name| !name.starts_with("OPENAI_"));
        own.into_iter().any(|name| layers.get(name).is_some())
    }

    /// Where the requests go, and the variable that says so.
    pub fn base_of(&self, layers: &Layers) -> (String, Option<&'static str>) {
        let set =
            |name: &&&'static str| layers.text(name).is_some_and(|value| reads_as_boolean(value).is_none());
        match self.bases.iter().find(set) {
            Some(name) => (layers.text(name).unwrap_or_default().to_owned(), Some(name)),
            None => (self.base.to_owned(), None),
        }
    }

    fn header(
        &self,
        generation: Generation,
        moved: bool,
        variable: Option<&str>,
        key: Option<&Secret>,
    ) -> Header {
        match (self.kind, generation) {
            (Kind::Bearer | Kind::Other, _) => Header::Bearer,
            (Kind::Azure, _) => Header::raw("api-key"),
            (Kind::Gemini, Generation::V1_81) if !moved => Header::Query("key".to_owned()),
            (Kind::Gemini, _) => Header::raw("x-goog-api-key"),
            (Kind::Anthropic, Generation::V1_106)
                if variable == Some("ANTHROPIC_AUTH_TOKEN")
                    || key.is_some_and(|key| key.starts_with("sk-ant-oat")) =>
            {
                Header::Bearer
            }
            (Kind::Anthropic, _) => Header::raw("x-api-key"),
        }
    }

    /// The headers of a person's own that go with a request, or why that is unknown. LiteLLM's own client lays the key's
    /// header over them, OpenAI's SDK them over the key's; both go by the exact spelling, and of two spellings send both.
    pub fn own_headers<'h>(
        &self,
        request: &Request,
        headers: impl Iterator<Item = (&'h str, &'h str, &'h Place)>,
    ) -> Result<Vec<OwnHeader>, &'static str> {
        let of_key = request.header.name();
        let spelled = if of_key == "authorization" { "Authorization" } else { of_key.as_str() };
        let mut all = Vec::new();
        for (name, value, place) in headers {
            let Some(own) = OwnHeader::shown(name, value, Source::Config, place.clone()) else { continue };
            let same = name.eq_ignore_ascii_case(&of_key);
            let clash = match self.kind {
                Kind::Azure => return Err("a header of your own is unknown for Azure"),
                Kind::Gemini if same => return Err("a key in a header of your own is unknown for Gemini"),
                _ if !same => Clash::Both,
                _ if name != spelled => {
                    return Err(
                        "the header of the key is there twice, in two spellings; which one is used is unknown",
                    );
                }
                _ if self.client == Client::Sdk => Clash::Replaces,
                _ => Clash::Yields,
            };
            all.push(own.clashing(clash));
        }
        Ok(all)
    }

    /// LiteLLM's own client makes the request without a key too, if a header of the person's own is there.
    pub fn without_key(&self, question: &mut Question) {
        if self.kind == Kind::Bearer && self.client == Client::Own && !question.request.own.is_empty() {
            question.request.without = Without::Bare("no key is set".to_owned());
        }
    }

    /// What there is for this provider with the variables as they are; for the LiteLLM proxy, where that takes its place.
    pub fn question(&self, layers: &Layers, ask: Ask) -> Question {
        let proxied =
            layers.text("USE_LITELLM_PROXY").is_some_and(|on| on.trim().eq_ignore_ascii_case("true"));
        if !proxied {
            return self.own_question(layers, ask);
        }
        let given = ask.base.is_some() || ask.before_key.is_some();
        let mut question = PROXY.own_question(layers, ask);
        question.provider = None;
        self.id.clone_into(&mut question.agent_provider);
        let message = "USE_LITELLM_PROXY sends the requests of every provider to a LiteLLM proxy";
        question.lints.push(Lint::warn("litellm-proxy", message));
        if given || !question.sends() || PROXY.base_of(layers).1.is_none() {
            let reason =
                "what is sent with USE_LITELLM_PROXY and without the proxy's key and base is unknown";
            question.refusal = Some(Outcome::unknown(reason));
        }
        question
    }

    fn own_question(&self, layers: &Layers, ask: Ask) -> Question {
        let generation = ask.generation;
        let deciding = self.deciding(layers, generation);
        let key = ask.before_key.clone().or_else(|| deciding.map(|layer| Secret::new(layer.text.as_str())));
        let variable =
            deciding.filter(|_| ask.before_key.is_none()).and_then(|layer| name_of(layers, self, layer));
        let (base_url, from) = ask.base.clone().map_or_else(
            || {
                let (base, name) = self.base_of(layers);
                (base, name.map(|name| format!("the variable {name}")))
            },
            |(base, from)| (base, Some(from)),
        );
        let mut lints = Vec::new();
        if let Some(from) = from.as_ref().filter(|_| host_of(&base_url) != host_of(self.base)) {
            lints.push(foreign_base(ask.name, &base_url, from));
        }
        let header = self.header(generation, from.is_some(), variable, key.as_ref());
        if let Some(name) = variable.filter(|name| self.is_foreign(name)) {
            let (own, host) = (self.keys.first().unwrap_or(&"its own"), host_of(&base_url));
            let message = format!(
                "{name} is sent to {}: {} takes it because {own} is not set; set {own}, or that company gets the key",
                printable(&host),
                ask.name
            );
            lints.push(Lint::warn("openai-key-elsewhere", message));
        }
        if matches!(header, Header::Query(_)) {
            let message = "the key is sent in the address of the request, so that proxies log it";
            lints.push(Lint::note("key-in-url", message));
        }
        let offers = self.offers(layers, generation, ask.before, ask.after);
        let nothing = !offers.iter().any(|offer| offer.gives.wins());
        let elsewhere = self.instead_of_a_key(layers, generation).filter(|_| nothing);
        let needed = self.base_needed(&base_url, elsewhere.is_some());
        let trims = self.kind == Kind::Anthropic && generation == Generation::V1_106;
        // The openai SDK that 1.106 brings reads the variable; the one of 1.81 does not.
        let own = self.id == "openai" && generation == Generation::V1_106;
        let request = Request::new(header, base_url, self.without(ask.name, generation));
        let request = Request {
            library: if trims { |key, header| python::h11(&trimmed(key), header) } else { python::h11 },
            own: if own { python::custom_headers(layers, "OPENAI_CUSTOM_HEADERS") } else { Vec::new() },
            without: elsewhere.map_or(request.without, |why| Without::Ends(Outcome::unknown(why))),
            ..request
        };
        Question {
            profile: ask.profile,
            provider: Some(self.provider.to_owned()).filter(|id| !id.is_empty()),
            in_use: ask.in_use,
            refusal: if nothing { needed } else { needed.or_else(|| self.unclear()) },
            lints,
            ..Question::new(self.id, offers, request)
        }
    }

    /// What comes of an address that has to be set and is not.
    fn base_needed(&self, base: &str, key_elsewhere: bool) -> Option<Outcome> {
        let name = self.bases.first().filter(|_| base.is_empty() && !key_elsewhere)?;
        Some(Outcome::nothing(format!("{name} is not set, so nothing is sent")))
    }

    fn unclear(&self) -> Option<Outcome> {
        let why = "LiteLLM does not send this key as it is: it signs with it, exchanges it or puts it into a form of its own";
        (self.kind == Kind::Other).then(|| Outcome::unknown(why))
    }

    fn offers(
        &self,
        layers: &Layers,
        generation: Generation,
        before: Vec<Offer>,
        after: Vec<Offer>,
    ) -> Vec<Offer> {
        let mut chain = before;
        let read = self.keys_of(generation);
        for name in self.keys {
            let seen = layers.get(name).is_some();
            if read.contains(name) && self.is_foreign(name) {
                // Shown where it is sent; else it is nobody's business here.
                let sent = self.deciding(layers, generation).and_then(|layer| name_of(layers, self, layer));
                if sent == Some(name) && before_is_empty(&chain) {
                    chain.extend(layers.offers(name, self.unusable(generation)));
                }
            } else if read.contains(name) && (seen || self.keys.first() == Some(name)) {
                chain.extend(layers.offers(name, self.unusable(generation)));
            } else if let (false, Some(layer)) = (read.contains(name), layers.get(name)) {
                let value = Value::of(Some(layer.text.as_str()));
                let why = "this LiteLLM does not read the variable";
                chain.push(Offer::ignored(layer.source, layer.place.clone(), value, why).named(*name));
            }
        }
        if let Some(word) = self.placeholder {
            let place = Place::BuiltIn { what: "LiteLLM's word for a server that wants no key".to_owned() };
            let why = "no key is set, and LiteLLM sends a placeholder";
            chain.push(Offer::usable(Source::BuiltIn, place, Value::of(Some(word)), why));
        }
        if self.kind == Kind::Gemini && generation == Generation::V1_81 && self.base_of(layers).1.is_none() {
            // 1.81.10 `_get_gemini_url` writes the missing key into the address as it is.
            let place = Place::BuiltIn {
                what: "the word None, which LiteLLM writes where a key is missing".to_owned(),
            };
            let why = "no key is set, and LiteLLM writes the word None into the address";
            chain.push(Offer::usable(Source::BuiltIn, place, Value::of(Some("None")), why));
        }
        chain.extend(after);
        chain
    }

    fn without(&self, name: &str, generation: Generation) -> String {
        match (self.kind, self.id, generation) {
            (_, "openai", _) => {
                format!("{name} stops before any request, or sends it without Authorization")
            }
            (Kind::Anthropic, ..) => format!("{name} stops before any request"),
            _ => "no request with a credential is sent".to_owned(),
        }
    }

    /// What takes a missing key's place, and is unknown.
    fn instead_of_a_key(&self, layers: &Layers, generation: Generation) -> Option<&'static str> {
        match (self.kind, generation) {
            (Kind::Azure, _) if layers.text("AZURE_AD_TOKEN").is_some() => {
                Some("AZURE_AD_TOKEN takes the key's place; that is unknown")
            }
            (Kind::Anthropic, Generation::V1_106)
                if layers.text("ANTHROPIC_FEDERATION_RULE_ID").is_some() =>
            {
                Some("workload identity federation takes the key's place; that is unknown")
            }
            _ => None,
        }
    }
}

fn before_is_empty(chain: &[Offer]) -> bool {
    !chain.iter().any(|offer| offer.gives.wins())
}

/// The variable that a layer belongs to.
fn name_of(layers: &Layers, wire: &Wire, layer: &EnvValue) -> Option<&'static str> {
    let same = |name: &&&'static str| layers.get(name).is_some_and(|other| std::ptr::eq(other, layer));
    wire.keys.iter().find(same).copied()
}
