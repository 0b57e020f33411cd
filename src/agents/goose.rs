//! Goose: environment, keyring or secrets file, by its rules recorded from 1.34.0.
//!
//! A secret comes from the environment, else from one keyring entry that holds all of them. `secrets.yaml` is read only
//! where the keyring is switched off or does not answer: the same files give another answer on another machine.

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::finding::Lint;
use crate::resolve::Slot;

mod decide;
mod destinations;
mod provider;
mod secrets;
mod settings;
#[cfg(test)]
mod tests;

use secrets::Secrets;
use settings::Settings;

const ID: &str = "goose";
const VERSIONS: &[&str] = &["1.34.0"];

/// Goose.
pub const AGENT: Agent = Agent {
    id: ID,
    aliases: &["block-goose"],
    name: "Goose",
    record: Record::Rules,
    versions: VERSIONS,
    looks: LOOKS,
    scan,
    destinations: destinations::destinations,
    switch: super::no_switch,
    restart,
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

#[expect(clippy::unnecessary_wraps, reason = "the signature of every agent's scan")]
fn scan(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let settings = Settings::read(world);
    let secrets = Secrets::read(world, &settings);
    let mut slots = decide::slots(world, &settings, &secrets);
    common::name_providers(context.catalogue, &mut slots);
    common::finish(world, &mut slots);
    let version = common::version(world, "goose", &["@aaif/goose"]);
    let traces = [settings.folder.clone()];
    let mut lints = Vec::new();
    if settings.provider(world).is_none() && !slots.is_empty() {
        lints.push(Lint::note("no-provider", "no GOOSE_PROVIDER is set; run `goose configure`"));
    }
    Some(Findings {
        found: Traces { program: "goose", paths: &traces, variables: &["GOOSE_PROVIDER", "GOOSE_PATH_ROOT"] }
            .found(world),
        rules: common::rules("Goose", VERSIONS, version.as_deref()),
        version,
        slots,
        troubles: settings.troubles().into_iter().chain(secrets.file.problem()).collect(),
        lints,
    })
}

fn restart(context: &Context<'_>, slot: &Slot) -> Option<Restart> {
    common::running(context.world, "Goose", "goose", &["goosed", "@aaif/goose"], slot, None)
}
