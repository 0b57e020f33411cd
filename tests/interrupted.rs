//! An interrupted write: nothing ends it before a yes, in scripts and in the wizard, and what reads only mentions it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[allow(dead_code)]
#[path = "terminal/pty.rs"]
mod pty;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use keymend::host::journal::{Journal, State};
use pty::Pty;

const OLD: &str = "sk-ant-api03-FAKE-old-q8Zt2mPx7Lw4Rv9Ks3Nd6Hb1Yc5Jf0";
const OTHER: &str = "OTHER_SECRET=pX9-not-to-be-shown-4471\n";

fn key(word: &str) -> String {
    format!("sk-ant-api03-FAKE-{word}-{}AA", &"fedcba9876543210zyxwvuts".repeat(4)[..84])
}

struct Lab {
    dir: tempfile::TempDir,
    /// The action that was interrupted.
    id: String,
}

impl Lab {
    /// A home in which a rotation over two files was killed after the first.
    fn new() -> Self {
        let mut lab = Self { dir: tempfile::tempdir().unwrap(), id: String::new() };
        for (name, text) in [
            (".hermes/.env", format!("{OTHER}ANTHROPIC_API_KEY={OLD}\n")),
            (".hermes/config.yaml", "model:\n  provider: anthropic\n  default: claude-sonnet-5\n".to_owned()),
            (".aider.conf.yml", format!("anthropic-api-key: \"{OLD}\"\n")),
        ] {
            let path = lab.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let old = lab.texts();
        let rotate = ["rotate", "hermes/anthropic", "--stdin", "--yes", "--no-test", "--insist"];
        let (code, all) = lab.run(&rotate, &key("new"));
        assert_eq!(code, Some(0), "{all}");
        let journal = Journal::at(lab.path(".local/state/keymend"));
        let mut action = journal.history().0.remove(0);
        assert_eq!(action.items.len(), 2, "{all}");
        journal.mark(&mut action, State::Planned).unwrap();
        fs::write(lab.path(".aider.conf.yml"), &old[1]).unwrap();
        lab.id = action.id;
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn texts(&self) -> [String; 2] {
        [".hermes/.env", ".aider.conf.yml"].map(|name| fs::read_to_string(self.path(name)).unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(arguments).env_clear().env("HOME", self.dir.path()).env("PATH", "/usr/bin:/bin");
        command.current_dir(self.dir.path());
        command
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> (Option<i32>, String) {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = text(&output.stdout) + &text(&output.stderr);
        assert!(
            !all.contains("not-to-be-shown") && !all.contains(OLD) && !all.contains(&key("new")),
            "{all}"
        );
        (output.status.code(), all)
    }

    fn state(&self) -> State {
        Journal::at(self.path(".local/state/keymend")).read(&self.id).unwrap().state
    }

    fn is_ended(&self) -> bool {
        self.texts().iter().all(|text| text.contains(OLD)) && self.state() == State::RolledBack
    }
}

const SET: [&str; 4] = ["set", "hermes/anthropic", "--stdin", "--no-test"];

#[test]
fn what_reads_only_mentions_it() {
    let lab = Lab::new();
    let before = lab.texts();
    let commands: [&[&str]; 7] = [
        &["status", "hermes"],
        &["status", "--json"],
        &["check", "hermes", "--offline"],
        &["explain", "hermes/anthropic"],
        &["history"],
        &["undo", "--dry-run"],
        &["set", "hermes/anthropic", "--stdin", "--dry-run", "--no-test"],
    ];
    for command in commands {
        let (_, all) = lab.run(command, &key("two"));
        assert!(
            all.contains("was interrupted") && all.contains(&format!("keymend undo {}", lab.id)),
            "{all}"
        );
        assert_eq!((lab.texts(), lab.state()), (before.clone(), State::Planned), "{command:?}: {all}");
    }
}

#[test]
fn where_nobody_can_be_asked_nothing_is_written_and_the_way_is_named() {
    let lab = Lab::new();
    let before = lab.texts();
    let commands: [(&[&str], &str); 4] = [
        (&SET, &key("two")),
        (&["set", "hermes/anthropic", "--stdin", "--no-test", "--json"], &key("two")),
        (&["use", "hermes/anthropic", "1"], ""),
        (&["undo", "20200101-000000-001"], ""),
    ];
    for (command, stdin) in commands {
        let (code, all) = lab.run(command, stdin);
        assert_eq!(code, Some(2), "{command:?}: {all}");
        assert!(all.contains("--yes") && all.contains(&format!("keymend undo {}", lab.id)), "{all}");
        assert!(
            all.contains("- ANTHROPIC_API_KEY=") && all.contains("+ ANTHROPIC_API_KEY="),
            "the difference: {all}"
        );
        assert_eq!((lab.texts(), lab.state()), (before.clone(), State::Planned), "{command:?}: {all}");
    }
}

#[test]
fn a_no_writes_nothing_and_a_yes_ends_it() {
    let lab = Lab::new();
    let before = lab.texts();
    let (code, all) = lab.run(&["use", "hermes/anthropic", "1"], "n\n");
    assert_eq!(code, Some(1), "{all}");
    assert!(all.contains("Nothing was written"), "{all}");
    assert_eq!((lab.texts(), lab.state()), (before, State::Planned));
    let (_, all) = lab.run(&["use", "hermes/anthropic", "1"], "y\n");
    assert!(lab.is_ended(), "{all}");
}

#[test]
fn a_script_that_agrees_ends_it_and_goes_on() {
    let lab = Lab::new();
    let (code, all) = lab.run(&[&SET[..], &["--yes"]].concat(), &key("two"));
    assert_eq!(code, Some(0), "{all}");
    assert_eq!(lab.state(), State::RolledBack, "{all}");
    assert!(lab.texts()[0].contains(&key("two")) && lab.texts()[1].contains(OLD), "{all}");
}

#[test]
fn an_undo_without_a_name_means_the_interrupted_write_and_no_other() {
    let lab = Lab::new();
    let (_, all) = lab.run(&["undo"], "");
    assert_eq!(lab.state(), State::Planned, "{all}");
    let (code, all) = lab.run(&["undo", "--yes"], "");
    assert_eq!(code, Some(0), "{all}");
    assert!(lab.is_ended() && all.contains("as it was before"), "{all}");
    let (code, all) = lab.run(&["undo", "--yes"], "");
    assert_eq!(code, Some(2), "{all}");
}

#[test]
fn the_wizard_asks_at_its_start() {
    let lab = Lab::new();
    let before = lab.texts();
    let home = lab.dir.path().to_string_lossy().into_owned();
    let start =
        || Pty::start_in(Some(lab.dir.path()), &[], &[("HOME", &home), ("PATH", "/usr/bin:/bin")], (100, 30));
    let mut pty = start();
    let screen = pty.wait_for("decide later");
    assert!(screen.contains("An interrupted write") && screen.contains("ANTHROPIC_API_KEY"), "{screen}");
    assert!(!screen.contains("not-to-be-shown") && !screen.contains(OLD), "{screen}");
    assert_eq!((lab.texts(), lab.state()), (before, State::Planned));
    // Later is allowed, and the history asks again.
    pty.press("\u{1b}", "anthropic");
    pty.press("H", "interrupted");
    drop(pty);
    let mut pty = start();
    pty.wait_for("decide later");
    pty.press("y", "Put back");
    assert!(lab.is_ended());
}
