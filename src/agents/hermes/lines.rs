//! The lines of a `.env` file by the two parsers that Hermes uses on it. A file may have a million lines, and Hermes asks for
//! a few names: what is kept is one text and where its parts are.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use zeroize::Zeroizing;

use super::sanitise::{Sanitised, sanitise};
use crate::agents::engine::env::BYTE_ORDER_MARK;
use crate::formats::bound;
use crate::formats::dotenv::{self, Binding, Variables};

/// One assignment as both parsers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The one-based line in the file.
    pub number: usize,
    /// What Hermes' own parser reads.
    pub own: Option<&'a str>,
    /// What python-dotenv reads.
    pub python: Option<&'a str>,
}

/// A file's lines.
#[derive(Default)]
pub struct Lines {
    /// All names and values, one behind the other.
    texts: Zeroizing<String>,
    /// In the file's order.
    all: Vec<Kept>,
    /// The hash of each line's name and its position, sorted; none for a short file, which is searched faster.
    by_name: Vec<(u64, u32)>,
    hasher: RandomState,
    /// The lines that Hermes splits in two, in order.
    pub split: Vec<usize>,
    /// The file cannot be decoded.
    pub undecodable: bool,
    /// A byte order mark is a part of the first line's name for python-dotenv.
    pub marked: bool,
}

/// A part of [`Lines::texts`]. A file is smaller than 4 GiB by far.
#[derive(Clone, Copy)]
struct Part {
    at: u32,
    len: u32,
}

#[derive(Clone, Copy)]
struct Kept {
    name: Part,
    number: u32,
    own: Option<Part>,
    python: Option<Part>,
}

/// Reads `bytes`; with Hermes' own parser too where `own`. `outside` is what a reference means that no line above it sets.
#[must_use]
pub fn read(bytes: &[u8], own: bool, outside: &Variables<'_>) -> Lines {
    let clean = sanitise(bytes);
    let marked = clean.python().starts_with(BYTE_ORDER_MARK);
    let mut lines = Lines { undecodable: clean.undecodable, marked, ..Lines::default() };
    lines.python(&clean, outside);
    if own {
        lines.own(&clean);
    }
    lines.split = clean.split;
    if lines.all.len() > Lines::SHORT {
        let hash = |(at, line): (usize, &Kept)| (lines.hasher.hash_one(lines.text(line.name)), narrow(at));
        lines.by_name = lines.all.iter().enumerate().map(hash).collect();
        lines.by_name.sort_unstable();
    }
    lines
}

impl Lines {
    const SHORT: usize = 64;

    /// The lines that set `name`, in the file's order.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Line<'a>> {
        self.kept(name).map(|line| Line {
            number: line.number as usize,
            own: line.own.map(|part| self.text(part)),
            python: line.python.map(|part| self.text(part)),
        })
    }

    /// Whether a line sets `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.kept(name).next().is_some()
    }

    fn kept<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Kept> {
        let (all, indexed) = if self.all.len() > Self::SHORT {
            let hash = self.hasher.hash_one(name);
            let from = self.by_name.partition_point(|(other, _)| *other < hash);
            let len = self.by_name[from..].partition_point(|(other, _)| *other == hash);
            (&self.all[..0], &self.by_name[from..from + len])
        } else {
            (&self.all[..], &self.by_name[..0])
        };
        let found = all.iter().chain(indexed.iter().filter_map(|(_, at)| self.all.get(*at as usize)));
        found.filter(move |line| line.name.len as usize == name.len() && self.text(line.name) == name)
    }

    fn text(&self, part: Part) -> &str {
        let from = part.at as usize;
        self.texts.get(from..from + part.len as usize).unwrap_or_default()
    }

    fn keep(&mut self, text: &str) -> Part {
        let part = Part { at: narrow(self.texts.len()), len: narrow(text.len()) };
        self.texts.push_str(text);
        part
    }

    /// What python-dotenv reads.
    fn python(&mut self, clean: &Sanitised<'_>, outside: &Variables<'_>) {
        // A name without a value unsets the lines above it.
        let mut unset: HashMap<String, usize> = HashMap::new();
        self.texts.reserve(clean.python().len());
        dotenv::each_python(clean.python(), outside, |found: Binding<'_>| {
            let Some(value) = found.value else {
                unset.insert(found.name.to_owned(), self.all.len());
                return;
            };
            let (name, python) = (self.keep(found.name), Some(self.keep(bound::spelled(value))));
            self.all.push(Kept { name, number: narrow(clean.line(found.line)), own: None, python });
        });
        if !unset.is_empty() {
            let all = std::mem::take(&mut self.all).into_iter().enumerate();
            let stays = |(at, line): &(usize, Kept)| {
                unset.get(self.text(line.name)).is_none_or(|before| at >= before)
            };
            self.all = all.filter(stays).map(|(_, line)| line).collect();
        }
    }

    /// Adds what Hermes' own parser reads: to the first line of that number and name, or as its own line behind them.
    /// Both parsers go from the first line to the last.
    fn own(&mut self, clean: &Sanitised<'_>) {
        let python = std::mem::take(&mut self.all);
        let mut rest = python.into_iter().peekable();
        let mut group = Group::default();
        dotenv::each_hermes(&clean.own, |found: Binding<'_>| {
            let number = narrow(clean.line(found.line));
            if group.number != number {
                group.end(&mut self.all);
                while let Some(line) = rest.next_if(|line| line.number <= number) {
                    if line.number == number {
                        group.lines.push(line);
                    } else {
                        self.all.push(line);
                    }
                }
                group.number = number;
            }
            group.own(self, found.name, found.value.unwrap_or_default());
        });
        group.end(&mut self.all);
        self.all.extend(rest);
    }
}

/// The lines of one number: nearly always one, but a line that Hermes splits may be a million.
#[derive(Default)]
struct Group {
    number: u32,
    lines: Vec<Kept>,
    /// The positions of those that only python-dotenv has read so far, made where there are many.
    alone: Option<HashMap<String, VecDeque<usize>>>,
}

impl Group {
    const FEW: usize = 8;

    fn end(&mut self, all: &mut Vec<Kept>) {
        all.append(&mut self.lines);
        self.alone = None;
    }

    fn own(&mut self, lines: &mut Lines, name: &str, value: &str) {
        let value = bound::spelled(value);
        let free = self.free(lines, name);
        let same = free.and_then(|at| self.lines[at].python).filter(|part| lines.text(*part) == value);
        let own = Some(same.unwrap_or_else(|| lines.keep(value)));
        if let Some(at) = free {
            self.lines[at].own = own;
        } else {
            let name = lines.keep(name);
            self.lines.push(Kept { name, number: self.number, own, python: None });
        }
    }

    /// The first line of this name that the own parser has not read.
    fn free(&mut self, lines: &Lines, name: &str) -> Option<usize> {
        if self.lines.len() <= Self::FEW {
            let is_free = |line: &Kept| line.own.is_none() && lines.text(line.name) == name;
            return self.lines.iter().position(is_free);
        }
        let alone = self.alone.get_or_insert_with(|| {
            let mut alone: HashMap<String, VecDeque<usize>> = HashMap::new();
            for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| line.own.is_none()) {
                alone.entry(lines.text(line.name).to_owned()).or_default().push_back(at);
            }
            alone
        });
        alone.get_mut(name)?.pop_front()
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(lines: &'a Lines, name: &'a str) -> Vec<(usize, Option<&'a str>, Option<&'a str>)> {
        lines.of(name).map(|line| (line.number, line.own, line.python)).collect()
    }

    fn both(text: &str) -> Lines {
        read(text.as_bytes(), true, &|name| (name == "OUT").then(|| "outside".into()))
    }

    #[test]
    fn both_parsers_meet_on_a_line() {
        let lines = both("A=1\nB=\"2\nexport A='3' # x\nC=${A}${OUT}${NONE}\nD\nA=${C}\n");
        let own = "'3' # x";
        let a = [(1, Some("1"), Some("1")), (3, Some(own), Some("3")), (6, Some("${C}"), Some("3outside"))];
        assert_eq!(of(&lines, "A"), a);
        assert_eq!(of(&lines, "B"), [(2, Some("\"2"), None)]);
        assert_eq!(of(&lines, "C"), [(4, Some("${A}${OUT}${NONE}"), Some("3outside"))]);
        assert!(of(&lines, "D").is_empty() && of(&lines, "").is_empty());
    }

    #[test]
    fn a_name_alone_unsets_what_python_read_above_it() {
        let lines = both("A=1\nB=1\nA\nA=2\nB\n");
        assert_eq!(of(&lines, "A"), [(1, Some("1"), None), (4, Some("2"), Some("2"))]);
        assert_eq!(of(&lines, "B"), [(2, Some("1"), None)]);
        let python = read(b"A=1\nA\n", false, &|_| None);
        assert!(of(&python, "A").is_empty());
    }

    #[test]
    fn a_line_that_is_split_into_very_many_keeps_its_order() {
        let times = 3 * Group::FEW;
        let pair = |at: usize| format!("OPENAI_API_KEY={at}GLM_API_KEY=g{at}");
        let text: String = (0..times).map(pair).collect();
        let lines = both(&format!("X=1\n{text}\nY=2\n"));
        let keys: Vec<String> = (0..times).map(|at| at.to_string()).collect();
        let wanted: Vec<_> = keys.iter().map(|key| (2, Some(key.as_str()), Some(key.as_str()))).collect();
        assert_eq!(of(&lines, "OPENAI_API_KEY"), wanted);
        assert_eq!((lines.split.as_slice(), of(&lines, "Y")), (&[2][..], vec![(3, Some("2"), Some("2"))]));
    }

    /// What no server takes is not copied: one line of megabytes costs what is read from the disk.
    #[test]
    fn a_line_of_megabytes_is_kept_as_a_mark() {
        let plain = format!("A=1\nOPENAI_API_KEY={}\nB=2\n", "x".repeat(bound::MAX_SPELLED + 1));
        let odd = plain.replace("=x", "=\"x");
        for (text, whole) in [(&plain, false), (&odd, true)] {
            let lines = both(text);
            assert!(lines.texts.len() < 1000, "{}", lines.texts.len());
            let found = of(&lines, "OPENAI_API_KEY");
            assert!(found.iter().all(|(line, own, _)| *line == 2 && own.is_some_and(bound::is_too_long)));
            assert_eq!((found.len(), of(&lines, "B")[0].0), (1, 3));
            // What the reader works on: a plain line is cut before it is copied, one with quotes has to be read.
            assert_eq!(super::sanitise(text.as_bytes()).own.len() > bound::MAX_SPELLED, whole);
        }
        let longest = format!("OPENAI_API_KEY={}\n", "x".repeat(bound::MAX_SPELLED));
        assert_eq!(of(&both(&longest), "OPENAI_API_KEY")[0].1.map(str::len), Some(bound::MAX_SPELLED));
    }

    /// A million lines cost their text once, and no variable is made of them before it is asked for.
    #[test]
    fn a_long_file_is_kept_as_one_text() {
        let text: String = (0..50_000).map(|at| format!("NAME_{at}=value\n")).collect();
        let lines = both(&text);
        assert_eq!(lines.all.len(), 50_000);
        assert!(lines.texts.len() <= text.len(), "the value that both read is kept once");
        assert_eq!(of(&lines, "NAME_49999"), [(50_000, Some("value"), Some("value"))]);
    }
}
