//! Socket options that are a number, and have no safe wrapper.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, socklen_t};

/// `setsockopt(2)`.
pub(crate) fn set_option(
    fd: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    let (place, size) = ((&raw const value).cast(), size_of::<c_int>() as socklen_t);
    // SAFETY: [OWN-MEMORY] the value lives, with its length, until the end of this call.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, place, size) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `getsockopt(2)`.
pub(crate) fn option(fd: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<c_int> {
    let (mut value, mut size) = (0 as c_int, size_of::<c_int>() as socklen_t);
    let (place, length) = ((&raw mut value).cast(), &raw mut size);
    // SAFETY: [OWN-MEMORY] a place of that length, which the kernel keeps to.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, place, length) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
