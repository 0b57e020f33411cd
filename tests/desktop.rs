//! The clipboard and the keyring against the real services: an X server with `xclip` as the other program, and a Secret
//! Service with `secret-tool`. Where one is missing the test says so and does not pass silently.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use keymend::host::clipboard;
use keymend::host::keyring::{self, Bus};
use keymend::secret::Secret;
use keymend::world::KeyringState;

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
    assert_eq!(keyring::read(&service, "ann"), Ok(Some(Secret::new("sk-FAKE-NEW"))));
    keyring::delete(&service, "ann").unwrap();
    assert_eq!(keyring::peek(&bus, &service, "ann"), KeyringState::Missing);
}

/// The built program in a home of its own, with this session's bus.
struct Program {
    home: tempfile::TempDir,
}

impl Program {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { home }
    }

    fn run(&self, args: &[&str], stdin: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin");
        for name in ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.current_dir(self.home.path()).arg("--offline").args(args);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }
}

fn router_key(part: &str) -> String {
    format!("sk-or-v1-{}{part}", "fa4edeb0".repeat(8).chars().take(60).collect::<String>())
}

/// Goose keeps all of its secrets in one keyring entry; Hermes keeps the same key in a file.
#[test]
fn a_rotation_over_a_keyring_entry_and_a_file_is_one_action() {
    let bus = Bus::of(&std::env::vars().collect());
    if !has("secret-tool") || matches!(keyring::peek(&bus, "keymend-none", "x"), KeyringState::Absent(_)) {
        println!("skipped: no Secret Service");
        return;
    }
    let (old, new) = (router_key("0dd0"), router_key("0c1e"));
    let secrets = |key: &str| Secret::new(format!("{{\"OTHER\":\"kept\",\"OPENROUTER_API_KEY\":\"{key}\"}}"));
    keyring::write("goose", "secrets", &secrets(&old)).unwrap();
    let env = format!("OPENROUTER_API_KEY={old}\n");
    let program = Program::new(&[
        (".config/goose/config.yaml", "GOOSE_PROVIDER: openrouter\nGOOSE_MODEL: x/y\n"),
        (".hermes/config.yaml", "model:\n  default: x/y\n  provider: openrouter\n"),
        (".hermes/.env", &env),
    ]);
    let rotate = ["rotate", "goose/openrouter", "--stdin", "--no-test", "--yes"];
    let (code, said) = program.run(&rotate, &new);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("keyring goose / secrets"), "{said}");
    assert_eq!(keyring::read("goose", "secrets"), Ok(Some(secrets(&new))));
    let written = std::fs::read_to_string(program.home.path().join(".hermes/.env")).unwrap();
    assert_eq!(written, env.replace(&old, &new));
    let (code, said) = program.run(&["undo", "--yes"], "");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(keyring::read("goose", "secrets"), Ok(Some(secrets(&old))));
    assert_eq!(std::fs::read_to_string(program.home.path().join(".hermes/.env")).unwrap(), env);
    keyring::delete("goose", "secrets").unwrap();
}

#[test]
fn the_vault_keeps_a_key_in_the_keyring_and_nowhere_else() {
    let bus = Bus::of(&std::env::vars().collect());
    if !has("secret-tool") || matches!(keyring::peek(&bus, "keymend-none", "x"), KeyringState::Absent(_)) {
        println!("skipped: no Secret Service");
        return;
    }
    let key = router_key("0c1e");
    let name = format!("openrouter/test-{}", std::process::id());
    let config = "model:\n  default: x/y\n  provider: openrouter\n";
    let program = Program::new(&[(".hermes/config.yaml", config), (".hermes/.env", "A=1\n")]);
    assert_eq!(program.run(&["vault", "add", &name, "--stdin"], &key).0, Some(0));
    let again = program.run(&["vault", "add", &name, "--stdin"], &key);
    assert!(again.0 == Some(2) && again.1.contains("already keeps"), "{}", again.1);
    let (_, listed) = program.run(&["vault", "list"], "");
    assert!(
        listed.contains(&name) && listed.contains("sk-or-v1-…0c1e (73)") && !listed.contains(&key),
        "{listed}"
    );
    let holds = |folder: &std::path::Path| {
        let found = Command::new("grep").args(["-rl", &key]).arg(folder).output().unwrap();
        String::from_utf8(found.stdout).unwrap()
    };
    assert_eq!(holds(program.home.path()), "", "no file holds the key");
    let set = ["set", "hermes/openrouter", "--vault", &name, "--no-test", "--yes"];
    let (code, said) = program.run(&set, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(holds(program.home.path()).trim().ends_with(".hermes/.env"));
    assert_eq!(program.run(&["vault", "remove", &name, "--yes"], "").0, Some(0));
    assert_eq!(keyring::read("keymend", &name), Ok(None));
    assert!(!program.run(&["vault", "list"], "").1.contains(&name));
}

#[test]
fn without_a_bus_the_keyring_is_absent_at_once() {
    let bus = Bus::of(&BTreeMap::new());
    assert!(matches!(keyring::peek(&bus, "s", "u"), KeyringState::Absent(_)));
    let dead = BTreeMap::from([("DBUS_SESSION_BUS_ADDRESS".into(), "unix:path=/nonexistent/bus".into())]);
    assert!(matches!(keyring::peek(&Bus::of(&dead), "s", "u"), KeyringState::Absent(_)));
}
