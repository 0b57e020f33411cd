//! Hooks in a settings file. One that may guard the permissions beside it (`PreToolUse`, `PermissionRequest`) and cannot be
//! loaded makes Claude Code ignore the whole file; any other wrong hook is dropped (2.1.329, recordings cc-hooks-*).

use serde_json::{Map, Value as Json};

use super::fields::{Fault, kind_of};

const GUARDS: [&str; 2] = ["PreToolUse", "PermissionRequest"];

const EVENTS: [&str; 33] = [
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "SessionStart",
    "SessionEnd",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "PreModelSwitch",
    "PostModelSwitch",
    "PermissionRequest",
    "PermissionDenied",
    "Setup",
    "TeammateIdle",
    "TaskCreated",
    "TaskCompleted",
    "Elicitation",
    "ElicitationResult",
    "ConfigChange",
    "WorktreeCreate",
    "WorktreeRemove",
    "InstructionsLoaded",
    "CwdChanged",
    "FileChanged",
    "DirectoryAdded",
    "MessageDisplay",
];

/// Fields that are not searched for misplaced hooks.
const UNSEARCHED: [&str; 9] = [
    "mcpServers",
    "managedMcpServers",
    "lspServers",
    "pluginConfigs",
    "enabledPlugins",
    "extraKnownMarketplaces",
    "env",
    "skillOverrides",
    "modelSettings",
];

/// How deep misplaced hooks are searched for.
const DEPTH: usize = 3;

/// Why the hooks of this file make Claude Code ignore it, or none if they do not.
pub fn fault(fields: &Map<String, Json>) -> Option<Fault> {
    outside(fields).or_else(|| of_hooks(fields.get("hooks")?))
}

/// Guarding hooks that are not under `hooks`.
fn outside(fields: &Map<String, Json>) -> Option<Fault> {
    let why = "it holds PreToolUse or PermissionRequest hooks, which belong under hooks";
    if let Some(name) = names_guard(fields) {
        return Some(Fault::new(name, why));
    }
    let search = Search { unsearched: &UNSEARCHED, matchers: true, in_list: false };
    let others = fields.iter().filter(|(name, _)| *name != "hooks" && !UNSEARCHED.contains(&name.as_str()));
    let mut holds = others.filter(|(name, value)| {
        Search { matchers: !EVENTS.contains(&name.as_str()), ..search }.finds(value, DEPTH)
    });
    holds.next().map(|(name, _)| Fault::new(name, why))
}

fn of_hooks(hooks: &Json) -> Option<Fault> {
    let wanted = |hooks: &Json| format!("must be an object of event names, and is {}", kind_of(hooks));
    let events = match hooks {
        Json::Object(events) => events,
        Json::Array(items) if items.iter().any(Json::is_object) => {
            return Some(Fault::new("hooks", wanted(hooks)));
        }
        _ => return None,
    };
    if is_matcher(events) {
        return Some(Fault::new("hooks", "must be an object of event names, and is one matcher"));
    }
    events.iter().find_map(|(event, matchers)| of_event(event, matchers))
}

fn of_event(event: &str, matchers: &Json) -> Option<Fault> {
    let guard = GUARDS.contains(&event);
    let path = format!("hooks.{event}");
    let search = |matchers| Search { unsearched: &[], matchers, in_list: false };
    if !EVENTS.contains(&event) {
        let hidden = search(!matchers.is_array()).finds(matchers, DEPTH);
        return hidden
            .then(|| Fault::new(path, "is no event, and holds PreToolUse or PermissionRequest hooks"));
    }
    let Json::Array(items) = matchers else {
        let at_fault = guard && !matchers.is_null() || search(false).finds(matchers, DEPTH);
        return at_fault.then(|| Fault::new(path, format!("must be a list, and is {}", kind_of(matchers))));
    };
    items.iter().enumerate().find_map(|(at, matcher)| {
        if search(false).finds(matcher, DEPTH) {
            let why = "holds PreToolUse or PermissionRequest hooks where a matcher belongs";
            return Some(Fault::new(format!("{path}.{at}"), why));
        }
        guard.then(|| of_matcher(&format!("{path}.{at}"), matcher)).flatten()
    })
}

/// What is wrong with a matcher that guards.
fn of_matcher(path: &str, matcher: &Json) -> Option<Fault> {
    let Some(hooks) = matcher.get("hooks").and_then(Json::as_array) else {
        return Some(Fault::new(format!("{path}.hooks"), "must be a list of hooks"));
    };
    if matcher.get("matcher").is_some_and(|matcher| !matcher.is_string()) {
        return Some(Fault::new(format!("{path}.matcher"), "must be a text"));
    }
    let wrong = hooks.iter().enumerate().find_map(|(at, hook)| Some((at, of_hook(hook)?)));
    wrong.map(|(at, why)| Fault::new(format!("{path}.hooks.{at}"), why))
}

/// What is wrong with one hook that guards.
fn of_hook(hook: &Json) -> Option<String> {
    let wanted: &[&str] = match hook.get("type").and_then(Json::as_str) {
        Some("command") => &["command"],
        Some("prompt" | "agent") => &["prompt"],
        Some("http") => &["url"],
        Some("mcp_tool") => &["server", "tool"],
        Some(_) => return Some("is of a type that Claude Code does not know".to_owned()),
        None => return Some("has no type".to_owned()),
    };
    let text = |name: &&&str| hook.get(**name).is_some_and(Json::is_string);
    if let Some(name) = wanted.iter().find(|name| !text(name)) {
        return Some(format!("needs a text {name}"));
    }
    let timeout = hook.get("timeout");
    let timed = timeout.is_none_or(|timeout| timeout.as_f64().is_some_and(|seconds| seconds > 0.0));
    (!timed).then(|| "needs a timeout above 0".to_owned())
}

/// A guard's name with something under it.
fn names_guard(fields: &Map<String, Json>) -> Option<&String> {
    let filled = |value: &Json| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    fields.iter().find(|(name, value)| GUARDS.contains(&name.as_str()) && filled(value)).map(|(name, _)| name)
}

/// One matcher in the place of what holds them.
fn is_matcher(fields: &Map<String, Json>) -> bool {
    let events = fields.keys().any(|name| EVENTS.contains(&name.as_str()));
    if !fields.contains_key("matcher") && events {
        return false;
    }
    match fields.get("hooks") {
        Some(Json::Array(hooks)) => !hooks.is_empty(),
        Some(Json::Object(hook)) => {
            fields.contains_key("matcher") || hook.get("type").is_some_and(Json::is_string)
        }
        _ => false,
    }
}

/// A search for guarding hooks where none belong.
#[derive(Clone, Copy)]
struct Search {
    unsearched: &'static [&'static str],
    /// A matcher alone is one, too.
    matchers: bool,
    /// The value is an item of a list of hooks.
    in_list: bool,
}

impl Search {
    fn finds(self, value: &Json, depth: usize) -> bool {
        let fields = value.as_object();
        let here =
            fields.is_some_and(|fields| names_guard(fields).is_some() || self.matchers && is_matcher(fields));
        if here || depth == 0 {
            return here;
        }
        match value {
            Json::Array(items) => items.iter().any(|item| self.finds(item, depth - 1)),
            Json::Object(fields) if self.in_list && fields.get("type").is_some_and(Json::is_string) => false,
            Json::Object(fields) => fields.iter().any(|(name, value)| {
                let inner = Self {
                    matchers: self.matchers && !EVENTS.contains(&name.as_str()),
                    in_list: name == "hooks" && value.is_array(),
                    ..self
                };
                !self.unsearched.contains(&name.as_str()) && inner.finds(value, depth - 1)
            }),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_fault(hooks: &str) -> Option<String> {
        let text = format!(r#"{{"hooks":{hooks}}}"#);
        let root: Json = serde_json::from_str(&text).expect("JSON");
        fault(root.as_object().expect("an object")).map(|fault| fault.field)
    }

    #[test]
    fn a_hook_that_may_guard_must_load() {
        for (hooks, field) in [
            (r#"[{"type":"command"}]"#, "hooks"),
            (r#"{"matcher":"x","hooks":[{"type":"command","command":"x"}]}"#, "hooks"),
            (r#"{"PreToolUse":"x"}"#, "hooks.PreToolUse"),
            (r#"{"PreToolUse":[{"hooks":[{"type":"bogus"}]}]}"#, "hooks.PreToolUse.0.hooks.0"),
            (r#"{"PreToolUse":[{"matcher":"x"}]}"#, "hooks.PreToolUse.0.hooks"),
            (r#"{"Other":{"PreToolUse":[1]}}"#, "hooks.Other"),
        ] {
            assert_eq!(at_fault(hooks).as_deref(), Some(field), "{hooks}");
        }
        let root: Json = serde_json::from_str(r#"{"x":{"PreToolUse":[{"hooks":[]}]}}"#).expect("JSON");
        assert_eq!(fault(root.as_object().expect("an object")).expect("a fault").field, "x");
    }

    #[test]
    fn every_other_wrong_hook_is_dropped() {
        for hooks in [
            "5",
            "[]",
            "{}",
            r#"{"BogusEvent":[]}"#,
            r#"{"PostToolUse":"x"}"#,
            r#"{"PostToolUse":[{"hooks":[{"type":"bogus"}]}]}"#,
            r#"{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"true","timeout":5}]}]}"#,
            r#"{"PreToolUse":null}"#,
        ] {
            assert_eq!(at_fault(hooks), None, "{hooks}");
        }
    }
}
