//! The README's picture is the home screen of a real run. `KEYMEND_UPDATE=1 cargo test --test terminal picture` draws it again.

use std::fmt::Write as _;

use super::pty::Pty;

const SIZE: (u16, u16) = (132, 28);
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/screens/home.svg");

#[test]
fn the_picture_in_the_readme_is_todays_home_screen() {
    let mut pty = Pty::start(&["demo"], &[], SIZE);
    pty.wait_for("By need");
    pty.press("T", "answered");
    pty.wait_until("all tests done", |screen| screen.contains("✓") && !screen.contains("testing"));
    pty.press("\u{1b}", "By need");
    // The story of the README: two profiles with the same revoked key.
    pty.press("/", "keep");
    pty.press("claw anth", "OpenClaw · main · anthropic");
    pty.press("\r", "q quit");
    pty.press("\u{1b}", "Also failing");
    let text = steady(&pty.wait_for("Enter  use source 3"));
    if std::env::var_os("KEYMEND_UPDATE").is_some() {
        std::fs::create_dir_all(std::path::Path::new(PATH).parent().unwrap()).unwrap();
        std::fs::write(PATH, svg(&pty, &text)).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    let comment = format!("<!--\n{text}\n-->");
    assert!(
        kept.contains(&comment),
        "the picture is old: KEYMEND_UPDATE=1 cargo test --test terminal picture\n{text}"
    );
}

/// The screen without its times, which differ from run to run.
fn steady(screen: &str) -> String {
    let words = screen.split_inclusive(' ').collect::<Vec<_>>();
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        let time = word.trim().chars().all(|c| c.is_ascii_digit())
            && words.get(at + 1).is_some_and(|next| next.starts_with("ms"));
        out += &if time && !word.trim().is_empty() { "0 ".to_owned() } else { (*word).to_owned() };
    }
    out.lines().map(unaligned).collect::<Vec<_>>().join("\n").replace("--", "- -")
}

/// A line with a time is aligned by its number of digits; its blanks say nothing.
fn unaligned(line: &str) -> String {
    if line.contains(" 0 ms") {
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        line.trim_end().to_owned()
    }
}

const CELL: f32 = 8.4;
const LINE: f32 = 18.0;
const MARGIN: f32 = 12.0;

fn svg(pty: &Pty, text: &str) -> String {
    let (cols, rows) = SIZE;
    let (width, height) = (f32::from(cols) * CELL + 2.0 * MARGIN, f32::from(rows) * LINE + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n<!--\n{text}\n-->\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for row in 0..rows {
        for run in runs(pty.cells(), row, cols) {
            draw(&mut out, row, &run);
        }
    }
    let _ = writeln!(out, "<path d=\"{}\" stroke=\"#46707a\" fill=\"none\"/>", borders(pty.cells()));
    out + "</svg>\n"
}

/// The words of a run, each group where it is, so that no viewer has to keep blanks.
fn draw(out: &mut String, row: u16, (start, text, colour, bold, inverse): &Run) {
    let x = |column: usize| f32::from(*start + u16::try_from(column).unwrap()) * CELL + MARGIN;
    let y = f32::from(row) * LINE + MARGIN;
    let chars: Vec<char> = text.chars().map(|c| if sides(c).is_some() { ' ' } else { c }).collect();
    if *inverse {
        let width = x(chars.len()) - x(0);
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{LINE}\" fill=\"#313a4a\"/>",
            x(0)
        );
    }
    let weight = if *bold { " font-weight=\"bold\"" } else { "" };
    let mut at = 0;
    while at < chars.len() {
        let Some(from) = chars[at..].iter().position(|c| *c != ' ').map(|skip| at + skip) else { break };
        let length = chars[from..].windows(2).position(|two| two == [' ', ' ']);
        let group: String = chars[from..length.map_or(chars.len(), |length| from + length)].iter().collect();
        at = from + group.chars().count();
        let words = group.trim_end().replace('&', "&amp;").replace('<', "&lt;");
        let width = x(from + group.trim_end().chars().count()) - x(from);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\"{weight} textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\">{words}</text>",
            x(from),
            y + 14.0
        );
    }
}

/// Which sides of its cell a line of a border touches: left, right, up, down.
const fn sides(c: char) -> Option<[bool; 4]> {
    Some(match c {
        '─' => [true, true, false, false],
        '│' => [false, false, true, true],
        '┌' => [false, true, false, true],
        '┐' => [true, false, false, true],
        '└' => [false, true, true, false],
        '┘' => [true, false, true, false],
        '┬' => [true, true, false, true],
        '┴' => [true, true, true, false],
        '├' => [false, true, true, true],
        '┤' => [true, false, true, true],
        _ => return None,
    })
}

/// The borders as lines, which join whatever font draws the words.
fn borders(screen: &vt100::Screen) -> String {
    let mut path = String::new();
    for (row, col) in (0..SIZE.1).flat_map(|row| (0..SIZE.0).map(move |col| (row, col))) {
        let text = screen.cell(row, col).map_or("", vt100::Cell::contents);
        let Some([left, right, up, down]) = text.chars().next().and_then(sides) else { continue };
        let (x, y) =
            (f32::from(col) * CELL + MARGIN + CELL / 2.0, f32::from(row) * LINE + MARGIN + LINE / 2.0);
        for (there, dx, dy) in [
            (left, -CELL / 2.0, 0.0),
            (right, CELL / 2.0, 0.0),
            (up, 0.0, -LINE / 2.0),
            (down, 0.0, LINE / 2.0),
        ] {
            if there {
                let _ = write!(path, "M{x:.1} {y:.1}l{dx:.1} {dy:.1}");
            }
        }
    }
    path
}

type Run = (u16, String, &'static str, bool, bool);

/// Neighbouring cells of one style.
fn runs(screen: &vt100::Screen, row: u16, cols: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for col in 0..cols {
        let Some(cell) = screen.cell(row, col) else { continue };
        let style = (colour(cell.fgcolor(), cell.dim()), cell.bold(), cell.inverse());
        let text = if cell.has_contents() { cell.contents() } else { " " };
        match runs.last_mut() {
            Some(last) if (last.2, last.3, last.4) == style => last.1.push_str(text),
            _ => runs.push((col, text.to_owned(), style.0, style.1, style.2)),
        }
    }
    runs
}

const fn colour(colour: vt100::Color, dim: bool) -> &'static str {
    match colour {
        vt100::Color::Idx(1 | 9) => "#f07178",
        vt100::Color::Idx(2 | 10) => "#9ccf7c",
        vt100::Color::Idx(3 | 11) => "#e5c07b",
        vt100::Color::Idx(4 | 12) => "#7aa2f7",
        vt100::Color::Idx(5 | 13) => "#c792ea",
        vt100::Color::Idx(6 | 14) => "#6fc6d0",
        vt100::Color::Idx(8) => "#7d8590",
        _ if dim => "#8b929c",
        _ => "#d7dce2",
    }
}
