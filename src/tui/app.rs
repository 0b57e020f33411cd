//! The pure half of the wizard: [`Model`], [`Message`], [`Effect`], [`update`] and [`view`].
//!
//! Nothing here touches the world. A key press or a result comes in as a message, what is to be done goes out as
//! effects; a result carries the [`Ticket`] of the effect that asked for it, and one that nobody waits for any more is
//! dropped. Each screen owns its state; what all of them share is [`Core`].

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::provider::Catalogue;
use crate::secret::Secret;

use super::home::Home;
use super::keys::{self, Action, Context};
use super::known::{Known, Scanning};
use super::parts::{self, Row};
use super::screen::Screen;
use super::theme::{Role, Theme};
use super::undo::Undo;

pub use super::message::{Answer, Ask, Effect, Failure, Go, Input, Job, Message, Past, Step, Ticket, Yes};

/// The least room that every screen fits in.
pub const MIN_SIZE: (u16, u16) = (80, 24);

/// A line for the person, until the next key press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words.
    pub text: String,
    /// How they are drawn.
    pub role: Role,
}

/// What all screens share.
#[derive(Debug)]
pub struct Core {
    /// What is known about the machine.
    pub known: Known,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// The styles.
    pub theme: Theme,
    /// How the wizard was started.
    pub options: Options,
    /// Counts the frames of spinners.
    pub tick: usize,
    /// The line for the person.
    pub notice: Option<Notice>,
    /// A paste began and has not ended.
    pub paste_open: bool,
    /// The scan that is waited for.
    pub scanning: Option<Ticket>,
    /// A plan, a write or a look into the journal that is waited for.
    pub working: Option<Ticket>,
    /// The first scan was looked at.
    pub greeted: bool,
    /// The key that a wizard has just written, for the set-up that opened it.
    pub handed: Option<Secret>,
    /// The action that was taken back last: what speaks of it is out of date.
    pub undone: Option<String>,
    /// A screen to open on top of the one that is worked on.
    pub next_screen: Option<Box<Screen>>,
    tickets: u64,
}

impl Core {
    /// The next ticket.
    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Says something until the next key press.
    pub fn say(&mut self, text: impl Into<String>, role: Role) {
        self.notice = Some(Notice { text: text.into(), role });
    }

    /// Asks for a new scan.
    pub fn scan(&mut self) -> Vec<Effect> {
        let ticket = self.ticket();
        self.scanning = Some(ticket);
        vec![Effect::Scan(ticket)]
    }

    /// Asks for tests, and remembers that they run.
    pub fn probe(&mut self, jobs: Vec<Job>) -> Vec<Effect> {
        if self.options.offline {
            self.say("keymend runs with --offline: no test is sent", Role::Warn);
            return Vec::new();
        }
        if jobs.is_empty() {
            return Vec::new();
        }
        let ticket = self.ticket();
        for job in &jobs {
            self.known.asked(job.tested.clone(), ticket);
        }
        vec![Effect::Probe(ticket, jobs)]
    }

    /// The whole terminal.
    #[must_use]
    pub const fn area(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.size.0, height: self.size.1 }
    }

    /// Whether something moves, so that the loop has to send ticks.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.scanning.is_some() || self.working.is_some() || self.known.running() > 0
    }
}

/// How the wizard is started.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each a yes or no")]
pub struct Options {
    /// Colours are wanted.
    pub colour: bool,
    /// The terminal shows ASCII alone.
    pub ascii: bool,
    /// Spinners turn.
    pub motion: bool,
    /// Nothing goes over the network.
    pub offline: bool,
}

/// Everything the wizard is.
#[derive(Debug)]
pub struct Model {
    /// What all screens share.
    pub core: Core,
    /// The screens, the one in sight last; the first is home.
    pub screens: Vec<Screen>,
}

impl Model {
    /// A wizard that has asked for its first scan.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, size: (u16, u16), options: Options) -> (Self, Vec<Effect>) {
        let mut core = Core {
            known: Known::new(catalogue),
            size,
            theme: Theme { colour: options.colour, ascii: options.ascii },
            options,
            tick: 0,
            notice: None,
            paste_open: false,
            scanning: None,
            working: None,
            greeted: false,
            handed: None,
            undone: None,
            next_screen: None,
            tickets: 0,
        };
        let effects = core.scan();
        (Self { core, screens: vec![Screen::Home(Home::default())] }, effects)
    }

    /// The screen in sight.
    #[must_use]
    pub fn screen(&self) -> Option<&Screen> {
        self.screens.last()
    }

    fn fits(&self) -> bool {
        self.core.size.0 >= MIN_SIZE.0 && self.core.size.1 >= MIN_SIZE.1
    }
}

/// Takes one message.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(event) => on_key(model, event),
        Message::Paste(text) => give(model, &Input::Paste(text)),
        Message::Mouse(event) => on_mouse(model, event),
        Message::Resize(columns, rows) => {
            model.core.size = (columns, rows);
            Vec::new()
        }
        Message::Tick => {
            model.core.tick = model.core.tick.wrapping_add(1);
            Vec::new()
        }
        Message::PasteOpen(open) => {
            model.core.paste_open = open;
            Vec::new()
        }
        Message::Scanned(ticket, scanning) => on_scanned(model, ticket, *scanning),
        Message::Judged(ticket, tested, judged) => {
            model.core.known.answered(&tested, ticket, judged);
            give(model, &Input::Look)
        }
        Message::Answer(ticket, answer) => on_answer(model, ticket, answer),
        Message::Told(text, role) => {
            model.core.say(text, role);
            Vec::new()
        }
        Message::Interrupted(id) => {
            let (undo, effects) = Undo::open(&mut model.core, Some(id));
            model.screens.push(Screen::Undo(undo));
            effects
        }
    }
}

fn on_scanned(model: &mut Model, ticket: Ticket, scanning: Scanning) -> Vec<Effect> {
    if model.core.scanning != Some(ticket) {
        return Vec::new();
    }
    model.core.scanning = None;
    model.core.known.learn(scanning);
    give(model, &Input::Look)
}

fn on_answer(model: &mut Model, ticket: Ticket, answer: Answer) -> Vec<Effect> {
    if matches!(answer, Answer::Failed(_)) {
        model.core.known.gave_up(ticket);
        model.core.scanning = model.core.scanning.filter(|waiting| *waiting != ticket);
    }
    model.core.working = model.core.working.filter(|waiting| *waiting != ticket);
    give(model, &Input::Answer(ticket, answer))
}

fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let context = model.screen().map_or(Context::Home, Screen::context);
    let action = keys::lookup(context, event);
    model.core.notice = None;
    match action {
        Some(Action::Quit) => return vec![Effect::Quit],
        Some(Action::Suspend) => return vec![Effect::Suspend],
        Some(Action::Redraw) => return vec![Effect::Redraw],
        // A screen that cannot be seen must not be worked on.
        _ if !model.fits() => return Vec::new(),
        Some(Action::Help) => {
            model.screens.push(Screen::Help(super::help::Help::new(context)));
            return Vec::new();
        }
        Some(action) => return give(model, &Input::Do(action)),
        None => {}
    }
    match event.code {
        KeyCode::Char(c) if context.is_text() && event.modifiers.difference(SHIFT).is_empty() => {
            give(model, &Input::Char(c))
        }
        _ => Vec::new(),
    }
}

const SHIFT: crossterm::event::KeyModifiers = crossterm::event::KeyModifiers::SHIFT;

fn on_mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let input = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Input::Click(Position { x: event.column, y: event.row }),
        MouseEventKind::ScrollUp => Input::Wheel(-1),
        MouseEventKind::ScrollDown => Input::Wheel(1),
        _ => return Vec::new(),
    };
    if model.fits() { give(model, &input) } else { Vec::new() }
}

/// Gives an input to the screen in sight and goes where it wants.
fn give(model: &mut Model, input: &Input) -> Vec<Effect> {
    let Some(mut screen) = model.screens.pop() else { return vec![Effect::Quit] };
    let Step { go, mut effects } = screen.update(&mut model.core, input);
    let mut returned = false;
    let on_top = model.core.next_screen.take();
    match go {
        Go::Stay => model.screens.push(screen),
        // Home is never left for nothing.
        Go::Back | Go::Home if model.screens.is_empty() => model.screens.push(screen),
        Go::Back => returned = true,
        Go::Push(next) => model.screens.extend([screen, *next]),
        Go::Replace(next) => model.screens.push(*next),
        Go::Home => {
            model.screens.truncate(1);
            returned = true;
        }
    }
    model.screens.extend(on_top.map(|screen| *screen));
    if returned {
        effects.extend(give(model, &Input::Look));
    }
    effects
}

/// Draws the screen in sight.
pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    let core = &model.core;
    if !model.fits() {
        too_small(core, frame, area);
    } else if let Some(screen) = model.screen() {
        let (header, body, footer) = parts::split(area);
        draw_header(core, frame, header, screen);
        screen.view(core, frame, body);
        draw_footer(core, frame, footer, screen);
    }
    core.theme.finish(frame.buffer_mut());
}

fn draw_header(core: &Core, frame: &mut Frame, area: Rect, screen: &Screen) {
    let left = Row::of(" keymend ", Role::Strong).add(screen.title(core), Role::Text);
    parts::ends(core, frame, area, left, screen.aside(core).text(" "));
}

/// The notice where there is one, else the keys.
fn draw_footer(core: &Core, frame: &mut Frame, area: Rect, screen: &Screen) {
    if core.paste_open {
        let text = " The paste is not finished: paste again, or close the terminal.";
        return parts::ends(core, frame, area, Row::of(text, Role::Warn), Row::new());
    }
    match &core.notice {
        Some(notice) => {
            parts::ends(core, frame, area, Row::of(format!(" {}", notice.text), notice.role), Row::new());
        }
        None => parts::footer(core, frame, area, screen.context(), |action| screen.offers(core, action)),
    }
}

fn too_small(core: &Core, frame: &mut Frame, area: Rect) {
    let (columns, rows) = core.size;
    let text = format!(
        "keymend needs {} × {} characters; this terminal has {columns} × {rows}. Make it larger, or press q.",
        MIN_SIZE.0, MIN_SIZE.1
    );
    let mut block = parts::Rows::default();
    block.hang(&Row::new(), &text, Role::Strong, usize::from(area.width));
    block.draw(core, frame, area, 0);
}
