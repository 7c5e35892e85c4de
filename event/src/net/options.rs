//! Options of sockets: set, and read back as the system took them.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, SockRef, Type};

use super::capabilities::is_missing;
use super::endpoint::Endpoint;
use super::error::SocketError;
use super::rare;

/// The options of one socket; from [`Socket::options`](crate::Socket::options),
/// [`ServerSocket::options`](crate::ServerSocket::options).
///
/// What is read is what the system made of it: a buffer's size, for instance,
/// is doubled by Linux and has limits. An option of another family or protocol
/// is an error.
///
/// # Errors
///
/// All name the option: [`SocketError::Unsupported`] if it is the system that
/// lacks it, and otherwise, as for a socket that it means nothing to,
/// [`SocketError::OptionFailed`]. All answer with [`SocketError::Closed`] too.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use event::{EventLoop, ServerSocket, Socket, SocketAddress};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let server = ServerSocket::bind(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
/// let client = events.block_on(Socket::connect(&handle, server.local_addr()?))??;
/// client.options().set_nodelay(true)?;
/// assert!(client.options().nodelay()?);
/// assert!(client.options().tclass().is_err()); // that is IPv6
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
pub struct SocketOptions<'a>(&'a Endpoint);

/// When a silent peer is asked whether it is still there (`SO_KEEPALIVE`);
/// what is `None` is the system's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// After so long a silence (`TCP_KEEPIDLE`).
    pub idle: Option<Duration>,
    /// Then again and again after so long (`TCP_KEEPINTVL`).
    pub interval: Option<Duration>,
    /// And after so many questions it is given up (`TCP_KEEPCNT`).
    pub count: Option<u32>,
}

/// An option that is simply on or off, or a number.
macro_rules! plain {
    ($name:literal, $about:literal, $get:ident, $set:ident, $type:ty, $read:ident, $write:ident) => {
        #[doc = concat!("Reads `", $name, "`: ", $about)]
        ///
        /// # Errors
        ///
        /// As [`SocketOptions`] says.
        pub fn $get(&self) -> Result<$type, SocketError> {
            self.ask($name, |socket| socket.$read())
        }

        #[doc = concat!("Sets `", $name, "`: ", $about)]
        ///
        /// # Errors
        ///
        /// As [`SocketOptions`] says.
        pub fn $set(&self, value: $type) -> Result<(), SocketError> {
            self.ask($name, |socket| socket.$write(value))
        }
    };
}

impl<'a> SocketOptions<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Self {
        Self(endpoint)
    }

    /// Runs a call of `socket2` under the option's name.
    pub(super) fn ask<R>(
        &self,
        option: &'static str,
        call: impl FnOnce(&socket2::Socket) -> io::Result<R>,
    ) -> Result<R, SocketError> {
        let asked = |fd: BorrowedFd<'_>| {
            let socket = SockRef::from(&fd);
            Ok(call(&socket).map_err(refused(&socket, option)))
        };
        self.0.with(asked, SocketError::option(option))?
    }

    plain!(
        "TCP_NODELAY",
        "small writes are sent at once.",
        nodelay,
        set_nodelay,
        bool,
        tcp_nodelay,
        set_tcp_nodelay
    );
    plain!(
        "SO_SNDBUF",
        "bytes that may wait to be sent.",
        send_buffer,
        set_send_buffer,
        usize,
        send_buffer_size,
        set_send_buffer_size
    );
    plain!(
        "SO_RCVBUF",
        "bytes that may wait to be read.",
        receive_buffer,
        set_receive_buffer,
        usize,
        recv_buffer_size,
        set_recv_buffer_size
    );
    plain!(
        "SO_REUSEADDR",
        "the local address may have been in use a moment ago.",
        reuse_address,
        set_reuse_address,
        bool,
        reuse_address,
        set_reuse_address
    );
    plain!(
        "SO_REUSEPORT",
        "the local address may be in use by others who have this set.",
        reuse_port,
        set_reuse_port,
        bool,
        reuse_port,
        set_reuse_port
    );
    plain!(
        "SO_LINGER",
        "how long `close` waits for unsent bytes; with zero it resets the connection.",
        linger,
        set_linger,
        Option<Duration>,
        linger,
        set_linger
    );

    /// Reads `IPV6_V6ONLY`: whether IPv4 is left alone. It is set before a
    /// socket is bound, by [`Listen::v6_only`](crate::Listen::v6_only).
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn v6_only(&self) -> Result<bool, SocketError> {
        self.ask("IPV6_V6ONLY", |socket| socket.only_v6())
    }

    /// Reads `SO_KEEPALIVE` and its three numbers; `None` if it is off.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn keepalive(&self) -> Result<Option<Keepalive>, SocketError> {
        if !self.ask("SO_KEEPALIVE", |socket| socket.keepalive())? {
            return Ok(None);
        }
        Ok(Some(Keepalive {
            idle: Some(self.ask("TCP_KEEPIDLE", rare::keepalive_idle)?),
            interval: Some(self.ask("TCP_KEEPINTVL", rare::keepalive_interval)?),
            count: Some(self.ask("TCP_KEEPCNT", rare::keepalive_count)?),
        }))
    }

    /// Sets `SO_KEEPALIVE` and what is given of its three numbers, or turns it
    /// off. (The system counts in seconds: a part of one is one more.)
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> Result<(), SocketError> {
        let Some(keepalive) = keepalive else {
            return self.ask("SO_KEEPALIVE", |socket| socket.set_keepalive(false));
        };
        if let Some(time) = keepalive.idle {
            self.ask("TCP_KEEPIDLE", |socket| rare::set_keepalive_idle(socket, time))?;
        }
        if let Some(time) = keepalive.interval {
            self.ask("TCP_KEEPINTVL", |socket| rare::set_keepalive_interval(socket, time))?;
        }
        if let Some(count) = keepalive.count {
            self.ask("TCP_KEEPCNT", |socket| rare::set_keepalive_count(socket, count))?;
        }
        self.ask("SO_KEEPALIVE", |socket| socket.set_keepalive(true))
    }

    /// Reads `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged
    /// before the connection is given up; `None` is the system's default.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn user_timeout(&self) -> Result<Option<Duration>, SocketError> {
        let time = self.ask("TCP_USER_TIMEOUT", rare::user_timeout)?;
        Ok(time.filter(|time| !time.is_zero()))
    }

    /// Sets `TCP_USER_TIMEOUT`.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn set_user_timeout(&self, time: Option<Duration>) -> Result<(), SocketError> {
        self.ask("TCP_USER_TIMEOUT", |socket| rare::set_user_timeout(socket, time))
    }

    /// Reads `SO_BINDTODEVICE`: the interface that the socket keeps to.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn device(&self) -> Result<Option<Vec<u8>>, SocketError> {
        self.ask("SO_BINDTODEVICE", rare::device)
    }

    /// Sets `SO_BINDTODEVICE`: keeps to that interface, or to none.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn set_device(&self, name: Option<&[u8]>) -> Result<(), SocketError> {
        self.ask("SO_BINDTODEVICE", |socket| rare::set_device(socket, name))
    }

    /// Reads `IP_TOS`: the service class of what is sent over IPv4.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn tos(&self) -> Result<u32, SocketError> {
        self.ask("IP_TOS", |socket| speaks_ipv4(socket)?.tos_v4())
    }

    /// Sets `IP_TOS`.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn set_tos(&self, class: u32) -> Result<(), SocketError> {
        self.ask("IP_TOS", |socket| speaks_ipv4(socket)?.set_tos_v4(class))
    }

    /// Reads `IPV6_TCLASS`: the service class of what is sent over IPv6.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn tclass(&self) -> Result<u32, SocketError> {
        self.ask("IPV6_TCLASS", |socket| socket.tclass_v6())
    }

    /// Sets `IPV6_TCLASS`.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn set_tclass(&self, class: u32) -> Result<(), SocketError> {
        self.ask("IPV6_TCLASS", |socket| socket.set_tclass_v6(class))
    }

    /// Takes the error that is pending (`SO_ERROR`), which the next operation
    /// would report otherwise.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    pub fn take_error(&self) -> Result<Option<io::Error>, SocketError> {
        self.ask("SO_ERROR", |socket| socket.take_error())
    }

    /// Reads `TCP_INFO`: how the connection is doing.
    ///
    /// # Errors
    ///
    /// As [`SocketOptions`] says.
    #[cfg(target_os = "linux")]
    pub fn tcp_info(&self) -> Result<super::TcpInfo, SocketError> {
        let asked = self.ask("TCP_INFO", |socket| crate::sys::tcp_info(socket.as_fd()))?;
        Ok(super::TcpInfo::new(&asked))
    }
}

/// An IPv6 socket takes the option too, and it says nothing there, unless the
/// connection is IPv4 in truth.
fn speaks_ipv4(socket: &socket2::Socket) -> io::Result<&socket2::Socket> {
    let local = socket.local_addr()?;
    let mapped = local.as_socket_ipv6().is_some_and(|v6| v6.ip().to_ipv4_mapped().is_some());
    if mapped || local.domain() == Domain::IPV4 {
        return Ok(socket);
    }
    Err(Errno::AFNOSUPPORT.into())
}

/// The interface to keep to, for a socket that is to be.
pub(super) fn bind_device(socket: &socket2::Socket, name: &[u8]) -> Result<(), SocketError> {
    rare::set_device(socket, Some(name)).map_err(refused(socket, "SO_BINDTODEVICE"))
}

/// What is said of a refusal. The system answers alike if it lacks the option,
/// and if the socket is of another family or protocol.
pub(super) fn refused(
    socket: &socket2::Socket,
    option: &'static str,
) -> impl FnOnce(io::Error) -> SocketError {
    move |error| match is_missing(&error) && is_for(option, socket) {
        true => SocketError::Unsupported(option),
        false => SocketError::OptionFailed { option, error },
    }
}

/// Whether the option, by its name, is one for such a socket.
fn is_for(option: &str, socket: &socket2::Socket) -> bool {
    let Ok((domain, kind)) = socket.local_addr().and_then(|at| Ok((at.domain(), socket.r#type()?)))
    else {
        return false;
    };
    match option.split('_').next() {
        Some("TCP") => kind == Type::STREAM && domain != Domain::UNIX,
        Some("IPV6") => domain == Domain::IPV6,
        _ => domain != Domain::UNIX,
    }
}

impl fmt::Debug for SocketOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketOptions({:?})", self.0)
    }
}
