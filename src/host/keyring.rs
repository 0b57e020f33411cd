//! The OS keyring: read without a prompt on a scan, written on a yes.
//!
//! On Linux a scan asks the Secret Service for its items by attributes, which shows locked ones without unlocking
//! them, and asks only a service that already runs: neither a prompt nor a daemon is started. Everything else that may
//! block runs on its own thread with a deadline, because a locked keyring can wait for the person for ever.
//! Keychain and Credential Manager are reached through the `keyring` crate.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;

use crate::secret::Secret;
use crate::world::KeyringState;

/// How long a write, unlock or delete may take, the person's answer to a prompt included.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// How the session bus is reached.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    address: Option<String>,
}

impl Bus {
    /// The bus that an environment names.
    #[must_use]
    pub fn of(env: &BTreeMap<String, String>) -> Self {
        let named = env.get("DBUS_SESSION_BUS_ADDRESS").filter(|address| !address.is_empty()).cloned();
        let usual = || {
            let socket = std::path::Path::new(env.get("XDG_RUNTIME_DIR")?).join("bus");
            socket.exists().then(|| format!("unix:path={}", socket.display()))
        };
        Self { address: named.or_else(usual) }
    }
}

/// Why a keyring write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// No keyring answers here.
    #[error("no keyring answers here: {0}")]
    Absent(String),
    /// It is locked.
    #[error("the keyring is locked")]
    Locked,
    /// It did not answer.
    #[error("the keyring did not answer in time")]
    TimedOut,
    /// The write was refused.
    #[error("the keyring refused: {0}")]
    Refused(String),
    /// What was read back is not what was written.
    #[error("the keyring gave back another text than was written")]
    NotKept,
}

impl KeyringError {
    /// The way out.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Absent(_) => {
                "start a keyring service (gnome-keyring, KWallet, KeePassXC), or keep the key in a file"
            }
            Self::Locked => {
                "unlock the keyring (log in to the desktop, or `gnome-keyring-daemon --unlock`), then try again"
            }
            Self::TimedOut => "look for a dialog that asks for the keyring's password",
            Self::Refused(_) | Self::NotKept => "the entry is unchanged; try again or keep the key in a file",
        }
    }
}

/// The text of an entry, without a prompt.
#[must_use]
pub fn peek(bus: &Bus, service: &str, user: &str) -> KeyringState {
    system::peek(bus, service, user)
}

/// The same for the session that keymend itself runs in, as a result.
pub fn peek_here(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
    match peek(&Bus::of(&std::env::vars().collect()), service, user) {
        KeyringState::Present(secret) => Ok(Some(secret)),
        KeyringState::Missing => Ok(None),
        KeyringState::Locked => Err(KeyringError::Locked),
        KeyringState::Absent(why) => Err(KeyringError::Absent(why)),
        KeyringState::TimedOut => Err(KeyringError::TimedOut),
    }
}

/// Puts `secret` into an entry and reads it back. May show the system's own prompt; gives up after a deadline.
pub fn write(service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
    let (service, user, secret) = (service.to_owned(), user.to_owned(), secret.clone());
    on_a_thread(move || system::write(&service, &user, &secret))
}

/// Takes an entry away. A missing entry is fine.
pub fn delete(service: &str, user: &str) -> Result<(), KeyringError> {
    let (service, user) = (service.to_owned(), user.to_owned());
    on_a_thread(move || system::delete(&service, &user))
}

/// Reads an entry on the person's request, where a prompt is allowed.
pub fn read(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
    let (service, user) = (service.to_owned(), user.to_owned());
    on_a_thread(move || system::read(&service, &user))
}

/// A plain thread, because a blocked keyring call would also block the end of an async runtime.
fn on_a_thread<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (sender, answer) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || drop(sender.send(job())))
        .map_err(|error| KeyringError::Refused(error.to_string()))?;
    answer.recv_timeout(WRITE_DEADLINE).unwrap_or(Err(KeyringError::TimedOut))
}

#[cfg(all(feature = "secret-service", target_os = "linux"))]
#[path = "keyring/linux.rs"]
mod system;

#[cfg(all(feature = "secret-service", not(target_os = "linux")))]
#[path = "keyring/other.rs"]
mod system;

#[cfg(not(feature = "secret-service"))]
mod system {
    use super::{Bus, KeyringError, KeyringState, Secret};

    const REASON: &str = "this build of keymend has no keyring support";

    pub(super) fn peek(_bus: &Bus, _service: &str, _user: &str) -> KeyringState {
        KeyringState::Absent(REASON.into())
    }

    pub(super) fn write(_service: &str, _user: &str, _secret: &Secret) -> Result<(), KeyringError> {
        Err(KeyringError::Absent(REASON.into()))
    }

    pub(super) fn delete(_service: &str, _user: &str) -> Result<(), KeyringError> {
        Err(KeyringError::Absent(REASON.into()))
    }

    pub(super) fn read(_service: &str, _user: &str) -> Result<Option<Secret>, KeyringError> {
        Err(KeyringError::Absent(REASON.into()))
    }
}
