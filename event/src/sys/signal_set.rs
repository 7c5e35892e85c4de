//! `sigset_t`: which signals a thread blocks, which wait, and which are read
//! from a descriptor.

#[cfg(target_os = "linux")]
use std::io;
use std::mem::MaybeUninit;
#[cfg(target_os = "linux")]
use std::os::fd::{FromRawFd, OwnedFd};
#[cfg(target_os = "linux")]
use std::ptr;

use libc::{c_int, sigset_t};

use super::Signal;

/// A set of signals, as system calls take it.
pub(crate) struct SignalSet(sigset_t);

impl SignalSet {
    pub(crate) fn new(signals: impl IntoIterator<Item = Signal>) -> Self {
        let mut set = Self::empty();
        for signal in signals {
            // SAFETY: [OWN-MEMORY] the set is ours and initialised. Only a
            // number that is not a signal's could be refused.
            unsafe { libc::sigaddset(&mut set.0, signal.number()) };
        }
        set
    }

    pub(super) fn empty() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: [OWN-MEMORY] a valid place for a set; this cannot fail.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: [OWN-MEMORY] initialised by the line above.
        Self(unsafe { set.assume_init() })
    }

    /// Blocks these in the calling thread; returns what was blocked before.
    pub(crate) fn block(&self) -> Self {
        self.mask(libc::SIG_BLOCK)
    }

    fn mask(&self, how: c_int) -> Self {
        let mut before = Self::empty();
        // SAFETY: [OWN-MEMORY] both sets are live and initialised. Only an
        // unknown `how` could be refused.
        unsafe { libc::pthread_sigmask(how, &self.0, &mut before.0) };
        before
    }
}

#[cfg(target_os = "linux")]
impl SignalSet {
    pub(crate) fn contains(&self, signal: Signal) -> bool {
        // SAFETY: [OWN-MEMORY] the set is initialised.
        unsafe { libc::sigismember(&self.0, signal.number()) == 1 }
    }

    /// Unblocks these in the calling thread.
    pub(crate) fn unblock(&self) {
        self.mask(libc::SIG_UNBLOCK);
    }

    /// Blocks these and no others.
    pub(super) fn block_only(&self) {
        self.mask(libc::SIG_SETMASK);
    }

    /// What waits for the calling thread or for the process.
    pub(super) fn pending() -> Self {
        let mut set = Self::empty();
        // SAFETY: [OWN-MEMORY] a live set; fails only for a bad address.
        unsafe { libc::sigpending(&mut set.0) };
        set
    }

    /// Takes off one of these that waits, if any does.
    pub(super) fn take_pending(&self) {
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: [OWN-MEMORY] set and time are live; NULL: no details wanted.
        unsafe { libc::sigtimedwait(&self.0, ptr::null_mut(), &now) };
    }

    /// A descriptor from which these are read while they are blocked
    /// (`signalfd(2)`).
    #[cfg_attr(event_portable, allow(dead_code, reason = "a handler writes to a pipe"))]
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
        // SAFETY: [OWN-MEMORY] the set is live; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &self.0, flags) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: [ONE-OWNER] just made, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}
