use super::*;

#[test]
fn every_file_is_a_provider_with_the_id_of_its_file() {
    let catalogue = Catalogue::embedded();
    assert_eq!(catalogue.troubles, Vec::<String>::new());
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/providers")).unwrap();
    let mut files: Vec<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".toml").unwrap().to_owned())
        .collect();
    files.sort();
    let ids: Vec<String> = catalogue.all().iter().map(|provider| provider.id.clone()).collect();
    assert_eq!(ids, files, "a new file is picked up when the crate is built again");
    assert!(ids.len() >= 96);
}

#[test]
fn what_the_build_made_is_what_the_files_say() {
    let catalogue = Catalogue::embedded();
    for provider in catalogue.all() {
        let file = format!("{}/assets/providers/{}.toml", env!("CARGO_MANIFEST_DIR"), provider.id);
        let own = read(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(format!("{provider:?}"), format!("{own:?}"));
    }
}

#[test]
fn every_shape_compiles_and_fits_its_example() {
    for provider in Catalogue::embedded().all() {
        for shape in &provider.keys {
            let label = format!("{} {}", provider.id, shape.kind);
            assert!(shape.pattern().is_some(), "{label}");
            assert!(shape.fits(&Secret::new(shape.example.clone())), "{label}");
            assert!(matches!(shape.length.len(), 1 | 2), "{label}");
        }
    }
}

#[test]
fn every_provider_says_where_how_and_what_a_success_is() {
    let catalogue = Catalogue::embedded();
    for provider in catalogue.all() {
        let id = &provider.id;
        assert!(!provider.probe.success.is_empty(), "{id}");
        assert!(provider.console_url.starts_with("https://"), "{id}");
        assert!(provider.local || provider.base_url().starts_with("https://"), "{id}");
        assert!(provider.rules_of.as_deref().is_none_or(|other| catalogue.get(other).is_some()), "{id}");
        for probe in std::iter::once(&provider.probe).chain(&provider.alternatives) {
            assert!(matches!(probe.method.as_str(), "GET" | "POST"), "{id}");
            assert!(!probe.path.contains("key="), "{id}: a key belongs in a header");
            assert!(probe.costs.starts_with("none") || probe.asks, "{id}: a probe that costs something asks");
        }
        for never in &provider.never_probe {
            assert_ne!(never.path, provider.probe.path, "{id}");
        }
    }
}

#[test]
fn a_key_is_recognised_by_its_shape_and_by_its_beginning() {
    let catalogue = Catalogue::embedded();
    let exact = Secret::new(format!("sk-ant-api03-{}AA", "F".repeat(93)));
    let found = catalogue.recognise(&exact);
    let best = found.best().unwrap();
    assert_eq!(
        (best.provider.id.as_str(), best.shape.kind.as_str(), best.fit),
        ("anthropic", "api_key", Fit::Exact)
    );
    assert_eq!(best.expected_length(), Some((108, 108)));

    let cut = Secret::new(format!("sk-ant-api03-{}", "F".repeat(40)));
    let found = catalogue.recognise(&cut);
    assert_eq!(
        (found.best().unwrap().provider.id.as_str(), found.best().unwrap().fit),
        ("anthropic", Fit::PrefixOnly)
    );
    assert_eq!(found.matches.len(), 1);
    assert!(found.foreign_to("openai").is_some());
    assert!(found.foreign_to("anthropic").is_none());
}

#[test]
fn a_shape_that_many_share_names_nobody() {
    let catalogue = Catalogue::embedded();
    let shared = Secret::new(format!("sk-{}", "deadbeef".repeat(4)));
    let found = catalogue.recognise(&shared);
    assert!(found.best().is_none());
    let mut ids: Vec<&str> = found.matches.iter().map(|found| found.provider.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids[..2], ["dashscope", "deepseek"]);
    assert_eq!(found.kind_at("deepseek"), Some("api_key"));
    assert!(catalogue.recognise(&Secret::new("hello")).matches.is_empty());
}

#[test]
fn an_example_of_a_distinctive_shape_names_its_own_family() {
    let catalogue = Catalogue::embedded();
    for provider in catalogue.all() {
        for shape in provider.keys.iter().filter(|shape| shape.detection == Detection::Prefix) {
            let key = Secret::new(shape.example.clone());
            let found = catalogue.recognise(&key);
            let own = found.matches.iter().find(|found| found.provider.id == provider.id).unwrap();
            if let Some(best) = found.best() {
                assert_eq!(best.family(), own.family(), "{} {}", provider.id, shape.kind);
            }
        }
    }
}

#[test]
fn masks_show_the_longest_known_beginning() {
    let catalogue = Catalogue::embedded();
    let mask = |text: String| catalogue.mask(&Secret::new(text)).to_string();
    assert_eq!(mask(format!("sk-ant-api03-{}k3Pw", "x".repeat(91))), "sk-ant-api03-…k3Pw (108)");
    assert_eq!(mask(format!("sk-ant-api03-{}k3Pw", "x".repeat(30))), "sk-ant-api03-…k3Pw (47)");
    assert_eq!(mask(format!("sk-or-v1-{}", "deadbeef".repeat(8))), "sk-or-v1-…beef (73)");
    assert_eq!(mask(format!("AIza{}", "F".repeat(35))), "AIza…FFFF (39)");
    assert_eq!(mask("x".repeat(30)), "…xxxx (30)");
}

#[test]
fn names_variables_and_hosts_lead_to_providers() {
    let catalogue = Catalogue::embedded();
    let id = |found: Option<&Provider>| found.map(|provider| provider.id.clone());
    assert_eq!(id(catalogue.by_alias("Google")).as_deref(), Some("gemini"));
    assert_eq!(id(catalogue.by_alias("anthropic")).as_deref(), Some("anthropic"));
    assert_eq!(id(catalogue.by_host("api.anthropic.com")).as_deref(), Some("anthropic"));
    assert_eq!(id(catalogue.by_host("https://api.x.ai/v1")).as_deref(), Some("xai"));
    assert_eq!(id(catalogue.by_host("my-res.openai.azure.com")).as_deref(), Some("azure-openai"));
    assert_eq!(id(catalogue.by_host("evil.com/.openai.azure.com")), None);
    assert_eq!(id(catalogue.by_host("api.anthropic.com.evil.example")), None);
    assert_eq!(id(catalogue.by_host("127.0.0.1:11434")).as_deref(), Some("ollama"));
    assert_eq!(id(catalogue.by_host("https://user@api.openai.com:443/x")).as_deref(), Some("openai"));
    let kimi: Vec<&str> = catalogue.by_env("KIMI_API_KEY").iter().map(|found| found.id.as_str()).collect();
    assert_eq!(kimi, ["kimi-code", "moonshot"]);
    assert!(catalogue.by_env("OPENAI_BASE_URL").is_empty());
}

#[test]
fn the_header_depends_on_the_kind_and_the_path() {
    let catalogue = Catalogue::embedded();
    let header = |id: &str, kind: Option<&str>, path: &str| {
        let auth = catalogue.get(id).unwrap().auth_for(kind, path);
        (auth.header, auth.scheme)
    };
    assert_eq!(header("anthropic", Some("api_key"), "/v1/models"), ("x-api-key".into(), Scheme::Raw));
    assert_eq!(
        header("anthropic", Some("oauth_access_token"), "/v1"),
        ("authorization".into(), Scheme::Bearer)
    );
    assert_eq!(header("zai", None, "/api/monitor/usage"), ("authorization".into(), Scheme::Raw));
    assert_eq!(header("zai", None, "/api/paas/v4/models"), ("authorization".into(), Scheme::Bearer));
    assert_eq!(header("gemini", None, "/v1beta/models"), ("x-goog-api-key".into(), Scheme::Raw));
    let extra = catalogue.get("anthropic").unwrap().auth_for(Some("oauth_access_token"), "/v1").extra;
    assert!(extra.contains_key("anthropic-version") && extra.contains_key("anthropic-beta"));
}

#[test]
fn a_persons_own_file_adds_or_replaces_and_a_broken_one_is_one_line() {
    let own = "id = \"lab\"\nname = \"Lab\"\nconsole_url = \"https://lab.example\"\n[[hosts]]\nbase = \"https://lab.example/v1\"\n\
        [auth]\nheader = \"authorization\"\nscheme = \"bearer\"\n[probe]\nmethod = \"GET\"\npath = \"/models\"\nproves = \"the key\"\ncosts = \"none\"\n";
    let files = [
        ("lab.toml".to_owned(), own.to_owned()),
        ("anthropic.toml".to_owned(), own.replace("\"lab\"", "\"anthropic\"")),
        ("bad.toml".to_owned(), "id = \"x\"\nname =".to_owned()),
        ("odd.toml".to_owned(), own.replace("costs", "cost")),
    ];
    let catalogue = Catalogue::with_overrides(files);
    assert_eq!(catalogue.get("lab").unwrap().name, "Lab");
    assert_eq!(catalogue.get("anthropic").unwrap().name, "Lab");
    assert_eq!(catalogue.troubles.len(), 2);
    assert!(catalogue.troubles[0].starts_with("bad.toml: ") && !catalogue.troubles[0].contains('\n'));
    assert!(catalogue.troubles[1].contains("cost"));
}

/// Many lists of models are public. One that is believed to refuse wrong keys has a source; the others need the twin.
#[test]
fn a_probe_that_nobody_vouches_for_needs_the_twin() {
    let sure =
        |provider: &&Provider| matches!(provider.probe.honesty, Honesty::Documented | Honesty::SeenInCode);
    for provider in Catalogue::embedded().all().iter().filter(sure) {
        assert_ne!(provider.probe.confidence, Confidence::Guess, "{}", provider.id);
    }
}
