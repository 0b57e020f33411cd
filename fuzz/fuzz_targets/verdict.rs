//! Any status and any body at any provider: no panic, never a false "valid", never a part of the key.
//! Run: `cargo +nightly fuzz run verdict`.
#![no_main]

use std::sync::OnceLock;

use keymend::probe::verdict::{Answer, Asked, judge};
use keymend::provider::Catalogue;
use keymend::secret::Secret;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wAbCd";

fuzz_target!(|data: &[u8]| {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let [which, high, low, body @ ..] = data else { return };
    let catalogue = CATALOGUE.get_or_init(Catalogue::embedded);
    let provider = &catalogue.all()[usize::from(*which) % catalogue.all().len()];
    let key = Secret::new(KEY);
    let asked = Asked {
        catalogue,
        provider,
        spec: &provider.probe,
        key: &key,
        header: "authorization: bearer",
        host: "api.example.com",
        foreign: false,
    };
    let status = u16::from_be_bytes([*high, *low]) % 600;
    // An echo of the key at the end, so that the redaction has something to do.
    let body = [body, KEY.as_bytes()].concat();
    let verdict = judge(&asked, &Answer { status, body, ..Answer::default() });
    let shown = format!("{verdict:?}");
    for at in 0..KEY.len() - 6 {
        assert!(!shown.contains(&KEY[at..at + 6]));
    }
});

