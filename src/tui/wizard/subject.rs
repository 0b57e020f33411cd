//! What a key in the wizard is for, the steps that it goes through, and what a step wants next.

use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;
use crate::session::write::Written;
use crate::source::Place;

use crate::tui::core::Core;
use crate::tui::message::{Ask, Effect, SharedPlan};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::screen::Screen;
use crate::tui::theme::Role;
use crate::tui::{slotview, words};

/// What the key is for.
#[derive(Clone, Debug)]
pub enum Target {
    /// One slot.
    Slot(SlotId),
    /// Every ticked place of an old key.
    Places {
        /// The old key.
        old: Secret,
        /// Where it goes.
        places: Vec<Place>,
        /// The slots that read these places.
        slots: Vec<SlotId>,
    },
}

/// A key on its way through the wizard: what all steps know of it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the key is for.
    pub target: Target,
    /// The provider that it is tested at.
    pub provider: Option<String>,
    /// The key that is there now.
    pub old: Option<Secret>,
    /// The key that comes.
    pub new: Option<Secret>,
    /// It was entered against the advice, or could not be proven; said again in the review and at the end.
    pub unproven: Option<String>,
    /// What was taken off the paste, in words.
    pub taken_off: Option<String>,
    /// The key is one of the slot's candidates, to be made the active one.
    pub switch: bool,
}

/// The step that is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WizardStep {
    /// Waiting for a key.
    Paste,
    /// What it became.
    Clean,
    /// The live test.
    Test,
    /// Where to write.
    Destination,
    /// The masked difference.
    Review,
    /// Written.
    Done,
}

/// What a step wants.
#[derive(Debug)]
pub enum WizardAction {
    /// To stay, with these effects.
    Stay(Vec<Effect>),
    /// One step back.
    Back,
    /// A paste came: look at it.
    Look(Secret),
    /// To the live test.
    Test,
    /// To the choice of a place.
    Choose,
    /// To the review of what this asks for.
    Review(Box<Ask>),
    /// It is written: the plan, and what came of it.
    Finish(SharedPlan, Box<Written>),
    /// To a screen on top of the wizard.
    Open(Box<dyn Screen>, Vec<Effect>),
    /// Out of the wizard.
    Leave,
}

impl WizardAction {
    /// To stay.
    #[must_use]
    pub const fn stay() -> Self {
        Self::Stay(Vec::new())
    }
}

impl Subject {
    /// A new key for one slot.
    #[must_use]
    pub fn of_slot(slot: &Slot) -> Self {
        let sent = slot.sent().map(|sent| sent.key.clone());
        let there = || {
            let mut keys = slot.candidates.iter().filter_map(|candidate| candidate.value.secret());
            keys.find(|key| !key.is_empty()).cloned()
        };
        Self {
            target: Target::Slot(SlotId::of(slot)),
            provider: slot.provider.clone(),
            old: sent.or_else(there),
            new: None,
            unproven: None,
            taken_off: None,
            switch: false,
        }
    }

    /// The slots concerned, as they are now.
    #[must_use]
    pub fn slots<'a>(&self, core: &'a Core) -> Vec<(SlotRef, &'a Slot)> {
        let ids = match &self.target {
            Target::Slot(id) => std::slice::from_ref(id),
            Target::Places { slots, .. } => slots,
        };
        let found = ids.iter().filter_map(|id| core.known.find(id));
        found.filter_map(|at| core.known.slot(at).map(|slot| (at, slot))).collect()
    }

    /// The first slot concerned: the one whose provider is asked.
    #[must_use]
    pub fn slot<'a>(&self, core: &'a Core) -> Option<(SlotRef, &'a Slot)> {
        let slots = self.slots(core);
        let with_provider = slots.iter().position(|(_, slot)| slot.provider == self.provider);
        slots.get(with_provider.unwrap_or(0)).copied()
    }

    /// The target in words: `OpenClaw · main · anthropic`, `3 places`.
    #[must_use]
    pub fn words(&self, core: &Core) -> String {
        match &self.target {
            Target::Places { places, .. } => parts::count(places.len(), "place", "places"),
            Target::Slot(_) => self.slot(core).map_or_else(String::new, |(at, slot)| {
                let agent =
                    core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
                format!("{agent} · {}", words::provider(slot))
            }),
        }
    }

    /// The old key with its verdict, and from the second step on the new one with its own.
    #[must_use]
    pub fn old_and_new(&self, core: &Core, at: WizardStep, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let old = Row::of("old  ", Role::Dim);
        rows.push(match &self.old {
            Some(key) => self.with_verdict(core, parts::key(old, core, key), key).cut(columns),
            None => old.add("– none", Role::Dim),
        });
        if let Some(key) = self.new.as_ref().filter(|_| at > WizardStep::Paste) {
            let row = parts::key(Row::of("new  ", Role::Dim), core, key);
            rows.push(self.with_verdict(core, row, key).cut(columns));
            if let Some(words) = self.taken_off.as_ref().filter(|_| at > WizardStep::Clean) {
                rows.push(
                    Row::of("     taken off the paste: ", Role::Dim).add(words, Role::Dim).cut(columns),
                );
            }
        }
        rows
    }

    fn with_verdict(&self, core: &Core, row: Row, key: &Secret) -> Row {
        match self.slot(core) {
            Some((_, slot)) => slotview::with_verdict(core, slot, row, key),
            None => row,
        }
    }
}
