//! The providers that a person declares in `custom_providers/`, as Goose's own reader takes them: one file that it cannot
//! read, and it knows none of them, nor the ones that are defined in the same form inside the program.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::finding::Lint;
use crate::resolve::{Header, Outcome};
use crate::world::World;

use super::address;
use super::catalogue::Takes;
use super::provider::Provider;
use super::secrets::Secrets;
use super::settings::Settings;

/// What is in the folder.
pub struct Declared {
    /// The providers of the files that Goose reads.
    pub providers: Vec<Provider>,
    /// The files that it cannot read, and why, in words that name the field and the way out.
    pub broken: Vec<(PathBuf, String)>,
}

/// The type of a field.
enum Type {
    Text,
    Bool,
    Number,
    Texts,
    Table,
    Models,
    Variables,
}

/// Whether a field has to be there.
#[derive(PartialEq, Eq)]
enum Need {
    Required,
    Optional,
    /// It may be absent, and may not be null.
    Present,
}

/// The fields of `DeclarativeProviderConfig` in Goose 1.34.0 but `engine`; what is not among them is not looked at.
const FIELDS: &[(&str, Type, Need)] = &[
    ("name", Type::Text, Need::Required),
    ("display_name", Type::Text, Need::Required),
    ("base_url", Type::Text, Need::Required),
    ("models", Type::Models, Need::Required),
    ("description", Type::Text, Need::Optional),
    ("api_key_env", Type::Text, Need::Present),
    ("headers", Type::Table, Need::Optional),
    ("timeout_seconds", Type::Number, Need::Optional),
    ("supports_streaming", Type::Bool, Need::Optional),
    ("requires_auth", Type::Bool, Need::Present),
    ("catalog_provider_id", Type::Text, Need::Optional),
    ("base_path", Type::Text, Need::Optional),
    ("env_vars", Type::Variables, Need::Optional),
    ("dynamic_models", Type::Bool, Need::Optional),
    ("skip_canonical_filtering", Type::Bool, Need::Present),
    ("model_doc_link", Type::Text, Need::Optional),
    ("setup_steps", Type::Texts, Need::Present),
    ("fast_model", Type::Text, Need::Optional),
    ("preserves_thinking", Type::Bool, Need::Present),
];

const ENGINES: &[&str] = &["openai", "anthropic", "ollama"];

impl Type {
    fn has(&self, value: &Json) -> bool {
        let list = || value.as_array().into_iter().flatten();
        match self {
            Self::Text => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::Number => value.is_u64(),
            Self::Texts => value.is_array() && list().all(Json::is_string),
            Self::Table => value.as_object().is_some_and(|table| table.values().all(Json::is_string)),
            Self::Models => {
                let model = |one: &Json| one["name"].is_string() && one["context_limit"].is_u64();
                value.is_array() && list().all(model)
            }
            Self::Variables => value.is_array() && list().all(|one| one["name"].is_string()),
        }
    }

    const fn words(&self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Bool => "true or false",
            Self::Number => "a whole number",
            Self::Texts => "a list of texts",
            Self::Table => "a table of texts",
            Self::Models => "a list of models, each with name and context_limit",
            Self::Variables => "a list of variables, each with a name",
        }
    }
}

/// Why Goose cannot read the file.
fn fault(doc: &Doc, starts_with_mark: bool) -> Option<String> {
    if starts_with_mark {
        return Some("it begins with a byte order mark; save it without one".to_owned());
    }
    if doc.trouble.is_some() || !doc.root.is_object() {
        return Some("it is not a JSON object".to_owned());
    }
    match doc.text(&["engine"]) {
        Some(engine) if ENGINES.contains(&engine) => {}
        Some(engine) => {
            let engine = common::printable(engine);
            return Some(format!(
                "engine is {engine}, which Goose does not know; write openai, anthropic or ollama"
            ));
        }
        None => return Some("engine is missing; write openai, anthropic or ollama".to_owned()),
    }
    FIELDS.iter().find_map(|(name, kind, need)| match doc.at(&[name]) {
        None if *need == Need::Required => Some(format!("{name} is missing; it has to be {}", kind.words())),
        None => None,
        Some(Json::Null) if *need == Need::Optional => None,
        Some(value) => (!kind.has(value)).then(|| format!("{name} has to be {}", kind.words())),
    })
}

impl Declared {
    /// Reads the folder.
    pub fn read(world: &dyn World, settings: &Settings, secrets: &Secrets) -> Self {
        let folder = settings.folder.join("custom_providers");
        let is_json = |name: &String| Path::new(name).extension().is_some_and(|end| end == "json");
        let mut all = Self { providers: Vec::new(), broken: Vec::new() };
        for path in world.list(&folder).into_iter().filter(is_json).map(|name| folder.join(name)) {
            let marked = world.read(&path).bytes().is_some_and(|bytes| bytes.starts_with(b"\xef\xbb\xbf"));
            let doc = Doc::json(world, path);
            match fault(&doc, marked) {
                Some(why) => all.broken.push((doc.path.clone(), why)),
                None => all.providers.push(provider(world, settings, secrets, &doc)),
            }
        }
        all.say_doubles();
        all
    }

    /// Two files with one name: Goose keeps the one that the folder lists last, in no known order.
    fn say_doubles(&mut self) {
        let names: Vec<String> = self.providers.iter().map(|one| one.id.clone()).collect();
        for provider in &mut self.providers {
            if names.iter().filter(|name| **name == provider.id).count() > 1 {
                let why = "two files declare a provider of this name, and which one is used is unknown";
                provider.refusal = Some(Outcome::unknown(why));
            }
        }
        let mut seen: Vec<String> = Vec::new();
        self.providers.retain(|one| {
            let first = !seen.contains(&one.id);
            seen.push(one.id.clone());
            first
        });
    }
}

fn provider(world: &dyn World, settings: &Settings, secrets: &Secrets, doc: &Doc) -> Provider {
    let text = |name: &str| doc.text(&[name]).unwrap_or_default().to_owned();
    let (engine, key) = (text("engine"), text("api_key_env"));
    let auth = doc.at(&["requires_auth"]) != Some(&Json::Bool(false));
    let (header, takes) = match engine.as_str() {
        "anthropic" => (Header::raw("x-api-key"), Takes::Key),
        "ollama" => (Header::Bearer, Takes::Nothing("the engine ollama sends no key")),
        _ if !auth => (Header::Bearer, Takes::Nothing("requires_auth is false, so no key is sent")),
        _ if key.is_empty() => (Header::Bearer, Takes::Nothing("api_key_env names no variable")),
        _ => (Header::Bearer, Takes::KeyOrEmpty),
    };
    let headers = doc
        .entries(&["headers"])
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let base = filled(world, settings, secrets, doc).and_then(|base| match engine.as_str() {
        "openai" => address::of_declared(&base, doc.text(&["base_path"])).ok_or(base),
        _ => common::is_address(&base).then(|| base.clone()).ok_or(base),
    });
    let mut provider = Provider {
        id: text("name"),
        catalogue: None,
        key,
        header,
        base_url: String::new(),
        moved_by: None,
        headers: headers.collect(),
        takes,
        refusal: None,
        lints: Vec::new(),
    };
    match base {
        Ok(base) => provider.base_url = base,
        Err(base) => {
            let file = crate::source::tilde(&doc.path, world.home());
            let base = common::printable(&base);
            provider.stop(format!(
                "base_url in {file} gives {base}, which is no address; write it whole, with https://"
            ));
        }
    }
    let newer = common::version(world, "goose", &["@aaif/goose"]).is_none_or(|version| version != "1.34.0");
    if newer && doc.at(&["auth"]).is_some_and(|auth| !auth.is_null()) {
        provider.refusal = Some(Outcome::unknown("a command gives its key in some versions of Goose"));
    }
    provider
}

/// `base_url` with the variables of `env_vars` in it; the text that cannot be filled where one is missing.
fn filled(world: &dyn World, settings: &Settings, secrets: &Secrets, doc: &Doc) -> Result<String, String> {
    let mut base = doc.text(&["base_url"]).unwrap_or_default().to_owned();
    for variable in doc.at(&["env_vars"]).and_then(Json::as_array).into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let mark = format!("${{{name}}}");
        if !base.contains(&mark) {
            continue;
        }
        let secret = variable["secret"] == Json::Bool(true);
        let set = if secret { secrets.text(world, name) } else { settings.text(world, name) };
        let value = set.or_else(|| variable["default"].as_str().map(str::to_owned));
        base = base.replace(&mark, &value.ok_or_else(|| base.clone())?);
    }
    Ok(base)
}

/// The lint for a file that Goose cannot read.
pub fn lint(world: &dyn World, (file, why): &(PathBuf, String), breaks: bool) -> Lint {
    let file = crate::source::tilde(file, world.home());
    let message = format!("Goose cannot read {file}, and so knows no declared provider at all: {why}");
    if breaks { Lint::fault("does-not-start", message) } else { Lint::warn("settings-ignored", message) }
}
