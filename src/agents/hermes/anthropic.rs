//! Anthropic, where Hermes resolves the key twice: once by the pool, and again before every request (hermes-agent
//! 0.19.0 `run_agent.py` `_try_refresh_anthropic_client_credentials`, `agent/anthropic_adapter.py`
//! `resolve_anthropic_token`).

use super::answer::{Answer, Verdict};
use super::environ::View;
use super::oauth::{self, Login};
use super::pool::{Pool, Selected};
use super::profile::{Profile, Rules};
use super::registry::find;
use super::runtime;
use super::step::{self, Step};
use super::wire::{ApiMode, host, is_oauth_shaped};

const DEFAULT: &str = "https://api.anthropic.com";

/// Resolves provider anthropic.
#[must_use]
pub fn resolve(profile: &Profile<'_>) -> Answer {
    let pool = Pool::load(profile, "anthropic");
    let selected = if pool.broken { Selected::None } else { pool.select("anthropic", profile.now()) };
    let pooled = step::pool(profile, "anthropic", &pool);
    let base = base(profile, &pool, selected);
    if base.contains("azure.com") {
        return azure(profile, pooled, selected, base);
    }
    let mut steps = per_request(profile, &pooled, &pool);
    let only_pool = !steps.iter().any(|step| step.usable);
    if only_pool && selected == Selected::Random {
        return runtime::random("anthropic", pooled);
    }
    steps.extend(pool_choice(pooled, selected, only_pool));
    if let Some(known) = find("anthropic") {
        steps.extend(runtime::never_read(profile, known));
    }
    let unread = step::variable(profile, View::Environ, "ANTHROPIC_AUTH_TOKEN", "");
    let why = "no variable of Hermes; the SDK adds it to requests that already have a key";
    steps.extend(unread.into_iter().map(|step| Step { usable: false, why: why.to_owned(), ..step }));
    let missing = "no Anthropic credential: neither ANTHROPIC_TOKEN nor ANTHROPIC_API_KEY nor a login";
    Answer::first("anthropic", step::distinct(steps), |_| (ApiMode::Anthropic, base), missing)
}

/// The address: `model.base_url` if it speaks Anthropic's protocol, the selected entry's own, the default.
fn base(profile: &Profile<'_>, pool: &Pool, selected: Selected) -> String {
    if let Some(configured) = configured_base(profile) {
        return configured;
    }
    let entry = match selected {
        Selected::Entry(at) => pool.entries.get(at),
        Selected::Random => pool.entries.first(),
        Selected::None => None,
    };
    let own =
        entry.and_then(|entry| entry.base_url.as_deref()).map(|base| base.trim_end_matches('/').to_owned());
    own.filter(|base| !base.is_empty()).unwrap_or_else(|| DEFAULT.to_owned())
}

fn configured_base(profile: &Profile<'_>) -> Option<String> {
    let base = profile.config.base_url();
    let host = host(&base);
    let known = host == "api.anthropic.com"
        || [".anthropic.com", ".claude.com", ".azure.com"].iter().any(|end| host.ends_with(end));
    let speaks = known || ApiMode::of_url(&base) == Some(ApiMode::Anthropic);
    (profile.config.provider() == "anthropic" && !host.is_empty() && speaks).then_some(base)
}

/// `resolve_anthropic_token`, asked before every request.
fn per_request(profile: &Profile<'_>, pooled: &[Step], pool: &Pool) -> Vec<Step> {
    let claude = oauth::claude_code(profile.world, profile.shared, profile.now_ms);
    let mut steps = Vec::new();
    for name in ["ANTHROPIC_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"] {
        let why = format!("{name} is asked before every request, before all logins and keys");
        let found = trimmed(step::variable(profile, View::Environ, name, &why));
        let preferred =
            found.iter().find(|step| step.usable).and_then(|step| preferred(profile, claude.as_ref(), step));
        steps.extend(preferred);
        steps.extend(found);
    }
    let borrowed = claude.iter().map(|login| {
        let why = "Claude Code's login is asked before every request, before ANTHROPIC_API_KEY";
        claude_step(profile, login, why)
    });
    let logins = pooled.iter().zip(&pool.entries).filter(|(_, entry)| entry.oauth).map(|(step, _)| Step {
        why: step
            .why
            .replace("the pool is asked first", "a login of the pool comes before ANTHROPIC_API_KEY"),
        ..step.clone()
    });
    let key = |why: &str| trimmed(step::variable(profile, View::Environ, "ANTHROPIC_API_KEY", why));
    match profile.rules {
        Rules::V019 => {
            steps.extend(borrowed.chain(logins));
            steps.extend(key("no login is there, and ANTHROPIC_API_KEY is asked before every request"));
        }
        Rules::Newer => {
            steps.extend(key("ANTHROPIC_API_KEY comes before all borrowed logins in this version"));
            steps.extend(logins.chain(borrowed));
        }
    }
    steps
}

/// The texts without the blanks around them, as this search takes them.
fn trimmed(mut steps: Vec<Step>) -> Vec<Step> {
    for step in &mut steps {
        step.text = step.text.trim().to_owned();
        step.usable &= !step.text.is_empty();
    }
    steps
}

/// `_prefer_refreshable_claude_code_token`: Claude Code's renewable login replaces a fixed OAuth token.
fn preferred(profile: &Profile<'_>, claude: Option<&Login>, token: &Step) -> Option<Step> {
    let login = claude.filter(|login| login.refresh && login.is_valid(profile.now_ms))?;
    let differs = login.token != token.text.trim();
    let why =
        "Claude Code's login can be renewed, so Hermes takes it in place of the fixed token in the variable";
    (is_oauth_shaped(token.text.trim()) && differs).then(|| claude_step(profile, login, why))
}

fn claude_step(profile: &Profile<'_>, login: &Login, why: &str) -> Step {
    let step = |why: &str| Step::new(login.kind, login.place.clone(), &login.token, why).named("Claude Code");
    if login.is_valid(profile.now_ms) {
        return step(why);
    }
    let why = if login.refresh {
        "expired; Hermes tries to renew it first, and uses it if that works"
    } else {
        "expired, and nothing is there to renew it with"
    };
    Step { usable: false, ..step(why) }
}

/// The pool's entries, which count only where nothing above is there.
fn pool_choice(pooled: Vec<Step>, selected: Selected, only_pool: bool) -> Vec<Step> {
    let rank = |at: usize| usize::from(selected != Selected::Entry(at));
    let mut entries: Vec<(usize, Step)> = pooled.into_iter().enumerate().collect();
    entries.sort_by_key(|(at, _)| rank(*at));
    let words = |step: Step| {
        let why = if only_pool {
            step.why.replace(
                "the pool is asked first",
                "nothing else is there, so that the pool's choice is used",
            )
        } else {
            step.why.clone()
        };
        Step { why, ..step }
    };
    entries.into_iter().map(|(_, step)| words(step)).collect()
}

/// Azure's addresses skip the second resolution: the pool's choice is used, then the configured variable or key.
fn azure(profile: &Profile<'_>, pooled: Vec<Step>, selected: Selected, base: String) -> Answer {
    let mut steps = pool_choice(pooled, selected, true);
    for hint in ["key_env", "api_key_env"] {
        if let Some(name) = profile.config.model(hint) {
            steps.extend(step::variable(profile, View::Environ, &name, &format!("model.{hint} names it")));
        }
    }
    if let Some(key) = profile
        .config
        .at(&["model", "api_key"])
        .and_then(|key| key.text())
        .filter(|key| !key.trim().is_empty())
    {
        let field = profile.config.field(key.trim().to_owned(), &["model", "api_key"]);
        let why = "model.api_key is used for an Azure address";
        steps.push(
            Step::new(crate::source::Source::Config, field.place, &field.text, why).named("model.api_key"),
        );
    }
    for name in ["AZURE_ANTHROPIC_KEY", "ANTHROPIC_API_KEY"] {
        steps.extend(step::variable(profile, View::Environ, name, &format!("{name} is set")));
    }
    match selected {
        Selected::Random => {
            Answer::new("anthropic", steps, Verdict::NotKnown("the pool chooses by chance".into()))
        }
        _ => Answer::first(
            "anthropic",
            step::distinct(steps),
            |_| (ApiMode::Anthropic, base),
            "no key for the Azure address",
        ),
    }
}
