//! The screens of the wizard: what they show, at 80×24 and at 140×40, and where each key leads.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use keymend::tui::app::{Effect, Message, Model, update};

#[path = "screens/fixtures.rs"]
mod fixtures;
#[path = "screens/printer.rs"]
mod printer;

use fixtures::{answer, blank, model, rejected, stale, unreached, works};
use printer::{screen, text};

const SIZES: [(u16, u16); 2] = [(80, 24), (140, 40)];

/// Presses keys: characters as they stand, `<Enter>` and the like by name.
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
    answer(&mut model, effects, |key| Some(if key.is(&stale()) { rejected() } else { works() }));
    press(&mut model, "<Esc>");
    model
}

#[test]
fn home_shows_slots_candidates_reason_and_the_way_out() {
    snap("home-untested", model);
    snap("home-tested", tested);
    snap("home-reading", |size| blank(size).0);
    snap("home-candidate", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down><Down><Tab><Down><Down>");
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
        press(&mut model, "<Down><Down>e");
        model
    });
    snap("compare", |size| {
        let mut model = tested(size);
        press(&mut model, "<Down><Down>c<Right>");
        model
    });
    snap("compare-profiles", |size| {
        let mut model = tested(size);
        press(&mut model, "c<Tab>");
        model
    });
    snap("keys", |size| {
        let mut model = tested(size);
        press(&mut model, "k<Tab><Down> ");
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

#[test]
fn a_small_terminal_says_what_it_needs() {
    assert!(text(&model((60, 20))).contains("keymend needs 80 × 24"));
}
