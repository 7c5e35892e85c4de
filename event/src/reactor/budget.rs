//! How much input and output one poll of a task may do.
#![forbid(unsafe_code)]

use std::cell::Cell;

/// So many operations, and the next one lets the others go first.
const FULL: i32 = 128;

/// What is left for the poll that is going on. A task that always finds data
/// would never return otherwise, and starve everything else on the loop.
pub(crate) struct Budget(Cell<i32>);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Cell::new(FULL))
    }

    /// Before a task is polled.
    pub(crate) fn refill(&self) {
        self.0.set(FULL);
    }

    /// After an operation.
    pub(crate) fn spend(&self) {
        self.0.set(self.0.get() - 1);
    }

    /// Whether it is another's turn. Said so often only and then no more: an
    /// executor that is not ours refills nothing.
    pub(crate) fn is_spent(&self) -> bool {
        let left = self.0.get();
        if left <= 0 {
            self.0.set(if left > -FULL { left - 1 } else { FULL });
        }
        left <= 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_and_comes_back_with_the_next_poll() {
        let budget = Budget::new();
        for _ in 0..FULL {
            assert!(!budget.is_spent());
            budget.spend();
        }
        assert!(budget.is_spent());
        budget.refill();
        assert!(!budget.is_spent());
    }

    #[test]
    fn without_an_executor_of_ours_it_comes_back_by_itself() {
        let budget = Budget::new();
        (0..FULL).for_each(|_| budget.spend());
        assert!((0..=FULL).all(|_| budget.is_spent()));
        assert!(!budget.is_spent());
    }
}
