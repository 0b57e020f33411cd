//! Files as their real readers read them: each reader's grammar, its quirks and its limits, and no decision about keys.

pub mod assignment;
pub mod bound;
pub mod compose;
pub mod dockerfile;
pub mod dotenv;
pub mod launchd;
pub mod pyyaml;
pub mod sealed;
pub mod shell;
pub mod systemd;
pub(crate) mod text;
