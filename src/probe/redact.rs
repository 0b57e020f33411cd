//! Takes every trace of a key out of a text that came from outside.
//!
//! Providers echo keys: Google the whole of it, OpenAI, DeepSeek, xAI and LiteLLM parts. No run of six characters of
//! the key survives here, beyond the beginning that its mask shows; not in another case, percent-encoded, in base64 or
//! in hex either.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::secret::{Secret, is_invisible};

/// Runs of this many characters of the key are taken out.
const RUN: usize = 6;
/// What stands in their place.
const MARK: &str = "[key]";

/// Knows a key by its runs of characters.
pub struct Redactor {
    runs: HashSet<[char; RUN]>,
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
            .filter(|c| !is_invisible(*c))
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(limit * 8)
            .collect();
        let text = if text.contains('%') { self.undo_percent(text) } else { text };
        let text = if text.contains("&#") { self.undo_entities(text) } else { text };
        let text = self.take_out_encoded(&self.take_out(&text));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= limit { text } else { text.chars().take(limit).chain(['…']).collect() }
    }

    /// Whether anything of the key is in there.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.take_out(text) != text
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
        let mut out = String::with_capacity(text.len());
        let mut inside = false;
        for (c, hide) in chars.into_iter().zip(hidden) {
            if hide && !inside {
                out.push_str(MARK);
            } else if !hide {
                out.push(c);
            }
            inside = hide;
        }
        out
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
            }) || (0..2).any(|skip| hex(&part[skip.min(part.len())..]).is_some_and(|text| self.is_in(&text)))
        })
    }
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
    fn ordinary_text_stays() {
        let text = "Your credit balance is too low; 100% used; see https://example.com/a%20b (req_011CQ)";
        assert_eq!(redactor().clean(text, 300), text);
        assert_eq!(redactor().clean("a\u{1b}[31mred\nline", 300), "a [31mred line");
        assert_eq!(redactor().clean("abcdefghij", 4), "abcd…");
    }
}
