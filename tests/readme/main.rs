//! The README and the pages under `docs/`: the generated parts are those of the code, every command parses, every console
//! block is what the built program prints, every link leads somewhere. `KEYMEND_UPDATE=1 cargo test --test readme` writes
//! the generated parts and the console blocks again.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod commands;
mod errors;
mod links;
mod packages;
mod pages;
mod run;
mod tables;
