//! Continue's command line (`cn`): the key of the first chat model, by its rules recorded from 1.5.47.
//!
//! `apiKey` in the configuration is a literal or `${{ secrets.NAME }}`. A name is looked up in the process environment,
//! `./.env`, `./.continue/.env` and `~/.continue/.env`; one that is not found is sent as it is.

use std::path::PathBuf;

use regex::Regex;
use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::agents::engine::{
    self, Clash, EnvFiles, EnvValue, Layers, Package, Presence, Question, Request, Rules, Without, headers,
};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::formats::dotenv;
use crate::resolve::{Header, Offer, Outcome, Slot};
use crate::source::{Dialect, Place, Source, Value};
use crate::world::{Trouble, World};

#[cfg(test)]
mod tests;

/// Continue.
pub const AGENT: Agent = Agent {
    id: "continue",
    aliases: &["continue-cli", "continue-dev"],
    name: "Continue",
    record: Record::Rules,
    versions: &["1.5.47"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Continue::read(context.world))),
    destinations: |context, slot| engine::destinations(&Continue::read(context.world), slot),
    switch: super::no_switch,
    restart: |context, slot| {
        common::running(context.world, "Continue", "cn", &["@continuedev/cli"], slot, None)
    },
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
    /// It is there.
    Literal(String),
    /// It names a secret.
    Secret(String),
    /// A template of another kind.
    Other,
}

/// What one scan reads.
struct Continue<'a> {
    world: &'a dyn World,
    home: PathBuf,
    config: Doc,
}

/// A model and its position in the configuration.
type Model<'q> = (usize, &'q Json);

/// Without roles a model takes part in everything.
fn chats(model: &Json) -> bool {
    let roles = model.get("roles").and_then(Json::as_array);
    roles.is_none_or(|roles| roles.iter().any(|role| role == "chat"))
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

impl<'a> Continue<'a> {
    fn read(world: &'a dyn World) -> Self {
        let home = common::folder(world, "CONTINUE_GLOBAL_DIR", ".continue");
        let config = Doc::yaml(world, home.join("config.yaml"));
        Self { world, home, config }
    }

    /// What makes another configuration count than the one in the home folder.
    fn signed_in(&self) -> Option<Outcome> {
        let signed_in = self.world.exists(&self.home.join("auth.json"))
            || self.world.var_nonempty("CONTINUE_API_KEY").is_some();
        let reason = "you are signed in to Continue; the configuration may come from its server";
        signed_in.then(|| Outcome::unknown(reason))
    }

    /// The candidates of a model's key.
    fn offers(&self, (at, model): Model<'_>) -> Vec<Offer> {
        let place = self.config.place(&["models", &at.to_string(), "apiKey"]);
        match parse(model) {
            Key::None => Vec::new(),
            Key::Literal(text) => {
                vec![Offer::usable(Source::Config, place, Value::of(Some(text)), "apiKey of the model")]
            }
            Key::Secret(name) => {
                let offer = |found: EnvValue| {
                    let why = format!("the model's apiKey names the secret {name}");
                    Offer::usable(found.source, found.place.clone(), found.value(), why)
                };
                let mut offers: Vec<Offer> = self.secret(&name).into_iter().map(offer).collect();
                if offers.is_empty() {
                    let sent = Value::of(Some(format!("${{{{ secrets.//{name} }}}}")));
                    let why = "the secret is not found, and its name is sent as it is";
                    offers.push(Offer::usable(Source::Config, place, sent, why));
                }
                offers
            }
            Key::Other => {
                let why = "a template that is unknown";
                vec![Offer::ignored(Source::Config, place, Value::Reference(why.to_owned()), why)]
            }
        }
    }

    /// The places of a secret in Continue's order; an empty one is treated as none.
    fn secret(&self, name: &str) -> Vec<EnvValue> {
        let mut layers = Layers::of_process(self.world);
        for file in self.files() {
            let state = self.world.read(&file);
            let parsed =
                state.bytes().map(|bytes| dotenv::parse(Dialect::NodeDotenv, bytes, self.world.env()));
            if let Some(found) = parsed.as_ref().and_then(|parsed| parsed.get(name)) {
                let place = EnvFiles::place(&file, name, Some(found.line));
                layers.put_weakest(name, EnvValue::new(Source::Dotenv, place, found.value.as_str(), ""));
            }
        }
        layers.all(name).filter(|found| !found.text.is_empty()).cloned().collect()
    }

    fn files(&self) -> [PathBuf; 3] {
        let cwd = self.world.cwd();
        [cwd.join(".env"), cwd.join(".continue/.env"), self.home.join(".env")]
    }
}

impl Rules for Continue<'_> {
    type Query<'q>
        = Model<'q>
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "cn",
            package: Package::Node(&["@continuedev/cli"]),
            paths: vec![self.home.clone()],
            variables: &["CONTINUE_GLOBAL_DIR"],
        }
    }

    fn queries(&self) -> Vec<Model<'_>> {
        self.config.at(&["models"]).and_then(Json::as_array).into_iter().flatten().enumerate().collect()
    }

    /// One question a model; the first that chats is in use.
    fn ask(&self, model: &Model<'_>) -> Question {
        let (at, fields) = *model;
        let text = |name: &str| fields.get(name).and_then(Json::as_str);
        let provider = text("provider").unwrap_or("unknown");
        let base = text("apiBase").filter(|base| !base.is_empty());
        let offers = self.offers(*model);
        let found = offers.iter().find(|offer| offer.gives.wins()).and_then(|offer| offer.value.secret());
        let options = fields.get("requestOptions").and_then(|options| options.get("headers")?.as_object());
        let pairs = options.into_iter().flatten();
        let pairs = pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let own = headers::all(pairs, Clash::Both);
        let refusal = if provider != "openai" {
            Some("only the provider openai of Continue is known")
        } else if found.is_some() && own.iter().any(|one| one.sent.header.name() == "authorization") {
            Some("an Authorization header beside apiKey is unknown")
        } else {
            None
        };
        let foreign = base
            .filter(|base| provider == "openai" && !common::is_within(&common::host_of(base), "openai.com"))
            .map(|base| common::foreign_base("Continue", base, "apiBase in its configuration"));
        let name_sent = found.filter(|sent| sent.starts_with("${{")).map(|_| {
            let message = "the secret is nowhere, and its name is sent in place of a key";
            Lint::fault("reference-sent", message)
        });
        let request = Request {
            library: |key, header| engine::fetch(key, header, "Continue"),
            own,
            without: Without::Ends(Outcome::unknown("what Continue sends without an apiKey is unknown")),
            ..Request::new(Header::Bearer, base.unwrap_or("https://api.openai.com/v1"), "")
        };
        Question {
            provider: (provider == "openai").then(|| "openai".to_owned()),
            in_use: self
                .queries()
                .into_iter()
                .find(|(_, model)| chats(model))
                .is_some_and(|(first, _)| first == at),
            refusal: self.signed_in().or_else(|| refusal.map(Outcome::unknown)),
            lints: foreign.into_iter().chain(name_sent).collect(),
            ..Question::new(common::printable(text("name").unwrap_or(provider)), offers, request)
        }
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.config.problem().into_iter().collect()
    }

    /// The place of the present key; for a secret that is nowhere, the file in the home folder.
    fn destinations(&self, (_, model): &Model<'_>, slot: &Slot) -> Vec<Destination> {
        let key = parse(model);
        let stored = slot.active_candidate().filter(|active| {
            let template = matches!(key, Key::Secret(_)) && active.source == Source::Config;
            matches!(active.source, Source::Dotenv | Source::Config) && !template
        });
        let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
        let Key::Secret(name) = key else { return all };
        let file = self.home.join(".env");
        let line = self.secret(&name).into_iter().find_map(|found| match found.place {
            Place::Line { file: other, line, .. } if other == file => line,
            _ => None,
        });
        let place = Place::Line { file, line, name, dialect: Dialect::NodeDotenv };
        if all.iter().all(|one| one.place != place) {
            let effect = "sets the secret that the configuration names".to_owned();
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        all
    }
}
