//! Claude Code's settings files in their order, and the environment that results from them.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Os, Trouble, World};

/// The folder of an administrator's settings (Claude Code 2.1.329; macOS from the shipped build, Windows from
/// code.claude.com/docs/en/settings).
const fn managed_folder(os: Os) -> &'static str {
    match os {
        Os::Linux => "/etc/claude-code",
        Os::Macos => "/Library/Application Support/ClaudeCode",
        Os::Windows => "C:\\Program Files\\ClaudeCode",
    }
}

/// How many characters of a key's end Claude Code keeps to remember an answer.
pub const TAIL: usize = 20;

/// One settings file.
pub struct Tier {
    /// The file.
    pub doc: Doc,
    /// It belongs to the project, not to the person.
    pub project: bool,
}

/// The settings files, strongest first, and the folders that `CLAUDE_CONFIG_DIR` moves.
pub struct Settings {
    /// `~/.claude`.
    pub folder: PathBuf,
    /// `~/.claude.json`.
    pub state: Doc,
    /// The files that are there, strongest first.
    pub tiers: Vec<Tier>,
    moved: Option<String>,
}

/// A variable as one tier or the process environment sets it.
pub struct Found {
    /// The kind of place.
    pub source: Source,
    /// The place.
    pub place: Place,
    /// What is set.
    pub text: String,
    /// A project's file sets it.
    pub project: bool,
}

impl Found {
    /// The value for an offer.
    pub fn value(&self) -> Value {
        Value::of(Some(self.text.as_str()))
    }
}

impl Settings {
    /// Reads the files.
    pub fn read(world: &dyn World) -> Self {
        let moved = world.var_nonempty("CLAUDE_CONFIG_DIR").map(ToOwned::to_owned);
        let folder = common::folder(world, "CLAUDE_CONFIG_DIR", ".claude");
        let state_file = if moved.is_some() {
            folder.join(".claude.json")
        } else {
            common::home(world).join(".claude.json")
        };
        let user = folder.join("settings.json");
        let project = world.cwd().join(".claude");
        let mut paths: Vec<(PathBuf, bool)> = managed(world).into_iter().map(|path| (path, false)).collect();
        paths.push((project.join("settings.local.json"), true));
        paths.push((project.join("settings.json"), true));
        paths.retain(|(path, _)| *path != user);
        paths.push((user, false));
        let tiers = paths.into_iter().map(|(path, project)| Tier { doc: Doc::json(world, path), project });
        let tiers = tiers.filter(|tier| tier.doc.present).collect();
        Self { folder, state: Doc::json(world, state_file), tiers, moved }
    }

    /// The cached settings of an organisation's server set a credential or an address. Which of the other files they beat
    /// is unknown.
    pub fn server_decides(&self, world: &dyn World) -> bool {
        let doc = Doc::json(world, self.folder.join("remote-settings.json"));
        let sets = doc
            .entries(&["env"])
            .any(|(name, _)| name.starts_with("ANTHROPIC_") || name.starts_with("CLAUDE_CODE_"));
        sets || doc.at(&["apiKeyHelper"]).is_some()
    }

    /// The files that Claude Code cannot use.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.tiers.iter().filter_map(|tier| tier.doc.problem()).collect()
    }

    /// The value of `CLAUDE_CONFIG_DIR`, which also names the Keychain entries.
    pub fn moved(&self) -> Option<&str> {
        self.moved.as_deref()
    }

    /// The ends of the keys that the person approved or rejected, as `.claude.json` lists them.
    pub fn answers(&self, list: &str) -> Vec<Secret> {
        let items = self.state.at(&["customApiKeyResponses", list]).and_then(Json::as_array);
        items.into_iter().flatten().filter_map(Json::as_str).map(Secret::new).collect()
    }

    /// Every place that sets `name`, strongest first. The first one decides, also when it is empty.
    pub fn variable(&self, world: &dyn World, name: &str) -> Vec<Found> {
        let tiers = self.tiers.iter().filter_map(|tier| {
            let text = env_text(tier.doc.at(&["env", name])?)?;
            Some(Found {
                source: Source::Config,
                place: tier.doc.place(&["env", name]),
                text,
                project: tier.project,
            })
        });
        let process = world.var(name).map(|text| Found {
            source: Source::Env,
            place: common::env_place(name),
            text: text.to_owned(),
            project: false,
        });
        tiers.chain(process).collect()
    }

    /// What Claude Code sees as the variable `name`; an empty value is treated as none.
    pub fn effective(&self, world: &dyn World, name: &str) -> Option<Found> {
        self.variable(world, name).into_iter().next().filter(|found| !found.text.is_empty())
    }

    /// The text of the variable `name`, if it is not empty.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.effective(world, name).map(|found| found.text)
    }

    /// Whether the variable `name` switches something on.
    pub fn on(&self, world: &dyn World, name: &str) -> bool {
        common::truthy(self.text(world, name).as_deref())
    }
}

/// Numbers and booleans in an `env` block are taken as their text.
fn env_text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// An administrator's files, strongest first: drop-ins in reverse order of their names, then the main file.
fn managed(world: &dyn World) -> Vec<PathBuf> {
    let folder = PathBuf::from(managed_folder(world.os()));
    let dropins = folder.join("managed-settings.d");
    let json = |name: &String| {
        std::path::Path::new(name).extension().is_some_and(|end| end == "json") && !name.starts_with('.')
    };
    let names = world.list(&dropins).into_iter().filter(json).rev();
    names.map(|name| dropins.join(name)).chain([folder.join("managed-settings.json")]).collect()
}
