//! What starts an agent by itself: units of systemd, property lists of launchd, services of a compose project. Which of them
//! are an agent's is told by what they run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ambient::Surroundings;
use crate::formats::compose;
use crate::formats::launchd::Job;
use crate::formats::systemd::{Given, Scope, Service};
use crate::secret::Secret;
use crate::source::{Dialect, Place, tilde};
use crate::world::World;

/// A unit or a job of an agent.
pub(super) struct Starter {
    /// In words: `the unit openclaw-gateway.service`.
    pub(super) what: String,
    /// The unit's name, by which its processes are known.
    pub(super) unit: Option<String>,
    /// The whole environment that it starts with, as far as files tell.
    pub(super) env: BTreeMap<String, Secret>,
    /// What its own files set, and where.
    pub(super) sets: BTreeMap<String, (PathBuf, usize)>,
    /// The folder it runs in.
    pub(super) cwd: PathBuf,
    /// The words of its command.
    pub(super) command: Vec<String>,
    /// Whether it is started again after a failure, or none if that is not looked at.
    pub(super) restarts: Option<bool>,
    /// The command that restarts it.
    pub(super) restart: Vec<String>,
    /// What its manager has to be told before, where its definition itself was changed: a restart alone takes the one that is
    /// loaded (systemctl(1), "daemon-reload"; launchctl(1), "kickstart").
    reload: String,
    /// Whether files tell all of its environment: the manager of a person can have been told more.
    pub(super) certain: bool,
}

/// By what an agent's services are known: the programs they run, and what else has to be in the command or the name.
struct Marks {
    agent: &'static str,
    /// Names of programs and packages, compared with each part of a path.
    programs: &'static [&'static str],
    /// One of these must be in the command or the unit's name; empty for none.
    with: &'static [&'static str],
}

/// Names that other programs have, too, need a second mark. `clawdbot` is OpenClaw's earlier name.
const MARKS: [Marks; 13] = [
    Marks {
        agent: "hermes",
        programs: &["hermes", "hermes-agent", "hermes_cli"],
        with: &["gateway", "hermes-agent", "hermes_cli"],
    },
    Marks { agent: "openclaw", programs: &["openclaw", "clawdbot"], with: &[] },
    Marks { agent: "claude-code", programs: &["claude", "claude-code"], with: &[] },
    Marks { agent: "codex", programs: &["codex"], with: &[] },
    Marks { agent: "gemini-cli", programs: &["gemini", "gemini-cli"], with: &[] },
    Marks { agent: "opencode", programs: &["opencode", "opencode-ai"], with: &[] },
    Marks { agent: "goose", programs: &["goose", "goosed"], with: &[] },
    Marks { agent: "qwen-code", programs: &["qwen", "qwen-code"], with: &[] },
    Marks { agent: "continue", programs: &["cn"], with: &[] },
    Marks { agent: "aider", programs: &["aider"], with: &[] },
    Marks { agent: "cline", programs: &["cline"], with: &[] },
    Marks { agent: "home-assistant", programs: &["hass", "homeassistant", "home-assistant"], with: &[] },
    Marks { agent: "litellm", programs: &["litellm"], with: &[] },
];

/// Whether these words (a command, an image) run the agent. Every part of a path is a name: a package is run through Node or
/// Python, and an image has a registry in front and a tag behind.
fn runs(agent: &str, words: &[String]) -> bool {
    let Some(marks) = MARKS.iter().find(|marks| marks.agent == agent) else { return false };
    let named = |word: &String| {
        let mut parts = word.split(['/', '\\', ':', '@']);
        parts.any(|part| marks.programs.contains(&part.trim_end_matches(".service")))
    };
    // What comes behind the first words is arguments, and may name anything.
    words.iter().take(4).any(named)
        && (marks.with.is_empty()
            || words.iter().any(|word| marks.with.iter().any(|with| word.contains(with))))
}

/// A unit is told by its name, too: `openclaw-gateway.service`.
fn is_named(agent: &str, unit: &str) -> bool {
    let Some(marks) = MARKS.iter().find(|marks| marks.agent == agent) else { return false };
    let stem = unit.strip_suffix(".service").unwrap_or(unit);
    let parts: Vec<&str> = stem.split(['-', '.', '@', '_']).collect();
    marks.programs.iter().any(|program| parts.contains(program)) && parts.contains(&"gateway")
}

/// The units and jobs of an agent that belong to this home.
pub(super) fn starters(world: &dyn World, around: &Surroundings, agent: &str) -> Vec<Starter> {
    let units = around.units().services().iter();
    let units = units.filter(|unit| is_named(agent, &unit.name) || runs(agent, &unit.command));
    let jobs = around.jobs().0.iter();
    let jobs = jobs.filter(|job| !job.binary && (is_named(agent, &job.label) || runs(agent, &job.command)));
    let units = units.filter_map(|unit| of_unit(world, around, unit));
    units.chain(jobs.filter_map(|job| of_job(world, job))).collect()
}

/// The services of the compose project that run an agent.
pub(super) fn containers(around: &Surroundings, agent: &str) -> Vec<compose::Service> {
    let all = around.compose().services().into_iter();
    all.filter(|service| runs(agent, &service.runs)).collect()
}

fn of_unit(world: &dyn World, around: &Surroundings, unit: &Service) -> Option<Starter> {
    let home = world.home()?;
    let own = unit.environment();
    let named = own.get("HOME").map(|given| &given.value);
    if unit.scope == Scope::System && !is_at_home(home, unit.user.as_deref(), named) {
        return None;
    }
    let mut env = base(world, home);
    if unit.scope == Scope::User {
        env.extend(around.units().manager());
    }
    let sets = own.iter().map(|(name, given)| (name.clone(), (given.file.clone(), given.line))).collect();
    env.extend(own.into_iter().map(|(name, Given { value, .. })| (name, value)));
    let words: &[&str] = match unit.scope {
        Scope::User => &["systemctl", "--user", "restart"],
        Scope::System => &["sudo", "systemctl", "restart"],
    };
    Some(Starter {
        what: format!("the unit {}", unit.name),
        unit: Some(unit.name.clone()),
        env,
        sets,
        cwd: unit.cwd.clone().unwrap_or_else(|| home.to_owned()),
        command: unit.command.clone(),
        restarts: Some(unit.restarts),
        restart: words.iter().copied().chain([unit.name.as_str()]).map(ToOwned::to_owned).collect(),
        reload: format!(
            "{} daemon-reload && {} {}",
            words[..words.len() - 1].join(" "),
            words.join(" "),
            unit.name
        ),
        certain: unit.scope == Scope::System,
    })
}

fn of_job(world: &dyn World, job: &Job) -> Option<Starter> {
    let home = world.home()?;
    let own = |name: &str| job.variables.iter().find(|(own, ..)| own == name).map(|(_, value, _)| value);
    let of_daemon = job.file.components().any(|part| part.as_os_str() == "LaunchDaemons");
    if of_daemon && !is_at_home(home, job.user.as_deref(), own("HOME")) {
        return None;
    }
    let mut env = base(world, home);
    let variables = job.variables.iter();
    env.extend(variables.clone().map(|(name, value, _)| (name.clone(), value.clone())));
    let domain = if of_daemon { "system" } else { "gui/$(id -u)" };
    let restart = ["launchctl", "kickstart", "-k"].map(ToOwned::to_owned).into_iter();
    let file = quoted(&tilde(&job.file, Some(home)));
    let (sudo, label) = (if of_daemon { "sudo " } else { "" }, &job.label);
    let reload =
        format!("{sudo}launchctl bootout {domain}/{label}; {sudo}launchctl bootstrap {domain} {file}");
    Some(Starter {
        what: format!("the launchd job {}", job.label),
        unit: None,
        env,
        sets: variables.map(|(name, _, line)| (name.clone(), (job.file.clone(), *line))).collect(),
        cwd: job.cwd.clone().unwrap_or_else(|| home.to_owned()),
        command: job.command.clone(),
        restarts: None,
        restart: restart.chain([format!("{domain}/{}", job.label)]).collect(),
        reload,
        certain: false,
    })
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-~".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("\"{}\"", path.replacen('~', "$HOME", 1)) }
}

/// Whether a service of the machine runs for this home: by the variable, or by the name of its user.
fn is_at_home(home: &Path, user: Option<&str>, named: Option<&Secret>) -> bool {
    match (named, user) {
        (Some(named), _) => named.is(&home.display().to_string()),
        (None, Some(user)) => home.file_name().is_some_and(|name| name == user),
        (None, None) => home == Path::new("/root"),
    }
}

/// What every service starts with.
fn base(world: &dyn World, home: &Path) -> BTreeMap<String, Secret> {
    let mut env = BTreeMap::from([("HOME".to_owned(), Secret::new(home.display().to_string()))]);
    for name in ["PATH", "USER", "LOGNAME", "LANG", "XDG_RUNTIME_DIR"] {
        env.extend(world.var(name).map(|value| (name.to_owned(), Secret::new(value))));
    }
    env
}

impl Starter {
    /// Where one of its own variables is set, as a person finds it.
    pub(super) fn shown(&self, name: &str, home: Option<&Path>) -> Option<String> {
        let (file, line) = self.sets.get(name)?;
        Some(format!("{}:{line}", tilde(file, home)))
    }

    /// What to run after one of its own variables was changed where it is set: a file that the definition names is read at
    /// every start, the definition itself is not.
    pub(super) fn after_change(&self, name: &str) -> String {
        let file = self.sets.get(name).and_then(|(file, _)| file.extension());
        let is_definition =
            file.is_some_and(|end| ["service", "conf", "plist"].iter().any(|own| end == *own));
        if is_definition { self.reload.clone() } else { self.restart.join(" ") }
    }

    /// Whether it is the one of a slot's profile.
    pub(super) fn serves(&self, agent: &str, profile: &str) -> bool {
        let after = |flag: &str| {
            let at = self.command.iter().position(|word| word == flag)?;
            self.command.get(at + 1).map(String::as_str)
        };
        let is = |name: &str, test: &dyn Fn(&Secret) -> bool| self.env.get(name).is_some_and(test);
        match (agent, after("-p").or_else(|| after("--profile"))) {
            ("hermes", Some(named)) => named == profile,
            ("hermes", None) if profile == "default" => {
                !is("HERMES_HOME", &|home| home.contains("/profiles/"))
            }
            ("hermes", None) => is("HERMES_HOME", &|home| home.ends_with(&format!("/profiles/{profile}"))),
            ("openclaw", named) => match profile.split_once('/') {
                Some((own, _)) => named == Some(own) || is("OPENCLAW_PROFILE", &|set| set.is(own)),
                None => named.is_none() && !self.env.contains_key("OPENCLAW_PROFILE"),
            },
            _ => true,
        }
    }

    /// The place of one of its own variables.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let (file, line) = self.sets.get(name)?;
        let dialect = Dialect::SystemdEnvFile;
        Some(Place::Line { file: file.clone(), line: Some(*line), name: name.to_owned(), dialect })
    }
}
