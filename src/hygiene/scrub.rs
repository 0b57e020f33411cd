//! The first steps: bytes, terminal markers, control and invisible characters, spaces, full-width forms, HTML.

use super::{MAX_PASTE, No, Work, no};
use crate::secret::is_invisible;

const PASTE_START: [&str; 3] = ["\u{1b}[200~", "^[[200~", "[200~"];
const PASTE_END: [&str; 3] = ["\u{1b}[201~", "^[[201~", "[201~"];

impl Work<'_> {
    pub(super) fn scrub(&mut self, paste: &[u8]) -> Result<(), No> {
        if paste.len() > MAX_PASTE {
            return no(
                "too-large",
                format!("{} bytes are far more than a key; copy the key alone", paste.len()),
            );
        }
        let Ok(text) = std::str::from_utf8(paste) else {
            return no("not-text", "the bytes are not text (not UTF-8); copy the key again");
        };
        self.set(text);
        // Nearly every key that is kept in a file: nothing that a step below looks for.
        if paste.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'&' | b'[')) {
            return Ok(());
        }
        self.paste_markers()?;
        self.colours();
        self.trailing_nuls();
        self.controls()?;
        self.invisible();
        self.spaces();
        self.look_alikes_of_ascii();
        self.html_entities();
        self.trim();
        Ok(())
    }

    /// The markers that a terminal puts around a paste, left over at the ends. One inside ends the paste early and
    /// lets the rest act as keystrokes: refused.
    fn paste_markers(&mut self) -> Result<(), No> {
        let mut text = self.text.as_str();
        let mut count = 0;
        if let Some(rest) = PASTE_START.iter().find_map(|marker| text.strip_prefix(marker)) {
            text = rest;
            count += 1;
        }
        let ended = PASTE_END.iter().find_map(|marker| text.strip_suffix(marker));
        // Where the escape character was eaten, so may have been all of the end marker but its last character.
        let ended = ended.or_else(|| text.strip_suffix('~').filter(|_| count > 0));
        if let Some(rest) = ended {
            text = rest;
            count += 1;
        }
        if text.contains("\u{1b}[200~") || text.contains("\u{1b}[201~") {
            return no(
                "paste-breakout",
                "the text ends its own paste in the middle and would go on as keystrokes",
            );
        }
        let text = text.to_owned();
        self.set(text);
        self.note("bracket-markers-removed", "paste marker of the terminal", count);
        Ok(())
    }

    /// `ESC [ … m`: colours and other attributes.
    fn colours(&mut self) {
        let mut out = String::with_capacity(self.text.len());
        let mut count = 0;
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find("\u{1b}[") {
            let tail = &rest[at + 2..];
            let end = tail.find(|c: char| !matches!(c, '0'..='9' | ';' | ':')).unwrap_or(tail.len());
            let kept = if tail[end..].starts_with('m') { "" } else { "\u{1b}[" };
            count += usize::from(kept.is_empty());
            out.push_str(&rest[..at]);
            out.push_str(kept);
            rest = if kept.is_empty() { &tail[end + 1..] } else { tail };
        }
        out.push_str(rest);
        self.set(out);
        self.note("ansi-colour-removed", "terminal colour code", count);
    }

    fn trailing_nuls(&mut self) {
        let kept = self.text.trim_end_matches('\0').to_owned();
        let count = self.text.len() - kept.len();
        self.set(kept);
        self.note("nul-removed", "NUL byte at the end", count);
    }

    fn controls(&self) -> Result<(), No> {
        let bad = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n' | '\u{85}');
        if let Some(at) = self.text.chars().position(bad) {
            let message = format!("character {} is a control character; copy the key again", at + 1);
            return no("control-character", message);
        }
        if let Some(at) = self.text.chars().position(|c| matches!(c, '\u{fffd}' | '\u{fffc}')) {
            let message = format!(
                "character {} was lost on the way and is only a replacement sign; copy the key again",
                at + 1
            );
            return no("replacement-character", message);
        }
        Ok(())
    }

    fn invisible(&mut self) {
        let text = self.text.clone();
        let found = text.chars().filter(|c| is_invisible(*c));
        found.for_each(|c| self.note("invisible-removed", name_of_invisible(c), 1));
        self.set(text.chars().filter(|c| !is_invisible(*c)).collect::<String>());
    }

    fn spaces(&mut self) {
        let is_space = |c: char| {
            matches!(
                c,
                '\u{a0}' | '\u{1680}' | '\u{2000}'
                    ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}'
            )
        };
        let is_line_end = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
        let count = self.text.chars().filter(|c| is_space(*c) || is_line_end(*c)).count();
        let map = |c| match c {
            c if is_space(c) => ' ',
            c if is_line_end(c) => '\n',
            c => c,
        };
        let text: String = self.text.chars().map(map).collect();
        self.set(text);
        self.note("unicode-space", "space that is not the ordinary one", count);
    }

    /// Full-width forms (input methods) and the hyphens of typesetting, which mean exactly one ASCII character.
    fn look_alikes_of_ascii(&mut self) {
        let wide = |c: char| matches!(c, '\u{ff01}'..='\u{ff5e}');
        let hyphen = |c: char| matches!(c, '\u{2010}' | '\u{2011}' | '\u{2212}' | '\u{fe63}');
        let (wides, hyphens) = (
            self.text.chars().filter(|c| wide(*c)).count(),
            self.text.chars().filter(|c| hyphen(*c)).count(),
        );
        let map = |c: char| match c {
            c if wide(c) => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c if hyphen(c) => '-',
            c => c,
        };
        let text: String = self.text.chars().map(map).collect();
        self.set(text);
        self.note("fullwidth-converted", "full-width character made ordinary", wides);
        self.note("hyphen-converted", "typeset hyphen made ordinary", hyphens);
    }

    fn html_entities(&mut self) {
        let mut out = String::with_capacity(self.text.len());
        let mut count = 0;
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find('&') {
            out.push_str(&rest[..at]);
            let decoded = rest[at + 1..].split_once(';').and_then(|(name, tail)| Some((entity(name)?, tail)));
            (out, rest) = if let Some((c, tail)) = decoded {
                count += 1;
                out.extend(c);
                (out, tail)
            } else {
                out.push('&');
                (out, &rest[at + 1..])
            };
        }
        out.push_str(rest);
        self.set(out);
        self.note("html-entities-decoded", "HTML entity decoded", count);
    }

    pub(super) fn trim(&mut self) {
        let is_blank = |c: char| c.is_ascii_whitespace();
        let lines = ends(&self.text, |c| matches!(c, '\r' | '\n'), is_blank);
        let blanks = ends(&self.text, |c| matches!(c, ' ' | '\t'), is_blank);
        let text = self.text.trim_matches(is_blank).to_owned();
        self.set(text);
        self.note("whitespace-trimmed", "line end at the ends", lines);
        self.note("whitespace-trimmed", "blank at the ends", blanks);
    }
}

/// How many characters of one kind are in the blanks at the ends; CR LF is one.
fn ends(text: &str, sort: impl Fn(char) -> bool, blank: impl Fn(char) -> bool + Copy) -> usize {
    let core = text.trim_matches(blank);
    let start = text.len() - text.trim_start_matches(blank).len();
    let outside = if core.is_empty() { (text, "") } else { (&text[..start], &text[start + core.len()..]) };
    let count = |part: &str| part.replace("\r\n", "\n").chars().filter(|c| sort(*c)).count();
    count(outside.0) + count(outside.1)
}

/// What an entity means; `Some(None)` for one without any width.
#[allow(clippy::option_option)]
fn entity(name: &str) -> Option<Option<char>> {
    let c = match name {
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "quot" | "ldquo" | "rdquo" => '"',
        "apos" | "lsquo" | "rsquo" => '\'',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "hyphen" | "dash" => '-',
        "lowbar" => '_',
        "period" => '.',
        "colon" => ':',
        "sol" => '/',
        "plus" => '+',
        "equals" => '=',
        "shy" | "zwj" | "zwnj" | "ZeroWidthSpace" | "NoBreak" => return Some(None),
        _ => numeric(name)?,
    };
    Some(Some(c))
}

fn numeric(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let c = char::from_u32(code)?;
    match c {
        '\u{a0}' => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    }
}

fn name_of_invisible(c: char) -> &'static str {
    match c {
        '\u{200b}' => "zero-width space",
        '\u{200c}' | '\u{200d}' => "zero-width joiner",
        '\u{2060}' => "word joiner",
        '\u{feff}' => "byte order mark",
        '\u{ad}' => "soft hyphen",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "mark for the direction of writing"
        }
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "variation selector",
        '\u{e0000}'..='\u{e007f}' => "hidden tag character",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "filler character",
        _ => "invisible character",
    }
}
