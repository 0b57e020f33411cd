//! Cline's stores: `settings/providers.json` of 3.x, and the files of 2.x that it takes over once.
//!
//! From @cline/core 0.0.86: the schema that decides whether the whole file is valid, and the migration.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::cline::catalogue::{PROVIDERS, Provider, normal};
use crate::agents::common::{self, Doc};
use crate::agents::engine::Layers;
use crate::source::Place;
use crate::world::World;

/// One provider in the store.
#[derive(Clone, Debug)]
pub struct Field {
    /// The text.
    pub text: String,
    /// Its place.
    pub place: Place,
}

/// One provider's entry as Cline sees it after its start.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in the file")]
pub struct Entry {
    /// An OAuth access token.
    pub access: Option<Field>,
    /// The token can be refreshed, and when it ends (Unix milliseconds).
    pub refresh: bool,
    /// When the token ends.
    pub expires_ms: Option<i64>,
    /// `settings.apiKey`.
    pub key: Option<Field>,
    /// `settings.auth.apiKey`.
    pub auth_key: Option<Field>,
    /// `settings.headers`.
    pub headers: Vec<(String, Field)>,
    /// `settings.baseUrl`, or what `apiLine` makes of it.
    pub base: Option<String>,
    /// `apiLine` is `china`.
    pub china: bool,
    /// The entry changes protocol or client.
    pub special: bool,
    /// It came from 2.x at this start.
    pub migrated: bool,
}

/// The stores of one Cline.
pub struct Store {
    /// `providers.json`.
    pub file: Doc,
    /// `secrets.json`.
    pub secrets: Doc,
    /// `globalState.json`.
    pub state: Doc,
    /// Why Cline treats the whole file as empty, if it does.
    pub discarded: Option<String>,
}

impl Store {
    /// Opens the stores where the variables say they are.
    pub fn open(world: &dyn World, layers: &Layers) -> Self {
        let set = |name: &str| layers.text(name).map(str::trim).filter(|path| !path.is_empty());
        let dir =
            set("CLINE_DIR").map_or_else(|| common::home(world).join(".cline"), |dir| world.cwd().join(dir));
        let data = set("CLINE_DATA_DIR").map_or_else(|| dir.join("data"), |data| world.cwd().join(data));
        let path = set("CLINE_PROVIDER_SETTINGS_PATH").map(|path| world.cwd().join(path));
        let path = path.unwrap_or_else(|| data.join("settings/providers.json"));
        // The folder of 2.x's files is the one above `settings/providers.json`.
        let beside =
            path.parent().filter(|dir| dir.ends_with("settings") && path.ends_with("providers.json"));
        let data = beside.and_then(Path::parent).map_or(data, Path::to_path_buf);
        let file = Doc::json(world, path);
        let discarded = match &file.trouble {
            Some(trouble) => Some(format!("it {trouble}")),
            None if file.present => valid(&file.root).err(),
            None => None,
        };
        let (secrets, state) =
            (Doc::json(world, data.join("secrets.json")), Doc::json(world, data.join("globalState.json")));
        Self { file, secrets, state, discarded }
    }

    /// The folder with the hub's discovery record and 2.x's files.
    pub fn data(&self) -> PathBuf {
        self.secrets.folder().to_path_buf()
    }

    fn counts(&self) -> bool {
        self.file.present && self.discarded.is_none()
    }

    /// The ids in `providers.json`, whether they count or not.
    pub fn ids(&self) -> Vec<String> {
        self.file.entries(&["providers"]).map(|(id, _)| id.clone()).collect()
    }

    /// The entry that is used for a provider: the stored one, else what the start takes over from 2.x.
    pub fn entry(&self, id: &str) -> Option<Entry> {
        match self.counts().then(|| self.stored(id)).flatten() {
            Some(entry) => Some(entry),
            None => self.legacy(id),
        }
    }

    /// The stored entry, whether the file is valid or not.
    pub fn stored(&self, id: &str) -> Option<Entry> {
        let settings =
            self.file.at(&["providers", id, "settings"]).filter(|settings| settings.is_object())?;
        let field = |steps: &[&str]| {
            let text = steps.iter().try_fold(settings, |at, step| at.get(step))?.as_str()?;
            let path: Vec<&str> = ["providers", id, "settings"].iter().chain(steps).copied().collect();
            Some(Field { text: text.to_owned(), place: self.file.place(&path) })
        };
        let headers = settings.get("headers").and_then(Json::as_object).into_iter().flatten();
        let headers = headers.filter_map(|(name, _)| Some((name.clone(), field(&["headers", name])?)));
        let has = |name: &str| settings.get(name).is_some();
        Some(Entry {
            access: field(&["auth", "accessToken"]),
            refresh: field(&["auth", "refreshToken"]).is_some_and(|token| !token.text.trim().is_empty()),
            expires_ms: settings.get("auth").and_then(|auth| auth.get("expiresAt")).and_then(Json::as_i64),
            key: field(&["apiKey"]),
            auth_key: field(&["auth", "apiKey"]),
            headers: headers.collect(),
            base: settings.get("baseUrl").and_then(Json::as_str).map(str::to_owned),
            china: settings.get("apiLine").and_then(Json::as_str) == Some("china"),
            special: has("protocol") || has("client") || has("routingProviderId"),
            migrated: false,
        })
    }

    /// What a start takes over for a provider without an entry.
    pub fn legacy(&self, id: &str) -> Option<Entry> {
        let provider = PROVIDERS.iter().find(|provider| provider.id == id)?;
        let mut entry = Entry { key: self.secret(provider), migrated: true, ..Entry::default() };
        let base = provider.base_field.and_then(|field| self.state.text(&[field])).map(str::trim);
        entry.base = base.filter(|base| !base.is_empty()).map(str::to_owned);
        entry.china = self.state.text(&[&format!("{id}ApiLine")]) == Some("china");
        if id == "cline" {
            self.account(&mut entry);
        }
        let named = self.modes().any(|mode| mode == id);
        (entry.key.is_some() || entry.access.is_some() || named).then_some(entry)
    }

    fn secret(&self, provider: &Provider) -> Option<Field> {
        let text = self.secrets.text(&[provider.secret])?.trim();
        let place = self.secrets.place(&[provider.secret]);
        (!text.is_empty()).then(|| Field { text: text.to_owned(), place })
    }

    /// `cline:clineAccountId` holds JSON with the account's tokens.
    fn account(&self, entry: &mut Entry) {
        let name = "cline:clineAccountId";
        let Some(account) =
            self.secrets.text(&[name]).and_then(|text| serde_json::from_str::<Json>(text).ok())
        else {
            return;
        };
        let text = |name: &str| account.get(name).and_then(Json::as_str).map(str::to_owned);
        entry.access = text("idToken").map(|text| Field { text, place: self.secrets.place(&[name]) });
        entry.refresh = text("refreshToken").is_some();
        let ends = account.get("expiresAt").and_then(Json::as_i64);
        entry.expires_ms = ends.map(|ends| if ends < 10_000_000_000 { ends * 1000 } else { ends });
    }

    /// The providers of act and plan mode in 2.x, the present mode first.
    pub fn modes(&self) -> impl Iterator<Item = String> {
        let plan = self.state.text(&["mode"]) == Some("plan");
        let names = ["actModeApiProvider", "planModeApiProvider"];
        let order = if plan { [names[1], names[0]] } else { names };
        let named = order.map(|name| self.state.text(&[name]).map(str::trim).filter(|id| !id.is_empty()));
        named.into_iter().flatten().map(|id| normal(id).to_owned()).collect::<Vec<_>>().into_iter()
    }

    /// The provider of a start without `-P`.
    pub fn last_used(&self) -> Option<String> {
        if let Some(last) = self.counts().then(|| self.file.text(&["lastUsedProvider"])).flatten() {
            return Some(last.to_owned());
        }
        let first = self.modes().find(|id| self.entry(id).is_some());
        first.or_else(|| self.ids().into_iter().find(|_| self.counts()))
    }
}

/// Whether the whole file passes Cline's schema; else why it is treated as empty.
fn valid(root: &Json) -> Result<(), String> {
    let refuse = |why: &str| Err(why.to_owned());
    if root.get("version").and_then(Json::as_f64) != Some(1.0) {
        return refuse("its version is not 1");
    }
    match root.get("lastUsedProvider") {
        None => {}
        Some(Json::String(last)) if !last.is_empty() => {}
        Some(_) => return refuse("lastUsedProvider is not a name"),
    }
    if root.get("modes").is_some_and(|modes| !modes.is_object()) {
        return refuse("modes is not an object");
    }
    let Some(providers) = root.get("providers").and_then(Json::as_object) else {
        return refuse("it has no providers");
    };
    for (id, entry) in providers {
        valid_entry(entry).map_err(|why| format!("the entry {} {why}", common::printable(id)))?;
    }
    Ok(())
}

fn valid_entry(entry: &Json) -> Result<(), String> {
    let stamp = entry.get("updatedAt").and_then(Json::as_str);
    if !stamp.is_some_and(is_instant) {
        return Err("has no updatedAt with a full UTC time".to_owned());
    }
    let sources = ["manual", "oauth", "migration"];
    let source = entry.get("tokenSource");
    if source.is_some_and(|source| !source.as_str().is_some_and(|source| sources.contains(&source))) {
        return Err("has an unknown tokenSource".to_owned());
    }
    let settings = entry.get("settings").filter(|settings| settings.is_object());
    valid_settings(settings.ok_or("has no settings")?)
}

/// The types of the fields that a person may have edited.
fn valid_settings(settings: &Json) -> Result<(), String> {
    let provider = settings.get("provider").and_then(Json::as_str).unwrap_or_default();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if provider.is_empty() || provider.starts_with('-') || !provider.chars().all(word) {
        return Err("names no provider".to_owned());
    }
    let texts = ["apiKey", "model", "region"].iter().map(|name| (*name, settings.get(name)));
    let auth = settings.get("auth");
    let auth_texts = [
        "apiKey",
        "accessToken",
        "refreshToken",
        "accountId",
        "organizationId",
        "organizationName",
        "memberId",
    ];
    let auth_texts = auth_texts.iter().map(|name| (*name, auth.and_then(|auth| auth.get(name))));
    if let Some((name, _)) =
        texts.chain(auth_texts).find(|(_, value)| value.is_some_and(|value| !value.is_string()))
    {
        return Err(format!("has a {name} that is not a text"));
    }
    let objects = ["auth", "headers", "reasoning", "aws", "gcp", "azure", "sap", "oca", "modelCatalog"];
    if let Some(name) = objects.iter().find(|name| settings.get(name).is_some_and(|value| !value.is_object()))
    {
        return Err(format!("has a {name} that is not an object"));
    }
    let whole = |value: &Json| value.as_u64().is_some_and(|n| n > 0);
    let numbers = ["maxTokens", "contextWindow", "timeout"].iter().map(|name| (*name, settings.get(name)));
    let expires = auth.and_then(|auth| auth.get("expiresAt"));
    if let Some((name, _)) =
        numbers.chain([("expiresAt", expires)]).find(|(_, v)| v.is_some_and(|v| !whole(v)))
    {
        return Err(format!("has a {name} that is not a positive whole number"));
    }
    let headers = settings.get("headers").and_then(Json::as_object);
    if headers.is_some_and(|headers| headers.values().any(|value| !value.is_string())) {
        return Err("has a header that is not a text".to_owned());
    }
    let base = settings.get("baseUrl");
    if base.is_some_and(|base| !base.as_str().is_some_and(is_url)) {
        return Err("has a baseUrl that is not a URL".to_owned());
    }
    let choices: [(&str, &[&str]); 3] = [
        ("apiLine", &["china", "international"]),
        ("protocol", &["anthropic", "gemini", "openai-chat", "openai-responses", "openai-r1", "ai-sdk"]),
        (
            "client",
            &[
                "anthropic",
                "ai-sdk",
                "ai-sdk-community",
                "openai",
                "openai-compatible",
                "openai-r1",
                "gemini",
                "bedrock",
                "custom",
                "fetch",
                "vertex",
            ],
        ),
    ];
    let wrong = |value: &Json, all: &[&str]| !value.as_str().is_some_and(|value| all.contains(&value));
    match choices.iter().find(|(name, all)| settings.get(name).is_some_and(|value| wrong(value, all))) {
        Some((name, _)) => Err(format!("has an unknown {name}")),
        None => Ok(()),
    }
}

/// zod's `datetime()`: date, `T`, time, `Z`; no offset.
fn is_instant(text: &str) -> bool {
    let Some((date, time)) = text.strip_suffix('Z').and_then(|text| text.split_once('T')) else {
        return false;
    };
    let digits = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = time.split(':').collect();
    let clock = match parts.as_slice() {
        [hour, minute] => digits(hour, 2) && digits(minute, 2),
        [hour, minute, second] => {
            let (whole, fraction) = second.split_once('.').unwrap_or((second, "0"));
            digits(hour, 2)
                && digits(minute, 2)
                && digits(whole, 2)
                && digits(fraction, fraction.len().max(1))
        }
        _ => false,
    };
    clock && date.parse::<jiff::civil::Date>().is_ok_and(|_| date.len() == 10)
}

/// What `new URL(text)` takes.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let web = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
    named && (!web || !rest.trim_start_matches('/').is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_utc_time_is_an_instant() {
        for good in ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00Z"] {
            assert!(is_instant(good), "{good}");
        }
        for bad in
            ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "2026-13-01T00:00:00Z", ""]
        {
            assert!(!is_instant(bad), "{bad}");
        }
    }

    #[test]
    fn one_wrong_field_discards_the_whole_file() {
        let entry = |settings: Json| serde_json::json!({"version": 1, "providers": {"x": {"settings": settings, "updatedAt": "2026-01-01T00:00:00Z"}}});
        assert_eq!(valid(&entry(serde_json::json!({"provider": "x", "apiKey": "k"}))), Ok(()));
        for settings in [
            serde_json::json!({"apiKey": "k"}),
            serde_json::json!({"provider": "x", "apiKey": null}),
            serde_json::json!({"provider": "x", "baseUrl": "localhost"}),
            serde_json::json!({"provider": "x", "auth": {"expiresAt": 0}}),
        ] {
            assert!(valid(&entry(settings.clone())).is_err(), "{settings}");
        }
    }
}
