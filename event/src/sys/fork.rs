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

/// The process that an object belongs to, counted in forks. Asking takes no
/// lock: in a forked child another thread's would stay locked for ever.
#[derive(Debug)]
pub(crate) struct Lineage(AtomicU32);

impl Lineage {
    /// This process.
    pub(crate) fn here() -> Self {
        Self(AtomicU32::new(Self::count()))
    }

    /// From now on this process.
    pub(crate) fn renew(&self) {
        self.0.store(Self::count(), Ordering::Relaxed);
    }

    fn count() -> u32 {
        INSTALL.call_once(|| {
            // SAFETY: [FORK-COUNT] the handler only adds to an atomic, which is
            // allowed in a forked child of a threaded process; it lives forever.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        FORKS.load(Ordering::Relaxed)
    }

    /// Whether the running process is that one.
    pub(crate) fn is_here(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FORKS.load(Ordering::Relaxed)
    }
}
