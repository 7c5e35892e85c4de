//! Closures put off to the next turn.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;

type Job = Box<dyn FnOnce()>;

/// A first-in, first-out queue that is run a turn's worth at a time.
#[derive(Default)]
pub(crate) struct Deferred(RefCell<VecDeque<Job>>);

impl Deferred {
    pub(crate) fn push(&self, job: Job) {
        self.0.borrow_mut().push_back(job);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn pop(&self) -> Option<Job> {
        self.0.borrow_mut().pop_front()
    }

    /// Hands everything out, to be dropped with no borrow held.
    pub(crate) fn take(&self) -> VecDeque<Job> {
        self.0.take()
    }
}
