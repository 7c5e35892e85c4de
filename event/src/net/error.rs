//! What goes wrong with sockets.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind};

use rustix::io::Errno;
use thiserror::Error;

use super::address::SocketAddress;
use crate::task::Elapsed;

/// Why an operation on a socket failed: which operation, on what, and what the
/// system said.
///
/// It turns into an [`io::Error`] of the fitting kind, which keeps this value
/// as its inner error.
///
/// ```
/// use event::{SocketAddress, SocketError};
///
/// let error = SocketAddress::ipv4("localhost", 80).unwrap_err();
/// assert!(matches!(&error, SocketError::InvalidAddress(text) if text == "localhost"));
/// let error = std::io::Error::from(error);
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// `socket(2)`.
    #[error("cannot create a socket: {0}")]
    CreationFailed(#[source] io::Error),
    /// `bind(2)`.
    #[error("cannot bind to {address}: {error}")]
    BindFailed {
        /// To this.
        address: SocketAddress,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// `listen(2)`.
    #[error("cannot listen: {0}")]
    ListenFailed(#[source] io::Error),
    /// `accept(2)`.
    #[error("cannot accept a connection: {0}")]
    AcceptFailed(#[source] io::Error),
    /// `connect(2)`, also if it failed in the background.
    #[error("cannot connect to {address}: {error}")]
    ConnectionFailed {
        /// To this.
        address: SocketAddress,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// `recv(2)` and its kin.
    #[error("cannot read: {0}")]
    ReadFailed(#[source] io::Error),
    /// `send(2)` and its kin.
    #[error("cannot write: {0}")]
    WriteFailed(#[source] io::Error),
    /// `shutdown(2)`.
    #[error("cannot shut down: {0}")]
    ShutdownFailed(#[source] io::Error),
    /// `setsockopt(2)`, `getsockopt(2)` and their kin.
    #[error("{option}: {error}")]
    OptionFailed {
        /// As the system's manual calls it.
        option: &'static str,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A descriptor that was handed in cannot be used.
    #[error("cannot adopt the descriptor: {0}")]
    AdoptionFailed(#[source] io::Error),
    /// This text (or this address, in this place) is no address.
    #[error("not an address: {0:?}")]
    InvalidAddress(String),
    /// The peer closed the connection before everything had arrived.
    #[error("the connection was closed by the peer before everything had arrived")]
    ConnectionClosed,
    /// The time that was given was not enough. The socket can be used further.
    #[error("the operation timed out")]
    Timeout,
    /// The object was closed, on this side.
    #[error("the socket is closed")]
    Closed,
    /// More than the caller wants to have.
    #[error("more than {limit} bytes")]
    LimitExceeded {
        /// The limit.
        limit: usize,
    },
    /// This system, or this kernel, cannot do it.
    #[error("not supported here: {0}")]
    Unsupported(&'static str),
}

impl SocketError {
    /// What the system said, if it was asked.
    pub fn os_error(&self) -> Option<&io::Error> {
        match self {
            Self::CreationFailed(error)
            | Self::BindFailed { error, .. }
            | Self::ListenFailed(error)
            | Self::AcceptFailed(error)
            | Self::ConnectionFailed { error, .. }
            | Self::ReadFailed(error)
            | Self::WriteFailed(error)
            | Self::ShutdownFailed(error)
            | Self::OptionFailed { error, .. }
            | Self::AdoptionFailed(error) => Some(error),
            _ => None,
        }
    }

    /// The number of the system's error (`errno`).
    pub fn errno(&self) -> Option<i32> {
        self.os_error()?.raw_os_error()
    }

    /// The kind of the [`io::Error`] that this turns into.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidAddress(_) => ErrorKind::InvalidInput,
            Self::ConnectionClosed => ErrorKind::UnexpectedEof,
            Self::Timeout => ErrorKind::TimedOut,
            Self::Closed => ErrorKind::NotConnected,
            Self::LimitExceeded { .. } => ErrorKind::InvalidData,
            Self::Unsupported(_) => ErrorKind::Unsupported,
            other => other.os_error().map_or(ErrorKind::Other, io::Error::kind),
        }
    }

    /// Whether descriptors or memory have run out (`EMFILE`, `ENFILE`,
    /// `ENOMEM`, `ENOBUFS`): it may work later. A server that goes on accepting
    /// after this waits a while by itself.
    pub fn is_exhaustion(&self) -> bool {
        let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
        let errno = self.os_error().and_then(Errno::from_io_error);
        errno.is_some_and(|errno| lacks.contains(&errno))
    }

    pub(crate) fn option(option: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::OptionFailed { option, error }
    }
}

/// Of [`timeout`](crate::timeout): `timeout(time, socket.read(&mut bytes)).await??`.
impl From<Elapsed> for SocketError {
    fn from(_: Elapsed) -> Self {
        Self::Timeout
    }
}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> Self {
        Self::new(error.kind(), error)
    }
}
