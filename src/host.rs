//! Everything that touches the machine: the real [`World`](crate::world::World), files and their journal, the keyring, the
//! network, processes, the terminal.

use std::path::Path;

pub mod ask;
pub mod capture;
pub mod cells;
pub mod charset;
pub mod clipboard;
pub mod consents;
pub mod console;
pub mod ending;
pub mod files;
#[cfg(unix)]
pub mod guard;
pub mod harden;
pub mod http;
pub mod journal;
pub mod keyring;
pub mod lock;
pub mod loopback;
pub mod output;
pub mod owner;
mod process;
pub mod real;
pub mod restart;
pub mod sandbox;
pub mod scratch;
mod sqlite;
pub mod vault;
pub mod wal;
mod wire;
pub mod writer;

pub use real::RealWorld;

/// Whether two paths are one folder, links resolved where they can be.
pub(crate) fn same_folder(a: &Path, b: &Path) -> bool {
    a == b || std::fs::canonicalize(a).is_ok_and(|a| std::fs::canonicalize(b).is_ok_and(|b| a == b))
}
