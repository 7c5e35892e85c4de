//! How to open a UDP socket.
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};

use socket2::{SockRef, Type};

use super::address::SocketAddress;
use super::connect::bind;
use super::create::create;
use super::error::SocketError;
use super::options::{bind_device, refused};
use super::udp::UdpSocket;
use crate::reactor::LoopHandle;

/// Options for a UDP socket that is to be opened.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{Bind, EventLoop, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let bind = Bind::new().reuse_port(true).receive_buffer(1 << 20);
/// let one = bind.udp(&events.handle(), SocketAddress::ipv4("127.0.0.1", 0)?)?;
/// let other = bind.udp(&events.handle(), one.local_addr()?)?;
/// assert_eq!(one.local_addr()?, other.local_addr()?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it binds when told where"]
pub struct Bind {
    reuse_address: bool,
    reuse_port: bool,
    v6_only: Option<bool>,
    broadcast: bool,
    device: Option<Vec<u8>>,
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
}

impl Bind {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// `SO_REUSEADDR`: others who have this set may have the same address, as
    /// several receivers of one multicast group need it. (A datagram to one
    /// address goes to the last of them.)
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// `SO_REUSEPORT`: several sockets of one user on one address, among which
    /// the system spreads the senders.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// `IPV6_V6ONLY`: whether a socket on `::` leaves IPv4 alone. As the system
    /// is set up if not said here.
    pub fn v6_only(mut self, on: bool) -> Self {
        self.v6_only = Some(on);
        self
    }

    /// `SO_BROADCAST`: broadcasts may be sent.
    pub fn broadcast(mut self, on: bool) -> Self {
        self.broadcast = on;
        self
    }

    /// `SO_BINDTODEVICE`: over that interface only. Linux.
    pub fn device(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.device = Some(name.into());
        self
    }

    /// `SO_SNDBUF`. (The system makes of it what it will.)
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// `SO_RCVBUF`: datagrams for which there is no room are lost.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Opens the socket.
    ///
    /// # Errors
    ///
    /// [`SocketError::BindFailed`], for instance with `EADDRINUSE`;
    /// [`SocketError::CreationFailed`]; [`SocketError::OptionFailed`];
    /// [`SocketError::InvalidAddress`] for a Unix address. Nothing is left open.
    pub fn udp(
        &self,
        handle: &LoopHandle,
        address: impl Into<SocketAddress>,
    ) -> Result<UdpSocket, SocketError> {
        let address = address.into();
        if address.is_unix() {
            return Err(SocketError::InvalidAddress(address.to_string()));
        }
        let fd = create(address.domain(), Type::DGRAM)?;
        self.prepare(fd.as_fd())?;
        bind(fd.as_fd(), &address)?;
        UdpSocket::own(handle, fd)
    }

    fn prepare(&self, fd: BorrowedFd<'_>) -> Result<(), SocketError> {
        let socket = SockRef::from(&fd);
        if self.reuse_address {
            socket.set_reuse_address(true).map_err(refused(&socket, "SO_REUSEADDR"))?;
        }
        if self.reuse_port {
            socket.set_reuse_port(true).map_err(refused(&socket, "SO_REUSEPORT"))?;
        }
        if let Some(only) = self.v6_only {
            socket.set_only_v6(only).map_err(refused(&socket, "IPV6_V6ONLY"))?;
        }
        if self.broadcast {
            socket.set_broadcast(true).map_err(refused(&socket, "SO_BROADCAST"))?;
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
