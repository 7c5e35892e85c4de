//! Why a task came to nothing.
#![forbid(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::executor::Payload;

/// Why awaiting a [`JoinHandle`](crate::JoinHandle) gave no value: the task
/// panicked, or it was cancelled by [`abort`](crate::JoinHandle::abort) or by
/// the end of its loop.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let task = events.handle().spawn(async { panic!("on purpose") });
/// let error = events.block_on(task)?.unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.to_string(), "the task panicked: on purpose");
/// # Ok(()) }
/// ```
pub struct JoinError(Cause);

enum Cause {
    Cancelled,
    /// The lock makes it `Sync`, as an error must be to travel.
    Panicked(Mutex<Payload>),
}

impl JoinError {
    pub(super) fn cancelled() -> Self {
        Self(Cause::Cancelled)
    }

    pub(super) fn panicked(payload: Payload) -> Self {
        Self(Cause::Panicked(Mutex::new(payload)))
    }

    /// Whether the task was aborted, or ended with its loop.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let task = events.handle().spawn(std::future::pending::<()>());
    /// drop(events);
    /// let error = event::EventLoop::new()?.block_on(task)?.unwrap_err();
    /// assert!(error.is_cancelled());
    /// # Ok(()) }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Cancelled)
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let task = events.handle().spawn(async { panic!("on purpose") });
    /// assert!(events.block_on(task)?.unwrap_err().is_panic());
    /// # Ok(()) }
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panicked(_))
    }

    /// What the task's panic carried, if it panicked: for
    /// [`std::panic::resume_unwind`].
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let task = events.handle().spawn(async { std::panic::panic_any(7) });
    /// let payload = events.block_on(task)?.unwrap_err().into_panic();
    /// assert_eq!(payload.unwrap().downcast_ref(), Some(&7));
    /// # Ok(()) }
    /// ```
    pub fn into_panic(self) -> Option<Box<dyn Any + Send>> {
        match self.0 {
            Cause::Cancelled => None,
            Cause::Panicked(payload) => {
                Some(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cause::Panicked(payload) = &self.0 else {
            return f.write_str("the task was cancelled");
        };
        let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
        match text(&**payload) {
            Some(text) => write!(f, "the task panicked: {text}"),
            None => f.write_str("the task panicked"),
        }
    }
}

/// The words of a panic, if it has any.
fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let literal = payload.downcast_ref::<&'static str>().copied();
    literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}
