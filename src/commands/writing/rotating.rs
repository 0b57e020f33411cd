//! `rotate`: one new key at every place where an old one stands, in one plan.

use super::setting::{fit_for_slot, tested};
use super::{Bringing, candidate, carry_out, json, one_slot};
use crate::agents;
use crate::cli;
use crate::commands::{Desk, Exit, Failure, keys, print, print_json};
use crate::host::{RealWorld, World as _};
use crate::plan::{self, Plan};
use crate::report::plain;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::standing::Spot;
use crate::session::{self, Scan};
use crate::source::Place;

/// `keymend rotate`.
pub(in crate::commands) fn rotate(desk: &Desk, args: &cli::Rotate) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())?;
    let old = old_key(&slot, args.candidate.as_deref())?;
    let here = session::present(&world, &desk.catalogue, agents::find(slot.agent));
    let scan = session::scan(&world, &desk.catalogue, &here);
    let view = scan.view(&old).ok_or_else(|| {
        Failure::new(
            "the old key stands nowhere that keymend can see",
            "`keymend explain` says where it comes from",
        )
    })?;
    let spots = scan.spots(view);
    let ticked = ticked(&spots, args, &world)?;
    let only_places = args.write.dry_run && !args.key.is_given();
    if only_places && args.write.json {
        print_json(&json::standing(&spots, &ticked, &desk.catalogue.mask(&old), world.home()))?;
        return Ok(Exit::Fine);
    }
    if !args.write.json {
        print(&places_text(&scan, &spots, &ticked, &desk.catalogue.mask(&old).to_string(), &world))?;
    }
    if ticked.is_empty() {
        return Err(Failure::new(
            "none of the places can be changed by keymend",
            "change the key by hand at the places above",
        ));
    }
    if only_places {
        return Ok(Exit::Fine);
    }
    let paste = keys::paste(args.key.stdin, args.key.clipboard, args.key.vault.as_deref())?;
    let new = fit_for_slot(desk, &slot, &paste, args.write.insist, !args.write.json)?;
    if new == old {
        return Err(Failure::new("this is the old key", "copy the new key, then try again"));
    }
    tested(desk, &slot, &new, &args.key, &args.write)?;
    let plan = plan::rotate(&world, &desk.catalogue, &here, &old, &new, &ticked)?;
    let plan = with_left_out(plan, &spots, &ticked, &world);
    let from_clipboard = args.key.clipboard.then_some(&paste);
    carry_out(desk, &world, &plan, &Bringing { new: &new, from_clipboard }, &args.write)
}

/// The key that the slot sends, or that of one of its candidates.
fn old_key(slot: &Slot, asked: Option<&str>) -> Result<Secret, Failure> {
    let key = match asked {
        Some(asked) => slot.candidates.get(candidate(slot, asked)?).and_then(|one| one.value.secret()),
        None => slot.sent().map(|sent| &sent.key),
    };
    key.filter(|key| !key.is_empty()).cloned().ok_or_else(|| {
        Failure::new(
            "there is no key to replace",
            "`keymend set` puts a first key there; --candidate N names another one",
        )
    })
}

/// The places to change: all that can be, or those that were named.
fn ticked(spots: &[Spot<'_>], args: &cli::Rotate, world: &RealWorld) -> Result<Vec<Place>, Failure> {
    let names = |asked: &String, at: usize, spot: &Spot<'_>| {
        asked.parse() == Ok(at + 1) || spot.candidate.place.show(world.home()).starts_with(asked.as_str())
    };
    for asked in args.only.iter().chain(&args.skip) {
        if !spots.iter().enumerate().any(|(at, spot)| names(asked, at, spot)) {
            return Err(Failure::new(
                format!("the old key does not stand at {}", plain(asked)),
                "`keymend rotate … --dry-run` lists the places",
            ));
        }
    }
    let wanted = |at: usize, spot: &Spot<'_>| {
        let named = |list: &[String]| list.iter().any(|asked| names(asked, at, spot));
        if args.only.is_empty() { !named(&args.skip) } else { named(&args.only) }
    };
    let can = |spot: &Spot<'_>| spot.change().is_ok();
    let all = spots.iter().enumerate().filter(|(at, spot)| wanted(*at, spot) && can(spot));
    Ok(all.map(|(_, spot)| spot.candidate.place.clone()).collect())
}

/// Every place with a tick, and the slots that read it.
fn places_text(scan: &Scan, spots: &[Spot<'_>], ticked: &[Place], old: &str, world: &RealWorld) -> String {
    let mut out = format!("{old} stands at\n");
    for (at, spot) in spots.iter().enumerate() {
        let place = &spot.candidate.place;
        let (tick, what) = match spot.change() {
            Ok(what) if ticked.contains(place) => ("[x]", what.to_owned()),
            Ok(_) => ("[ ]", "stays as it is".to_owned()),
            Err(why) => ("[-]", plain(&why)),
        };
        out += &format!("  {tick} {} {}: {what}\n", at + 1, plain(&place.show(world.home())));
        for (reader, slot, index) in &spot.slots {
            let sends = scan.slot(*reader).is_some_and(|slot| slot.active == Some(*index));
            let state = if sends { "sent" } else { "not sent" };
            out += &format!("        {} · {state}\n", plain(&plan::SlotId::of(slot).to_string()));
        }
    }
    out + "\n"
}

/// The plan with a word for each place that it leaves out.
fn with_left_out(mut plan: Plan, spots: &[Spot<'_>], ticked: &[Place], world: &RealWorld) -> Plan {
    let left = spots.iter().filter(|spot| !ticked.contains(&spot.candidate.place));
    plan.notes.extend(left.map(|spot| {
        let why = spot.change().err().unwrap_or_else(|| "stays as it is".to_owned());
        format!("the old key stays at {}: {why}", spot.candidate.place.show(world.home()))
    }));
    plan
}
