//! The gateway and what it takes for it to use a new key (hermes-agent 0.19.0: the gateway reads `H/.env` and
//! `auth.json` again on each turn; a variable that was taken away stays in its environment).

use crate::agents::{Certainty, Restart};
use crate::resolve::Slot;
use crate::source::{Place, Source};
use crate::world::{Process, World};

/// What must be restarted after a change at `slot`.
#[must_use]
pub fn of(world: &dyn World, slot: &Slot) -> Option<Restart> {
    let processes: Vec<Process> =
        world.processes("hermes").into_iter().filter(|process| serves(process, slot)).collect();
    let first = processes.first()?;
    let more = if processes.len() > 1 { format!(" and {} more", processes.len() - 1) } else { String::new() };
    let certainty = processes.iter().map(|process| certainty(process, slot)).min()?;
    let mut command = vec!["hermes".to_owned()];
    if slot.profile != "default" {
        command.extend(["-p".to_owned(), slot.profile.clone()]);
    }
    command.extend(["gateway".to_owned(), "restart".to_owned()]);
    let what = format!("Hermes gateway (pid {}){more}", first.pid);
    Some(Restart { what, certainty, command: Some(command), processes })
}

/// Whether this is a gateway or chat of the slot's profile.
fn serves(process: &Process, slot: &Slot) -> bool {
    let program = process.args.iter().take(3).any(|arg| {
        let name = arg.rsplit(['/', '\\']).next().unwrap_or_default();
        matches!(name, "hermes" | "hermes.exe" | "hermes-agent")
            || arg.contains("hermes_cli")
            || arg == "gateway.run"
    });
    let named = |flag: &str| {
        let at = process.args.iter().position(|arg| arg == flag)?;
        process.args.get(at + 1).cloned()
    };
    let of_home = process.env.as_ref().and_then(|env| {
        let home = env.get("HERMES_HOME")?;
        let (above, name) = home.trim_end_matches('/').rsplit_once('/')?;
        above.ends_with("/profiles").then(|| name.to_owned())
    });
    let profile = named("-p").or_else(|| named("--profile")).or(of_home);
    program && profile.is_none_or(|profile| profile == slot.profile)
}

/// A replaced key in a file is read on the next turn; one that came from the process' own environment stays.
fn certainty(process: &Process, slot: &Slot) -> Certainty {
    let Some(active) = slot.active_candidate() else { return Certainty::Reloads };
    let Some(env) = &process.env else {
        return if active.source == Source::Env { Certainty::CannotTell } else { Certainty::Reloads };
    };
    match (&active.place, active.value.secret()) {
        (Place::Env { name }, Some(key)) if env.get(name).is_some_and(|held| key.is(held)) => {
            Certainty::StillHolds
        }
        (Place::Env { .. }, _) => Certainty::MayHold,
        _ => Certainty::Reloads,
    }
}
