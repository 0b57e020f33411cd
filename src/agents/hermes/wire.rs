//! From a resolved key to the request's headers (hermes-agent 0.19.0 `agent/anthropic_adapter.py`
//! `build_anthropic_client`, `agent/gemini_native_adapter.py`, `run_agent.py` `_apply_user_default_headers`; the
//! `anthropic` SDK's own variables).

use super::config::Field;
use super::custom;
use super::environ::{View, ascii_only};
use super::profile::Profile;
use crate::agents::common::{host_of, is_within, sent_in};
use crate::agents::python;
use crate::formats::pyyaml::Yaml;
use crate::resolve::{Header, Sent};
use crate::secret::Secret;

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiMode {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// AWS Bedrock.
    Bedrock,
}

impl ApiMode {
    /// `_parse_api_mode`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "chat_completions" => Some(Self::Chat),
            "codex_responses" => Some(Self::Responses),
            "anthropic_messages" => Some(Self::Anthropic),
            "bedrock_converse" => Some(Self::Bedrock),
            _ => None,
        }
    }

    /// `_detect_api_mode_for_url`.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let host = host(url);
        let lower = url.trim().to_lowercase();
        let path = lower.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        match host.as_str() {
            "api.x.ai" | "api.openai.com" => Some(Self::Responses),
            "api.anthropic.com" => Some(Self::Anthropic),
            _ if path.ends_with("/anthropic") || path.ends_with("/anthropic/v1") => Some(Self::Anthropic),
            "api.kimi.com" if lower.contains("/coding") => Some(Self::Anthropic),
            _ => None,
        }
    }
}

/// The host of an address as Hermes compares it.
#[must_use]
pub fn host(url: &str) -> String {
    host_of(url.trim()).trim_end_matches('.').trim_matches(['[', ']']).to_owned()
}

/// `base_url_host_matches`.
#[must_use]
pub fn is_host(url: &str, domain: &str) -> bool {
    is_within(&host(url), domain)
}

/// What is sent.
pub struct Request {
    /// The first credential; `authorization` before `x-api-key`.
    pub sent: Sent,
    /// The others.
    pub also: Vec<Sent>,
    /// The address.
    pub base: String,
    /// A header of the configuration that took the key's place.
    pub replaced_by: Option<Field>,
    /// A variable that the SDK adds by itself.
    pub added: Option<&'static str>,
}

impl Request {
    /// Why the HTTP library does not send it, if it does not, and whether that is for a credential beside the first one.
    #[must_use]
    pub fn refused(&self) -> Option<(bool, &'static str)> {
        let refused = |sent: &Sent| match sent.header {
            // The header would end with the blank behind the word Bearer.
            Header::Bearer if sent.key.is_empty() => Some("the key is empty"),
            _ => python::refused(&sent.key, &sent.header),
        };
        let beside = || self.also.iter().find_map(refused).map(|why| (true, why));
        refused(&self.sent).map(|why| (false, why)).or_else(beside)
    }
}

/// The request for a key. A client of OpenAI's SDK gets a key without what is not ASCII after its first try
/// (`agent/conversation_loop.py`), a client of Anthropic's keeps it.
#[must_use]
pub fn request(profile: &Profile<'_>, provider: &str, mode: ApiMode, base: &str, key: &str) -> Request {
    if mode == ApiMode::Anthropic {
        let mut request = anthropic(profile, base, Secret::new(key));
        if provider == "minimax-oauth" {
            // A hook mints the token for each request and drops every other credential header.
            (request.also, request.added) = (Vec::new(), None);
        }
        return request;
    }
    let key = Secret::new(ascii_only(key));
    let native = provider == "gemini" && is_native_gemini(base) && mode == ApiMode::Chat;
    if native {
        let sent = Sent { header: Header::raw("x-goog-api-key"), key };
        return Request { sent, also: Vec::new(), base: base.to_owned(), replaced_by: None, added: None };
    }
    openai(profile, base, key)
}

fn is_native_gemini(base: &str) -> bool {
    let base = base.trim().trim_end_matches('/').to_lowercase();
    base.contains("generativelanguage.googleapis.com") && !base.ends_with("/openai")
}

/// `_is_oauth_token`.
#[must_use]
pub fn is_oauth_shaped(key: &str) -> bool {
    !key.starts_with("sk-ant-api") && ["sk-ant-", "eyJ", "cc-"].iter().any(|start| key.starts_with(start))
}

fn anthropic(profile: &Profile<'_>, base: &str, key: Secret) -> Request {
    let base = base.trim().trim_end_matches('/');
    let base = base.strip_suffix("/v1").unwrap_or(base).to_owned();
    let lower = base.to_lowercase();
    let kimi = lower.starts_with("https://api.kimi.com/coding");
    let demands_bearer = lower.starts_with("https://api.minimax.io/anthropic")
        || lower.starts_with("https://api.minimaxi.com/anthropic")
        || lower.contains("azure.com")
        || is_host(&lower, "palantirfoundry.com");
    let own_host = base.is_empty() || lower.contains("anthropic.com");
    let oauth = own_host
        && !key.starts_with("sk-ant-api")
        && ["sk-ant-", "eyJ", "cc-"].iter().any(|start| key.starts_with(start));
    let bearer = !kimi && (demands_bearer || oauth);
    let sdk = |name: &str| profile.env.text(View::Environ, name).map(Secret::new);
    let as_key = |key: Secret| Sent { header: Header::raw("x-api-key"), key };
    let as_bearer = |key: Secret| Sent { header: Header::Bearer, key };
    let (sent, also, added) = if bearer {
        let extra = sdk("ANTHROPIC_API_KEY");
        let added = extra.is_some().then_some("ANTHROPIC_API_KEY");
        (as_bearer(key), extra.map(as_key), added)
    } else {
        match sdk("ANTHROPIC_AUTH_TOKEN") {
            Some(token) => (as_bearer(token), Some(as_key(key)), Some("ANTHROPIC_AUTH_TOKEN")),
            None => (as_key(key), None, None),
        }
    };
    Request { sent, also: also.into_iter().collect(), base, replaced_by: None, added }
}

/// The headers of the configuration: `model.default_headers` below `model.extra_headers` below the endpoint's own.
fn configured(profile: &Profile<'_>, base: &str) -> Vec<(String, Field)> {
    let mut headers: Vec<(String, Field)> = Vec::new();
    for group in ["default_headers", "extra_headers"] {
        let entries = profile.config.at(&["model", group]).into_iter().flat_map(Yaml::entries);
        for (name, value) in entries.filter(|(_, value)| *value != Yaml::Null) {
            let text = value.as_str().unwrap_or_default();
            headers.push((name.clone(), profile.config.field(text, &["model", group, name])));
        }
    }
    headers.extend(custom::headers_for(&profile.config, base));
    headers
}

fn openai(profile: &Profile<'_>, base: &str, key: Secret) -> Request {
    const CREDENTIALS: &[&str] = &["x-api-key", "api-key", "x-goog-api-key"];
    let (mut sent, mut replaced_by) = (Sent { header: Header::Bearer, key }, None);
    let mut also: Vec<Sent> = Vec::new();
    for (name, field) in configured(profile, base) {
        let lower = name.to_ascii_lowercase();
        if lower == "authorization" {
            sent = sent_in(&lower, &field.text);
            replaced_by = Some(field);
        } else if CREDENTIALS.contains(&lower.as_str()) {
            also.retain(|old| old.header.name() != lower);
            also.push(sent_in(&lower, &field.text));
        }
    }
    Request { sent, also, base: base.to_owned(), replaced_by, added: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_tells_the_transport() {
        for (url, mode) in [
            ("https://api.openai.com/v1", Some(ApiMode::Responses)),
            ("https://api.openai.com.evil.test/v1", None),
            ("https://api.kimi.com/coding", Some(ApiMode::Anthropic)),
            ("http://127.0.0.1:1/anthropic/", Some(ApiMode::Anthropic)),
            ("https://api.deepseek.com/v1", None),
        ] {
            assert_eq!(ApiMode::of_url(url), mode, "{url}");
        }
    }

    #[test]
    fn shapes_of_logins() {
        assert!(is_oauth_shaped("sk-ant-oat01-FAKE"));
        assert!(is_oauth_shaped("cc-FAKE"));
        assert!(!is_oauth_shaped("sk-ant-api03-FAKE"));
        assert!(!is_oauth_shaped("whatever"));
    }
}
