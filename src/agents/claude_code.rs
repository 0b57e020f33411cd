//! Claude Code: which of its many credentials leave, by its rules recorded from 2.1.329 and 2.1.120.
//!
//! A settings file's `env` block is laid over the process environment before anything is looked up, so that a key there
//! beats an exported one. Print mode (`-p`, scripts, the SDK) always takes `ANTHROPIC_API_KEY`; a session in a terminal
//! takes it only once the person has approved it. Outside of a pure login two credentials can leave together, one in
//! `x-api-key` and one as bearer.

use std::path::{Path, PathBuf};

use crate::agents::common::{self, Doc};
use crate::agents::engine::{self, Package, Presence, Question, Rules};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Mode, Slot};
use crate::source::Place;
use crate::world::{Trouble, World};

mod cloud;
mod credentials;
mod decide;
mod destinations;
mod fields;
mod headers;
mod hooks;
mod lints;
mod profile;
mod repository;
mod settings;
#[cfg(test)]
mod tests;
mod value;

use cloud::Cloud;
use credentials::Credentials;
use settings::{Settings, Tier, Whose};

/// The server that every credential goes to unless `ANTHROPIC_BASE_URL` says otherwise.
const BASE_URL: &str = "https://api.anthropic.com";

/// Claude Code.
pub const AGENT: Agent = Agent {
    id: "claude-code",
    aliases: &["claude", "cc"],
    name: "Claude Code",
    record: Record::Rules,
    versions: &["2.1.329", "2.1.120"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Claude::read(context.world))),
    destinations: |context, slot| engine::destinations(&Claude::read(context.world), slot),
    switch: destinations::switch,
    restart: |context, slot| {
        common::running(context.world, "Claude Code", "claude", &["@anthropic-ai/claude-code"], slot, None)
    },
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "/etc/claude-code/managed-settings.json",
        note: "env block and apiKeyHelper; beats all others",
    },
    Looks {
        place: ".claude/settings.local.json of the repository's root",
        note: "env block and apiKeyHelper; beats the next one",
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

/// What one scan reads.
struct Claude<'a> {
    world: &'a dyn World,
    settings: Settings,
    credentials: Credentials,
    /// The cloud that is switched on.
    cloud: Option<&'static Cloud>,
}

/// Whom a request goes to.
enum Server {
    /// Somebody else's cloud.
    Cloud(&'static Cloud),
    /// Anthropic, or the server that takes its place, by how Claude Code is run.
    Anthropic(Mode),
}

impl<'a> Claude<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let credentials = Credentials::read(world, &settings);
        let cloud = cloud::switched_on(world, &settings);
        Self { world, settings, credentials, cloud }
    }
}

impl Rules for Claude<'_> {
    type Query<'q>
        = Server
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "claude",
            package: Package::Node(&["@anthropic-ai/claude-code"]),
            paths: vec![self.settings.folder.clone(), self.settings.state.path.clone()],
            variables: &["CLAUDE_CONFIG_DIR"],
        }
    }

    fn queries(&self) -> Vec<Server> {
        let modes = [Mode::Headless, Mode::Interactive].map(Server::Anthropic);
        self.cloud.map(Server::Cloud).into_iter().chain(modes).collect()
    }

    fn ask(&self, server: &Server) -> Question {
        match server {
            Server::Cloud(cloud) => cloud.ask(self),
            Server::Anthropic(mode) => decide::ask(self, *mode),
        }
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        agent_lints(self.world, &self.settings)
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        let docs = self
            .settings
            .broken
            .iter()
            .map(|tier| &tier.doc)
            .chain([&self.settings.state, &self.credentials.file]);
        docs.filter_map(Doc::problem).collect()
    }

    fn destinations(&self, _: &Server, slot: &Slot) -> Vec<Destination> {
        destinations::of(self.world, &self.settings, slot)
    }
}

fn agent_lints(world: &dyn World, settings: &Settings) -> Vec<Lint> {
    let mut lints = Vec::new();
    let shown = |path: &Path| Place::File { file: path.to_path_buf() }.show(world.home());
    let ignored = |tier: &Tier| tier.whose != Whose::Managed;
    for tier in settings.broken.iter().filter(|tier| ignored(tier)) {
        let file = shown(&tier.doc.path);
        lints.push(Lint::warn(
            "settings-ignored",
            format!("Claude Code ignores {file} as a whole, silently: it must be strict JSON"),
        ));
    }
    for (tier, fault) in settings.refused.iter().filter(|(tier, _)| ignored(tier)) {
        let (file, fault) = (shown(&tier.doc.path), fault.words());
        lints.push(Lint::warn(
            "settings-ignored",
            format!("Claude Code ignores {file} as a whole, silently: {fault}; mend that or take it out"),
        ));
    }
    let backups = settings.folder.join("backups");
    let copies = world.list(&backups);
    if copies.iter().any(|name| name.starts_with(".claude.json.backup.")) {
        let place = shown(&backups);
        lints.push(Lint::note(
            "old-copies",
            format!("{place} holds copies of .claude.json, old keys included"),
        ));
    }
    lints
}
