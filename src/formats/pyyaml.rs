//! YAML as PyYAML's `safe_load` reads it (YAML 1.1): what the agents written in Python see.
//!
//! The difference to YAML 1.2 decides whether a value is a key at all: a bare number, `on`, or a date is not a text
//! there, and an agent that asks for a text does not see it.

use std::collections::HashMap;
use std::sync::LazyLock;

use granit_parser::{Event, Parser, ScalarStyle};
use regex::Regex;

use crate::formats::bound;

/// How deep a document may be nested before it is refused.
const MAX_DEPTH: usize = 100;
/// How many nodes aliases may multiply a document to.
const MAX_NODES: usize = 200_000;

/// One node as Python sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// `None`.
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// An integer, in decimal.
    Int(String),
    /// A float, as written.
    Float(String),
    /// A date, a time or binary data: present, and not a text.
    Other(String),
    /// A text.
    Str(String),
    /// A list.
    List(Vec<Yaml>),
    /// A dictionary in its own order; of duplicate keys the last one stays.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// The value of `key`, if this is a dictionary that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value below several keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Yaml> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a dictionary; none for anything else.
    pub fn entries(&self) -> impl Iterator<Item = &(String, Yaml)> {
        match self {
            Self::Map(entries) => entries.iter(),
            _ => [].iter(),
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> impl Iterator<Item = &Yaml> {
        match self {
            Self::List(items) => items.iter(),
            _ => [].iter(),
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is a dictionary.
    #[must_use]
    pub const fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// Python's `bool(value)`.
    #[must_use]
    pub fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Int(digits) => digits != "0",
            Self::Float(text) => !text.parse::<f64>().is_ok_and(|value| value == 0.0),
            Self::Other(_) => true,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
        }
    }

    /// Python's `str(value)` for scalars; none for lists and dictionaries.
    #[must_use]
    pub fn as_str(&self) -> Option<String> {
        match self {
            Self::Null => Some("None".to_owned()),
            Self::Bool(true) => Some("True".to_owned()),
            Self::Bool(false) => Some("False".to_owned()),
            Self::Int(text) | Self::Float(text) | Self::Other(text) | Self::Str(text) => Some(text.clone()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Why a document could not be read; never holds any of its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The syntax breaks here.
    #[error("line {line}, column {column}")]
    Syntax {
        /// The one-based line.
        line: usize,
        /// The one-based column.
        column: usize,
    },
    /// Nested or multiplied beyond reason.
    #[error("it is nested or multiplied too deeply")]
    TooDeep,
    /// More than one document, or none that ends.
    #[error("it does not hold exactly one document")]
    NotOne,
}

/// Reads one document. An empty text is [`Yaml::Null`].
pub fn load(text: &str) -> Result<Yaml, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut loader =
        Loader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, repeated: 0 };
    let mut document = None;
    loop {
        match loader.next()? {
            None | Some(Event::StreamEnd) => return Ok(document.unwrap_or(Yaml::Null)),
            Some(event) if event.is_node() => {
                if document.is_some() {
                    return Err(YamlError::NotOne);
                }
                document = Some(loader.node(&event, 0)?);
            }
            Some(_) => {}
        }
    }
}

struct Loader<'input> {
    parser: Parser<'input, granit_parser::StrInput<'input>>,
    anchors: HashMap<usize, Yaml>,
    nodes: usize,
    /// How many bytes of text aliases have repeated.
    repeated: usize,
}

impl<'input> Loader<'input> {
    fn next(&mut self) -> Result<Option<Event<'input>>, YamlError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, _))) => Ok(Some(event)),
            Some(Err(error)) => {
                let mark = error.marker();
                Err(YamlError::Syntax { line: mark.line(), column: mark.col() + 1 })
            }
        }
    }

    fn next_node(&mut self) -> Result<Option<Event<'input>>, YamlError> {
        loop {
            match self.next()? {
                None | Some(Event::StreamEnd) => return Err(YamlError::NotOne),
                Some(Event::SequenceEnd | Event::MappingEnd) => return Ok(None),
                Some(event) if event.is_node() => return Ok(Some(event)),
                Some(_) => {}
            }
        }
    }

    fn node(&mut self, event: &Event<'input>, depth: usize) -> Result<Yaml, YamlError> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(YamlError::TooDeep);
        }
        if let Some(id) = event.alias_id() {
            let Some(node) = self.anchors.get(&id) else { return Ok(Yaml::Null) };
            let (nodes, bytes) = size(node);
            self.nodes += nodes;
            self.repeated += bytes;
            if self.nodes > MAX_NODES || self.repeated > bound::MAX_FILE {
                return Err(YamlError::TooDeep);
            }
            return Ok(node.clone());
        }
        let tag = event.tag().and_then(|tag| tag.core_suffix()).map(str::to_owned);
        let node = match event {
            Event::Scalar(text, style, ..) => scalar(text, *style, tag.as_deref()),
            Event::SequenceStart(..) => self.list(depth)?,
            _ => self.map(depth)?,
        };
        if let Some(id) = event.anchor_id() {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Yaml, YamlError> {
        let mut items = Vec::new();
        while let Some(event) = self.next_node()? {
            items.push(self.node(&event, depth + 1)?);
        }
        Ok(Yaml::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Yaml, YamlError> {
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        let mut at: HashMap<String, usize> = HashMap::new();
        while let Some(event) = self.next_node()? {
            let merge = matches!(event.scalar(), Some(("<<", ScalarStyle::Plain)));
            let key = self.node(&event, depth + 1)?.as_str().unwrap_or_default();
            let Some(event) = self.next_node()? else { return Err(YamlError::NotOne) };
            let value = self.node(&event, depth + 1)?;
            if merge {
                merged.push(value);
            } else if let Some(at) = at.get(&key) {
                own[*at] = (key, value);
            } else {
                at.insert(key.clone(), own.len());
                own.push((key, value));
            }
        }
        for source in merged.iter().flat_map(merge_sources) {
            for (key, value) in source.entries() {
                if !at.contains_key(key) {
                    at.insert(key.clone(), own.len());
                    own.push((key.clone(), value.clone()));
                }
            }
        }
        Ok(Yaml::Map(own))
    }
}

fn merge_sources(value: &Yaml) -> Vec<&Yaml> {
    match value {
        Yaml::List(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// How many nodes and how many bytes of text there are.
fn size(node: &Yaml) -> (usize, usize) {
    let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
    match node {
        Yaml::List(items) => items.iter().map(size).fold((1, 0), sum),
        Yaml::Map(entries) => {
            entries.iter().map(|(key, value)| sum(size(value), (0, key.len()))).fold((1, 0), sum)
        }
        Yaml::Null | Yaml::Bool(_) => (1, 0),
        Yaml::Int(text) | Yaml::Float(text) | Yaml::Other(text) | Yaml::Str(text) => (1, text.len()),
    }
}

/// PyYAML `resolver.py`: which plain scalars are not texts.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&str>) -> Yaml {
    match tag {
        Some("str") => return Yaml::Str(text.to_owned()),
        Some("null") => return Yaml::Null,
        Some("int") => return integer(text).unwrap_or_else(|| Yaml::Other(text.to_owned())),
        Some("float") => return Yaml::Float(text.to_owned()),
        Some("binary" | "timestamp") => return Yaml::Other(text.to_owned()),
        _ => {}
    }
    if style != ScalarStyle::Plain && tag != Some("bool") {
        return Yaml::Str(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Yaml::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Yaml::Bool(false),
        _ => number(text).unwrap_or_else(|| Yaml::Str(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Yaml> {
    static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        )
        .ok()
    });
    static TIMESTAMP: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
        )
        .ok()
    });
    let first = text.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return None;
    }
    let is = |shape: &LazyLock<Option<Regex>>| shape.as_ref().is_some_and(|shape| shape.is_match(text));
    if is(&FLOAT) {
        return Some(Yaml::Float(text.replace('_', "")));
    }
    integer(text).or_else(|| is(&TIMESTAMP).then(|| Yaml::Other(text.to_owned())))
}

/// `[-+]?0b…`, `[-+]?0…` (octal), `0x…`, decimal and base 60, with underscores.
fn integer(text: &str) -> Option<Yaml> {
    static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
        )
        .ok()
    });
    if !SHAPE.as_ref().is_some_and(|shape| shape.is_match(text)) {
        return None;
    }
    let clean = text.replace('_', "");
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let value = match digits {
        "0" => Some("0".to_owned()),
        _ if digits.starts_with("0b") => u128::from_str_radix(&digits[2..], 2).ok().map(|n| n.to_string()),
        _ if digits.starts_with("0x") => u128::from_str_radix(&digits[2..], 16).ok().map(|n| n.to_string()),
        _ if digits.starts_with('0') => u128::from_str_radix(&digits[1..], 8).ok().map(|n| n.to_string()),
        _ if digits.contains(':') => None,
        _ => Some(digits.to_owned()),
    };
    Some(value.map_or_else(|| Yaml::Other(text.to_owned()), |value| Yaml::Int(format!("{sign}{value}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Yaml {
        load(&format!("k: {text}\n")).unwrap().get("k").unwrap().clone()
    }

    #[test]
    fn plain_scalars_are_what_pyyaml_makes_of_them() {
        let text = |text: &str| Yaml::Str(text.into());
        for (written, read) in [
            ("sk-fake", text("sk-fake")),
            ("'123'", text("123")),
            ("123", Yaml::Int("123".into())),
            ("1_000", Yaml::Int("1000".into())),
            ("017", Yaml::Int("15".into())),
            ("0x1F", Yaml::Int("31".into())),
            ("0o17", text("0o17")),
            ("1e5", text("1e5")),
            ("1.5", Yaml::Float("1.5".into())),
            ("on", Yaml::Bool(true)),
            ("No", Yaml::Bool(false)),
            ("\"no\"", text("no")),
            ("", Yaml::Null),
            ("~", Yaml::Null),
            ("2026-01-02", Yaml::Other("2026-01-02".into())),
            ("${KEY}", text("${KEY}")),
            ("!!str 123", text("123")),
            ("sk-fake # note", text("sk-fake")),
            ("sk-fake#note", text("sk-fake#note")),
        ] {
            assert_eq!(one(written), read, "{written}");
        }
    }

    #[test]
    fn duplicates_keep_the_last_and_anchors_and_merges_work() {
        let doc = load("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\na: 5\n").unwrap();
        assert_eq!(doc.get("a"), Some(&Yaml::Int("5".into())));
        assert_eq!(doc.at(&["b", "k"]), Some(&Yaml::Int("3".into())));
        assert_eq!(doc.at(&["b", "l"]), Some(&Yaml::Int("2".into())));
    }

    #[test]
    fn broken_text_names_the_place_and_nothing_else() {
        let error = load("model:\n  api_key: \"sk-fake\n").unwrap_err();
        assert!(matches!(error, YamlError::Syntax { .. }), "{error:?}");
        assert!(!error.to_string().contains("fake"));
        assert_eq!(load("").unwrap(), Yaml::Null);
    }

    #[test]
    fn a_multiplying_document_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..10 {
            let prev = format!("*a{}", n - 1);
            text.push_str(&format!("a{n}: &a{n} [{}]\n", [prev.as_str(); 10].join(",")));
        }
        assert_eq!(load(&text).unwrap_err(), YamlError::TooDeep);
    }
}
