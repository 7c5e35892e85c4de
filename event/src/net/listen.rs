//! How to listen.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::io::Errno;
use socket2::{SockRef, Type};

use super::address::SocketAddress;
use super::connect::bind;
use super::create::create;
use super::error::SocketError;
use super::options::{bind_device, refused};
use super::server::ServerSocket;
use crate::reactor::LoopHandle;

/// Options for a server that is to be opened.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, Listen, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let listen = Listen::new().backlog(16).v6_only(true).nodelay(true);
/// let server = listen.on(&events.handle(), SocketAddress::any_ipv6(0))?;
/// assert_ne!(server.local_addr()?.port(), Some(0));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it listens when told where"]
pub struct Listen {
    backlog: i32,
    reuse_address: bool,
    reuse_port: bool,
    v6_only: Option<bool>,
    device: Option<Vec<u8>>,
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
    remove_stale: bool,
    pub(super) nodelay: bool,
    pub(super) per_turn: u32,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            backlog: 4096,
            reuse_address: true,
            reuse_port: false,
            v6_only: None,
            device: None,
            send_buffer: None,
            receive_buffer: None,
            remove_stale: false,
            nodelay: false,
            per_turn: 64,
        }
    }
}

impl Listen {
    /// The usual options: a long backlog, `SO_REUSEADDR`.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many clients may wait to be accepted. The system has a limit of its
    /// own (`net.core.somaxconn`).
    pub fn backlog(mut self, clients: u32) -> Self {
        self.backlog = i32::try_from(clients).unwrap_or(i32::MAX);
        self
    }

    /// `SO_REUSEADDR`: to be restarted at once, while connections of the
    /// former server linger. On by default; ignored for Unix.
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// `SO_REUSEPORT`: several servers on one address, among which the system
    /// spreads the clients. Ignored for Unix.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// `IPV6_V6ONLY`: whether a server on `::` leaves IPv4 alone. As the system
    /// is set up if not said here.
    pub fn v6_only(mut self, on: bool) -> Self {
        self.v6_only = Some(on);
        self
    }

    /// `TCP_NODELAY` for accepted connections. Ignored for Unix.
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// `SO_SNDBUF` for accepted connections.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// `SO_RCVBUF` for accepted connections.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// `SO_BINDTODEVICE`: clients from that interface only. Linux.
    pub fn device(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.device = Some(name.into());
        self
    }

    /// How many clients are accepted at one go before everything else on the
    /// loop has its turn; at least one. 64 if not said here.
    pub fn per_turn(mut self, clients: u32) -> Self {
        self.per_turn = clients.max(1);
        self
    }

    /// Removes a Unix socket's file that nobody listens on any more. Without
    /// this it is an error (`EADDRINUSE`), for a server does not remove its
    /// file when it ends.
    pub fn remove_stale(mut self, on: bool) -> Self {
        self.remove_stale = on;
        self
    }

    /// Opens the server. From here on clients can connect; they wait for
    /// [`accept`](ServerSocket::accept).
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE`;
    /// [`SocketError::ListenFailed`]; [`SocketError::CreationFailed`];
    /// [`SocketError::OptionFailed`]. Nothing is left open.
    pub fn on(
        &self,
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<ServerSocket, SocketError> {
        let fd = self.open(&address.into())?;
        ServerSocket::own(handle, fd, self)
    }

    fn open(&self, address: &SocketAddress) -> Result<OwnedFd, SocketError> {
        let fd = create(address.domain(), Type::STREAM)?;
        self.prepare(fd.as_fd(), address)?;
        if let (true, Some(path)) = (self.remove_stale, address.path()) {
            remove_stale(path, address)?;
        }
        bind(fd.as_fd(), address)?;
        SockRef::from(&fd).listen(self.backlog).map_err(SocketError::ListenFailed)?;
        Ok(fd)
    }

    fn prepare(&self, fd: BorrowedFd<'_>, address: &SocketAddress) -> Result<(), SocketError> {
        let socket = SockRef::from(&fd);
        if self.reuse_address && !address.is_unix() {
            socket.set_reuse_address(true).map_err(refused(&socket, "SO_REUSEADDR"))?;
        }
        if self.reuse_port && !address.is_unix() {
            socket.set_reuse_port(true).map_err(refused(&socket, "SO_REUSEPORT"))?;
        }
        if let Some(only) = self.v6_only {
            socket.set_only_v6(only).map_err(refused(&socket, "IPV6_V6ONLY"))?;
        }
        if self.nodelay && !address.is_unix() {
            socket.set_tcp_nodelay(true).map_err(refused(&socket, "TCP_NODELAY"))?;
        }
        // Accepted connections inherit these, in time for the window.
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes).map_err(refused(&socket, "SO_SNDBUF"))?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(refused(&socket, "SO_RCVBUF"))?;
        }
        self.device.as_deref().map_or(Ok(()), |device| bind_device(&socket, device))
    }
}

/// Removes the file of a Unix server that is no more: a socket, and one that
/// refuses. Anything else is left for `bind(2)` to complain about.
fn remove_stale(path: &Path, address: &SocketAddress) -> Result<(), SocketError> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket && is_refused(address)? {
        let removed = std::fs::remove_file(path);
        removed.map_err(|error| SocketError::BindFailed { address: address.clone(), error })?;
    }
    Ok(())
}

fn is_refused(address: &SocketAddress) -> Result<bool, SocketError> {
    let probe = create(address.domain(), Type::STREAM)?;
    let asked = address.to_system().and_then(|target| SockRef::from(&probe).connect(&target));
    let error = asked.err().as_ref().and_then(Errno::from_io_error);
    Ok(error == Some(Errno::CONNREFUSED))
}
