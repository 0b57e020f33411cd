//! What the person's real shell, tmux server and systemd user manager answer when they are asked. Only on request: asking
//! a shell runs its start-up files.
//!
//! The recipe for a shell survives start-up files that hang, read, print, exit, become another program or leave a child
//! behind: its own session (so that nothing takes the terminal), no input, the answer on its own pipe between two
//! marks, a clean environment (an inherited value must not come back as an answer), a deadline, and an end for everything
//! that was started. An answer that does not come whole is [`AskError`], never "not set".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::formats::shell::{self, Mode, Shell};
use crate::secret::Secret;
use crate::world::World;

mod lines;

pub use lines::from_systemd;

/// How long one question may take. A heavy start-up file needs under a second.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// How long what was written before the end may still take to arrive.
const DRAIN: Duration = Duration::from_millis(200);
/// Between two looks at the child.
const STEP: Duration = Duration::from_millis(10);
/// No environment is larger.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Written before and after the answer, so that noise before it and a cut after it are seen.
const BEGIN: &str = "KEYMEND_ASK=begin";
const END: &str = "KEYMEND_ASK=end";
/// An absolute path: a function or alias called `env` changes nothing.
const QUESTION: &str = "/usr/bin/env -0 -i KEYMEND_ASK=begin >&9 && /usr/bin/env -0 >&9 && /usr/bin/env -0 -i KEYMEND_ASK=end >&9";
/// Moves the pipe to descriptor 9 and silences the rest.
const WRAPPER: &str = "exec 9>&1 >/dev/null 2>&1; exec \"$@\"";

/// Variable name to value.
pub type Answer = BTreeMap<String, Secret>;

/// Why there is no answer. It never means "not set".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// A program that is needed to ask is not here.
    #[error("could not confirm: {0} is not installed here")]
    Missing(String),
    /// No whole answer within the deadline.
    #[error("could not confirm: {0} did not answer in time")]
    TimedOut(String),
    /// It ended without a whole answer.
    #[error("could not confirm: {0} ended without an answer")]
    NoAnswer(String),
    /// It could not be started.
    #[error("could not confirm: {0} could not be started")]
    NotStarted(String),
}

/// Runs the start-up files of a new `shell` and says what its programs would see.
pub fn shell(world: &dyn World, shell: Shell, mode: Mode, patience: Duration) -> Result<Answer, AskError> {
    let missing = |name: &str| AskError::Missing(name.to_owned());
    let program = program(world, shell).ok_or_else(|| missing(shell.name()))?;
    world.executable("setsid").ok_or_else(|| missing("setsid"))?;
    let mut args: Vec<OsString> = ["/bin/sh", "-c", WRAPPER, "sh"].map(OsString::from).into();
    args.push(program.into());
    let flags = [(mode.login, "-l"), (mode.interactive, "-i")];
    args.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.into()));
    args.extend(["-c", QUESTION].map(OsString::from));
    // By name: where one program plays many (busybox), the name says which.
    let mut command = Command::new("setsid");
    command.args(args).env_clear().envs(clean(world)).stderr(Stdio::null());
    if let Some(home) = world.home() {
        command.current_dir(home);
    }
    let ended = run(command, shell.name(), patience, |bytes| bytes.ends_with(b"KEYMEND_ASK=end\0"))?;
    between_marks(&ended.bytes).ok_or_else(|| AskError::NoAnswer(shell.name().to_owned()))
}

/// What new panes of the running tmux server start with; only the variables in `names`.
pub fn tmux(world: &dyn World, names: &[String], patience: Duration) -> Result<Answer, AskError> {
    let program = world.executable("tmux").ok_or_else(|| AskError::Missing("tmux".to_owned()))?;
    let ask = |name: Option<&str>| {
        let mut command = Command::new(&program);
        command.args(["show-environment", "-g"]).args(name).env_clear().envs(reach(world));
        grouped(&mut command);
        whole(run(command, "tmux", patience, |_| false)?, "tmux")
    };
    let listing = ask(None)?;
    let mut found = Answer::new();
    for name in names.iter().filter(|name| lines::starts_one(&listing, name)) {
        // A value of several lines can look like another variable in the listing; this asks for one alone.
        if let Some(value) = lines::value_of(&ask(Some(name))?, name) {
            found.insert(name.clone(), value);
        }
    }
    Ok(found)
}

/// What the systemd user manager gives to services that start now.
pub fn systemd(world: &dyn World, patience: Duration) -> Result<Answer, AskError> {
    let program = world.executable("systemctl").ok_or_else(|| AskError::Missing("systemctl".to_owned()))?;
    let mut command = Command::new(program);
    command.args(["--user", "--no-pager", "show-environment"]).env_clear().envs(reach(world));
    grouped(&mut command);
    let who = "the systemd user manager";
    whole(run(command, who, patience, |_| false)?, who).map(|bytes| from_systemd(&bytes))
}

/// The person's own program where it is that shell, else the one on `PATH`.
fn program(world: &dyn World, wanted: Shell) -> Option<PathBuf> {
    let own = world.var_nonempty("SHELL").map(PathBuf::from);
    let own = own.filter(|path| shell::login_shell(world) == Some(wanted) && path.is_absolute());
    let own = own.filter(|path| world.exists(path));
    // `executable` follows links, and a shell that is called by another name than `sh` is not `sh`.
    let other = || if wanted == Shell::Sh { Some("/bin/sh".into()) } else { world.executable(wanted.name()) };
    own.or_else(other)
}

/// Nothing that a start-up file could hand back as its own.
fn clean(world: &dyn World) -> BTreeMap<String, OsString> {
    let mut env: BTreeMap<String, OsString> = ["USER", "LOGNAME", "SHELL", "LANG"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), world.var(name)?.into())))
        .collect();
    env.insert("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".into());
    env.insert("TERM".to_owned(), "dumb".into());
    env.extend(world.home().map(|home| ("HOME".to_owned(), home.into())));
    env
}

/// What a client needs to find its server, and no more.
fn reach(world: &dyn World) -> BTreeMap<String, OsString> {
    let names = ["TMUX", "TMUX_TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LANG", "LC_ALL"];
    let mut env = clean(world);
    env.extend(names.into_iter().filter_map(|name| Some((name.to_owned(), world.var(name)?.into()))));
    #[cfg(unix)]
    if !env.contains_key("XDG_RUNTIME_DIR") {
        // Over ssh without a login session the variable is not set and the folder is there.
        let folder = format!("/run/user/{}", rustix::process::getuid().as_raw());
        if world.exists(Path::new(&folder)) {
            env.insert("XDG_RUNTIME_DIR".to_owned(), folder.into());
        }
    }
    env
}

fn grouped(command: &mut Command) {
    command.stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// How a program ended.
struct Ended {
    bytes: Zeroizing<Vec<u8>>,
    success: bool,
}

fn whole(ended: Ended, who: &str) -> Result<Zeroizing<Vec<u8>>, AskError> {
    if ended.success { Ok(ended.bytes) } else { Err(AskError::NoAnswer(who.to_owned())) }
}

/// Starts a program and collects what it writes until `done`, until it ends, or until the deadline; then ends it and all
/// that it started.
fn run(
    mut command: Command,
    who: &str,
    patience: Duration,
    done: impl Fn(&[u8]) -> bool,
) -> Result<Ended, AskError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().map_err(|_| AskError::NotStarted(who.to_owned()))?;
    let mut started = Started { child, ended: false };
    let pieces = started.pieces().ok_or_else(|| AskError::NotStarted(who.to_owned()))?;
    let deadline = Instant::now() + patience;
    let mut bytes = Zeroizing::new(Vec::new());
    while !done(&bytes) && bytes.len() <= MAX_BYTES {
        if started.has_ended() {
            let success = started.finish();
            drain(&pieces, &mut bytes);
            return Ok(Ended { bytes, success });
        }
        if Instant::now() >= deadline {
            return Err(AskError::TimedOut(who.to_owned()));
        }
        match pieces.recv_timeout(STEP) {
            Ok(piece) => bytes.extend_from_slice(&piece),
            // The pipe is closed and the program still runs: its end is waited for above.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(STEP),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Ok(Ended { bytes, success: true })
}

/// Takes what is still in the pipe. A program that got away may hold it open, so its end is not waited for.
fn drain(pieces: &Receiver<Zeroizing<Vec<u8>>>, bytes: &mut Vec<u8>) {
    while let Ok(piece) = pieces.recv_timeout(DRAIN) {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_BYTES {
            return;
        }
    }
}

/// A running question; ended with its group and session when dropped.
struct Started {
    child: Child,
    ended: bool,
}

impl Started {
    /// What it writes, piece by piece, read by a thread so that no read can hold up the deadline.
    fn pieces(&mut self) -> Option<Receiver<Zeroizing<Vec<u8>>>> {
        let mut out = self.child.stdout.take()?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut buffer = Zeroizing::new(vec![0u8; 65536]);
            while let Ok(read) = out.read(&mut buffer) {
                let piece = Zeroizing::new(buffer.get(..read).unwrap_or_default().to_vec());
                if read == 0 || sender.send(piece).is_err() {
                    return;
                }
            }
        });
        Some(receiver)
    }

    /// Whether it has ended. It stays a zombie, so that its id cannot become another program's before the end.
    #[cfg(unix)]
    fn has_ended(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.pid().is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), how), Ok(Some(_)) | Err(_)))
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    #[cfg(unix)]
    fn pid(&self) -> Option<rustix::process::Pid> {
        rustix::process::Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }

    /// Ends everything; whether the program itself had ended well.
    fn finish(&mut self) -> bool {
        self.ended = true;
        #[cfg(unix)]
        if let Some(pid) = self.pid() {
            end_session(pid);
        }
        let _ = self.child.kill();
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.ended {
            self.finish();
        }
    }
}

/// Ends the group that `leader` leads and, where `/proc` tells, other groups of its session (a start-up file that turns
/// job control on makes some).
#[cfg(unix)]
fn end_session(leader: rustix::process::Pid) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let _ = kill_process_group(leader, Signal::KILL);
    let Ok(entries) = std::fs::read_dir("/proc") else { return };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    for pid in ids.filter_map(Pid::from_raw).filter(|pid| *pid != leader) {
        if session_of(pid) == Some(leader) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The session of a process, by `/proc`; none for one outside of this namespace. The fields after the name, which may hold
/// anything, are state, parent, group and session.
#[cfg(unix)]
fn session_of(pid: rustix::process::Pid) -> Option<rustix::process::Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let session: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()?;
    // A process that is just ending has -1 there (`do_task_stat` of Linux), which is no process.
    if session > 0 { rustix::process::Pid::from_raw(session) } else { None }
}

/// The variables between the two marks; none unless both are there.
fn between_marks(bytes: &[u8]) -> Option<Answer> {
    let mut records = bytes.split(|byte| *byte == 0);
    records.next().filter(|first| *first == BEGIN.as_bytes())?;
    let mut found = Answer::new();
    for record in records {
        if record == END.as_bytes() {
            return Some(found);
        }
        let at = record.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (record.get(..at)?, record.get(at + 1..)?);
        found.insert(String::from_utf8_lossy(name).into_owned(), Secret::from_bytes(value));
    }
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
