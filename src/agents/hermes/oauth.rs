//! Logins: what Hermes keeps in `auth.json`, and what it borrows from Claude Code, the Qwen CLI and GitHub
//! (hermes-agent 0.19.0 `agent/anthropic_adapter.py`, `agent/credential_pool.py` `_seed_from_singletons`,
//! `hermes_cli/auth.py`). A scan renews nothing and asks nobody.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use super::environ::{Shared, View};
use super::pool::{Entry, Pool, Seed};
use super::profile::Profile;
use super::registry::is_usable;
use crate::agents::common::{self, Doc};
use crate::source::{Format, Place, Pointer, Source};
use crate::world::{KeyringState, Os, World};

/// A login that is kept in a file or keyring.
#[derive(Clone)]
pub struct Login {
    /// The access token.
    pub token: String,
    /// A refresh token is there.
    pub refresh: bool,
    /// When it expires, in milliseconds, or none if it does not say.
    pub expires_ms: Option<f64>,
    /// Where the token is.
    pub place: Place,
    /// The kind of that place.
    pub kind: Source,
}

impl Login {
    /// `is_claude_code_token_valid`: not expired, with a minute to spare.
    #[must_use]
    pub fn is_valid(&self, now_ms: f64) -> bool {
        self.expires_ms.is_none_or(|at| now_ms < at - 60_000.0)
    }
}

/// `_parse_absolute_timestamp`: seconds, milliseconds or ISO 8601, in seconds.
#[must_use]
pub fn seconds(value: &Json) -> Option<f64> {
    let scale = |number: f64| if number > 1e12 { number / 1000.0 } else { number };
    match value {
        Json::Number(number) => number.as_f64().filter(|number| *number > 0.0).map(scale),
        Json::String(text) => {
            let text = text.trim();
            let number = text.parse::<f64>().ok().map(scale);
            number.or_else(|| {
                let at: jiff::Timestamp = text.parse().ok()?;
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a clock in milliseconds fits a double exactly"
                )]
                Some(at.as_millisecond() as f64 / 1000.0)
            })
        }
        _ => None,
    }
}

/// The claims of a token that is a JWT.
fn claims(token: &str) -> Option<Json> {
    let body = token.split('.').nth(1)?.trim_end_matches('=');
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
}

/// Whether a JWT ends within `skew` seconds; a token that says nothing does not.
#[must_use]
pub fn is_expiring(token: &str, skew: f64, now: f64) -> bool {
    let exp = claims(token).and_then(|claims| claims.get("exp").and_then(Json::as_f64));
    exp.is_some_and(|exp| exp <= now + skew)
}

/// `_entry_needs_refresh`.
#[must_use]
pub fn needs_refresh(provider: &str, entry: &Entry, now: f64) -> bool {
    match provider {
        "anthropic" => entry.expires_ms.is_some_and(|at| at <= now * 1000.0 + 120_000.0),
        "openai-codex" | "xai-oauth" => is_expiring(&entry.token, 120.0, now),
        _ => false,
    }
}

/// `_nous_invoke_jwt_is_usable`: a JWT with the scope for inference that lives two more minutes.
#[must_use]
pub fn is_nous_token(token: &str, scope: Option<&str>, expires: Option<&Json>, now: f64) -> bool {
    let Some(claims) = claims(token) else { return false };
    let words = |value: Option<&Json>| match value {
        Some(Json::String(text)) => text.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>(),
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let scopes = [words(claims.get("scope")), words(claims.get("scp"))].concat();
    let asked = scope.unwrap_or_default().split_whitespace().map(str::to_owned);
    if !scopes.into_iter().chain(asked).any(|scope| scope == "inference:invoke") {
        return false;
    }
    let until = claims.get("exp").and_then(Json::as_f64).or_else(|| expires.and_then(seconds));
    until.is_some_and(|until| until > now + 120.0)
}

/// Claude Code's login: the keychain on macOS, `~/.claude/.credentials.json`; the valid one, else the fresher.
#[must_use]
pub fn claude_code(world: &dyn World, shared: &Shared, now_ms: f64) -> Option<Login> {
    let file = common::home(world).join(".claude/.credentials.json");
    let doc = shared.doc(&file, || Doc::json(world, &file));
    let pointer = Pointer::new(["claudeAiOauth", "accessToken"]);
    let place = Place::Field { file, format: Format::Json, pointer: pointer.clone() };
    let file = claude_login(&doc.root, place, Source::Oauth);
    let keychain = if world.os() == Os::Macos { claude_keychain(world, pointer) } else { None };
    match (keychain, file) {
        (Some(keychain), Some(file)) => {
            let (a, b) = (keychain.is_valid(now_ms), file.is_valid(now_ms));
            let fresher = keychain.expires_ms.unwrap_or(0.0) >= file.expires_ms.unwrap_or(0.0);
            Some(if (a && !b) || (a == b && fresher) { keychain } else { file })
        }
        (keychain, file) => keychain.or(file),
    }
}

fn claude_keychain(world: &dyn World, pointer: Pointer) -> Option<Login> {
    let (service, user) = ("Claude Code-credentials", world.var("USER").unwrap_or_default());
    let KeyringState::Present(secret) = world.keyring(service, user) else { return None };
    let mut login = None;
    let _ = secret.map(|text| {
        let json: Json = serde_json::from_str(text).unwrap_or(Json::Null);
        let place = Place::KeyringField { service: service.to_owned(), user: user.to_owned(), pointer };
        login = claude_login(&json, place, Source::Keyring);
        String::new()
    });
    login
}

fn claude_login(root: &Json, place: Place, kind: Source) -> Option<Login> {
    login(root.get("claudeAiOauth")?, ["accessToken", "refreshToken", "expiresAt"], place, kind)
}

fn login(json: &Json, [token, refresh, expires]: [&str; 3], place: Place, kind: Source) -> Option<Login> {
    let text = |field: &str| json.get(field).and_then(Json::as_str).filter(|text| !text.is_empty());
    Some(Login {
        token: text(token)?.to_owned(),
        refresh: text(refresh).is_some(),
        expires_ms: json.get(expires).and_then(Json::as_f64).filter(|at| *at != 0.0),
        place,
        kind,
    })
}

/// Hermes' own login at Anthropic, `H/.anthropic_oauth.json`.
#[must_use]
pub fn hermes_pkce(world: &dyn World, home: &std::path::Path) -> Option<Login> {
    let file = home.join(".anthropic_oauth.json");
    let doc = Doc::json(world, &file);
    let place = Place::Field { file, format: Format::Json, pointer: Pointer::new(["accessToken"]) };
    login(&doc.root, ["accessToken", "refreshToken", "expiresAt"], place, Source::Oauth)
}

/// The Qwen CLI's login.
#[must_use]
pub fn qwen(profile: &Profile<'_>) -> Option<Login> {
    let file: PathBuf = common::home(profile.world).join(".qwen/oauth_creds.json");
    let doc = profile.shared.doc(&file, || Doc::json(profile.world, &file));
    let place = Place::Field { file, format: Format::Json, pointer: Pointer::new(["access_token"]) };
    login(&doc.root, ["access_token", "refresh_token", "expiry_date"], place, Source::Oauth)
}

/// `_seed_from_singletons`: what is not a variable joins the pool. Returns the sources that are there.
pub fn seed(profile: &Profile<'_>, provider: &str, pool: &mut Pool) -> Vec<String> {
    match provider {
        "anthropic" => seed_anthropic(profile, pool),
        "copilot" => seed_copilot(profile, pool),
        "qwen-oauth" => seed_qwen(profile, pool),
        "openai-codex" | "xai-oauth" => seed_tokens(profile, provider, pool),
        "nous" => seed_flat(profile, provider, "device_code", pool),
        "minimax-oauth" => seed_flat(profile, provider, "oauth", pool),
        _ => Vec::new(),
    }
}

fn seed_anthropic(profile: &Profile<'_>, pool: &mut Pool) -> Vec<String> {
    if !is_anthropic_wanted(profile) {
        return Vec::new();
    }
    let set = |name: &str| profile.env.plain(View::PreferDotenv, name).is_some();
    if set("ANTHROPIC_API_KEY") && !set("ANTHROPIC_TOKEN") && !set("CLAUDE_CODE_OAUTH_TOKEN") {
        pool.drop_sources(&["hermes_pkce", "claude_code"]);
        return Vec::new();
    }
    let found = [
        ("hermes_pkce", hermes_pkce(profile.world, &profile.home.dir)),
        ("claude_code", claude_code(profile.world, profile.shared, profile.now_ms)),
    ];
    let mut live = Vec::new();
    for (source, login) in found {
        let Some(login) = login.filter(|_| !profile.store.is_suppressed("anthropic", source)) else {
            continue;
        };
        let seed = Seed::new(source, &login.token, login.place.clone(), login.kind);
        pool.upsert(seed.login(login.refresh, login.expires_ms));
        live.push(source.to_owned());
    }
    live
}

/// `is_provider_explicitly_configured("anthropic")`: without a choice for Anthropic no foreign login is taken.
#[must_use]
pub fn is_anthropic_wanted(profile: &Profile<'_>) -> bool {
    let chosen = profile.store.active_provider().is_some_and(|name| name.eq_ignore_ascii_case("anthropic"))
        || profile.config.provider() == "anthropic";
    let usable = |name: &str| profile.env.is_usable(name);
    let stored = || {
        profile.store.pool("anthropic").iter().any(|record| {
            let source = record.text("source").unwrap_or_default().trim().to_lowercase();
            match record.text("source").unwrap_or_default().strip_prefix("env:") {
                Some(name) => usable(name.trim()),
                None => {
                    matches!(source.as_str(), "device_code" | "loopback_pkce" | "hermes_pkce")
                        || (!source.is_empty() && super::pool::is_manual(&source))
                }
            }
        })
    };
    chosen || usable("ANTHROPIC_API_KEY") || usable("ANTHROPIC_TOKEN") || stored()
}

/// The first GitHub token of the environment that Copilot takes; a classic `ghp_` token is passed over.
#[must_use]
pub fn copilot_variable(profile: &Profile<'_>) -> Option<(&'static str, String)> {
    ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"].into_iter().find_map(|name| {
        let token = profile.env.plain(View::Environ, name)?;
        (!token.starts_with("ghp_")).then_some((name, token))
    })
}

fn seed_copilot(profile: &Profile<'_>, pool: &mut Pool) -> Vec<String> {
    let Some((name, token)) = copilot_variable(profile) else { return Vec::new() };
    let source = if name == "GH_TOKEN" { "gh_cli".to_owned() } else { format!("env:{name}") };
    let Some(pick) = profile.env.pick(View::Environ, name) else { return Vec::new() };
    let Some(setting) = profile.env.setting(name, pick.setting) else {
        return Vec::new();
    };
    if profile.store.is_suppressed("copilot", &source) {
        return Vec::new();
    }
    let seed = Seed::new(&source, &token, setting.place.clone(), setting.source()).label(name).variable(name);
    pool.upsert(seed.base(Some("https://api.githubcopilot.com")));
    vec![source]
}

fn seed_qwen(profile: &Profile<'_>, pool: &mut Pool) -> Vec<String> {
    let Some(login) = qwen(profile) else { return Vec::new() };
    if profile.store.is_suppressed("qwen-oauth", "qwen-cli") {
        return Vec::new();
    }
    let base = profile.env.plain(View::Environ, "HERMES_QWEN_BASE_URL");
    let seed = Seed::new("qwen-cli", login.token.trim(), login.place.clone(), login.kind);
    let seed = seed.base(Some(base.as_deref().unwrap_or("https://portal.qwen.ai/v1")));
    pool.upsert(seed.login(login.refresh, login.expires_ms));
    vec!["qwen-cli".to_owned()]
}

fn seed_tokens(profile: &Profile<'_>, provider: &str, pool: &mut Pool) -> Vec<String> {
    let source = "device_code";
    if profile.store.is_suppressed(provider, source) {
        return Vec::new();
    }
    let Some(mut state) = profile.store.state(provider) else { return Vec::new() };
    let Some(tokens) = state.json.get("tokens").cloned().filter(Json::is_object) else { return Vec::new() };
    state.pointer = state.pointer.join("tokens");
    let base =
        if provider == "xai-oauth" { "https://api.x.ai/v1" } else { "https://chatgpt.com/backend-api/codex" };
    let fields = ["access_token", "refresh_token", ""];
    let Some(login) = login(&tokens, fields, state.place("access_token"), Source::AuthFile) else {
        return Vec::new();
    };
    let seed = Seed::new(source, &login.token, login.place.clone(), login.kind).base(Some(base));
    pool.upsert(seed.login(login.refresh, None));
    vec![source.to_owned()]
}

fn seed_flat(profile: &Profile<'_>, provider: &str, source: &str, pool: &mut Pool) -> Vec<String> {
    if profile.store.is_suppressed(provider, source) {
        return Vec::new();
    }
    let Some(state) = profile.store.state(provider) else { return Vec::new() };
    let token = ["agent_key", "access_token"].iter().find(|field| {
        let text = state.text(field).unwrap_or_default();
        let nous = provider == "nous";
        let (scope, until) = (state.text("scope"), state.json.get(expiry_of(field)));
        if nous {
            is_nous_token(text, scope, until, profile.now())
        } else {
            **field == "access_token" && !text.is_empty()
        }
    });
    let Some(field) = token else { return Vec::new() };
    let base = state.text("inference_base_url").filter(|base| !base.is_empty());
    let text = state.text(field).unwrap_or_default().trim();
    let seed = Seed::new(source, text, state.place(field), Source::AuthFile).base(base);
    pool.upsert(seed.login(state.text("refresh_token").is_some(), None));
    vec![source.to_owned()]
}

fn expiry_of(field: &str) -> &'static str {
    if field == "agent_key" { "agent_key_expires_at" } else { "expires_at" }
}

/// Whether Hermes takes the provider of the last login for logged in, for the automatic choice.
#[must_use]
pub fn is_logged_in(profile: &Profile<'_>, provider: &str) -> bool {
    let Some(known) = super::registry::find(provider) else { return false };
    if known.auth == super::registry::Auth::ApiKey {
        let set =
            |name: &&&str| profile.env.plain(View::PreferDotenv, name).is_some_and(|key| is_usable(&key));
        return known.keys.iter().find(set).is_some();
    }
    Pool::load(profile, provider)
        .entries
        .iter()
        .any(|entry| !entry.token.is_empty() && entry.blocked(provider, profile.now()).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::world::MemoryWorld;

    #[test]
    fn moments_are_read_in_all_their_forms() {
        for (value, at) in [
            (serde_json::json!(1_700_000_000), Some(1_700_000_000.0)),
            (serde_json::json!(1_700_000_000_000_i64), Some(1_700_000_000.0)),
            (serde_json::json!("1700000000"), Some(1_700_000_000.0)),
            (serde_json::json!("2023-11-14T22:13:20Z"), Some(1_700_000_000.0)),
            (serde_json::json!("2023-11-14T22:13:20+00:00"), Some(1_700_000_000.0)),
            (serde_json::json!("soon"), None),
            (serde_json::json!(0), None),
        ] {
            assert_eq!(seconds(&value), at, "{value}");
        }
    }

    #[test]
    fn a_jwt_says_when_it_ends() {
        let jwt = |claims: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims));
        assert!(is_expiring(&jwt("{\"exp\":100}"), 120.0, 50.0));
        assert!(!is_expiring(&jwt("{\"exp\":1000}"), 120.0, 50.0));
        assert!(!is_expiring("opaque", 120.0, 50.0));
        let nous = jwt("{\"exp\":1000,\"scope\":\"inference:invoke\"}");
        assert!(is_nous_token(&nous, None, None, 50.0));
        assert!(!is_nous_token(&jwt("{\"exp\":1000}"), None, None, 50.0));
    }

    #[test]
    fn claude_codes_login_is_in_the_keychain_on_macos_alone() {
        let login = |token: &str, until: i64| {
            format!(r#"{{"claudeAiOauth":{{"accessToken":"{token}","expiresAt":{until}}}}}"#)
        };
        let mut world = MemoryWorld::new("/h").on(Os::Macos).with_var("USER", "ann");
        let entry = ("Claude Code-credentials".to_owned(), "ann".to_owned());
        world.keyring.insert(entry, Secret::new(login("CHAIN", 9_000_000)));
        let world = world.with_file(".claude/.credentials.json", login("FILE", 8_000_000));
        let token =
            |world: &MemoryWorld, now| claude_code(world, &Shared::default(), now).map(|login| login.token);
        assert_eq!(token(&world, 0.0).as_deref(), Some("CHAIN"), "the fresher of two that are valid");
        assert_eq!(token(&world.on(Os::Linux), 0.0).as_deref(), Some("FILE"));
    }
}
