//! What a key looks like in the middle of any text: a beginning that only keys have and then something random, a private
//! key's block, the password of an address.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::secret::{Mask, Secret};

/// The beginnings of the keys of all built-in providers and of some neighbours (a test compares them with the catalogue),
/// here because an error of the command line has to be printed before anything is read.
const BEGINNINGS: [&str; 60] = [
    "ABSK",
    "AIza",
    "AKIA",
    "AKID",
    "AQ.",
    "ASIA",
    "api_org_",
    "ark-",
    "bce-v3/ALTAK-",
    "bedrock-api-key-",
    "csk-",
    "eyJ",
    "flp_",
    "fw_",
    "gho_",
    "ghp_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "gsk_",
    "hf_",
    "nvapi-",
    "pplx-",
    "r8_",
    "sk-",
    "sk-admin-",
    "sk-ant-",
    "sk-ant-admin01-",
    "sk-ant-api03-",
    "sk-ant-oat01-",
    "sk-ant-ort01-",
    "sk-api-",
    "sk-cp-",
    "sk-kimi-",
    "sk-nous-",
    "sk-or-v1-",
    "sk-proj-",
    "sk-service-",
    "sk-sp-",
    "sk-svcacct-",
    "sk_",
    "sk_live_",
    "rk_live_",
    "tgp_v1_",
    "VENICE_INFERENCE_KEY_",
    "vck_",
    "xai-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "ya29.",
    "npm_",
    "pypi-",
    "dop_v1_",
    "lin_api_",
    "tvly-",
    "jina_",
    "1//0",
];

/// What a private key's block and an address have in them.
const OTHERS: [&str; 2] = ["PRIVATE KEY-----", "://"];

/// All of these at once.
static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let needles = BEGINNINGS.iter().chain(&OTHERS);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(needles).ok()
});

/// From this length on a known key is found inside of longer words; a shorter one only as a whole word.
pub(super) const ALONE: usize = 16;
/// A shorter text is not told from an ordinary word.
pub(super) const SHORTEST: usize = 8;
/// A key with a telling beginning is at least this long.
const WHOLE: usize = 16;

/// Whether this beginning is one of those that are always known.
pub(super) fn is_built_in(beginning: &str) -> bool {
    BEGINNINGS.contains(&beginning)
}

/// Whether the key is found wherever it is, because of its form: also behind letters.
pub(super) fn is_found_by_form(key: &Secret) -> bool {
    key.expose(|key| {
        let hit = SEARCH.as_ref().and_then(|search| search.find(key));
        let at = hit
            .filter(|hit| hit.start() == 0 && hit.len() >= 5)
            .and_then(|hit| from_beginning(key, 0, hit.len()));
        at.is_some_and(|at| at == (0..key.len()))
    })
}

/// Where texts with a key's form are; they may overlap.
pub(super) fn find(text: &str, more: &[String]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut block, mut address) = (false, false);
    for hit in SEARCH.as_ref().into_iter().flat_map(|search| search.find_iter(text)) {
        match hit.pattern().as_usize().checked_sub(BEGINNINGS.len()) {
            None => found.extend(from_beginning(text, hit.start(), hit.len())),
            Some(0) => block = true,
            Some(_) => address = true,
        }
    }
    for beginning in more {
        found.extend(
            text.match_indices(beginning.as_str())
                .filter_map(|(at, beginning)| from_beginning(text, at, beginning.len())),
        );
    }
    if block {
        private_keys(text, &mut found);
    }
    if address {
        passwords(text, &mut found);
    }
    found
}

/// The key that begins at `start` with a beginning of `len` bytes, if one does.
fn from_beginning(text: &str, start: usize, len: usize) -> Option<Range<usize>> {
    let beginning = &text[start..start + len];
    // `task-…` and `flask_…` are words; a long beginning is none even behind letters.
    let glued = text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
    if glued && len < 5 {
        return None;
    }
    let body = &text[start + len..];
    let end = start + len + key_length(body);
    let whole = &text[start..end];
    let is_key = if beginning == "eyJ" {
        // A JSON Web Token: two parts at least.
        whole.len() >= 32 && whole.split('.').count() >= 2
    } else {
        whole.len() >= WHOLE && is_random_body(&whole[len..])
    };
    is_key.then_some(start..end)
}

/// The bytes at the start of `text` that belong to a key; a dot or a tilde only in the middle.
fn key_length(text: &str) -> usize {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '=');
    let end = text.find(|c| !is_inside(c)).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '~', '-', '+']).len()
}

/// Whether what follows a telling beginning is no word: it has a digit and a letter in one part, or one long part.
fn is_random_body(body: &str) -> bool {
    body.split(['-', '_', '.', '~', '+', '='])
        .any(|part| part.len() >= 16 || part.len() >= 6 && is_mixed(part))
        || body.len() >= 24 && body.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_mixed(part: &str) -> bool {
    part.bytes().any(|b| b.is_ascii_digit()) && part.bytes().any(|b| b.is_ascii_alphabetic())
}

/// `-----BEGIN … PRIVATE KEY-----` up to its end, or to the end of the text.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN ").map(|at| from + at) {
        let head = text[at + 11..].find("-----").map_or(text.len(), |len| at + 11 + len + 5);
        from = head;
        if text[at..head].contains("PRIVATE KEY") {
            let tail = text[head..].find("-----END ").map(|tail| head + tail + 9);
            let end = tail.map_or(text.len(), |tail| {
                text[tail..].find("-----").map_or(text.len(), |len| tail + len + 5)
            });
            found.push(at..end);
            from = end;
        }
    }
}

/// The passwords of addresses: `scheme://user:PASSWORD@host`, and a long name in front of the `@` without one.
fn passwords(text: &str, found: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(at) = text[from..].find("://").map(|at| from + at + 3) {
        let end =
            text[at..].find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`'));
        let end = end.map_or(text.len(), |len| at + len);
        from = at;
        let Some(host) = text[at..end].rfind('@').map(|len| at + len) else { continue };
        let secret = match text[at..host].find(':') {
            Some(colon) => at + colon + 1..host,
            None if host - at >= ALONE => at..host,
            None => continue,
        };
        let inside = &text[secret.clone()];
        let is_masked = inside.contains('…') || inside.starts_with('(') && inside.ends_with(')');
        if !inside.is_empty() && !is_masked && !inside.starts_with("${") {
            found.push(secret);
        }
    }
}

/// The mask of a text that was found, with its beginning where that is a telling one.
pub(super) fn mask(text: &str) -> Mask {
    let longest = BEGINNINGS.iter().filter(|beginning| text.starts_with(**beginning)).max_by_key(|b| b.len());
    let beginning = longest.copied().filter(|_| !text.starts_with("eyJ"));
    Secret::new(text).mask(beginning)
}

/// Whether no letter or digit is beside the range: it is a whole word.
pub(super) fn is_alone(text: &str, at: &Range<usize>) -> bool {
    !text[..at.start].chars().next_back().is_some_and(char::is_alphanumeric)
        && !text[at.end..].chars().next().is_some_and(char::is_alphanumeric)
}

/// What a search looks for.
pub(super) fn text_of(key: &Secret) -> Vec<u8> {
    key.expose(|text| text.as_bytes().to_vec())
}

/// What of a key's text is to be hidden wherever it appears: the whole of it, or the keys in it where it is a document of
/// its own. Nothing where it is an ordinary word: `ollama` in a key's place must not mask the agent's name.
pub(super) fn parts_worth_hiding(key: &Secret) -> Vec<Secret> {
    let bare =
        key.map(|text| text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).to_owned());
    let mut parts = Vec::new();
    if let Some(document @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) = bare.json() {
        texts_of(&document, &mut parts);
        parts.retain(|part| part.len() >= ALONE && part.expose(is_random));
    }
    if bare.len() >= SHORTEST && !bare.expose(is_ordinary) {
        parts.push(bare);
    }
    parts
}

fn texts_of(value: &serde_json::Value, out: &mut Vec<Secret>) {
    match value {
        serde_json::Value::String(text) => out.push(Secret::new(text.as_str())),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts_of(item, out)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| texts_of(value, out)),
        _ => {}
    }
}

/// Whether a text in a key's place says something by itself: a reference, a path, an address, a variable's name, or a short
/// word.
fn is_ordinary(text: &str) -> bool {
    text.starts_with(['$', '{', '/', '~', '!', '[', '<'])
        || text.starts_with("./")
        || text.contains("://")
        || is_variable_name(text)
        || (text.chars().count() < ALONE && !is_mixed_word(text))
        || (text.is_ascii() && !text.contains(' ') && !is_random(text) && is_words(text))
}

/// `OPENROUTER_API_KEY`.
fn is_variable_name(text: &str) -> bool {
    text.contains('_')
        && !is_random(text)
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Eight letters and digits or more in one part.
fn is_mixed_word(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.len() >= SHORTEST && is_mixed(part))
        || text.chars().count() >= 10
            && text.chars().any(|c| c.is_ascii_punctuation() && !"-_.:/@".contains(c))
}

/// Names joined by colons, slashes or dots: `anthropic:default`, `openai/gpt-5.5`.
fn is_words(text: &str) -> bool {
    text.contains([':', '/', '.'])
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":/.-_@".contains(&b))
}

/// Whether a word has a part that no name, path or version has: long, or mixed of letters and digits.
#[must_use]
pub fn is_random(token: &str) -> bool {
    token.len() >= ALONE
        && token.split(['-', '_', '.', '/', '~', '|', '%', '+', ':', '=']).any(|part| {
            part.len() >= 24
                || (part.len() >= 12 && is_mixed(part))
                || (part.len() >= 8 && is_mixed(part) && !token.contains('/'))
        })
}
