//! Reading records of unknown length.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::pin::Pin;
use std::str;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead};

use super::lines::Lines;
use super::restore;
use crate::net::SocketError;

/// What is asked for at a time.
const CHUNK: usize = 8 * 1024;

/// The longest record, if no other limit is set.
const LIMIT: usize = 64 * 1024;

/// Reads lines, and records that end in some byte, from any stream; none is
/// longer than a limit.
///
/// Dropping the future of an operation loses nothing: what has arrived stays in
/// the buffer.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{BufferedReader, EventLoop, Socket, SocketError};
///
/// let events = EventLoop::new()?;
/// let (client, served) = Socket::pair(&events.handle())?;
/// let mut reader = BufferedReader::new(served).limit(20);
/// events.block_on(async {
///     client.write_all(b"one\r\ntwo\n0123456789 0123456789 0123456789").await?;
///     assert_eq!(reader.line().await?, Some("one"));
///     assert_eq!(reader.line().await?, Some("two"));
///     let error = reader.line().await.unwrap_err();
///     assert!(matches!(error, SocketError::LimitExceeded { limit: 20 }));
///     Ok::<_, SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct BufferedReader<R> {
    reader: R,
    /// All of it is initialised; what was read and not taken is in `filled`.
    bytes: Vec<u8>,
    filled: Range<usize>,
    /// So much of `filled` is known to be without this byte.
    searched: (u8, usize),
    limit: usize,
}

impl<R> BufferedReader<R> {
    /// With a limit of 64 KiB.
    pub fn new(reader: R) -> Self {
        Self { reader, bytes: Vec::new(), filled: 0..0, searched: (0, 0), limit: LIMIT }
    }

    /// The longest record, its end included.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The stream. What is read from it passes the buffer by.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The stream, as [`get_ref`](Self::get_ref).
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// What was read and not taken.
    pub fn buffer(&self) -> &[u8] {
        &self.bytes[self.filled.clone()]
    }

    /// The stream, and what was read and not taken.
    pub fn into_parts(mut self) -> (R, Vec<u8>) {
        self.bytes.truncate(self.filled.end);
        (self.reader, self.bytes.split_off(self.filled.start))
    }

    /// Takes so many bytes out; they can be looked at until the next read.
    fn take(&mut self, count: usize) -> &[u8] {
        let start = self.filled.start;
        self.filled.start += count;
        self.searched.1 = 0;
        &self.bytes[start..start + count]
    }

    /// Looks for the end of a record in what is there: its length.
    fn find(&mut self, delimiter: u8) -> Option<usize> {
        let known = if self.searched.0 == delimiter { self.searched.1 } else { 0 };
        let place = self.buffer()[known..].iter().position(|byte| *byte == delimiter);
        self.searched = (delimiter, self.filled.len());
        place.map(|place| known + place + 1)
    }
}

impl<R: AsyncRead + Unpin> BufferedReader<R> {
    /// The next record, up to and with `delimiter`. At the end of the stream it
    /// may lack it; after that records are empty.
    ///
    /// # Errors
    ///
    /// [`SocketError::LimitExceeded`] if it is longer than the limit: it stays in
    /// the buffer, for [`read`](Self::read), and this will fail again until it
    /// is gone. And those of the stream: the socket's own,
    /// [`SocketError::ReadFailed`] with another's.
    pub async fn until(&mut self, delimiter: u8) -> Result<&[u8], SocketError> {
        let length = poll_fn(|context| self.poll_until(context, delimiter)).await?;
        Ok(self.take(length))
    }

    /// The next line, without its end (`\n` or `\r\n`); `None` at the end of the
    /// stream.
    ///
    /// # Errors
    ///
    /// [`SocketError::ReadFailed`] of the kind `InvalidData` if it is not UTF-8:
    /// then that line is gone. And as [`until`](Self::until).
    pub async fn line(&mut self) -> Result<Option<&str>, SocketError> {
        let length = poll_fn(|context| self.poll_until(context, b'\n')).await?;
        self.take_line(length)
    }

    /// The lines, as a stream.
    pub fn lines(self) -> Lines<R> {
        Lines::new(self)
    }

    /// What is there, at most `buffer`; zero is the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the stream, as [`until`](Self::until).
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        let read = poll_fn(|context| Pin::new(&mut *self).poll_read(context, buffer)).await;
        read.map_err(failed)
    }

    /// Fills `buffer`.
    ///
    /// Dropping this future loses what it has taken so far.
    ///
    /// # Errors
    ///
    /// [`SocketError::ConnectionClosed`] if the stream ends before; and those of
    /// the stream.
    pub async fn read_exact(&mut self, mut buffer: &mut [u8]) -> Result<(), SocketError> {
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => return Err(SocketError::ConnectionClosed),
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(())
    }

    pub(super) fn poll_line(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<&str>, SocketError>> {
        let length = ready!(self.poll_until(context, b'\n'))?;
        Poll::Ready(self.take_line(length))
    }

    fn take_line(&mut self, length: usize) -> Result<Option<&str>, SocketError> {
        match self.take(length) {
            [] => Ok(None),
            line => text(line).map(Some),
        }
    }

    /// Until a whole record is there: its length.
    fn poll_until(
        &mut self,
        context: &mut Context<'_>,
        delimiter: u8,
    ) -> Poll<Result<usize, SocketError>> {
        loop {
            let limit = self.limit;
            let found = self.find(delimiter);
            if found.unwrap_or(self.filled.len() + 1) > limit {
                return Poll::Ready(Err(SocketError::LimitExceeded { limit }));
            }
            if let Some(length) = found {
                return Poll::Ready(Ok(length));
            }
            if ready!(self.poll_more(context)).map_err(failed)? == 0 {
                return Poll::Ready(Ok(self.filled.len()));
            }
        }
    }

    /// Reads more behind what is there.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let room = &mut self.bytes[self.filled.end..];
        let count = ready!(Pin::new(&mut self.reader).poll_read(context, room))?;
        self.filled.end += count;
        Poll::Ready(Ok(count))
    }

    fn make_room(&mut self) {
        if self.filled.end == self.bytes.len() && self.filled.start > 0 {
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.filled.end == self.bytes.len() {
            let length = self.bytes.len();
            self.bytes.resize(length + length.max(CHUNK), 0);
        }
    }
}

/// A line without its end.
fn text(line: &[u8]) -> Result<&str, SocketError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let invalid = |error| io::Error::new(ErrorKind::InvalidData, error);
    str::from_utf8(line).map_err(|error| SocketError::ReadFailed(invalid(error)))
}

fn failed(error: io::Error) -> SocketError {
    restore(error, SocketError::ReadFailed)
}

impl<R: AsyncRead + Unpin> AsyncBufRead for BufferedReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.filled.is_empty() {
            ready!(this.poll_more(context))?;
        }
        Poll::Ready(Ok(this.buffer()))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let count = count.min(self.filled.len());
        self.take(count);
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BufferedReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // A large read is not copied.
        if self.filled.is_empty() && buffer.len() >= CHUNK {
            return Pin::new(&mut self.reader).poll_read(context, buffer);
        }
        let there = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl<R: fmt::Debug> fmt::Debug for BufferedReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedReader")
            .field("reader", &self.reader)
            .field("buffered", &self.filled.len())
            .field("limit", &self.limit)
            .finish()
    }
}
