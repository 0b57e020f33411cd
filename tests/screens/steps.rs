//! Where each input leads: pure tests of `update`, without a screen.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use keymend::agents::{Certainty, Restart};
use keymend::host::journal::{Manifest, State};
use keymend::host::writer::Back;
use keymend::plan::PlacedKey;
use keymend::secret::Secret;
use keymend::session::holding::Restarted;
use keymend::session::past::Lost;
use keymend::tui::app::{Model, update};
use keymend::tui::known::Tested;
use keymend::tui::message::{Answer, Ask, Effect, Message};

use crate::fixtures::{
    self, answer, blank, fresh, model, rejected, router, scanning, stale, unreached, works,
};
use crate::printer::text;
use crate::{bring, paste, pasting, press, serve, tested, walk};

const SIZE: (u16, u16) = (80, 24);

fn shows(model: &Model, part: &str) -> bool {
    text(model).contains(part)
}

#[test]
fn a_stale_scan_is_dropped() {
    let (mut model, first) = blank(SIZE);
    update(&mut model, Message::Scanned(first, Box::new(scanning())));
    let effects = press(&mut model, "r");
    let [Effect::Scan(second)] = effects[..] else { unreachable!("{effects:?}") };
    update(&mut model, Message::Scanned(first, Box::default()));
    assert!(shows(&model, "OpenClaw"), "an answer to an old scan replaced the new one");
    update(&mut model, Message::Scanned(second, Box::default()));
    assert!(shows(&model, "no agent was found"));
}

#[test]
fn an_answer_to_a_cancelled_test_is_dropped() {
    let mut model = pasting(SIZE);
    let effects = paste(&mut model, &fresh());
    let cancelled = press(&mut model, "x");
    assert!(matches!(cancelled[..], [Effect::Cancel(_)]), "{cancelled:?}");
    answer(&mut model, effects, |_| Some(works()));
    assert!(shows(&model, "The key was not tested"));
}

#[test]
fn a_rejected_key_goes_on_only_when_the_person_insists() {
    let mut model = pasting(SIZE);
    let effects = paste(&mut model, &fixtures::brand());
    answer(&mut model, effects, |_| Some(rejected()));
    assert!(press(&mut model, "<Enter>").is_empty());
    assert!(shows(&model, "press i to use it all the same"));
    let effects = press(&mut model, "i");
    assert!(matches!(effects[..], [Effect::Offer { .. }]), "{effects:?}");
}

#[test]
fn a_key_of_another_provider_is_stopped_with_the_place_where_it_belongs() {
    let mut model = pasting(SIZE);
    paste(&mut model, &router());
    assert!(shows(&model, "It would fit here: Hermes Agent · openrouter"), "{}", text(&model));
    assert!(press(&mut model, "<Enter>").is_empty());
    assert!(shows(&model, "press i to go on all the same"));
    assert!(matches!(press(&mut model, "i")[..], [Effect::Probe(..)]));
}

#[test]
fn an_unreached_provider_lets_the_key_be_saved_unproven() {
    let mut model = pasting(SIZE);
    let effects = paste(&mut model, &fresh());
    answer(&mut model, effects, |_| Some(unreached()));
    walk(&mut model, "<Enter>");
    assert!(shows(&model, "Unproven: no test was answered"), "{}", text(&model));
}

#[test]
fn enter_never_writes_and_w_writes_once() {
    let mut model = pasting(SIZE);
    bring(&mut model, &fresh());
    assert!(press(&mut model, "<Enter>").is_empty());
    let effects = press(&mut model, "ww");
    assert!(matches!(effects[..], [Effect::Apply(..)]), "{effects:?}");
    press(&mut model, "<Esc>");
    assert!(shows(&model, "the write is under way"));
}

#[test]
fn escape_walks_back_to_the_paste_and_out() {
    let mut model = pasting(SIZE);
    bring(&mut model, &fresh());
    for step in ["▸ Destination", "▸ Test", "▸ Clean", "▸ Paste", "By need"] {
        press(&mut model, "<Esc>");
        assert!(shows(&model, step), "{step}\n{}", text(&model));
    }
}

#[test]
fn a_typed_key_is_never_echoed_and_letters_are_no_commands() {
    let mut model = pasting(SIZE);
    press(&mut model, "qn?wyk-sk-ant-TYPED<Backspace>");
    assert!(shows(&model, "18 characters"), "{}", text(&model));
    assert!(!shows(&model, "TYPE") && !format!("{model:?}").contains("TYPE"));
}

#[test]
fn a_key_that_is_pasted_on_a_list_is_tested_for_the_chosen_connection() {
    let mut model = model(SIZE);
    let effects = paste(&mut model, &fixtures::brand());
    assert!(matches!(effects[..], [Effect::Probe(..)]), "{effects:?}");
    assert!(shows(&model, "Hermes Agent · anthropic"), "{}", text(&model));
    serve(&mut model, effects);
    assert!(shows(&model, "▸ Review"), "{}", text(&model));
    assert!(matches!(press(&mut model, "w")[..], [Effect::Apply(..)]));
}

#[test]
fn a_key_that_fits_one_connection_opens_it_whatever_is_chosen() {
    let mut model = model(SIZE);
    let effects = paste(&mut model, &router().replace('7', "8"));
    assert!(matches!(effects[..], [Effect::Probe(..)]), "{effects:?}");
    assert!(shows(&model, "Hermes Agent · openrouter"), "{}", text(&model));
}

#[test]
fn a_key_that_fits_several_asks_which() {
    let mut model = model(SIZE);
    // OpenClaw's openai slot is chosen: the key is of another company.
    press(&mut model, "<Down><Down>");
    assert!(paste(&mut model, &fixtures::brand()).is_empty());
    assert!(shows(&model, "You pasted a key") && shows(&model, "Where shall it go?"), "{}", text(&model));
    let effects = press(&mut model, "<Enter>");
    assert!(matches!(effects[..], [Effect::Probe(..)]), "{effects:?}");
}

#[test]
fn what_is_no_key_is_refused_where_it_is_pasted() {
    let mut model = model(SIZE);
    paste(&mut model, "nnnnTTTTqqqq");
    assert!(!press(&mut model, "<Enter>").iter().any(|effect| matches!(effect, Effect::Apply(..))));
    assert!(!shows(&model, "nnnnTTTTqqqq"));
}

#[test]
fn the_review_is_widened_to_every_place_of_the_old_key() {
    let mut model = pasting(SIZE);
    bring(&mut model, &fresh());
    let effects = press(&mut model, "R");
    let [Effect::Effects(ticket)] = effects[..] else { unreachable!("{effects:?}") };
    let effects = update(&mut model, Message::Answer(ticket, Answer::Effects(Vec::new())));
    let [Effect::Plan(_, ask)] = &effects[..] else { unreachable!("{effects:?}") };
    let Ask::Rotate { places, .. } = &**ask else { unreachable!("{ask:?}") };
    assert!(places.len() > 1, "{places:?}");
}

#[test]
fn enter_does_what_its_line_says() {
    let mut model = model(SIZE);
    press(&mut model, "<Down>");
    assert!(shows(&model, "Enter  test all 2 keys"), "{}", text(&model));
    assert!(matches!(press(&mut model, "<Enter>")[..], [Effect::Probe(..)]));
}

#[test]
fn n_goes_to_the_next_connection_that_fails_and_round_the_end() {
    let mut model = tested(SIZE);
    for name in ["OpenClaw · main · anthropic", "OpenClaw · main · openai", "Hermes Agent · anthropic"] {
        press(&mut model, "n");
        assert!(shows(&model, name), "{name}\n{}", text(&model));
    }
    press(&mut model, "N");
    assert!(shows(&model, "OpenClaw · main · openai"));
}

#[test]
fn offline_no_test_is_sent() {
    let mut model = model(SIZE);
    model.core.options.offline = true;
    assert!(press(&mut model, "t").is_empty());
    assert!(press(&mut model, "T").is_empty());
}

#[test]
fn every_key_is_tested_once_for_each_provider() {
    let mut model = model(SIZE);
    let effects = press(&mut model, "T");
    let [Effect::Probe(_, jobs)] = &effects[..] else { unreachable!("{effects:?}") };
    // The stale key is in two slots, and is asked about once.
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    assert_eq!(jobs[0].tested, Tested::new("anthropic", &jobs[0].key));
}

#[test]
fn letters_of_keys_stay_through_a_new_scan() {
    let mut model = pasting(SIZE);
    bring(&mut model, &fresh());
    for key in ["w", "<Enter>"] {
        walk(&mut model, key);
    }
    assert!(shows(&model, "sends  B sk-ant-api03-…k3AA"), "{}", text(&model));
}

#[test]
fn rotation_asks_for_one_plan_over_the_ticked_places() {
    let mut model = model(SIZE);
    press(&mut model, "K<Tab><Down> n");
    let effects = paste(&mut model, &fixtures::brand());
    let effects = answer(&mut model, effects, |_| Some(works()));
    let [Effect::Plan(_, ask)] = &effects[..] else { unreachable!("{effects:?}") };
    let keymend::tui::message::Ask::Rotate { places, .. } = &**ask else { unreachable!("{ask:?}") };
    // The variable cannot be written, the first profile was unticked.
    assert_eq!(places.len(), 1, "{places:?}");
}

#[test]
fn undo_asks_first() {
    let mut model = tested(SIZE);
    let effects = press(&mut model, "z");
    serve(&mut model, effects);
    press(&mut model, "n");
    walk(&mut model, "z");
    assert!(matches!(press(&mut model, "y")[..], [Effect::Undo(_, ref id, Back::Exact)] if id == "3"));
}

#[test]
fn a_click_chooses_a_slot_and_a_candidate() {
    let mut model = tested(SIZE);
    let click = |model: &mut Model, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        update(model, Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    };
    click(&mut model, 5, 4);
    assert!(shows(&model, "OpenClaw · main · anthropic"), "{}", text(&model));
    let screen = text(&model);
    let row = screen.lines().position(|line| line.contains("3 ○")).unwrap();
    click(&mut model, 45, u16::try_from(row).unwrap());
    assert!(shows(&model, "▸ 3 ○"), "{}", text(&model));
}

#[test]
fn a_terminal_that_is_too_small_takes_no_command_but_quit() {
    let mut model = model((39, 9));
    assert!(press(&mut model, "n").is_empty());
    assert!(shows(&model, "keymend needs 40 × 10"));
    assert!(matches!(press(&mut model, "q")[..], [Effect::Quit]));
}

#[test]
fn no_input_in_a_terminal_of_a_few_cells_is_a_panic() {
    for keys in ["", "e", "c", "K", "T", "H", "z", "?", ":", "f", "s", "p", "/", "R"] {
        for size in [(1, 1), (3, 2), (200, 1), (1, 60), (39, 9), (40, 10), (300, 90)] {
            let mut model = model(SIZE);
            press(&mut model, keys);
            update(&mut model, Message::Resize(size.0, size.1));
            model.core.size = size;
            paste(&mut model, &fixtures::brand());
            for kind in [MouseEventKind::ScrollDown, MouseEventKind::Down(MouseButton::Left)] {
                let at = MouseEvent { kind, column: 2, row: 1, modifiers: KeyModifiers::NONE };
                update(&mut model, Message::Mouse(at));
            }
            press(&mut model, "jkG?<Down><Esc>");
            text(&model);
        }
    }
}

#[test]
fn a_failed_clipboard_is_said_and_typing_goes_on() {
    let mut model = pasting(SIZE);
    let effects = press(&mut model, "p");
    let [Effect::ReadClipboard(ticket, ref provider)] = effects[..] else { unreachable!("{effects:?}") };
    assert_eq!(provider.as_deref(), Some("anthropic"));
    update(&mut model, Message::Answer(ticket, Answer::Clipboard(keymend::secret::Secret::new(stale()))));
    assert!(shows(&model, "This is the key that is already there"), "{}", text(&model));
}

#[test]
fn keys_that_come_before_the_first_scan_are_kept() {
    let (mut model, first) = blank(SIZE);
    assert!(press(&mut model, "<Down>e").is_empty());
    update(&mut model, Message::Scanned(first, Box::new(scanning())));
    assert!(
        shows(&model, "keymend  explain") && shows(&model, "OpenClaw · main · anthropic"),
        "{}",
        text(&model)
    );
    let (mut model, _) = blank(SIZE);
    assert!(matches!(press(&mut model, "q")[..], [Effect::Quit]));
}

#[test]
fn what_is_not_known_is_not_copied_as_nothing() {
    let mut model = tested(SIZE);
    press(&mut model, "/gemini<Enter>");
    let effects = press(&mut model, "y");
    let [Effect::Copy(text)] = &effects[..] else { unreachable!("{effects:?}") };
    assert!(text.contains("OpenClaw · work → gemini") && text.contains("is not known"), "{text}");
}

#[test]
fn a_command_is_found_by_its_words_and_done() {
    let mut model = tested(SIZE);
    press(&mut model, ":side by s");
    assert!(shows(&model, "compare") && !shows(&model, "history"), "{}", text(&model));
    press(&mut model, "<Backspace><Enter>");
    assert!(shows(&model, "test all") || shows(&model, "compare"), "{}", text(&model));
    press(&mut model, "<Esc>:zzzz<Enter>");
    assert!(shows(&model, "No command has these words"), "{}", text(&model));
    press(&mut model, "<Esc>");
    assert!(shows(&model, "By need"));
}

#[test]
fn the_footer_is_clicked() {
    let mut model = tested(SIZE);
    let footer = text(&model).lines().last().unwrap().to_owned();
    let column = footer.chars().position(|c| c == '?').unwrap();
    let kind = MouseEventKind::Down(MouseButton::Left);
    let at =
        MouseEvent { kind, column: u16::try_from(column).unwrap(), row: 23, modifiers: KeyModifiers::NONE };
    update(&mut model, Message::Mouse(at));
    assert!(shows(&model, "Keys: Slots"), "{}", text(&model));
}

#[test]
fn small_terminals_show_one_half_at_a_time() {
    for size in [(40, 10), (60, 15), (75, 24)] {
        let mut model = model(size);
        assert!(shows(&model, "By need"), "{size:?}\n{}", text(&model));
        press(&mut model, "<Tab>");
        assert!(shows(&model, "sends") && !shows(&model, "By need"), "{size:?}\n{}", text(&model));
        for keys in ["e", "c", "K", "T", "H", "z", "?", ":", "f", "s"] {
            press(&mut model, keys);
            text(&model);
            press(&mut model, "<Esc>");
        }
    }
}

#[test]
fn an_open_paste_is_said() {
    let mut model = model(SIZE);
    update(&mut model, Message::PasteOpen(true));
    assert!(shows(&model, "The paste is not finished"));
}

#[test]
fn a_restart_is_asked_for_and_its_outcome_is_shown() {
    let mut model = pasting(SIZE);
    bring(&mut model, &fresh());
    walk(&mut model, "w");
    let effects = press(&mut model, "r");
    let [Effect::Restart(ticket, due)] = &effects[..] else { unreachable!("{effects:?}") };
    assert_eq!(due.len(), 1);
    assert!(shows(&model, "restarting"));
    assert!(press(&mut model, "r").is_empty(), "once is enough");
    let runs = |certainty| Restarted::Runs(Restart { certainty, ..due[0].restart.clone() });
    let answer = Answer::Restarted(vec![runs(Certainty::Fresh), Restarted::Gone("the hub".into())]);
    update(&mut model, Message::Answer(*ticket, answer));
    press(&mut model, "<End>");
    assert!(
        shows(&model, "uses the new key") && shows(&model, "the hub has not come up"),
        "{}",
        text(&model)
    );
}

#[test]
fn a_key_that_was_taken_back_is_brought_back_or_the_way_is_told() {
    let lost = |key: Option<Secret>| {
        let place = fixtures::plan().places[0].clone();
        let action = Manifest {
            schema: 1,
            id: "3".into(),
            state: State::Written,
            title: "set openclaw/anthropic (main)".into(),
            undoes: None,
            old: None,
            new: None,
            new_print: None,
            at_ms: 0,
            items: Vec::new(),
        };
        Lost { action, places: vec![PlacedKey { place, key: Some(Secret::new(stale())) }], key }
    };
    let asked = |key| {
        let mut model = tested(SIZE);
        walk(&mut model, "H");
        let effects = press(&mut model, "b");
        let [Effect::Lost(ticket, ref id)] = effects[..] else { unreachable!("{effects:?}") };
        assert_eq!(id, "3");
        let effects = update(&mut model, Message::Answer(ticket, Answer::Lost(Box::new(lost(key)))));
        (model, effects)
    };
    let (_, effects) = asked(Some(Secret::new(fresh())));
    let [Effect::Plan(_, ask)] = &effects[..] else { unreachable!("{effects:?}") };
    assert!(matches!(&**ask, Ask::BringBack { places, .. } if places.len() == 1));
    let (model, effects) = asked(None);
    assert!(effects.is_empty() && shows(&model, "keymend redo 3 --stdin"), "{}", text(&model));
}

#[test]
fn a_word_is_a_key_for_a_server_of_the_persons_own_and_for_no_other() {
    for (base, accepted) in [("http://127.0.0.1:4000", true), ("https://api.anthropic.com", false)] {
        let (mut model, first) = blank(SIZE);
        let mut found = scanning();
        for slot in found.scan.agents.iter_mut().flat_map(|agent| &mut agent.findings.slots) {
            if let keymend::resolve::Outcome::Sends { base_url, .. } = &mut slot.outcome {
                base.clone_into(base_url);
            }
        }
        update(&mut model, Message::Scanned(first, Box::new(found)));
        press(&mut model, "<Down>p");
        let effects = paste(&mut model, "ollama\n");
        assert_eq!(matches!(effects[..], [Effect::Probe(..)]), accepted, "{base}\n{}", text(&model));
    }
}
