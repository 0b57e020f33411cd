//! TOML: tables under headers, dotted names, inline tables; spans from `toml_edit`'s immutable document.

use serde_json::Value as Json;
use toml_edit::{Array, Document, InlineTable, Item, Table, Value};

use super::Splice;
use super::data::line_column;
use super::literal::{Writer, line_end, line_start};
use super::outline::{Entry, Kind, Layout, Node, Quote, quote_of};
use crate::edit::EditError;

/// The outline of a TOML document.
pub(super) fn outline(text: &str) -> Result<Node, EditError> {
    let document = Document::parse(text).map_err(|error| {
        let (line, column) = line_column(text, error.span().map_or(0, |span| span.start));
        EditError::Syntax(format!("line {line}, column {column}"))
    })?;
    Ok(table_node(text, document.as_table(), Some(0)))
}

/// The names in the headers of tables: lines that begin with a bracket. Such a line in a text of several lines is a part of a
/// value, and a value's bytes are nobody else's.
pub(super) fn headers(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let inner = line.trim_start().strip_prefix('[')?.trim_start_matches('[');
        let from = start + line.len() - inner.len();
        inner.find(']').map(|len| from..from + len)
    })
}

/// `head` is where lines of a table without any go: behind its header, none for a table without one.
fn table_node(text: &str, table: &Table, head: Option<usize>) -> Node {
    let entries: Vec<Entry> = table
        .iter()
        .filter_map(|(name, item)| {
            let key = table.get_key_value(name)?.0;
            let name_span = key.span().unwrap_or_default();
            Some(Entry { name: name.to_owned(), name_span, node: item_node(text, item) })
        })
        .collect();
    let own = entries.iter().filter_map(own_end).max();
    let layout = match (table.is_dotted(), head) {
        (true, _) => Layout::Dotted,
        (false, Some(head)) => Layout::Table { end: own.map_or(head, |end| line_end(text, end)) },
        (false, None) => Layout::Implicit,
    };
    Node { span: table.span().unwrap_or_default(), kind: Kind::Map { layout, entries } }
}

/// Where the last line ends that belongs to the table itself and not to a sub-table.
fn own_end(entry: &Entry) -> Option<usize> {
    match &entry.node.kind {
        Kind::Map { layout: Layout::Dotted, entries } => entries.iter().filter_map(own_end).max(),
        Kind::Map { layout: Layout::Flow, .. } | Kind::List { layout: Layout::Flow, .. } => {
            Some(entry.node.span.end)
        }
        Kind::Map { .. } | Kind::List { .. } => None,
        _ => Some(entry.node.span.end),
    }
}

fn item_node(text: &str, item: &Item) -> Node {
    match item {
        Item::Value(value) => value_node(text, value),
        Item::Table(table) => {
            let header = table.span().filter(|_| !table.is_implicit() && !table.is_dotted());
            table_node(text, table, header.map(|span| line_end(text, span.start)))
        }
        Item::ArrayOfTables(tables) => {
            let items = tables.iter().map(|table| {
                let head = table.span().map_or(0, |span| line_end(text, span.start));
                table_node(text, table, Some(head))
            });
            Node { span: 0..0, kind: Kind::List { layout: Layout::Implicit, items: items.collect() } }
        }
        Item::None => Node { span: 0..0, kind: Kind::Other("nothing") },
    }
}

fn value_node(text: &str, value: &Value) -> Node {
    let span = value.span().unwrap_or_default();
    let kind = match value {
        Value::InlineTable(table) if table.is_dotted() => {
            Kind::Map { layout: Layout::Dotted, entries: inline_entries(text, table) }
        }
        Value::InlineTable(table) => Kind::Map { layout: Layout::Flow, entries: inline_entries(text, table) },
        Value::Array(array) => Kind::List { layout: Layout::Flow, items: items(text, array) },
        _ if text[span.clone()].starts_with("\"\"\"") || text[span.clone()].starts_with("'''") => {
            Kind::Scalar(Quote::Double)
        }
        _ => Kind::Scalar(quote_of(&text[span.clone()])),
    };
    Node { span, kind }
}

fn items(text: &str, array: &Array) -> Vec<Node> {
    array.iter().map(|item| value_node(text, item)).collect()
}

fn inline_entries(text: &str, table: &InlineTable) -> Vec<Entry> {
    table
        .iter()
        .filter_map(|(name, value)| {
            let name_span = table.get_key_value(name)?.0.span().unwrap_or_default();
            Some(Entry { name: name.to_owned(), name_span, node: value_node(text, value) })
        })
        .collect()
}

/// `value` as a new line of its table; a table that is not there yet gets a header at the end of the file.
pub(super) fn insert(
    writer: &Writer<'_>,
    root: &Node,
    node: &Node,
    above: &[String],
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let literal = writer.value(value, Some(Quote::Double), "")?;
    if let (Some(Layout::Table { end }), [name]) = (node.layout(), rest) {
        return Ok(vec![line(writer, *end, std::slice::from_ref(name), &literal)]);
    }
    let (end, depth, in_list) = nearest(root, above);
    let path: Vec<String> = above.iter().chain(rest).cloned().collect();
    if in_list || node.layout() == Some(&Layout::Dotted) {
        return Ok(vec![line(writer, end, &path[depth..], &literal)]);
    }
    let text = writer.text;
    let newline = writer.newline;
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    let blank = if text.trim().is_empty() || text.ends_with("\n\n") || text.ends_with("\r\n\r\n") {
        ""
    } else {
        newline
    };
    let (last, header) = path.split_last().ok_or_else(|| EditError::Spot("no name".to_owned()))?;
    let header = dotted(writer, header);
    let name = writer.name(last, Quote::Plain);
    let new = format!("{lead}{blank}[{header}]{newline}{name} = {literal}{newline}");
    Ok(vec![Splice::insert(text.len(), new)])
}

fn line(writer: &Writer<'_>, at: usize, path: &[String], literal: &str) -> Splice {
    let newline = writer.newline;
    let before = &writer.text[..at];
    let lead = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    let indent = if at > 0 && !lead.is_empty() { String::new() } else { indent_above(writer, at) };
    Splice::insert(at, format!("{lead}{indent}{} = {literal}{newline}", dotted(writer, path)))
}

/// The indentation of the line above `at`, unless that is a header.
fn indent_above(writer: &Writer<'_>, at: usize) -> String {
    let above = at.checked_sub(1).map(|end| line_start(writer.text, end));
    above.map_or_else(String::new, |start| writer.indent_at(start))
}

fn dotted(writer: &Writer<'_>, path: &[String]) -> String {
    path.iter().map(|step| writer.name(step, Quote::Plain)).collect::<Vec<_>>().join(".")
}

/// Where new lines go in the deepest table with its own lines on the way down `path`, its depth, and whether a
/// list is above it, which no header can name.
fn nearest(root: &Node, path: &[String]) -> (usize, usize, bool) {
    let (mut node, mut best, mut in_list) = (root, (0, 0), false);
    for depth in 0..=path.len() {
        if let Some(Layout::Table { end }) = node.layout() {
            best = (*end, depth);
        }
        in_list |= matches!(node.kind, Kind::List { .. });
        let index = match (&node.kind, path.get(depth)) {
            (Kind::Map { entries, .. }, Some(step)) => entries.iter().position(|entry| entry.name == *step),
            (Kind::List { .. }, Some(step)) => step.parse().ok(),
            _ => None,
        };
        match index.and_then(|index| node.child(index)) {
            Some(child) => node = child,
            None => break,
        }
    }
    (best.0, best.1, in_list)
}

/// The splices that take the n-th field's line away.
pub(super) fn remove(text: &str, node: &Node, index: usize) -> Result<Vec<Splice>, EditError> {
    let span = node.child_span(index).ok_or(EditError::Form("an empty table"))?;
    let child = node.child(index).map(|child| &child.kind);
    let inline = matches!(
        child,
        Some(
            Kind::Scalar(_)
                | Kind::Map { layout: Layout::Flow, .. }
                | Kind::List { layout: Layout::Flow, .. }
        )
    );
    if !inline {
        return Err(EditError::Form("a separate table"));
    }
    Ok(vec![Splice::remove(line_start(text, span.start)..line_end(text, span.end))])
}
