//! The guided first set-up: the agents found on this machine, then their providers, then the wizard for each; a key
//! that several agents need is entered and tested once.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::agents;
use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::secret::Secret;

use super::core::Core;
use super::keys::{Action, Context};
use super::known::Ticket;
use super::message::Returned;
use super::message::{Answer, Effect, Input};
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::wizard::Wizard;
use super::words;

/// The state of the set-up.
#[derive(Debug, Default)]
pub struct Setup {
    stage: Stage,
    at: usize,
    /// Agents that are left out.
    without: BTreeSet<&'static str>,
    /// Providers that are wanted, by their name in the list.
    wanted: BTreeSet<String>,
    /// Agents that have no place for a key.
    placeless: Vec<&'static str>,
    queue: Vec<Item>,
    waiting: Option<Ticket>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Agents,
    Providers,
    Keys,
}

/// One slot to set up.
#[derive(Debug)]
struct Item {
    slot: SlotId,
    provider: String,
    state: ItemState,
}

#[derive(Debug)]
enum ItemState {
    Waiting,
    Open,
    Skipped,
    Written(Secret),
}

impl Screen for Setup {
    fn context(&self) -> Context {
        Context::Setup
    }

    fn title(&self, _core: &Core) -> String {
        " first set-up".to_owned()
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        action != Action::Tick || self.stage != Stage::Keys
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(answer) = input.answer(self.waiting) {
            self.waiting = None;
            if let Answer::Plausible(slots, placeless) = answer {
                core.known.suppose(slots.clone());
                self.placeless.clone_from(placeless);
            }
            self.without = unfound(core);
            return Step::stay();
        }
        let len = self.len(core);
        match *input {
            Input::Returned(ref result) => self.returned(result),
            Input::Do(Action::Back) => return self.back(),
            Input::Do(Action::Enter) => return self.enter(core),
            Input::Do(Action::Tick) => self.tick(core),
            Input::Do(Action::Up) => self.at = parts::step(self.at, -1, len),
            Input::Do(Action::Down) => self.at = parts::step(self.at, 1, len),
            Input::Do(Action::First) => self.at = 0,
            Input::Do(Action::Last) => self.at = len.saturating_sub(1),
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), len),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let title = match self.stage {
            Stage::Agents => "1 of 3 · Agents on this machine",
            Stage::Providers => "2 of 3 · Providers",
            Stage::Keys => "3 of 3 · Keys",
        };
        let inner = parts::pane(core, frame, area, title, true);
        let columns = usize::from(inner.width);
        let rows: Vec<Row> = match self.stage {
            Stage::Agents => self.agent_rows(core, columns),
            Stage::Providers => self.provider_rows(core, columns),
            Stage::Keys => self.key_rows(core),
        };
        let foot = self.foot(core, columns);
        let height = usize::from(inner.height).saturating_sub(foot.len() + 1);
        let skip = parts::scroll_to(self.at, rows.len(), height);
        let lines: Vec<Line> = rows
            .into_iter()
            .enumerate()
            .skip(skip)
            .take(height)
            .map(|(at, row)| {
                row.cut(columns).fill(columns).line(core, (at == self.at).then_some(Role::Cursor))
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), inner);
        let used = u16::try_from(foot.len()).unwrap_or(0).min(inner.height);
        foot.draw(core, frame, Rect { y: inner.bottom() - used, height: used, ..inner }, 0);
    }
}

impl Setup {
    /// The set-up; asks what the agents could use.
    pub fn open(core: &mut Core) -> Step {
        let ticket = core.ticket();
        core.working = Some(ticket);
        let setup = Self { waiting: Some(ticket), ..Self::default() };
        Step::push(setup).and(vec![Effect::Suppose(ticket)])
    }

    fn len(&self, core: &Core) -> usize {
        match self.stage {
            Stage::Agents => self.agents(core).len(),
            Stage::Providers => self.providers(core).len(),
            Stage::Keys => self.queue.len(),
        }
    }

    /// The wizard that was open is closed: with a key written, or without.
    fn returned(&mut self, result: &Returned) {
        if let Some(item) = self.queue.iter_mut().find(|item| matches!(item.state, ItemState::Open)) {
            item.state = match result {
                Returned::Wrote(key) => ItemState::Written(key.clone()),
                Returned::Nothing | Returned::Undone(_) | Returned::Chose(_) | Returned::Run(_) => {
                    ItemState::Skipped
                }
            };
        }
        if let Some(next) = self.queue.iter().position(|item| matches!(item.state, ItemState::Waiting)) {
            self.at = next;
        }
    }

    fn back(&mut self) -> Step {
        self.at = 0;
        match self.stage {
            Stage::Agents => return Step::back(),
            Stage::Providers => self.stage = Stage::Agents,
            Stage::Keys => self.stage = Stage::Providers,
        }
        Step::stay()
    }

    fn tick(&mut self, core: &Core) {
        match self.stage {
            Stage::Agents => {
                if let Some((id, _)) = self.agents(core).get(self.at) {
                    toggle(&mut self.without, *id);
                }
            }
            Stage::Providers => {
                if let Some(name) = self.providers(core).into_iter().nth(self.at) {
                    toggle(&mut self.wanted, name);
                }
            }
            Stage::Keys => {}
        }
    }

    fn enter(&mut self, core: &mut Core) -> Step {
        match self.stage {
            Stage::Agents if self.agents(core).iter().all(|(id, _)| self.without.contains(id)) => {
                core.say("tick an agent with the space bar first", Role::Warn);
            }
            Stage::Agents => {
                self.stage = Stage::Providers;
                self.at = 0;
                if self.wanted.is_empty() {
                    self.wanted = self.likely(core);
                }
            }
            Stage::Providers if self.wanted.is_empty() => {
                core.say("tick a provider with the space bar first", Role::Warn);
            }
            Stage::Providers => {
                self.queue = self.items(core);
                self.stage = Stage::Keys;
                self.at = 0;
            }
            Stage::Keys => return self.enter_key(core),
        }
        Step::stay()
    }

    /// Opens the wizard for the chosen slot, with the key of a slot before where the provider is the same.
    fn enter_key(&mut self, core: &mut Core) -> Step {
        let note = format!("{} of {}", self.at + 1, self.queue.len());
        if self.queue.iter().all(|item| matches!(item.state, ItemState::Written(_))) {
            return Step::back();
        }
        let Some(provider) = self.queue.get(self.at).map(|item| item.provider.clone()) else {
            return Step::back();
        };
        let key = self.queue.iter().find_map(|item| match &item.state {
            ItemState::Written(key) if item.provider == provider => Some(key.clone()),
            _ => None,
        });
        let Some(item) = self.queue.get_mut(self.at) else { return Step::stay() };
        let Some(slot) = core.known.find(&item.slot).and_then(|at| core.known.slot(at)).cloned() else {
            core.say("this slot is not there any more", Role::Warn);
            return Step::stay();
        };
        item.state = ItemState::Open;
        let (wizard, effects) = match key {
            Some(key) => Wizard::again(core, &slot, key, note),
            None => (Wizard::in_setup(&slot, note), Vec::new()),
        };
        Step::push(wizard).and(effects)
    }

    /// The agents that can be set up.
    fn agents(&self, core: &Core) -> Vec<(&'static str, &'static str)> {
        agents_here(core).into_iter().filter(|(id, _)| !self.placeless.contains(id)).collect()
    }

    /// The slots of the ticked agents.
    fn slots<'a>(&'a self, core: &'a Core) -> impl Iterator<Item = &'a Slot> {
        // A slot of no provider in the catalogue has no console and no test: there is nothing to guide through.
        let chosen = |slot: &&Slot| {
            let known = slot.provider.as_deref().is_some_and(|id| core.known.catalogue.get(id).is_some());
            known && !self.without.contains(slot.agent) && !self.placeless.contains(&slot.agent)
        };
        core.known.scan().slots().map(|(_, _, slot)| slot).filter(chosen)
    }

    /// The providers of the ticked agents, those in use first.
    fn providers(&self, core: &Core) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut slots: Vec<&Slot> = self.slots(core).collect();
        slots.sort_by_key(|slot| (!slot.in_use, usual(&provider_of(slot))));
        for slot in slots {
            let name = provider_of(slot);
            if !out.contains(&name) {
                out.push(name);
            }
        }
        out
    }

    /// The providers that an agent would use now and has no working key for.
    fn likely(&self, core: &Core) -> BTreeSet<String> {
        let wanting =
            |slot: &&Slot| slot.in_use && (slot.sent().is_none() || core.known.status(slot).problem);
        self.slots(core).filter(wanting).map(provider_of).collect()
    }

    fn items(&self, core: &Core) -> Vec<Item> {
        let mut out: Vec<Item> = Vec::new();
        for provider in self.providers(core).into_iter().filter(|name| self.wanted.contains(name)) {
            for slot in self.slots(core).filter(|slot| provider_of(slot) == provider) {
                // The modes of an agent read the same places: one write serves them all.
                let twin = |item: &Item| {
                    item.provider == provider
                        && item.slot.agent == slot.agent
                        && item.slot.profile == slot.profile
                };
                if !out.iter().any(twin) {
                    let slot = SlotId::of(slot);
                    out.push(Item { slot, provider: provider.clone(), state: ItemState::Waiting });
                }
            }
        }
        out
    }

    fn agent_rows(&self, core: &Core, columns: usize) -> Vec<Row> {
        let unfound = unfound(core);
        let rows = self.agents(core).into_iter().map(|(id, name)| {
            let tick = if self.without.contains(id) { "[ ] " } else { "[x] " };
            let found = core.known.scan().agents.iter().find(|scanned| scanned.agent.id == id);
            let found = found.map_or_else(String::new, |scanned| scanned.findings.found.join(", "));
            let found = if unfound.contains(id) { "not found here".to_owned() } else { found };
            Row::of(tick, Role::Accent)
                .cell(name, 24, Role::Strong)
                .add(parts::fit(&found, columns.saturating_sub(28)), Role::Dim)
        });
        rows.collect()
    }

    fn provider_rows(&self, core: &Core, columns: usize) -> Vec<Row> {
        let rows = self.providers(core).into_iter().map(|name| {
            let tick = if self.wanted.contains(&name) { "[x] " } else { "[ ] " };
            let slots: Vec<&Slot> = self.slots(core).filter(|slot| provider_of(slot) == name).collect();
            let mut agents: Vec<&str> =
                slots.iter().filter_map(|slot| agents::find(slot.agent)).map(|agent| agent.name).collect();
            agents.sort_unstable();
            agents.dedup();
            let status = slots.first().map(|slot| core.known.status(slot));
            let row = Row::of(tick, Role::Accent).cell(&name, 20, Role::Strong);
            let row = match status {
                Some(status) => {
                    row.add(status.mark, status.role).text(" ").cell(status.word, 14, status.role)
                }
                None => row,
            };
            row.add(parts::fit(&agents.join(", "), columns.saturating_sub(40)), Role::Dim)
        });
        rows.collect()
    }

    fn key_rows(&self, core: &Core) -> Vec<Row> {
        let rows = self.queue.iter().map(|item| {
            let (mark, role, word) = match &item.state {
                ItemState::Waiting => ("○", Role::Text, "to do"),
                ItemState::Open => ("▸", Role::Accent, "open"),
                ItemState::Skipped => ("–", Role::Dim, "skipped"),
                ItemState::Written(_) => ("✓", Role::Good, "written"),
            };
            let at = core.known.find(&item.slot);
            let name = at.and_then(|at| Some(words::identity(core.known.agent(at)?, core.known.slot(at)?)));
            Row::of(mark, role)
                .text(" ")
                .cell(word, 10, role)
                .cell(&item.provider, 20, Role::Strong)
                .text(name.unwrap_or_default())
        });
        rows.collect()
    }

    fn foot(&self, core: &Core, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let arrow = Row::of("→ ", Role::Accent);
        match self.stage {
            Stage::Agents => {
                if let Some(missing) = not_here(core) {
                    rows.hang(&Row::of("Not found here: ", Role::Dim), &missing, Role::Dim, columns);
                    rows.gap();
                }
                rows.push(
                    arrow
                        .add("Space", Role::Accent)
                        .text(" tick  ")
                        .add("Enter", Role::Accent)
                        .text(" choose providers"),
                );
            }
            Stage::Providers => {
                rows.push(
                    arrow
                        .add("Space", Role::Accent)
                        .text(" tick  ")
                        .add("Enter", Role::Accent)
                        .text(" enter the keys"),
                );
            }
            Stage::Keys => {
                let all = self.queue.iter().all(|item| matches!(item.state, ItemState::Written(_)));
                let text =
                    if all { " everything is written: back to the slots" } else { " enter the chosen key" };
                rows.push(arrow.add("Enter", Role::Accent).text(text));
            }
        }
        rows
    }
}

/// The agents without a trace here: they are offered, and not ticked.
fn unfound(core: &Core) -> BTreeSet<&'static str> {
    core.known.scan().agents.iter().skip(core.known.agents_found()).map(|scanned| scanned.agent.id).collect()
}

/// The agents that have slots: those found here first.
fn agents_here(core: &Core) -> Vec<(&'static str, &'static str)> {
    let here = core.known.scan().agents.iter().filter(|scanned| !scanned.findings.slots.is_empty());
    here.map(|scanned| (scanned.agent.id, scanned.agent.name)).collect()
}

/// The names of the agents that keymend knows and did not find.
fn not_here(core: &Core) -> Option<String> {
    let here = |id: &str| core.known.scan().agents.iter().any(|scanned| scanned.agent.id == id);
    let names: Vec<&str> =
        agents::ALL.iter().filter(|agent| !here(agent.id)).map(|agent| agent.name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The providers that most people have come first.
fn usual(provider: &str) -> usize {
    const USUAL: [&str; 4] = ["anthropic", "openai", "openrouter", "gemini"];
    USUAL.iter().position(|name| *name == provider).unwrap_or(USUAL.len())
}

fn provider_of(slot: &Slot) -> String {
    slot.provider.clone().unwrap_or_else(|| slot.agent_provider.clone())
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, item: T) {
    if !set.remove(&item) {
        set.insert(item);
    }
}
