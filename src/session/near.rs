//! Near misses: a key for a slot's provider is somewhere, and the agent does not look there. One rule for all agents, by the
//! form of the key and the name of the variable; what an agent does read is one of its rows already.

use std::path::Path;

use serde_json::Value as Json;
use strsim::damerau_levenshtein;

use super::elsewhere;
use crate::agents::{Agent, Context, Findings, common};
use crate::finding::{Lint, Severity};
use crate::formats::dotenv;
use crate::hygiene;
use crate::provider::{Catalogue, Provider};
use crate::resolve::{Candidate, Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::{Dialect, Format, Place, Pointer, Source, Value, tilde};
use crate::world::World;

/// `.env` files that some agent or a person's own scripts read, below the home folder.
const HOME_FILES: [&str; 11] = [
    ".env",
    ".hermes/.env",
    ".openclaw/.env",
    ".openclaw/workspace/.env",
    ".config/openclaw/gateway.env",
    ".claude/.env",
    ".codex/.env",
    ".gemini/.env",
    ".qwen/.env",
    ".continue/.env",
    ".config/goose/.env",
];

/// Who gives a variable of a project to programs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Giver {
    /// This process has it.
    Shell,
    /// A file that some program reads.
    File,
    /// A file of the project: an app reads it, or what starts the agent.
    Project,
    /// direnv, for what is started in this folder.
    Direnv,
    /// The editor, for the programs and terminals that it starts.
    Editor,
}

/// A variable with a key, wherever it is.
struct Spot {
    name: String,
    key: Secret,
    place: Place,
    giver: Giver,
}

/// The variables that hold keys in places of which some agent reads none.
pub(super) struct Spots(Vec<Spot>);

impl Spots {
    /// Looks at them once for all agents.
    pub(super) fn look(world: &dyn World) -> Self {
        let mut all: Vec<Spot> = Vec::new();
        let of_shell = world.env().iter().filter(|(name, _)| is_key_name(name));
        all.extend(of_shell.map(|(name, value)| Spot {
            name: name.clone(),
            key: Secret::new(value.as_str()),
            place: Place::Env { name: name.clone() },
            giver: Giver::Shell,
        }));
        let project = |name: &str| world.cwd().join(name);
        for name in [".env", ".env.local"] {
            all.extend(lines(world, &project(name), Dialect::NodeDotenv, Giver::Project));
        }
        all.extend(lines(world, &project(".envrc"), Dialect::Bash, Giver::Direnv));
        all.extend(editor(world, &project(".vscode/settings.json")));
        for file in world.home().into_iter().flat_map(|home| HOME_FILES.map(|file| home.join(file))) {
            all.extend(lines(world, &file, Dialect::NodeDotenv, Giver::File));
        }
        let mut places: Vec<Place> = Vec::new();
        all.retain(|spot| {
            let new = !spot.key.is_empty() && !places.contains(&spot.place);
            places.push(spot.place.clone());
            new
        });
        Self(all)
    }

    /// Adds to every slot in use what is near it.
    pub(super) fn tell(&self, context: &Context<'_>, agent: &Agent, findings: &mut Findings) {
        for slot in findings.slots.iter_mut().filter(|slot| slot.in_use) {
            self.tell_slot(context, agent, slot);
        }
    }

    fn tell_slot(&self, context: &Context<'_>, agent: &Agent, slot: &mut Slot) {
        let catalogue = context.catalogue;
        let Some(provider) = slot.provider.as_deref().and_then(|id| catalogue.get(id)) else { return };
        let fails = fails(slot);
        let mut rows: Vec<Candidate> = Vec::new();
        let mut lints: Vec<Lint> = Vec::new();
        for spot in &self.0 {
            let of_project = matches!(spot.giver, Giver::Project | Giver::Direnv | Giver::Editor);
            let known = slot.candidates.iter().any(|row| row.place.same_spot(&spot.place));
            let same = slot.candidates.iter().any(|row| row.value.secret() == Some(&spot.key));
            if known || same || !(fails || of_project) {
                continue;
            }
            let Some(nearness) = nearness(spot, provider, catalogue) else { continue };
            lints.push(finding(context, agent, slot, spot, nearness, fails));
            rows.push(row(agent, spot));
        }
        lints.truncate(MOST);
        slot.lints.extend(lints);
        slot.candidates.extend(rows);
    }
}

/// More than these would hide the others.
const MOST: usize = 4;

/// Why a variable seems to be meant for a provider.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nearness {
    /// It is one of the provider's names.
    Name,
    /// It is nearly one of them.
    NearName,
    /// The form of the key is the provider's.
    Form,
}

fn nearness(spot: &Spot, provider: &Provider, catalogue: &Catalogue) -> Option<Nearness> {
    let recognised = catalogue.recognise(&spot.key);
    if recognised.foreign_to(&provider.id).is_some()
        || !hygiene::nature(&spot.key, Some(&provider.id), catalogue).is_key()
    {
        return None;
    }
    if provider.env.contains(&spot.name) {
        return Some(Nearness::Name);
    }
    // A name of another provider means that one, whatever it resembles.
    if catalogue.by_env(&spot.name).is_empty() && is_near(&spot.name, provider) {
        return Some(Nearness::NearName);
    }
    let own = recognised.best().is_some_and(|best| best.provider.id == provider.id);
    own.then_some(Nearness::Form)
}

/// Whether a name is one letter or some underscores away from one of the provider's, or the provider's name with KEY or
/// TOKEN behind: `ANTHROPIC_APIKEY`, `OPEN_AI_API_KEY`, `OPENROUTER_KEY`.
fn is_near(name: &str, provider: &Provider) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    let own = letters(name);
    let typed = provider.env.iter().any(|real| damerau_levenshtein(&own, &letters(real)) <= 1);
    let short = own.strip_prefix(&letters(&provider.id)).is_some_and(|rest| matches!(rest, "KEY" | "TOKEN"));
    typed || short
}

fn is_key_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET"].iter().any(|part| upper.contains(part))
}

/// Whether the slot sends nothing, or something that is known to be wrong.
fn fails(slot: &Slot) -> bool {
    let faulty = |row: &Candidate| row.lints.iter().any(|lint| lint.severity == Severity::Fault);
    match &slot.outcome {
        Outcome::Nothing { .. } => true,
        Outcome::Sends { .. } => slot.active_candidate().is_some_and(faulty),
        Outcome::Hidden { .. } | Outcome::NotKnown { .. } => false,
    }
}

fn finding(
    context: &Context<'_>,
    agent: &Agent,
    slot: &Slot,
    spot: &Spot,
    nearness: Nearness,
    fails: bool,
) -> Lint {
    let place = match &spot.place {
        Place::Env { .. } => "this shell".to_owned(),
        place => common::printable(&tilde(place.file().unwrap_or(Path::new("")), context.world.home())),
    };
    let (agent_name, name) = (agent.name, common::printable(&spot.name));
    let severity = if fails { Severity::Warn } else { Severity::Note };
    let who = match spot.giver {
        Giver::Shell | Giver::File => format!("{agent_name} does not read it"),
        Giver::Project => {
            format!(
                "{agent_name} does not read it there itself; a program that starts {agent_name} may pass it on"
            )
        }
        Giver::Direnv => "direnv gives it to every program that is started in this folder".to_owned(),
        Giver::Editor => {
            format!("the editor gives it to {agent_name} and to the terminals that it opens in this folder")
        }
    };
    let instead = if fails { read_instead(context, agent, slot) } else { String::new() };
    if nearness == Nearness::NearName {
        let message = format!("{name} in {place} is not quite a name that {agent_name} reads.{instead}");
        return Lint::of("name-nearly-right", severity, message);
    }
    let message = format!("{place} has a key for it, in {name}: {who}.{instead}");
    Lint::of("key-not-read", severity, message)
}

/// Where the agent does look, in one sentence.
fn read_instead(context: &Context<'_>, agent: &Agent, slot: &Slot) -> String {
    let mut names: Vec<String> = slot
        .candidates
        .iter()
        .filter(|row| matches!(row.state, State::Active { .. } | State::Shadowed { .. } | State::Unset))
        .filter_map(|row| match &row.place {
            Place::Env { name } => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.extend(elsewhere::read_at(context.world, context.catalogue, agent, slot));
    names.sort();
    names.dedup();
    let first = (agent.destinations)(context, slot).into_iter().next();
    let place = first.map(|first| common::printable(&first.place.show(context.world.home())));
    let names = (!names.is_empty()).then(|| names.join(" or "));
    match (names, place) {
        (Some(names), Some(place)) => format!(" It reads {names}, and a key is best put in {place}."),
        (Some(names), None) => format!(" It reads {names}."),
        (None, Some(place)) => format!(" A key is best put in {place}."),
        (None, None) => String::new(),
    }
}

fn row(agent: &Agent, spot: &Spot) -> Candidate {
    let source = match spot.giver {
        Giver::Shell => Source::Env,
        Giver::File | Giver::Project => Source::Dotenv,
        Giver::Direnv => Source::Shell,
        Giver::Editor => Source::Config,
    };
    Candidate {
        source,
        place: spot.place.clone(),
        name: Some(spot.name.clone()),
        value: Value::Present(spot.key.clone()),
        state: State::Ignored { reason: format!("{} does not read it here", agent.name) },
        lints: Vec::new(),
    }
}

/// The assignments of a file that may be keys.
fn lines(world: &dyn World, file: &Path, dialect: Dialect, giver: Giver) -> Vec<Spot> {
    let state = world.read(file);
    let Some(bytes) = state.bytes() else { return Vec::new() };
    let parsed = dotenv::parse(dialect, bytes, world.env());
    let found = parsed.assignments.into_iter().filter(|found| is_key_name(&found.name));
    found
        .map(|found| Spot {
            key: Secret::new(found.value),
            place: Place::Line {
                file: file.to_owned(),
                line: Some(found.line),
                name: found.name.clone(),
                dialect,
            },
            name: found.name,
            giver,
        })
        .collect()
}

/// `terminal.integrated.env.*` and `claudeCode.environmentVariables` of a VS Code project.
fn editor(world: &dyn World, file: &Path) -> Vec<Spot> {
    let doc = common::Doc::jsonc(world, file, true);
    let Some(settings) = doc.root.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    let mut take = |name: &str, value: &Json, pointer: Pointer| {
        let Some(text) = value.as_str().filter(|_| is_key_name(name)) else { return };
        let place = Place::Field { file: file.to_owned(), format: Format::Json5, pointer };
        found.push(Spot { name: name.to_owned(), key: Secret::new(text), place, giver: Giver::Editor });
    };
    for (setting, value) in settings {
        if setting.starts_with("terminal.integrated.env.") {
            for (name, value) in value.as_object().into_iter().flatten() {
                take(name, value, Pointer::new([setting, name]));
            }
        }
        if setting == "claudeCode.environmentVariables" {
            for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                let (Some(name), Some(value)) = (item["name"].as_str(), item.get("value")) else { continue };
                take(name, value, Pointer::new([setting.clone(), at.to_string(), "value".to_owned()]));
            }
        }
    }
    found
}
