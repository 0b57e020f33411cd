//! Runs a program once in a temporary home with a copy of some files, and ends it with everything it started.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A temporary home and working directory, removed when dropped.
pub struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    /// An empty home and working directory, for this user alone.
    pub fn new() -> io::Result<Self> {
        let root = tempfile::Builder::new().prefix("keymend-prove-").tempdir()?;
        let sandbox = Self { root };
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
    /// Stops at `budget` bytes, which it counts down.
    pub fn copy(from: &Path, relative: &str, to: &Path, budget: &mut u64) -> io::Result<()> {
        let source = from.join(relative);
        match std::fs::metadata(&source) {
            Ok(meta) if meta.is_dir() => copy_folder(&source, &to.join(relative), budget),
            Ok(meta) if meta.is_file() => copy_file(&source, &meta, &to.join(relative), budget),
            _ => Ok(()),
        }
    }

    /// Starts a program there, in a process group of its own, with this environment alone.
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
    std::fs::copy(source, target).map(drop)
}

/// A running program; ended with its whole group when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
