//! Temporary folders that may hold keys: for this user alone, removed at every end, and swept later where the process
//! that made them was killed.
//!
//! The owner holds a lock (`flock`) on a file in the folder for as long as it lives; the kernel lets go of it however
//! the process ends, and no process id has to be trusted. A folder whose lock can be had belongs to nobody any more.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a folder is for, as its name begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The home in which `prove` runs an agent; holds copies of its files.
    Prove,
    /// The demo's sample home.
    Demo,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Prove, Self::Demo];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Prove => "keymend-prove-",
            Self::Demo => "keymend-demo-",
        }
    }
}

/// The file in the folder that its owner holds the lock of.
const LOCK: &str = ".owner";
/// How many random characters follow the prefix.
const RANDOM: usize = 6;
/// A folder without a lock file was made by an earlier version: it is swept when nothing was made in it for this long.
const OLD: Duration = Duration::from_hours(24);
/// How often the removal is tried: a program that was just ended may still be writing.
const TRIES: usize = 50;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// A temporary folder of this process; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// An empty folder for this user alone.
    pub fn new(kind: Kind) -> io::Result<Self> {
        loop {
            let mut builder = tempfile::Builder::new();
            builder.prefix(kind.prefix()).rand_bytes(RANDOM);
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let path = builder.tempdir()?.keep();
            match own(&path) {
                Ok(lock) => return Ok(Self { path, _lock: lock }),
                // A sweep came between the making and the locking.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let _ = fs::remove_dir_all(&path);
                    return Err(error);
                }
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder with all that is in it.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start sweeps what stays.
        let _ = self.remove();
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = fs::remove_dir_all(path);
        match &last {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    last
}

/// Makes the lock file and takes its lock; not found where the folder was swept before that was done.
#[cfg(unix)]
fn own(folder: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    let lock = File::options().write(true).create_new(true).mode(0o600).open(folder.join(LOCK))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    if lock.metadata()?.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(lock) }
}

#[cfg(not(unix))]
fn own(folder: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(folder.join(LOCK))
}

/// Removes what killed runs of this user left in the folder for temporary files, and ends the programs that still run
/// in there.
#[cfg(unix)]
pub fn sweep() {
    sweep_in(&std::env::temp_dir());
}

/// The same.
#[cfg(not(unix))]
pub const fn sweep() {}

#[cfg(unix)]
fn sweep_in(parent: &Path) {
    if !is_safe(parent) {
        return;
    }
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        if is_ours(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            if let Some(_held) = abandoned(&path) {
                super::process::end_all_at_home_in(&path);
                let _ = remove(&path);
            }
        }
    }
}

/// Whether nobody but this user and root can put another folder in the place of one of ours.
#[cfg(unix)]
fn is_safe(parent: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    fs::metadata(parent).is_ok_and(|meta| {
        let mode = meta.mode();
        mode & 0o1000 != 0 || ((meta.uid() == me || meta.uid() == 0) && mode & 0o022 == 0)
    })
}

#[cfg(unix)]
fn is_ours(name: &str) -> bool {
    Kind::ALL.iter().any(|kind| {
        name.strip_prefix(kind.prefix())
            .is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
    })
}

/// A folder that belongs to nobody any more; nobody else can take its lock while this lives. An earlier version made no
/// lock.
#[cfg(unix)]
struct Abandoned {
    _lock: Option<rustix::fd::OwnedFd>,
}

/// Whether this is a folder of this user that nobody holds. No link is followed.
#[cfg(unix)]
fn abandoned(path: &Path) -> Option<Abandoned> {
    use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat};
    let me = rustix::process::geteuid().as_raw();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let folder = openat(CWD, path, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let stat = fstat(&folder).ok()?;
    if stat.st_uid != me {
        return None;
    }
    match openat(&folder, LOCK, flags, Mode::empty()) {
        Ok(lock) => {
            let stat = fstat(&lock).ok()?;
            let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if !regular || stat.st_uid != me {
                return None;
            }
            flock(&lock, FlockOperation::NonBlockingLockExclusive)
                .ok()
                .map(|()| Abandoned { _lock: Some(lock) })
        }
        Err(rustix::io::Errno::NOENT) => {
            let made = fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()?;
            let age = SystemTime::now().duration_since(made).ok()?;
            (age > OLD).then_some(Abandoned { _lock: None })
        }
        Err(_) => None,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn parent() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    /// A folder as it is after a run was killed.
    fn left(parent: &Path, name: &str) -> PathBuf {
        let path = parent.join(name);
        fs::create_dir_all(path.join("home")).unwrap();
        fs::write(path.join(LOCK), "").unwrap();
        fs::write(path.join("home/auth.json"), "sk-FAKE").unwrap();
        path
    }

    #[test]
    fn it_is_for_this_user_alone_and_goes_with_its_owner() {
        let scratch = Scratch::new(Kind::Demo).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(is_ours(path.file_name().unwrap().to_str().unwrap()));
        assert!(abandoned(&path).is_none(), "its owner lives");
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn what_nobody_holds_is_swept_and_what_somebody_holds_is_not() {
        let parent = parent();
        let dead = left(parent.path(), "keymend-prove-aB3dE6");
        let alive = left(parent.path(), "keymend-prove-alive1");
        let lock = File::open(alive.join(LOCK)).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        sweep_in(parent.path());
        assert!(!dead.exists());
        assert!(alive.join("home/auth.json").exists());
    }

    #[test]
    fn names_links_and_files_of_others_are_left_alone() {
        let parent = parent();
        let precious = parent.path().join("precious");
        fs::create_dir_all(precious.join("home")).unwrap();
        fs::write(precious.join(LOCK), "").unwrap();
        symlink(&precious, parent.path().join("keymend-demo-linked")).unwrap();
        for name in ["keymend-prove-", "keymend-prove-toolong", "keymend-prove-../../x", "keymend-x-aB3dE6"] {
            assert!(!is_ours(name), "{name}");
        }
        let kept = left(parent.path(), "keymend-prove-notmine-at-all");
        fs::write(parent.path().join("keymend-demo-afile1"), "x").unwrap();
        // A lock that is a link is nobody's lock.
        let odd = left(parent.path(), "keymend-demo-oddone");
        fs::remove_file(odd.join(LOCK)).unwrap();
        symlink(precious.join(LOCK), odd.join(LOCK)).unwrap();
        sweep_in(parent.path());
        assert!(precious.join(LOCK).exists() && kept.exists() && odd.exists());
        assert!(parent.path().join("keymend-demo-afile1").exists());
    }

    #[test]
    fn a_folder_where_others_can_swap_names_is_not_swept() {
        let parent = parent();
        let dead = left(parent.path(), "keymend-prove-aB3dE6");
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o777)).unwrap();
        sweep_in(parent.path());
        assert!(dead.exists());
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        sweep_in(parent.path());
        assert!(!dead.exists());
    }

    #[test]
    fn a_folder_without_a_lock_is_left_while_it_is_young() {
        let parent = parent();
        let path = left(parent.path(), "keymend-demo-aB3dE6");
        fs::remove_file(path.join(LOCK)).unwrap();
        sweep_in(parent.path());
        assert!(path.exists());
        let folder = File::open(&path).unwrap();
        folder.set_modified(SystemTime::now() - OLD - Duration::from_mins(1)).unwrap();
        sweep_in(parent.path());
        assert!(!path.exists());
    }
}
