//! The judgement of one word: its characters, its length, its form.

use super::shapes::{beginnings, best, prefix};
use super::{No, Shape, Telling, Work, no};

/// Shorter than any key known.
pub(super) const MIN_LEN: usize = 16;
/// Longer than any key known.
const MAX_LEN: usize = 4096;
/// A known beginning with less than this behind it was cut off.
const MIN_BODY: usize = 16;

/// The characters that keys are made of.
pub(super) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.:/+=~|-".contains(c)
}

impl Work<'_> {
    pub(super) fn judge(&mut self) -> Result<(), No> {
        self.characters()?;
        if self.text.len() > MAX_LEN {
            return no("too-long", format!("{} characters are more than any key has", self.text.len()));
        }
        if !self.exact && !self.is_exact(&self.text) {
            self.two_keys()?;
            self.letter_case()?;
            self.length()?;
        }
        self.form();
        Ok(())
    }

    fn characters(&self) -> Result<(), No> {
        let any = self.shapes.any_form();
        let fits = |c: char| is_key_char(c) || (any && c.is_ascii_graphic());
        let Some((at, c)) = self.text.chars().enumerate().find(|(_, c)| !fits(*c)) else {
            return Ok(());
        };
        let at = at + 1;
        match c {
            '\u{2012}'..='\u{2015}' => no(
                "dash-autocorrected",
                format!(
                    "character {at} is a long dash, made by autocorrection, perhaps out of two hyphens; copy the key from its source"
                ),
            ),
            c if c.is_alphabetic() && !c.is_ascii() => no(
                "lookalike-character",
                format!(
                    "character {at} is a letter of another alphabet that only looks alike; copy the key from its source"
                ),
            ),
            c if !c.is_ascii() => {
                no("non-ascii", format!("character {at} cannot be part of a key; copy the key again"))
            }
            '#' if self.is_sign_in_code() => no(
                "bad-character",
                "this is the code that a sign-in page shows (code#state), and not the token that the sign-in gives out: \
                 paste it where the program asks for the code, and take the token it then prints",
            ),
            _ => no("bad-character", format!("character {at} cannot be part of a key; copy the key alone")),
        }
    }

    /// Two long words around one `#`: what the browser shows at the end of a sign-in for a program to be pasted into.
    fn is_sign_in_code(&self) -> bool {
        let word = |text: &str| text.len() >= MIN_LEN && text.chars().all(is_key_char);
        self.text.split_once('#').is_some_and(|(code, state)| word(code) && word(state))
    }

    /// A second known beginning inside: two keys run together.
    fn two_keys(&self) -> Result<(), No> {
        let Some(first) = prefix(self.shapes, &self.text) else { return Ok(()) };
        let rest = &self.text[first.len()..];
        // A short beginning can come up by chance inside of a key.
        let begins = |at: usize| {
            beginnings(self.shapes, &rest[at..]).any(|other| {
                other.len() >= 6
                    || self.is_exact(&rest[at..])
                    || self.is_exact(&self.text[..first.len() + at])
            })
        };
        let again = rest.char_indices().any(|(at, _)| begins(at));
        if again { no("two-keys", "two keys run together in it; paste one at a time") } else { Ok(()) }
    }

    fn letter_case(&mut self) -> Result<(), No> {
        let known = self.shapes.prefixes().iter().map(String::as_str).filter(|known| known.len() >= 4);
        let alike = |known: &&str| {
            self.text.get(..known.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(known))
        };
        let known = known.filter(alike).max_by_key(|known| known.len());
        let Some(known) = known.filter(|known| !self.text.starts_with(known)) else { return Ok(()) };
        // A text that begins with another known prefix in the right case is left alone.
        if prefix(self.shapes, &self.text).is_some_and(|right| right.len() >= known.len()) {
            return Ok(());
        }
        let fixed = format!("{known}{}", &self.text[known.len()..]);
        let capital = fixed[1..] == self.text[1..];
        if capital && (self.is_exact(&fixed) || best(self.shapes, &fixed, self.expected).is_some()) {
            self.set(fixed);
            self.note("prefix-case-fixed", "capital letter at the beginning", 1);
            self.doubt(
                "prefix-case-fixed",
                "The first letter was a capital, as phones make it; it was put right.",
            );
            return Ok(());
        }
        no(
            "case-changed",
            "the letters changed between small and capital on the way; copy the key from its source",
        )
    }

    fn length(&self) -> Result<(), No> {
        let body = prefix(self.shapes, &self.text).map(|known| self.text.len() - known.len());
        if best(self.shapes, &self.text, self.expected).is_some_and(|shape| shape.telling > Telling::Nothing)
        {
            return Ok(());
        }
        if body.is_some_and(|body| body < MIN_BODY) {
            return no("truncated", "only the beginning of a key is there; copy the whole of it");
        }
        if self.text.len() < MIN_LEN && !self.shapes.any_form() {
            return no("too-short", format!("{} characters are fewer than any key has", self.text.len()));
        }
        Ok(())
    }

    /// What the form says; doubts where it says too little or the kind is not the usual one.
    fn form(&mut self) {
        if self.shapes.any_form() {
            return;
        }
        let expected = self.expected;
        let Some(shape) = best(self.shapes, &self.text, expected) else {
            return self.unknown();
        };
        let known = shape.telling == Telling::Names
            || expected == Some(shape.provider)
            || (shape.telling == Telling::Shared && shape.fixed_length && !shape.prefix.is_empty());
        let kind = kind_doubt(&shape, expected);
        if !known {
            self.unknown();
        }
        if let Some((id, message)) = kind {
            self.doubt(id, message);
        }
    }

    fn unknown(&mut self) {
        match prefix(self.shapes, &self.text) {
            Some(_) => self.doubt(
                "length-unexpected",
                "The beginning is of a known format, and the length is not: the key may be cut off or have grown, or \
                 the format is new.",
            ),
            None => self.doubt("unknown-format", "The format is not known, so nothing can be said about the key."),
        }
    }
}

/// Kinds that are rarely what an agent wants.
fn kind_doubt(shape: &Shape, expected: Option<&str>) -> Option<(&'static str, &'static str)> {
    let kind = shape.kind;
    if kind.contains("admin") {
        return Some((
            "kind-admin-key",
            "This is an administration key: it manages an account and cannot ask a model.",
        ));
    }
    let own = expected == Some(shape.provider) && shape.provider == "github-copilot";
    if kind.contains("oauth") && !own {
        return Some((
            "kind-oauth-token",
            "This is the token of a login, not an API key: it works only where the agent knows it as one, and expires.",
        ));
    }
    if kind.contains("access_key_id") || kind.contains("secret_id") {
        return Some((
            "kind-key-id",
            "This is the id of a key pair; the secret that belongs to it is something else.",
        ));
    }
    None
}
