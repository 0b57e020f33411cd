//! Follows the commands of a start-up file as far as they decide about variables. Nothing is started: what a command
//! would print or return is known for a handful of builtins and unknown for all others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::parse::Parser;
use super::state::{Known, Setting, Spot, Variables};
use super::syntax::{Assign, Bad, Command, Item, Join, Shell, Word};
use crate::formats::bound::{Room, TOO_LONG};
use crate::formats::text::{Decode, LineEnds, Text};
use crate::world::World;

/// How many files one start-up file may pull in.
const MAX_FILES: usize = 60;
/// How deep files, functions and `eval` may nest.
pub(super) const MAX_DEPTH: usize = 12;
/// How many commands are followed in all.
const MAX_COMMANDS: usize = 50_000;

/// Whether a command succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    True,
    False,
    Unknown,
}

impl Status {
    pub(super) const fn of(ok: bool) -> Self {
        if ok { Self::True } else { Self::False }
    }

    pub(super) const fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// Where the reading goes on after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    /// The rest of the file or function is left out.
    Return,
    /// Everything that follows is left out.
    Exit,
}

/// The text that is being read.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) file: Option<PathBuf>,
    pub(super) text: Rc<Text>,
}

#[allow(clippy::struct_excessive_bools)]
pub(super) struct Runner<'w> {
    pub(super) shell: Shell,
    pub(super) world: Option<&'w dyn World>,
    pub(super) vars: Variables,
    /// The environment is complete: a variable that was not set is empty, not unknown.
    pub(super) closed: bool,
    pub(super) interactive: bool,
    pub(super) all_export: bool,
    pub(super) functions: BTreeMap<String, Rc<Command>>,
    pub(super) fish_functions: BTreeMap<String, Rc<Vec<super::fish::Statement>>>,
    pub(super) source: Option<Source>,
    /// Greater than zero inside of a branch that may not be taken.
    pub(super) perhaps: usize,
    pub(super) in_function: usize,
    pub(super) files: Vec<PathBuf>,
    /// Lines that could not be followed.
    pub(super) lost: Vec<(Option<PathBuf>, usize)>,
    /// Stop at the first line that is not understood, as the shell does, instead of going on with the next.
    pub(super) strict: bool,
    /// dash met an error that ends it: nothing of what it set reaches anybody.
    pub(super) died: bool,
    pub(super) depth: usize,
    budget: usize,
    /// What is left for references, in all files together.
    pub(super) room: Room,
    locals: Vec<Vec<(String, Option<super::state::Variable>)>>,
}

impl<'w> Runner<'w> {
    pub(super) fn new(shell: Shell, world: Option<&'w dyn World>, env: &BTreeMap<String, String>) -> Self {
        Self {
            shell,
            world,
            vars: Variables::inherited(env),
            closed: false,
            interactive: false,
            all_export: false,
            functions: BTreeMap::new(),
            fish_functions: BTreeMap::new(),
            source: None,
            perhaps: 0,
            in_function: 0,
            files: vec![],
            lost: vec![],
            strict: false,
            died: false,
            depth: 0,
            budget: MAX_COMMANDS,
            room: Room::default(),
            locals: vec![],
        }
    }

    pub(super) fn sure(&self) -> bool {
        self.perhaps == 0
    }

    /// Reads a file, if it is there.
    pub(super) fn file(&mut self, path: &Path) -> Status {
        let Some(world) = self.world else { return Status::Unknown };
        let state = world.read(path);
        let Some(bytes) = state.bytes() else { return Status::False };
        if self.files.len() >= MAX_FILES || self.depth >= MAX_DEPTH {
            return Status::Unknown;
        }
        self.files.push(path.to_owned());
        self.bytes(bytes, Some(path.to_owned()));
        Status::True
    }

    /// Reads the bytes of a file.
    pub(super) fn bytes(&mut self, bytes: &[u8], file: Option<PathBuf>) -> Flow {
        if !self.room.spend(bytes.len()) {
            return Flow::On;
        }
        let Some(text) = Text::new(bytes, Decode::Raw, LineEnds::Keep, false) else { return Flow::On };
        let before = self.source.replace(Source { file, text: Rc::new(text) });
        let flow = self.current_source();
        self.source = before;
        flow
    }

    fn current_source(&mut self) -> Flow {
        let Some(source) = self.source.clone() else { return Flow::On };
        self.depth += 1;
        let perhaps = self.perhaps;
        let flow = if self.shell == Shell::Fish {
            self.fish_text(&source.text.text)
        } else {
            self.text(&source.text.text)
        };
        self.perhaps = perhaps;
        self.depth -= 1;
        if flow == Flow::Exit { Flow::Exit } else { Flow::On }
    }

    /// Follows a text command by command.
    pub(super) fn text(&mut self, text: &str) -> Flow {
        let mut parser = Parser::new(text, self.shell);
        loop {
            let start = parser.at;
            match parser.unit() {
                Ok(Some(list)) => {
                    let flow = self.list(&list);
                    if flow != Flow::On {
                        return flow;
                    }
                }
                Ok(None) => return Flow::On,
                Err(Bad) => {
                    self.lose(start);
                    if self.strict {
                        self.died = self.shell == Shell::Sh;
                        return Flow::Exit;
                    }
                    // What follows may be inside of something that was not understood.
                    self.perhaps += usize::from(self.perhaps == 0);
                    parser.at = parser.at.max(start);
                    parser.skip_line();
                }
            }
        }
    }

    pub(super) fn lose(&mut self, at: usize) {
        let Some(source) = &self.source else { return };
        let blanks = source.text.text.get(at..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        self.lost.push((source.file.clone(), source.text.line(at + blanks)));
    }

    /// Runs something that may happen or not.
    pub(super) fn perhaps(&mut self, run: impl FnOnce(&mut Self) -> Flow) -> Flow {
        self.perhaps += 1;
        let flow = run(self);
        self.perhaps -= 1;
        if flow != Flow::On {
            // Everything after a return that may happen, may not.
            self.perhaps += usize::from(self.perhaps == 0);
        }
        Flow::On
    }

    pub(super) fn list(&mut self, list: &[Item]) -> Flow {
        self.list_status(list).1
    }

    pub(super) fn list_status(&mut self, list: &[Item]) -> (Status, Flow) {
        let mut status = Status::True;
        for item in list {
            let wanted = match (item.join, status) {
                (Join::Always, _) | (Join::And, Status::True) | (Join::Or, Status::False) => Status::True,
                (_, Status::Unknown) => Status::Unknown,
                _ => Status::False,
            };
            match wanted {
                Status::False => {}
                Status::True => {
                    let (next, flow) = self.item(item);
                    status = next;
                    if flow != Flow::On {
                        return (status, flow);
                    }
                }
                Status::Unknown => {
                    self.perhaps(|this| this.item(item).1);
                }
            }
        }
        (status, Flow::On)
    }

    fn item(&mut self, item: &Item) -> (Status, Flow) {
        if item.background {
            return (Status::True, Flow::On);
        }
        let (status, flow) = match item.commands.as_slice() {
            [command] => self.command(command),
            // The last command of a pipe runs in zsh itself, the others in children.
            [.., last] if self.shell == Shell::Zsh => (Status::Unknown, self.command(last).1),
            _ => (Status::Unknown, Flow::On),
        };
        (if item.negated { status.not() } else { status }, flow)
    }

    fn command(&mut self, command: &Command) -> (Status, Flow) {
        if !self.goes_on() {
            return (Status::Unknown, Flow::On);
        }
        match command {
            Command::Simple { assigns, words } => self.simple(assigns, words),
            Command::Group(list) => self.list_status(list),
            Command::Subshell | Command::Arithmetic => (Status::Unknown, Flow::On),
            Command::If { arms, otherwise } => self.conditional(arms, otherwise.as_deref()),
            Command::Loop(list) => (Status::Unknown, self.perhaps(|this| this.list(list))),
            Command::Case { word, arms } => self.case(word, arms),
            Command::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::new((**body).clone()));
                (Status::True, Flow::On)
            }
            Command::Test(words) => (self.double_bracket(words), Flow::On),
        }
    }

    /// Whether one more command is followed.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes_on = self.budget > 0 && self.depth <= MAX_DEPTH;
        self.budget = self.budget.saturating_sub(1);
        goes_on
    }

    fn conditional(&mut self, arms: &[(Vec<Item>, Vec<Item>)], otherwise: Option<&[Item]>) -> (Status, Flow) {
        let mut unknown = false;
        for (condition, body) in arms {
            let (status, flow) = self.list_status(condition);
            if flow != Flow::On {
                return (status, flow);
            }
            match status {
                Status::False => {}
                Status::True if unknown => {
                    self.perhaps(|this| this.list(body));
                    return (Status::Unknown, Flow::On);
                }
                Status::True => return self.list_status(body),
                Status::Unknown => {
                    unknown = true;
                    self.perhaps(|this| this.list(body));
                }
            }
        }
        match otherwise {
            Some(body) if unknown => (Status::Unknown, self.perhaps(|this| this.list(body))),
            Some(body) => self.list_status(body),
            None => (Status::True, Flow::On),
        }
    }

    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, Vec<Item>)]) -> (Status, Flow) {
        let text = self.expand(word);
        let mut unknown = false;
        for (patterns, body) in arms {
            let found = match &text {
                Known::Text(text) => self.matches_any(text, patterns),
                Known::NotLiteral(_) => Status::Unknown,
            };
            match found {
                Status::False => {}
                Status::True if !unknown => return self.list_status(body),
                status => {
                    unknown = true;
                    self.perhaps(|this| this.list(body));
                    if status == Status::True {
                        break;
                    }
                }
            }
        }
        (Status::Unknown, Flow::On)
    }

    fn matches_any(&mut self, text: &str, patterns: &[Word]) -> Status {
        let mut answer = Status::False;
        for pattern in patterns {
            match self.matches(text, pattern) {
                Status::True => return Status::True,
                Status::Unknown => answer = Status::Unknown,
                Status::False => {}
            }
        }
        answer
    }

    fn simple(&mut self, assigns: &[Assign], words: &[Word]) -> (Status, Flow) {
        if words.is_empty() {
            for assign in assigns {
                if self.shell == Shell::Zsh && self.strict && super::expand::begins_with_equals(&assign.value)
                {
                    return (Status::False, Flow::Exit);
                }
                self.assign(assign, self.all_export);
            }
            return (Status::True, Flow::On);
        }
        if self.shell == Shell::Zsh && self.strict && words.iter().any(super::expand::fails_in_zsh) {
            return (Status::False, Flow::Exit);
        }
        // POSIX: what is in front of a special builtin stays.
        if self.shell == Shell::Sh && words[0].bare().is_some_and(is_special) {
            for assign in assigns {
                self.assign(assign, self.all_export);
            }
        }
        self.builtin(words)
    }

    /// Carries out an assignment; `export` exports the variable, too.
    pub(super) fn assign(&mut self, assign: &Assign, export: bool) {
        let mut value = self.expand(&assign.value);
        if assign.append {
            let before = self.value_of(&assign.name);
            value = match (before, value) {
                (Known::Text(before), Known::Text(more)) => {
                    let mut both = self.room.filling();
                    both.refer(&before);
                    both.own(&more);
                    Known::filled(both)
                }
                (Known::NotLiteral(TOO_LONG), _) | (_, Known::NotLiteral(TOO_LONG)) => {
                    Known::NotLiteral(TOO_LONG)
                }
                _ => Known::NotLiteral("it is added to a value that is not known"),
            };
        }
        let spot = self.spot(&assign.value, !assign.append);
        self.set(&assign.name, value, spot, export);
    }

    pub(super) fn set(&mut self, name: &str, value: Known, spot: Option<Spot>, export: bool) {
        let sure = self.sure();
        let value = match value {
            // A NUL cannot be part of a variable: zsh cuts there, the others leave it out.
            Known::Text(text) if text.contains('\0') && self.shell == Shell::Zsh => {
                Known::Text(text.split('\0').next().unwrap_or("").to_owned())
            }
            Known::Text(text) if text.contains('\0') => Known::Text(text.replace('\0', "")),
            value => value,
        };
        if export {
            self.vars.export(name, true, sure);
        }
        self.vars.set(name, Setting { value, spot }, sure);
    }

    /// Where a value is in the file.
    pub(super) fn spot(&self, word: &Word, plain: bool) -> Option<Spot> {
        // Text of `eval` and functions from elsewhere has no place in a file.
        let source = self.source.as_ref()?;
        let inside =
            word.span.end <= source.text.text.len() && source.text.text.is_char_boundary(word.span.start);
        inside.then(|| Spot {
            file: source.file.clone(),
            line: source.text.line(word.span.start),
            span: source.text.span(word.span.clone()),
            quoted: word.is_quoted(),
            literal: plain && word.literal().is_some(),
        })
    }

    pub(super) fn call(&mut self, name: &str) -> Option<(Status, Flow)> {
        let body = Rc::clone(self.functions.get(name)?);
        if self.depth >= MAX_DEPTH {
            return Some((Status::Unknown, Flow::On));
        }
        self.depth += 1;
        self.in_function += 1;
        self.locals.push(vec![]);
        let (status, flow) = self.command(&body);
        for (name, before) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            match before {
                Some(before) => drop(self.vars.0.insert(name, before)),
                None => drop(self.vars.0.remove(&name)),
            }
        }
        self.in_function -= 1;
        self.depth -= 1;
        Some((status, if flow == Flow::Exit { Flow::Exit } else { Flow::On }))
    }

    /// Makes a variable one of the function that is running.
    pub(super) fn make_local(&mut self, name: &str) {
        let before = self.vars.0.get(name).cloned();
        if let Some(frame) = self.locals.last_mut()
            && frame.iter().all(|(known, _)| known != name)
        {
            frame.push((name.to_owned(), before));
            self.vars.0.remove(name);
        }
    }
}

fn is_special(name: &str) -> bool {
    let special = [
        ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
        "shift", "times", "trap", "unset",
    ];
    special.contains(&name)
}
