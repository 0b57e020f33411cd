//! opencode: configuration, account file and environment of each provider, by its rules recorded from 1.18.33.
//!
//! `options.apiKey` in any configuration beats `auth.json`, which beats the environment; an empty `apiKey` wins too.
//! `./.env` is never read.

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::finding::Lint;
use crate::resolve::Slot;

mod auth;
mod catalog;
mod config;
mod decide;
mod destinations;
#[cfg(test)]
mod tests;

use auth::Accounts;
use config::Config;

const ID: &str = "opencode";
const VERSIONS: &[&str] = &["1.18.33"];

/// opencode.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["opencode-ai"],
    name: "opencode",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::destinations,
    switch: destinations::switch,
    restart,
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

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let config = Config::read(world);
    let accounts = Accounts::read(world);
    let mut slots = decide::slots(world, &config, &accounts);
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "opencode", &["opencode-ai", "opencode"]);
    let traces = [config.global.clone(), accounts.doc.path.clone()];
    let mut lints = Vec::new();
    if slots.iter().all(|slot| !slot.in_use) {
        let message = "no model is configured, and which provider opencode would start with is not on record";
        lints.push(Lint::note("provider-not-known", message));
    }
    Some(Findings {
        found: Traces { program: "opencode", paths: &traces, variables: &["OPENCODE_CONFIG"] }.found(world),
        rules: common::rules("opencode", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: config.troubles().into_iter().chain(accounts.doc.problem()).collect(),
        lints,
    })
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "opencode", "opencode", &["opencode-ai"], slot, None)
}
