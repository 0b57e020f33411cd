//! Home Assistant: the keys that its integrations keep in `.storage/core.config_entries`.
//!
//! From Home Assistant 2026.11.0 (`config_entries.py`, `helpers/storage.py`, `runner.py` and the integrations named in
//! [`DOMAINS`]). It reads the file once at its start and writes it whole from memory.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::agents::common::{self, Doc, foreign_base, host_of};
use crate::agents::python::{self, Draft};
use crate::agents::{Agent, Certainty, Context, Findings, Looks, Record, Restart};
use crate::destination::Destination;
use crate::finding::{Lint, OWNER_RUNS};
use crate::resolve::{Chain, Header, Offer, Outcome, Slot};
use crate::source::{Place, Source, Value};
use crate::world::{Process, World};

const ID: &str = "home-assistant";
const STORE: &str = ".storage/core.config_entries";

/// Home Assistant.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["hass", "ha"],
    name: "Home Assistant",
    record: Record::Rules,
    versions: &["2026.11.0"],
    looks: &[Looks {
        place: "/config/.storage/core.config_entries",
        note: "or ~/.homeassistant; one entry an integration; no variable, no secrets.yaml",
    }],
    scan,
    destinations,
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

fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let Some(dir) = folder(world) else { return installed(world) };
    let store = Doc::json(world, dir.join(STORE));
    let running = process(world);
    let entries = store.at(&["data", "entries"]).and_then(Json::as_array).into_iter().flatten().enumerate();
    let mut slots: Vec<Slot> =
        entries.filter_map(|(at, entry)| slot(&store, at, entry, running.as_ref())).collect();
    slots.sort_by_key(|slot| !slot.in_use);
    common::finish(world, &mut slots);
    let version = world.text(&dir.join(".HA_VERSION"));
    let version = version.and_then(|state| state.text().map(|text| common::printable(text.trim())));
    Some(Findings {
        found: vec![crate::source::tilde(&dir, world.home())],
        rules: common::rules("Home Assistant", AGENT.versions, version.as_deref()),
        version,
        slots,
        troubles: store.problem().into_iter().collect(),
        lints: lints(world, &dir, &store),
    })
}

/// The program without a configuration: found, and without a key.
fn installed(world: &dyn World) -> Option<Findings> {
    let program = world.executable("hass")?;
    let version = python::version(world, "hass", "homeassistant");
    Some(Findings {
        found: vec![format!("program {}", crate::source::tilde(&program, world.home()))],
        rules: common::rules("Home Assistant", AGENT.versions, version.as_deref()),
        version,
        ..Findings::default()
    })
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

fn slot(store: &Doc, at: usize, entry: &Json, running: Option<&Process>) -> Option<Slot> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str);
    let domain = DOMAINS.iter().find(|domain| Some(domain.name) == text("domain"))?;
    let data = |name: &str| entry.get("data").and_then(|data| data.get(name)).and_then(Json::as_str);
    let place = store.place(&["data", "entries", &at.to_string(), "data", "api_key"]);
    let key = data("api_key");
    let offer = match key {
        Some("") => Offer::ignored(Source::AuthFile, place, Value::of(key), "empty, so every request fails"),
        _ => Offer::usable(
            Source::AuthFile,
            place,
            Value::of(key),
            "the entry's own key is the only one it has",
        ),
    };
    let mut chain = Chain::new();
    chain.push(offer.named(name_of(entry)));
    let (base_url, moved) = base(domain, data("url"), running);
    let disabled = entry.get("disabled_by").is_some_and(|by| !by.is_null());
    let mut slot = Draft {
        agent: ID,
        profile: common::printable(text("entry_id").unwrap_or_default()),
        provider: domain.provider.map(str::to_owned),
        agent_provider: domain.name.to_owned(),
        in_use: !disabled,
        chain,
        header: (domain.header)(),
        base_url,
        refuses: python::refused,
        without: "the entry has no key".to_owned(),
        lints: Vec::new(),
    }
    .finish();
    if disabled {
        python::refuse(&mut slot, "the integration is disabled");
    }
    if let (Outcome::Sends { base_url, .. }, Some(from)) = (&slot.outcome, moved)
        && host_of(base_url) != host_of(domain.base)
    {
        slot.lints.push(foreign_base("Home Assistant", base_url, &from));
    }
    slot.lints.extend(changing(domain, running));
    Some(slot)
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

/// The entry's own field, and only while Home Assistant does not run: it never reads an edit, and writes over it.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    if process(context.world).is_some() {
        return Vec::new();
    }
    let field = |candidate: &crate::resolve::Candidate| matches!(candidate.place, Place::Field { .. });
    let Some(candidate) = slot.candidates.iter().find(|candidate| field(candidate)) else {
        return Vec::new();
    };
    let effect = "used from the next start of Home Assistant; it must be stopped while this is written, \
                  also where it runs in a container that cannot be seen from here";
    vec![Destination { place: candidate.place.clone(), effect: effect.to_owned(), neighbours: Vec::new() }]
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

    fn scanned(world: &MemoryWorld) -> Findings {
        let catalogue = Catalogue::embedded();
        scan(&Context { world, catalogue: &catalogue }).unwrap()
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
        assert_eq!(destinations(&Context { world: &world, catalogue: &catalogue }, &slot).len(), 1);
        let args = ["python3", "-m", "homeassistant"].map(str::to_owned).to_vec();
        let env = [("OPENAI_BASE_URL".to_owned(), "http://127.0.0.1:1/v1".to_owned())].into();
        world.processes.push(Process { pid: 9, args, started_ms: 0, env: Some(env), unit: None, cwd: None });
        assert!(destinations(&Context { world: &world, catalogue: &catalogue }, &slot).is_empty());
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
