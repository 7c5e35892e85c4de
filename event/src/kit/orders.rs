//! The order to stop, on its way to a shard.
#![forbid(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One is given, by any thread, and one shard waits for it.
#[derive(Default)]
pub(super) struct Orders(Mutex<Letter>);

#[derive(Default)]
struct Letter {
    patience: Option<Duration>,
    waker: Option<Waker>,
}

impl Orders {
    fn letter(&self) -> MutexGuard<'_, Letter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To stop within that time. A second order may shorten it.
    pub(super) fn stop(&self, patience: Duration) {
        let mut letter = self.letter();
        let earlier = letter.patience.unwrap_or(Duration::MAX);
        letter.patience = Some(patience.min(earlier));
        let waker = letter.waker.take();
        drop(letter);
        waker.into_iter().for_each(Waker::wake);
    }

    /// The order, once it is given; also if it is shorter than one `known` before.
    pub(super) fn poll(&self, context: &Context<'_>, known: Option<Duration>) -> Poll<Duration> {
        let mut letter = self.letter();
        match letter.patience {
            Some(patience) if known.is_none_or(|known| patience < known) => Poll::Ready(patience),
            _ => {
                letter.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
