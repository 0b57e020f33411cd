//! Nobody else's files act through keymend: root over another person's home becomes that person, and what a home's
//! journal says is input. The built program is run as root over homes of another user, whose journals name root's files
//! in every way; root's files must stay unread and unchanged. Needs root, and says so where it is not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    missing_docs
)]

#[allow(dead_code)]
#[path = "terminal/pty.rs"]
mod pty;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keymend::plan::Hash;
use pty::Pty;
use serde_json::{Value as Json, json};

/// A user that no system knows.
const UID: u32 = 61_234;
const OLD: &str = "sk-ant-api03-FAKE-old-q8Zt2mPx7Lw4Rv9Ks3Nd6Hb1Yc5Jf0";
const SECRET: &str = "root-only: sk-FAKE-root-0123456789abcdef";
const ID: &str = "20260101-000000-001";

fn new_key() -> String {
    format!("sk-ant-api03-FAKE-new-{}AA", &"fedcba9876543210zyxwvuts".repeat(4)[..84])
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: not root, so no home of another user can be made");
    }
    root
}

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    /// A folder that everybody may pass, with root's own folder in it and a home of another user.
    fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().unwrap() };
        fs::set_permissions(lab.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        lab.root_file("secret", SECRET, 0o600);
        lab.put(".hermes/.env", &format!("# mine\nANTHROPIC_API_KEY={OLD}\nX=1\n"), 0o600);
        lab.put(".hermes/config.yaml", "model:\n  provider: anthropic\n  default: claude-sonnet-5\n", 0o600);
        lab
    }

    /// Canonical, as the journal has to name it.
    fn base(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    fn home(&self) -> PathBuf {
        self.base().join("home")
    }

    /// A file in a folder of root's own.
    fn root_file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.base().join("root").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(self.base().join("root"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A file in the home, all of it the other user's.
    fn put(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        give(&self.home());
        path
    }

    /// An action in the home's journal with this one item.
    fn plant(&self, state: &str, item: &Json, backup: &str) {
        let folder = ".local/state/keymend/actions";
        let now = keymend::host::real::now_ms();
        let manifest = json!({"schema": 1, "id": ID, "state": state, "title": "set hermes/anthropic", "undoes": null,
            "old": null, "new": null, "at_ms": now, "items": [item]});
        self.put(&format!("{folder}/{ID}/0.bak"), backup, 0o600);
        self.put(&format!("{folder}/{ID}/manifest.json"), &manifest.to_string(), 0o600);
        for name in [".local/state/keymend", folder, &format!("{folder}/{ID}")] {
            fs::set_permissions(self.home().join(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Ran {
        let home = self.home();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.arg("--home").arg(&home).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.base().join("root")).envs(env.iter().copied());
        Ran::of(command.current_dir(self.base()))
    }

    /// As the owner of the home, in a session of that user's own.
    fn run_as_owner(&self, arguments: &[&str]) -> Option<Ran> {
        let id = UID.to_string();
        // A folder above the program may be closed to that user.
        let program = self.base().join("keymend");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_keymend"), &program).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(program).args(arguments);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.home()).current_dir(self.home());
        if Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: no setpriv");
            return None;
        }
        Some(Ran::of(&mut command))
    }

    /// Everything of root's, with its mode, owner and time of change.
    fn of_root(&self) -> Vec<(PathBuf, u32, u32, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.base().join("root"), &mut |path, meta| {
            let text = if meta.is_file() { fs::read(path).unwrap() } else { Vec::new() };
            found.push((path.to_owned(), meta.mode(), meta.uid(), text));
        });
        found.sort();
        found
    }

    /// Nothing in the home holds root's secret, and nothing there belongs to anybody but its owner.
    #[track_caller]
    fn assert_home_is_its_owners(&self, what: &str) {
        walk(&self.home(), &mut |path, meta| {
            assert_eq!(meta.uid(), UID, "{what}: {} belongs to {}", path.display(), meta.uid());
            let holds = meta.is_file() && String::from_utf8_lossy(&fs::read(path).unwrap()).contains(SECRET);
            assert!(!holds, "{what}: root's file was copied to {}", path.display());
        });
    }
}

fn walk(folder: &Path, seen: &mut dyn FnMut(&Path, &fs::Metadata)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let meta = fs::symlink_metadata(entry.path()).unwrap();
        seen(&entry.path(), &meta);
        if meta.is_dir() {
            walk(&entry.path(), seen);
        }
    }
}

fn give(path: &Path) {
    chown(path, Some(UID), Some(UID)).unwrap();
    walk(path, &mut |path, _| std::os::unix::fs::lchown(path, Some(UID), Some(UID)).unwrap());
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that takes no key does not read it.
        let _ = child.stdin.take().unwrap().write_all(new_key().as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn all(&self) -> String {
        format!("{:?}\n{}\n{}", self.code, self.out, self.err)
    }
}

const SET: [&str; 5] = ["set", "hermes/anthropic", "--stdin", "--yes", "--no-test"];

/// The ways in which a journal can name what is not its own; `@` is the folder of the lab, `#` the hash of the backup.
fn hostile() -> Vec<(&'static str, &'static str, Json)> {
    let file = |path: &str, real: &str, lock: &Json| json!({"kind": "file", "path": path, "real": real, "lock": lock});
    let env = "@/home/.hermes/.env";
    let own = || file(env, env, &json!(null));
    let item = |place: Json, more: Json| {
        let mut item =
            json!({"place": place, "before": "#", "after": "x", "backup": "0.bak", "in_place": true});
        for (name, value) in more.as_object().unwrap() {
            item[name] = value.clone();
        }
        item
    };
    let none = || json!({});
    let mut all = Vec::new();
    for state in ["planned", "written", "stuck"] {
        all.extend([
            ("real is root's", state, item(file(env, "@/root/secret", &json!(null)), none())),
            ("both are root's", state, item(file("@/root/secret", "@/root/secret", &json!(null)), none())),
            ("a new file of root's", state, item(file(env, "@/root/new", &json!(null)), none())),
            ("a link to root's", state, item(file("@/home/link", "@/home/link", &json!(null)), none())),
            (
                "dots",
                state,
                item(file("@/home/../root/secret", "@/home/../root/secret", &json!(null)), none()),
            ),
            ("a system's file", state, item(file("/etc/hostname", "/etc/hostname", &json!(null)), none())),
            (
                "a backup elsewhere",
                state,
                item(own(), json!({"backup": "../../../../../../../root/secret", "before": "$"})),
            ),
            ("a linked backup", state, item(own(), json!({"before": "$"}))),
            ("an exclusive lock", state, item(file(env, env, &json!({"exclusive": "@/root/lock"})), none())),
            ("a flock", state, item(file(env, env, &json!({"flock": "@/root/secret"})), none())),
            (
                "a mode",
                state,
                item(
                    file("@/root/tool", "@/root/tool", &json!(null)),
                    json!({"tightened": [0o4755, 0o755], "before": "%"}),
                ),
            ),
            (
                "a mode of a link",
                state,
                item(
                    file("@/home/link", "@/root/secret", &json!(null)),
                    json!({"tightened": [0o4777, 0o600], "before": "$"}),
                ),
            ),
            ("folders", state, item(own(), json!({"made": ["@/root/empty"]}))),
            (
                "a database",
                state,
                item(
                    json!({"kind": "cell", "db": "@/root/db.sqlite", "table": "t", "key_column": "k",
                "key": "a", "value_column": "v", "stamp_column": null}),
                    none(),
                ),
            ),
        ]);
    }
    all
}

fn hostile_lab(item: &Json, state: &str, what: &str) -> Lab {
    let lab = Lab::new();
    let tool = "#!/bin/sh\n";
    lab.root_file("tool", tool, 0o755);
    lab.root_file("lock", r#"{"pid":1,"createdAt":"2020-01-01T00:00:00.000Z"}"#, 0o600);
    let db = lab.root_file("db.sqlite", "", 0o600);
    let connection = rusqlite::Connection::open(db).unwrap();
    connection.execute_batch("CREATE TABLE t (k TEXT, v TEXT); INSERT INTO t VALUES ('a', 'root')").unwrap();
    drop(connection);
    fs::create_dir(lab.base().join("root/empty")).unwrap();
    symlink(lab.base().join("root/secret"), lab.home().join("link")).unwrap();
    let backup = "bob's bytes\n";
    let text = item.to_string();
    let text = text.replace('@', &lab.base().to_string_lossy());
    let hash = |of: &str| Hash::of(of.as_bytes()).to_string();
    let text = text.replace("\"#\"", &format!("{:?}", hash(backup)));
    let text = text.replace("\"$\"", &format!("{:?}", hash(SECRET)));
    let text = text.replace("\"%\"", &format!("{:?}", hash(tool)));
    lab.plant(state, &serde_json::from_str(&text).unwrap(), backup);
    if what == "a linked backup" {
        let file = lab.home().join(format!(".local/state/keymend/actions/{ID}/0.bak"));
        fs::remove_file(&file).unwrap();
        symlink(lab.base().join("root/secret"), &file).unwrap();
    }
    give(&lab.home());
    lab
}

#[test]
fn a_hostile_journal_does_nothing_with_roots_rights() {
    if !is_root() {
        return;
    }
    let commands: [&[&str]; 6] = [
        &["history"],
        &SET,
        &["undo", "--yes"],
        &["undo", ID, "--yes", "--whole"],
        &["redo", ID, "--yes"],
        &["history", "--purge", "--yes"],
    ];
    let mut runs = 0;
    for (what, state, item) in hostile() {
        let lab = hostile_lab(&item, state, what);
        let before = lab.of_root();
        for command in commands {
            let ran = lab.run(command);
            let what = format!("{what} ({state}), {command:?}: {}", ran.all());
            assert_eq!(lab.of_root(), before, "{what}");
            assert!(!ran.all().contains("root-only"), "{what}");
            lab.assert_home_is_its_owners(&what);
            if command == ["history"] {
                let lines: Vec<&str> = ran.out.lines().filter(|line| line.contains(ID)).collect();
                assert!(lines.len() == 1 && lines[0].contains("is not used"), "{what}");
            }
            if command == SET {
                assert_eq!(ran.code, Some(0), "{what}");
                let env = fs::read_to_string(lab.home().join(".hermes/.env")).unwrap();
                assert!(env.contains(&new_key()), "{what}: a bad entry keeps nobody from writing");
            }
            runs += 1;
        }
    }
    println!("{runs} runs over {} hostile journals", hostile().len());
}

#[test]
fn the_same_journals_do_nothing_at_the_wizards_start() {
    if !is_root() {
        return;
    }
    for (what, state, item) in hostile().into_iter().filter(|(_, state, _)| *state == "planned") {
        let lab = hostile_lab(&item, state, what);
        let before = lab.of_root();
        let (home, root) = (lab.home(), lab.base().join("root"));
        let env = [("HOME", root.to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
        let mut pty = Pty::start_in(Some(&lab.base()), &["--home", home.to_str().unwrap()], &env, (100, 30));
        pty.wait_for("anthropic");
        // The history is read after the start's own look at the journal.
        let screen = pty.press("H", "not used");
        pty.send("q");
        assert_eq!(lab.of_root(), before, "{what}: {screen}");
        lab.assert_home_is_its_owners(what);
    }
}

#[test]
fn another_users_entry_does_nothing_in_roots_own_home() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let env = lab.home().join(".hermes/.env");
    let text = fs::read_to_string(&env).unwrap();
    let backup = "ANTHROPIC_API_KEY=planted\n";
    let item = json!({"place": {"kind": "file", "path": env, "real": env, "lock": null}, "in_place": true,
        "before": Hash::of(backup.as_bytes()).to_string(), "after": Hash::of(text.as_bytes()).to_string(), "backup": "0.bak"});
    lab.plant("planned", &item, backup);
    // The home, its files and its journal are root's; the one entry is not.
    let entry = lab.home().join(format!(".local/state/keymend/actions/{ID}"));
    chown(lab.home(), Some(0), Some(0)).unwrap();
    walk(&lab.home(), &mut |path, _| {
        if !path.starts_with(&entry) {
            std::os::unix::fs::lchown(path, Some(0), Some(0)).unwrap();
        }
    });
    for command in [&["history"][..], &["undo", "--yes"], &["undo", ID, "--yes", "--whole"]] {
        let ran = lab.run(command);
        assert_eq!(fs::read_to_string(&env).unwrap(), text, "{}", ran.all());
    }
    let history = lab.run(&["history"]);
    assert!(history.out.contains("belongs to user id 61234"), "{}", history.all());
    // A whole journal of somebody else is not written into either.
    give(&lab.home().join(".local"));
    let set = lab.run(&SET);
    assert_eq!(set.code, Some(2), "{}", set.all());
    assert!(set.err.contains("belongs to user id 61234"), "{}", set.all());
    assert_eq!(fs::read_to_string(&env).unwrap(), text);
}

#[test]
fn what_root_writes_in_a_home_is_the_owners_who_can_take_it_back() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let before = fs::read_to_string(lab.home().join(".hermes/.env")).unwrap();
    let ran = lab.run(&SET);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    lab.assert_home_is_its_owners("set");
    let Some(undo) = lab.run_as_owner(&["undo", "--yes"]) else { return };
    assert_eq!(undo.code, Some(0), "{}", undo.all());
    assert_eq!(fs::read_to_string(lab.home().join(".hermes/.env")).unwrap(), before);
    // And the other way round: by HOME instead of --home.
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args(SET).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", lab.home()).current_dir("/");
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    lab.assert_home_is_its_owners("set by HOME");
}

#[test]
fn variables_of_root_do_not_lead_back_to_roots_folders() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let root = lab.base().join("root");
    let config = "[provider]\n";
    lab.root_file("config/keymend/providers/evil.toml", config, 0o644);
    let before = lab.of_root();
    let path = |name: &str| root.join(name).to_string_lossy().into_owned();
    let (state, config, temporary, hermes) = (path("state"), path("config"), path("tmp"), path(".hermes"));
    let env = [
        ("XDG_STATE_HOME", state.as_str()),
        ("XDG_CONFIG_HOME", &config),
        ("TMPDIR", &temporary),
        ("HERMES_HOME", &hermes),
        ("KEPT", "value"),
    ];
    let ran = lab.run_with(&SET, &env);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(lab.of_root(), before, "{}", ran.all());
    let said: Vec<&str> = ran.err.lines().filter(|line| line.contains("acts as")).collect();
    assert_eq!(said.len(), 1, "{}", ran.all());
    for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR", "HERMES_HOME"] {
        assert!(said[0].contains(name), "{}", said[0]);
    }
    assert!(!said[0].contains("KEPT"), "{}", said[0]);
    lab.assert_home_is_its_owners("set");
    assert!(lab.home().join(".local/state/keymend/actions").is_dir());
}

#[test]
fn keys_of_roots_environment_decide_nothing_in_another_home() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    lab.put(".hermes/.env", "", 0o600);
    let key = new_key();
    let ran =
        lab.run_with(&["status", "hermes", "--json"], &[("ANTHROPIC_API_KEY", &key), ("TERM", "xterm")]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let found: Json = serde_json::from_str(&ran.out).unwrap();
    let slots = found["slots"].as_array().unwrap();
    assert!(slots.iter().all(|slot| slot["sends"]["outcome"] != "sends"), "{found}");
    assert!(!ran.out.contains("environment"), "no row of a variable: {found}");
    assert!(ran.err.contains("another home") && ran.err.contains("ANTHROPIC_API_KEY"), "{}", ran.err);
    // The owner's own shell, over which root runs keymend with the same HOME, is the home's.
    let home = lab.home();
    let own = lab.run_with(
        &["status", "hermes", "--json"],
        &[("ANTHROPIC_API_KEY", &key), ("HOME", home.to_str().unwrap())],
    );
    assert!(own.out.contains(r#""outcome":"sends""#), "{}", own.all());
}

#[test]
fn a_state_folder_that_leads_to_roots_own_is_refused() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    lab.root_file("state/keymend/lock", "", 0o600);
    fs::create_dir_all(lab.home().join(".local")).unwrap();
    symlink(lab.base().join("root/state"), lab.home().join(".local/state")).unwrap();
    give(&lab.home());
    let before = lab.of_root();
    for command in [&["history"][..], &SET, &["undo", "--yes"], &["history", "--purge", "--yes"]] {
        let ran = lab.run(command);
        assert_eq!(lab.of_root(), before, "{}", ran.all());
        assert!(command != SET || ran.code == Some(2), "{}", ran.all());
    }
}

#[test]
fn what_an_older_keymend_with_sudo_left_is_told_with_its_way_out() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    lab.put(".local/state/keymend/lock", "", 0o600);
    chown(lab.home().join(".local/state/keymend/lock"), Some(0), Some(0)).unwrap();
    let Some(ran) = lab.run_as_owner(&SET) else { return };
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.err.contains("lock belongs to root") && ran.err.contains("rm -f"), "{}", ran.all());
    fs::remove_file(lab.home().join(".local/state/keymend/lock")).unwrap();
    chown(lab.home().join(".local/state/keymend"), Some(0), Some(0)).unwrap();
    let ran = lab.run_as_owner(&SET).unwrap();
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert!(ran.err.contains("belongs to root") && ran.err.contains("sudo chown"), "{}", ran.all());
}

#[test]
fn a_file_in_a_folder_that_takes_no_new_file_is_written_in_place() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    let env = lab.home().join(".hermes/.env");
    let before = (fs::read(&env).unwrap(), fs::metadata(&env).unwrap().ino());
    fs::set_permissions(lab.home().join(".hermes"), fs::Permissions::from_mode(0o555)).unwrap();
    let Some(ran) = lab.run_as_owner(&SET) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.out.contains("written in place"), "{}", ran.all());
    assert!(fs::read_to_string(&env).unwrap().contains(&new_key()));
    let ran = lab.run_as_owner(&["undo", "--yes"]).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!((fs::read(&env).unwrap(), fs::metadata(&env).unwrap().ino()), before);
}

#[test]
fn a_home_that_cannot_be_read_is_one_line() {
    if !is_root() {
        return;
    }
    let lab = Lab::new();
    fs::set_permissions(lab.home(), fs::Permissions::from_mode(0o000)).unwrap();
    let ran = lab.run(&["status", "hermes"]);
    assert_eq!(ran.err.lines().filter(|line| line.contains("cannot read")).count(), 1, "{}", ran.all());
    assert!(!ran.all().contains("mnop"), "{}", ran.all());
}
