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
