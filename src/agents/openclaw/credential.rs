//! What a stored profile or a provider entry really holds: a text, a reference followed to its end, or nothing.

use serde_json::Value as Json;

use super::Site;
use super::env::sent_text;
use super::era::Rules;
use super::order::is_expired_login;
use super::providers;
use super::secret_ref::{Resolved, SecretRef};
use super::store::{Kind, Profile, Store};
use crate::secret::Secret;
use crate::source::{Place, Source, Value};

/// What goes out if a candidate wins.
#[derive(Clone, Debug)]
pub(super) enum Material {
    /// This text.
    Text(Secret),
    /// This access token of a login.
    Login(Secret),
    /// What a program prints.
    Outside(String),
    /// Unknown; what is missing.
    Unknown(String),
}

/// A credential, where it is and how it got there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// What goes out.
    pub material: Material,
    /// The kind of place.
    pub source: Source,
    /// Where the text is.
    pub place: Place,
    /// What is there.
    pub value: Value,
    /// The reference that led there, in words.
    pub via: Option<String>,
}

/// The credential of a profile, or why there is none.
pub(super) fn of_profile(site: &Site<'_>, profile: &Profile) -> Result<Found, String> {
    if profile.kind == Kind::Oauth {
        return login(site, profile);
    }
    let member = profile.secret_member();
    let inline =
        profile.member(member).filter(|value| !matches!(value, Json::String(text) if text.trim().is_empty()));
    let reference = profile.reference().and_then(|value| SecretRef::of(value, site.rules));
    let value = match (site.rules, inline, reference) {
        (Rules::New, _, Some(reference)) | (Rules::Old, None, Some(reference)) => {
            return follow(site, profile, &reference);
        }
        (_, Some(value), _) => value,
        (_, None, _) => return Err(without(profile)),
    };
    if let Some(reference) = SecretRef::of(value, site.rules) {
        return follow(site, profile, &reference);
    }
    let text = value.as_str().unwrap_or_default();
    let sent = sent_text(text).ok_or_else(|| without(profile))?;
    let material = if profile.kind == Kind::Token { Material::Login(sent) } else { Material::Text(sent) };
    Ok(here(profile, member, text, material))
}

/// Why a profile gives nothing: the field that OpenClaw reads in a profile of its type.
pub(super) fn without(profile: &Profile) -> String {
    let (field, kind) = match profile.kind {
        Kind::ApiKey => ("key", "api_key"),
        Kind::Token => ("token", "token"),
        Kind::Oauth => ("access", "oauth"),
    };
    let others = ["key", "api_key", "apiKey", "token", "access", "access_token", "accessToken"];
    let filled = |name: &&str| {
        *name != field
            && profile.member(name).and_then(Json::as_str).is_some_and(|text| !text.trim().is_empty())
    };
    let other = others
        .into_iter()
        .find(filled)
        .map_or(String::new(), |name| format!("; {name}, which it has, is not read"));
    format!("it holds no credential: in a profile of type {kind} OpenClaw reads the field {field}{other}")
}

fn here(profile: &Profile, member: &str, text: &str, material: Material) -> Found {
    let value = Value::Present(Secret::new(text));
    Found { material, source: Source::AuthProfile, place: profile.place(member), value, via: None }
}

/// The providers whose logins 2026.9.6 can renew: its own two, and those of its extensions `openai`, `xai` and
/// `github-copilot` (`refreshOAuth`).
const RENEWED: [&str; 5] = ["anthropic", "openai", "openai-codex", "xai", "github-copilot"];

fn login(site: &Site<'_>, profile: &Profile) -> Result<Found, String> {
    let access = profile.member("access").and_then(Json::as_str).unwrap_or_default();
    let sent = sent_text(access);
    let expired = is_expired_login(profile, site.world.now_ms());
    let renewing = access.starts_with("openclaw-oauth-refresh-fence:");
    let packed = matches!(profile.provider.as_str(), "google-gemini-cli" | "google-antigravity");
    let renewed = site.rules == Rules::Old || RENEWED.contains(&profile.provider.as_str());
    let material = match sent {
        Some(sent) if !expired && !renewing && !packed => Material::Login(sent),
        _ if packed => Material::Unknown("how this login is packed into a request is unknown".to_owned()),
        _ if !renewed => {
            let state = if expired { "has expired" } else { "has no access token" };
            return Err(format!("the login {state}, and OpenClaw has no way to renew one of this provider"));
        }
        _ => Material::Unknown("the login has expired; OpenClaw renews it at the provider first".to_owned()),
    };
    Ok(Found { source: Source::Oauth, ..here(profile, "access", access, material) })
}

fn follow(site: &Site<'_>, profile: &Profile, reference: &SecretRef) -> Result<Found, String> {
    let place = || profile.place(profile.secret_member());
    match reference.resolve(site) {
        Resolved::Text { secret, source: _, place, called } => {
            let material = if profile.kind == Kind::Token {
                Material::Login(secret.clone())
            } else {
                Material::Text(secret.clone())
            };
            let value = Value::Present(secret);
            Ok(Found { material, source: Source::AuthProfile, place, value, via: Some(called) })
        }
        Resolved::Missing(why) => Err(why),
        Resolved::Outside(program) => {
            let value = Value::Reference(program.clone());
            let material = Material::Outside(program);
            Ok(Found {
                material,
                source: Source::AuthProfile,
                place: place(),
                value,
                via: Some(reference.shown()),
            })
        }
    }
}

/// What `models.providers.<id>.apiKey` is.
#[derive(Clone, Debug)]
pub(super) enum Configured {
    /// Nothing.
    None,
    /// A literal, variables inside of it replaced.
    Literal(Found),
    /// A text or object reference, followed.
    Reference(Found),
    /// An object reference that leads nowhere: OpenClaw does not start.
    Broken(String),
    /// The name of a variable that OpenClaw knows, followed, or none if it is unset.
    Marker(String, Option<Found>),
    /// A text that is where a key would and is none.
    NonSecret(String),
    /// The id of a stored profile (2026.9.6).
    Binding(String),
}

/// Classifies the configured key of a provider.
pub(super) fn configured(site: &Site<'_>, store: &Store, provider: &str) -> Configured {
    let Some(value) = site.provider_value(provider, "apiKey") else { return Configured::None };
    let place = site.provider_place(provider, "apiKey");
    if let Some(reference) = SecretRef::of(value, site.rules) {
        return configured_reference(site, value, &reference, place);
    }
    let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else { return Configured::None };
    let name = text.trim();
    if providers::is_non_secret(name) {
        return Configured::NonSecret(name.to_owned());
    }
    if site.plugins.is_marker(site.rules, name) {
        return Configured::Marker(name.to_owned(), variable(site, name));
    }
    if site.rules == Rules::New && store.profile(name).is_some() {
        return Configured::Binding(name.to_owned());
    }
    let literal = site.env.substitute(text);
    match sent_text(&literal) {
        Some(sent) => Configured::Literal(configured_text(place, &literal, Material::Text(sent))),
        None => Configured::None,
    }
}

fn configured_text(place: Place, text: &str, material: Material) -> Found {
    Found { material, source: Source::Config, place, value: Value::Present(Secret::new(text)), via: None }
}

fn configured_reference(site: &Site<'_>, value: &Json, reference: &SecretRef, place: Place) -> Configured {
    match reference.resolve(site) {
        Resolved::Text { secret, source, place, called } => Configured::Reference(Found {
            material: Material::Text(secret.clone()),
            source,
            place,
            value: Value::Present(secret),
            via: Some(called),
        }),
        // An unset ${VAR} stays as it is and goes out as if it were a key.
        Resolved::Missing(_) if reference.textual => {
            let text = value.as_str().unwrap_or_default().trim();
            let shown = Material::Text(Secret::new(text));
            let found = Found { via: Some(reference.shown()), ..configured_text(place, text, shown) };
            Configured::Reference(found)
        }
        Resolved::Missing(why) => Configured::Broken(why),
        Resolved::Outside(program) => Configured::Reference(Found {
            material: Material::Outside(program.clone()),
            source: Source::Config,
            place,
            value: Value::Reference(program),
            via: Some(reference.shown()),
        }),
    }
}

/// The value of a variable that is named by its bare name.
fn variable(site: &Site<'_>, name: &str) -> Option<Found> {
    let hit = site.env.get(name)?;
    let sent = hit.sent()?;
    Some(Found {
        material: Material::Text(sent.clone()),
        source: Source::Config,
        place: hit.var.place.clone(),
        value: Value::Present(sent),
        via: Some(name.to_owned()),
    })
}
