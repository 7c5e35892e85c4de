//! A connected stream.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use socket2::{SockRef, Type};

use super::address::SocketAddress;
use super::connect::Connect;
use super::create;
use super::endpoint::Endpoint;
use super::error::SocketError;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::reactor::{Direction, LoopHandle};
use crate::sys::RawIo;

/// A connected stream: TCP over IPv4 or IPv6, or Unix.
///
/// All operations take `&self`, so that two tasks can read and write at the
/// same time, and any task can [`close`](Self::close) it: pending operations
/// then fail at once. Dropping the future of an operation ends it, and loses
/// no byte.
///
/// Writing to a peer that is gone is an error and never the signal `SIGPIPE`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, ServerSocket, Socket, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let server = ServerSocket::bind(&handle, SocketAddress::ipv6("::1", 0)?)?;
/// let text = events.block_on(async {
///     let client = Socket::connect(&handle, server.local_addr()?).await?;
///     let (served, _peer) = server.accept().await?;
///     served.write_all(b"hello").await?;
///     let mut text = [0; 5];
///     client.read_exact(&mut text).await?;
///     Ok::<_, event::SocketError>(text)
/// })??;
/// assert_eq!(&text, b"hello");
/// # Ok(()) }
/// ```
pub struct Socket {
    pub(super) endpoint: Endpoint,
}

impl Socket {
    /// Connects to `address`. [`Connect`] has options.
    ///
    /// # Errors
    ///
    /// [`SocketError::ConnectionFailed`] with what the system said, for
    /// instance `ECONNREFUSED`; [`SocketError::CreationFailed`].
    pub async fn connect(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        Connect::new().to(handle, address).await
    }

    /// Two Unix stream sockets that are connected (`socketpair(2)`).
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`], for instance with `EMFILE`.
    pub fn pair(handle: &LoopHandle) -> Result<(Self, Self), SocketError> {
        let (one, other) = create::pair(Type::STREAM)?;
        Ok((Self::own(handle, one)?, Self::own(handle, other)?))
    }

    pub(crate) fn own(handle: &LoopHandle, fd: OwnedFd) -> Result<Self, SocketError> {
        Ok(Self { endpoint: Endpoint::own(handle, fd)? })
    }

    pub(crate) fn from_endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Takes over a connected stream socket, for instance one of `std`: it is
    /// closed with this object. It is put into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Hands the descriptor back if it is no stream socket, or if the loop is
    /// gone.
    pub fn adopt(handle: &LoopHandle, fd: impl Into<OwnedFd>) -> Result<Self, AdoptError> {
        Self::adopt_descriptor(handle, Descriptor::Owned(fd.into()))
    }

    /// Uses a connected stream socket that others own: it is never closed, not
    /// even by [`close`](Self::close). It is put into non-blocking mode, for
    /// its owner and for all duplicates also, and stays in it. Of several
    /// objects that use one number on one loop the last one has the
    /// registration; waiting is an error for the others.
    ///
    /// # Errors
    ///
    /// As [`adopt`](Self::adopt).
    pub fn adopt_borrowed(handle: &LoopHandle, io: RawIo) -> Result<Self, AdoptError> {
        Self::adopt_descriptor(handle, Descriptor::Borrowed(io))
    }

    fn adopt_descriptor(handle: &LoopHandle, fd: Descriptor) -> Result<Self, AdoptError> {
        match stream(&fd) {
            Ok(()) => Ok(Self { endpoint: Endpoint::adopt(handle, fd)? }),
            Err(error) => Err(AdoptError::new(Some(fd), SocketError::AdoptionFailed(error))),
        }
    }

    /// Whether [`close`](Self::close) and dropping close the descriptor.
    pub fn owns_descriptor(&self) -> bool {
        self.endpoint.ownership() == Some(Ownership::Owned)
    }

    /// Who closes the descriptor; `None` once it is closed.
    pub fn ownership(&self) -> Option<Ownership> {
        self.endpoint.ownership()
    }

    /// The descriptor's number, for messages; `None` once it is closed.
    pub fn raw_fd(&self) -> Option<RawFd> {
        self.endpoint.raw()
    }

    /// Runs a call of the caller's own on the descriptor, which does not block.
    ///
    /// # Errors
    ///
    /// [`SocketError::Closed`].
    pub fn with_fd<R>(&self, f: impl FnOnce(BorrowedFd<'_>) -> R) -> Result<R, SocketError> {
        self.endpoint.with(|fd| Ok(f(fd)), SocketError::ReadFailed)
    }

    /// The loop.
    pub fn handle(&self) -> &LoopHandle {
        self.endpoint.handle()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// [`SocketError::Closed`].
    pub fn local_addr(&self) -> Result<SocketAddress, SocketError> {
        self.endpoint.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`SocketError::Closed`]; [`SocketError::OptionFailed`] with `ENOTCONN`
    /// if the connection was reset.
    pub fn peer_addr(&self) -> Result<SocketAddress, SocketError> {
        self.endpoint.peer_addr()
    }

    /// The options of the system's.
    pub fn options(&self) -> SocketOptions<'_> {
        SocketOptions::new(&self.endpoint)
    }

    /// Ends sending, receiving or both (`shutdown(2)`); the descriptor stays
    /// open. After `Shutdown::Write` the peer reads the end of the stream, and
    /// can go on sending.
    ///
    /// # Errors
    ///
    /// [`SocketError::ShutdownFailed`], with `ENOTCONN` if the connection was
    /// reset; [`SocketError::Closed`].
    pub fn shutdown(&self, how: Shutdown) -> Result<(), SocketError> {
        let shut = |fd: BorrowedFd<'_>| SockRef::from(&fd).shutdown(how);
        self.endpoint.with(shut, SocketError::ShutdownFailed)
    }

    /// Closes the descriptor if it is owned; lets it go if it is borrowed.
    /// Operations that are pending, and later ones, fail with
    /// [`SocketError::Closed`]. Closing again does nothing.
    ///
    /// With a linger time set (`SO_LINGER`) `close(2)` waits, and the loop with it.
    pub fn close(&self) {
        self.endpoint.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.endpoint.is_closed()
    }

    /// Hands the descriptor out, open and in non-blocking mode; `None` if it
    /// is borrowed or closed.
    pub fn into_fd(self) -> Option<OwnedFd> {
        self.endpoint.detach()
    }

    /// How long a read may wait for the first byte; `None` for ever.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.endpoint.time_limit(Direction::Read)
    }

    /// Limits how long a read may wait: then it fails with
    /// [`SocketError::Timeout`], and the socket can be used further. Progress
    /// starts the time anew: a [`read_exact`](Self::read_exact) from a slow
    /// peer ends only if nothing comes for so long. To limit a whole exchange
    /// use [`timeout`](crate::timeout).
    pub fn set_read_timeout(&self, time: Option<Duration>) {
        self.endpoint.set_time_limit(Direction::Read, time);
    }

    /// How long a write may wait for room; `None` for ever.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.endpoint.time_limit(Direction::Write)
    }

    /// As [`set_read_timeout`](Self::set_read_timeout), for writing: the peer
    /// may take so long to make room.
    pub fn set_write_timeout(&self, time: Option<Duration>) {
        self.endpoint.set_time_limit(Direction::Write, time);
    }

    /// Two borrowed halves, for two branches of one task. (They are `&Socket`
    /// with one direction each; nothing is locked or counted.)
    pub fn split(&self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf::new(self), WriteHalf::new(self))
    }

    /// Two owned halves, for two tasks. When the writing half is dropped the
    /// peer reads the end of the stream; when both are, the socket is closed.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let shared = Rc::new(self);
        (OwnedReadHalf::new(shared.clone()), OwnedWriteHalf::new(shared))
    }
}

/// Whether it is a stream socket.
fn stream(fd: &Descriptor) -> io::Result<()> {
    match SockRef::from(fd).r#type()? {
        Type::STREAM => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a stream socket")),
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({:?})", self.endpoint)
    }
}
