//! A child that we have started, and so must reap.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use crate::os::pidfd::Pidfd;
use crate::sys::Signal;

/// Children whose loop has ended before them.
static ORPHANS: Mutex<Vec<Arc<Pidfd>>> = Mutex::new(Vec::new());

/// One child of ours. Dropped before it was reaped, it is left to [`sweep`].
pub(super) struct Offspring {
    pidfd: Arc<Pidfd>,
    reaped: Cell<bool>,
}

impl Offspring {
    pub(super) fn new(pid: u32) -> io::Result<Self> {
        Ok(Self { pidfd: Arc::new(Pidfd::open(pid)?), reaped: Cell::new(false) })
    }

    pub(super) fn send(&self, signal: Signal) -> io::Result<()> {
        self.pidfd.send(signal)
    }

    /// How it ended, if it has.
    pub(super) fn reap(&self) -> Option<io::Result<ExitStatus>> {
        let ended = self.pidfd.reap().transpose();
        self.reaped.set(ended.is_some());
        ended
    }
}

impl Drop for Offspring {
    fn drop(&mut self) {
        if !self.reaped.get() && matches!(self.pidfd.reap(), Ok(None)) {
            let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
            orphans.push(self.pidfd.clone());
        }
    }
}

impl AsFd for Offspring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Reaps the orphans that have ended since the last time. If another thread is
/// at it, that will do; a forked child may find the lock locked for ever.
pub(super) fn sweep() {
    if let Ok(mut orphans) = ORPHANS.try_lock() {
        orphans.retain(|orphan| matches!(orphan.reap(), Ok(None)));
    }
}
