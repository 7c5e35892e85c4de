//! The answer to "why is the loop still alive?".
#![forbid(unsafe_code)]

use std::os::fd::RawFd;

/// What kind of thing is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A descriptor's watcher.
    Watcher,
    /// A watched signal.
    Signal,
    /// A watched child process.
    Child,
    /// A waker of the loop.
    Waker,
    /// A descriptor that tasks wait for.
    Async,
    /// A timer or a sleep.
    Timer,
    /// A closure put off to the next turn.
    Deferred,
    /// A task of the executor.
    Task,
}

/// One live registration, from [`LoopHandle::registrations`](crate::LoopHandle::registrations).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Registration {
    /// What it is.
    pub kind: Kind,
    /// The descriptor it is about, if it is about one.
    pub fd: Option<RawFd>,
    /// When it is due on the loop's clock, in nanoseconds, if it is a timer.
    pub deadline: Option<i64>,
}
