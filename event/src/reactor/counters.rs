//! What a loop has done so far.
#![forbid(unsafe_code)]

use std::cell::Cell;

/// Running totals of one loop, from [`LoopHandle::counters`](crate::LoopHandle::counters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Turns of the loop.
    pub turns: u64,
    /// Turns that were allowed to sleep in the kernel.
    pub waits: u64,
    /// Callbacks run: watchers, timers, deferred and remote closures.
    pub callbacks: u64,
}

/// The same, counting.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) turns: Cell<u64>,
    pub(crate) waits: Cell<u64>,
    pub(crate) callbacks: Cell<u64>,
}

impl Tally {
    pub(crate) fn add(counter: &Cell<u64>) {
        counter.set(counter.get() + 1);
    }

    pub(crate) fn read(&self) -> Counters {
        Counters {
            turns: self.turns.get(),
            waits: self.waits.get(),
            callbacks: self.callbacks.get(),
        }
    }
}
