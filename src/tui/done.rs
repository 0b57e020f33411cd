//! The last step proves the write: what each slot sends now, what has to be restarted, and what is left to do.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::agents::{Certainty, Restart};
use crate::plan::Target;
use crate::secret::{Mask, Tag};

use super::app::{Answer, Applied, Core, Effect, Input, Ticket};
use super::help::scrolled;
use super::history::History;
use super::keys::Action;
use super::parts::{self, Row, Rows};
use super::theme::Role;
use super::wizard::{Move, SharedPlan, Who};
use super::words;

/// The state of the end screen.
#[derive(Debug)]
pub struct Done {
    plan: SharedPlan,
    applied: Applied,
    unproven: Option<String>,
    old: Option<(Option<Tag>, Mask)>,
    restarting: Option<Ticket>,
    restarted: Vec<String>,
    skip: usize,
}

impl Done {
    /// After this plan was written.
    #[must_use]
    pub fn new(core: &Core, who: &Who, plan: SharedPlan, applied: Applied) -> Self {
        let old = who.old.as_ref().filter(|old| who.new.as_ref() != Some(old));
        let old = old.map(|old| (core.known.tag(old), core.known.mask(old)));
        let unproven = who.unproven.clone();
        Self { plan, applied, unproven, old, restarting: None, restarted: Vec::new(), skip: 0 }
    }

    fn commands(&self) -> Vec<Vec<String>> {
        self.applied.restarts.iter().filter_map(|restart| restart.command.clone()).collect()
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(&self, action: Action) -> bool {
        match action {
            Action::Restart => {
                !self.commands().is_empty() && self.restarting.is_none() && self.restarted.is_empty()
            }
            Action::Copy => !self.commands().is_empty(),
            Action::New => false,
            _ => true,
        }
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, input: &Input) -> Move {
        match input {
            Input::Answer(ticket, answer) if Some(*ticket) == self.restarting => {
                self.restarting = None;
                self.restarted.push(match answer {
                    Answer::Restarted(text) => text.clone(),
                    Answer::Failed(failure) => format!("{} {}", failure.what, failure.hint),
                    _ => return Move::stay(),
                });
                Move::Stay(core.scan())
            }
            Input::Do(action) => self.act(core, *action),
            Input::Wheel(by) => {
                self.skip = self.skip.saturating_add_signed(isize::from(*by));
                Move::stay()
            }
            _ => Move::stay(),
        }
    }

    fn act(&mut self, core: &mut Core, action: Action) -> Move {
        match action {
            Action::Enter | Action::Back => Move::Leave,
            Action::Undo => {
                let (history, effects) = History::undo_of(core, self.applied.id.clone());
                core.next_screen = Some(Box::new(super::screen::Screen::History(history)));
                Move::Stay(effects)
            }
            Action::Restart if self.offers(action) => {
                let ticket = core.ticket();
                self.restarting = Some(ticket);
                core.working = Some(ticket);
                Move::Stay(vec![Effect::Restart(ticket, self.commands())])
            }
            Action::Copy => {
                let text =
                    self.commands().iter().map(|command| command.join(" ")).collect::<Vec<_>>().join("\n");
                Move::Stay(if text.is_empty() { Vec::new() } else { vec![Effect::Copy(text)] })
            }
            other => {
                self.skip = scrolled(self.skip, other, 200);
                Move::stay()
            }
        }
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Who, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let rows = self.rows(core, who, columns);
        let skip = self.skip.min(rows.len().saturating_sub(usize::from(area.height)));
        rows.draw(core, frame, area, skip);
    }

    fn rows(&self, core: &Core, who: &Who, columns: usize) -> Rows {
        let mut rows = Rows::default();
        if core.scanning.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" asking the agents' rules again"));
        } else {
            proof(core, who, columns, &mut rows);
        }
        if let Some(why) = &self.unproven {
            rows.hang(&Row::of("! ", Role::Warn), &format!("Unproven: {why}."), Role::Text, columns);
        }
        rows.gap();
        self.places(core, columns, &mut rows);
        for note in &self.applied.notes {
            rows.hang(&Row::of("i ", Role::Dim), note, Role::Text, columns);
        }
        rows.gap();
        self.restarts(core, columns, &mut rows);
        self.last_step(core, who, columns, &mut rows);
        rows
    }

    fn places(&self, core: &Core, columns: usize, rows: &mut Rows) {
        let mut said = Vec::new();
        for change in &self.plan.changes {
            let name = match &change.target {
                Target::File { path, .. } => crate::source::tilde(path, core.known.home()),
                Target::Cell(cell) => crate::source::tilde(&cell.db, core.known.home()),
                Target::Keyring { service, user } => format!("keyring {service} / {user}"),
            };
            // Two rows of one database are one place.
            if said.contains(&name) {
                continue;
            }
            let row = Row::of("written  ", Role::Dim).text(parts::fit_path(&name, columns.saturating_sub(9)));
            rows.push(row);
            said.push(name);
        }
        let row = Row::of("backup   ", Role::Dim)
            .text("kept; ")
            .add("z", Role::Accent)
            .text(" takes this back, byte for byte");
        rows.push(row);
    }

    fn restarts(&self, core: &Core, columns: usize, rows: &mut Rows) {
        for restart in &self.applied.restarts {
            let (mark, role, words) = certainty(restart);
            rows.hang(&Row::of(mark, role).text(" "), &words, Role::Text, columns);
            if let Some(command) = restart.command.as_ref().filter(|_| needs_restart(restart)) {
                rows.hang(&Row::of("    ", Role::Text), &command.join(" "), Role::Strong, columns);
            }
        }
        if self.restarting.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" restarting"));
        } else if self.offers(Action::Restart) {
            let row = Row::of("→ ", Role::Accent).add("r", Role::Accent).text(" restart it now  ");
            rows.push(row.add("c", Role::Accent).text(" copy the command"));
        }
        for text in &self.restarted {
            rows.hang(&Row::of("i ", Role::Dim), text, Role::Text, columns);
        }
    }

    /// Rotation ends with the old key revoked.
    fn last_step(&self, core: &Core, who: &Who, columns: usize, rows: &mut Rows) {
        let Some((tag, mask)) = &self.old else { return };
        rows.gap();
        let tag = tag.map(|tag| format!("{tag} ")).unwrap_or_default();
        let at = words::console(&core.known.catalogue, who.provider.as_deref());
        let at = at.map(|address| format!(" at {address}")).unwrap_or_default();
        let text = format!("When everything works, revoke the old key {tag}{mask}{at}.");
        rows.hang(&Row::of("→ ", Role::Accent), &text, Role::Text, columns);
    }
}

/// `✓ OpenClaw · main · anthropic now sends D sk-ant-…k3Pw (108)`.
fn proof(core: &Core, who: &Who, columns: usize, rows: &mut Rows) {
    for (at, slot) in who.slots(core) {
        let agent = core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
        let name = format!("{agent} · {}", words::provider(slot));
        match slot.sent() {
            Some(sent) if Some(&sent.key) == who.new.as_ref() => {
                let row = Row::of("✓ ", Role::Good).add(format!("{name} now sends "), Role::Strong);
                rows.push(parts::key(row, core, &sent.key).cut(columns));
            }
            Some(sent) => {
                let row = Row::of("! ", Role::Warn).text(format!("{name} sends "));
                rows.push(parts::key(row, core, &sent.key).text(", not the new key").cut(columns));
            }
            None => rows
                .push(Row::of("! ", Role::Warn).text(format!("{name} sends nothing that keymend can see"))),
        }
    }
}

const fn needs_restart(restart: &Restart) -> bool {
    matches!(restart.certainty, Certainty::StillHolds | Certainty::MayHold | Certainty::CannotTell)
}

fn certainty(restart: &Restart) -> (&'static str, Role, String) {
    let what = &restart.what;
    match restart.certainty {
        Certainty::StillHolds => ("!", Role::Warn, format!("{what} still holds the old key: restart it")),
        Certainty::MayHold => ("!", Role::Warn, format!("{what} may still hold the old key: restart it")),
        Certainty::Reloads => ("✓", Role::Good, format!("{what} reads the new key by itself")),
        Certainty::Fresh => ("✓", Role::Good, format!("{what} started after the change")),
        Certainty::CannotTell => (
            "?",
            Role::Warn,
            format!("{what}: cannot be told whether it holds the old key; a restart is safe"),
        ),
    }
}
