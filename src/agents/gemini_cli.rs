//! Gemini CLI: trust, authentication type and key, by its rules recorded from 0.61.0.
//!
//! Three questions in this order: is the folder trusted, which authentication type is selected (a setting beats every
//! variable), and where is its credential. Exactly one `.env` file is read, the first one found.

use std::path::PathBuf;

use crate::agents::common;
use crate::agents::engine::{self, EnvFiles, Package, Presence, Question, Rules};
use crate::agents::{Agent, Looks, Record};
use crate::destination::Destination;
use crate::resolve::{Mode, Slot};
use crate::world::{Trouble, World};

mod credentials;
mod decide;
mod destinations;
mod environment;
mod lints;
mod settings;
#[cfg(test)]
mod tests;

use credentials::Stored;
use decide::Type;
use settings::Settings;

/// Gemini CLI.
pub const AGENT: Agent = Agent {
    id: "gemini-cli",
    aliases: &["google-gemini-cli"],
    name: "Gemini CLI",
    record: Record::Rules,
    versions: &["0.61.0"],
    looks: LOOKS,
    scan: |context| Some(engine::scan(&AGENT, context, &Gemini::read(context.world))),
    destinations: |context, slot| engine::destinations(&Gemini::read(context.world), slot),
    switch: destinations::switch,
    restart: |context, slot| {
        common::running(context.world, "Gemini CLI", "gemini", &["@google/gemini-cli"], slot, None)
    },
};

const LOOKS: &[Looks] = &[
    Looks { place: "~/.gemini/trustedFolders.json", note: "without trust a run by script refuses to start" },
    Looks { place: "/etc/gemini-cli/settings.json", note: "security.auth.selectedType beats every variable" },
    Looks { place: "./.gemini/settings.json", note: "selectedType, in a trusted folder" },
    Looks { place: "~/.gemini/settings.json", note: "selectedType" },
    Looks { place: "GEMINI_API_KEY", note: "AI Studio; GOOGLE_API_KEY for Vertex only" },
    Looks {
        place: "./.gemini/.env",
        note: "the first .env upward, then ~/.gemini/.env, ~/.env; one file only",
    },
    Looks { place: "keyring gemini-cli-api-key", note: "only when a type is selected" },
    Looks { place: "~/.gemini/gemini-credentials.json", note: "encrypted; where no keyring answers" },
    Looks { place: "~/.gemini/oauth_creds.json", note: "the Google login" },
];

/// What one scan reads.
struct Gemini<'a> {
    world: &'a dyn World,
    settings: Settings,
    /// The variables.
    environment: EnvFiles,
    /// The type in use.
    kind: Type,
    /// A setting selects it.
    selected: bool,
    /// The stored key.
    stored: Option<Stored>,
    /// The Google login.
    login: Option<Stored>,
}

impl<'a> Gemini<'a> {
    fn read(world: &'a dyn World) -> Self {
        let settings = Settings::read(world);
        let environment = environment::read(world, &settings);
        let selected = settings.selected(world);
        Self {
            world,
            kind: selected.as_deref().map_or_else(|| decide::from_env(&environment), Type::named),
            selected: selected.is_some(),
            stored: credentials::key(world, &settings),
            login: credentials::login(world, &settings),
            settings,
            environment,
        }
    }

    /// What Gemini CLI sees as `name`, if that is not empty.
    fn text(&self, name: &str) -> Option<String> {
        self.environment.nonempty(name)
    }
}

impl Rules for Gemini<'_> {
    type Query<'q>
        = Mode
    where
        Self: 'q;

    fn presence(&self) -> Presence<'_> {
        Presence {
            program: "gemini",
            package: Package::Node(&["@google/gemini-cli"]),
            paths: vec![self.settings.folder.clone()],
            variables: &["GEMINI_CLI_HOME"],
        }
    }

    fn queries(&self) -> Vec<Mode> {
        vec![Mode::Headless, Mode::Interactive]
    }

    fn ask(&self, mode: &Mode) -> Question {
        let offers = self.offers();
        let request = self.request(&offers);
        Question {
            mode: Some(*mode),
            provider: match self.kind {
                Type::Key | Type::None => Some("gemini".to_owned()),
                Type::Vertex => Some("vertex".to_owned()),
                _ => None,
            },
            in_use: true,
            refusal: self.refusal(*mode),
            lints: lints::of_slot(self),
            ..Question::new(self.kind.id(), offers, request)
        }
    }

    fn troubles(&self) -> Vec<(PathBuf, Trouble)> {
        self.settings.troubles()
    }

    fn destinations(&self, _: &Mode, slot: &Slot) -> Vec<Destination> {
        destinations::of(self, slot)
    }
}
