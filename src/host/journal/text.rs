//! A manifest as it is in its file, and the one way from there to a [`Manifest`] that something may be done with.
//!
//! The text is input, not truth: whoever can write into the state folder, restore it from elsewhere or hand it over in
//! a home could name any file in it. So [`Manifest`] is never read by itself; [`checked`] reads these plain forms and
//! makes a manifest only of what keymend could have written: names that it gives, places that are what they claim to
//! be, the lock that the agent takes, a mode that was only tightened, folders that lead to the file.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::{Item, ItemPlace, Manifest, State, files, is_id};
use crate::edit::Touched;
use crate::host::owner;
use crate::plan::{AgentLock, Hash, may_lock};

#[derive(Deserialize)]
struct ManifestText {
    schema: u32,
    id: String,
    state: State,
    title: String,
    undoes: Option<String>,
    old: Option<String>,
    new: Option<String>,
    #[serde(default)]
    new_print: Option<String>,
    at_ms: i64,
    items: Vec<ItemText>,
}

#[derive(Deserialize)]
struct ItemText {
    place: PlaceText,
    before: Option<String>,
    after: Option<String>,
    backup: Option<String>,
    #[serde(default)]
    in_place: bool,
    #[serde(default)]
    tightened: Option<(u32, u32)>,
    #[serde(default)]
    made: Vec<PathBuf>,
    #[serde(default)]
    touched: Option<Touched>,
    #[serde(default)]
    prints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum PlaceText {
    File {
        path: PathBuf,
        real: PathBuf,
        lock: Option<AgentLock>,
    },
    Cell {
        db: PathBuf,
        table: String,
        key_column: String,
        key: String,
        value_column: String,
        stamp_column: Option<String>,
    },
    Keyring {
        service: String,
        user: String,
    },
}

/// Folders whose files are the system's: no agent keeps a key there.
const SYSTEM: [&str; 9] = ["/proc", "/sys", "/boot", "/bin", "/sbin", "/lib", "/lib64", "/usr", "/var/spool"];
/// Folders of a home that grant access to something else than a provider.
const OTHER_ACCESS: [&str; 2] = [".ssh", ".gnupg"];
/// What keymend or a destination could be below `/etc`: an agent's own folder, a start-up file, a unit.
const ETC: [&str; 11] = [
    "hermes",
    "codex",
    "gemini-cli",
    "qwen-code",
    "systemd",
    "environment",
    "environment.d",
    "profile",
    "bash.bashrc",
    "zsh",
    "fish",
];
/// How files end that hold variables or fields.
const FORMATS: [&str; 5] = ["env", "json", "yaml", "yml", "toml"];

/// Reads the text of a manifest that is in the folder `id` of the journal at `root`, and checks every word of it that
/// something could be done with. The error says what is wrong.
pub(super) fn checked(text: &[u8], id: &str, root: &Path) -> Result<Manifest, String> {
    let read: ManifestText = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if read.schema != 1 {
        return Err(format!("it has layout {}, and this keymend knows layout 1", read.schema));
    }
    if read.id != id {
        return Err("it is the manifest of another folder".to_owned());
    }
    if read.undoes.as_deref().is_some_and(|undoes| !is_id(undoes)) {
        return Err("it undoes something that is no action".to_owned());
    }
    let items = read.items.into_iter().enumerate();
    let items = items.map(|(at, item)| item.checked(at, root)).collect::<Result<_, _>>()?;
    Ok(Manifest {
        schema: read.schema,
        id: read.id,
        state: read.state,
        title: read.title,
        undoes: read.undoes,
        old: read.old,
        new: read.new,
        new_print: read.new_print,
        at_ms: read.at_ms,
        items,
    })
}

impl ItemText {
    fn checked(self, at: usize, root: &Path) -> Result<Item, String> {
        let place = self.place.checked(root)?;
        if self.backup.as_ref().is_some_and(|name| *name != backup_name(at)) {
            return Err("a backup has a name that keymend does not give".to_owned());
        }
        if self.backup.is_some() != self.before.is_some() {
            return Err("a backup and the hash of the old content do not go together".to_owned());
        }
        if [&self.before, &self.after].into_iter().flatten().any(|hash| Hash::parse(hash).is_none()) {
            return Err("a hash cannot be read".to_owned());
        }
        let real = match &place {
            ItemPlace::File { real, .. } => Some(real.as_path()),
            _ => None,
        };
        if self.tightened.is_some_and(|(was, to)| real.is_none() || !only_tightened(was, to)) {
            return Err("it names a mode that keymend would not give back".to_owned());
        }
        if !self.made.is_empty() && !real.is_some_and(|real| lead_to(&self.made, real)) {
            return Err("it names folders that do not lead to its file".to_owned());
        }
        Ok(Item {
            place,
            before: self.before,
            after: self.after,
            backup: self.backup,
            in_place: self.in_place,
            tightened: self.tightened,
            made: self.made,
            touched: self.touched,
            prints: self.prints,
        })
    }
}

impl PlaceText {
    fn checked(self, root: &Path) -> Result<ItemPlace, String> {
        Ok(match self {
            Self::File { path, real, lock } => {
                destination(&path, root)?;
                destination(&real, root)?;
                leads_to(&path, &real)?;
                if lock.as_ref().is_some_and(|lock| !may_lock(&path, lock) && !may_lock(&real, lock)) {
                    return Err(format!("it names a lock that no agent takes for {}", path.display()));
                }
                ItemPlace::File { path, real, lock }
            }
            Self::Cell { db, table, key_column, key, value_column, stamp_column } => {
                destination(&db, root)?;
                // A link to the database is the person's own; whose the database is, is asked behind it.
                let real = files::resolve(&db).map_err(|error| error.to_string())?;
                destination(&real, root)?;
                leads_to(&real, &real)?;
                let names = [&table, &key_column, &value_column].into_iter().chain(&stamp_column);
                if let Some(wrong) = names.into_iter().find(|name| !is_identifier(name)) {
                    return Err(format!("no agent has a table or column called {wrong}"));
                }
                ItemPlace::Cell { db, table, key_column, key, value_column, stamp_column }
            }
            Self::Keyring { service, user } => ItemPlace::Keyring { service, user },
        })
    }
}

/// The name of the backup of an action's item.
pub(super) fn backup_name(at: usize) -> String {
    format!("{at}.bak")
}

/// `real` is what the system finds behind `path` now, and it is ours.
fn leads_to(path: &Path, real: &Path) -> Result<(), String> {
    let now = files::resolve(path).map_err(|error| error.to_string())?;
    if now != real {
        return Err(format!("{} leads to {} now, not to {}", path.display(), now.display(), real.display()));
    }
    // Root writes a project's file that is somebody else's as well; whose it is stays.
    match files::owners_of(real).find(|uid| !owner::is_me(*uid) && !owner::is_root()) {
        Some(uid) => Err(format!("{} belongs to {}", real.display(), owner::name_of(uid))),
        None => Ok(()),
    }
}

/// Whether a destination of an agent could be there.
fn destination(path: &Path, root: &Path) -> Result<(), String> {
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let spelt = path.components().collect::<PathBuf>();
    if !path.is_absolute() || !plain || spelt.as_os_str() != path.as_os_str() {
        return Err(format!("{} is not a whole, plain path", path.display()));
    }
    let etc = || {
        let first = path.components().nth(2).map(Component::as_os_str).and_then(OsStr::to_str);
        let ends = path.extension().and_then(OsStr::to_str);
        first.is_some_and(|first| ETC.contains(&first)) || ends.is_some_and(|ends| FORMATS.contains(&ends))
    };
    let system = SYSTEM.iter().any(|folder| path.starts_with(folder))
        || (path.starts_with("/dev") && !path.starts_with("/dev/shm"))
        || (path.starts_with("/etc") && !etc());
    let other = path.iter().any(|part| OTHER_ACCESS.iter().any(|folder| part == *folder));
    if system || other || path.starts_with(root) {
        return Err(format!("{} cannot be a destination of a key", path.display()));
    }
    Ok(())
}

/// Permission bits alone, and none that was not there before.
const fn only_tightened(was: u32, to: u32) -> bool {
    (was | to) & !0o777 == 0 && to & !was == 0
}

/// The folders are the last ones above `file`, outermost first.
fn lead_to(made: &[PathBuf], file: &Path) -> bool {
    let above = file.ancestors().skip(1).take(made.len());
    made.len() < file.ancestors().count() - 1 && made.iter().rev().map(PathBuf::as_path).eq(above)
}

fn is_identifier(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "20260101-000000-001";

    /// A manifest over one file `env` in a fresh folder, with `with` in place of the item's members of these names.
    fn read(with: &serde_json::Value) -> Result<Manifest, String> {
        let dir = tempfile::tempdir().expect("dir");
        let folder = std::fs::canonicalize(dir.path()).expect("folder");
        std::fs::write(folder.join("env"), "K=new\n").expect("write");
        std::fs::write(folder.join("other"), "x").expect("write");
        std::os::unix::fs::symlink("other", folder.join("link")).expect("link");
        let text = with.to_string().replace('@', &folder.to_string_lossy());
        let with: serde_json::Value = serde_json::from_str(&text).expect("json");
        let env = folder.join("env");
        let hash = Hash::of(b"K=old\n").to_string();
        let mut item = serde_json::json!({"place": {"kind": "file", "path": env, "real": env, "lock": null},
            "before": hash, "after": hash, "backup": "0.bak"});
        for (name, value) in with.as_object().expect("object") {
            item[name] = value.clone();
        }
        let manifest = serde_json::json!({"schema": 1, "id": ID, "state": "planned", "title": "t", "undoes": null,
            "old": null, "new": null, "at_ms": 1, "items": [item]});
        checked(manifest.to_string().as_bytes(), ID, &folder.join("state"))
    }

    fn file(path: &str, real: &str, lock: &serde_json::Value) -> serde_json::Value {
        serde_json::json!({"place": {"kind": "file", "path": path, "real": real, "lock": lock}})
    }

    #[test]
    fn what_keymend_writes_is_taken() {
        use serde_json::json;
        let good = [
            json!({}),
            json!({"tightened": [0o644, 0o600]}),
            json!({"before": null, "backup": null}),
            file("@/link", "@/other", &json!(null)),
            file("@/auth.json", "@/auth.json", &json!({"flock": "@/auth.lock"})),
            file("@/auth.json", "@/auth.json", &json!({"exclusive": "@/auth.json.lock"})),
            json!({"made": ["@/a", "@/a/b"], "place": {"kind": "file", "path": "@/a/b/.env", "real": "@/a/b/.env"}}),
        ];
        for with in good {
            assert!(read(&with).is_ok(), "{with}: {:?}", read(&with).err());
        }
    }

    #[test]
    fn what_keymend_never_writes_is_refused() {
        use serde_json::json;
        let bad = [
            json!({"backup": "../../0.bak"}),
            json!({"backup": "1.bak"}),
            json!({"backup": "manifest.json"}),
            json!({"before": "00"}),
            json!({"backup": null}),
            json!({"tightened": [0o4755, 0o755]}),
            json!({"tightened": [0o600, 0o644]}),
            json!({"made": ["@/elsewhere"]}),
            json!({"made": ["/"]}),
            file("@/env", "@/other", &json!(null)),
            file("@/link", "@/link", &json!(null)),
            file("@/sub/../env", "@/env", &json!(null)),
            file("env", "env", &json!(null)),
            file("@//env", "@//env", &json!(null)),
            file("@/.ssh/authorized_keys", "@/.ssh/authorized_keys", &json!(null)),
            file("/etc/shadow", "/etc/shadow", &json!(null)),
            file("/etc/cron.d/x", "/etc/cron.d/x", &json!(null)),
            file("/proc/self/mem", "/proc/self/mem", &json!(null)),
            file("@/state/actions/x", "@/state/actions/x", &json!(null)),
            file("@/env", "@/env", &json!({"exclusive": "@/other"})),
            file("@/auth.json", "@/auth.json", &json!({"exclusive": "@/other"})),
            json!({"place": {"kind": "cell", "db": "@/env", "table": "t\" --", "key_column": "k", "key": "a",
                "value_column": "v", "stamp_column": null}}),
            json!({"place": {"kind": "cell", "db": "/etc/x.sqlite", "table": "t", "key_column": "k", "key": "a",
                "value_column": "v", "stamp_column": null}}),
        ];
        for with in bad {
            assert!(read(&with).is_err(), "{with}");
        }
    }
}
