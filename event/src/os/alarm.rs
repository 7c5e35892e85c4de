//! An absolute alarm on the monotonic clock: `timerfd_create(2)`.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::read;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::clock::timespec;
use crate::sys::{Forked, supersede};

/// A descriptor that becomes readable at one absolute deadline.
pub(crate) struct Alarm(OwnedFd);

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self(timerfd_create(TimerfdClockId::Monotonic, flags)?))
    }

    /// In a forked child: an open file of its own, under the same number.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        supersede(child, self.0.as_raw_fd(), &Self::new()?.0)
    }

    /// Rings at `deadline`, at once if that has passed. Setting it anew also
    /// silences an alarm that has rung.
    pub(crate) fn set(&self, deadline: i64) -> io::Result<()> {
        // Zero would disarm it: the first nanosecond of the clock is as past.
        let spec = Itimerspec { it_interval: timespec(0), it_value: timespec(deadline.max(1)) };
        timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &spec)?;
        Ok(())
    }

    /// Silences an alarm that has rung.
    pub(crate) fn hush(&self) {
        // One that has not rung says that it would block.
        let _ = read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
