//! `remove`: a credential is taken away where it is stored.

use super::{Bringing, candidate, carry_out, one_slot};
use crate::agents::{self, Context};
use crate::cli;
use crate::commands::{Desk, Exit, Failure};
use crate::plan::{self, At};
use crate::secret::Secret;

/// `keymend remove`.
pub(in crate::commands) fn remove(desk: &Desk, args: &cli::Remove) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())?;
    let agent =
        agents::find(slot.agent).ok_or_else(|| Failure::new("no such agent", "see `keymend agents`"))?;
    let n = candidate(&slot, &args.candidate)?;
    let context = Context { world: &world, catalogue: &desk.catalogue };
    let plan = plan::remove(At { context, agent, slot: &slot, n })?;
    let nothing = Secret::new("");
    carry_out(desk, &world, &plan, &Bringing { new: &nothing, from_clipboard: None }, &args.write)
}
