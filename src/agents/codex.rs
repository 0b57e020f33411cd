//! Codex CLI: provider, account and key, by its rules recorded from 0.169.0.
//!
//! `OPENAI_API_KEY` alone is not a credential for Codex. The built-in provider uses `CODEX_API_KEY` (in `codex exec`),
//! then the account store; a provider of one's own uses the variable it names. `~/.codex/.env` beats the shell.

use std::path::PathBuf;

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::finding::Lint;
use crate::resolve::{Mode, Slot};
use crate::source::Place;
use crate::world::World;

mod account;
mod config;
mod decide;
mod destinations;
mod environment;
mod lints;
#[cfg(test)]
mod tests;

use config::Config;
use environment::Environment;

const ID: &str = "codex";
const VERSIONS: &[&str] = &["0.169.0"];

/// Codex CLI.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["codex-cli", "openai-codex"],
    name: "Codex CLI",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::destinations,
    switch: destinations::switch,
    restart,
};

const LOOKS: &[Looks] = &[
    Looks { place: "/etc/codex/managed_config.toml", note: "provider and base URL; beats all others" },
    Looks { place: "~/.codex/config.toml", note: "providers, env_key, inline tokens, the account store" },
    Looks { place: "~/.codex/.env", note: "beats the shell; names that begin with CODEX_ are ignored" },
    Looks { place: "CODEX_API_KEY", note: "codex exec only" },
    Looks { place: "CODEX_ACCESS_TOKEN", note: "hides the account store" },
    Looks { place: "keyring Codex Auth", note: "with cli_auth_credentials_store keyring or auto" },
    Looks { place: "~/.codex/auth.json", note: "key or ChatGPT login; auth_mode decides" },
];

/// The folder that `CODEX_HOME` moves.
fn home(world: &dyn World) -> PathBuf {
    common::folder(world, "CODEX_HOME", ".codex")
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let home = home(world);
    let environment = Environment::read(world, &home);
    let mut slots = Vec::new();
    let mut troubles = Vec::new();
    for profile in std::iter::once(None).chain(config::profiles(world, &home).into_iter().map(Some)) {
        let config = Config::read(world, &home, profile);
        troubles.extend(config.troubles());
        slots.extend(of_profile(context, &config, &environment));
    }
    troubles.dedup();
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "codex", &["@openai/codex"]);
    let traces = [home.clone()];
    Some(Findings {
        found: Traces { program: "codex", paths: &traces, variables: &["CODEX_HOME", "CODEX_API_KEY"] }
            .found(world),
        rules: common::rules("Codex CLI", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles,
        lints: agent_lints(world, &home),
    })
}

/// The slots of one profile, the one in use first, once for each mode where they differ.
fn of_profile(context: &Context<'_>, config: &Config, environment: &Environment) -> Vec<Slot> {
    let mut slots = Vec::new();
    for provider in config.providers() {
        let mut exec = decide::slot(context, config, environment, &provider, Mode::Headless);
        let terminal = decide::slot(context, config, environment, &provider, Mode::Interactive);
        if exec.candidates.is_empty() && !exec.in_use {
            continue;
        }
        if common::same_outcome(&exec.outcome, &terminal.outcome) && exec.active == terminal.active {
            exec.mode = None;
            slots.push(exec);
        } else {
            slots.extend([exec, terminal]);
        }
    }
    slots
}

fn agent_lints(world: &dyn World, home: &std::path::Path) -> Vec<Lint> {
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
