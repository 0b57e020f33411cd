//! The commands for scripts: each reads its arguments, asks the session, prints a report, and says how it went.

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use crate::cli::{Cli, Command};
use crate::host::{RealWorld, World as _, scratch};
use crate::provider::Catalogue;
use crate::report::Style;

mod keys;
mod listing;
mod looking;
mod proving;
mod testing;
mod vaulting;
mod wizard;
mod writing;

pub use crate::exit::Exit;

/// Why a command could not run. The exit code is 2.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failure {
    /// The place and the cause.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl Failure {
    /// A failure with its way out.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(format!("cannot write the output: {error}"), "check where the output goes")
    }
}

impl From<crate::host::owner::OwnerError> for Failure {
    fn from(error: crate::host::owner::OwnerError) -> Self {
        Self::new(crate::report::plain(&error.to_string()), error.hint())
    }
}

/// What every command works on.
pub struct Desk {
    /// The home folder that was asked for.
    pub home: Option<PathBuf>,
    /// Never use the network.
    pub offline: bool,
    /// The providers, the person's own files included.
    pub catalogue: Catalogue,
}

impl Desk {
    /// The machine as it is now.
    #[must_use]
    pub fn world(&self) -> RealWorld {
        RealWorld::new(self.home.clone())
    }
}

/// Runs the command that was given; the wizard without one.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let world = RealWorld::new(cli.home.clone());
    let catalogue = crate::session::catalogue(&world);
    say_left_out(&world, &catalogue)?;
    drop(world);
    let desk = Desk { home: cli.home, offline: cli.offline, catalogue };
    match &cli.command {
        Some(command) if command.writes() && !writing::end(&desk, command)? => {
            print("Nothing was written.\n")?;
            return Ok(Exit::Fine);
        }
        Some(command) if command.looks() => writing::mention(&desk),
        _ => {}
    }
    match &cli.command {
        // The first frame does not wait for it.
        None | Some(Command::Demo(_)) => drop(std::thread::spawn(scratch::sweep)),
        Some(command) if command.makes_files() => scratch::sweep(),
        Some(_) => {}
    }
    match cli.command {
        None => wizard::here(desk),
        Some(Command::Demo(args)) => wizard::demo(desk, &args),
        Some(Command::Status(args)) => looking::status(&desk, &args),
        Some(Command::Explain(args)) => looking::explain(&desk, &args),
        Some(Command::Test(args)) => testing::test(&desk, &args),
        Some(Command::Check(args)) => testing::check(&desk, &args),
        Some(Command::Clean(args)) => keys::clean(&desk, &args),
        Some(Command::Set(args)) => writing::set(&desk, &args),
        Some(Command::Rotate(args)) => writing::rotate(&desk, &args),
        Some(Command::Use(args)) => writing::use_candidate(&desk, &args),
        Some(Command::Undo(args)) => writing::undo(&desk, &args),
        Some(Command::Redo(args)) => writing::redo(&desk, &args),
        Some(Command::History(args)) => writing::history(&desk, &args),
        Some(Command::Vault { action }) => vaulting::vault(&desk, &action),
        Some(Command::Prove(args)) => proving::prove(&desk, &args),
        Some(Command::Providers(args)) => listing::providers(&desk, &args),
        Some(Command::Agents(args)) => listing::agents(&desk, &args),
        Some(Command::Completions { shell }) => listing::completions(shell),
        Some(Command::Man) => listing::man(),
    }
}

/// Says which keys of this shell take no part, because the shell belongs to another home than the one that is looked at.
fn say_left_out(world: &RealWorld, catalogue: &Catalogue) -> Result<(), Failure> {
    let keys = world.left_out().iter().filter(|name| !catalogue.by_env(name).is_empty());
    let keys: Vec<&str> = keys.map(String::as_str).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let line = format!(
        "note: this shell's environment belongs to another home and is left out ({}); start keymend with HOME set to the \
         folder to include it\n",
        keys.join(", ")
    );
    Ok(std::io::stderr().write_all(line.as_bytes())?)
}

/// Prints text; a closed pipe is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints JSON, one line.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(format!("cannot build the JSON: {error}"), "report this as a bug"))?;
    print(&(text + "\n"))
}

/// Asks a question on standard error and reads one line; only `y` and `yes` are a yes.
pub(crate) fn ask(question: &str) -> Result<bool, Failure> {
    let mut err = std::io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// A salt that was given, or a random one that nothing can be looked up with.
pub(crate) fn salt(given: Option<&String>) -> String {
    given.cloned().unwrap_or_else(|| {
        use std::hash::{BuildHasher as _, Hasher as _};
        let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
        format!("{:016x}{:016x}", random(), random())
    })
}

/// Standard input as a paste, bounded.
pub(crate) fn read_stdin() -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    use std::io::Read as _;
    /// A key is never this long; the cleaner refuses more than 64 KiB with its own words.
    const MAX_BYTES: u64 = 2 * 1024 * 1024;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::io::stdin()
        .lock()
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot read standard input: {error}"), "pipe the key in"))?;
    Ok(bytes)
}

impl Desk {
    pub(crate) fn style<'a>(&'a self, world: &'a RealWorld, salt: &'a str) -> Style<'a> {
        Style { catalogue: &self.catalogue, home: world.home(), salt }
    }
}
