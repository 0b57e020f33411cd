//! The models of the settings: which one starts, by the rules of `ModelRegistry` and `resolveCliGenerationConfig`.

use serde_json::Value as Json;

use crate::resolve::Outcome;

use super::protocol::{LOGIN, PROTOCOLS, RESPONSES};
use super::settings::Settings;

/// A configured model and the protocol that it is spoken to in.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The protocol's name.
    pub protocol: &'a str,
    fields: &'a Json,
    /// It names its protocol by itself.
    explicit: bool,
}

impl<'a> Model<'a> {
    /// A text among its fields.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn is_for_other_uses(&self) -> bool {
        let set = |name: &str| self.fields.get(name) == Some(&Json::Bool(true));
        set("imageOnly") || set("voiceOnly") || set("realtimeOnly")
    }

    /// Its own headers.
    pub fn headers(&self) -> Option<&'a Json> {
        self.fields.get("generationConfig")?.get("customHeaders")
    }

    /// Why it cannot be the main model.
    pub fn refused(&self) -> Option<&'static str> {
        self.is_for_other_uses().then_some("the selected model is for images, voice or realtime alone")
    }
}

/// The models of all providers, in order; an error where Qwen Code ends because of one.
pub fn all(settings: &Settings) -> Result<Vec<Model<'_>>, Outcome> {
    let mut models = Vec::new();
    for (provider, list) in settings.model_lists() {
        let mapped = settings.get(&["providerProtocol", provider]).map(|(_, value)| value);
        let base = mapped.map_or(Some(provider), Json::as_str).filter(|name| is_known(name));
        let Some(base) = base else { continue };
        if list.get("models").is_some() {
            return Err(Outcome::unknown("modelProviders has an older form, which Qwen Code rewrites"));
        }
        for fields in list.as_array().into_iter().flatten() {
            let of_openai = base == "openai" || base == RESPONSES;
            let protocol = match fields.get("wireApi") {
                None => base,
                Some(Json::String(api)) if api == "responses" && of_openai => RESPONSES,
                Some(Json::String(api)) if api == "chat-completions" && of_openai => "openai",
                Some(_) => {
                    return Err(Outcome::nothing("wireApi of a model has a value that Qwen Code refuses"));
                }
            };
            if fields.get("id").and_then(Json::as_str).is_none_or(str::is_empty) {
                return Err(Outcome::nothing(
                    "a model in modelProviders has no id, and Qwen Code refuses the list",
                ));
            }
            let explicit = fields.get("wireApi").is_some() || base == RESPONSES;
            models.push(Model { protocol, fields, explicit });
        }
    }
    Ok(models)
}

fn is_known(name: &str) -> bool {
    name == LOGIN || PROTOCOLS.iter().any(|protocol| protocol.id == name)
}

/// The protocol of the selected model, where the selected one is OpenAI's: a model may name the other form.
pub fn protocol_of<'a>(
    models: &[Model<'a>],
    selected: &'a str,
    wanted: Option<&str>,
    base: Option<&str>,
) -> &'a str {
    let of_openai = |name: &str| name == "openai" || name == RESPONSES;
    if !of_openai(selected) {
        return selected;
    }
    let fits = |model: &&Model<'a>| {
        let other = model.explicit && of_openai(model.protocol);
        model.text("id") == wanted && (model.protocol == selected || other)
    };
    let candidates: Vec<&Model<'a>> = models.iter().filter(fits).collect();
    let preferred = |list: &[&Model<'a>]| {
        let own = list.iter().find(|model| model.protocol == selected);
        own.or(list.first()).map(|model| model.protocol)
    };
    let exact: Vec<&Model<'a>> = match base {
        Some(base) => {
            candidates.iter().copied().filter(|model| model.text("baseUrl") == Some(base)).collect()
        }
        None => Vec::new(),
    };
    preferred(&exact).or_else(|| preferred(&candidates)).unwrap_or(selected)
}

/// The configured model `wanted` of a protocol: the one with the address `base`, else the first of the name.
pub fn find<'a>(models: &[Model<'a>], protocol: &str, wanted: &str, base: Option<&str>) -> Option<Model<'a>> {
    let named = || models.iter().filter(|one| one.protocol == protocol && one.text("id") == Some(wanted));
    let exact = base.and_then(|base| named().find(|model| model.text("baseUrl") == Some(base)));
    exact.or_else(|| named().next()).copied()
}

/// The model that starts where none is selected.
pub fn default<'a>(models: &[Model<'a>], protocol: &str) -> Option<Model<'a>> {
    models.iter().find(|one| one.protocol == protocol && !one.is_for_other_uses()).copied()
}
