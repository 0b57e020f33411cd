//! Qwen Code: key and address of the selected model, field by field, by its rules recorded from 0.24.4.
//!
//! Each field is looked up on its own: a key from the environment can go to an address from the settings. The process
//! environment beats the one `.env` file that is read, which beats the settings' `env` block.

use std::path::{Path, PathBuf};

use crate::agents::common;
use crate::agents::engine::{self, EnvFiles, Package, Presence, Question, Rules};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::resolve::Slot;
use crate::source::{Place, Source, tilde};
use crate::world::{Trouble, World};

mod decide;
mod settings;
#[cfg(test)]
mod tests;

use decide::Protocol;
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
    Looks { place: "./.qwen/.env", note: "the first .env upward, then ~/.qwen/.env, ~/.env; one file only" },
    Looks { place: "~/.qwen/settings.json env", note: "weaker than the environment and .env" },
    Looks { place: "~/.qwen/settings.json security.auth.apiKey", note: "the weakest; deprecated" },
];

/// The files that may be read, in the order of the search.
fn env_files(world: &dyn World, settings: &Settings) -> EnvFiles {
    let home = common::home(world);
    let at_home = [settings.folder.join(".env"), home.join(".qwen/.env"), home.join(".env")];
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in world.cwd().ancestors() {
        if folder == home {
            paths.extend(at_home.clone());
        } else {
            paths.extend([folder.join(".qwen/.env"), folder.join(".env")]);
        }
    }
    paths.extend(at_home.clone());
    let may_be_read = |path: &Path| settings.trusted || at_home.iter().any(|own| own == path);
    let excluded = |path: &Path| {
        let own = path.parent().is_some_and(|folder| folder.ends_with(".qwen"));
        if own { Vec::new() } else { settings.excluded() }
    };
    EnvFiles::read(world, paths, may_be_read, excluded)
}

/// What one scan reads.
struct Qwen<'a> {
    world: &'a dyn World,
    settings: Settings,
    files: EnvFiles,
}

impl<'a> Qwen<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let files = env_files(world, &settings);
        Self { world, settings, files }
    }
}

/// The protocol in use, where it is one that keymend knows.
struct Selected(Option<&'static Protocol>);

impl Rules for Qwen<'_> {
    type Query<'q>
        = Selected
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

    fn queries(&self) -> Vec<Selected> {
        vec![Selected(self.protocol().as_deref().and_then(decide::protocol))]
    }

    fn ask(&self, selected: &Selected) -> Question {
        match selected.0 {
            Some(protocol) => self.with_protocol(protocol),
            None => self.without_protocol(),
        }
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.settings.troubles()
    }

    /// Where the present key is, then the `.env` file that is read.
    fn destinations(&self, selected: &Selected, slot: &Slot) -> Vec<Destination> {
        let stored =
            slot.active_candidate().filter(|one| matches!(one.source, Source::Dotenv | Source::Config));
        let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
        let name = self.key_name(selected.0);
        let own = self.settings.folder.join(".env");
        let file = self.files.file.clone().unwrap_or_else(|| own.clone());
        let place = self.files.destination(&file, &name);
        if all.iter().all(|one| one.place != place) && !matches!(place, Place::Env { .. }) {
            let effect = format!("sets {name} in the one .env file that Qwen Code reads here");
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        // The person's own file, where a project's file is the one that is read here.
        if file != own {
            let read_here = tilde(&file, self.world.home());
            let place = self.files.destination(&own, &name);
            let effect = format!("sets {name} for all other folders; here {read_here} takes precedence");
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        all
    }
}
