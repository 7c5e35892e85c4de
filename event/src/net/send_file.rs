//! Files to sockets, inside the kernel (`sendfile(2)`).
#![forbid(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd};

use super::capabilities::is_missing;
use super::endpoint::Wait;
use super::error::SocketError;
use super::socket::Socket;
use crate::reactor::Direction;

impl Socket {
    /// Sends bytes of a file from `offset` on, at most `count`, as many as
    /// there is room for, waiting for room for the first (`sendfile(2)`). How
    /// many; none is the end of the file. The file's own position stays.
    ///
    /// A file that is not in memory is waited for, and the loop with it.
    ///
    /// # Errors
    ///
    /// [`SocketError::WriteFailed`], for instance with `EPIPE` (and no signal),
    /// with `EINVAL` or `ESPIPE` if it is no file that can do this;
    /// [`SocketError::Unsupported`] elsewhere than on Linux;
    /// [`SocketError::Timeout`] after
    /// [`set_write_timeout`](Self::set_write_timeout); [`SocketError::Closed`].
    pub async fn send_file(
        &self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> Result<usize, SocketError> {
        let (wait, failed) = (Wait::new(Direction::Write), SocketError::WriteFailed);
        let file = file.as_fd();
        let send = |fd: BorrowedFd<'_>| match kernel::send_file(fd, file, offset, count) {
            Err(error) if is_missing(&error) => Ok(None),
            sent => sent.map(Some),
        };
        let sent = self.endpoint.perform(wait, failed, send).await?;
        sent.ok_or(SocketError::Unsupported("sendfile"))
    }

    /// Sends bytes of a file from `offset` on, `count` of them or all to its
    /// end, at the peer's pace; how many. `offset` is moved past what was sent,
    /// also if it fails or if this future is dropped.
    ///
    /// # Errors
    ///
    /// As [`send_file`](Self::send_file).
    pub async fn send_file_all(
        &self,
        file: impl AsFd,
        offset: &mut u64,
        count: Option<u64>,
    ) -> Result<u64, SocketError> {
        let (start, file) = (*offset, file.as_fd());
        loop {
            let left = count.map_or(u64::MAX, |count| count - (*offset - start));
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            match self.send_file(file, *offset, most).await? {
                0 => return Ok(*offset - start),
                sent => *offset += sent as u64,
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::BorrowedFd;

    use crate::sys::without_sigpipe;

    /// A file that is always in memory would be sent without end otherwise:
    /// others have their turn.
    const MOST: usize = 1 << 20;

    pub(super) fn send_file(
        socket: BorrowedFd<'_>,
        file: BorrowedFd<'_>,
        mut offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        let count = count.min(MOST);
        Ok(without_sigpipe(|| rustix::fs::sendfile(socket, file, Some(&mut offset), count))?)
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, ErrorKind};
    use std::os::fd::BorrowedFd;

    pub(super) fn send_file(
        _: BorrowedFd<'_>,
        _: BorrowedFd<'_>,
        _: u64,
        _: usize,
    ) -> io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }
}
