//! A buffer that the kernel is still sending from.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::error::SocketError;

/// Bytes that the system has taken, and may still be looking at: a future that
/// gives the buffer back when it does not any more.
///
/// Dropping it drops the buffer, which is safe (see
/// [`PageBuffer`](crate::PageBuffer)). What was sent stays sent.
///
/// # Errors
///
/// [`SocketError::Closed`] if the socket was closed first: then nobody tells
/// any more, and the buffer is gone.
#[must_use = "the buffer comes back out of it"]
pub struct InFlight<B> {
    /// Until it is given back.
    buffer: Option<B>,
    progress: Rc<Progress>,
}

/// A buffer that the system has done with.
#[derive(Debug)]
#[non_exhaustive]
pub struct ZeroCopied<B> {
    /// The buffer.
    pub buffer: B,
    /// Whether some of it was copied after all: the network device cannot do
    /// without, the receiver is on the same machine, or no more memory may be
    /// pinned. Then plain writing would have been cheaper.
    pub copied: bool,
}

/// How far the calls of one operation are.
#[derive(Default)]
pub(super) struct Progress {
    /// Calls that the kernel is not done with.
    left: Cell<usize>,
    copied: Cell<bool>,
    /// The socket was closed.
    abandoned: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Progress {
    /// A call was made.
    pub(super) fn begin(&self) {
        self.left.set(self.left.get() + 1);
    }

    /// The kernel has copied something.
    pub(super) fn copied(&self) {
        self.copied.set(true);
    }

    /// The kernel has done with one call.
    pub(super) fn end(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.wake();
        }
    }

    /// Nobody will tell any more.
    pub(super) fn abandon(&self) {
        self.abandoned.set(true);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<B> InFlight<B> {
    pub(super) fn new(buffer: B, progress: Rc<Progress>) -> Self {
        Self { buffer: Some(buffer), progress }
    }
}

// The buffer is never pinned: its bytes lie elsewhere.
impl<B> Unpin for InFlight<B> {}

impl<B> Future for InFlight<B> {
    type Output = Result<ZeroCopied<B>, SocketError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { buffer, progress } = self.get_mut();
        if progress.left.get() > 0 && !progress.abandoned.get() {
            *progress.waker.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let given_back = buffer.take().filter(|_| progress.left.get() == 0);
        let done = given_back.map(|buffer| ZeroCopied { buffer, copied: progress.copied.get() });
        Poll::Ready(done.ok_or(SocketError::Closed))
    }
}

impl<B> fmt::Debug for InFlight<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("calls", &self.progress.left.get()).finish_non_exhaustive()
    }
}
