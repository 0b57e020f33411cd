//! A server on loopback that takes whatever an agent sends, writes down its credentials, and forwards nothing.
//!
//! It is at once a plain endpoint (for base-URL settings), an HTTP proxy, and the end of TLS connections: a `CONNECT`, or a
//! bare TLS hello, is answered with a certificate for the name asked, signed by a certificate authority that exists for
//! this run alone. Every request is answered with an error, so that an agent stops after its first try.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::wire::{Head, read_body, read_head};
use crate::secret::Secret;

/// The largest body that is read before the answer; agents send their whole tool list.
const MAX_BODY: u64 = 16 * 1024 * 1024;
/// How long one connection may stay silent.
const SILENCE: Duration = Duration::from_mins(1);
/// What every request gets.
const ANSWER: &[u8] = b"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"captured on loopback, nothing was forwarded\"}}";

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Captured {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query. May hold a key (`?key=`), so it is a secret.
    pub target: Secret,
    /// Scheme, host and port that the agent meant: `https://api.anthropic.com`.
    pub base: String,
    /// Header names, lower case, with their values.
    pub headers: Vec<(String, Secret)>,
}

impl Captured {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Secret> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> String {
        self.target.expose(|target| target.split('?').next().unwrap_or_default().to_owned())
    }
}

/// A running capture. Dropping it closes the port.
pub struct Capture {
    address: SocketAddr,
    ca_pem: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Captured>>,
    news: Condvar,
    closed: std::sync::atomic::AtomicBool,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Captured>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Capture {
    /// Opens a port on 127.0.0.1 and makes a certificate authority for this run.
    pub fn start() -> io::Result<Self> {
        let authority = Authority::new().map_err(io::Error::other)?;
        let ca_pem = authority.issuer.pem();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(authority));
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (tls, seen) = (Arc::new(tls), Arc::clone(&shared));
        std::thread::Builder::new().name("capture".into()).spawn(move || accept(&listener, &tls, &seen))?;
        Ok(Self { address, ca_pem, shared })
    }

    /// The address as a base URL and as a proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate authority of this run, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The first request that `wanted` accepts, waiting until `deadline`; `alive` is asked now and then whether waiting
    /// still makes sense.
    pub fn wait_for(
        &self,
        deadline: Instant,
        wanted: impl Fn(&Captured) -> bool,
        mut alive: impl FnMut() -> bool,
    ) -> Option<Captured> {
        let mut requests = self.shared.lock();
        loop {
            if let Some(found) = requests.iter().find(|captured| wanted(captured)) {
                return Some(found.clone());
            }
            if Instant::now() >= deadline || !alive() {
                return None;
            }
            let slice = Duration::from_millis(100);
            requests =
                self.shared.news.wait_timeout(requests, slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything that arrived so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Captured> {
        self.shared.lock().clone()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.shared.closed.store(true, std::sync::atomic::Ordering::Release);
        // Wakes the accepting thread, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, tls: &Arc<ServerConfig>, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.closed.load(std::sync::atomic::Ordering::Acquire) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let (tls, shared) = (Arc::clone(tls), Arc::clone(shared));
        // A connection that fails is the agent's to report; what matters is what arrived.
        let _ = std::thread::Builder::new().name("captured".into()).spawn(move || {
            let _ = serve(stream, &tls, &shared);
        });
    }
}

fn serve(stream: TcpStream, tls: &Arc<ServerConfig>, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    if first_byte(&stream)? == Some(0x16) {
        return serve_tls(stream, tls, shared);
    }
    let mut stream = stream;
    let mut rest = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut rest)? {
        if head.method == "CONNECT" {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            return serve_tls(stream, tls, shared);
        }
        answer(&mut stream, &head, &mut rest, None, shared)?;
    }
    Ok(())
}

fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((stream.peek(&mut byte)? == 1).then_some(byte[0]))
}

fn serve_tls(stream: TcpStream, tls: &Arc<ServerConfig>, shared: &Shared) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut rest = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut rest)? {
        let host = stream.conn.server_name().map(ToOwned::to_owned);
        answer(&mut stream, &head, &mut rest, host.as_deref(), shared)?;
    }
    Ok(())
}

fn answer(
    stream: &mut (impl Read + Write),
    head: &Head,
    rest: &mut Vec<u8>,
    tls_host: Option<&str>,
    shared: &Shared,
) -> io::Result<()> {
    shared.lock().push(captured(head, tls_host));
    shared.news.notify_all();
    if head.get("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = head.get("content-length").and_then(|text| text.trim().parse().ok());
    let close = match length {
        Some(length) if length <= MAX_BODY => read_body(stream, rest, length)?.is_none(),
        Some(_) => true,
        // A chunked body is not worth parsing: the head is captured, so the connection can close.
        None => head.get("transfer-encoding").is_some(),
    };
    let status = if head.method == "POST" { "400 Bad Request" } else { "404 Not Found" };
    let keep = if close { "close" } else { "keep-alive" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: {keep}\r\n\r\n",
        ANSWER.len()
    )?;
    stream.write_all(ANSWER)?;
    stream.flush()?;
    if close { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

/// What the agent meant: the TLS name, the absolute target of a proxy request, or this server itself.
fn captured(head: &Head, tls_host: Option<&str>) -> Captured {
    let host = head.get("host").unwrap_or_default();
    let (base, target) = match (tls_host, head.target.strip_prefix("http://")) {
        (Some(name), _) => (format!("https://{name}"), head.target.clone()),
        (None, Some(absolute)) => {
            let (host, path) = absolute.split_once('/').unwrap_or((absolute, ""));
            (format!("http://{host}"), format!("/{path}"))
        }
        (None, None) => (format!("http://{host}"), head.target.clone()),
    };
    let headers = head.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value.clone())));
    Captured { method: head.method.clone(), target: Secret::new(target), base, headers: headers.collect() }
}

/// The certificate authority of one run.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "keymend, for one run on loopback");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, made: Mutex::default() })
    }

    fn certify(&self, name: &str) -> Option<CertifiedKey> {
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(vec![name.to_owned()]).ok()?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).ok()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = rustls::crypto::ring::sign::any_supported_type(&der).ok()?;
        Some(CertifiedKey::new(vec![certificate.der().clone(), self.issuer.der().clone()], signing))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or("localhost").to_owned();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&name) {
            return Some(Arc::clone(known));
        }
        let fresh = Arc::new(self.certify(&name)?);
        made.insert(name, Arc::clone(&fresh));
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    fn ask(capture: &Capture, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(capture.address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_plain_request_is_written_down_and_answered_with_an_error() {
        let capture = Capture::start().unwrap();
        let reply = ask(
            &capture,
            b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Api-Key: sk-FAKE\r\nContent-Length: 2\r\n\r\n{}",
        );
        assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
        let seen = capture.requests();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].path(), "/v1/messages");
        assert!(seen[0].header("x-api-key").unwrap().is("sk-FAKE"));
        assert!(!format!("{seen:?}").contains("sk-FAKE"));
    }

    #[test]
    fn a_proxy_request_names_the_host_that_was_meant() {
        let capture = Capture::start().unwrap();
        ask(&capture, b"GET http://example.test/v1/models HTTP/1.1\r\nHost: example.test\r\n\r\n");
        let seen = capture.requests();
        assert_eq!((seen[0].base.as_str(), seen[0].path().as_str()), ("http://example.test", "/v1/models"));
    }

    #[test]
    fn a_tunnel_ends_here_with_a_certificate_of_this_run() {
        let capture = Capture::start().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(capture.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut stream = TcpStream::connect(capture.address).unwrap();
        stream.write_all(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\n\r\n").unwrap();
        let mut ok = [0; 19];
        stream.read_exact(&mut ok).unwrap();
        let name = "api.anthropic.com".try_into().unwrap();
        let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(client, stream);
        stream.write_all(b"GET /v1/models HTTP/1.1\r\nAuthorization: Bearer sk-FAKE\r\n\r\n").unwrap();
        let found = capture.wait_for(Instant::now() + Duration::from_secs(10), |_| true, || true).unwrap();
        assert_eq!(found.base, "https://api.anthropic.com");
        assert!(found.header("authorization").unwrap().is("Bearer sk-FAKE"));
    }
}
