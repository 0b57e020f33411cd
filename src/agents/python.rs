//! What the Python agents share: how to read their version without running them, variables in layers, and which keys their HTTP library refuses to put into a header.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::agents::engine::{Layers, OwnHeader, Unsendable};
use crate::formats::assignment::Assignment;
use crate::formats::dotenv::{self, Expansion};
use crate::resolve::Header;
use crate::secret::Secret;
use crate::source::{Dialect, Place};
use crate::world::{FileState, World};

/// The version of the distribution `dist` (as its `dist-info` folder is called: `aider_chat`) beside the program that
/// `executable` starts from `PATH`.
pub fn version(world: &dyn World, executable: &str, dist: &str) -> Option<String> {
    let prefix = format!("{dist}-");
    site_packages(world, executable).iter().find_map(|dir| {
        let names = world.list(dir);
        let name = names
            .iter()
            .find(|name| name.to_ascii_lowercase().starts_with(&prefix) && name.ends_with(".dist-info"))?;
        Some(name[prefix.len()..name.len() - ".dist-info".len()].to_owned())
    })
}

/// The folders where the packages of the Python that runs `executable` are installed.
pub fn site_packages(world: &dyn World, executable: &str) -> Vec<PathBuf> {
    let Some(root) = world.executable(executable).and_then(|exe| Some(exe.parent()?.parent()?.to_owned()))
    else {
        return Vec::new();
    };
    let libs = [root.join("lib"), root.join("local/lib"), root.join("Lib")];
    let pythons = libs.iter().flat_map(|lib| {
        let names = world.list(lib).into_iter().filter(|name| name.starts_with("python"));
        names.map(|name| lib.join(name)).chain([lib.clone()]).collect::<Vec<_>>()
    });
    pythons
        .flat_map(|python| [python.join("site-packages"), python.join("dist-packages")])
        .filter(|dir| world.exists(dir))
        .collect()
}

/// `path` as Python resolves it: relative to the working directory, without `.` and `..`.
pub fn resolve(world: &dyn World, path: &str) -> PathBuf {
    let mut done = PathBuf::new();
    for part in world.cwd().join(path).components() {
        match part {
            Component::ParentDir => drop(done.pop()),
            Component::CurDir => {}
            part => done.push(part),
        }
    }
    done
}

/// Why `httpx` (h11) does not send this key in this header, if it does not. The request is then never sent.
pub fn refused(key: &Secret, header: &Header) -> Option<&'static str> {
    if matches!(header, Header::Query(_)) {
        return key
            .any_char(char::is_control)
            .then_some("the key holds a control character, which is not allowed in an address");
    }
    if key.any_char(|c| !c.is_ascii()) {
        return Some("the key holds a character that is not ASCII");
    }
    if key.any_char(|c| matches!(c, '\0' | '\n' | '\r' | '\u{b}' | '\u{c}')) {
        return Some("the key holds a line feed or another control character");
    }
    let blank = |c: &str| key.starts_with(c) && matches!(header, Header::Raw(_)) || key.ends_with(c);
    (blank(" ") || blank("\t")).then_some("the key begins or ends with a blank")
}

/// What `httpx` (h11) puts into a header.
pub fn h11(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    match refused(key, header) {
        Some(why) => Err(Unsendable::Faulty(format!("{why}; the request is never sent"))),
        None => Ok(key.clone()),
    }
}

/// How the python-dotenv reads that is installed for `executable`; `otherwise` where its version is unknown.
pub fn dotenv_dialect(world: &dyn World, executable: &str, otherwise: Dialect) -> Dialect {
    let Some(version) = version(world, executable, "python_dotenv") else { return otherwise };
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if parts.as_slice() < &[1, 2, 3] { Dialect::PythonDotenvMarked } else { Dialect::PythonDotenv }
}

/// The same for `httpx2`, with which Anthropic's SDK from 1.17 on sends its key: what is not ASCII goes as UTF-8.
pub fn h11_utf8(key: &Secret, header: &Header) -> Result<Secret, Unsendable> {
    let ascii = key.map(|text| text.replace(|c: char| !c.is_ascii(), "x"));
    h11(&ascii, header).map(|_| key.clone())
}

/// What python-dotenv reads from a file, in the file's order without duplicates, or none if there is no such file.
pub fn dotenv_file(
    world: &dyn World,
    file: &Path,
    dialect: Dialect,
    env: &BTreeMap<String, String>,
    expansion: Expansion,
) -> Option<Vec<Assignment>> {
    let state = world.read(file);
    let bytes = match &*state {
        FileState::Regular(content) => &content.bytes,
        _ => return None,
    };
    if std::str::from_utf8(bytes).is_err() {
        return Some(Vec::new());
    }
    Some(last_of_each(dotenv::parse_with(dialect, bytes, env, expansion).assignments))
}

/// What another loader than python-dotenv reads from a file: the deciding assignment of each name.
pub fn dotenv_file_as(
    world: &dyn World,
    dialect: Dialect,
    file: &Path,
    env: &BTreeMap<String, String>,
) -> Option<Vec<Assignment>> {
    let state = world.read(file);
    let parsed = dotenv::parse(dialect, state.bytes()?, env);
    if parsed.first_wins {
        return Some(last_of_each(parsed.assignments.into_iter().rev()));
    }
    Some(last_of_each(parsed.assignments))
}

/// The last assignment of each name, in the order of the names.
fn last_of_each(assignments: impl IntoIterator<Item = Assignment>) -> Vec<Assignment> {
    let named = assignments.into_iter().map(|assignment| (assignment.name.clone(), assignment));
    named.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The place of an assignment in a `.env` file that is read in this way.
pub fn line_place(file: &Path, dialect: Dialect, line: Option<usize>, name: &str) -> Place {
    Place::Line { file: file.to_owned(), line, name: name.to_owned(), dialect }
}

/// `PYTHON_DOTENV_DISABLED` turns python-dotenv off (python-dotenv 1.2 `main.py`).
pub fn dotenv_disabled(world: &dyn World) -> bool {
    let off = |value: &str| matches!(value.to_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y");
    world.var("PYTHON_DOTENV_DISABLED").is_some_and(off)
}

/// `OPENAI_CUSTOM_HEADERS` and `ANTHROPIC_CUSTOM_HEADERS`: lines of `name: value` that the SDKs add to each request
/// (openai 3.52, anthropic 1.17).
pub fn custom_headers(layers: &Layers, variable: &str) -> Vec<OwnHeader> {
    let Some(layer) = layers.get(variable) else { return Vec::new() };
    let lines = layer.text.split('\n').filter_map(|line| line.split_once(':'));
    let header = |(name, value): (&str, &str)| {
        OwnHeader::shown(name.trim(), value.trim(), layer.source, layer.place.clone())
    };
    lines.filter_map(header).collect()
}

/// Whether a variable that a Python SDK takes as a base URL holds a blank at its edge or nothing at all: no request
/// is sent then (openai 3.52, anthropic 1.17).
pub fn broken_base(world: &dyn World, name: &str) -> bool {
    world.var(name).is_some_and(|value| value.is_empty() || value.trim() != value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn the_version_stands_in_the_name_of_the_dist_info_folder() {
        let mut world = MemoryWorld::new("/home/ann")
            .with_file("/opt/v/lib/python3.11/site-packages/aider_chat-0.86.2.dist-info/METADATA", "");
        world.executables.insert("aider".into(), "/opt/v/bin/aider".into());
        assert_eq!(version(&world, "aider", "aider_chat").as_deref(), Some("0.86.2"));
        assert_eq!(version(&world, "llm", "llm"), None);
    }

    #[test]
    fn h11_refuses_blanks_at_the_edge_of_a_header() {
        let bearer = |key: &str| refused(&Secret::new(key), &Header::Bearer).is_some();
        let raw = |key: &str| refused(&Secret::new(key), &Header::raw("x-api-key")).is_some();
        assert!(!bearer("sk-FAKE") && !bearer(" sk-FAKE") && !raw("sk-FAKE"));
        assert!(bearer("sk-FAKE ") && bearer("sk-FAKE\n") && bearer("sk-FA\u{200b}KE") && raw(" sk-FAKE"));
    }
}
