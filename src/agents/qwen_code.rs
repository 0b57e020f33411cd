//! Qwen Code: key and address of the selected model, field by field, by its rules recorded from 0.24.4.
//!
//! Each field is looked up on its own: a key from the environment can go to an address from the settings. The process
//! environment beats the one `.env` file that is read, which beats the settings' `env` block.

use std::path::{Path, PathBuf};

use crate::agents::common::{self, EnvFiles, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::destination::Destination;
use crate::resolve::Slot;
use crate::source::{Place, Source};
use crate::world::World;

mod decide;
mod settings;
#[cfg(test)]
mod tests;

use settings::Settings;

const ID: &str = "qwen-code";
const VERSIONS: &[&str] = &["0.24.4"];

/// Qwen Code.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["qwen-cli"],
    name: "Qwen Code",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations,
    switch: super::no_switch,
    restart,
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
    let mut files =
        EnvFiles::read(world, paths, |path| settings.trusted || at_home.iter().any(|own| own == path));
    let plain = |file: &PathBuf| !file.parent().is_some_and(|folder| folder.ends_with(".qwen"));
    if files.file.as_ref().is_some_and(plain) {
        files.exclude(settings.excluded());
    }
    files
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let settings = Settings::read(world);
    let files = env_files(world, &settings);
    let mut slots = decide::slots(world, &settings, &files);
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "qwen", &["@qwen-code/qwen-code"]);
    let traces = [settings.folder.clone()];
    Some(Findings {
        found: Traces { program: "qwen", paths: &traces, variables: &["QWEN_HOME"] }.found(world),
        rules: common::rules("Qwen Code", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: settings.troubles(),
        lints: Vec::new(),
    })
}

/// The places for a new key: where the present one stands, then the `.env` file that is read.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let settings = Settings::read(world);
    let files = env_files(world, &settings);
    let mut all = Vec::new();
    if let Some(active) = slot.active_candidate()
        && matches!(active.source, Source::Dotenv | Source::Config)
    {
        let effect = "replaces the key that is sent now".to_owned();
        all.push(Destination { place: active.place.clone(), effect, neighbours: Vec::new() });
    }
    let name = decide::key_name(world, &settings, &files);
    let file = files.file.clone().unwrap_or_else(|| settings.folder.join(".env"));
    let place = files.destination(world, Path::new(&file), &name);
    if all.iter().all(|one: &Destination| one.place != place) && !matches!(place, Place::Env { .. }) {
        let effect = format!("sets {name} in the one .env file that Qwen Code reads here");
        all.push(Destination { place, effect, neighbours: Vec::new() });
    }
    // The person's own file, where a project's file is the one that is read here.
    let own = settings.folder.join(".env");
    if file != own {
        let read_here = crate::source::tilde(&file, world.home());
        let place = files.destination(world, &own, &name);
        let effect = format!("sets {name} for all other folders; here {read_here} takes precedence");
        all.push(Destination { place, effect, neighbours: Vec::new() });
    }
    all
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "Qwen Code", "qwen", &["@qwen-code/qwen-code"], slot, None)
}
