//! Protocol, model, key and address of a start of Qwen Code.

use serde_json::Value as Json;

use crate::agents::common;
use crate::agents::engine::{self, EnvValue, Question, Request, Without};
use crate::finding::Lint;
use crate::resolve::{Header, Offer, Outcome};
use crate::source::{Source, Value};

use super::Qwen;

/// A protocol and its variables: key, address, models.
pub struct Protocol {
    id: &'static str,
    provider: &'static str,
    key: &'static str,
    base: Option<&'static str>,
    models: &'static [&'static str],
}

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        id: "openai",
        provider: "openai",
        key: "OPENAI_API_KEY",
        base: Some("OPENAI_BASE_URL"),
        models: &["OPENAI_MODEL", "QWEN_MODEL"],
    },
    Protocol {
        id: "gemini",
        provider: "gemini",
        key: "GEMINI_API_KEY",
        base: None,
        models: &["GEMINI_MODEL"],
    },
    Protocol {
        id: "vertex-ai",
        provider: "vertex",
        key: "GOOGLE_API_KEY",
        base: None,
        models: &["GOOGLE_MODEL"],
    },
    Protocol {
        id: "anthropic",
        provider: "anthropic",
        key: "ANTHROPIC_API_KEY",
        base: Some("ANTHROPIC_BASE_URL"),
        models: &["ANTHROPIC_MODEL"],
    },
];

/// The protocol of this name.
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.id == name)
}

impl Qwen<'_> {
    /// Every place that sets `name`: the process, `.env`, the settings' `env` block.
    fn variable(&self, name: &str) -> Vec<EnvValue> {
        let mut found = self.files.variable(name);
        let set = found.iter().any(|one| one.ignored.is_none());
        if let Some((doc, Json::String(text))) = self.settings.get(&["env", name]) {
            let ignored = set.then_some("the environment and .env come before the settings' env block");
            let place = doc.place(&["env", name]);
            found.push(EnvValue { ignored, ..EnvValue::new(Source::Config, place, text.as_str(), "") });
        }
        found
    }

    /// What Qwen Code sees as `name`; empty is treated as none.
    fn text(&self, name: &str) -> Option<String> {
        let found = self.variable(name).into_iter().find(|found| found.ignored.is_none());
        found.map(|found| found.text).filter(|text| !text.is_empty())
    }

    /// The selected protocol, else the one whose variables are complete.
    pub(super) fn protocol(&self) -> Option<String> {
        if let Some(selected) = self.settings.text(&["security", "auth", "selectedType"]) {
            return Some(selected.to_owned());
        }
        if self.text("QWEN_OAUTH").is_some() {
            return Some("qwen-oauth".to_owned());
        }
        let complete = |protocol: &&Protocol| {
            self.text(protocol.key).is_some()
                && protocol.models.iter().any(|name| self.text(name).is_some())
                && protocol.base.is_none_or(|name| self.text(name).is_some())
        };
        PROTOCOLS.iter().find(complete).map(|protocol| protocol.id.to_owned())
    }

    /// The configured model in use; an error where it cannot be told which that is.
    fn provider_model(&self, protocol: &Protocol) -> Result<Option<&Json>, &'static str> {
        let Some((_, list)) = self.settings.get(&["modelProviders", protocol.id]) else { return Ok(None) };
        let models = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let named = self.settings.text(&["model", "name"]).map(str::to_owned);
        let from_env = || protocol.models.iter().find_map(|name| self.text(name));
        let Some(wanted) = named.or_else(from_env) else {
            return if models.is_empty() {
                Ok(None)
            } else {
                Err("no model is selected, and which one starts is unknown")
            };
        };
        let same = |model: &&Json| model.get("id").and_then(Json::as_str) == Some(&wanted);
        let paired = self.settings.text(&["model", "baseUrl"]);
        let base = |model: &&Json| model.get("baseUrl").and_then(Json::as_str) == paired;
        let exact = models.iter().filter(same).find(|model| paired.is_some() && base(model));
        Ok(exact.or_else(|| models.iter().find(same)))
    }

    /// The variable that a new key goes to.
    pub(super) fn key_name(&self, protocol: Option<&Protocol>) -> String {
        let protocol = protocol.unwrap_or(&PROTOCOLS[0]);
        let model = self.provider_model(protocol).ok().flatten();
        model.and_then(|model| model.get("envKey")?.as_str()).unwrap_or(protocol.key).to_owned()
    }

    pub(super) fn with_protocol(&self, protocol: &Protocol) -> Question {
        let model = self.provider_model(protocol);
        let field = |name: &str| model.ok().flatten().and_then(|model| model.get(name)?.as_str());
        let env_key = field("envKey");
        let offers = self.offers(protocol, env_key);
        let (base_url, base_from) = self.base_url(protocol, field("baseUrl"));
        let has_key = offers.iter().any(|offer| offer.gives.wins());
        let refusal = match model {
            Err(reason) => Some(reason),
            Ok(_) if protocol.id != "openai" => Some("only the openai protocol of Qwen Code is known"),
            Ok(_) if has_key && base_url.is_none() => Some("the address without a base URL is unknown"),
            Ok(_) => None,
        };
        let lints = self.lints(protocol, env_key, base_url.as_deref(), base_from);
        let without = format!("no key: {} is not set", protocol.key);
        let request = Request {
            library: |key, header| engine::fetch(key, header, "Qwen Code"),
            ..Request::new(Header::Bearer, base_url.unwrap_or_default(), without)
        };
        Question {
            provider: Some(protocol.provider.to_owned()),
            in_use: true,
            refusal: refusal.map(Outcome::unknown),
            lints,
            ..Question::new(protocol.id, offers, request)
        }
    }

    /// The variable that the model names, the protocol's own, the settings' deprecated key.
    fn offers(&self, protocol: &Protocol, env_key: Option<&str>) -> Vec<Offer> {
        let mut offers = Vec::new();
        let names = env_key.into_iter().chain(Some(protocol.key).filter(|key| env_key != Some(*key)));
        for name in names {
            for found in self.variable(name) {
                let (source, place, value) = (found.source, found.place.clone(), found.value());
                offers.push(match found.ignored {
                    Some(why) => Offer::ignored(source, place, value, why),
                    None if found.text.is_empty() => Offer::ignored(source, place, value, "it is empty"),
                    None if env_key == Some(name) => {
                        let name = common::printable(name);
                        Offer::usable(source, place, value, format!("the model's envKey is {name}"))
                    }
                    None => Offer::usable(
                        source,
                        place,
                        value,
                        format!("{name} is the variable of this protocol"),
                    ),
                });
            }
        }
        if let Some((doc, Json::String(key))) = self.settings.get(&["security", "auth", "apiKey"]) {
            let place = doc.place(&["security", "auth", "apiKey"]);
            let value = Value::of(Some(key.as_str()));
            let why = "security.auth.apiKey in the settings, the last one asked";
            offers.push(if key.is_empty() {
                Offer::ignored(Source::Config, place, value, "it is empty")
            } else {
                Offer::usable(Source::Config, place, value, why)
            });
        }
        offers
    }

    /// The model's address, the protocol's variable, the settings' deprecated one; and which of them.
    fn base_url(&self, protocol: &Protocol, own: Option<&str>) -> (Option<String>, &'static str) {
        let own = own.filter(|base| !base.is_empty()).map(str::to_owned);
        if own.is_some() {
            return (own, "the model's baseUrl in the settings");
        }
        if let Some(base) = protocol.base.and_then(|name| self.text(name)) {
            return (Some(base), "a variable");
        }
        (
            self.settings.text(&["security", "auth", "baseUrl"]).map(str::to_owned),
            "security.auth.baseUrl in the settings",
        )
    }

    fn lints(&self, protocol: &Protocol, env_key: Option<&str>, base: Option<&str>, from: &str) -> Vec<Lint> {
        let mut lints = Vec::new();
        if let Some(base) = base.filter(|base| !common::is_within(&common::host_of(base), "openai.com"))
            && protocol.id == "openai"
        {
            lints.push(common::foreign_base("Qwen Code", base, from));
        }
        if let Some(read) = protocol.base.filter(|name| base.is_none() && *name == "OPENAI_BASE_URL")
            && self.text("OPENAI_API_BASE").is_some()
        {
            let words = format!("OPENAI_API_BASE is set, and Qwen Code does not read it: the name is {read}");
            lints.push(Lint::warn("variable-unused", words));
        }
        if let Some(name) = env_key.filter(|name| *name != protocol.key && self.text(name).is_none())
            && self.text(protocol.key).is_some()
        {
            let (name, other) = (common::printable(name), protocol.key);
            lints.push(Lint::fault(
                "other-key-sent",
                format!("{name} is not set, so that {other} is sent to this model's address instead"),
            ));
        }
        lints
    }

    pub(super) fn without_protocol(&self) -> Question {
        let name = self.protocol();
        let outcome = match name.as_deref() {
            Some("qwen-oauth") => {
                Outcome::hidden("a Qwen login is exchanged at the start; its free tier ended in April 2026")
            }
            Some(_) => Outcome::unknown("this authentication type is unknown"),
            None => Outcome::unknown("no authentication type is selected, and which one starts is unknown"),
        };
        let reason = outcome.reason().to_owned();
        let found = PROTOCOLS.iter().flat_map(|protocol| self.variable(protocol.key));
        let ignored = |found: EnvValue| {
            Offer::ignored(found.source, found.place.clone(), found.value(), reason.as_str())
        };
        let offers = found.map(ignored).collect();
        let name = name.map_or_else(|| "none".to_owned(), |name| common::printable(&name));
        let request = Request { without: Without::Ends(outcome), ..Request::new(Header::Bearer, "", "") };
        Question { in_use: true, ..Question::new(name, offers, request) }
    }
}
