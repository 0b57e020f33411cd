//! Where a new key must go so that Hermes sends it, and what has to change along.
//!
//! Hermes' own writer is no model here: it changes the first of two lines where the last one is used, and it keeps a
//! cooldown on the entry that gets a new key.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::answer::Verdict;
use super::choose;
use super::custom::{self, Custom};
use super::environ::{DOTENV, Layer, Shared, Var};
use super::profile::{Profile, Rules};
use super::registry::{self, Auth, Provider};
use super::runtime::Ask;
use super::store::Record;
use super::{home, install};
use crate::agents::Context;
use crate::destination::{Destination, Neighbour, Set};
use crate::resolve::{Candidate, Mode, Outcome, Slot, State};
use crate::source::{Dialect, Format, Place, Pointer, Source};

/// The places for a new key, best first.
#[must_use]
pub fn of(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let homes = home::find(world);
    let Some(home) = homes.all.iter().find(|home| home.name == slot.profile) else { return Vec::new() };
    let install = install::find(world, &homes.root);
    let rules = install.as_ref().map_or(Rules::V019, |install| install.rules);
    let root = install.as_ref().map(|install| install.root.as_path());
    let shared = Shared::default();
    let profile = Profile::load(world, home, (root, home::managed(world).as_deref()), &shared, rules);
    let main = main(&profile, slot);
    let places = Places { profile: &profile, slot, main };
    let mut all = match registry::find(&slot.agent_provider) {
        Some(known) if known.auth != Auth::ApiKey => Vec::new(),
        Some(known) if known.id == "anthropic" => places.with_token(known),
        Some(known) => places.registry(known),
        None => places.custom(),
    };
    all = all.into_iter().flat_map(|one| [places.referred(&one), Some(one)]).flatten().collect();
    let mut seen: Vec<Place> = Vec::new();
    all.retain(|destination| {
        let new = !seen.contains(&destination.place);
        seen.push(destination.place.clone());
        new
    });
    all
}

struct Places<'a> {
    profile: &'a Profile<'a>,
    slot: &'a Slot,
    /// The candidate that decides, also where the HTTP library then refuses it.
    main: Option<&'a Candidate>,
}

/// The candidate that is sent, or would be if its text could be sent at all.
fn main<'a>(profile: &Profile<'_>, slot: &'a Slot) -> Option<&'a Candidate> {
    if slot.active.is_some() {
        return slot.active_candidate();
    }
    let mode = slot.mode.unwrap_or(Mode::Headless);
    let ask = Ask { requested: slot.agent_provider.clone(), mode, key: None, base: None };
    let answer = choose::run(profile, &ask);
    let Verdict::Sends { step, .. } = answer.verdict else { return None };
    slot.candidates.iter().find(|candidate| candidate.place == answer.steps[step].place)
}

impl Places<'_> {
    fn dotenv(&self) -> PathBuf {
        self.profile.home.dir.join(".env")
    }

    /// The file in words a person knows.
    fn dotenv_words(&self) -> String {
        crate::source::tilde(&self.dotenv(), self.profile.world.home())
    }

    fn active(&self) -> Option<&Candidate> {
        self.main.filter(|candidate| candidate.source != Source::BuiltIn)
    }

    /// Providers with key variables.
    fn registry(&self, known: &Provider) -> Vec<Destination> {
        let variable = self.variable(known);
        let line = self.line(known.id, &variable);
        match self.active() {
            Some(active) if is_stored(active) => {
                let effect = "replaces the pool entry that is sent now".to_owned();
                let behind = format!(
                    "{variable} is kept in {}, and the pool's own entry is sent before it",
                    self.dotenv_words()
                );
                vec![self.entry(active, effect, known.base), Destination { effect: behind, ..line }]
            }
            Some(active) if self.is_managed(active) => {
                let effect =
                    "replaces the key that the administrator set; the file needs the administrator's rights";
                vec![Destination {
                    place: active.place.clone(),
                    effect: effect.to_owned(),
                    neighbours: Vec::new(),
                }]
            }
            Some(active) if active.source == Source::Config => {
                self.configured(active).into_iter().chain([line]).collect()
            }
            _ => vec![line],
        }
    }

    /// The variable that a key of this provider is written to: the one that is used now, else the first one asked.
    fn variable(&self, known: &Provider) -> String {
        let named = self.active().and_then(|active| active.name.clone());
        let own = named.filter(|name| known.keys.contains(&name.as_str()));
        let own = own.filter(|name| !(known.id == "openrouter" && name == "OPENAI_API_KEY"));
        own.unwrap_or_else(|| known.keys.first().copied().unwrap_or_default().to_owned())
    }

    /// Anthropic's places for a key, and the one for the token of a login.
    fn with_token(&self, known: &Provider) -> Vec<Destination> {
        let mut all = self.anthropic(known);
        let token = self.line(known.id, "ANTHROPIC_TOKEN");
        if all.iter().all(|one| !one.place.same_spot(&token.place)) {
            let effect = format!("{}, which is asked before ANTHROPIC_API_KEY", token.effect);
            all.push(Destination { effect, ..token });
        }
        for destination in &mut all {
            self.without_added(destination);
        }
        all
    }

    /// Anthropic: a key alone does not win against a login.
    fn anthropic(&self, known: &Provider) -> Vec<Destination> {
        let Some(active) = self.active() else { return vec![self.line(known.id, "ANTHROPIC_API_KEY")] };
        match active.name.as_deref() {
            Some("ANTHROPIC_API_KEY") if self.is_managed(active) => self.registry(known),
            Some("ANTHROPIC_API_KEY") => vec![self.line(known.id, "ANTHROPIC_API_KEY")],
            Some("ANTHROPIC_TOKEN" | "CLAUDE_CODE_OAUTH_TOKEN")
                if self.is_managed_name("ANTHROPIC_API_KEY") =>
            {
                vec![self.line(known.id, "ANTHROPIC_TOKEN")]
            }
            // Without a token a login that is behind it would be sent: the key goes into the line that is asked first.
            Some("ANTHROPIC_TOKEN" | "CLAUDE_CODE_OAUTH_TOKEN") if self.has_login() => {
                let effect =
                    "sets ANTHROPIC_TOKEN, which is asked before the logins, also when it holds an API key";
                vec![Destination { effect: effect.to_owned(), ..self.line(known.id, "ANTHROPIC_TOKEN") }]
            }
            Some("ANTHROPIC_TOKEN" | "CLAUDE_CODE_OAUTH_TOKEN") => {
                vec![self.without_tokens(known), self.line(known.id, "ANTHROPIC_TOKEN")]
            }
            _ if is_stored(active) && !self.is_login(active) => {
                let line = self.line(known.id, "ANTHROPIC_API_KEY");
                let effect = format!("goes to {}, which is asked before the pool", self.dotenv_words());
                let own = "replaces the pool entry that is sent now".to_owned();
                vec![self.entry(active, own, known.base), Destination { effect, ..line }]
            }
            _ => self.over_login(known, active),
        }
    }

    /// Whether a login is behind what is sent now.
    fn has_login(&self) -> bool {
        self.slot.candidates.iter().any(|candidate| {
            let waits = matches!(candidate.state, State::Shadowed { .. });
            waits && (matches!(candidate.source, Source::Oauth | Source::Keyring) || self.is_login(candidate))
        })
    }

    /// A login outranks ANTHROPIC_API_KEY, and ANTHROPIC_TOKEN outranks the login also when it holds a key.
    fn over_login(&self, known: &Provider, active: &Candidate) -> Vec<Destination> {
        let login = active.name.clone().unwrap_or_else(|| "a login".to_owned());
        let token = self.line(known.id, "ANTHROPIC_TOKEN");
        let key = self.line(known.id, "ANTHROPIC_API_KEY");
        if self.profile.rules == Rules::Newer {
            return vec![key];
        }
        let first = format!(
            "ANTHROPIC_TOKEN is asked before {login}, also when it holds an API key: this one is sent then"
        );
        let second = format!("kept as ANTHROPIC_API_KEY and not sent: {login} outranks it in this version");
        vec![Destination { effect: first, ..token }, Destination { effect: second, ..key }]
    }

    /// The key as ANTHROPIC_API_KEY, with the tokens above it taken away.
    fn without_tokens(&self, known: &Provider) -> Destination {
        let mut destination = self.line(known.id, "ANTHROPIC_API_KEY");
        for name in ["ANTHROPIC_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"] {
            destination.neighbours.extend(self.silence(name));
        }
        "sent as an API key; the OAuth tokens above it are taken away".clone_into(&mut destination.effect);
        destination
    }

    /// Lines of a variable go; one that comes from the shell is blanked by an empty assignment, as Hermes' own set-up
    /// does it.
    fn silence(&self, name: &str) -> Vec<Neighbour> {
        let Some(var) = self.profile.env.var(name) else { return Vec::new() };
        let why = format!("{name} is asked before ANTHROPIC_API_KEY");
        let lines = var.settings.iter().filter(|setting| setting.layer == Layer::User);
        let mut neighbours: Vec<Neighbour> = lines
            .map(|setting| Neighbour { place: setting.place.clone(), set: Set::Remove, why: why.clone() })
            .collect();
        let shell = var
            .settings
            .iter()
            .any(|s| s.layer == Layer::Shell && s.environ.as_deref().is_some_and(|v| !v.is_empty()));
        if shell {
            let line = neighbours.pop().map(|last| last.place);
            let place = line.unwrap_or_else(|| self.new_line(name));
            let why = format!("{why}; an empty assignment hides what the shell exports");
            neighbours.push(Neighbour { place, set: Set::Json(Json::String(String::new())), why });
        }
        neighbours
    }

    /// A custom endpoint.
    fn custom(&self) -> Vec<Destination> {
        let custom = custom::named(&self.profile.config, &self.slot.agent_provider);
        match (self.active(), custom) {
            (Some(active), Some(_)) if is_stored(active) => {
                vec![self.entry(active, "replaces the pool entry that is sent now".to_owned(), "")]
            }
            (Some(active), _) if active.source == Source::Config => self.configured(active),
            (Some(active), Some(custom)) if active.name == custom.key_env => self.key_env(&custom),
            (_, Some(custom)) => vec![self.field(&custom)],
            (Some(active), None) if matches!(active.source, Source::Env | Source::Dotenv) => {
                let name = active.name.clone().unwrap_or_default();
                vec![self.line("", &name), self.model_key()]
            }
            (_, None) if self.slot.agent_provider == "custom" => vec![self.model_key()],
            _ => Vec::new(),
        }
    }

    /// A field of the configuration, or the variable that it refers to.
    fn configured(&self, active: &Candidate) -> Vec<Destination> {
        let here = in_place(active);
        let Place::Field { pointer, .. } = &active.place else { return vec![here] };
        match self.profile.config.variable_at(&pointer.0) {
            None => vec![here],
            Some(name) => {
                let line = self.line("", &name);
                let effect = format!("{}, to which the configuration refers", line.effect);
                let here =
                    Destination { effect: "replaces the reference in the configuration".to_owned(), ..here };
                vec![Destination { effect, ..line }, here]
            }
        }
    }

    fn key_env(&self, custom: &Custom) -> Vec<Destination> {
        let name = custom.key_env.clone().unwrap_or_default();
        vec![self.line(&custom.slug(), &name), self.field(custom)]
    }

    /// The endpoint's own `api_key`.
    fn field(&self, custom: &Custom) -> Destination {
        let pointer = Pointer::new(custom.path.iter().cloned()).join("api_key");
        let place = Place::Field { file: self.profile.config.file.clone(), format: Format::Yaml, pointer };
        let effect = "the endpoint's own api_key, which is sent before its key_env".to_owned();
        Destination { place, effect, neighbours: Vec::new() }
    }

    /// `model.api_key`, which is read only along with a `model.base_url`.
    fn model_key(&self) -> Destination {
        let config = &self.profile.config;
        let place = config.place(&["model", "api_key"]);
        let effect = "model.api_key, which belongs to the configured address".to_owned();
        let address = match &self.slot.outcome {
            Outcome::Sends { base_url, .. } if config.base_url().is_empty() => Some(base_url.clone()),
            _ => None,
        };
        let neighbour = |base: String| Neighbour {
            place: config.place(&["model", "base_url"]),
            set: Set::Json(Json::String(base)),
            why: "model.api_key is read only along with model.base_url".to_owned(),
        };
        Destination { place, effect, neighbours: address.into_iter().map(neighbour).collect() }
    }

    /// A manual pool entry: the key, and an end to its cooldown.
    fn entry(&self, active: &Candidate, effect: String, base: &str) -> Destination {
        let mut neighbours = Vec::new();
        if let Some(record) = self.record(active) {
            neighbours.extend(rested(&record));
            let baseless = record.text("base_url").is_none_or(str::is_empty);
            if baseless
                && !base.is_empty()
                && self.slot.agent_provider != "anthropic"
                && self.slot.agent_provider != "openrouter"
            {
                let why = "without a base_url Hermes passes the entry over for variables, and a chat stops";
                neighbours.push(Neighbour {
                    place: record.place("base_url"),
                    set: Set::Json(Json::String(base.to_owned())),
                    why: why.to_owned(),
                });
            }
        }
        Destination { place: active.place.clone(), effect, neighbours }
    }

    /// The stored entry that a candidate is.
    fn record(&self, candidate: &Candidate) -> Option<Record> {
        let pools = [
            self.slot.agent_provider.clone(),
            format!("custom:{}", custom::normal(&self.slot.agent_provider)),
        ];
        let mut records = pools.iter().flat_map(|pool| self.profile.store.pool(pool));
        records.find(|record| record.place("access_token") == candidate.place)
    }

    fn is_login(&self, candidate: &Candidate) -> bool {
        self.record(candidate).is_some_and(|record| {
            record.text("auth_type") == Some("oauth")
                || record.text("access_token").is_some_and(|token| token.starts_with("sk-ant-oat"))
        })
    }

    /// Whether the administrator sets a variable.
    fn is_managed_name(&self, name: &str) -> bool {
        let managed = |var: &Var| var.settings.iter().any(|setting| setting.layer == Layer::Managed);
        self.profile.env.var(name).is_some_and(|var| managed(&var))
    }

    /// `ANTHROPIC_AUTH_TOKEN`, which the SDK adds to each request with a key: its lines go, so that the new key goes alone.
    fn without_added(&self, destination: &mut Destination) {
        let name = "ANTHROPIC_AUTH_TOKEN";
        let Some(var) = self.profile.env.var(name) else { return };
        let why = format!("the SDK adds {name} to each request, before the key");
        let lines = var.settings.iter().filter(|setting| setting.layer == Layer::User);
        let lines = lines.map(|setting| Neighbour {
            place: setting.place.clone(),
            set: Set::Remove,
            why: why.clone(),
        });
        destination.neighbours.extend(lines);
    }

    fn is_managed(&self, candidate: &Candidate) -> bool {
        let name = candidate.name.as_deref().unwrap_or_default();
        self.profile.env.var(name).is_some_and(|var| {
            var.settings
                .iter()
                .any(|setting| setting.layer == Layer::Managed && setting.place == candidate.place)
        })
    }

    /// The line that a destination's own line refers to (`NAME=${OTHER}`), where that is in the same file.
    fn referred(&self, destination: &Destination) -> Option<Destination> {
        let Place::Line { name, dialect: Dialect::Hermes, .. } = &destination.place else { return None };
        let own = |name: &str| {
            let var = self.profile.env.var(name)?;
            var.settings.iter().rfind(|setting| setting.layer == Layer::User).cloned()
        };
        let text = own(name)?.own?;
        let other = text.strip_prefix("${")?.strip_suffix('}')?;
        let effect = format!("replaces {other} in {}, to which {name} refers", self.dotenv_words());
        Some(Destination { place: own(other)?.place, effect, neighbours: destination.neighbours.clone() })
    }

    /// The line itself; behind a byte order mark, where `os.environ` gets another name, a new line of the same name.
    fn written(&self, place: &Place, name: &str) -> Place {
        let sent = self.active().is_some_and(|active| active.place == *place);
        if sent || !self.profile.env.is_marked(place) {
            return place.clone();
        }
        Place::Line { file: self.dotenv(), line: None, name: name.to_owned(), dialect: DOTENV }
    }

    fn new_line(&self, name: &str) -> Place {
        Place::Line { file: self.dotenv(), line: None, name: name.to_owned(), dialect: Dialect::Hermes }
    }

    /// One line in `H/.env`: the last one of that name, every other line of it removed.
    fn line(&self, pool: &str, name: &str) -> Destination {
        let var = self.profile.env.var(name).unwrap_or_default();
        let settings = &var.settings;
        let own: Vec<&Place> = settings
            .iter()
            .filter(|setting| setting.layer == Layer::User)
            .map(|setting| &setting.place)
            .collect();
        let place = own.last().map_or_else(|| self.new_line(name), |place| self.written(place, name));
        let same_line = |other: &Place| matches!((other, &place), (Place::Line { line: Some(a), .. }, Place::Line { line: Some(b), .. }) if a == b);
        let others = own.iter().rev().skip(1).filter(|other| !same_line(other));
        let why = format!("{name} is set several times, and only one line can be used");
        let mut neighbours: Vec<Neighbour> = others
            .map(|place| Neighbour { place: (*place).clone(), set: Set::Remove, why: why.clone() })
            .collect();
        let source = format!("env:{name}");
        let cooled =
            self.profile.store.pool(pool).into_iter().find(|record| record.text("source") == Some(&source));
        neighbours.extend(cooled.iter().flat_map(rested));
        let shell = settings.iter().any(|setting| setting.layer == Layer::Shell);
        let words = self.dotenv_words();
        let effect = match (own.is_empty(), shell) {
            (false, _) => format!("replaces {name} in {words}"),
            (true, true) => format!("adds {name} to {words}, which beats what the shell exports"),
            (true, false) => format!("adds {name} to {words}"),
        };
        Destination { place, effect, neighbours }
    }
}

/// The fields of an entry that would keep a new key out for the old one's failures.
fn rested(record: &Record) -> Vec<Neighbour> {
    const FIELDS: &[&str] = &[
        "last_status",
        "last_status_at",
        "last_error_code",
        "last_error_reason",
        "last_error_message",
        "last_error_reset_at",
    ];
    let stale = matches!(record.text("last_status"), Some("exhausted" | "dead"));
    let set =
        FIELDS.iter().filter(|field| stale && record.json.get(**field).is_some_and(|value| !value.is_null()));
    set.map(|field| Neighbour {
        place: record.place(field),
        set: Set::Json(Json::Null),
        why: "the old key's failure would keep the new one out".to_owned(),
    })
    .collect()
}

/// The active place itself.
fn in_place(active: &Candidate) -> Destination {
    let effect = "replaces the key that is sent now".to_owned();
    Destination { place: active.place.clone(), effect, neighbours: Vec::new() }
}

/// Whether a candidate is an entry that the pool itself keeps.
fn is_stored(candidate: &Candidate) -> bool {
    candidate.source == Source::Pool && matches!(candidate.place, Place::Field { .. })
}
