//! Where one OpenClaw keeps its things: the state folder and what is in it, for the default identity and for each
//! named profile (`--profile NAME`).

use std::path::{Path, PathBuf};

use crate::world::World;

/// One OpenClaw: a state folder with its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Install {
    /// The named OpenClaw profile; none for the default one.
    pub name: Option<String>,
    /// The state folder.
    pub state: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// `~/.config/openclaw/gateway.env`, which is read with the default state folder only.
    pub gateway_env: Option<PathBuf>,
    /// `OPENCLAW_AGENT_DIR`, for the main agent.
    pub main_agent_dir: Option<PathBuf>,
    /// The folder of the legacy `oauth.json`.
    pub oauth_dir: PathBuf,
    /// The home folder that `~` means.
    pub home: PathBuf,
}

impl Install {
    /// The shared state database of 2026.8 and later.
    pub(super) fn state_db(&self) -> PathBuf {
        self.state.join("state").join("openclaw.sqlite")
    }

    /// The folder of an agent's stores, unless the configuration moves it.
    pub(super) fn agent_dir(&self, agent: &str) -> PathBuf {
        match &self.main_agent_dir {
            Some(dir) if agent == "main" => dir.clone(),
            _ => self.state.join("agents").join(agent).join("agent"),
        }
    }

    /// `path` with a leading `~` as this OpenClaw expands it.
    pub(super) fn expand(&self, path: &str) -> PathBuf {
        expand(&self.home, path)
    }

    /// How the slot names an agent of this OpenClaw: `main`, `dev1/main`.
    pub(super) fn profile_of(&self, agent: &str) -> String {
        match &self.name {
            Some(name) => format!("{name}/{agent}"),
            None => agent.to_owned(),
        }
    }
}

fn expand(home: &Path, path: &str) -> PathBuf {
    match path.trim() {
        "~" => home.to_owned(),
        path => path.strip_prefix("~/").map_or_else(|| home.join(path), |rest| home.join(rest)),
    }
}

/// The OpenClaws of this world: the one that a plain `openclaw` uses first, then those of the other named profiles.
pub(super) fn installs(world: &dyn World) -> Vec<Install> {
    let Some(home) = home_of(world) else { return Vec::new() };
    if world.var_nonempty("OPENCLAW_STATE_DIR").is_some() {
        return vec![active(world, &home)];
    }
    let mut found = vec![active(world, &home)];
    let named = world.list(&home).into_iter().filter_map(|name| named_dir(&name));
    for name in std::iter::once(None).chain(named.map(Some)) {
        let dir =
            home.join(name.as_ref().map_or_else(|| ".openclaw".to_owned(), |n| format!(".openclaw-{n}")));
        let known = found.iter().any(|install| install.state == dir);
        if !known && is_state_dir(world, &dir) {
            found.push(install(world, &home, name, dir, false));
        }
    }
    found
}

/// Whether a folder looks like a state folder rather than a stray copy.
pub(super) fn is_state_dir(world: &dyn World, dir: &Path) -> bool {
    ["openclaw.json", "state/openclaw.sqlite", "agents", ".env", "credentials"]
        .iter()
        .any(|name| world.exists(&dir.join(name)))
}

fn named_dir(name: &str) -> Option<String> {
    let name = name.strip_prefix(".openclaw-")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

/// `OPENCLAW_HOME`, else the home folder.
fn home_of(world: &dyn World) -> Option<PathBuf> {
    match (world.var_nonempty("OPENCLAW_HOME"), world.home()) {
        (Some(own), Some(home)) => Some(expand(home, own)),
        (Some(own), None) => Some(PathBuf::from(own)),
        (None, home) => home.map(Path::to_owned),
    }
}

/// The one that a plain `openclaw` uses.
fn active(world: &dyn World, home: &Path) -> Install {
    let name = world
        .var_nonempty("OPENCLAW_PROFILE")
        .map(str::trim)
        .filter(|name| !name.eq_ignore_ascii_case("default"));
    let dir = match (world.var_nonempty("OPENCLAW_STATE_DIR"), name) {
        (Some(dir), _) => expand(home, dir),
        (None, Some(name)) => home.join(format!(".openclaw-{name}")),
        (None, None) => home.join(".openclaw"),
    };
    install(world, home, name.map(ToOwned::to_owned), dir, true)
}

/// `active`: the variables that name single files apply to what a plain `openclaw` uses, not to other profiles.
fn install(world: &dyn World, home: &Path, name: Option<String>, state: PathBuf, active: bool) -> Install {
    let var = |name: &str| world.var_nonempty(name).filter(|_| active).map(|path| expand(home, path));
    let default_state = state == home.join(".openclaw");
    Install {
        config: var("OPENCLAW_CONFIG_PATH").unwrap_or_else(|| state.join("openclaw.json")),
        gateway_env: default_state.then(|| home.join(".config/openclaw/gateway.env")),
        main_agent_dir: var("OPENCLAW_AGENT_DIR"),
        oauth_dir: var("OPENCLAW_OAUTH_DIR").unwrap_or_else(|| state.join("credentials")),
        home: home.to_owned(),
        name,
        state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn named_profiles_stand_beside_the_default_one() {
        let world = MemoryWorld::new("/h")
            .with_file(".openclaw/openclaw.json", "{}")
            .with_file(".openclaw-dev1/openclaw.json", "{}")
            .with_file(".openclaw-old copy/openclaw.json", "{}");
        let names: Vec<_> = installs(&world).into_iter().map(|install| install.name).collect();
        assert_eq!(names, [None, Some("dev1".to_owned())]);
    }

    #[test]
    fn a_state_dir_in_the_environment_moves_everything() {
        let world = MemoryWorld::new("/h")
            .with_var("OPENCLAW_STATE_DIR", "~/alt")
            .with_file(".openclaw/openclaw.json", "{}");
        let found = installs(&world);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].config, Path::new("/h/alt/openclaw.json"));
        assert_eq!(found[0].gateway_env, None);
    }

    #[test]
    fn a_profile_in_the_environment_is_the_one_that_a_plain_start_uses() {
        let world =
            MemoryWorld::new("/h").with_var("OPENCLAW_PROFILE", "dev1").with_file(".openclaw/.env", "");
        let found = installs(&world);
        assert_eq!(found[0].profile_of("main"), "dev1/main");
        assert_eq!(found[0].state, Path::new("/h/.openclaw-dev1"));
        assert_eq!(found[1].profile_of("main"), "main");
    }
}
