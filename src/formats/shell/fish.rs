//! fish: its own grammar, read whole before anything runs, and its own `set`.

use std::rc::Rc;

use super::run::{Flow, Runner, Source, Status};
use super::state::{Known, Spot};
use super::syntax::{Bad, Part, Word, is_name};
use crate::formats::bound::TOO_LONG;

/// How deep blocks may nest.
const MAX_DEPTH: usize = 40;

/// One statement.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    Command {
        join: Join,
        negated: bool,
        words: Vec<Word>,
        alone: bool,
    },
    If {
        arms: Vec<(Vec<Statement>, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    /// A loop or a `switch`: its body may run or not.
    Perhaps(Vec<Statement>),
    Begin(Vec<Statement>),
    Function {
        name: String,
        body: Rc<Vec<Statement>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Always,
    And,
    Or,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn blanks(&mut self) {
        loop {
            if self.eat("\\\n") {
                continue;
            }
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('#') => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn separators(&mut self) {
        self.blanks();
        while self.eat("\n") || self.eat(";") {
            self.blanks();
        }
    }

    /// Statements up to `end`, `else`, `case` or the end of the text.
    fn block(&mut self) -> Result<Vec<Statement>, Bad> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Bad);
        }
        let mut out = vec![];
        let mut join = Join::Always;
        loop {
            self.separators();
            if self.rest().is_empty() || ["end", "else", "case"].iter().any(|word| self.at_word(word)) {
                self.depth -= 1;
                return Ok(out);
            }
            let statement = self.statement(join)?;
            out.push(statement);
            self.blanks();
            join = match () {
                () if self.eat("&&") => Join::And,
                () if self.eat("||") => Join::Or,
                () => Join::Always,
            };
            if join != Join::Always {
                self.separators();
            } else if !(self.rest().is_empty() || self.rest().starts_with(['\n', ';', '&', '|'])) {
                return Err(Bad);
            } else if self.eat("|") || self.eat("&") {
                // What a pipe or a background job does stays its own.
                if let Some(Statement::Command { alone, .. }) = out.last_mut() {
                    *alone = false;
                }
            }
        }
    }

    fn at_word(&self, word: &str) -> bool {
        self.rest()
            .strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|']))
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.blanks();
        self.at_word(word) && self.eat(word)
    }

    fn end(&mut self) -> Result<(), Bad> {
        self.separators();
        if self.keyword("end") { Ok(()) } else { Err(Bad) }
    }

    fn statement(&mut self, mut join: Join) -> Result<Statement, Bad> {
        let mut negated = false;
        loop {
            match () {
                () if self.keyword("and") => join = Join::And,
                () if self.keyword("or") => join = Join::Or,
                () if self.keyword("not") || self.keyword("!") => negated = !negated,
                () => break,
            }
        }
        match () {
            () if self.keyword("if") => self.conditional(),
            () if self.keyword("begin") => {
                let body = self.block()?;
                self.end()?;
                Ok(Statement::Begin(body))
            }
            () if self.keyword("while") || self.keyword("for") => {
                self.head()?;
                let body = self.block()?;
                self.end()?;
                Ok(Statement::Perhaps(body))
            }
            () if self.keyword("switch") => self.switch(),
            () if self.keyword("function") => self.function(),
            () => self.command(join, negated),
        }
    }

    /// The words up to the end of the statement.
    fn head(&mut self) -> Result<Vec<Word>, Bad> {
        let mut words = vec![];
        loop {
            self.blanks();
            match self.peek() {
                None | Some('\n' | ';' | '&' | '|') => return Ok(words),
                _ if self.redirect()? => {}
                _ => words.push(self.word()?),
            }
        }
    }

    fn conditional(&mut self) -> Result<Statement, Bad> {
        let mut arms = vec![];
        loop {
            let mut condition = vec![self.statement(Join::Always)?];
            loop {
                self.blanks();
                let join = match () {
                    () if self.eat("&&") => Join::And,
                    () if self.eat("||") => Join::Or,
                    () => break,
                };
                self.separators();
                condition.push(self.statement(join)?);
            }
            // `; and …` belongs to the condition as well.
            self.separators();
            while self.at_word("and") || self.at_word("or") {
                condition.push(self.statement(Join::And)?);
                self.separators();
            }
            arms.push((condition, self.block()?));
            self.separators();
            if !self.keyword("else") {
                self.end()?;
                return Ok(Statement::If { arms, otherwise: vec![] });
            }
            if !self.keyword("if") {
                let otherwise = self.block()?;
                self.end()?;
                return Ok(Statement::If { arms, otherwise });
            }
        }
    }

    fn switch(&mut self) -> Result<Statement, Bad> {
        self.head()?;
        let mut body = vec![];
        loop {
            self.separators();
            if !self.keyword("case") {
                self.end()?;
                return Ok(Statement::Perhaps(body));
            }
            self.head()?;
            body.extend(self.block()?);
        }
    }

    fn function(&mut self) -> Result<Statement, Bad> {
        let head = self.head()?;
        let name = head.first().and_then(Word::literal).ok_or(Bad)?;
        let body = Rc::new(self.block()?);
        self.end()?;
        Ok(Statement::Function { name, body })
    }

    fn command(&mut self, join: Join, negated: bool) -> Result<Statement, Bad> {
        let start = self.at;
        let words = self.head()?;
        let first = words.first().ok_or(Bad)?;
        let raw = &self.text[first.span.clone()];
        // An assignment needs a command behind it; brackets cannot begin one.
        let assigned = raw.split_once('=').is_some_and(|(name, _)| is_name(name));
        if raw.starts_with(['(', '{', '$']) || (assigned && words.len() == 1) || raw.contains('(') {
            return Err(Bad);
        }
        debug_assert!(self.at >= start);
        Ok(Statement::Command { join, negated, words, alone: true })
    }

    fn redirect(&mut self) -> Result<bool, Bad> {
        let before = self.at;
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let found = ["&>>", "&>", ">>", ">?", ">&", "<&", ">", "<"].iter().any(|operator| self.eat(operator));
        if !found {
            self.at = before;
            return Ok(false);
        }
        self.blanks();
        self.word()?;
        Ok(true)
    }

    fn word(&mut self) -> Result<Word, Bad> {
        let start = self.at;
        let mut word = Word::default();
        if self.rest().starts_with('~') && !self.rest()[1..].starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            self.at += 1;
            word.parts.push(Part::Home);
        }
        while let Some(c) = self.peek().filter(|c| !" \t\n;&|<>)".contains(*c)) {
            self.at += c.len_utf8();
            match c {
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '\\' => self.escape(&mut word)?,
                '$' => self.dollar(&mut word, false)?,
                '(' => {
                    self.at -= 1;
                    self.command_part(&mut word, false)?;
                }
                '{' | '}' => word.parts.push(Part::Unknown),
                c => push(&mut word, c, false),
            }
        }
        word.span = start..self.at;
        if self.at == start { Err(Bad) } else { Ok(word) }
    }

    fn single(&mut self, word: &mut Word) -> Result<(), Bad> {
        push_str(word, "", true);
        loop {
            let c = self.peek().ok_or(Bad)?;
            self.at += c.len_utf8();
            match c {
                '\'' => return Ok(()),
                '\\' if self.rest().starts_with(['\'', '\\']) => {
                    push_str(word, &self.rest()[..1], true);
                    self.at += 1;
                }
                c => push(word, c, true),
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Result<(), Bad> {
        push_str(word, "", true);
        loop {
            let c = self.peek().ok_or(Bad)?;
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(()),
                '\\' if self.eat("\n") => {}
                '\\' if self.rest().starts_with(['"', '\\', '$']) => {
                    push_str(word, &self.rest()[..1], true);
                    self.at += 1;
                }
                '$' => self.dollar(word, true)?,
                c => push(word, c, true),
            }
        }
    }

    fn escape(&mut self, word: &mut Word) -> Result<(), Bad> {
        let c = self.peek().ok_or(Bad)?;
        self.at += c.len_utf8();
        let (radix, most) = match c {
            'x' | 'X' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            '\n' => return Ok(()),
            c => {
                let c = match c {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'e' => '\u{1b}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    c => c,
                };
                push(word, c, true);
                return Ok(());
            }
        };
        let digits: String = self.rest().chars().take(most).take_while(|c| c.is_digit(radix)).collect();
        self.at += digits.len();
        let c = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32).ok_or(Bad)?;
        push(word, c, true);
        Ok(())
    }

    /// What follows a `$`: a name, or a command in brackets.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Bad> {
        if self.peek() == Some('(') {
            return self.command_part(word, quoted);
        }
        let rest = self.rest();
        let len = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if len == 0 {
            return Err(Bad);
        }
        self.at += len;
        let name = rest[..len].to_owned();
        word.parts.push(Part::Variable { name, operator: String::new(), operand: None, quoted });
        if self.peek() == Some('[') {
            word.parts.push(Part::Unknown);
        }
        Ok(())
    }

    fn command_part(&mut self, word: &mut Word, quoted: bool) -> Result<(), Bad> {
        let len = super::word::closing_paren(self.rest()).ok_or(Bad)?;
        let text = self.rest()[1..len].to_owned();
        self.at += len + 1;
        word.parts.push(Part::Command { text, quoted });
        Ok(())
    }
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

impl Runner<'_> {
    /// Follows a text of fish.
    pub(super) fn fish_text(&mut self, text: &str) -> Flow {
        let mut parser = Parser { text, at: 0, depth: 0 };
        match parser.block() {
            Ok(block) if parser.rest().is_empty() => self.fish_block(&block).1,
            // fish runs nothing of a file that it cannot parse.
            _ => {
                self.lose(parser.at.min(text.len()));
                Flow::On
            }
        }
    }

    fn fish_block(&mut self, block: &[Statement]) -> (Status, Flow) {
        let mut status = Status::True;
        for statement in block {
            let (next, flow) = self.fish_statement(statement, status);
            status = next;
            if flow != Flow::On {
                return (status, flow);
            }
        }
        (status, Flow::On)
    }

    fn fish_statement(&mut self, statement: &Statement, before: Status) -> (Status, Flow) {
        match statement {
            Statement::Command { join, negated, words, alone } => {
                let wanted = match join {
                    Join::Always => Status::True,
                    Join::And => before,
                    Join::Or => before.not(),
                };
                match wanted {
                    Status::False => (before, Flow::On),
                    _ if !alone => (Status::Unknown, Flow::On),
                    Status::True => {
                        let (status, flow) = self.fish_command(words);
                        (if *negated { status.not() } else { status }, flow)
                    }
                    Status::Unknown => (Status::Unknown, self.perhaps(|this| this.fish_command(words).1)),
                }
            }
            Statement::If { arms, otherwise } => self.fish_if(arms, otherwise),
            Statement::Perhaps(body) => (Status::Unknown, self.perhaps(|this| this.fish_block(body).1)),
            Statement::Begin(body) => self.fish_block(body),
            Statement::Function { name, body } => {
                self.fish_functions.insert(name.clone(), Rc::clone(body));
                (Status::True, Flow::On)
            }
        }
    }

    fn fish_if(
        &mut self,
        arms: &[(Vec<Statement>, Vec<Statement>)],
        otherwise: &[Statement],
    ) -> (Status, Flow) {
        let mut unknown = false;
        for (condition, body) in arms {
            let (status, _) = self.fish_block(condition);
            match status {
                Status::False => {}
                Status::True if !unknown => return self.fish_block(body),
                _ => {
                    unknown = true;
                    self.perhaps(|this| this.fish_block(body).1);
                }
            }
        }
        if unknown {
            (Status::Unknown, self.perhaps(|this| this.fish_block(otherwise).1))
        } else {
            self.fish_block(otherwise)
        }
    }

    fn fish_command(&mut self, words: &[Word]) -> (Status, Flow) {
        if !self.goes_on() {
            return (Status::Unknown, Flow::On);
        }
        let fields: Vec<Known> = words.iter().map(|word| self.expand(word)).collect();
        let Some(name) = fields[0].text().map(str::to_owned) else { return (Status::Unknown, Flow::On) };
        let args = &fields[1..];
        let spot = words.last().and_then(|word| self.spot(word, true));
        if let Some(body) = self.fish_functions.get(&name).cloned() {
            return self.fish_call(&body);
        }
        let status = match name.as_str() {
            "true" | ":" => Status::True,
            "false" => Status::False,
            "set" => self.fish_set(args, spot),
            "export" => self.fish_export(args, &words[1..]),
            "setenv" => {
                if let [Known::Text(name), value @ ..] = args {
                    let value = value.first().cloned().unwrap_or(Known::Text(String::new()));
                    self.set(&name.clone(), value, spot, true);
                }
                Status::True
            }
            "builtin" if args.first().and_then(Known::text) == Some("set") => self.fish_set(&args[1..], spot),
            "source" | "." => self.fish_source(args),
            "eval" => return self.fish_eval(args),
            "test" | "[" => self.single_bracket(&words[1..], &name),
            "status" => self.fish_status(args),
            "return" => return (Status::Unknown, Flow::Return),
            "exit" | "exec" => return (Status::Unknown, Flow::Exit),
            _ => Status::Unknown,
        };
        (status, Flow::On)
    }

    fn fish_call(&mut self, body: &[Statement]) -> (Status, Flow) {
        if self.depth > 10 {
            return (Status::Unknown, Flow::On);
        }
        self.depth += 1;
        self.in_function += 1;
        let (status, flow) = self.fish_block(body);
        self.in_function -= 1;
        self.depth -= 1;
        (status, if flow == Flow::Exit { Flow::Exit } else { Flow::On })
    }

    fn fish_status(&self, args: &[Known]) -> Status {
        match args.first().and_then(Known::text).map(|arg| arg.trim_start_matches('-')) {
            Some("is-interactive" | "i") => Status::of(self.interactive),
            _ => Status::Unknown,
        }
    }

    /// `set` with its options, as one bundle or in words.
    fn fish_set(&mut self, args: &[Known], spot: Option<Spot>) -> Status {
        let mut letters = String::new();
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Known::text).filter(|arg| arg.starts_with('-')) {
            rest = &rest[1..];
            match option {
                "--" => break,
                _ if option.starts_with("--") => letters.push_str(long_option(&option[2..])),
                _ => letters.push_str(&option[1..]),
            }
        }
        let has = |letter| letters.contains(letter);
        let Some(name) = rest.first().and_then(Known::text).map(str::to_owned) else {
            return Status::Unknown;
        };
        let sure = self.sure();
        if has('q') {
            return match self.vars.0.get(&name) {
                Some(variable) if variable.unsure => Status::Unknown,
                Some(_) => Status::True,
                None => {
                    if self.closed {
                        Status::False
                    } else {
                        Status::Unknown
                    }
                }
            };
        }
        if has('e') {
            rest.iter().filter_map(Known::text).for_each(|name| self.vars.unset(name, sure));
            return Status::True;
        }
        // A local variable of a start-up file is gone when the file ends.
        if has('l') && (self.in_function > 0 || !self.strict) {
            return Status::True;
        }
        let more = has('a') || has('p');
        let value = if more { Known::NotLiteral("it is added to a list") } else { joined(&name, &rest[1..]) };
        let spot = spot.filter(|_| rest.len() == 2);
        self.set(&name, value, spot, has('x'));
        if has('u') {
            self.vars.export(&name, false, sure);
        }
        Status::True
    }

    /// fish's own `export`: each argument alone, options are not known to it.
    fn fish_export(&mut self, args: &[Known], words: &[Word]) -> Status {
        for (arg, word) in args.iter().zip(words) {
            let Known::Text(text) = arg else {
                self.fish_export_unknown(word);
                continue;
            };
            match text.split_once('=') {
                Some((name, value)) if is_name(name) => {
                    let mut spot = self.spot(word, true);
                    if let Some(spot) = &mut spot {
                        spot.span.start = (spot.span.start + name.len() + 1).min(spot.span.end);
                    }
                    self.set(name, Known::Text(value.to_owned()), spot, true);
                }
                None if is_name(text) => {
                    let value = self.value_of(text);
                    self.set(text, value, None, true);
                }
                _ => {}
            }
        }
        Status::True
    }

    fn fish_export_unknown(&mut self, word: &Word) {
        if let Some(Part::Text { text, .. }) = word.parts.first()
            && let Some((name, _)) = text.split_once('=').filter(|(name, _)| is_name(name))
        {
            let value = self.expand(word);
            self.set(name, value, None, true);
        }
    }

    fn fish_source(&mut self, args: &[Known]) -> Status {
        let (Some(world), Some(path)) = (self.world, args.first().and_then(Known::text)) else {
            return Status::Unknown;
        };
        self.file(&world.cwd().join(path))
    }

    fn fish_eval(&mut self, args: &[Known]) -> (Status, Flow) {
        let Some(texts) = args.iter().map(Known::text).collect::<Option<Vec<_>>>() else {
            return (Status::Unknown, Flow::On);
        };
        let text = texts.join(" ");
        let source: Option<Source> = self.source.take();
        self.depth += 1;
        let flow =
            if self.depth > 10 || !self.room.spend(text.len()) { Flow::On } else { self.fish_text(&text) };
        self.depth -= 1;
        self.source = source;
        (Status::Unknown, flow)
    }
}

/// A list is handed to children with blanks between, a path with colons.
fn joined(name: &str, values: &[Known]) -> Known {
    let texts: Option<Vec<&str>> = values.iter().map(Known::text).collect();
    match texts {
        Some(texts) => Known::Text(texts.join(if name.ends_with("PATH") { ":" } else { " " })),
        None if values.contains(&Known::NotLiteral(TOO_LONG)) => Known::NotLiteral(TOO_LONG),
        None => Known::NotLiteral("it is made by a command when the shell starts"),
    }
}

fn long_option(name: &str) -> &'static str {
    match name {
        "export" => "x",
        "unexport" => "u",
        "erase" => "e",
        "query" => "q",
        "local" => "l",
        "append" => "a",
        "prepend" => "p",
        _ => "",
    }
}

/// The exported universal variables of `fish_variables`.
pub(super) fn universal(text: &str) -> Vec<(String, String, usize)> {
    let entry = |(line, text): (usize, &str)| {
        let rest = text.strip_prefix("SETUVAR ")?.strip_prefix("--export ")?;
        let (name, value) = rest.split_once(':')?;
        Some((name.to_owned(), unescape(value), line + 1))
    };
    text.lines().enumerate().filter_map(entry).collect()
}

/// `\xHH` and its relatives; list items are parted by `\x1e`.
fn unescape(value: &str) -> String {
    let mut parser = Parser { text: value, at: 0, depth: 0 };
    let mut word = Word::default();
    while let Some(c) = parser.peek() {
        parser.at += c.len_utf8();
        if c != '\\' || parser.escape(&mut word).is_err() {
            push(&mut word, c, true);
        }
    }
    word.literal().unwrap_or_default().replace('\u{1e}', " ")
}
