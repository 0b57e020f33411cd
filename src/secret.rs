//! The only place where a key's text is handled: [`Secret`], its [`Mask`], and its [`Fingerprint`].
//!
//! A [`Secret`] has no `Display` and no `Serialize`, its `Debug` is masked, its buffer is wiped when the last
//! owner drops it. Clones share one buffer, so that a key is in memory once however many views show it.
//! What is printed is a [`Mask`]; what is compared across sources is the key itself ([`PartialEq`]) or, outside
//! of the process, a salted [`Fingerprint`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::Regex;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Under this many characters a mask shows the length and nothing else.
pub const MASK_MIN_LEN: usize = 20;
/// How many characters between prefix and tail must stay hidden, or the prefix is left out.
const MASK_MIN_HIDDEN: usize = 8;
/// How many characters of the end a mask shows.
const MASK_TAIL: usize = 4;

/// The text of a key, token or any other value that may hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes ownership of a text that may be a key.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// Takes a copy of bytes that may be a key; what is not UTF-8 becomes U+FFFD, which no key contains.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The number of characters (not bytes).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.chars().count()
    }

    /// The first byte, by which the forms of keys are looked up.
    #[must_use]
    pub fn first_byte(&self) -> Option<u8> {
        self.0.bytes().next()
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// True for a value that is present and empty, which hides other sources at most agents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows the text to one closure. Only `secret`, `host`, `edit`, `hygiene` and `probe` may call it; the
    /// shape test holds that.
    pub fn expose<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        look(&self.0)
    }

    /// Whether the text begins with `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }

    /// Whether the text ends with `suffix`.
    #[must_use]
    pub fn ends_with(&self, suffix: &str) -> bool {
        self.0.ends_with(suffix)
    }

    /// Whether `part` is anywhere in the text.
    #[must_use]
    pub fn contains(&self, part: &str) -> bool {
        self.0.contains(part)
    }

    /// Whether the text is anywhere in `bytes`; an empty one never does.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let text = self.0.as_bytes();
        !text.is_empty() && bytes.windows(text.len()).any(|part| part == text)
    }

    /// Whether the text is in `bytes` as a word, or inside of a longer one where it is too long for chance (two keys that
    /// were run together). Where it is a part of one of `longer` (a cut copy of a key in the whole key), it is not found.
    #[must_use]
    pub fn is_found_in(&self, bytes: &[u8], longer: &[Self]) -> bool {
        /// Shorter texts are found in others by chance.
        const NO_CHANCE: usize = 20;
        let text = self.0.as_bytes();
        if text.is_empty() || bytes.len() < text.len() {
            return false;
        }
        let of_word =
            |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-');
        let is_part = |at: usize| {
            longer.iter().any(|other| {
                let other = other.0.as_bytes();
                let mut offsets = (0..=other.len().saturating_sub(text.len()))
                    .filter(|from| other.len() > text.len() && other[*from..].starts_with(text));
                offsets.any(|from| from <= at && bytes[at - from..].starts_with(other))
            })
        };
        let mut found = (0..=bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text));
        found.any(|at| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            let is_word = !of_word(before) && !of_word(bytes.get(at + text.len()));
            (is_word || text.len() >= NO_CHANCE) && !is_part(at)
        })
    }

    /// Whether the text is in `other`, as [`Self::is_found_in`] looks for it.
    #[must_use]
    pub fn is_part_of(&self, other: &Self, longer: &[Self]) -> bool {
        self.is_found_in(other.0.as_bytes(), longer)
    }

    /// Whether `part`, which is not empty, is anywhere in the text.
    #[must_use]
    pub fn holds(&self, part: &Self) -> bool {
        !part.is_empty() && self.0.contains(part.0.as_str())
    }

    /// Whether the text is a longer one with `part` in it: `openrouter=KEY`, `Bearer KEY`, `KEY,KEY`. White space, quotes,
    /// and what follows behind them (a comment that a reader took for a part of the value) do not make it longer.
    #[must_use]
    pub fn surrounds(&self, part: &Self) -> bool {
        let around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let part = part.0.trim();
        match self.0.split_once(part).filter(|_| !part.is_empty()) {
            Some((before, rest)) => {
                !before.chars().all(around) || !(rest.is_empty() || rest.starts_with(around))
            }
            None => false,
        }
    }

    /// Whether `rest` is this text with characters taken away, and not all of them.
    #[must_use]
    pub fn thinned_to(&self, rest: &Self) -> bool {
        self.expose(|own| {
            rest.expose(|rest| {
                let mut wanted = rest.chars().peekable();
                for c in own.chars() {
                    wanted.next_if_eq(&c);
                }
                !rest.is_empty() && wanted.peek().is_none()
            })
        })
    }

    /// Whether any character satisfies `test`.
    #[must_use]
    pub fn any_char(&self, test: impl Fn(char) -> bool) -> bool {
        self.0.chars().any(test)
    }

    /// Whether the text is exactly `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.as_str() == text
    }

    /// Whether `shape` matches.
    #[must_use]
    pub fn is_match(&self, shape: &Regex) -> bool {
        shape.is_match(&self.0)
    }

    /// The text read as JSON: for keyring entries that hold a whole document.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.0).ok()
    }

    /// What a token says about itself, where it is a JWT.
    #[must_use]
    pub fn claims(&self) -> Option<serde_json::Value> {
        use base64::Engine as _;
        let body = self.0.split('.').nth(1)?.trim_end_matches('=');
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The last `chars` characters of the text without the white space around it.
    #[must_use]
    pub fn tail(&self, chars: usize) -> Self {
        self.map(|text| {
            let text = text.trim();
            let start = text.char_indices().rev().nth(chars.saturating_sub(1)).map_or(0, |(at, _)| at);
            text[start..].to_owned()
        })
    }

    /// The same text through `change`, as a new secret: for what an agent does to a value before it sends it
    /// (trimming, dropping non-ASCII characters).
    #[must_use]
    pub fn map(&self, change: impl FnOnce(&str) -> String) -> Self {
        Self::new(change(&self.0))
    }

    /// The masked form with `prefix` in front, where `prefix` is the recognised beginning of the key's format
    /// (see `Catalogue::mask`), or none.
    #[must_use]
    pub fn mask(&self, prefix: Option<&str>) -> Mask {
        let len = self.len();
        if len < MASK_MIN_LEN {
            return Mask(format!("({len})"));
        }
        let shown = prefix
            .filter(|prefix| {
                self.0.starts_with(prefix) && prefix.chars().count() + MASK_TAIL + MASK_MIN_HIDDEN <= len
            })
            .unwrap_or("");
        let tail: String = self.0.chars().skip(len - MASK_TAIL).map(printable).collect();
        Mask(format!("{shown}…{tail} ({len})"))
    }

    /// SHA-256 over `salt` followed by the key, cut to its first 12 hex digits.
    #[must_use]
    pub fn fingerprint(&self, salt: &str) -> Fingerprint {
        let digest = Sha256::new().chain_update(salt.as_bytes()).chain_update(self.0.as_bytes()).finalize();
        Fingerprint(hex(&digest[..6]))
    }

    /// The first `digits` hex digits of the plain SHA-256 of the key, for comparison with the hashes that agents
    /// themselves keep (Hermes: `secret_fingerprint`).
    #[must_use]
    pub fn sha256_hex(&self, digits: usize) -> String {
        let mut hex = hex(&Sha256::digest(self.0.as_bytes()));
        hex.truncate(digits);
        hex
    }
}

/// For tables of this process alone, as the comparison: nothing of the hash is kept.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A control character in a key must not reach a terminal.
fn printable(c: char) -> char {
    if is_unseen(c) { '�' } else { c }
}

/// Characters that take no room on a screen and are never part of a key: zero-width, soft hyphen, bidi controls,
/// variation selectors, fillers, tags, byte order mark.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that a terminal obeys instead of showing them, or shows as nothing: control characters, what
/// [`is_invisible`] names, line and paragraph separators, annotations.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.len())
    }
}

/// The printable form of a key: `sk-ant-api03-…k3Pw (108)`, `…k3Pw (51)` without a recognised prefix, `(12)` for a
/// value too short to show any part of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Mask(String);

impl Mask {
    /// The masked text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Twelve hex digits that are equal when two keys are equal under the same salt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The letter of a distinct key within one run: A, B, … Z, AA, AB …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub usize);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Vec::new();
        let mut rest = self.0 + 1;
        while rest > 0 {
            rest -= 1;
            letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
            rest /= 26;
        }
        f.pad(&letters.iter().rev().collect::<String>())
    }
}

impl serde::Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_surrounds_a_key_that_is_only_a_part_of_it() {
        let key = Secret::new("sk-FAKE");
        for text in ["openrouter=sk-FAKE", "Bearer sk-FAKE", "sk-FAKE,sk-OTHER", "{\"k\":\"sk-FAKE\"}"] {
            assert!(Secret::new(text).surrounds(&key), "{text}");
        }
        for text in ["sk-FAKE", " sk-FAKE\n", "sk-FAKE # work", "\"sk-FAKE\" # mine", "another", ""] {
            assert!(!Secret::new(text).surrounds(&key), "{text}");
        }
        assert!(!Secret::new("sk-FAKE").surrounds(&Secret::new("")));
    }

    #[test]
    fn a_key_is_found_as_a_word_and_not_in_a_longer_key() {
        let none: &[Secret] = &[];
        let word = Secret::new("ai");
        assert!(!word.is_found_in(b"provider: openai", none));
        assert!(word.is_found_in(b"apiKey: ai\n", none));
        let old = Secret::new("sk-FAKEq7Wm2Zt9Kp4Xr8Vb");
        let new = Secret::new("sk-FAKEq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1H");
        assert!(old.is_found_in(b"K=sk-FAKEq7Wm2Zt9Kp4Xr8Vbsk-FAKEanother/shot.png", none));
        assert!(old.is_found_in(b"K=sk-FAKEq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1H", none));
        assert!(!old.is_found_in(b"K=sk-FAKEq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1H", std::slice::from_ref(&new)));
        assert!(old.is_found_in(
            b"sk-FAKEq7Wm2Zt9Kp4Xr8Vb3Nc6Ld1H sk-FAKEq7Wm2Zt9Kp4Xr8Vb",
            std::slice::from_ref(&new)
        ));
    }

    #[test]
    fn a_mask_shows_prefix_tail_and_length() {
        let key = Secret::new(format!("sk-ant-api03-{}k3Pw", "x".repeat(91)));
        assert_eq!(key.mask(Some("sk-ant-api03-")).as_str(), "sk-ant-api03-…k3Pw (108)");
        assert_eq!(key.mask(None).as_str(), "…k3Pw (108)");
        assert_eq!(key.mask(Some("gsk_")).as_str(), "…k3Pw (108)");
    }

    #[test]
    fn a_short_value_shows_its_length_only() {
        assert_eq!(Secret::new("sk-ant-api03-FAKE").mask(Some("sk-ant-api03-")).as_str(), "(17)");
        assert_eq!(Secret::new("a".repeat(19)).mask(None).as_str(), "(19)");
    }

    #[test]
    fn a_prefix_that_would_leave_too_little_hidden_is_left_out() {
        let key = Secret::new("sk-ant-api03-abcdefgh");
        assert_eq!(key.mask(Some("sk-ant-api03-")).as_str(), "…efgh (21)");
    }

    #[test]
    fn a_tail_never_carries_control_or_invisible_characters() {
        let key = Secret::new(format!("{}\u{1b}[2\u{200b}", "x".repeat(30)));
        assert_eq!(key.mask(None).as_str(), "…�[2� (34)");
    }

    #[test]
    fn debug_shows_the_length_only() {
        assert_eq!(format!("{:?}", Secret::new("sk-FAKE")), "Secret(7)");
    }

    #[test]
    fn tags_count_like_spreadsheet_columns() {
        let tags: Vec<String> = [0, 1, 25, 26, 27, 701, 702].map(|n| Tag(n).to_string()).into();
        assert_eq!(tags, ["A", "B", "Z", "AA", "AB", "ZZ", "AAA"]);
    }

    #[test]
    fn a_fingerprint_is_the_salted_hash() {
        // printf 'saltkey' | sha256sum
        let expected: String =
            Sha256::digest(b"saltkey").iter().take(6).map(|b| format!("{b:02x}")).collect();
        assert_eq!(Secret::new("key").fingerprint("salt").to_string(), expected);
    }
}
