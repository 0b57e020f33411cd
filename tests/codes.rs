//! The exit codes: what a script can rely on. Nobody sits at a terminal here.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use keymend::demo::Key;
use keymend::host::loopback::{Loopback, Reply, Request};

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hermes = folder.path().join(".hermes");
        std::fs::create_dir_all(hermes.join("profiles")).unwrap();
        let config = "model:\n  provider: anthropic\n  default: claude-sonnet-4-5\n";
        std::fs::write(hermes.join("config.yaml"), config).unwrap();
        let text = format!("ANTHROPIC_API_KEY={}\n", Key::Stale("anthropic").text());
        std::fs::write(hermes.join(".env"), text).unwrap();
        Self { folder }
    }

    fn dotenv(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(".hermes/.env")).unwrap()
    }

    /// The exit code and everything that was said, in a session without a terminal.
    fn run(&self, args: &[&str], input: &str) -> (i32, String) {
        self.run_with(args, input, &[])
    }

    fn run_with(&self, args: &[&str], input: &str, env: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_keymend")).args(args).env_clear();
        command.env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin").envs(env.iter().copied());
        command.current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end before it reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }
}

fn new() -> String {
    Key::New("anthropic").text()
}

/// A folder with more names than are looked at is one line at that folder, and no answer that looks whole.
#[test]
fn a_folder_that_is_cut_is_said_once() {
    let home = Home::new();
    let profiles = home.folder.path().join(".hermes/profiles");
    for n in 0..20_001 {
        std::fs::File::create(profiles.join(format!("{n}.no-profile"))).unwrap();
        if n == 19_999 {
            assert!(!home.run(&["status", "hermes"], "").1.contains("entries"));
        }
    }
    let (_, said) = home.run(&["status", "hermes"], "");
    let line = "~/.hermes/profiles has more than 20000 entries, and the others are not looked at";
    assert_eq!(said.matches("more than 20000").count(), 1, "{said}");
    assert!(said.contains(line), "{said}");
}

#[test]
fn where_nobody_can_be_asked_nothing_is_done_and_nothing_is_green() {
    let home = Home::new();
    let before = home.dotenv();
    let set = ["set", "hermes/anthropic", "--stdin", "--no-test"];
    let asked: [&[&str]; 2] = [&set, &["rotate", "hermes/anthropic", "--stdin", "--no-test"]];
    for args in asked {
        let (code, said) = home.run(args, &new());
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains("nobody could be asked") && said.contains("--yes"), "{said}");
        assert_eq!(home.dotenv(), before);
    }
    assert_eq!(home.run(&[&set[..], &["--yes"]].concat(), &new()).0, 0);
    let after = home.dotenv();
    assert_ne!(after, before);
    let asked: [&[&str]; 3] = [&["undo"], &["history", "--purge"], &["vault", "remove", "anthropic/work"]];
    for args in asked {
        let (code, said) = home.run(args, "");
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains("nobody could be asked") && said.contains("--yes"), "{said}");
        assert_eq!(home.dotenv(), after);
    }
    for args in asked {
        let (code, said) = home.run(args, "n\n");
        assert_eq!(code, 1, "a no is not what was asked for: {args:?}: {said}");
        assert!(said.contains("Nothing was "), "{said}");
        assert_eq!(home.dotenv(), after);
    }
    assert_eq!(home.run(&["undo", "--dry-run"], "").0, 0);
    assert_eq!(home.run(&["undo"], "y\n").0, 0);
    assert_eq!(home.dotenv(), before);
    let (code, said) = home.run(&["redo", "--yes"], "");
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_key_that_was_not_given_is_asked_for_by_name_of_the_option() {
    let home = Home::new();
    let without: [&[&str]; 4] = [
        &["set", "hermes/anthropic"],
        &["rotate", "hermes/anthropic"],
        &["test", "anthropic"],
        &["vault", "add", "anthropic/work"],
    ];
    for args in without {
        let (code, said) = home.run(args, "");
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains("no key was given") && said.contains("--stdin"), "{said}");
    }
}

#[test]
fn an_unknown_name_is_no_success_and_the_nearest_one_is_named() {
    let home = Home::new();
    let unknown: [(&[&str], &str); 15] = [
        (&["status", "hermse"], "did you mean hermes?"),
        (&["status", "hermse", "--json"], "did you mean hermes?"),
        (&["status", "hermes/antropic"], "did you mean hermes/anthropic?"),
        (&["status", "hermes/antropic", "--json"], "did you mean hermes/anthropic?"),
        (&["check", "hermes/antropic", "--offline"], "did you mean hermes/anthropic?"),
        (&["check", "hermse", "--offline"], "did you mean hermes?"),
        (&["explain", "hermes/antropic"], "did you mean hermes/anthropic?"),
        (&["explain", "hermes/anthropic", "--profile", "defualt"], "did you mean default?"),
        (&["test", "antropic", "--stdin"], "did you mean anthropic?"),
        (&["test", "hermse/anthropic"], "did you mean hermes/anthropic?"),
        (&["set", "hermse/anthropic", "--stdin"], "did you mean hermes/anthropic?"),
        (&["use", "hermes/anthropic", "nine"], "no candidate is called nine"),
        (&["rotate", "hermes/anthropic", "--candidate", "nine", "--dry-run"], "no candidate is called nine"),
        (&["prove", "hermse"], "did you mean hermes?"),
        (&["clean", "--stdin", "--provider", "antropic"], "did you mean anthropic?"),
    ];
    for (args, words) in unknown {
        let (code, said) = home.run(args, &new());
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    for args in [&["status", "--home", "/nowhere/at/all"][..], &["--home", "/etc/passwd", "history"]] {
        let (code, said) = home.run(args, "");
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("there is no such folder"), "{said}");
    }
}

#[test]
fn a_name_in_any_case_and_by_an_alias_is_the_same() {
    let home = Home::new();
    let (code, plain) = home.run(&["explain", "hermes/anthropic", "--salt", "s"], "");
    assert_eq!(code, 0);
    for name in ["Hermes/Anthropic", "HERMES/ANTHROPIC", "hermes-agent/anthropic", "Hermes Agent/claude"] {
        assert_eq!(home.run(&["explain", name, "--salt", "s"], ""), (0, plain.clone()), "{name}");
    }
    let (code, said) = home.run(&["status", "claude", "--json"], "");
    assert_eq!(code, 0);
    assert!(said.contains("\"claude-code\""), "{said}");
    let (code, said) = home.run(&["status", "anthropic"], "");
    assert_eq!(code, 0);
    assert!(said.contains("anthropic"), "{said}");
}

#[test]
fn a_rejected_key_is_a_problem() {
    let answer = |_: &Request| {
        Reply::json(
            401,
            "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"invalid x-api-key\"}}",
        )
    };
    let server = Loopback::start(answer).unwrap();
    let home = Home::new();
    let url = server.url();
    let (code, said) = home.run(&["test", "anthropic", "--stdin", "--base-url", &url], &new());
    assert_eq!(code, 1, "{said}");
    assert_eq!(home.run(&["clean", "--stdin"], "hello").0, 1);
    assert_eq!(home.run(&["clean", "--stdin"], &new()).0, 0);
}

#[test]
fn the_table_is_in_the_help_and_in_the_manual() {
    let home = Home::new();
    let (code, help) = home.run(&["--help"], "");
    assert_eq!(code, 0);
    let (_, manual) = home.run(&["man"], "");
    let manual = manual.replace("\\-", "-");
    for (code, meaning) in keymend::exit::CODES {
        // The help is wrapped.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&format!("{code} {meaning}")), "{help}");
        assert!(manual.contains(code) && manual.contains(meaning), "{manual}");
    }
    assert_eq!(home.run(&["--nonsense"], "").0, 2);
    assert_eq!(home.run(&["set"], "").0, 2);
    assert_eq!(home.run(&[], "").0, 2, "the wizard needs a terminal");
}

#[test]
fn without_utf_8_all_text_is_ascii() {
    let home = Home::new();
    let looks: [&[&str]; 4] = [
        &["status"],
        &["explain", "hermes/anthropic"],
        &["check", "--offline"],
        &["set", "hermes/anthropic", "--stdin", "--no-test", "--dry-run"],
    ];
    for args in looks {
        for locale in [("LANG", "C"), ("LC_ALL", "POSIX")] {
            let (_, said) = home.run_with(args, &new(), &[locale]);
            assert!(said.is_ascii() && !said.is_empty(), "{args:?}: {said}");
        }
        let (_, said) = home.run_with(args, &new(), &[("LANG", "C.UTF-8")]);
        assert!(!said.is_ascii(), "{args:?}: the check sees marks where they are: {said}");
    }
}
