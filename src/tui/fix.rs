//! Fix: what is wrong with one slot, and the ways out, the best first. Where the key that is sent is refused, the other keys
//! of the slot are tested at the same host before anything is offered.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::SlotId;
use crate::remedy::{Act, Remedy};
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::{Grade, Test, Ticket};
use super::message::{Answer, Effect, Input, Job, Mending};
use super::parts::{self, Row, Rows};
use super::screen::{Screen, Step};
use super::theme::Role;
use super::wizard::Wizard;
use super::words;

/// The state of the screen.
#[derive(Debug)]
pub struct Fix {
    slot: SlotId,
    waiting: Option<Ticket>,
    /// How many answers were there when the ways out were asked for.
    answered: usize,
    found: Vec<Mending>,
    chosen: usize,
}

impl Screen for Fix {
    fn context(&self) -> Context {
        Context::Fix
    }

    fn title(&self, _core: &Core) -> String {
        " fix".to_owned()
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        match action {
            Action::Enter => self.chosen().is_some(),
            Action::Copy => self.chosen().is_some_and(|remedy| remedy.how().is_some()),
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(Answer::Mending(found)) = input.answer(self.waiting) {
            self.waiting = None;
            self.found.clone_from(found);
            self.chosen = self.chosen.min(self.ways().count().saturating_sub(1));
            // A test was answered while this was worked out.
            return if self.answers(core) == self.answered {
                Step::stay()
            } else {
                Step::run(self.go_on(core))
            };
        }
        match input {
            Input::Do(Action::Back | Action::Fix) => Step::back(),
            Input::Do(Action::Up) => self.walk(-1),
            Input::Do(Action::Down) => self.walk(1),
            Input::Wheel(by) => self.walk(isize::from(*by)),
            Input::Do(Action::Enter) => self.go(core),
            Input::Do(Action::Copy) => self.copy(core),
            Input::Do(Action::Explain) => Step::explain(self.slot.clone()),
            Input::Returned(_) => Step::run(self.ask(core)),
            // An answer of a test may change what is offered.
            Input::Look if self.waiting.is_none() && self.answers(core) != self.answered => {
                Step::run(self.go_on(core))
            }
            _ => Step::stay(),
        }
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let title = self.slot_of(core).map_or_else(String::new, |(at, slot)| {
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
        let mut fix =
            Self { slot: SlotId::of(slot), waiting: None, answered: 0, found: Vec::new(), chosen: 0 };
        let effects = fix.go_on(core);
        (fix, effects)
    }

    /// Tests what is worth it, and asks for the ways out.
    fn go_on(&mut self, core: &mut Core) -> Vec<Effect> {
        let jobs = match self.slot_of(core) {
            Some((_, slot)) if !core.options.offline => jobs(core, slot),
            _ => Vec::new(),
        };
        let mut effects = if jobs.is_empty() { Vec::new() } else { core.probe(jobs) };
        effects.extend(self.ask(core));
        effects
    }

    fn slot_of<'a>(&self, core: &'a Core) -> Option<(SlotRef, &'a Slot)> {
        let at = core.known.find(&self.slot)?;
        core.known.slot(at).map(|slot| (at, slot))
    }

    /// How many keys of the slot have an answer.
    fn answers(&self, core: &Core) -> usize {
        let Some((_, slot)) = self.slot_of(core) else { return 0 };
        let done = |key: &&Secret| matches!(core.known.test(slot, key), Some(Test::Done(_)));
        core.known.worth_testing(slot).iter().filter(done).count()
    }

    /// Asks for the findings and the ways out, by what the tests said so far.
    fn ask(&mut self, core: &mut Core) -> Vec<Effect> {
        self.answered = self.answers(core);
        let Some((_, slot)) = self.slot_of(core) else { return Vec::new() };
        let verdicts = core.known.verdicts(slot);
        let ticket = core.ticket();
        self.waiting = Some(ticket);
        vec![Effect::Mend(ticket, Box::new(self.slot.clone()), verdicts)]
    }

    /// Every way out, in the order of the lines.
    fn ways(&self) -> impl Iterator<Item = &Remedy> {
        self.found.iter().flat_map(|(_, ways)| ways)
    }

    fn chosen(&self) -> Option<&Remedy> {
        self.ways().nth(self.chosen)
    }

    fn walk(&mut self, by: isize) -> Step {
        self.chosen = parts::step(self.chosen, by, self.ways().count());
        Step::stay()
    }

    /// Does the chosen one: to the review of its plan, or the command on the clipboard.
    fn go(&self, core: &mut Core) -> Step {
        let Some((_, slot)) = self.slot_of(core) else { return Step::back() };
        let Some(remedy) = self.chosen() else { return Step::stay() };
        let Act::Write { plan, key } = &remedy.act else { return self.copy(core) };
        let slot = slot.clone();
        let (wizard, effects) = Wizard::mending(core, &slot, plan, key.as_ref());
        Step::push(wizard).and(effects)
    }

    fn copy(&self, core: &mut Core) -> Step {
        let Some(how) = self.chosen().and_then(Remedy::how) else {
            core.say("there is nothing to copy here: do what the line says", Role::Warn);
            return Step::stay();
        };
        Step::run(vec![Effect::Copy(how)])
    }

    fn rows(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let testing = core.known.running();
        if self.waiting.is_some() && self.found.is_empty() {
            rows.push(
                Row::of(parts::spinner(core), Role::Accent).add(" looking for the ways out", Role::Dim),
            );
            return rows;
        }
        let mut n = 0;
        for (found, ways) in &self.found {
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
        if self.found.is_empty() {
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
