//! The terminal's modes, owned by one guard: whatever happens — return, error, panic, suspension — they are put back.

use std::io;
use std::mem::ManuallyDrop;

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use crate::host::output::{self, Screen, screen};
use crate::printer;

#[cfg(unix)]
use crate::host::guard;

/// The size that is assumed where the terminal does not tell one.
const ASSUMED: (u16, u16) = (80, 24);

/// Full screen, raw mode, bracketed paste and mouse, for as long as this lives.
pub struct Guard {
    /// Never dropped: `Terminal` prints to standard error when it cannot show the cursor, and where the window is
    /// closed that print panics. [`restore`] does all that its drop would do.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Screen>>>,
}

impl Guard {
    /// Takes the terminal over. A panic from now on puts it back first and prints where it happened; never what was
    /// being worked on, which may hold a key.
    pub fn take() -> io::Result<Self> {
        output::on_panic(restore);
        #[cfg(unix)]
        guard::start();
        enter().inspect_err(|_| restore())?;
        let viewport = match size() {
            Ok((columns, rows)) if columns > 0 && rows > 0 => Viewport::Fullscreen,
            _ => Viewport::Fixed(Rect { x: 0, y: 0, width: ASSUMED.0, height: ASSUMED.1 }),
        };
        let terminal = Terminal::with_options(CrosstermBackend::new(screen()), TerminalOptions { viewport })
            .inspect_err(|_| restore())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal) })
    }

    /// Draws a frame. The screens mask what they draw; what of a key is there all the same is covered.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(|frame| {
            view(frame);
            cover_keys(frame.buffer_mut());
        })?;
        Ok(())
    }

    /// Gives the terminal to the shell, stops this process, and takes it again when it is continued.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal again and draws everything anew with the next frame.
    pub fn resume(&mut self) -> io::Result<()> {
        enter()?;
        self.redraw()
    }

    /// Forgets what is on the screen, so that the next frame is drawn whole. `Terminal::clear` would ask the terminal
    /// for its cursor, and the answer would be swallowed by the input thread.
    pub fn redraw(&mut self) -> io::Result<()> {
        let (columns, rows) = usable_size();
        self.terminal.resize(Rect { x: 0, y: 0, width: columns, height: rows })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
        output::on_panic(|| ());
    }
}

/// The terminal's columns and rows, or what is assumed where it has none.
#[must_use]
pub fn usable_size() -> (u16, u16) {
    size().ok().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(ASSUMED)
}

fn enter() -> io::Result<()> {
    #[cfg(unix)]
    guard::note(true);
    enable_raw_mode()?;
    execute!(screen(), EnterAlternateScreen, EnableBracketedPaste, EnableMouseCapture)
}

/// Puts every mode back; an error here has nowhere to go.
fn restore() {
    leave_screen();
    let _ = disable_raw_mode();
    #[cfg(unix)]
    guard::note(false);
}

fn leave_screen() {
    let _ = execute!(screen(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
}

/// What the guard process does: waits for the wizard's end, and puts the terminal back where the wizard could not.
#[cfg(unix)]
pub fn stand_guard() {
    if guard::wait() {
        leave_screen();
        guard::restore_modes();
        let _ = output::out(
            "keymend was ended before it could say why: killed, or out of memory. `keymend history` ends a write \
             that was interrupted.\n",
        );
    }
}

/// Puts dots over keys that are drawn.
fn cover_keys(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        let mut text = String::new();
        let mut columns = Vec::new();
        for x in area.left()..area.right() {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            columns.extend(std::iter::repeat_n(x, symbol.len()));
        }
        for at in printer::keys_in(&text) {
            for x in &columns[at] {
                buffer[(*x, y)].set_symbol("•");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_a_screen_draws_is_covered() {
        let key = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3w";
        let mut buffer = Buffer::with_lines([format!("│é {key} │"), "│ ordinary words │".to_owned()]);
        cover_keys(&mut buffer);
        let dots = "•".repeat(key.len());
        let expected = Buffer::with_lines([format!("│é {dots} │"), "│ ordinary words │".to_owned()]);
        assert_eq!(buffer, expected);
    }
}
