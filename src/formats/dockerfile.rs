//! The variables that a Dockerfile bakes into its image: `ENV`, and the defaults of `ARG`. Docker's reference: `ENV NAME=value …`
//! with quotes and backslashes, or `ENV NAME all the rest`; a backslash at the end continues the line, and comment lines between
//! are left out.

use std::path::{Path, PathBuf};

use crate::secret::Secret;
use crate::world::World;

/// One place where an image gets a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The Dockerfile.
    pub file: PathBuf,
    /// The one-based line on which the instruction starts.
    pub line: usize,
    /// The variable.
    pub name: String,
    /// The value, or none if it is made of other variables.
    pub value: Option<Secret>,
}

/// What the Dockerfile of the working directory sets.
#[must_use]
pub fn look(world: &dyn World) -> Vec<Setting> {
    let file = world.cwd().join("Dockerfile");
    let state = world.read(&file);
    state.text().map(|text| settings(&file, text)).unwrap_or_default()
}

fn settings(file: &Path, text: &str) -> Vec<Setting> {
    let mut found = vec![];
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let mut whole = line.trim().to_owned();
        while let Some(head) = whole.strip_suffix('\\') {
            whole = format!("{head} ");
            let next = lines.by_ref().map(|(_, next)| next.trim()).find(|next| !next.starts_with('#'));
            match next {
                Some(next) => whole.push_str(next),
                None => break,
            }
        }
        let Some((instruction, rest)) = whole.split_once(char::is_whitespace) else { continue };
        let pairs = match instruction.to_ascii_uppercase().as_str() {
            "ENV" => assignments(rest.trim()),
            "ARG" => assignments(rest.trim()).into_iter().filter(|_| rest.contains('=')).collect(),
            _ => continue,
        };
        found.extend(pairs.into_iter().map(|(name, value)| Setting {
            file: file.to_owned(),
            line: at + 1,
            name,
            value: (!value.contains('$')).then(|| Secret::new(value)),
        }));
    }
    found
}

fn assignments(rest: &str) -> Vec<(String, String)> {
    let first = rest.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        // The old form: one variable, and everything behind it.
        let old = rest.split_once(char::is_whitespace);
        return old.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).into_iter().collect();
    }
    let pairs = words(rest).into_iter();
    pairs
        .filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect()
}

fn words(text: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('\\', None | Some('"')) => word.extend(chars.next()),
            (c, None) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = "FROM x\n# ENV A=no\nENV A=1 B=\"two words\" \\\n    # in between\n    C=3\nENV OLD all the rest\n\
                    ARG D=4\nARG E\nenv F=${A}\nRUN export G=1\n";
        let found = settings(Path::new("/p/Dockerfile"), text);
        let told: Vec<(usize, &str, bool)> =
            found.iter().map(|one| (one.line, one.name.as_str(), one.value.is_some())).collect();
        let expected = [
            (3, "A", true),
            (3, "B", true),
            (3, "C", true),
            (6, "OLD", true),
            (7, "D", true),
            (9, "F", false),
        ];
        assert_eq!(told, expected);
        assert!(found[1].value.as_ref().unwrap().is("two words"));
        assert!(found[3].value.as_ref().unwrap().is("all the rest"));
    }
}
