//! What words mean, as far as that is known without running anything.

use super::parse::Parser;
use super::run::{MAX_DEPTH, Runner, Status};
use super::state::Known;
use super::syntax::{Command, Part, Shell, Word};
use crate::formats::bound::{MAX_VALUE, TOO_LONG};

const RUN_TIME: &str = "it is made by a command when the shell starts";
const OTHER: &str = "it depends on a variable that is not set in these files";
const BEYOND: &str = "it uses a form that is not followed here";

impl Runner<'_> {
    /// The value of a variable.
    pub(super) fn value_of(&self, name: &str) -> Known {
        match self.vars.0.get(name) {
            Some(variable) if variable.unsure || !variable.perhaps.is_empty() => Known::NotLiteral(OTHER),
            Some(variable) => match variable.setting.as_ref().map(|setting| &setting.value) {
                Some(Known::Text(text)) if text.len() > MAX_VALUE || !self.room.spend(text.len()) => {
                    Known::NotLiteral(TOO_LONG)
                }
                Some(value) => value.clone(),
                None => Known::Text(String::new()),
            },
            None => self.unset_value(name),
        }
    }

    #[allow(clippy::match_same_arms)]
    fn unset_value(&self, name: &str) -> Known {
        let positional = name.starts_with(|c: char| c.is_ascii_digit()) && name != "0";
        match name {
            "-" => Known::Text(if self.interactive { "himBHs" } else { "hBs" }.to_owned()),
            "@" | "*" => Known::Text(String::new()),
            "#" => Known::Text("0".to_owned()),
            "0" | "?" | "$" | "!" | "RANDOM" | "SECONDS" | "LINENO" => Known::NotLiteral(RUN_TIME),
            // What one shell sets, the others do not.
            "BASH_VERSION" | "ZSH_VERSION" | "FISH_VERSION" | "version" => Known::Text(String::new()),
            _ if self.closed || positional => Known::Text(String::new()),
            _ => Known::NotLiteral(OTHER),
        }
    }

    /// Whether a variable is set, or none if that cannot be told.
    fn is_set(&self, name: &str) -> Option<bool> {
        match self.vars.0.get(name) {
            Some(variable) if variable.unsure => None,
            Some(variable) => Some(variable.setting.is_some() || !variable.perhaps.is_empty()),
            None => match self.unset_value(name) {
                Known::Text(_) => Some(matches!(name, "-" | "#")),
                Known::NotLiteral(_) => None,
            },
        }
    }

    /// The text of a word, without splitting it.
    pub(super) fn expand(&mut self, word: &Word) -> Known {
        let mut parts = Vec::with_capacity(word.parts.len());
        for part in &word.parts {
            match part {
                Part::Text { text, .. } => parts.push(Ok(text)),
                part => match self.part(part) {
                    Known::Text(text) => parts.push(Err(text)),
                    unknown @ Known::NotLiteral(_) => return unknown,
                },
            }
        }
        let mut out = self.room.filling();
        for part in &parts {
            match part {
                Ok(own) => out.own(own),
                Err(brought) => out.refer(brought),
            }
        }
        Known::filled(out)
    }

    fn part(&mut self, part: &Part) -> Known {
        match part {
            Part::Text { text, .. } => Known::Text(text.clone()),
            Part::Home => self.value_of("HOME"),
            Part::Variable { name, operator, operand, .. } => {
                self.variable(name, operator, operand.as_deref())
            }
            Part::Command { text, .. } => self.substitution(text),
            Part::Unknown => Known::NotLiteral(BEYOND),
        }
    }

    fn variable(&mut self, name: &str, operator: &str, operand: Option<&Word>) -> Known {
        let value = self.value_of(name);
        let Some(operand) = operand else { return value };
        let colon = operator.starts_with(':');
        let set = match (self.is_set(name), &value) {
            (Some(true), Known::Text(text)) => Some(!(colon && text.is_empty())),
            (Some(false), _) => Some(false),
            _ => None,
        };
        match (operator.trim_start_matches(':'), set) {
            (_, None) => Known::NotLiteral(OTHER),
            ("-" | "=" | "?", Some(true)) => value,
            ("-", Some(false)) | ("+", Some(true)) => self.expand(operand),
            ("=", Some(false)) => {
                let value = self.expand(operand);
                self.set(name, value.clone(), None, self.all_export);
                value
            }
            ("+", Some(false)) => Known::Text(String::new()),
            _ => Known::NotLiteral(BEYOND),
        }
    }

    /// `$(echo word)`, `$(printf %s word)` and `$(cat file)`; everything else is made at run time.
    fn substitution(&mut self, text: &str) -> Known {
        if self.depth >= MAX_DEPTH || !self.room.spend(text.len()) {
            return Known::NotLiteral(TOO_LONG);
        }
        self.depth += 1;
        let words = self.simple_words(text);
        self.depth -= 1;
        let Some(words) = words else { return Known::NotLiteral(RUN_TIME) };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = match words.as_slice() {
            ["echo", rest @ ..] if !rest.iter().any(|word| word.starts_with('-') || word.contains('\\')) => {
                Some(rest.join(" "))
            }
            ["printf", "%s" | "%s\n", word] => Some((*word).to_owned()),
            ["printf", word] if !word.contains(['%', '\\']) => Some((*word).to_owned()),
            ["cat", file] if !file.starts_with('-') => self.content(file),
            _ => None,
        };
        match printed {
            Some(text) => Known::Text(text.trim_end_matches('\n').to_owned()),
            None => Known::NotLiteral(RUN_TIME),
        }
    }

    fn content(&self, file: &str) -> Option<String> {
        let world = self.world?;
        let state = world.read(&world.cwd().join(file));
        let text = state.text()?;
        (text.len() <= MAX_VALUE && self.room.spend(text.len())).then(|| text.to_owned())
    }

    /// The words of a text that is one simple command without anything unknown in it.
    fn simple_words(&mut self, text: &str) -> Option<Vec<String>> {
        let mut parser = Parser::new(text, self.shell);
        let list = parser.unit().ok()??;
        let after = parser.unit();
        let ([item], Ok(None)) = (list.as_slice(), after) else { return None };
        let [Command::Simple { assigns, words }] = item.commands.as_slice() else { return None };
        if !assigns.is_empty() || item.negated || item.background {
            return None;
        }
        let fields = self.fields(words);
        fields.into_iter().map(|field| field.text().map(str::to_owned)).collect()
    }

    /// The arguments that words become. What is unknown becomes one unknown argument.
    pub(super) fn fields(&mut self, words: &[Word]) -> Vec<Known> {
        let mut out = vec![];
        for word in words {
            if self.shell == Shell::Zsh || word.literal().is_some() {
                let field = self.expand(word);
                // An empty expansion without quotes is no argument.
                if field.text() != Some("") || word.is_quoted() {
                    out.push(field);
                }
                continue;
            }
            self.split(word, &mut out);
        }
        out
    }

    /// Splits at the blanks that unquoted expansions bring in.
    fn split(&mut self, word: &Word, out: &mut Vec<Known>) {
        let mut field: Option<String> = None;
        for part in &word.parts {
            let quoted = match part {
                Part::Variable { quoted, .. } | Part::Command { quoted, .. } => *quoted,
                Part::Text { .. } | Part::Home | Part::Unknown => true,
            };
            let text = match self.part(part) {
                Known::Text(text) => text,
                unknown @ Known::NotLiteral(_) => {
                    out.push(unknown);
                    return;
                }
            };
            if quoted {
                field.get_or_insert_default().push_str(&text);
                continue;
            }
            let mut pieces = text.split([' ', '\t', '\n']).peekable();
            while let Some(piece) = pieces.next() {
                if !piece.is_empty() {
                    field.get_or_insert_default().push_str(piece);
                }
                if pieces.peek().is_some() {
                    out.extend(field.take().map(Known::Text));
                }
            }
        }
        out.extend(field.map(Known::Text));
    }

    /// Whether `text` matches a pattern of `case` or `[[`.
    pub(super) fn matches(&mut self, text: &str, pattern: &Word) -> Status {
        let mut glob = vec![];
        for part in &pattern.parts {
            let (known, literal) = match part {
                Part::Text { text, quoted } => (Known::Text(text.clone()), *quoted),
                Part::Variable { quoted, .. } | Part::Command { quoted, .. } => (self.part(part), *quoted),
                Part::Home | Part::Unknown => (self.part(part), true),
            };
            match known {
                Known::Text(text) => glob.extend(text.chars().map(|c| (c, literal))),
                Known::NotLiteral(_) => return Status::Unknown,
            }
        }
        if glob.iter().any(|(c, literal)| *c == '[' && !literal) {
            return Status::Unknown;
        }
        if !self.room.spend(glob.len().saturating_mul(text.len())) {
            return Status::Unknown;
        }
        let text: Vec<char> = text.chars().collect();
        Status::of(glob_match(&glob, &text))
    }

    /// A text from `eval` or `-c`, as its own command.
    pub(super) fn eval(&mut self, text: &str) -> super::run::Flow {
        if !self.room.spend(text.len()) {
            return super::run::Flow::On;
        }
        self.depth += 1;
        let source = self.source.take();
        let flow = self.text(text);
        self.source = source;
        self.depth -= 1;
        flow
    }
}

/// `*` and `?` where they are not quoted.
fn glob_match(glob: &[(char, bool)], text: &[char]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some(('*', false)) => {
                star = Some((g, t));
                g += 1;
            }
            Some((c, literal)) if *c == text[t] || (*c == '?' && !literal) => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|(c, literal)| *c == '*' && !literal)
}

/// zsh gives up on a command, and on the file, when a pattern in it matches no file.
pub(super) fn fails_in_zsh(word: &Word) -> bool {
    word.parts.iter().any(|part| match part {
        Part::Text { text, quoted: false } => {
            text.contains(['*', '?'])
                || (text.contains('[') && text.contains(']') && text != "[")
                || (text.starts_with('=') && text.len() > 1)
        }
        _ => false,
    })
}

/// zsh takes `=name` for the path of a program, on the right side of an assignment too.
pub(super) fn begins_with_equals(word: &Word) -> bool {
    matches!(word.parts.first(), Some(Part::Text { text, quoted: false }) if text.starts_with('='))
}
