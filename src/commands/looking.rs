//! `status` and `explain`: what each slot sends and why. No network.

use serde::Serialize;

use super::{Desk, Exit, Failure, print, print_json, salt};
use crate::agents::{self, Agent, Context};
use crate::cli;
use crate::finding;
use crate::host::RealWorld;
use crate::host::ask::PATIENCE;
use crate::report::{self, Mended, text};
use crate::session::diagnosis::{self, Words};
use crate::session::names::{self, NoSuch};
use crate::session::verdicts::Verdicts;
use crate::session::{self, Scan, Selector, SlotRef};
use crate::world::World as _;

/// `keymend status`.
pub(super) fn status(desk: &Desk, args: &cli::Status) -> Result<Exit, Failure> {
    let world = desk.world();
    let selector = chosen_by(desk, args.slot.as_deref())?;
    let scan = if args.json {
        // A program gets an answer for every agent it asks for, found here or not; `present` tells which is which.
        session::scan(&world, &desk.catalogue, &wanted(&selector)?)
    } else {
        scan_for(desk, &world, &selector)?
    };
    let chosen = slots_or_none(desk, &scan, &selector, args.slot.as_deref())?;
    let salt = salt(args.salt.as_ref());
    let style = desk.style(&world, &salt);
    if args.json {
        print_json(&report::status_json(&scan, &chosen, &mended(desk, &world, &scan, &chosen), style))?;
    } else {
        print(&text::status(&scan, &chosen, style))?;
    }
    Ok(Exit::Fine)
}

/// `keymend explain`.
pub(super) fn explain(desk: &Desk, args: &cli::Explain) -> Result<Exit, Failure> {
    if let Some(id) = &args.finding {
        return finding(id, args.json);
    }
    let world = desk.world();
    let slot = args.slot.as_deref().unwrap_or_default();
    let selector = selector(desk, slot, args.profile.as_ref())?;
    let mut scan = scan_for(desk, &world, &selector)?;
    let chosen = slots_of(desk, &scan, &selector, slot)?;
    if args.ask_shell {
        session::asked::add(&mut scan, &chosen, &world, &desk.catalogue, PATIENCE);
    }
    let salt = salt(args.salt.as_ref());
    let style = desk.style(&world, &salt);
    if args.json {
        print_json(&report::status_json(&scan, &chosen, &mended(desk, &world, &scan, &chosen), style))?;
    } else {
        let blocks: Vec<String> = chosen.iter().map(|at| text::explain(&scan, *at, style)).collect();
        print(&blocks.join("\n"))?;
    }
    Ok(Exit::Fine)
}

/// Of how many findings the ways out are worked out: each is tried on the rules of its agent, and the worst come first.
pub(super) const TRIED: usize = 20;

/// What is wrong as far as can be seen offline. The ways out of a problem are tried for it; those of a mere risk are what
/// `check` and `fix` tell.
fn mended(desk: &Desk, world: &RealWorld, scan: &Scan, chosen: &[SlotRef]) -> Vec<Mended> {
    let words = Words { scan, catalogue: &desk.catalogue, home: world.home(), only: None };
    let context = Context { world, catalogue: &desk.catalogue };
    let none = Verdicts::default();
    let found = diagnosis::findings(words, chosen, &none).into_iter().enumerate();
    found
        .map(|(at, found)| {
            let tried = found.problem && at < TRIED;
            let ways = if tried { diagnosis::remedies(context, scan, &found, &none) } else { Vec::new() };
            let command = super::checking::fix_command(scan, &found);
            Mended { found, ways, command }
        })
        .collect()
}

/// No kind of finding is called so.
pub(super) fn no_finding(id: &str) -> Failure {
    let what = format!("no finding is called {}", report::plain(id));
    Failure::new(what, "`keymend explain --finding all` lists them")
}

#[derive(Serialize)]
struct FindingsJson {
    schema: u32,
    findings: Vec<KindJson>,
}

#[derive(Serialize)]
struct KindJson {
    #[serde(flatten)]
    kind: &'static finding::Kind,
    page: String,
}

/// `keymend explain --finding ID`.
fn finding(id: &str, json: bool) -> Result<Exit, Failure> {
    let kinds: Vec<_> =
        if id == "all" { finding::all().collect() } else { finding::find(id).into_iter().collect() };
    if kinds.is_empty() {
        return Err(no_finding(id));
    }
    if json {
        let findings =
            kinds.into_iter().map(|kind| KindJson { kind, page: crate::pages::find(&kind.page()) });
        print_json(&FindingsJson { schema: report::SCHEMA, findings: findings.collect() })?;
    } else if id == "all" {
        print(&kinds.iter().map(|kind| format!("{:<24} {}\n", kind.id, kind.title)).collect::<String>())?;
    } else {
        print(&kinds.iter().map(|kind| text::finding(kind)).collect::<String>())?;
    }
    Ok(Exit::Fine)
}

/// The agents that a selector names.
pub(super) fn wanted(selector: &Selector) -> Result<Vec<&'static Agent>, Failure> {
    match &selector.agent {
        None => Ok(agents::ALL.to_vec()),
        Some(id) => match agents::find(id) {
            Some(agent) => Ok(vec![agent]),
            None => Err(Failure::new(
                format!("no agent is called {}", report::plain(id)),
                "`keymend agents` lists those that keymend knows",
            )),
        },
    }
}

/// A scan for a person: an agent that was named is asked even without a trace of it, others only where they are found.
pub(super) fn scan_for(
    desk: &Desk,
    world: &crate::host::RealWorld,
    selector: &Selector,
) -> Result<Scan, Failure> {
    match selector.agent {
        Some(_) => Ok(session::scan(world, &desk.catalogue, &wanted(selector)?)),
        None => Ok(session::scan_all(world, &desk.catalogue)),
    }
}

/// The same where the keys of other agents may help: every agent that is here is asked, and the one that was named.
pub(super) fn whole_scan(
    desk: &Desk,
    world: &crate::host::RealWorld,
    selector: &Selector,
) -> Result<Scan, Failure> {
    if selector.agent.is_none() {
        return Ok(session::scan_all(world, &desk.catalogue));
    }
    let named = wanted(selector)?.first().copied();
    Ok(session::scan(world, &desk.catalogue, &session::present(world, &desk.catalogue, named)))
}

/// The slots that a selector names, at least one.
pub(super) fn slots_of(
    desk: &Desk,
    scan: &Scan,
    selector: &Selector,
    asked: &str,
) -> Result<Vec<SlotRef>, Failure> {
    let chosen = scan.select(selector);
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    // An agent's own name for a provider comes before keymend's other names for it.
    let id = selector.provider.as_ref().and_then(|name| desk.catalogue.by_alias(name));
    let chosen =
        id.map(|provider| scan.select(&Selector { provider: Some(provider.id.clone()), ..selector.clone() }));
    chosen.filter(|chosen| !chosen.is_empty()).ok_or_else(|| selector.no_such(scan, asked).into())
}

/// The slots that a selector names. None is an answer where only an agent was named, or a provider that keymend knows:
/// nothing was misspelt.
pub(super) fn slots_or_none(
    desk: &Desk,
    scan: &Scan,
    selector: &Selector,
    asked: Option<&str>,
) -> Result<Vec<SlotRef>, Failure> {
    let known = selector.provider.as_ref().is_none_or(|name| desk.catalogue.by_alias(name).is_some());
    match slots_of(desk, scan, selector, asked.unwrap_or_default()) {
        Err(_) if known => Ok(Vec::new()),
        found => found,
    }
}

/// The choice that a person wrote.
pub(super) fn selector(desk: &Desk, asked: &str, profile: Option<&String>) -> Result<Selector, Failure> {
    Ok(names::selector(asked, profile.map(String::as_str), &desk.catalogue)?)
}

/// The same where it may be left out: then it is everything.
pub(super) fn chosen_by(desk: &Desk, asked: Option<&str>) -> Result<Selector, Failure> {
    asked.map_or_else(|| Ok(Selector::default()), |asked| selector(desk, asked, None))
}

impl From<NoSuch> for Failure {
    fn from(no: NoSuch) -> Self {
        let mut hints = Vec::new();
        hints.extend(no.nearest.map(|nearest| format!("did you mean {}?", report::plain(&nearest))));
        if !no.known.is_empty() {
            hints.push(format!("there is: {}", report::plain(&no.known.join(", "))));
        }
        match no.what {
            "agent" => hints.push("`keymend agents` lists those that keymend knows".to_owned()),
            "slot" if no.known.is_empty() => hints.push("this agent keeps no key here".to_owned()),
            _ => {}
        }
        Self::new(format!("no {} is called {}", no.what, report::plain(&no.name)), hints.join("; "))
    }
}
