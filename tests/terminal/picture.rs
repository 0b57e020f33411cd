//! The README's picture is the home screen of a real run. `KEYMEND_UPDATE=1 cargo test --test terminal picture` draws it again.

use std::fmt::Write as _;

use super::pty::Pty;

const SIZE: (u16, u16) = (140, 34);
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/screens/home.svg");

#[test]
fn the_picture_in_the_readme_is_todays_home_screen() {
    let mut pty = Pty::start(&["demo"], &[], SIZE);
    pty.wait_for("scanned in");
    pty.send("T");
    pty.wait_until("all tests done", |screen| screen.contains("✓") && !screen.contains("testing"));
    pty.send("\u{1b}");
    let text = steady(&pty.wait_for("scanned in"));
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
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").replace("--", "- -")
}

fn svg(pty: &Pty, text: &str) -> String {
    const CELL: f32 = 8.4;
    const LINE: f32 = 18.0;
    let (cols, rows) = SIZE;
    let (width, height) = (f32::from(cols) * CELL + 24.0, f32::from(rows) * LINE + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\">\n<!--\n{text}\n-->\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for row in 0..rows {
        for (start, run, colour, bold, inverse) in runs(pty.cells(), row, cols) {
            let (x, y) = (f32::from(start) * CELL + 12.0, f32::from(row) * LINE + 26.0);
            let columns = u16::try_from(run.chars().count()).unwrap();
            let length = f32::from(columns) * CELL;
            if inverse {
                let _ = writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{}\" width=\"{length}\" height=\"{LINE}\" fill=\"#3a4150\"/>",
                    y - 14.0
                );
            }
            if run.trim().is_empty() {
                continue;
            }
            let weight = if bold { " font-weight=\"bold\"" } else { "" };
            let escaped = run.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\"{weight} textLength=\"{length}\" xml:space=\"preserve\">{escaped}</text>"
            );
        }
    }
    out + "</svg>\n"
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
