//! Compare: candidates side by side — of one slot, or the active ones of every profile with the same provider. Parts
//! of a masked key that differ from the first column are marked and named.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::SlotId;
use crate::resolve::{Candidate, Slot};
use crate::secret::Secret;
use crate::session::SlotRef;

use super::core::Core;
use super::keys::{Action, Context};
use super::known;
use super::known::Test;
use super::message::Input;
use super::message::Job;
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::wizard::Wizard;
use super::words;

/// The columns of the labels.
const LABEL: usize = 8;
/// The least columns of a candidate.
const NARROW: usize = 31;

/// The state of the compare screen.
#[derive(Debug)]
pub struct Compare {
    slot: SlotId,
    profiles: bool,
    column: usize,
    skip: usize,
}

/// One column: a candidate in its slot.
struct Column<'a> {
    at: SlotRef,
    slot: &'a Slot,
    index: usize,
    candidate: &'a Candidate,
}

impl Screen for Compare {
    fn context(&self) -> Context {
        Context::Compare
    }

    fn title(&self, _core: &Core) -> String {
        " compare".to_owned()
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        action != Action::Use || (!self.profiles && self.columns(core).len() > 1)
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let columns = self.columns(core);
        let last = columns.len().saturating_sub(1);
        self.column = self.column.min(last);
        let chosen = columns.get(self.column);
        match *input {
            Input::Do(Action::Back | Action::Compare) => return Step::back(),
            Input::Do(Action::Left) => self.column = self.column.saturating_sub(1),
            Input::Do(Action::Right) => self.column = (self.column + 1).min(last),
            Input::Do(Action::NextPane) => {
                self.profiles = !self.profiles;
                self.column = 0;
                self.skip = 0;
            }
            Input::Do(Action::Explain) => {
                return chosen.map_or_else(Step::stay, |column| Step::explain(SlotId::of(column.slot)));
            }
            Input::Do(Action::Use) => {
                let chosen = chosen.filter(|column| column.slot.active != Some(column.index));
                let picked = chosen.map(|column| (column.at, column.slot.clone(), column.index));
                let Some((at, slot, n)) = picked else {
                    core.say("choose a column that is not active yet", Role::Warn);
                    return Step::stay();
                };
                let Some(agent) = core.known.agent(at) else { return Step::stay() };
                let (wizard, effects) = Wizard::using(core, agent, &slot, n);
                return Step::push(wizard).and(effects);
            }
            Input::Do(Action::New) => {
                return chosen.map_or_else(Step::stay, |column| Step::push(Wizard::for_slot(column.slot)));
            }
            Input::Do(Action::Test) => {
                let job = |column: &Column<'_>| Job::of(column.slot, column.candidate.value.secret()?);
                let jobs: Vec<_> = columns.iter().filter_map(job).collect();
                return Step::run(core.probe(jobs));
            }
            Input::Do(action) => self.skip = parts::scrolled(self.skip, action, 200),
            Input::Wheel(by) => self.skip = self.skip.saturating_add_signed(isize::from(by)),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let all = self.columns(core);
        let title =
            if self.profiles { "The same provider in every profile" } else { "Candidates of this slot" };
        let inner = parts::pane(core, frame, area, title, true);
        let room = usize::from(inner.width).saturating_sub(LABEL);
        let fit = (room / NARROW).clamp(1, all.len().max(1));
        let wide = (room / fit).saturating_sub(1).min(56);
        let chosen = self.column.min(all.len().saturating_sub(1));
        let first = parts::scroll_to(chosen, all.len(), fit);
        let shown = all.get(first..(first + fit).min(all.len())).unwrap_or_default();
        let rows = table(core, &all, shown, first, chosen, wide);
        let height = usize::from(inner.height);
        let skip = self.skip.min(rows.len().saturating_sub(height));
        parts::more(core, frame, area, skip, rows.len(), height);
        rows.draw(core, frame, inner, skip);
    }
}

impl Compare {
    /// The candidates of `slot`, or where it has only one, those of other profiles beside it.
    #[must_use]
    pub fn of_slot(_at: SlotRef, slot: &Slot) -> Self {
        let profiles = known::set(slot).count() < 2;
        Self { slot: SlotId::of(slot), profiles, column: 0, skip: 0 }
    }

    fn columns<'a>(&self, core: &'a Core) -> Vec<Column<'a>> {
        let Some(own) = core.known.find(&self.slot).and_then(|at| core.known.slot(at).map(|slot| (at, slot)))
        else {
            return Vec::new();
        };
        if !self.profiles {
            let column = |(index, candidate)| Column { at: own.0, slot: own.1, index, candidate };
            return known::set(own.1).map(column).collect();
        }
        let same = |slot: &Slot| match &own.1.provider {
            Some(provider) => slot.provider.as_ref() == Some(provider),
            None => slot.agent_provider == own.1.agent_provider,
        };
        let others = core.known.real_slots().filter(|(at, _, slot)| *at != own.0 && same(slot));
        let others = others.map(|(at, _, slot)| (at, slot));
        std::iter::once(own)
            .chain(others)
            .filter_map(|(at, slot)| {
                let index = slot.active.or_else(|| known::set(slot).next().map(|(index, _)| index))?;
                let candidate = slot.candidates.get(index)?;
                Some(Column { at, slot, index, candidate })
            })
            .collect()
    }
}

/// One attribute of a candidate in rows.
type Attribute = fn(&Core, &[Column<'_>], &Column<'_>, usize) -> Rows;

const ATTRIBUTES: [(&str, Attribute); 10] = [
    ("slot", slot_rows),
    ("state", state_rows),
    ("key", key_rows),
    ("differs", differs_rows),
    ("kind", kind_rows),
    ("source", source_rows),
    ("place", place_rows),
    ("file", file_rows),
    ("tested", tested_rows),
    ("why", why_rows),
];

fn table(
    core: &Core,
    all: &[Column<'_>],
    shown: &[Column<'_>],
    first: usize,
    chosen: usize,
    wide: usize,
) -> Rows {
    let mut out = Rows::default();
    let mut head = Row::of(" ".repeat(LABEL), Role::Text);
    for (offset, column) in shown.iter().enumerate() {
        let at = first + offset;
        let more = if offset == 0 && first > 0 { "← " } else { "" };
        let after = if offset + 1 == shown.len() && at + 1 < all.len() { " →" } else { "" };
        let name = heading(column);
        let text = format!("{}{more}{name}{after}", if at == chosen { "▸ " } else { "  " });
        head = head.cell(text, wide, if at == chosen { Role::Cursor } else { Role::Strong }).text(" ");
    }
    out.push(head);
    out.push(Row::new());
    for (label, attribute) in ATTRIBUTES {
        let cells: Vec<Rows> = shown.iter().map(|column| attribute(core, all, column, wide)).collect();
        let height = cells.iter().map(Rows::len).max().unwrap_or(0);
        let mut cells: Vec<_> = cells.into_iter().map(|rows| rows.0.into_iter()).collect();
        for line in 0..height {
            let label = if line == 0 { label } else { "" };
            let mut row = Row::new().cell(label, LABEL, Role::Dim);
            for cell in &mut cells {
                row = row.append(cell.next().unwrap_or_default().cut(wide).fill(wide)).text(" ");
            }
            out.push(row);
        }
    }
    out
}

fn heading(column: &Column<'_>) -> String {
    let name = column.candidate.name.clone();
    let name = name.unwrap_or_else(|| words::source(column.candidate.source).to_owned());
    format!("{} {name}", column.index + 1)
}

fn slot_rows(core: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let agent =
        core.known.agent(column.at).map_or_else(String::new, |agent| words::identity(agent, column.slot));
    wrapped(&format!("{agent} · {}", words::provider(column.slot)), Role::Text, wide)
}

fn state_rows(_: &Core, _: &[Column<'_>], column: &Column<'_>, _: usize) -> Rows {
    let (mark, role) = words::state_mark(&column.candidate.state);
    Rows(vec![Row::of(mark, role).text(" ").add(words::state(&column.candidate.state), role)])
}

fn key_rows(core: &Core, all: &[Column<'_>], column: &Column<'_>, _: usize) -> Rows {
    let Some(key) = secret(column) else {
        return Rows(vec![Row::of(words::value(column.candidate), Role::Dim)]);
    };
    let tag = core.known.tag(key).map_or_else(|| "–".to_owned(), |tag| tag.to_string());
    let mut row = Row::of(tag, Role::Tag).text(" ");
    let base = reference(all).and_then(secret).filter(|other| *other != key);
    for (text, differs) in pieces(core, key, base) {
        row = row.add(text, if differs { Role::Differs } else { Role::Text });
    }
    Rows(vec![row])
}

/// The column that others are measured against: the first that holds a key.
fn reference<'a, 'b>(all: &'b [Column<'a>]) -> Option<&'b Column<'a>> {
    all.iter().find(|column| secret(column).is_some())
}

fn secret<'a>(column: &Column<'a>) -> Option<&'a Secret> {
    column.candidate.value.secret().filter(|key| !key.is_empty())
}

/// The beginning, the end and the length of a masked key, each with whether it differs from the other key's.
fn pieces(core: &Core, key: &Secret, base: Option<&Secret>) -> Vec<(String, bool)> {
    let split = |key: &Secret| -> [String; 3] {
        let mask = core.known.mask(key);
        let (shown, length) = mask.as_str().rsplit_once('(').unwrap_or((mask.as_str(), ""));
        let (start, end) = shown.split_once('…').unwrap_or(("", ""));
        [start.to_owned(), end.trim_end().to_owned(), length.trim_end_matches(')').to_owned()]
    };
    let [start, end, length] = split(key);
    let differs = base
        .map(split)
        .map_or([false; 3], |[other, tail, size]| [start != other, end != tail, length != size]);
    let dots = if end.is_empty() { "" } else { "…" };
    vec![
        (start, differs[0]),
        (dots.to_owned(), false),
        (end, differs[1]),
        (" (".to_owned(), false),
        (length, differs[2]),
        (")".to_owned(), false),
    ]
}

fn differs_rows(core: &Core, all: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let (Some(key), Some(first)) = (secret(column), reference(all)) else { return Rows::default() };
    if std::ptr::eq(first.candidate, column.candidate) {
        return wrapped("the others are compared with this one", Role::Dim, wide);
    }
    let Some(base) = secret(first) else { return Rows::default() };
    if base == key {
        return wrapped("no: the same key", Role::Good, wide);
    }
    let pieces = pieces(core, key, Some(base));
    let names = [(0, "beginning"), (2, "last 4"), (4, "length")];
    let differing: Vec<&str> = names
        .iter()
        .filter(|(at, _)| pieces.get(*at).is_some_and(|(_, differs)| *differs))
        .map(|(_, n)| *n)
        .collect();
    let text = if differing.is_empty() {
        "another key: only characters that the mask hides differ".to_owned()
    } else {
        format!("another key: {} differ{}", differing.join(", "), if differing.len() == 1 { "s" } else { "" })
    };
    wrapped(&text, Role::Warn, wide)
}

fn kind_rows(core: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let kind = secret(column).and_then(|key| words::kind(&core.known.catalogue, key));
    kind.map_or_else(Rows::default, |kind| wrapped(&kind, Role::Text, wide))
}

fn source_rows(_: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    wrapped(words::source(column.candidate.source), Role::Text, wide)
}

fn place_rows(core: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    wrapped(&column.candidate.place.show(core.known.home()), Role::Text, wide)
}

fn file_rows(core: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let Some(file) = core.known.file(column.candidate) else { return Rows::default() };
    let open = file.mode & 0o077 != 0;
    let note = if open { ", readable by others" } else { "" };
    let age = parts::age(file.mtime_ms, core.known.scanning.now_ms);
    let role = if open { Role::Warn } else { Role::Text };
    wrapped(&format!("mode {:04o}{note}, changed {age}", file.mode), role, wide)
}

fn tested_rows(core: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let Some(key) = secret(column) else { return Rows::default() };
    match core.known.test(column.slot, key) {
        None => wrapped("○ not in this run", Role::Dim, wide),
        Some(Test::Running(_)) => Rows(vec![Row::of(parts::spinner(core), Role::Accent).text(" testing")]),
        Some(Test::Done(judged)) => {
            let (mark, role) = judged.mark();
            let mut rows = Rows::default();
            rows.hang(
                &Row::of(mark, role).text(" "),
                &format!("{}: {}", judged.word(), judged.line),
                role,
                wide,
            );
            rows
        }
    }
}

fn why_rows(_: &Core, _: &[Column<'_>], column: &Column<'_>, wide: usize) -> Rows {
    let mut rows = wrapped(column.candidate.state.reason(), Role::Text, wide);
    for lint in &column.candidate.lints {
        let (mark, role) = words::lint_mark(lint.severity);
        rows.hang(&Row::of(mark, role).text(" "), &lint.message, Role::Text, wide);
    }
    rows
}

fn wrapped(text: &str, role: Role, wide: usize) -> Rows {
    let mut rows = Rows::default();
    rows.hang(&Row::new(), text, role, wide);
    rows
}
