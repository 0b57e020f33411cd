//! The builtins that decide about variables, in bash, dash and zsh.

use super::run::{Flow, Runner, Status};
use super::state::Known;
use super::syntax::{Shell, Word, is_name};

const NOT_FOLLOWED: &str = "it is set in a way that is not followed here";

/// What a declaration does with the names that follow it.
#[derive(Clone, Copy, Debug, Default)]
struct Declare {
    export: bool,
    unexport: bool,
    local: bool,
}

impl Runner<'_> {
    /// Carries out a simple command that has at least one word.
    pub(super) fn builtin(&mut self, words: &[Word]) -> (Status, Flow) {
        let Known::Text(name) = self.expand(&words[0]) else { return (Status::Unknown, Flow::On) };
        let args = &words[1..];
        if let Some(done) = self.call(&name) {
            return done;
        }
        let not_dash = self.shell != Shell::Sh;
        match name.as_str() {
            "true" | ":" => (Status::True, Flow::On),
            "false" => (Status::False, Flow::On),
            "export" => self.special(args, Self::export),
            "declare" | "typeset" if not_dash => (self.declare(args), Flow::On),
            "local" => (self.local(args), Flow::On),
            "readonly" => self.special(args, |this, args| this.assign_words(args, Declare::default())),
            "integer" | "float" if self.shell == Shell::Zsh => (self.declare(args), Flow::On),
            "unset" => (self.unset(args), Flow::On),
            "set" => (self.set_options(args), Flow::On),
            "setopt" | "unsetopt" if self.shell == Shell::Zsh => (self.setopt(&name, args), Flow::On),
            "eval" => self.eval_words(args),
            "." => self.source_file(args),
            "source" if not_dash => self.source_file(args),
            "builtin" if not_dash => self.shifted(args),
            // zsh's `command` runs programs only.
            "command" if self.shell != Shell::Zsh => self.command_builtin(args),
            "return" => (Status::Unknown, Flow::Return),
            "exit" | "logout" => (Status::Unknown, Flow::Exit),
            "exec" if !args.is_empty() => (Status::Unknown, Flow::Exit),
            "test" | "[" => (self.single_bracket(args, &name), Flow::On),
            "printf" if not_dash => (self.printf(args), Flow::On),
            "read" => (self.read(args), Flow::On),
            _ => (Status::Unknown, Flow::On),
        }
    }

    /// dash ends when one of its special builtins meets an error, zsh stops reading the file.
    fn special(&mut self, args: &[Word], run: impl FnOnce(&mut Self, &[Word]) -> Status) -> (Status, Flow) {
        let status = run(self, args);
        let flow = match (status, self.shell) {
            (Status::False, Shell::Sh) if !self.interactive => {
                self.died = self.strict;
                Flow::Exit
            }
            (Status::False, Shell::Zsh) => Flow::Return,
            _ => Flow::On,
        };
        (status, flow)
    }

    fn shifted(&mut self, args: &[Word]) -> (Status, Flow) {
        if args.is_empty() { (Status::True, Flow::On) } else { self.builtin(args) }
    }

    fn command_builtin(&mut self, args: &[Word]) -> (Status, Flow) {
        match args.first().and_then(Word::bare) {
            Some("-v" | "-V") => (Status::Unknown, Flow::On),
            Some("-p") => self.shifted(&args[1..]),
            _ => self.shifted(args),
        }
    }

    fn export(&mut self, args: &[Word]) -> Status {
        let mut how = Declare { export: true, ..Declare::default() };
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Word::bare).filter(|word| word.starts_with('-')) {
            match (option, self.shell) {
                ("--", _) => {
                    rest = &rest[1..];
                    break;
                }
                ("-n", Shell::Bash) => how = Declare { unexport: true, ..Declare::default() },
                ("-p", _) => {}
                // A bad option: nothing happens.
                _ => return Status::False,
            }
            rest = &rest[1..];
        }
        self.assign_words(rest, how)
    }

    fn declare(&mut self, args: &[Word]) -> Status {
        // In a function both shells declare a local variable; zsh's `-x` is local there, too.
        let mut how = Declare { local: self.in_function > 0, ..Declare::default() };
        let mut rest = args;
        while let Some(option) = rest.first().and_then(Word::bare).filter(|word| word.starts_with(['-', '+']))
        {
            if option == "--" {
                rest = &rest[1..];
                break;
            }
            let on = option.starts_with('-');
            how.export = if option.contains('x') { on } else { how.export };
            how.unexport = how.unexport || (option.contains('x') && !on);
            how.local = how.local && !(on && option.contains('g'));
            if option.contains(['f', 'F', 'p']) {
                return Status::True;
            }
            rest = &rest[1..];
        }
        self.assign_words(rest, how)
    }

    fn local(&mut self, args: &[Word]) -> Status {
        if self.in_function == 0 && self.shell != Shell::Zsh {
            return Status::False;
        }
        self.declare(args)
    }

    /// The names and assignments after `export`, `declare` and their relatives.
    fn assign_words(&mut self, args: &[Word], how: Declare) -> Status {
        // zsh and dash stop at the first word that is no name.
        for word in args {
            if self.shell == Shell::Zsh && self.strict && word.bare().is_some_and(|text| text.contains("=="))
            {
                return Status::False;
            }
            let Some((name, value)) = self.split_assignment(word) else { return Status::False };
            if !is_name(&name) {
                if self.shell == Shell::Bash {
                    continue;
                }
                return Status::False;
            }
            let sure = self.sure();
            if how.local {
                self.make_local(&name);
            }
            if let Some(value) = value {
                let spot = self.spot_of_value(word, &name);
                let value = self.first_field(word, value);
                self.set(&name, value, spot, how.export || self.all_export);
            }
            if how.export || how.unexport {
                self.vars.export(&name, how.export, sure);
            }
        }
        Status::True
    }

    /// A word as name and value, or none if not even the name is known.
    fn split_assignment(&mut self, word: &Word) -> Option<(String, Option<Known>)> {
        if let Known::Text(text) = self.expand(word) {
            return Some(match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(Known::Text(value.to_owned()))),
                None => (text, None),
            });
        }
        let mut parts = word.parts.iter();
        let super::syntax::Part::Text { text, .. } = parts.next()? else { return None };
        let (name, _) = text.split_once('=')?;
        Some((name.to_owned(), Some(self.expand(word))))
    }

    /// dash splits the value of `export K=$V` into words and takes the first.
    fn first_field(&mut self, word: &Word, value: Known) -> Known {
        if self.shell != Shell::Sh || word.literal().is_some() {
            return value;
        }
        let first = self.fields(std::slice::from_ref(word)).into_iter().next();
        match first.as_ref().and_then(Known::text).and_then(|text| text.split_once('=')) {
            Some((_, value)) => Known::Text(value.to_owned()),
            None => value,
        }
    }

    fn spot_of_value(&self, word: &Word, name: &str) -> Option<super::state::Spot> {
        let quoted_whole = matches!(word.parts.first(), Some(super::syntax::Part::Text { quoted: true, .. }));
        let start = word.span.start + name.len() + 1;
        let mut value = word.clone();
        value.span = start.min(word.span.end)..word.span.end;
        let mut spot = self.spot(&value, !quoted_whole)?;
        spot.quoted = word.is_quoted();
        Some(spot)
    }

    fn unset(&mut self, args: &[Word]) -> Status {
        let sure = self.sure();
        let mut functions = false;
        for field in self.fields(args) {
            match field.text() {
                Some("-f") => functions = true,
                Some("-v") => functions = false,
                Some(name) if functions => drop(self.functions.remove(name)),
                Some(name) => self.vars.unset(name, sure),
                None => {}
            }
        }
        Status::True
    }

    fn set_options(&mut self, args: &[Word]) -> Status {
        let fields = self.fields(args);
        let texts: Vec<&str> = fields.iter().filter_map(Known::text).collect();
        for (at, text) in texts.iter().enumerate() {
            let named = texts.get(at + 1) == Some(&"allexport");
            let on = match text.chars().next() {
                Some('-') => true,
                Some('+') => false,
                _ => break,
            };
            if *text == "--" {
                break;
            }
            if text[1..].contains('a') || (text.ends_with('o') && named) {
                self.switch_all_export(on);
            }
        }
        Status::True
    }

    fn setopt(&mut self, name: &str, args: &[Word]) -> Status {
        for field in self.fields(args) {
            let option = field.text().unwrap_or("").to_ascii_lowercase().replace('_', "");
            match option.as_str() {
                "allexport" => self.switch_all_export(name == "setopt"),
                "noallexport" => self.switch_all_export(name != "setopt"),
                _ => {}
            }
        }
        Status::True
    }

    fn switch_all_export(&mut self, on: bool) {
        if self.sure() || on {
            self.all_export = on;
        }
    }

    fn eval_words(&mut self, args: &[Word]) -> (Status, Flow) {
        let fields = self.fields(args);
        let Some(texts) = fields.iter().map(Known::text).collect::<Option<Vec<_>>>() else {
            return (Status::Unknown, Flow::On);
        };
        let text = texts.join(" ");
        (Status::Unknown, self.eval(&text))
    }

    fn source_file(&mut self, args: &[Word]) -> (Status, Flow) {
        let Some(world) = self.world else { return (Status::Unknown, Flow::On) };
        let fields = self.fields(args);
        let Some(path) = fields.first().and_then(Known::text) else { return (Status::Unknown, Flow::On) };
        let path = world.cwd().join(path);
        let missing = !world.exists(&path);
        let status = self.file(&path);
        // dash ends when the file is not there.
        let flow = if missing && self.shell == Shell::Sh && !self.interactive && self.strict {
            Flow::Exit
        } else {
            Flow::On
        };
        (status, flow)
    }

    fn printf(&mut self, args: &[Word]) -> Status {
        let fields = self.fields(args);
        let texts: Vec<Option<&str>> = fields.iter().map(Known::text).collect();
        if let [Some("-v"), Some(name), rest @ ..] = texts.as_slice() {
            let value = match rest {
                [Some(text)] if !text.contains(['%', '\\']) => Known::Text((*text).to_owned()),
                [Some("%s"), Some(text)] => Known::Text((*text).to_owned()),
                _ => Known::NotLiteral(NOT_FOLLOWED),
            };
            let name = (*name).to_owned();
            self.set(&name, value, None, self.all_export);
        }
        Status::True
    }

    fn read(&mut self, args: &[Word]) -> Status {
        for field in self.fields(args) {
            if let Some(name) = field.text().filter(|name| is_name(name)) {
                let name = name.to_owned();
                self.set(
                    &name,
                    Known::NotLiteral("it is asked for when the shell starts"),
                    None,
                    self.all_export,
                );
            }
        }
        Status::Unknown
    }
}
