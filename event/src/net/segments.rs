//! Datagrams that are put together: the kernel takes and gives many of one
//! length at the price of one (`UDP_SEGMENT`, `UDP_GRO`).
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use socket2::SockAddr;

use super::address::SocketAddress;
use super::batch::Outgoing;
use super::endpoint::Wait;
use super::error::SocketError;
use super::udp::UdpSocket;
use crate::reactor::Direction;

/// The most that the kernel takes at a time (`UDP_MAX_SEGMENTS`; newer ones
/// take more), and the most bytes of one IP packet's.
const MOST: usize = 64;
const BYTES: usize = 65_507;

impl UdpSocket {
    /// Cuts `bytes` into datagrams of `size` bytes, the last of which may be
    /// shorter, and sends them to the peer; how many there were. No bytes are
    /// no datagram.
    ///
    /// The kernel does the cutting if it can (see [`set_gso`](Self::set_gso));
    /// otherwise, for instance if `size` is more than the network takes at
    /// once, they are sent as [`send_batch`](Self::send_batch) does.
    ///
    /// Dropping this future leaves off in the middle.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); those before may have been sent. With `EINVAL`
    /// if `size` is zero.
    pub async fn send_segments(&self, bytes: &[u8], size: usize) -> Result<usize, SocketError> {
        self.segments(bytes, size, None).await
    }

    /// As [`send_segments`](Self::send_segments), to that address.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub async fn send_segments_to(
        &self,
        bytes: &[u8],
        size: usize,
        address: impl Into<SocketAddress>,
    ) -> Result<usize, SocketError> {
        self.segments(bytes, size, Some(&address.into())).await
    }

    async fn segments(
        &self,
        bytes: &[u8],
        size: usize,
        to: Option<&SocketAddress>,
    ) -> Result<usize, SocketError> {
        if size == 0 {
            return Err(SocketError::WriteFailed(Errno::INVAL.into()));
        }
        let target = to.map(SocketAddress::to_system).transpose();
        let target = target.map_err(SocketError::WriteFailed)?;
        for part in bytes.chunks(size * MOST.min(BYTES / size).max(1)) {
            if !self.together(part, size, target.as_ref()).await? {
                self.one_by_one(part, size, to).await?;
            }
        }
        Ok(bytes.len().div_ceil(size))
    }

    /// With one call, if the kernel can.
    async fn together(
        &self,
        bytes: &[u8],
        size: usize,
        to: Option<&SockAddr>,
    ) -> Result<bool, SocketError> {
        let fits = u16::try_from(size).ok().filter(|_| bytes.len() > size);
        let Some(segment) = fits.filter(|_| self.sends_segments.get()) else {
            return Ok(false);
        };
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        let send = |fd: BorrowedFd<'_>| match kernel::transmit(fd, bytes, segment, to) {
            Err(error) if self.cannot(&error) => Ok(false),
            sent => sent.map(|_| true),
        };
        self.endpoint.perform(wait, failed, send).await
    }

    /// Whether the error says that the kernel, the device, or the route cannot
    /// do it. (Others are met again by those who send them singly.)
    fn cannot(&self, error: &io::Error) -> bool {
        match Errno::from_io_error(error) {
            // Longer than the route takes at once, or checksums are off: this time.
            Some(Errno::INVAL | Errno::MSGSIZE) => true,
            // The device does no checksums, or the kernel is too old: always.
            Some(Errno::IO | Errno::NOPROTOOPT | Errno::OPNOTSUPP | Errno::NOSYS) => {
                self.sends_segments.set(false);
                true
            }
            _ => false,
        }
    }

    async fn one_by_one(
        &self,
        bytes: &[u8],
        size: usize,
        to: Option<&SocketAddress>,
    ) -> Result<(), SocketError> {
        let all: Vec<_> = bytes.chunks(size).map(|bytes| Outgoing { bytes, to }).collect();
        let mut rest = &all[..];
        while !rest.is_empty() {
            rest = &rest[self.send_batch(rest).await?..];
        }
        Ok(())
    }

    /// Whether [`send_segments`](Self::send_segments) leaves the cutting to the
    /// kernel. It does at first, and ends by itself if the kernel or the
    /// network device cannot do it.
    pub fn gso(&self) -> bool {
        self.sends_segments.get()
    }

    /// Leaves the cutting to the kernel, or does not.
    pub fn set_gso(&self, on: bool) {
        self.sends_segments.set(on);
    }

    /// Lets the kernel put datagrams of one sender and one length together,
    /// which makes receiving many of them a lot cheaper. From then on receive
    /// with [`recv_batch`](Self::recv_batch), which takes them apart; the
    /// operations for single datagrams fail with [`SocketError::Unsupported`].
    /// There is no way back: those that have been put together stay so.
    ///
    /// # Errors
    ///
    /// [`SocketError::Unsupported`] if the kernel cannot do it;
    /// [`SocketError::OptionFailed`]; [`SocketError::Closed`].
    pub fn enable_gro(&self) -> Result<(), SocketError> {
        self.endpoint.with(kernel::enable_gro, super::capabilities::option_failed("UDP_GRO"))?;
        self.receives_segments.set(true);
        Ok(())
    }

    /// Whether the kernel puts received datagrams together.
    ///
    /// # Errors
    ///
    /// As [`enable_gro`](Self::enable_gro).
    pub fn gro(&self) -> Result<bool, SocketError> {
        self.endpoint.with(kernel::gro, super::capabilities::option_failed("UDP_GRO"))
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io::{self, IoSlice};
    use std::os::fd::BorrowedFd;

    use socket2::{MsgHdr, SockAddr, SockRef};

    use super::super::write::SIGNED;
    use crate::sys::{Control, option, room, set_option};

    pub(super) fn transmit(
        fd: BorrowedFd<'_>,
        bytes: &[u8],
        segment: u16,
        to: Option<&SockAddr>,
    ) -> io::Result<usize> {
        let mut place = [0; room(size_of::<u16>())];
        let data = &segment.to_ne_bytes();
        Control { level: libc::SOL_UDP, kind: libc::UDP_SEGMENT, data }.write(&mut place);
        let buffers = [IoSlice::new(bytes)];
        let message = MsgHdr::new().with_buffers(&buffers).with_control(&place);
        let message = if let Some(to) = to { message.with_addr(to) } else { message };
        SockRef::from(&fd).sendmsg(&message, SIGNED)
    }

    pub(super) fn enable_gro(fd: BorrowedFd<'_>) -> io::Result<()> {
        set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1)
    }

    pub(super) fn gro(fd: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(option(fd, libc::SOL_UDP, libc::UDP_GRO)? != 0)
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, ErrorKind};
    use std::os::fd::BorrowedFd;

    use socket2::SockAddr;

    pub(super) fn transmit(
        _: BorrowedFd<'_>,
        _: &[u8],
        _: u16,
        _: Option<&SockAddr>,
    ) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn enable_gro(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn gro(_: BorrowedFd<'_>) -> io::Result<bool> {
        Err(ErrorKind::Unsupported.into())
    }
}
