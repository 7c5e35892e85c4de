//! What the HTTP servers answer, and how those that are written by hand do.

/// The body.
pub const GREETING: &[u8] = b"Hello, World!";

/// One whole response.
pub const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/plain\r\n\
    content-length: 13\r\n\
    \r\n\
    Hello, World!";

const END: &[u8] = b"\r\n\r\n";

/// Where requests without a body end in a stream of bytes.
#[derive(Debug, Default)]
pub struct Requests {
    /// Bytes of the blank line that have been seen.
    matched: usize,
}

impl Requests {
    /// How many requests end within these bytes.
    pub fn count(&mut self, bytes: &[u8]) -> usize {
        let mut ends = 0;
        for byte in bytes {
            self.matched = match *byte {
                byte if byte == END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == END.len() {
                self.matched = 0;
                ends += 1;
            }
        }
        ends
    }
}
