//! Waiting again and again, in phase.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::stream::{FusedStream, Stream};

use super::sleep::Sleep;
use crate::reactor::{LoopHandle, TimerError};

/// Ticks at a fixed pace: a stream of how many periods have passed since the
/// tick before. That is 1, or more if nobody listened in time: missed ticks are
/// one tick with a count, and the phase is kept, as with
/// [`LoopHandle::every`]. The stream ends with the loop.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let events = event::EventLoop::builder().test_clock().build()?;
/// let mut ticks = events.handle().interval(Duration::from_secs(10))?;
/// events.block_on(async {
///     assert_eq!(ticks.tick().await, 1); // at 10 s
///     event::sleep(Duration::from_secs(25)).await;
///     assert_eq!(ticks.tick().await, 2); // at 35 s: those of 20 s and 30 s
///     assert_eq!(ticks.tick().await, 1); // at 40 s
/// })?;
/// assert_eq!(events.handle().now(), 40_000_000_000);
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Interval {
    sleep: Sleep,
    period: i64,
    next: i64,
}

impl LoopHandle {
    /// A tick every `period`, the first one a period from now.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::new()?;
    /// let mut ticks = events.handle().interval(Duration::from_millis(1))?;
    /// assert!(events.block_on(ticks.tick())? >= 1);
    /// assert!(events.handle().interval(Duration::ZERO).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TimerError::ZeroPeriod`]; [`TimerError::OutOfRange`] if 64 bits of
    /// nanoseconds do not reach that far; [`TimerError::Loop`] if the loop is gone.
    pub fn interval(&self, period: Duration) -> Result<Interval, TimerError> {
        let period = i64::try_from(period.as_nanos()).map_err(|_| TimerError::OutOfRange)?;
        if period == 0 {
            return Err(TimerError::ZeroPeriod);
        }
        self.core().check().map_err(TimerError::Loop)?;
        let next = self.now().checked_add(period).ok_or(TimerError::OutOfRange)?;
        Ok(Interval { sleep: self.sleep_until(next), period, next })
    }
}

/// A tick every `period`, by the loop that runs on this thread; as
/// [`LoopHandle::interval`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// event::EventLoop::new()?.block_on(async {
///     let mut ticks = event::interval(Duration::from_millis(1)).unwrap();
///     assert!(ticks.tick().await >= 1);
/// })?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`LoopHandle::interval`].
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn interval(period: Duration) -> Result<Interval, TimerError> {
    super::current().interval(period)
}

impl Interval {
    /// The next tick: how many periods have passed since the last.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::builder().test_clock().build()?;
    /// let mut ticks = events.handle().interval(Duration::from_secs(1))?;
    /// assert_eq!(events.block_on(ticks.tick())?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// If the loop is gone; as a stream, it ends.
    pub async fn tick(&mut self) -> u64 {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let now = self.sleep.core().clock.now();
        let missed = (now - self.next) / self.period;
        let step = self.period.saturating_mul(missed + 1);
        self.next = self.next.saturating_add(step);
        self.sleep.reset_at(self.next);
        Poll::Ready(missed.unsigned_abs() + 1)
    }
}

impl Stream for Interval {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.is_terminated() {
            return Poll::Ready(None);
        }
        self.poll_tick(cx).map(Some)
    }
}

impl FusedStream for Interval {
    fn is_terminated(&self) -> bool {
        self.sleep.core().check().is_err()
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = Duration::from_nanos(self.period.unsigned_abs());
        f.debug_struct("Interval").field("period", &period).field("next", &self.next).finish()
    }
}
