//! Key commands that print a constant, read instead of run: `echo KEY`, `cat ~/.key`, `printf %s KEY`, and scripts made
//! of nothing else.
//!
//! keymend never runs a command on a scan. Yet the commonest helpers only print a file or a word, and what these print
//! can be read without running anything. Everything else — variables, pipes, substitutions, other programs — is not
//! constant, and its value is not known.

use std::path::Path;

use super::expand;
use crate::secret::Secret;
use crate::world::World;

/// What a command prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prints {
    /// This text, whenever it is run.
    Text(Secret),
    /// Nothing: it always fails.
    Fails,
    /// Only running it would tell.
    Unknown,
}

/// How deep a command may start another one.
const DEPTH: usize = 3;

/// [`Prints`] while it is being put together.
enum Out {
    Text(String),
    Fails,
    Unknown,
}

impl From<Out> for Prints {
    fn from(out: Out) -> Self {
        match out {
            Out::Text(text) => Self::Text(Secret::new(text)),
            Out::Fails => Self::Fails,
            Out::Unknown => Self::Unknown,
        }
    }
}

/// What `sh -c command` prints.
#[must_use]
pub fn prints_shell(world: &dyn World, command: &str) -> Prints {
    shell(world, command, DEPTH).into()
}

/// What the program `argv` prints.
#[must_use]
pub fn prints_argv(world: &dyn World, argv: &[String]) -> Prints {
    run(world, argv, DEPTH).into()
}

fn shell(world: &dyn World, command: &str, depth: usize) -> Out {
    let lines: Vec<&str> = command.lines().collect();
    script(world, &lines, depth)
}

/// A script that is a sequence of simple commands.
fn script(world: &dyn World, lines: &[&str], depth: usize) -> Out {
    let mut printed = String::new();
    for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some(mut words) = words(world, line) else { return Out::Unknown };
        let quiet = words.last().is_some_and(|word| word == ">&2" || word == ">/dev/null");
        if quiet {
            words.pop();
        }
        // Reads what it is given and prints it nowhere.
        if quiet && words == ["cat"] {
            continue;
        }
        match words.first().map(String::as_str) {
            Some("set") => continue,
            Some("exit") => return ends(&words, printed),
            _ => {}
        }
        match run(world, &words, depth) {
            Out::Text(_) if quiet => {}
            Out::Text(text) => printed.push_str(&text),
            other => return other,
        }
    }
    Out::Text(printed)
}

fn ends(words: &[String], printed: String) -> Out {
    match words.get(1).map(String::as_str) {
        None | Some("0") => Out::Text(printed),
        Some(code) if code.parse::<u8>().is_ok() => Out::Fails,
        Some(_) => Out::Unknown,
    }
}

fn run(world: &dyn World, words: &[String], depth: usize) -> Out {
    let (Some(program), Some(depth)) = (words.first(), depth.checked_sub(1)) else { return Out::Unknown };
    let rest = &words[1..];
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        "echo" => echo(rest),
        "printf" => printf(rest),
        "cat" => cat(world, rest),
        "true" | ":" => Out::Text(String::new()),
        "false" => Out::Fails,
        "sh" | "bash" | "dash" | "zsh" => match rest {
            [flag, command] if flag == "-c" => shell(world, command, depth),
            [file] if !file.starts_with('-') => script_file(world, file, depth),
            _ => Out::Unknown,
        },
        _ if rest.is_empty() && program.contains('/') && !program.contains('=') => {
            script_file(world, program, depth)
        }
        _ => Out::Unknown,
    }
}

/// `echo` with words that every shell prints alike.
fn echo(words: &[String]) -> Out {
    let plain = |word: &String| !word.starts_with('-') && !word.contains('\\');
    if words.iter().all(plain) {
        return Out::Text(format!("{}\n", words.join(" ")));
    }
    match words {
        [flag, rest @ ..] if flag == "-n" && rest.iter().all(plain) => Out::Text(rest.join(" ")),
        _ => Out::Unknown,
    }
}

fn printf(words: &[String]) -> Out {
    let Some((format, rest)) = words.split_first() else { return Out::Unknown };
    let (body, end) = match format.strip_suffix("\\n") {
        Some(body) => (body, "\n"),
        None => (format.as_str(), ""),
    };
    match rest {
        [] if !body.contains(['%', '\\']) => Out::Text(format!("{body}{end}")),
        [word] if body == "%s" => Out::Text(format!("{word}{end}")),
        _ => Out::Unknown,
    }
}

fn cat(world: &dyn World, files: &[String]) -> Out {
    let [file] = files else { return Out::Unknown };
    if file.starts_with('-') {
        return Out::Unknown;
    }
    match world.text(&world.cwd().join(file)) {
        Some(state) => state.text().map_or(Out::Unknown, |text| Out::Text(text.to_owned())),
        None if !world.exists(&world.cwd().join(file)) => Out::Fails,
        None => Out::Unknown,
    }
}

fn script_file(world: &dyn World, file: &str, depth: usize) -> Out {
    let path = world.cwd().join(file);
    let Some(state) = world.text(&path) else {
        return if world.exists(&path) { Out::Unknown } else { Out::Fails };
    };
    let lines: Vec<&str> = state.text().unwrap_or_default().lines().collect();
    let Some(first) = lines.first().and_then(|line| line.strip_prefix("#!")) else { return Out::Unknown };
    let shell = first.split_whitespace().find(|word| !word.ends_with("/env")).unwrap_or_default();
    let known = ["sh", "bash", "dash", "zsh"];
    if !known.iter().any(|name| Path::new(shell).file_name().is_some_and(|file| file == *name)) {
        return Out::Unknown;
    }
    script(world, &lines, depth)
}

/// The words of one simple command, or none if the shell would do anything but split and unquote.
fn words(world: &dyn World, line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
        let Some(first) = chars.peek() else { return (!words.is_empty()).then_some(words) };
        match first {
            '#' => return (!words.is_empty()).then_some(words),
            '>' => {
                let rest: String = chars.by_ref().collect();
                let target = rest.trim_start_matches('>').trim();
                if !rest.starts_with(">>") && matches!(target, "&2" | "/dev/null") {
                    words.push(format!(">{target}"));
                } else {
                    return None;
                }
            }
            _ => words.push(word(world, &mut chars)?),
        }
    }
}

fn word(world: &dyn World, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut word = String::new();
    let home = chars.peek() == Some(&'~');
    while let Some(c) = chars.next_if(|c| *c != ' ' && *c != '\t') {
        match c {
            '\'' | '"' => loop {
                match chars.next()? {
                    end if end == c => break,
                    '$' | '`' | '\\' | '!' if c == '"' => return None,
                    inner => word.push(inner),
                }
            },
            c if c.is_alphanumeric() || "_@%+=:,./-~".contains(c) => word.push(c),
            _ => return None,
        }
    }
    if home {
        let path = expand(world, Path::new("/"), &word);
        return word.starts_with("~/").then(|| path.to_string_lossy().into_owned());
    }
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn text(text: &str) -> Prints {
        Prints::Text(Secret::new(text))
    }

    #[test]
    fn a_constant_command_is_read() {
        let world = MemoryWorld::new("/h")
            .with_file(".key", "FAKE\n")
            .with_file("h.sh", "#!/usr/bin/env bash\n# my key\nset -euo pipefail\necho FAKE2\n")
            .with_file("bad.sh", "#!/bin/sh\necho boom >&2\nexit 1\n");
        for (command, prints) in [
            ("echo FAKE", text("FAKE\n")),
            ("echo -n 'FAKE x'", text("FAKE x")),
            ("printf '%s' FAKE", text("FAKE")),
            ("cat ~/.key", text("FAKE\n")),
            ("/h/h.sh", text("FAKE2\n")),
            ("bash /h/h.sh", text("FAKE2\n")),
            ("sh -c \"echo FAKE\"", text("FAKE\n")),
            ("/h/bad.sh", Prints::Fails),
            ("cat /nowhere", Prints::Fails),
            ("exit 3", Prints::Fails),
            ("false", Prints::Fails),
        ] {
            assert_eq!(prints_shell(&world, command), prints, "{command}");
        }
    }

    #[test]
    fn anything_else_is_not_known() {
        let world = MemoryWorld::new("/h").with_file("p.py", "#!/usr/bin/env python3\nprint(1)\n");
        for command in [
            "echo $KEY",
            "echo `id`",
            "echo a | tr a b",
            "echo a; echo b",
            "echo a > file",
            "op read op://x/y",
            "pass show key",
            "echo 'a\\tb'",
            "/h/p.py",
            "echo \"a$b\"",
            "cat a b",
            "echo *",
        ] {
            assert_eq!(prints_shell(&world, command), Prints::Unknown, "{command}");
        }
    }
}
