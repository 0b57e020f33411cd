//! LiteLLM: the library as a program of one's own would use it, and the proxy with its `config.yaml`.
//!
//! Rules from LiteLLM 1.106.2, and from recordings of it.

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart, python};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::Slot;
use crate::source::{Place, Source, tilde};
use crate::world::World;

mod environment;
mod proxy;
pub mod wire;

use proxy::Proxy;
use wire::{Ask, Generation, WIRES, Wire};

const ID: &str = "litellm";

/// LiteLLM.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["litellm-proxy"],
    name: "LiteLLM",
    record: Record::Rules,
    versions: &["1.106.2"],
    looks: &[
        Looks {
            place: "config.yaml of the proxy",
            note: "api_key, os.environ/NAME, credential_list, litellm_settings",
        },
        Looks {
            place: "environment_variables of config.yaml",
            note: "beats the shell; not seen by os.environ/NAME",
        },
        Looks {
            place: "OPENROUTER_API_KEY, OPENAI_API_KEY, …",
            note: "a program's own api_key= comes before",
        },
        Looks { place: ".env", note: "the nearest above the installed package; the environment wins" },
    ],
    scan,
    destinations,
    switch: super::no_switch,
    restart,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let layers = environment::of_start(world);
    let shown = |wire: &&Wire| wire.common || wire.mentioned(&layers);
    let library = |wire: &Wire| {
        wire.slot(
            &layers,
            Ask {
                agent: ID,
                name: "LiteLLM",
                generation: Generation::V1_106,
                profile: "default".to_owned(),
                in_use: false,
                before: Vec::new(),
                after: Vec::new(),
                base: None,
                before_key: None,
            },
        )
    };
    let proxy = Proxy::find(world);
    let mut slots: Vec<Slot> = proxy.iter().flat_map(Proxy::slots).collect();
    slots.extend(WIRES.iter().filter(shown).map(library));
    slots.sort_by_key(|slot| !slot.in_use);
    common::finish(world, &mut slots);
    let version = python::version(world, "litellm", "litellm");
    let paths = [common::home(world).join(".litellm"), common::home(world).join(".config/litellm")];
    let variables = ["LITELLM_MASTER_KEY", "LITELLM_MODE", "LITELLM_SALT_KEY"];
    let mut found = Traces { program: "litellm", paths: &paths, variables: &variables }.found(world);
    found.extend(proxy.iter().map(|proxy| tilde(&proxy.path, world.home())));
    Some(Findings {
        found,
        rules: common::rules("LiteLLM", AGENT.versions, version.as_deref()),
        version,
        slots,
        troubles: proxy.iter().flat_map(|proxy| proxy.troubles.clone()).collect(),
        lints: proxy.iter().flat_map(Proxy::lints).chain(elsewhere(world)).collect(),
    })
}

/// A `.env` in the working directory that a start here does not read.
fn elsewhere(world: &dyn World) -> Option<Lint> {
    let here = world.cwd().join(".env");
    let read = environment::dotenv_path(world);
    let message = "the .env of this folder is not read: LiteLLM looks upward from where it is installed, \
                   except in `python -c` and an interactive Python";
    (world.exists(&here) && read.as_ref() != Some(&here)).then(|| Lint::note("dotenv-not-read", message))
}

/// The place that decides now, if it is a file; else the model's own `api_key`, or the `.env` that a start loads.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let mut all: Vec<Destination> = Vec::new();
    let candidates = slot.candidates.iter().filter(|candidate| candidate.place.file().is_some());
    for candidate in candidates.filter(|candidate| candidate.value.secret().is_some()) {
        let effect = match candidate.source {
            Source::Config => "replaces the key in the proxy's file; the proxy reads it at its start",
            _ => {
                "replaces the key in the .env; a new process reads it, if its environment does not set the variable"
            }
        };
        let (place, effect) = (candidate.place.clone(), effect.to_owned());
        all.push(Destination { place, effect, neighbours: Vec::new() });
    }
    let variable = wire::wire(&slot.agent_provider).and_then(|wire| wire.keys.first());
    if let (Some(file), Some(variable), "default") =
        (environment::dotenv_path(world), variable, slot.profile.as_str())
    {
        let known = |d: &Destination| matches!(&d.place, Place::Line { name, .. } if name == variable);
        if !all.iter().any(known) {
            let effect = "a new process reads it, if its environment does not set the variable".to_owned();
            all.push(Destination {
                place: python::line_place(&file, None, variable),
                effect,
                neighbours: Vec::new(),
            });
        }
    }
    all
}

/// The proxy reads its file and its variables at its start.
fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    proxy::process(context.world)?;
    common::running(context.world, "LiteLLM proxy", "litellm", &[], slot, None)
}

#[cfg(test)]
mod tests;
