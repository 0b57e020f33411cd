//! Claude Code: which of its many credentials leave, by its rules recorded from 2.1.329 and 2.1.120.
//!
//! A settings file's `env` block is laid over the process environment before anything is looked up, so that a key there
//! beats an exported one. Print mode (`-p`, scripts, the SDK) always takes `ANTHROPIC_API_KEY`; a session in a terminal
//! takes it only once the person has approved it. Outside of a pure login two credentials can leave together, one in
//! `x-api-key` and one as bearer.

use std::path::PathBuf;

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::finding::Lint;
use crate::resolve::{Mode, Slot};
use crate::source::Place;

mod cloud;
mod credentials;
mod decide;
mod destinations;
mod lints;
mod profile;
mod settings;
#[cfg(test)]
mod tests;

use credentials::Credentials;
use settings::Settings;

const ID: &str = "claude-code";
const VERSIONS: &[&str] = &["2.1.329", "2.1.120"];
/// The server that every credential goes to unless `ANTHROPIC_BASE_URL` says otherwise.
const BASE_URL: &str = "https://api.anthropic.com";

/// Claude Code.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["claude", "cc"],
    name: "Claude Code",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::destinations,
    switch: destinations::switch,
    restart,
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "/etc/claude-code/managed-settings.json",
        note: "env block and apiKeyHelper; beats all others",
    },
    Looks { place: "./.claude/settings.local.json", note: "env block and apiKeyHelper" },
    Looks {
        place: "./.claude/settings.json",
        note: "env block and apiKeyHelper, also of a project never trusted",
    },
    Looks { place: "~/.claude/settings.json", note: "env block (beats the shell) and apiKeyHelper" },
    Looks { place: "ANTHROPIC_AUTH_TOKEN", note: "as bearer" },
    Looks { place: "ANTHROPIC_API_KEY", note: "as x-api-key; in a terminal only when approved" },
    Looks { place: "CLAUDE_CODE_OAUTH_TOKEN", note: "a login token" },
    Looks { place: "~/.claude/.credentials.json", note: "the claude.ai login; on macOS the Keychain" },
    Looks { place: "~/.claude.json", note: "primaryApiKey of a Console login, and the approved keys" },
    Looks { place: "~/.config/anthropic", note: "a profile shared with the SDKs" },
];

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let settings = Settings::read(world);
    let credentials = Credentials::read(world, &settings);
    let version = common::version(world, "claude", &["@anthropic-ai/claude-code"]);
    let mut slots = slots(context, &settings, &credentials);
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let traces: [PathBuf; 2] = [settings.folder.clone(), settings.state.path.clone()];
    let found = Traces { program: "claude", paths: &traces, variables: &["CLAUDE_CONFIG_DIR"] }.found(world);
    Some(Findings {
        found,
        rules: common::rules("Claude Code", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: settings.troubles().into_iter().chain(settings.state.problem()).collect(),
        lints: agent_lints(context, &settings),
    })
}

/// The slot of the cloud that is switched on, if one is, and the first-party slot, once for each mode where they differ.
fn slots(context: &Context<'_>, settings: &Settings, credentials: &Credentials) -> Vec<Slot> {
    let world = context.world;
    let cloud = cloud::slot(world, settings);
    let mut slots: Vec<Slot> = cloud.into_iter().collect();
    let in_use = slots.is_empty();
    let mut headless = decide::slot(context, settings, credentials, Mode::Headless);
    let mut interactive = decide::slot(context, settings, credentials, Mode::Interactive);
    headless.in_use = in_use;
    interactive.in_use = in_use;
    if common::same_outcome(&headless.outcome, &interactive.outcome) && headless.active == interactive.active
    {
        headless.mode = None;
        slots.push(headless);
    } else {
        slots.extend([headless, interactive]);
    }
    slots
}

fn agent_lints(context: &Context<'_>, settings: &Settings) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (path, _) in settings.troubles() {
        let file = Place::File { file: path }.show(context.world.home());
        lints.push(Lint::warn(
            "settings-ignored",
            format!("Claude Code ignores {file} as a whole, silently: it must be strict JSON"),
        ));
    }
    let backups = settings.folder.join("backups");
    let copies = context.world.list(&backups);
    if copies.iter().any(|name| name.starts_with(".claude.json.backup.")) {
        let place = Place::File { file: backups }.show(context.world.home());
        lints.push(Lint::note(
            "old-copies",
            format!("{place} holds copies of .claude.json, old keys included"),
        ));
    }
    lints
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "Claude Code", "claude", &["@anthropic-ai/claude-code"], slot, None)
}
