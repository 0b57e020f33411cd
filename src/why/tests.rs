use super::*;

#[derive(serde::Deserialize)]
struct Recorded {
    provider: String,
    status: Option<u16>,
    body: String,
    #[serde(alias = "truth")]
    expect: String,
    #[serde(default)]
    also_ok: Vec<String>,
}

#[derive(serde::Deserialize)]
struct File {
    cases: Vec<Recorded>,
}

/// Every answer that a test of a key is measured by, as an agent logs it.
#[test]
fn a_logged_answer_means_what_the_answer_means() {
    let catalogue = Catalogue::embedded();
    let mut all: Vec<Recorded> =
        serde_json::from_str(include_str!("../../tests/corpora/provider_answers.json")).unwrap();
    let file: File =
        serde_json::from_str(include_str!("../../tests/corpora/provider_answers_2.json")).unwrap();
    all.extend(file.cases);
    all.retain(|case| case.status.is_some_and(|status| status >= 400));
    let scan = Scan::default();
    let mut wrong = Vec::new();
    for case in &all {
        let (status, body, name) = (case.status.unwrap(), &case.body, &case.provider);
        let text = format!(
            "2026-11-20 10:00:01 ERROR [agent.run] call to provider {name} failed: Error code: {status} - {body}"
        );
        let found = explain(&text, &catalogue, &scan).main.meaning.id();
        if found != case.expect && !case.also_ok.iter().any(|ok| ok == found) {
            wrong.push(format!("{name} {status}: {found} not {}: {body}", case.expect));
        }
    }
    let right = all.len() - wrong.len();
    assert!(right * 100 >= all.len() * 97, "{right} of {}\n{}", all.len(), wrong.join("\n"));
}
