//! The sample home and the loopback providers behind `keymend demo`: no real key, no network.
//!
//! The home tells the stories that keymend is for: two OpenClaw profiles with the same revoked key while a working one
//! is unused in the environment; a stale variable that hides the good key in a file; a key pasted with its newline;
//! an account whose limit is used up; and a key that simply works.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::RealWorld;
use crate::host::loopback::{Loopback, Reply, Request};
use crate::host::scratch::{Kind, Scratch};
use crate::secret::Secret;

mod cast;

pub use cast::Key;

/// A running demo. Dropping it closes the server and removes the temporary folder.
pub struct Demo {
    home: PathBuf,
    env: BTreeMap<String, String>,
    server: Loopback,
    folder: Option<Scratch>,
}

impl Demo {
    /// Builds the sample home in `keep`, or in a temporary folder, and starts the providers on loopback.
    pub fn start(keep: Option<&Path>) -> io::Result<Self> {
        let folder = match keep {
            Some(_) => None,
            None => Some(Scratch::new(Kind::Demo)?),
        };
        let home = match (keep, &folder) {
            (Some(dir), _) => dir.to_owned(),
            (None, Some(folder)) => folder.path().join("home"),
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        std::fs::create_dir_all(&home)?;
        // A folder that is not empty is somebody's; the demo never writes over it.
        if std::fs::read_dir(&home)?.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty"));
        }
        build(&home)?;
        let server = Loopback::start(answer)?;
        let env = environment(&home);
        Ok(Self { home, env, server, folder })
    }

    /// Removes the temporary folder now, whoever still looks at the sample home: a thread of the wizard may, when the
    /// wizard ends.
    pub fn close(&self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed now, the next start sweeps.
            let _ = folder.remove();
        }
    }

    /// The sample home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The environment that goes with it.
    #[must_use]
    pub const fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// The sample home as a separate world.
    #[must_use]
    pub fn world(&self) -> RealWorld {
        RealWorld::with(Some(self.home.clone()), self.home.join("project"), self.env.clone(), Vec::new())
    }

    /// Where each provider's host leads in the demo: host name to base URL on loopback.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<String, String> {
        let route =
            |(host, name): &(&str, &str)| ((*host).to_owned(), format!("{}/{name}", self.server.url()));
        HOSTS.iter().map(route).collect()
    }

    /// What `p` pastes in the demo for a provider: a working new key, dirty in the usual ways.
    #[must_use]
    pub fn paste(provider: &str) -> Secret {
        let key = Key::New(cast::known(provider)).text();
        let middle = key.len() / 2;
        Secret::new(format!("{}\u{200b}{}\u{200b}\n", &key[..middle], &key[middle..]))
    }
}

/// The provider hosts that the demo plays.
const HOSTS: [(&str, &str); 4] = [
    ("api.anthropic.com", "anthropic"),
    ("api.openai.com", "openai"),
    ("openrouter.ai", "openrouter"),
    ("generativelanguage.googleapis.com", "gemini"),
];

fn environment(home: &Path) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("HOME".to_owned(), home.to_string_lossy().into_owned()),
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("ANTHROPIC_API_KEY".to_owned(), Key::Working("anthropic").text()),
        ("OPENAI_API_KEY".to_owned(), Key::Stale("openai").text()),
    ])
}

fn build(home: &Path) -> io::Result<()> {
    let files: [(&str, &str); 9] = [
        (".hermes/config.yaml", include_str!("../assets/demo/hermes/config.yaml")),
        (".hermes/.env", include_str!("../assets/demo/hermes/dotenv")),
        (".hermes/profiles/work/config.yaml", include_str!("../assets/demo/hermes/work.yaml")),
        (".hermes/profiles/work/.env", include_str!("../assets/demo/hermes/work.dotenv")),
        (".openclaw/openclaw.json", include_str!("../assets/demo/openclaw/openclaw.json")),
        (".openclaw/.env", include_str!("../assets/demo/openclaw/dotenv")),
        (".aider.conf.yml", include_str!("../assets/demo/aider.conf.yml")),
        (".bashrc", include_str!("../assets/demo/bashrc")),
        ("project/README.md", "A project to start an agent in.\n"),
    ];
    for (path, text) in files {
        write(&home.join(path), &cast::fill(text))?;
    }
    openclaw_store(&home.join(".openclaw/state/openclaw.sqlite"))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// OpenClaw's shared store as 2026.8 and later keep it.
#[cfg(feature = "sqlite")]
fn openclaw_store(path: &Path) -> io::Result<()> {
    write(path, "")?;
    let rows = [
        ("auth.sharedStore", "{\"location\":\"state-db\"}".to_owned()),
        ("authProfiles.store", cast::fill(include_str!("../assets/demo/openclaw/profiles.json"))),
        ("authProfiles.state", cast::fill(include_str!("../assets/demo/openclaw/state.json"))),
    ];
    let fill = || -> rusqlite::Result<()> {
        let db = rusqlite::Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode=WAL;
             CREATE TABLE config_machine_state(state_key TEXT PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT;
             PRAGMA user_version=18;",
        )?;
        for (key, value) in rows {
            db.execute("INSERT INTO config_machine_state VALUES(?1, ?2, 1795251600000)", [key, &value])?;
        }
        Ok(())
    };
    fill().map_err(io::Error::other)
}

#[cfg(not(feature = "sqlite"))]
fn openclaw_store(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// What the providers on loopback say: by the first step of the path, the key in its header, and what is asked.
fn answer(request: &Request) -> Reply {
    let mut steps = request.target.trim_start_matches('/').splitn(2, '/');
    let (provider, rest) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    let key = ["x-api-key", "x-goog-api-key"]
        .iter()
        .find_map(|name| request.header(name))
        .or_else(|| {
            request.header("authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or(value))
        })
        .unwrap_or_default();
    let account = cast::account(provider, key);
    cast::reply(provider, rest, &request.method, account).after(Duration::from_millis(180))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_home_stands_alone_and_keeps_to_its_folder() {
        let demo = Demo::start(None).unwrap();
        let home = demo.home().to_owned();
        assert!(home.join(".openclaw/openclaw.json").is_file());
        let text = std::fs::read_to_string(home.join(".hermes/.env")).unwrap();
        assert!(!text.contains("{{"), "every placeholder is filled");
        drop(demo);
        assert!(!home.exists(), "the temporary folder goes with the demo");
    }

    #[test]
    fn a_folder_that_is_somebodys_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), "mine").unwrap();
        assert!(Demo::start(Some(folder.path())).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
