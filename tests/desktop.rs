//! The clipboard and the keyring against the real services: an X server with `xclip` as the other program, and a Secret
//! Service with `secret-tool`. Where one is missing the test says so and does not pass silently.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use keymend::host::keyring::{self, Bus};
use keymend::host::{KeyringState, clipboard};
use keymend::secret::Secret;

fn has(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

fn copy(text: &str) {
    let mut xclip =
        Command::new("xclip").args(["-selection", "clipboard", "-in"]).stdin(Stdio::piped()).spawn().unwrap();
    xclip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(xclip.wait().unwrap().success());
}

/// One test, because the clipboard is one for all of them.
#[test]
fn the_clipboard_is_read_and_cleared_only_if_it_still_holds_the_key() {
    if std::env::var_os("DISPLAY").is_none() || !has("xclip") {
        println!("skipped: no display");
        return;
    }
    let pasted = "sk-ant-api03-FAKE\u{200b}FAKE\n";
    copy(pasted);
    assert_eq!(clipboard::read(), Ok(Secret::new(pasted)), "invisible characters come through unchanged");
    let key = Secret::new("sk-ant-api03-FAKE-CLIPBOARD-KEY");
    assert_eq!(clipboard::clear_if(&key), Ok(false));
    assert_eq!(clipboard::read(), Ok(Secret::new(pasted)));
    copy("sk-ant-api03-FAKE-CLIPBOARD-KEY\n");
    assert_eq!(clipboard::clear_if(&key), Ok(true));
    assert!(clipboard::read().is_err());
}

#[test]
fn the_keyring_keeps_what_is_written_and_a_look_sees_it_without_a_prompt() {
    let bus = Bus::of(&std::env::vars().collect());
    if !has("secret-tool") || matches!(keyring::peek(&bus, "keymend-none", "x"), KeyringState::Absent(_)) {
        println!("skipped: no Secret Service");
        return;
    }
    let service = format!("keymend-test-{}", std::process::id());
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Missing);
    let key = Secret::new("sk-FAKE-KEYRING-0001");
    keyring::write(&service, "ann", &key).unwrap();
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Present(key));
    let seen = Command::new("secret-tool")
        .args(["lookup", "service", &service, "username", "ann"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(seen.stdout).unwrap(), "sk-FAKE-KEYRING-0001");
    let rotated = Secret::new("sk-FAKE-KEYRING-0002");
    keyring::write(&service, "ann", &rotated).unwrap();
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Present(rotated));
    keyring::delete(&service, "ann").unwrap();
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Missing);
}

/// An item of node's keytar names its user `account`; a write goes to that item and not beside it.
#[test]
fn an_entry_of_another_library_is_found_and_overwritten_in_place() {
    let bus = Bus::of(&std::env::vars().collect());
    if !has("secret-tool") || matches!(keyring::peek(&bus, "keymend-none", "x"), KeyringState::Absent(_)) {
        println!("skipped: no Secret Service");
        return;
    }
    let service = format!("keymend-keytar-{}", std::process::id());
    let store = ["store", "--label=keytar", "service", &service, "account", "ann"];
    let mut tool = Command::new("secret-tool").args(store).stdin(Stdio::piped()).spawn().unwrap();
    tool.stdin.take().unwrap().write_all(b"sk-FAKE-OLD").unwrap();
    assert!(tool.wait().unwrap().success());
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Present(Secret::new("sk-FAKE-OLD")));
    keyring::write(&service, "ann", &Secret::new("sk-FAKE-NEW")).unwrap();
    let seen =
        Command::new("secret-tool").args(["lookup", "service", &service, "account", "ann"]).output().unwrap();
    assert_eq!(String::from_utf8(seen.stdout).unwrap(), "sk-FAKE-NEW");
}

#[test]
fn without_a_bus_the_keyring_is_absent_at_once() {
    let bus = Bus::of(&BTreeMap::new());
    assert!(matches!(keyring::peek(&bus, "s", "u"), KeyringState::Absent(_)));
    let dead = BTreeMap::from([("DBUS_SESSION_BUS_ADDRESS".into(), "unix:path=/nonexistent/bus".into())]);
    assert!(matches!(keyring::peek(&Bus::of(&dead), "s", "u"), KeyringState::Absent(_)));
}
