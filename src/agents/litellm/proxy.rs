//! LiteLLM's proxy: `config.yaml`, its includes, references to variables, and the block that sets variables.
//!
//! From LiteLLM 1.106.2 `proxy/proxy_server.py` and recordings of it.

use std::path::{Path, PathBuf};

use crate::agents::common;
use crate::agents::engine::{EnvValue, Layers, Question, Request};
use crate::agents::litellm::environment;
use crate::agents::litellm::wire::{self, Ask, Generation, Wire};
use crate::finding::Lint;
use crate::formats::pyyaml::{self, Yaml};
use crate::resolve::{Header, Offer, Outcome};
use crate::secret::Secret;
use crate::source::{Format, Place, Pointer, Source, Value, tilde};
use crate::world::{Process, Trouble, World};

/// Names under which people keep the file that `--config` names.
const USUAL: &[&str] =
    &["config.yaml", "litellm_config.yaml", "proxy_config.yaml", "litellm.yaml", "config.yml"];
/// How deep files may include one another.
const DEPTH: usize = 5;

/// One proxy's configuration.
pub struct Proxy<'a> {
    world: &'a dyn World,
    /// The file.
    pub path: PathBuf,
    /// Something says that the proxy uses this very file.
    pub certain: bool,
    process: Option<Process>,
    /// Files with what they hold, the main one first.
    files: Vec<(PathBuf, Yaml)>,
    /// Files that cannot be read.
    pub troubles: Vec<(PathBuf, Trouble)>,
    /// The variables before the file's own block.
    layers: Layers,
}

/// The running proxy.
pub fn process(world: &dyn World) -> Option<Process> {
    let named = |arg: &String| {
        Path::new(arg).file_name().is_some_and(|name| name == "litellm" || name == "litellm-proxy")
    };
    world.processes("litellm").into_iter().find(|process| process.args.iter().take(3).any(named))
}

impl<'a> Proxy<'a> {
    /// The configuration of the running proxy, of `CONFIG_FILE_PATH`, or one that lies in the working directory.
    pub fn find(world: &'a dyn World) -> Option<Self> {
        let process = process(world);
        let given = process.as_ref().and_then(config_argument).or_else(|| {
            let env =
                process.as_ref().and_then(|process| process.env.as_ref()).unwrap_or_else(|| world.env());
            env.get("CONFIG_FILE_PATH").filter(|path| !path.is_empty()).cloned()
        });
        let layers = match process.as_ref().and_then(|process| process.env.as_ref()) {
            Some(env) => environment::of_proxy(world, env, process.as_ref().map_or(0, |process| process.pid)),
            None => environment::of_start(world),
        };
        let open = |path: PathBuf, certain| {
            let mut proxy = Self {
                world,
                path,
                certain,
                process: process.clone(),
                files: Vec::new(),
                troubles: Vec::new(),
                layers: layers.clone(),
            };
            proxy.load(&proxy.path.clone(), 0);
            proxy
        };
        // A relative path is the running process' own, from where it was started.
        let from_there = |path: &String| match &process {
            Some(process) => process.path(path),
            None => Some(world.cwd().join(path)),
        };
        match given {
            Some(path) => Some(open(from_there(&path)?, true)),
            None => USUAL.iter().map(|name| open(world.cwd().join(name), false)).find(Proxy::is_one),
        }
    }

    fn is_one(&self) -> bool {
        self.files
            .first()
            .is_some_and(|(_, root)| root.get("model_list").is_some() || root.get("include").is_some())
    }

    fn load(&mut self, path: &Path, depth: usize) {
        let state = self.world.read(path);
        if let Some(trouble) = state.trouble() {
            self.troubles.push((path.to_owned(), trouble));
        }
        let Some(text) = state.text() else { return };
        let root = match pyyaml::load(text) {
            Ok(root) => root,
            Err(error) => {
                self.troubles.push((path.to_owned(), Trouble::Syntax(error.to_string())));
                return;
            }
        };
        let includes: Vec<String> =
            root.get("include").into_iter().flat_map(Yaml::items).filter_map(Yaml::as_str).collect();
        self.files.push((path.to_owned(), root));
        let folder = path.parent().unwrap_or(path).to_path_buf();
        for include in includes.iter().filter(|_| depth < DEPTH) {
            self.load(&folder.join(include), depth + 1);
        }
    }

    /// The first file that has a section.
    fn section(&self, name: &str) -> Option<(&Path, &Yaml)> {
        self.files.iter().find_map(|(path, root)| Some((path.as_path(), root.get(name)?)))
    }

    fn setting(&self, section: &str, name: &str) -> Option<Text> {
        let (file, table) = self.section(section)?;
        Text::at(table.get(name)?, file, &[section, name])
    }

    /// The models of the list, and the database.
    pub fn models(&self) -> Vec<Model<'_>> {
        let mut all = Vec::new();
        for (file, root) in &self.files {
            let models = root.get("model_list").into_iter().flat_map(Yaml::items).enumerate();
            all.extend(models.filter_map(|(at, model)| Model::of(file, at, model)));
        }
        let on = |value: String| value.eq_ignore_ascii_case("true");
        let set = self.setting("general_settings", "store_model_in_db").is_some_and(|text| on(text.text));
        let variable = self.layers.text("STORE_MODEL_IN_DB").is_some_and(|value| on(value.to_owned()));
        all.extend((set || variable).then_some(Model::Database));
        all
    }

    /// What there is for a model.
    pub fn ask(&self, model: &Model<'_>) -> Question {
        let (file, at, name, id, params) = match model {
            Model::Listed { file, at, name, id, params } => (file, at, name, id, params),
            // Sealed with the proxy's salt key.
            Model::Database => {
                let reason = "models and keys in the proxy's database are encrypted there; see its dashboard";
                return unknown("proxy".to_owned(), "database", false, reason);
            }
        };
        let profile = format!("proxy/{}", common::printable(name));
        let Some(wire) = wire::wire(id, Generation::V1_106) else {
            let reason = "what LiteLLM sends to this provider is unknown";
            return unknown(profile, &common::printable(id), self.certain, reason);
        };
        let at = at.to_string();
        let field =
            |name: &str| Text::at(params.get(name)?, file, &["model_list", &at, "litellm_params", name]);
        self.known(wire, profile, &field)
    }

    fn known(&self, wire: &Wire, profile: String, field: &dyn Fn(&str) -> Option<Text>) -> Question {
        let credential = field("litellm_credential_name").and_then(|name| self.credential(&name.text));
        let (key, base) = credential.unwrap_or_default();
        let mut before = Before::default();
        before.add(&self.layers, field("api_key"), "the model's own api_key comes first");
        before.add(&self.layers, key, "the credential that the model names");
        if matches!(wire.id, "openrouter" | "openai" | "anthropic" | "azure") {
            let own = format!("{}_key", wire.id);
            if wire.id == "anthropic" {
                before.add(
                    &self.layers,
                    self.setting("litellm_settings", &own),
                    "litellm_settings beats the variables",
                );
            }
            let all = self.setting("litellm_settings", "api_key");
            before.add(&self.layers, all, "litellm_settings.api_key beats the variables");
            if wire.id != "anthropic" {
                before.add(
                    &self.layers,
                    self.setting("litellm_settings", &own),
                    "litellm_settings beats the variables",
                );
            }
        }
        let global = self.setting("litellm_settings", "api_base");
        let base = [field("api_base"), base, global].into_iter().flatten().find_map(|text| {
            let shown = tilde(&self.path, self.world.home());
            Some((text.resolved(&self.layers)?, shown))
        });
        let ask = Ask {
            name: "LiteLLM",
            generation: Generation::V1_106,
            profile,
            in_use: self.certain,
            before: before.offers,
            after: Vec::new(),
            base,
            before_key: before.key,
        };
        let question = wire.question(&self.with_block(), ask);
        // A running proxy whose environment cannot be read decides by variables that are not seen here.
        let blind = self.process.as_ref().is_some_and(|process| process.env.is_none());
        if !blind || question.used().is_some_and(|offer| offer.source == Source::Config) {
            return question;
        }
        let reason =
            "the proxy runs and its environment cannot be read; it uses its own variables, not this shell's";
        Question { refusal: Some(Outcome::unknown(reason)), ..question }
    }

    /// The variables after `environment_variables` of the file has been applied.
    fn with_block(&self) -> Layers {
        let mut layers = self.layers.clone();
        let Some((file, block)) = self.section("environment_variables") else { return layers };
        for (name, value) in block.entries() {
            let Some(text) = Text::at(value, file, &["environment_variables", name]) else { continue };
            let Some(resolved) = text.resolved(&self.layers) else { continue };
            let why = "environment_variables of the file beats the shell".to_owned();
            layers.put(name, EnvValue::new(Source::Config, text.place, resolved, why));
        }
        layers
    }

    /// `api_key` and `api_base` of an entry of `credential_list`.
    fn credential(&self, name: &str) -> Option<(Option<Text>, Option<Text>)> {
        let (file, list) = self.section("credential_list")?;
        let named =
            |item: &&Yaml| item.get("credential_name").and_then(Yaml::as_str).as_deref() == Some(name);
        let (at, item) = list.items().enumerate().find(|(_, item)| named(item))?;
        let at = at.to_string();
        let value = |field: &str| {
            let value = item.at(&["credential_values", field])?;
            Text::at(value, file, &["credential_list", &at, "credential_values", field])
        };
        Some((value("api_key"), value("api_base")))
    }

    /// What a person should know about the proxy as a whole.
    pub fn lints(&self) -> Vec<Lint> {
        let shown = tilde(&self.path, self.world.home());
        let mut lints = Vec::new();
        let master = self.setting("general_settings", "master_key").is_some();
        if !master && self.with_block().text("LITELLM_MASTER_KEY").is_none() && self.process.is_none() {
            let message =
                format!("{shown} has no master_key: LiteLLM 1.106 does not start its proxy without one");
            lints.push(Lint::warn("no-master-key", message));
        }
        if !self.certain {
            let message = format!("{shown} is used only for a proxy that is started with --config {shown}");
            lints.push(Lint::note("config-not-loaded", message));
        }
        lints
    }
}

/// `--config FILE` of a command line.
fn config_argument(process: &Process) -> Option<String> {
    let at = process.args.iter().position(|arg| arg == "--config" || arg == "-c");
    let joined = process.args.iter().find_map(|arg| arg.strip_prefix("--config=").map(str::to_owned));
    joined.or_else(|| process.args.get(at? + 1).cloned())
}

fn unknown(profile: String, agent_provider: &str, in_use: bool, reason: &str) -> Question {
    let refusal = Some(Outcome::unknown(reason));
    let request = Request::new(Header::Bearer, "", "");
    Question { profile, in_use, refusal, ..Question::new(agent_provider, Vec::new(), request) }
}

/// A model of the proxy.
pub enum Model<'q> {
    /// One of the list: its file and position there, its name, LiteLLM's name of its provider, its parameters.
    Listed { file: &'q Path, at: usize, name: String, id: String, params: &'q Yaml },
    /// Those in the database.
    Database,
}

impl<'q> Model<'q> {
    fn of(file: &'q Path, at: usize, model: &'q Yaml) -> Option<Self> {
        let name = model.get("model_name").and_then(Yaml::as_str).unwrap_or_default();
        let params = model.get("litellm_params")?;
        let target = params.get("model").and_then(Yaml::as_str)?;
        let own = params.get("custom_llm_provider").and_then(Yaml::as_str);
        let id = own.as_deref().or_else(|| wire::of_model(&target)).unwrap_or_default().to_owned();
        Some(Self::Listed { file, at, name, id, params })
    }
}

/// A text of the configuration and its place.
#[derive(Clone)]
struct Text {
    text: String,
    place: Place,
}

impl Text {
    fn at(value: &Yaml, file: &Path, steps: &[&str]) -> Option<Self> {
        let text = value.as_str().filter(|_| value.truthy())?;
        let pointer = Pointer::new(steps.iter().copied());
        Some(Self { text, place: Place::Field { file: file.to_owned(), format: Format::Yaml, pointer } })
    }

    /// The variable of an `os.environ/NAME`.
    fn reference(&self) -> Option<&str> {
        self.text.strip_prefix("os.environ/")
    }

    /// The text, or what the variable that it names holds.
    fn resolved(&self, layers: &Layers) -> Option<String> {
        match self.reference() {
            Some(name) => layers.text(name).map(str::to_owned),
            None => Some(self.text.clone()),
        }
    }
}

/// The offers before the provider's own variables.
#[derive(Default)]
struct Before {
    offers: Vec<Offer>,
    key: Option<Secret>,
}

impl Before {
    fn add(&mut self, layers: &Layers, text: Option<Text>, why: &str) {
        let Some(text) = text else { return };
        let Some(name) = text.reference() else {
            let key = Secret::new(text.text);
            let value = Value::Present(key.clone());
            self.offers.push(Offer::usable(Source::Config, text.place, value, why));
            self.key.get_or_insert(key);
            return;
        };
        let Some(layer) = layers.get(name).filter(|layer| !layer.text.is_empty()) else {
            let why =
                "the proxy's environment has no such variable, and LiteLLM looks further without a word";
            let value = Value::Reference(common::printable(&text.text));
            let message = format!("os.environ/{} is not set", common::printable(name));
            let offer = Offer::ignored(Source::Config, text.place, value, why);
            self.offers.push(offer.lint(Lint::warn("reference-unset", message)));
            return;
        };
        let key = Secret::new(layer.text.as_str());
        let value = Value::Present(key.clone());
        let why = format!("{why}; it names os.environ/{}", common::printable(name));
        self.offers.push(Offer::usable(layer.source, layer.place.clone(), value, why).named(name));
        self.key.get_or_insert(key);
    }
}
