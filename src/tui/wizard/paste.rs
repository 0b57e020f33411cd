//! The first two steps: a key is entered without being echoed; then what it became — what was removed, what it is,
//! whether it belongs here — or why it is refused.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::hygiene::{self, Accepted, Cleaned, Fit, Removed};
use crate::resolve::{Slot, State};
use crate::secret::Secret;

use super::subject::{Subject, WizardAction};
use crate::tui::core::Core;
use crate::tui::keys::Action;
use crate::tui::known::Ticket;
use crate::tui::message::{Answer, Effect, Failure, Input};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;
use crate::tui::words;

/// Waiting for a key.
#[derive(Debug)]
pub struct Paste {
    typed: Secret,
    waiting: Option<Ticket>,
    failure: Option<Failure>,
}

impl Default for Paste {
    fn default() -> Self {
        Self { typed: Secret::new(""), waiting: None, failure: None }
    }
}

impl Paste {
    /// Nothing was typed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty()
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(&self, core: &Core, who: &Subject, action: Action) -> bool {
        action != Action::Copy || words::console(&core.known.catalogue, who.provider.as_deref()).is_some()
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, who: &Subject, input: &Input) -> WizardAction {
        if let Some(answer) = input.answer(self.waiting) {
            self.waiting = None;
            return match answer {
                Answer::Clipboard(text) => WizardAction::Look(text.clone()),
                Answer::Failed(failure) => {
                    self.failure = Some(failure.clone());
                    WizardAction::stay()
                }
                _ => WizardAction::stay(),
            };
        }
        match input {
            Input::Paste(text) => WizardAction::Look(text.clone()),
            Input::Char(c) => {
                self.failure = None;
                self.typed = self.typed.map(|text| format!("{text}{c}"));
                WizardAction::stay()
            }
            Input::Do(action) => self.act(core, who, *action),
            _ => WizardAction::stay(),
        }
    }

    fn act(&mut self, core: &mut Core, who: &Subject, action: Action) -> WizardAction {
        match action {
            Action::Back => return WizardAction::Back,
            Action::Enter if self.is_empty() => core.say("paste or type a key first", Role::Warn),
            Action::Enter => return WizardAction::Look(self.typed.clone()),
            Action::Erase => self.typed = self.typed.map(|text| without_last(text).to_owned()),
            Action::Clear => self.typed = Secret::new(""),
            Action::Clipboard => {
                let ticket = core.ticket();
                self.waiting = Some(ticket);
                self.failure = None;
                return WizardAction::Stay(vec![Effect::ReadClipboard(ticket, who.provider.clone())]);
            }
            Action::Copy => {
                let address = words::console(&core.known.catalogue, who.provider.as_deref());
                return WizardAction::Stay(address.map(Effect::Copy).into_iter().collect());
            }
            _ => {}
        }
        WizardAction::stay()
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let mut rows = Rows::default();
        rows.push(self.field(core, columns));
        rows.gap();
        if let Some(failure) = &self.failure {
            rows.hang(&Row::of("! ", Role::Warn), &failure.what, Role::Text, columns);
            rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
            rows.gap();
        }
        if let Some(address) = words::console(&core.known.catalogue, who.provider.as_deref()) {
            rows.push(Row::of("Keys are made here:", Role::Dim));
            rows.hang(&Row::of("  ", Role::Text), &address, Role::Strong, columns);
            rows.gap();
        }
        rows.hang(&Row::new(), WAYS, Role::Dim, columns);
        rows.draw(core, frame, area, 0);
    }

    /// The field: a mark for each typed character, never the character.
    fn field(&self, core: &Core, columns: usize) -> Row {
        let row = Row::of("new  ", Role::Dim);
        if self.waiting.is_some() {
            return row.add(parts::spinner(core), Role::Accent).text(" reading the clipboard");
        }
        if self.is_empty() {
            return row.add("▏", Role::Accent).add("paste the key here", Role::Dim);
        }
        let length = parts::count(self.typed.len(), "character", "characters");
        let room = columns.saturating_sub(parts::width(&length) + 10);
        row.text("•".repeat(self.typed.len().min(room)))
            .add("▏", Role::Accent)
            .add(format!(" {length}"), Role::Dim)
    }
}

const WAYS: &str = "Paste with your terminal (Ctrl-Shift-V, Cmd-V or the middle mouse button), press p for the \
                    clipboard, or type it. The key is never shown; you will see its beginning, its last 4 characters \
                    and its length.";

fn without_last(text: &str) -> &str {
    text.char_indices().next_back().map_or("", |(at, _)| &text[..at])
}

/// What a paste becomes for this provider, and whether it belongs there.
pub fn cleaned(core: &Core, provider: Option<&str>, any_form: bool, text: &Secret) -> (Cleaned, Fit) {
    let catalogue = &*core.known.catalogue;
    let cleaned = hygiene::clean_for(text, catalogue, provider, any_form);
    let fit = match (&cleaned, provider) {
        (Cleaned::Accepted(accepted), Some(provider)) => hygiene::fits(provider, &accepted.key, catalogue),
        _ => Fit::Unknown,
    };
    (cleaned, fit)
}

/// What the paste became.
#[derive(Debug)]
pub struct Clean {
    cleaned: Cleaned,
    fit: Fit,
    /// The candidate that holds this key already.
    same: Option<Same>,
    length: usize,
}

/// Where the key is already.
#[derive(Debug)]
struct Same {
    number: usize,
    place: String,
    is_sent: bool,
}

impl Clean {
    /// Looks at a paste.
    #[must_use]
    pub fn of(core: &mut Core, who: &Subject, text: &Secret) -> Self {
        // A key for many places keeps to the forms, unless none of the places does.
        let slots = who.slots(core);
        let own = |slot: &Slot| crate::session::takes_any_form(slot, &core.known.catalogue);
        let any_form = !slots.is_empty() && slots.iter().all(|(_, slot)| own(slot));
        let (cleaned, fit) = cleaned(core, who.provider.as_deref(), any_form, text);
        let same = match &cleaned {
            Cleaned::Accepted(accepted) => {
                core.known.name_key(&accepted.key);
                same_as(core, who, &accepted.key)
            }
            Cleaned::Refused(_) => None,
        };
        Self { cleaned, fit, same, length: text.len() }
    }

    /// The key, if it is one.
    #[must_use]
    pub const fn key(&self) -> Option<&Secret> {
        match &self.cleaned {
            Cleaned::Accepted(accepted) => Some(&accepted.key),
            Cleaned::Refused(_) => None,
        }
    }

    /// Whether there is nothing to ask about: a key, no doubt, and it belongs here.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Cleaned::Accepted(accepted) = &self.cleaned else { return false };
        !accepted.confirm() && accepted.doubts.is_empty() && self.same.is_none() && !self.fit.is_wrong()
    }

    /// What was taken off, in words.
    #[must_use]
    pub fn taken_off(&self) -> Option<String> {
        let Cleaned::Accepted(accepted) = &self.cleaned else { return None };
        (!accepted.removed.is_empty()).then(|| removed_words(&accepted.removed))
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub const fn offers(&self, action: Action) -> bool {
        match action {
            Action::Enter => !self.fit.is_wrong(),
            Action::Insist => self.key().is_some() && self.fit.is_wrong(),
            _ => true,
        }
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, who: &mut Subject, input: &Input) -> WizardAction {
        match input {
            Input::Paste(text) => WizardAction::Look(text.clone()),
            Input::Do(Action::Back) => WizardAction::Back,
            Input::Do(Action::Enter) if self.key().is_none() => WizardAction::Back,
            Input::Do(Action::Enter) if self.fit.is_wrong() => {
                core.say("press i to go on all the same, or Esc to enter another key", Role::Warn);
                WizardAction::stay()
            }
            Input::Do(Action::Enter) => WizardAction::Test,
            Input::Do(Action::Insist) if self.fit.is_wrong() => {
                who.unproven = Some("entered against the advice".to_owned());
                WizardAction::Test
            }
            _ => WizardAction::stay(),
        }
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let mut rows = Rows::default();
        match &self.cleaned {
            Cleaned::Accepted(accepted) => self.accepted(core, who, accepted, columns, &mut rows),
            Cleaned::Refused(refused) => {
                let length = parts::count(self.length, "character", "characters");
                rows.push(Row::of(format!("A paste of {length} came, and is not used."), Role::Strong));
                rows.gap();
                rows.hang(&Row::of("✗ ", Role::Bad), &refused.message, Role::Text, columns);
                rows.gap();
                let row = Row::of("→ ", Role::Accent).text("Paste another key now, or ");
                rows.push(row.add("Enter", Role::Accent).text(" to type one"));
            }
        }
        rows.draw(core, frame, area, 0);
    }

    fn accepted(&self, core: &Core, who: &Subject, accepted: &Accepted, columns: usize, rows: &mut Rows) {
        if let Some(same) = &self.same {
            rows.hang(&Row::of("! ", Role::Warn), &same.words(), Role::Strong, columns);
            rows.gap();
            let row = Row::of("→ ", Role::Accent).add("Esc", Role::Accent).text(" enter another key  ");
            return rows.push(row.add("Enter", Role::Accent).text(" test this one all the same"));
        }
        let kind = accepted.kind.as_deref().map(words::kind_name);
        let provider =
            accepted.provider.as_deref().map(|id| words::provider_title(&core.known.catalogue, id));
        let text = match (provider, kind) {
            (Some(provider), Some(kind)) => format!("{provider}, {kind}"),
            (Some(provider), None) => provider,
            (None, _) => "of no form that names a provider".to_owned(),
        };
        let length = parts::count(accepted.key.len(), "character", "characters");
        rows.hang(&Row::of("is       ", Role::Dim), &format!("{text}, {length}"), Role::Text, columns);
        rows.0.extend(removed(&accepted.removed, columns).0);
        rows.gap();
        for doubt in &accepted.doubts {
            rows.hang(&Row::of("? ", Role::Warn), &doubt.message, Role::Text, columns);
        }
        if let Fit::WrongProvider { message, .. } | Fit::WrongKind { message, .. } = &self.fit {
            rows.hang(&Row::of("✗ ", Role::Bad), message, Role::Text, columns);
            self.where_it_belongs(core, columns, rows);
        }
        rows.gap();
        rows.push(self.next(core, who, accepted));
    }

    /// The slots that would take a key of another provider.
    fn where_it_belongs(&self, core: &Core, columns: usize, rows: &mut Rows) {
        let Fit::WrongProvider { belongs_to, .. } = &self.fit else { return };
        let fits = |provider: &Option<String>| provider.as_ref().is_some_and(|id| belongs_to.contains(id));
        let slots = core.known.real_slots().filter(|(_, _, slot)| fits(&slot.provider));
        let names: Vec<String> = slots
            .map(|(_, agent, slot)| format!("{} · {}", words::identity(agent, slot), words::provider(slot)))
            .take(3)
            .collect();
        if !names.is_empty() {
            let text = format!("It would fit here: {}", names.join("; "));
            rows.hang(&Row::of("  ", Role::Text), &text, Role::Text, columns);
        }
    }

    fn next(&self, core: &Core, who: &Subject, accepted: &Accepted) -> Row {
        let arrow = Row::of("→ ", Role::Accent);
        if self.fit.is_wrong() {
            return arrow
                .add("Esc", Role::Accent)
                .text(" enter another key  ")
                .add("i", Role::Accent)
                .text(" go on all the same");
        }
        let title = |id| words::provider_title(&core.known.catalogue, id);
        let at = who.provider.as_deref().map_or_else(String::new, |id| format!(" at {}", title(id)));
        let yes = if accepted.confirm() { "yes, this is the key: test it" } else { "test it" };
        arrow.add("Enter", Role::Accent).text(format!(" {yes}{at}"))
    }
}

impl Same {
    fn words(&self) -> String {
        let Self { number, place, is_sent } = self;
        if *is_sent {
            format!(
                "This is the key that is already there ({place}) and that is sent now. Writing it changes nothing."
            )
        } else {
            format!(
                "This key is already at {number} ({place}), but it is not the one that is sent. To make it the active one, go back and press u on it."
            )
        }
    }
}

fn same_as(core: &Core, who: &Subject, key: &Secret) -> Option<Same> {
    who.slots(core).into_iter().find_map(|(_, slot)| {
        let holds =
            |(_, candidate): &(usize, &crate::resolve::Candidate)| candidate.value.secret() == Some(key);
        let all: Vec<_> = slot.candidates.iter().enumerate().filter(holds).collect();
        let active = |(_, candidate): &&(usize, &crate::resolve::Candidate)| {
            matches!(candidate.state, State::Active { .. })
        };
        let (index, candidate) = all.iter().find(active).or_else(|| all.first())?;
        let is_sent = slot.sent().is_some_and(|sent| sent.key == *key);
        Some(Same { number: index + 1, place: candidate.place.show(core.known.home()), is_sent })
    })
}

/// `removed  1 trailing newline, 2 zero-width spaces`.
fn removed(removed: &[Removed], columns: usize) -> Rows {
    let mut rows = Rows::default();
    if removed.is_empty() {
        rows.push(Row::of("removed  ", Role::Dim).text("nothing: the paste was clean"));
        return rows;
    }
    rows.hang(&Row::of("removed  ", Role::Dim), &removed_words(removed), Role::Text, columns);
    rows
}

fn removed_words(removed: &[Removed]) -> String {
    let words: Vec<String> = removed.iter().map(|step| format!("{} × {}", step.count, step.what)).collect();
    words.join(", ")
}
