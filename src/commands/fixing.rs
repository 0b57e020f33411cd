//! `fix`: the best way out of each finding, worst first, reviewed, tested, written, and looked at again.

use serde::Serialize;

use super::checking::{Tester, count, finding_text, fix_command, remedy_line};
use super::looking::{selector, slots_of, slots_or_none, whole_scan};
use super::writing::{self, Bringing, PlanJson};
use super::{Desk, Exit, Failure, print, print_json};
use crate::agents::Context;
use crate::cli;
use crate::finding::Severity;
use crate::finding::Way;
use crate::host::RealWorld;
use crate::plan::Plan;
use crate::probe::course::Consent;
use crate::remedy::{Act, Forecast, Remedy};
use crate::report::{self, FindingJson, SCHEMA, plain};
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::diagnosis::{self, Found, Words};
use crate::session::verdicts::Verdicts;
use crate::session::{Scan, Selector, SlotRef};
use crate::world::World as _;

/// More rounds than a machine has findings.
const ROUNDS: usize = 200;

#[derive(Serialize)]
struct FixJson {
    schema: u32,
    /// What was written, in order.
    done: Vec<DoneJson>,
    /// What is left, with the ways out.
    findings: Vec<FindingJson>,
    problems: usize,
}

#[derive(Serialize)]
struct DoneJson {
    finding: &'static str,
    remedy: &'static str,
    title: String,
    plan: PlanJson,
}

/// The machine as it is now, and what is wrong.
struct Look {
    world: RealWorld,
    scan: Scan,
    chosen: Vec<SlotRef>,
    verdicts: Verdicts,
    found: Vec<Found>,
}

/// `keymend fix`.
pub(super) fn fix(desk: &Desk, args: &cli::Fix) -> Result<Exit, Failure> {
    if let Some(id) = args.finding.as_deref().filter(|id| crate::finding::find(id).is_none()) {
        return Err(super::looking::no_finding(id));
    }
    let mut fixing = Fixing {
        desk,
        args,
        tester: Tester::new(desk, Consent::default()),
        passed: Vec::new(),
        done: Vec::new(),
        declined: false,
    };
    fixing.all()
}

struct Fixing<'a> {
    desk: &'a Desk,
    args: &'a cli::Fix,
    tester: Tester<'a>,
    /// Findings that were dealt with or left, by id and sentence.
    passed: Vec<(&'static str, String)>,
    done: Vec<DoneJson>,
    declined: bool,
}

impl Fixing<'_> {
    fn all(&mut self) -> Result<Exit, Failure> {
        let mut look = self.look()?;
        for _ in 0..ROUNDS {
            let Some(found) = self.next(&look) else { break };
            self.passed.push((found.id, found.message.clone()));
            if self.mend(&look, &found)? {
                look = self.look()?;
            }
        }
        self.close(&look)
    }

    fn look(&mut self) -> Result<Look, Failure> {
        let world = self.desk.world();
        let chosen = self.args.slot.as_deref();
        let selector = match chosen {
            Some(asked) => selector(self.desk, asked, self.args.profile.as_ref())?,
            None => Selector { profile: self.args.profile.clone(), ..Selector::default() },
        };
        let scan = whole_scan(self.desk, &world, &selector)?;
        let chosen = match chosen {
            Some(asked) if asked.contains('/') => slots_of(self.desk, &scan, &selector, asked)?,
            asked => slots_or_none(self.desk, &scan, &selector, asked)?,
        };
        let untested = self.desk.offline || self.args.no_test;
        let verdicts = if untested { Verdicts::default() } else { self.tester.test(&scan, &chosen) };
        let only = selector.agent.as_deref();
        let words = Words { scan: &scan, catalogue: &self.desk.catalogue, home: world.home(), only };
        let found = diagnosis::findings(words, &chosen, &verdicts);
        Ok(Look { world, scan, chosen, verdicts, found })
    }

    fn is_wanted(&self, found: &Found) -> bool {
        match &self.args.finding {
            Some(id) => crate::finding::find(id).is_some_and(|kind| kind.id == found.id),
            None => found.problem || found.severity >= Severity::Warn,
        }
    }

    /// The worst finding that was not dealt with yet.
    fn next(&self, look: &Look) -> Option<Found> {
        let passed =
            |found: &Found| self.passed.iter().any(|(id, said)| *id == found.id && *said == found.message);
        look.found.iter().find(|found| self.is_wanted(found) && !passed(found)).cloned()
    }

    /// Whether something was written.
    fn mend(&mut self, look: &Look, found: &Found) -> Result<bool, Failure> {
        let context = Context { world: &look.world, catalogue: &self.desk.catalogue };
        let remedies = diagnosis::remedies(context, &look.scan, found, &look.verdicts);
        let words =
            Words { scan: &look.scan, catalogue: &self.desk.catalogue, home: look.world.home(), only: None };
        if !self.args.write.json {
            print(&finding_text(words, found, None))?;
        }
        for remedy in &remedies {
            match &remedy.act {
                Act::Write { plan, key } => {
                    if let Some(written) = self.offer(look, found, remedy, (plan, key.as_ref()))? {
                        return Ok(written);
                    }
                }
                Act::Run { command } => return self.restart(remedy, command),
                Act::Person { .. } => {
                    if !self.args.write.json {
                        print(&format!("    {}\n", remedy_line(&look.scan, found, remedy)))?;
                    }
                    return Ok(false);
                }
            }
        }
        if remedies.is_empty() && !self.args.write.json {
            let text = crate::finding::find(found.id).map_or("", |kind| kind.text.as_str());
            print(&format!("    → {}\n", plain(text)))?;
        }
        Ok(false)
    }

    /// Shows a plan and writes it, or none if the key was refused and the next remedy is to be tried.
    fn offer(
        &mut self,
        look: &Look,
        found: &Found,
        remedy: &Remedy,
        (plan, key): (&Plan, Option<&Secret>),
    ) -> Result<Option<bool>, Failure> {
        let write = &self.args.write;
        if self.is_a_guess(remedy) {
            if !write.json {
                print(&format!(
                    "    → {}: several keys are possible and none could be tested\n",
                    plain(&remedy.title)
                ))?;
            }
            return Ok(None);
        }
        if !write.json {
            print(&format!("    → {}\n\n", plain(&remedy.title)))?;
        }
        let slot = found.slots.first().and_then(|at| look.scan.slot(*at));
        if remedy.forecast == Forecast::Sends
            && let (Some(slot), Some(key)) = (slot, key)
            && let Err(failure) = self.tested(slot, key)
        {
            if !write.json {
                print(&format!("    {}; not written\n", plain(&failure.message)))?;
            }
            return Ok(None);
        }
        let nothing = Secret::new("");
        let key = Bringing { new: key.unwrap_or(&nothing), from_clipboard: None };
        let (exit, json) = writing::done(self.desk, &look.world, plan, &key, write)?;
        let written = matches!(exit, Exit::Fine | Exit::Problems) && !write.dry_run;
        if let Some(plan) = json.filter(|_| written) {
            let title = plain(&remedy.title);
            self.done.push(DoneJson { finding: found.id, remedy: remedy.way.id(), title, plan });
        }
        self.declined |= exit == Exit::Declined;
        Ok(Some(written))
    }

    /// Starts something again, on a yes or `--restart`; whether that helped is what the next look says.
    fn restart(&mut self, remedy: &Remedy, command: &[String]) -> Result<bool, Failure> {
        let write = &self.args.write;
        if !write.json {
            print(&format!("    → {}: {}\n", plain(&remedy.title), plain(&command.join(" "))))?;
        }
        // A restart ends what is under way: `--yes` alone is about writes.
        let unasked = write.yes || write.json || write.dry_run;
        if !write.restart && (unasked || !super::ask("Restart it now?")?) {
            return Ok(false);
        }
        if write.dry_run {
            return Ok(false);
        }
        match crate::host::restart::run(command) {
            Ok(()) => Ok(true),
            Err(error) => {
                print(&format!("    ! {}\n", plain(&error.to_string())))?;
                Ok(false)
            }
        }
    }

    /// Of several keys in one text, which one is meant cannot be told without a test; nobody says yes to a guess unasked.
    fn is_a_guess(&self, remedy: &Remedy) -> bool {
        remedy.way == Way::Split && remedy.forecast != Forecast::Works && self.args.write.yes
    }

    fn tested(&self, slot: &Slot, key: &Secret) -> Result<(), Failure> {
        let from = cli::KeyFrom { stdin: false, clipboard: false, vault: None };
        let test = cli::NewKey { from, no_test: self.args.no_test, base_url: None };
        writing::tested(self.desk, slot, key, &test, &self.args.write)
    }

    fn close(&mut self, look: &Look) -> Result<Exit, Failure> {
        let wanted: Vec<&Found> = look.found.iter().filter(|found| self.is_wanted(found)).collect();
        let problems = wanted.iter().filter(|found| found.problem).count();
        if self.args.write.json {
            let context = Context { world: &look.world, catalogue: &self.desk.catalogue };
            let findings = wanted.iter().map(|found| {
                let remedies = diagnosis::remedies(context, &look.scan, found, &look.verdicts);
                report::finding_json(&look.scan, found, &remedies, &fix_command(&look.scan, found))
            });
            let findings = findings.collect();
            let done = std::mem::take(&mut self.done);
            print_json(&FixJson { schema: SCHEMA, done, findings, problems })?;
        } else if wanted.is_empty() {
            let all = look.chosen.len();
            print(&format!("✓ {}, nothing to mend\n", count(all, "connection")))?;
        } else {
            print(&format!("{} left\n", count(problems, "problem")))?;
        }
        Ok(match (problems, self.declined) {
            (0, false) => Exit::Fine,
            (0, true) => Exit::Declined,
            _ => Exit::Problems,
        })
    }
}
