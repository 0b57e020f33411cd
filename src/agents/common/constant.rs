//! Key commands that print a constant, read instead of run: `echo KEY`, `cat ~/.key`, `printf %s "$KEY"`, and scripts made
//! of nothing else.
//!
//! keymend never runs a command on a scan. Yet the commonest helpers only print a file, a word or a variable, and what
//! these print can be read without running anything. Everything else — pipes, substitutions, conditions, other programs —
//! is not constant, and its value is not known.

use std::path::Path;

use crate::secret::Secret;
use crate::world::World;

mod words;

use words::{Command, commands};

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

/// A variable as a command sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// It is set to this text.
    Set(String),
    /// It is not set.
    Unset,
    /// Only running the command would tell.
    Unknown,
}

/// What a shell does a command with.
struct Shell<'a> {
    world: &'a dyn World,
    variables: &'a dyn Fn(&str) -> Variable,
}

/// What `sh -c command` prints, with these variables in its environment.
#[must_use]
pub fn prints_shell(world: &dyn World, variables: &dyn Fn(&str) -> Variable, command: &str) -> Prints {
    Shell { world, variables }.text(command, DEPTH).into()
}

/// What the program `argv` prints.
#[must_use]
pub fn prints_argv(world: &dyn World, argv: &[String]) -> Prints {
    Shell { world, variables: &|_| Variable::Unknown }.run(argv, DEPTH).into()
}

/// What `set` switches on in a script.
#[derive(Clone, Copy, Default)]
struct Modes {
    stops_at_failure: bool,
    /// A variable that is not set is an error.
    needs_variables: bool,
}

impl Modes {
    fn set(&mut self, words: &[String]) {
        let has = |flag: char, name: &str| {
            words.iter().any(|word| word == name || word.starts_with('-') && word.contains(flag))
        };
        self.stops_at_failure |= has('e', "errexit");
        self.needs_variables |= has('u', "nounset");
    }
}

impl Shell<'_> {
    fn text(&self, command: &str, depth: usize) -> Out {
        let lines: Vec<&str> = command.lines().collect();
        self.script(&lines, depth)
    }

    /// A script that is a sequence of simple commands: what all of them print, unless the last one fails.
    fn script(&self, lines: &[&str], depth: usize) -> Out {
        let mut printed = String::new();
        let (mut modes, mut failed) = (Modes::default(), false);
        let lines = lines.iter().map(|line| line.trim());
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some(commands) = commands(self, modes, line) else { return Out::Unknown };
            for Command { words, quiet } in commands {
                match words.first().map(String::as_str) {
                    Some("set") => {
                        modes.set(&words[1..]);
                        continue;
                    }
                    Some("exit") => return ends(&words, printed),
                    // Reads what it is given and prints it nowhere.
                    Some("cat") if quiet && words.len() == 1 => continue,
                    _ => {}
                }
                failed = false;
                match self.run(&words, depth) {
                    Out::Text(_) if quiet => {}
                    Out::Text(text) => printed.push_str(&text),
                    Out::Fails => failed = true,
                    Out::Unknown => return Out::Unknown,
                }
                if failed && modes.stops_at_failure {
                    return Out::Fails;
                }
            }
        }
        if failed { Out::Fails } else { Out::Text(printed) }
    }

    fn run(&self, words: &[String], depth: usize) -> Out {
        let (Some(program), Some(depth)) = (words.first(), depth.checked_sub(1)) else { return Out::Unknown };
        let rest = &words[1..];
        let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            "echo" => echo(rest),
            "printf" => printf(rest),
            "cat" => cat(self.world, rest),
            "true" | ":" => Out::Text(String::new()),
            "false" => Out::Fails,
            "sh" | "bash" | "dash" | "zsh" => match rest {
                [flag, command] if flag == "-c" => self.text(command, depth),
                [file] if !file.starts_with('-') => self.script_file(file, depth),
                _ => Out::Unknown,
            },
            _ if rest.is_empty() && program.contains('/') && !program.contains('=') => {
                self.script_file(program, depth)
            }
            _ => Out::Unknown,
        }
    }

    fn script_file(&self, file: &str, depth: usize) -> Out {
        let path = self.world.cwd().join(file);
        let Some(state) = self.world.text(&path) else {
            return if self.world.exists(&path) { Out::Unknown } else { Out::Fails };
        };
        let lines: Vec<&str> = state.text().unwrap_or_default().lines().collect();
        let Some(first) = lines.first().and_then(|line| line.strip_prefix("#!")) else { return Out::Unknown };
        let shell = first.split_whitespace().find(|word| !word.ends_with("/env")).unwrap_or_default();
        let known = ["sh", "bash", "dash", "zsh"];
        if !known.iter().any(|name| Path::new(shell).file_name().is_some_and(|file| file == *name)) {
            return Out::Unknown;
        }
        self.script(&lines, depth)
    }
}

fn ends(words: &[String], printed: String) -> Out {
    match words.get(1).map(String::as_str) {
        None | Some("0") => Out::Text(printed),
        Some(code) if code.parse::<u8>().is_ok() => Out::Fails,
        Some(_) => Out::Unknown,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    fn text(text: &str) -> Prints {
        Prints::Text(Secret::new(text))
    }

    fn variables(name: &str) -> Variable {
        match name {
            "KEY" => Variable::Set("FAKE3".into()),
            "TWO" => Variable::Set("a b".into()),
            "NONE" => Variable::Unset,
            _ => Variable::Unknown,
        }
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
            ("echo warn >&2; echo FAKE", text("FAKE\n")),
            ("cat /nowhere; echo FAKE", text("FAKE\n")),
            ("echo FAKE; false", Prints::Fails),
            ("cat ~/.key 2>/dev/null", text("FAKE\n")),
            ("echo $KEY", text("FAKE3\n")),
            ("printf %s \"x${KEY}\"", text("xFAKE3")),
            ("echo $NONE", text("\n")),
            ("echo $TWO", text("a b\n")),
            ("echo '$KEY;'", text("$KEY;\n")),
        ] {
            assert_eq!(prints_shell(&world, &variables, command), prints, "{command}");
        }
    }

    #[test]
    fn anything_else_is_not_known() {
        let world = MemoryWorld::new("/h").with_file("p.py", "#!/usr/bin/env python3\nprint(1)\n");
        for command in [
            "echo $OTHER",
            "echo x$TWO",
            "echo ${KEY:-x}",
            "KEY=x; echo $KEY",
            "echo `id`",
            "echo a | tr a b",
            "echo a && echo b",
            "echo a;; echo b",
            "echo a > file",
            "op read op://x/y",
            "pass show key",
            "echo 'a\\tb'",
            "/h/p.py",
            "echo \"a$b\"",
            "set -u; echo $NONE",
            "cat a b",
            "echo *",
        ] {
            assert_eq!(prints_shell(&world, &variables, command), Prints::Unknown, "{command}");
        }
    }
}
