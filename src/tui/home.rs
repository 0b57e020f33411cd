//! Home: the slots at the left, the chosen slot's candidates at the right, its verdict and the way out underneath.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::plan::SlotId;
use crate::remedy::Remedy;
use crate::resolve::Slot;
use crate::session::SlotRef;

use super::compare::Compare;
use super::core::Core;
use super::explain::Explain;
use super::fix::Fix;
use super::history::History;
use super::keys::{Action, Context};
use super::keyview::KeyList;
use super::known::{self, Tally};
use super::message::{Effect, Input, Job, Returned};
use super::parts::{self, Row};
use super::screen::{Go, Screen, Step};
use super::setup::Setup;
use super::testall::TestAll;
use super::theme::Role;
use super::undo::Undo;
use super::way_out;
use super::ways::Ways;
use super::where_to::Where;
use super::wizard::Wizard;
use super::words;

/// From this many columns on the list and the chosen connection are side by side.
const TWO_PANES: u16 = 76;

pub mod detail;
mod entries;
pub mod list;
mod state;

pub use entries::Order;
pub use state::{Home, Pane};

impl Screen for Home {
    fn context(&self) -> Context {
        if self.filtering { Context::Filter } else { Context::Home }
    }

    fn title(&self, core: &Core) -> String {
        if !core.known.scanned {
            return String::new();
        }
        match core.known.running() {
            0 => format!(" {}", sentence(core.known.tally(), core.known.agents_found())),
            n => format!(" testing {}", parts::count(n, "key", "keys")),
        }
    }

    fn aside(&self, core: &Core) -> Row {
        if core.scanning.is_some() {
            return Row::of(parts::spinner(core), Role::Accent).add(" reading this machine", Role::Dim);
        }
        match core.known.running() {
            0 => numbers(core.known.tally()),
            _ => Row::of(parts::spinner(core), Role::Accent).text("  ").append(numbers(core.known.tally())),
        }
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        let slot = self.slot(&core.known).map(|(_, slot)| slot);
        match action {
            Action::Enter => slot.is_some() && (self.best(core).is_some() || self.offers_tests(core)),
            Action::New | Action::Explain | Action::Fix => slot.is_some(),
            Action::Everywhere => slot.is_some_and(|slot| slot.sent().is_some()),
            Action::Test => slot.is_some_and(|slot| self.key_to_test(slot).is_some()),
            Action::Others => slot.is_some_and(|slot| self.others(core, slot).is_some()),
            Action::Compare => slot.is_some_and(|slot| known::set(slot).count() > 0),
            Action::Use => slot.is_some_and(|slot| known::set(slot).count() > 1),
            Action::TestAll | Action::ByKey => !core.known.scan().keys.is_empty(),
            _ => true,
        }
    }

    fn connection(&self, core: &Core) -> Option<SlotId> {
        self.slot(&core.known).map(|(_, slot)| SlotId::of(slot))
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if self.ways.as_mut().is_some_and(|ways| ways.take(input)) {
            return Step::run(self.look_for_ways(core));
        }
        if let (Input::Returned(_), Some(ways)) = (input, &mut self.ways) {
            ways.again();
        }
        let step = self.take(core, input);
        // Whatever was chosen or learnt, the ways out are those of what is in sight.
        match step.go {
            Go::Stay => {
                let ways = self.look_for_ways(core);
                step.and(ways)
            }
            _ => step,
        }
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let (left, right) = self.panes(area);
        if right.width > 0 {
            detail::draw(core, self, frame, right);
        }
        if left.width > 0 {
            list::draw(core, self, frame, left);
        }
    }
}

/// What the numbers mean, in a sentence.
fn sentence(tally: Tally, agents: usize) -> String {
    let all = tally.all();
    match tally {
        _ if agents == 0 => "no agent was found here".to_owned(),
        _ if all == 0 => format!("{} found, and no key is set up", parts::count(agents, "agent", "agents")),
        Tally { fail: 0, untested: 0, work, .. } if work == all => {
            format!("{} work", parts::count(all, "connection does", "connections"))
                .replace("does work", "works")
        }
        Tally { fail: 0, work: 0, untested, .. } if untested > 0 => {
            format!("{} not tested yet: Enter tests them", parts::count(untested, "key is", "keys are"))
        }
        Tally { fail: 0, untested, .. } if untested > 0 => {
            format!("nothing fails, {} not tested yet", parts::count(untested, "key is", "keys are"))
        }
        Tally { fail: 0, .. } => "nothing fails, as far as keymend can tell".to_owned(),
        Tally { fail, work: 0, untested, .. } if untested > 0 => {
            let keys = parts::count(untested, "key is", "keys are");
            let fails = if fail == 1 { "fails" } else { "fail" };
            format!("{keys} not tested yet: Enter tests them; {fail} {fails} already")
        }
        Tally { fail, untested, .. } => {
            let fails = if fail == 1 { "fails" } else { "fail" };
            let more = if untested == 0 { String::new() } else { format!(", {untested} not tested yet") };
            format!("{fail} of {} {fails}{more}", parts::count(all, "connection", "connections"))
        }
    }
}

/// The same numbers as marks.
fn numbers(tally: Tally) -> Row {
    let marks =
        [("✗", Role::Bad, tally.fail), ("✓", Role::Good, tally.work), ("○", Role::Text, tally.untested)];
    let shown = marks.iter().filter(|(_, _, n)| *n > 0);
    shown.fold(Row::new(), |row, (mark, role, n)| row.add(format!("{mark} {n}"), *role).text("  "))
}

impl Home {
    fn take(&mut self, core: &mut Core, input: &Input) -> Step {
        match *input {
            Input::Do(action) if self.filtering => self.edit_filter(core, action),
            Input::Do(action) => self.act(core, action),
            Input::Char(c) if self.filtering => {
                self.filter.push(c);
                Step::stay()
            }
            Input::Returned(Returned::Chose(ref slot)) => {
                self.chosen = Some(slot.clone());
                self.by_hand = true;
                self.focus(Pane::Slots)
            }
            Input::Look | Input::Returned(_) => self.look(core),
            Input::Wheel(by) => self.walk(core, isize::from(by)),
            Input::Click(at) => self.click(core, at),
            _ => Step::stay(),
        }
    }

    /// Asks for the ways out of the chosen connection where something is wrong with it.
    fn look_for_ways(&mut self, core: &mut Core) -> Vec<Effect> {
        let Some((_, slot)) = self.slot(&core.known) else { return Vec::new() };
        if !core.known.status(slot).problem {
            self.ways = None;
            return Vec::new();
        }
        let id = SlotId::of(slot);
        if self.ways.as_ref().is_none_or(|ways| *ways.slot() != id) {
            self.ways = Some(Ways::of(id));
        }
        match &mut self.ways {
            Some(ways) => ways.keep_up(core),
            None => Vec::new(),
        }
    }

    /// The best way out of the chosen connection, once it is known.
    #[must_use]
    pub fn best<'a>(&'a self, core: &Core) -> Option<&'a Remedy> {
        let (_, slot) = self.slot(&core.known)?;
        let ways = self.ways.as_ref().filter(|ways| *ways.slot() == SlotId::of(slot))?;
        ways.all().next()
    }

    /// Whether Enter tests every key: none was tested yet, or nothing is known against the chosen one.
    #[must_use]
    pub fn offers_tests(&self, core: &Core) -> bool {
        !core.options.offline
            && core.known.running() == 0
            && (self.ways.is_none() || !core.known.tested_any())
            && core.known.tally().untested > 0
    }

    /// The best thing to do: the best way out, else the tests, else all that is known.
    fn enter(&mut self, core: &mut Core) -> Step {
        if self.offers_tests(core) {
            let (_, effects) = TestAll::start(core);
            return Step::run(effects);
        }
        if let (Some(remedy), Some(ways)) = (self.best(core).cloned(), &self.ways) {
            return ways.go(core, &remedy);
        }
        self.act(core, Action::Fix)
    }

    /// A machine with nothing set opens the guided set-up, once.
    fn look(&mut self, core: &mut Core) -> Step {
        // What is chosen stays chosen while verdicts come in; then the worst is, unless the person chose.
        if self.chosen.is_none() || (!self.by_hand && core.known.running() == 0) {
            self.chosen = self.neediest(&core.known);
        }
        let agents = core.known.agents_found();
        let first = core.known.scanned && !std::mem::replace(&mut core.greeted, core.known.scanned);
        if first && agents > 0 && core.known.scan().keys.is_empty() {
            return Setup::open(core);
        }
        Step::stay()
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Step {
        match action {
            Action::Up => self.walk(core, -1),
            Action::Down => self.walk(core, 1),
            Action::PageUp => self.walk(core, -10),
            Action::PageDown => self.walk(core, 10),
            Action::First => self.walk(core, isize::MIN / 2),
            Action::Last => self.walk(core, isize::MAX / 2),
            Action::Left => self.focus(Pane::Slots),
            Action::Right => self.focus(Pane::Candidates),
            Action::NextPane => {
                let next = if self.pane == Pane::Slots { Pane::Candidates } else { Pane::Slots };
                self.focus(next)
            }
            Action::Filter => {
                self.filtering = true;
                self.focus(Pane::Slots)
            }
            Action::Back => {
                self.filter.clear();
                self.focus(Pane::Slots)
            }
            Action::Rescan => Step::run(core.scan()),
            Action::TestAll => {
                let (all, effects) = TestAll::start(core);
                Step::push(all).and(effects)
            }
            Action::Setup => Setup::open(core),
            Action::History => {
                let (history, effects) = History::open(core);
                Step::push(history).and(effects)
            }
            Action::Undo => {
                let (undo, effects) = Undo::open(core, None);
                Step::push(undo).and(effects)
            }
            Action::Enter => self.enter(core),
            Action::ByNeed => self.sort(Order::Need),
            Action::ByAgent => self.sort(Order::Agent),
            Action::NextBroken => self.broken(core, true),
            Action::LastBroken => self.broken(core, false),
            Action::ByKey => {
                let (keys, effects) = KeyList::open(core);
                Step::push(keys).and(effects)
            }
            other => self.on_slot(core, other),
        }
    }

    /// What concerns the chosen slot.
    fn on_slot(&mut self, core: &mut Core, action: Action) -> Step {
        let Some((at, slot)) = self.slot(&core.known) else {
            core.say("no slot is chosen", Role::Warn);
            return Step::stay();
        };
        match action {
            Action::New => Step::push(Wizard::for_slot(slot)),
            Action::Everywhere => {
                let Some(key) = slot.sent().map(|sent| sent.key.clone()) else {
                    core.say("no key is sent here that could be replaced", Role::Warn);
                    return Step::stay();
                };
                let (keys, effects) = KeyList::at(core, &key);
                Step::push(keys).and(effects)
            }
            Action::Fix => {
                let slot = slot.clone();
                let (fix, effects) = Fix::open(core, &slot);
                Step::push(fix).and(effects)
            }
            Action::Use => {
                // What the foot of the screen offers is done with its key.
                let offered = || way_out::working_neighbour(&core.known, slot);
                let picked = self.other(slot).or_else(offered).zip(core.known.agent(at));
                let Some((n, agent)) = picked else {
                    core.say("choose another candidate first: Tab, then the arrows", Role::Warn);
                    return Step::stay();
                };
                let slot = slot.clone();
                let (wizard, effects) = Wizard::using(core, agent, &slot, n);
                Step::push(wizard).and(effects)
            }
            Action::Copy => Self::copy(at, core, slot),
            Action::Explain => Step::push(Explain::new(SlotId::of(slot))),
            Action::Compare => Step::push(Compare::of_slot(at, slot)),
            Action::Others => self.others(core, slot).map_or_else(
                || {
                    core.say("there is no other address to test this key at", Role::Warn);
                    Step::stay()
                },
                Step::push,
            ),
            Action::Test => {
                let Some(job) = self.key_to_test(slot).and_then(|key| Job::of(slot, key)) else {
                    core.say("no test is known for this provider", Role::Warn);
                    return Step::stay();
                };
                match (words::foreign(&core.known.catalogue, slot), core.known.asks(slot, &job.key)) {
                    (Some(address), true) => Step::push(Where::new(job, address)),
                    (Some(address), false) => Step::run(core.probe(vec![job.at(address)])),
                    (None, _) => Step::run(core.probe(vec![job])),
                }
            }
            _ => Step::stay(),
        }
    }

    /// The chosen candidate's key, or with the keyboard at the left what is sent.
    fn key_to_test<'a>(&self, slot: &'a Slot) -> Option<&'a crate::secret::Secret> {
        match self.pane {
            Pane::Slots => slot.sent().map(|sent| &sent.key),
            Pane::Candidates => slot.candidates.get(self.candidate(slot))?.value.secret(),
        }
    }

    /// The question before the addresses that the last test left out.
    fn others(&self, core: &Core, slot: &Slot) -> Option<Where> {
        Where::others(core, slot, self.key_to_test(slot)?)
    }

    fn edit_filter(&mut self, core: &Core, action: Action) -> Step {
        match action {
            // The slot that was found stays chosen when the filter is cleared.
            Action::Enter => {
                self.filtering = false;
                self.chosen = self.slot(&core.known).map(|(_, slot)| SlotId::of(slot));
            }
            Action::Back => {
                self.filtering = false;
                self.filter.clear();
            }
            Action::Erase => {
                self.filter.pop();
            }
            Action::Up => return self.walk(core, -1),
            Action::Down => return self.walk(core, 1),
            _ => {}
        }
        Step::stay()
    }

    fn focus(&mut self, pane: Pane) -> Step {
        self.pane = pane;
        if pane == Pane::Slots {
            self.candidate = None;
        }
        Step::stay()
    }

    fn walk(&mut self, core: &Core, by: isize) -> Step {
        let Some((at, slot)) = self.slot(&core.known) else { return Step::stay() };
        if self.pane == Pane::Candidates {
            let next = parts::step(self.candidate(slot), by, slot.candidates.len());
            self.candidate = Some(next);
            return Step::stay();
        }
        let visible = entries::visible(&core.known, &self.filter, self.order);
        let here = visible.iter().position(|other| *other == at).unwrap_or(0);
        let next = visible.get(parts::step(here, by, visible.len())).and_then(|at| core.known.slot(*at));
        self.chosen = next.map(SlotId::of);
        self.by_hand = true;
        Step::stay()
    }

    /// The two halves of the body; in a narrow terminal the one where the keyboard is.
    fn panes(&self, body: Rect) -> (Rect, Rect) {
        let none = Rect { width: 0, ..body };
        match self.pane {
            _ if body.width >= TWO_PANES => halves(body),
            Pane::Slots => (body, none),
            Pane::Candidates => (none, body),
        }
    }

    /// What the connection sends, masked, and from where, on the clipboard.
    fn copy(at: SlotRef, core: &Core, slot: &Slot) -> Step {
        let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
        let head = format!("{agent} → {}", words::provider(slot));
        let text = match (slot.sent(), slot.active_candidate()) {
            (Some(sent), Some(active)) => {
                let place = active.place.show(core.known.home());
                let word = core.known.status(slot).word;
                format!("{head} sends {} from {place}: {word}", core.known.mask(&sent.key))
            }
            _ => format!("{head}: {}", words::unsent(&slot.outcome)),
        };
        Step::run(vec![Effect::Copy(text)])
    }

    fn sort(&mut self, order: Order) -> Step {
        self.order = order;
        self.focus(Pane::Slots)
    }

    /// To the next connection that fails, or to the one before; round the end.
    fn broken(&mut self, core: &mut Core, forward: bool) -> Step {
        let visible = entries::visible(&core.known, &self.filter, self.order);
        let here = self.slot(&core.known).and_then(|(at, _)| visible.iter().position(|other| *other == at));
        let fails =
            |at: &usize| core.known.slot(visible[*at]).is_some_and(|slot| core.known.status(slot).problem);
        let len = visible.len();
        let mut round =
            (1..=len).map(|by| (here.unwrap_or(0) + if forward { by } else { len - by }) % len.max(1));
        let next = round.find(fails).and_then(|at| core.known.slot(visible[at]));
        let Some(next) = next.map(SlotId::of) else {
            core.say("nothing fails, as far as is known", Role::Good);
            return Step::stay();
        };
        self.chosen = Some(next);
        self.by_hand = true;
        self.focus(Pane::Slots)
    }

    fn click(&mut self, core: &Core, at: Position) -> Step {
        let (_, body, _) = parts::split(core.area());
        let (left, right) = self.panes(body);
        if left.contains(at) {
            self.focus(Pane::Slots);
            if let Some(slot) = list::slot_at(core, self, left, at).and_then(|at| core.known.slot(at)) {
                self.chosen = Some(SlotId::of(slot));
                self.by_hand = true;
            }
        } else if right.contains(at) {
            self.focus(Pane::Candidates);
            self.candidate = detail::candidate_at(core, self, right, at);
        }
        Step::stay()
    }
}

/// The two halves of the body.
fn halves(body: Rect) -> (Rect, Rect) {
    let width = (body.width * 47 / 100).clamp(30, 54);
    let left = Rect { width, ..body };
    // The panes share the border between them.
    let right = Rect { x: body.x + width - 1, width: body.width - width + 1, ..body };
    (left, right)
}
