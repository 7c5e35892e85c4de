//! The handle of a task.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use async_task::FallibleTask;

use super::executor::{Executor, Home};
use super::join_error::JoinError;
use super::outcome::Outcome;

/// The handle of a spawned task: a future of what the task comes to.
///
/// Dropping it lets the task go on alone; [`abort`](Self::abort) ends the task.
/// A panic in the task is the awaiter's, as a [`JoinError`]. If nobody awaits
/// it, because the handle was dropped before or is dropped later, the panic
/// comes out of the loop's `run*`: it is never swallowed.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let answer = events.block_on(async { event::spawn(async { 6 * 7 }).await })?;
/// assert_eq!(answer.unwrap(), 42);
/// # Ok(()) }
/// ```
pub struct JoinHandle<T>(Option<Task<T>>);

struct Task<T> {
    task: FallibleTask<Outcome<T>, Home>,
    executor: Rc<Executor>,
    key: usize,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(
        task: FallibleTask<Outcome<T>, Home>,
        executor: Rc<Executor>,
        key: usize,
    ) -> Self {
        Self(Some(Task { task, executor, key }))
    }

    /// Of a task that the loop would not take.
    pub(super) fn refused() -> Self {
        Self(None)
    }

    /// Ends the task: the loop drops its future instead of polling it again.
    /// Awaiting the handle then says that it was cancelled. Without effect on
    /// a task that has ended.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let task = events.handle().spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(events.block_on(task)?.unwrap_err().is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn abort(&self) {
        if let Some(task) = self.0.as_ref().filter(|task| !task.task.is_finished()) {
            task.executor.abort(task.key);
        }
    }

    /// Whether the task has ended, in whichever way.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let task = events.handle().spawn(async {});
    /// assert!(!task.is_finished());
    /// events.run()?;
    /// assert!(task.is_finished());
    /// # Ok(()) }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(|task| task.task.is_finished())
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.0 else {
            return Poll::Ready(Err(JoinError::cancelled()));
        };
        let outcome = ready!(Pin::new(&mut task.task).poll(cx));
        Poll::Ready(match outcome.and_then(Outcome::claim) {
            Some(result) => result.map_err(JoinError::panicked),
            None => Err(JoinError::cancelled()),
        })
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}
