//! Continue's configuration: whether Continue takes it at all, and which model it starts with.

use std::path::Path;

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::world::World;

use super::secret::{Filled, Secrets};

/// The roles of a model; a list with another word is refused.
const ROLES: &[&str] = &["chat", "autocomplete", "embed", "rerank", "edit", "apply", "summarize", "subagent"];

/// The models that Continue writes by itself (`getAnthropicModels` in `yamlConfigUpdater.ts`).
const OWN: &[&str] = &["claude-sonnet-4-6", "claude-opus-4-6"];
/// The name of the first of them.
pub const OWN_NAME: &str = "Claude Sonnet 4.6";

/// Whether Continue takes the model out where it writes its own.
pub fn is_replaced(model: &Json) -> bool {
    let text = |name: &str| model.get(name).and_then(Json::as_str);
    text("uses").is_some_and(|block| block.starts_with("anthropic/"))
        || (text("provider") == Some("anthropic") && text("model").is_some_and(|name| OWN.contains(&name)))
}

/// Whether the model uses a block of Continue's hub, which the command line does not load any more.
fn is_of_hub(model: &Json) -> bool {
    let block = model.get("uses").and_then(Json::as_str);
    block.is_some_and(|block| !block.starts_with(['.', '/']) && !block.starts_with("file:"))
}

/// Whether a model takes part in a chat: without roles it takes part in everything.
pub fn chats(model: &Json) -> bool {
    if is_of_hub(model) {
        return false;
    }
    match model.get("roles") {
        None => true,
        Some(roles) => roles.as_array().is_some_and(|roles| roles.iter().any(|role| role == "chat")),
    }
}

/// What Continue refuses the whole file for, in words that name the field (`configYamlSchema` and `modelSchema`).
pub fn fault(doc: &Doc, secrets: &Secrets<'_>) -> Option<String> {
    if doc.trouble.is_some() {
        return Some("config.yaml cannot be read as YAML".to_owned());
    }
    if !doc.root.is_object() {
        return Some("config.yaml is not a table of settings".to_owned());
    }
    for name in ["name", "version"] {
        if doc.text(&[name]).is_none() {
            return Some(format!("{name} is missing in config.yaml, or it is no text"));
        }
    }
    let models = match doc.at(&["models"]) {
        None => return None,
        Some(Json::Array(models)) => models,
        Some(_) => return Some("models in config.yaml is no list".to_owned()),
    };
    models.iter().enumerate().find_map(|(at, model)| {
        let field = field_at_fault(model, secrets)?;
        Some(format!("models[{at}].{field} in config.yaml"))
    })
}

/// The field of a model, and what is wrong with it.
fn field_at_fault(model: &Json, secrets: &Secrets<'_>) -> Option<String> {
    if model.get("uses").is_some() {
        return None;
    }
    for (name, needed) in
        [("name", true), ("model", true), ("provider", true), ("apiKey", false), ("apiBase", false)]
    {
        match model.get(name).map(|value| secrets.fill(value)) {
            None if needed => return Some(format!("{name} is missing")),
            Some(Filled::NotText) => return Some(format!("{name} is no text to YAML; put it in quotes")),
            None | Some(Filled::Text(_)) => {}
        }
    }
    let roles = model.get("roles").map(|roles| {
        let known = |role: &Json| role.as_str().is_some_and(|role| ROLES.contains(&role));
        roles.as_array().is_some_and(|roles| roles.iter().all(known))
    });
    if roles == Some(false) {
        return Some("roles has a word that is no role".to_owned());
    }
    let headers = model.get("requestOptions").map(|options| {
        let texts = |table: &Json| table.as_object().is_some_and(|table| table.values().all(Json::is_string));
        options.is_object() && options.get("headers").is_none_or(texts)
    });
    (headers == Some(false)).then(|| "requestOptions has a header that is no text".to_owned())
}

/// The model that Continue starts with: the one that was chosen last, else the first that chats.
pub fn chosen(
    world: &dyn World,
    home: &Path,
    models: &[(usize, &Json)],
    secrets: &Secrets<'_>,
) -> Option<usize> {
    let last = Doc::json(world, home.join("index/globalContext.json"));
    let name = |model: &Json| {
        let text = |field: &str| match model.get(field).map(|value| secrets.fill(value)) {
            Some(Filled::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        text("name").or_else(|| text("model"))
    };
    let chats = || models.iter().filter(|(_, model)| chats(model));
    let by_name = last
        .text(&["cliSelectedModel"])
        .and_then(|wanted| chats().find(|(_, model)| name(model).as_deref() == Some(wanted)));
    by_name.or_else(|| chats().next()).map(|(at, _)| *at)
}

/// The name of a model, for a person.
pub fn shown_name(model: &Json) -> String {
    let text = |name: &str| model.get(name).and_then(Json::as_str);
    common::printable(text("name").or_else(|| text("provider")).or_else(|| text("uses")).unwrap_or("unknown"))
}
