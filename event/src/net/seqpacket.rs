//! Unix connections of packets.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::net::RecvFlags;
use socket2::{Domain, SockRef, Type};

use super::address::SocketAddress;
use super::common::{common, is_socket, limited};
use super::connect::{PAUSE, rest};
use super::create::{create, pair};
use super::datagram::{self, Datagram};
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use crate::reactor::{Direction, LoopHandle};
use crate::sys::RawIo;

/// A Unix connection that keeps packets apart (`SOCK_SEQPACKET`): like a stream
/// it is connected, ordered and ends; like datagrams, what is sent with one
/// call is received with one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, SeqpacketSocket};
///
/// let events = EventLoop::new()?;
/// let (one, other) = SeqpacketSocket::pair(&events.handle())?;
/// events.block_on(async {
///     one.send(b"first").await?;
///     one.send(b"second").await?;
///     drop(one);
///     let mut buffer = [0; 64];
///     let mut lengths = Vec::new();
///     while let Some(packet) = other.recv(&mut buffer).await? {
///         lengths.push(packet.len);
///     }
///     assert_eq!(lengths, [5, 6]);
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct SeqpacketSocket {
    pub(super) endpoint: Endpoint,
}

common!(SeqpacketSocket, is_seqpacket, "a Unix connection of packets");
limited!(SeqpacketSocket);

pub(super) fn is_seqpacket(fd: &Descriptor) -> io::Result<()> {
    is_socket(fd, Type::SEQPACKET, &[Domain::UNIX])
}

impl SeqpacketSocket {
    /// Connects to the server at `address`, waiting while its backlog is full.
    ///
    /// # Errors
    ///
    /// [`SocketError::ConnectionFailed`], for instance with `ECONNREFUSED`,
    /// with `ENOENT` if there is no such file; [`SocketError::CreationFailed`].
    pub async fn connect(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        let address = address.into();
        let failed = |error| SocketError::ConnectionFailed { address: address.clone(), error };
        let target = address.to_system().map_err(failed)?;
        let socket = Self::own(handle, create(Domain::UNIX, Type::SEQPACKET)?)?;
        let connect = |fd: BorrowedFd<'_>| SockRef::from(&fd).connect(&target);
        let mut pause = PAUSE.0;
        while socket.endpoint.try_with(connect, failed)?.is_none() {
            rest(handle, pause, None).await?;
            pause = PAUSE.1.min(pause * 2);
        }
        Ok(socket)
    }

    /// Two that are connected (`socketpair(2)`).
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`], for instance with `EMFILE`.
    pub fn pair(handle: &LoopHandle) -> Result<(Self, Self), SocketError> {
        let (one, other) = pair(Type::SEQPACKET)?;
        Ok((Self::own(handle, one)?, Self::own(handle, other)?))
    }

    pub(super) fn own(handle: &LoopHandle, fd: OwnedFd) -> Result<Self, SocketError> {
        Ok(Self::from_endpoint(Endpoint::own(handle, fd)?))
    }

    fn from_endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Receives the next packet; `None` at the end of the connection.
    ///
    /// # Errors
    ///
    /// [`SocketError::ReadFailed`], for instance with `ECONNRESET`;
    /// [`SocketError::Timeout`] after
    /// [`set_read_timeout`](Self::set_read_timeout); [`SocketError::Closed`].
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<Option<Datagram>, SocketError> {
        self.receive(buffer, RecvFlags::empty()).await
    }

    /// As [`recv`](Self::recv), but leaves the packet where it is: the next
    /// operation sees it again.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn peek(&self, buffer: &mut [u8]) -> Result<Option<Datagram>, SocketError> {
        self.receive(buffer, RecvFlags::PEEK).await
    }

    async fn receive(
        &self,
        buffer: &mut [u8],
        flags: RecvFlags,
    ) -> Result<Option<Datagram>, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Read), SocketError::ReadFailed);
        let receive = |fd: BorrowedFd<'_>| datagram::receive(fd, buffer, flags);
        Ok(packet(self.endpoint.perform(wait, failed, receive).await?.0))
    }

    /// Sends a packet, whole or not at all, waiting for room. How many bytes it
    /// has.
    ///
    /// # Errors
    ///
    /// [`SocketError::WriteFailed`], with `EPIPE` if the peer is gone, with
    /// `EMSGSIZE` if it is too long, with [`io::ErrorKind::InvalidInput`] if it
    /// is empty: the receiver would take it for the end.
    /// [`SocketError::Timeout`] after
    /// [`set_write_timeout`](Self::set_write_timeout); [`SocketError::Closed`].
    pub async fn send(&self, bytes: &[u8]) -> Result<usize, SocketError> {
        not_empty(bytes)?;
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        self.endpoint.perform(wait, failed, |fd| datagram::transmit(fd, bytes)).await
    }

    /// Sends a packet without waiting; `None` if there is no room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but for the timeout.
    pub fn try_send(&self, bytes: &[u8]) -> Result<Option<usize>, SocketError> {
        not_empty(bytes)?;
        self.endpoint.try_with(|fd| datagram::transmit(fd, bytes), SocketError::WriteFailed)
    }
}

/// A packet of no bytes is the end: none is sent.
fn packet(datagram: Datagram) -> Option<Datagram> {
    Some(datagram).filter(|datagram| datagram.full_len > 0)
}

/// Whoever reads it would take it for the end.
pub(super) fn not_empty(bytes: &[u8]) -> Result<(), SocketError> {
    if !bytes.is_empty() {
        return Ok(());
    }
    let error = io::Error::new(io::ErrorKind::InvalidInput, "nothing cannot be sent here");
    Err(SocketError::WriteFailed(error))
}
