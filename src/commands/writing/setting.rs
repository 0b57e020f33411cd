//! `set`: a key from standard input, the clipboard or the vault, cleaned, judged for the slot, tested, and written.

use super::{Bringing, carry_out, destination, one_slot};
use crate::agents;
use crate::cli;
use crate::commands::{Desk, Exit, Failure, keys, testing};
use crate::hygiene::{self, Fit};
use crate::plan;
use crate::report::plain;
use crate::resolve::Slot;
use crate::secret::Secret;

/// `keymend set`.
pub(in crate::commands) fn set(desk: &Desk, args: &cli::Set) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())?;
    let agent =
        agents::find(slot.agent).ok_or_else(|| Failure::new("no such agent", "see `keymend agents`"))?;
    let paste = keys::given(desk, &args.key.from, slot.provider.as_deref())?;
    let new = fit_for_slot(desk, &slot, &paste, args.write.insist, !args.write.json)?;
    if slot.sent().is_some_and(|sent| sent.key == new) && args.to.is_none() {
        return Err(Failure::new(
            "this is the key that is already sent there",
            "copy the new key, then try again",
        ));
    }
    tested(desk, &slot, &new, &args.key, &args.write)?;
    let (offered, default) = plan::destinations(&world, &desk.catalogue, agent, &slot, &new);
    let chosen = destination((agent, &slot), desk, &offered, default, args.to.as_deref(), &world)?;
    let plan = plan::build(&world, &desk.catalogue, agent, &slot, &chosen.destination, &new)?;
    let from_clipboard = args.key.from.clipboard.then_some(&paste);
    carry_out(desk, &world, &plan, &Bringing { new: &new, from_clipboard }, &args.write)
}

/// The live test of a new key, where it is wanted and can be done.
pub(super) fn tested(
    desk: &Desk,
    slot: &Slot,
    new: &Secret,
    key: &cli::NewKey,
    write: &cli::Writing,
) -> Result<(), Failure> {
    if key.no_test || write.dry_run || desk.offline {
        return Ok(());
    }
    testing::before_write(desk, slot, new, key, write.insist)
}

/// The clean key, if it is one and belongs here; what is doubtful or wrong needs `--insist`.
pub(super) fn fit_for_slot(
    desk: &Desk,
    slot: &Slot,
    paste: &Secret,
    insist: bool,
    talk: bool,
) -> Result<Secret, Failure> {
    let provider = slot.provider.as_deref();
    let found = keys::cleaned(desk, paste, provider, talk)?;
    let insisting =
        |message: &str| Failure::new(plain(message), "add --insist if you are sure; nothing was written");
    if let Some(doubt) = found.doubts.first().filter(|_| !insist) {
        return Err(insisting(&doubt.message));
    }
    let fit = provider.map(|provider| hygiene::fits(provider, &found.key, &desk.catalogue));
    match fit {
        Some(Fit::WrongProvider { message, .. } | Fit::WrongKind { message, .. }) if !insist => {
            Err(insisting(&message))
        }
        _ => Ok(found.key),
    }
}
