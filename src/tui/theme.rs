//! Roles to styles. Sixteen colours that read on a light and on a dark ground; with `NO_COLOR` only weight, dimming,
//! underline and reversal remain. Every role that carries meaning is beside a mark or a word.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::host::charset::ascii_cell;

/// What a piece of text is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plain text.
    Text,
    /// Text that may be overlooked.
    Dim,
    /// A heading, or text that matters.
    Strong,
    /// It works.
    Good,
    /// It does not work.
    Bad,
    /// It needs a look.
    Warn,
    /// A key to press, the way on.
    Accent,
    /// The chosen row where the keyboard is.
    Cursor,
    /// The chosen row of the other pane.
    Chosen,
    /// The letter of a key.
    Tag,
    /// A part of a masked key that differs from the one beside it.
    Differs,
}

/// Whether the cell is an ellipsis with room behind it for three dots.
fn ends_there(buffer: &Buffer, at: usize) -> bool {
    let width = usize::from(buffer.area.width).max(1);
    let symbol = |at: usize| buffer.content.get(at).map(ratatui::buffer::Cell::symbol);
    let blank = |at: usize| symbol(at) == Some(" ");
    symbol(at) == Some("…") && at % width + 3 < width && (at + 1..at + 4).all(blank)
}

/// The styles of all roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// False with `NO_COLOR`.
    pub colour: bool,
    /// Marks, borders and names in ASCII alone: the locale knows no UTF-8.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let style = match role {
            Role::Text => plain,
            Role::Dim => plain.add_modifier(Modifier::DIM),
            Role::Strong | Role::Chosen => plain.add_modifier(Modifier::BOLD),
            Role::Good => plain.fg(Color::Green),
            Role::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            Role::Warn => plain.fg(Color::Yellow),
            Role::Accent => plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            Role::Cursor => plain.add_modifier(Modifier::REVERSED),
            Role::Tag => plain.fg(Color::Magenta).add_modifier(Modifier::BOLD),
            Role::Differs => plain.fg(Color::Red).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        };
        if self.colour { style } else { Style { fg: None, bg: None, ..style } }
    }

    /// The last thing done to every frame: whatever a screen drew, wherever it is from, is something that this terminal
    /// can show.
    pub fn finish(self, buffer: &mut Buffer) {
        if !self.ascii {
            return;
        }
        for at in 0..buffer.content.len() {
            let dots = ends_there(buffer, at);
            if let Some(cell) = buffer.content.get_mut(at).filter(|cell| !cell.symbol().is_ascii()) {
                let c = cell.symbol().chars().next().map_or(' ', ascii_cell);
                cell.set_char(if dots { '.' } else { c });
            }
            if dots {
                for cell in buffer.content.iter_mut().skip(at + 1).take(2) {
                    cell.set_char('.');
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_role_has_one() {
        let theme = Theme { colour: false, ascii: false };
        for role in [Role::Good, Role::Bad, Role::Warn, Role::Accent, Role::Tag, Role::Differs] {
            assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None), "{role:?}");
        }
    }
}
