//! The reader of Gemini CLI's encrypted store: any text is refused or opens; nothing panics.
#![no_main]

use keymend::world::Machine;
use keymend::formats::sealed::Store;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let machine = Machine { host: "lab".to_owned(), user: "ann".to_owned() };
    assert!(Store::open(text, Some(&machine)).is_err(), "a random text has no valid seal");
});
