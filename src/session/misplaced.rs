//! Keys in fields that want something else: the name of a variable, of a provider or a profile, an address, a model. Such a
//! key is not sent, or is sent to show in addresses and logs, and the agent's own message about it is seldom clear. One rule
//! for the files of all agents, by the name of the field.

use std::path::Path;

use serde_json::Value as Json;

use crate::agents::common::Doc;
use crate::printer::Known;
use crate::source::is_nested_deep;
use crate::world::World;

/// What a field wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Variable,
    Address,
    Model,
    Name,
}

impl Wants {
    const fn words(self) -> &'static str {
        match self {
            Self::Variable => "wants the name of a variable; a key is there",
            Self::Address => "wants an address without a key; a key is in it",
            Self::Model => "wants a model; a key is there",
            Self::Name => "wants a name; a key is there",
        }
    }
}

/// The first key in `text`, the content of `path`, that is where something else belongs, in words.
pub(super) fn first(world: &dyn World, path: &Path, text: &str) -> Option<String> {
    let shapes = Known::default();
    let is_key = |text: &str| shapes.is_in(text);
    if path.to_str().is_some_and(is_key) {
        return Some("the name of this file or of its folder is a key".to_owned());
    }
    let name = path.file_name()?.to_str()?;
    let end = name.rsplit('.').next().unwrap_or_default();
    if name.starts_with(".env") || end == "env" {
        return in_lines(text, &shapes);
    }
    if !is_key(text) || is_nested_deep(text) {
        return None;
    }
    let root = match end {
        "json" | "jsonc" | "json5" => {
            let strict = serde_json::from_str(text).ok();
            strict
                .or_else(|| Some(Doc::jsonc(world, path, true)).filter(Doc::usable).map(|doc| doc.root))
                .or_else(|| json5::from_str(text).ok())?
        }
        "yaml" | "yml" => Doc::yaml(world, path).root,
        "toml" => Doc::toml(world, path).root,
        _ => return None,
    };
    walk(&root, &mut Vec::new(), &is_key)
}

/// `sk-…=x`: a key in front of the equals sign.
fn in_lines(text: &str, shapes: &Known) -> Option<String> {
    let is_key = |text: &str| shapes.is_in(text);
    // Of a million lines those are looked at that have a key in them.
    let mut counted = (0, 1);
    shapes.lines_with_keys(text).into_iter().find_map(|at| {
        let n = counted.1 + text[counted.0..at].matches('\n').count();
        counted = (at, n);
        let line = text[at..].lines().next()?;
        let (name, value) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#'))?;
        let words = if is_key(name) {
            "begins with a key where the name of a variable belongs"
        } else if referred(value.trim().trim_matches(['"', '\''])).is_some_and(is_key) {
            "refers to a variable; a key is in the place of its name"
        } else {
            return None;
        };
        Some(format!("line {n} {words}"))
    })
}

fn walk<'a>(value: &'a Json, steps: &mut Vec<&'a str>, is_key: &dyn Fn(&str) -> bool) -> Option<String> {
    match value {
        Json::String(text) if is_key(text) => {
            let field = *steps.last()?;
            Some(format!("`{field}` {}", wants(field, text)?.words()))
        }
        Json::Array(items) => items.iter().find_map(|item| walk(item, steps, is_key)),
        Json::Object(fields) => fields.iter().find_map(|(name, value)| {
            if is_key(name) {
                let above = steps.last().map_or("the document".to_owned(), |above| format!("`{above}`"));
                return Some(format!("a field of {above} is named with a key; the key belongs in its value"));
            }
            steps.push(name);
            let found = walk(value, steps, is_key);
            steps.pop();
            found
        }),
        _ => None,
    }
}

/// What the field wants, where that is no key. A field that is not known wants anything.
fn wants(field: &str, text: &str) -> Option<Wants> {
    let lower = field.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let is = |names: &[&str]| names.contains(&lower.as_str());
    if is_reference(text) {
        return Some(Wants::Variable);
    }
    let named = lower.ends_with("_env") || field.ends_with("Env");
    if named || has(&["env_key", "envkey", "env_var", "envvar", "key_name", "keyname"]) {
        return Some(Wants::Variable);
    }
    if has(&["key", "token", "secret", "passw", "credential", "auth", "bearer", "cookie"]) {
        return None;
    }
    if has(&["url", "api_base", "apibase", "endpoint"]) || is(&["host", "base"]) {
        return Some(Wants::Address);
    }
    if has(&["model"]) || is(&["primary", "fallbacks", "default"]) {
        return Some(Wants::Model);
    }
    let names = [
        "id",
        "name",
        "label",
        "title",
        "provider",
        "model_provider",
        "profile",
        "project",
        "region",
        "source",
        "mode",
        "type",
        "selectedtype",
        "active_provider",
        "display_name",
        "goose_provider",
        "entry_id",
    ];
    let ends_so = |name: &&str| {
        lower.strip_suffix(*name).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    names.iter().any(ends_so).then_some(Wants::Name)
}

/// `${NAME}`, `{env:NAME}`, `env:NAME`, `os.environ/NAME`, `${{ secrets.NAME }}`.
fn is_reference(text: &str) -> bool {
    ["${", "{env:", "env:", "os.environ/", "$"].iter().any(|beginning| text.starts_with(beginning))
}

/// The name that a reference at the beginning of a line's value means; behind its brace the value goes on.
fn referred(value: &str) -> Option<&str> {
    is_reference(value)
        .then(|| value.strip_prefix("${").map_or(value, |rest| rest.split('}').next().unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::MemoryWorld;

    const KEY: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3w";

    fn found(path: &str, text: &str) -> Option<String> {
        let text = text.replace("{K}", KEY);
        let world = MemoryWorld::new("/home/ann").with_file(path, &text);
        first(&world, &Path::new("/home/ann").join(path), &text)
    }

    #[test]
    fn a_field_that_wants_something_else_is_named() {
        for (path, text, words) in [
            (
                ".codex/config.toml",
                "[a.b]\nenv_key = \"{K}\"\n",
                "`env_key` wants the name of a variable; a key is there",
            ),
            ("c.yaml", "a:\n  - key_env: {K}\n", "`key_env` wants the name of a variable; a key is there"),
            ("c.yaml", "model: {K}\n", "`model` wants a model; a key is there"),
            (
                "c.json",
                "{\"baseUrl\": \"https://h.example/{K}/v1\"}",
                "`baseUrl` wants an address without a key; a key is in it",
            ),
            ("c.json", "{'apiKey': '${{K}}',}", "`apiKey` wants the name of a variable; a key is there"),
            (
                "c.json",
                "{\"keyRef\": {\"source\": \"env\", \"id\": \"{K}\"}}",
                "`id` wants a name; a key is there",
            ),
            ("c.json", "{\"source\": \"env:{K}\"}", "`source` wants the name of a variable; a key is there"),
            (
                "c.json",
                "{\"env\": {\"{K}\": 1}}",
                "a field of `env` is named with a key; the key belongs in its value",
            ),
            (".env", "A=1\nexport {K}=x\n", "line 2 begins with a key where the name of a variable belongs"),
            (".env", "A=\"${{K}}\"\n", "line 1 refers to a variable; a key is in the place of its name"),
            (
                ".env",
                "A=${HOME}x\nB=${{K}}\n",
                "line 2 refers to a variable; a key is in the place of its name",
            ),
        ] {
            assert_eq!(found(path, text).as_deref(), Some(words), "{text}");
        }
        assert!(found(&format!("profiles/{KEY}/.env"), "A=1").is_some());
    }

    #[test]
    fn a_key_in_its_place_is_none() {
        for (path, text) in [
            (
                "c.json",
                "{\"apiKey\": \"{K}\", \"headers\": {\"x\": \"{K}\", \"Authorization\": \"Bearer {K}\"}}",
            ),
            (
                "c.json",
                "{\"env\": {\"ANTHROPIC_API_KEY\": \"{K}\"}, \"claudeAiOauth\": {\"accessToken\": \"{K}\"}}",
            ),
            ("c.json", "{\"openai\": \"{K}\", \"args\": [\"--key\", \"{K}\"]}"),
            ("c.yaml", "# {K}\napi-key:\n  - anthropic={K}\nset-env:\n  - A={K}\n"),
            (".env", "# {K}=x\nA={K}\n"),
            ("c.json", "{\"model\": "),
        ] {
            assert_eq!(found(path, text), None, "{text}");
        }
    }
}
