//! The credential pool of one provider as Hermes loads and selects it (hermes-agent 0.19.0 `agent/credential_pool.py`
//! `load_pool`, `_seed_from_env`, `_seed_from_singletons`, `_available_entries`, `_select_unlocked`).

use super::custom::Custom;
use super::environ::View;
use super::oauth;
use super::profile::Profile;
use super::registry::{self, Auth};
use super::store::Record;
use crate::source::{Place, Source};

/// How long a dead manual entry is kept, in seconds.
const ONE_HOUR: f64 = 3600.0;
const FIVE_MINUTES: f64 = 300.0;

/// One entry.
#[derive(Clone)]
pub struct Entry {
    /// `manual`, `env:VAR`, `claude_code`, …
    pub source: String,
    /// The person's name for it.
    pub label: String,
    /// An OAuth token, by its type or its shape.
    pub oauth: bool,
    /// Low is first.
    pub priority: f64,
    /// The text; empty where it is a reference to something that is not there.
    pub token: String,
    /// A refresh token is there.
    pub refresh: bool,
    /// Its own base address.
    pub base_url: Option<String>,
    /// When it expires, in milliseconds.
    pub expires_ms: Option<f64>,
    /// How often it was used.
    pub used: f64,
    /// Where the text is.
    pub place: Place,
    /// The kind of that place.
    pub kind: Source,
    /// The entry in the store, if it is stored.
    pub record: Option<Record>,
    /// The variable that it mirrors.
    pub variable: Option<String>,
}

/// Why an entry is not asked.
pub enum Blocked {
    /// No text.
    Empty,
    /// Dead until a new login.
    Dead,
    /// In cooldown until then, in seconds since 1970; none if the pool does not say.
    Cooldown(f64),
    /// Its login has expired; Hermes tries to renew it first.
    Expired {
        /// Something is there to renew it with.
        renewable: bool,
    },
}

/// A loaded pool.
pub struct Pool {
    /// The entries by priority.
    pub entries: Vec<Entry>,
    /// How one is chosen.
    pub strategy: String,
    /// The store holds something that makes Hermes drop the pool.
    pub broken: bool,
}

impl Entry {
    /// The entry in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        format!("pool entry {:?} ({}, priority {})", self.label, self.source, self.priority)
    }

    /// A text of the stored entry.
    fn stored(&self, field: &str) -> Option<&str> {
        self.record.as_ref()?.text(field)
    }

    fn number(&self, field: &str) -> Option<f64> {
        oauth::seconds(self.record.as_ref()?.json.get(field)?)
    }

    /// Why the entry is passed over now, if it is.
    #[must_use]
    pub fn blocked(&self, provider: &str, now: f64) -> Option<Blocked> {
        if !self.oauth && self.token.is_empty() {
            return Some(Blocked::Empty);
        }
        match self.stored("last_status") {
            Some("dead") => return Some(Blocked::Dead),
            Some("exhausted") => {
                if let Some(until) = self.exhausted_until().filter(|until| now < *until) {
                    return Some(Blocked::Cooldown(until));
                }
            }
            _ => {}
        }
        let expired = self.oauth && oauth::needs_refresh(provider, self, now);
        expired.then_some(Blocked::Expired { renewable: self.refresh })
    }

    fn exhausted_until(&self) -> Option<f64> {
        let code = self.record.as_ref()?.json.get("last_error_code").and_then(serde_json::Value::as_i64);
        let wait = if code == Some(401) { FIVE_MINUTES } else { ONE_HOUR };
        self.number("last_error_reset_at").or_else(|| self.number("last_status_at").map(|at| at + wait))
    }
}

impl Pool {
    /// Loads the pool of a provider of Hermes.
    #[must_use]
    pub fn load(profile: &Profile<'_>, provider: &str) -> Self {
        let mut pool = Self::stored(profile, provider);
        let mut live = oauth::seed(profile, provider, &mut pool);
        live.extend(seed_variables(profile, provider, &mut pool));
        pool.prune(provider, &live);
        if provider == "anthropic" {
            pool.order_anthropic();
        }
        pool.sorted()
    }

    /// Loads the pool of a custom endpoint.
    #[must_use]
    pub fn of_custom(profile: &Profile<'_>, custom: &Custom) -> Self {
        let slug = custom.slug();
        let mut pool = Self::stored(profile, &slug);
        let mut live = Vec::new();
        if let Some(key) = &custom.api_key {
            let source = format!("config:{}", custom.name);
            if !profile.store.is_suppressed(&slug, &source) {
                let entry = Seed::new(&source, &key.text, key.place.clone(), Source::Config);
                pool.upsert(entry.base(Some(&custom.base_url)).label(&custom.name));
                live.push(source);
            }
        }
        let key =
            profile.model_key_for(custom).filter(|_| !profile.store.is_suppressed(&slug, "model_config"));
        if let Some(key) = key {
            pool.upsert(Seed::new("model_config", &key.text, key.place.clone(), Source::Config));
            live.push("model_config".to_owned());
        }
        pool.entries.retain(|entry| is_manual(&entry.source) || live.contains(&entry.source));
        pool.sorted()
    }

    fn stored(profile: &Profile<'_>, provider: &str) -> Self {
        let records = profile.store.pool(provider);
        let broken = records.iter().any(|record| !record.json.is_object());
        let entries = records.into_iter().filter_map(|record| from_record(provider, record)).collect();
        Self { entries, strategy: profile.config.strategy(provider), broken }
    }

    fn sorted(mut self) -> Self {
        self.entries.sort_by(|a, b| a.priority.total_cmp(&b.priority));
        self
    }

    /// `_upsert_entry`: the first entry of the same source takes the new text, duplicates of it go.
    pub fn upsert(&mut self, seed: Seed) {
        let first = self.entries.iter().position(|entry| entry.source == seed.entry.source);
        let Some(at) = first else {
            let next = self.entries.iter().map(|entry| entry.priority).fold(-1.0, f64::max) + 1.0;
            self.entries.push(Entry { priority: next, ..seed.entry });
            return;
        };
        let mut index = 0;
        self.entries.retain(|entry| {
            index += 1;
            index - 1 == at || entry.source != seed.entry.source
        });
        let old = &mut self.entries[at];
        let new = seed.entry;
        (old.token, old.place, old.kind, old.variable) = (new.token, new.place, new.kind, new.variable);
        (old.oauth, old.refresh) = (new.oauth, new.refresh || old.refresh);
        old.expires_ms = new.expires_ms.or(old.expires_ms);
        old.base_url = new.base_url.or_else(|| old.base_url.take());
    }

    /// `_prune_stale_seeded_entries`: borrowed entries go when what they borrow is gone; references to variables stay.
    fn prune(&mut self, provider: &str, live: &[String]) {
        let owned = |source: &str| {
            matches!(
                (provider, source),
                ("minimax-oauth", "oauth") | ("nous" | "openai-codex" | "xai-oauth", "device_code")
            )
        };
        self.entries.retain(|entry| {
            let source = entry.source.trim().to_lowercase();
            is_manual(&source)
                || live.contains(&entry.source)
                || source.is_empty()
                || entry.source.starts_with("env:")
                || owned(&source)
        });
    }

    /// `_normalize_pool_priorities`: Anthropic's entries have a fixed order.
    fn order_anthropic(&mut self) {
        let rank = |entry: &Entry| match entry.source.as_str() {
            source if is_manual(source) => 0,
            "env:ANTHROPIC_TOKEN" => 1,
            "env:CLAUDE_CODE_OAUTH_TOKEN" => 2,
            "hermes_pkce" => 3,
            "claude_code" => 4,
            "env:ANTHROPIC_API_KEY" => 5,
            _ => 6,
        };
        self.entries.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.priority.total_cmp(&b.priority)));
        for (priority, entry) in (0_u32..).zip(&mut self.entries) {
            entry.priority = f64::from(priority);
        }
    }

    /// The index of the entry that `select` returns; none without an available one. Not known for `random`.
    #[must_use]
    pub fn select(&self, provider: &str, now: f64) -> Selected {
        let free: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.entries[*at].blocked(provider, now).is_none()).collect();
        match (self.strategy.as_str(), free.as_slice()) {
            (_, []) => Selected::None,
            ("random", [_, _, ..]) => Selected::Random,
            ("least_used", _) => {
                let least = free.iter().copied().reduce(|best, at| {
                    if self.entries[at].used < self.entries[best].used { at } else { best }
                });
                least.map_or(Selected::None, Selected::Entry)
            }
            (_, [first, ..]) => Selected::Entry(*first),
        }
    }

    /// Removes the entries of these sources.
    pub fn drop_sources(&mut self, sources: &[&str]) {
        self.entries.retain(|entry| !sources.contains(&entry.source.as_str()));
    }
}

/// What a selection gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// Nothing is available.
    None,
    /// This entry.
    Entry(usize),
    /// One of several, by chance.
    Random,
}

/// A new or refreshed entry.
pub struct Seed {
    entry: Entry,
}

impl Seed {
    /// An entry of `source` whose text is at `place`.
    #[must_use]
    pub fn new(source: &str, token: &str, place: Place, kind: Source) -> Self {
        let entry = Entry {
            source: source.to_owned(),
            label: source.to_owned(),
            oauth: false,
            priority: 0.0,
            token: token.to_owned(),
            refresh: false,
            base_url: None,
            expires_ms: None,
            used: 0.0,
            place,
            kind,
            record: None,
            variable: None,
        };
        Self { entry }
    }

    /// Names it.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        label.clone_into(&mut self.entry.label);
        self
    }

    /// Gives it a base address.
    #[must_use]
    pub fn base(mut self, base: Option<&str>) -> Self {
        self.entry.base_url = base.map(|base| base.trim_end_matches('/').to_owned());
        self
    }

    /// Makes it a login.
    #[must_use]
    pub fn login(mut self, refresh: bool, expires_ms: Option<f64>) -> Self {
        (self.entry.oauth, self.entry.refresh, self.entry.expires_ms) = (true, refresh, expires_ms);
        self
    }

    /// Ties it to a variable.
    #[must_use]
    pub fn variable(mut self, name: &str) -> Self {
        self.entry.variable = Some(name.to_owned());
        self
    }
}

/// Whether a person added it.
#[must_use]
pub fn is_manual(source: &str) -> bool {
    let source = source.trim().to_lowercase();
    source == "manual" || source.starts_with("manual:")
}

fn from_record(provider: &str, record: Record) -> Option<Entry> {
    let json = record.json.as_object()?;
    let text = |field: &str| json.get(field).and_then(|value| value.as_str()).map(str::to_owned);
    let number = |field: &str| json.get(field).and_then(serde_json::Value::as_f64);
    let source = text("source").unwrap_or_else(|| "manual".to_owned());
    let token = text("access_token").unwrap_or_default();
    let oauth = text("auth_type").as_deref() == Some("oauth")
        || (provider == "anthropic" && token.starts_with("sk-ant-oat"));
    Some(Entry {
        label: crate::agents::common::printable(&text("label").unwrap_or_else(|| source.clone())),
        oauth,
        priority: number("priority").unwrap_or(0.0),
        refresh: text("refresh_token").is_some_and(|token| !token.is_empty()),
        base_url: text("base_url").filter(|url| !url.is_empty()),
        expires_ms: number("expires_at_ms"),
        used: number("request_count").unwrap_or(0.0),
        place: record.place("access_token"),
        kind: Source::Pool,
        variable: source.strip_prefix("env:").map(str::to_owned),
        source,
        token,
        record: Some(record),
    })
}

/// `_seed_from_env`: an entry for each variable of the provider that is set and not suppressed.
fn seed_variables(profile: &Profile<'_>, provider: &str, pool: &mut Pool) -> Vec<String> {
    let Some(known) = registry::find(provider).filter(|known| known.auth == Auth::ApiKey) else {
        return Vec::new();
    };
    let moved = known.base_var.filter(|_| provider != "openrouter");
    let moved = moved.and_then(|name| profile.env.plain(View::PreferDotenv, name));
    let names: &[&str] = match provider {
        "openrouter" => &["OPENROUTER_API_KEY"],
        "anthropic" => &["ANTHROPIC_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"],
        _ => known.keys,
    };
    let mut live = Vec::new();
    for name in names {
        let source = format!("env:{name}");
        let Some(pick) = profile.env.pick(View::PreferDotenv, name) else { continue };
        if profile.store.is_suppressed(provider, &source) {
            continue;
        }
        let base = profile.base_of(known, moved.as_deref(), &pick.text);
        let Some(setting) = profile.env.setting(name, pick.setting) else {
            continue;
        };
        let seed = Seed::new(&source, &pick.text, setting.place.clone(), setting.source());
        let mut seed = seed.label(name).base(Some(&base)).variable(name);
        if provider == "anthropic" && pick.text.starts_with("sk-ant-oat") {
            seed = seed.login(false, None);
        }
        pool.upsert(seed);
        live.push(source);
    }
    live
}
