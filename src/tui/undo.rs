//! Undo: what would come back, as a masked difference, and a yes. Where another program wrote since, the difference and the
//! two ways that are left: only what keymend changed, or the whole old content.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::host::writer::Back;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::Ticket;
use super::message::Returned;
use super::message::Undoing;
use super::message::{Answer, Effect, Failure, Input};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;

/// The state of the screen.
#[derive(Debug)]
pub struct Undo {
    /// The action; none for the newest that can be undone.
    id: Option<String>,
    phase: Phase,
    skip: usize,
}

#[derive(Debug)]
enum Phase {
    Looking(Ticket),
    Asking(Undoing),
    Working(Ticket),
    Failed(Failure),
}

impl Screen for Undo {
    fn context(&self) -> Context {
        Context::Undo
    }

    fn title(&self, _core: &Core) -> String {
        " undo".to_owned()
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        match (action, &self.phase) {
            (Action::Insist, Phase::Asking(undoing)) => !undoing.conflict,
            (Action::OnlyValues | Action::WholeFile, Phase::Asking(undoing)) => undoing.conflict,
            (Action::Insist | Action::OnlyValues | Action::WholeFile, _)
            | (Action::Back, Phase::Working(_)) => false,
            _ => true,
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(answer) = input.answer(self.waiting()) {
            return self.answered(core, answer);
        }
        let last = self.rows(core, usize::from(core.size.0).saturating_sub(4)).len();
        let last = last.saturating_sub(usize::from(core.size.1).saturating_sub(6));
        match *input {
            Input::Do(action) if !self.offers(core, action) => {}
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Insist) => return self.undo(core),
            Input::Do(Action::OnlyValues) => return Step::run(self.look(core, Back::Values)),
            Input::Do(Action::WholeFile) => return Step::run(self.look(core, Back::Whole)),
            Input::Do(action) => self.skip = parts::scrolled(self.skip, action, last),
            Input::Wheel(by) => self.skip = self.skip.saturating_add_signed(isize::from(by)).min(last),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let title = match &self.phase {
            Phase::Asking(Undoing { interrupted: true, .. }) => "An interrupted write",
            _ => "Take a write back",
        };
        let inner = parts::pane(core, frame, area, title, true);
        let columns = usize::from(inner.width);
        let rows = self.rows(core, columns);
        let foot = self.foot(columns);
        let used = u16::try_from(foot.len()).unwrap_or(0).min(inner.height);
        let height = usize::from(inner.height - used);
        let skip = self.skip.min(rows.len().saturating_sub(height));
        parts::more(core, frame, area, skip, rows.len(), height);
        rows.draw(core, frame, Rect { height: inner.height - used, ..inner }, skip);
        foot.draw(core, frame, Rect { y: inner.bottom() - used, height: used, ..inner }, 0);
    }
}

impl Undo {
    /// Asks what an undo of `id` (of the newest action without one) would change.
    pub fn open(core: &mut Core, id: Option<String>) -> (Self, Vec<Effect>) {
        let mut undo = Self { id, phase: Phase::Looking(Ticket::default()), skip: 0 };
        let effects = undo.look(core, Back::Exact);
        (undo, effects)
    }

    fn look(&mut self, core: &mut Core, how: Back) -> Vec<Effect> {
        let ticket = core.ticket();
        core.working = Some(ticket);
        self.phase = Phase::Looking(ticket);
        self.skip = 0;
        vec![Effect::UndoPlan(ticket, self.id.clone(), how)]
    }

    const fn waiting(&self) -> Option<Ticket> {
        match self.phase {
            Phase::Looking(ticket) | Phase::Working(ticket) => Some(ticket),
            _ => None,
        }
    }

    fn undo(&mut self, core: &mut Core) -> Step {
        let Phase::Asking(undoing) = &self.phase else { return Step::stay() };
        let ticket = core.ticket();
        core.working = Some(ticket);
        let effect = Effect::Undo(ticket, undoing.id.clone(), undoing.how);
        self.phase = Phase::Working(ticket);
        Step::run(vec![effect])
    }

    fn answered(&mut self, core: &mut Core, answer: &Answer) -> Step {
        match answer {
            Answer::Undoing(undoing) => {
                self.id = Some(undoing.id.clone());
                self.phase = Phase::Asking(undoing.clone());
            }
            Answer::Undone(text) => {
                core.say(text.clone(), Role::Good);
                let result = self.id.clone().map_or(Returned::Nothing, Returned::Undone);
                return Step::back_with(result).and(core.scan());
            }
            Answer::Failed(failure) => self.phase = Phase::Failed(failure.clone()),
            _ => {}
        }
        Step::stay()
    }

    fn rows(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        match &self.phase {
            Phase::Looking(_) => {
                rows.push(Row::of(parts::spinner(core), Role::Accent).text(" comparing with the backup"));
            }
            Phase::Working(_) => {
                rows.push(Row::of(parts::spinner(core), Role::Accent).text(" putting back, reading back"));
            }
            Phase::Failed(failure) => {
                rows.hang(&Row::of("✗ ", Role::Bad), &failure.what, Role::Text, columns);
                rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
            }
            Phase::Asking(undoing) => asking(undoing, columns, &mut rows),
        }
        rows
    }

    /// The question, always in sight.
    fn foot(&self, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let Phase::Asking(undoing) = &self.phase else { return rows };
        rows.gap();
        let mut way = |chord: &str, text: &str| {
            rows.hang(&Row::of("→ ", Role::Accent).add(chord, Role::Accent), text, Role::Text, columns);
        };
        if undoing.conflict {
            way("v    ", "put back only what keymend changed, and keep what was written since");
            way("w    ", "put the whole old content back, over what was written since");
        } else if undoing.interrupted {
            way("y    ", "put it back");
        } else {
            way("y    ", "put it back; what is there now is kept as a backup");
        }
        if undoing.interrupted {
            way("Esc  ", "decide later; until then keymend writes nothing");
        } else {
            way("Esc  ", "leave everything as it is");
        }
        rows
    }
}

fn asking(undoing: &Undoing, columns: usize, rows: &mut Rows) {
    let what = if undoing.interrupted { "interrupted: " } else { "undo " };
    rows.push(Row::of(what, Role::Dim).add(&undoing.title, Role::Strong).cut(columns));
    let (mark, role, text) = match (undoing.conflict, undoing.how) {
        (true, _) => (
            "! ",
            Role::Warn,
            "Another program wrote here since, so nothing is put back without your choice. From what is there now to \
             what was there before:",
        ),
        (false, _) if undoing.interrupted => (
            "! ",
            Role::Warn,
            "keymend was killed in the middle of this write. From what it left to what was there before:",
        ),
        (false, Back::Exact) => ("i ", Role::Dim, "Everything comes back byte for byte:"),
        (false, Back::Values) => ("i ", Role::Dim, "Only the values that keymend changed come back:"),
        (false, Back::Whole) => {
            ("! ", Role::Warn, "What another program wrote since goes; it is kept as a backup:")
        }
    };
    rows.hang(&Row::of(mark, role), text, Role::Text, columns);
    for (place, diff) in &undoing.places {
        rows.gap();
        rows.push(Row::of(parts::fit_path(place, columns), Role::Strong));
        for line in diff {
            rows.push(parts::diff_row(line, columns));
        }
    }
}
