//! Faults of where a key is: a file that others can read, that git keeps, or that is uploaded.

use std::path::{Component, Path, PathBuf};

use crate::finding::Lint;
use crate::world::{FileMeta, World};

/// Folders whose content is copied to somebody else's machine, by a part of their path.
const CLOUD: [(&str, &str); 11] = [
    ("Dropbox", "Dropbox"),
    ("OneDrive", "OneDrive"),
    ("Mobile Documents", "iCloud Drive"),
    ("CloudStorage", "a cloud drive"),
    ("Google Drive", "Google Drive"),
    ("GoogleDrive", "Google Drive"),
    ("Nextcloud", "Nextcloud"),
    ("ownCloud", "ownCloud"),
    ("pCloudDrive", "pCloud"),
    ("Proton Drive", "Proton Drive"),
    ("MEGA", "MEGA"),
];

/// What path and mode tell about a file that holds a key.
#[must_use]
pub fn file_lints(path: &Path, meta: &FileMeta) -> Vec<Lint> {
    let mut lints = vec![];
    if meta.mode & 0o022 != 0 {
        lints.push(Lint::warn(
            "writable-by-others",
            format!(
                "Other users of this machine may change the file (mode {:03o}). chmod 600 closes it.",
                meta.mode & 0o777
            ),
        ));
    } else if meta.mode & 0o044 != 0 {
        lints.push(Lint::warn(
            "readable-by-others",
            format!(
                "Other users of this machine may read the file (mode {:03o}). chmod 600 closes it.",
                meta.mode & 0o777
            ),
        ));
    }
    lints.extend(cloud(path).or_else(|| cloud(&meta.real)));
    lints
}

fn cloud(path: &Path) -> Option<Lint> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let named = |part: &str| {
        CLOUD.iter().find(|(name, _)| {
            part == *name || part.strip_prefix(name).is_some_and(|rest| rest.starts_with(" -"))
        })
    };
    let mut found = parts.filter_map(named);
    found.next().map(|(_, service)| {
        Lint::warn(
            "cloud-folder",
            format!("The file lies in a folder that is uploaded to {service}, the key with it."),
        )
    })
}

/// All that can be told about the file at `path`: mode, git, cloud folders.
#[must_use]
pub fn place_lints(world: &dyn World, path: &Path) -> Vec<Lint> {
    let state = world.read(path);
    let Some(meta) = state.meta() else { return vec![] };
    let mut lints = file_lints(path, meta);
    let real = if meta.real.as_os_str().is_empty() { path } else { meta.real.as_path() };
    if tracked_by_git(world, real) == Some(true) {
        lints.push(Lint::fault(
            "git-tracked",
            "git keeps this file: the key is in the repository's history. Create a new key; removing the file from \
             git is not enough.",
        ));
    }
    let synced = real.ancestors().skip(1).any(|dir| world.exists(&dir.join(".stfolder")));
    if synced && lints.iter().all(|lint| lint.id != "cloud-folder") {
        lints.push(Lint::note(
            "cloud-folder",
            "The file lies in a folder that Syncthing copies to other machines.",
        ));
    }
    lints
}

/// Whether the file is in the index of the repository around it, or none if there is no repository or its index
/// cannot be read. Read from the file alone: git is not started.
#[must_use]
pub fn tracked_by_git(world: &dyn World, path: &Path) -> Option<bool> {
    let root = path.ancestors().skip(1).find(|dir| world.exists(&dir.join(".git")))?;
    let dir = git_dir(world, root)?;
    let state = world.read(&dir.join("index"));
    let Some(index) = state.bytes() else { return Some(false) };
    let wanted = path.strip_prefix(root).ok()?.to_str()?;
    let sha256 = world.read(&dir.join("config")).text().is_some_and(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("objectformat") && text.contains("sha256")
    });
    holds(index, wanted.as_bytes(), if sha256 { 32 } else { 20 })
}

/// `.git` itself, or where a `.git` file points (worktrees, submodules).
fn git_dir(world: &dyn World, root: &Path) -> Option<PathBuf> {
    let dot_git = root.join(".git");
    let state = world.read(&dot_git);
    match state.text() {
        Some(text) => Some(root.join(text.strip_prefix("gitdir:")?.trim())),
        None => Some(dot_git),
    }
}

/// Whether an index file (`DIRC`, versions 2 to 4) has an entry of this name; none for another format.
fn holds(index: &[u8], wanted: &[u8], hash: usize) -> Option<bool> {
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?));
    if index.get(..4)? != b"DIRC" {
        return None;
    }
    let (version, count) = (number(4)?, number(8)?);
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut at = 12;
    let mut name: Vec<u8> = vec![];
    for _ in 0..count {
        let flags = at + 40 + hash;
        let extended = version >= 3 && index.get(flags)? & 0x40 != 0;
        let start = flags + if extended { 4 } else { 2 };
        at = if version == 4 {
            let (strip, used) = varint(index.get(start..)?)?;
            name.truncate(name.len().checked_sub(strip)?);
            let tail = until_nul(index.get(start + used..)?)?;
            name.extend_from_slice(tail);
            start + used + tail.len() + 1
        } else {
            name = until_nul(index.get(start..)?)?.to_vec();
            // Entries are padded with one to eight NUL bytes.
            at + (start - at + name.len() + 8) / 8 * 8
        };
        if name == wanted {
            return Some(true);
        }
    }
    Some(false)
}

fn until_nul(bytes: &[u8]) -> Option<&[u8]> {
    bytes.iter().position(|byte| *byte == 0).map(|end| &bytes[..end])
}

/// git's offset encoding: the number and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        value = value.checked_shl(7)? | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn index(names: &[&str]) -> Vec<u8> {
        let mut out = b"DIRC\0\0\0\x02".to_vec();
        out.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            let start = out.len();
            out.extend([0; 60]);
            out.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            out.extend(name.as_bytes());
            let len = out.len() - start;
            out.extend(vec![0; 8 - len % 8]);
        }
        out
    }

    #[test]
    fn a_tracked_file_is_found_in_the_index() {
        let world = MemoryWorld::new("/home/ann")
            .with_file("p/.git/index", index(&["README.md", "conf/.env", "src/main.py"]))
            .with_file_mode("p/conf/.env", "K=1\n", 0o644)
            .with_file("p/other/.env", "K=1\n");
        let ids =
            |path: &str| place_lints(&world, Path::new(path)).iter().map(|lint| lint.id).collect::<Vec<_>>();
        assert_eq!(ids("/home/ann/p/conf/.env"), ["readable-by-others", "git-tracked"]);
        assert!(ids("/home/ann/p/other/.env").is_empty());
        assert_eq!(tracked_by_git(&world, Path::new("/home/ann/.env")), None);
    }

    #[test]
    fn compressed_names_are_read() {
        let mut out = b"DIRC\0\0\0\x04\0\0\0\x02".to_vec();
        out.extend([0; 62]);
        out.extend(b"\0conf/.env\0");
        out.extend([0; 62]);
        out.extend(b"\x04main.py\0");
        assert_eq!(holds(&out, b"conf/main.py", 20), Some(true));
        assert_eq!(holds(&out, b"conf/none", 20), Some(false));
        assert_eq!(holds(&out[..40], b"conf/none", 20), None);
    }

    #[test]
    fn an_uploaded_folder_is_named() {
        let meta = FileMeta { mode: 0o600, ..FileMeta::default() };
        let lints = file_lints(Path::new("/home/ann/Dropbox/keys/.env"), &meta);
        assert_eq!(lints.iter().map(|lint| lint.id).collect::<Vec<_>>(), ["cloud-folder"]);
        assert!(file_lints(Path::new("/home/ann/x/.env"), &meta).is_empty());
    }
}
