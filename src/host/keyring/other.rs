//! Keychain and Credential Manager, through the `keyring` crate.

use keyring::{Entry, Error};

use super::{Bus, KeyringError, KeyringState, Secret};

pub(super) fn peek(_bus: &Bus, _service: &str, _user: &str) -> KeyringState {
    KeyringState::Absent("a scan does not read it, because the system would ask the person".into())
}

pub(super) fn write(service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
    let entry = Entry::new(service, user).map_err(|error| said(&error))?;
    secret.expose(|text| entry.set_password(text)).map_err(|error| said(&error))?;
    match entry.get_password() {
        Ok(kept) if secret.is(&kept) => Ok(()),
        Ok(_) => Err(KeyringError::NotKept),
        Err(error) => Err(said(&error)),
    }
}

pub(super) fn delete(service: &str, user: &str) -> Result<(), KeyringError> {
    let entry = Entry::new(service, user).map_err(|error| said(&error))?;
    match entry.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(said(&error)),
    }
}

pub(super) fn read(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
    let entry = Entry::new(service, user).map_err(|error| said(&error))?;
    match entry.get_password() {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(said(&error)),
    }
}

/// The crate's errors can carry the entry's bytes (`BadEncoding`), so only their kind is ever shown.
fn said(error: &Error) -> KeyringError {
    match error {
        Error::NoDefaultStore => KeyringError::Absent("no keyring is set up".into()),
        Error::NoStorageAccess(_) => KeyringError::Locked,
        Error::NoEntry => KeyringError::Refused("there is no such entry".into()),
        Error::BadEncoding(_) => KeyringError::Refused("the entry is not text".into()),
        Error::TooLong(..) => KeyringError::Refused("the text is too long for this keyring".into()),
        Error::Ambiguous(_) => KeyringError::Refused("several entries have this name".into()),
        _ => KeyringError::Refused("the platform's keyring failed".into()),
    }
}
