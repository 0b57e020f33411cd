//! A text → its statements: one line each, an answer over several lines as one, the colours of a terminal taken away.

use std::sync::LazyLock;

use regex::Regex;

use crate::probe::digest::{Digest, flat};

/// How many lines of a long log are looked at, the last ones.
const MAX_LINES: usize = 20_000;
/// How much of one line is.
const MAX_LINE: usize = 8_000;
/// Over how many lines an answer may go.
const MAX_JOINED: usize = 60;

/// One statement of a text.
#[derive(Debug)]
pub struct Statement {
    /// The number of its first line.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// The same in one line of lower case.
    pub flat: String,
    /// The status that it names.
    pub status: Option<u16>,
}

impl Statement {
    fn new(line: usize, text: String) -> Self {
        let status = status(&text);
        Self { line, flat: flat(&text), status, text }
    }

    /// What it says as an answer.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::of_log(&without_wrapper(&self.text));
        digest.codes.extend(code_numbers(&self.text));
        digest
    }
}

/// The statements of a text, in order.
#[must_use]
pub fn statements(text: &str) -> Vec<Statement> {
    let text = without_colours(text);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(MAX_LINES);
    let mut out = Vec::new();
    let mut lines = lines.into_iter().enumerate().skip(skipped).map(|(at, line)| (at + 1, cut(line)));
    while let Some((number, first)) = lines.next() {
        let mut joined = first.to_owned();
        let mut open = depth(first);
        for _ in 0..MAX_JOINED {
            if open <= 0 {
                break;
            }
            let Some((_, next)) = lines.next() else { break };
            open += depth(next);
            joined.push(' ');
            joined.push_str(next);
        }
        if joined.chars().any(char::is_alphanumeric) {
            out.push(Statement::new(number, joined));
        }
    }
    out
}

/// Some statements as one: a sentence that a terminal or a mail wrapped.
#[must_use]
pub fn joined(statements: &[Statement]) -> Option<Statement> {
    let text = statements.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ");
    Some(Statement::new(statements.first()?.line, text))
}

/// A line without the frame that a screen draws around it.
fn cut(line: &str) -> &str {
    let end = line.char_indices().nth(MAX_LINE).map_or(line.len(), |(at, _)| at);
    let frame =
        |c: char| c.is_whitespace() || matches!(c, '\u{2500}'..='\u{257f}' | '|' | '⎿' | '●' | '•' | '>');
    line[..end].trim_matches(frame)
}

/// Objects that a line opens and does not close.
fn depth(line: &str) -> i64 {
    let count = |wanted: char| i64::try_from(line.chars().filter(|c| *c == wanted).count()).unwrap_or(0);
    count('{') - count('}')
}

fn without_colours(text: &str) -> String {
    static COLOURS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)").ok());
    COLOURS.as_ref().map_or_else(|| text.to_owned(), |colours| colours.replace_all(text, "").into_owned())
}

/// The library LiteLLM puts its name before every error of a provider; that is no gateway.
fn without_wrapper(text: &str) -> String {
    static WRAPPER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"litellm(?:\.exceptions)?\.([A-Z][A-Za-z]+)").ok());
    WRAPPER.as_ref().map_or_else(|| text.to_owned(), |wrapper| wrapper.replace_all(text, "$1").into_owned())
}

/// `code: 1113`, `"status_code":1004`.
fn code_numbers(text: &str) -> Vec<String> {
    static CODES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?i)code\\?["']?\s*[:=]\s*\\?["']?(\d{3,6})\b"#).ok());
    let found = CODES.iter().flat_map(|codes| codes.captures_iter(text));
    found.filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
}

/// The status that a text names, the last one where there are several.
fn status(text: &str) -> Option<u16> {
    static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let forms = [
            r#"(?i)(?:\bhttp(?:/[\d.]+)?|\bstatus(?:[ _-]?code)?|\berror(?:[ _-]?code)?|\bcode|\bapi error|\bresponded with|\breturned|\bgot|\bfailed with)\\?["']?\s*[:=#(\[]*\s*\\?["']?([1-5]\d\d)\b"#,
            r"(?i)\b([45]\d\d)\s+(?:unauthorized|forbidden|payment required|not found|too many requests|bad request|internal server error|bad gateway|service unavailable|gateway time-?out|proxy authentication|status code|error|overloaded)",
            r#"^\s*([45]\d\d)\s*[:{"-]"#,
            r"\[(?:HTTP )?([45]\d\d)\]|\((?:HTTP )?([45]\d\d)\)",
            r"(?i)^\s*(?:error[: ]+)?([45]\d\d)\s*[.!]?$",
        ];
        forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
    });
    let may_be =
        |three: &[u8]| matches!(three, [b'4' | b'5', a, b] if a.is_ascii_digit() && b.is_ascii_digit());
    if !text.as_bytes().windows(3).any(may_be) {
        return None;
    }
    let number = |found: regex::Captures<'_>| -> Option<u16> {
        found.iter().skip(1).flatten().next()?.as_str().parse().ok()
    };
    let of =
        |form: &Regex| form.captures_iter(text).filter_map(number).filter(|status| *status >= 400).last();
    FORMS.iter().find_map(of)
}

/// When to come back, in the text's own words: `try again in 2.5s`.
#[must_use]
pub fn wait(text: &str) -> Option<String> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)\b(?:(?:please )?(?:try again|retry|wait)|(?:will )?resets?|available again|come back)\b[^.\n{}]{0,24}?\b(?:in|at|after|until|on|for)\s+[\dA-Za-z](?:[\dA-Za-z:+/ -]|[.,]\d){0,40}",
        )
        .ok()
    });
    let found = FORM.as_ref()?.find(text)?.as_str();
    found.chars().any(|c| c.is_ascii_digit()).then(|| found.trim_end_matches([' ', '-']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_the_forms_that_programs_have() {
        for (text, expected) in [
            ("Error code: 401 - {'error': 1}", Some(401)),
            ("AuthenticationError [HTTP 403]", Some(403)),
            ("API Error: 429 {\"x\":1}", Some(429)),
            ("unexpected status 502 Bad Gateway", Some(502)),
            ("HTTP/1.1 401 Unauthorized", Some(401)),
            ("401 {\"error\":1}", Some(401)),
            ("\"status\":402,", Some(402)),
            ("Request failed with status code 404", Some(404)),
            ("(500)", Some(500)),
            ("401", Some(401)),
            ("took 401 ms", None),
            ("HTTP 200", None),
            ("port 4000", None),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_over_several_lines_is_one_statement() {
        let text =
            "start\n\u{1b}[31mERROR\u{1b}[0m 401 {\n  \"error\": {\n    \"message\": \"no\"\n  }\n}\nend";
        let found: Vec<_> = statements(text).into_iter().map(|one| (one.line, one.flat)).collect();
        assert_eq!(found[1], (2, "error 401 { \"error\": { \"message\": \"no\" } }".to_owned()));
        assert_eq!(found[2].0, 7);
    }

    #[test]
    fn the_time_to_come_back_is_in_the_texts_own_words() {
        assert_eq!(wait("Please try again in 2.5s. Visit").as_deref(), Some("Please try again in 2.5s"));
        assert_eq!(wait("limit reached; resets at 18:00 UTC").as_deref(), Some("resets at 18:00 UTC"));
        assert_eq!(wait("please try again later"), None);
    }
}
