//! The pages, and how one is compared or written again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Held by a test that may write a page: two of them write the same one.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether what is generated is written again instead of compared.
pub fn updates() -> bool {
    std::env::var_os("KEYMEND_UPDATE").is_some()
}

/// The README and every page below `docs/`, by name.
pub fn all() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    below(&root().join("docs"), &mut found);
    found.retain(|path| path.extension().is_some_and(|end| end == "md"));
    found.sort();
    found
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}

/// The name of a page as a person writes it: `docs/errors.md`.
pub fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

/// Holds that `page` is `text`, or writes it.
pub fn hold(page: &str, text: &str) {
    let path = root().join(page);
    if updates() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        return;
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(old == text, "{page} is old: KEYMEND_UPDATE=1 cargo test --test readme");
}

/// Holds that the part of `page` between the marks is `text`, or writes it.
pub fn hold_part(page: &str, mark: &str, text: &str) {
    let old = std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    hold(page, &with_part(&old, mark, text).unwrap_or_else(|| panic!("{page} has no mark {mark}")));
}

/// The page with `text` between the marks.
pub fn with_part(page: &str, mark: &str, text: &str) -> Option<String> {
    let open = format!("<!-- {mark} -->\n");
    let start = page.find(&open)? + open.len();
    let end = start + page[start..].find(&format!("<!-- /{mark} -->"))?;
    Some(format!("{}{text}{}", &page[..start], &page[end..]))
}

/// A fenced block of a page.
pub struct Block {
    /// The word after the fence: `console`, `sh`.
    pub kind: String,
    /// The line before the fence, where it is a comment `<!-- run: HOME -->`.
    pub home: Option<String>,
    /// The number of its first line, from 0, and of the line after its last one.
    pub lines: std::ops::Range<usize>,
}

/// The fenced blocks of a page.
pub fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = vec![];
    let mut at = 0;
    while at < lines.len() {
        if let Some(kind) = lines[at].trim_start().strip_prefix("```") {
            let fence = kind.chars().take_while(|c| *c == '`').count();
            let close = "`".repeat(3 + fence);
            let end =
                (at + 1..lines.len()).find(|end| lines[*end].trim_start() == close).unwrap_or(lines.len());
            let before = at.checked_sub(1).map_or("", |before| lines[before]);
            let home = before.strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->"));
            found.push(Block {
                kind: kind.trim_start_matches('`').to_owned(),
                home: home.map(str::to_owned),
                lines: at + 1..end,
            });
            at = end;
        }
        at += 1;
    }
    found
}
