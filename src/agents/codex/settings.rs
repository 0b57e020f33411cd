//! What Codex accepts in its configuration, field by field: `assets/codex/settings.txt`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

static SETTINGS: LazyLock<Field> = LazyLock::new(|| read(include_str!("../../../assets/codex/settings.txt")));

/// A value that keeps Codex from starting.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where it is, or where something is missing.
    pub steps: Vec<String>,
    /// What is wrong: `must be a text`.
    pub says: String,
    /// The value with which Codex starts, or `None` if the field has to go.
    pub right: Option<Json>,
    /// The field is not there.
    pub missing: bool,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Some,
    Filled,
    File,
    Word(&'static str),
    Whole(i64, i64),
    Number,
    Flag,
    List,
    Table,
    Never,
}

/// A rule about the fields of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Needs(&'static str),
    Any(&'static str),
    Without(&'static str),
}

#[derive(Default)]
struct Field {
    takes: Vec<Kind>,
    rules: Vec<Rule>,
    below: BTreeMap<&'static str, Self>,
}

/// The first fault of a configuration. `readable` says whether the file that a setting names can be read.
pub fn fault(config: &Json, readable: &dyn Fn(&[String], &str) -> bool) -> Option<Fault> {
    SETTINGS.fault(config, &mut Vec::new(), readable)
}

fn read(text: &'static str) -> Field {
    let mut root = Field::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(path) = words.next() else { continue };
        let (before, names) = path.split_once('{').unwrap_or((path, ""));
        let words: Vec<&str> = words.collect();
        if names.is_empty() {
            root.at(before).learn(&words);
        }
        for name in names.trim_end_matches('}').split(',').filter(|name| !name.is_empty()) {
            root.at(before).at(name).learn(&words);
        }
    }
    root
}

impl Field {
    fn at(&mut self, path: &'static str) -> &mut Self {
        let steps = path.split('.').filter(|step| !step.is_empty());
        steps.fold(self, |field, step| match step.strip_suffix("[]") {
            Some(list) => field.below.entry(list).or_default().below.entry("[]").or_default(),
            None => field.below.entry(step).or_default(),
        })
    }

    fn learn(&mut self, words: &[&'static str]) {
        for word in words {
            match (word.split_once(':'), *word) {
                (Some(("needs", name)), _) => self.rules.push(Rule::Needs(name)),
                (Some(("any", name)), _) => self.rules.push(Rule::Any(name)),
                (Some(("without", name)), _) => self.rules.push(Rule::Without(name)),
                (_, word) => self.takes.extend(Kind::read(word)),
            }
        }
    }

    fn fault(
        &self,
        value: &Json,
        steps: &mut Vec<String>,
        readable: &dyn Fn(&[String], &str) -> bool,
    ) -> Option<Fault> {
        if !self.takes.is_empty() && !self.takes.iter().any(|kind| kind.takes(value)) {
            let right = self.takes.iter().find_map(|kind| kind.meant_by(value));
            return Some(Fault { says: self.wants(), ..Fault::at(steps, right) });
        }
        if let (Some(text), true) = (value.as_str(), self.takes == [Kind::File]) {
            let says = || "names a file that cannot be read".to_owned();
            return (!readable(steps, text)).then(|| Fault { says: says(), ..Fault::at(steps, None) });
        }
        match value {
            Json::Object(table) => self.in_table(table, steps, readable),
            Json::Array(items) => {
                let item = self.below.get("[]")?;
                let mut all = items.iter().enumerate();
                all.find_map(|(at, one)| {
                    within(steps, at.to_string(), |steps| item.fault(one, steps, readable))
                })
            }
            _ => None,
        }
    }

    fn in_table(
        &self,
        table: &serde_json::Map<String, Json>,
        steps: &mut Vec<String>,
        readable: &dyn Fn(&[String], &str) -> bool,
    ) -> Option<Fault> {
        self.lacks(table, steps).or_else(|| {
            table.iter().find_map(|(name, value)| {
                let field = self.below.get(name.as_str()).or_else(|| self.below.get("*"))?;
                within(steps, name.clone(), |steps| {
                    let beside = field.rules.iter().find_map(|rule| match rule {
                        Rule::Without(other) if table.contains_key(*other) => Some(*other),
                        _ => None,
                    });
                    let clash = beside.map(|other| Fault {
                        says: format!("cannot be beside `{other}`"),
                        ..Fault::at(steps, None)
                    });
                    clash.or_else(|| field.fault(value, steps, readable))
                })
            })
        })
    }

    /// A field that the table has to have.
    fn lacks(&self, table: &serde_json::Map<String, Json>, steps: &[String]) -> Option<Fault> {
        let has = |name: &&str| table.contains_key(*name);
        let needs = self.rules.iter().find_map(|rule| match rule {
            Rule::Needs(name) if !has(name) => Some(*name),
            _ => None,
        });
        if let Some(name) = needs {
            // A provider's name is for people alone: its own id serves as well as any other.
            let right = (name == "name").then(|| steps.last().cloned().map(Json::String)).flatten();
            let steps: Vec<String> = steps.iter().cloned().chain([name.to_owned()]).collect();
            return Some(Fault { says: "is missing".to_owned(), missing: true, ..Fault::at(&steps, right) });
        }
        let any = |rule: &Rule| if let Rule::Any(name) = rule { Some(*name) } else { None };
        let names: Vec<&str> = self.rules.iter().filter_map(any).collect();
        let none = !names.is_empty() && !names.iter().any(has);
        let says = || format!("needs {}", either(names.iter().map(|name| format!("`{name}`"))));
        none.then(|| Fault { says: says(), ..Fault::at(steps, None) })
    }

    /// `must be a text or a list`.
    fn wants(&self) -> String {
        const MANY: usize = 6;
        if self.takes == [Kind::Never] {
            return "is not supported any more".to_owned();
        }
        let words = self.takes.iter().filter(|kind| matches!(kind, Kind::Word(_))).count();
        let named = words <= MANY;
        let kinds = self.takes.iter().filter(|kind| named || !matches!(kind, Kind::Word(_)));
        let kinds = kinds.map(|kind| kind.words());
        let many = (!named).then(|| format!("one of {words} words that Codex knows"));
        format!("must be {}", either(many.into_iter().chain(kinds)))
    }
}

impl Fault {
    fn at(steps: &[String], right: Option<Json>) -> Self {
        Self { steps: steps.to_vec(), says: String::new(), right, missing: false }
    }
}

fn within(
    steps: &mut Vec<String>,
    step: String,
    look: impl FnOnce(&mut Vec<String>) -> Option<Fault>,
) -> Option<Fault> {
    steps.push(step);
    let found = look(steps);
    steps.pop();
    found
}

fn either(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

impl Kind {
    fn read(word: &'static str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "some" => Self::Some,
            "filled" => Self::Filled,
            "file" => Self::File,
            "whole" => Self::Whole(i64::MIN, i64::MAX),
            "number" => Self::Number,
            "flag" => Self::Flag,
            "list" => Self::List,
            "table" => Self::Table,
            "never" => Self::Never,
            _ => match word.strip_prefix("whole:") {
                Some(range) => {
                    let (from, to) = range.split_once("..")?;
                    Self::Whole(from.parse().unwrap_or(i64::MIN), to.parse().unwrap_or(i64::MAX))
                }
                None => Self::Word(word.strip_prefix('"')?.strip_suffix('"')?),
            },
        })
    }

    fn takes(self, value: &Json) -> bool {
        // A value that JSON has no form for is not judged.
        if value.is_null() {
            return true;
        }
        match self {
            Self::Text | Self::File => value.is_string(),
            Self::Some => value.as_str().is_some_and(|text| !text.is_empty()),
            Self::Filled => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Word(word) => value.as_str() == Some(word),
            Self::Whole(from, to) => value.as_i64().is_some_and(|number| (from..=to).contains(&number)),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Table => value.is_object() && !is_date(value),
            Self::Never => false,
        }
    }

    /// What a value of another kind plainly means: `"true"`, `"3"`.
    fn meant_by(self, value: &Json) -> Option<Json> {
        let text = value.as_str()?.trim();
        let meant = match self {
            Self::Flag => Json::Bool(text.parse().ok()?),
            Self::Whole(..) => Json::from(text.parse::<i64>().ok()?),
            _ => return None,
        };
        self.takes(&meant).then_some(meant)
    }

    fn words(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Some | Self::Filled => "a text that is not empty".to_owned(),
            Self::File => "the path of a file".to_owned(),
            Self::Word(word) => format!("`{word}`"),
            Self::Whole(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Self::Whole(from, i64::MAX) => format!("a whole number from {from}"),
            Self::Whole(from, to) => format!("a whole number from {from} to {to}"),
            Self::Number => "a number".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::List => "a list".to_owned(),
            Self::Table => "a table".to_owned(),
            Self::Never => String::new(),
        }
    }
}

/// A date of TOML, as its reader hands it over.
fn is_date(value: &Json) -> bool {
    value.get("$__toml_private_datetime").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &str) -> Option<String> {
        let table: toml::Table = toml::from_str(config).unwrap();
        let found = fault(&serde_json::to_value(table).unwrap(), &|_, path| path == "/there")?;
        Some(format!("{} {}", found.steps.join("."), found.says))
    }

    #[test]
    fn every_line_of_the_table_says_something() {
        fn count(field: &Field) -> usize {
            field.below.values().map(|one| usize::from(!one.takes.is_empty()) + count(one)).sum()
        }
        let text = include_str!("../../../assets/codex/settings.txt");
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let words = line
                .split_whitespace()
                .skip(1)
                .filter(|word| !["needs:", "any:", "without:"].iter().any(|rule| word.starts_with(rule)));
            for word in words {
                assert!(Kind::read(word).is_some(), "{line}");
            }
        }
        assert!(count(&SETTINGS) > 450, "{}", count(&SETTINGS));
    }

    #[test]
    fn a_value_of_another_kind_is_named_with_what_it_must_be() {
        for (config, words) in [
            ("model = 5", "model must be a text that is not empty"),
            ("review_model = 5", "review_model must be a text"),
            ("[model_providers.a]\nname = 'a'\nenv_key = 5", "model_providers.a.env_key must be a text"),
            ("[model_providers.a]\nenv_key = 'A'", "model_providers.a.name is missing"),
            ("[model_providers.a]\nname = ' '", "model_providers.a.name must be a text that is not empty"),
            (
                "sandbox_mode = 'full'",
                "sandbox_mode must be `read-only`, `workspace-write` or `danger-full-access`",
            ),
            ("[mcp_servers.x]\nfoo = 1", "mcp_servers.x needs `command` or `url`"),
            ("[mcp_servers.x]\ncommand = 'a'\nargs = ['a', 1]", "mcp_servers.x.args.1 must be a text"),
            ("[mcp_servers.x]\ncommand = 'a'\nurl = 'http://a'", "mcp_servers.x.args cannot be beside"),
            ("model_instructions_file = '/gone'", "model_instructions_file names a file that cannot be read"),
            ("model_context_window = 1979-05-27", "model_context_window must be a whole number"),
        ] {
            let found = said(config).unwrap_or_default();
            let same = found == words || words.contains("beside") && found.contains("cannot be beside");
            assert!(same, "{config}: {found}");
        }
    }

    #[test]
    fn what_codex_accepts_is_no_fault() {
        for config in [
            "model = 'x'\nunknown = 5\nmodel_instructions_file = '/there'",
            "[model_providers.a]\nname = 'a'\nbase_url = ''\nunknown = [1]\nquery_params = { v = '1' }",
            "[model_providers.amazon-bedrock.aws]\nprofile = 'x'",
            "[mcp_servers.x]\nurl = 'http://a'\nstartup_timeout_sec = 1.5\nhttp_headers = { a = 'b' }",
            "[features]\nanything = true\n[tui]\nnotifications = ['a']\n[projects.'/x']\ntrust_level = 'trusted'",
            "approval_policy = 'never'\n[sandbox_workspace_write]\nnetwork_access = true",
        ] {
            assert_eq!(said(config), None, "{config}");
        }
    }

    #[test]
    fn what_a_text_plainly_means_is_the_right_value() {
        let right = |config: &str| {
            let table: toml::Table = toml::from_str(config).unwrap();
            fault(&serde_json::to_value(table).unwrap(), &|_, _| true).unwrap().right
        };
        let flag = "[model_providers.a]\nname = 'a'\nrequires_openai_auth = 'true'";
        assert_eq!(right(flag), Some(Json::Bool(true)));
        assert_eq!(right("model_context_window = '5'"), Some(Json::from(5)));
        assert_eq!(right("[model_providers.a]\nenv_key = 'A'"), Some(Json::from("a")));
        assert_eq!(right("model = 5"), None);
    }
}
