//! The words of docs/style.md: what reads as a translation stays out of comments, messages and pages.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// What is banned, where a word begins and ends.
static BANNED: LazyLock<Regex> = LazyLock::new(|| {
    let words = [
        "stands?",
        "stood",
        "standing",
        "leaves",
        "travel(?:s|led|ling)?",
        "counts",
        "comes? to",
        "came to",
        "one's own",
        "none where",
        "on record",
        "in the stead of",
        "nobody to ask",
        "not to be had",
        "to look into",
    ];
    Regex::new(&format!(r"(?i)\b(?:{})\b", words.join("|"))).unwrap()
});

/// Names of code that are no prose: a type or a function in a comment or a text.
const NAMES: [&str; 1] = ["`Standing`"];

/// The prose of a line of Rust: its comment and what is between quotes; inside a text of several lines, all of it.
fn prose(line: &str, inside: &mut bool) -> String {
    let mut out = String::new();
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '/' if !*inside && line[at..].starts_with("//") => return out + &line[at..],
            '\\' if *inside => drop(chars.next()),
            // A quote as a character is no text.
            '\'' if !*inside && (line[at..].starts_with("'\"'") || line[at..].starts_with("'\\\"'")) => {
                while chars.next_if(|(_, next)| *next != '\'').is_some() {}
                chars.next();
            }
            '"' => {
                *inside = !*inside;
                out.push(' ');
            }
            c if *inside => out.push(c),
            _ => {}
        }
    }
    out.push(' ');
    out
}

fn banned(text: &str) -> Option<String> {
    let text = NAMES.iter().fold(text.to_owned(), |text, name| text.replace(name, ""));
    BANNED.find(&text).map(|found| found.as_str().to_owned())
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_banned_word_is_in_comments_messages_and_pages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = vec![];
    files(&root.join("src"), &mut all);
    files(&root.join("docs"), &mut all);
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "assets/findings.toml"];
    all.extend(pages.map(|page| root.join(page)));
    all.sort();
    let mut wrong = vec![];
    for path in all {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        // The page that lists them.
        if name == "docs/style.md" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut inside = false;
        for (at, line) in text.lines().enumerate() {
            let prose = match path.extension().and_then(|end| end.to_str()) {
                Some("rs") => prose(line, &mut inside),
                Some("md" | "toml") => line.to_owned(),
                _ => continue,
            };
            wrong.extend(banned(&prose).map(|word| format!("{name}:{}: {word}", at + 1)));
        }
    }
    assert!(wrong.is_empty(), "docs/style.md bans these words: {wrong:#?}");
}

#[test]
fn prose_is_what_people_read() {
    let mut inside = false;
    assert_eq!(prose("let stands = \"it is\"; // and so", &mut inside).trim(), "it is // and so");
    assert_eq!(prose("x('\"', \"one \\", &mut inside).trim(), "one");
    assert!(inside);
    assert_eq!(prose("two\"); stands", &mut inside).trim(), "two");
    assert!(banned("it stands there").is_some() && banned("understands a stand-alone").is_some());
    assert!(banned("understands").is_none());
}
