//! The protocols of Qwen Code: the variables of each, and where it goes without an address.
//!
//! All six authentication types of 0.24.4 (`AUTH_ENV_MAPPINGS` in `packages/core/src/models/constants.ts`).

/// How a key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// `Authorization: Bearer`.
    Bearer,
    /// `x-api-key` to Anthropic itself, a bearer to every other host.
    Anthropic,
    /// `x-goog-api-key`.
    Google,
}

/// A protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Qwen Code's name for it.
    pub id: &'static str,
    /// The catalogue's id of the provider that it goes to by itself.
    pub provider: &'static str,
    /// The variable of its key.
    pub key: &'static str,
    /// The variable of its address.
    pub base: Option<&'static str>,
    /// The variables of its model.
    pub models: &'static [&'static str],
    /// A variable of the library that names the address where nothing else does.
    pub library_base: Option<&'static str>,
    /// The address of a model in the settings that names none; empty where there is none.
    pub listed: &'static str,
    /// The address without any; empty where it does not start.
    pub default: &'static str,
    /// Its header.
    pub carries: Carries,
}

/// OpenAI's.
pub const OPENAI: Protocol = Protocol {
    id: "openai",
    provider: "openai",
    key: "OPENAI_API_KEY",
    base: Some("OPENAI_BASE_URL"),
    models: &["OPENAI_MODEL", "QWEN_MODEL"],
    library_base: None,
    listed: "https://api.openai.com/v1",
    default: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    carries: Carries::Bearer,
};

/// All that take a key, in the order in which complete variables choose one.
pub const PROTOCOLS: &[Protocol] = &[
    OPENAI,
    Protocol {
        id: "gemini",
        provider: "gemini",
        key: "GEMINI_API_KEY",
        base: None,
        models: &["GEMINI_MODEL"],
        library_base: Some("GOOGLE_GEMINI_BASE_URL"),
        listed: "",
        default: "https://generativelanguage.googleapis.com",
        carries: Carries::Google,
    },
    Protocol {
        id: "vertex-ai",
        provider: "vertex",
        key: "GOOGLE_API_KEY",
        base: None,
        models: &["GOOGLE_MODEL"],
        library_base: Some("GOOGLE_VERTEX_BASE_URL"),
        listed: "",
        default: VERTEX,
        carries: Carries::Google,
    },
    Protocol {
        id: "anthropic",
        provider: "anthropic",
        key: "ANTHROPIC_API_KEY",
        base: Some("ANTHROPIC_BASE_URL"),
        models: &["ANTHROPIC_MODEL"],
        library_base: None,
        listed: "",
        default: "",
        carries: Carries::Anthropic,
    },
    Protocol {
        id: RESPONSES,
        models: &["OPENAI_MODEL"],
        listed: "https://api.openai.com/v1",
        default: "https://api.openai.com/v1",
        ..OPENAI
    },
];

/// OpenAI's second protocol, which no variables choose.
pub const RESPONSES: &str = "openai-responses";
/// The login without a key.
pub const LOGIN: &str = "qwen-oauth";
/// Where Vertex AI takes a key.
pub const VERTEX: &str = "https://aiplatform.googleapis.com";

/// The protocol of this name.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.id == name)
}
