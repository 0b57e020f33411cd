//! The left half of home: the connections, each with its state in a word, its key's letter and where that comes from.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::agents::Agent;
use crate::resolve::Slot;
use crate::session::SlotRef;

use super::entries::{Entry, Order, entries};
use super::state::{Home, Pane};
use crate::tui::core::Core;
use crate::tui::parts::{self, Row};
use crate::tui::theme::Role;
use crate::tui::words;

/// Draws the list.
pub fn draw(core: &Core, home: &Home, frame: &mut Frame, area: Rect) {
    let entries = entries(&core.known, &home.filter, home.order);
    let found = || entries.iter().filter(|entry| matches!(entry, Entry::Slot(_))).count();
    let name = match home.order {
        Order::Need => "1 By need",
        Order::Agent => "2 By agent",
    };
    let title = match (home.filtering, home.filter.as_str()) {
        (true, filter) => format!("/{filter}▏ {}", found()),
        (false, "") => name.to_owned(),
        (false, filter) => format!("{name} /{filter} {}", found()),
    };
    let focus = home.pane == Pane::Slots;
    parts::pane(core, frame, area, &title, focus);
    let inner = inside(area);
    let chosen = home.slot(&core.known).map(|(at, _)| at);
    if entries.is_empty() {
        return draw_empty(core, home, frame, inner);
    }
    let skip = skip(&entries, chosen, inner);
    let columns = usize::from(inner.width);
    let lines: Vec<Line> = entries
        .iter()
        .skip(skip)
        .take(usize::from(inner.height))
        .map(|entry| draw_entry(core, home.order, entry, chosen, focus, columns))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
    parts::more(core, frame, area, skip, entries.len(), usize::from(inner.height));
}

/// The list uses the pane up to its border, so that names have room at 80 columns.
fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

fn skip(entries: &[Entry], chosen: Option<SlotRef>, inner: Rect) -> usize {
    let at = entries.iter().position(|entry| matches!(entry, Entry::Slot(at) if Some(*at) == chosen));
    parts::scroll_to(at.unwrap_or(0), entries.len(), usize::from(inner.height))
}

fn draw_entry(
    core: &Core,
    order: Order,
    entry: &Entry,
    chosen: Option<SlotRef>,
    focus: bool,
    columns: usize,
) -> Line<'static> {
    match entry {
        Entry::Heading(text) => Row::of(format!(" {text}"), Role::Strong).cut(columns).line(core, None),
        Entry::Note(text) => Row::of(format!("     {text}"), Role::Dim).cut(columns).line(core, None),
        Entry::Slot(at) => {
            let is_chosen = Some(*at) == chosen;
            let over = match (is_chosen, focus) {
                (true, true) => Some(Role::Cursor),
                (true, false) => Some(Role::Chosen),
                (false, _) => None,
            };
            core.known.slot(*at).map_or_else(Line::default, |slot| {
                let row = match order {
                    Order::Need => core
                        .known
                        .agent(*at)
                        .map_or_else(Row::new, |agent| need_row(core, agent, slot, is_chosen, columns)),
                    Order::Agent => slot_row(core, slot, is_chosen, columns),
                };
                row.cut(columns).fill(columns).line(core, over)
            })
        }
    }
}

/// `▌✗ OpenClaw · main  anthropic  invalid`, with the key's letter where there is room.
fn need_row(core: &Core, agent: &Agent, slot: &Slot, chosen: bool, columns: usize) -> Row {
    let status = core.known.status(slot);
    let mark = if status.word == "testing" { parts::spinner(core) } else { status.mark };
    let letter = if columns >= 44 { 3 } else { 0 };
    let word = if columns >= 44 { 13 } else { 9 };
    let room = columns.saturating_sub(3 + letter + word + 1);
    let provider = (room * 2 / 5).clamp(9, 14);
    let name_role = if slot.in_use { Role::Strong } else { Role::Text };
    let row = Row::of(if chosen { "▌" } else { " " }, Role::Accent)
        .add(mark, status.role)
        .text(" ")
        .cell(short_identity(agent, slot), room.saturating_sub(provider + 1), name_role)
        .text(" ")
        .cell(words::provider(slot), provider, Role::Text)
        .text(" ");
    let row = match slot.sent().and_then(|sent| core.known.tag(&sent.key)).filter(|_| letter > 0) {
        Some(tag) => row.cell(tag.to_string(), letter, Role::Tag),
        None => row.text(" ".repeat(letter)),
    };
    row.add(if letter == 0 { short_word(&status.word) } else { &status.word }, status.role)
}

/// `Hermes · work` in place of `Hermes Agent · work`: every row of the list is an agent.
fn short_identity(agent: &Agent, slot: &Slot) -> String {
    words::identity(agent, slot).replacen(" Agent", "", 1)
}

/// A state in nine columns.
fn short_word(word: &str) -> &str {
    match word {
        "sends nothing" => "no key",
        "rate limited" => "limited",
        "not reached" => "no answer",
        "wrong host" => "elsewhere",
        other => other,
    }
}

/// `▸ ✗ anthropic    A profile`, with the state in words where there is room.
fn slot_row(core: &Core, slot: &Slot, chosen: bool, columns: usize) -> Row {
    let status = core.known.status(slot);
    let word = if columns >= 38 { 14 } else { 0 };
    let name = columns.saturating_sub(16 + word);
    let mark = if status.word == "testing" { parts::spinner(core) } else { status.mark };
    let name_role = if slot.in_use { Role::Strong } else { Role::Text };
    let row = Row::of(if chosen { " ▸ " } else { "   " }, Role::Accent)
        .add(mark, status.role)
        .text(" ")
        .cell(words::provider(slot), name, name_role)
        .text(" ");
    let row = match slot.sent().and_then(|sent| core.known.tag(&sent.key)) {
        Some(tag) => row.cell(tag.to_string(), 2, Role::Tag),
        None => row.cell("–", 2, Role::Dim),
    };
    let source = slot.active_candidate().map_or("", |candidate| words::short_source(candidate.source));
    let row = row.text(" ").cell(source, 7, Role::Dim);
    if word == 0 { row } else { row.text(" ").cell(status.word, word - 1, status.role) }
}

fn draw_empty(core: &Core, home: &Home, frame: &mut Frame, area: Rect) {
    let text = match (core.known.scanned, home.filter.is_empty()) {
        (false, _) => "Reading this machine …",
        (true, true) => "No agent was found.",
        (true, false) => "Nothing contains that. Esc clears the filter.",
    };
    let mut rows = parts::Rows::default();
    rows.hang(&Row::of(" ", Role::Text), text, Role::Dim, usize::from(area.width));
    rows.draw(core, frame, area, 0);
}

/// The slot at a cell of the screen.
#[must_use]
pub fn slot_at(core: &Core, home: &Home, area: Rect, at: Position) -> Option<SlotRef> {
    let inner = inside(area);
    let entries = entries(&core.known, &home.filter, home.order);
    let chosen = home.slot(&core.known).map(|(at, _)| at);
    let row = usize::from(at.y.checked_sub(inner.y)?) + skip(&entries, chosen, inner);
    match entries.get(row)? {
        Entry::Slot(at) => Some(*at),
        _ => None,
    }
}
