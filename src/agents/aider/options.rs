//! Aider's options: the command line's twins in `AIDER_…` variables and in three `.aider.conf.yml`, as ConfigArgParse
//! 1.7.1 puts them together. One source decides each option alone; a list is never joined from two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::agents::common::printable;
use crate::agents::engine::Layers;
use crate::formats::pyyaml::{self, Yaml};
use crate::source::{Format, Place, Pointer, Source};
use crate::world::World;

/// Options that take a value (aider 0.86.2 `args.py`).
const VALUES: &[&str] = &[
    "model",
    "openai-api-key",
    "anthropic-api-key",
    "openai-api-base",
    "openai-api-type",
    "openai-api-version",
    "openai-api-deployment-id",
    "openai-organization-id",
    "list-models",
    "models",
    "model-settings-file",
    "model-metadata-file",
    "reasoning-effort",
    "thinking-tokens",
    "timeout",
    "edit-format",
    "chat-mode",
    "weak-model",
    "editor-model",
    "editor-edit-format",
    "max-chat-history-tokens",
    "cache-keepalive-pings",
    "map-tokens",
    "map-refresh",
    "map-multiplier-no-files",
    "input-history-file",
    "chat-history-file",
    "llm-history-file",
    "user-input-color",
    "tool-output-color",
    "tool-error-color",
    "tool-warning-color",
    "assistant-output-color",
    "completion-menu-color",
    "completion-menu-bg-color",
    "completion-menu-current-color",
    "completion-menu-current-bg-color",
    "code-theme",
    "aiderignore",
    "commit-prompt",
    "test-cmd",
    "analytics-log",
    "analytics-posthog-host",
    "analytics-posthog-project-api-key",
    "message",
    "msg",
    "message-file",
    "apply",
    "voice-format",
    "voice-language",
    "voice-input-device",
    "chat-language",
    "commit-language",
    "load",
    "encoding",
    "line-endings",
    "config",
    "env-file",
    "notifications-command",
    "editor",
    "shell-completions",
];
/// Options that collect a list.
const LISTS: &[&str] = &["set-env", "api-key", "alias", "lint-cmd", "file", "read"];
/// Options that are on or off.
const SWITCHES: &[&str] = &[
    "verify-ssl",
    "architect",
    "auto-accept-architect",
    "show-model-warnings",
    "check-model-accepts-settings",
    "cache-prompts",
    "restore-chat-history",
    "dark-mode",
    "light-mode",
    "pretty",
    "stream",
    "show-diffs",
    "git",
    "gitignore",
    "add-gitignore-files",
    "subtree-only",
    "auto-commits",
    "dirty-commits",
    "attribute-author",
    "attribute-committer",
    "attribute-commit-message-author",
    "attribute-commit-message-committer",
    "attribute-co-authored-by",
    "git-commit-verify",
    "commit",
    "dry-run",
    "skip-sanity-check-repo",
    "watch-files",
    "lint",
    "auto-lint",
    "auto-test",
    "test",
    "analytics",
    "analytics-disable",
    "just-check-update",
    "check-update",
    "show-release-notes",
    "install-main-branch",
    "upgrade",
    "update",
    "gui",
    "browser",
    "copy-paste",
    "apply-clipboard-edits",
    "exit",
    "show-repo-map",
    "show-prompts",
    "disable-playwright",
    "vim",
    "yes-always",
    "verbose",
    "suggest-shell-commands",
    "fancy-input",
    "multiline",
    "notifications",
    "detect-urls",
    "opus",
    "sonnet",
    "haiku",
    "4",
    "4o",
    "mini",
    "4-turbo",
    "35turbo",
    "35-turbo",
    "3",
    "deepseek",
    "o1-mini",
    "o1-preview",
];
/// Options whose value must be a number, and whether it may have a fraction.
const NUMBERS: &[(&str, bool)] = &[
    ("timeout", true),
    ("max-chat-history-tokens", false),
    ("cache-keepalive-pings", false),
    ("map-tokens", false),
    ("map-multiplier-no-files", true),
];

/// What decides one option.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its values: one, or the items of a list.
    pub values: Vec<String>,
    /// The kind of place.
    pub source: Source,
    /// The place of the option.
    pub place: Place,
    /// Where, in words.
    pub shown: String,
    list: bool,
}

impl Decided {
    /// The place of the item `at` of a list.
    pub fn item(&self, at: usize) -> Place {
        match &self.place {
            Place::Field { file, format, pointer } if self.list => {
                Place::Field { file: file.clone(), format: *format, pointer: pointer.join(at.to_string()) }
            }
            place => place.clone(),
        }
    }
}

/// One `.aider.conf.yml`.
pub struct ConfFile {
    path: PathBuf,
    shown: String,
    entries: Vec<(String, Yaml)>,
}

/// All options that are set somewhere.
#[derive(Default)]
pub struct Options {
    decided: BTreeMap<String, Decided>,
    /// What a weaker source says, which does not count: option and its place.
    pub shadowed: Vec<(String, Decided)>,
}

/// Why aider does not start at all.
pub type Refusal = String;

/// The `.aider.conf.yml` that exist, strongest first: working directory, git root, home.
pub fn conf_files(world: &dyn World, git_root: Option<&Path>) -> Result<Vec<ConfFile>, Refusal> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for dir in [Some(world.cwd()), git_root, world.home()].into_iter().flatten() {
        let path = dir.join(".aider.conf.yml");
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.into_iter().filter_map(|path| conf_file(world, path).transpose()).collect()
}

fn conf_file(world: &dyn World, path: PathBuf) -> Result<Option<ConfFile>, Refusal> {
    let shown = crate::source::tilde(&path, world.home());
    let state = world.read(&path);
    if let Some(trouble) = state.trouble() {
        return Err(format!("{shown} {trouble}; aider does not start"));
    }
    let Some(text) = state.text() else { return Ok(None) };
    match pyyaml::load(text) {
        Ok(Yaml::Map(entries)) => Ok(Some(ConfFile { path, shown, entries })),
        Ok(_) => Err(format!("{shown} holds no `name: value` pairs; aider exits with an error")),
        Err(error) => Err(format!("{shown} cannot be parsed ({error}); aider exits with an error")),
    }
}

impl Options {
    /// Puts variables and files together.
    pub fn read(layers: &Layers, files: &[ConfFile]) -> Result<Self, Refusal> {
        let mut options = Self::default();
        options.read_variables(layers)?;
        for file in files {
            options.read_file(file)?;
        }
        Ok(options)
    }

    /// What decides an option.
    pub fn get(&self, name: &str) -> Option<&Decided> {
        self.decided.get(name)
    }

    /// The value of an option that takes one, if it is not empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name)?.values.first().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// An option that is on or off.
    pub fn switch(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| is_on(value) == Some(true))
    }

    fn read_variables(&mut self, layers: &Layers) -> Result<(), Refusal> {
        for name in VALUES.iter().chain(LISTS).chain(SWITCHES).filter(|name| **name != "config") {
            let variable = format!("AIDER_{}", name.replace('-', "_").to_uppercase());
            let Some(layer) = layers.get(&variable) else { continue };
            let list = LISTS.contains(name);
            let values = if list { bracketed(&layer.text) } else { vec![layer.text.clone()] };
            let decided = Decided {
                values,
                source: layer.source,
                place: layer.place.clone(),
                shown: variable,
                list: false,
            };
            check(name, &decided)?;
            self.decided.insert((*name).to_owned(), decided);
        }
        Ok(())
    }

    fn read_file(&mut self, file: &ConfFile) -> Result<(), Refusal> {
        for (key, value) in &file.entries {
            let name = key.strip_prefix("--").unwrap_or(key);
            let name = name.strip_prefix("no-").filter(|name| SWITCHES.contains(name)).unwrap_or(name);
            let list = matches!(value, Yaml::List(_));
            let values: Vec<String> = match value {
                Yaml::Null => continue,
                Yaml::List(items) if items.is_empty() && !known(name) => continue,
                Yaml::List(items) => items.iter().map(python_str).collect(),
                other => vec![python_str(other)],
            };
            if !known(name) {
                return Err(unknown(file, name));
            }
            let pointer = Pointer::new([key.clone()]);
            let place = Place::Field { file: file.path.clone(), format: Format::Yaml, pointer };
            let shown = format!("{} in {}", name, file.shown);
            let decided = Decided { values, source: Source::Config, place, shown, list };
            if list && !LISTS.contains(&name) {
                return Err(format!("{} is a list, which aider refuses at the start", decided.shown));
            }
            if self.decided.contains_key(name) {
                self.shadowed.push((name.to_owned(), decided));
                continue;
            }
            check(name, &decided)?;
            self.decided.insert(name.to_owned(), decided);
        }
        Ok(())
    }
}

fn known(name: &str) -> bool {
    [VALUES, LISTS, SWITCHES].iter().any(|names| names.contains(&name))
}

fn unknown(file: &ConfFile, name: &str) -> Refusal {
    let (name, shown) = (printable(name), &file.shown);
    let way = match name.strip_suffix("-api-key") {
        Some(provider) => format!("; write `api-key: {provider}=…` instead"),
        None => String::new(),
    };
    format!(
        "{shown} has an option {name} that aider does not know: it exits and prints the line, value included{way}"
    )
}

fn is_on(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// What argparse refuses.
fn check(name: &str, decided: &Decided) -> Result<(), Refusal> {
    let value = decided.values.first().map_or("", String::as_str);
    let number = NUMBERS.iter().find(|(number, _)| *number == name);
    let wrong = match number {
        Some((_, true)) => value.trim().parse::<f64>().is_err(),
        Some((_, false)) => value.trim().parse::<i64>().is_err(),
        None => SWITCHES.contains(&name) && is_on(value).is_none(),
    };
    if wrong {
        return Err(format!("{} has a value that aider refuses at the start", decided.shown));
    }
    Ok(())
}

/// `[a, b]` in a variable is a list: as JSON, else split at commas.
fn bracketed(value: &str) -> Vec<String> {
    let Some(inner) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return vec![value.to_owned()];
    };
    match serde_json::from_str::<Vec<serde_json::Value>>(value) {
        Ok(items) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Err(_) => inner.split(',').map(|item| item.trim().to_owned()).collect(),
    }
}

/// Python's `str(value)`; a dictionary becomes its `repr`, as for `- openrouter: KEY` where `openrouter=KEY` was meant.
fn python_str(value: &Yaml) -> String {
    value.as_str().unwrap_or_else(|| {
        let quoted = |(name, value): &(String, Yaml)| format!("'{name}': '{}'", python_str(value));
        format!("{{{}}}", value.entries().map(quoted).collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn read(world: &MemoryWorld) -> Result<Options, Refusal> {
        Options::read(&Layers::of_process(world), &conf_files(world, None)?)
    }

    #[test]
    fn one_source_decides_an_option_alone() {
        let world = MemoryWorld::new("/h")
            .with_file(".aider.conf.yml", "api-key: [a=1, b=2]\nmodel: gpt-4o\n")
            .with_file("work/.aider.conf.yml", "api-key: a=3\n");
        let options = read(&world).unwrap();
        assert_eq!(options.get("api-key").unwrap().values, ["a=3"]);
        assert_eq!(options.value("model"), Some("gpt-4o"));
        let options = read(&world.with_var("AIDER_API_KEY", "[c=1, d=2]")).unwrap();
        assert_eq!(options.get("api-key").unwrap().values, ["c=1", "d=2"]);
        assert_eq!(options.shadowed.len(), 2);
    }

    #[test]
    fn aider_does_not_start_on_options_that_it_does_not_know() {
        let refused =
            ["openrouter-api-key: sk-FAKE", "", "pretty: maybe", "model: [a]", "a: [", "timeout: soon"];
        for text in refused {
            let message = read(&MemoryWorld::new("/h").with_file(".aider.conf.yml", text)).err().expect(text);
            assert!(!message.contains("FAKE"), "{message}");
        }
        for text in ["pretty: yes\nno-git: true\n--model: x\nunknown:\n", "read: []\nunknown: []\n"] {
            assert!(read(&MemoryWorld::new("/h").with_file(".aider.conf.yml", text)).is_ok(), "{text}");
        }
    }
}
