//! The program's source as these tests read it: without its own tests, without comments, and what each file imports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One file of `src/`.
pub struct File {
    /// Its path below `src/`: `agents/llm.rs`.
    pub name: String,
    /// Its code, without tests and comments.
    pub code: String,
}

impl File {
    /// The module that it is: `["agents", "llm"]`.
    pub fn path(&self) -> Vec<&str> {
        self.name.trim_end_matches(".rs").split('/').collect()
    }

    /// The top module that it belongs to.
    pub fn module(&self) -> &str {
        self.path()[0]
    }

    /// The files below it whose items it uses. To hand them on (`pub use child::Item`) is no use.
    pub fn children(&self) -> BTreeSet<Vec<String>> {
        let own = self.path().into_iter().map(str::to_owned);
        let declared = self.code.lines().filter_map(|line| {
            let item = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            item.strip_prefix("mod ")?.strip_suffix(';')
        });
        let named = declared.filter(|child| {
            self.code.match_indices(&format!("{child}::")).any(|(at, _)| {
                let before = &self.code[..at];
                let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
                whole && !before.ends_with("pub use ") && !before.ends_with("pub(crate) use ")
            })
        });
        named.map(|child| own.clone().chain([child.to_owned()]).collect()).collect()
    }

    /// All that it names by a path from `crate`, `super` or `self`, in `use` and in bodies, as paths from the crate.
    pub fn imports(&self) -> BTreeSet<Vec<String>> {
        let own: Vec<String> = self.path().into_iter().map(str::to_owned).collect();
        let mut found = BTreeSet::new();
        let mut before = ' ';
        for (at, c) in self.code.char_indices() {
            let begins = !(before.is_alphanumeric() || before == '_' || before == ':');
            before = c;
            if !begins {
                continue;
            }
            let rest = &self.code[at..];
            let from = match () {
                () if rest.starts_with("crate::") || rest.starts_with("keymend::") => vec![],
                () if rest.starts_with("self::") => own.clone(),
                () if rest.starts_with("super::") => own[..own.len() - 1].to_vec(),
                () => continue,
            };
            let tree = rest.split_once("::").map_or("", |(_, tree)| tree);
            walk(tree, from, &mut found);
        }
        found
    }
}

/// Follows a tree of a `use`, or a plain path; gives what is left of the text behind it.
fn walk<'a>(text: &'a str, mut path: Vec<String>, found: &mut BTreeSet<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = walk(rest, path.clone(), found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => rest = more,
                more => return more.unwrap_or(rest).trim_start().strip_prefix('}').unwrap_or_default(),
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "super" => drop(path.pop()),
        "self" | "" => {}
        name => path.push(name.to_owned()),
    }
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => walk(rest, path, found),
        _ => {
            found.insert(path);
            let alias = rest.strip_prefix(" as ").map(str::trim_start);
            alias.map_or(rest, |name| name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
    }
}

/// Every file of `src/` that is not a test, sorted.
pub fn all() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = vec![];
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                texts.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    texts.sort();
    let tests: BTreeSet<String> = texts.iter().flat_map(|(name, text)| test_files(name, text)).collect();
    let is_test = |name: &str| {
        tests.iter().any(|test| name == format!("{test}.rs") || name.starts_with(&format!("{test}/")))
    };
    texts.retain(|(name, _)| !is_test(name));
    texts.into_iter().map(|(name, text)| File { name, code: code(&text) }).collect()
}

/// The files that a file takes in for its tests alone, without their ending.
fn test_files(name: &str, text: &str) -> Vec<String> {
    let folder = name.trim_end_matches(".rs");
    let mut found = vec![];
    let mut lines = text.lines();
    while lines.any(|line| line == "#[cfg(test)]") {
        let item = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
        let module = item.trim_start_matches("pub(crate) ").strip_prefix("mod ");
        found.extend(module.and_then(|item| item.strip_suffix(';')).map(|name| format!("{folder}/{name}")));
    }
    found
}

/// The code without its tests and without lines of comment.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.trim_start().starts_with("#[cfg(test)]") {
            let indent = &line[..line.len() - line.trim_start().len()];
            skip_item(&mut lines, indent);
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

/// Skips the item behind its attribute: to the line that closes it, which rustfmt sets as far in as the item itself.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>, indent: &str) {
    let mut first = true;
    for line in lines {
        let own = line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with(' '));
        let attribute = first && line.trim_start().starts_with("#[");
        if attribute {
            continue;
        }
        let closes = line.ends_with(';') || line.ends_with('}') || line.ends_with(',');
        if own && closes {
            return;
        }
        first = false;
    }
}

#[test]
fn imports_are_read_in_groups_bodies_and_from_parents() {
    let code = "use crate::a::{self, b::{C, D as E}, f};\nuse super::{g};\nuse super::super::h;\nfn x() { crate::i::j::<u8>() }\n\
                use self::k::*;\nlet y = my_crate::no;";
    let file = File { name: "one/two/three.rs".to_owned(), code: code.to_owned() };
    let found: Vec<String> = file.imports().iter().map(|path| path.join("::")).collect();
    let all = ["a", "a::b::C", "a::b::D", "a::f", "i::j", "one::h", "one::two::g", "one::two::three::k"];
    assert_eq!(found, all);
}

#[test]
fn tests_and_comments_are_no_code() {
    let text = "use a;\n// b\n#[cfg(test)]\nfn c() {\n    d\n}\n#[cfg(test)]\n#[allow(x)]\nmod e;\nf\n#[cfg(test)]\nmod tests {\n    g\n}\n";
    assert_eq!(code(text), "use a;\nf\n");
    assert_eq!(test_files("h/i.rs", text), ["h/i/e"]);
}
