//! `test`, `check`, and the test before a write.

use super::{Desk, Failure};
use crate::cli;
use crate::resolve::Slot;
use crate::secret::Secret;

/// Tests a new key before it is written; a definite rejection stops unless the person insists.
pub(super) fn before_write(
    _desk: &Desk,
    _slot: &Slot,
    _key: &Secret,
    _args: &cli::Set,
) -> Result<(), Failure> {
    Err(Failure::new("live tests do not work yet", "add --no-test to write without one"))
}
