//! What a task came to, on the way to its handle.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::thread;

use super::executor::Executor;

/// A result that is claimed, or looked after when it is dropped: a panic that
/// nobody awaited is not swallowed.
pub(super) struct Outcome<T> {
    result: Option<thread::Result<T>>,
    executor: Rc<Executor>,
}

impl<T> Outcome<T> {
    pub(super) fn new(result: thread::Result<T>, executor: Rc<Executor>) -> Self {
        Self { result: Some(result), executor }
    }

    /// The result; `None` only to who asks twice.
    pub(super) fn claim(mut self) -> Option<thread::Result<T>> {
        self.result.take()
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        match self.result.take() {
            Some(Ok(value)) => self.executor.contain(|| drop(value)),
            Some(Err(payload)) => self.executor.park(payload),
            None => {}
        }
    }
}
