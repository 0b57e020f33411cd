//! What a test of a key sends, and where to: the agent's own header and address, no host without a yes, the proxies of
//! the environment. Servers on this machine only; what would leave it meets a proxy that records and connects nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keymend::agents::{self, Context};
use keymend::host::http::{Options, run_all};
use keymend::host::loopback::{Loopback, Reply, Request};
use keymend::probe::course::{Consent, Job, Report, What};
use keymend::probe::{self, HeaderText, Kind, custom};
use keymend::provider::{Catalogue, Scheme, authority};
use keymend::resolve::{Header, Outcome, Slot};
use keymend::secret::Secret;
use keymend::session::test::{Routes, job};
use support::scenarios;

const MODELS: &str = r#"{"object":"list","data":[{"id":"m-1"},{"id":"m-2"}],"has_more":false}"#;
const WRONG: &str =
    r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;

fn key() -> String {
    format!("sk-ant-api03-{}AA", "Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4"[..93].to_owned())
}

fn options() -> Options {
    Options { pace: Duration::from_millis(1), total: Duration::from_secs(10), ..Options::default() }
}

fn run(job: Job) -> Report {
    run_all(Arc::new(Catalogue::embedded()), options(), vec![job]).remove(0)
}

/// All slots of all recorded homes that send a key.
fn sending() -> Vec<(String, Slot)> {
    let catalogue = Catalogue::embedded();
    let mut found = Vec::new();
    for scenario in scenarios() {
        let Some(agent) = agents::find(&scenario.tool) else { continue };
        let world = scenario.world();
        let Some(findings) = (agent.scan)(&Context { world: &world, catalogue: &catalogue }) else {
            continue;
        };
        let label = format!("{}/{}", scenario.tool, scenario.id);
        found.extend(
            findings.slots.into_iter().filter(|slot| slot.sent().is_some()).map(|slot| (label.clone(), slot)),
        );
    }
    found
}

/// One of the requests of a test goes to the address that the agent uses, in the header that it uses.
#[test]
fn a_test_sends_what_the_agent_sends() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (label, slot) in sending() {
        let Outcome::Sends { sent, base_url, .. } = &slot.outcome else { continue };
        let Some(host) = authority(base_url) else { continue };
        let Some(job) = job(&catalogue, &slot, &sent.key, &Routes::new(), Consent::default()) else {
            wrong.push(format!("{label} {}: no test", slot.agent_provider));
            continue;
        };
        let provider = catalogue.get(&job.provider).or_else(|| custom::get(&job.provider)).unwrap();
        let recognition = catalogue.recognise(&sent.key);
        let kind = recognition.kind_at(&provider.id);
        let requests: Vec<_> = job
            .layers
            .iter()
            .filter_map(|layer| {
                let relay = probe::foreign_spec();
                let own = layer.target.sends_own(provider);
                let spec = if own { probe::spec_for(provider, kind) } else { &relay };
                probe::request(provider, &sent.key, kind, spec, &layer.target).ok()
            })
            .collect();
        let (name, scheme) = match &sent.header {
            Header::Bearer => ("authorization", Scheme::Bearer),
            Header::Raw(name) => (name.as_str(), Scheme::Raw),
            Header::Query(_) => continue,
        };
        // Keys that no single request tests (Vertex), and hosts with a part that only the person knows.
        if requests.is_empty() {
            continue;
        }
        count += 1;
        // What a provider takes at another path of its own in another way (z.ai's quota, without "Bearer") is its own word.
        let varies = |request: &&probe::Request| {
            let paths = provider.auth.variants.iter().flat_map(|variant| &variant.paths);
            paths.into_iter().any(|path| request.url.contains(path.as_str()))
        };
        let same = |request: &&probe::Request| {
            let fits = |own: &Scheme| *own == scheme || varies(request);
            let mut headers = request.headers.iter();
            headers.any(|(own, value)| own == name && matches!(value, HeaderText::Key(own, _) if fits(own)))
        };
        let there = |request: &&probe::Request| {
            request.host.trim_end_matches(":443") == host.trim_end_matches(":443")
                || provider.owns(host) && provider.owns(&request.host)
        };
        if !requests.iter().any(|request| same(&request) && there(&request)) {
            let sent: Vec<_> = requests.iter().map(ToString::to_string).collect();
            wrong.push(format!(
                "{label} {}: {name} {scheme:?} to {base_url}, tested by {sent:?}",
                slot.agent_provider
            ));
        }
    }
    assert!(count > 300, "{count}");
    wrong.dedup();
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}

fn slot_of(home: &[(&str, &str)], agent: &str) -> Slot {
    let mut world = keymend::world::MemoryWorld::new("/home/ann");
    for (path, text) in home {
        world = world.with_file(*path, *text);
    }
    let catalogue = Catalogue::embedded();
    let agent = agents::find(agent).unwrap();
    let findings = (agent.scan)(&Context { world: &world, catalogue: &catalogue }).unwrap();
    findings.slots.into_iter().find(|slot| slot.in_use && slot.sent().is_some()).unwrap()
}

/// Anthropic as it is: a key in `x-api-key`, a login's token as a bearer.
fn anthropic() -> Loopback {
    Loopback::start(|request| {
        let raw = request.header("x-api-key").is_some_and(|text| text.starts_with("sk-ant-api03-Q7xZ"));
        let login =
            request.header("authorization").is_some_and(|text| text.starts_with("Bearer sk-ant-oat01-Q7xZ"));
        match (raw, login) {
            (true, false) | (false, true) if request.target.ends_with("count_tokens") => {
                Reply::json(200, r#"{"input_tokens":1}"#)
            }
            (true, false) | (false, true) => Reply::json(200, MODELS),
            _ => Reply::json(401, WRONG),
        }
    })
    .unwrap()
}

#[test]
fn a_key_in_the_wrong_header_is_not_valid_at_the_provider_itself() {
    let catalogue = Catalogue::embedded();
    let server = anthropic();
    let routes = Routes::from([("api.anthropic.com".to_owned(), server.url())]);
    let token = format!("sk-ant-oat01-Q7xZ{}", "pL2mN9vB4kR8tY3w".repeat(5));
    let cases = [
        ("ANTHROPIC_API_KEY", key(), Kind::Valid),
        ("ANTHROPIC_AUTH_TOKEN", key(), Kind::WrongEndpoint),
        ("ANTHROPIC_AUTH_TOKEN", token.clone(), Kind::Valid),
        ("ANTHROPIC_API_KEY", token, Kind::WrongEndpoint),
    ];
    for (name, key, expected) in cases {
        let settings = format!(r#"{{"env":{{"{name}":"{key}"}}}}"#);
        let slot = slot_of(&[(".claude/settings.json", &settings)], "claude-code");
        let sent = slot.sent().unwrap();
        let report = run(job(&catalogue, &slot, &sent.key, &routes, Consent::default()).unwrap());
        assert_eq!(report.overall.kind, expected, "{name}: {:#?}", report.overall);
        if expected == Kind::WrongEndpoint {
            assert!(report.overall.reason.starts_with("The key is fine, but the agent sends it in "));
        }
    }
}

/// A body that has the shape of a success at every provider.
fn everything() -> String {
    serde_json::json!({
        "object": "list", "data": [{"id": "m"}], "models": [{"name": "m"}], "has_more": false,
        "success": true, "is_available": true, "balance_infos": [{"currency": "USD"}], "name": "x", "login": "x",
        "type": "message", "content": [{"text": "x"}], "choices": [{"index": 0}], "input_tokens": 3,
        "balance": "9.5", "total_used": "1", "username": "x", "tier": "x", "character_count": 1,
        "character_limit": 9, "version": "1", "api_key_blocked": false, "api_key_disabled": false,
        "team_blocked": false, "acls": ["x"], "usage": {"limit": 1}, "user": {"membership": {"level": "x"}},
        "base_resp": {"status_code": 0}, "model_remains": [{"model_name": "m"}], "modelSummaries": [{"modelId": "m"}],
        "email": "x", "display_name": "x", "auth": {"accessToken": {"role": "x"}}, "orgs": [],
        "subscription": {}, "limits": [{"type": "x"}], "available_balance": 3, "access_token": "x", "expires_in": 3,
    })
    .to_string()
}

#[test]
fn a_server_that_answers_everybody_is_never_valid() {
    let catalogue = Catalogue::embedded();
    let bodies = [
        everything(),
        MODELS.to_owned(),
        r#"{"data":{"label":"x","limit":null,"accessPermitted":true,"level":"pro","available_balance":5}}"#
            .into(),
        r#"[{"id":"m"}]"#.into(),
    ];
    let servers: Vec<_> = bodies
        .iter()
        .map(|body| {
            let body = body.clone();
            Loopback::start(move |_| Reply::json(200, body.clone())).unwrap()
        })
        .collect();
    let all = Consent { spend: true, siblings: false, elsewhere: true };
    let mut wrong = Vec::new();
    let mut controlled = 0;
    for server in &servers {
        let mut jobs = Vec::new();
        let ids = catalogue.all().iter().map(|provider| provider.id.as_str());
        for id in ids.chain([custom::OPENAI, custom::ANTHROPIC]) {
            let provider = catalogue.get(id).or_else(|| custom::get(id)).unwrap();
            let mut keys: Vec<_> = provider.keys.iter().map(|shape| shape.example.clone()).collect();
            keys.push("Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3w".to_owned());
            for key in keys {
                for tail in ["", "/v1", "/anthropic"] {
                    let base = format!("{}{tail}", server.url());
                    let key = Secret::new(key.clone());
                    jobs.push(Job::at(id, key.clone(), &base).allowing(all));
                    for header in [None, Some(("x-api-key".to_owned(), Scheme::Raw))] {
                        let mut job = Job::direct(id, key.clone()).with_configured(&base, header);
                        job.layers.retain(|layer| layer.what != What::Direct);
                        jobs.push(job.allowing(all));
                    }
                }
            }
        }
        let told: Vec<_> = jobs.iter().map(|job| job.provider.clone()).collect();
        let reports = run_all(Arc::new(Catalogue::embedded()), options(), jobs);
        for (id, report) in told.iter().zip(reports) {
            let shared = |row: &keymend::probe::course::Row| {
                row.verdict.noted("control") == Some("a broken twin of the key was accepted as well")
            };
            controlled += report.rows.iter().filter(|row| shared(row)).count();
            if report.overall.kind == Kind::Valid
                || report.rows.iter().any(|row| row.verdict.kind == Kind::Valid)
            {
                wrong.push(format!("{id}: {:?}", report.rows));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(controlled > 500, "the answers have to look like successes: {controlled}");
}

/// Records what it is asked to connect to, and connects nowhere.
fn nowhere() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let target = head.split(' ').nth(1).unwrap_or("").to_owned();
            log.lock().unwrap().push(target);
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (address, seen)
}

fn keymend(home: &Path, proxy: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keymend"))
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("HTTPS_PROXY", proxy)
        .current_dir(home)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server that notes each request and takes one key.
fn noting(good: String) -> (Loopback, Arc<Mutex<usize>>) {
    let seen: Arc<Mutex<usize>> = Arc::default();
    let count = Arc::clone(&seen);
    let taken = move |request: &Request| {
        *count.lock().unwrap() += 1;
        let all = ["x-api-key", "authorization"].iter().filter_map(|name| request.header(name));
        if all.map(|text| text.trim_start_matches("Bearer ")).any(|text| text == good) {
            Reply::json(200, MODELS)
        } else {
            Reply::json(
                401,
                r#"{"error":{"message":"No connected db.","type":"no_db_connection","code":"400"}}"#,
            )
        }
    };
    (Loopback::start(taken).unwrap(), seen)
}

fn claude_home(base: &str, name: &str, key: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".claude")).unwrap();
    let settings = format!(r#"{{"env":{{"ANTHROPIC_BASE_URL":"{base}","{name}":"{key}"}}}}"#);
    std::fs::write(home.path().join(".claude/settings.json"), settings).unwrap();
    home
}

#[test]
fn a_companys_key_goes_to_no_other_host_before_a_yes_not_to_this_machine_either() {
    let (server, seen) = noting(key());
    let home = claude_home(&server.url(), "ANTHROPIC_API_KEY", &key());
    let (proxy, _) = nowhere();
    let host = authority(&server.url()).unwrap().to_owned();
    let asked = || std::mem::take(&mut *seen.lock().unwrap());
    let go = |args: &[&str]| keymend(home.path(), &proxy, args);

    for args in [&["test", "claude-code/anthropic"][..], &["check", "claude-code"]] {
        let output = go(args);
        assert_eq!(asked(), 0, "{args:?}");
        assert!(text(&output).contains(&host), "{}", text(&output));
    }
    let output = go(&["test", "claude-code/anthropic", "--json"]);
    assert!(text(&output).contains("needs_yes"), "{}", text(&output));
    assert_eq!(asked(), 0);

    let output = go(&["test", "claude-code/anthropic", "--yes-to", &host]);
    assert!(asked() > 0, "{}", text(&output));
    for args in [&["test", "claude-code/anthropic"][..], &["check", "claude-code"]] {
        let _ = go(args);
        assert!(asked() > 0, "a yes is remembered: {args:?}");
    }
    let listed = text(&go(&["consents"]));
    assert!(listed.contains(&host), "{listed}");
    assert!(text(&go(&["consents", "--json"])).contains("\"agreed\""));

    assert!(go(&["consents", "--revoke", &host]).status.success());
    let _ = go(&["test", "claude-code/anthropic"]);
    assert_eq!(asked(), 0, "a yes was taken back");
    assert_eq!(go(&["consents", "--revoke", &host]).status.code(), Some(2));
}

#[test]
fn a_gateways_own_key_goes_to_its_gateway_and_not_to_the_provider() {
    let master = "sk-1234-my-litellm-master";
    let (server, seen) = noting(master.to_owned());
    let home = claude_home(&server.url(), "ANTHROPIC_AUTH_TOKEN", master);
    let (proxy, left) = nowhere();
    let output = keymend(home.path(), &proxy, &["test", "claude-code/anthropic", "--json"]);
    assert!(*seen.lock().unwrap() > 0, "{}", text(&output));
    assert!(left.lock().unwrap().is_empty(), "{:?}", left.lock().unwrap());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verdict"], "valid", "{json:#}");
    assert_eq!(output.status.code(), Some(0));

    let home = claude_home(&server.url(), "ANTHROPIC_AUTH_TOKEN", "sk-another");
    let output = keymend(home.path(), &proxy, &["test", "claude-code/anthropic", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["verdict"], "gateway", "{json:#}");
    assert!(json["reason"].as_str().unwrap().contains("does not know this key"), "{json:#}");
    assert!(left.lock().unwrap().is_empty());
}

#[test]
fn an_address_given_by_hand_is_an_address() {
    let home = tempfile::tempdir().unwrap();
    let (proxy, left) = nowhere();
    let key = key();
    let output = keymend(home.path(), &proxy, &["test", "anthropic", "--stdin", "--base-url", &key]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!text(&output).contains("Q7xZ"), "{}", text(&output));
    assert!(left.lock().unwrap().is_empty());
}

#[test]
fn a_server_that_the_catalogue_does_not_know_is_tested_with_a_control() {
    let open = Loopback::start(|_| Reply::json(200, MODELS)).unwrap();
    let (strict, _) = noting("lab-token-1234567890".to_owned());
    for (url, expected) in [(open.url(), "ambiguous"), (strict.url(), "valid")] {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".codex")).unwrap();
        let config = format!(
            "model_provider = \"lab\"\n[model_providers.lab]\nname = \"Lab\"\nbase_url = \"{url}/v1\"\nexperimental_bearer_token = \"lab-token-1234567890\"\n"
        );
        std::fs::write(home.path().join(".codex/config.toml"), config).unwrap();
        let (proxy, _) = nowhere();
        let output = keymend(home.path(), &proxy, &["check", "codex", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let tests: Vec<_> = json["slots"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|slot| slot["test"]["verdict"].as_str())
            .collect();
        assert_eq!(tests, [expected], "{json:#}");
    }
}

fn failure(report: &Report) -> &str {
    report.overall.noted("failure").unwrap_or("")
}

/// What NO_PROXY means is what the HTTP client does with it: a request that the proxy saw says so, and one that it did not
/// see went straight to a name that does not exist.
#[test]
fn no_proxy_is_read_as_the_client_reads_it() {
    let host = "api.lab.invalid";
    for entry in [
        "",
        "*",
        "lab.invalid",
        ".lab.invalid",
        "api.lab.invalid",
        "API.LAB.INVALID",
        "api.lab.invalid:443",
        "*.lab.invalid",
        "other.invalid, lab.invalid",
        "invalid",
        "10.0.0.0/8",
        " api.lab.invalid ",
        "xapi.lab.invalid",
        "lab",
    ] {
        let (proxy, seen) = nowhere();
        let through = Options { https_proxy: Some(proxy), no_proxy: Some(entry.to_owned()), ..options() };
        let job = Job::at("openai", Secret::new("x".repeat(40)), &format!("https://{host}/v1"));
        let report = run_all(Arc::new(Catalogue::embedded()), through, vec![job]).remove(0);
        let proxied = !seen.lock().unwrap().is_empty();
        assert_eq!(failure(&report), if proxied { "proxy" } else { "dns" }, "{entry:?}");
        // https://docs.rs/hyper-util: entries with a port or a star inside match nothing.
        let straight = [
            "*",
            "lab.invalid",
            ".lab.invalid",
            "api.lab.invalid",
            "API.LAB.INVALID",
            "other.invalid, lab.invalid",
            "invalid",
            " api.lab.invalid ",
        ];
        assert_eq!(!proxied, straight.contains(&entry), "{entry:?}");
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_and_no_reason_to_go_without() {
    for bad in ["ftp://127.0.0.1:1", "socks5://127.0.0.1:1", "http://", "://x", "http://[::1", "http://a b"] {
        let through = Options { https_proxy: Some(bad.to_owned()), ..options() };
        let job = Job::at("openai", Secret::new("x".repeat(40)), "https://api.lab.invalid/v1");
        let report = run_all(Arc::new(Catalogue::embedded()), through, vec![job]).remove(0);
        assert_eq!((report.overall.kind, failure(&report)), (Kind::Network, "proxy_setting"), "{bad}");
    }
    let bad = Options { https_proxy: Some("ftp://x".to_owned()), ..options() };
    let server = Loopback::start(|_| Reply::json(401, WRONG)).unwrap();
    let job = Job::at("openai", Secret::new("x".repeat(40)), &server.url());
    let report = run_all(Arc::new(Catalogue::embedded()), bad, vec![job]).remove(0);
    assert_eq!(report.overall.kind, Kind::Invalid, "this machine needs no proxy");
}
