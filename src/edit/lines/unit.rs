//! `Environment=` in systemd units and drop-ins: words of `NAME=value`, quoted as a whole or not.

use zeroize::Zeroizing;

use super::{Found, Seen};

/// Every assignment in the `[Service]` sections.
pub(super) fn see(text: &str) -> Seen {
    let mut seen = Seen::default();
    let (mut at, mut service, mut continued) = (0, false, false);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let body = line.trim_end_matches(['\r', '\n']);
        let trimmed = body.trim_start();
        if trimmed.starts_with('[') {
            service = trimmed.trim_end() == "[Service]";
        }
        let continues = body.ends_with('\\');
        if let Some(words) = trimmed.strip_prefix("Environment=").filter(|_| service && !continued) {
            let from = at + body.len() - words.len();
            words_of(text, from, at + body.len(), number + 1, continues, &mut seen);
        }
        continued = continues;
        at += line.len();
    }
    seen
}

fn words_of(text: &str, from: usize, to: usize, line: usize, continues: bool, seen: &mut Seen) {
    let mut at = from;
    while at < to {
        let rest = &text[at..to];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        let Some(first) = text[at..to].chars().next() else { return };
        let quote = matches!(first, '"' | '\'').then_some(first);
        let body = at + quote.map_or(0, char::len_utf8);
        let end = match quote {
            Some(quote) => text[body..to].find(quote).map(|len| body + len),
            None => Some(text[body..to].find([' ', '\t']).map_or(to, |len| body + len)),
        };
        let Some(end) = end else {
            seen.problems += 1;
            return;
        };
        let word = &text[body..end];
        match word.split_once('=') {
            Some((name, value)) if is_name(name) => {
                let odd =
                    continues || value.contains(['\\', '"', '\'']) || value.replace("%%", "").contains('%');
                seen.found.push(Found {
                    name: name.to_owned(),
                    line,
                    span: end - value.len()..end,
                    value: Zeroizing::new(value.replace("%%", "%")),
                    doubt: odd.then_some("a unit's value with escapes or a continued line"),
                });
            }
            _ => seen.problems += 1,
        }
        at = end + quote.map_or(0, char::len_utf8);
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn line(name: &str, token: &str) -> String {
    format!("Environment={name}={token}")
}

/// Behind the last `Environment=` of the first `[Service]` section, or behind its header.
pub(super) fn insert_at(text: &str) -> (usize, &'static str) {
    let (mut at, mut best, mut service) = (0, None, false);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            service = trimmed == "[Service]" && best.is_none();
        }
        if service && (trimmed == "[Service]" || trimmed.starts_with("Environment=")) {
            best = Some(at);
        }
    }
    let at = best.unwrap_or(text.len());
    (at, if text[..at].ends_with('\n') || at == 0 { "" } else { "\n" })
}
