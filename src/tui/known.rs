//! What the screens know about the machine: the last scan, the letters of the keys, the verdicts of this run, the
//! metadata of files. Filled by messages, read by every screen.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::agents::{Agent, Findings};
use crate::finding::{Lint, Severity};
use crate::plan::SlotId;
use crate::probe::course::Report;
use crate::probe::verdict::{AnsweredBy, Kind, Verdict};
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot, origin};
use crate::secret::{Fingerprint, Mask, Secret, Tag};
use crate::session::{Scan, Scanned, SlotRef, test, verdicts};
use crate::source::{Source, Value};

use super::theme::Role;
use super::words;

/// Marks an effect and the answers to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a scan brought.
#[derive(Clone, Debug, Default)]
pub struct Scanning {
    /// The answer of all agents.
    pub scan: Scan,
    /// Mode and age of the files that candidates are in.
    pub files: BTreeMap<PathBuf, FileFacts>,
    /// The home folder, for short paths.
    pub home: Option<PathBuf>,
    /// The hosts that the person said yes to.
    pub agreed: Vec<String>,
    /// When the scan was made, Unix milliseconds.
    pub now_ms: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Mode and age of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Permission bits.
    pub mode: u32,
    /// Last change, Unix milliseconds.
    pub mtime_ms: i64,
}

/// How a verdict is to be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grade {
    /// The key works.
    Works,
    /// The provider rejects the key, or will not serve it.
    Rejected,
    /// Nothing is proven about the key.
    #[default]
    Unproven,
}

/// The answer to one test, ready for a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The verdict's identifier: `valid`, `no_credit` …
    pub id: &'static str,
    /// How to take it.
    pub grade: Grade,
    /// The first line: `401 invalid x-api-key`.
    pub line: String,
    /// What it means, in a sentence.
    pub meaning: String,
    /// The way out, in a sentence; may be empty.
    pub next: String,
    /// Who answered: `Anthropic`, `a proxy`, or none if nobody did.
    pub answered_by: Option<String>,
    /// How long the answer took.
    pub latency_ms: Option<u64>,
    /// Names and values worth keeping: request id, error code, header used. Redacted.
    pub evidence: Vec<(String, String)>,
    /// What the key is worth, as far as the answer says: label, limit, remaining, expiry.
    pub worth: Vec<(String, String)>,
    /// Each way that was tried, where there is more than one.
    pub rows: Vec<WayTried>,
    /// Hosts of the same company that were not asked and where a refused key may belong.
    pub untried: Vec<String>,
}

/// One way of a test, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayTried {
    /// Which way and which host: `configured address · relay.example`.
    pub way: String,
    /// The verdict's identifier.
    pub id: &'static str,
    /// How to take it.
    pub grade: Grade,
    /// The status code, where one came.
    pub status: Option<u16>,
}

impl Judged {
    /// A report as the screens show it.
    #[must_use]
    pub fn of_report(report: &Report) -> Self {
        let way = |row: &crate::probe::course::Row| WayTried {
            way: format!("{} · {}", row.what.words(), row.host),
            id: row.verdict.kind.id(),
            grade: grade(row.verdict.kind),
            status: row.verdict.status,
        };
        let several = report.rows.len() > 1;
        Self {
            rows: report.rows.iter().filter(|_| several).map(way).collect(),
            untried: report.untried.clone(),
            ..Self::of(&report.overall)
        }
    }

    /// A verdict as the screens show it.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        let message =
            verdict.evidence.iter().find(|(name, _)| name == "message").map(|(_, text)| brief(text));
        let status = verdict.status.map(|status| status.to_string());
        let line: Vec<&str> = status.as_deref().into_iter().chain(message).collect();
        let answered_by = match &verdict.answered_by {
            AnsweredBy::Provider => Some("the provider".to_owned()),
            AnsweredBy::Gateway(name) => Some((*name).to_owned()),
            AnsweredBy::Proxy => Some("a proxy".to_owned()),
            AnsweredBy::Captive => Some("the login page of this network".to_owned()),
            AnsweredBy::Nobody | AnsweredBy::Unknown => None,
        };
        Self {
            id: verdict.kind.id(),
            grade: grade(verdict.kind),
            line: line.join(" "),
            meaning: verdict.reason.clone(),
            next: verdict.hints.join(" "),
            answered_by,
            latency_ms: verdict.latency_ms,
            evidence: verdict.evidence.clone(),
            worth: verdict.worth.clone(),
            rows: Vec::new(),
            untried: Vec::new(),
        }
    }

    /// The mark beside the verdict.
    #[must_use]
    pub const fn mark(&self) -> (&'static str, Role) {
        self.grade.mark()
    }

    /// The verdict in words, as the list shows it.
    #[must_use]
    pub fn word(&self) -> String {
        word(self.id).to_owned()
    }
}

impl Grade {
    /// The mark beside a verdict.
    #[must_use]
    pub const fn mark(self) -> (&'static str, Role) {
        match self {
            Self::Works => ("✓", Role::Good),
            Self::Rejected => ("✗", Role::Bad),
            Self::Unproven => ("!", Role::Warn),
        }
    }
}

/// A verdict's identifier in words.
#[must_use]
pub fn word(id: &'static str) -> &'static str {
    match id {
        "valid" => "works",
        "no_credit" => "no credit",
        "rate_limited" => "rate limited",
        "wrong_endpoint" => "wrong host",
        "provider_down" => "down",
        "network" => "not reached",
        "ambiguous" => "unclear",
        other => other,
    }
}

/// The first clause of a provider's message: the whole of it is in the evidence.
fn brief(message: &str) -> &str {
    let end = [": ", ". ", ", "].iter().filter_map(|stop| message.find(stop)).min();
    message[..end.unwrap_or(message.len())].trim_end_matches('.')
}

/// A limit on the number of requests proves nothing against the key; no money and no permission stop its use.
const fn grade(kind: Kind) -> Grade {
    match kind {
        Kind::Valid => Grade::Works,
        Kind::Invalid
        | Kind::Revoked
        | Kind::Expired
        | Kind::NoCredit
        | Kind::Forbidden
        | Kind::WrongEndpoint => Grade::Rejected,
        Kind::RateLimited | Kind::Gateway | Kind::ProviderDown | Kind::Network | Kind::Ambiguous => {
            Grade::Unproven
        }
    }
}

/// A test under way or done.
#[expect(clippy::large_enum_variant, reason = "a few dozen at most, and nearly all of them are answers")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Asked; the answer carries this ticket.
    Running(Ticket),
    /// Answered.
    Done(Judged),
}

/// What identifies a test: the provider (or foreign address) and the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tested {
    subject: String,
    key: Fingerprint,
}

impl Tested {
    /// A key at a provider or address.
    #[must_use]
    pub fn new(subject: &str, key: &Secret) -> Self {
        Self { subject: subject.to_owned(), key: key.fingerprint("") }
    }
}

/// The mark of what nobody set up.
const UNSET: &str = "·";

/// The state of a slot in one mark and one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The mark.
    pub mark: &'static str,
    /// How it is drawn.
    pub role: Role,
    /// The word beside it where there is room.
    pub word: String,
    /// It needs somebody's attention.
    pub problem: bool,
}

impl Status {
    fn new(mark: &'static str, role: Role, word: impl Into<String>, problem: bool) -> Self {
        Self { mark, role, word: word.into(), problem }
    }

    /// Nobody set it up.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.mark == UNSET
    }
}

/// How the connections are, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// A test failed, or it cannot work.
    pub fail: usize,
    /// A test says that it works.
    pub work: usize,
    /// A key is sent, and was not tested.
    pub untested: usize,
    /// What is sent is not known.
    pub unknown: usize,
    /// Nobody set it up.
    pub unset: usize,
}

impl Tally {
    /// The connections that somebody set up.
    #[must_use]
    pub const fn all(self) -> usize {
        self.fail + self.work + self.untested + self.unknown
    }
}

/// Everything the screens know.
#[derive(Debug, Default)]
pub struct Known {
    /// The last scan.
    pub scanning: Scanning,
    /// False until the first scan is there.
    pub scanned: bool,
    /// The providers.
    pub catalogue: Arc<Catalogue>,
    /// Slots that a key would fill; the set-up asks for them.
    plausible: Vec<(&'static Agent, Slot)>,
    /// How many agents and, for each, slots the scan itself found; what is behind is plausible only.
    real: Vec<usize>,
    /// Each key's place in the order of the letters.
    letters: HashMap<Fingerprint, usize>,
    tests: BTreeMap<Tested, Test>,
    /// How many scans there were, and how many answers of tests.
    news: (u64, u64),
}

impl Known {
    /// Nothing scanned yet.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue, ..Self::default() }
    }

    /// Takes a new scan. Letters given in this run stay with their keys.
    pub fn learn(&mut self, scanning: Scanning) {
        for view in &scanning.scan.keys {
            letter(&mut self.letters, &view.key);
        }
        self.real = scanning.scan.agents.iter().map(|scanned| scanned.findings.slots.len()).collect();
        self.scanning = scanning;
        self.scanned = true;
        self.news.0 += 1;
        self.append_plausible();
    }

    /// Takes the slots that a key would fill.
    pub fn suppose(&mut self, plausible: Vec<(&'static Agent, Slot)>) {
        self.plausible = plausible;
        self.append_plausible();
    }

    /// Puts plausible slots behind the real ones, so that the set-up can name them like any other.
    fn append_plausible(&mut self) {
        for (agent, slot) in &self.plausible {
            if self.find(&SlotId::of(slot)).is_some() {
                continue;
            }
            let agents = &mut self.scanning.scan.agents;
            if let Some(scanned) = agents.iter_mut().find(|scanned| scanned.agent.id == agent.id) {
                scanned.findings.slots.push(slot.clone());
            } else {
                let findings = Findings { slots: vec![slot.clone()], ..Findings::default() };
                agents.push(Scanned { agent, findings });
            }
        }
    }

    /// Whether the scan itself found this slot.
    #[must_use]
    pub fn is_real(&self, at: SlotRef) -> bool {
        self.real.get(at.agent).is_some_and(|slots| at.slot < *slots)
    }

    /// How many agents the scan itself found.
    #[must_use]
    pub const fn agents_found(&self) -> usize {
        self.real.len()
    }

    /// The slots that the scan itself found.
    pub fn real_slots(&self) -> impl Iterator<Item = (SlotRef, &'static Agent, &Slot)> {
        self.scan().slots().filter(|(at, ..)| self.is_real(*at))
    }

    /// The last scan.
    #[must_use]
    pub const fn scan(&self) -> &Scan {
        &self.scanning.scan
    }

    /// The home folder, for short paths.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.scanning.home.as_deref()
    }

    /// One slot.
    #[must_use]
    pub fn slot(&self, at: SlotRef) -> Option<&Slot> {
        self.scan().slot(at)
    }

    /// The slot of these names in the last scan.
    #[must_use]
    pub fn find(&self, name: &SlotId) -> Option<SlotRef> {
        self.scan().find(name)
    }

    /// The agent of a slot.
    #[must_use]
    pub fn agent(&self, at: SlotRef) -> Option<&'static Agent> {
        self.scan().agents.get(at.agent).map(|scanned| scanned.agent)
    }

    /// The letter of a key, the same for the whole run; gives one to a key that is new.
    pub fn name_key(&mut self, key: &Secret) -> Tag {
        crate::printer::know([key]);
        letter(&mut self.letters, key)
    }

    /// The letter of a key that has one.
    #[must_use]
    pub fn tag(&self, key: &Secret) -> Option<Tag> {
        self.letters.get(&key.fingerprint("")).copied().map(Tag)
    }

    /// The letter and the masked form: `A sk-ant-…k3Pw (108)`.
    #[must_use]
    pub fn mask(&self, key: &Secret) -> Mask {
        self.catalogue.mask(key)
    }

    /// Mode and age of the file that holds a candidate.
    #[must_use]
    pub fn file(&self, candidate: &Candidate) -> Option<FileFacts> {
        self.scanning.files.get(candidate.place.file()?).copied()
    }

    /// What a key is tested at: the provider's id, or the address where the catalogue has none.
    #[must_use]
    pub fn subject(slot: &Slot) -> String {
        slot.provider.clone().unwrap_or_else(|| match &slot.outcome {
            Outcome::Sends { base_url, .. } => origin(base_url),
            _ => slot.agent_provider.clone(),
        })
    }

    /// The last test of a key in a slot: at the address that the slot sends to where that was tested, else at the
    /// provider.
    #[must_use]
    pub fn test(&self, slot: &Slot, key: &Secret) -> Option<&Test> {
        self.test_there(slot, key).or_else(|| self.tests.get(&Tested::new(&Self::subject(slot), key)))
    }

    /// The last test at the foreign address that the slot sends to.
    #[must_use]
    pub fn test_there(&self, slot: &Slot, key: &Secret) -> Option<&Test> {
        let address = words::foreign(&self.catalogue, slot)?;
        self.tests.get(&Tested::new(&origin(address), key))
    }

    /// Whether the person is asked before the key goes where the slot's agent sends it.
    #[must_use]
    pub fn asks(&self, slot: &Slot, key: &Secret) -> bool {
        test::needs_yes(&self.catalogue, slot, key, &self.scanning.agreed).is_some()
    }

    /// The key that a slot sends, and those that could be sent in its place.
    #[must_use]
    pub fn worth_testing(&self, slot: &Slot) -> Vec<Secret> {
        let sent = slot.sent().map(|sent| sent.key.clone());
        let others = verdicts::others(self.scan(), slot, &self.catalogue);
        let others = others.into_iter().filter(|key| Some(key) != sent.as_ref()).collect::<Vec<_>>();
        sent.into_iter().chain(others).collect()
    }

    /// What the tests of these keys said, as the findings want it.
    #[must_use]
    pub fn verdicts(&self, slot: &Slot) -> Vec<(Secret, Report)> {
        let said = |key: &Secret| {
            let Some(Test::Done(judged)) = self.test(slot, key) else { return None };
            let kind = Kind::from_id(judged.id)?;
            let mut overall = Verdict::without_answer(&Self::subject(slot), kind, judged.meaning.clone());
            overall.status = judged.line.split(' ').next().and_then(|status| status.parse().ok());
            overall.evidence.clone_from(&judged.evidence);
            Some(Report { rows: Vec::new(), overall, untried: judged.untried.clone() })
        };
        let keys = self.worth_testing(slot).into_iter();
        keys.filter_map(|key| said(&key).map(|report| (key, report))).collect()
    }

    /// How many scans there were, and how many answers of tests: with the same numbers, nothing new is known.
    #[must_use]
    pub const fn news(&self) -> (u64, u64) {
        self.news
    }

    /// Notes that a test was asked for.
    pub fn asked(&mut self, tested: Tested, ticket: Ticket) {
        self.tests.insert(tested, Test::Running(ticket));
    }

    /// Takes an answer, unless the test was asked anew or given up.
    pub fn answered(&mut self, tested: &Tested, ticket: Ticket, judged: Judged) -> bool {
        match self.tests.get_mut(tested) {
            Some(test) if *test == Test::Running(ticket) => {
                *test = Test::Done(judged);
                self.news.1 += 1;
                true
            }
            _ => false,
        }
    }

    /// Forgets tests that carry this ticket and have no answer.
    pub fn gave_up(&mut self, ticket: Ticket) {
        self.tests.retain(|_, test| *test != Test::Running(ticket));
    }

    /// How many tests wait for an answer.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tests.values().filter(|test| matches!(test, Test::Running(_))).count()
    }

    /// The state of a slot in one mark and one word.
    #[must_use]
    pub fn status(&self, slot: &Slot) -> Status {
        match &slot.outcome {
            Outcome::NotKnown { .. } => return Status::new("?", Role::Dim, "not known", false),
            Outcome::Hidden { .. } => return Status::new("?", Role::Dim, "hidden", false),
            Outcome::Nothing { .. } => return nothing(slot),
            // A literal of the agent in a slot that nobody set up is no key, and nobody's problem.
            Outcome::Sends { .. } if !slot.in_use && literal(slot) => {
                return Status::new(UNSET, Role::Dim, "none", false);
            }
            Outcome::Sends { .. } => {}
        }
        match slot.sent().and_then(|sent| self.test(slot, &sent.key)) {
            Some(Test::Running(_)) => Status::new("…", Role::Accent, "testing", false),
            Some(Test::Done(judged)) => {
                let (mark, role) = judged.mark();
                Status::new(mark, role, judged.word(), judged.grade != Grade::Works)
            }
            None => untested(slot),
        }
    }

    /// Whether any test was answered.
    #[must_use]
    pub fn tested_any(&self) -> bool {
        self.tests.values().any(|test| matches!(test, Test::Done(_)))
    }

    /// How the connections are, in numbers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (_, _, slot) in self.real_slots() {
            let status = self.status(slot);
            let tested = slot.sent().and_then(|sent| self.test(slot, &sent.key));
            match (status.problem, tested) {
                _ if status.is_unset() => tally.unset += 1,
                (true, _) => tally.fail += 1,
                (false, Some(Test::Done(_))) => tally.work += 1,
                (false, _) if slot.sent().is_some() => tally.untested += 1,
                (false, _) => tally.unknown += 1,
            }
        }
        tally
    }
}

/// Whether what is sent is a word of the agent itself (`None`, `no-key-required`).
fn literal(slot: &Slot) -> bool {
    slot.active_candidate().is_some_and(|candidate| candidate.source == Source::BuiltIn)
}

/// A slot that sends nothing: normal where nothing is set, a problem where something is set and not sent.
fn nothing(slot: &Slot) -> Status {
    let there = slot.candidates.iter().any(|candidate| candidate.value != Value::Unset);
    if worst(slot) == Some(Severity::Fault) || (there && slot.in_use) {
        Status::new("✗", Role::Bad, "sends nothing", true)
    } else if there {
        Status::new("!", Role::Warn, "sends nothing", true)
    } else {
        Status::new(UNSET, Role::Dim, "none", false)
    }
}

fn untested(slot: &Slot) -> Status {
    match worst(slot) {
        Some(Severity::Fault) => Status::new("✗", Role::Bad, "faulty", true),
        Some(Severity::Warn) => Status::new("!", Role::Warn, "look", !only_form(slot)),
        _ => Status::new("○", Role::Text, "untested", false),
    }
}

/// Whether all that is doubtful is the form of the key: worth a look, and no problem until a test says so.
fn only_form(slot: &Slot) -> bool {
    const OF_FORM: [&str; 3] = ["unexpected-length", "unknown-form", "unusual-kind"];
    let active = slot.concerning().flat_map(|candidate| &candidate.lints);
    let doubtful = |lint: &&Lint| lint.severity > Severity::Note;
    slot.lints.iter().chain(active).filter(doubtful).all(|lint| OF_FORM.contains(&lint.id))
}

/// The gravest lint of the slot and of what it sends.
fn worst(slot: &Slot) -> Option<Severity> {
    let own = slot.lints.iter();
    let active = slot.concerning().flat_map(|candidate| &candidate.lints);
    own.chain(active).map(|lint| lint.severity).max()
}

fn letter(letters: &mut HashMap<Fingerprint, usize>, key: &Secret) -> Tag {
    let next = letters.len();
    Tag(*letters.entry(key.fingerprint("")).or_insert(next))
}

/// The candidates of a slot at which something is.
pub fn set(slot: &Slot) -> impl Iterator<Item = (usize, &Candidate)> {
    slot.candidates.iter().enumerate().filter(|(_, candidate)| candidate.value != Value::Unset)
}
