//! Writes one file so that a kill, a full disk or a lost permission at any instruction ends with the old content or the
//! new one, whole: written beside, synced, read back, compared, swapped in, the folder synced.
//!
//! A file that changed since it was planned is never overwritten: its identity and content are compared right before
//! the swap, and where the system can swap two names in one step, what came out is compared too and put back if it is
//! not what was expected. Where a swap is impossible (a file with several names, a file mounted by itself, a folder
//! without permission) the content is written in place; the journal's backup is there for that case.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::plan::{Content, Hash};

/// The beginning of the name of every temporary file.
pub const TEMP_PREFIX: &str = ".keymend-";
/// The end of the name of every temporary file.
const TEMP_SUFFIX: &str = ".tmp";
/// The largest file that is written.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file was not written. The old content is there, whole, unless the message says otherwise.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Somebody changed it since it was read.
    #[error("{0} changed since keymend read it")]
    Changed(PathBuf),
    /// It belongs to somebody else.
    #[error("{path} belongs to another user (id {uid})")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// It is not a regular file.
    #[error("{0} is not a regular file")]
    NotRegular(PathBuf),
    /// What was read back is not what was written.
    #[error("{0}: the disk gave back other bytes than were written")]
    Lying(PathBuf),
    /// The system refused.
    #[error("{path}: {what}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
}

impl WriteError {
    /// The way out, in plain words.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Changed(_) => "nothing was written; scan again and look at the new content first",
            Self::Foreign { .. } => "run keymend as the user who owns the file, or with sudo",
            Self::NotRegular(_) => "it is managed by another program; change the key there",
            Self::Lying(_) => "nothing was written; check the disk",
            Self::Io { .. } => "the old content is still there; see the system's message",
        }
    }
}

fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::Io { path, what, source }
}

/// What was at a path when the write began.
#[derive(Debug)]
struct Old {
    meta: fs::Metadata,
    bytes: Content,
}

/// A write that is ready to happen: the new content is beside the file, synced and read back.
#[derive(Debug)]
pub struct Prepared {
    real: PathBuf,
    old: Option<Old>,
    hash: Option<Hash>,
    new: Option<Content>,
    mode: u32,
    temp: Option<NamedTempFile>,
}

/// Called before a file is written in place.
pub type InPlace<'a> = dyn FnMut() -> Result<(), WriteError> + 'a;

/// How a write ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The content was written into the existing file.
    pub in_place: bool,
    /// The folder could not be synced: the content is there, and might not survive a power cut.
    pub unconfirmed: bool,
    /// A private file with the old content that could not be taken away.
    pub leftover: Option<PathBuf>,
}

/// The file behind every link; for a new file its place behind every link, or where a link without a file points.
pub fn resolve(path: &Path) -> Result<PathBuf, WriteError> {
    match fs::canonicalize(path) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(link) => resolve(&path.parent().unwrap_or(Path::new("/")).join(link)),
            Err(_) => Ok(behind_links(path)),
        },
        Err(error) => Err(io_error(path, "cannot be reached")(error)),
    }
}

/// A path that is not there, with every link in the folders that are there resolved.
fn behind_links(path: &Path) -> PathBuf {
    let there = path.ancestors().skip(1).find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    let whole = there.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)));
    whole.unwrap_or_else(|| path.to_owned())
}

/// Who owns what is at a path: the link, where it is one, and what it leads to.
pub fn owners_of(path: &Path) -> impl Iterator<Item = u32> {
    [fs::symlink_metadata(path), fs::metadata(path)].into_iter().flatten().map(|meta| meta.uid())
}

/// Whether it is a folder (not a link to one) that nobody else can look into.
#[must_use]
pub fn is_private_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir() && meta.mode() & 0o077 == 0)
}

/// Closes a folder of our own to everybody else.
pub fn close(folder: &Path) -> io::Result<()> {
    match fs::metadata(folder)?.mode() & 0o7777 {
        mode if mode & 0o077 == 0 => Ok(()),
        _ => fs::set_permissions(folder, fs::Permissions::from_mode(0o700)),
    }
}

/// The content at `real`, which must be a regular file of ours, or none if there is nothing.
pub fn read(real: &Path) -> Result<Option<Content>, WriteError> {
    Ok(look(real)?.map(|old| old.bytes))
}

/// Creates the parent folder of `file` (mode 0700) if it does not exist.
pub fn make_folder(file: &Path) -> Result<(), WriteError> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    make_private_folder(folder).map_err(io_error(folder, "cannot be made"))
}

/// Creates a folder and those above it (mode 0700). Made by root in somebody's home, they are that
/// person's.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for made in missing.into_iter().rev() {
        adopt(made)?;
    }
    Ok(())
}

/// Gives a folder that root has made in somebody's folder to that person.
pub fn adopt(path: &Path) -> io::Result<()> {
    match owner_above(path) {
        Some((uid, gid)) => Ok(rustix::fs::chown(path, Some(uid), Some(gid))?),
        None => Ok(()),
    }
}

/// Whose a new thing at `path` should be, where root makes it in somebody else's folder.
fn owner_above(path: &Path) -> Option<(rustix::fs::Uid, rustix::fs::Gid)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let meta = fs::metadata(path.parent()?).ok().filter(|meta| meta.uid() != 0)?;
    Some((rustix::fs::Uid::from_raw(meta.uid()), rustix::fs::Gid::from_raw(meta.gid())))
}

/// The permission bits of a file that is there.
#[must_use]
pub fn mode_of(real: &Path) -> Option<u32> {
    fs::metadata(real).ok().map(|meta| meta.mode() & 0o7777)
}

fn look(real: &Path) -> Result<Option<Old>, WriteError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(real);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Err(WriteError::Changed(real.to_owned()));
        }
        Err(error) => return Err(io_error(real, "cannot be opened")(error)),
    };
    let meta = file.metadata().map_err(io_error(real, "cannot be read"))?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(WriteError::NotRegular(real.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1));
    (&mut file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io_error(real, "cannot be read"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(WriteError::NotRegular(real.to_owned()));
    }
    Ok(Some(Old { meta, bytes: Content(bytes) }))
}

/// Makes a write ready: `before` is the content that it was planned from, `after` what comes (none takes the file
/// away), `mode` the permission bits where they change.
pub fn prepare(
    real: &Path,
    before: Option<Hash>,
    after: Option<&Content>,
    mode: Option<u32>,
) -> Result<Prepared, WriteError> {
    let old = look(real)?;
    let hash = old.as_ref().map(|old| Hash::of(&old.bytes.0));
    if hash != before {
        return Err(WriteError::Changed(real.to_owned()));
    }
    if let Some(old) = &old {
        let me = rustix::process::geteuid();
        if old.meta.uid() != me.as_raw() && !me.is_root() {
            return Err(WriteError::Foreign { path: real.to_owned(), uid: old.meta.uid() });
        }
    }
    let kept = old.as_ref().map_or(0o600, |old| old.meta.mode() & 0o7777);
    let mut prepared = Prepared {
        real: real.to_owned(),
        hash,
        new: after.cloned(),
        mode: mode.unwrap_or(kept),
        temp: None,
        old,
    };
    let several_names = prepared.old.as_ref().is_some_and(|old| old.meta.nlink() > 1);
    if prepared.new.is_some() && !several_names {
        prepared.temp = prepared.write_beside()?;
    }
    Ok(prepared)
}

impl Prepared {
    /// The new content in a synced file beside the target, or none if only writing in place will do.
    fn write_beside(&self) -> Result<Option<NamedTempFile>, WriteError> {
        let Some(new) = &self.new else { return Ok(None) };
        let folder = self.real.parent().unwrap_or(Path::new("/"));
        if self.old.is_none() {
            make_folder(&self.real)?;
        }
        let made = tempfile::Builder::new().prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX).tempfile_in(folder);
        let mut temp = match made {
            Ok(temp) => temp,
            Err(error) if self.old.is_some() && needs_in_place(&error) => return Ok(None),
            Err(error) => return Err(io_error(folder, "a file cannot be made there")(error)),
        };
        let file = temp.as_file_mut();
        if self.old.is_none()
            && let Some((uid, gid)) = owner_above(&self.real)
        {
            rustix::fs::fchown(&*file, Some(uid), Some(gid))
                .map_err(|error| io_error(&self.real, "the owner cannot be set")(error.into()))?;
        }
        file.write_all(&new.0).map_err(io_error(&self.real, "the new content cannot be written"))?;
        if let Some(old) = &self.old
            && !copy_owner_and_attributes(&self.real, &old.meta, file)
        {
            return Ok(None);
        }
        file.set_permissions(fs::Permissions::from_mode(self.mode))
            .map_err(io_error(&self.real, "the mode cannot be set"))?;
        file.sync_all().map_err(io_error(&self.real, "the new content cannot be synced"))?;
        let kept = look(temp.path())?.is_some_and(|kept| kept.bytes == *new);
        if kept { Ok(Some(temp)) } else { Err(WriteError::Lying(self.real.clone())) }
    }

    /// Does it. On an error the old content is there. `in_place` is called before a byte of the file itself changes,
    /// which a kill could leave half done.
    pub fn commit(mut self, in_place: &mut InPlace<'_>) -> Result<Written, WriteError> {
        self.check_unchanged()?;
        let mut written = match (self.temp.take(), self.new.is_some()) {
            (Some(temp), _) => self.swap(temp, in_place)?,
            (None, true) => self.in_place(in_place)?,
            (None, false) => self.take_away()?,
        };
        written.unconfirmed = sync_folder(&self.real).is_err();
        Ok(written)
    }

    fn take_away(&self) -> Result<Written, WriteError> {
        match fs::remove_file(&self.real) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&self.real, "cannot be taken away")(error))
            }
            _ => Ok(Written::default()),
        }
    }

    /// The target is still the file that was read, with the same content.
    fn check_unchanged(&self) -> Result<(), WriteError> {
        let now = look(&self.real)?;
        let same = match (&self.old, &now) {
            (None, None) => true,
            (Some(old), Some(now)) => {
                let of = |meta: &fs::Metadata| {
                    (meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())
                };
                of(&old.meta) == of(&now.meta) && old.bytes == now.bytes
            }
            _ => false,
        };
        if same { Ok(()) } else { Err(WriteError::Changed(self.real.clone())) }
    }

    /// Puts the temporary file in the target's place.
    fn swap(&self, temp: NamedTempFile, in_place: &mut InPlace<'_>) -> Result<Written, WriteError> {
        let Some(old) = &self.old else {
            return match temp.persist_noclobber(&self.real) {
                Ok(_) => Ok(Written::default()),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(WriteError::Changed(self.real.clone()))
                }
                Err(error) => Err(io_error(&self.real, "the new file cannot be put there")(error.error)),
            };
        };
        if old.meta.mode() & 0o7777 & !self.mode != 0 {
            // The old content is moved to the temporary name, where nobody else may read it.
            let tightened = fs::Permissions::from_mode(self.mode);
            fs::set_permissions(&self.real, tightened)
                .map_err(io_error(&self.real, "the mode cannot be set"))?;
        }
        match exchange(temp.path(), &self.real) {
            Ok(()) => {
                self.check_swapped(temp.path())?;
                let path = temp.path().to_owned();
                Ok(Written { leftover: temp.close().is_err().then_some(path), ..Written::default() })
            }
            Err(error)
                if matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
                ) =>
            {
                match temp.persist(&self.real) {
                    Ok(_) => Ok(Written::default()),
                    Err(error) if needs_in_place(&error.error) => self.in_place(in_place),
                    Err(error) => {
                        Err(io_error(&self.real, "the new content cannot be put there")(error.error))
                    }
                }
            }
            Err(error) if needs_in_place(&error) => self.in_place(in_place),
            Err(error) => Err(io_error(&self.real, "the new content cannot be put there")(error)),
        }
    }

    /// What came out of the swap must be what was expected; else it goes back, and with it everything that another
    /// writer put there in the meantime.
    fn check_swapped(&self, came_out: &Path) -> Result<(), WriteError> {
        let hash_out = || Ok(look(came_out)?.map(|out| Hash::of(&out.bytes.0)));
        let mut placed = self.new.as_ref().map(|new| Hash::of(&new.0));
        let back = || exchange(came_out, &self.real).map_err(io_error(&self.real, "cannot be put back"));
        // What cannot be looked at goes back too: an error means that the old content is there.
        let mut out = hash_out().or_else(|error| back().and(Err(error)))?;
        if out == self.hash {
            return Ok(());
        }
        for _ in 0..8 {
            back()?;
            let newer = hash_out()?;
            if newer == placed {
                break;
            }
            (placed, out) = (out, newer);
        }
        Err(WriteError::Changed(self.real.clone()))
    }

    /// One write of the full content without prior truncation; on a failure the old content is written back.
    fn in_place(&self, announce: &mut InPlace<'_>) -> Result<Written, WriteError> {
        let (Some(old), Some(new)) = (&self.old, &self.new) else { return Ok(Written::default()) };
        announce()?;
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(&self.real)
            .map_err(io_error(&self.real, "cannot be opened for writing"))?;
        let meta = file.metadata().map_err(io_error(&self.real, "cannot be read"))?;
        if (meta.dev(), meta.ino()) != (old.meta.dev(), old.meta.ino()) {
            return Err(WriteError::Changed(self.real.clone()));
        }
        // Nobody shall read the new content in the meantime, or after a kill.
        let done = set_mode(&file, old, self.mode).and_then(|()| overwrite(&mut file, new));
        done.map(|()| Written { in_place: true, ..Written::default() }).map_err(|error| {
            // The journal holds the same bytes, should even this fail.
            let _ = overwrite(&mut file, &old.bytes);
            let _ = file.set_permissions(fs::Permissions::from_mode(old.meta.mode() & 0o7777));
            io_error(&self.real, "cannot be written in place")(error)
        })
    }
}

fn set_mode(file: &File, old: &Old, mode: u32) -> io::Result<()> {
    if old.meta.mode() & 0o7777 == mode {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn overwrite(file: &mut File, content: &Content) -> io::Result<()> {
    file.rewind()?;
    file.write_all(&content.0)?;
    file.set_len(content.0.len() as u64)?;
    file.sync_all()?;
    file.rewind()?;
    let mut kept = Zeroizing::new(Vec::with_capacity(content.0.len() + 1));
    file.read_to_end(&mut kept)?;
    if kept == content.0 {
        Ok(())
    } else {
        Err(io::Error::other("the disk gave back other bytes than were written"))
    }
}

/// Swaps two names in one step.
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?);
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::from(Errno::NOSYS))
}

/// A file mounted by itself cannot be replaced; a folder without permission takes no new file. By the kind of the error:
/// `tempfile` wraps the system's own, to name the path, and keeps nothing else of it.
fn needs_in_place(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ResourceBusy};
    matches!(error.kind(), ResourceBusy | CrossesDevices | PermissionDenied)
}

/// Owner, group, access control list and extended attributes of the old file on the new one; false where one of them
/// cannot be copied, so that only writing in place keeps it.
fn copy_owner_and_attributes(real: &Path, old: &fs::Metadata, file: &File) -> bool {
    let Ok(new) = file.metadata() else { return false };
    if (old.uid(), old.gid()) != (new.uid(), new.gid())
        && std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid())).is_err()
    {
        return false;
    }
    copy_attributes(real, file).is_ok()
}

fn copy_attributes(real: &Path, file: &File) -> io::Result<()> {
    let mut names = vec![0_u8; 64 * 1024];
    let len = match rustix::fs::listxattr(real, &mut names) {
        Ok(len) => len,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if name.starts_with(b"security.") || name.starts_with(b"trusted.") {
            continue;
        }
        let mut value = vec![0_u8; 64 * 1024];
        let len = rustix::fs::getxattr(real, name, &mut value)?;
        rustix::fs::fsetxattr(file, name, &value[..len], rustix::fs::XattrFlags::empty())?;
    }
    Ok(())
}

/// Syncs the folder that holds `path`.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Takes away temporary files that an earlier keymend left in `folder` when it was killed: they hold a key. Only the
/// holder of keymend's own lock may call it. Returns how many there were.
pub fn sweep(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let stale = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(TEMP_PREFIX) && name.ends_with(TEMP_SUFFIX)
    });
    stale.filter(|entry| fs::remove_file(entry.path()).is_ok()).count()
}

/// Writes a new private file of keymend's own (0600), synced.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut temp = tempfile::Builder::new()
        .prefix(TEMP_PREFIX)
        .suffix(TEMP_SUFFIX)
        .tempfile_in(folder)
        .map_err(io_error(folder, "a file cannot be made there"))?;
    if let Some((uid, gid)) = owner_above(path) {
        rustix::fs::fchown(temp.as_file(), Some(uid), Some(gid))
            .map_err(|error| io_error(path, "the owner cannot be set")(error.into()))?;
    }
    temp.write_all(bytes).map_err(io_error(path, "cannot be written"))?;
    temp.as_file().sync_all().map_err(io_error(path, "cannot be synced"))?;
    let kept = look(temp.path())?.is_some_and(|kept| *kept.bytes.0 == *bytes);
    if !kept {
        return Err(WriteError::Lying(path.to_owned()));
    }
    temp.persist(path).map_err(|error| io_error(path, "cannot be put there")(error.error))?;
    sync_folder(path).map_err(io_error(path, "the folder cannot be synced"))
}
