//! A server that the catalogue does not know: the two protocols that such servers speak, as providers without hosts.
//! Nothing vouches for such an address, so that every success needs the refusal of a broken twin of the key.

use std::sync::LazyLock;

use crate::provider::Provider;
use crate::resolve::Header;

/// The protocol of OpenAI: a bearer token, the models under `/models`.
pub const OPENAI: &str = "custom";
/// The protocol of Anthropic: `x-api-key`, the models under `/v1/models`.
pub const ANTHROPIC: &str = "custom-anthropic";

const TEXT: &str = r#"
id = "custom"
name = "this server"
console_url = ""
hosts = []
[auth]
header = "authorization"
scheme = "bearer"
[probe]
method = "GET"
path = "/models"
proves = "the address accepts the key"
costs = "none"
honesty = "unknown"
success = ["data[]|models[]|.[]"]
"#;

const ANTHROPIC_AUTH: &str = r#"
header = "x-api-key"
scheme = "raw"
extra = { anthropic-version = "2023-06-01" }
"#;

/// Both texts are this program's own, and a test reads them.
static SERVERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    let Ok(openai) = toml::from_str::<Provider>(TEXT) else { return Vec::new() };
    let anthropic = toml::from_str(ANTHROPIC_AUTH).map(|auth| Provider {
        id: ANTHROPIC.to_owned(),
        auth,
        ..openai.clone()
    });
    std::iter::once(openai).chain(anthropic).collect()
});

/// The placeholder for an unknown server with this id.
#[must_use]
pub fn get(id: &str) -> Option<&'static Provider> {
    SERVERS.iter().find(|server| server.id == id)
}

/// The one that fits the header in which an agent sends.
#[must_use]
pub fn of_header(header: &Header) -> &'static str {
    match header {
        Header::Raw(name) if name == "x-api-key" => ANTHROPIC,
        _ => OPENAI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_are_there() {
        assert_eq!(get(OPENAI).unwrap().auth.header, "authorization");
        assert_eq!(get(ANTHROPIC).unwrap().auth.header, "x-api-key");
    }
}
