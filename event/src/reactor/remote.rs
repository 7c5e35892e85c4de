//! The one handle that crosses threads.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handle::LoopHandle;
use crate::os::notifier::Notifier;
use crate::sys::{Forked, Lineage, RawBase, RawEvent, What};

type Job = Box<dyn FnOnce() + Send>;

/// A handle to a loop for other threads: cloneable, `Send` and `Sync`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let events = event::EventLoop::new()?;
/// let remote = events.remote();
/// let other = std::thread::spawn(move || remote.stop());
/// events.run_forever()?;
/// other.join().unwrap().unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

/// The loop that a handle led to has ended, or belongs to the parent of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopClosed;

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is gone, or belongs to the parent of this process")
    }
}

impl std::error::Error for LoopClosed {}

impl From<LoopClosed> for io::Error {
    fn from(closed: LoopClosed) -> Self {
        Self::new(io::ErrorKind::NotConnected, closed)
    }
}

impl Remote {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The loop, if it is the one that is running on this thread.
    #[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "hyper's timer asks"))]
    pub(crate) fn here(&self) -> Option<LoopHandle> {
        LoopHandle::current().filter(|handle| Arc::ptr_eq(handle.core().remote(), &self.0))
    }

    /// Ends a wait of the loop at once; if it is not waiting, the next one. A
    /// blocked [`run_once`](crate::EventLoop::run_once) returns.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has ended.
    pub fn wake(&self) -> Result<(), LoopClosed> {
        self.0.send(None)?;
        self.0.wake.store(true, Ordering::Release);
        self.0.kick();
        Ok(())
    }

    /// Makes the loop's `run`, `run_for` or `run_forever` return, or the next
    /// one if none is running.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has ended.
    pub fn stop(&self) -> Result<(), LoopClosed> {
        self.0.send(None)?;
        self.0.stop.store(true, Ordering::Release);
        self.0.kick();
        Ok(())
    }

    /// Runs `job` on the loop's thread, within a turn. Jobs of one thread run
    /// in the order in which it sent them. One that the loop does not get to
    /// before it ends is dropped with it.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has ended; `job` is dropped.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) -> Result<(), LoopClosed> {
        let job: Job = Box::new(job);
        self.0.send([job])?;
        self.0.kick();
        Ok(())
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("open", &self.0.is_open()).finish()
    }
}

/// What the threads share.
pub(crate) struct Shared {
    notifier: Notifier,
    /// There is news that the loop has not looked at; rung for once.
    rung: AtomicBool,
    stop: AtomicBool,
    wake: AtomicBool,
    /// A forked child must not ring its parent's bell.
    lineage: Lineage,
    /// The jobs; `None` when the loop has ended.
    inbox: Mutex<Option<Vec<Job>>>,
}

impl Shared {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            notifier: Notifier::new()?,
            rung: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            wake: AtomicBool::new(false),
            lineage: Lineage::here(),
            inbox: Mutex::new(Some(Vec::new())),
        }))
    }

    /// After a fork: a bell that is not the parent's, under the same number.
    pub(crate) fn renew(&self, child: &Forked) -> io::Result<()> {
        self.notifier.renew(child)?;
        self.lineage.renew();
        Ok(())
    }

    fn inbox(&self) -> MutexGuard<'_, Option<Vec<Job>>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts jobs in, if the loop is there and this process's.
    fn send(&self, jobs: impl IntoIterator<Item = Job>) -> Result<(), LoopClosed> {
        if !self.is_here() {
            return Err(LoopClosed);
        }
        self.inbox().as_mut().ok_or(LoopClosed)?.extend(jobs);
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.send(None).is_ok()
    }

    /// Whether this process is the loop's, and not a child of its.
    pub(crate) fn is_here(&self) -> bool {
        self.lineage.is_here()
    }

    /// Rings, unless somebody has rung since the loop last looked.
    pub(crate) fn kick(&self) {
        if self.is_here() && !self.rung.swap(true, Ordering::AcqRel) {
            self.ring();
        }
    }

    /// Rings, also if an earlier ring was heard and not followed up.
    pub(crate) fn kick_again(&self) {
        self.rung.store(true, Ordering::Release);
        self.ring();
    }

    fn ring(&self) {
        // Only a full count could fail, and then it is readable anyway.
        let _ = self.notifier.ring();
    }

    /// The descriptor of the bell.
    pub(crate) fn bell(&self) -> RawFd {
        self.notifier.as_fd().as_raw_fd()
    }

    /// `stop` on the loop's own thread: it is not waiting, so nobody rings.
    pub(crate) fn stop_here(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_stop(&self) -> bool {
        self.stop.load(Ordering::Acquire) && self.stop.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn take_wake(&self) -> bool {
        self.wake.load(Ordering::Acquire) && self.wake.swap(false, Ordering::AcqRel)
    }

    /// Whether a wait would be ended at once.
    pub(crate) fn has_news(&self) -> bool {
        self.rung.load(Ordering::Acquire) || self.stop.load(Ordering::Acquire)
    }

    /// How many jobs wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        if !self.rung.load(Ordering::Acquire) {
            return 0;
        }
        self.inbox().as_ref().map_or(0, Vec::len)
    }

    /// What other threads have sent since the last time.
    pub(crate) fn take_jobs(&self) -> Vec<Job> {
        // Cleared before looking: who pushes after the look finds it cleared
        // and rings again.
        if self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel) {
            let mut inbox = self.inbox();
            return inbox.as_mut().map(std::mem::take).unwrap_or_default();
        }
        Vec::new()
    }

    pub(crate) fn close(&self) {
        // In a forked child the lock may be one that nobody will open again.
        if self.is_here() {
            let jobs = self.inbox().take();
            drop(jobs);
        }
    }
}

/// The loop's side of the bell: an edge-triggered event that is never read,
/// for each ring is an edge of its own.
pub(crate) struct Doorbell {
    _event: RawEvent,
}

impl Doorbell {
    /// `attend` is called after each ring.
    pub(crate) fn new(
        base: &Rc<RawBase>,
        shared: &Arc<Shared>,
        attend: Rc<dyn Fn()>,
    ) -> io::Result<Self> {
        let edges = base.has_edges();
        let bell = shared.clone();
        let call = move |_| {
            if !edges {
                bell.notifier.take();
            }
            attend();
        };
        let event = RawEvent::new(base, shared.bell(), call)?;
        event.listen_unseen(if edges { What::READ | What::EDGE } else { What::READ })?;
        Ok(Self { _event: event })
    }
}
