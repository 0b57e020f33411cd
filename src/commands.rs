//! The commands for scripts: each reads its arguments, asks the session, prints a report, and says how it went.

use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use crate::cli::{Cli, Command};
use crate::host::console::{self, Answered};
use crate::host::{RealWorld, output, real, scratch};
use crate::printer;
use crate::provider::Catalogue;
use crate::report::Style;
use crate::secret::Secret;
use crate::world::World as _;

pub mod arguments;
mod checking;
mod consenting;
mod fixing;
mod keys;
mod listing;
mod looking;
mod plain;
mod proving;
mod report;
mod testing;
mod vaulting;
mod why;
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
    /// How the run ends: could not run, unless a signal ended it.
    pub exit: Exit,
}

impl Failure {
    /// A failure with its way out.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit: Exit::Failed }
    }

    /// The same with one more way out.
    #[must_use]
    pub fn or(mut self, hint: &str) -> Self {
        if !self.hint.is_empty() {
            self.hint.push_str("; ");
        }
        self.hint.push_str(hint);
        self
    }

    /// A question that a signal ended: there is nothing to say.
    #[must_use]
    pub const fn ended(signal: i32) -> Self {
        Self { message: String::new(), hint: String::new(), exit: Exit::Signal(signal) }
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
    if let Some(home) = cli.home.as_deref().filter(|home| !real::is_folder(home)) {
        return Err(Failure::new(
            format!("--home {}: there is no such folder", crate::report::plain(&home.display().to_string())),
            "name the home folder to look at, or leave --home out for your own",
        ));
    }
    let world = RealWorld::new(cli.home.clone());
    let catalogue = crate::session::catalogue(&world);
    printer::know_beginnings(catalogue.beginnings());
    printer::know(&secrets_of(world.env()));
    say_left_out(&world, &catalogue)?;
    drop(world);
    let desk = Desk { home: cli.home, offline: cli.offline, catalogue };
    if cli.command.as_ref().is_some_and(Command::reads_the_key) {
        console::keep_for_the_key();
    }
    match &cli.command {
        Some(command) if command.writes() && !writing::end(&desk, command)? => {
            print("Nothing was written.\n")?;
            return Ok(Exit::Declined);
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
        None if cli.plain || output::is_dumb() => plain::plain(&desk),
        None => wizard::here(desk),
        Some(Command::Demo(args)) => wizard::demo(desk, &args),
        Some(Command::Status(args)) => looking::status(&desk, &args),
        Some(Command::Explain(args)) => looking::explain(&desk, &args),
        Some(Command::Why(args)) => why::why(&desk, &args),
        Some(Command::Report(args)) => report::report(&desk, &args),
        Some(Command::Test(args)) => testing::test(&desk, &args),
        Some(Command::Check(args)) => checking::check(&desk, &args),
        Some(Command::Consents(args)) => consenting::consents(&desk, &args),
        Some(Command::Clean(args)) => keys::clean(&desk, &args),
        Some(Command::Fix(args)) => fixing::fix(&desk, &args),
        Some(Command::Remove(args)) => writing::remove(&desk, &args),
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
        Some(Command::Man(args)) => listing::man(&args),
    }
}

/// The values of variables whose names tell of a secret: none of them is said, whichever program it is for.
fn secrets_of(env: &std::collections::BTreeMap<String, String>) -> Vec<Secret> {
    let tells = |name: &str| {
        ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL"]
            .iter()
            .any(|part| name.to_ascii_uppercase().contains(part))
    };
    env.iter().filter(|(name, _)| tells(name)).map(|(_, value)| Secret::new(value.as_str())).collect()
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
    Ok(output::err(&line)?)
}

/// Prints text; a closed pipe is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    Ok(output::out(text)?)
}

/// Prints JSON, one line.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    Ok(output::json(value)?)
}

/// Asks a question; only `y` and `yes` are a yes. Where nobody can be asked, nothing is done.
pub(crate) fn ask(question: &str) -> Result<bool, Failure> {
    match console::ask(question)? {
        Answered::Yes => Ok(true),
        Answered::No => Ok(false),
        Answered::Nobody => Err(Failure::new(
            format!("nobody could be asked \u{201c}{question}\u{201d}: nothing was done"),
            "add --yes to do it without a question",
        )),
    }
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
    console::read_all()
        .map_err(|error| Failure::new(format!("cannot read standard input: {error}"), "pipe the key in"))
}

impl Desk {
    pub(crate) fn style<'a>(&'a self, world: &'a RealWorld, salt: &'a str) -> Style<'a> {
        Style { catalogue: &self.catalogue, home: world.home(), salt }
    }
}
