//! UDP to many: broadcast, multicast groups, and how far datagrams go.
#![forbid(unsafe_code)]

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use socket2::{Domain, SockRef};

use super::error::SocketError;
use super::udp::UdpSocket;
use crate::sys::interface_index;

/// An option that IPv4 and IPv6 have under two names each.
macro_rules! either {
    (
        $about:literal, $get:ident, $set:ident, $type:ty,
        $v4:literal $read4:ident $write4:ident, $v6:literal $read6:ident $write6:ident
    ) => {
        #[doc = concat!("Reads ", $about, " (`", $v4, "`, `", $v6, "`).")]
        ///
        /// # Errors
        ///
        /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
        pub fn $get(&self) -> Result<$type, SocketError> {
            self.by_family(($v4, |socket| socket.$read4()), ($v6, |socket| socket.$read6()))
        }

        #[doc = concat!("Sets ", $about, " (`", $v4, "`, `", $v6, "`).")]
        ///
        /// # Errors
        ///
        /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
        pub fn $set(&self, value: $type) -> Result<(), SocketError> {
            self.by_family(
                ($v4, |socket| socket.$write4(value)),
                ($v6, |socket| socket.$write6(value)),
            )
        }
    };
}

/// Sending to many, and receiving what is sent to many.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::net::Ipv4Addr;
/// use event::{EventLoop, SocketAddress, UdpSocket};
///
/// let events = EventLoop::new()?;
/// let handle = events.handle();
/// let group = Ipv4Addr::new(239, 255, 70, 1);
/// let member = UdpSocket::bind(&handle, SocketAddress::any_ipv4(0))?;
/// let loopback = UdpSocket::interface_index("lo")?;
/// member.join_multicast(group, loopback)?;
///
/// let sender = UdpSocket::bind(&handle, SocketAddress::any_ipv4(0))?;
/// sender.set_multicast_interface(loopback)?;
/// let port = member.local_addr()?.port().unwrap_or_default();
/// events.block_on(async {
///     sender.send_to(b"to all", (group, port)).await?;
///     let mut buffer = [0; 64];
///     let datagram = member.recv(&mut buffer).await?;
///     assert_eq!(&buffer[..datagram.len], b"to all");
///     Ok::<_, event::SocketError>(())
/// })??;
/// # Ok(()) }
/// ```
impl UdpSocket {
    /// Reads `SO_BROADCAST`: whether broadcasts may be sent.
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
    pub fn broadcast(&self) -> Result<bool, SocketError> {
        self.options().ask("SO_BROADCAST", |socket| socket.broadcast())
    }

    /// Sets `SO_BROADCAST`: whether broadcasts may be sent.
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
    pub fn set_broadcast(&self, on: bool) -> Result<(), SocketError> {
        self.options().ask("SO_BROADCAST", |socket| socket.set_broadcast(on))
    }

    /// Receives what is sent to a multicast group, on the interface of that
    /// number; 0 is one of the system's choice.
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`], with `EAFNOSUPPORT` for a group of
    /// another family than the socket's, with `ENODEV` if there is no such
    /// interface, with `EADDRINUSE` for a member; [`SocketError::Closed`].
    pub fn join_multicast(
        &self,
        group: impl Into<IpAddr>,
        interface: u32,
    ) -> Result<(), SocketError> {
        self.member(("IP_ADD_MEMBERSHIP", "IPV6_JOIN_GROUP"), group.into(), |socket, group| {
            match group {
                IpAddr::V4(group) => membership::join(socket, &group, interface),
                IpAddr::V6(group) => socket.join_multicast_v6(&group, interface),
            }
        })
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    ///
    /// As [`join_multicast`](Self::join_multicast), with `EADDRNOTAVAIL` for
    /// who is no member.
    pub fn leave_multicast(
        &self,
        group: impl Into<IpAddr>,
        interface: u32,
    ) -> Result<(), SocketError> {
        self.member(("IP_DROP_MEMBERSHIP", "IPV6_LEAVE_GROUP"), group.into(), |socket, group| {
            match group {
                IpAddr::V4(group) => membership::leave(socket, &group, interface),
                IpAddr::V6(group) => socket.leave_multicast_v6(&group, interface),
            }
        })
    }

    /// Sends multicasts over the interface of that number (`IP_MULTICAST_IF`,
    /// `IPV6_MULTICAST_IF`); 0 is one of the system's choice.
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
    pub fn set_multicast_interface(&self, number: u32) -> Result<(), SocketError> {
        self.by_family(
            ("IP_MULTICAST_IF", |socket| interface_of_ipv4(socket, number)),
            ("IPV6_MULTICAST_IF", |socket| socket.set_multicast_if_v6(number)),
        )
    }

    /// The number of the interface of that name (`if_nametoindex(3)`).
    ///
    /// # Errors
    ///
    /// [`SocketError::OptionFailed`] with `ENODEV` if there is none.
    pub fn interface_index(name: &str) -> Result<u32, SocketError> {
        interface_index(name).map_err(SocketError::option("if_nametoindex"))
    }

    either!(
        "whether this machine receives the multicasts that are sent here",
        multicast_loop, set_multicast_loop, bool,
        "IP_MULTICAST_LOOP" multicast_loop_v4 set_multicast_loop_v4,
        "IPV6_MULTICAST_LOOP" multicast_loop_v6 set_multicast_loop_v6
    );
    either!(
        "how many routers a multicast may pass; 1 is none",
        multicast_ttl, set_multicast_ttl, u32,
        "IP_MULTICAST_TTL" multicast_ttl_v4 set_multicast_ttl_v4,
        "IPV6_MULTICAST_HOPS" multicast_hops_v6 set_multicast_hops_v6
    );
    either!(
        "how many routers a datagram to one address may pass",
        ttl, set_ttl, u32,
        "IP_TTL" ttl_v4 set_ttl_v4,
        "IPV6_UNICAST_HOPS" unicast_hops_v6 set_unicast_hops_v6
    );

    /// Runs the one or the other, by the socket's family. (Linux would take
    /// IPv4's on an IPv6 socket, to no effect.)
    fn by_family<R>(
        &self,
        v4: (&'static str, impl FnOnce(&socket2::Socket) -> io::Result<R>),
        v6: (&'static str, impl FnOnce(&socket2::Socket) -> io::Result<R>),
    ) -> Result<R, SocketError> {
        match self.domain()? {
            Domain::IPV6 => self.options().ask(v6.0, v6.1),
            _ => self.options().ask(v4.0, v4.1),
        }
    }

    fn member(
        &self,
        names: (&'static str, &'static str),
        group: IpAddr,
        call: impl FnOnce(&socket2::Socket, IpAddr) -> io::Result<()>,
    ) -> Result<(), SocketError> {
        let name = if group.is_ipv4() { names.0 } else { names.1 };
        if group.is_ipv4() != (self.domain()? == Domain::IPV4) {
            return Err(SocketError::option(name)(Errno::AFNOSUPPORT.into()));
        }
        self.options().ask(name, |socket| call(socket, group))
    }

    fn domain(&self) -> Result<Domain, SocketError> {
        let asked = |fd: BorrowedFd<'_>| SockRef::from(&fd).local_addr();
        Ok(self.endpoint.with(asked, SocketError::option("getsockname"))?.domain())
    }
}

#[cfg(not(any(target_os = "netbsd", target_os = "openbsd")))]
mod membership {
    use std::io;
    use std::net::Ipv4Addr;

    use socket2::{InterfaceIndexOrAddress, Socket};

    pub(super) fn join(socket: &Socket, group: &Ipv4Addr, interface: u32) -> io::Result<()> {
        socket.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(interface))
    }

    pub(super) fn leave(socket: &Socket, group: &Ipv4Addr, interface: u32) -> io::Result<()> {
        socket.leave_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(interface))
    }
}

/// There an interface of IPv4 is said by an address of its own only.
#[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
mod membership {
    use std::io;
    use std::net::Ipv4Addr;

    use socket2::Socket;

    use super::of_choice;

    pub(super) fn join(socket: &Socket, group: &Ipv4Addr, interface: u32) -> io::Result<()> {
        socket.join_multicast_v4(group, &of_choice(interface)?)
    }

    pub(super) fn leave(socket: &Socket, group: &Ipv4Addr, interface: u32) -> io::Result<()> {
        socket.leave_multicast_v4(group, &of_choice(interface)?)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn interface_of_ipv4(socket: &socket2::Socket, number: u32) -> io::Result<()> {
    let any = Ipv4Addr::UNSPECIFIED;
    Ok(rustix::net::sockopt::set_ip_multicast_if_with_ifindex(socket, &any, &any, number)?)
}

/// Elsewhere it has to be said by an address of the interface's.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn interface_of_ipv4(socket: &socket2::Socket, number: u32) -> io::Result<()> {
    socket.set_multicast_if_v4(&of_choice(number)?)
}

/// The address that stands for the interface of the system's choice; no other
/// can be said by its number.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn of_choice(interface: u32) -> io::Result<Ipv4Addr> {
    match interface {
        0 => Ok(Ipv4Addr::UNSPECIFIED),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
