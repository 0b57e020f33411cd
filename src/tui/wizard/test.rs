//! The third step: the new key is tested at its provider before anything is written.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::subject::{Subject, WizardAction};
use crate::tui::core::Core;
use crate::tui::keys::Action;
use crate::tui::known::{Grade, Test, Ticket};
use crate::tui::message::{Answer, Effect, Failure, Input, Job};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;
use crate::tui::where_to::Where;
use crate::tui::{slotview, words};

/// The live test of the new key.
#[derive(Debug, Default)]
pub struct Testing {
    ticket: Option<Ticket>,
    failure: Option<Failure>,
}

impl Testing {
    /// Asks the provider.
    pub fn start(&mut self, core: &mut Core, who: &Subject) -> Vec<Effect> {
        self.failure = None;
        let job = match (who.slot(core), &who.new) {
            (Some((_, slot)), Some(key)) => Job::of(slot, key),
            _ => None,
        };
        let effects = if core.options.offline { Vec::new() } else { core.probe(job.into_iter().collect()) };
        self.ticket = effects.iter().find_map(|effect| match effect {
            Effect::Probe(ticket, _) => Some(*ticket),
            _ => None,
        });
        effects
    }

    /// The last answer.
    fn test<'a>(core: &'a Core, who: &Subject) -> Option<&'a Test> {
        let (_, slot) = who.slot(core)?;
        core.known.test(slot, who.new.as_ref()?)
    }

    fn grade(core: &Core, who: &Subject) -> Option<Grade> {
        match Self::test(core, who) {
            Some(Test::Done(judged)) => Some(judged.grade),
            _ => None,
        }
    }

    /// Whether the provider accepts the new key.
    #[must_use]
    pub fn works(core: &Core, who: &Subject) -> bool {
        Self::grade(core, who) == Some(Grade::Works)
    }

    /// The question before the addresses that the last test left out.
    fn others(core: &Core, who: &Subject) -> Option<Where> {
        Where::others(core, who.slot(core)?.1, who.new.as_ref()?)
    }

    fn is_running(core: &Core, who: &Subject) -> bool {
        matches!(Self::test(core, who), Some(Test::Running(_)))
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(core: &Core, who: &Subject, action: Action) -> bool {
        let running = Self::is_running(core, who);
        let rejected = Self::grade(core, who) == Some(Grade::Rejected);
        match action {
            Action::Enter => !running && !rejected,
            Action::Insist => rejected,
            Action::Cancel => running,
            Action::Others => Self::others(core, who).is_some() && !core.options.offline,
            Action::Test => !running && who.provider.is_some() && !core.options.offline,
            _ => true,
        }
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, who: &mut Subject, input: &Input) -> WizardAction {
        match input {
            Input::Answer(ticket, Answer::Failed(failure)) if Some(*ticket) == self.ticket => {
                self.failure = Some(failure.clone());
                WizardAction::stay()
            }
            Input::Do(action) => self.act(core, who, *action),
            // Back from the question: a test may have been asked for there.
            Input::Returned(_) => {
                if let Some(Test::Running(ticket)) = Self::test(core, who) {
                    self.ticket = Some(*ticket);
                }
                WizardAction::stay()
            }
            _ => WizardAction::stay(),
        }
    }

    fn act(&mut self, core: &mut Core, who: &mut Subject, action: Action) -> WizardAction {
        let running = Self::is_running(core, who);
        match (action, Self::grade(core, who)) {
            (Action::Back, _) => WizardAction::Back,
            (Action::Cancel, _) if running => WizardAction::Stay(self.cancel(core).into_iter().collect()),
            (Action::Test, _) if !running => WizardAction::Stay(self.start(core, who)),
            (Action::Others, _) => {
                let question = Self::others(core, who);
                question.map_or_else(WizardAction::stay, |question| {
                    WizardAction::Open(Box::new(question), Vec::new())
                })
            }
            (Action::Enter, _) if running => {
                core.say("the provider has not answered yet; x cancels the test", Role::Warn);
                WizardAction::stay()
            }
            (Action::Enter, Some(Grade::Works)) => WizardAction::Choose,
            (Action::Enter, Some(Grade::Rejected)) => {
                core.say("the provider rejects this key; press i to use it all the same, or Esc", Role::Warn);
                WizardAction::stay()
            }
            (Action::Enter, _) => {
                who.unproven.get_or_insert_with(|| "no test was answered".to_owned());
                WizardAction::Choose
            }
            (Action::Insist, Some(Grade::Rejected)) => {
                who.unproven = Some("the provider rejects it".to_owned());
                WizardAction::Choose
            }
            _ => WizardAction::stay(),
        }
    }

    /// Stops waiting.
    pub fn cancel(&mut self, core: &mut Core) -> Option<Effect> {
        let ticket = self.ticket.take()?;
        core.known.gave_up(ticket);
        Some(Effect::Cancel(ticket))
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let mut rows = Rows::default();
        match Self::test(core, who) {
            Some(Test::Running(_)) => {
                let name = who
                    .provider
                    .as_deref()
                    .map_or_else(String::new, |id| words::provider_title(&core.known.catalogue, id));
                rows.push(
                    Row::of(parts::spinner(core), Role::Accent)
                        .text(format!(" asking {name} whether this key works")),
                );
            }
            Some(Test::Done(judged)) => {
                rows.0.extend(slotview::judged_rows(judged, columns).0);
                rows.gap();
                for (name, value) in &judged.evidence {
                    rows.field(&format!("  {name:<12}"), value, Role::Dim, columns);
                }
            }
            None => rows.hang(&Row::of("! ", Role::Warn), Self::untested(core, who), Role::Text, columns),
        }
        if let Some(failure) = &self.failure {
            rows.hang(&Row::of("! ", Role::Warn), &failure.what, Role::Text, columns);
            rows.hang(&Row::of("→ ", Role::Accent), &failure.hint, Role::Text, columns);
        }
        rows.gap();
        rows.push(Self::next(core, who));
        rows.draw(core, frame, area, 0);
    }

    fn untested(core: &Core, who: &Subject) -> &'static str {
        if core.options.offline {
            "keymend runs with --offline: nothing is asked. The key can be saved unproven."
        } else if who.provider.is_none() {
            "No test is known for this provider. The key can be saved unproven."
        } else {
            "The key was not tested. It can be saved unproven."
        }
    }

    fn next(core: &Core, who: &Subject) -> Row {
        let arrow = Row::of("→ ", Role::Accent);
        match Self::grade(core, who) {
            _ if Self::is_running(core, who) => arrow.add("x", Role::Accent).text(" stop waiting"),
            Some(Grade::Works) if who.switch => arrow.add("Enter", Role::Accent).text(" see what changes"),
            Some(Grade::Works) => arrow.add("Enter", Role::Accent).text(" choose where to write it"),
            Some(Grade::Rejected) => arrow
                .add("Esc", Role::Accent)
                .text(" enter another key  ")
                .add("i", Role::Accent)
                .text(" save it all the same"),
            None if !Self::offers(core, who, Action::Test) => {
                arrow.add("Enter", Role::Accent).text(" save unproven")
            }
            _ => arrow
                .add("t", Role::Accent)
                .text(" test again  ")
                .add("Enter", Role::Accent)
                .text(" save unproven"),
        }
    }
}
