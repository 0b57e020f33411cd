//! The real machine, read-only: files, folders, environment, processes, keyring and databases, each call with a deadline
//! and none of them changing anything.
//!
//! Files are opened without blocking and only read if they are regular and of a sensible size, so that a FIFO, a
//! device or a folder in place of a file is one line and not a hang. On a machine with network or user-space mounts every
//! access runs on a reader thread; when a dead mount swallows one, the reader is left behind and a new one serves the
//! rest. On a machine without such mounts nothing can hang, and the hand-over between threads is saved.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::keyring;
use super::owner;
use super::process;
use super::same_folder;
use super::sqlite;
use crate::world::{
    FileContent, FileMeta, FileState, KeyringState, Machine, Os, Process, Table, TableState, Trouble, World,
};

/// The largest file that is read. Agents' state files reach some megabytes; a key file is never this large.
pub const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
/// How long one file access may take.
const FILE_DEADLINE: Duration = Duration::from_millis(800);
/// How long one database or keyring access may take.
const STORE_DEADLINE: Duration = Duration::from_millis(1500);

/// Processes with their arguments.
type Arguments = Vec<(u32, Vec<String>)>;

/// The machine that keymend runs on. Answers are cached; a new scan takes a new `RealWorld`.
pub struct RealWorld {
    home: Option<PathBuf>,
    cwd: PathBuf,
    env: BTreeMap<String, String>,
    env_troubles: Vec<String>,
    left_out: Vec<String>,
    now_ms: i64,
    files: RefCell<HashMap<OsString, Arc<FileState>>>,
    folders: RefCell<HashMap<OsString, Vec<String>>>,
    /// The folders of which only a part of the names is known.
    cut: RefCell<HashSet<OsString>>,
    there: RefCell<HashMap<OsString, bool>>,
    are_folders: RefCell<HashMap<OsString, bool>>,
    tables: RefCell<HashMap<Table, TableState>>,
    keyring: RefCell<HashMap<(String, String), KeyringState>>,
    arguments: OnceCell<Arguments>,
    processes: RefCell<HashMap<u32, Option<Process>>>,
    named: RefCell<HashMap<String, Arguments>>,
    reader: RefCell<Option<Reader>>,
    may_hang: bool,
}

impl RealWorld {
    /// The machine as this process sees it; `home` replaces the home folder and the `HOME` variable. The environment
    /// belongs to the home that it names: of another home's, only what says how to run a program and to write on the
    /// terminal is kept, see [`RealWorld::left_out`].
    #[must_use]
    pub fn new(home: Option<PathBuf>) -> Self {
        let mut env = BTreeMap::new();
        let mut env_troubles = Vec::new();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(env.insert(name, value)),
                (Ok(name), Err(_)) => env_troubles.push(name),
                (Err(_), _) => {}
            }
        }
        let mut left_out = Vec::new();
        // Root's first start says whose environment it handed over: `HOME` is the owner's by now.
        let handed_over = env.remove(owner::ENVIRONMENT_OF).map(PathBuf::from);
        if let Some(home) = &home {
            let is_others = handed_over.is_some_and(|other| !same_folder(&other, home));
            if is_others || is_of_another_home(&env, home) {
                left_out = seal(&mut env);
                env_troubles.clear();
            }
            env.insert("HOME".to_owned(), home.to_string_lossy().into_owned());
        }
        let home = home.or_else(std::env::home_dir).filter(|home| !home.as_os_str().is_empty());
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self { left_out, ..Self::with(home, cwd, env, env_troubles) }
    }

    /// The variables of this process that belong to another home than the one that was asked for, and take no part.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The real file system under another home, working directory and environment: the demo's sample home.
    #[must_use]
    pub fn with(
        home: Option<PathBuf>,
        cwd: PathBuf,
        env: BTreeMap<String, String>,
        env_troubles: Vec<String>,
    ) -> Self {
        Self {
            home,
            cwd,
            env,
            env_troubles,
            left_out: Vec::new(),
            now_ms: now_ms(),
            files: RefCell::default(),
            folders: RefCell::default(),
            cut: RefCell::default(),
            there: RefCell::default(),
            are_folders: RefCell::default(),
            tables: RefCell::default(),
            keyring: RefCell::default(),
            arguments: OnceCell::new(),
            processes: RefCell::default(),
            named: RefCell::default(),
            reader: RefCell::default(),
            may_hang: mounts_may_hang(),
        }
    }

    /// The process with these arguments, read once.
    fn process(&self, pid: u32, args: &[String]) -> Option<Process> {
        if let Some(known) = self.processes.borrow().get(&pid) {
            return known.clone();
        }
        let (args, home) = (args.to_owned(), self.home.clone());
        let found = self.within(STORE_DEADLINE, move || process::read(pid, args, home.as_deref())).flatten();
        self.processes.borrow_mut().insert(pid, found.clone());
        found
    }

    /// Runs a file access: here where no mount can hang, else on the reader thread.
    fn access<T: Send + 'static>(
        &self,
        deadline: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if self.may_hang { self.within(deadline, job) } else { Some(job()) }
    }

    /// Runs `job` on the reader thread; none when it did not answer in time.
    fn within<T: Send + 'static>(
        &self,
        deadline: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let mut reader = self.reader.borrow_mut();
        let (sender, answer) = mpsc::sync_channel(1);
        let task: Task = Box::new(move || drop(sender.send(job())));
        let sent = reader.get_or_insert_with(Reader::start).tasks.send(task).is_ok();
        let done = sent.then(|| answer.recv_timeout(deadline).ok()).flatten();
        if done.is_none() {
            *reader = None;
        }
        done
    }
}

/// Whether an environment names another home folder than `home`.
fn is_of_another_home(env: &BTreeMap<String, String>, home: &Path) -> bool {
    env.get("HOME").filter(|own| !own.is_empty()).is_some_and(|own| !same_folder(Path::new(own), home))
}

/// Takes away what another home's shell has set, the session bus with its keyring included; the names that went.
fn seal(env: &mut BTreeMap<String, String>) -> Vec<String> {
    const KEPT: [&str; 12] = [
        "PATH",
        "PATHEXT",
        "SYSTEMROOT",
        "LANG",
        "LANGUAGE",
        "TERM",
        "COLORTERM",
        "NO_COLOR",
        "TZ",
        "TMPDIR",
        "USER",
        "LOGNAME",
    ];
    let kept = |name: &str| KEPT.contains(&name) || name.starts_with("LC_") || name.starts_with("KEYMEND_");
    let gone: Vec<String> = env.keys().filter(|name| !kept(name)).cloned().collect();
    for name in &gone {
        env.remove(name);
    }
    gone
}

/// The names that Node gives for `os.hostname()` and `os.userInfo().username`.
#[cfg(unix)]
fn machine() -> Option<Machine> {
    let host = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok()??.name;
    Some(Machine { host, user })
}

#[cfg(not(unix))]
const fn machine() -> Option<Machine> {
    None
}

/// Whether a mount of this machine may fail to answer: a network file system, or one that another program serves.
#[cfg(target_os = "linux")]
fn mounts_may_hang() -> bool {
    // The kernel writes this file itself; reading it never touches a mount.
    std::fs::read_to_string("/proc/self/mounts").map_or(true, |mounts| any_remote(&mounts))
}

#[cfg(not(target_os = "linux"))]
const fn mounts_may_hang() -> bool {
    true
}

/// Whether there is a folder at this path, links followed.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Looks at lines of `/proc/self/mounts`: device, mount point, type. What desktops serve under `/run/user` (document
/// portals, gvfs) holds no agent's files.
#[cfg(target_os = "linux")]
fn any_remote(mounts: &str) -> bool {
    const REMOTE: [&str; 14] = [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "davfs",
        "autofs",
        "virtiofs",
        "vboxsf",
    ];
    mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let served =
            REMOTE.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.") || kind == "fuseblk";
        served && !point.starts_with("/run/user/") && !point.starts_with("/proc/")
    })
}

type Task = Box<dyn FnOnce() + Send>;

/// A thread that reads; it ends when its channel closes, or stays behind on a call that never returns.
struct Reader {
    tasks: mpsc::Sender<Task>,
}

impl Reader {
    fn start() -> Self {
        let (tasks, queue) = mpsc::channel::<Task>();
        // A failed spawn closes the queue, and every access then reports a time-out.
        let _ = std::thread::Builder::new().name("reader".into()).spawn(move || {
            for task in queue {
                task();
            }
        });
        Self { tasks }
    }
}

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl World for RealWorld {
    fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    fn cwd(&self) -> &Path {
        &self.cwd
    }

    fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    fn env_troubles(&self) -> &[String] {
        &self.env_troubles
    }

    fn os(&self) -> Os {
        Os::HERE
    }

    fn machine(&self) -> Option<Machine> {
        machine()
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn read(&self, path: &Path) -> Arc<FileState> {
        if let Some(known) = self.files.borrow().get(path.as_os_str()) {
            return Arc::clone(known);
        }
        let owned = path.to_owned();
        let state = self.access(FILE_DEADLINE, move || read_file(&owned));
        let state = Arc::new(state.unwrap_or_else(|| FileState::Unreadable(timed_out(FILE_DEADLINE))));
        self.files.borrow_mut().insert(path.into(), Arc::clone(&state));
        state
    }

    fn list(&self, dir: &Path) -> Vec<String> {
        if let Some(known) = self.folders.borrow().get(dir.as_os_str()) {
            return known.clone();
        }
        let owned = dir.to_owned();
        let (names, cut) =
            self.access(FILE_DEADLINE, move || list_dir(&owned, MAX_NAMES)).unwrap_or_default();
        if cut {
            self.cut.borrow_mut().insert(dir.into());
        }
        self.folders.borrow_mut().insert(dir.into(), names.clone());
        names
    }

    fn cut_to(&self, dir: &Path) -> Option<usize> {
        self.cut.borrow().contains(dir.as_os_str()).then_some(MAX_NAMES)
    }

    fn exists(&self, path: &Path) -> bool {
        if let Some(known) = self.there.borrow().get(path.as_os_str()) {
            return *known;
        }
        let owned = path.to_owned();
        let there = self.access(FILE_DEADLINE, move || owned.exists()).unwrap_or(false);
        self.there.borrow_mut().insert(path.into(), there);
        there
    }

    fn is_folder(&self, path: &Path) -> bool {
        if let Some(known) = self.are_folders.borrow().get(path.as_os_str()) {
            return *known;
        }
        let owned = path.to_owned();
        let is = self.access(FILE_DEADLINE, move || owned.is_dir()).unwrap_or(false);
        self.are_folders.borrow_mut().insert(path.into(), is);
        is
    }

    fn table(&self, table: &Table) -> TableState {
        if let Some(known) = self.tables.borrow().get(table) {
            return known.clone();
        }
        let owned = table.clone();
        let state = self.access(STORE_DEADLINE, move || sqlite::read_table(&owned));
        let state = state.unwrap_or_else(|| TableState::Unreadable(timed_out(STORE_DEADLINE)));
        self.tables.borrow_mut().insert(table.clone(), state.clone());
        state
    }

    fn keyring(&self, service: &str, user: &str) -> KeyringState {
        let entry = (service.to_owned(), user.to_owned());
        if let Some(known) = self.keyring.borrow().get(&entry) {
            return known.clone();
        }
        let bus = keyring::Bus::of(&self.env);
        let (service, user) = entry.clone();
        let state = self.within(STORE_DEADLINE, move || keyring::peek(&bus, &service, &user));
        let state = state.unwrap_or(KeyringState::TimedOut);
        self.keyring.borrow_mut().insert(entry, state.clone());
        state
    }

    fn executable(&self, name: &str) -> Option<PathBuf> {
        let path = self.var("PATH")?.to_owned();
        let name = name.to_owned();
        self.access(FILE_DEADLINE, move || find_executable(&path, &name)).flatten()
    }

    fn processes(&self, needle: &str) -> Vec<Process> {
        let all = self
            .arguments
            .get_or_init(|| self.within(STORE_DEADLINE, process::arguments).unwrap_or_default());
        // Ten thousand slots ask for the same few programs.
        let mut named = self.named.borrow_mut();
        let pids = named.entry(needle.to_owned()).or_insert_with(|| {
            let called = |(_, args): &&(u32, Vec<String>)| args.iter().any(|arg| arg.contains(needle));
            all.iter().filter(called).cloned().collect()
        });
        pids.iter().filter_map(|(pid, args)| self.process(*pid, args)).collect()
    }
}

fn timed_out(deadline: Duration) -> Trouble {
    Trouble::TimedOut(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX))
}

/// No agent keeps more profiles than this; a larger folder is cut rather than read without end.
const MAX_NAMES: usize = 20_000;

/// The names in a folder, and whether there are more than `limit`.
fn list_dir(dir: &Path, limit: usize) -> (Vec<String>, bool) {
    let Ok(mut entries) = std::fs::read_dir(dir) else { return (Vec::new(), false) };
    let first = entries.by_ref().take(limit);
    let mut names: Vec<String> =
        first.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    (names, entries.next().is_some())
}

fn find_executable(path: &str, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
        .map(|file| std::fs::canonicalize(&file).unwrap_or(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// Everything of a regular file, if it is no longer than `limit`.
pub(super) fn contents(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    match open_and_read(path, limit) {
        Ok(FileState::Regular(content)) => Ok(content.bytes),
        Ok(FileState::Unreadable(trouble)) => Err(trouble),
        Ok(FileState::Missing) => Err(Trouble::Io("there is no such file".to_owned())),
        Err(error) => {
            Err(trouble_of(&error).unwrap_or_else(|| Trouble::Io("there is no such file".to_owned())))
        }
    }
}

/// As [`contents`], within the time that one file access may take: for a file outside of a scan.
pub(super) fn contents_in_time(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let (sender, answer) = mpsc::sync_channel(1);
    let owned = path.to_owned();
    // A reader that a dead mount swallows is left behind.
    let started = std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || drop(sender.send(contents(&owned, limit))));
    started.map_err(|error| Trouble::Io(error.to_string()))?;
    answer.recv_timeout(FILE_DEADLINE).unwrap_or_else(|_| Err(timed_out(FILE_DEADLINE)))
}

/// Opens without blocking, looks at what it is, and reads it if it is a regular file of a sensible size.
pub(super) fn read_file(path: &Path) -> FileState {
    match open_and_read(path, MAX_FILE_BYTES) {
        Ok(state) => state,
        Err(error) => match trouble_of(&error) {
            None => FileState::Missing,
            Some(trouble) => FileState::Unreadable(trouble),
        },
    }
}

fn open_and_read(path: &Path, limit: u64) -> std::io::Result<FileState> {
    use std::io::Read as _;
    let mut file = open_nonblocking(path)?;
    let meta = file.metadata()?;
    if let Some(trouble) = not_regular(&meta) {
        return Ok(FileState::Unreadable(trouble));
    }
    if meta.len() > limit {
        return Ok(FileState::Unreadable(Trouble::TooLarge { bytes: meta.len(), limit }));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1));
    file.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Ok(FileState::Unreadable(Trouble::TooLarge { bytes: bytes.len() as u64, limit }));
    }
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Ok(FileState::Regular(FileContent { bytes, meta: file_meta(&meta, real) }))
}

#[cfg(unix)]
fn open_nonblocking(path: &Path) -> std::io::Result<std::fs::File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(std::fs::File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open_nonblocking(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

#[cfg(unix)]
fn not_regular(meta: &std::fs::Metadata) -> Option<Trouble> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_dir() => Some(Trouble::Folder),
        () if kind.is_fifo() => Some(Trouble::Special("named pipe")),
        () if kind.is_socket() => Some(Trouble::Special("socket")),
        () => Some(Trouble::Special("device")),
    }
}

#[cfg(not(unix))]
fn not_regular(meta: &std::fs::Metadata) -> Option<Trouble> {
    if meta.is_dir() { Some(Trouble::Folder) } else { None }
}

#[cfg(unix)]
fn file_meta(meta: &std::fs::Metadata, real: PathBuf) -> FileMeta {
    use std::os::unix::fs::MetadataExt as _;
    FileMeta {
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        mtime_ms: meta.mtime() * 1000 + meta.mtime_nsec() / 1_000_000,
        ctime_ms: meta.ctime() * 1000 + meta.ctime_nsec() / 1_000_000,
        real,
        links: meta.nlink(),
    }
}

#[cfg(not(unix))]
fn file_meta(meta: &std::fs::Metadata, real: PathBuf) -> FileMeta {
    let millis = |time: std::io::Result<std::time::SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    };
    let mtime_ms = millis(meta.modified());
    FileMeta { mode: 0o600, uid: 0, mtime_ms, ctime_ms: mtime_ms, real, links: 1 }
}

/// The trouble behind a failed open or read; none for a path that does not exist.
fn trouble_of(error: &std::io::Error) -> Option<Trouble> {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => None,
        ErrorKind::PermissionDenied => Some(Trouble::Denied),
        ErrorKind::IsADirectory => Some(Trouble::Folder),
        // A socket cannot be opened at all (ENXIO).
        _ if error.raw_os_error() == Some(6) => Some(Trouble::Special("socket")),
        _ if is_link_loop(error) => Some(Trouble::LinkLoop),
        _ => Some(Trouble::Io(error.to_string())),
    }
}

#[cfg(unix)]
fn is_link_loop(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link_loop(_error: &std::io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(home: &Path) -> RealWorld {
        RealWorld::with(Some(home.to_owned()), home.to_owned(), BTreeMap::new(), Vec::new())
    }

    #[test]
    fn a_regular_file_is_read_with_its_metadata() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".env");
        std::fs::write(&file, "K=v\n").unwrap();
        let state = world(home.path()).read(&file);
        assert_eq!(state.text(), Some("K=v\n"));
        assert_eq!(state.meta().unwrap().links, 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_a_readable_file_is_one_trouble_each() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
        assert!(fifo.success());
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        std::fs::File::create(path("huge")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        std::fs::write(path("binary"), [0xff, 0xfe, 0x00]).unwrap();
        let world = world(home.path());
        let trouble = |name: &str| world.read(&path(name)).trouble();
        assert_eq!(trouble("folder"), Some(Trouble::Folder));
        assert_eq!(trouble("loop"), Some(Trouble::LinkLoop));
        assert_eq!(trouble("fifo"), Some(Trouble::Special("named pipe")));
        assert_eq!(trouble("socket"), Some(Trouble::Special("socket")));
        assert_eq!(
            trouble("huge"),
            Some(Trouble::TooLarge { bytes: MAX_FILE_BYTES + 1, limit: MAX_FILE_BYTES })
        );
        assert_eq!(trouble("binary"), Some(Trouble::NotText));
        assert_eq!(trouble("nothing"), None);
        assert!(matches!(*world.read(&path("binary/below")), FileState::Missing));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_read_outside_of_a_scan_is_a_regular_file_of_a_bounded_size_too() {
        let home = tempfile::tempdir().unwrap();
        let fifo = home.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let file = home.path().join("file");
        std::fs::write(&file, "abc").unwrap();
        let read = |path: &Path, limit| contents_in_time(path, limit).map(|bytes| bytes.to_vec());
        assert_eq!(read(&fifo, 9), Err(Trouble::Special("named pipe")));
        assert_eq!(read(Path::new("/dev/zero"), 9), Err(Trouble::Special("device")));
        assert_eq!(read(&file, 2), Err(Trouble::TooLarge { bytes: 3, limit: 2 }));
        assert_eq!(read(&file, 3), Ok(b"abc".to_vec()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_and_served_mounts_may_hang_and_local_ones_do_not() {
        let local = "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\n";
        assert!(!any_remote(local));
        assert!(!any_remote("portal /run/user/1000/doc fuse.portal rw 0 0\n"));
        assert!(any_remote("host:/home /home nfs4 rw 0 0\n"));
        assert!(any_remote("me@host: /home/ann/remote fuse.sshfs rw 0 0\n"));
    }

    #[test]
    fn a_call_that_hangs_costs_its_deadline_and_the_next_one_works() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let (release, hold) = mpsc::channel::<()>();
        let hung = world.within(Duration::from_millis(20), move || hold.recv().is_ok());
        assert_eq!(hung, None);
        assert_eq!(world.within(Duration::from_secs(5), || 7), Some(7));
        drop(release);
    }
}
