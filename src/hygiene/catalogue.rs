//! The forms of keys as the catalogue of providers has them.

use super::shapes::{KeyShapes, Shape, Telling};
use crate::provider::{Catalogue, Detection, KeyShape};
use crate::secret::Secret;

impl KeyShapes for Catalogue {
    fn shapes_of(&self, text: &str) -> Vec<Shape<'_>> {
        let key = Secret::new(text);
        self.fitting(&key)
            .into_iter()
            .map(|(provider, form)| Shape {
                provider: &provider.id,
                kind: &form.kind,
                telling: telling(form),
                fixed_length: *form.fixed_length.get_or_init(|| form.length_known && is_fixed(&form.regex)),
                prefix: form.prefix_of(&key).unwrap_or(""),
            })
            .collect()
    }

    fn prefixes(&self) -> &[String] {
        self.telling_beginnings()
    }
}

/// Whether a pattern allows no more than the few lengths that its alternatives spell out. A range will not do: the
/// first line of a key that was wrapped may lie in it.
fn is_fixed(pattern: &str) -> bool {
    let mut in_class = false;
    let mut escaped = false;
    let mut before = '\0';
    for (at, c) in pattern.char_indices() {
        let open = match c {
            _ if escaped || c == '\\' => false,
            '[' => {
                in_class = true;
                false
            }
            ']' => {
                in_class = false;
                false
            }
            '*' | '+' => !in_class,
            '?' => !in_class && before != '(',
            '{' => pattern[at..].split('}').next().is_some_and(|range| range.contains(',')),
            _ => false,
        };
        if open {
            return false;
        }
        escaped = c == '\\' && !escaped;
        before = c;
    }
    true
}

const fn telling(form: &KeyShape) -> Telling {
    match form.detection {
        Detection::Prefix => Telling::Names,
        Detection::NeedsContext => Telling::Shared,
        Detection::Never => Telling::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spelled_out_lengths_are_fixed() {
        assert!(is_fixed("^sk-proj-(?:[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58}X)$"));
        assert!(is_fixed(r"^[0-9a-f]{32}\.[A-Za-z0-9]{16}$"));
        assert!(!is_fixed("^ABSK[A-Za-z0-9+/]{109,269}={0,2}$"));
        assert!(!is_fixed("^sk-ant-oat01-[A-Za-z0-9_-]{60,}$"));
        assert!(!is_fixed("^bedrock-[A-Za-z0-9+/=]*$"));
    }
}
