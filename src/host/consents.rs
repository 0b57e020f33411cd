//! The hosts that the person said yes to: a key may go there although they are not its provider's. Kept in the state
//! folder, one entry a host; only a list of keymend's own user is believed.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::files::{self, WriteError};
use super::journal::Journal;
use crate::probe::course::same_host;
use crate::world::World;

/// A longer list is not one of ours.
const MAX_BYTES: u64 = 256 * 1024;

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Agreed {
    /// The host, with its port where one was named.
    pub host: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct File {
    schema: u32,
    agreed: Vec<Agreed>,
}

/// The list of one person.
#[derive(Clone, Debug)]
pub struct Consents {
    path: PathBuf,
}

impl Consents {
    /// The list in this person's state folder.
    #[must_use]
    pub fn of(world: &dyn World) -> Self {
        Self { path: Journal::of(world).root().join("consents.json") }
    }

    /// All entries; none if the list cannot be read, belongs to somebody else or can be written by others: without
    /// a list nothing is agreed.
    #[must_use]
    pub fn list(&self) -> Vec<Agreed> {
        let own = std::fs::symlink_metadata(&self.path).is_ok_and(|meta| {
            meta.is_file()
                && meta.len() <= MAX_BYTES
                && meta.uid() == rustix::process::geteuid().as_raw()
                && meta.mode() & 0o022 == 0
        });
        let text = own.then(|| std::fs::read(&self.path).ok()).flatten();
        text.and_then(|text| serde_json::from_slice::<File>(&text).ok()).unwrap_or_default().agreed
    }

    /// The hosts alone.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.list().into_iter().map(|agreed| agreed.host).collect()
    }

    /// Remembers a yes.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn add(&self, host: &str, at_ms: i64) -> Result<(), WriteError> {
        let mut agreed = self.list();
        if agreed.iter().any(|own| same_host(&own.host, host)) {
            return Ok(());
        }
        agreed.push(Agreed { host: host.to_ascii_lowercase(), at_ms });
        self.save(agreed)
    }

    /// Takes a yes back; false where there was none.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn revoke(&self, host: &str) -> Result<bool, WriteError> {
        let all = self.list();
        let kept: Vec<_> = all.iter().filter(|own| !same_host(&own.host, host)).cloned().collect();
        let found = kept.len() < all.len();
        if found {
            self.save(kept)?;
        }
        Ok(found)
    }

    fn save(&self, agreed: Vec<Agreed>) -> Result<(), WriteError> {
        let text = serde_json::to_vec_pretty(&File { schema: 1, agreed }).unwrap_or_default();
        if let Some(folder) = self.path.parent() {
            files::make_private_folder(folder).map_err(|source| WriteError::Io {
                path: folder.to_owned(),
                what: "the folder cannot be made",
                source,
            })?;
        }
        files::write_private(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> (tempfile::TempDir, Consents) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keymend/consents.json");
        (folder, Consents { path })
    }

    #[test]
    fn a_yes_is_remembered_once_and_can_be_taken_back() {
        let (_folder, consents) = list();
        assert!(consents.list().is_empty());
        consents.add("Relay.example:443", 5).unwrap();
        consents.add("relay.example", 6).unwrap();
        assert_eq!(consents.list(), [Agreed { host: "relay.example:443".into(), at_ms: 5 }]);
        assert!(consents.revoke("relay.example").unwrap());
        assert!(!consents.revoke("relay.example").unwrap());
        assert!(consents.hosts().is_empty());
    }

    #[test]
    fn a_list_that_others_can_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, consents) = list();
        consents.add("relay.example", 5).unwrap();
        std::fs::set_permissions(&consents.path, std::fs::Permissions::from_mode(0o622)).unwrap();
        assert!(consents.list().is_empty());
    }
}
