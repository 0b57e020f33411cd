//! `prove` with an agent that starts programs of its own: whatever ends it, they end with it, and the copies of the keys
//! are gone. What a kill leaves, the next start removes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const CEILING: Duration = Duration::from_mins(1);

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A home for `llm` whose file with keys anybody may read, and a program of that name that ends with `last`.
    fn new(last: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder };
        for dir in ["home/.config/io.datasette.llm", "bin", "tmp", "work"] {
            std::fs::create_dir_all(bench.at(dir)).unwrap();
        }
        let keys = bench.at("home/.config/io.datasette.llm/keys.json");
        std::fs::write(&keys, "{\"openai\": \"sk-proj-FAKE000000000000000000000000000000000000\"}\n")
            .unwrap();
        std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
        let made = Command::new("mkfifo").arg(bench.at("ready")).status().unwrap();
        assert!(made.success());
        let root = bench.folder.path().display();
        let script = format!(
            "#!/bin/sh\n\
             sleep 600 & echo $! >> {root}/pids\n\
             setsid sleep 600 & echo $! >> {root}/pids\n\
             echo $$ >> {root}/pids\n\
             find \"$HOME/..\" -printf '%m %y %P\\n' > {root}/modes\n\
             echo > {root}/ready\n\
             {last}\n"
        );
        let program = bench.at("bin/llm");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keymend(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        command.args(args).env_clear().current_dir(self.at("work"));
        command.env("PATH", path).env("HOME", self.at("home")).env("TMPDIR", self.at("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the proof and waits until the agent has started all that it starts.
    fn start(&self) -> Child {
        let child = self.keymend(&["prove", "llm/openai", "--yes"]).spawn().unwrap();
        // Opens only when the agent writes to it.
        std::fs::File::open(self.at("ready")).unwrap().read_to_end(&mut Vec::new()).unwrap();
        child
    }

    fn running(&self) -> Vec<String> {
        let pids = std::fs::read_to_string(self.at("pids")).unwrap();
        assert_eq!(pids.lines().count(), 3, "{pids}");
        pids.lines().filter(|pid| is_running(pid)).map(ToOwned::to_owned).collect()
    }

    #[track_caller]
    fn nobody_runs(&self) {
        let end = Instant::now() + CEILING;
        while !self.running().is_empty() {
            assert!(Instant::now() < end, "still running: {:?}", self.running());
            std::thread::yield_now();
        }
    }

    fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.at("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// A program that ended and that nobody has waited for runs no more.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z') && !rest.starts_with('X'))
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

fn wait(child: Child) -> (ExitStatus, String) {
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_signal_ends_the_agent_with_all_it_started_and_removes_the_copies() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let bench = Bench::new("wait");
        let child = bench.start();
        signal(&child, sent);
        let (status, errors) = wait(child);
        assert_eq!((status.code(), errors.as_str()), (Some(code), ""), "{sent:?}");
        assert_eq!(bench.left(), Vec::<PathBuf>::new(), "{sent:?}");
        bench.nobody_runs();
    }
}

#[test]
fn an_agent_that_ends_by_itself_leaves_nothing_behind() {
    let bench = Bench::new("exit 0");
    let (status, errors) = wait(bench.start());
    assert_eq!((status.code(), errors.as_str()), (Some(1), ""), "it sent no request");
    assert_eq!(bench.left(), Vec::<PathBuf>::new());
    bench.nobody_runs();
}

#[test]
fn the_copies_are_for_this_user_alone() {
    let bench = Bench::new("exit 0");
    wait(bench.start());
    let modes = std::fs::read_to_string(bench.at("modes")).unwrap();
    assert!(modes.lines().any(|line| line == "700 d "), "{modes}");
    assert!(modes.contains("600 f home/.config/io.datasette.llm/keys.json"), "{modes}");
}

#[test]
fn what_a_kill_leaves_the_next_start_removes() {
    let bench = Bench::new("wait");
    let child = bench.start();
    let other = bench.at("tmp/keymend-prove-notours");
    std::fs::create_dir(&other).unwrap();
    signal(&child, Signal::KILL);
    child.wait_with_output().unwrap();
    assert_eq!((bench.left().len(), bench.running().len()), (2, 3), "a kill asks nobody");
    let looked = bench.keymend(&["status"]).output().unwrap();
    assert!(looked.status.success() && bench.left().len() == 2, "looking changes nothing");
    let output = bench.keymend(&["history"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(bench.left(), [other]);
    bench.nobody_runs();
}

#[test]
fn a_proof_that_runs_is_not_swept() {
    let bench = Bench::new("wait");
    let child = bench.start();
    assert!(bench.keymend(&["history"]).output().unwrap().status.success());
    assert_eq!((bench.left().len(), bench.running().len()), (1, 3));
    signal(&child, Signal::TERM);
    assert_eq!(wait(child).0.code(), Some(143));
}

#[test]
fn the_served_demo_goes_when_it_is_asked_to_and_when_its_input_closes() {
    let folder = tempfile::tempdir().unwrap();
    let serve = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(["demo", "--serve"]).env_clear().env("TMPDIR", folder.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 1];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        child
    };
    let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let child = serve();
        assert_eq!(left(folder.path()), 1);
        signal(&child, sent);
        // Its input is still open.
        let mut child = child;
        let input = child.stdin.take();
        assert_eq!(wait(child).0.code(), Some(code));
        drop(input);
        assert_eq!(left(folder.path()), 0, "{sent:?}");
    }
    let mut child = serve();
    drop(child.stdin.take());
    assert_eq!(wait(child).0.code(), Some(0));
    assert_eq!(left(folder.path()), 0);
}
