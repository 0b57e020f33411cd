//! Values that plainly are no secret: nothing, a switch, a short number, an address without a password, a model, a
//! reference, a name that the document or the catalogue has.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::printer::{has_key, shape::is_random};
use crate::provider::Catalogue;

/// Words of the agents' own formats: kinds of credentials, protocols, switches.
const USUAL: &[&str] = &[
    "true",
    "false",
    "null",
    "none",
    "yes",
    "no",
    "on",
    "off",
    "auto",
    "default",
    "api_key",
    "api-key",
    "apikey",
    "apiKey",
    "oauth",
    "token",
    "bearer",
    "Bearer",
    "x-api-key",
    "authorization",
    "manual",
    "custom",
    "env",
    "file",
    "exec",
    "api",
    "chatgpt",
    "chat",
    "responses",
    "messages",
    "completions",
    "chat_completions",
    "anthropic_messages",
    "openai-completions",
    "anthropic-messages",
    "openai-responses",
    "openai-compatible",
    "vertex_ai",
    "bedrock",
    "claude-cli",
    "codex-cli",
    "local",
    "remote",
    "main",
    "primary",
    "fallbacks",
    "replace",
    "merge",
    "hermes",
    "openclaw",
    "codex",
    "goose",
    "aider",
    "cline",
    "http",
    "https",
    "POST",
    "GET",
    "info",
    "debug",
    "warn",
    "error",
    "oauth-personal",
    "gemini-api-key",
    "vertex-ai",
];

/// How the names of models begin.
const MODELS: &[&str] = &[
    "claude-",
    "gpt-",
    "chatgpt-",
    "o1",
    "o3",
    "o4",
    "gemini-",
    "gemma",
    "llama",
    "qwen",
    "deepseek",
    "mistral",
    "mixtral",
    "codestral",
    "devstral",
    "ministral",
    "magistral",
    "grok-",
    "glm-",
    "kimi-",
    "moonshot-",
    "minimax-",
    "command-",
    "sonar",
    "phi-",
    "text-embedding-",
    "sonnet",
    "opus",
    "haiku",
    "hermes-",
    "nova-",
    "gpt4",
];

/// The words of one difference.
pub(super) struct Words<'a>(HashSet<&'a str>);

impl<'a> Words<'a> {
    /// The usual words, the catalogue's names, what keymend itself writes, and the names of the documents.
    pub(super) fn new(
        catalogue: &'a Catalogue,
        written: &'a HashSet<String>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut words: HashSet<&str> = USUAL.iter().copied().collect();
        for provider in catalogue.all() {
            words.insert(&provider.id);
            words.extend(provider.aliases.iter().chain(&provider.env).map(String::as_str));
        }
        words.extend(written.iter().map(String::as_str));
        words.extend(names.filter(|name| !is_random(name) && !has_key(name)));
        Self(words)
    }

    /// Whether a value, in quotes or not, can be shown.
    pub(super) fn are_plain(&self, literal: &str) -> bool {
        let (_, value, _) = unquoted(literal);
        !has_key(value)
            && (value.is_empty()
                || self.0.contains(value)
                || is_number(value)
                || is_model(value)
                || self.is_address(value)
                || self.is_reference(value)
                || self.are_names(value))
    }

    /// `anthropic:default`, `openai/gpt-5.5`.
    fn are_names(&self, value: &str) -> bool {
        value.contains([':', '/', ','])
            && value.split([':', '/', ',']).all(|part| self.0.contains(part.trim()) || is_model(part))
    }

    /// `https://api.example.com:443/v1`: no password, no query, and in its path only what addresses usually have.
    fn is_address(&self, value: &str) -> bool {
        let Some((_, rest)) =
            value.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        else {
            return false;
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_host = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
            && !host.split(['.', ':']).any(|part| part.len() >= 24 || is_random(part));
        let is_usual = |part: &str| {
            let version =
                part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            part.is_empty()
                || version && part.len() <= 8
                || self.0.contains(part)
                || matches!(
                    part,
                    "openai" | "compatible-mode" | "coding" | "paas" | "inference" | "models" | "key"
                )
        };
        is_host && path.split('/').all(is_usual)
    }

    /// `${NAME}`, `$NAME`, `{env:NAME}`, `os.environ/NAME`, `env:NAME`.
    fn is_reference(&self, value: &str) -> bool {
        let inside =
            |open: &str, close: &str| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        let name = inside("${", "}")
            .or_else(|| inside("{env:", "}"))
            .or_else(|| inside("os.environ/", ""))
            .or_else(|| inside("env:", ""))
            .or_else(|| inside("$", ""));
        name.is_some_and(|name| self.0.contains(name) || is_variable(name))
    }
}

/// `MY_OPENROUTER_KEY`: in capitals, and with a word in it that tells of a key.
fn is_variable(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && name.split('_').any(|part| matches!(part, "KEY" | "TOKEN" | "SECRET" | "APIKEY"))
        && !is_random(name)
}

/// A number that no secret is as short as.
fn is_number(value: &str) -> bool {
    value.bytes().filter(u8::is_ascii_digit).count() < 10 && value.len() < 14 && value.parse::<f64>().is_ok()
}

/// `claude-sonnet-4-5-20250929`, `openai/gpt-5.5`, `llama3.1:8b`.
fn is_model(value: &str) -> bool {
    let (company, name) = value.rsplit_once('/').unwrap_or(("", value));
    let small = |part: &str| part.len() <= 9 && part.bytes().all(|b| b.is_ascii_alphanumeric());
    MODELS.iter().any(|beginning| name.to_ascii_lowercase().starts_with(beginning))
        && name.len() <= 48
        && name
            .split(['-', '.', ':', '_', '@'])
            .all(|part| small(part) || matches!(part, "codestral" | "moonshot"))
        && company
            .split('/')
            .all(|part| part.len() <= 16 && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        && !is_random(value)
}

/// A literal's opening quotes, what is between, and its closing quotes.
pub(super) fn unquoted(literal: &str) -> (&str, &str, &str) {
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let inner = literal.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return (&literal[..quote.len()], inner, &literal[literal.len() - quote.len()..]);
        }
    }
    ("", literal, "")
}

/// Every text in a value.
pub(super) fn texts_of(value: &Json, out: &mut HashSet<String>) {
    match value {
        Json::String(text) if !is_random(text) && !has_key(text) => drop(out.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| texts_of(item, out)),
        Json::Object(fields) => fields.values().for_each(|value| texts_of(value, out)),
        _ => {}
    }
}
