//! From a finding to the ways out of it, the best first.
//!
//! A remedy that writes is tried before it is offered: its plan is laid over the world and the agent's own rules are asked
//! again ([`crate::plan`]). One that would not change what is sent is not offered, and neither is one that would send a key
//! that a test has refused. A new key comes last.

use crate::finding::{self, Way};
use crate::hygiene::{self, Nature, forms};
use crate::plan::{self, At, Plan, Prediction};
use crate::probe::verdict::Kind;
use crate::resolve::Candidate;
use crate::secret::Secret;
use crate::source::{Place, Source};

mod case;
mod words;

pub use case::{Act, Case, Forecast, Remedy, Spare};

/// The ways out of a finding, best first.
#[must_use]
pub fn remedies(case: Case<'_>) -> Vec<Remedy> {
    let mut ways: Vec<Way> = Vec::new();
    for way in case.findings.iter().filter_map(|id| finding::find(id)).flat_map(|kind| &kind.remedies) {
        if !ways.contains(way) {
            ways.push(*way);
        }
    }
    let mut all: Vec<Remedy> = ways.into_iter().flat_map(|way| case.of(way)).collect();
    all.sort_by_key(|remedy| remedy.forecast);
    all
}

/// How many keys of other connections are offered for one.
const SPARES: usize = 3;

impl Case<'_> {
    fn of(&self, way: Way) -> Vec<Remedy> {
        match way {
            Way::Use => self.using(),
            Way::Clean | Way::Split => self.rewriting(way),
            Way::Adopt => self.adopting(),
            Way::Remove => self.removing().into_iter().collect(),
            Way::Unblock => self.unblocking(),
            Way::Correct => self.correcting(),
            Way::Tighten => self.tightening().into_iter().collect(),
            Way::Store => self.storing().into_iter().collect(),
            Way::Restart => self.restarting(),
            _ => self.telling(way).into_iter().collect(),
        }
    }

    fn at(&self, n: usize) -> At<'_> {
        At { context: self.context, agent: self.agent, slot: self.slot, n }
    }

    /// What would come of sending this key, or none if a test refused it.
    fn forecast(&self, key: &Secret) -> Option<Forecast> {
        match (self.tested)(key) {
            Some(Kind::Valid) => Some(Forecast::Works),
            Some(kind) if kind.says_nothing() => Some(Forecast::Sends),
            None => Some(Forecast::Sends),
            Some(_) => None,
        }
    }

    /// Whether the text of a candidate can be sent as it is.
    fn is_sendable(&self, candidate: &Candidate) -> bool {
        let Some(key) = candidate.value.secret() else { return false };
        let nature = hygiene::nature(key, self.slot.provider.as_deref(), self.context.catalogue);
        let any_form = self.provider().is_none();
        let broken = candidate.lints.iter().any(|lint| lint.severity == crate::finding::Severity::Fault);
        (nature.is_key() || any_form && nature == Nature::Word) && !broken
    }

    /// The other candidates of the connection.
    fn using(&self) -> Vec<Remedy> {
        let rows = self.slot.candidates.iter().enumerate();
        let rows = rows.filter(|(n, one)| self.slot.active != Some(*n) && self.is_sendable(one));
        let mut seen: Vec<&Secret> = self.slot.sent().map(|sent| &sent.key).into_iter().collect();
        let mut all = Vec::new();
        for (n, one) in rows {
            let Some(key) = one.value.secret().filter(|key| !seen.contains(key)) else { continue };
            seen.push(key);
            let Some(forecast) = self.forecast(key) else { continue };
            let (world, catalogue) = (self.context.world, self.context.catalogue);
            let chosen = plan::use_candidate(world, catalogue, self.agent, self.slot, n).ok();
            let chosen = chosen.filter(|plan| plan.is_sent() && !plan.guarded);
            let copies = chosen.as_ref().is_none_or(|plan| !plan.places.is_empty());
            let over = if copies { self.over_refused(key) } else { None };
            let title = words::using(self, n, one, forecast, over.as_ref());
            let Some(plan) = over.or(chosen) else { continue };
            all.push(Remedy { way: Way::Use, title, forecast, act: write(plan, Some(key.clone())) });
        }
        all
    }

    /// Where a good key has to be copied at all, it goes over the one that was refused: nothing is lost, and no second
    /// setting decides from then on.
    fn over_refused(&self, key: &Secret) -> Option<Plan> {
        let sent = &self.slot.sent()?.key;
        let refused = (self.tested)(sent).is_some_and(|kind| kind.rejects() || kind == Kind::WrongEndpoint);
        let active = self.slot.active.filter(|_| refused)?;
        let one = self.slot.candidates.get(active)?;
        let (world, login) = (self.context.world, self.is_login());
        if login || plan::is_shared(world, &one.place) {
            return None;
        }
        plan::replace(self.at(active), key).ok().filter(Plan::is_sent)
    }

    /// The candidates whose text the finding can be about: the one named, else those that are sent.
    fn concerned(&self) -> Vec<usize> {
        if let Some(n) = self.candidate {
            return vec![n];
        }
        let is = |one: &Candidate| self.slot.concerning().any(|other| std::ptr::eq(other, one));
        let all = self.slot.candidates.iter().enumerate();
        all.filter(|(_, one)| is(one)).map(|(n, _)| n).collect()
    }

    /// The key without what is around it, or one of those that run together.
    fn rewriting(&self, way: Way) -> Vec<Remedy> {
        let mut all = Vec::new();
        for n in self.concerned() {
            let Some(text) = self.slot.candidates.get(n).and_then(|one| one.value.secret()) else { continue };
            let parts = hygiene::parts(text, self.context.catalogue);
            let fits = match way {
                Way::Split => !parts.is_empty(),
                _ => parts.is_empty(),
            };
            if !fits {
                continue;
            }
            let written = self.written_at(n, text);
            for key in forms(text, self.slot.provider.as_deref(), self.context.catalogue) {
                let sent_as_it_is = self.slot.sent().is_some_and(|sent| sent.key == key);
                let Some(forecast) = self.forecast(&key).filter(|_| key != *text) else { continue };
                let forecast = if sent_as_it_is { Forecast::Mends } else { forecast };
                for at in &written {
                    let Ok(plan) = plan::replace(self.at(*at), &key) else { continue };
                    let sends = plan.is_sent();
                    let outside = *at != n;
                    if sends || outside {
                        let title = words::rewriting(self, way, *at, &key, (forecast, outside));
                        all.push(Remedy { way, title, forecast, act: write(plan, Some(key.clone())) });
                        break;
                    }
                }
            }
        }
        all
    }

    /// Where a candidate's text is written: its own place, or, for a variable of this shell, the file that sets it.
    fn written_at(&self, n: usize, text: &Secret) -> Vec<usize> {
        let rows = || self.slot.candidates.iter().enumerate();
        let in_shell = rows().any(|(at, one)| at == n && matches!(one.place, Place::Env { .. }));
        if !in_shell {
            return vec![n];
        }
        let sets = |one: &Candidate| {
            matches!(one.source, Source::Shell | Source::Systemd) && one.value.secret() == Some(text)
        };
        rows().filter(|(_, one)| sets(one)).map(|(at, _)| at).collect()
    }

    /// A key of the same provider that another connection has.
    fn adopting(&self) -> Vec<Remedy> {
        let mut all = Vec::new();
        // Each one is tried on the agent's rules, and nobody reads a list of a hundred keys: those that work come first.
        let mut known: Vec<(Forecast, &Spare)> =
            self.spares.iter().filter_map(|spare| Some((self.forecast(&spare.key)?, spare))).collect();
        known.sort_by_key(|(forecast, _)| *forecast);
        known.truncate(SPARES);
        for (forecast, spare) in known {
            let (world, catalogue) = (self.context.world, self.context.catalogue);
            let (offered, default) = plan::destinations(world, catalogue, self.agent, self.slot, &spare.key);
            let Some(offered) = default.and_then(|at| offered.into_iter().nth(at)) else { continue };
            let to = &offered.destination;
            let Ok(plan) = plan::build(world, catalogue, self.agent, self.slot, to, &spare.key) else {
                continue;
            };
            let plan = plan::telling_losses(world, catalogue, self.agent, plan, &spare.key);
            let title = words::adopting(self, spare, &to.place, forecast);
            all.push(Remedy { way: Way::Adopt, title, forecast, act: write(plan, Some(spare.key.clone())) });
        }
        all
    }

    fn removing(&self) -> Option<Remedy> {
        let n = self.candidate?;
        let one = self.slot.candidates.get(n)?;
        let plan = plan::remove(self.at(n)).ok().filter(|plan| !plan.guarded)?;
        let sends_now = self.slot.sent();
        let forecast = match plan.prediction()? {
            Prediction::SendsOther { .. } => Forecast::Sends,
            // Taking the last key away is no way out.
            Prediction::SendsNothing { .. } | Prediction::NotKnown { .. } if sends_now.is_some() => {
                return None;
            }
            _ => Forecast::Mends,
        };
        let title = format!("remove {}", words::place(self, one));
        Some(Remedy { way: Way::Remove, title, forecast, act: write(plan, None) })
    }

    /// A waiting time, of any candidate whose key no test refused.
    fn unblocking(&self) -> Vec<Remedy> {
        let all: Vec<usize> = match self.candidate {
            Some(n) => vec![n],
            None => (0..self.slot.candidates.len()).collect(),
        };
        let mut found = Vec::new();
        for n in all {
            let Some(one) = self.slot.candidates.get(n) else { continue };
            let key = one.value.secret();
            let Some(forecast) = key.map_or(Some(Forecast::Sends), |key| self.forecast(key)) else {
                continue;
            };
            let Ok(plan) = plan::unblock(self.at(n)) else { continue };
            let title = words::unblocking(self, one);
            found.push(Remedy { way: Way::Unblock, title, forecast, act: write(plan, key.cloned()) });
        }
        found
    }

    /// A setting with which the agent does not start, where a key is sent once it is corrected.
    fn correcting(&self) -> Vec<Remedy> {
        let plans = self.candidate.map_or_else(Vec::new, |n| plan::correct(self.at(n)));
        let remedies = plans.into_iter().filter_map(|plan| {
            let sends =
                matches!(plan.prediction()?, Prediction::SendsOther { .. } | Prediction::StillSends { .. });
            let title = plan.title.clone();
            sends.then(|| Remedy {
                way: Way::Correct,
                title,
                forecast: Forecast::Sends,
                act: write(plan, None),
            })
        });
        remedies.collect()
    }

    fn tightening(&self) -> Option<Remedy> {
        let rows = self.slot.candidates.iter().enumerate();
        let mut rows = rows.filter(|(n, _)| self.candidate.is_none_or(|wanted| wanted == *n));
        let (plan, file) = rows.find_map(|(_, one)| {
            let file = one.place.file()?;
            Some((plan::tighten(self.context, file).ok()?, file.to_owned()))
        })?;
        let shown = crate::source::tilde(&file, self.context.world.home());
        let title = format!("close {shown} to other users");
        Some(Remedy { way: Way::Tighten, title, forecast: Forecast::Mends, act: write(plan, None) })
    }

    /// The key of this shell, put where the agent reads it however it is started.
    fn storing(&self) -> Option<Remedy> {
        let key = &self.slot.sent()?.key;
        let from = self.slot.active_candidate().filter(|one| matches!(one.place, Place::Env { .. }))?;
        let forecast = self.forecast(key).map(|_| Forecast::Mends)?;
        let (world, catalogue) = (self.context.world, self.context.catalogue);
        let (offered, default) = plan::destinations(world, catalogue, self.agent, self.slot, key);
        // Where the shell's variable wins in any case, no place becomes the one that is sent from here.
        let own = |to: &plan::Offered| !plan::is_shared(world, &to.destination.place);
        let to = default.or_else(|| offered.iter().position(own)).and_then(|at| offered.get(at))?;
        let plan = plan::build(world, catalogue, self.agent, self.slot, &to.destination, key).ok()?;
        let plan = plan::telling_losses(world, catalogue, self.agent, plan, key);
        let title = words::storing(self, from, &to.destination.place);
        Some(Remedy { way: Way::Store, title, forecast, act: write(plan, Some(key.clone())) })
    }

    /// Whatever runs with another key is started again.
    fn restarting(&self) -> Vec<Remedy> {
        let remedy = |(what, command): &(String, Vec<String>)| Remedy {
            way: Way::Restart,
            title: format!("restart {what}"),
            forecast: Forecast::Mends,
            act: Act::Run { command: command.clone() },
        };
        self.stale.iter().map(remedy).collect()
    }

    /// What only the person can do.
    fn telling(&self, way: Way) -> Option<Remedy> {
        let (title, how) = words::telling(self, way)?;
        let forecast = if way == Way::NewKey { Forecast::NewKey } else { Forecast::Person };
        Some(Remedy { way, title, forecast, act: Act::Person { how } })
    }
}

fn write(plan: Plan, key: Option<Secret>) -> Act {
    Act::Write { plan: Box::new(plan), key }
}
