//! UDP.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::net::RecvFlags;
use socket2::{Domain, SockRef, Type};

use super::address::SocketAddress;
use super::bind::Bind;
use super::common::{common, is_socket, limited};
use super::connect::bind;
use super::datagram::{Datagram, datagrams, transmit_to};
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use crate::reactor::{Direction, LoopHandle};
use crate::sys::RawIo;

/// A UDP socket, over IPv4 or IPv6.
///
/// All operations take `&self`, so that several tasks can use it. Datagrams
/// are sent and received whole; one that is longer than the buffer is reported
/// as such ([`Datagram::is_truncated`]). Dropping the future of an operation
/// ends it, and loses nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, SocketAddress, UdpSocket};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let server = UdpSocket::bind(&handle, SocketAddress::ipv6("::1", 0)?)?;
/// let client = UdpSocket::bind(&handle, SocketAddress::ipv6("::1", 0)?)?;
/// events.block_on(async {
///     client.send_to(b"hello", server.local_addr()?).await?;
///     let mut buffer = [0; 1500];
///     let (datagram, from) = server.recv_from(&mut buffer).await?;
///     assert_eq!(&buffer[..datagram.len], b"hello");
///     assert!(!datagram.is_truncated());
///     assert_eq!(from, client.local_addr()?);
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct UdpSocket {
    pub(super) endpoint: Endpoint,
    /// What is received may be several datagrams put together (`UDP_GRO`).
    pub(super) receives_segments: Cell<bool>,
    /// The kernel takes several datagrams put together (`UDP_SEGMENT`).
    pub(super) sends_segments: Cell<bool>,
}

common!(UdpSocket, is_udp, "a UDP socket");
limited!(UdpSocket);
datagrams!(UdpSocket);

fn is_udp(fd: &Descriptor) -> io::Result<()> {
    is_socket(fd, Type::DGRAM, &[Domain::IPV4, Domain::IPV6])
}

impl UdpSocket {
    /// Opens a socket on `address`, where port 0 is any. [`Bind`] has options.
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE`;
    /// [`SocketError::CreationFailed`]; [`SocketError::InvalidAddress`] for a
    /// Unix address.
    pub fn bind(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        Bind::new().udp(handle, address)
    }

    pub(super) fn own(handle: &LoopHandle, fd: OwnedFd) -> Result<Self, SocketError> {
        Ok(Self::from_endpoint(Endpoint::own(handle, fd)?))
    }

    fn from_endpoint(endpoint: Endpoint) -> Self {
        let socket =
            Self { endpoint, receives_segments: Cell::new(false), sends_segments: Cell::new(true) };
        socket.receives_segments.set(socket.gro().unwrap_or(false));
        socket
    }

    /// Sends a datagram to that address (`sendto(2)`), whole or not at all,
    /// waiting for room. How many bytes it has; there may be none.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also with `EAFNOSUPPORT` or `EINVAL` if the
    /// address is of another family, with `EACCES` for a broadcast without
    /// [`set_broadcast`](Self::set_broadcast), with `ENETUNREACH`.
    pub async fn send_to(
        &self,
        bytes: &[u8],
        address: impl Into<SocketAddress>,
    ) -> Result<usize, SocketError> {
        let to = address.into().to_system().map_err(SocketError::WriteFailed)?;
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        self.endpoint.perform(wait, failed, |fd| transmit_to(fd, bytes, &to)).await
    }

    /// Takes the peer back: datagrams of anybody are received again. The port
    /// stays. (By itself Linux gives one up that it had chosen.)
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`]; [`SocketError::BindFailed`] if the port
    /// has become another's meanwhile; [`SocketError::Closed`].
    pub fn disconnect(&self) -> Result<(), SocketError> {
        let port = self.local_addr()?.port().unwrap_or(0);
        let connect = |fd: BorrowedFd<'_>| Ok(rustix::net::connect_unspec(fd)?);
        self.endpoint.with(connect, SocketError::option("connect(AF_UNSPEC)"))?;
        let here = self.local_addr()?;
        match here.port() {
            Some(0) => self.with_fd(|fd| bind(fd, &here.with_port(port)))?,
            _ => Ok(()),
        }
    }

    /// Single datagrams cannot be told apart any more once the kernel puts them
    /// together.
    fn single(&self) -> Result<(), SocketError> {
        if self.receives_segments.get() {
            return Err(SocketError::Unsupported("single receives with UDP_GRO: use recv_batch"));
        }
        Ok(())
    }
}
