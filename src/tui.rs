//! The wizard in the terminal. The files under `tui/` are pure; this one runs their effects.
//!
//! Reading order: [`known`] (what the screens know), [`message`] (what goes in and out), [`core`] (what all screens share),
//! [`keys`] (the one table of keys), [`screen`] (what a screen can do), one file for each screen, and [`app`], which knows
//! them all. Here: three kinds of threads and one channel. The input thread turns terminal
//! events into messages (a paste without an end freezes it, and only it); each effect runs on its own thread with
//! its own world; the loop owns the model, takes messages, and draws when something changed.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crossterm::event;

use crate::exit::{self, Exit};
use crate::host::clipboard::{self};
use crate::host::consents::Consents;
use crate::host::journal::{Journal, State};
use crate::host::writer::{ApplyError, Back};
use crate::host::{charset, console, output};
use crate::plan::{self, Plan, PlanError};
use crate::secret::Secret;
use crate::session::plausible::{plausible, without_place};
use crate::session::write::{self as bench, WriteFailure, Written};
use crate::session::{self, holding, past};
use crate::settings::Settings;
use crate::world::World;

use app::{Model, update, view};
use core::Options;
use desk::Wake;
pub use desk::{Clipboard, Desk};
use intake::Intake;
use known::Ticket;
use known::{FileFacts, Scanning};
use message::{Answer, Ask, Effect, Failure, Message, Past, Undoing};
use probing::Probing;
use terminal::Guard;

pub mod app;
pub mod compare;
pub mod core;
mod desk;
mod everywhere;
pub mod explain;
pub mod fix;
pub mod help;
pub mod history;
pub mod home;
pub mod intake;
pub mod keys;
pub mod keyview;
pub mod known;
mod mending;
pub mod message;
mod palette;
pub mod parts;
mod probing;
pub mod screen;
pub mod setup;
pub mod slotview;
pub mod terminal;
pub mod testall;
pub mod theme;
pub mod undo;
pub mod way_out;
mod ways;
pub mod where_to;
mod whose;
pub mod wizard;
pub mod words;

/// How a run ends whose window was closed.
const CLOSED: Exit = Exit::Signal(exit::HANGUP);
/// How long the first frame waits for the first scan.
const FIRST_FRAME: Duration = Duration::from_millis(20);
/// The time between two frames of a spinner.
const FRAME: Duration = Duration::from_millis(100);
/// How often the loop looks whether the input thread still turns.
const LOOK_AFTER_INPUT: Duration = Duration::from_secs(1);
/// How long one wait of the input thread may take; it shows a sign of life after each.
const INPUT_WAIT: Duration = Duration::from_millis(500);
/// Without a sign of life for this long, a paste is open.
const PASTE_OPEN_MS: u64 = 3000;

/// Runs the wizard until the person quits, a signal comes, or the window is closed.
pub fn run(desk: &Desk) -> io::Result<Exit> {
    if !io::stdin().is_terminal() || !output::is_terminal() {
        return Err(io::Error::other("the wizard needs a terminal; for scripts there is `keymend status`"));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(io::Error::other(
            "this terminal (TERM=dumb) shows text line by line and has no screen to draw on",
        ));
    }
    let (sender, receiver) = mpsc::channel();
    let options = Options {
        ascii: charset::is_ascii(),
        colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        motion: std::env::var_os("KEYMEND_REDUCED_MOTION").is_none_or(|value| value.is_empty()),
        offline: desk.offline,
    };
    let (mut model, effects) = Model::new(desk.catalogue.clone(), terminal::usable_size(), options);
    let probing = Probing::new(desk.clone(), sender.clone());
    let mut runner = Runner { desk: desk.clone(), sender: sender.clone(), probing };
    runner.start(effects);
    runner.recover();
    let guard = Guard::take()?;
    let alive = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    listen_to_signals(sender.clone())?;
    listen_to_terminal(sender, alive.clone(), started);
    let end = turn(&mut model, &mut runner, guard, &receiver, &|| {
        millis(started).saturating_sub(alive.load(Ordering::Relaxed)) > PASTE_OPEN_MS
    });
    // Whatever failed because the window was closed ended by that.
    end.or_else(|error| if console::is_gone() { Ok(CLOSED) } else { Err(error) })
}

/// The loop: messages in, effects out, a frame whenever something changed.
fn turn(
    model: &mut Model,
    runner: &mut Runner,
    mut guard: Guard,
    receiver: &Receiver<Wake>,
    paste_is_open: &dyn Fn() -> bool,
) -> io::Result<Exit> {
    let mut first = receiver.recv_timeout(FIRST_FRAME).ok();
    loop {
        let mut effects = Vec::new();
        // Everything that has come is taken before the next frame.
        while let Some(wake) = first.take().or_else(|| receiver.try_recv().ok()) {
            match wake {
                Wake::Message(message) => effects.extend(update(model, *message)),
                Wake::Continued => guard.resume()?,
                Wake::Stop(exit) => return Ok(exit),
            }
        }
        if let Some(resize) = resized(model) {
            effects.extend(update(model, resize));
        }
        for effect in &effects {
            match effect {
                Effect::Quit => return Ok(Exit::Fine),
                Effect::Suspend => guard.suspend()?,
                Effect::Redraw => guard.redraw()?,
                _ => {}
            }
        }
        runner.start(effects);
        guard.draw(|frame| view(model, frame))?;
        first = Some(wait(model, receiver, paste_is_open)?);
    }
}

/// The next message; ticks while something moves, and a word when the input thread is stuck in a paste.
fn wait(model: &Model, receiver: &Receiver<Wake>, paste_is_open: &dyn Fn() -> bool) -> io::Result<Wake> {
    loop {
        let moves = model.core.is_busy() && model.core.options.motion;
        match receiver.recv_timeout(if moves { FRAME } else { LOOK_AFTER_INPUT }) {
            Ok(wake) => return Ok(wake),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the terminal is gone")),
            Err(RecvTimeoutError::Timeout) if paste_is_open() != model.core.paste_open => {
                return Ok(Wake::of(Message::PasteOpen(!model.core.paste_open)));
            }
            Err(RecvTimeoutError::Timeout) if moves => return Ok(Wake::of(Message::Tick)),
            // Under `nohup` no signal says so.
            Err(RecvTimeoutError::Timeout) if console::is_gone() => return Ok(Wake::Stop(CLOSED)),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(resize) = resized(model) {
                    return Ok(Wake::of(resize));
                }
            }
        }
    }
}

/// A size that no event told: crossterm loses a resize that comes in one wake-up with a key press.
fn resized(model: &Model) -> Option<Message> {
    let (columns, rows) = terminal::usable_size();
    (model.core.size != (columns, rows)).then_some(Message::Resize(columns, rows))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Reads terminal events on its own thread.
fn listen_to_terminal(sender: Sender<Wake>, alive: Arc<AtomicU64>, started: Instant) {
    std::thread::spawn(move || {
        let mut intake = Intake::default();
        loop {
            alive.store(millis(started), Ordering::Relaxed);
            let wait =
                if intake.is_waiting() { Duration::from_millis(intake::BURST_GAP_MS) } else { INPUT_WAIT };
            let messages = match event::poll(wait) {
                Ok(true) => match event::read() {
                    Ok(event) => intake.take(event, millis(started)),
                    Err(_) => break,
                },
                Ok(false) => intake.flush(millis(started)),
                Err(_) => break,
            };
            if messages.into_iter().any(|message| sender.send(Wake::of(message)).is_err()) {
                return;
            }
        }
        // The terminal is gone: leave, so that nothing keeps running unseen.
        let _ = sender.send(Wake::Stop(CLOSED));
    });
}

/// Signals that end or continue the program reach the loop even while the input thread is stuck.
#[cfg(unix)]
fn listen_to_signals(sender: Sender<Wake>) -> io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGCONT, SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let wake = if signal == SIGCONT { Wake::Continued } else { Wake::Stop(Exit::Signal(signal)) };
            if sender.send(wake).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn listen_to_signals(_: Sender<Wake>) -> io::Result<()> {
    Ok(())
}

/// Runs effects, each on its own thread, and sends back their results.
struct Runner {
    desk: Desk,
    sender: Sender<Wake>,
    probing: Probing,
}

impl Runner {
    fn start(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.start_one(effect);
        }
    }

    fn start_one(&mut self, effect: Effect) {
        match effect {
            Effect::Scan(ticket) => self.spawn(move |desk| Message::Scanned(ticket, Box::new(scan(desk)))),
            Effect::ReadClipboard(ticket, provider) => {
                self.spawn(move |desk| match (desk.clipboard)(provider.as_deref()) {
                    Ok(text) => Message::Answer(ticket, Answer::Clipboard(text)),
                    Err(error) => failed(ticket, &error, error.hint()),
                });
            }
            Effect::Copy(text) => self.spawn(move |_| copy(&text)),
            Effect::Probe(ticket, jobs) => self.probing.start(ticket, jobs),
            Effect::Cancel(ticket) => self.probing.cancel(ticket),
            Effect::Offer { ticket, agent, slot, key } => self.spawn(move |desk| {
                let world = (desk.world)();
                let (offered, best) = plan::destinations(&world, &desk.catalogue, agent, &slot, &key);
                Message::Answer(ticket, Answer::Offered(offered, best))
            }),
            Effect::Suppose(ticket) => self.spawn(move |desk| {
                let (world, all) = ((desk.world)(), crate::agents::ALL);
                let slots = plausible(&world, &desk.catalogue, all);
                let placeless = without_place(&world, &desk.catalogue, all, &slots);
                Message::Answer(ticket, Answer::Plausible(slots, placeless))
            }),
            Effect::Effects(ticket) => self.spawn(move |desk| {
                let world = (desk.world)();
                let scan = session::scan_all(&world, &desk.catalogue);
                let effects = session::key_places::effects(&world, &desk.catalogue, &scan);
                Message::Answer(ticket, Answer::Effects(effects))
            }),
            Effect::Mend(ticket, slot, said) => self.spawn(move |desk| {
                Message::Answer(ticket, Answer::Mending(mending::mending(desk, &slot, said)))
            }),
            Effect::Plan(ticket, ask) => self.spawn(move |desk| match make_plan(desk, *ask) {
                Ok(plan) => Message::Answer(ticket, Answer::Planned(Arc::new(plan))),
                Err(error) => failed(ticket, &error, &error.hint()),
            }),
            Effect::Apply(ticket, plan, key) => self.spawn(move |desk| match write(desk, &plan, &key) {
                Ok(written) => Message::Answer(ticket, Answer::Applied(Box::new(written))),
                Err(error) => failed(ticket, &error, &error.hint()),
            }),
            Effect::UndoPlan(ticket, id, how) => {
                self.spawn(move |desk| match undo_plan(desk, id.as_deref(), how) {
                    Ok(undoing) => Message::Answer(ticket, Answer::Undoing(undoing)),
                    Err(error) => failed(ticket, &error, error.hint()),
                });
            }
            Effect::Undo(ticket, id, how) => self.spawn(move |desk| match undo(desk, &id, how) {
                Ok(text) => Message::Answer(ticket, Answer::Undone(text)),
                Err(error) => failed(ticket, &error, error.hint()),
            }),
            Effect::Lost(ticket, id) => self.spawn(move |desk| match past::lost(desk.bench(), Some(&id)) {
                Ok(lost) => Message::Answer(ticket, Answer::Lost(Box::new(lost))),
                Err(error) => failed(ticket, &error, error.hint()),
            }),
            Effect::History(ticket) => {
                self.spawn(move |desk| Message::Answer(ticket, Answer::History(history(desk))));
            }
            Effect::Restart(ticket, due) => self.spawn(move |desk| {
                Message::Answer(ticket, Answer::Restarted(holding::restart_all(desk.bench(), &due)))
            }),
            Effect::Quit | Effect::Suspend | Effect::Redraw => {}
        }
    }

    /// Closes what a kill interrupted, and asks about what needs a yes.
    fn recover(&self) {
        let (desk, sender) = (self.desk.clone(), self.sender.clone());
        std::thread::spawn(move || {
            for line in bench::settle(desk.bench()) {
                let _ = sender.send(Wake::of(Message::Told(line, theme::Role::Warn)));
            }
            // One after the other: the next is asked about at the next start, or chosen in the history.
            if let Some(action) = bench::interrupted(desk.bench()).into_iter().next() {
                let _ = sender.send(Wake::of(Message::Interrupted(action.id)));
                return;
            }
            let (past, _) = past::history(desk.bench());
            if let Some(past) = past.iter().find(|past| past.lost()) {
                let line = format!(
                    "Another program took back “{}”: H shows where, b there brings the key back.",
                    past.action.title
                );
                let _ = sender.send(Wake::of(Message::Told(line, theme::Role::Warn)));
            }
        });
    }

    fn spawn(&self, job: impl FnOnce(&Desk) -> Message + Send + 'static) {
        let (desk, sender) = (self.desk.clone(), self.sender.clone());
        std::thread::spawn(move || {
            // The loop is gone when this fails; nobody waits for the answer.
            let _ = sender.send(Wake::of(job(&desk)));
        });
    }
}

fn failed(ticket: Ticket, what: &dyn std::fmt::Display, hint: &str) -> Message {
    Message::Answer(ticket, Answer::Failed(Failure { what: what.to_string(), hint: hint.to_owned() }))
}

/// Works out a plan on a fresh view of the machine.
fn make_plan(desk: &Desk, ask: Ask) -> Result<Plan, PlanError> {
    let world = (desk.world)();
    let catalogue = &desk.catalogue;
    match ask {
        Ask::Set { agent, slot, destination, key } => {
            let plan = plan::build(&world, catalogue, agent, &slot, &destination, &key)?;
            Ok(plan::telling_losses(&world, catalogue, agent, plan, &key))
        }
        Ask::Ready(plan) => Ok(Plan::clone(&plan)),
        Ask::Use { agent, slot, n } => plan::use_candidate(&world, catalogue, agent, &slot, n),
        Ask::BringBack { key, places } => {
            plan::bring_back(&world, catalogue, &session::present(&world, catalogue, None), &places, &key)
        }
        Ask::Rotate { old, new, places } => {
            plan::rotate(&world, catalogue, &session::present(&world, catalogue, None), &old, &new, &places)
        }
    }
}

/// Writes a plan, proves it, and empties the clipboard where it still holds the key.
fn write(desk: &Desk, plan: &Plan, key: &Secret) -> Result<Written, WriteFailure> {
    let mut written = bench::apply(desk.bench(), plan, key)?;
    // The demo's keys never were on the clipboard.
    let clears = desk.routes.is_empty() && Settings::of(&(desk.world)()).clear_clipboard;
    if clears && holds_key(desk, key) {
        written.applied.notes.push("The clipboard still held this key and was emptied.".to_owned());
    }
    Ok(written)
}

/// Empties the clipboard if its text is this key, as it is or as it was pasted.
fn holds_key(desk: &Desk, key: &Secret) -> bool {
    let Ok(text) = clipboard::read() else { return false };
    let same = match crate::hygiene::clean_secret(&text, &*desk.catalogue, None) {
        crate::hygiene::Cleaned::Accepted(found) => found.key == *key,
        crate::hygiene::Cleaned::Refused(_) => text == *key,
    };
    same && clipboard::clear_if(&text).unwrap_or(false)
}

/// What an undo would change; the difference too where it is refused because somebody wrote there since.
fn undo_plan(desk: &Desk, id: Option<&str>, how: Back) -> Result<Undoing, ApplyError> {
    let world = (desk.world)();
    let home = world.home();
    match bench::undo_plan(desk.bench(), id, how) {
        Ok((action, changes)) => {
            let places = changes.into_iter().map(|one| (place_line(&one, home), one.diff));
            let interrupted = action.state == State::Planned;
            let (id, title) = (action.id, action.title);
            Ok(Undoing { id, title, how, places: places.collect(), conflict: false, interrupted })
        }
        Err(ApplyError::Conflict { id, conflicts }) => {
            let title = Journal::of(&world).read(&id).map(|action| action.title).unwrap_or_default();
            let places = conflicts.into_iter().map(|one| (one.place.show(home), one.diff));
            let places = places.collect();
            Ok(Undoing { id, title, how, places, conflict: true, interrupted: false })
        }
        Err(error) => Err(error),
    }
}

/// A place, and what else happens there.
fn place_line(change: &plan::Change, home: Option<&std::path::Path>) -> String {
    let notes: String = change.notes.iter().map(|note| format!(" ({note})")).collect();
    format!("{}{notes}", change.target.show(home))
}

/// Takes an action back.
fn undo(desk: &Desk, id: &str, how: Back) -> Result<String, ApplyError> {
    let undone = bench::undo(desk.bench(), id, how)?;
    let notes = undone.notes.iter().map(|note| format!(" ({note})")).collect::<String>();
    Ok(match how {
        Back::Values => format!("Put back what keymend had changed{notes}."),
        Back::Exact | Back::Whole => format!("Put back, byte for byte{notes}."),
    })
}

/// What was written, newest first.
fn history(desk: &Desk) -> Vec<Past> {
    let world = (desk.world)();
    let home = world.home();
    let keep = Settings::of(&world).keep;
    let kept =
        format!("Backups hold old keys; they are kept {} days or {} actions.", keep.days, keep.actions);
    let (all, unusable) = past::history(desk.bench());
    // An entry that is never acted upon is one line with its reason.
    let unusable = unusable.into_iter().map(|one| Past {
        can_undo: false,
        places: Vec::new(),
        state: "not used".to_owned(),
        lost: false,
        kept: kept.clone(),
        when_ms: when_of(&one.id),
        title: format!("this entry is not used: {}", one.why),
        id: one.id,
    });
    let unusable: Vec<Past> = unusable.collect();
    let past = |past: past::Past| {
        let lost = past.lost();
        let action = past.action;
        let places = action.items.iter().map(|item| item.place.show(home)).zip(past.since);
        Past {
            can_undo: action.state == State::Planned
                || (action.state == State::Written && action.undoes.is_none()),
            places: places.collect(),
            state: action.state.words().to_owned(),
            lost,
            kept: kept.clone(),
            id: action.id,
            when_ms: action.at_ms,
            title: action.title,
        }
    };
    all.into_iter().map(past).chain(unusable).collect()
}

/// When an action was begun, by its name.
fn when_of(id: &str) -> i64 {
    let time = id.get(..15).and_then(|stem| jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", stem).ok());
    let time = time.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok());
    time.map_or(0, |time| time.timestamp().as_millisecond())
}

/// Reads the machine.
fn scan(desk: &Desk) -> Scanning {
    let started = Instant::now();
    let world = (desk.world)();
    let scan = session::scan_all(&world, &desk.catalogue);
    let candidates = scan.slots().flat_map(|(_, _, slot)| &slot.candidates);
    let paths = candidates.filter_map(|candidate| match &candidate.place {
        // A database is not read whole for its mode.
        crate::source::Place::Cell { .. } => None,
        place => place.file().map(std::path::Path::to_path_buf),
    });
    let facts = |path: std::path::PathBuf| {
        let state = world.read(&path);
        state.meta().map(|meta| (path, FileFacts { mode: meta.mode & 0o7777, mtime_ms: meta.mtime_ms }))
    };
    let files = paths.filter_map(facts).collect();
    let (home, now_ms) = (world.home().map(std::path::Path::to_path_buf), world.now_ms());
    let agreed = Consents::of(&world).hosts();
    Scanning { scan, files, home, agreed, now_ms, took_ms: millis(started) }
}

/// Puts a text that is no key on the clipboard.
fn copy(text: &str) -> Message {
    match output::copy(text) {
        Ok(()) => Message::Told("Copied, if this terminal allows it.".to_owned(), theme::Role::Good),
        Err(error) => Message::Told(format!("Could not copy: {error}"), theme::Role::Warn),
    }
}
