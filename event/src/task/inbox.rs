//! What other threads reach of an executor: a queue, and the loop's bell.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::executor::Ready;
use crate::reactor::Shared;

/// How long the end of the loop waits for a thread that has claimed a task and
/// not yet handed it over. The claim takes nanoseconds; only a thread that a
/// fork left behind never gets there.
const PATIENCE: Duration = Duration::from_secs(1);

/// The shared queue of one executor.
pub(super) struct Inbox {
    bell: Arc<Shared>,
    /// Something may be in it: asked in every turn, so without the lock.
    any: AtomicBool,
    letters: Mutex<Letters>,
    arrived: Condvar,
}

struct Letters {
    ready: Vec<Ready>,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    Open,
    /// The loop ends, and waits for what is on its way.
    Closing,
    Closed,
}

impl Inbox {
    pub(super) fn new(bell: Arc<Shared>) -> Arc<Self> {
        let letters = Letters { ready: Vec::new(), stage: Stage::Open };
        let (any, arrived) = (AtomicBool::new(false), Condvar::new());
        Arc::new(Self { bell, any, letters: Mutex::new(letters), arrived })
    }

    /// `None` only in a forked child: there a lock that another thread had
    /// will never be opened.
    fn lock(&self) -> Option<MutexGuard<'_, Letters>> {
        if self.bell.is_here() {
            return Some(self.letters.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.letters.try_lock() {
            Ok(letters) => Some(letters),
            Err(TryLockError::Poisoned(letters)) => Some(letters.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Hands something over to the loop's thread.
    pub(super) fn send(&self, ready: Ready) {
        let letters = self.lock().filter(|letters| letters.stage != Stage::Closed);
        let Some(mut letters) = letters else {
            // Dropping it would drop a future away from its thread.
            return std::mem::forget(ready);
        };
        letters.ready.push(ready);
        self.any.store(true, Ordering::Release);
        // Asked first, because notifying is a system call even if nobody waits.
        if letters.stage == Stage::Closing {
            self.arrived.notify_one();
        }
        drop(letters);
        self.bell.kick();
    }

    /// Moves what has arrived to the end of `queue`.
    pub(super) fn collect(&self, queue: &mut VecDeque<Ready>) {
        if self.any.load(Ordering::Acquire) {
            let Some(mut letters) = self.lock() else { return };
            self.any.store(false, Ordering::Relaxed);
            queue.extend(letters.ready.drain(..));
        }
    }

    /// From now on somebody may [`wait`](Self::wait).
    pub(super) fn begin_closing(&self) {
        if let Some(mut letters) = self.lock() {
            letters.stage = Stage::Closing;
        }
    }

    /// Waits until something has arrived; whether it has.
    pub(super) fn wait(&self) -> bool {
        if !self.bell.is_here() {
            return false;
        }
        let Some(letters) = self.lock() else { return false };
        let empty = |letters: &mut Letters| letters.ready.is_empty();
        let waited = self.arrived.wait_timeout_while(letters, PATIENCE, empty);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Nothing is taken any more; what has arrived is handed out.
    pub(super) fn close(&self) -> Vec<Ready> {
        let Some(mut letters) = self.lock() else { return Vec::new() };
        letters.stage = Stage::Closed;
        std::mem::take(&mut letters.ready)
    }
}
