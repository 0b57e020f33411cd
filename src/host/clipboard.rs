//! The system clipboard: read on an explicit key press, cleared only if it still holds the key that was written.
//!
//! arboard can block for 24 seconds when the clipboard's owner hangs, so every access runs on its own thread with
//! a deadline; and it says the same misleading words for every kind of missing display, so the words here are our own.

use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;

use crate::secret::Secret;

/// How long the clipboard's owner has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClipboardError {
    /// No display, no compositor, a remote session.
    #[error("there is no clipboard here: no display answers")]
    NoDisplay,
    /// The owner hangs.
    #[error("the program that owns the clipboard does not answer")]
    NoAnswer,
    /// It is empty, or holds a picture.
    #[error("the clipboard holds no text")]
    NoText,
}

impl ClipboardError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoDisplay => {
                "paste with your terminal instead (Ctrl-Shift-V, Cmd-V or the middle mouse button)"
            }
            Self::NoAnswer => "copy the key again, or paste with your terminal",
            Self::NoText => "copy the key, then press p again",
        }
    }
}

/// The clipboard's text.
pub fn read() -> Result<Secret, ClipboardError> {
    on_a_thread(|| open()?.get_text().map(Secret::new).map_err(|error| said(&error)))
}

/// Empties the clipboard if it still holds exactly `secret`; says whether it did.
pub fn clear_if(secret: &Secret) -> Result<bool, ClipboardError> {
    let secret = secret.clone();
    on_a_thread(move || {
        let mut clipboard = open()?;
        match clipboard.get_text() {
            Ok(text) if secret.is(text.trim()) => {
                clipboard.clear().map_err(|error| said(&error))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    })
}

fn open() -> Result<arboard::Clipboard, ClipboardError> {
    arboard::Clipboard::new().map_err(|_| ClipboardError::NoDisplay)
}

const fn said(error: &arboard::Error) -> ClipboardError {
    match error {
        arboard::Error::ClipboardOccupied => ClipboardError::NoAnswer,
        arboard::Error::ContentNotAvailable | arboard::Error::ConversionFailure => ClipboardError::NoText,
        _ => ClipboardError::NoDisplay,
    }
}

fn on_a_thread<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, ClipboardError> + Send + 'static,
) -> Result<T, ClipboardError> {
    let (sender, answer) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("clipboard".into())
        .spawn(move || drop(sender.send(job())))
        .map_err(|_| ClipboardError::NoDisplay)?;
    answer.recv_timeout(DEADLINE).unwrap_or(Err(ClipboardError::NoAnswer))
}
