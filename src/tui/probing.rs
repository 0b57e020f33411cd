//! The wizard's side of the prober: starts it with the first test, remembers who asked, and turns reports into messages.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::host::World;
use crate::host::http::{self, Options, Prober};
use crate::probe::course::{self, Consent, Report};
use crate::probe::verdict::{Kind, Verdict};
use crate::session::test;

use super::app::{Job, Message, Ticket};
use super::known::{Judged, Tested};
use super::{Desk, Wake};

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

    /// The ways of a test: straight to the provider, and after a yes the address that the agent uses and the company's
    /// other addresses. In the demo nothing leaves this machine.
    fn course(&self, job: &Job) -> Result<course::Job, Box<Verdict>> {
        let refuse = |why: &str| Box::new(Verdict::without_answer(&job.provider, Kind::Ambiguous, why));
        let provider = self.desk.catalogue.get(&job.provider);
        let provider = provider.ok_or_else(|| refuse("No test is on record for this provider."))?;
        let routes = &self.desk.routes;
        if !routes.is_empty() && (job.siblings || job.through.is_some()) {
            return Err(refuse("The demo sends nothing to other addresses."));
        }
        let consent = Consent { elsewhere: job.through.is_some(), siblings: job.siblings, spend: false };
        let through = job
            .through
            .as_ref()
            .and_then(|slot| test::job(&self.desk.catalogue, slot, &job.key, routes, consent));
        let course = through.unwrap_or_else(|| test::direct(provider, &job.key, routes).allowing(consent));
        let stays = course.layers.iter().all(|layer| layer.target.base.is_some());
        if self.desk.routes.is_empty() || stays {
            Ok(course)
        } else {
            Err(refuse("The demo does not play this provider, and sends nothing over the network."))
        }
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
