//! `set`: a key from standard input, the clipboard or the vault, cleaned, judged for the slot, tested, and written.

use super::{Bringing, carry_out, destination, one_slot};
use crate::agents;
use crate::cli;
use crate::commands::{Desk, Exit, Failure, keys, testing};
use crate::host::RealWorld;
use crate::hygiene::{self, Fit, Nature};
use crate::plan;
use crate::report::plain;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::Selector;
use crate::session::plausible::plausible;

/// `keymend set`.
pub(in crate::commands) fn set(desk: &Desk, args: &cli::Set) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())
        .or_else(|failure| first_slot(desk, &world, args).ok_or(failure))?;
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
    let nature = hygiene::nature(&new, slot.provider.as_deref(), &desk.catalogue);
    if offered.is_empty() && nature == Nature::Login {
        return Err(no_place_for_login(agent));
    }
    let chosen = destination((agent, &slot), desk, &offered, default, args.to.as_deref(), &world)?;
    let plan = plan::build(&world, &desk.catalogue, agent, &slot, &chosen.destination, &new)?;
    let plan = plan::telling_losses(&world, &desk.catalogue, agent, plan, &new);
    let from_clipboard = args.key.from.clipboard.then_some(&paste);
    carry_out(desk, &world, &plan, &Bringing { new: &new, from_clipboard }, &args.write)
}

/// The slot that a first key would fill, where the agent keeps none yet.
fn first_slot(desk: &Desk, world: &RealWorld, args: &cli::Set) -> Option<Slot> {
    let selector = Selector { profile: args.profile.clone(), ..Selector::parse(&args.slot) };
    let agent = agents::find(selector.agent.as_deref()?)?;
    let slots = plausible(world, &desk.catalogue, &[agent]).into_iter().map(|(_, slot)| slot);
    let mut named: Vec<Slot> =
        slots.filter(|slot| selector.provider.is_some() && selector.matches(slot)).collect();
    // The modes of one agent read the same places.
    named.dedup_by(|one, other| one.profile == other.profile && one.agent_provider == other.agent_provider);
    match named.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// A login's token goes only where a token belongs.
fn no_place_for_login(agent: &agents::Agent) -> Failure {
    let way = match agent.id {
        "openclaw" => "add it as a token profile: `openclaw models auth paste-token`",
        "codex" => "sign in: `codex login`",
        _ => {
            "it belongs in CLAUDE_CODE_OAUTH_TOKEN of Claude Code (`keymend set claude-code/anthropic`) or \
              ANTHROPIC_TOKEN of Hermes (`keymend set hermes/anthropic`)"
        }
    };
    Failure::new(
        format!("this is the token of a login, and {} keeps API keys here: nothing was written", agent.name),
        way,
    )
}

/// The live test of a new key, where it is wanted and can be done.
pub(in crate::commands) fn tested(
    desk: &Desk,
    slot: &Slot,
    new: &Secret,
    key: &cli::NewKey,
    write: &cli::Writing,
) -> Result<(), Failure> {
    if key.no_test || write.dry_run || desk.offline {
        return Ok(());
    }
    testing::before_write(desk, slot, new, key, write)
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
    let any_form = crate::session::takes_any_form(slot, &desk.catalogue);
    let found = keys::cleaned(desk, paste, provider, any_form, talk)?;
    let insisting =
        |message: &str| Failure::new(plain(message), "add --insist if you are sure; nothing was written");
    // Where a login's token may go is told by the places: there is nothing to insist on.
    if hygiene::nature(&found.key, provider, &desk.catalogue) == Nature::Login {
        return Ok(found.key);
    }
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
