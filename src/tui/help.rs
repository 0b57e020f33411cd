//! Help: the rows of the key table that hold on the screen before.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::core::Core;
use super::keys::{self, Action, Context};
use super::message::Input;
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;

/// The state of the help screen.
#[derive(Debug)]
pub struct Help {
    of: Context,
    skip: usize,
}

impl Screen for Help {
    fn context(&self) -> Context {
        Context::Help
    }

    fn title(&self, _core: &Core) -> String {
        " help".to_owned()
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let last = self
            .rows(usize::from(core.size.0))
            .len()
            .saturating_sub(usize::from(core.size.1).saturating_sub(4));
        match *input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(action) => self.skip = parts::scrolled(self.skip, action, last),
            Input::Wheel(by) => self.skip = self.skip.saturating_add_signed(isize::from(by)).min(last),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, &format!("Keys: {}", self.of.title()), true);
        let rows = self.rows(usize::from(inner.width));
        parts::more(core, frame, area, self.skip, rows.len(), usize::from(inner.height));
        rows.draw(core, frame, inner, self.skip);
    }
}

impl Help {
    /// The keys of `of`.
    #[must_use]
    pub const fn new(of: Context) -> Self {
        Self { of, skip: 0 }
    }

    fn rows(&self, columns: usize) -> Rows {
        let mut rows = Rows::default();
        rows.gap();
        let mut seen = Vec::new();
        for binding in keys::rows(self.of) {
            if seen.contains(&binding.action) {
                continue;
            }
            seen.push(binding.action);
            let chords: Vec<String> = binding.chords.iter().map(|chord| chord.show()).collect();
            let first = Row::of("  ", Role::Text).cell(chords.join(" "), 14, Role::Accent);
            rows.hang(&first, binding.help, Role::Text, columns.saturating_sub(4));
        }
        rows.gap();
        for (mark, words) in LEGEND {
            rows.hang(
                &Row::of("  ", Role::Text).cell(mark, 14, Role::Strong),
                words,
                Role::Text,
                columns.saturating_sub(4),
            );
        }
        rows
    }
}

/// What the marks mean.
const LEGEND: [(&str, &str); 8] = [
    ("✓", "tested in this run: the key works"),
    ("✗", "the key cannot work, was rejected, or nothing is sent where something should be"),
    ("!", "needs a look: a surprise in the set-up, or a test that proved nothing"),
    ("○", "a key is sent and has not been tested in this run"),
    ("·", "nothing is set"),
    ("?", "keymend does not know: the value is hidden, or the rules are unknown"),
    ("A B C", "one letter for each distinct key: the same letter is the same key"),
    ("● ○ ⊘", "the candidate that is sent, one behind a stronger one, one that is not used"),
];
