//! The waker of the future that `block_on` was given.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::executor::schedule_root;
use super::inbox::Inbox;

/// Puts the future into its executor's queue, once for each poll.
pub(super) struct RootWaker {
    queued: AtomicBool,
    inbox: Arc<Inbox>,
}

impl RootWaker {
    pub(super) fn new(inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self { queued: AtomicBool::new(false), inbox })
    }

    /// The future is about to be polled: it sees what was done before every
    /// wake-up so far, and a later one counts anew.
    pub(super) fn reset(&self) {
        // Not a store, which would see only the wake-up that queued it.
        self.queued.swap(false, Ordering::AcqRel);
    }
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            schedule_root(&self.inbox);
        }
    }
}
