//! The only way out: standard output, standard error, the terminal. Every text that is written here passes the
//! [`printer`](crate::printer) first; the shape test holds that nothing else writes.

use std::io::{self, IsTerminal as _, Stdout};

use crossterm::clipboard::CopyToClipboard;
use serde::Serialize;

use super::charset;
use crate::printer::{printable, printable_json, printable_lines};

/// What the wizard draws on. Its cells come from [`printable`] texts, and each frame is looked over once more.
pub type Screen = Stdout;

/// Text as it may be written to this terminal: keys masked, in the characters that the locale knows.
#[must_use]
pub fn shown(text: &str) -> String {
    charset::shown(&printable_lines(text)).into_owned()
}

/// Lines to standard output. A closed pipe is not an error.
pub fn out(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), &shown(text))
}

/// One document to standard output, on one line. JSON is UTF-8 whatever the locale (RFC 8259).
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let shown = printable_json(value)?;
    write(io::stdout().lock(), &format!("{shown}\n"))
}

/// Lines to standard error.
pub fn err(text: &str) -> io::Result<()> {
    write(io::stderr().lock(), &shown(text))
}

/// A page of help to standard output, as `styled` where a terminal shows styles. It is made of keymend's own words alone.
pub fn help(plain: &str, styled: &str) -> io::Result<()> {
    let stdout = io::stdout().lock();
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !stdout.is_terminal() || set("NO_COLOR") || is_dumb {
        return write(stdout, &shown(plain));
    }
    write(stdout, &charset::shown(styled))
}

/// The demo's environment, as it is: a script works with its keys, which keymend itself has made up.
pub fn sample(text: &str) -> io::Result<()> {
    write(io::stdout().lock(), text)
}

/// The terminal, for its modes and for drawing.
#[must_use]
pub fn screen() -> Screen {
    io::stdout()
}

/// Standard error, for a prompt whose lines come from [`shown`].
#[must_use]
pub fn prompt() -> Box<dyn io::Write> {
    Box::new(io::stderr())
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether this is a terminal that shows text line by line and has no screen to draw on.
#[must_use]
pub fn is_dumb() -> bool {
    is_terminal() && std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Asks the terminal to put a text on the clipboard, which works over ssh as well.
pub fn copy(text: &str) -> io::Result<()> {
    crossterm::execute!(io::stdout(), CopyToClipboard::to_clipboard_from(printable(text)))
}

/// From now on a panic runs `first` and says where it happened; never what was being worked on, which may be a key.
pub fn on_panic(first: fn()) {
    std::panic::set_hook(Box::new(move |info| {
        first();
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = err(&format!(
            "keymend stopped because of an internal error ({place}). Nothing was half written.\n"
        ));
    }));
}

fn write(mut to: impl io::Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
