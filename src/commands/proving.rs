//! `prove`: runs the person's own agent against loopback and compares.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::looking::{scan_for, selector, slots_of};
use super::{Desk, Exit, Failure, ask, print, print_json};
use crate::cli;
use crate::host::RealWorld;
use crate::host::capture::{Capture, Captured};
use crate::host::ending::Ending;
use crate::host::sandbox::Sandbox;
use crate::prove::{self, Line, Placement, Run};
use crate::report::{SCHEMA, plain};
use crate::resolve::Slot;
use crate::world::World as _;

/// How long an agent has until its first request. OpenClaw needs up to 22 s on a small machine.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Serialize)]
struct ProveJson {
    schema: u32,
    agent: &'static str,
    profile: String,
    agent_provider: String,
    request: Option<String>,
    same: bool,
    lines: Vec<LineJson>,
    seconds: f64,
}

#[derive(Serialize)]
struct LineJson {
    what: &'static str,
    predicted: String,
    seen: String,
    same: bool,
}

/// `keymend prove`.
pub(super) fn prove(desk: &Desk, args: &cli::Prove) -> Result<Exit, Failure> {
    let world = desk.world();
    let selector = selector(desk, &args.slot, args.profile.as_ref())?;
    let scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_of(desk, &scan, &selector, &args.slot)?;
    let slots: Vec<&Slot> = chosen.iter().filter_map(|at| scan.slot(*at)).collect();
    let slot = slots
        .iter()
        .find(|slot| slot.in_use)
        .or_else(|| slots.first())
        .ok_or_else(|| Failure::new("nothing to prove", "see `keymend status`"))?;
    let run = prove::plan(&world, slot).map_err(|error| Failure::new(error.to_string(), error.hint()))?;
    if !args.json {
        print(&announcement(&run))?;
    }
    if !args.yes && !ask("Run it?")? {
        return Ok(Exit::Declined);
    }
    let started = Instant::now();
    // Listened to before the first copy of a key is made.
    let ending = Ending::listen()
        .map_err(|error| Failure::new(format!("cannot listen to signals: {error}"), "try again"))?;
    let (captured, local) = execute(&world, &run, &ending)?;
    if let Some(signal) = ending.signal() {
        return Ok(Exit::Signal(signal));
    }
    let mask = |key: &crate::secret::Secret| desk.catalogue.mask(key).to_string();
    let lines = prove::compare(slot, captured.as_ref(), &mask, &local);
    let same = lines.iter().all(|line| line.same);
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let json = |line: &Line| LineJson {
            what: line.what,
            predicted: plain(&line.predicted),
            seen: plain(&line.seen),
            same: line.same,
        };
        print_json(&ProveJson {
            schema: SCHEMA,
            agent: slot.agent,
            profile: plain(&slot.profile),
            agent_provider: plain(&slot.agent_provider),
            request: captured.as_ref().map(request),
            same,
            lines: lines.iter().map(json).collect(),
            seconds,
        })?;
    } else {
        print(&result(slot, captured.as_ref(), &lines, seconds))?;
    }
    Ok(if same { Exit::Fine } else { Exit::Problems })
}

fn announcement(run: &Run) -> String {
    let args: Vec<String> = run.args.iter().map(|arg| plain(arg)).collect();
    format!(
        "keymend will run, once:\n  {} {}\nin a temporary home with a copy of: {}\nEvery request ends on 127.0.0.1; nothing is forwarded, and nothing of yours is changed.\n",
        plain(&run.program.display().to_string()),
        args.join(" "),
        run.copies.home.iter().map(|path| format!("~/{path}")).collect::<Vec<_>>().join(", "),
    )
}

/// Runs the agent and waits for its request. When this returns, early because of a signal too, everything that was started
/// has ended and the temporary home is gone.
fn execute(world: &RealWorld, run: &Run, ending: &Ending) -> Result<(Option<Captured>, String), Failure> {
    let failed = |what: &str, error: &std::io::Error| {
        Failure::new(format!("{what}: {error}"), "check the temporary folder and its free space")
    };
    let capture = Capture::start().map_err(|error| failed("cannot open a port on loopback", &error))?;
    let sandbox = Sandbox::new().map_err(|error| failed("cannot make a temporary home", &error))?;
    let mut budget = prove::MAX_COPIED_BYTES;
    let pairs = [
        (world.home(), sandbox.home(), &run.copies.home),
        (Some(world.cwd()), sandbox.cwd(), &run.copies.cwd),
    ];
    for (from, to, paths) in pairs {
        for path in paths.iter().filter(|_| from.is_some() && ending.signal().is_none()) {
            Sandbox::copy(from.unwrap_or(std::path::Path::new("/")), path, &to, &mut budget)
                .map_err(|error| failed("cannot copy the configuration", &error))?;
        }
    }
    let put = |name: &str, text: &str| {
        sandbox.put(name, text).map_err(|error| failed("cannot write a file", &error))
    };
    let place = Placement {
        proxy: capture.url(),
        port: capture.port(),
        authority: put("ca.pem", capture.ca_pem())?,
        hook: run.hook.map(|hook| put("loopback.cjs", hook)).transpose()?,
    };
    let env = prove::environment(world, run, &sandbox.home(), &place);
    if ending.signal().is_some() {
        return Ok((None, capture.url()));
    }
    let mut running = sandbox
        .start(&run.program, &run.args, &env)
        .map_err(|error| failed("cannot start the agent", &error))?;
    let goes_on = || ending.signal().is_none() && running.is_alive();
    let found = capture.wait_for(Instant::now() + PATIENCE, prove::is_model_call, goes_on);
    // The last request of a program that has just ended may still be on its way to the list.
    let found = found.or_else(|| capture.requests().into_iter().find(prove::is_model_call));
    Ok((found, capture.url()))
}

fn request(captured: &Captured) -> String {
    plain(&format!("{} {}{}", captured.method, captured.base, captured.path()))
}

fn result(slot: &Slot, captured: Option<&Captured>, lines: &[Line], seconds: f64) -> String {
    let mut out = match captured {
        Some(captured) => format!("It sent {} after {seconds:.1} s.\n", request(captured)),
        None => format!("It sent no request to a model within {seconds:.1} s.\n"),
    };
    for line in lines {
        let mark = if line.same { "✓" } else { "✗" };
        out += &format!(
            "  {mark} {:<7} predicted {}   seen {}\n",
            line.what,
            plain(&line.predicted),
            plain(&line.seen)
        );
    }
    let name = format!("{} · {} · {}", slot.agent, plain(&slot.profile), plain(&slot.agent_provider));
    out += &if lines.iter().all(|line| line.same) {
        format!("Proved: {name} sends what keymend predicts.\n")
    } else {
        format!("Not as predicted: please report this for {name}, with the agent's version.\n")
    };
    out
}
