//! The parser for bash, dash and zsh: one complete command at a time, as the shells themselves read a file.

use super::syntax::{Assign, Bad, Command, Item, Join, List, Shell, Word, is_name};

/// How deep commands may nest.
const MAX_DEPTH: usize = 60;
/// How much text of one file is looked at in vain: twice the largest file.
const MAX_VAIN: usize = 64 * 1024 * 1024;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) shell: Shell,
    heredocs: Vec<Heredoc>,
    depth: usize,
    /// How deep this text is in defaults of other variables.
    pub(super) inside: usize,
    /// How much text was looked at for a bracket that closes, in vain.
    vain: usize,
}

struct Heredoc {
    delimiter: String,
    strip_tabs: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, shell: Shell) -> Self {
        Self { text, at: 0, shell, heredocs: vec![], depth: 0, inside: 0, vain: 0 }
    }

    /// What `search` finds in `text`. A file of brackets that never close is not searched to its end for each of them.
    pub(super) fn closing(&mut self, text: &str, search: fn(&str) -> Option<usize>) -> Result<usize, Bad> {
        if self.vain > MAX_VAIN {
            return Err(Bad);
        }
        let found = search(text);
        self.vain += if found.is_none() { text.len() } else { 0 };
        found.ok_or(Bad)
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    /// Past blanks, continued lines and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            if self.eat("\\\n") {
                continue;
            }
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('#') => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                    return;
                }
                _ => return,
            }
        }
    }

    /// A line end and the here-documents that follow it.
    fn newline(&mut self) -> bool {
        if !self.eat("\n") {
            return false;
        }
        for heredoc in std::mem::take(&mut self.heredocs) {
            while !self.rest().is_empty() {
                let line = self.rest().split('\n').next().unwrap_or("");
                self.at = (self.at + line.len() + 1).min(self.text.len());
                let line = if heredoc.strip_tabs { line.trim_start_matches('\t') } else { line };
                if line == heredoc.delimiter {
                    break;
                }
            }
        }
        true
    }

    fn newlines(&mut self) {
        loop {
            self.blanks();
            if !self.newline() {
                return;
            }
        }
    }

    /// The next complete command, to the end of its line; none at the end of the text.
    pub(super) fn unit(&mut self) -> Result<Option<List>, Bad> {
        self.newlines();
        if self.rest().is_empty() {
            return Ok(None);
        }
        if self.shell == Shell::Zsh && self.eat(";") {
            return Ok(Some(vec![]));
        }
        let list = self.list(true)?;
        self.blanks();
        if self.rest().is_empty() || self.newline() { Ok(Some(list)) } else { Err(Bad) }
    }

    /// Moves to the next line after something that could not be followed.
    pub(super) fn skip_line(&mut self) {
        self.heredocs.clear();
        self.depth = 0;
        let rest = self.rest();
        self.at += rest.find('\n').map_or(rest.len(), |at| at + 1);
    }

    /// Pipelines up to a closing word, or to the end of the line.
    fn list(&mut self, one_line: bool) -> Result<List, Bad> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Bad);
        }
        let mut list = vec![];
        loop {
            if !one_line {
                self.newlines();
            }
            self.blanks();
            if self.at_list_end() {
                break;
            }
            self.and_or(&mut list)?;
            self.blanks();
            let background = self.peek() == Some('&') && !self.rest().starts_with("&&");
            if background {
                self.at += 1;
                // All of the and-or list runs in the background.
                let from = list.iter().rposition(|item: &Item| item.join == Join::Always).unwrap_or(0);
                list[from..].iter_mut().for_each(|item| item.background = true);
            } else if !self.rest().starts_with(";;") && !self.rest().starts_with(";&") && self.eat(";") {
            } else if one_line || !self.newline() {
                break;
            }
        }
        self.depth -= 1;
        Ok(list)
    }

    fn at_list_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty()
            || rest.starts_with(['\n', ')'])
            || rest.starts_with(";;")
            || rest.starts_with(";&")
            || ["then", "fi", "else", "elif", "do", "done", "esac", "}"].iter().any(|word| self.at_word(word))
    }

    /// Whether a reserved word is here, alone.
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>'])
        })
    }

    fn word_token(&mut self, word: &str) -> bool {
        self.blanks();
        self.at_word(word) && self.eat(word)
    }

    fn expect(&mut self, word: &str) -> Result<(), Bad> {
        self.newlines();
        if self.word_token(word) { Ok(()) } else { Err(Bad) }
    }

    fn and_or(&mut self, list: &mut List) -> Result<(), Bad> {
        let mut join = Join::Always;
        loop {
            list.push(self.pipeline(join)?);
            self.blanks();
            join = match () {
                () if self.eat("&&") => Join::And,
                () if self.eat("||") => Join::Or,
                () => return Ok(()),
            };
            self.newlines();
        }
    }

    fn pipeline(&mut self, join: Join) -> Result<Item, Bad> {
        let mut negated = false;
        while self.word_token("!") || self.word_token("time") {
            negated = !negated && self.text[..self.at].ends_with('!');
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            if self.rest().starts_with("||") || !(self.eat("|&") || self.eat("|")) {
                return Ok(Item { join, negated, commands, background: false });
            }
            self.newlines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Result<Command, Bad> {
        self.blanks();
        let command = self.compound()?;
        match command {
            Some(command) => {
                self.redirects()?;
                Ok(command)
            }
            None => self.simple(),
        }
    }

    fn compound(&mut self) -> Result<Option<Command>, Bad> {
        let command = match () {
            () if self.shell != Shell::Sh && self.rest().starts_with("((") => self.arithmetic()?,
            () if self.eat("(") => self.subshell()?,
            () if self.word_token("{") => self.group()?,
            () if self.word_token("if") => self.conditional()?,
            () if self.word_token("while") || self.word_token("until") => self.while_loop()?,
            () if self.word_token("for") || (self.shell != Shell::Sh && self.word_token("select")) => {
                self.for_loop()?
            }
            () if self.word_token("case") => self.case()?,
            () if self.shell != Shell::Sh && self.word_token("[[") => self.test()?,
            () if self.shell != Shell::Sh && self.word_token("function") => self.function_keyword()?,
            () => return Ok(None),
        };
        Ok(Some(command))
    }

    fn arithmetic(&mut self) -> Result<Command, Bad> {
        let len = self.closing(self.rest(), super::word::closing_paren)?;
        self.at += len + 1;
        Ok(Command::Arithmetic)
    }

    fn subshell(&mut self) -> Result<Command, Bad> {
        self.list(false)?;
        self.newlines();
        if self.eat(")") { Ok(Command::Subshell) } else { Err(Bad) }
    }

    fn group(&mut self) -> Result<Command, Bad> {
        let list = self.list(false)?;
        self.expect("}")?;
        Ok(Command::Group(list))
    }

    fn conditional(&mut self) -> Result<Command, Bad> {
        let mut arms = vec![];
        loop {
            let condition = self.list(false)?;
            self.expect("then")?;
            arms.push((condition, self.list(false)?));
            self.newlines();
            if self.word_token("elif") {
                continue;
            }
            let otherwise = if self.word_token("else") { Some(self.list(false)?) } else { None };
            self.expect("fi")?;
            return Ok(Command::If { arms, otherwise });
        }
    }

    fn while_loop(&mut self) -> Result<Command, Bad> {
        self.list(false)?;
        self.body().map(Command::Loop)
    }

    fn body(&mut self) -> Result<List, Bad> {
        self.expect("do")?;
        let list = self.list(false)?;
        self.expect("done")?;
        Ok(list)
    }

    fn for_loop(&mut self) -> Result<Command, Bad> {
        self.blanks();
        if self.rest().starts_with("((") {
            self.arithmetic()?;
        } else {
            self.word()?;
            self.newlines();
            if self.word_token("in") {
                while self.at_word_start() {
                    self.word()?;
                    self.blanks();
                }
            }
        }
        self.blanks();
        self.eat(";");
        self.body().map(Command::Loop)
    }

    fn case(&mut self) -> Result<Command, Bad> {
        self.blanks();
        let word = self.word()?;
        self.expect("in")?;
        let mut arms = vec![];
        loop {
            self.newlines();
            if self.word_token("esac") {
                return Ok(Command::Case { word, arms });
            }
            self.eat("(");
            let patterns = self.patterns()?;
            let list = self.list(false)?;
            arms.push((patterns, list));
            self.newlines();
            let ended = self.eat(";;&") || self.eat(";;") || self.eat(";&") || self.eat(";|");
            if !ended && !self.at_word("esac") {
                return Err(Bad);
            }
        }
    }

    fn patterns(&mut self) -> Result<Vec<Word>, Bad> {
        let mut patterns = vec![];
        loop {
            self.blanks();
            patterns.push(self.word()?);
            self.blanks();
            if self.eat(")") {
                return Ok(patterns);
            }
            if !self.eat("|") {
                return Err(Bad);
            }
        }
    }

    /// The words between `[[` and `]]`; `&&`, `||`, `<`, `>`, `(`, `)` are words there.
    fn test(&mut self) -> Result<Command, Bad> {
        let mut words = vec![];
        loop {
            self.newlines();
            if self.word_token("]]") {
                return Ok(Command::Test(words));
            }
            let start = self.at;
            let operator = ["&&", "||", "<", ">", "(", ")"].into_iter().find(|token| self.eat(token));
            match operator {
                Some(token) => words.push(Word {
                    parts: vec![super::syntax::Part::Text { text: token.to_owned(), quoted: false }],
                    span: start..self.at,
                }),
                None => words.push(self.test_word()?),
            }
        }
    }

    /// A word in a test, where patterns may hold brackets and bars.
    fn test_word(&mut self) -> Result<Word, Bad> {
        let start = self.at;
        let word = self.word()?;
        if self.at == start || self.rest().starts_with(['(', '|']) { Err(Bad) } else { Ok(word) }
    }

    fn function_keyword(&mut self) -> Result<Command, Bad> {
        self.blanks();
        let name = self.word()?.literal().ok_or(Bad)?;
        self.blanks();
        if self.eat("(") {
            self.blanks();
            if !self.eat(")") {
                return Err(Bad);
            }
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Result<Command, Bad> {
        self.newlines();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Bad);
        }
        let body = Box::new(self.command()?);
        self.depth -= 1;
        Ok(Command::Function { name, body })
    }

    fn at_word_start(&self) -> bool {
        self.peek().is_some_and(|c| !" \t\n;&|<>()".contains(c)) || self.rest().starts_with("<(")
    }

    fn simple(&mut self) -> Result<Command, Bad> {
        let (mut assigns, mut words) = (vec![], vec![]);
        let mut redirected = false;
        loop {
            self.blanks();
            if self.redirect()? {
                redirected = true;
                continue;
            }
            if !self.at_word_start() {
                break;
            }
            match if words.is_empty() { self.assign() } else { None } {
                Some(found) => assigns.push(found?),
                None => words.push(self.word()?),
            }
            let name = (words.len() == 1 && assigns.is_empty()).then(|| words[0].bare()).flatten();
            if let Some(name) = name.map(str::to_owned)
                && self.function_parens()
            {
                return self.function_body(name);
            }
        }
        if assigns.is_empty() && words.is_empty() && !redirected {
            return Err(Bad);
        }
        Ok(Command::Simple { assigns, words })
    }

    fn function_parens(&mut self) -> bool {
        let before = self.at;
        self.blanks();
        if self.eat("(") {
            self.blanks();
            if self.eat(")") {
                return true;
            }
        }
        self.at = before;
        false
    }

    /// An assignment that begins here, if one does. On `None` nothing was read.
    fn assign(&mut self) -> Option<Result<Assign, Bad>> {
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let (name, tail) = rest.split_at(len);
        let append = self.shell != Shell::Sh && tail.starts_with("+=");
        if !is_name(name) || !(append || tail.starts_with('=')) {
            return None;
        }
        self.at += len + if append { 2 } else { 1 };
        let value = self.assigned_word();
        Some(value.map(|value| Assign { name: name.to_owned(), append, value }))
    }

    fn redirects(&mut self) -> Result<(), Bad> {
        loop {
            self.blanks();
            if !self.redirect()? {
                return Ok(());
            }
        }
    }

    /// A redirection, which changes nothing that is looked for here; here-documents are remembered.
    fn redirect(&mut self) -> Result<bool, Bad> {
        let before = self.at;
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += digits;
        let here = self.rest().starts_with("<<") && !self.rest().starts_with("<<<");
        let operators = ["<<<", "<<-", "<<", "<>", "<&", ">>", ">&", ">|", "&>>", "&>", "<", ">"];
        let process = self.rest().starts_with("<(") || self.rest().starts_with(">(");
        let found = operators.into_iter().filter(|_| !process).find(|operator| self.eat(operator));
        let Some(operator) = found else {
            self.at = before;
            return Ok(false);
        };
        self.blanks();
        if !self.at_word_start() {
            return Err(Bad);
        }
        let word = self.word()?;
        if here {
            let delimiter = word.literal().ok_or(Bad)?;
            self.heredocs.push(Heredoc { delimiter, strip_tabs: operator == "<<-" });
        }
        Ok(true)
    }
}
