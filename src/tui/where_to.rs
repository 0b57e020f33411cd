//! A question before a test that sends the key to an address that was not asked so far: the one that the agent uses and
//! that is not its provider's, or the company's other addresses after a rejection. Nothing goes there without a yes.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::provider::authority;
use crate::resolve::{Slot, shown};
use crate::secret::Secret;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::Test;
use super::message::{Input, Job, Yes};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::words;

/// The state of the question.
#[derive(Debug)]
pub struct Where {
    /// The test at the provider itself.
    plain: Job,
    /// The test after a yes.
    wide: Job,
    to: To,
}

/// Where a yes lets the key go.
#[derive(Debug)]
enum To {
    /// The address that the agent uses.
    Agent(String),
    /// These hosts of the same company.
    Company(Vec<String>),
}

impl Screen for Where {
    fn context(&self) -> Context {
        Context::Confirm
    }

    fn title(&self, _core: &Core) -> String {
        " where to test".to_owned()
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        action != Action::Enter || matches!(self.to, To::Agent(_))
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let job = match input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Enter) if self.offers(core, Action::Enter) => self.plain.clone(),
            Input::Do(Action::Insist) => {
                if let To::Agent(address) = &self.to {
                    core.known.scanning.agreed.extend(authority(address).map(ToOwned::to_owned));
                }
                self.wide.clone()
            }
            _ => return Step::stay(),
        };
        Step::back().and(core.probe(vec![job]))
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "Where should the key be tested?", true);
        let columns = usize::from(inner.width);
        let name = words::provider_title(&core.known.catalogue, &self.plain.provider);
        let mut rows = Rows::default();
        rows.push(parts::key(Row::of("key  ", Role::Dim), core, &self.plain.key));
        rows.gap();
        match &self.to {
            To::Agent(address) => agent_rows(&mut rows, address, &name, columns),
            To::Company(hosts) => company_rows(&mut rows, hosts, &name, columns),
        }
        rows.draw(core, frame, inner, 0);
    }
}

impl Where {
    /// Asks where to test: `job` is the test at the provider itself.
    #[must_use]
    pub fn new(job: Job, address: &str) -> Self {
        let wide = Job { yes: Yes::Agent, ..job.clone().at(address) };
        Self { plain: Job { yes: Yes::Provider, ..job }, wide, to: To::Agent(address.to_owned()) }
    }

    /// Asks for the addresses that the last test of a key left out, where there are any.
    #[must_use]
    pub fn others(core: &Core, slot: &Slot, key: &Secret) -> Option<Self> {
        let job = Job::of(slot, key)?;
        let Some(Test::Done(judged)) = core.known.test(slot, key) else { return None };
        let address = words::foreign(&core.known.catalogue, slot);
        let there = core.known.test_there(slot, key).is_some();
        match address {
            _ if !judged.untried.is_empty() => {
                let base = address.filter(|_| there).map(|address| Self::new(job.clone(), address).wide);
                let wide = Job { siblings: true, ..base.unwrap_or_else(|| job.clone()) };
                Some(Self { plain: job, wide, to: To::Company(judged.untried.clone()) })
            }
            Some(address) if !there => Some(Self::new(job, address)),
            _ => None,
        }
    }
}

fn way(rows: &mut Rows, chord: &str, text: &str, columns: usize) {
    rows.hang(&Row::of("→ ", Role::Accent).add(chord, Role::Accent), text, Role::Text, columns);
}

fn agent_rows(rows: &mut Rows, address: &str, name: &str, columns: usize) {
    let text = format!("The agent sends it to {}. That is not an address of {name}.", shown(address));
    rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
    rows.gap();
    way(rows, "Enter ", &format!("test at {name}, whose key it is"), columns);
    let text = format!("send the key to {} as the agent does, too; remembered", words::address(address));
    way(rows, "y     ", &text, columns);
}

fn company_rows(rows: &mut Rows, hosts: &[String], name: &str, columns: usize) {
    let text = format!("{name} refuses it here. It may belong to another address of the same company:");
    rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
    for host in hosts {
        rows.hang(&Row::of("    ", Role::Text), host, Role::Text, columns);
    }
    rows.gap();
    way(rows, "y    ", "send the key to these addresses, too", columns);
    way(rows, "Esc  ", "leave it at that", columns);
}
