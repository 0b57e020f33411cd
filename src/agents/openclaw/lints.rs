//! What is likely to surprise: the traps of OpenClaw's rules, in words a person understands.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::auth::{Answer, Question};
use super::era::{Era, Generation, Rules};
use super::order::Standing;
use super::providers;
use super::store::{Kind, Profile, strict_json};
use super::{Site, clean, credential, order, roster, service, steps, wire};
use crate::finding::Lint;
use crate::resolve::{Offer, Outcome, State, origin};
use crate::source::{Source, tilde};
use crate::world::{FileState, Trouble};

/// Faults of a stored profile as it is.
pub(super) fn of_profile(profile: &Profile, offer: Offer) -> Offer {
    let text = profile.member(profile.secret_member()).and_then(Json::as_str).unwrap_or_default();
    let login_token = text.contains("sk-ant-oat");
    let offer = match profile.kind {
        Kind::ApiKey if login_token => offer.lint(Lint::note(
            "login-token-as-key",
            "this is a login token stored as an API key; OpenClaw looks at the text and sends it as a bearer token",
        )),
        Kind::Token if text.starts_with("sk-ant-api") || text.starts_with("sk-proj-") => offer.lint(Lint::warn(
            "key-as-token",
            "this is an API key stored as a login token; for openai 2026.9 then fails before any request",
        )),
        _ => offer,
    };
    if profile.reference().is_some() && !text.is_empty() {
        let message = "there is a key beside a reference: 2026.9 follows the reference, 2026.3 sends the key";
        return offer.lint(Lint::warn("two-values", message));
    }
    offer
}

/// Findings about one slot.
pub(super) fn of_slot(asked: &Question<'_>, answer: &mut Answer) {
    let mut found = Vec::new();
    found.extend(sent_name(asked, answer));
    found.extend(waiting(asked, answer));
    found.extend(inline_waiting(asked, answer));
    found.extend(second_credential(answer));
    found.extend(foreign_base(asked, answer));
    found.extend(unread_names(asked));
    found.extend(stale_copies(asked));
    found.extend(baked(asked, answer));
    found.extend(session_pin(asked, answer));
    answer.lints.extend(found);
}

/// A name or a reference that goes out as if it were a key.
fn sent_name(asked: &Question<'_>, answer: &Answer) -> Option<Lint> {
    let active = answer.candidates.get(answer.active?)?;
    let text = active.value.secret().filter(|_| active.source == Source::Config)?;
    let names_variable = !text.is_empty()
        && !text.any_char(|c| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        && text.contains("_");
    let prefix = format!("{}:", asked.model.provider);
    if text.starts_with("${") || (text.starts_with("$") && names_variable) {
        let message = "the variable is not set, so its reference goes out as the key itself";
        return Some(Lint::fault("reference-sent", message));
    }
    if text.starts_with(&prefix) {
        let message = match asked.site.rules {
            Rules::New => "the profile named here is gone, so its name goes out as the key",
            Rules::Old => "2026.3 knows no binding to a profile, so the profile's name goes out as the key",
        };
        return Some(Lint::fault("dangling-binding", message));
    }
    names_variable.then(|| {
        Lint::fault(
            "name-sent-as-key",
            "this is a variable's name, and OpenClaw takes it for the key itself here",
        )
    })
}

/// Profiles that wait, and how long. 2026.3 sends one that is disabled for billing all the same where nothing else is left.
fn waiting(asked: &Question<'_>, answer: &Answer) -> Vec<Lint> {
    let site = asked.site;
    let question = order::Asked { provider: asked.model.provider, model: asked.model.name };
    let ranking = order::rank(site, asked.store, question);
    let active = answer.active.and_then(|at| answer.candidates[at].name.as_deref());
    let waits = ranking.tried.iter().filter(|ranked| matches!(ranked.standing, Standing::Waiting { .. }));
    waits
        .map(|ranked| {
            let (id, wait) = (clean(&ranked.profile.id), steps::waits(site, &ranked.standing));
            if active == Some(ranked.profile.id.as_str()) && site.rules == Rules::New {
                let why = "no other profile is left, and OpenClaw tries it all the same";
                return Lint::note("profile-probed", format!("{id} is {wait}: {why}"));
            }
            let then = if active == Some(ranked.profile.id.as_str()) {
                "OpenClaw tries every other model first, and this one only where nothing else is left; clearing the mark ends that"
            } else {
                "OpenClaw does not try it until then, with a new key in it neither; clearing the mark ends that"
            };
            Lint::warn("profile-waiting", format!("{id} is {wait}: {then}"))
        })
        .collect()
}

/// A mark on the key of the configuration, which 2026.9 keeps under its own name.
fn inline_waiting(asked: &Question<'_>, answer: &Answer) -> Option<Lint> {
    if asked.site.rules != Rules::New || answer.active.is_some() {
        return None;
    }
    let configured = credential::configured(asked.site, asked.store, asked.model.provider);
    let (_, waits) = asked.inline_wait(&configured)?;
    let message = format!(
        "{waits}: OpenClaw does not try it until then, also after a top-up; clearing the mark \
         (usageStats inline-api-key:{}) ends that",
        clean(asked.model.provider)
    );
    Some(Lint::warn("profile-waiting", message))
}

/// Two credentials in one request.
fn second_credential(answer: &Answer) -> Option<Lint> {
    let Outcome::Sends { also, sent, .. } = &answer.outcome else { return None };
    let other = also.iter().find(|other| other.key != sent.key)?;
    let message = format!("a second, different key is sent in {} of the same request", other.header.name());
    Some(Lint::warn("two-credentials", message))
}

/// A key of a known provider that goes to another host.
fn foreign_base(asked: &Question<'_>, answer: &Answer) -> Option<Lint> {
    let Outcome::Sends { base_url, .. } = &answer.outcome else { return None };
    let (site, provider) = (asked.site, asked.model.provider);
    let own = providers::find(provider)?.base(site.rules)?;
    if origin(base_url) == origin(own) || base_url.starts_with("https://chatgpt.com/") {
        return None;
    }
    let host = clean(&origin(base_url));
    let stale = wire::leftover_base(&asked.model).as_deref() == Some(base_url.as_str());
    let by = if stale { ", because the agent's generated models.json says so" } else { "" };
    Some(Lint::warn("foreign-base-url", format!("the key goes to {host}{by}")))
}

/// Variables that look as if they counted.
fn unread_names(asked: &Question<'_>) -> Vec<Lint> {
    let upper: String = asked.model.provider.to_ascii_uppercase().replace(['-', '.'], "_");
    let mut found = Vec::new();
    for name in
        [format!("{upper}_API_KEYS"), format!("{upper}_API_KEY_1"), format!("OPENCLAW_LIVE_{upper}_KEY")]
    {
        if asked.site.env.value(&name).is_some() {
            found.push(Lint::note(
                "not-for-chat",
                format!("{name} is set, and OpenClaw does not use it for requests like these"),
            ));
        }
    }
    let base = format!("{upper}_BASE_URL");
    let honoured = asked.model.provider == "openai" && asked.site.rules == Rules::New;
    if asked.site.env.value(&base).is_some() && !honoured {
        found.push(Lint::note("variable-unused", format!("{base} is set, and OpenClaw ignores it")));
    }
    if providers::find(asked.model.provider).is_none()
        && asked.site.env.value(&format!("{upper}_API_KEY")).is_some()
    {
        let message = format!(
            "{upper}_API_KEY is set, but a provider of your own takes no variable; it needs an apiKey"
        );
        found.push(Lint::note("no-such-convention", message));
    }
    found
}

/// 2026.3.13 copies main's store into a new agent once; afterwards the copy goes its own way.
fn stale_copies(asked: &Question<'_>) -> Vec<Lint> {
    let Some(main) = asked.main else { return Vec::new() };
    let differs = |profile: &&Profile| {
        main.profile(&profile.id).is_some_and(|other| {
            other.home != profile.home
                && other.member(other.secret_member()) != profile.member(profile.secret_member())
        })
    };
    let copies = asked
        .store
        .profiles
        .iter()
        .filter(|profile| profile.provider == asked.model.provider)
        .filter(differs);
    copies
        .map(|profile| {
            Lint::warn(
                "stale-copy",
                format!("this agent keeps its own {}, which differs from main's; a new key in main does not reach it", clean(&profile.id)),
            )
        })
        .collect()
}

/// A key that the gateway's service definition holds for itself.
fn baked(asked: &Question<'_>, answer: &Answer) -> Vec<Lint> {
    let site = asked.site;
    let Some(known) = providers::find(asked.model.provider) else { return Vec::new() };
    let sent = match &answer.outcome {
        Outcome::Sends { sent, .. } => Some(&sent.key),
        _ => None,
    };
    let by_env = answer.active.is_none_or(|at| {
        matches!(answer.candidates[at].state, State::Active { .. })
            && answer.candidates[at].source != Source::AuthProfile
    });
    let vars = service::baked(site)
        .into_iter()
        .filter(|var| known.vars(site.rules).unwrap_or_default().contains(&var.name.as_str()));
    vars.filter(|var| by_env && sent.is_none_or(|key| !key.is(&var.text)))
        .map(|var| {
            let place = var.place.show(site.world.home());
            Lint::warn(
                "service-keeps-key",
                format!("the gateway's service holds its own {} in {place}, which beats every .env for the gateway", var.name),
            )
        })
        .collect()
}

/// A conversation that goes on with a profile of its own (`/model x@profile`, or one chosen earlier).
fn session_pin(asked: &Question<'_>, answer: &Answer) -> Option<Lint> {
    let file = asked.site.install.state.join("agents").join(asked.agent).join("sessions/sessions.json");
    let doc = strict_json(asked.site, &file)?;
    let active = answer.active.and_then(|at| answer.candidates[at].name.clone());
    let pinned = doc.as_object()?.values().filter_map(|session| super::text(session, "authProfileOverride"));
    let of_provider =
        |id: &&str| asked.store.profile(id).is_some_and(|profile| profile.provider == asked.model.provider);
    let other = pinned.filter(of_provider).find(|id| Some(*id) != active.as_deref())?;
    Some(Lint::warn(
        "session-pin",
        format!(
            "a conversation that is under way keeps to {}; what is said here holds for a new one",
            clean(other)
        ),
    ))
}

/// Findings about one OpenClaw as a whole.
pub(super) fn of_install(sites: &[Site<'_>], generation: &Generation) -> Vec<Lint> {
    let Some(site) = sites.first() else { return Vec::new() };
    let mut found = Vec::new();
    if !generation.certain && generation.prefer_first {
        found.push(Lint::note(
            "version-unknown",
            "no installed openclaw was found; the newest recorded rules are applied",
        ));
    }
    for agent in roster::agents(site) {
        found.extend(retired_json(site, &agent));
        found.extend(broken_json(site, &agent));
        found.extend(open_to_others(site, &agent));
    }
    found.extend(residues(site));
    found.extend(emptied(site));
    found
}

/// A JSON store that this version does not read, or that stops it.
fn retired_json(site: &Site<'_>, agent: &str) -> Option<Lint> {
    let file = site.agent_dir(agent).join("auth-profiles.json");
    if !site.world.exists(&file) {
        return None;
    }
    let shown = tilde(&file, site.world.home());
    match site.era {
        Era::A | Era::B => None,
        Era::C => Some(Lint::warn(
            "store-ignored",
            format!("{shown} is not read by this version; its keys have no effect"),
        )),
        Era::D => Some(Lint::fault(
            "store-stops-agent",
            format!(
                "{shown} is a retired store; while it is there and the agent's database is empty, OpenClaw sends nothing"
            ),
        )),
    }
}

/// A JSON store with one comma or comment too many is treated as empty.
fn broken_json(site: &Site<'_>, agent: &str) -> Option<Lint> {
    let file = site.agent_dir(agent).join("auth-profiles.json");
    let there = matches!(&*site.world.read(&file), FileState::Regular(_));
    if !there || !matches!(site.era, Era::A | Era::B) {
        return None;
    }
    let shown = tilde(&file, site.world.home());
    match strict_json(site, &file) {
        None => Some(Lint::fault(
            "store-discarded",
            format!(
                "{shown} is not strict JSON (a comment, a comma?), so OpenClaw takes the store for empty without a word"
            ),
        )),
        Some(doc) if doc.get("profiles").is_none_or(|profiles| !profiles.is_object()) => Some(Lint::fault(
            "store-discarded",
            format!("{shown} has no profiles, so OpenClaw takes the store for empty"),
        )),
        Some(_) => None,
    }
}

/// Files with keys that others can read.
fn open_to_others(site: &Site<'_>, agent: &str) -> Vec<Lint> {
    let dir = site.agent_dir(agent);
    let mut files: Vec<PathBuf> =
        ["auth-profiles.json", "auth.json", "models.json"].iter().map(|name| dir.join(name)).collect();
    if agent == "main" {
        files.extend([site.install.state.join(".env"), site.config.file().to_owned()]);
    }
    files.iter().filter_map(|file| readable(site, file)).collect()
}

fn readable(site: &Site<'_>, file: &Path) -> Option<Lint> {
    let mode = site.world.read(file).meta()?.mode;
    let shown = tilde(file, site.world.home());
    (mode & 0o044 != 0).then(|| {
        Lint::warn(
            "readable-by-others",
            format!("{shown} can be read by others (mode {:o}); chmod 600 it", mode & 0o777),
        )
    })
}

/// Old copies that still hold keys.
fn residues(site: &Site<'_>) -> Option<Lint> {
    let residue = |name: &String| {
        name.starts_with("openclaw.json.bak")
            || name.starts_with("openclaw.json.rejected.")
            || name.starts_with("openclaw.json.clobbered.")
    };
    let here = site.world.list(&site.install.state).into_iter().filter(residue);
    let dirs = super::era::agent_dirs(site.world, site.install);
    let archives = dirs.iter().flat_map(|dir| site.world.list(dir)).filter(|name| {
        name.contains(".sqlite-import.")
            || name.contains(".migrated-")
            || name.starts_with("openclaw-agent.sqlite.bak-")
    });
    let names: Vec<String> = here.chain(archives).map(|name| clean(&name)).collect();
    (!names.is_empty())
        .then(|| Lint::note("old-copies", format!("old copies may still hold keys: {}", names.join(", "))))
}

/// The configuration lost its providers, and the copy that OpenClaw put aside still has them. A start of the gateway
/// can do that, as people report: the file is whole, and empty of what a person wrote.
fn emptied(site: &Site<'_>) -> Option<Lint> {
    if site.config.object(&["models", "providers"]).is_some_and(|all| !all.is_empty()) {
        return None;
    }
    let state = &site.install.state;
    let names = site.world.list(state);
    let newest = names.iter().rfind(|name| name.starts_with("openclaw.json.clobbered."))?;
    let copy = site.world.read(&state.join(newest));
    let copy: Json = serde_json::from_str(copy.text()?).ok()?;
    let providers = copy.pointer("/models/providers")?.as_object()?;
    let keys = providers.values().filter(|entry| entry.get("apiKey").is_some()).count();
    let words = format!(
        "openclaw.json has no providers, and {} beside it, which OpenClaw put aside, has keys of {keys}: what you wrote was \
         replaced. Compare the two, and put the old one back",
        clean(newest)
    );
    (keys > 0).then(|| Lint::warn("config-emptied", words))
}

/// Stores that are there and cannot be read, one line each.
pub(super) fn unreadable_stores(sites: &[Site<'_>]) -> Vec<(PathBuf, Trouble)> {
    let Some(site) = sites.first() else { return Vec::new() };
    let mut files = vec![site.install.state.join(".env")];
    for agent in roster::agents(site) {
        let dir = site.agent_dir(&agent);
        files.extend(
            ["auth-profiles.json", "auth-state.json", "auth.json", "models.json"].map(|name| dir.join(name)),
        );
    }
    files.into_iter().filter_map(|file| Some((file.clone(), site.world.read(&file).trouble()?))).collect()
}
