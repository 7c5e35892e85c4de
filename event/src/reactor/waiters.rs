//! The tasks that wait for one direction of one descriptor.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::task::Waker;

/// Wakers, each under the ticket of the wait that it belongs to. Almost always
/// there is one at the most, and then nothing is allocated; but two tasks (or
/// two branches of one) may wait for the same socket, and one that pushed out
/// another would leave it asleep for ever.
#[derive(Default)]
pub(crate) struct Waiters(RefCell<Parked>);

#[derive(Default)]
struct Parked {
    first: Option<(u64, Waker)>,
    more: Vec<(u64, Waker)>,
}

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        let parked = self.0.borrow();
        parked.first.is_none() && parked.more.is_empty()
    }

    /// Parks a waker under `ticket`, in place of an earlier one.
    pub(crate) fn park(&self, ticket: u64, waker: &Waker) {
        let mut parked = self.0.borrow_mut();
        if let Some(mine) = parked.find(ticket) {
            return mine.clone_from(waker);
        }
        let entry = (ticket, waker.clone());
        match parked.first {
            None => parked.first = Some(entry),
            Some(_) => parked.more.push(entry),
        }
    }

    /// Takes the waker of `ticket` out: its wait was dropped.
    pub(crate) fn leave(&self, ticket: u64) {
        let removed = self.0.borrow_mut().remove(ticket);
        // Dropped here, with nothing borrowed: it may be a task's last hold.
        drop(removed);
    }

    /// Wakes all; whether there were any.
    pub(crate) fn wake(&self) -> bool {
        // Taken out first: waking may run code that comes back here.
        let Parked { first, more } = self.0.take();
        let woken = first.is_some() || !more.is_empty();
        first.into_iter().chain(more).for_each(|(_, waker)| waker.wake());
        woken
    }
}

impl Parked {
    fn find(&mut self, ticket: u64) -> Option<&mut Waker> {
        let mut all = self.first.iter_mut().chain(&mut self.more);
        all.find(|(parked, _)| *parked == ticket).map(|(_, waker)| waker)
    }

    fn remove(&mut self, ticket: u64) -> Option<(u64, Waker)> {
        if self.first.as_ref().is_some_and(|(first, _)| *first == ticket) {
            return std::mem::replace(&mut self.first, self.more.pop());
        }
        let place = self.more.iter().position(|(parked, _)| *parked == ticket)?;
        Some(self.more.swap_remove(place))
    }
}
