//! What waits to be polled, first come, first served.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;

use super::executor::Ready;
use super::inbox::Inbox;

/// One half is filled while the other is emptied. A single ring would walk
/// through all the memory that it ever grew to; a half begins at its start
/// again, and what is in use stays in the processor's cache.
#[derive(Default)]
pub(super) struct Queue {
    filling: RefCell<VecDeque<Ready>>,
    emptying: RefCell<VecDeque<Ready>>,
}

impl Queue {
    pub(super) fn push(&self, ready: Ready) {
        self.filling.borrow_mut().push_back(ready);
    }

    /// Takes over what other threads have sent.
    pub(super) fn collect(&self, inbox: &Inbox) {
        inbox.collect(&mut self.filling.borrow_mut());
    }

    pub(super) fn pop(&self) -> Option<Ready> {
        let mut emptying = self.emptying.borrow_mut();
        emptying.pop_front().or_else(|| {
            self.turn_over(&mut emptying);
            emptying.pop_front()
        })
    }

    fn turn_over(&self, emptied: &mut VecDeque<Ready>) {
        let mut filling = self.filling.borrow_mut();
        if !filling.is_empty() {
            // Not idle: this is what sends it back to its start.
            emptied.clear();
            std::mem::swap(emptied, &mut *filling);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.filling.borrow().len() + self.emptying.borrow().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filling.borrow().is_empty() && self.emptying.borrow().is_empty()
    }
}
