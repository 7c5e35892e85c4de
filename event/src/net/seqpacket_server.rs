//! A server of Unix connections of packets.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{Domain, SockRef, Type};

use super::address::SocketAddress;
use super::common::{common, is_listening};
use super::connect::bind;
use super::create::{self, create};
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::options::SocketOptions;
use super::ownership::{AdoptError, Descriptor, Ownership};
use super::rest::Rest;
use super::seqpacket::{SeqpacketSocket, is_seqpacket};
use crate::reactor::{Direction, LoopHandle, Ticket};
use crate::sys::RawIo;

/// How many clients may wait; the system has a limit of its own.
const BACKLOG: i32 = 4096;

/// A server of [`SeqpacketSocket`]s.
///
/// The file of one that is bound to a path is not removed when it is closed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, SeqpacketServer, SeqpacketSocket, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let name = format!("event-doc-{}", std::process::id());
/// let server = SeqpacketServer::bind(&handle, SocketAddress::unix_abstract(name)?)?;
/// events.block_on(async {
///     let client = SeqpacketSocket::connect(&handle, server.local_addr()?).await?;
///     let served = server.accept().await?;
///     client.send(b"hello").await?;
///     let packet = served.recv(&mut [0; 64]).await?;
///     assert_eq!(packet.map(|packet| packet.len), Some(5));
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
pub struct SeqpacketServer {
    endpoint: Endpoint,
    rest: Rest,
}

common!(SeqpacketServer, is_server, "a Unix socket that listens for connections of packets");

fn is_server(fd: &Descriptor) -> io::Result<()> {
    is_seqpacket(fd)?;
    is_listening(fd)
}

impl SeqpacketServer {
    /// Opens a server on `address`. From here on clients can connect; they wait
    /// for [`accept`](Self::accept).
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE` if the file
    /// exists; [`SocketError::ListenFailed`]; [`SocketError::CreationFailed`];
    /// [`SocketError::InvalidAddress`] for one that is not Unix.
    pub fn bind(
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Self, SocketError> {
        let address = address.into();
        if !address.is_unix() {
            return Err(SocketError::InvalidAddress(address.to_string()));
        }
        let fd = create(Domain::UNIX, Type::SEQPACKET)?;
        bind(fd.as_fd(), &address)?;
        SockRef::from(&fd).listen(BACKLOG).map_err(SocketError::ListenFailed)?;
        Ok(Self::from_endpoint(Endpoint::own(handle, fd)?))
    }

    fn from_endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint, rest: Rest::default() }
    }

    /// Accepts the next client. Dropping the future loses none.
    ///
    /// # Errors
    ///
    /// [`SocketError::AcceptFailed`] if descriptors or memory have run out
    /// (once; the next attempt waits a while); [`SocketError::Timeout`] after
    /// [`set_accept_timeout`](Self::set_accept_timeout); [`SocketError::Closed`].
    pub async fn accept(&self) -> Result<SeqpacketSocket, SocketError> {
        let ticket = self.handle().core().next_ticket();
        let mut turn = Turn { server: self, wait: Wait::new(Direction::Read), ticket };
        let fd = poll_fn(|context| turn.poll(context)).await?;
        SeqpacketSocket::own(self.handle(), fd)
    }

    /// Stops listening if the descriptor is owned: clients that wait in the
    /// backlog are refused. Operations that are pending, and later ones, fail
    /// with [`SocketError::Closed`]. Closing again does nothing.
    pub fn close(&self) {
        self.endpoint.close();
        self.rest.end();
    }

    /// How long [`accept`](Self::accept) may wait; `None` for ever.
    pub fn accept_timeout(&self) -> Option<Duration> {
        self.endpoint.time_limit(Direction::Read)
    }

    /// Limits how long [`accept`](Self::accept) may wait for a client.
    pub fn set_accept_timeout(&self, time: Option<Duration>) {
        self.endpoint.set_time_limit(Direction::Read, time);
    }
}

/// A pending accept.
struct Turn<'a> {
    server: &'a SeqpacketServer,
    wait: Wait,
    ticket: Ticket,
}

impl Turn<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<OwnedFd, SocketError>> {
        let SeqpacketServer { endpoint, rest } = self.server;
        if !endpoint.is_closed() && rest.poll(endpoint.handle(), self.ticket, context).is_pending()
        {
            return Poll::Pending;
        }
        let mut accept = |fd: BorrowedFd<'_>| -> io::Result<OwnedFd> { Ok(create::accept(fd)?.0) };
        let failed = SocketError::AcceptFailed;
        let polled = endpoint.poll(&mut self.wait, context, &failed, &mut accept, |_| false);
        match &polled {
            Poll::Ready(Err(error)) if error.is_exhaustion() => rest.begin(endpoint.handle()),
            Poll::Ready(Ok(_)) => rest.recover(),
            _ => {}
        }
        polled
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.server.endpoint.end(&mut self.wait);
        self.server.rest.leave(self.ticket);
    }
}
