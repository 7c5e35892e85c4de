//! `event_base`: the one owner of libevent's loop, and the slot that a panic
//! waits in until C has been left.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::rc::Rc;

use libevent_sys as ffi;

use super::{Forked, Lineage, RawConfig, RawEvent, log};

type Payload = Box<dyn Any + Send>;

/// Owner of one `event_base`. Everything made on it holds an `Rc` to it.
pub(crate) struct RawBase {
    ptr: NonNull<ffi::event_base>,
    /// Whether C made it, and may drive it.
    foreign: bool,
    /// Whether `event_base_free` is ours to call.
    owned: Cell<bool>,
    /// What becomes of a panic when C drives and there is no Rust to return to.
    abort_on_panic: bool,
    /// The first panic of a callback, until the loop call has returned.
    panic: Cell<Option<Payload>>,
    /// Whether `event_base_loop` of ours is on the stack.
    turning: Cell<bool>,
    /// Trampolines on the stack.
    inside: Cell<u32>,
    /// Calls of trampolines.
    dispatched: Cell<u64>,
    /// The process whose kernel objects these are.
    lineage: Lineage,
    /// Events whose owners let go of them in a forked child. Without `reinit`
    /// they stay there, and the base with them: it is not freed there anyway.
    orphans: RefCell<Vec<RawEvent>>,
}

impl RawBase {
    /// `event_base_new_with_config`. The error says that no method was left
    /// when the configuration rules out all of them.
    pub(crate) fn new(config: &RawConfig) -> io::Result<Rc<Self>> {
        log::install();
        find_room()?;
        // SAFETY: [ONE-OWNER] the configuration is live for the call.
        let ptr = unsafe { ffi::event_base_new_with_config(config.as_ptr()) };
        // libevent leaves errno alone when it is the configuration that
        // excludes every method, so an old errno must not be blamed.
        let ptr = NonNull::new(ptr).ok_or_else(no_base)?;
        Ok(Rc::new(Self::of(ptr, false, true, false)))
    }

    /// A base of C's making, under the promise of `ForeignBase`.
    pub(super) fn adopt(
        ptr: NonNull<ffi::event_base>,
        owned: bool,
        abort_on_panic: bool,
    ) -> Rc<Self> {
        Rc::new(Self::of(ptr, true, owned, abort_on_panic))
    }

    fn of(ptr: NonNull<ffi::event_base>, foreign: bool, owned: bool, abort_on_panic: bool) -> Self {
        Self {
            ptr,
            foreign,
            owned: Cell::new(owned),
            abort_on_panic,
            panic: Cell::new(None),
            turning: Cell::new(false),
            inside: Cell::new(0),
            dispatched: Cell::new(0),
            lineage: Lineage::here(),
            orphans: RefCell::default(),
        }
    }

    /// Leaves the base to itself, never to be freed.
    pub(super) fn abandon(&self) {
        self.owned.set(false);
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::event_base {
        self.ptr.as_ptr()
    }

    pub(crate) fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// The name of the system call behind the loop, by `event_base_get_method`.
    pub(crate) fn method(&self) -> &'static str {
        // SAFETY: [BASE-OUTLIVES] the base lives as long as `self`.
        let name = unsafe { ffi::event_base_get_method(self.as_ptr()) };
        // SAFETY: [STATIC-TEXT] a literal of the backend's description.
        let name = unsafe { CStr::from_ptr(name) };
        name.to_str().unwrap_or("unknown")
    }

    /// Whether the backend can report edges, by `event_base_get_features`.
    pub(crate) fn has_edges(&self) -> bool {
        // SAFETY: [BASE-OUTLIVES] the base lives as long as `self`.
        let features = unsafe { ffi::event_base_get_features(self.as_ptr()) };
        features & ffi::EV_FEATURE_ET as libc::c_int != 0
    }

    /// How many events have called back so far.
    pub(crate) fn dispatched(&self) -> u64 {
        self.dispatched.get()
    }

    /// Whether this process made the base (or reinitialised it after a fork).
    pub(crate) fn is_here(&self) -> bool {
        self.lineage.is_here()
    }

    /// One turn of `event_base_loop`: waits if told to, dispatches one batch.
    /// A panic of a callback comes out of here.
    pub(crate) fn turn(&self, wait: bool) -> io::Result<()> {
        let nonblock = if wait { 0 } else { ffi::EVLOOP_NONBLOCK };
        let flags = ffi::EVLOOP_ONCE | ffi::EVLOOP_NO_EXIT_ON_EMPTY | nonblock;
        self.turning.set(true);
        // SAFETY: [BASE-OUTLIVES] live; [ONE-THREAD] this is its thread; the
        // reactor refuses to nest turns.
        let result = unsafe { ffi::event_base_loop(self.as_ptr(), flags) };
        self.turning.set(false);
        self.resume();
        match result {
            -1 if self.foreign => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "event_base_loop: C runs this base already, or its backend has failed",
            )),
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Re-raises the panic that a callback left, now that no C is on the stack.
    pub(crate) fn resume(&self) {
        if let Some(payload) = self.panic.take() {
            resume_unwind(payload);
        }
    }

    /// Whether the running turn is ours. If not, C drives.
    pub(crate) fn is_turning(&self) -> bool {
        self.turning.get()
    }

    /// Whether a callback of this base is on the stack.
    pub(crate) fn is_inside(&self) -> bool {
        self.inside.get() > 0
    }

    /// Ends the running `event_base_loop` after the running callback; the rest
    /// of its batch stays active for the next turn.
    pub(crate) fn interrupt(&self) {
        // SAFETY: [BASE-OUTLIVES] live; [ONE-THREAD] on its thread.
        let _ = unsafe { ffi::event_base_loopbreak(self.as_ptr()) };
    }

    /// Runs `f` so that no panic leaves it: the payload is parked and the turn
    /// is ended. The first payload wins; a later one is forgotten, because
    /// dropping it could panic again.
    pub(super) fn contain(&self, f: impl FnOnce()) {
        self.dispatched.set(self.dispatched.get() + 1);
        self.inside.set(self.inside.get() + 1);
        let result = catch_unwind(AssertUnwindSafe(f));
        self.inside.set(self.inside.get() - 1);
        let Err(payload) = result else {
            return;
        };
        if self.abort_on_panic && !self.turning.get() {
            std::process::abort();
        }
        match self.panic.take() {
            Some(first) => {
                self.panic.set(Some(first));
                std::mem::forget(payload);
            }
            None => self.panic.set(Some(payload)),
        }
        self.interrupt();
    }

    /// Keeps an event that must not be deleted before `reinit`.
    pub(super) fn keep_orphan(&self, event: RawEvent) {
        self.orphans.borrow_mut().push(event);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn has_orphans(&self) -> bool {
        !self.orphans.borrow().is_empty()
    }

    /// `event_reinit`: a new kernel set with every event added to it again. For
    /// a freshly forked child only: it closes descriptors twice, which is safe
    /// where no other thread can have opened one in between. The set is a new
    /// one also if something could not be added to it.
    ///
    /// To be called after [`part_from_parent`](Self::part_from_parent).
    pub(crate) fn reinit(&self, _child: &Forked) -> io::Result<()> {
        self.lineage.renew();
        // Deleted now, for a new set refuses those that are closed.
        let orphans = self.orphans.take();
        drop(orphans);
        // SAFETY: [BASE-OUTLIVES] live; [NOT-INSIDE] the reactor refuses this
        // in a callback.
        match unsafe { ffi::event_reinit(self.as_ptr()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for RawBase {
    fn drop(&mut self) {
        // In a forked child `event_base_free` would delete the parent's
        // registrations from the set that both share: leave it be.
        if !self.owned.get() || !self.is_here() {
            return;
        }
        // SAFETY: [BASE-OUTLIVES] nothing made on the base is left: each holds
        // an `Rc` of `self`. [NOT-INSIDE] a running turn holds one as well.
        unsafe { ffi::event_base_free(self.as_ptr()) };
    }
}

/// Tries whether there are descriptors for a base: its set and its pair for
/// signals. Without the first libevent takes a lesser backend, and without the
/// second it ends the process (H22). A thread that takes them in between is
/// not to be helped.
fn find_room() -> io::Result<()> {
    let pair = UnixStream::pair()?;
    let _set = pair.0.try_clone()?;
    Ok(())
}

fn no_base() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "event_base_new_with_config: no backend of this system fits the configuration, \
         or no descriptor or memory is left for it",
    )
}
