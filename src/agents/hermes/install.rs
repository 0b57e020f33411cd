//! Which version of Hermes is installed and where, read from its files and never by running it.

use std::path::{Path, PathBuf};

use super::profile::Rules;
use crate::agents::common;
use crate::world::World;

/// The versions whose behaviour is known, newest first.
pub const VERSIONS: &[&str] = &["0.19.0"];

/// An installed Hermes.
pub struct Install {
    /// The folder that holds the package: `site-packages` or a git checkout. A `.env` there is read too.
    pub root: PathBuf,
    /// Its version.
    pub version: Option<String>,
    /// Whose order applies.
    pub rules: Rules,
}

/// Finds the installed Hermes: by the executable on `PATH`, the checkout in the home folder, the container's folder.
#[must_use]
pub fn find(world: &dyn World, home: &Path) -> Option<Install> {
    let program = world.executable("hermes");
    let above =
        program.iter().flat_map(|path| path.ancestors().skip(1).take(5)).flat_map(|dir| roots(world, dir));
    let fixed = [home.join("hermes-agent"), PathBuf::from("/opt/hermes")];
    let root = above.chain(fixed).find(|root| world.exists(&root.join("hermes_cli/__init__.py")))?;
    let version = version(world, &root);
    // Newer code keeps the Anthropic order in a module of its own, and its version is above the last release.
    let newer = world.exists(&root.join("agent/anthropic_credentials.py"))
        || version.as_deref().is_some_and(|version| number(version) > number("0.19.0"));
    let rules = if newer { Rules::Newer } else { Rules::V019 };
    Some(Install { root, version, rules })
}

/// The folders below `dir` in which the package may lie.
fn roots(world: &dyn World, dir: &Path) -> Vec<PathBuf> {
    let lib = dir.join("lib");
    let python = world.list(&lib).into_iter().filter(|name| name.starts_with("python3"));
    let mut roots: Vec<PathBuf> = python.map(|name| lib.join(name).join("site-packages")).collect();
    roots.push(dir.join("Lib").join("site-packages"));
    roots.insert(0, dir.to_owned());
    roots
}

fn version(world: &dyn World, root: &Path) -> Option<String> {
    let state = world.text(&root.join("hermes_cli/__init__.py"))?;
    let line = state.text()?.lines().find_map(|line| line.strip_prefix("__version__"))?;
    let value = line.trim_start().strip_prefix('=')?.trim().trim_matches(['"', '\'']);
    Some(common::printable(value)).filter(|value| !value.is_empty())
}

fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Which rules apply and why, in words.
#[must_use]
pub fn rules(install: Option<&Install>) -> String {
    let known = install.and_then(|install| Some((install, install.version.as_deref()?)));
    match known {
        Some((install, version)) if install.rules == Rules::Newer => format!(
            "hermes-agent {version} is installed; the rules recorded from 0.19.0 apply, with the newer order for Anthropic"
        ),
        Some((_, version)) => common::rules("hermes-agent", VERSIONS, Some(version)),
        None => common::rules("hermes-agent", VERSIONS, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn the_version_is_read_beside_the_program() {
        let mut world = MemoryWorld::new("/h").with_file(
            "/v/lib/python3.11/site-packages/hermes_cli/__init__.py",
            "\"\"\"x\"\"\"\n__version__ = \"0.19.0\"\n",
        );
        world.executables.insert("hermes".into(), "/v/bin/hermes".into());
        let install = find(&world, Path::new("/h/.hermes")).unwrap();
        assert_eq!(install.version.as_deref(), Some("0.19.0"));
        assert_eq!(install.rules, Rules::V019);
        assert_eq!(install.root, Path::new("/v/lib/python3.11/site-packages"));
    }

    #[test]
    fn a_newer_checkout_has_the_newer_order() {
        let world = MemoryWorld::new("/h")
            .with_file(".hermes/hermes-agent/hermes_cli/__init__.py", "__version__='0.20.5'");
        let install = find(&world, Path::new("/h/.hermes")).unwrap();
        assert_eq!(install.rules, Rules::Newer);
        assert!(rules(Some(&install)).contains("0.20.5"));
        assert!(find(&MemoryWorld::new("/h"), Path::new("/h/.hermes")).is_none());
    }
}
