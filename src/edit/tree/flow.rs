//! Members in brackets: JSON objects and arrays, YAML flow collections, TOML inline tables. A new member goes behind
//! the last one in its style; a member goes with its comma, and with its line where it has one to itself.

use serde_json::Value as Json;

use super::Splice;
use super::literal::{Writer, line_end, line_start, nested};
use super::outline::{Kind, Node, Quote, quote_of};
use crate::edit::EditError;
use crate::source::Format;

/// `value` as a new last member of `node`, under the names in `rest`.
pub(super) fn insert(
    writer: &Writer<'_>,
    node: &Node,
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let last = node.len().checked_sub(1).and_then(|last| node.child_span(last));
    match last {
        Some(last) => after_last(writer, node, &last, rest, value),
        None => into_empty(writer, node, rest, value),
    }
}

fn into_empty(
    writer: &Writer<'_>,
    node: &Node,
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let text = writer.text;
    let inner = &text[node.span.start + 1..node.span.end - 1];
    let at = node.span.start + 1 + inner.trim_end().len();
    let json = matches!(writer.format, Format::Json | Format::Json5);
    let alone = text.trim().len() == node.span.len();
    let lines = inner.contains('\n') || json && (alone || text.trim_end().contains('\n'));
    let indent = writer.indent_at(node.span.start);
    let deeper = writer.deeper(&indent);
    let member = member(writer, node, rest, value, if lines { &deeper } else { &indent })?;
    if !lines {
        return Ok(vec![Splice { at: at..node.span.end - 1, text: member }]);
    }
    let newline = writer.newline;
    let member = format!("{newline}{deeper}{member}{newline}{indent}");
    Ok(vec![Splice { at: at..node.span.end - 1, text: member }])
}

fn after_last(
    writer: &Writer<'_>,
    node: &Node,
    last: &std::ops::Range<usize>,
    rest: &[String],
    value: &Json,
) -> Result<Vec<Splice>, EditError> {
    let text = writer.text;
    let next = skip_trivia(writer.format, text, last.end);
    let comma = text[next..].starts_with(',').then_some(next + 1);
    let behind = comma.unwrap_or(last.end);
    let lines = text[node.span.start..last.start].contains('\n');
    let indent = writer.indent_at(last.start);
    let member = member(writer, node, rest, value, &indent)?;
    let mut splices = Vec::new();
    if comma.is_none() {
        splices.push(Splice::insert(last.end, ",".to_owned()));
    }
    let tail = if comma.is_some() { "," } else { "" };
    let new = if lines {
        format!("{}{indent}{member}{tail}", writer.newline)
    } else {
        format!("{}{member}{tail}", gap(writer, node))
    };
    let at = if lines { end_of_trivia_line(writer.format, text, behind) } else { behind };
    if at == last.end {
        return Ok(vec![Splice::insert(at, format!("{}{new}", if comma.is_none() { "," } else { "" }))]);
    }
    splices.push(Splice::insert(at, new));
    Ok(splices)
}

/// The white space between two members on one line.
fn gap(writer: &Writer<'_>, node: &Node) -> &'static str {
    let spans = node.child_span(0).zip(node.child_span(1));
    match spans {
        Some((first, second)) if text_between(writer.text, first.end, second.start) == "," => "",
        None if equals(writer, node) == ":" => "",
        _ => " ",
    }
}

fn text_between(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// `name: value`, or the value alone in a list.
fn member(
    writer: &Writer<'_>,
    node: &Node,
    rest: &[String],
    value: &Json,
    indent: &str,
) -> Result<String, EditError> {
    let Some((name, below)) = rest.split_first() else { return Err(EditError::Spot("no name".to_owned())) };
    let value = nested(below, value.clone());
    let literal = writer.value(&value, Some(value_quote(writer, node)), indent)?;
    if matches!(node.kind, Kind::List { .. }) {
        return Ok(literal);
    }
    Ok(format!("{}{}{literal}", writer.name(name, name_quote(writer, node)), equals(writer, node)))
}

/// How the last field writes its `:` or `=`.
fn equals<'a>(writer: &Writer<'a>, node: &Node) -> &'a str {
    let default = match writer.format {
        Format::Toml => " = ",
        Format::Json if writer.text.len() > 2 && !writer.text.contains([' ', '\n', '\t']) => ":",
        _ => ": ",
    };
    let Kind::Map { entries, .. } = &node.kind else { return default };
    let written =
        entries.last().map(|entry| text_between(writer.text, entry.name_span.end, entry.node.span.start));
    let simple = |text: &&str| text.trim() == default.trim() && !text.contains('\n');
    written
        .filter(simple)
        .filter(|text| writer.format != Format::Yaml || text.ends_with(' '))
        .unwrap_or(default)
}

fn name_quote(writer: &Writer<'_>, node: &Node) -> Quote {
    let Kind::Map { entries, .. } = &node.kind else { return Quote::Double };
    entries.last().map_or(Quote::Double, |entry| quote_of(&writer.text[entry.name_span.clone()]))
}

fn value_quote(writer: &Writer<'_>, node: &Node) -> Quote {
    let quotes = (0..node.len()).rev().filter_map(|n| match node.child(n)?.kind {
        Kind::Scalar(quote) if quote != Quote::Plain => Some(quote),
        _ => None,
    });
    let single = writer.format == Format::Json5 && name_quote(writer, node) == Quote::Single;
    quotes.into_iter().next().unwrap_or(if single { Quote::Single } else { Quote::Double })
}

/// The splices that take the n-th member away.
pub(super) fn remove(format: Format, text: &str, node: &Node, index: usize) -> Vec<Splice> {
    let Some(span) = node.child_span(index) else { return Vec::new() };
    let next = skip_trivia(format, text, span.end);
    let comma = text[next..].starts_with(',').then_some(next);
    let mut splices = Vec::new();
    if comma.is_none()
        && let Some(previous) = index.checked_sub(1).and_then(|previous| node.child_span(previous))
    {
        let before = skip_trivia(format, text, previous.end);
        if text[before..].starts_with(',') {
            if text[before + 1..span.start].bytes().all(|b| b == b' ') {
                return vec![Splice::remove(before..span.end)];
            }
            splices.push(Splice::remove(before..before + 1));
        }
    }
    let end = comma.map_or(span.end, |comma| comma + 1);
    let start = line_start(text, span.start);
    let line = end_of_trivia_line(format, text, end);
    let own_line =
        text[start..span.start].trim().is_empty() && text[line..].starts_with(['\n', '\r']) && start > 0;
    if own_line {
        splices.push(Splice::remove(start..line_end(text, line)));
    } else {
        let blank = text[end..].len() - text[end..].trim_start_matches(' ').len();
        let blank = if comma.is_some() { blank } else { 0 };
        splices.push(Splice::remove(span.start..end + blank));
    }
    splices
}

/// The offset behind white space and comments.
fn skip_trivia(format: Format, text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        match comment(format, &text[at..]) {
            Some(len) => at += len,
            None => return at,
        }
    }
}

/// The end of the line where there is nothing but blanks and comments between it and `at`; else `at` itself.
fn end_of_trivia_line(format: Format, text: &str, at: usize) -> usize {
    let mut end = at;
    loop {
        let rest = &text[end..];
        end += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let rest = &text[end..];
        if rest.starts_with('\n') || rest.starts_with("\r\n") {
            return end;
        }
        match comment(format, rest) {
            Some(len) if !rest[..len].contains('\n') => end += len,
            _ => return at,
        }
    }
}

/// The length of the comment that `rest` begins with; a line comment ends before its line end.
fn comment(format: Format, rest: &str) -> Option<usize> {
    let line = rest.find('\n').unwrap_or(rest.len());
    let line = rest[..line].trim_end_matches('\r').len();
    match format {
        Format::Json5 if rest.starts_with("//") => Some(line),
        Format::Json5 if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
        Format::Json | Format::Json5 => None,
        Format::Yaml | Format::Toml => rest.starts_with('#').then_some(line),
    }
}
