//! A structured file as its agent's parser sees it, as one tree whatever the syntax.

use std::path::{Path, PathBuf};

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Map, Value as Json};

use crate::secret::Secret;
use crate::source::{Format, Place, Pointer, SealedEntry, is_nested_deep};
use crate::world::{FileState, Trouble, World};

/// A structured file. Without a file, and where it does not parse, the tree is null.
pub struct Doc {
    /// The file.
    pub path: PathBuf,
    /// How it is read.
    pub format: Format,
    /// Its content.
    pub root: Json,
    /// A file is there.
    pub present: bool,
    /// Why it cannot be used, if it is there and cannot.
    pub trouble: Option<Trouble>,
    /// What holds the text.
    pub holder: Holder,
}

/// What holds the text of a document.
pub enum Holder {
    /// The file itself.
    File,
    /// An entry of the OS keyring, by service and user.
    Keyring(String, String),
    /// A text in the encrypted store at the path.
    Sealed(SealedEntry),
}

impl Doc {
    /// A file that does not exist.
    #[must_use]
    pub fn none(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            format: Format::Json,
            root: Json::Null,
            present: false,
            trouble: None,
            holder: Holder::File,
        }
    }

    /// Strict JSON (`JSON.parse`).
    #[must_use]
    pub fn json(world: &dyn World, path: impl Into<PathBuf>) -> Self {
        Self::read(world, path.into(), Format::Json, strict)
    }

    /// Strict JSON, as a program reads it that takes a byte order mark for the encoding's name: UTF-8 with or without
    /// one, and UTF-16 with one. Bytes that are no UTF-8 become the replacement character.
    #[must_use]
    pub fn json_by_mark(world: &dyn World, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let state = world.read(&path);
        match state.bytes() {
            Some(bytes) => Self::of(path, Format::Json, Some(strict(&by_mark(bytes))), None),
            None => Self::json(world, path),
        }
    }

    /// JSON with comments, and with trailing commas where `commas`.
    #[must_use]
    pub fn jsonc(world: &dyn World, path: impl Into<PathBuf>, commas: bool) -> Self {
        Self::read(world, path.into(), Format::Json5, move |text| with_comments(text, commas))
    }

    /// JSON with comments, for a reader that drops a byte order mark.
    #[must_use]
    pub fn jsonc_marked(world: &dyn World, path: impl Into<PathBuf>) -> Self {
        let parse = |text: &str| with_comments(text.strip_prefix('\u{feff}').unwrap_or(text), false);
        Self::read(world, path.into(), Format::Json5, parse)
    }

    /// TOML.
    #[must_use]
    pub fn toml(world: &dyn World, path: impl Into<PathBuf>) -> Self {
        Self::read(world, path.into(), Format::Toml, from_toml)
    }

    /// YAML.
    #[must_use]
    pub fn yaml(world: &dyn World, path: impl Into<PathBuf>) -> Self {
        Self::read(world, path.into(), Format::Yaml, from_yaml)
    }

    /// What YAML reads behind a colon where `text` is written there; none if it cannot be read.
    #[must_use]
    pub fn yaml_value(text: &str) -> Option<Json> {
        let mut read = from_yaml(&format!("x: {text}\n")).ok()?;
        let table = read.as_object_mut()?;
        (table.len() == 1).then(|| table.remove("x")).flatten()
    }

    /// A text that is somewhere else than in its own file (a variable, a keyring entry), as JSON with
    /// comments where `comments`.
    #[must_use]
    pub fn text_of(path: impl Into<PathBuf>, text: &str, comments: bool) -> Self {
        let parsed = if comments { with_comments(text, true) } else { strict(text) };
        Self::of(path.into(), Format::Json, Some(parsed), None)
    }

    /// The JSON document in a keyring entry.
    #[must_use]
    pub fn in_keyring(service: &str, user: &str, text: &Secret) -> Self {
        let doc = Self::of(PathBuf::new(), Format::Json, None, None);
        let root = text.json().unwrap_or(Json::Null);
        Self { root, holder: Holder::Keyring(service.to_owned(), user.to_owned()), ..doc }
    }

    /// The JSON document in a text of the encrypted store `path`.
    #[must_use]
    pub fn in_sealed(path: impl Into<PathBuf>, entry: SealedEntry, text: &str) -> Self {
        Self {
            holder: Holder::Sealed(entry),
            ..Self::of(path.into(), Format::Json, Some(strict(text)), None)
        }
    }

    fn read(
        world: &dyn World,
        path: PathBuf,
        format: Format,
        parse: impl Fn(&str) -> Result<Json, String>,
    ) -> Self {
        let state = world.read(&path);
        if matches!(*state, FileState::Missing) {
            return Self { format, ..Self::none(path) };
        }
        let trouble = state.trouble();
        let parsed = state.text().map(parse);
        Self::of(path, format, parsed, trouble)
    }

    fn of(
        path: PathBuf,
        format: Format,
        parsed: Option<Result<Json, String>>,
        trouble: Option<Trouble>,
    ) -> Self {
        let (root, trouble) = match parsed {
            Some(Ok(root)) => (root, trouble),
            Some(Err(message)) => (Json::Null, Some(Trouble::Syntax(message))),
            None => (Json::Null, trouble),
        };
        Self { path, format, root, present: true, trouble, holder: Holder::File }
    }

    /// The file exists and holds a tree.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.present && self.trouble.is_none()
    }

    /// The value under `steps`.
    #[must_use]
    pub fn at(&self, steps: &[&str]) -> Option<&Json> {
        steps.iter().try_fold(&self.root, |value, step| value.get(step))
    }

    /// The text under `steps`, if a text is there.
    #[must_use]
    pub fn text(&self, steps: &[&str]) -> Option<&str> {
        self.at(steps)?.as_str()
    }

    /// The names and values of the table under `steps`.
    pub fn entries(&self, steps: &[&str]) -> impl Iterator<Item = (&String, &Json)> {
        self.at(steps).and_then(Json::as_object).into_iter().flatten()
    }

    /// The place of the value under `steps`.
    #[must_use]
    pub fn place(&self, steps: &[&str]) -> Place {
        let pointer = Pointer::new(steps.iter().copied());
        match &self.holder {
            Holder::File => Place::Field { file: self.path.clone(), format: self.format, pointer },
            Holder::Keyring(service, user) => {
                Place::KeyringField { service: service.clone(), user: user.clone(), pointer }
            }
            Holder::Sealed(entry) => {
                Place::SealedField { file: self.path.clone(), entry: entry.clone(), pointer }
            }
        }
    }

    /// The file and why it cannot be used.
    #[must_use]
    pub fn problem(&self) -> Option<(PathBuf, Trouble)> {
        self.trouble.clone().map(|trouble| (self.path.clone(), trouble))
    }

    /// The folder of the file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

/// Lays `over` onto `base`: tables are joined, everything else is replaced.
pub fn merge(base: &mut Json, over: &Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name.clone()).or_insert(Json::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Place and kind of a syntax error; the parser's own message may quote the text around it.
fn at_line(line: usize, column: usize, what: &str) -> String {
    format!("{what} at line {line}, column {column}")
}

fn by_mark(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn strict(text: &str) -> Result<Json, String> {
    if text.starts_with('\u{feff}') {
        return Err("not strict JSON: a byte order mark is before it".to_owned());
    }
    let place = |e: serde_json::Error| at_line(e.line(), e.column(), "not strict JSON");
    serde_json::from_str(text).map_err(|e| unclosed(text, "not strict JSON").unwrap_or_else(|| place(e)))
}

/// The first string that its line does not close: the fault is where it begins, and a parser stumbles lines later.
fn unclosed(text: &str, what: &str) -> Option<String> {
    let (mut line, mut column) = (1, 0);
    let mut opened: Option<(usize, usize)> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        column += 1;
        match (c, opened) {
            ('\n', Some((line, column))) => {
                return Some(at_line(line, column, &format!("{what}: a string is not closed that begins")));
            }
            ('\n', None) => (line, column) = (line + 1, 0),
            ('\\', Some(_)) if chars.peek() != Some(&'\n') => {
                chars.next();
                column += 1;
            }
            ('"', Some(_)) => opened = None,
            ('"', None) => opened = Some((line, column)),
            // The rest of a line behind `//` is a comment, quotes in it and all.
            ('/', None) if chars.peek() == Some(&'/') => {
                while chars.next_if(|next| *next != '\n').is_some() {}
            }
            // Whether a quote in a block comment opens a string is not for this to say.
            ('/', None) if chars.peek() == Some(&'*') => return None,
            _ => {}
        }
    }
    opened.map(|(line, column)| at_line(line, column, &format!("{what}: a string is not closed that begins")))
}

fn with_comments(text: &str, commas: bool) -> Result<Json, String> {
    if is_nested_deep(text) {
        return Err("nested too deep to be a configuration".to_owned());
    }
    let options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: commas,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_extended_string_escapes: false,
        allow_non_finite_numbers: false,
    };
    parse_to_serde_value::<Json>(text, &options).map_err(|e| {
        let what = "not JSON with comments";
        unclosed(text, what).unwrap_or_else(|| at_line(e.line_display(), e.column_display(), what))
    })
}

fn from_toml(text: &str) -> Result<Json, String> {
    let table: toml::Table = toml::from_str(text).map_err(|e| {
        let start = e.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..start).unwrap_or("");
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        at_line(before.matches('\n').count() + 1, column, "not TOML")
    })?;
    serde_json::to_value(table).map_err(|_| "not TOML".to_owned())
}

fn from_yaml(text: &str) -> Result<Json, String> {
    if is_nested_deep(text) {
        return Err("nested too deep to be a configuration".to_owned());
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Json::Object(Map::new()));
    }
    serde_saphyr::from_str::<Json>(text).map_err(|e| match e.location() {
        Some(at) => {
            let (line, column) = (at.line(), at.column());
            format!("not YAML at line {line}, column {column}")
        }
        None => "not YAML".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    #[test]
    fn a_string_that_is_not_closed_is_named_where_it_begins() {
        let said = |text: &str| with_comments(text, true).unwrap_err();
        let place = "not JSON with comments: a string is not closed that begins at line 3, column 6";
        assert_eq!(said("{ // it's \"here\n\"a\": 1,\n\"b\": \"x\n}\n"), place);
        assert_eq!(said("{\"a\": \"x\\\"\",\n\"b\" 1}"), "not JSON with comments at line 2, column 5");
        assert!(strict("{\"a\": \"x").unwrap_err().ends_with("begins at line 1, column 7"));
    }

    #[test]
    fn each_syntax_becomes_one_tree() {
        let world = MemoryWorld::new("/h")
            .with_file("a.json", "{\"a\":{\"b\":\"x\"}}")
            .with_file("c.json", "{// note\n\"a\":{\"b\":\"x\"}}")
            .with_file("a.toml", "[a]\nb = \"x\"\n")
            .with_file("a.yaml", "a:\n  b: x\n");
        let docs = [
            Doc::json(&world, "/h/a.json"),
            Doc::jsonc(&world, "/h/c.json", false),
            Doc::toml(&world, "/h/a.toml"),
            Doc::yaml(&world, "/h/a.yaml"),
        ];
        for doc in docs {
            assert_eq!(doc.text(&["a", "b"]), Some("x"), "{}", doc.path.display());
        }
    }

    #[test]
    fn a_broken_file_is_a_trouble_that_quotes_nothing() {
        let key = "sk-FAKE-not-to-be-quoted";
        let world = MemoryWorld::new("/h")
            .with_file("a.json", format!("{{\"a\": \"{key}\" oops"))
            .with_file("a.toml", format!("a = \"{key}\" oops"))
            .with_file("a.yaml", format!("a: [\"{key}\", oops"));
        let docs =
            [Doc::json(&world, "/h/a.json"), Doc::toml(&world, "/h/a.toml"), Doc::yaml(&world, "/h/a.yaml")];
        for doc in docs {
            let trouble = doc.trouble.clone().expect("a trouble").to_string();
            assert!(!trouble.contains("FAKE") && trouble.contains("line 1"), "{trouble}");
        }
    }

    #[test]
    fn tables_are_joined_and_everything_else_replaced() {
        let mut base = serde_json::json!({"a": {"b": 1, "c": [1]}, "d": 1});
        merge(&mut base, &serde_json::json!({"a": {"c": [2], "e": 3}}));
        assert_eq!(base, serde_json::json!({"a": {"b": 1, "c": [2], "e": 3}, "d": 1}));
    }
}
