//! Cline: the 3.x command line with its stores and its hub, and the VS Code extension beside it.
//!
//! Rules from Cline CLI 3.0.65 (@cline/core and @cline/llms 0.0.86), and from recordings of it.

use crate::agents::common::{self, Traces, foreign_base, host_of};
use crate::agents::python::{self, Draft, Layers};
use crate::agents::{Agent, Certainty, Context, Findings, Looks, Record, Restart};
use crate::destination::{Destination, Neighbour, Set};
use crate::finding::Lint;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Process, World};

mod catalogue;
mod extension;
mod hub;
mod store;

use catalogue::{Family, PROVIDERS, Provider};
use store::{Entry, Field, Store};

const ID: &str = "cline";
/// How long before its end Cline renews a token; within this time the answer depends on the moment.
const RENEWAL_MS: i64 = 10 * 60 * 1000;

/// Cline.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &[],
    name: "Cline",
    record: Record::Rules,
    versions: &["3.0.65"],
    looks: &[
        Looks {
            place: "~/.cline/data/settings/providers.json",
            note: "headers, access token, apiKey, auth.apiKey",
        },
        Looks { place: "~/.cline/data/secrets.json", note: "2.x; taken over once, where 3.x has no entry" },
        Looks { place: "the hub's start environment", note: "while a hub runs, not your shell" },
        Looks { place: "OPENROUTER_API_KEY, ANTHROPIC_API_KEY, …", note: "" },
        Looks { place: ".env.local, .env", note: "of the working directory alone; the shell wins" },
        Looks { place: "VS Code's secret storage", note: "the extension; sealed" },
    ],
    scan,
    destinations,
    switch: super::no_switch,
    restart,
};

/// What one scan reads.
struct Here<'a> {
    world: &'a dyn World,
    store: Store,
    /// The variables that count.
    layers: Layers,
    /// This shell's, where a hub's count instead.
    unused: Option<Layers>,
    hub: Option<Process>,
}

impl<'a> Here<'a> {
    fn look(world: &'a dyn World) -> Self {
        let hub = hub::process(world);
        let start = hub::of_start(world);
        let store = Store::open(world, &start);
        let (layers, unused) = match hub.as_ref().and_then(hub::of_hub) {
            Some(layers) => (layers, Some(start)),
            None => (start, None),
        };
        Self { world, store, layers, unused, hub }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let here = Here::look(world);
    let mut slots = here.slots();
    slots.extend(extension::slots(world, &here.store));
    slots.sort_by_key(|slot| !slot.in_use);
    common::finish(world, &mut slots);
    let version = common::version(world, "cline", &["cline", "@cline/cli"]);
    let paths = [here.store.file.path.clone(), here.store.data()];
    let variables = ["CLINE_DIR", "CLINE_DATA_DIR", "CLINE_PROVIDER_SETTINGS_PATH", "CLINE_API_KEY"];
    let mut found = Traces { program: "cline", paths: &paths, variables: &variables }.found(world);
    found.extend(extension::traces(world));
    let docs = [&here.store.file, &here.store.secrets, &here.store.state];
    Some(Findings {
        found,
        rules: common::rules("Cline CLI", AGENT.versions, version.as_deref()),
        version,
        slots,
        troubles: docs.iter().filter_map(|doc| doc.problem()).collect(),
        lints: here.discards().into_iter().chain(here.hub_lives()).collect(),
    })
}

impl Here<'_> {
    /// The built-in providers that people use first, and every other one that something stands for.
    fn slots(&self) -> Vec<Slot> {
        let last = self.store.last_used();
        let shown = |provider: &&Provider| {
            let set = || provider.variables.iter().any(|name| self.layers.get(name).is_some());
            provider.common
                || set()
                || self.store.entry(provider.id).is_some()
                || self.store.stored(provider.id).is_some()
        };
        let known = PROVIDERS.iter().filter(shown);
        let mut slots: Vec<Slot> = known.map(|provider| self.slot(provider, last.as_deref())).collect();
        let unknown = self.store.ids().into_iter().filter(|id| catalogue::provider(id).is_none());
        slots.extend(unknown.map(|id| self.unknown(&id, last.as_deref())));
        slots
    }

    fn slot(&self, provider: &Provider, last: Option<&str>) -> Slot {
        let entry = self.store.entry(provider.id).unwrap_or_default();
        let mut chain = Chain::new();
        let header = entry.headers.iter().find(|(name, _)| name == "Authorization");
        if let Some((_, field)) = header.filter(|_| provider.family == Family::Bearer) {
            let sent = common::sent_in("Authorization", field.text.trim());
            let why = "the entry's own Authorization header replaces every key";
            chain.push(Offer::usable(Source::Config, field.place.clone(), Value::Present(sent.key), why));
        }
        chain.extend(stored_offers(&entry));
        chain.extend(self.discarded_offers(provider));
        let blank = |value: &str| value.trim().is_empty().then_some("nothing but blanks");
        for name in provider.variables {
            chain.extend(python::offers(&self.layers, name, blank));
            for layer in self.unused.iter().flat_map(|unused| unused.all(name)) {
                let value = Value::Present(Secret::new(layer.value.as_str()));
                let why = "the running hub has the variables of its own start and does not see this one";
                chain.push(Offer::ignored(layer.source, layer.place.clone(), value, why).named(*name));
            }
        }
        let (base_url, moved) = base(provider, &entry);
        let mut slot = Draft {
            agent: ID,
            profile: "default".to_owned(),
            provider: catalogue_id(provider, &base_url),
            agent_provider: provider.id.to_owned(),
            in_use: last == Some(provider.id),
            chain,
            header: family_header(provider.family),
            base_url,
            refuses: |_, _| None,
            without: "the request leaves without Authorization, and the answer speaks of missing credentials"
                .to_owned(),
            lints: Vec::new(),
        }
        .finish();
        self.as_sent(provider, &entry, &mut slot);
        self.slot_lints(provider, moved, &mut slot);
        slot
    }

    /// From the stored text to the text on the wire: trimmed, with the account's prefix, or refused.
    fn as_sent(&self, provider: &Provider, entry: &Entry, slot: &mut Slot) {
        let token =
            slot.active_candidate().is_some_and(|active| active.name.as_deref() == Some("access token"));
        if let Some(reason) = self.not_on_record(provider, entry, token, slot) {
            slot.outcome = Outcome::NotKnown { reason: reason.to_owned() };
            return;
        }
        let Outcome::Sends { sent, also, .. } = &mut slot.outcome else { return };
        sent.key = trim(&sent.key);
        if token && provider.id == "cline" && !sent.key.map(str::to_lowercase).starts_with("workos:") {
            sent.key = sent.key.map(|text| format!("workos:{text}"));
        }
        if sent.header.name() == "authorization"
            && entry.headers.iter().any(|(name, _)| name == "Authorization")
        {
            *sent = Sent { header: own_header(entry), key: sent.key.clone() };
        }
        let others = entry.headers.iter().filter(|(name, _)| name != "Authorization");
        *also = common::extra_headers(others.map(|(name, field)| (name.as_str(), field.text.trim())));
        let why = if sent.key.any_char(|c| u32::from(c) > 0xff) {
            "the key holds a character that no header can carry (often an invisible one)"
        } else if !common::fits_header(&sent.key) {
            "the key holds a control character"
        } else {
            return;
        };
        let reason = format!("{why}: the request never leaves, and the error prints the key");
        if let Some(active) = slot.active.and_then(|at| slot.candidates.get_mut(at)) {
            active.lints.push(Lint::fault("invalid-header", reason.clone()));
        }
        slot.outcome = Outcome::Nothing { reason };
    }

    fn not_on_record(
        &self,
        provider: &Provider,
        entry: &Entry,
        token: bool,
        slot: &Slot,
    ) -> Option<&'static str> {
        let key = slot.sent().map(|sent| &sent.key);
        let from_env =
            slot.active_candidate().is_some_and(|c| matches!(c.source, Source::Env | Source::Dotenv));
        let hidden_hub = self.hub.as_ref().is_some_and(|hub| hub.env.is_none());
        let renews = token && entry.refresh && provider.id == "cline";
        let ends = entry.expires_ms.unwrap_or(0);
        let own =
            |name: &str| name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("x-api-key");
        let odd = |name: &str| own(name) && (name != "Authorization" || provider.family != Family::Bearer);
        if hidden_hub && (from_env || slot.active.is_none()) && !provider.variables.is_empty() {
            return Some(
                "a Cline hub runs and its environment cannot be read; it uses its own variables, not this shell's",
            );
        }
        key?;
        if provider.family == Family::Other {
            Some("what Cline sends to this provider is not on record")
        } else if entry.special {
            Some("the entry changes protocol or client; what then leaves is not on record")
        } else if renews && ends - self.world.now_ms() < RENEWAL_MS {
            Some("the account's token has ended or ends now; Cline renews it at its start")
        } else if entry.headers.iter().any(|(name, _)| odd(name)) {
            Some("the entry sets a credential header of its own; which one leaves is not on record")
        } else if key.is_some_and(|key| key.any_char(|c| ('\u{80}'..='\u{ff}').contains(&c))) {
            Some("the key holds a character that is not ASCII; what then leaves is not on record")
        } else {
            None
        }
    }

    /// What stands in a file that Cline throws away, so that it is seen before it is lost.
    fn discarded_offers(&self, provider: &Provider) -> Vec<Offer> {
        let mut offers = Vec::new();
        if let Some(why) = &self.store.discarded {
            let stored = self.store.stored(provider.id).unwrap_or_default();
            for field in [stored.access, stored.key, stored.auth_key].into_iter().flatten() {
                offers.push(unused(field, format!("Cline treats the whole file as empty: {why}")));
            }
        } else if self.store.stored(provider.id).is_some() {
            let legacy = self.store.legacy(provider.id).unwrap_or_default();
            for field in [legacy.access, legacy.key].into_iter().flatten() {
                let why = "providers.json has an entry for this provider, so the 2.x key is never taken over";
                offers.push(unused(field, why.to_owned()));
            }
        }
        offers
    }

    fn discards(&self) -> Option<Lint> {
        let why = self.store.discarded.as_ref()?;
        let message = format!(
            "Cline treats providers.json as empty and writes over it, every key in it is lost: {why}"
        );
        Some(Lint::fault("store-discarded", message))
    }

    fn hub_lives(&self) -> Option<Lint> {
        let pid = self.hub.as_ref()?.pid;
        let message = format!(
            "a Cline hub runs (pid {pid}): it keeps the variables of its own start, also in other folders, until `cline hub stop`"
        );
        Some(Lint::note("hub-runs", message))
    }

    fn slot_lints(&self, provider: &Provider, moved: bool, slot: &mut Slot) {
        if let Outcome::Sends { base_url, .. } = &slot.outcome
            && moved
            && host_of(base_url) != host_of(provider.base)
        {
            slot.lints.push(foreign_base("Cline", base_url, "its entry in providers.json"));
        }
        let ignored = match provider.id {
            "anthropic" => "ANTHROPIC_BASE_URL",
            "openai-native" | "openai-compatible" => "OPENAI_BASE_URL",
            _ => return,
        };
        if self.layers.text(ignored).is_some() {
            let message =
                format!("{ignored} is set, and Cline does not read it; only baseUrl in its store counts");
            slot.lints.push(Lint::note("variable-unused", message));
        }
    }

    fn unknown(&self, id: &str, last: Option<&str>) -> Slot {
        let entry = self.store.stored(id).unwrap_or_default();
        let mut chain = Chain::new();
        chain.extend(stored_offers(&entry));
        let mut slot = Draft {
            agent: ID,
            profile: "default".to_owned(),
            provider: None,
            agent_provider: common::printable(id),
            in_use: last == Some(id),
            chain,
            header: Header::Bearer,
            base_url: entry.base.unwrap_or_default(),
            refuses: |_, _| None,
            without: String::new(),
            lints: Vec::new(),
        }
        .finish();
        let reason = "what Cline sends to this provider is not on record".to_owned();
        slot.outcome = Outcome::NotKnown { reason };
        slot
    }
}

fn unused(field: Field, why: String) -> Offer {
    Offer::ignored(Source::AuthFile, field.place, Value::Present(Secret::new(field.text)), why)
}

/// `auth.accessToken`, `apiKey`, `auth.apiKey`: the first that is not blank.
fn stored_offers(entry: &Entry) -> Vec<Offer> {
    let fields = [
        (&entry.access, "access token", "an access token comes before every key"),
        (&entry.key, "apiKey", "the stored key comes before every variable"),
        (&entry.auth_key, "auth.apiKey", "the stored key comes before every variable"),
    ];
    let offer = |(field, name, why): (&Option<Field>, &str, &str)| {
        let field = field.as_ref()?;
        let value = Value::Present(Secret::new(field.text.as_str()));
        let (source, place) = (Source::AuthFile, field.place.clone());
        let offer = match field.text.trim().is_empty() {
            true => Offer::ignored(source, place, value, "empty; Cline looks further"),
            false if entry.migrated => {
                Offer::usable(source, place, value, "taken over from Cline 2.x at the next start")
            }
            false => Offer::usable(source, place, value, why),
        };
        Some(offer.named(name))
    };
    fields.into_iter().filter_map(offer).collect()
}

/// JavaScript's `trim`.
fn trim(key: &Secret) -> Secret {
    key.map(|text| text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_owned())
}

fn family_header(family: Family) -> Header {
    match family {
        Family::Anthropic => Header::raw("x-api-key"),
        Family::Google => Header::raw("x-goog-api-key"),
        Family::Bearer | Family::Other => Header::Bearer,
    }
}

/// The header of an entry with its own `Authorization`, which need not be a bearer.
fn own_header(entry: &Entry) -> Header {
    let own = entry.headers.iter().find(|(name, _)| name == "Authorization");
    own.map_or(Header::Bearer, |(_, field)| common::sent_in("Authorization", field.text.trim()).header)
}

/// Where the requests go, and whether the entry moved them.
fn base(provider: &Provider, entry: &Entry) -> (String, bool) {
    match (&entry.base, provider.china.filter(|_| entry.china)) {
        (Some(base), _) => (base.clone(), true),
        (None, Some(china)) => (china.to_owned(), false),
        (None, None) => (provider.base.to_owned(), false),
    }
}

/// `openai-compatible` is whoever answers at its base URL.
fn catalogue_id(provider: &Provider, base_url: &str) -> Option<String> {
    let id = match (provider.id, host_of(base_url).as_str()) {
        ("openai-compatible", "api.openai.com") => Some("openai"),
        ("openai-compatible", "openrouter.ai") => Some("openrouter"),
        ("moonshot", "api.moonshot.cn") => Some("moonshot-cn"),
        ("zai", "open.bigmodel.cn") => Some("bigmodel"),
        _ => provider.catalogue,
    };
    id.map(str::to_owned)
}

/// `settings.apiKey` of the entry; a token or header that comes before it has to go.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let here = Here::look(context.world);
    let id = slot.agent_provider.as_str();
    if slot.profile == "vscode" || here.store.discarded.is_some() {
        // The extension keeps its keys in memory and writes them back; a file that counts as empty is mended first.
        return Vec::new();
    }
    let file = &here.store.file;
    let mut neighbours = Vec::new();
    if let Some(entry) = here.store.stored(id) {
        let why = "it comes before the key, so the new key would never be used";
        let stronger = entry.access.iter().map(|field| field.place.clone());
        let headers = entry.headers.iter().filter(|(name, _)| name == "Authorization");
        let stronger = stronger.chain(headers.map(|(_, field)| field.place.clone()));
        let refresh =
            entry.refresh.then(|| file.place(&["providers", id, "settings", "auth", "refreshToken"]));
        neighbours.extend(stronger.chain(refresh).map(|place| remove(place, why)));
    } else {
        let set = |steps: &[&str], value: serde_json::Value| Neighbour {
            place: file.place(steps),
            set: Set::Json(value),
            why: "Cline throws the whole file away without it".to_owned(),
        };
        let stamp = jiff::Timestamp::from_millisecond(context.world.now_ms()).unwrap_or_default();
        let stamp = stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        neighbours.extend((!file.present).then(|| set(&["version"], 1.into())));
        neighbours.push(set(&["providers", id, "settings", "provider"], id.into()));
        neighbours.push(set(&["providers", id, "updatedAt"], stamp.into()));
    }
    let place = file.place(&["providers", id, "settings", "apiKey"]);
    let both = extension::slots(context.world, &here.store).iter().any(|other| other.agent_provider == id);
    let effect = if both {
        "the next request of the CLI uses it; the VS Code extension keeps a key of its own"
    } else {
        "the next request of Cline uses it, also through a running hub"
    };
    let effect = effect.to_owned();
    vec![Destination { place, effect, neighbours }]
}

fn remove(place: Place, why: &str) -> Neighbour {
    Neighbour { place, set: Set::Remove, why: why.to_owned() }
}

/// Keys in files are read anew for each request; variables are the hub's until it ends.
fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    let hub = hub::process(context.world)?;
    let active = slot.active_candidate();
    let from_process = active.is_some_and(|c| c.source == Source::Process);
    let certainty = match active.map(|c| c.source) {
        Some(Source::AuthFile | Source::Config) => Certainty::Reloads,
        _ if hub.env.is_none() => Certainty::CannotTell,
        _ if from_process => Certainty::StillHolds,
        _ => Certainty::MayHold,
    };
    Some(Restart {
        what: format!("Cline hub (pid {})", hub.pid),
        certainty,
        command: Some(["cline", "hub", "stop"].map(str::to_owned).to_vec()),
        processes: vec![hub],
    })
}

#[cfg(test)]
mod tests;
