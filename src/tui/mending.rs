//! What the screen of the ways out is given: worked out beside the loop, because plans are tried for it.

use crate::agents::Context;
use crate::finding::Severity;
use crate::plan::SlotId;
use crate::probe::course::Report;
use crate::secret::Secret;
use crate::session;
use crate::session::diagnosis::{self, Words};
use crate::session::verdicts::Verdicts;
use crate::world::World as _;

use super::desk::Desk;
use super::message::Mending;

/// What is wrong with a slot and the ways out, on a fresh view of the machine.
pub fn mending(desk: &Desk, id: &SlotId, said: Vec<(Secret, Report)>) -> Vec<Mending> {
    let world = (desk.world)();
    let scan = session::scan_all(&world, &desk.catalogue);
    let Some(at) = scan.find(id) else { return Vec::new() };
    let mut verdicts = Verdicts::default();
    for (key, report) in said {
        verdicts.note(at, &key, report);
    }
    let words = Words { scan: &scan, catalogue: &desk.catalogue, home: world.home(), only: None };
    let context = Context { world: &world, catalogue: &desk.catalogue };
    let found = diagnosis::findings(words, &[at], &verdicts).into_iter();
    let found = found.filter(|found| found.problem || found.severity > Severity::Note);
    found
        .map(|found| {
            let ways = diagnosis::remedies(context, &scan, &found, &verdicts);
            (found, ways)
        })
        .collect()
}
