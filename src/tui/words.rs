//! Words for the types of the core: sources, states, modes, the way out of a slot's state.

use crate::agents::Agent;
use crate::finding::Severity;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Mode, Outcome, Slot, State};
use crate::secret::Secret;
use crate::source::{Source, Value};

use super::theme::Role;

/// A source in at most seven columns.
#[must_use]
pub const fn short_source(source: Source) -> &'static str {
    match source {
        Source::Env => "env",
        Source::Dotenv => ".env",
        Source::Config => "config",
        Source::AuthProfile => "profile",
        Source::Pool => "pool",
        Source::AuthFile => "auth",
        Source::Oauth => "login",
        Source::SecretStore => "store",
        Source::SecretFile => "file",
        Source::Shell => "shell",
        Source::Systemd => "systemd",
        Source::Launchd => "launchd",
        Source::Compose => "compose",
        Source::Process => "process",
        Source::Keyring => "keyring",
        Source::Helper => "helper",
        Source::BuiltIn => "builtin",
    }
}

/// A source as a person says it.
#[must_use]
pub const fn source(source: Source) -> &'static str {
    match source {
        Source::Env => "environment",
        Source::Dotenv => ".env file",
        Source::Config => "configuration file",
        Source::AuthProfile => "stored profile",
        Source::Pool => "credential pool",
        Source::AuthFile => "credential file",
        Source::Oauth => "login (OAuth)",
        Source::SecretStore => "secret store",
        Source::SecretFile => "secret file",
        Source::Shell => "shell start-up file",
        Source::Systemd => "systemd unit",
        Source::Launchd => "launchd job",
        Source::Compose => "compose file",
        Source::Process => "running process",
        Source::Keyring => "OS keyring",
        Source::Helper => "helper program",
        Source::BuiltIn => "built into the agent",
    }
}

/// A state's mark and role.
#[must_use]
pub const fn state_mark(state: &State) -> (&'static str, Role) {
    match state {
        State::Active { .. } => ("●", Role::Strong),
        State::Shadowed { .. } => ("○", Role::Text),
        State::Ignored { .. } => ("⊘", Role::Text),
        State::Unset => ("·", Role::Dim),
    }
}

/// What a connection does that sends no key that is known: nothing, or something that is not known here.
#[must_use]
pub const fn unsent(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sends { .. } | Outcome::Nothing { .. } => "sends no key",
        Outcome::Hidden { .. } => "sends a key that is not readable here",
        Outcome::NotKnown { .. } => "what it sends is not known",
    }
}

/// A state in words.
#[must_use]
pub fn state(state: &State) -> String {
    match state {
        State::Shadowed { by, .. } => format!("shadowed by {}", by + 1),
        other => other.id().to_owned(),
    }
}

/// A severity's mark and role.
#[must_use]
pub const fn lint_mark(severity: Severity) -> (&'static str, Role) {
    match severity {
        Severity::Fault => ("✗", Role::Bad),
        Severity::Warn => ("!", Role::Warn),
        Severity::Note => ("i", Role::Dim),
    }
}

/// What is at a candidate where it is no key text: the reference, `sealed`, `empty`, `unset`.
#[must_use]
pub fn value(candidate: &Candidate) -> String {
    match &candidate.value {
        Value::Unset => "unset".to_owned(),
        Value::Present(secret) if secret.is_empty() => "empty".to_owned(),
        Value::Present(secret) => format!("({})", secret.len()),
        Value::Reference(to) => format!("→ {to}"),
        Value::Sealed => "sealed".to_owned(),
        Value::Unreadable(_) => "cannot be read".to_owned(),
    }
}

/// An agent with the profile where it is not the only one: `OpenClaw · main`, `Codex (headless)`.
#[must_use]
pub fn identity(agent: &Agent, slot: &Slot) -> String {
    let mut out = agent.name.to_owned();
    if !matches!(slot.profile.as_str(), "" | "default") {
        out.push_str(" · ");
        out.push_str(&slot.profile);
    }
    if let Some(mode) = slot.mode {
        out.push_str(match mode {
            Mode::Headless => " (headless)",
            Mode::Interactive => " (in a terminal)",
        });
    }
    out
}

/// The provider's short name in lists: the agent's own, which is the one that the person typed.
#[must_use]
pub fn provider(slot: &Slot) -> &str {
    &slot.agent_provider
}

/// A provider's full name where the catalogue has one.
#[must_use]
pub fn provider_title(catalogue: &Catalogue, id: &str) -> String {
    catalogue.get(id).map_or_else(|| id.to_owned(), |provider| provider.name.clone())
}

/// The address where a person makes a key.
#[must_use]
pub fn console(catalogue: &Catalogue, provider: Option<&str>) -> Option<String> {
    Some(catalogue.get(provider?)?.console_url.clone()).filter(|address| !address.is_empty())
}

/// The address that a slot sends to, where it is none of its provider's own hosts.
#[must_use]
pub fn foreign<'a>(catalogue: &Catalogue, slot: &'a Slot) -> Option<&'a str> {
    let Outcome::Sends { base_url, .. } = &slot.outcome else { return None };
    let provider = catalogue.get(slot.provider.as_deref()?)?;
    let host = crate::provider::authority(base_url)?;
    (!provider.owns(host)).then_some(base_url)
}

/// What kind of key it is, by its form.
#[must_use]
pub fn kind(catalogue: &Catalogue, key: &Secret) -> Option<String> {
    let found = catalogue.recognise(key);
    let best = found.best()?;
    Some(format!("{}, {}", best.provider.name, kind_name(&best.shape.kind)))
}

/// A kind of key as a person says it: `api_key` → `API key`.
#[must_use]
pub fn kind_name(kind: &str) -> String {
    let word = |word| match word {
        "api" => "API",
        "oauth" => "OAuth",
        "id" => "ID",
        other => other,
    };
    let text = kind.split('_').map(word).collect::<Vec<_>>().join(" ");
    let is_whole = ["key", "token", "ID", "secret"].iter().any(|end| text.ends_with(end));
    if is_whole { text } else { format!("{text} key") }
}

/// Host and path of a base URL, without the scheme where that is `https`.
#[must_use]
pub fn address(base_url: &str) -> String {
    let shown = crate::resolve::shown(base_url);
    shown.strip_prefix("https://").unwrap_or(&shown).trim_end_matches('/').to_owned()
}
