//! Continue's command line (`cn`): the key of the first chat model, by its rules recorded from 1.5.47.
//!
//! `apiKey` in the configuration is a literal or `${{ secrets.NAME }}`. A name is looked up in the process environment,
//! `./.env`, `./.continue/.env` and `~/.continue/.env`; one that is nowhere is sent as it stands.

use std::path::PathBuf;

use regex::Regex;
use serde_json::Value as Json;

use crate::agents::common::{self, Doc, Found, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::formats::dotenv;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Dialect, Place, Source, Value};
use crate::world::World;

#[cfg(test)]
mod tests;

const ID: &str = "continue";
const VERSIONS: &[&str] = &["1.5.47"];

/// Continue.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["continue-cli", "continue-dev"],
    name: "Continue",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations,
    switch: super::no_switch,
    restart,
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "~/.continue/config.yaml",
        note: "apiKey of each model, a literal or ${{ secrets.NAME }}",
    },
    Looks { place: "NAME in the environment", note: "the first place for a secret" },
    Looks { place: "./.env", note: "then" },
    Looks { place: "./.continue/.env", note: "then" },
    Looks { place: "~/.continue/.env", note: "the last one" },
];

/// A model's `apiKey`.
enum Key {
    /// No such field.
    None,
    /// It stands there.
    Literal(String),
    /// It names a secret.
    Secret(String),
    /// A template of another kind.
    Other,
}

fn home(world: &dyn World) -> PathBuf {
    common::folder(world, "CONTINUE_GLOBAL_DIR", ".continue")
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let folder = home(world);
    let config = Doc::yaml(world, folder.join("config.yaml"));
    let mut slots = slots(world, &config);
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "cn", &["@continuedev/cli"]);
    let traces = [folder];
    Some(Findings {
        found: Traces { program: "cn", paths: &traces, variables: &["CONTINUE_GLOBAL_DIR"] }.found(world),
        rules: common::rules("Continue", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: config.problem().into_iter().collect(),
        lints: Vec::new(),
    })
}

/// One slot a model; the first that chats is in use.
fn slots(world: &dyn World, config: &Doc) -> Vec<Slot> {
    let models = config.at(&["models"]).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let first = models.iter().position(chats);
    let mut slots: Vec<Slot> =
        models.iter().enumerate().map(|(at, model)| slot(world, config, at, model, first)).collect();
    slots.sort_by_key(|slot| !slot.in_use);
    slots
}

/// Without roles a model takes part in everything.
fn chats(model: &Json) -> bool {
    let roles = model.get("roles").and_then(Json::as_array);
    roles.is_none_or(|roles| roles.iter().any(|role| role == "chat"))
}

fn slot(world: &dyn World, config: &Doc, at: usize, model: &Json, first: Option<usize>) -> Slot {
    let text = |name: &str| model.get(name).and_then(Json::as_str);
    let provider = text("provider").unwrap_or("unknown");
    let in_use = first == Some(at);
    let (key, offers) = key(world, config, at, model);
    let mut chain = Chain::new();
    for offer in offers {
        chain.push(offer);
    }
    let settled = chain.settle();
    let base = text("apiBase").filter(|base| !base.is_empty());
    let foreign =
        base.filter(|base| provider == "openai" && !common::is_within(&common::host_of(base), "openai.com"));
    let mut lints: Vec<Lint> = foreign
        .map(|base| common::foreign_base("Continue", base, "apiBase in its configuration"))
        .into_iter()
        .collect();
    if let Some(sent) = &key
        && sent.starts_with("${{")
    {
        let message = "the secret is nowhere, and its name is sent in place of a key";
        lints.push(Lint::fault("reference-sent", message));
    }
    Slot {
        agent: ID,
        profile: "default".to_owned(),
        mode: None,
        provider: (provider == "openai").then(|| "openai".to_owned()),
        agent_provider: common::printable(text("name").unwrap_or(provider)),
        in_use,
        candidates: settled.candidates,
        active: settled.active,
        outcome: unclear(world).unwrap_or_else(|| outcome(provider, key, base, model)),
        lints,
    }
}

/// What makes another configuration count than the one in the home folder.
fn unclear(world: &dyn World) -> Option<Outcome> {
    let signed_in =
        world.exists(&home(world).join("auth.json")) || world.var_nonempty("CONTINUE_API_KEY").is_some();
    let reason = "you are signed in to Continue; the configuration may come from its server";
    signed_in.then(|| Outcome::NotKnown { reason: reason.to_owned() })
}

fn outcome(provider: &str, key: Option<Secret>, base: Option<&str>, model: &Json) -> Outcome {
    let not_known = |reason: &str| Outcome::NotKnown { reason: reason.to_owned() };
    if provider != "openai" {
        return not_known("only the provider openai of Continue is on record");
    }
    let Some(key) = key else { return not_known("what Continue sends without an apiKey is not on record") };
    let Some(key) = common::fetch_text(&key, &Header::Bearer) else {
        return not_known(
            "it holds characters that no header can carry; what Continue does then is not on record",
        );
    };
    let headers = model.get("requestOptions").and_then(|options| options.get("headers")?.as_object());
    let pairs = headers.into_iter().flatten();
    let also =
        common::extra_headers(pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))));
    if also.iter().any(|one| one.header.name() == "authorization") {
        return not_known("an Authorization header beside apiKey is not on record");
    }
    let base_url = base.unwrap_or("https://api.openai.com/v1").to_owned();
    Outcome::Sends { sent: Sent { header: Header::Bearer, key }, base_url, also }
}

fn parse(model: &Json) -> Key {
    let Some(text) = model.get("apiKey").and_then(Json::as_str) else { return Key::None };
    let secret = Regex::new(r"^\$\{\{\s*secrets\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$").ok();
    match secret.and_then(|secret| secret.captures(text.trim()).map(|found| found[1].to_owned())) {
        Some(name) => Key::Secret(name),
        None if text.contains("${{") => Key::Other,
        None => Key::Literal(text.to_owned()),
    }
}

/// The candidates of a model's key, and the text that is sent.
fn key(world: &dyn World, config: &Doc, at: usize, model: &Json) -> (Option<Secret>, Vec<Offer>) {
    let place = config.place(&["models", &at.to_string(), "apiKey"]);
    match parse(model) {
        Key::None => (None, Vec::new()),
        Key::Literal(text) => {
            let key = Secret::new(text);
            let why = "apiKey of the model";
            (Some(key.clone()), vec![Offer::usable(Source::Config, place, Value::Present(key), why)])
        }
        Key::Secret(name) => {
            let found = secret(world, &name);
            let key = found.first().map_or_else(
                || Secret::new(format!("${{{{ secrets.//{name} }}}}")),
                |found| Secret::new(&found.text),
            );
            let mut offers: Vec<Offer> = found
                .into_iter()
                .map(|found| {
                    let why = format!("the model's apiKey names the secret {name}");
                    Offer::usable(found.source, found.place.clone(), found.value(), why)
                })
                .collect();
            if offers.is_empty() {
                let why = "the secret is nowhere, and its name is sent as it stands";
                offers.push(Offer::usable(Source::Config, place, Value::Present(key.clone()), why));
            }
            (Some(key), offers)
        }
        Key::Other => {
            let why = "a template that is not on record";
            (None, vec![Offer::ignored(Source::Config, place, Value::Reference(why.to_owned()), why)])
        }
    }
}

fn files(world: &dyn World) -> [PathBuf; 3] {
    let cwd = world.cwd();
    [cwd.join(".env"), cwd.join(".continue/.env"), home(world).join(".env")]
}

/// The places of a secret in Continue's order; an empty one counts as none.
fn secret(world: &dyn World, name: &str) -> Vec<Found> {
    let in_file = |file: PathBuf| {
        let state = world.read(&file);
        let parsed = dotenv::parse(Dialect::NodeDotenv, state.bytes()?, world.env());
        let found = parsed.get(name)?;
        let place =
            Place::Line { file, line: Some(found.line), name: name.to_owned(), dialect: Dialect::NodeDotenv };
        Some(Found { source: Source::Dotenv, place, text: found.value.clone(), ignored: None })
    };
    let all = Found::in_process(world, name).into_iter().chain(files(world).into_iter().filter_map(in_file));
    all.filter(|found| !found.text.is_empty()).collect()
}

/// The place of the present key; for a secret that is nowhere, the file in the home folder.
fn destinations(context: &Context<'_>, slot: &Slot) -> Vec<Destination> {
    let world = context.world;
    let config = Doc::yaml(world, home(world).join("config.yaml"));
    let models = config.at(&["models"]).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = |model: &&Json| {
        let name = model.get("name").or_else(|| model.get("provider")).and_then(Json::as_str);
        name.map(common::printable).as_deref() == Some(&slot.agent_provider)
    };
    let to = |place, effect: &str| Destination { place, effect: effect.to_owned(), neighbours: Vec::new() };
    let secret_name = models.iter().find(named).map(parse);
    let mut all = Vec::new();
    if let Some(active) = slot.active_candidate() {
        let template = matches!(secret_name, Some(Key::Secret(_))) && active.source == Source::Config;
        if matches!(active.source, Source::Dotenv | Source::Config) && !template {
            all.push(to(active.place.clone(), "replaces the key that is sent now"));
        }
    }
    if let Some(Key::Secret(name)) = secret_name {
        let file = home(world).join(".env");
        let line = secret(world, &name).into_iter().find_map(|found| match found.place {
            Place::Line { file: other, line, .. } if other == file => line,
            _ => None,
        });
        let place = Place::Line { file, line, name, dialect: Dialect::NodeDotenv };
        if all.iter().all(|one| one.place != place) {
            all.push(to(place, "sets the secret that the configuration names"));
        }
    }
    all
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "Continue", "cn", &["@continuedev/cli"], slot, None)
}
