//! [`Screen`]: what every screen can do, and [`Step`]: what it wants after an input. A screen owns its state, and opens
//! other screens as plain values.

use std::fmt::Debug;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::SlotId;

use super::core::Core;
use super::keys::{Action, Context};
use super::message::{Effect, Input, Returned};
use super::parts::Row;

/// One screen and its state.
pub trait Screen: Debug {
    /// Which rows of the key table hold.
    fn context(&self) -> Context;
    /// Takes an input.
    fn update(&mut self, core: &mut Core, input: &Input) -> Step;
    /// Draws the body.
    fn view(&self, core: &Core, frame: &mut Frame, area: Rect);
    /// The words after the program's name.
    fn title(&self, core: &Core) -> String;
    /// The right of the header.
    fn aside(&self, _core: &Core) -> Row {
        Row::new()
    }
    /// The connection that is chosen: what a key that is pasted here is for.
    fn connection(&self, _core: &Core) -> Option<SlotId> {
        None
    }
    /// Whether an action makes sense now; the footer hides what does not.
    fn offers(&self, _core: &Core, _action: Action) -> bool {
        true
    }
}

/// Where a screen wants to go.
#[derive(Debug, Default)]
pub enum Go {
    /// Nowhere.
    #[default]
    Stay,
    /// Back to the screen before, with a result for it.
    Back(Returned),
    /// To a new screen, with this one to return to.
    Push(Box<dyn Screen>),
    /// To the explanation of this slot. By name, since an explanation leads to a comparison and a comparison to this.
    Explain(SlotId),
}

/// What a screen wants after an input.
#[derive(Debug, Default)]
pub struct Step {
    /// Where to go.
    pub go: Go,
    /// What to do.
    pub effects: Vec<Effect>,
}

impl Step {
    /// Nothing.
    #[must_use]
    pub fn stay() -> Self {
        Self::default()
    }

    /// Back to the screen before.
    #[must_use]
    pub fn back() -> Self {
        Self::back_with(Returned::Nothing)
    }

    /// Back to the screen before, which is told this.
    #[must_use]
    pub fn back_with(result: Returned) -> Self {
        Self { go: Go::Back(result), effects: Vec::new() }
    }

    /// To a new screen.
    #[must_use]
    pub fn push(screen: impl Screen + 'static) -> Self {
        Self { go: Go::Push(Box::new(screen)), effects: Vec::new() }
    }

    /// To the explanation of a slot.
    #[must_use]
    pub fn explain(slot: SlotId) -> Self {
        Self { go: Go::Explain(slot), effects: Vec::new() }
    }

    /// These effects, here.
    #[must_use]
    pub fn run(effects: Vec<Effect>) -> Self {
        Self { go: Go::Stay, effects }
    }

    /// With these effects as well.
    #[must_use]
    pub fn and(mut self, effects: Vec<Effect>) -> Self {
        self.effects.extend(effects);
        self
    }
}
