//! A screen as text that a snapshot can hold, colours and weights included.

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use keymend::tui::app::{Model, view};

/// Draws the model and prints what is on the screen.
pub fn screen(model: &Model) -> String {
    let (columns, rows) = model.core.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    print(terminal.backend().buffer())
}

/// The text alone.
pub fn text(model: &Model) -> String {
    screen(model).lines().filter(|line| !line.starts_with("~ ")).collect::<Vec<_>>().join("\n")
}

/// Every row of text and, where any of it is styled, a row beginning with `~` with one letter for each cell:
/// r, g, y, c, m for the colours (upper case when bold), b for bold, d for dim, u for underlined, # for reversed.
fn print(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row = |letter: fn(&Cell) -> String| -> String {
            (0..buffer.area.width).map(|x| letter(&buffer[(x, y)])).collect()
        };
        let _ = writeln!(out, "  {}", row(|cell| cell.symbol().to_owned()).trim_end());
        let styles = row(|cell| style(cell).to_string());
        if !styles.trim().is_empty() {
            let _ = writeln!(out, "~ {}", styles.trim_end());
        }
    }
    out
}

fn style(cell: &Cell) -> char {
    if cell.modifier.contains(Modifier::REVERSED) {
        return '#';
    }
    if cell.modifier.contains(Modifier::UNDERLINED) {
        return 'u';
    }
    let letter = match cell.fg {
        Color::Red => 'r',
        Color::Green => 'g',
        Color::Yellow => 'y',
        Color::Cyan => 'c',
        Color::Magenta => 'm',
        _ if cell.symbol() == " " => return ' ',
        _ if cell.modifier.contains(Modifier::BOLD) => return 'b',
        _ if cell.modifier.contains(Modifier::DIM) => return 'd',
        _ => return ' ',
    };
    if cell.modifier.contains(Modifier::BOLD) { letter.to_ascii_uppercase() } else { letter }
}
