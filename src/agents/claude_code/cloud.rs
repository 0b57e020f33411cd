//! Claude on somebody else's cloud: the variable that switches it on, and what it sends.

use crate::agents::common;
use crate::resolve::{Chain, Header, Offer, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::world::World;

use super::settings::Settings;

/// A cloud: its switch, the credential it takes, where that goes.
struct Cloud {
    id: &'static str,
    switch: &'static str,
    provider: Option<&'static str>,
    key: &'static str,
    header: fn() -> Header,
    base_url: fn(&dyn World, &Settings) -> Option<String>,
    otherwise: &'static str,
}

/// In the order in which they win (Claude Code 2.1.329).
const CLOUDS: &[Cloud] = &[
    Cloud {
        id: "bedrock",
        switch: "CLAUDE_CODE_USE_BEDROCK",
        provider: Some("bedrock"),
        key: "AWS_BEARER_TOKEN_BEDROCK",
        header: || Header::Bearer,
        base_url: bedrock,
        otherwise: "the AWS credential chain signs the requests",
    },
    Cloud {
        id: "foundry",
        switch: "CLAUDE_CODE_USE_FOUNDRY",
        provider: None,
        key: "ANTHROPIC_FOUNDRY_API_KEY",
        header: || Header::raw("x-api-key"),
        base_url: foundry,
        otherwise: "Microsoft Entra gives the token",
    },
    unrecorded("anthropic-aws", "CLAUDE_CODE_USE_ANTHROPIC_AWS"),
    unrecorded("anthropic-google-cloud", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD"),
    unrecorded("mantle", "CLAUDE_CODE_USE_MANTLE"),
    Cloud {
        id: "vertex",
        switch: "CLAUDE_CODE_USE_VERTEX",
        provider: Some("vertex"),
        key: "ANTHROPIC_API_KEY",
        header: || Header::raw("x-api-key"),
        base_url: vertex,
        otherwise: "Google's own login gives the token",
    },
];

const fn unrecorded(id: &'static str, switch: &'static str) -> Cloud {
    Cloud {
        id,
        switch,
        provider: None,
        key: "",
        header: || Header::Bearer,
        base_url: |_, _| None,
        otherwise: "what Claude Code sends there is not on record",
    }
}

fn bedrock(world: &dyn World, settings: &Settings) -> Option<String> {
    let text = |name| settings.text(world, name);
    text("ANTHROPIC_BEDROCK_BASE_URL").or_else(|| {
        let region = text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")).unwrap_or("us-east-1".into());
        Some(format!("https://bedrock-runtime.{region}.amazonaws.com"))
    })
}

fn foundry(world: &dyn World, settings: &Settings) -> Option<String> {
    let resource = || settings.text(world, "ANTHROPIC_FOUNDRY_RESOURCE");
    settings
        .text(world, "ANTHROPIC_FOUNDRY_BASE_URL")
        .or_else(|| resource().map(|name| format!("https://{name}.services.ai.azure.com/anthropic")))
}

fn vertex(world: &dyn World, settings: &Settings) -> Option<String> {
    settings.text(world, "ANTHROPIC_VERTEX_BASE_URL")
}

/// The slot of the cloud that is switched on.
pub fn slot(world: &dyn World, settings: &Settings) -> Option<Slot> {
    let cloud = CLOUDS.iter().find(|cloud| settings.on(world, cloud.switch))?;
    let mut chain = Chain::new();
    let found = settings.variable(world, cloud.key);
    let hidden = found.first().is_some_and(|first| first.text.is_empty());
    for one in &found {
        let why = format!("{} is on", cloud.switch);
        let (source, place, value) = (one.source, one.place.clone(), one.value());
        chain.push(if hidden {
            Offer::ignored(source, place, value, "an empty value counts as none")
        } else {
            Offer::usable(source, place, value, why)
        });
    }
    let settled = chain.settle();
    let outcome = outcome(world, settings, cloud, settled.key());
    Some(Slot {
        agent: super::ID,
        profile: "default".to_owned(),
        mode: None,
        provider: cloud.provider.map(ToOwned::to_owned),
        agent_provider: cloud.id.to_owned(),
        in_use: true,
        active: settled.active,
        candidates: settled.candidates,
        outcome,
        lints: Vec::new(),
    })
}

fn outcome(world: &dyn World, settings: &Settings, cloud: &Cloud, key: Option<&Secret>) -> Outcome {
    if cloud.key.is_empty() {
        return Outcome::NotKnown { reason: cloud.otherwise.to_owned() };
    }
    if cloud.id == "vertex" && !vertex_is_recorded(world, settings) {
        let reason = "on Vertex only a start that skips Google's login is on record";
        return Outcome::NotKnown { reason: reason.to_owned() };
    }
    let Some(key) = key else { return Outcome::Hidden { reason: cloud.otherwise.to_owned() } };
    let Some(base_url) = (cloud.base_url)(world, settings) else {
        return Outcome::NotKnown { reason: "the address is not set by any variable on record".to_owned() };
    };
    let header = (cloud.header)();
    Outcome::Sends { sent: Sent { header, key: common::trimmed(key) }, base_url, also: Vec::new() }
}

/// Recorded: with Google's login skipped, the API key alone travels (cc-36).
fn vertex_is_recorded(world: &dyn World, settings: &Settings) -> bool {
    let others = ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"];
    settings.on(world, "CLAUDE_CODE_SKIP_VERTEX_AUTH")
        && others.iter().all(|name| settings.text(world, name).is_none())
        && settings.tiers.iter().all(|tier| tier.doc.at(&["apiKeyHelper"]).is_none())
}
