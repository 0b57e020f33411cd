//! The forms of keys as the catalogue of providers has them.

use super::shapes::{KeyShapes, Shape, Telling};
use crate::provider::{Catalogue, Detection, KeyShape};
use crate::secret::Secret;

impl KeyShapes for Catalogue {
    fn shapes_of(&self, text: &str) -> Vec<Shape<'_>> {
        let key = Secret::new(text);
        let forms =
            self.all().iter().flat_map(|provider| provider.keys.iter().map(move |form| (provider, form)));
        forms
            .filter(|(_, form)| form.fits(&key))
            .map(|(provider, form)| Shape {
                provider: &provider.id,
                kind: &form.kind,
                telling: telling(form),
                fixed_length: form.length_known && form.length.len() > 1,
                prefix: form.prefix_of(&key).unwrap_or(""),
            })
            .collect()
    }

    fn prefixes(&self) -> Vec<&str> {
        /// A shorter beginning, such as `sk-`, is common to too many providers to say anything.
        const MIN_SHARED: usize = 4;
        self.all()
            .iter()
            .flat_map(|provider| &provider.keys)
            .flat_map(|form| form.prefixes.iter().map(move |prefix| (form, prefix.as_str())))
            .filter(|(form, prefix)| telling(form) == Telling::Names || prefix.len() >= MIN_SHARED)
            .map(|(_, prefix)| prefix)
            .collect()
    }
}

const fn telling(form: &KeyShape) -> Telling {
    match form.detection {
        Detection::Prefix => Telling::Names,
        Detection::NeedsContext => Telling::Shared,
        Detection::Never => Telling::Nothing,
    }
}
