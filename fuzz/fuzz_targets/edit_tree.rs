//! The editors of JSON, JSON5, YAML and TOML: whatever the document, a change is refused or reads back. Each verifies
//! its own result, so what the fuzzer looks for is a panic, and a second change that does not give the first bytes.
#![no_main]

use keymend::edit::{Edit, New, Spot, Syntax, apply, value_at};
use keymend::secret::Secret;
use keymend::source::{Format, Pointer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<String>, Vec<u8>)| {
    let (format, steps, text) = input;
    let syntax = Syntax::Tree(Format::ALL[usize::from(format) % Format::ALL.len()]);
    let spot = Spot::Field(Pointer::new(steps.iter().take(4).cloned()));
    let put = |text: &[u8], new| apply(syntax, Some(text), &[Edit { spot: spot.clone(), new }]);
    let set = |text: &[u8], key: &str| put(text, New::Key(Secret::new(key)));
    let Ok(first) = set(&text, "sk-FAKE-one-0123456789") else { return };
    let second = set(&first, "sk-FAKE-two-9876543210").expect("what was written can be written again");
    let third = set(&second, "sk-FAKE-one-0123456789").expect("and again");
    assert_eq!(first, third);
    let stands = value_at(syntax, &first, &spot).expect("what was written can be read");
    assert_eq!(stands.secret(), Some(Secret::new("sk-FAKE-one-0123456789")));
    let Ok(was) = value_at(syntax, &text, &spot) else { return };
    let Ok(back) = put(&first, was.clone()) else { return };
    assert_eq!(value_at(syntax, &back, &spot), Ok(was));
});
