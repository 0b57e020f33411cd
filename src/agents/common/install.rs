//! Whether an agent is there and which version, read from what is installed, never by running it.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::source::tilde;
use crate::world::World;

/// How an agent's presence is noticed.
pub struct Traces<'a> {
    /// The name of its executable; empty where that is no trace.
    pub program: &'a str,
    /// Its own files and folders.
    pub paths: &'a [PathBuf],
    /// Variables that only this agent has.
    pub variables: &'a [&'a str],
}

impl Traces<'_> {
    /// What there is of them, in words.
    #[must_use]
    pub fn found(&self, world: &dyn World) -> Vec<String> {
        let program =
            Some(self.program).filter(|name| !name.is_empty()).and_then(|name| world.executable(name));
        let program = program.map(|path| format!("program {}", tilde(&path, world.home())));
        let paths = self.paths.iter().filter(|path| world.exists(path));
        let paths = paths.map(|path| tilde(path, world.home()));
        let set = self.variables.iter().filter(|name| world.var(name).is_some());
        program.into_iter().chain(paths).chain(set.map(|name| format!("variable {name}"))).collect()
    }
}

/// The installed version of `program`: from the `package.json` above its executable if it is one of `packages`, else
/// from a version in the path itself (`…/versions/2.1.329`, `…/Cellar/codex/0.169.0/bin/codex`).
#[must_use]
pub fn version(world: &dyn World, program: &str, packages: &[&str]) -> Option<String> {
    let path = world.executable(program)?;
    path.ancestors().skip(1).take(6).find_map(|dir| package_version(world, dir, packages)).or_else(|| {
        path.iter().rev().find_map(|part| part.to_str().filter(|part| is_version(part)).map(str::to_owned))
    })
}

fn package_version(world: &dyn World, dir: &Path, packages: &[&str]) -> Option<String> {
    let state = world.text(&dir.join("package.json"))?;
    let package: Json = serde_json::from_str(state.text()?).ok()?;
    let name = package.get("name")?.as_str()?;
    // A platform's own binary package is named after the main one: `@openai/codex-linux-x64`.
    packages
        .iter()
        .any(|known| name == *known || name.starts_with(&format!("{known}-")))
        .then(|| package.get("version").and_then(Json::as_str).map(super::printable))?
}

fn is_version(part: &str) -> bool {
    let part = part.strip_prefix('v').unwrap_or(part);
    let mut numbers = part.split('.');
    part.split('.').count() == 3
        && numbers.all(|n| !n.is_empty() && n.len() <= 6 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Which recorded rules apply and why, in words. `recorded` is newest first.
#[must_use]
pub fn rules(agent: &str, recorded: &[&str], installed: Option<&str>) -> String {
    let newest = recorded.first().copied().unwrap_or("unknown");
    match installed {
        None => format!("installed version not known; rules recorded from {agent} {newest} apply"),
        Some(version) if recorded.contains(&version) => format!("recorded from {agent} {version} itself"),
        Some(version) => format!("{agent} {version} is installed; rules recorded from {newest} apply"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn with_program(path: &str) -> MemoryWorld {
        let mut world = MemoryWorld::new("/h");
        world.executables.insert("codex".into(), path.into());
        world
    }

    #[test]
    fn the_version_comes_from_the_package_or_from_the_path() {
        let world = with_program("/u/lib/node_modules/@openai/codex/bin/codex.js").with_file(
            "/u/lib/node_modules/@openai/codex/package.json",
            "{\"name\":\"@openai/codex\",\"version\":\"0.169.0\"}",
        );
        assert_eq!(version(&world, "codex", &["@openai/codex"]).as_deref(), Some("0.169.0"));
        let world = with_program("/opt/Cellar/codex/0.170.1/bin/codex");
        assert_eq!(version(&world, "codex", &["@openai/codex"]).as_deref(), Some("0.170.1"));
        assert_eq!(version(&with_program("/usr/bin/codex"), "codex", &[]), None);
    }
}
