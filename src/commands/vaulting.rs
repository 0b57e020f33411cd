//! `vault`: keys that the person parks in the OS keyring under a name.

use serde::Serialize;

use super::{Desk, Exit, Failure, ask, keys, print, print_json};
use crate::cli::Vault;
use crate::host::vault::{self, Entry, VaultError};
use crate::report::{SCHEMA, plain};
use crate::secret::Mask;
use crate::world::KeyringState;

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::new(plain(&error.to_string()), error.hint())
    }
}

#[derive(Serialize)]
struct VaultJson {
    schema: u32,
    entries: Vec<EntryJson>,
}

#[derive(Serialize)]
struct EntryJson {
    name: String,
    key: Option<Mask>,
    state: &'static str,
}

/// `keymend vault`.
pub(super) fn vault(desk: &Desk, action: &Vault) -> Result<Exit, Failure> {
    let world = desk.world();
    match action {
        Vault::List { json } => list(desk, &vault::list(&world), *json),
        Vault::Add { name, stdin, clipboard } => {
            let paste = keys::paste(desk, (*stdin, *clipboard, None), None)?;
            let found = keys::cleaned(desk, &paste, None, false, true)?;
            vault::add(&world, name, &found.key)?;
            print(&format!("kept in the OS keyring as {}\n", plain(name)))?;
            Ok(Exit::Fine)
        }
        Vault::Remove { name, yes } => {
            if !yes && !ask(&format!("Forget the key {}?", plain(name)))? {
                print("Nothing was removed.\n")?;
                return Ok(Exit::Declined);
            }
            vault::remove(&world, name)?;
            print(&format!("{} is forgotten\n", plain(name)))?;
            Ok(Exit::Fine)
        }
    }
}

fn list(desk: &Desk, entries: &[Entry], json: bool) -> Result<Exit, Failure> {
    let rows = entries.iter().map(|entry| {
        let (key, state) = match &entry.state {
            KeyringState::Present(key) => (Some(desk.catalogue.mask(key)), "kept"),
            KeyringState::Missing => (None, "missing from the keyring"),
            KeyringState::Locked => (None, "locked"),
            KeyringState::Absent(_) => (None, "no keyring answers here"),
            KeyringState::TimedOut => (None, "the keyring does not answer"),
        };
        EntryJson { name: plain(&entry.name), key, state }
    });
    let rows: Vec<EntryJson> = rows.collect();
    if json {
        print_json(&VaultJson { schema: SCHEMA, entries: rows })?;
    } else if rows.is_empty() {
        print(
            "The vault is empty. `keymend vault add anthropic/work --stdin` keeps a key in the OS keyring.\n",
        )?;
    } else {
        let line = |row: &EntryJson| {
            let key = row.key.as_ref().map_or_else(|| row.state.to_owned(), ToString::to_string);
            format!("{:<24} {key}\n", row.name)
        };
        print(&rows.iter().map(line).collect::<String>())?;
    }
    Ok(Exit::Fine)
}
