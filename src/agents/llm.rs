//! `llm` by Simon Willison: keys.json before the variable, names of its own, and base URLs from the SDKs' variables.
//!
//! Rules from llm 0.36 `llm/__init__.py` (`get_key`, `load_keys`, `user_dir`) with llm-openrouter 0.7.1,
//! llm-anthropic 0.30 and llm-gemini 0.35, and from recordings of them.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, Traces, foreign_base, host_of};
use crate::agents::python::{self, Draft, Layers, OwnHeader};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::formats::pyyaml::{self, Yaml};
use crate::resolve::{Chain, Header, Offer, Slot};
use crate::source::{Format, Place, Pointer, Source, Value};
use crate::world::{Os, World};

const ID: &str = "llm";
const VERSION: &str = "0.36";
/// llm 0.36 `llm/__init__.py`, `DEFAULT_MODEL`.
const DEFAULT_MODEL: &str = "gpt-5.6-luna";

/// The `llm` command.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["simonw-llm"],
    name: "llm",
    record: Record::Rules,
    versions: &[VERSION],
    looks: &[
        Looks {
            place: "~/.config/io.datasette.llm/keys.json",
            note: "beats the variables; LLM_USER_PATH moves it",
        },
        Looks { place: "OPENAI_API_KEY, ANTHROPIC_API_KEY", note: "" },
        Looks { place: "OPENROUTER_KEY", note: "not OPENROUTER_API_KEY" },
        Looks { place: "LLM_GEMINI_KEY", note: "not GEMINI_API_KEY" },
        Looks { place: "extra-openai-models.yaml", note: "own base URL and key name" },
    ],
    scan,
    destinations,
    switch: super::no_switch,
    restart,
};

/// One provider as its plugin knows it.
struct Plugin {
    name: &'static str,
    variable: &'static str,
    /// A variable that looks right and is not read.
    inert: Option<&'static str>,
    header: fn() -> Header,
    base: &'static str,
    /// The SDK's variable that moves the requests.
    base_variable: Option<&'static str>,
    /// The SDK's variable with headers of one's own.
    headers: Option<&'static str>,
}

const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "openai",
        variable: "OPENAI_API_KEY",
        inert: None,
        header: || Header::Bearer,
        base: "https://api.openai.com/v1",
        base_variable: Some("OPENAI_BASE_URL"),
        headers: Some("OPENAI_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "openrouter",
        variable: "OPENROUTER_KEY",
        inert: Some("OPENROUTER_API_KEY"),
        header: || Header::Bearer,
        base: "https://openrouter.ai/api/v1",
        base_variable: None,
        headers: Some("OPENAI_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "anthropic",
        variable: "ANTHROPIC_API_KEY",
        inert: None,
        header: || Header::raw("x-api-key"),
        base: "https://api.anthropic.com",
        base_variable: Some("ANTHROPIC_BASE_URL"),
        headers: Some("ANTHROPIC_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "gemini",
        variable: "LLM_GEMINI_KEY",
        inert: Some("GEMINI_API_KEY"),
        header: || Header::raw("x-goog-api-key"),
        base: "https://generativelanguage.googleapis.com/v1beta",
        base_variable: None,
        headers: None,
    },
];

/// click's `get_app_dir("io.datasette.llm")`, or `LLM_USER_PATH`.
fn user_dir(world: &dyn World) -> PathBuf {
    let name = "io.datasette.llm";
    if let Some(path) = world.var_nonempty("LLM_USER_PATH") {
        return world.cwd().join(path);
    }
    let home = common::home(world);
    let configs = match world.os() {
        Os::Linux => world.var("XDG_CONFIG_HOME").map_or(home.join(".config"), |path| world.cwd().join(path)),
        Os::Macos => home.join("Library/Application Support"),
        Os::Windows => world.var("APPDATA").map_or(home, PathBuf::from),
    };
    configs.join(name)
}

/// What one scan reads.
struct Here<'a> {
    world: &'a dyn World,
    dir: PathBuf,
    keys: Doc,
    extra: Vec<Extra>,
    model: String,
}

/// A model of `extra-openai-models.yaml`.
struct Extra {
    at: usize,
    id: String,
    aliases: Vec<String>,
    base: Option<String>,
    key_name: Option<String>,
    headers: Vec<(String, String)>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let dir = user_dir(world);
    let keys = Doc::json(world, dir.join("keys.json"));
    let mut troubles: Vec<_> = keys.problem().into_iter().collect();
    let extra = match extra_models(world, &dir) {
        Ok(extra) => extra,
        Err(trouble) => {
            troubles.push((dir.join("extra-openai-models.yaml"), trouble));
            Vec::new()
        }
    };
    let model = default_model(world, &dir);
    let here = Here { world, dir: dir.clone(), keys, extra, model };
    let mut slots: Vec<Slot> = PLUGINS.iter().map(|plugin| here.plugin_slot(plugin)).collect();
    slots.extend(here.extra.iter().filter(|extra| extra.base.is_some()).map(|extra| here.extra_slot(extra)));
    slots.sort_by_key(|slot| !slot.in_use);
    common::finish(world, &mut slots);
    let version = python::version(world, "llm", "llm");
    let traces = Traces { program: "llm", paths: &[dir], variables: &["LLM_USER_PATH", "LLM_GEMINI_KEY"] };
    Some(Findings {
        found: traces.found(world),
        rules: common::rules("llm", AGENT.versions, version.as_deref()),
        version,
        slots,
        troubles,
        lints: Vec::new(),
    })
}

/// `default_model.txt`, else the built-in default; an alias is resolved.
fn default_model(world: &dyn World, dir: &std::path::Path) -> String {
    let named = world.text(&dir.join("default_model.txt"));
    let named = named.as_ref().and_then(|state| state.text()).map_or(DEFAULT_MODEL, str::trim);
    let aliases = Doc::json(world, dir.join("aliases.json"));
    aliases.text(&[named]).unwrap_or(named).to_owned()
}

fn extra_models(world: &dyn World, dir: &std::path::Path) -> Result<Vec<Extra>, crate::world::Trouble> {
    let state = world.read(&dir.join("extra-openai-models.yaml"));
    if let Some(trouble) = state.trouble() {
        return Err(trouble);
    }
    let Some(text) = state.text() else { return Ok(Vec::new()) };
    let root = pyyaml::load(text).map_err(|error| crate::world::Trouble::Syntax(error.to_string()))?;
    let text_of =
        |item: &Yaml, key: &str| item.get(key).filter(|value| value.truthy()).and_then(Yaml::as_str);
    let models = root.items().enumerate().filter_map(|(at, item)| {
        let aliases = item.get("aliases").into_iter().flat_map(Yaml::items);
        let headers = item.get("headers").into_iter().flat_map(Yaml::entries);
        Some(Extra {
            at,
            id: text_of(item, "model_id")?,
            aliases: aliases.filter_map(Yaml::as_str).collect(),
            base: text_of(item, "api_base"),
            key_name: text_of(item, "api_key_name"),
            headers: headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?))).collect(),
        })
    });
    Ok(models.collect())
}

/// The plugin that registers a model, as far as the name alone tells.
fn plugin_of(model: &str) -> Option<&'static str> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if starts(&["openrouter/"]) {
        Some("openrouter")
    } else if starts(&["claude-", "anthropic/"]) {
        Some("anthropic")
    } else if starts(&["gemini"]) {
        Some("gemini")
    } else if starts(&["gpt-", "chatgpt", "o1", "o3", "o4", "4o", "3.5"])
        || matches!(model, "4" | "4t" | "chatgpt-16k")
    {
        Some("openai")
    } else {
        None
    }
}

impl Here<'_> {
    fn plugin_slot(&self, plugin: &Plugin) -> Slot {
        let world = self.world;
        let extra =
            self.extra.iter().any(|extra| extra.id == self.model || extra.aliases.contains(&self.model));
        let mut lints = Vec::new();
        let moved = plugin.base_variable.and_then(|name| Some((name, world.var_nonempty(name)?)));
        if let Some((name, base)) = moved.filter(|(_, base)| host_of(base) != host_of(plugin.base)) {
            lints.push(foreign_base("llm", base, &format!("the variable {name}")));
        }
        lints.extend(self.inert(plugin));
        lints.extend(self.organization(plugin));
        let mut slot = Draft {
            agent: ID,
            profile: "default".to_owned(),
            provider: Some(plugin.name.to_owned()),
            agent_provider: plugin.name.to_owned(),
            in_use: !extra && plugin_of(&self.model) == Some(plugin.name),
            chain: self.chain(plugin.name, plugin.variable),
            header: (plugin.header)(),
            base_url: moved.map_or(plugin.base, |(_, base)| base).to_owned(),
            refuses: python::refused,
            without: without(plugin),
            lints,
        }
        .finish();
        let broken = plugin.base_variable.filter(|name| python::broken_base(world, name));
        if let Some(name) = broken {
            python::refuse(
                &mut slot,
                &format!("{name} is empty or has a blank at its edge: no request leaves"),
            );
        }
        python::lay_headers(
            &mut slot,
            plugin
                .headers
                .map_or_else(Vec::new, |name| python::custom_headers(&Layers::of_process(world), name)),
        );
        slot
    }

    /// keys.json, then the variable. A name in keys.json decides, whatever its value.
    fn chain(&self, name: &str, variable: &str) -> Chain {
        let mut chain = Chain::new();
        chain.push(self.stored(name));
        let why = format!("keys.json has no entry {name}, so the variable counts");
        let value = common::env_value(self.world, variable);
        let offer = match self.world.var(variable) {
            Some("") => Offer::ignored(Source::Env, common::env_place(variable), value, "set but empty"),
            _ => Offer::usable(Source::Env, common::env_place(variable), value, why),
        };
        chain.push(offer.named(variable));
        chain
    }

    fn stored(&self, name: &str) -> Offer {
        let place = self.keys.place(&[name]);
        if let Some(trouble) = &self.keys.trouble {
            let why = "keys.json cannot be read, and llm stops there even though a variable may be set";
            let value = Value::Unreadable(format!("{why}: {trouble}"));
            return Offer::stops(Source::AuthFile, place, value, why).lint(Lint::fault(
                "store-broken",
                "keys.json is broken: llm stops, and `llm keys set` would drop every other key",
            ));
        }
        let value = match (&self.keys.root, self.keys.at(&[name])) {
            (Json::Object(_) | Json::Null, None) => Value::Unset,
            // A list is asked for the name, too, and says no.
            (Json::Array(items), None) if !items.iter().any(|item| item.as_str() == Some(name)) => {
                Value::Unset
            }
            (_, Some(Json::String(text))) => Value::of(Some(text.as_str())),
            (_, Some(Json::Null)) => Value::of(Some("")),
            (_, Some(Json::Number(number))) if number.is_i64() => Value::of(Some(number.to_string())),
            _ => Value::Unreadable(
                "keys.json holds something else than texts here, which is not on record".to_owned(),
            ),
        };
        match &value {
            Value::Present(key) if key.is_empty() => {
                let why = "the entry in keys.json is empty, and it blocks the variable: llm finds no key";
                Offer::stops(Source::AuthFile, place, value, why).lint(Lint::fault("empty-hides", why))
            }
            Value::Unreadable(why) => Offer::stops(Source::AuthFile, place, value.clone(), why.clone()),
            _ => Offer::usable(Source::AuthFile, place, value, "keys.json beats the variable"),
        }
        .named(name)
    }

    fn inert(&self, plugin: &Plugin) -> Option<Lint> {
        let name = plugin.inert.filter(|name| self.world.var_nonempty(name).is_some())?;
        let read = plugin.variable;
        Some(Lint::note(
            "variable-unused",
            format!("{name} is set, but llm does not read it; it reads {read}"),
        ))
    }

    fn organization(&self, plugin: &Plugin) -> Option<Lint> {
        let names = ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"];
        let set = names.into_iter().find(|name| self.world.var_nonempty(name).is_some())?;
        let message = format!("{set} travels along and can turn a good key into a 401");
        (plugin.name == "openai").then(|| Lint::note("organization-header", message))
    }

    /// A model with a server of its own. Without `api_key_name` a dummy travels, never the person's key.
    fn extra_slot(&self, extra: &Extra) -> Slot {
        let base = extra.base.clone().unwrap_or_default();
        let mut chain = Chain::new();
        if let Some(name) = &extra.key_name {
            chain = self.chain(name, "OPENAI_API_KEY");
        } else {
            let place = Place::BuiltIn { what: "llm's placeholder for servers without a key".to_owned() };
            let why = "the model has an api_base and no api_key_name";
            chain.push(Offer::usable(Source::BuiltIn, place, Value::of(Some("DUMMY_KEY")), why));
        }
        let from = self.dir.join("extra-openai-models.yaml");
        let lint = foreign_base("llm", &base, &crate::source::tilde(&from, self.world.home()));
        let mut slot = Draft {
            agent: ID,
            profile: "default".to_owned(),
            provider: None,
            agent_provider: format!("extra:{}", common::printable(&extra.id)),
            in_use: extra.id == self.model || extra.aliases.contains(&self.model),
            chain,
            header: Header::Bearer,
            base_url: base,
            refuses: python::refused,
            without: "llm stops: no key found".to_owned(),
            lints: vec![lint],
        }
        .finish();
        let mut headers = python::custom_headers(&Layers::of_process(self.world), "OPENAI_CUSTOM_HEADERS");
        headers.extend(extra.headers.iter().map(|(name, value)| OwnHeader {
            name: name.clone(),
            value: value.clone(),
            source: Source::Config,
            place: Place::Field {
                file: from.clone(),
                format: Format::Yaml,
                pointer: Pointer::new([extra.at.to_string(), "headers".to_owned(), name.clone()]),
            },
        }));
        python::lay_headers(&mut slot, headers);
        slot
    }
}

fn without(plugin: &Plugin) -> String {
    let name = plugin.name;
    match name {
        "openrouter" => "the models of openrouter do not exist then (\"Unknown model\")".to_owned(),
        _ => format!("llm stops: no key found; `llm keys set {name}` stores one"),
    }
}

/// keys.json is read anew by each run; the variables cannot be written.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let dir = user_dir(context.world);
    let keys = Doc::json(context.world, dir.join("keys.json"));
    let name = match slot.agent_provider.strip_prefix("extra:") {
        None => Some(slot.agent_provider.clone()),
        Some(id) => extra_models(context.world, &dir)
            .unwrap_or_default()
            .into_iter()
            .find(|extra| common::printable(&extra.id) == id)
            .and_then(|extra| extra.key_name),
    };
    let (Some(name), None) = (name, &keys.trouble) else { return Vec::new() };
    let place = Place::Field { file: keys.path.clone(), format: Format::Json, pointer: Pointer::new([name]) };
    let effect = if keys.present {
        "the next run of llm sends it; keys.json beats every variable"
    } else {
        "keys.json is made; the next run of llm sends it, and it beats every variable"
    };
    vec![Destination { place, effect: effect.to_owned(), neighbours: Vec::new() }]
}

/// Each run of llm reads keys.json anew.
fn restart(_: &Context<'_>, _: &Slot) -> Option<Restart> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;
    use crate::resolve::Outcome;
    use crate::world::MemoryWorld;

    #[test]
    fn the_folder_is_the_one_of_the_system() {
        let with = |os, folder: &str| {
            let keys = format!("{folder}/io.datasette.llm/keys.json");
            let world = MemoryWorld::new("/h").on(os).with_var("APPDATA", "/h/AppData/Roaming");
            let world =
                world.with_var("XDG_CONFIG_HOME", "/h/xdg").with_file(keys, "{\"openai\":\"sk-FAKE\"}");
            slot(&world, "openai").sent().is_some_and(|sent| sent.key.is("sk-FAKE"))
        };
        assert!(with(Os::Linux, "xdg") && !with(Os::Linux, ".config"));
        assert!(with(Os::Macos, "Library/Application Support") && !with(Os::Macos, "xdg"));
        assert!(with(Os::Windows, "AppData/Roaming") && !with(Os::Windows, "xdg"));
    }

    fn slot(world: &MemoryWorld, provider: &str) -> Slot {
        let catalogue = Catalogue::embedded();
        let findings = scan(&Context { world, catalogue: &catalogue }).unwrap();
        findings.slots.into_iter().find(|slot| slot.agent_provider == provider).unwrap()
    }

    #[test]
    fn a_model_with_its_own_server_never_gets_the_openai_key_by_accident() {
        let yaml = "- model_id: local1\n  model_name: m\n  api_base: http://127.0.0.1:9/v1\n";
        let world = MemoryWorld::new("/h")
            .with_file(".config/io.datasette.llm/keys.json", "{\"openai\":\"sk-FAKE\"}")
            .with_file(".config/io.datasette.llm/extra-openai-models.yaml", yaml);
        assert!(slot(&world, "extra:local1").sent().unwrap().key.is("DUMMY_KEY"));
        let named = format!("{yaml}  api_key_name: openai\n");
        let world = world.with_file(".config/io.datasette.llm/extra-openai-models.yaml", named);
        assert!(slot(&world, "extra:local1").sent().unwrap().key.is("sk-FAKE"));
    }

    #[test]
    fn a_header_of_ones_own_replaces_the_key_or_travels_along() {
        let world = MemoryWorld::new("/h")
            .with_var("ANTHROPIC_API_KEY", "sk-ant-FAKE")
            .with_var("ANTHROPIC_CUSTOM_HEADERS", "X-API-KEY: sk-OTHER");
        assert!(slot(&world, "anthropic").sent().unwrap().key.is("sk-OTHER"));
        assert_eq!(slot(&world, "anthropic").candidates[2].state.id(), "shadowed");
        let slot =
            slot(&world.with_var("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer tok"), "anthropic");
        let Outcome::Sends { sent, also, .. } = &slot.outcome else { panic!("{:?}", slot.outcome) };
        assert!(sent.header == Header::Bearer && sent.key.is("tok") && also[0].key.is("sk-ant-FAKE"));
        assert_eq!(slot.active, Some(2));
    }

    #[test]
    fn a_base_url_of_blanks_stops_every_request() {
        let world =
            MemoryWorld::new("/h").with_var("OPENAI_API_KEY", "sk-FAKE").with_var("OPENAI_BASE_URL", "");
        assert!(matches!(slot(&world, "openai").outcome, Outcome::Nothing { .. }));
    }

    #[test]
    fn a_variable_with_the_usual_name_is_inert() {
        let world = MemoryWorld::new("/h").with_var("OPENROUTER_API_KEY", "sk-or-v1-FAKE");
        let slot = slot(&world, "openrouter");
        assert!(slot.sent().is_none());
        assert_eq!(slot.lints[0].id, "variable-unused");
    }

    #[test]
    fn the_default_model_decides_what_is_in_use() {
        let world = MemoryWorld::new("/h").with_file(".config/io.datasette.llm/default_model.txt", "fast\n");
        let world = world.with_file(".config/io.datasette.llm/aliases.json", "{\"fast\":\"claude-haiku\"}");
        assert!(slot(&world, "anthropic").in_use && !slot(&world, "openai").in_use);
        assert!(slot(&MemoryWorld::new("/h"), "openai").in_use);
    }
}
