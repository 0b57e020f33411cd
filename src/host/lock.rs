//! The locks that are held while writing: keymend's own, and those that the agents take on their files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use super::real::contents;
use super::{files, owner};
use crate::plan::AgentLock;

/// How long Hermes itself waits for its lock.
pub const AGENT_WAIT: Duration = Duration::from_secs(15);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// When OpenClaw takes a lock of another process for abandoned.
const STALE: Duration = Duration::from_secs(30);

/// The lock is held by another process.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{0} is held by another process")]
    Held(PathBuf),
    /// It belongs to somebody else, who closed it.
    #[error("the lock {path} belongs to {who}", path = path.display())]
    Foreign {
        /// The lock file.
        path: PathBuf,
        /// Its owner.
        who: String,
    },
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl LockError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Held(_) => {
                "nothing was written; wait for the agent (or the other keymend) to finish, then try again"
            }
            Self::Foreign { .. } => {
                "nothing was written; an earlier keymend (or the agent) ran there with sudo: when it has ended, remove the \
                 lock file, which your own folder lets you do (rm -f), and try again"
            }
            Self::Io { .. } => "nothing was written; see the system's message",
        }
    }
}

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub enum Held {
    /// Let go when the file closes; the file stays, as its agent keeps it.
    Flock(File),
    /// Taken away on drop.
    Exclusive(PathBuf),
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Exclusive(path) = self {
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes a lock as its agent does, waiting up to `wait`.
pub fn take(lock: &AgentLock, wait: Duration) -> Result<Held, LockError> {
    let until = Instant::now() + wait;
    loop {
        let taken = match lock {
            AgentLock::Flock(path) => try_flock(path)?.map(Held::Flock),
            AgentLock::Exclusive(path) => try_exclusive(path)?,
        };
        match taken {
            Some(held) => return Ok(held),
            None if Instant::now() >= until => return Err(LockError::Held(path_of(lock).to_owned())),
            None => std::thread::sleep(PAUSE),
        }
    }
}

const fn path_of(lock: &AgentLock) -> &PathBuf {
    match lock {
        AgentLock::Flock(path) | AgentLock::Exclusive(path) => path,
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LockError {
    let path = path.to_owned();
    move |source| LockError::Io { path, source }
}

/// Why a lock file could not be opened or made.
fn refused(path: &Path) -> impl FnOnce(io::Error) -> LockError {
    let path = path.to_owned();
    move |source| {
        let other = files::owners_of(&path).find(|uid| !owner::is_me(*uid));
        match other.filter(|_| source.kind() == io::ErrorKind::PermissionDenied) {
            Some(uid) => LockError::Foreign { path, who: owner::name_of(uid) },
            None => LockError::Io { path, source },
        }
    }
}

fn try_flock(path: &Path) -> Result<Option<File>, LockError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(path)
        .map_err(refused(path))?;
    // Made by root beside somebody's file, it is that person's, who has to open it later.
    files::adopt(path).map_err(failed(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(failed(path)(error)),
    }
}

/// `{"pid": …, "createdAt": …}`, as OpenClaw 2026.3 writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    created_at: String,
}

fn try_exclusive(path: &Path) -> Result<Option<Held>, LockError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            let held = Held::Exclusive(path.to_owned());
            files::adopt(path).map_err(failed(path))?;
            let owner = serde_json::json!({"pid": std::process::id(), "createdAt": jiff::Timestamp::now().to_string()});
            file.write_all(owner.to_string().as_bytes()).map_err(failed(path))?;
            Ok(Some(held))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if is_stale(path) {
                let _ = fs::remove_file(path);
            }
            Ok(None)
        }
        Err(error) => Err(refused(path)(error)),
    }
}

/// Whether another process holds a lock of this kind. Changes nothing.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    let file = OpenOptions::new().read(true).open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Older than the limit, by its own word or else by its file's time.
fn is_stale(path: &Path) -> bool {
    let text = contents(path, 4096).unwrap_or_default();
    let said = serde_json::from_slice::<Owner>(&text)
        .ok()
        .and_then(|owner| owner.created_at.parse::<jiff::Timestamp>().ok());
    let age = match said {
        Some(created) => jiff::Timestamp::now().duration_since(created).try_into().ok(),
        None => fs::metadata(path).and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok()),
    };
    age.is_some_and(|age: Duration| age > STALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flock_is_held_until_dropped_and_its_file_stays() {
        let dir = tempfile::tempdir().expect("dir");
        let lock = AgentLock::Flock(dir.path().join("auth.lock"));
        let held = take(&lock, Duration::ZERO).expect("free");
        assert!(matches!(take(&lock, Duration::ZERO), Err(LockError::Held(_))));
        drop(held);
        assert!(take(&lock, Duration::ZERO).is_ok());
        assert!(dir.path().join("auth.lock").exists());
    }

    #[test]
    fn an_exclusive_lock_is_a_file_that_goes_away() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("auth-profiles.json.lock");
        let lock = AgentLock::Exclusive(path.clone());
        let held = take(&lock, Duration::ZERO).expect("free");
        let text = fs::read_to_string(&path).expect("text");
        assert!(text.contains("\"pid\"") && text.contains("\"createdAt\""), "{text}");
        assert!(matches!(take(&lock, Duration::ZERO), Err(LockError::Held(_))));
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn an_abandoned_exclusive_lock_is_taken_over() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("x.lock");
        fs::write(&path, r#"{"pid":1,"createdAt":"2020-01-01T00:00:00.000Z"}"#).expect("write");
        assert!(take(&AgentLock::Exclusive(path), Duration::from_secs(5)).is_ok());
    }
}
