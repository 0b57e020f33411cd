//! Whether the terminal reads UTF-8, and what is written where it does not.
//!
//! A locale that names another character set (`LANG=C`, `POSIX`, `de_DE.ISO-8859-1`) gets ASCII alone: marks, borders and
//! any name from a file. Without a locale nothing is known against UTF-8, which is what terminals read today.

use std::borrow::Cow;
use std::sync::OnceLock;

/// Whether only ASCII may be written, by the environment of this process.
#[must_use]
pub fn is_ascii() -> bool {
    static ASCII: OnceLock<bool> = OnceLock::new();
    *ASCII.get_or_init(|| names_another(|name| std::env::var(name).ok()))
}

/// Whether the locale names a character set other than UTF-8. The first of the three that is set decides (POSIX, locale(7)).
fn names_another(var: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| var(name).filter(|text| !text.is_empty()));
    locale.is_some_and(|text| {
        let text = text.to_ascii_lowercase();
        !text.contains("utf-8") && !text.contains("utf8")
    })
}

/// Text as this terminal can show it.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if is_ascii() && !text.is_ascii() { Cow::Owned(ascii(text)) } else { Cow::Borrowed(text) }
}

/// The text in ASCII.
#[must_use]
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            c => out.push(ascii_cell(c)),
        }
    }
    out
}

/// One character for one cell of the screen.
#[must_use]
pub const fn ascii_cell(c: char) -> char {
    match c {
        c if c.is_ascii() => c,
        '✓' | '↓' | '▾' => 'v',
        '✗' | '×' => 'x',
        '→' | '▸' | '▶' | '›' => '>',
        '←' | '◂' | '‹' => '<',
        '↑' => '^',
        '≠' => '!',
        '○' | '◌' => 'o',
        '·' | '–' | '—' | '─' | '━' | '╌' => '-',
        '│' | '┃' | '▌' | '▐' | '█' | '║' => '|',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        // The rest of the box drawings: corners and crossings.
        '\u{2500}'..='\u{257f}' => '+',
        // Bullets, and the dots of spinners.
        '…' | '●' | '•' | '◉' | '\u{2800}'..='\u{28ff}' => '*',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn another(vars: &[(&str, &str)]) -> bool {
        names_another(|name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        assert!(!another(&[]));
        assert!(!another(&[("LANG", "C.UTF-8")]) && !another(&[("LANG", "de_DE.utf8")]));
        assert!(another(&[("LANG", "C")]) && another(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(another(&[("LC_ALL", "POSIX"), ("LANG", "en_US.UTF-8")]));
        assert!(!another(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")]));
    }

    #[test]
    fn every_text_becomes_ascii() {
        let text = ascii("✓ sk-ant-…k3Pw → ~/ключ/鍵 · “x”");
        assert_eq!(text, "v sk-ant-...k3Pw -> ~/????/? - \"x\"");
    }
}
