//! What a document says, whatever its format: the yardstick of every edit. Two documents are equal when a reader of
//! the format gets the same values from both; the order of fields does not count.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::edit::EditError;
use crate::source::{Format, is_nested_deep};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Integer(i128),
    /// By its bits, so that not-a-number equals itself.
    Float(u64),
    Text(Zeroizing<String>),
    List(Vec<Self>),
    /// Sorted by the names' text; no name twice.
    Map(Vec<(Self, Self)>),
}

/// Reads `text` strictly.
pub(super) fn read(format: Format, text: &str) -> Result<Data, EditError> {
    if is_nested_deep(text) {
        return Err(EditError::Syntax("it is nested too deep to be a configuration".to_owned()));
    }
    match format {
        Format::Json => {
            serde_json::from_str(text).map_err(|e| syntax(Some((e.line(), e.column())), &e.to_string()))
        }
        Format::Json5 => json5::from_str(text)
            .map_err(|e| syntax(e.position().map(|p| (p.line + 1, p.column + 1)), &e.to_string())),
        Format::Toml => toml::from_str(text).map_err(|e| {
            let start = e.span().map(|span| line_column(text, span.start));
            syntax(start, e.message())
        }),
        Format::Yaml if only_comments(text) => Ok(Data::Null),
        Format::Yaml => serde_saphyr::from_str_with_options(text, yaml_options()).map_err(|e| {
            let place = e.location().map(|at| (to_usize(at.line()), to_usize(at.column())));
            syntax(place, &e.to_string())
        }),
    }
}

/// A syntax error by its place alone: the readers' own messages may quote the content.
fn syntax(place: Option<(usize, usize)>, message: &str) -> EditError {
    if message.contains(TWICE) {
        return EditError::Duplicate("a name".to_owned());
    }
    EditError::Syntax(match place {
        Some((line, column)) => format!("line {line}, column {column}"),
        None => "the reader does not say where".to_owned(),
    })
}

/// Only `true` and `false` are truth values; `n` and `on` may be names.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

const TWICE: &str = "name is there twice";

/// One-based line and column of a byte offset.
pub(super) fn line_column(text: &str, at: usize) -> (usize, usize) {
    let head = text.get(..at).unwrap_or(text);
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    (head.matches('\n').count() + 1, head[start..].chars().count() + 1)
}

fn only_comments(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

impl Data {
    /// This document with `value` at `path`, parents made where they are missing, or none if the path does not fit.
    pub(super) fn with(mut self, path: &[String], value: &Json) -> Option<Self> {
        let Some((step, rest)) = path.split_first() else { return Some(Self::from(value)) };
        match &mut self {
            Self::List(items) => {
                let index = if step == "-" { items.len() } else { step.parse().ok()? };
                let item = if index < items.len() { items.remove(index) } else { Self::Null };
                items.insert(index, item.with(rest, value)?);
            }
            Self::Map(entries) => match entries.iter_mut().find(|(name, _)| name.is_name(step)) {
                Some((_, item)) => *item = item.clone().with(rest, value)?,
                None => entries.push((Self::text(step), Self::Null.with(rest, value)?)),
            },
            Self::Null => return Some(Self::Map(vec![(Self::text(step), Self::Null.with(rest, value)?)])),
            _ => return None,
        }
        Some(self.sorted())
    }

    /// This document without the value at `path`.
    pub(super) fn without(mut self, path: &[String]) -> Option<Self> {
        let (step, rest) = path.split_first()?;
        match &mut self {
            Self::List(items) => {
                let Some(index) = step.parse().ok().filter(|index| *index < items.len()) else {
                    return Some(self);
                };
                let item = items.remove(index);
                if !rest.is_empty() {
                    items.insert(index, item.without(rest)?);
                }
            }
            Self::Map(entries) => {
                let Some(at) = entries.iter().position(|(name, _)| name.is_name(step)) else {
                    return Some(self);
                };
                let (name, item) = entries.remove(at);
                if !rest.is_empty() {
                    entries.insert(at, (name, item.without(rest)?));
                }
            }
            _ => {}
        }
        Some(self)
    }

    /// The value at `path`, if there is one.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else { return Some(self) };
        match self {
            Self::List(items) => items.get(step.parse::<usize>().ok()?)?.at(rest),
            Self::Map(entries) => entries.iter().find(|(name, _)| name.is_name(step))?.1.at(rest),
            _ => None,
        }
    }

    /// The value as JSON, or none if JSON cannot say it (a name that is no text, a number too large).
    pub(super) fn json(&self) -> Option<Json> {
        Some(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Integer(number) => Json::Number(serde_json::Number::from_i128(*number)?),
            Self::Float(bits) => Json::Number(serde_json::Number::from_f64(f64::from_bits(*bits))?),
            Self::Text(text) => Json::String(text.to_string()),
            Self::List(items) => Json::Array(items.iter().map(Self::json).collect::<Option<_>>()?),
            Self::Map(entries) => {
                let entry = |(name, value): &(Self, Self)| match name {
                    Self::Text(name) => Some((name.to_string(), value.json()?)),
                    _ => None,
                };
                Json::Object(entries.iter().map(entry).collect::<Option<_>>()?)
            }
        })
    }

    fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    /// Whether this is the name of a field that a pointer writes as `step`.
    fn is_name(&self, step: &str) -> bool {
        match self {
            Self::Text(text) => text.as_str() == step,
            Self::Integer(number) => number.to_string() == step,
            Self::Bool(value) => value.to_string() == step,
            _ => false,
        }
    }

    /// Orders names; two names have the same key only if they are equal.
    fn sort_key(&self) -> String {
        match self {
            Self::Text(text) => format!("text {}", text.as_str()),
            other => format!("{other:?}"),
        }
    }

    fn sorted(self) -> Self {
        match self {
            Self::Map(mut entries) => {
                entries.sort_by_cached_key(|(name, _)| name.sort_key());
                Self::Map(entries)
            }
            other => other,
        }
    }
}

impl From<&Json> for Data {
    fn from(value: &Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Integer(number.into()),
                (None, Some(number)) => Self::Integer(number.into()),
                _ => Self::Float(number.as_f64().unwrap_or_default().to_bits()),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Json::Object(entries) => {
                Self::Map(entries.iter().map(|(name, value)| (Self::text(name), value.into())).collect())
                    .sorted()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Data, E> {
        Ok(Data::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Data, E> {
        Ok(Data::Float(value.to_bits()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::text(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(Zeroizing::new(value)))
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        Data::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        Data::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
        let mut map: Vec<(Data, Data)> = Vec::new();
        while let Some(entry) = entries.next_entry::<Data, Data>()? {
            map.push(entry);
        }
        let Data::Map(map) = Data::Map(map).sorted() else { return Ok(Data::Null) };
        if map.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom(TWICE));
        }
        Ok(Data::Map(map))
    }
}
