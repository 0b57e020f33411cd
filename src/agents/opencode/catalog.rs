//! The providers that opencode knows from models.dev, as far as keymend has their addresses.

use crate::resolve::Header;

/// A provider of the catalogue.
pub struct Known {
    /// opencode's name for it.
    pub id: &'static str,
    /// keymend's catalogue id.
    pub provider: &'static str,
    /// Its variables. With more than one opencode hands none over, and the library looks for `library` itself.
    pub env: &'static [&'static str],
    /// The variable that the provider's library reads by itself.
    pub library: &'static str,
    /// The variable that moves the library's address.
    pub base_env: Option<&'static str>,
    /// Its address.
    pub base_url: &'static str,
    /// It is shown also where nothing of it is configured.
    pub usual: bool,
}

const fn known(
    id: &'static str,
    provider: &'static str,
    env: &'static [&'static str],
    base_url: &'static str,
) -> Known {
    Known { id, provider, env, library: env[0], base_env: None, base_url, usual: false }
}

/// All of them. The first four and opencode's own are recorded; the others follow the same rule ("exactly one variable,
/// as bearer").
pub const ALL: &[Known] = &[
    Known {
        base_env: Some("ANTHROPIC_BASE_URL"),
        usual: true,
        ..known("anthropic", "anthropic", &["ANTHROPIC_API_KEY"], "https://api.anthropic.com/v1")
    },
    Known {
        base_env: Some("OPENAI_BASE_URL"),
        usual: true,
        ..known("openai", "openai", &["OPENAI_API_KEY"], "https://api.openai.com/v1")
    },
    Known {
        usual: true,
        ..known(
            "google",
            "gemini",
            &["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"],
            "https://generativelanguage.googleapis.com/v1beta",
        )
    },
    Known {
        usual: true,
        ..known("openrouter", "openrouter", &["OPENROUTER_API_KEY"], "https://openrouter.ai/api/v1")
    },
    known("groq", "groq", &["GROQ_API_KEY"], "https://api.groq.com/openai/v1"),
    known("mistral", "mistral", &["MISTRAL_API_KEY"], "https://api.mistral.ai/v1"),
    known("xai", "xai", &["XAI_API_KEY"], "https://api.x.ai/v1"),
    known("deepseek", "deepseek", &["DEEPSEEK_API_KEY"], "https://api.deepseek.com"),
    known("cerebras", "cerebras", &["CEREBRAS_API_KEY"], "https://api.cerebras.ai/v1"),
    known("togetherai", "together", &["TOGETHER_API_KEY"], "https://api.together.xyz/v1"),
    known("fireworks-ai", "fireworks", &["FIREWORKS_API_KEY"], "https://api.fireworks.ai/inference/v1"),
    known("deepinfra", "deepinfra", &["DEEPINFRA_API_KEY"], "https://api.deepinfra.com/v1/openai"),
    known("huggingface", "huggingface", &["HF_TOKEN"], "https://router.huggingface.co/v1"),
    known("nvidia", "nvidia", &["NVIDIA_API_KEY"], "https://integrate.api.nvidia.com/v1"),
    known("opencode", "opencode", &["OPENCODE_API_KEY"], "https://opencode.ai/zen/v1"),
];

/// The provider of this name.
pub fn find(id: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.id == id)
}

/// Which header the library of a provider uses.
pub fn header(id: &str, library: Option<&str>) -> Header {
    match (library, id) {
        (Some("@ai-sdk/anthropic"), _) | (None, "anthropic") => Header::raw("x-api-key"),
        (Some("@ai-sdk/google"), _) | (None, "google") => Header::raw("x-goog-api-key"),
        _ => Header::Bearer,
    }
}
