//! The built program in a real terminal: journeys through the demo, and the README's picture.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod journeys;
mod picture;
mod prompt;
mod pty;
mod rotation;
mod window;
