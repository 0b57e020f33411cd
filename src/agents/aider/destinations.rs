//! Where a new key for aider can be written, so that it is the one that is sent.

use std::path::{Path, PathBuf};

use super::git_root;
use crate::agents::litellm::wire::Wire;
use crate::agents::{common, python};
use crate::destination::Destination;
use crate::resolve::Slot;
use crate::source::{Format, Place, Pointer, Source};
use crate::world::World;

/// The places where a key is now, then the `.env` files.
pub(super) fn of(world: &dyn World, wire: &Wire, slot: &Slot) -> Vec<Destination> {
    let mut all = Vec::new();
    for candidate in slot.candidates.iter().filter(|c| c.value.secret().is_some()) {
        if let place @ (Place::Field { .. } | Place::Line { .. }) = &candidate.place {
            all.push(Destination {
                place: place.clone(),
                effect: "replaces the key that is here".to_owned(),
                neighbours: Vec::new(),
            });
        }
    }
    all.extend(dedicated(world, wire, slot));
    let variable =
        wire.keys.iter().find(|name| slot.candidates.iter().any(|c| c.name.as_deref() == Some(**name)));
    let variable = variable.or(wire.keys.first()).copied().unwrap_or_default();
    for (file, effect) in dotenv_targets(world) {
        let same = |d: &Destination| matches!(&d.place, Place::Line { file: f, name, .. } if *f == file && name == variable);
        if !all.iter().any(same) {
            let place = python::line_place(&file, super::dialect(world), None, variable);
            all.push(Destination { place, effect: effect.to_owned(), neighbours: Vec::new() });
        }
    }
    all
}

/// `openai-api-key` and `anthropic-api-key` beat everything but a model's own parameters.
fn dedicated(world: &dyn World, wire: &Wire, slot: &Slot) -> Option<Destination> {
    let option = match wire.id {
        "openai" => "openai-api-key",
        "anthropic" => "anthropic-api-key",
        _ => return None,
    };
    let names = |c: &&crate::resolve::Candidate| c.source == Source::Config && c.place.file().is_some();
    let file = slot.active_candidate().filter(names).and_then(|c| c.place.file().map(Path::to_path_buf));
    let file = file.filter(|file| file.ends_with(".aider.conf.yml"));
    let file = file.unwrap_or_else(|| common::home(world).join(".aider.conf.yml"));
    let place = Place::Field { file, format: Format::Yaml, pointer: Pointer::new([option]) };
    let effect = format!("{option} beats every .env and the shell");
    let known = slot.candidates.iter().any(|candidate| candidate.place == place);
    (!known).then_some(Destination { place, effect, neighbours: Vec::new() })
}

fn dotenv_targets(world: &dyn World) -> Vec<(PathBuf, &'static str)> {
    if python::dotenv_disabled(world) {
        return Vec::new();
    }
    let root = git_root(world);
    let mut targets = vec![(common::home(world).join(".env"), "read in every folder, before the shell")];
    let project = root.as_deref().unwrap_or(world.cwd()).join(".env");
    targets.push((project, "read in this project, before ~/.env and the shell; keep the file out of git"));
    targets
}
