//! The wizard for a key: one line of steps, each reversible with Esc until the write. The steps own their state in
//! their own files; here is the order in which they follow each other.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::agents::Agent;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;
use crate::session::past::Lost;
use crate::source::{Place, Source};

use super::core::Core;
use super::everywhere;
use super::keys::{Action, Context};
use super::known::{Grade, Known, Test, Ticket};
use super::message::{Answer, Ask, Effect, Input, Returned};
use super::parts::{self, Row, Rows};
use super::screen::{Go, Screen, Step};
use super::theme::Role;

use crate::plan::{Plan, SlotId};
use destination::Choosing;
use done::Done;
use paste::{Clean, Paste};
use review::Review;
use subject::{Subject, Target, WizardAction, WizardStep};
use test::Testing;

pub mod destination;
pub mod done;
pub mod paste;
pub mod review;
pub mod subject;
pub mod test;

const STEPS: [(WizardStep, &str); 6] = [
    (WizardStep::Paste, "Paste"),
    (WizardStep::Clean, "Clean"),
    (WizardStep::Test, "Test"),
    (WizardStep::Destination, "Destination"),
    (WizardStep::Review, "Review"),
    (WizardStep::Done, "Done"),
];

/// One step with its state.
#[derive(Debug)]
enum Stage {
    Paste(Paste),
    Clean(Clean),
    Test(Testing),
    Destination(Choosing),
    Review(Review),
    Done(Box<Done>),
}

impl Stage {
    const fn step(&self) -> WizardStep {
        match self {
            Self::Paste(_) => WizardStep::Paste,
            Self::Clean(_) => WizardStep::Clean,
            Self::Test(_) => WizardStep::Test,
            Self::Destination(_) => WizardStep::Destination,
            Self::Review(_) => WizardStep::Review,
            Self::Done(_) => WizardStep::Done,
        }
    }
}

/// The state of the wizard.
#[derive(Debug)]
pub struct Wizard {
    who: Subject,
    /// The steps before, which Esc returns to.
    behind: Vec<Stage>,
    /// The step in sight.
    stage: Stage,
    /// What to say of the place in a longer set-up: `1 of 3`.
    note: Option<String>,
    /// What is reviewed after the test, where there is no place to choose.
    next: Option<Ask>,
    /// What needs no answer is passed by, as far as the review: the next key to press is the one that writes.
    express: bool,
    /// The question which places of the old key can take the new one.
    spreading: Option<Ticket>,
}

impl Screen for Wizard {
    fn context(&self) -> Context {
        match &self.stage {
            Stage::Paste(paste) if paste.is_empty() => Context::Paste,
            Stage::Paste(_) => Context::Typing,
            Stage::Clean(_) => Context::Clean,
            Stage::Test(_) => Context::Test,
            Stage::Destination(_) => Context::Destination,
            Stage::Review(_) => Context::Review,
            Stage::Done(_) => Context::Done,
        }
    }

    fn title(&self, _core: &Core) -> String {
        let what = if self.who.switch { "use another key" } else { "new key" };
        self.note.as_ref().map_or_else(|| format!(" {what}"), |note| format!(" {what} · {note}"))
    }

    fn offers(&self, core: &Core, action: Action) -> bool {
        match &self.stage {
            Stage::Paste(paste) => paste.offers(core, &self.who, action),
            Stage::Clean(clean) => clean.offers(action),
            Stage::Test(_) => Testing::offers(core, &self.who, action),
            Stage::Destination(choosing) => choosing.offers(&self.who, action),
            Stage::Review(_) if action == Action::Everywhere => self.can_spread(core),
            Stage::Review(review) => review.offers(action),
            Stage::Done(done) => done.offers(action),
        }
    }

    fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        if let Some(Answer::Effects(effects)) = input.answer(self.spreading) {
            self.spreading = None;
            return self.spread(core, effects);
        }
        if matches!(input, Input::Do(Action::Everywhere)) {
            return self.ask_everywhere(core);
        }
        let next = match &mut self.stage {
            Stage::Paste(paste) => paste.update(core, &self.who, input),
            Stage::Clean(clean) => clean.update(core, &mut self.who, input),
            Stage::Test(test) => test.update(core, &mut self.who, input),
            Stage::Destination(choosing) => choosing.update(core, &self.who, input),
            Stage::Review(review) => review.update(core, &self.who, input),
            Stage::Done(done) => done.update(core, input),
        };
        let step = self.go(core, next);
        self.hurry(core, step)
    }

    fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, &self.who.words(core), true);
        let columns = usize::from(inner.width);
        let mut head = Rows::default();
        head.push(self.steps(columns));
        head.gap();
        head.0.extend(self.who.old_and_new(core, self.stage.step(), columns).0);
        head.gap();
        let used = u16::try_from(head.len()).unwrap_or(0).min(inner.height);
        head.draw(core, frame, inner, 0);
        let rest = Rect { y: inner.y + used, height: inner.height - used, ..inner };
        match &self.stage {
            Stage::Paste(paste) => paste.view(core, &self.who, frame, rest),
            Stage::Clean(clean) => clean.view(core, &self.who, frame, rest),
            Stage::Test(test) => test.view(core, &self.who, frame, rest),
            Stage::Destination(choosing) => choosing.view(core, &self.who, frame, rest),
            Stage::Review(review) => review.view(core, &self.who, frame, rest, area),
            Stage::Done(done) => done.view(core, &self.who, frame, rest),
        }
    }
}

impl Wizard {
    fn new(who: Subject, stage: Stage) -> Self {
        Self { who, behind: Vec::new(), stage, note: None, next: None, express: false, spreading: None }
    }

    /// A new key for one slot.
    #[must_use]
    pub fn for_slot(slot: &Slot) -> Self {
        Self::new(Subject::of_slot(slot), Stage::Paste(Paste::default()))
    }

    /// The same wizard after this was pasted.
    #[must_use]
    pub fn given(mut self, core: &mut Core, text: &Secret) -> (Self, Vec<Effect>) {
        let step = self.go(core, WizardAction::Look(text.clone()));
        let step = self.hurry(core, step);
        (self, step.effects)
    }

    /// A new key for one slot, as a part of a longer set-up.
    #[must_use]
    pub fn in_setup(slot: &Slot, note: String) -> Self {
        Self { note: Some(note), ..Self::for_slot(slot) }
    }

    /// The same key for a further slot of a set-up: it was cleaned and tested already.
    pub fn again(core: &mut Core, slot: &Slot, key: Secret, note: String) -> (Self, Vec<Effect>) {
        let who = Subject { new: Some(key), ..Subject::of_slot(slot) };
        let (stage, effects) = choose(core, &who);
        (Self { note: Some(note), ..Self::new(who, stage) }, effects)
    }

    /// A new key for every ticked place of an old one.
    #[must_use]
    pub fn for_places(known: &Known, old: Secret, places: Vec<Place>, slots: &[SlotRef]) -> Self {
        let found: Vec<&Slot> = slots.iter().filter_map(|at| known.slot(*at)).collect();
        let provider = found.iter().find_map(|slot| slot.provider.clone());
        let slots = found.into_iter().map(SlotId::of).collect();
        let target = Target::Places { old: old.clone(), places, slots };
        Self::new(
            Subject {
                target,
                provider,
                old: Some(old),
                new: None,
                unproven: None,
                taken_off: None,
                switch: false,
            },
            Stage::Paste(Paste::default()),
        )
    }

    /// Another candidate made the active one: there is nothing to paste, and its key is tested before the review like any
    /// other. A login is none that a test of keys says anything about.
    pub fn using(core: &mut Core, agent: &'static Agent, slot: &Slot, n: usize) -> (Self, Vec<Effect>) {
        let candidate = slot.candidates.get(n);
        let new = candidate.and_then(|candidate| candidate.value.secret()).cloned();
        let login = candidate.is_some_and(|candidate| candidate.source == Source::Oauth);
        let test = new.as_ref().and_then(|key| core.known.test(slot, key));
        let works = matches!(test, Some(Test::Done(judged)) if judged.grade == Grade::Works);
        let asked = test.is_some();
        let who = Subject { new, switch: true, ..Subject::of_slot(slot) };
        let ask = Ask::Use { agent, slot: Box::new(slot.clone()), n };
        if login || works || core.options.offline {
            let (stage, effects) = look_over(core, ask);
            return (Self::new(who, stage), effects);
        }
        let mut test = Testing::default();
        let effects = if asked { Vec::new() } else { test.start(core, &who) };
        (Self { next: Some(ask), express: true, ..Self::new(who, Stage::Test(test)) }, effects)
    }

    /// A remedy: its plan is there already. A key that was not tested is tested before the review.
    pub fn mending(core: &mut Core, slot: &Slot, plan: &Plan, key: Option<&Secret>) -> (Self, Vec<Effect>) {
        let sent = || slot.sent().map(|sent| sent.key.clone());
        let new = key.cloned().or_else(sent).unwrap_or_else(|| Secret::new(""));
        let is_now = slot.sent().is_some_and(|sent| sent.key == new);
        let known = key.is_none() || is_now || core.known.test(slot, &new).is_some();
        let who = Subject { new: Some(new), switch: true, ..Subject::of_slot(slot) };
        let ask = Ask::Ready(Arc::new(plan.clone()));
        if known || core.options.offline {
            let (stage, effects) = look_over(core, ask);
            return (Self::new(who, stage), effects);
        }
        let mut test = Testing::default();
        let effects = test.start(core, &who);
        (Self { next: Some(ask), express: true, ..Self::new(who, Stage::Test(test)) }, effects)
    }

    /// A key that another program took away, brought back to its places; the review comes first.
    pub fn bringing_back(core: &mut Core, lost: &Lost) -> (Self, Vec<Effect>) {
        let reads = |slot: &Slot| {
            let mut lost = lost.places.iter().map(|placed| &placed.place);
            lost.any(|place| slot.candidates.iter().any(|one| one.place.same_spot(place)))
        };
        let slots: Vec<SlotRef> =
            core.known.scan().slots().filter(|(_, _, slot)| reads(slot)).map(|(at, ..)| at).collect();
        let old = lost.places.iter().find_map(|placed| placed.key.clone());
        let old = old.unwrap_or_else(|| Secret::new(""));
        let places: Vec<Place> = lost.places.iter().map(|placed| placed.place.clone()).collect();
        let mut wizard = Self::for_places(&core.known, old, places, &slots);
        wizard.note = Some("bring back".to_owned());
        let Some(key) = lost.key.clone() else { return (wizard, Vec::new()) };
        wizard.who.new = Some(key.clone());
        let (stage, effects) = look_over(core, Ask::BringBack { key, places: lost.places.clone() });
        wizard.stage = stage;
        (wizard, effects)
    }

    fn go(&mut self, core: &mut Core, next: WizardAction) -> Step {
        match next {
            WizardAction::Stay(effects) => Step::run(effects),
            WizardAction::Back => self.back(core),
            WizardAction::Look(text) => {
                let clean = Clean::of(core, &self.who, &text);
                self.who.new = clean.key().cloned();
                self.who.unproven = None;
                if let Stage::Paste(paste) = &mut self.stage {
                    *paste = Paste::default();
                }
                self.express = clean.is_plain();
                self.who.taken_off = clean.taken_off();
                self.enter(Stage::Clean(clean));
                Step::stay()
            }
            WizardAction::Test => {
                // Whoever says yes to a doubtful key has seen what there is to see.
                self.express = self.who.unproven.is_none();
                let mut test = Testing::default();
                let effects = test.start(core, &self.who);
                self.enter(Stage::Test(test));
                Step::run(effects)
            }
            WizardAction::Choose => {
                let (stage, effects) = match self.next.clone() {
                    Some(ask) => look_over(core, ask),
                    None => choose(core, &self.who),
                };
                self.enter(stage);
                Step::run(effects)
            }
            WizardAction::Review(ask) => {
                let (stage, effects) = look_over(core, *ask);
                self.enter(stage);
                Step::run(effects)
            }
            WizardAction::Finish(plan, written) => {
                let done = Done::new(core, &self.who, &plan, *written);
                self.enter(Stage::Done(Box::new(done)));
                Step::run(core.scan())
            }
            WizardAction::Open(screen, effects) => Step { go: Go::Push(screen), effects },
            WizardAction::Leave => self.leave(),
        }
    }

    /// To a step; one of the same kind or a later one is not returned to any more.
    fn enter(&mut self, stage: Stage) {
        let before = std::mem::replace(&mut self.stage, stage);
        self.behind.push(before);
        let step = self.stage.step();
        self.behind.retain(|behind| behind.step() < step);
    }

    /// Passes the steps by that have nothing to ask.
    fn hurry(&mut self, core: &mut Core, mut step: Step) -> Step {
        while self.express && matches!(step.go, Go::Stay) {
            let next = match &mut self.stage {
                Stage::Clean(clean) if clean.is_plain() => WizardAction::Test,
                Stage::Test(_) if Testing::works(core, &self.who) => WizardAction::Choose,
                Stage::Destination(choosing) => match choosing.plain(core, &self.who) {
                    Some(next) => next,
                    None => break,
                },
                _ => break,
            };
            let further = self.go(core, next);
            step = Step { go: further.go, effects: std::mem::take(&mut step.effects) }.and(further.effects);
        }
        step
    }

    /// Whether the review can be widened to all places of the old key.
    fn can_spread(&self, core: &Core) -> bool {
        let elsewhere = |old: &Secret| {
            everywhere::view(core, old).is_some_and(|view| core.known.scan().spots(view).len() > 1)
        };
        matches!(self.stage, Stage::Review(_))
            && matches!(self.who.target, Target::Slot(_))
            && !self.who.switch
            && self.who.old.as_ref().is_some_and(elsewhere)
    }

    fn ask_everywhere(&mut self, core: &mut Core) -> Step {
        if !self.can_spread(core) {
            return Step::stay();
        }
        let ticket = core.ticket();
        self.spreading = Some(ticket);
        Step::run(vec![Effect::Effects(ticket)])
    }

    /// The new key goes to every place of the old one, in one plan.
    fn spread(&mut self, core: &mut Core, effects: &everywhere::Effects) -> Step {
        let (Some(old), Some(new)) = (self.who.old.clone(), self.who.new.clone()) else {
            return Step::stay();
        };
        let Some(view) = everywhere::view(core, &old) else { return Step::stay() };
        let places = everywhere::places(core, effects, view);
        if !self.can_spread(core) || places.is_empty() {
            core.say("keymend can write to no other place of this key", Role::Warn);
            return Step::stay();
        }
        let slots = everywhere::readers(core, view, &places);
        let slots = slots.iter().filter_map(|at| core.known.slot(*at)).map(SlotId::of).collect();
        self.who.target = Target::Places { old: old.clone(), places: places.clone(), slots };
        let (stage, effects) = look_over(core, Ask::Rotate { old, new, places });
        self.behind.retain(|behind| behind.step() < WizardStep::Destination);
        self.stage = stage;
        Step::run(effects)
    }

    fn back(&mut self, core: &mut Core) -> Step {
        self.express = false;
        let test = match &mut self.stage {
            Stage::Test(test) => Some(test),
            _ => self.behind.iter_mut().find_map(|stage| match stage {
                Stage::Test(test) => Some(test),
                _ => None,
            }),
        };
        let effects = test.and_then(|test| test.cancel(core)).into_iter().collect();
        match self.behind.pop() {
            Some(before) => {
                self.stage = before;
                Step::run(effects)
            }
            None => self.leave().and(effects),
        }
    }

    /// Out of the wizard, with the key that it wrote.
    fn leave(&self) -> Step {
        let written =
            self.who.new.clone().filter(|_| matches!(&self.stage, Stage::Done(done) if !done.undone));
        Step::back_with(written.map_or(Returned::Nothing, Returned::Wrote))
    }

    /// The step where the wizard began.
    fn first(&self) -> WizardStep {
        self.behind.first().unwrap_or(&self.stage).step()
    }

    /// `▸ Paste ──── Clean ──── …`, the steps behind with a tick.
    fn steps(&self, columns: usize) -> Row {
        let line = if columns >= 100 { " ───────── " } else { " ── " };
        let mut row = Row::new();
        let skipped =
            |step: WizardStep| step < self.first() || (self.who.switch && step == WizardStep::Destination);
        for (step, name) in STEPS.iter().filter(|(step, _)| !skipped(*step)) {
            if *step > self.first() {
                row = row.add(line, Role::Dim);
            }
            row = match step.cmp(&self.stage.step()) {
                std::cmp::Ordering::Less => row.add(format!("✓ {name}"), Role::Good),
                std::cmp::Ordering::Equal if *step == WizardStep::Done => {
                    row.add(format!("✓ {name}"), Role::Accent)
                }
                std::cmp::Ordering::Equal => row.add(format!("▸ {name}"), Role::Accent),
                std::cmp::Ordering::Greater => row.add(*name, Role::Dim),
            };
        }
        row
    }
}

fn choose(core: &mut Core, who: &Subject) -> (Stage, Vec<Effect>) {
    let (choosing, effects) = Choosing::start(core, who);
    (Stage::Destination(choosing), effects)
}

fn look_over(core: &mut Core, ask: Ask) -> (Stage, Vec<Effect>) {
    let (review, effects) = Review::start(core, ask);
    (Stage::Review(review), effects)
}
