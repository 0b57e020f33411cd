use super::*;

const KEY: &str = "Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wAbCd";

#[derive(serde::Deserialize)]
struct Recorded {
    provider: String,
    when: String,
    status: Option<u16>,
    body: String,
    expect: String,
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: std::sync::OnceLock<Catalogue> = std::sync::OnceLock::new();
    CATALOGUE.get_or_init(Catalogue::embedded)
}

fn recorded() -> Vec<Recorded> {
    let text = include_str!("../../../tests/corpora/provider_answers.json");
    let all: Vec<Recorded> = serde_json::from_str(text).unwrap();
    all.into_iter().filter(|case| case.status.is_some()).collect()
}

fn ask(provider: &str, status: u16, body: &[u8]) -> Verdict {
    ask_with(provider, status, &[], body)
}

fn ask_with(provider: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Verdict {
    let catalogue = catalogue();
    let provider = catalogue.get(provider).unwrap();
    let key = Secret::new(KEY);
    let asked = Asked {
        catalogue,
        provider,
        spec: &provider.probe,
        key: &key,
        header: "authorization: bearer",
        host: "api.example.com",
        foreign: false,
        own_probe: true,
    };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    judge(&asked, &Answer { status, headers, body: body.to_vec(), latency_ms: 12, ..Answer::default() })
}

/// The same answer in another dress: the verdict has to stay.
fn variants(body: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![("as recorded", body.to_owned()), ("spaced", format!("\u{feff} \r\n{body}\r\n"))];
    if body.starts_with('{') {
        let encoded = serde_json::to_string(body).unwrap();
        let python = body.replace(":null", ": None").replace(":true", ": True").replace(":false", ": False");
        all.extend([
            ("as a JSON string", encoded.clone()),
            ("in a list", format!("[{body}]")),
            ("wrapped", format!(r#"{{"error":{{"message":"Provider returned error","code":400,"metadata":{{"raw":{encoded}}}}}}}"#)),
            ("in the message", format!(r#"{{"error":{{"message":{encoded}}}}}"#)),
            ("with words in front", format!("Error code: 400 - {body}")),
            ("as an event", format!("event: error\ndata: {body}\n\n")),
            ("cut off", body.trim_end_matches('}').to_owned()),
        ]);
        if !body.contains('\'') {
            all.push(("as Python", python.replace('"', "'")));
        }
        if let Ok(value) = serde_json::from_str::<Value>(body) {
            all.push(("pretty", serde_json::to_string_pretty(&value).unwrap()));
        }
    }
    all
}

#[test]
fn every_recorded_answer_gets_its_verdict() {
    let mut wrong = Vec::new();
    for case in recorded() {
        let status = case.status.unwrap();
        let verdict = ask(&case.provider, status, case.body.as_bytes());
        if verdict.kind.id() != case.expect {
            wrong.push(format!(
                "{} {} {status}: {} not {}: {}",
                case.provider, case.when, verdict.kind, case.expect, case.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// An answer quoted in a public thread or a vendor's page.
#[derive(serde::Deserialize)]
struct Quoted {
    id: String,
    provider: String,
    status: u16,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    truth: String,
    also_ok: Vec<String>,
}

fn quoted() -> Vec<Quoted> {
    #[derive(serde::Deserialize)]
    struct File {
        cases: Vec<Quoted>,
    }
    serde_json::from_str::<File>(include_str!("../../../tests/corpora/provider_answers_2.json"))
        .unwrap()
        .cases
}

/// Answers that only the people who wrote down the truth could place, each with the reason.
const UNPLACED: &[(&str, &str)] = &[];

#[test]
fn every_quoted_answer_gets_its_verdict() {
    let mut wrong = Vec::new();
    for case in quoted() {
        let headers: Vec<_> = case.headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let verdict = ask_with(&case.provider, case.status, &headers, case.body.as_bytes());
        let right = verdict.kind.id() == case.truth || case.also_ok.iter().any(|ok| ok == verdict.kind.id());
        assert!(right || verdict.kind != Kind::Valid, "{}: a false valid", case.id);
        if right == UNPLACED.iter().any(|(id, _)| *id == case.id) {
            wrong.push(format!(
                "{} {} {}: {} not {}: {}",
                case.id, case.provider, case.status, verdict.kind, case.truth, case.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_dressed_up_answer_keeps_its_verdict() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in recorded() {
        for (dress, body) in variants(&case.body) {
            count += 1;
            let verdict = ask(&case.provider, case.status.unwrap(), body.as_bytes());
            assert_ne!(verdict.kind, Kind::Valid, "{} {} {dress}", case.provider, case.when);
            if verdict.kind.id() != case.expect {
                wrong.push(format!(
                    "{} {} {dress}: {} not {}: {body}",
                    case.provider, case.when, verdict.kind, case.expect
                ));
            }
        }
    }
    assert!(wrong.len() * 100 < count * 2, "{} of {count} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_success_counts_only_in_the_documented_shape() {
    let kind = |provider: &str, body: &str| ask(provider, 200, body.as_bytes()).kind;
    assert_eq!(kind("openai", r#"{"object":"list","data":[{"id":"gpt"}]}"#), Kind::Valid);
    for body in
        ["", "{}", "[]", "null", "true", "\"ok\"", "OK", r#"{"data":[]}"#, r#"{"object":"list","data":{}}"#]
    {
        assert_eq!(kind("openai", body), Kind::Ambiguous, "{body}");
    }
    assert_eq!(kind("openai", r#"{"object":"list","data":[{"id":"gpt"}]"#), Kind::Ambiguous, "cut off");
    assert_ne!(
        kind("openai", r#"{"object":"list","data":[],"error":{"message":"Invalid API key"}}"#),
        Kind::Valid
    );
    assert_eq!(kind("openai", r#"{"message":"Invalid API key"}"#), Kind::Invalid);
    assert_ne!(kind("openai", "<html><title>Welcome</title></html>"), Kind::Valid);
    assert_ne!(kind("openai", "data: {\"object\":\"list\",\"data\":[]}\n\n"), Kind::Valid);
    assert_ne!(
        kind("minimax", r#"{"base_resp":{"status_code":1004,"status_msg":"x"},"model_remains":[]}"#),
        Kind::Valid
    );
    assert_ne!(kind("zai", r#"{"code":500,"success":true,"data":{}}"#), Kind::Valid);
    assert_ne!(ask("openai", 204, b"").kind, Kind::Valid);
    assert_eq!(
        kind("xai", r#"{"name":"x","team_blocked":false,"api_key_blocked":false,"api_key_disabled":false}"#),
        Kind::Valid
    );
    assert_eq!(kind("deepseek", r#"{"is_available":false,"balance_infos":[]}"#), Kind::NoCredit);
    assert_eq!(kind("openrouter", r#"{"data":{"label":"x","limit":5,"limit_remaining":0}}"#), Kind::NoCredit);
    assert_eq!(
        ask(
            "perplexity",
            400,
            br#"{"error":{"type":"invalid_model","message":"Invalid model 'not-a-model'","code":400}}"#
        )
        .kind,
        Kind::Valid
    );
    assert_ne!(ask("openai", 400, br#"{"error":{"type":"invalid_model"}}"#).kind, Kind::Valid);
}

#[test]
fn who_answered_is_told_by_positive_marks() {
    let by = |provider: &str, status, headers: &[(&str, &str)], body: &str| {
        let verdict = ask_with(provider, status, headers, body.as_bytes());
        (verdict.kind, verdict.answered_by.id())
    };
    let litellm = r#"{"error":{"message":"Authentication Error, Invalid proxy server token passed. Received API Key = sk-...FAKE","type":"token_not_found_in_db","param":"key","code":"401"}}"#;
    assert_eq!(by("openai", 401, &[], litellm), (Kind::Gateway, "gateway"));
    let relay = r#"{"error":{"message":"无效的令牌 (request id: 20260101120000123456789abcdefgh)","type":"new_api_error"}}"#;
    assert_eq!(by("openai", 401, &[], relay), (Kind::Gateway, "gateway"));
    let cloudflare = r#"{"success":false,"result":[],"messages":[],"errors":[{"code":10000,"message":"Authentication error"}]}"#;
    assert_eq!(by("openai", 401, &[("cf-ray", "x")], cloudflare), (Kind::Gateway, "gateway"));
    assert_eq!(by("openai", 407, &[], ""), (Kind::Gateway, "proxy"));
    assert_eq!(
        by("openai", 503, &[("x-squid-error", "ERR_DNS_FAIL 0")], "<html>squid</html>"),
        (Kind::Gateway, "proxy")
    );
    assert_eq!(
        by("openai", 403, &[], "<html><title>Attention Required! | Cloudflare</title></html>"),
        (Kind::Gateway, "gateway")
    );
    assert_eq!(
        by("openai", 200, &[], "<html><title>Wi-Fi Login</title></html>"),
        (Kind::Gateway, "captive_page")
    );
    assert_eq!(by("openai", 200, &[], "<!doctype html><div id=root></div>").0, Kind::WrongEndpoint);
    assert_eq!(by("openai", 403, &[], "<html><center>nginx</center></html>"), (Kind::Ambiguous, "unknown"));
    let own = "<html><head><title>401 Authorization Required</title></head><body><center><h1>401 Authorization Required</h1></center><hr><center>openresty/1.25.3.1</center><script>challenge</script></body></html>";
    assert_eq!(by("perplexity", 401, &[], own), (Kind::Invalid, "provider"));
    assert_eq!(by("anthropic", 401, &[("request-id", "req_1")], "{}"), (Kind::Invalid, "provider"));
    let valid = r#"{"object":"list","data":[]}"#;
    assert_eq!(by("openai", 200, &[("x-litellm-version", "1.7")], valid), (Kind::Valid, "gateway"));
}

#[test]
fn the_same_sentence_means_what_it_means_at_this_provider() {
    let body = br#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert_eq!(ask("openai", 429, body).kind, Kind::NoCredit);
    assert_eq!(ask("dashscope", 429, body).kind, Kind::RateLimited);
}

#[test]
fn an_echo_of_the_key_never_comes_back() {
    let echoes = [
        format!(r#"{{"error":{{"code":403,"message":"Consumer 'api_key:{KEY}' has been suspended."}}}}"#),
        format!(r#"{{"error":"{}"}}"#, &KEY[5..25]),
        format!("<html>{KEY}</html>"),
        KEY.to_owned(),
        format!(r#"{{"error":{{"code":"{KEY}","message":"{}"}}}}"#, KEY.to_uppercase()),
    ];
    for status in [200, 400, 401, 403, 500] {
        for body in &echoes {
            let verdict = ask_with("gemini", status, &[("x-request-id", KEY)], body.as_bytes());
            let shown = format!("{}{verdict:?}", serde_json::to_string(&verdict).unwrap()).to_lowercase();
            for at in 0..KEY.len() - 6 {
                assert!(!shown.contains(&KEY[at..at + 6].to_lowercase()), "{shown}");
            }
        }
    }
}

#[test]
fn the_json_form_is_the_contract() {
    let verdict = ask("anthropic", 401, br#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}"#);
    let json = serde_json::to_value(&verdict).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "schema",
            "provider",
            "verdict",
            "status",
            "answered_by",
            "reason",
            "evidence",
            "latency_ms",
            "hints",
            "worth"
        ]
    );
    assert_eq!(
        (&json["verdict"], &json["answered_by"], &json["status"]),
        (&"invalid".into(), &"provider".into(), &401.into())
    );
    assert_eq!(json["evidence"]["message"], "invalid x-api-key");
}

#[test]
fn the_file_of_the_generic_rules_parses() {
    let file: generic::File = toml::from_str(generic::TEXT).unwrap();
    assert!(file.rules.len() > 20);
}

#[test]
fn every_rule_names_a_verdict_that_exists() {
    let generic: generic::File = toml::from_str(generic::TEXT).unwrap();
    let generic = generic.rules.iter().map(|rule| ("generic", rule));
    let own = catalogue().all().iter().flat_map(|own| own.rules.iter().map(|rule| (own.id.as_str(), rule)));
    for (id, rule) in own.chain(generic) {
        {
            let label = format!("{id} {}", rule.verdict);
            assert!(!rule.hint_alone || rule.hint.is_some(), "{label}: a hint alone needs a hint");
            assert!(Kind::from_id(&rule.verdict).is_some(), "{label}");
            assert!(
                rule.text.iter().all(|text| *text == text.to_lowercase()),
                "{label}: texts are in lower case"
            );
            let group = !rule.codes.is_empty() || !rule.text.is_empty() || !rule.conditions.is_empty();
            assert!(group || !rule.status.is_empty(), "{label}: a rule needs a group");
            if rule.verdict == "valid" {
                assert!(
                    !rule.status.is_empty() && (!rule.codes.is_empty() || !rule.text.is_empty()),
                    "{label}"
                );
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_judged_without_a_panic_and_are_never_valid(
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600),
        status in 100u16..600,
        which in 0usize..42,
    ) {
        let id = catalogue().all()[which].id.clone();
        let verdict = ask(&id, status, &body);
        proptest::prop_assert_ne!(verdict.kind, Kind::Valid);
    }

    #[test]
    fn json_like_text_is_judged_and_the_key_stays_hidden(
        body in r#"[\{\}\[\]":,'a-z0-9\\ ]{0,200}"#,
        at in 0usize..30,
        status in 200u16..600,
        which in 0usize..42,
    ) {
        let id = catalogue().all()[which].id.clone();
        let body = format!("{}{}{}", &body, &KEY[at..at + 12], r#"","message":"x"}"#);
        let verdict = ask(&id, status, body.as_bytes());
        let shown = serde_json::to_string(&verdict).unwrap();
        proptest::prop_assert!(!shown.contains(&KEY[at..at + 6]), "{}", shown);
        proptest::prop_assert_ne!(verdict.kind, Kind::Valid);
    }
}

/// Answers that are worded by the vendors' documentation or by public source, beside the recorded ones.
const DOCUMENTED: &[(&str, u16, &str, Kind)] = &[
    ("openai", 401, r#"{"error":{"code":"ip_not_authorized","message":"x"}}"#, Kind::Forbidden),
    (
        "openai",
        401,
        r#"{"error":{"message":"Your request IP does not match the configured IP allowlist for your project."}}"#,
        Kind::Forbidden,
    ),
    (
        "openai",
        429,
        r#"{"error":{"type":"insufficient_quota","code":"organization_spend_limit_exceeded"}}"#,
        Kind::NoCredit,
    ),
    (
        "openai",
        401,
        r#"{"error":{"code":"token_invalidated","message":"Your authentication token has been invalidated."}}"#,
        Kind::Revoked,
    ),
    (
        "anthropic",
        400,
        r#"{"error":{"message":"This credential is only authorized for use with Claude Code."}}"#,
        Kind::Forbidden,
    ),
    ("anthropic", 400, r#"{"error":{"message":"You're out of extra usage."}}"#, Kind::NoCredit),
    (
        "anthropic",
        400,
        r#"{"error":{"message":"You have reached your specified workspace API usage limits."}}"#,
        Kind::NoCredit,
    ),
    (
        "anthropic",
        403,
        r#"{"error":{"type":"account_session_invalid","message":"Your account session is no longer valid"}}"#,
        Kind::Revoked,
    ),
    (
        "gemini",
        429,
        r#"{"error":{"message":"Your project has exceeded its monthly spending cap.","status":"RESOURCE_EXHAUSTED"}}"#,
        Kind::NoCredit,
    ),
    (
        "gemini",
        403,
        r#"{"error":{"message":"Gemini API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED"}}"#,
        Kind::Forbidden,
    ),
    (
        "kimi-code",
        403,
        r#"{"error":{"message":"Kimi For Coding is currently only available for Coding Agents","type":"access_terminated_error"}}"#,
        Kind::Forbidden,
    ),
    ("bigmodel", 429, r#"{"error":{"code":"1317","message":"x"}}"#, Kind::RateLimited),
    (
        "volcengine",
        429,
        r#"{"error":{"code":"SetLimitExceeded","message":"Your account has reached the set inference limit"}}"#,
        Kind::NoCredit,
    ),
    (
        "volcengine",
        404,
        r#"{"error":{"code":"UnsupportedModel","message":"The model does not support the coding plan feature."}}"#,
        Kind::Forbidden,
    ),
    (
        "openrouter",
        404,
        r#"{"error":{"message":"No endpoints found that support tool use.","code":404}}"#,
        Kind::Forbidden,
    ),
    (
        "azure-openai",
        403,
        r#"{"error":{"code":"403","message":"Public access is disabled. Please configure private endpoint."}}"#,
        Kind::Forbidden,
    ),
    ("bedrock", 400, r#"{"message":"The provided model identifier is invalid."}"#, Kind::Forbidden),
    (
        "openai",
        400,
        r#"{"error":{"message":"Budget has been exceeded!","type":"budget_exceeded","code":"400"}}"#,
        Kind::Gateway,
    ),
    (
        "openai",
        401,
        r#"{"error":{"message":"key not allowed to access model.","type":"key_model_access_denied","code":"401"}}"#,
        Kind::Gateway,
    ),
    (
        "openai",
        403,
        r#"{"error":{"message":"token quota is not enough","code":"pre_consume_token_quota_failed"}}"#,
        Kind::Gateway,
    ),
    (
        "xai",
        403,
        r#"{"code":"x","error":"Your newly created team doesn't have any credits or licenses yet."}"#,
        Kind::NoCredit,
    ),
    ("cohere", 401, r#"{"message":"no api key supplied"}"#, Kind::WrongEndpoint),
    ("huggingface", 401, r#"{"error":"User Access Token \"x\" is expired"}"#, Kind::Expired),
    (
        "hunyuan",
        200,
        r#"{"Response":{"Error":{"Code":"FailedOperation.ServiceNotActivated","Message":"x"}}}"#,
        Kind::Forbidden,
    ),
    ("together", 401, r#"{"error":{"message":"Your key is invalid or out of credit."}}"#, Kind::Ambiguous),
    ("openai", 404, r#"{"detail":"Not Found"}"#, Kind::WrongEndpoint),
    ("openai", 429, "", Kind::Ambiguous),
    ("gemini", 429, "", Kind::Ambiguous),
    ("groq", 403, "", Kind::Ambiguous),
    ("openai", 429, "<html><title>Too Many Requests</title></html>", Kind::Ambiguous),
];

#[test]
fn documented_answers_mean_what_their_vendors_say() {
    let wrong: Vec<_> = DOCUMENTED
        .iter()
        .filter_map(|(provider, status, body, expected)| {
            let kind = ask(provider, *status, body.as_bytes()).kind;
            (kind != *expected).then(|| format!("{provider} {status}: {kind} not {expected}: {body}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_new_key_is_advised_only_where_it_helps() {
    let hints = |provider: &str, status, body: &str| ask(provider, status, body.as_bytes()).hints.join(" ");
    let new = "Make a new key";
    assert!(hints("openai", 401, r#"{"error":{"code":"invalid_api_key"}}"#).contains(new));
    assert!(
        !hints("anthropic", 400, r#"{"error":{"message":"This organization has been disabled."}}"#)
            .contains(new)
    );
    let login = hints("anthropic", 401, r#"{"error":{"message":"OAuth token has expired."}}"#);
    assert!(login.contains("claude setup-token") && !login.contains(new), "{login}");
    let gateway = hints(
        "openai",
        401,
        r#"{"error":{"type":"expired_key","message":"Authentication Error - Expired Key."}}"#,
    );
    assert!(gateway.contains("LiteLLM gave out") && !gateway.contains(new), "{gateway}");
    let money = hints("openai", 429, r#"{"error":{"code":"credit_balance_exhausted"}}"#);
    assert!(money.contains("https://platform.openai.com/settings/organization/billing"), "{money}");
}

#[test]
fn the_code_that_decides_is_the_one_that_is_shown() {
    let code = |body: &str| {
        let verdict = ask("openai", 429, body.as_bytes());
        verdict.noted("code").unwrap_or_default().to_owned()
    };
    assert_eq!(
        code(r#"{"error":{"type":"insufficient_quota","code":"project_spend_limit_exceeded"}}"#),
        "project_spend_limit_exceeded"
    );
    assert_eq!(code(r#"{"error":{"type":"invalid_request_error","code":"something_new"}}"#), "something_new");
    assert_eq!(code(r#"{"error":{"type":"api_error","code":"429"}}"#), "api_error");
}

#[test]
fn a_date_to_come_back_at_is_read() {
    let at = |text: &str| retry_after(text, Some(1_764_288_000));
    assert_eq!(at("120"), Some(120));
    assert_eq!(at("Fri, 28 Nov 2025 00:02:00 GMT"), Some(120));
    assert_eq!(at("Thu, 27 Nov 2025 00:00:00 GMT"), Some(0));
    assert_eq!(at("soon"), None);
}

#[test]
fn a_minimax_key_without_a_plan_is_real() {
    let body = br#"{"model_remains":null,"base_resp":{"status_code":2062,"status_msg":"no active token plan subscription"}}"#;
    assert_eq!(ask("minimax", 200, body).kind, Kind::Valid);
}

#[test]
fn every_provider_but_local_ones_names_its_page_for_money() {
    let without: Vec<_> =
        catalogue().all().iter().filter(|own| own.billing_url.is_none()).map(|own| own.id.as_str()).collect();
    assert_eq!(without, ["lmstudio"]);
}

/// Asks with another key, at another host.
fn ask_as(
    provider: &str,
    key: &str,
    foreign: bool,
    headers: &[(&str, &str)],
    status: u16,
    body: &str,
) -> Verdict {
    let catalogue = catalogue();
    let provider = catalogue.get(provider).unwrap();
    let key = Secret::new(key);
    let host = if foreign { "127.0.0.1:8082" } else { "api.example.com" };
    let asked = Asked {
        catalogue,
        provider,
        spec: &provider.probe,
        key: &key,
        header: "authorization: bearer",
        host,
        foreign,
        own_probe: true,
    };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    judge(&asked, &Answer { status, headers, body: body.into(), ..Answer::default() })
}

/// anthropics/claude-code#44930, #38414, openclaw/openclaw#54350: the credential is the token of a login.
#[test]
fn a_rejected_login_is_signed_in_again_and_no_key_is_made() {
    let token = format!("sk-ant-oat01-{}", "Fake5".repeat(16));
    for (status, body) in [
        (401, r#"{"type":"error","error":{"type":"authentication_error","message":"Invalid bearer token"}}"#),
        (
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired. Please obtain a new token or refresh your existing token."}}"#,
        ),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"account_session_invalid"}}"#),
        (
            403,
            r#"{"error":{"type":"permission_error","message":"Session is invalid.","code":"account_session_invalid"}}"#,
        ),
    ] {
        let verdict = ask_as("anthropic", &token, false, &[], status, body);
        let hints = verdict.hints.join(" ");
        assert!(verdict.kind.rejects(), "{body}: {}", verdict.kind);
        assert!(hints.contains("claude setup-token"), "{body}: {hints}");
        assert!(!hints.contains("settings/keys") && !hints.contains("new key"), "{body}: {hints}");
        assert!(verdict.reason.contains("login"), "{body}: {}", verdict.reason);
    }
    // openclaw/openclaw#115642: the plan's window, not the login.
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You're out of extra usage. Add more at claude.ai/settings/usage and keep going."}}"#;
    let verdict = ask_as("anthropic", &token, false, &[], 400, body);
    assert_eq!(verdict.kind, Kind::NoCredit);
    assert!(verdict.hints.join(" ").contains("claude.ai/settings/usage"), "{:?}", verdict.hints);
}

/// google-gemini/gemini-cli#9795.
#[test]
fn a_denial_on_a_project_names_the_project_and_not_the_key_page() {
    let body = r#"{"error":{"code":403,"message":"Permission 'cloudaicompanion.companions.generateChat' denied on resource '//cloudaicompanion.googleapis.com/projects/acme/locations/global' (or it may not exist).","status":"PERMISSION_DENIED","details":[{"reason":"IAM_PERMISSION_DENIED"}]}}"#;
    let bare = r#"{"error":{"code":403,"message":"Permission 'x' denied on resource project acme.","status":"PERMISSION_DENIED"}}"#;
    for body in [body, bare] {
        let verdict = ask("gemini", 403, body.as_bytes());
        let hints = verdict.hints.join(" ");
        assert_eq!(verdict.kind, Kind::Forbidden);
        assert!(hints.contains("GOOGLE_CLOUD_PROJECT") && !hints.contains("aistudio"), "{hints}");
    }
}

/// Alishahryar1/free-claude-code#350.
#[test]
fn a_proxy_that_refuses_its_own_key_is_not_the_provider() {
    let key = format!("sk-ant-api03-{}AA", "Fake5".repeat(19));
    let verdict = ask_as("anthropic", &key, true, &[], 401, r#"{"detail":"Invalid API key"}"#);
    assert_eq!(verdict.reason, "127.0.0.1:8082 does not know this key. It is no address of Anthropic.");
    assert_eq!(verdict.hints, ["Use a key that 127.0.0.1:8082 itself gave out, or ask whoever runs it."]);
    assert_eq!(verdict.answered_by.id(), "unknown");
}

#[test]
fn a_rejected_key_is_found_again_in_the_list_by_its_end() {
    let key = format!("sk-ant-api03-{}k3Pw", "Fake5".repeat(19));
    let body = r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
    let organisation =
        [("anthropic-organization-id", "4b1f0c3e-0000-4000-8000-000000000000"), ("request-id", "req_011CQ")];
    let verdict = ask_as("anthropic", &key, false, &organisation, 401, body);
    let hints = verdict.hints.join(" ");
    assert!(
        hints.contains("Look for …k3Pw in the list at https://platform.claude.com/settings/keys"),
        "{hints}"
    );
    assert_eq!(verdict.noted("account"), Some("4b1f0c3e-0000-4000-8000-000000000000"));
    assert_eq!(verdict.noted("request_id"), Some("req_011CQ"));
    let relay = ask_as("anthropic", &key, true, &organisation, 401, body);
    assert!(!relay.hints.join(" ").contains("k3Pw") && relay.noted("account").is_none());
}

/// The verification request knows the tokens of users alone, so that its refusal says nothing about one of an account.
#[test]
fn a_cloudflare_token_that_is_not_a_users_is_not_called_wrong() {
    let answer = |status: &str| {
        let text = format!(
            r#"{{"success":true,"errors":[],"messages":[],"result":{{"id":"f","status":"{status}"}}}}"#
        );
        ask("cloudflare-workers-ai", 200, text.as_bytes()).kind
    };
    assert_eq!(answer("active"), Kind::Valid);
    assert_eq!(answer("disabled"), Kind::Forbidden);
    assert_eq!(answer("expired"), Kind::Invalid);
    let refused = br#"{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}],"messages":[],"result":null}"#;
    assert!(!ask("cloudflare-workers-ai", 401, refused).kind.rejects());
}
