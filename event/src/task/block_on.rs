//! Running the loop until a future is done.
#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::executor::Executor;
use super::root::RootWaker;
use crate::reactor::EventLoop;
use crate::reactor::core::{Core, Wait};

impl EventLoop {
    /// Runs the loop until `future` is done, and returns what it came to.
    ///
    /// The future may borrow from the caller. Everything else that is
    /// registered is served meanwhile; tasks that are not done afterwards stay,
    /// for the next `block_on` or `run*`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::time::Duration;
    ///
    /// let events = event::EventLoop::new()?;
    /// let text = String::from("borrowed");
    /// let length = events.block_on(async {
    ///     event::sleep(Duration::from_millis(1)).await;
    ///     text.len()
    /// })?;
    /// assert_eq!(length, 8);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); and [`io::ErrorKind::Interrupted`] if the loop is
    /// stopped first: the future is dropped (pass `&mut` of a pinned one to keep it).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), and when the future panics or a task does that
    /// nobody awaits.
    pub fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        let handle = self.handle();
        let core = handle.core();
        let _running = core.enter()?;
        let _current = handle.make_current();
        let root = Root::enter(Executor::of(core));
        root.drive(core, pin!(future))
    }
}

/// The stay of a `block_on` in its executor.
struct Root<'a> {
    executor: &'a Rc<Executor>,
}

impl<'a> Root<'a> {
    fn enter(executor: &'a Rc<Executor>) -> Self {
        executor.enter_root();
        Self { executor }
    }

    fn drive<F: Future>(&self, core: &Core, mut future: Pin<&mut F>) -> io::Result<F::Output> {
        let root = RootWaker::new(self.executor.inbox().clone());
        let waker = Waker::from(root.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            // Not a turn for each poll: tasks and this future share one.
            while self.executor.take_root() {
                root.reset();
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return Ok(output);
                }
                self.executor.go_on();
            }
            if core.remote().take_stop() {
                return Err(stopped());
            }
            core.turn(Wait::Forever)?;
        }
    }
}

impl Drop for Root<'_> {
    fn drop(&mut self) {
        self.executor.leave_root();
    }
}

fn stopped() -> io::Error {
    io::Error::new(
        io::ErrorKind::Interrupted,
        "the event loop was stopped before the future was done",
    )
}
