//! One message with all that comes with it (`recvmsg(2)`).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, iovec, msghdr};
use socket2::{SockAddr, SockAddrStorage};

/// What has come.
pub(crate) struct Message {
    /// Bytes of it; of more than there was place for, all, if that was asked for.
    pub(crate) length: usize,
    pub(crate) from: SockAddr,
    /// `MSG_TRUNC`, `MSG_CTRUNC` and their kin.
    pub(crate) flags: c_int,
    /// Bytes of control messages.
    pub(crate) controls: usize,
}

/// Receives one, with its control messages.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    controls: &mut [u8],
    flags: c_int,
) -> io::Result<Message> {
    let mut from = SockAddrStorage::zeroed();
    let mut vector = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: [PLAIN-BYTES] numbers and pointers that may be NULL.
    let mut header: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_name = (&raw mut from).cast();
    header.msg_namelen = from.size_of();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = controls.as_mut_ptr().cast();
    header.msg_controllen = controls.len() as _;
    // SAFETY: [OWN-MEMORY] every place in the header lives, with its length, until the end of this call.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: [OWN-MEMORY] what the kernel has written, and the length that it says.
    let from = unsafe { SockAddr::new(from, header.msg_namelen) };
    #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
    let controls = header.msg_controllen as usize;
    Ok(Message { length, from, flags: header.msg_flags, controls })
}
