//! Explain: the whole chain of one slot, strongest first, with every place, reason, lint, mode and age.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::plan::SlotId;
use crate::resolve::{Candidate, Outcome, Slot, shown};
use crate::session::SlotRef;

use super::compare::Compare;
use super::core::Core;
use super::keys::{Action, Context};
use super::keyview::KeyList;
use super::known;
use super::message::Input;
use super::message::Job;
use super::parts::{self, Row, Rows};
use super::screen::Screen;
use super::screen::Step;
use super::theme::Role;
use super::wizard::Wizard;
use super::{slotview, words};

/// The state of the explain screen.
#[derive(Debug)]
pub struct Explain {
    slot: SlotId,
    skip: usize,
}

impl Screen for Explain {
    fn context(&self) -> Context {
        Context::Explain
    }

    fn title(&self, _core: &Core) -> String {
        " explain".to_owned()
    }

    fn connection(&self, _core: &Core) -> Option<SlotId> {
        Some(self.slot.clone())
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let Some((at, slot)) = self.slot(core) else { return Step::back() };
        let columns = usize::from(core.size.0).saturating_sub(4);
        let last =
            rows(core, at, slot, columns).len().saturating_sub(usize::from(core.size.1).saturating_sub(4));
        match *input {
            Input::Do(Action::Back | Action::Explain) => return Step::back(),
            Input::Do(Action::Compare) => return Step::push(Compare::of_slot(at, slot)),
            Input::Do(Action::New) => return Step::push(Wizard::for_slot(slot)),
            Input::Do(Action::Everywhere) => {
                let Some(key) = slot.sent().map(|sent| sent.key.clone()) else { return Step::stay() };
                let (keys, effects) = KeyList::at(core, &key);
                return Step::push(keys).and(effects);
            }
            Input::Do(Action::Test) => {
                let jobs: Vec<_> = known::set(slot)
                    .filter_map(|(_, candidate)| Job::of(slot, candidate.value.secret()?))
                    .collect();
                return Step::run(core.probe(jobs));
            }
            Input::Do(action) => self.skip = parts::scrolled(self.skip, action, last),
            Input::Wheel(by) => self.skip = self.skip.saturating_add_signed(isize::from(by)).min(last),
            _ => {}
        }
        Step::stay()
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let Some((at, slot)) = self.slot(core) else { return };
        let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
        let title = format!("{agent} · {}", words::provider(slot));
        let inner = parts::pane(core, frame, area, &title, true);
        let rows = rows(core, at, slot, usize::from(inner.width));
        parts::more(core, frame, area, self.skip, rows.len(), usize::from(inner.height));
        rows.draw(core, frame, inner, self.skip);
    }
}

impl Explain {
    /// The chain of `slot`.
    #[must_use]
    pub const fn new(slot: SlotId) -> Self {
        Self { slot, skip: 0 }
    }

    fn slot<'a>(&self, core: &'a Core) -> Option<(SlotRef, &'a Slot)> {
        let at = core.known.find(&self.slot)?;
        core.known.slot(at).map(|slot| (at, slot))
    }
}

fn rows(core: &Core, at: SlotRef, slot: &Slot, columns: usize) -> Rows {
    let mut rows = slotview::sends(core, slot, columns);
    if let Outcome::Sends { base_url, .. } = &slot.outcome {
        rows.field("to    ", &shown(base_url), Role::Text, columns);
    }
    let findings = core.known.scan().agents.get(at.agent).map(|scanned| &scanned.findings);
    if let Some(findings) = findings {
        rows.field("rules ", &findings.rules, Role::Text, columns);
    }
    rows.0.extend(slotview::lints(&slot.lints, None, columns).0);
    for (index, candidate) in slot.candidates.iter().enumerate() {
        rows.gap();
        chain_link(core, slot, index, candidate, columns, &mut rows);
    }
    for (path, trouble) in findings.into_iter().flat_map(|findings| &findings.troubles) {
        rows.gap();
        let place = crate::source::tilde(path, core.known.home());
        rows.hang(&Row::of("! ", Role::Warn), &format!("{place} {trouble}"), Role::Text, columns);
        rows.hang(&Row::of("→ ", Role::Accent), trouble.hint(), Role::Text, columns);
    }
    rows
}

/// One candidate with everything that is known about it.
fn chain_link(
    core: &Core,
    slot: &Slot,
    index: usize,
    candidate: &Candidate,
    columns: usize,
    rows: &mut Rows,
) {
    let (mark, role) = words::state_mark(&candidate.state);
    let row = Row::of(format!("{:>2} ", index + 1), Role::Strong).add(mark, role).text(" ");
    let row = row.cell(words::state(&candidate.state), 15, role);
    rows.push(slotview::candidate_key(row, core, slot, index));
    let inner = columns.saturating_sub(5);
    let mut more = Rows::default();
    more.field("in   ", &place_words(core, candidate), Role::Text, inner);
    if let Some(file) = core.known.file(candidate) {
        let age = parts::age(file.mtime_ms, core.known.scanning.now_ms);
        more.field("file ", &format!("mode {:04o}, changed {age}", file.mode), Role::Text, inner);
    }
    more.field("why  ", candidate.state.reason(), Role::Text, inner);
    if let Some(key) = candidate.value.secret().filter(|key| core.known.test(slot, key).is_some()) {
        more.0.extend(slotview::verdict(core, slot, key, inner).0);
    }
    more.0.extend(slotview::lints(&[], Some(candidate), inner).0);
    rows.0.extend(more.0.into_iter().map(|row| row.indent(5)));
}

fn place_words(core: &Core, candidate: &Candidate) -> String {
    let place = candidate.place.show(core.known.home());
    let source = words::source(candidate.source);
    match candidate.name.as_deref().filter(|name| *name != place) {
        Some(name) => format!("{source} {name}, {place}"),
        None => format!("{source} {place}"),
    }
}
