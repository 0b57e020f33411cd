//! Runs a program once in a temporary home with a copy of some files, and ends it with everything it started.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::scratch::{Kind, Scratch};

/// A temporary home and working directory; what still runs there is ended and the folder removed when dropped.
pub struct Sandbox {
    root: Scratch,
}

impl Sandbox {
    /// An empty home and working directory, for this user alone.
    pub fn new() -> io::Result<Self> {
        let sandbox = Self { root: Scratch::new(Kind::Prove)? };
        for dir in [sandbox.home(), sandbox.cwd()] {
            std::fs::create_dir(dir)?;
        }
        Ok(sandbox)
    }

    /// The temporary home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The temporary working directory.
    #[must_use]
    pub fn cwd(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file beside them.
    pub fn put(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.root.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Copies a file or folder, following links, to the same relative path below `to`; what is not there is no error.
    /// Stops after `budget` bytes.
    pub fn copy(from: &Path, relative: &str, to: &Path, budget: &mut u64) -> io::Result<()> {
        let source = from.join(relative);
        match std::fs::metadata(&source) {
            Ok(meta) if meta.is_dir() => copy_folder(&source, &to.join(relative), budget),
            Ok(meta) if meta.is_file() => copy_file(&source, &meta, &to.join(relative), budget),
            _ => Ok(()),
        }
    }

    /// Starts a program there, in its own process group, with this environment alone.
    pub fn start(
        &self,
        program: &Path,
        args: &[String],
        env: &BTreeMap<String, String>,
    ) -> io::Result<Running> {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(env).current_dir(self.cwd());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Running { child: command.spawn()? })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        #[cfg(unix)]
        super::process::end_all_at_home_in(self.root.path());
    }
}

fn copy_folder(source: &Path, target: &Path, budget: &mut u64) -> io::Result<()> {
    std::fs::create_dir_all(target)?;
    for entry in std::fs::read_dir(source)? {
        let name = entry?.file_name();
        Sandbox::copy(source, &name.to_string_lossy(), target, budget)?;
    }
    Ok(())
}

fn copy_file(source: &Path, meta: &std::fs::Metadata, target: &Path, budget: &mut u64) -> io::Result<()> {
    if meta.len() > *budget {
        return Ok(());
    }
    *budget -= meta.len();
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(source, target)?;
    // Whatever the original lets others do: a copy of a key is for this user alone. An agent that was made to be run
    // from there can still be run.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = 0o600 | (meta.permissions().mode() & 0o100);
        std::fs::set_permissions(target, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Ends the process group of a program that was not waited for yet: until then its number cannot be another's.
#[cfg(unix)]
fn end_group(leader: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let Some(group) = i32::try_from(leader.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = kill_process_group(group, Signal::KILL);
}

/// A running program; ended with its whole group when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Whether it still runs. It is not waited for here: as long as it is not, its process group keeps its number.
    #[cfg(unix)]
    pub fn is_alive(&mut self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }

    /// Whether it still runs.
    #[cfg(not(unix))]
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        end_group(&self.child);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
