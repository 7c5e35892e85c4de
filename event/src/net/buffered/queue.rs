//! What a buffered writer has taken and not written: its bytes, its marks, and
//! those who wait for it to shrink.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::io;
use std::task::{Context, Poll};

use crate::net::SocketError;
use crate::reactor::{Ticket, Waiters};

/// The marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// Drained is what holds no more than this.
    pub(super) low: usize,
    /// Who can wait does so from here on.
    pub(super) high: usize,
    /// More than this is refused.
    pub(super) limit: usize,
}

impl Marks {
    /// In order: else who waits for room would wait for ever, or in a circle.
    pub(super) fn ordered(self) -> Self {
        let limit = self.limit.max(1);
        let high = self.high.clamp(1, limit.div_ceil(2));
        Self { low: self.low.min(high - 1), high, limit }
    }

    /// So much can be taken whenever the high mark is not reached.
    pub(super) fn portion(self) -> usize {
        self.high.min(self.limit - self.high).max(1)
    }
}

/// How far it is with the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    Open,
    /// To be closed once everything is written.
    Closing,
    Closed,
}

pub(super) struct Queue {
    pub(super) marks: Cell<Marks>,
    pub(super) stage: Cell<Stage>,
    /// Behind what is being written.
    waiting: RefCell<Vec<u8>>,
    /// In all, with what is being written.
    length: Cell<usize>,
    /// Everything that was written has been flushed.
    flushed: Cell<bool>,
    failure: RefCell<Option<SocketError>>,
    pub(super) waiters: Waiters,
}

impl Queue {
    pub(super) fn new() -> Self {
        let marks = Marks { low: 16 * 1024, high: 64 * 1024, limit: 1024 * 1024 };
        Self {
            marks: Cell::new(marks),
            stage: Cell::new(Stage::Open),
            waiting: RefCell::default(),
            length: Cell::new(0),
            flushed: Cell::new(true),
            failure: RefCell::default(),
            waiters: Waiters::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length.get()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.marks.get().high
    }

    pub(super) fn is_drained(&self) -> bool {
        self.len() <= self.marks.get().low
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.len() == 0 && self.flushed.get()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage.get() == Stage::Closed
    }

    /// Whether it is `done`, or has failed; else the waker is kept.
    pub(super) fn poll(
        &self,
        context: &Context<'_>,
        ticket: Ticket,
        done: &impl Fn(&Self) -> bool,
    ) -> Poll<Result<(), SocketError>> {
        self.check()?;
        if done(self) {
            return Poll::Ready(Ok(()));
        }
        self.waiters.park(ticket, context.waker());
        Poll::Pending
    }

    /// Takes all of `bytes`, or none.
    pub(super) fn push(&self, bytes: &[u8]) -> Result<(), SocketError> {
        self.check()?;
        if self.stage.get() != Stage::Open {
            return Err(SocketError::Closed);
        }
        let limit = self.marks.get().limit;
        if bytes.len() > limit.saturating_sub(self.len()) {
            return Err(SocketError::LimitExceeded { limit });
        }
        self.waiting.borrow_mut().extend_from_slice(bytes);
        self.length.set(self.len() + bytes.len());
        self.flushed.set(false);
        Ok(())
    }

    /// Something was written past it, and is to be flushed.
    pub(super) fn pass(&self) {
        self.flushed.set(false);
    }

    /// What is to be written next.
    pub(super) fn take(&self) -> Vec<u8> {
        self.waiting.take()
    }

    /// So much was written.
    pub(super) fn shrink(&self, count: usize) {
        self.length.set(self.len() - count);
        if self.is_drained() {
            self.waiters.wake();
        }
    }

    /// All was written and flushed.
    pub(super) fn settle(&self) {
        self.flushed.set(true);
        self.waiters.wake();
    }

    /// It is over: nothing is held any more.
    pub(super) fn end(&self, failure: Option<SocketError>) {
        self.stage.set(Stage::Closed);
        drop(self.waiting.take());
        self.length.set(0);
        self.failure.replace(failure);
        self.settle();
    }

    /// What went wrong, as often as it is asked.
    pub(super) fn check(&self) -> Result<(), SocketError> {
        self.failure.borrow().as_ref().map_or(Ok(()), |failure| Err(again(failure)))
    }
}

/// The same error once more, for errors cannot be cloned.
fn again(failure: &SocketError) -> SocketError {
    match failure {
        SocketError::Timeout => SocketError::Timeout,
        SocketError::Closed => SocketError::Closed,
        other => SocketError::WriteFailed(match other.errno() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(other.kind(), other.to_string()),
        }),
    }
}
