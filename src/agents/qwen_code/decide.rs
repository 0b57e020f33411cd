//! Protocol, model, key and address of a start of Qwen Code.

use serde_json::Value as Json;

use crate::agents::common::{self, EnvFiles, Found};
use crate::finding::Lint;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::Source;
use crate::world::World;

use super::settings::Settings;

/// A protocol and its variables: key, address, models.
struct Protocol {
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

/// Everything that decides.
struct Asked<'a> {
    world: &'a dyn World,
    settings: &'a Settings,
    files: &'a EnvFiles,
}

/// The slot of the protocol in use.
pub fn slots(world: &dyn World, settings: &Settings, files: &EnvFiles) -> Vec<Slot> {
    let asked = Asked { world, settings, files };
    let name = asked.protocol();
    match PROTOCOLS.iter().find(|protocol| name.as_deref() == Some(protocol.id)) {
        Some(protocol) => vec![asked.slot(protocol)],
        None => vec![asked.without_protocol(name.as_deref())],
    }
}

/// The variable that a new key goes to.
pub fn key_name(world: &dyn World, settings: &Settings, files: &EnvFiles) -> String {
    let asked = Asked { world, settings, files };
    let name = asked.protocol();
    let protocol = PROTOCOLS.iter().find(|one| name.as_deref() == Some(one.id)).unwrap_or(&PROTOCOLS[0]);
    let model = asked.provider_model(protocol).ok().flatten();
    model.and_then(|model| model.get("envKey")?.as_str()).unwrap_or(protocol.key).to_owned()
}

impl Asked<'_> {
    /// Every place that sets `name`: the process, `.env`, the settings' `env` block.
    fn variable(&self, name: &str) -> Vec<Found> {
        let mut found = self.files.variable(self.world, name);
        let set = found.iter().any(|one| one.ignored.is_none());
        if let Some((doc, Json::String(text))) = self.settings.get(&["env", name]) {
            let ignored = set.then_some("the environment and .env come before the settings' env block");
            let place = doc.place(&["env", name]);
            found.push(Found { source: Source::Config, place, text: text.clone(), ignored });
        }
        found
    }

    /// What Qwen Code sees as `name`; empty counts as none.
    fn text(&self, name: &str) -> Option<String> {
        let found = self.variable(name).into_iter().find(|found| found.ignored.is_none());
        found.map(|found| found.text).filter(|text| !text.is_empty())
    }

    /// The selected protocol, else the one whose variables are complete.
    fn protocol(&self) -> Option<String> {
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
                Err("no model is selected, and which one starts is not on record")
            };
        };
        let same = |model: &&Json| model.get("id").and_then(Json::as_str) == Some(&wanted);
        let paired = self.settings.text(&["model", "baseUrl"]);
        let base = |model: &&Json| model.get("baseUrl").and_then(Json::as_str) == paired;
        let exact = models.iter().filter(same).find(|model| paired.is_some() && base(model));
        Ok(exact.or_else(|| models.iter().find(same)))
    }

    fn slot(&self, protocol: &Protocol) -> Slot {
        let model = self.provider_model(protocol);
        let field = |name: &str| model.ok().flatten().and_then(|model| model.get(name)?.as_str());
        let env_key = field("envKey");
        let offers = self.offers(protocol, env_key);
        let mut chain = Chain::new();
        for offer in offers {
            chain.push(offer);
        }
        let settled = chain.settle();
        let (base_url, base_from) = self.base_url(protocol, field("baseUrl"));
        let lints = self.lints(protocol, env_key, base_url.as_deref(), base_from);
        let outcome = match model {
            Err(reason) => Outcome::NotKnown { reason: reason.to_owned() },
            Ok(_) => outcome(protocol, settled.key(), base_url),
        };
        Slot {
            agent: super::ID,
            profile: "default".to_owned(),
            mode: None,
            provider: Some(protocol.provider.to_owned()),
            agent_provider: protocol.id.to_owned(),
            in_use: true,
            candidates: settled.candidates,
            active: settled.active,
            outcome,
            lints,
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
            let value = crate::source::Value::of(Some(key.as_str()));
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

    fn without_protocol(&self, name: Option<&str>) -> Slot {
        let reason = match name {
            Some("qwen-oauth") => "a Qwen login is exchanged at the start; its free tier ended in April 2026",
            Some(_) => "this authentication type is not on record",
            None => "no authentication type is selected, and which one starts is not on record",
        };
        let outcome = match name {
            Some("qwen-oauth") => Outcome::Hidden { reason: reason.to_owned() },
            _ => Outcome::NotKnown { reason: reason.to_owned() },
        };
        let mut chain = Chain::new();
        for protocol in PROTOCOLS {
            for found in self.variable(protocol.key) {
                chain.push(Offer::ignored(found.source, found.place.clone(), found.value(), reason));
            }
        }
        let settled = chain.settle();
        Slot {
            agent: super::ID,
            profile: "default".to_owned(),
            mode: None,
            provider: None,
            agent_provider: name.map_or_else(|| "none".to_owned(), common::printable),
            in_use: true,
            candidates: settled.candidates,
            active: None,
            outcome,
            lints: Vec::new(),
        }
    }
}

fn outcome(protocol: &Protocol, key: Option<&Secret>, base_url: Option<String>) -> Outcome {
    let not_known = |reason: &str| Outcome::NotKnown { reason: reason.to_owned() };
    if protocol.id != "openai" {
        return not_known("only the openai protocol of Qwen Code is on record");
    }
    let Some(key) = key else {
        return Outcome::Nothing { reason: format!("no key: {} is not set", protocol.key) };
    };
    let Some(base_url) = base_url else {
        return not_known("the address without a base URL is not on record");
    };
    match common::fetch_text(key, &Header::Bearer) {
        Some(key) => {
            Outcome::Sends { sent: Sent { header: Header::Bearer, key }, base_url, also: Vec::new() }
        }
        None => not_known(
            "it holds characters that no header can carry; what Qwen Code does then is not on record",
        ),
    }
}
