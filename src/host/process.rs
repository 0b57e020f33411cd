//! Running processes, read from `/proc`. On systems without it the list is empty, and what depends on it says "cannot
//! be told".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::same_folder;
use crate::world::Process;

/// The arguments of every process but this one. Nothing else is read of them here: most are no agent's, and their
/// environments are nobody's business.
#[must_use]
pub(super) fn arguments() -> Vec<(u32, Vec<String>)> {
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let others = pids.filter(|pid: &u32| *pid != own);
    let all = others.filter_map(|pid| Some((pid, fields(&proc_file(&folder(pid), "cmdline")?))));
    all.filter(|(_, args)| !args.is_empty()).collect()
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// Ends every process of this user whose home folder is inside of `folder`: what an agent started there, in whatever
/// process group. A shell that was only sent there by `cd` has another home.
#[cfg(target_os = "linux")]
pub(super) fn end_all_at_home_in(folder: &std::path::Path) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let Ok(entries) = std::fs::read_dir("/proc") else { return };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids.filter_map(Pid::from_raw) {
        // Opened before the look, so that the signal cannot reach another process that got the same number since.
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let Ok(bytes) = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())) else { continue };
        let at_home = fields(&bytes)
            .iter()
            .filter_map(|field| field.strip_prefix("HOME="))
            .any(|home| std::path::Path::new(home).starts_with(folder));
        if at_home {
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

/// The same; without `/proc` nobody tells.
#[cfg(all(unix, not(target_os = "linux")))]
pub(super) const fn end_all_at_home_in(_folder: &std::path::Path) {}

/// What two processes must share for a path to mean the same file to both, and the same to be allowed with it. A
/// container has its own mount namespace. What cannot be looked at belongs to somebody else.
#[derive(Debug, PartialEq, Eq)]
struct Ground {
    uid: u32,
    mounts: PathBuf,
}

impl Ground {
    #[cfg(unix)]
    fn of(pid: &str) -> Option<Self> {
        let folder = Path::new("/proc").join(pid);
        let mounts = std::fs::read_link(folder.join("ns/mnt")).ok()?;
        let status = String::from_utf8_lossy(&proc_file(&folder, "status")?).into_owned();
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        // Real, effective, saved, file system: the effective one decides what it may read.
        Some(Self { uid: uids.split_whitespace().nth(1)?.parse().ok()?, mounts })
    }

    #[cfg(not(unix))]
    fn of(_pid: &str) -> Option<Self> {
        None
    }
}

/// The home folder that `/etc/passwd` names for this user: that of a process without the variable. The system's own
/// look-up may ask a service or the network, which a scan does not.
fn usual_home(uid: u32) -> Option<PathBuf> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let uid = uid.to_string();
    let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = fields.find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    own.get(5).map(PathBuf::from)
}

/// The process with these arguments, where it belongs to `home`: of this user, in this mount namespace, with this home
/// folder. The start environment is there only where the system shows it.
#[must_use]
pub(super) fn read(pid: u32, args: Vec<String>, home: Option<&Path>) -> Option<Process> {
    let ours = Ground::of("self")?;
    if Ground::of(&pid.to_string())? != ours {
        return None;
    }
    let process = details(pid, args)?;
    let own = process.home().map_or_else(|| usual_home(ours.uid), |own| Some(own.to_owned()))?;
    home.is_some_and(|home| same_folder(&own, home)).then_some(process)
}

fn details(pid: u32, args: Vec<String>) -> Option<Process> {
    let folder = folder(pid);
    let started_ms = started_ms(&String::from_utf8_lossy(&proc_file(&folder, "stat")?))?;
    let env = proc_file(&folder, "environ").and_then(|bytes| environment(&bytes));
    let unit = proc_file(&folder, "cgroup").and_then(|text| unit_of(&String::from_utf8_lossy(&text)));
    let cwd = std::fs::read_link(folder.join("cwd")).ok();
    Some(Process { pid, args, started_ms, env, unit, cwd })
}

/// A file of `/proc`, up to the size that Linux itself allows arguments and environment together on most machines. What
/// is longer is not used at all: a part of it would prove nothing.
fn proc_file(folder: &Path, name: &str) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    use std::io::Read as _;
    const MAX_BYTES: u64 = 8 * 1024 * 1024;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::fs::File::open(folder.join(name)).ok()?.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_BYTES).then_some(bytes)
}

fn fields(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty())
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect()
}

/// A block without `PATH` and `HOME` was overwritten by a process title and proves nothing.
fn environment(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let env: BTreeMap<String, String> = fields(bytes)
        .iter()
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    (env.contains_key("PATH") || env.contains_key("HOME")).then_some(env)
}

/// The 22nd field of `stat`, in ticks since boot, as Unix milliseconds. The boot clock is asked for the distance to
/// now, which is exact to some hundredths of a second; `btime` is off by up to one.
#[cfg(target_os = "linux")]
fn started_ms(stat: &str) -> Option<i64> {
    let ticks: i64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let per_second = i64::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since_boot_ms = boot.tv_sec * 1000 + boot.tv_nsec / 1_000_000;
    Some(super::real::now_ms() - (since_boot_ms - ticks * 1000 / per_second.max(1)))
}

#[cfg(not(target_os = "linux"))]
fn started_ms(_stat: &str) -> Option<i64> {
    None
}

/// The last `*.service` in a cgroup path.
fn unit_of(cgroup: &str) -> Option<String> {
    cgroup
        .lines()
        .filter_map(|line| line.rsplit(':').next())
        .flat_map(|path| path.rsplit('/'))
        .find(|part| part.ends_with(".service"))
        .map(ToOwned::to_owned)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_seen_with_its_start_environment() {
        let before = super::super::real::now_ms();
        let home = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("31.25")
            .env("KEYMEND_PROCESS_TEST", "seen")
            .env("HOME", home.path())
            .current_dir(home.path())
            .spawn()
            .unwrap();
        // A child may still be on its way through exec when the first look comes.
        let look = |home: &Path| {
            let (pid, args) =
                arguments().into_iter().find(|(pid, args)| *pid == child.id() && args.len() == 2)?;
            read(pid, args, Some(home))
        };
        let found = (0..200).find_map(|_| look(home.path()));
        let elsewhere = look(Path::new("/nobody/home"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(elsewhere, None, "a process of another home is nobody's business");
        let found = found.unwrap();
        assert_eq!(found.path("x/y"), Some(std::fs::canonicalize(home.path()).unwrap().join("x/y")));
        assert_eq!(found.args, ["sleep", "31.25"]);
        assert!((found.started_ms - before).abs() < 5_000, "{} {before}", found.started_ms);
        assert_eq!(found.env.unwrap().get("KEYMEND_PROCESS_TEST").map(String::as_str), Some("seen"));
    }

    #[test]
    fn another_user_or_another_file_system_is_another_ground() {
        let ours = Ground::of("self").unwrap();
        assert_eq!(Ground::of(&std::process::id().to_string()).as_ref(), Some(&ours));
        let container = Ground { mounts: PathBuf::from("mnt:[1]"), ..Ground::of("self").unwrap() };
        let root = Ground { uid: ours.uid + 1, ..Ground::of("self").unwrap() };
        assert_ne!(container, ours);
        assert_ne!(root, ours);
        assert_eq!(Ground::of("no-such-process"), None);
    }

    #[test]
    fn the_unit_is_the_innermost_service() {
        let path = "0::/user.slice/user-1001.slice/user@1001.service/app.slice/ug.service";
        assert_eq!(unit_of(path).as_deref(), Some("ug.service"));
        assert_eq!(unit_of("0::/user.slice"), None);
    }
}
