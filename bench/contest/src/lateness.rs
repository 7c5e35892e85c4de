//! How late timers fire.

use crate::clock;

/// A collection of delays, in nanoseconds.
#[derive(Debug, Default)]
pub struct Lateness(Vec<u64>);

impl Lateness {
    /// For so many.
    pub fn of(count: u32) -> Self {
        Self(Vec::with_capacity(count as usize))
    }

    /// A timer that was due at `due` of the monotonic clock fires now. One that
    /// is early counts as far too late, so that it cannot pass unseen.
    pub fn fires(&mut self, due: u64) {
        self.0.push(clock::wall().checked_sub(due).unwrap_or(u64::MAX));
    }

    /// Prints the figures.
    pub fn print(mut self) {
        self.0.sort_unstable();
        let (p50, p99) = (self.quantile(0.5), self.quantile(0.99));
        let max = self.quantile(1.0);
        println!("late_p50_us={p50:.1} late_p99_us={p99:.1} late_max_us={max:.1}");
    }

    fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.0.get(index).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
    }
}
