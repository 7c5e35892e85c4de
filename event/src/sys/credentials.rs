//! Who is at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Process, user and group; the process is zero if it cannot be named.
pub(crate) type Ids = (i32, u32, u32);

/// `getsockopt(SO_PEERCRED)`. (Without `rustix`: its type cannot hold the
/// process zero, which the kernel does tell.)
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_ids(fd: BorrowedFd<'_>) -> io::Result<Ids> {
    let mut ids = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let (place, length) = ((&raw mut ids).cast(), &raw mut size);
    let (level, name) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: [OWN-MEMORY] a place of that length, which the kernel keeps to.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, place, length) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok((ids.pid, ids.uid, ids.gid)) }
}

/// `getpeereid(3)`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_ids(fd: BorrowedFd<'_>) -> io::Result<Ids> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: [OWN-MEMORY] two places for a number each.
    let result = unsafe { libc::getpeereid(fd.as_raw_fd(), &raw mut uid, &raw mut gid) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok((0, uid, gid)) }
}
