//! A future that another thread completes: the same for every runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct State {
    done: bool,
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<State>>;

/// The end that completes.
#[derive(Debug)]
pub struct Completer(Shared);

/// The end that waits.
#[derive(Debug)]
pub struct Completion(Shared);

/// Both ends.
pub fn oneshot() -> (Completer, Completion) {
    let shared = Shared::default();
    (Completer(shared.clone()), Completion(shared))
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Completer {
    /// Completes the future.
    pub fn complete(self) {
        let waker = {
            let mut state = lock(&self.0);
            state.done = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Completion {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.done {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}
