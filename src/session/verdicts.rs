//! What live tests said about the keys of a scan, and which keys are worth a test.

use std::collections::HashMap;

use super::test::{Routes, job};
use super::{Scan, SlotRef};
use crate::finding::Severity;
use crate::hygiene::{self, forms};
use crate::probe::course::{Consent, Job, Report};
use crate::probe::verdict::Kind;
use crate::provider::Catalogue;
use crate::resolve::{Candidate, Outcome, Slot};
use crate::secret::{Fingerprint, Secret};
use crate::source::Source;

/// The verdicts, by connection and key: the same key can be good at one address and refused at another.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(HashMap<(SlotRef, Fingerprint), Report>);

impl Verdicts {
    /// Notes what a test of `key` at `slot` said.
    pub fn note(&mut self, slot: SlotRef, key: &Secret, report: Report) {
        self.0.insert((slot, key.fingerprint("")), report);
    }

    /// What the test said.
    #[must_use]
    pub fn of(&self, slot: SlotRef, key: &Secret) -> Option<&Report> {
        self.0.get(&(slot, key.fingerprint("")))
    }

    /// The verdict alone.
    #[must_use]
    pub fn kind(&self, slot: SlotRef, key: &Secret) -> Option<Kind> {
        self.of(slot, key).map(|report| report.overall.kind)
    }

    /// What the test of the key that a slot sends said.
    #[must_use]
    pub fn sent(&self, at: SlotRef, slot: &Slot) -> Option<&Report> {
        self.of(at, &slot.sent()?.key)
    }
}

/// A test, and the connections that its answer is for.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What makes it the same as another one.
    pub same: Same,
    /// The test.
    pub job: Job,
    /// The connections.
    pub slots: Vec<SlotRef>,
}

/// What makes two tests the same: provider, key, address and header.
pub type Same = (String, Fingerprint, String);

fn same(slot: &Slot, key: &Secret) -> Same {
    let way = match &slot.outcome {
        Outcome::Sends { sent, base_url, .. } => format!("{base_url} {}", sent.header),
        _ => String::new(),
    };
    (slot.provider.clone().unwrap_or_default(), key.fingerprint(""), way)
}

struct Gathering<'a> {
    catalogue: &'a Catalogue,
    consent: Consent,
    trials: Vec<Trial>,
}

impl Gathering<'_> {
    fn add(&mut self, at: SlotRef, slot: &Slot, key: &Secret) {
        let name = same(slot, key);
        if let Some(trial) = self.trials.iter_mut().find(|other| other.same == name) {
            if !trial.slots.contains(&at) {
                trial.slots.push(at);
            }
            return;
        }
        if let Some(job) = job(self.catalogue, slot, key, &Routes::new(), self.consent) {
            self.trials.push(Trial { same: name, job, slots: vec![at] });
        }
    }
}

/// A word of the agent itself (`None`, `no-key-required`) in a slot that is not in use: nobody set it up.
#[must_use]
pub fn idle_literal(slot: &Slot) -> bool {
    !slot.in_use && slot.active_candidate().is_some_and(|candidate| candidate.source == Source::BuiltIn)
}

/// The keys that are sent, each once.
#[must_use]
pub fn of_sent(scan: &Scan, chosen: &[SlotRef], catalogue: &Catalogue, consent: Consent) -> Vec<Trial> {
    let mut all = Gathering { catalogue, consent, trials: Vec::new() };
    for (at, slot) in chosen.iter().filter_map(|at| Some((*at, scan.slot(*at)?))) {
        if let Some(sent) = slot.sent().filter(|_| !idle_literal(slot)) {
            all.add(at, slot, &sent.key);
        }
    }
    all.trials
}

/// How many other keys of one connection are tested.
const OTHERS: usize = 12;

/// Where the key that is sent is refused, or none is: the other keys of the same connection and the clean form of what
/// is sent. They go where the sent one goes.
#[must_use]
pub fn of_others(
    scan: &Scan,
    chosen: &[SlotRef],
    catalogue: &Catalogue,
    consent: Consent,
    done: &Verdicts,
) -> Vec<Trial> {
    let mut all = Gathering { catalogue, consent, trials: Vec::new() };
    for (at, slot) in chosen.iter().filter_map(|at| Some((*at, scan.slot(*at)?))) {
        let dirty = slot.active_candidate().is_some_and(is_dirty);
        let wanting = match done.sent(at, slot) {
            Some(report) => is_bad(report.overall.kind) || dirty,
            None => dirty || slot.in_use && matches!(slot.outcome, Outcome::Nothing { .. }),
        };
        if !wanting {
            continue;
        }
        let untested = others(scan, slot, catalogue).into_iter().filter(|key| done.of(at, key).is_none());
        untested.take(OTHERS).for_each(|key| all.add(at, slot, &key));
    }
    all.trials
}

/// Every key of the chosen connections, sent or not.
#[must_use]
pub fn of_all(scan: &Scan, chosen: &[SlotRef], catalogue: &Catalogue, consent: Consent) -> Vec<Trial> {
    let mut all = Gathering { catalogue, consent, trials: Vec::new() };
    for (at, slot) in chosen.iter().filter_map(|at| Some((*at, scan.slot(*at)?))) {
        for key in slot.candidates.iter().filter_map(|one| one.value.secret()) {
            if hygiene::nature(key, slot.provider.as_deref(), catalogue).is_key() {
                all.add(at, slot, key);
            }
        }
    }
    all.trials
}

/// Whether what is stored is known to be no key as it is, whatever a test of it says: its clean form may be one.
fn is_dirty(candidate: &Candidate) -> bool {
    candidate.lints.iter().any(|lint| lint.severity == Severity::Fault)
}

/// Whether another key may help.
#[must_use]
pub const fn is_bad(kind: Kind) -> bool {
    kind.rejects() || matches!(kind, Kind::NoCredit | Kind::Forbidden | Kind::WrongEndpoint)
}

/// The keys that could be sent in place of the one that is: those of the other candidates, the clean forms, the parts of
/// keys that run together, and keys of the same provider that other connections have.
#[must_use]
pub fn others(scan: &Scan, slot: &Slot, catalogue: &Catalogue) -> Vec<Secret> {
    let provider = slot.provider.as_deref();
    let mut all: Vec<Secret> = Vec::new();
    let mut add = |key: Secret| {
        if !key.is_empty() && !all.contains(&key) {
            all.push(key);
        }
    };
    for text in slot.candidates.iter().filter_map(|one| one.value.secret()) {
        for key in forms(text, provider, catalogue) {
            add(key);
        }
    }
    for spare in super::spares::of(scan, slot, catalogue) {
        add(spare.key);
    }
    all
}
