//! Where every value of a YAML document is, from the spans of the parser's events.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle};

use super::data::{Data, line_column, read};
use super::outline::{Entry, Kind, Layout, Node, Quote};
use crate::edit::EditError;
use crate::source::Format;

/// How deep a document may be nested by indentation.
const MAX_DEPTH: usize = 200;

/// The outline of `text`, which holds one document.
pub(super) fn outline(text: &str) -> Result<Node, EditError> {
    let mut reader = Reader { text, parser: Parser::new_from_str(text), closing: 0 };
    let mut root = None;
    let mut documents = 0;
    while let Some((event, span)) = reader.next()? {
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                return Err(EditError::Form("one of several documents in a file"));
            }
        } else if event.is_node() {
            root = Some(reader.node(&event, span, 0)?);
        }
    }
    match root {
        Some(node) if node.layout().is_some() => Ok(node),
        // A tag or an anchor alone would become that of the group which is written behind it.
        Some(Node { kind: Kind::Other(what), .. }) => Err(EditError::Form(what)),
        _ if read(Format::Yaml, text)? == Data::Null => {
            Ok(Node { span: text.len()..text.len(), kind: Kind::Absent })
        }
        _ => Err(EditError::Form("a single value")),
    }
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// Where the collection that was read last ends.
    closing: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, EditError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default();
                let (line, column) = line_column(self.text, at);
                Err(EditError::Syntax(format!("line {line}, column {column}")))
            }
        }
    }

    /// The next node of a collection, or the end of it.
    fn child(&mut self) -> Result<Option<(Event<'t>, Span)>, EditError> {
        loop {
            match self.next()? {
                None => return Err(EditError::Form("a group that does not end")),
                Some(found) if found.0.is_node() => return Ok(Some(found)),
                Some((Event::SequenceEnd | Event::MappingEnd, span)) => {
                    self.closing = self.range(span).end;
                    return Ok(None);
                }
                Some(_) => {}
            }
        }
    }

    fn node(&mut self, event: &Event<'t>, span: Span, depth: usize) -> Result<Node, EditError> {
        if depth > MAX_DEPTH {
            return Err(EditError::Form("nested too deep"));
        }
        let mut span = self.range(span);
        let kind = match event {
            Event::MappingStart(style, ..) => {
                let entries = self.entries(depth)?;
                let ends =
                    (entries.first().map(|e| e.name_span.start), entries.last().map(|e| e.node.span.end));
                let layout = self.layout(*style, &mut span, ends);
                Kind::Map { layout, entries }
            }
            Event::SequenceStart(style, ..) => {
                let items = self.items(depth)?;
                let ends =
                    (items.first().map(|item| item.span.start), items.last().map(|item| item.span.end));
                let layout = self.layout(*style, &mut span, ends);
                Kind::List { layout, items }
            }
            Event::Scalar(_, style, ..) => scalar(*style, span.is_empty()),
            _ => Kind::Other("an alias"),
        };
        let kind = match kind {
            _ if event.tag().is_some() => Kind::Other("a tagged value"),
            Kind::Scalar(_) | Kind::Absent if event.anchor_id().is_some() => Kind::Other("an anchored value"),
            kind => kind,
        };
        Ok(Node { span, kind })
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, EditError> {
        let mut entries = Vec::new();
        while let Some((event, span)) = self.child()? {
            let name_span = self.node(&event, span, depth + 1)?.span;
            let name = match &event {
                Event::Scalar(name, ..) => name.clone().into_owned(),
                _ => self.text[name_span.clone()].to_owned(),
            };
            let Some((event, span)) = self.child()? else {
                return Err(EditError::Form("a name without a value"));
            };
            let mut node = self.node(&event, span, depth + 1)?;
            if matches!(node.kind, Kind::Absent) {
                let rest = &self.text[name_span.end..];
                let colon = rest.find(':').map_or(name_span.end, |at| name_span.end + at + 1);
                node.span = colon..colon;
            }
            entries.push(Entry { name, name_span, node });
        }
        Ok(entries)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, EditError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.child()? {
            let mut item = self.node(&event, span, depth + 1)?;
            if matches!(item.kind, Kind::Absent) {
                item.kind = Kind::Other("an item without a value");
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Sets the span of a collection whose start was just read, once its children are.
    fn layout(
        &self,
        style: StructureStyle,
        span: &mut Range<usize>,
        (first, last): (Option<usize>, Option<usize>),
    ) -> Layout {
        match style {
            StructureStyle::Block => {
                *span = first.unwrap_or(span.start)..last.unwrap_or(span.end);
                Layout::Block
            }
            StructureStyle::Flow => {
                span.end = self.closing;
                Layout::Flow
            }
        }
    }

    /// The bytes of a span, without the empty lines that end a block of lines.
    fn range(&self, span: Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or_default();
        range.start..range.start + self.text[range.clone()].trim_end().len()
    }
}

const fn scalar(style: ScalarStyle, empty: bool) -> Kind {
    match style {
        ScalarStyle::SingleQuoted => Kind::Scalar(Quote::Single),
        ScalarStyle::DoubleQuoted => Kind::Scalar(Quote::Double),
        ScalarStyle::Literal | ScalarStyle::Folded => Kind::Other("a block of lines"),
        ScalarStyle::Plain if empty => Kind::Absent,
        ScalarStyle::Plain => Kind::Scalar(Quote::Plain),
    }
}
