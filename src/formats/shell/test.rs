//! `[ … ]` and `[[ … ]]`, as far as the answer can be told.

use super::run::{Runner, Status};
use super::state::Known;
use super::syntax::{Shell, Word};

impl Runner<'_> {
    /// `[ … ]` and `test …`.
    pub(super) fn single_bracket(&mut self, args: &[Word], name: &str) -> Status {
        let args = match args.split_last() {
            Some((last, rest)) if name == "[" && last.bare() == Some("]") => rest,
            _ if name == "[" => return Status::Unknown,
            _ => args,
        };
        // Empty unquoted expansions vanish: `[ -n $X ]` is `[ -n ]`, which is true.
        let fields: Vec<Known> = if self.shell == Shell::Zsh {
            args.iter().map(|word| self.expand(word)).collect()
        } else {
            self.fields(args)
        };
        self.bracket(&fields)
    }

    fn bracket(&self, fields: &[Known]) -> Status {
        let texts: Vec<Option<&str>> = fields.iter().map(Known::text).collect();
        match texts.as_slice() {
            [] => Status::False,
            [Some("!"), ..] if fields.len() > 1 => self.bracket(&fields[1..]).not(),
            [Some(text)] => Status::of(!text.is_empty()),
            [Some(operator), operand] => {
                operand.map_or(Status::Unknown, |operand| self.unary(operator, operand))
            }
            [left, Some("-a"), right @ ..] if fields.len() > 3 || right.len() == 1 => and(
                left.map_or(Status::Unknown, |left| Status::of(!left.is_empty())),
                self.bracket(&fields[2..]),
            ),
            [left, Some(operator), right] => compare(*left, operator, *right),
            _ => self.joined(&texts, fields),
        }
    }

    /// `expression -a expression` and `-o`.
    fn joined(&self, texts: &[Option<&str>], fields: &[Known]) -> Status {
        let at = texts.iter().position(|text| matches!(text, Some("-a" | "-o"))).filter(|at| *at > 0);
        let Some(at) = at else { return Status::Unknown };
        let (left, right) = (self.bracket(&fields[..at]), self.bracket(&fields[at + 1..]));
        if texts[at] == Some("-a") { and(left, right) } else { and(left.not(), right.not()).not() }
    }

    fn unary(&self, operator: &str, operand: &str) -> Status {
        let path = |test: fn(&crate::world::FileState) -> bool| {
            self.world
                .map_or(Status::Unknown, |world| Status::of(test(&world.read(&world.cwd().join(operand)))))
        };
        match operator {
            "-n" => Status::of(!operand.is_empty()),
            "-z" => Status::of(operand.is_empty()),
            "-f" | "-r" => path(|state| state.bytes().is_some()),
            "-s" => path(|state| state.bytes().is_some_and(|bytes| !bytes.is_empty())),
            "-e" | "-d" => self.exists(operator, operand),
            "-v" => match self.vars.0.get(operand) {
                Some(variable) if variable.unsure => Status::Unknown,
                Some(_) => Status::True,
                None if self.closed => Status::False,
                None => Status::Unknown,
            },
            _ => Status::Unknown,
        }
    }

    fn exists(&self, operator: &str, operand: &str) -> Status {
        let Some(world) = self.world else { return Status::Unknown };
        let path = world.cwd().join(operand);
        if !world.exists(&path) {
            return Status::False;
        }
        let file = world.read(&path).bytes().is_some();
        Status::of(operator == "-e" || !file)
    }

    /// `[[ … ]]`.
    pub(super) fn double_bracket(&mut self, words: &[Word]) -> Status {
        for (operator, any) in [("||", true), ("&&", false)] {
            if let Some(at) = words.iter().position(|word| word.bare() == Some(operator)) {
                let (left, right) =
                    (self.double_bracket(&words[..at]), self.double_bracket(&words[at + 1..]));
                return if any { and(left.not(), right.not()).not() } else { and(left, right) };
            }
        }
        match words {
            [not, rest @ ..] if not.bare() == Some("!") => self.double_bracket(rest).not(),
            [one] => self.known(one, |text| Status::of(!text.is_empty())),
            [operator, operand] => {
                let Some(operator) = operator.bare().map(str::to_owned) else { return Status::Unknown };
                let Known::Text(operand) = self.expand(operand) else { return Status::Unknown };
                self.unary(&operator, &operand)
            }
            [left, operator, right] => self.double_compare(left, operator, right),
            _ => Status::Unknown,
        }
    }

    fn double_compare(&mut self, left: &Word, operator: &Word, right: &Word) -> Status {
        let Known::Text(left) = self.expand(left) else { return Status::Unknown };
        match operator.bare() {
            Some("=" | "==") => self.matches(&left, right),
            Some("!=") => self.matches(&left, right).not(),
            Some(operator) => {
                let operator = operator.to_owned();
                let right = self.expand(right);
                compare(Some(&left), &operator, right.text())
            }
            None => Status::Unknown,
        }
    }

    fn known(&mut self, word: &Word, test: impl FnOnce(&str) -> Status) -> Status {
        match self.expand(word) {
            Known::Text(text) => test(&text),
            Known::NotLiteral(_) => Status::Unknown,
        }
    }
}

fn and(left: Status, right: Status) -> Status {
    match (left, right) {
        (Status::False, _) | (_, Status::False) => Status::False,
        (Status::True, Status::True) => Status::True,
        _ => Status::Unknown,
    }
}

fn compare(left: Option<&str>, operator: &str, right: Option<&str>) -> Status {
    let (Some(left), Some(right)) = (left, right) else { return Status::Unknown };
    let numbers = || Some((left.trim().parse::<i64>().ok()?, right.trim().parse::<i64>().ok()?));
    match operator {
        "=" | "==" => Status::of(left == right),
        "!=" => Status::of(left != right),
        "-eq" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left == right)),
        "-ne" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left != right)),
        "-gt" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left > right)),
        "-ge" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left >= right)),
        "-lt" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left < right)),
        "-le" => numbers().map_or(Status::Unknown, |(left, right)| Status::of(left <= right)),
        _ => Status::Unknown,
    }
}
