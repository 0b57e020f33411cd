//! What one provider's file says: hosts, key shapes, headers, probes, rules for answers. Plain data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use crate::secret::Secret;

/// How sure a fact is. A guess weighs less: it never turns an answer into "invalid".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The provider documents it.
    #[default]
    Documented,
    /// A public program relies on it.
    #[serde(alias = "seen in code")]
    SeenInCode,
    /// People reported it.
    Reported,
    /// From memory; nobody looked it up.
    Guess,
}

/// Whether the shape of a key alone names its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detection {
    /// The shape alone names the provider (or the family of providers that share it).
    Prefix,
    /// Only with a matching variable name or host: other providers share the shape.
    #[serde(alias = "needs context")]
    NeedsContext,
    /// Too wide to detect with.
    Never,
}

/// Whether a success at an endpoint proves the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Honesty {
    /// The provider documents that a wrong key is refused here.
    Documented,
    /// Public programs rely on a wrong key being refused here.
    #[serde(alias = "seen in code")]
    SeenInCode,
    /// Unknown: a broken twin of the key has to be refused before a success proves anything.
    #[default]
    Unknown,
    /// It answers everybody: a success proves that the server is up and nothing more.
    None,
}

/// One address of a provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The base address that clients are configured with: `https://api.anthropic.com/v1`.
    pub base: String,
    /// The region, in words, where a key of one region is refused in another.
    #[serde(default)]
    pub region: Option<String>,
    /// The plan (coding plan, pay as you go) that the address belongs to.
    #[serde(default)]
    pub plan: Option<String>,
    /// The protocol, where it is not the provider's main one: `openai`, `anthropic`.
    #[serde(default)]
    pub dialect: Option<String>,
    /// An old address that still answers.
    #[serde(default)]
    pub retired: bool,
    /// How sure it is.
    #[serde(default)]
    pub confidence: Confidence,
}

/// One format of a provider's keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)]
pub struct KeyShape {
    /// The kind: `api_key`, `admin_key`, `oauth_access_token`.
    pub kind: String,
    /// The literal beginnings, longest form that names the kind: `sk-ant-api03-`.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// The whole shape.
    pub regex: String,
    /// Shortest and longest length in characters; one number where the end is open.
    pub length: Vec<usize>,
    /// Whether the length is known, or only the beginning is.
    #[serde(default = "yes")]
    pub length_known: bool,
    /// What the shape is good for.
    pub detection: Detection,
    /// How sure it is.
    pub confidence: Confidence,
    /// Whether such a key can be used for inference: an admin key cannot.
    #[serde(default = "yes")]
    pub inference: bool,
    /// Whether it is a token of a login rather than a key.
    #[serde(default)]
    pub oauth: bool,
    /// Whether it can be tested with a header alone.
    #[serde(default = "yes")]
    pub probeable: bool,
    /// A fake key of this shape.
    pub example: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
    /// Whether the pattern allows one length or a few, once somebody asked.
    #[serde(skip)]
    pub(crate) fixed_length: OnceLock<bool>,
}

const fn yes() -> bool {
    true
}

impl KeyShape {
    /// Whether the whole shape fits. The literal prefix and the length are looked at first, so that the pattern of
    /// a shape is compiled only where it may fit.
    #[must_use]
    pub fn fits(&self, key: &Secret) -> bool {
        if !self.prefixes.is_empty() && self.prefix_of(key).is_none() {
            return false;
        }
        let len = key.len();
        let in_range = self.length.first().is_none_or(|min| len >= *min)
            && self.length.get(1).is_none_or(|max| len <= *max);
        in_range && self.pattern().is_some_and(|pattern| key.is_match(pattern))
    }

    /// Whether one of its beginnings says something: a shorter one, such as `sk-`, is common to too many providers.
    #[must_use]
    pub fn tells(&self, beginning: &str) -> bool {
        const MIN_SHARED: usize = 4;
        self.detection == Detection::Prefix || beginning.len() >= MIN_SHARED
    }

    /// The longest of its literal beginnings that the key begins with.
    #[must_use]
    pub fn prefix_of(&self, key: &Secret) -> Option<&str> {
        self.prefixes
            .iter()
            .map(String::as_str)
            .filter(|prefix| key.starts_with(prefix))
            .max_by_key(|prefix| prefix.len())
    }

    /// The compiled pattern, or none if a person's own file holds one that does not compile.
    pub fn pattern(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.regex).ok()).as_ref()
    }
}

/// How a key is sent in its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `Bearer KEY`.
    #[default]
    Bearer,
    /// `Token KEY`.
    Token,
    /// `KEY` alone.
    Raw,
}

/// The header that carries the key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Its name, in lower case.
    pub header: String,
    /// What is around the key.
    pub scheme: Scheme,
    /// Headers that every request needs.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
    /// Headers that a client may add; keymend does not.
    #[serde(default)]
    pub optional: BTreeMap<String, String>,
    /// What must not be done, in words.
    #[serde(default)]
    pub never: Option<String>,
    /// What else there is to know.
    #[serde(default)]
    pub note: Option<String>,
    /// Other headers, by kind of key or by path.
    #[serde(default)]
    pub variants: Vec<AuthVariant>,
}

/// Another header for some kinds of keys or some paths.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthVariant {
    /// The kinds of keys it is for; empty for all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The beginnings of paths it is for; empty for all.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Its name, in lower case.
    pub header: String,
    /// What is around the key.
    pub scheme: Scheme,
    /// Headers that go along.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
    /// What there is to know.
    #[serde(default)]
    pub note: Option<String>,
    /// How sure it is.
    #[serde(default)]
    pub confidence: Confidence,
}

/// The request that tests a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// `GET` or `POST`.
    pub method: String,
    /// A path under the base address, or a whole address.
    pub path: String,
    /// The JSON body.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// `nowhere` where the provider's keys cannot be tested with a header.
    #[serde(default)]
    pub key_in: Option<String>,
    /// What a success proves, in words.
    pub proves: String,
    /// What it costs, in words: `none`, `about 1 token`.
    pub costs: String,
    /// Whether the person is asked before it is sent.
    #[serde(default)]
    pub asks: bool,
    /// Whether a success proves the key.
    #[serde(default)]
    pub honesty: Honesty,
    /// What a success looks like: all of these hold in a 2xx answer.
    #[serde(default)]
    pub success: Vec<Condition>,
    /// How sure all this is.
    #[serde(default)]
    pub confidence: Confidence,
    /// What else there is to know.
    #[serde(default)]
    pub note: Option<String>,
    /// The kinds of keys it is for; empty for all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// When an alternative is used: `endpoint gone`, `proof`.
    #[serde(default, rename = "for")]
    pub when: Option<String>,
}

/// An endpoint that must not be used as a probe.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeverProbe {
    /// The path.
    pub path: String,
    /// Why not.
    pub why: String,
}

/// Something a success tells about what the key is worth.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worth {
    /// Its name on screen: `remaining`, `models`.
    pub what: String,
    /// Where it is in the answer: `data.limit_remaining`; `data[]` is the number of its items.
    pub at: String,
}

/// A rule about answers: all groups that are given must match.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The kinds of keys it speaks of; empty for all.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The status codes; empty for any.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Codes, types or reasons in the body, any of which matches.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Parts of the message in lower case, any of which matches.
    #[serde(default)]
    pub text: Vec<String>,
    /// Conditions on the body, all of which hold.
    #[serde(default, rename = "where")]
    pub conditions: Vec<Condition>,
    /// Whether it speaks of an empty body only.
    #[serde(default)]
    pub empty: bool,
    /// The verdict's id: `no_credit`.
    pub verdict: String,
    /// The reason, in words.
    #[serde(default)]
    pub reason: Option<String>,
    /// The next step, in words.
    #[serde(default)]
    pub hint: Option<String>,
    /// True where the hint is the whole way out: the usual ones (a new key, more credit) do not help.
    #[serde(default)]
    pub hint_alone: bool,
    /// True where the answer may come of a passing fault and is asked for again.
    #[serde(default)]
    pub ask_again: bool,
    /// How sure it is.
    #[serde(default)]
    pub confidence: Confidence,
}

/// A company or server that checks keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its id: `anthropic`.
    pub id: String,
    /// Its name, as people write it.
    pub name: String,
    /// Other names that agents and people use for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The company, where it has several providers that share key shapes.
    #[serde(default)]
    pub family: Option<String>,
    /// The provider whose rules about answers hold here too.
    #[serde(default)]
    pub rules_of: Option<String>,
    /// Variables that hold a key of it.
    #[serde(default)]
    pub env: Vec<String>,
    /// Variables that hold something else: an address, an organisation.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Why a rejection is asked for again before it is believed, where that is known.
    #[serde(default)]
    pub flaps: Option<String>,
    /// Where a person makes a new key.
    pub console_url: String,
    /// Where a person adds credit or renews a plan; the console where that is not known.
    #[serde(default)]
    pub billing_url: Option<String>,
    /// How sure the address of that page is.
    #[serde(default)]
    pub billing_confidence: Confidence,
    /// How a person gets a new token where the credential is one of a login and no key, in words.
    #[serde(default)]
    pub login: Option<String>,
    /// Response headers that only the provider itself sends: `request-id: req_*`.
    #[serde(default)]
    pub identify_headers: Vec<String>,
    /// Response headers that carry the id of the request.
    #[serde(default)]
    pub request_ids: Vec<String>,
    /// Response headers that name the account or organisation of the key.
    #[serde(default)]
    pub account_headers: Vec<String>,
    /// True for a server on this machine.
    #[serde(default)]
    pub local: bool,
    /// What misleads people here.
    #[serde(default)]
    pub traps: Vec<String>,
    /// Its addresses, the main one first.
    pub hosts: Vec<Host>,
    /// The formats of its keys.
    #[serde(default)]
    pub keys: Vec<KeyShape>,
    /// How a key is sent.
    pub auth: Auth,
    /// The request that proves a key.
    pub probe: ProbeSpec,
    /// Other requests, for other kinds of keys or when the first is gone.
    #[serde(default)]
    pub alternatives: Vec<ProbeSpec>,
    /// The request that shows money or scope where the first does not.
    #[serde(default)]
    pub second_probe: Option<ProbeSpec>,
    /// Endpoints that prove nothing.
    #[serde(default)]
    pub never_probe: Vec<NeverProbe>,
    /// What a success tells.
    #[serde(default)]
    pub worth: Vec<Worth>,
    /// Rules about answers, strongest first.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

impl Provider {
    /// The main address.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.hosts.first().map_or("", |host| host.base.as_str())
    }

    /// The hosts (with a port where one is given) of all its addresses and probes, without repetition.
    pub fn authorities(&self) -> impl Iterator<Item = &str> {
        let probes = std::iter::once(&self.probe).chain(&self.alternatives).map(|probe| probe.path.as_str());
        self.hosts.iter().map(|host| host.base.as_str()).chain(probes).filter_map(authority)
    }

    /// Whether `host` (with or without a port) belongs to it, so that a key of it may go there unasked.
    #[must_use]
    pub fn owns(&self, host: &str) -> bool {
        self.authorities().any(|own| same_host(own, host))
    }

    /// The header that a key of this kind is sent in on this path.
    #[must_use]
    pub fn auth_for(&self, kind: Option<&str>, path: &str) -> AuthVariant {
        let listed = self.auth.variants.iter().find(|variant| {
            let kinds = variant.kinds.is_empty()
                || kind.is_some_and(|kind| variant.kinds.iter().any(|listed| listed == kind));
            let paths =
                variant.paths.is_empty() || variant.paths.iter().any(|prefix| path.contains(prefix.as_str()));
            kinds && paths && !(variant.kinds.is_empty() && variant.paths.is_empty())
        });
        let mut found = listed.cloned().unwrap_or_else(|| AuthVariant {
            kinds: Vec::new(),
            paths: Vec::new(),
            header: self.auth.header.clone(),
            scheme: self.auth.scheme,
            extra: BTreeMap::new(),
            note: None,
            confidence: Confidence::Documented,
        });
        for (name, value) in &self.auth.extra {
            found.extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
        found
    }
}

/// `api.example.com:8080` of `https://api.example.com:8080/v1`; none without a scheme.
#[must_use]
pub fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(rest[..end].rsplit('@').next().unwrap_or(&rest[..end]))
}

/// Whether a host of the catalogue, which may hold a `<placeholder>`, is this one.
fn same_host(own: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let bare = |name: &str| name.trim_end_matches(":443").to_ascii_lowercase();
    let (own, host) = (bare(own), bare(host));
    let (Some(open), Some(close)) = (own.find('<'), own.find('>')) else {
        return own == host;
    };
    let (before, after) = (&own[..open], &own[close + 1..]);
    host.len() > before.len() + after.len()
        && host.starts_with(before)
        && host.ends_with(after)
        && host[before.len()..host.len() - after.len()].chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}
