//! What this kernel can do, found out by trying.
#![forbid(unsafe_code)]

use std::io;
use std::sync::OnceLock;

use rustix::io::Errno;

use super::error::SocketError;

/// What this system can do, of what not every system can. It is found out at
/// run time, by trying on sockets made for that: neither a version nor a name
/// tells, least of all in a container that forbids some calls.
///
/// Nobody has to ask first. What needs something that is missing fails with
/// [`SocketError::Unsupported`], or does it in another way where its
/// documentation says so.
///
/// ```
/// let able = event::Capabilities::get()?;
/// if able.udp_gso {
///     println!("the kernel cuts datagrams");
/// }
/// # Ok::<(), event::SocketError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// Sockets over IPv6.
    pub ipv6: bool,
    /// `SO_REUSEPORT`: several servers on one port.
    pub reuse_port: bool,
    /// `TCP_USER_TIMEOUT`.
    pub user_timeout: bool,
    /// `MSG_ZEROCOPY` over TCP:
    /// [`Socket::write_zero_copy`](crate::Socket::write_zero_copy).
    pub zero_copy: bool,
    /// `UDP_SEGMENT`: otherwise
    /// [`UdpSocket::send_segments`](crate::UdpSocket::send_segments) sends them
    /// singly.
    pub udp_gso: bool,
    /// `UDP_GRO`: [`UdpSocket::enable_gro`](crate::UdpSocket::enable_gro).
    pub udp_gro: bool,
    /// `sendmmsg(2)` and `recvmmsg(2)`: otherwise
    /// [`UdpSocket::send_batch`](crate::UdpSocket::send_batch) and
    /// [`UdpSocket::recv_batch`](crate::UdpSocket::recv_batch) take one
    /// datagram at a time.
    pub batches: bool,
    /// `sendfile(2)`: [`Socket::send_file`](crate::Socket::send_file).
    pub send_file: bool,
    /// `splice(2)`: otherwise [`Splice`](crate::Splice) copies.
    pub splice: bool,
    /// Unix connections of packets:
    /// [`SeqpacketSocket`](crate::SeqpacketSocket).
    pub seqpacket: bool,
    /// Unix addresses that are no file:
    /// [`SocketAddress::unix_abstract`](crate::SocketAddress::unix_abstract).
    pub abstract_unix: bool,
}

impl Capabilities {
    /// What was found out when this was first asked in this process.
    ///
    /// # Errors
    ///
    /// As [`probe`](Self::probe); then it is tried again the next time.
    pub fn get() -> Result<Self, SocketError> {
        static FOUND: OnceLock<Capabilities> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(*found);
        }
        let found = Self::probe()?;
        Ok(*FOUND.get_or_init(|| found))
    }

    /// Finds it out anew.
    ///
    /// # Errors
    ///
    /// [`SocketError::CreationFailed`] if descriptors or memory have run out:
    /// that says nothing of what the system can do.
    pub fn probe() -> Result<Self, SocketError> {
        probes::all()
    }
}

/// Whether the system says that it does not know the call or the option.
pub(super) fn is_missing(error: &io::Error) -> bool {
    // The last is the kernel's own ENOTSUPP, which it ought not to let out.
    let says = [Errno::NOSYS, Errno::NOPROTOOPT, Errno::OPNOTSUPP, Errno::from_raw_os_error(524)];
    let unsupported = error.kind() == io::ErrorKind::Unsupported;
    unsupported || Errno::from_io_error(error).is_some_and(|errno| says.contains(&errno))
}

/// For an option that not every system has.
pub(super) fn option_failed(option: &'static str) -> impl FnOnce(io::Error) -> SocketError {
    move |error| match is_missing(&error) {
        true => SocketError::Unsupported(option),
        false => SocketError::OptionFailed { option, error },
    }
}

/// Whether a trial went well.
fn works<R>(tried: io::Result<R>) -> Result<bool, SocketError> {
    judge(tried, |_| false)
}

/// Whether the system knows the call, whatever else it says to it.
#[cfg(target_os = "linux")]
fn known<R>(tried: Result<R, Errno>) -> Result<bool, SocketError> {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    judge(tried.map_err(io::Error::from), |error| !is_missing(error) && !denied(error))
}

fn judge<R>(
    tried: io::Result<R>,
    content: impl FnOnce(&io::Error) -> bool,
) -> Result<bool, SocketError> {
    let Err(error) = tried else { return Ok(true) };
    let content = content(&error);
    let error = SocketError::CreationFailed(error);
    if error.is_exhaustion() { Err(error) } else { Ok(content) }
}

mod probes {
    use std::io;
    use std::net::{Ipv6Addr, SocketAddrV6};

    use socket2::{Domain, SockAddr, Socket, Type};

    use super::{Capabilities, SocketError, works};

    pub(super) fn all() -> Result<Capabilities, SocketError> {
        let (tcp, udp) = (internet(Type::STREAM)?, internet(Type::DGRAM)?);
        let found = Capabilities {
            ipv6: works(ipv6())?,
            reuse_port: works(tcp.set_reuse_port(true))?,
            seqpacket: works(Socket::pair(Domain::UNIX, Type::SEQPACKET, None))?,
            abstract_unix: works(abstract_unix())?,
            ..Capabilities::default()
        };
        kernel::more(found, &tcp, &udp)
    }

    /// Of the one family or the other.
    fn internet(kind: Type) -> Result<Socket, SocketError> {
        let v4 = Socket::new(Domain::IPV4, kind, None);
        let either = v4.or_else(|_| Socket::new(Domain::IPV6, kind, None));
        either.map_err(SocketError::CreationFailed)
    }

    /// It is not enough that the family is known: the address must be there.
    fn ipv6() -> io::Result<()> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.bind(&SockAddr::from(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)))
    }

    /// An address of no bytes asks Linux for an abstract one; elsewhere it is
    /// refused.
    fn abstract_unix() -> io::Result<()> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.bind(&SockAddr::unix("")?)?;
        match socket.local_addr()?.is_unnamed() {
            true => Err(io::ErrorKind::Unsupported.into()),
            false => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    mod kernel {
        use std::io;
        use std::os::fd::{AsFd, BorrowedFd};

        use rustix::net::SendFlags;
        use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with};
        use socket2::Socket;

        use super::super::super::calls;
        use super::super::{Capabilities, SocketError, known, works};
        use crate::sys::{option, receive_many, set_option};

        pub(super) fn more(
            found: Capabilities,
            tcp: &Socket,
            udp: &Socket,
        ) -> Result<Capabilities, SocketError> {
            let pipe = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC);
            let pipe = pipe.map_err(|errno| SocketError::CreationFailed(errno.into()))?;
            let (pipe, flags) = ((&pipe.0, &pipe.1), SpliceFlags::NONBLOCK);
            Ok(Capabilities {
                user_timeout: works(tcp.tcp_user_timeout())?,
                zero_copy: works(calls::enable(tcp.as_fd()))?,
                udp_gso: works(option(udp.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT))?,
                udp_gro: works(set_option(udp.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1))?,
                batches: works(batches(udp.as_fd()))?,
                send_file: known(rustix::fs::sendfile(tcp, pipe.0, None, 1))?,
                splice: known(rustix::pipe::splice(pipe.0, None, pipe.1, None, 1, flags))?,
                ..found
            })
        }

        /// Of no datagrams.
        fn batches(udp: BorrowedFd<'_>) -> io::Result<()> {
            rustix::net::sendmmsg(udp, &mut [], SendFlags::empty())?;
            receive_many::<1>(udp, &mut [], drop)
        }
    }

    #[cfg(not(target_os = "linux"))]
    mod kernel {
        use socket2::Socket;

        use super::super::{Capabilities, SocketError};

        pub(super) fn more(
            found: Capabilities,
            _: &Socket,
            _: &Socket,
        ) -> Result<Capabilities, SocketError> {
            Ok(found)
        }
    }
}
