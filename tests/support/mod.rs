//! Recorded scenarios as in-memory worlds and as homes on disk, shared by the suites that need them.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod asked;
pub mod recording;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use keymend::world::{FileContent, FileMeta, FileState, KeyringState, MemoryWorld};
use serde_json::Value as Json;

/// The home folder of every scenario.
pub const HOME: &str = "/scenario/home";
/// The folder above the working directory.
pub const ROOT: &str = "/scenario/root";
/// The loopback address that means `{{BASE}}`.
pub const BASE: &str = "http://127.0.0.1:40123";
/// The clock: 2026-11-21T09:00:00Z in milliseconds.
pub const NOW_MS: i64 = 1_795_251_600_000;

/// Where a path or text of a recording is on disk.
pub type Moved<'a> = Box<dyn Fn(&str) -> String + 'a>;

/// One recording: a home, an environment, and what the real program then sent.
pub struct Scenario {
    pub id: String,
    pub tool: String,
    pub provider: String,
    pub json: Json,
}

/// All recordings that home, environment and working directory alone decide.
pub fn scenarios() -> Vec<Scenario> {
    recordings().into_iter().filter(|scenario| scenario.json["ask"] == Json::Bool(true)).collect()
}

/// All recordings, `tests/recordings/TOOL/ID.txt`, by tool and id.
pub fn recordings() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let tools = entries(&root).into_iter().filter(|path| path.is_dir());
    let files = tools.flat_map(|tool| entries(&tool));
    files.map(|path| Scenario::read(&path)).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

impl Scenario {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let tool = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let id = path.file_stem().unwrap().to_str().unwrap();
        let json = recording::read(tool, id, &text);
        let provider = json["provider"].as_str().unwrap_or("auto").to_owned();
        Self { id: id.to_owned(), tool: tool.to_owned(), provider, json }
    }
}

impl Scenario {
    /// A text field of the recording.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.json[field].as_str()
    }

    /// The working directory.
    pub fn cwd(&self) -> PathBuf {
        let in_home = matches!(self.tool.as_str(), "hermes" | "openclaw").then_some("");
        if let Some(cwd) = self.text("cwd").or(in_home) {
            return normal(&Path::new(HOME).join(cwd));
        }
        match self.json["opts"]["cwd"].as_str() {
            Some(cwd) => normal(Path::new(&cwd.replace("{ROOT}", ROOT).replace("{HOME}", HOME))),
            None => PathBuf::from(ROOT).join("work"),
        }
    }

    /// Replaces the placeholders of the recordings.
    pub fn fill(&self, text: &str) -> String {
        let jwt = |claims: &str| {
            let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
            format!("{}.{}.c2ln", engine.encode("{\"alg\":\"none\"}"), engine.encode(claims))
        };
        let claims = format!(
            "{{\"sub\":\"user-fake\",\"exp\":{},\"scope\":\"inference:invoke\",\"https://api.openai.com/auth\":{{\"chatgpt_account_id\":\"acct-fake\"}}}}",
            NOW_MS / 1000 + 30 * 86_400
        );
        text.replace("{{BASE}}", BASE)
            .replace("{{PORT}}", "40123")
            .replace("{{HOME}}", HOME)
            .replace("{{CWD}}", &self.cwd().to_string_lossy())
            .replace("{{ROOT}}", ROOT)
            .replace("{{NOWMS}}", &NOW_MS.to_string())
            .replace("{{NOW}}", &(NOW_MS / 1000).to_string())
            .replace("{{FUTUREMS}}", &(NOW_MS + 7_200_000).to_string())
            .replace("{{PASTMS}}", &(NOW_MS - 7_200_000).to_string())
            .replace("{{FUTUREISO}}", "2026-11-21T11:00:00+00:00")
            .replace("{{JWT}}", &jwt(&claims))
    }

    /// The world that the recording describes.
    pub fn world(&self) -> MemoryWorld {
        let mut world = MemoryWorld {
            home: Some(HOME.into()),
            cwd: self.cwd(),
            now_ms: NOW_MS,
            // The recordings ran without a session bus, apart from those that name a keyring.
            keyring_otherwise: Some(KeyringState::Absent("no session bus".into())),
            ..MemoryWorld::default()
        };
        world.env.insert("HOME".into(), HOME.into());
        world.env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        for (name, value) in self.json["env"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) => world.env.insert(name.clone(), self.fill(value)),
                None => world.env.remove(name),
            };
        }
        for (path, content) in self.json["files"].as_object().into_iter().flatten() {
            self.put(&mut world, path, content.as_str().unwrap());
        }
        for (link, target) in self.json["symlinks"].as_object().into_iter().flatten() {
            let link = self.resolve(link);
            let target = normal(&link.parent().unwrap().join(target.as_str().unwrap()));
            let state = Arc::clone(&world.files[&target]);
            world.files.insert(link, state);
        }
        if self.makes_repository() {
            self.put(&mut world, "CWD/.git/HEAD", "ref: refs/heads/main\n");
        }
        self.put_rows(&mut world);
        self.install(&mut world);
        world
    }

    /// `git: true` makes the working directory a repository, where no file of the recording makes one.
    fn makes_repository(&self) -> bool {
        let mut files = self.json["files"].as_object().into_iter().flatten();
        self.json["opts"]["git"].as_bool() == Some(true)
            && !files.any(|(path, _)| path.ends_with(".git/HEAD"))
    }

    fn resolve(&self, path: &str) -> PathBuf {
        let path = self.fill(path);
        normal(&match path.strip_prefix("CWD/") {
            Some(rest) => self.cwd().join(rest),
            None => Path::new(HOME).join(path),
        })
    }

    fn put(&self, world: &mut MemoryWorld, path: &str, content: &str) {
        let bytes = match content.strip_prefix("b64:") {
            Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
            None => self.fill(content).into_bytes(),
        };
        let mode =
            self.json["modes"][path].as_str().map_or(0o600, |mode| u32::from_str_radix(mode, 8).unwrap());
        let path = self.resolve(path);
        let meta = FileMeta {
            mode,
            mtime_ms: NOW_MS,
            ctime_ms: NOW_MS,
            real: path.clone(),
            links: 1,
            ..FileMeta::default()
        };
        world.files.insert(path, Arc::new(FileState::Regular(FileContent { bytes: bytes.into(), meta })));
    }

    /// The rows of OpenClaw's databases, as the recordings' README describes them.
    fn put_rows(&self, world: &mut MemoryWorld) {
        for entry in self.json["sqlite"].as_array().into_iter().flatten() {
            let db = self.resolve(entry["path"].as_str().unwrap());
            let mut row = |table: &str, key: &str, value: String| {
                world.tables.entry((db.clone(), table.to_owned())).or_default().insert(key.to_owned(), value);
            };
            let json = |value: &Json| self.fill(&value.to_string());
            let shared = entry["db"] == "state";
            if shared && entry["legacy_main"].as_bool() != Some(true) {
                row("config_machine_state", "auth.sharedStore", "{\"location\":\"state-db\"}".into());
            }
            let (stores, states, store, state) = if shared {
                ("config_machine_state", "config_machine_state", "authProfiles.store", "authProfiles.state")
            } else {
                ("auth_profile_store", "auth_profile_state", "primary", "primary")
            };
            if !entry["store"].is_null() {
                row(stores, store, json(&entry["store"]));
            }
            if !entry["state"].is_null() {
                row(states, state, json(&entry["state"]));
            }
            for (name, value) in entry["secrets"].as_object().into_iter().flatten() {
                row(
                    "secret_store_entries",
                    name,
                    value.as_str().map_or_else(|| json(value), |v| self.fill(v)),
                );
            }
        }
    }

    /// The installed program that the recording names by its version.
    fn install(&self, world: &mut MemoryWorld) {
        if std::env::var_os("KEYMEND_NOT_INSTALLED").is_some() {
            return;
        }
        if let (true, Some(version)) = (self.tool == "openclaw", self.text("version")) {
            let bin = PathBuf::from("/opt/openclaw/node_modules/openclaw/openclaw.mjs");
            let package = format!("{{\"name\":\"openclaw\",\"version\":\"{version}\"}}");
            let meta = FileMeta { mode: 0o644, links: 1, ..FileMeta::default() };
            let file = FileContent { bytes: package.into_bytes().into(), meta };
            world.files.insert(bin.with_file_name("package.json"), Arc::new(FileState::Regular(file)));
            world.executables.insert("openclaw".into(), bin);
        }
    }

    /// Header name (lower case) to text, of every credential beside the main one.
    pub fn expected_also(&self) -> BTreeMap<String, String> {
        let expect = &self.json["expect"];
        let main = expect["header"].as_str().map(header_name);
        ["also", "headers", "auth_headers", "all_auth_headers"]
            .iter()
            .filter_map(|field| expect[*field].as_object())
            .flatten()
            .map(|(name, key)| (header_name(name), key.as_str().unwrap_or_default()))
            .filter(|(name, _)| Some(name) != main.as_ref())
            .map(|(name, key)| {
                let bearer = key.strip_prefix("Bearer ").filter(|_| name == "authorization");
                (name, self.fill(bearer.unwrap_or(key)))
            })
            .collect()
    }
}

/// `Authorization: Bearer` → `authorization`; `query:key` stays.
pub fn header_name(header: &str) -> String {
    let lower = header.to_ascii_lowercase();
    if lower.starts_with("query:") {
        lower
    } else {
        lower.split(':').next().unwrap_or_default().trim().to_owned()
    }
}

/// A path without `.` and `..`.
pub fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut done, part| {
        match part {
            Component::ParentDir => drop(done.pop()),
            Component::CurDir => {}
            part => done.push(part),
        }
        done
    })
}

impl Scenario {
    /// Builds the recording's home on disk under `root` and returns the command that asks the built program there:
    /// `keymend` with that home, environment and working directory alone.
    pub fn on_disk(&self, root: &Path) -> (std::process::Command, Moved<'_>) {
        let place = {
            let root = root.to_owned();
            move |text: &str| {
                let moved = text.replace(HOME, &root.join("home").to_string_lossy());
                moved.replace(ROOT, &root.join("root").to_string_lossy())
            }
        };
        let path = |text: &str| PathBuf::from(place(&self.resolve(text).to_string_lossy()));
        let home = root.join("home");
        let cwd = PathBuf::from(place(&self.cwd().to_string_lossy()));
        for dir in [&home, &cwd] {
            std::fs::create_dir_all(dir).unwrap();
        }
        for (name, content) in self.json["files"].as_object().into_iter().flatten() {
            let bytes = match content.as_str().unwrap().strip_prefix("b64:") {
                Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
                None => place(&self.fill_now(content.as_str().unwrap())).into_bytes(),
            };
            write_file(&path(name), &bytes, self.json["modes"][name].as_str());
        }
        for (link, target) in self.json["symlinks"].as_object().into_iter().flatten() {
            let link = path(link);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target.as_str().unwrap(), link).unwrap();
        }
        if self.makes_repository() {
            write_file(&cwd.join(".git/HEAD"), b"ref: refs/heads/main\n", None);
        }
        self.write_databases(&path, &place);
        let bin = root.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        if let (true, Some(version)) = (self.tool == "openclaw", self.text("version")) {
            let package = root.join("lib/node_modules/openclaw");
            let manifest = format!("{{\"name\":\"openclaw\",\"version\":\"{version}\"}}");
            write_file(&package.join("package.json"), manifest.as_bytes(), None);
            write_file(&package.join("openclaw.mjs"), b"", Some("755"));
            std::os::unix::fs::symlink(package.join("openclaw.mjs"), bin.join("openclaw")).unwrap();
        }
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.env_clear().current_dir(cwd).env("HOME", &home).env("PATH", &bin);
        for (name, value) in self.json["env"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) => command.env(name, place(&self.fill_now(value))),
                None => command.env_remove(name),
            };
        }
        (command, Box::new(place))
    }

    /// [`Scenario::fill`] with the clock of this machine.
    fn fill_now(&self, text: &str) -> String {
        let now = keymend::host::real::now_ms();
        let shifted = text
            .replace("{{NOWMS}}", &now.to_string())
            .replace("{{NOW}}", &(now / 1000).to_string())
            .replace("{{FUTUREMS}}", &(now + 7_200_000).to_string())
            .replace("{{PASTMS}}", &(now - 7_200_000).to_string())
            .replace("{{FUTUREISO}}", "2099-01-01T00:00:00+00:00");
        self.fill(&shifted)
    }

    fn write_databases(&self, path: &dyn Fn(&str) -> PathBuf, place: &dyn Fn(&str) -> String) {
        let world = self.world();
        for ((db, table), rows) in &world.tables {
            let db = path(db.strip_prefix(HOME).unwrap().to_str().unwrap());
            std::fs::create_dir_all(db.parent().unwrap()).unwrap();
            let connection = rusqlite::Connection::open(&db).unwrap();
            let (key, value) = columns(table);
            let create = format!(
                "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS \"{table}\"({key} TEXT PRIMARY KEY, {value} TEXT, updated_at INTEGER, updated_at_ms INTEGER, deleted_at_ms INTEGER)"
            );
            connection.execute_batch(&create).unwrap();
            for (name, text) in rows {
                let insert = format!("INSERT INTO \"{table}\"({key}, {value}) VALUES(?1, ?2)");
                connection.execute(&insert, [name, &place(text)]).unwrap();
            }
        }
    }
}

fn columns(table: &str) -> (&'static str, &'static str) {
    match table {
        "config_machine_state" => ("state_key", "value_json"),
        "auth_profile_store" => ("store_key", "store_json"),
        "auth_profile_state" => ("state_key", "state_json"),
        _ => ("name", "value"),
    }
}

pub fn write_file(path: &Path, bytes: &[u8], mode: Option<&str>) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    let mode = mode.map_or(0o600, |mode| u32::from_str_radix(mode, 8).unwrap());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
