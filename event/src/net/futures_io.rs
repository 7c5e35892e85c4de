//! The traits that any futures code takes.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::error::SocketError;
use super::read::{drains, room, take, take_vectored};
use super::socket::Socket;
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::write::{at_once, length, put, put_vectored};
use crate::reactor::Direction;

/// What the traits of all kinds are made of: of those who poll one direction,
/// the last is woken.
impl Socket {
    /// One poll of a read of at most `wanted` bytes, by a call that knows where to.
    pub(crate) fn poll_take(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        take: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<Result<usize, SocketError>> {
        let (read, failed) = (Direction::Read, SocketError::ReadFailed);
        self.endpoint.poll_by_hand(read, context, failed, take, |count| drains(*count, wanted))
    }

    fn poll_put(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        put: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<Result<usize, SocketError>> {
        let (write, failed) = (Direction::Write, SocketError::WriteFailed);
        self.endpoint.poll_by_hand(write, context, failed, put, |count| *count < wanted)
    }

    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_take(context, buffer.len(), |fd| take(fd, buffer))
    }

    pub(crate) fn poll_read_vectored(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_take(context, room(buffers), |fd| take_vectored(fd, buffers))
    }

    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, SocketError>> {
        self.poll_put(context, bytes.len(), |fd| put(fd, bytes))
    }

    pub(crate) fn poll_write_vectored(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize, SocketError>> {
        let buffers = at_once(buffers);
        self.poll_put(context, length(buffers), |fd| put_vectored(fd, buffers))
    }

    /// Ends the stream for the peer. One that has ended, by whichever way, is
    /// no error: closing twice is allowed.
    pub(crate) fn end_stream(&self) -> Result<(), SocketError> {
        match self.shutdown(Shutdown::Write) {
            Err(SocketError::Closed) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }
}

macro_rules! async_read {
    ($($reader:ty),*) => {$(
        impl AsyncRead for $reader {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_read(context, buffer).map_err(io::Error::from)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_read_vectored(context, buffers).map_err(io::Error::from)
            }
        }
    )*};
}

macro_rules! async_write {
    ($($writer:ty),*) => {$(
        /// `poll_close` ends the stream for the peer; the descriptor stays open.
        impl AsyncWrite for $writer {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_write(context, bytes).map_err(io::Error::from)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.socket().poll_write_vectored(context, buffers).map_err(io::Error::from)
            }

            /// Nothing is held back here.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.socket().end_stream().map_err(io::Error::from))
            }
        }
    )*};
}

async_read!(Socket, &Socket, ReadHalf<'_>, OwnedReadHalf);
async_write!(Socket, &Socket, WriteHalf<'_>, OwnedWriteHalf);

impl Socket {
    /// For the macros: all of the above lead here.
    fn socket(&self) -> &Self {
        self
    }
}
