//! The agents: programs on this machine that send keys. Each is one constant [`Agent`] in one file under `agents/`.
//!
//! Adding an agent: one file, one line in [`ALL`], its recordings. The documentation's table of agents is made from this list.

use std::path::PathBuf;

pub mod aider;
pub mod claude_code;
pub mod cline;
pub mod codex;
pub mod common;
pub mod continue_cli;
pub mod engine;
pub mod found_only;
pub mod gemini_cli;
pub mod goose;
pub mod hermes;
pub mod home_assistant;
pub mod litellm;
pub mod llm;
pub mod openclaw;
pub mod opencode;
pub mod python;
pub mod qwen_code;

use crate::destination::{Destination, Switch};
use crate::finding::Lint;
use crate::provider::Catalogue;
use crate::resolve::Slot;
use crate::world::{Process, Trouble, World};

/// What an agent is asked with: the world, and the knowledge of providers.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The machine, or a picture of one.
    pub world: &'a dyn World,
    /// The providers.
    pub catalogue: &'a Catalogue,
}

/// How much of an agent's real behaviour is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Its rules were recorded from runs of the real program.
    Rules,
    /// It is found and named; its rules are unknown.
    FoundOnly,
}

/// One place where an agent looks, for the documentation and the `agents` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// The place as a person would write it: `~/.hermes/.env`, `ANTHROPIC_API_KEY`.
    pub place: &'static str,
    /// What is special there, in a few words; may be empty.
    pub note: &'static str,
}

/// A program that sends keys: everything keymend knows about it.
#[derive(Clone, Copy)]
pub struct Agent {
    /// Its id on the command line and in `--json`: `claude-code`.
    pub id: &'static str,
    /// Other names that people give it on the command line, beside its name and its id without hyphens.
    pub aliases: &'static [&'static str],
    /// Its name as its makers write it.
    pub name: &'static str,
    /// How much is known.
    pub record: Record,
    /// The versions whose behaviour was recorded, newest first.
    pub versions: &'static [&'static str],
    /// Where it looks, strongest first.
    pub looks: &'static [Looks],
    /// Reads the world and says what each slot sends. Without a trace of the agent it returns none, or what a start
    /// here would send with [`Findings::found`] empty: that answer is shown only where the agent is asked by name.
    /// Call [`Agent::scan`], the method.
    pub scan: fn(&Context<'_>) -> Option<Findings>,
    /// The places where a new key for `slot` could be written, best first, each with the neighbours that must change
    /// along. `Catalogue` ids and slots as `scan` returned them.
    pub destinations: fn(&Context<'_>, &Slot) -> Vec<Destination>,
    /// The agent's own ways to make candidate `n` of `slot` the active one without touching a key, best first: an order,
    /// an account, an approval, a selected type.
    pub switch: fn(&Context<'_>, &Slot, usize) -> Vec<Switch>,
    /// What a person must restart after a change at `slot`, judged from the processes that run now.
    pub restart: fn(&Context<'_>, &Slot) -> Option<Restart>,
}

impl Agent {
    /// What the agent would send in this world: its own rules, "too long to be sent" wherever they had to decide about a
    /// value that no reader follows to its end, and rows and outcome in agreement ([`Slot::agree`]). Everybody asks an
    /// agent in this way.
    #[must_use]
    pub fn scan(&self, context: &Context<'_>) -> Option<Findings> {
        let mut findings = (self.scan)(context)?;
        common::say_too_long(&mut findings);
        for slot in &mut findings.slots {
            if DECIDES_APART.contains(&self.id) {
                slot.agree();
            }
            debug_assert!(slot.agrees(), "rows and outcome: {slot:#?}");
        }
        Some(findings)
    }
}

/// The agents that decide rows and outcome apart; all others decide once ([`engine`]).
const DECIDES_APART: &[&str] = &["hermes", "openclaw"];

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Agent").field(&self.id).finish()
    }
}

/// What one agent's scan found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How its presence was noticed: the executable, the folder, the variable. Empty where there is no trace of it; a
    /// provider's common variable such as `OPENAI_API_KEY` is no trace.
    pub found: Vec<String>,
    /// The installed version, where it can be read without running anything.
    pub version: Option<String>,
    /// Which recorded version's rules were applied and why, in words.
    pub rules: String,
    /// The slots, those in use first.
    pub slots: Vec<Slot>,
    /// Files that could not be read, one line each.
    pub troubles: Vec<(PathBuf, Trouble)>,
    /// Findings about the agent as a whole.
    pub lints: Vec<Lint>,
}

/// What has to be restarted for a new key to be used, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// What runs, in words: `OpenClaw gateway (pid 4711, started 3 h before the change)`.
    pub what: String,
    /// How sure it is that it holds the old key.
    pub certainty: Certainty,
    /// The command that restarts it; run only on a yes.
    pub command: Option<Vec<String>>,
    /// The processes concerned.
    pub processes: Vec<Process>,
}

/// How sure keymend can be that a process holds an old key; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The old key is in its start environment, and the agent lets that win.
    StillHolds,
    /// It started before the change, and the agent does not reload.
    MayHold,
    /// Its environment cannot be read.
    CannotTell,
    /// The agent reloads by itself.
    Reloads,
    /// It started after the change.
    Fresh,
}

impl Certainty {
    /// The word in `--json`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::StillHolds => "certain",
            Self::MayHold => "may-hold",
            Self::CannotTell => "cannot-tell",
            Self::Reloads => "reloads",
            Self::Fresh => "fresh",
        }
    }

    /// Whether a restart is the way to be sure.
    #[must_use]
    pub const fn needs_restart(self) -> bool {
        matches!(self, Self::StillHolds | Self::MayHold | Self::CannotTell)
    }
}

/// All agents, in the order of the screens.
pub const ALL: &[&Agent] = &[
    &hermes::AGENT,
    &openclaw::AGENT,
    &claude_code::AGENT,
    &codex::AGENT,
    &gemini_cli::AGENT,
    &opencode::AGENT,
    &goose::AGENT,
    &qwen_code::AGENT,
    &continue_cli::AGENT,
    &aider::AGENT,
    &cline::AGENT,
    &home_assistant::AGENT,
    &litellm::AGENT,
    &llm::AGENT,
    &found_only::CRUSH,
    &found_only::ZED,
];

/// The agent that a person calls so: by its id, its name or an alias, in any case, with or without hyphens.
#[must_use]
pub fn named(name: &str) -> Option<&'static Agent> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let asked = letters(name);
    let called = |known: &str| !asked.is_empty() && letters(known) == asked;
    let by_id = ALL.iter().find(|agent| called(agent.id));
    let by_name =
        || ALL.iter().find(|agent| called(agent.name) || agent.aliases.iter().any(|one| called(one)));
    by_id.or_else(by_name).copied()
}

/// For an agent that has no choice of its own beside the places of its keys.
#[must_use]
pub const fn no_switch(_: &Context<'_>, _: &Slot, _: usize) -> Vec<Switch> {
    Vec::new()
}

/// The agent with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Agent> {
    ALL.iter().copied().find(|agent| agent.id == id)
}
