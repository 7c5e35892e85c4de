//! The handle of a timer.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::clock::nanos;
use super::core::Core;
use super::schedule::Id;
use super::timers::Action;

/// A pending timer. Dropping it cancels; [`detach`](Timer::detach) lets it be.
///
/// Made by [`LoopHandle::timer_after`](crate::LoopHandle::timer_after),
/// [`timer_at`](crate::LoopHandle::timer_at) and [`every`](crate::LoopHandle::every).
///
/// It is never early, and a loop that sleeps wakes up for it exactly: then the
/// kernel's wake-up, some ten microseconds, is all that it is late by. Only of a
/// crowd the last is waited for: eight or more that are due within 100 µs after
/// timers last ran fire together, and no later than at the end of these 100 µs.
/// With a test clock each is exact to the nanosecond.
///
/// Deadlines are on the monotonic clock, which nobody can set. The time of day
/// is the caller's sum, to be done again now and then, since that clock jumps:
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// fn call_at(handle: event::LoopHandle, when: SystemTime, call: impl FnOnce() + 'static) {
///     let left = when.duration_since(SystemTime::now()).unwrap_or_default();
///     let again = handle.clone();
///     let look = move || if left.is_zero() { call() } else { call_at(again, when, call) };
///     // At least once a minute: somebody may set the clock meanwhile.
///     handle.timer_after(left.min(Duration::from_secs(60)), look).unwrap().detach();
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let soon = SystemTime::now() + Duration::from_millis(20);
/// call_at(events.handle(), soon, move || assert!(SystemTime::now() >= soon));
/// events.run()
/// # }
/// ```
///
/// It stays on its loop's thread, and its callback borrows nothing:
///
/// ```compile_fail,E0277
/// fn sent_to_another_thread(timer: event::Timer) {
///     std::thread::spawn(move || timer.cancel());
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn shared_between_threads<T: Sync>() {}
/// shared_between_threads::<event::Timer>();
/// ```
///
/// ```compile_fail,E0597
/// let handle = event::EventLoop::new().unwrap().handle();
/// let on_the_stack = 1;
/// let borrowed = &on_the_stack;
/// handle.timer_at(0, move || println!("{borrowed}")).unwrap();
/// ```
pub struct Timer {
    core: Option<Rc<Core>>,
    id: Id,
}

/// Why a timer was not armed.
#[derive(Debug)]
#[non_exhaustive]
pub enum TimerError {
    /// The deadline is beyond what 64 bits of nanoseconds can say.
    OutOfRange,
    /// A periodic timer needs a period longer than zero.
    ZeroPeriod,
    /// The loop cannot take it: it is gone, or belongs to another process.
    Loop(io::Error),
}

impl fmt::Display for TimerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange => f.write_str("the timer's deadline is out of range"),
            Self::ZeroPeriod => f.write_str("the timer's period is zero"),
            Self::Loop(error) => write!(f, "cannot arm the timer: {error}"),
        }
    }
}

impl std::error::Error for TimerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Loop(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TimerError> for io::Error {
    fn from(error: TimerError) -> Self {
        match error {
            TimerError::Loop(error) => error,
            other => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}

impl Timer {
    pub(crate) fn start(
        core: &Rc<Core>,
        now: i64,
        deadline: i64,
        action: Action,
    ) -> Result<Self, TimerError> {
        core.check().map_err(TimerError::Loop)?;
        let id = core.schedule(now, deadline, action).ok_or(TimerError::OutOfRange)?;
        Ok(Self { core: Some(core.clone()), id })
    }

    /// Cancels it; whether it was still pending. It does not run after this,
    /// even if it was due already.
    pub fn cancel(&self) -> bool {
        self.core.as_ref().is_some_and(|core| core.cancel(self.id))
    }

    /// Whether it is still to come.
    pub fn is_pending(&self) -> bool {
        self.deadline().is_some()
    }

    /// When it is due, in nanoseconds of the loop's clock; `None` once it has
    /// run or was cancelled.
    pub fn deadline(&self) -> Option<i64> {
        self.core.as_ref()?.timers.deadline(self.id)
    }

    /// Moves a pending timer to `delay` from now; `Ok(false)` if it has run or
    /// was cancelled. A periodic one takes its phase from the new deadline.
    ///
    /// # Errors
    ///
    /// [`TimerError::OutOfRange`]; the old deadline stands then. And those of
    /// [`reset_at`](Timer::reset_at).
    pub fn reset(&self, delay: Duration) -> Result<bool, TimerError> {
        let Some(core) = &self.core else {
            return Ok(false);
        };
        let now = core.clock.now();
        let deadline = nanos(delay).and_then(|delay| now.checked_add(delay));
        self.reschedule(core, now, deadline.ok_or(TimerError::OutOfRange)?)
    }

    /// Moves a pending timer to `deadline`, as [`reset`](Timer::reset) does.
    ///
    /// # Errors
    ///
    /// [`TimerError::Loop`] if the loop is gone or belongs to another process.
    pub fn reset_at(&self, deadline: i64) -> Result<bool, TimerError> {
        let Some(core) = &self.core else {
            return Ok(false);
        };
        self.reschedule(core, core.clock.now(), deadline)
    }

    fn reschedule(&self, core: &Core, now: i64, deadline: i64) -> Result<bool, TimerError> {
        core.check().map_err(TimerError::Loop)?;
        Ok(core.reschedule(now, self.id, deadline))
    }

    /// Lets the timer run without a handle.
    pub fn detach(mut self) {
        self.core = None;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("deadline", &self.deadline()).finish()
    }
}
