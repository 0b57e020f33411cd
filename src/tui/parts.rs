//! Pieces that every screen draws with: text that fits, rows of styled spans, panes, the header and the footer.
//!
//! All text from outside goes through [`plain`] before its width is measured.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::edit::{DiffLine, LineKind};
use crate::secret::Secret;

use super::core::Core;
use super::keys::{self, Action, Context};
use super::parts;
use super::theme::Role;

pub use crate::printer::printable as plain;

/// The columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns`, its end replaced by `…` where it is longer.
#[must_use]
pub fn fit(text: &str, columns: usize) -> String {
    let text = plain(text);
    if width(&text) <= columns {
        return text;
    }
    let mut out = head(&text, columns.saturating_sub(1));
    if columns > 0 {
        out.push('…');
    }
    out
}

/// `text` in at most `columns`, its middle replaced by `…`: a path keeps its beginning and, longer, its end.
#[must_use]
pub fn fit_path(text: &str, columns: usize) -> String {
    let text = plain(text);
    if width(&text) <= columns {
        return text;
    }
    let room = columns.saturating_sub(1);
    let front = head(&text, room / 3);
    let back: String =
        head(&text.chars().rev().collect::<String>(), room - width(&front)).chars().rev().collect();
    if columns == 0 { String::new() } else { format!("{front}…{back}") }
}

fn head(text: &str, columns: usize) -> String {
    let mut left = columns;
    let mut out = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(c);
    }
    out
}

/// `text` in exactly `columns`.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// `text` in lines of at most `columns`, broken at spaces, and inside of words that are longer than a line.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in plain(text).split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let line = lines.last_mut().map_or(0, |line| width(line));
            let gap = usize::from(line > 0);
            if line + gap + width(&word) <= columns {
                push(&mut lines, gap, &word);
                break;
            }
            if width(&word) <= columns {
                lines.push(word);
                break;
            }
            let part = at_a_seam(&head(&word, columns.saturating_sub(line + gap))).to_owned();
            word.drain(..part.len());
            push(&mut lines, gap, &part);
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The part up to the last `/` or `#`, where that keeps more than half: paths break there.
fn at_a_seam(part: &str) -> &str {
    part.rfind(['/', '#']).map(|at| &part[..=at]).filter(|cut| cut.len() * 2 > part.len()).unwrap_or(part)
}

fn push(lines: &mut [String], gap: usize, word: &str) {
    if let Some(line) = lines.last_mut().filter(|_| !word.is_empty()) {
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(word);
    }
}

/// `1 key`, `2 keys`.
#[must_use]
pub fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// How long ago, in the largest unit that fits.
#[must_use]
pub fn age(then_ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - then_ms) / 1000;
    let (n, one, many) = match seconds {
        ..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute", "minutes"),
        3600..86_400 => (seconds / 3600, "hour", "hours"),
        86_400..5_184_000 => (seconds / 86_400, "day", "days"),
        _ => (seconds / 2_592_000, "month", "months"),
    };
    format!("{} ago", count(usize::try_from(n).unwrap_or(0), one, many))
}

/// A frame of the spinner; with reduced motion a mark that does not move.
#[must_use]
pub fn spinner(core: &Core) -> &'static str {
    const FRAMES: [&str; 8] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"];
    if core.options.motion { FRAMES[core.tick % FRAMES.len()] } else { "…" }
}

/// A row under construction.
#[derive(Clone, Debug, Default)]
pub struct Row {
    spans: Vec<(String, Role)>,
}

impl Row {
    /// An empty row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A row of one piece.
    #[must_use]
    pub fn of(text: impl AsRef<str>, role: Role) -> Self {
        Self::new().add(text, role)
    }

    /// Adds a piece.
    #[must_use]
    pub fn add(mut self, text: impl AsRef<str>, role: Role) -> Self {
        self.spans.push((plain(text.as_ref()), role));
        self
    }

    /// Adds a piece cut or padded to `columns`.
    #[must_use]
    pub fn cell(self, text: impl AsRef<str>, columns: usize, role: Role) -> Self {
        let text = pad(text.as_ref(), columns);
        self.add(text, role)
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.add(text, Role::Text)
    }

    /// The row behind `columns` spaces.
    #[must_use]
    pub fn indent(mut self, columns: usize) -> Self {
        self.spans.insert(0, (" ".repeat(columns), Role::Text));
        self
    }

    /// Adds another row's pieces.
    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.spans.extend(other.spans);
        self
    }

    /// Fills up with spaces to `columns`.
    #[must_use]
    pub fn fill(self, columns: usize) -> Self {
        let missing = columns.saturating_sub(self.width());
        self.add(" ".repeat(missing), Role::Text)
    }

    /// The columns it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(text, _)| width(text)).sum()
    }

    /// Cuts the row at `columns` with `…`.
    #[must_use]
    pub fn cut(mut self, columns: usize) -> Self {
        let mut left = columns;
        for (text, _) in &mut self.spans {
            *text = fit(text, left);
            left = left.saturating_sub(width(text));
        }
        self
    }

    /// The row as ratatui draws it; with `over` every piece also takes that role's style.
    #[must_use]
    pub fn line(self, core: &Core, over: Option<Role>) -> Line<'static> {
        let over = over.map(|role| core.theme.style(role)).unwrap_or_default();
        let spans = self.spans.into_iter().map(|(text, role)| {
            let style = core.theme.style(role);
            let style = if over.add_modifier.contains(Modifier::REVERSED) {
                // One quiet bar: reversed colours would make every piece another block.
                over
            } else {
                style.patch(over)
            };
            Span::styled(text, style)
        });
        Line::from(spans.collect::<Vec<_>>())
    }
}

/// A block of rows that is filled top down.
#[derive(Clone, Debug, Default)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Adds an empty row, unless the block is empty or ends with one.
    pub fn gap(&mut self) {
        if self.0.last().is_some_and(|row| row.width() > 0) {
            self.0.push(Row::new());
        }
    }

    /// Adds a label and a wrapped text beside it.
    pub fn field(&mut self, label: &str, text: &str, role: Role, columns: usize) {
        let label = format!("{label} ");
        self.hang(&Row::of(label, Role::Dim), text, role, columns);
    }

    /// Adds `first` and a wrapped text that hangs beside it.
    pub fn hang(&mut self, first: &Row, text: &str, role: Role, columns: usize) {
        let indent = first.width();
        for (at, line) in wrap(text, columns.saturating_sub(indent)).into_iter().enumerate() {
            let start = if at == 0 { first.clone() } else { Row::of(" ".repeat(indent), Role::Text) };
            self.push(start.add(line, role));
        }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// True without rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Draws the rows from `skip` on.
    pub fn draw(self, core: &Core, frame: &mut Frame, area: Rect, skip: usize) {
        let columns = usize::from(area.width);
        let rows = self.0.into_iter().skip(skip).take(usize::from(area.height));
        let lines: Vec<Line> = rows.map(|row| row.cut(columns).line(core, None)).collect();
        frame.render_widget(Paragraph::new(lines), area);
    }
}

/// The letter and masked form of a key, as two pieces of `row`.
#[must_use]
pub fn key(row: Row, core: &Core, key: &Secret) -> Row {
    let tag = core.known.tag(key).map_or_else(|| "–".to_owned(), |tag| tag.to_string());
    row.add(tag, Role::Tag).text(" ").text(core.known.mask(key).as_str())
}

/// A bordered pane with a title; returns the room inside, one column of air on each side.
pub fn pane(core: &Core, frame: &mut Frame, area: Rect, title: &str, focus: bool) -> Rect {
    let role = if focus { Role::Accent } else { Role::Dim };
    let title_role = if focus { Role::Accent } else { Role::Strong };
    let title = fit(&format!(" {title} "), usize::from(area.width).saturating_sub(2));
    let block = Block::new()
        .borders(Borders::ALL)
        .merge_borders(MergeStrategy::Exact)
        .border_style(core.theme.style(role).remove_modifier(Modifier::BOLD))
        // Bold and dim at once looks different in every terminal; the border's dim must not reach the title.
        .title(Span::styled(title, core.theme.style(title_role).remove_modifier(Modifier::DIM)));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// Header, body and footer of a screen.
#[must_use]
pub fn split(area: Rect) -> (Rect, Rect, Rect) {
    let header = Rect { height: 1, ..area };
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let footer = Rect { y: area.y + area.height.saturating_sub(1), height: 1, ..area };
    (header, body, footer)
}

/// One row at the left, one at the right of a line.
pub fn ends(core: &Core, frame: &mut Frame, area: Rect, left: Row, right: Row) {
    let columns = usize::from(area.width);
    let room = columns.saturating_sub(left.width());
    let right = if right.width() < room { right } else { Row::new() };
    let mut row = left.cut(columns).fill(columns.saturating_sub(right.width()));
    row.spans.extend(right.spans);
    frame.render_widget(Paragraph::new(row.line(core, None)), area);
}

/// The keys of `context`, as many as fit; those that `offers` refuses are left out, help and quit always stay.
pub fn footer(core: &Core, frame: &mut Frame, area: Rect, context: Context, offers: impl Fn(Action) -> bool) {
    let mut row = Row::new();
    for (chord, label, _) in in_footer(area, context, offers) {
        row = row.text(" ").add(&chord, Role::Accent).text(" ").text(label).text(" ");
    }
    frame.render_widget(Paragraph::new(row.line(core, None)), area);
}

/// The command of the footer at a column.
#[must_use]
pub fn footer_action(
    area: Rect,
    context: Context,
    offers: impl Fn(Action) -> bool,
    column: u16,
) -> Option<Action> {
    let mut left = usize::from(area.x);
    for (chord, label, action) in in_footer(area, context, offers) {
        let size = width(&chord) + width(label) + 3;
        if (left..left + size).contains(&usize::from(column)) {
            return Some(action);
        }
        left += size;
    }
    None
}

/// What the footer shows: the key, the word, the command.
fn in_footer(
    area: Rect,
    context: Context,
    offers: impl Fn(Action) -> bool,
) -> Vec<(String, &'static str, Action)> {
    let columns = usize::from(area.width);
    let mut shown: Vec<(String, &'static str, Action)> = keys::rows(context)
        .filter_map(|row| Some((row.chords.first()?.show(), row.label?, row.action)))
        .filter(|(_, _, action)| offers(*action))
        .collect();
    let size = |(chord, label, _): &(String, &str, Action)| width(chord) + width(label) + 3;
    let stays =
        |entry: &(String, &str, Action)| matches!(entry.2, Action::Help | Action::Quit | Action::Back);
    let mut room = columns.saturating_sub(shown.iter().filter(|entry| stays(entry)).map(size).sum());
    let mut full = false;
    shown.retain(|entry| {
        if stays(entry) {
            return true;
        }
        full = full || size(entry) > room;
        room = room.saturating_sub(if full { 0 } else { size(entry) });
        !full
    });
    shown
}

/// Says in the lower border of `area` that there is more above or below.
pub fn more(core: &Core, frame: &mut Frame, area: Rect, skip: usize, len: usize, height: usize) {
    let below = len.saturating_sub(skip + height);
    let text = match (skip, below) {
        (0, 0) => return,
        (above, 0) => format!(" ↑ {above} more "),
        (0, below) => format!(" ↓ {below} more "),
        (above, below) => format!(" ↑ {above} ↓ {below} more "),
    };
    let size = u16::try_from(width(&text)).unwrap_or(0);
    if area.width < size + 4 || area.height == 0 {
        return;
    }
    let at = Rect { x: area.right() - size - 1, y: area.bottom() - 1, width: size, height: 1 };
    frame.render_widget(Paragraph::new(Row::of(text, Role::Dim).line(core, None)), at);
}

/// The first row of a list of `len` that is drawn so that `at` is in sight: it stays near the middle.
#[must_use]
pub fn scroll_to(at: usize, len: usize, height: usize) -> usize {
    at.saturating_sub(height / 2).min(len.saturating_sub(height))
}

/// The first row in sight after a scrolling key.
#[must_use]
pub fn scrolled(skip: usize, action: Action, last: usize) -> usize {
    match action {
        Action::Up => skip.saturating_sub(1),
        Action::Down => (skip + 1).min(last),
        Action::PageUp => skip.saturating_sub(10),
        Action::PageDown => (skip + 10).min(last),
        Action::First => 0,
        Action::Last => last,
        _ => skip,
    }
}

/// `at` moved by `by` within `len` rows.
#[must_use]
pub fn step(at: usize, by: isize, len: usize) -> usize {
    at.saturating_add_signed(by).min(len.saturating_sub(1))
}

/// One line of a masked difference.
#[must_use]
pub fn diff_row(line: &DiffLine, columns: usize) -> Row {
    let (mark, role) = match line.kind {
        LineKind::Same => ("    ", Role::Dim),
        LineKind::Removed => ("  - ", Role::Bad),
        LineKind::Added => ("  + ", Role::Good),
        LineKind::Gap => return Row::of("    ⋮", Role::Dim),
    };
    // A tab would be drawn as a mark for a control character.
    let text = line.text.replace('\t', "    ");
    Row::of(mark, role).add(parts::fit(&text, columns.saturating_sub(4)), role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(fit("anthropic", 6), "anthr…");
        assert_eq!(fit("anthropic", 9), "anthropic");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn a_path_keeps_its_end() {
        assert_eq!(
            fit_path("~/.openclaw/agents/main/agent/auth-profiles.json", 24),
            "~/.open…uth-profiles.json"[..].replace("uth", "th").as_str()
        );
    }

    #[test]
    fn words_wrap_and_long_words_break() {
        assert_eq!(wrap("first in auth.order; the rest", 12), ["first in", "auth.order;", "the rest"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("ab cdefghij", 4), ["ab c", "defg", "hij"]);
        assert!(wrap("", 4).is_empty());
    }

    #[test]
    fn control_and_invisible_characters_never_reach_the_screen() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\n"), "a�[2J�b�");
    }

    #[test]
    fn ages_are_said_in_the_largest_unit() {
        let ago = |ms: i64| age(0, ms);
        assert_eq!(ago(30_000), "just now");
        assert_eq!(ago(60_000), "1 minute ago");
        assert_eq!(ago(7_200_000), "2 hours ago");
        assert_eq!(ago(86_400_000 * 3), "3 days ago");
        assert_eq!(ago(86_400_000 * 90), "3 months ago");
        assert_eq!(age(5_000, 0), "just now");
    }
}
