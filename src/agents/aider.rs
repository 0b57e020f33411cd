//! Aider: `.env` files that beat the shell, three `.aider.conf.yml`, and LiteLLM behind them.
//!
//! Rules from aider 0.86.2 `main.py`, `args.py`, `models.py`, `onboarding.py` with ConfigArgParse 1.7.1, python-dotenv
//! 1.2.1 and LiteLLM 1.81.10, and from recordings of it.

use std::path::{Path, PathBuf};

use crate::agents::common;
use crate::agents::engine::{self, EnvValue, Layers, Package, Presence, Question, Request, Rules};
use crate::agents::litellm::wire::{self, Ask, Generation, Wire};
use crate::agents::{Agent, Looks, Record, python};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::formats::dotenv::Expansion;
use crate::resolve::{Header, Offer, Outcome, Slot};
use crate::secret::Secret;
use crate::source::{Dialect, Place, Source, Value, tilde};
use crate::world::{Trouble, World};

mod destinations;
mod options;
mod settings;

use options::{Decided, Options, Refusal};
use settings::Settings;

/// Aider.
pub const AGENT: Agent = Agent {
    id: "aider",
    aliases: &["aider-chat"],
    name: "Aider",
    record: Record::Rules,
    versions: &["0.86.2"],
    looks: &[
        Looks { place: ".aider.model.settings.yml", note: "extra_params.api_key of a model" },
        Looks {
            place: "AIDER_OPENAI_API_KEY, AIDER_ANTHROPIC_API_KEY",
            note: "before the same option in a file",
        },
        Looks { place: ".aider.conf.yml", note: "working directory, git root, home; one list wins whole" },
        Looks { place: "the git root's .env", note: "beats the working directory's in a subdirectory" },
        Looks { place: ".env, ~/.env", note: "both beat the shell" },
        Looks { place: "~/.aider/oauth-keys.env", note: "the OpenRouter sign-in" },
        Looks { place: "OPENROUTER_API_KEY, OPENAI_API_KEY, …", note: "LiteLLM's names, last" },
    ],
    scan: |context| Some(engine::scan(&AGENT, context, &Here::look(context.world))),
    destinations: |context, slot| engine::destinations(&Here::look(context.world), slot),
    switch: super::no_switch,
    // A running aider keeps what it read at its start.
    restart: |context, slot| common::running(context.world, "aider", "aider", &[], slot, None),
};

/// What one scan reads.
struct Here<'a> {
    world: &'a dyn World,
    git_root: Option<PathBuf>,
    layers: Layers,
    settings: Settings,
    /// Offers that never count, by variable.
    dropped: Vec<(String, Offer)>,
    /// The model by name, if one is configured.
    model: Option<String>,
    /// Aider does not start.
    refusal: Option<Refusal>,
}

/// Whom a request goes to.
enum Query<'q> {
    /// A provider, for a model that has parameters of its own.
    Model(&'static Wire, &'q str),
    /// A provider.
    Provider(&'static Wire),
    /// A provider whose rules are unknown.
    Unknown(&'q str),
}

impl Rules for Here<'_> {
    type Query<'q>
        = Query<'q>
    where
        Self: 'q;
    const NAMED_BY_ADDRESS: bool = false;
    const PROGRAM: Option<&'static str> = Some("aider");

    fn presence(&self) -> Presence<'_> {
        let (home, here) = (common::home(self.world), self.world.cwd());
        let files = [home.join(".aider"), home.join(".aider.conf.yml"), here.join(".aider.conf.yml")];
        Presence {
            program: "aider",
            package: Package::Python("aider_chat"),
            paths: files.into_iter().chain([here.join(".aider.chat.history.md")]).collect(),
            variables: &["AIDER_API_KEY", "AIDER_MODEL", "AIDER_OPENAI_API_KEY", "AIDER_ANTHROPIC_API_KEY"],
        }
    }

    fn queries(&self) -> Vec<Query<'_>> {
        let with_wire = |model| {
            Some(Query::Model(wire::of_model(model).and_then(|id| wire::wire(id, Generation::V1_81))?, model))
        };
        let mut queries: Vec<Query<'_>> = self.settings.models().filter_map(with_wire).collect();
        let shown =
            |wire: &&Wire| wire.common || wire.mentioned(&self.layers) || self.provider() == Some(wire.id);
        queries.extend(wire::wires(Generation::V1_81).filter(shown).map(Query::Provider));
        let configured = self.model.as_deref().map(|model| wire::of_model(model).unwrap_or(model));
        queries
            .extend(configured.filter(|id| wire::wire(id, Generation::V1_81).is_none()).map(Query::Unknown));
        queries
    }

    fn ask(&self, query: &Query<'_>) -> Question {
        match query {
            Query::Model(wire, model) => self.question(wire, Some(model)),
            Query::Provider(wire) => self.question(wire, None),
            Query::Unknown(id) => {
                let reason = "what aider sends for the model that is configured is unknown";
                let request = Request::new(Header::Bearer, "", "");
                Question {
                    in_use: true,
                    refusal: Some(Outcome::unknown(reason)),
                    ..Question::new(common::printable(id), Vec::new(), request)
                }
            }
        }
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        history(self.world).into_iter().chain(self.refused()).collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.settings.trouble.clone().into_iter().collect()
    }

    fn destinations(&self, query: &Query<'_>, slot: &Slot) -> Vec<Destination> {
        match query {
            Query::Model(wire, _) | Query::Provider(wire) => destinations::of(self.world, wire, slot),
            Query::Unknown(_) => Vec::new(),
        }
    }
}

/// aider 0.86.2 pins python-dotenv 1.2.1.
fn dialect(world: &dyn World) -> Dialect {
    python::dotenv_dialect(world, "aider", Dialect::PythonDotenvMarked)
}

/// `git.Repo(search_parent_directories=True)`.
fn git_root(world: &dyn World) -> Option<PathBuf> {
    world.cwd().ancestors().find(|dir| world.exists(&dir.join(".git"))).map(Path::to_path_buf)
}

/// `generate_search_path_list`: home, git root, working directory, the one from the options; a file that comes twice
/// keeps its last position.
fn search_path(world: &dyn World, git_root: Option<&Path>, name: &str, last: Option<&str>) -> Vec<PathBuf> {
    let dirs = [world.home(), git_root, Some(world.cwd())];
    let mut files: Vec<PathBuf> = dirs.into_iter().flatten().map(|dir| dir.join(name)).collect();
    files.extend(last.map(|last| python::resolve(world, last)));
    let mut unique: Vec<PathBuf> = Vec::new();
    for file in files.into_iter().rev() {
        if !unique.contains(&file) {
            unique.push(file);
        }
    }
    unique.reverse();
    unique
}

/// The `.env` files in the order of loading, strongest last. Without an option `--env-file` is the git root's, which
/// so moves behind the working directory's.
fn dotenv_files(world: &dyn World, git_root: Option<&Path>, options: Option<&Options>) -> Vec<PathBuf> {
    let default =
        git_root.map_or_else(|| ".env".into(), |root| root.join(".env").to_string_lossy().into_owned());
    let last = options.and_then(|options| options.get("env-file")).and_then(|decided| decided.values.first());
    let last = last.map_or(Some(default), |last| Some(last.clone()).filter(|last| !last.is_empty()));
    let oauth = common::home(world).join(".aider/oauth-keys.env");
    let mut files = vec![oauth.clone()];
    files.extend(
        search_path(world, git_root, ".env", last.as_deref()).into_iter().filter(|file| *file != oauth),
    );
    files
}

impl<'a> Here<'a> {
    fn look(world: &'a dyn World) -> Self {
        let git_root = git_root(world);
        let layers = Layers::of_process(world);
        let (settings, dropped) = (Settings::default(), Vec::new());
        let mut here = Self { world, git_root, layers, settings, dropped, model: None, refusal: None };
        if let Err(refusal) = here.start() {
            here.refusal = Some(refusal);
        }
        here
    }

    /// What aider does from its start to the first request.
    fn start(&mut self) -> Result<(), Refusal> {
        let files = options::conf_files(self.world, self.git_root.as_deref());
        let first = files.as_ref().map_err(Clone::clone).and_then(|files| Options::read(&self.layers, files));
        self.load_dotenv(first.as_ref().ok());
        first?;
        // A second time: what a .env says about AIDER_… is used too.
        let options = Options::read(&self.layers, &files?)?;
        let last = options.value("model-settings-file").map(str::to_owned);
        let name = ".aider.model.settings.yml";
        let paths = search_path(self.world, self.git_root.as_deref(), name, last.as_deref());
        self.settings = Settings::read(self.world, &paths);
        self.keep_dropped(&options);
        self.set_variables(&options)?;
        self.model = model(&options);
        Ok(())
    }

    fn load_dotenv(&mut self, options: Option<&Options>) {
        if python::dotenv_disabled(self.world) {
            return;
        }
        let dialect = dialect(self.world);
        for file in dotenv_files(self.world, self.git_root.as_deref(), options) {
            let shown = tilde(&file, self.world.home());
            let env = self.layers.env();
            let found = python::dotenv_file(self.world, &file, dialect, &env, Expansion::FileFirst);
            for found in found.unwrap_or_default() {
                let place = python::line_place(&file, dialect, Some(found.line), &found.name);
                let why = format!("{shown} is loaded last and beats the shell");
                self.layers.put(&found.name, EnvValue::new(Source::Dotenv, place, found.value, why));
            }
        }
    }

    fn set_variables(&mut self, options: &Options) -> Result<(), Refusal> {
        if let Some(decided) = options.get("set-env") {
            for (at, setting) in decided.values.iter().enumerate() {
                let (name, value) =
                    setting.split_once('=').ok_or_else(|| malformed(decided, "NAME=value"))?;
                self.set(name.trim(), value.trim(), decided, decided.item(at));
            }
        }
        if let Some(decided) = options.get("api-key") {
            for (at, setting) in decided.values.iter().enumerate() {
                let (name, value) =
                    setting.split_once('=').ok_or_else(|| malformed(decided, "provider=key"))?;
                let variable = format!("{}_API_KEY", name.trim().to_uppercase());
                self.set(&variable, value.trim(), decided, decided.item(at));
            }
        }
        let own = [
            ("anthropic-api-key", "ANTHROPIC_API_KEY"),
            ("openai-api-key", "OPENAI_API_KEY"),
            ("openai-api-base", "OPENAI_API_BASE"),
        ];
        for (option, variable) in own {
            if let (Some(value), Some(decided)) = (options.value(option), options.get(option)) {
                self.set(variable, value, decided, decided.place.clone());
            }
        }
        Ok(())
    }

    fn set(&mut self, variable: &str, value: &str, decided: &Decided, place: Place) {
        let why = format!("{} beats every .env and the shell", decided.shown);
        self.layers.put(variable, EnvValue::new(decided.source, place, value, why));
    }

    /// Options of weaker sources: they are seen, and never count.
    fn keep_dropped(&mut self, options: &Options) {
        for (option, weaker) in &options.shadowed {
            let Some(winner) = options.get(option).map(|winner| winner.shown.clone()) else { continue };
            let items = weaker.values.iter().enumerate().filter_map(|(at, value)| match option.as_str() {
                "api-key" => {
                    let (name, key) = value.split_once('=')?;
                    Some((format!("{}_API_KEY", name.trim().to_uppercase()), key.trim(), weaker.item(at)))
                }
                "openai-api-key" => Some(("OPENAI_API_KEY".to_owned(), value.as_str(), weaker.place.clone())),
                "anthropic-api-key" => {
                    Some(("ANTHROPIC_API_KEY".to_owned(), value.as_str(), weaker.place.clone()))
                }
                _ => None,
            });
            for (variable, key, place) in items {
                let why = format!("{winner} replaces the whole option");
                let offer = Offer::ignored(weaker.source, place, Value::Present(Secret::new(key)), why);
                self.dropped.push((variable.clone(), offer.named(variable)));
            }
        }
    }

    fn refused(&self) -> Option<Lint> {
        self.refusal.as_ref().map(|why| Lint::fault("does-not-start", why.clone()))
    }

    /// The provider that a start without `--model` uses now.
    fn provider(&self) -> Option<&str> {
        if let Some(model) = &self.model {
            return wire::of_model(model);
        }
        // onboarding.py, `try_to_select_default_model`.
        let order = [
            ("OPENROUTER_API_KEY", "openrouter"),
            ("ANTHROPIC_API_KEY", "anthropic"),
            ("DEEPSEEK_API_KEY", "deepseek"),
            ("OPENAI_API_KEY", "openai"),
            ("GEMINI_API_KEY", "gemini"),
        ];
        order.into_iter().find(|(variable, _)| self.layers.text(variable).is_some()).map(|(_, id)| id)
    }

    /// What there is for a provider; with `special` for a model that has parameters of its own.
    fn question(&self, wire: &Wire, special: Option<&str>) -> Question {
        let own = |model: &&String| self.settings.models().any(|name| name == model.as_str());
        let (in_use, profile) = match special {
            Some(model) => {
                let named = self.model.as_deref().is_none_or(|configured| configured == model);
                (named, format!("model {}", common::printable(model)))
            }
            None => (
                self.provider() == Some(wire.id) && !self.model.iter().any(|m| own(&m)),
                "default".to_owned(),
            ),
        };
        let mut params = self.settings.params(special);
        self.resolve(wire, &mut params);
        let before = params.key.iter().map(|(key, place)| {
            let why = "extra_params of the model settings come before everything";
            Offer::usable(Source::Config, place.clone(), Value::Present(Secret::new(key.as_str())), why)
                .named("extra_params.api_key")
        });
        let dropped = self.dropped.iter().filter(|(variable, _)| wire.keys.contains(&variable.as_str()));
        let ask = Ask {
            name: "aider",
            generation: Generation::V1_81,
            profile,
            in_use,
            before: before.collect(),
            after: dropped.map(|(_, offer)| offer.clone()).collect(),
            base: params.base.map(|(base, file)| (base, tilde(&file, self.world.home()))),
            before_key: params.key.map(|(key, _)| Secret::new(key)),
        };
        let mut question = wire.question(&self.layers, ask);
        if let Some(reason) = params.unclear.filter(|_| question.sends()) {
            question.refusal = Some(Outcome::unknown(reason));
        }
        let headers = params.headers.iter().map(|one| (one.name.as_str(), one.value.as_str(), &one.place));
        match wire.own_headers(&question.request, headers) {
            Ok(own) => question.request.own.extend(own),
            Err(reason) if question.sends() => question.refusal = Some(Outcome::unknown(reason)),
            Err(_) => {}
        }
        wire.without_key(&mut question);
        self.aiders_own_checks(wire, &mut question);
        question
    }

    /// `os.environ/NAME` as a key is looked up at once; without the variable it is sent as it is.
    fn resolve(&self, wire: &Wire, params: &mut settings::Params) {
        let name = params.key.as_ref().and_then(|(key, _)| key.strip_prefix("os.environ/"));
        let Some(name) = name.map(str::to_owned) else { return };
        if !matches!(wire.id, "openrouter" | "openai" | "anthropic") {
            params.unclear = Some("an os.environ/ reference for this provider is unknown");
        }
        if let (Some((key, place)), Some(layer)) = (&mut params.key, self.layers.get(&name)) {
            key.clone_from(&layer.text);
            *place = layer.place.clone();
        }
    }

    fn aiders_own_checks(&self, wire: &Wire, question: &mut Question) {
        if let Some(refusal) = &self.refusal {
            question.refusal = Some(Outcome::nothing(refusal.as_str()));
            return;
        }
        let beats = beats_shell(question);
        if self.layers.get("GITHUB_COPILOT_TOKEN").is_some() && question.sends() {
            let reason = "GITHUB_COPILOT_TOKEN makes aider fetch its own key, which is unknown";
            question.refusal = Some(Outcome::unknown(reason));
        }
        if wire.id == "openrouter" && self.layers.text("OPENROUTER_API_KEY").is_none() {
            let reason = "OPENROUTER_API_KEY is not set: aider offers a sign-in and stops";
            question.refusal = Some(Outcome::nothing(reason));
        } else {
            question.lints.extend(beats);
        }
        question.lints.extend(base_beats_option(wire, &self.layers));
    }
}

fn malformed(decided: &Decided, form: &str) -> Refusal {
    format!("{} has an entry that is not of the form {form}; aider does not start", decided.shown)
}

/// `--model`, else one of the old switches; an alias of the person's own is resolved, then aider's.
fn model(options: &Options) -> Option<String> {
    // deprecated.py, `handle_deprecated_model_args`.
    const SWITCHES: &[(&str, &str)] = &[
        ("opus", "claude-3-opus-20240229"),
        ("sonnet", "anthropic/claude-3-7-sonnet-20250219"),
        ("haiku", "claude-3-5-haiku-20241022"),
        ("4", "gpt-4-0613"),
        ("4o", "gpt-4o"),
        ("mini", "gpt-4o-mini"),
        ("4-turbo", "gpt-4-1106-preview"),
        ("35turbo", "gpt-3.5-turbo"),
        ("deepseek", "deepseek/deepseek-chat"),
        ("o1-mini", "o1-mini"),
        ("o1-preview", "o1-preview"),
    ];
    let by_switch =
        || SWITCHES.iter().find(|(name, _)| options.switch(name)).map(|(_, model)| (*model).to_owned());
    let model = options.value("model").map(str::to_owned).or_else(by_switch)?;
    let aliases = options.get("alias").map(|decided| decided.values.as_slice()).unwrap_or_default();
    let own = aliases.iter().rev().filter_map(|alias| alias.split_once(':'));
    let own = own.map(|(alias, model)| (alias.trim(), model.trim())).find(|(alias, _)| *alias == model);
    Some(own.map_or_else(|| alias(&model), |(_, model)| model).to_owned())
}

/// aider 0.86.2 `models.py`, `MODEL_ALIASES`, as far as the provider goes.
fn alias(model: &str) -> &str {
    match model {
        "sonnet" => "claude-sonnet-4-5",
        "haiku" => "claude-haiku-4-5",
        "opus" => "claude-opus-4-6",
        "4" => "gpt-4-0613",
        "4o" => "gpt-4o",
        "4-turbo" => "gpt-4-1106-preview",
        "35turbo" | "35-turbo" | "3" => "gpt-3.5-turbo",
        "deepseek" => "deepseek/deepseek-chat",
        "r1" => "deepseek/deepseek-reasoner",
        "flash" => "gemini/gemini-flash-latest",
        "flash-lite" => "gemini/gemini-2.5-flash-lite",
        "gemini" | "gemini-3-pro-preview" => "gemini/gemini-3-pro-preview",
        "gemini-2.5-pro" => "gemini/gemini-2.5-pro",
        "gemini-exp" => "gemini/gemini-2.5-pro-exp-03-25",
        "grok3" => "xai/grok-3-beta",
        "quasar" => "openrouter/openrouter/quasar-alpha",
        "optimus" => "openrouter/openrouter/optimus-alpha",
        other => other,
    }
}

/// The shell says one key and a file another.
fn beats_shell(question: &Question) -> Option<Lint> {
    let used = question.used().filter(|used| used.source == Source::Dotenv)?;
    let sent = used.value.secret()?;
    let other = |key: &Secret| sent != key;
    let shell =
        question.offers.iter().find(|c| c.source == Source::Env && c.value.secret().is_some_and(other))?;
    let name = shell.name.as_deref().unwrap_or("the variable");
    let message = format!("{name} of your shell is not used: a file that aider loads beats it");
    Some(Lint::warn("file-beats-shell", message))
}

/// `openai-api-base` sets OPENAI_API_BASE, and OPENAI_BASE_URL comes before that.
fn base_beats_option(wire: &Wire, layers: &Layers) -> Option<Lint> {
    let option = layers.get("OPENAI_API_BASE").filter(|layer| layer.source == Source::Config)?;
    layers.text("OPENAI_BASE_URL").filter(|base| *base != option.text)?;
    let message = "OPENAI_BASE_URL is set and comes before aider's openai-api-base";
    (wire.id == "openai").then(|| Lint::warn("base-shadowed", message))
}

/// The chat history keeps each start's command line, and only two options are masked there.
fn history(world: &dyn World) -> Option<Lint> {
    let state = world.text(&world.cwd().join(".aider.chat.history.md"))?;
    let leaks = |line: &str| {
        let call = line.trim_start_matches(['>', ' ']);
        (call.contains("--api-key ") || call.contains("--api-key=")) && call.contains("aider")
    };
    let message = "the chat history in this folder holds a command line with --api-key, key included";
    state.text()?.lines().any(leaks).then(|| Lint::warn("key-in-history", message))
}

#[cfg(test)]
mod tests;
