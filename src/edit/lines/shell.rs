//! Assignments in shell start-up files, read without running anything: which lines are plain literals that surely
//! run, and which depend on something (a condition, a function, a here-document, another variable).
//!
//! The rules are those of facts recorded from bash, dash, zsh and fish: `export K=v`, `K=v; export K`, `declare -x`,
//! `typeset -gx`, fish's `set -gx K v`. An assignment in front of a command belongs to that command alone.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Found, Seen};
use crate::source::Dialect;

/// Every assignment in `text`.
pub(super) fn see(dialect: Dialect, text: &str) -> Seen {
    let mut scan = Scan { text, fish: dialect == Dialect::Fish, ..Scan::default() };
    scan.run();
    scan.seen
}

/// One word of a command.
struct Word {
    span: Range<usize>,
    /// The text between the quotes, where all of it is literal.
    plain: bool,
}

#[derive(Default)]
struct Scan<'a> {
    text: &'a str,
    fish: bool,
    at: usize,
    /// How many `if`, loops, functions and groups are open.
    depth: usize,
    /// How many `(` are open.
    groups: usize,
    /// The command is behind `&&`, `||` or `|`.
    chained: bool,
    words: Vec<Word>,
    /// Here-documents that begin at the next line: their end word, and whether tabs in front are dropped.
    heredocs: Vec<(String, bool)>,
    seen: Seen,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                '\n' => {
                    self.at += 1;
                    self.end_command(false);
                    self.skip_heredocs();
                }
                '<' if self.text[self.at..].starts_with("<<") && !self.text[self.at..].starts_with("<<<") => {
                    self.heredoc();
                }
                ' ' | '\t' | '\r' | '<' | '>' => self.at += 1,
                '#' => self.at = self.line_end(),
                ';' => self.separator(1, false),
                '(' => self.open_group(),
                ')' => self.close_group(),
                '&' | '|' => {
                    let double = self.text[self.at..].starts_with(if c == '&' { "&&" } else { "||" });
                    self.separator(if double { 2 } else { 1 }, double || c == '|');
                }
                '\\' if self.text[self.at..].starts_with("\\\n") => self.at += 2,
                _ => self.word(),
            }
        }
        self.end_command(false);
    }

    fn line_end(&self) -> usize {
        self.text[self.at..].find('\n').map_or(self.text.len(), |len| self.at + len)
    }

    fn separator(&mut self, len: usize, chained: bool) {
        self.at += len;
        self.end_command(chained);
    }

    fn open_group(&mut self) {
        self.separator(1, false);
        self.groups += 1;
        self.depth += 1;
    }

    /// A `)` without its `(` ends a pattern of `case`.
    fn close_group(&mut self) {
        self.separator(1, false);
        if self.groups > 0 {
            self.groups -= 1;
            self.depth = self.depth.saturating_sub(1);
        }
    }

    /// A word with its quotes; what `$`, a backtick, a backslash or a glob makes of it is not literal.
    fn word(&mut self) {
        let start = self.at;
        let mut plain = true;
        let mut quotes = 0;
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | ')' => break,
                '(' => {
                    plain = false;
                    self.skip_parens();
                }
                '\'' | '"' => {
                    quotes += 1;
                    plain &= self.quoted(c);
                }
                '$' | '`' | '*' | '?' | '~' | '{' | '}' | '[' => {
                    plain = false;
                    self.at += 1;
                }
                '\\' => {
                    plain = false;
                    self.at += 1 + self.text[self.at + 1..].chars().next().map_or(0, char::len_utf8);
                }
                _ => self.at += c.len_utf8(),
            }
        }
        if self.at == start {
            self.at += self.text[start..].chars().next().map_or(0, char::len_utf8);
        }
        self.words.push(Word { span: start..self.at, plain: plain && quotes <= 1 });
    }

    /// Skips a quoted part; true where it is literal and closed.
    fn quoted(&mut self, quote: char) -> bool {
        self.at += 1;
        let mut plain = true;
        while let Some(c) = self.text[self.at..].chars().next() {
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return plain,
                '\\' if quote == '"' || self.fish => {
                    plain = false;
                    self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
                }
                '$' | '`' if quote == '"' => plain = false,
                _ => {}
            }
        }
        false
    }

    /// Skips `( … )` inside of a word, nested.
    fn skip_parens(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                '\'' | '"' => {
                    self.quoted(c);
                    continue;
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            self.at += c.len_utf8();
            if depth == 0 {
                return;
            }
        }
    }

    fn heredoc(&mut self) {
        self.at += 2;
        let dash = self.text[self.at..].starts_with('-');
        self.at += usize::from(dash);
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.word();
        if let Some(word) = self.words.pop() {
            let end: String =
                self.text[word.span].chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
            self.heredocs.push((end, dash));
        }
    }

    fn skip_heredocs(&mut self) {
        for (end, dash) in std::mem::take(&mut self.heredocs) {
            while self.at < self.text.len() {
                let stop = self.line_end();
                let line = self.text[self.at..stop].trim_end_matches('\r');
                let line = if dash { line.trim_start_matches('\t') } else { line };
                let done = line == end;
                self.at = (stop + 1).min(self.text.len());
                if done {
                    break;
                }
            }
        }
    }

    fn end_command(&mut self, chained: bool) {
        let words = std::mem::take(&mut self.words);
        self.command(&words);
        self.chained = chained;
    }

    fn command(&mut self, words: &[Word]) {
        let mut words = words;
        while let Some((first, rest)) = words.split_first() {
            let text = &self.text[first.span.clone()];
            let opens = if self.fish {
                matches!(text, "if" | "for" | "while" | "switch" | "function" | "begin")
            } else {
                matches!(text, "if" | "for" | "while" | "until" | "case" | "select" | "{" | "function")
            };
            let closes = if self.fish { text == "end" } else { matches!(text, "fi" | "done" | "esac" | "}") };
            if opens {
                self.depth += 1;
            } else if closes {
                self.depth = self.depth.saturating_sub(1);
            } else if !text.ends_with("()")
                && !matches!(text, "then" | "else" | "elif" | "do" | "!" | "and" | "or" | "not")
            {
                break;
            }
            words = rest;
        }
        if self.fish { self.fish_command(words) } else { self.posix_command(words) }
    }

    fn posix_command(&mut self, words: &[Word]) {
        let text = |word: &Word| &self.text[word.span.clone()];
        let mut words = words;
        let mut declares = false;
        let mut local = false;
        while let Some((first, rest)) = words.split_first() {
            match text(first) {
                "builtin" | "command" => {}
                "export" | "readonly" | "declare" | "typeset" => declares = true,
                "local" => (declares, local) = (true, true),
                option if declares && option.starts_with('-') => {}
                _ => break,
            }
            words = rest;
        }
        let assigns = |word: &Word| split_assignment(text(word)).is_some();
        if !declares && !words.iter().all(assigns) {
            return;
        }
        let found: Vec<Found> = words.iter().filter_map(|word| self.found(word, local)).collect();
        self.seen.found.extend(found);
    }

    fn found(&self, word: &Word, local: bool) -> Option<Found> {
        let (name, append, value) = split_assignment(&self.text[word.span.clone()])?;
        let span = word.span.end - value.len()..word.span.end;
        let literal = word.plain && !append && is_whole_literal(value);
        let doubt = self.doubt(literal).or(local.then_some("a local variable of a function"));
        Some(self.make(name, span, doubt))
    }

    /// `set -gx NAME value`, in any order of flags.
    fn fish_command(&mut self, words: &[Word]) {
        let text = |word: &Word| &self.text[word.span.clone()];
        let Some((first, rest)) = words.split_first() else { return };
        if text(first) == "export" {
            let found: Vec<Found> = rest.iter().filter_map(|word| self.found(word, false)).collect();
            self.seen.found.extend(found);
            return;
        }
        if text(first) != "set" {
            return;
        }
        let flags: String = rest.iter().map(text).filter(|word| word.starts_with('-')).collect();
        let plain: Vec<&Word> = rest.iter().filter(|word| !text(word).starts_with('-')).collect();
        let query = ["q", "S", "e", "--query", "--erase", "--show"].iter().any(|flag| flags.contains(flag))
            && !flags.contains("export");
        let [name, value] = plain.as_slice() else { return };
        if query {
            return;
        }
        let universal = flags.contains('U').then_some("a universal variable, which fish itself keeps");
        let literal = value.plain && is_whole_literal(text(value));
        let doubt = self.doubt(literal).or(universal);
        let found = self.make(text(name), value.span.clone(), doubt);
        self.seen.found.push(found);
    }

    fn doubt(&self, literal: bool) -> Option<&'static str> {
        if !literal {
            return Some("an expression, not a plain text");
        }
        (self.depth > 0 || self.chained).then_some("part of a condition, loop, function or chain of commands")
    }

    fn make(&self, name: &str, span: Range<usize>, doubt: Option<&'static str>) -> Found {
        let value = self.text[span.clone()].trim_matches(['"', '\'']).to_owned();
        let line = self.text[..span.start].matches('\n').count() + 1;
        Found { name: name.to_owned(), line, span, value: Zeroizing::new(value), doubt }
    }
}

/// `NAME=value` or `NAME+=value`.
fn split_assignment(word: &str) -> Option<(&str, bool, &str)> {
    let (name, value) = word.split_once('=')?;
    let (name, append) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = start && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then_some((name, append, value))
}

/// No quotes, or one pair around all of it.
fn is_whole_literal(value: &str) -> bool {
    let inner = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            value.len() >= 2 && value.ends_with(quote) && !value[1..value.len() - 1].contains(quote)
        }
        _ => !value.contains(['"', '\'']),
    };
    inner && !value.contains('\n')
}
