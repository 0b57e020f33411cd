//! The environment that launchd gives to a job: `EnvironmentVariables` of the property lists, XML form. Read only.

use std::path::{Path, PathBuf};

use crate::secret::Secret;
use crate::world::World;

/// One place where a job gets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The property list.
    pub file: PathBuf,
    /// The one-based line of the value.
    pub line: usize,
    /// The value; none for a binary property list, which is not opened.
    pub value: Option<Secret>,
}

/// All property lists that set a variable, and those in binary form, which may.
#[must_use]
pub fn find(world: &dyn World, name: &str) -> Vec<Setting> {
    let home = world.home().map(|home| home.join("Library/LaunchAgents"));
    let dirs = home.into_iter().chain(["/Library/LaunchAgents", "/Library/LaunchDaemons"].map(PathBuf::from));
    dirs.flat_map(|dir| world.list(&dir).into_iter().map(move |file| dir.join(file)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "plist"))
        .filter_map(|path| in_file(world, &path, name))
        .collect()
}

fn in_file(world: &dyn World, path: &Path, name: &str) -> Option<Setting> {
    let state = world.read(path);
    if state.bytes()?.starts_with(b"bplist") {
        return Some(Setting { file: path.to_owned(), line: 1, value: None });
    }
    let text = state.text()?;
    let (value, at) = variable(text, name)?;
    let line = text[..at].matches('\n').count() + 1;
    Some(Setting { file: path.to_owned(), line, value: Some(Secret::new(value)) })
}

/// The `<string>` after `<key>name</key>` in the dictionary after `<key>EnvironmentVariables</key>`, and where it
/// stands.
fn variable(text: &str, name: &str) -> Option<(String, usize)> {
    let mut at = 0;
    let mut inside = None;
    let mut depth = 0_usize;
    let mut key = String::new();
    while let Some((tag, start, end)) = next_tag(text, at) {
        at = end;
        match tag {
            "dict" => {
                depth += 1;
                if key == "EnvironmentVariables" && inside.is_none() {
                    inside = Some(depth);
                }
            }
            "/dict" => {
                if inside == Some(depth) {
                    inside = None;
                }
                depth = depth.saturating_sub(1);
            }
            "/key" => key = unescape(&text[open_end(text, start)?..start]),
            "/string" if inside == Some(depth) && key == name => {
                let from = open_end(text, start)?;
                return Some((unescape(&text[from..start]), from));
            }
            _ => {}
        }
    }
    None
}

/// The next tag from `at`: its name (with `/` in front for a closing one), where it starts and ends. Comments are
/// passed over.
fn next_tag(text: &str, at: usize) -> Option<(&str, usize, usize)> {
    let start = at + text.get(at..)?.find('<')?;
    if text[start..].starts_with("<!--") {
        let end = start + text[start..].find("-->")? + 3;
        return Some(("!--", start, end));
    }
    let end = start + text[start..].find('>')?;
    let inner = text[start + 1..end].split_whitespace().next().unwrap_or("");
    Some((inner.trim_end_matches('/'), start, end + 1))
}

/// Where the text before a closing tag begins.
fn open_end(text: &str, close: usize) -> Option<usize> {
    text[..close].rfind('>').map(|at| at + 1)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    const PLIST: &str = "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict>\n<key>K</key><string>no</string>\n\
        <key>EnvironmentVariables</key>\n<dict>\n<!-- <key>K</key><string>old</string> -->\n<key>J</key><string>1</string>\n\
        <key>K</key>\n<string>a&amp;b</string>\n</dict>\n<key>K</key><string>no</string></dict></plist>\n";

    #[test]
    fn the_variable_of_the_environment_is_found() {
        let world = MemoryWorld::new("/Users/ann").with_file("Library/LaunchAgents/ai.gw.plist", PLIST);
        let found = find(&world, "K");
        assert_eq!(found.len(), 1);
        assert!(found[0].value.as_ref().unwrap().is("a&b"));
        assert_eq!(found[0].line, 9);
        assert!(find(&world, "X").is_empty());
    }
}
