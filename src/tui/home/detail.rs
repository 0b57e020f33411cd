//! The right half of home: what the chosen slot sends, its candidates, why, the verdict, and the way out at the foot.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::plan::SlotId;
use crate::resolve::{Slot, State};
use crate::source::Value;

use super::state::{Home, Pane};
use crate::tui::core::Core;
use crate::tui::everywhere;
use crate::tui::keys::{self, Action, Context};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;
use crate::tui::{slotview, way_out, words};

/// From this many columns on there is room for what the key is for elsewhere.
const ROOMY: usize = 60;
/// From this many columns on a candidate takes one row in place of two.
const WIDE: usize = 84;

/// The parts of the pane, top down.
struct Parts {
    sends: Rows,
    candidates: Vec<Rows>,
    chosen: usize,
    below: Rows,
    foot: Rows,
}

/// How many rows each part gets, and the first candidate in sight.
struct Heights {
    candidates: usize,
    skip: usize,
    below: usize,
    more: usize,
}

/// Draws the pane.
pub fn draw(core: &Core, home: &Home, frame: &mut Frame, area: Rect) {
    let focus = home.pane == Pane::Candidates;
    let Some((at, slot)) = home.slot(&core.known) else {
        let inner = parts::pane(core, frame, area, "Welcome", focus);
        return welcome(core, frame, inner);
    };
    let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
    let in_use = if slot.in_use { " · in use" } else { "" };
    let title = format!("{agent} · {}{in_use}", words::provider(slot));
    let inner = parts::pane(core, frame, area, &title, focus);
    let parts = parts_of(core, home, slot, usize::from(inner.width));
    let heights = heights(&parts, usize::from(inner.height));
    draw_parts(core, frame, inner, parts, &heights, focus);
}

fn draw_parts(core: &Core, frame: &mut Frame, inner: Rect, parts: Parts, heights: &Heights, focus: bool) {
    let row = |at: usize| inner.y.saturating_add(u16::try_from(at).unwrap_or(u16::MAX)).min(inner.bottom());
    let rect = |from: usize, len: usize| {
        let y = row(from);
        Rect { y, height: u16::try_from(len).unwrap_or(u16::MAX).min(inner.bottom() - y), ..inner }
    };
    let top = parts.sends.len() + 1;
    let (sends, foot) = (parts.sends.len(), parts.foot.len());
    parts.sends.draw(core, frame, rect(0, sends), 0);
    let columns = usize::from(inner.width);
    let mut lines: Vec<Line> = Vec::new();
    for (index, rows) in parts.candidates.into_iter().enumerate().skip(heights.skip) {
        for line in rows.0 {
            let over = (index == parts.chosen && focus).then_some(Role::Cursor);
            lines.push(line.cut(columns).fill(if over.is_some() { columns } else { 0 }).line(core, over));
        }
    }
    frame.render_widget(Paragraph::new(lines), rect(top, heights.candidates));
    let cut = parts.below.len() > heights.below;
    parts.below.draw(core, frame, rect(top + heights.candidates + 1, heights.below), 0);
    if cut || heights.more > 0 {
        let what = match (heights.more, cut) {
            (0, _) => "↓ more: e explain".to_owned(),
            (n, false) => format!("↓ {}", parts::count(n, "more candidate", "more candidates")),
            (n, true) => format!("↓ {}, and more: e explain", parts::count(n, "candidate", "candidates")),
        };
        let at = rect(usize::from(inner.height).saturating_sub(foot + 1), 1);
        frame.render_widget(Paragraph::new(Row::of(what, Role::Dim).line(core, None)), at);
    }
    let from = usize::from(inner.height).saturating_sub(foot);
    parts.foot.draw(core, frame, rect(from, foot), 0);
}

fn parts_of(core: &Core, home: &Home, slot: &Slot, columns: usize) -> Parts {
    let chosen = home.candidate(slot);
    let candidates =
        (0..slot.candidates.len()).map(|index| candidate(core, slot, index, chosen, columns)).collect();
    Parts {
        sends: head(core, home, slot, columns),
        candidates,
        chosen,
        below: below(core, home, slot, chosen, columns),
        foot: foot(core, home, slot, columns),
    }
}

/// One candidate in one or two rows.
fn candidate(core: &Core, slot: &Slot, index: usize, chosen: usize, columns: usize) -> Rows {
    let Some(candidate) = slot.candidates.get(index) else { return Rows::default() };
    let cursor = if index == chosen { "▸" } else { " " };
    let (mark, role) = words::state_mark(&candidate.state);
    let number = format!("{:>2} ", index + 1);
    let row = Row::of(cursor, Role::Accent).add(number, Role::Dim).add(mark, role).text(" ");
    if columns >= WIDE {
        return Rows(vec![wide_candidate(core, slot, index, row, columns)]);
    }
    if candidate.value == Value::Unset {
        let room = columns.saturating_sub(row.width() + 7);
        let place = parts::fit_path(&candidate.place.show(core.known.home()), room);
        return Rows(vec![row.add("unset  ", Role::Dim).add(place, Role::Dim)]);
    }
    let row = row.cell(words::state(&candidate.state), 14, role);
    let first = slotview::candidate_key(row, core, slot, index);
    let source = words::short_source(candidate.source);
    let room = columns.saturating_sub(6 + 8);
    let second = Row::of("      ", Role::Text)
        .cell(source, 8, Role::Dim)
        .add(slotview::place(core, candidate, room), Role::Text);
    Rows(vec![first, second])
}

fn wide_candidate(core: &Core, slot: &Slot, index: usize, row: Row, columns: usize) -> Row {
    let Some(candidate) = slot.candidates.get(index) else { return row };
    let (_, role) = words::state_mark(&candidate.state);
    let unset = candidate.value == Value::Unset;
    let row = row.cell(words::state(&candidate.state), 15, role).cell(
        words::short_source(candidate.source),
        8,
        Role::Dim,
    );
    let key_at = row.width();
    let row = slotview::candidate_key(row, core, slot, index).fill(key_at + 34);
    let room = columns.saturating_sub(row.width());
    row.add(slotview::place(core, candidate, room), if unset { Role::Dim } else { Role::Text })
}

/// Why, the verdict, the lints: of the chosen candidate.
fn below(core: &Core, home: &Home, slot: &Slot, chosen: usize, columns: usize) -> Rows {
    let mut rows = Rows::default();
    let candidate = slot.candidates.get(chosen);
    if let Some(candidate) = candidate {
        rows.hang(&Row::of("why    ", Role::Dim), &why(chosen, &candidate.state), Role::Text, columns);
    }
    let key = candidate.and_then(|candidate| candidate.value.secret()).filter(|key| !key.is_empty());
    if let Some(key) = key {
        rows.0.extend(slotview::verdict(core, slot, key, columns).0);
    }
    let said =
        home.ways.as_ref().and_then(|ways| ways.found().first()).map(|(found, _)| found.message.as_str());
    rows.0.extend(slotview::lints_but(&slot.lints, candidate, said, columns).0);
    if columns >= ROOMY {
        also_in(core, slot, columns, &mut rows);
    }
    rows
}

/// Where else the key that is sent is, who sends it there, and what runs with another one.
fn also_in(core: &Core, slot: &Slot, columns: usize, rows: &mut Rows) {
    for holder in core.known.scan().held_by(slot).iter().filter(|holder| holder.sends.differs()) {
        rows.gap();
        let text = format!("{} runs with another key than this one", holder.what);
        rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
    }
    let Some(view) = slot.sent().and_then(|sent| everywhere::view(core, &sent.key)) else { return };
    let spots = core.known.scan().spots(view);
    if spots.len() < 2 {
        return;
    }
    rows.gap();
    let tag = core.known.tag(&view.key).map_or_else(String::new, |tag| tag.to_string());
    let head = format!("{tag} is in {} places", spots.len());
    rows.push(Row::of(head, Role::Strong).add("   R replaces it in all of them", Role::Dim));
    for spot in spots {
        let place = parts::fit_path(&spot.candidate.place.show(core.known.home()), columns / 2);
        let mut row = Row::of("  ", Role::Text).cell(place, columns / 2, Role::Text).text("  ");
        for (at, reader, index) in &spot.slots {
            let Some(agent) = core.known.agent(*at) else { continue };
            let sends = reader.active == Some(*index);
            let (mark, role) = if sends { ("● ", Role::Strong) } else { ("○ ", Role::Dim) };
            let name = format!("{} → {}  ", words::identity(agent, reader), words::provider(reader));
            row = row.add(mark, role).add(name, role);
        }
        rows.push(row.cut(columns));
    }
}

fn why(index: usize, state: &State) -> String {
    let number = index + 1;
    match state {
        State::Active { reason } => format!("{number} is sent: {reason}"),
        State::Shadowed { by, reason } => format!("{number} is not sent, {} is: {reason}", by + 1),
        State::Ignored { reason } => format!("{number} is not used: {reason}"),
        State::Unset => format!("{number} is not set"),
    }
}

/// What is wrong in a sentence, where that is known, and what is sent.
fn head(core: &Core, home: &Home, slot: &Slot, columns: usize) -> Rows {
    let mut rows = Rows::default();
    let ways = home.ways.as_ref().filter(|ways| *ways.slot() == SlotId::of(slot));
    if let Some((found, _)) = ways.and_then(|ways| ways.found().first()) {
        let (mark, role) = words::lint_mark(found.severity);
        rows.hang(&Row::of(format!("{mark} "), role), &found.message, Role::Strong, columns);
        rows.gap();
    }
    rows.0.extend(slotview::sends(core, slot, columns).0);
    rows
}

/// What Enter does, and the keys of the other ways.
fn foot(core: &Core, home: &Home, slot: &Slot, columns: usize) -> Rows {
    let mut rows = Rows::default();
    if home.offers_tests(core) {
        let n = core.known.tally().untested;
        let text = format!("test all {}", parts::count(n, "key that is sent", "keys that are sent"));
        let start = Row::of("▶ ", Role::Accent).add("Enter", Role::Accent).text("  ");
        rows.hang(&start, &text, Role::Strong, columns);
        if home.best(core).is_some() {
            let more = home.ways.as_ref().map_or(0, |ways| ways.all().count());
            let text = parts::count(more, "way out", "ways out");
            rows.push(Row::of("  f", Role::Accent).add(format!("      {text}"), Role::Text));
        }
    } else if let Some(best) = home.best(core) {
        let how = best.how().map_or_else(String::new, |how| format!(": {how}"));
        let start = Row::of("▶ ", Role::Accent).add("Enter", Role::Accent).text("  ");
        rows.hang(&start, &format!("{}{how}", best.title), Role::Strong, columns);
        let more = home.ways.as_ref().map_or(0, |ways| ways.all().count()).saturating_sub(1);
        if more > 0 {
            let text = parts::count(more, "more way out", "more ways out");
            rows.push(Row::of("  f", Role::Accent).add(format!("      {text}"), Role::Text));
        }
    }
    rows.push(keys_row(core, home, slot, columns));
    rows
}

/// The keys to press next.
fn keys_row(core: &Core, home: &Home, slot: &Slot, columns: usize) -> Row {
    let mut row = Row::of("→", Role::Accent);
    let mut ways = way_out::way_out(&core.known, slot);
    if let Some(n) = home.other(slot) {
        ways.retain(|(action, _)| *action != Action::Use);
        ways.insert(0, (Action::Use, format!("make {} the active one", n + 1)));
    }
    for (action, text) in ways {
        let chord = keys::shown(Context::Home, action).unwrap_or_default();
        let next = row.clone().text(" ").add(chord, Role::Accent).text(" ").text(text).text(" ");
        if next.width() > columns {
            break;
        }
        row = next;
    }
    row
}

/// Shares the height: the foot and what is sent are always whole, candidates get up to three fifths of the rest.
fn heights(parts: &Parts, height: usize) -> Heights {
    let total: usize = parts.candidates.iter().map(Rows::len).sum();
    let room = height.saturating_sub(parts.sends.len() + parts.foot.len() + 3);
    let below = parts.below.len().min(room.saturating_sub(total.min(room * 3 / 5)));
    let candidates = total.min(room - below);
    let mut skip = 0;
    let upto = |from: usize| -> usize {
        parts.candidates.iter().skip(from).take((parts.chosen + 1).saturating_sub(from)).map(Rows::len).sum()
    };
    while upto(skip) > candidates && skip < parts.chosen {
        skip += 1;
    }
    let mut left = candidates;
    let in_sight = parts.candidates.iter().skip(skip).take_while(|rows| {
        let fits = rows.len() <= left;
        left = left.saturating_sub(rows.len());
        fits
    });
    let more = parts.candidates.len().saturating_sub(skip + in_sight.count());
    Heights { candidates, skip, below, more }
}

/// The candidate at a cell of the screen.
#[must_use]
pub fn candidate_at(core: &Core, home: &Home, area: Rect, at: Position) -> Option<usize> {
    let (_, slot) = home.slot(&core.known)?;
    let columns = usize::from(area.width.saturating_sub(4));
    let parts = parts_of(core, home, slot, columns);
    let heights = heights(&parts, usize::from(area.height.saturating_sub(2)));
    let mut row = usize::from(at.y.checked_sub(area.y + 1)?).checked_sub(parts.sends.len() + 1)?;
    for (index, rows) in parts.candidates.iter().enumerate().skip(heights.skip) {
        if row < rows.len() {
            return Some(index);
        }
        row -= rows.len();
    }
    None
}

/// What is at the right while there is no slot.
fn welcome(core: &Core, frame: &mut Frame, area: Rect) {
    let columns = usize::from(area.width);
    let mut rows = Rows::default();
    rows.gap();
    if core.known.scanned {
        let text =
            "keymend found no agent that sends a key. If one is installed, it may not have been set up yet.";
        rows.hang(&Row::new(), text, Role::Text, columns);
        rows.gap();
        rows.push(Row::of("s", Role::Accent).text(" set up agents and providers, step by step"));
        rows.push(Row::of("r", Role::Accent).text(" look again"));
        rows.push(Row::of("?", Role::Accent).text(" every key"));
    } else {
        rows.push(Row::of(parts::spinner(core), Role::Accent).text(" reading this machine"));
    }
    rows.draw(core, frame, area, 0);
}
