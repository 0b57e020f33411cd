//! Runs the command that restarts an agent, after a yes. It gets no terminal and no input, and a deadline.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

/// How long a restart may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much of a complaint is shown.
const SHOWN: usize = 200;

/// Why a restart did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestartError {
    /// The command could not be started.
    #[error("{command} could not be started: {why}")]
    NotStarted {
        /// The program.
        command: String,
        /// The system's words.
        why: String,
    },
    /// It ended with a failure.
    #[error("{command} failed: {why}")]
    Failed {
        /// The program.
        command: String,
        /// What it said, cut.
        why: String,
    },
    /// It did not end in time.
    #[error("{0} did not end within 30 seconds")]
    TimedOut(String),
}

impl RestartError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "restart the agent by hand",
            Self::Failed { .. } => "run the command in another terminal to see more",
            Self::TimedOut(_) => "look at the agent; it may still be starting",
        }
    }
}

/// Runs `command` and waits for its end.
pub fn run(command: &[String]) -> Result<(), RestartError> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    // launchd names a person's domain by the user's number; no shell is here that fills it in.
    let user = rustix::process::geteuid().as_raw().to_string();
    let not_started =
        |error: std::io::Error| RestartError::NotStarted { command: program.clone(), why: error.to_string() };
    let mut child = Command::new(program)
        .args(args.iter().map(|arg| arg.replace("$(id -u)", &user)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    let until = Instant::now() + DEADLINE;
    loop {
        match child.try_wait().map_err(not_started)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                let mut said = String::new();
                let complaint = child.stderr.take().map(|pipe| pipe.take(4096).read_to_string(&mut said));
                drop(complaint);
                let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
                let why =
                    if said.is_empty() { status.to_string() } else { said.chars().take(SHOWN).collect() };
                return Err(RestartError::Failed { command: program.clone(), why });
            }
            None if Instant::now() >= until => return Err(RestartError::TimedOut(program.clone())),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn success_failure_and_absence_are_told_apart() {
        assert_eq!(run(&words("true")), Ok(()));
        assert!(matches!(run(&words("false")), Err(RestartError::Failed { .. })));
        assert!(matches!(run(&words("/nowhere/keymend-test")), Err(RestartError::NotStarted { .. })));
    }

    #[test]
    fn the_users_number_is_filled_in() {
        let user = rustix::process::geteuid().as_raw().to_string();
        let command = ["test", "gui/$(id -u)/a", "=", &format!("gui/{user}/a")].map(String::from);
        assert_eq!(run(&command), Ok(()));
    }

    #[test]
    fn what_the_command_says_is_kept() {
        let command = ["sh", "-c", "echo no such unit >&2; exit 5"].map(String::from);
        let Err(RestartError::Failed { why, .. }) = run(&command) else { unreachable!() };
        assert_eq!(why, "no such unit");
    }
}
