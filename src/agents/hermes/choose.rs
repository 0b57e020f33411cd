//! Which provider Hermes uses (hermes-agent 0.19.0 `hermes_cli/runtime_provider.py` `resolve_requested_provider`,
//! `hermes_cli/auth.py` `resolve_provider`), and what a chat does when that one has no key
//! (`hermes_cli/cli_agent_setup_mixin.py` `_ensure_runtime_credentials`, `hermes_cli/fallback_config.py`).

use super::answer::{Answer, Verdict};
use super::config::find;
use super::environ::View;
use super::oauth;
use super::pool::Pool;
use super::profile::Profile;
use super::registry::{Auth, REGISTRY, canonical, is_vertex};
use super::runtime::{self, Ask};
use super::step::{self, Step};
use super::wire::is_host;
use super::{custom, endpoint};
use crate::formats::pyyaml::Yaml;
use crate::resolve::Mode;
use crate::source::Source;

/// What Hermes does without further arguments.
#[derive(Clone)]
pub struct Choice {
    /// The provider as it is asked for.
    pub requested: String,
    /// The resolution.
    pub answer: Answer,
    /// The provider of the fallback that answers in place of the chosen one.
    pub fallback: Option<String>,
}

/// The provider by configuration, variable, or `auto`.
#[must_use]
pub fn requested(profile: &Profile<'_>, mode: Mode) -> String {
    let configured = profile.config.provider();
    if !configured.is_empty() {
        return configured;
    }
    // A chat fills the configuration's own default `auto` in before it looks at the variable.
    let variable = profile.env.plain(View::Environ, "HERMES_INFERENCE_PROVIDER");
    let variable = variable.filter(|_| mode == Mode::Headless).map(|name| name.to_lowercase());
    variable.unwrap_or_else(|| "auto".to_owned())
}

/// What a start in this mode sends.
#[must_use]
pub fn choose(profile: &Profile<'_>, mode: Mode) -> Choice {
    let requested = requested(profile, mode);
    let ask = Ask { requested: requested.clone(), mode, key: None, base: None };
    let by_model = profile.env.plain(View::Environ, "HERMES_INFERENCE_MODEL").is_some();
    if by_model && mode == Mode::Headless {
        let why = "HERMES_INFERENCE_MODEL lets Hermes choose the provider by the model's name";
        let mut answer = run(profile, &ask);
        answer.verdict = Verdict::NotKnown(why.to_owned());
        return Choice { requested, answer, fallback: None };
    }
    let answer = run(profile, &ask);
    let failed = matches!(answer.verdict, Verdict::Nothing { auth: true, .. });
    let rescue = if failed && mode == Mode::Interactive { fall_back(profile, &answer) } else { None };
    if let Some((answer, fallback)) = rescue {
        return Choice { requested, answer, fallback: Some(fallback) };
    }
    Choice { requested, answer, fallback: None }
}

/// `resolve_runtime_provider`.
#[must_use]
pub fn run(profile: &Profile<'_>, ask: &Ask) -> Answer {
    let name = ask.requested.as_str();
    if profile.config.is_disabled(name) {
        return Answer::refused(
            name,
            Vec::new(),
            format!("providers.{name}.enabled is off, and Hermes refuses it"),
        );
    }
    if name == "moa" {
        return Answer::new(
            name,
            Vec::new(),
            Verdict::NotKnown("moa asks several other providers".to_owned()),
        );
    }
    if is_vertex(name) {
        let why = "Google's own credentials are turned into a token for each request";
        return Answer::new("vertex", Vec::new(), Verdict::Hidden(why.to_owned()));
    }
    if let (Some("custom"), Some(base)) = (canonical(name), &ask.base) {
        return endpoint::direct(profile, ask, base);
    }
    if let Some(custom) = custom::named(&profile.config, name) {
        return endpoint::named(profile, ask, &custom);
    }
    if ask.key.is_none() && ask.base.is_none() && has_own_endpoint(profile) {
        return endpoint::plain(profile, ask);
    }
    if name != "auto" {
        let Some(id) = canonical(name) else {
            let name = crate::agents::common::printable(name);
            let why = format!("Hermes knows no provider {name:?} and stops: \"Unknown provider\"");
            return Answer::unauthenticated(&name, Vec::new(), why);
        };
        return runtime::resolve(profile, ask, id);
    }
    match automatic(profile) {
        Some(id) => runtime::resolve(profile, ask, id),
        None => Answer::unauthenticated(
            "auto",
            Vec::new(),
            "no provider is configured, and no usable key is found",
        ),
    }
}

/// Without a provider, a configured address that is no well-known cloud is used as it is.
fn has_own_endpoint(profile: &Profile<'_>) -> bool {
    let (base, provider) = (profile.config.base_url(), profile.config.provider());
    let cloud = ["openrouter.ai", "anthropic.com", "openai.com"].iter().any(|host| is_host(&base, host));
    !base.is_empty() && matches!(provider.as_str(), "" | "auto") && !cloud
}

/// The automatic choice.
fn automatic(profile: &Profile<'_>) -> Option<&'static str> {
    let usable = |name: &str| profile.env.is_usable(name);
    if usable("OPENAI_API_KEY") || usable("OPENROUTER_API_KEY") {
        return Some("openrouter");
    }
    let pool = Pool::load(profile, "openrouter");
    if !pool.broken && !pool.entries.is_empty() {
        return Some("openrouter");
    }
    let by_key = REGISTRY
        .iter()
        .filter(|provider| provider.auth == Auth::ApiKey && !matches!(provider.id, "copilot" | "lmstudio"))
        .find(|provider| provider.keys.iter().any(|name| usable(name)));
    if let Some(provider) = by_key {
        return Some(provider.id);
    }
    let active =
        profile.store.active_provider().and_then(|name| REGISTRY.iter().find(|known| known.id == name));
    if let Some(known) = active.filter(|known| oauth::is_logged_in(profile, known.id)) {
        return Some(known.id);
    }
    let aws = [
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ];
    aws.iter().any(|name| profile.env.plain(View::Environ, name).is_some()).then_some("bedrock")
}

/// One entry of the fallback chain.
struct Fallback {
    provider: String,
    base: Option<String>,
    key: Vec<Step>,
}

/// `get_fallback_chain`: `fallback_providers`, then the older `fallback_model`.
fn chain(profile: &Profile<'_>) -> Vec<Fallback> {
    let mut all = Vec::new();
    for group in ["fallback_providers", "fallback_model"] {
        match profile.config.at(&[group]) {
            Some(Yaml::List(items)) => {
                let entry = |at: usize| fallback(profile, &[group, &at.to_string()]);
                all.extend((0..items.len()).filter_map(entry));
            }
            Some(Yaml::Map(_)) => all.extend(fallback(profile, &[group])),
            _ => {}
        }
    }
    all
}

fn fallback(profile: &Profile<'_>, path: &[&str]) -> Option<Fallback> {
    let entry = find(&profile.config.tree, path)?;
    let text = |key: &str| {
        let text = entry.get(key).filter(|value| value.truthy())?.as_str()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    text("model")?;
    let inline = text("api_key").map(|key| {
        let place = profile.config.place(&[path, &["api_key"]].concat());
        Step::new(Source::Config, place, &key, "the fallback's own api_key").named("fallback api_key")
    });
    let key = match inline {
        Some(step) => vec![step],
        None => text("key_env").or_else(|| text("api_key_env")).map_or_else(Vec::new, |name| {
            step::variable(profile, View::Environ, &name, "the fallback's key_env names it")
        }),
    };
    let base = text("base_url").map(|base| base.trim_end_matches('/').to_owned());
    Some(Fallback { provider: text("provider")?.to_lowercase(), base, key })
}

/// What a chat sends when the chosen provider has no key: the first fallback that resolves. Before the request Hermes
/// resolves that fallback once more by its name alone; what that gives is not sent, but where it gives an empty key the
/// chat stops.
fn fall_back(profile: &Profile<'_>, primary: &Answer) -> Option<(Answer, String)> {
    for entry in chain(profile) {
        let key = entry.key.iter().find(|step| step.usable).cloned();
        let ask =
            Ask { requested: entry.provider.clone(), mode: Mode::Interactive, key, base: entry.base.clone() };
        let first = run(profile, &ask);
        if matches!(first.verdict, Verdict::Nothing { .. }) {
            continue;
        }
        let again = run(profile, &Ask { key: None, base: None, ..ask });
        let mut answer = first;
        if let Verdict::Nothing { auth: false, .. } = again.verdict {
            let why = "the fallback's own key is found, and a second look by its name alone finds none: the chat stops";
            answer.verdict = Verdict::Nothing { why: why.to_owned(), auth: false };
        }
        let own = entry.key.into_iter().map(|step| Step { usable: false, ..step });
        answer.steps.extend(own);
        answer.steps.extend(primary.steps.iter().cloned());
        let offset = answer.steps.clone();
        answer.steps = step::distinct(offset);
        return Some((answer, entry.provider));
    }
    None
}
