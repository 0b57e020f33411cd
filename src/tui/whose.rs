//! A key that was pasted on a list: whose it is, and which connections it fits. Where only one does, the wizard opens
//! for it at once.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::hygiene::{self, Cleaned};
use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;

use super::core::Core;
use super::keys::{Action, Context};
use super::message::Input;
use super::parts::{self, Row, Rows};
use super::screen::{Screen, Step};
use super::setup::Setup;
use super::theme::Role;
use super::wizard::Wizard;
use super::wizard::paste::cleaned;
use super::{slotview, words};

/// The state of the question.
#[derive(Debug)]
pub struct Whose {
    text: Secret,
    key: Secret,
    provider: String,
    fitting: Vec<SlotId>,
    at: usize,
}

/// Opens what this paste is for: the wizard of the chosen connection where the key fits it, else of the only one that it
/// fits, else the question which of several.
pub fn pasted(core: &mut Core, text: &Secret, chosen: Option<&SlotId>) -> Step {
    let here = chosen.and_then(|id| core.known.find(id)).and_then(|at| core.known.slot(at)).cloned();
    if let Some(slot) = here.as_ref().filter(|slot| belongs(core, text, slot)) {
        return wizard(core, slot, text);
    }
    let Cleaned::Accepted(accepted) = hygiene::clean_secret(text, &*core.known.catalogue, None) else {
        return unknown(core, here.as_ref(), text);
    };
    let Some(provider) = accepted.provider else { return unknown(core, here.as_ref(), text) };
    core.known.name_key(&accepted.key);
    let fitting = fitting(core, &provider);
    if let [only] = fitting[..]
        && let Some(slot) = core.known.slot(only).cloned()
    {
        return wizard(core, &slot, text);
    }
    let fitting = fitting.into_iter().filter_map(|at| core.known.slot(at)).map(SlotId::of).collect();
    Step::push(Whose { text: text.clone(), key: accepted.key, provider, fitting, at: 0 })
}

/// Whether the paste is a key for this connection, as far as its form tells.
fn belongs(core: &Core, text: &Secret, slot: &Slot) -> bool {
    let Some(provider) = slot.provider.as_deref() else { return false };
    let any_form = crate::session::takes_any_form(slot, &core.known.catalogue);
    let (cleaned, fit) = cleaned(core, Some(provider), any_form, text);
    let Cleaned::Accepted(accepted) = cleaned else { return false };
    !fit.is_wrong() && (any_form || accepted.provider.as_deref() == Some(provider))
}

/// A paste of which no form names the provider is looked at for the chosen connection; without one there is none to ask.
fn unknown(core: &mut Core, here: Option<&Slot>, text: &Secret) -> Step {
    if let Some(slot) = here {
        return wizard(core, slot, text);
    }
    core.say("no provider's keys look like that; choose a connection first", Role::Warn);
    Step::stay()
}

fn wizard(core: &mut Core, slot: &Slot, text: &Secret) -> Step {
    let (wizard, effects) = Wizard::for_slot(slot).given(core, text);
    Step::push(wizard).and(effects)
}

/// The connections to this provider: those that fail first, those in use before the others.
fn fitting(core: &Core, provider: &str) -> Vec<SlotRef> {
    let of_provider =
        core.known.real_slots().filter(|(_, _, slot)| slot.provider.as_deref() == Some(provider));
    let mut all: Vec<(SlotRef, &Slot)> = of_provider.map(|(at, _, slot)| (at, slot)).collect();
    all.sort_by_key(|(_, slot)| (!core.known.status(slot).problem, !slot.in_use));
    all.into_iter().map(|(at, _)| at).collect()
}

impl Screen for Whose {
    fn context(&self) -> Context {
        Context::Whose
    }

    fn title(&self, core: &Core) -> String {
        let provider = words::provider_title(&core.known.catalogue, &self.provider);
        match self.fitting.len() {
            0 => format!(" a key of {provider}, which no agent here uses"),
            n => format!(" a key of {provider}, and {n} connections that it fits"),
        }
    }

    fn offers(&self, _core: &Core, action: Action) -> bool {
        action != Action::Enter || !self.fitting.is_empty()
    }

    fn connection(&self, _core: &Core) -> Option<SlotId> {
        self.fitting.get(self.at).cloned()
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let len = self.fitting.len();
        match *input {
            Input::Do(Action::Back) | Input::Returned(_) => return Step::back(),
            Input::Do(Action::Setup) => return Setup::open(core),
            Input::Do(Action::Up) => self.at = parts::step(self.at, -1, len),
            Input::Do(Action::Down) => self.at = parts::step(self.at, 1, len),
            Input::Do(Action::First) => self.at = 0,
            Input::Do(Action::Last) => self.at = len.saturating_sub(1),
            Input::Wheel(by) => self.at = parts::step(self.at, isize::from(by), len),
            Input::Do(Action::Enter) => return self.enter(core),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, "You pasted a key", true);
        let columns = usize::from(inner.width);
        let mut head = Rows::default();
        head.push(parts::key(Row::of("key  ", Role::Dim), core, &self.key).cut(columns));
        head.gap();
        if self.fitting.is_empty() {
            let provider = words::provider_title(&core.known.catalogue, &self.provider);
            let text = format!("No agent on this machine has a connection to {provider}.");
            head.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
            head.gap();
            head.push(Row::of("→ ", Role::Accent).add("s", Role::Accent).text(" set one up"));
            return head.draw(core, frame, inner, 0);
        }
        head.push(Row::of("Where shall it go? It is tested first, and nothing is written yet.", Role::Text));
        head.gap();
        let used = u16::try_from(head.len()).unwrap_or(0).min(inner.height);
        head.draw(core, frame, inner, 0);
        let rest = Rect { y: inner.y + used, height: inner.height - used, ..inner };
        let height = usize::from(rest.height);
        let skip = parts::scroll_to(self.at, self.fitting.len(), height);
        let shown = self.fitting.iter().enumerate().skip(skip).take(height);
        let lines: Vec<Line> = shown.map(|(at, id)| self.line(core, at, id, columns)).collect();
        frame.render_widget(Paragraph::new(lines), rest);
        parts::more(core, frame, area, skip, self.fitting.len(), height);
    }
}

impl Whose {
    fn enter(&self, core: &mut Core) -> Step {
        let chosen = self.fitting.get(self.at).and_then(|id| core.known.find(id));
        let Some(slot) = chosen.and_then(|at| core.known.slot(at)).cloned() else { return Step::stay() };
        wizard(core, &slot, &self.text)
    }

    fn line(&self, core: &Core, at: usize, id: &SlotId, columns: usize) -> Line<'static> {
        let over = (at == self.at).then_some(Role::Cursor);
        let row = Row::of(if at == self.at { "▸ " } else { "  " }, Role::Accent);
        let found = core.known.find(id).and_then(|at| Some((core.known.agent(at)?, core.known.slot(at)?)));
        let Some((agent, slot)) = found else { return row.line(core, over) };
        let status = core.known.status(slot);
        let name = format!("{} → {}", words::identity(agent, slot), words::provider(slot));
        let row = row.add(status.mark, status.role).text(" ").cell(name, 36, Role::Strong).text(" ");
        let row = match slot.sent() {
            Some(sent) => {
                let row = parts::key(row.add("now ", Role::Dim), core, &sent.key);
                if status.problem { slotview::with_verdict(core, slot, row, &sent.key) } else { row }
            }
            None => row.add(words::unsent(&slot.outcome), Role::Dim),
        };
        row.cut(columns).fill(columns).line(core, over)
    }
}
