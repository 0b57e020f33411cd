//! The part of HTTP/1.1 that keymend's own servers on loopback need: heads and bodies of a known length.

use std::io::{self, Read};

/// The largest request head that is read.
const MAX_HEAD: usize = 256 * 1024;

/// A request's head, parsed.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads until the end of the next head; what came after it stays in `rest`. None at the end of the connection.
pub(super) fn read_head(stream: &mut impl Read, rest: &mut Vec<u8>) -> io::Result<Option<Head>> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(rest) {
            Ok(httparse::Status::Complete(length)) => {
                let headers = request.headers.iter().map(|header| {
                    (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
                });
                let head = Head {
                    method: request.method.unwrap_or_default().to_owned(),
                    target: request.path.unwrap_or_default().to_owned(),
                    headers: headers.collect(),
                };
                rest.drain(..length);
                return Ok(Some(head));
            }
            Ok(httparse::Status::Partial) if rest.len() < MAX_HEAD => {}
            _ => return Ok(None),
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => rest.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Reads a body of `length` bytes, of which some may already be in `rest`, or none if it ends early.
pub(super) fn read_body(
    stream: &mut impl Read,
    rest: &mut Vec<u8>,
    length: u64,
) -> io::Result<Option<Vec<u8>>> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut body: Vec<u8> = rest.drain(..length.min(rest.len())).collect();
    let missing = length - body.len();
    stream.take(missing as u64).read_to_end(&mut body)?;
    Ok((body.len() == length).then_some(body))
}
