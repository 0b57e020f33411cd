//! What several agents read the same way: structured files as one tree, references, headers, versions, processes.
//!
//! Nothing here knows an agent. Trees hold keys as plain text, so that they have no `Debug` and live only as long as a
//! scan; a key goes into a [`Secret`] as soon as it is an offer.

use std::path::{Path, PathBuf};

use crate::finding::Lint;
use crate::provider::{Catalogue, authority};
use crate::resolve::{Header, Outcome, Sent, Slot};
use crate::secret::Secret;
use crate::source::{Place, Value};
use crate::world::{FileState, World};

mod constant;
mod doc;
mod install;
mod running;
mod too_long;

pub use constant::{Prints, Variable, prints_argv, prints_shell};
pub use doc::{Doc, merge};
pub use install::{Traces, rules, version};
pub use running::running;
pub(super) use too_long::say_too_long;
pub use too_long::say_too_long_of;

/// The place of a variable of the environment.
#[must_use]
pub fn env_place(name: &str) -> Place {
    Place::Env { name: name.to_owned() }
}

/// What the environment holds under `name`.
#[must_use]
pub fn env_value(world: &dyn World, name: &str) -> Value {
    Value::of(world.var(name))
}

/// A folder that a variable may move: `$variable`, else `home/rest`.
#[must_use]
pub fn folder(world: &dyn World, variable: &str, rest: &str) -> PathBuf {
    match world.var_nonempty(variable) {
        Some(path) => world.cwd().join(path),
        None => home(world).join(rest),
    }
}

/// The home folder; the root where there is none, so that nothing is found there.
#[must_use]
pub fn home(world: &dyn World) -> PathBuf {
    world.home().map_or_else(|| PathBuf::from("/nonexistent"), Path::to_path_buf)
}

/// `path` as a person writes it in a configuration: `~/` is the home folder, anything else relative to `base`.
#[must_use]
pub fn expand(world: &dyn World, base: &Path, path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => home(world).join(rest),
        None if path == "~" => home(world),
        None => base.join(path),
    }
}

/// `1`, `true`, `yes`, `on` in any case: what most programs take for yes.
#[must_use]
pub fn truthy(value: Option<&str>) -> bool {
    value.is_some_and(|value| {
        matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
    })
}

/// A header of an agent's configuration as a credential: `Authorization: Bearer x` is the bearer `x`.
#[must_use]
pub fn sent_in(name: &str, value: &str) -> Sent {
    let name = name.trim().to_ascii_lowercase();
    let bearer = value.get(..7).filter(|start| start.eq_ignore_ascii_case("bearer "));
    match (name.as_str(), bearer) {
        ("authorization", Some(start)) => {
            Sent { header: Header::Bearer, key: Secret::new(&value[start.len()..]) }
        }
        _ => Sent { header: Header::Raw(name), key: Secret::new(value) },
    }
}

/// Whether a header that a person configured carries a credential, judged by its name and else by its value: one long
/// word of letters, digits and the few signs that keys are made of.
#[must_use]
pub fn is_credential_header(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if ["openai-organization", "openai-project", "user-agent", "http-referer", "referer", "x-title"]
        .contains(&name.as_str())
    {
        return false;
    }
    let named = ["authorization", "key", "token", "secret", "credential", "password", "cookie"];
    let part = |c: char| c.is_ascii_alphanumeric() || "_-.+/=~|:".contains(c);
    named.iter().any(|word| name.contains(word)) || (value.len() >= 24 && value.chars().all(part))
}

/// Whether the text can be in a header at all: none of the control characters that every HTTP library refuses.
#[must_use]
pub fn fits_header(key: &Secret) -> bool {
    !key.any_char(|c| c.is_ascii_control() && c != '\t')
}

/// Whether every character is one byte in a header: what JavaScript's `fetch` demands.
#[must_use]
pub fn is_byte_text(key: &Secret) -> bool {
    !key.any_char(|c| u32::from(c) > 0xff)
}

/// A key without the white space around it, as HTTP itself drops it from a header's value.
#[must_use]
pub fn trimmed(key: &Secret) -> Secret {
    key.map(|text| text.trim().to_owned())
}

/// The text that JavaScript's `fetch` puts on the wire: white space around the header's value dropped (a bearer's value
/// begins with the word Bearer). None if the text cannot be in a header.
#[must_use]
pub fn fetch_text(key: &Secret, header: &Header) -> Option<Secret> {
    let bearer = *header == Header::Bearer;
    let key = key.map(|text| if bearer { text.trim_end() } else { text.trim() }.to_owned());
    (is_byte_text(&key) && fits_header(&key)).then_some(key)
}

/// The text that a Rust HTTP library puts on the wire: blanks around the header's value count for nothing there. None
/// where the library refuses the value.
#[must_use]
pub fn http_text(key: &Secret, header: &Header) -> Option<Secret> {
    let bearer = *header == Header::Bearer;
    let blank = |c: char| c == ' ' || c == '\t';
    let trim =
        |text: &str| if bearer { text.trim_end_matches(blank) } else { text.trim_matches(blank) }.to_owned();
    fits_header(key).then(|| key.map(trim))
}

/// The host of a URL in lower case, without port and user.
#[must_use]
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let end = if host.starts_with('[') { host.find(']').map_or(host.len(), |at| at + 1) } else { host.len() };
    let (name, port) = host.split_at(end);
    let name = if port.is_empty() { name.split(':').next().unwrap_or_default() } else { name };
    name.to_ascii_lowercase()
}

/// Whether it is a whole address: a scheme and a host.
#[must_use]
pub fn is_address(base: &str) -> bool {
    base.trim().split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && !host_of(base).is_empty())
}

/// Whether `host` is `domain` or one of its subdomains.
#[must_use]
pub fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// The lint for a key that goes to another host than its provider's own.
#[must_use]
pub fn foreign_base(agent: &str, base_url: &str, from: &str) -> Lint {
    let host = printable(&host_of(base_url));
    Lint::warn("foreign-base-url", format!("{agent} sends this to {host}, because {from} says so"))
}

/// Text from a file without control characters, for a message.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || crate::secret::is_invisible(c) { '�' } else { c }).collect()
}

/// A command line for a person to recognise, without what may be a key in it: every long piece with a digit, whatever
/// is around it.
#[must_use]
pub fn shown_command(command: &str) -> String {
    let of_key = |c: char| c.is_ascii_alphanumeric() || "_-+=.~".contains(c);
    let mut shown = String::new();
    let mut piece = String::new();
    for c in printable(command).chars().chain(['\n']) {
        if of_key(c) {
            piece.push(c);
            continue;
        }
        let long = piece.len() >= 16 && piece.bytes().any(|byte| byte.is_ascii_digit());
        shown.push_str(if long { "…" } else { &piece });
        piece.clear();
        shown.push(c);
    }
    shown.trim_end().to_owned()
}

/// A lint for a file with a key that others can read.
#[must_use]
pub fn readable_by_others(state: &FileState) -> Option<Lint> {
    let mode = state.meta()?.mode;
    let message = format!("the file is readable by other users (mode {:04o}); make it 0600", mode & 0o7777);
    (mode & 0o044 != 0).then(|| Lint::warn("readable-by-others", message))
}

/// Names the provider that a slot's address belongs to, where the agent's own name for it says another one or none: an
/// Anthropic base URL may be MiniMax's, a table of your own may be OpenRouter.
pub fn name_providers(catalogue: &Catalogue, slots: &mut [Slot]) {
    for slot in slots {
        let Outcome::Sends { base_url, .. } = &slot.outcome else { continue };
        let host = authority(base_url).unwrap_or(base_url.as_str());
        let named = slot.provider.as_deref().and_then(|id| catalogue.get(id));
        if named.is_some_and(|named| named.owns(host)) {
            continue;
        }
        if let Some(owner) = catalogue.by_host(host) {
            slot.provider = Some(owner.id.clone());
        }
    }
}

/// Adds the lints that hold for every agent: files that others can read.
pub fn finish(world: &dyn World, slots: &mut [Slot]) {
    for candidate in slots.iter_mut().flat_map(|slot| &mut slot.candidates) {
        let holds_text = candidate.value.secret().is_some_and(|key| !key.is_empty());
        let file = candidate.place.file().filter(|_| holds_text);
        candidate.lints.extend(file.and_then(|file| readable_by_others(&world.read(file))));
    }
}

/// Whether two outcomes are the same for a person: the same request, or in both cases none.
#[must_use]
pub fn same_outcome(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Outcome::Nothing { .. }, Outcome::Nothing { .. }) => true,
        _ => a == b,
    }
}

/// The credential headers among `headers`, for the same request; the agent's own header stays out.
#[must_use]
pub fn extra_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Sent> {
    headers
        .into_iter()
        .filter(|(name, value)| is_credential_header(name, value))
        .map(|(name, value)| sent_in(name, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_from_any_url() {
        let hosts = [
            ("https://api.anthropic.com/v1", "api.anthropic.com"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:80/x", "[::1]"),
            ("https://user@EXAMPLE.com:1?q", "example.com"),
        ];
        for (url, host) in hosts {
            assert_eq!(host_of(url), host, "{url}");
        }
        assert!(is_within("a.googleapis.com", "googleapis.com"));
        assert!(!is_within("evilgoogleapis.com", "googleapis.com"));
    }

    #[test]
    fn a_shown_command_holds_no_key() {
        let shown =
            shown_command("/usr/local/bin/get-anthropic-key.sh --token sk-ant-api03-FAKE0000000000 | tr a b");
        assert_eq!(shown, "/usr/local/bin/get-anthropic-key.sh --token … | tr a b");
    }

    #[test]
    fn a_configured_header_is_a_credential_by_name_or_by_its_value() {
        assert!(is_credential_header("X-Token", "a"));
        assert!(is_credential_header("api-key", "a"));
        assert!(!is_credential_header("X-Team", "a"));
        assert!(!is_credential_header("OpenAI-Project", "proj_abcdefghijklmnopqrstuvwxyz"));
        assert_eq!(sent_in("Authorization", "Bearer abc").header, Header::Bearer);
        assert!(sent_in("Authorization", "Bearer abc").key.is("abc"));
        assert_eq!(sent_in("Api-Key", "Bearer abc").header, Header::Raw("api-key".into()));
    }
}
