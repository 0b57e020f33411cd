//! Values written as each format writes them, in the quotes that are there already.

use serde_json::{Map, Value as Json};

use super::outline::Quote;
use crate::edit::EditError;
use crate::source::Format;

/// Writes values for one document, in its own line ends and indentation.
pub(super) struct Writer<'a> {
    pub(super) format: Format,
    pub(super) text: &'a str,
    pub(super) newline: &'static str,
    /// One step of indentation.
    pub(super) unit: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(format: Format, text: &'a str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { format, text, newline, unit: unit_of(text) }
    }

    /// `value` as a literal; `quote` is how the old one was written, `indent` that of the line it is on.
    pub(super) fn value(
        &self,
        value: &Json,
        quote: Option<Quote>,
        indent: &str,
    ) -> Result<String, EditError> {
        match value {
            Json::String(text) => Ok(self.string(text, quote.unwrap_or(Quote::Double))),
            Json::Null if self.format == Format::Toml => Err(EditError::Value("TOML has no null")),
            Json::Array(items) => self.list(items, indent),
            Json::Object(entries) => self.map(entries, indent),
            other => Ok(other.to_string()),
        }
    }

    fn string(&self, text: &str, quote: Quote) -> String {
        let double = || Json::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007f");
        match (self.format, quote) {
            (Format::Yaml, Quote::Plain) if is_plain_yaml(text) => text.to_owned(),
            (Format::Yaml, Quote::Single) if !text.contains(char::is_control) => {
                format!("'{}'", text.replace('\'', "''"))
            }
            (Format::Toml, Quote::Single) if !text.contains(char::is_control) && !text.contains('\'') => {
                format!("'{text}'")
            }
            (Format::Json5, Quote::Single) => {
                let inner = double();
                let inner = &inner[1..inner.len() - 1];
                format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
            }
            _ => double(),
        }
    }

    fn list(&self, items: &[Json], indent: &str) -> Result<String, EditError> {
        let items: Result<Vec<String>, EditError> =
            items.iter().map(|item| self.value(item, None, &self.deeper(indent))).collect();
        Ok(self.wrap('[', &items?, ']', indent))
    }

    fn map(&self, entries: &Map<String, Json>, indent: &str) -> Result<String, EditError> {
        let deeper = self.deeper(indent);
        let members: Result<Vec<String>, EditError> = entries
            .iter()
            .map(|(name, value)| {
                let equals = if self.format == Format::Toml { " = " } else { ": " };
                Ok(format!("{}{equals}{}", self.name(name, Quote::Double), self.value(value, None, &deeper)?))
            })
            .collect();
        Ok(self.wrap('{', &members?, '}', indent))
    }

    /// Members in brackets: a line each where the document has lines, else on one.
    fn wrap(&self, open: char, members: &[String], close: char, indent: &str) -> String {
        let lines = matches!(self.format, Format::Json | Format::Json5) && {
            let text = self.text.trim_end();
            text == "{}" || text.contains('\n')
        };
        if members.is_empty() {
            return format!("{open}{close}");
        }
        if !lines {
            let space = if open == '{' && self.format == Format::Toml { " " } else { "" };
            return format!("{open}{space}{}{space}{close}", members.join(", "));
        }
        let (newline, deeper) = (self.newline, self.deeper(indent));
        let members = members.join(&format!(",{newline}{deeper}"));
        format!("{open}{newline}{deeper}{members}{newline}{indent}{close}")
    }

    pub(super) fn deeper(&self, indent: &str) -> String {
        format!("{indent}{}", self.unit)
    }

    /// A field's name, bare where `quote` is plain and the format allows it for this name.
    pub(super) fn name(&self, name: &str, quote: Quote) -> String {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let bare = match self.format {
            Format::Json => false,
            Format::Json5 => {
                quote == Quote::Plain
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.chars().all(word)
            }
            Format::Toml => name.chars().all(|c| word(c) || c == '-'),
            Format::Yaml => is_plain_yaml_name(name),
        };
        if bare && !name.is_empty() {
            name.to_owned()
        } else {
            self.string(name, if quote == Quote::Plain { Quote::Double } else { quote })
        }
    }

    /// The indentation of the line that holds `at`.
    pub(super) fn indent_at(&self, at: usize) -> String {
        let start = line_start(self.text, at);
        let line = &self.text[start..];
        line[..line.len() - line.trim_start_matches([' ', '\t']).len()].to_owned()
    }
}

/// The first indentation in the document that is deeper than none, else two spaces.
fn unit_of(text: &str) -> String {
    let indents = text.lines().filter(|line| !line.trim().is_empty());
    let mut indents = indents.map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    let unit = indents.find(|indent| !indent.is_empty()).unwrap_or("  ");
    let fits = unit.starts_with('\t') || unit.len() <= 8;
    if fits { unit.to_owned() } else { "  ".to_owned() }
}

/// `value` under the objects that `path` names.
pub(super) fn nested(path: &[String], value: Json) -> Json {
    path.iter().rev().fold(value, |inner, step| Json::Object(Map::from_iter([(step.clone(), inner)])))
}

/// The offset of the first byte of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The offset behind the line that holds `at`, its end included.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// A text that every YAML reader, of 1.1 and 1.2, takes for itself without quotes: letters first, nothing special.
fn is_plain_yaml(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let chars = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | '=' | ' '));
    let word = text.to_ascii_lowercase();
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"];
    first && chars && !text.ends_with(' ') && !reserved.contains(&word.as_str())
}

fn is_plain_yaml_name(text: &str) -> bool {
    is_plain_yaml(&text.replace(':', "-")) && !text.ends_with(':')
}
