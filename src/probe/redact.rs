//! Takes every trace of a key out of a text that came from outside.
//!
//! Providers echo keys: Google the whole of it, OpenAI, DeepSeek, xAI and LiteLLM parts. No run of six characters of
//! the key survives here, beyond the beginning that its mask shows; not in another case, percent-encoded, escaped, in base64,
//! base32 or hex either. Compared is also what is left without everything but letters and digits, forwards and backwards, and
//! every second letter of it, so that blanks, dashes or dots between the letters hide nothing.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::secret::{Secret, is_unseen};

/// Runs of this many characters of the key are taken out.
const RUN: usize = 6;
/// Runs of this many letters and digits where other characters may be between them: longer, because words in a row make such
/// runs too.
const SPREAD: usize = 8;
/// What is in their place.
const MARK: &str = "[key]";

/// Knows a key by its runs of characters.
pub struct Redactor {
    runs: HashSet<[char; RUN]>,
    spread: HashSet<[char; SPREAD]>,
    short: Option<Vec<char>>,
}

impl Redactor {
    /// Knows this key; `shown` is the beginning that its mask shows.
    #[must_use]
    pub fn new(key: &Secret, shown: &str) -> Self {
        key.expose(|text| {
            let chars: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
            let visible = if text.starts_with(shown) { shown.chars().count() } else { 0 };
            let runs = chars.windows(RUN).enumerate().filter(|(at, _)| at + RUN > visible);
            Self {
                spread: spread(&chars, visible),
                runs: runs.filter_map(|(_, run)| run.try_into().ok()).collect(),
                short: (chars.len() < RUN && chars.len() >= 3).then_some(chars),
            }
        })
    }

    /// The text without the key, without control characters, and with at most `limit` characters.
    #[must_use]
    pub fn clean(&self, text: &str, limit: usize) -> String {
        let text: String = text
            .chars()
            .filter(|c| c.is_control() || !is_unseen(*c))
            .map(|c| if c.is_control() { ' ' } else { plain_letter(c) })
            .take(limit * 12)
            .collect();
        let text = if text.contains('%') { self.undo_percent(text) } else { text };
        let text = if text.contains("&#") { self.undo_entities(text) } else { text };
        let text = if text.contains('\\') { self.undo_escapes(text) } else { text };
        let text = self.take_out_spread(&self.take_out_encoded(&self.take_out(&text)));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= limit { text } else { text.chars().take(limit).chain(['…']).collect() }
    }

    /// Whether anything of the key is in there.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.take_out(text) != text
    }

    /// Takes out the key where other characters are between its letters, where it is written backwards, and where every
    /// second of its letters is written.
    fn take_out_spread(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let letters: Vec<(usize, char)> = chars
            .iter()
            .enumerate()
            .filter(|(_, c)| c.is_alphanumeric())
            .map(|(at, c)| (at, c.to_ascii_lowercase()))
            .collect();
        let mut hidden = vec![false; chars.len()];
        for step in [1, 2] {
            for first in 0..step {
                let row: Vec<(usize, char)> = letters.iter().skip(first).step_by(step).copied().collect();
                for run in row.windows(SPREAD) {
                    let found = std::array::from_fn(|at| run[at].1);
                    if self.spread.contains(&found) {
                        hidden[run[0].0..=run[SPREAD - 1].0].fill(true);
                    }
                }
            }
        }
        without(chars, &hidden)
    }

    fn take_out(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
        let mut hidden = vec![false; chars.len()];
        for (at, run) in lower.windows(RUN).enumerate() {
            if <[char; RUN]>::try_from(run).is_ok_and(|run| self.runs.contains(&run)) {
                hidden[at..at + RUN].fill(true);
            }
        }
        if let Some(short) = &self.short {
            for at in 0..lower.len().saturating_sub(short.len() - 1) {
                if lower[at..].starts_with(short) {
                    hidden[at..at + short.len()].fill(true);
                }
            }
        }
        without(chars, &hidden)
    }

    /// `\u0073`, `\x73` and `\U00000073`, with any number of backslashes.
    fn undo_escapes(&self, text: String) -> String {
        let mut decoded = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\\') {
            decoded.push_str(&rest[..at]);
            let body = rest[at..].trim_start_matches('\\');
            let digits = match body.chars().next() {
                Some('u') => 4,
                Some('x') => 2,
                Some('U') => 8,
                _ => 0,
            };
            let braces = body.get(1..2) == Some("{");
            let hex = if braces {
                body[2..].split('}').next()
            } else {
                body.get(1..=digits).filter(|_| digits > 0)
            };
            let c = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
            if let (Some(c), Some(hex)) = (c, hex) {
                decoded.push(c);
                rest = &body[1 + hex.len() + if braces { 2 } else { 0 }..];
            } else {
                decoded.push_str(&rest[at..rest.len() - body.len()]);
                rest = body;
            }
        }
        decoded.push_str(rest);
        if self.is_in(&decoded) || self.take_out_spread(&decoded) != decoded { decoded } else { text }
    }

    fn undo_percent(&self, text: String) -> String {
        let mut bytes = Vec::with_capacity(text.len());
        let raw = text.as_bytes();
        let mut at = 0;
        while at < raw.len() {
            let hex = raw.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
            let byte = hex.filter(|_| raw[at] == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
            bytes.push(byte.unwrap_or(raw[at]));
            at += if byte.is_some() { 3 } else { 1 };
        }
        let decoded = String::from_utf8_lossy(&bytes).into_owned();
        if self.is_in(&decoded) { decoded } else { text }
    }

    fn undo_entities(&self, text: String) -> String {
        let mut decoded = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find("&#") {
            decoded.push_str(&rest[..at]);
            let body = &rest[at + 2..];
            let end = body.find(';').filter(|end| *end <= 7);
            let number = end.and_then(|end| {
                let digits = &body[..end];
                digits
                    .strip_prefix(['x', 'X'])
                    .map_or_else(|| digits.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
            });
            if let (Some(end), Some(c)) = (end, number.and_then(char::from_u32)) {
                decoded.push(c);
                rest = &body[end + 1..];
            } else {
                decoded.push_str("&#");
                rest = body;
            }
        }
        decoded.push_str(rest);
        if self.is_in(&decoded) { decoded } else { text }
    }

    /// Words that hold the key in base64 or hex.
    fn take_out_encoded(&self, text: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            out.push_str(if self.is_encoded_in(word) { MARK } else { word });
            let other = tail.find(is_word).unwrap_or(tail.len());
            out.push_str(&tail[..other]);
            rest = &tail[other..];
        }
        out
    }

    fn is_encoded_in(&self, word: &str) -> bool {
        if word.len() < 8 {
            return false;
        }
        let parts = word.split('=').filter(|part| part.len() >= 8);
        parts.into_iter().any(|part| {
            let offsets = (0..4).filter_map(|skip| part.get(skip..));
            offsets.into_iter().any(|part| {
                let whole = &part[..part.len() - part.len() % 4];
                [STANDARD_NO_PAD.decode(whole), URL_SAFE_NO_PAD.decode(whole)]
                    .into_iter()
                    .flatten()
                    .any(|bytes| self.is_in(&String::from_utf8_lossy(&bytes)))
            }) || (0..8).any(|skip| part.get(skip..).and_then(base32).is_some_and(|text| self.is_in(&text)))
                || (0..2).any(|skip| hex(&part[skip.min(part.len())..]).is_some_and(|text| self.is_in(&text)))
        })
    }
}

/// The runs of the key's letters and digits, forwards and backwards, of all of them and of every second one.
fn spread(chars: &[char], visible: usize) -> HashSet<[char; SPREAD]> {
    let letters: Vec<(usize, char)> =
        chars.iter().copied().enumerate().filter(|(_, c)| c.is_alphanumeric()).collect();
    let every_second = |first| {
        let row = chars.iter().copied().enumerate().skip(first).step_by(2);
        row.filter(|(_, c)| c.is_alphanumeric()).collect()
    };
    let mut runs = HashSet::new();
    for row in [letters, every_second(0), every_second(1)] {
        // What the mask shows anyway may stay, as long as nothing behind it is with it.
        for run in row.windows(SPREAD).filter(|run| run[SPREAD - 1].0 >= visible) {
            runs.insert(std::array::from_fn(|at| run[at].1));
            runs.insert(std::array::from_fn(|at| run[SPREAD - 1 - at].1));
        }
    }
    runs
}

/// The characters that are not hidden, and one mark for each run that is.
fn without(chars: Vec<char>, hidden: &[bool]) -> String {
    let mut out = String::with_capacity(chars.len());
    let mut inside = false;
    for (c, hide) in chars.into_iter().zip(hidden) {
        if *hide && !inside {
            out.push_str(MARK);
        } else if !hide {
            out.push(c);
        }
        inside = *hide;
    }
    out
}

/// The letter that another form of it means: full-width, in a circle, of the mathematical alphabets.
fn plain_letter(c: char) -> char {
    let code = u32::from(c);
    let of = |first: char, nth: u32| char::from_u32(u32::from(first) + nth).unwrap_or(c);
    match code {
        0xff01..=0xff5e => of('!', code - 0xff01),
        0x24b6..=0x24cf => of('A', code - 0x24b6),
        0x24d0..=0x24e9 => of('a', code - 0x24d0),
        0x2460..=0x2468 => of('1', code - 0x2460),
        0x1d400..=0x1d6a3 => match (code - 0x1d400) % 52 {
            nth @ ..26 => of('A', nth),
            nth => of('a', nth - 26),
        },
        0x1d7ce..=0x1d7ff => of('0', (code - 0x1d7ce) % 10),
        _ => c,
    }
}

/// RFC 4648, in any case.
fn base32(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(text: &str) -> Option<String> {
    let bytes = text
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    Some(String::from_utf8_lossy(&bytes.collect::<Option<Vec<u8>>>()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&Secret::new("sk-ant-api03-Q7xZpL2mN9vB4kR8tY3w"), "sk-ant-api03-")
    }

    #[test]
    fn no_run_of_the_key_survives() {
        let clean = |text: &str| redactor().clean(text, 200);
        assert_eq!(
            clean("Incorrect key: sk-ant-api03-Q7xZpL2mN9vB4kR8tY3w."),
            "Incorrect key: sk-ant-a[key]."
        );
        assert_eq!(clean("tail N9vB4kR8tY3w"), "tail [key]");
        assert_eq!(clean("upper N9VB4KR8TY3W"), "upper [key]");
        assert_eq!(clean("masked sk-ant-api03-***3w"), "masked sk-ant-api03-***3w");
        assert_eq!(clean("last four 8tY3w"), "last four 8tY3w");
    }

    #[test]
    fn encoded_echoes_are_found() {
        let clean = |text: &str| redactor().clean(text, 300);
        let key = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3w";
        let base64 = base64::engine::general_purpose::STANDARD.encode(format!("Bearer {key}"));
        assert_eq!(clean(&format!("auth {base64}")), "auth [key]=".trim_end_matches('='));
        let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(clean(&format!("hex {hex}")), "hex [key]");
        let percent: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert!(!clean(&format!("url ?k={percent}")).contains('%'));
        let entities: String = key.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        assert!(clean(&entities).contains("[key]"));
        let split: String = key.chars().flat_map(|c| [c, '\u{200b}']).collect();
        assert!(clean(&split).contains("[key]"));
    }

    #[test]
    fn echoes_in_disguise_are_found() {
        const KEY: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3w";
        let join = |by: &str| KEY.chars().map(String::from).collect::<Vec<_>>().join(by);
        let chars: Vec<char> = KEY.chars().collect();
        let second = |first: usize| chars.iter().skip(first).step_by(2).collect::<String>();
        let code = |c: char| u32::from(c);
        let mut bits = String::new();
        KEY.bytes().for_each(|byte| bits += &format!("{byte:08b}"));
        bits += &"0".repeat((5 - bits.len() % 5) % 5);
        let base32: String = bits
            .as_bytes()
            .chunks(5)
            .map(|five| usize::from_str_radix(std::str::from_utf8(five).unwrap(), 2).unwrap())
            .map(|nth| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[nth]))
            .collect();
        for (form, text) in [
            ("reversed", KEY.chars().rev().collect()),
            ("spaced", join(" ")),
            ("dashed", join("-")),
            ("with two characters between", join(" -")),
            (
                "in groups",
                chars.chunks(5).map(|five| five.iter().collect::<String>()).collect::<Vec<_>>().join("."),
            ),
            ("every second letter", second(0)),
            ("every other second letter", second(1)),
            ("with a letter between", join("x")),
            ("reversed and spaced", join(" ").chars().rev().collect()),
            ("base32", base32.clone()),
            ("base32 in small letters", base32.to_lowercase()),
            ("full width", KEY.chars().map(|c| char::from_u32(code(c) - 0x21 + 0xff01).unwrap()).collect()),
            ("escaped", KEY.chars().map(|c| format!("\\u{:04x}", code(c))).collect()),
            ("escaped twice", KEY.chars().map(|c| format!("\\\\u{:04x}", code(c))).collect()),
            ("escaped shortly", KEY.chars().map(|c| format!("\\x{:02x}", code(c))).collect()),
            (
                "mathematical",
                KEY.chars()
                    .map(|c| {
                        if c.is_ascii_lowercase() {
                            char::from_u32(0x1d41a + code(c) - 97).unwrap()
                        } else {
                            c
                        }
                    })
                    .collect(),
            ),
            ("with separators that no one sees", join("\u{fff9}\u{2028}")),
        ] {
            let out = redactor().clean(&format!("your key {text} is wrong"), 400);
            assert!(out.contains(MARK), "{form}: {out}");
            let letters: String = out.chars().filter(char::is_ascii_alphanumeric).collect();
            assert!(letters.len() < 45, "{form}: {out}");
            assert!(out.starts_with("your key ") && out.ends_with(" is wrong"), "{form}: {out}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        let text = "Your credit balance is too low; 100% used; see https://example.com/a%20b (req_011CQ)";
        assert_eq!(redactor().clean(text, 300), text);
        assert_eq!(redactor().clean("a\u{1b}[31mred\nline", 300), "a [31mred line");
        assert_eq!(redactor().clean("abcdefghij", 4), "abcd…");
    }
}
