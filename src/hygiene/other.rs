//! What is plainly not a key: private keys, references, variables, addresses, paths, model names, masked text,
//! placeholders.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::{No, no};

/// Refuses a text that is something else. Called again after each layer that was taken off.
pub(super) fn check(text: &str) -> Result<(), No> {
    documents(text)?;
    references(text)?;
    if text.contains(char::is_whitespace) {
        // A text around a key may hold dots and the words of guides.
        return bracketed(text);
    }
    if REQUEST.matches(text) {
        let message = "this is a request id, not a key: it names one request, for the provider's support";
        return no("request-id", message);
    }
    hidden(text)?;
    names(text)
}

fn documents(text: &str) -> Result<(), No> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return no("private-key", "this is a private key file, not an API key; do not paste it anywhere");
    }
    if text.contains("-----BEGIN") {
        return no("certificate", "this is a certificate or another PEM block, not an API key");
    }
    if text.starts_with("ssh-rsa ") || text.starts_with("ssh-ed25519 ") {
        return no("public-key", "this is an SSH public key, not an API key");
    }
    if text.contains("\"service_account\"") || text.contains("\"private_key_id\"") {
        return no(
            "service-account",
            "this is a Google service-account file; the agent wants the path to it or a key",
        );
    }
    Ok(())
}

/// Whether the whole text names where a key is kept.
pub(super) fn is_reference(text: &str) -> bool {
    REFERENCE.matches(text) || VARIABLE.matches(text)
}

fn references(text: &str) -> Result<(), No> {
    if REFERENCE.matches(text) {
        let message =
            "this names where a secret is kept and is not the secret itself; fetch the key and paste that";
        return no("secret-reference", message);
    }
    if VARIABLE.matches(text) {
        let message = "this is a variable that was not replaced by its value; paste the key itself";
        return no("unexpanded-variable", message);
    }
    Ok(())
}

/// `<paste your key here>`.
fn bracketed(text: &str) -> Result<(), No> {
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    if inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_alphabetic() || " _-".contains(c))) {
        return hidden(text);
    }
    Ok(())
}

/// Masked copies and placeholders.
pub(super) fn hidden(text: &str) -> Result<(), No> {
    if MASKED.matches(text) {
        let message = "this is a masked copy: part of the key is replaced by dots or stars; copy the whole key where \
                       it was created, or create a new one";
        return no("masked", message);
    }
    if one_character(text) || is_word_of_guides(text) || PLACEHOLDER.matches(text) {
        return no("placeholder", "this is the example text of a guide; put your own key in its place");
    }
    Ok(())
}

fn names(text: &str) -> Result<(), No> {
    if EMAIL.matches(text) {
        return no("email", "this is a mail address, not a key");
    }
    if has_key_parameter(text) {
        return Ok(());
    }
    if URL.matches(text) {
        return no("url", "this is an address, not a key");
    }
    if PATH.matches(text) {
        return no("path", "this is the path of a file; paste the key that is in it");
    }
    if MODEL.matches(text) {
        return no("model-name", "this is the name of a model, not a key");
    }
    if VARIABLE_NAME.matches(text) {
        return no("variable-name", "this is the name of a variable; paste its value");
    }
    Ok(())
}

/// `https://host/path?key=…`: the key can be taken out.
fn has_key_parameter(text: &str) -> bool {
    super::unwrap::query_value(text).is_some()
}

/// One character, or two in turn, all the way (after a known beginning, `x` for the rest is caught by the patterns).
fn one_character(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    text.len() >= 8 && chars.all(|c| Some(c) == first)
}

/// A set of patterns, each tried on the whole text.
struct Patterns {
    /// False only where no pattern can match. Most texts are keys; to make the patterns ready took two thirds of the
    /// time of a scan, so that is left until a text needs it.
    may_match: fn(&str) -> bool,
    set: LazyLock<Option<RegexSet>>,
    #[cfg(test)]
    forms: &'static [&'static str],
}

impl Patterns {
    fn matches(&self, text: &str) -> bool {
        (self.may_match)(text) && self.match_surely(text)
    }

    fn match_surely(&self, text: &str) -> bool {
        self.set.as_ref().is_some_and(|set| set.is_match(text))
    }
}

macro_rules! patterns {
    ($($name:ident if $may:expr => [$($pattern:expr),+ $(,)?];)+) => {
        $(static $name: Patterns = Patterns {
            may_match: $may,
            set: LazyLock::new(|| RegexSet::new([$($pattern),+]).ok()),
            #[cfg(test)]
            forms: &[$($pattern),+],
        };)+
    };
}

/// Whether a word is in the text, in any case. Other scripts have letters that fold to ASCII ones, so there it may be.
fn says(text: &str, words: &[&str]) -> bool {
    let found = |word: &&str| {
        text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    !text.is_ascii() || words.iter().any(found)
}

/// A text that is nothing but a word for "there is no key here". Programs write such words themselves, so they are common.
fn is_word_of_guides(text: &str) -> bool {
    const WORDS: [&str; 23] = [
        "api key",
        "api-key",
        "api_key",
        "apikey",
        "bar",
        "foo",
        "key",
        "n/a",
        "nil",
        "no-key",
        "no_key",
        "nokey",
        "none",
        "not-needed",
        "not_needed",
        "notneeded",
        "null",
        "password",
        "secret",
        "test",
        "token",
        "undefined",
        "unused",
    ];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The words that the texts of guides are made of.
fn may_be_placeholder(text: &str) -> bool {
    const WORDS: [&str; 22] = [
        "your",
        "key",
        "token",
        "secret",
        "placeholder",
        "change",
        "replace",
        "insert",
        "fill",
        "todo",
        "fixme",
        "tbd",
        "here",
        "example",
        "dummy",
        "sample",
        "xxxxxxxx",
        "000000000000",
        "1234567890",
        "0123456789",
        "123456789012",
        "abcdefghijklmnop",
    ];
    text.contains(['<', '[', '{']) || says(text, &WORDS)
}

/// A model is named in small letters, by its family first.
fn may_be_model(text: &str) -> bool {
    const FAMILIES: [&str; 47] = [
        "claude",
        "gpt",
        "chatgpt",
        "gemini",
        "gemma",
        "llama",
        "codellama",
        "mistral",
        "mixtral",
        "magistral",
        "ministral",
        "codestral",
        "devstral",
        "pixtral",
        "qwen",
        "qwq",
        "grok",
        "deepseek",
        "kimi",
        "moonshot",
        "glm",
        "minimax",
        "command",
        "phi",
        "yi",
        "ernie",
        "doubao",
        "hunyuan",
        "step",
        "sonar",
        "nova",
        "titan",
        "jamba",
        "hermes",
        "nous",
        "dolphin",
        "o1",
        "o3",
        "o4",
        "o5",
        "text-embedding",
        "whisper",
        "dall-e",
        "tts",
        "sora",
        "imagen",
        "veo",
    ];
    text.contains(['/', '.']) || FAMILIES.iter().any(|family| text.starts_with(family))
}

patterns! {
    // Anthropic's, OpenAI's and Cloudflare's, and the ids of answers.
    REQUEST if |text| text.starts_with("req_") || text.starts_with("chatcmpl-") || text.starts_with("msg_") || text.len() == 20 => [
        r"^(?:req|msg)_[0-9A-Za-z]{16,64}$",
        r"^chatcmpl-[0-9A-Za-z]{16,64}$",
        r"^[0-9a-f]{16}-[A-Z]{3}$",
    ];
    REFERENCE if |text| text.contains([':', '[', '!', '(', '{', '/']) || text.starts_with("process.env.") => [
        r"^(?:op|vault|bws|infisical|doppler|secret|secrets|akv|aws-sm|awssm|gcpsm|gcp-sm|azkv|pass|keychain|keyring|1password|bitwarden|gopass|lastpass)://",
        r"^ref\+[a-z0-9]+://",
        r"^secretref:",
        // OpenShell puts the key in when the request goes out of its sandbox: `openshell:resolve:env:NAME`.
        r"^[a-z][a-z0-9_-]*:resolve:",
        r"^arn:aws[a-z-]*:(?:secretsmanager|ssm):",
        r"^ENC\[",
        r"^!(?:vault|secret|env|op)\b",
        r"^\$\(.*\)$",
        r"^os\.environ/",
        r"^os\.(?:environ\[[^\]]*\]|environ\.get\([^)]*\)|getenv\([^)]*\))$",
        r"^process\.env\.[A-Za-z_]\w*$",
        r"^\{(?:env|file):[^}]*\}$",
        r"^(?:env|file|cmd|exec):[A-Za-z_~./]",
        r"^projects/[^/\s]+/secrets/",
        r"^(?:keyring|keychain):",
        r"^\{\{\s*(?:op|secret|vault|env)\b",
    ];
    VARIABLE if |text| text.contains(['$', '%', '!']) => [
        r"^\$\{[^}]*\}$",
        r"^\$[A-Za-z_][A-Za-z0-9_]*$",
        r"^%[A-Za-z_][A-Za-z0-9_]*%$",
        r"^\$(?:env|Env|ENV):[A-Za-z_][A-Za-z0-9_]*$",
        r"^\$\{\{[^}]*\}\}$",
        r"^!?\$\{[A-Za-z_][^}\s]*\}",
        r"^![A-Za-z_][A-Za-z0-9_]*!$",
    ];
    MASKED if |text| text.contains("..") || text.contains(['*', '[', '<']) || says(text, &["redacted", "hidden", "masked", "filtered"]) => [
        r"\.\.\.",
        r"…",
        r"\*\*",
        r"[•●∙·■□▪█░▒▓◦○⬤]{2,}",
        r"^[A-Za-z0-9_-]*\*+$",
        r"(?i)\[(?:redacted|hidden|masked|secret|filtered|removed)\]",
        r"(?i)^<(?:redacted|hidden|masked|secret|filtered|removed)>$",
        r"(?i)^(?:redacted|hidden|masked|filtered)$",
        r"(?i)^[a-z0-9_-]*[-_]redacted[-_]*[a-z0-9]*$",
    ];
    PLACEHOLDER if may_be_placeholder => [
        r"^<[^<>\n]*>$",
        r"^\[[A-Za-z _-]+\]$",
        r"^\{\{[^{}]*\}\}$",
        r"(?i)(?:^|[-_ .<\[{])your(?:[-_ ]|$|[A-Z])",
        r"^(?:[a-z]+[-_])*your[A-Z][A-Za-z]*$",
        r"(?i)(?:^|[-_ ])(?:my|the|insert|enter|paste|put|add|some|any|a|new|secret|real|actual)[-_ ](?:[a-z]+[-_ ])*(?:key|token|secret)(?:$|[-_ ])",
        r"(?i)(?:^|[-_ ])(?:api[-_ ]?key|key|token|secret)[-_ ](?:here|goes|placeholder|value)(?:$|[-_ ])",
        r"(?i)(?:^|[-_ ])(?:placeholder|changeme|change[-_]me|replace[-_]?me|replace[-_]with|insert[-_]here|fill[-_]me|todo|fixme|tbd|goes[-_]here|paste[-_]here)(?:$|[-_ ])",
        r"(?i)(?:^|[-_ ])(?:example|dummy|sample)(?:[-_ ](?:key|token|api)|$)",
        r"(?i)^(?:example|dummy|sample)[-_ ]",
        r"^[A-Za-z0-9_-]*?[xX]{8,}(?:[-_.]?[xX]+)*$",
        r"^[A-Za-z0-9_-]*?(?:^|[-_])0{12,}$",
        r"(?:^|[-_])(?:1234567890|0123456789|123456789012|abcdefghijklmnop|ABCDEFGHIJKLMNOP)",
        r"(?i)^no[-_]key[-_](?:required|needed)$",
    ];
    EMAIL if |text| text.contains('@') => [r"^[^\s@/:]+@[^\s@/:]+\.[A-Za-z]{2,}$"];
    URL if |text| text.contains(['.', ':', '[']) || says(text, &["localhost"]) => [
        r"^[A-Za-z][A-Za-z0-9+.-]*://",
        r"^(?i:www\.)",
        r"^(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?(?:/\S*)?$",
        r"^\[[0-9a-fA-F:]+\](?::\d+)?$",
        r"^(?i:localhost)(?::\d+)?(?:/\S*)?$",
        r"^(?i:(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:com|org|net|ai|io|dev|app|co|cn|de|eu|uk|us|fr|jp|kr|in|ru|ch|at|nl|info|cloud|run|sh|xyz|me|gg|so|chat|tech|local|lan|internal|example|invalid|test|home|localhost|localdomain))(?::\d+)?(?:[/?#]\S*)?$",
    ];
    PATH if |text| text.contains(['/', '\\', '~', '.', ':', '%']) => [
        r"^(?:~|\.{1,2})?/[^\s]*[/.][^\s]*$",
        r"^/[a-z]+/[a-z]",
        r"^~/",
        r"^[A-Za-z]:[\\/]",
        r"^\\\\",
        r"^%[A-Za-z]+%[\\/]",
        r"^[A-Za-z0-9_./-]*\.(?:env|json|jsonc|json5|txt|ya?ml|toml|pem|key|crt|sh|zsh|bash|py|js|ts|ini|cfg|conf|md|log|bak)$",
        r"^\.env(?:\.[a-z]+)*$",
        r"^(?:~/|/)?\.(?:bashrc|zshrc|profile|zshenv|bash_profile|config|hermes|openclaw|aws|ssh)(?:/\S*)?$",
    ];
    MODEL if may_be_model => [
        r"^(?:[a-z0-9-]+/)?(?:claude|gpt|chatgpt|gemini|gemma|llama|codellama|mistral|mixtral|magistral|ministral|codestral|devstral|pixtral|qwen|qwq|grok|deepseek|kimi|moonshot|glm|minimax|command|phi|yi|ernie|doubao|hunyuan|step|sonar|nova|titan|jamba|hermes|nous|dolphin|o[1345]|text-embedding|whisper|dall-e|tts|sora|imagen|veo)[-.]?[a-z]*[0-9]*(?:[-._:][a-z0-9.]{1,12})*$",
        r"^(?i:(?:openrouter|anthropic|openai|google|meta|meta-llama|mistralai|mistral|deepseek|qwen|x-ai|xai|cohere|nousresearch|nvidia|microsoft|moonshotai|z-ai|zai|minimax|amazon|perplexity|ollama|groq|together|fireworks|gemini|vertex_ai|bedrock|azure|huggingface))/[A-Za-z0-9._:/-]+$",
        r"^(?:anthropic|amazon|meta|cohere|ai21|mistral|us\.anthropic|eu\.anthropic)\.[a-z0-9-]+[a-z0-9.:-]*-v\d",
    ];
    VARIABLE_NAME if |text| text.contains('_') || text.ends_with("Key") || text.ends_with("Token") => [
        r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|KEYS|TOKEN|SECRET|PAT|AUTH|PASSWORD|CREDENTIALS|URL|BASE|ID|ENDPOINT|HOST)$",
        r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)*_(?:key|token|secret)$",
        r"^[a-z][a-zA-Z0-9]*(?:ApiKey|APIKey|AccessToken|AuthToken|SecretKey)$",
    ];
}

/// A regex that is part of the program; none only if it were wrong, which a test holds against.
pub(super) fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_compile() {
        for set in [
            &REFERENCE,
            &VARIABLE,
            &MASKED,
            &PLACEHOLDER,
            &REQUEST,
            &EMAIL,
            &URL,
            &PATH,
            &MODEL,
            &VARIABLE_NAME,
        ] {
            assert!(set.set.is_some());
        }
    }

    /// The texts that a pattern is for, made from the pattern itself, in any case.
    fn texts(pattern: &str) -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::strategy::Strategy as _;
        let open =
            pattern.replace("(?:^|", "(?:").replace("|$", "").replace("(?:$|", "(?:").replace(r"\b", "");
        let (flags, rest) = open.strip_prefix("(?i)").map_or(("", open.as_str()), |rest| ("(?i)", rest));
        let body = rest.strip_prefix('^').unwrap_or(rest);
        let body = body.strip_suffix('$').filter(|body| !body.ends_with('\\')).unwrap_or(body);
        let made = proptest::string::string_regex(&format!("{flags}{body}")).unwrap();
        (made, 0..4_u8).prop_map(|(text, how)| match how {
            0 => text.to_uppercase(),
            1 => text.to_lowercase(),
            2 => format!("sk-{text}"),
            _ => text,
        })
    }

    #[test]
    fn a_text_that_a_pattern_matches_is_never_passed_over() {
        use proptest::strategy::{Strategy as _, ValueTree as _};
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for set in [&REFERENCE, &VARIABLE, &MASKED, &PLACEHOLDER, &EMAIL, &URL, &PATH, &MODEL, &VARIABLE_NAME]
        {
            for pattern in set.forms {
                let texts = texts(pattern);
                let mut matched = 0;
                for _ in 0..100 {
                    let text = texts.new_tree(&mut runner).unwrap().current();
                    if set.match_surely(&text) {
                        matched += 1;
                        assert!((set.may_match)(&text), "{pattern} matches {text:?}");
                    }
                }
                assert!(matched > 5, "{pattern} was tried on {matched} texts that it is for");
            }
        }
    }
}
