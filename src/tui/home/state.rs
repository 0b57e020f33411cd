//! What is chosen on the home screen.

use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::session::SlotRef;
use crate::source::Value;

use super::entries::{Order, has_row, need, visible};
use crate::tui::known::Known;
use crate::tui::ways::Ways;

/// The half of the screen where the keyboard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The slots.
    #[default]
    Slots,
    /// The candidates of the chosen slot.
    Candidates,
}

/// The state of the home screen.
#[derive(Debug, Default)]
pub struct Home {
    pub(super) chosen: Option<SlotId>,
    /// The person chose it; nothing else is chosen for them any more.
    pub(super) by_hand: bool,
    pub(super) candidate: Option<usize>,
    pub(super) pane: Pane,
    pub(super) filter: String,
    pub(super) filtering: bool,
    pub(super) order: Order,
    /// What is wrong with the chosen connection, and the ways out.
    pub(super) ways: Option<Ways>,
}

impl Home {
    /// The chosen slot: the one chosen by hand, else the worst one in use, else the first.
    #[must_use]
    pub fn slot<'a>(&self, known: &'a Known) -> Option<(SlotRef, &'a Slot)> {
        let by_hand = self.chosen.as_ref().and_then(|name| known.find(name));
        let by_hand = by_hand.filter(|at| has_row(known, *at, &self.filter, self.order));
        let at = by_hand.or_else(|| self.first(known))?;
        known.slot(at).map(|slot| (at, slot))
    }

    /// The connection that needs attention most, else the first.
    #[must_use]
    pub fn neediest(&self, known: &Known) -> Option<SlotId> {
        known.slot(self.first(known)?).map(SlotId::of)
    }

    fn first(&self, known: &Known) -> Option<SlotRef> {
        let visible = visible(known, &self.filter, self.order);
        worst(known, &visible).or_else(|| visible.first().copied())
    }

    /// The index of the chosen candidate: the one chosen by hand, else the active one, else the first.
    #[must_use]
    pub fn candidate(&self, slot: &Slot) -> usize {
        let last = slot.candidates.len().saturating_sub(1);
        self.candidate.or(slot.active).unwrap_or(0).min(last)
    }

    /// The candidate that `u` makes active: the chosen one where that is not active already.
    #[must_use]
    pub fn other(&self, slot: &Slot) -> Option<usize> {
        let chosen = self.candidate(slot);
        let is_other = |n: &usize| {
            Some(*n) != slot.active && slot.candidates.get(*n).is_some_and(|c| c.value != Value::Unset)
        };
        (self.pane == Pane::Candidates).then_some(chosen).filter(is_other)
    }
}

/// The one that needs attention most.
fn worst(known: &Known, among: &[SlotRef]) -> Option<SlotRef> {
    let of = |at: SlotRef| known.slot(at).and_then(|slot| need(&known.status(slot), slot));
    let needs = among.iter().filter_map(|at| Some((of(*at)?, *at)));
    needs.min_by_key(|(need, _)| *need).map(|(_, at)| at)
}
