//! The tasks that wait for one direction of one descriptor.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::num::NonZeroU64;
use std::task::Waker;

/// What a waker is parked under.
pub(crate) type Ticket = NonZeroU64;

/// Wakers, each under the ticket of the wait that it belongs to. Almost always
/// there is one at the most, and then nothing is allocated; but two tasks (or
/// two branches of one) may wait for the same socket, and one that pushed out
/// another would leave it asleep for ever.
#[derive(Default)]
pub(crate) struct Waiters {
    /// The first one's. Without a first there are no others.
    ticket: Cell<Option<Ticket>>,
    waker: Cell<Option<Waker>>,
    others: Cell<Option<Box<Others>>>,
}

/// In a box, for they are rare, and would make each idle socket larger.
#[derive(Default)]
struct Others(Vec<(Ticket, Waker)>);

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.ticket.get().is_none()
    }

    /// Parks a waker under `ticket`, in place of an earlier one.
    pub(crate) fn park(&self, ticket: Ticket, waker: &Waker) {
        if self.ticket.get().is_some_and(|first| first != ticket) {
            return self.park_behind(ticket, waker);
        }
        let same = self.waker.take().filter(|parked| parked.will_wake(waker));
        let parked = same.unwrap_or_else(|| waker.clone());
        self.ticket.set(Some(ticket));
        self.waker.set(Some(parked));
    }

    #[cold]
    fn park_behind(&self, ticket: Ticket, waker: &Waker) {
        let waker = waker.clone();
        let mut others = self.others.take().unwrap_or_default();
        let replaced = others.remove(ticket);
        others.0.push((ticket, waker));
        self.others.set(Some(others));
        // Dropped with nothing taken out: that is anybody's code.
        drop(replaced);
    }

    /// Takes the waker of `ticket` out: its wait was dropped.
    pub(crate) fn leave(&self, ticket: Ticket) {
        match self.ticket.get() {
            None => {}
            Some(first) if first == ticket => self.advance(),
            Some(_) => drop(self.remove_behind(ticket)),
        }
    }

    /// The next one takes the place of the first.
    fn advance(&self) {
        let mut others = self.others.take();
        let next = others.as_mut().and_then(|others| others.0.pop());
        self.others.set(others);
        let (ticket, waker) = next.unzip();
        self.ticket.set(ticket);
        // The last, for what is dropped may be a task's last hold.
        self.waker.set(waker);
    }

    #[cold]
    fn remove_behind(&self, ticket: Ticket) -> Option<Waker> {
        let mut others = self.others.take();
        let removed = others.as_mut().and_then(|others| others.remove(ticket));
        self.others.set(others);
        removed
    }

    /// Wakes all; whether there were any.
    pub(crate) fn wake(&self) -> bool {
        // Taken out first: waking may run code that comes back here.
        let (ticket, first, others) = (self.ticket.take(), self.waker.take(), self.others.take());
        first.into_iter().for_each(Waker::wake);
        others.into_iter().flat_map(|others| others.0).for_each(|(_, waker)| waker.wake());
        ticket.is_some()
    }
}

impl Others {
    fn remove(&mut self, ticket: Ticket) -> Option<Waker> {
        let place = self.0.iter().position(|(one, _)| *one == ticket)?;
        Some(self.0.swap_remove(place).1)
    }
}
