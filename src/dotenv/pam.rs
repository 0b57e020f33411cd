//! `pam_env` 1.5.2 reading `/etc/environment` (`modules/pam_env/pam_env.c`): quotes are taken off without care, `#`
//! cuts everywhere, a carriage return stays, a line that is too long or holds a NUL ends the file.

use super::text::{Decode, LineEnds, Text};
use super::{Assignment, Parsed};

/// The size of its line buffer.
const BUFFER: usize = 1024;

/// What `pam_env` reads.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Raw, LineEnds::Keep, false) else { return Parsed::default() };
    let mut reader = Reader { all: &text.text, at: 0 };
    let mut parsed = Parsed::default();
    loop {
        match reader.assembled() {
            Ok(Some((line, start))) => parsed.assignments.extend(assignment(&text, &line, start)),
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

impl Reader<'_> {
    /// The next line with its continuations, blank lines and comments left out, and where it starts. An error is the
    /// offset at which `pam_env` gives up.
    fn assembled(&mut self) -> Result<Option<(String, usize)>, usize> {
        let mut out = String::new();
        let mut start = None;
        loop {
            let rest = &self.all[self.at..];
            if rest.is_empty() {
                return if out.is_empty() { Ok(None) } else { Err(self.at) };
            }
            let line_at = self.at;
            let line = &rest[..rest.find('\n').map_or(rest.len(), |at| at + 1)];
            self.at += line.len();
            if line.len() + out.len() >= BUFFER || line.contains('\0') {
                return Err(line_at);
            }
            let body = line.trim_start_matches([' ', '\n', '\t']);
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            start.get_or_insert(line_at);
            let uncommented = line.split('#').next().unwrap_or("");
            if uncommented.len() == line.len()
                && let Some(kept) = line.trim_end_matches([' ', '\t', '\n']).strip_suffix('\\')
            {
                out.push_str(kept);
                continue;
            }
            out.push_str(uncommented);
            return Ok(start.map(|start| (out, start)));
        }
    }
}

fn assignment(text: &Text, line: &str, start: usize) -> Option<Assignment> {
    let body = line.trim_start_matches([' ', '\n', '\t']);
    let blanks = line.len() - body.len();
    let body = body.strip_prefix("export ").unwrap_or(body);
    let body = body.split('\n').next().unwrap_or("");
    let (name, raw) = body.split_once('=')?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    // `1K` is set as well; no shell and no agent can use it.
    let usable = !name.starts_with(|c: char| c.is_ascii_digit());
    let from =
        start + line.find(raw).filter(|_| !raw.is_empty()).unwrap_or(line.trim_end_matches('\n').len());
    let shown = raw.trim_end_matches([' ', '\t', '\r']).len();
    usable.then(|| Assignment {
        name: name.to_owned(),
        value: unquote(raw),
        line: text.line(start + blanks),
        span: text.span(from..(from + shown).min(text.text.len())),
        quoted: raw.starts_with(['"', '\'']),
    })
}

/// After a leading quote, every quote stays but one at the very end.
fn unquote(raw: &str) -> String {
    let Some(inner) = raw.strip_prefix(['"', '\'']) else { return raw.to_owned() };
    inner.strip_suffix(['"', '\'']).unwrap_or(inner).to_owned()
}
