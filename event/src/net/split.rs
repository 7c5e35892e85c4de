//! The two directions of a socket, apart.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::rc::Rc;

use super::error::SocketError;
use super::socket::Socket;

/// The reading half of a borrowed socket; from [`Socket::split`].
#[derive(Clone, Copy, Debug)]
pub struct ReadHalf<'a>(&'a Socket);

/// The writing half of a borrowed socket; from [`Socket::split`].
#[derive(Clone, Copy, Debug)]
pub struct WriteHalf<'a>(&'a Socket);

/// The reading half of a socket that is owned by both; from [`Socket::into_split`].
pub struct OwnedReadHalf(Rc<Socket>);

/// The writing half of a socket that is owned by both; from [`Socket::into_split`].
///
/// When it is dropped the peer reads the end of the stream.
pub struct OwnedWriteHalf {
    socket: Rc<Socket>,
    /// Whether the stream ends with this half.
    ends: bool,
}

impl<'a> ReadHalf<'a> {
    pub(super) fn new(socket: &'a Socket) -> Self {
        Self(socket)
    }

    /// The whole.
    pub fn socket(&self) -> &'a Socket {
        self.0
    }
}

impl<'a> WriteHalf<'a> {
    pub(super) fn new(socket: &'a Socket) -> Self {
        Self(socket)
    }

    /// The whole.
    pub fn socket(&self) -> &'a Socket {
        self.0
    }
}

impl OwnedReadHalf {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self(socket)
    }

    /// The whole.
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    /// Puts the two halves of one socket together again.
    ///
    /// # Errors
    ///
    /// Hands both back if they are not of one socket.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<Socket, ReuniteError> {
        if !std::ptr::eq(self.socket(), other.socket()) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        // Two halves are all there are.
        Rc::try_unwrap(self.0)
            .map_err(|shared| ReuniteError(Self::new(shared.clone()), OwnedWriteHalf::new(shared)))
    }
}

impl OwnedWriteHalf {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self { socket, ends: true }
    }

    /// The whole.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Drops the half, but does not end the stream: the peer goes on waiting.
    pub fn forget(mut self) {
        self.ends = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.ends {
            // It may have been closed or reset: then the stream has ended already.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }
}

/// Two halves that do not belong together.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves are of different sockets")
    }
}

impl std::error::Error for ReuniteError {}

/// The reading operations, as the whole has them.
macro_rules! reading {
    ($($half:ty),*) => {$(
        impl $half {
            /// As [`Socket::read`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn read(&self, buffer: &mut [u8]) -> Result<usize, SocketError> {
                self.socket().read(buffer).await
            }

            /// As [`Socket::read_vectored`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn read_vectored(
                &self,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Result<usize, SocketError> {
                self.socket().read_vectored(buffers).await
            }

            /// As [`Socket::peek`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn peek(&self, buffer: &mut [u8]) -> Result<usize, SocketError> {
                self.socket().peek(buffer).await
            }

            /// As [`Socket::read_exact`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn read_exact(&self, buffer: &mut [u8]) -> Result<(), SocketError> {
                self.socket().read_exact(buffer).await
            }

            /// As [`Socket::read_to_end`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn read_to_end(
                &self,
                bytes: &mut Vec<u8>,
                limit: usize,
            ) -> Result<usize, SocketError> {
                self.socket().read_to_end(bytes, limit).await
            }
        }
    )*};
}

/// The writing operations, as the whole has them.
macro_rules! writing {
    ($($half:ty),*) => {$(
        impl $half {
            /// As [`Socket::write`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn write(&self, bytes: &[u8]) -> Result<usize, SocketError> {
                self.socket().write(bytes).await
            }

            /// As [`Socket::write_vectored`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn write_vectored(
                &self,
                buffers: &[IoSlice<'_>],
            ) -> Result<usize, SocketError> {
                self.socket().write_vectored(buffers).await
            }

            /// As [`Socket::write_all`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn write_all(&self, bytes: &[u8]) -> Result<(), SocketError> {
                self.socket().write_all(bytes).await
            }

            /// As [`Socket::write_all_vectored`].
            ///
            /// # Errors
            ///
            /// As there.
            pub async fn write_all_vectored(
                &self,
                buffers: &mut [IoSlice<'_>],
            ) -> Result<(), SocketError> {
                self.socket().write_all_vectored(buffers).await
            }

            /// Ends the stream for the peer, which can go on sending; as
            /// [`Socket::shutdown`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn shutdown(&self) -> Result<(), SocketError> {
                self.socket().shutdown(Shutdown::Write)
            }
        }
    )*};
}

reading!(ReadHalf<'_>, OwnedReadHalf);
writing!(WriteHalf<'_>, OwnedWriteHalf);

impl fmt::Debug for OwnedReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedReadHalf").field(self.socket()).finish()
    }
}

impl fmt::Debug for OwnedWriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedWriteHalf").field(self.socket()).finish()
    }
}
