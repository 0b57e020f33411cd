//! What LiteLLM sends to each provider: its variables in order, its base URLs, its header. Aider sends through it.
//!
//! From `litellm/main.py` and `litellm_core_utils/get_llm_provider_logic.py` of 1.81.10 (the one aider 0.86.2 pins)
//! and 1.106.2, and from recordings of both.

use crate::agents::common::{foreign_base, host_of, trimmed};
use crate::agents::engine::{EnvValue, Layers, Question, Request, Without};
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
    /// 1.106.2.
    V1_106,
}

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bearer,
    Anthropic,
    Gemini,
    Azure,
}

/// One provider.
#[derive(Debug)]
pub struct Wire {
    /// LiteLLM's name, in front of the model: `together_ai`.
    pub id: &'static str,
    /// The catalogue's id.
    pub provider: &'static str,
    /// The variables for the key, strongest first.
    pub keys: &'static [&'static str],
    /// The variables for the base URL, strongest first.
    pub bases: &'static [&'static str],
    /// The base URL without any of them.
    pub base: &'static str,
    kind: Kind,
    /// A slot is shown even where nothing is configured.
    pub common: bool,
}

const fn bearer(
    id: &'static str,
    provider: &'static str,
    keys: &'static [&'static str],
    bases: &'static [&'static str],
    base: &'static str,
) -> Wire {
    Wire { id, provider, keys, bases, base, kind: Kind::Bearer, common: false }
}

/// The providers whose rules are known, those that most people use first.
pub const WIRES: &[Wire] = &[
    Wire {
        common: true,
        ..bearer(
            "openrouter",
            "openrouter",
            &["OPENROUTER_API_KEY", "OR_API_KEY"],
            &["OPENROUTER_API_BASE"],
            "https://openrouter.ai/api/v1",
        )
    },
    Wire {
        id: "anthropic",
        provider: "anthropic",
        keys: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
        bases: &["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"],
        base: "https://api.anthropic.com",
        kind: Kind::Anthropic,
        common: true,
    },
    Wire {
        common: true,
        ..bearer(
            "openai",
            "openai",
            &["OPENAI_API_KEY"],
            &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
            "https://api.openai.com/v1",
        )
    },
    Wire {
        id: "gemini",
        provider: "gemini",
        keys: &["GOOGLE_API_KEY", "GEMINI_API_KEY", "PALM_API_KEY"],
        bases: &["GEMINI_API_BASE"],
        base: "https://generativelanguage.googleapis.com/v1beta",
        kind: Kind::Gemini,
        common: true,
    },
    Wire {
        common: true,
        ..bearer(
            "deepseek",
            "deepseek",
            &["DEEPSEEK_API_KEY"],
            &["DEEPSEEK_API_BASE"],
            "https://api.deepseek.com/beta",
        )
    },
    Wire {
        common: true,
        ..bearer("groq", "groq", &["GROQ_API_KEY"], &["GROQ_API_BASE"], "https://api.groq.com/openai/v1")
    },
    bearer(
        "mistral",
        "mistral",
        &["MISTRAL_AZURE_API_KEY", "MISTRAL_API_KEY"],
        &["MISTRAL_AZURE_API_BASE"],
        "https://api.mistral.ai/v1",
    ),
    bearer("xai", "xai", &["XAI_API_KEY"], &["XAI_API_BASE"], "https://api.x.ai/v1"),
    bearer(
        "together_ai",
        "together",
        &["TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"],
        &["TOGETHER_AI_API_BASE"],
        "https://api.together.xyz/v1",
    ),
    bearer(
        "fireworks_ai",
        "fireworks",
        &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"],
        &["FIREWORKS_API_BASE"],
        "https://api.fireworks.ai/inference/v1",
    ),
    bearer(
        "cerebras",
        "cerebras",
        &["CEREBRAS_API_KEY"],
        &["CEREBRAS_API_BASE"],
        "https://api.cerebras.ai/v1",
    ),
    Wire {
        id: "azure",
        provider: "azure-openai",
        keys: &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
        bases: &["AZURE_API_BASE"],
        base: "",
        kind: Kind::Azure,
        common: false,
    },
];

/// Where everything goes with `USE_LITELLM_PROXY`.
const PROXY: Wire = bearer("litellm_proxy", "", &["LITELLM_PROXY_API_KEY"], &["LITELLM_PROXY_API_BASE"], "");

/// The provider that LiteLLM calls `id`.
pub fn wire(id: &str) -> Option<&'static Wire> {
    WIRES.iter().find(|wire| wire.id == id)
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

    /// Whether any variable for this provider is set at all.
    pub fn mentioned(&self, layers: &Layers) -> bool {
        self.keys.iter().any(|name| layers.get(name).is_some())
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
            (Kind::Bearer, _) => Header::Bearer,
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
                // Together moved its host between the two.
                let together = self.id == "together_ai" && generation == Generation::V1_106 && name.is_none();
                let base = if together { "https://api.together.ai/v1".to_owned() } else { base };
                (base, name.map(|name| format!("the variable {name}")))
            },
            |(base, from)| (base, Some(from)),
        );
        let mut lints = Vec::new();
        if let Some(from) = from.as_ref().filter(|_| host_of(&base_url) != host_of(self.base)) {
            lints.push(foreign_base(ask.name, &base_url, from));
        }
        let header = self.header(generation, from.is_some(), variable, key.as_ref());
        if matches!(header, Header::Query(_)) {
            let message = "the key is sent in the address of the request, so that proxies log it";
            lints.push(Lint::note("key-in-url", message));
        }
        let offers = self.offers(layers, generation, ask.before, ask.after);
        let nothing = !offers.iter().any(|offer| offer.gives.wins());
        let elsewhere = self.instead_of_a_key(layers, generation).filter(|_| nothing);
        let refused = self.kind == Kind::Azure && self.base_of(layers).1.is_none() && elsewhere.is_none();
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
            provider: Some(self.provider.to_owned()),
            in_use: ask.in_use,
            refusal: refused.then(|| Outcome::nothing("AZURE_API_BASE is not set, so nothing is sent")),
            lints,
            ..Question::new(self.id, offers, request)
        }
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
            if read.contains(name) && (seen || self.keys.first() == Some(name)) {
                chain.extend(layers.offers(name, self.unusable(generation)));
            } else if let (false, Some(layer)) = (read.contains(name), layers.get(name)) {
                let value = Value::of(Some(layer.text.as_str()));
                let why = "this LiteLLM does not read the variable";
                chain.push(Offer::ignored(layer.source, layer.place.clone(), value, why).named(*name));
            }
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

/// The variable that a layer belongs to.
fn name_of(layers: &Layers, wire: &Wire, layer: &EnvValue) -> Option<&'static str> {
    let same = |name: &&&'static str| layers.get(name).is_some_and(|other| std::ptr::eq(other, layer));
    wire.keys.iter().find(same).copied()
}
