//! Writing to a stream.
#![forbid(unsafe_code)]

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

use super::endpoint::Wait;
use super::error::SocketError;
use super::socket::Socket;
use crate::reactor::Direction;

/// A peer that is gone is an error, and no signal.
#[cfg(not(target_vendor = "apple"))]
pub(super) const FLAGS: SendFlags = SendFlags::NOSIGNAL;
/// There it is an option of the socket's, set when it is made.
#[cfg(target_vendor = "apple")]
pub(super) const FLAGS: SendFlags = SendFlags::empty();

/// The same for `socket2`.
pub(super) const SIGNED: i32 = FLAGS.bits() as i32;

/// The most buffers that one `sendmsg(2)` takes (`IOV_MAX`, on every system).
const MOST: usize = 1024;

/// So many bytes are copied together sooner than the kernel collects them:
/// `sendmsg(2)` of two buffers takes it 180 ns longer than `send(2)` of one.
const SMALL: usize = 1024;

impl Socket {
    /// Writes as much as there is room for, waiting for room for the first
    /// byte; how much that was. An empty buffer is written at once.
    ///
    /// # Errors
    ///
    /// [`SocketError::WriteFailed`], for instance with `EPIPE`;
    /// [`SocketError::Timeout`] after [`set_write_timeout`](Self::set_write_timeout);
    /// [`SocketError::Closed`].
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = Result<usize, SocketError>> {
        self.transmit(bytes.len(), move |fd| put(fd, bytes))
    }

    /// As [`write`](Self::write), from several buffers one after the other
    /// (`sendmsg(2)`, or `send(2)` of a copy if they are small; of more than the
    /// system takes at once the first).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = Result<usize, SocketError>> {
        let buffers = at_once(buffers);
        self.transmit(length(buffers), move |fd| put_vectored(fd, buffers))
    }

    /// Writes everything, at the peer's pace. Nothing is copied.
    ///
    /// Dropping this future leaves off in the middle.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_all(&self, mut bytes: &[u8]) -> Result<(), SocketError> {
        loop {
            bytes = &bytes[self.write(bytes).await?..];
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// As [`write_all`](Self::write_all), from any number of buffers. They are
    /// advanced past what was written.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_all_vectored(
        &self,
        mut buffers: &mut [IoSlice<'_>],
    ) -> Result<(), SocketError> {
        // Past the empty ones, of which the system would make a write of nothing.
        IoSlice::advance_slices(&mut buffers, 0);
        while !buffers.is_empty() {
            let count = self.write_vectored(buffers).await?;
            IoSlice::advance_slices(&mut buffers, count);
        }
        Ok(())
    }

    /// Writes without waiting; `None` if there is no room.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), but for the timeout.
    pub fn try_write(&self, bytes: &[u8]) -> Result<Option<usize>, SocketError> {
        self.endpoint.try_with(|fd| put(fd, bytes), SocketError::WriteFailed)
    }

    /// As [`try_write`](Self::try_write), from several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> Result<Option<usize>, SocketError> {
        let buffers = at_once(buffers);
        self.endpoint.try_with(|fd| put_vectored(fd, buffers), SocketError::WriteFailed)
    }

    /// Waits until there is room to write, or the connection has failed; for
    /// [`try_write`](Self::try_write). A report may be one too many.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn writable(&self) -> impl Future<Output = Result<(), SocketError>> {
        self.endpoint.ready(Direction::Write, SocketError::WriteFailed)
    }

    fn transmit(
        &self,
        wanted: usize,
        operation: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> impl Future<Output = Result<usize, SocketError>> {
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        // A short write has left the system's buffer full.
        self.endpoint.transfer(wait, failed, operation, move |count| *count < wanted)
    }
}

pub(super) fn put(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    Ok(send(fd, bytes, FLAGS)?)
}

pub(super) fn put_vectored(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    match buffers {
        [only] => put(fd, only),
        _ if length(buffers) <= SMALL => put(fd, join(buffers, &mut [0; SMALL])),
        _ => Ok(sendmsg(fd, buffers, &mut SendAncillaryBuffer::default(), FLAGS)?),
    }
}

/// The bytes of all buffers in one.
fn join<'a>(buffers: &[IoSlice<'_>], room: &'a mut [u8; SMALL]) -> &'a [u8] {
    let mut length = 0;
    for buffer in buffers {
        room[length..][..buffer.len()].copy_from_slice(buffer);
        length += buffer.len();
    }
    &room[..length]
}

/// As many of them as the system takes.
pub(super) fn at_once<'a, 'b>(buffers: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    &buffers[..buffers.len().min(MOST)]
}

pub(super) fn length(buffers: &[IoSlice<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}
