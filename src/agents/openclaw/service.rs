//! The gateway: what its service definition holds for itself, and what has to be restarted after a change
//! (OpenClaw 2026.9.6 `dist/daemon-install-helpers`, runs of both recorded versions).

use std::path::Path;

use super::env::Variable;
use super::era::Rules;
use super::{Site, look};
use crate::agents::{Certainty, Context, Restart};
use crate::formats::dotenv;
use crate::resolve::{Candidate, Slot};
use crate::source::{Dialect, Place, Source};
use crate::world::Process;

/// The variables that the gateway's service gets from its own definition, before any `.env`.
pub(super) fn baked(site: &Site<'_>) -> Vec<Variable> {
    let file = site.install.state.join("gateway.systemd.env");
    let unit = site.install.home.join(".config/systemd/user").join(unit_name(site.install.name.as_deref()));
    let mut vars = Vec::new();
    if let Some(bytes) = site.world.read(&file).bytes() {
        let parsed = dotenv::parse(Dialect::SystemdEnvFile, bytes, site.world.env());
        vars.extend(
            parsed.assignments.iter().map(|found| {
                line(&file, Some(found.line), &found.name, &found.value, Dialect::SystemdEnvFile)
            }),
        );
    }
    let dir = site.install.state.join("service-env");
    for file in site
        .world
        .list(&dir)
        .iter()
        .filter(|name| name.strip_suffix(".env").is_some())
        .map(|name| dir.join(name))
    {
        let state = site.world.read(&file);
        let lines = state.text().unwrap_or_default().lines().enumerate();
        vars.extend(lines.filter_map(|(at, text)| exported(&file, at + 1, text)));
    }
    if let Some(text) = site.world.read(&unit).text() {
        vars.extend(text.lines().enumerate().filter_map(|(at, text)| unit_variable(&unit, at + 1, text)));
    }
    vars
}

fn unit_name(profile: Option<&str>) -> String {
    profile.map_or_else(
        || "openclaw-gateway.service".to_owned(),
        |name| format!("openclaw-gateway-{name}.service"),
    )
}

fn line(file: &Path, line: Option<usize>, name: &str, text: &str, dialect: Dialect) -> Variable {
    let place = Place::Line { file: file.to_owned(), line, name: name.to_owned(), dialect };
    Variable { name: name.to_owned(), text: text.to_owned(), place }
}

/// `export NAME='value'`, as the macOS service's file has it.
fn exported(file: &Path, at: usize, text: &str) -> Option<Variable> {
    let (name, value) = text.trim().strip_prefix("export ")?.split_once('=')?;
    let value = value.trim().trim_matches('\'').replace("'\\''", "'");
    Some(line(file, Some(at), name.trim(), &value, Dialect::Bash))
}

/// `Environment=NAME=value`, the whole quoted or not.
fn unit_variable(unit: &Path, at: usize, text: &str) -> Option<Variable> {
    let assigned = text.trim().strip_prefix("Environment=")?.trim().trim_matches('"');
    let (name, value) = assigned.split_once('=')?;
    Some(line(unit, Some(at), name, value, Dialect::SystemdEnvFile))
}

/// What must be restarted after a change at `slot`.
pub(super) fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    let world = context.world;
    let mut processes = world.processes("openclaw-gateway");
    let others = world.processes("openclaw").into_iter();
    processes.extend(others.filter(|process| process.args.iter().any(|arg| arg == "gateway")));
    processes.sort_by_key(|process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    let first = processes.first()?.clone();
    let found = look(world).into_iter().find(|found| owns(slot, found.install.name.as_deref()))?;
    let rules = found.generation.cases.first().map_or(Rules::New, |case| case.0);
    let (certainty, command, advice) = judge(context, slot, rules, &first, found.install.name.as_deref());
    let what = format!("OpenClaw gateway (pid {}): {advice}", first.pid);
    Some(Restart { what, certainty, command, processes })
}

fn owns(slot: &Slot, name: Option<&str>) -> bool {
    slot.profile.split_once('/').map(|(profile, _)| profile) == name
}

type Judgement = (Certainty, Option<Vec<String>>, &'static str);

fn judge(
    context: &Context<'_>,
    slot: &Slot,
    rules: Rules,
    process: &Process,
    profile: Option<&str>,
) -> Judgement {
    let Some(active) = slot.active_candidate() else {
        return (Certainty::MayHold, Some(reload(profile)), "it may keep what it knew; reload its secrets");
    };
    if started_after(context, active, process) {
        return (Certainty::Fresh, None, "it started after the change");
    }
    match (active.source, rules) {
        (Source::Config, Rules::New) if matches!(active.place, Place::Field { .. }) => {
            (Certainty::Reloads, None, "it reads openclaw.json again by itself within seconds")
        }
        (Source::AuthProfile | Source::Oauth | Source::SecretStore | Source::SecretFile, Rules::Old)
            if matches!(active.place, Place::Field { .. } | Place::File { .. }) =>
        {
            let advice = "it writes its own copy back with the next message, so reload at once or stop it before the change";
            (Certainty::MayHold, Some(reload(profile)), advice)
        }
        (_, Rules::New)
            if matches!(active.place, Place::Cell { .. } | Place::File { .. } | Place::Field { .. }) =>
        {
            (
                Certainty::MayHold,
                Some(reload(profile)),
                "it uses the stored key only after a reload of its secrets",
            )
        }
        _ => by_environment(slot, process),
    }
}

/// A key in the environment stays until the process itself is started anew.
fn by_environment(slot: &Slot, process: &Process) -> Judgement {
    let restart = process.unit.as_ref().map(|unit| {
        ["systemctl", "--user", "restart", unit].iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()
    });
    let held = |env: &std::collections::BTreeMap<String, String>| {
        slot.sent().is_some_and(|sent| env.values().any(|value| sent.key.is(value.trim())))
    };
    let certainty = match &process.env {
        None => Certainty::CannotTell,
        Some(env) if held(env) => Certainty::StillHolds,
        Some(_) => Certainty::MayHold,
    };
    let advice = "its environment stays as it was at its start; stop it and start it again (gateway restart alone may keep it)";
    (certainty, restart, advice)
}

/// Whether the process is younger than the file that holds the key. A database's time says nothing about one row.
fn started_after(context: &Context<'_>, active: &Candidate, process: &Process) -> bool {
    let file = match &active.place {
        Place::Cell { .. } => None,
        place => place.file(),
    };
    let changed = file.and_then(|file| context.world.read(file).meta().map(|meta| meta.mtime_ms));
    changed.is_some_and(|changed| process.started_ms > changed)
}

fn reload(profile: Option<&str>) -> Vec<String> {
    let named = profile.map(|name| vec!["--profile".to_owned(), name.to_owned()]).unwrap_or_default();
    let tail = ["secrets", "reload"].map(ToOwned::to_owned);
    std::iter::once("openclaw".to_owned()).chain(named).chain(tail).collect()
}
