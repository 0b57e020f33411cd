//! What is wrong with one connection and the ways out, as the screens hold them: asked for in the background, and asked
//! for again when a test or a scan brought something new.

use crate::plan::SlotId;
use crate::remedy::{Act, Remedy};
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;

use super::core::Core;
use super::known::{Test, Ticket};
use super::message::{Answer, Effect, Input, Mending};
use super::screen::Step;
use super::theme::Role;
use super::wizard::Wizard;

/// The findings of one connection, the gravest first, each with its ways out, the best first.
#[derive(Debug)]
pub struct Ways {
    slot: SlotId,
    waiting: Option<Ticket>,
    /// The scan, and how many keys of the connection had an answer, when the ways out were asked for.
    seen: (u64, usize),
    /// What was known when that was last compared: it is worked out over every key.
    news: (u64, u64),
    found: Vec<Mending>,
    /// An answer came: that nothing is found is known, and not only not known yet.
    here: bool,
}

impl Ways {
    /// Nothing asked yet.
    #[must_use]
    pub const fn of(slot: SlotId) -> Self {
        Self { slot, waiting: None, seen: (0, 0), news: (0, 0), found: Vec::new(), here: false }
    }

    /// The connection.
    #[must_use]
    pub const fn slot(&self) -> &SlotId {
        &self.slot
    }

    /// The connection in the last scan.
    #[must_use]
    pub fn slot_of<'a>(&self, core: &'a Core) -> Option<(SlotRef, &'a Slot)> {
        let at = core.known.find(&self.slot)?;
        core.known.slot(at).map(|slot| (at, slot))
    }

    /// The findings.
    #[must_use]
    pub fn found(&self) -> &[Mending] {
        &self.found
    }

    /// Whether the findings are there.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        self.here
    }

    /// Every way out, in the order of the findings.
    pub fn all(&self) -> impl Iterator<Item = &Remedy> {
        self.found.iter().flat_map(|(_, ways)| ways)
    }

    /// Takes the answer that is waited for; returns whether this was it.
    pub fn take(&mut self, input: &Input) -> bool {
        let Some(Answer::Mending(found)) = input.answer(self.waiting) else { return false };
        self.waiting = None;
        self.here = true;
        self.found.clone_from(found);
        true
    }

    /// Whether something is known now that was not when the ways out were asked for.
    #[must_use]
    pub fn is_stale(&mut self, core: &Core) -> bool {
        if self.waiting.is_some() || !self.here {
            return self.waiting.is_none();
        }
        let before = std::mem::replace(&mut self.news, core.known.news());
        before != self.news && self.seen != self.now(core)
    }

    /// Asks again where something new is known.
    pub fn keep_up(&mut self, core: &mut Core) -> Vec<Effect> {
        if self.is_stale(core) { self.ask(core) } else { Vec::new() }
    }

    /// An answer may have come while another screen was in sight: what is here stays, and is asked for again.
    pub const fn again(&mut self) {
        self.waiting = None;
        self.here = false;
    }

    /// Asks for the findings and the ways out, by what the tests said so far.
    pub fn ask(&mut self, core: &mut Core) -> Vec<Effect> {
        self.news = core.known.news();
        self.seen = self.now(core);
        let Some((_, slot)) = self.slot_of(core) else { return Vec::new() };
        let verdicts = core.known.verdicts(slot);
        let ticket = core.ticket();
        self.waiting = Some(ticket);
        vec![Effect::Mend(ticket, Box::new(self.slot.clone()), verdicts)]
    }

    fn now(&self, core: &Core) -> (u64, usize) {
        let (scans, _) = core.known.news();
        let Some((_, slot)) = self.slot_of(core) else { return (scans, 0) };
        let done = |key: &&Secret| matches!(core.known.test(slot, key), Some(Test::Done(_)));
        (scans, core.known.worth_testing(slot).iter().filter(done).count())
    }

    /// Does one: to the review of its plan, or the command on the clipboard.
    pub fn go(&self, core: &mut Core, remedy: &Remedy) -> Step {
        let Some((_, slot)) = self.slot_of(core) else { return Step::stay() };
        let Act::Write { plan, key } = &remedy.act else { return copy(core, remedy) };
        let slot = slot.clone();
        let (wizard, effects) = Wizard::mending(core, &slot, plan, key.as_ref());
        Step::push(wizard).and(effects)
    }
}

/// Copies the command or the address of a way out.
pub fn copy(core: &mut Core, remedy: &Remedy) -> Step {
    let Some(how) = remedy.how() else {
        core.say("there is nothing to copy here: do what the line says", Role::Warn);
        return Step::stay();
    };
    Step::run(vec![Effect::Copy(how)])
}
