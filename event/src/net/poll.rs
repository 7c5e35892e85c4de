//! What the traits of other crates are made of.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};

use super::error::SocketError;
use super::read::drains;
use super::socket::Socket;
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::reactor::Direction;

/// A socket, or a part of one.
pub(crate) trait AsSocket {
    fn as_socket(&self) -> &Socket;
}

macro_rules! parts {
    ($($part:ty),*) => {$(
        impl AsSocket for $part {
            fn as_socket(&self) -> &Socket {
                self.socket()
            }
        }
    )*};
}

parts!(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);

impl AsSocket for Socket {
    fn as_socket(&self) -> &Socket {
        self
    }
}

impl AsSocket for &Socket {
    fn as_socket(&self) -> &Socket {
        self
    }
}

impl Socket {
    /// One poll of a read of at most `wanted` bytes, by a call that knows where to.
    pub(crate) fn poll_receive(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        receive: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<()>> {
        let (read, failed) = (Direction::Read, SocketError::ReadFailed);
        let drains = |count: &usize| drains(*count, wanted);
        let polled = self.endpoint.poll_by_hand(read, context, failed, receive, drains);
        polled.map_ok(drop).map_err(io::Error::from)
    }
}
