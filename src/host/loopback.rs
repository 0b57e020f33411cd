//! A small HTTP server on 127.0.0.1 with a function for its answers: the demo's providers, and the tests'.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::wire::{read_body, read_head};

/// The largest body that is read.
const MAX_BODY: u64 = 4 * 1024 * 1024;
/// How long a connection may stay silent.
const SILENCE: Duration = Duration::from_mins(1);

/// A request as the function sees it.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the function answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers beside length and connection.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long to wait before the answer.
    pub delay: Duration,
}

impl Reply {
    /// A JSON answer at once.
    #[must_use]
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.into().into_bytes(), delay: Duration::ZERO }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer after a while.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A running server. Dropping it closes the port.
pub struct Loopback {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

impl Loopback {
    /// Opens a port on 127.0.0.1; every connection has its own thread.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let (flag, handler): (_, Arc<Handler>) = (Arc::clone(&closed), Arc::new(handler));
        std::thread::Builder::new().name("loopback".into()).spawn(move || {
            for stream in listener.incoming() {
                if flag.load(Ordering::Acquire) {
                    return;
                }
                let (Ok(stream), handler) = (stream, Arc::clone(&handler)) else { continue };
                // A connection that breaks off is the client's to notice.
                let _ = std::thread::Builder::new().name("loopback-connection".into()).spawn(move || {
                    let _ = serve(stream, &*handler);
                });
            }
        })?;
        Ok(Self { address, closed })
    }

    /// The server's address as a base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // Wakes the accepting thread, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, handler: &Handler) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut rest)? {
        let length = head.get("content-length").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if length > MAX_BODY {
            return Ok(());
        }
        let Some(body) = read_body(&mut stream, &mut rest, length)? else { return Ok(()) };
        let request = Request { method: head.method, target: head.target, headers: head.headers, body };
        write_reply(&mut stream, &handler(&request))?;
    }
    Ok(())
}

fn write_reply(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    if !reply.delay.is_zero() {
        std::thread::sleep(reply.delay);
    }
    let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    stream.write_all(&reply.body)?;
    stream.flush()
}
