//! View by key: every distinct key at the left, all places where the chosen one is at the right, ticked for a
//! replacement; and the slots of the same provider that hold another key.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::secret::Secret;
use crate::session::key_places::Spot;
use crate::session::{KeyView, SlotRef};
use crate::source::Place;

use super::core::Core;
use super::everywhere;
use super::keys::{Action, Context};
use super::known::Ticket;
use super::known::{Grade, Test};
use super::message::Job;
use super::message::{Answer, Effect, Input};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::testall::TestAll;
use super::theme::Role;
use super::wizard::Wizard;
use super::words;

/// The state of the view by key.
#[derive(Debug, Default)]
pub struct KeyList {
    key: usize,
    place: usize,
    at_places: bool,
    unticked: BTreeSet<(usize, usize)>,
    asking: Option<Ticket>,
    /// What a new key would do at each place, in its agent's words.
    effects: Vec<(Place, Result<String, String>)>,
}

impl Screen for KeyList {
    fn context(&self) -> Context {
        Context::Keys
    }

    fn title(&self, core: &Core) -> String {
        format!(" by key · {}", parts::count(core.known.scan().keys.len(), "distinct key", "distinct keys"))
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(answer) = input.answer(self.asking) {
            self.asking = None;
            if let Answer::Effects(effects) = answer {
                self.effects.clone_from(effects);
            }
            return Step::stay();
        }
        let places = self.chosen(core).map_or(0, |view| core.known.scan().spots(view).len());
        match *input {
            Input::Look | Input::Returned(_) if self.asking.is_none() => return Step::run(self.ask(core)),
            Input::Do(Action::Back) => return Step::back(),
            Input::Do(Action::Left) => self.at_places = false,
            Input::Do(Action::Right) => self.at_places = true,
            Input::Do(Action::NextPane) => self.at_places = !self.at_places,
            Input::Do(Action::Tick) => {
                self.at_places = true;
                self.toggle(self.place.min(places.saturating_sub(1)));
            }
            Input::Do(Action::TickAll) => self.tick_all(places),
            Input::Do(Action::New) => return self.replace(core, None),
            Input::Paste(ref text) => return self.replace(core, Some(text)),
            Input::Do(Action::Test) => return self.test(core),
            Input::Do(Action::TestAll) => {
                let (all, effects) = TestAll::start(core);
                return Step::push(all).and(effects);
            }
            Input::Do(Action::Up) => self.walk(core, -1, places),
            Input::Do(Action::Down) => self.walk(core, 1, places),
            Input::Do(Action::First) => self.walk(core, isize::MIN / 2, places),
            Input::Do(Action::Last) => self.walk(core, isize::MAX / 2, places),
            Input::Do(Action::PageUp) => self.walk(core, -10, places),
            Input::Do(Action::PageDown) => self.walk(core, 10, places),
            Input::Wheel(by) => self.walk(core, isize::from(by), places),
            Input::Click(at) => self.click(core, at),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let (left, right) = panes(area);
        self.draw_keys(core, frame, left);
        let Some(view) = self.chosen(core) else { return };
        let title = format!("{} {}", name(core, &view.key), view.mask);
        let inner = parts::pane(core, frame, right, &title, self.at_places);
        self.draw_places(core, frame, inner, view);
    }
}

impl KeyList {
    /// The view, and the question what a new key would do where.
    pub fn open(core: &mut Core) -> (Self, Vec<Effect>) {
        let mut keys = Self::default();
        let effects = keys.ask(core);
        (keys, effects)
    }

    /// The view with this key chosen, and the keyboard at its places.
    pub fn at(core: &mut Core, key: &Secret) -> (Self, Vec<Effect>) {
        let (mut keys, effects) = Self::open(core);
        keys.key = core.known.scan().keys.iter().position(|view| view.key == *key).unwrap_or(0);
        keys.at_places = true;
        (keys, effects)
    }

    fn ask(&mut self, core: &mut Core) -> Vec<Effect> {
        let ticket = core.ticket();
        self.asking = Some(ticket);
        vec![Effect::Effects(ticket)]
    }

    /// The chosen key.
    #[must_use]
    pub fn chosen<'a>(&self, core: &'a Core) -> Option<&'a KeyView> {
        let keys = &core.known.scan().keys;
        keys.get(self.key.min(keys.len().saturating_sub(1)))
    }

    /// The ticked places of the chosen key.
    #[must_use]
    pub fn ticked(&self, core: &Core) -> Vec<Place> {
        let Some(view) = self.chosen(core) else { return Vec::new() };
        let company = core.known.scan().company(&core.known.catalogue, view);
        let spots = core.known.scan().spots(view).into_iter().enumerate();
        let can =
            |(at, spot): &(usize, Spot<'_>)| self.is_ticked(*at) && self.change(core, company, spot).is_ok();
        spots.filter(can).map(|(_, spot)| spot.candidate.place.clone()).collect()
    }

    /// What a new key would do at a place: in its agent's words as soon as they are there.
    fn change(&self, core: &Core, company: Option<&str>, spot: &Spot<'_>) -> Result<String, String> {
        everywhere::change(core, &self.effects, company, spot)
    }

    fn is_ticked(&self, at: usize) -> bool {
        !self.unticked.contains(&(self.key, at))
    }

    /// Which places are ticked; one that cannot be written never is.
    fn tick_of(&self, at: usize, change: &Result<String, String>) -> &'static str {
        match (change, self.is_ticked(at)) {
            (Err(_), _) => "[-] ",
            (Ok(_), true) => "[x] ",
            (Ok(_), false) => "[ ] ",
        }
    }

    fn toggle(&mut self, at: usize) {
        if !self.unticked.remove(&(self.key, at)) {
            self.unticked.insert((self.key, at));
        }
    }

    fn tick_all(&mut self, places: usize) {
        let all = (0..places).all(|at| self.is_ticked(at));
        for at in 0..places {
            if all == self.is_ticked(at) {
                self.toggle(at);
            }
        }
    }

    fn walk(&mut self, core: &Core, by: isize, places: usize) {
        if self.at_places {
            self.place = parts::step(self.place, by, places);
        } else {
            self.key = parts::step(self.key, by, core.known.scan().keys.len());
            self.place = 0;
        }
    }

    fn click(&mut self, core: &Core, at: Position) {
        let (_, body, _) = parts::split(core.area());
        let (left, right) = panes(body);
        let len = core.known.scan().keys.len();
        let row = usize::from(at.y.saturating_sub(left.y + 1));
        if left.contains(at) {
            self.at_places = false;
            let skip = parts::scroll_to(self.key, len, usize::from(left.height.saturating_sub(2)));
            self.key = (row + skip).min(len.saturating_sub(1));
        } else if right.contains(at) {
            self.at_places = true;
        }
    }

    /// Opens the wizard for one new key at every ticked place.
    fn replace(&self, core: &mut Core, pasted: Option<&Secret>) -> Step {
        let places = self.ticked(core);
        let Some(view) = self.chosen(core) else { return Step::stay() };
        if places.is_empty() {
            core.say("tick a place with the space bar first", Role::Warn);
            return Step::stay();
        }
        let slots = everywhere::readers(core, view, &places);
        let wizard = Wizard::for_places(&core.known, view.key.clone(), places, &slots);
        let Some(text) = pasted else { return Step::push(wizard) };
        let (wizard, effects) = wizard.given(core, text);
        Step::push(wizard).and(effects)
    }

    /// Tests the chosen key at every provider whose slots hold it.
    fn test(&self, core: &mut Core) -> Step {
        let Some(view) = self.chosen(core) else { return Step::stay() };
        let mut jobs: Vec<Job> = Vec::new();
        for (at, _) in &view.places {
            let job = core.known.slot(*at).and_then(|slot| Job::of(slot, &view.key));
            jobs.extend(job.filter(|job| jobs.iter().all(|other| other.tested != job.tested)));
        }
        Step::run(core.probe(jobs))
    }

    fn draw_keys(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "Keys", !self.at_places);
        let inner = Rect { x: inner.x - 1, width: inner.width + 2, ..inner };
        let keys = &core.known.scan().keys;
        let height = usize::from(inner.height);
        let skip = parts::scroll_to(self.key, keys.len(), height);
        let columns = usize::from(inner.width);
        let lines: Vec<Line> = keys
            .iter()
            .enumerate()
            .skip(skip)
            .take(height)
            .map(|(at, view)| self.key_row(core, at, view, columns))
            .collect();
        frame.render_widget(Paragraph::new(lines), inner);
        parts::more(core, frame, area, skip, keys.len(), height);
    }

    fn key_row(&self, core: &Core, at: usize, view: &KeyView, columns: usize) -> Line<'static> {
        let chosen = at == self.key;
        let (mark, role) = verdict_mark(core, view);
        let count = format!("×{}", core.known.scan().spots(view).len());
        let row = Row::of(if chosen { " ▸ " } else { "   " }, Role::Accent)
            .add(mark, role)
            .text(" ")
            .cell(name(core, &view.key), 2, Role::Tag)
            .text(" ")
            .cell(view.mask.as_str(), columns.saturating_sub(13), Role::Text)
            .text(" ")
            .cell(count, 4, Role::Dim);
        let over = if self.at_places { Role::Chosen } else { Role::Cursor };
        row.fill(columns).line(core, chosen.then_some(over))
    }

    fn draw_places(&self, core: &Core, frame: &mut Frame, area: Rect, view: &KeyView) {
        let columns = usize::from(area.width);
        let spots = core.known.scan().spots(view);
        let company = core.known.scan().company(&core.known.catalogue, view);
        let mut lines: Vec<Line> = Vec::new();
        let mut before = 0;
        let chosen = self.place.min(spots.len().saturating_sub(1));
        for (at, spot) in spots.iter().enumerate() {
            let over = (at == chosen && self.at_places).then_some(Role::Cursor);
            if at == chosen {
                before = lines.len();
            }
            for row in self.spot_rows(core, (at, company), spot, columns).0 {
                lines.push(row.cut(columns).fill(columns).line(core, over));
            }
        }
        let height = usize::from(area.height);
        let odd = odd_ones(core, view, columns);
        let list = lines.len().min(height.saturating_sub((odd.len() + 1).min(height / 2)));
        let skip = parts::scroll_to(before, lines.len(), list);
        let shown: Vec<Line> = lines.into_iter().skip(skip).take(list).collect();
        frame.render_widget(Paragraph::new(shown), area);
        let y = area.y + u16::try_from(list + 1).unwrap_or(0);
        odd.draw(core, frame, Rect { y, height: area.bottom().saturating_sub(y), ..area }, 0);
    }

    /// A place with its tick, what a new key would do there, and the slots that read it and whether they send it.
    fn spot_rows(
        &self,
        core: &Core,
        (at, company): (usize, Option<&str>),
        spot: &Spot<'_>,
        columns: usize,
    ) -> Rows {
        let change = self.change(core, company, spot);
        let source = words::short_source(spot.candidate.source);
        let place = &spot.candidate.place;
        let shown = parts::fit_path(&place.show(core.known.home()), columns.saturating_sub(12));
        let mut rows = Rows::default();
        rows.push(Row::of(self.tick_of(at, &change), Role::Accent).cell(source, 8, Role::Dim).text(shown));
        let (text, role) = match change {
            Ok(text) => (text, Role::Dim),
            Err(text) => (text, Role::Warn),
        };
        rows.hang(&Row::of("    ", Role::Text), &text, role, columns);
        for (slot_at, slot, index) in &spot.slots {
            let Some(candidate) = slot.candidates.get(*index) else { continue };
            let agent =
                core.known.agent(*slot_at).map_or_else(String::new, |agent| words::identity(agent, slot));
            let (mark, role) = words::state_mark(&candidate.state);
            rows.push(
                Row::of("    ", Role::Text)
                    .add(mark, role)
                    .text(" ")
                    .text(format!("{agent} · {}  ", words::provider(slot)))
                    .add(words::state(&candidate.state), Role::Dim),
            );
        }
        rows
    }
}

fn panes(body: Rect) -> (Rect, Rect) {
    let width = (body.width * 42 / 100).clamp(20, 48);
    let left = Rect { width, ..body };
    (left, Rect { x: body.x + width - 1, width: body.width - width + 1, ..body })
}

fn name(core: &Core, key: &Secret) -> String {
    core.known.tag(key).map_or_else(|| "–".to_owned(), |tag| tag.to_string())
}

/// The worst answer that the key got anywhere.
fn verdict_mark(core: &Core, view: &KeyView) -> (&'static str, Role) {
    let tests: Vec<&Test> = view
        .places
        .iter()
        .filter_map(|(at, _)| core.known.slot(*at).and_then(|slot| core.known.test(slot, &view.key)))
        .collect();
    let worst = |grade: Grade| {
        tests.iter().find_map(|test| match test {
            Test::Done(judged) if judged.grade == grade => Some(judged.mark()),
            _ => None,
        })
    };
    if tests.iter().any(|test| matches!(test, Test::Running(_))) {
        return (parts::spinner(core), Role::Accent);
    }
    worst(Grade::Rejected)
        .or_else(|| worst(Grade::Unproven))
        .or_else(|| worst(Grade::Works))
        .unwrap_or(("○", Role::Text))
}

/// The slots of the same providers that send something else.
fn odd_ones(core: &Core, view: &KeyView, columns: usize) -> Rows {
    let own: Vec<SlotRef> = view.places.iter().map(|(at, _)| *at).collect();
    let providers: BTreeSet<&str> =
        own.iter().filter_map(|at| core.known.slot(*at)?.provider.as_deref()).collect();
    let mut rows = Rows::default();
    for (_, agent, slot) in core.known.real_slots() {
        let here = slot.provider.as_deref().is_some_and(|provider| providers.contains(provider));
        let Some(sent) = slot.sent().filter(|sent| here && sent.key != view.key) else { continue };
        if rows.is_empty() {
            rows.push(Row::of("The same provider, another key:", Role::Warn));
        }
        let row = Row::of("  ", Role::Text).add(name(core, &sent.key), Role::Tag).text("  ");
        let text = format!("{} · {}", words::identity(agent, slot), words::provider(slot));
        rows.push(row.text(text).cut(columns));
    }
    rows
}
