//! Test all: every key that is sent, at its own provider, side by side, with the answers as they come.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::session::SlotRef;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::Test;
use super::known::Ticket;
use super::message::{Effect, Input, Job};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::{slotview, words};

/// The state of the screen: the slots that are tested, and the one that is looked at.
#[derive(Debug)]
pub struct TestAll {
    slots: Vec<SlotId>,
    at: usize,
    ticket: Option<Ticket>,
}

impl Screen for TestAll {
    fn context(&self) -> Context {
        Context::TestAll
    }

    fn title(&self, _core: &Core) -> String {
        " test all".to_owned()
    }

    fn aside(&self, core: &Core) -> Row {
        let all = self.tests(core);
        let done = all.iter().filter(|test| !matches!(test, Some(Test::Running(_)))).count();
        let row =
            if done < all.len() { Row::of(parts::spinner(core), Role::Accent).text(" ") } else { Row::new() };
        row.add(format!("{done} of {} answered", all.len()), Role::Dim)
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        let running = self.tests(core).iter().any(|test| matches!(test, Some(Test::Running(_))));
        match action {
            Action::Cancel => running,
            Action::TestAll => !running,
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let len = self.slots.len();
        match *input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::TestAll) => {
                let (again, effects) = Self::start(core);
                *self = Self { at: self.at.min(again.slots.len().saturating_sub(1)), ..again };
                return Step::run(effects);
            }
            Input::Do(Action::Cancel) => {
                if let Some(ticket) = self.ticket.take() {
                    core.known.gave_up(ticket);
                    return Step::run(vec![Effect::Cancel(ticket)]);
                }
            }
            Input::Do(action) => {
                let by = match action {
                    Action::Up => -1,
                    Action::Down => 1,
                    Action::PageUp => -10,
                    Action::PageDown => 10,
                    Action::First => isize::MIN / 2,
                    Action::Last => isize::MAX / 2,
                    _ => 0,
                };
                self.at = parts::step(self.at, by, len);
            }
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), len),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "Every key that is sent", true);
        let slots = self.slots(core);
        if slots.is_empty() {
            let mut rows = Rows::default();
            rows.hang(
                &Row::new(),
                "No slot sends a key that can be tested.",
                Role::Dim,
                usize::from(inner.width),
            );
            return rows.draw(core, frame, inner, 0);
        }
        let columns = usize::from(inner.width);
        let below = self.detail(core, &slots, columns);
        let height = usize::from(inner.height);
        let list = slots.len().min(height.saturating_sub(below.len() + 1).max(height / 2));
        let skip = parts::scroll_to(self.at, slots.len(), list);
        let lines: Vec<Line> = (skip..slots.len().min(skip + list))
            .filter_map(|at| slots.get(at).map(|slot| self.row(core, at, *slot, columns)))
            .collect();
        frame.render_widget(Paragraph::new(lines), inner);
        parts::more(core, frame, area, skip, slots.len(), list);
        let y = inner.y + u16::try_from(list + 1).unwrap_or(0);
        let rest = Rect { y, height: inner.bottom().saturating_sub(y), ..inner };
        below.draw(core, frame, rest, 0);
    }
}

impl TestAll {
    /// Asks for a test of every key that is sent, each distinct key once for each provider.
    pub fn start(core: &mut Core) -> (Self, Vec<Effect>) {
        let slots = tested_slots(core);
        let mut jobs: Vec<Job> = Vec::new();
        for slot in slots.iter().filter_map(|at| core.known.slot(*at)) {
            let job = slot.sent().and_then(|sent| Job::of(slot, &sent.key));
            jobs.extend(job.filter(|job| jobs.iter().all(|other| other.tested != job.tested)));
        }
        let names = slots.iter().filter_map(|at| core.known.slot(*at)).map(SlotId::of).collect();
        let effects = core.probe(jobs);
        let ticket = effects.iter().find_map(|effect| match effect {
            Effect::Probe(ticket, _) => Some(*ticket),
            _ => None,
        });
        (Self { slots: names, at: 0, ticket }, effects)
    }

    fn slots<'a>(&self, core: &'a Core) -> Vec<(SlotRef, &'a Slot)> {
        let found = self.slots.iter().filter_map(|name| core.known.find(name));
        found.filter_map(|at| core.known.slot(at).map(|slot| (at, slot))).collect()
    }

    fn tests<'a>(&self, core: &'a Core) -> Vec<Option<&'a Test>> {
        self.slots(core).into_iter().map(|(_, slot)| core.known.test(slot, &slot.sent()?.key)).collect()
    }

    fn row(&self, core: &Core, index: usize, (at, slot): (SlotRef, &Slot), columns: usize) -> Line<'static> {
        let chosen = index == self.at;
        let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
        let status = core.known.status(slot);
        let mark = if status.word == "testing" { parts::spinner(core) } else { status.mark };
        let name = if columns >= 100 { 34 } else { 19 };
        let row = Row::of(if chosen { "▸ " } else { "  " }, Role::Accent)
            .add(mark, status.role)
            .text(" ")
            .cell(&status.word, 12, status.role)
            .text(" ")
            .cell(agent, name, Role::Text)
            .text(" ")
            .cell(words::provider(slot), 11, Role::Text)
            .text(" ");
        let row = match slot.sent() {
            Some(sent) => parts::key(row, core, &sent.key),
            None => row,
        };
        row.cut(columns).fill(columns).line(core, chosen.then_some(Role::Cursor))
    }

    /// The chosen slot's answer in full.
    fn detail(&self, core: &Core, slots: &[(SlotRef, &Slot)], columns: usize) -> Rows {
        let chosen = slots.get(self.at.min(slots.len().saturating_sub(1)));
        let Some((slot, sent)) = chosen.and_then(|(_, slot)| slot.sent().map(|sent| (slot, sent))) else {
            return Rows::default();
        };
        let mut rows = slotview::sends(core, slot, columns);
        rows.0.extend(slotview::verdict(core, slot, &sent.key, columns).0);
        if let Some(Test::Done(judged)) = core.known.test(slot, &sent.key) {
            for (name, value) in &judged.evidence {
                rows.field(&format!("  {name:<12}"), value, Role::Dim, columns);
            }
        }
        rows
    }
}

/// The slots whose key can be tested, those in use first.
fn tested_slots(core: &Core) -> Vec<SlotRef> {
    let can = |slot: &Slot| slot.sent().is_some_and(|sent| Job::of(slot, &sent.key).is_some());
    let mut slots: Vec<(bool, SlotRef)> = core
        .known
        .scan()
        .slots()
        .filter(|(_, _, slot)| can(slot))
        .map(|(at, _, slot)| (!slot.in_use, at))
        .collect();
    slots.sort();
    slots.into_iter().map(|(_, at)| at).collect()
}
