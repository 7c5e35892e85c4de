//! Which CPU is whose: contestants take the first, the load the second.

use std::io;

use contest::seat::pin;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs of the driver, until it is dropped.
pub(crate) struct Place {
    before: CpuSet,
}

impl Place {
    /// Moves the driver away from the contestants, if it can; or to them.
    pub(crate) fn take(beside: bool) -> io::Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|cpu| before.is_set(*cpu));
        let first = allowed.next();
        let second = allowed.next().or(first);
        let chosen = if beside { first } else { second };
        pin(chosen.ok_or_else(|| io::Error::other("no CPU to run on"))?)?;
        Ok(Self { before })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = sched_setaffinity(None, &self.before);
    }
}
