//! Starting tasks: on the loop, and from other threads.
#![forbid(unsafe_code)]

use std::future::Future;

use super::executor::Executor;
use super::join::JoinHandle;
use crate::reactor::{LoopClosed, LoopHandle, Remote};

impl LoopHandle {
    /// Makes a task of `future`: the loop polls it, beginning in this turn or
    /// the next. It need not be `Send`, for it never leaves the thread.
    ///
    /// The task keeps [`run`](crate::EventLoop::run) from returning until it
    /// has ended. Dropping the handle lets it go on alone. If the loop is gone
    /// already, the future is dropped and the handle says that it was cancelled.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    ///
    /// let events = event::EventLoop::new()?;
    /// let (ours, theirs) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    /// let task = events.handle().spawn({
    ///     let theirs = theirs.clone();
    ///     async move {
    ///         theirs.set(1);
    ///         "done"
    ///     }
    /// });
    /// let said = events.block_on(task)?;
    /// assert_eq!((said.unwrap(), theirs.get(), ours.get()), ("done", 1, 0));
    /// # Ok(()) }
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        match self.core().check() {
            Ok(()) => Executor::of(self.core()).spawn(future),
            Err(_) => JoinHandle::refused(),
        }
    }
}

impl Remote {
    /// Starts a task from another thread: `make` is called on the loop's
    /// thread, within a turn, and the future that it makes is spawned there. So
    /// only `make` must be `Send`, the future need not.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::new()?;
    /// let remote = events.remote();
    /// let other = std::thread::spawn(move || {
    ///     let stop = remote.clone();
    ///     remote.spawn_task(|| async move {
    ///         event::sleep(Duration::from_millis(1)).await;
    ///         stop.stop().unwrap();
    ///     })
    /// });
    /// events.run_forever()?;
    /// other.join().unwrap().unwrap();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has ended; `make` is dropped.
    pub fn spawn_task<F>(&self, make: impl FnOnce() -> F + Send + 'static) -> Result<(), LoopClosed>
    where
        F: Future<Output = ()> + 'static,
    {
        self.spawn(move || drop(spawn(make())))
    }
}

/// Makes a task of `future` on the loop that runs on this thread, as
/// [`LoopHandle::spawn`] does.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let sum = events.block_on(async {
///     let (one, two) = (event::spawn(async { 1 }), event::spawn(async { 2 }));
///     one.await.unwrap() + two.await.unwrap()
/// })?;
/// assert_eq!(sum, 3);
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
{
    super::current().spawn(future)
}
