//! The encrypted store that Gemini CLI keeps where no OS keyring answers: opened and closed as the agent itself does.
//!
//! Gemini CLI 0.61.0: `~/.gemini/gemini-credentials.json` is the text `iv:tag:cipher` in hex, AES-256-GCM, its key made
//! by scrypt (N 16384, r 8, p 1) from the fixed password `gemini-cli-oauth` and the salt `HOST-USER-gemini-cli`. Inside
//! is `{service: {account: text}}`. The password is public and host and user are no secrets, so this hides a key from a
//! glance and from nothing else; keymend treats the file as it treats one in clear.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, AesGcm, Key, Nonce, aes::Aes256};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::source::SealedEntry;
use crate::world::Machine;

const PASSWORD: &[u8] = b"gemini-cli-oauth";
/// What is written; 16 bytes are read as well.
const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Why a store cannot be opened. No variant holds any of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealedError {
    /// It is not of the known form.
    #[error("it is not of the form that Gemini CLI 0.61 writes")]
    Form,
    /// It was made elsewhere, or changed.
    #[error("it was made under another host name or user, or it is damaged")]
    Key,
    /// The names of host and user are needed and not known.
    #[error("the names of this host and user are not known")]
    Machine,
}

/// An opened store.
pub struct Store {
    cipher: Aes256Gcm,
    content: Json,
}

impl Store {
    /// Opens the text of a store.
    pub fn open(text: &str, machine: Option<&Machine>) -> Result<Self, SealedError> {
        let machine = machine.ok_or(SealedError::Machine)?;
        // Gemini CLI takes exactly three parts, and nothing around them: a newline at the end breaks the store.
        let parts: Vec<Vec<u8>> =
            text.split(':').map(from_hex).collect::<Option<_>>().ok_or(SealedError::Form)?;
        let [iv, tag, body] = parts.as_slice() else { return Err(SealedError::Form) };
        if tag.len() != TAG_BYTES {
            return Err(SealedError::Form);
        }
        let sealed = [body.as_slice(), tag.as_slice()].concat();
        let key = key(machine)?;
        let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
        let plain = match iv.len() {
            IV_BYTES => open_with(&cipher, iv, &sealed)?,
            16 => open_with(&AesGcm::<Aes256, U16>::new(&Key::<Aes256Gcm>::from(*key)), iv, &sealed)?,
            _ => return Err(SealedError::Form),
        };
        let content: Json = serde_json::from_slice(&plain).map_err(|_| SealedError::Form)?;
        Ok(Self { cipher, content })
    }

    /// One text.
    #[must_use]
    pub fn get(&self, entry: &SealedEntry) -> Option<&str> {
        self.content.get(&entry.service)?.get(&entry.account)?.as_str()
    }

    /// Puts a text in, or takes it away. Its service must be there.
    pub fn put(&mut self, entry: &SealedEntry, text: Option<&str>) -> Result<(), SealedError> {
        let service = self.content.get_mut(&entry.service).and_then(Json::as_object_mut);
        let service = service.ok_or(SealedError::Form)?;
        match text {
            Some(text) => drop(service.insert(entry.account.clone(), Json::String(text.to_owned()))),
            None => drop(service.shift_remove(&entry.account)),
        }
        Ok(())
    }

    /// Closes the store. The initialisation vector is made from key and content, so that it never serves two contents
    /// and a plan stays a pure function.
    pub fn close(&self) -> Result<Zeroizing<String>, SealedError> {
        let plain =
            serde_json::to_vec_pretty(&self.content).map(Zeroizing::new).map_err(|_| SealedError::Form)?;
        let digest = Sha256::new().chain_update(PASSWORD).chain_update(plain.as_slice()).finalize();
        let iv = Nonce::try_from(&digest[..IV_BYTES]).map_err(|_| SealedError::Form)?;
        let mut body = self.cipher.encrypt(&iv, plain.as_slice()).map_err(|_| SealedError::Form)?;
        let tag = body.split_off(body.len().saturating_sub(TAG_BYTES));
        Ok(Zeroizing::new(format!("{}:{}:{}", hex(&iv), hex(&tag), hex(&body))))
    }
}

/// The text of `entry` in a store's text.
pub fn text_of(
    store: &str,
    machine: Option<&Machine>,
    entry: &SealedEntry,
) -> Result<Option<Zeroizing<String>>, SealedError> {
    Ok(Store::open(store, machine)?.get(entry).map(|text| Zeroizing::new(text.to_owned())))
}

fn open_with<N: aes_gcm::aead::array::ArraySize>(
    cipher: &AesGcm<Aes256, N>,
    iv: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealedError> {
    let iv = Nonce::<N>::try_from(iv).map_err(|_| SealedError::Form)?;
    cipher.decrypt(&iv, sealed).map(Zeroizing::new).map_err(|_| SealedError::Key)
}

fn key(machine: &Machine) -> Result<Zeroizing<[u8; 32]>, SealedError> {
    let salt = format!("{}-{}-gemini-cli", machine.host, machine.user);
    let params = scrypt::Params::new(14, 8, 1).map_err(|_| SealedError::Form)?;
    let mut key = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(PASSWORD, salt.as_bytes(), &params, &mut *key).map_err(|_| SealedError::Form)?;
    Ok(key)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine { host: "lab".to_owned(), user: "ann".to_owned() }
    }

    fn entry() -> SealedEntry {
        SealedEntry { service: "gemini-cli-api-key".to_owned(), account: "default-api-key".to_owned() }
    }

    /// Made with Node's own crypto, as Gemini CLI 0.61.0 does, for host `lab` and user `ann`.
    const MADE_BY_NODE: &str = include_str!("sealed/made_by_node_12.txt");
    /// The same with the longer vector that older versions wrote.
    const WITH_16_BYTES: &str = include_str!("sealed/made_by_node_16.txt");
    const KEY: &str = "AIzaSyFAKEFAKEFAKEFAKEFAKEFAKEFAKE1234";

    #[test]
    fn a_store_made_by_node_opens_and_closes_again() {
        for text in [MADE_BY_NODE, WITH_16_BYTES] {
            let store = Store::open(text, Some(&machine())).expect("open");
            assert!(store.get(&entry()).expect("text").contains(KEY));
        }
        let mut store = Store::open(MADE_BY_NODE, Some(&machine())).expect("open");
        store.put(&entry(), Some("another text")).expect("put");
        let closed = store.close().expect("close");
        let kept = text_of(&closed, Some(&machine()), &entry()).expect("open");
        let login =
            SealedEntry { service: "gemini-cli-oauth".to_owned(), account: "main-account".to_owned() };
        assert!(text_of(&closed, Some(&machine()), &login).expect("open").is_some(), "the others are kept");
        assert_eq!(kept.as_ref().map(|text| text.as_str()), Some("another text"));
        assert_eq!(closed, store.close().expect("close"), "closing is a pure function");
    }

    #[test]
    fn a_store_of_another_machine_or_a_damaged_one_stays_closed() {
        let other = Machine { host: "other".to_owned(), ..machine() };
        assert_eq!(Store::open(MADE_BY_NODE, Some(&other)).err(), Some(SealedError::Key));
        assert_eq!(Store::open(MADE_BY_NODE, None).err(), Some(SealedError::Machine));
        let mut damaged = MADE_BY_NODE.to_owned();
        let last = if damaged.ends_with('0') { '1' } else { '0' };
        damaged.pop();
        damaged.push(last);
        assert_eq!(Store::open(&damaged, Some(&machine())).err(), Some(SealedError::Key));
        for text in ["", "a:b:c", "00:11:22", "{\"a\": 1}", "zz:zz:zz", "é:é:é", &format!("{MADE_BY_NODE}\n")]
        {
            assert_eq!(Store::open(text, Some(&machine())).err(), Some(SealedError::Form), "{text}");
        }
    }
}
