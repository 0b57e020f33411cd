//! What an answer means. Pure: an [`Answer`] and what was asked go in, a [`Verdict`] comes out.
//!
//! The body decides before the status. `valid` is only said when the answer has the shape that the provider documents
//! for a success; everything that cannot be told is `ambiguous`, with its evidence.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::digest::{Digest, Form};
use super::gateway::{self, Gateway, GatewayKind};
use super::redact::Redactor;
use crate::provider::condition::{as_number, at};
use crate::provider::{Catalogue, Confidence, Honesty, ProbeSpec, Provider, Rule};
use crate::secret::Secret;

mod failure;
mod generic;
mod reading;
mod words;

pub use failure::{Failure, unreachable};
pub use reading::{Basis, Reading, in_front, read};

/// The verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The provider accepts the key.
    Valid,
    /// The provider does not know the key.
    Invalid,
    /// The key or its account was switched off.
    Revoked,
    /// The key's time is over.
    Expired,
    /// The key is real, its account has no money or plan left.
    NoCredit,
    /// The key is real, too much was asked.
    RateLimited,
    /// The key is real, and may not do this: scope, model, region, workspace.
    Forbidden,
    /// A key of another host, region, header or plan.
    WrongEndpoint,
    /// Something in front of the provider answered.
    Gateway,
    /// The provider itself failed.
    ProviderDown,
    /// No answer arrived.
    Network,
    /// The answer proves nothing.
    Ambiguous,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Valid,
        Self::Invalid,
        Self::Revoked,
        Self::Expired,
        Self::NoCredit,
        Self::RateLimited,
        Self::Forbidden,
        Self::WrongEndpoint,
        Self::Gateway,
        Self::ProviderDown,
        Self::Network,
        Self::Ambiguous,
    ];

    /// The stable identifier in `--json` and in the provider files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NoCredit => "no_credit",
            Self::RateLimited => "rate_limited",
            Self::Forbidden => "forbidden",
            Self::WrongEndpoint => "wrong_endpoint",
            Self::Gateway => "gateway",
            Self::ProviderDown => "provider_down",
            Self::Network => "network",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// The verdict with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// Whether the key cannot be used anywhere, as far as this answer goes.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(self, Self::Invalid | Self::Revoked | Self::Expired)
    }

    /// Whether the answer shows that the key is real, even if it cannot be used now.
    #[must_use]
    pub const fn is_real(self) -> bool {
        matches!(self, Self::Valid | Self::NoCredit | Self::RateLimited | Self::Forbidden)
    }

    /// Whether nothing can be said about the key.
    #[must_use]
    pub const fn says_nothing(self) -> bool {
        matches!(self, Self::Gateway | Self::ProviderDown | Self::Network | Self::Ambiguous)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.id())
    }
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The provider itself.
    Provider,
    /// Something in front of it, by name.
    Gateway(&'static str),
    /// A company proxy.
    Proxy,
    /// The login page of a network.
    Captive,
    /// Nobody.
    Nobody,
    /// It cannot be told.
    Unknown,
}

impl AnsweredBy {
    /// The stable identifier in `--json`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Gateway(_) => "gateway",
            Self::Proxy => "proxy",
            Self::Captive => "captive_page",
            Self::Nobody => "nobody",
            Self::Unknown => "unknown",
        }
    }
}

/// What an answer, or several, mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The provider's id.
    pub provider: String,
    /// The verdict.
    pub kind: Kind,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// The reason in plain words.
    pub reason: String,
    /// What it rests on, redacted, in order.
    pub evidence: Vec<(String, String)>,
    /// How long the answer took.
    pub latency_ms: Option<u64>,
    /// The next steps in plain words.
    pub hints: Vec<String>,
    /// What the key is worth, as far as the answer says.
    pub worth: Vec<(String, String)>,
    /// Seconds that the provider asks to wait.
    pub retry_after: Option<u64>,
    /// True where the same question may get another answer in a moment.
    pub ask_again: bool,
    /// False where the rejection may have another cause: a sibling host was not tried, or the rule is a guess.
    pub certain: bool,
}

impl Verdict {
    /// A verdict without an answer.
    #[must_use]
    pub fn without_answer(provider: &str, kind: Kind, reason: impl Into<String>) -> Self {
        Self {
            provider: provider.to_owned(),
            kind,
            status: None,
            answered_by: AnsweredBy::Nobody,
            reason: reason.into(),
            evidence: Vec::new(),
            latency_ms: None,
            hints: Vec::new(),
            worth: Vec::new(),
            retry_after: None,
            ask_again: false,
            certain: true,
        }
    }

    /// Whether the provider's own words, and not the status alone, led to it.
    #[must_use]
    pub fn code_known(&self) -> bool {
        self.evidence.iter().any(|(name, _)| name == "code" || name == "message")
    }

    /// What a line of evidence says.
    #[must_use]
    pub fn noted(&self, name: &str) -> Option<&str> {
        self.evidence.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether nothing was sent because nobody said yes to the host so far.
    #[must_use]
    pub fn waits_for_yes(&self) -> bool {
        self.noted("needs_yes").is_some()
    }

    /// Adds a line of evidence.
    pub fn note(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.evidence.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.evidence.push((name.to_owned(), value)),
        }
    }
}

struct Pairs<'a>(&'a [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Verdict {
    /// Writes its fields into an open map, so that a report can add its rows.
    pub(super) fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("provider", &self.provider)?;
        map.serialize_entry("verdict", self.kind.id())?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("answered_by", self.answered_by.id())?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("evidence", &Pairs(&self.evidence))?;
        map.serialize_entry("latency_ms", &self.latency_ms)?;
        map.serialize_entry("hints", &self.hints)?;
        map.serialize_entry("worth", &Pairs(&self.worth))
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &1)?;
        self.fields(&mut map)?;
        map.end()
    }
}

/// What was asked, as far as the judgement needs it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The providers.
    pub catalogue: &'a Catalogue,
    /// Who was asked.
    pub provider: &'a Provider,
    /// By which probe.
    pub spec: &'a ProbeSpec,
    /// With which key.
    pub key: &'a Secret,
    /// In which header: `authorization: bearer`.
    pub header: &'a str,
    /// At which host.
    pub host: &'a str,
    /// Whether the host is none of the provider's own.
    pub foreign: bool,
    /// Whether the provider's own probe was sent, and not the one that every relay has.
    pub own_probe: bool,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// Why the body is not whole, in words: `cut off`, `longer than 1 MiB`.
    pub incomplete: Option<String>,
    /// How long it took.
    pub latency_ms: u64,
    /// What took part on the way: proxy, certificates.
    pub via: Vec<(String, String)>,
    /// The sender's own clock minus the server's, in seconds, where the server says the time.
    pub clock_skew: Option<i64>,
    /// When it came, in seconds of the server's clock where it says the time, else of the sender's.
    pub received: Option<i64>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What was found about an answer before it is put into words.
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about one answer")]
struct Finding {
    kind: Kind,
    reason: String,
    hint: Option<String>,
    /// Whether the hint is the whole way out.
    hint_alone: bool,
    /// The code that decided.
    code: Option<String>,
    ask_again: bool,
    certain: bool,
    by_provider: bool,
}

impl Finding {
    fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            hint: None,
            hint_alone: false,
            code: None,
            ask_again: false,
            certain: true,
            by_provider: false,
        }
    }
}

/// What `answer` means.
#[must_use]
pub fn judge(asked: &Asked<'_>, answer: &Answer) -> Verdict {
    let digest = Digest::of(&answer.body);
    let gateway = gateway::recognise(answer.status, &answer.headers, &digest);
    let finding = decide(asked, answer, &digest, gateway);
    let marked = asked.provider.identify_headers.iter().any(|mark| has_mark(answer, mark));
    let answered_by = match (gateway, finding.kind) {
        (Some(gateway), _) => who(gateway),
        (None, _) if marked => AnsweredBy::Provider,
        (None, Kind::Gateway) => AnsweredBy::Unknown,
        (None, _) if asked.foreign || digest.form == Form::Html && !finding.by_provider => {
            AnsweredBy::Unknown
        }
        (None, _) => AnsweredBy::Provider,
    };
    let mut hints: Vec<String> = finding.hint.into_iter().collect();
    if !finding.hint_alone || hints.is_empty() {
        hints.extend(words::hints(asked, finding.kind, &digest, gateway));
    }
    let reason = if finding.reason == words::reason(finding.kind) {
        words::reason_at(asked, finding.kind, &digest)
    } else {
        finding.reason
    };
    let mut verdict = Verdict {
        provider: asked.provider.id.clone(),
        kind: finding.kind,
        status: Some(answer.status),
        answered_by,
        reason,
        evidence: Vec::new(),
        latency_ms: Some(answer.latency_ms),
        hints,
        worth: Vec::new(),
        retry_after: answer.header("retry-after").and_then(|text| retry_after(text, answer.received)),
        ask_again: finding.ask_again,
        certain: finding.certain,
    };
    let redactor = redactor(asked);
    evidence(asked, answer, &digest, &redactor, finding.code.as_deref(), &mut verdict);
    if verdict.kind == Kind::Valid || verdict.kind == Kind::NoCredit {
        verdict.worth = worth(asked, &digest, &redactor);
    }
    verdict
}

/// Seconds to wait: a number, or the date at which to come back (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Option<i64>) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let then = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
    Some(u64::try_from(then - now?).unwrap_or(0))
}

fn redactor(asked: &Asked<'_>) -> Redactor {
    let shapes = asked.catalogue.all().iter().flat_map(|provider| &provider.keys);
    let prefix = shapes.filter_map(|shape| shape.prefix_of(asked.key)).max_by_key(|prefix| prefix.len());
    Redactor::new(asked.key, prefix.unwrap_or(""))
}

fn who(gateway: Gateway) -> AnsweredBy {
    match gateway.kind {
        GatewayKind::Relay | GatewayKind::Edge => AnsweredBy::Gateway(gateway.name),
        GatewayKind::Proxy => AnsweredBy::Proxy,
        GatewayKind::Captive => AnsweredBy::Captive,
    }
}

fn decide(asked: &Asked<'_>, answer: &Answer, digest: &Digest, gateway: Option<Gateway>) -> Finding {
    let success = (200..300).contains(&answer.status);
    let own = own_rule(asked, answer.status, digest);
    if success
        && !digest.error
        && own.is_none()
        && let Some(finding) = success_of(asked, answer, digest, gateway)
    {
        return finding;
    }
    if let Some(gateway) =
        gateway.filter(|found| own.is_none() || !digest.line.is_empty() && is_relay(*found))
    {
        let inner = generic::by_body(digest, Some(answer.status)).filter(|_| is_relay(gateway));
        let meaning = inner.as_ref().map(|inner| inner.kind);
        let code = inner.and_then(|inner| inner.code);
        return Finding {
            code,
            ..Finding::new(Kind::Gateway, words::gateway(gateway, Some(answer.status), meaning))
        };
    }
    if let Some(rule) = own {
        return by_rule(rule, digest);
    }
    if digest.form == Form::Html {
        return page(answer.status);
    }
    generic::by_body(digest, Some(answer.status))
        .or_else(|| success.then(|| unclear(answer, digest)))
        .unwrap_or_else(|| generic::by_status(answer.status, digest))
}

fn is_relay(gateway: Gateway) -> bool {
    gateway.kind == GatewayKind::Relay
}

fn own_rule<'a>(asked: &Asked<'a>, status: u16, digest: &Digest) -> Option<&'a Rule> {
    if !asked.own_probe && digest.form == Form::Empty {
        return None;
    }
    // A status with nothing behind it never shows that a key is real: something on the way may have answered.
    let recognition = asked.catalogue.recognise(asked.key);
    let kind = recognition.kind_at(&asked.provider.id);
    let heard = |rule: &&Rule| {
        let of_kind =
            rule.kinds.is_empty() || kind.is_some_and(|kind| rule.kinds.iter().any(|own| own == kind));
        of_kind
            && (rule.empty || !is_bare(rule) || digest.form != Form::Empty || !matches!(status, 403 | 429))
    };
    asked.catalogue.rules(asked.provider).filter(heard).find(|rule| applies(rule, Some(status), digest))
}

/// Whether a rule speaks of a status alone.
fn is_bare(rule: &Rule) -> bool {
    rule.codes.is_empty() && rule.text.is_empty() && rule.conditions.is_empty()
}

/// Whether a rule fits. Where the status is not known, a rule of a status needs more than that to fit.
fn applies(rule: &Rule, status: Option<u16>, digest: &Digest) -> bool {
    let bare = is_bare(rule) && !rule.empty;
    let words = rule.codes.is_empty() && rule.text.is_empty()
        || rule.codes.iter().any(|code| digest.has_code(code))
        || rule.text.iter().any(|text| digest.line.contains(text.as_str()));
    let fits = |status| rule.status.contains(&status);
    (rule.status.is_empty() || status.is_none_or(fits))
        && words
        && (!bare || !rule.status.is_empty() && status.is_some())
        && (!rule.empty || digest.form == Form::Empty)
        && rule.conditions.iter().all(|condition| digest.parts.iter().any(|part| condition.holds(part)))
}

fn by_rule(rule: &Rule, digest: &Digest) -> Finding {
    let kind = Kind::from_id(&rule.verdict).unwrap_or(Kind::Ambiguous);
    Finding {
        kind,
        reason: rule.reason.clone().unwrap_or_else(|| words::reason(kind).to_owned()),
        hint: rule.hint.clone(),
        hint_alone: rule.hint_alone,
        code: rule.codes.iter().find(|code| digest.has_code(code)).cloned(),
        ask_again: rule.ask_again,
        certain: rule.confidence != Confidence::Guess,
        by_provider: true,
    }
}

/// A 2xx answer that reports no error: valid only in the documented shape.
fn success_of(
    asked: &Asked<'_>,
    answer: &Answer,
    digest: &Digest,
    gateway: Option<Gateway>,
) -> Option<Finding> {
    let body = digest.json.as_ref().filter(|_| answer.incomplete.is_none())?;
    if asked.spec.honesty == Honesty::None {
        let reason = "The address answers, but it answers everybody, so the key is not proven.";
        return Some(Finding { by_provider: true, ..Finding::new(Kind::Ambiguous, reason) });
    }
    let shaped = !asked.spec.success.is_empty() && asked.spec.success.iter().all(|test| test.holds(body));
    if !shaped || answer.status != 200 && answer.status != 201 {
        return None;
    }
    let through = gateway.filter(|gateway| gateway.kind == GatewayKind::Relay).map(|gateway| gateway.name);
    let reason = through.map_or_else(
        || words::reason(Kind::Valid).to_owned(),
        |name| format!("{name} answered for the provider and accepts the key."),
    );
    Some(Finding { by_provider: true, ..Finding::new(Kind::Valid, reason) })
}

fn unclear(answer: &Answer, digest: &Digest) -> Finding {
    let reason = match (&answer.incomplete, digest.form) {
        (Some(why), _) => format!("The answer is not whole ({why}), so it proves nothing."),
        (None, Form::Empty) => "The answer is empty, so it proves nothing.".to_owned(),
        (None, _) if digest.error => "The answer reports a fault that keymend does not know.".to_owned(),
        _ => "The answer does not look like this provider's, so it proves nothing.".to_owned(),
    };
    Finding::new(Kind::Ambiguous, reason)
}

/// A web page in place of an answer. HTML alone names nobody.
fn page(status: u16) -> Finding {
    match status {
        500..=599 => Finding::new(Kind::ProviderDown, "The server answered with an error page."),
        200..=299 | 404 | 405 | 410 => Finding::new(
            Kind::WrongEndpoint,
            "A web page answered, not an API: the address is wrong, or a web page is in front of it.",
        ),
        429 => Finding::new(
            Kind::Ambiguous,
            "A web page says that too many requests were made; nothing tells whether it looked at the key.",
        ),
        300..=399 => Finding::new(
            Kind::Gateway,
            "The request was sent elsewhere by a page; keymend does not follow with a key.",
        ),
        _ => Finding::new(Kind::Ambiguous, "A web page answered, and nothing tells whose it is."),
    }
}

fn has_mark(answer: &Answer, mark: &str) -> bool {
    let (name, value) = mark.split_once(": ").unwrap_or((mark, "*"));
    let fits = |pattern: &str, text: &str| {
        let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(""), _) => true,
            (Some(end), _) => text.ends_with(end),
            (None, Some(start)) => text.starts_with(start),
            (None, None) => text == pattern,
        }
    };
    answer.headers.iter().any(|(own, own_value)| fits(name, own) && fits(value, own_value))
}

fn evidence(
    asked: &Asked<'_>,
    answer: &Answer,
    digest: &Digest,
    redactor: &Redactor,
    decided: Option<&str>,
    verdict: &mut Verdict,
) {
    verdict.note("host", asked.host);
    verdict.note("header", asked.header);
    if verdict.kind != Kind::Valid {
        let own = decided.filter(|code| *code != answer.status.to_string());
        if let Some(code) = own.or_else(|| telling(digest, answer.status)) {
            verdict.note("code", redactor.clean(code, 80));
        }
        let sentence = digest.messages.iter().rfind(|text| text.contains(' '));
        if let Some(message) = sentence.or(digest.messages.last()).filter(|text| !text.trim().is_empty()) {
            // Whoever runs a foreign host chooses the words that are shown here.
            verdict.note("message", redactor.clean(message, if asked.foreign { 160 } else { 300 }));
        }
    }
    let ids = asked.provider.request_ids.iter().map(String::as_str);
    let id = ids.chain(["request-id", "x-request-id", "cf-ray"]).find_map(|name| answer.header(name));
    if let Some(id) = id {
        verdict.note("request_id", redactor.clean(id, 80));
    }
    // Whose account it is: the money may be in another one than the key.
    let account = asked.provider.account_headers.iter().find_map(|name| answer.header(name));
    if let Some(account) = account.filter(|_| !asked.foreign) {
        verdict.note("account", redactor.clean(account, 80));
    }
    if let AnsweredBy::Gateway(name) = verdict.answered_by {
        verdict.note("gateway", name);
    }
    if let Some(seconds) = verdict.retry_after {
        verdict.note("retry_after", format!("{seconds} s"));
    }
    if let Some(skew) = answer.clock_skew.filter(|skew| skew.abs() > 300) {
        verdict.note("clock", format!("this computer's clock is {skew} s off"));
    }
    if let Some(why) = &answer.incomplete {
        verdict.note("body", why.clone());
    }
    for (name, value) in &answer.via {
        verdict.note(name, redactor.clean(value, 200));
    }
    verdict.note("proves", asked.spec.proves.clone());
    if asked.spec.confidence == Confidence::Guess {
        verdict.note("confidence", "how this provider answers here is not documented");
    }
}

/// Codes that say no more than that there is an error, or of which family it is.
const FAMILIES: &[&str] = &[
    "error",
    "object",
    "list",
    "api_error",
    "invalid_request_error",
    "requests",
    "tokens",
    "bad_request",
    "failure",
    "unknown_error",
    "unknown",
    "failed",
];

/// The code that says most: not the family, not the status once more.
fn telling(digest: &Digest, status: u16) -> Option<&str> {
    let status = status.to_string();
    let own = |code: &&String| !FAMILIES.contains(&code.as_str()) && **code != status;
    let found = digest.codes.iter().find(own);
    let found = found
        .or_else(|| digest.codes.iter().find(|code| !matches!(code.as_str(), "error" | "object" | "list")));
    found.map(String::as_str)
}

fn worth(asked: &Asked<'_>, digest: &Digest, redactor: &Redactor) -> Vec<(String, String)> {
    let Some(body) = &digest.json else { return Vec::new() };
    let told = asked.provider.worth.iter().filter_map(|worth| {
        let text = match (worth.at.strip_suffix("[]"), at(body, worth.at.trim_end_matches("[]"))) {
            (Some(_), Some(Value::Array(items))) => items.len().to_string(),
            (None, Some(Value::String(text))) => redactor.clean(text, 120),
            (None, Some(Value::Bool(yes))) => if *yes { "yes" } else { "no" }.to_owned(),
            (None, Some(number @ Value::Number(_))) => as_number(number)?.to_string(),
            (None, Some(map @ Value::Object(_))) => redactor.clean(&map.to_string(), 160),
            _ => return None,
        };
        (!text.is_empty()).then(|| (worth.what.clone(), text))
    });
    told.collect()
}

#[cfg(test)]
mod tests;
