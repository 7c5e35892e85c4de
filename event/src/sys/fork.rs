//! Knowing, without a system call, that this process is a fork of the one that
//! made an object: a child must not touch the epoll set that it shares with its
//! parent (`event_reinit(3)`, hazard H17).

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);
static INSTALL: Once = Once::new();

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process that an object was made in, counted in forks since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lineage(u32);

impl Lineage {
    /// This process.
    pub(crate) fn here() -> Self {
        INSTALL.call_once(|| {
            // SAFETY: [FORK-COUNT] the handler only adds to an atomic, which is
            // allowed in a forked child of a threaded process; it lives forever.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether the running process is the one that took this lineage.
    pub(crate) fn is_here(self) -> bool {
        self.0 == FORKS.load(Ordering::Relaxed)
    }
}
