//! History: what keymend wrote, newest first, and what other programs did there since.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::Ticket;
use super::message::{Answer, Effect, Failure, Input, Past};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::undo::Undo;
use super::wizard::Wizard;

/// The state of the history.
#[derive(Debug, Default)]
pub struct History {
    listing: Option<Ticket>,
    past: Vec<Past>,
    at: usize,
    bringing: Option<Ticket>,
    failure: Option<Failure>,
}

impl Screen for History {
    fn context(&self) -> Context {
        Context::History
    }

    fn title(&self, _core: &Core) -> String {
        " history".to_owned()
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        match action {
            Action::Undo => self.chosen().is_some_and(|past| past.can_undo),
            Action::Redo => self.chosen().is_some_and(|past| past.lost) && self.bringing.is_none(),
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(answer) = input.answer(self.listing) {
            self.listing = None;
            match answer {
                Answer::History(past) => self.past.clone_from(past),
                Answer::Failed(failure) => self.failure = Some(failure.clone()),
                _ => {}
            }
            self.at = self.at.min(self.past.len().saturating_sub(1));
            return Step::stay();
        }
        if let Some(answer) = input.answer(self.bringing) {
            self.bringing = None;
            return self.brought(core, answer);
        }
        match *input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Undo) if self.offers(core, Action::Undo) => {
                let (undo, effects) = Undo::open(core, self.chosen().map(|past| past.id.clone()));
                return Step::push(undo).and(effects);
            }
            Input::Do(Action::Undo) => core.say("this cannot be taken back any more", Role::Warn),
            Input::Do(Action::Redo) if self.offers(core, Action::Redo) => return self.bring_back(core),
            Input::Do(Action::Redo) => core.say("no other program took this back", Role::Warn),
            Input::Do(Action::Up) => self.at = parts::step(self.at, -1, self.past.len()),
            Input::Do(Action::Down) => self.at = parts::step(self.at, 1, self.past.len()),
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), self.past.len()),
            Input::Look | Input::Returned(_) if self.listing.is_none() => return Step::run(self.list(core)),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
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
}

impl History {
    /// The list.
    pub fn open(core: &mut Core) -> (Self, Vec<Effect>) {
        let mut history = Self::default();
        let effects = history.list(core);
        (history, effects)
    }

    fn list(&mut self, core: &mut Core) -> Vec<Effect> {
        let ticket = core.ticket();
        core.working = Some(ticket);
        self.listing = Some(ticket);
        vec![Effect::History(ticket)]
    }

    fn chosen(&self) -> Option<&Past> {
        self.past.get(self.at)
    }

    fn bring_back(&mut self, core: &mut Core) -> Step {
        let Some(past) = self.chosen() else { return Step::stay() };
        let id = past.id.clone();
        let ticket = core.ticket();
        core.working = Some(ticket);
        self.bringing = Some(ticket);
        self.failure = None;
        Step::run(vec![Effect::Lost(ticket, id)])
    }

    /// The key that was lost is somewhere else: its plan comes at once.
    fn brought(&mut self, core: &mut Core, answer: &Answer) -> Step {
        match answer {
            Answer::Lost(lost) if lost.key.is_none() => {
                self.failure = Some(Failure {
                    what: "This key is no longer on this machine, and keymend keeps no copy.".to_owned(),
                    hint: format!("Give it again with `keymend redo {} --stdin`.", lost.action.id),
                });
                Step::stay()
            }
            Answer::Lost(lost) => {
                let (wizard, effects) = Wizard::bringing_back(core, lost);
                Step::push(wizard).and(effects)
            }
            Answer::Failed(failure) => {
                self.failure = Some(failure.clone());
                Step::stay()
            }
            _ => Step::stay(),
        }
    }

    fn row(&self, core: &Core, at: usize, past: &Past, columns: usize) -> Line<'static> {
        let chosen = at == self.at;
        let state = if past.can_undo { Role::Text } else { Role::Dim };
        let (mark, mark_role) = if past.lost { ("!", Role::Warn) } else { (" ", Role::Dim) };
        let row = Row::of(if chosen { "▸ " } else { "  " }, Role::Accent)
            .cell(parts::age(past.when_ms, core.known.scanning.now_ms), 16, Role::Dim)
            .cell(&past.title, columns.saturating_sub(36), state)
            .add(mark, mark_role)
            .text(" ")
            .cell(&past.state, 15, Role::Dim);
        row.cut(columns).fill(columns).line(core, chosen.then_some(Role::Cursor))
    }

    /// What the chosen action touched, what became of it, and the ways from here.
    fn foot(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        if self.listing.is_some() || self.bringing.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" reading the journal"));
            return rows;
        }
        let Some(past) = self.chosen() else {
            rows.push(Row::of("Nothing was written yet.", Role::Dim));
            return rows;
        };
        if let Some(failure) = &self.failure {
            rows.hang(&Row::of("✗ ", Role::Bad), &failure.what, Role::Text, columns);
            rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
            rows.gap();
        }
        for (place, since) in &past.places {
            let place = parts::fit_path(place, columns.saturating_sub(2));
            rows.push(Row::of("  ", Role::Text).text(place));
            if let Some(words) = since.words() {
                let (mark, role) = if since.lost() { ("    ! ", Role::Warn) } else { ("    i ", Role::Dim) };
                rows.hang(&Row::of(mark, role), words, Role::Text, columns);
            }
        }
        rows.gap();
        if past.lost {
            rows.push(Row::of("→ ", Role::Accent).add("b", Role::Accent).text(" bring the new key back"));
        }
        if past.can_undo {
            rows.push(Row::of("→ ", Role::Accent).add("z", Role::Accent).text(" take this back"));
        }
        rows.push(Row::of(&past.kept, Role::Dim).cut(columns));
        rows
    }
}
