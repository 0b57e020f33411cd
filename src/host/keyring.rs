//! The OS keyring: read without a prompt on a scan, written through the `keyring` crate on a yes.
//!
//! On Linux a scan asks the Secret Service for its items by attributes, which shows locked ones without unlocking
//! them, and asks only a service that already runs: neither a prompt nor a daemon is started. Everything else that may
//! block runs on a thread of its own with a deadline, because a locked keyring can wait for the person for ever.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;

use super::KeyringState;
use crate::secret::Secret;

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

#[cfg(feature = "secret-service")]
mod system {
    use keyring::{Entry, Error};

    use super::{KeyringError, Secret};

    pub(super) use peeking::peek;

    pub(super) fn write(service: &str, user: &str, secret: &Secret) -> Result<(), KeyringError> {
        if peeking::overwrite(service, user, secret)? {
            return Ok(());
        }
        let entry = Entry::new(service, user).map_err(|error| said(&error))?;
        secret.expose(|text| entry.set_password(text)).map_err(|error| said(&error))?;
        match entry.get_password() {
            Ok(kept) if secret.is(&kept) => Ok(()),
            Ok(_) => Err(KeyringError::NotKept),
            Err(error) => Err(said(&error)),
        }
    }

    pub(super) fn delete(service: &str, user: &str) -> Result<(), KeyringError> {
        if peeking::delete(service, user)? {
            return Ok(());
        }
        let entry = Entry::new(service, user).map_err(|error| said(&error))?;
        match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(said(&error)),
        }
    }

    pub(super) fn read(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
        if let Some(secret) = peeking::read(service, user)? {
            return Ok(Some(secret));
        }
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
            Error::NoDefaultStore => KeyringError::Absent("no session bus or no service".into()),
            Error::NoStorageAccess(_) => KeyringError::Locked,
            Error::NoEntry => KeyringError::Refused("there is no such entry".into()),
            Error::BadEncoding(_) => KeyringError::Refused("the entry is not text".into()),
            Error::TooLong(..) => KeyringError::Refused("the text is too long for this keyring".into()),
            Error::Ambiguous(_) => KeyringError::Refused("several entries have this name".into()),
            _ => KeyringError::Refused("the platform's keyring failed".into()),
        }
    }

    #[cfg(target_os = "linux")]
    mod peeking {
        use std::collections::HashMap;

        use secret_service::EncryptionType;
        use secret_service::blocking::{Item, SecretService};
        use zbus::blocking::{Connection, connection::Builder, fdo::DBusProxy};

        use super::super::{Bus, KeyringError, KeyringState, Secret};

        const SERVICE_NAME: &str = "org.freedesktop.secrets";
        /// Rust's and Python's keyring name the user `username`, libsecret's node binding `account`.
        const USER_ATTRIBUTES: [&str; 2] = [CRATES_ATTRIBUTE, "account"];
        /// What the `keyring` crate knows an entry by.
        const CRATES_ATTRIBUTE: &str = "username";

        pub(in super::super) fn peek(bus: &Bus, service: &str, user: &str) -> KeyringState {
            match look(bus, service, user) {
                Ok(state) => state,
                Err(reason) => KeyringState::Absent(reason),
            }
        }

        fn look(bus: &Bus, service: &str, user: &str) -> Result<KeyringState, String> {
            let connection = connect(bus)?;
            let secrets = SecretService::connect_with_existing(EncryptionType::Dh, connection)
                .map_err(|_| "the keyring service did not open a session".to_owned())?;
            let mut locked = false;
            for attribute in USER_ATTRIBUTES {
                let found = secrets
                    .search_items(HashMap::from([("service", service), (attribute, user)]))
                    .map_err(|_| "the keyring service did not answer the search".to_owned())?;
                locked |= !found.locked.is_empty();
                if let Some(bytes) = found.unlocked.first().and_then(|item| item.get_secret().ok()) {
                    return Ok(match String::from_utf8(bytes) {
                        Ok(text) => KeyringState::Present(Secret::new(text)),
                        Err(_) => KeyringState::Absent("the entry is not text".into()),
                    });
                }
            }
            Ok(if locked { KeyringState::Locked } else { KeyringState::Missing })
        }

        /// A connection to the bus, if a keyring service already runs on it. A look-up by name would start one.
        fn connect(bus: &Bus) -> Result<Connection, String> {
            let address = bus.address.as_deref().ok_or("there is no session bus")?;
            let connection = Builder::address(address)
                .and_then(Builder::build)
                .map_err(|_| "the session bus does not answer".to_owned())?;
            let running = DBusProxy::new(&connection)
                .and_then(|proxy| Ok(proxy.name_has_owner(SERVICE_NAME.try_into()?)?))
                .unwrap_or(false);
            if running { Ok(connection) } else { Err("no keyring service is running".to_owned()) }
        }

        /// Works on an entry that is there and open, whatever attribute names its user. None where there is none, or
        /// where only the `keyring` crate can get on, because something has to be unlocked first.
        fn with_item<T>(
            service: &str,
            user: &str,
            job: impl FnOnce(&Item<'_>) -> Result<T, KeyringError>,
        ) -> Result<Option<T>, KeyringError> {
            let bus = Bus::of(&std::env::vars().collect());
            let Ok(connection) = connect(&bus) else { return Ok(None) };
            let secrets =
                SecretService::connect_with_existing(EncryptionType::Dh, connection).map_err(refused)?;
            for attribute in USER_ATTRIBUTES {
                let query = HashMap::from([("service", service), (attribute, user)]);
                let found = secrets.search_items(query).map_err(refused)?;
                if let Some(item) = found.unlocked.first() {
                    return job(item).map(Some);
                }
                match (found.locked.is_empty(), attribute) {
                    (true, _) => {}
                    (false, CRATES_ATTRIBUTE) => return Ok(None),
                    (false, _) => return Err(KeyringError::Locked),
                }
            }
            Ok(None)
        }

        fn refused(_: secret_service::Error) -> KeyringError {
            KeyringError::Refused("the service did not answer as it should".into())
        }

        /// The text of an entry that is there and open.
        pub(super) fn read(service: &str, user: &str) -> Result<Option<Secret>, KeyringError> {
            with_item(service, user, |item| {
                let bytes = item.get_secret().map_err(refused)?;
                let text = String::from_utf8(bytes);
                text.map(Secret::new).map_err(|_| KeyringError::Refused("the entry is not text".into()))
            })
        }

        /// Takes an entry away that is there and open. Says whether there was one.
        pub(super) fn delete(service: &str, user: &str) -> Result<bool, KeyringError> {
            Ok(with_item(service, user, |item| item.delete().map_err(refused))?.is_some())
        }

        /// Replaces the text of an entry that is there and open. Says whether there was one.
        pub(super) fn overwrite(service: &str, user: &str, secret: &Secret) -> Result<bool, KeyringError> {
            let put = with_item(service, user, |item| {
                let kind = item.get_secret_content_type().unwrap_or_else(|_| "text/plain".into());
                secret.expose(|text| item.set_secret(text.as_bytes(), &kind)).map_err(refused)?;
                let kept = item.get_secret().map_err(refused)?;
                let same = secret.expose(|text| text.as_bytes() == kept);
                if same { Ok(()) } else { Err(KeyringError::NotKept) }
            })?;
            Ok(put.is_some())
        }
    }

    #[cfg(not(target_os = "linux"))]
    mod peeking {
        use super::super::{Bus, KeyringError, KeyringState, Secret};

        pub(in super::super) fn peek(_bus: &Bus, _service: &str, _user: &str) -> KeyringState {
            KeyringState::Absent("a scan does not read it, because the system would ask the person".into())
        }

        pub(super) fn read(_service: &str, _user: &str) -> Result<Option<Secret>, KeyringError> {
            Ok(None)
        }

        pub(super) fn delete(_service: &str, _user: &str) -> Result<bool, KeyringError> {
            Ok(false)
        }

        pub(super) fn overwrite(_service: &str, _user: &str, _secret: &Secret) -> Result<bool, KeyringError> {
            Ok(false)
        }
    }
}

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
