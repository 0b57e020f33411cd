//! The fourth step: the place that will really be active is chosen by default; each other one says what it would do.
//! A rotation over many places shows them here, ticked in the view by key.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::plan::{Offered, Prediction};

use super::subject::{Subject, Target, WizardAction};
use crate::tui::core::Core;
use crate::tui::keys::Action;
use crate::tui::known::Ticket;
use crate::tui::message::{Answer, Ask, Effect, Failure, Input};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;

/// The choice of a place.
#[derive(Debug, Default)]
pub struct Choosing {
    ticket: Option<Ticket>,
    offered: Vec<Offered>,
    default: Option<usize>,
    at: usize,
    failure: Option<Failure>,
}

impl Choosing {
    /// Asks where the key could go.
    pub fn start(core: &mut Core, who: &Subject) -> (Self, Vec<Effect>) {
        let found = match &who.target {
            Target::Slot(_) => {
                who.slot(core).and_then(|(at, slot)| Some((core.known.agent(at)?, slot.clone())))
            }
            Target::Places { .. } => None,
        };
        let (Some((agent, slot)), Some(key)) = (found, who.new.clone()) else {
            return (Self::default(), Vec::new());
        };
        let ticket = core.ticket();
        core.working = Some(ticket);
        let state = Self { ticket: Some(ticket), ..Self::default() };
        (state, vec![Effect::Offer { ticket, agent, slot: Box::new(slot), key }])
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub const fn offers(&self, who: &Subject, action: Action) -> bool {
        let ready = !self.offered.is_empty() || matches!(who.target, Target::Places { .. });
        !matches!(action, Action::Enter) || ready
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, who: &Subject, input: &Input) -> WizardAction {
        if let Some(answer) = input.answer(self.ticket) {
            self.ticket = None;
            match answer {
                Answer::Offered(offered, default) => {
                    self.offered.clone_from(offered);
                    self.default = *default;
                    self.at = default.unwrap_or(0);
                }
                Answer::Failed(failure) => self.failure = Some(failure.clone()),
                _ => {}
            }
            return WizardAction::stay();
        }
        let len = self.offered.len();
        match *input {
            Input::Do(Action::Back) => return WizardAction::Back,
            Input::Do(Action::Enter) => return self.enter(core, who),
            Input::Do(Action::Up) => self.at = parts::step(self.at, -1, len),
            Input::Do(Action::Down) => self.at = parts::step(self.at, 1, len),
            Input::Do(Action::First) => self.at = 0,
            Input::Do(Action::Last) => self.at = len.saturating_sub(1),
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), len),
            _ => {}
        }
        WizardAction::stay()
    }

    /// To the review, where the best place makes the agent send the new key.
    pub fn plain(&mut self, core: &mut Core, who: &Subject) -> Option<WizardAction> {
        let best = || self.offered.get(self.default?);
        let is_plain = matches!(who.target, Target::Places { .. })
            || best().is_some_and(|offered| matches!(offered.outcome, Ok(Prediction::SendsNew)));
        (self.ticket.is_none() && is_plain).then(|| self.enter(core, who))
    }

    fn enter(&mut self, core: &mut Core, who: &Subject) -> WizardAction {
        let Some(key) = who.new.clone() else { return WizardAction::Back };
        if let Target::Places { old, places, .. } = &who.target {
            let (old, places) = (old.clone(), places.clone());
            return WizardAction::Review(Box::new(Ask::Rotate { old, new: key, places }));
        }
        let found = who.slot(core).and_then(|(at, slot)| Some((core.known.agent(at)?, slot.clone())));
        match (found, self.offered.get(self.at)) {
            (Some((agent, slot)), Some(offered)) if offered.outcome.is_ok() => {
                let destination = offered.destination.clone();
                WizardAction::Review(Box::new(Ask::Set { agent, slot: Box::new(slot), destination, key }))
            }
            (_, Some(_)) => {
                core.say("keymend cannot write there; choose another place", Role::Warn);
                WizardAction::stay()
            }
            _ => WizardAction::stay(),
        }
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        if let Target::Places { places, .. } = &who.target {
            return draw_places(core, places, frame, area);
        }
        let mut rows = Rows::default();
        if self.ticket.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" looking where it could go"));
        } else if let Some(failure) = &self.failure {
            rows.hang(&Row::of("✗ ", Role::Bad), &failure.what, Role::Text, columns);
            rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
        } else if self.offered.is_empty() {
            let text = "keymend knows no place where it could write this key for the agent.";
            rows.hang(&Row::of("! ", Role::Warn), text, Role::Text, columns);
        } else {
            return self.draw_list(core, frame, area);
        }
        rows.draw(core, frame, area, 0);
    }

    fn draw_list(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let blocks: Vec<Rows> = (0..self.offered.len()).map(|at| self.block(core, at, columns)).collect();
        let height = usize::from(area.height);
        let before: usize = blocks.iter().take(self.at).map(Rows::len).sum();
        let total: usize = blocks.iter().map(Rows::len).sum();
        let skip = parts::scroll_to(before, total, height);
        let lines: Vec<Line> = blocks
            .into_iter()
            .enumerate()
            .flat_map(|(at, rows)| rows.0.into_iter().enumerate().map(move |(line, row)| (at, line, row)))
            .map(|(at, line, row)| {
                let over = (at == self.at && line == 0).then_some(Role::Cursor);
                row.cut(columns).fill(columns).line(core, over)
            })
            .collect();
        let shown: Vec<Line> = lines.into_iter().skip(skip).take(height).collect();
        frame.render_widget(Paragraph::new(shown), area);
    }

    /// A place, what a write there does, and what will be sent afterwards.
    fn block(&self, core: &Core, at: usize, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let Some(offered) = self.offered.get(at) else { return rows };
        let cursor = if at == self.at { "▸ " } else { "  " };
        let best = if Some(at) == self.default { "  (best)" } else { "" };
        let place = offered.destination.place.show(core.known.home());
        let place = parts::fit_path(&place, columns.saturating_sub(12));
        rows.push(Row::of(cursor, Role::Accent).add(place, Role::Strong).add(best, Role::Dim));
        rows.hang(&Row::of("    ", Role::Text), &offered.destination.effect, Role::Text, columns);
        let (mark, role, text) = match &offered.outcome {
            Ok(prediction) => predicted(prediction),
            Err(error) => ("✗", Role::Bad, format!("{error}. {}", error.hint())),
        };
        rows.hang(&Row::of("    ", Role::Text).add(mark, role).text(" "), &text, Role::Text, columns);
        rows.push(Row::new());
        rows
    }
}

fn draw_places(core: &Core, places: &[crate::source::Place], frame: &mut Frame, area: Rect) {
    let columns = usize::from(area.width);
    let mut rows = Rows::default();
    rows.push(Row::of("The new key goes to every ticked place, all or nothing:", Role::Text));
    rows.gap();
    for place in places {
        let place = parts::fit_path(&place.show(core.known.home()), columns.saturating_sub(6));
        rows.push(Row::of("  ✓ ", Role::Good).text(place));
    }
    rows.gap();
    rows.push(
        Row::of("→ ", Role::Accent).add("Enter", Role::Accent).text(" see every change before it is written"),
    );
    rows.draw(core, frame, area, 0);
}

/// A prediction's mark, role and words.
#[must_use]
pub fn predicted(prediction: &Prediction) -> (&'static str, Role, String) {
    match prediction {
        Prediction::SendsNew => ("✓", Role::Good, "the agent will then send the new key".to_owned()),
        Prediction::StillSends { place, key, why } => {
            ("✗", Role::Bad, format!("the agent would still send {key} from {place}: {why}"))
        }
        Prediction::SendsOther { place, key, why } => {
            ("!", Role::Warn, format!("the agent would then send {key} from {place}: {why}"))
        }
        Prediction::SendsNothing { why } => ("✗", Role::Bad, format!("the agent would send nothing: {why}")),
        Prediction::NotKnown { why } => {
            ("?", Role::Warn, format!("not known what the agent would send: {why}"))
        }
    }
}
