//! The last step proves the write: what each slot sends now, what has to be restarted, and what is left to do.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::agents::{Certainty, Restart};
use crate::plan::Plan;
use crate::session::holding::{Due, Restarted};
use crate::session::write::{Next, PlaceNow, Written};

use super::subject::{Subject, WizardAction};
use crate::tui::core::Core;
use crate::tui::keys::Action;
use crate::tui::known::Ticket;
use crate::tui::message::{Answer, Effect, Input, Returned};
use crate::tui::parts::{self, Row, Rows};
use crate::tui::theme::Role;
use crate::tui::undo::Undo;
use crate::tui::words;

/// The state of the end screen.
#[derive(Debug)]
pub struct Done {
    written: Written,
    /// What was written beside the key's own places.
    along: Vec<String>,
    due: Vec<Due>,
    unproven: Option<String>,
    restarting: Option<Ticket>,
    restarted: Vec<Restarted>,
    skip: usize,
    /// It was taken back again.
    pub undone: bool,
}

impl Done {
    /// After this plan was written.
    #[must_use]
    pub fn new(core: &Core, who: &Subject, plan: &Plan, written: Written) -> Self {
        let home = core.known.home();
        let keyed: Vec<String> = written.places.iter().map(|place| place.place.show(home)).collect();
        let mut along: Vec<String> = plan.changes.iter().map(|change| change.target.show(home)).collect();
        along.retain(|target| !keyed.iter().any(|place| place.starts_with(target.as_str())));
        Self {
            due: written.due(),
            written,
            along,
            unproven: who.unproven.clone(),
            restarting: None,
            restarted: Vec::new(),
            skip: 0,
            undone: false,
        }
    }

    /// What needs a restart and can be restarted from here.
    fn restartable(&self) -> Vec<Due> {
        let can = |due: &&Due| due.restart.command.is_some() && due.restart.certainty.needs_restart();
        self.due.iter().filter(can).cloned().collect()
    }

    fn commands(&self) -> Vec<Vec<String>> {
        self.restartable().into_iter().filter_map(|due| due.restart.command).collect()
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
    pub fn update(&mut self, core: &mut Core, input: &Input) -> WizardAction {
        match input {
            Input::Answer(ticket, answer) if Some(*ticket) == self.restarting => {
                self.restarting = None;
                if let Answer::Restarted(restarted) = answer {
                    self.restarted.clone_from(restarted);
                }
                WizardAction::Stay(core.scan())
            }
            Input::Returned(Returned::Undone(id)) if *id == self.written.applied.id => {
                self.undone = true;
                WizardAction::Leave
            }
            Input::Do(action) => self.act(core, *action),
            Input::Wheel(by) => {
                self.skip = self.skip.saturating_add_signed(isize::from(*by));
                WizardAction::stay()
            }
            _ => WizardAction::stay(),
        }
    }

    fn act(&mut self, core: &mut Core, action: Action) -> WizardAction {
        match action {
            Action::Enter | Action::Back => WizardAction::Leave,
            Action::Undo => {
                let (undo, effects) = Undo::open(core, Some(self.written.applied.id.clone()));
                WizardAction::Open(Box::new(undo), effects)
            }
            Action::Restart if self.offers(action) => {
                let ticket = core.ticket();
                self.restarting = Some(ticket);
                core.working = Some(ticket);
                WizardAction::Stay(vec![Effect::Restart(ticket, self.restartable())])
            }
            Action::Copy => {
                let text =
                    self.commands().iter().map(|command| command.join(" ")).collect::<Vec<_>>().join("\n");
                WizardAction::Stay(if text.is_empty() { Vec::new() } else { vec![Effect::Copy(text)] })
            }
            other => {
                self.skip = parts::scrolled(self.skip, other, 200);
                WizardAction::stay()
            }
        }
    }

    /// Draws the step.
    pub fn view(&self, core: &Core, who: &Subject, frame: &mut Frame, area: Rect) {
        let columns = usize::from(area.width);
        let rows = self.rows(core, who, columns);
        let skip = self.skip.min(rows.len().saturating_sub(usize::from(area.height)));
        rows.draw(core, frame, area, skip);
    }

    fn rows(&self, core: &Core, who: &Subject, columns: usize) -> Rows {
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
        for note in &self.written.applied.notes {
            rows.hang(&Row::of("i ", Role::Dim), note, Role::Text, columns);
        }
        rows.gap();
        self.restarts(core, columns, &mut rows);
        self.last_step(core, columns, &mut rows);
        rows
    }

    /// Every place: the new key there, the old one gone; and where the old one is left.
    fn places(&self, core: &Core, columns: usize, rows: &mut Rows) {
        let home = core.known.home();
        for place in &self.written.places {
            rows.push(place_row(place, &place.place.show(home), self.written.old.is_some(), columns));
        }
        for target in &self.along {
            let place = parts::fit_path(target, columns.saturating_sub(20));
            rows.push(Row::of("✓ ", Role::Good).text(place).add("  changed along", Role::Dim));
        }
        if !self.written.left.is_empty() || !self.written.copies.is_empty() {
            rows.push(Row::of("The old key is left at", Role::Warn));
        }
        for left in &self.written.left {
            let text =
                format!("{}: {}", left.place.show(home), left.why.as_deref().unwrap_or("was left as it is"));
            rows.hang(&Row::of("  ! ", Role::Warn), &text, Role::Text, columns);
        }
        for copy in &self.written.copies {
            let text = format!("{}: a copy that no agent reads", crate::source::tilde(copy, home));
            rows.hang(&Row::of("  i ", Role::Dim), &text, Role::Text, columns);
        }
        let row = Row::of("i ", Role::Dim)
            .text("A backup is kept; ")
            .add("z", Role::Accent)
            .text(" takes this back, byte for byte.");
        rows.push(row);
    }

    fn restarts(&self, core: &Core, columns: usize, rows: &mut Rows) {
        for restart in self.due.iter().map(|due| &due.restart) {
            let (mark, role, words) = certainty(restart);
            rows.hang(&Row::of(mark, role).text(" "), &words, Role::Text, columns);
            if let Some(command) = restart.command.as_ref().filter(|_| restart.certainty.needs_restart()) {
                rows.hang(&Row::of("    ", Role::Text), &command.join(" "), Role::Strong, columns);
            }
        }
        if self.restarting.is_some() {
            rows.push(Row::of(parts::spinner(core), Role::Accent).text(" restarting"));
        } else if self.offers(Action::Restart) {
            let row = Row::of("→ ", Role::Accent).add("r", Role::Accent).text(" restart it now  ");
            rows.push(row.add("c", Role::Accent).text(" copy the command"));
        }
        for restarted in &self.restarted {
            let (mark, role) = if restarted.is_fine() { ("✓ ", Role::Good) } else { ("! ", Role::Warn) };
            rows.hang(&Row::of(mark, role), &restarted.words(), Role::Text, columns);
        }
    }

    /// A replaced key is revoked, as soon as nothing here needs it any more. After a switch no key was replaced.
    fn last_step(&self, core: &Core, columns: usize, rows: &mut Rows) {
        let (Some(next), Some(old)) =
            (self.written.next(&self.restarted, core.known.home()), &self.written.old)
        else {
            return;
        };
        rows.gap();
        let tag = core.known.tag(&old.key).map(|tag| format!("{tag} ")).unwrap_or_default();
        let mask = core.known.mask(&old.key);
        match next {
            Next::Revoke => {
                let at = words::console(&core.known.catalogue, old.provider.as_deref());
                let at = at.map(|address| format!(" at {address}")).unwrap_or_default();
                let text = format!("When everything works, revoke the old key {tag}{mask}{at}.");
                rows.hang(&Row::of("→ ", Role::Accent), &text, Role::Text, columns);
            }
            Next::NotYet(why) => {
                let text = format!("Do not revoke {tag}{mask} yet: {why}");
                rows.hang(&Row::of("! ", Role::Warn), &text, Role::Text, columns);
            }
        }
    }
}

/// `✓ OpenClaw · main · anthropic now sends D sk-ant-…k3Pw (108)`.
fn proof(core: &Core, who: &Subject, columns: usize, rows: &mut Rows) {
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

/// `✓ ~/.hermes/.env:3    new there · old gone`.
fn place_row(place: &PlaceNow, shown: &str, had_old: bool, columns: usize) -> Row {
    let (mark, role) = if place.new_there { ("✓ ", Role::Good) } else { ("! ", Role::Warn) };
    let words = match (place.new_there, place.old_gone, had_old) {
        (true, true, true) => "new there · old gone",
        (true, _, false) => "new there",
        (true, false, true) => "new there · old too",
        (false, ..) => "cannot be seen there",
    };
    let room = columns.saturating_sub(2 + 2 + words.len());
    Row::of(mark, role)
        .cell(parts::fit_path(shown, room), room, Role::Text)
        .add(format!("  {words}"), Role::Dim)
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
