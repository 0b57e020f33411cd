//! Which key a provider of Hermes gets (hermes-agent 0.19.0 `hermes_cli/runtime_provider.py`
//! `resolve_runtime_provider`): the pool, then the variables, then what the pool still holds.

use super::answer::{Answer, Verdict};
use super::environ::View;
use super::oauth;
use super::pool::{Pool, Selected};
use super::profile::Profile;
use super::registry::{Auth, Provider, find, is_usable};
use super::step::{self, Step};
use super::wire::{ApiMode, is_host};
use super::{anthropic, endpoint};
use crate::resolve::Mode;
use crate::source::{Place, Source};

/// One question to the resolver.
#[derive(Clone)]
pub struct Ask {
    /// The provider as it was asked for: an id, an alias, a custom endpoint's name, `auto`.
    pub requested: String,
    /// How Hermes is run.
    pub mode: Mode,
    /// A key that comes with the question (fallbacks).
    pub key: Option<Step>,
    /// An address that comes with the question (fallbacks).
    pub base: Option<String>,
}

/// Resolves a provider that is already canonical.
#[must_use]
pub fn resolve(profile: &Profile<'_>, ask: &Ask, provider: &str) -> Answer {
    let Some(known) = find(provider) else {
        return endpoint::plain(profile, ask);
    };
    let given = ask.key.is_some() || ask.base.is_some();
    if let Some(answer) = given.then(|| explicit(profile, ask, known)).flatten() {
        return answer;
    }
    match (known.id, known.auth) {
        ("openrouter", _) => endpoint::openrouter(profile, ask),
        ("anthropic", _) => anthropic::resolve(profile),
        ("copilot", _) => copilot(profile, known, ask),
        ("azure-foundry", _) => azure(profile, known),
        (_, Auth::ApiKey) => registry(profile, known, ask.mode),
        (_, Auth::Login) => login(profile, known),
        (_, Auth::Computed) => computed(known),
    }
}

/// A key or address from a fallback's own entry.
fn explicit(profile: &Profile<'_>, ask: &Ask, known: &Provider) -> Option<Answer> {
    if known.auth != Auth::ApiKey || known.id == "openrouter" || known.id == "azure-foundry" {
        return None;
    }
    let (steps, _) = variables(profile, known);
    let steps: Vec<Step> = ask.key.iter().cloned().chain(steps).collect();
    let moved = profile.moved(known);
    let missing = format!("no key for {}", known.id);
    Some(Answer::first(
        known.id,
        step::distinct(steps),
        |step| {
            let base =
                ask.base.clone().unwrap_or_else(|| profile.base_of(known, moved.as_deref(), &step.text));
            let asked = profile.config.model("api_mode").and_then(|mode| ApiMode::parse(&mode));
            let mode = if known.id == "anthropic" { Some(ApiMode::Anthropic) } else { asked };
            (mode.or_else(|| ApiMode::of_url(&base)).unwrap_or(ApiMode::Chat), base)
        },
        &missing,
    ))
}

/// The variables of a provider in its own order, and the one that `_resolve_api_key_provider_secret` takes.
fn variables(profile: &Profile<'_>, known: &Provider) -> (Vec<Step>, Option<Place>) {
    let mut steps: Vec<Step> = Vec::new();
    for name in known.keys {
        for mut step in step::variable(profile, View::PreferDotenv, name, &format!("{name} is set")) {
            if step.usable && !is_usable(&step.text) {
                step.usable = false;
                "it looks like a placeholder or is shorter than four characters".clone_into(&mut step.why);
            }
            steps.push(step);
        }
    }
    let taken = steps.iter().find(|step| step.usable).map(|step| step.place.clone());
    (steps, taken)
}

/// Providers with a key (section "registry").
fn registry(profile: &Profile<'_>, known: &Provider, mode: Mode) -> Answer {
    let pool = Pool::load(profile, known.id);
    let pooled = step::pool(profile, known.id, &pool);
    let selected = if pool.broken { Selected::None } else { pool.select(known.id, profile.now()) };
    match selected {
        Selected::Random => random(known.id, pooled),
        Selected::Entry(at) if !pool.entries[at].token.is_empty() => {
            let base = pool_base(profile, known, pool.entries[at].base_url.as_deref());
            if base.is_empty() {
                baseless(profile, known, mode, pooled, &pool)
            } else {
                let mut steps = front(pooled, at, &pool);
                steps.extend(never_read(profile, known));
                let (variables, _) = variables(profile, known);
                steps.extend(variables);
                let api = api_mode(profile, known, &base);
                sends(known.id, step::distinct(steps), api, base)
            }
        }
        _ => unpooled(profile, known, pooled, &pool),
    }
}

/// The selected entry first, the others behind it.
fn front(mut steps: Vec<Step>, at: usize, pool: &Pool) -> Vec<Step> {
    let rule = match pool.strategy.as_str() {
        "least_used" => ", the least used one",
        "round_robin" => ", whose turn it is: each request moves on",
        _ => "",
    };
    let mut first = steps.remove(at);
    first.why.push_str(rule);
    steps.insert(0, first);
    steps
}

/// One of several, by chance.
pub fn random(provider: &str, steps: Vec<Step>) -> Answer {
    let why = "credential_pool_strategies says `random`: any of the available entries is sent";
    Answer::new(provider, steps, Verdict::NotKnown(why.to_owned()))
}

fn sends(provider: &str, steps: Vec<Step>, mode: ApiMode, base: String) -> Answer {
    let missing = format!("no usable credential for {provider}");
    Answer::first(provider, steps, |_| (mode, base), &missing)
}

/// A pool entry's address: its own; `model.base_url` where the entry has the default one. Copilot alone has an address for an
/// entry without one (`_resolve_runtime_from_pool_entry`).
fn pool_base(profile: &Profile<'_>, known: &Provider, own: Option<&str>) -> String {
    let own = own.unwrap_or_default().trim_end_matches('/').to_owned();
    if known.id == "copilot" {
        return if own.is_empty() { known.base.to_owned() } else { own };
    }
    let configured = profile.config.base_url();
    let default = own == known.base.trim_end_matches('/');
    let base = if profile.config.provider() == known.id && default && !configured.is_empty() {
        configured
    } else {
        own
    };
    normal_base(profile, known, base)
}

fn normal_base(profile: &Profile<'_>, known: &Provider, base: String) -> String {
    let bare = base.trim_end_matches('/');
    match known.id {
        "lmstudio" => {
            let root =
                ["/api/v1", "/api", "/v1"].iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare);
            let root = root.trim_end_matches('/');
            format!("{}/v1", if root.is_empty() { "http://127.0.0.1:1234" } else { root })
        }
        "opencode-zen" | "opencode-go" if opencode_mode(profile, known) == ApiMode::Anthropic => {
            bare.strip_suffix("/v1").unwrap_or(bare).to_owned()
        }
        _ => base,
    }
}

fn opencode_mode(profile: &Profile<'_>, known: &Provider) -> ApiMode {
    let model = profile.config.model_name().to_lowercase();
    let model = model.strip_prefix(&format!("{}/", known.id)).unwrap_or(&model);
    match known.id {
        "opencode-go" if model.starts_with("minimax-") || model.starts_with("qwen") => ApiMode::Anthropic,
        "opencode-zen" if model.starts_with("claude-") || model.starts_with("qwen") => ApiMode::Anthropic,
        "opencode-zen" if model.starts_with("gpt-") => ApiMode::Responses,
        _ => ApiMode::Chat,
    }
}

/// How the request is made: fixed for xAI, by model for OpenCode, configured, else by the address.
fn api_mode(profile: &Profile<'_>, known: &Provider, base: &str) -> ApiMode {
    if known.id == "xai" {
        return ApiMode::Responses;
    }
    if known.id.starts_with("opencode-") {
        return opencode_mode(profile, known);
    }
    let provider = profile.config.provider();
    let applies = provider.is_empty() || provider == known.id;
    let asked = profile.config.model("api_mode").filter(|_| applies).and_then(|mode| ApiMode::parse(&mode));
    asked.or_else(|| ApiMode::of_url(base)).unwrap_or(ApiMode::Chat)
}

/// No usable pool entry: the variables, then the pool's first entry that is not blocked, then LM Studio's placeholder.
fn unpooled(profile: &Profile<'_>, known: &Provider, pooled: Vec<Step>, pool: &Pool) -> Answer {
    let (mut steps, placeholder) = last_resort(profile, known, &pooled, pool);
    steps.splice(0..0, pooled.into_iter().filter(|step| !step.usable));
    steps.extend(never_read(profile, known));
    let why = format!("no usable credential for {}; Hermes asks for {}", known.id, known.keys.join(" or "));
    let moved = profile.moved(known);
    Answer::first(
        known.id,
        step::distinct(steps),
        |step| {
            let configured = profile.config.base_url();
            let own = profile.config.provider() == known.id && !configured.is_empty();
            let token = if placeholder { "" } else { &step.text };
            let base = if own { configured } else { profile.base_of(known, moved.as_deref(), token) };
            let base = normal_base(profile, known, base);
            (api_mode(profile, known, &base), base)
        },
        &why,
    )
}

/// `_resolve_api_key_provider_secret` and LM Studio's placeholder.
fn last_resort(profile: &Profile<'_>, known: &Provider, pooled: &[Step], pool: &Pool) -> (Vec<Step>, bool) {
    let (mut steps, taken) = variables(profile, known);
    for step in &mut steps {
        let suppressed = step
            .name
            .as_ref()
            .is_some_and(|name| profile.store.is_suppressed(known.id, &format!("env:{name}")));
        if step.usable && suppressed {
            step.why.push_str(
                "; `hermes auth remove` took it out of the pool, and this later search reads it all the same",
            );
        } else if step.usable {
            step.why.push_str("; the pool gives nothing, and this later search reads it");
        }
    }
    let free =
        (0..pool.entries.len()).filter(|at| pool.entries[*at].blocked(known.id, profile.now()).is_none());
    if let Some(peeked) = free.clone().next().and_then(|at| pooled.get(at)) {
        let usable = is_usable(peeked.text.trim());
        let text = peeked.text.trim().to_owned();
        steps.push(Step { text, usable, ..peeked.clone() });
    }
    let mut placeholder = false;
    if known.id == "lmstudio" && taken.is_none() && !steps.iter().any(|step| step.usable) {
        let place = Place::BuiltIn { what: "Hermes' placeholder for LM Studio".to_owned() };
        steps.push(Step::new(
            Source::BuiltIn,
            place,
            "dummy-lm-api-key",
            "without a key Hermes sends a placeholder",
        ));
        placeholder = true;
    }
    (steps, placeholder)
}

/// The selected entry has no base address: a chat stops, a single prompt asks another resolver that prefers variables.
fn baseless(profile: &Profile<'_>, known: &Provider, mode: Mode, pooled: Vec<Step>, pool: &Pool) -> Answer {
    if mode == Mode::Interactive {
        let why = "the pool entry that is chosen has no base_url, and a chat stops at that";
        return Answer::refused(known.id, pooled, why);
    }
    let (mut steps, _) = last_resort(profile, known, &pooled, pool);
    let note = "the pool entry has no base_url, so that another search decides, which prefers variables";
    for step in steps.iter_mut().filter(|step| step.usable) {
        note.clone_into(&mut step.why);
    }
    steps.extend(pooled.into_iter().map(|step| Step { usable: false, ..step }));
    steps.extend(never_read(profile, known));
    let moved = profile.moved(known);
    let missing = format!("no usable credential for {}", known.id);
    Answer::first(
        known.id,
        step::distinct(steps),
        |step| {
            let base = normal_base(profile, known, profile.base_of(known, moved.as_deref(), &step.text));
            let mode = if known.id == "xai" { ApiMode::Responses } else { ApiMode::Chat };
            (mode, openai_base(&base))
        },
        &missing,
    )
}

/// `_to_openai_base_url`.
fn openai_base(base: &str) -> String {
    match base.strip_suffix("/anthropic") {
        Some(root) if base.contains("bigmodel") => format!("{root}/paas/v4"),
        Some(root) => format!("{root}/v1"),
        None if is_host(base, "api.kimi.com") && base.ends_with("/coding") => format!("{base}/v1"),
        None => base.to_owned(),
    }
}

/// `model.api_key`, which only a custom endpoint reads.
#[must_use]
pub fn never_read(profile: &Profile<'_>, known: &Provider) -> Vec<Step> {
    if profile.config.provider() != known.id {
        return Vec::new();
    }
    let why = format!("model.api_key is never read for {}; only a custom endpoint reads it", known.id);
    let key = profile.config.model_key();
    key.map(|key| Step::ignored(Source::Config, key.place, &key.text, why).named("model.api_key"))
        .into_iter()
        .collect()
}

/// GitHub Copilot: the GitHub token is exchanged first where it comes from `GH_TOKEN` or the GitHub CLI.
fn copilot(profile: &Profile<'_>, known: &Provider, ask: &Ask) -> Answer {
    let empty = Pool::load(profile, known.id).entries.is_empty();
    let cli = profile.world.executable("gh");
    match cli.filter(|_| empty && oauth::copilot_variable(profile).is_none()) {
        None => registry(profile, known, ask.mode),
        Some(path) => {
            let place = Place::Command {
                from: "GitHub CLI".to_owned(),
                command: format!("{} auth token", path.display()),
            };
            let mut step =
                Step::ignored(Source::Helper, place, "", "asked when no variable holds a GitHub token");
            step.value = crate::source::Value::Reference("gh auth token".to_owned());
            let why = "the GitHub CLI gives the token when Hermes asks it".to_owned();
            Answer::new(known.id, vec![step], Verdict::Hidden(why))
        }
    }
}

/// Azure Foundry: the variable, read from the environment first, and an address that has to be configured.
fn azure(profile: &Profile<'_>, known: &Provider) -> Answer {
    let own = profile.config.provider() == known.id;
    let model = |key: &str| profile.config.model(key).filter(|_| own);
    let mut steps =
        step::variable(profile, View::Environ, "AZURE_FOUNDRY_API_KEY", "AZURE_FOUNDRY_API_KEY is set");
    if profile.env.text(View::Environ, "AZURE_FOUNDRY_API_KEY").is_none() {
        let why = "AZURE_FOUNDRY_API_KEY is in ~/.hermes/.env";
        steps = step::variable(profile, View::PreferDotenv, "AZURE_FOUNDRY_API_KEY", why);
    }
    steps.extend(never_read(profile, known));
    let moved = || profile.env.plain(View::Environ, "AZURE_FOUNDRY_BASE_URL");
    let base = model("base_url").or_else(moved).unwrap_or_default().trim_end_matches('/').to_owned();
    if base.is_empty() {
        return Answer::unauthenticated(
            known.id,
            steps,
            "Azure Foundry needs a base address, and none is configured",
        );
    }
    if model("auth_mode").is_some_and(|mode| mode.eq_ignore_ascii_case("entra_id")) {
        return Answer::new(
            known.id,
            steps,
            Verdict::Hidden("Microsoft Entra ID mints a token for each request".into()),
        );
    }
    let name = profile.config.model_name().to_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let reasoning = ["codex", "gpt-5", "o1", "o3", "o4"].iter().any(|start| name.starts_with(start));
    let asked = model("api_mode").and_then(|mode| ApiMode::parse(&mode)).unwrap_or(ApiMode::Chat);
    let mode = if reasoning && asked != ApiMode::Anthropic { ApiMode::Responses } else { asked };
    Answer::first(known.id, steps, |_| (mode, base), "Azure Foundry needs AZURE_FOUNDRY_API_KEY")
}

/// Providers that only a login opens.
fn login(profile: &Profile<'_>, known: &Provider) -> Answer {
    let pool = Pool::load(profile, known.id);
    let mut steps = step::pool(profile, known.id, &pool);
    let renewable = steps
        .iter()
        .zip(&pool.entries)
        .any(|(step, entry)| !step.usable && entry.refresh && !entry.token.is_empty());
    let selected = pool.select(known.id, profile.now());
    if let Selected::Entry(at) = selected {
        steps = front(steps, at, &pool);
    }
    let unused = |name: &str, why: &str| {
        let mut steps = step::variable(profile, View::Environ, name, why);
        for step in &mut steps {
            (step.usable, step.why) = (false, why.to_owned());
        }
        steps
    };
    let unread = match known.id {
        "openai-codex" => unused("OPENAI_API_KEY", "openai-codex takes a login only, never this variable"),
        "nous" => unused("NOUS_API_KEY", "Nous takes a login only, never this variable"),
        "xai-oauth" => unused("XAI_API_KEY", "xai-oauth takes a login only; provider xai reads this"),
        _ => Vec::new(),
    };
    steps.extend(unread);
    if selected == Selected::Random {
        return random(known.id, steps);
    }
    if renewable && !steps.iter().any(|step| step.usable) {
        let why =
            "the login has expired; Hermes renews it first, and the new token is not known here".to_owned();
        return Answer::new(known.id, steps, Verdict::Hidden(why));
    }
    let mode = match known.id {
        "openai-codex" | "xai-oauth" => ApiMode::Responses,
        "minimax-oauth" => ApiMode::Anthropic,
        _ => ApiMode::Chat,
    };
    let missing = format!("not logged in to {}; no variable replaces the login", known.id);
    Answer::first(known.id, step::distinct(steps), |step| (mode, login_base(profile, known, step)), &missing)
}

fn login_base(profile: &Profile<'_>, known: &Provider, step: &Step) -> String {
    let nous =
        (known.id == "nous").then(|| profile.env.plain(View::Environ, "NOUS_INFERENCE_BASE_URL")).flatten();
    let base = nous.or_else(|| step.base.clone()).unwrap_or_else(|| known.base.to_owned());
    base.trim_end_matches('/').to_owned()
}

fn computed(known: &Provider) -> Answer {
    let why = match known.id {
        "bedrock" => "AWS's own chain of credentials signs each request",
        _ => "another program makes the request",
    };
    Answer::new(known.id, Vec::new(), Verdict::Hidden(why.to_owned()))
}
