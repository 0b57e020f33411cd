//! One key at four agents: replaced in one go, taken back in one go, and brought back after another program took it away.

use std::path::Path;

use super::journeys::{ENTER, ESC, no_key_in, restored};
use super::pty::Pty;

const SIZE: (u16, u16) = (100, 30);
const FILES: [(&str, &str); 5] = [
    (".hermes/config.yaml", "model:\n  default: x/y\n  provider: openrouter\n"),
    (".hermes/.env", "# mine\r\nOPENROUTER_API_KEY='@'\r\nB=1\r\n"),
    (".aider.conf.yml", "model: openrouter/x\napi-key:\n  - openrouter=@ # mine\n"),
    (".local/share/opencode/auth.json", "{\n  \"openrouter\": {\"type\": \"api\", \"key\": \"@\"}\n}\n"),
    (".config/io.datasette.llm/keys.json", "{\"// Note\": \"mine\", \"openrouter\": \"@\"}"),
];

fn key(part: &str) -> String {
    format!("sk-or-v1-{}{part}", "fa4edeb0".repeat(8).chars().take(60).collect::<String>())
}

fn with(text: &str, key: &str) -> String {
    text.replace('@', key)
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, with(text, &key("0dd0"))).unwrap();
    }
    std::fs::create_dir(home.path().join("work")).unwrap();
    home
}

fn open(home: &Path) -> Pty {
    let env = [("HOME", home.to_str().unwrap())];
    let mut pty = Pty::start_in(Some(&home.join("work")), &["--offline"], &env, SIZE);
    pty.wait_for("By need");
    pty
}

#[track_caller]
fn holds(home: &Path, key: &str) {
    for (name, text) in FILES {
        let found = std::fs::read_to_string(home.join(name)).unwrap();
        assert_eq!(found, with(text, key), "{name}");
    }
}

#[track_caller]
fn quit(mut pty: Pty) {
    pty.send("\u{3}");
    assert_eq!(pty.finish(), 0);
    restored(&pty);
    no_key_in(&pty);
}

/// Replaces the key at all four agents.
fn rotate(pty: &mut Pty) -> String {
    let places = pty.press("K", "distinct key");
    for agent in ["Hermes Agent", "opencode", "Aider", "llm"] {
        assert!(places.contains(agent), "{places}");
    }
    pty.press("n", "paste the key here");
    pty.paste_until(&format!("export OPENROUTER_API_KEY={}\n", key("0c1e")), "save unproven");
    pty.press(ENTER, "write it.");
    pty.press("w", "now sends")
}

#[test]
fn a_key_at_four_agents_is_replaced_and_taken_back_in_one_go() {
    let home = home();
    let mut pty = open(home.path());
    let done = rotate(&mut pty);
    holds(home.path(), &key("0c1e"));
    assert_eq!(done.matches("now sends").count(), 4, "{done}");
    assert_eq!(done.matches("new there · old gone").count(), 4, "{done}");
    assert!(done.contains("revoke the old key"), "{done}");
    let undo = pty.press("z", "put it back");
    assert!(undo.contains("byte for byte"), "{undo}");
    pty.press("y", "Put back, byte for byte");
    holds(home.path(), &key("0dd0"));
    quit(pty);
}

#[test]
fn what_another_program_took_back_is_told_and_brought_back() {
    let home = home();
    let mut pty = open(home.path());
    rotate(&mut pty);
    pty.press(ENTER, "distinct key");
    quit(pty);
    let env = home.path().join(".hermes/.env");
    let rewritten = format!("# rewritten\nOPENROUTER_API_KEY={}\nMORE=1\n", key("0dd0"));
    std::fs::write(&env, &rewritten).unwrap();
    let mut pty = open(home.path());
    pty.wait_for("Another program took back");
    let history = pty.press("H", "bring the new key back");
    assert!(history.contains("the old key is back"), "{history}");
    let conflict = pty.press("z", "put back only what keymend changed");
    assert!(conflict.contains("Another program wrote here since"), "{conflict}");
    pty.press(ESC, "bring the new key back");
    let review = pty.press("b", "write it.");
    assert!(review.contains("~/.hermes/.env") && !review.contains("keys.json"), "{review}");
    pty.press("w", "now sends");
    let brought = std::fs::read_to_string(&env).unwrap();
    assert_eq!(brought, rewritten.replace(&key("0dd0"), &key("0c1e")));
    pty.press("z", "put it back");
    pty.press("y", "Put back, byte for byte");
    assert_eq!(std::fs::read_to_string(&env).unwrap(), rewritten);
    quit(pty);
}
