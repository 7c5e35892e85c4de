//! Calls that would raise `SIGPIPE`, without dying of it.

use rustix::io::{Errno, Result};

use super::{Signal, SignalSet};

/// Runs a call that answers `EPIPE` when the peer is gone, and raises the
/// signal besides, for want of a `MSG_NOSIGNAL`: writing to a pipe,
/// `sendfile(2)`, `splice(2)`.
///
/// Rust's own `main` ignores that signal, but in a library that C has loaded it
/// kills. It is raised in the thread that writes: it is blocked there
/// meanwhile, and taken off.
pub(crate) fn without_sigpipe<R>(call: impl FnOnce() -> Result<R>) -> Result<R> {
    let sigpipe = SignalSet::new([Signal::PIPE]);
    let earlier = SignalSet::pending().contains(Signal::PIPE);
    let blocked = sigpipe.block().contains(Signal::PIPE);
    let done = call();
    if done.as_ref().err() == Some(&Errno::PIPE) && !earlier {
        sigpipe.take_pending();
    }
    if !blocked {
        sigpipe.unblock();
    }
    done
}
