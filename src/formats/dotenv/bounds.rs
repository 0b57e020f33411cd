//! Every reader keeps the one limit on what references may bring in (see [`crate::formats::bound`]).

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::parse;
use crate::formats::assignment::Parsed;
use crate::formats::bound::{MARK, MAX_FILE, MAX_VALUE, is_too_long};
use crate::source::Dialect;

/// The readers that expand references to what comes before in the same file.
const EXPANDING: [Dialect; 10] = [
    Dialect::PythonDotenv,
    Dialect::Bun,
    Dialect::Dotenvy,
    Dialect::ComposeGo,
    Dialect::Direnv,
    Dialect::EnvironmentD,
    Dialect::Bash,
    Dialect::Sh,
    Dialect::Zsh,
    Dialect::Fish,
];

/// Twenty lines of which each is three times the one before: 27 GB.
fn bomb(dialect: Dialect) -> String {
    let line = |name: String, value: String| match dialect {
        Dialect::Fish => format!("set -gx {name} {value}\n"),
        _ => format!("{name}={value}\n"),
    };
    let reference = |i: usize| if dialect == Dialect::Fish { format!("$V{i}") } else { format!("${{V{i}}}") };
    let mut text = line("V0".into(), "xxxxxxxx".into());
    for i in 1..20 {
        text += &line(format!("V{i}"), reference(i - 1).repeat(3));
    }
    text + &line("K".into(), "sk-FAKE".into())
}

fn read(dialect: Dialect, text: &str) -> Parsed {
    parse(dialect, text.as_bytes(), &BTreeMap::from([("E".to_owned(), "e".repeat(40_000))]))
}

fn value(parsed: &Parsed, name: &str) -> Option<String> {
    parsed.get(name).map(|found| found.value.clone())
}

/// What the file spells out, and what its references brought in, at most.
fn within_bounds(parsed: &Parsed, text: &str) -> Result<(), String> {
    let total: usize = parsed.assignments.iter().map(|found| found.value.len()).sum();
    let marks = parsed.assignments.iter().filter(|found| found.value == MARK).count();
    let longest = parsed.assignments.iter().map(|found| found.value.len()).max().unwrap_or(0);
    // An escape sequence is never longer than two bytes for one; compose v1 doubles `$`.
    if longest > MAX_VALUE.max(2 * text.len()) {
        return Err(format!("a value of {longest} bytes"));
    }
    // A bare name in docker's and compose's files takes the environment's value as it is.
    let taken = text.lines().filter(|line| line.trim() == "E").count() * 40_000;
    if total > 2 * text.len() + MAX_FILE + marks * MARK.len() + taken {
        return Err(format!("values of {total} bytes"));
    }
    Ok(())
}

#[test]
fn a_bomb_is_too_long_and_the_rest_of_the_file_is_read() {
    for dialect in EXPANDING {
        let text = bomb(dialect);
        let parsed = read(dialect, &text);
        let get = |name: &str| value(&parsed, name).unwrap_or_else(|| panic!("{dialect:?} {name}"));
        assert_eq!(get("K"), "sk-FAKE", "{dialect:?}");
        assert_eq!(get("V8").len(), 8 * 3_usize.pow(8), "{dialect:?}: the real parser's value");
        for i in 9..20 {
            assert_eq!(get(&format!("V{i}")), MARK, "{dialect:?} V{i}");
        }
        within_bounds(&parsed, &text).unwrap();
    }
}

#[test]
fn a_long_chain_ends_in_one_mebibyte() {
    for dialect in EXPANDING {
        let mut text = bomb(dialect);
        for i in 20..4000 {
            text += &match dialect {
                Dialect::Fish => format!("set -gx W{i} \"$W{}x\"\n", i - 1),
                _ => format!("W{i}=${{W{}}}x\n", i - 1),
            };
        }
        let parsed = read(dialect, &text);
        within_bounds(&parsed, &text).unwrap();
        assert!(is_too_long(&value(&parsed, "W3999").unwrap()) || dialect == Dialect::Fish, "{dialect:?}");
        assert_eq!(value(&parsed, "K").as_deref(), Some("sk-FAKE"), "{dialect:?}");
    }
}

#[test]
fn references_without_an_end_and_defaults_in_defaults_are_bounded() {
    let inner = [
        "${".repeat(2_000),
        "${A:-".repeat(2_000),
        format!("{}x{}", "${A:-".repeat(2_000), "}".repeat(2_000)),
        "$A:-".repeat(2_000),
        format!("{}:?}}", "${".repeat(2_000)),
        "$E".repeat(2_000),
        "$(".repeat(1_000),
        "\\$".repeat(2_000),
    ];
    for dialect in EXPANDING {
        for inner in &inner {
            for quote in ["", "\"", "'"] {
                let text = match dialect {
                    Dialect::Fish => format!("set -gx V {quote}{inner}{quote}\n"),
                    _ => format!("V={quote}{inner}{quote}\n"),
                };
                within_bounds(&read(dialect, &text), &text).unwrap_or_else(|why| panic!("{dialect:?} {why}"));
            }
        }
    }
}

proptest! {
    #[test]
    fn no_reader_gives_more_than_the_bound(
        lines in prop::collection::vec(
            ("[A-E]", prop::collection::vec("[a-c]{0,9}|\\$[A-E]|\\$\\{[A-E]\\}|\\$\\{[A-E]:?[-+][a-c]{0,3}\\}|\\$\\{[A-E]:-\\$\\{[A-E]\\}\\}|\\$|\\\\", 0..7), "[\"' ]?"),
            0..40,
        ),
    ) {
        let lines: Vec<(String, String)> = lines
            .iter()
            .map(|(name, parts, quote)| (name.clone(), format!("{quote}{}{quote}", parts.concat())))
            .collect();
        for dialect in Dialect::ALL {
            let line = |(name, value): &(String, String)| match dialect {
                Dialect::Fish => format!("set -gx {name} {value}\n"),
                _ => format!("{name}={value}\n"),
            };
            let text: String = lines.iter().map(line).collect();
            let parsed = read(dialect, &text);
            prop_assert_eq!(within_bounds(&parsed, &text), Ok(()), "{:?}", dialect);
        }
    }
}
