//! One exchange: a request goes out, an answer or a [`Failure`] comes back.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy};
use rustls::CertificateError;
use tokio::sync::Semaphore;

use crate::host::real::contents_in_time;
use crate::probe::verdict::{Failure, Verdict};
use crate::probe::{Answer, Request, is_loopback};
use crate::provider::authority;

/// The most of an answer that is read.
const MAX_BODY: usize = 1 << 20;

/// Variables that name certificates to some programs and not to others, and to which.
const AGENT_CERTS: &[(&str, &str)] = &[
    ("NODE_EXTRA_CA_CERTS", "agents on Node"),
    ("REQUESTS_CA_BUNDLE", "agents on Python"),
    ("CURL_CA_BUNDLE", "curl, and agents on Python"),
];

/// How to reach the world.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long one exchange may take in all.
    pub total: Duration,
    /// How many exchanges run at the same time.
    pub connections: usize,
    /// The wait between two of the same question; the second wait is twice as long.
    pub pace: Duration,
    /// The proxy for https, as its variable holds it.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without the proxy.
    pub no_proxy: Option<String>,
    /// A file of certificates to trust in place of the system's.
    pub cert_file: Option<PathBuf>,
    /// Variables that name certificates for some agents and not for keymend, with what they hold.
    pub agent_certs: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(15),
            connections: 64,
            pace: Duration::from_millis(400),
            https_proxy: None,
            no_proxy: None,
            cert_file: None,
            agent_certs: Vec::new(),
        }
    }
}

impl Options {
    /// The proxies and certificates that the environment names, as curl and most agents read it.
    #[must_use]
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: &[&str]| names.iter().filter_map(|name| variable(name)).find(|text| !text.is_empty());
        Self {
            https_proxy: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            no_proxy: first(&["NO_PROXY", "no_proxy"]),
            cert_file: first(&["SSL_CERT_FILE"]).map(PathBuf::from),
            agent_certs: AGENT_CERTS
                .iter()
                .filter_map(|(name, _)| {
                    Some(((*name).to_owned(), variable(name).filter(|text| !text.is_empty())?))
                })
                .collect(),
            ..Self::default()
        }
    }

    /// The proxy that a request to `host` takes, by the rules of the HTTP client itself; this machine is reached without
    /// one.
    fn proxy_for(&self, host: &str) -> Result<Option<&str>, Failure> {
        let Some(proxy) = self.https_proxy.as_deref().filter(|_| !is_loopback(host)) else { return Ok(None) };
        let Ok(target) = format!("https://{host}/").parse::<http::Uri>() else { return Ok(Some(proxy)) };
        let exempt = Matcher::builder()
            .all("http://proxy.invalid")
            .no(self.no_proxy.as_deref().unwrap_or(""))
            .build()
            .intercept(&target)
            .is_none();
        if exempt { Ok(None) } else { usable(proxy, &target).map(Some) }
    }

    /// Says which variables name certificates that an agent would trust and keymend does not.
    pub(super) fn name_certificates(&self, verdict: &mut Verdict) {
        for (name, file) in &self.agent_certs {
            let who = AGENT_CERTS.iter().find(|(own, _)| own == name).map_or("some agents", |(_, who)| who);
            verdict.note(&name.to_ascii_lowercase(), file.clone());
            verdict.hints.push(format!("{name} names certificates for {who}; keymend reads SSL_CERT_FILE: set it to the same file to test as they do."));
        }
    }
}

/// A proxy setting that the client can use. It must never be a reason to go without the proxy.
fn usable<'a>(proxy: &'a str, target: &http::Uri) -> Result<&'a str, Failure> {
    let bad = |why: &str| Err(Failure::ProxySetting(why.to_owned()));
    match proxy.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()) {
        None => {}
        Some(scheme) if scheme == "http" || scheme == "https" => {}
        Some(scheme) if scheme.starts_with("socks") => {
            return bad("keymend has no SOCKS; name an http proxy");
        }
        Some(_) => return bad("it is neither an http nor an https address"),
    }
    let taken = Matcher::builder().all(proxy).build().intercept(target).is_some();
    if taken && Proxy::all(proxy).is_ok() { Ok(proxy) } else { bad("its address cannot be read") }
}

/// Sends requests, a bounded number at a time.
pub(super) struct Sender {
    pub(super) options: Options,
    slots: Semaphore,
    remote: OnceLock<Result<Client, String>>,
    proxied: OnceLock<Result<Client, String>>,
    local: OnceLock<Result<Client, String>>,
}

impl Sender {
    pub(super) fn new(options: Options) -> Self {
        let slots = Semaphore::new(options.connections.max(1));
        Self { options, slots, remote: OnceLock::new(), proxied: OnceLock::new(), local: OnceLock::new() }
    }

    /// One exchange, within the time.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, (Failure, u64)> {
        let _slot = self.slots.acquire().await;
        let begin = Instant::now();
        let spent = |begin: Instant| u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        match tokio::time::timeout(self.options.total, self.exchange(request, begin)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err((failure, spent(begin))),
            Err(_) => Err((Failure::TimedOut, spent(begin))),
        }
    }

    async fn exchange(&self, request: &Request, begin: Instant) -> Result<Answer, Failure> {
        let proxy = self.options.proxy_for(&request.host)?;
        let client = self.client(&request.url, proxy).map_err(Failure::NoCertificates)?;
        let method = if request.method == "POST" { reqwest::Method::POST } else { reqwest::Method::GET };
        let mut sending = client.request(method, &request.url).headers(headers(request)?);
        if let Some(body) = &request.body {
            sending = sending.body(body.clone());
        }
        let response =
            sending.send().await.map_err(|error| classify(&error.without_url(), proxy.is_some()))?;
        let status = response.status().as_u16();
        let headers = plain(response.headers());
        let latency_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let left =
            self.options.total.saturating_sub(begin.elapsed()).saturating_sub(Duration::from_millis(50));
        let (body, incomplete) = read(response, left).await;
        if let Some(failure) = lost(status, incomplete.as_ref()) {
            return Err(failure);
        }
        Ok(Answer {
            status,
            clock_skew: clock_skew(&headers),
            received: Some(server_time(&headers).unwrap_or_else(|| jiff::Timestamp::now().as_second())),
            headers,
            body,
            incomplete: incomplete.map(|failure| why(&failure)),
            latency_ms,
            via: self.via(&request.host, proxy),
        })
    }

    /// What took part on the way, for the evidence.
    fn via(&self, host: &str, proxy: Option<&str>) -> Vec<(String, String)> {
        let mut via = Vec::new();
        if let Some(proxy) = proxy {
            via.push(("proxy".into(), authority(proxy).unwrap_or("set in the environment").to_owned()));
        }
        if let Some(file) = self.options.cert_file.as_ref().filter(|_| !is_loopback(host)) {
            via.push(("certificates".into(), file.display().to_string()));
        }
        via
    }

    fn client(&self, url: &str, proxy: Option<&str>) -> Result<&Client, String> {
        let built = match proxy {
            _ if url.starts_with("http://") => self.local.get_or_init(|| local_client(&self.options)),
            None => self.remote.get_or_init(|| remote_client(&self.options, None)),
            Some(_) => self.proxied.get_or_init(|| remote_client(&self.options, proxy)),
        };
        built.as_ref().map_err(Clone::clone)
    }
}

fn base(options: &Options) -> reqwest::ClientBuilder {
    // Installing twice is refused, and the first stays: that is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(options.connect)
        .timeout(options.total)
        .user_agent(concat!("keymend/", env!("CARGO_PKG_VERSION")))
}

/// For `http` to this machine: no certificates are needed, and no proxy may see it.
fn local_client(options: &Options) -> Result<Client, String> {
    base(options).no_proxy().tls_certs_only([]).build().map_err(|error| error.without_url().to_string())
}

/// The largest file of certificates that is read; the whole set of a system is a quarter of a mebibyte.
const MAX_CERTIFICATES: u64 = 16 * 1024 * 1024;

/// With a proxy, everything goes through it: whether a host is exempt was decided before, once.
fn remote_client(options: &Options, proxy: Option<&str>) -> Result<Client, String> {
    let mut builder = base(options).https_only(true).no_proxy();
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy).map_err(|error| error.without_url().to_string())?);
    }
    if let Some(file) = &options.cert_file {
        let pem = contents_in_time(file, MAX_CERTIFICATES)
            .map_err(|trouble| format!("{} {trouble}; {}", file.display(), trouble.hint()))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|_| format!("{} holds no certificate", file.display()))?;
        if certificates.is_empty() {
            return Err(format!("{} holds no certificate", file.display()));
        }
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().map_err(|error| {
        let error = error.without_url();
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    })
}

fn headers(request: &Request) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Failure::NotSent("a header name cannot be sent".into()))?;
        let mut value = value
            .expose(HeaderValue::from_str)
            .map_err(|_| Failure::NotSent("the key holds a character that cannot be sent".into()))?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().take(100).map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The body as far as it comes within the time and the limit, and why it is not whole.
async fn read(mut response: reqwest::Response, left: Duration) -> (Vec<u8>, Option<Failure>) {
    let mut body = Vec::new();
    let reading = async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return None,
                Err(error) => {
                    return Some(if error.is_timeout() { Failure::TimedOut } else { Failure::CutOff });
                }
            }
            if body.len() >= MAX_BODY {
                return Some(Failure::Other("longer than 1 MiB".into()));
            }
        }
    };
    let incomplete = tokio::time::timeout(left, reading).await.unwrap_or(Some(Failure::TimedOut));
    body.truncate(MAX_BODY);
    (body, incomplete)
}

/// A success whose end never came is no answer; an error that began is one.
fn lost(status: u16, incomplete: Option<&Failure>) -> Option<Failure> {
    incomplete
        .filter(|failure| (200..300).contains(&status) && !matches!(failure, Failure::Other(_)))
        .cloned()
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::TimedOut => "the rest did not come in time".into(),
        Failure::Other(why) => why.clone(),
        _ => "cut off".into(),
    }
}

fn server_time(headers: &[(String, String)]) -> Option<i64> {
    let (_, date) = headers.iter().find(|(name, _)| name == "date")?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second())
}

fn clock_skew(headers: &[(String, String)]) -> Option<i64> {
    Some(jiff::Timestamp::now().as_second() - server_time(headers)?)
}

/// Which step of the way failed.
fn classify(error: &reqwest::Error, proxied: bool) -> Failure {
    let chain = Chain::of(error);
    if let Some(failure) = chain.tls.as_ref().map(tls) {
        return failure;
    }
    if proxied && chain.text.contains("proxy authorization required") {
        return Failure::ProxyAuth;
    }
    let refused = chain.io == Some(io::ErrorKind::ConnectionRefused);
    if proxied && (chain.text.contains("tunnel") || refused || chain.text.contains("dns error")) {
        return Failure::Proxy(if refused {
            "it refused the connection".into()
        } else {
            "it gave no connection".into()
        });
    }
    if error.is_timeout() || chain.io == Some(io::ErrorKind::TimedOut) {
        return Failure::TimedOut;
    }
    if chain.text.contains("dns error")
        || chain.text.contains("failed to lookup address")
        || chain.text.contains("invalid dns")
    {
        return Failure::Dns;
    }
    by_io(&chain, refused)
}

fn by_io(chain: &Chain, refused: bool) -> Failure {
    use io::ErrorKind as K;
    match chain.io {
        _ if refused => Failure::Refused,
        Some(K::NetworkUnreachable | K::HostUnreachable | K::AddrNotAvailable | K::NetworkDown) => {
            Failure::Unroutable
        }
        Some(K::ConnectionReset | K::UnexpectedEof | K::BrokenPipe | K::ConnectionAborted) => Failure::CutOff,
        _ if chain.text.contains("connection closed") || chain.text.contains("incomplete") => Failure::CutOff,
        _ if chain.text.contains("invalid http") || chain.text.contains("parse") => {
            Failure::Other("what answers there does not speak HTTP".into())
        }
        _ => Failure::Other("the connection failed".into()),
    }
}

fn tls(error: &rustls::Error) -> Failure {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. } => {
                Failure::CertificateTime
            }
            C::NotValidForName | C::NotValidForNameContext { .. } => Failure::CertificateName,
            C::UnknownIssuer | C::BadSignature | C::Other(_) => Failure::UnknownIssuer,
            _ => Failure::Tls("the certificate is not valid".into()),
        },
        rustls::Error::InvalidMessage(_) => Failure::Tls("what answers there does not speak TLS".into()),
        _ => Failure::Tls("the two sides could not agree".into()),
    }
}

/// What the chain of causes of an error holds.
struct Chain {
    tls: Option<rustls::Error>,
    io: Option<io::ErrorKind>,
    text: String,
}

impl Chain {
    fn of(error: &reqwest::Error) -> Self {
        let mut chain = Self { tls: None, io: None, text: String::new() };
        chain.follow(error);
        chain.text = chain.text.to_ascii_lowercase();
        chain
    }

    fn follow(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.text.push_str(&error.to_string());
        self.text.push('\n');
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            self.tls = Some(found.clone());
        }
        if let Some(found) = error.downcast_ref::<io::Error>() {
            self.io = self.io.or(Some(found.kind()));
            if let Some(inner) = found.get_ref() {
                self.follow(inner);
            }
        }
        if let Some(source) = error.source() {
            self.follow(source);
        }
    }
}
