//! Sending without copying (`MSG_ZEROCOPY`).
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use socket2::{SockAddr, SockRef};

use super::address::SocketAddress;
pub(crate) use super::calls::Calls;
use super::calls::ZEROCOPY;
use super::endpoint::{Endpoint, Wait};
use super::error::SocketError;
use super::in_flight::{InFlight, Progress};
use super::page_buffer::ZeroCopyBuffer;
use super::socket::Socket;
use super::udp::UdpSocket;
use super::write::FLAGS;
use crate::reactor::Direction;

impl Socket {
    /// Writes everything without copying it, at the peer's pace. The result is
    /// there when the system has taken it all; it is a future of its own, which
    /// gives the buffer back when the system is done with it.
    ///
    /// Worth it for some ten kilobytes and more. If the system may not pin more
    /// memory (`net.core.optmem_max`, `RLIMIT_MEMLOCK`) it copies;
    /// [`ZeroCopied::copied`](crate::ZeroCopied::copied) tells.
    ///
    /// Dropping this future leaves off in the middle.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unsupported`] if the kernel or the kind of socket cannot
    /// do it, or if somebody else does it on this socket (a duplicate, or
    /// another [`Socket`] before this one adopted it): what is done cannot be
    /// told apart then. And as [`write`](Self::write).
    pub async fn write_zero_copy<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
    ) -> Result<InFlight<B>, SocketError> {
        let sending = Sending::new(&self.endpoint)?;
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            rest = &rest[sending.transmit(rest, None).await?..];
        }
        Ok(sending.in_flight(buffer))
    }
}

impl UdpSocket {
    /// Sends a datagram to the peer without copying it. The result is there
    /// when the system has taken it; it is a future of its own, which gives the
    /// buffer back when the system is done with it.
    ///
    /// # Errors
    ///
    /// As [`Socket::write_zero_copy`] and [`send`](Self::send).
    pub async fn send_zero_copy<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
    ) -> Result<InFlight<B>, SocketError> {
        let sending = Sending::new(&self.endpoint)?;
        sending.transmit(&buffer, None).await?;
        Ok(sending.in_flight(buffer))
    }

    /// As [`send_zero_copy`](Self::send_zero_copy), to that address.
    ///
    /// # Errors
    ///
    /// As [`Socket::write_zero_copy`] and [`send_to`](Self::send_to).
    pub async fn send_zero_copy_to<B: ZeroCopyBuffer>(
        &self,
        buffer: B,
        address: impl Into<SocketAddress>,
    ) -> Result<InFlight<B>, SocketError> {
        let to = address.into().to_system().map_err(SocketError::WriteFailed)?;
        let sending = Sending::new(&self.endpoint)?;
        sending.transmit(&buffer, Some(&to)).await?;
        Ok(sending.in_flight(buffer))
    }
}

/// One operation, and where its calls are entered.
struct Sending<'a> {
    endpoint: &'a Endpoint,
    calls: Rc<Calls>,
    progress: Rc<Progress>,
}

/// What one call has come to.
struct Sent {
    count: usize,
    copied: bool,
}

impl<'a> Sending<'a> {
    fn new(endpoint: &'a Endpoint) -> Result<Self, SocketError> {
        let calls = endpoint.zero_copy(|| Calls::start(endpoint))?;
        Ok(Self { endpoint, calls, progress: Rc::default() })
    }

    fn in_flight<B>(self, buffer: B) -> InFlight<B> {
        InFlight::new(buffer, self.progress)
    }

    async fn transmit(&self, bytes: &[u8], to: Option<&SockAddr>) -> Result<usize, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        let sent = self.endpoint.perform(wait, failed, |fd| transmit(fd, bytes, to)).await?;
        if sent.copied {
            self.progress.copied();
        } else if sent.count > 0 {
            // The kernel does not count calls that send nothing.
            self.calls.enter(&self.progress).map_err(SocketError::WriteFailed)?;
        }
        Ok(sent.count)
    }
}

/// Without copying; or with it, if no more memory may be pinned.
fn transmit(fd: BorrowedFd<'_>, bytes: &[u8], to: Option<&SockAddr>) -> io::Result<Sent> {
    match put(fd, bytes, to, FLAGS | ZEROCOPY) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {
            Ok(Sent { count: put(fd, bytes, to, FLAGS)?, copied: true })
        }
        sent => Ok(Sent { count: sent?, copied: false }),
    }
}

fn put(
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    to: Option<&SockAddr>,
    flags: SendFlags,
) -> io::Result<usize> {
    match to {
        Some(to) => SockRef::from(&fd).send_to_with_flags(bytes, to, flags.bits() as i32),
        None => Ok(send(fd, bytes, flags)?),
    }
}
