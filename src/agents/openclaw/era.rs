//! Which generation's rules apply: the installed version, or else the version that last wrote, or else the stores that
//! were left.
//!
//! Two versions were recorded: 2026.3.13 and 2026.9.6. Between them the storage changed twice; there an answer is
//! given only where both rule sets agree on it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::config::Config;
use super::home::Install;
use super::text;
use crate::world::{Table, World};

/// The precedence rules of one recorded version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// 2026.3.13.
    Old,
    /// 2026.9.6.
    New,
}

/// Where profiles are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Up to 2026.4.21: `auth-profiles.json` holds profiles, order and health.
    A,
    /// 2026.4.22 to 2026.5.x: order and health moved to `auth-state.json`.
    B,
    /// 2026.6.x and 2026.7.x: `openclaw-agent.sqlite` of each agent; the JSON is ignored.
    C,
    /// 2026.8.1 and later: the shared state database and one of each agent; a leftover JSON stops the agent.
    D,
}

/// A calendar version: year, month, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32, u32);

impl Version {
    /// Reads `2026.9.6`, `v2026.4.22-beta.1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let core = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
        let mut parts = core.split('.').map(|part| part.parse().ok());
        Some(Self(parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
    }

    const fn era(self) -> Era {
        match (self.0, self.1, self.2) {
            (..=2025, ..) | (2026, ..=3, _) | (2026, 4, ..=21) => Era::A,
            (2026, 4 | 5, _) => Era::B,
            (2026, 6 | 7, _) => Era::C,
            _ => Era::D,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The rule sets to ask, and how sure the choice is.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    /// The installed version, where it can be read.
    pub installed: Option<String>,
    /// The rule sets to ask, the preferred one first.
    pub cases: Vec<(Rules, Era)>,
    /// Where two rule sets differ, the first one's answer is shown; otherwise "not known".
    pub prefer_first: bool,
    /// Which rules and why, in words.
    pub why: String,
    /// False where nothing told the version.
    pub certain: bool,
}

/// Judges the version from the executable, the configuration and the stores.
pub(super) fn judge(world: &dyn World, install: &Install, config: &Config) -> Generation {
    let installed = installed_version(world);
    let named = installed.as_deref().and_then(Version::parse);
    if let (Some(version), Some(text)) = (named, &installed) {
        let why = format!("openclaw {} is installed", crate::agents::openclaw::clean(text));
        return of_version(version, installed.clone(), &why);
    }
    if let Some(version) = last_writer(world, install, config) {
        let why = format!("openclaw {version} wrote last; no installed program was found");
        return of_version(version, installed, &why);
    }
    match left_behind(world, install, config) {
        Some((era, trace)) => of_era(era, &trace),
        None => Generation {
            installed: None,
            cases: vec![(Rules::New, Era::D), (Rules::Old, Era::A)],
            prefer_first: true,
            why: "the version cannot be told; the rules of 2026.9.6 are applied".to_owned(),
            certain: false,
        },
    }
}

fn of_version(version: Version, installed: Option<String>, why: &str) -> Generation {
    let (cases, rules) = match version.era() {
        Era::A => (vec![(Rules::Old, Era::A)], "the rules of 2026.3.13"),
        Era::D => (vec![(Rules::New, Era::D)], "the rules of 2026.9.6"),
        era => (
            vec![(Rules::New, era), (Rules::Old, era)],
            "where the recorded versions 2026.3.13 and 2026.9.6 agree, their answer",
        ),
    };
    Generation { installed, cases, prefer_first: false, why: format!("{rules}: {why}"), certain: true }
}

fn of_era(era: Era, trace: &str) -> Generation {
    let cases = match era {
        Era::A => vec![(Rules::Old, Era::A)],
        Era::D => vec![(Rules::New, Era::D)],
        era => vec![(Rules::New, era), (Rules::Old, era)],
    };
    let rules = if cases[0].0 == Rules::Old { "2026.3.13" } else { "2026.9.6" };
    Generation {
        installed: None,
        cases,
        prefer_first: false,
        why: format!("the rules of {rules}: no installed program was found, but {trace}"),
        certain: false,
    }
}

/// The version of the package that the `openclaw` on `PATH` belongs to, read from its `package.json`.
fn installed_version(world: &dyn World) -> Option<String> {
    let program = world.executable("openclaw")?;
    program.ancestors().skip(1).take(6).find_map(|dir| package_version(world, dir))
}

fn package_version(world: &dyn World, dir: &Path) -> Option<String> {
    let state = world.text(&dir.join("package.json"))?;
    let package: Json = serde_json::from_str(state.text()?).ok()?;
    (text(&package, "name") == Some("openclaw")).then(|| text(&package, "version").map(ToOwned::to_owned))?
}

/// `meta.lastTouchedVersion` of the configuration, or `schema_meta.app_version` of the state database.
fn last_writer(world: &dyn World, install: &Install, config: &Config) -> Option<Version> {
    let touched = config.get(&["meta", "lastTouchedVersion"]).and_then(Json::as_str).and_then(Version::parse);
    touched.or_else(|| {
        let table = Table {
            db: install.state_db(),
            name: "schema_meta",
            key_column: "meta_key",
            value_column: "app_version",
            live_when_null: None,
        };
        Version::parse(world.table(&table).get("primary")?)
    })
}

/// The era that the files show, and the trace that shows it.
fn left_behind(world: &dyn World, install: &Install, config: &Config) -> Option<(Era, String)> {
    let found = |path: &Path| world.exists(path);
    if found(&install.state_db()) {
        return Some((Era::D, "the shared state database is there".to_owned()));
    }
    let dirs = agent_dirs(world, install);
    let any = |name: &str| dirs.iter().any(|dir| found(&dir.join(name)));
    if any("openclaw-agent.sqlite") {
        return Some((Era::C, "agents keep their own databases and there is no shared one".to_owned()));
    }
    if any("auth-state.json") {
        return Some((Era::B, "auth-state.json is there".to_owned()));
    }
    if any("auth-profiles.json") {
        return Some((Era::A, "auth-profiles.json is there and no database".to_owned()));
    }
    if any("auth.json") || found(&install.oauth_dir.join("oauth.json")) {
        return Some((Era::A, "a login file of an early version is there and no database".to_owned()));
    }
    if config.get(&["agents", "entries"]).is_some() {
        return Some((Era::D, "the configuration has agents.entries".to_owned()));
    }
    if config.fault.is_none() && config.fault_under(Rules::New).is_some() {
        return Some((Era::A, "the configuration has a layout that 2026.9.6 refuses".to_owned()));
    }
    if config.get(&["agents", "list"]).is_some() {
        return Some((Era::A, "the configuration has agents.list".to_owned()));
    }
    None
}

/// The folders `agents/<id>/agent` that are there.
pub(super) fn agent_dirs(world: &dyn World, install: &Install) -> Vec<PathBuf> {
    let agents = install.state.join("agents");
    world.list(&agents).into_iter().map(|id| agents.join(id).join("agent")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fall_into_the_four_storage_eras() {
        let era = |text: &str| Version::parse(text).unwrap().era();
        assert_eq!(era("2026.3.13"), Era::A);
        assert_eq!(era("2026.4.21"), Era::A);
        assert_eq!(era("v2026.4.22"), Era::B);
        assert_eq!(era("2026.5.5"), Era::B);
        assert_eq!(era("2026.6.6"), Era::C);
        assert_eq!(era("2026.8.1-beta.2"), Era::D);
        assert_eq!(era("2027.1.0"), Era::D);
        assert_eq!(Version::parse("latest"), None);
    }
}
