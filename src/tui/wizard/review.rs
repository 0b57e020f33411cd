//! The fifth step: every change as a masked difference, what will be sent afterwards, and one key that writes it.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::{Change, Plan};

use super::destination::predicted;
use super::subject::{Subject, WizardAction};
use crate::tui::core::Core;
use crate::tui::keys::Action;
use crate::tui::known::Ticket;
use crate::tui::message::{Answer, Ask, Effect, Failure, Input, SharedPlan};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;

/// The state of the review.
#[derive(Debug)]
pub struct Review {
    phase: Phase,
    skip: usize,
}

#[derive(Debug)]
enum Phase {
    Planning(Ticket),
    Ready(SharedPlan),
    Writing(Ticket, SharedPlan),
    Failed(Failure, Option<SharedPlan>),
}

impl Review {
    /// Asks for the plan.
    pub fn start(core: &mut Core, ask: Ask) -> (Self, Vec<Effect>) {
        let ticket = core.ticket();
        core.working = Some(ticket);
        (Self { phase: Phase::Planning(ticket), skip: 0 }, vec![Effect::Plan(ticket, Box::new(ask))])
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        match action {
            Action::Write => matches!(&self.phase, Phase::Ready(plan) if !plan.guarded),
            Action::Insist => matches!(&self.phase, Phase::Ready(plan) if plan.guarded),
            Action::Back => !matches!(self.phase, Phase::Writing(..)),
            _ => true,
        }
    }

    const fn waiting(&self) -> Option<Ticket> {
        match &self.phase {
            Phase::Planning(ticket) | Phase::Writing(ticket, _) => Some(*ticket),
            _ => None,
        }
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, who: &Subject, input: &Input) -> WizardAction {
        if let Some(answer) = input.answer(self.waiting()) {
            return self.answered(core, who, answer);
        }
        let last = self.rows(core, who, usize::from(core.size.0).saturating_sub(4)).len();
        let last = last.saturating_sub(usize::from(core.size.1).saturating_sub(11));
        match *input {
            Input::Do(Action::Back) if matches!(self.phase, Phase::Writing(..)) => {
                core.say("the write is under way", Role::Warn);
            }
            Input::Do(Action::Back) => return WizardAction::Back,
            Input::Do(action @ (Action::Write | Action::Insist)) if self.offers(action) => {
                return self.write(core, who);
            }
            Input::Do(Action::Write) if self.offers(Action::Insist) => {
                core.say("this takes the only copy of a credential away; press y to write it", Role::Warn);
            }
            Input::Do(action) => self.skip = parts::scrolled(self.skip, action, last),
            Input::Wheel(by) => self.skip = self.skip.saturating_add_signed(isize::from(by)).min(last),
            _ => {}
        }
        WizardAction::stay()
    }

    fn write(&mut self, core: &mut Core, who: &Subject) -> WizardAction {
        let (Phase::Ready(plan), Some(key)) = (&self.phase, &who.new) else { return WizardAction::stay() };
        let plan = plan.clone();
        let ticket = core.ticket();
        core.working = Some(ticket);
        self.phase = Phase::Writing(ticket, plan.clone());
        WizardAction::Stay(vec![Effect::Apply(ticket, plan, key.clone())])
    }

    fn answered(&mut self, _core: &Core, _who: &Subject, answer: &Answer) -> WizardAction {
        let plan = match &self.phase {
            Phase::Writing(_, plan) => Some(plan.clone()),
            _ => None,
        };
        match (answer, plan) {
            (Answer::Planned(plan), _) => self.phase = Phase::Ready(plan.clone()),
            (Answer::Applied(written), Some(plan)) => {
                return WizardAction::Finish(plan, written.clone());
            }
            (Answer::Failed(failure), plan) => self.phase = Phase::Failed(failure.clone(), plan),
            _ => {}
        }
        WizardAction::stay()
    }

    fn rows(&self, core: &Core, who: &Subject, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let plan = match &self.phase {
            Phase::Planning(_) => {
                rows.push(Row::of(parts::spinner(core), Role::Accent).text(" working out the changes"));
                return rows;
            }
            Phase::Failed(failure, plan) => {
                failed(failure, plan.is_some(), columns, &mut rows);
                let Some(plan) = plan else { return rows };
                plan
            }
            Phase::Writing(_, plan) => {
                rows.push(
                    Row::of(parts::spinner(core), Role::Accent)
                        .text(" writing, reading back, asking the agent's rules again"),
                );
                rows.gap();
                plan
            }
            Phase::Ready(plan) => plan,
        };
        warnings(who, plan, columns, &mut rows);
        for change in &plan.changes {
            rows.gap();
            change_rows(core, change, columns, &mut rows);
        }
        rows
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect, border: Rect) {
        let rows = self.rows(core, who, usize::from(area.width));
        let height = usize::from(area.height).saturating_sub(1);
        let len = rows.len();
        let skip = self.skip.min(len.saturating_sub(height));
        parts::more(core, frame, border, skip, len, height);
        rows.draw(core, frame, Rect { height: area.height.saturating_sub(1), ..area }, skip);
        if matches!(self.phase, Phase::Ready(_)) {
            let mut foot = Rows::default();
            let (key, words) = if self.offers(Action::Insist) {
                ("y", " write it all the same. A backup is kept, and ")
            } else {
                ("w", " write it. A backup is kept, and ")
            };
            foot.push(
                Row::of("→ ", Role::Accent)
                    .add(key, Role::Accent)
                    .text(words)
                    .add("z", Role::Accent)
                    .text(" takes it back."),
            );
            let y = area.bottom().saturating_sub(1);
            foot.draw(core, frame, Rect { y, height: 1.min(area.height), ..area }, 0);
        }
    }
}

fn failed(failure: &Failure, writing: bool, columns: usize, rows: &mut Rows) {
    if writing {
        rows.push(Row::of("Nothing was changed.", Role::Strong));
    }
    rows.hang(&Row::of("✗ ", Role::Bad), &failure.what, Role::Text, columns);
    rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
    rows.gap();
}

/// What will be sent afterwards, and what else to know before saying yes.
fn warnings(who: &Subject, plan: &Plan, columns: usize, rows: &mut Rows) {
    for after in &plan.predictions {
        let (mark, role, text) = predicted(&after.prediction);
        let text = format!("{}: {text}", after.slot);
        rows.hang(&Row::of(mark, role).text(" "), &text, Role::Text, columns);
    }
    if let Some(why) = &who.unproven {
        rows.hang(&Row::of("! ", Role::Warn), &format!("Unproven: {why}."), Role::Text, columns);
    }
    for loss in &plan.losses {
        let text = format!("This {}.", loss.words());
        rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
    }
    for note in &plan.notes {
        rows.hang(&Row::of("i ", Role::Dim), note, Role::Text, columns);
    }
}

fn change_rows(core: &Core, change: &Change, columns: usize, rows: &mut Rows) {
    let name = change.target.show(core.known.home());
    let what = match (change.before, &change.after) {
        (None, _) => "new ",
        (_, None) => "remove ",
        _ => "",
    };
    let name = parts::fit_path(&name, columns.saturating_sub(what.len()));
    rows.push(Row::of(what, Role::Warn).add(name, Role::Strong));
    for line in &change.diff {
        rows.push(parts::diff_row(line, columns));
    }
    for note in &change.notes {
        rows.hang(&Row::of("  i ", Role::Dim), note, Role::Text, columns);
    }
}
