//! A kill before, and an error at, every system call of a write: every target holds its old or its new bytes, the next
//! start makes all of them old or all of them new, no file that others can read holds the new key, nothing is left
//! behind. The write is that of one plan over a dotenv, JSON5, YAML and TOML file and a database cell.
//!
//! The first suite starts this test binary again under `strace -e inject`, the second the built program. Without strace
//! they say so. By default a spread sample of the system calls that change something is taken; `KEYMEND_FAULTS=all`
//! takes each of them.

#![allow(clippy::expect_used)]

#[path = "faults/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keymend::agents::{Agent, Context, Findings, Record};
use keymend::destination::{Destination, Neighbour, Set};
use keymend::host::RealWorld;
use keymend::host::journal::Journal;
use keymend::host::writer::{Action, MemoryKeyring, Writer};
use keymend::plan;
use keymend::provider::Catalogue;
use keymend::resolve::{Outcome, Slot};
use keymend::secret::Secret;
use keymend::source::{Cell, Dialect, Format, Place, Pointer};
use keymend::world::World as _;

/// Longer than the new one, so that a file written in place passes through a state with the tail of the old one.
const OLD: &str = "sk-FAKE-old-0123456789abcdef-and-more";
const NEW: &str = "sk-FAKE-new-fedcba9876543210";
/// Opening this path marks where the write begins in a trace.
const MARK: &str = "/keymend-fault-suite-begins";
/// System calls that change something.
const CHANGING: &[&str] = &[
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "ftruncate",
    "mkdir",
    "mkdirat",
    "openat",
    "linkat",
    "link",
    "rmdir",
];
const FILES: &[(&str, &str, u32)] = &[
    (".env", "# mine\nA=1\nKEY='@' # c\r\n", 0o644),
    ("conf.json5", "{\n  // mine\n  key: '@',\n}\n", 0o600),
    ("conf.yaml", "a: 1 # mine\nkey: \"@\"\n", 0o640),
    ("conf.toml", "[a] # mine\nkey = \"@\"\n", 0o600),
];

static AGENT: Agent = Agent {
    id: "lab",
    aliases: &[],
    name: "Lab",
    record: Record::Rules,
    versions: &[],
    looks: &[],
    scan: |_: &Context<'_>| Some(Findings::default()),
    destinations: |_, _| Vec::new(),
    switch: keymend::agents::no_switch,
    restart: |_, _| None,
};

fn cell(home: &Path) -> Cell {
    Cell {
        db: home.join("store.sqlite"),
        table: "t",
        key_column: "id",
        key: "a".to_owned(),
        value_column: "v",
        stamp_column: Some("at"),
    }
}

/// A second name of the dotenv file, which then cannot be replaced and is written in place.
const TWIN: &str = "twin";

fn lay_out(home: &Path, twin: bool) {
    for (name, text, mode) in FILES {
        fs::write(home.join(name), text.replace('@', OLD)).expect("write");
        fs::set_permissions(home.join(name), fs::Permissions::from_mode(*mode)).expect("mode");
    }
    if twin {
        fs::hard_link(home.join(".env"), home.join(TWIN)).expect("link");
    }
    let connection = rusqlite::Connection::open(home.join("store.sqlite")).expect("open");
    let row = format!("{{\"key\":\"{OLD}\"}}");
    connection
        .execute_batch("CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT NOT NULL, at INTEGER)")
        .and_then(|()| connection.execute("INSERT INTO t VALUES ('a', ?1, 1)", [row]))
        .expect("row");
    fs::set_permissions(home.join("store.sqlite"), fs::Permissions::from_mode(0o600)).expect("mode");
}

fn journal(home: &Path) -> Journal {
    Journal::at(home.join("state/keymend"))
}

/// What the program does: one plan, applied.
fn write(home: &Path) -> Result<(), String> {
    let field = |file: &str, format, steps: &[&str]| Place::Field {
        file: home.join(file),
        format,
        pointer: Pointer::new(steps.iter().copied()),
    };
    let along = |place| Neighbour { place, set: Set::Json(NEW.into()), why: "moves along".to_owned() };
    let destination = Destination {
        place: Place::Line {
            file: home.join(".env"),
            line: None,
            name: "KEY".to_owned(),
            dialect: Dialect::PythonDotenv,
        },
        effect: String::new(),
        neighbours: vec![
            along(field("conf.json5", Format::Json5, &["key"])),
            along(field("conf.yaml", Format::Yaml, &["key"])),
            along(field("conf.toml", Format::Toml, &["a", "key"])),
            along(Place::Cell { cell: cell(home), pointer: Pointer::new(["key"]) }),
        ],
    };
    let slot = Slot {
        agent: "lab",
        profile: "default".to_owned(),
        mode: None,
        provider: None,
        agent_provider: "lab".to_owned(),
        in_use: true,
        candidates: Vec::new(),
        active: None,
        outcome: Outcome::NotKnown { reason: String::new() },
        lints: Vec::new(),
    };
    let world = RealWorld::with(Some(home.to_owned()), home.to_owned(), BTreeMap::new(), Vec::new());
    let catalogue = Catalogue::default();
    let plan = plan::build(&world, &catalogue, &AGENT, &slot, &destination, &Secret::new(NEW))
        .map_err(|e| e.to_string())?;
    let _ = fs::File::open(MARK);
    let keyring = MemoryKeyring::default();
    let writer = Writer::new(journal(home), &keyring, world.now_ms());
    writer.apply(&Action::of(&plan, &Secret::new(NEW)), &plan.changes).map(drop).map_err(|e| e.to_string())
}

/// Run by the suite itself as the program under test; nothing to do otherwise.
#[test]
fn itself() {
    let Some(home) = std::env::var_os("KEYMEND_FAULT_HOME") else { return };
    let done = write(Path::new(&home));
    std::process::exit(i32::from(done.is_err()));
}

fn strace(home: &Path, options: &[&str]) -> Option<i32> {
    let program = std::env::current_exe().expect("program");
    let status = Command::new("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(program)
        .args(["--exact", "itself", "--test-threads=1"])
        .env("KEYMEND_FAULT_HOME", home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace");
    status.code()
}

/// Name and occurrence, in its thread as strace counts, of every system call that `counts` takes.
fn points(trace: &str, mut counts: impl FnMut(&str, &str) -> bool) -> Vec<(String, usize)> {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in trace.lines() {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let thread = &line[..line.len() - call.len()];
        let Some((name, rest)) = call.split_once('(') else { continue };
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let count = seen.entry((thread, name)).or_default();
        *count += 1;
        let point = (name.to_owned(), *count);
        if counts(name, rest) && !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// The last three points, where the write ends, and about `size` spread over all, others at each turn; all where that
/// is asked.
fn sample(points: &[(String, usize)], size: usize, turn: usize) -> impl Iterator<Item = &(String, usize)> {
    let all = std::env::var("KEYMEND_FAULTS").is_ok_and(|asked| asked == "all");
    let step = if all { 1 } else { points.len().div_ceil(size).max(1) };
    let taken = move |at: usize| at + 3 >= points.len() || at % step == turn % step;
    points.iter().enumerate().filter(move |(at, _)| taken(*at)).map(|(_, point)| point)
}

fn no_strace() -> bool {
    let none = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err();
    if none {
        eprintln!("skipped: no strace");
    }
    none
}

/// What every target holds: true for the new content, false for the old one.
fn contents(home: &Path) -> Vec<bool> {
    let is_new = |name: &str, now: &str, template: &str| {
        if now == template.replace('@', OLD) {
            return false;
        }
        let quoted = template.replace('@', NEW);
        assert_eq!(now, quoted, "{name} is neither old nor new");
        true
    };
    let mut all: Vec<bool> = FILES
        .iter()
        .map(|(name, template, _)| is_new(name, &fs::read_to_string(home.join(name)).expect(name), template))
        .collect();
    let connection = rusqlite::Connection::open(home.join("store.sqlite")).expect("open");
    let row: String =
        connection.query_row("SELECT v FROM t WHERE id = 'a'", [], |row| row.get(0)).expect("row");
    all.push(is_new("store.sqlite", &row, "{\"key\":\"@\"}"));
    all
}

fn every_file(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("list").flatten() {
        if entry.path().is_dir() {
            every_file(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

/// The state after a fault, before and after the next start. Returns whether the new key is there.
fn check(home: &Path, point: &str) -> bool {
    // What is written in place may be torn until the next start.
    if !home.join(TWIN).exists() {
        contents(home);
    }
    let mut files = Vec::new();
    every_file(home, &mut files);
    for file in files {
        let bytes = fs::read(&file).expect("read");
        let mode = fs::metadata(&file).expect("meta").permissions().mode();
        let leaks = bytes.windows(NEW.len()).any(|part| part == NEW.as_bytes()) && mode & 0o007 != 0;
        assert!(!leaks, "{point}: {} holds the new key and others can read it", file.display());
    }
    let keyring = MemoryKeyring::default();
    let writer = Writer::new(journal(home), &keyring, 1_800_000_000_000);
    let mut said = writer.settle();
    for action in writer.interrupted() {
        said.extend(writer.end(&action.id).expect("ended").notes);
    }
    let all = contents(home);
    assert!(all.iter().all(|new| *new == all[0]), "{point}: {all:?} after {said:?}");
    if home.join(TWIN).exists() {
        let both = [".env", TWIN].map(|name| fs::read(home.join(name)).expect("read"));
        assert!(both[0] == both[1], "{point}: the two names are two files now");
    }
    all[0]
}

fn leftovers(home: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    every_file(home, &mut files);
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".keymend-")));
    files
}

/// Runs the program once for each point, in a fresh home, with `inject` applied there.
fn suite<'p>(
    points: impl Iterator<Item = &'p (String, usize)>,
    inject: &str,
    twin: bool,
    finish: impl Fn(&Path, &str, Option<i32>),
) {
    for (name, count) in points {
        let home = tempfile::tempdir().expect("home");
        lay_out(home.path(), twin);
        let rule = format!("inject={name}:{inject}:when={count}");
        let only = format!("trace={name}");
        let code = strace(home.path(), &["-o", "/dev/null", "-e", &only, "-e", &rule]);
        finish(home.path(), &rule, code);
    }
}

#[test]
fn a_fault_at_any_system_call_leaves_old_or_new() {
    if no_strace() {
        return;
    }
    let home = tempfile::tempdir().expect("home");
    lay_out(home.path(), false);
    let trace = home.path().join("trace");
    let code = strace(home.path(), &["-o", &trace.to_string_lossy()]);
    assert_eq!(code, Some(0), "the undisturbed program writes");
    let trace = fs::read_to_string(&trace).expect("trace");
    fs::remove_file(home.path().join("trace")).expect("removed");
    assert!(check(home.path(), "undisturbed"));
    assert!(leftovers(home.path()).is_empty());

    let mut begun = false;
    let points = points(&trace, |name, rest| {
        let counts = begun && CHANGING.contains(&name);
        begun = begun || rest.contains(MARK);
        counts
    });
    assert!(points.len() > 40, "only {} points", points.len());
    let (new, runs) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    suite(sample(&points, 30, 0), "signal=KILL", false, |home, point, _| {
        runs.set(runs.get() + 1);
        new.set(new.get() + usize::from(check(home, point)));
        assert!(leftovers(home).is_empty(), "{point}: {:?}", leftovers(home));
    });
    eprintln!("killed before {} system calls: {} ended new, the others old", runs.get(), new.get());
    // A sample may hold none of the few points after the last file is in place.
    let every = runs.get() == points.len();
    assert!(new.get() < runs.get() && (new.get() > 0 || !every));

    for (turn, error) in [(1, "ENOSPC"), (2, "EIO")] {
        runs.set(0);
        suite(sample(&points, 30, turn), &format!("error={error}"), false, |home, point, code| {
            runs.set(runs.get() + 1);
            let new = check(home, point);
            assert_eq!(new, code == Some(0), "{point}: the program said {code:?}");
        });
        eprintln!("{error} at {} system calls: what the program said is what is there", runs.get());
    }

    let writes: Vec<(String, usize)> = points.into_iter().filter(|(name, _)| name == "write").collect();
    suite(sample(&writes, 10, 0), "retval=1", false, |home, point, code| {
        let new = check(home, point);
        assert_eq!(new, code == Some(0), "{point}: the program said {code:?}");
    });
    eprintln!("a disk that lies at up to {} writes is noticed", writes.len());
}

#[test]
fn a_fault_while_a_file_is_written_in_place_is_mended_from_the_backup() {
    if no_strace() {
        return;
    }
    let home = tempfile::tempdir().expect("home");
    lay_out(home.path(), true);
    let trace = home.path().join("trace");
    let code = strace(home.path(), &["-y", "-o", &trace.to_string_lossy()]);
    assert_eq!(code, Some(0), "the undisturbed program writes");
    let text = fs::read_to_string(&trace).expect("trace");
    fs::remove_file(&trace).expect("removed");
    assert!(check(home.path(), "undisturbed"));

    let file = home.path().join(".env").to_string_lossy().into_owned();
    let mut begun = false;
    // What touches the file itself and the journal's word that it is written in place.
    let points = points(&text, |name, rest| {
        let ours = rest.contains(&file) || rest.contains("manifest.json");
        let counts = begun && CHANGING.contains(&name) && ours;
        begun = begun || rest.contains(MARK);
        counts
    });
    assert!(
        points.iter().any(|(name, _)| name == "ftruncate"),
        "the file is not written in place: {points:?}"
    );
    suite(points.iter(), "signal=KILL", true, |home, point, _| {
        check(home, point);
        assert!(leftovers(home).is_empty(), "{point}: {:?}", leftovers(home));
    });
    for inject in ["error=ENOSPC", "error=EIO", "retval=1"] {
        let writes = |(name, _): &&(String, usize)| inject != "retval=1" || name == "write";
        suite(points.iter().filter(writes), inject, true, |home, point, code| {
            let new = check(home, point);
            assert_eq!(new, code == Some(0), "{point}: the program said {code:?}");
        });
    }
    eprintln!("faults at {} system calls of a write in place", points.len());
}
