//! A question before a test: the slot sends its key to an address that is not its provider's. Nothing goes there without
//! a yes.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::resolve::{origin, shown};

use super::app::{Core, Go, Input, Job, Step};
use super::keys::{Action, Context};
use super::known::Tested;
use super::parts::{self, Row, Rows};
use super::theme::Role;
use super::words;

/// The state of the question.
#[derive(Debug)]
pub struct Where {
    job: Job,
    address: String,
}

impl Where {
    /// Asks where to test: `job` is the test at the provider itself.
    #[must_use]
    pub fn new(job: Job, address: &str) -> Self {
        Self { job, address: address.to_owned() }
    }

    /// Which rows of the key table hold.
    #[must_use]
    pub const fn context(&self) -> Context {
        Context::Confirm
    }

    /// The words after the program's name.
    #[must_use]
    pub fn title(&self, _core: &Core) -> String {
        " where to test".to_owned()
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let job = match input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Enter) => self.job.clone(),
            Input::Do(Action::Insist) => Job {
                base_url: Some(self.address.clone()),
                tested: Tested::new(&origin(&self.address), &self.job.key),
                ..self.job.clone()
            },
            _ => return Step::stay(),
        };
        Step { go: Go::Back, effects: core.probe(vec![job]) }
    }

    /// Draws the body.
    pub fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "Where should the key be tested?", true);
        let columns = usize::from(inner.width);
        let name = words::provider_title(&core.known.catalogue, &self.job.provider);
        let mut rows = Rows::default();
        rows.push(parts::key(Row::of("key  ", Role::Dim), core, &self.job.key));
        rows.gap();
        let text =
            format!("The agent sends it to {}. That is not an address of {name}.", shown(&self.address));
        rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
        rows.gap();
        let text = format!(" test at {name}, whose key it is");
        rows.hang(&Row::of("→ ", Role::Accent).add("Enter", Role::Accent), &text, Role::Text, columns);
        let text = format!(" send the key to {} as the agent does", words::address(&self.address));
        rows.hang(&Row::of("→ ", Role::Accent).add("y    ", Role::Accent), &text, Role::Text, columns);
        rows.draw(core, frame, inner, 0);
    }
}
