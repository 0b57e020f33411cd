//! YAML block collections: a new field is a line behind the last one, at the same column.

use serde_json::Value as Json;

use super::Splice;
use super::literal::{Writer, line_end, line_start};
use super::outline::{Kind, Node, Quote};
use crate::edit::EditError;

/// `value` as a new last field (or item) of `node`, under the names in `rest`.
pub(super) fn insert(
    writer: &Writer<'_>,
    node: &Node,
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let text = writer.text;
    let first = node.child_span(0).ok_or(EditError::Form("an empty group"))?;
    let column = text[line_start(text, first.start)..first.start].chars().count();
    let end = deep_end(node);
    let at = line_end(text, end);
    let lead = if text[..at].ends_with('\n') || at == 0 { "" } else { writer.newline };
    let new = match &node.kind {
        Kind::List { .. } => {
            let dash = column.checked_sub(2).ok_or(EditError::Form("a list in an unusual form"))?;
            let below = rest.get(1..).unwrap_or_default();
            let item = writer.value(&super::literal::nested(below, value.clone()), Some(quotes(node)), "")?;
            format!("{}- {item}{}", " ".repeat(dash), writer.newline)
        }
        _ => fields(writer, column, rest, value, quotes(node))?,
    };
    Ok(vec![Splice::insert(at, format!("{lead}{new}"))])
}

/// The first field under a name that has no value yet, or of an empty document.
pub(super) fn fill(
    writer: &Writer<'_>,
    node: &Node,
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let text = writer.text;
    if text.trim().is_empty() || node.span.start == text.len() {
        let lead = if text.is_empty() || text.ends_with('\n') { "" } else { writer.newline };
        let new = fields(writer, 0, rest, value, Quote::Double)?;
        return Ok(vec![Splice::insert(text.len(), format!("{lead}{new}"))]);
    }
    let start = line_start(text, node.span.start);
    let name = text[start..].trim_start_matches([' ', '-']);
    let column = text[start..].len() - name.len() + writer.unit.len();
    let at = line_end(text, node.span.start);
    let lead = if text[..at].ends_with('\n') { "" } else { writer.newline };
    let new = fields(writer, column, rest, value, Quote::Double)?;
    Ok(vec![Splice::insert(at, format!("{lead}{new}"))])
}

/// `a:` and below it, one step deeper, `b: value`.
fn fields(
    writer: &Writer<'_>,
    column: usize,
    rest: &[String],
    value: &Json,
    quote: Quote,
) -> Result<String, EditError> {
    let step = if writer.unit.starts_with('\t') { 2 } else { writer.unit.len() };
    let mut out = String::new();
    for (depth, name) in rest.iter().enumerate() {
        out.push_str(&" ".repeat(column + depth * step));
        out.push_str(&writer.name(name, Quote::Double));
        if depth + 1 == rest.len() {
            out.push_str(": ");
            out.push_str(&writer.value(value, Some(quote), "")?);
        } else {
            out.push(':');
        }
        out.push_str(writer.newline);
    }
    Ok(out)
}

/// The quotes that the last text of `node` is written in; double ones where none is quoted.
fn quotes(node: &Node) -> Quote {
    let mut all = (0..node.len()).rev().filter_map(|n| match node.child(n)?.kind {
        Kind::Scalar(quote) if quote != Quote::Plain => Some(quote),
        _ => None,
    });
    all.next().unwrap_or(Quote::Double)
}

/// The end of the last value below `node`.
fn deep_end(node: &Node) -> usize {
    let last = node.len().checked_sub(1).and_then(|last| node.child(last));
    last.map_or(node.span.end, |last| deep_end(last).max(last.span.end.min(node.span.end)))
}

/// The splices that take the n-th field away with its lines.
pub(super) fn remove(text: &str, node: &Node, index: usize) -> Result<Vec<Splice>, EditError> {
    let span = node.child_span(index).ok_or(EditError::Form("an empty group"))?;
    let start = line_start(text, span.start);
    let lead = text[start..span.start].trim();
    if node.len() == 1 {
        let empty = if matches!(node.kind, Kind::List { .. }) { "[]" } else { "{}" };
        let from = if lead == "-" && matches!(node.kind, Kind::List { .. }) {
            span.start - 2
        } else {
            node.span.start
        };
        return Ok(vec![Splice { at: from..node.span.end, text: empty.to_owned() }]);
    }
    let own = lead.is_empty() || lead == "-" && matches!(node.kind, Kind::List { .. });
    if !own {
        return Err(EditError::Form("the first field of a list item"));
    }
    Ok(vec![Splice::remove(start..line_end(text, span.end))])
}
