//! What Hermes does to a `.env` file before anything reads it (hermes-agent 0.19.0 `hermes_cli/env_loader.py`
//! `_sanitize_env_file_if_needed`, `hermes_cli/config.py` `_sanitize_env_lines`): decode, drop NULs, trim lines, and
//! split two assignments that stand on one line. The result is written back to the file at every start.

/// The names at which a line may be split.
const KNOWN: &str = include_str!("known_names.txt");

/// A `.env` file as its two readers see it.
pub struct Sanitised {
    /// What python-dotenv reads: the file after the repair.
    pub python: String,
    /// What Hermes' own parser reads.
    pub own: String,
    /// The one-based line of the real file for each line of `own` (and of `python` where it was repaired).
    pub lines: Vec<usize>,
    /// The lines that were split.
    pub split: Vec<usize>,
    /// The file is not readable as text (UTF-32); Hermes leaves it alone.
    pub undecodable: bool,
}

impl Sanitised {
    /// The real line of a line of the text.
    #[must_use]
    pub fn line(&self, line: usize) -> usize {
        self.lines.get(line.wrapping_sub(1)).copied().unwrap_or(line)
    }
}

/// Decodes and repairs the bytes of a `.env` file.
#[must_use]
pub fn sanitise(bytes: &[u8]) -> Sanitised {
    let utf32 = bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]);
    if utf32 {
        let (python, own) = (String::new(), String::new());
        return Sanitised { python, own, lines: Vec::new(), split: Vec::new(), undecodable: true };
    }
    let text = decode(bytes);
    let (own, lines, split) = repair(&text.replace('\0', ""));
    // A first line that cannot be decoded is not written back: python-dotenv then reads the file as it is.
    let python = if text.starts_with('\u{fffd}') { latin1(bytes) } else { own.clone() };
    Sanitised { python, own, lines, split, undecodable: false }
}

fn decode(bytes: &[u8]) -> String {
    let wide = |rest: &[u8], pair: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|unit| pair([unit[0], unit[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn repair(text: &str) -> (String, Vec<usize>, Vec<usize>) {
    let (mut out, mut lines, mut split) = (String::new(), Vec::new(), Vec::new());
    // Python's universal newlines: `\r\n`, `\r` and `\n` all end a line.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (at, line) in text.lines().enumerate() {
        let parts = split_line(line.trim());
        if parts.len() > 1 {
            split.push(at + 1);
        }
        for part in parts {
            out.push_str(part);
            out.push('\n');
            lines.push(at + 1);
        }
    }
    (out, lines, split)
}

fn split_line(line: &str) -> Vec<&str> {
    let one = line.is_empty() || line.starts_with('#') || line.matches('=').nth(1).is_none();
    if one {
        return vec![line];
    }
    let cuts = cuts(line);
    if cuts.len() < 2 || cuts[0] != 0 {
        return vec![line];
    }
    let ends = cuts.iter().skip(1).copied().chain([line.len()]);
    let parts: Vec<&str> = cuts.iter().zip(ends).map(|(start, end)| &line[*start..end]).collect();
    let simple = parts[..parts.len() - 1].iter().all(|part| !is_structured(part));
    if simple {
        parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
    } else {
        vec![line]
    }
}

/// Where known `NAME=` begin, without those inside of a longer known name.
fn cuts(line: &str) -> Vec<usize> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (equals, _) in line.match_indices('=') {
        let before = &line[..equals];
        for name in KNOWN.lines().filter(|name| before.ends_with(name)) {
            ranges.push((equals - name.len(), equals));
        }
    }
    let inside = |(start, end): (usize, usize)| {
        ranges.iter().any(|other| other.0 <= start && other.1 >= end && *other != (start, end))
    };
    let mut starts: Vec<usize> =
        ranges.iter().filter(|range| !inside(**range)).map(|range| range.0).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// A value that looks like an address or holds blanks is one value whatever stands in it.
fn is_structured(part: &str) -> bool {
    let value = part.split_once('=').map_or("", |(_, value)| value);
    ["://", "?", "&"].iter().any(|mark| value.contains(mark)) || value.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> String {
        sanitise(text.as_bytes()).own
    }

    #[test]
    fn two_known_assignments_on_one_line_are_split() {
        let done = sanitise(b"A=1\nDEEPSEEK_API_KEY=sk-1OPENAI_API_KEY=sk-2\nB=2\n");
        assert_eq!(done.own, "A=1\nDEEPSEEK_API_KEY=sk-1\nOPENAI_API_KEY=sk-2\nB=2\n");
        assert_eq!(done.lines, [1, 2, 2, 3]);
        assert_eq!(done.split, [2]);
    }

    #[test]
    fn what_only_looks_like_two_assignments_stays() {
        for line in [
            "DEEPSEEK_API_KEY=sk-1MY_OWN_KEY=zzz\n",
            "HTTP_REFERER=https://x.test/?DEEPSEEK_API_KEY=nope\n",
            "OPENAI_BASE_URL=https://x.test/?OPENAI_API_KEY=no\n",
            "GLM_API_KEY=abc\n",
            "# DEEPSEEK_API_KEY=1OPENAI_API_KEY=2\n",
            "DEEPSEEK_API_KEY=a bOPENAI_API_KEY=2\n",
        ] {
            assert_eq!(own(line), line);
        }
    }

    #[test]
    fn encodings_are_repaired() {
        assert_eq!(own("\u{feff}A=1"), "A=1\n");
        assert_eq!(own(" A=1 \r\nB=2\r"), "A=1\nB=2\n");
        assert_eq!(own("A=\x001\n"), "A=1\n");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("A=1\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(sanitise(&wide).own, "A=1\n");
        assert!(sanitise(&[0xff, 0xfe, 0, 0, 65, 0, 0, 0]).undecodable);
    }
}
