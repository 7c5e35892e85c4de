//! Waiting for a point in time.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::reactor::LoopHandle;
use crate::reactor::core::Core;
use crate::reactor::schedule::Id;
use crate::reactor::timers::Action;

/// In place of the time where nothing else needs it: whether a deadline has
/// passed already the loop finds out before it waits.
const UNASKED: i64 = i64::MIN;

/// A future that is done at its deadline; from [`sleep`], [`sleep_until`] or the
/// [`LoopHandle`] of a loop. Dropping it cancels.
///
/// It is a timer of the loop like any other, and as exact as
/// [`Timer`](crate::Timer) says: never early, and on a loop with a test clock to
/// the nanosecond.
///
/// Polling it panics if its loop is gone, where nothing would ever wake it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let events = event::EventLoop::builder().test_clock().build()?;
/// events.block_on(async { event::sleep(Duration::from_secs(3600)).await })?;
/// assert_eq!(events.handle().now(), 3_600_000_000_000); // and that took no time
/// # Ok(()) }
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    core: Rc<Core>,
    id: Id,
}

impl LoopHandle {
    /// A future that is done `duration` from now. One that is longer than the
    /// clock reaches (292 years) never is.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::new()?;
    /// events.block_on(events.handle().sleep(Duration::from_millis(1)))?;
    /// # Ok(()) }
    /// ```
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let now = self.now();
        Sleep::new(self.core(), now, after(now, duration))
    }

    /// A future that is done at `deadline`, in nanoseconds of
    /// [`now`](Self::now)'s clock; if that has passed, in the next turn.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let deadline = events.handle().now() + 1_000_000;
    /// events.block_on(events.handle().sleep_until(deadline))?;
    /// assert!(events.handle().now() >= deadline);
    /// # Ok(()) }
    /// ```
    pub fn sleep_until(&self, deadline: i64) -> Sleep {
        Sleep::new(self.core(), UNASKED, deadline)
    }
}

/// A future that is done `duration` from now, by the loop that runs on this
/// thread; as [`LoopHandle::sleep`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::{Duration, Instant};
///
/// let before = Instant::now();
/// event::EventLoop::new()?.block_on(async {
///     event::sleep(Duration::from_millis(2)).await;
/// })?;
/// assert!(before.elapsed() >= Duration::from_millis(2));
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    super::current().sleep(duration)
}

/// A future that is done at `deadline`, by the loop that runs on this thread;
/// as [`LoopHandle::sleep_until`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let handle = events.handle();
/// events.block_on(async {
///     let deadline = handle.now() + 1_000_000;
///     event::sleep_until(deadline).await;
///     assert!(handle.now() >= deadline);
/// })?;
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn sleep_until(deadline: i64) -> Sleep {
    super::current().sleep_until(deadline)
}

impl Sleep {
    fn new(core: &Rc<Core>, now: i64, deadline: i64) -> Self {
        Self { core: core.clone(), id: arm(core, now, deadline) }
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// When it is done, in nanoseconds of the loop's clock; `None` if it is.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let mut sleep = events.handle().sleep_until(7);
    /// assert_eq!(sleep.deadline(), Some(7));
    /// events.block_on(&mut sleep)?;
    /// assert_eq!(sleep.deadline(), None);
    /// # Ok(()) }
    /// ```
    pub fn deadline(&self) -> Option<i64> {
        self.core.timers.deadline(self.id)
    }

    /// Begins anew, whether it is done or not: `duration` from now.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::builder().test_clock().build()?;
    /// let mut sleep = events.handle().sleep(Duration::from_secs(1));
    /// sleep.reset(Duration::from_secs(2));
    /// events.block_on(sleep)?;
    /// assert_eq!(events.handle().now(), 2_000_000_000);
    /// # Ok(()) }
    /// ```
    pub fn reset(&mut self, duration: Duration) {
        let now = self.core.clock.now();
        self.rearm(now, after(now, duration));
    }

    /// Begins anew, whether it is done or not: until `deadline`. Cheaper than
    /// [`reset`](Self::reset), which has to ask the clock.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::builder().test_clock().build()?;
    /// let mut sleep = events.handle().sleep(Duration::from_secs(1));
    /// sleep.reset_at(7);
    /// events.block_on(sleep)?;
    /// assert_eq!(events.handle().now(), 7);
    /// # Ok(()) }
    /// ```
    pub fn reset_at(&mut self, deadline: i64) {
        self.rearm(UNASKED, deadline);
    }

    fn rearm(&mut self, now: i64, deadline: i64) {
        if !self.core.reschedule(now, self.id, deadline) {
            self.id = arm(&self.core, now, deadline);
        }
    }
}

/// Nobody is woken until somebody polls, and whoever polls late finds it gone.
fn arm(core: &Core, now: i64, deadline: i64) -> Id {
    let nobody = Action::Wake(Waker::noop().clone());
    core.schedule(now, deadline, nobody).expect("fewer than four billion timers")
}

/// A deadline beyond the clock's range is never reached.
fn after(now: i64, duration: Duration) -> i64 {
    let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    now.saturating_add(nanos)
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = self.core.check() {
            panic!("cannot sleep: {error}");
        }
        if self.core.timers.wake_up(self.id, cx.waker()) { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.core.cancel(self.id);
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline()).finish()
    }
}
