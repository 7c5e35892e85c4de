//! Writing to a pipe whose reader may be gone.

use std::os::fd::BorrowedFd;

use rustix::io::{Result, write};

use super::sigpipe::without_sigpipe;

/// `write(2)`, with `EPIPE` for the caller and no `SIGPIPE` for the process.
pub(crate) fn write_to_pipe(pipe: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    without_sigpipe(|| write(pipe, bytes))
}
