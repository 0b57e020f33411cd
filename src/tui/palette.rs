//! The palette: every command of the screen below, found by any of its words. It is the key table once more.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::core::Core;
use super::keys::{self, Action, Binding, Context};
use super::message::{Input, Returned};
use super::parts::{self, Row};
use super::screen::{Screen, Step};
use super::theme::Role;

/// The state of the palette.
#[derive(Debug)]
pub struct Palette {
    of: Context,
    /// What the screen below does not offer now.
    refused: Vec<Action>,
    typed: String,
    at: usize,
}

impl Palette {
    /// The commands of `below`.
    #[must_use]
    pub fn of(core: &Core, below: &dyn Screen) -> Self {
        let of = below.context();
        let rows = keys::rows(of).map(|binding| binding.action);
        let refused = rows.filter(|action| !below.offers(core, *action)).collect();
        Self { of, refused, typed: String::new(), at: 0 }
    }

    /// The commands that fit what was typed, each once, in the order of the table.
    fn found(&self) -> Vec<&'static Binding> {
        let mut found: Vec<&Binding> = Vec::new();
        for binding in keys::rows(self.of) {
            let moves = matches!(binding.action, Action::Up | Action::Down | Action::Left | Action::Right);
            let again = found.iter().any(|other| other.action == binding.action);
            if !moves && !again && !self.refused.contains(&binding.action) && self.fits(binding) {
                found.push(binding);
            }
        }
        found.retain(|binding| binding.action != Action::Palette);
        found
    }

    /// Whether every word is in the command's words, or all letters are there in this order.
    fn fits(&self, binding: &Binding) -> bool {
        let text = format!("{} {}", binding.label.unwrap_or(""), binding.help).to_lowercase();
        let typed = self.typed.to_lowercase();
        let words = typed.split_whitespace().all(|word| text.contains(word));
        words || in_order(&typed, binding.label.unwrap_or(""))
    }
}

/// Whether the letters are in the text, in this order.
fn in_order(letters: &str, text: &str) -> bool {
    let mut text = text.chars();
    letters.chars().filter(|c| !c.is_whitespace()).all(|c| text.any(|other| other == c))
}

impl Screen for Palette {
    fn context(&self) -> Context {
        Context::Palette
    }

    fn title(&self, _core: &Core) -> String {
        " commands".to_owned()
    }

    fn update(&mut self, _core: &mut Core, input: &Input) -> Step {
        let len = self.found().len();
        match *input {
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Enter) => {
                let action = self.found().get(self.at).map(|binding| binding.action);
                return action.map_or_else(Step::stay, |action| Step::back_with(Returned::Run(action)));
            }
            Input::Do(Action::Up) => self.at = parts::step(self.at, -1, len),
            Input::Do(Action::Down) => self.at = parts::step(self.at, 1, len),
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), len),
            Input::Do(Action::Erase) => {
                self.typed.pop();
                self.at = 0;
            }
            Input::Char(c) => {
                self.typed.push(c);
                self.at = 0;
            }
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let title = format!("{}: {}▏", self.of.title(), self.typed);
        let inner = parts::pane(core, frame, area, &title, true);
        let (columns, height) = (usize::from(inner.width), usize::from(inner.height));
        let found = self.found();
        let skip = parts::scroll_to(self.at, found.len(), height);
        let line = |(at, binding): (usize, &&Binding)| -> Line<'static> {
            let chord = binding.chords.first().map_or_else(String::new, |chord| chord.show());
            let row = Row::of(if at == self.at { "▌ " } else { "  " }, Role::Accent)
                .cell(chord, 9, Role::Accent)
                .cell(binding.label.unwrap_or(""), 20, Role::Strong)
                .add(binding.help, Role::Text);
            row.cut(columns).fill(columns).line(core, (at == self.at).then_some(Role::Cursor))
        };
        let lines: Vec<Line> = found.iter().enumerate().skip(skip).take(height).map(line).collect();
        if lines.is_empty() {
            let row = Row::of("No command has these words. Backspace takes a letter back.", Role::Dim);
            return frame.render_widget(Paragraph::new(row.line(core, None)), inner);
        }
        frame.render_widget(Paragraph::new(lines), inner);
        parts::more(core, frame, area, skip, found.len(), height);
    }
}
