//! The same over the built program: `keymend set … --stdin --yes --no-test` into a dotenv, JSON5, YAML and TOML file and
//! a row of a database (alone, and while its agent has it open), each as an agent really keeps it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{every_file, leftovers, no_strace, points, sample};

const OLD: &str = "sk-ant-api03-FAKE-old-0123456789abcdefghijklmnop";
const PROFILES: &str =
    r#"{"version":1,"profiles":{"anthropic:default":{"type":"api_key","provider":"anthropic","key":"@"}}}"#;

/// One destination: the slot, and the files of its home, where `@` is the key. The first file is the one that
/// is written, unless it is the row of the database.
struct Lab {
    name: &'static str,
    slot: &'static str,
    files: &'static [(&'static str, &'static str)],
    store: Option<&'static str>,
    /// The agent has its database open, so that what a kill leaves there is not swept up by the last to close it.
    open: bool,
}

const LABS: &[Lab] = &[
    Lab {
        name: "dotenv",
        slot: "hermes/anthropic",
        files: &[
            (".hermes/.env", "# mine\nANTHROPIC_API_KEY=@\nX=1\n"),
            (".hermes/config.yaml", "model:\n  provider: anthropic\n  default: claude-sonnet-5\n"),
        ],
        store: None,
        open: false,
    },
    Lab {
        name: "JSON5",
        slot: "openclaw/anthropic",
        files: &[(
            ".openclaw/openclaw.json",
            "{\n  // mine\n  agents: { defaults: { model: { primary: 'anthropic/claude-sonnet-5' } } },\n  models: { \
             providers: { anthropic: { baseUrl: 'https://api.anthropic.com', apiKey: '@', models: [] } } }, // k\n}\n",
        )],
        store: None,
        open: false,
    },
    Lab {
        name: "YAML",
        slot: "aider/anthropic",
        files: &[(".aider.conf.yml", "# mine\nmodel: claude-sonnet-5 # m\nanthropic-api-key: \"@\" # k\n")],
        store: None,
        open: false,
    },
    Lab {
        name: "TOML",
        slot: "codex/lab",
        files: &[(
            ".codex/config.toml",
            "# mine\nmodel = \"m\"\nmodel_provider = \"lab\"\n\n[model_providers.lab] # p\nname = \"Lab\"\nbase_url = \
             \"https://api.anthropic.com/v1\"\nexperimental_bearer_token = \"@\" # k\nwire_api = \"responses\"\n",
        )],
        store: None,
        open: false,
    },
    Lab {
        name: "SQLite",
        slot: "openclaw/anthropic",
        files: &[(
            ".openclaw/openclaw.json",
            "{ agents: { defaults: { model: { primary: 'anthropic/claude-sonnet-5' } } } }\n",
        )],
        store: Some(".openclaw/state/openclaw.sqlite"),
        open: false,
    },
    Lab {
        name: "SQLite, open",
        slot: "openclaw/anthropic",
        files: &[(
            ".openclaw/openclaw.json",
            "{ agents: { defaults: { model: { primary: 'anthropic/claude-sonnet-5' } } } }\n",
        )],
        store: Some(".openclaw/state/openclaw.sqlite"),
        open: true,
    },
];

fn new_key() -> String {
    format!(
        "sk-ant-api03-FAKE-new-{}AA",
        "fedcba9876543210zyxwvuts".repeat(4).get(..84).expect("long enough")
    )
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("folder")).expect("folder");
    fs::write(path, text).expect("write");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

impl Lab {
    fn lay_out(&self, home: &Path) {
        for (name, text) in self.files {
            put(&home.join(name), &text.replace('@', OLD), 0o644);
        }
        if self.slot.starts_with("openclaw/") {
            put(&home.join("oc/package.json"), r#"{"name":"openclaw","version":"2026.9.6"}"#, 0o644);
            put(&home.join("oc/openclaw.mjs"), "#!/bin/sh\n", 0o755);
            fs::create_dir(home.join("bin")).expect("folder");
            symlink("../oc/openclaw.mjs", home.join("bin/openclaw")).expect("link");
        }
        let Some(store) = self.store else { return };
        put(&home.join(store), "", 0o600);
        let db = rusqlite::Connection::open(home.join(store)).expect("open");
        db.execute_batch(
            "PRAGMA journal_mode=WAL;
             CREATE TABLE config_machine_state(state_key TEXT PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT;
             PRAGMA user_version=18;",
        )
        .expect("table");
        let profiles = PROFILES.replace('@', OLD);
        for (key, value) in
            [("auth.sharedStore", r#"{"location":"state-db"}"#), ("authProfiles.store", profiles.as_str())]
        {
            db.execute("INSERT INTO config_machine_state VALUES(?1, ?2, 1)", [key, value]).expect("row");
        }
    }

    /// What the destination holds.
    fn content(&self, home: &Path) -> String {
        let Some(store) = self.store else {
            return fs::read_to_string(home.join(self.files[0].0)).expect("a file");
        };
        let db = rusqlite::Connection::open(home.join(store)).expect("open");
        let row = "SELECT value_json FROM config_machine_state WHERE state_key = 'authProfiles.store'";
        db.query_row(row, [], |row| row.get(0)).expect("row")
    }

    fn set(&self, home: &Path, options: &[&str]) -> Option<i32> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "--seccomp-bpf"]).args(options).arg(env!("CARGO_BIN_EXE_keymend"));
        command.args(["set", self.slot, "--stdin", "--yes", "--no-test"]);
        let mut child = at_home(&mut command, home).stdin(Stdio::piped()).spawn().expect("strace");
        // A program that was killed early has not read it.
        let _ = child.stdin.take().expect("stdin").write_all(new_key().as_bytes());
        child.wait().expect("ended").code()
    }

    /// Whether the new key is there; neither old nor new is a failure, as is a key that others can read.
    fn is_new(&self, home: &Path, new: &str, point: &str) -> bool {
        let mut files = Vec::new();
        every_file(home, &mut files);
        for file in files {
            let bytes = fs::read(&file).expect("read");
            let mode = fs::metadata(&file).expect("meta").permissions().mode();
            let leaks = bytes.windows(108).any(|part| part == new_key().as_bytes()) && mode & 0o077 != 0;
            assert!(!leaks, "{point}: {} holds the new key and others can read it", file.display());
        }
        let now = self.content(home);
        assert!(now == new || now == self.old(), "{point}: {} is neither old nor new", self.name);
        now == new
    }

    fn old(&self) -> String {
        self.store.map_or(self.files[0].1, |_| PROFILES).replace('@', OLD)
    }

    /// The agent itself, which reads its database.
    fn agent(&self, home: &Path) -> Option<rusqlite::Connection> {
        let store = self.store.filter(|_| self.open)?;
        let db = rusqlite::Connection::open(home.join(store)).expect("open");
        let rows: i64 =
            db.query_row("SELECT count(*) FROM config_machine_state", [], |row| row.get(0)).expect("rows");
        assert_eq!(rows, 2);
        Some(db)
    }

    /// The rows of the database are whole, and the database says so itself.
    fn is_sound(&self, home: &Path, point: &str) {
        let Some(store) = self.store else { return };
        let db = rusqlite::Connection::open(home.join(store)).expect("open");
        let said: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("check");
        assert_eq!(said, "ok", "{point}");
        let row = "SELECT value_json FROM config_machine_state WHERE state_key = 'auth.sharedStore'";
        let other: String = db.query_row(row, [], |row| row.get(0)).expect("row");
        assert_eq!(other, r#"{"location":"state-db"}"#, "{point}: another row changed");
    }

    /// One fault, and the life after it: `status` starts, `undo` ends with the old bytes and nothing lying about.
    fn fault(&self, new: &str, point: &(String, usize), inject: &str) {
        let home = tempfile::tempdir().expect("home");
        let home = home.path();
        self.lay_out(home);
        let _agent = self.agent(home);
        let (name, count) = point;
        let rule = format!("inject={name}:{inject}:when={count}");
        let only = format!("trace={name}");
        let code = self.set(home, &["-o", "/dev/null", "-e", &only, "-e", &rule]);
        let point = format!("{} {rule} ended with {code:?}", self.name);
        let there = self.is_new(home, new, &point);
        if !inject.starts_with("signal") {
            assert_eq!(there, code == Some(0), "{point}: what it said is not what is there");
        }
        let status = keymend(home, &["status"]);
        assert!(matches!(status, Some(0 | 1)), "{point}: status ended with {status:?}");
        let undo = keymend(home, &["undo", "--yes"]);
        assert!(undo.is_some(), "{point}: undo was killed");
        assert!(!self.is_new(home, new, &point), "{point}: still new after undo, which ended with {undo:?}");
        self.is_sound(home, &point);
        assert!(leftovers(home).is_empty(), "{point}: {:?}", leftovers(home));
    }

    /// Traces the write once, then lets it fail at the points. Returns how many faults there were.
    fn suite(&self) -> usize {
        let home = tempfile::tempdir().expect("home");
        self.lay_out(home.path());
        let _agent = self.agent(home.path());
        let trace = home.path().with_extension("trace");
        let code = self.set(home.path(), &["-y", "-o", &trace.to_string_lossy()]);
        assert_eq!(code, Some(0), "{}: the undisturbed program writes", self.name);
        let text = fs::read_to_string(&trace).expect("trace");
        fs::remove_file(&trace).expect("removed");
        let new = self.content(home.path());
        assert!(new.contains(&new_key()), "{}: the new key is there", self.name);
        let points = points(&text, |name, line| writes_below(home.path(), name, line));
        assert!(points.len() > 15, "{}: only {} points", self.name, points.len());
        let injections = ["signal=KILL", "error=ENOSPC", "error=EIO"];
        let mut faults = 0;
        for (turn, inject) in injections.iter().enumerate() {
            for point in sample(&points, 7, turn) {
                self.fault(&new, point, inject);
                faults += 1;
            }
        }
        eprintln!("{}: {faults} faults at {} system calls that write", self.name, points.len());
        let Some(store) = self.store else { return faults };
        // A database is also locked, mapped and read within a write: killed before any call that touches it.
        let touching = super::points(&text, |_, line| line.contains(store));
        let mut kills = 0;
        for point in sample(&touching, 25, 0) {
            self.fault(&new, point, "signal=KILL");
            kills += 1;
        }
        eprintln!("{}: {kills} kills at {} system calls that touch the database", self.name, touching.len());
        faults + kills
    }
}

fn at_home<'c>(command: &'c mut Command, home: &Path) -> &'c mut Command {
    let path = format!("{}:/usr/bin:/bin", home.join("bin").display());
    let command = command.env_clear().env("HOME", home).env("PATH", path).current_dir(home);
    command.stdout(Stdio::null()).stderr(Stdio::null())
}

fn keymend(home: &Path, arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    at_home(command.args(arguments), home).stdin(Stdio::null()).status().expect("keymend").code()
}

/// Whether a traced call (with the paths of its descriptors) changes something below the home.
fn writes_below(home: &Path, name: &str, line: &str) -> bool {
    let opens = || ["O_CREAT", "O_WRONLY", "O_RDWR"].iter().any(|flag| line.contains(flag));
    super::CHANGING.contains(&name)
        && line.contains(&*home.to_string_lossy())
        && (name != "openat" || opens())
}

#[test]
fn a_fault_in_the_built_program_leaves_old_or_new_and_a_way_back() {
    if no_strace() {
        return;
    }
    let faults = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for lab in LABS {
            scope.spawn(|| faults.fetch_add(lab.suite(), Ordering::Relaxed));
        }
    });
    eprintln!("{} faults of the built program", faults.into_inner());
}
