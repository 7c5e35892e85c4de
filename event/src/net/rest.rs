//! The rest that a server takes when descriptors have run out.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::reactor::{LoopHandle, Ticket, Timer, Waiters};

/// The first rest, and the longest: each is twice as long as the one before.
const REST: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(640));

/// Asking again at once would fail again at once, as long as a client waits:
/// the loop would do nothing else.
#[derive(Default)]
pub(super) struct Rest {
    /// How long the last one was; `None` since something was accepted.
    last: Cell<Option<Duration>>,
    /// When it ends, on the loop's clock.
    until: Cell<Option<i64>>,
    waiters: Rc<Waiters>,
    /// Runs while somebody waits.
    timer: RefCell<Option<Timer>>,
}

impl Rest {
    /// Descriptors have run out: the next attempt is put off.
    pub(super) fn begin(&self, handle: &LoopHandle) {
        let time = self.last.get().map_or(REST.0, |last| REST.1.min(last * 2));
        self.last.set(Some(time));
        self.until.set(handle.core().clock.after(time));
    }

    /// Something was accepted.
    pub(super) fn recover(&self) {
        self.last.set(None);
    }

    /// Pending until it is over.
    pub(super) fn poll(
        &self,
        handle: &LoopHandle,
        ticket: Ticket,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(until) = self.until.get() else {
            return Poll::Ready(());
        };
        if handle.now() >= until {
            self.end();
            return Poll::Ready(());
        }
        if !self.watch(handle, until) {
            // The loop is gone: the attempt will tell.
            return Poll::Ready(());
        }
        self.waiters.park(ticket, cx.waker());
        Poll::Pending
    }

    /// Sees to it that those who wait are woken; whether they will be.
    fn watch(&self, handle: &LoopHandle, until: i64) -> bool {
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().is_none_or(|timer| !timer.is_pending()) {
            let waiters = self.waiters.clone();
            *timer = handle.timer_at(until, move || _ = waiters.wake()).ok();
        }
        timer.is_some()
    }

    /// Whoever waits does so no longer.
    pub(super) fn leave(&self, ticket: Ticket) {
        self.waiters.leave(ticket);
        if self.waiters.is_empty() {
            self.timer.take();
        }
    }

    /// Wakes all.
    pub(super) fn end(&self) {
        self.until.set(None);
        self.timer.take();
        self.waiters.wake();
    }
}
