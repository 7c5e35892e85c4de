//! A spawned future, inside a barrier that no panic passes.
#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::executor::Executor;
use super::outcome::Outcome;

pin_project! {
    /// What `async-task` polls and drops. It aborts the process if a drop
    /// panics, so none may.
    pub(super) struct Job<F: Future> {
        #[pin]
        future: Option<F>,
        executor: Rc<Executor>,
        key: usize,
    }

    impl<F: Future> PinnedDrop for Job<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.executor.contain(|| this.future.set(None));
            this.executor.retire(*this.key);
        }
    }
}

impl<F: Future> Job<F> {
    pub(super) fn new(future: F, executor: Rc<Executor>, key: usize) -> Self {
        Self { future: Some(future), executor, key }
    }
}

impl<F: Future> Future for Job<F> {
    type Output = Outcome<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let result = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        Poll::Ready(Outcome::new(result, this.executor.clone()))
    }
}
