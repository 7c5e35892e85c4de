//! Whole datagrams: what is received of one, and the operations of the sockets
//! that send and receive them.
#![forbid(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::os::fd::BorrowedFd;

use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg, send};
use socket2::{SockAddr, SockRef};

use super::address::SocketAddress;
use super::write::{FLAGS, SIGNED};

/// How much of a datagram was received.
///
/// Whatever does not fit into the buffer is lost. That is no error, for anybody
/// can send a datagram that is too long, and a server would end by it; but it
/// is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "it may have been cut"]
#[non_exhaustive]
pub struct Datagram {
    /// So many bytes are in the buffer.
    pub len: usize,
    /// So many were sent. (Elsewhere than on Linux the system tells only
    /// whether there were more: then this is one more than `len`.)
    pub full_len: usize,
}

impl Datagram {
    /// Whether it was longer than the buffer.
    pub fn is_truncated(&self) -> bool {
        self.full_len > self.len
    }

    /// From what the system says of a message.
    pub(super) fn new(said: usize, room: usize, cut: bool) -> Self {
        let len = said.min(room);
        Self { len, full_len: said.max(len + usize::from(cut)) }
    }
}

/// Linux tells the whole length if it is asked.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const WHOLE: RecvFlags = RecvFlags::TRUNC;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const WHOLE: RecvFlags = RecvFlags::empty();

pub(super) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<(Datagram, SocketAddress)> {
    let room = buffer.len();
    let mut none = RecvAncillaryBuffer::default();
    let said = recvmsg(fd, &mut [IoSliceMut::new(buffer)], &mut none, flags | WHOLE)?;
    let cut = said.flags.contains(ReturnFlags::TRUNC);
    // A Unix socket that was not bound has none.
    let from = said.address.map_or_else(SocketAddress::unnamed, SocketAddress::from_any);
    Ok((Datagram::new(said.bytes, room, cut), from))
}

pub(super) fn transmit(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(fd, bytes, FLAGS)?)
}

pub(super) fn transmit_to(fd: BorrowedFd<'_>, bytes: &[u8], to: &SockAddr) -> io::Result<usize> {
    SockRef::from(&fd).send_to_with_flags(bytes, to, SIGNED)
}

/// The operations of a type with an `endpoint`; `single` refuses if single
/// datagrams cannot be told apart.
macro_rules! datagrams {
    ($socket:ident) => {
        impl $socket {
            /// Receives a datagram, of the peer if there is one
            /// ([`connect`](Self::connect)), of anybody else otherwise. One of
            /// no bytes is one too.
            ///
            /// # Errors
            ///
            /// [`SocketError::ReadFailed`], for instance with `ECONNREFUSED` if
            /// the peer has refused what was sent before: once, and the socket
            /// can be used further. [`SocketError::Timeout`] after
            /// [`set_read_timeout`](Self::set_read_timeout);
            /// [`SocketError::Closed`].
            pub async fn recv(&self, buffer: &mut [u8]) -> Result<Datagram, SocketError> {
                Ok(self.recv_from(buffer).await?.0)
            }

            /// As [`recv`](Self::recv), with the sender's address
            /// (`recvmsg(2)`).
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            pub async fn recv_from(
                &self,
                buffer: &mut [u8],
            ) -> Result<(Datagram, SocketAddress), SocketError> {
                self.receive(buffer, RecvFlags::empty()).await
            }

            /// As [`recv`](Self::recv), but leaves the datagram where it is:
            /// the next operation sees it again.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            pub async fn peek(&self, buffer: &mut [u8]) -> Result<Datagram, SocketError> {
                Ok(self.peek_from(buffer).await?.0)
            }

            /// As [`recv_from`](Self::recv_from), but leaves the datagram where
            /// it is.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            pub async fn peek_from(
                &self,
                buffer: &mut [u8],
            ) -> Result<(Datagram, SocketAddress), SocketError> {
                self.receive(buffer, RecvFlags::PEEK).await
            }

            async fn receive(
                &self,
                buffer: &mut [u8],
                flags: RecvFlags,
            ) -> Result<(Datagram, SocketAddress), SocketError> {
                self.single()?;
                let (wait, failed) = (Wait::new(Direction::Read), SocketError::ReadFailed);
                let receive = |fd: BorrowedFd<'_>| super::datagram::receive(fd, buffer, flags);
                self.endpoint.perform(wait, failed, receive).await
            }

            /// Receives a datagram that is there already; `None` if there is
            /// none.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv), but for the timeout.
            pub fn try_recv(&self, buffer: &mut [u8]) -> Result<Option<Datagram>, SocketError> {
                Ok(self.try_recv_from(buffer)?.map(|(datagram, _)| datagram))
            }

            /// As [`try_recv`](Self::try_recv), with the sender's address.
            ///
            /// # Errors
            ///
            /// As [`try_recv`](Self::try_recv).
            pub fn try_recv_from(
                &self,
                buffer: &mut [u8],
            ) -> Result<Option<(Datagram, SocketAddress)>, SocketError> {
                self.single()?;
                let receive =
                    |fd: BorrowedFd<'_>| super::datagram::receive(fd, buffer, RecvFlags::empty());
                self.endpoint.try_with(receive, SocketError::ReadFailed)
            }

            /// Waits until there is a datagram, or an error; for
            /// [`try_recv`](Self::try_recv). A report may be one too many.
            ///
            /// # Errors
            ///
            /// As [`recv`](Self::recv).
            pub async fn readable(&self) -> Result<(), SocketError> {
                self.endpoint.ready(Direction::Read, SocketError::ReadFailed).await
            }

            /// Sends a datagram to the peer (`send(2)`), whole or not at all,
            /// waiting for room. How many bytes it has; there may be none.
            ///
            /// # Errors
            ///
            /// [`SocketError::WriteFailed`], with `EDESTADDRREQ` or `ENOTCONN`
            /// if there is no peer, with `EMSGSIZE` if it is too long, with
            /// `ECONNREFUSED` if the peer has refused what was sent before:
            /// once, and the socket can be used further.
            /// [`SocketError::Timeout`] after
            /// [`set_write_timeout`](Self::set_write_timeout);
            /// [`SocketError::Closed`].
            pub async fn send(&self, bytes: &[u8]) -> Result<usize, SocketError> {
                let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
                let send = |fd: BorrowedFd<'_>| super::datagram::transmit(fd, bytes);
                self.endpoint.perform(wait, failed, send).await
            }

            /// Sends a datagram to the peer without waiting; `None` if there is
            /// no room.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send), but for the timeout.
            pub fn try_send(&self, bytes: &[u8]) -> Result<Option<usize>, SocketError> {
                let send = |fd: BorrowedFd<'_>| super::datagram::transmit(fd, bytes);
                self.endpoint.try_with(send, SocketError::WriteFailed)
            }

            /// Sends a datagram to that address without waiting; `None` if
            /// there is no room.
            ///
            /// # Errors
            ///
            /// As [`send_to`](Self::send_to), but for the timeout.
            pub fn try_send_to(
                &self,
                bytes: &[u8],
                address: impl Into<SocketAddress>,
            ) -> Result<Option<usize>, SocketError> {
                let to = address.into().to_system().map_err(SocketError::WriteFailed)?;
                let send = |fd: BorrowedFd<'_>| super::datagram::transmit_to(fd, bytes, &to);
                self.endpoint.try_with(send, SocketError::WriteFailed)
            }

            /// Waits until there is room to send to the peer; for
            /// [`try_send`](Self::try_send). A report may be one too many.
            ///
            /// # Errors
            ///
            /// As [`send`](Self::send).
            pub async fn writable(&self) -> Result<(), SocketError> {
                self.endpoint.ready(Direction::Write, SocketError::WriteFailed).await
            }

            /// Sets the peer (`connect(2)`), in place of the one before. From
            /// now on [`send`](Self::send) sends there, and nothing is received
            /// from others but what has arrived already.
            ///
            /// # Errors
            ///
            /// [`SocketError::ConnectionFailed`]; [`SocketError::Closed`].
            pub fn connect(&self, address: impl Into<SocketAddress>) -> Result<(), SocketError> {
                let address = address.into();
                let connect =
                    |fd: BorrowedFd<'_>| SockRef::from(&fd).connect(&address.to_system()?);
                let failed =
                    |error| SocketError::ConnectionFailed { address: address.clone(), error };
                self.endpoint.with(connect, failed)
            }
        }
    };
}

pub(super) use datagrams;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_length_is_known_or_at_least_that_there_was_more() {
        let seen = |said, room, cut| Datagram::new(said, room, cut);
        assert_eq!(seen(5, 10, false), Datagram { len: 5, full_len: 5 });
        assert_eq!(seen(10, 10, false), Datagram { len: 10, full_len: 10 });
        assert_eq!(seen(90, 10, true), Datagram { len: 10, full_len: 90 });
        assert_eq!(seen(10, 10, true), Datagram { len: 10, full_len: 11 });
        assert!(seen(10, 10, true).is_truncated() && !seen(10, 10, false).is_truncated());
    }
}
