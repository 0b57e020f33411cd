//! Codex CLI: provider, account and key, by its rules recorded from 0.169.0.
//!
//! `OPENAI_API_KEY` alone is not a credential for Codex. The built-in provider uses `CODEX_API_KEY` (in `codex exec`),
//! then the account store; a provider of your own uses the variable it names. `~/.codex/.env` beats the shell.

use std::path::{Path, PathBuf};

use crate::agents::common;
use crate::agents::engine::{self, Package, Presence, Question, Rules};
use crate::agents::{Agent, Context, Looks, Record, Restart};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Mode, Slot};
use crate::source::Place;
use crate::world::{Trouble, World};

mod account;
mod config;
mod decide;
mod destinations;
mod environment;
mod lints;
mod projects;
mod settings;
#[cfg(test)]
mod tests;

use config::Config;
use environment::Environment;

/// Codex CLI.
pub const AGENT: Agent = Agent {
    id: "codex",
    aliases: &["codex-cli", "openai-codex"],
    name: "Codex CLI",
    record: Record::Rules,
    versions: &["0.169.0"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Codex::read(context.world))),
    destinations: |context, slot| engine::destinations(&Codex::read(context.world), slot),
    switch: destinations::switch,
    restart,
};

const LOOKS: &[Looks] = &[
    Looks { place: "/etc/codex/managed_config.toml", note: "provider and base URL; beats all others" },
    Looks { place: "~/.codex/config.toml", note: "providers, env_key, inline tokens, the account store" },
    Looks { place: "./.codex/config.toml", note: "of trusted projects; names no provider and no key" },
    Looks { place: "~/.codex/.env", note: "beats the shell; names that begin with CODEX_ are ignored" },
    Looks { place: "CODEX_API_KEY", note: "codex exec only" },
    Looks { place: "CODEX_ACCESS_TOKEN", note: "hides the account store" },
    Looks { place: "keyring Codex Auth", note: "with cli_auth_credentials_store keyring or auto" },
    Looks { place: "~/.codex/auth.json", note: "key or ChatGPT login; auth_mode decides" },
];

/// What one scan reads.
struct Codex<'a> {
    world: &'a dyn World,
    home: PathBuf,
    environment: Environment,
    /// One configuration a profile.
    configs: Vec<Config>,
}

/// One provider of one profile, asked in one mode.
struct Query<'q> {
    config: &'q Config,
    provider: String,
    mode: Mode,
}

impl<'a> Codex<'a> {
    fn read(world: &'a dyn World) -> Self {
        let home = common::folder(world, "CODEX_HOME", ".codex");
        let environment = Environment::read(world, &home);
        let profiles = std::iter::once(None).chain(config::profiles(world, &home).into_iter().map(Some));
        let configs = profiles.map(|profile| Config::read(world, &home, profile)).collect();
        Self { world, home, environment, configs }
    }
}

impl Rules for Codex<'_> {
    type Query<'q>
        = Query<'q>
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "codex",
            package: Package::Node(&["@openai/codex"]),
            paths: vec![self.home.clone()],
            variables: &["CODEX_HOME", "CODEX_API_KEY"],
        }
    }

    fn queries(&self) -> Vec<Query<'_>> {
        let mut queries = Vec::new();
        for config in &self.configs {
            for provider in config.providers() {
                queries.push(Query { config, provider: provider.clone(), mode: Mode::Headless });
                queries.push(Query { config, provider, mode: Mode::Interactive });
            }
        }
        queries
    }

    fn ask(&self, query: &Query<'_>) -> Question {
        decide::ask(self, query)
    }

    fn is_shown(&self, slot: &Slot) -> bool {
        slot.in_use || !slot.candidates.is_empty()
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        agent_lints(self.world, &self.home)
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        let mut troubles: Vec<_> = self.configs.iter().flat_map(Config::troubles).collect();
        troubles.dedup();
        troubles
    }

    fn destinations(&self, query: &Query<'_>, slot: &Slot) -> Vec<Destination> {
        destinations::of(self, query, slot)
    }
}

fn agent_lints(world: &dyn World, home: &Path) -> Vec<Lint> {
    let mut lints = Vec::new();
    let snapshots = home.join("shell_snapshots");
    if !world.list(&snapshots).is_empty() {
        let place = Place::File { file: snapshots }.show(world.home());
        lints.push(Lint::warn(
            "old-copies",
            format!("{place} holds every variable of the shells that started Codex, keys included, readable by others"),
        ));
    }
    lints
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    let daemon = ["codex", "app-server", "daemon", "restart"];
    let is_daemon = |arg: &String| arg == "app-server";
    let running =
        context.world.processes("app-server").iter().any(|process| process.args.iter().any(is_daemon));
    let command = running.then_some(daemon.as_slice());
    let name = if running { "Codex app-server, which terminals talk to," } else { "Codex" };
    common::running(context.world, name, "codex", &["app-server-daemon", "@openai/codex"], slot, command)
}
