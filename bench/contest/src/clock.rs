//! Reading clocks.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds that the process has spent on CPUs.
pub fn cpu() -> u64 {
    read(ClockId::ProcessCPUTime)
}

/// Nanoseconds of the monotonic clock.
pub fn wall() -> u64 {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let nanos = now.tv_sec * 1_000_000_000 + now.tv_nsec;
    nanos.unsigned_abs()
}

/// A phase that is measured in CPU time.
#[derive(Debug)]
pub struct Phase(u64);

impl Phase {
    /// Begins now.
    pub fn begin() -> Self {
        Self(cpu())
    }

    /// CPU nanoseconds since the begin, for each of `count` steps. The next
    /// phase begins.
    pub fn end(&mut self, count: u32) -> f64 {
        let now = cpu();
        let spent = now - std::mem::replace(&mut self.0, now);
        spent as f64 / f64::from(count.max(1))
    }
}
