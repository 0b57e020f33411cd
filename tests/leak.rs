//! No key ever leaves keymend but to its provider and its destination: homes full of planted keys, every command in both
//! forms, error paths and a session in a terminal; and afterwards no run of a key's characters in anything that was said,
//! logged, kept, requested or started.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use keymend::host::loopback::{Loopback, Reply, Request};

#[path = "terminal/pty.rs"]
#[allow(dead_code)]
mod pty;

#[path = "leak/places.rs"]
mod places;

use pty::Pty;

/// A part of a key of this length is a leak.
const RUN: usize = 12;

/// Planted keys, each by the words before its secret part and the secret part itself.
#[derive(Default)]
struct Planted(BTreeMap<String, String>);

impl Planted {
    /// A key that exists once: its secret part is told from all others in every run of its characters.
    fn key(&mut self, prefix: &str, length: usize) -> String {
        // A simple generator: letters and digits without a pattern, the same in every run.
        let mut state =
            0x9e37_79b9_7f4a_7c15_u64 ^ (self.0.len() as u64 + 1).wrapping_mul(0x1234_5678_9abc_def1);
        let body: String = (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let letters = b"ABCDEFGHIJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
                char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
            })
            .collect();
        let key = format!("{prefix}{body}");
        self.0.insert(key.clone(), body);
        key
    }

    /// Every run of every planted key, in plain, in Base64 and in hexadecimal, and the key that it is of.
    fn runs(&self) -> HashMap<Vec<u8>, &str> {
        let mut runs = HashMap::new();
        for (key, body) in &self.0 {
            let hex = body.bytes().fold(String::new(), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            });
            let encoded = (0..3).map(|shift| {
                let padded = format!("{}{key}", "_".repeat(shift));
                let text = base64::engine::general_purpose::STANDARD.encode(padded);
                text.get(28..text.len() - 4).unwrap_or_default().to_owned()
            });
            for form in [body.clone(), hex].into_iter().chain(encoded) {
                runs.extend(form.as_bytes().windows(RUN).map(|run| (run.to_vec(), key.as_str())));
            }
        }
        runs
    }

    /// The first run of a planted key in `text`.
    fn found_in(&self, text: &[u8]) -> Option<String> {
        let runs = self.runs();
        let plain = without_styles(text);
        let found = plain.windows(RUN).find_map(|run| runs.get(run).map(|key| (run, key)));
        found.map(|(run, key)| format!("{} of {key}", String::from_utf8_lossy(run)))
    }
}

/// The characters alone: control sequences may be in the middle of a word.
fn without_styles(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte == 0x1b && rest.peek() == Some(&b'[') {
            rest.next();
            while rest.next_if(|byte| !byte.is_ascii_alphabetic()).is_some() {}
            rest.next();
        } else {
            out.push(byte);
        }
    }
    out
}

/// A home, a server that plays every provider badly, and everything that was ever said.
struct Bench {
    planted: Planted,
    folder: tempfile::TempDir,
    server: Loopback,
    requests: Arc<Mutex<String>>,
    said: Vec<(String, Vec<u8>)>,
    env: Vec<(String, String)>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let requests = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&requests);
        let server = Loopback::start(move |request| answer(request, &log)).unwrap();
        let mut bench =
            Self { planted: Planted::default(), folder, server, requests, said: Vec::new(), env: Vec::new() };
        std::fs::create_dir(bench.home()).unwrap();
        std::fs::create_dir(bench.bin()).unwrap();
        // Programs that keymend might start say what they were given.
        for name in
            ["systemctl", "launchctl", "secret-tool", "xclip", "xsel", "wl-paste", "pbpaste", "hermes", "git"]
        {
            let log = bench.folder.path().join("started");
            let script = format!("#!/bin/sh\n{{ echo \"$0 $*\"; env; }} >>'{}'\n", log.display());
            let path = bench.bin().join(name);
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bench.fill();
        bench
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Keys where agents keep them, and where they do not belong: comments, names, addresses, broken files.
    fn fill(&mut self) {
        let mut key = |prefix: &str, length| self.planted.key(prefix, length);
        let files = [
            (
                ".hermes/config.yaml",
                format!(
                    "# was {}\nmodel:\n  provider: custom\n  default: m\n  base_url: {}/v1\n  api_key: {}\n",
                    key("sk-", 40),
                    self.server.url(),
                    key("sk-", 44)
                ),
            ),
            (
                ".hermes/.env",
                format!(
                    "OPENROUTER_API_KEY={}\nANTHROPIC_API_KEY='{}\nexport {}=x\nGEMINI_API_KEY=\"{}\\n\"\nOPENAI_BASE_URL=https://user:{}@127.0.0.1:1/v1\n",
                    key("sk-or-v1-", 64),
                    key("sk-ant-api03-", 95),
                    key("K", 30),
                    key("AIza", 35),
                    key("pw", 24)
                ),
            ),
            (
                ".openclaw/openclaw.json",
                format!(
                    "{{ agents: {{ defaults: {{ model: {{ primary: 'anthropic/claude-sonnet-5' }} }} }}, models: {{ providers: {{ 'mine': {{ apiKey: '{}', baseUrl: 'http://me:{}@127.0.0.1:1/v1' }} }} }} }}\n",
                    key("sk-", 40),
                    key("pw", 24)
                ),
            ),
            (".openclaw/.env", format!("ANTHROPIC_API_KEY={}\n", key("sk-ant-api03-", 95))),
            (
                ".codex/auth.json",
                format!("{{\"OPENAI_API_KEY\":\"{}\",\"tokens\":null}}", key("sk-proj-", 80)),
            ),
            (".codex/config.toml", format!("model = \"{}\nbroken", key("sk-proj-", 50))),
            (
                ".aider.conf.yml",
                format!("openai-api-key: {}\napi-key:\n  - groq={}\n", key("sk-proj-", 80), key("gsk_", 52)),
            ),
            (
                ".claude/settings.json",
                format!(
                    "{{\"env\":{{\"ANTHROPIC_API_KEY\":\"{}\"}},\"apiKeyHelper\":\"echo {}\"}}",
                    key("sk-ant-api03-", 95),
                    key("sk-ant-api03-", 95)
                ),
            ),
            (".gemini/.env", format!("GEMINI_API_KEY={}\n", key("AIza", 35))),
            (".qwen/settings.json", format!("{{\"env\":{{\"OPENAI_API_KEY\":\"{}\"}}", key("sk-", 40))),
            (
                ".local/share/opencode/auth.json",
                format!("{{\"anthropic\":{{\"type\":\"api\",\"key\":\"{}\"}}}}", key("sk-ant-api03-", 95)),
            ),
            (".config/goose/secrets.yaml", format!("OPENAI_API_KEY: {}\n  bad: [\n", key("sk-proj-", 80))),
            (".config/goose/config.yaml", "GOOSE_PROVIDER: openai\nGOOSE_MODEL: gpt-5.5\n".to_owned()),
            (".bashrc", format!("export OPENROUTER_API_KEY=\"{}\"\n", key("sk-or-v1-", 64))),
            (".config/io.datasette.llm/keys.json", format!("{{\"openai\":\"{}\"}}", key("sk-proj-", 80))),
        ];
        let mut env = BTreeMap::new();
        for (name, prefix, length) in [
            ("OPENAI_API_KEY", "sk-proj-", 80),
            ("GROQ_API_KEY", "gsk_", 52),
            ("MISTRAL_API_KEY", "", 32),
            ("GITHUB_TOKEN", "ghp_", 36),
        ] {
            env.insert(name.to_owned(), key(prefix, length));
        }
        for (path, text) in files {
            self.put(path, &text);
        }
        env.insert("HOME".into(), self.home().to_str().unwrap().into());
        env.insert("PATH".into(), self.bin().to_str().unwrap().into());
        // Nothing but loopback can be reached.
        for name in ["HTTPS_PROXY", "ALL_PROXY"] {
            env.insert(name.into(), self.server.url());
        }
        env.insert("NO_PROXY".into(), "127.0.0.1".into());
        self.env = env.into_iter().collect();
    }

    /// Runs a command with this on standard input and keeps everything that it says.
    fn run(&mut self, args: &[&str], input: &str) -> Option<i32> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(args).current_dir(self.home()).env_clear().envs(self.env.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses at once has closed its input already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 2), "{args:?}: {:?}", output.status);
        self.said.push((format!("{args:?}"), [output.stdout, output.stderr].concat()));
        output.status.code()
    }

    /// A command as text and as JSON.
    fn both(&mut self, args: &[&str], input: &str) {
        self.run(args, input);
        self.run(&[args, &["--json"]].concat(), input);
    }

    #[track_caller]
    fn nothing_leaked(&self) {
        let all: Vec<u8> = self.said.iter().flat_map(|(_, text)| [text, &b"\n"[..]].concat()).collect();
        if self.planted.found_in(&all).is_some() {
            for (what, text) in &self.said {
                let found = self.planted.found_in(text);
                assert_eq!(found, None, "{what}:\n{}", String::from_utf8_lossy(text));
            }
        }
        let requests = self.requests.lock().unwrap();
        assert_eq!(self.planted.found_in(requests.as_bytes()), None, "an address held a key:\n{requests}");
        let started = std::fs::read_to_string(self.folder.path().join("started")).unwrap_or_default();
        let calls: String = started.lines().filter(|line| line.starts_with('/')).collect();
        assert_eq!(self.planted.found_in(calls.as_bytes()), None, "a program was given a key:\n{calls}");
    }

    /// The journal's folders and backups are for the owner alone; whatever else it keeps holds no key.
    #[track_caller]
    fn the_journal_is_clean(&self) -> usize {
        let mut files = Vec::new();
        walk(&self.home().join(".local/state/keymend"), &mut files);
        for path in &files {
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
            if path.extension().is_none_or(|extension| extension != "bak") {
                let found = self.planted.found_in(&std::fs::read(path).unwrap());
                assert_eq!(found, None, "{}", path.display());
            }
        }
        files.len()
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// A provider that repeats the key wherever it can, and asks for a second request elsewhere.
fn answer(request: &Request, log: &Mutex<String>) -> Reply {
    let _ = writeln!(log.lock().unwrap(), "{} {}", request.method, request.target);
    let key = ["x-api-key", "x-goog-api-key", "authorization", "api-key"]
        .iter()
        .find_map(|name| request.header(name))
        .unwrap_or_default()
        .trim_start_matches("Bearer ")
        .to_owned();
    let body = format!(
        "{{\"error\":{{\"message\":\"invalid key {key}\",\"type\":\"{key}\",\"code\":\"{key}\",\"param\":\"{key}\"}},\"detail\":\"{key}\",\"label\":\"{key}\",\"data\":{{\"label\":\"{key}\"}}}}"
    );
    let status = match request.target.len() % 4 {
        0 => 401,
        1 => 400,
        2 => 403,
        _ => 429,
    };
    Reply::json(status, body)
        .with("request-id", key.clone())
        .with("x-request-id", key.clone())
        .with("server", key)
}

#[test]
fn no_command_says_a_key() {
    let mut bench = Bench::new();
    let url = bench.server.url();
    let slots = [
        "hermes",
        "hermes/openrouter",
        "openclaw/anthropic",
        "codex/openai",
        "aider/openai",
        "claude-code/anthropic",
        "llm/openai",
        "nobody/nothing",
    ];
    bench.both(&["status"], "");
    bench.both(&["check", "--offline"], "");
    bench.both(&["check"], "");
    for slot in slots {
        bench.both(&["status", slot], "");
        bench.both(&["explain", slot], "");
        bench.both(&["check", slot, "--offline"], "");
        bench.both(&["test", slot, "--base-url", &url], "");
    }
    bench.both(&["report"], "");
    bench.both(&["report", "--test", "--addresses"], "");
    for command in ["history", "providers", "agents", "undo"] {
        bench.both(&[command], "");
    }
    for args in [&["man"][..], &["--help"], &["completions", "bash"], &["set", "--help"], &["vault", "list"]]
    {
        bench.run(args, "");
    }
    let new = bench.planted.key("sk-ant-api03-", 95);
    let pastes = [
        new.clone(),
        format!("\u{200b}{new}\u{200b}\r\n"),
        format!("export ANTHROPIC_API_KEY='{new}'\n"),
        format!("curl -H 'x-api-key: {new}' https://127.0.0.1:1/v1"),
        format!("{new}\n{}", bench.planted.key("sk-or-v1-", 64)),
        format!("https://user:{new}@127.0.0.1:1/"),
        format!("{new}{new}"),
        format!("my key is {new} thanks"),
        bench.planted.key("nothing known ", 60),
        bench.planted.key("-----BEGIN PRIVATE KEY-----\n", 60),
        bench.planted.key("Ключ", 40),
    ];
    for paste in &pastes {
        bench.both(&["clean", "--stdin"], paste);
        bench.both(&["clean", "--stdin", "--provider", "openai"], paste);
        bench.both(&["test", "anthropic", "--stdin", "--base-url", &url], paste);
        bench.both(&["set", "openclaw/anthropic", "--stdin", "--dry-run"], paste);
    }
    assert!(bench.said.len() > 100, "{} outputs", bench.said.len());
    bench.nothing_leaked();
    assert_eq!(bench.the_journal_is_clean(), 0, "nothing was written");
    assert!(!bench.requests.lock().unwrap().is_empty(), "the server was asked");
}

#[test]
fn no_write_leaves_a_key_but_at_its_destination() {
    let mut bench = Bench::new();
    let url = bench.server.url();
    let mut written = 0;
    for (slot, prefix, length) in [
        ("openclaw/anthropic", "sk-ant-api03-", 95),
        ("hermes/openrouter", "sk-or-v1-", 64),
        ("aider/openai", "sk-proj-", 80),
        ("claude-code/anthropic", "sk-ant-api03-", 95),
        ("llm/openai", "sk-proj-", 80),
        ("opencode/anthropic", "sk-ant-api03-", 95),
    ] {
        let new = bench.planted.key(prefix, length);
        bench.run(&["set", slot, "--stdin", "--yes", "--base-url", &url], &new);
        let code = bench.run(&["set", slot, "--stdin", "--yes", "--no-test", "--insist"], &new);
        written += usize::from(code == Some(0));
        bench.run(&["set", slot, "--stdin", "--json", "--yes", "--no-test", "--insist"], &new);
        bench.both(&["status", slot], "");
        bench.both(&["explain", slot], "");
    }
    let new = bench.planted.key("sk-ant-api03-", 95);
    let rotate = ["rotate", "openclaw/anthropic", "--stdin", "--no-test", "--insist"];
    bench.run(&[&rotate[..], &["--dry-run"]].concat(), &new);
    bench.run(&[&rotate[..], &["--dry-run", "--json"]].concat(), &new);
    let code = bench.run(&[&rotate[..], &["--yes"]].concat(), &new);
    assert_ne!(code, Some(2), "the rotation came about");
    written += 1;
    bench.run(&["redo"], "");
    bench.run(&["redo", "--stdin", "--yes"], &new);
    for how in ["--values", "--whole"] {
        bench.run(&["undo", how, "--dry-run"], "");
    }
    bench.both(&["history"], "");
    assert!(written >= 3, "{written} writes came about");
    assert!(bench.the_journal_is_clean() >= 3 * written);
    for _ in 0..written {
        bench.run(&["undo", "--yes"], "");
    }
    bench.run(&["undo"], "n\n");
    bench.both(&["history"], "");
    bench.nothing_leaked();
    bench.the_journal_is_clean();
}

#[test]
fn no_key_is_ever_drawn() {
    let mut bench = Bench::new();
    let env = bench.env.clone();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let home = bench.home();
    let mut pty = Pty::start_in(Some(&home), &[], &env, (140, 45));
    pty.wait_for("By need");
    pty.press("2", "By agent");
    pty.press("T", "answered");
    pty.wait_until("every answer", |screen| !screen.contains("testing"));
    pty.press("\u{1b}", "By agent");
    for _ in 0..12 {
        pty.send("\u{1b}[B").next_frame();
        pty.press("e", "back");
        pty.press("\u{1b}", "By agent");
        pty.press("c", "back");
        pty.press("\u{1b}", "By agent");
    }
    pty.press("K", "distinct keys");
    for _ in 0..12 {
        pty.send("\u{1b}[B").next_frame();
    }
    pty.press("\u{1b}", "By agent");
    // On a list, a paste is a key, too.
    let pasted = bench.planted.key("sk-ant-api03-", 95);
    pty.paste_until(&pasted, "▸ Clean");
    pty.press("\u{1b}", "paste the key here");
    pty.press("\u{1b}", "By agent");
    pty.press("p", "paste the key here");
    let pastes = [
        bench.planted.key("sk-ant-api03-", 95),
        bench.planted.key("curl -H 'x-api-key: sk-ant-", 60),
        bench.planted.key("words around ", 60),
    ];
    for text in pastes {
        pty.paste_until(&text, "▸ Clean");
        pty.press("\u{1b}", "paste the key here");
    }
    let typed = bench.planted.key("sk-typed-", 20);
    for (at, c) in typed.chars().enumerate() {
        pty.press(&c.to_string(), &format!(" {} character", at + 1));
    }
    pty.press("\r", "▸ Clean");
    pty.send("\u{3}");
    assert_eq!(pty.finish(), 0);
    let raw = std::mem::take(&mut pty.raw);
    bench.said.push(("the terminal".to_owned(), raw));
    bench.nothing_leaked();
}

impl Bench {
    /// A home of its own with this file in it and nothing else, and these variables.
    fn alone(&mut self, path: &str, text: &str, env: &[(&str, &str)]) {
        let home = self.home();
        std::fs::remove_dir_all(&home).unwrap();
        std::fs::create_dir(&home).unwrap();
        self.put(path, text);
        let kept = ["HOME", "PATH", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
        self.env.retain(|(name, _)| kept.contains(&name.as_str()));
        self.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }
}

/// A key of each form that has no telling beginning.
fn shapeless() -> [&'static str; 6] {
    [
        "7Hq2Lm9Xw4Rt8Vz3",
        "5b1f0c9a-7d3e-4a6b-9c2d-8e4f1a0b7c6d",
        "c0ffee5eed15a5e1ec7ed0ddba11ab1e",
        "UTd4WnBMMm1OOXZCNGtSOHRZM3c=",
        "kqzvwjxhgfydtbnm",
        "Tr0ub4dor&3-zebra",
    ]
}

/// Places that no agent's reader leads to, or that keymend cannot read as a document.
const UNTOLD: &[&str] = &[
    "hermes: profile",
    "codex: broken line",
    "home assistant: title",
    "keymend: provider",
    "keymend: broken provider",
    "keymend: unknown field",
    "keymend: settings",
    "shell",
    "unit",
];

#[test]
fn a_key_in_a_field_for_a_name_is_never_said() {
    let mut bench = Bench::new();
    let key = bench.planted.key("sk-ant-api03-", 95);
    for (what, path, text) in places::NAMES {
        let agent = what.split(':').next().unwrap();
        bench.alone(&path.replace("{K}", &key), &text.replace("{K}", &key), &[]);
        bench.both(&["status"], "");
        bench.both(&["check", "--offline"], "");
        match agent {
            "keymend" => {
                bench.both(&["providers"], "");
            }
            _ => bench.both(&["agents"], ""),
        }
    }
    assert!(bench.said.len() > 200, "{} outputs", bench.said.len());
    let masked = bench
        .said
        .iter()
        .filter(|(_, said)| String::from_utf8_lossy(said).contains("sk-ant-api03-…"))
        .count();
    assert!(masked > 60, "{masked} outputs show the mask in the key's place");
    let telling = [
        "a key is there",
        "a key is in it",
        "named with a key",
        "is a key",
        "of a variable belongs",
        "place of its name",
    ];
    let silent: Vec<&str> = (0..)
        .zip(places::NAMES)
        .filter(|(n, _)| {
            let said: Vec<u8> =
                bench.said[n * 6..n * 6 + 6].iter().flat_map(|(_, said)| said.clone()).collect();
            let said = String::from_utf8_lossy(&said).into_owned();
            !telling.iter().any(|words| said.contains(words))
        })
        .map(|(_, (what, ..))| *what)
        .collect();
    assert_eq!(silent, UNTOLD, "the cause is told by every other one");
    bench.nothing_leaked();
}

#[test]
fn keys_without_a_form_are_known_again_wherever_else_they_are() {
    let mut bench = Bench::new();
    let keys = shapeless();
    for key in keys {
        bench.planted.0.insert(key.to_owned(), key.to_owned());
    }
    for (n, (_, path, text)) in places::NAMES.iter().enumerate() {
        // Some of them are no names that these formats allow; then the reader's complaint is what is looked at.
        let key = keys[n % keys.len()];
        bench.alone(path, &text.replace("{K}", key), &[("ANTHROPIC_API_KEY", key)]);
        bench.both(&["status"], "");
    }
    bench.nothing_leaked();
}

#[test]
fn a_key_that_was_typed_as_an_argument_is_never_said() {
    let mut bench = Bench::new();
    let shaped = bench.planted.key("sk-ant-api03-", 95);
    let mut keys = vec![shaped.clone(), bench.planted.key("gsk_", 52)];
    for key in &shapeless()[..4] {
        bench.planted.0.insert((*key).to_owned(), (*key).to_owned());
        keys.push((*key).to_owned());
    }
    for key in &keys {
        let joined = |before: &str| format!("{before}{key}");
        let forms: Vec<Vec<String>> = [
            "K",
            "--K",
            "-xK",
            "--stdin=K",
            "status K",
            "status hermes/K",
            "explain K",
            "explain hermes/K",
            "check K",
            "test K",
            "test anthropic K",
            "test anthropic --stdin --base-url K",
            "test anthropic --stdin --base-url=K",
            "set K --stdin",
            "set hermes/anthropic K",
            "set hermes/anthropic --stdin=K",
            "set hermes/anthropic --vault K",
            "set hermes/anthropic --stdin --to K",
            "set openclaw/anthropic --stdin --profile K",
            "use openclaw/anthropic K",
            "rotate openclaw/anthropic --stdin --only K",
            "rotate openclaw/anthropic --candidate K",
            "rotate K",
            "undo K",
            "redo K",
            "clean K",
            "clean --stdin --provider K",
            "prove K",
            "completions K",
            "vault K",
            "vault add --K x",
            "history K",
            "providers K",
            "demo K",
            "help K",
            "--home=/nowhere status K",
        ]
        .iter()
        .map(|form| form.split(' ').map(|word| word.replace('K', &joined(""))).collect())
        .collect();
        for form in forms {
            let form: Vec<&str> = form.iter().map(String::as_str).collect();
            let before = bench.said.len();
            let code = bench.run(&form, "sk-ant-api03-FAKE");
            assert!(code == Some(2) || *key != shaped, "{form:?}: {code:?}");
            let said = String::from_utf8_lossy(&bench.said[before].1).into_owned();
            if *key == shaped {
                assert!(said.contains("shell's history") && said.contains("--stdin"), "{form:?}: {said}");
            }
        }
        bench.env.push(("KEYMEND_KEEP_CLIPBOARD".to_owned(), key.clone()));
        bench.env.push(("KEYMEND_REDUCED_MOTION".to_owned(), key.clone()));
        bench.both(&["status"], "");
    }
    assert!(bench.said.len() >= keys.len() * 36);
    bench.nothing_leaked();
    assert!(bench.requests.lock().unwrap().is_empty(), "nothing was looked up or asked");
}

/// How a hostile server may say a key again: the name of the form, and the key in it.
fn echoes(key: &str) -> Vec<(&'static str, String)> {
    let join = |by: &str| key.chars().map(String::from).collect::<Vec<_>>().join(by);
    let each = |form: &dyn Fn(char) -> String| key.chars().map(form).collect::<String>();
    let code = u32::from;
    let base64 = base64::engine::general_purpose::STANDARD;
    let bits: String = key.bytes().map(|byte| format!("{byte:08b}")).collect();
    let base32 = bits.as_bytes().chunks(5).map(|five| {
        let nth = usize::from_str_radix(&format!("{:0<5}", std::str::from_utf8(five).unwrap()), 2).unwrap();
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[nth])
    });
    vec![
        ("plain", key.to_owned()),
        ("upper case", key.to_uppercase()),
        ("lower case", key.to_lowercase()),
        ("base64", base64.encode(key)),
        ("base64 of a header", base64.encode(format!("Bearer {key}"))),
        ("hexadecimal", each(&|c| format!("{:02x}", code(c)))),
        ("percent", each(&|c| format!("%{:02X}", code(c)))),
        ("entities", each(&|c| format!("&#{};", code(c)))),
        ("soft hyphens", join("\u{ad}")),
        ("escaped in JSON", each(&|c| format!("\\u{:04x}", code(c)))),
        ("escaped twice", each(&|c| format!("\\\\u{:04x}", code(c)))),
        ("reversed", key.chars().rev().collect()),
        ("spaced", join(" ")),
        ("dashed", join("-")),
        ("groups", key.as_bytes().chunks(5).map(String::from_utf8_lossy).collect::<Vec<_>>().join(".")),
        ("every second letter", key.chars().step_by(2).collect()),
        ("base32", base32.collect()),
        ("full width", each(&|c| char::from_u32(code(c) - 0x21 + 0xff01).unwrap().to_string())),
        ("between annotations", join("\u{fff9}")),
    ]
}

#[test]
fn no_answer_says_a_key_in_another_form() {
    let mut bench = Bench::new();
    let key = bench.planted.key("sk-ant-api03-", 95);
    let body = key.trim_start_matches("sk-ant-api03-").to_lowercase();
    let letters =
        |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    for (form, echo) in echoes(&key) {
        let message = echo.clone();
        let server = Loopback::start(move |_| {
            // The escapes are the server's own: the text is put into the JSON as it is.
            Reply::json(401, format!("{{\"error\":{{\"message\":\"no such key {message} here\"}}}}"))
        })
        .unwrap();
        for json in [&["--json"][..], &[]] {
            let url = server.url();
            let args = [&["test", "anthropic", "--stdin", "--base-url", &url][..], json].concat();
            bench.run(&args, &key);
        }
        let said: String =
            bench.said.drain(..).map(|(_, said)| String::from_utf8_lossy(&said).into_owned()).collect();
        assert!(said.contains("no such key"), "{form}: {said}");
        let said = letters(&said);
        let reversed: String = body.chars().rev().collect();
        let second = |first: usize| body.chars().skip(first).step_by(2).collect::<String>();
        for hidden in [body.clone(), reversed, second(0), second(1), letters(&echo)] {
            let runs = hidden.as_bytes().windows(RUN).map(|run| std::str::from_utf8(run).unwrap());
            for run in runs.filter(|run| !letters("no such key sk-ant-api03-").contains(run)) {
                assert!(!said.contains(run), "{form}: {run} in {said}");
            }
        }
    }
}

/// The difference shows the change and no neighbour, on every road to it.
#[test]
fn no_difference_shows_a_neighbours_value() {
    let mut bench = Bench::new();
    let new = bench.planted.key("sk-ant-api03-", 95);
    let old = bench.planted.key("sk-ant-api03-", 95);
    let secrets = [
        "xUAa47zGplm",
        "SrYCQW9nO116",
        "correct-horse-battery-staple-quux",
        "84736251094857362510",
        "*Tr0ub4dor&3zebra",
        "zz81,right2bBOEYsii",
        "qq72#tailKZyeTkyp3",
        "$8k2x_lmnop qrst",
        "[bracketed]9secret",
    ];
    for secret in secrets {
        bench.planted.0.insert(secret.to_owned(), secret.to_owned());
    }
    let lines: String = (1..).zip(secrets).map(|(n, secret)| format!("SETTING_{n}='{secret}'\n")).collect();
    let dotenv = format!("{lines}MULTI=\"one\nhunter2hunter2hunter\n\"\nANTHROPIC_API_KEY={old}\n{lines}");
    bench.planted.0.insert("hunter2hunter2hunter".to_owned(), "hunter2hunter2hunter".to_owned());
    let json: String =
        (1..).zip(secrets).map(|(n, secret)| format!("    'x-{n}':\n      '{secret}',\n")).collect();
    let json = format!(
        "{{ models: {{ providers: {{ anthropic: {{ headers: {{\n{json}}},\n apiKey: '{old}',\n headers2: {{\n{json}}} }} }} }} }}\n"
    );
    for (slot, path, text) in [
        ("hermes/anthropic", ".hermes/.env", &dotenv),
        ("openclaw/anthropic", ".openclaw/.env", &dotenv),
        ("openclaw/anthropic", ".openclaw/openclaw.json", &json),
        (
            "claude-code/anthropic",
            ".claude/settings.json",
            &format!(
                "{{\n \"env\": {{\n  \"A\": \"{}\",\n  \"ANTHROPIC_API_KEY\": \"{old}\",\n  \"B\":\n   \"{}\"\n }}\n}}\n",
                secrets[0], secrets[2]
            ),
        ),
    ] {
        bench.alone(path, text, &[]);
        let set = ["set", slot, "--stdin", "--no-test", "--insist"];
        bench.run(&[&set[..], &["--dry-run"]].concat(), &new);
        bench.run(&[&set[..], &["--dry-run", "--json"]].concat(), &new);
        let said = bench.said.last().map(|(_, said)| String::from_utf8_lossy(said).into_owned()).unwrap();
        assert!(said.contains("sk-ant-api03-…"), "{slot} {path}: {said}");
        let code = bench.run(&[&set[..], &["--yes"]].concat(), &new);
        assert_ne!(
            code,
            Some(2),
            "{slot} {path}: {}",
            String::from_utf8_lossy(&bench.said.last().unwrap().1)
        );
        bench.both(&["undo", "--dry-run"], "");
        bench.run(&["undo", "--yes"], "");
        bench.both(&["history"], "");
    }
    // The ends of the masks show four characters; eight in a row are a leak here.
    bench.nothing_leaked();
}
