//! A file's bytes as the text a loader works on, with the way back to byte offsets.

use std::ops::Range;

/// What a loader does with bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decode {
    /// It gives up.
    Strict,
    /// It puts U+FFFD in their place.
    Lossy,
    /// It passes them on. They are shown as the Latin-1 character of the same number.
    Raw,
}

/// What a loader does with line ends before it looks for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// Nothing.
    Keep,
    /// CR LF and lone CR become LF (Python's text mode, npm `dotenv`).
    ToLf,
    /// Every CR vanishes (Node).
    DropCr,
}

/// A decoded text that knows where each of its parts is in the file.
#[derive(Debug)]
pub(crate) struct Text {
    /// The text that the grammar reads.
    #[allow(clippy::struct_field_names)]
    pub(crate) text: String,
    /// Offsets in `text` and in the file from which on both advance alike.
    anchors: Vec<(usize, usize)>,
    /// Offsets of line starts in the file.
    lines: Vec<usize>,
}

impl Text {
    /// Decodes `bytes`, or none if the loader would refuse them. `bom` says whether a byte order mark is dropped.
    pub(crate) fn new(bytes: &[u8], decode: Decode, ends: LineEnds, drop_bom: bool) -> Option<Self> {
        let mut out = Self { text: String::with_capacity(bytes.len()), anchors: vec![], lines: vec![0] };
        let start = if drop_bom && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        out.anchors.push((0, start));
        let mut at = start;
        for chunk in bytes[start..].utf8_chunks() {
            out.push(chunk.valid(), at, ends);
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                out.push_invalid(chunk.invalid(), at, decode)?;
                at += chunk.invalid().len();
            }
        }
        let ends = bytes
            .iter()
            .enumerate()
            .filter(|(at, byte)| **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')));
        out.lines.extend(ends.map(|(at, _)| at + 1));
        Some(out)
    }

    fn push(&mut self, valid: &str, at: usize, ends: LineEnds) {
        if ends == LineEnds::Keep || !valid.contains('\r') {
            self.text.push_str(valid);
            return;
        }
        let mut rest = valid;
        while let Some(cr) = rest.find('\r') {
            self.text.push_str(&rest[..cr]);
            let crlf = rest[cr + 1..].starts_with('\n');
            if ends == LineEnds::ToLf && !crlf {
                self.text.push('\n');
            }
            rest = &rest[cr + 1..];
            self.anchors.push((self.text.len(), at + valid.len() - rest.len()));
        }
        self.text.push_str(rest);
    }

    fn push_invalid(&mut self, invalid: &[u8], at: usize, decode: Decode) -> Option<()> {
        match decode {
            Decode::Strict => return None,
            Decode::Lossy => self.text.push('\u{fffd}'),
            Decode::Raw => self.text.extend(invalid.iter().map(|byte| char::from(*byte))),
        }
        self.anchors.push((self.text.len(), at + invalid.len()));
        Some(())
    }

    /// The offset in the file of an offset in the text.
    pub(crate) fn file_offset(&self, at: usize) -> usize {
        let index = self.anchors.partition_point(|(text, _)| *text <= at);
        self.anchors[..index].last().map_or(at, |(text, file)| file + (at - text))
    }

    /// The bytes in the file of a range in the text, without line ends that were dropped behind it.
    pub(crate) fn span(&self, range: Range<usize>) -> Range<usize> {
        let end = self.file_end(range.end);
        let start = if range.is_empty() { end } else { self.file_offset(range.start) };
        start..end.max(start)
    }

    /// Where the character before `end` ends in the file.
    fn file_end(&self, end: usize) -> usize {
        let last = self.text[..end].chars().next_back().map_or(0, char::len_utf8);
        (self.file_offset(end - last) + last).min(self.file_offset(end))
    }

    /// The one-based line in the file of an offset in the text.
    pub(crate) fn line(&self, at: usize) -> usize {
        let at = self.file_offset(at);
        self.lines.partition_point(|start| *start <= at).max(1)
    }
}

/// Whitespace as JavaScript's `\s` and `trim` see it.
pub(crate) const fn is_js_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Whitespace as Python's `\s`, `strip` and `isspace` see it.
pub(crate) fn is_py_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lead_back_to_the_file() {
        let bytes = b"\xef\xbb\xbfA=1\r\nB=x\xffy\rC=3\r\n";
        let text = Text::new(bytes, Decode::Lossy, LineEnds::ToLf, true).unwrap();
        assert_eq!(text.text, "A=1\nB=x\u{fffd}y\nC=3\n");
        let c = text.text.find('3').unwrap();
        assert_eq!(&bytes[text.span(c..c + 1)], b"3");
        assert_eq!(text.line(c), 3);
        let y = text.text.find('y').unwrap();
        assert_eq!(&bytes[text.span(y..y + 1)], b"y");
        let one = text.text.find('1').unwrap();
        assert_eq!(text.span(one + 1..one + 1), 6..6, "an empty value is before the line end");
    }
}
