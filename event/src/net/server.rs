//! A listening socket.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{SockAddr, SockRef};

use super::address::SocketAddress;
use super::common::is_listening;
use super::create;
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::incoming::{Incoming, IntoIncoming};
use super::listen::Listen;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use super::rest::Rest;
use super::socket::Socket;
use crate::reactor::{Direction, LoopHandle, Ticket};
use crate::sys::RawIo;

/// A server: a socket that listens, over IPv4, IPv6 or Unix.
///
/// Clients are accepted when asked for, by [`accept`](Self::accept) or by the
/// stream [`incoming`](Self::incoming); until then they wait in the system's
/// backlog. What concerns one client only (it left before it was accepted, its
/// network failed) is never an error of the server's.
///
/// If descriptors or memory run out accepting fails, once
/// ([`SocketError::is_exhaustion`]); the next attempt waits a while, and costs
/// nothing meanwhile.
///
/// The file of a Unix socket is not removed when the server ends: another
/// server may have it by then. [`Listen::remove_stale`] removes it before the
/// next start.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, ServerSocket, Socket, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let server = ServerSocket::bind(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
/// let address = server.local_addr()?;
/// events.block_on(async {
///     let _client = Socket::connect(&handle, &address).await?;
///     let (served, peer) = server.accept().await?;
///     assert_eq!(served.local_addr()?, address);
///     assert_eq!(served.peer_addr()?, peer);
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct ServerSocket {
    endpoint: Endpoint,
    rest: Rest,
    /// Accepted since everything else had its turn.
    streak: Rc<Cell<u32>>,
    per_turn: u32,
    nodelay: bool,
}

/// One who waits for a client.
pub(super) struct Accepting {
    wait: Wait,
    ticket: Ticket,
}

impl ServerSocket {
    /// Opens a server on `address`, where port 0 is any; with the usual
    /// options. [`Listen`] has more.
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE`; and as
    /// [`Listen::on`].
    pub fn bind(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        Listen::new().on(handle, address)
    }

    pub(super) fn own(
        handle: &LoopHandle,
        fd: OwnedFd,
        options: &Listen,
    ) -> Result<Self, SocketError> {
        Ok(Self::new(Endpoint::own(handle, fd)?, options))
    }

    fn new(endpoint: Endpoint, options: &Listen) -> Self {
        Self {
            endpoint,
            rest: Rest::default(),
            streak: Rc::default(),
            per_turn: options.per_turn,
            nodelay: options.nodelay,
        }
    }

    /// Takes over a socket that listens already, for instance one inherited
    /// from a service manager: it is closed with this object. It is put into
    /// non-blocking mode.
    ///
    /// # Errors
    ///
    /// Hands the descriptor back if it does not listen, or if the loop is gone.
    pub fn adopt(handle: &LoopHandle, fd: impl Into<OwnedFd>) -> Result<Self, AdoptError> {
        Self::adopt_descriptor(handle, Descriptor::Owned(fd.into()))
    }

    /// Uses a listening socket that others own: it is never closed, not even by
    /// [`close`](Self::close). It is put into non-blocking mode, for its owner
    /// and for all duplicates also, and stays in it. Of several objects that
    /// use one number on one loop the last one has the registration; waiting
    /// is an error for the others.
    ///
    /// # Errors
    ///
    /// As [`adopt`](Self::adopt).
    pub fn adopt_borrowed(handle: &LoopHandle, io: RawIo) -> Result<Self, AdoptError> {
        Self::adopt_descriptor(handle, Descriptor::Borrowed(io))
    }

    fn adopt_descriptor(handle: &LoopHandle, fd: Descriptor) -> Result<Self, AdoptError> {
        match is_listening(&fd) {
            Ok(()) => Ok(Self::new(Endpoint::adopt(handle, fd)?, &Listen::new())),
            Err(error) => Err(AdoptError::new(Some(fd), SocketError::AdoptionFailed(error))),
        }
    }

    /// Accepts the next client; its address comes with it. Dropping the future
    /// loses no client: one that is not accepted stays in the backlog.
    ///
    /// # Errors
    ///
    /// [`SocketError::AcceptFailed`] if descriptors or memory have run out;
    /// [`SocketError::Timeout`] after [`set_accept_timeout`](Self::set_accept_timeout);
    /// [`SocketError::Closed`].
    pub async fn accept(&self) -> Result<(Socket, SocketAddress), SocketError> {
        let mut turn = Turn { server: self, accepting: self.accepting() };
        poll_fn(|context| turn.server.poll_accept(&mut turn.accepting, context)).await
    }

    /// Accepts a client that is there already; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept), but for the timeout.
    pub fn try_accept(&self) -> Result<Option<(Socket, SocketAddress)>, SocketError> {
        let accepted = self.endpoint.try_with(next, SocketError::AcceptFailed);
        let accepted = accepted.map_err(|error| self.suffer(error))?;
        accepted.map(|(fd, peer)| self.deliver(fd, &peer)).transpose()
    }

    /// The clients as a stream, which accepts one when it is asked for the
    /// next. It ends when the server is closed. Dropping it stops accepting at
    /// once, and loses no client.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming::new(self)
    }

    /// As [`incoming`](Self::incoming), with the server moved in.
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming::new(self)
    }

    pub(super) fn accepting(&self) -> Accepting {
        let ticket = self.endpoint.handle().core().next_ticket();
        Accepting { wait: Wait::new(Direction::Read), ticket }
    }

    pub(super) fn poll_accept(
        &self,
        accepting: &mut Accepting,
        context: &mut Context<'_>,
    ) -> Poll<Result<(Socket, SocketAddress), SocketError>> {
        if self.endpoint.is_closed() {
            return Poll::Ready(Err(SocketError::Closed));
        }
        let handle = self.endpoint.handle();
        if self.rest.poll(handle, accepting.ticket, context).is_pending() || self.pauses(context) {
            return Poll::Pending;
        }
        let wait = &mut accepting.wait;
        let accepted =
            self.endpoint.poll(wait, context, &SocketError::AcceptFailed, &mut next, |_| false);
        match accepted {
            Poll::Ready(Ok((fd, peer))) => Poll::Ready(self.deliver(fd, &peer)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.suffer(error))),
            Poll::Pending => {
                self.streak.set(0);
                Poll::Pending
            }
        }
    }

    /// After a turn's share of clients, sees to it that everything else has
    /// its turn first.
    fn pauses(&self, context: &mut Context<'_>) -> bool {
        let pauses = self.streak.get() >= self.per_turn;
        if pauses {
            let (streak, waker) = (self.streak.clone(), context.waker().clone());
            self.endpoint.handle().defer(move || {
                streak.set(0);
                waker.wake();
            });
        }
        pauses
    }

    fn deliver(
        &self,
        fd: OwnedFd,
        peer: &SockAddr,
    ) -> Result<(Socket, SocketAddress), SocketError> {
        self.streak.set(self.streak.get() + 1);
        self.rest.recover();
        if self.nodelay && !INHERITED && !peer.is_unix() {
            // A connection that was reset meanwhile may refuse; the first read will tell.
            let _ = SockRef::from(&fd).set_tcp_nodelay(true);
        }
        let socket = Socket::own(self.endpoint.handle(), fd)?;
        Ok((socket, SocketAddress::from_system(peer)))
    }

    fn suffer(&self, error: SocketError) -> SocketError {
        if error.is_exhaustion() {
            self.rest.begin(self.endpoint.handle());
        }
        error
    }

    pub(super) fn give_up(&self, accepting: &mut Accepting) {
        self.endpoint.end(&mut accepting.wait);
        self.rest.leave(accepting.ticket);
    }

    /// The address that it listens on, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// [`SocketError::Closed`].
    pub fn local_addr(&self) -> Result<SocketAddress, SocketError> {
        self.endpoint.local_addr()
    }

    /// The options of the system's.
    pub fn options(&self) -> SocketOptions<'_> {
        SocketOptions::new(&self.endpoint)
    }

    /// How long [`accept`](Self::accept) may wait; `None` for ever.
    pub fn accept_timeout(&self) -> Option<Duration> {
        self.endpoint.time_limit(Direction::Read)
    }

    /// Limits how long [`accept`](Self::accept) may wait for a client.
    pub fn set_accept_timeout(&self, time: Option<Duration>) {
        self.endpoint.set_time_limit(Direction::Read, time);
    }

    /// The loop.
    pub fn handle(&self) -> &LoopHandle {
        self.endpoint.handle()
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
        self.endpoint.with(|fd| Ok(f(fd)), SocketError::AcceptFailed)
    }

    /// Stops listening if the descriptor is owned: clients that wait in the
    /// backlog are refused. Operations that are pending, and later ones, fail
    /// with [`SocketError::Closed`]. Closing again does nothing.
    pub fn close(&self) {
        self.endpoint.close();
        self.rest.end();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.endpoint.is_closed()
    }

    /// Hands the descriptor out, listening and in non-blocking mode; `None` if
    /// it is borrowed or closed.
    pub fn into_fd(self) -> Option<OwnedFd> {
        self.endpoint.detach()
    }
}

/// Whether the system hands `TCP_NODELAY` down to accepted connections.
const INHERITED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Accepts the next client that is still there.
fn next(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    for _ in 0..PATIENCE {
        match create::accept(fd) {
            Err(error) if concerns_client(&error) => {}
            done => return done,
        }
    }
    create::accept(fd)
}

/// So many failures in a row, and it is no client's matter: a security module
/// answers like this without looking at any.
const PATIENCE: u32 = 32;

/// Errors of one client's, or of its network: `accept(2)` says to go on with
/// the next.
fn concerns_client(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| CLIENTS.contains(&errno))
}

const CLIENTS: &[Errno] = &[
    Errno::CONNABORTED,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    #[cfg(target_os = "linux")]
    Errno::NONET,
    Errno::NOPROTOOPT,
    Errno::OPNOTSUPP,
    Errno::PERM,
    Errno::PROTO,
    Errno::TIMEDOUT,
];

/// A pending accept.
struct Turn<'a> {
    server: &'a ServerSocket,
    accepting: Accepting,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.server.give_up(&mut self.accepting);
    }
}

impl fmt::Debug for ServerSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSocket({:?})", self.endpoint)
    }
}
