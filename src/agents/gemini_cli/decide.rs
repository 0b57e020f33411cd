//! The authentication type and what it sends.

use crate::agents::common;
use crate::agents::engine::{self, Clash, EnvFiles, EnvValue, Request, Without, headers};
use crate::resolve::{Gives, Header, Mode, Offer, Outcome};
use crate::source::Value;

use super::Gemini;
use super::credentials::Stored;
use super::settings::Trust;

const API_BASE: &str = "https://generativelanguage.googleapis.com";
const VERTEX_BASE: &str = "https://aiplatform.googleapis.com";
const LOGIN_BASE: &str = "https://cloudcode-pa.googleapis.com";
const SEALED_LOGIN: &str = "the Google login is in a store that only Gemini CLI opens";

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
    /// A name that is unknown.
    Other,
}

impl Type {
    /// The name in the settings.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Key | Self::None => "gemini-api-key",
            Self::Vertex => "vertex-ai",
            Self::Login => "oauth-personal",
            Self::Gateway => "gateway",
            Self::Machine => "compute-default-credentials",
            Self::Other => "other",
        }
    }

    /// The type that the settings call so.
    pub fn named(name: &str) -> Self {
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

/// The type that variables choose where no setting does.
pub fn from_env(environment: &EnvFiles) -> Type {
    let is_true = |name| environment.text(name).as_deref() == Some("true");
    let is_set = |name| environment.nonempty(name).is_some();
    match () {
        () if is_true("GOOGLE_GENAI_USE_GCA") => Type::Login,
        () if is_true("GOOGLE_GENAI_USE_VERTEXAI") => Type::Vertex,
        () if is_set("GOOGLE_GEMINI_BASE_URL") => Type::Gateway,
        () if is_set("GEMINI_API_KEY") => Type::Key,
        () if is_true("CLOUD_SHELL") || is_true("GEMINI_CLI_USE_COMPUTE_ADC") => Type::Machine,
        () => Type::None,
    }
}

impl Gemini<'_> {
    /// All candidates: those of the type in use first.
    pub(super) fn offers(&self) -> Vec<Offer> {
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
                    let hidden = "the key is in a store that only Gemini CLI opens".to_owned();
                    Offer::usable(stored.source, place, value, why).gives(Gives::Hidden(hidden))
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
        let of_vertex = self.variables("GOOGLE_API_KEY", vertex, "GOOGLE_API_KEY is for Vertex only");
        let region =
            self.text("GOOGLE_CLOUD_LOCATION").is_some_and(|region| region == "us" || region == "eu");
        let unclear = region && self.text("GOOGLE_VERTEX_BASE_URL").is_none();
        offers.extend(of_vertex.into_iter().map(|offer| match &offer.gives {
            Gives::Key(_) if unclear => {
                let reason = "the address of Vertex in the locations us and eu is unknown";
                offer.gives(Gives::Unknown(reason.to_owned()))
            }
            _ => offer,
        }));
        offers.extend(self.login.iter().map(|login| {
            let (place, value) = (login.place.clone(), login.value.clone());
            let usable = Offer::usable(login.source, place, value, "the Google login is the selected type");
            let offer = match &usable.gives {
                _ if self.kind != Type::Login => {
                    Offer::ignored(login.source, login.place.clone(), login.value.clone(), not_selected)
                }
                Gives::Key(_) if login.expired => {
                    let why = "the Google login has expired and is renewed first";
                    usable.gives(Gives::Hidden(why.to_owned()))
                }
                Gives::Hidden(_) => usable.gives(Gives::Hidden(SEALED_LOGIN.to_owned())),
                _ => usable,
            };
            offer.named("Google login")
        }));
        offers
    }

    fn variables(&self, name: &str, why: Option<&str>, otherwise: &str) -> Vec<Offer> {
        let found = self.environment.variable(name);
        let offer = |one: &EnvValue| {
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

    /// Why no request is made, or what is unknown of it: trust, then the type.
    pub(super) fn refusal(&self, mode: Mode) -> Option<Outcome> {
        if let Some(reason) = self.settings.refusal() {
            return Some(Outcome::nothing(reason));
        }
        match (&self.settings.trust, mode) {
            (Trust::Broken(reason), _) => return Some(Outcome::nothing(reason.as_str())),
            (Trust::Untrusted, Mode::Headless) => {
                return Some(Outcome::nothing("Gemini CLI is not running in a trusted directory"));
            }
            (Trust::Untrusted, Mode::Interactive) => {
                let reason = "Gemini CLI asks at start whether to trust this folder; what it reads depends on the answer";
                return Some(Outcome::unknown(reason));
            }
            (Trust::Trusted, _) => {}
        }
        if let Some(reason) = self.enforced() {
            return Some(Outcome::nothing(reason));
        }
        match self.kind {
            Type::Gateway if mode == Mode::Headless => {
                Some(Outcome::nothing("Invalid auth method selected."))
            }
            Type::Gateway | Type::Other => {
                Some(Outcome::unknown("what this authentication type sends is unknown"))
            }
            Type::None => Some(Outcome::nothing(
                "Please set an Auth method, or one of GEMINI_API_KEY, GOOGLE_GENAI_USE_VERTEXAI, GOOGLE_GENAI_USE_GCA",
            )),
            Type::Login if self.text("GOOGLE_CLOUD_ACCESS_TOKEN").is_some() => {
                Some(Outcome::unknown("what GOOGLE_CLOUD_ACCESS_TOKEN does beside a login is unknown"))
            }
            Type::Key | Type::Vertex | Type::Login | Type::Machine => None,
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

    /// A key in its header, which a custom header replaces, and once more as bearer where that is asked for; a login as
    /// bearer alone.
    pub(super) fn request(&self, offers: &[Offer]) -> Request {
        let without = Without::Ends(self.without());
        if self.kind == Type::Login {
            let base = self.text("CODE_ASSIST_ENDPOINT").unwrap_or_else(|| LOGIN_BASE.to_owned());
            let library = |key: &_, _: &_| Ok(Clone::clone(key));
            return Request { library, without, ..Request::new(Header::Bearer, base, "") };
        }
        let base = match self.kind {
            Type::Vertex => self.text("GOOGLE_VERTEX_BASE_URL").unwrap_or_else(|| VERTEX_BASE.to_owned()),
            _ => self.text("GOOGLE_GEMINI_BASE_URL").unwrap_or_else(|| API_BASE.to_owned()),
        };
        let bearer = self.text("GEMINI_API_KEY_AUTH_MECHANISM").as_deref() == Some("bearer");
        let custom = self.text("GEMINI_CLI_CUSTOM_HEADERS").unwrap_or_default();
        let pairs = custom.split(',').filter_map(|pair| pair.split_once(':'));
        let mut own = headers::all(pairs.map(|(name, value)| (name.trim(), value.trim())), Clash::Replaces);
        own.retain(|one| !bearer || one.sent.header.name() != "authorization");
        let found = offers.iter().position(|offer| offer.gives.wins());
        Request {
            library: |key, header| {
                engine::fetch(key, &Header::Bearer, "Gemini CLI")?;
                engine::fetch(key, header, "Gemini CLI")
            },
            also: found.filter(|_| bearer).map(|at| (at, Header::Bearer)),
            own,
            without,
            ..Request::new(Header::raw("x-goog-api-key"), base, "")
        }
    }

    /// What happens without a key.
    fn without(&self) -> Outcome {
        match (self.kind, &self.stored) {
            (Type::Machine, _) => Outcome::hidden("the machine's Google credentials give the token"),
            (Type::Login, _) if self.login.is_some() => Outcome::hidden(SEALED_LOGIN),
            (Type::Login, _) => Outcome::nothing("no Google login is stored; start `gemini` and sign in"),
            (Type::Vertex, _) => {
                let project =
                    self.text("GOOGLE_CLOUD_PROJECT").or_else(|| self.text("GOOGLE_CLOUD_PROJECT_ID"));
                if project.is_some() && self.text("GOOGLE_CLOUD_LOCATION").is_some() {
                    return Outcome::hidden("Google's default credentials give the token");
                }
                Outcome::nothing(
                    "When using Vertex AI, you must specify either GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, or GOOGLE_API_KEY",
                )
            }
            (_, Some(Stored { value: Value::Unreadable(why), .. })) if self.selected => {
                Outcome::nothing(format!("the stored key cannot be opened: {why}"))
            }
            _ => Outcome::nothing(
                "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.",
            ),
        }
    }
}
