//! How to connect.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{SockAddr, SockRef, Type};

use super::address::SocketAddress;
use super::create::create;
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::options::{bind_device, refused};
use super::socket::Socket;
use crate::reactor::{Direction, LoopHandle};

/// A Unix server whose backlog is full cannot be waited for: it is asked again,
/// first after this time, and then after twice as long, up to the second one.
pub(super) const PAUSE: (Duration, Duration) =
    (Duration::from_millis(1), Duration::from_millis(64));

/// Options for a connection that is to be made.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use event::{Connect, EventLoop, ServerSocket, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let server = ServerSocket::bind(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
/// let connect = Connect::new().nodelay(true).timeout(Duration::from_secs(5));
/// let client = events.block_on(connect.to(&handle, server.local_addr()?))??;
/// assert!(client.options().nodelay()?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it connects when told where to"]
pub struct Connect {
    local: Option<SocketAddress>,
    reuse_address: bool,
    nodelay: bool,
    timeout: Option<Duration>,
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
    device: Option<Vec<u8>>,
}

impl Connect {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The address to come from (`bind(2)`); port 0 is any.
    pub fn local(mut self, address: impl Into<SocketAddress>) -> Self {
        self.local = Some(address.into());
        self
    }

    /// `SO_REUSEADDR`, for a local address that was in use a moment ago.
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// `TCP_NODELAY`: small writes are sent at once. Ignored for Unix.
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// How long it may take.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// `SO_SNDBUF`. (The system makes of it what it will.)
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// `SO_RCVBUF`; to have effect on the window it must be set before the
    /// connection is made.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// `SO_BINDTODEVICE`: through that interface only. Linux.
    pub fn device(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.device = Some(name.into());
        self
    }

    /// Connects. Dropping the future ends the attempt.
    ///
    /// # Errors
    ///
    /// [`SocketError::ConnectionFailed`] with what the system said (of the
    /// attempt, and not only of its beginning); [`SocketError::Timeout`];
    /// [`SocketError::BindFailed`] for the local address;
    /// [`SocketError::CreationFailed`]; [`SocketError::OptionFailed`].
    pub async fn to(
        &self,
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<Socket, SocketError> {
        let address = address.into();
        let failed = |error| SocketError::ConnectionFailed { address: address.clone(), error };
        let target = address.to_system().map_err(failed)?;
        let deadline = self.timeout.and_then(|time| handle.core().clock.after(time));
        let endpoint = Endpoint::own(handle, self.open(&address)?)?;
        let call = |fd: BorrowedFd<'_>| begin(fd, &target);
        let mut pause = PAUSE.0;
        loop {
            match endpoint.with(call, failed)? {
                Begun::Connected => break,
                Begun::InProgress => {
                    within(handle, deadline, finish(&endpoint, failed)).await?;
                    break;
                }
                Begun::Busy => rest(handle, pause, deadline).await?,
            }
            pause = PAUSE.1.min(pause * 2);
        }
        Ok(Socket::from_endpoint(endpoint))
    }

    fn open(&self, address: &SocketAddress) -> Result<OwnedFd, SocketError> {
        let fd = create(address.domain(), Type::STREAM)?;
        self.prepare(fd.as_fd(), !address.is_unix())?;
        if let Some(local) = &self.local {
            bind(fd.as_fd(), local)?;
        }
        Ok(fd)
    }

    fn prepare(&self, fd: BorrowedFd<'_>, tcp: bool) -> Result<(), SocketError> {
        let socket = SockRef::from(&fd);
        if self.reuse_address {
            socket.set_reuse_address(true).map_err(refused(&socket, "SO_REUSEADDR"))?;
        }
        if self.nodelay && tcp {
            socket.set_tcp_nodelay(true).map_err(refused(&socket, "TCP_NODELAY"))?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes).map_err(refused(&socket, "SO_SNDBUF"))?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(refused(&socket, "SO_RCVBUF"))?;
        }
        self.device.as_deref().map_or(Ok(()), |device| bind_device(&socket, device))
    }
}

/// `bind(2)`.
pub(super) fn bind(fd: BorrowedFd<'_>, address: &SocketAddress) -> Result<(), SocketError> {
    let bound = address.to_system().and_then(|local| SockRef::from(&fd).bind(&local));
    bound.map_err(|error| SocketError::BindFailed { address: address.clone(), error })
}

enum Begun {
    Connected,
    InProgress,
    /// A Unix server has no room in its backlog.
    Busy,
}

fn begin(fd: BorrowedFd<'_>, target: &SockAddr) -> io::Result<Begun> {
    let Err(error) = SockRef::from(&fd).connect(target) else {
        return Ok(Begun::Connected);
    };
    match Errno::from_io_error(&error) {
        // Interrupted, it goes on in the background.
        Some(Errno::INPROGRESS | Errno::INTR) => Ok(Begun::InProgress),
        Some(Errno::AGAIN) if target.is_unix() => Ok(Begun::Busy),
        _ => Err(error),
    }
}

/// Waits for the outcome.
fn finish(
    endpoint: &Endpoint,
    failed: impl Fn(io::Error) -> SocketError,
) -> impl Future<Output = Result<(), SocketError>> {
    endpoint.set_drained(Direction::Write);
    endpoint.perform(Wait::new(Direction::Write), failed, outcome)
}

/// Waits no longer than to the deadline, on the loop's clock.
async fn within(
    handle: &LoopHandle,
    deadline: Option<i64>,
    wait: impl Future<Output = Result<(), SocketError>>,
) -> Result<(), SocketError> {
    let Some(deadline) = deadline else { return wait.await };
    let left = deadline.saturating_sub(handle.now()).try_into().unwrap_or(0);
    handle.timeout(Duration::from_nanos(left), wait).await.unwrap_or(Err(SocketError::Timeout))
}

/// What has become of the attempt. That the descriptor is writable says
/// nothing: a refused one is also.
fn outcome(fd: BorrowedFd<'_>) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn rest(
    handle: &LoopHandle,
    pause: Duration,
    deadline: Option<i64>,
) -> Result<(), SocketError> {
    let deadline = deadline.unwrap_or(i64::MAX);
    if handle.now() >= deadline {
        return Err(SocketError::Timeout);
    }
    let until = handle.core().clock.after(pause).unwrap_or(i64::MAX);
    handle.sleep_until(until.min(deadline)).await;
    Ok(())
}
