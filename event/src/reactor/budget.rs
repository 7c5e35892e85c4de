//! How much input and output one poll of a task may do.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use super::core::Core;

/// So many operations, and everything else on the loop has its turn.
const FULL: u32 = 128;

/// What is left for the poll that is going on. A task that always finds data
/// would never return otherwise, and starve the rest.
pub(crate) struct Budget(Cell<u32>);

impl Budget {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self(Cell::new(FULL)))
    }

    /// Before a task is polled.
    pub(crate) fn refill(&self) {
        self.0.set(FULL);
    }

    /// After an operation.
    pub(crate) fn spend(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    /// Whether it is another's turn.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Has the task woken in the next turn. (In this one the executor would
    /// come back to it soon, and often.)
    #[cold]
    pub(crate) fn go_on_later(self: &Rc<Self>, core: &Core, waker: &Waker) {
        let (budget, waker) = (self.clone(), waker.clone());
        core.defer(Box::new(move || {
            // An executor that is not ours does not.
            budget.refill();
            waker.wake();
        }));
    }
}
