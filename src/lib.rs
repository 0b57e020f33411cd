//! keymend shows which key each AI agent on this machine will really send, tests it at the provider, and replaces it
//! safely.
//!
//! The modules in reading order:
//!
//! 1. [`secret`]: a key's text, its mask, its fingerprint. Nothing else handles a key's text.
//!    [`printer`]: everything that is said passes it.
//! 2. [`source`]: where a credential can be. [`provider`]: who checks it. [`agents`]: who sends it.
//! 3. [`resolve`]: which candidate of a slot is sent, and why. [`lint`] and [`ambient`]: faults visible offline, and
//!    places outside of the agents' own files.
//! 4. [`hygiene`]: a paste becomes a clean key. [`probe`]: a key is tested, and what the answer means.
//! 5. [`edit`] and [`plan`]: a choice becomes a reviewed change. [`session`]: scan, test, write, shared by [`tui`] and
//!    [`commands`].
//!
//! Invariants, each held by a test: everything that decides is pure over a [`world::World`]; only `host` touches the
//! machine; a key's text is exposed in `secret`, `printer`, `host`, `edit`, `hygiene` and `probe` alone; only `host::output` writes
//! to a terminal or a pipe.

#![forbid(unsafe_code)]

pub mod agents;
pub mod ambient;
pub mod cli;
pub mod commands;
pub mod demo;
pub mod destination;
pub mod edit;
pub mod exit;
pub mod finding;
pub mod formats;
pub mod host;
pub mod hygiene;
pub mod lint;
pub mod pages;
pub mod plan;
pub mod printer;
pub mod probe;
pub mod prove;
pub mod provider;
pub mod remedy;
pub mod report;
pub mod resolve;
pub mod secret;
pub mod session;
pub mod settings;
pub mod source;
pub mod tui;
pub mod why;
pub mod world;
