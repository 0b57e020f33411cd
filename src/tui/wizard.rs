//! The wizard for a key: one line of steps, each reversible with Esc until the write. The steps own their state in
//! their own files; here is the order in which they follow each other.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::agents::Agent;
use crate::plan::SlotId;
use crate::resolve::Slot;
use crate::secret::Secret;
use crate::session::SlotRef;
use crate::session::past::Lost;
use crate::source::{Place, Source};

use super::app::{Answer, Ask, Core, Effect, Go, Input, Step, Ticket};
use super::destination::Choosing;
use super::done::Done;
use super::keys::{Action, Context};
use super::known::{Grade, Known, Test};
use super::parts::{self, Row, Rows};
use super::paste::{Clean, Paste};
use super::review::Review;
use super::screen::Screen;
use super::test::Testing;
use super::theme::Role;
use super::{slotview, words};

/// What the key is for.
#[derive(Clone, Debug)]
pub enum Target {
    /// One slot.
    Slot(SlotId),
    /// Every ticked place of an old key.
    Places {
        /// The old key.
        old: Secret,
        /// Where it goes.
        places: Vec<Place>,
        /// The slots that read these places.
        slots: Vec<SlotId>,
    },
}

/// What all steps know.
#[derive(Clone, Debug)]
pub struct Who {
    /// What the key is for.
    pub target: Target,
    /// The provider that it is tested at.
    pub provider: Option<String>,
    /// The key that is there now.
    pub old: Option<Secret>,
    /// The key that comes.
    pub new: Option<Secret>,
    /// It was entered against the advice, or could not be proven; said again in the review and at the end.
    pub unproven: Option<String>,
    /// The key is one of the slot's candidates, to be made the active one.
    pub switch: bool,
}

/// The step that is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// Waiting for a key.
    Paste,
    /// What it became.
    Clean,
    /// The live test.
    Test,
    /// Where to write.
    Destination,
    /// The masked difference.
    Review,
    /// Written.
    Done,
}

const STEPS: [(At, &str); 6] = [
    (At::Paste, "Paste"),
    (At::Clean, "Clean"),
    (At::Test, "Test"),
    (At::Destination, "Destination"),
    (At::Review, "Review"),
    (At::Done, "Done"),
];

/// What a step wants.
#[derive(Debug)]
pub enum Move {
    /// To stay, with these effects.
    Stay(Vec<Effect>),
    /// One step back.
    Back,
    /// A paste came: look at it.
    Look(Secret),
    /// To the live test.
    Test,
    /// To the choice of a place.
    Choose,
    /// To the review of what this asks for.
    Review(Box<Ask>),
    /// It is written.
    Finish(Box<Done>),
    /// Out of the wizard.
    Leave,
}

impl Move {
    /// To stay.
    #[must_use]
    pub const fn stay() -> Self {
        Self::Stay(Vec::new())
    }
}

/// The state of the wizard.
#[derive(Debug)]
pub struct Wizard {
    who: Who,
    at: At,
    first: At,
    /// What to say of the place in a longer set-up: `1 of 3`.
    note: Option<String>,
    paste: Paste,
    clean: Option<Clean>,
    test: Testing,
    choosing: Option<Choosing>,
    review: Option<Review>,
    done: Option<Done>,
    /// What is reviewed after the test, where there is no place to choose.
    next: Option<Ask>,
}

impl Wizard {
    fn new(who: Who, at: At) -> Self {
        Self {
            who,
            at,
            first: at,
            note: None,
            paste: Paste::default(),
            clean: None,
            test: Testing::default(),
            choosing: None,
            review: None,
            done: None,
            next: None,
        }
    }

    /// A new key for one slot.
    #[must_use]
    pub fn for_slot(slot: &Slot) -> Self {
        Self::new(Who::of_slot(slot), At::Paste)
    }

    /// A new key for one slot, as a part of a longer set-up.
    #[must_use]
    pub fn in_setup(slot: &Slot, note: String) -> Self {
        Self { note: Some(note), ..Self::for_slot(slot) }
    }

    /// The same key for a further slot of a set-up: it was cleaned and tested already.
    pub fn again(core: &mut Core, slot: &Slot, key: Secret, note: String) -> (Self, Vec<Effect>) {
        let mut wizard = Self::in_setup(slot, note);
        wizard.who.new = Some(key);
        wizard.first = At::Destination;
        let effects = wizard.choose(core);
        (wizard, effects)
    }

    /// A new key for every ticked place of an old one.
    #[must_use]
    pub fn for_places(known: &Known, old: Secret, places: Vec<Place>, slots: &[SlotRef]) -> Self {
        let found: Vec<&Slot> = slots.iter().filter_map(|at| known.slot(*at)).collect();
        let provider = found.iter().find_map(|slot| slot.provider.clone());
        let slots = found.into_iter().map(SlotId::of).collect();
        let target = Target::Places { old: old.clone(), places, slots };
        Self::new(
            Who { target, provider, old: Some(old), new: None, unproven: None, switch: false },
            At::Paste,
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
        let who = Who { new, switch: true, ..Who::of_slot(slot) };
        let ask = Ask::Use { agent, slot: Box::new(slot.clone()), n };
        if login || works || core.options.offline {
            let mut wizard = Self::new(who, At::Review);
            let effects = wizard.look_over(core, ask);
            return (wizard, effects);
        }
        let mut wizard = Self { next: Some(ask), ..Self::new(who, At::Test) };
        let effects = if asked { Vec::new() } else { wizard.test.start(core, &wizard.who) };
        (wizard, effects)
    }

    /// A key that another program took away, brought back to its places; the review comes first.
    pub fn bringing_back(core: &mut Core, lost: &Lost) -> (Self, Vec<Effect>) {
        let reads = |slot: &Slot| {
            let mut lost = lost.places.iter().map(|stands| &stands.place);
            lost.any(|place| slot.candidates.iter().any(|one| one.place.same_spot(place)))
        };
        let slots: Vec<SlotRef> =
            core.known.scan().slots().filter(|(_, _, slot)| reads(slot)).map(|(at, ..)| at).collect();
        let old = lost.places.iter().find_map(|stands| stands.key.clone());
        let old = old.unwrap_or_else(|| Secret::new(""));
        let places: Vec<Place> = lost.places.iter().map(|stands| stands.place.clone()).collect();
        let mut wizard = Self::for_places(&core.known, old, places, &slots);
        wizard.note = Some("bring back".to_owned());
        let Some(key) = lost.key.clone() else { return (wizard, Vec::new()) };
        wizard.who.new = Some(key.clone());
        wizard.first = At::Review;
        let effects = wizard.look_over(core, Ask::BringBack { key, places: lost.places.clone() });
        (wizard, effects)
    }

    /// Which rows of the key table hold.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.at {
            At::Paste if self.paste.is_empty() => Context::Paste,
            At::Paste => Context::Typing,
            At::Clean => Context::Clean,
            At::Test => Context::Test,
            At::Destination => Context::Destination,
            At::Review => Context::Review,
            At::Done => Context::Done,
        }
    }

    /// The words after the program's name.
    #[must_use]
    pub fn title(&self, _core: &Core) -> String {
        let what = if self.who.switch { "use another key" } else { "new key" };
        self.note.as_ref().map_or_else(|| format!(" {what}"), |note| format!(" {what} · {note}"))
    }

    /// Whether an action makes sense now.
    #[must_use]
    pub fn offers(&self, core: &Core, action: Action) -> bool {
        match self.at {
            At::Paste => self.paste.offers(core, &self.who, action),
            At::Clean => self.clean.as_ref().is_some_and(|clean| clean.offers(action)),
            At::Test => Testing::offers(core, &self.who, action),
            At::Destination => {
                self.choosing.as_ref().is_none_or(|choosing| choosing.offers(&self.who, action))
            }
            At::Review => self.review.as_ref().is_none_or(|review| review.offers(action)),
            At::Done => self.done.as_ref().is_some_and(|done| done.offers(action)),
        }
    }

    /// Takes an input.
    pub fn update(&mut self, core: &mut Core, input: &Input) -> Step {
        let next = match self.at {
            At::Paste => self.paste.update(core, &self.who, input),
            At::Clean => {
                self.clean.as_mut().map_or(Move::Back, |clean| clean.update(core, &mut self.who, input))
            }
            At::Test => self.test.update(core, &mut self.who, input),
            At::Destination => {
                self.choosing.as_mut().map_or(Move::Back, |choosing| choosing.update(core, &self.who, input))
            }
            At::Review => {
                self.review.as_mut().map_or(Move::Back, |review| review.update(core, &self.who, input))
            }
            At::Done => self.done.as_mut().map_or(Move::Leave, |done| done.update(core, input)),
        };
        self.go(core, next)
    }

    fn go(&mut self, core: &mut Core, next: Move) -> Step {
        match next {
            Move::Stay(effects) => Step::run(effects),
            Move::Back => self.back(core),
            Move::Look(text) => {
                let clean = Clean::of(core, &self.who, &text);
                self.who.new = clean.key().cloned();
                self.who.unproven = None;
                self.paste = Paste::default();
                self.clean = Some(clean);
                self.at = At::Clean;
                Step::stay()
            }
            Move::Test => {
                self.at = At::Test;
                self.test = Testing::default();
                Step::run(self.test.start(core, &self.who))
            }
            Move::Choose => match self.next.clone() {
                Some(ask) => Step::run(self.look_over(core, ask)),
                None => Step::run(self.choose(core)),
            },
            Move::Review(ask) => Step::run(self.look_over(core, *ask)),
            Move::Finish(done) => {
                self.done = Some(*done);
                core.handed.clone_from(&self.who.new);
                self.at = At::Done;
                Step::run(core.scan())
            }
            Move::Leave => Step { go: Go::Back, effects: Vec::new() },
        }
    }

    fn choose(&mut self, core: &mut Core) -> Vec<Effect> {
        self.at = At::Destination;
        let (choosing, effects) = Choosing::start(core, &self.who);
        self.choosing = Some(choosing);
        effects
    }

    fn look_over(&mut self, core: &mut Core, ask: Ask) -> Vec<Effect> {
        self.at = At::Review;
        let (review, effects) = Review::start(core, ask);
        self.review = Some(review);
        effects
    }

    fn back(&mut self, core: &mut Core) -> Step {
        let effects = self.test.cancel(core).into_iter().collect();
        if self.at == self.first {
            return Step::back().and(effects);
        }
        self.at = match self.at {
            At::Paste | At::Clean => At::Paste,
            At::Test => At::Clean,
            At::Destination => At::Test,
            At::Review if self.next.is_some() => At::Test,
            At::Review => At::Destination,
            At::Done => return Step::back(),
        };
        Step::run(effects)
    }

    /// Draws the body.
    pub fn view(&self, core: &Core, frame: &mut Frame, area: Rect) {
        let inner = parts::pane(core, frame, area, &self.who.words(core), true);
        let columns = usize::from(inner.width);
        let mut head = Rows::default();
        head.push(self.steps(columns));
        head.gap();
        head.0.extend(self.who.old_and_new(core, self.at, columns).0);
        head.gap();
        let used = u16::try_from(head.len()).unwrap_or(0).min(inner.height);
        head.draw(core, frame, inner, 0);
        let rest = Rect { y: inner.y + used, height: inner.height - used, ..inner };
        match self.at {
            At::Paste => self.paste.view(core, &self.who, frame, rest),
            At::Clean => draw(self.clean.as_ref(), |clean| clean.view(core, &self.who, frame, rest)),
            At::Test => self.test.view(core, &self.who, frame, rest),
            At::Destination => draw(self.choosing.as_ref(), |it| it.view(core, &self.who, frame, rest)),
            At::Review => {
                draw(self.review.as_ref(), |review| review.view(core, &self.who, frame, rest, area));
            }
            At::Done => draw(self.done.as_ref(), |done| done.view(core, &self.who, frame, rest)),
        }
    }

    /// `▸ Paste ──── Clean ──── …`, the steps behind with a tick.
    fn steps(&self, columns: usize) -> Row {
        let line = if columns >= 100 { " ───────── " } else { " ── " };
        let mut row = Row::new();
        let skipped = |step: At| step < self.first || (self.who.switch && step == At::Destination);
        for (step, name) in STEPS.iter().filter(|(step, _)| !skipped(*step)) {
            if *step > self.first {
                row = row.add(line, Role::Dim);
            }
            row = match step.cmp(&self.at) {
                std::cmp::Ordering::Less => row.add(format!("✓ {name}"), Role::Good),
                std::cmp::Ordering::Equal if *step == At::Done => row.add(format!("✓ {name}"), Role::Accent),
                std::cmp::Ordering::Equal => row.add(format!("▸ {name}"), Role::Accent),
                std::cmp::Ordering::Greater => row.add(*name, Role::Dim),
            };
        }
        row
    }
}

fn draw<T>(state: Option<T>, view: impl FnOnce(T)) {
    if let Some(state) = state {
        view(state);
    }
}

impl Who {
    fn of_slot(slot: &Slot) -> Self {
        let sent = slot.sent().map(|sent| sent.key.clone());
        let stands = || {
            let mut keys = slot.candidates.iter().filter_map(|candidate| candidate.value.secret());
            keys.find(|key| !key.is_empty()).cloned()
        };
        Self {
            target: Target::Slot(SlotId::of(slot)),
            provider: slot.provider.clone(),
            old: sent.or_else(stands),
            new: None,
            unproven: None,
            switch: false,
        }
    }

    /// The slots concerned, as they are now.
    #[must_use]
    pub fn slots<'a>(&self, core: &'a Core) -> Vec<(SlotRef, &'a Slot)> {
        let ids = match &self.target {
            Target::Slot(id) => std::slice::from_ref(id),
            Target::Places { slots, .. } => slots,
        };
        let found = ids.iter().filter_map(|id| core.known.find(id));
        found.filter_map(|at| core.known.slot(at).map(|slot| (at, slot))).collect()
    }

    /// The first slot concerned: the one whose provider is asked.
    #[must_use]
    pub fn slot<'a>(&self, core: &'a Core) -> Option<(SlotRef, &'a Slot)> {
        let slots = self.slots(core);
        let with_provider = slots.iter().position(|(_, slot)| slot.provider == self.provider);
        slots.get(with_provider.unwrap_or(0)).copied()
    }

    /// The target in words: `OpenClaw · main · anthropic`, `3 places`.
    #[must_use]
    pub fn words(&self, core: &Core) -> String {
        match &self.target {
            Target::Places { places, .. } => parts::count(places.len(), "place", "places"),
            Target::Slot(_) => self.slot(core).map_or_else(String::new, |(at, slot)| {
                let agent =
                    core.known.agent(at).map_or_else(String::new, |agent| words::identity(agent, slot));
                format!("{agent} · {}", words::provider(slot))
            }),
        }
    }

    /// The old key with its verdict, and from the second step on the new one with its own.
    fn old_and_new(&self, core: &Core, at: At, columns: usize) -> Rows {
        let mut rows = Rows::default();
        let old = Row::of("old  ", Role::Dim);
        rows.push(match &self.old {
            Some(key) => self.with_verdict(core, parts::key(old, core, key), key).cut(columns),
            None => old.add("– none", Role::Dim),
        });
        if let Some(key) = self.new.as_ref().filter(|_| at > At::Paste) {
            let row = parts::key(Row::of("new  ", Role::Dim), core, key);
            rows.push(self.with_verdict(core, row, key).cut(columns));
        }
        rows
    }

    fn with_verdict(&self, core: &Core, row: Row, key: &Secret) -> Row {
        match self.slot(core).and_then(|(_, slot)| core.known.test(slot, key)) {
            Some(test) => row.text("   ").append(slotview::short_verdict(core, test)),
            None => row,
        }
    }
}

/// An answer with this ticket, if `input` is one.
#[must_use]
pub fn answer(input: &Input, waiting: Option<Ticket>) -> Option<&Answer> {
    match input {
        Input::Answer(ticket, answer) if Some(*ticket) == waiting => Some(answer),
        _ => None,
    }
}

/// The wizard as a screen.
#[must_use]
pub fn screen(wizard: Wizard) -> Screen {
    Screen::Wizard(Box::new(wizard))
}

/// The plan's text is shared between the review and the writer.
pub type SharedPlan = Arc<crate::plan::Plan>;
