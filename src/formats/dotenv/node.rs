//! npm `dotenv` 16 to 18 (`lib/main.js`) and Node 20's own `--env-file` (`src/node_dotenv.cc`).

use std::sync::LazyLock;

use regex::Regex;

use crate::formats::assignment::{Assignment, Parsed};
use crate::formats::text::{Decode, LineEnds, Text, is_js_space};

/// What npm `dotenv` reads.
pub(super) fn dotenv(bytes: &[u8]) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Lossy, LineEnds::ToLf, false) else {
        return Parsed::default();
    };
    let Some(line) = LINE.as_ref() else { return Parsed::default() };
    let mut parsed = Parsed::default();
    for found in line.captures_iter(&text.text) {
        let (Some(name), Some(separator)) = (found.get(1), found.get(2)) else { continue };
        let (raw, from) = found.get(3).map_or(("", separator.end()), |value| {
            let trimmed = value.as_str().trim_start_matches(is_js_space);
            (trimmed.trim_end_matches(is_js_space), value.end() - trimmed.len())
        });
        let value = unquote(raw);
        parsed.assignments.push(Assignment {
            name: name.as_str().to_owned(),
            quoted: value != raw && raw.starts_with(['"', '\'', '`']),
            value: if raw.starts_with('"') { expand_newlines(&value) } else { value },
            line: text.line(name.start()),
            span: text.span(from..from + raw.len()),
        });
    }
    parsed
}

/// The library's `LINE`, with JavaScript's idea of whitespace written out.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let space =
        r"[\t\n\x0b\x0c\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}]";
    let line = concat!(
        r"(?m)^S*(?:exportS+)?([A-Za-z0-9_.-]+)(S*=S*?|:S+?)",
        r#"(S*'(?:\\'|[^'])*'|S*"(?:\\"|[^"])*"|S*`(?:\\`|[^`])*`|[^#\r\n]+)?"#,
        r"S*(?:#[^\n\u{2028}\u{2029}]*)?$"
    );
    Regex::new(&line.replace('S', space)).ok()
});

/// `value.replace(/^(['"`])([\s\S]*)\1$/mg, '$2')`: at each line start that is a quote, up to the last such quote that
/// ends a line.
fn unquote(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    let mut line_start = true;
    while let Some(first) = rest.chars().next() {
        let close = if line_start && matches!(first, '"' | '\'' | '`') { closing(rest, first) } else { None };
        let taken = close.map_or(first.len_utf8(), |at| {
            out.push_str(&rest[1..at]);
            at + 1
        });
        if close.is_none() {
            out.push(first);
        }
        line_start = rest[..taken].ends_with('\n');
        rest = &rest[taken..];
    }
    out
}

/// The last `quote` in `text`, other than the first character, that is at the end of a line.
fn closing(text: &str, quote: char) -> Option<usize> {
    let ends = |at: usize| text[at + 1..].is_empty() || text[at + 1..].starts_with('\n');
    text.char_indices().skip(1).filter(|(at, c)| *c == quote && ends(*at)).map(|(at, _)| at).last()
}

fn expand_newlines(value: &str) -> String {
    value.replace("\\n", "\n").replace("\\r", "\r")
}

/// What `node --env-file` reads. It looks for the next `=` wherever that is, so that one line without any loses the
/// next one too.
pub(super) fn env_file(bytes: &[u8]) -> Parsed {
    let Some(text) = Text::new(bytes, Decode::Lossy, LineEnds::DropCr, false) else {
        return Parsed::default();
    };
    let mut reader = EnvFile { all: &text.text, at: 0, parsed: Parsed::default(), text: &text };
    reader.skip_blanks();
    while reader.step().is_some() {}
    reader.parsed
}

struct EnvFile<'a> {
    all: &'a str,
    at: usize,
    parsed: Parsed,
    text: &'a Text,
}

impl EnvFile<'_> {
    fn rest(&self) -> &str {
        &self.all[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }

    /// One comment, empty line or assignment; none at the end.
    fn step(&mut self) -> Option<()> {
        let newline = self.rest().find('\n');
        if self.rest().starts_with(['\n', '#'])
            && let Some(newline) = newline
        {
            self.at += newline + 1;
            return Some(());
        }
        let equal = self.rest().find('=')?;
        let name_at = self.at;
        let name = self.rest()[..equal].trim_matches(' ').to_owned();
        self.at += equal + 1;
        self.skip_blanks();
        // Nothing at all in front of `=` ends the file for Node; blanks make a name that nobody can ask for.
        if equal == 0 {
            return None;
        }
        let name = name.strip_prefix("export ").map_or(name.clone(), str::to_owned);
        // A quote that is not closed on the last line of a file without a line end: the assignment is lost.
        if self.rest().starts_with(['"', '\'', '`']) && !self.rest().contains('\n') && self.is_unclosed() {
            return Some(());
        }
        let (value, span, next) = self.value();
        self.push(name, name_at, &value, span);
        self.at = next;
        Some(())
    }

    fn is_unclosed(&self) -> bool {
        let quote = self.rest().chars().next();
        quote.is_some_and(|quote| !self.rest()[1..].contains(quote))
    }

    /// The value here, its span in the text, and where the next step begins.
    fn value(&self) -> (String, (usize, usize, bool), usize) {
        let rest = self.rest();
        let line_end =
            |from: usize| rest[from..].find('\n').map_or(self.all.len(), |at| self.at + from + at + 1);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let close = quote.and_then(|quote| rest[1..].find(quote)).map(|at| at + 1);
        if let Some(close) = close {
            let inner = &rest[1..close];
            let value = if quote == Some('"') { inner.replace("\\n", "\n") } else { inner.to_owned() };
            return (value, (self.at, self.at + close + 1, true), line_end(close + 1));
        }
        let line = rest.split('\n').next().unwrap_or("");
        let uncommented = if quote.is_some() { line } else { line.split('#').next().unwrap_or("") };
        let value = if quote.is_some() { uncommented } else { uncommented.trim_end_matches(' ') };
        (value.to_owned(), (self.at, self.at + value.len(), false), line_end(0))
    }

    fn push(
        &mut self,
        name: String,
        name_at: usize,
        value: &str,
        (start, end, quoted): (usize, usize, bool),
    ) {
        // The value becomes a C string.
        let value = value.split('\0').next().unwrap_or("").to_owned();
        let blanks = self.all[name_at..].len() - self.all[name_at..].trim_start_matches([' ', '\n']).len();
        self.parsed.assignments.push(Assignment {
            name,
            value,
            line: self.text.line(name_at + blanks),
            span: self.text.span(start..end),
            quoted,
        });
    }
}
