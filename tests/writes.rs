//! The built program's commands that write, on real files: every recorded home (a sample of them without
//! `KEYMEND_WRITES=all`) gets a new key and is given back byte for byte; a rotation with all that its end says; undo and redo beside another program; settings; a restart.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::Value as Json;
use support::{Scenario, scenarios};

/// What a command came to.
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Done {
    fn of(command: &mut Command, stdin: &str) -> Self {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap();
        // A command that does not read its input closes it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}\n{}", self.out, self.err))
    }
}

/// Every file below `root`, keymend's own journal left out; a database by its rows.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.to_string_lossy().into_owned();
            if name.ends_with("/keymend") || name.ends_with("-wal") || name.ends_with("-shm") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                // An empty folder counts, too.
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else if name.ends_with(".sqlite") {
                found.insert(path.clone(), rows(&path));
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    // The state folder itself is keymend's; a lock that an agent takes and leaves is that agent's.
    let not_ours = [".local", ".local/state", "auth.lock", "nous_auth.lock"];
    found.retain(|path, _| !not_ours.iter().any(|end| path.ends_with(end)));
    found
}

fn rows(db: &Path) -> Vec<u8> {
    let db = rusqlite::Connection::open(db).unwrap();
    let mut tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut out = Vec::new();
    for table in tables {
        let mut all = db.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY 1")).unwrap();
        let mut all = all.query([]).unwrap();
        while let Some(row) = all.next().unwrap() {
            // The name and the text; the time of a write is one of keymend's own columns.
            out.extend(format!("{:?} {:?}\n", row.get_ref(0).unwrap(), row.get_ref(1).unwrap()).into_bytes());
        }
    }
    out
}

const NEW: &str = "sk-FAKEq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jyq7Wm2Zt9Kp4X";

/// What became of a recorded home.
enum Outcome {
    Sent,
    Refused(String),
    Wrong(String),
}

/// Writes a new key for the slot in use, looks what is sent then, and takes it back.
fn set_and_undo(scenario: &Scenario) -> Option<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let (command, _place) = scenario.on_disk(folder.path());
    let run = |args: &[&str], stdin: &str| {
        let mut again = Command::new(command.get_program());
        again.env_clear().current_dir(command.get_current_dir().unwrap());
        for (name, value) in command.get_envs() {
            again.env(name, value.unwrap_or_default());
        }
        Done::of(again.arg("--offline").args(args), stdin)
    };
    let status = run(&["status", &scenario.tool, "--json"], "").json();
    let slot = status["slots"].as_array()?.iter().find(|slot| slot["in_use"] == true)?.clone();
    let name = format!("{}/{}", scenario.tool, slot["agent_provider"].as_str()?);
    let profile = slot["profile"].as_str()?.to_owned();
    let before = contents(folder.path());
    let set = ["set", &name, "--profile", &profile, "--stdin", "--yes", "--no-test", "--insist", "--json"];
    let done = run(&set, NEW);
    if done.code == Some(2) {
        let same = contents(folder.path()) == before;
        let reason = done.err.lines().next().unwrap_or_default().to_owned();
        return Some(if same {
            Outcome::Refused(reason)
        } else {
            Outcome::Wrong(format!("{name}: half written"))
        });
    }
    let json = done.json();
    let first = &json["slots"][0];
    if first["prediction"] == "sends_new" && first["sends_new"] != true {
        return Some(Outcome::Wrong(format!("{name}: predicted and not sent: {json}")));
    }
    if json["places"].as_array().is_some_and(|places| places.iter().any(|one| one["new_there"] != true)) {
        return Some(Outcome::Wrong(format!("{name}: not there: {json}")));
    }
    let undo = run(&["undo", "--yes"], "");
    if undo.code != Some(0) {
        return Some(Outcome::Wrong(format!("{name}: undo: {}", undo.err)));
    }
    let after = contents(folder.path());
    let differ: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    if !differ.is_empty() {
        return Some(Outcome::Wrong(format!("{name}: not as before: {differ:?}")));
    }
    Some(Outcome::Sent)
}

#[test]
fn every_recorded_home_takes_a_new_key_and_is_given_back_byte_for_byte() {
    let only = std::env::var("KEYMEND_SCENARIO").ok();
    let all = only.is_some() || std::env::var("KEYMEND_WRITES").is_ok_and(|wanted| wanted == "all");
    // Each takes four runs of the program: by default a spread sample, in `.ci/run` all of them.
    let queue = scenarios().into_iter().enumerate().filter(|(at, _)| all || at % 5 == 0).map(|(_, one)| one);
    let queue = queue.filter(|one| only.as_ref().is_none_or(|id| one.id == *id));
    let queue: Mutex<Vec<Scenario>> = Mutex::new(queue.collect());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = queue.lock().unwrap().pop() else { return };
                    let outcome = set_and_undo(&scenario);
                    found.lock().unwrap().push((scenario.tool, scenario.id, outcome));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let mut table: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (tool, id, outcome) in &found {
        let row = table.entry(tool).or_default();
        match outcome {
            Some(Outcome::Sent) => row[0] += 1,
            Some(Outcome::Refused(reason)) => {
                row[1] += 1;
                println!("refused {tool}/{id}: {reason}");
            }
            Some(Outcome::Wrong(what)) => {
                row[2] += 1;
                wrong.push(format!("{tool}/{id}: {what}"));
            }
            None => row[3] += 1,
        }
    }
    println!("agent         written  refused  wrong  no slot in use");
    for (tool, [sent, refused, bad, none]) in &table {
        println!("{tool:<14} {sent:>6} {refused:>8} {bad:>6} {none:>6}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let written: usize = table.values().map(|row| row[0]).sum();
    let enough = match (&only, all) {
        (Some(_), _) => 0,
        (None, true) => 380,
        (None, false) => 70,
    };
    assert!(written >= enough, "only {written} homes took a key");
}

/// A home of your own, for commands with a tale to tell.
struct Home {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

fn key(part: &str) -> String {
    format!("sk-or-v1-{}{part}", "fa4edeb0".repeat(8).chars().take(60).collect::<String>())
}

const OLD: &str = "0dd0";
const FRESH: &str = "0c1e";
const HERMES: [(&str, &str); 2] = [
    (".hermes/config.yaml", "model:\n  default: x/y\n  provider: openrouter\n"),
    (".hermes/.env", "# mine\nOPENROUTER_API_KEY=@\n"),
];
const AIDER: (&str, &str) = (".aider.conf.yml", "model: openrouter/x\napi-key:\n  - openrouter=@ # mine\n");

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), env: Vec::new() };
        for (name, text) in files {
            home.put(name, &text.replace('@', &key(OLD)));
        }
        fs::create_dir(home.path("work")).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, args: &[&str], stdin: &str) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.env_clear().current_dir(self.path("work")).env("HOME", self.folder.path());
        command.env("PATH", "/usr/bin:/bin").envs(self.env.iter().map(|(name, value)| (name, value)));
        let done = Done::of(command.arg("--offline").args(args), stdin);
        for part in [OLD, FRESH] {
            assert!(!done.out.contains(&key(part)) && !done.err.contains(&key(part)), "{args:?} says a key");
        }
        done
    }

    fn rotate(&self, more: &[&str]) -> Done {
        let args = ["rotate", "hermes/openrouter", "--stdin", "--no-test"];
        self.run(&[&args[..], more].concat(), &key(FRESH))
    }

    /// The only action in the history.
    fn history(&self) -> Json {
        self.run(&["history", "--json"], "").json()
    }
}

fn list(json: &Json, field: &str) -> Vec<String> {
    json.as_array()
        .into_iter()
        .flatten()
        .map(|one| one[field].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_rotation_lists_every_place_and_where_the_old_key_is_left() {
    let mut home = Home::new(&HERMES);
    home.put(AIDER.0, &AIDER.1.replace('@', &key(OLD)));
    home.put(".hermes/.env.bak", &format!("OPENROUTER_API_KEY={}\n", key(OLD)));
    home.put(".bash_history", &format!("export OPENROUTER_API_KEY={}\n", key(OLD)));
    home.env.push(("OPENROUTER_API_KEY".to_owned(), key(OLD)));
    let looked = home.rotate(&["--dry-run"]);
    assert!(looked.out.contains("[x] 1 ~/.hermes/.env:2"), "{}", looked.out);
    assert!(
        looked.out.contains("[-] 2 OPENROUTER_API_KEY: was set before keymend started"),
        "{}",
        looked.out
    );
    assert!(home.text(".hermes/.env").contains(&key(OLD)), "a dry run writes nothing");

    let places = home.run(&["rotate", "hermes/openrouter", "--dry-run", "--json"], "").json();
    assert_eq!(list(&places["places"], "place").len(), 3, "{places}");
    assert_eq!(places["places"][1]["ticked"], false, "{places}");

    let done = home.rotate(&["--yes", "--json"]);
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    let json = done.json();
    assert_eq!(list(&json["places"], "place"), ["~/.hermes/.env:2", "~/.aider.conf.yml#/api-key/0"]);
    let fine = |one: &Json| one["new_there"] == true && one["old_gone"] == true;
    assert!(json["places"].as_array().unwrap().iter().all(fine), "{json}");
    assert_eq!(list(&json["left"], "place"), ["OPENROUTER_API_KEY"]);
    let copies: Vec<&str> = json["copies"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    assert_eq!(copies, ["~/.bash_history", "~/.hermes/.env.bak"]);
    assert_eq!(
        home.text(AIDER.0),
        AIDER.1.replace('@', &key(FRESH)),
        "only the key changes in a longer text"
    );
}

#[test]
fn places_can_be_chosen_and_left_out() {
    for (more, hermes, aider) in
        [(["--only", "~/.aider"], OLD, FRESH), (["--skip", "2"], FRESH, OLD), (["--only", "1"], FRESH, OLD)]
    {
        let home = Home::new(&[HERMES[0], HERMES[1], AIDER]);
        let done = home.rotate(&[&more[..], &["--yes"]].concat());
        assert_eq!(
            home.text(".hermes/.env"),
            HERMES[1].1.replace('@', &key(hermes)),
            "{more:?} {}",
            done.err
        );
        assert_eq!(home.text(AIDER.0), AIDER.1.replace('@', &key(aider)), "{more:?}");
        // A slot that still sends the old key is a problem, and the end names the place.
        assert_eq!(done.code, Some(1), "{more:?}");
        assert!(done.out.contains("was left as it is"), "{}", done.out);
    }
    let home = Home::new(&HERMES);
    let done = home.rotate(&["--only", "~/nowhere", "--yes"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("is not at ~/nowhere"), "{}", done.err);
}

#[test]
fn what_another_program_wrote_since_is_told_kept_and_mended() {
    let home = Home::new(&HERMES);
    assert_eq!(home.rotate(&["--yes"]).code, Some(0));
    let rewritten = format!("# rewritten\nOPENROUTER_API_KEY='{}'\nMORE=1\n", key(OLD));
    home.put(".hermes/.env", &rewritten);
    let history = home.history();
    assert_eq!(history["actions"][0]["lost"], true, "{history}");
    assert!(history["actions"][0]["rewritten"][0].as_str().unwrap().contains("the old key is back"));
    let refused = home.run(&["undo", "--yes"], "");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--values") && refused.err.contains("MORE=1"), "{}", refused.err);

    // The new key is nowhere any more: it has to be given, and must be the right one.
    let asked = home.run(&["redo", "--yes"], "");
    assert!(asked.code == Some(2) && asked.err.contains("keeps no copy"), "{}", asked.err);
    let wrong = home.run(&["redo", "--stdin", "--yes"], &key("0a11"));
    assert!(wrong.code == Some(2) && wrong.err.contains("not the key of that action"), "{}", wrong.err);
    let done = home.run(&["redo", "--stdin", "--yes"], &key(FRESH));
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(home.text(".hermes/.env"), rewritten.replace(&key(OLD), &key(FRESH)));
    assert_eq!(home.history()["actions"][0]["lost"], false);
    assert_eq!(home.run(&["redo"], "").code, Some(2), "nothing is lost any more");
}

#[test]
fn an_undo_of_the_values_or_of_the_whole_is_a_choice() {
    for (how, expected) in [
        ("--values", format!("# mine\nOPENROUTER_API_KEY={}\nMORE=1\n", key(OLD))),
        ("--whole", format!("# mine\nOPENROUTER_API_KEY={}\n", key(OLD))),
    ] {
        let home = Home::new(&HERMES);
        assert_eq!(home.rotate(&["--yes"]).code, Some(0));
        let more = format!("{}MORE=1\n", home.text(".hermes/.env"));
        home.put(".hermes/.env", &more);
        assert_eq!(home.run(&["undo", "--yes"], "").code, Some(2));
        let looked = home.run(&["undo", how, "--dry-run"], "");
        assert_eq!((looked.code, home.text(".hermes/.env")), (Some(0), more.clone()), "{}", looked.err);
        let done = home.run(&["undo", how, "--yes"], "");
        assert_eq!((done.code, home.text(".hermes/.env")), (Some(0), expected), "{how} {}", done.err);
    }
}

#[test]
fn a_key_is_to_be_revoked_only_when_nothing_here_has_it_any_more() {
    let home = Home::new(&[HERMES[0], HERMES[1], AIDER]);
    let set = ["set", "aider/openrouter", "--stdin", "--no-test", "--yes"];
    let done = home.run(&set, &key(FRESH));
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(
        done.out.contains("do not revoke") && !done.out.contains("→ when everything works"),
        "{}",
        done.out
    );
    assert!(done.out.contains("Hermes Agent → openrouter still sends it"), "{}", done.out);
    assert!(done.out.contains("`keymend rotate hermes/openrouter`"), "{}", done.out);
    let last = home.rotate(&["--yes"]);
    assert!(last.out.contains("revoke the old key") && !last.out.contains("do not revoke"), "{}", last.out);

    // A place that no agent sends now is a place that holds it.
    let home = Home::new(&HERMES);
    home.put(".profile", &format!("alias ask='OPENROUTER_API_KEY={} ask'\n", key(OLD)));
    let done = home.rotate(&["--yes", "--json"]);
    let next = &done.json()["old_key"];
    assert_eq!(next["revoke"], false, "{next}");
    assert!(next["reason"].as_str().unwrap().contains("~/.profile"), "{next}");
}

const PROFILES: &str = ".openclaw/agents/main/agent/auth-profiles.json";

/// Two profiles of one provider, the first of them in use.
fn two_profiles(other: &str) -> Home {
    let store = format!(
        r#"{{"version":1,"profiles":{{"openrouter:default":{{"type":"api_key","provider":"openrouter","key":"{}"}},"openrouter:manual":{{"type":"api_key","provider":"openrouter","key":"{}"}}}},"order":{{"openrouter":["openrouter:default","openrouter:manual"]}}}}"#,
        key(OLD),
        other
    );
    let config = r#"{"agents":{"defaults":{"model":{"primary":"openrouter/auto"}}}}"#;
    let home = Home::new(&[(".openclaw/openclaw.json", config)]);
    home.put(PROFILES, &store);
    home
}

#[test]
fn a_switch_is_the_agents_own_choice_and_ends_without_a_word_about_revoking() {
    let home = two_profiles(&key(FRESH));
    let done = home.run(&["use", "openclaw/openrouter", "openrouter:manual", "--yes"], "");
    assert_eq!(done.code, Some(0), "{}", done.err);
    let text = home.text(PROFILES);
    assert!(text.contains(&key(OLD)) && text.contains(&key(FRESH)), "{}", done.out);
    assert!(!done.out.contains("revoke") && !done.out.contains("old key"), "{}", done.out);
    assert!(done.out.contains("openrouter:manual"), "{}", done.out);
}

#[test]
fn the_only_copy_of_a_key_is_overwritten_on_a_word_of_its_own_alone() {
    let mut home = Home::new(&[AIDER]);
    home.env.push(("OPENROUTER_API_KEY".to_owned(), key(FRESH)));
    let args = ["use", "aider/openrouter", "2", "--yes"];
    let refused = home.run(&args, "");
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(
        refused.err.contains("no other place has it") && refused.err.contains("--insist"),
        "{}",
        refused.err
    );
    assert!(refused.out.contains("copies sk-or-v1-…"), "{}", refused.out);
    assert_eq!(home.text(AIDER.0), AIDER.1.replace('@', &key(OLD)));
    let done = home.run(&[&args[..], &["--insist"]].concat(), "");
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(home.text(AIDER.0), AIDER.1.replace('@', &key(FRESH)));
}

#[test]
fn a_login_is_chosen_and_never_copied_into_a_keys_field() {
    let token = format!("sk-ant-oat01-{}", "q7Wm2Zt9".repeat(12));
    let login = format!(
        r#"{{"claudeAiOauth":{{"accessToken":"{token}","refreshToken":"r","expiresAt":4102444800000,"scopes":["user:inference"],"subscriptionType":"max"}}}}"#
    );
    let mut home = Home::new(&[]);
    home.put(".claude/.credentials.json", &login);
    home.env.push(("ANTHROPIC_API_KEY".to_owned(), format!("sk-ant-api03-{}", "b0b1".repeat(24))));
    let done = home.run(&["use", "claude-code/anthropic", "claude.ai login", "--yes"], "");
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    let settings: Json = serde_json::from_str(&home.text(".claude/settings.json")).unwrap();
    assert_eq!(settings["env"]["ANTHROPIC_API_KEY"], "", "{settings}");
    assert_eq!(home.text(".claude/.credentials.json"), login);

    // A pasted token goes where tokens go, and nowhere else.
    let refused = home.run(&["set", "openclaw/anthropic", "--stdin", "--yes", "--insist"], &token);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    let home = Home::new(&HERMES);
    let refused = home.run(&["set", "hermes/openrouter", "--stdin", "--yes", "--insist"], &token);
    assert!(refused.code == Some(2) && refused.err.contains("token of a login"), "{}", refused.err);
    assert!(refused.err.contains("CLAUDE_CODE_OAUTH_TOKEN"), "{}", refused.err);
}

#[test]
fn a_script_can_set_a_first_key_on_an_empty_machine() {
    for (agent, file) in [("hermes", ".hermes/.env"), ("openclaw", ".openclaw")] {
        let home = Home::new(&[]);
        let name = format!("{agent}/openrouter");
        let done = home.run(&["set", &name, "--stdin", "--no-test", "--yes"], &key(FRESH));
        assert_eq!(done.code, Some(0), "{agent}: {} {}", done.out, done.err);
        assert!(home.path(file).exists(), "{agent}: {}", done.out);
    }
}

#[test]
fn the_env_file_of_a_project_is_written_on_a_word_alone() {
    let gemini = |part: &str| {
        format!(
            "AIzaSy{}",
            format!("{part}q7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jyq7Wm").chars().take(33).collect::<String>()
        )
    };
    let home = Home::new(&[(
        ".gemini/settings.json",
        "{\"security\":{\"auth\":{\"selectedType\":\"gemini-api-key\"}}}",
    )]);
    let trusted = format!("{{\"{}\":\"TRUST_FOLDER\"}}", home.path("work").display());
    home.put(".gemini/trustedFolders.json", &trusted);
    let env = format!("PORT=1\nGEMINI_API_KEY={}\n", gemini("0"));
    home.put("work/.env", &env);
    let refused = home.run(&["set", "gemini-cli", "--stdin", "--no-test", "--yes"], &gemini("1"));
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.err.contains("of this project takes precedence"), "{}", refused.err);
    assert_eq!(home.text("work/.env"), env);
    let done =
        home.run(&["set", "gemini-cli", "--stdin", "--no-test", "--yes", "--to", "~/.gemini"], &gemini("1"));
    assert!(home.text(".gemini/.env").contains(&gemini("1")), "{} {}", done.out, done.err);
    assert_eq!(home.text("work/.env"), env);
    let done = home.run(&["set", "gemini-cli", "--stdin", "--no-test", "--yes", "--to", "1"], &gemini("2"));
    assert_eq!(home.text("work/.env"), env.replace(&gemini("0"), &gemini("2")), "{} {}", done.out, done.err);
}

#[test]
fn words_in_key_fields_are_no_keys_to_rotate() {
    let home = Home::new(&[
        (HERMES[0].0, HERMES[0].1),
        (HERMES[1].0, "OPENROUTER_API_KEY=***\nOPENAI_API_KEY=***\n"),
    ]);
    let refused = home.rotate(&["--yes"]);
    assert!(refused.code == Some(2) && refused.err.contains("no key to replace"), "{}", refused.err);
    let done =
        home.run(&["set", "hermes/openrouter", "--stdin", "--no-test", "--yes", "--json"], &key(FRESH));
    let json = done.json();
    assert!(json["left"].is_null() && json["old_key"].is_null(), "{json}");
}

#[test]
fn keys_that_were_run_together_are_named_where_they_are_left() {
    let run = format!("{}{}/shot.png", key(OLD), key("0a11"));
    let home = Home::new(&[HERMES[0], HERMES[1]]);
    home.put(".aider.conf.yml", &AIDER.1.replace('@', &run));
    let done = home.rotate(&["--yes", "--json"]);
    let json = done.json();
    let left = list(&json["left"], "place");
    assert!(left.iter().any(|place| place.contains(".aider.conf.yml")), "{json}");
    assert_eq!(json["old_key"]["revoke"], false, "{json}");
}

#[test]
fn a_reference_stays_and_the_place_that_it_names_takes_the_key() {
    let home = two_profiles("x");
    let profile = r#"{"version":1,"profiles":{"openrouter:default":{"type":"api_key","provider":"openrouter","keyRef":{"source":"env","provider":"default","id":"MY_KEY"}}}}"#;
    home.put(PROFILES, profile);
    let set = ["set", "openclaw/openrouter", "--stdin", "--no-test", "--yes"];
    let done = home.run(&set, &key(FRESH));
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    assert_eq!(home.text(".openclaw/.env"), format!("MY_KEY={}\n", key(FRESH)), "{}", done.out);
    assert_eq!(home.text(PROFILES), profile, "the reference stays");
}

#[test]
fn a_key_of_another_company_is_told_by_clean() {
    let home = Home::new(&[]);
    let done = home.run(&["clean", "--stdin", "--provider", "anthropic"], &key(FRESH));
    assert!(done.out.contains("openrouter") && done.out.contains("please check"), "{}", done.out);
    let json = home.run(&["clean", "--stdin", "--provider", "anthropic", "--json"], &key(FRESH)).json();
    assert_eq!((&json["confirm"], &json["reasons"][0]), (&Json::from(true), &Json::from("wrong-provider")));
}

const STORE: &str = ".homeassistant/.storage/core.config_entries";
const ENTRIES: &str = r#"{"version":1,"minor_version":5,"key":"core.config_entries","data":{"entries":[{"entry_id":"a","domain":"open_router","title":"OpenRouter","data":{"api_key":"@"},"options":{},"source":"user","unique_id":null,"disabled_by":null}]}}"#;

#[test]
fn a_store_that_its_running_owner_writes_over_is_left_alone_and_the_way_is_told() {
    let home = Home::new(&[HERMES[0], HERMES[1], (STORE, ENTRIES)]);
    let script = home.path("homeassistant");
    home.put("homeassistant", "#!/bin/sh\nread line\n");
    let mut owner = Command::new("/bin/sh");
    owner.args([script.to_str().unwrap(), "-m", "homeassistant"]).env_clear().stdin(Stdio::piped());
    let mut owner = owner.env("HOME", home.folder.path()).spawn().unwrap();
    let set = ["set", "home-assistant/openrouter", "--stdin", "--no-test", "--yes"];
    let refused = home.run(&set, &key(FRESH));
    assert!(refused.code == Some(2) && refused.err.contains("Home Assistant runs"), "{}", refused.err);
    let done = home.rotate(&["--yes"]);
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(
        done.out.contains("[-]") && done.out.contains("would write over any change here"),
        "{}",
        done.out
    );
    assert_eq!(home.text(STORE), ENTRIES.replace('@', &key(OLD)));
    assert_eq!(home.text(".hermes/.env"), HERMES[1].1.replace('@', &key(FRESH)));
    assert_eq!(home.run(&set, &key(FRESH)).code, Some(0), "stopped, its store can be written");
    assert_eq!(home.text(STORE), ENTRIES.replace('@', &key(FRESH)));
}

#[test]
fn the_history_is_as_long_as_the_settings_say() {
    let home = Home::new(&HERMES);
    home.put(".config/keymend/keymend.toml", "[history]\nactions = 2\n");
    for part in ["0001", "0002", "0003"] {
        let set = ["set", "hermes/openrouter", "--stdin", "--no-test", "--yes"];
        assert_eq!(home.run(&set, &key(part)).code, Some(0));
    }
    let history = home.history();
    assert_eq!((history["actions"].as_array().unwrap().len(), &history["keep_actions"]), (2, &Json::from(2)));
    home.put(".config/keymend/keymend.toml", "[history]\nactions = none\n");
    let told = home.run(&["history"], "");
    assert!(told.out.contains("keymend.toml") && told.out.contains("30 days or 20 actions"), "{}", told.out);
}

/// A Codex daemon played by a script that reads its account once, and `codex app-server daemon restart`.
const CODEX: &str = r#"#!/bin/sh
case "$*" in
"app-server daemon restart")
  kill "$(cat "$HOME/daemon.pid")"
  while kill -0 "$(cat "$HOME/daemon.pid")" 2>/dev/null; do :; done
  "$0" app-server --managed-daemon </dev/null >/dev/null 2>&1 &
  ;;
"app-server --managed-daemon")
  echo $$ >"$HOME/daemon.pid"
  while [ -e "$HOME/daemon.pid" ]; do /bin/sleep 0.05; done
  ;;
esac
"#;

#[test]
fn what_still_holds_the_old_key_is_restarted_on_a_word_and_looked_at() {
    let account = "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"@\"\n}\n";
    let mut home = Home::new(&[(".codex/auth.json", account)]);
    home.put("bin/codex", CODEX);
    fs::set_permissions(home.path("bin/codex"), fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    home.env.push(("PATH".to_owned(), path.clone()));
    let mut daemon = Command::new(home.path("bin/codex"));
    daemon.args(["app-server", "--managed-daemon"]).env_clear().env("HOME", home.folder.path());
    let mut daemon = daemon.env("PATH", path).spawn().unwrap();
    let pid = || fs::read_to_string(home.path("daemon.pid")).unwrap_or_default().trim().to_owned();
    while pid().is_empty() {
        std::thread::yield_now();
    }
    let (first, set) =
        (pid(), ["set", "codex/openai", "--stdin", "--no-test", "--insist", "--yes", "--json"]);
    let told = home.run(&set, "sk-FAKEfirst7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jy").json();
    let words = told["slots"][0]["restart"].as_str().unwrap_or_default().to_owned();
    assert!(words.contains("may hold the old key; restart: codex app-server daemon restart"), "{told}");
    assert_eq!(pid(), first, "nothing is restarted without a word");
    // The shell that was its parent is this test: it must be waited for, or it stays as a dead process.
    let waiting = std::thread::spawn(move || daemon.wait());
    let done = home.run(&[&set[..], &["--restart"]].concat(), "sk-FAKEsecond7Wm2Zt9Kp4Xr8Vb3Nc6Ld1Hs5Gf0Jy");
    let json = done.json();
    assert_eq!(json["restarted"][0]["fine"], true, "{json}");
    assert!(json["restarted"][0]["message"].as_str().unwrap().starts_with("restarted:"), "{json}");
    assert_ne!(pid(), first);
    assert_eq!(done.code, Some(0));
    fs::remove_file(home.path("daemon.pid")).unwrap();
    waiting.join().unwrap().unwrap();
}
