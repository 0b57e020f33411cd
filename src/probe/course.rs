//! The course of a test: which requests one answer leads to, and what several answers mean together. Pure; `host::http`
//! walks it.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::verdict::{Kind, Verdict};
use super::{Target, WhichProbe, is_loopback};
use crate::provider::{Catalogue, Confidence, Fit, Honesty, Match, ProbeSpec, Provider, authority};
use crate::secret::Secret;

/// How often a rejection that may be a passing fault is asked for in all.
pub const ASKS: usize = 3;
/// The longest wait that a provider may ask for before one more request, in seconds.
pub const MAX_WAIT: u64 = 3;

/// What the person said yes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// A probe may spend tokens.
    pub spend: bool,
    /// On a rejection the key may go to the other addresses of the same company.
    pub siblings: bool,
    /// The key may go to the configured addresses that are none of the provider's.
    pub elsewhere: bool,
}

/// Which way a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Straight to the provider.
    Direct,
    /// To the address that is configured, in the provider's header.
    Configured,
    /// To the address that is configured, in the header that the agent itself uses.
    Agent,
    /// To another address of the same company.
    Sibling,
}

impl What {
    /// In words, for the table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Direct => "provider",
            Self::Configured => "configured address",
            Self::Agent => "as the agent sends it",
            Self::Sibling => "other address of the company",
        }
    }
}

/// One way of a job.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Which way.
    pub what: What,
    /// Where to.
    pub target: Target,
}

/// A key to test.
#[derive(Clone, Debug)]
pub struct Job {
    /// The provider's id.
    pub provider: String,
    /// The key.
    pub key: Secret,
    /// The ways to test, in the order of the rows.
    pub layers: Vec<Layer>,
    /// What the person said yes to.
    pub consent: Consent,
    /// The hosts that the person said yes to, for good.
    pub agreed: Vec<String>,
}

impl Job {
    /// The key, straight to the provider.
    #[must_use]
    pub fn direct(provider: &str, key: Secret) -> Self {
        let layers = vec![Layer { what: What::Direct, target: Target::default() }];
        Self { provider: provider.to_owned(), key, layers, consent: Consent::default(), agreed: Vec::new() }
    }

    /// The key, to an address that the person named as the provider's: the provider's own probe goes there, but the
    /// name alone does not vouch for what answers.
    #[must_use]
    pub fn at(provider: &str, key: Secret, base: &str) -> Self {
        let target = Target { base: Some(base.to_owned()), ..Target::default() };
        let agreed = authority(base).map(ToOwned::to_owned).into_iter().collect();
        Self { layers: vec![Layer { what: What::Direct, target }], agreed, ..Self::direct(provider, key) }
    }

    /// The key, to an address that plays the provider.
    #[must_use]
    pub fn played(provider: &str, key: Secret, base: &str) -> Self {
        let target = Target { base: Some(base.to_owned()), trusted: true, ..Target::default() };
        Self { layers: vec![Layer { what: What::Direct, target }], ..Self::direct(provider, key) }
    }

    /// Adds the address that an agent is configured with, and its own header where that differs.
    #[must_use]
    pub fn with_configured(mut self, base: &str, header: Option<(String, crate::provider::Scheme)>) -> Self {
        let base = Some(base.to_owned());
        let target = |header| Target { base: base.clone(), probe: WhichProbe::Relay, trusted: false, header };
        self.layers.push(Layer { what: What::Configured, target: target(None) });
        if header.is_some() {
            self.layers.push(Layer { what: What::Agent, target: target(header) });
        }
        self
    }

    /// Adds the provider's own address in the header that the agent itself uses.
    #[must_use]
    pub fn with_header(mut self, target: Target) -> Self {
        self.layers.push(Layer { what: What::Agent, target });
        self
    }

    /// The same job with these permissions.
    #[must_use]
    pub fn allowing(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// The same job, with the hosts that the person said yes to for good.
    #[must_use]
    pub fn agreeing(mut self, hosts: &[String]) -> Self {
        self.agreed.extend_from_slice(hosts);
        self
    }

    /// Whether an agent sends this key to a host that is not the provider's.
    #[must_use]
    pub fn goes_elsewhere(&self, provider: &Provider) -> bool {
        let host = |layer: &Layer| layer.target.base.as_deref().and_then(authority).map(ToOwned::to_owned);
        self.layers
            .iter()
            .filter(|layer| matches!(layer.what, What::Configured | What::Agent) && !layer.target.trusted)
            .filter_map(host)
            .any(|host| !provider.owns(&host))
    }
}

/// One way, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which way.
    pub what: What,
    /// The host that was asked.
    pub host: String,
    /// What it said.
    pub verdict: Verdict,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("what", self.what.words())?;
        map.serialize_entry("host", &self.host)?;
        self.verdict.fields(&mut map)?;
        map.end()
    }
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// What they mean together.
    pub overall: Verdict,
    /// The hosts of the same company that were not asked and where a refused key may belong.
    pub untried: Vec<String>,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &1)?;
        self.overall.fields(&mut map)?;
        if self.rows.len() > 1 {
            map.serialize_entry("rows", &self.rows)?;
        }
        if !self.untried.is_empty() {
            map.serialize_entry("other_addresses", &self.untried)?;
        }
        map.end()
    }
}

/// Whether a probe is sent without asking: it is free, it was said yes to, or it stays on this machine.
#[must_use]
pub fn may_send(spec: &ProbeSpec, host: &str, consent: Consent) -> bool {
    !spec.asks || consent.spend || is_loopback(host)
}

/// Why a key may not go to a host without a yes of the person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedsYes {
    /// The host, with its port.
    pub host: String,
    /// Why, in a sentence.
    pub why: String,
}

/// Whether the person has to agree before `key` goes to `host`. `elsewhere`: the agent sends the key to a host that is
/// none of the provider's, so that the key may be that host's own.
///
/// A key goes unasked to its own provider's hosts. A local server gets its own token unasked, but never a key whose form
/// is a company's: any program of this machine may listen there.
#[must_use]
pub fn needs_yes(
    catalogue: &Catalogue,
    provider: &Provider,
    key: &Secret,
    host: &str,
    elsewhere: bool,
) -> Option<NeedsYes> {
    let recognition = catalogue.recognise(key);
    // A bare `sk-` names nobody: gateways begin their own keys like that.
    let names = |found: &&Match<'_>| found.fit == Fit::Exact || found.distinctive() && found.prefix != "sk-";
    let own = recognition.of(&provider.id).as_ref().is_some_and(names);
    let company = recognition.best().filter(names);
    let yes = |why: String| Some(NeedsYes { host: host.to_owned(), why });
    let local = is_loopback(host);
    if provider.owns(host) {
        return match company {
            Some(found) if local && found.provider.id != provider.id => yes(format!(
                "this is a key of {}, and {host} is a server on this machine",
                found.provider.name
            )),
            _ if elsewhere && !local && !own => yes(format!(
                "the agent sends this key to another address, and nothing about it says that it is a key of {}",
                provider.name
            )),
            _ => None,
        };
    }
    match company.or_else(|| recognition.of(&provider.id).filter(|found| found.fit == Fit::Exact)) {
        Some(found) if local => {
            yes(format!("this is a key of {}, and {host} is a server on this machine", found.provider.name))
        }
        None if local => None,
        _ if provider.hosts.is_empty() => yes(format!("{host} is no host of a provider that keymend knows")),
        _ => yes(format!("{host} is no host of {}", provider.name)),
    }
}

/// Whether two hosts are the same, in any case and with or without the usual port.
#[must_use]
pub fn same_host(one: &str, other: &str) -> bool {
    let bare = |host: &str| host.trim_end_matches(":443").trim_end_matches('.').to_ascii_lowercase();
    bare(one) == bare(other)
}

/// Whether this refusal may be a passing fault, so that it is asked for again before it is believed.
#[must_use]
pub fn flaps(provider: &Provider, verdict: &Verdict) -> bool {
    match verdict.kind {
        Kind::Invalid => verdict.ask_again || provider.flaps.is_some() && verdict.status == Some(401),
        Kind::WrongEndpoint => verdict.ask_again,
        _ => false,
    }
}

/// Puts the answers to the same question together: the last one, with how often it was given. A key that is refused and
/// then accepted is good, and the person is told so before they make another one.
#[must_use]
pub fn settle(provider: &Provider, mut answers: Vec<Verdict>) -> Option<Verdict> {
    let asked = answers.len();
    let mut last = answers.pop()?;
    let same = answers.iter().filter(|other| other.kind == last.kind).count() + 1;
    if asked > 1 {
        last.note("asked", format!("{same} of {asked} say {}", last.kind));
    }
    if last.kind.is_real() && answers.iter().any(|other| other.kind.rejects() || other.ask_again) {
        let name = &provider.name;
        last.reason = format!("{} {name} refused it a moment before.", last.reason);
        last.hints.push(format!(
            "Your key is good: {name} refuses good keys now and then. Do not make another one; \
             a fallback provider in the agent's settings helps."
        ));
    }
    Some(last)
}

/// Seconds to wait before one more request, where the provider asks for a short wait.
#[must_use]
pub fn short_wait(verdict: &Verdict) -> Option<u64> {
    let may_pass =
        matches!(verdict.kind, Kind::RateLimited | Kind::ProviderDown) || verdict.status == Some(429);
    verdict.retry_after.filter(|seconds| may_pass && *seconds <= MAX_WAIT)
}

/// Whether a success proves the key only when a broken twin of it is refused.
#[must_use]
pub fn needs_control(spec: &ProbeSpec, vouched: bool) -> bool {
    !vouched || matches!(spec.honesty, Honesty::Unknown | Honesty::None)
}

/// What a success is worth after the same request with a broken twin of the key.
#[must_use]
pub fn after_control(mut verdict: Verdict, twin: &Verdict) -> Verdict {
    if twin.kind.rejects()
        || matches!(twin.kind, Kind::WrongEndpoint | Kind::Forbidden | Kind::Gateway)
            && twin.status.is_some_and(|status| (400..500).contains(&status))
    {
        verdict.note("control", "a broken twin of the key was refused");
        return verdict;
    }
    verdict.kind = Kind::Ambiguous;
    verdict.certain = false;
    verdict.worth.clear();
    verdict.hints =
        vec!["Test the key at the provider itself, or by a request that spends a token.".to_owned()];
    if twin.kind == Kind::Valid {
        verdict.reason =
            "The address answers, but the key is not proven: a broken twin of it gets the same answer."
                .into();
        verdict.note("control", "a broken twin of the key was accepted as well");
    } else {
        verdict.reason =
            "The address accepts the key, but whether it refuses wrong ones could not be found out.".into();
        verdict.note("control", format!("a broken twin of the key got no clear answer ({})", twin.kind));
    }
    verdict
}

/// A success after the second request, which shows money or scope.
#[must_use]
pub fn after_second(mut first: Verdict, second: Verdict) -> Verdict {
    match second.kind {
        Kind::Valid => first.note("second_probe", "accepted"),
        Kind::NoCredit | Kind::Revoked | Kind::Forbidden if second.certain && second.code_known() => {
            return Verdict { worth: first.worth, ..second };
        }
        other => first.note("second_probe", format!("no clear answer ({other})")),
    }
    first
}

/// The other addresses of the same company where the key may belong.
#[must_use]
pub fn siblings(
    catalogue: &Catalogue,
    provider: &Provider,
    key: &Secret,
    asked: &str,
) -> Vec<(String, Target)> {
    let at = |provider: &Provider, base: &str| {
        (provider.id.clone(), Target { base: Some(base.to_owned()), ..Target::default() })
    };
    let mut seen = vec![authority(asked).unwrap_or(asked).to_owned()];
    let mut others = Vec::new();
    for host in provider.hosts.iter().filter(|host| {
        !provider.local && !host.retired && host.dialect.is_none() && host.confidence != Confidence::Guess
    }) {
        let name = authority(&host.base).unwrap_or_default().to_owned();
        if !seen.contains(&name) && !host.base.contains('<') && (host.region.is_some() || host.plan.is_some())
        {
            seen.push(name);
            others.push(at(provider, &host.base));
        }
    }
    let recognition = catalogue.recognise(key);
    for sibling in catalogue.siblings(provider) {
        let name = authority(sibling.base_url()).unwrap_or_default().to_owned();
        let fits = recognition.of(&sibling.id).is_some_and(|found| found.fit == Fit::Exact)
            || recognition.matches.is_empty();
        if fits && !seen.contains(&name) {
            seen.push(name);
            others.push(at(sibling, sibling.base_url()));
        }
    }
    others
}

/// What the rows mean together. A way that was not taken for want of a yes says nothing about the key, as long as
/// another was.
#[must_use]
pub fn overall(rows: &[Row]) -> Option<Verdict> {
    let asked = |row: &&Row| row.what != What::Sibling;
    let taken = |row: &&Row| asked(row) && !row.verdict.waits_for_yes();
    let first = rows.iter().find(taken).or_else(|| rows.iter().find(asked))?;
    let as_used = |row: &&Row| matches!(row.what, What::Configured | What::Agent) && tells(first, row);
    let used = rows.iter().filter(taken).rfind(as_used);
    let mut verdict = used.unwrap_or(first).verdict.clone();
    if let Some(used) = used.filter(|_| first.what == What::Direct) {
        beside(&mut verdict, first, used);
    }
    if let Some(used) = used.filter(|used| used.verdict.kind == Kind::Valid && used.verdict.worth.is_empty())
    {
        let same = first.verdict.kind == Kind::Valid && first.host != used.host;
        verdict.worth.extend(first.verdict.worth.iter().filter(|_| same).cloned());
    }
    let doors: Vec<&Row> = rows.iter().filter(|row| row.what == What::Sibling).collect();
    if verdict.kind.rejects() && !doors.is_empty() {
        try_doors(&mut verdict, first, &doors);
    }
    Some(verdict)
}

/// Whether the row of the agent's own header says more than the first one: at the same host it does only where it is
/// clear, because the path that was asked may not be there in this protocol.
fn tells(first: &Row, row: &Row) -> bool {
    let kind = row.verdict.kind;
    first.host != row.host
        || first.what != What::Direct
        || kind == Kind::Valid
        || kind.rejects()
        || kind == Kind::Ambiguous && row.verdict.status.is_some_and(|status| status < 300)
        || kind == Kind::WrongEndpoint && matches!(row.verdict.status, Some(400 | 401 | 403))
}

/// What the way that the agent takes says beside the provider's own answer.
fn beside(verdict: &mut Verdict, first: &Row, used: &Row) {
    let fine = first.verdict.kind == Kind::Valid;
    if fine && used.verdict.kind != Kind::Valid && used.host == first.host {
        let header = |row: &Row| row.verdict.noted("header").unwrap_or("its header").to_owned();
        let (own, sent) = (header(first), header(used));
        if used.verdict.kind != Kind::Ambiguous {
            verdict.kind = Kind::WrongEndpoint;
        }
        verdict.reason = format!(
            "The key is fine, but the agent sends it in {sent}, and {} wants it in {own}: {}",
            used.host, used.verdict.reason
        );
        verdict.hints = vec![format!(
            "Keep the key and put it where the agent sends it in {own}; `keymend explain` lists the places."
        )];
    } else if fine && used.verdict.kind != Kind::Valid {
        verdict.reason = format!("The key is fine at the provider; {} is not: {}", used.host, verdict.reason);
    } else if first.verdict.kind.rejects() && used.verdict.kind == Kind::Valid {
        verdict.reason = format!("{} accepts the key; the provider itself does not know it.", used.host);
    }
}

/// A refusal while there are addresses of the same company that were not asked: it is no final one, and says so.
pub fn leave_open(verdict: &mut Verdict, host: &str, company: &str, untried: &[String]) {
    verdict.certain = false;
    let untried = untried.join(", ");
    let open = format!("refused at {host}; the key may belong to another address of {company} ({untried}).");
    let before = verdict.reason.trim_end();
    verdict.reason = if before.is_empty() { open } else { format!("{open} {before}") };
}

fn try_doors(verdict: &mut Verdict, first: &Row, doors: &[&Row]) {
    if let Some(open) = doors.iter().find(|row| row.verdict.kind.is_real()) {
        verdict.kind = Kind::WrongEndpoint;
        verdict.certain = true;
        verdict.reason = format!("The key belongs to {}, not to {}.", open.host, first.host);
        verdict.hints =
            vec![format!("Set the address of the agent to {}, or use a key of {}.", open.host, first.host)];
        verdict.worth.clone_from(&open.verdict.worth);
    } else if let Some(silent) = doors.iter().find(|row| !row.verdict.kind.rejects()) {
        verdict.kind = Kind::Ambiguous;
        verdict.certain = false;
        verdict.reason = format!(
            "{} refuses the key, but {} gave no clear answer, so it may belong there.",
            first.host, silent.host
        );
    } else {
        verdict.certain &= doors.iter().all(|door| door.verdict.certain);
        verdict.note("other_addresses", format!("all {} refused the key as well", doors.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kind: Kind) -> Verdict {
        Verdict { status: Some(401), ..Verdict::without_answer("x", kind, "because") }
    }

    fn row(what: What, host: &str, kind: Kind) -> Row {
        Row { what, host: host.into(), verdict: verdict(kind) }
    }

    #[test]
    fn a_key_that_another_door_takes_is_at_the_wrong_one() {
        let rows = [row(What::Direct, "a", Kind::Invalid), row(What::Sibling, "b", Kind::NoCredit)];
        let overall = overall(&rows).unwrap();
        assert_eq!(overall.kind, Kind::WrongEndpoint);
        assert_eq!(overall.reason, "The key belongs to b, not to a.");
    }

    #[test]
    fn invalid_is_only_sure_when_every_door_refused() {
        let refused = [row(What::Direct, "a", Kind::Invalid), row(What::Sibling, "b", Kind::Invalid)];
        assert_eq!(overall(&refused).map(|all| (all.kind, all.certain)), Some((Kind::Invalid, true)));
        let silent = [row(What::Direct, "a", Kind::Invalid), row(What::Sibling, "b", Kind::Network)];
        assert_eq!(overall(&silent).map(|all| (all.kind, all.certain)), Some((Kind::Ambiguous, false)));
    }

    #[test]
    fn a_guess_stays_a_guess_when_every_door_refused() {
        let mut rows = [row(What::Direct, "a", Kind::Invalid), row(What::Sibling, "b", Kind::Invalid)];
        rows[1].verdict.certain = false;
        assert_eq!(overall(&rows).map(|all| (all.kind, all.certain)), Some((Kind::Invalid, false)));
    }

    #[test]
    fn a_good_key_behind_a_bad_address_is_said_in_one_line() {
        let rows = [row(What::Direct, "a", Kind::Valid), row(What::Configured, "gw", Kind::Gateway)];
        let overall = overall(&rows).unwrap();
        assert_eq!(overall.kind, Kind::Gateway);
        assert!(overall.reason.starts_with("The key is fine at the provider; gw is not: "));
    }

    #[test]
    fn a_success_that_the_twin_shares_proves_nothing() {
        assert_eq!(after_control(verdict(Kind::Valid), &verdict(Kind::Valid)).kind, Kind::Ambiguous);
        assert_eq!(after_control(verdict(Kind::Valid), &verdict(Kind::Network)).kind, Kind::Ambiguous);
        assert_eq!(after_control(verdict(Kind::Valid), &verdict(Kind::Invalid)).kind, Kind::Valid);
    }

    #[test]
    fn answers_to_the_same_question_are_counted() {
        let catalogue = Catalogue::embedded();
        let settle = |answers| settle(catalogue.get("openrouter").unwrap(), answers);
        let settled =
            settle(vec![verdict(Kind::Invalid), verdict(Kind::Invalid), verdict(Kind::Invalid)]).unwrap();
        assert_eq!(settled.evidence, [("asked".to_owned(), "3 of 3 say invalid".to_owned())]);
        let settled = settle(vec![verdict(Kind::Invalid), verdict(Kind::Valid)]).unwrap();
        assert_eq!((settled.kind, settled.evidence[0].1.as_str()), (Kind::Valid, "1 of 2 say valid"));
        assert!(settled.hints.join(" ").contains("Do not make another one"), "{:?}", settled.hints);
    }

    #[test]
    fn siblings_are_addresses_of_the_same_company_where_the_shape_fits() {
        let catalogue = Catalogue::embedded();
        let names = |id: &str, key: &str| {
            let provider = catalogue.get(id).unwrap();
            let others = siblings(&catalogue, provider, &Secret::new(key), provider.base_url());
            others.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        let plan_key = format!("sk-cp-{}", "F".repeat(40));
        assert_eq!(names("minimax", &plan_key), ["minimax-cn"]);
        assert_eq!(names("dashscope", &format!("sk-{}", "deadbeef".repeat(4))).len(), 6);
        assert!(names("anthropic", &plan_key).is_empty());
    }
}
