//! The screens of the wizard: what they show, at 80×24 and at 140×40, and where each key leads.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use keymend::host::writer::Back;
use keymend::secret::Secret;
use keymend::tui::app::{Model, update};
use keymend::tui::message::{Answer, Effect, Failure, Message, Undoing, Yes};

#[path = "screens/fixtures.rs"]
mod fixtures;
#[path = "screens/printer.rs"]
mod printer;
#[path = "screens/steps.rs"]
mod steps;

use fixtures::{answer, blank, fresh, model, other, rejected, stale, unreached, works};
use printer::screen;

const SIZES: [(u16, u16); 2] = [(80, 24), (140, 40)];

/// Presses keys: characters as they are, `<Enter>` and the like by name.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let (code, taken) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((name, _)) => (named(name), name.len() + 2),
            None => (KeyCode::Char(c), c.len_utf8()),
        };
        rest = &rest[taken..];
        effects.extend(update(model, Message::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }
    effects
}

fn named(name: &str) -> KeyCode {
    match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "End" => KeyCode::End,
        "Backspace" => KeyCode::Backspace,
        other => unreachable!("no key is called {other}"),
    }
}

/// Snapshots what `make` comes to at both sizes.
fn snap(name: &str, make: impl Fn((u16, u16)) -> Model) {
    for size in SIZES {
        let model = make(size);
        let shown = screen(&model);
        for key in fixtures::planted() {
            assert!(!shown.contains(&key) && !format!("{model:?}").contains(&key), "{name} leaks a key");
        }
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), shown);
    }
}

/// The fixture after every key that is sent was tested.
fn tested(size: (u16, u16)) -> Model {
    let mut model = model(size);
    let effects = press(&mut model, "T");
    let effects =
        answer(&mut model, effects, |key| Some(if key.is(&stale()) { rejected() } else { works() }));
    serve(&mut model, effects);
    walk(&mut model, "<Esc>");
    model
}

#[test]
fn home_shows_slots_candidates_reason_and_the_way_out() {
    snap("home-untested", model);
    snap("home-tested", tested);
    snap("home-reading", |size| blank(size).0);
    snap("home-candidate", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down><Tab><Down><Down>");
        model
    });
    snap("home-filter", |size| {
        let mut model = model(size);
        press(&mut model, "/claw open");
        model
    });
}

#[test]
fn the_other_screens_of_the_home_verbs() {
    snap("explain", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down>e");
        model
    });
    snap("fix", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down>");
        walk(&mut model, "f");
        model
    });
    snap("compare", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down>c<Right>");
        model
    });
    snap("compare-profiles", |size| {
        let mut model = tested(size);
        press(&mut model, "c<Tab>");
        model
    });
    snap("keys", |size| {
        let mut model = tested(size);
        press(&mut model, "K<Tab><Down> ");
        model
    });
    snap("test-all-running", |size| {
        let mut model = model(size);
        let effects = press(&mut model, "T");
        answer(&mut model, effects, |key| (!key.is(&stale())).then(unreached));
        model
    });
    snap("help", |size| {
        let mut model = model(size);
        press(&mut model, "?");
        model
    });
}

/// A wizard for OpenClaw's anthropic slot that waits for a paste.
fn pasting(size: (u16, u16)) -> Model {
    let mut model = tested(size);
    press(&mut model, "<Down>p");
    model
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    update(model, Message::Paste(Secret::new(text)))
}

/// Pastes on a healthy machine.
fn bring(model: &mut Model, text: &str) {
    let effects = paste(model, text);
    serve(model, effects);
}

/// Answers the effects of a wizard as a healthy machine would.
fn serve(model: &mut Model, effects: Vec<Effect>) {
    let mut queue: VecDeque<Effect> = effects.into();
    while let Some(effect) = queue.pop_front() {
        let message = match effect {
            Effect::Offer { ticket, .. } => {
                let (offered, best) = fixtures::offered();
                Message::Answer(ticket, Answer::Offered(offered, best))
            }
            Effect::Mend(ticket, ..) => Message::Answer(ticket, Answer::Mending(fixtures::mending())),
            Effect::Plan(ticket, _) => Message::Answer(ticket, Answer::Planned(fixtures::plan())),
            Effect::Apply(ticket, ..) => {
                Message::Answer(ticket, Answer::Applied(Box::new(fixtures::written())))
            }
            Effect::Suppose(ticket) => {
                Message::Answer(ticket, Answer::Plausible(fixtures::plausible(), Vec::new()))
            }
            Effect::History(ticket) => Message::Answer(ticket, Answer::History(fixtures::history())),
            Effect::UndoPlan(ticket, _, Back::Exact) => {
                Message::Answer(ticket, Answer::Undoing(fixtures::undoing(false)))
            }
            Effect::UndoPlan(ticket, _, how) => {
                Message::Answer(ticket, Answer::Undoing(Undoing { how, ..fixtures::undoing(false) }))
            }
            Effect::Undo(ticket, ..) => Message::Answer(ticket, Answer::Undone("put back".into())),
            Effect::Scan(ticket) => Message::Scanned(ticket, Box::new(fixtures::scanning_after())),
            probe @ Effect::Probe(..) => {
                queue.extend(answer(model, vec![probe], |_| Some(works())));
                continue;
            }
            _ => continue,
        };
        queue.extend(update(model, message));
    }
}

/// Presses keys on a healthy machine.
fn walk(model: &mut Model, keys: &str) {
    let effects = press(model, keys);
    serve(model, effects);
}

#[test]
fn the_wizard_for_a_new_key() {
    snap("wizard-paste", pasting);
    snap("wizard-typing", |size| {
        let mut model = pasting(size);
        press(&mut model, "sk-FAKE-typed");
        model
    });
    snap("wizard-no-clipboard", |size| {
        let mut model = pasting(size);
        let effects = press(&mut model, "p");
        let [Effect::ReadClipboard(ticket, _)] = effects[..] else { unreachable!("{effects:?}") };
        let failure = Failure {
            what: "there is no clipboard here: no display answers".into(),
            hint: "paste with your terminal instead".into(),
        };
        update(&mut model, Message::Answer(ticket, Answer::Failed(failure)));
        model
    });
    snap("wizard-clean", |size| {
        let mut model = pasting(size);
        bring(&mut model, &format!("\u{200b}{}\n", fresh()));
        press(&mut model, "<Esc><Esc><Esc>");
        model
    });
    snap("wizard-same-key", |size| {
        let mut model = pasting(size);
        paste(&mut model, &stale());
        model
    });
    snap("wizard-refused", |size| {
        let mut model = pasting(size);
        paste(&mut model, "sk-ant-...VAAA");
        model
    });
    snap("wizard-testing", |size| {
        let mut model = pasting(size);
        paste(&mut model, &fresh());
        model
    });
    for (name, judged) in [("valid", works()), ("rejected", rejected()), ("unreached", unreached())] {
        snap(&format!("wizard-{name}"), |size| {
            let mut model = pasting(size);
            let effects = paste(&mut model, &fixtures::brand());
            answer(&mut model, effects, |_| Some(judged.clone()));
            model
        });
    }
}

/// The wizard after a rejection, with other addresses of the company left to ask.
fn refused_at_one_door(size: (u16, u16)) -> Model {
    let mut model = pasting(size);
    let effects = paste(&mut model, &fixtures::brand());
    answer(&mut model, effects, |_| Some(fixtures::refused_here()));
    model
}

#[test]
fn a_refused_key_is_tried_at_other_addresses_after_a_yes() {
    snap("wizard-refused-here", refused_at_one_door);
    snap("wizard-other-addresses", |size| {
        let mut model = refused_at_one_door(size);
        let effects = press(&mut model, "o<Enter>");
        assert!(effects.is_empty(), "only a yes sends the key: {effects:?}");
        model
    });
    snap("wizard-belongs-elsewhere", |size| {
        let mut model = refused_at_one_door(size);
        let effects = press(&mut model, "oy");
        let [Effect::Probe(_, jobs)] = &effects[..] else { unreachable!("{effects:?}") };
        assert!(jobs.len() == 1 && jobs[0].siblings && jobs[0].yes == Yes::Unasked);
        answer(&mut model, effects, |_| Some(fixtures::belongs_elsewhere()));
        model
    });
    snap("home-other-addresses", |size| {
        let mut model = model(size);
        let effects = press(&mut model, "t");
        answer(&mut model, effects, |_| Some(fixtures::refused_here()));
        let effects = press(&mut model, "oy");
        answer(&mut model, effects, |_| Some(fixtures::belongs_elsewhere()));
        model
    });
}

#[test]
fn a_no_or_a_cancel_leaves_the_other_addresses_alone() {
    let mut model = refused_at_one_door(SIZES[0]);
    assert!(press(&mut model, "o<Esc>").is_empty());
    let effects = press(&mut model, "oy");
    let [Effect::Probe(asked, _)] = effects[..] else { unreachable!("{effects:?}") };
    let effects = press(&mut model, "x");
    assert!(matches!(effects[..], [Effect::Cancel(ticket)] if ticket == asked), "{effects:?}");
}

#[test]
fn the_wizard_writes_and_proves_it() {
    snap("wizard-destination", |size| {
        let mut model = pasting(size);
        bring(&mut model, &fresh());
        press(&mut model, "<Esc>");
        model
    });
    snap("wizard-review", |size| {
        let mut model = pasting(size);
        bring(&mut model, &fresh());
        model
    });
    snap("wizard-writing", |size| {
        let mut model = pasting(size);
        bring(&mut model, &fresh());
        press(&mut model, "w");
        model
    });
    snap("wizard-done", |size| {
        let mut model = pasting(size);
        bring(&mut model, &fresh());
        walk(&mut model, "w");
        model
    });
    snap("wizard-write-failed", |size| {
        let mut model = pasting(size);
        bring(&mut model, &fresh());
        let effects = press(&mut model, "w");
        let [Effect::Apply(ticket, ..)] = effects[..] else { unreachable!("{effects:?}") };
        let failure = Failure {
            what: "~/.openclaw/agents/main/agent/auth-profiles.json changed since you looked".into(),
            hint: "go back and review again".into(),
        };
        update(&mut model, Message::Answer(ticket, Answer::Failed(failure)));
        model
    });
}

#[test]
fn rotation_use_history_and_set_up() {
    snap("rotate-places", |size| {
        let mut model = model(size);
        press(&mut model, "Kn");
        bring(&mut model, &other());
        press(&mut model, "<Esc>");
        model
    });
    snap("use-review", |size| {
        let mut model = tested(size);
        walk(&mut model, "<Tab><Down>u");
        walk(&mut model, "<Enter>");
        model
    });
    snap("history", |size| {
        let mut model = tested(size);
        walk(&mut model, "H");
        model
    });
    snap("undo-question", |size| {
        let mut model = tested(size);
        walk(&mut model, "z");
        model
    });
    snap("undo-conflict", |size| {
        let mut model = tested(size);
        let effects = press(&mut model, "z");
        let [Effect::UndoPlan(ticket, None, Back::Exact)] = effects[..] else { unreachable!("{effects:?}") };
        update(&mut model, Message::Answer(ticket, Answer::Undoing(fixtures::undoing(true))));
        assert!(press(&mut model, "y").is_empty(), "a conflict needs a choice");
        model
    });
    snap("undo-values", |size| {
        let mut model = tested(size);
        let effects = press(&mut model, "z");
        let [Effect::UndoPlan(ticket, ..)] = effects[..] else { unreachable!("{effects:?}") };
        update(&mut model, Message::Answer(ticket, Answer::Undoing(fixtures::undoing(true))));
        walk(&mut model, "v");
        model
    });
    let empty = |size| {
        let (mut model, ticket) = blank(size);
        let effects = update(&mut model, Message::Scanned(ticket, Box::new(fixtures::scanning_empty())));
        serve(&mut model, effects);
        model
    };
    snap("setup-agents", empty);
    snap("setup-providers", |size| {
        let mut model = empty(size);
        press(&mut model, "<Enter>");
        model
    });
    snap("setup-keys", |size| {
        let mut model = empty(size);
        press(&mut model, "<Enter><Enter>");
        model
    });
}
