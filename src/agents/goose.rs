//! Goose: environment, keyring or secrets file, by its rules recorded from 1.34.0.
//!
//! A secret comes from the environment, else from one keyring entry that holds all of them. `secrets.yaml` is read only
//! where the keyring is switched off or does not answer: the same files give another answer on another machine.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{
    self, Clash, Package, Presence, Question, Request, Rules, Unsendable, Without, headers,
};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::finding::Lint;
use crate::resolve::{Gives, Offer, Outcome, Slot};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};
use crate::world::{Trouble, World};

mod address;
mod catalogue;
mod declared;
mod provider;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use catalogue::Takes;
use declared::Declared;
use provider::Provider;
use secrets::{Secrets, Store};
use settings::Settings;

/// Goose's words where it finds no usable key.
const NO_KEY: &str = "Please check your system keychain and run 'goose configure' again";
/// Why nothing is sent for a provider that Goose does not know.
const UNKNOWN_PROVIDER: &str = "Goose knows no provider of this name";
/// The name of the question where no provider is set.
const NO_PROVIDER: &str = "none";

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
    /// Those a person declares, then the built-in ones.
    providers: Vec<Provider>,
    /// The declarations that Goose cannot read, and why.
    broken: Vec<(PathBuf, String)>,
    in_use: Option<String>,
}

impl<'a> Goose<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let secrets = Secrets::read(world, &settings);
        let Declared { providers: declared, broken } = Declared::read(world, &settings, &secrets);
        let mut providers = Vec::new();
        // One file that cannot be read, and all declarations are left out: the person's and those inside the program.
        let reason = broken.first().map(|first| declared::lint(world, first, true));
        let built_in = provider::built_in(world, &settings, &secrets).into_iter();
        let (defined, built_in): (Vec<_>, Vec<_>) = built_in.partition(|one| catalogue::is_defined(&one.id));
        let kept = built_in
            .into_iter()
            .filter(|one| reason.is_some() || declared.iter().all(|other| other.id != one.id));
        let kept: Vec<Provider> = kept.collect();
        for mut one in declared.into_iter().chain(defined) {
            if providers.iter().chain(&kept).any(|other: &Provider| other.id == one.id) {
                continue;
            }
            if let Some(lint) = &reason {
                one.refusal = Some(Outcome::nothing(UNKNOWN_PROVIDER));
                one.lints = vec![lint.clone()];
            }
            providers.push(one);
        }
        providers.extend(kept);
        let in_use = settings.provider(world);
        let mut goose = Self { world, settings, secrets, providers, broken, in_use };
        goose.choose();
        goose
    }

    /// Goose ends where no provider is set, where it knows none of that name, and where no model is set.
    fn choose(&mut self) {
        let model = self.settings.text(self.world, "GOOSE_MODEL");
        let Some(name) = &self.in_use else {
            let mut none = Provider::none(NO_PROVIDER);
            none.refusal = Some(Outcome::nothing("no GOOSE_PROVIDER is set; run `goose configure`"));
            return self.providers.push(none);
        };
        match self.providers.iter_mut().find(|one| one.id == *name) {
            Some(_) if model.is_some() => {}
            Some(one) => one.stop("no GOOSE_MODEL is set; run `goose configure`".to_owned()),
            None => {
                let unknown = self.unknown(name);
                self.providers.push(unknown);
            }
        }
    }

    /// The one in use, where Goose has none of its name. A version that is not recorded may have it.
    fn unknown(&self, name: &str) -> Provider {
        let mut unknown = Provider::none(name);
        let version = common::version(self.world, "goose", &["@aaif/goose"]);
        if version.is_some_and(|version| !AGENT.versions.contains(&version.as_str())) {
            unknown.refusal = Some(Outcome::unknown("what Goose does for this provider is unknown"));
            return unknown;
        }
        unknown.refusal = Some(Outcome::nothing(UNKNOWN_PROVIDER));
        let lint = if let Some(broken) = self.broken.first() {
            declared::lint(self.world, broken, true)
        } else {
            let name = common::printable(name);
            let why = format!(
                "GOOSE_PROVIDER is {name}, and Goose knows no provider of that name; a file in custom_providers is \
                 known by the name inside it"
            );
            Lint::fault("does-not-start", why)
        };
        unknown.lints.push(lint);
        unknown
    }

    /// The environment, the store, and config.yaml, which is not asked.
    fn offers(&self, provider: &Provider) -> Vec<Offer> {
        let name = provider.key.as_str();
        if name.is_empty() {
            return Vec::new();
        }
        let in_env = secrets::in_env(self.world, name, provider.takes);
        let mut stored = self.secrets.offers(name, provider.takes);
        // A variable that is no text ends the search in the store too: the provider's own login comes next.
        if in_env.as_ref().is_some_and(|one| one.gives == Gives::Never) {
            for offer in &mut stored {
                offer.gives = Gives::Never;
                "the environment comes first, also where it is empty".clone_into(&mut offer.why);
            }
        }
        let in_config = self.settings.files_with(name).map(|doc| {
            let why = "Goose does not read secrets from config.yaml";
            Offer::ignored(Source::Config, doc.place(&[name]), Value::of(doc.text(&[name])), why)
        });
        in_env.into_iter().chain(stored).chain(in_config).collect()
    }

    /// The provider's own headers. Those in a secret come from where the key comes from; one that has the key's name is
    /// not sent beside it.
    fn headers(&self, provider: &Provider) -> Vec<(String, String)> {
        let Takes::WithHeaders(companion) = provider.takes else { return provider.headers.clone() };
        let text = match self.world.var(&provider.key) {
            Some(_) => self.world.var(companion.name).map(str::to_owned),
            None if self.secrets.stored(&provider.key).is_none() => None,
            None => self.secrets.text(self.world, companion.name),
        };
        let text = text.unwrap_or_default();
        let pairs = text.split(companion.between).filter_map(|pair| pair.split_once(companion.pair));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    }

    fn is_in_use(&self, provider: &Provider) -> bool {
        self.in_use.as_deref().unwrap_or(NO_PROVIDER) == provider.id
    }

    fn lints(&self, provider: &Provider, offers: &[Offer]) -> Vec<Lint> {
        let mut lints = provider.lints.clone();
        if let Some(name) = &provider.moved_by {
            lints.push(common::foreign_base("Goose", &provider.base_url, name));
        }
        let decides = offers.iter().find(|offer| offer.gives.wins() || offer.gives.ends());
        let is_empty = decides.is_some_and(|offer| offer.value.secret().is_some_and(Secret::is_empty));
        if is_empty && self.secrets.stored(&provider.key).is_some() {
            let name = common::printable(&provider.key);
            lints.push(Lint::fault(
                "empty-hides",
                format!("an empty {name} hides the stored key, and nothing else is sent"),
            ));
        }
        if !is_empty && decides.is_some_and(|offer| offer.gives.ends()) {
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

/// What happens where no place gives a key.
fn without(provider: &Provider) -> Without {
    let bare = |reason: &str| Without::Bare(reason.to_owned());
    match provider.takes {
        Takes::Nothing(reason) => bare(reason),
        Takes::WithHeaders(_) => bare("no key is set, and the request carries none"),
        Takes::KeyOrLogin(login) | Takes::FullKeyOrLogin(login) => Without::Ends(Outcome::hidden(login)),
        Takes::Elsewhere(who) => Without::Ends(Outcome::hidden(who)),
        Takes::AwsBearer => Without::Ends(Outcome::hidden(catalogue::AWS_SIGNS)),
        Takes::Exchanged(_) => Without::Ends(Outcome::hidden("Goose has its own login to GitHub Copilot")),
        Takes::Key | Takes::KeyOrEmpty => Without::Ends(Outcome::nothing(NO_KEY)),
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
        let headers = self.headers(provider);
        let broken =
            headers.iter().any(|(_, value)| value.contains(|c: char| c.is_ascii_control() && c != '\t'));
        let own = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = Request {
            library: |key, header| {
                let reason = "a line break in the key: Goose cannot build the request, and nothing is sent";
                common::http_text(key, header).ok_or_else(|| Unsendable::Stops(reason.to_owned()))
            },
            own: headers::all(own, Clash::Yields),
            without: without(provider),
            ..Request::new(provider.header.clone(), provider.base_url.as_str(), NO_KEY)
        };
        let refusal = provider.refusal.clone();
        let no_header = || {
            let reason = "a header of your own has a line break: Goose cannot build the request";
            broken.then(|| Outcome::nothing(reason))
        };
        Question {
            provider: provider.catalogue.map(str::to_owned),
            in_use: self.is_in_use(provider),
            refusal: refusal.or_else(no_header),
            lints: self.lints(provider, &offers),
            ..Question::new(provider.id.as_str(), offers, request)
        }
    }

    fn is_shown(&self, slot: &Slot) -> bool {
        slot.in_use || !slot.candidates.is_empty()
    }

    fn agent_lints(&self, slots: &[Slot]) -> Vec<Lint> {
        let lint = || Lint::note("no-provider", "no GOOSE_PROVIDER is set; run `goose configure`");
        let none = self.in_use.is_none() && slots.iter().any(|slot| !slot.in_use);
        let breaks = slots.iter().any(|slot| slot.in_use && !slot.lints.is_empty());
        let broken = self.broken.iter().filter(|_| !breaks).map(|one| declared::lint(self.world, one, false));
        none.then(lint).into_iter().chain(broken).collect()
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
