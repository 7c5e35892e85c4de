//! The handle through which everything is registered.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::fmt;
use std::os::fd::{AsFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use super::callback::Callback;
use super::clock::nanos;
use super::core::Core;
use super::counters::Counters;
use super::live::Registration;
use super::remote::Remote;
use super::timer::{Timer, TimerError};
use super::timers::Action;
use super::watch::{Handed, Watch};

thread_local! {
    static CURRENT: RefCell<Option<LoopHandle>> = const { RefCell::new(None) };
}

/// A handle to a loop, for its own thread: cheap to clone and to capture.
///
/// It may outlive the loop; registering then fails with an error. Like all that
/// is registered with it, it stays on its loop's thread:
///
/// ```compile_fail,E0277
/// let handle = event::EventLoop::new().unwrap().handle();
/// std::thread::spawn(move || handle.stop());
/// ```
///
/// ```compile_fail,E0277
/// fn shared_between_threads<T: Sync>() {}
/// shared_between_threads::<event::LoopHandle>();
/// ```
///
/// ```compile_fail,E0597
/// let handle = event::EventLoop::new().unwrap().handle();
/// let on_the_stack = 1;
/// let borrowed = &on_the_stack;
/// handle.defer(move || println!("{borrowed}"));
/// ```
#[derive(Clone)]
pub struct LoopHandle(Rc<Core>);

impl LoopHandle {
    pub(crate) fn new(core: Rc<Core>) -> Self {
        Self(core)
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.0
    }

    /// The loop that is running on this thread, if one is.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the current loop, until the result is dropped.
    pub(crate) fn make_current(&self) -> Current {
        Current(CURRENT.replace(Some(self.clone())))
    }

    /// Watches a descriptor that moves in: the watcher owns it, and
    /// [`unwatch`](crate::Watcher::unwatch) hands it back.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let events = event::EventLoop::new()?;
    /// let (ours, mut theirs) = UnixStream::pair()?;
    /// let stop = events.handle();
    /// let watcher = events.handle().watch(ours).on_read(move |ready| {
    ///     let mut text = [0; 5];
    ///     ready.io().read_exact(&mut text).unwrap();
    ///     assert_eq!(&text, b"hello");
    ///     stop.stop();
    /// }).start()?;
    /// theirs.write_all(b"hello")?;
    /// events.run()?;
    /// let _ours: Option<UnixStream> = watcher.unwatch();
    /// # Ok(()) }
    /// ```
    pub fn watch<F: AsFd + 'static>(&self, io: F) -> Watch<F> {
        Watch::new(self.0.clone(), Handed::Owned(io))
    }

    /// Watches a descriptor that others own: the loop keeps a weak reference,
    /// and forgets the watch when the last owner is gone. Unwatching first is
    /// cheaper: a descriptor that vanishes costs a rebuild of the kernel's set.
    pub fn watch_shared<F: AsFd + 'static>(&self, io: &Rc<F>) -> Watch<F> {
        Watch::new(self.0.clone(), Handed::Shared(io.clone()))
    }

    /// Ends the watch of a descriptor by its number; whether there was one.
    /// Unknown, closed and repeated numbers are no error.
    pub fn unwatch(&self, fd: RawFd) -> bool {
        self.0.unwatch_fd(fd)
    }

    /// Runs `call` once, `delay` from now.
    ///
    /// # Errors
    ///
    /// [`TimerError::OutOfRange`] if 64 bits of nanoseconds do not reach that
    /// far; [`TimerError::Loop`] if the loop is gone.
    pub fn timer_after(
        &self,
        delay: Duration,
        call: impl FnOnce() + 'static,
    ) -> Result<Timer, TimerError> {
        let now = self.now();
        let deadline = nanos(delay).and_then(|delay| now.checked_add(delay));
        let deadline = deadline.ok_or(TimerError::OutOfRange)?;
        Timer::start(&self.0, now, deadline, Action::Once(Box::new(call)))
    }

    /// Runs `call` once, at `deadline` in nanoseconds of [`now`](Self::now)'s
    /// clock. A deadline that has passed fires on the next turn.
    ///
    /// # Errors
    ///
    /// [`TimerError::Loop`] if the loop is gone.
    pub fn timer_at(
        &self,
        deadline: i64,
        call: impl FnOnce() + 'static,
    ) -> Result<Timer, TimerError> {
        Timer::start(&self.0, self.now(), deadline, Action::Once(Box::new(call)))
    }

    /// Runs `call` every `period`, in phase with the first. It is given the
    /// number of periods that have passed since its last call: more than one
    /// if the loop was held up.
    ///
    /// # Errors
    ///
    /// [`TimerError::ZeroPeriod`], and those of [`timer_after`](Self::timer_after).
    pub fn every(
        &self,
        period: Duration,
        call: impl FnMut(u64) + 'static,
    ) -> Result<Timer, TimerError> {
        let period = nanos(period).ok_or(TimerError::OutOfRange)?;
        if period == 0 {
            return Err(TimerError::ZeroPeriod);
        }
        let now = self.now();
        let first = now.checked_add(period).ok_or(TimerError::OutOfRange)?;
        let call: Box<dyn FnMut(u64)> = Box::new(call);
        let action = Action::Every(period, Rc::new(Callback::new(Some(call))));
        Timer::start(&self.0, now, first, action)
    }

    /// The loop's clock: nanoseconds of `CLOCK_MONOTONIC`, or virtual time.
    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }

    /// Runs `call` in the next turn, after those put off earlier. Dropped if
    /// the loop ends first.
    pub fn defer(&self, call: impl FnOnce() + 'static) {
        if self.0.check().is_ok() {
            self.0.defer(Box::new(call));
        }
    }

    /// Makes the loop's `run`, `run_for` or `run_forever` return without
    /// another wait; if none is running, the next one.
    pub fn stop(&self) {
        self.0.remote().stop_here();
        self.0.touch();
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(self.0.remote().clone())
    }

    /// How many registrations keep [`run`](crate::EventLoop::run) from returning.
    pub fn live(&self) -> usize {
        self.0.live()
    }

    /// What they are.
    pub fn registrations(&self) -> Vec<Registration> {
        self.0.registrations()
    }

    /// What the loop has done so far.
    pub fn counters(&self) -> Counters {
        self.0.tally.read()
    }
}

impl fmt::Debug for LoopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopHandle").field("live", &self.live()).finish_non_exhaustive()
    }
}

/// The time in which a loop is the current one; gives way to the earlier one.
pub(crate) struct Current(Option<LoopHandle>);

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
