//! What the traits of other crates are made of.
#![forbid(unsafe_code)]

use super::socket::Socket;
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};

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
