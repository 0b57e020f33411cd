//! What a text is that is kept where a key belongs: a key, a login's token, or something that nobody can revoke, rotate
//! or confuse with another key.

use super::shapes::{self, KeyShapes};
use super::{Cleaned, clean_secret};
use crate::secret::Secret;

/// The one judgement that letters, the view by key, `rotate` and the search for an old key share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// A key, also one with dirt around it or a part missing.
    Key,
    /// The token of a login: it expires, its program renews it, and it has its own places.
    Login,
    /// A masked copy of a key.
    Masked,
    /// The name of the place where a key is kept.
    Reference,
    /// A word that fills the field: the example text of a guide, `None`, `dummy`, an address, a model's name.
    Word,
}

impl Nature {
    /// Whether it can be stolen, revoked and replaced.
    #[must_use]
    pub const fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::Login)
    }

    /// What it is, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Key => "a key",
            Self::Login => "the token of a login",
            Self::Masked => "a masked copy of a key",
            Self::Reference => "the name of the place where a key is kept",
            Self::Word => "a word that fills the field",
        }
    }
}

/// What `text` is. `provider` is the one that it would be sent to, where that is known: some forms tell nothing without.
#[must_use]
pub fn nature(text: &Secret, provider: Option<&str>, shapes: &dyn KeyShapes) -> Nature {
    nature_of(&clean_secret(text, shapes, provider), text, provider, shapes)
}

/// The same of a text that was cleaned already, for this provider.
#[must_use]
pub fn nature_of(cleaned: &Cleaned, text: &Secret, provider: Option<&str>, shapes: &dyn KeyShapes) -> Nature {
    match cleaned {
        Cleaned::Accepted(found) => {
            let is_login = found.key.expose(|text| is_login(text, provider, shapes));
            if is_login { Nature::Login } else { Nature::Key }
        }
        Cleaned::Refused(no) => match no.reason {
            "masked" => Nature::Masked,
            "secret-reference" | "unexpanded-variable" => Nature::Reference,
            "empty" | "placeholder" | "too-short" | "url" | "email" | "path" | "model-name"
            | "variable-name" | "request-id" => Nature::Word,
            // Cut off to less than any key has.
            "truncated" if text.len() < super::judge::MIN_LEN => Nature::Word,
            _ => Nature::Key,
        },
    }
}

/// The reference that a text is (`${NAME}`, `os.environ/NAME`, `{env:NAME}`), which may be shown; none for anything else.
#[must_use]
pub fn reference(text: &Secret) -> Option<String> {
    text.expose(|text| {
        let text = text.trim();
        (text.len() <= 200 && super::other::is_reference(text)).then(|| text.to_owned())
    })
}

/// The keys that a text is run together from; empty for anything but two or more known beginnings in one word.
#[must_use]
pub fn parts(text: &Secret, shapes: &dyn KeyShapes) -> Vec<Secret> {
    /// A shorter beginning is found in a key by chance.
    const TELLS: usize = 5;
    text.expose(|text| {
        let begins = |at: &usize| {
            text.is_char_boundary(*at)
                && shapes::beginnings(shapes, &text[*at..]).any(|one| one.len() >= TELLS)
        };
        let mut starts: Vec<usize> = (0..text.len()).filter(begins).collect();
        // `sk-or-v1-` also holds shorter beginnings.
        starts.dedup_by(|next, last| *next - *last < MIN_PART);
        if starts.len() < 2 {
            return Vec::new();
        }
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        let piece = |(from, to): (&usize, usize)| {
            let piece = &text[*from..to];
            let end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            Secret::new(&piece[..end.unwrap_or(piece.len())])
        };
        starts.iter().zip(ends).map(piece).filter(|part| part.len() >= MIN_PART).collect()
    })
}

/// What a stored text can be meant as: the key itself, its clean form, or the keys that run together in it.
#[must_use]
pub fn forms(text: &Secret, provider: Option<&str>, shapes: &dyn KeyShapes) -> Vec<Secret> {
    let parts = parts(text, shapes);
    if !parts.is_empty() {
        return parts;
    }
    match clean_secret(text, shapes, provider) {
        Cleaned::Accepted(found) => vec![found.key],
        Cleaned::Refused(_) => Vec::new(),
    }
}

/// A shorter piece is no key.
const MIN_PART: usize = 16;

/// Whether the text is one whole key: of a form that names its provider, with nothing around it.
#[must_use]
pub fn is_whole(text: &Secret, shapes: &dyn KeyShapes) -> bool {
    matches!(clean_secret(text, shapes, None), Cleaned::Accepted(found) if found.removed.is_empty() && found.doubts.is_empty())
}

/// By its form: a kind that says so, or a signed token of a form that no provider uses for keys.
fn is_login(text: &str, provider: Option<&str>, shapes: &dyn KeyShapes) -> bool {
    let signed = text.starts_with("eyJ") && text.matches('.').count() == 2;
    // A provider whose keys have no form of their own takes any text for one; the beginning of a login is one all the same.
    let begins = shapes::best(shapes, text, None).is_some_and(|shape| shape.kind.contains("oauth"));
    match shapes::best(shapes, text, provider) {
        Some(shape) => begins || shape.kind.contains("oauth") || (signed && provider != Some(shape.provider)),
        None => signed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalogue;

    fn of(text: &str) -> Nature {
        nature(&Secret::new(text), None, &Catalogue::embedded())
    }

    #[test]
    fn a_word_in_a_field_is_no_key() {
        for word in
            ["ai", "None", "public", "dummy", "no-key-required", "your-api-key-here", "sk-1234", "dario", ""]
        {
            assert_eq!(of(word), Nature::Word, "{word}");
        }
        for masked in ["***", "sk-ant-...k3Pw", "sk-or-v1-****************"] {
            assert_eq!(of(masked), Nature::Masked, "{masked}");
        }
        for reference in
            ["${OPENAI_API_KEY}", "os.environ/X", "{env:DEEPSEEK_API_KEY}", "op://vault/groq/key"]
        {
            assert_eq!(of(reference), Nature::Reference, "{reference}");
        }
    }

    #[test]
    fn a_damaged_key_is_still_a_key() {
        let key = format!("sk-or-v1-{}", "fa4e".repeat(16));
        for text in [
            key.clone(),
            format!("{key}\n"),
            format!("\"{key}\""),
            key[..30].to_owned(),
            format!("{key}{key}x"),
        ] {
            assert_eq!(of(&text), Nature::Key, "{}", text.len());
        }
    }

    #[test]
    fn keys_that_were_run_together_come_apart() {
        let (old, new) =
            (format!("sk-or-v1-{}", "fa4e".repeat(16)), format!("sk-or-v1-{}", "b0b1".repeat(16)));
        let all = parts(&Secret::new(format!("{old}{new}/home/ann/shot.png")), &Catalogue::embedded());
        assert_eq!(all, [Secret::new(old.clone()), Secret::new(new)]);
        assert!(parts(&Secret::new(old), &Catalogue::embedded()).is_empty());
    }

    #[test]
    fn a_login_is_told_by_its_form() {
        assert_eq!(of(&format!("sk-ant-oat01-{}", "Wm2Zt9Kp".repeat(12))), Nature::Login);
        assert_eq!(of("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJlc2lnbmF0dXJl"), Nature::Login);
        assert_eq!(of(&format!("sk-ant-api03-{}", "Wm2Zt9Kp".repeat(12))), Nature::Key);
    }
}
