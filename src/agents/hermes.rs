//! Hermes Agent: a credential pool in `auth.json`, `.env` files with two parsers, `config.yaml`, borrowed logins.
//!
//! The rules are those of hermes-agent 0.19.0, the last release on PyPI, as recorded on the wire and as its source
//! states them; each module names the source files it follows. Reading order: [`home`] (profiles) → [`environ`]
//! (variables) → [`config`], [`store`] → [`pool`] → [`runtime`], [`anthropic`], [`endpoint`] (which key) → [`wire`]
//! (which header) → [`choose`] (which provider) → [`slots`].

use crate::agents::{Agent, Context, Findings, Looks, Record, Restart, common};
use crate::resolve::Slot;

mod answer;
mod anthropic;
mod choose;
mod config;
mod custom;
mod destinations;
mod endpoint;
mod environ;
mod home;
mod install;
mod lines;
mod lints;
mod oauth;
mod pool;
mod profile;
mod registry;
mod restart;
mod runtime;
mod sanitise;
mod slots;
mod step;
mod store;
#[cfg(test)]
mod tests;
mod vault;
mod wire;

/// Hermes Agent.
pub const AGENT: Agent = Agent {
    id: slots::AGENT,
    aliases: &["hermes-agent"],
    name: "Hermes Agent",
    record: Record::Rules,
    versions: install::VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::of,
    switch: super::no_switch,
    restart: restart_after,
};

const LOOKS: &[Looks] = &[
    Looks { place: "~/.hermes/auth.json", note: "credential pool, by priority; logins" },
    Looks { place: "~/.hermes/.env", note: "beats the shell; read by two parsers that disagree" },
    Looks { place: "the environment", note: "only where .env does not set the variable" },
    Looks { place: "~/.claude/.credentials.json", note: "Claude Code's login beats ANTHROPIC_API_KEY" },
    Looks { place: "~/.hermes/.anthropic_oauth.json", note: "Hermes' own login at Anthropic" },
    Looks { place: "~/.hermes/config.yaml", note: "provider, base_url; api_key for custom endpoints alone" },
    Looks { place: "~/.hermes/profiles/*/", note: "each profile has its own of all of these" },
    Looks { place: "/etc/hermes/", note: "the administrator's .env and config.yaml" },
    Looks { place: ".env beside the installed package", note: "fills gaps" },
    Looks { place: "~/.qwen/oauth_creds.json", note: "provider qwen-oauth" },
];

#[expect(clippy::unnecessary_wraps, reason = "the hook of an agent, some of which return none")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let homes = home::find(world);
    let install = install::find(world, &homes.root);
    let managed = home::managed(world);
    let traces = common::Traces {
        program: "hermes",
        paths: std::slice::from_ref(&homes.root),
        variables: &["HERMES_HOME", "HERMES_INFERENCE_PROVIDER", "HERMES_MANAGED_DIR"],
    };
    let mut findings = Findings {
        found: traces.found(world),
        version: install.as_ref().and_then(|install| install.version.clone()),
        rules: install::rules(install.as_ref()),
        ..Findings::default()
    };
    let rules = install.as_ref().map_or(profile::Rules::V019, |install| install.rules);
    let shared = environ::Shared::default();
    for home in &homes.all {
        let root = install.as_ref().map(|install| install.root.as_path());
        let profile = profile::Profile::load(world, home, (root, managed.as_deref()), &shared, rules);
        findings.troubles.extend(profile.troubles());
        findings.lints.extend(lints::of_profile(&profile));
        findings.slots.extend(slots::of(&profile, homes.refused.as_deref()));
    }
    findings.troubles.sort_by(|a, b| a.0.cmp(&b.0));
    findings.troubles.dedup();
    lints::stale_clones(&mut findings.slots);
    common::finish(world, &mut findings.slots);
    Some(findings)
}

fn restart_after(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    restart::of(context.world, slot)
}
