//! Any paste is answered, and what was accepted once is accepted again as it is.
#![no_main]

use keymend::hygiene::{Cleaned, clean, clean_secret};
use keymend::provider::Catalogue;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

fuzz_target!(|paste: &[u8]| {
    if let Cleaned::Accepted(found) = clean(paste, &*CATALOGUE, None) {
        match clean_secret(&found.key, &*CATALOGUE, None) {
            Cleaned::Accepted(again) => assert!(again.key == found.key),
            Cleaned::Refused(no) => panic!("accepted once, then {}", no.reason),
        }
    }
});
