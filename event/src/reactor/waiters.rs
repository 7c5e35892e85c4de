//! The tasks that wait for one direction of one descriptor.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::mem::{replace, take};
use std::num::NonZeroU64;
use std::task::Waker;

/// What a waker is parked under.
pub(crate) type Ticket = NonZeroU64;

/// Wakers, each under the ticket of the wait that it belongs to. Almost always
/// there is one at the most, and then nothing is allocated; but two tasks (or
/// two branches of one) may wait for the same socket, and one that pushed out
/// another would leave it asleep for ever.
#[derive(Default)]
pub(crate) struct Waiters(Cell<Parked>);

#[derive(Default)]
enum Parked {
    #[default]
    Nobody,
    One(Ticket, Waker),
    Many(Vec<(Ticket, Waker)>),
}

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.with(|parked| matches!(parked, Parked::Nobody))
    }

    /// Parks a waker under `ticket`, in place of an earlier one.
    pub(crate) fn park(&self, ticket: Ticket, waker: &Waker) {
        // Cloned and dropped with nothing taken out: that is anybody's code.
        let waker = waker.clone();
        let replaced = self.with(|parked| parked.park(ticket, waker));
        drop(replaced);
    }

    /// Takes the waker of `ticket` out: its wait was dropped.
    pub(crate) fn leave(&self, ticket: Ticket) {
        let removed = self.with(|parked| parked.remove(ticket));
        // It may be a task's last hold.
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

    fn with<R>(&self, f: impl FnOnce(&mut Parked) -> R) -> R {
        let mut parked = self.0.take();
        let result = f(&mut parked);
        self.0.set(parked);
        result
    }
}

impl Parked {
    /// The waker whose place it takes.
    fn park(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        match self {
            Self::Nobody => *self = Self::One(ticket, waker),
            Self::One(one, mine) if *one == ticket => return Some(replace(mine, waker)),
            Self::One(..) => {
                *self = Self::Many(Vec::from_iter(self.take_one()));
                return self.park(ticket, waker);
            }
            Self::Many(all) => match all.iter_mut().find(|(one, _)| *one == ticket) {
                Some((_, mine)) => return Some(replace(mine, waker)),
                None => all.push((ticket, waker)),
            },
        }
        None
    }

    fn remove(&mut self, ticket: Ticket) -> Option<(Ticket, Waker)> {
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

    fn take_one(&mut self) -> Option<(Ticket, Waker)> {
        match take(self) {
            Self::One(ticket, waker) => Some((ticket, waker)),
            _ => None,
        }
    }
}
