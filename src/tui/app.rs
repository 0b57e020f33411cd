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

use super::core::{Core, Options};
use super::explain::Explain;
use super::home::Home;
use super::keys::{self, Action, Context};
use super::known::{Scanning, Ticket};
use super::message::{Answer, Effect, Input, Message, Returned};
use super::palette::Palette;
use super::parts::{self, Row};
use super::screen::{Go, Screen, Step};
use super::theme::Role;
use super::undo::Undo;
use super::whose;

/// The least room that every screen fits in.
pub const MIN_SIZE: (u16, u16) = (40, 10);

/// Everything the wizard is.
#[derive(Debug)]
pub struct Model {
    /// What all screens share.
    pub core: Core,
    /// The screens, the one in sight last; the first is home.
    pub screens: Vec<Box<dyn Screen>>,
    /// Keys and pastes that came before the first scan was there.
    early: Vec<Message>,
}

impl Model {
    /// A wizard that has asked for its first scan.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, size: (u16, u16), options: Options) -> (Self, Vec<Effect>) {
        let mut core = Core::new(catalogue, size, options);
        let effects = core.scan();
        (Self { core, screens: vec![Box::new(Home::default())], early: Vec::new() }, effects)
    }

    /// The screen in sight.
    #[must_use]
    pub fn screen(&self) -> Option<&dyn Screen> {
        self.screens.last().map(AsRef::as_ref)
    }

    fn fits(&self) -> bool {
        self.core.size.0 >= MIN_SIZE.0 && self.core.size.1 >= MIN_SIZE.1
    }
}

/// Takes one message.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(event) if is_early(model, event) => {
            model.early.push(Message::Key(event));
            Vec::new()
        }
        Message::Key(event) => on_key(model, event),
        Message::Paste(text) if waits(model) => {
            model.early.push(Message::Paste(text));
            Vec::new()
        }
        Message::Paste(text) => on_paste(model, text),
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
            model.screens.push(Box::new(undo));
            effects
        }
    }
}

/// Whether the first scan is waited for: nothing can be chosen yet.
fn waits(model: &Model) -> bool {
    !model.core.known.scanned && model.core.scanning.is_some() && model.screens.len() == 1
}

/// Whether a key is kept until there is something to do with it.
fn is_early(model: &Model, event: KeyEvent) -> bool {
    let now = [Action::Quit, Action::Suspend, Action::Redraw];
    waits(model) && keys::lookup(Context::Home, event).is_some_and(|action| !now.contains(&action))
}

/// Does what was asked for before the first scan was there.
fn catch_up(model: &mut Model) -> Vec<Effect> {
    let early = std::mem::take(&mut model.early);
    early.into_iter().flat_map(|message| update(model, message)).collect()
}

/// A paste: where a screen waits for text it is the screen's. On a list it is a key, whoever it belongs to.
fn on_paste(model: &mut Model, text: Secret) -> Vec<Effect> {
    let Some(screen) = model.screen() else { return Vec::new() };
    if !model.fits() {
        return Vec::new();
    }
    if !screen.context().is_list() {
        return give(model, &Input::Paste(text));
    }
    let hint = screen.connection(&model.core);
    let replaces = screen.context() == Context::Whose;
    let Step { go, effects } = whose::pasted(&mut model.core, &text, hint.as_ref());
    if let Go::Push(next) = go {
        if replaces {
            model.screens.pop();
        }
        model.screens.push(next);
    }
    effects
}

fn on_scanned(model: &mut Model, ticket: Ticket, scanning: Scanning) -> Vec<Effect> {
    if model.core.scanning != Some(ticket) {
        return Vec::new();
    }
    model.core.scanning = None;
    model.core.known.learn(scanning);
    let mut effects = give(model, &Input::Look);
    effects.extend(catch_up(model));
    effects
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
    if let Some(action) = action {
        return perform(model, action);
    }
    match event.code {
        _ if !model.fits() => Vec::new(),
        KeyCode::Char(c) if context.is_text() && event.modifiers.difference(SHIFT).is_empty() => {
            give(model, &Input::Char(c))
        }
        _ => Vec::new(),
    }
}

/// Does a command of the key table on the screen in sight.
fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        // A screen that cannot be seen must not be worked on.
        _ if !model.fits() => return Vec::new(),
        Action::Help => {
            let context = model.screen().map_or(Context::Home, Screen::context);
            model.screens.push(Box::new(super::help::Help::new(context)));
        }
        Action::Palette => {
            if let Some(palette) = model.screen().map(|screen| Palette::of(&model.core, screen)) {
                model.screens.push(Box::new(palette));
            }
        }
        action => return give(model, &Input::Do(action)),
    }
    Vec::new()
}

const SHIFT: crossterm::event::KeyModifiers = crossterm::event::KeyModifiers::SHIFT;

fn on_mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if let Some(action) = in_footer(model, event) {
        model.core.notice = None;
        return perform(model, action);
    }
    let input = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Input::Click(Position { x: event.column, y: event.row }),
        MouseEventKind::ScrollUp => Input::Wheel(-1),
        MouseEventKind::ScrollDown => Input::Wheel(1),
        _ => return Vec::new(),
    };
    if model.fits() { give(model, &input) } else { Vec::new() }
}

/// The command that was clicked in the footer.
fn in_footer(model: &Model, event: MouseEvent) -> Option<Action> {
    let (_, _, footer) = parts::split(model.core.area());
    let clicked = event.kind == MouseEventKind::Down(MouseButton::Left) && event.row == footer.y;
    let screen = model.screen().filter(|_| clicked && model.core.notice.is_none())?;
    let offers = |action| screen.offers(&model.core, action);
    parts::footer_action(footer, screen.context(), offers, event.column)
}

/// Gives an input to the screen in sight and goes where it wants.
fn give(model: &mut Model, input: &Input) -> Vec<Effect> {
    let Some(mut screen) = model.screens.pop() else { return vec![Effect::Quit] };
    let Step { go, mut effects } = screen.update(&mut model.core, input);
    let result = match go {
        // Home is never left for nothing.
        Go::Back(_) if model.screens.is_empty() => return stay(model, screen, effects),
        Go::Stay => return stay(model, screen, effects),
        Go::Back(result) => result,
        Go::Push(next) => {
            model.screens.extend([screen, next]);
            return effects;
        }
        Go::Explain(slot) => {
            model.screens.extend([screen, Box::new(Explain::new(slot))]);
            return effects;
        }
    };
    let run = if let Returned::Run(action) = result { Some(action) } else { None };
    effects.extend(give(model, &Input::Returned(result)));
    effects.extend(run.map(|action| perform(model, action)).unwrap_or_default());
    effects
}

fn stay(model: &mut Model, screen: Box<dyn Screen>, effects: Vec<Effect>) -> Vec<Effect> {
    model.screens.push(screen);
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

fn draw_header(core: &Core, frame: &mut Frame, area: Rect, screen: &dyn Screen) {
    let left = Row::of(" keymend ", Role::Strong).add(screen.title(core), Role::Text);
    parts::ends(core, frame, area, left, screen.aside(core).text(" "));
}

/// The notice where there is one, else the keys.
fn draw_footer(core: &Core, frame: &mut Frame, area: Rect, screen: &dyn Screen) {
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
