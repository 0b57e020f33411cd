//! The providers: data, parsed from `assets/providers/*.toml`.

use crate::secret::{Mask, Secret};

/// All providers.
#[derive(Debug, Default)]
pub struct Catalogue {}

impl Catalogue {
    /// The providers that are built into the program, and nothing else.
    #[must_use]
    pub fn embedded() -> Self {
        Self::default()
    }

    /// The masked form of a key, with the prefix of the format it is recognised as.
    #[must_use]
    pub fn mask(&self, key: &Secret) -> Mask {
        key.mask(None)
    }
}
