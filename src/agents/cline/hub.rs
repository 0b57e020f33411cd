//! The environment that Cline's requests are made with: this shell and the folder's `.env`, or, while it lives, the
//! hub's own.

use crate::agents::common;
use crate::agents::engine::{EnvValue, Layers};
use crate::agents::python::dotenv_file_as;
use crate::source::{Dialect, Place, Source, tilde};
use crate::world::{Process, World};

/// The detached process that makes the model calls (`--cline-hub-daemon`).
pub fn process(world: &dyn World) -> Option<Process> {
    let marked = |process: &Process| process.args.iter().any(|arg| arg == "--cline-hub-daemon");
    world.processes("cline-hub-daemon").into_iter().find(marked)
}

/// The variables that a first start here would have: the shell, then `.env.local`, then `.env` of this folder alone.
pub fn of_start(world: &dyn World) -> Layers {
    let mut layers = Layers::of_process(world);
    for name in [".env.local", ".env"] {
        let file = world.cwd().join(name);
        let shown = tilde(&file, world.home());
        let found = dotenv_file_as(world, Dialect::Bun, &file, world.env()).unwrap_or_default();
        for found in found {
            let place = Place::Line {
                file: file.clone(),
                line: Some(found.line),
                name: found.name.clone(),
                dialect: Dialect::Bun,
            };
            let why = format!("{shown} of this folder is read, and the shell does not set the variable");
            let layer = EnvValue::new(Source::Dotenv, place, found.value, why);
            layers.put_weakest(&found.name, layer);
        }
    }
    layers
}

/// The variables of a living hub, where they can be read: they alone count.
pub fn of_hub(hub: &Process) -> Option<Layers> {
    let mut layers = Layers::default();
    for (name, value) in hub.env.as_ref()? {
        let what = format!("{} in the Cline hub (pid {})", common::printable(name), hub.pid);
        let why = "the running hub makes the requests, with the variables of its own start";
        let layer = EnvValue::new(Source::Process, Place::Sealed { what }, value.as_str(), why);
        layers.put(name, layer);
    }
    Some(layers)
}
