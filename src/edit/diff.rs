//! The masked difference of two contents: no key, old, new or unrelated, is ever in a [`DiffLine`].

use std::sync::LazyLock;

use regex::Regex;
use similar::{Algorithm, ChangeTag, capture_diff_slices, group_diff_ops};
use zeroize::Zeroizing;

use super::Syntax;
use crate::provider::Catalogue;
use crate::secret::Secret;
use crate::source::Format;

/// Lines of unchanged context around a change.
const CONTEXT: usize = 2;
/// Longer lines are cut for the screen, after masking.
const WIDTH: usize = 300;
/// A name that tells of a secret, and its value: in quotes, or up to the end, a comma, a bracket or a comment.
static TELLING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"(?i)[\w.-]*(?:key|token|secret|passw|credential|authorization|bearer|cookie)[\w.-]*["']?"#;
    let value = r#"("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'{\[=,][^,}\]#]*)"#;
    Regex::new(&format!(r"{name}\s*[:=]\s*{value}")).ok()
});

/// The password in an address: `scheme://user:PASSWORD@host`.
static IN_ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(://[^/\s:@]*:)([^@\s/]+)(@)").ok());

/// `line` with the passwords in its addresses by their lengths alone.
fn without_passwords(line: &str) -> Zeroizing<String> {
    let Some(pattern) = &*IN_ADDRESS else { return Zeroizing::new(String::new()) };
    let hide =
        |found: &regex::Captures<'_>| format!("{}({}){}", &found[1], found[2].chars().count(), &found[3]);
    Zeroizing::new(pattern.replace_all(line, hide).into_owned())
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It stays.
    Same,
    /// It goes.
    Removed,
    /// It comes.
    Added,
    /// Lines that stay and are not shown.
    Gap,
}

/// One line of a difference, masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What happens to it.
    pub kind: LineKind,
    /// The line without its end, every key in it masked.
    pub text: String,
}

/// Replaces keys in lines by their masked form.
pub struct Masker<'a> {
    catalogue: &'a Catalogue,
    known: Vec<Secret>,
}

impl<'a> Masker<'a> {
    /// A masker that knows these keys for sure, longest first, and recognises others by name and shape.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, known: impl IntoIterator<Item = Secret>) -> Self {
        let mut known: Vec<Secret> = known.into_iter().filter(|key| key.len() >= 4).collect();
        known.sort_by_key(|key| std::cmp::Reverse(key.len()));
        known.dedup();
        Self { catalogue, known }
    }

    /// This masker, knowing these keys as well.
    #[must_use]
    pub fn knowing(&self, more: impl IntoIterator<Item = Secret>) -> Self {
        Self::new(self.catalogue, self.known.iter().cloned().chain(more))
    }

    /// The difference between two contents of this syntax; JSON on one long line is laid out for reading.
    #[must_use]
    pub fn diff_as(&self, syntax: Syntax, before: &str, after: &str) -> Vec<DiffLine> {
        let long = |text: &str| text.lines().any(|line| line.len() > 120);
        if matches!(syntax, Syntax::Tree(Format::Json)) && (long(before) || long(after)) {
            return self.diff(&pretty(before), &pretty(after));
        }
        self.diff(before, after)
    }

    /// The difference between two contents.
    #[must_use]
    pub fn diff(&self, before: &str, after: &str) -> Vec<DiffLine> {
        let (old, new) = (lines_of(before), lines_of(after));
        let changes = capture_diff_slices(Algorithm::Myers, &old, &new);
        let mut lines = Vec::new();
        for (at, group) in group_diff_ops(changes, CONTEXT).iter().enumerate() {
            if at > 0 {
                lines.push(DiffLine { kind: LineKind::Gap, text: "…".to_owned() });
            }
            for change in group.iter().flat_map(|op| op.iter_changes(&old, &new)) {
                let kind = match change.tag() {
                    ChangeTag::Equal => LineKind::Same,
                    ChangeTag::Delete => LineKind::Removed,
                    ChangeTag::Insert => LineKind::Added,
                };
                lines.push(DiffLine { kind, text: self.line(change.value()) });
            }
        }
        lines
    }

    /// One line, masked, cut and free of control characters.
    #[must_use]
    pub fn line(&self, line: &str) -> String {
        let line = line.trim_end_matches(['\r', '\n']).trim_start_matches('\u{feff}');
        let mut masked = Zeroizing::new(line.to_owned());
        for key in &self.known {
            if key.expose(|key| masked.contains(key)) {
                let mask = self.catalogue.mask(key);
                masked = Zeroizing::new(key.expose(|key| masked.replace(key, &guard(mask.as_str()))));
            }
        }
        let masked = self.by_shape(&self.by_name(&without_passwords(&masked)));
        let shown: String = masked
            .chars()
            .filter(|c| *c != GUARD)
            .map(|c| if c == '\t' { ' ' } else { c })
            .map(|c| if c.is_control() || crate::secret::is_invisible(c) { '�' } else { c })
            .collect();
        cut(&shown)
    }

    /// Masks every value whose name tells that it is a secret.
    fn by_name(&self, line: &str) -> Zeroizing<String> {
        let Some(telling) = &*TELLING else { return Zeroizing::new(String::new()) };
        let mut out = Zeroizing::new(String::with_capacity(line.len()));
        let mut from = 0;
        for found in telling.captures_iter(line) {
            let Some(value) = found.get(1) else { continue };
            let core = value.as_str().trim().trim_matches(['"', '\'', '`']);
            if is_plain(core) || core.contains(GUARD) {
                continue;
            }
            let at = value.start() + value.as_str().find(core).unwrap_or(0);
            out.push_str(&line[from..at]);
            out.push_str(&guard(self.catalogue.mask(&Secret::new(core)).as_str()));
            from = at + core.len();
        }
        out.push_str(&line[from..]);
        out
    }

    /// Masks every token that looks like a key.
    fn by_shape(&self, line: &str) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(line.len()));
        let mut rest = line;
        while !rest.is_empty() {
            let len = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
            let (token, tail) = rest.split_at(len);
            if looks_secret(token) || self.is_known_shape(token) {
                out.push_str(self.catalogue.mask(&Secret::new(token)).as_str());
            } else {
                out.push_str(token);
            }
            let other = tail.find(is_token).unwrap_or(tail.len());
            let other = skip_guarded(tail, other);
            out.push_str(&tail[..other]);
            rest = &tail[other..];
        }
        out
    }
}

impl Masker<'_> {
    /// Whether the catalogue knows keys of this form.
    fn is_known_shape(&self, token: &str) -> bool {
        token.len() >= 16 && self.catalogue.recognise(&Secret::new(token)).best().is_some()
    }
}

impl std::fmt::Debug for Masker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masker({} known)", self.known.len())
    }
}

/// Marks both ends of what is masked already; a control character that no shown line keeps.
const GUARD: char = '\u{1}';

fn guard(mask: &str) -> String {
    format!("{GUARD}{mask}{GUARD}")
}

/// `end`, or the end of the masked part that begins before it.
fn skip_guarded(text: &str, end: usize) -> usize {
    let Some(open) = text[..end].find(GUARD) else { return end };
    let body = open + GUARD.len_utf8();
    text[body..].find(GUARD).map_or(end, |close| body + close + GUARD.len_utf8())
}

/// A value that cannot be a secret: nothing, a reference, a number, a structure's opening.
fn is_plain(value: &str) -> bool {
    value.len() < 4
        || matches!(
            value,
            "true" | "false" | "null" | "none" | "None" | "api_key" | "api-key" | "oauth" | "token"
        )
        || value.starts_with(['$', '{', '[', '&', '*', '#'])
        || value.starts_with("http://")
        || value.starts_with("https://")
        || value.parse::<f64>().is_ok()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '.' | '~' | '|' | '%')
}

/// Whether a token has a part that no name, path or version has: long, or mixed of letters and digits.
fn looks_secret(token: &str) -> bool {
    let mixed = |part: &str| {
        part.bytes().any(|b| b.is_ascii_digit()) && part.bytes().any(|b| b.is_ascii_alphabetic())
    };
    token.len() >= 16
        && token.split(['-', '_', '.', '/', '~', '|', '%', '+']).any(|part| {
            part.len() >= 24
                || (part.len() >= 12 && mixed(part))
                || (part.len() >= 8 && mixed(part) && !token.contains('/'))
        })
}

/// `json` with one member a line; as it is where it does not parse.
fn pretty(json: &str) -> Zeroizing<String> {
    let laid_out = serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value));
    Zeroizing::new(laid_out.unwrap_or_else(|_| json.to_owned()))
}

/// The lines with their ends: `\n`, `\r\n`, or a `\r` alone.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = match rest.find(['\r', '\n']) {
            Some(at) if rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let (line, tail) = rest.split_at(end);
        lines.push(line);
        rest = tail;
    }
    lines
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    format!("{}…", line.chars().take(WIDTH).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        let catalogue = Catalogue::default();
        Masker::new(&catalogue, [Secret::new("known-and-short"), Secret::new("abcdefghijklmnopqrstuvwxyz")])
            .line(line)
    }

    #[test]
    fn lines_end_as_they_do_on_any_system() {
        assert_eq!(lines_of("a\nb\r\nc\rd"), ["a\n", "b\r\n", "c\r", "d"]);
        assert_eq!(lines_of(""), Vec::<&str>::new());
    }

    #[test]
    fn known_keys_telling_names_and_key_like_texts_are_masked() {
        for (line, expected) in [
            ("x: known-and-short!", "x: (15)!"),
            ("DB=postgres://app:s3cr3tpw99@db/x", "DB=postgres://app:(10)@db/x"),
            ("see https://example.com:8080/a@b", "see https://example.com:8080/a@b"),
            ("K=abcdefghijklmnopqrstuvwxyz", "K=…wxyz (26)"),
            ("K='abcdefghijklmnopqrstuvwxyz' # abcdefghijklmnopqrstuvwxyz", "K='…wxyz (26)' # …wxyz (26)"),
            ("password: my pass phrase # c", "password: (14) # c"),
            (
                r#"{"auth": {"token": "hunter2", "n": 1}, "apiKey": "a\"b c"}"#,
                r#"{"auth": {"token": "(7)", "n": 1}, "apiKey": "(6)"}"#,
            ),
            ("OTHER_API_KEY=hunter2 pass", "OTHER_API_KEY=(12)"),
            ("# old one: sk-proj-0a1b2c3d4e5f6a7b8c9d0e", "# old one: …9d0e (30)"),
            ("  - 0123456789abcdef0123456789abcdef", "  - …cdef (32)"),
            ("\tx: \u{1b}[31m", " x: �[31m"),
        ] {
            assert_eq!(masked(line), expected, "{line}");
        }
    }

    #[test]
    fn names_addresses_models_and_paths_stay_readable() {
        for line in [
            "base_url: https://openrouter.ai/api/v1",
            "model: claude-sonnet-4-5-20250929",
            "command = \"/usr/local/bin/agent-with-a-long-name --flag\"",
            "ANTHROPIC_API_KEY=",
            "apiKey: ${ANTHROPIC_API_KEY}",
            "max_tokens: 4096",
            "\"order\": [\"anthropic:default\", \"anthropic:manual\"]",
        ] {
            assert_eq!(masked(line), line);
        }
    }
}
