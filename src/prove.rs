//! Runs the person's own agent once, headless, against a server on loopback, and compares what it sends with the
//! prediction.
//!
//! The agent gets a copy of its configuration in a temporary home, the person's environment with that home in it, and a
//! proxy and certificate authority that end on loopback. Nothing of the person's is changed and nothing is forwarded.
//! What is run is in a [`Recipe`] for each agent: plain data and one function for its arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::capture::Captured;
use crate::resolve::{Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::world::World;

mod recipes;

pub use recipes::{Recipe, recipe};

/// How many bytes of configuration go along into the temporary home at the most; larger files stay behind.
pub const MAX_COPIED_BYTES: u64 = 64 * 1024 * 1024;

/// What is about to run, in full, for the person to agree to.
#[derive(Clone, Debug)]
pub struct Run {
    /// The agent's id.
    pub agent: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What is copied, relative to home and working directory.
    pub copies: Copies,
    /// Variables beside the person's own.
    pub variables: Vec<(&'static str, Variable)>,
    /// A module that the agent's Node loads first, to bring connections to fixed addresses to loopback.
    pub hook: Option<&'static str>,
}

/// Paths that go along into the temporary home and working directory.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Relative to the home folder.
    pub home: Vec<&'static str>,
    /// Relative to the working directory.
    pub cwd: Vec<&'static str>,
}

/// The value of a variable that the capture sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The capture's address as a proxy.
    Proxy,
    /// The path of the certificate authority.
    Authority,
    /// The capture's port.
    Port,
    /// This text.
    Text(&'static str),
}

/// Why a proof cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotProve {
    /// No recipe.
    #[error("keymend does not know yet how to run {0} against loopback")]
    NoRecipe(&'static str),
    /// Not installed.
    #[error("{0} is not on PATH")]
    NotInstalled(&'static str),
}

impl CannotProve {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoRecipe(_) => "`keymend explain` shows the prediction and its reasons",
            Self::NotInstalled(_) => "install it, or put the folder it is in on PATH, then try again",
        }
    }
}

/// Whether keymend can run this agent against loopback.
#[must_use]
pub fn knows(agent: &str) -> bool {
    recipe(agent).is_some()
}

/// What would be run for `slot`.
pub fn plan(world: &dyn World, slot: &Slot) -> Result<Run, CannotProve> {
    let recipe = recipe(slot.agent).ok_or(CannotProve::NoRecipe(slot.agent))?;
    let program = world.executable(recipe.program).ok_or(CannotProve::NotInstalled(recipe.program))?;
    Ok(Run {
        agent: slot.agent,
        program: unresolved(world, recipe.program).unwrap_or(program),
        args: (recipe.args)(slot),
        copies: Copies { home: recipe.home.to_vec(), cwd: recipe.cwd.to_vec() },
        variables: recipe.variables.to_vec(),
        hook: recipe.hook,
    })
}

/// The path as `PATH` names it: a virtual environment's or package's launcher must be called by its own name.
fn unresolved(world: &dyn World, program: &str) -> Option<PathBuf> {
    let path = world.var("PATH")?;
    std::env::split_paths(path).map(|dir| dir.join(program)).find(|file| world.exists(file))
}

/// The person's environment for the agent: the temporary home in place of the real one wherever it is, the
/// capture's variables on top.
#[must_use]
pub fn environment(world: &dyn World, run: &Run, home: &Path, place: &Placement) -> BTreeMap<String, String> {
    let real = world.home().map(|home| home.to_string_lossy().into_owned()).unwrap_or_default();
    let moved = |value: &str| match value.strip_prefix(&real) {
        Some(rest) if !real.is_empty() && (rest.is_empty() || rest.starts_with('/')) => {
            format!("{}{rest}", home.display())
        }
        _ => value.to_owned(),
    };
    let mut env: BTreeMap<String, String> = world
        .env()
        .iter()
        .filter(|(name, _)| !is_proxy(name))
        .map(|(name, value)| (name.clone(), if name == "PATH" { value.clone() } else { moved(value) }))
        .collect();
    env.insert("HOME".into(), home.to_string_lossy().into_owned());
    for name in ["NO_PROXY", "no_proxy"] {
        env.insert(name.into(), "127.0.0.1,localhost".into());
    }
    for (name, variable) in &run.variables {
        let value = match variable {
            Variable::Proxy => place.proxy.clone(),
            Variable::Authority => place.authority.to_string_lossy().into_owned(),
            Variable::Port => place.port.to_string(),
            Variable::Text(text) => (*text).to_owned(),
        };
        env.insert((*name).to_owned(), value);
    }
    if let Some(hook) = &place.hook {
        env.insert("NODE_OPTIONS".into(), format!("--require={}", hook.display()));
    }
    env
}

fn is_proxy(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().as_str(), "http_proxy" | "https_proxy" | "all_proxy" | "no_proxy")
}

/// Where the capture and its files are.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The capture's address.
    pub proxy: String,
    /// The capture's port.
    pub port: u16,
    /// The certificate authority's file.
    pub authority: PathBuf,
    /// The hook's file.
    pub hook: Option<PathBuf>,
}

/// Whether a captured request is the call to a model, and not an update check or telemetry.
#[must_use]
pub fn is_model_call(captured: &Captured) -> bool {
    let path = captured.path();
    let called = ["messages", "responses", "completions", "enerateContent", "converse", "invoke", "api/chat"]
        .iter()
        .any(|word| path.contains(word));
    called && !path.contains("count_tokens")
}

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is compared.
    pub what: &'static str,
    /// What was predicted.
    pub predicted: String,
    /// What was seen.
    pub seen: String,
    /// They are the same.
    pub same: bool,
}

/// What the real program did beside what was predicted. Keys are compared as they are and shown masked.
#[must_use]
pub fn compare(
    slot: &Slot,
    captured: Option<&Captured>,
    mask: &dyn Fn(&Secret) -> String,
    local: &str,
) -> Vec<Line> {
    let none = || "none".to_owned();
    let line = |what, predicted: String, seen: String, same| Line { what, predicted, seen, same };
    let (Outcome::Sends { sent, base_url, also }, Some(captured)) = (&slot.outcome, captured) else {
        let predicted = slot.sent().map(|sent| mask(&sent.key));
        let seen = captured.and_then(|captured| credentials(captured).into_iter().next());
        let same = predicted.is_none() && seen.is_none() && matches!(slot.outcome, Outcome::Nothing { .. });
        let seen = seen.map_or_else(none, |sent| mask(&sent.key));
        return vec![line("key", predicted.unwrap_or_else(none), seen, same)];
    };
    let seen = credentials(captured);
    let main = seen.iter().find(|seen| seen.header.name() == sent.header.name()).or_else(|| seen.first());
    let base = if captured.base == local { "loopback".to_owned() } else { captured.base.clone() };
    let mut lines = vec![
        line(
            "key",
            mask(&sent.key),
            main.map_or_else(none, |seen| mask(&seen.key)),
            main.is_some_and(|seen| seen.key == sent.key),
        ),
        line(
            "header",
            sent.header.to_string(),
            main.map_or_else(none, |seen| seen.header.to_string()),
            main.is_some_and(|seen| seen.header.name() == sent.header.name()),
        ),
        line(
            "host",
            crate::resolve::origin(base_url),
            base.clone(),
            base == crate::resolve::origin(base_url),
        ),
    ];
    for extra in seen.iter().filter(|seen| seen.header.name() != sent.header.name()) {
        let predicted = also.iter().find(|sent| sent.header.name() == extra.header.name());
        let same = predicted.is_some_and(|sent| sent.key == extra.key);
        lines.push(line("also", predicted.map_or_else(none, |sent| mask(&sent.key)), mask(&extra.key), same));
    }
    for missing in
        also.iter().filter(|sent| !seen.iter().any(|seen| seen.header.name() == sent.header.name()))
    {
        lines.push(line("also", mask(&missing.key), none(), false));
    }
    lines
}

/// The credentials in a request's headers and query.
#[must_use]
pub fn credentials(captured: &Captured) -> Vec<Sent> {
    use crate::resolve::Header;
    let bearer = captured.header("authorization").map(|value| {
        let bare = value.map(|text| {
            let cut = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
            text[cut.map_or(0, str::len)..].to_owned()
        });
        Sent { header: Header::Bearer, key: bare }
    });
    let raw = ["x-api-key", "x-goog-api-key", "api-key"].iter().filter_map(|name| {
        captured.header(name).map(|value| Sent { header: Header::raw(name), key: value.clone() })
    });
    bearer.into_iter().chain(raw).chain(in_query(captured)).collect()
}

fn in_query(captured: &Captured) -> Option<Sent> {
    let key = captured.target.map(|target| {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| pair.strip_prefix("key=")).unwrap_or_default().to_owned()
    });
    (!key.is_empty()).then(|| Sent { header: crate::resolve::Header::Query("key".into()), key })
}
