//! Which stored profiles of a provider come in question, in which order, and why the others do not
//! (`src/agents/auth-profiles/order.ts` and `usage-state.ts` of 2026.3 and 2026.9).

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::Site;
use super::era::Rules;
use super::providers;
use super::secret_ref::SecretRef;
use super::store::{Health, Kind, Profile, Store};

/// Why a profile is not taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It can be used.
    Ready,
    /// It waits until this time (Unix milliseconds); the reason as OpenClaw names it.
    Waiting {
        /// Until when.
        until: i64,
        /// `billing`, `rate_limit`, …
        reason: String,
        /// Disabled rather than cooling down.
        disabled: bool,
    },
    /// It does not count at all; why.
    Ineligible(String),
}

/// One profile with its rank.
#[derive(Clone, Debug)]
pub(super) struct Ranked<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Its rank.
    pub standing: Standing,
}

/// The profiles of one provider.
#[derive(Clone, Debug)]
pub(super) struct Ranking<'a> {
    /// Those that count, in the order they are tried: the waiting ones last.
    pub tried: Vec<Ranked<'a>>,
    /// Those that do not count.
    pub left_out: Vec<Ranked<'a>>,
    /// An order is written down, so that nothing else may be used in its place (2026.9.6).
    pub explicit: bool,
    /// What made the order, in words.
    pub rule: String,
}

impl Ranking<'_> {
    /// Whether a profile is left that does not wait.
    pub(super) fn has_ready(&self) -> bool {
        self.tried.iter().any(|ranked| ranked.standing == Standing::Ready)
    }
}

/// What one question is about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The provider, normalised.
    pub provider: &'a str,
    /// The model, for waits that concern one model only.
    pub model: Option<&'a str>,
}

/// Ranks the profiles of a provider.
pub(super) fn rank<'a>(site: &Site<'_>, store: &'a Store, asked: Asked<'_>) -> Ranking<'a> {
    let auth = providers::auth_id(site.rules, asked.provider);
    let (base, explicit, rule, repairable) = base_order(site, store, &auth);
    let mut counted: Vec<&Profile> = eligible(site, store, &base, &auth);
    let gone = base.iter().all(|id| store.profile(id).is_none());
    let repaired = counted.is_empty() && gone && repairable;
    if repaired {
        let all: Vec<String> = of_provider(site, store, &auth).map(|profile| profile.id.clone()).collect();
        counted = eligible(site, store, &all, &auth);
    }
    let by_hand = explicit && !base.is_empty() && !repaired;
    let tried = arrange(site, store, counted, by_hand, asked.model);
    let left_out = left_out(site, store, &tried, &base, &auth, explicit || !repaired);
    let rule = if repaired {
        "the order names profiles that are gone, so all stored ones count".to_owned()
    } else {
        rule
    };
    Ranking { tried, left_out, explicit, rule }
}

/// The ids that come in question: the stored order, the configured one, the configured profiles, or all stored ones;
/// whether that is an order, in words, and whether it is mended when all of it is gone.
fn base_order(site: &Site<'_>, store: &Store, auth: &str) -> (Vec<String>, bool, String, bool) {
    let configured = configured_profiles(site, auth);
    let has_configured = !configured.is_empty();
    if let Some((order, _)) = store.order(site.rules, auth) {
        let mends = site.rules == Rules::New || has_configured;
        return (order.clone(), true, "first in the stored order".to_owned(), mends);
    }
    if let Some(order) = configured_order(site, auth) {
        return (order, true, format!("first in auth.order.{auth}"), has_configured);
    }
    if has_configured {
        return (configured, false, "one of the profiles listed in auth.profiles".to_owned(), true);
    }
    let all = of_provider(site, store, auth).map(|profile| profile.id.clone()).collect();
    (all, false, "a stored profile wins over the environment".to_owned(), false)
}

fn of_provider<'a>(site: &Site<'_>, store: &'a Store, auth: &str) -> impl Iterator<Item = &'a Profile> {
    let rules = site.rules;
    let auth = auth.to_owned();
    store.profiles.iter().filter(move |profile| providers::auth_id(rules, &profile.provider) == auth)
}

/// The entries of `auth.profiles` for this provider.
fn configured_profiles(site: &Site<'_>, auth: &str) -> Vec<String> {
    let entries = site.config.object(&["auth", "profiles"]).into_iter().flatten();
    let of_provider = |entry: &Json| {
        super::text(entry, "provider")
            .is_some_and(|provider| providers::auth_id(site.rules, provider) == auth)
    };
    entries.filter(|(_, entry)| of_provider(entry)).map(|(id, _)| id.clone()).collect()
}

/// `auth.order` for this provider; an empty list is an order too.
pub(super) fn configured_order(site: &Site<'_>, auth: &str) -> Option<Vec<String>> {
    let orders = site.config.object(&["auth", "order"])?;
    let (_, list) = orders.iter().find(|(key, _)| providers::auth_id(site.rules, key) == auth)?;
    Some(list.as_array()?.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect())
}

/// The profiles of `ids` that count, each once.
fn eligible<'a>(site: &Site<'_>, store: &'a Store, ids: &[String], auth: &str) -> Vec<&'a Profile> {
    let mut seen = HashSet::new();
    ids.iter()
        .filter(|id| seen.insert(id.as_str()))
        .filter_map(|id| store.profile(id))
        .filter(|profile| ineligible(site, profile, auth).is_none())
        .collect()
}

/// Why a profile does not count for `auth`, if it does not.
pub(super) fn ineligible(site: &Site<'_>, profile: &Profile, auth: &str) -> Option<String> {
    if profile.is_inactive_setup() && site.rules == Rules::New {
        return Some("a saved replacement that is not active yet".to_owned());
    }
    if providers::auth_id(site.rules, &profile.provider) != auth {
        return Some(format!("it is a profile of {}", super::clean(&profile.provider)));
    }
    mode_mismatch(site, profile, auth).or_else(|| unusable(site, profile))
}

/// `auth.profiles` may say another provider or type than the store.
fn mode_mismatch(site: &Site<'_>, profile: &Profile, auth: &str) -> Option<String> {
    let entry = site.config.get(&["auth", "profiles", &profile.id])?;
    let provider = super::text(entry, "provider").unwrap_or_default();
    if providers::auth_id(site.rules, provider) != auth {
        return Some(format!("auth.profiles says that it is a profile of {}", super::clean(provider)));
    }
    let mode = super::text(entry, "mode").unwrap_or_default();
    let tolerated = mode == "oauth" && profile.kind == Kind::Token;
    (mode != profile.kind.id() && !tolerated).then(|| {
        format!("auth.profiles says mode {}, the store says {}", super::clean(mode), profile.kind.id())
    })
}

/// A credential that is missing or expired.
fn unusable(site: &Site<'_>, profile: &Profile) -> Option<String> {
    let filled = |name: &str| match profile.member(name) {
        Some(Json::String(text)) => !text.trim().is_empty(),
        Some(value) => SecretRef::of(value, site.rules).is_some(),
        None => false,
    };
    let referred = profile.reference().is_some_and(|value| SecretRef::of(value, site.rules).is_some());
    let present = match profile.kind {
        Kind::Oauth => filled("access") || filled("refresh"),
        _ => filled(profile.secret_member()) || referred,
    };
    if !present {
        return Some(super::credential::without(profile));
    }
    if profile.kind == Kind::Token { token_expiry(site, profile) } else { None }
}

fn token_expiry(site: &Site<'_>, profile: &Profile) -> Option<String> {
    let expires = profile.member("expires")?;
    match time_of(expires).filter(|at| *at > 0) {
        None => Some("its expires is not a time".to_owned()),
        Some(at) if at <= site.world.now_ms() => Some("the token has expired".to_owned()),
        Some(_) => None,
    }
}

/// Ready ones first — as written by hand, or by type, expiry and least recent use — then the waiting ones, the
/// soonest first.
fn arrange<'a>(
    site: &Site<'_>,
    store: &Store,
    counted: Vec<&'a Profile>,
    by_hand: bool,
    model: Option<&str>,
) -> Vec<Ranked<'a>> {
    let now = site.world.now_ms();
    let (mut ready, mut waiting) = (Vec::new(), Vec::new());
    for profile in counted {
        match waiting_for(site, store, profile, model) {
            Some(standing) => waiting.push(Ranked { profile, standing }),
            None => ready.push(Ranked { profile, standing: Standing::Ready }),
        }
    }
    if !by_hand {
        ready.sort_by_key(|ranked| {
            let stale = site.rules == Rules::New && is_expired_login(ranked.profile, now);
            (ranked.profile.kind, stale, last_used(store, ranked.profile))
        });
    }
    waiting.sort_by_key(|ranked| match &ranked.standing {
        Standing::Waiting { until, .. } => *until,
        _ => now,
    });
    ready.extend(waiting);
    ready
}

/// A time in Unix milliseconds.
fn time_of(value: &Json) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast from a float saturates, and a time needs no more"
    )]
    let rounded = |at: f64| at as i64;
    value.as_i64().or_else(|| value.as_f64().map(rounded))
}

/// Whether a login's access token has run out.
pub(super) fn is_expired_login(profile: &Profile, now: i64) -> bool {
    let expires = profile.member("expires").and_then(time_of);
    profile.kind == Kind::Oauth && expires.is_some_and(|at| at <= now)
}

fn last_used(store: &Store, profile: &Profile) -> i64 {
    let record = store.health.get(&profile.id).map(|health| &health.record);
    record.and_then(|record| record.get("lastUsed")).and_then(time_of).unwrap_or(0)
}

/// The wait of a profile, if it has to.
pub(super) fn waiting_for(
    site: &Site<'_>,
    store: &Store,
    profile: &Profile,
    model: Option<&str>,
) -> Option<Standing> {
    if knows_no_waits(site, &profile.provider) {
        return None;
    }
    wait_of(site, store.health.get(&profile.id)?, model)
}

/// Whether the marks of a provider's failures are not looked at: it has its own way with them.
pub(super) fn knows_no_waits(site: &Site<'_>, provider: &str) -> bool {
    matches!(providers::normalise(site.rules, provider).as_str(), "openrouter" | "kilocode")
}

/// The wait that a health record says.
pub(super) fn wait_of(site: &Site<'_>, health: &Health, model: Option<&str>) -> Option<Standing> {
    let now = site.world.now_ms();
    let time = |name: &str| health.record.get(name).and_then(time_of).filter(|at| *at > now);
    let word = |name: &str| health.record.get(name).and_then(Json::as_str);
    let other_model = |name: &str| matches!((word(name), model), (Some(of), Some(model)) if of != model);
    let disabled = time("disabledUntil");
    let newer = site.rules == Rules::New;
    let scoped = matches!(word("cooldownReason"), Some("rate_limit" | "timeout" | "model_not_found"))
        && other_model("cooldownModel");
    let cooldown = time("cooldownUntil").filter(|_| !(newer && scoped && disabled.is_none()));
    let blocked_elsewhere = word("blockedScope") == Some("model") && other_model("blockedModel");
    let blocked = time("blockedUntil").filter(|_| newer && !blocked_elsewhere);
    let until = disabled.into_iter().chain(cooldown).chain(blocked).max()?;
    let reason = match (disabled, blocked) {
        (Some(_), _) => word("disabledReason"),
        (_, Some(_)) => word("blockedReason"),
        _ => word("cooldownReason").filter(|_| newer).or_else(|| worst_failure(health)),
    };
    let reason = super::clean(reason.unwrap_or("unknown"));
    Some(Standing::Waiting { until, reason, disabled: disabled.is_some() })
}

/// The reasons of failures that 2026.9.6 knows, the gravest first (`FAILURE_REASON_PRIORITY` of `usage-state.ts`).
const REASONS: [&str; 13] = [
    "auth_permanent",
    "auth",
    "session_expired",
    "billing",
    "format",
    "model_not_found",
    "overloaded",
    "timeout",
    "rate_limit",
    "empty_response",
    "no_error_details",
    "unclassified",
    "unknown",
];

/// Whether a profile that waits for this reason is tried all the same where nothing else is left: it may have passed
/// (`shouldUseTransientCooldownProbeSlot`; 2026.9.6).
pub(super) fn may_have_passed(reason: &str) -> bool {
    let passing = [
        "rate_limit",
        "overloaded",
        "timeout",
        "empty_response",
        "no_error_details",
        "unclassified",
        "unknown",
    ];
    passing.contains(&reason)
}

/// Why these profiles cannot be used, in one word: the reason with the most weight, of equals the gravest
/// (`resolveProfilesUnavailableReason`).
pub(super) fn unavailable(site: &Site<'_>, store: &Store, profiles: &[&Profile]) -> &'static str {
    let mut weights = [0_u64; REASONS.len()];
    for profile in profiles {
        let Some(health) = store.health.get(&profile.id) else { continue };
        for (reason, weight) in weigh(site.world.now_ms(), &health.record) {
            weights[reason] += weight;
        }
    }
    let heaviest = weights.iter().copied().max().filter(|weight| *weight > 0);
    let at = heaviest.and_then(|heaviest| weights.iter().position(|weight| *weight == heaviest));
    at.map_or("unknown", |at| REASONS[at])
}

/// The reasons of one record, each with its weight.
fn weigh(now: i64, record: &Map<String, Json>) -> Vec<(usize, u64)> {
    const WINDOW: u64 = 1000;
    let active = |name: &str| record.get(name).and_then(time_of).is_some_and(|at| at > now);
    let rank = |reason: &str| REASONS.iter().position(|known| *known == reason);
    let named = |name: &str| record.get(name).and_then(Json::as_str).and_then(rank);
    if let Some(reason) = named("disabledReason").filter(|_| active("disabledUntil")) {
        return vec![(reason, WINDOW)];
    }
    if active("blockedUntil") {
        return rank("rate_limit").map(|reason| (reason, WINDOW)).into_iter().collect();
    }
    if !active("cooldownUntil") {
        return Vec::new();
    }
    if let Some(reason) = named("cooldownReason") {
        return vec![(reason, WINDOW)];
    }
    let counts = record.get("failureCounts").and_then(Json::as_object).into_iter().flatten();
    let counted = counts.filter_map(|(name, count)| Some((rank(name)?, count.as_u64().filter(|n| *n > 0)?)));
    let counted: Vec<(usize, u64)> = counted.collect();
    let unknown = || rank("unknown").map(|reason| (reason, 1)).into_iter().collect();
    if counted.is_empty() { unknown() } else { counted }
}

/// Whether a profile waits for the end of a plan's limit that the provider itself has named.
pub(super) fn waits_for_a_plan(
    site: &Site<'_>,
    store: &Store,
    profile: &Profile,
    model: Option<&str>,
) -> bool {
    let Some(health) = store.health.get(&profile.id) else { return false };
    let word = |name: &str| health.record.get(name).and_then(Json::as_str);
    let until = health.record.get("blockedUntil").and_then(time_of);
    until.is_some_and(|at| at > site.world.now_ms())
        && word("blockedReason") == Some("subscription_limit")
        && word("blockedSource").is_some_and(|source| !source.is_empty())
        && word("blockedModel").is_none_or(|of| Some(of) == model)
}

/// The failure counted most often.
fn worst_failure(health: &Health) -> Option<&str> {
    let counts = health.record.get("failureCounts")?.as_object()?;
    counts.iter().max_by_key(|(_, count)| count.as_u64().unwrap_or(0)).map(|(reason, _)| reason.as_str())
}

/// The profiles of this provider that are not tried, each with the reason.
fn left_out<'a>(
    site: &Site<'_>,
    store: &'a Store,
    tried: &[Ranked<'a>],
    base: &[String],
    auth: &str,
    listed_only: bool,
) -> Vec<Ranked<'a>> {
    let tried: HashSet<&str> = tried.iter().map(|ranked| ranked.profile.id.as_str()).collect();
    let listed: HashSet<&str> = base.iter().map(String::as_str).collect();
    let wanted = of_provider(site, store, auth);
    wanted
        .filter(|profile| !tried.contains(profile.id.as_str()))
        .map(|profile| {
            let unlisted = listed_only && !listed.contains(profile.id.as_str());
            let reason = ineligible(site, profile, auth)
                .filter(|_| !unlisted)
                .unwrap_or_else(|| "the order for this provider does not name it".to_owned());
            Ranked { profile, standing: Standing::Ineligible(reason) }
        })
        .collect()
}
