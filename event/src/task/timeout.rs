//! A future with a limit on its time.
#![forbid(unsafe_code)]

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::sleep::Sleep;
use crate::reactor::LoopHandle;

pin_project! {
    /// A future that gives up after a while; from [`timeout`] or
    /// [`LoopHandle::timeout`].
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::new()?;
    /// let limited = events.handle().timeout(Duration::from_secs(5), async { 7 });
    /// assert_eq!(events.block_on(limited)?, Ok(7));
    /// # Ok(()) }
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

/// The time of a [`Timeout`] was up before its future was done.
///
/// ```
/// use std::io;
///
/// let error = io::Error::from(event::Elapsed);
/// assert_eq!(error.kind(), io::ErrorKind::TimedOut);
/// assert_eq!(error.to_string(), "the time was up first");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up first")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

impl LoopHandle {
    /// Gives `future` until `duration` from now.
    ///
    /// If it is not done by then the answer is [`Elapsed`], and the future,
    /// dropped together with the timeout, is cancelled. To go on with it later
    /// pass `&mut` of a pinned one. The future is asked before the clock.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::builder().test_clock().build()?;
    /// let never = std::future::pending::<()>();
    /// let answer = events.block_on(events.handle().timeout(Duration::from_secs(60), never))?;
    /// assert_eq!(answer, Err(event::Elapsed));
    /// # Ok(()) }
    /// ```
    pub fn timeout<F: Future>(&self, duration: Duration, future: F) -> Timeout<F> {
        Timeout { future, sleep: self.sleep(duration) }
    }
}

/// Gives `future` until `duration` from now, by the loop that runs on this
/// thread; as [`LoopHandle::timeout`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let events = event::EventLoop::new()?;
/// let answer = events.block_on(async {
///     let task = event::spawn(std::future::pending::<()>());
///     event::timeout(Duration::from_millis(1), task).await
/// })?;
/// assert_eq!(answer.unwrap_err(), event::Elapsed);
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// If no loop is running on this thread.
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    super::current().timeout(duration, future)
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Pin::new(this.sleep).poll(cx).map(|()| Err(Elapsed)),
        }
    }
}
