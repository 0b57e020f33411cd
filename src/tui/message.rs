//! What goes in and out of the pure half: messages, effects and their answers.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Position;

use crate::agents::Agent;
use crate::destination::Destination;
use crate::edit::DiffLine;
use crate::host::writer::{Back, Since};
use crate::plan::{Offered, PlacedKey, Plan, SlotId};
use crate::probe::course::Report;
use crate::remedy::Remedy;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::diagnosis::Found;
use crate::session::holding::{Due, Restarted};
use crate::session::past::Lost;
use crate::session::write::Written;
use crate::source::Place;

use super::keys::Action;
use super::known::{Judged, Known, Scanning, Tested, Ticket};
use super::theme::Role;

/// One test to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The provider's id in the catalogue.
    pub provider: String,
    /// The key.
    pub key: Secret,
    /// The slot whose agent sends the key: it decides the header and the addresses.
    pub slot: Box<Slot>,
    /// What the person said yes to just now.
    pub yes: Yes,
    /// A refused key goes to the other addresses of the same company; only after a yes.
    pub siblings: bool,
    /// What the answer is remembered under.
    pub tested: Tested,
}

impl Job {
    /// The test of a key at the slot's own provider, or none if the catalogue does not know it.
    #[must_use]
    pub fn of(slot: &Slot, key: &Secret) -> Option<Self> {
        let provider = slot.provider.clone()?;
        let tested = Tested::new(&Known::subject(slot), key);
        (!key.is_empty()).then(|| Self {
            provider,
            key: key.clone(),
            slot: Box::new(slot.clone()),
            yes: Yes::Unasked,
            siblings: false,
            tested,
        })
    }

    /// The same test, remembered as one at the address that the agent uses.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        let tested = Tested::new(&crate::resolve::origin(address), &self.key);
        Self { tested, ..self }
    }
}

/// A yes to where a key may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Yes {
    /// Nobody was asked.
    #[default]
    Unasked,
    /// To the provider itself, although the agent sends the key elsewhere.
    Provider,
    /// To the address that the agent uses as well; remembered.
    Agent,
}

/// What the loop is to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read everything again.
    Scan(Ticket),
    /// Test keys, side by side.
    Probe(Ticket, Vec<Job>),
    /// Stop waiting for the answers to a ticket.
    Cancel(Ticket),
    /// Read the clipboard, for a key of this provider.
    ReadClipboard(Ticket, Option<String>),
    /// Put a text that is no key on the clipboard.
    Copy(String),
    /// Work out where a key could go.
    Offer {
        /// Marks the answer.
        ticket: Ticket,
        /// The agent that is to send it.
        agent: &'static Agent,
        /// The slot.
        slot: Box<Slot>,
        /// The key.
        key: Secret,
    },
    /// Work out which slots a key would fill.
    Suppose(Ticket),
    /// Work out what a new key would do at each place.
    Effects(Ticket),
    /// Work out what is wrong with a slot and the ways out, by what tests said of its keys.
    Mend(Ticket, Box<SlotId>, Vec<(Secret, Report)>),
    /// Work out a plan.
    Plan(Ticket, Box<Ask>),
    /// Write a plan that brings this key.
    Apply(Ticket, SharedPlan, Secret),
    /// List what was written.
    History(Ticket),
    /// Work out what an undo of this action (of the newest without one) would change.
    UndoPlan(Ticket, Option<String>, Back),
    /// Take an action back.
    Undo(Ticket, String, Back),
    /// Look what another program took back of an action.
    Lost(Ticket, String),
    /// Restart what still holds an old key, and look what runs then.
    Restart(Ticket, Vec<Due>),
    /// Hand the terminal back and stop.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave.
    Quit,
}

/// What a plan is asked for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A key at one destination of a slot.
    Set {
        /// The agent.
        agent: &'static Agent,
        /// The slot.
        slot: Box<Slot>,
        /// Where the key goes.
        destination: Destination,
        /// The key.
        key: Secret,
    },
    /// Another candidate as the active one.
    Use {
        /// The agent.
        agent: &'static Agent,
        /// The slot.
        slot: Box<Slot>,
        /// The candidate.
        n: usize,
    },
    /// A new key at every one of these places.
    Rotate {
        /// The key that goes.
        old: Secret,
        /// The key that comes.
        new: Secret,
        /// Where.
        places: Vec<Place>,
    },
    /// A plan that is there already.
    Ready(SharedPlan),
    /// A key that another program took away, again at these places.
    BringBack {
        /// The key.
        key: Secret,
        /// Where, and what is there now.
        places: Vec<PlacedKey>,
    },
}

/// One action in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The journal's name for it.
    pub id: String,
    /// When, Unix milliseconds.
    pub when_ms: i64,
    /// What was done: `set openclaw/anthropic (main)`.
    pub title: String,
    /// Where, and what other programs did there since.
    pub places: Vec<(String, Since)>,
    /// Its state: `written`, `undone`.
    pub state: String,
    /// It can be taken back.
    pub can_undo: bool,
    /// Its key was taken away somewhere and can be brought back.
    pub lost: bool,
    /// How long its backups are kept, in words.
    pub kept: String,
}

/// What an undo would change, or why it would not.
#[derive(Clone, Debug)]
pub struct Undoing {
    /// The action's name in the journal.
    pub id: String,
    /// What was done.
    pub title: String,
    /// How a place is treated that somebody wrote to since.
    pub how: Back,
    /// Each place and its masked difference.
    pub places: Vec<(String, Vec<DiffLine>)>,
    /// Somebody wrote there since: these are the places, and nothing is undone without a choice.
    pub conflict: bool,
    /// It was never finished: a kill interrupted it, and this ends it.
    pub interrupted: bool,
}

/// The plan's text is shared between the review and the writer.
pub type SharedPlan = Arc<Plan>;

/// What the loop reports.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted, or came in a burst too quick for fingers.
    Paste(Secret),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resize(u16, u16),
    /// Time for the next frame of a spinner.
    Tick,
    /// A paste began and has not ended, or has ended.
    PasteOpen(bool),
    /// A scan is done.
    Scanned(Ticket, Box<Scanning>),
    /// A test was answered.
    Judged(Ticket, Tested, Judged),
    /// An effect of a screen was answered.
    Answer(Ticket, Answer),
    /// Something worth a line was done.
    Told(String, Role),
    /// A kill interrupted this write, which needs a yes to be ended.
    Interrupted(String),
}

/// Why an effect failed, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub what: String,
    /// The way out; may be empty.
    pub hint: String,
}

/// What a screen is given.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key of the table.
    Do(Action),
    /// A character where text is expected.
    Char(char),
    /// Pasted text.
    Paste(Secret),
    /// A click at this cell.
    Click(Position),
    /// The wheel; negative is up.
    Wheel(i8),
    /// An answer to one of its effects.
    Answer(Ticket, Answer),
    /// What is known has changed.
    Look,
    /// It is in sight again: the screen above was closed, with this result.
    Returned(Returned),
}

impl Input {
    /// The answer to the effect with this ticket, if it is one.
    #[must_use]
    pub fn answer(&self, waiting: Option<Ticket>) -> Option<&Answer> {
        match self {
            Self::Answer(ticket, answer) if Some(*ticket) == waiting => Some(answer),
            _ => None,
        }
    }
}

/// What a closed screen has to say to the one below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Returned {
    /// Nothing.
    #[default]
    Nothing,
    /// This key was written.
    Wrote(Secret),
    /// This action was taken back.
    Undone(String),
    /// This connection was chosen.
    Chose(SlotId),
    /// The screen below is to do this.
    Run(Action),
}

/// A finding, and the ways out of it.
pub type Mending = (Found, Vec<Remedy>);

/// An answer to an effect of one screen.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The clipboard's text.
    Clipboard(Secret),
    /// Where a key could go, and which place is the best.
    Offered(Vec<Offered>, Option<usize>),
    /// What is wrong with a slot, and the ways out.
    Mending(Vec<Mending>),
    /// What a new key would do at each place.
    Effects(Vec<(Place, Result<String, String>)>),
    /// The slots that a key would fill.
    Plausible(Vec<(&'static Agent, Slot)>, Vec<&'static str>),
    /// A plan.
    Planned(SharedPlan),
    /// A plan was written.
    Applied(Box<Written>),
    /// What was written, newest first.
    History(Vec<Past>),
    /// What an undo would change.
    Undoing(Undoing),
    /// An action was taken back; in words.
    Undone(String),
    /// What another program took back.
    Lost(Box<Lost>),
    /// What became of the restarts.
    Restarted(Vec<Restarted>),
    /// The effect failed.
    Failed(Failure),
}
