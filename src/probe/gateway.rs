//! Things that are in front of a provider and answer in its place, known by positive marks alone.

use std::sync::LazyLock;

use serde::Deserialize;

use super::digest::{Digest, Form};

/// Something in front of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name as people know it.
    pub name: &'static str,
    /// What kind of thing it is.
    pub kind: GatewayKind,
}

/// Kinds of things in front of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    /// A program that somebody set up to relay requests.
    Relay,
    /// The proxy of a company network.
    Proxy,
    /// The protection in front of the provider's own servers.
    Edge,
    /// The login page of a network.
    Captive,
}

/// What one of them is known by: an entry of `assets/verdicts/gateways.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marks {
    name: String,
    kind: GatewayKind,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    text: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct File {
    gateways: Vec<Marks>,
}

/// A file that does not parse is caught by a test; the program then knows no gateway.
static FILE: LazyLock<File> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/verdicts/gateways.toml")).unwrap_or_default());

const PROXY: Gateway = Gateway { name: "a company proxy", kind: GatewayKind::Proxy };
const CLOUDFLARE: Gateway = Gateway { name: "Cloudflare AI Gateway", kind: GatewayKind::Relay };

/// What is in front, when the answer carries its marks.
#[must_use]
pub fn recognise(status: u16, headers: &[(String, String)], digest: &Digest) -> Option<Gateway> {
    if status == 407 {
        return Some(PROXY);
    }
    let squid = headers.iter().any(|(name, value)| {
        matches!(name.as_str(), "x-cache" | "server" | "via") && value.to_ascii_lowercase().contains("squid")
    });
    let of = |marks: &'static Marks| Gateway { name: &marks.name, kind: marks.kind };
    let found = FILE.gateways.iter().find(|marks| marks.fit(headers, digest));
    let captive = |marks: &'static Marks| {
        marks.kind == GatewayKind::Captive
            && digest.form == Form::Html
            && marks.text.iter().any(|words| digest.line.contains(words.as_str()))
    };
    found
        .map(of)
        .or_else(|| squid.then_some(PROXY))
        .or_else(|| cloudflare_api(digest).then_some(CLOUDFLARE))
        .or_else(|| FILE.gateways.iter().find(|marks| captive(marks)).map(of))
}

impl Marks {
    fn fit(&self, headers: &[(String, String)], digest: &Digest) -> bool {
        self.kind != GatewayKind::Captive
            && (self
                .headers
                .iter()
                .any(|mark| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(mark)))
                || self.codes.iter().any(|code| digest.has_code(code))
                || self.text.iter().any(|text| digest.line.contains(text.as_str())))
    }
}

/// `{"success":false,"errors":[{"code":10000,…}]}`, also of the AI gateway's `internalCode` 2009
/// (cloudflare/cloudflare-docs PR 31050, anomalyco/opencode#32051).
fn cloudflare_api(digest: &Digest) -> bool {
    let enveloped = digest.parts.iter().any(|part| {
        part.get("success") == Some(&serde_json::Value::Bool(false))
            && part
                .get("errors")
                .is_some_and(|errors| errors.get(0).and_then(|first| first.get("code")).is_some())
    });
    let internal = digest
        .parts
        .iter()
        .any(|part| part.get("internalCode").is_some() || part.pointer("/error/0/internalCode").is_some());
    enveloped || internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_parses_and_its_words_are_in_lower_case() {
        let file: File = toml::from_str(include_str!("../../assets/verdicts/gateways.toml")).unwrap();
        for marks in &file.gateways {
            let words = marks.headers.iter().chain(&marks.codes).chain(&marks.text);
            assert!(words.clone().count() > 0, "{}", marks.name);
            assert!(words.into_iter().all(|word| *word == word.to_lowercase()), "{}", marks.name);
        }
    }
}
