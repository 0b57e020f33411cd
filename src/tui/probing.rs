//! The wizard's side of the prober: starts it with the first test, remembers who asked, and turns reports into messages.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::host::World;
use crate::host::http::{self, Options, Prober};
use crate::probe::Target;
use crate::probe::course::{self, Consent, Layer, Report, What};
use crate::probe::verdict::{Kind, Verdict};
use crate::session::test::direct;

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

    /// The way of a test: straight to the provider, or after a yes to the address that the agent uses. In the demo
    /// nothing leaves this machine.
    fn course(&self, job: &Job) -> Result<course::Job, Box<Verdict>> {
        let refuse = |why: &str| Box::new(Verdict::without_answer(&job.provider, Kind::Ambiguous, why));
        let provider = self.desk.catalogue.get(&job.provider);
        let provider = provider.ok_or_else(|| refuse("No test is on record for this provider."))?;
        if let Some(base) = &job.base_url {
            if !self.desk.routes.is_empty() {
                return Err(refuse("The demo sends nothing to other addresses."));
            }
            let target = Target { base: Some(base.clone()), asked: false, header: None };
            let layers = vec![Layer { what: What::Configured, target }];
            let consent = Consent { elsewhere: true, ..Consent::default() };
            return Ok(course::Job { provider: job.provider.clone(), key: job.key.clone(), layers, consent });
        }
        let course = direct(provider, &job.key, &self.desk.routes);
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
            let judged = Judged::of(&report.overall);
            let _ = sender.send(Wake::of(Message::Judged(ticket, tested, judged)));
        }
    })
}
