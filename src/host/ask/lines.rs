//! What tmux and systemctl print about an environment, line by line.

use crate::secret::Secret;

/// Whether a line of a listing begins with this variable.
pub(super) fn starts_one(listing: &[u8], name: &str) -> bool {
    listing.split(|byte| *byte == b'\n').any(|line| after_name(line, name).is_some())
}

/// The value in an answer about one variable, of several lines too; none for a removal (`-NAME`).
pub(super) fn value_of(answer: &[u8], name: &str) -> Option<Secret> {
    let value = after_name(answer, name)?;
    Some(Secret::from_bytes(value.strip_suffix(b"\n").unwrap_or(value)))
}

fn after_name<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// The output of `systemctl show-environment`: one variable a line, a value with special characters as `$'…'`.
#[must_use]
pub fn from_systemd(bytes: &[u8]) -> super::Answer {
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
    let variable = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), Secret::new(unquoted(value))))
    };
    text.lines().filter_map(variable).collect()
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\'')) else {
        return value.to_owned();
    };
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('r')) => text.push('\r'),
            ('\\', Some(escaped)) => text.push(escaped),
            _ => text.push(c),
        }
    }
    text
}
