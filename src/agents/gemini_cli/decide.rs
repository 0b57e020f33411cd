//! The authentication type and what it sends.

use crate::agents::common::{self, EnvFiles};
use crate::resolve::{Chain, Header, Mode, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::Value;
use crate::world::World;

use super::credentials::{self, Stored};
use super::lints;
use super::settings::{Settings, Trust};

const API_BASE: &str = "https://generativelanguage.googleapis.com";
const VERTEX_BASE: &str = "https://aiplatform.googleapis.com";
const LOGIN_BASE: &str = "https://cloudcode-pa.googleapis.com";

/// Gemini CLI's authentication types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `gemini-api-key`.
    Key,
    /// `vertex-ai`.
    Vertex,
    /// `oauth-personal`.
    Login,
    /// `gateway`: another server.
    Gateway,
    /// `compute-default-credentials` and its old name.
    Machine,
    /// None is set.
    None,
    /// A name that is not on record.
    Other,
}

impl Type {
    fn id(self) -> &'static str {
        match self {
            Self::Key | Self::None => "gemini-api-key",
            Self::Vertex => "vertex-ai",
            Self::Login => "oauth-personal",
            Self::Gateway => "gateway",
            Self::Machine => "compute-default-credentials",
            Self::Other => "other",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "gemini-api-key" => Self::Key,
            "vertex-ai" => Self::Vertex,
            "oauth-personal" => Self::Login,
            "gateway" => Self::Gateway,
            "compute-default-credentials" | "cloud-shell" => Self::Machine,
            _ => Self::Other,
        }
    }
}

/// Everything that decides.
pub struct Asked<'a> {
    /// The machine.
    pub world: &'a dyn World,
    /// The settings.
    pub settings: &'a Settings,
    /// The variables.
    pub environment: &'a EnvFiles,
    /// The type in use.
    pub kind: Type,
    /// A setting selects it.
    pub selected: bool,
    /// The stored key.
    pub stored: Option<Stored>,
    /// The Google login.
    pub login: Option<Stored>,
}

/// The slot in one mode.
pub fn slot(world: &dyn World, settings: &Settings, environment: &EnvFiles, mode: Mode) -> Slot {
    let selected = settings.selected(world);
    let asked = Asked {
        world,
        settings,
        environment,
        kind: selected.as_deref().map_or_else(|| from_env(world, environment), Type::named),
        selected: selected.is_some(),
        stored: credentials::key(world, settings),
        login: credentials::login(world, settings),
    };
    let mut chain = Chain::new();
    for offer in asked.offers() {
        chain.push(offer);
    }
    let settled = chain.settle();
    Slot {
        agent: super::ID,
        profile: "default".to_owned(),
        mode: Some(mode),
        provider: match asked.kind {
            Type::Key | Type::None => Some("gemini".to_owned()),
            Type::Vertex => Some("vertex".to_owned()),
            _ => None,
        },
        agent_provider: asked.kind.id().to_owned(),
        in_use: true,
        candidates: settled.candidates,
        active: settled.active,
        outcome: asked.outcome(mode),
        lints: lints::of_slot(&asked),
    }
}

/// The type that variables choose where no setting does.
fn from_env(world: &dyn World, environment: &EnvFiles) -> Type {
    let is_true = |name| environment.text(world, name).as_deref() == Some("true");
    let is_set = |name| environment.nonempty(world, name).is_some();
    match () {
        () if is_true("GOOGLE_GENAI_USE_GCA") => Type::Login,
        () if is_true("GOOGLE_GENAI_USE_VERTEXAI") => Type::Vertex,
        () if is_set("GOOGLE_GEMINI_BASE_URL") => Type::Gateway,
        () if is_set("GEMINI_API_KEY") => Type::Key,
        () if is_true("CLOUD_SHELL") || is_true("GEMINI_CLI_USE_COMPUTE_ADC") => Type::Machine,
        () => Type::None,
    }
}

impl Asked<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.environment.nonempty(self.world, name)
    }

    /// All candidates: those of the type in use first.
    fn offers(&self) -> Vec<Offer> {
        let key = matches!(self.kind, Type::Key | Type::Gateway | Type::None);
        let not_selected = "another authentication type is in use";
        let mut offers =
            self.variables("GEMINI_API_KEY", key.then_some("the key of AI Studio"), not_selected);
        offers.extend(self.stored.iter().map(|stored| {
            let (place, value) = (stored.place.clone(), stored.value.clone());
            match (self.kind, self.selected) {
                (Type::Key, true) if matches!(value, Value::Unreadable(_)) => {
                    let why = "Gemini CLI cannot open its store either and goes on without it";
                    Offer::ignored(stored.source, place, value, why)
                }
                (Type::Key, true) if value == Value::Sealed => {
                    let why = "sealed, written by Gemini CLI itself; /auth in Gemini CLI changes it";
                    Offer::usable(stored.source, place, value, why)
                }
                (Type::Key, true) => {
                    Offer::usable(stored.source, place, value, "the key that Gemini CLI keeps itself")
                }
                (Type::Key | Type::None, false) => {
                    let why = "the stored key is read only where security.auth.selectedType is set";
                    Offer::ignored(stored.source, place, value, why)
                }
                _ => Offer::ignored(stored.source, place, value, not_selected),
            }
        }));
        let vertex = (self.kind == Type::Vertex).then_some("the key of Vertex");
        offers.extend(self.variables("GOOGLE_API_KEY", vertex, "GOOGLE_API_KEY is for Vertex only"));
        offers.extend(self.login.iter().map(|login| {
            let (place, value) = (login.place.clone(), login.value.clone());
            if self.kind == Type::Login {
                Offer::usable(login.source, place, value, "the Google login is the selected type")
                    .named("Google login")
            } else {
                Offer::ignored(login.source, place, value, not_selected).named("Google login")
            }
        }));
        offers
    }

    fn variables(&self, name: &str, why: Option<&str>, otherwise: &str) -> Vec<Offer> {
        let found = self.environment.variable(self.world, name);
        let offer = |one: &common::Found| {
            let (source, place, value) = (one.source, one.place.clone(), one.value());
            match (why, one.ignored) {
                (_, Some(ignored)) => Offer::ignored(source, place, value, ignored),
                (None, _) => Offer::ignored(source, place, value, otherwise),
                (Some(_), None) if one.text.is_empty() => Offer::ignored(source, place, value, "it is empty"),
                (Some(why), None) => Offer::usable(source, place, value, why),
            }
        };
        found.iter().map(offer).collect()
    }

    fn outcome(&self, mode: Mode) -> Outcome {
        let nothing = |reason: &str| Outcome::Nothing { reason: reason.to_owned() };
        if let Some(reason) = self.settings.refusal() {
            return Outcome::Nothing { reason };
        }
        match (&self.settings.trust, mode) {
            (Trust::Broken(reason), _) => return Outcome::Nothing { reason: reason.clone() },
            (Trust::Untrusted, Mode::Headless) => {
                return nothing("Gemini CLI is not running in a trusted directory");
            }
            (Trust::Untrusted, Mode::Interactive) => {
                let reason = "Gemini CLI asks at start whether to trust this folder; what it reads depends on the answer";
                return Outcome::NotKnown { reason: reason.to_owned() };
            }
            (Trust::Trusted, _) => {}
        }
        if let Some(reason) = self.enforced() {
            return Outcome::Nothing { reason };
        }
        match self.kind {
            Type::Key => self.with_key(),
            Type::Vertex => self.with_vertex(),
            Type::Login => self.with_login(),
            Type::Gateway if mode == Mode::Headless => nothing("Invalid auth method selected."),
            Type::Gateway | Type::Other => Outcome::NotKnown {
                reason: "what this authentication type sends is not on record".to_owned(),
            },
            Type::Machine => {
                Outcome::Hidden { reason: "the machine's Google credentials give the token".to_owned() }
            }
            Type::None => nothing(
                "Please set an Auth method, or one of GEMINI_API_KEY, GOOGLE_GENAI_USE_VERTEXAI, GOOGLE_GENAI_USE_GCA",
            ),
        }
    }

    fn enforced(&self) -> Option<String> {
        let enforced = self.settings.text(self.world, &["security", "auth", "enforcedType"])?;
        if self.kind != Type::None && self.kind == Type::named(&enforced) {
            return None;
        }
        let (enforced, current) = (common::printable(&enforced), self.kind.id());
        Some(match self.kind {
            Type::None => {
                format!("The auth type '{enforced}' is enforced, but no authentication is configured.")
            }
            _ => format!(
                "The enforced authentication type is '{enforced}', but the current type is '{current}'."
            ),
        })
    }

    fn with_key(&self) -> Outcome {
        let name = "GEMINI_API_KEY";
        let key = match (self.text(name), &self.stored) {
            (Some(key), _) => Secret::new(key),
            (None, Some(stored)) if self.selected => {
                if let Value::Unreadable(why) = &stored.value {
                    return Outcome::Nothing { reason: format!("the stored key cannot be opened: {why}") };
                }
                let Some(text) = &stored.text else {
                    let reason = "the key is in a store that only Gemini CLI opens";
                    return Outcome::Hidden { reason: reason.to_owned() };
                };
                text.clone()
            }
            _ => {
                let reason =
                    "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.";
                return Outcome::Nothing { reason: reason.to_owned() };
            }
        };
        let base = self.text("GOOGLE_GEMINI_BASE_URL").unwrap_or_else(|| API_BASE.to_owned());
        self.sends(&key, base)
    }

    fn with_vertex(&self) -> Outcome {
        let Some(key) = self.text("GOOGLE_API_KEY") else {
            let project = self.text("GOOGLE_CLOUD_PROJECT").or_else(|| self.text("GOOGLE_CLOUD_PROJECT_ID"));
            return if project.is_some() && self.text("GOOGLE_CLOUD_LOCATION").is_some() {
                Outcome::Hidden { reason: "Google's default credentials give the token".to_owned() }
            } else {
                let reason = "When using Vertex AI, you must specify either GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, or GOOGLE_API_KEY";
                Outcome::Nothing { reason: reason.to_owned() }
            };
        };
        let base = self.text("GOOGLE_VERTEX_BASE_URL");
        let region = self.text("GOOGLE_CLOUD_LOCATION").filter(|region| region == "us" || region == "eu");
        if base.is_none() && region.is_some() {
            let reason = "the address of Vertex in the locations us and eu is not on record";
            return Outcome::NotKnown { reason: reason.to_owned() };
        }
        self.sends(&Secret::new(key), base.unwrap_or_else(|| VERTEX_BASE.to_owned()))
    }

    fn with_login(&self) -> Outcome {
        if self.text("GOOGLE_CLOUD_ACCESS_TOKEN").is_some() {
            let reason = "what GOOGLE_CLOUD_ACCESS_TOKEN does beside a login is not on record";
            return Outcome::NotKnown { reason: reason.to_owned() };
        }
        let Some(login) = &self.login else {
            return Outcome::Nothing {
                reason: "no Google login is stored; start `gemini` and sign in".to_owned(),
            };
        };
        match &login.text {
            Some(token) if !login.expired => Outcome::Sends {
                sent: Sent { header: Header::Bearer, key: token.clone() },
                base_url: self.text("CODE_ASSIST_ENDPOINT").unwrap_or_else(|| LOGIN_BASE.to_owned()),
                also: Vec::new(),
            },
            Some(_) => {
                Outcome::Hidden { reason: "the Google login has expired and is renewed first".to_owned() }
            }
            None => Outcome::Hidden {
                reason: "the Google login is in a store that only Gemini CLI opens".to_owned(),
            },
        }
    }

    /// A key in its header, which a custom header replaces, and once more as bearer where that is asked for.
    fn sends(&self, key: &Secret, base_url: String) -> Outcome {
        let header = Header::raw("x-goog-api-key");
        let (Some(raw), Some(bearer)) =
            (common::fetch_text(key, &header), common::fetch_text(key, &Header::Bearer))
        else {
            let reason =
                "it holds characters that no header can carry; what Gemini CLI does then is not on record";
            return Outcome::NotKnown { reason: reason.to_owned() };
        };
        let mut sent = vec![Sent { header, key: raw }];
        let custom = self.text("GEMINI_CLI_CUSTOM_HEADERS").unwrap_or_default();
        let pairs = custom.split(',').filter_map(|pair| pair.split_once(':'));
        for one in common::extra_headers(pairs.map(|(name, value)| (name.trim(), value.trim()))) {
            sent.retain(|other| other.header.name() != one.header.name());
            sent.push(one);
        }
        if self.text("GEMINI_API_KEY_AUTH_MECHANISM").as_deref() == Some("bearer") {
            sent.retain(|other| other.header.name() != "authorization");
            sent.push(Sent { header: Header::Bearer, key: bearer });
        }
        sent.sort_by_key(|one| one.header.name() != "x-goog-api-key");
        let mut sent = sent.into_iter();
        match sent.next() {
            Some(first) => Outcome::Sends { sent: first, base_url, also: sent.collect() },
            None => Outcome::Nothing { reason: "no credential".to_owned() },
        }
    }
}
