//! The corpus of pastes, and properties that hold for any input.

use base64::Engine as _;
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;

use super::*;

/// The forms in use, as far as these tests need them.
struct Known(Vec<(&'static str, &'static str, Telling, bool, &'static str, Regex)>, Vec<String>);

impl Known {
    fn new() -> Self {
        use Telling::{Names, Nothing, Shared};
        let rows = [
            ("anthropic", "api_key", Names, true, "sk-ant-api03-", r"[A-Za-z0-9_-]{93}AA"),
            ("anthropic", "admin_key", Names, true, "sk-ant-admin01-", r"[A-Za-z0-9_-]{93}AA"),
            ("anthropic", "oauth_access_token", Names, false, "sk-ant-oat01-", r"[A-Za-z0-9_-]{60,}"),
            ("anthropic", "legacy", Names, true, "sk-ant-", r"[A-Za-z0-9_-]{86}"),
            (
                "openai",
                "project",
                Names,
                true,
                "sk-proj-",
                r"(?:[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58}T3BlbkFJ[A-Za-z0-9_-]{58})",
            ),
            ("openrouter", "api_key", Names, true, "sk-or-v1-", r"[0-9a-f]{64}"),
            ("gemini", "standard_key", Shared, true, "AIza", r"[0-9A-Za-z_-]{35}"),
            ("nous", "portal_jwt", Shared, false, "eyJ", r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
            ("nous", "api_key", Nothing, false, "", r"[A-Za-z0-9_-]{16,}"),
            ("zai", "id_dot_secret", Names, true, "", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
            ("deepseek", "api_key", Shared, true, "sk-", r"[0-9a-f]{32}"),
            ("groq", "api_key", Names, true, "gsk_", r"[A-Za-z0-9]{52}"),
            ("mistral", "api_key", Shared, true, "", r"[A-Za-z0-9]{32}"),
            ("xai", "api_key", Names, true, "xai-", r"[A-Za-z0-9_-]{80}"),
            ("huggingface", "user_token", Names, true, "hf_", r"[A-Za-z0-9]{34}"),
            ("bedrock", "api_key_long", Names, false, "ABSK", r"[A-Za-z0-9+/]{109,269}={0,2}"),
            ("qianfan", "bearer_v3", Names, true, "bce-v3/ALTAK-", r"[A-Za-z0-9]{21}/[0-9a-f]{40}"),
        ];
        let named = rows.iter().filter(|row| row.2 == Names || row.4.len() > 3).map(|row| row.4.to_owned());
        let mut prefixes: Vec<String> = named.filter(|prefix| !prefix.is_empty()).collect();
        prefixes.sort_unstable();
        Self(
            rows.into_iter()
                .map(|(provider, kind, telling, fixed, prefix, rest)| {
                    let all = Regex::new(&format!("^{}{rest}$", regex::escape(prefix))).unwrap();
                    (provider, kind, telling, fixed, prefix, all)
                })
                .collect(),
            prefixes,
        )
    }
}

impl KeyShapes for Known {
    fn shapes_of(&self, text: &str) -> Vec<Shape<'_>> {
        let found = self.0.iter().filter(|row| row.5.is_match(text));
        found
            .map(|row| Shape {
                provider: row.0,
                kind: row.1,
                telling: row.2,
                fixed_length: row.3,
                prefix: row.4,
            })
            .collect()
    }

    fn prefixes(&self) -> &[String] {
        &self.1
    }
}

fn paste(case: &Value) -> Vec<u8> {
    if let Some(raw) = case["raw"].as_str() {
        return raw.as_bytes().to_vec();
    }
    if let Some(raw) = case["raw_b64"].as_str() {
        return base64::prelude::BASE64_STANDARD.decode(raw).unwrap();
    }
    let repeat = &case["raw_repeat"];
    let count = usize::try_from(repeat["count"].as_u64().unwrap()).unwrap();
    repeat["unit"].as_str().unwrap().repeat(count).into_bytes()
}

/// `two-keys` is called `several_keys` in the corpus.
fn corpus_ids(result: &Cleaned) -> Vec<String> {
    let ids = match result {
        Cleaned::Accepted(found) => ids(&found.removed, found.doubts.iter().map(|doubt| doubt.id)),
        Cleaned::Refused(no) => ids(&no.removed, [no.reason]),
    };
    let mut ids: Vec<String> =
        ids.iter().map(|id| id.replace('-', "_").replace("two_keys", "several_keys")).collect();
    ids.sort();
    ids
}

#[test]
fn every_paste_of_the_corpus() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/corpora/paste_truth.json")).unwrap();
    let known = crate::provider::Catalogue::embedded();
    let (mut wrong, mut other_reasons) = (vec![], vec![]);
    for case in &cases {
        let result = clean(&paste(case), &known, None);
        let (clean, confirm) = match &result {
            Cleaned::Accepted(found) => (Some(found.key.expose(str::to_owned)), found.confirm()),
            Cleaned::Refused(_) => (None, false),
        };
        let at = format!("{} {}: {:?}", case["id"], case["note"], corpus_ids(&result));
        if clean.as_deref() != case["expect"]["clean"].as_str()
            || confirm != case["confirm"].as_bool().unwrap()
        {
            wrong.push(at.clone());
        }
        let mut reasons: Vec<String> = serde_json::from_value(case["reasons"].clone()).unwrap();
        reasons.sort();
        if reasons != corpus_ids(&result) {
            other_reasons.push(format!("{at} where the corpus says {reasons:?}"));
        }
    }
    println!("pastes: {}/{} right", cases.len() - wrong.len(), cases.len());
    println!("reasons: {}/{} the same", cases.len() - other_reasons.len(), cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(other_reasons.is_empty(), "{}", other_reasons.join("\n"));
}

fn accepted(text: &str) -> Option<String> {
    match clean(text.as_bytes(), &Known::new(), None) {
        Cleaned::Accepted(found) => Some(found.key.expose(str::to_owned)),
        Cleaned::Refused(_) => None,
    }
}

fn refusal(text: &str) -> &'static str {
    match clean(text.as_bytes(), &Known::new(), None) {
        Cleaned::Accepted(found) => panic!("accepted with {:?}", found.removed),
        Cleaned::Refused(no) => no.reason,
    }
}

const GROQ: &str = "gsk_FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE";
const ROUTER: &str = "sk-or-v1-deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

#[test]
fn what_stands_around_a_key_comes_off() {
    for around in [
        "set GROQ_API_KEY=@",
        "set \"GROQ_API_KEY=@\"",
        "set -gx GROQ_API_KEY @",
        "set -Ux GROQ_API_KEY '@'",
        "setenv GROQ_API_KEY @",
        "ENV GROQ_API_KEY=@",
        "- GROQ_API_KEY=@",
        "GROQ_API_KEY: @",
        "GROQ_API_KEY: '@'",
        "  \"apiKey\": \"@\",",
        "{\"apiKey\": \"@\"}",
        "api_key = \"@\"",
        "const apiKey = \"@\";",
        "os.environ[\"GROQ_API_KEY\"] = \"@\"",
        "[Environment]::SetEnvironmentVariable('GROQ_API_KEY', '@', 'User')",
        "-H \"Authorization: Bearer @\"",
        "Bearer @",
        "Bearer: @",
        "authorization: bearer @",
        "'x-api-key: @'",
        "https://example.com/v1/models?alt=json&key=@",
        "<string>@</string>",
        "@\\n",
        "\"@",
        "(@).",
        "Environment=\"GROQ_API_KEY=@\"",
        "export GROQ_API_KEY=@;",
        "- @",
        "@@",
        "declare -x GROQ_API_KEY=\"@\"",
    ] {
        let text = around.replace('@', GROQ);
        assert_eq!(
            accepted(&text).as_deref(),
            Some(GROQ),
            "{around} {:?}",
            clean(text.as_bytes(), &Known::new(), None)
        );
    }
}

#[test]
fn what_is_not_a_key_is_told_apart() {
    for (text, reason) in [
        ("https://openrouter.ai/settings/keys", "url"),
        ("http://127.0.0.1:8080", "url"),
        ("api.openai.com/v1", "url"),
        ("ann@example.com", "email"),
        ("~/.hermes/.env", "path"),
        ("/etc/keymend/key.txt", "path"),
        ("C:\\Users\\ann\\key.txt", "path"),
        ("claude-sonnet-4-5-20250929", "model-name"),
        ("gpt-4o-mini", "model-name"),
        ("openai/gpt-4o", "model-name"),
        ("OPENROUTER_API_KEY", "variable-name"),
        ("$OPENROUTER_API_KEY", "unexpanded-variable"),
        ("$env:OPENROUTER_API_KEY", "unexpanded-variable"),
        ("export OPENAI_API_KEY=${OTHER}", "unexpanded-variable"),
        ("vault://secret/openai", "secret-reference"),
        ("$(pass show openai)", "secret-reference"),
        ("os.environ/OPENAI_API_KEY", "secret-reference"),
        ("sk-or-v1-deadbeef...beef", "masked"),
        ("sk-********************", "masked"),
        ("sk-or-v1-••••••••••••", "masked"),
        ("YOUR_API_KEY", "placeholder"),
        ("your-api-key-here", "placeholder"),
        ("sk-ant-your-key-here-0000000", "placeholder"),
        ("gsk_MY_KEY", "placeholder"),
        ("<paste your key>", "placeholder"),
        ("changeme", "placeholder"),
        ("this is a text", "no-key-found"),
        ("your API key here", "placeholder"),
        ("sk-or-v1-deadbeef", "truncated"),
        ("gsk_abc", "truncated"),
        ("sk-or-v1-deadbeefdeadbeefdead deadbeef", "space-inside"),
        ("Basic RkFLRTpGQUtF", "no-key-found"),
        ("-----BEGIN CERTIFICATE-----\nRkFLRQ==\n-----END CERTIFICATE-----", "certificate"),
        ("{\"type\": \"service_account\", \"private_key_id\": \"1\"}", "service-account"),
    ] {
        assert_eq!(refusal(text), reason, "{text}");
    }
    assert_eq!(refusal(&format!("{GROQ} {ROUTER}")), "two-keys");
    assert_eq!(refusal(&format!("{ROUTER}{GROQ}")), "two-keys");
}

#[test]
fn an_expected_provider_settles_a_shared_form() {
    let text = b"FAKEfakeFAKEfake0123FAKEfake0123";
    let Cleaned::Accepted(found) = clean(text, &Known::new(), Some("mistral")) else { panic!("refused") };
    assert!(!found.confirm());
    assert_eq!(found.provider.as_deref(), Some("mistral"));
}

#[test]
fn a_wrapped_token_of_open_length_is_not_cut() {
    let token = format!("sk-ant-oat01-{}", "FAKE".repeat(20));
    let (head, tail) = token.split_at(80);
    assert_eq!(refusal(&format!("{head}\n{tail}")), "line-break-inside");
    assert_eq!(accepted(&format!("{token}\nmy laptop token")).as_deref(), Some(token.as_str()));
}

#[test]
fn a_key_is_compared_with_its_slot() {
    let known = Known::new();
    let fit = |provider: &str, key: &str| fits(provider, &Secret::new(key), &known);
    assert_eq!(fit("groq", GROQ), Fit::Right);
    assert!(
        matches!(fit("openai", ROUTER), Fit::WrongProvider { belongs_to, .. } if belongs_to == ["openrouter"])
    );
    let oauth = format!("sk-ant-oat01-{}", "FAKE".repeat(16));
    assert!(matches!(fit("anthropic", &oauth), Fit::WrongKind { .. }));
    assert_eq!(fit("openai", "FAKEfakeFAKEfake0123FAKEfake0123"), Fit::Unknown);
}

proptest! {
    #[test]
    fn any_bytes_are_answered_and_what_is_accepted_is_stable(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        stable(&bytes)?;
    }

    #[test]
    fn near_keys_are_stable(text in "[ \n\"'=:;,.%$\\\\{}()<>a-zA-Z0-9_/+~|-]{0,60}(sk-or-v1-|gsk_|sk-ant-api03-|Sk-|AIza)?[A-Za-z0-9=_.%\n -]{0,90}") {
        stable(text.as_bytes())?;
    }

    #[test]
    fn known_dirt_changes_nothing(
        before in prop::sample::select(vec!["", " ", "\u{feff}", "\t", "\u{200b}", "\"", "\u{1b}[32m", "export K=", "Authorization: Bearer ", "\u{a0}"]),
        after in prop::sample::select(vec!["", "\n", "\r\n", " ", ",", "\u{200b}", "\0", "\u{1b}[0m", "&nbsp;", "\\n", ";"]),
        inside in prop::sample::select(vec!["", "\u{200b}", "\u{ad}", "\u{2060}"]),
        at in 1_usize..50,
    ) {
        let (head, tail) = ROUTER.split_at(at);
        let dirty = format!("{before}{head}{inside}{tail}{after}");
        prop_assert_eq!(accepted(&dirty), Some(ROUTER.to_owned()));
    }
}

fn stable(bytes: &[u8]) -> Result<(), TestCaseError> {
    let known = Known::new();
    if let Cleaned::Accepted(found) = clean(bytes, &known, None) {
        prop_assert!(!found.key.any_char(|c| !super::judge::is_key_char(c)));
        prop_assert!(found.key.len() >= 16 && found.key.len() <= 4096);
        match clean_secret(&found.key, &known, None) {
            Cleaned::Accepted(again) => prop_assert!(again.key == found.key),
            Cleaned::Refused(no) => prop_assert!(false, "accepted once, then {}", no.reason),
        }
    }
    Ok(())
}

#[test]
fn a_large_paste_is_refused_at_once() {
    assert!(
        matches!(clean(&vec![b'a'; 1 << 20], &Known::new(), None), Cleaned::Refused(no) if no.reason == "too-large")
    );
    let words = format!("x {}", "a=".repeat(MAX_PASTE / 2 - 1));
    assert!(matches!(clean(words.as_bytes(), &Known::new(), None), Cleaned::Refused(_)));
    let near = "KEY=".repeat(MAX_PASTE / 4);
    assert!(matches!(clean(near.as_bytes(), &Known::new(), None), Cleaned::Refused(_)));
}

#[test]
fn an_own_server_takes_any_word_and_dirt_still_comes_off() {
    let known = crate::provider::Catalogue::embedded();
    let cleaned = |text: &str| clean_for(&crate::secret::Secret::new(text), &known, Some("openai"), true);
    for text in
        ["sk-1", "ollama", "1234", "sk-local", "lm-studio", "p@ss!word", "sk-ant-api03-FAKE", "your-api-key"]
    {
        match cleaned(&format!("\"{text}\"\n")) {
            Cleaned::Accepted(found) => {
                assert!(found.key.is(text) && found.doubts.is_empty(), "{text}");
                assert!(!found.removed.is_empty(), "{text}");
            }
            Cleaned::Refused(no) => assert_eq!(no.reason, "", "{text}"),
        }
    }
    for text in ["***", "two words", "https://example.com/v1", "${GW_KEY}"] {
        assert!(matches!(cleaned(text), Cleaned::Refused(_)), "{text}");
    }
}

/// "Should I type the request id?" No.
#[test]
fn a_request_id_is_called_one() {
    let ids = [
        "req_011CQkAbCdEfGhJkLmNpQrSt",
        "req_0123456789abcdef0123456789abcdef",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "8f1c2d3e4a5b6c7d-FRA",
    ];
    for id in ids {
        match clean(id.as_bytes(), &crate::provider::Catalogue::embedded(), None) {
            Cleaned::Refused(no) => assert_eq!(no.reason, "request-id", "{id}"),
            Cleaned::Accepted(_) => panic!("{id} was taken for a key"),
        }
    }
}
