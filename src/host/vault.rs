//! Keys that a person parks under a name (`anthropic/work`), in the OS keyring and nowhere else.
//!
//! The keyring cannot be asked for all names everywhere, so a list of names, without any key, is in the state folder.
//! Nothing here is ever written to an agent by itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::files;
use super::journal::Journal;
use super::keyring::{self, Bus, KeyringError};
use crate::secret::Secret;
use crate::world::{KeyringState, World};

/// The keyring service of all entries.
const SERVICE: &str = "keymend";

/// Why the vault could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// No such name.
    #[error("the vault keeps nothing under {0}")]
    Unknown(String),
    /// The name is taken.
    #[error("the vault already keeps a key under {0}")]
    Taken(String),
    /// The name cannot be used.
    #[error("{0:?} cannot be a name")]
    BadName(String),
    /// The list of names.
    #[error("the list of names cannot be written: {0}")]
    List(String),
}

impl VaultError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Keyring(error) => error.hint(),
            Self::Unknown(_) => "`keymend vault list` shows the names",
            Self::Taken(_) => "remove it first, or choose another name",
            Self::BadName(_) => "use letters, digits and . _ - / : like anthropic/work",
            Self::List(_) => "check the state folder and its free space",
        }
    }
}

/// One name and what is behind it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The keyring's answer, without a prompt.
    pub state: KeyringState,
}

#[derive(Default, Deserialize, Serialize)]
struct Names {
    schema: u32,
    names: Vec<String>,
}

fn list_file(world: &dyn World) -> PathBuf {
    Journal::of(world).root().join("vault.json")
}

fn names(world: &dyn World) -> Names {
    world
        .text(&list_file(world))
        .and_then(|state| serde_json::from_str(state.text()?).ok())
        .unwrap_or_default()
}

fn save(world: &dyn World, mut names: Names) -> Result<(), VaultError> {
    names.schema = 1;
    names.names.sort();
    names.names.dedup();
    let failed = |error: String| VaultError::List(error);
    Journal::of(world).make().map_err(|error| failed(error.to_string()))?;
    let text = serde_json::to_vec_pretty(&names).map_err(|error| failed(error.to_string()))?;
    files::write_private(&list_file(world), &text).map_err(|error| failed(error.to_string()))
}

/// All names, with the keyring's answer to each.
#[must_use]
pub fn list(world: &dyn World) -> Vec<Entry> {
    let bus = Bus::of(world.env());
    names(world)
        .names
        .into_iter()
        .map(|name| Entry { state: keyring::peek(&bus, SERVICE, &name), name })
        .collect()
}

/// The key under a name. May show the system's prompt.
pub fn get(name: &str) -> Result<Secret, VaultError> {
    keyring::read(SERVICE, name)?.ok_or_else(|| VaultError::Unknown(name.to_owned()))
}

/// Keeps a key under a new name.
pub fn add(world: &dyn World, name: &str, key: &Secret) -> Result<(), VaultError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(fine) {
        return Err(VaultError::BadName(name.chars().filter(|c| !c.is_control()).take(40).collect()));
    }
    if keyring::read(SERVICE, name)?.is_some() {
        return Err(VaultError::Taken(name.to_owned()));
    }
    keyring::write(SERVICE, name, key)?;
    let mut kept = names(world);
    kept.names.push(name.to_owned());
    save(world, kept)
}

/// Forgets a key.
pub fn remove(world: &dyn World, name: &str) -> Result<(), VaultError> {
    let mut kept = names(world);
    let known = kept.names.iter().any(|other| other == name);
    if !known && keyring::read(SERVICE, name)?.is_none() {
        return Err(VaultError::Unknown(name.to_owned()));
    }
    keyring::delete(SERVICE, name)?;
    kept.names.retain(|other| other != name);
    save(world, kept)
}
