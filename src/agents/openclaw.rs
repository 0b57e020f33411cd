//! OpenClaw: four storage eras, profiles with order and health, SecretRefs, and two recorded sets of rules
//! (2026.3.13 and 2026.9.6).
//!
//! Reading order: [`era`] says whose rules apply, [`home`] and [`config`] where things are, [`env`] what the
//! environment ends up as, [`store`] which profiles there are, [`order`] which come in question, [`auth`] the chain,
//! [`wire`] the request, [`change`] where a new key goes.

use serde_json::Value as Json;

use super::{Agent, Context, Findings, Looks, Record};
use crate::source::{Place, tilde};
use crate::world::World;

mod auth;
mod change;
mod config;
mod credential;
mod env;
mod era;
mod home;
mod lints;
mod order;
mod providers;
mod roster;
mod secret_ref;
mod service;
mod slots;
mod steps;
mod store;
mod weaker;
mod wire;

#[cfg(test)]
mod tests;

use config::Config;
use env::Environment;
use era::{Era, Generation, Rules};
use home::Install;
use providers::Plugins;

/// OpenClaw.
pub const AGENT: Agent = Agent {
    id: "openclaw",
    aliases: &["claw", "clawdbot", "moltbot"],
    name: "OpenClaw",
    record: Record::Rules,
    versions: &["2026.9.6", "2026.3.13"],
    looks: LOOKS,
    scan,
    destinations: change::destinations,
    switch: change::switch,
    restart: service::restart,
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "models.providers.<id>.apiKey in ~/.openclaw/openclaw.json",
        note: "2026.9.6: a profile's name there binds it; a ${VAR} or SecretRef switches profiles off",
    },
    Looks {
        place: "~/.openclaw/state/openclaw.sqlite, agents/<id>/agent/openclaw-agent.sqlite",
        note: "profiles from 2026.6 on, in their order, without those that wait",
    },
    Looks {
        place: "~/.openclaw/agents/<id>/agent/auth-profiles.json",
        note: "profiles up to 2026.5; later it stops the agent",
    },
    Looks { place: "the process environment", note: "only if no stored profile is used" },
    Looks {
        place: "./.env, ~/.openclaw/.env, ~/.config/openclaw/gateway.env",
        note: "fill what is not set, not even empty",
    },
    Looks { place: "env.vars in openclaw.json, the login shell", note: "fill what is still missing" },
    Looks {
        place: "models.providers.<id>.headers and request.auth",
        note: "replace the header or send a second key",
    },
];

/// One OpenClaw under one set of rules.
pub(super) struct Site<'a> {
    world: &'a dyn World,
    install: &'a Install,
    config: &'a Config,
    env: Environment,
    rules: Rules,
    era: Era,
    plugins: Plugins,
}

impl<'a> Site<'a> {
    fn new(
        world: &'a dyn World,
        install: &'a Install,
        config: &'a Config,
        (rules, era): (Rules, Era),
    ) -> Self {
        let env = Environment::load(world, install, config, rules);
        let mut site = Self { world, install, config, env, rules, era, plugins: Plugins::default() };
        let index = store::machine_row(&site, "plugins.installedIndex");
        site.plugins = Plugins::new(index.as_ref(), config.get(&["plugins", "allow"]));
        site
    }

    /// The folder of an agent's stores.
    fn agent_dir(&self, agent: &str) -> std::path::PathBuf {
        roster::entry(self.config, agent).and_then(|entry| text(entry, "agentDir")).map_or_else(
            || self.install.agent_dir(agent),
            |dir| self.install.expand(&self.env.substitute(dir)),
        )
    }

    /// The name of a provider's entry as the configuration writes it.
    fn provider_key(&self, provider: &str) -> Option<&str> {
        let entries = self.config.object(&["models", "providers"])?;
        let exact = entries.keys().find(|key| *key == provider);
        let alike = || entries.keys().find(|key| providers::normalise(self.rules, key) == provider);
        exact.or_else(alike).map(String::as_str)
    }

    /// A member of a provider's entry.
    fn provider_value(&self, provider: &str, member: &str) -> Option<&Json> {
        self.config.get(&["models", "providers", self.provider_key(provider)?, member])
    }

    /// The place of a member of a provider's entry.
    fn provider_place(&self, provider: &str, member: &str) -> Place {
        let key = self.provider_key(provider).unwrap_or(provider);
        self.config.place(&["models", "providers", key, member])
    }

    /// The recorded version in words.
    fn called(&self) -> &'static str {
        match self.rules {
            Rules::Old => "OpenClaw 2026.3",
            Rules::New => "OpenClaw 2026.9",
        }
    }
}

/// The model that a slot is asked for.
#[derive(Clone, Debug)]
struct Model<'a> {
    /// OpenClaw's name of the provider.
    provider: &'a str,
    /// The model's name, where one is configured.
    name: Option<&'a str>,
    /// The provider's entry in the agent's generated `models.json`.
    generated: Option<&'a Json>,
    /// Why the answer is in doubt for this model.
    doubt: Option<String>,
}

/// A member of an object that is a text.
fn text<'a>(value: &'a Json, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

/// Text of a file as it may be in a message: without control characters, and not without end.
pub(super) fn clean(text: &str) -> String {
    let shown: String =
        text.chars().filter(|c| !c.is_control() && !crate::secret::is_invisible(*c)).take(120).collect();
    shown
}

/// One OpenClaw with the rules to ask.
struct Found {
    install: Install,
    config: Config,
    generation: Generation,
}

/// The OpenClaws of a world.
fn look(world: &dyn World) -> Vec<Found> {
    home::installs(world)
        .into_iter()
        .map(|install| {
            let config = Config::load(world, &install);
            let generation = era::judge(world, &install, &config);
            Found { install, config, generation }
        })
        .collect()
}

fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let all = look(world);
    let first = all.first()?;
    let mut findings = Findings {
        found: traces(world, &all),
        version: first.generation.installed.as_deref().map(clean),
        rules: first.generation.why.clone(),
        ..Findings::default()
    };
    for found in &all {
        let sites: Vec<Site<'_>> = found
            .generation
            .cases
            .iter()
            .map(|case| Site::new(world, &found.install, &found.config, *case))
            .collect();
        findings.slots.extend(slots::all(&sites, &found.generation, context.catalogue));
        findings.lints.extend(lints::of_install(&sites, &found.generation));
        findings.troubles.extend(found.config.trouble.clone());
        findings.troubles.extend(lints::unreadable_stores(&sites));
    }
    findings.slots.sort_by_key(|slot| !slot.in_use);
    Some(findings)
}

/// How OpenClaw was noticed.
fn traces(world: &dyn World, all: &[Found]) -> Vec<String> {
    let program = world.executable("openclaw").map(|path| tilde(&path, world.home()));
    let folders = all.iter().filter(|found| home::is_state_dir(world, &found.install.state));
    program.into_iter().chain(folders.map(|found| tilde(&found.install.state, world.home()))).collect()
}
