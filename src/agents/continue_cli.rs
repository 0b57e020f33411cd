//! Continue's command line (`cn`): the key of the chat model, by its rules recorded from 1.5.47.
//!
//! `apiKey` in the configuration is a literal or `${{ secrets.NAME }}`. A name is looked up in the process environment,
//! `./.env`, `~/.continue/.env` and `./.continue/.env`; one that is not found is sent as it is.

use std::path::PathBuf;

use serde_json::Value as Json;

use crate::agents::common::{self, Doc};
use crate::agents::engine::{
    self, EnvValue, OwnHeader, Package, Presence, Question, Request, Rules, Unsendable, Without,
};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Mode, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Source, Value};
use crate::world::{Trouble, World};

mod catalogue;
mod config;
mod secret;
#[cfg(test)]
mod tests;

use catalogue::{OPENAI, PROVIDERS, Row, Takes};
use secret::{Filled, Secrets};

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
    Looks { place: "~/.continue/.env", note: "then" },
    Looks { place: "./.continue/.env", note: "the last one" },
];

/// What one scan reads.
struct Continue<'a> {
    home: PathBuf,
    config: Doc,
    secrets: Secrets<'a>,
    /// Why Continue refuses the configuration.
    fault: Option<String>,
    /// The position of the model that it starts with in a terminal.
    chosen: Option<usize>,
    /// The same in a script, where Continue has written models of its own into the configuration.
    scripted: Option<Scripted>,
}

/// What a start by a script uses where `ANTHROPIC_API_KEY` is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scripted {
    /// A model of the configuration.
    Model(usize),
    /// The one that Continue writes.
    Own,
}

/// A model and its position in the configuration, or that none starts.
#[derive(Clone, Copy)]
enum Query<'q> {
    Model(usize, &'q Json),
    /// The one that Continue writes into the configuration, in a script.
    Own,
    None,
}

/// `~/.continue`, which a variable of the process moves; a `.env` file in the folder may set it too.
fn folder(world: &dyn World) -> PathBuf {
    let home = common::home(world).join(".continue");
    let named = Secrets::new(world, &home).of_process("CONTINUE_GLOBAL_DIR");
    named.map_or(home, |found| world.cwd().join(found.text))
}

/// A model's `apiKey`.
enum Key {
    /// No such field.
    None,
    /// It is there; secrets may be in it.
    Text,
    /// It is one secret and nothing else.
    Secret(String),
}

fn parse(model: &Json) -> Key {
    let Some(text) = model.get("apiKey").and_then(Json::as_str) else { return Key::None };
    let names = Secrets::names(text);
    let whole =
        text.trim().starts_with("${{") && text.trim().ends_with("}}") && text.matches("${{").count() == 1;
    match names.first() {
        Some(name) if whole => Key::Secret(name.clone()),
        _ => Key::Text,
    }
}

impl<'a> Continue<'a> {
    fn read(world: &'a dyn World) -> Self {
        let home = folder(world);
        let config = Doc::yaml(world, home.join("config.yaml"));
        let secrets = Secrets::new(world, &home);
        let fault = config.present.then(|| config::fault(&config, &secrets)).flatten();
        let models: Vec<(usize, &Json)> =
            config.at(&["models"]).and_then(Json::as_array).into_iter().flatten().enumerate().collect();
        let of = |models: &[(usize, &Json)]| config::chosen(world, &home, models, &secrets);
        let chosen = fault.is_none().then(|| of(&models)).flatten();
        let writes = fault.is_none() && secrets.of_process("ANTHROPIC_API_KEY").is_some();
        let scripted = writes.then(|| {
            let kept: Vec<(usize, &Json)> =
                models.iter().filter(|(_, model)| !config::is_replaced(model)).copied().collect();
            of(&kept).map_or(Scripted::Own, Scripted::Model)
        });
        Self { home, config, secrets, fault, chosen, scripted }
    }

    /// Whether a script starts with another model than a terminal, one that Continue writes by itself.
    fn differs(&self) -> bool {
        self.scripted == Some(Scripted::Own)
    }

    fn models(&self) -> impl Iterator<Item = (usize, &Json)> {
        self.config.at(&["models"]).and_then(Json::as_array).into_iter().flatten().enumerate()
    }

    /// A field of a model with its secrets filled in.
    fn text(&self, model: &Json, name: &str) -> Option<String> {
        match self.secrets.fill(model.get(name)?) {
            Filled::Text(text) => Some(text),
            Filled::NotText => None,
        }
    }

    /// The candidates of a model's key.
    fn offers(&self, at: usize, model: &Json) -> Vec<Offer> {
        let place = self.config.place(&["models", &at.to_string(), "apiKey"]);
        let name = match parse(model) {
            Key::None if model.get("provider").and_then(Json::as_str) == Some("azure") => {
                let found = self.secrets.of_process("OPENAI_API_KEY");
                let why = "without apiKey the library takes OPENAI_API_KEY";
                let offer =
                    |found: EnvValue| Offer::usable(found.source, found.place.clone(), found.value(), why);
                return found.map(offer).into_iter().collect();
            }
            Key::None => return Vec::new(),
            Key::Text => {
                let text = self.text(model, "apiKey").unwrap_or_default();
                return vec![Offer::usable(
                    Source::Config,
                    place,
                    Value::of(Some(text)),
                    "apiKey of the model",
                )];
            }
            Key::Secret(name) => name,
        };
        let template = model.get("apiKey").unwrap_or(&Json::Null);
        let mut offers: Vec<Offer> = Vec::new();
        for found in self.secrets.places(&name) {
            let why = format!("the model's apiKey names the secret {}", common::printable(&name));
            let gives = match Secrets::filled(template, |_| Some(found.text.clone())) {
                Filled::Text(text) => Gives::Key(Secret::new(text)),
                Filled::NotText => Gives::Fails("YAML does not read this value as a text".to_owned()),
            };
            offers.push(Offer::usable(found.source, found.place.clone(), found.value(), why).gives(gives));
        }
        if offers.is_empty() {
            let sent = Value::of(self.text(model, "apiKey"));
            let why = "the secret is not found, and its name is sent as it is";
            offers.push(Offer::usable(Source::Config, place, sent, why));
        }
        offers
    }

    /// The headers of a model, each with its row.
    fn headers(&self, at: usize, model: &Json) -> Vec<OwnHeader> {
        let all = model.get("requestOptions").and_then(|options| options.get("headers")?.as_object());
        let at = at.to_string();
        let header = |(name, value): (&String, &Json)| {
            let Filled::Text(text) = self.secrets.fill(value) else { return None };
            let place = self.config.place(&["models", &at, "requestOptions", "headers", name]);
            OwnHeader::shown(name, &text, Source::Config, place)
        };
        all.into_iter().flatten().filter_map(header).collect()
    }

    /// The header and the address of a model, or why it is not known.
    fn wire(&self, row: &Row, model: &Json) -> Result<(Header, String), Outcome> {
        let base = self.text(model, "apiBase").filter(|base| !base.is_empty());
        let env = |name: &str| model.get("env").and_then(|env| env.get(name)).and_then(Json::as_str);
        let usual = || base.clone().unwrap_or_else(|| row.base.to_owned());
        match row.takes {
            Takes::Bearer | Takes::BearerOr(_) => Ok((Header::Bearer, usual())),
            Takes::Anthropic => {
                let azure = usual().to_lowercase().contains("cognitiveservices.azure.com");
                Ok((Header::raw(if azure { "api-key" } else { "x-api-key" }), usual()))
            }
            Takes::Google => Ok((Header::raw("x-goog-api-key"), row.base.to_owned())),
            Takes::Ollama => {
                let base = usual();
                let whole =
                    if base.contains("/v1") { base } else { format!("{}/v1", base.trim_end_matches('/')) };
                Ok((Header::Bearer, whole))
            }
            Takes::Azure => match env("apiType") {
                Some("azure-openai" | "azure") => {
                    let Some(deployment) = env("deployment").filter(|_| env("apiVersion").is_some()) else {
                        return Err(Outcome::nothing("env.deployment and env.apiVersion have to be set"));
                    };
                    let base = usual();
                    Ok((
                        Header::Bearer,
                        format!("{}/openai/deployments/{deployment}", base.trim_end_matches('/')),
                    ))
                }
                _ => Ok((Header::Bearer, usual())),
            },
            Takes::HuggingFace => match base {
                Some(base) if ["/v1/", "/openai/"].iter().any(|part| base.to_lowercase().contains(part)) => {
                    Ok((Header::Bearer, base))
                }
                _ => Err(Outcome::nothing("Continue's command line takes an apiBase with /v1/ here alone")),
            },
            Takes::AskSage if env("email").is_some_and(|email| !email.is_empty()) => {
                Err(Outcome::hidden("Ask Sage exchanges the key for a token, which is sent"))
            }
            Takes::AskSage => Ok((Header::raw("x-access-tokens"), usual())),
            Takes::Elsewhere(who) => Err(Outcome::hidden(who)),
            Takes::Nothing(why) => Err(Outcome::nothing(why)),
            Takes::Vertex => self.vertex(model),
            Takes::AiSdk => match self.text(model, "model").unwrap_or_default().split_once('/') {
                Some(("openai", _)) => Ok((Header::Bearer, base.unwrap_or_else(|| OPENAI.to_owned()))),
                Some(("anthropic", _)) => {
                    let base = base.unwrap_or_else(|| "https://api.anthropic.com/v1".to_owned());
                    Ok((Header::raw("x-api-key"), base))
                }
                _ => Err(Outcome::unknown("what this provider of the AI SDK sends is unknown")),
            },
        }
    }

    /// A key is for Gemini's models alone, and for no project.
    fn vertex(&self, model: &Json) -> Result<(Header, String), Outcome> {
        let set = |name: &&str| model.get("env").is_some_and(|env| env.get(*name).is_some());
        let has_key = self.text(model, "apiKey").is_some_and(|key| !key.is_empty());
        let gemini = self.text(model, "model").is_some_and(|name| name.contains("gemini"));
        match (has_key, ["region", "projectId", "keyFile", "keyJson"].iter().any(set)) {
            (true, true) => Err(Outcome::nothing("apiKey goes with no region, project or key file")),
            (true, false) if gemini => {
                Ok((Header::raw("x-goog-api-key"), "https://generativelanguage.googleapis.com".to_owned()))
            }
            (true, false) => {
                Err(Outcome::nothing("with an apiKey Continue takes Gemini's models alone here"))
            }
            (false, true) => Err(Outcome::hidden("Google Cloud's own credentials give a token")),
            (false, false) => Err(Outcome::nothing("region and projectId, or an apiKey, have to be set")),
        }
    }

    fn about(&self, at: usize, model: &Json) -> Question {
        let provider = self.text(model, "provider").unwrap_or_default();
        let row = PROVIDERS.iter().find(|row| row.id == provider);
        let offers = self.offers(at, model);
        let own = self.headers(at, model);
        let wire = row.map(|row| self.wire(row, model));
        let uses = model.get("uses").is_some();
        let refusal = match &wire {
            None if uses => Some(Outcome::unknown("what a block that the model uses holds is unknown")),
            None => Some(Outcome::nothing("Continue knows no provider of this name")),
            Some(Err(outcome)) => Some(outcome.clone()),
            Some(Ok((_, base))) if !common::is_address(base) => {
                Some(Outcome::nothing("apiBase is no address; write it whole, with https://"))
            }
            Some(Ok(_)) => None,
        };
        let (header, base) = wire.and_then(Result::ok).unwrap_or((Header::Bearer, String::new()));
        let lints = self.lints(model, row, &base, &offers, refusal.as_ref());
        let takes = row.map_or(Takes::Bearer, |row| row.takes);
        let request = Request {
            library,
            without: without(takes, &header, &base, &own),
            own,
            ..Request::new(header, base.as_str(), "")
        };
        let chosen = self.chosen == Some(at);
        Question {
            mode: (chosen && self.differs()).then_some(Mode::Interactive),
            provider: row.and_then(|row| row.catalogue).map(str::to_owned),
            in_use: chosen,
            refusal,
            lints,
            ..Question::new(config::shown_name(model), offers, request)
        }
    }

    fn lints(
        &self,
        model: &Json,
        row: Option<&Row>,
        base: &str,
        offers: &[Offer],
        refusal: Option<&Outcome>,
    ) -> Vec<Lint> {
        let mut lints = Vec::new();
        let host = common::host_of(base);
        let usual = row.map(|row| common::host_of(row.base)).unwrap_or_default();
        let has_base = self.text(model, "apiBase").is_some_and(|base| !base.is_empty());
        let takes = row.map(|row| row.takes);
        if takes == Some(Takes::Google) && has_base {
            let message = "apiBase is set, and Continue does not use it for gemini";
            lints.push(Lint::warn("variable-unused", message));
        } else if has_base && host != usual && !usual.is_empty() && !base.is_empty() {
            lints.push(common::foreign_base("Continue", base, "apiBase in its configuration"));
        }
        let elsewhere = row.is_some_and(|row| row.base == OPENAI && row.id != "openai") && !has_base;
        if elsewhere && refusal.is_none() {
            lints.push(common::foreign_base("Continue", base, "a provider of this kind without an apiBase"));
        }
        let found = offers.iter().find(|offer| offer.gives.wins()).and_then(|offer| offer.value.secret());
        if found.is_some_and(|sent| sent.starts_with("${{")) {
            let message = "the secret is nowhere, and its name is sent in place of a key";
            lints.push(Lint::fault("reference-sent", message));
        }
        if let Some(Outcome::Nothing { reason }) = refusal {
            lints.push(Lint::fault("does-not-start", reason.clone()));
        }
        lints
    }

    /// The model that Continue writes into the configuration where a script starts it.
    fn own(&self) -> Question {
        let why = "in a script Continue writes it into config.yaml, for a Claude model of its own";
        let found = self.secrets.of_process("ANTHROPIC_API_KEY");
        let offer = |found: EnvValue| Offer::usable(found.source, found.place.clone(), found.value(), why);
        let base = "https://api.anthropic.com/v1/";
        let request = Request { library, ..Request::new(Header::raw("x-api-key"), base, "") };
        Question {
            mode: Some(Mode::Headless),
            provider: Some("anthropic".to_owned()),
            in_use: true,
            ..Question::new(config::OWN_NAME, found.map(offer).into_iter().collect(), request)
        }
    }

    /// No model of the configuration starts.
    fn none(&self) -> Question {
        let (outcome, lint) = match &self.fault {
            _ if !self.config.present => {
                (Outcome::unknown("without config.yaml Continue asks its server"), None)
            }
            Some(fault) => {
                let why = format!("Continue refuses its configuration: {fault}");
                (Outcome::nothing(why.as_str()), Some(Lint::fault("does-not-start", why)))
            }
            None => {
                let why = "no model in config.yaml has the role chat; add one, or add chat to its roles";
                (Outcome::nothing(why), Some(Lint::fault("does-not-start", why)))
            }
        };
        let request = Request { without: Without::Ends(outcome), ..Request::new(Header::Bearer, "", "") };
        Question {
            in_use: true,
            lints: lint.into_iter().collect(),
            ..Question::new("none", Vec::new(), request)
        }
    }
}

/// What is sent without a key: the header all the same, with what JavaScript writes for nothing.
fn without(takes: Takes, header: &Header, base: &str, own: &[OwnHeader]) -> Without {
    let text = match takes {
        Takes::BearerOr(text) => text,
        Takes::Anthropic => "undefined",
        Takes::Google | Takes::Vertex | Takes::AiSdk => {
            return Without::Ends(Outcome::unknown(
                "without an apiKey a variable of the library may be used",
            ));
        }
        Takes::Azure | Takes::AskSage => return Without::Ends(Outcome::nothing("apiKey is missing")),
        _ => "",
    };
    if !own.is_empty() {
        return Without::Bare("no apiKey is set, and the request carries none".to_owned());
    }
    let sent = Sent { header: header.clone(), key: Secret::new(text) };
    Without::Ends(Outcome::Sends { sent, base_url: base.to_owned(), also: Vec::new() })
}

/// What Node puts into a header; a text that none can carry ends in an error before anything is sent.
fn library(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    let reason = "the key has characters that no header can carry, and Continue sends nothing";
    common::fetch_text(key, header).ok_or_else(|| Unsendable::Stops(reason.to_owned()))
}

impl Rules for Continue<'_> {
    type Query<'q>
        = Query<'q>
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

    /// One question a model; the one that Continue starts with is in use.
    fn queries(&self) -> Vec<Query<'_>> {
        let own = self.differs().then_some(Query::Own);
        let none = self.chosen.is_none().then_some(Query::None);
        own.into_iter().chain(none).chain(self.models().map(|(at, model)| Query::Model(at, model))).collect()
    }

    fn ask(&self, query: &Query<'_>) -> Question {
        match *query {
            Query::Model(at, model) => self.about(at, model),
            Query::Own => self.own(),
            Query::None => self.none(),
        }
    }

    fn agent_lints(&self, _: &[Slot]) -> Vec<Lint> {
        let message = "in a script Continue writes ANTHROPIC_API_KEY of the environment into config.yaml, for its own \
                       Claude models";
        let writes = self.scripted.is_some();
        writes.then(|| Lint::note("differs-from-default", message)).into_iter().collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.config.problem().into_iter().collect()
    }

    /// The place of the present key; for a secret that is nowhere, the file in the home folder.
    fn destinations(&self, query: &Query<'_>, slot: &Slot) -> Vec<Destination> {
        let Query::Model(at, model) = *query else { return Vec::new() };
        let key = parse(model);
        let stored = slot.active_candidate().filter(|active| {
            let template = matches!(key, Key::Secret(_)) && active.source == Source::Config;
            matches!(active.source, Source::Dotenv | Source::Config) && !template
        });
        let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
        let (place, effect) = match key {
            Key::Secret(name) => {
                (self.secrets.destination(&name), "sets the secret that the configuration names")
            }
            Key::None => {
                let place = self.config.place(&["models", &at.to_string(), "apiKey"]);
                (place, "sets apiKey of the model")
            }
            Key::Text => return all,
        };
        if all.iter().all(|one| one.place != place) {
            all.push(Destination { place, effect: effect.to_owned(), neighbours: Vec::new() });
        }
        all
    }
}
