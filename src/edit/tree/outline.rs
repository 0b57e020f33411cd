//! Where every value of a document is: byte spans from each format's own lossless parser.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions};

use super::data::line_column;
use crate::edit::EditError;
use crate::source::Format;

/// A value and where it is.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What is there.
#[derive(Debug)]
pub(super) enum Kind {
    Scalar(Quote),
    Map {
        layout: Layout,
        entries: Vec<Entry>,
    },
    List {
        layout: Layout,
        items: Vec<Node>,
    },
    /// A YAML name without a value; the span is the empty one behind the colon.
    Absent,
    /// Something that is not rewritten: its name in words.
    Other(&'static str),
}

/// A field of a map.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) node: Node,
}

/// How a map or list is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In brackets, separated by commas.
    Flow,
    /// YAML lines by indentation.
    Block,
    /// A TOML table with its own lines; new lines go to `end`, the start of a line.
    Table {
        /// Where new lines go.
        end: usize,
    },
    /// A TOML table made by dotted names.
    Dotted,
    /// A TOML table that only its sub-tables name, or a list of tables.
    Implicit,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    Plain,
    Single,
    Double,
}

/// Where a pointer leads.
pub(super) enum Found<'a> {
    /// To this node, the n-th child of `parent`.
    At { node: &'a Node, parent: Option<(&'a Node, usize)> },
    /// To nothing: `rest` is missing under `node`, which is `depth` steps below the root.
    Under { node: &'a Node, depth: usize, rest: &'a [String] },
}

impl Node {
    pub(super) const fn layout(&self) -> Option<&Layout> {
        match &self.kind {
            Kind::Map { layout, .. } | Kind::List { layout, .. } => Some(layout),
            _ => None,
        }
    }

    /// Follows `path`.
    pub(super) fn find<'a>(&'a self, path: &'a [String]) -> Result<Found<'a>, EditError> {
        let mut node = self;
        let mut parent = None;
        for (depth, step) in path.iter().enumerate() {
            let under = || Found::Under { node, depth, rest: &path[depth..] };
            let next = match &node.kind {
                Kind::Map { entries, .. } => find_entry(entries, step)?,
                Kind::List { items, .. } => find_item(items.len(), step)?,
                Kind::Absent | Kind::Scalar(Quote::Plain) => None,
                Kind::Scalar(_) => return Err(EditError::Spot(format!("`{step}` would be under a text"))),
                Kind::Other(what) => return Err(EditError::Form(what)),
            };
            let Some(index) = next else { return Ok(under()) };
            parent = Some((node, index));
            node = match node.child(index) {
                Some(child) => child,
                None => return Ok(under()),
            };
        }
        Ok(Found::At { node, parent })
    }

    /// The n-th child.
    pub(super) fn child(&self, index: usize) -> Option<&Self> {
        match &self.kind {
            Kind::Map { entries, .. } => entries.get(index).map(|entry| &entry.node),
            Kind::List { items, .. } => items.get(index),
            _ => None,
        }
    }

    /// The span of the n-th child, its name included.
    pub(super) fn child_span(&self, index: usize) -> Option<Range<usize>> {
        match &self.kind {
            Kind::Map { entries, .. } => {
                entries.get(index).map(|entry| entry.name_span.start..entry.node.span.end)
            }
            Kind::List { items, .. } => items.get(index).map(|item| item.span.clone()),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.kind {
            Kind::Map { entries, .. } => entries.len(),
            Kind::List { items, .. } => items.len(),
            _ => 0,
        }
    }
}

fn find_entry(entries: &[Entry], step: &str) -> Result<Option<usize>, EditError> {
    let mut all = entries.iter().enumerate().filter(|(_, entry)| entry.name == step).map(|(index, _)| index);
    let first = all.next();
    if all.next().is_some() {
        return Err(EditError::Duplicate(step.to_owned()));
    }
    Ok(first)
}

fn find_item(len: usize, step: &str) -> Result<Option<usize>, EditError> {
    match step.parse::<usize>() {
        _ if step == "-" => Ok(None),
        Ok(index) if index < len => Ok(Some(index)),
        Ok(index) if index == len => Ok(None),
        _ => Err(EditError::Spot(format!("the list has no item {}", step.escape_default()))),
    }
}

/// The outline of `text`.
pub(super) fn of(format: Format, text: &str) -> Result<Node, EditError> {
    match format {
        Format::Json => json(text, false),
        Format::Json5 => json(text, true),
        Format::Yaml => super::yaml::outline(text),
        Format::Toml => super::table::outline(text),
    }
}

fn json(text: &str, relaxed: bool) -> Result<Node, EditError> {
    let options = ParseOptions {
        allow_comments: relaxed,
        allow_loose_object_property_names: relaxed,
        allow_trailing_commas: relaxed,
        allow_missing_commas: false,
        allow_single_quoted_strings: relaxed,
        allow_hexadecimal_numbers: relaxed,
        allow_unary_plus_numbers: relaxed,
        allow_bare_decimal_point_numbers: relaxed,
        allow_non_finite_numbers: relaxed,
        allow_extended_string_escapes: relaxed,
    };
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| {
        let (line, column) = line_column(text, error.range().start);
        EditError::Syntax(format!("line {line}, column {column}"))
    })?;
    parsed
        .value
        .map(|value| json_node(text, &value))
        .ok_or_else(|| EditError::Syntax("it is empty".to_owned()))
}

fn json_node(text: &str, value: &ast::Value<'_>) -> Node {
    let range = value.range();
    let span = range.start..range.end;
    let kind = match value {
        ast::Value::Object(object) => {
            let entries = object.properties.iter().map(|property| json_entry(text, property)).collect();
            Kind::Map { layout: Layout::Flow, entries }
        }
        ast::Value::Array(array) => Kind::List {
            layout: Layout::Flow,
            items: array.elements.iter().map(|item| json_node(text, item)).collect(),
        },
        _ => Kind::Scalar(quote_of(&text[span.clone()])),
    };
    Node { span, kind }
}

fn json_entry(text: &str, property: &ast::ObjectProp<'_>) -> Entry {
    let range = property.name.range();
    let name = match &property.name {
        ast::ObjectPropName::String(literal) => literal.value.clone().into_owned(),
        ast::ObjectPropName::Word(word) => word.value.to_owned(),
    };
    Entry { name, name_span: range.start..range.end, node: json_node(text, &property.value) }
}

pub(super) fn quote_of(literal: &str) -> Quote {
    match literal.as_bytes().first() {
        Some(b'"') => Quote::Double,
        Some(b'\'') => Quote::Single,
        _ => Quote::Plain,
    }
}
