//! Gemini CLI's settings and the trust of the folder.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::world::{Os, Trouble, World};

/// An administrator's settings (Gemini CLI 0.61, docs/cli/configuration.md).
const fn system_file(os: Os) -> &'static str {
    match os {
        Os::Linux => "/etc/gemini-cli/settings.json",
        Os::Macos => "/Library/Application Support/GeminiCli/settings.json",
        Os::Windows => "C:\\ProgramData\\gemini-cli\\settings.json",
    }
}

/// Whether the working directory is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is.
    Trusted,
    /// It is not, or nobody has said.
    Untrusted,
    /// The file of trusted folders stops the start; why.
    Broken(String),
}

/// The settings files, strongest first, and the trust.
pub struct Settings {
    /// The folder that `GEMINI_CLI_HOME` moves the parent of.
    pub home: PathBuf,
    /// `~/.gemini`.
    pub folder: PathBuf,
    /// The trust of the working directory.
    pub trust: Trust,
    /// The person's own file.
    pub user: Doc,
    system: Doc,
    workspace: Doc,
    defaults: Doc,
    trusted: Doc,
}

impl Settings {
    /// Reads them.
    pub fn read(world: &dyn World) -> Self {
        let home = match world.var_nonempty("GEMINI_CLI_HOME") {
            Some(path) => world.cwd().join(path),
            None => common::home(world),
        };
        let folder = home.join(".gemini");
        let (system_path, moved) = match world.var_nonempty("GEMINI_CLI_SYSTEM_SETTINGS_PATH") {
            Some(path) => (world.cwd().join(path), true),
            None => (PathBuf::from(system_file(world.os())), false),
        };
        let beside = system_path.with_file_name("system-defaults.json");
        let defaults =
            world.var_nonempty("GEMINI_CLI_SYSTEM_DEFAULTS_PATH").map(|path| world.cwd().join(path));
        let own = world.cwd() == home;
        let mut settings = Self {
            user: Doc::jsonc(world, folder.join("settings.json"), false),
            system: system(world, system_path, moved),
            workspace: if own {
                Doc::none("")
            } else {
                Doc::jsonc(world, world.cwd().join(".gemini/settings.json"), false)
            },
            defaults: system(world, defaults.unwrap_or(beside), moved),
            trusted: trusted_folders(world, &folder),
            trust: Trust::Untrusted,
            home,
            folder,
        };
        settings.trust = settings.find_trust(world);
        settings
    }

    /// The files that do not parse.
    pub fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        [&self.system, &self.workspace, &self.user, &self.defaults, &self.trusted]
            .into_iter()
            .filter_map(Doc::problem)
            .collect()
    }

    /// A settings file that does not parse stops the start.
    pub fn refusal(&self) -> Option<String> {
        let files = [&self.system, &self.workspace, &self.user, &self.defaults];
        let (path, trouble) = files.into_iter().find_map(Doc::problem)?;
        Some(format!(
            "Error in {}: it {trouble}. Please fix the configuration file(s) and try again.",
            path.display()
        ))
    }

    /// The layers that count, strongest first.
    fn layers(&self) -> impl Iterator<Item = &Doc> {
        let workspace = (self.trust == Trust::Trusted).then_some(&self.workspace);
        std::iter::once(&self.system).chain(workspace).chain([&self.user, &self.defaults])
    }

    /// The strongest layer that sets `steps`, and the value.
    pub fn get(&self, steps: &[&str]) -> Option<(&Doc, &Json)> {
        self.layers().find_map(|doc| doc.at(steps).map(|value| (doc, value)))
    }

    /// The text under `steps`, `$VAR` expanded.
    pub fn text(&self, world: &dyn World, steps: &[&str]) -> Option<String> {
        let (_, value) = self.get(steps)?;
        let text = value.as_str()?;
        Some(match text.strip_prefix('$') {
            Some(name) => world.var(name.trim_matches(['{', '}'])).unwrap_or(text).to_owned(),
            None => text.to_owned(),
        })
    }

    /// The selected authentication type.
    pub fn selected(&self, world: &dyn World) -> Option<String> {
        self.text(world, &["security", "auth", "selectedType"]).filter(|text| !text.is_empty())
    }

    fn find_trust(&self, world: &dyn World) -> Trust {
        let enabled = [&self.system, &self.user, &self.defaults]
            .into_iter()
            .find_map(|doc| doc.at(&["security", "folderTrust", "enabled"])?.as_bool());
        if enabled == Some(false) || world.var("GEMINI_CLI_TRUST_WORKSPACE") == Some("true") {
            return Trust::Trusted;
        }
        let broken = |why: &str| {
            let file = common::printable(&self.trusted.path.display().to_string());
            Trust::Broken(format!("Error in {file}: {why}. Please fix the configuration file and try again."))
        };
        if self.trusted.trouble.is_some() || (self.trusted.present && !self.trusted.root.is_object()) {
            return broken("it is not a valid JSON object");
        }
        let known = ["TRUST_FOLDER", "TRUST_PARENT", "DO_NOT_TRUST"];
        if self
            .trusted
            .entries(&[])
            .any(|(_, level)| !level.as_str().is_some_and(|level| known.contains(&level)))
        {
            return broken("a trust level is not one of TRUST_FOLDER, TRUST_PARENT, DO_NOT_TRUST");
        }
        self.longest_rule(world.cwd())
    }

    /// The longest rule that covers the folder decides.
    fn longest_rule(&self, cwd: &Path) -> Trust {
        let covers = |(path, level): &(&String, &Json)| {
            let path = Path::new(path.as_str());
            let parent = level.as_str() == Some("TRUST_PARENT");
            let root = if parent { path.parent().unwrap_or(path) } else { path };
            cwd.starts_with(root)
        };
        let rule = self.trusted.entries(&[]).filter(covers).max_by_key(|(path, _)| path.len());
        match rule.and_then(|(_, level)| level.as_str()) {
            Some("TRUST_FOLDER" | "TRUST_PARENT") => Trust::Trusted,
            _ => Trust::Untrusted,
        }
    }
}

fn trusted_folders(world: &dyn World, folder: &Path) -> Doc {
    let path = world.var_nonempty("GEMINI_CLI_TRUSTED_FOLDERS_PATH").map(|path| world.cwd().join(path));
    Doc::jsonc(world, path.unwrap_or_else(|| folder.join("trustedFolders.json")), false)
}

/// An administrator's file is used only where nobody else could have written it: owned by root, not writable by others,
/// and not below a folder of the person's own.
fn system(world: &dyn World, path: PathBuf, moved: bool) -> Doc {
    let open = ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|folder| path.starts_with(folder));
    let own = path.starts_with(common::home(world)) || path.starts_with(world.cwd());
    let state = world.read(&path);
    let owned = state.meta().is_none_or(|meta| meta.uid == 0 && meta.mode & 0o022 == 0);
    if !owned || (moved && (open || own)) {
        return Doc::none(path);
    }
    Doc::jsonc(world, path, false)
}
