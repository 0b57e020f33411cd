//! A key that was given as an argument: it is never repeated, never looked up as a name or a host, and the person is told
//! that it is exposed.

use std::ffi::OsString;

use super::Failure;
use crate::printer::{self, shape};
use crate::secret::Secret;

/// What is to be done about a key that was given so, whatever it was meant for.
pub(super) fn exposed(subject: &str) -> String {
    format!(
        "{subject} is in your shell's history now, and other programs could see it while keymend ran: treat it as exposed and \
         replace it at its provider. Give keymend a key with --stdin or --clipboard."
    )
}

/// Refuses arguments among which there is a key. The folder of `--home` may be called anything, and `why` takes an error
/// text with whatever is in it.
pub fn refuse_keys(arguments: &[OsString]) -> Result<(), Failure> {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let is_folder = |at: usize| texts[at].starts_with("--home=") || at > 0 && texts[at - 1] == "--home";
    let is_error = |at: usize| {
        texts[at].trim().contains(char::is_whitespace) && texts[1..at].iter().any(|before| before == "why")
    };
    match (1..texts.len()).find(|at| !is_folder(*at) && !is_error(*at) && printer::has_key(&texts[*at])) {
        None => Ok(()),
        Some(at) => Err(Failure::new(
            format!("argument {at} is a key, or has one in it; nothing was done"),
            exposed("It"),
        )),
    }
}

/// Looks through the arguments of a command line that was not understood for what may be a key without a telling form, so
/// that no error repeats it; says what then has to be told.
#[must_use]
pub fn hide_doubtful(arguments: &[OsString]) -> Option<String> {
    let doubtful: Vec<Secret> =
        arguments.iter().skip(1).flat_map(|argument| parts(&argument.to_string_lossy())).collect();
    printer::know(&doubtful);
    (!doubtful.is_empty()).then(|| exposed("If one of the arguments is a key, it"))
}

/// The parts of an argument that no name, path, address or action's id looks like.
fn parts(argument: &str) -> Vec<Secret> {
    let bare = argument.trim_start_matches('-');
    let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
    [bare, name, value].into_iter().filter(|text| !is_place(text)).flat_map(parts_of).collect()
}

fn parts_of(text: &str) -> impl Iterator<Item = Secret> {
    let last = text.rsplit('/').next().unwrap_or_default();
    [text, last].into_iter().filter(|part| shape::is_random(part)).map(Secret::new)
}

fn is_place(text: &str) -> bool {
    text.starts_with(['/', '~', '.'])
        || text.contains("://")
        || text.contains('/') && text.contains('.')
        || !text.is_ascii()
        || is_action(text)
}

/// `20260101-000000-001`.
fn is_action(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-ant-api03-Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3w";

    fn refused(arguments: &[&str]) -> bool {
        let all: Vec<OsString> = ["keymend"].iter().chain(arguments).map(OsString::from).collect();
        refuse_keys(&all).is_err()
    }

    #[test]
    fn a_key_is_refused_wherever_it_was_typed() {
        let forms =
            [format!("--stdin={KEY}"), format!("--{KEY}"), format!("-x{KEY}"), format!("hermes/{KEY}")];
        for form in forms.iter().map(String::as_str).chain([KEY]) {
            assert!(refused(&[form]), "{form}");
            assert!(refused(&["set", "hermes/anthropic", form]), "{form}");
        }
        assert!(!refused(&["--home", &format!("/tmp/{KEY}"), "status"]));
        assert!(!refused(&["why", &format!("401: Consumer 'api_key:{KEY}' has been suspended")]));
        assert!(refused(&["why", KEY]) && refused(&["set", &format!("hermes/anthropic {KEY}")]));
        assert!(!refused(&["status", "hermes/anthropic", "--salt", "0123456789abcdef0123456789abcdef"]));
    }

    #[test]
    fn what_may_be_a_key_is_told_from_names_and_places() {
        for key in [
            "0123456789abcdef0123456789abcdef",
            "123e4567-e89b-12d3-a456-426614174000",
            "QUJDREVGR0hJ12tMTU5PUA==",
            "--stdin=0123456789abcdef",
            "--UTd4WnBMMm1OOXZCNGtSOHRZM3c=",
            "hermes/0123456789abcdef",
        ] {
            assert!(!parts(key).is_empty(), "{key}");
        }
        for name in [
            "hermes/anthropic",
            "claude-code/openai-compatible",
            "~/.openclaw/agents/main/auth-profiles.json",
            "20260101-000000-001",
            "--candidate=2",
            "https://h.example/v1/0123456789abcdef0123456789abcdef",
            "anthropic/work-2024",
            "/tmp/0123456789abcdef0123456789abcdef",
        ] {
            assert!(parts(name).is_empty(), "{name}");
        }
    }
}
