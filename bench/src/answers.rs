//! The answers of the HTTP servers, read strictly: a server that answers
//! anything but the greeting would be fast for nothing.

use std::io;

use contest::greeting::GREETING;

const HEAD_END: &[u8] = b"\r\n\r\n";
/// Far more than the head of a greeting has.
const LONGEST_HEAD: usize = 1024;

/// One answer, at the front of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Bytes of it, head and body.
    pub length: usize,
    /// The server says that it is the last.
    pub closes: bool,
}

impl Answer {
    /// Reads an answer; `None` if it is not whole yet.
    ///
    /// # Errors
    ///
    /// If it is not the greeting.
    pub fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let end = bytes.windows(HEAD_END.len()).take(LONGEST_HEAD).position(|at| at == HEAD_END);
        let Some(end) = end else {
            return if bytes.len() > LONGEST_HEAD { Err(wrong(bytes)) } else { Ok(None) };
        };
        let closes = head(&bytes[..end]).ok_or_else(|| wrong(bytes))?;
        let body = &bytes[end + HEAD_END.len()..];
        let length = end + HEAD_END.len() + GREETING.len();
        match body.get(..GREETING.len()) {
            Some(GREETING) => Ok(Some(Self { length, closes })),
            Some(_) => Err(wrong(bytes)),
            None => Ok(None),
        }
    }
}

/// Whether the connection closes after this head; `None` if it is not the
/// greeting's.
fn head(bytes: &[u8]) -> Option<bool> {
    let mut lines = std::str::from_utf8(bytes).ok()?.split("\r\n");
    lines.next().filter(|line| *line == "HTTP/1.1 200 OK")?;
    let (mut length, mut text, mut closes) = (false, false, false);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        match name {
            _ if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse() == Ok(GREETING.len());
            }
            _ if name.eq_ignore_ascii_case("content-type") => text = value == "text/plain",
            _ if name.eq_ignore_ascii_case("connection") => closes = value == "close",
            _ => {}
        }
    }
    (length && text).then_some(closes)
}

fn wrong(bytes: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_HEAD)]);
    io::Error::other(format!("no greeting: {text:?}"))
}
