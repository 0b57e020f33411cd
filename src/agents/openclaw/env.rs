//! The environment that OpenClaw ends up with: the process environment, then the `.env` files, then `env.vars`, then
//! the login shell, each filling what is missing. Nobody overrides a name that is there (docs/help/environment.md of
//! OpenClaw 2026.9.6, confirmed by runs of 2026.3.13 and 2026.9.6).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value as Json;

use super::config::Config;
use super::era::Rules;
use super::home::Install;
use super::providers;
use crate::finding::Lint;
use crate::formats::assignment::Parsed;
use crate::formats::bound::Room;
use crate::formats::dotenv;
use crate::formats::shell::{self, Mode, Reading, Seen, Setting, Shell};
use crate::resolve::Offer;
use crate::secret::Secret;
use crate::source::{Dialect, Place, Source, Value};
use crate::world::World;

/// A `.env` in the state folder beyond this size is not read.
const DOTENV_LIMIT: usize = 1024 * 1024;

/// One assignment.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// The name.
    pub name: String,
    /// The text as it is; a [`Secret`] as soon as it is taken for a key.
    pub text: String,
    /// Where it is.
    pub place: Place,
}

/// One source of assignments.
#[derive(Clone, Debug)]
struct Layer {
    source: Source,
    /// As a person calls it.
    called: &'static str,
    vars: Vec<Variable>,
    /// Name to position in `vars`.
    index: HashMap<String, usize>,
    /// `env.vars` also fills a name that is there and blank.
    fills_blank: bool,
    /// The layer is not read; why.
    unread: Option<&'static str>,
}

impl Layer {
    fn new(source: Source, called: &'static str, vars: Vec<Variable>) -> Self {
        let mut index = HashMap::new();
        for (at, var) in vars.iter().enumerate() {
            index.entry(var.name.clone()).or_insert(at);
        }
        Self { source, called, vars, index, fills_blank: false, unread: None }
    }

    fn get(&self, name: &str) -> Option<&Variable> {
        self.vars.get(*self.index.get(name)?)
    }
}

/// All sources, strongest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    layers: Vec<Layer>,
    /// What is left for the references of the configuration.
    room: Room,
    /// The names that a login shell is asked for and whose value cannot be told from its start-up files.
    pub shell_unknown: Vec<String>,
}

/// What decides a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'a> {
    /// The assignment.
    pub var: &'a Variable,
    /// The kind of source.
    pub source: Source,
    /// The source as a person calls it.
    pub called: &'static str,
    layer: usize,
}

impl Hit<'_> {
    /// The text that is sent: without line breaks, outer blanks and what is not Latin-1, or none if nothing is left.
    pub(super) fn sent(&self) -> Option<Secret> {
        sent_text(&self.var.text)
    }

    fn is_blank(&self) -> bool {
        self.var.text.trim().is_empty()
    }
}

/// What OpenClaw makes of a text before it sends it (`src/utils/normalize-secret-input.ts`): none if nothing is left.
pub(super) fn sent_text(text: &str) -> Option<Secret> {
    let breaks = |c: char| matches!(c, '\r' | '\n' | '\u{2028}' | '\u{2029}');
    let kept: String = text.chars().filter(|c| !breaks(*c) && u32::from(*c) <= 0xff).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| Secret::new(kept))
}

impl Environment {
    /// Gathers all sources as the version of `rules` reads them.
    pub(super) fn load(world: &dyn World, install: &Install, config: &Config, rules: Rules) -> Self {
        let mut env = Self::default();
        env.push(Source::Env, "the process environment", process_vars(world));
        env.push_dotenvs(world, install, rules);
        env.push_config(config, rules);
        env.push_shell(world, config, rules);
        env
    }

    fn push(&mut self, source: Source, called: &'static str, vars: Vec<Variable>) {
        self.layers.push(Layer::new(source, called, vars));
    }

    fn push_dotenvs(&mut self, world: &dyn World, install: &Install, rules: Rules) {
        let cwd = world.cwd().join(".env");
        let own = install.state.join(".env");
        if cwd != own {
            let (read, blocked): (Vec<_>, Vec<_>) = dotenv_vars(world, &cwd)
                .into_iter()
                .partition(|var| rules == Rules::Old || !blocked_in_cwd(&var.name));
            self.push(Source::Dotenv, ".env of the working directory", read);
            self.push_unread(blocked, "this version does not take provider variables from a project's .env");
        }
        self.push(Source::Dotenv, ".env of the state folder", dotenv_vars(world, &own));
        if let Some(path) = &install.gateway_env {
            let vars = dotenv_vars(world, path);
            match rules {
                Rules::New => self.push(Source::Dotenv, "gateway.env", vars),
                Rules::Old => self.push_unread(vars, "this version does not read gateway.env"),
            }
        }
    }

    fn push_unread(&mut self, vars: Vec<Variable>, why: &'static str) {
        if !vars.is_empty() {
            let layer = Layer::new(Source::Dotenv, "a file that is not read", vars);
            self.layers.push(Layer { unread: Some(why), ..layer });
        }
    }

    fn push_config(&mut self, config: &Config, rules: Rules) {
        let mut vars = Vec::new();
        if rules == Rules::Old {
            vars.extend(config_vars(config, &["env"]));
        }
        vars.extend(config_vars(config, &["env", "vars"]));
        let layer = Layer { fills_blank: true, ..Layer::new(Source::Config, "env.vars", vars) };
        self.layers.push(layer);
    }

    /// The login shell fills known names: 2026.3.13 only where none of them is set at all, 2026.9.6 each name that is
    /// not there, not even empty (`src/infra/shell-env.ts`).
    fn push_shell(&mut self, world: &dyn World, config: &Config, rules: Rules) {
        let enabled = config.get(&["env", "shellEnv", "enabled"]) == Some(&Json::Bool(true))
            || world.var("OPENCLAW_LOAD_SHELL_ENV").is_some_and(truthy);
        let known = providers::all_variables(rules);
        let any_set = known.iter().any(|name| self.get(name).is_some_and(|hit| hit.sent().is_some()));
        if !enabled || (rules == Rules::Old && any_set) {
            return;
        }
        let missing: Vec<&str> = known.into_iter().filter(|name| self.get(name).is_none()).collect();
        let (vars, unknown) = login_shell_vars(world, &missing, rules);
        self.shell_unknown = unknown;
        self.push(Source::Shell, "the login shell", vars);
    }

    /// What decides `name`, if it is set at all (even empty).
    pub(super) fn get(&self, name: &str) -> Option<Hit<'_>> {
        let mut winner: Option<Hit<'_>> = None;
        for (at, layer) in self.layers.iter().enumerate().filter(|(_, layer)| layer.unread.is_none()) {
            if winner.is_some_and(|hit| !hit.is_blank() || !layer.fills_blank) {
                continue;
            }
            if let Some(var) = layer.get(name) {
                winner = Some(Hit { var, source: layer.source, called: layer.called, layer: at });
            }
        }
        winner
    }

    /// The text of `name` for a `${NAME}` in the configuration, or none if it is unset or blank.
    pub(super) fn value(&self, name: &str) -> Option<Hit<'_>> {
        self.get(name).filter(|hit| !hit.is_blank())
    }

    /// One offer for each place where `name` is set, the deciding one first usable with `why`; with `ignored` none is.
    pub(super) fn offers(&self, name: &str, why: &str, ignored: Option<&str>) -> Vec<Offer> {
        let winner = self.get(name);
        let mut offers = Vec::new();
        for (at, layer) in self.layers.iter().enumerate() {
            let wins = winner.is_some_and(|hit| hit.layer == at);
            let offer = |var| self.offer(layer, var, (wins, winner), why, ignored);
            offers.extend(layer.get(name).map(offer));
        }
        offers
    }

    fn offer(
        &self,
        layer: &Layer,
        var: &Variable,
        (wins, winner): (bool, Option<Hit<'_>>),
        why: &str,
        ignored: Option<&str>,
    ) -> Offer {
        let value = Value::Present(Secret::new(var.text.clone()));
        let make = |fate: Result<String, String>| match fate {
            Ok(why) => Offer::usable(layer.source, var.place.clone(), value.clone(), why),
            Err(why) => Offer::ignored(layer.source, var.place.clone(), value.clone(), why),
        };
        let offer = match (layer.unread, ignored, winner) {
            (Some(why), ..) | (_, Some(why), _) => make(Err(why.to_owned())),
            (_, _, Some(hit)) if !wins => make(Err(format!(
                "{} has {} already{}; nobody overrides a name that is set",
                hit.called,
                var.name,
                if hit.sent().is_none() { " (empty)" } else { "" }
            ))),
            _ if sent_text(&var.text).is_none() => {
                make(Err("it is set but empty, which is treated as no key".to_owned()))
            }
            _ => make(Ok(why.to_owned())),
        };
        let hides = wins && sent_text(&var.text).is_none() && self.set_elsewhere(&var.name);
        let offer = if hides { offer.lint(empty_hides(&var.name, layer.called)) } else { offer };
        offer.named(var.name.clone())
    }

    /// Whether a weaker source has a text for `name`.
    fn set_elsewhere(&self, name: &str) -> bool {
        self.layers.iter().filter_map(|layer| layer.get(name)).any(|var| !var.text.is_empty())
    }

    /// `text` with `${NAME}` replaced where NAME has a value, `$${NAME}` unescaped.
    pub(super) fn substitute(&self, text: &str) -> String {
        let mut done = self.room.filling();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let Some((name, end)) = reference_at(from) else {
                done.own(before);
                done.own("${");
                rest = &from[2..];
                continue;
            };
            if let Some(plain) = before.strip_suffix('$') {
                done.own(plain);
                done.own(&from[..end]);
            } else {
                done.own(before);
                match self.value(name) {
                    Some(hit) => done.refer(&hit.var.text),
                    None => done.own(&from[..end]),
                }
            }
            rest = &from[end..];
        }
        done.own(rest);
        done.done()
    }
}

/// The name of a `${NAME}` at the start of `text` and where it ends.
fn reference_at(text: &str) -> Option<(&str, usize)> {
    let inner = text.get(2..)?;
    let name = &inner[..inner.find(|c: char| !is_variable_char(c))?];
    (inner[name.len()..].starts_with('}') && is_variable(name)).then_some((name, name.len() + 3))
}

const fn is_variable_char(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// Upper-case names, as OpenClaw substitutes them.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && name.chars().all(is_variable_char)
}

fn empty_hides(name: &str, called: &str) -> Lint {
    Lint::warn("empty-hides", format!("{name} is set but empty in {called}; a key elsewhere is not read"))
}

fn truthy(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

fn process_vars(world: &dyn World) -> Vec<Variable> {
    let vars = world.env().iter();
    vars.map(|(name, value)| Variable {
        name: name.clone(),
        text: value.clone(),
        place: Place::Env { name: name.clone() },
    })
    .collect()
}

/// The assignments of a `.env` as npm `dotenv` reads them; of duplicates the last.
fn dotenv_vars(world: &dyn World, file: &Path) -> Vec<Variable> {
    let state = world.read(file);
    match state.bytes() {
        Some(bytes) if bytes.len() <= DOTENV_LIMIT => {
            deciding(&dotenv::parse(Dialect::NodeDotenv, bytes, world.env()), file, Dialect::NodeDotenv)
        }
        _ => Vec::new(),
    }
}

/// The assignment that decides each name.
fn deciding(parsed: &Parsed, file: &Path, dialect: Dialect) -> Vec<Variable> {
    let mut last: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for found in &parsed.assignments {
        if !(parsed.first_wins && last.contains_key(found.name.as_str())) {
            last.insert(&found.name, (&found.value, found.line));
        }
    }
    let place = |name: &str, line| Place::Line {
        file: file.to_owned(),
        line: Some(line),
        name: name.to_owned(),
        dialect,
    };
    last.into_iter()
        .map(|(name, (value, line))| Variable {
            name: name.to_owned(),
            text: value.to_owned(),
            place: place(name, line),
        })
        .collect()
}

/// The string members at `steps`, each a variable.
fn config_vars(config: &Config, steps: &[&str]) -> Vec<Variable> {
    let members = config.object(steps).into_iter().flatten();
    members
        .filter_map(|(name, value)| {
            let text = value.as_str().filter(|text| !text.contains("${"))?;
            let place = config.place(&[steps, &[name.as_str()]].concat());
            Some(Variable { name: name.clone(), text: text.to_owned(), place })
        })
        .collect()
}

/// Names that 2026.9.6 does not take from `./.env` (`dist/dotenv-*`).
fn blocked_in_cwd(name: &str) -> bool {
    ["_BASE_URL", "_ENDPOINT", "_API_HOST"].iter().any(|end| name.ends_with(end))
        || ["OPENCLAW_", "ANTHROPIC_API_KEY_", "OPENAI_API_KEY_"].iter().any(|start| name.starts_with(start))
        || providers::any_variable(name)
}

/// What the login shell exports of `names`, read from its start-up files, and the names of which that cannot be told.
/// 2026.9.6 starts it as an interactive shell.
fn login_shell_vars(world: &dyn World, names: &[&str], rules: Rules) -> (Vec<Variable>, Vec<String>) {
    let shell = shell::login_shell(world).unwrap_or(Shell::Sh);
    let reading = shell::read(world, shell, Mode { interactive: rules == Rules::New, login: true });
    let (mut vars, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let lost = lost_for(world, &reading, name);
        match reading.seen(name) {
            Seen::Text(text) if !text.trim().is_empty() => {
                let setting = reading.variables.get(*name).and_then(|variable| variable.setting.as_ref());
                vars.push(Variable {
                    name: (*name).to_owned(),
                    text,
                    place: shell_place(name, shell, setting),
                });
            }
            Seen::NotLiteral(_) | Seen::Conditional => unknown.push((*name).to_owned()),
            Seen::Text(_) | Seen::Nothing if lost => unknown.push((*name).to_owned()),
            Seen::Text(_) | Seen::Nothing => {}
        }
    }
    (vars, unknown)
}

/// Whether a line that could not be followed may set `name`: any line in the person's own files, and in the system's
/// only where the name is somewhere at all.
fn lost_for(world: &dyn World, reading: &Reading, name: &str) -> bool {
    let system = |file: &Path| file.starts_with("/etc");
    let own = reading.lost.iter().any(|(file, _)| file.as_deref().is_none_or(|file| !system(file)));
    let snippets = Path::new("/etc/profile.d");
    let mentions = |file: &Path| world.read(file).text().is_some_and(|text| text.contains(name));
    own || (!reading.lost.is_empty()
        && (reading.files.iter().any(|file| mentions(file))
            || world.list(snippets).iter().any(|file| mentions(&snippets.join(file)))))
}

/// The line of a start-up file that sets a variable.
fn shell_place(name: &str, shell: Shell, setting: Option<&Setting>) -> Place {
    let dialect = match shell {
        Shell::Bash => Dialect::Bash,
        Shell::Zsh => Dialect::Zsh,
        Shell::Fish => Dialect::Fish,
        Shell::Sh => Dialect::Sh,
    };
    let spot = setting.and_then(|setting| setting.spot.as_ref());
    match spot.and_then(|spot| Some((spot.file.clone()?, spot.line))) {
        Some((file, line)) => Place::Line { file, line: Some(line), name: name.to_owned(), dialect },
        None => Place::BuiltIn { what: "the login shell".to_owned() },
    }
}
