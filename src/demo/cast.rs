//! The demo's keys, all fake and of the real shapes, and what its providers say to each.

use crate::host::loopback::Reply;

/// A key of the sample home, by its part in the story and its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Works.
    Working(&'static str),
    /// Worked once and is revoked.
    Stale(&'static str),
    /// Is real and has nothing left to spend.
    Exhausted(&'static str),
    /// The one that the person is about to paste; works.
    New(&'static str),
}

impl Key {
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Working(provider) => (provider, "WORKING"),
            Self::Stale(provider) => (provider, "STALE"),
            Self::Exhausted(provider) => (provider, "EXHAUSTED"),
            Self::New(provider) => (provider, "NEW"),
        }
    }

    /// The key's text, in its provider's own shape.
    #[must_use]
    pub fn text(self) -> String {
        let (provider, part) = self.parts();
        let tail = match self {
            Self::Working(_) => "x9Qk",
            Self::Stale(_) => "mVAA",
            Self::Exhausted(_) => "e0Zz",
            Self::New(_) => "k3Pw",
        };
        let body = |count: usize| -> String {
            let word = format!("FAKE-DEMO-KEY-{part}-");
            word.chars().cycle().take(count).collect()
        };
        let letters = |count: usize| format!("{}{tail}", body(count - 4));
        let plain = |count: usize| letters(count).replace('-', "0");
        match provider {
            // The format ends in AA, so the part is told by the two characters before it.
            "anthropic" => {
                format!("sk-ant-api03-{}{}AA", letters(93).get(..91).unwrap_or_default(), &tail[..2])
            }
            "openai" => format!("sk-proj-{}T3BlbkFJ{}", letters(74), letters(74)),
            "openrouter" => {
                // Hexadecimal only, so the story is told in the last digits.
                let tail = match self {
                    Self::Working(_) => "0a11",
                    Self::Stale(_) => "0dd0",
                    Self::Exhausted(_) => "0e0e",
                    Self::New(_) => "0c1e",
                };
                format!("sk-or-v1-{}{tail}", "fa4edeb0".repeat(8).chars().take(60).collect::<String>())
            }
            _ => format!("AIza{}", plain(35)),
        }
    }
}

/// The catalogue's id for one of the demo's four providers; Anthropic for any other.
pub(super) fn known(provider: &str) -> &'static str {
    ["openai", "openrouter", "gemini"].into_iter().find(|id| *id == provider).unwrap_or("anthropic")
}

/// Replaces `{{working:anthropic}}` and the like.
pub(super) fn fill(text: &str) -> String {
    let mut out = text.to_owned();
    for provider in ["anthropic", "openai", "openrouter", "gemini"] {
        for (name, key) in [
            ("working", Key::Working(provider)),
            ("stale", Key::Stale(provider)),
            ("exhausted", Key::Exhausted(provider)),
        ] {
            out = out.replace(&format!("{{{{{name}:{provider}}}}}"), &key.text());
        }
    }
    out
}

/// The state of a key at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Good,
    Empty,
    Unknown,
}

pub(super) fn account(provider: &str, key: &str) -> Account {
    let provider = known(provider);
    match key {
        _ if key == Key::Working(provider).text() || key == Key::New(provider).text() => Account::Good,
        _ if key == Key::Exhausted(provider).text() => Account::Empty,
        _ => Account::Unknown,
    }
}

/// The providers' own words, as they were recorded.
pub(super) fn reply(provider: &str, path: &str, method: &str, account: Account) -> Reply {
    match provider {
        "anthropic" => anthropic(path, method, account).with("request-id", "req_FAKE_DEMO"),
        "openai" => openai(method, account).with("x-request-id", "req_FAKE_DEMO"),
        "openrouter" => openrouter(path, account),
        "gemini" => gemini(account).with("server", "ESF"),
        _ => Reply::json(404, "{\"error\":\"no such provider in the demo\"}"),
    }
}

fn anthropic(path: &str, method: &str, account: Account) -> Reply {
    let error = |status, kind: &str, message: &str| {
        Reply::json(
            status,
            format!(
                "{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"{message}\"}},\"request_id\":\"req_FAKE_DEMO\"}}"
            ),
        )
    };
    match account {
        Account::Unknown => error(401, "authentication_error", "invalid x-api-key"),
        Account::Empty if method == "POST" => {
            error(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.")
        }
        _ if path.contains("count_tokens") => Reply::json(200, "{\"input_tokens\":8}"),
        _ => Reply::json(
            200,
            "{\"data\":[{\"type\":\"model\",\"id\":\"claude-sonnet-4-5\",\"display_name\":\"Claude Sonnet 4.5\",\"created_at\":\"2025-09-29T00:00:00Z\"}],\"has_more\":true,\"first_id\":\"claude-sonnet-4-5\",\"last_id\":\"claude-sonnet-4-5\"}",
        )
        .with("anthropic-organization-id", "00000000-fake-demo-0000-000000000000"),
    }
}

fn openai(method: &str, account: Account) -> Reply {
    match account {
        Account::Unknown => Reply::json(
            401,
            "{\"error\":{\"message\":\"Incorrect API key provided: sk-proj-********************mVAA. You can find your API key at https://platform.openai.com/account/api-keys.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_api_key\"}}",
        ),
        Account::Empty if method == "POST" => Reply::json(
            429,
            "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and billing details.\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
        ),
        _ => Reply::json(
            200,
            "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-5.2\",\"object\":\"model\",\"created\":1760000000,\"owned_by\":\"system\"},{\"id\":\"gpt-4o\",\"object\":\"model\",\"created\":1715367049,\"owned_by\":\"system\"}]}",
        )
        .with("openai-organization", "demo"),
    }
}

fn openrouter(path: &str, account: Account) -> Reply {
    let key = |limit: &str, remaining: &str, usage: &str| {
        Reply::json(
            200,
            format!(
                "{{\"data\":{{\"label\":\"demo\",\"limit\":{limit},\"limit_remaining\":{remaining},\"limit_reset\":null,\"usage\":{usage},\"is_free_tier\":false,\"is_provisioning_key\":false,\"expires_at\":null}}}}"
            ),
        )
    };
    match account {
        Account::Unknown => Reply::json(401, "{\"error\":{\"message\":\"User not found.\",\"code\":401}}"),
        Account::Empty if path.split('?').next().is_some_and(|path| path.ends_with("key")) => {
            key("5", "0", "5")
        }
        Account::Empty => Reply::json(
            402,
            "{\"error\":{\"message\":\"Insufficient credits. Add more using https://openrouter.ai/settings/credits\",\"code\":402}}",
        ),
        Account::Good => key("25", "18.4", "6.6"),
    }
}

fn gemini(account: Account) -> Reply {
    match account {
        Account::Good | Account::Empty => Reply::json(
            200,
            "{\"models\":[{\"name\":\"models/gemini-2.5-flash\",\"version\":\"001\",\"displayName\":\"Gemini 2.5 Flash\",\"supportedGenerationMethods\":[\"generateContent\"]}],\"nextPageToken\":\"x\"}",
        ),
        Account::Unknown => Reply::json(
            400,
            "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\",\"metadata\":{\"service\":\"generativelanguage.googleapis.com\"}}]}}",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_have_their_providers_shapes() {
        assert_eq!(Key::New("anthropic").text().len(), 108);
        assert_eq!(Key::New("openai").text().len(), 164);
        assert_eq!(Key::New("openrouter").text().len(), 73);
        assert_eq!(Key::New("gemini").text().len(), 39);
    }

    #[test]
    fn each_key_stands_where_its_story_says() {
        for provider in ["anthropic", "openai", "openrouter", "gemini"] {
            assert_eq!(account(provider, &Key::New(provider).text()), Account::Good);
            assert_eq!(account(provider, &Key::Working(provider).text()), Account::Good);
            assert_eq!(account(provider, &Key::Exhausted(provider).text()), Account::Empty);
            assert_eq!(account(provider, &Key::Stale(provider).text()), Account::Unknown);
        }
    }
}
