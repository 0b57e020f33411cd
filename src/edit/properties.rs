//! Random documents of every format × random keys: all other bytes stay, the change reads back, and going back gives
//! the first bytes again. `PROPTEST_CASES` asks for more cases.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

/// Marks the place of the value that the tests change.
const MARK: &str = "old-0123456789-OLD";
/// The name of the field that holds it.
const NAME: &str = "the_key";

fn config() -> Config {
    // The default reads the variable; its own 256 are more than an everyday run needs.
    let asked = Config::default();
    let cases = if asked.cases == 256 { 64 } else { asked.cases };
    Config { cases, failure_persistence: None, ..asked }
}

/// A document in the making: the choices of style come from random bytes.
struct Press {
    choices: Vec<u8>,
    at: usize,
    out: String,
    newline: &'static str,
    unit: String,
}

impl Press {
    fn new(choices: Vec<u8>) -> Self {
        let mut press = Self { choices, at: 0, out: String::new(), newline: "\n", unit: String::new() };
        press.newline = if press.pick(4) == 0 { "\r\n" } else { "\n" };
        press.unit = ["  ", "    ", "   "][press.pick(3)].to_owned();
        press
    }

    fn pick(&mut self, of: usize) -> usize {
        let choice = self.choices.get(self.at % self.choices.len().max(1)).copied().unwrap_or(0);
        self.at += 1;
        (usize::from(choice) + self.at) % of
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line_end(&mut self, comment: &str) {
        if !comment.is_empty() && self.pick(3) == 0 {
            let words = [" one", "two, \"three\": {", "key: 'x'", "}", "ünïcode"][self.pick(5)];
            self.out.push(' ');
            self.out.push_str(comment);
            self.out.push_str(words);
        }
        self.out.push_str(self.newline);
        if self.pick(5) == 0 {
            self.out.push_str(self.newline);
        }
    }

    fn text(&mut self) -> String {
        ["", "x", "true", "a b", "https://x.example/v1?a=b#c", "q\"uo'te", "ü→", "{", "# no", "1.5"]
            [self.pick(10)]
        .to_owned()
    }

    fn name(&mut self, n: usize) -> String {
        let stem = ["alpha", "beta-1", "gamma_x", "delta"][self.pick(4)];
        format!("{stem}{n}")
    }
}

/// What a generated document holds at one place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Text,
    Number,
    Group,
    List,
}

/// The document, the pointer to the value at `MARK`, and a pointer to a group.
type Made = (String, Pointer, Pointer);

fn part(press: &mut Press, depth: usize) -> Part {
    match press.pick(if depth < 3 { 7 } else { 4 }) {
        0 | 1 => Part::Text,
        2 | 3 => Part::Number,
        4 | 5 => Part::Group,
        _ => Part::List,
    }
}

/// Walks down to the group that will hold the mark: how many groups deep, and at which of its fields.
fn json(choices: Vec<u8>, relaxed: bool) -> Made {
    let mut press = Press::new(choices);
    let lines = press.pick(4) != 0;
    let mut path = Vec::new();
    let deep = press.pick(3);
    let space = if lines || press.pick(2) == 0 { " " } else { "" };
    json_group(&mut press, relaxed, lines, space, 0, Some(deep), &mut path);
    if press.pick(2) == 0 {
        let newline = press.newline;
        press.put(newline);
    }
    let group = Pointer::new(path.clone());
    (press.out, group.join(NAME), group)
}

fn json_text(press: &mut Press, relaxed: bool, text: &str) -> String {
    let double = Json::String(text.to_owned()).to_string();
    if relaxed && press.pick(2) == 0 && !text.contains(['\'', '"', '\\']) {
        return format!("'{text}'");
    }
    double
}

fn json_group(
    press: &mut Press,
    relaxed: bool,
    lines: bool,
    space: &str,
    depth: usize,
    marked: Option<usize>,
    path: &mut Vec<String>,
) {
    let fields = 1 + press.pick(4);
    let at = press.pick(fields);
    let comment = if relaxed { "//" } else { "" };
    press.out.push('{');
    for n in 0..fields {
        if lines {
            press.line_end(if n == 0 { comment } else { "" });
            let indent = press.unit.repeat(depth + 1);
            press.put(&indent);
        }
        let here = marked.filter(|_| n == at);
        let name = if here == Some(0) { NAME.to_owned() } else { press.name(n) };
        let bare = relaxed && press.pick(2) == 0 && !name.contains('-');
        let written = if bare { name.clone() } else { json_text(press, relaxed, &name) };
        press.put(&format!("{written}:{space}"));
        match here {
            Some(0) => {
                let literal = json_text(press, relaxed, MARK);
                press.put(&literal);
            }
            Some(left) => {
                path.push(name);
                json_group(press, relaxed, lines, space, depth + 1, Some(left - 1), path);
            }
            None => json_value(press, relaxed, lines, space, depth),
        }
        if n + 1 < fields || relaxed && press.pick(3) == 0 {
            press.out.push(',');
            if !lines {
                press.put(space);
            }
        }
        if lines && relaxed && press.pick(4) == 0 {
            press.put(" // behind: 'x', }");
        }
    }
    if lines {
        press.line_end("");
        let indent = press.unit.repeat(depth);
        press.put(&indent);
    }
    press.out.push('}');
}

fn json_value(press: &mut Press, relaxed: bool, lines: bool, space: &str, depth: usize) {
    match part(press, depth) {
        Part::Text => {
            let text = press.text();
            let literal = json_text(press, relaxed, &text);
            press.put(&literal);
        }
        Part::Number => {
            let number = ["0", "-12", "1.5e3", "true", "null", "9007199254740993"][press.pick(6)];
            press.put(number);
        }
        Part::Group => json_group(press, relaxed, lines, space, depth + 1, None, &mut Vec::new()),
        Part::List => press.put(&format!("[1,{space}\"two\",{space}{{\"x\":{space}[]}}]")),
    }
}

fn yaml(choices: Vec<u8>) -> Made {
    let mut press = Press::new(choices);
    let mut path = Vec::new();
    let deep = press.pick(3);
    if press.pick(3) == 0 {
        press.line_end("# head");
    }
    yaml_group(&mut press, 0, Some(deep), &mut path);
    if press.pick(4) == 0 {
        let kept = press.out.trim_end().len();
        press.out.truncate(kept);
    }
    let group = Pointer::new(path.clone());
    (press.out, group.join(NAME), group)
}

fn yaml_text(press: &mut Press, text: &str) -> String {
    match press.pick(3) {
        0 if text == MARK => text.to_owned(),
        1 => format!("'{}'", text.replace('\'', "''")),
        _ => Json::String(text.to_owned()).to_string(),
    }
}

fn yaml_group(press: &mut Press, depth: usize, marked: Option<usize>, path: &mut Vec<String>) {
    let fields = 1 + press.pick(4);
    let at = press.pick(fields);
    for n in 0..fields {
        let here = marked.filter(|_| n == at);
        let name = if here == Some(0) { NAME.to_owned() } else { press.name(n) };
        let indent = press.unit.repeat(depth);
        press.put(&format!("{indent}{name}:"));
        match here {
            Some(0) => {
                let literal = yaml_text(press, MARK);
                press.put(&format!(" {literal}"));
                press.line_end("#");
            }
            Some(left) => {
                path.push(name);
                press.line_end("#");
                yaml_group(press, depth + 1, Some(left - 1), path);
            }
            None => yaml_value(press, depth),
        }
    }
}

fn yaml_value(press: &mut Press, depth: usize) {
    match part(press, depth) {
        Part::Text => {
            let text = press.text();
            let literal = yaml_text(press, &text);
            press.put(&format!(" {literal}"));
            press.line_end("#");
        }
        Part::Number => {
            let number = [" 1", " 1.5", " true", "", " {a: 1, b: [x, 'y']}", " []"][press.pick(6)];
            press.put(number);
            press.line_end("#");
        }
        Part::Group => {
            press.line_end("#");
            yaml_group(press, depth + 1, None, &mut Vec::new());
        }
        Part::List => {
            press.line_end("#");
            let depth = depth + press.pick(2);
            let indent = press.unit.repeat(depth);
            for item in ["- a", "- b: 1", "  c: \"x\"", "- |", "  text # no", "  more"] {
                press.put(&format!("{indent}{item}{}", press.newline));
            }
        }
    }
}

fn toml(choices: Vec<u8>) -> Made {
    let mut press = Press::new(choices);
    let (tables, marked) = (1 + press.pick(3), press.pick(4));
    let mut path = Vec::new();
    let mut put = |press: &mut Press, table: usize, header: &[String]| {
        let fields = 1 + press.pick(3);
        let at = press.pick(fields);
        for n in 0..fields {
            let mark = table == marked % (tables + 1) && n == at;
            let (inline, single) = (press.pick(4) == 0, press.pick(2) == 0);
            let literal = if single { format!("'{MARK}'") } else { format!("\"{MARK}\"") };
            let name = press.name(n);
            match (mark, inline) {
                (true, false) => {
                    path = header.to_vec();
                    press.put(&format!("{NAME} = {literal}"));
                }
                (true, true) => {
                    path = header.iter().cloned().chain([name.clone()]).collect();
                    press.put(&format!("{name} = {{ a = 1, {NAME} = {literal}, b = [] }}"));
                }
                (false, _) => {
                    let value = ["1", "\"# no\"", "[1, 2]", "{ x = 'y' }", "1979-05-27", "\"\"\"a\nb\"\"\""]
                        [press.pick(6)];
                    press.put(&format!("{name} = {value}"));
                }
            }
            press.line_end("#");
        }
    };
    put(&mut press, 0, &[]);
    for table in 1..=tables {
        let header = ["t", "t.sub", "\"odd name\""][press.pick(3)];
        let unique = format!("h{table}");
        press.put(&format!("[{unique}.{header}]"));
        press.line_end("#");
        let steps: Vec<String> = header.split('.').map(|step| step.trim_matches('"').to_owned()).collect();
        let header: Vec<String> = [unique].into_iter().chain(steps).collect();
        put(&mut press, table, &header);
    }
    let group = Pointer::new(path.clone());
    (press.out, group.join(NAME), group)
}

fn dotenv(choices: Vec<u8>) -> (String, bool) {
    let mut press = Press::new(choices);
    let lines = 1 + press.pick(5);
    let at = press.pick(lines);
    let mut bare = false;
    for n in 0..lines {
        let quote = ["", "'", "\""][press.pick(3)];
        let export = ["", "", "export "][press.pick(3)];
        if n == at {
            bare = quote.is_empty();
            press.put(&format!("{export}{NAME}={quote}{MARK}{quote}"));
        } else {
            let value = ["x", "a b", "1,2", "ünï", ""][press.pick(5)];
            let line = match press.pick(4) {
                0 => format!("# {NAME}=no"),
                1 => String::new(),
                _ => format!("{export}OTHER_{n}={quote}{value}{quote}"),
            };
            press.put(&line);
        }
        press.line_end(if quote.is_empty() { "" } else { "#" });
    }
    (press.out, bare)
}

fn edit_field(format: Format, text: &str, pointer: &Pointer, new: New) -> Result<String, EditError> {
    let edit = Edit { spot: Spot::Field(pointer.clone()), new };
    apply(Syntax::Tree(format), Some(text.as_bytes()), &[edit])
        .map(|after| String::from_utf8_lossy(&after).into_owned())
}

/// Replacing changes the literal alone, going back gives the first bytes; a new field keeps every line that was there.
fn check(format: Format, made: &Made, key: &str) -> Result<(), TestCaseError> {
    let (before, pointer, group) = made;
    let secret = || New::Key(Secret::new(key));
    let after = edit_field(format, before, pointer, secret());
    let kept = before.replacen(MARK, key, 1);
    let quoted = before.replacen(MARK, &format!("\"{key}\""), 1);
    prop_assert!(
        after.as_ref() == Ok(&kept) || after.as_ref() == Ok(&quoted),
        "{:?}\nfrom\n{}\n{:?}",
        format,
        before,
        after
    );
    if after.as_ref() == Ok(&kept) {
        let back = edit_field(format, &kept, pointer, New::Key(Secret::new(MARK)));
        prop_assert_eq!(back.as_ref(), Ok(before));
    }
    if let Ok(after) = &after {
        let was = value_at(Syntax::Tree(format), before.as_bytes(), &Spot::Field(pointer.clone()));
        prop_assert_eq!(was.as_ref().map(New::secret), Ok(Some(Secret::new(MARK))));
        let back = edit_field(format, after, pointer, was.unwrap_or(New::Nothing));
        // A key that had to be quoted goes, and its quotes stay, and the value is the old one.
        let quoted = before.replacen(MARK, &format!("\"{MARK}\""), 1);
        prop_assert!(back.as_ref() == Ok(before) || back.as_ref() == Ok(&quoted), "{:?}", back);
    }
    let added = group.join("brand-new");
    let with = edit_field(format, before, &added, secret())
        .map_err(|error| TestCaseError::fail(format!("{error} in\n{before}")))?;
    let inked = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>();
    let mut now = inked(&with).into_iter();
    let stays = inked(before).into_iter().all(|c| now.any(|new| new == c));
    prop_assert!(stays, "more than an insertion from\n{}\nto\n{}", before, with);
    prop_assert!(with.len() <= before.len() + key.len() + 60, "too much in\n{}", with);
    let without = edit_field(format, &with, &added, New::Nothing)
        .map_err(|error| TestCaseError::fail(format!("{error} in\n{with}")))?;
    let again = edit_field(format, &without, &added, secret());
    prop_assert!(again.is_ok(), "{:?} in\n{}", again, without);
    let gone = edit_field(format, before, pointer, New::Nothing);
    prop_assert!(gone.is_ok(), "{:?} in\n{}", gone, before);
    Ok(())
}

fn key() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_.:/+=~|-]{15,60}"
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..80)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn json_keeps_every_other_byte(choices in choices(), key in key()) {
        check(Format::Json, &json(choices, false), &key)?;
    }

    #[test]
    fn json5_keeps_every_other_byte(choices in choices(), key in key()) {
        check(Format::Json5, &json(choices, true), &key)?;
    }

    #[test]
    fn yaml_keeps_every_other_byte(choices in choices(), key in key()) {
        check(Format::Yaml, &yaml(choices), &key)?;
    }

    #[test]
    fn toml_keeps_every_other_byte(choices in choices(), key in key()) {
        check(Format::Toml, &toml(choices), &key)?;
    }

    #[test]
    fn dotenv_keeps_every_other_byte(choices in choices(), key in key()) {
        let (before, bare) = dotenv(choices);
        let name = || Spot::Variable { name: NAME.to_owned(), line: None };
        for dialect in [Dialect::PythonDotenv, Dialect::NodeDotenv, Dialect::Hermes, Dialect::Bash] {
            let set = |text: &str, key: &str| {
                let edit = Edit { spot: name(), new: New::Key(Secret::new(key)) };
                apply(Syntax::Lines(dialect), Some(text.as_bytes()), &[edit]).map(|after| String::from_utf8_lossy(&after).into_owned())
            };
            if dialect == Dialect::Hermes && before.contains(" #") {
                // Hermes' own parser knows no comment behind a value; such a line is written again, without it.
                continue;
            }
            let after = set(&before, &key);
            let kept = before.replacen(MARK, &key, 1);
            let quoted = before.replacen(MARK, &format!("'{key}'"), 1);
            let fits = after.as_ref() == Ok(&kept) || bare && after.as_ref() == Ok(&quoted);
            prop_assert!(fits, "{:?}\n{}\n{:?}", dialect, before, after);
            if after.as_ref() == Ok(&kept) {
                let back = set(&kept, MARK);
                prop_assert_eq!(back.as_ref(), Ok(&before));
            }
        }
    }

    #[test]
    fn no_text_makes_an_editor_panic(text in ".{0,200}") {
        every_editor(&text)?;
    }

    #[test]
    fn no_pieces_of_syntax_make_an_editor_panic(pieces in pieces()) {
        every_editor(&pieces.concat())?;
    }
}

/// Texts out of the pieces that the formats are made of.
fn pieces() -> impl Strategy<Value = Vec<&'static str>> {
    const PIECES: &[&str] = &[
        "a",
        "b",
        "=",
        ":",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "\n",
        "\r\n",
        " ",
        "  ",
        "\t",
        "#",
        " # ",
        "//",
        "/*",
        "*/",
        "- ",
        "|",
        ">",
        "&x ",
        "*x",
        "null",
        "1",
        "\"a\"",
        "export ",
        "a=",
        "a: ",
        "a = ",
        "[a]\n",
        "[[a]]\n",
        "\\",
        "$",
        "`",
        "(",
        ")",
        "<<E",
        "E\n",
        "if ",
        "fi",
        ";",
        "&&",
        "set -gx ",
        "[Service]\n",
        "Environment=",
        "\"\"\"",
        "\u{feff}",
        "ü",
        "---\n",
        "!t ",
        "? ",
        "a.b",
        "%",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..24)
}

/// A change is refused or made; made, it can be made again and back, which gives the same bytes.
fn every_editor(text: &str) -> Result<(), TestCaseError> {
    const ONE: &str = "sk-FAKE-one-0123456789";
    const TWO: &str = "sk-FAKE-two-9876543210";
    let fields = [vec!["a"], vec!["a", "b"], vec!["a", "0"], vec!["a", "0", "b"]];
    let fields = fields.map(|steps| Spot::Field(Pointer::new(steps)));
    let trees = Format::ALL.map(Syntax::Tree);
    let variable = Spot::Variable { name: "a".to_owned(), line: None };
    let trees = trees.into_iter().flat_map(|syntax| fields.iter().map(move |spot| (syntax, spot)));
    let lines = Dialect::ALL.into_iter().map(|dialect| (Syntax::Lines(dialect), &variable));
    for (syntax, spot) in trees.chain(lines) {
        let edit = |text: &[u8], new| apply(syntax, Some(text), &[Edit { spot: spot.clone(), new }]);
        let _ = edit(text.as_bytes(), New::Nothing);
        let Ok(first) = edit(text.as_bytes(), New::Key(Secret::new(ONE))) else { continue };
        prop_assert_eq!(value_at(syntax, &first, spot).map(|now| now.secret()), Ok(Some(Secret::new(ONE))));
        // What was there can be put back by its value, among whatever else was written since.
        if let Ok(was) = value_at(syntax, text.as_bytes(), spot)
            && let Ok(back) = edit(&first, was.clone())
        {
            prop_assert_eq!(value_at(syntax, &back, spot), Ok(was), "{:?} {:?}", syntax, text);
        }
        let second = edit(&first, New::Key(Secret::new(TWO)));
        prop_assert!(
            second.is_ok(),
            "{:?} {:?} {:?} {:?}",
            syntax,
            text,
            String::from_utf8_lossy(&first),
            second
        );
        // A line whose form had to be mended is stable from the second change on.
        let second = second.unwrap_or_default();
        let third = edit(&second, New::Key(Secret::new(ONE))).unwrap_or_default();
        let same = match syntax {
            Syntax::Tree(_) => third == first,
            _ => edit(&third, New::Key(Secret::new(TWO))).unwrap_or_default() == second,
        };
        prop_assert!(same, "{:?} {:?}", syntax, text);
    }
    Ok(())
}
