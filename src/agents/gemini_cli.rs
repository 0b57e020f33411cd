//! Gemini CLI: trust, authentication type and key, by its rules recorded from 0.61.0.
//!
//! Three questions in this order: is the folder trusted, which authentication type is selected (a setting beats every
//! variable), and where is its credential. Exactly one `.env` file is read, the first one found.

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::resolve::{Mode, Slot};

mod credentials;
mod decide;
mod destinations;
mod environment;
mod lints;
mod settings;
#[cfg(test)]
mod tests;

use settings::Settings;

const ID: &str = "gemini-cli";
const VERSIONS: &[&str] = &["0.61.0"];

/// Gemini CLI.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["google-gemini-cli"],
    name: "Gemini CLI",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::destinations,
    switch: destinations::switch,
    restart,
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

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let settings = Settings::read(world);
    let environment = environment::read(world, &settings);
    let mut headless = decide::slot(world, &settings, &environment, Mode::Headless);
    let terminal = decide::slot(world, &settings, &environment, Mode::Interactive);
    let mut slots: Vec<Slot> = Vec::new();
    if common::same_outcome(&headless.outcome, &terminal.outcome) {
        headless.mode = None;
        slots.push(headless);
    } else {
        slots.extend([headless, terminal]);
    }
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "gemini", &["@google/gemini-cli"]);
    let traces = [settings.folder.clone()];
    Some(Findings {
        found: Traces { program: "gemini", paths: &traces, variables: &["GEMINI_CLI_HOME"] }.found(world),
        rules: common::rules("Gemini CLI", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: settings.troubles(),
        lints: Vec::new(),
    })
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "Gemini CLI", "gemini", &["@google/gemini-cli"], slot, None)
}
