//! What a request carries: which header takes the credential, which other credentials are sent as well, and where it goes.

use serde_json::Value as Json;

use super::era::Rules;
use super::providers::{self, Api};
use super::secret_ref::{Resolved, SecretRef};
use super::{Model, Site, text};
use crate::resolve::{Header, Outcome, Sent};
use crate::secret::Secret;
use crate::source::Place;

/// Headers that carry credentials, in the order of their weight.
const AUTH_HEADERS: [&str; 5] =
    ["x-api-key", "authorization", "x-goog-api-key", "api-key", "cf-aig-authorization"];

/// The request for `key`, which was found for `provider`.
pub(super) fn request(site: &Site<'_>, model: &Model<'_>, key: &Secret, subscription: bool) -> Outcome {
    let not_known = |what: String| Outcome::NotKnown { reason: what };
    let route = match route(site, model, key, subscription) {
        Ok(route) => route,
        Err(outcome) => return outcome,
    };
    let Some(mut headers) = base_headers(route.api, key) else {
        return not_known(format!("how {} sends a key to {} is unknown", site.called(), model.provider));
    };
    if route.both {
        set(&mut headers, bearer(key.clone()));
    }
    match overrides(site, model) {
        Ok(extra) => extra.into_iter().for_each(|sent| set(&mut headers, sent)),
        Err(why) => return not_known(why),
    }
    let weight =
        |sent: &Sent| AUTH_HEADERS.iter().position(|name| *name == sent.header.name()).unwrap_or(usize::MAX);
    headers.sort_by_key(weight);
    let sent = headers.remove(0);
    Outcome::Sends { sent, base_url: route.base, also: headers }
}

/// Where a request goes and how.
struct Route {
    base: String,
    api: Api,
    /// `authHeader: true`: the key is sent as a bearer token too.
    both: bool,
}

fn route(site: &Site<'_>, model: &Model<'_>, key: &Secret, subscription: bool) -> Result<Route, Outcome> {
    if subscription && model.provider == "openai" && site.rules == Rules::New {
        return chatgpt(key);
    }
    let base = base_url(site, model).ok_or_else(|| Outcome::NotKnown {
        reason: format!("the address for {} depends on the set-up, which is unknown", model.provider),
    })?;
    let both = site.provider_value(model.provider, "authHeader") == Some(&Json::Bool(true));
    Ok(Route { base, api: api(site, model), both })
}

/// Why a token of `openai` is not sent (`openai-chatgpt-responses.ts`).
pub(super) const NO_ACCOUNT: &str = "Failed to extract accountId from token: 2026.9.6 takes every token and login of openai for one of ChatGPT, and this one names no account";

/// Whether a token is a JWT that names a ChatGPT account (`openai-chatgpt-jwt.ts`).
pub(super) fn names_account(token: &Secret) -> bool {
    let account = token.claims().and_then(|claims| {
        let id = claims.get("https://api.openai.com/auth")?.get("chatgpt_account_id")?.as_str()?;
        Some(!id.is_empty())
    });
    account.unwrap_or(false)
}

/// 2026.9.6 sends logins of `openai` to the ChatGPT backend, which wants the account id out of the token.
fn chatgpt(key: &Secret) -> Result<Route, Outcome> {
    if !names_account(key) {
        return Err(Outcome::nothing(NO_ACCOUNT));
    }
    Ok(Route { base: "https://chatgpt.com/backend-api".to_owned(), api: Api::Bearer, both: false })
}

fn bearer(key: Secret) -> Sent {
    Sent { header: Header::Bearer, key }
}

fn raw(name: &str, key: Secret) -> Sent {
    Sent { header: Header::raw(name), key }
}

/// The header that the wire format puts the key in, or none if that is unknown.
fn base_headers(api: Api, key: &Secret) -> Option<Vec<Sent>> {
    match api {
        Api::Messages if key.contains("sk-ant-oat") => Some(vec![bearer(key.clone())]),
        Api::Messages => Some(vec![raw("x-api-key", key.clone())]),
        Api::Bearer => Some(vec![bearer(key.clone())]),
        Api::Google => Some(vec![raw("x-goog-api-key", key.clone())]),
        Api::Open | Api::Unknown => None,
    }
}

/// Puts a credential in, in place of one in the same header.
fn set(headers: &mut Vec<Sent>, sent: Sent) {
    headers.retain(|other| other.header.name() != sent.header.name());
    headers.push(sent);
}

/// The wire format: the model's own, the provider entry's, the catalogue's.
pub(super) fn api(site: &Site<'_>, model: &Model<'_>) -> Api {
    let configured = model_entry(site, model).and_then(|entry| text(entry, "api"));
    let configured = configured.or_else(|| site.provider_value(model.provider, "api").and_then(Json::as_str));
    match (configured, providers::find(model.provider)) {
        (Some("anthropic-messages"), _) => Api::Messages,
        (Some("openai-completions" | "openai-responses"), _) | (None, None) => Api::Bearer,
        (Some("google-generative-ai"), _) => Api::Google,
        (Some("ollama"), _) => Api::Open,
        (Some(_), _) => Api::Unknown,
        (None, Some(known))
            if known.id == "opencode" && model.name.is_some_and(|name| name.starts_with("claude")) =>
        {
            Api::Messages
        }
        (None, Some(known)) => known.api(site.rules),
    }
}

/// The address: the model's own, the provider entry's, in 2026.3.13 the agent's `models.json`, in 2026.9.6
/// `OPENAI_BASE_URL`, the catalogue's.
pub(super) fn base_url(site: &Site<'_>, model: &Model<'_>) -> Option<String> {
    let own = model_entry(site, model).and_then(|entry| text(entry, "baseUrl"));
    let configured = own.or_else(|| site.provider_value(model.provider, "baseUrl").and_then(Json::as_str));
    if let Some(url) = configured.filter(|url| !url.trim().is_empty()) {
        return Some(site.env.substitute(url));
    }
    if let Some(url) = leftover_base(model).filter(|_| site.rules == Rules::Old) {
        return Some(url);
    }
    let variable = site.env.value("OPENAI_BASE_URL").filter(|_| model.provider == "openai");
    if let Some(hit) = variable.filter(|_| site.rules == Rules::New) {
        return Some(hit.var.text.trim().to_owned());
    }
    providers::find(model.provider)?.base(site.rules).map(ToOwned::to_owned)
}

/// The address that the agent's generated `models.json` holds for a provider.
pub(super) fn leftover_base(model: &Model<'_>) -> Option<String> {
    let base = text(model.generated?, "baseUrl")?;
    (!base.is_empty()).then(|| base.to_owned())
}

/// The model's row in its provider entry.
fn model_entry<'a>(site: &'a Site<'_>, model: &Model<'_>) -> Option<&'a Json> {
    model_row(site, model).map(|(_, row)| row)
}

/// The same with its number.
fn model_row<'a>(site: &'a Site<'_>, model: &Model<'_>) -> Option<(usize, &'a Json)> {
    let rows = site.provider_value(model.provider, "models")?.as_array()?;
    rows.iter().enumerate().find(|(_, row)| text(row, "id").is_some_and(|id| Some(id) == model.name))
}

/// The credentials that `headers`, `request.headers` and `request.auth` add or replace.
fn overrides(site: &Site<'_>, model: &Model<'_>) -> Result<Vec<Sent>, String> {
    Ok(placed_overrides(site, model)?.into_iter().map(|(sent, _)| sent).collect())
}

/// The same, each with the steps below the provider's entry that lead to it.
fn placed_overrides(site: &Site<'_>, model: &Model<'_>) -> Result<Vec<(Sent, Vec<String>)>, String> {
    let mut found = Vec::new();
    let request = site.provider_value(model.provider, "request");
    let (row, own) = match model_row(site, model) {
        Some((at, entry)) => (at.to_string(), entry.get("headers")),
        None => (String::new(), None),
    };
    let sets = [
        (vec!["headers"], site.provider_value(model.provider, "headers")),
        (vec!["request", "headers"], request.and_then(|request| request.get("headers"))),
        (vec!["models", row.as_str(), "headers"], own),
    ];
    for (steps, set) in sets {
        for (name, value) in set.and_then(Json::as_object).into_iter().flatten() {
            let lower = name.to_ascii_lowercase();
            if AUTH_HEADERS.contains(&lower.as_str()) {
                let to = steps.iter().copied().chain([name.as_str()]).map(ToOwned::to_owned).collect();
                found.push((header(&lower, &header_text(site, value)?), to));
            }
        }
    }
    let auth = request.and_then(|request| request.get("auth"));
    let member = auth.filter(|auth| auth.get("token").is_some()).map_or("value", |_| "token");
    let to = || ["request", "auth", member].map(ToOwned::to_owned).to_vec();
    found.extend(request_auth(site, auth)?.map(|sent| (sent, to())));
    Ok(found)
}

/// The configured header that takes the place of the key, where one does.
pub(super) fn in_place_of_key(site: &Site<'_>, model: &Model<'_>, sent: &Sent) -> Option<Place> {
    let found = placed_overrides(site, model).ok()?;
    let (_, steps) = found.into_iter().rev().find(|(own, _)| own == sent)?;
    let steps = steps.iter().map(String::as_str);
    let entry = site.provider_key(model.provider).unwrap_or(model.provider);
    let all: Vec<&str> = ["models", "providers", entry].into_iter().chain(steps).collect();
    Some(site.config.place(&all))
}

/// Whether a provider entry sets credentials of its own in headers.
pub(super) fn has_overrides(site: &Site<'_>, model: &Model<'_>) -> bool {
    overrides(site, model).is_ok_and(|found| !found.is_empty())
}

/// `request.auth` (2026.9.6).
fn request_auth(site: &Site<'_>, auth: Option<&Json>) -> Result<Option<Sent>, String> {
    let Some(auth) = auth else { return Ok(None) };
    match text(auth, "mode") {
        None | Some("provider-default") => Ok(None),
        Some("authorization-bearer") => {
            let token = auth.get("token").ok_or("request.auth has no token")?;
            Ok(Some(bearer(header_text(site, token)?)))
        }
        Some("header") => {
            let name = text(auth, "headerName").ok_or("request.auth has no headerName")?.to_ascii_lowercase();
            let value = header_text(site, auth.get("value").ok_or("request.auth has no value")?)?;
            let prefix = text(auth, "prefix").unwrap_or_default();
            Ok(Some(header(&name, &value.map(|value| format!("{prefix}{value}")))))
        }
        Some(other) => Err(format!("request.auth mode {} is unknown", super::clean(other))),
    }
}

/// A configured header; `Bearer` in front of `authorization` is the scheme, not the key.
fn header(name: &str, value: &Secret) -> Sent {
    const SCHEME: &str = "Bearer ";
    if name == "authorization" && value.starts_with(SCHEME) {
        return bearer(value.map(|value| value.trim_start_matches(SCHEME).to_owned()));
    }
    raw(name, value.clone())
}

/// The text of a configured header: a literal with its variables, or a reference.
fn header_text(site: &Site<'_>, value: &Json) -> Result<Secret, String> {
    match (value, SecretRef::of(value, site.rules)) {
        (_, Some(reference)) => match reference.resolve(site) {
            Resolved::Text { secret, .. } => Ok(secret),
            Resolved::Missing(_) if reference.textual => Ok(Secret::new(value.as_str().unwrap_or_default())),
            Resolved::Missing(why) => Err(why),
            Resolved::Outside(program) => Err(format!("a header is given by a program: {program}")),
        },
        (Json::String(text), None) => Ok(Secret::new(site.env.substitute(text))),
        _ => Err("a header is neither a text nor a reference".to_owned()),
    }
}
