//! A key that is asked for at the terminal is never shown, and a question is asked there even where standard input is the
//! key.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keymend::demo::Key;
use rustix::process::{Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use super::window::Window;

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hermes = folder.path().join(".hermes");
        std::fs::create_dir(&hermes).unwrap();
        let config = "model:\n  provider: anthropic\n  default: claude-sonnet-4-5\n";
        std::fs::write(hermes.join("config.yaml"), config).unwrap();
        let home = Self { folder };
        std::fs::write(home.dotenv(), format!("ANTHROPIC_API_KEY={}\n", old())).unwrap();
        home
    }

    fn dotenv(&self) -> PathBuf {
        self.folder.path().join(".hermes/.env")
    }

    fn content(&self) -> String {
        std::fs::read_to_string(self.dotenv()).unwrap()
    }

    fn env(&self) -> [(&'static str, String); 1] {
        [("HOME", self.folder.path().to_str().unwrap().to_owned())]
    }

    fn open(&self, args: &[&str]) -> Window {
        let env = self.env();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, &**value)).collect();
        Window::open(args, &env, None)
    }
}

fn old() -> String {
    Key::Stale("anthropic").text()
}

fn new() -> String {
    Key::New("anthropic").text()
}

const SET: [&str; 3] = ["set", "hermes/anthropic", "--no-test"];

/// No run of 8 characters of the key's random part was ever on the terminal.
#[track_caller]
fn hidden(window: &Window) {
    let raw = String::from_utf8_lossy(&window.raw);
    let key = new();
    let body = &key.as_bytes()["sk-ant-api03-".len()..];
    let shown = body.windows(8).find(|run| raw.contains(std::str::from_utf8(run).unwrap()));
    assert_eq!(shown, None);
}

/// The terminal echoes and reads lines, and takes pastes as they come.
#[track_caller]
fn restored(window: &Window) {
    let modes = tcgetattr(&window.master).unwrap();
    assert!(modes.local_modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    let raw = String::from_utf8_lossy(&window.raw);
    assert!(raw.rfind("\u{1b}[?2004h") < raw.rfind("\u{1b}[?2004l"));
}

#[test]
fn a_pasted_key_is_recognised_and_never_shown() {
    for args in [SET.to_vec(), [&SET[..], &["--stdin"]].concat()] {
        let home = Home::new();
        let mut window = home.open(&args);
        window.wait_for("Key for Anthropic, hidden:");
        window.send(&format!("\u{1b}[200~{}\n\u{1b}[201~", new()));
        window.wait_for("(108) anthropic");
        assert!(window.screen().contains("••••"));
        window.press("\r", "Write this? [y/N]");
        window.press("y\r", "now sends");
        assert_eq!(window.end().code(), Some(0));
        hidden(&window);
        restored(&window);
        assert_eq!(home.content(), format!("ANTHROPIC_API_KEY={}\n", new()));
    }
}

#[test]
fn a_typed_key_and_a_paste_without_brackets_are_never_shown() {
    let home = Home::new();
    let mut window = home.open(&SET);
    window.wait_for("hidden:");
    // What follows the line is not left for the shell, and is no answer to the question.
    window.send(&format!("{}\ry\r", new()));
    window.wait_for("Write this? [y/N]");
    window.press("n\r", "Nothing was written.");
    assert_eq!(window.end().code(), Some(1));
    hidden(&window);
    restored(&window);
    assert_eq!(home.content(), format!("ANTHROPIC_API_KEY={}\n", old()));
}

#[test]
fn it_can_be_left_at_any_time() {
    for (keys, code) in [("\u{3}", 130), ("\u{4}", 2)] {
        let home = Home::new();
        let mut window = home.open(&SET);
        window.wait_for("hidden:");
        window.send(keys);
        assert_eq!(window.end().code(), Some(code));
        restored(&window);
    }
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let home = Home::new();
        let mut window = home.open(&SET);
        window.wait_for("hidden:");
        window.send("sk-ant");
        window.wait_for("(6)");
        kill_process(window.pid(), signal).unwrap();
        assert_eq!(window.end().code(), Some(code));
        restored(&window);
    }
    let home = Home::new();
    let mut window = home.open(&SET);
    window.wait_for("hidden:");
    window.send("sk-ant");
    window.wait_for("(6)");
    assert_eq!(window.close().code(), Some(129));
}

#[test]
fn without_utf_8_and_on_a_dumb_terminal_it_is_hidden_too() {
    for (name, value) in [("LANG", "C"), ("TERM", "dumb")] {
        let home = Home::new();
        let place = home.env();
        let mut window = Window::open(&SET, &[("HOME", &place[0].1), (name, value)], None);
        window.wait_for("hidden:");
        window.send(&new());
        window.press("\r", "Write this? [y/N]");
        window.press("n\r", "Nothing was written.");
        assert_eq!(window.end().code(), Some(1));
        hidden(&window);
        if name == "LANG" {
            assert!(window.raw.is_ascii(), "{}", window.screen());
        } else {
            assert!(!window.raw.contains(&0x1b), "no escape sequence");
        }
    }
}

/// A company's key and an address that is not the company's: the question is asked before anything is sent.
#[test]
fn a_test_asks_before_a_key_goes_to_another_host() {
    use keymend::host::loopback::{Loopback, Reply, Request};
    let seen: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&seen);
    let refuses = move |_: &Request| {
        count.fetch_add(1, Ordering::SeqCst);
        Reply::json(401, r#"{"error":{"type":"authentication_error","message":"invalid x-api-key"}}"#)
    };
    let server = Loopback::start(refuses).unwrap();
    let host = keymend::provider::authority(&server.url()).unwrap().to_owned();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".claude")).unwrap();
    let settings =
        format!(r#"{{"env":{{"ANTHROPIC_BASE_URL":"{}","ANTHROPIC_API_KEY":"{}"}}}}"#, server.url(), new());
    std::fs::write(home.path().join(".claude/settings.json"), settings).unwrap();
    let consents = home.path().join(".local/state/keymend/consents.json");
    let env = [("HOME", home.path().to_str().unwrap())];
    let question = format!("Send this key to {host}, now and in later tests? [y/N]");
    for (answer, sends) in [("n", false), ("y", true)] {
        let mut window = Window::open(&["test", "claude-code/anthropic"], &env, None);
        window.wait_for(&question);
        assert_eq!(seen.load(Ordering::SeqCst), 0, "nothing is sent before the answer");
        window.send(&format!("{answer}\r"));
        assert_eq!(window.end().code(), Some(1));
        assert_eq!(seen.load(Ordering::SeqCst) > 0, sends, "{answer}: {}", window.screen());
        assert_eq!(consents.exists(), sends, "{answer}");
        hidden(&window);
    }
    // The yes is remembered.
    let mut window = Window::open(&["test", "claude-code/anthropic"], &env, None);
    assert_eq!(window.end().code(), Some(1));
    assert!(!window.screen().contains("[y/N]"), "{}", window.screen());
}

#[test]
fn where_standard_input_is_the_key_the_terminal_is_asked() {
    for (answer, code, key) in [("y", 0, new()), ("n", 1, old())] {
        let home = Home::new();
        let place = home.env();
        let line =
            format!("printf %s {} | {} {} --stdin", new(), env!("CARGO_BIN_EXE_keymend"), SET.join(" "));
        let mut window = Window::start("sh", &["-c", &line], &[("HOME", &place[0].1)], None);
        window.wait_for("Write this? [y/N]");
        window.send(&format!("{answer}\r"));
        assert_eq!(window.end().code(), Some(code));
        assert_eq!(home.content(), format!("ANTHROPIC_API_KEY={key}\n"));
    }
}

/// The wizard line by line: a new key from the list to the write and back, without a cursor that moves.
#[test]
fn line_by_line_a_key_is_entered_written_and_taken_back() {
    let home = Home::new();
    let mut window = home.open(&["--plain", "--offline"]);
    window.wait_for("1. Hermes Agent to anthropic, in use: sends");
    window.press("1\r", "p new key");
    window.press("p\r", "hidden:");
    window.send(&format!("\u{1b}[200~{}\n\u{1b}[201~", new()));
    window.wait_for("(108) anthropic");
    window.press("\r", "Write this? [y/N]");
    window.press("y\r", "now sends");
    assert_eq!(home.content(), format!("ANTHROPIC_API_KEY={}\n", new()));
    window.send("\r");
    window.press("z\r", "[y/N]");
    window.send("y\rq\r");
    assert_eq!(window.end().code(), Some(0));
    assert_eq!(home.content(), format!("ANTHROPIC_API_KEY={}\n", old()));
    hidden(&window);
    let raw = String::from_utf8_lossy(&window.raw);
    assert!(!raw.contains("\u{1b}[?1049h") && !raw.contains("\u{1b}[2J"), "no screen is drawn");
}
