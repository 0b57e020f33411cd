//! The addresses that Goose makes of its settings.

use crate::agents::common::is_address;

/// What a request is appended to in a definition of the engine `openai`.
const CHAT: &str = "/chat/completions";

/// Scheme, host and port without a user, and the path behind them without a query.
fn host(base: &str) -> Option<(String, &str)> {
    let (scheme, rest) = base.trim().split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().filter(|host| !host.is_empty())?;
    let path = rest[end..].split(['?', '#']).next().unwrap_or_default();
    (!scheme.is_empty()).then(|| (format!("{scheme}://{host}"), path))
}

/// The address of a definition of the engine `openai`: its `base_path`, else the path of its `base_url`, to which Goose
/// appends `chat/completions` where it is empty or ends in `v1`.
#[must_use]
pub fn of_declared(base: &str, path: Option<&str>) -> Option<String> {
    let (host, own) = host(base)?;
    let own = own.trim_matches('/');
    let path = match path {
        Some(path) => path.trim_start_matches('/'),
        None if own.is_empty() => "v1",
        None => own,
    };
    Some(join(&host, path))
}

/// The address of a host and a path that may be a whole address itself.
#[must_use]
pub fn join(host: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(CHAT.trim_start_matches('/')).unwrap_or(path).trim_end_matches('/');
    if is_address(path) {
        return path.to_owned();
    }
    let host = match path.strip_prefix('/') {
        Some(_) => self::host(host).map_or_else(|| host.to_owned(), |(host, _)| host),
        None => host.trim_end_matches('/').to_owned(),
    };
    let path = path.trim_start_matches('/');
    if path.is_empty() { host } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_definition_is_kept_and_the_last_part_is_not() {
        for (base, path, whole) in [
            ("http://h", None, "http://h/v1"),
            ("http://h/mine/v1", None, "http://h/mine/v1"),
            ("http://u:p@h:8/mine/v1/chat/completions?x=1", None, "http://h:8/mine/v1"),
            ("http://h/v1", Some("/z/chat/completions"), "http://h/z"),
            ("http://h/v1", Some("https://b/z/chat/completions"), "https://b/z"),
        ] {
            assert_eq!(of_declared(base, path).as_deref(), Some(whole), "{base} {path:?}");
        }
        assert_eq!(of_declared("mine/v1", None), None);
        assert_eq!(of_declared("localhost:1234/v1", None), None);
        assert_eq!(join("http://h/p", "x/chat/completions"), "http://h/p/x");
        assert_eq!(join("http://h/p", "/x/chat/completions"), "http://h/x");
    }
}
