//! Compare: who sends what, in rows: the sources of one connection, every connection to the same provider, or everything.
//! Parts of a masked key that differ from the base are marked and named.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::plan::SlotId;
use crate::resolve::{Candidate, Slot};
use crate::secret::Secret;
use crate::session::SlotRef;

use super::core::Core;
use super::keys::{Action, Context};
use super::known;
use super::known::Test;
use super::message::{Input, Job, Returned};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::wizard::Wizard;
use super::{slotview, words};

/// The columns of the labels.
const LABEL: usize = 8;
/// The least columns of a candidate in the boxes.
const NARROW: usize = 31;
/// From this many columns on the sources of the chosen connection are side by side below the list.
const BOXES: usize = 110;

/// Which connections are in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Every source of one connection.
    Connection,
    /// Every connection to the same provider.
    Provider,
    /// What every connection sends.
    Everything,
}

impl Scope {
    const fn next(self) -> Self {
        match self {
            Self::Connection => Self::Provider,
            Self::Provider => Self::Everything,
            Self::Everything => Self::Connection,
        }
    }
}

/// The state of the compare screen.
#[derive(Debug)]
pub struct Compare {
    slot: SlotId,
    scope: Scope,
    at: usize,
    /// The key that the others are compared with; the first one until another is chosen.
    base: Option<Secret>,
    /// Rows with the base's key are left out.
    only_others: bool,
}

/// One row: a source in its connection.
struct Column<'a> {
    at: SlotRef,
    slot: &'a Slot,
    index: usize,
    candidate: &'a Candidate,
}

impl Column<'_> {
    fn is_sent(&self) -> bool {
        self.slot.active == Some(self.index)
    }
}

impl Screen for Compare {
    fn context(&self) -> Context {
        Context::Compare
    }

    fn title(&self, core: &Core) -> String {
        let provider = core.known.find(&self.slot).and_then(|at| core.known.slot(at)).map(words::provider);
        let provider = provider.unwrap_or_default();
        match self.scope {
            Scope::Connection => format!(" compare · the sources of one connection to {provider}"),
            Scope::Provider => format!(" compare · who sends what to {provider}"),
            Scope::Everything => " compare · what every connection sends".to_owned(),
        }
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        let chosen = |fits: fn(&Column<'_>) -> bool| self.columns(core).get(self.at).is_some_and(fits);
        match action {
            Action::Use => chosen(|row| !row.is_sent() && secret(row).is_some()),
            Action::Base => chosen(|row| secret(row).is_some()),
            _ => true,
        }
    }

    fn connection(&self, core: &Core) -> Option<SlotId> {
        self.columns(core).get(self.at).map(|column| SlotId::of(column.slot))
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let columns = self.columns(core);
        let len = columns.len();
        self.at = self.at.min(len.saturating_sub(1));
        let chosen = columns.get(self.at);
        let by = match *input {
            Input::Do(Action::Back | Action::Compare) => return Step::back(),
            Input::Do(Action::Enter) => {
                let slot = chosen.map_or_else(|| self.slot.clone(), |column| SlotId::of(column.slot));
                return Step::back_with(Returned::Chose(slot));
            }
            Input::Do(Action::NextPane) => return self.widen(core),
            Input::Do(Action::Hide) => {
                self.only_others = !self.only_others;
                0
            }
            Input::Do(Action::Base) => {
                let key = chosen.and_then(secret).cloned();
                self.base = key.or_else(|| self.base.clone());
                0
            }
            Input::Do(Action::Explain) => {
                return chosen.map_or_else(Step::stay, |column| Step::explain(SlotId::of(column.slot)));
            }
            Input::Do(Action::Use) => {
                let chosen = chosen.filter(|column| !column.is_sent());
                let picked = chosen.map(|column| (column.at, column.slot.clone(), column.index));
                let Some((at, slot, n)) = picked else {
                    core.say("choose a row that is not sent yet", Role::Warn);
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
                let mut jobs: Vec<Job> = Vec::new();
                for column in &columns {
                    let job = secret(column).and_then(|key| Job::of(column.slot, key));
                    jobs.extend(job.filter(|job| jobs.iter().all(|other| other.tested != job.tested)));
                }
                return Step::run(core.probe(jobs));
            }
            Input::Do(Action::Up | Action::Left) => -1,
            Input::Do(Action::Down | Action::Right) => 1,
            Input::Do(Action::PageUp) => -10,
            Input::Do(Action::PageDown) => 10,
            Input::Do(Action::First) => isize::MIN / 2,
            Input::Do(Action::Last) => isize::MAX / 2,
            Input::Wheel(by) => isize::from(by),
            _ => 0,
        };
        self.at = parts::step(self.at, by, len);
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let columns = self.columns(core);
        let inner = parts::pane(core, frame, area, &self.heading(core, &columns), true);
        let (wide, height) = (usize::from(inner.width), usize::from(inner.height));
        let below = self.below(core, &columns, wide);
        let list = columns.len().min(height.saturating_sub(below.len() + 2).max(height / 3)).max(1);
        let skip = parts::scroll_to(self.at, columns.len(), list);
        let base = self.base_of(&columns);
        let rows = columns.iter().enumerate().skip(skip).take(list);
        let lines: Vec<Line> =
            rows.map(|(at, column)| self.line(core, &columns, at, column, base.as_ref(), wide)).collect();
        frame.render_widget(Paragraph::new(lines), inner);
        parts::more(core, frame, area, skip, columns.len(), list);
        let y = inner.y + u16::try_from(list + 1).unwrap_or(0);
        let rest = Rect { y, height: inner.bottom().saturating_sub(y), ..inner };
        below.draw(core, frame, rest, 0);
    }
}

impl Compare {
    /// The sources of `slot`, or where it has only one, every connection to the same provider.
    #[must_use]
    pub fn of_slot(_at: SlotRef, slot: &Slot) -> Self {
        let scope = if known::set(slot).count() < 2 { Scope::Provider } else { Scope::Connection };
        Self { slot: SlotId::of(slot), scope, at: 0, base: None, only_others: false }
    }

    /// The next scope, with the same row chosen where it is in it.
    fn widen(&mut self, core: &Core) -> Step {
        let chosen = self.columns(core).get(self.at).map(|column| (column.at, column.index));
        if let Some((at, _)) = chosen
            && let Some(slot) = core.known.slot(at)
        {
            self.slot = SlotId::of(slot);
        }
        self.scope = self.scope.next();
        let same = |column: &Column<'_>| Some((column.at, column.index)) == chosen;
        self.at = self.columns(core).iter().position(same).unwrap_or(0);
        Step::stay()
    }

    fn columns<'a>(&self, core: &'a Core) -> Vec<Column<'a>> {
        let Some(own) = core.known.find(&self.slot).and_then(|at| core.known.slot(at).map(|slot| (at, slot)))
        else {
            return Vec::new();
        };
        let same = |slot: &Slot| match &own.1.provider {
            Some(provider) => slot.provider.as_ref() == Some(provider),
            None => slot.agent_provider == own.1.agent_provider,
        };
        let others = core.known.real_slots().filter(|(at, ..)| *at != own.0).map(|(at, _, slot)| (at, slot));
        let slots: Vec<(SlotRef, &Slot)> = match self.scope {
            Scope::Connection => vec![own],
            Scope::Provider => std::iter::once(own).chain(others.filter(|(_, slot)| same(slot))).collect(),
            Scope::Everything => core.known.real_slots().map(|(at, _, slot)| (at, slot)).collect(),
        };
        let mut rows: Vec<Column<'a>> = Vec::new();
        for (at, slot) in slots {
            let sent = slot.active.and_then(|index| Some((index, slot.candidates.get(index)?)));
            let rest = known::set(slot).filter(|(index, _)| slot.active != Some(*index));
            let rest = rest.take(if self.scope == Scope::Everything { 0 } else { usize::MAX });
            let all = sent.into_iter().chain(rest);
            rows.extend(all.map(|(index, candidate)| Column { at, slot, index, candidate }));
        }
        if self.only_others
            && let Some(base) = self.base_of(&rows)
        {
            let mut first = true;
            rows.retain(|row| secret(row) != Some(&base) || std::mem::take(&mut first));
        }
        rows
    }

    /// The key that the rows are compared with.
    fn base_of(&self, rows: &[Column<'_>]) -> Option<Secret> {
        let here = |base: &&Secret| rows.iter().any(|row| secret(row) == Some(*base));
        self.base.as_ref().filter(here).or_else(|| rows.iter().find_map(secret)).cloned()
    }

    /// `2 distinct keys: D at 3 places, E at 1 place`.
    fn heading(&self, core: &Core, rows: &[Column<'_>]) -> String {
        let mut keys: Vec<(&Secret, usize)> = Vec::new();
        for key in rows.iter().filter_map(secret) {
            match keys.iter_mut().find(|(other, _)| *other == key) {
                Some((_, n)) => *n += 1,
                None => keys.push((key, 1)),
            }
        }
        let hidden = if self.only_others { " · the base's rows are hidden" } else { "" };
        let named = keys.iter().filter_map(|(key, n)| Some(format!("{} ×{n}", core.known.tag(key)?)));
        let named = named.take(8).collect::<Vec<_>>().join("  ");
        format!("{}: {named}{hidden}", parts::count(keys.len(), "distinct key", "distinct keys"))
    }

    /// `▌● OpenClaw · main   D …mVAA (108)  base  profile default  ✗ invalid`.
    fn line(
        &self,
        core: &Core,
        all: &[Column<'_>],
        at: usize,
        column: &Column<'_>,
        base: Option<&Secret>,
        wide: usize,
    ) -> Line<'static> {
        let chosen = at == self.at;
        let roomy = wide >= BOXES;
        let first = at == 0 || all.get(at - 1).is_none_or(|before| before.at != column.at);
        let agent = core.known.agent(column.at);
        let name = agent.map_or_else(String::new, |agent| words::identity(agent, column.slot));
        let name = match self.scope {
            Scope::Everything => format!("{name} → {}", words::provider(column.slot)),
            _ => name.replacen(" Agent", "", 1),
        };
        let name = if first { name } else { "│".to_owned() };
        let (mark, role) = words::state_mark(&column.candidate.state);
        let role = if column.is_sent() { Role::Good } else { role };
        let mut row = Row::of(if chosen { "▌" } else { " " }, Role::Accent)
            .cell(name, if roomy { 34 } else { 17 }, if first { Role::Strong } else { Role::Dim })
            .text(" ")
            .add(mark, role)
            .text(" ");
        if roomy {
            row = row.cell(if column.is_sent() { "SENT" } else { "not sent" }, 10, role);
        }
        let key_at = row.width();
        row = Self::key(core, row, column, base, roomy).fill(key_at + if roomy { 30 } else { 15 });
        let (text, role) = against(core, secret(column), base, column.is_sent() && at == 0);
        row = row.text(" ").cell(text, 9, role).text(" ");
        let test = secret(column).and_then(|key| core.known.test(column.slot, key));
        let verdict = match test {
            None => Row::of("○ untested", Role::Dim),
            Some(Test::Running(_)) => Row::of(parts::spinner(core), Role::Accent).text(" testing"),
            Some(Test::Done(judged)) => {
                let (mark, role) = judged.mark();
                Row::of(format!("{mark} {}", judged.word()), role)
            }
        };
        let room = wide.saturating_sub(row.width() + 14);
        let row = row.cell(slotview::place(core, column.candidate, room), room, Role::Text).text(" ");
        row.append(verdict).cut(wide).fill(wide).line(core, chosen.then_some(Role::Cursor))
    }

    fn key(core: &Core, row: Row, column: &Column<'_>, base: Option<&Secret>, whole: bool) -> Row {
        let Some(key) = secret(column) else {
            return row.add(words::value(column.candidate), Role::Dim);
        };
        let tag = core.known.tag(key).map_or_else(|| "–".to_owned(), |tag| tag.to_string());
        let mut row = row.cell(tag, 2, Role::Tag).text(" ");
        let base = base.filter(|other| *other != key);
        for (at, (text, differs)) in pieces(core, key, base).into_iter().enumerate() {
            if whole || at > 0 {
                row = row.add(text, if differs { Role::Differs } else { Role::Text });
            }
        }
        row
    }

    /// The chosen row in full; where there is room, its connection's sources side by side.
    fn below(&self, core: &Core, rows: &[Column<'_>], wide: usize) -> Rows {
        let Some(column) = rows.get(self.at) else { return Rows::default() };
        if wide >= BOXES {
            let whole = |(index, candidate)| Column { at: column.at, slot: column.slot, index, candidate };
            let all: Vec<Column<'_>> = known::set(column.slot).map(whole).collect();
            let chosen = all.iter().position(|other| other.index == column.index).unwrap_or(0);
            let fit = ((wide - LABEL) / NARROW).clamp(1, all.len().max(1));
            let each = ((wide - LABEL) / fit).saturating_sub(1).min(56);
            let first = parts::scroll_to(chosen, all.len(), fit);
            let shown = all.get(first..(first + fit).min(all.len())).unwrap_or_default();
            return table(core, &all, shown, first, chosen, each);
        }
        let mut out = Rows::default();
        for (label, attribute) in ATTRIBUTES {
            if label == "slot" || label == "state" {
                continue;
            }
            let cells = attribute(core, rows, column, wide.saturating_sub(LABEL));
            for (at, cell) in cells.0.into_iter().enumerate() {
                out.push(Row::new().cell(if at == 0 { label } else { "" }, LABEL, Role::Dim).append(cell));
            }
        }
        out
    }
}

/// A key against the base in a word or two.
fn against(core: &Core, key: Option<&Secret>, base: Option<&Secret>, is_first: bool) -> (&'static str, Role) {
    match (key, base) {
        (Some(key), Some(base)) if key == base && is_first => ("base", Role::Dim),
        (Some(key), Some(base)) if key == base => ("= same", Role::Good),
        (Some(key), Some(base)) => {
            let pieces = pieces(core, key, Some(base));
            let differs = |at: usize| pieces.get(at).is_some_and(|(_, differs)| *differs);
            match (differs(0), differs(2), differs(4)) {
                (true, ..) => ("≠ start", Role::Warn),
                (_, _, true) => ("≠ length", Role::Warn),
                (_, true, _) => ("≠ last 4", Role::Warn),
                _ => ("≠ inside", Role::Warn),
            }
        }
        _ => ("", Role::Dim),
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
