//! Reading from a stream.
#![forbid(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::os::fd::BorrowedFd;

use rustix::net::{RecvFlags, recv};

use super::endpoint::Wait;
use super::error::SocketError;
use super::socket::Socket;
use crate::reactor::Direction;

/// What `read_to_end` asks for at a time.
const CHUNK: usize = 16 * 1024;

impl Socket {
    /// Reads what is there, at most `buffer`, waiting for the first byte. Zero
    /// bytes are the end of the stream (or an empty buffer).
    ///
    /// # Errors
    ///
    /// [`SocketError::ReadFailed`], for instance with `ECONNRESET`;
    /// [`SocketError::Timeout`] after [`set_read_timeout`](Self::set_read_timeout);
    /// [`SocketError::Closed`].
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = Result<usize, SocketError>> {
        let wanted = buffer.len();
        self.receive(wanted, move |fd| take(fd, buffer))
    }

    /// As [`read`](Self::read), into several buffers one after the other
    /// (`readv(2)`; of more than the system takes at once the first).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = Result<usize, SocketError>> {
        self.receive(room(buffers), move |fd| take_vectored(fd, buffers))
    }

    /// As [`read`](Self::read), but leaves the bytes where they are: the next
    /// read sees them again.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn peek(&self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        let peek = |fd: BorrowedFd<'_>| Ok(recv(fd, &mut *buffer, RecvFlags::PEEK)?.0);
        // What was only looked at is there still.
        self.receive(0, peek).await
    }

    /// Reads what is there without waiting; `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but for the timeout.
    pub fn try_read(&self, buffer: &mut [u8]) -> Result<Option<usize>, SocketError> {
        self.endpoint.try_with(|fd| take(fd, buffer), SocketError::ReadFailed)
    }

    /// As [`try_read`](Self::try_read), into several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    pub fn try_read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<Option<usize>, SocketError> {
        self.endpoint.try_with(|fd| take_vectored(fd, buffers), SocketError::ReadFailed)
    }

    /// Waits until there is something to read, the end of the stream included;
    /// for [`try_read`](Self::try_read). A report may be one too many.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn readable(&self) -> impl Future<Output = Result<(), SocketError>> {
        self.endpoint.ready(Direction::Read, SocketError::ReadFailed)
    }

    /// Fills the buffer.
    ///
    /// Dropping this future loses what it has read so far.
    ///
    /// # Errors
    ///
    /// [`SocketError::ConnectionClosed`] if the stream ends before; what was
    /// read is in the buffer. And as [`read`](Self::read).
    pub async fn read_exact(&self, mut buffer: &mut [u8]) -> Result<(), SocketError> {
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => return Err(SocketError::ConnectionClosed),
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(())
    }

    /// Appends all there is to the end of the stream, at most `limit` bytes;
    /// how many.
    ///
    /// # Errors
    ///
    /// [`SocketError::LimitExceeded`] if there is more: `bytes` has got `limit`
    /// of them, and the rest can still be read. And as [`read`](Self::read);
    /// what came before is in `bytes` always.
    pub async fn read_to_end(
        &self,
        bytes: &mut Vec<u8>,
        limit: usize,
    ) -> Result<usize, SocketError> {
        let before = bytes.len();
        loop {
            let room = limit - (bytes.len() - before);
            if room == 0 {
                return self.expect_end(limit).await;
            }
            if self.read_some(bytes, room.min(CHUNK)).await? == 0 {
                return Ok(bytes.len() - before);
            }
        }
    }

    /// Appends what is there. The bytes grow inside the operation only: a
    /// future that is dropped leaves no zeros behind.
    async fn read_some(&self, bytes: &mut Vec<u8>, most: usize) -> Result<usize, SocketError> {
        let length = bytes.len();
        let append = |fd: BorrowedFd<'_>| {
            bytes.resize(length + most, 0);
            let taken = take(fd, &mut bytes[length..]);
            bytes.truncate(length + taken.as_ref().map_or(0, |count| *count));
            taken
        };
        self.receive(most, append).await
    }

    async fn expect_end(&self, limit: usize) -> Result<usize, SocketError> {
        match self.peek(&mut [0]).await? {
            0 => Ok(limit),
            _ => Err(SocketError::LimitExceeded { limit }),
        }
    }

    fn receive(
        &self,
        wanted: usize,
        operation: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> impl Future<Output = Result<usize, SocketError>> {
        let (wait, failed) = (Wait::new(Direction::Read), SocketError::ReadFailed);
        self.endpoint.transfer(wait, failed, operation, move |count| drains(*count, wanted))
    }
}

/// Whether a read has found the system's buffer empty: a short one has, but
/// for the end of the stream.
pub(super) fn drains(count: usize, wanted: usize) -> bool {
    0 < count && count < wanted
}

/// How much fits into the buffers.
pub(super) fn room(buffers: &[IoSliceMut<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

/// Nothing is asked of the system for an empty buffer: it would wait for bytes.
pub(super) fn take(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    if buffer.is_empty() {
        return Ok(0);
    }
    Ok(recv(fd, buffer, RecvFlags::empty())?.0)
}

pub(super) fn take_vectored(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    Ok(rustix::io::readv(fd, buffers)?)
}
