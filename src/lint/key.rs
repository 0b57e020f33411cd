//! Faults in the text of a key.

use super::Lint;
use crate::hygiene::{self, Accepted, Cleaned, Doubt, Fit, Refused, Removed};
use crate::provider::{Catalogue, Provider};
use crate::secret::Secret;

/// What is wrong with a key as it stands, for the provider that it would be sent to. An empty value has no faults of
/// its own: the agent's rules say what it does.
#[must_use]
pub fn key_lints(key: &Secret, provider: Option<&Provider>, catalogue: &Catalogue) -> Vec<Lint> {
    if key.is_empty() {
        return vec![];
    }
    let expected = provider.map(|provider| provider.id.as_str());
    match hygiene::clean_secret(key, catalogue, expected) {
        Cleaned::Accepted(found) => accepted(&found, provider, catalogue),
        Cleaned::Refused(no) => {
            let mut lints: Vec<Lint> = no.removed.iter().map(dirt).collect();
            lints.extend(refused(&no));
            lints
        }
    }
}

fn accepted(found: &Accepted, provider: Option<&Provider>, catalogue: &Catalogue) -> Vec<Lint> {
    let mut lints: Vec<Lint> = found.removed.iter().map(dirt).collect();
    lints.dedup();
    match provider.map(|provider| hygiene::fits(&provider.id, &found.key, catalogue)) {
        Some(Fit::WrongProvider { message, .. }) => lints.push(Lint::fault("wrong-provider", message)),
        Some(Fit::WrongKind { message, .. }) => lints.push(Lint::fault("wrong-kind", message)),
        Some(Fit::Right | Fit::Unknown) | None => lints.extend(found.doubts.iter().filter_map(doubt)),
    }
    lints
}

/// What a real program does with what keymend would take away.
fn dirt(removed: &Removed) -> Lint {
    let what = removed.what;
    match removed.id {
        "whitespace-trimmed" if what.starts_with("line end") => Lint::fault(
            "newline",
            "There is a line end in the value. Programs that do not trim it send it along or fail before they send.",
        ),
        "whitespace-trimmed" => Lint::fault(
            "whitespace",
            "There are blanks around the key. Programs that do not trim it send them along.",
        ),
        "unicode-space" => Lint::fault(
            "whitespace",
            "There is a space of another kind (no-break or wide) in the value. Few programs trim it.",
        ),
        "invisible-removed" => Lint::fault(
            "invisible-character",
            format!(
                "There is an invisible character in the value ({what}). It is sent along, and the key is refused."
            ),
        ),
        "quotes-removed" => Lint::fault(
            "quotes",
            "Quotes are part of the value. They are sent along, and the key is refused.",
        ),
        "header-unwrapped" => Lint::fault(
            "bearer-prefix",
            "The value holds a header (such as Bearer) in front of the key. The program adds its own, and both are sent.",
        ),
        "assignment-unwrapped" => Lint::fault(
            "assignment-in-value",
            "The value holds an assignment (NAME=key) where the key alone belongs.",
        ),
        "fullwidth-converted" | "hyphen-converted" => {
            Lint::fault("non-ascii", "Characters of the key were replaced by ones that only look alike.")
        }
        "pasted-twice" => Lint::fault("pasted-twice", "The key stands in the value twice."),
        "space-removed" | "line-break-removed" => Lint::fault(
            "broken-key",
            "There is a gap inside the key, as if it had been copied from a wrapped text.",
        ),
        "percent-decoded" | "html-entities-decoded" | "escape-removed" => {
            Lint::fault("encoded", "Characters of the key are encoded, as in an address or a web page.")
        }
        "prefix-case-fixed" => Lint::fault(
            "capital-letter",
            "The first letter is a capital. Keys of this format begin with a small one.",
        ),
        "extracted-from-text" => Lint::fault("text-around", "There is other text around the key."),
        _ => Lint::fault("extra-characters", format!("There is something around the key ({what}).")),
    }
}

fn refused(no: &Refused) -> Option<Lint> {
    let lint = match no.reason {
        "empty" => return None,
        "secret-reference" | "unexpanded-variable" => Lint::warn(
            "unresolved-reference",
            "The value names where a key is kept. A program that does not resolve it sends the name as the key.",
        ),
        "two-keys" => {
            Lint::fault("two-keys", "Two keys run together in the value. No provider accepts that.")
        }
        "masked" => Lint::fault(
            "masked",
            "The value is a masked copy: a part of the key is replaced by dots or stars.",
        ),
        "placeholder" => Lint::fault("placeholder", "The value is the example text of a guide, not a key."),
        "truncated" => Lint::fault("truncated", "Only the beginning of a key stands there."),
        "too-short" => Lint::warn("unexpected-length", "The value is shorter than keys are."),
        "lookalike-character" | "dash-autocorrected" | "non-ascii" => {
            Lint::fault("non-ascii", sentence(&no.message))
        }
        "line-break-inside" | "space-inside" => {
            Lint::fault("broken-key", "There is a gap inside the value; a key has none.")
        }
        "url" | "email" | "path" | "model-name" | "variable-name" | "no-key-found" | "private-key"
        | "certificate" | "public-key" | "service-account" | "basic-auth" => {
            Lint::fault("not-a-key", sentence(&no.message))
        }
        _ => Lint::fault("bad-character", sentence(&no.message)),
    };
    Some(lint)
}

fn doubt(doubt: &Doubt) -> Option<Lint> {
    match doubt.id {
        "length-unexpected" => Some(Lint::warn(
            "unexpected-length",
            "The beginning is of a known format, and the length is not: the key may be cut off, or the format is new.",
        )),
        "kind-admin-key" | "kind-oauth-token" | "kind-key-id" => {
            Some(Lint::warn("unusual-kind", doubt.message.clone()))
        }
        _ => None,
    }
}

/// A capital in front and a full stop behind.
fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str, provider: Option<&str>) -> Vec<&'static str> {
        let catalogue = Catalogue::embedded();
        let provider = provider.and_then(|id| catalogue.get(id));
        key_lints(&Secret::new(text), provider, &catalogue).iter().map(|lint| lint.id).collect()
    }

    const GROQ: &str = "gsk_FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE";

    #[test]
    fn each_fault_has_its_name() {
        assert!(ids(GROQ, Some("groq")).is_empty());
        assert!(ids("", Some("groq")).is_empty());
        for (text, expected) in [
            ("@\n", "newline"),
            (" @", "whitespace"),
            ("\"@\"", "quotes"),
            ("@\u{200b}", "invisible-character"),
            ("Bearer @", "bearer-prefix"),
            ("@@", "pasted-twice"),
            ("${GROQ_API_KEY}", "unresolved-reference"),
            ("op://vault/groq/key", "unresolved-reference"),
            ("your-api-key-here", "placeholder"),
            ("gsk_FAKE...FAKE", "masked"),
            ("gsk_FAKE", "truncated"),
            ("https://api.groq.com", "not-a-key"),
        ] {
            assert_eq!(ids(&text.replace('@', GROQ), Some("groq")), [expected], "{text}");
        }
        assert_eq!(ids(GROQ, Some("openai")), ["wrong-provider"]);
        assert_eq!(ids(&format!("sk-ant-oat01-{}", "FAKE".repeat(24)), Some("anthropic")), ["wrong-kind"]);
        assert_eq!(
            ids(&format!("sk-ant-api03-{}", "FAKE".repeat(12)), Some("anthropic")),
            ["unexpected-length"]
        );
    }
}
