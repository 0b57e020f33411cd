//! Where a new key must go so that Hermes sends it.

use crate::agents::Context;
use crate::plan::Destination;
use crate::resolve::Slot;

/// The places for a new key, best first.
#[must_use]
pub fn of(_context: &Context<'_>, _slot: &Slot) -> Vec<Destination> {
    Vec::new()
}
