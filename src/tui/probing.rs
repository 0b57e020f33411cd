//! The wizard's side of the prober: starts it with the first test, remembers who asked, and turns reports into messages.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::host::consents::Consents;
use crate::host::http::{self, Options, Prober};
use crate::probe::course::{self, Consent, Report};
use crate::probe::verdict::{Kind, Verdict};
use crate::provider::{Provider, authority};
use crate::resolve::Outcome;
use crate::session::test;
use crate::world::World as _;

use super::desk::{Desk, Wake};
use super::known::Ticket;
use super::known::{Judged, Tested};
use super::message::{Job, Message, Yes};

/// Who waits for which test.
type Asked = Arc<Mutex<HashMap<http::Ticket, (Ticket, Tested)>>>;

/// Runs tests in the background.
pub(super) struct Probing {
    desk: Desk,
    sender: Sender<Wake>,
    prober: Option<Prober>,
    asked: Asked,
}

impl Probing {
    /// Nothing runs before the first test.
    pub(super) fn new(desk: Desk, sender: Sender<Wake>) -> Self {
        Self { desk, sender, prober: None, asked: Asked::default() }
    }

    /// Starts tests, side by side.
    pub(super) fn start(&mut self, ticket: Ticket, jobs: Vec<Job>) {
        for job in jobs {
            match self.course(&job) {
                Ok(course) => self.run(ticket, job.tested, course),
                Err(verdict) => self.send(ticket, job.tested, Judged::of(&verdict)),
            }
        }
    }

    fn run(&mut self, ticket: Ticket, tested: Tested, job: course::Job) {
        let asked = Arc::clone(&self.asked);
        // Held until the ticket is noted, so that an answer cannot come before.
        let mut noted = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let prober = self.prober.get_or_insert_with(|| start(&self.desk, self.sender.clone(), &self.asked));
        noted.insert(prober.run(job), (ticket, tested));
    }

    /// Stops the tests of a ticket.
    pub(super) fn cancel(&self, ticket: Ticket) {
        let Some(prober) = &self.prober else { return };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|running, (own, _)| {
            let stops = *own == ticket;
            if stops {
                prober.cancel(*running);
            }
            !stops
        });
    }

    fn send(&self, ticket: Ticket, tested: Tested, judged: Judged) {
        // The loop is gone when this fails; nobody waits for the answer.
        let _ = self.sender.send(Wake::of(Message::Judged(ticket, tested, judged)));
    }

    /// The hosts that the key may go to: those of the list, to which a yes of just now is added, and the provider's own
    /// after a yes to it.
    fn agreed(&self, job: &Job, provider: &Provider) -> Vec<String> {
        let world = (self.desk.world)();
        let consents = Consents::of(&world);
        if let (Yes::Agent, Outcome::Sends { base_url, .. }) = (job.yes, &job.slot.outcome)
            && let Some(host) = authority(base_url)
        {
            // A list that cannot be written forgets the yes; the next test asks again.
            let _ = consents.add(host, world.now_ms());
        }
        let mut agreed = consents.hosts();
        if job.yes != Yes::Unasked {
            agreed.extend(provider.authorities().map(ToOwned::to_owned));
        }
        agreed
    }

    /// The ways of a test: straight to the provider, and after a yes the address that the agent uses and the company's
    /// other addresses. In the demo nothing is sent beyond this machine.
    fn course(&self, job: &Job) -> Result<course::Job, Box<Verdict>> {
        let refuse = |why: &str| Box::new(Verdict::without_answer(&job.provider, Kind::Ambiguous, why));
        let provider = self.desk.catalogue.get(&job.provider);
        let provider = provider.ok_or_else(|| refuse("No test is known for this provider."))?;
        let routes = &self.desk.routes;
        if !routes.is_empty() && (job.siblings || job.yes == Yes::Agent) {
            return Err(refuse("The demo sends nothing to other addresses."));
        }
        let consent = Consent { elsewhere: job.yes == Yes::Agent, siblings: job.siblings, spend: false };
        let agreed = self.agreed(job, provider);
        let mut course = test::job(&self.desk.catalogue, &job.slot, &job.key, routes, consent)
            .unwrap_or_else(|| test::direct(provider, &job.key, routes).allowing(consent))
            .agreeing(&agreed);
        if !routes.is_empty() {
            course.layers.retain(|layer| layer.target.trusted);
        }
        if course.layers.is_empty() {
            return Err(refuse("The demo does not play this provider, and sends nothing over the network."));
        }
        Ok(course)
    }
}

fn start(desk: &Desk, sender: Sender<Wake>, asked: &Asked) -> Prober {
    let world = (desk.world)();
    let options = Options::from_env(|name| world.var(name).map(ToOwned::to_owned));
    let asked = Arc::clone(asked);
    Prober::start(Arc::clone(&desk.catalogue), options, move |running, report: Report| {
        let waiting = asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&running);
        if let Some((ticket, tested)) = waiting {
            let judged = Judged::of_report(&report);
            let _ = sender.send(Wake::of(Message::Judged(ticket, tested, judged)));
        }
    })
}
