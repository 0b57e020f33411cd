//! History: what keymend wrote, newest first, and undo, byte for byte, after a yes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::app::{Answer, Core, Effect, Failure, Input, Past, Step, Ticket};
use super::home::step;
use super::keys::{Action, Context};
use super::parts::{self, Row, Rows};
use super::theme::Role;
use super::wizard::answer;

/// The state of the history.
#[derive(Debug, Default)]
pub struct History {
    ticket: Option<Ticket>,
    past: Vec<Past>,
    at: usize,
    asking: bool,
    /// The action to ask about as soon as the list is there; an empty text means the newest that can be undone.
    wanted: Option<String>,
    undoing: Option<Ticket>,
    failure: Option<Failure>,
}

impl History {
    /// The list.
    pub fn open(core: &mut Core) -> (Self, Vec<Effect>) {
        let ticket = core.ticket();
        core.working = Some(ticket);
        (Self { ticket: Some(ticket), ..Self::default() }, vec![Effect::History(ticket)])
    }

    /// The list, with the question about one action; an empty id means the newest.
    pub fn undo_of(core: &mut Core, id: String) -> (Self, Vec<Effect>) {
        let (history, effects) = Self::open(core);
        (Self { wanted: Some(id), ..history }, effects)
    }

    /// Which rows of the key table hold.
    #[must_use]
    pub const fn context(&self) -> Context {
        if self.asking { Context::Confirm } else { Context::History }
    }

    /// The words after the program's name.
    #[must_use]
    pub fn title(&self, _core: &Core) -> String {
        " history".to_owned()
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        action != Action::Enter
            && (action != Action::Undo || self.past.get(self.at).is_some_and(|past| past.can_undo))
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(answer) = answer(input, self.ticket) {
            self.ticket = None;
            self.listed(core, answer);
            return Step::stay();
        }
        if let Some(answer) = answer(input, self.undoing) {
            self.undoing = None;
            return self.undone(core, answer);
        }
        match *input {
            Input::Do(Action::Back) if self.asking => self.asking = false,
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Insist) if self.asking => return self.undo(core),
            Input::Do(Action::Undo) if self.offers(Action::Undo) => self.asking = true,
            Input::Do(Action::Undo) => core.say("this cannot be taken back any more", Role::Warn),
            Input::Do(Action::Up) => self.at = step(self.at, -1, self.past.len()),
            Input::Do(Action::Down) => self.at = step(self.at, 1, self.past.len()),
            Input::Wheel(by) => self.at = step(self.at, isize::from(by), self.past.len()),
            _ => {}
        }
        Step::stay()
    }

    fn listed(&mut self, core: &mut Core, answer: &Answer) {
        match answer {
            Answer::History(past) => self.past.clone_from(past),
            Answer::Failed(failure) => self.failure = Some(failure.clone()),
            _ => {}
        }
        if let Some(wanted) = self.wanted.take() {
            let fits = |past: &Past| past.can_undo && (wanted.is_empty() || past.id == wanted);
            match self.past.iter().position(fits) {
                Some(at) => {
                    self.at = at;
                    self.asking = true;
                }
                None => core.say("there is nothing to undo", Role::Warn),
            }
        }
    }

    fn undo(&mut self, core: &mut Core) -> Step {
        self.asking = false;
        let Some(past) = self.past.get(self.at) else { return Step::stay() };
        let ticket = core.ticket();
        self.undoing = Some(ticket);
        core.working = Some(ticket);
        self.failure = None;
        Step::run(vec![Effect::Undo(ticket, past.id.clone())])
    }

    fn undone(&mut self, core: &mut Core, answer: &Answer) -> Step {
        match answer {
            Answer::Undone(text) => {
                core.say(text.clone(), Role::Good);
                let (again, mut effects) = Self::open(core);
                *self = again;
                effects.extend(core.scan());
                Step::run(effects)
            }
            Answer::Failed(failure) => {
                self.failure = Some(failure.clone());
                Step::stay()
            }
            _ => Step::stay(),
        }
    }

    /// Draws the body.
    pub fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "What keymend wrote, newest first", true);
        let columns = usize::from(inner.width);
        let foot = self.foot(core, columns);
        let list = usize::from(inner.height).saturating_sub(foot.len() + 1);
        let skip = parts::scroll_to(self.at, self.past.len(), list);
        let lines: Vec<Line> = self
            .past
            .iter()
            .enumerate()
            .skip(skip)
            .take(list)
            .map(|(at, past)| self.row(core, at, past, columns))
            .collect();
        frame.render_widget(Paragraph::new(lines), inner);
        let used = u16::try_from(foot.len()).unwrap_or(0).min(inner.height);
        let below = Rect { y: inner.bottom() - used, height: used, ..inner };
        foot.draw(core, frame, below, 0);
    }

    fn row(&self, core: &Core, at: usize, past: &Past, columns: usize) -> Line<'static> {
        let chosen = at == self.at;
        let state = if past.can_undo { Role::Text } else { Role::Dim };
        let row = Row::of(if chosen { "▸ " } else { "  " }, Role::Accent)
            .cell(parts::age(past.when_ms, core.known.scanning.now_ms), 16, Role::Dim)
            .cell(&past.title, columns.saturating_sub(34), state)
            .text(" ")
            .cell(&past.state, 15, Role::Dim);
        row.cut(columns).fill(columns).line(core, chosen.then_some(Role::Cursor))
    }

    /// What the chosen action touched, and the question.
    fn foot(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        if self.ticket.is_some() || self.undoing.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" reading the journal"));
            return rows;
        }
        let Some(past) = self.past.get(self.at) else {
            rows.push(Row::of("Nothing was written yet.", Role::Dim));
            return rows;
        };
        if let Some(failure) = &self.failure {
            rows.hang(&Row::of("✗ ", Role::Bad), &failure.what, Role::Text, columns);
            rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
            rows.gap();
        }
        for place in &past.places {
            let place = parts::fit_path(place, columns.saturating_sub(2));
            rows.push(Row::of("  ", Role::Text).text(place));
        }
        rows.gap();
        if self.asking {
            let row = Row::of("? ", Role::Warn)
                .add("Put everything back as it was before this action?  ", Role::Strong);
            rows.push(row.add("y", Role::Accent).text(" yes  ").add("Esc", Role::Accent).text(" no"));
        } else if past.can_undo {
            rows.push(Row::of("→ ", Role::Accent).add("z", Role::Accent).text(" take this back"));
        }
        rows
    }
}
