//! Unix datagrams.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::net::RecvFlags;
use socket2::{Domain, SockRef, Type};

use super::address::SocketAddress;
use super::common::{common, is_socket, limited};
use super::connect::{PAUSE, bind, rest};
use super::create::{create, pair};
use super::datagram::{Datagram, datagrams};
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use crate::reactor::{Direction, LoopHandle};
use crate::sys::RawIo;

/// A Unix datagram socket: datagrams are never lost, reordered or cut short on
/// their way, and can bring descriptors along
/// ([`send_with_fds`](Self::send_with_fds)).
///
/// The file of one that is bound to a path is not removed when it is closed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, UnixDatagram};
///
/// let events = EventLoop::new()?;
/// let (one, other) = UnixDatagram::pair(&events.handle())?;
/// events.block_on(async {
///     one.send(b"hello").await?;
///     let mut buffer = [0; 64];
///     let datagram = other.recv(&mut buffer).await?;
///     assert_eq!(&buffer[..datagram.len], b"hello");
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct UnixDatagram {
    pub(super) endpoint: Endpoint,
}

common!(UnixDatagram, is_unix_datagram, "a Unix datagram socket");
limited!(UnixDatagram);
datagrams!(UnixDatagram);

fn is_unix_datagram(fd: &Descriptor) -> io::Result<()> {
    is_socket(fd, Type::DGRAM, &[Domain::UNIX])
}

impl UnixDatagram {
    /// Opens a socket on `address`, where it can be sent to.
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE` if the file
    /// exists; [`SocketError::CreationFailed`]; [`SocketError::InvalidAddress`]
    /// for one that is not Unix.
    pub fn bind(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        let address = address.into();
        if !address.is_unix() {
            return Err(SocketError::InvalidAddress(address.to_string()));
        }
        let fd = create(Domain::UNIX, Type::DGRAM)?;
        bind(fd.as_fd(), &address)?;
        Self::own(handle, fd)
    }

    /// Opens a socket that has no address: it can send, and nobody can answer.
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`].
    pub fn unbound(handle: &LoopHandle) -> Result<Self, SocketError> {
        Self::own(handle, create(Domain::UNIX, Type::DGRAM)?)
    }

    /// Two that are connected (`socketpair(2)`).
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`], for instance with `EMFILE`.
    pub fn pair(handle: &LoopHandle) -> Result<(Self, Self), SocketError> {
        let (one, other) = pair(Type::DGRAM)?;
        Ok((Self::own(handle, one)?, Self::own(handle, other)?))
    }

    fn own(handle: &LoopHandle, fd: OwnedFd) -> Result<Self, SocketError> {
        Ok(Self::from_endpoint(Endpoint::own(handle, fd)?))
    }

    fn from_endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Sends a datagram to that address (`sendto(2)`), whole or not at all,
    /// waiting for room. How many bytes it has; there may be none.
    ///
    /// That a receiver who is not the peer has room again is told by nobody: it
    /// is asked now and then. Somebody who sends a lot had better
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also with `ENOENT` if there is no such file,
    /// with `ECONNREFUSED` if nobody has it open.
    pub async fn send_to(
        &self,
        bytes: &[u8],
        address: impl Into<SocketAddress>,
    ) -> Result<usize, SocketError> {
        let (address, handle) = (address.into(), self.handle());
        let time = self.write_timeout();
        let deadline = time.and_then(|time| handle.core().clock.after(time));
        let mut pause = PAUSE.0;
        loop {
            if let Some(sent) = self.try_send_to(bytes, &address)? {
                return Ok(sent);
            }
            rest(handle, pause, deadline).await?;
            pause = PAUSE.1.min(pause * 2);
        }
    }

    /// Takes the peer back: datagrams of anybody are received again.
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
    pub fn disconnect(&self) -> Result<(), SocketError> {
        let connect = |fd: BorrowedFd<'_>| Ok(rustix::net::connect_unspec(fd)?);
        self.endpoint.with(connect, SocketError::option("connect(AF_UNSPEC)"))
    }

    /// They are never put together.
    #[allow(clippy::unnecessary_wraps, reason = "UDP's are")]
    fn single(&self) -> Result<(), SocketError> {
        Ok(())
    }
}
