//! The terminal's modes, owned by one guard: whatever happens — return, error, panic, suspension — they are put back.

use std::io::{self, Stdout, stdout};
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
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

#[cfg(unix)]
use crate::host::guard;

/// The size that is assumed where the terminal does not tell one.
const ASSUMED: (u16, u16) = (80, 24);

/// Full screen, raw mode, bracketed paste and mouse, for as long as this lives.
pub struct Guard {
    /// Never dropped: `Terminal` prints to standard error when it cannot show the cursor, and where the window is
    /// closed that print panics. [`restore`] does all that its drop would do.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

impl Guard {
    /// Takes the terminal over. A panic from now on puts it back first and prints where it happened; never what was
    /// being worked on, which may hold a key.
    pub fn take() -> io::Result<Self> {
        std::panic::set_hook(Box::new(|info| {
            restore();
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            eprintln_safe(&format!(
                "keymend stopped at a fault of its own ({place}). Nothing was half written."
            ));
        }));
        #[cfg(unix)]
        guard::start();
        enter().inspect_err(|_| restore())?;
        let viewport = match size() {
            Ok((columns, rows)) if columns > 0 && rows > 0 => Viewport::Fullscreen,
            _ => Viewport::Fixed(Rect { x: 0, y: 0, width: ASSUMED.0, height: ASSUMED.1 }),
        };
        let terminal = Terminal::with_options(CrosstermBackend::new(stdout()), TerminalOptions { viewport })
            .inspect_err(|_| restore())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal) })
    }

    /// The screen to draw on.
    pub fn screen(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
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
        drop(std::panic::take_hook());
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
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableMouseCapture)
}

/// Puts every mode back; an error here has nowhere to go.
fn restore() {
    leave_screen();
    let _ = disable_raw_mode();
    #[cfg(unix)]
    guard::note(false);
}

fn leave_screen() {
    let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
}

/// What the guard process does: waits for the wizard's end, and puts the terminal back where the wizard could not.
#[cfg(unix)]
pub fn stand_guard() {
    use std::io::Write as _;
    if guard::wait() {
        leave_screen();
        guard::restore_modes();
        let _ = writeln!(
            stdout(),
            "keymend was ended before it could say why: killed, or out of memory. `keymend history` ends a write \
             that was interrupted."
        );
    }
}

fn eprintln_safe(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "{text}");
}
