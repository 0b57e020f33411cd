//! `llm` by Simon Willison: keys.json before the variable, names of its own, and base URLs from the SDKs' variables.
//!
//! Rules from llm 0.36 `llm/__init__.py` (`get_key`, `load_keys`, `user_dir`) with llm-openrouter 0.7.1,
//! llm-anthropic 0.30 and llm-gemini 0.35, and from recordings of them.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, foreign_base, host_of};
use crate::agents::engine::{self, Layers, Library, OwnHeader, Package, Presence, Question, Request, Rules};
use crate::agents::{Agent, Looks, Record, python};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::formats::pyyaml::{self, Yaml};
use crate::resolve::{Header, Offer, Outcome, Slot};
use crate::source::{Format, Place, Pointer, Source, Value, tilde};
use crate::world::{Os, Trouble, World};

/// llm 0.36 `llm/__init__.py`, `DEFAULT_MODEL`.
const DEFAULT_MODEL: &str = "gpt-5.6-luna";
const EXTRA: &str = "extra-openai-models.yaml";

/// The `llm` command.
pub const AGENT: Agent = Agent {
    id: "llm",
    aliases: &["simonw-llm"],
    name: "llm",
    record: Record::Rules,
    versions: &["0.36"],
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
    scan: |context| Some(engine::scan(&AGENT, context, &Llm::read(context.world))),
    destinations: |context, slot| engine::destinations(&Llm::read(context.world), slot),
    switch: super::no_switch,
    // Each run of llm reads keys.json anew.
    restart: |_, _| None,
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
    /// The SDK's variable with headers of your own.
    headers: Option<&'static str>,
    library: Library,
    /// What is no text in keys.json is written into the header as Python prints it; else it stops the run.
    takes_any: bool,
}

const PLUGINS: &[Plugin] = &[
    Plugin {
        name: "openai",
        library: python::h11,
        takes_any: true,
        variable: "OPENAI_API_KEY",
        inert: None,
        header: || Header::Bearer,
        base: "https://api.openai.com/v1",
        base_variable: Some("OPENAI_BASE_URL"),
        headers: Some("OPENAI_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "openrouter",
        library: python::h11,
        takes_any: true,
        variable: "OPENROUTER_KEY",
        inert: Some("OPENROUTER_API_KEY"),
        header: || Header::Bearer,
        base: "https://openrouter.ai/api/v1",
        base_variable: None,
        headers: Some("OPENAI_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "anthropic",
        library: python::h11_utf8,
        takes_any: false,
        variable: "ANTHROPIC_API_KEY",
        inert: None,
        header: || Header::raw("x-api-key"),
        base: "https://api.anthropic.com",
        base_variable: Some("ANTHROPIC_BASE_URL"),
        headers: Some("ANTHROPIC_CUSTOM_HEADERS"),
    },
    Plugin {
        name: "gemini",
        library: python::h11,
        takes_any: false,
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
struct Llm<'a> {
    world: &'a dyn World,
    dir: PathBuf,
    keys: Doc,
    extra: Result<Vec<Extra>, Trouble>,
    /// The model that a start without `-m` uses.
    model: String,
}

/// Who is asked: a plugin's provider, or the server of a model that a person added.
enum Server<'a> {
    Plugin(&'static Plugin),
    Extra(&'a Extra),
    /// Whoever registers the default model, by its name.
    Unknown(&'a str),
}

/// A model of `extra-openai-models.yaml`.
struct Extra {
    at: usize,
    id: String,
    aliases: Vec<String>,
    base: Option<String>,
    key_name: Option<String>,
    headers: Vec<(String, String)>,
    /// A setting that the SDK does not take any more.
    outdated: Option<&'static str>,
}

/// `default_model.txt`, else the built-in default; an alias is resolved.
fn default_model(world: &dyn World, dir: &Path) -> String {
    let named = world.text(&dir.join("default_model.txt"));
    let named = named.as_ref().and_then(|state| state.text()).map_or(DEFAULT_MODEL, str::trim);
    let aliases = Doc::json(world, dir.join("aliases.json"));
    aliases.text(&[named]).unwrap_or(named).to_owned()
}

fn extra_models(file: &Path, world: &dyn World) -> Result<Vec<Extra>, Trouble> {
    let state = world.read(file);
    if let Some(trouble) = state.trouble() {
        return Err(trouble);
    }
    let Some(text) = state.text() else { return Ok(Vec::new()) };
    let root = pyyaml::load(text).map_err(|error| Trouble::Syntax(error.to_string()))?;
    let text_of =
        |item: &Yaml, key: &str| item.get(key).filter(|value| value.truthy()).and_then(Yaml::as_str);
    // `register_models` goes through the file for every command, whichever model is asked.
    let usable = match &root {
        Yaml::List(items) => {
            items.iter().all(|item| ["model_id", "model_name"].iter().all(|name| item.get(name).is_some()))
        }
        Yaml::Map(entries) => entries.is_empty(),
        _ => false,
    };
    if !usable {
        let why = "it is not a list of models with model_id and model_name, and llm stops at that";
        return Err(Trouble::Syntax(why.to_owned()));
    }
    let models = root.items().enumerate().filter_map(|(at, item)| {
        let outdated = ["api_type", "api_version", "api_engine"];
        let aliases = item.get("aliases").into_iter().flat_map(Yaml::items);
        let headers = item.get("headers").into_iter().flat_map(Yaml::entries);
        Some(Extra {
            at,
            id: text_of(item, "model_id")?,
            aliases: aliases.filter_map(Yaml::as_str).collect(),
            base: text_of(item, "api_base"),
            key_name: text_of(item, "api_key_name"),
            headers: headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?))).collect(),
            outdated: outdated.into_iter().find(|name| item.get(name).is_some_and(Yaml::truthy)),
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

impl<'a> Llm<'a> {
    fn read(world: &'a dyn World) -> Self {
        let dir = user_dir(world);
        let keys = Doc::json(world, dir.join("keys.json"));
        let extra = extra_models(&dir.join(EXTRA), world);
        let model = default_model(world, &dir);
        Self { world, dir, keys, extra, model }
    }

    fn extra(&self) -> impl Iterator<Item = &Extra> {
        self.extra.iter().flatten()
    }

    fn is_default(&self, extra: &Extra) -> bool {
        extra.id == self.model || extra.aliases.contains(&self.model)
    }

    /// keys.json, then the variable. A name in keys.json decides, whatever its value.
    fn key(&self, name: &str, variable: &str, takes_any: bool) -> Vec<Offer> {
        let (place, value) = (common::env_place(variable), common::env_value(self.world, variable));
        let why = format!("keys.json has no entry {name}, so the variable is used");
        let in_env = if self.world.var(variable) == Some("") {
            Offer::ignored(Source::Env, place, value, "set but empty")
        } else {
            Offer::usable(Source::Env, place, value, why)
        };
        vec![self.stored(name, takes_any), in_env.named(variable)]
    }

    fn stored(&self, name: &str, takes_any: bool) -> Offer {
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
            (_, Some(other)) if is_empty(other) => Value::of(Some("")),
            (_, Some(Json::Number(number))) if takes_any => Value::of(Some(number.to_string())),
            (_, Some(Json::Bool(true))) if takes_any => Value::of(Some("True")),
            (_, Some(_)) => {
                Value::Unreadable("keys.json has something else than a text here, and llm stops".to_owned())
            }
            _ => Value::Unreadable(
                "keys.json holds something else than texts here, which is unknown".to_owned(),
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

    fn plugin(&self, plugin: &Plugin) -> Question {
        let moved = plugin.base_variable.and_then(|name| Some((name, self.world.var_nonempty(name)?)));
        let broken = plugin.base_variable.filter(|name| python::broken_base(self.world, name));
        let base = moved.map_or(plugin.base, |(_, base)| base);
        let request = Request {
            own: plugin.headers.map_or_else(Vec::new, |name| self.custom_headers(name)),
            library: plugin.library,
            as_sent: true,
            ..Request::new((plugin.header)(), base, without(plugin))
        };
        let moved = moved.filter(|(_, base)| host_of(base) != host_of(plugin.base));
        let moved = moved.map(|(name, base)| foreign_base("llm", base, &format!("the variable {name}")));
        let added = self.extra().any(|extra| self.is_default(extra));
        Question {
            provider: Some(plugin.name.to_owned()),
            in_use: !added && plugin_of(&self.model) == Some(plugin.name),
            refusal: self.stops().or_else(|| broken.map(broken_base)),
            lints: moved.into_iter().chain(self.inert(plugin)).chain(self.organization(plugin)).collect(),
            ..Question::new(plugin.name, self.key(plugin.name, plugin.variable, plugin.takes_any), request)
        }
    }

    fn inert(&self, plugin: &Plugin) -> Option<Lint> {
        let name = plugin.inert.filter(|name| self.world.var_nonempty(name).is_some())?;
        let read = plugin.variable;
        let message = format!("{name} is set, but llm does not read it; it reads {read}");
        Some(Lint::note("variable-unused", message))
    }

    fn organization(&self, plugin: &Plugin) -> Option<Lint> {
        let mut names =
            ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"].into_iter().filter(|_| plugin.name == "openai");
        let set = names.find(|name| self.world.var_nonempty(name).is_some())?;
        let message = format!("{set} is sent as well and can turn a good key into a 401");
        Some(Lint::note("organization-header", message))
    }

    /// Why every run stops, whichever model is asked.
    fn stops(&self) -> Option<Outcome> {
        let trouble = self.extra.as_ref().err()?;
        Some(Outcome::nothing(format!("{EXTRA} cannot be used, and every run of llm stops: {trouble}")))
    }

    /// A model that a person added. Without an `api_base` it is one of OpenAI's; with one and without `api_key_name` the server
    /// gets a dummy, never the person's key.
    fn server(&self, extra: &Extra) -> Question {
        let own = PLUGINS.iter().find(|plugin| plugin.name == "openai").filter(|_| extra.base.is_none());
        let offers = if let Some(name) = extra.key_name.as_deref().or(own.map(|plugin| plugin.name)) {
            self.key(name, "OPENAI_API_KEY", true)
        } else {
            let place = Place::BuiltIn { what: "llm's placeholder for servers without a key".to_owned() };
            let why = "the model has an api_base and no api_key_name";
            vec![Offer::usable(Source::BuiltIn, place, Value::of(Some("DUMMY_KEY")), why)]
        };
        let moved = own.and_then(|plugin| plugin.base_variable);
        let moved = moved.and_then(|name| Some((name, self.world.var_nonempty(name)?)));
        let (base, from) = match (&extra.base, moved) {
            (Some(base), _) => (base.as_str(), Some(tilde(&self.dir.join(EXTRA), self.world.home()))),
            (None, Some((name, base))) => (base, Some(format!("the variable {name}"))),
            (None, None) => (own.map_or("", |plugin| plugin.base), None),
        };
        let broken = own.and_then(|plugin| plugin.base_variable);
        let broken = broken.filter(|name| python::broken_base(self.world, name)).map(broken_base);
        let outdated = extra.outdated.map(|name| {
            Outcome::nothing(format!("{EXTRA} sets {name}, which OpenAI's SDK does not know: llm stops"))
        });
        let request = Request::new(Header::Bearer, base, "llm stops: no key found");
        let own_headers = self.headers_of_extra(extra);
        let request = Request { own: own_headers, library: python::h11, as_sent: true, ..request };
        Question {
            provider: own.map(|plugin| plugin.name.to_owned()),
            in_use: self.is_default(extra),
            refusal: self.stops().or(outdated).or(broken),
            lints: from.iter().map(|from| foreign_base("llm", base, from)).collect(),
            ..Question::new(format!("extra:{}", common::printable(&extra.id)), offers, request)
        }
    }

    /// The default model is of a plugin that is not known here, or of none at all.
    fn unknown(&self, model: &str) -> Question {
        let name = common::printable(model);
        let reason = format!("the default model {name} is of no plugin that keymend knows");
        let request = Request::new(Header::Bearer, "", "");
        Question {
            in_use: true,
            refusal: Some(self.stops().unwrap_or_else(|| Outcome::unknown(reason))),
            ..Question::new(format!("model:{name}"), Vec::new(), request)
        }
    }

    fn custom_headers(&self, variable: &str) -> Vec<OwnHeader> {
        python::custom_headers(&Layers::of_process(self.world), variable)
    }

    /// The headers of a model come after those of the SDK's variable, and replace them.
    fn headers_of_extra(&self, extra: &Extra) -> Vec<OwnHeader> {
        let file = self.dir.join(EXTRA);
        let in_file = extra.headers.iter().filter_map(|(name, value)| {
            let pointer = Pointer::new([extra.at.to_string(), "headers".to_owned(), name.clone()]);
            let place = Place::Field { file: file.clone(), format: Format::Yaml, pointer };
            OwnHeader::shown(name, value, Source::Config, place)
        });
        self.custom_headers("OPENAI_CUSTOM_HEADERS").into_iter().chain(in_file).collect()
    }
}

impl Rules for Llm<'_> {
    type Query<'q>
        = Server<'q>
    where
        Self: 'q;
    const NAMED_BY_ADDRESS: bool = false;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "llm",
            package: Package::Python("llm"),
            paths: vec![self.dir.clone()],
            variables: &["LLM_USER_PATH", "LLM_GEMINI_KEY"],
        }
    }

    fn queries(&self) -> Vec<Server<'_>> {
        let added = self.extra().map(Server::Extra);
        let known = plugin_of(&self.model).is_some() || self.extra().any(|extra| self.is_default(extra));
        let unknown = (!known).then_some(Server::Unknown(&self.model));
        PLUGINS.iter().map(Server::Plugin).chain(added).chain(unknown).collect()
    }

    fn ask(&self, server: &Server<'_>) -> Question {
        match server {
            Server::Plugin(plugin) => self.plugin(plugin),
            Server::Extra(extra) => self.server(extra),
            Server::Unknown(model) => self.unknown(model),
        }
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        let extra = self.extra.as_ref().err().map(|trouble| (self.dir.join(EXTRA), trouble.clone()));
        self.keys.problem().into_iter().chain(extra).collect()
    }

    /// keys.json is read anew by each run; the variables cannot be written.
    fn destinations(&self, server: &Server<'_>, _: &Slot) -> Vec<Destination> {
        let name = match server {
            Server::Plugin(plugin) => Some(plugin.name),
            Server::Unknown(_) => None,
            Server::Extra(extra) => extra.key_name.as_deref().or(extra.base.is_none().then_some("openai")),
        };
        let (Some(name), None) = (name, &self.keys.trouble) else { return Vec::new() };
        let effect = if self.keys.present {
            "the next run of llm sends it; keys.json beats every variable"
        } else {
            "keys.json is made; the next run of llm sends it, and it beats every variable"
        };
        let place = Place::Field {
            file: self.keys.path.clone(),
            format: Format::Json,
            pointer: Pointer::new([name]),
        };
        vec![Destination { place, effect: effect.to_owned(), neighbours: Vec::new() }]
    }
}

/// Whether Python takes a value for none.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        Json::Bool(true) | Json::String(_) => false,
    }
}

fn broken_base(name: &str) -> Outcome {
    Outcome::nothing(format!("{name} is empty or has a blank at its edge: no request is sent"))
}

fn without(plugin: &Plugin) -> String {
    let name = plugin.name;
    match name {
        "openrouter" => "the models of openrouter do not exist then (\"Unknown model\")".to_owned(),
        _ => format!("llm stops: no key found; `llm keys set {name}` stores one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Context;
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
        let findings = AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap();
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
        assert_eq!(slot.active, Some(0));
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
