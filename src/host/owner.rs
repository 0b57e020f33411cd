//! keymend acts as the owner of the home that it looks at.
//!
//! Root over another person's home (`--home`, `HOME`, sudo) becomes that person before it reads anything there: what a
//! home holds (links, a journal, provider files) is its owner's word, and with root's rights it would be an order. The
//! program then starts once more in the same process, so that its environment, too, is the owner's: a variable that
//! names a folder of somebody else (`XDG_STATE_HOME=/root/…`, `TMPDIR`) would lead back there.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why keymend does not look at a home.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// The program file has the set-user-id bit.
    #[error("keymend runs with the rights of another user (set-user-id)")]
    Lent,
    /// The change to the owner was refused.
    #[error("{home} belongs to {who}, and keymend cannot become that user: {why}", home = home.display())]
    Refused {
        /// The home.
        home: PathBuf,
        /// Its owner.
        who: String,
        /// The system's word.
        why: String,
    },
}

impl OwnerError {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Lent => "take the bit away: chmod u-s on the program file".to_owned(),
            Self::Refused { .. } => {
                "nothing was read; run keymend as the user who owns the home (sudo -u NAME keymend), with an absolute \
                 --home where you name one"
                    .to_owned()
            }
        }
    }
}

/// Whether a file of this owner may decide what keymend does: your own, or the administrator's.
#[cfg(unix)]
#[must_use]
pub fn is_trusted(uid: u32) -> bool {
    uid == 0 || is_me(uid)
}

/// Whether a file of this owner may decide what keymend does.
#[cfg(not(unix))]
#[must_use]
pub const fn is_trusted(_: u32) -> bool {
    true
}

/// Whether this is the user that keymend runs as.
#[cfg(unix)]
#[must_use]
pub fn is_me(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

/// Whether this is the user that keymend runs as.
#[cfg(not(unix))]
#[must_use]
pub const fn is_me(_: u32) -> bool {
    true
}

/// Whether keymend runs as root.
#[must_use]
pub fn is_root() -> bool {
    cfg!(unix) && is_me(0)
}

/// The name of a user, or the number where the system knows none.
#[must_use]
pub fn name_of(uid: u32) -> String {
    #[cfg(unix)]
    if let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)) {
        return format!("{} (user id {uid})", user.name);
    }
    format!("user id {uid}")
}

/// The home that the environment belongs to, told by root's first start to the owner's second one: by then `HOME` names the
/// owner's home, and root's keys would decide about it.
pub const ENVIRONMENT_OF: &str = "KEYMEND_ENVIRONMENT_OF";

/// Becomes the owner of the home, where root looks at the home of somebody else; does nothing otherwise. To be called
/// first of all, while the program has one thread and has read nothing.
#[cfg(unix)]
pub fn become_owner(asked: Option<&Path>) -> Result<(), OwnerError> {
    let me = nix::unistd::geteuid();
    if nix::unistd::getuid() != me {
        return Err(OwnerError::Lent);
    }
    let named = asked.map(Path::to_path_buf).or_else(std::env::home_dir);
    let Some(home) = named.filter(|home| me.is_root() && !home.as_os_str().is_empty()) else { return Ok(()) };
    let Some(owner) = unix::Owner::of(&home) else { return Ok(()) };
    owner.take_over(&home)
}

/// There is no such user.
#[cfg(not(unix))]
pub fn become_owner(_: Option<&Path>) -> Result<(), OwnerError> {
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    use nix::unistd::{Gid, Uid, User};

    use super::OwnerError;

    /// Variables that name a folder of the person, by the XDG Base Directory Specification.
    const FOLDERS: [&str; 5] =
        ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
    /// Variables that name a folder for temporary files.
    const TEMPORARY: [&str; 3] = ["TMPDIR", "TMP", "TEMP"];
    /// Lists of folders, and what the shell keeps for itself.
    const NOT_A_PLACE: [&str; 4] = ["PATH", "PWD", "OLDPWD", "_"];

    /// Who owns a home, where that is not root.
    pub(super) struct Owner {
        uid: Uid,
        gid: Gid,
        user: Option<User>,
    }

    /// A variable and its new value; none takes it away.
    type Change = (OsString, Option<OsString>);

    impl Owner {
        /// The owner of `home`; of the folder that it would be made in, where it is not there.
        pub(super) fn of(home: &Path) -> Option<Self> {
            let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
            let meta = home.ancestors().find_map(|folder| fs::metadata(folder).ok())?;
            let uid = Uid::from_raw(meta.uid());
            if uid.is_root() {
                return None;
            }
            let user = User::from_uid(uid).ok().flatten();
            // A user that the system does not know (a container's mapped home) has the group of the home, but not root's.
            let of_home = if meta.gid() == 0 { meta.uid() } else { meta.gid() };
            let gid = user.as_ref().map_or(Gid::from_raw(of_home), |user| user.gid);
            Some(Self { uid, gid, user })
        }

        fn who(&self) -> String {
            super::name_of(self.uid.as_raw())
        }

        /// Becomes the owner and starts the program once more. Returns only where that fails.
        pub(super) fn take_over(&self, home: &Path) -> Result<(), OwnerError> {
            let refused = |why: String| OwnerError::Refused { home: home.to_owned(), who: self.who(), why };
            let before = std::env::home_dir();
            self.drop_rights().map_err(&refused)?;
            if home.is_relative() && !may_enter(Path::new(".")) {
                return Err(refused(
                    "it is named by a relative path, from a folder that user cannot read".to_owned(),
                ));
            }
            let changes = self.environment(home, before.as_deref());
            let folder = (!may_enter(Path::new("."))).then(|| start_folder(home));
            self.tell(home, &changes, folder.as_deref());
            Err(refused(format!(
                "the program cannot be started again: {}",
                again(&changes, folder.as_deref())
            )))
        }

        /// Supplementary groups, group and user, for all threads and for good.
        #[cfg(target_os = "linux")]
        fn drop_rights(&self) -> Result<(), String> {
            use nix::unistd::{getresgid, getresuid, initgroups, setgroups, setresgid, setresuid};
            let name = self.user.as_ref().and_then(|user| std::ffi::CString::new(user.name.clone()).ok());
            let groups = match &name {
                Some(name) => initgroups(name, self.gid),
                None => setgroups(&[self.gid]),
            };
            groups
                .and_then(|()| setresgid(self.gid, self.gid, self.gid))
                .and_then(|()| setresuid(self.uid, self.uid, self.uid))
                .map_err(|error| error.desc().to_owned())?;
            let uids = getresuid().map(|ids| [ids.real, ids.effective, ids.saved] == [self.uid; 3]);
            let gids = getresgid().map(|ids| [ids.real, ids.effective, ids.saved] == [self.gid; 3]);
            let back = nix::unistd::setuid(Uid::from_raw(0)).is_ok();
            if uids == Ok(true) && gids == Ok(true) && !back {
                return Ok(());
            }
            Err("the rights of root could not be given up".to_owned())
        }

        /// Not every Unix lets a program set its groups through an interface that keymend may use.
        #[cfg(not(target_os = "linux"))]
        fn drop_rights(&self) -> Result<(), String> {
            Err("keymend does that on Linux alone".to_owned())
        }

        /// What changes in the environment, so that nothing in it names a place of somebody else. `before` is the home
        /// of the caller.
        fn environment(&self, home: &Path, before: Option<&Path>) -> Vec<Change> {
            let mut changes: Vec<Change> = vec![("HOME".into(), Some(home.into()))];
            let others = before.filter(|before| *before != home);
            changes.extend(others.map(|before| (super::ENVIRONMENT_OF.into(), Some(before.into()))));
            let callers = others.filter(|before| before.parent().is_some());
            for (name, value) in std::env::vars_os() {
                let text = name.to_string_lossy().into_owned();
                if text != "HOME" && self.leads_elsewhere(&text, Path::new(&value), callers) {
                    changes.push((name, None));
                }
            }
            if let Some(user) = &self.user {
                changes.extend(["USER", "LOGNAME"].map(|name| (name.into(), Some(user.name.clone().into()))));
                changes.push(("SHELL".into(), Some(user.shell.clone().into())));
            }
            let runtime = PathBuf::from(format!("/run/user/{}", self.uid));
            if changes.iter().any(|(name, _)| name == "XDG_RUNTIME_DIR") && runtime.is_dir() {
                changes.retain(|(name, _)| name != "XDG_RUNTIME_DIR");
                changes.push(("XDG_RUNTIME_DIR".into(), Some(runtime.into())));
            }
            changes
        }

        fn leads_elsewhere(&self, name: &str, value: &Path, callers: Option<&Path>) -> bool {
            if name == "DBUS_SESSION_BUS_ADDRESS" {
                let path = value.to_str().and_then(|text| text.strip_prefix("unix:path="));
                let path = path.and_then(|rest| rest.split([',', ';']).next());
                return path.is_some_and(|path| !self.owns(Path::new(path)));
            }
            if !value.is_absolute() || NOT_A_PLACE.contains(&name) {
                return false;
            }
            callers.is_some_and(|home| value.starts_with(home))
                || (FOLDERS.contains(&name) && !self.owns(value))
                || (TEMPORARY.contains(&name) && !may_enter(value))
        }

        /// Whether a folder, or the one that it would be made in, is the owner's. Asked with the owner's rights.
        fn owns(&self, path: &Path) -> bool {
            for folder in path.ancestors() {
                match fs::metadata(folder) {
                    Ok(meta) => return meta.uid() == self.uid.as_raw(),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(_) => return false,
                }
            }
            false
        }

        /// Says what the owner cannot see, in one line; nothing where that is nothing.
        fn tell(&self, home: &Path, changes: &[Change], folder: Option<&Path>) {
            let mut what: Vec<String> = Vec::new();
            if let Some(error) = fs::read_dir(home).err().filter(|_| home.exists() || !may_reach(home)) {
                what.push(format!("cannot read it ({})", error.kind()));
            }
            let gone = changes.iter().filter(|(_, value)| value.is_none());
            let gone: Vec<_> = gone.map(|(name, _)| name.to_string_lossy()).collect();
            if !gone.is_empty() {
                what.push(format!("does not use {}, which name places of another user", gone.join(", ")));
            }
            if let Some(folder) = folder {
                what.push(format!("cannot read the working directory and works in {}", folder.display()));
            }
            if !what.is_empty() {
                let line = format!(
                    "keymend acts as {}, the owner of {}: it {}",
                    self.who(),
                    home.display(),
                    what.join("; it ")
                );
                let _ = crate::host::output::err(&format!("{}\n", crate::printer::printable(&line)));
            }
        }
    }

    fn start_folder(home: &Path) -> PathBuf {
        if may_enter(home) { home.to_owned() } else { PathBuf::from("/") }
    }

    /// Whether the owner may look into a folder.
    fn may_enter(folder: &Path) -> bool {
        use rustix::fs::Access;
        rustix::fs::access(folder, Access::READ_OK | Access::EXEC_OK).is_ok()
    }

    fn may_reach(path: &Path) -> bool {
        !matches!(fs::metadata(path), Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied)
    }

    /// Starts the program again in this process; the system's word where that fails. The program file is named by the
    /// kernel's own link, which leads there even where its folder is closed to the owner.
    fn again(changes: &[Change], folder: Option<&Path>) -> std::io::Error {
        use std::os::unix::process::CommandExt as _;
        let mut arguments = std::env::args_os();
        let mut command = std::process::Command::new("/proc/self/exe");
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        command.args(arguments);
        for (name, value) in changes {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = folder {
            command.current_dir(folder).env_remove("PWD");
        }
        command.exec()
    }
}
