//! Qwen Code: key and address of the selected model, field by field, by its rules recorded from 0.24.4.
//!
//! Each field is looked up on its own: a key from the environment can go to an address from the settings. The process
//! environment beats the project's nearest `.env` file, which beats those at home, which beat the settings' `env` block.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{self, Package, Presence, Question, Rules};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::resolve::Slot;
use crate::source::{Source, tilde};
use crate::world::{Trouble, World};

mod decide;
mod environment;
mod models;
mod protocol;
mod settings;
#[cfg(test)]
mod tests;

use decide::Start;
use environment::Environment;
use settings::Settings;

/// Qwen Code.
pub const AGENT: Agent = Agent {
    id: "qwen-code",
    aliases: &["qwen-cli"],
    name: "Qwen Code",
    record: Record::Rules,
    versions: &["0.24.4"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Qwen::read(context.world))),
    destinations: |context, slot| engine::destinations(&Qwen::read(context.world), slot),
    switch: super::no_switch,
    restart: |context, slot| {
        common::running(context.world, "Qwen Code", "qwen", &["@qwen-code/qwen-code"], slot, None)
    },
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "~/.qwen/settings.json",
        note: "modelProviders name the variable (envKey) and the address",
    },
    Looks {
        place: "OPENAI_API_KEY",
        note: "also where envKey is not set; then it goes to the model's address",
    },
    Looks {
        place: "./.qwen/.env",
        note: "the nearest .env upward; what it does not set, ~/.qwen/.env and then ~/.env",
    },
    Looks { place: "~/.qwen/settings.json env", note: "weaker than the environment and .env" },
    Looks { place: "~/.qwen/settings.json security.auth.apiKey", note: "the weakest; deprecated" },
];

/// What one scan reads.
struct Qwen<'a> {
    world: &'a dyn World,
    settings: Settings,
    env: Environment,
}

impl<'a> Qwen<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let env = Environment::read(world, &settings);
        Self { world, settings, env }
    }
}

impl Rules for Qwen<'_> {
    type Query<'q>
        = Start
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "qwen",
            package: Package::Node(&["@qwen-code/qwen-code"]),
            paths: vec![self.settings.folder.clone()],
            variables: &["QWEN_HOME"],
        }
    }

    fn queries(&self) -> Vec<Start> {
        vec![self.start()]
    }

    fn ask(&self, start: &Start) -> Question {
        match start {
            Start::With(protocol) => self.with_protocol(protocol),
            _ => self.without_protocol(start),
        }
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.settings.troubles()
    }

    /// Where the present key is, then the `.env` file of the project, then the person's own.
    fn destinations(&self, start: &Start, slot: &Slot) -> Vec<Destination> {
        let stored =
            slot.active_candidate().filter(|one| matches!(one.source, Source::Dotenv | Source::Config));
        let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
        let name = self.key_name(start);
        let own = self.settings.folder.join(".env");
        let first = self.env.project.clone().unwrap_or_else(|| own.clone());
        let place = self.env.destination(&first, &name);
        if all.iter().all(|one| one.place != place) {
            let effect = format!("sets {name} in the first .env file that Qwen Code reads here");
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        if first != own {
            let read_here = tilde(&first, self.world.home());
            let place = self.env.destination(&own, &name);
            let effect = format!("sets {name} for all folders; {read_here} takes precedence here");
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        if !matches!(start, Start::With(_)) {
            let protocol = decide::to_choose(&self.settings);
            for one in &mut all {
                one.neighbours.push(protocol.clone());
            }
        }
        all
    }
}
