//! The editors of dotenv files, shell start-up files and units: no panic, and going back gives the same bytes.
#![no_main]

use keymend::edit::{Edit, New, Spot, Syntax, apply, value_at};
use keymend::secret::Secret;
use keymend::source::Dialect;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (dialect, text) = input;
    let syntax = Syntax::Lines(Dialect::ALL[usize::from(dialect) % Dialect::ALL.len()]);
    let spot = Spot::Variable { name: "K".to_owned(), line: None };
    let put = |text: &[u8], new| apply(syntax, Some(text), &[Edit { spot: spot.clone(), new }]);
    let set = |text: &[u8], key: &str| put(text, New::Key(Secret::new(key)));
    let Ok(first) = set(&text, "sk-FAKE-one-0123456789") else { return };
    let second = set(&first, "sk-FAKE-two-9876543210").expect("what was written can be written again");
    let third = set(&second, "sk-FAKE-one-0123456789").expect("and again");
    let fourth = set(&third, "sk-FAKE-two-9876543210").expect("and back");
    assert_eq!(second, fourth);
    let stands = value_at(syntax, &first, &spot).expect("what was written can be read");
    assert_eq!(stands.secret(), Some(Secret::new("sk-FAKE-one-0123456789")));
    let Ok(was) = value_at(syntax, &text, &spot) else { return };
    let Ok(back) = put(&first, was.clone()) else { return };
    assert_eq!(value_at(syntax, &back, &spot), Ok(was));
});
