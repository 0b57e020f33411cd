//! The variables that LiteLLM has: the process environment, and below it one `.env`, searched upward from the folder
//! where the package is installed, not from the working directory.
//!
//! From LiteLLM 1.106.2 `__init__.py` and python-dotenv's `find_dotenv`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{EnvValue, Layers};
use crate::agents::python;
use crate::formats::dotenv::Expansion;
use crate::source::{Dialect, Place, Source, tilde};
use crate::world::World;

/// The folder of the installed package: of the active virtual environment, else beside the program on `PATH`.
fn package(world: &dyn World) -> Option<PathBuf> {
    let active = world.var_nonempty("VIRTUAL_ENV").map(PathBuf::from);
    let lib = active.map(|root| root.join("lib"));
    let pythons =
        lib.into_iter().flat_map(|lib| world.list(&lib).into_iter().map(move |name| lib.join(name)));
    let active = pythons.map(|python| python.join("site-packages"));
    let dirs = active.chain(python::site_packages(world, "litellm"));
    dirs.map(|dir| dir.join("litellm")).find(|dir| world.exists(dir))
}

/// The `.env` that a start would load.
pub fn dotenv_path(world: &dyn World) -> Option<PathBuf> {
    if world.var("LITELLM_MODE").is_some_and(|mode| mode != "DEV") || python::dotenv_disabled(world) {
        return None;
    }
    let package = package(world)?;
    package.ancestors().map(|dir| dir.join(".env")).find(|file| world.exists(file))
}

/// The variables of a process that would start here.
pub fn of_start(world: &dyn World) -> Layers {
    with_dotenv(world, Layers::of_process(world))
}

/// The variables of the running proxy.
pub fn of_proxy(world: &dyn World, env: &BTreeMap<String, String>, pid: u32) -> Layers {
    let mut layers = Layers::default();
    for (name, value) in env {
        let what = format!("{} in the LiteLLM proxy (pid {pid})", common::printable(name));
        let why = "the running proxy has it since its start".to_owned();
        let place = Place::Sealed { what };
        layers.put(name, EnvValue::new(Source::Process, place, value.as_str(), why));
    }
    with_dotenv(world, layers)
}

/// LiteLLM takes any python-dotenv.
pub fn dialect(world: &dyn World) -> Dialect {
    python::dotenv_dialect(world, "litellm", Dialect::PythonDotenv)
}

fn with_dotenv(world: &dyn World, mut layers: Layers) -> Layers {
    let Some(file) = dotenv_path(world) else { return layers };
    let shown = tilde(&file, world.home());
    let dialect = dialect(world);
    let found = python::dotenv_file(world, &file, dialect, &layers.env(), Expansion::EnvFirst);
    for found in found.unwrap_or_default() {
        let place = python::line_place(&file, dialect, Some(found.line), &found.name);
        let why = format!(
            "{shown} is the nearest above the installed package, and the environment does not set it"
        );
        layers.put_weakest(&found.name, EnvValue::new(Source::Dotenv, place, found.value, why));
    }
    layers
}
