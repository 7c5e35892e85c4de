//! The monotonic clock (`clock_gettime(2)`), in nanoseconds.
#![forbid(unsafe_code)]

#[cfg(all(any(target_os = "linux", target_os = "android"), not(event_portable)))]
use rustix::time::Timespec;
use rustix::time::{ClockId, clock_gettime};

const NANOS: i64 = 1_000_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * NANOS + now.tv_nsec
}

/// The same point in time as the kernel writes it.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(event_portable)))]
pub(crate) fn timespec(nanos: i64) -> Timespec {
    Timespec { tv_sec: nanos.div_euclid(NANOS), tv_nsec: nanos.rem_euclid(NANOS) }
}
