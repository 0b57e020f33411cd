//! Every command that a page shows is one that the program takes.

use clap::Parser as _;

use super::pages;

/// The commands of a line of a shell, as words: `keymend` up to a pipe, a redirection or a comment.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![vec![]];
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    let end = |all: &mut Vec<Vec<String>>, word: &mut Option<String>| {
        all.last_mut().unwrap().extend(word.take());
    };
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => {
                let inside = word.get_or_insert_default();
                while let Some(next) = chars.next().filter(|next| *next != c) {
                    inside.push(if next == '\\' && c == '"' { chars.next().unwrap_or(next) } else { next });
                }
            }
            '#' if word.is_none() => break,
            '|' | ';' | '&' | '<' | '>' | '(' | ')' => {
                end(&mut all, &mut word);
                all.push(vec![]);
            }
            c if c.is_whitespace() => end(&mut all, &mut word),
            c => word.get_or_insert_default().push(c),
        }
    }
    end(&mut all, &mut word);
    all.retain(|words| words.first().is_some_and(|word| word == "keymend"));
    all
}

/// The agent of `AGENT/PROVIDER`, where there is none that is called so.
fn unknown_agent(words: &[String]) -> Option<&str> {
    let named =
        ["status", "explain", "check", "fix", "test", "set", "rotate", "use", "remove", "prove", "report"];
    let takes = words.get(1).is_some_and(|word| named.contains(&word.as_str()));
    let slot = words.get(2).filter(|_| takes).and_then(|word| word.split_once('/'))?.0;
    (slot != "AGENT" && keymend::agents::named(slot).is_none()).then_some(slot)
}

/// The lines of a page that are commands: those of its blocks, and what is between single backticks in its text, which
/// may name a command without what it works on.
fn lines(text: &str) -> (Vec<String>, Vec<String>) {
    let mut found = vec![];
    let all: Vec<&str> = text.lines().collect();
    let blocks = pages::blocks(text);
    for block in &blocks {
        let inside = &all[block.lines.clone()];
        found.extend(inside.iter().filter_map(|line| match block.kind.as_str() {
            "console" => line.strip_prefix("$ ").map(str::to_owned),
            "sh" => Some((*line).to_owned()),
            _ => None,
        }));
    }
    let fenced = |at: usize| blocks.iter().any(|block| block.lines.start <= at + 1 && at <= block.lines.end);
    let prose: Vec<&str> = (0..all.len()).filter(|at| !fenced(*at)).map(|at| all[at]).collect();
    let prose = prose.join("\n");
    let spans = prose.split('`').skip(1).step_by(2).filter(|code| code.starts_with("keymend "));
    (found, spans.map(|code| code.replace('\n', " ")).collect())
}

#[test]
fn every_command_of_the_pages_parses() {
    let mut wrong = String::new();
    let mut count = 0;
    for path in pages::all() {
        let (blocks, spans) = lines(&std::fs::read_to_string(&path).unwrap());
        for (at, line) in blocks.iter().chain(&spans).enumerate() {
            for words in commands(line) {
                count += 1;
                let mentioned = |error: &clap::Error| {
                    at >= blocks.len() && error.kind() == clap::error::ErrorKind::MissingRequiredArgument
                };
                if let Some(unknown) = unknown_agent(&words) {
                    wrong += &format!("{}: {line}\nthere is no agent {unknown}\n", pages::name(&path));
                }
                if let Err(error) = keymend::cli::Cli::try_parse_from(&words)
                    && error.use_stderr()
                    && !mentioned(&error)
                {
                    wrong += &format!("{}: {line}\n{error}\n", pages::name(&path));
                }
            }
        }
    }
    assert!(wrong.is_empty() && count > 100, "{count} commands\n{wrong}");
}

/// What a page tells a person to type into a shell is at least a program of that shell.
#[test]
fn every_block_for_a_shell_is_one() {
    let mut count = 0;
    for path in pages::all() {
        let text = std::fs::read_to_string(&path).unwrap();
        let all: Vec<&str> = text.lines().collect();
        for block in
            pages::blocks(&text).into_iter().filter(|block| ["sh", "bash"].contains(&block.kind.as_str()))
        {
            let script = all[block.lines].join("\n");
            let out = std::process::Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
            assert!(
                out.status.success(),
                "{}:\n{script}\n{}",
                pages::name(&path),
                String::from_utf8_lossy(&out.stderr)
            );
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn commands_are_read_as_a_shell_reads_them() {
    assert_eq!(
        commands("pbpaste | keymend set hermes/anthropic --stdin  # and so"),
        [["keymend", "set", "hermes/anthropic", "--stdin"]]
    );
    assert_eq!(commands("keymend why \"401 a \\\"b\\\" c\" < x"), [["keymend", "why", "401 a \"b\" c"]]);
    assert!(commands("cargo install keymend").is_empty());
}
