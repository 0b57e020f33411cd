//! The providers that Goose's rules are known for, and those a person adds.

use serde_json::Value as Json;

use crate::agents::common::Doc;
use crate::resolve::Header;
use crate::world::World;

use super::settings::Settings;

/// A provider.
pub struct Provider {
    /// Goose's name for it.
    pub id: String,
    /// keymend's catalogue id.
    pub catalogue: Option<&'static str>,
    /// The name of its secret; empty where it has none.
    pub key: String,
    /// How the key is sent.
    pub header: Header,
    /// Where requests go, and which setting says so.
    pub base_url: String,
    /// The setting that moves it away from the provider's own host.
    pub moved_by: Option<String>,
    /// Headers of its own.
    pub headers: Vec<(String, String)>,
    /// Without a key it does not start.
    pub required: bool,
    /// Something about it is unknown.
    pub unclear: Option<&'static str>,
}

impl Provider {
    /// The one in use, where no recording covers it.
    pub fn unrecorded(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            catalogue: None,
            key: String::new(),
            header: Header::Bearer,
            base_url: String::new(),
            moved_by: None,
            headers: Vec::new(),
            required: true,
            unclear: Some("what Goose does for this provider is unknown"),
        }
    }
}

/// The name of a provider, its secret, its header, the setting of its host, its host.
type Row = (&'static str, &'static str, &'static str, fn() -> Header, &'static str, &'static str);

/// Recorded: anthropic, openai, google. OpenRouter from the shipped source.
const BUILT_IN: &[Row] = &[
    (
        "anthropic",
        "anthropic",
        "ANTHROPIC_API_KEY",
        || Header::raw("x-api-key"),
        "ANTHROPIC_HOST",
        "https://api.anthropic.com",
    ),
    ("openai", "openai", "OPENAI_API_KEY", || Header::Bearer, "OPENAI_HOST", "https://api.openai.com"),
    (
        "google",
        "gemini",
        "GOOGLE_API_KEY",
        || Header::raw("x-goog-api-key"),
        "GOOGLE_HOST",
        "https://generativelanguage.googleapis.com",
    ),
    (
        "openrouter",
        "openrouter",
        "OPENROUTER_API_KEY",
        || Header::Bearer,
        "OPENROUTER_HOST",
        "https://openrouter.ai",
    ),
];

/// The built-in providers.
pub fn built_in(world: &dyn World, settings: &Settings) -> Vec<Provider> {
    let make = |(id, catalogue, key, header, host, default): &Row| {
        let moved = moved(world, settings, id, host);
        Provider {
            id: (*id).to_owned(),
            catalogue: Some(catalogue),
            key: (*key).to_owned(),
            header: header(),
            moved_by: moved.as_ref().map(|(name, _)| name.clone()),
            base_url: moved.map_or_else(|| (*default).to_owned(), |(_, url)| url),
            headers: Vec::new(),
            required: true,
            unclear: None,
        }
    };
    BUILT_IN.iter().map(make).collect()
}

/// The setting that names another host. OpenAI has two: `OPENAI_HOST` in the environment, then `OPENAI_BASE_URL`, then
/// `OPENAI_HOST` in a file.
fn moved(world: &dyn World, settings: &Settings, id: &str, host: &str) -> Option<(String, String)> {
    let named = |name: &str, text: Option<String>| text.map(|text| (name.to_owned(), text));
    if id != "openai" {
        return named(host, settings.text(world, host));
    }
    let base = settings.text(world, "OPENAI_BASE_URL").filter(|text| !text.trim().is_empty());
    named(host, world.var(host).map(str::to_owned))
        .or_else(|| named("OPENAI_BASE_URL", base.map(|text| text.trim().to_owned())))
        .or_else(|| named(host, settings.in_files(host).and_then(Json::as_str).map(str::to_owned)))
}

/// The providers in `custom_providers/`.
pub fn custom(world: &dyn World, settings: &Settings) -> Vec<Provider> {
    let folder = settings.folder.join("custom_providers");
    let files = world.list(&folder).into_iter();
    let files = files.filter(|name| std::path::Path::new(name).extension().is_some_and(|end| end == "json"));
    files.filter_map(|name| read(&Doc::json(world, folder.join(name)))).collect()
}

fn read(doc: &Doc) -> Option<Provider> {
    let engine = doc.text(&["engine"])?;
    let base_url = doc.text(&["base_url"])?.to_owned();
    let headers = doc
        .entries(&["headers"])
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let (header, known) = match engine {
        "openai" | "openai_compatible" => (Header::Bearer, true),
        "anthropic" | "anthropic_compatible" => (Header::raw("x-api-key"), true),
        _ => (Header::Bearer, false),
    };
    let unclear = match () {
        () if doc.at(&["auth"]).is_some_and(|auth| !auth.is_null()) => Some("a command gives its key"),
        () if base_url.contains("${") => Some("its address holds a variable, which is unknown"),
        () if !known => Some("its engine is unknown"),
        () => None,
    };
    Some(Provider {
        id: doc.text(&["name"])?.to_owned(),
        catalogue: None,
        key: doc.text(&["api_key_env"]).unwrap_or_default().to_owned(),
        header,
        base_url,
        moved_by: None,
        headers: headers.collect(),
        required: doc.at(&["requires_auth"]) != Some(&Json::Bool(false)),
        unclear,
    })
}
