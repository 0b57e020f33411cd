//! Home Assistant: the keys that its integrations keep in `.storage/core.config_entries`.
//!
//! From Home Assistant 2026.11.0 (`config_entries.py`, `helpers/storage.py`, `runner.py` and the integrations named in
//! [`DOMAINS`]). It reads the file once at its start and writes it whole from memory.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, foreign_base, host_of};
use crate::agents::engine::{self, Package, Presence, Question, Request, Rules};
use crate::agents::{Agent, Certainty, Context, Looks, Record, Restart, python};
use crate::destination::Destination;
use crate::finding::{Lint, OWNER_RUNS};
use crate::resolve::{Header, Offer, Outcome, Slot};
use crate::source::{Place, Source, Value};
use crate::world::{Process, Trouble, World};

const STORE: &str = ".storage/core.config_entries";

/// Home Assistant.
pub const AGENT: Agent = Agent {
    id: "home-assistant",
    aliases: &["hass", "ha"],
    name: "Home Assistant",
    record: Record::Rules,
    versions: &["2026.11.0"],
    looks: &[Looks {
        place: "/config/.storage/core.config_entries",
        note: "or ~/.homeassistant; one entry an integration; no variable, no secrets.yaml",
    }],
    scan: |context| Some(engine::scan(&AGENT, context, &HomeAssistant::find(context.world)?)),
    destinations: |context, slot| match HomeAssistant::find(context.world) {
        Some(found) => engine::destinations(&found, slot),
        None => Vec::new(),
    },
    switch: super::no_switch,
    restart,
};

/// An integration that keeps a key.
struct Domain {
    name: &'static str,
    provider: Option<&'static str>,
    header: fn() -> Header,
    base: &'static str,
    /// The SDK's variable in Home Assistant's own environment that moves the requests.
    base_variable: Option<&'static str>,
    /// How its key is changed in the browser.
    change: &'static str,
}

const REAUTH: &str =
    "Settings, Devices & services, the integration: Reconfigure, or the repair it offers after a 401";

const DOMAINS: &[Domain] = &[
    Domain {
        name: "open_router",
        provider: Some("openrouter"),
        header: || Header::Bearer,
        base: "https://openrouter.ai/api/v1",
        base_variable: None,
        change: "the integration has no reconfigure: delete it and add it again, which loses its conversation agents; \
                 or stop Home Assistant and change the key here",
    },
    Domain {
        name: "openai_conversation",
        provider: Some("openai"),
        header: || Header::Bearer,
        base: "https://api.openai.com/v1",
        base_variable: Some("OPENAI_BASE_URL"),
        change: REAUTH,
    },
    Domain {
        name: "anthropic",
        provider: Some("anthropic"),
        header: || Header::raw("x-api-key"),
        base: "https://api.anthropic.com",
        base_variable: Some("ANTHROPIC_BASE_URL"),
        change: REAUTH,
    },
    Domain {
        name: "google_generative_ai_conversation",
        provider: Some("gemini"),
        header: || Header::raw("x-goog-api-key"),
        base: "https://generativelanguage.googleapis.com/v1beta",
        base_variable: None,
        change: REAUTH,
    },
    Domain {
        name: "litellm",
        provider: None,
        header: || Header::Bearer,
        base: "",
        base_variable: None,
        change: REAUTH,
    },
];

/// The running Home Assistant.
fn process(world: &dyn World) -> Option<Process> {
    let named = |arg: &String| {
        Path::new(arg).file_name().is_some_and(|name| name == "hass" || name == "homeassistant")
    };
    let all = ["hass", "homeassistant"].into_iter().flat_map(|name| world.processes(name));
    all.into_iter().find(|process| process.args.iter().take(4).any(named))
}

/// The configuration folder: of the running process, of the container, of a plain install.
fn folder(world: &dyn World) -> Option<PathBuf> {
    let given = process(world).and_then(|process| {
        let at = process.args.iter().position(|arg| arg == "-c" || arg == "--config")?;
        process.path(process.args.get(at + 1)?)
    });
    let usual = [PathBuf::from("/config"), common::home(world).join(".homeassistant")];
    given.into_iter().chain(usual).find(|dir| world.exists(&dir.join(STORE)))
}

fn lints(world: &dyn World, dir: &Path, store: &Doc) -> Vec<Lint> {
    let mut lints = Vec::new();
    if store.trouble.is_some() {
        let message = "the file is broken: at its next start Home Assistant puts it aside and comes up without any integration";
        lints.push(Lint::fault("store-discarded", message));
    }
    let copies = world.list(&dir.join(".storage"));
    if copies.iter().any(|name| name.starts_with("core.config_entries.corrupt.")) {
        let message = "copies beside the file (core.config_entries.corrupt.…) hold old keys";
        lints.push(Lint::note("old-copies", message));
    }
    lints
}

/// What one scan reads: the store of the configuration folder, or the program without one.
struct HomeAssistant<'a> {
    world: &'a dyn World,
    dir: Option<PathBuf>,
    store: Doc,
    running: Option<Process>,
}

/// An entry with a key, and its position in the store.
struct Entry<'q> {
    at: usize,
    json: &'q Json,
    domain: &'static Domain,
}

impl Entry<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name)?.as_str()
    }

    fn data(&self, name: &str) -> Option<&str> {
        self.json.get("data")?.get(name)?.as_str()
    }
}

impl<'a> HomeAssistant<'a> {
    fn find(world: &'a dyn World) -> Option<Self> {
        let dir = folder(world);
        if dir.is_none() {
            world.executable("hass")?;
        }
        let store = dir.as_ref().map_or_else(|| Doc::none(""), |dir| Doc::json(world, dir.join(STORE)));
        Some(Self { world, dir, store, running: process(world) })
    }

    fn place(&self, entry: &Entry<'_>) -> Place {
        self.store.place(&["data", "entries", &entry.at.to_string(), "data", "api_key"])
    }
}

impl Rules for HomeAssistant<'_> {
    type Query<'q>
        = Entry<'q>
    where
        Self: 'q;
    const NAMED_BY_ADDRESS: bool = false;

    fn presence(&self) -> Presence<'_> {
        let Some(dir) = &self.dir else {
            let package = Package::Python("homeassistant");
            return Presence { program: "hass", package, paths: Vec::new(), variables: &[] };
        };
        let version = self.world.text(&dir.join(".HA_VERSION"));
        let version = version.and_then(|state| state.text().map(|text| common::printable(text.trim())));
        Presence { program: "", package: Package::Own(version), paths: vec![dir.clone()], variables: &[] }
    }

    fn queries(&self) -> Vec<Entry<'_>> {
        let entries = self.store.at(&["data", "entries"]).and_then(Json::as_array).into_iter().flatten();
        let known = entries.enumerate().filter_map(|(at, json)| {
            let name = json.get("domain").and_then(Json::as_str);
            let domain = DOMAINS.iter().find(|domain| Some(domain.name) == name)?;
            Some(Entry { at, json, domain })
        });
        known.collect()
    }

    fn ask(&self, entry: &Entry<'_>) -> Question {
        let (domain, key) = (entry.domain, entry.data("api_key"));
        let (place, value) = (self.place(entry), Value::of(key));
        let offer = if key == Some("") {
            Offer::ignored(Source::AuthFile, place, value, "empty, so every request fails")
        } else {
            Offer::usable(Source::AuthFile, place, value, "the entry's own key is the only one it has")
        };
        let (base_url, moved) = base(domain, entry.data("url"), self.running.as_ref());
        let moved = moved.filter(|_| host_of(&base_url) != host_of(domain.base));
        let foreign = moved.map(|from| foreign_base("Home Assistant", &base_url, &from));
        let disabled = entry.json.get("disabled_by").is_some_and(|by| !by.is_null());
        let request = Request::new((domain.header)(), base_url, "the entry has no key");
        let question = Question {
            profile: common::printable(entry.text("entry_id").unwrap_or_default()),
            provider: domain.provider.map(str::to_owned),
            in_use: !disabled,
            refusal: disabled.then(|| Outcome::nothing("the integration is disabled")),
            ..Question::new(
                domain.name,
                vec![offer.named(name_of(entry.json))],
                Request { library: python::h11, ..request },
            )
        };
        let foreign = foreign.filter(|_| question.sends());
        let lints = foreign.into_iter().chain(changing(domain, self.running.as_ref())).collect();
        Question { lints, ..question }
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        self.dir.as_ref().map_or_else(Vec::new, |dir| lints(self.world, dir, &self.store))
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.store.problem().into_iter().collect()
    }

    /// The entry's own field, and only while Home Assistant does not run: it never reads an edit, and writes over it.
    fn destinations(&self, entry: &Entry<'_>, _: &Slot) -> Vec<Destination> {
        if self.running.is_some() {
            return Vec::new();
        }
        let effect = "used from the next start of Home Assistant; it must be stopped while this is written, \
                      also where it runs in a container that cannot be seen from here";
        vec![Destination { place: self.place(entry), effect: effect.to_owned(), neighbours: Vec::new() }]
    }
}

/// The entry's title and its conversation agents. A title that is the provider's label of the key stays out: it holds
/// parts of the key as it was at the time of setup.
fn name_of(entry: &Json) -> String {
    let title = |value: &Json| value.get("title").and_then(Json::as_str).map(common::printable);
    let label = |title: &String| title.contains("...") || title.contains('…') || title.starts_with("sk-");
    let own = title(entry).filter(|title| !label(title)).unwrap_or_else(|| "integration".to_owned());
    let agents = entry.get("subentries").and_then(Json::as_array).into_iter().flatten();
    let agents: Vec<String> = agents.filter_map(title).filter(|title| !label(title)).collect();
    if agents.is_empty() { own } else { format!("{own}: {}", agents.join(", ")) }
}

/// Where the requests go, and what moved them: the SDKs read Home Assistant's own environment.
fn base(domain: &Domain, url: Option<&str>, running: Option<&Process>) -> (String, Option<String>) {
    if let Some(url) = url.filter(|_| domain.base.is_empty()) {
        return (url.to_owned(), Some("its entry".to_owned()));
    }
    let env = running.and_then(|process| process.env.as_ref());
    let set =
        domain.base_variable.and_then(|name| Some((name, env?.get(name).filter(|base| !base.is_empty())?)));
    match set {
        Some((name, base)) => (base.clone(), Some(format!("{name} in its environment"))),
        None => (domain.base.to_owned(), None),
    }
}

/// How the key is changed here, said where a person would do it.
fn changing(domain: &Domain, running: Option<&Process>) -> Vec<Lint> {
    let way = domain.change;
    match running {
        Some(process) => {
            let pid = process.pid;
            let message = format!(
                "Home Assistant runs (pid {pid}) and would write over any change here. The way: {way}"
            );
            vec![Lint::note(OWNER_RUNS, message)]
        }
        None => vec![Lint::note("change-in-owner", format!("Prefer the browser: {way}"))],
    }
}

/// The file is read once, at the start.
fn restart(context: &Context<'_>, _: &Slot) -> Option<Restart> {
    let process = process(context.world)?;
    let command =
        process.unit.as_ref().map(|unit| vec!["systemctl".to_owned(), "restart".to_owned(), unit.clone()]);
    Some(Restart {
        what: format!("Home Assistant (pid {})", process.pid),
        certainty: Certainty::MayHold,
        command,
        processes: vec![process],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;
    use crate::world::MemoryWorld;

    fn entry(id: &str, domain: &str, key: &str, disabled: Option<&str>) -> Json {
        serde_json::json!({
            "entry_id": id, "domain": domain, "title": "sk-or-v1-abc...123", "data": {"api_key": key},
            "disabled_by": disabled, "subentries": [{"title": "Kitchen"}],
        })
    }

    fn world() -> MemoryWorld {
        let entries = [
            entry("01A", "open_router", "sk-or-v1-FAKE", None),
            entry("01B", "openai_conversation", "sk-FAKEOLD", Some("user")),
            entry("01C", "anthropic", "sk-ant-FAKE", None),
            entry("01D", "light", "x", None),
        ];
        let text = serde_json::json!({"version": 1, "data": {"entries": entries}}).to_string();
        MemoryWorld::new("/h").with_file_mode(".homeassistant/.storage/core.config_entries", text, 0o644)
    }

    fn scanned(world: &MemoryWorld) -> crate::agents::Findings {
        let catalogue = Catalogue::embedded();
        AGENT.scan(&Context { world, catalogue: &catalogue }).unwrap()
    }

    #[test]
    fn each_entry_is_a_slot_with_its_own_key() {
        let slots = scanned(&world()).slots;
        let shown: Vec<(&str, bool, bool)> =
            slots.iter().map(|s| (s.profile.as_str(), s.in_use, s.sent().is_some())).collect();
        assert_eq!(shown, [("01A", true, true), ("01C", true, true), ("01B", false, false)]);
        assert_eq!(slots[1].sent().unwrap().header, Header::raw("x-api-key"));
        assert_eq!(slots[0].candidates[0].name.as_deref(), Some("integration: Kitchen"));
        assert!(slots[0].candidates[0].lints.iter().any(|lint| lint.id == "readable-by-others"));
    }

    #[test]
    fn nothing_is_written_while_it_runs() {
        let mut world = world();
        let slot = scanned(&world).slots.remove(0);
        let catalogue = Catalogue::embedded();
        assert_eq!((AGENT.destinations)(&Context { world: &world, catalogue: &catalogue }, &slot).len(), 1);
        let args = ["python3", "-m", "homeassistant"].map(str::to_owned).to_vec();
        let env = [("OPENAI_BASE_URL".to_owned(), "http://127.0.0.1:1/v1".to_owned())].into();
        world.processes.push(Process { pid: 9, args, started_ms: 0, env: Some(env), unit: None, cwd: None });
        assert!((AGENT.destinations)(&Context { world: &world, catalogue: &catalogue }, &slot).is_empty());
        assert!(restart(&Context { world: &world, catalogue: &catalogue }, &slot).is_some());
        assert_eq!(scanned(&world).slots[0].lints[0].id, "owner-runs");
    }

    #[test]
    fn a_broken_file_is_told_before_it_is_put_aside() {
        let world =
            MemoryWorld::new("/h").with_file(".homeassistant/.storage/core.config_entries", "{\"a\":1,}");
        let found = scanned(&world);
        assert_eq!(found.lints[0].id, "store-discarded");
        assert_eq!(found.troubles.len(), 1);
    }
}
