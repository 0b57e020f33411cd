//! LiteLLM: the library as a program of your own would use it, and the proxy with its `config.yaml`.
//!
//! Rules from LiteLLM 1.106.2, and from recordings of it.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{self, Layers, Package, Presence, Question, Rules};
use crate::agents::{Agent, Context, Looks, Record, Restart, python};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::Slot;
use crate::source::{Place, Source, tilde};
use crate::world::{Trouble, World};

mod environment;
mod proxy;
mod table;
pub mod wire;

use proxy::{Model, Proxy};
use wire::{Ask, Generation, Wire};

/// LiteLLM.
pub const AGENT: Agent = Agent {
    id: "litellm",
    aliases: &["litellm-proxy"],
    name: "LiteLLM",
    record: Record::Rules,
    versions: &["1.106.2", "1.110.2"],
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
    scan: |context| Some(engine::scan(&AGENT, context, &LiteLlm::read(context.world))),
    destinations: |context, slot| engine::destinations(&LiteLlm::read(context.world), slot),
    switch: super::no_switch,
    restart,
};

/// What one scan reads.
struct LiteLlm<'a> {
    world: &'a dyn World,
    /// The variables of a program that starts here.
    layers: Layers,
    proxy: Option<Proxy<'a>>,
}

/// Who asks: the proxy for one of its models, or a program with the library.
enum Query<'q> {
    Proxy(&'q Proxy<'q>, Model<'q>),
    Library(&'static Wire),
}

impl<'a> LiteLlm<'a> {
    fn read(world: &'a dyn World) -> Self {
        Self { world, layers: environment::of_start(world), proxy: Proxy::find(world) }
    }
}

impl Rules for LiteLlm<'_> {
    type Query<'q>
        = Query<'q>
    where
        Self: 'q;
    const NAMED_BY_ADDRESS: bool = false;

    fn presence(&self) -> Presence<'_> {
        let home = common::home(self.world);
        Presence {
            program: "litellm",
            package: Package::Python("litellm"),
            paths: vec![home.join(".litellm"), home.join(".config/litellm")],
            variables: &["LITELLM_MASTER_KEY", "LITELLM_MODE", "LITELLM_SALT_KEY"],
        }
    }

    fn traces(&self) -> Vec<String> {
        self.proxy.iter().map(|proxy| tilde(&proxy.path, self.world.home())).collect()
    }

    fn queries(&self) -> Vec<Query<'_>> {
        let of_proxy = self
            .proxy
            .iter()
            .flat_map(|proxy| proxy.models().into_iter().map(move |model| Query::Proxy(proxy, model)));
        let shown =
            wire::wires(Generation::V1_106).filter(|wire| wire.common || wire.mentioned(&self.layers));
        of_proxy.chain(shown.map(Query::Library)).collect()
    }

    fn ask(&self, query: &Query<'_>) -> Question {
        match query {
            Query::Proxy(proxy, model) => proxy.ask(model),
            Query::Library(wire) => {
                let ask = Ask {
                    name: "LiteLLM",
                    generation: Generation::V1_106,
                    profile: "default".to_owned(),
                    in_use: false,
                    before: Vec::new(),
                    after: Vec::new(),
                    base: None,
                    before_key: None,
                };
                wire.question(&self.layers, ask)
            }
        }
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        self.proxy.iter().flat_map(Proxy::lints).chain(elsewhere(self.world)).collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.proxy.iter().flat_map(|proxy| proxy.troubles.clone()).collect()
    }

    /// The place that decides now, if it is a file; else the model's own `api_key`, or the `.env` that a start loads.
    fn destinations(&self, query: &Query<'_>, slot: &Slot) -> Vec<Destination> {
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
        let Query::Library(wire) = query else { return all };
        let (Some(file), Some(variable)) = (environment::dotenv_path(self.world), wire.keys.first()) else {
            return all;
        };
        let known = |d: &Destination| matches!(&d.place, Place::Line { name, .. } if name == variable);
        if !all.iter().any(known) {
            let effect = "a new process reads it, if its environment does not set the variable".to_owned();
            let place = python::line_place(&file, environment::dialect(self.world), None, variable);
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        all
    }
}

/// A `.env` in the working directory that a start here does not read.
fn elsewhere(world: &dyn World) -> Option<Lint> {
    let here = world.cwd().join(".env");
    let read = environment::dotenv_path(world);
    let message = "the .env of this folder is not read: LiteLLM looks upward from where it is installed, \
                   except in `python -c` and an interactive Python";
    (world.exists(&here) && read.as_ref() != Some(&here)).then(|| Lint::note("dotenv-not-read", message))
}

/// The proxy reads its file and its variables at its start.
fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    proxy::process(context.world)?;
    common::running(context.world, "LiteLLM proxy", "litellm", &[], slot, None)
}

#[cfg(test)]
mod tests;
