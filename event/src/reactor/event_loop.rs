//! The loop.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use super::builder::Builder;
use super::clock::{Clock, nanos};
use super::core::{Core, Wait};
use super::handle::LoopHandle;
use super::remote::Remote;
use crate::sys::{ForeignBase, Forked};

/// What a panic in a callback does while C drives the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPanic {
    /// The process is aborted: there is no Rust to return to.
    Abort,
    /// C's loop is ended, and the panic waits for [`EventLoop::resume_panic`].
    Park,
}

/// An event loop: an owned `event_base`, and the order in which it runs things.
///
/// Everything is registered through a [`LoopHandle`]. The loop and its objects
/// stay on one thread; only a [`Remote`] crosses over. When the loop is dropped
/// all that is registered is dropped with it, and handles that are left yield
/// errors.
///
/// Each turn runs descriptors first, then due timers, then what was deferred,
/// then jobs of other threads. A panic in a callback comes out of `run*`; the
/// loop can be run again, and nothing else of the batch is lost.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let events = event::EventLoop::new()?;
/// let timer = events.handle().timer_after(Duration::from_millis(1), || println!("tick"))?;
/// events.run()?; // returns: nothing is registered any more
/// assert!(!timer.is_pending());
/// # Ok(()) }
/// ```
///
/// It cannot be sent to another thread:
///
/// ```compile_fail,E0277
/// let events = event::EventLoop::new().unwrap();
/// std::thread::spawn(move || events.run());
/// ```
///
/// ```compile_fail,E0277
/// fn shared_between_threads<T: Sync>() {}
/// shared_between_threads::<event::EventLoop>();
/// ```
pub struct EventLoop(Rc<Core>);

impl EventLoop {
    /// A loop with the system's best backend (`event_base_new_with_config(3)`).
    ///
    /// # Errors
    ///
    /// What the system says if descriptors or memory run out.
    pub fn new() -> io::Result<Self> {
        Builder::default().build()
    }

    /// Options first.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn from_core(core: Rc<Core>) -> Self {
        Self(core)
    }

    /// A loop on a base of C's making: callbacks, timers and futures run while
    /// C drives it with `event_base_loop(3)`, or while `run*` does.
    ///
    /// C's `event_base_dispatch(3)` returns when neither C nor Rust has anything
    /// left to wait for; a [`stop`](LoopHandle::stop) ends it as
    /// `event_base_loopbreak(3)` does. `run*` looks at what Rust has registered
    /// only; C's events are dispatched meanwhile.
    ///
    /// While C drives, a panic in a callback aborts the process with
    /// [`OnPanic::Abort`]. With [`OnPanic::Park`] it ends C's loop (as
    /// `event_base_loopbreak(3)` does) and waits for [`resume_panic`](Self::resume_panic).
    /// A panic while `run*` drives comes out of `run*` in either case.
    ///
    /// # Errors
    ///
    /// What the system says if descriptors or memory run out.
    pub fn adopt(base: ForeignBase, on_panic: OnPanic) -> io::Result<Self> {
        let base = base.adopt(on_panic == OnPanic::Abort);
        let core = Core::new(base, Clock::Monotonic, Duration::ZERO)?;
        core.be_eager();
        Ok(Self(core))
    }

    /// Resumes a panic that was parked while C drove the loop. To be called
    /// when `event_base_loop(3)` has returned.
    ///
    /// # Panics
    ///
    /// If there is one.
    pub fn resume_panic(&self) {
        self.0.base().resume();
    }

    /// A descriptor that is readable while the loop has something to do, for
    /// another loop to wait on: it then calls [`run_once`](Self::run_once) with
    /// a zero timeout. One call is enough if that loop goes by levels; if it
    /// goes by edges, it calls until 0 comes back. The descriptor stays the same
    /// as long as the loop lives.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] unless the backend is `epoll`, and with
    /// the test clock, for which nobody can wait; what the system says if
    /// descriptors run out.
    pub fn pollable(&self) -> io::Result<BorrowedFd<'_>> {
        self.0.pollable()
    }

    /// Makes the loop usable in a forked child, with kernel objects of its own
    /// (`event_reinit(3)`); the parent's are left alone. Without this the
    /// child's use of the loop and of its handles is refused.
    ///
    /// What was registered before the fork is registered here too. Its open
    /// files are shared with the parent, whoever reads first has the bytes; a
    /// [`LoopWaker`](crate::LoopWaker) made before the fork is refused for good.
    ///
    /// # Errors
    ///
    /// What the system says if descriptors or memory run out;
    /// [`io::ErrorKind::ResourceBusy`] in a child that was forked in a callback.
    pub fn reinit_after_fork(&self, child: Forked) -> io::Result<()> {
        self.0.reinit_after_fork(&child)
    }

    /// The handle to register things with.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::new(self.0.clone())
    }

    /// The handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(self.0.remote().clone())
    }

    /// The backend's name (`event_base_get_method(3)`): `"epoll"` on Linux.
    pub fn backend(&self) -> &'static str {
        self.0.base().method()
    }

    /// Runs until nothing is registered any more, or `stop`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::ResourceBusy`] inside a callback of the same loop; an
    /// error in a forked child; what the backend's system call says.
    ///
    /// # Panics
    ///
    /// Resumes the panic of a callback.
    pub fn run(&self) -> io::Result<()> {
        self.run_while(|core| core.live() > 0)
    }

    /// Runs until `stop`, also with nothing registered.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_forever(&self) -> io::Result<()> {
        self.run_while(|_| true)
    }

    fn run_while(&self, mut go_on: impl FnMut(&Core) -> bool) -> io::Result<()> {
        let _running = self.0.enter()?;
        let _current = self.handle().make_current();
        while !self.0.remote().take_stop() && go_on(&self.0) {
            self.0.turn(Wait::Forever)?;
        }
        Ok(())
    }

    /// Runs for so long on the loop's clock, or until `stop`; also with nothing
    /// registered. A duration beyond the clock's range is for ever.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_for(&self, duration: Duration) -> io::Result<()> {
        let _running = self.0.enter()?;
        let _current = self.handle().make_current();
        let wait = self.wait_for(duration);
        while !self.0.remote().take_stop() {
            self.0.turn(wait)?;
            if self.is_over(wait) {
                break;
            }
        }
        Ok(())
    }

    /// Waits until something was dispatched, at most for `timeout` (`None`: as
    /// long as anything is registered), and returns how many callbacks ran.
    /// Also returns when stopped or woken. With a zero timeout it looks once
    /// and never waits.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_once(&self, timeout: Option<Duration>) -> io::Result<usize> {
        let _running = self.0.enter()?;
        let _current = self.handle().make_current();
        let wait = timeout.map_or(Wait::Forever, |timeout| self.wait_for(timeout));
        let before = self.0.tally.callbacks.get();
        loop {
            let idle = timeout.is_none() && self.0.live() == 0;
            self.0.turn(if idle { Wait::Never } else { wait })?;
            let ran = self.0.tally.callbacks.get() - before;
            let ended = self.0.remote().take_stop() | self.0.remote().take_wake();
            if ran > 0 || idle || ended || self.is_over(wait) {
                return Ok(usize::try_from(ran).unwrap_or(usize::MAX));
            }
        }
    }

    fn wait_for(&self, duration: Duration) -> Wait {
        if duration.is_zero() {
            return Wait::Never;
        }
        let deadline = nanos(duration).and_then(|nanos| self.0.clock.now().checked_add(nanos));
        deadline.map_or(Wait::Forever, Wait::Until)
    }

    fn is_over(&self, wait: Wait) -> bool {
        match wait {
            Wait::Never => true,
            Wait::Until(deadline) => self.0.clock.now() >= deadline,
            Wait::Forever => false,
        }
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("backend", &self.backend())
            .field("live", &self.0.live())
            .finish()
    }
}
