//! What the kernel knows of a TCP connection.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `getsockopt(TCP_INFO)`. What an older kernel does not tell is zero.
pub(crate) fn tcp_info(fd: BorrowedFd<'_>) -> io::Result<libc::tcp_info> {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    let (place, size) = (info.as_mut_ptr().cast(), &raw mut length);
    // SAFETY: [OWN-MEMORY] a place of that length, which the kernel keeps to.
    let result =
        unsafe { libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, place, size) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: [OWN-MEMORY] all integers: zeros, and what the kernel wrote, are a value.
    Ok(unsafe { info.assume_init() })
}
