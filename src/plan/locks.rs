//! Which files an agent locks against itself, and how. keymend takes the same lock while it writes.

use std::ffi::OsStr;
use std::path::Path;

use super::AgentLock;

/// The lock of `file`, if its agent is known to take one.
///
/// Hermes holds `flock` on `auth.lock` beside `auth.json` and takes none for `.env` (hermes-agent 0.19.0). OpenClaw
/// 2026.3 creates `<file>.lock` exclusively beside the JSON stores in an agent's folder; its later versions lock in
/// SQLite.
pub(super) fn lock_of(agent: &str, file: &Path) -> Option<AgentLock> {
    let name = file.file_name().and_then(OsStr::to_str)?;
    let beside = |lock: String| file.with_file_name(lock);
    match (agent, name) {
        ("hermes", "auth.json") => Some(AgentLock::Flock(beside("auth.lock".to_owned()))),
        ("hermes", "nous_auth.json") => Some(AgentLock::Flock(beside("nous_auth.lock".to_owned()))),
        ("openclaw", "auth-profiles.json" | "auth.json") => {
            Some(AgentLock::Exclusive(beside(format!("{name}.lock"))))
        }
        _ => None,
    }
}

/// Whether `lock` is one that an agent takes for `file`.
pub(crate) fn may_lock(file: &Path, lock: &AgentLock) -> bool {
    ["hermes", "openclaw"].iter().any(|agent| lock_of(agent, file).as_ref() == Some(lock))
}
