//! Faults that are visible without the network, found from a key's text and from the file it is in.
//!
//! Findings that follow from an agent's rules (an empty variable that hides a key, a login that takes precedence over it)
//! are raised by the agent that knows the rule.

mod file;
mod key;

pub use file::{file_lints, place_lints, tracked_by_git};
pub use key::{Use, judged, key_lints};
