use super::*;
use crate::host::RealWorld;

/// A person with this start-up file for every shell, or none if the shell is not installed.
fn answer(shell: Shell, mode: Mode, rc: &str) -> Option<Result<Answer, AskError>> {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".config/fish")).unwrap();
    for file in [".bashrc", ".bash_profile", ".zshrc", ".config/fish/config.fish"] {
        std::fs::write(home.path().join(file), rc).unwrap();
    }
    let world = RealWorld::new(Some(home.path().to_owned()));
    if world.executable(shell.name()).is_none() || world.executable("setsid").is_none() {
        println!("skipped: no {} or no setsid", shell.name());
        return None;
    }
    Some(super::shell(&world, shell, mode, Duration::from_secs(2)))
}

/// What survives the questions; the value that the shell would export must come back whatever else the file does.
#[track_caller]
fn exports(shell: Shell, rc: &str) {
    for mode in [Mode::TERMINAL, Mode::LOGIN] {
        let Some(found) = answer(shell, mode, rc) else { return };
        let found = found.unwrap_or_else(|error| panic!("{shell:?} {mode:?} {rc:?}: {error}"));
        assert!(found.get("K").is_some_and(|key| key.is("sk-FAKE-FROM-RC")), "{shell:?} {mode:?} {rc:?}");
        assert!(!found.contains_key("CARGO_MANIFEST_DIR"), "the environment is clean");
    }
}

#[test]
fn a_shell_answers_through_noise_traps_children_and_functions_named_env() {
    let set = "export K=sk-FAKE-FROM-RC\n";
    for shell in [Shell::Bash, Shell::Zsh] {
        for hostile in [
            "",
            "echo noise; echo more >&2; printf 'K=wrong\\0'\n",
            "sleep 300 &\n",
            "read answer\n",
            "env() { echo fooled; }\n",
            "alias env='echo fooled'\n",
            "trap 'echo bye; sleep 300' EXIT\n",
            "set -o noclobber\n",
            "case $- in *i*) ;; *) return;; esac\n",
        ] {
            exports(shell, &format!("{hostile}{set}"));
        }
    }
    // zsh refuses this without a terminal and reads no further; it then really exports nothing.
    exports(Shell::Bash, &format!("set -m; sleep 300 &\n{set}"));
    exports(Shell::Fish, "echo noise; sleep 300 &\nread answer\nset -gx K sk-FAKE-FROM-RC\n");
    exports(Shell::Fish, "if status is-interactive\n  set -gx K sk-FAKE-FROM-RC\nend\n");
}

#[test]
fn no_whole_answer_is_never_not_set() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        for (rc, timed_out) in [
            ("sleep 300\n", true),
            ("exec sleep 300\n", true),
            ("exit 0\n", false),
            ("exec /bin/true\n", false),
            ("echo noise >&9\n", false),
        ] {
            if shell == Shell::Fish && rc == "exit 0\n" {
                continue; // fish ends the file alone and answers
            }
            let Some(found) = answer(shell, Mode::TERMINAL, rc) else { continue };
            let name = shell.name().to_owned();
            let expected = if timed_out { AskError::TimedOut(name) } else { AskError::NoAnswer(name) };
            assert_eq!(found, Err(expected), "{shell:?} {rc:?}");
        }
    }
}

#[test]
fn what_a_shell_left_behind_is_ended() {
    let mark = format!("30{}", std::process::id());
    let _ = answer(Shell::Bash, Mode::TERMINAL, &format!("set -m; sleep {mark} &\nsleep {mark}\n"));
    let world = RealWorld::new(None);
    let left: Vec<_> =
        world.processes("sleep").into_iter().filter(|process| process.args.contains(&mark)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_inherited_value_does_not_come_back() {
    let Some(found) = answer(Shell::Bash, Mode::TERMINAL, "export K=\"${CARGO_MANIFEST_DIR:-none}\"\n")
    else {
        return;
    };
    assert!(found.unwrap()["K"].is("none"));
}

#[test]
fn a_cut_or_unmarked_answer_is_none() {
    assert!(between_marks(b"KEYMEND_ASK=begin\0A=1\0").is_none());
    assert!(between_marks(b"A=1\0KEYMEND_ASK=end\0").is_none());
    assert!(between_marks(b"").is_none());
    let found = between_marks(b"KEYMEND_ASK=begin\0A=1\nB=2\0KEYMEND_ASK=end\0").unwrap();
    assert!(found.len() == 1 && found["A"].is("1\nB=2"));
}

#[test]
fn systemd_quotes_are_undone() {
    let found = from_systemd(b"A=plain\nB=$'with space and \\'quote\\''\nnonsense\n");
    assert!(found["A"].is("plain") && found["B"].is("with space and 'quote'"));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_real_tmux_server_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let base = RealWorld::new(None);
    let Some(program) = base.executable("tmux") else {
        println!("skipped: no tmux");
        return;
    };
    let mut world = crate::world::MemoryWorld::new("/nowhere")
        .with_var("TMUX_TMPDIR", &folder.path().display().to_string());
    world.executables.insert("tmux".to_owned(), program.clone());
    let names = ["K", "LIAR", "GONE", "NOT"].map(str::to_owned);
    assert_eq!(tmux(&world, &names, PATIENCE), Err(AskError::NoAnswer("tmux".to_owned())));
    let client = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.env_remove("TMUX").env("TMUX_TMPDIR", folder.path()).args(args);
        assert!(command.status().unwrap().success(), "{args:?}");
    };
    client(&["-f", "/dev/null", "new-session", "-d", "/bin/sleep 60"]);
    client(&["set-environment", "-g", "K", "sk-FAKE-IN-TMUX"]);
    client(&["set-environment", "-g", "MANY", "first\nLIAR=second"]);
    client(&["set-environment", "-gr", "GONE"]);
    let found = tmux(&world, &names, PATIENCE);
    client(&["kill-server"]);
    let found = found.unwrap();
    assert!(found["K"].is("sk-FAKE-IN-TMUX"));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["K"]);
}
