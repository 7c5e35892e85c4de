//! `event`: one registration of one descriptor, and the trampoline that C calls.

use std::io;
use std::os::fd::RawFd;
use std::os::raw::{c_short, c_void};
use std::ptr::NonNull;
use std::rc::Rc;

use bitflags::bitflags;
use libevent_sys as ffi;

use super::RawBase;

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

/// Owner of one persistent `event`. Its closure runs only under the loop.
pub(crate) struct RawEvent {
    ptr: NonNull<ffi::event>,
    fd: RawFd,
    slot: Rc<Slot>,
}

/// What the trampoline finds behind the argument that C carries.
struct Slot {
    base: Rc<RawBase>,
    call: Box<dyn Fn(What)>,
}

impl RawEvent {
    /// `event_new`, not yet waiting for anything.
    pub(crate) fn new(base: &Rc<RawBase>, fd: RawFd, call: Box<dyn Fn(What)>) -> io::Result<Self> {
        let slot = Rc::new(Slot { base: base.clone(), call });
        let arg = Rc::as_ptr(&slot).cast_mut().cast::<c_void>();
        // SAFETY: [BASE-OUTLIVES] the slot holds the base; [SLOT-HELD] `arg`
        // lives until `drop` has deleted the event.
        let ptr =
            unsafe { ffi::event_new(base.as_ptr(), fd, ffi::EV_PERSIST, Some(trampoline), arg) };
        let ptr = NonNull::new(ptr).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { ptr, fd, slot })
    }

    /// Waits for `what` from now on, and for nothing else. On failure, for nothing.
    pub(crate) fn listen(&self, what: What) -> io::Result<()> {
        self.register(what, 0)
    }

    /// As `listen`, for what the loop itself needs: C's `event_base_dispatch`
    /// returns when nothing else is left, and `turn` does not for this alone.
    pub(crate) fn listen_unseen(&self, what: What) -> io::Result<()> {
        self.register(what, if self.slot.base.is_foreign() { ffi::EVLIST_INTERNAL } else { 0 })
    }

    fn register(&self, what: What, mark: c_short) -> io::Result<()> {
        self.silence();
        let arg = Rc::as_ptr(&self.slot).cast_mut().cast::<c_void>();
        let (event, base) = (self.ptr.as_ptr(), self.slot.base.as_ptr());
        let flags = what.bits() | ffi::EV_PERSIST;
        // SAFETY: [SLOT-HELD] as in `new`; the event was just deleted, which
        // `event_assign` asks for.
        let _ = unsafe { ffi::event_assign(event, base, self.fd, flags, Some(trampoline), arg) };
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
        unsafe { ffi::event_active(self.ptr.as_ptr(), ffi::EV_READ.into(), 1) };
    }

    /// `event_del`: not told of anything until `listen`, not even of what the
    /// running batch has already found. Failures mean that the kernel forgot
    /// the descriptor first, which is as good.
    pub(crate) fn silence(&self) {
        // A forked child shares the parent's kernel set: deleting here would
        // delete there.
        if !self.slot.base.is_here() {
            return;
        }
        // SAFETY: [BASE-OUTLIVES] event and base are live.
        let _ = unsafe { ffi::event_del(self.ptr.as_ptr()) };
    }
}

impl Drop for RawEvent {
    fn drop(&mut self) {
        // As in `silence`; the few bytes are the child's to lose.
        if !self.slot.base.is_here() {
            return;
        }
        // SAFETY: [DEL-BEFORE-CLOSE] deletes, then frees, once; the slot (and
        // with it the base) is dropped only after this.
        unsafe { ffi::event_free(self.ptr.as_ptr()) };
    }
}

extern "C" fn trampoline(_fd: ffi::evutil_socket_t, what: c_short, arg: *mut c_void) {
    let arg = arg.cast_const().cast::<Slot>();
    // SAFETY: [SLOT-HELD] the event is registered, so its owner holds the slot.
    unsafe { Rc::increment_strong_count(arg) };
    // SAFETY: [SLOT-HELD] takes over the count of the line above.
    let slot = unsafe { Rc::from_raw(arg) };
    let base = slot.base.clone();
    // [NO-UNWIND] also for the captures, should this be the last hold on them.
    base.contain(move || (slot.call)(What::from_bits_retain(what)));
    // Only a loop that C drives can lose its last hold in a callback; freeing
    // the base under the running C loop is not survivable, a leak is.
    if Rc::strong_count(&base) == 1 {
        base.abandon();
    }
}
