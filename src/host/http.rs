//! Sends probes and tells what came of them.
//!
//! One thread with its own tokio runtime, a bounded number of connections, results through a callback, so that scripts
//! and the wizard use the same. Redirects are never followed; a key is sent over https alone, except to this machine;
//! the machine's proxies and certificates are used and named in the evidence. A client that cannot be built is a
//! verdict like any other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::probe::course::{Job, Report};
use crate::provider::Catalogue;

mod client;
mod walk;

pub use client::Options;

/// The number of a running job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

enum Command {
    Run(Ticket, Box<Job>),
    Cancel(Ticket),
    CancelAll,
}

/// Runs jobs in the background.
#[derive(Debug)]
pub struct Prober {
    commands: UnboundedSender<Command>,
    next: AtomicU64,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}

impl Prober {
    /// Starts the thread. `done` is called on it with each result; a cancelled job has none.
    #[must_use]
    pub fn start(
        catalogue: Arc<Catalogue>,
        options: Options,
        done: impl FnMut(Ticket, Report) + Send + 'static,
    ) -> Self {
        let (commands, receiver) = unbounded_channel();
        let work = move || serve(catalogue, options, receiver, done);
        // Without a thread every job stays unanswered; the sender then reports nothing and the callers' time-outs tell.
        let _ = std::thread::Builder::new().name("probes".into()).spawn(work);
        Self { commands, next: AtomicU64::new(1) }
    }

    /// Starts a job; its result comes through the callback with this ticket.
    pub fn run(&self, job: Job) -> Ticket {
        let ticket = Ticket(self.next.fetch_add(1, Ordering::Relaxed));
        let _ = self.commands.send(Command::Run(ticket, Box::new(job)));
        ticket
    }

    /// Stops a job at once; nothing more comes of it.
    pub fn cancel(&self, ticket: Ticket) {
        let _ = self.commands.send(Command::Cancel(ticket));
    }

    /// Stops all jobs.
    pub fn cancel_all(&self) {
        let _ = self.commands.send(Command::CancelAll);
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().max_blocking_threads(32).build()
}

fn serve(
    catalogue: Arc<Catalogue>,
    options: Options,
    receiver: UnboundedReceiver<Command>,
    mut done: impl FnMut(Ticket, Report),
) {
    let Ok(runtime) = runtime() else { return };
    runtime.block_on(listen(Arc::new(walk::Walker::new(catalogue, options)), receiver, &mut done));
    // A name that is being looked up must not hold the end of the program.
    runtime.shutdown_background();
}

async fn listen(
    walker: Arc<walk::Walker>,
    mut commands: UnboundedReceiver<Command>,
    done: &mut impl FnMut(Ticket, Report),
) {
    let (results, mut finished) = unbounded_channel::<(Ticket, Report)>();
    let mut running: HashMap<Ticket, AbortHandle> = HashMap::new();
    loop {
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                None => return,
                Some(Command::Run(ticket, job)) => {
                    let (walker, results) = (Arc::clone(&walker), results.clone());
                    let task = tokio::spawn(async move {
                        let _ = results.send((ticket, walker.walk(*job).await));
                    });
                    running.insert(ticket, task.abort_handle());
                }
                Some(Command::Cancel(ticket)) => stop(running.remove(&ticket)),
                Some(Command::CancelAll) => running.drain().for_each(|(_, task)| stop(Some(task))),
            },
            Some((ticket, report)) = finished.recv() => {
                // A job that was cancelled while its result was on the way has none.
                if running.remove(&ticket).is_some() {
                    done(ticket, report);
                }
            }
        }
    }
}

fn stop(task: Option<AbortHandle>) {
    if let Some(task) = task {
        task.abort();
    }
}

/// Runs jobs together and waits for all of them; the results are in the order of the jobs.
#[must_use]
pub fn run_all(catalogue: Arc<Catalogue>, options: Options, jobs: Vec<Job>) -> Vec<Report> {
    let walker = Arc::new(walk::Walker::new(catalogue, options));
    let Ok(runtime) = runtime() else {
        return jobs.iter().map(|job| walk::not_run(job, "this system gave no resources for it")).collect();
    };
    let reports = runtime.block_on(async {
        let tasks: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                let (walker, lost) = (Arc::clone(&walker), walk::not_run(&job, "it was stopped"));
                (tokio::spawn(async move { walker.walk(job).await }), lost)
            })
            .collect();
        let mut reports = Vec::with_capacity(tasks.len());
        for (task, lost) in tasks {
            reports.push(task.await.unwrap_or(lost));
        }
        reports
    });
    runtime.shutdown_timeout(Duration::ZERO);
    reports
}
