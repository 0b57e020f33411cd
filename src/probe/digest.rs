//! What an answer says: codes, messages and shape, whatever it is wrapped in.

use serde_json::Value;

use super::loose;

/// The longest text that is looked at in one message.
const MAX_TEXT: usize = 4_000;
/// How often an answer may be wrapped in another.
const MAX_WRAPS: usize = 6;
/// How many values of one answer are looked at.
const MAX_VALUES: usize = 4_000;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing, or white space.
    Empty,
    /// Whole, strict JSON: an object or a list.
    Json,
    /// Something that was meant to be JSON, or JSON inside of something else.
    Loose,
    /// Server-sent events.
    Events,
    /// A web page.
    Html,
    /// Plain text, or a bare JSON string.
    Text,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub struct Digest {
    /// Its form.
    pub form: Form,
    /// The parsed answer where it is whole, strict JSON.
    pub json: Option<Value>,
    /// Everything that could be parsed, outermost first.
    pub parts: Vec<Value>,
    /// Codes, types and reasons, in lower case.
    pub codes: Vec<String>,
    /// Messages as they are, outermost first.
    pub messages: Vec<String>,
    /// All messages in one line of lower case, for the search.
    pub line: String,
    /// Whether the body itself says that something is wrong.
    pub error: bool,
    budget: usize,
}

impl Digest {
    /// Reads the body of an answer.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut digest = Self {
            form: Form::Text,
            json: None,
            parts: Vec::new(),
            codes: Vec::new(),
            messages: Vec::new(),
            line: String::new(),
            error: false,
            budget: MAX_VALUES,
        };
        digest.form = digest.read(text);
        digest.numbers_in_messages();
        digest.line = flat(&digest.messages.join(" · "));
        digest
    }

    /// Reads a piece of a log: words, an answer somewhere in them, words behind it.
    #[must_use]
    pub fn of_log(text: &str) -> Self {
        let mut text: String = text.chars().take(MAX_TEXT).collect();
        if text.contains("{\\\"") && !text.contains("{\"") {
            text = text.replace("\\\"", "\"");
        }
        let start = text.match_indices('{').map(|(at, _)| at).find(|at| {
            let inside = text[at + 1..].trim_start();
            inside.starts_with(['"', '\''])
        });
        let mut digest = Self::of(&text.as_bytes()[start.unwrap_or(0)..]);
        if let Some(start) = start {
            digest.messages.insert(0, cut(&text[..start]));
        }
        digest.codes.extend(words_as_codes(&text));
        digest.numbers_in_messages();
        digest.line = flat(&digest.messages.join(" · "));
        digest
    }

    fn read(&mut self, text: &str) -> Form {
        if text.is_empty() {
            return Form::Empty;
        }
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            return self.read_value(value);
        }
        if is_events(text) {
            self.read_events(text);
            return Form::Events;
        }
        if is_html(text) {
            self.messages.push(page_text(text));
            return Form::Html;
        }
        if let Some(value) = loose::read(text) {
            self.messages.push(cut(text.split(['{', '[']).next().unwrap_or("")));
            self.walk(&value, 0, false);
            self.parts.push(value);
            return Form::Loose;
        }
        self.messages.push(cut(text.trim_matches('"')));
        Form::Text
    }

    fn read_value(&mut self, value: Value) -> Form {
        match value {
            Value::String(inner) => {
                self.wrapped(&inner, 0);
                Form::Text
            }
            Value::Object(_) | Value::Array(_) => {
                self.walk(&value, 0, false);
                self.json = Some(value.clone());
                self.parts.push(value);
                Form::Json
            }
            other => {
                self.messages.push(other.to_string());
                Form::Text
            }
        }
    }

    fn read_events(&mut self, text: &str) {
        for line in text.lines().take(200) {
            if let Some(name) = line.strip_prefix("event:") {
                self.error |= name.trim().eq_ignore_ascii_case("error");
            } else if let Some(data) = line.strip_prefix("data:") {
                self.wrapped(data.trim(), 0);
            } else if !line.starts_with(':') {
                // An error in the middle of a stream often is a line of JSON without `data:`.
                if line.trim_start().starts_with('{') {
                    self.wrapped(line.trim(), 0);
                }
            }
        }
    }

    /// A text that may hold JSON, once more encoded or with words around it.
    fn wrapped(&mut self, text: &str, wraps: usize) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if wraps < MAX_WRAPS {
            match serde_json::from_str::<Value>(text) {
                Ok(Value::String(inner)) => return self.wrapped(&inner, wraps + 1),
                Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                    self.walk(&value, wraps + 1, false);
                    return self.parts.push(value);
                }
                _ => {}
            }
            if let Some(value) = text.contains(['{', '[']).then(|| loose::read(text)).flatten() {
                self.messages.push(cut(text.split(['{', '[']).next().unwrap_or("")));
                self.walk(&value, wraps + 1, false);
                return self.parts.push(value);
            }
        }
        if is_html(text) {
            self.messages.push(page_text(text));
        } else {
            self.messages.push(cut(text));
        }
    }

    fn walk(&mut self, value: &Value, wraps: usize, in_error: bool) {
        if self.budget == 0 {
            return;
        }
        self.budget -= 1;
        match value {
            Value::Object(map) => {
                self.error |= says_error(map);
                for (name, field) in map {
                    self.field(name, field, wraps, in_error);
                }
            }
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::String(text) if in_error => self.wrapped(text, wraps + 1),
                        other => self.walk(other, wraps, in_error),
                    }
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, name: &str, field: &Value, wraps: usize, in_error: bool) {
        let name = name.to_ascii_lowercase().replace(['_', '-'], "");
        let kind = name_kind(&name);
        match field {
            Value::String(text) => {
                if kind == Named::Code || (kind == Named::Both && is_word(text)) {
                    self.codes.push(text.to_ascii_lowercase());
                }
                let wraps_json = text.trim_start().starts_with(['{', '[', '"']) || text.contains("{\"");
                if kind == Named::Message || kind == Named::Both || wraps_json {
                    self.wrapped(text, wraps + 1);
                }
            }
            Value::Number(number) if kind != Named::Other => self.codes.push(number.to_string()),
            Value::Object(_) | Value::Array(_) => {
                self.walk(field, wraps, in_error || matches!(name.as_str(), "error" | "errors" | "detail"));
            }
            _ => {}
        }
    }

    /// Codes that are in the text of a message: `insufficient balance (1008)`, `code: 1113`, `[1302]`.
    fn numbers_in_messages(&mut self) {
        let mut found = Vec::new();
        for message in &self.messages {
            let mut before = ' ';
            let mut digits = String::new();
            for c in message.chars().chain([' ']) {
                if c.is_ascii_digit() {
                    digits.push(c);
                    continue;
                }
                let marked = matches!((before, c), ('(', ')') | ('（', '）') | ('[', ']'));
                if marked && (3..=6).contains(&digits.len()) {
                    found.push(digits.clone());
                }
                digits.clear();
                before = c;
            }
        }
        self.codes.extend(found);
    }

    /// Whether one of the codes is this one.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found.eq_ignore_ascii_case(code))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Code,
    Message,
    Both,
    Other,
}

fn name_kind(name: &str) -> Named {
    match name {
        "code" | "type" | "reason" | "errorcode" | "errcode" | "statuscode" | "internalcode"
        | "errortype" => Named::Code,
        "message" | "msg" | "errormsg" | "errormessage" | "errordescription" | "description"
        | "statusmsg" | "errmsg" | "raw" | "title" | "body" | "responsebody" | "cause" | "text" => {
            Named::Message
        }
        "error" | "detail" | "details" | "status" | "name" | "errors" => Named::Both,
        _ => Named::Other,
    }
}

/// The words of a text that no sentence has, in lower case: `insufficient_quota`, `AuthenticationError`,
/// `AllocationQuota.FreeTierOnly`.
fn words_as_codes(text: &str) -> Vec<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let words = text.split(|c| !inside(c)).map(|word| word.trim_matches('.'));
    let telling = |word: &&str| {
        word.contains('_') || word.ends_with("Error") || word.ends_with("Exception") || word.contains('.')
    };
    words.filter(|word| word.len() >= 6).filter(telling).map(str::to_ascii_lowercase).collect()
}

/// A code rather than a sentence.
fn is_word(text: &str) -> bool {
    text.len() <= 80 && !text.contains(' ')
}

/// Whether an object reports a failure by itself, whatever the status says.
fn says_error(map: &serde_json::Map<String, Value>) -> bool {
    map.iter().any(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "error" | "errors" | "error_code" | "error_msg" | "errmsg" | "errcode" => filled(value),
        "success" => value == &Value::Bool(false),
        "status_code" => value.as_i64().is_some_and(|code| code != 0 && !(200..300).contains(&code)),
        "type" => value == "error",
        "code" => {
            let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.is_some_and(|code| code != 0 && !(200..300).contains(&code))
        }
        _ => false,
    })
}

fn filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

fn is_events(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with(':'))
        .is_some_and(|line| ["event:", "data:", "id:", "retry:"].iter().any(|start| line.starts_with(start)))
}

fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(600).collect::<String>().to_ascii_lowercase();
    head.starts_with('<')
        && ["<html", "<!doctype", "<head", "<body", "<title", "<center", "<h1"]
            .iter()
            .any(|tag| head.contains(tag))
}

/// The words of a page, its tags taken out, its scripts kept: marks of a gateway are often in them.
fn page_text(text: &str) -> String {
    let mut out = String::new();
    let mut in_tag = false;
    for c in text.chars().take(MAX_TEXT * 4) {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    cut(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect::<String>().trim().to_owned()
}

/// One line of lower case with plain quotes and single spaces.
#[must_use]
pub fn flat(text: &str) -> String {
    let plain = text.chars().map(|c| match c {
        '\u{2018}' | '\u{2019}' | '`' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{00a0}' => ' ',
        c => c,
    });
    plain.collect::<String>().to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
