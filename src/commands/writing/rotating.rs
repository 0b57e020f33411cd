//! `rotate`: one new key at every place where an old one is, in one plan.

use super::setting::{fit_for_slot, tested};
use super::{Bringing, candidate, carry_out, is_named, json, one_slot};
use crate::agents;
use crate::cli;
use crate::commands::{Desk, Exit, Failure, keys, print, print_json};
use crate::host::RealWorld;
use crate::hygiene;
use crate::plan::{self, Plan, SlotId};
use crate::report::plain;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session;
use crate::session::key_places::{self, Spot};
use crate::source::Place;
use crate::world::World as _;

/// A place of the old key.
pub(super) struct Row<'a> {
    pub(super) spot: Spot<'a>,
    /// What a new key would do there, or why keymend does not write there.
    pub(super) change: Result<&'static str, String>,
    pub(super) ticked: bool,
}

/// `keymend rotate`.
pub(in crate::commands) fn rotate(desk: &Desk, args: &cli::Rotate) -> Result<Exit, Failure> {
    let world = desk.world();
    let slot = one_slot(desk, &world, &args.slot, args.profile.as_ref())?;
    let old = old_key(&slot, args.candidate.as_deref())?;
    let here = session::present(&world, &desk.catalogue, agents::find(slot.agent));
    let scan = session::scan(&world, &desk.catalogue, &here);
    // What is sent can be less than what is there: an agent may drop characters that no header carries.
    let there = slot.active_candidate().and_then(|active| active.value.secret());
    let old = if scan.view(&old).is_some() { old } else { there.cloned().unwrap_or(old) };
    let nature = hygiene::nature(&old, slot.provider.as_deref(), &desk.catalogue);
    if !nature.is_key() {
        return Err(Failure::new(
            format!("what is sent there is {}: there is no key to replace everywhere", nature.words()),
            format!("`keymend set {}` puts a key there", plain(&SlotId::of(&slot).to_string())),
        ));
    }
    let view = scan.view(&old).ok_or_else(|| {
        Failure::new(
            "the old key is in no place that keymend can change",
            "`keymend explain` says what decides here",
        )
    })?;
    let provider = slot.provider.as_deref().and_then(|id| desk.catalogue.get(id));
    let company = provider.map(key_places::company).or_else(|| scan.company(&desk.catalogue, view));
    let rows = rows(scan.spots(view), company, args, desk, &world)?;
    let only_places = args.write.dry_run && !args.key.from.is_given();
    if only_places && args.write.json {
        print_json(&json::key_places(&rows, &desk.catalogue.mask(&old), world.home()))?;
        return Ok(Exit::Fine);
    }
    if !args.write.json {
        print(&places_text(&rows, &desk.catalogue.mask(&old).to_string(), &world))?;
    }
    let ticked: Vec<Place> =
        rows.iter().filter(|row| row.ticked).map(|row| row.spot.candidate.place.clone()).collect();
    if ticked.is_empty() {
        return Err(Failure::new(
            "none of the places is left to be changed",
            "change the key by hand at the places above, or name fewer with --skip",
        ));
    }
    if only_places {
        return Ok(Exit::Fine);
    }
    let paste = keys::given(desk, &args.key.from, slot.provider.as_deref())?;
    let new = fit_for_slot(desk, &slot, &paste, args.write.insist, !args.write.json)?;
    if new == old {
        return Err(Failure::new("this is the old key", "copy the new key, then try again"));
    }
    tested(desk, &slot, &new, &args.key, &args.write)?;
    let plan = plan::rotate(&world, &desk.catalogue, &here, &old, &new, &ticked)?;
    let plan = with_left_out(plan, &rows, &world);
    let from_clipboard = args.key.from.clipboard.then_some(&paste);
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

/// Every place, with a tick where it can be changed and is wanted.
fn rows<'a>(
    spots: Vec<Spot<'a>>,
    company: Option<&str>,
    args: &cli::Rotate,
    desk: &Desk,
    world: &RealWorld,
) -> Result<Vec<Row<'a>>, Failure> {
    let names = |asked: &String, at: usize, spot: &Spot<'_>| {
        asked.parse() == Ok(at + 1) || is_named(&spot.candidate.place, asked, world)
    };
    for asked in args.only.iter().chain(&args.skip) {
        if !spots.iter().enumerate().any(|(at, spot)| names(asked, at, spot)) {
            return Err(Failure::new(
                format!("the old key is not at {}", plain(asked)),
                "`keymend rotate … --dry-run` lists the places",
            ));
        }
    }
    let wanted = |at: usize, spot: &Spot<'_>| {
        let named = |list: &[String]| list.iter().any(|asked| names(asked, at, spot));
        if args.only.is_empty() { !named(&args.skip) } else { named(&args.only) }
    };
    let row = |(at, spot): (usize, Spot<'a>)| {
        let change = match spot.stranger(&desk.catalogue, company) {
            Some(other) => Err(key_places::stranger_words(other)),
            None => spot.tried(world, &desk.catalogue),
        };
        Row { ticked: change.is_ok() && wanted(at, &spot), change, spot }
    };
    Ok(spots.into_iter().enumerate().map(row).collect())
}

/// Every place with a tick, and the slots that read it.
fn places_text(rows: &[Row<'_>], old: &str, world: &RealWorld) -> String {
    let mut out = format!("{old} is at\n");
    for (at, row) in rows.iter().enumerate() {
        let (tick, what) = match &row.change {
            Ok(what) if row.ticked => ("[x]", (*what).to_owned()),
            Ok(_) => ("[ ]", "stays as it is".to_owned()),
            Err(why) => ("[-]", plain(why)),
        };
        let place = plain(&row.spot.candidate.place.show(world.home()));
        out += &format!("  {tick} {} {place}: {what}\n", at + 1);
        for (_, slot, index) in &row.spot.slots {
            let state = if slot.active == Some(*index) { "sent" } else { "not sent" };
            out += &format!("        {} · {state}\n", plain(&SlotId::of(slot).to_string()));
        }
    }
    out + "\n"
}

/// The plan, with a note for each place that it skips.
fn with_left_out(mut plan: Plan, rows: &[Row<'_>], world: &RealWorld) -> Plan {
    plan.notes.extend(rows.iter().filter(|row| !row.ticked).map(|row| {
        let why = row.change.as_ref().err().map_or("stays as it is", String::as_str);
        format!("the old key stays at {}: {why}", row.spot.candidate.place.show(world.home()))
    }));
    plan
}
