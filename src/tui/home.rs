//! Home: the slots at the left, the chosen slot's candidates at the right, its verdict and the way out underneath.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::plan::SlotId;
use crate::resolve::Slot;

use super::compare::Compare;
use super::core::Core;
use super::explain::Explain;
use super::fix::Fix;
use super::history::History;
use super::keys::{Action, Context};
use super::keyview::KeyList;
use super::known;
use super::message::{Input, Job};
use super::parts::{self, Row};
use super::screen::Screen;
use super::screen::Step;
use super::setup::Setup;
use super::testall::TestAll;
use super::theme::Role;
use super::undo::Undo;
use super::way_out;
use super::where_to::Where;
use super::wizard::Wizard;
use super::words;

pub mod detail;
mod entries;
pub mod list;
mod state;

pub use state::{Home, Pane};

impl Screen for Home {
    fn context(&self) -> Context {
        if self.filtering { Context::Filter } else { Context::Home }
    }

    fn title(&self, core: &Core) -> String {
        if !core.known.scanned {
            return String::new();
        }
        let agents = core.known.agents_found();
        let keys = core.known.scan().keys.len();
        let problems = core.known.problems();
        format!(
            " {} · {} · {}",
            parts::count(agents, "agent", "agents"),
            parts::count(keys, "key", "keys"),
            parts::count(problems, "problem", "problems")
        )
    }

    fn aside(&self, core: &Core) -> Row {
        if core.scanning.is_some() {
            return Row::of(parts::spinner(core), Role::Accent).add(" reading this machine", Role::Dim);
        }
        match core.known.running() {
            0 => Row::of(format!("scanned in {} ms", core.known.scanning.took_ms), Role::Dim),
            n => Row::of(parts::spinner(core), Role::Accent)
                .add(format!(" testing {}", parts::count(n, "key", "keys")), Role::Dim),
        }
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        let slot = self.slot(&core.known).map(|(_, slot)| slot);
        match action {
            Action::New | Action::Explain | Action::Fix => slot.is_some(),
            Action::Test => slot.is_some_and(|slot| self.key_to_test(slot).is_some()),
            Action::Others => slot.is_some_and(|slot| self.others(core, slot).is_some()),
            Action::Compare => slot.is_some_and(|slot| known::set(slot).count() > 0),
            Action::Use => slot.is_some_and(|slot| known::set(slot).count() > 1),
            Action::TestAll | Action::ByKey => !core.known.scan().keys.is_empty(),
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        match *input {
            Input::Do(action) if self.filtering => self.edit_filter(core, action),
            Input::Do(action) => self.act(core, action),
            Input::Char(c) if self.filtering => {
                self.filter.push(c);
                Step::stay()
            }
            Input::Look | Input::Returned(_) => self.look(core),
            Input::Wheel(by) => self.walk(core, isize::from(by)),
            Input::Click(at) => self.click(core, at),
            Input::Paste(_) => {
                core.say("press n first: a key is pasted for a slot", Role::Warn);
                Step::stay()
            }
            _ => Step::stay(),
        }
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let (left, right) = panes(area);
        detail::draw(core, self, frame, right);
        list::draw(core, self, frame, left);
    }
}

impl Home {
    /// A machine with nothing set opens the guided set-up, once.
    fn look(&mut self, core: &mut Core) -> Step {
        // What is chosen stays chosen while verdicts come in.
        if self.chosen.is_none() {
            self.chosen = self.slot(&core.known).map(|(_, slot)| SlotId::of(slot));
        }
        let agents = core.known.agents_found();
        let first = core.known.scanned && !std::mem::replace(&mut core.greeted, core.known.scanned);
        if first && agents > 0 && core.known.scan().keys.is_empty() {
            return Setup::open(core);
        }
        Step::stay()
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Step {
        match action {
            Action::Up => self.walk(core, -1),
            Action::Down => self.walk(core, 1),
            Action::PageUp => self.walk(core, -10),
            Action::PageDown => self.walk(core, 10),
            Action::First => self.walk(core, isize::MIN / 2),
            Action::Last => self.walk(core, isize::MAX / 2),
            Action::Left => self.focus(Pane::Slots),
            Action::Right => self.focus(Pane::Candidates),
            Action::NextPane => {
                let next = if self.pane == Pane::Slots { Pane::Candidates } else { Pane::Slots };
                self.focus(next)
            }
            Action::Filter => {
                self.filtering = true;
                self.focus(Pane::Slots)
            }
            Action::Back => {
                self.filter.clear();
                self.focus(Pane::Slots)
            }
            Action::Rescan => Step::run(core.scan()),
            Action::TestAll => {
                let (all, effects) = TestAll::start(core);
                Step::push(all).and(effects)
            }
            Action::Setup => Setup::open(core),
            Action::History => {
                let (history, effects) = History::open(core);
                Step::push(history).and(effects)
            }
            Action::Undo => {
                let (undo, effects) = Undo::open(core, None);
                Step::push(undo).and(effects)
            }
            Action::ByKey => {
                let (keys, effects) = KeyList::open(core);
                Step::push(keys).and(effects)
            }
            other => self.on_slot(core, other),
        }
    }

    /// What concerns the chosen slot.
    fn on_slot(&mut self, core: &mut Core, action: Action) -> Step {
        let Some((at, slot)) = self.slot(&core.known) else {
            core.say("no slot is chosen", Role::Warn);
            return Step::stay();
        };
        match action {
            Action::New => Step::push(Wizard::for_slot(slot)),
            Action::Fix => {
                let slot = slot.clone();
                let (fix, effects) = Fix::open(core, &slot);
                Step::push(fix).and(effects)
            }
            Action::Use => {
                // What the foot of the screen offers is done with its key.
                let offered = || way_out::working_neighbour(&core.known, slot);
                let picked = self.other(slot).or_else(offered).zip(core.known.agent(at));
                let Some((n, agent)) = picked else {
                    core.say("choose another candidate first: Tab, then the arrows", Role::Warn);
                    return Step::stay();
                };
                let slot = slot.clone();
                let (wizard, effects) = Wizard::using(core, agent, &slot, n);
                Step::push(wizard).and(effects)
            }
            Action::Explain => Step::push(Explain::new(SlotId::of(slot))),
            Action::Compare => Step::push(Compare::of_slot(at, slot)),
            Action::Others => self.others(core, slot).map_or_else(
                || {
                    core.say("there is no other address to test this key at", Role::Warn);
                    Step::stay()
                },
                Step::push,
            ),
            Action::Test => {
                let Some(job) = self.key_to_test(slot).and_then(|key| Job::of(slot, key)) else {
                    core.say("no test is known for this provider", Role::Warn);
                    return Step::stay();
                };
                match (words::foreign(&core.known.catalogue, slot), core.known.asks(slot, &job.key)) {
                    (Some(address), true) => Step::push(Where::new(job, address)),
                    (Some(address), false) => Step::run(core.probe(vec![job.at(address)])),
                    (None, _) => Step::run(core.probe(vec![job])),
                }
            }
            _ => Step::stay(),
        }
    }

    /// The chosen candidate's key, or with the keyboard at the left what is sent.
    fn key_to_test<'a>(&self, slot: &'a Slot) -> Option<&'a crate::secret::Secret> {
        match self.pane {
            Pane::Slots => slot.sent().map(|sent| &sent.key),
            Pane::Candidates => slot.candidates.get(self.candidate(slot))?.value.secret(),
        }
    }

    /// The question before the addresses that the last test left out.
    fn others(&self, core: &Core, slot: &Slot) -> Option<Where> {
        Where::others(core, slot, self.key_to_test(slot)?)
    }

    fn edit_filter(&mut self, core: &Core, action: Action) -> Step {
        match action {
            // The slot that was found stays chosen when the filter is cleared.
            Action::Enter => {
                self.filtering = false;
                self.chosen = self.slot(&core.known).map(|(_, slot)| SlotId::of(slot));
            }
            Action::Back => {
                self.filtering = false;
                self.filter.clear();
            }
            Action::Erase => {
                self.filter.pop();
            }
            Action::Up => return self.walk(core, -1),
            Action::Down => return self.walk(core, 1),
            _ => {}
        }
        Step::stay()
    }

    fn focus(&mut self, pane: Pane) -> Step {
        self.pane = pane;
        if pane == Pane::Slots {
            self.candidate = None;
        }
        Step::stay()
    }

    fn walk(&mut self, core: &Core, by: isize) -> Step {
        let Some((at, slot)) = self.slot(&core.known) else { return Step::stay() };
        if self.pane == Pane::Candidates {
            let next = parts::step(self.candidate(slot), by, slot.candidates.len());
            self.candidate = Some(next);
            return Step::stay();
        }
        let visible = entries::visible(&core.known, &self.filter);
        let here = visible.iter().position(|other| *other == at).unwrap_or(0);
        let next = visible.get(parts::step(here, by, visible.len())).and_then(|at| core.known.slot(*at));
        self.chosen = next.map(SlotId::of);
        Step::stay()
    }

    fn click(&mut self, core: &Core, at: Position) -> Step {
        let (_, body, _) = parts::split(core.area());
        let (left, right) = panes(body);
        if left.contains(at) {
            self.focus(Pane::Slots);
            if let Some(slot) = list::slot_at(core, self, left, at).and_then(|at| core.known.slot(at)) {
                self.chosen = Some(SlotId::of(slot));
            }
        } else if right.contains(at) {
            self.focus(Pane::Candidates);
            self.candidate = detail::candidate_at(core, self, right, at);
        }
        Step::stay()
    }
}

/// The two halves of the body.
fn panes(body: Rect) -> (Rect, Rect) {
    let width = (body.width * 32 / 100).clamp(30, 46);
    let left = Rect { width, ..body };
    // The panes share the border between them.
    let right = Rect { x: body.x + width - 1, width: body.width - width + 1, ..body };
    (left, right)
}
