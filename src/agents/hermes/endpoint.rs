//! OpenRouter and custom endpoints (hermes-agent 0.19.0 `hermes_cli/runtime_provider.py` `_resolve_openrouter_runtime`,
//! `_resolve_named_custom_runtime`, `_host_derived_api_key`).

use super::answer::{Answer, Verdict};
use super::custom::{self, Custom};
use super::environ::View;
use super::pool::{Pool, Selected};
use super::profile::Profile;
use super::registry::{OPENROUTER, canonical, is_usable};
use super::runtime::{self, Ask};
use super::step::{self, Step};
use super::wire::{ApiMode, host, is_host};
use crate::resolve::Mode;
use crate::source::{Place, Source};

/// Provider openrouter: its pool, unless an address is set somewhere; else the variables.
#[must_use]
pub fn openrouter(profile: &Profile<'_>, ask: &Ask) -> Answer {
    let set = |name: &str| profile.env.plain(View::Environ, name).is_some();
    let moved = set("OPENAI_BASE_URL") || set("OPENROUTER_BASE_URL");
    let provider = profile.config.provider();
    let endpoint = !profile.config.base_url().is_empty() && matches!(provider.as_str(), "auto" | "custom");
    let asked = matches!(ask.requested.as_str(), "openrouter" | "auto");
    let pool = Pool::load(profile, "openrouter");
    let mut pooled = step::pool(profile, "openrouter", &pool);
    let used = asked && !moved && !endpoint && !pool.broken && ask.key.is_none() && ask.base.is_none();
    if used {
        match pool.select("openrouter", profile.now()) {
            Selected::Random => return runtime::random("openrouter", pooled),
            Selected::Entry(at) if !pool.entries[at].token.is_empty() => {
                let first = pooled.remove(at);
                pooled.insert(0, first);
                return pool_answer(profile, pooled);
            }
            _ => {}
        }
    }
    let why = "a base address is set in a variable, so that OpenRouter's pool is not asked";
    let mut answer = plain(profile, ask);
    let rest = pooled.into_iter().map(|step| match (used, step.usable) {
        (false, true) => Step { usable: false, why: why.to_owned(), ..step },
        _ => step,
    });
    answer.steps = step::distinct(answer.steps.into_iter().chain(rest).collect());
    answer
}

fn pool_answer(profile: &Profile<'_>, mut steps: Vec<Step>) -> Answer {
    for name in OPENROUTER.keys {
        steps.extend(step::variable(profile, View::Environ, name, "asked only when the pool gives nothing"));
    }
    steps.extend(runtime::never_read(profile, &OPENROUTER));
    let base = |step: &Step| (ApiMode::Chat, step.base.clone().unwrap_or_else(|| OPENROUTER.base.to_owned()));
    Answer::first("openrouter", step::distinct(steps), base, "no OpenRouter credential")
}

/// Where an address without its own name comes from and which keys may go there.
struct Plain {
    custom: bool,
    base: String,
    from_config: bool,
    openrouter: bool,
}

/// `_resolve_openrouter_runtime`: OpenRouter by variables, and a bare custom endpoint.
#[must_use]
pub fn plain(profile: &Profile<'_>, ask: &Ask) -> Answer {
    let target = target(profile, ask);
    let mut steps: Vec<Step> = ask.key.iter().cloned().collect();
    if target.custom {
        let owner = custom::pool_key(&profile.config, &target.base, None);
        if let Some(owner) = owner {
            steps.splice(0..0, usable_pool(profile, &owner));
        }
    }
    steps.extend(candidates(profile, &target));
    let name = if target.custom { "custom" } else { "openrouter" };
    let asked = profile.config.model("api_mode").and_then(|mode| ApiMode::parse(&mode));
    let detected = ApiMode::of_url(&target.base);
    let asked = asked.filter(|mode| {
        !(target.custom && *mode == ApiMode::Responses && detected != Some(ApiMode::Responses))
    });
    let mode = asked.or(detected).unwrap_or(ApiMode::Chat);
    let steps = step::distinct(steps);
    if let Some(at) = steps.iter().position(|step| step.usable) {
        return Answer::new(name, steps, Verdict::Sends { step: at, mode, base: target.base });
    }
    keyless(profile, ask.mode, &target, mode, steps)
}

/// Nothing was found: a placeholder for endpoints of your own, and for OpenRouter a last look into its pool.
fn keyless(profile: &Profile<'_>, how: Mode, target: &Plain, mode: ApiMode, steps: Vec<Step>) -> Answer {
    let name = if target.custom { "custom" } else { "openrouter" };
    let at_openrouter = is_host(&target.base, "openrouter.ai");
    if (target.custom && !at_openrouter)
        || (how == Mode::Interactive && !target.base.contains("openrouter.ai"))
    {
        return with_placeholder(name, steps, mode, target.base.clone());
    }
    if how == Mode::Interactive || target.custom {
        let why = "no key was found for OpenRouter; Hermes asks for OPENROUTER_API_KEY";
        return Answer::refused(name, steps, why);
    }
    let pool = Pool::load(profile, "openrouter");
    let mut pooled = step::pool(profile, "openrouter", &pool);
    if let Selected::Entry(at) = pool.select("openrouter", profile.now()) {
        let mut first = pooled.remove(at);
        "no variable holds a key, and a last look into the pool finds this, for OpenRouter's own address"
            .clone_into(&mut first.why);
        pooled.insert(0, first);
    }
    let steps = step::distinct(pooled.into_iter().chain(steps).collect());
    let base = |step: &Step| (ApiMode::Chat, step.base.clone().unwrap_or_else(|| OPENROUTER.base.to_owned()));
    Answer::first(name, steps, base, "no key was found for OpenRouter; Hermes asks for OPENROUTER_API_KEY")
}

fn with_placeholder(name: &str, mut steps: Vec<Step>, mode: ApiMode, base: String) -> Answer {
    let place = Place::BuiltIn { what: "Hermes' word for no key".to_owned() };
    let why = "no key belongs to this address, so Hermes sends a fixed word in its place";
    steps.push(Step::new(Source::BuiltIn, place, "no-key-required", why));
    Answer::first(name, steps, |_| (mode, base), "")
}

/// The address: from the question, `CUSTOM_BASE_URL`, `model.base_url` where it is trusted, `OPENROUTER_BASE_URL`.
fn target(profile: &Profile<'_>, ask: &Ask) -> Plain {
    let custom = canonical(&ask.requested) == Some("custom");
    let configured = profile.config.base_url();
    let provider = profile.config.provider();
    let from_config = !configured.is_empty()
        && ask.base.is_none()
        && match ask.requested.as_str() {
            "auto" => provider.is_empty() || provider == "auto",
            _ => custom && is_trusted(&configured, &provider),
        };
    let variable = |name: &str| profile.env.plain(View::Environ, name);
    let moved = variable("OPENROUTER_BASE_URL");
    let own = variable("CUSTOM_BASE_URL");
    let from_config = from_config && (own.is_none() || custom);
    let base = ask
        .base
        .clone()
        .or(own)
        .or_else(|| from_config.then_some(configured))
        .or_else(|| moved.clone())
        .unwrap_or_else(|| OPENROUTER.base.to_owned());
    let base = base.trim_end_matches('/').to_owned();
    let mirror =
        ask.requested == "openrouter" && moved.as_deref().map(|url| url.trim_end_matches('/')) == Some(&base);
    let openrouter = is_host(&base, "openrouter.ai") || mirror;
    Plain { custom, base, from_config, openrouter }
}

/// `_config_base_url_trustworthy_for_bare_custom`.
fn is_trusted(base: &str, provider: &str) -> bool {
    if canonical(provider) == Some("custom") {
        return true;
    }
    matches!(host(base).as_str(), "localhost" | "127.0.0.1" | "::1" | "0.0.0.0")
}

fn candidates(profile: &Profile<'_>, target: &Plain) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut variable = |name: &str, allowed: bool, why: &str| {
        for mut step in step::variable(profile, View::Environ, name, why) {
            refuse(&mut step, allowed, &target.base);
            steps.push(step);
        }
    };
    if target.openrouter {
        variable(
            "OPENROUTER_API_KEY",
            true,
            "the address is OpenRouter's, and OPENROUTER_API_KEY is asked first",
        );
        variable("OPENAI_API_KEY", true, "without OPENROUTER_API_KEY the OpenAI key is sent to OpenRouter");
        let known = runtime::never_read(profile, &OPENROUTER);
        steps.extend(known);
        return steps;
    }
    let derived = derived_name(&target.base);
    variable("OLLAMA_API_KEY", is_host(&target.base, "ollama.com"), "the address is Ollama's");
    variable("OPENAI_API_KEY", is_openai(&target.base), "the address is OpenAI's");
    variable("OPENROUTER_API_KEY", false, "");
    if let Some(name) = &derived {
        variable(name, true, "named after the address' own domain");
    }
    let key = profile.config.model_key().map(|key| {
        let why = if target.from_config {
            "model.api_key belongs to the configured address"
        } else {
            "model.api_key is not read: the address does not come from the configuration"
        };
        let mut step = Step::new(Source::Config, key.place, &key.text, why).named("model.api_key");
        step.usable = target.from_config && is_usable(&key.text);
        step
    });
    steps.splice(0..0, key);
    steps
}

/// Keys go to their own hosts alone, and placeholders nowhere.
fn refuse(step: &mut Step, allowed: bool, base: &str) {
    if !step.usable {
        return;
    }
    if !allowed {
        step.usable = false;
        step.why = format!(
            "not sent to {}: it belongs to another host",
            crate::agents::common::printable(&host(base))
        );
    } else if !is_usable(&step.text) {
        step.usable = false;
        "it looks like a placeholder or is shorter than four characters".clone_into(&mut step.why);
    } else {
        step.text = step.text.trim().to_owned();
    }
}

fn is_openai(base: &str) -> bool {
    is_host(base, "openai.com") || is_host(base, "openai.azure.com")
}

/// `_host_derived_api_key`: `<VENDOR>_API_KEY` by the registrable part of the host.
fn derived_name(base: &str) -> Option<String> {
    let host = host(base);
    let mut labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
    if host.contains(':') || labels.last()?.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    while labels.first().is_some_and(|label| matches!(*label, "api" | "www")) {
        labels.remove(0);
    }
    let vendor = labels.len().checked_sub(2).map(|at| labels[at])?;
    let clean: String = vendor.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let clean = clean.to_uppercase();
    let taken = matches!(clean.as_str(), "OPENAI" | "OPENROUTER" | "OLLAMA");
    (clean.starts_with(char::is_alphabetic) && !taken).then(|| format!("{clean}_API_KEY"))
}

/// The entries of an endpoint's pool; they count only where one is available.
fn usable_pool(profile: &Profile<'_>, owner: &Custom) -> Vec<Step> {
    let slug = owner.slug();
    let pool = Pool::of_custom(profile, owner);
    let mut steps = step::pool(profile, &slug, &pool);
    if let Selected::Entry(at) = pool.select(&slug, profile.now()) {
        let first = steps.remove(at);
        steps.insert(0, first);
    }
    steps
}

/// A named endpoint: its pool, its `api_key` and `key_env`, the keys of its host, else a placeholder.
#[must_use]
pub fn named(profile: &Profile<'_>, ask: &Ask, custom: &Custom) -> Answer {
    let base = ask.base.clone().unwrap_or_else(|| custom.base_url.trim().to_owned());
    let base = base.trim_end_matches('/').to_owned();
    let owner = custom::pool_key(&profile.config, &base, Some(&custom.name));
    let mut steps = owner.map_or_else(Vec::new, |owner| usable_pool(profile, &owner));
    if steps.iter().any(|step| step.usable) && profile.config.strategy(&custom.slug()) == "random" {
        return runtime::random("custom", steps);
    }
    steps.extend(ask.key.iter().cloned());
    let field = custom.api_key.iter().map(|key| {
        let mut step = Step::new(Source::Config, key.place.clone(), &key.text, "the endpoint's own api_key");
        step.usable = is_usable(&key.text);
        step.named("api_key")
    });
    let variable = custom.key_env.as_deref().map_or_else(Vec::new, |name| {
        let mut steps = step::variable(profile, View::Environ, name, "the endpoint's key_env names it");
        for step in &mut steps {
            refuse(step, true, &base);
        }
        steps
    });
    // In the dictionary's own resolver key_env comes first; the pool, which holds api_key, mostly decides before it.
    if custom.key.is_some() {
        steps.extend(variable.into_iter().chain(field));
    } else {
        steps.extend(field.chain(variable));
    }
    steps.extend(host_keys(profile, &base));
    let mode = custom.api_mode.or_else(|| ApiMode::of_url(&base)).unwrap_or(ApiMode::Chat);
    let steps = step::distinct(steps);
    match steps.iter().position(|step| step.usable) {
        Some(at) => Answer::new("custom", steps, Verdict::Sends { step: at, mode, base }),
        None => with_placeholder("custom", steps, mode, base),
    }
}

fn host_keys(profile: &Profile<'_>, base: &str) -> Vec<Step> {
    let derived = derived_name(base);
    let openrouter = is_host(base, "openrouter.ai");
    let names = [
        ("OPENAI_API_KEY", is_openai(base)),
        ("OPENROUTER_API_KEY", openrouter),
        (derived.as_deref().unwrap_or_default(), derived.is_some()),
    ];
    let mut steps = Vec::new();
    for (name, allowed) in names {
        for mut step in step::variable(profile, View::Environ, name, "it belongs to the address' own host") {
            refuse(&mut step, allowed, base);
            steps.push(step);
        }
    }
    steps
}

/// A fallback that gives address and key itself (`provider: custom`).
#[must_use]
pub fn direct(profile: &Profile<'_>, ask: &Ask, base: &str) -> Answer {
    let base = base.trim().trim_end_matches('/').to_owned();
    let owner = custom::pool_key(&profile.config, &base, None);
    let mut steps = owner.map_or_else(Vec::new, |owner| usable_pool(profile, &owner));
    steps.extend(ask.key.iter().cloned().map(|step| Step { usable: is_usable(&step.text), ..step }));
    steps.extend(host_keys(profile, &base));
    let mode = ApiMode::of_url(&base).unwrap_or(ApiMode::Chat);
    let steps = step::distinct(steps);
    match steps.iter().position(|step| step.usable) {
        Some(at) => Answer::new("custom", steps, Verdict::Sends { step: at, mode, base }),
        None => with_placeholder("custom", steps, mode, base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_lends_its_name_to_a_variable() {
        for (url, name) in [
            ("https://api.deepseek.com/v1", Some("DEEPSEEK_API_KEY")),
            ("https://api.groq.com/openai/v1", Some("GROQ_API_KEY")),
            ("https://api.deepseek.com.evil.test/v1", Some("EVIL_API_KEY")),
            ("http://127.0.0.1:8080/v1", None),
            ("http://localhost:1/v1", None),
            ("https://api.openai.com/v1", None),
        ] {
            assert_eq!(derived_name(url).as_deref(), name, "{url}");
        }
    }
}
