use super::*;

fn url(id: &str, base: Option<&str>) -> Result<String, Refusal> {
    let catalogue = Catalogue::embedded();
    let provider = catalogue.get(id).unwrap();
    let target = Target { base: base.map(str::to_owned), ..Target::default() };
    request(provider, &Secret::new("x".repeat(40)), None, &provider.probe, &target).map(|request| request.url)
}

#[test]
fn the_probe_goes_to_the_providers_own_address() {
    assert_eq!(url("anthropic", None).unwrap(), "https://api.anthropic.com/v1/models?limit=1");
    assert_eq!(url("openrouter", None).unwrap(), "https://openrouter.ai/api/v1/key");
    assert_eq!(url("deepseek", None).unwrap(), "https://api.deepseek.com/user/balance");
    assert!(matches!(url("azure-openai", None), Err(Refusal::NeedsAddress(_))));
    assert!(matches!(url("vertex", None), Err(Refusal::NotTestable(_))));
}

#[test]
fn another_address_gets_the_same_path_or_its_own() {
    assert_eq!(
        url("anthropic", Some("http://127.0.0.1:9/")).unwrap(),
        "http://127.0.0.1:9/v1/models?limit=1"
    );
    assert_eq!(
        url("anthropic", Some("https://gw.example/a")).unwrap(),
        "https://gw.example/a/v1/models?limit=1"
    );
    assert_eq!(
        url("anthropic", Some("https://gw.example/v1")).unwrap(),
        "https://gw.example/v1/models?limit=1"
    );
    assert_eq!(url("openai", Some("https://gw.example/x")).unwrap(), "https://gw.example/x/models");
    assert_eq!(url("deepseek", Some("http://localhost:9/v1")).unwrap(), "http://localhost:9/user/balance");
    assert_eq!(
        url("azure-openai", Some("https://r.openai.azure.com")).unwrap(),
        "https://r.openai.azure.com/openai/models?api-version=2024-10-21"
    );
}

#[test]
fn a_key_only_goes_out_over_https_or_to_this_machine() {
    for bad in [
        "http://gw.example",
        "ftp://gw.example",
        "https://user:pw@gw.example",
        "https://аpi.openai.com",
        "https://a b",
    ] {
        assert!(matches!(url("openai", Some(bad)), Err(Refusal::BadAddress(_))), "{bad}");
    }
    assert!(url("openai", Some("http://[::1]:80/v1")).is_ok());
    assert!(url("openai", Some("http://127.0.0.1.evil.example")).is_err());
}

#[test]
fn a_text_that_cannot_stand_in_a_header_is_not_sent() {
    let catalogue = Catalogue::embedded();
    let provider = catalogue.get("openai").unwrap();
    let ask = |text: &str| {
        request(provider, &Secret::new(text), None, &provider.probe, &Target::default()).map(|_| ())
    };
    assert_eq!(ask(""), Err(Refusal::Empty));
    assert_eq!(ask("sk-x\n"), Err(Refusal::Unsendable));
    assert_eq!(ask("sk-é"), Err(Refusal::Unsendable));
    assert_eq!(ask(&"x".repeat(1_000_000)), Err(Refusal::TooLong));
}

#[test]
fn neither_the_address_nor_the_debug_form_holds_the_key() {
    let catalogue = Catalogue::embedded();
    let key = Secret::new("Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3w");
    for provider in catalogue.all() {
        if let Ok(request) = request(provider, &key, None, &provider.probe, &Target::default()) {
            let shown = format!("{request:?} {request} {:?}", request.body);
            assert!(!shown.contains("Q7xZpL"), "{}", provider.id);
            assert!(request.headers.iter().any(|(_, value)| value.expose(|text| text.contains("Q7xZpL"))));
        }
    }
}

#[test]
fn a_broken_twin_has_the_shape_of_the_key_and_is_another() {
    let catalogue = Catalogue::embedded();
    for provider in catalogue.all() {
        for shape in &provider.keys {
            let key = Secret::new(shape.example.clone());
            let twin = broken_twin(&catalogue, &key);
            assert_ne!(twin, key, "{} {}", provider.id, shape.kind);
            assert_eq!(twin.len(), key.len());
        }
    }
    let key = Secret::new(format!("sk-or-v1-{}", "0123456789abcdef".repeat(4)));
    assert!(catalogue.recognise(&broken_twin(&catalogue, &key)).best().is_some());
}
