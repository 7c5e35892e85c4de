//! The loop's clock: the monotonic one, or virtual time for tests.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::time::Duration;

use crate::os;

/// Where deadlines are read from, in nanoseconds.
pub(crate) enum Clock {
    Monotonic,
    /// Stands still until the loop is idle, and then jumps to the next deadline.
    Virtual(Cell<i64>),
}

impl Clock {
    pub(crate) fn now(&self) -> i64 {
        match self {
            Self::Monotonic => os::clock::now(),
            Self::Virtual(now) => now.get(),
        }
    }

    /// `delay` from now, if the clock goes that far.
    pub(crate) fn after(&self, delay: Duration) -> Option<i64> {
        self.now().checked_add(nanos(delay)?)
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Moves virtual time forward; the monotonic clock moves by itself.
    pub(crate) fn advance_to(&self, deadline: i64) {
        if let Self::Virtual(now) = self {
            now.set(deadline.max(now.get()));
        }
    }
}

/// A duration in nanoseconds, if 64 bits hold it.
pub(crate) fn nanos(duration: Duration) -> Option<i64> {
    i64::try_from(duration.as_nanos()).ok()
}
