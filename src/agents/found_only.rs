//! Agents that are named where they are found; their rules were read in their source and not recorded from a run, so that
//! keymend says nothing about what they send.

use std::path::PathBuf;

use crate::agents::common::{self, Traces};
use crate::agents::{Agent, Context, Findings, Looks, Record, Restart};
use crate::destination::Destination;
use crate::resolve::Slot;

/// Crush.
pub const CRUSH: Agent = Agent {
    id: "crush",
    aliases: &[],
    name: "Crush",
    record: Record::FoundOnly,
    versions: &[],
    looks: &[
        Looks { place: "./crush.json", note: "project; also .crush.json" },
        Looks { place: "~/.local/share/crush/crush.json", note: "the key that its first-run dialog saved" },
        Looks { place: "~/.config/crush/crush.json", note: "api_key may be $VAR or a command" },
    ],
    scan: crush,
    destinations: no_destinations,
    switch: super::no_switch,
    restart: no_restart,
};

/// Zed.
pub const ZED: Agent = Agent {
    id: "zed",
    aliases: &[],
    name: "Zed",
    record: Record::FoundOnly,
    versions: &[],
    looks: &[
        Looks {
            place: "ANTHROPIC_API_KEY",
            note: "and the variables of the other providers, read when Zed starts",
        },
        Looks { place: "keyring", note: "one entry for each provider's api_url" },
    ],
    scan: zed,
    destinations: no_destinations,
    switch: super::no_switch,
    restart: no_restart,
};

const RULES: &str = "found; what it sends is unknown";

fn crush(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let config = common::folder(world, "XDG_CONFIG_HOME", ".config").join("crush");
    let data = common::folder(world, "XDG_DATA_HOME", ".local/share").join("crush");
    let traces = Traces { program: "crush", paths: &[config, data], variables: &["CRUSH_GLOBAL_CONFIG"] };
    found(traces.found(world))
}

fn zed(context: &Context<'_>) -> Option<Findings> {
    let world = context.world;
    let config: PathBuf = common::folder(world, "XDG_CONFIG_HOME", ".config").join("zed");
    found(Traces { program: "zed", paths: &[config], variables: &[] }.found(world))
}

fn found(found: Vec<String>) -> Option<Findings> {
    (!found.is_empty()).then(|| Findings { found, rules: RULES.to_owned(), ..Findings::default() })
}

fn no_destinations(_: &Context<'_>, _: &Slot) -> Vec<Destination> {
    Vec::new()
}

fn no_restart(_: &Context<'_>, _: &Slot) -> Option<Restart> {
    None
}
