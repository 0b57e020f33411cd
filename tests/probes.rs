//! Probes against real servers on this machine: rows, repeats, controls, faults of the network, proxies and
//! intercepted TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use keymend::host::http::{Options, Prober, run_all};
use keymend::host::loopback::{Loopback, Reply, Request};
use keymend::probe::course::{Consent, Job, Report, What};
use keymend::probe::{Kind, Verdict};
use keymend::provider::{Catalogue, Scheme};
use keymend::secret::Secret;

const GOOD: &str = "Q7xZpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wAbCd";
const BAD: &str = "badbadXpL2mN9vB4kR8tY3wQ7xZpL2mN9vB4kR8tY3wAb";
const MODELS: &str = r#"{"object":"list","data":[{"id":"m-1"},{"id":"m-2"}]}"#;
const WRONG: &str = r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#;

fn options() -> Options {
    Options { pace: Duration::from_millis(1), total: Duration::from_secs(10), ..Options::default() }
}

fn run(job: Job) -> Report {
    run_with(Catalogue::embedded(), options(), job)
}

fn run_with(catalogue: Catalogue, options: Options, job: Job) -> Report {
    run_all(Arc::new(catalogue), options, vec![job]).remove(0)
}

fn good() -> Secret {
    Secret::new(GOOD)
}

fn carried(request: &Request) -> String {
    ["x-api-key", "x-goog-api-key", "authorization"]
        .iter()
        .find_map(|name| request.header(name))
        .unwrap_or_default()
        .trim_start_matches("Bearer ")
        .to_owned()
}

fn note<'a>(verdict: &'a Verdict, name: &str) -> &'a str {
    verdict.evidence.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
}

/// Accepts one key and refuses all others.
fn strict(body: &'static str) -> Loopback {
    Loopback::start(
        move |request| {
            if carried(request) == GOOD { Reply::json(200, body) } else { Reply::json(401, WRONG) }
        },
    )
    .unwrap()
}

#[test]
fn a_good_key_is_valid_and_a_bad_one_is_not() {
    let bodies = [
        ("anthropic", r#"{"data":[{"id":"claude","type":"model"}],"has_more":false}"#),
        ("openai", MODELS),
        ("openrouter", r#"{"data":{"label":"work","limit":10,"limit_remaining":7.5,"usage":2.5}}"#),
        ("gemini", r#"{"models":[{"name":"models/gemini"}]}"#),
    ];
    for (provider, body) in bodies {
        let server = strict(body);
        let report = run(Job::at(provider, good(), &server.url()));
        assert_eq!(report.overall.kind, Kind::Valid, "{provider}: {:?}", report.overall);
        let report = run(Job::at(provider, Secret::new(BAD), &server.url()));
        assert_eq!(report.overall.kind, Kind::Invalid, "{provider}: {:?}", report.overall);
    }
}

#[test]
fn the_worth_of_a_key_is_told() {
    let server = strict(
        r#"{"data":{"label":"work","limit":10,"limit_remaining":7.5,"usage":2.5,"expires_at":"2027-01-01"}}"#,
    );
    let worth = run(Job::at("openrouter", good(), &server.url())).overall.worth;
    let told = |what: &str| worth.iter().find(|(name, _)| name == what).map(|(_, value)| value.clone());
    assert_eq!(told("label").as_deref(), Some("work"));
    assert_eq!(told("remaining").as_deref(), Some("7.5"));
    assert_eq!(told("expires").as_deref(), Some("2027-01-01"));
}

#[test]
fn a_request_is_honest_and_the_key_stands_in_one_header_only() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let server = Loopback::start(move |request| {
        let holders: Vec<_> = request
            .headers
            .iter()
            .filter(|(_, value)| value.contains(GOOD))
            .map(|(name, _)| name.as_str())
            .collect();
        let agent = request.header("user-agent").unwrap_or_default();
        log.lock().unwrap().push(format!(
            "{} {} {} {agent}",
            request.method,
            request.target,
            holders.join("+")
        ));
        assert!(!String::from_utf8_lossy(&request.body).contains(GOOD));
        Reply::json(401, "{}")
    })
    .unwrap();
    let _ = run(Job::at("gemini", good(), &server.url()));
    let expected =
        format!("GET /v1beta/models?pageSize=1 x-goog-api-key keymend/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(*seen.lock().unwrap(), [expected]);
}

#[test]
fn where_honesty_is_not_documented_a_broken_twin_has_to_be_refused() {
    let open = Loopback::start(|_| Reply::json(200, MODELS)).unwrap();
    let report = run(Job::at("dashscope", good(), &open.url()));
    assert_eq!(report.overall.kind, Kind::Ambiguous);
    assert!(report.overall.reason.contains("not proven"));
    let report = run(Job::at("dashscope", good(), &strict(MODELS).url()));
    assert_eq!(report.overall.kind, Kind::Valid);
    assert_eq!(note(&report.overall, "control"), "a broken twin of the key was refused");
}

#[test]
fn a_rejection_that_is_known_to_pass_is_asked_for_three_times() {
    let server =
        Loopback::start(|_| Reply::json(401, r#"{"error":{"message":"User not found.","code":401}}"#))
            .unwrap();
    let report = run(Job::played("openrouter", good(), &server.url()));
    assert_eq!((report.overall.kind, note(&report.overall, "asked")), (Kind::Invalid, "3 of 3 say invalid"));

    let count = AtomicUsize::new(0);
    let server = Loopback::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(401, r#"{"error":{"message":"User not found.","code":401}}"#),
        _ => Reply::json(200, r#"{"data":{"label":"x","limit":null}}"#),
    })
    .unwrap();
    let report = run(Job::played("openrouter", good(), &server.url()));
    assert_eq!((report.overall.kind, note(&report.overall, "asked")), (Kind::Valid, "1 of 2 say valid"));
}

/// MiniMax has answered so to keys that it took a moment later.
#[test]
fn a_missing_key_that_was_sent_is_asked_for_again() {
    const MISSING: &str = r#"{"base_resp":{"status_code":1004,"status_msg":"login fail: Please carry the API secret key in the 'Authorization' field of the request header"}}"#;
    let server = Loopback::start(|_| Reply::json(401, MISSING)).unwrap();
    let report = run(Job::played("minimax", good(), &server.url()));
    assert_eq!(
        (report.overall.kind, note(&report.overall, "asked")),
        (Kind::WrongEndpoint, "3 of 3 say wrong_endpoint")
    );
    let count = AtomicUsize::new(0);
    let server = Loopback::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(401, MISSING),
        _ => Reply::json(200, r#"{"base_resp":{"status_code":0},"model_remains":[]}"#),
    })
    .unwrap();
    let report = run(Job::played("minimax", good(), &server.url()));
    assert_eq!(report.overall.kind, Kind::Valid);
    assert!(report.overall.hints.join(" ").contains("Do not make another one"), "{:?}", report.overall.hints);
}

#[test]
fn a_short_retry_after_is_waited_for_once() {
    let count = AtomicUsize::new(0);
    let server = Loopback::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(429, r#"{"error":{"code":"rate_limit_exceeded"}}"#).with("retry-after", "0"),
        _ => Reply::json(200, MODELS),
    })
    .unwrap();
    assert_eq!(run(Job::played("openai", good(), &server.url())).overall.kind, Kind::Valid);
    let server = Loopback::start(|_| Reply::json(429, "{}").with("retry-after", "3600")).unwrap();
    let verdict = run(Job::played("openai", good(), &server.url())).overall;
    assert_eq!((verdict.kind, verdict.retry_after), (Kind::RateLimited, Some(3600)));
}

#[test]
fn the_second_probe_sees_an_empty_account() {
    let server = Loopback::start(|request| {
        if request.target.ends_with("count_tokens") {
            Reply::json(400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#)
        } else {
            Reply::json(200, r#"{"data":[],"has_more":false}"#)
        }
    })
    .unwrap();
    assert_eq!(run(Job::played("anthropic", good(), &server.url())).overall.kind, Kind::NoCredit);
}

#[test]
fn where_the_endpoint_is_gone_another_one_is_asked() {
    let server = Loopback::start(|request| match request.method.as_str() {
        "POST" => Reply::json(200, r#"{"type":"message","content":[]}"#),
        _ => Reply::json(404, "404 page not found"),
    })
    .unwrap();
    let verdict = run(Job::played("minimax", good(), &server.url())).overall;
    assert_eq!((verdict.kind, note(&verdict, "first_probe")), (Kind::Valid, "gone (404)"));
}

#[test]
fn a_redirect_is_not_followed_with_a_key() {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    let other = Loopback::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::json(200, MODELS)
    })
    .unwrap();
    let target = other.url();
    let server = Loopback::start(move |_| Reply::json(302, "").with("location", target.clone())).unwrap();
    let verdict = run(Job::at("openai", good(), &server.url())).overall;
    assert_eq!((verdict.kind, verdict.status), (Kind::WrongEndpoint, Some(302)));
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[test]
fn provider_configured_address_and_the_agents_header_are_three_rows() {
    let provider = strict(MODELS);
    let relay = Loopback::start(|request| match request.header("x-relay-key") {
        Some(GOOD) => Reply::json(200, MODELS),
        _ => Reply::json(401, r#"{"error":{"message":"Authentication Error, Invalid proxy server token passed.","type":"token_not_found_in_db"}}"#),
    })
    .unwrap();
    let job = Job::at("openai", good(), &provider.url())
        .with_configured(&format!("{}/v1", relay.url()), Some(("x-relay-key".into(), Scheme::Raw)));
    let report = run(job);
    let rows: Vec<_> = report.rows.iter().map(|row| (row.what, row.verdict.kind)).collect();
    assert_eq!(
        rows,
        [(What::Direct, Kind::Valid), (What::Configured, Kind::Gateway), (What::Agent, Kind::Valid)]
    );
    assert_eq!(note(&report.rows[2].verdict, "control"), "a broken twin of the key was refused");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["rows"][1]["answered_by"], "gateway");
    assert_eq!(json["rows"][1]["evidence"]["gateway"], "LiteLLM");

    let job = Job::at("openai", good(), &provider.url()).with_configured(&relay.url(), None);
    let report = run(job);
    assert_eq!(report.overall.kind, Kind::Gateway);
    assert!(report.overall.reason.starts_with("The key is fine at the provider; "));
}

fn two_regions(a: &Loopback, b: &str) -> Catalogue {
    let file = format!(
        "id = \"lab\"\nname = \"Lab\"\nconsole_url = \"https://lab.example\"\n\
         [[hosts]]\nbase = \"{}\"\nregion = \"east\"\n[[hosts]]\nbase = \"{b}\"\nregion = \"west\"\n\
         [auth]\nheader = \"authorization\"\nscheme = \"bearer\"\n\
         [probe]\nmethod = \"GET\"\npath = \"/models\"\nproves = \"the key\"\ncosts = \"none\"\nhonesty = \"documented\"\nsuccess = [\"data[]\"]\n",
        a.url()
    );
    Catalogue::with_overrides([("lab.toml".to_owned(), file)])
}

#[test]
fn a_refused_key_is_tried_at_the_other_doors_of_the_company_after_a_yes() {
    let refuses = || Loopback::start(|_| Reply::json(401, WRONG)).unwrap();
    let yes = Consent { siblings: true, ..Consent::default() };
    let ask = |b: &str, consent| {
        let a = refuses();
        run_with(two_regions(&a, b), options(), Job::direct("lab", good()).allowing(consent)).overall
    };
    let open = strict(MODELS);
    let found = ask(&open.url(), yes);
    assert_eq!(found.kind, Kind::WrongEndpoint);
    assert!(found.reason.contains("belongs to 127.0.0.1:"), "{}", found.reason);
    let refused = ask(&refuses().url(), yes);
    assert_eq!((refused.kind, refused.certain), (Kind::Invalid, true));
    let silent = ask("http://127.0.0.1:1", yes);
    assert_eq!((silent.kind, silent.certain), (Kind::Ambiguous, false));
    let unasked = ask(&open.url(), Consent::default());
    assert_eq!((unasked.kind, unasked.certain), (Kind::Invalid, false));
    assert!(unasked.reason.starts_with("refused at 127.0.0.1:"), "{}", unasked.reason);
    assert!(unasked.reason.contains("another address of Lab (127.0.0.1:"), "{}", unasked.reason);
}

#[test]
fn a_key_does_not_go_to_another_host_without_a_yes() {
    let server = strict(MODELS);
    let job = Job::at("openai", good(), &server.url()).with_configured("https://relay.invalid/v1", None);
    let report = run(job);
    assert_eq!(note(&report.rows[1].verdict, "failure"), "not_sent");
    let report = run(Job::direct("nvidia", good()));
    assert!(report.overall.reason.contains("costs about 1 token"), "{}", report.overall.reason);
    let report = run(Job::at("openai", good(), "http://relay.invalid/v1"));
    assert_eq!(note(&report.overall, "failure"), "not_sent");
}

/// Talks to each connection as it likes.
fn raw(talk: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let talk = Arc::new(talk);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = Arc::clone(&talk);
            thread::spawn(move || talk(stream));
        }
    });
    address.to_string()
}

fn read_head(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    head
}

fn failure_of(base: &str, options: Options) -> (Kind, String) {
    let verdict = run_with(Catalogue::embedded(), options, Job::at("openai", good(), base)).overall;
    let shown = serde_json::to_string(&verdict).unwrap();
    assert!(!shown.contains("Q7xZpL"), "{shown}");
    (verdict.kind, note(&verdict, "failure").to_owned())
}

#[test]
fn faults_of_the_network_are_told_apart() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(failure_of(&format!("http://{port}"), options()), (Kind::Network, "refused".into()));

    let closes = raw(|stream| drop(read_head(&stream)));
    assert_eq!(failure_of(&format!("http://{closes}"), options()), (Kind::Network, "cut_off".into()));

    let speaks_other = raw(|mut stream| {
        read_head(&stream);
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
    });
    assert_eq!(failure_of(&format!("http://{speaks_other}"), options()).0, Kind::Network);

    let silent = raw(|stream| {
        read_head(&stream);
        let _ = (&stream).read(&mut [0; 1]);
    });
    let hasty = Options { total: Duration::from_millis(200), ..options() };
    assert_eq!(failure_of(&format!("http://{silent}"), hasty), (Kind::Network, "timeout".into()));
    assert_eq!(
        failure_of(&format!("https://{}.invalid/v1", "x".repeat(70)), options()),
        (Kind::Network, "dns".into())
    );
}

fn bodied(status: u16, endless: bool) -> String {
    raw(move |mut stream| {
        read_head(&stream);
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 99999999\r\n\r\n{MODELS}");
        let _ = stream.write_all(head.as_bytes());
        while endless && stream.write_all(&[b' '; 8192]).is_ok() {}
    })
}

#[test]
fn a_body_that_does_not_end_proves_nothing() {
    let ask = |status, endless| failure_of(&format!("http://{}", bodied(status, endless)), options()).0;
    assert_eq!(ask(200, false), Kind::Network);
    assert_eq!(ask(200, true), Kind::Ambiguous);
    assert_eq!(ask(401, false), Kind::Invalid);
    assert_eq!(ask(401, true), Kind::Invalid);
}

#[test]
fn a_slow_body_ends_with_the_time() {
    let dripping = raw(|mut stream| {
        read_head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 9999\r\n\r\n");
        let _ = stream.read(&mut [0; 1]);
    });
    let hasty = Options { total: Duration::from_millis(300), ..options() };
    assert_eq!(failure_of(&format!("http://{dripping}"), hasty), (Kind::Network, "timeout".into()));
}

struct Tls {
    url: String,
    ca: PathBuf,
    _folder: tempfile::TempDir,
}

/// A server with a certificate of its own CA.
fn tls(change: impl Fn(&mut rcgen::CertificateParams)) -> Tls {
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = rcgen::KeyPair::generate().unwrap();
    let root_certificate = root.self_signed(&root_key).unwrap();
    let mut leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    change(&mut leaf);
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(root, root_key);
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, root_certificate.pem()).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let address = raw(move |stream| {
        let Ok(connection) = rustls::ServerConnection::new(Arc::clone(&config)) else { return };
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
            head.push(byte[0]);
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{MODELS}",
            MODELS.len()
        );
        let _ = stream.write_all(answer.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    Tls { url: format!("https://{address}"), ca, _folder: folder }
}

#[test]
fn an_unknown_issuer_means_that_something_intercepts() {
    let other = tls(|_| {});
    let server = tls(|_| {});
    let trusting = |ca: &PathBuf| Options { cert_file: Some(ca.clone()), ..options() };
    assert_eq!(failure_of(&server.url, trusting(&other.ca)), (Kind::Network, "tls_unknown_issuer".into()));
    let verdict =
        run_with(Catalogue::embedded(), trusting(&other.ca), Job::at("openai", good(), &server.url)).overall;
    assert!(verdict.reason.contains("intercepting TLS"), "{}", verdict.reason);
    // It answers everybody, so that nothing is proven; but it does answer.
    assert_eq!(failure_of(&server.url, trusting(&server.ca)), (Kind::Ambiguous, String::new()));

    let old = tls(|leaf| leaf.not_after = rcgen::date_time_ymd(2020, 1, 1));
    assert_eq!(failure_of(&old.url, trusting(&old.ca)), (Kind::Network, "tls_time".into()));
    let named = tls(|leaf| {
        leaf.subject_alt_names = vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    });
    assert_eq!(failure_of(&named.url, trusting(&named.ca)), (Kind::Network, "tls_name".into()));
}

#[test]
fn a_system_without_certificates_is_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for file in [empty, folder.path().join("none.pem")] {
        let bare = Options { cert_file: Some(file), ..options() };
        assert_eq!(
            failure_of("https://127.0.0.1:1/v1", bare.clone()),
            (Kind::Network, "no_certificates".into())
        );
        assert_eq!(failure_of(&strict(MODELS).url(), bare).0, Kind::Valid);
    }
}

#[test]
fn plain_text_on_a_tls_port_is_told() {
    let plain = raw(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n")));
    let trusting = Options { cert_file: Some(tls(|_| {}).ca), ..options() };
    // The file is gone with its folder: the point is another one.
    assert_eq!(failure_of(&format!("https://{plain}"), trusting).0, Kind::Network);
}

#[test]
fn a_proxy_that_wants_a_password_or_is_away_is_told() {
    let heads: Arc<Mutex<String>> = Arc::default();
    let log = Arc::clone(&heads);
    let proxy = raw(move |mut stream| {
        log.lock().unwrap().push_str(&read_head(&stream));
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n");
    });
    let server = tls(|_| {});
    let through = |proxy: &str| Options {
        https_proxy: Some(format!("http://{proxy}")),
        cert_file: Some(server.ca.clone()),
        ..options()
    };
    let verdict = run_with(Catalogue::embedded(), through(&proxy), Job::direct("openai", good())).overall;
    assert_eq!((verdict.kind, verdict.status, verdict.answered_by.id()), (Kind::Gateway, Some(407), "proxy"));
    let seen = heads.lock().unwrap().clone();
    assert!(seen.starts_with("CONNECT api.openai.com:443 "), "{seen}");
    assert!(!seen.contains(GOOD));
    let verdict =
        run_with(Catalogue::embedded(), through("127.0.0.1:1"), Job::direct("openai", good())).overall;
    assert_eq!((verdict.kind, note(&verdict, "failure")), (Kind::Network, "proxy"));
    // This machine is reached without the proxy.
    assert_eq!(failure_of(&strict(MODELS).url(), through("127.0.0.1:1")).0, Kind::Valid);
}

#[test]
fn a_cancelled_job_has_no_result_and_the_others_go_on() {
    let (arrived, seen) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let slow = raw(move |stream| {
        read_head(&stream);
        let _ = arrived.lock().unwrap().send(());
        let _ = (&stream).read(&mut [0; 1]);
    });
    let quick = strict(MODELS);
    let (results, finished) = mpsc::channel();
    let prober = Prober::start(Arc::new(Catalogue::embedded()), options(), move |ticket, report| {
        let _ = results.send((ticket, report.overall.kind));
    });
    let stuck = prober.run(Job::at("openai", good(), &format!("http://{slow}")));
    seen.recv_timeout(Duration::from_secs(10)).unwrap();
    prober.cancel(stuck);
    let other = prober.run(Job::at("openai", good(), &quick.url()));
    assert_eq!(finished.recv_timeout(Duration::from_secs(10)).unwrap(), (other, Kind::Valid));
    drop(prober);
    assert!(finished.recv_timeout(Duration::from_secs(10)).is_err());
}

#[test]
fn connections_are_bounded() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = Loopback::start(move |_| {
        peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::yield_now();
        running.fetch_sub(1, Ordering::SeqCst);
        Reply::json(200, MODELS)
    })
    .unwrap();
    let jobs = (0..40).map(|_| Job::played("openai", good(), &server.url())).collect();
    let few = Options { connections: 4, ..options() };
    let reports = run_all(Arc::new(Catalogue::embedded()), few, jobs);
    assert!(reports.iter().all(|report| report.overall.kind == Kind::Valid));
    assert!(most.load(Ordering::SeqCst) <= 4);
}
