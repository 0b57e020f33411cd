//! Every format: what goes in, what comes out, byte for byte.

use super::*;
use crate::edit::{Syntax, apply};
use crate::secret::Secret;

const KEY: &str = "sk-FAKE-0123456789abcdefABCDEF";

fn edit(pointer: &str, new: New) -> Edit {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    Edit { spot: Spot::Field(Pointer::new(steps)), new }
}

fn run(format: Format, text: &str, pointer: &str, new: New) -> Result<String, EditError> {
    let after = apply(Syntax::Tree(format), Some(text.as_bytes()), &[edit(pointer, new)])?;
    Ok(String::from_utf8(after.to_vec()).expect("text"))
}

fn set(format: Format, text: &str, pointer: &str) -> Result<String, EditError> {
    run(format, text, pointer, New::Key(Secret::new(KEY)))
}

/// Each case: format, before with the spot marked `§`, pointer, and after, where `§` is the key as `shown`.
fn check_set(cases: &[(Format, &str, &str, &str)]) {
    for (format, before, pointer, after) in cases {
        assert_eq!(
            set(*format, before, pointer).as_deref(),
            Ok(after.replace('§', KEY).as_str()),
            "{format:?} {before}"
        );
    }
}

#[test]
fn a_value_is_replaced_and_nothing_else() {
    check_set(&[
        (Format::Json, r#"{"a":1,"k":"old","z":[1, 2]}"#, "/k", r#"{"a":1,"k":"§","z":[1, 2]}"#),
        (
            Format::Json,
            "\u{feff}{\r\n\t\"k\" : \"o\\u006cd\"\r\n}\r\n",
            "/k",
            "\u{feff}{\r\n\t\"k\" : \"§\"\r\n}\r\n",
        ),
        (Format::Json, r#"{"p":{"a:b":{"key":null}}}"#, "/p/a:b/key", r#"{"p":{"a:b":{"key":"§"}}}"#),
        (Format::Json, r#"{"l":[{"t":"x"},{"t":"old"}]}"#, "/l/1/t", r#"{"l":[{"t":"x"},{"t":"§"}]}"#),
        (Format::Json5, "{ // c\n  k: 'old', /* d */\n}", "/k", "{ // c\n  k: '§', /* d */\n}"),
        (Format::Yaml, "a: 1 # one\nk: old   # two\n", "/k", "a: 1 # one\nk: §   # two\n"),
        (Format::Yaml, "k: 'old' # c\r\nb: \"x\"\r\n", "/k", "k: '§' # c\r\nb: \"x\"\r\n"),
        (Format::Yaml, "k: \"old\"\n", "/k", "k: \"§\"\n"),
        (
            Format::Yaml,
            "m:\n  - n: x\n    k: old\n  - n: y\n",
            "/m/0/k",
            "m:\n  - n: x\n    k: §\n  - n: y\n",
        ),
        (Format::Yaml, "m: {a: 1, k: old}\n", "/m/k", "m: {a: 1, k: §}\n"),
        (Format::Yaml, "k:\nb: 1\n", "/k", "k: \"§\"\nb: 1\n"),
        (Format::Yaml, "k: null\n", "/k", "k: §\n"),
        (Format::Yaml, "ü: 'é'\nk: old # ü\n", "/k", "ü: 'é'\nk: § # ü\n"),
        (Format::Yaml, "k: old\n  more\nb: 1\n", "/k", "k: §\nb: 1\n"),
        (Format::Yaml, "m: &x\n  k: old\nb: 1\n", "/m/k", "m: &x\n  k: §\nb: 1\n"),
        (Format::Yaml, "---\n? k\n: old\n...\n", "/k", "---\n? k\n: §\n...\n"),
        (Format::Yaml, "l: [[old], {k: old}]\n", "/l/1/k", "l: [[old], {k: §}]\n"),
        (Format::Toml, "# c\r\n[a]\r\nk = \"old\" # d\r\n", "/a/k", "# c\r\n[a]\r\nk = \"§\" # d\r\n"),
        (Format::Toml, "a = { k = 'old', b = 1 }\n", "/a/k", "a = { k = '§', b = 1 }\n"),
        (
            Format::Toml,
            "[[p]]\nn = 1\n[[p]]\nk = \"\"\"old\"\"\"\n",
            "/p/1/k",
            "[[p]]\nn = 1\n[[p]]\nk = \"§\"\n",
        ),
        (Format::Toml, "a.b.k = \"old\"\n", "/a/b/k", "a.b.k = \"§\"\n"),
    ]);
}

#[test]
fn a_missing_field_is_inserted_in_the_documents_own_style() {
    check_set(&[
        (Format::Json, "{}", "/k", "{\n  \"k\": \"§\"\n}"),
        (Format::Json, r#"{"a":1}"#, "/k", r#"{"a":1,"k":"§"}"#),
        (Format::Json, r#"{"a": 1, "b": 2}"#, "/k", r#"{"a": 1, "b": 2, "k": "§"}"#),
        (
            Format::Json,
            "{\n    \"a\": {\n        \"b\": 1\n    }\n}\n",
            "/a/k",
            "{\n    \"a\": {\n        \"b\": 1,\n        \"k\": \"§\"\n    }\n}\n",
        ),
        (
            Format::Json,
            "{\n\t\"a\": {}\n}\n",
            "/a/b/k",
            "{\n\t\"a\": {\n\t\t\"b\": {\n\t\t\t\"k\": \"§\"\n\t\t}\n\t}\n}\n",
        ),
        (
            Format::Json5,
            "{\n  a: 1, // one\n  b: 'x', // two\n  // three\n}\n",
            "/k",
            "{\n  a: 1, // one\n  b: 'x', // two\n  k: '§',\n  // three\n}\n",
        ),
        (Format::Json5, "{\n  a: 1 // one\n}\n", "/k", "{\n  a: 1, // one\n  k: \"§\"\n}\n"),
        (Format::Json5, "{\r\n  \"a\": 1\r\n}", "/k", "{\r\n  \"a\": 1,\r\n  \"k\": \"§\"\r\n}"),
        (Format::Yaml, "", "/k", "k: \"§\"\n"),
        (Format::Yaml, "# only a comment\n", "/a/k", "# only a comment\na:\n  k: \"§\"\n"),
        (Format::Yaml, "a: 1", "/k", "a: 1\nk: \"§\"\n"),
        (
            Format::Yaml,
            "m:\n    a: 1 # one\n# end\nz: 2\n",
            "/m/k",
            "m:\n    a: 1 # one\n    k: \"§\"\n# end\nz: 2\n",
        ),
        (Format::Yaml, "m:\nz: 2\n", "/m/k", "m:\n  k: \"§\"\nz: 2\n"),
        (Format::Yaml, "m: {}\n", "/m/k", "m: {k: \"§\"}\n"),
        (Format::Yaml, "m: {a: 1}\n", "/m/k", "m: {a: 1, k: \"§\"}\n"),
        (Format::Yaml, "m:\n- a: 1\n- b: 2\n", "/m/0/k", "m:\n- a: 1\n  k: \"§\"\n- b: 2\n"),
        (Format::Toml, "", "/a/k", "[a]\nk = \"§\"\n"),
        (Format::Toml, "a = 1\n\n[b]\nc = 1\n", "/k", "a = 1\nk = \"§\"\n\n[b]\nc = 1\n"),
        (Format::Toml, "[b]\nc = 1 # x\n\n[d]\n", "/b/k", "[b]\nc = 1 # x\nk = \"§\"\n\n[d]\n"),
        (Format::Toml, "[b]\n[d]\n", "/b/k", "[b]\nk = \"§\"\n[d]\n"),
        (Format::Toml, "[b.c]\nx = 1\n", "/b/k", "[b.c]\nx = 1\n\n[b]\nk = \"§\"\n"),
        (Format::Toml, "a = { b = 1 }\n", "/a/k", "a = { b = 1, k = \"§\" }\n"),
        (Format::Toml, "[[p]]\nn = 1\r\n", "/p/0/k", "[[p]]\nn = 1\r\nk = \"§\"\r\n"),
        (Format::Toml, "a.b = 1\n", "/a/k", "a.b = 1\na.k = \"§\"\n"),
    ]);
}

#[test]
fn a_list_takes_a_new_last_item() {
    check_set(&[
        (Format::Json, r#"{"l":["a","b"]}"#, "/l/-", r#"{"l":["a","b","§"]}"#),
        (
            Format::Json,
            "{\n  \"l\": [\n    \"a\"\n  ]\n}",
            "/l/1",
            "{\n  \"l\": [\n    \"a\",\n    \"§\"\n  ]\n}",
        ),
        (Format::Json, "{\n  \"l\": []\n}", "/l/0", "{\n  \"l\": [\n    \"§\"\n  ]\n}"),
        (Format::Yaml, "l:\n  - a\n  - b\nz: 1\n", "/l/-", "l:\n  - a\n  - b\n  - \"§\"\nz: 1\n"),
        (Format::Toml, "l = [\"a\"]\n", "/l/-", "l = [\"a\", \"§\"]\n"),
    ]);
}

#[test]
fn a_removed_field_takes_its_comma_and_line_along() {
    let cases = [
        (Format::Json, r#"{"a":1,"k":"x","b":2}"#, "/k", r#"{"a":1,"b":2}"#),
        (Format::Json, r#"{"a": 1, "k": "x"}"#, "/k", r#"{"a": 1}"#),
        (Format::Json, r#"{"k":"x"}"#, "/k", r"{}"),
        (Format::Json, "{\n  \"a\": 1,\n  \"k\": \"x\"\n}\n", "/k", "{\n  \"a\": 1\n}\n"),
        (
            Format::Json5,
            "{\n  a: 1, // a\n  k: 'x', // k\n  b: 2,\n}\n",
            "/k",
            "{\n  a: 1, // a\n  b: 2,\n}\n",
        ),
        (Format::Json5, "{\n  a: 1, // a\n  k: 'x' // k\n}\n", "/k", "{\n  a: 1 // a\n}\n"),
        (Format::Json, r#"{"l":["a","b"]}"#, "/l/0", r#"{"l":["b"]}"#),
        (Format::Json, r#"{"a":1}"#, "/k", r#"{"a":1}"#),
        (Format::Yaml, "a: 1\nk: x # c\nb: 2\n", "/k", "a: 1\nb: 2\n"),
        (Format::Yaml, "a:\n  k: x\nb: 2\n", "/a/k", "a:\n  {}\nb: 2\n"),
        (Format::Yaml, "a: 1\nk: |\n  x\n\n  y\n\n# c\nb: 2\n", "/k", "a: 1\n\n# c\nb: 2\n"),
        (Format::Yaml, "l:\n- a: 1\n  b: 2\n- k: x\nz: 1\n", "/l/1", "l:\n- a: 1\n  b: 2\nz: 1\n"),
        (Format::Yaml, "a:\n  k:\n    y: x\n  z: 1\n", "/a/k", "a:\n  z: 1\n"),
        (Format::Toml, "a = 1\nk = \"x\" # c\n[b]\n", "/k", "a = 1\n[b]\n"),
    ];
    for (format, before, pointer, after) in cases {
        assert_eq!(run(format, before, pointer, New::Nothing).as_deref(), Ok(after), "{format:?} {before}");
    }
}

#[test]
fn neighbours_take_any_json_value() {
    let value = |text: &str| New::Json(serde_json::from_str(text).expect("json"));
    let cases = [
        (
            Format::Json,
            "{\n  \"o\": [\"a\"]\n}",
            "/o",
            r#"["b","a"]"#,
            "{\n  \"o\": [\n    \"b\",\n    \"a\"\n  ]\n}",
        ),
        (Format::Json, r#"{"n":12}"#, "/n", "null", r#"{"n":null}"#),
        (Format::Json, r#"{"n":12}"#, "/n", "0", r#"{"n":0}"#),
        (Format::Yaml, "n: 12\n", "/n", "[1, 2]", "n: [1, 2]\n"),
        (Format::Yaml, "n: 12\n", "/n", "true", "n: true\n"),
        (Format::Toml, "n = 12\n", "/n", r#"{"a": 1}"#, "n = { a = 1 }\n"),
    ];
    for (format, before, pointer, json, after) in cases {
        assert_eq!(run(format, before, pointer, value(json)).as_deref(), Ok(after), "{format:?} {before}");
    }
}

#[test]
fn what_cannot_be_changed_surely_is_refused() {
    let syntax = |place: &str| EditError::Syntax(place.to_owned());
    let cases = [
        (Format::Json, "{\"k\":", "/k", syntax("line 1, column 5")),
        (Format::Json, "{\"k\":\"a\",\"k\":\"b\"}", "/k", EditError::Duplicate("a name".into())),
        (Format::Json, "{\"k\":\"a\" // c\n}", "/k", syntax("line 1, column 10")),
        (Format::Yaml, "k: |\n  old\n  lines\n", "/k", EditError::Form("a block of lines")),
        (Format::Yaml, "a: &x old\nk: *x\n", "/k", EditError::Form("an alias")),
        (Format::Yaml, "k: !!str old\n", "/k", EditError::Form("a tagged value")),
        (Format::Yaml, "l:\n-\n- b\n", "/l/0", EditError::Form("an item without a value")),
        (
            Format::Json,
            "{\"k\":\"text\"}",
            "/k/deeper",
            EditError::Spot("`deeper` would be under a text".into()),
        ),
    ];
    for (format, before, pointer, error) in cases {
        assert_eq!(set(format, before, pointer), Err(error), "{format:?} {before}");
    }
    assert!(matches!(set(Format::Yaml, "model: m1\n", "/model/api_key"), Err(EditError::Spot(_))));
    assert!(set(Format::Yaml, "a: 1\na: 2\n", "/a").is_err());
    assert!(
        set(Format::Yaml, "a: &x old\nb: *x\n", "/a").is_err(),
        "an anchored value changes its aliases along"
    );
    assert!(set(Format::Toml, "k = 1\nk = 2\n", "/k").is_err());
    assert!(set(Format::Yaml, "---\na: 1\n---\nb: 2\n", "/a").is_err());
    let broken = run(Format::Json, "{}", "/k", New::Key(Secret::new("a\nb")));
    assert_eq!(broken, Err(EditError::Value("it is empty or holds control characters")));
}

#[test]
fn a_missing_file_begins_with_a_document_of_its_format() {
    for (format, after) in [
        (Format::Json, "{\n  \"a\": {\n    \"k\": \"§\"\n  }\n}\n"),
        (Format::Yaml, "a:\n  k: \"§\"\n"),
        (Format::Toml, "[a]\nk = \"§\"\n"),
    ] {
        let made =
            apply(Syntax::Tree(format), None, &[edit("/a/k", New::Key(Secret::new(KEY)))]).expect("made");
        assert_eq!(String::from_utf8_lossy(&made), after.replace('§', KEY));
    }
}

#[test]
fn a_document_of_a_tag_or_an_anchor_alone_takes_no_field() {
    for text in ["!t ", "!t\n", "&x\n", "!!null\n"] {
        assert!(matches!(set(Format::Yaml, text, "/a"), Err(EditError::Form(_))), "{text:?}");
    }
    assert!(set(Format::Yaml, "# nothing yet\n", "/a").is_ok());
}
