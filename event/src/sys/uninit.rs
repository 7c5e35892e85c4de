//! Receiving into the buffers of other crates, which have not initialised them:
//! filling them with zeros first would cost as much as the copy by the kernel.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::net::{RecvFlags, recv};

/// `recv(2)` into the room of hyper's buffer; how much came.
#[cfg(feature = "hyper")]
pub(crate) fn recv_hyper(
    fd: BorrowedFd<'_>,
    cursor: &mut hyper::rt::ReadBufCursor<'_>,
) -> io::Result<usize> {
    // SAFETY: [KERNEL-FILLS] The kernel writes bytes here, and takes none back.
    let room = unsafe { cursor.as_mut() };
    let count = take(fd, room)?;
    // SAFETY: [KERNEL-FILLS] So many, from the front, are initialised now.
    unsafe { cursor.advance(count) };
    Ok(count)
}

/// `recv(2)` into the room of tokio's buffer; how much came.
#[cfg(feature = "tokio")]
pub(crate) fn recv_tokio(
    fd: BorrowedFd<'_>,
    buffer: &mut tokio::io::ReadBuf<'_>,
) -> io::Result<usize> {
    // SAFETY: [KERNEL-FILLS] The kernel writes bytes here, and takes none back.
    let room = unsafe { buffer.unfilled_mut() };
    let count = take(fd, room)?;
    // SAFETY: [KERNEL-FILLS] So many, from the front, are initialised now.
    unsafe { buffer.assume_init(count) };
    buffer.advance(count);
    Ok(count)
}

/// Nothing is asked of the system when there is no room: it would wait.
fn take(fd: BorrowedFd<'_>, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    if room.is_empty() {
        return Ok(0);
    }
    let ((filled, _), _) = recv(fd, room, RecvFlags::empty())?;
    Ok(filled.len())
}
