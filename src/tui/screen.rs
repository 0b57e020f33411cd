//! [`Screen`]: the closed list of screens. Each variant owns its state; its update and view stand in its own file.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::app::{Core, Input, Step};
use super::compare::Compare;
use super::explain::Explain;
use super::help::Help;
use super::history::History;
use super::home::Home;
use super::keys::{Action, Context};
use super::keyview::KeyList;
use super::parts::Row;
use super::setup::Setup;
use super::testall::TestAll;
use super::undo::Undo;
use super::where_to::Where;
use super::wizard::Wizard;

/// One screen and its state.
#[derive(Debug)]
pub enum Screen {
    /// The slots and their candidates.
    Home(Home),
    /// The full chain of one slot.
    Explain(Explain),
    /// Candidates side by side.
    Compare(Compare),
    /// Every key and where it stands.
    Keys(KeyList),
    /// All tests at once.
    TestAll(TestAll),
    /// A new key, from the paste to the proof.
    Wizard(Box<Wizard>),
    /// The guided set-up.
    Setup(Setup),
    /// What was written.
    History(History),
    /// What an undo would change.
    Undo(Undo),
    /// A question before a test at a foreign address.
    Where(Where),
    /// The keys of a screen.
    Help(Help),
}

/// Calls one function on the state of whichever screen it is.
macro_rules! each {
    ($screen:expr, $state:ident => $call:expr) => {
        match $screen {
            Screen::Home($state) => $call,
            Screen::Explain($state) => $call,
            Screen::Compare($state) => $call,
            Screen::Keys($state) => $call,
            Screen::TestAll($state) => $call,
            Screen::Wizard($state) => $call,
            Screen::Setup($state) => $call,
            Screen::History($state) => $call,
            Screen::Undo($state) => $call,
            Screen::Where($state) => $call,
            Screen::Help($state) => $call,
        }
    };
}

impl Screen {
    /// Which rows of the key table hold.
    #[must_use]
    pub fn context(&self) -> Context {
        each!(self, state => state.context())
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        each!(self, state => state.update(core, input))
    }

    /// Draws the body.
    pub fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        each!(self, state => state.view(core, frame, area));
    }

    /// The words after the program's name.
    #[must_use]
    pub fn title(&self, core: &Core) -> String {
        each!(self, state => state.title(core))
    }

    /// What stands at the right of the header.
    #[must_use]
    pub fn aside(&self, core: &Core) -> Row {
        match self {
            Self::Home(home) => home.aside(core),
            Self::TestAll(all) => all.aside(core),
            _ => Row::new(),
        }
    }

    /// Whether an action makes sense now; the footer leaves out what does not.
    #[must_use]
    pub fn offers(&self, core: &Core, action: Action) -> bool {
        match self {
            Self::Home(home) => home.offers(core, action),
            Self::Compare(compare) => compare.offers(core, action),
            Self::TestAll(all) => all.offers(core, action),
            Self::Wizard(wizard) => wizard.offers(core, action),
            Self::Setup(setup) => setup.offers(action),
            Self::History(history) => history.offers(action),
            Self::Undo(undo) => undo.offers(action),
            Self::Where(question) => question.offers(action),
            _ => true,
        }
    }
}
