//! `docker --env-file` (docker CLI 28, `kvfile`): a line is `NAME=value` and nothing is interpreted; one bad line
//! refuses the file.

use std::collections::BTreeMap;

use crate::formats::assignment::{Assignment, Parsed};

/// The longest line that its scanner takes.
const MAX_LINE: usize = 64 * 1024;

/// What `docker --env-file` reads.
pub(super) fn parse(bytes: &[u8], env: &BTreeMap<String, String>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = 0;
    for (index, raw) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let start = at;
        at += raw.len() + 1;
        match line(raw, start, index, env) {
            Ok(found) => parsed.assignments.extend(found),
            Err(why) => return Parsed::refused(index + 1, format!("{why}: docker refuses the file")),
        }
    }
    parsed
}

fn line(
    raw: &[u8],
    start: usize,
    index: usize,
    env: &BTreeMap<String, String>,
) -> Result<Option<Assignment>, &'static str> {
    if raw.len() >= MAX_LINE {
        return Err("the line is too long");
    }
    let text = std::str::from_utf8(raw).map_err(|_| "not UTF-8")?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    let body = if index == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    let body = body.trim_start();
    if body.is_empty() || body.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
    if name.is_empty() {
        return Err("a line without a name");
    }
    if name.contains([' ', '\t']) {
        return Err("a blank in the name");
    }
    let end = start + text.len();
    let inherited = value.is_none().then(|| env.get(body)).flatten().cloned();
    Ok(value.map(str::to_owned).or(inherited).map(|value| Assignment {
        name: name.to_owned(),
        span: if body.contains('=') { end - value.len()..end } else { end..end },
        value,
        line: index + 1,
        quoted: false,
    }))
}
