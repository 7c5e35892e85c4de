//! `event`: one registration of one descriptor, and the trampoline that C calls.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::os::raw::{c_short, c_void};
use std::rc::Rc;

use bitflags::bitflags;
use libevent_sys as ffi;

use super::RawBase;

#[cfg(any(event_portable, not(any(target_os = "linux", target_os = "android"))))]
mod timer;

bitflags! {
    /// What an event waits for, and what libevent reports of it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct What: c_short {
        const READ = ffi::EV_READ;
        const WRITE = ffi::EV_WRITE;
        const CLOSED = ffi::EV_CLOSED;
        const EDGE = ffi::EV_ET;
    }
}

/// What owns an event, and is called by it.
pub(crate) trait Report {
    fn base(&self) -> &Rc<RawBase>;
    /// Runs only under the loop.
    fn report(slot: &Slot<Self>, what: What)
    where
        Self: Sized;
}

/// One persistent `event` and its owner, which the trampoline finds behind the
/// argument that C carries: in one allocation, of which an idle connection has
/// one. Whoever is done with it [lets it go](Self::let_go).
pub(crate) struct Slot<T: Report + ?Sized> {
    event: UnsafeCell<MaybeUninit<ffi::event>>,
    owner: T,
}

impl<T: Report + 'static> Slot<T> {
    /// `event_assign`, not yet waiting for anything.
    pub(crate) fn new(fd: RawFd, owner: T) -> io::Result<Rc<Self>> {
        let event = UnsafeCell::new(MaybeUninit::zeroed());
        let slot = Rc::new(Self { event, owner });
        let (base, call) = (slot.base().as_ptr(), Some(trampoline::<T> as _));
        let arg = Rc::as_ptr(&slot).cast_mut().cast::<c_void>();
        // SAFETY: [BASE-OUTLIVES] the owner holds the base; [SLOT-HELD] event
        // and `arg` stay where they are until `drop` has deleted the event.
        match unsafe { ffi::event_assign(slot.event(), base, fd, ffi::EV_PERSIST, call, arg) } {
            0 => Ok(slot),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Deletes the event for good. In a forked child libevent has it in its
    /// lists still, and so it must stay.
    pub(crate) fn let_go(self: Rc<Self>) {
        drop(RawEvent(self));
    }
}

impl<T: Report + ?Sized> Slot<T> {
    fn event(&self) -> *mut ffi::event {
        self.event.get().cast()
    }

    /// Waits for `what` from now on, and for nothing else. On failure, for nothing.
    pub(crate) fn listen(&self, what: What) -> io::Result<()> {
        self.register(what, 0)
    }

    /// As `listen`, for what the loop itself needs: C's `event_base_dispatch`
    /// returns when nothing else is left, and `turn` does not for this alone.
    pub(crate) fn listen_unseen(&self, what: What) -> io::Result<()> {
        self.register(what, if self.base().is_foreign() { ffi::EVLIST_INTERNAL } else { 0 })
    }

    fn register(&self, what: What, mark: c_short) -> io::Result<()> {
        self.silence();
        let (event, base) = (self.event(), self.base().as_ptr());
        // SAFETY: [SLOT-HELD] assigned by `new`.
        let fd = unsafe { ffi::event_get_fd(event) };
        // SAFETY: [SLOT-HELD] assigned by `new`.
        let call = unsafe { ffi::event_get_callback(event) };
        // SAFETY: [SLOT-HELD] assigned by `new`.
        let arg = unsafe { ffi::event_get_callback_arg(event) };
        let flags = what.bits() | ffi::EV_PERSIST;
        // SAFETY: [SLOT-HELD] as in `new`; the event was just deleted, which
        // `event_assign` asks for.
        let _ = unsafe { ffi::event_assign(event, base, fd, flags, call, arg) };
        // SAFETY: [ONE-OWNER] ours, live, assigned by the line above and not yet added.
        unsafe { (*event).ev_evcallback.evcb_flags |= mark };
        // SAFETY: [BASE-OUTLIVES] event and base are live.
        match unsafe { ffi::event_add(event, std::ptr::null()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// `event_active`: is called in the running batch.
    pub(crate) fn activate(&self) {
        // SAFETY: [BASE-OUTLIVES] event and base are live.
        unsafe { ffi::event_active(self.event(), ffi::EV_READ.into(), 1) };
    }

    /// `event_del`: not told of anything until `listen`, not even of what the
    /// running batch has already found. Failures mean that the kernel forgot
    /// the descriptor first, which is as good.
    pub(crate) fn silence(&self) {
        // A forked child shares the parent's kernel set: deleting here would
        // delete there.
        if !self.base().is_here() {
            return;
        }
        // SAFETY: [BASE-OUTLIVES] event and base are live.
        let _ = unsafe { ffi::event_del(self.event()) };
    }
}

impl<T: Report + ?Sized> Deref for Slot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.owner
    }
}

impl<T: Report + ?Sized> Drop for Slot<T> {
    fn drop(&mut self) {
        // SAFETY: [SLOT-HELD] zeroed or assigned, by `new`.
        if unsafe { ffi::event_initialized(self.event()) } == 0 {
            return;
        }
        self.silence();
        // SAFETY: [DEL-BEFORE-CLOSE] deleted; libevent's debug mode forgets it.
        unsafe { ffi::event_debug_unassign(self.event()) };
    }
}

/// Owner of an event that calls a closure, whichever.
pub(crate) struct RawEvent(Rc<Slot<dyn Report>>);

struct Closure<F> {
    base: Rc<RawBase>,
    call: F,
}

impl<F: Fn(What)> Report for Closure<F> {
    fn base(&self) -> &Rc<RawBase> {
        &self.base
    }

    fn report(slot: &Slot<Self>, what: What) {
        (slot.call)(what);
    }
}

impl RawEvent {
    /// As [`Slot::new`].
    pub(crate) fn new<F: Fn(What) + 'static>(
        base: &Rc<RawBase>,
        fd: RawFd,
        call: F,
    ) -> io::Result<Self> {
        Ok(Self(Slot::new(fd, Closure { base: base.clone(), call })?))
    }
}

impl Deref for RawEvent {
    type Target = Slot<dyn Report>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for RawEvent {
    fn drop(&mut self) {
        // The memory goes with the last hold, which may be the trampoline's.
        match self.base().is_here() {
            true => self.silence(),
            false => self.base().keep_orphan(Self(self.0.clone())),
        }
    }
}

extern "C" fn trampoline<T: Report>(_fd: ffi::evutil_socket_t, what: c_short, arg: *mut c_void) {
    let arg = arg.cast_const().cast::<Slot<T>>();
    // SAFETY: [SLOT-HELD] the event is registered, so its owner holds the slot.
    unsafe { Rc::increment_strong_count(arg) };
    // SAFETY: [SLOT-HELD] takes over the count of the line above.
    let slot = unsafe { Rc::from_raw(arg) };
    let base = slot.base().clone();
    // In a forked child C may drive what Rust refuses to.
    if !base.is_here() {
        return;
    }
    // [NO-UNWIND] also for the captures, should this be the last hold on them.
    base.contain(move || T::report(&slot, What::from_bits_retain(what)));
    // Only a loop that C drives can lose its last hold in a callback; freeing
    // the base under the running C loop is not survivable, a leak is.
    if Rc::strong_count(&base) == 1 {
        base.abandon();
    }
}
