//! opencode: configuration, account file and environment of each provider, by its rules recorded from 1.18.33.
//!
//! `options.apiKey` in any configuration beats `auth.json`, which beats the environment; an empty `apiKey` wins too.
//! `./.env` is never read.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{self, Package, Presence, Question, Rules};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::Slot;
use crate::world::{Trouble, World};

mod auth;
mod catalog;
mod config;
mod decide;
mod destinations;
#[cfg(test)]
mod tests;

use auth::Accounts;
use config::Config;

/// opencode.
pub const AGENT: Agent = Agent {
    id: "opencode",
    aliases: &["opencode-ai"],
    name: "opencode",
    record: Record::Rules,
    versions: &["1.18.33"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Opencode::read(context.world))),
    destinations: |context, slot| engine::destinations(&Opencode::read(context.world), slot),
    switch: destinations::switch,
    restart: |context, slot| {
        common::running(context.world, "opencode", "opencode", &["opencode-ai"], slot, None)
    },
};

const LOOKS: &[Looks] = &[
    Looks { place: "/etc/opencode/opencode.json", note: "beats all others" },
    Looks { place: "OPENCODE_CONFIG_CONTENT", note: "a configuration in a variable" },
    Looks {
        place: "./.opencode/opencode.json",
        note: "options.apiKey, also ~/.opencode and OPENCODE_CONFIG_DIR",
    },
    Looks {
        place: "./opencode.json",
        note: "up to the repository's root; {env:NAME} and {file:path} are resolved",
    },
    Looks { place: "~/.config/opencode/opencode.json", note: "options.apiKey, baseURL, headers" },
    Looks {
        place: "~/.local/share/opencode/auth.json",
        note: "keys and logins; OPENCODE_AUTH_CONTENT replaces it",
    },
    Looks { place: "ANTHROPIC_API_KEY", note: "and the variables of the other providers; the weakest" },
];

/// What one scan reads.
struct Opencode<'a> {
    world: &'a dyn World,
    config: Config,
    accounts: Accounts,
    /// The provider that a start without `--model` uses, where that is certain.
    in_use: Option<String>,
}

impl<'a> Opencode<'a> {
    fn read(world: &'a dyn World) -> Self {
        let (config, accounts) = (Config::read(world), Accounts::read(world));
        let in_use = decide::in_use(world, &config, &accounts);
        Self { world, config, accounts, in_use }
    }
}

impl Rules for Opencode<'_> {
    type Query<'q>
        = String
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "opencode",
            package: Package::Node(&["opencode-ai", "opencode"]),
            paths: vec![self.config.global.clone(), self.accounts.doc.path.clone()],
            variables: &["OPENCODE_CONFIG"],
        }
    }

    fn queries(&self) -> Vec<String> {
        self.providers()
    }

    fn ask(&self, id: &String) -> Question {
        decide::ask(self, id)
    }

    fn agent_lints(&self, slots: &[Slot]) -> Vec<Lint> {
        let message = "no model is configured, and which provider opencode would start with is unknown";
        let lint = || Lint::note("provider-not-known", message);
        slots.iter().all(|slot| !slot.in_use).then(lint).into_iter().collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.config.troubles().into_iter().chain(self.accounts.doc.problem()).collect()
    }

    fn destinations(&self, id: &String, slot: &Slot) -> Vec<Destination> {
        destinations::of(self, id, slot)
    }
}
