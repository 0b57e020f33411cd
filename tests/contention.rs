//! Two keymend processes and one agent that rewrites the same file, all at once: the agent never loses what it wrote,
//! the file is always whole, and each keymend ends with its write done or refused. `KEYMEND_ROUNDS` asks for more.
//!
//! Without a lock on the agent's side one moment remains: where the agent replaces the file between keymend's last look
//! and its swap, keymend swaps back, and for these few microseconds a reader finds the older file. Such glimpses are
//! counted and printed; the agent's update must be there again at once.

#![allow(clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use keymend::edit::{self, Edit, New, Spot, Syntax};
use keymend::host::journal::Journal;
use keymend::host::writer::{Action, ApplyError, MemoryKeyring, Writer};
use keymend::host::{files, real};
use keymend::plan::{Change, Content, Hash, Target};
use keymend::secret::Secret;
use keymend::source::{Format, Pointer};

fn rounds() -> usize {
    std::env::var("KEYMEND_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40)
}

fn edits(key: &str) -> (Syntax, Edit) {
    let spot = Spot::Field(Pointer::new(["key"]));
    (Syntax::Tree(Format::Json), Edit { spot, new: New::Key(Secret::new(key)) })
}

/// One keymend: reads, plans and writes again and again. A file that changed in between is refused and read again.
fn keymend(home: &Path, name: &str) {
    let path = home.join("store.json");
    let keyring = MemoryKeyring::default();
    let (mut written, mut refused, mut alone) = (0, 0, false);
    for round in 0.. {
        // Once the agent has ended one more write must come through.
        alone = alone || home.join("agent.done").exists();
        let writer = Writer::new(Journal::at(home.join("state")), &keyring, real::now_ms());
        let before = files::read(&path).expect("read").expect("there");
        let (syntax, edit) = edits(&format!("sk-FAKE-{name}-{round:08}-abcdefgh"));
        let after = edit::apply(syntax, Some(&before.0), &[edit]).expect("a whole document");
        let target = Target::File { path: path.clone(), real: path.clone(), mode: None, lock: None };
        let change = Change {
            target,
            before: Some(Hash::of(&before.0)),
            after: Some(Content(after)),
            touched: None,
            diff: Vec::new(),
            notes: Vec::new(),
        };
        match writer.apply(&Action::default(), &[change]) {
            Ok(_) if alone => break,
            Ok(_) => written += 1,
            // The other keymend's turn lasted too long, or the agent was faster.
            Err(ApplyError::Lock(_) | ApplyError::File(files::WriteError::Changed(_))) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    eprintln!("{name}: {written} written beside the agent, {refused} refused because the file had changed");
}

/// The agent: reads, counts up and replaces the file, as agents do, without any lock. It must always find its own
/// last count.
fn agent(home: &Path) {
    let path = home.join("store.json");
    let read = || -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(&path).expect("read")).expect("a whole document")
    };
    let looks = std::env::var("KEYMEND_LOOKS").ok().and_then(|looks| looks.parse().ok()).unwrap_or(3000);
    let mut glimpses = 0;
    // The update is there, or comes back within a few looks.
    let mut look = |count: usize| {
        for again in 0..10_000 {
            let document = read();
            if document["count"] == count {
                glimpses += usize::from(again > 0);
                return document;
            }
        }
        panic!("an update of the agent's was lost: {count}");
    };
    for round in 1..=rounds() {
        // Many looks for one write, so that the others come in between.
        let mut document = look(round - 1);
        for _ in 0..looks {
            document = look(round - 1);
        }
        document["count"] = round.into();
        let beside = home.join("agent.tmp");
        let mut file = fs::File::create(&beside).expect("create");
        file.write_all(serde_json::to_string_pretty(&document).expect("text").as_bytes()).expect("write");
        file.sync_all().expect("sync");
        fs::rename(&beside, &path).expect("rename");
    }
    eprintln!("agent: {} writes, {glimpses} glimpses of the file before it", rounds());
    fs::write(home.join("agent.done"), "").expect("done");
}

/// Run by the test itself as one of the three processes; nothing to do otherwise.
#[test]
fn process() {
    let Some(home) = std::env::var_os("KEYMEND_CONTENTION_HOME") else { return };
    match std::env::var("KEYMEND_CONTENTION_ROLE").as_deref() {
        Ok("agent") => agent(Path::new(&home)),
        Ok(name) => keymend(Path::new(&home), name),
        Err(_) => {}
    }
}

fn start(home: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().expect("program"))
        .args(["--exact", "process", "--test-threads=1", "--nocapture"])
        .env("KEYMEND_CONTENTION_HOME", home)
        .env("KEYMEND_CONTENTION_ROLE", role)
        .stdout(Stdio::null())
        .spawn()
        .expect("start")
}

#[test]
fn three_writers_lose_nothing_of_the_agents() {
    let home = tempfile::tempdir().expect("home");
    fs::write(home.path().join("store.json"), "{\n  \"count\": 0,\n  \"key\": \"old\"\n}").expect("write");
    let children: Vec<Child> = ["agent", "one", "two"].iter().map(|role| start(home.path(), role)).collect();
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    let text = fs::read_to_string(home.path().join("store.json")).expect("read");
    let document: serde_json::Value = serde_json::from_str(&text).expect("whole");
    assert_eq!(document["count"], rounds());
    let left = fs::read_dir(home.path()).expect("list").flatten();
    assert!(
        left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(files::TEMP_PREFIX))
    );
}
