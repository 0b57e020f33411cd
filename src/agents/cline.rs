//! Cline: the 3.x command line with its stores and its hub, and the VS Code extension beside it.
//!
//! Rules from Cline CLI 3.0.65 (@cline/core and @cline/llms 0.0.86), and from recordings of it.

use std::path::PathBuf;

use crate::agents::common::{self, foreign_base, host_of};
use crate::agents::engine::{
    self, Clash, Layers, Package, Presence, Question, Request, Rules, Unsendable, headers,
};
use crate::agents::{Agent, Certainty, Context, Looks, Record, Restart};
use crate::destination::{Destination, Neighbour, Set};
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Offer, Outcome, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Process, Trouble, World};

mod catalogue;
mod extension;
mod hub;
mod store;

use catalogue::{Family, PROVIDERS, Provider};
use extension::Extension;
use store::{Entry, Field, Store};

/// How long before its end Cline renews a token; within this time the answer depends on the moment.
const RENEWAL_MS: i64 = 10 * 60 * 1000;

/// Cline.
pub const AGENT: Agent = Agent {
    id: "cline",
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
    scan: |context| Some(engine::scan(&AGENT, context, &Here::look(context.world))),
    destinations: |context, slot| engine::destinations(&Here::look(context.world), slot),
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
    extension: Option<Extension>,
    /// The provider that was used last.
    last: Option<String>,
}

/// Who asks.
enum Query<'q> {
    /// The command line, for a provider that is known.
    Cli(&'static Provider),
    /// The command line, for one that is not.
    Unknown(String),
    /// The VS Code extension.
    Extension(&'q Extension, &'static Provider),
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
        let (extension, last) = (Extension::find(world, &store), store.last_used());
        Self { world, store, layers, unused, hub, extension, last }
    }
}

impl Rules for Here<'_> {
    type Query<'q>
        = Query<'q>
    where
        Self: 'q;
    const NAMED_BY_ADDRESS: bool = false;
    const PROGRAM: Option<&'static str> = Some("Cline CLI");

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "cline",
            package: Package::Node(&["cline", "@cline/cli"]),
            paths: vec![self.store.file.path.clone(), self.store.data()],
            variables: &["CLINE_DIR", "CLINE_DATA_DIR", "CLINE_PROVIDER_SETTINGS_PATH", "CLINE_API_KEY"],
        }
    }

    fn traces(&self) -> Vec<String> {
        extension::traces(self.world).into_iter().collect()
    }

    /// The built-in providers that people use first, and every other one that something is there for; then the extension's.
    fn queries(&self) -> Vec<Query<'_>> {
        let shown = |provider: &&'static Provider| {
            let set = || provider.variables.iter().any(|name| self.layers.get(name).is_some());
            provider.common
                || set()
                || self.store.entry(provider.id).is_some()
                || self.store.stored(provider.id).is_some()
        };
        let known = PROVIDERS.iter().filter(shown).map(Query::Cli);
        let unknown = self.store.ids().into_iter().filter(|id| catalogue::provider(id).is_none());
        let of = |extension| PROVIDERS.iter().map(move |provider| Query::Extension(extension, provider));
        let extension = self.extension.iter().flat_map(of);
        known.chain(unknown.map(Query::Unknown)).chain(extension).collect()
    }

    fn ask(&self, query: &Query<'_>) -> Question {
        match query {
            Query::Cli(provider) => self.question(provider),
            Query::Unknown(id) => self.unknown(id),
            Query::Extension(extension, provider) => extension.ask(provider, &self.store),
        }
    }

    fn is_shown(&self, slot: &Slot) -> bool {
        let is_set = || slot.candidates.iter().any(|candidate| candidate.value != Value::Unset);
        slot.profile != extension::PROFILE || slot.in_use || is_set()
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        self.discards().into_iter().chain(self.hub_lives()).collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        let docs = [&self.store.file, &self.store.secrets, &self.store.state];
        docs.iter().filter_map(|doc| doc.problem()).collect()
    }

    /// `settings.apiKey` of the entry; a token or header that comes before it has to go.
    fn destinations(&self, query: &Query<'_>, _: &Slot) -> Vec<Destination> {
        let id = match query {
            Query::Cli(provider) => provider.id,
            Query::Unknown(id) => id.as_str(),
            // The extension keeps its keys in memory and writes them back.
            Query::Extension(..) => return Vec::new(),
        };
        // A file that is treated as empty is mended first.
        if self.store.discarded.is_some() {
            return Vec::new();
        }
        let shown = |question: Question| {
            question.in_use || question.offers.iter().any(|offer| offer.value != Value::Unset)
        };
        let both = self
            .queries()
            .iter()
            .any(|other| matches!(other, Query::Extension(_, one) if one.id == id) && shown(self.ask(other)));
        let effect = if both {
            "the next request of the CLI uses it; the VS Code extension keeps its own key"
        } else {
            "the next request of Cline uses it, also through a running hub"
        };
        let place = self.store.file.place(&["providers", id, "settings", "apiKey"]);
        vec![Destination { place, effect: effect.to_owned(), neighbours: self.neighbours(id) }]
    }
}

impl Here<'_> {
    fn question(&self, provider: &Provider) -> Question {
        let entry = self.store.entry(provider.id).unwrap_or_default();
        let (base_url, moved) = base(provider, &entry);
        let others = entry.headers.iter().filter(|(name, _)| name != "Authorization");
        let request = Request {
            library: fetch,
            own: headers::all(others.map(|(name, field)| (name.as_str(), field.text.trim())), Clash::Both),
            ..Request::new(
                family_header(provider.family),
                base_url.as_str(),
                "the request is sent without Authorization, and the answer speaks of missing credentials",
            )
        };
        let offers = self.offers(provider, &entry);
        let question = Question {
            provider: catalogue_id(provider, &base_url),
            in_use: self.last.as_deref() == Some(provider.id),
            refusal: self.not_on_record(provider, &entry, &offers).map(Outcome::unknown),
            ..Question::new(provider.id, offers, request)
        };
        let lints = self.slot_lints(provider, &base_url, moved && question.sends());
        Question { lints, ..question }
    }

    fn offers(&self, provider: &Provider, entry: &Entry) -> Vec<Offer> {
        let mut offers = Vec::new();
        let header = entry.headers.iter().find(|(name, _)| name == "Authorization");
        if let Some((_, field)) = header.filter(|_| provider.family == Family::Bearer) {
            let sent = common::sent_in("Authorization", field.text.trim());
            let why = "the entry's own Authorization header replaces every key";
            let offer = Offer::usable(Source::Config, field.place.clone(), Value::Present(sent.key), why);
            offers.push(offer.in_header(sent.header));
        }
        let of_account = |offer: &Offer| provider.id == "cline" && offer.name.as_deref() == Some(TOKEN);
        offers.extend(stored_offers(entry));
        offers.extend(self.discarded_offers(provider));
        let blank = |value: &str| value.trim().is_empty().then_some("nothing but blanks");
        for name in provider.variables {
            offers.extend(self.layers.offers(name, blank));
            for layer in self.unused.iter().flat_map(|unused| unused.all(name)) {
                let value = Value::Present(Secret::new(layer.text.as_str()));
                let why = "the running hub has the variables of its own start and does not see this one";
                offers.push(Offer::ignored(layer.source, layer.place.clone(), value, why).named(*name));
            }
        }
        // What is sent is trimmed, and an account's token has its prefix.
        for offer in &mut offers {
            let Gives::Key(key) = &offer.gives else { continue };
            let mut key = trim(key);
            if of_account(offer) && !key.map(str::to_lowercase).starts_with("workos:") {
                key = key.map(|text| format!("workos:{text}"));
            }
            offer.gives = Gives::Key(key);
        }
        offers
    }

    fn not_on_record(&self, provider: &Provider, entry: &Entry, offers: &[Offer]) -> Option<&'static str> {
        let used = offers.iter().find(|offer| offer.gives.wins());
        let token = used.is_some_and(|used| used.name.as_deref() == Some(TOKEN));
        let from_env = used.is_some_and(|used| matches!(used.source, Source::Env | Source::Dotenv));
        let hidden_hub = self.hub.as_ref().is_some_and(|hub| hub.env.is_none());
        let renews = token && entry.refresh && provider.id == "cline";
        let ends = entry.expires_ms.unwrap_or(0);
        let own =
            |name: &str| name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("x-api-key");
        let odd = |name: &str| own(name) && (name != "Authorization" || provider.family != Family::Bearer);
        if hidden_hub && (from_env || used.is_none()) && !provider.variables.is_empty() {
            return Some(
                "a Cline hub runs and its environment cannot be read; it uses its own variables, not this shell's",
            );
        }
        let key = used?.value.secret();
        if provider.family == Family::Other {
            Some("what Cline sends to this provider is unknown")
        } else if entry.special {
            Some("the entry changes protocol or client; what is then sent is unknown")
        } else if renews && ends - self.world.now_ms() < RENEWAL_MS {
            Some("the account's token has ended or ends now; Cline renews it at its start")
        } else if entry.headers.iter().any(|(name, _)| odd(name)) {
            Some("the entry sets a credential header of its own; which one is sent is unknown")
        } else if key.is_some_and(|key| key.any_char(|c| ('\u{80}'..='\u{ff}').contains(&c))) {
            Some("the key holds a character that is not ASCII; what is then sent is unknown")
        } else {
            None
        }
    }

    /// What changes along with a new key of a provider.
    fn neighbours(&self, id: &str) -> Vec<Neighbour> {
        let file = &self.store.file;
        if let Some(entry) = self.store.stored(id) {
            let why = "it comes before the key, so the new key would never be used";
            let stronger = entry.access.iter().map(|field| field.place.clone());
            let headers = entry.headers.iter().filter(|(name, _)| name == "Authorization");
            let stronger = stronger.chain(headers.map(|(_, field)| field.place.clone()));
            let refresh =
                entry.refresh.then(|| file.place(&["providers", id, "settings", "auth", "refreshToken"]));
            return stronger.chain(refresh).map(|place| remove(place, why)).collect();
        }
        let set = |steps: &[&str], value: serde_json::Value| Neighbour {
            place: file.place(steps),
            set: Set::Json(value),
            why: "Cline throws the whole file away without it".to_owned(),
        };
        let stamp = jiff::Timestamp::from_millisecond(self.world.now_ms()).unwrap_or_default();
        let stamp = stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let version = (!file.present).then(|| set(&["version"], 1.into()));
        let provider = set(&["providers", id, "settings", "provider"], id.into());
        let updated = set(&["providers", id, "updatedAt"], stamp.into());
        version.into_iter().chain([provider, updated]).collect()
    }

    /// What is in a file that Cline throws away, so that it is seen before it is lost.
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

    fn slot_lints(&self, provider: &Provider, base_url: &str, moved: bool) -> Vec<Lint> {
        let mut lints = Vec::new();
        if moved && host_of(base_url) != host_of(provider.base) {
            lints.push(foreign_base("Cline", base_url, "its entry in providers.json"));
        }
        let ignored = match provider.id {
            "anthropic" => "ANTHROPIC_BASE_URL",
            "openai-native" | "openai-compatible" => "OPENAI_BASE_URL",
            _ => return lints,
        };
        if self.layers.text(ignored).is_some() {
            let message =
                format!("{ignored} is set, and Cline does not read it; only baseUrl in its store is used");
            lints.push(Lint::note("variable-unused", message));
        }
        lints
    }

    fn unknown(&self, id: &str) -> Question {
        let entry = self.store.stored(id).unwrap_or_default();
        let offers = stored_offers(&entry);
        let request = Request::new(Header::Bearer, entry.base.unwrap_or_default(), "");
        Question {
            in_use: self.last.as_deref() == Some(id),
            refusal: Some(Outcome::unknown("what Cline sends to this provider is unknown")),
            ..Question::new(common::printable(id), offers, request)
        }
    }
}

/// What a header of Cline's library can hold.
fn fetch(key: &Secret, _: &Header) -> Result<Secret, Unsendable> {
    let why = if key.any_char(|c| u32::from(c) > 0xff) {
        "the key holds a character that no header can carry (often an invisible one)"
    } else if common::fits_header(key) {
        return Ok(key.clone());
    } else {
        "the key holds a control character"
    };
    Err(Unsendable::Faulty(format!("{why}: the request is never sent, and the error prints the key")))
}

fn unused(field: Field, why: String) -> Offer {
    Offer::ignored(Source::AuthFile, field.place, Value::Present(Secret::new(field.text)), why)
}

/// The name of an account's token.
const TOKEN: &str = "access token";

/// `auth.accessToken`, `apiKey`, `auth.apiKey`: the first that is not blank.
fn stored_offers(entry: &Entry) -> Vec<Offer> {
    let fields = [
        (&entry.access, TOKEN, "an access token comes before every key"),
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
