//! Faults in the text of a key.

use crate::finding::{Lint, Severity};
use crate::hygiene::{self, Accepted, Cleaned, Doubt, Fit, Nature, Refused, Removed};
use crate::provider::{Catalogue, Provider};
use crate::resolve::Sent;
use crate::secret::Secret;

/// What an agent does with the text that is looked at: the same text is right in one place and wrong in another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Use<'a> {
    /// The provider that the request is for.
    pub provider: Option<&'a Provider>,
    /// The request goes to a server that is not the provider's own, or to one on this machine: any text may be a key there.
    pub any_form: bool,
    /// What is sent of it, and in which header; none if it is not what is sent.
    pub sent: Option<&'a Sent>,
    /// The place is one for an API key by its name (`ANTHROPIC_API_KEY`, `apiKey`).
    pub for_api_key: bool,
}

/// What is wrong with a key for the use that an agent makes of it. An empty value has no faults itself: the agent's
/// rules say what it does.
#[must_use]
pub fn key_lints(key: &Secret, used: &Use<'_>, catalogue: &Catalogue) -> Vec<Lint> {
    judged(key, used, catalogue).0
}

/// The faults, and what the text is: both from one look at it.
#[must_use]
pub fn judged(key: &Secret, used: &Use<'_>, catalogue: &Catalogue) -> (Vec<Lint>, Nature) {
    if key.is_empty() {
        return (vec![], Nature::Word);
    }
    let expected = used.provider.map(|provider| provider.id.as_str());
    let cleaned = hygiene::clean_secret(key, catalogue, expected);
    let nature = hygiene::nature_of(&cleaned, key, expected, catalogue);
    (faults(cleaned, used, catalogue), nature)
}

fn faults(cleaned: Cleaned, used: &Use<'_>, catalogue: &Catalogue) -> Vec<Lint> {
    match cleaned {
        Cleaned::Accepted(found) => accepted(&found, used, catalogue),
        Cleaned::Refused(no) => {
            let mut lints: Vec<Lint> = no.removed.iter().map(dirt).collect();
            lints.extend(refused(&no, used));
            lints
        }
    }
}

fn accepted(found: &Accepted, used: &Use<'_>, catalogue: &Catalogue) -> Vec<Lint> {
    let mut lints: Vec<Lint> = found.removed.iter().map(dirt).collect();
    lints.dedup();
    if used.sent.is_some_and(|sent| sent.key == found.key) {
        lints.iter_mut().for_each(taken_away);
    }
    if used.any_form {
        return lints;
    }
    let Some(provider) = used.provider else {
        lints.extend(found.doubts.iter().filter_map(kind_doubt));
        return lints;
    };
    match hygiene::fits(&provider.id, &found.key, catalogue) {
        Fit::WrongProvider { message, .. } => lints.push(Lint::fault("wrong-provider", message)),
        Fit::WrongKind { kind, message } if is_login(provider, &kind) => {
            lints.extend(login(provider, &kind, message, used));
        }
        Fit::WrongKind { message, .. } => lints.push(Lint::fault("wrong-kind", message)),
        Fit::Right => {}
        Fit::Unknown => lints.extend(unknown_form(&found.key, provider)),
    }
    lints
}

/// A dirt that the agent takes away itself before it sends the key.
fn taken_away(lint: &mut Lint) {
    lint.weigh(Severity::Note);
    lint.message += " This agent takes it away before it sends the key; another program may not.";
}

fn is_login(provider: &Provider, kind: &str) -> bool {
    provider.keys.iter().any(|form| form.kind == kind && form.oauth)
}

/// The token of a login is right in the header that its provider takes it in, and in a place for logins. Where nothing is
/// sent of it, only a place for API keys is wrong.
fn login(provider: &Provider, kind: &str, message: String, used: &Use<'_>) -> Option<Lint> {
    let own = provider.auth_for(Some(kind), "");
    match used.sent {
        Some(sent) if sent.header.name() == own.header => None,
        Some(_) => Some(Lint::fault("wrong-kind", message)),
        None if used.for_api_key && own.header != provider.auth.header => {
            Some(Lint::warn("wrong-kind", message))
        }
        None => None,
    }
}

/// A key of none of the forms that the provider gives out, at the provider itself.
fn unknown_form(key: &Secret, provider: &Provider) -> Option<Lint> {
    let begun = provider.keys.iter().filter(|form| form.prefix_of(key).is_some());
    // The longest beginning says which form is meant.
    let form = begun.max_by_key(|form| form.prefix_of(key).map_or(0, str::len));
    let name = &provider.name;
    match form {
        Some(form) => {
            let (has, expected) = (key.len(), lengths(&form.length));
            let words =
                format!("The key has {has} characters; {name}'s keys with this beginning have {expected}.");
            // A character that the form does not have, or another one at the end.
            let right_length = match form.length[..] {
                [least, most] => (least..=most).contains(&has),
                _ => false,
            };
            if right_length {
                let words = format!(
                    "The key begins like {name}'s keys and is as long, and has characters where theirs have others. \
                     The form may be new."
                );
                return Some(Lint::note("unexpected-length", words));
            }
            let short = form.length_known && form.length.first().is_some_and(|least| has < *least);
            Some(if short {
                Lint::warn("unexpected-length", format!("{words} It may be cut off."))
            } else {
                Lint::note("unexpected-length", format!("{words} The form may be new."))
            })
        }
        None if all_named(provider) => {
            let mut starts: Vec<&str> =
                provider.keys.iter().flat_map(|form| &form.prefixes).map(String::as_str).collect();
            starts.dedup();
            let starts = starts.join(", ");
            Some(Lint::warn(
                "unknown-form",
                format!(
                    "The key does not look like one of {name}, whose keys begin with {starts}. If it is the key of a \
                     gateway, the gateway's address is missing: the request goes to {name} itself."
                ),
            ))
        }
        None => None,
    }
}

/// Whether every form of the provider's keys has a known beginning.
fn all_named(provider: &Provider) -> bool {
    !provider.keys.is_empty() && provider.keys.iter().all(|form| !form.prefixes.is_empty())
}

fn lengths(length: &[usize]) -> String {
    match length {
        [least, most] if least == most => least.to_string(),
        [least, most] => format!("{least} to {most}"),
        [least] => format!("{least} or more"),
        _ => "another length".to_owned(),
    }
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
        "pasted-twice" => Lint::fault("pasted-twice", "The key is in the value twice."),
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

fn refused(no: &Refused, used: &Use<'_>) -> Option<Lint> {
    // A server of the person's own takes any word for a key, and a word is what many set-up guides give it.
    const OF_FORM: [&str; 10] = [
        "placeholder",
        "truncated",
        "too-short",
        "model-name",
        "variable-name",
        "request-id",
        "no-key-found",
        "bad-character",
        "case-changed",
        "basic-auth",
    ];
    if used.any_form && OF_FORM.contains(&no.reason) {
        return None;
    }
    let lint = match no.reason {
        "empty" => return None,
        // The very text is what is sent: no program behind this one resolves it.
        "secret-reference" | "unexpanded-variable" if used.sent.is_some() => Lint::fault(
            "unresolved-reference",
            "The value names where a key is kept, and that name is sent as the key. Whatever should put the key in its \
             place did not.",
        ),
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
        "truncated" => Lint::fault("truncated", "This looks like a truncated key."),
        "too-short" => Lint::warn("unexpected-length", "The value is shorter than keys are."),
        "lookalike-character" | "dash-autocorrected" | "non-ascii" => {
            Lint::fault("non-ascii", sentence(&no.message))
        }
        "line-break-inside" | "space-inside" => {
            Lint::fault("broken-key", "There is a gap inside the value; a key has none.")
        }
        "url" | "email" | "path" | "model-name" | "variable-name" | "request-id" | "no-key-found"
        | "private-key" | "certificate" | "public-key" | "service-account" | "basic-auth" => {
            Lint::fault("not-a-key", sentence(&no.message))
        }
        _ => Lint::fault("bad-character", sentence(&no.message)),
    };
    Some(lint)
}

fn kind_doubt(doubt: &Doubt) -> Option<Lint> {
    matches!(doubt.id, "kind-admin-key" | "kind-key-id")
        .then(|| Lint::warn("unusual-kind", doubt.message.clone()))
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
    use crate::resolve::Header;

    fn ids(text: &str, provider: Option<&str>) -> Vec<&'static str> {
        let catalogue = Catalogue::embedded();
        let used = Use { provider: provider.and_then(|id| catalogue.get(id)), ..Use::default() };
        key_lints(&Secret::new(text), &used, &catalogue).iter().map(|lint| lint.id).collect()
    }

    /// What is said of a key that is sent, as it is or trimmed, in this header.
    fn sent(text: &str, provider: &str, header: &Header) -> Vec<(&'static str, Severity)> {
        let catalogue = Catalogue::embedded();
        let sent = Sent { header: header.clone(), key: Secret::new(text.trim()) };
        let used = Use { provider: catalogue.get(provider), sent: Some(&sent), ..Use::default() };
        let lints = key_lints(&Secret::new(text), &used, &catalogue);
        lints.iter().map(|lint| (lint.id, lint.severity)).collect()
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
            ("req_011CSHoEeqs5C35K2UUqR7Fy", "not-a-key"),
            ("keychain:anthropic/default", "unresolved-reference"),
            ("__OPENCLAW_REDACTED__", "masked"),
        ] {
            assert_eq!(ids(&text.replace('@', GROQ), Some("groq")), [expected], "{text}");
        }
        assert_eq!(ids(GROQ, Some("openai")), ["wrong-provider"]);
        assert_eq!(
            ids(&format!("sk-ant-api03-{}", "FAKE".repeat(12)), Some("anthropic")),
            ["unexpected-length"]
        );
        assert_eq!(ids("kod-FAKEFAKEFAKEFAKEFAKEFAKE", Some("openai")), ["unknown-form"]);
    }

    #[test]
    fn a_key_of_the_right_length_is_not_said_to_have_another() {
        let catalogue = Catalogue::embedded();
        let provider = catalogue.get("anthropic").unwrap();
        let text = format!("sk-ant-api03-{}", "FAKE".repeat(24))[..108].to_owned();
        let lint = unknown_form(&Secret::new(text), provider).unwrap();
        assert!(lint.message.contains("is as long") && !lint.message.contains("108"), "{}", lint.message);
    }

    #[test]
    fn a_login_is_right_in_the_header_for_logins() {
        let token = format!("sk-ant-oat01-{}", "FAKE".repeat(24));
        assert!(sent(&token, "anthropic", &Header::Bearer).is_empty());
        let as_key = sent(&token, "anthropic", &Header::raw("x-api-key"));
        assert_eq!(as_key, [("wrong-kind", Severity::Fault)]);
        assert!(ids(&token, Some("anthropic")).is_empty(), "beside the key that is sent it does no harm");
        let catalogue = Catalogue::embedded();
        let used = Use { provider: catalogue.get("anthropic"), for_api_key: true, ..Use::default() };
        assert_eq!(key_lints(&Secret::new(token), &used, &catalogue)[0].severity, Severity::Warn);
    }

    #[test]
    fn what_the_agent_trims_is_a_note() {
        let found = sent(&format!(" {GROQ}\n"), "groq", &Header::Bearer);
        assert!(found.iter().all(|(_, severity)| *severity == Severity::Note), "{found:?}");
    }

    #[test]
    fn a_server_of_ones_own_takes_a_key_of_any_form() {
        let catalogue = Catalogue::embedded();
        let used = Use { provider: catalogue.get("openai"), any_form: true, ..Use::default() };
        for text in ["sk-1234", "ollama", "x", "sk-ant-api03-FAKE", "not-needed", GROQ, "p@ss!word"] {
            assert!(key_lints(&Secret::new(text), &used, &catalogue).is_empty(), "{text}");
        }
        let dirty = key_lints(&Secret::new("\"sk-a8f3k2m9x7q4w1z5\""), &used, &catalogue);
        assert_eq!(dirty.iter().map(|lint| lint.id).collect::<Vec<_>>(), ["quotes"]);
    }
}
