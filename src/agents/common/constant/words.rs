//! A line of a shell script as simple commands, where the shell would do nothing but split, unquote and put in variables.

use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use crate::agents::common::expand;

use super::{Modes, Shell, Variable};

/// One simple command.
pub(super) struct Command {
    /// Its words.
    pub words: Vec<String>,
    /// What it prints goes elsewhere.
    pub quiet: bool,
}

/// The commands of one line; nothing if the shell would do anything else.
pub(super) fn commands(shell: &Shell<'_>, modes: Modes, line: &str) -> Option<Vec<Command>> {
    let mut all = Vec::new();
    let mut chars = line.chars().peekable();
    let mut line = Line { shell, modes };
    while chars.peek().is_some() {
        let command = line.command(&mut chars)?;
        // An empty command between two semicolons is an error of the shell.
        if command.words.is_empty() && chars.peek().is_some() {
            return None;
        }
        if let Some(("set", flags)) = command.words.split_first().map(|(first, rest)| (first.as_str(), rest))
        {
            line.modes.set(flags);
        }
        all.push(command);
    }
    all.retain(|command| !command.words.is_empty());
    Some(all)
}

/// A line while it is taken apart.
#[derive(Clone, Copy)]
struct Line<'a> {
    shell: &'a Shell<'a>,
    modes: Modes,
}

impl Line<'_> {
    fn command(self, chars: &mut Peekable<Chars<'_>>) -> Option<Command> {
        let mut command = Command { words: Vec::new(), quiet: false };
        loop {
            while chars.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
            match chars.peek() {
                None => return Some(command),
                Some(';') => {
                    chars.next();
                    return Some(command);
                }
                Some('#') => {
                    chars.by_ref().for_each(drop);
                    return Some(command);
                }
                Some('>') => {
                    let target = redirection(chars);
                    if !matches!(target.as_str(), ">&2" | ">/dev/null") || command.words.is_empty() {
                        return None;
                    }
                    command.quiet = true;
                }
                Some(_) => {
                    let words = self.word(chars)?;
                    // What goes to standard error is not what the command prints.
                    if words == ["2"] && chars.peek() == Some(&'>') {
                        if redirection(chars) != ">/dev/null" {
                            return None;
                        }
                        continue;
                    }
                    if chars.peek() == Some(&'>') {
                        return None;
                    }
                    command.words.extend(words);
                }
            }
        }
    }

    /// One word; several or nothing if it is a variable that holds blanks or nothing.
    fn word(self, chars: &mut Peekable<Chars<'_>>) -> Option<Vec<String>> {
        let mut word = String::new();
        let home = chars.peek() == Some(&'~');
        let mut bare = true;
        while let Some(c) = chars.next_if(|c| !" \t;>".contains(*c)) {
            match c {
                '\'' => loop {
                    match chars.next()? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                },
                '"' => loop {
                    match chars.next()? {
                        '"' => break,
                        '$' => word.push_str(&self.variable(chars)?),
                        '`' | '\\' | '!' => return None,
                        inner => word.push(inner),
                    }
                },
                '$' => {
                    let text = self.variable(chars)?;
                    // The shell takes it for a pattern of file names, and splits it at blanks.
                    let alone = word.is_empty() && bare && chars.peek().is_none_or(|c| " \t;>".contains(*c));
                    let blank = text.contains(char::is_whitespace);
                    if text.contains(['*', '?', '[', '\\']) || blank && !alone {
                        return None;
                    }
                    if alone {
                        return Some(text.split_whitespace().map(ToOwned::to_owned).collect());
                    }
                    word.push_str(&text);
                    continue;
                }
                c if c.is_alphanumeric() || "_@%+=:,./-~".contains(c) => word.push(c),
                _ => return None,
            }
            bare = false;
        }
        if home {
            let path = expand(self.shell.world, Path::new("/"), &word);
            return word.starts_with("~/").then(|| vec![path.to_string_lossy().into_owned()]);
        }
        Some(if bare && word.is_empty() { Vec::new() } else { vec![word] })
    }

    /// The text of `$NAME` or `${NAME}`, behind the dollar sign.
    fn variable(self, chars: &mut Peekable<Chars<'_>>) -> Option<String> {
        let braced = chars.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || braced && chars.next() != Some('}')
        {
            return None;
        }
        // The shell sets these by itself.
        if [
            "_", "IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PS1", "PS2", "PS4", "PWD", "RANDOM",
            "SECONDS", "SHLVL", "UID", "EUID",
        ]
        .contains(&name.as_str())
        {
            return None;
        }
        match (self.shell.variables)(&name) {
            Variable::Set(text) => Some(text),
            Variable::Unset if !self.modes.needs_variables => Some(String::new()),
            Variable::Unset | Variable::Unknown => None,
        }
    }
}

/// `>&2`, `>/dev/null`, blanks dropped.
fn redirection(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut target = String::new();
    while let Some(c) = chars.next_if(|c| *c != ';' && *c != '#' && (*c != ' ' || target.len() < 2)) {
        if c != ' ' {
            target.push(c);
        }
    }
    target
}
