//! Letting others go first.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that is done the second time it is polled; from [`yield_now`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let pause: event::YieldNow = event::yield_now();
/// event::EventLoop::new()?.block_on(pause)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow(bool);

/// Lets everything else that is ready run before this task goes on: tasks at
/// once, descriptors and timers after a bounded number of tasks.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// event::EventLoop::new()?.block_on(async {
///     let ran = Rc::new(Cell::new(false));
///     let other = ran.clone();
///     let task = event::spawn(async move { other.set(true) });
///     assert!(!ran.get());
///     event::yield_now().await;
///     assert!(ran.get());
///     task.await.unwrap();
/// })?;
/// # Ok(()) }
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow(false)
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
