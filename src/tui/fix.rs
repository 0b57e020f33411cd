//! Fix: what is wrong with one slot, and the ways out, the best first. Where the key that is sent is refused, the other keys
//! of the slot are tested at the same host before anything is offered.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::SlotId;
use crate::remedy::Remedy;
use crate::resolve::Slot;
use crate::secret::Secret;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::{Grade, Test};
use super::message::{Effect, Input, Job};
use super::parts::{self, Row, Rows};
use super::screen::{Screen, Step};
use super::theme::Role;
use super::ways::{Ways, copy};
use super::words;

/// The state of the screen.
#[derive(Debug)]
pub struct Fix {
    ways: Ways,
    chosen: usize,
}

impl Screen for Fix {
    fn context(&self) -> Context {
        Context::Fix
    }

    fn title(&self, _core: &Core) -> String {
        " fix".to_owned()
    }

    fn connection(&self, _core: &Core) -> Option<SlotId> {
        Some(self.ways.slot().clone())
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        match action {
            Action::Enter => self.chosen().is_some(),
            Action::Copy => self.chosen().is_some_and(|remedy| remedy.how().is_some()),
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if self.ways.take(input) {
            self.chosen = self.chosen.min(self.ways.all().count().saturating_sub(1));
            // A test was answered while this was worked out.
            return self.look_again(core);
        }
        match input {
            Input::Do(Action::Back | Action::Fix) => Step::back(),
            Input::Do(Action::Up) => self.walk(-1),
            Input::Do(Action::Down) => self.walk(1),
            Input::Wheel(by) => self.walk(isize::from(*by)),
            Input::Do(Action::Enter) => match self.chosen() {
                Some(remedy) => self.ways.go(core, remedy),
                None => Step::stay(),
            },
            Input::Do(Action::Copy) => match self.chosen() {
                Some(remedy) => copy(core, remedy),
                None => Step::stay(),
            },
            Input::Do(Action::Explain) => Step::explain(self.ways.slot().clone()),
            Input::Returned(_) => Step::run(self.ways.ask(core)),
            // An answer of a test may change what is offered.
            Input::Look => self.look_again(core),
            _ => Step::stay(),
        }
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let title = self.ways.slot_of(core).map_or_else(String::new, |(at, slot)| {
            let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
            format!("{agent} · {}", words::provider(slot))
        });
        let inner = parts::pane(core, frame, area, &title, true);
        let rows = self.rows(core, usize::from(inner.width));
        rows.draw(core, frame, inner, 0);
    }
}

impl Fix {
    /// What is wrong with `slot`; keys that may help are tested first.
    pub fn open(core: &mut Core, slot: &Slot) -> (Self, Vec<Effect>) {
        let mut fix = Self { ways: Ways::of(SlotId::of(slot)), chosen: 0 };
        let effects = fix.go_on(core);
        (fix, effects)
    }

    /// Tests what is worth it, and asks for the ways out.
    fn go_on(&mut self, core: &mut Core) -> Vec<Effect> {
        let jobs = match self.ways.slot_of(core) {
            Some((_, slot)) if !core.options.offline => jobs(core, slot),
            _ => Vec::new(),
        };
        let mut effects = if jobs.is_empty() { Vec::new() } else { core.probe(jobs) };
        effects.extend(self.ways.ask(core));
        effects
    }

    fn look_again(&mut self, core: &mut Core) -> Step {
        if self.ways.is_stale(core) { Step::run(self.go_on(core)) } else { Step::stay() }
    }

    fn chosen(&self) -> Option<&Remedy> {
        self.ways.all().nth(self.chosen)
    }

    fn walk(&mut self, by: isize) -> Step {
        self.chosen = parts::step(self.chosen, by, self.ways.all().count());
        Step::stay()
    }

    fn rows(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let testing = core.known.running();
        if !self.ways.is_here() {
            rows.push(
                Row::of(parts::spinner(core), Role::Accent).add(" looking for the ways out", Role::Dim),
            );
            return rows;
        }
        let mut n = 0;
        for (found, ways) in self.ways.found() {
            let (mark, role) = words::lint_mark(found.severity);
            rows.hang(&Row::of(format!("{mark} "), role), &found.message, Role::Text, columns);
            for line in &found.evidence {
                rows.hang(&Row::of("  ", Role::Text), line, Role::Text, columns);
            }
            for remedy in ways {
                let cursor = if n == self.chosen { "▸ " } else { "  " };
                let role = if n == self.chosen { Role::Strong } else { Role::Text };
                let head = Row::of(cursor, Role::Accent).add(format!("{} ", n + 1), Role::Dim);
                let how = remedy.how().map_or_else(String::new, |how| format!(": {how}"));
                rows.hang(&head, &format!("{}{how}", remedy.title), role, columns);
                n += 1;
            }
            if ways.is_empty() {
                let text = crate::finding::find(found.id).map_or("", |kind| kind.text.as_str());
                rows.hang(&Row::of("  → ", Role::Accent), text, Role::Dim, columns);
            }
            rows.gap();
        }
        if self.ways.found().is_empty() {
            rows.push(Row::of("✓ ", Role::Good).text("Nothing is wrong here, as far as keymend can see."));
        }
        if testing > 0 {
            let what = parts::count(testing, "key is", "keys are");
            rows.push(
                Row::of(parts::spinner(core), Role::Accent).add(format!(" {what} being tested"), Role::Dim),
            );
        }
        rows
    }
}

/// The tests of what is sent and, where that is refused or nothing is sent, of what could be sent.
fn jobs(core: &Core, slot: &Slot) -> Vec<Job> {
    let sent = slot.sent().map(|sent| &sent.key);
    let refused = |key: &Secret| matches!(core.known.test(slot, key), Some(Test::Done(judged)) if judged.grade == Grade::Rejected);
    let others = sent.is_none_or(refused);
    let worth = core.known.worth_testing(slot);
    let wanted = worth.iter().filter(|key| others || sent == Some(*key));
    let new = wanted.filter(|key| core.known.test(slot, key).is_none() && !core.known.asks(slot, key));
    new.filter_map(|key| Job::of(slot, key)).collect()
}
