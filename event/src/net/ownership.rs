//! Who closes a descriptor.
#![forbid(unsafe_code)]

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::error::SocketError;
use crate::sys::RawIo;

/// Who closes the descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// The socket: when it is closed or dropped, once.
    Owned,
    /// Somebody else. The socket never does, not even when it is closed.
    Borrowed,
}

/// A descriptor, in either way.
#[derive(Debug)]
pub(crate) enum Descriptor {
    Owned(OwnedFd),
    Borrowed(RawIo),
}

impl Descriptor {
    pub(crate) fn ownership(&self) -> Ownership {
        match self {
            Self::Owned(_) => Ownership::Owned,
            Self::Borrowed(_) => Ownership::Borrowed,
        }
    }

    pub(crate) fn into_owned(self) -> Option<OwnedFd> {
        match self {
            Self::Owned(fd) => Some(fd),
            Self::Borrowed(_) => None,
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Owned(fd) => fd.as_fd(),
            Self::Borrowed(io) => io.as_fd(),
        }
    }
}

/// A descriptor that could not be adopted, and why.
pub struct AdoptError {
    fd: Option<OwnedFd>,
    error: SocketError,
}

impl AdoptError {
    pub(crate) fn new(descriptor: Option<Descriptor>, error: SocketError) -> Self {
        Self { fd: descriptor.and_then(Descriptor::into_owned), error }
    }

    /// Why.
    pub fn error(&self) -> &SocketError {
        &self.error
    }

    /// The descriptor, open, if it was handed over; and why.
    pub fn into_parts(self) -> (Option<OwnedFd>, SocketError) {
        (self.fd, self.error)
    }
}

impl From<AdoptError> for SocketError {
    fn from(error: AdoptError) -> Self {
        error.error
    }
}

impl From<AdoptError> for std::io::Error {
    fn from(error: AdoptError) -> Self {
        error.error.into()
    }
}

impl fmt::Debug for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl fmt::Display for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for AdoptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
