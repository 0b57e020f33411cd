//! Whether Claude Code takes a settings file at all: one field with a value of a wrong kind, and it ignores the whole file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use crate::agents::common;

use super::hooks;

/// Why a settings file is ignored as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, as a path with dots; empty for the whole content.
    pub field: String,
    /// What it must be, and what it is.
    pub why: String,
}

impl Fault {
    /// A fault of the field `field`.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }

    /// The field and what is wrong with it.
    pub fn words(&self) -> String {
        let field = common::printable(&self.field);
        let blank = if field.is_empty() { "" } else { " " };
        format!("{field}{blank}{}", self.why)
    }
}

/// What one field may hold.
#[derive(Default)]
struct Field {
    kinds: Vec<&'static str>,
    required: bool,
    members: BTreeMap<&'static str, Field>,
}

/// The schema, read once from its table.
static SCHEMA: LazyLock<Field> = LazyLock::new(|| {
    let mut schema = Field::default();
    let lines = include_str!("fields.txt").lines().filter(|line| !line.starts_with('#'));
    for (kind, names) in lines.filter_map(|line| line.split_once(": ")) {
        for name in names.split_whitespace() {
            let required = name.ends_with('!');
            let field = name
                .trim_end_matches('!')
                .split('.')
                .fold(&mut schema, |field, step| field.members.entry(step).or_default());
            field.kinds = kind.split('|').collect();
            field.required = required;
        }
    }
    schema
});

/// Fields that are taken from an administrator's settings alone; elsewhere they are dropped unseen.
const MANAGED_ONLY: [&str; 5] =
    ["managedMcpServers", "isolation", "attributionProjectPolicy", "deniedModels", "availableModelsMatch"];
/// Other names of a field.
const ALIASES: [(&str, &str); 2] = [
    ("additionalMarketplaces", "extraKnownMarketplaces"),
    ("allowedMarketplaces", "strictKnownMarketplaces"),
];

/// Why Claude Code ignores a file of this content, or none if it takes it.
pub fn fault(root: &Json) -> Option<Fault> {
    let Some(fields) = root.as_object() else {
        return Some(Fault::new("", format!("the content must be an object, and is {}", kind_of(root))));
    };
    let judged = |(name, value): (&String, &Json)| {
        let name = canonical(fields, name)?;
        let field = SCHEMA.members.get(name)?;
        if one_server(name, value) { None } else { of_field(field, name, value) }
    };
    hooks::fault(fields)
        .or_else(|| fields.iter().filter(|(name, _)| !MANAGED_ONLY.contains(&name.as_str())).find_map(judged))
}

/// The name that a field is judged by, or none for an alias beside the field itself.
fn canonical<'a>(fields: &Map<String, Json>, name: &'a str) -> Option<&'a str> {
    match ALIASES.iter().find(|(alias, _)| *alias == name) {
        Some((alias, _)) if fields[*alias].is_null() => None,
        Some((_, name)) => fields.get(*name).is_none_or(Json::is_null).then_some(name),
        None => Some(name),
    }
}

/// The name of one server, where a list of them is wanted, is taken for a list.
fn one_server(name: &str, value: &Json) -> bool {
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    ["enabledMcpjsonServers", "disabledMcpjsonServers"].contains(&name) && value.as_str().is_some_and(plain)
}

fn of_field(field: &Field, path: &str, value: &Json) -> Option<Fault> {
    if !field.kinds.is_empty() && !field.kinds.iter().any(|kind| is(kind, value)) {
        let wanted: Vec<String> =
            field.kinds.iter().filter(|kind| **kind != "null").map(|kind| words(kind)).collect();
        return Some(Fault::new(path, format!("must be {}, and is {}", wanted.join(" or "), kind_of(value))));
    }
    let inner = |name: &str, step: &str, value: &Json| {
        let member = field.members.get(name)?;
        of_field(member, &format!("{path}.{step}"), value)
    };
    match value {
        Json::Object(values) => {
            let missing =
                field.members.iter().find(|(name, member)| member.required && !values.contains_key(**name));
            if let Some((name, _)) = missing {
                return Some(Fault::new(format!("{path}.{name}"), "is missing"));
            }
            values
                .iter()
                .find_map(|(name, value)| inner(name, name, value).or_else(|| inner("*", name, value)))
        }
        Json::Array(items) => {
            items.iter().enumerate().find_map(|(at, value)| inner("[]", &at.to_string(), value))
        }
        _ => None,
    }
}

fn is(kind: &str, value: &Json) -> bool {
    let number = value.as_f64();
    let whole = number.filter(|number| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0);
    match kind {
        "flag" => value.is_boolean(),
        "text" => value.is_string(),
        "object" => value.is_object(),
        "list" => value.is_array(),
        "null" => value.is_null(),
        "number" => number.is_some(),
        "integer" => whole.is_some(),
        "count" => whole.is_some_and(|number| number > 0.0),
        "natural" => whole.is_some_and(|number| number >= 0.0),
        "share" => number.is_some_and(|number| number > 0.0 && number <= 1.0),
        "rate" => number.is_some_and(|number| (0.0..=1.0).contains(&number)),
        "time" => value.as_str().is_some_and(is_time),
        word => value.as_str() == Some(word.trim_matches('"')),
    }
}

/// `9:05`, `23:59`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str, long: std::ops::RangeInclusive<usize>, below: u8| {
        let plain = long.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain && text.parse::<u8>().is_ok_and(|number| number < below)
    };
    text.split_once(':').is_some_and(|(hour, minute)| digits(hour, 1..=2, 24) && digits(minute, 2..=2, 60))
}

fn words(kind: &str) -> String {
    let words = match kind {
        "flag" => "true or false",
        "text" => "a text",
        "object" => "an object",
        "list" => "a list",
        "number" => "a number",
        "integer" => "a whole number",
        "count" => "a whole number above 0",
        "natural" => "a whole number, 0 or more",
        "share" => "a number above 0 and at most 1",
        "rate" => "a number from 0 to 1",
        "time" => "a time such as \"22:00\"",
        word => word,
    };
    words.to_owned()
}

/// The kind of a value in words; never the value, which may be a key.
pub fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let fault = fault(&serde_json::from_str(text).expect("JSON"))?;
        Some(fault.words())
    }

    #[test]
    fn a_wrong_field_is_named_with_what_it_must_be() {
        for (text, expected) in [
            (r#"{"model":5}"#, "model must be a text, and is a number"),
            (
                r#"{"cleanupPeriodDays":0}"#,
                "cleanupPeriodDays must be a whole number above 0, and is a number",
            ),
            (r#"{"permissions":{"allow":"x"}}"#, "permissions.allow must be a list, and is a text"),
            (r#"{"statusLine":{"type":"command"}}"#, "statusLine.command is missing"),
            (r#"{"defaultShell":"zsh"}"#, "defaultShell must be \"bash\" or \"powershell\", and is a text"),
            (
                r#"{"permissions":{"additionalDirectories":[5]}}"#,
                "permissions.additionalDirectories.0 must be a text, and is a number",
            ),
            (
                r#"{"enabledPlugins":{"a":5}}"#,
                "enabledPlugins.a must be true or false or a list, and is a number",
            ),
            (r#"{"allowedMarketplaces":5}"#, "strictKnownMarketplaces must be a list, and is a number"),
            ("[]", "the content must be an object, and is a list"),
        ] {
            assert_eq!(said(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_claude_code_only_drops_is_no_fault() {
        for text in [
            "{}",
            r#"{"unknown":5,"theme":5,"effortLevel":5,"modelPicker":5,"forceLoginMethod":"x","deniedModels":5}"#,
            r#"{"permissions":{"allow":["Bash(ls",5],"defaultMode":"manual","x":5}}"#,
            r#"{"enabledMcpjsonServers":"one","disableAutoMode":null,"strictKnownMarketplaces":null}"#,
            r#"{"extraKnownMarketplaces":5,"additionalMarketplaces":null}"#,
            r#"{"quietHours":{"start":"9:05","end":"23:59"},"attribution":true}"#,
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let kinds = [
            "flag", "text", "object", "list", "null", "number", "integer", "count", "natural", "share",
            "rate", "time",
        ];
        for line in
            include_str!("fields.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (kind, names) = line.split_once(": ").expect("a kind");
            assert!(kind.split('|').all(|kind| kinds.contains(&kind) || kind.starts_with('"')), "{line}");
            assert!(!names.trim().is_empty(), "{line}");
        }
    }
}
