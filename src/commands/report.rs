//! `report`: this machine as a bug tracker may see it.

use super::checking::Tester;
use super::looking::{chosen_by, scan_for, slots_or_none};
use super::{Desk, Exit, Failure, print, print_json, salt};
use crate::cli;
use crate::host::journal::Journal;
use crate::probe::course::{self, Consent};
use crate::report::bug::{self, About};
use crate::session::SlotRef;
use crate::session::verdicts::Verdicts;
use crate::world::World as _;

/// How many of the last writes are told.
const WRITES: usize = 5;

/// `keymend report`.
pub(super) fn report(desk: &Desk, args: &cli::Report) -> Result<Exit, Failure> {
    if args.test && desk.offline {
        return Err(Failure::new("a test needs the network", "leave out --offline or --test"));
    }
    let world = desk.world();
    let selector = chosen_by(desk, args.slot.as_deref())?;
    let scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_or_none(desk, &scan, &selector, args.slot.as_deref())?;
    let tested = if args.test {
        Tester::new(desk, Consent::default()).test(&scan, &chosen)
    } else {
        Verdicts::default()
    };
    let of = |at: &SlotRef| Some((*at, tested.sent(*at, scan.slot(*at)?)?));
    let tested: Vec<(SlotRef, &course::Report)> = chosen.iter().filter_map(of).collect();
    let (written, _) = Journal::of(&world).history();
    let history: Vec<(i64, String)> =
        written.iter().take(WRITES).map(|action| (action.at_ms, action.title.clone())).collect();
    let machine = world.machine();
    let salt = salt(None);
    let about = About {
        chosen: &chosen,
        tested: &tested,
        history: &history,
        machine: machine.as_ref(),
        addresses: args.addresses,
        system: &format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    };
    let bug = bug::bug(&scan, about, desk.style(&world, &salt));
    if args.json {
        print_json(&bug)?;
    } else {
        print(&bug::markdown(&bug))?;
    }
    Ok(Exit::Fine)
}
