//! `pam_env` 1.5.2 reading `/etc/environment` (`modules/pam_env/pam_env.c`): quotes are taken off without care, `#`
//! cuts everywhere, a carriage return stays, a line that is too long or holds a NUL ends the file.

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::text::{Decode, LineEnds, Text};

/// The size of its line buffer.
const BUFFER: usize = 1024;

/// What `pam_env` reads.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Raw, LineEnds::Keep, false) else { return Parsed::default() };
    let mut reader = Reader { all: &text.text, at: 0 };
    let mut parsed = Parsed::default();
    loop {
        match reader.assembled() {
            Ok(Some(line)) => parsed.assignments.extend(assignment(&text, &line)),
            Ok(None) => return parsed,
            Err(at) => {
                let message = "a line that is too long or holds a NUL byte: pam_env stops here";
                parsed.problems.push((text.line(at), message.to_owned()));
                return parsed;
            }
        }
    }
}

struct Reader<'a> {
    all: &'a str,
    at: usize,
}

/// A line with its continuations.
struct Line {
    text: String,
    /// Where in `text` each of its parts begins, and where that is in the file's text.
    parts: Vec<(usize, usize)>,
}

impl Line {
    fn add(&mut self, part: &str, at: usize) {
        self.parts.push((self.text.len(), at));
        self.text.push_str(part);
    }

    /// Where an offset in this line is in the file's text.
    fn origin(&self, at: usize) -> usize {
        let before = self.parts.partition_point(|(start, _)| *start <= at);
        self.parts[..before].last().map_or(at, |(start, origin)| origin + (at - start))
    }
}

impl Reader<'_> {
    /// The next line with its continuations, blank lines and comments left out. An error is the offset at which
    /// `pam_env` gives up.
    fn assembled(&mut self) -> Result<Option<Line>, usize> {
        let mut out = Line { text: String::new(), parts: Vec::new() };
        loop {
            let rest = &self.all[self.at..];
            if rest.is_empty() {
                return if out.text.is_empty() { Ok(None) } else { Err(self.at) };
            }
            let line_at = self.at;
            let line = &rest[..rest.find('\n').map_or(rest.len(), |at| at + 1)];
            self.at += line.len();
            if line.len() + out.text.len() >= BUFFER || line.contains('\0') {
                return Err(line_at);
            }
            let body = line.trim_start_matches([' ', '\n', '\t']);
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let uncommented = line.split('#').next().unwrap_or("");
            if uncommented.len() == line.len()
                && let Some(kept) = line.trim_end_matches([' ', '\t', '\n']).strip_suffix('\\')
            {
                out.add(kept, line_at);
                continue;
            }
            out.add(uncommented, line_at);
            return Ok(Some(out));
        }
    }
}

fn assignment(text: &Text, line: &Line) -> Option<Assignment> {
    let body = line.text.trim_start_matches([' ', '\n', '\t']);
    let blanks = line.text.len() - body.len();
    let exported = if body.starts_with("export ") { "export ".len() } else { 0 };
    let body = &body[exported..];
    let body = body.split('\n').next().unwrap_or("");
    let (name, raw) = body.split_once('=')?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    // `1K` is set as well; no shell and no agent can use it.
    let usable = !name.starts_with(|c: char| c.is_ascii_digit());
    let from = blanks + exported + name.len() + 1;
    let shown = raw.trim_end_matches([' ', '\t', '\r']);
    let first = line.origin(from);
    // The end of the last character that is shown: what follows it may be in another part.
    let last = shown.chars().next_back().map_or(0, char::len_utf8);
    let end = if shown.is_empty() { first } else { line.origin(from + shown.len() - last) + last };
    usable.then(|| Assignment {
        name: name.to_owned(),
        value: unquote(raw),
        line: text.line(line.origin(blanks)),
        span: text.span(first..end),
        quoted: raw.starts_with(['"', '\'']),
    })
}

/// After a leading quote, every quote stays but one at the very end.
fn unquote(raw: &str) -> String {
    let Some(inner) = raw.strip_prefix(['"', '\'']) else { return raw.to_owned() };
    inner.strip_suffix(['"', '\'']).unwrap_or(inner).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Vec<(String, String, usize)> {
        let found = parse(text.as_bytes()).assignments;
        found.into_iter().map(|one| (one.name, text[one.span].to_owned(), one.line)).collect()
    }

    #[test]
    fn a_value_is_found_where_it_stands() {
        let of = |name: &str, text: &str, line| (name.to_owned(), text.to_owned(), line);
        assert_eq!(spelled("a=a\n"), [of("a", "a", 1)]);
        assert_eq!(spelled("# x\n  export K=\"v\" # c\n"), [of("K", "\"v\"", 2)]);
        assert_eq!(spelled("K=\n"), [of("K", "", 1)]);
    }

    #[test]
    fn a_continued_line_keeps_its_places() {
        let found = spelled("A=1 \\\n\u{feff}ü\nB=é\n");
        assert_eq!(found.last(), Some(&("B".to_owned(), "é".to_owned(), 3)), "{found:?}");
        assert_eq!(found[0].1, "1 \\\n\u{feff}ü", "from the first part to the end of the last");
        // What a random search found: a mark inside of a continued line.
        let _ = spelled(" $\na: \naa=b//\t]\\\n!t a:  \u{feff}a");
    }
}
