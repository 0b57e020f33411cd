//! Claude Code's settings files in their order, and the environment that results from them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::agents::common::{self, Doc, Variable};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Os, Trouble, World};

use super::fields::{self, Fault};
use super::repository;
use super::value::text_of;

/// The folder of an administrator's settings (Claude Code 2.1.329; macOS from the shipped build, Windows from
/// code.claude.com/docs/en/settings).
const fn managed_folder(os: Os) -> &'static str {
    match os {
        Os::Linux => "/etc/claude-code",
        Os::Macos => "/Library/Application Support/ClaudeCode",
        Os::Windows => "C:\\Program Files\\ClaudeCode",
    }
}

/// Variables that a project's file does not set: who else may write there would choose the login (2.1.329).
const NOT_FROM_A_PROJECT: [&str; 4] = [
    "CLAUDE_CODE_OAUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
];

/// How many characters of a key's end Claude Code keeps to remember an answer.
pub const TAIL: usize = 20;

/// One settings file.
pub struct Tier {
    /// The file.
    pub doc: Doc,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a settings file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An administrator's: a wrong field is left out there, and the rest holds.
    Managed,
    /// The project's.
    Project,
    /// The person's own.
    User,
}

/// The settings files, strongest first, and the folders that `CLAUDE_CONFIG_DIR` moves.
pub struct Settings {
    /// `~/.claude`.
    pub folder: PathBuf,
    /// `~/.claude.json`.
    pub state: Doc,
    /// The files that are there and are used, strongest first.
    pub tiers: Vec<Tier>,
    /// The files that can be read and are ignored as a whole, and why.
    pub refused: Vec<(Tier, Fault)>,
    /// The files that cannot be read.
    pub broken: Vec<Tier>,
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
    /// Nothing but blanks is treated as none (recording fj-h-cc-blank-key-login).
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

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
        let mut settings = Self {
            state: state(world, state_file),
            tiers: Vec::new(),
            refused: Vec::new(),
            broken: Vec::new(),
            folder,
            moved,
        };
        for (path, whose) in settings.paths(world) {
            settings.take(Tier { doc: lenient(world, path), whose });
        }
        settings
    }

    /// Every settings file, strongest first.
    fn paths(&self, world: &dyn World) -> Vec<(PathBuf, Whose)> {
        let user = self.folder.join("settings.json");
        let local = |folder: PathBuf| folder.join(".claude/settings.local.json");
        let mut paths: Vec<_> = managed(world).into_iter().map(|path| (path, Whose::Managed)).collect();
        let mut project = vec![local(repository::local_folder(world)), local(world.cwd().to_path_buf())];
        project.push(world.cwd().join(".claude/settings.json"));
        project.dedup();
        paths.extend(project.into_iter().filter(|path| *path != user).map(|path| (path, Whose::Project)));
        paths.push((user, Whose::User));
        paths
    }

    fn take(&mut self, tier: Tier) {
        if !tier.doc.present {
            return;
        }
        if tier.doc.trouble.is_some() {
            self.broken.push(tier);
            return;
        }
        // Of an administrator's file a wrong field alone is left out.
        let fault = fields::fault(&tier.doc.root);
        match fault.filter(|fault| tier.whose != Whose::Managed || fault.field.is_empty()) {
            Some(fault) => self.refused.push((tier, fault)),
            None => self.tiers.push(tier),
        }
    }

    /// Whether a settings file is used, or would be if it were there.
    pub fn takes(&self, path: &Path) -> bool {
        let refused = self.refused.iter().map(|(tier, _)| tier);
        refused.chain(&self.broken).all(|tier| tier.doc.path != path)
    }

    /// Why Claude Code does not start, if it does not (2.1.329): for a `.claude.json` that is no JSON, and an
    /// administrator's file that is no object.
    pub fn stops(&self, world: &dyn World) -> Option<String> {
        let shown = |doc: &Doc| Place::File { file: doc.path.clone() }.show(world.home());
        let syntax = |doc: &Doc| match &doc.trouble {
            Some(trouble @ Trouble::Syntax(_)) => Some(format!("{} {trouble}", shown(doc))),
            _ => None,
        };
        if let Some(what) = syntax(&self.state) {
            return Some(format!("Claude Code does not start: {what}; mend it or move it aside"));
        }
        let managed = |tier: &&Tier| tier.whose == Whose::Managed;
        let broken = self.broken.iter().filter(managed).find_map(|tier| syntax(&tier.doc));
        let refused = || {
            let mut all = self.refused.iter().filter(|(tier, _)| managed(&tier));
            all.next().map(|(tier, fault)| format!("{}: {}", shown(&tier.doc), fault.words()))
        };
        let what = broken.or_else(refused)?;
        Some(format!("Claude Code does not start: {what}; whoever manages this machine has to mend it"))
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

    /// The value of `CLAUDE_CONFIG_DIR`, which also names the Keychain entries.
    pub fn moved(&self) -> Option<&str> {
        self.moved.as_deref()
    }

    /// The ends of the keys that the person approved or rejected, as `.claude.json` lists them.
    pub fn answers(&self, list: &str) -> Vec<Secret> {
        let items = self.state.at(&["customApiKeyResponses", list]).and_then(Json::as_array);
        items.into_iter().flatten().filter_map(Json::as_str).map(Secret::new).collect()
    }

    /// Every place that sets `name`, strongest first. The first one decides, also when it is blank.
    pub fn variable(&self, world: &dyn World, name: &str) -> Vec<Found> {
        let takes = |tier: &&Tier| tier.whose != Whose::Project || !NOT_FROM_A_PROJECT.contains(&name);
        let tiers = self.tiers.iter().filter(takes).filter_map(|tier| found(tier, name));
        let process = world.var(name).map(|text| Found {
            source: Source::Env,
            place: common::env_place(name),
            text: text.to_owned(),
            project: false,
        });
        tiers.chain(process).collect()
    }

    /// The places of `name` that are not looked at, and why.
    pub fn unused(&self, name: &str) -> Vec<(Found, String)> {
        let project = self.tiers.iter().filter(|tier| tier.whose == Whose::Project);
        let project =
            project.filter(|_| NOT_FROM_A_PROJECT.contains(&name)).filter_map(|tier| found(tier, name));
        let not_taken = format!("Claude Code does not take {name} from a project's file");
        let refused = self.refused.iter().filter_map(|(tier, fault)| {
            Some((found(tier, name)?, format!("Claude Code ignores the whole file: {}", fault.words())))
        });
        project.map(|found| (found, not_taken.clone())).chain(refused).collect()
    }

    /// The variable `name` in the environment of a helper: what a project sets is not passed on (2.1.329).
    pub fn passed_on(&self, world: &dyn World, name: &str) -> Variable {
        let own = self.tiers.iter().filter(|tier| tier.whose != Whose::Project);
        let set = own.filter_map(|tier| found(tier, name)).map(|found| found.text).next();
        match set.or_else(|| world.var(name).map(ToOwned::to_owned)) {
            Some(text) => Variable::Set(text),
            // Claude Code sets some of its own for its children.
            None if name.starts_with("CLAUDE") => Variable::Unknown,
            None => Variable::Unset,
        }
    }

    /// What Claude Code sees as the variable `name`; a blank value is treated as none.
    pub fn effective(&self, world: &dyn World, name: &str) -> Option<Found> {
        self.variable(world, name).into_iter().next().filter(|found| !found.is_blank())
    }

    /// The text of the variable `name`, if it is not blank.
    pub fn text(&self, world: &dyn World, name: &str) -> Option<String> {
        self.effective(world, name).map(|found| found.text)
    }

    /// Whether the variable `name` switches something on.
    pub fn on(&self, world: &dyn World, name: &str) -> bool {
        common::truthy(self.text(world, name).as_deref())
    }
}

/// What one file sets `name` to.
fn found(tier: &Tier, name: &str) -> Option<Found> {
    Some(Found {
        source: Source::Config,
        place: tier.doc.place(&["env", name]),
        text: text_of(tier.doc.at(&["env", name])?),
        project: tier.whose == Whose::Project,
    })
}

/// A settings file; an empty one sets nothing.
fn lenient(world: &dyn World, path: PathBuf) -> Doc {
    let doc = Doc::json_by_mark(world, path);
    let empty = world.read(&doc.path).text().is_some_and(|text| text.trim().is_empty());
    if empty { Doc { root: Json::Object(Map::new()), trouble: None, ..doc } } else { doc }
}

/// `.claude.json`; one without a content is as good as none (recordings fj-h-cc-claudejson-*).
fn state(world: &dyn World, path: PathBuf) -> Doc {
    let doc = Doc::json_by_mark(world, path);
    let blank = |c: char| c.is_whitespace() || c == '\0';
    let empty = world.read(&doc.path).text().is_some_and(|text| text.chars().all(blank));
    if empty { Doc { trouble: None, ..doc } } else { doc }
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
