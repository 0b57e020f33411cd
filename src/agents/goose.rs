//! Goose: environment, keyring or secrets file, by its rules recorded from 1.34.0.
//!
//! A secret comes from the environment, else from one keyring entry that holds all of them. `secrets.yaml` is read only
//! where the keyring is switched off or does not answer: the same files give another answer on another machine.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{
    self, Clash, OwnHeader, Package, Presence, Question, Request, Rules, Unsendable, Without, headers,
};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Gives, Header, Offer, Outcome, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Trouble, World};

mod provider;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use provider::Provider;
use secrets::{Secrets, Store};
use settings::Settings;

/// Goose's words where it finds no usable key.
const NO_KEY: &str = "Please check your system keychain and run 'goose configure' again";

/// Goose.
pub const AGENT: Agent = Agent {
    id: "goose",
    aliases: &["block-goose"],
    name: "Goose",
    record: Record::Rules,
    versions: &["1.34.0"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Goose::read(context.world))),
    destinations: |context, slot| engine::destinations(&Goose::read(context.world), slot),
    switch: super::no_switch,
    restart: |context, slot| {
        common::running(context.world, "Goose", "goose", &["goosed", "@aaif/goose"], slot, None)
    },
};

const LOOKS: &[Looks] = &[
    Looks {
        place: "ANTHROPIC_API_KEY",
        note: "and the variables of the other providers; an empty one wins too",
    },
    Looks { place: "keyring goose / secrets", note: "one entry with all secrets" },
    Looks { place: "~/.config/goose/secrets.yaml", note: "only where the keyring is off or does not answer" },
    Looks { place: "~/.config/goose/config.yaml", note: "provider, model, hosts; a key here is not read" },
    Looks {
        place: "~/.config/goose/custom_providers",
        note: "your own providers, which name their variable",
    },
];

/// What one scan reads.
struct Goose<'a> {
    world: &'a dyn World,
    settings: Settings,
    secrets: Secrets,
    /// Those a person adds, then the built-in ones.
    providers: Vec<Provider>,
    in_use: Option<String>,
}

impl<'a> Goose<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let secrets = Secrets::read(world, &settings);
        let mut providers = provider::custom(world, &settings);
        providers.extend(provider::built_in(world, &settings));
        let in_use = settings.provider(world);
        if let Some(name) = in_use.as_deref().filter(|name| providers.iter().all(|one| one.id != **name)) {
            providers.push(Provider::unrecorded(name));
        }
        Self { world, settings, secrets, providers, in_use }
    }

    /// The environment, the store, and config.yaml, which is not asked.
    fn offers(&self, provider: &Provider) -> Vec<Offer> {
        let name = provider.key.as_str();
        if name.is_empty() {
            return Vec::new();
        }
        let in_env = secrets::in_env(self.world, name).map(|offer| {
            if !self.is_unclear(provider) || !matches!(offer.gives, Gives::Key(_)) {
                return offer;
            }
            let reason = "an empty or quoted OPENAI_API_KEY is read in another way; which one is unknown";
            offer.gives(Gives::Unknown(reason.to_owned()))
        });
        let in_config = self.settings.files_with(name).map(|doc| {
            let why = "Goose does not read secrets from config.yaml";
            Offer::ignored(Source::Config, doc.place(&[name]), Value::of(doc.text(&[name])), why)
        });
        in_env.into_iter().chain(self.secrets.offers(name)).chain(in_config).collect()
    }

    /// OpenAI's key is fetched with its companions, which skips the parser for variables; recorded is only Anthropic's.
    fn is_unclear(&self, provider: &Provider) -> bool {
        let odd = |text: &str| text.is_empty() || text.trim().starts_with('"');
        provider.id == "openai" && self.world.var("OPENAI_API_KEY").is_some_and(odd)
    }

    /// The provider's own headers. `OPENAI_CUSTOM_HEADERS` comes from where the key comes from: the environment if the key
    /// does, else the store. A second bearer is not sent.
    fn headers(&self, provider: &Provider) -> Vec<OwnHeader> {
        let name = "OPENAI_CUSTOM_HEADERS";
        let custom = match self.world.var("OPENAI_API_KEY") {
            _ if provider.id != "openai" => None,
            Some(_) => self.world.var(name),
            None => self.secrets.stored(name),
        };
        let custom = custom.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
        let custom = custom.map(|(name, value)| (name.trim(), value.trim()));
        let own = provider.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut all = headers::all(own.chain(custom), Clash::Both);
        all.retain(|one| one.sent.header != Header::Bearer || provider.header != Header::Bearer);
        all
    }

    fn lints(&self, provider: &Provider, offers: &[Offer]) -> Vec<Lint> {
        let mut lints = Vec::new();
        if let Some(name) = &provider.moved_by {
            lints.push(common::foreign_base("Goose", &provider.base_url, name));
        }
        let decides = offers.iter().find(|offer| offer.gives.wins() || offer.gives.ends());
        let is_empty = decides.is_some_and(|offer| offer.value.secret().is_some_and(Secret::is_empty));
        if is_empty && self.secrets.stored(&provider.key).is_some() {
            let name = common::printable(&provider.key);
            lints.push(Lint::fault(
                "empty-hides",
                format!("an empty {name} hides the stored key, and is sent"),
            ));
        }
        if decides.is_some_and(|offer| offer.gives.ends()) {
            let message = "Goose reads this value as a number; put it in quotes, or store it";
            lints.push(Lint::fault("not-text", message));
        }
        if matches!(self.secrets.store, Store::Absent) && self.secrets.file.at(&[&provider.key]).is_some() {
            let message = "no keyring answers here; where one does, the same secrets.yaml is not read";
            lints.push(Lint::note("depends-on-keyring", message));
        }
        if provider.id == "google" && self.world.var_nonempty("GEMINI_API_KEY").is_some() {
            lints.push(Lint::note("variable-unused", "GEMINI_API_KEY is set; Goose reads GOOGLE_API_KEY"));
        }
        lints
    }
}

impl Rules for Goose<'_> {
    type Query<'q>
        = &'q Provider
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "goose",
            package: Package::Node(&["@aaif/goose"]),
            paths: vec![self.settings.folder.clone()],
            variables: &["GOOSE_PROVIDER", "GOOSE_PATH_ROOT"],
        }
    }

    fn queries(&self) -> Vec<&Provider> {
        self.providers.iter().collect()
    }

    fn ask(&self, provider: &&Provider) -> Question {
        let offers = self.offers(provider);
        let bare = provider.key.is_empty() || !provider.required;
        let request = Request {
            library: |key, header| {
                let reason = "a line break in the key: Goose cannot build the request, and nothing is sent";
                common::http_text(key, header).ok_or_else(|| Unsendable::Stops(reason.to_owned()))
            },
            own: self.headers(provider),
            without: if bare {
                Without::Bare("the request carries no credential".to_owned())
            } else {
                Without::Ends(Outcome::nothing(NO_KEY))
            },
            ..Request::new(provider.header.clone(), provider.base_url.as_str(), NO_KEY)
        };
        Question {
            provider: provider.catalogue.map(str::to_owned),
            in_use: self.in_use.as_deref() == Some(&provider.id),
            refusal: provider.unclear.map(Outcome::unknown),
            lints: self.lints(provider, &offers),
            ..Question::new(provider.id.as_str(), offers, request)
        }
    }

    fn is_shown(&self, slot: &Slot) -> bool {
        slot.in_use || !slot.candidates.is_empty()
    }

    fn agent_lints(&self, slots: &[Slot]) -> Vec<Lint> {
        let lint = || Lint::note("no-provider", "no GOOSE_PROVIDER is set; run `goose configure`");
        (self.in_use.is_none() && !slots.is_empty()).then(lint).into_iter().collect()
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.settings.troubles().into_iter().chain(self.secrets.file.problem()).collect()
    }

    /// Where the present key is, then the store of this machine.
    fn destinations(&self, provider: &&Provider, slot: &Slot) -> Vec<Destination> {
        let stored = slot.active_candidate().filter(|active| {
            matches!(active.source, Source::Keyring | Source::AuthFile)
                && !matches!(active.place, Place::Keyring { .. })
        });
        let mut all: Vec<Destination> = stored.map(engine::replacing).into_iter().collect();
        let name = provider.key.as_str();
        if let Some(place) =
            self.secrets.place(name).filter(|place| all.iter().all(|one| one.place != *place))
        {
            let effect = format!("stores {name} where Goose looks after the environment");
            all.push(Destination { place, effect, neighbours: Vec::new() });
        }
        all
    }
}
