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
enum Parked {
    #[default]
    Nobody,
    One(u64, Waker),
    Many(Vec<(u64, Waker)>),
}

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(*self.0.borrow(), Parked::Nobody)
    }

    /// Parks a waker under `ticket`, in place of an earlier one.
    pub(crate) fn park(&self, ticket: u64, waker: &Waker) {
        self.0.borrow_mut().park(ticket, waker);
    }

    /// Takes the waker of `ticket` out: its wait was dropped.
    pub(crate) fn leave(&self, ticket: u64) {
        if self.is_empty() {
            return;
        }
        let removed = self.0.borrow_mut().remove(ticket);
        // Dropped here, with nothing borrowed: it may be a task's last hold.
        drop(removed);
    }

    /// Wakes all; whether there were any.
    pub(crate) fn wake(&self) -> bool {
        // Taken out first: waking may run code that comes back here.
        match self.0.take() {
            Parked::Nobody => return false,
            Parked::One(_, waker) => waker.wake(),
            Parked::Many(all) => all.into_iter().for_each(|(_, waker)| waker.wake()),
        }
        true
    }
}

impl Parked {
    fn park(&mut self, ticket: u64, waker: &Waker) {
        match self {
            Self::Nobody => *self = Self::One(ticket, waker.clone()),
            Self::One(one, mine) if *one == ticket => mine.clone_from(waker),
            Self::One(..) => {
                *self = Self::Many(Vec::from_iter(self.take_one()));
                self.park(ticket, waker);
            }
            Self::Many(all) => match all.iter_mut().find(|(one, _)| *one == ticket) {
                Some((_, mine)) => mine.clone_from(waker),
                None => all.push((ticket, waker.clone())),
            },
        }
    }

    fn remove(&mut self, ticket: u64) -> Option<(u64, Waker)> {
        match self {
            Self::One(one, _) if *one == ticket => self.take_one(),
            Self::Many(all) => {
                let place = all.iter().position(|(one, _)| *one == ticket)?;
                let removed = all.swap_remove(place);
                if all.is_empty() {
                    *self = Self::Nobody;
                }
                Some(removed)
            }
            _ => None,
        }
    }

    fn take_one(&mut self) -> Option<(u64, Waker)> {
        match std::mem::take(self) {
            Self::One(ticket, waker) => Some((ticket, waker)),
            _ => None,
        }
    }
}
