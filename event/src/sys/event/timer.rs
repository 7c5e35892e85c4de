//! `event_add` with a time and without a descriptor: the alarm of a system that
//! has no descriptor for it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use libevent_sys as ffi;

use super::{RawEvent, What};
use crate::sys::RawBase;

/// Some backends take no longer time, and one that rings too early is set anew.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl RawEvent {
    /// `event_assign`, not yet waiting for its time. As after `listen_unseen`,
    /// C's loop does not wait for it alone.
    pub(crate) fn timer<F: Fn(What) + 'static>(base: &Rc<RawBase>, call: F) -> io::Result<Self> {
        let timer = Self::new(base, -1, call)?;
        let event = timer.0.event();
        // SAFETY: [SLOT-HELD] assigned by `new`.
        let call = unsafe { ffi::event_get_callback(event) };
        // SAFETY: [SLOT-HELD] assigned by `new`.
        let arg = unsafe { ffi::event_get_callback_arg(event) };
        // SAFETY: [SLOT-HELD] as in `new`, and never added. Without EV_PERSIST:
        // that would ring again and again.
        let _ = unsafe { ffi::event_assign(event, base.as_ptr(), -1, 0, call, arg) };
        let mark = if base.is_foreign() { ffi::EVLIST_INTERNAL } else { 0 };
        // SAFETY: [ONE-OWNER] ours, live, assigned by the line above and not yet added.
        unsafe { (*event).ev_evcallback.evcb_flags |= mark };
        Ok(timer)
    }

    /// Calls back once, after so long (or a day, if that is less), and not when
    /// it was to before.
    pub(crate) fn ring_after(&self, time: Duration) -> io::Result<()> {
        let time = timeval(time.min(LONGEST));
        // SAFETY: [BASE-OUTLIVES] event and base are live; [OWN-MEMORY] the
        // time lives for the call.
        match unsafe { ffi::event_add(self.0.event(), &raw const time) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Rounded up: it is not to ring early.
fn timeval(time: Duration) -> libc::timeval {
    let micros = time.as_nanos().div_ceil(1000);
    libc::timeval { tv_sec: (micros / 1_000_000) as _, tv_usec: (micros % 1_000_000) as _ }
}
