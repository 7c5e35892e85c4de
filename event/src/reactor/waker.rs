//! Waking a callback of a loop from other threads.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::handle::LoopHandle;
use super::live::Kind;
use super::remote::LoopClosed;
use super::watcher::Watcher;
use crate::os::notifier::Notifier;
use crate::sys::Lineage;

/// Wakes a callback of a loop, from any thread: cloneable, `Send` and `Sync`.
///
/// Made by [`WakeWatcher::waker`].
#[derive(Clone)]
pub struct LoopWaker(Arc<Bell>);

/// A callback that other threads wake. Dropping it ends the watch;
/// [`detach`](Self::detach) lets it be.
///
/// Made by [`LoopHandle::watch_wakes`].
#[must_use = "dropping it ends the watch"]
pub struct WakeWatcher {
    watcher: Watcher<Arc<Bell>>,
    bell: Arc<Bell>,
}

impl LoopHandle {
    /// Runs `call` when a [`LoopWaker`] was used, with the number of times
    /// since the last call. No wake is lost, also of those before the loop
    /// first waits; many may become one call.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let events = event::EventLoop::new()?;
    /// let stop = events.handle();
    /// let wakes = events.handle().watch_wakes(move |count| {
    ///     println!("woken {count} times");
    ///     stop.stop();
    /// })?;
    /// let waker = wakes.waker();
    /// let other = std::thread::spawn(move || waker.wake());
    /// events.run()?;
    /// other.join().unwrap()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// What the system says if no descriptor is left, or if the loop is gone.
    pub fn watch_wakes(&self, mut call: impl FnMut(u64) + 'static) -> io::Result<WakeWatcher> {
        let edges = self.core().has_edges();
        let bell = Arc::new(Bell::new()?);
        let mute = Mute(bell.clone());
        let watch = self.watch(bell.clone()).kind(Kind::Waker).on_read(move |_| {
            let count = mute.0.take(!edges);
            if count > 0 {
                call(count);
            }
        });
        let watch = if edges { watch.edge_triggered() } else { watch };
        Ok(WakeWatcher { watcher: watch.start()?, bell })
    }
}

impl LoopWaker {
    /// Wakes the callback once more.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has ended, or the callback's watch.
    pub fn wake(&self) -> Result<(), LoopClosed> {
        self.0.ring()
    }
}

impl WakeWatcher {
    /// A sender for another thread; as many as wanted.
    pub fn waker(&self) -> LoopWaker {
        LoopWaker(self.bell.clone())
    }

    /// Whether it may still be called.
    pub fn is_watching(&self) -> bool {
        self.watcher.is_watching()
    }

    /// Lets the watch go on without a handle, until the loop ends.
    pub fn detach(self) {
        self.watcher.detach();
    }
}

impl fmt::Debug for LoopWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopWaker").field("heard", &!self.0.is_mute()).finish()
    }
}

impl fmt::Debug for WakeWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeWatcher").field("watching", &self.is_watching()).finish()
    }
}

/// What the threads share.
struct Bell {
    notifier: Notifier,
    /// Wakes that the loop has not taken. Who makes it more than zero rings:
    /// the others need no system call.
    wakes: AtomicU64,
    /// Nobody listens any more.
    mute: AtomicBool,
    /// A forked child shares the descriptor, but not the count.
    lineage: Lineage,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let notifier = Notifier::new()?;
        let (wakes, mute) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { notifier, wakes, mute, lineage: Lineage::here() })
    }

    fn is_mute(&self) -> bool {
        self.mute.load(Ordering::Acquire)
    }

    fn ring(&self) -> Result<(), LoopClosed> {
        if self.is_mute() || !self.lineage.is_here() {
            return Err(LoopClosed);
        }
        if self.wakes.fetch_add(1, Ordering::AcqRel) == 0 {
            // Fails only with a full count, which is as loud.
            let _ = self.notifier.ring();
        }
        Ok(())
    }

    /// A wake that comes after the count was taken finds zero, and rings again:
    /// a new edge, for which the bell need not be silenced. (A forked child
    /// that did would take the parent's ring.) Levels must be, and before.
    fn take(&self, silence: bool) -> u64 {
        if silence {
            self.notifier.take();
        }
        self.wakes.swap(0, Ordering::AcqRel)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.notifier.as_fd()
    }
}

/// Held by the callback: when it is dropped, for whatever reason, wakers are told.
struct Mute(Arc<Bell>);

impl Drop for Mute {
    fn drop(&mut self) {
        self.0.mute.store(true, Ordering::Release);
    }
}
