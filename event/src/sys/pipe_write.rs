//! Writing to a pipe whose reader may be gone, without dying of it.

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result, write};

use super::{Signal, SignalSet};

/// `write(2)`, with `EPIPE` for the caller and no `SIGPIPE` for the process.
///
/// Rust's own `main` ignores that signal, but in a library that C has loaded it
/// kills, and pipes have no `MSG_NOSIGNAL`. The signal is raised in the thread
/// that writes: it is blocked there meanwhile, and taken off.
pub(crate) fn write_to_pipe(pipe: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    let sigpipe = SignalSet::new([Signal::PIPE]);
    let earlier = SignalSet::pending().contains(Signal::PIPE);
    let blocked = sigpipe.block().contains(Signal::PIPE);
    let written = write(pipe, bytes);
    if written == Err(Errno::PIPE) && !earlier {
        sigpipe.take_pending();
    }
    if !blocked {
        sigpipe.unblock();
    }
    written
}
