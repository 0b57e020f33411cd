//! Claude on somebody else's cloud: the variable that switches it on, and what it sends.

use crate::agents::common;
use crate::agents::engine::{Question, Request, Without};
use crate::resolve::{Header, Offer, Outcome};
use crate::world::World;

use super::settings::Settings;

/// A cloud: its switch, the credential it takes, where that goes.
pub struct Cloud {
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
        otherwise: "what Claude Code sends there is unknown",
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

/// The cloud that is switched on.
pub fn switched_on(world: &dyn World, settings: &Settings) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| settings.on(world, cloud.switch))
}

impl Cloud {
    /// What there is for it.
    pub fn ask(&self, world: &dyn World, settings: &Settings) -> Question {
        let found = settings.variable(world, self.key);
        let hidden = found.first().is_some_and(|first| first.text.is_empty());
        let offers = found.iter().map(|one| {
            let (source, place, value) = (one.source, one.place.clone(), one.value());
            if hidden {
                return Offer::ignored(source, place, value, "an empty value is treated as none");
            }
            Offer::usable(source, place, value, format!("{} is on", self.switch))
        });
        let base_url = (self.base_url)(world, settings);
        let unknown = if self.key.is_empty() {
            Some(self.otherwise)
        } else if self.id == "vertex" && !vertex_is_recorded(world, settings) {
            Some("on Vertex only a start that skips Google's login is recorded")
        } else if !found.is_empty() && !hidden && base_url.is_none() {
            Some("no known variable sets the address")
        } else {
            None
        };
        let request = Request {
            library: |key, _| Ok(common::trimmed(key)),
            without: Without::Ends(Outcome::hidden(self.otherwise)),
            ..Request::new((self.header)(), base_url.unwrap_or_default(), "")
        };
        Question {
            provider: self.provider.map(ToOwned::to_owned),
            in_use: true,
            refusal: unknown.map(Outcome::unknown),
            ..Question::new(self.id, offers.collect(), request)
        }
    }
}

/// Recorded: with Google's login skipped, the API key alone is sent (cc-36).
fn vertex_is_recorded(world: &dyn World, settings: &Settings) -> bool {
    let others = ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"];
    settings.on(world, "CLAUDE_CODE_SKIP_VERTEX_AUTH")
        && others.iter().all(|name| settings.text(world, name).is_none())
        && settings.tiers.iter().all(|tier| tier.doc.at(&["apiKeyHelper"]).is_none())
}
