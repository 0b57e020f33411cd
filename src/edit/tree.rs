//! Structured documents: JSON, JSON5, YAML and TOML, all by the same road.
//!
//! Each format gives an [`outline`]: the byte spans of every value. A change becomes a few [`Splice`]s; the result is
//! read again by a strict reader that knows nothing of the outline, and must equal the old document with exactly this
//! one change ([`data`]).

use std::ops::Range;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::diff::Spans;
use super::{Edit, EditError, New, Spot};
use crate::secret::is_invisible;
use crate::source::{Format, Pointer};

mod block;
mod data;
mod flow;
mod literal;
mod outline;
mod table;
#[cfg(test)]
mod tests;
mod yaml;

use literal::Writer;
use outline::{Found, Kind, Layout, Node};

/// A range of the text and what comes in its place.
#[derive(Debug)]
struct Splice {
    at: Range<usize>,
    text: String,
}

impl Splice {
    fn insert(at: usize, text: String) -> Self {
        Self { at: at..at, text }
    }

    fn remove(at: Range<usize>) -> Self {
        Self { at, text: String::new() }
    }
}

/// `text` (none for a file that is not there) with `edits` applied one after the other, each verified.
pub(super) fn apply(
    format: Format,
    text: Option<&str>,
    edits: &[Edit],
) -> Result<Zeroizing<String>, EditError> {
    let text = match (text, format) {
        (Some(text), _) => text,
        (None, Format::Json | Format::Json5) => "{}\n",
        (None, Format::Yaml | Format::Toml) => "",
    };
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = &text[..text.len() - body.len()];
    let mut body = Zeroizing::new(body.to_owned());
    for edit in edits {
        let Spot::Field(pointer) = &edit.spot else {
            return Err(EditError::Spot("a structured file is changed by its fields".to_owned()));
        };
        body = apply_one(format, &body, pointer, &edit.new)?;
    }
    Ok(Zeroizing::new(format!("{mark}{}", *body)))
}

/// What is at `pointer`; nothing where a field on the way is missing.
pub(super) fn value_at(format: Format, text: &str, pointer: &Pointer) -> Result<New, EditError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = data::read(format, body)?.at(&pointer.0).and_then(data::Data::json);
    Ok(found.map_or(New::Nothing, New::Json))
}

/// The bytes of every name and every value; none if the document does not parse.
pub(super) fn spans(format: Format, text: &str) -> Option<Spans> {
    let mut spans = Spans::default();
    collect(&outline::of(format, text).ok()?, &mut spans);
    if format == Format::Toml {
        spans.names.extend(table::headers(text));
    }
    Some(spans)
}

fn collect(node: &Node, spans: &mut Spans) {
    match &node.kind {
        Kind::Map { entries, .. } => {
            for entry in entries {
                spans.names.push(entry.name_span.clone());
                collect(&entry.node, spans);
            }
        }
        Kind::List { items, .. } => items.iter().for_each(|item| collect(item, spans)),
        Kind::Scalar(_) | Kind::Absent | Kind::Other(_) => spans.values.push(node.span.clone()),
    }
}

fn apply_one(
    format: Format,
    text: &str,
    pointer: &Pointer,
    new: &New,
) -> Result<Zeroizing<String>, EditError> {
    let before = data::read(format, text)?;
    let value = match new {
        New::Key(key) => {
            if key.is_empty() || key.any_char(|c| c.is_control() || is_invisible(c)) {
                return Err(EditError::Value("it is empty or holds control characters"));
            }
            Some(Json::String(key.expose(ToOwned::to_owned)))
        }
        New::Part(text) => Some(Json::String(text.expose(ToOwned::to_owned))),
        New::Json(value) => Some(value.clone()),
        New::Nothing => None,
    };
    let root = outline::of(format, text)?;
    let splices = match (root.find(&pointer.0)?, &value) {
        (Found::At { node, .. }, Some(value)) => replace(format, text, node, value)?,
        (Found::At { parent: Some((parent, index)), .. }, None) => remove(format, text, parent, index)?,
        (Found::At { parent: None, .. }, None) => {
            return Err(EditError::Spot("the whole document cannot be taken away".to_owned()));
        }
        (Found::Under { rest, .. }, None) if !rest.is_empty() => Vec::new(),
        (Found::Under { node, depth, rest }, Some(value)) => {
            insert(format, text, &root, node, &pointer.0[..depth], rest, value)?
        }
        (Found::Under { .. }, None) => Vec::new(),
    };
    let after = splice(text, splices);
    let expected = match &value {
        Some(value) => before.with(&pointer.0, value),
        None => before.without(&pointer.0),
    };
    let read = data::read(format, &after).map_err(|error| EditError::Unverified(error.to_string()))?;
    if Some(read) != expected {
        return Err(EditError::Unverified("another value would change along".to_owned()));
    }
    Ok(after)
}

fn splice(text: &str, mut splices: Vec<Splice>) -> Zeroizing<String> {
    splices.sort_by_key(|splice| splice.at.start);
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 256));
    let mut from = 0;
    for splice in splices {
        out.push_str(&text[from..splice.at.start]);
        out.push_str(&splice.text);
        from = splice.at.end;
    }
    out.push_str(&text[from..]);
    out
}

/// The new literal in the old one's place and quotes.
fn replace(format: Format, text: &str, node: &Node, value: &Json) -> Result<Vec<Splice>, EditError> {
    let writer = Writer::new(format, text);
    let literal = match &node.kind {
        Kind::Other(what) => return Err(EditError::Form(what)),
        Kind::Scalar(quote) => writer.value(value, Some(*quote), &writer.indent_at(node.span.start))?,
        Kind::Absent => format!(" {}", writer.value(value, None, "")?),
        Kind::Map { layout: Layout::Flow, .. } | Kind::List { layout: Layout::Flow, .. } => {
            writer.value(value, None, &writer.indent_at(node.span.start))?
        }
        Kind::Map { layout: Layout::Block, .. } | Kind::List { layout: Layout::Block, .. } => {
            writer.value(value, None, "")?
        }
        Kind::Map { .. } | Kind::List { .. } => return Err(EditError::Form("a separate table")),
    };
    Ok(vec![Splice { at: node.span.clone(), text: literal }])
}

fn remove(format: Format, text: &str, parent: &Node, index: usize) -> Result<Vec<Splice>, EditError> {
    match parent.layout() {
        Some(Layout::Flow) => Ok(flow::remove(format, text, parent, index)),
        Some(Layout::Block) => block::remove(text, parent, index),
        Some(Layout::Table { .. } | Layout::Dotted) => table::remove(text, parent, index),
        _ => Err(EditError::Form("a separate table")),
    }
}

/// Whether a literal says that nothing is there, in any of the formats.
fn is_null(literal: &str) -> bool {
    matches!(literal, "null" | "Null" | "NULL" | "~")
}

/// A field that is not there yet, with the parents it needs.
fn insert(
    format: Format,
    text: &str,
    root: &Node,
    node: &Node,
    above: &[String],
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let writer = Writer::new(format, text);
    match (format, &node.kind) {
        (
            Format::Toml,
            Kind::Map { layout: Layout::Table { .. } | Layout::Dotted | Layout::Implicit, .. },
        ) => table::insert(&writer, root, node, above, rest, value),
        (_, Kind::Map { layout: Layout::Flow, .. } | Kind::List { layout: Layout::Flow, .. }) => {
            flow::insert(&writer, node, rest, value)
        }
        (_, Kind::Map { layout: Layout::Block, .. } | Kind::List { layout: Layout::Block, .. }) => {
            block::insert(&writer, node, rest, value)
        }
        (_, Kind::Absent) if format == Format::Yaml => block::fill(&writer, node, rest, value),
        (_, Kind::Scalar(_)) if !is_null(&text[node.span.clone()]) => {
            Err(EditError::Spot("there is a single value where a group of fields would be needed".to_owned()))
        }
        (_, Kind::Absent | Kind::Scalar(_)) => {
            let nested = literal::nested(rest, value.clone());
            let literal = writer.value(&nested, None, &writer.indent_at(node.span.start))?;
            Ok(vec![Splice { at: node.span.clone(), text: literal }])
        }
        (_, Kind::Other(what)) => Err(EditError::Form(what)),
        _ => Err(EditError::Form("a separate table")),
    }
}
