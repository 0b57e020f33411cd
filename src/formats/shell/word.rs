//! Words: quotes, variables, substitutions.

use super::parse::Parser;
use super::syntax::{Bad, Part, Shell, Word};
use crate::formats::bound;

impl Parser<'_> {
    /// A word that starts here.
    pub(super) fn word(&mut self) -> Result<Word, Bad> {
        self.word_until(false)
    }

    /// The right side of an assignment: it may be empty, and a list in brackets is an array.
    pub(super) fn assigned_word(&mut self) -> Result<Word, Bad> {
        let start = self.at;
        if self.shell != Shell::Sh && self.peek() == Some('(') {
            let len = self.closing(self.rest(), closing_paren)?;
            self.at += len + 1;
            return Ok(Word { parts: vec![Part::Unknown], span: start..self.at });
        }
        self.word_until(true)
    }

    fn word_until(&mut self, may_be_empty: bool) -> Result<Word, Bad> {
        let start = self.at;
        let mut word = Word::default();
        if self.peek() == Some('~') {
            self.home(&mut word);
        }
        while let Some(c) = self.peek() {
            if " \t\n;&|<>)".contains(c) && !self.process_substitution(&mut word)? {
                break;
            }
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | ')' => {}
                '(' => {
                    // Patterns of zsh and bash; anything else is another rule's business.
                    if self.shell == Shell::Sh || self.at == start || self.is_function(&word) {
                        break;
                    }
                    let len = self.closing(self.rest(), closing_paren)?;
                    self.at += len + 1;
                    word.parts.push(Part::Unknown);
                }
                _ => self.piece(&mut word, c)?,
            }
        }
        word.span = start..self.at;
        if self.at == start && !may_be_empty { Err(Bad) } else { Ok(word) }
    }

    fn is_function(&self, word: &Word) -> bool {
        word.bare().is_some() && self.rest()[1..].trim_start_matches([' ', '\t']).starts_with(')')
    }

    /// `<(…)` or `>(…)`.
    fn process_substitution(&mut self, word: &mut Word) -> Result<bool, Bad> {
        if self.shell == Shell::Sh || !(self.rest().starts_with("<(") || self.rest().starts_with(">(")) {
            return Ok(false);
        }
        let len = self.closing(&self.rest()[1..], closing_paren)?;
        self.at += len + 2;
        word.parts.push(Part::Unknown);
        Ok(true)
    }

    fn home(&mut self, word: &mut Word) {
        let tail = &self.rest()[1..];
        if tail.is_empty() || tail.starts_with(['/', ' ', '\t', '\n', ';', '&', '|', ':']) {
            self.at += 1;
            word.parts.push(Part::Home);
        }
    }

    fn piece(&mut self, word: &mut Word, c: char) -> Result<(), Bad> {
        match c {
            '\\' => {
                self.at += 1;
                if let Some(next) = self.peek().filter(|_| !self.eat("\n")) {
                    self.at += next.len_utf8();
                    push(word, next, true);
                } else if self.rest().is_empty() && !self.text.ends_with('\n') {
                    push(word, '\\', true);
                }
            }
            '\'' => {
                let inner = self.rest()[1..].split_once('\'').ok_or(Bad)?.0;
                self.at += inner.len() + 2;
                push_str(word, inner, true);
            }
            '"' => {
                self.at += 1;
                self.double_quoted(word)?;
            }
            '`' => self.backticks(word, false)?,
            '$' => self.dollar(word, false)?,
            c => {
                self.at += c.len_utf8();
                push(word, c, false);
            }
        }
        Ok(())
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Bad> {
        push_str(word, "", true);
        loop {
            match self.peek().ok_or(Bad)? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => self.escape_in_quotes(word),
                '`' => self.backticks(word, true)?,
                '$' => self.dollar(word, true)?,
                c => {
                    self.at += c.len_utf8();
                    push(word, c, true);
                }
            }
        }
    }

    fn escape_in_quotes(&mut self, word: &mut Word) {
        self.at += 1;
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(c @ ('$' | '`' | '"' | '\\')) => {
                self.at += 1;
                push(word, c, true);
            }
            _ => push(word, '\\', true),
        }
    }

    fn backticks(&mut self, word: &mut Word, quoted: bool) -> Result<(), Bad> {
        let inner = &self.rest()[1..];
        let mut escaped = false;
        let end = inner.find(|c| {
            let found = c == '`' && !escaped;
            escaped = c == '\\' && !escaped;
            found
        });
        let end = end.ok_or(Bad)?;
        let text = inner[..end].replace("\\`", "`").replace("\\\\", "\\").replace("\\$", "$");
        self.at += end + 2;
        word.parts.push(Part::Command { text, quoted });
        Ok(())
    }

    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Bad> {
        let tail = &self.rest()[1..];
        match tail.chars().next() {
            Some('\'') if !quoted && self.shell != Shell::Sh => {
                self.at += 2;
                return self.ansi_quoted(word);
            }
            Some('"') if !quoted && self.shell == Shell::Bash => {
                self.at += 2;
                return self.double_quoted(word);
            }
            Some('(') if tail.starts_with("((") => {
                let len = self.closing(tail, closing_paren)?;
                self.at += len + 2;
                word.parts.push(Part::Unknown);
            }
            Some('(') => {
                let len = self.closing(tail, closing_paren)?;
                self.at += len + 2;
                word.parts.push(Part::Command { text: tail[1..len].to_owned(), quoted });
            }
            Some('{') => {
                let len = self.closing(tail, closing_brace)?;
                self.at += len + 2;
                word.parts.push(self.braced(&tail[1..len], quoted));
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let len = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
                self.at += len + 1;
                word.parts.push(variable(&tail[..len], quoted));
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.at += 2;
                word.parts.push(variable(&tail[..1], quoted));
            }
            _ => {
                self.at += 1;
                push(word, '$', quoted);
            }
        }
        Ok(())
    }

    /// What is in `${…}`.
    fn braced(&self, inner: &str, quoted: bool) -> Part {
        let special = inner.starts_with(|c: char| "@*#?-$!".contains(c) || c.is_ascii_digit());
        let name_len = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let len = if special && name_len == 0 { 1 } else { name_len };
        let (name, tail) = inner.split_at(len);
        if name.is_empty() || (special && !tail.is_empty()) {
            return Part::Unknown;
        }
        let operator_len =
            tail.len() - tail.trim_start_matches([':', '-', '=', '+', '?', '%', '#', '/', '^', ',']).len();
        let operator = match &tail[..operator_len] {
            operator @ ("" | ":-" | "-" | ":=" | "=" | ":+" | "+" | ":?" | "?" | "%" | "%%" | "#" | "##") => {
                operator
            }
            // `${K:--x}`: the operator ends where the default begins.
            operator => {
                match [":-", ":=", ":+", ":?", "-", "=", "+", "?"].iter().find(|o| operator.starts_with(**o))
                {
                    Some(known) => known,
                    None => return Part::Unknown,
                }
            }
        };
        if operator.is_empty() && !tail.is_empty() {
            return Part::Unknown;
        }
        let operand =
            if operator.is_empty() { None } else { Some(Box::new(self.operand(&tail[operator.len()..]))) };
        Part::Variable { name: name.to_owned(), operator: operator.to_owned(), operand, quoted }
    }

    fn operand(&self, text: &str) -> Word {
        let mut parser = Parser::new(text, self.shell);
        parser.inside = self.inside + 1;
        if parser.inside > bound::MAX_DEPTH {
            return Word { parts: vec![Part::Unknown], span: 0..0 };
        }
        let mut word = Word::default();
        if parser.peek() == Some('~') {
            parser.home(&mut word);
        }
        while let Some(c) = parser.peek() {
            let done = if "\\'\"`$".contains(c) {
                parser.piece(&mut word, c)
            } else {
                parser.at += c.len_utf8();
                push(&mut word, c, false);
                Ok(())
            };
            if done.is_err() {
                return Word { parts: vec![Part::Unknown], span: 0..0 };
            }
        }
        word
    }

    /// `$'…'` with its escapes.
    fn ansi_quoted(&mut self, word: &mut Word) -> Result<(), Bad> {
        push_str(word, "", true);
        loop {
            let c = self.peek().ok_or(Bad)?;
            self.at += c.len_utf8();
            match c {
                '\'' => return Ok(()),
                '\\' => self.ansi_escape(word)?,
                c => push(word, c, true),
            }
        }
    }

    fn ansi_escape(&mut self, word: &mut Word) -> Result<(), Bad> {
        let c = self.peek().ok_or(Bad)?;
        self.at += c.len_utf8();
        let (radix, most) = match c {
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            _ => {
                match simple_escape(c) {
                    Some(c) => push(word, c, true),
                    None => push_str(word, &format!("\\{c}"), true),
                }
                return Ok(());
            }
        };
        let digits: String = self.rest().chars().take(most).take_while(|c| c.is_digit(radix)).collect();
        self.at += digits.len();
        let c = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32).ok_or(Bad)?;
        push(word, c, true);
        Ok(())
    }
}

const fn simple_escape(c: char) -> Option<char> {
    match c {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'e' | 'E' => Some('\u{1b}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        '\\' | '\'' | '"' | '?' => Some(c),
        _ => None,
    }
}

fn variable(name: &str, quoted: bool) -> Part {
    Part::Variable { name: name.to_owned(), operator: String::new(), operand: None, quoted }
}

fn push(word: &mut Word, c: char, quoted: bool) {
    push_str(word, c.encode_utf8(&mut [0; 4]), quoted);
}

fn push_str(word: &mut Word, more: &str, is_quoted: bool) {
    if let Some(Part::Text { text, quoted }) = word.parts.last_mut()
        && *quoted == is_quoted
    {
        text.push_str(more);
    } else {
        word.parts.push(Part::Text { text: more.to_owned(), quoted: is_quoted });
    }
}

/// The bracket that closes the one at the start of `text`, quotes and nesting respected.
pub(super) fn closing_paren(text: &str) -> Option<usize> {
    closing(text, '(', ')')
}

fn closing_brace(text: &str) -> Option<usize> {
    closing(text, '{', '}')
}

fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if open == '(' => drop(chars.by_ref().find(|(_, c)| *c == '\'')?),
            '"' => skip_double(&mut chars)?,
            c if c == open => depth += 1,
            c if c == close => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn skip_double(chars: &mut std::str::CharIndices) -> Option<()> {
    loop {
        match chars.next()?.1 {
            '\\' => drop(chars.next()),
            '"' => return Some(()),
            _ => {}
        }
    }
}
